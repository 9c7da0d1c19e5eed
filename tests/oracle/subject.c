#include "subject.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

struct side {
    const struct script *script;
    struct transcript *t;
    struct h2_session *session;
    struct plan_state plan;
    struct rng rng;
    enum subject_manner manner;
    const uint8_t *octets; /* what recv may give */
    size_t left;
    bool dead;
};

/* ---- callbacks ---- */

static struct event *add_frame(struct side *side, enum event_kind kind, const struct h2_frame *f)
{
    struct event *e = transcript_add(side->t, kind);
    e->type = f->hd.type;
    e->flags = f->hd.flags;
    e->stream = f->hd.stream_id;
    e->length = f->hd.length;
    return e;
}

static int on_begin_frame(struct h2_session *session, const struct h2_frame *f, void *user)
{
    (void)session;
    add_frame(user, EV_BF, f);
    return 0;
}

static void describe_priority(struct side *side, const struct h2_priority *p)
{
    transcript_words(side->t, " on=%u weight=%u exclusive=%d", p->depends_on, p->weight,
                     p->exclusive);
}

static void describe_headers(struct side *side, const struct h2_frame *f)
{
    if (f->hd.type == H2_PUSH_PROMISE) {
        transcript_words(side->t, " promised=%u", f->payload.push_promise.promised_stream_id);
        return;
    }
    transcript_words(side->t, " cat=%d", (int)f->payload.headers.category);
    if (f->hd.flags & H2_FLAG_PRIORITY) {
        describe_priority(side, &f->payload.headers.priority);
    }
}

static int on_begin_headers(struct h2_session *session, const struct h2_frame *f, void *user)
{
    struct side *side = user;
    (void)session;
    add_frame(side, EV_BH, f);
    describe_headers(side, f);
    return plan_result(side->script, &side->plan, PLAN_BEGIN_HEADERS);
}

static void add_field(struct side *side, enum event_kind kind, const struct h2_frame *f,
                      const struct h2_header *h)
{
    struct event *e = transcript_add(side->t, kind);
    e->type = f->hd.type;
    e->flags = h->never_indexed;
    e->stream = f->hd.stream_id;
    assert(h->name.ptr[h->name.len] == 0 && h->value.ptr[h->value.len] == 0);
    transcript_octets(side->t, h->name.ptr, h->name.len);
    transcript_octets(side->t, h->value.ptr, h->value.len);
}

static int on_header(struct h2_session *session, const struct h2_frame *f,
                     const struct h2_header *h, void *user)
{
    struct side *side = user;
    (void)session;
    add_field(side, EV_H, f, h);
    return plan_result(side->script, &side->plan, PLAN_HEADER);
}

static int on_invalid_header(struct h2_session *session, const struct h2_frame *f,
                             const struct h2_header *h, void *user)
{
    struct side *side = user;
    (void)session;
    add_field(side, EV_IH, f, h);
    return plan_result(side->script, &side->plan, PLAN_INVALID_HEADER);
}

static int on_data_chunk(struct h2_session *session, const struct h2_frame *f, struct span data,
                         void *user)
{
    struct side *side = user;
    struct event *e = transcript_add(side->t, EV_DC);
    (void)session;
    e->stream = f->hd.stream_id;
    e->length = (uint32_t)data.len;
    e->code = plan_sum(data.ptr, data.len);
    return plan_result(side->script, &side->plan, PLAN_DATA);
}

static int on_extension_chunk(struct h2_session *session, const struct h2_frame *f,
                              struct span octets, void *user)
{
    struct side *side = user;
    struct event *e = add_frame(side, EV_EX, f);
    (void)session;
    e->length = (uint32_t)octets.len;
    e->code = plan_sum(octets.ptr, octets.len);
    return plan_result(side->script, &side->plan, PLAN_EXTENSION_CHUNK);
}

