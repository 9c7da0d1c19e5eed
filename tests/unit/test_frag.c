/* IP fragments: in any order, repeated, overlapping, cut, too many, too late, and in tunnels. */
#include "testing.h"

#include "spec/limits.h"
#include "wire.h"

static uint32_t seed;

/* A number below n. */
static uint32_t random_below(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(seed >> 4) * n) >> 28);
}

/* A datagram whose payload is a TCP segment with so many octets of stream 0 from an offset on. */
struct datagram {
    bool v6;
    uint32_t id;
    uint64_t off;
    size_t len;
    uint64_t ms;
};

#define TCP_HEADER   20
#define DATAGRAM_MAX 65535

static size_t payload_of(const struct datagram *datagram, uint8_t *payload)
{
    struct wire wire = data(0, datagram->off, datagram->len, 0);
    uint8_t headers[WIRE_HEADERS];
    wire_headers(headers, &wire);
    memcpy(payload, headers + 20, TCP_HEADER);
    memcpy(payload + TCP_HEADER, wire.payload, datagram->len);
    return TCP_HEADER + datagram->len;
}

/* Sends octets [from, to) of the payload; flip: with another content. cut: of its end, not in the
 * capture. */
static void send_part(struct world *world, const struct datagram *datagram, size_t from, size_t to,
                      bool flip, size_t cut)
{
    static uint8_t payload[DATAGRAM_MAX];
    size_t total = payload_of(datagram, payload);
    size_t header_len = datagram->v6 ? 48 : 20;
    bool more = to < total;
    uint8_t *octets = calloc(1, header_len + to - from);
    assert_non_null(octets);
    if (datagram->v6) {
        octets[0] = 0x60;
        wire_put(octets + 4, 8 + to - from, 2);
        octets[6] = 44;
        octets[23] = 1;
        octets[39] = 2;
        octets[40] = 6;
        wire_put(octets + 42, from | more, 2);
        wire_put(octets + 44, datagram->id, 4);
    } else {
        octets[0] = 0x45;
        wire_put(octets + 2, header_len + to - from, 2);
        wire_put(octets + 4, datagram->id, 2);
        wire_put(octets + 6, (more ? 0x2000u : 0u) | from / 8, 2);
        octets[9] = 6;
        wire_put(octets + 12, 0x0a000001, 4);
        wire_put(octets + 16, 0x0a000002, 4);
    }
    for (size_t i = from; i < to; i++) {
        octets[header_len + i - from] = (uint8_t)(payload[i] ^ (flip ? 0xff : 0));
    }
    /* exactly as long as it is, so that a sanitizer sees what is read beyond */
    uint8_t *exact = malloc(header_len + to - from - cut);
    assert_non_null(exact);
    memcpy(exact, octets, header_len + to - from - cut);
    struct packet packet = {
        .pos = { .packet = ++world->packets, .ts_ns = datagram->ms * 1000000, .ts_known = true },
        .link_type = 101,
        .octets = span_of(exact, header_len + to - from - cut),
        .wire_len = header_len + to - from,
    };
    assert_int_equal(net_packet(world->net, &packet), 0);
    free(exact);
    free(octets);
}

static uint64_t heard_len(const struct world *world)
{
    return world->opened > 0 ? world->heard[0].side[0].len : 0;
}

static void in_every_order(void **state)
{
    (void)state;
    static const size_t parts[4][2] = { { 0, 24 }, { 24, 64 }, { 64, 104 }, { 104, 125 } };
    for (unsigned order = 0; order < 48; order++) {
        struct world world;
        struct datagram datagram = { .v6 = order % 2, .id = 7, .len = 105 };
        bool sent[4] = { false };
        unsigned rest = order / 2;
        world_init(&world);
        for (unsigned left = 4; left > 0; left--) {
            unsigned pick = rest % left;
            rest /= left;
            size_t i = 0;
            while (sent[i] || pick > 0) {
                pick -= !sent[i];
                i++;
            }
            sent[i] = true;
            assert_int_equal(heard_len(&world), 0);
            send_part(&world, &datagram, parts[i][0], parts[i][1], false, 0);
        }
        assert_heard(&world.heard[0], 0, 105, 0);
        assert_int_equal(net_end(world.net), 0);
        assert_int_equal(net_stats(world.net)->fragments, 4);
        assert_int_equal(net_stats(world.net)->fragments_lost, 0);
        assert_int_equal(net_stats(world.net)->tcp_packets, 1);
        assert_int_equal(net_stats(world.net)->payload_octets, 105);
        world_fini(&world);
    }
}

