/* From packets to ordered octets: link layers, IP, and TCP through loss, repetition, disorder and
 * malice. */
#include "testing.h"

#include "net/tunnel.h"
#include "spec/limits.h"
#include "wire.h"

/* ---- headers ---- */

static int give(struct world *world, uint16_t link_type, const char *hex, size_t wire_extra)
{
    uint8_t octets[512];
    size_t len = 0;
    for (; *hex != '\0'; hex += *hex == ' ' ? 1 : 2) {
        if (*hex != ' ') {
            unsigned value;
            assert_int_equal(sscanf(hex, "%2x", &value), 1);
            octets[len++] = (uint8_t)value;
        }
    }
    uint8_t *exact = malloc(len);
    assert_non_null(exact);
    memcpy(exact, octets, len);
    struct packet packet = { .pos = { .packet = ++world->packets },
                             .link_type = link_type,
                             .octets = span_of(exact, len),
                             .wire_len = len + wire_extra };
    int rc = net_packet(world->net, &packet);
    free(exact);
    return rc;
}

/* TCP with five octets of payload, "hello" */
#define TCP4   "03e8005000000001000000005010ffff00000000 68656c6c6f"
#define IPV4   "4500002d00000000400600000a0000010a000002" TCP4
#define V6_TO  "20010db800000000000000000000000120010db8000000000000000000000002"
#define IPV6   "60000000001906ff" V6_TO TCP4
#define MACS   "020000000001020000000002 "
#define PADDED "000000"

#define ZEROS_24 "000000000000000000000000000000000000000000000000"
#define ZEROS_96 ZEROS_24 ZEROS_24 ZEROS_24 ZEROS_24
#define PKTAP(inner)                                                                               \
    "6c000000"                                                                                     \
    "01000000" inner ZEROS_96

struct header_row {
    const char *name;
    uint16_t link_type;
    const char *hex;
};

