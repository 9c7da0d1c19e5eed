#include "generate.h"

#include <stdlib.h>
#include <string.h>

#include "emit.h"

static bool is_server(const struct peer *p)
{
    return p->script->role == H2_ROLE_SERVER;
}

static bool sends_body(const struct peer_stream *s)
{
    return s->final_sent && !s->peer_done;
}

static bool wants_head(const struct peer_stream *s)
{
    return !s->final_sent && !s->peer_done;
}

static bool promises(const struct peer_stream *s)
{
    return s->own && !s->peer_done;
}

static bool answerable(const struct peer_stream *s)
{
    return !s->local_done && !s->reserved;
}

/* ---- what the local endpoint does ---- */

static struct local *add_local(struct peer *p, enum local_kind kind)
{
    if (p->script->undrained) {
        script_add_local(p->script, LOCAL_DRAIN);
    }
    return script_add_local(p->script, kind);
}

static void put_setting(struct local *l, uint16_t id, uint32_t value)
{
    if (l->setting_count < LOCAL_SETTINGS_MAX) {
        l->settings[l->setting_count++] = (struct h2_setting){ id, value };
    }
}

static uint32_t local_setting_value(struct peer *p, uint16_t id)
{
    static const uint32_t table[] = { 0, 64, 111, 4096, 5000 };
    static const uint32_t windows[] = { 0, 10, 1000, 65535, 100000, 200000 };
    switch (id) {
    case H2_SETTING_HEADER_TABLE_SIZE:
        return table[rng_below(&p->rng, 5)];
    case H2_SETTING_ENABLE_PUSH:
        return rng_once_in(&p->rng, 4) ? 0 : 1;
    case H2_SETTING_MAX_CONCURRENT_STREAMS:
        return rng_below(&p->rng, 3) == 0 ? rng_below(&p->rng, 4) : 100;
    case H2_SETTING_INITIAL_WINDOW_SIZE:
        return windows[p->variable ? rng_below(&p->rng, 6) : 3 + rng_below(&p->rng, 3)];
    case H2_SETTING_MAX_FRAME_SIZE:
        return 16384 + (rng_below(&p->rng, 2) == 0 ? 1 : 20000);
    case H2_SETTING_MAX_HEADER_LIST_SIZE:
        return rng_below(&p->rng, 1000);
    default:
        return 1;
    }
}

static void local_settings(struct peer *p, bool first)
{
    static const uint16_t ids[] = { 1, 1, 2, 3, 4, 5, 6, 8 };
    const struct h2_options *o = &p->script->options;
    if (p->in_flight >= 20) {
        return;
    }
    struct local *l = add_local(p, LOCAL_SETTINGS);
    if (first && is_server(p) && (o->enable_priority_update || rng_once_in(&p->rng, 10))) {
        put_setting(l, H2_SETTING_NO_RFC7540_PRIORITIES, 1);
    }
    uint32_t *sizes = &p->table_sizes[2 * p->in_flight++];
    sizes[0] = sizes[1] = UINT32_MAX;
    for (unsigned n = rng_below(&p->rng, 4); n > 0; n--) {
        uint16_t id = ids[rng_below(&p->rng, sizeof ids / sizeof ids[0])];
        if ((id == H2_SETTING_ENABLE_PUSH && is_server(p)) ||
            (id == H2_SETTING_ENABLE_CONNECT_PROTOCOL && !is_server(p))) {
            continue;
        }
        uint32_t value = local_setting_value(p, id);
        if (l->setting_count < LOCAL_SETTINGS_MAX && id == H2_SETTING_HEADER_TABLE_SIZE) {
            sizes[0] = value < sizes[0] ? value : sizes[0];
            sizes[1] = value;
        }
        put_setting(l, id, value);
    }
}

static void local_request(struct peer *p)
{
    static const char *const methods[] = { "GET", "GET", "POST", "HEAD", "CONNECT", "OPTIONS" };
    struct local *l = add_local(p, LOCAL_REQUEST);
    l->method = methods[rng_below(&p->rng, 6)];
    l->end_stream = rng_below(&p->rng, 3) != 0;
    l->has_protocol = strcmp(l->method, "CONNECT") == 0 && rng_below(&p->rng, 3) == 0;
    l->stream = p->next_own_id;
    struct peer_stream *s = peer_add(p, p->next_own_id, true);
    s->method = l->method;
    s->local_done = l->end_stream;
    p->next_own_id += 2;
}

