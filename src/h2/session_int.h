/* What the rooms of the receive engine share: the session's insides. Only files of h2/ include it.
 * Who owns what: drive.c alone moves `state` and counts octets; stream.c the streams; settings.c
 * the ledger; outbox.c what was decided but not yet "sent"; policy.c what a broken rule leads to.
 */
#ifndef H2DUMP_H2_SESSION_INT_H
#define H2DUMP_H2_SESSION_INT_H

#include "base/buf.h"
#include "base/map.h"
#include "base/ratelim.h"
#include "h2/hpack.h"
#include "h2/message.h"
#include "h2/rules.h"
#include "h2/session.h"
#include "spec/limits.h"

/* What a step or a rule answers; negative values are fatal (enum h2_error). */
enum h2_go {
    H2_GO = 0,
    H2_PAUSED = 1, /* a callback said PAUSE: hand the rest of the input back */
    H2_STOP = 2,   /* a connection error was decided: all further input is swallowed (ENDPOINT) */
    H2_SILENT = 3, /* a stream error was decided: nobody hears of the rest (ENDPOINT) */
};

/* A state of the machine: what it is called, whether it takes octets as they come (streams) or
 * asked for `need` of them in one piece, and its step. */
struct h2_state {
    const char *name;
    bool streams;
    int (*step)(struct h2_session *session, struct cur *in);
};

/* ---- streams (stream.c) ---- */

enum h2_stream_state {
    H2_ST_IDLE,     /* known from PRIORITY_UPDATE only */
    H2_ST_RESERVED, /* promised, no HEADERS yet */
    H2_ST_OPENING,  /* requested, no response HEADERS yet */
    H2_ST_OPENED,
    H2_ST_CLOSING, /* a local RST_STREAM is decided, but not yet sent (ENDPOINT) */
    H2_ST_CLOSED,  /* OBSERVER: a tombstone, so that late frames can be named */
};

enum h2_stream_flag {
    H2_STREAM_RD = 0x01,      /* the peer has ended its half */
    H2_STREAM_WR = 0x02,      /* the local endpoint has ended its half */
    H2_STREAM_COUNTED = 0x04, /* counts against MAX_CONCURRENT_STREAMS of the peer's streams */
    H2_STREAM_RESERVED_REMOTE = 0x08, /* counts as reserved(remote) */
    H2_STREAM_ADOPTED = 0x10,   /* OBSERVER: its opening was not seen; rules about it are off */
    H2_STREAM_REQ_KNOWN = 0x20, /* client role: the request's method is known */
    H2_STREAM_REQ_HEAD = 0x40,
    H2_STREAM_REQ_CONNECT = 0x80,
    H2_STREAM_RST_BY_PEER = 0x100, /* how a tombstone came to be */
    H2_STREAM_RST_BY_LOCAL = 0x200,
    H2_STREAM_REFUSED = 0x400,
    H2_STREAM_ABOVE_GOAWAY = 0x800,
    H2_STREAM_SKIP_BODY = 0x1000, /* OBSERVER: body length cannot be judged any more */
    H2_STREAM_WU_QUEUED = 0x2000,
    H2_STREAM_BAD_PRIORITY = 0x4000, /* a priority field could not be parsed */
    H2_STREAM_TUNNEL = 0x8000, /* server role: the local endpoint has answered CONNECT with 2xx */
};

struct h2_stream {
    uint32_t id;
    uint8_t state; /* enum h2_stream_state */
    uint8_t urgency;
    bool incremental;
    uint8_t chunk_size; /* advise.c: how much of a chunk's size line its content began with */
    uint16_t flags;
    uint32_t code;    /* of the RST_STREAM that closes or closed it */
    uint64_t rst_seq; /* number of the fact that the local side reset it; 0: it did not */
    struct h2_stream *prev, *next;  /* live streams in order of id; next: also the free list */
    struct h2_stream *closing_next; /* queue of local RST_STREAMs (outbox.c) */
    int64_t recv_extra;             /* receiving window beyond the local INITIAL_WINDOW_SIZE */
    int64_t recv_unreturned;        /* received, credit not yet given back */
    int64_t consumed;               /* of it, consumed without automatic updates */
    int64_t send_extra;             /* sending window beyond the remote INITIAL_WINDOW_SIZE */
    struct h2_message message;      /* what the peer sends on it */
};

