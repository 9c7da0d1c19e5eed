#include "emit.h"

#include <stdlib.h>
#include <string.h>

bool peer_bad(struct peer *p)
{
    return rng_once_in(&p->rng, p->bad);
}

struct peer_stream *peer_pick(struct peer *p, bool (*holds)(const struct peer_stream *))
{
    uint32_t n = (uint32_t)p->stream_count;
    uint32_t start = n == 0 ? 0 : rng_below(&p->rng, n);
    for (uint32_t i = 0; i < n; i++) {
        struct peer_stream *s = &p->streams[(start + i) % n];
        if (holds == NULL || holds(s)) {
            return s;
        }
    }
    return NULL;
}

struct peer_stream *peer_add(struct peer *p, uint32_t id, bool own)
{
    struct peer_stream *s;
    if (p->stream_count < PEER_STREAMS) {
        s = &p->streams[p->stream_count++];
    } else {
        s = &p->streams[rng_below(&p->rng, PEER_STREAMS)];
    }
    *s = (struct peer_stream){ .id = id, .own = own, .remain = -1 };
    return s;
}

void emit_frame(struct peer *p, unsigned type, unsigned flags, uint32_t stream, const void *payload,
                size_t length)
{
    uint8_t hd[H2_FRAME_HEADER_LEN];
    if (rng_once_in(&p->rng, 40)) { /* undefined flags and the reserved bit mean nothing */
        flags |= 0x92;
        stream |= 0x80000000u;
    }
    octets_frame_hd(hd, length, type, flags, stream);
    octets_put(&p->script->octets, hd, sizeof hd);
    octets_put(&p->script->octets, payload, length);
}

/* The pieces of a block's first frame before the block. */
static unsigned put_prefix(struct peer *p, struct octets *out, uint32_t stream, uint32_t promised,
                           size_t *pad)
{
    unsigned flags = 0;
    *pad = 0;
    if (rng_once_in(&p->rng, 6)) {
        flags |= H2_FLAG_PADDED;
        *pad = rng_below(&p->rng, rng_once_in(&p->rng, 4) ? 256 : 8);
        octets_u8(out, (unsigned)*pad);
    }
    if (promised != 0) {
        octets_u32(out, promised);
    } else if (rng_once_in(&p->rng, 8)) {
        flags |= H2_FLAG_PRIORITY;
        uint32_t on = rng_below(&p->rng, 20);
        if (on == stream && !(p->variable && peer_bad(p))) {
            on = 0;
        }
        octets_u32(out, on | (rng_below(&p->rng, 2) == 0 ? 0x80000000u : 0));
        octets_u8(out, rng_below(&p->rng, 256));
    }
    if ((flags & H2_FLAG_PADDED) && peer_bad(p)) { /* more padding than there is room for */
        out->ptr[0] = (uint8_t)(250 + rng_below(&p->rng, 6));
    }
    return flags;
}

/* CONTINUATION frames for what is left of the block. */
static void emit_continuations(struct peer *p, uint32_t stream, size_t at)
{
    const struct octets *block = &p->block;
    bool many = rng_once_in(&p->rng, 40);
    for (;;) {
        size_t left = block->len - at;
        size_t n = rng_below(&p->rng, (uint32_t)(many ? (left < 3 ? left + 1 : 3) : left + 1));
        bool last = rng_once_in(&p->rng, many ? 6 : 2);
        n = last ? left : n;
        if (peer_bad(p)) {
            switch (rng_below(&p->rng, 3)) {
            case 0:
                emit_wild(p);
                break;
            case 1:
                stream += 2;
                break;
            default:
                return; /* the block is never finished */
            }
        }
        emit_frame(p, H2_CONTINUATION, last ? H2_FLAG_END_HEADERS : 0, stream, block->ptr + at, n);
        at += n;
        if (last) {
            return;
        }
    }
}

