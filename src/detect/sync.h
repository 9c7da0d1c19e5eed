/* Where does a frame begin: finds the first true frame header in octets whose framing is unknown
 * (capture-layer 4.4). One struct sync a direction and search; streaming, bounded. Knows frame
 * headers and HPACK's syntax, no session. */
#ifndef H2DUMP_DETECT_SYNC_H
#define H2DUMP_DETECT_SYNC_H

#include "base/mem.h"
#include "base/stream.h"

struct sync;

enum sync_status {
    SYNC_SEARCHING, /* give more */
    SYNC_FOUND,     /* sync_result() tells where, and has the octets from there on */
    SYNC_GAVE_UP,   /* LIMIT_SYNC_OCTETS were looked at in vain */
    SYNC_NOMEM,
};

struct sync *sync_new(struct mem *mem) H2D_MUST_CHECK;
void sync_free(struct sync *sync);

/* Takes the next octets. segment_start: the first of them begins a TCP segment (rule B). *pos is
 * copied with them. */
enum sync_status sync_feed(struct sync *sync, struct span octets, bool segment_start,
                           const struct pos *pos);

/* No more octets will come: settle for what rules A to C allow so far, or for a chain that begins
 * at a segment start, holds a good HEADERS and runs to the end. */
enum sync_status sync_end(struct sync *sync);

/* After SYNC_FOUND: octets passed over, and then, call by call, the kept octets from the frame
 * boundary on, each piece with where it was found. False when there are no more pieces. */
uint64_t sync_skipped(const struct sync *sync);
bool sync_next_piece(struct sync *sync, struct span *octets, struct pos *pos);

#endif