static void local_answer(struct peer *p)
{
    struct peer_stream *s = peer_pick(p, answerable);
    if (s == NULL) {
        return;
    }
    bool end = rng_below(&p->rng, 2) == 0;
    struct local *l;
    if (is_server(p) && !s->local_answered) {
        l = add_local(p, LOCAL_RESPONSE);
        s->local_answered = true;
    } else {
        l = add_local(p, LOCAL_DATA);
        l->value = rng_below(&p->rng, rng_once_in(&p->rng, 5) ? 70000 : 300);
    }
    l->stream = s->id;
    l->end_stream = end;
    s->local_done = end;
}

static void local_push(struct peer *p)
{
    struct peer_stream *s = peer_pick(p, answerable);
    if (s == NULL || !is_server(p) || s->own) {
        return;
    }
    struct local *l = add_local(p, LOCAL_PUSH);
    l->stream = s->id;
    l->method = rng_below(&p->rng, 4) == 0 ? "HEAD" : "GET";
    s = peer_add(p, p->next_own_id, true);
    s->peer_done = true;
    p->next_own_id += 2;
}

static void local_stream_act(struct peer *p, enum local_kind kind, uint32_t value)
{
    struct peer_stream *s = peer_pick(p, NULL);
    if (s != NULL) {
        struct local *l = add_local(p, kind);
        l->stream = s->id;
        l->value = value;
        if (kind == LOCAL_RST) {
            s->local_done = true;
        }
    }
}

static void local_act(struct peer *p)
{
    switch (rng_below(&p->rng, 24)) {
    case 0:
    case 1:
        local_settings(p, false);
        break;
    case 2:
        local_stream_act(p, LOCAL_RST, rng_below(&p->rng, 14));
        break;
    case 3:
        local_stream_act(p, LOCAL_WINDOW_UPDATE, 1 + rng_below(&p->rng, 100000));
        break;
    case 4:
        add_local(p, LOCAL_WINDOW_UPDATE)->value = 1 + rng_below(&p->rng, 100000);
        break;
    case 5:
        add_local(p, LOCAL_PING);
        break;
    case 6:
        if (rng_once_in(&p->rng, 6)) {
            struct local *l = add_local(p, LOCAL_GOAWAY);
            struct peer_stream *s = peer_pick(p, NULL);
            l->stream = s != NULL && !s->own && rng_below(&p->rng, 2) == 0 ? s->id : 0;
            l->value = rng_below(&p->rng, 3);
        }
        break;
    case 7:
    case 8:
    case 9:
        local_push(p);
        break;
    case 10:
        if (p->script->undrained) {
            script_add_local(p->script, LOCAL_DRAIN);
        }
        break;
    default:
        if (is_server(p) || rng_below(&p->rng, 2) == 0) {
            local_answer(p);
        } else {
            local_request(p);
        }
        break;
    }
}

/* ---- what the peer does ---- */

static void spoil(struct peer *p)
{
    if (rng_once_in(&p->rng, p->bad == 0 ? 40 : p->bad / 10 + 1)) {
        fields_spoil(&p->rng, &p->list, p->variable);
    }
}

static void peer_request(struct peer *p)
{
    struct message_wish wish = { .content_length = -1 };
    if (rng_once_in(&p->rng, 12)) {
        wish.method = "CONNECT";
        wish.protocol = rng_below(&p->rng, 2) == 0;
    }
    bool end = rng_below(&p->rng, 2) == 0;
    if (rng_once_in(&p->rng, 4)) {
        wish.content_length = end && !peer_bad(p) ? 0 : rng_below(&p->rng, 40);
    }
    fields_request(&p->rng, &p->list, &wish);
    spoil(p);
    if (rng_once_in(&p->rng, 20)) {
        p->next_peer_id += 2;
    }
    uint32_t id = p->next_peer_id;
    if (peer_bad(p)) {
        id = rng_below(&p->rng, id + 2);
    } else {
        struct peer_stream *s = peer_add(p, id, false);
        s->final_sent = true;
        s->peer_done = end;
        s->remain = wish.content_length;
        p->next_peer_id += 2;
    }
    emit_block(p, id, 0, end);
}

