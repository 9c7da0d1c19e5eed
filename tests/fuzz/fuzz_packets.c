/* Octets as packets. Octet 0: limits. Then, until the end, either a packet as it stands (a link
 * type, a length, the octets) or a TCP segment described in few octets, so that a mutation makes
 * another conversation and not another broken header. */
#include "listener.h"

#include <string.h>

static const uint16_t link_types[] = { 1, 0, 108, 101, 113, 276, 9, 51, 228, 229, 105 };

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

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
    struct mem mem;
    uint8_t built[40 + 255];
    struct cur cur = cur_of(len > 0 ? span_of(octets, len) : span_empty());
    mem_init(&mem, 0);
    struct net *net = listener_net(&mem, cur_u8(&cur));
    struct packet packet = { .pos = { .ts_known = true } };
    while (cur_left(&cur) > 0) {
        uint8_t kind = cur_u8(&cur);
        packet.pos.packet++;
        packet.fcs_len = 0;
        if ((kind & 2) != 0) {
            put_segment(&cur, kind, &packet, built);
        } else {
            put_packet(&cur, kind, &packet);
        }
        int rc = net_packet(net, &packet);
        assert(rc == 0);
    }
    listener_end(net, &mem, 0);
    return 0;
}