/* A field of 20000 octets, so that a CONTINUATION may pass SETTINGS_MAX_FRAME_SIZE. */
static void put_long_field(struct octets *block)
{
    octets_put(block, "\x10\x05x-big\x7f\xa1\x9b\x01", 11); /* 127 + 33 + 27 * 128 + 1 * 16384 */
    for (int i = 0; i < 20000 / 8; i++) {
        octets_put(block, "longlong", 8);
    }
}

void emit_block(struct peer *p, uint32_t stream, uint32_t promised, bool end_stream)
{
    static const uint8_t zeros[256] = { 0 };
    enum encoder_fault fault = ENCODER_SOUND;
    struct octets payload = { 0 };
    size_t pad;
    if (rng_once_in(&p->rng, p->bad * 4)) {
        fault = (enum encoder_fault)rng_below(&p->rng, ENCODER_FAULTS);
    } else if (rng_once_in(&p->rng, 60)) {
        fault = rng_below(&p->rng, 2) == 0 ? ENCODER_INTEGER_WIDE : ENCODER_UPDATE_ONLY;
    }
    p->block.len = 0;
    octets_put(&p->block, "", 0);
    encoder_block(&p->encoder, &p->rng, &p->list, fault, &p->block);
    bool split = rng_once_in(&p->rng, 6);
    if (split && rng_once_in(&p->rng, 60)) {
        put_long_field(&p->block);
    }
    unsigned flags = put_prefix(p, &payload, stream, promised, &pad);
    flags |= end_stream ? H2_FLAG_END_STREAM : 0;
    size_t first = split ? rng_below(&p->rng, (uint32_t)p->block.len + 1) : p->block.len;
    octets_put(&payload, p->block.ptr, first);
    octets_put(&payload, zeros, pad);
    flags |= split ? 0 : H2_FLAG_END_HEADERS;
    emit_frame(p, promised != 0 ? H2_PUSH_PROMISE : H2_HEADERS, flags, stream, payload.ptr,
               payload.len);
    free(payload.ptr);
    if (split) {
        emit_continuations(p, stream, first);
    }
}

void emit_data(struct peer *p, uint32_t stream, size_t length, bool end_stream)
{
    static uint8_t body[40000];
    struct octets payload = { 0 };
    unsigned flags = end_stream ? H2_FLAG_END_STREAM : 0;
    size_t pad = 0;
    if (body[1] == 0) {
        for (size_t i = 0; i < sizeof body; i++) {
            body[i] = (uint8_t)(i * 7 + i / 251);
        }
    }
    octets_put(&payload, "", 0);
    if (rng_once_in(&p->rng, 6)) {
        flags |= H2_FLAG_PADDED;
        pad = rng_below(&p->rng, rng_once_in(&p->rng, 4) ? 256 : 8);
        octets_u8(&payload, peer_bad(p) ? 255 : (unsigned)pad);
    }
    octets_put(&payload, body + rng_below(&p->rng, 1000), length);
    octets_put(&payload, body + 2000, pad);
    emit_frame(p, H2_DATA, flags, stream, payload.ptr, payload.len);
    free(payload.ptr);
}

static uint32_t setting_value(struct peer *p, uint32_t id, bool first)
{
    struct rng *r = &p->rng;
    static const uint32_t sizes[] = { 0, 1, 100, 4096, 65535, 65536, 0x7fffffff };
    switch (id) {
    case H2_SETTING_ENABLE_PUSH:
        return p->script->role == H2_ROLE_SERVER && !peer_bad(p) ? rng_below(r, 2)
                                                                 : (peer_bad(p) ? 2 : 0);
    case H2_SETTING_INITIAL_WINDOW_SIZE:
        return peer_bad(p) ? 0x80000000u + rng_below(r, 2)
                           : sizes[rng_below(r, p->variable ? 7 : 6)];
    case H2_SETTING_MAX_FRAME_SIZE:
        return peer_bad(p) ? (rng_below(r, 2) == 0 ? 16383 : 1u << 24) : 16384 + rng_below(r, 99);
    case H2_SETTING_ENABLE_CONNECT_PROTOCOL:
        return peer_bad(p) ? 2 : (rng_once_in(r, 5) ? 0 : 1);
    case H2_SETTING_NO_RFC7540_PRIORITIES:
        return peer_bad(p) ? 2 : (first ? rng_below(r, 2) : 0);
    case H2_SETTING_MAX_CONCURRENT_STREAMS:
        return rng_once_in(r, p->script->role == H2_ROLE_CLIENT ? 25 : 3) ? rng_below(r, 3)
                                                                          : 50 + rng_below(r, 100);
    default:
        return sizes[rng_below(r, 7)];
    }
}

