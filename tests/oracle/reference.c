#include "reference.h"

#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "plan.h"

struct body {
    struct body *next;
    size_t left;
    bool end_stream;
};

struct side {
    const struct script *script;
    struct reference_run *run;
    struct transcript *t;
    nghttp2_session *session;
    struct plan_state plan;
    struct body *bodies;
    bool in_local; /* what is sent now was asked for by the script */
    bool in_upgrade;
    bool dead;
    uint32_t unsent; /* stream whose opening frame could not be sent: it never was */
};

/* ---- callbacks that are written down ---- */

static struct event *add_frame(struct side *side, enum event_kind kind, const nghttp2_frame_hd *hd)
{
    struct event *e = transcript_add(side->t, kind);
    e->type = hd->type;
    e->flags = hd->flags;
    e->stream = (uint32_t)hd->stream_id;
    e->length = (uint32_t)hd->length;
    return e;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
    (void)session;
    add_frame(user, EV_BF, hd);
    return 0;
}

static void describe_priority(struct side *side, const nghttp2_priority_spec *spec)
{
    transcript_words(side->t, " on=%d weight=%d exclusive=%d", spec->stream_id, spec->weight,
                     spec->exclusive);
}

static void describe_headers(struct side *side, const nghttp2_frame *frame)
{
    if (frame->hd.type == NGHTTP2_PUSH_PROMISE) {
        transcript_words(side->t, " promised=%d", frame->push_promise.promised_stream_id);
        return;
    }
    transcript_words(side->t, " cat=%d", frame->headers.cat);
    if (frame->hd.flags & NGHTTP2_FLAG_PRIORITY) {
        describe_priority(side, &frame->headers.pri_spec);
    }
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct side *side = user;
    (void)session;
    add_frame(side, EV_BH, &frame->hd);
    describe_headers(side, frame);
    return plan_result(side->script, &side->plan, PLAN_BEGIN_HEADERS);
}

static void add_field(struct side *side, enum event_kind kind, const nghttp2_frame *frame,
                      nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags)
{
    struct event *e = transcript_add(side->t, kind);
    nghttp2_vec n = nghttp2_rcbuf_get_buf(name), v = nghttp2_rcbuf_get_buf(value);
    e->type = frame->hd.type;
    e->flags = flags;
    e->stream = (uint32_t)frame->hd.stream_id;
    transcript_octets(side->t, n.base, n.len);
    transcript_octets(side->t, v.base, v.len);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    struct side *side = user;
    (void)session;
    add_field(side, EV_H, frame, name, value, flags);
    return plan_result(side->script, &side->plan, PLAN_HEADER);
}

static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    struct side *side = user;
    (void)session;
    add_field(side, EV_IH, frame, name, value, flags);
    return plan_result(side->script, &side->plan, PLAN_INVALID_HEADER);
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream,
                         const uint8_t *octets, size_t len, void *user)
{
    struct side *side = user;
    struct event *e = transcript_add(side->t, EV_DC);
    (void)session;
    (void)flags;
    e->stream = (uint32_t)stream;
    e->length = (uint32_t)len;
    e->code = plan_sum(octets, len);
    return plan_result(side->script, &side->plan, PLAN_DATA);
}

static int on_extension_chunk(nghttp2_session *session, const nghttp2_frame_hd *hd,
                              const uint8_t *octets, size_t len, void *user)
{
    struct side *side = user;
    struct event *e = add_frame(side, EV_EX, hd);
    (void)session;
    e->length = (uint32_t)len;
    e->code = plan_sum(octets, len);
    return plan_result(side->script, &side->plan, PLAN_EXTENSION_CHUNK);
}

static int unpack_extension(nghttp2_session *session, void **payload, const nghttp2_frame_hd *hd,
                            void *user)
{
    struct side *side = user;
    (void)session;
    *payload = NULL;
    add_frame(side, EV_UX, hd);
    return plan_result(side->script, &side->plan, PLAN_UNPACK);
}