static int unpack_extension(struct h2_session *session, const struct h2_frame *f, void *user)
{
    struct side *side = user;
    (void)session;
    add_frame(side, EV_UX, f);
    return plan_result(side->script, &side->plan, PLAN_UNPACK);
}

static void describe_extension(struct side *side, const struct h2_frame *f)
{
    if (side->script->options.user_types[f->hd.type / 8] >> f->hd.type % 8 & 1) {
        return;
    }
    if (f->hd.type == H2_ALTSVC) {
        struct span origin = f->payload.altsvc.origin, value = f->payload.altsvc.field_value;
        transcript_octets(side->t, origin.ptr, origin.len);
        transcript_octets(side->t, value.ptr, value.len);
    } else if (f->hd.type == H2_ORIGIN) {
        struct cur c = cur_of(f->payload.origin.entries);
        struct span origin;
        while (h2_origin_next(&c, &origin)) {
            if (origin.len > 0) {
                transcript_octets(side->t, origin.ptr, origin.len);
            }
        }
    } else {
        struct span value = f->payload.priority_update.field_value;
        transcript_words(side->t, " on=%u", f->payload.priority_update.prioritized_stream_id);
        transcript_octets(side->t, value.ptr, value.len);
    }
}

static void describe(struct side *side, const struct h2_frame *f)
{
    const union h2_payload *p = &f->payload;
    switch (f->hd.type) {
    case H2_DATA:
        transcript_words(side->t, " pad=%u", p->data.pad_octets);
        break;
    case H2_HEADERS:
    case H2_PUSH_PROMISE:
        describe_headers(side, f);
        break;
    case H2_RST_STREAM:
        transcript_words(side->t, " error=%u", p->rst_stream.error_code);
        break;
    case H2_SETTINGS:
        for (size_t i = 0; i < p->settings.count; i++) {
            transcript_words(side->t, " %d=%u", p->settings.entries[i].id,
                             p->settings.entries[i].value);
        }
        break;
    case H2_PING:
        transcript_octets(side->t, p->ping.opaque, 8);
        break;
    case H2_GOAWAY:
        transcript_words(side->t, " last=%u error=%u", p->goaway.last_stream_id,
                         p->goaway.error_code);
        transcript_octets(side->t, p->goaway.debug_data.ptr, p->goaway.debug_data.len);
        break;
    case H2_WINDOW_UPDATE:
        transcript_words(side->t, " increment=%u", p->window_update.increment);
        break;
    case H2_PRIORITY:
        describe_priority(side, &p->priority);
        break;
    default:
        describe_extension(side, f);
        break;
    }
}

static int on_frame_recv(struct h2_session *session, const struct h2_frame *f, void *user)
{
    struct side *side = user;
    (void)session;
    add_frame(side, EV_FR, f);
    describe(side, f);
    return 0;
}

static int on_invalid_frame(struct h2_session *session, const struct h2_frame *f, int error,
                            void *user)
{
    (void)session;
    add_frame(user, EV_IF, f)->code = error;
    return 0;
}

static int on_stream_close(struct h2_session *session, uint32_t stream, uint32_t code, void *user)
{
    struct side *side = user;
    struct event *e = transcript_add(side->t, EV_SC);
    (void)session;
    e->stream = stream;
    e->code = code;
    return 0;
}

static void on_action(struct h2_session *session, const struct h2_action *a, void *user)
{
    static const enum event_kind kinds[] = {
        [H2_ACTION_RST_STREAM] = EV_RST,
        [H2_ACTION_GOAWAY] = EV_GOAWAY,
        [H2_ACTION_WINDOW_UPDATE] = EV_WINDOW_UPDATE,
        [H2_ACTION_SETTINGS_ACK] = EV_SETTINGS_ACK,
        [H2_ACTION_PING_ACK] = EV_PING_ACK,
    };
    struct side *side = user;
    struct event e = { .kind = kinds[a->type] };
    (void)session;
    if (a->type == H2_ACTION_RST_STREAM || a->type == H2_ACTION_WINDOW_UPDATE) {
        e.stream = a->stream_id;
    }
    if (a->type == H2_ACTION_GOAWAY) {
        e.length = a->last_stream_id;
    }
    if (a->type != H2_ACTION_SETTINGS_ACK && a->type != H2_ACTION_PING_ACK) {
        e.code = a->type == H2_ACTION_WINDOW_UPDATE ? a->increment : a->error_code;
    }
    transcript_decide(side->t, &e);
}