// clang-format off
static const struct header_row with_hello[] = {
    { "ethernet",                1, MACS "0800" IPV4 },
    { "ethernet, padded",        1, MACS "0800" IPV4 PADDED },
    { "ethernet, IPv6",          1, MACS "86dd" IPV6 PADDED },
    { "one tag",                 1, MACS "8100 0001 0800" IPV4 },
    { "QinQ",                    1, MACS "88a8 0001 8100 0002 0800" IPV4 },
    { "four tags",               1, MACS "9100 0001 9200 0001 88a8 0001 8100 0002 86dd" IPV6 },
    { "802.3 with SNAP",         1, MACS "0035 aaaa03 000000 0800" IPV4 },
    { "tag, 802.3 with SNAP",    1, MACS "8100 0001 0035 aaaa03 000000 0800" IPV4 },
    { "PPPoE",                   1, MACS "8864 11 00 0001 002f 0021" IPV4 },
    { "PPPoE, IPv6",             1, MACS "8864 11 00 0001 002f 0057" IPV6 },
    { "NULL, little",            0, "02000000" IPV4 },
    { "NULL, big",               0, "00000002" IPV4 },
    { "NULL, macOS IPv6",        0, "1e000000" IPV6 },
    { "NULL, FreeBSD IPv6",      0, "0000001c" IPV6 },
    { "NULL, odd family",        0, "63000000" IPV4 },
    { "LOOP",                  108, "00000002" IPV4 },
    { "LOOP, IPv6",            108, "00000018" IPV6 },
    { "RAW",                   101, IPV4 },
    { "RAW, IPv6",              12, IPV6 },
    { "RAW, BSD/OS",            14, IPV4 },
    { "IPV4",                  228, IPV4 },
    { "IPV6",                  229, IPV6 },
    { "PPP",                     9, "0021" IPV4 },
    { "PPP, short protocol",     9, "21" IPV4 },
    { "PPP with HDLC",           9, "ff03 0057" IPV6 },
    { "PPP_HDLC",               50, "ff03 0021" IPV4 },
    { "PPP_ETHER",              51, "11 00 0001 002f 0021" IPV4 },
    { "SLL",                   113, "0000 0304 0006 0000000000000000 0800" IPV4 },
    { "SLL, tagged",           113, "0004 0001 0006 0000000000000000 8100 0005 86dd" IPV6 },
    { "SLL2",                  276, "0800 0000 00000001 0001 00 06 0000000000000000" IPV4 },
    { "SLL2, IPv6",            276, "86dd 0000 00000001 0001 04 06 0000000000000000" IPV6 },
    { "PPP, MPLS",               9, "0281 00010140" IPV4 },
    { "PPP_ETHER, IPv6",        51, "11 00 0001 002f 0057" IPV6 },
    { "C_HDLC",                104, "0f 00 0800" IPV4 },
    { "C_HDLC, IPv6",          104, "8f 00 86dd" IPV6 },
    { "NFLOG, little",         239, "02 00 0000 0800 0100 08004001 0600 0300 7061 0000"
                                    "3100 0900" IPV4 "000000" },
    { "NFLOG, big",            239, "02 00 0000 0008 0001 08004001 0006 0003 7061 0000"
                                    "0031 0009" IPV4 "000000" },
    { "NFLOG, IPv6",           239, "0a 00 0000 4500 0900" IPV6 },
    { "PKTAP, Ethernet",       258, PKTAP("01000000") MACS "0800" IPV4 },
    { "PKTAP, raw",            258, PKTAP("0c000000") IPV6 },
    { "PKTAP, longer header",  258, "70000000" "01000000" "65000000" ZEROS_96 "00000000" IPV4 },
    { "PKTAP, USER2",          149, PKTAP("00000000") "02000000" IPV4 },
    { "MPLS",                    1, MACS "8847 00010140" IPV4 },
    { "MPLS, two labels, IPv6",  1, MACS "8848 00010040 00020140" IPV6 },
    { "MPLS behind a tag",       1, MACS "8100 0001 8847 00010140" IPV4 },
    { "MPLS, eight labels",      1, MACS "8847 00010040 00010040 00010040 00010040 00010040"
                                    "00010040 00010040 00020140" IPV4 },
    { "pseudowire",              1, MACS "8847 00010140 00000000" MACS "0800" IPV4 },
    { "pseudowire, tagged",      1, MACS "8847 00010140 00000007" MACS "8100 0001 86dd" IPV6 },
    { "Ethernet in Ethernet",    1, MACS "6558" MACS "0800" IPV4 },
    { "IPv4 options",          101, "4600003100000000400600000a0000010a000002 01010100" TCP4 },
    { "IPv4, no total length", 101, "4500000000000000400600000a0000010a000002" TCP4 },
    { "IPv4, do not fragment", 101, "4500002d00004000400600000a0000010a000002" TCP4 },
    { "TCP options",           101, "4500003100000000400600000a0000010a000002"
                                    "03e8005000000001000000006010ffff00000000 01010101 68656c6c6f" },
    { "IPv6 hop by hop",       229, "60000000002100ff" V6_TO "0600010400000000" TCP4 },
    { "IPv6 atomic fragment",  229, "6000000000212cff" V6_TO "0600000012345678" TCP4 },
    { "IPv6 chain",            229, "6000000000393cff" V6_TO "2b00000000000000" "3300000000000000"
                                    "0602000000000000" "0000000000000000" TCP4 },
    { "IPv6 jumbo",            229, "60000000000000ff" V6_TO "0600c20400000021" TCP4 },
    { "IPv6, no length",       229, "60000000000006ff" V6_TO TCP4 },
};
// clang-format on

static void headers_to_payload(void **state)
{
    (void)state;
    for (size_t i = 0; i < H2D_COUNT_OF(with_hello); i++) {
        struct world world;
        world_init(&world);
        assert_int_equal(give(&world, with_hello[i].link_type, with_hello[i].hex, 0), 0);
        assert_int_equal(net_end(world.net), 0);
        if (world.opened != 1 || world.heard[0].side[0].len != 5 ||
            memcmp(world.heard[0].side[0].octets, "hello", 5) != 0) {
            fail_msg("%s", with_hello[i].name);
        }
        assert_true(world.heard[0].info.joined);
        assert_int_equal(world.heard[0].info.ends[0].port, 1000);
        assert_int_equal(world.heard[0].info.ends[1].port, 80);
        assert_int_equal(net_stats(world.net)->payload_octets, 5);
        world_fini(&world);
    }
}

/* Every header cut at every octet: nothing is read beyond, nothing else is heard than what is
 * there, and every packet is counted once. */