/* Streams are allocated together, and given back with the session. */
struct h2_stream_slab {
    struct h2_stream_slab *next;
    struct h2_stream streams[];
};

#define H2_STREAM_SLOTS_MIN 8

struct h2_stream_table {
    struct h2_stream **slots; /* by (id >> 1) & (cap - 1); first `few` */
    uint32_t cap;
    struct h2_stream *few[H2_STREAM_SLOTS_MIN];
    struct h2_stream_slab *slabs;   /* what all of them lie in */
    struct map spill;               /* live streams whose slot is taken by another live one */
    struct h2_stream *first, *last; /* live ones */
    struct h2_stream *free;
    uint32_t live;
};

/* ---- the ledger (settings.c) ---- */

/* One SETTINGS frame of the local side that waits for its ACK. */
struct h2_settings_set {
    uint16_t mask; /* bit id: it names the setting */
    uint32_t value[H2_SETTING_ID_END];
    uint32_t table_min; /* smallest HEADER_TABLE_SIZE in it */
    uint64_t seq;       /* number of the fact */
};

struct h2_ledger {
    uint32_t remote[H2_SETTING_ID_END]; /* what the peer announced: in force at once */
    uint32_t acked[H2_SETTING_ID_END]; /* what the local side announced and the peer acknowledged */
    uint32_t pending[H2_SETTING_ID_END]; /* the latest the local side announced */
    uint32_t widest[H2_SETTING_ID_END];  /* the largest of acked and everything in flight */
    bool remote_seen;                    /* a SETTINGS frame has come from the peer */
    bool local_seen;                     /* the local side's first SETTINGS is known */
    bool local_binary;                   /* it had GRPC_ALLOW_TRUE_BINARY_METADATA */
    struct h2_settings_set *queue;       /* in flight, oldest at queue_at */
    uint32_t queue_cap, queue_at, queue_len;
    bool doubtful; /* OBSERVER: a set was taken as acknowledged without an ACK */
    uint32_t debt; /* OBSERVER: ACKs that came before what they answer was seen */
    struct h2_setting *raw, *collapsed; /* of the frame under way; one block */
    uint32_t entries_cap;
};

/* ---- a field block under way (block.c) ---- */

struct h2_block {
    bool open;     /* END_HEADERS has not come: only CONTINUATION may follow */
    bool last;     /* the fragment under way is the last */
    bool report;   /* begin_headers was told; its fields are told */
    bool ended;    /* HPACK said so */
    bool lost;     /* OBSERVER: the rest cannot be decoded */
    bool quick;    /* ordinary fields need no other look */
    bool judge;    /* the message rules run */
    bool judged;   /* invalid_frame_recv was told for a message rule */
    bool sniff;    /* whether it is trailers is seen at its first field */
    bool headless; /* sniffed, and no pseudo-header field in front: trailers, or malformed */
    bool sniffed;  /* a field has come that is known */
    bool unknown;  /* a field was not exact */
    bool watch;    /* fields are held back: infer.c */
    bool flooded;  /* F4 was told */
    bool end_stream;
    bool head, connect, method_known; /* of the request it holds, once complete */
    int fault;                        /* library error of the block's frame; 0: none */
    uint32_t stream_id;               /* whose frames; CONTINUATION must agree */
    uint32_t subject_id;              /* whose message: the promised stream's for PUSH_PROMISE */
    struct h2_stream *subject;        /* NULL: none, or gone meanwhile */
    struct message_context context;
    uint32_t continuations;
    uint64_t octets; /* of the block, in fragments before the one under way */
    uint64_t field_count;
    enum check field_fault;   /* the last rule that a field broke; CHECK_COUNT: none */
    struct hpack_taken taken; /* what its fields sum up to */
    uint32_t size_updates;
    bool tunnel;                    /* a CONNECT without :protocol */
    bool websocket;                 /* extended CONNECT for it (RFC 8441 5) */
    uint8_t authority_len;          /* 0: not known here */
    uint8_t authority[255];         /* the value of :authority, where it was not taken unseen */
    struct h2_frame frame;          /* the HEADERS or PUSH_PROMISE frame */
    const struct h2_header *guilty; /* while a field is reported */
    struct span undecoded;          /* while a representation is that could not be decoded */
};