/* ---- giving octets ---- */

static ssize_t on_recv(struct h2_session *session, uint8_t *buf, size_t length, int flags,
                       void *user)
{
    struct side *side = user;
    (void)session;
    (void)flags;
    if (side->left == 0 || length == 0) {
        return H2_RECV_WOULDBLOCK;
    }
    buf[0] = *side->octets++;
    side->left--;
    return 1;
}

static void receive_units(struct side *side, const uint8_t *octets, size_t len)
{
    size_t off = 0;
    side->plan.paused = false;
    while (!side->dead) {
        ssize_t n = h2_session_mem_recv(side->session, octets + off, len - off);
        if (n < 0) {
            transcript_add(side->t, EV_RV)->code = n;
            side->dead = true;
        } else if (side->plan.paused) {
            side->plan.paused = false;
            transcript_add(side->t, EV_RV)->length = (uint32_t)n;
            off += (size_t)n;
        } else {
            assert((size_t)n == len - off);
            return;
        }
    }
}

/* Pieces and pulling: only for scripts without plans. */
static void receive_pieces(struct side *side, const uint8_t *octets, size_t len)
{
    while (len > 0 && !side->dead) {
        size_t n = 1 + rng_below(&side->rng, rng_once_in(&side->rng, 3) ? (uint32_t)len : 3);
        n = n < len ? n : len;
        uint8_t *copy = malloc(n); /* exactly that large, for whoever reads too far */
        if (copy == NULL) {
            abort();
        }
        memcpy(copy, octets, n);
        ssize_t used = h2_session_mem_recv(side->session, copy, n);
        free(copy);
        if (used < 0) {
            transcript_add(side->t, EV_RV)->code = used;
            side->dead = true;
        }
        octets += n;
        len -= n;
    }
}

static void receive_pull(struct side *side, const uint8_t *octets, size_t len)
{
    side->octets = octets;
    side->left = len;
    int rv = h2_session_recv(side->session);
    if (rv < 0 && !side->dead) {
        transcript_add(side->t, EV_RV)->code = rv;
        side->dead = true;
    }
}

/* ---- mirroring ---- */

static void mirror_headers(struct side *side, const struct sent *sent)
{
    bool end = sent->flags & H2_FLAG_END_STREAM;
    int rv = 0;
    if (sent->is_request) {
        rv = h2_feed_request_sent(side->session, sent->stream, span_str(sent->method),
                                  sent->has_protocol, end);
    } else {
        rv = h2_feed_response_sent(side->session, sent->stream);
        if (rv == 0 && end) {
            rv = h2_feed_end_stream_sent(side->session, sent->stream);
        }
    }
    assert(rv == 0);
}

static void mirror_data(struct side *side, const struct sent *sent)
{
    int rv = h2_feed_data_sent(side->session, sent->stream, sent->length);
    if (rv == 0 && (sent->flags & H2_FLAG_END_STREAM)) {
        rv = h2_feed_end_stream_sent(side->session, sent->stream);
    }
    assert(rv == 0);
}

