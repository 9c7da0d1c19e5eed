/* The public door of the engine: options, life, the pull and the push form, queries. */
#include "h2/session_int.h"

#define RECV_OCTETS 16384

#define WINDOW_INITIAL 65535

#define SETTINGS_MAX_DEFAULT 32

/* ---- words ---- */

const char *h2_error_name(int error)
{
    switch (error) {
    case H2_OK:
        return "0";
    case H2_ERR_EOF:
        return "EOF";
    case H2_ERR_NOMEM:
        return "NOMEM";
    case H2_ERR_CALLBACK_FAILURE:
        return "CALLBACK_FAILURE";
    case H2_ERR_BAD_CLIENT_MAGIC:
        return "BAD_CLIENT_MAGIC";
    case H2_ERR_FLOODED:
        return "FLOODED";
    case H2_ERR_TOO_MANY_CONTINUATIONS:
        return "TOO_MANY_CONTINUATIONS";
    default:
        return "?";
    }
}

const char *h2_lib_error_name(int lib_error)
{
    static const struct {
        int error;
        const char *name;
    } rows[] = {
        { H2_LIB_PROTO, "PROTO" },
        { H2_LIB_STREAM_CLOSED, "STREAM_CLOSED" },
        { H2_LIB_REFUSED_STREAM, "REFUSED_STREAM" },
        { H2_LIB_HEADER_COMP, "HEADER_COMP" },
        { H2_LIB_FLOW_CONTROL, "FLOW_CONTROL" },
        { H2_LIB_FRAME_SIZE, "FRAME_SIZE" },
        { H2_LIB_HTTP_HEADER, "HTTP_HEADER" },
        { H2_LIB_HTTP_MESSAGING, "HTTP_MESSAGING" },
        { H2_LIB_INTERNAL, "INTERNAL" },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        if (rows[i].error == lib_error) {
            return rows[i].name;
        }
    }
    return "?";
}

const char *h2_action_name(enum h2_action_type type)
{
    static const char *const names[] = { "RST_STREAM", "GOAWAY", "WINDOW_UPDATE", "SETTINGS_ACK",
                                         "PING_ACK" };
    return names[type];
}

/* ---- life ---- */

void h2_options_init(struct h2_options *options)
{
    *options = (struct h2_options){
        .profile = H2_PROFILE_OBSERVER,
        .check_preface = true,
        .check_messaging = true,
        .check_edge_whitespace = true,
        .auto_window_update = true,
        .auto_ping_ack = true,
        .auto_drain = true,
        .max_outbound_ack = 1000,
        .max_outbound_queue = 5000,
        .max_continuations = 8,
        .max_settings = SETTINGS_MAX_DEFAULT,
        .reset_burst = 1000,
        .reset_rate = 33,
        .glitch_burst = 10000,
        .glitch_rate = 330,
        .max_reserved_remote_streams = 200,
        .hpack_table = HPACK_SIZE_ANY,
        .hpack_keep = LIMIT_HPACK_TABLE_OCTETS,
        .block_fields = LIMIT_BLOCK_FIELDS_SHOWN,
    };
}

void h2_session_join(struct h2_session *session)
{
    session->opt.mid_stream = true;
    session->tainted = true;
    session->role_proved = false;
    session->out_of_step = true;
    h2_block_join(session); /* the connection's record says so */
    h2_go_start(session);
}

/* What OBSERVER has and ENDPOINT has not; false: memory is out. */
static bool observe_from_start(struct h2_session *session)
{
    if (session->report == NULL) {
        session->report = mem_zalloc(session->mem, 1, sizeof *session->report);
        session->owns_report = true;
    }
    if (session->report == NULL) {
        return false;
    }
    session->role_proved = !session->opt.mid_stream;
    hpack_decoder_set_limit_unknown(session->hpack);
    return true;
}