/* The packet is the last one's that came; the first one's is told beside it. */
static struct pos last_pos;

static int keep_pos(void *ctx, unsigned side, uint64_t off, struct span octets,
                    const struct pos *pos)
{
    last_pos = *pos;
    return heard_bytes(ctx, side, off, octets, pos);
}

static struct stream_sink open_for_pos(void *ctx, const struct flow_info *info)
{
    static const struct stream_sink_ops ops = {
        .bytes = keep_pos, .gap = heard_gap, .close = heard_close, .free = heard_free
    };
    struct stream_sink sink = world_open(ctx, info);
    sink.ops = &ops;
    return sink;
}

static void packet_numbers(void **state)
{
    (void)state;
    static const struct net_events events = { .on_open = open_for_pos, .on_note = world_note };
    struct world world;
    struct net_options options;
    memset(&world, 0, sizeof(world));
    mem_init(&world.mem, 0);
    net_options_init(&options);
    world.net = net_new(&world.mem, &options, &events, &world);
    assert_non_null(world.net);
    handshake(&world);
    struct datagram datagram = { .id = 1, .len = 60, .ms = 100 };
    struct datagram other = { .id = 2, .off = 60, .len = 40, .ms = 105 };
    send_part(&world, &datagram, 40, 80, false, 0);
    send_part(&world, &other, 0, 60, false, 0);
    datagram.ms = 110;
    send_part(&world, &datagram, 0, 40, false, 0);
    assert_heard(&world.heard[0], 0, 100, 0);
    assert_int_equal(last_pos.packet, 5); /* the whole one, which had to wait */
    assert_int_equal(last_pos.since_packet, 0);
    datagram = (struct datagram){ .id = 3, .off = 100, .len = 60, .ms = 120 };
    send_part(&world, &datagram, 0, 40, false, 0);
    datagram.ms = 125;
    send_part(&world, &datagram, 40, 80, false, 0);
    assert_int_equal(last_pos.packet, 8);
    assert_int_equal(last_pos.ts_ns, 125000000);
    assert_int_equal(last_pos.since_packet, 7);
    assert_int_equal(last_pos.since_ns, 120000000);
    world_fini(&world);
}

/* Several interfaces captured at once show every fragment twice: nothing is left of the copies, in
 * whatever order they come. */
static void copies(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct world world;
        struct datagram datagram = { .v6 = v6 == 1, .id = 7, .len = 60 };
        world_init(&world);
        send_part(&world, &datagram, 0, 40, false, 0);
        send_part(&world, &datagram, 0, 40, false, 0);
        send_part(&world, &datagram, 40, 80, false, 0);
        send_part(&world, &datagram, 40, 80, false, 0);
        assert_heard(&world.heard[0], 0, 60, 0);
        /* the same id again, at once: another datagram */
        datagram.off = 60;
        send_part(&world, &datagram, 0, 40, false, 0);
        send_part(&world, &datagram, 40, 80, false, 0);
        assert_heard(&world.heard[0], 0, 120, 0);
        /* and again, later, with the same content */
        datagram.ms = 100;
        send_part(&world, &datagram, 0, 40, false, 0);
        send_part(&world, &datagram, 40, 80, false, 0);
        assert_int_equal(net_end(world.net), 0);
        assert_int_equal(net_stats(world.net)->fragments_lost, 0);
        assert_int_equal(net_stats(world.net)->fragments_overlapping, 0);
        assert_int_equal(net_stats(world.net)->tcp_packets, 3);
        world_fini(&world);
    }
}

/* RFC 5722: IPv6 gives the datagram up, with what is still to come of it. IPv4: the first copy of
 * an octet counts. */
