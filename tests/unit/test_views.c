/* One connection captured several times, and remarks on what came: checksums, urgent data, losses
 * that the capture tells of. */
#include "testing.h"

#include "spec/limits.h"
#include "wire.h"

static void views_world(struct world *world, bool all_views)
{
    struct net_options options;
    net_options_init(&options);
    options.all_views = all_views;
    world_init_with(world, &options);
}

static struct wire at_port(struct wire wire, uint16_t port)
{
    wire.port = port;
    return wire;
}

static void syn(struct world *world, uint16_t port, uint32_t isn, uint64_t ms)
{
    say(world, (struct wire){ .side = 0, .flags = SYN, .seq = isn, .port = port, .ms = ms });
}

static void syn_ack(struct world *world, uint16_t port, uint32_t isn, uint64_t ms)
{
    say(world,
        (struct wire){
            .side = 1, .flags = SYN | ACK, .seq = 500, .ack = isn + 1, .port = port, .ms = ms });
}

/* Before and after address translation: each packet twice, the answers in the other order. */
static void seen_twice(void **state)
{
    (void)state;
    for (unsigned all = 0; all < 2; all++) {
        struct world world;
        views_world(&world, all == 1);
        syn(&world, 1000, 100, 0);
        syn(&world, 2000, 100, 0);
        syn_ack(&world, 2000, 100, 1);
        syn_ack(&world, 1000, 100, 1);
        for (unsigned i = 0; i < 10; i++) {
            say(&world, at_port(data(0, i * 10, 10, i * 10), 1000));
            say(&world, at_port(data(0, i * 10, 10, i * 10), 2000));
            say(&world, at_port(data(1, i * 10, 10, i * 10 + 10), 2000));
            say(&world, at_port(data(1, i * 10, 10, i * 10 + 10), 1000));
        }
        assert_int_equal(net_end(world.net), 0);
        assert_int_equal(world.opened, 1 + all);
        for (unsigned i = 0; i <= all; i++) {
            assert_heard(&world.heard[i], 0, 100, 0);
            assert_heard(&world.heard[i], 1, 100, 0);
        }
        /* the one that began first, though its handshake was complete last */
        assert_int_equal(world.heard[0].info.ends[0].port, 1000);
        assert_int_equal(net_stats(world.net)->views, 1 - all);
        assert_int_equal(world.notes[CHECK_CAPTURE_VIEW], 0);
        world_fini(&world);
    }
}

/* The other addresses are told with the connection, or in a note when it was told already. */
static const struct other_view *told;
static struct other_view copies[16];

static struct stream_sink open_for_views(void *ctx, const struct flow_info *info)
{
    size_t count = 0;
    for (const struct other_view *view = info->also_seen; view != NULL; view = view->next) {
        copies[count++] = *view;
    }
    told = count > 0 ? copies : NULL;
    copies[count].client.port = 0;
    return world_open(ctx, info);
}

static void views_are_told(void **state)
{
    (void)state;
    static const struct net_events events = { .on_open = open_for_views, .on_note = world_note };
    struct world world;
    struct net_options options;
    memset(&world, 0, sizeof(world));
    mem_init(&world.mem, 0);
    net_options_init(&options);
    world.net = net_new(&world.mem, &options, &events, &world);
    assert_non_null(world.net);
    for (uint16_t port = 1000; port < 1000 + 2 * LIMIT_VIEWS; port++) {
        syn(&world, port, 100, 0);
        syn_ack(&world, port, 100, 0);
    }
    say(&world, data(0, 0, 10, 0));
    assert_int_equal(world.opened, 1);
    assert_int_equal(net_stats(world.net)->views, 2 * LIMIT_VIEWS - 1);
    for (uint16_t i = 0; i < LIMIT_VIEWS; i++) {
        assert_int_equal(copies[i].client.port, 1001 + i);
        assert_int_equal(copies[i].server.port, 80);
    }
    assert_int_equal(copies[LIMIT_VIEWS].client.port, 0);
    syn(&world, 3000, 100, 500);
    syn_ack(&world, 3000, 100, 501);
    assert_int_equal(world.notes[CHECK_CAPTURE_VIEW], 1);
    assert_string_equal(world.last_note, "also seen as 10.0.0.1:3000 > 10.0.0.2:80");
    say(&world, at_port(data(0, 0, 10, 0), 3000));
    assert_int_equal(world.opened, 1);
    world_fini(&world);
}

