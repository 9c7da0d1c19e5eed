/* Packets for tests of the network layer: TCP over IPv4 without a link header, between two hosts.
 * And a listener that keeps what it was told, octet by octet. */
#ifndef H2DUMP_TESTS_WIRE_H
#define H2DUMP_TESTS_WIRE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "net/net.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

#define WIRE_HEADERS 40

/* One segment as a test thinks of it. */
struct wire {
    unsigned side; /* 0: from 10.0.0.1 port 1000; 1: from 10.0.0.2 port 80 */
    unsigned flags;
    uint32_t seq, ack;
    const uint8_t *payload;
    size_t len;
    size_t cut;     /* octets at its end that are not in the capture */
    uint64_t ms;    /* capture time */
    uint32_t drops; /* that the capture tells of */
    uint16_t port;  /* of side 0; 0: 1000 */
};

static inline void wire_put(uint8_t *at, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    }
}

/* The headers of a segment, WIRE_HEADERS octets. */
static inline void wire_headers(uint8_t *at, const struct wire *wire)
{
    uint16_t client = wire->port != 0 ? wire->port : 1000;
    memset(at, 0, WIRE_HEADERS);
    at[0] = 0x45;
    wire_put(at + 2, WIRE_HEADERS + wire->len, 2);
    at[9] = 6;
    wire_put(at + 12, wire->side == 0 ? 0x0a000001 : 0x0a000002, 4);
    wire_put(at + 16, wire->side == 0 ? 0x0a000002 : 0x0a000001, 4);
    wire_put(at + 20, wire->side == 0 ? client : 80, 2);
    wire_put(at + 22, wire->side == 0 ? 80 : client, 2);
    wire_put(at + 24, wire->seq, 4);
    wire_put(at + 28, wire->ack, 4);
    at[32] = 0x50;
    at[33] = (uint8_t)wire->flags;
}

/* Gives a segment to the net, in memory of exactly its length. number: of the packet. */
static inline int wire_send(struct net *net, const struct wire *wire, uint64_t number)
{
    size_t len = WIRE_HEADERS + wire->len - wire->cut;
    uint8_t *octets = malloc(len);
    if (octets == NULL) {
        abort();
    }
    wire_headers(octets, wire);
    for (size_t i = WIRE_HEADERS; i < len; i++) {
        octets[i] = wire->payload[i - WIRE_HEADERS];
    }
    struct packet packet = {
        .pos = { .packet = number, .ts_ns = wire->ms * 1000000, .ts_known = true },
        .link_type = 101,
        .octets = span_of(octets, len),
        .wire_len = WIRE_HEADERS + wire->len,
        .drops = wire->drops,
    };
    int rc = net_packet(net, &packet);
    free(octets);
    return rc;
}

/* What one side of one connection delivered. */
struct heard_side {
    uint8_t *octets, *known; /* known: 1 an octet, 0 a gap */
    uint64_t len;
    uint64_t calls;
    uint64_t gaps[GAP_TLS + 1];
    int closed; /* enum close_cause, -1: not */
};

struct heard {
    struct heard_side side[2];
    struct flow_info info;
    bool freed;
    int answer; /* what bytes returns */
    bool discard;
};

static inline void heard_grow(struct heard_side *side, uint64_t len, const uint8_t *octets)
{
    if (len == 0) {
        return;
    }
    side->octets = realloc(side->octets, side->len + len);
    side->known = realloc(side->known, side->len + len);
    if (side->octets == NULL || side->known == NULL) {
        abort();
    }
    if (octets != NULL) {
        memcpy(side->octets + side->len, octets, len);
    } else {
        memset(side->octets + side->len, 0, len);
    }
    memset(side->known + side->len, octets != NULL, len);
    side->len += len;
}

static inline int heard_bytes(void *ctx, unsigned side, uint64_t off, struct span octets,
                              const struct pos *pos)
{
    struct heard *heard = ctx;
    assert(octets.len > 0 && pos->packet > 0);
    heard->side[side].calls++;
    if (heard->discard) {
        heard->side[side].len += octets.len;
    } else {
        assert(off == heard->side[side].len);
        heard_grow(&heard->side[side], octets.len, octets.ptr);
    }
    return heard->answer;
}

static inline int heard_gap(void *ctx, unsigned side, uint64_t off, uint64_t len,
                            enum gap_cause cause, const struct pos *before, const struct pos *after)
{
    struct heard *heard = ctx;
    assert(off == heard->side[side].len && len > 0);
    assert(before == NULL || before->packet > 0);
    assert(after == NULL || after->packet > 0);
    heard->side[side].gaps[cause] += len;
    if (heard->discard) {
        heard->side[side].len += len;
        return SINK_MORE;
    }
    heard_grow(&heard->side[side], len, NULL);
    return SINK_MORE;
}