static void overlaps(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct world world;
        struct datagram datagram = { .v6 = v6 == 1, .id = 7, .len = 60 };
        world_init(&world);
        send_part(&world, &datagram, 0, 40, false, 0);
        send_part(&world, &datagram, 32, 64, true, 0); /* two octets of it are new: 40 to 64 */
        send_part(&world, &datagram, 40, 80, false, 0);
        assert_int_equal(net_stats(world.net)->fragments_overlapping, v6 == 1 ? 1 : 2);
        if (v6 == 1) {
            assert_int_equal(world.opened, 0);
            assert_int_equal(net_end(world.net), 0);
            assert_int_equal(net_stats(world.net)->fragments_lost, 3);
        } else {
            const struct heard_side *side = &world.heard[0].side[0];
            assert_int_equal(side->len, 60);
            for (uint64_t i = 0; i < 60; i++) {
                uint8_t flip = i + TCP_HEADER >= 40 && i + TCP_HEADER < 64 ? 0xff : 0;
                assert_int_equal(side->octets[i], (uint8_t)(octet_at(0, i) ^ flip));
            }
        }
        world_fini(&world);
    }
}

/* Ends that contradict each other spoil the datagram. */
static void ends_that_lie(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    struct datagram datagram = { .id = 1, .len = 60 };
    struct datagram longer = { .id = 1, .len = 100 };
    send_part(&world, &datagram, 40, 80, false, 0);
    send_part(&world, &longer, 80, 120, false, 0); /* behind the end */
    send_part(&world, &datagram, 0, 40, false, 0);
    datagram.id = longer.id = 2;
    send_part(&world, &longer, 80, 120, false, 0);
    send_part(&world, &datagram, 40, 80, false, 0); /* ends before it */
    send_part(&world, &datagram, 0, 40, false, 0);
    assert_int_equal(world.opened, 0);
    assert_int_equal(net_end(world.net), 0);
    assert_int_equal(net_stats(world.net)->fragments_lost, 6);
    world_fini(&world);
}

/* What the snapshot length cut off is a hole, and never wrong octets. */
static void cut_fragments(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    struct datagram datagram = { .id = 1, .len = 100 };
    send_part(&world, &datagram, 0, 64, false, 10);
    send_part(&world, &datagram, 64, 120, false, 0);
    assert_heard(&world.heard[0], 0, 100, 100 - (54 - TCP_HEADER));
    assert_int_equal(world.heard[0].side[0].gaps[GAP_SNAPLEN], 100 - (54 - TCP_HEADER));
    world_fini(&world);
}

static void too_late(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    struct datagram datagram = { .id = 1, .len = 60 };
    struct datagram other = { .id = 2, .len = 60 };
    send_part(&world, &datagram, 0, 40, false, 0);
    datagram.ms = other.ms = LIMIT_FRAGMENT_MS + 1;
    send_part(&world, &other, 0, 40, false, 0);
    assert_int_equal(net_stats(world.net)->fragments_lost, 1);
    send_part(&world, &datagram, 40, 80, false, 0);
    assert_int_equal(world.opened, 0);
    assert_int_equal(net_stats(world.net)->limits[NET_LIMIT_FRAGMENTS], 0);
    world_fini(&world);
}

