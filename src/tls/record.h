/* Octets of one direction to TLS records (RFC 8446 5.1), and, when octets are missing, where the
 * next record begins (capture-layer 6.8). Knows nothing of what is in them. */
#ifndef H2DUMP_TLS_RECORD_H
#define H2DUMP_TLS_RECORD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/stream.h"

enum record_type {
    RECORD_CHANGE_CIPHER_SPEC = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_DATA = 23,
};

#define RECORD_HEADER_LEN 5
/* RFC 5246 6.2.3: 2^14 + 2048; TLS 1.3 has less. */
#define RECORD_PAYLOAD_MAX (16384 + 2048)

struct record {
    uint8_t header[RECORD_HEADER_LEN];
    uint8_t type;        /* the header's */
    struct span payload; /* borrowed for the call */
    bool holed;          /* octets of the payload are missing; zeros stand for them */
    size_t whole_from;   /* holed: behind this all are there */
    struct pos pos;      /* of its last octet, since its first */
};

/* Octets that no record could be made of. */
struct record_hole {
    uint64_t octets;          /* as many, headers included */
    bool end;                 /* nothing comes behind it */
    struct pos before, after; /* packet 0: none */
};

/* What is told, in the order of the octets. Both return enum sink_answer or negative rc. */
struct record_events {
    int (*record)(void *ctx, unsigned side, const struct record *record);
    int (*hole)(void *ctx, unsigned side, const struct record_hole *hole);
};

/* The records of one direction. Zeroed but for records_init. */
struct records {
    struct mem *mem;
    const struct record_events *events;
    void *ctx;
    unsigned side;
    uint8_t header[RECORD_HEADER_LEN]; /* of the record under way */
    size_t header_len;                 /* octets of it that are there */
    struct buf payload;
    size_t missing;    /* of payload: octets for which zeros stand … */
    size_t whole_from; /* … the last before here */
    struct pos since, newest;
    bool searching; /* a header is looked for in what is kept */
    bool no_memory; /* the payload under way is not kept: it counts as missing */
    size_t seen;    /* no_memory: octets of the payload so far */
    struct record_hole hole;
    struct buf kept;   /* searching: octets not yet passed over */
    struct buf pieces; /* searching: where they come from */
};

void records_init(struct records *records, struct mem *mem, const struct record_events *events,
                  void *ctx, unsigned side);
void records_fini(struct records *records);

/* As the calls of struct stream_sink_ops. */
int records_bytes(struct records *records, struct span octets, const struct pos *pos);
int records_gap(struct records *records, uint64_t len, const struct pos *before,
                const struct pos *after);
/* No octet will follow: what is under way is told as a hole. */
int records_end(struct records *records);

#endif