static void headers_cut_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < H2D_COUNT_OF(with_hello); i++) {
        char hex[512];
        size_t len = strlen(with_hello[i].hex);
        for (size_t cut = 1; cut < len; cut++) {
            struct world world;
            world_init(&world);
            (void)snprintf(hex, sizeof hex, "%.*s", (int)(len - cut), with_hello[i].hex);
            size_t octets = 0;
            for (const char *c = hex; *c != '\0'; c++) {
                octets += *c != ' ';
            }
            if (octets % 2 == 0 && hex[strlen(hex) - 1] != ' ' && octets > 0) {
                assert_int_equal(give(&world, with_hello[i].link_type, hex, 40), 0);
                assert_int_equal(net_end(world.net), 0);
                const struct net_stats *stats = net_stats(world.net);
                assert_int_equal(stats->tcp_packets + stats->udp_packets + stats->other_packets +
                                     stats->fragments + stats->not_ip + stats->malformed,
                                 1);
            }
            world_fini(&world);
        }
    }
}

/* What is not TCP is counted under its name. */
static void headers_counted(void **state)
{
    (void)state;
    // clang-format off
    static const struct {
        uint16_t link_type;
        const char *hex;
        size_t counter;
    } rows[] = {
#define COUNTER(name) offsetof(struct net_stats, name)
        { 1, MACS "0806 0001080006040001", COUNTER(not_ip) },
        { 1, MACS "0026 424203", COUNTER(not_ip) },
        { 1, MACS "8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 0800" IPV4, COUNTER(not_ip) },
        { 1, MACS "8864 11 a7 0001 002f 0021" IPV4, COUNTER(not_ip) },
        { 113, "0000 0304 0006 0000000000000000 0004" IPV4, COUNTER(not_ip) },
        { 9, "c021 01010004", COUNTER(not_ip) },
        { 101, "00", COUNTER(not_ip) },
        { 104, "8f 00 8035 0001", COUNTER(not_ip) },
        { 239, "02 00 0000 0800 0100 08004001", COUNTER(not_ip) },
        { 239, "02 00 0000 0200 0100 08004001", COUNTER(not_ip) },
        { 258, PKTAP("02010000") "6c000000" "01000000", COUNTER(not_ip) }, /* in itself */
        { 258, "6c000000" "02000000" "01000000" ZEROS_96 MACS "0800" IPV4, COUNTER(not_ip) },
        { 149, "45000000" "00000000" "00000000", COUNTER(not_ip) }, /* something else of its own */
        { 258, PKTAP("69000000") MACS "0800" IPV4, COUNTER(not_ip) },
        { 1, MACS "8847 00010040 00010040 00010040 00010040 00010040 00010040 00010040 00010040"
             "00010140" IPV4, COUNTER(not_ip) },
        { 1, MACS "8847 00010140 a0" IPV4, COUNTER(not_ip) },
        { 1, MACS "6558" MACS "6558" MACS "6558" MACS "6558" MACS "6558" MACS "0800" IPV4,
          COUNTER(not_ip) },
        { 101, "4500001c00000000401100000a0000010a000002 03e80035 0008 0000", COUNTER(udp_packets) },
        { 101, "4500001c00000000400100000a0000010a000002 0800000000000000", COUNTER(other_packets) },
        { 101, "4500001c00002000400600000a0000010a000002 03e8005000000001", COUNTER(fragments) },
        { 101, "4500002d00000001400600000a0000010a000002" TCP4, COUNTER(fragments) },
        { 229, "6000000000102cff" V6_TO "0600000112345678 03e8005000000001", COUNTER(fragments) },
        { 229, "6000000000213bff" V6_TO "0600000112345678" TCP4, COUNTER(other_packets) },
        /* not the last, and no multiple of eight; past the end of the longest; empty */
        { 101, "4500002d00002000400600000a0000010a000002" TCP4, COUNTER(malformed) },
        { 229, "6000000000212cff" V6_TO "0600000112345678" TCP4, COUNTER(malformed) },
        { 101, "4500002d00001fff400600000a0000010a000002" TCP4, COUNTER(malformed) },
        { 101, "4500001400000001400600000a0000010a000002", COUNTER(malformed) },
        { 101, "4400002d00000000400600000a0000010a000002" TCP4, COUNTER(malformed) },
        { 101, "4500001300000000400600000a0000010a000002" TCP4, COUNTER(malformed) },
        { 101, "4500002000000000400600000a0000010a000002" TCP4, COUNTER(malformed) },
        { 228, IPV6, COUNTER(malformed) },
        { 229, "60000000004100ff" V6_TO "00ff000000000000" TCP4, COUNTER(malformed) },
        { 101, "4500002d00000000400600000a0000010a000002"
               "03e8005000000001000000004010ffff00000000 68656c6c6f", COUNTER(malformed) },
        { 101, "4500002d00000000400600000a0000010a000002"
               "03e800500000000100000000f010ffff00000000 68656c6c6f", COUNTER(malformed) },
    };
    // clang-format on
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        struct world world;
        uint64_t count;
        world_init(&world);
        assert_int_equal(give(&world, rows[i].link_type, rows[i].hex, 0), 0);
        memcpy(&count, (const char *)net_stats(world.net) + rows[i].counter, sizeof count);
        if (count != 1 || net_stats(world.net)->tcp_packets != 0) {
            fail_msg("row %zu: %s", i, rows[i].hex);
        }
        world_fini(&world);
    }
}