static void describe_extension(struct side *side, const nghttp2_frame *frame)
{
    const void *payload = frame->ext.payload;
    if (payload == NULL) {
        return; /* a user's type */
    }
    if (frame->hd.type == NGHTTP2_ALTSVC) {
        const nghttp2_ext_altsvc *a = payload;
        transcript_octets(side->t, a->origin, a->origin_len);
        transcript_octets(side->t, a->field_value, a->field_value_len);
    } else if (frame->hd.type == NGHTTP2_ORIGIN) {
        const nghttp2_ext_origin *o = payload;
        for (size_t i = 0; i < o->nov; i++) {
            transcript_octets(side->t, o->ov[i].origin, o->ov[i].origin_len);
        }
    } else {
        const nghttp2_ext_priority_update *u = payload;
        transcript_words(side->t, " on=%d", u->stream_id);
        transcript_octets(side->t, u->field_value, u->field_value_len);
    }
}

static void describe(struct side *side, const nghttp2_frame *frame)
{
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
        transcript_words(side->t, " pad=%zu", frame->data.padlen);
        break;
    case NGHTTP2_HEADERS:
    case NGHTTP2_PUSH_PROMISE:
        describe_headers(side, frame);
        break;
    case NGHTTP2_RST_STREAM:
        transcript_words(side->t, " error=%u", frame->rst_stream.error_code);
        break;
    case NGHTTP2_SETTINGS:
        for (size_t i = 0; i < frame->settings.niv; i++) {
            transcript_words(side->t, " %d=%u", frame->settings.iv[i].settings_id,
                             frame->settings.iv[i].value);
        }
        break;
    case NGHTTP2_PING:
        transcript_octets(side->t, frame->ping.opaque_data, 8);
        break;
    case NGHTTP2_GOAWAY:
        transcript_words(side->t, " last=%d error=%u", frame->goaway.last_stream_id,
                         frame->goaway.error_code);
        transcript_octets(side->t, frame->goaway.opaque_data, frame->goaway.opaque_data_len);
        break;
    case NGHTTP2_WINDOW_UPDATE:
        transcript_words(side->t, " increment=%d", frame->window_update.window_size_increment);
        break;
    case NGHTTP2_PRIORITY:
        describe_priority(side, &frame->priority.pri_spec);
        break;
    default:
        describe_extension(side, frame);
        break;
    }
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct side *side = user;
    (void)session;
    if (!side->in_upgrade) {
        add_frame(side, EV_FR, &frame->hd);
        describe(side, frame);
    }
    return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *user)
{
    (void)session;
    struct event *e = add_frame(user, EV_IF, &frame->hd);
    e->code = error;
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    struct side *side = user;
    if (side->unsent == (uint32_t)stream) {
        side->unsent = 0;
        return 0;
    }
    struct event *e = transcript_add(side->t, EV_SC);
    (void)session;
    e->stream = (uint32_t)stream;
    e->code = code;
    return 0;
}

/* ---- what is sent ---- */

static struct sent *add_sent(struct side *side, const nghttp2_frame_hd *hd)
{
    struct reference_run *run = side->run;
    if (run->sent_count == run->sent_cap) {
        run->sent_cap = run->sent_cap * 2 + 32;
        run->sent = realloc(run->sent, run->sent_cap * sizeof *run->sent);
        if (run->sent == NULL) {
            abort();
        }
    }
    struct sent *sent = &run->sent[run->sent_count++];
    memset(sent, 0, sizeof *sent);
    sent->type = hd->type;
    sent->flags = hd->flags;
    sent->stream = (uint32_t)hd->stream_id;
    sent->length = (uint32_t)hd->length;
    return sent;
}

static void note_fields(struct sent *sent, const nghttp2_nv *nva, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nva[i].namelen == 7 && memcmp(nva[i].name, ":method", 7) == 0) {
            memcpy(sent->method, nva[i].value, nva[i].valuelen);
        }
        sent->has_protocol =
            sent->has_protocol || (nva[i].namelen == 9 && memcmp(nva[i].name, ":protocol", 9) == 0);
    }
}

static void mirror(struct side *side, const nghttp2_frame *frame)
{
    struct sent *sent = add_sent(side, &frame->hd);
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        sent->is_request = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
        note_fields(sent, frame->headers.nva, frame->headers.nvlen);
        break;
    case NGHTTP2_PUSH_PROMISE:
        sent->promised = (uint32_t)frame->push_promise.promised_stream_id;
        note_fields(sent, frame->push_promise.nva, frame->push_promise.nvlen);
        break;
    case NGHTTP2_SETTINGS:
        for (size_t i = 0; i < frame->settings.niv && i < LOCAL_SETTINGS_MAX; i++) {
            sent->settings[sent->setting_count++] =
                (struct h2_setting){ (uint16_t)frame->settings.iv[i].settings_id,
                                     frame->settings.iv[i].value };
        }
        break;
    case NGHTTP2_RST_STREAM:
        sent->code = frame->rst_stream.error_code;
        break;
    case NGHTTP2_GOAWAY:
        sent->code = frame->goaway.error_code;
        sent->promised = (uint32_t)frame->goaway.last_stream_id;
        break;
    case NGHTTP2_WINDOW_UPDATE:
        sent->code = (uint32_t)frame->window_update.window_size_increment;
        break;
    case NGHTTP2_PING:
        memcpy(sent->opaque, frame->ping.opaque_data, 8);
        break;
    default:
        break;
    }
}