static void peer_response(struct peer *p)
{
    static const unsigned statuses[] = { 200, 200, 200, 204, 304, 404, 299, 999 };
    struct peer_stream *s = peer_pick(p, wants_head);
    if (s == NULL) {
        return;
    }
    struct message_wish wish = { .content_length = -1 };
    bool interim = rng_once_in(&p->rng, 6);
    wish.status = interim ? 100 + rng_below(&p->rng, 4) * 33 : statuses[rng_below(&p->rng, 8)];
    bool end = interim ? peer_bad(p) : rng_below(&p->rng, 3) == 0;
    if (!interim && rng_once_in(&p->rng, 3)) {
        wish.content_length = end && !peer_bad(p) ? 0 : rng_below(&p->rng, 40);
    }
    bool bodiless = wish.status == 204 || wish.status == 304 ||
                    (s->method != NULL && strcmp(s->method, "HEAD") == 0);
    fields_response(&p->rng, &p->list, &wish);
    spoil(p);
    s->reserved = false;
    s->final_sent = !interim;
    s->peer_done = end;
    s->remain = bodiless ? 0 : wish.content_length;
    emit_block(p, s->id, 0, end);
}

static void peer_data(struct peer *p)
{
    struct peer_stream *s = peer_pick(p, sends_body);
    if (rng_once_in(&p->rng, p->bad)) {
        s = peer_pick(p, NULL);
    }
    if (s == NULL) {
        return;
    }
    size_t n = rng_below(&p->rng, 60);
    if (p->big) {
        n = rng_below(&p->rng, 3) == 0 ? 16384 - 256 : rng_below(&p->rng, 16000);
    }
    bool end = rng_below(&p->rng, 4) == 0;
    if (s->remain >= 0 && !peer_bad(p)) {
        n = n < (size_t)s->remain ? n : (size_t)s->remain;
        end = end && (size_t)s->remain == n;
        s->remain -= (int64_t)n;
    }
    if (rng_once_in(&p->rng, 20)) {
        n = 0;
        end = end && s->remain <= 0;
    }
    s->peer_done = s->peer_done || end;
    emit_data(p, s->id, n, end);
}

static void peer_trailers(struct peer *p)
{
    struct peer_stream *s = peer_pick(p, sends_body);
    if (s == NULL || (s->remain > 0 && !peer_bad(p))) {
        return;
    }
    fields_trailers(&p->rng, &p->list);
    spoil(p);
    bool end = !peer_bad(p);
    s->peer_done = s->peer_done || end;
    emit_block(p, s->id, 0, end);
}

static void peer_push(struct peer *p)
{
    struct message_wish wish = { .content_length = -1, .method = "GET" };
    struct peer_stream *s = peer_pick(p, promises);
    if (rng_once_in(&p->rng, p->bad)) {
        s = peer_pick(p, NULL);
    }
    if (s == NULL) {
        return;
    }
    if (rng_once_in(&p->rng, 4)) {
        wish.method = "HEAD";
    }
    uint32_t on = s->id, promised = p->next_peer_id;
    if (peer_bad(p)) {
        promised = 1 + rng_below(&p->rng, promised);
    } else {
        p->next_peer_id += 2;
        struct peer_stream *added = peer_add(p, promised, false);
        added->reserved = true;
        added->local_done = true;
        added->method = wish.method;
    }
    fields_request(&p->rng, &p->list, &wish);
    spoil(p);
    emit_block(p, on, promised, false);
}

static void peer_act(struct peer *p)
{
    uint32_t pick = rng_below(&p->rng, 100);
    if (rng_once_in(&p->rng, p->bad * 6)) {
        emit_wild(p);
    } else if (pick < 30) {
        if (is_server(p)) {
            peer_request(p);
        } else {
            peer_response(p);
        }
    } else if (pick < 54) {
        peer_data(p);
    } else if (pick < 60) {
        peer_trailers(p);
    } else if (pick < 68 && (!is_server(p) || peer_bad(p))) {
        peer_push(p);
    } else {
        emit_control(p);
    }
}