void emit_settings(struct peer *p, bool first)
{
    static const uint16_t ids[] = { 1, 1, 2, 3, 4, 4, 5, 6, 8, 9, 7, 0, 0xfefe };
    struct octets payload = { 0 };
    unsigned n = rng_below(&p->rng, 5);
    if (rng_once_in(&p->rng, 80)) {
        n = 20 + rng_below(&p->rng, 20);
    }
    octets_put(&payload, "", 0);
    for (unsigned i = 0; i < n; i++) {
        uint16_t id = ids[rng_below(&p->rng, sizeof ids / sizeof ids[0])];
        if (id == H2_SETTING_NO_RFC7540_PRIORITIES && !first && !peer_bad(p)) {
            continue;
        }
        octets_u16(&payload, id);
        octets_u32(&payload, setting_value(p, id, first));
    }
    if (peer_bad(p)) {
        payload.len -= payload.len > 0 ? 1 : 0;
    }
    emit_frame(p, H2_SETTINGS, 0, peer_bad(p) ? 1 : 0, payload.ptr, payload.len);
    free(payload.ptr);
}

void emit_settings_ack(struct peer *p)
{
    if (p->in_flight > 0) {
        uint32_t *sizes = p->table_sizes;
        for (int i = 0; i < 2; i++) {
            if (sizes[i] != UINT32_MAX) {
                encoder_set_limit(&p->encoder, sizes[i]);
            }
        }
        memmove(sizes, sizes + 2, sizeof p->table_sizes - 2 * sizeof sizes[0]);
        p->in_flight--;
    } else if (!peer_bad(p)) {
        return;
    }
    emit_frame(p, H2_SETTINGS, H2_FLAG_ACK, 0, "x", peer_bad(p) ? 1 : 0);
}

void emit_window_update(struct peer *p, uint32_t stream)
{
    uint32_t increment = 1 + rng_below(&p->rng, 70000);
    uint8_t payload[5] = { 0 };
    if (peer_bad(p)) {
        increment = rng_below(&p->rng, 2) == 0 ? 0 : 0x7fffffff;
        if (!p->variable && stream != 0) {
            increment = 0;
        }
    }
    for (int i = 0; i < 4; i++) {
        payload[i] = (uint8_t)(increment >> (24 - 8 * i));
    }
    emit_frame(p, H2_WINDOW_UPDATE, 0, stream, payload,
               peer_bad(p) ? 3 + rng_below(&p->rng, 3) : 4);
}

static uint32_t some_stream(struct peer *p)
{
    struct peer_stream *s = peer_pick(p, NULL);
    if (s == NULL && !peer_bad(p)) {
        return 0;
    }
    if (s == NULL || peer_bad(p)) {
        return rng_below(&p->rng, 2) == 0 ? 0 : rng_below(&p->rng, 40);
    }
    return s->id;
}

void emit_goaway(struct peer *p)
{
    struct octets payload = { 0 };
    uint32_t last = 0x7fffffff;
    if (p->script->role == H2_ROLE_SERVER) { /* the last even id */
        last = 0x7ffffffe;
    }
    if (rng_below(&p->rng, 2) == 0) {
        last = peer_bad(p)
                   ? rng_below(&p->rng, 9)
                   : (p->next_own_id < 2 ? 0 : p->next_own_id - 2 * (1 + rng_below(&p->rng, 2)));
        last &= 0x7fffffff;
    }
    octets_u32(&payload, last);
    octets_u32(&payload, rng_below(&p->rng, 15));
    octets_put(&payload, "debugdebug", rng_below(&p->rng, 11));
    if (peer_bad(p)) {
        payload.len = 7;
    }
    emit_frame(p, H2_GOAWAY, 0, peer_bad(p) ? 1 : 0, payload.ptr, payload.len);
    free(payload.ptr);
}