/* RST_STREAM, GOAWAY, acknowledgements and window updates that the library decided itself. */
static bool add_action(struct side *side, const nghttp2_frame *frame)
{
    struct event a = { .stream = (uint32_t)frame->hd.stream_id };
    bool ack = frame->hd.flags & NGHTTP2_FLAG_ACK;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        a.kind = EV_RST;
        a.code = frame->rst_stream.error_code;
    } else if (frame->hd.type == NGHTTP2_GOAWAY) {
        a.kind = EV_GOAWAY;
        a.code = frame->goaway.error_code;
        a.length = (uint32_t)frame->goaway.last_stream_id;
    } else if (frame->hd.type == NGHTTP2_WINDOW_UPDATE) {
        a.kind = EV_WINDOW_UPDATE;
        a.code = frame->window_update.window_size_increment;
    } else if (frame->hd.type == NGHTTP2_SETTINGS && ack) {
        a.kind = EV_SETTINGS_ACK;
    } else if (frame->hd.type == NGHTTP2_PING && ack) {
        a.kind = EV_PING_ACK;
    } else {
        return false;
    }
    transcript_decide(side->t, &a);
    return true;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct side *side = user;
    (void)session;
    if (side->in_local || !add_action(side, frame)) {
        mirror(side, frame);
    }
    return 0;
}

/* What the session did not let out; the stream that the frame would have opened is closed at once.
 */
static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error,
                             void *user)
{
    struct side *side = user;
    (void)session;
    (void)error;
    side->unsent = 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        side->unsent = (uint32_t)frame->hd.stream_id;
    } else if (frame->hd.type == NGHTTP2_PUSH_PROMISE) {
        side->unsent = (uint32_t)frame->push_promise.promised_stream_id;
    }
    return 0;
}

static void drain(struct side *side)
{
    const uint8_t *octets;
    while (!side->dead && nghttp2_session_mem_send(side->session, &octets) > 0) {
    }
    if (!side->dead) {
        transcript_send(side->t);
    }
}

/* ---- local actions ---- */

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct body *body = source->ptr;
    (void)session;
    (void)stream;
    (void)user;
    size_t n = body->left < length ? body->left : length;
    memset(buf, 'b', n);
    body->left -= n;
    if (body->left == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        *flags |= body->end_stream ? 0 : NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
    return (ssize_t)n;
}