/* ---- the whole ---- */

static void choose_options(struct peer *p)
{
    struct rng *r = &p->rng;
    struct h2_options *o = &p->script->options;
    h2_options_init(o);
    o->profile = H2_PROFILE_ENDPOINT;
    o->check_preface = p->script->role == H2_ROLE_CLIENT || !rng_once_in(r, 20);
    o->check_messaging = !rng_once_in(r, 10);
    o->check_edge_whitespace = !rng_once_in(r, 8);
    o->auto_window_update = !rng_once_in(r, 8);
    o->auto_ping_ack = !rng_once_in(r, 10);
    o->enable_altsvc = rng_below(r, 2) == 0;
    o->enable_origin = rng_below(r, 2) == 0;
    o->enable_priority_update = rng_once_in(r, 3);
    if (rng_once_in(r, 4)) {
        o->user_types[0x20 / 8] |= 1;
        o->user_types[0] |= 1u << H2_PING; /* cannot be registered */
        if (rng_once_in(r, 4)) {
            o->user_types[H2_ALTSVC / 8] |= 1u << H2_ALTSVC % 8;
        }
    }
    p->script->undrained = rng_once_in(r, 8);
    o->auto_drain = !p->script->undrained;
    o->max_outbound_ack = rng_once_in(r, 3) ? 2 + rng_below(r, 20) : o->max_outbound_ack;
    o->max_continuations = rng_once_in(r, 8) ? rng_below(r, 4) : o->max_continuations;
    o->max_settings = rng_once_in(r, 12) ? 3 * rng_below(r, 3) : o->max_settings; /* 0: ignored */
    o->max_reserved_remote_streams = rng_once_in(r, 4) ? rng_below(r, 3) : 200;
    /* The reference's clock is the wall's: no refill. Not undrained: see decisions.md, "Where the
     * endpoint profile is not libnghttp2 to the letter". */
    if (rng_once_in(r, 6) && !p->script->undrained) {
        o->reset_burst = 1 + rng_below(r, 12);
        o->reset_rate = 0;
    }
    p->script->no_closed_streams = p->script->undrained || rng_below(r, 3) != 0;
}

static void choose_plans(struct peer *p)
{
    static const int results[PLAN_KINDS][3] = {
        { H2_CB_TEMPORAL_FAILURE, H2_CB_TEMPORAL_FAILURE, H2_CB_FAILURE },
        { H2_CB_TEMPORAL_FAILURE, H2_CB_PAUSE, H2_CB_PAUSE },
        { H2_CB_TEMPORAL_FAILURE, H2_CB_PAUSE, H2_CB_TEMPORAL_FAILURE },
        { H2_CB_PAUSE, H2_CB_TEMPORAL_FAILURE, H2_CB_CANCEL },
        { H2_CB_CANCEL, H2_CB_CANCEL, H2_CB_TEMPORAL_FAILURE },
        { H2_CB_CANCEL, H2_CB_CANCEL, H2_CB_FAILURE },
    };
    if (!rng_once_in(&p->rng, 5)) {
        return;
    }
    for (size_t i = 0; i < SCRIPT_PLANS; i++) {
        struct plan *plan = &p->script->plans[i];
        plan->kind = (enum plan_kind)rng_below(&p->rng, PLAN_KINDS);
        plan->ordinal = 1 + rng_below(&p->rng, plan->kind == PLAN_HEADER ? 40 : 6);
        plan->result = results[plan->kind][rng_below(&p->rng, 3)];
    }
}