/* The same numbers a second later, or other numbers, or no SYN: connections of their own. */
static void no_views(void **state)
{
    (void)state;
    struct world world;
    views_world(&world, false);
    syn(&world, 1000, 100, 0);
    syn_ack(&world, 1000, 100, 0);
    syn(&world, 1001, 100, 1001);
    syn_ack(&world, 1001, 100, 1002);
    syn(&world, 1002, 101, 0);
    syn_ack(&world, 1002, 101, 0);
    syn_ack(&world, 1003, 100, 0);
    for (uint16_t port = 1000; port < 1004; port++) {
        say(&world, at_port(data(1, 0, 10, 0), port));
    }
    assert_int_equal(world.opened, 4);
    assert_int_equal(net_stats(world.net)->views, 0);
    world_fini(&world);
}

/* A view's ports are used again: a connection of its own. Many come and go; nothing is left. */
static void hidden_ones_end(void **state)
{
    (void)state;
    struct world world;
    views_world(&world, false);
    for (uint32_t round = 0; round < 30; round++) {
        uint32_t isn = 100 + round * 1000;
        uint64_t ms = round * 3000;
        for (uint16_t port = 1000; port <= 2000; port += 1000) {
            syn(&world, port, isn, ms);
            syn_ack(&world, port, isn, ms);
        }
        for (uint16_t port = 1000; port <= 2000; port += 1000) {
            struct wire wire = at_port(data(0, 0, 10, 0), port);
            wire.seq = isn + 1;
            wire.ms = ms + 1;
            say(&world, wire);
            say(&world, (struct wire){ .side = 0,
                                       .flags = RST | ACK,
                                       .seq = isn + 11,
                                       .ack = 501,
                                       .port = port,
                                       .ms = ms + 2 });
        }
    }
    assert_int_equal(world.opened, 30);
    assert_int_equal(net_stats(world.net)->views, 30);
    assert_int_equal(net_end(world.net), 0);
    world_fini(&world);
}

/* "-i any": every packet twice under the same addresses. Nothing of it is seen. */
static void copies_vanish(void **state)
{
    (void)state;
    struct world world;
    views_world(&world, false);
    for (unsigned twice = 0; twice < 2; twice++) {
        syn(&world, 1000, 100, 0);
    }
    for (unsigned twice = 0; twice < 2; twice++) {
        syn_ack(&world, 1000, 100, 0);
    }
    for (unsigned i = 0; i < 100; i++) {
        struct wire wire = data(i % 2, i / 2 * 10, 10, (i + 1) / 2 * 10);
        if (i >= 98) {
            wire.flags |= FIN;
        }
        say(&world, wire);
        say(&world, wire);
    }
    assert_int_equal(net_end(world.net), 0);
    assert_int_equal(world.opened, 1);
    assert_heard(&world.heard[0], 0, 500, 0);
    assert_heard(&world.heard[0], 1, 500, 0);
    assert_int_equal(world.heard[0].side[0].closed, CLOSE_FIN);
    assert_int_equal(world.heard[0].side[1].closed, CLOSE_FIN);
    assert_int_equal(net_stats(world.net)->tcp_connections, 1);
    for (int check = 0; check < CHECK_COUNT; check++) {
        assert_int_equal(world.notes[check], 0);
    }
    world_fini(&world);
}

/* ---- remarks ---- */

static void urgent_data(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    handshake(&world);
    struct wire wire = data(0, 0, 10, 0);
    wire.flags |= 0x20;
    say(&world, wire);
    wire = data(0, 10, 10, 0);
    wire.flags |= 0x20;
    say(&world, wire);
    assert_heard(&world.heard[0], 0, 20, 0);
    assert_int_equal(world.notes[CHECK_CAPTURE_URGENT], 1);
    world_fini(&world);
}

