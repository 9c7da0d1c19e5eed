/* What the files of this room share: a run, its connections, and how a rule is told. check.c hears
 * the events and hands them to the chapters (chk_*.c); held.c keeps findings until they are
 * settled. */
#ifndef H2DUMP_CHECK_CHECK_INT_H
#define H2DUMP_CHECK_CHECK_INT_H

#include "check/check.h"
#include "h2/session.h"
#include "spec/limits.h"

#define MESSAGE_MAX 160
/* Of a SETTINGS frame; more entries than that are a flood. */
#define SETTINGS_LOOKED_AT 32
/* PING ACKs of a side that are remembered. */
#define ACKS_REMEMBERED 4
/* Streams whose requests name an authority that is not the server's. */
#define FOREIGN_MAX 16
/* RST_STREAMs of a side that are remembered. */
#define RESETS_REMEMBERED 4

/* A finding that waits for the other side. */
struct held {
    struct held *next;
    struct finding finding;
    char message[MESSAGE_MAX];
    bool settled;
    bool hidden;      /* nobody asked for it but the reactions */
    bool judge;       /* what the other side does about it is to be judged */
    uint64_t told;    /* h2_session_told() when it was found; 0: not known */
    uint32_t highest; /* stream that the guilty side had opened then */
    uint64_t went_on; /* packet in which the other side answered what came behind it */
    bool has_went_on;
};

/* Where a frame was, for what is told of it later. */
struct frame_place {
    uint64_t offset;
    struct pos first, last;
};

/* A RST_STREAM. */
struct reset {
    uint64_t packet;
    uint32_t stream_id, error_code;
};

/* One direction of a connection, as far as the checks look at it. */
struct check_side {
    uint64_t frames;
    struct pos last; /* of its newest frame */
    bool closed;
    enum close_cause cause;
    uint64_t closed_packet;
    uint32_t open_streams; /* when it closed */
    bool left_open;        /* it closed first, and nobody had said GOAWAY */
    uint32_t highest;      /* stream that it opened */
    uint32_t answered;     /* stream of the other side on which it sent HEADERS */
    bool nearly_out;       /* that its stream identifiers run out was told */
    /* The newest GOAWAY. */
    bool goaway;
    uint32_t goaway_code, goaway_last;
    uint64_t goaway_packet;
    struct reset resets[RESETS_REMEMBERED]; /* the newest, in a ring */
    uint32_t reset_count;
    bool settings_seen, priorities_said; /* a SETTINGS came; one had NO_RFC7540_PRIORITIES */
    bool concurrency_said; /* MAX_CONCURRENT_STREAMS, the newest, and where it stood */
    uint32_t concurrency;
    struct frame_place concurrency_at;
    /* chk_sync.c */
    bool settings_asked; /* its first SETTINGS was */
    /* SETTINGS and PINGs of this side without an ACK, in order. */
    struct question *asked;
    struct question **asked_end;
    uint64_t settings_acks;                  /* it has sent */
    uint64_t settings_ahead;                 /* of them, seen before what they answer */
    uint8_t pings_ahead[ACKS_REMEMBERED][8]; /* the same of PING ACKs: payloads of the newest */
    uint32_t pings_ahead_count;
    uint8_t acks[ACKS_REMEMBERED][8]; /* payloads of its newest PING ACKs */
    uint32_t ack_count;
    bool fatal_goaway; /* a GOAWAY with an error; what was known then */
    bool fatal_told;
    uint64_t fatal_facts;
    uint32_t fatal_highest;
    /* chk_reactions.c */
    bool broke_a_rule;   /* one whose breach is a violation */
    enum check harmless; /* the newest thing of it that a receiver must ignore; CHECK_COUNT: none */
};

struct check_conn {
    struct checker *check;
    struct connection_info info;
    void *next_user, *owner;
    bool begun_late; /* its first octets are not there */
    bool lossy;      /* they, or later ones, are not there */
    bool priority_told, origin_told, opt_out_told;
    bool opted_out; /* the client has acknowledged NO_RFC7540_PRIORITIES=1 */
    bool doomed;    /* a certain connection error that counts came earlier */
    bool fatal;     /* so did one that reactions are judged by */
    bool unnamed;   /* chk_tls.c: the ClientHello named no server, and no request has come */
    /* chk_tls.c: streams with requests for somebody else, the newest; 0: none. */
    uint32_t foreign[FOREIGN_MAX];
    uint32_t foreign_count;
    /* chk_hops.c */
    bool busy, duplicate_told;
    uint32_t ends;                     /* mixed from the addresses; busy only */
    const struct h2_session *requests; /* who receives them; busy only */
    struct check_side sides[2];
    uint32_t question_count;
    bool questions_off;            /* more were open than are kept, or memory was out */
    struct held *held, **held_end; /* in the order in which they were found */
    uint32_t held_count;
};