static void mirror(struct side *side, const struct sent *sent)
{
    struct h2_session *s = side->session;
    int rv = 0;
    if (sent->is_upgrade) {
        rv = h2_feed_upgrade(s, span_str(sent->method), NULL, 0);
        assert(rv == 0);
        return;
    }
    switch (sent->type) {
    case H2_HEADERS:
        mirror_headers(side, sent);
        break;
    case H2_DATA:
        mirror_data(side, sent);
        break;
    case H2_SETTINGS:
        rv = h2_feed_settings_sent(s, sent->settings, sent->setting_count);
        break;
    case H2_PUSH_PROMISE:
        rv = h2_feed_push_sent(s, sent->stream, sent->promised, span_str(sent->method));
        break;
    case H2_RST_STREAM:
        rv = h2_feed_rst_sent(s, sent->stream, sent->code);
        break;
    case H2_GOAWAY:
        rv = h2_feed_goaway_sent(s, sent->promised, sent->code);
        break;
    case H2_WINDOW_UPDATE:
        rv = h2_feed_window_update_sent(s, sent->stream, sent->code);
        break;
    case H2_PING:
        rv = h2_feed_ping_sent(s, sent->opaque);
        break;
    default:
        break;
    }
    assert(rv == 0);
}

/* ---- the run ---- */

static const struct h2_events events = {
    .on_begin_frame = on_begin_frame,
    .on_begin_headers = on_begin_headers,
    .on_header = on_header,
    .on_invalid_header = on_invalid_header,
    .on_data_chunk_recv = on_data_chunk,
    .on_extension_chunk_recv = on_extension_chunk,
    .unpack_extension = unpack_extension,
    .on_frame_recv = on_frame_recv,
    .on_invalid_frame_recv = on_invalid_frame,
    .on_stream_close = on_stream_close,
    .on_action = on_action,
};

static void run_unit(struct side *side, const struct step *step)
{
    uint8_t *copy = malloc(step->len + 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, side->script->octets.ptr + step->off, step->len);
    if (side->manner == SUBJECT_UNITS) {
        receive_units(side, copy, step->len);
    } else if (side->manner == SUBJECT_PIECES) {
        receive_pieces(side, copy, step->len);
    } else {
        receive_pull(side, copy, step->len);
    }
    free(copy);
}

static void drain(struct side *side)
{
    if (side->dead) { /* what was decided is never sent */
        return;
    }
    if (side->script->undrained) {
        int rv = h2_session_drain(side->session);
        assert(rv == 0);
    }
    transcript_send(side->t);
}

static void run_step(struct side *side, const struct reference_run *reference, size_t i)
{
    const struct step *step = &side->script->steps[i];
    if (!step->is_local) {
        run_unit(side, step);
    }
    if (step->is_local || !side->script->undrained) {
        drain(side);
    }
    for (size_t k = i > 0 ? reference->sent_ends[i - 1] : 0;
         k < reference->sent_ends[i] && !side->dead; k++) {
        mirror(side, &reference->sent[k]);
    }
    if (step->is_local) { /* what it sent is sent now, not only asked for */
        drain(side);
    }
    transcript_end_step(side->t);
}

size_t subject_run(const struct script *script, const struct reference_run *reference,
                   enum subject_manner manner, struct transcript *transcript)
{
    struct mem mem;
    struct side side = { .script = script, .t = transcript, .manner = manner };
    struct h2_options options = script->options;
    options.seed = script->seed;
    /* The rows "glitch limiter" and "outbound queue limit" of receive-engine A.2; and limits that
     * the installed library does not have. */
    options.glitch_burst = options.glitch_rate = UINT32_MAX;
    options.max_outbound_queue = UINT32_MAX;
    if (!reference_traits()->limits_resets) {
        options.reset_burst = options.reset_rate = UINT32_MAX;
    }
    if (!reference_traits()->limits_continuation) {
        options.max_continuations = UINT32_MAX;
    }
    memset(transcript, 0, sizeof *transcript);
    mem_init(&mem, 0);
    side.rng.state = script->seed + 77;
    side.session = h2_session_new(&mem, script->role, &events, &options, &side);
    assert(side.session != NULL);
    h2_session_set_recv_callback(side.session, on_recv);
    for (size_t i = 0; i < script->step_count; i++) {
        run_step(&side, reference, i);
    }
    h2_session_free(side.session);
    return mem.used;
}