/* ---- what both sessions of a connection share (report.c) ---- */

enum h2_roles {
    H2_ROLES_KNOWN,
    H2_ROLES_GUESSED, /* nothing that was seen tells who is the client */
    H2_ROLES_WRONG,   /* the guess was wrong */
};

struct h2_report {
    uint32_t shown[CHECK_COUNT]; /* findings of each check */
    enum h2_roles roles;
    bool limit_told, doomed;
    uint8_t flags_told[2][256]; /* undefined flag bits told, by direction and type */
};

/* A finding that waits for a fact of the other direction (pending.c). */
struct h2_suspicion {
    struct h2_suspicion *next;
    enum check check;
    uint32_t stream_id;
    int64_t need; /* how much permission is missing */
    uint64_t offset;
    struct pos first, last;
    bool after_doomed;
    bool knew_nothing; /* its sender had read nothing yet, by TCP's acknowledgements */
    char message[160];
    struct finding_evidence evidence;
};

/* A PING of the local side that waits for its ACK. */
struct h2_ping {
    uint64_t seq;
    uint8_t opaque[8];
};

#define H2_PINGS_MAX      64
#define H2_SUSPICIONS_MAX 256
#define H2_SMALL_OCTETS   64

struct h2_session {
    struct mem *mem;
    struct h2_events ev;
    void *user;
    struct h2_options opt;
    enum h2_role role;
    bool observer; /* the profile; asked by policy.c and where OBSERVER tells more, nowhere else */
    int fatal;     /* sticky return value; 0: none */
    bool session_told;

    /* driver (drive.c) */
    const struct h2_state *state;
    uint32_t need;        /* octets the state wants in one piece */
    uint32_t gathered;    /* of them, those copied so far */
    uint32_t left;        /* octets that a streaming state has still to take */
    uint32_t pad_left;    /* padding behind it */
    uint32_t pad_charged; /* of the padding, octets that the windows have counted already */
    uint32_t over;        /* payload octets behind a gathered control payload, passed over */
    uint64_t offset;      /* octets taken, gaps counted */
    uint64_t frame_used;  /* octets of the frame under way that were taken */
    struct pos pos;
    uint64_t start_offset; /* of the header being gathered */
    struct pos start_pos;
    uint8_t small[H2_SMALL_OCTETS];
    struct buf gather;
    bool out_of_step;
    bool ended;
    enum close_cause cause; /* how, once ended */
    bool preface_bad;       /* OBSERVER: what stands in the place of the preface is none */

    /* pull form (session.c) */
    h2_recv_callback recv;
    h2_lend_callback lend;
    uint8_t *recv_buf;
    struct span rest; /* behind a PAUSE */

    /* the frame under way */
    struct h2_frame frame;
    struct h2_frame *cur;  /* &frame, or &block.frame while a HEADERS or PUSH_PROMISE is read */
    struct h2_frame *unit; /* what frame_recv is about: for CONTINUATION its block's frame */
    bool in_frame;         /* a header was read, the frame is not yet done */
    bool begun;            /* begin_frame was told */
    bool dropped;          /* nothing is told of it (ENDPOINT) */
    bool cancelled;        /* an extension callback said CANCEL */
    bool pad_nonzero;
    bool intruder;   /* it stands inside a field block */
    bool skip_tells; /* the frame is told behind the octets passed over */
    bool first;      /* the next frame must be SETTINGS */
    bool doubtful;   /* the last header was hardly one: look at the next before believing it */
    uint8_t head[H2_FRAME_HEADER_LEN]; /* of the frame under way, for on_frame_octets */
    const uint8_t *payload;       /* of the piece that a gathering state was given; NULL: none */
    uint32_t mark_at, mark_count; /* of a gathered payload, what is looked at; count 0: all */
    const uint8_t *piece; /* of the newest representation, what the newest chunk had of it */
    uint32_t piece_len;
    int fault;                /* library error of the frame; 0: none */
    struct h2_stream *target; /* DATA: its stream; NULL: none */
    const struct h2_state *after_gather;

    struct h2_block block;
    struct hpack_decoder *hpack;
    enum hpack_level hpack_level; /* OBSERVER: as it was last told */
    struct h2_held *held;         /* infer.c; NULL: nothing yet */