/* ---- tunnels ---- */

/* Outer headers: lengths are of no account (IPv4 total length 0, IPv6 payload length 0). */
#define OUTER4(protocol) "4500000000000000 40" protocol "0000 c0000201 c0000202 "
#define OUTER6(next)                                                                               \
    "600000000000" next "40 20010db8000000000000000000000011 20010db8000000000000000000000012 "
#define UDP(from, to) OUTER4("11") from to "00000000 "

struct tunnel_case {
    const char *via; /* names with " + " between */
    uint32_t ip_len;
    const char *hex; /* raw IP */
};

// clang-format off
static const struct tunnel_case tunnel_cases[] = {
    { "IPv4 in IPv4",           4, OUTER4("04") IPV4 },
    { "IPv6 in IPv4",          16, OUTER4("29") IPV6 },
    { "IPv4 in IPv6",           4, OUTER6("04") IPV4 },
    { "IPv6 in IPv6",          16, OUTER6("29") IPV6 },
    { "GRE",                    4, OUTER4("2f") "0000 0800" IPV4 },
    { "GRE",                   16, OUTER4("2f") "0000 86dd" IPV6 },
    { "GRE key 7",              4, OUTER4("2f") "2000 0800 00000007" IPV4 },
    { "GRE key 9",              4, OUTER4("2f") "b000 0800 11112222 00000009 00000001" IPV4 },
    { "GRE",                    4, OUTER4("2f") "0000 6558" MACS "0800" IPV4 },
    { "GRE",                    4, OUTER4("2f") "0000 8847 00010140" IPV4 },
    { "ERSPAN I",               4, OUTER4("2f") "0000 88be" MACS "0800" IPV4 },
    { "ERSPAN II session 100",  4, OUTER4("2f") "1000 88be 00000001 10010064 00000002" MACS "0800" IPV4 },
    { "ERSPAN III session 5",   4, OUTER4("2f") "1000 22eb 00000001 20010005 00000000 00000000" MACS "0800" IPV4 },
    { "ERSPAN III session 5",   4, OUTER4("2f") "1000 22eb 00000001 20010005 00000000 00000001"
                                   "0000000000000000" MACS "8100 0001 0800" IPV4 },
    { "VXLAN 42",               4, UDP("c000", "12b5") "08000000 00002a00" MACS "0800" IPV4 },
    { "VXLAN 16777215",        16, UDP("c000", "2118") "08000000 ffffff00" MACS "86dd" IPV6 },
    { "VXLAN-GPE 1",            4, UDP("c000", "12b6") "0c000001 00000100" IPV4 },
    { "VXLAN-GPE 2",           16, UDP("c000", "12b6") "0c000002 00000200" IPV6 },
    { "VXLAN-GPE 3",            4, UDP("c000", "12b6") "0c000003 00000300" MACS "0800" IPV4 },
    { "Geneve 7",               4, UDP("c000", "17c1") "0000 6558 00000700" MACS "0800" IPV4 },
    { "Geneve 7",              16, UDP("c000", "17c1") "0240 86dd 00000700 0101010100000000" IPV6 },
    { "GTP-U 291",              4, UDP("c000", "0868") "30 ff 002d 00000123" IPV4 },
    { "GTP-U 291",             16, UDP("0868", "c000") "32 ff 0000 00000123 0001 00 00" IPV6 },
    { "GTP-U 291",              4, UDP("0868", "0868") "34 ff 0000 00000123 0000 00 85 01 1000 c0"
                                   "02 000000000000 00" IPV4 },
    { "MPLS in UDP label 16",   4, UDP("c000", "19eb") "00010140" IPV4 },
    { "VXLAN 42 + Geneve 7",    4, UDP("c000", "12b5") "08000000 00002a00" MACS "0800"
                                   UDP("c000", "17c1") "0000 0800 00000700" IPV4 },
    { "GRE + IPv4 in IPv4 + GTP-U 1 + IPv6 in IPv4", 16, OUTER4("2f") "0000 0800" OUTER4("04")
                                   UDP("0868", "0868") "30 ff 0000 00000001" OUTER4("29") IPV6 },
    /* on the user's ports: see tunnel_options */
    { "VXLAN 1",                4, UDP("c000", "3039") "08000000 00000100" MACS "0800" IPV4 },
    { "Geneve 3",               4, UDP("c000", "12b6") "0000 0800 00000300" IPV4 },
};
// clang-format on

