/* Is a connection whose beginning is missing HTTP/2? Searches both sides for frame boundaries at
 * once (capture-layer 4.4), each helped by what the other one finds, and tells who is the client.
 * The octets are in the caller's hold; those that are too old to be shown are dropped from it. */
#ifndef H2DUMP_DETECT_JOIN_H
#define H2DUMP_DETECT_JOIN_H

#include "detect/hold.h"
#include "spec/connection.h"

struct join;

enum join_status {
    JOIN_SEARCHING,
    JOIN_HTTP2,   /* join_result() tells where the frames begin */
    JOIN_NOTHING, /* enough was looked at in vain */
    JOIN_NOMEM,
};

/* sync_octets: so many octets a side are looked at. persistent: it is HTTP/2 whatever is seen, so
 * the search begins anew behind what was looked at. The hold is empty. NULL: memory is out. */
struct join *join_new(struct mem *mem, struct hold *hold, uint64_t sync_octets,
                      bool persistent) H2D_MUST_CHECK;
void join_free(struct join *join);

/* Octets of a side were added to the hold; segment_start: the first of them begins a segment. */
enum join_status join_bytes(struct join *join, unsigned side, bool segment_start);

/* len octets are missing behind what was held of a side. JOIN_HTTP2: the hole is behind frames, and
 * the caller's to tell; else what was held of that side is dropped, the hole with it. */
enum join_status join_gap(struct join *join, unsigned side, uint64_t len);

/* Nothing more will come: JOIN_HTTP2 or JOIN_NOTHING. */
enum join_status join_end(struct join *join);

/* Octets looked at, both sides. */
uint64_t join_looked(const struct join *join);

/* After JOIN_HTTP2: drops from the hold what lies before the boundaries. *client: the side that is
 * the client's, as the frames tell; untouched when they do not. at: by side. */
void join_result(struct join *join, unsigned *client, struct join_point at[2]);

#endif
