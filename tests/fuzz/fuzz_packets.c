/* Octets as packets. Octet 0: limits. Then, until the end, either a packet as it stands (a link
 * type, a length, the octets) or a TCP segment described in few octets, so that a mutation makes
 * another conversation and not another broken header. */
#include "listener.h"

#include <string.h>

static const uint16_t link_types[] = { 1,   0,   108, 101, 113, 276, 9,  51,
                                       228, 229, 105, 104, 239, 258, 149 };

#define BUILT_MAX (40 + 255)
#define WRAP_MAX  64

/* What a described segment travels in: kind's high bits. */
enum wrap { PLAIN, PLAIN_TOO, VXLAN, GRE, IP_IN_IP, GTP_U, FRAGMENTS, FRAGMENTS_OF_TUNNEL };

/* A described segment: side and flags, then its sequence number and length in steps that make
 * neighbours and overlaps likely. The stream's octets follow from their place in it, so that copies
 * agree; one bit makes them differ. */
static void put_segment(struct cur *cur, uint8_t kind, struct packet *packet, uint8_t *octets)
{
    static const uint8_t flags[] = { 0x10, 0x10, 0x10, 0x18, 0x02, 0x12, 0x11, 0x14 };
    uint8_t side = kind & 1;
    uint32_t seq = 0xffffff00 + cur_u16(cur) % 2048;
    uint32_t ack = 0xffffff00 + cur_u16(cur) % 2048;
    uint8_t len = cur_u8(cur);
    uint8_t more = cur_u8(cur);
    size_t cut = (more & 7) == 0 ? len / 2 : 0;
    memset(octets, 0, 40);
    octets[0] = 0x45;
    octets[3] = (uint8_t)(40 + len);
    octets[2] = (uint8_t)((40 + len) >> 8);
    octets[9] = 6;
    octets[15] = side;
    octets[19] = 1 - side;
    octets[20 + 2 * side] = (more >> 6) & 3;
    for (size_t i = 0; i < 4; i++) {
        octets[24 + i] = (uint8_t)(seq >> (24 - 8 * i));
        octets[28 + i] = (uint8_t)(ack >> (24 - 8 * i));
    }
    octets[32] = 0x50;
    octets[33] = flags[kind >> 2 & 7];
    for (size_t i = 0; i < len; i++) {
        octets[40 + i] = (uint8_t)(seq + i + (more >> 3 & 1));
    }
    packet->link_type = 101;
    packet->octets = span_of(octets, 40 + len - cut);
    packet->wire_len = 40u + len;
    packet->pos.ts_ns += (uint64_t)(more >> 4 & 3) * 90000000;
}

static void put_packet(struct cur *cur, uint8_t kind, struct packet *packet)
{
    packet->link_type = link_types[(kind >> 1) % H2D_COUNT_OF(link_types)];
    size_t len = cur_u8(cur);
    packet->octets = cur_take(cur, num_min_size(len, cur_left(cur)));
    packet->wire_len = packet->octets.len + (kind >> 5);
    packet->fcs_len = kind >> 6;
}

/* An IPv4 header in front; returns where it begins. */
static uint8_t *put_outer(uint8_t *at, uint8_t protocol, size_t len)
{
    at -= 20;
    memset(at, 0, 20);
    at[0] = 0x45;
    at[2] = (uint8_t)((20 + len) >> 8);
    at[3] = (uint8_t)(20 + len);
    at[9] = protocol;
    at[15] = 10;
    at[19] = 11;
    return at;
}

static uint8_t *put_udp(uint8_t *at, uint16_t port, size_t len)
{
    at -= 8;
    memset(at, 0, 8);
    at[2] = (uint8_t)(port >> 8);
    at[3] = (uint8_t)port;
    return put_outer(at, 17, 8 + len);
}