/* Flips, cuts, inserts, doubles: somewhere, mostly in frame headers. */
static void mutate(struct peer *p)
{
    struct octets *o = &p->script->octets;
    size_t at = 0, stop = rng_below(&p->rng, (uint32_t)o->len);
    size_t from = is_server(p) && p->script->options.check_preface ? 24 : 0;
    while (from + H2_FRAME_HEADER_LEN < stop) {
        at = from;
        from += H2_FRAME_HEADER_LEN + (size_t)num_be24(o->ptr + from);
    }
    if (rng_below(&p->rng, 2) == 0) {
        at = stop;
    }
    at += rng_below(&p->rng, 12);
    at = at < o->len ? at : o->len - 1;
    size_t n = 1 + rng_below(&p->rng, 12);
    switch (rng_below(&p->rng, 6)) {
    case 0:
        n = n < o->len - at ? n : o->len - at;
        memmove(o->ptr + at, o->ptr + at + n, o->len - at - n);
        o->len -= n;
        break;
    case 1:
        octets_put(o, o->ptr, 0);
        octets_put(o, "insertedoctets", n);
        memmove(o->ptr + at + n, o->ptr + at, o->len - n - at);
        break;
    case 2:
        o->len = at + 1;
        break;
    case 3:
        o->ptr[at] = (uint8_t)rng_next(&p->rng);
        break;
    default:
        o->ptr[at] ^= (uint8_t)(1u << rng_below(&p->rng, 8));
        break;
    }
}

static void begin(struct peer *p)
{
    static const uint32_t bad[] = { 0, 0, 0, 400, 400, 150, 150, 50 };
    struct rng *r = &p->rng;
    p->script->role = rng_below(r, 2) == 0 ? H2_ROLE_SERVER : H2_ROLE_CLIENT;
    p->next_peer_id = is_server(p) ? 1 : 2;
    p->next_own_id = is_server(p) ? 2 : 1;
    p->bad = bad[rng_below(r, 8)];
    p->variable = rng_once_in(r, 6);
    p->big = rng_once_in(r, 10);
    p->idle_opens = rng_below(r, 2) == 0;
    encoder_init(&p->encoder);
    choose_options(p);
    choose_plans(p);
    if (p->script->undrained) { /* what is decided is not seen at once there */
        p->variable = p->big = false;
    }
    if (rng_once_in(r, 25)) {
        struct local *l = script_add_local(p->script, LOCAL_UPGRADE);
        l->method = rng_below(r, 3) == 0 ? "HEAD" : "GET";
        struct peer_stream *s = peer_add(p, 1, !is_server(p));
        s->local_done = !is_server(p);
        s->peer_done = s->final_sent = is_server(p);
        *(is_server(p) ? &p->next_peer_id : &p->next_own_id) = 3;
        if (!is_server(p)) { /* it submits SETTINGS by itself */
            p->table_sizes[0] = p->table_sizes[1] = UINT32_MAX;
            p->in_flight = 1;
        }
    }
    local_settings(p, true);
    for (unsigned n = is_server(p) ? 0 : 1 + rng_below(r, 3); n > 0; n--) {
        local_request(p);
    }
    if (is_server(p) && p->script->options.check_preface) {
        octets_put(&p->script->octets, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", H2_PREFACE_LEN);
    }
    if (!rng_once_in(r, p->bad * 3)) {
        emit_settings(p, true);
    }
}

void generate(struct script *script, uint64_t seed)
{
    struct peer *p = calloc(1, sizeof *p);
    if (p == NULL) {
        abort();
    }
    memset(script, 0, sizeof *script);
    script->seed = seed;
    p->script = script;
    p->rng.state = seed * 0x2545f4914f6cdd1du + 1;
    begin(p);
    for (unsigned n = 5 + rng_below(&p->rng, rng_once_in(&p->rng, 4) ? 120 : 40); n > 0; n--) {
        if (rng_below(&p->rng, 4) == 0) {
            local_act(p);
        } else {
            peer_act(p);
        }
        if (rng_once_in(&p->rng, 400)) {
            emit_flood(p);
        }
    }
    if (p->bad != 0 && rng_once_in(&p->rng, 4) && script->octets.len > 0) {
        for (unsigned n = 1 + rng_below(&p->rng, 2); n > 0; n--) {
            mutate(p);
        }
    }
    if (script->undrained) {
        script_add_local(script, LOCAL_DRAIN);
    }
    script_make_steps(script);
    free(p->block.ptr);
    free(p);
}