    /* streams */
    struct h2_stream_table streams;
    uint32_t last_recv_id, last_sent_id, last_proc_id;
    uint32_t forgotten_id[2]; /* by parity: highest id whose tombstone was let go */
    uint32_t incoming, reserved_remote, idle_count; /* counts of live streams */
    int64_t recv_unreturned, recv_window, consumed; /* the connection's receiving window */
    int64_t send_window;
    int64_t send_extra_max, recv_extra_max; /* no live stream's extra is above */
    bool wu_queued;
    uint32_t wu_streams; /* streams with a WINDOW_UPDATE queued */
    bool table_limited;  /* the decoder was given a limit */

    struct h2_ledger ledger;

    /* decided, not yet sent (outbox.c) */
    struct h2_stream *closing_first, *closing_last;
    uint32_t closing_count; /* streams queued since the last sending */
    uint32_t goaway_behind; /* of them, those decided before the GOAWAY */
    uint32_t queued, acks_queued;
    bool terminating;    /* a GOAWAY that ends the session is decided */
    bool goaway_decided; /* any GOAWAY by us (F6) */
    bool goaway_pending; /* not yet sent */
    bool goaway_sent, goaway_recv, terminated;
    uint32_t goaway_last_recv, goaway_last_sent, goaway_last_pending;

    /* floods (flood.c) */
    struct ratelim resets, glitches;
    bool clock_set;
    bool flood_told[10];
    uint64_t glitch_count;

    /* OBSERVER */
    struct h2_session *peer;
    struct h2_report *report;
    bool owns_report;
    bool peer_seen;      /* something is known of the local side */
    bool peer_never;     /* nothing will ever be */
    bool tainted;        /* began in mid-stream, or has a hole that swallowed a header */
    bool holed;          /* octets are missing that may have changed more than a body */
    bool gapped;         /* octets are missing, somewhere: the order of the two sides is not sure */
    bool unsettled;      /* SETTINGS, or ACKs of them, may be among what was not seen */
    bool role_proved;    /* its octets are those of its role */
    bool block_told;     /* that a block was too long to be shown */
    bool sloppy;         /* a message was not well-formed */
    bool pend_full;      /* a suspicion found no room: the rule of a dropped one is off */
    bool resumed;        /* the next frame is the first since the boundaries were lost */
    bool upgraded;       /* stream 1 may have been an HTTP/1.1 request that was not seen */
    uint32_t names_stop; /* names of fields that advise.c must see */
    uint64_t facts;      /* facts fed so far: their numbers */
    uint64_t proved;     /* the peer has processed all facts up to this one */
    uint64_t goaway_seq;
    uint64_t tunnel_seq;   /* the same of the newest stream that became a tunnel */
    struct h2_ping *pings; /* H2_PINGS_MAX; NULL until the first */
    uint32_t pings_at, pings_len;
    struct h2_suspicion *suspicions, **suspicions_end, *suspicions_free;
    uint32_t suspicion_count;
};

/* ---- drive.c ---- */

/* Feeds octets to the machine until they are used up or a step says otherwise; *in is advanced. */
int h2_drive(struct h2_session *session, struct cur *in);
/* The only one to assign state: a streaming state with `left` octets to take. */
void h2_go_stream(struct h2_session *session, const struct h2_state *state, uint32_t left);
/* A state that wants `need` octets in one piece. */
void h2_go_gather(struct h2_session *session, const struct h2_state *state, uint32_t need);
/* The beginning of a session's octets. */
void h2_go_start(struct h2_session *session);
/* Back to the next frame header. */
void h2_go_head(struct h2_session *session);
/* Passes over n payload octets, then ends the frame, telling it when asked to. */
void h2_go_skip(struct h2_session *session, uint32_t n, bool tells);
/* Takes padding as far as it is there; true when it is all in. */
bool h2_take_padding(struct h2_session *session, struct cur *in, uint32_t *taken);
void h2_go_swallow(struct h2_session *session);
/* Tells begin_frame and the header's octets, once. */
int h2_begin_frame(struct h2_session *session);
/* frame_recv, or in OBSERVER invalid_frame_recv when the frame has a fault. */
int h2_tell_frame(struct h2_session *session);
/* The frame's octets are all in: end_frame, the facts for the peer, the unit boundary, next header.
 */