static nghttp2_nv nv(const char *name, const char *value)
{
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                         strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static size_t request_fields(const struct local *l, nghttp2_nv *nva)
{
    size_t n = 0;
    nva[n++] = nv(":method", l->method);
    nva[n++] = nv(":authority", "a");
    if (strcmp(l->method, "CONNECT") != 0 || l->has_protocol) {
        nva[n++] = nv(":scheme", "https");
        nva[n++] = nv(":path", "/");
    }
    if (l->has_protocol) {
        nva[n++] = nv(":protocol", "websocket");
    }
    return n;
}

static void submit_settings(struct side *side, const struct local *l)
{
    nghttp2_settings_entry iv[LOCAL_SETTINGS_MAX];
    for (size_t i = 0; i < l->setting_count; i++) {
        iv[i] = (nghttp2_settings_entry){ l->settings[i].id, l->settings[i].value };
    }
    nghttp2_submit_settings(side->session, 0, iv, l->setting_count);
}

static void submit_data(struct side *side, const struct local *l)
{
    struct body *body = calloc(1, sizeof *body);
    if (body == NULL) {
        abort();
    }
    *body = (struct body){ side->bodies, l->value, l->end_stream };
    side->bodies = body;
    nghttp2_data_provider provider = { .source.ptr = body, .read_callback = read_body };
    nghttp2_submit_data(side->session, NGHTTP2_FLAG_END_STREAM, (int32_t)l->stream, &provider);
}

static void upgrade(struct side *side, const struct local *l)
{
    nghttp2_frame_hd none = { 0 };
    side->in_upgrade = true;
    int rv = nghttp2_session_upgrade2(side->session, (const uint8_t *)"", 0,
                                      strcmp(l->method, "HEAD") == 0, NULL);
    side->in_upgrade = false;
    if (rv == 0) {
        struct sent *sent = add_sent(side, &none);
        sent->is_upgrade = true;
        memcpy(sent->method, l->method, strlen(l->method));
    }
}

static void submit(struct side *side, const struct local *l)
{
    nghttp2_session *s = side->session;
    nghttp2_nv nva[6];
    uint8_t end = l->end_stream ? NGHTTP2_FLAG_END_STREAM : 0;
    int32_t stream = (int32_t)l->stream;
    switch (l->kind) {
    case LOCAL_SETTINGS:
        submit_settings(side, l);
        break;
    case LOCAL_REQUEST:
        nghttp2_submit_headers(s, end, -1, NULL, nva, request_fields(l, nva), NULL);
        break;
    case LOCAL_RESPONSE:
        nva[0] = nv(":status", "200");
        nghttp2_submit_headers(s, end, stream, NULL, nva, 1, NULL);
        break;
    case LOCAL_DATA:
        submit_data(side, l);
        break;
    case LOCAL_PUSH:
        nghttp2_submit_push_promise(s, 0, stream, nva, request_fields(l, nva), NULL);
        break;
    case LOCAL_RST:
        nghttp2_submit_rst_stream(s, 0, stream, l->value);
        break;
    case LOCAL_GOAWAY:
        nghttp2_submit_goaway(s, 0, stream, l->value, NULL, 0);
        break;
    case LOCAL_WINDOW_UPDATE:
        nghttp2_submit_window_update(s, 0, stream, (int32_t)l->value);
        break;
    case LOCAL_PING:
        nghttp2_submit_ping(s, 0, (const uint8_t *)"localpin");
        break;
    case LOCAL_UPGRADE:
        upgrade(side, l);
        break;
    case LOCAL_DRAIN:
        break;
    }
}

/* ---- the run ---- */

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *c;
    if (nghttp2_session_callbacks_new(&c) != 0) {
        abort();
    }
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(c, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(c, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data_chunk);
    nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(c, on_extension_chunk);
    nghttp2_session_callbacks_set_unpack_extension_callback(c, unpack_extension);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(c, on_frame_not_send);
    return c;
}

static nghttp2_option *make_options(const struct script *script)
{
    const struct h2_options *o = &script->options;
    nghttp2_option *option;
    if (nghttp2_option_new(&option) != 0) {
        abort();
    }
    nghttp2_option_set_no_recv_client_magic(option, !o->check_preface);
    nghttp2_option_set_no_http_messaging(option, !o->check_messaging);
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option,
                                                                     !o->check_edge_whitespace);
    nghttp2_option_set_no_auto_window_update(option, !o->auto_window_update);
    nghttp2_option_set_no_auto_ping_ack(option, !o->auto_ping_ack);
    nghttp2_option_set_max_outbound_ack(option, o->max_outbound_ack);
    nghttp2_option_set_max_settings(option, o->max_settings);
    nghttp2_option_set_max_reserved_remote_streams(option, o->max_reserved_remote_streams);
    nghttp2_option_set_no_closed_streams(option, script->no_closed_streams);
#ifdef ORACLE_HAS_MAX_CONTINUATIONS
    nghttp2_option_set_max_continuations(option, o->max_continuations);
#endif
#ifdef ORACLE_HAS_RESET_LIMIT
    nghttp2_option_set_stream_reset_rate_limit(option, o->reset_burst, o->reset_rate);
#endif
    const uint8_t types[] = { NGHTTP2_ALTSVC, NGHTTP2_ORIGIN, NGHTTP2_PRIORITY_UPDATE };
    const bool enabled[] = { o->enable_altsvc, o->enable_origin, o->enable_priority_update };
    for (int i = 0; i < 3; i++) {
        if (enabled[i]) {
            nghttp2_option_set_builtin_recv_extension_type(option, types[i]);
        }
    }
    for (unsigned type = 10; type < 256; type++) {
        if (o->user_types[type / 8] >> type % 8 & 1) {
            nghttp2_option_set_user_recv_extension_type(option, (uint8_t)type);
        }
    }
    return option;
}

