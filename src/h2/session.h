/* The public door: a session receives the octets of one direction of one HTTP/2 connection and
 * tells its listener what a receiver makes of them, with the semantics of nghttp2_session_recv and
 * nghttp2_session_mem_recv (receive-engine 1). It does no I/O, reads no clock, formats nothing. Not
 * thread-safe; independent sessions share nothing but their struct mem. */
#ifndef H2DUMP_H2_SESSION_H
#define H2DUMP_H2_SESSION_H

#include <sys/types.h>

#include "base/mem.h"
#include "h2/events.h"

/* Whose receiver the session is: H2_ROLE_SERVER takes the client's octets, H2_ROLE_CLIENT the
 * server's. */
enum h2_role {
    H2_ROLE_SERVER,
    H2_ROLE_CLIENT,
};

/* What happens after a rule is broken. */
enum h2_profile {
    H2_PROFILE_OBSERVER, /* report and go on (receive-engine 6) */
    H2_PROFILE_ENDPOINT, /* exactly what nghttp2 does: stop, swallow, reset (receive-engine 1-5) */
};

/* Return values of h2_session_recv and h2_session_mem_recv; the numbers are nghttp2's. */
enum h2_error {
    H2_OK = 0,
    H2_ERR_EOF = -507, /* recv only: the callback said EOF */
    H2_ERR_NOMEM = -901,
    H2_ERR_CALLBACK_FAILURE = -902,
    H2_ERR_BAD_CLIENT_MAGIC = -903, /* server role, ENDPOINT: an octet of the preface differs */
    H2_ERR_FLOODED = -904,          /* ENDPOINT: F1, F2, F3 */
    H2_ERR_TOO_MANY_CONTINUATIONS = -905, /* ENDPOINT: F4 */
};

/* "EOF", "NOMEM", …; "0" for 0. */
const char *h2_error_name(int error);

/* What a recv callback returns besides 1 … length. */
enum h2_recv_result {
    H2_RECV_WOULDBLOCK = -504, /* nothing now; 0 means the same */
    H2_RECV_EOF = -507,        /* nothing ever again */
};

/* Fills buf with at most length octets (length is always 16384, flags always 0); returns how many,
 * or enum h2_recv_result. More than length, or any other negative value, is a failure. It may call
 * h2_session_set_pos for the octets it gives. */
typedef ssize_t (*h2_recv_callback)(struct h2_session *session, uint8_t *buf, size_t length,
                                    int flags, void *user);

/* The lending form: points *octets at its own, which stay valid until the next call; returns their
 * number (any, not only up to 16384) or enum h2_recv_result. */
typedef ssize_t (*h2_lend_callback)(struct h2_session *session, const uint8_t **octets, void *user);

/* Seconds of the capture's clock, for F6 and F7; NULL in the options: the time of
 * h2_session_set_pos (and 0 where that has none). */
typedef uint64_t (*h2_clock_callback)(void *user);

/* What somebody says of a table entry that was not seen. Fields made of it are H2_INFERRED. */
struct h2_hint {
    uint64_t conn; /* 1, 2, … */
    enum dir dir;
    uint32_t entry, entry_loss; /* as in struct h2_header */
    struct span name, value;
};

/* Why name and value cannot be those of a field, one clause; NULL: they can. */
const char *h2_hint_fault(const struct h2_hint *hint);