int h2_end_frame(struct h2_session *session);
/* Octets of the frame under way were used. */
void h2_tell_octets(struct h2_session *session, const uint8_t *octets, size_t n);
static inline void h2_octets(struct h2_session *session, const uint8_t *octets, size_t n)
{
    if (H2D_UNLIKELY(session->ev.on_frame_octets != NULL)) {
        h2_tell_octets(session, octets, n);
    }
    session->frame_used += n;
}
/* Octets of a preface that will not be complete, or of another protocol, are told as passed over.
 */
void h2_flush_passed(struct h2_session *session);
/* Between frames, or inside a frame header: octets of it that are there. */
bool h2_in_head(const struct h2_session *session, uint32_t *header_octets);
/* Octets of a payload that were gathered, but will not be complete, are told. */
void h2_flush_gathered(struct h2_session *session);
/* end_frame for a frame that is cut. */
void h2_tell_cut(struct h2_session *session, const struct h2_frame_cut *cut);
/* Payload octets of the frame under way that are still to come. */
uint32_t h2_payload_left(const struct h2_session *session);

/* An extension type that the application decodes on its own. */
static inline bool h2_is_user_type(const struct h2_session *session, uint8_t type)
{
    return type > H2_CONTINUATION && (session->opt.user_types[type / 8] & (1U << (type % 8))) != 0;
}

/* A callback's result: 0, or the session is over. */
static inline int h2_called(int result)
{
    return result == 0 ? H2_GO : H2_ERR_CALLBACK_FAILURE;
}

/* ---- recv_*.c: one per frame type; head checks before and after begin_frame ---- */

/* The header is in (begin_frame was told in OBSERVER): each checks it, tells begin_frame unless the
 * frame is to be ignored, and names the next state. */
int h2_recv_data(struct h2_session *session);
int h2_recv_headers(struct h2_session *session);
int h2_recv_push_promise(struct h2_session *session);
int h2_recv_continuation(struct h2_session *session);
int h2_recv_priority(struct h2_session *session);
int h2_recv_rst_stream(struct h2_session *session);
int h2_recv_settings(struct h2_session *session);
int h2_recv_ping(struct h2_session *session);
int h2_recv_goaway(struct h2_session *session);
int h2_recv_window_update(struct h2_session *session);
int h2_recv_altsvc(struct h2_session *session);
int h2_recv_origin(struct h2_session *session);
int h2_recv_priority_update(struct h2_session *session);
int h2_recv_unknown(struct h2_session *session);

/* A frame on a stream that has no live object and is not idle: dropped, or in OBSERVER named.
 * closed: the rule that a frame after both ends breaks. */
int h2_late_frame(struct h2_session *session, enum h2_rule closed, const char *what);
/* RST_STREAM on a stream that is gone: OBSERVER says what a sender need not have sent. */
void h2_late_reset(struct h2_session *session, uint32_t id);
/* The peer opens a stream, or promises one: OBSERVER says where it knew of a GOAWAY. */
void h2_late_opening(struct h2_session *session, uint32_t id);
/* OBSERVER: the stream is taken as open, though its opening was not seen. */
int h2_stream_adopt(struct h2_session *session, uint32_t id, struct h2_stream **stream);
/* Both directions have been seen from their beginning without holes, as far as the stream of the
 * frame under way is concerned. */
bool h2_both_sides_known(const struct h2_session *session);
/* OBSERVER: whether it is known that the client is the client, where the check depends on that. */
bool h2_roles_bear(const struct h2_session *session, enum check check);
/* OBSERVER: what was seen of the stream is not all: rules that need more are off (6.6). */
void h2_stream_doubt(struct h2_stream *stream);
/* n octets of a DATA payload are not in the capture. */
int h2_data_missing(struct h2_session *session, uint32_t n);

/* Gathers the whole payload (LIMIT_CONTROL_OCTETS of it), then runs the state's step on it. */
int h2_gather_payload(struct h2_session *session, const struct h2_state *state);
/* A control frame is complete: tells it and ends it. */
int h2_finish_frame(struct h2_session *session);
/* A fixed length was wrong: in OBSERVER the payload is passed over. */
int h2_skip_payload(struct h2_session *session);

/* ---- block.c ---- */

/* Begins the block of session->cur (HEADERS, PUSH_PROMISE); the fragment is in `left`. subject may
 * be NULL. report false: nobody hears of its fields. */