static void far_ahead(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    handshake(&world);
    say(&world, data(0, 0, 10, 0));
    struct wire wire = data(0, 0, 10, 0);
    wire.seq += (1u << 30) + 100;
    say(&world, wire);
    say(&world, wire);
    say(&world, data(0, 10, 10, 0));
    assert_int_equal(net_end(world.net), 0);
    assert_heard(&world.heard[0], 0, 20, 0);
    assert_int_equal(net_stats(world.net)->out_of_window, 2);
    assert_int_equal(world.notes[CHECK_CAPTURE_OUT_OF_WINDOW], 1);
    world_fini(&world);
}

/* Which copy of an octet counts while none was delivered; the note comes either way. */
static void overlap_first_or_last(void **state)
{
    (void)state;
    for (unsigned last = 0; last < 2; last++) {
        struct world world;
        struct net_options options;
        net_options_init(&options);
        options.overlap_last = last == 1;
        world_init_with(&world, &options);
        handshake(&world);
        say(&world, data(0, 10, 20, 0));
        struct wire other = data(0, 15, 10, 0);
        other.payload = (const uint8_t *)"XXXXXXXXXX";
        say(&world, other);
        say(&world, data(0, 0, 10, 0));
        const struct heard_side *side = &world.heard[0].side[0];
        assert_int_equal(side->len, 30);
        for (uint64_t i = 0; i < 30; i++) {
            bool is_other = last == 1 && i >= 15 && i < 25;
            assert_int_equal(side->octets[i], is_other ? 'X' : octet_at(0, i));
        }
        assert_int_equal(world.notes[CHECK_CAPTURE_OVERLAP_CONFLICT], 1);
        world_fini(&world);
    }
}

/* ---- checksums ---- */

static uint32_t sum_of(uint32_t sum, const uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += (uint32_t)octets[i] << (i % 2 == 0 ? 8 : 0);
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

enum spoil { GOOD, WRONG_IP, WRONG_TCP, UNSET, CUT };

/* A segment of side 0 with right checksums, but for what is spoilt. */
static void send_summed(struct world *world, uint64_t off, size_t len, bool v6, enum spoil spoil)
{
    struct wire wire = data(0, off, len, 0);
    uint8_t octets[200] = { 0 };
    uint8_t *ip = octets + 20, *tcp = octets + 40;
    wire_headers(ip, &wire);
    memcpy(tcp + 20, wire.payload, len);
    uint32_t pseudo = sum_of(6 + 20 + (uint32_t)len, ip + 12, 8);
    if (v6) {
        ip = octets;
        memset(ip, 0, 40);
        ip[0] = 0x60;
        wire_put(ip + 4, 20 + len, 2);
        ip[6] = 6;
        ip[23] = 1;
        ip[39] = 2;
        pseudo = sum_of(6 + 20 + (uint32_t)len, ip + 8, 32);
    } else {
        wire_put(ip + 10, ~sum_of(0, ip, 20), 2);
    }
    wire_put(tcp + 16, ~sum_of(pseudo, tcp, 20 + len), 2);
    switch (spoil) {
    case GOOD:
    case CUT:
        break;
    case WRONG_IP:
        ip[10] ^= 0x40;
        break;
    case WRONG_TCP:
        tcp[16] ^= 0x40;
        break;
    case UNSET:
        wire_put(tcp + 16, pseudo, 2);
        break;
    }
    size_t total = (size_t)(tcp - ip) + 20 + len;
    struct packet packet = { .pos = { .packet = ++world->packets },
                             .link_type = 101,
                             .octets = span_of(ip, total - (spoil == CUT)),
                             .wire_len = total };
    assert_int_equal(net_packet(world->net, &packet), 0);
}

static void checksums(void **state)
{
    (void)state;
    for (unsigned asked = 0; asked < 2; asked++) {
        struct world world;
        struct net_options options;
        net_options_init(&options);
        options.check_sums = asked == 1;
        world_init_with(&world, &options);
        static const struct {
            size_t len;
            bool v6;
            enum spoil spoil;
        } rows[] = { { 11, false, GOOD },      { 10, false, GOOD },      { 9, false, WRONG_IP },
                     { 11, false, WRONG_TCP }, { 12, false, WRONG_TCP }, { 13, false, UNSET },
                     { 7, true, GOOD },        { 8, true, WRONG_TCP },   { 8, true, UNSET },
                     { 5, false, CUT } };
        uint64_t offs[2] = { 0 };
        for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
            send_summed(&world, offs[rows[i].v6], rows[i].len, rows[i].v6, rows[i].spoil);
            offs[rows[i].v6] += rows[i].len;
        }
        const struct net_stats *stats = net_stats(world.net);
        assert_int_equal(stats->wrong_ip_sums, asked);
        assert_int_equal(stats->wrong_tcp_sums, 3 * asked);
        assert_int_equal(stats->unset_tcp_sums, 2 * asked);
        assert_int_equal(world.notes[CHECK_CAPTURE_CHECKSUM], 2 * asked); /* once a connection */
        assert_heard(&world.heard[0], 0, offs[0], 1);
        assert_heard(&world.heard[1], 0, offs[1], 0);
        world_fini(&world);
    }
}