/* Zeroed options are not the defaults: begin with h2_options_init(). */
struct h2_options {
    enum h2_profile profile;    /* H2_PROFILE_OBSERVER */
    bool check_preface;         /* true; server role: the octets begin with the client preface */
    bool check_messaging;       /* true; section 5's rules */
    bool check_edge_whitespace; /* true; white space at the edges of values is invalid (RFC
                                   9113 8.2.1) */
    bool auto_window_update;    /* true (ENDPOINT) */
    bool auto_ping_ack;         /* true */
    bool auto_drain;            /* true: everything decided is "sent" at each unit boundary
                                   (receive-engine 1.6) */
    bool enable_altsvc, enable_origin,
        enable_priority_update;  /* false; OBSERVER decodes them always */
    uint8_t user_types[32];      /* bit set of user extension types (bit t%8 of octet t/8); 0-9 are
                                    ignored */
    uint32_t max_outbound_ack;   /* F1, F2: 1000 */
    uint32_t max_outbound_queue; /* F3: 5000 */
    uint32_t max_continuations;  /* F4: 8 */
    uint32_t max_settings;       /* F5: 32; 0 is ignored */
    uint64_t reset_burst, reset_rate;     /* F6: 1000, 33 a second */
    uint64_t glitch_burst, glitch_rate;   /* F7: 10000, 330 a second */
    uint32_t max_reserved_remote_streams; /* F8: 200 */
    bool mid_stream; /* false; OBSERVER: the octets begin in mid-connection (receive-engine 6.7) */
    bool already_upgraded; /* false; the octets follow an HTTP/1.1 Upgrade: stream 1 exists (see
                              feed_upgrade) */
    const bool *checks;    /* by enum check: remarks that are wanted; NULL: those on by default, and
                              all information. Outlives the session. */
    uint32_t hpack_table;  /* UINT32_MAX; OBSERVER: where nothing says how large a dynamic table may
                              be, it is taken to be no larger than this */
    const struct h2_hint *hints; /* OBSERVER: what the user knows; outlives the session */
    size_t hint_count;
    uint64_t hint_conn;    /* which of them are this connection's */
    uint32_t block_fields; /* LIMIT_BLOCK_FIELDS_SHOWN; OBSERVER: remarks on blocks with more */
    uint32_t hpack_keep;   /* LIMIT_HPACK_TABLE_OCTETS; OBSERVER: octets of a table that are kept */
    uint64_t seed;         /* of hash tables; never changes what is reported */
    h2_clock_callback clock;
};

void h2_options_init(struct h2_options *options);

/* A new session. events and options are copied; user is handed to every callback. mem outlives the
 * session. NULL when memory is out. */
struct h2_session *h2_session_new(struct mem *mem, enum h2_role role,
                                  const struct h2_events *events, const struct h2_options *options,
                                  void *user) H2D_MUST_CHECK;

/* Ends a session without a word to the listener; NULL is fine. */
void h2_session_free(struct h2_session *session);

/* Sets where octets come from: one of the two forms. */
void h2_session_set_recv_callback(struct h2_session *session, h2_recv_callback recv);
void h2_session_set_lend_callback(struct h2_session *session, h2_lend_callback lend);

/* Pulls octets through the callback until it says 0 or WOULDBLOCK (returns 0), EOF (returns
 * H2_ERR_EOF), or a fatal code arises. Fatal codes stick: later calls return the same without
 * callbacks. A connection error is no return value: its octets are swallowed (ENDPOINT). After
 * PAUSE the unread remainder is kept and taken up by the next call. */
int h2_session_recv(struct h2_session *session) H2D_MUST_CHECK;

/* Pushes octets through the same code: returns how many were used (all, but for PAUSE), or a fatal
 * code. octets may be NULL with length 0. */
ssize_t h2_session_mem_recv(struct h2_session *session, const uint8_t *octets,
                            size_t length) H2D_MUST_CHECK;

/* OBSERVER, before the first octet: they do not begin where the connection does (receive-engine
 * 6.7). The session is out of step until h2_session_resume. */
void h2_session_join(struct h2_session *session);

/* Where the octets to come were found; *pos is copied. */
void h2_session_set_pos(struct h2_session *session, const struct pos *pos);

/* Where the octets under way were found. */
const struct pos *h2_session_pos(const struct h2_session *session);

/* Tells that length octets (0: unknown) are not there. Inside a payload whose end is known the
 * session stays in step (receive-engine 6.6); else it is out of step, says end_frame with a cut,
 * and wants h2_session_resume. */
void h2_session_gap(struct h2_session *session, uint64_t length, enum gap_cause cause,
                    const struct pos *before, const struct pos *after);

/* The octets of the frame under way, up to and in on_end_frame, as far as they are at hand: for a
 * finding. */
void h2_session_evidence(const struct h2_session *session, struct finding_evidence *evidence);

/* OBSERVER: how many things the other side has done so far that this side could read of; and
 * whether an ACK proves that the sender of these octets had read of the one of that number (1 is
 * the first) and all before it, and of something later (receive-engine 6.4, rule 4). */
uint64_t h2_session_facts(const struct h2_session *session);
bool h2_session_had_seen(const struct h2_session *session, uint64_t fact);

/* How many things this side has done that the other one's session knows of; and the status of the
 * newest response block on a stream, 0: none, or not known. */
uint64_t h2_session_told(const struct h2_session *session);
uint16_t h2_session_status(const struct h2_session *session, uint32_t stream_id);

/* In on_end_frame of a frame that ends a field block: its :authority, if all that is known of it is
 * exact; false: it has none, or nobody knows. */
bool h2_session_authority(const struct h2_session *session, struct span *authority);