static void receive(struct side *side, const uint8_t *octets, size_t len)
{
    size_t off = 0;
    side->plan.paused = false;
    while (!side->dead) {
        ssize_t n = nghttp2_session_mem_recv(side->session, octets + off, len - off);
        if (n < 0) {
            transcript_add(side->t, EV_RV)->code = n;
            side->dead = true;
        } else if (side->plan.paused) { /* what is left may be nothing */
            side->plan.paused = false;
            transcript_add(side->t, EV_RV)->length = (uint32_t)n;
            off += (size_t)n;
        } else {
            return;
        }
    }
}

static void run_step(struct side *side, const struct step *step)
{
    if (step->is_local) {
        side->in_local = step->local.kind != LOCAL_DRAIN;
        if (!side->dead) {
            submit(side, &step->local);
        }
        drain(side);
        side->in_local = false;
    } else {
        receive(side, side->script->octets.ptr + step->off, step->len);
        if (!side->script->undrained) {
            drain(side);
        }
    }
    transcript_end_step(side->t);
}

void reference_run(const struct script *script, struct reference_run *run)
{
    struct side side = { .script = script, .run = run, .t = &run->transcript };
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *option = make_options(script);
    memset(run, 0, sizeof *run);
    run->deaf_from = SIZE_MAX;
    int rv = script->role == H2_ROLE_SERVER
                 ? nghttp2_session_server_new2(&side.session, callbacks, &side, option)
                 : nghttp2_session_client_new2(&side.session, callbacks, &side, option);
    run->sent_ends = calloc(script->step_count + 1, sizeof *run->sent_ends);
    if (rv != 0 || run->sent_ends == NULL) {
        abort();
    }
    for (size_t i = 0; i < script->step_count; i++) {
        run_step(&side, &script->steps[i]);
        run->sent_ends[i] = run->sent_count;
        if (run->deaf_from > i && !side.dead && !nghttp2_session_want_read(side.session)) {
            run->deaf_from = i;
        }
    }
    nghttp2_session_del(side.session);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    while (side.bodies != NULL) {
        struct body *next = side.bodies->next;
        free(side.bodies);
        side.bodies = next;
    }
}

void reference_free(struct reference_run *run)
{
    transcript_free(&run->transcript);
    free(run->sent);
    free(run->sent_ends);
    memset(run, 0, sizeof *run);
}

/* ---- traits ---- */

/* What mem_recv and the sending side say to a client's octets. */
static bool probe(void (*put)(struct octets *), enum event_kind kind, int64_t code)
{
    struct script script = { .role = H2_ROLE_SERVER };
    struct reference_run run;
    bool found = false;
    script.options = (struct h2_options){ .check_preface = true,
                                          .check_messaging = true,
                                          .max_outbound_ack = 1000,
                                          .max_settings = 32,
                                          .max_continuations = 1,
                                          .reset_burst = 1 };
    octets_put(&script.octets, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
    put(&script.octets);
    script_make_steps(&script);
    reference_run(&script, &run);
    for (size_t i = 0; i < run.transcript.count; i++) {
        const struct event *e = &run.transcript.events[i];
        found = found || (e->kind == kind && e->code == code);
    }
    reference_free(&run);
    script_free(&script);
    return found;
}

static void put_continuations(struct octets *o)
{
    octets_put(o, "\0\0\1\1\1\0\0\0\1\x82", 10);
    for (int i = 0; i < 4; i++) {
        octets_put(o, "\0\0\0\x9\0\0\0\0\1", 9);
    }
}

static void put_resets(struct octets *o)
{
    octets_put(o, "\0\0\5\1\5\0\0\0\1\x82\x84\x86\x41\0", 14);
    for (int i = 0; i < 4; i++) {
        octets_put(o, "\0\0\4\3\0\0\0\0\1\0\0\0\0", 13);
    }
}

const struct reference_traits *reference_traits(void)
{
    static struct reference_traits traits;
    if (traits.version == 0) {
        traits.version = nghttp2_version(0)->version_num;
        traits.limits_continuation = probe(put_continuations, EV_RV, H2_ERR_TOO_MANY_CONTINUATIONS);
        traits.limits_resets = probe(put_resets, EV_GOAWAY, H2_INTERNAL_ERROR);
    }
    return &traits;
}
