/* What the generator's parts share: the state of the pretended peer, and its frame writers. */
#ifndef H2DUMP_TESTS_ORACLE_EMIT_H
#define H2DUMP_TESTS_ORACLE_EMIT_H

#include "fields.h"

/* What the peer believes about a stream. */
struct peer_stream {
    uint32_t id;
    bool own;        /* opened by the local endpoint */
    bool reserved;   /* promised, nothing sent on it yet */
    bool final_sent; /* the request, or a response that is not 1xx */
    bool peer_done, local_done, local_answered;
    const char *method;
    int64_t remain; /* octets of content-length to come; -1: none was said */
};

#define PEER_STREAMS 24

struct peer {
    struct rng rng;
    struct script *script;
    struct encoder encoder;
    struct field_list list;
    struct octets block;
    struct peer_stream streams[PEER_STREAMS];
    size_t stream_count;
    uint32_t next_peer_id, next_own_id;
    uint32_t in_flight;       /* local SETTINGS without ACK */
    uint32_t table_sizes[64]; /* of those, smallest and last; UINT32_MAX: not said */
    uint32_t bad;             /* one frame in so many has a fault; 0: none */
    bool variable;            /* faults may be those that versions judge differently */
    bool big;                 /* large DATA frames */
    bool idle_opens;          /* the one idle stream that PRIORITY_UPDATE names may be opened */
    uint32_t idle_id;
};

bool peer_bad(struct peer *p);
/* Some stream that holds, or NULL. */
struct peer_stream *peer_pick(struct peer *p, bool (*holds)(const struct peer_stream *));
struct peer_stream *peer_add(struct peer *p, uint32_t id, bool own);

void emit_frame(struct peer *p, unsigned type, unsigned flags, uint32_t stream, const void *payload,
                size_t length);
/* A field block of p->list in one frame or several. promised: PUSH_PROMISE when not 0. */
void emit_block(struct peer *p, uint32_t stream, uint32_t promised, bool end_stream);
void emit_data(struct peer *p, uint32_t stream, size_t length, bool end_stream);
void emit_settings(struct peer *p, bool first);
void emit_settings_ack(struct peer *p);
void emit_window_update(struct peer *p, uint32_t stream);
void emit_control(struct peer *p);
void emit_extension(struct peer *p);
void emit_goaway(struct peer *p);
/* A frame of any type with nearly anything in it. */
void emit_wild(struct peer *p);
/* Many of one kind. */
void emit_flood(struct peer *p);

#endif