/* Bounded in datagrams, in fragments of one, in octets; the oldest goes. */
static void limits(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    struct datagram datagram = { .len = 60 };
    for (datagram.id = 0; datagram.id <= LIMIT_FRAGMENT_DATAGRAMS; datagram.id++) {
        send_part(&world, &datagram, 0, 40, false, 0);
    }
    assert_int_equal(net_stats(world.net)->fragments_lost, 1);
    assert_int_equal(net_stats(world.net)->limits[NET_LIMIT_FRAGMENTS], 1);
    datagram.id = 0;
    send_part(&world, &datagram, 40, 80, false, 0);
    assert_int_equal(world.opened, 0);
    datagram.id = 5;
    send_part(&world, &datagram, 40, 80, false, 0);
    assert_int_equal(world.opened, 1);
    world_fini(&world);

    world_init(&world);
    datagram = (struct datagram){ .id = 1, .len = 8 * (LIMIT_FRAGMENTS + 1) - TCP_HEADER };
    for (size_t from = 0; from <= 8 * LIMIT_FRAGMENTS; from += 8) {
        send_part(&world, &datagram, from, from + 8, false, 0);
    }
    assert_int_equal(world.opened, 0);
    assert_int_equal(net_stats(world.net)->limits[NET_LIMIT_FRAGMENTS], 1);
    datagram = (struct datagram){ .id = 2, .len = 8 * LIMIT_FRAGMENTS - TCP_HEADER };
    for (size_t from = 0; from < 8 * LIMIT_FRAGMENTS; from += 8) {
        send_part(&world, &datagram, from, from + 8, false, 0);
    }
    assert_int_equal(world.opened, 1);
    world_fini(&world);

    world_init(&world);
    datagram = (struct datagram){ .len = 65515 };
    for (datagram.id = 0; datagram.id < 400; datagram.id++) {
        send_part(&world, &datagram, 0, 60000, false, 0);
        assert_true(world.mem.used < LIMIT_FRAGMENT_OCTETS + 200000);
    }
    assert_true(net_stats(world.net)->limits[NET_LIMIT_FRAGMENTS] > 100);
    world_fini(&world);
}

/* A datagram of the greatest length, in the smallest fragments that the limit allows. */
static void longest(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    struct datagram datagram = { .id = 1, .len = 65535 - TCP_HEADER };
    for (size_t from = 65535 - 65535 % 256; from != (size_t)0 - 256; from -= 256) {
        send_part(&world, &datagram, from, from + 256 < 65535 ? from + 256 : 65535, false, 0);
    }
    assert_heard(&world.heard[0], 0, 65535 - TCP_HEADER, 0);
    world_fini(&world);
}

/* A stream in datagrams of random cuts, orders and copies, several of them at a time: all of it is
 * there, each octet once. */
static void random_fragments(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 3000; round++) {
        struct world world;
        struct part {
            unsigned datagram;
            size_t from, to;
        } parts[64];
        struct datagram datagrams[4];
        size_t count = 0;
        uint64_t off = 0;
        seed = round;
        world_init(&world);
        struct datagram first = { .v6 = round % 2, .len = 10 }; /* whole: the stream begins here */
        send_part(&world, &first, 0, TCP_HEADER + first.len, false, 0);
        off = first.len;
        for (unsigned i = 0; i < 4; i++) {
            datagrams[i] = (struct datagram){ .v6 = round % 2,
                                              .id = random_below(3) * 4 + i,
                                              .off = off,
                                              .len = 20 + random_below(200) };
            off += datagrams[i].len;
            size_t total = datagrams[i].len + TCP_HEADER;
            for (size_t from = 0; from < total;) {
                size_t len = 8 * (2 + random_below(8));
                size_t to = from + len < total && count < 56 ? from + len : total;
                parts[count++] = (struct part){ i, from, to };
                if (random_below(5) == 0 && count < 60) {
                    parts[count] = parts[count - 1];
                    count++;
                }
                from = to;
            }
        }
        assert_true(count <= 64);
        for (size_t i = count; i > 1; i--) {
            size_t j = random_below((uint32_t)i);
            struct part part = parts[i - 1];
            parts[i - 1] = parts[j];
            parts[j] = part;
        }
        for (size_t i = 0; i < count; i++) {
            send_part(&world, &datagrams[parts[i].datagram], parts[i].from, parts[i].to, false, 0);
        }
        assert_int_equal(net_end(world.net), 0);
        assert_heard(&world.heard[0], 0, off, 0);
        assert_int_equal(net_stats(world.net)->fragments_lost, 0);
        world_fini(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_every_order), cmocka_unit_test(packet_numbers),
        cmocka_unit_test(copies),         cmocka_unit_test(overlaps),
        cmocka_unit_test(ends_that_lie),  cmocka_unit_test(cut_fragments),
        cmocka_unit_test(too_late),       cmocka_unit_test(limits),
        cmocka_unit_test(longest),        cmocka_unit_test(random_fragments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