/* Streams of either side that are open, half of them closed or not. */
uint32_t h2_session_open_streams(const struct h2_session *session);

/* OBSERVER: what is not known that the rule needs (bits of enum taint, finding.h; checks.md 3.1).
 */
unsigned h2_session_taints(const struct h2_session *session, enum check check, uint32_t stream_id);

/* False while frame boundaries are lost: octets given now would be read as a frame header. */
bool h2_session_in_step(const struct h2_session *session);

/* Puts an out-of-step (or mid-stream) session back in step after skipped octets that were searched
 * in vain: says on_unsynchronised when skipped > 0; the next octet given is the first of a frame
 * header. */
void h2_session_resume(struct h2_session *session, uint64_t skipped);

/* The input ends here, with what is known of why: says end_frame with a cut where a frame is open,
 * and the findings that only the end can tell. Once. */
void h2_session_end(struct h2_session *session, enum close_cause cause);

/* ENDPOINT without auto_drain: "sends" everything that was decided. */
int h2_session_drain(struct h2_session *session);

/* ---- queries; callable from callbacks ---- */

enum h2_role h2_session_role(const struct h2_session *session);
/* The direction whose octets it takes: DIR_C2S in server role. */
enum dir h2_session_dir(const struct h2_session *session);
/* Octets taken so far, gaps counted. */
uint64_t h2_session_offset(const struct h2_session *session);
/* False once input is swallowed (a connection error, ENDPOINT) or a fatal code was returned. */
bool h2_session_want_read(const struct h2_session *session);
/* The local endpoint's sending window of a stream (0: the connection) as the reference keeps it; 0
 * for unknown streams. */
int64_t h2_session_send_window(const struct h2_session *session, uint32_t stream_id);
/* The RFC 9218 priority of a stream in server role (PRIORITY_UPDATE, priority field): urgency and
 * incremental; false when the stream is unknown. */
bool h2_session_stream_priority(const struct h2_session *session, uint32_t stream_id,
                                unsigned *urgency, bool *incremental);
/* The longest payload that a frame may have, as far as the receiver's settings are known; 16384
 * when they are not. */
uint32_t h2_session_frame_limit(const struct h2_session *session);
/* Glitches (F7) counted so far. */
uint64_t h2_session_glitches(const struct h2_session *session);

/* ---- what the local endpoint did (receive-engine 6.2) ----
 * Tests call these where a real application would have sent something; a connection (conn.h) calls
 * them on each session with what it sees in the other direction. All return 0 or H2_ERR_NOMEM. */

/* SETTINGS was sent; it takes effect when its ACK comes in (pending values at once). */
int h2_feed_settings_sent(struct h2_session *session, const struct h2_setting *entries,
                          size_t count);
/* A request was sent (client role). method and protocol matter for CONNECT, HEAD. */
int h2_feed_request_sent(struct h2_session *session, uint32_t stream_id, struct span method,
                         bool has_protocol, bool end_stream);
/* A response's (or any later) HEADERS were sent on the stream: an answer has begun. */
int h2_feed_response_sent(struct h2_session *session, uint32_t stream_id);
/* END_STREAM was sent. */
int h2_feed_end_stream_sent(struct h2_session *session, uint32_t stream_id);
/* PUSH_PROMISE was sent (server role). */
int h2_feed_push_sent(struct h2_session *session, uint32_t associated_id, uint32_t promised_id,
                      struct span method);
int h2_feed_rst_sent(struct h2_session *session, uint32_t stream_id, uint32_t error_code);
int h2_feed_goaway_sent(struct h2_session *session, uint32_t last_stream_id, uint32_t error_code);
int h2_feed_window_update_sent(struct h2_session *session, uint32_t stream_id, uint32_t increment);
/* DATA of payload_octets (padding included) was sent. */
int h2_feed_data_sent(struct h2_session *session, uint32_t stream_id, uint32_t payload_octets);
int h2_feed_ping_sent(struct h2_session *session, const uint8_t opaque[8]);
int h2_feed_settings_ack_sent(struct h2_session *session);
int h2_feed_ping_ack_sent(struct h2_session *session, const uint8_t opaque[8]);
/* An HTTP/1.1 Upgrade made stream 1: in client role it was requested (half-closed local), in server
 * role it was received whole (half-closed remote). settings are those of HTTP2-Settings: the
 * client's, in force at once: local ones in client role, remote ones in server role. */
int h2_feed_upgrade(struct h2_session *session, struct span method,
                    const struct h2_setting *settings, size_t count);

#endif