static inline void heard_close(void *ctx, unsigned side, enum close_cause cause,
                               const struct pos *pos)
{
    struct heard *heard = ctx;
    (void)pos;
    assert(heard->side[side].closed < 0);
    heard->side[side].closed = (int)cause;
}

static inline void heard_free(void *ctx)
{
    struct heard *heard = ctx;
    assert(!heard->freed);
    heard->freed = true;
}

static const struct stream_sink_ops heard_ops = {
    .bytes = heard_bytes, .gap = heard_gap, .close = heard_close, .free = heard_free
};

static inline void heard_fini(struct heard *heard)
{
    for (int side = 0; side < 2; side++) {
        free(heard->side[side].octets);
        free(heard->side[side].known);
    }
    memset(heard, 0, sizeof *heard);
}

/* ---- a net, and all that was heard of it ---- */

#define CONNECTIONS 64

/* One net and all that was heard of it. */
struct world {
    struct mem mem;
    struct net *net;
    struct heard heard[CONNECTIONS];
    unsigned opened;
    unsigned notes[CHECK_COUNT];
    char last_note[256];
    uint64_t packets;
    bool refuse; /* on_open: not interested */
    bool discard;
};

static inline struct stream_sink world_open(void *ctx, const struct flow_info *info)
{
    struct world *world = ctx;
    if (world->refuse) {
        return (struct stream_sink){ NULL, NULL };
    }
    assert_true(world->opened < CONNECTIONS);
    struct heard *heard = &world->heard[world->opened++];
    *heard = (struct heard){ .info = *info, .discard = world->discard };
    heard->side[0].closed = heard->side[1].closed = -1;
    return (struct stream_sink){ &heard_ops, heard };
}

static inline void world_note(void *ctx, const struct flow_info *info, const struct finding *note)
{
    struct world *world = ctx;
    assert_true(info->id > 0);
    assert_int_equal(note->severity, SEVERITY_NOTE);
    world->notes[note->check]++;
    (void)snprintf(world->last_note, sizeof world->last_note, "%s", note->message);
}

static inline void world_init_with(struct world *world, const struct net_options *options)
{
    static const struct net_events events = { .on_open = world_open, .on_note = world_note };
    memset(world, 0, sizeof *world);
    mem_init(&world->mem, 0);
    world->net = net_new(&world->mem, options, &events, world);
    assert_non_null(world->net);
}

static inline void world_init(struct world *world)
{
    struct net_options options;
    net_options_init(&options);
    options.all_views = true; /* connections of tests begin with the same numbers */
    world_init_with(world, &options);
}

static inline void world_fini(struct world *world)
{
    net_free(world->net);
    for (unsigned i = 0; i < world->opened; i++) {
        assert_true(world->heard[i].freed);
        heard_fini(&world->heard[i]);
    }
    assert_int_equal(world->mem.used, 0);
}

static inline void say(struct world *world, struct wire wire)
{
    assert_int_equal(wire_send(world->net, &wire, ++world->packets), 0);
}

/* The content of a stream at an offset; the sides differ. */
static inline uint8_t octet_at(unsigned side, uint64_t off)
{
    return (uint8_t)(off * 7 + off / 251 + side * 101 + 1);
}

static const uint8_t *stream(unsigned side)
{
    static uint8_t streams[2][1 << 17];
    if (streams[side][0] != octet_at(side, 0)) {
        for (size_t i = 0; i < sizeof streams[side]; i++) {
            streams[side][i] = octet_at(side, i);
        }
    }
    return streams[side];
}

/* Octets [off, off + len) of side 0 (from sequence number 101 on) or 1 (from 501 on). */
static inline struct wire data(unsigned side, uint64_t off, size_t len, uint64_t peer_has)
{
    return (struct wire){ .side = side,
                          .flags = ACK,
                          .seq = (uint32_t)((side == 0 ? 101 : 501) + off),
                          .ack = (uint32_t)((side == 0 ? 501 : 101) + peer_has),
                          .payload = stream(side) + off,
                          .len = len };
}

static inline void handshake(struct world *world)
{
    say(world, (struct wire){ .side = 0, .flags = SYN, .seq = 100 });
    say(world, (struct wire){ .side = 1, .flags = SYN | ACK, .seq = 500, .ack = 101 });
    say(world, data(0, 0, 0, 0));
}

/* The octets that were heard are the right ones, and so many. */
static inline void assert_heard(const struct heard *heard, unsigned side, uint64_t len,
                                uint64_t missing)
{
    uint64_t unknown = 0;
    assert_int_equal(heard->side[side].len, len);
    for (uint64_t i = 0; i < len; i++) {
        if (!heard->side[side].known[i]) {
            unknown++;
        } else if (heard->side[side].octets[i] != octet_at(side, i)) {
            fail_msg("side %u, octet %llu", side, (unsigned long long)i);
        }
    }
    assert_int_equal(unknown, missing);
}

#endif