static const struct tunnel_port user_ports[] = { { TUNNEL_VXLAN, 12345 }, { TUNNEL_GENEVE, 4790 } };

static void tunnel_world(struct world *world, bool with_user_ports)
{
    struct net_options options;
    net_options_init(&options);
    options.tunnel_ports = user_ports;
    options.tunnel_port_count = with_user_ports ? H2D_COUNT_OF(user_ports) : 0;
    world_init_with(world, &options);
}

static void put_via(char *text, size_t size, const struct via *via)
{
    text[0] = '\0';
    for (size_t i = 0; via != NULL && i < via->count; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, size - len, "%s%.*s", i > 0 ? " + " : "", (int)via->names[i].len,
                       via->names[i].octets);
    }
}

static struct stream_sink open_with_via(void *ctx, const struct flow_info *info)
{
    put_via(ctx, 256, info->via);
    return (struct stream_sink){ NULL, NULL };
}

/* What is inside is delivered, and how it came is told. */
static void tunnels(void **state)
{
    (void)state;
    for (size_t i = 0; i < H2D_COUNT_OF(tunnel_cases); i++) {
        const struct tunnel_case *c = &tunnel_cases[i];
        struct world world;
        bool user = i + 2 >= H2D_COUNT_OF(tunnel_cases);
        tunnel_world(&world, user);
        assert_int_equal(give(&world, 101, c->hex, 0), 0);
        if (world.opened != 1 || world.heard[0].side[0].len != 5 ||
            memcmp(world.heard[0].side[0].octets, "hello", 5) != 0) {
            fail_msg("%s, row %zu", c->via, i);
        }
        assert_int_equal(world.heard[0].info.ends[0].ip_len, c->ip_len);
        assert_int_equal(net_stats(world.net)->tcp_packets, 1);
        assert_int_equal(net_stats(world.net)->udp_packets, 0);
        world_fini(&world);

        struct mem mem;
        char text[256] = "";
        static const struct net_events events = { .on_open = open_with_via };
        struct net_options options;
        net_options_init(&options);
        options.tunnel_ports = user_ports;
        options.tunnel_port_count = user ? 2 : 0;
        mem_init(&mem, 0);
        world.net = net_new(&mem, &options, &events, text);
        assert_non_null(world.net);
        assert_int_equal(give(&world, 101, c->hex, 0), 0);
        assert_string_equal(text, c->via);
        net_free(world.net);

        options.no_tunnels = true;
        world.net = net_new(&mem, &options, &events, text);
        assert_non_null(world.net);
        assert_int_equal(give(&world, 101, c->hex, 0), 0);
        assert_int_equal(net_stats(world.net)->tcp_packets, 0);
        assert_int_equal(net_stats(world.net)->udp_packets + net_stats(world.net)->other_packets,
                         1);
        net_free(world.net);
        assert_int_equal(mem.used, 0);
    }
}

/* Cut at every octet, and with every single octet changed: nothing is read beyond, and every packet
 * is counted once. */