struct h2_session *h2_session_new_with(struct mem *mem, enum h2_role role,
                                       const struct h2_events *events,
                                       const struct h2_options *options, struct h2_report *report,
                                       void *user)
{
    struct h2_session *session = mem_zalloc(mem, 1, sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    session->mem = mem;
    session->ev = *events;
    session->opt = *options;
    session->user = user;
    session->role = role;
    session->report = report;
    session->observer = options->profile == H2_PROFILE_OBSERVER;
    if (session->opt.max_settings == 0) {
        session->opt.max_settings = SETTINGS_MAX_DEFAULT; /* nghttp2 ignores a 0, too */
    }
    session->opt.mid_stream = options->mid_stream && session->observer;
    session->cur = session->unit = &session->frame;
    session->rest = span_empty();
    session->recv_window = session->send_window = WINDOW_INITIAL;
    session->goaway_last_recv = session->goaway_last_sent = 0x7fffffffU;
    buf_init(&session->gather, mem, LIMIT_CONTROL_OCTETS);
    h2_streams_init(session);
    h2_ledger_init(&session->ledger);
    h2_flood_init(session);
    session->hpack = hpack_decoder_new(mem, session->observer, options->hpack_keep);
    if (session->hpack == NULL || (session->observer && !observe_from_start(session))) {
        h2_session_free(session);
        return NULL;
    }
    session->names_stop = h2_names_looked_at(session);
    h2_go_start(session);
    if (session->opt.mid_stream) {
        h2_session_join(session);
    }
    return session;
}

struct h2_session *h2_session_new(struct mem *mem, enum h2_role role,
                                  const struct h2_events *events, const struct h2_options *options,
                                  void *user)
{
    return h2_session_new_with(mem, role, events, options, NULL, user);
}

void h2_session_free(struct h2_session *session)
{
    if (session == NULL) {
        return;
    }
    h2_streams_fini(session);
    h2_ledger_fini(session);
    h2_suspicions_fini(session);
    h2_held_free(session);
    hpack_decoder_free(session->hpack);
    buf_fini(&session->gather);
    mem_free(session->mem, session->recv_buf);
    mem_free(session->mem, session->pings);
    if (session->owns_report) {
        mem_free(session->mem, session->report);
    }
    mem_free(session->mem, session);
}

void h2_session_set_recv_callback(struct h2_session *session, h2_recv_callback recv)
{
    session->recv = recv;
}

void h2_session_set_lend_callback(struct h2_session *session, h2_lend_callback lend)
{
    session->lend = lend;
}

void h2_session_set_pos(struct h2_session *session, const struct pos *pos)
{
    session->pos = *pos;
}

const struct pos *h2_session_pos(const struct h2_session *session)
{
    return &session->pos;
}

/* ---- octets in ---- */

int h2_session_finish(struct h2_session *session, int result)
{
    if (result < 0 && result != H2_ERR_EOF) {
        session->fatal = result;
    }
    if (result != 0 && !session->session_told) {
        session->session_told = true;
        if (session->ev.on_session != NULL) {
            session->ev.on_session(session, result, session->user);
        }
    }
    return result;
}

/* The reference asks this at the entry of each call, and nowhere else (receive-engine 1.2). */
static bool swallows(const struct h2_session *session)
{
    if (session->observer) {
        return false;
    }
    if (session->terminated) {
        return true;
    }
    uint32_t active = session->streams.live - session->idle_count;
    return (session->goaway_sent || session->goaway_recv) && active == 0;
}

int h2_session_process(struct h2_session *session, struct cur *in)
{
    if (swallows(session)) {
        session->offset += cur_left(in);
        (void)cur_rest(in);
        return H2_GO;
    }
    if (cur_left(in) > 0) {
        session->out_of_step = false;
    }
    int rc = h2_drive(session, in);
    if (rc == H2_GO && !session->observer) {
        rc = h2_flood_queue(session);
    }
    return rc;
}

ssize_t h2_session_mem_recv(struct h2_session *session, const uint8_t *octets, size_t length)
{
    if (session->fatal != 0) {
        return session->fatal;
    }
    struct cur in = cur_of(length > 0 ? span_of(octets, length) : span_empty());
    int rc = h2_session_process(session, &in);
    if (rc < 0) {
        return h2_session_finish(session, rc);
    }
    return (ssize_t)(length - cur_left(&in));
}

/* More octets from the callback; 0, or why there are none. */
static int pull(struct h2_session *session, struct span *octets)
{
    ssize_t got;
    const uint8_t *from = NULL;
    if (session->lend != NULL) {
        got = session->lend(session, &from, session->user);
    } else {
        if (session->recv == NULL) {
            return H2_RECV_WOULDBLOCK;
        }
        if (session->recv_buf == NULL) {
            session->recv_buf = mem_alloc(session->mem, RECV_OCTETS);
            if (session->recv_buf == NULL) {
                return H2_ERR_NOMEM;
            }
        }
        from = session->recv_buf;
        got = session->recv(session, session->recv_buf, RECV_OCTETS, 0, session->user);
        if (got > RECV_OCTETS) {
            return H2_ERR_CALLBACK_FAILURE;
        }
    }
    if (got > 0) {
        *octets = span_of(from, (size_t)got);
        return 0;
    }
    if (got == 0 || got == H2_RECV_WOULDBLOCK) {
        return H2_RECV_WOULDBLOCK;
    }
    return got == H2_RECV_EOF ? H2_ERR_EOF : H2_ERR_CALLBACK_FAILURE;
}

int h2_session_recv(struct h2_session *session)
{
    if (session->fatal != 0) {
        return session->fatal;
    }
    for (bool resumed = false;; resumed = true) {
        struct span octets = session->rest;
        if (resumed) {
            int rc = pull(session, &octets);
            if (rc == H2_RECV_WOULDBLOCK) {
                return 0;
            }
            if (rc != 0) {
                return h2_session_finish(session, rc);
            }
        }
        /* The first round takes up what a PAUSE left, be it only a frame_recv. */
        struct cur in = cur_of(octets);
        int rc = h2_session_process(session, &in);
        session->rest = rc == H2_PAUSED ? cur_rest(&in) : span_empty();
        if (rc < 0) {
            return h2_session_finish(session, rc);
        }
        if (rc == H2_PAUSED) {
            return 0;
        }
    }
}

int h2_session_drain(struct h2_session *session)
{
    if (session->fatal != 0) {
        return session->fatal;
    }
    return h2_session_finish(session, h2_outbox_drain(session));
}

/* ---- queries ---- */

enum h2_role h2_session_role(const struct h2_session *session)
{
    return session->role;
}

enum dir h2_session_dir(const struct h2_session *session)
{
    return session->role == H2_ROLE_SERVER ? DIR_C2S : DIR_S2C;
}

uint64_t h2_session_offset(const struct h2_session *session)
{
    return session->offset;
}

bool h2_session_want_read(const struct h2_session *session)
{
    return session->fatal == 0 && !session->terminating && !swallows(session);
}

bool h2_session_in_step(const struct h2_session *session)
{
    return !session->out_of_step;
}

int64_t h2_session_send_window(const struct h2_session *session, uint32_t stream_id)
{
    if (stream_id == 0) {
        return h2_window_send(session, NULL);
    }
    const struct h2_stream *stream = h2_stream_live(session, stream_id);
    return stream != NULL ? h2_window_send(session, stream) : 0;
}

bool h2_session_stream_priority(const struct h2_session *session, uint32_t stream_id,
                                unsigned *urgency, bool *incremental)
{
    const struct h2_stream *stream = h2_stream_find(session, stream_id);
    if (stream == NULL || stream->state == H2_ST_CLOSED) {
        return false;
    }
    *urgency = stream->urgency;
    *incremental = stream->incremental;
    return true;
}

uint32_t h2_session_frame_limit(const struct h2_session *session)
{
    return session->ledger.widest[H2_SETTING_MAX_FRAME_SIZE];
}

uint64_t h2_session_glitches(const struct h2_session *session)
{
    return session->glitch_count;
}