int h2_block_begin(struct h2_session *session, struct h2_stream *subject, uint32_t subject_id,
                   enum message_kind kind, bool report);
/* Goes on with the fragment of `len` octets and the padding behind it. */
void h2_block_fragment(struct h2_session *session, uint32_t len, uint32_t pad, bool last);
/* frame_recv of the block's frame. */
int h2_tell_block(struct h2_session *session);
/* A frame whose block cannot be told from padding: `rest` octets are passed over. */
int h2_block_unreadable(struct h2_session *session, uint32_t rest);
/* n octets of a field block's frame are not in the capture; whether any are the block's. */
bool h2_block_missing(struct h2_session *session, uint32_t n);
bool h2_in_block(const struct h2_session *session);
/* A field that is not held back (any longer): to the message rules and the listener. */
int h2_block_field(struct h2_session *session, struct h2_header *h);
/* The rules' view of a stream's message. */
struct message_context h2_message_context(const struct h2_session *session,
                                          const struct h2_stream *stream, enum message_kind kind);
/* After a message ended: RD, and stream_close when both halves are done. */
int h2_stream_ended(struct h2_session *session, struct h2_stream *stream);

/* ---- level.c ---- */

/* The largest table that the sender may have by what was seen of the receiver's SETTINGS. */
uint32_t h2_table_ceiling(const struct h2_session *session);
/* OBSERVER: another frame comes, so that the block will not be completed. What that means for the
 * fields to come is told by h2_block_abandoned(), behind what is told of the frame. */
void h2_block_abandon(struct h2_session *session);
void h2_block_abandoned(struct h2_session *session);
/* Decoder certainty is gone (OBSERVER): the capture lacks octets, or the sender's are in error. */
void h2_block_lose(struct h2_session *session);
/* Tells the fields that are held back: no more of the block will come, or be known. */
void h2_block_flush(struct h2_session *session);
/* What the sender put into its table before now was never seen (OBSERVER); whoever began the
 * connection knows, so that nothing is told. */
void h2_block_join(struct h2_session *session);
/* SETTINGS of the receiver may be among octets that are missing (OBSERVER). */
void h2_block_settings_lost(struct h2_session *session);
/* What the decoder has to say behind a block. */
void h2_advise_hpack(struct h2_session *session);

/* ---- advise.c ---- */

/* OBSERVER: a field that is known, of a message that is judged: what else it says. */
void h2_advise_field(struct h2_session *session, const struct h2_header *h);
/* The block is complete; its message is still that of its fields. */
void h2_advise_whole(struct h2_session *session);
/* The first octets of a message's content. */
void h2_advise_content(struct h2_session *session, const struct h2_stream *stream);
/* The same of its octets, whose first ones may be a chunk's size. */
void h2_advise_chunk(struct h2_session *session, struct h2_stream *stream, struct span data);
/* Keeps the block's :authority, for host. */
void h2_advise_authority(struct h2_block *b, struct span value);
/* The names (names.h) of fields that h2_advise_field() must see. */
uint32_t h2_names_looked_at(struct h2_session *session);

/* ---- infer.c ---- */

/* The next field of a block that is watched: held back, or told together with those held. */
int h2_infer_field(struct h2_session *session, struct h2_header *h);
/* Tells what is held. whole: the block has no more fields; else more of it is there, but not known.
 */
int h2_infer_end(struct h2_session *session, bool whole);
/* What the user says of the entry that a field with something unknown rests on. */
void h2_hint_field(struct h2_session *session, struct h2_header *h);
void h2_held_free(struct h2_session *session);

/* ---- stream.c ---- */

void h2_streams_init(struct h2_session *session);
void h2_streams_fini(struct h2_session *session);
/* Any stream of that id, tombstones and idle ones included; NULL. */
struct h2_stream *h2_stream_find(const struct h2_session *session, uint32_t id);
/* As the reference sees it: idle and closed ones do not exist. */
struct h2_stream *h2_stream_live(const struct h2_session *session, uint32_t id);
/* A new live stream of that id (an idle one or tombstone is taken over); NULL: memory is out. */
struct h2_stream *h2_stream_add(struct h2_session *session, uint32_t id, enum h2_stream_state state,
                                unsigned flags) H2D_MUST_CHECK;
