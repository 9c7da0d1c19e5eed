#include "net/ip.h"

#include "base/compiler.h"
#include "net/link.h"
#include "spec/limits.h"

/* IP protocol numbers. */
enum {
    PROTO_HOP_BY_HOP = 0,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_ROUTING = 43,
    PROTO_FRAGMENT = 44,
    PROTO_AH = 51,
    PROTO_DESTINATION = 60,
    PROTO_MOBILITY = 135,
    PROTO_HIP = 139,
    PROTO_SHIM6 = 140,
};

/* ---- TCP, UDP ---- */

static H2D_ALWAYS_INLINE enum ip_answer decode_tcp(struct layer *layer, struct segment *segment)
{
    struct cur head = layer->cur;
    segment->from_port = cur_u16(&head);
    segment->to_port = cur_u16(&head);
    segment->seq = cur_u32(&head);
    segment->ack = cur_u32(&head);
    size_t header_len = (size_t)(cur_u8(&head) >> 4) * 4;
    segment->flags = cur_u8(&head);
    if (H2D_UNLIKELY(!cur_ok(&head) || header_len < 20 || header_len > layer->wire)) {
        return IP_MALFORMED;
    }
    /* Options that the snapshot length cut off cost the payload, not the segment. */
    segment->wire_len = layer->wire - header_len;
    segment->transport = layer->cur.pos;
    cur_skip(&layer->cur, header_len);
    segment->payload = cur_rest(&layer->cur);
    return IP_TCP;
}

static enum ip_answer decode_udp(struct layer *layer, struct segment *segment)
{
    struct cur head = layer->cur;
    segment->from_port = cur_u16(&head);
    segment->to_port = cur_u16(&head);
    if (!layer_pass(layer, 8)) {
        return IP_MALFORMED;
    }
    segment->rest = *layer;
    return IP_UDP;
}

static H2D_ALWAYS_INLINE enum ip_answer decode_transport(uint8_t protocol, struct layer *layer,
                                                         struct segment *segment)
{
    if (H2D_LIKELY(protocol == PROTO_TCP)) {
        return decode_tcp(layer, segment);
    }
    segment->protocol = protocol;
    if (protocol == PROTO_UDP) {
        return decode_udp(layer, segment);
    }
    segment->rest = *layer;
    return IP_OTHER;
}

/* ---- fragments ---- */

/* off is in octets. */
static enum ip_answer take_fragment(uint8_t protocol, uint32_t id, uint32_t off, bool more,
                                    const struct layer *layer, struct segment *segment)
{
    /* RFC 791 3.2: only the last may have a length that is no multiple of 8; and no datagram is
     * longer than 65535 octets. */
    if ((more && layer->wire % 8 != 0) || layer->wire == 0 || off + layer->wire > 65535) {
        return IP_MALFORMED;
    }
    segment->protocol = protocol;
    segment->fragment = (struct fragment){ .id = id, .off = off, .more = more };
    segment->rest = *layer;
    return IP_FRAGMENT;
}

/* ---- IPv4 (RFC 791 3.1) ---- */

static H2D_ALWAYS_INLINE enum ip_answer decode_ipv4(struct layer *layer, struct segment *segment)
{
    struct cur head = layer->cur;
    uint8_t version_ihl = cur_u8(&head);
    cur_skip(&head, 1);
    size_t total = cur_u16(&head);
    uint16_t id = cur_u16(&head);
    uint16_t fragment = cur_u16(&head);
    cur_skip(&head, 1);
    uint8_t protocol = cur_u8(&head);
    cur_skip(&head, 2);
    segment->from = cur_take(&head, 4).ptr;
    segment->to = cur_take(&head, 4).ptr;
    segment->ip_len = 4;
    size_t header_len = (size_t)(version_ihl & 0xf) * 4;
    if (H2D_UNLIKELY(!cur_ok(&head) || version_ihl >> 4 != 4 || header_len < 20)) {
        return IP_MALFORMED;
    }
    /* Lenient: no total length means that the sender's network card was to fill it in (segmentation
     * offload); then the packet's length on the wire is all there is. */
    if (total != 0) {
        layer_end_after(layer, total);
    }
    if (H2D_UNLIKELY(!layer_pass(layer, header_len))) {
        return IP_MALFORMED;
    }
    if (H2D_UNLIKELY((fragment & 0x3fff) != 0)) {
        /* more to come, or not the first */
        return take_fragment(protocol, id, (fragment & 0x1fffu) * 8, (fragment & 0x2000) != 0,
                             layer, segment);
    }
    return decode_transport(protocol, layer, segment);
}

/* ---- IPv6 (RFC 8200) ---- */

/* The jumbo payload option of a hop-by-hop header (RFC 2675 2), or 0. */
static size_t find_jumbo(struct cur cur)
{
    while (cur_left(&cur) > 0) {
        uint8_t type = cur_u8(&cur);
        if (type == 0) {
            continue; /* a single octet of filling */
        }
        struct span value = cur_take(&cur, cur_u8(&cur));
        if (type == 0xc2 && value.len == 4) {
            return num_be32(value.ptr);
        }
    }
    return 0;
}