static void emit_priority(struct peer *p)
{
    uint8_t payload[6] = { 0, 0, 0, 0, 7 };
    uint32_t stream = some_stream(p);
    if (stream == 0 && !p->variable) {
        stream = 99;
    }
    payload[3] = (uint8_t)rng_below(&p->rng, 20);
    if (payload[3] == stream && !p->variable) {
        payload[3] = 0;
    }
    emit_frame(p, H2_PRIORITY, 0, stream, payload, peer_bad(p) ? 4 + rng_below(&p->rng, 3) : 5);
}

static void emit_rst(struct peer *p)
{
    uint8_t payload[5] = { 0, 0, 0, (uint8_t)rng_below(&p->rng, 20) };
    uint32_t stream = some_stream(p);
    if (stream == 0 && !peer_bad(p)) {
        return;
    }
    for (size_t i = 0; i < p->stream_count; i++) {
        if (p->streams[i].id == stream) {
            p->streams[i].peer_done = p->streams[i].local_done = true;
        }
    }
    emit_frame(p, H2_RST_STREAM, 0, stream, payload, peer_bad(p) ? 3 + rng_below(&p->rng, 3) : 4);
}

void emit_control(struct peer *p)
{
    switch (rng_below(&p->rng, 18)) {
    case 0:
    case 1:
        emit_priority(p);
        break;
    case 2:
    case 3:
    case 4:
        emit_rst(p);
        break;
    case 5:
        emit_settings(p, false);
        break;
    case 6:
    case 7:
    case 8:
        emit_settings_ack(p);
        break;
    case 9:
    case 10:
        emit_frame(p, H2_PING, rng_below(&p->rng, 2) == 0 ? H2_FLAG_ACK : 0, peer_bad(p) ? 3 : 0,
                   "opaque..", peer_bad(p) ? 7 : 8);
        break;
    case 11:
    case 12:
    case 13:
        emit_extension(p);
        break;
    case 14:
        if (rng_once_in(&p->rng, 4)) {
            emit_goaway(p);
        }
        break;
    default:
        emit_window_update(p, rng_below(&p->rng, 2) == 0 ? 0 : some_stream(p));
        break;
    }
}

static void put_altsvc(struct peer *p, struct octets *out, uint32_t *stream)
{
    *stream = rng_below(&p->rng, 2) == 0 ? 0 : some_stream(p);
    bool origin = (*stream == 0) != rng_once_in(&p->rng, 6);
    octets_u16(out, origin ? 9 : 0);
    octets_put(out, "https://a", origin ? 9 : 0);
    octets_put(out, "h2=\":443\"", rng_once_in(&p->rng, 6) ? 0 : 9);
    if (rng_once_in(&p->rng, 10)) {
        out->len = rng_below(&p->rng, 4);
    }
}

static void put_origin(struct peer *p, struct octets *out)
{
    for (unsigned n = rng_below(&p->rng, 4); n > 0; n--) {
        unsigned len = rng_below(&p->rng, 10);
        octets_u16(out, len);
        octets_put(out, "https://example", len);
    }
    if (out->len > 0 && rng_once_in(&p->rng, 5)) {
        out->len--;
    }
}

/* Of idle streams, either one that may be opened, or many that never are: 1.52 does not take an
 * opened stream off its list of idle ones, and stumbles over its neighbours there. */