/* Puts a tunnel around the built packet, which has WRAP_MAX octets of room in front. */
static void wrap(enum wrap how, struct packet *packet, uint8_t *built, uint8_t id)
{
    static const uint8_t macs_and_type[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
    uint8_t *at = built;
    size_t wire = packet->wire_len;
    switch (how) {
    case VXLAN:
    case FRAGMENTS_OF_TUNNEL:
        memcpy(at - 14, macs_and_type, 14);
        memcpy(at - 22, (uint8_t[]){ 8, 0, 0, 0, 0, 0, id & 1, 0 }, 8);
        at = put_udp(at - 22, 4789, wire + 22);
        break;
    case GRE:
        memcpy(at - 4, (uint8_t[]){ 0, 0, 8, 0 }, 4);
        at = put_outer(at - 4, 47, wire + 4);
        break;
    case IP_IN_IP:
        at = put_outer(at, 4, wire);
        break;
    case GTP_U:
        memcpy(at - 8, (uint8_t[]){ 0x30, 255, 0, 0, 0, 0, 0, id }, 8);
        at = put_udp(at - 8, 2152, wire + 8);
        break;
    default:
        break;
    }
    packet->octets = span_of(at, packet->octets.len + (size_t)(built - at));
    packet->wire_len += (size_t)(built - at);
}

static void give(struct net *net, struct packet *packet)
{
    packet->pos.packet++;
    int rc = net_packet(net, packet);
    assert(rc == 0);
}

/* The packet in pieces of eight times `units` octets, from the front or from the back; a hole in
 * the capture's octets stays one. */
static void give_fragments(struct net *net, const struct packet *whole, uint8_t units, uint8_t id,
                           struct packet *packet)
{
    size_t piece = 8u * (1u + units % 16);
    size_t total = whole->wire_len - 20;
    size_t count = (total + piece - 1) / piece;
    for (size_t n = 0; n < count; n++) {
        uint8_t octets[20 + 128];
        size_t i = (id & 2) != 0 ? count - 1 - n : n;
        size_t off = i * piece;
        size_t len = num_min_size(piece, total - off);
        size_t here = whole->octets.len - 20;
        here = here > off ? num_min_size(len, here - off) : 0;
        memcpy(octets, whole->octets.ptr, 20);
        memcpy(octets + 20, whole->octets.ptr + 20 + off * (here > 0), here);
        octets[2] = 0;
        octets[3] = (uint8_t)(20 + len);
        octets[5] = id & 3;
        octets[6] = (uint8_t)((i + 1 < count ? 0x20 : 0) | (off / 8) >> 8);
        octets[7] = (uint8_t)(off / 8 + ((id & 4) != 0 && i > 0)); /* now and then shifted */
        packet->octets = span_of(octets, 20 + here);
        packet->wire_len = 20 + len;
        give(net, packet);
    }
}

static void give_segment(struct net *net, struct cur *cur, uint8_t kind, struct packet *packet)
{
    uint8_t built[WRAP_MAX + BUILT_MAX];
    enum wrap how = (enum wrap)(kind >> 5);
    put_segment(cur, kind, packet, built + WRAP_MAX);
    if (how <= PLAIN_TOO) {
        give(net, packet);
        return;
    }
    uint8_t id = cur_u8(cur);
    wrap(how, packet, built + WRAP_MAX, id);
    if (how == FRAGMENTS || how == FRAGMENTS_OF_TUNNEL) {
        struct packet whole = *packet;
        give_fragments(net, &whole, id >> 3, id, packet);
    } else {
        give(net, packet);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
    struct mem mem;
    struct cur cur = cur_of(len > 0 ? span_of(octets, len) : span_empty());
    mem_init(&mem, 0);
    struct net *net = listener_net(&mem, cur_u8(&cur));
    struct packet packet = { .pos = { .ts_known = true } };
    while (cur_left(&cur) > 0) {
        uint8_t kind = cur_u8(&cur);
        packet.fcs_len = 0;
        packet.drops = kind == 0xfd;
        if ((kind & 2) != 0) {
            give_segment(net, &cur, kind, &packet);
        } else {
            put_packet(&cur, kind, &packet);
            give(net, &packet);
        }
    }
    listener_end(net, &mem, 0);
    return 0;
}