/* ---- losses that the capture tells of ---- */

static bool gap_after_drops;

static int keep_gap(void *ctx, unsigned side, uint64_t off, uint64_t len, enum gap_cause cause,
                    const struct pos *before, const struct pos *after)
{
    gap_after_drops =
        (before != NULL && before->after_drops) || (after != NULL && after->after_drops);
    return heard_gap(ctx, side, off, len, cause, before, after);
}

static struct stream_sink open_for_gaps(void *ctx, const struct flow_info *info)
{
    static const struct stream_sink_ops ops = {
        .bytes = heard_bytes, .gap = keep_gap, .close = heard_close, .free = heard_free
    };
    struct stream_sink sink = world_open(ctx, info);
    sink.ops = &ops;
    return sink;
}

/* where: 0 nowhere, 1 on the packet behind the hole, 2 on a packet of nobody before it, 3 long
 * before, 4 after. */
static void drops_explain_gaps(void **state)
{
    (void)state;
    static const struct net_events events = { .on_open = open_for_gaps, .on_note = world_note };
    for (unsigned where = 0; where < 5; where++) {
        struct world world;
        struct net_options options;
        memset(&world, 0, sizeof(world));
        mem_init(&world.mem, 0);
        net_options_init(&options);
        world.net = net_new(&world.mem, &options, &events, &world);
        assert_non_null(world.net);
        gap_after_drops = false;
        handshake(&world);
        struct wire wire = data(0, 0, 10, 0);
        wire.drops = where == 3 ? 7 : 0;
        say(&world, wire);
        wire = at_port(data(1, 0, 10, 0), 4000);
        wire.drops = where == 2 ? 7 : 0;
        say(&world, wire);
        wire = data(0, 20, 10, 0);
        wire.drops = where == 1 ? 7 : 0;
        say(&world, wire);
        wire = data(0, 30, 10, 0);
        wire.drops = where == 4 ? 7 : 0;
        say(&world, wire);
        say(&world, data(1, 0, 10, 40));
        assert_int_equal(net_end(world.net), 0);
        assert_int_equal(world.heard[0].side[0].gaps[GAP_LOST], 10);
        assert_int_equal(gap_after_drops, where == 1 || where == 2);
        world_fini(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seen_twice),    cmocka_unit_test(views_are_told),
        cmocka_unit_test(no_views),      cmocka_unit_test(hidden_ones_end),
        cmocka_unit_test(copies_vanish), cmocka_unit_test(urgent_data),
        cmocka_unit_test(far_ahead),     cmocka_unit_test(overlap_first_or_last),
        cmocka_unit_test(checksums),     cmocka_unit_test(drops_explain_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