static uint32_t tame_idle(struct peer *p, uint32_t id)
{
    if (id % 2 == 0 || id < p->next_peer_id || p->script->role != H2_ROLE_SERVER) {
        return id;
    }
    if (!p->idle_opens) {
        return 1001 + 2 * rng_below(&p->rng, 8);
    }
    p->idle_id = p->idle_id == 0 ? id : p->idle_id;
    return p->idle_id;
}

static void put_priority_update(struct peer *p, struct octets *out)
{
    static const char *const values[] = { "u=1, i",       "",     "u=9",     "i",
                                          "u=3;x=1, z=1", "\x01", "u=0,i=?0" };
    uint32_t id =
        rng_below(&p->rng, 3) == 0 ? p->next_peer_id + 2 * rng_below(&p->rng, 3) : some_stream(p);
    const char *value = values[rng_below(&p->rng, sizeof values / sizeof values[0])];
    octets_u32(out, tame_idle(p, id));
    octets_put(out, value, strlen(value));
    if (rng_once_in(&p->rng, 8)) {
        octets_put(out, "                             ", 20 + rng_below(&p->rng, 9));
    }
    if (rng_once_in(&p->rng, 20)) {
        out->len = rng_below(&p->rng, 5);
    }
}

void emit_extension(struct peer *p)
{
    static const uint8_t types[] = { H2_ALTSVC, H2_ORIGIN, H2_PRIORITY_UPDATE, 0x20, 0x0b, 0xff };
    struct octets payload = { 0 };
    unsigned type = types[rng_below(&p->rng, sizeof types)];
    uint32_t stream = 0;
    octets_put(&payload, "", 0);
    if (type == H2_ALTSVC) {
        put_altsvc(p, &payload, &stream);
    } else if (type == H2_ORIGIN) {
        put_origin(p, &payload);
        stream = rng_once_in(&p->rng, 8) ? 1 : 0;
    } else if (type == H2_PRIORITY_UPDATE) {
        put_priority_update(p, &payload);
        stream = peer_bad(p) ? 1 : 0;
    } else {
        stream = rng_below(&p->rng, 9);
        octets_put(&payload, "anything at all", rng_below(&p->rng, 16));
    }
    unsigned flags = rng_once_in(&p->rng, 4) ? rng_below(&p->rng, 256) : 0;
    emit_frame(p, type, flags, stream, payload.ptr, payload.len);
    free(payload.ptr);
}

void emit_wild(struct peer *p)
{
    static const uint16_t lengths[] = { 0, 1, 3, 4, 5, 6, 8, 9, 12, 18, 40 };
    uint8_t payload[40];
    unsigned type = rng_below(&p->rng, 14);
    uint32_t stream = rng_below(&p->rng, 3) == 0 ? some_stream(p) : rng_below(&p->rng, 30);
    size_t length = lengths[rng_below(&p->rng, sizeof lengths / sizeof lengths[0])];
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = rng_below(&p->rng, 3) == 0 ? (uint8_t)rng_next(&p->rng) : 0;
    }
    if (rng_once_in(&p->rng, 30)) { /* just above the limit that most sessions have */
        static uint8_t large[16385];
        emit_frame(p, type, 0, stream, large, sizeof large - rng_below(&p->rng, 2));
        return;
    }
    if (type == H2_PRIORITY && !p->variable) {
        return;
    }
    emit_frame(p, type, rng_below(&p->rng, 64), stream, payload, length);
}

void emit_flood(struct peer *p)
{
    unsigned n = 4 + rng_below(&p->rng, 30), kind = rng_below(&p->rng, 8);
    for (unsigned i = 0; i < n; i++) {
        switch (kind) {
        case 0:
        case 1:
            emit_frame(p, H2_PING, 0, 0, "floodflo", 8);
            break;
        case 2:
            emit_frame(p, H2_SETTINGS, 0, 0, "", 0);
            break;
        case 3:
        case 4:
            emit_rst(p);
            break;
        case 5:
            emit_data(p, some_stream(p), 0, false);
            break;
        case 6:
            emit_extension(p);
            break;
        default:
            emit_window_update(p, some_stream(p));
            break;
        }
    }
}
