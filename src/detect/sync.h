/* Where does a frame begin: finds the first true frame header in octets whose framing is unknown
 * (capture-layer 4.4). One struct sync a direction and search; streaming, bounded. The octets stay
 * the caller's, who holds the newest of them (hold.h) and shows them again with every call. Knows
 * frame headers and HPACK's syntax, no session.
 *
 * What the rules accept is only likely at first: it is found when 16 frames have followed from one
 * another, when the other direction has a boundary, too, or when the octets end. A likely start
 * that runs into what is no frame is dropped, and the search has gone on beside it all the time.
 * Nothing is handed on before that, so no field that was shown has ever to be taken back. */
#ifndef H2DUMP_DETECT_SYNC_H
#define H2DUMP_DETECT_SYNC_H

#include "base/mem.h"
#include "base/stream.h"

struct sync;

enum sync_status {
    SYNC_SEARCHING, /* show more */
    SYNC_LIKELY,    /* a start that the rules accept and too few frames confirm */
    SYNC_FOUND,     /* sync_boundary() tells where */
    SYNC_GAVE_UP,   /* octets_max were looked at in vain */
};

struct sync_options {
    uint64_t start_off;  /* the offset at which the search begins */
    uint64_t octets_max; /* so many octets are looked at; LIMIT_SYNC_OCTETS */
    uint32_t length_max; /* the longest payload the receiver takes; 0: 16384, what every one does */
};

/* NULL when memory is out. */
struct sync *sync_new(struct mem *mem, const struct sync_options *options) H2D_MUST_CHECK;
void sync_free(struct sync *sync);

/* Looks at the octets that are new. window: what the caller holds, the first of them at offset
 * base; it begins no later than LIMIT_SYNC_REPLAY_OCTETS before its end, unless it begins where the
 * search did. segment_start: the first of the new octets begins a TCP segment (rule B). */
enum sync_status sync_look(struct sync *sync, struct span window, uint64_t base,
                           bool segment_start);

/* The other direction has a boundary (or no longer): then two frames with one that chance rarely
 * makes are likely. Returns what that changes. */
enum sync_status sync_help(struct sync *sync, bool helped);

/* No more octets will come behind those last shown: SYNC_FOUND when what there is settles it: what
 * is likely, or a chain that begins a segment, holds a good HEADERS and runs to the end. May be
 * asked again after sync_help(). */
enum sync_status sync_end(struct sync *sync, struct span window, uint64_t base);

/* Makes what is likely found; returns what has become of it. */
enum sync_status sync_confirm(struct sync *sync);

/* After SYNC_FOUND: the offset of the boundary, at or behind base of the last window. */
uint64_t sync_boundary(const struct sync *sync);

/* Octets looked at so far. */
uint64_t sync_looked(const struct sync *sync);

/* After SYNC_LIKELY or SYNC_FOUND: DIR_C2S when the frames are a client's, DIR_S2C when they are a
 * server's, -1 when they do not tell. */
int sync_sender(const struct sync *sync);

#endif