/* A connection with requests that is not gone. */
struct busy_conn {
    uint32_t ends; /* conn->ends, to tell most apart without looking at them */
    struct check_conn *conn;
};

/* A field that must not be indexed, by its hash, and whose it is now to send on. */
struct never_indexed {
    uint64_t hash, conn;
    struct endpoint to, server;
};

struct checker {
    struct mem *mem;
    struct check_options options;
    struct h2_events next;
    struct held *free;
    struct question *free_questions;
    struct busy_conn *busy; /* LIMIT_CHECK_CONNECTIONS; NULL: nobody asked */
    size_t busy_count;
    struct never_indexed *never; /* LIMIT_CHECK_NEVER_INDEXED; NULL: nobody asked */
    size_t never_count;          /* written so far: a ring */
    bool reactions;              /* a check of chk_reactions.c was asked for */
};

/* What a chapter is given: a frame of direction dir is complete, and told by its session. */
struct at_frame {
    struct check_conn *conn;
    struct h2_session *session;
    enum dir dir;
    const struct h2_frame *frame;
};

/* ---- held.c ---- */

/* Takes a finding: joins it to one of the same frame, keeps it while the other side may react, or
 * hands it on. session: whose finding it is; NULL: nobody's. */
void held_take(struct check_conn *conn, const struct h2_session *session,
               const struct finding *finding);
/* The other side did something. */
void held_frame(const struct at_frame *at);
/* A direction has ended. */
void held_closed(struct check_conn *conn, enum dir dir);
/* Nothing more will come. */
void held_end(struct check_conn *conn);
void held_free(struct checker *check);

/* ---- the chapters ---- */

/* chk_frames.c: what single frames say of themselves. */
void chk_frame(const struct at_frame *at);

/* chk_sync.c: what one side must do once it has read what the other sent. */
void chk_sync_frame(const struct at_frame *at);
void chk_sync_end(struct check_conn *conn);
void chk_sync_free(struct checker *check);

/* chk_reactions.c: whether the other side did its part; all of it is off unless asked for. */
void chk_reactions_take(struct check_conn *conn, const struct h2_session *session,
                        const struct finding *finding);
bool chk_reactions_judge(const struct check_conn *conn, const struct finding *finding);
void chk_reactions_settled(struct check_conn *conn, const struct held *held);
void chk_reactions_frame(const struct at_frame *at);
void chk_reactions_closed(struct check_conn *conn, enum dir dir);

/* chk_tls.c: who the server is, and whom requests are for. */
void chk_authority(const struct at_frame *at);

/* chk_hops.c: what several connections show together. */
void chk_hops_frame(const struct at_frame *at);
void chk_hops_header(const struct at_frame *at, const struct h2_header *header);
void chk_hops_end(struct check_conn *conn);

/* chk_end.c: how a connection ends. */
void chk_side_closed(struct check_conn *conn, enum dir dir);
void chk_end(struct check_conn *conn);

/* ---- chk_tls.c ---- */

/* A connection begins: what its TLS says of it. */
void chk_tls(struct check_conn *conn);

/* ---- check.c: for the chapters ---- */

/* Whether the check was asked for; whether anybody needs to hear of it. */
static inline bool check_wants(const struct checker *check, enum check id)
{
    return check->options.wanted[id];
}
static inline bool check_hears(const struct checker *check, enum check id)
{
    return check->options.heard[id];
}

/* A rule is broken by the frame, or by what it says; the text is one sentence with the values. */
void check_tell(const struct at_frame *at, enum check id, enum confidence confidence,
                const char *format, ...) H2D_PRINTF(4, 5);
/* The same of a side, dir, that did not do what it had to; place: what it is about, NULL: nothing.
 */
void check_tell_side(struct check_conn *conn, enum dir dir, enum check id,
                     enum confidence confidence, const struct frame_place *place,
                     const char *format, ...) H2D_PRINTF(6, 7);
struct frame_place check_place(const struct h2_frame *frame);
/* The side ended by FIN or RST: what it did not send, it did not send. */
bool check_ended(const struct check_side *side);

#endif