static void tunnels_cut_and_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < H2D_COUNT_OF(tunnel_cases); i++) {
        uint8_t octets[512];
        size_t len = 0;
        for (const char *hex = tunnel_cases[i].hex; *hex != '\0'; hex += *hex == ' ' ? 1 : 2) {
            unsigned value;
            if (*hex != ' ' && sscanf(hex, "%2x", &value) == 1) {
                octets[len++] = (uint8_t)value;
            }
        }
        struct world world;
        tunnel_world(&world, true);
        world.refuse = true;
        uint64_t packets = 0;
        for (size_t cut = 0; cut <= 2 * len; cut++) {
            size_t keep = cut <= len ? cut : len;
            uint8_t *exact = malloc(keep + 1);
            assert_non_null(exact);
            memcpy(exact + 1, octets, keep);
            if (cut > len) {
                exact[cut - len] ^= 0xff;
            }
            struct packet packet = { .pos = { .packet = ++packets },
                                     .link_type = 101,
                                     .octets = span_of(exact + 1, keep),
                                     .wire_len = len };
            assert_int_equal(net_packet(world.net, &packet), 0);
            free(exact);
        }
        const struct net_stats *stats = net_stats(world.net);
        assert_int_equal(stats->tcp_packets + stats->udp_packets + stats->other_packets +
                             stats->fragments + stats->not_ip + stats->malformed,
                         packets);
        world_fini(&world);
    }
}

/* The same addresses in two networks are two connections; those of a GTP-U tunnel, whose number
 * differs by direction, are one. */
static void tunnels_have_scopes(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    give(&world, 101, IPV4, 0);
    give(&world, 101, UDP("c000", "12b5") "08000000 00000000" MACS "0800" IPV4, 0);
    give(&world, 101, UDP("c000", "12b5") "08000000 00000100" MACS "0800" IPV4, 0);
    give(&world, 101, UDP("c000", "12b5") "08000000 00000100" MACS "0800" IPV4, 0);
    assert_int_equal(net_stats(world.net)->tcp_connections, 3);
    give(&world, 101, UDP("0868", "0868") "30 ff 0000 00000001" IPV4, 0);
    give(&world, 101, UDP("0868", "0868") "30 ff 0000 00000002" IPV4, 0);
    give(&world, 1, MACS "8100 0007 0800" IPV4, 0);
    assert_int_equal(net_stats(world.net)->tcp_connections, 3);
    world_fini(&world);
}

/* A fifth tunnel is not followed, and that is counted. */
static void tunnels_too_deep(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    assert_int_equal(TUNNELS_MAX, LIMIT_TUNNELS);
    give(&world, 101, OUTER4("04") OUTER4("04") OUTER4("04") OUTER4("04") OUTER4("04") IPV4, 0);
    assert_int_equal(net_stats(world.net)->tcp_packets, 0);
    assert_int_equal(net_stats(world.net)->other_packets, 1);
    assert_int_equal(net_stats(world.net)->limits[NET_LIMIT_TUNNELS], 1);
    give(&world, 101, OUTER4("04") OUTER4("04") OUTER4("04") OUTER4("04") IPV4, 0);
    assert_int_equal(net_stats(world.net)->tcp_packets, 1);
    world_fini(&world);
}

/* Tunnels that nobody can look into are counted by name. */
static void opaque_tunnels(void **state)
{
    (void)state;
    // clang-format off
    static const struct {
        enum tunnel_kind kind;
        const char *hex;
    } rows[] = {
        { TUNNEL_ESP,       "4500001c00000000403200000a0000010a000002 0000000100000001" },
        { TUNNEL_ESP,       "6000000000083240" V6_TO "0000000100000001" },
        { TUNNEL_ESP,       UDP("1194", "1194") "0000000100000001" },
        { TUNNEL_L2TP,      "4500001c00000000407300000a0000010a000002 0000000100000001" },
        { TUNNEL_L2TP,      UDP("06a5", "06a5") "c802 0014 0000 0000" },
        { TUNNEL_WIREGUARD, UDP("ca6c", "c000") "04000000 00000001 0000000000000000 0000000000000000 0000000000000000" },
        { TUNNEL_WIREGUARD, UDP("c000", "c001") "0300000000000000" ZEROS_24 ZEROS_24 "0000000000000000" },
        { TUNNEL_KINDS,     UDP("c000", "c001") "0300000000000000" ZEROS_24 ZEROS_24 "00000000000000" },
        { TUNNEL_KINDS,     UDP("1194", "1194") "0000000000000001" }, /* IKE */
        { TUNNEL_KINDS,     UDP("06a5", "06a5") "c801 0014 0000 0000" },
        { TUNNEL_KINDS,     UDP("c000", "c001") "04000000 00000001 0000000000000000 0000000000000000" },
    };
    // clang-format on
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        struct world world;
        world_init(&world);
        give(&world, 101, rows[i].hex, 0);
        for (int kind = 0; kind < TUNNEL_KINDS; kind++) {
            uint64_t expected = kind == (int)rows[i].kind;
            if (net_stats(world.net)->opaque[kind] != expected) {
                fail_msg("row %zu: %s", i, net_tunnel_name((enum tunnel_kind)kind));
            }
        }
        world_fini(&world);
    }
}