/* The stream is gone: counts, table; in OBSERVER a tombstone stays. No callback. */
void h2_stream_drop(struct h2_session *session, struct h2_stream *stream);
/* Drops it and tells stream_close. */
int h2_stream_close(struct h2_session *session, struct h2_stream *stream, uint32_t code);
/* Closes by a fact of the local side: told unless the peer session of a connection tells it. */
int h2_stream_close_fed(struct h2_session *session, struct h2_stream *stream, uint32_t code);
bool h2_stream_is_own(const struct h2_session *session, uint32_t id);
/* A response of 2xx to CONNECT came on it: it carries DATA, and no message (RFC 9113 8.5). */
bool h2_stream_is_connected(const struct h2_session *session, const struct h2_stream *stream);
/* Only asked where no live stream exists (receive-engine 0). */
bool h2_stream_is_idle(const struct h2_session *session, uint32_t id);
/* Peer's streams (own: the local side's) above last are closed with REFUSED_STREAM. */
int h2_streams_close_above(struct h2_session *session, uint32_t last, bool own, bool fed);
/* The stream counts as open from here on. */
void h2_stream_count(struct h2_session *session, struct h2_stream *stream);
/* Why a receiver would ignore a frame on that id, in words. */
const char *h2_stream_why_gone(const struct h2_session *session, uint32_t id);

/* ---- window.c ---- */

/* n octets of DATA payload came in: the connection's window. consumed: of them, how many the
 * application will never see. */
int h2_window_data_connection(struct h2_session *session, uint32_t n, uint32_t consumed);
/* And the stream's; more: the message goes on, so that credit is worth giving. */
int h2_window_data_stream(struct h2_session *session, struct h2_stream *stream, uint32_t n,
                          bool more, uint32_t consumed);
/* Nobody waits for n of these octets any more: the connection's credit, the stream's. */
void h2_window_consume_connection(struct h2_session *session, uint32_t n);
void h2_window_consume_stream(struct h2_session *session, struct h2_stream *stream, uint32_t n);
int64_t h2_window_recv(const struct h2_session *session, const struct h2_stream *stream);
int64_t h2_window_send(const struct h2_session *session, const struct h2_stream *stream);
/* The remote INITIAL_WINDOW_SIZE changes; false when a stream's window would pass 2^31-1. */
bool h2_window_set_remote_initial(struct h2_session *session, uint32_t value);
bool h2_window_set_local_initial(struct h2_session *session, uint32_t value);
/* The local side gave credit. */
void h2_window_credit(int64_t *extra, int64_t *unreturned, uint32_t increment);
/* WINDOW_UPDATEs left the outbox: more may be due. */
int h2_window_updates_sent(struct h2_session *session);
void h2_windows_note(struct h2_session *session, const struct h2_stream *stream, bool receiving,
                     int64_t delta);

/* ---- settings.c ---- */

void h2_ledger_init(struct h2_ledger *ledger);
void h2_ledger_fini(struct h2_session *session);
/* The peer's first SETTINGS are known: what they left out has its default for good. */
void h2_ledger_remote_begun(struct h2_ledger *ledger);
int h2_ledger_push(struct h2_session *session, const struct h2_setting *entries, size_t count);
/* The peer acknowledged: the oldest set comes into force. False: nothing was in flight. */
bool h2_ledger_pop(struct h2_session *session, int *rc);
void h2_ledger_apply_now(struct h2_session *session, const struct h2_setting *entries,
                         size_t count);
/* Settings of the peer that came otherwise than by a frame are in force. */
void h2_ledger_remote_now(struct h2_session *session, const struct h2_setting *entries,
                          size_t count);

/* ---- outbox.c ---- */

int h2_outbox_unit(struct h2_session *session);  /* unit boundary */
int h2_outbox_drain(struct h2_session *session); /* everything is sent now */
void h2_outbox_rst(struct h2_session *session, struct h2_stream *stream, uint32_t id, uint32_t code,
                   const char *reason);
/* The stream closes when everything decided is sent. */
void h2_outbox_close_later(struct h2_session *session, struct h2_stream *stream, uint32_t code);
void h2_outbox_terminate(struct h2_session *session, uint32_t code, const char *reason);
void h2_outbox_goaway(struct h2_session *session, uint32_t last_id, uint32_t code,
                      const char *reason);