/* Passes one extension header; false when it does not fit. */
static bool pass_extension(struct layer *layer, uint8_t *next)
{
    struct cur head = layer->cur;
    uint8_t this = *next;
    *next = cur_u8(&head);
    size_t len = cur_u8(&head);
    size_t header_len = this == PROTO_FRAGMENT ? 8
                        : this == PROTO_AH     ? 4 * (len + 2)
                                               : 8 * (len + 1);
    return cur_ok(&head) && layer_pass(layer, header_len);
}

static bool is_extension(uint8_t protocol)
{
    switch (protocol) {
    case PROTO_HOP_BY_HOP:
    case PROTO_ROUTING:
    case PROTO_FRAGMENT:
    case PROTO_AH:
    case PROTO_DESTINATION:
    case PROTO_MOBILITY:
    case PROTO_HIP:
    case PROTO_SHIM6:
        return true;
    default:
        return false;
    }
}

/* From an extension header on, or from what is behind the last. */
static enum ip_answer decode_chain(uint8_t next, struct layer *layer, struct segment *segment)
{
    for (unsigned count = 0; H2D_UNLIKELY(is_extension(next)); count++) {
        struct cur head = layer->cur;
        bool fragment = next == PROTO_FRAGMENT;
        segment->routed |= next == PROTO_ROUTING;
        if (count == LIMIT_IPV6_EXTENSIONS || !pass_extension(layer, &next)) {
            return IP_MALFORMED;
        }
        cur_skip(&head, 2);
        uint16_t place = cur_u16(&head);
        /* RFC 6946: offset 0 and nothing to follow is a whole packet, whatever its id. */
        if (fragment && (place & 0xfff9) != 0) {
            return take_fragment(next, cur_u32(&head), place & 0xfff8u, (place & 1) != 0, layer,
                                 segment);
        }
    }
    return decode_transport(next, layer, segment);
}

static enum ip_answer decode_ipv6(struct layer *layer, struct segment *segment)
{
    struct cur head = layer->cur;
    uint8_t version = cur_u8(&head) >> 4;
    cur_skip(&head, 3);
    size_t payload_len = cur_u16(&head);
    uint8_t next = cur_u8(&head);
    cur_skip(&head, 1);
    segment->from = cur_take(&head, 16).ptr;
    segment->to = cur_take(&head, 16).ptr;
    segment->ip_len = 16;
    if (H2D_UNLIKELY(!cur_ok(&head) || version != 6 || !layer_pass(layer, 40))) {
        return IP_MALFORMED;
    }
    if (payload_len == 0 && next == PROTO_HOP_BY_HOP) {
        struct cur options = layer->cur;
        cur_skip(&options, 1);
        struct cur list = cur_of(cur_take(&options, (size_t)8 * (cur_u8(&options) + 1u) - 2));
        payload_len = find_jumbo(list);
    }
    /* Lenient: no length and no jumbo option is what Linux sends past its own captures. */
    if (payload_len != 0) {
        layer_end_after(layer, payload_len);
    }
    return decode_chain(next, layer, segment);
}

/* ---- the way in ---- */

/* Hot: a branch a network layer, no loop. */
static H2D_ALWAYS_INLINE enum ip_answer decode_network(uint16_t ethertype, struct layer *layer,
                                                       struct segment *segment)
{
    switch (ethertype) {
    case ETHERTYPE_IPV4:
        return decode_ipv4(layer, segment);
    case ETHERTYPE_IPV6:
        return decode_ipv6(layer, segment);
    default:
        return IP_NOT;
    }
}

enum ip_answer ip_network(uint16_t ethertype, struct layer *layer, struct segment *segment)
{
    const uint8_t *start = layer->cur.pos;
    ethertype = link_pass(ethertype, &layer->cur);
    size_t passed = (size_t)(layer->cur.pos - start);
    if (!cur_ok(&layer->cur) || passed > layer->wire) {
        return IP_MALFORMED;
    }
    layer->wire -= passed;
    return decode_network(ethertype, layer, segment);
}

enum ip_answer ip_payload(struct layer *layer, struct segment *segment)
{
    return segment->ip_len == 4 ? decode_transport(segment->protocol, layer, segment)
                                : decode_chain(segment->protocol, layer, segment);
}

enum ip_answer ip_decode(const struct packet *packet, struct segment *segment)
{
    const struct link_row *link = link_find(packet->link_type);
    if (H2D_UNLIKELY(link == NULL || link->strip == NULL)) {
        return IP_UNSUPPORTED;
    }
    struct layer layer = { cur_of(packet->octets), packet->wire_len };
    segment->scope = 0;
    segment->tunnel_count = 0;
    segment->sums = SUMS_UNKNOWN;
    segment->routed = false;
    /* The frame check octets are the last ones on the wire. */
    layer_end_after(&layer, packet->wire_len - num_min_size(packet->fcs_len, packet->wire_len));
    uint16_t ethertype = link->strip(&layer.cur);
    if (H2D_UNLIKELY(!cur_ok(&layer.cur))) {
        return IP_MALFORMED;
    }
    layer.wire -= (size_t)(layer.cur.pos - packet->octets.ptr);
    return decode_network(ethertype, &layer, segment);
}