static void link_types_without_a_decoder(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    for (uint16_t i = 0; i < 20; i++) {
        assert_int_equal(give(&world, (uint16_t)(300 + i), "00", 0), 0);
    }
    assert_int_equal(give(&world, 105, "00", 0), 0);
    assert_int_equal(give(&world, 300, "00", 0), 0);
    assert_int_equal(net_stats(world.net)->unsupported_count, NET_LINK_TYPES_MAX);
    assert_int_equal(net_stats(world.net)->unsupported[0].link_type, 300);
    assert_int_equal(net_stats(world.net)->unsupported[0].packets, 2);
    assert_string_equal(net_link_type_name(105), "IEEE 802.11");
    assert_string_equal(net_link_type_name(1), "Ethernet");
    assert_null(net_link_type_name(300));
    world_fini(&world);
}

/* QUIC is known by its long header, and counted by address pair. */
static void quic_is_counted(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
#define UDP_FROM(port) "4500002700000000401100000a0000010a000002" port "01bb 0013 0000"
    give(&world, 101, UDP_FROM("1111") "c000000001 02aabb 01cc 00", 0);
    give(&world, 101, UDP_FROM("1111") "e000000001 02aabb 01cc 00", 0);
    give(&world, 101, UDP_FROM("1112") "c06b3343cf 02aabb 01cc 00", 0);
    give(&world, 101, UDP_FROM("1113") "c0ff00001d 02aabb 01cc 00", 0);
    give(&world, 101, UDP_FROM("1114") "4000000001 02aabb 01cc 00", 0);
    give(&world, 101, UDP_FROM("1115") "c000000001 15aabb 01cc 00", 0);
    assert_int_equal(net_stats(world.net)->quic_flows, 2);
    assert_int_equal(net_stats(world.net)->udp_packets, 6);
    world_fini(&world);
}

/* ---- connections ---- */

static void in_order(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    handshake(&world);
    assert_int_equal(world.opened, 0);
    say(&world, data(0, 0, 100, 0));
    say(&world, data(1, 0, 50, 100));
    say(&world, data(0, 100, 10, 50));
    struct wire fin = data(1, 50, 5, 110);
    fin.flags |= FIN;
    say(&world, fin);
    fin = data(0, 110, 0, 56);
    fin.flags |= FIN;
    say(&world, fin);
    say(&world, (struct wire){ .side = 1, .flags = ACK, .seq = 557, .ack = 212 });
    const struct heard *heard = &world.heard[0];
    assert_int_equal(world.opened, 1);
    assert_int_equal(heard->info.client_side, 0);
    assert_false(heard->info.joined);
    assert_int_equal(heard->info.first.packet, 1);
    assert_heard(heard, 0, 110, 0);
    assert_heard(heard, 1, 55, 0);
    assert_int_equal(heard->side[0].closed, CLOSE_FIN);
    assert_int_equal(heard->side[1].closed, CLOSE_FIN);
    assert_true(heard->freed);
    assert_int_equal(net_end(world.net), 0);
    assert_int_equal(net_stats(world.net)->tcp_connections, 1);
    assert_int_equal(net_stats(world.net)->gap_octets[GAP_LOST], 0);
    world_fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_to_payload),
        cmocka_unit_test(headers_cut_everywhere),
        cmocka_unit_test(headers_counted),
        cmocka_unit_test(link_types_without_a_decoder),
        cmocka_unit_test(quic_is_counted),
        cmocka_unit_test(in_order),
        cmocka_unit_test(tunnels),
        cmocka_unit_test(tunnels_cut_and_changed),
        cmocka_unit_test(tunnels_have_scopes),
        cmocka_unit_test(tunnels_too_deep),
        cmocka_unit_test(opaque_tunnels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