void h2_outbox_ack(struct h2_session *session, enum h2_action_type type);
void h2_outbox_window_update(struct h2_session *session, struct h2_stream *stream,
                             uint32_t increment);
void h2_act(struct h2_session *session, const struct h2_action *action);

/* ---- flood.c ---- */

void h2_flood_init(struct h2_session *session);
int h2_flood_settings(struct h2_session *session);     /* F1, F5 */
int h2_flood_ping(struct h2_session *session);         /* F2 */
int h2_flood_queue(struct h2_session *session);        /* F3 */
int h2_flood_continuation(struct h2_session *session); /* F4 */
int h2_flood_reset(struct h2_session *session);        /* F6 */
int h2_flood_glitch(struct h2_session *session);       /* F7 */
bool h2_flood_reserved(struct h2_session *session);    /* F8 */
void h2_flood_tell(struct h2_session *session, unsigned limit, uint64_t count);

/* ---- policy.c: what happens after a rule is broken ---- */

/* The one place. ENDPOINT: does what the rule's row says and returns H2_STOP, H2_SILENT or a fatal
 * code. OBSERVER: reports what the evidence bears and returns H2_GO. The text is one sentence with
 * the values of the case. */
int h2_break(struct h2_session *session, enum h2_rule rule, uint32_t stream_id, const char *format,
             ...) H2D_PRINTF(4, 5);
/* As h2_break, for a limit that the other side may have lifted: need says by how much. */
int h2_break_limit(struct h2_session *session, enum h2_rule rule, uint32_t stream_id, int64_t need,
                   const char *format, ...) H2D_PRINTF(5, 6);
/* A receiver ignores the frame. ENDPOINT: true, it is dropped. OBSERVER: false, with the reason. */
bool h2_ignore(struct h2_session *session, const char *why);
/* A message rule (receive-engine 5) is broken by the block or DATA under way. */
int h2_break_hpack(struct h2_session *session, enum check check, const char *text);
int h2_break_message(struct h2_session *session, enum h2_rule rule, uint32_t stream_id,
                     const struct message_fault *fault);
/* OBSERVER: a remark that makes no frame invalid; ENDPOINT: nothing. */
void h2_remark(struct h2_session *session, enum check check, enum confidence confidence,
               uint32_t stream_id, const char *format, ...) H2D_PRINTF(5, 6);
/* The same of severity note, whatever the check's class. */
void h2_note(struct h2_session *session, enum check check, uint32_t stream_id, const char *text);
/* invalid_frame_recv. */
int h2_tell_invalid(struct h2_session *session, int lib_error);

/* ---- report.c ---- */

bool h2_report_wanted(struct h2_session *session, enum check check);
void h2_report_finding(struct h2_session *session, struct finding *finding);

/* ---- pending.c ---- */

int h2_suspect(struct h2_session *session, enum check check, uint32_t stream_id, int64_t need,
               const char *message);
/* A permission came: suspicions of that check (and stream) need so much less. */
void h2_suspicions_permit(struct h2_session *session, enum check check, uint32_t stream_id,
                          int64_t amount);
/* The local side says FLOW_CONTROL_ERROR of the stream, 0: of the connection: a window was lifted
 * too high, and all DATA that took from it have come. */
void h2_suspicions_confirm(struct h2_session *session, uint32_t stream_id);
/* The other direction is seen up to now: those it could still have lifted are reported. */
void h2_suspicions_ripen(struct h2_session *session, bool end);
void h2_suspicions_fini(struct h2_session *session);

/* ---- feed.c ---- */

/* Tells the peer session of a connection what the frame under way was. */
int h2_feed_peer(struct h2_session *session);

/* ---- session.c ---- */

/* Runs the machine over octets; answers enum h2_go or a fatal code, which then sticks. */
int h2_session_finish(struct h2_session *session, int result);
int h2_session_process(struct h2_session *session, struct cur *in);
/* As h2_session_new, with the report of the connection's other session; NULL: with its own. */
struct h2_session *h2_session_new_with(struct mem *mem, enum h2_role role,
                                       const struct h2_events *events,
                                       const struct h2_options *options, struct h2_report *report,
                                       void *user);

/* ---- priority.c ---- */

/* An RFC 9218 priority field value; false (and nothing changed) when it is not a dictionary. */
bool h2_priority_parse(struct span value, uint8_t *urgency, bool *incremental);

#endif
