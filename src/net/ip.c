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

/* A place in the packet: what is there from here on, and how much there was on the wire. */
struct layer {
    struct cur cur;
    size_t wire; /* octets from cur.pos to the end of this layer's payload on the wire */
};

/* Takes n octets off the layer; false when the wire had fewer. */
static inline bool pass(struct layer *layer, size_t n)
{
    if (n > layer->wire) {
        return false;
    }
    layer->wire -= n;
    cur_skip(&layer->cur, n);
    return cur_ok(&layer->cur);
}

/* The layer's payload ends after n octets on the wire; what follows is filling of the link. */
static inline void end_after(struct layer *layer, size_t n)
{
    layer->wire = n;
    if (cur_left(&layer->cur) > n) {
        layer->cur.end = layer->cur.pos + n;
    }
}

/* ---- TCP, UDP ---- */

static enum ip_answer decode_tcp(struct layer *layer, struct segment *segment)
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
    cur_skip(&layer->cur, header_len);
    segment->payload = cur_rest(&layer->cur);
    return IP_TCP;
}

static enum ip_answer decode_udp(struct layer *layer, struct segment *segment)
{
    struct cur cur = layer->cur;
    segment->from_port = cur_u16(&cur);
    segment->to_port = cur_u16(&cur);
    cur_skip(&cur, 4);
    segment->payload = cur_rest(&cur);
    segment->wire_len = segment->payload.len;
    return cur_ok(&cur) ? IP_UDP : IP_MALFORMED;
}

/* The seam for tunnels: a row here that goes back to the network layer makes one. */
static enum ip_answer decode_transport(uint8_t protocol, struct layer *layer,
                                       struct segment *segment)
{
    switch (protocol) {
    case PROTO_TCP:
        return decode_tcp(layer, segment);
    case PROTO_UDP:
        return decode_udp(layer, segment);
    default:
        return IP_OTHER;
    }
}

/* ---- IPv4 (RFC 791 3.1) ---- */

static enum ip_answer decode_ipv4(struct layer *layer, struct segment *segment)
{
    struct cur head = layer->cur;
    uint8_t version_ihl = cur_u8(&head);
    cur_skip(&head, 1);
    size_t total = cur_u16(&head);
    cur_skip(&head, 2);
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
        end_after(layer, total);
    }
    if (H2D_UNLIKELY(!pass(layer, header_len))) {
        return IP_MALFORMED;
    }
    if (H2D_UNLIKELY((fragment & 0x3fff) != 0)) {
        return IP_FRAGMENT; /* more to come, or not the first */
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

/* Passes one extension header; false when it does not fit. *fragment: it is one of several. */
static bool pass_extension(struct layer *layer, uint8_t *next, bool *fragment)
{
    struct cur head = layer->cur;
    uint8_t this = *next;
    *next = cur_u8(&head);
    size_t len = cur_u8(&head);
    if (this == PROTO_FRAGMENT) {
        /* RFC 6946: offset 0 and nothing to follow is a whole packet */
        *fragment = (cur_u16(&head) & 0xfff9) != 0;
        return cur_ok(&head) && pass(layer, 8);
    }
    return cur_ok(&head) && pass(layer, this == PROTO_AH ? 4 * (len + 2) : 8 * (len + 1));
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
    if (H2D_UNLIKELY(!cur_ok(&head) || version != 6 || !pass(layer, 40))) {
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
        end_after(layer, payload_len);
    }
    bool fragment = false;
    for (unsigned count = 0; is_extension(next); count++) {
        if (count == LIMIT_IPV6_EXTENSIONS || !pass_extension(layer, &next, &fragment)) {
            return IP_MALFORMED;
        }
        if (fragment) {
            return IP_FRAGMENT;
        }
    }
    return decode_transport(next, layer, segment);
}

enum ip_answer ip_decode(const struct packet *packet, struct segment *segment)
{
    const struct link_row *link = link_find(packet->link_type);
    if (H2D_UNLIKELY(link == NULL || link->strip == NULL)) {
        return IP_UNSUPPORTED;
    }
    struct layer layer = { cur_of(packet->octets), packet->wire_len };
    /* The frame check octets are the last ones on the wire. */
    end_after(&layer, packet->wire_len - num_min_size(packet->fcs_len, packet->wire_len));
    uint16_t ethertype = link->strip(&layer.cur);
    if (H2D_UNLIKELY(!cur_ok(&layer.cur))) {
        return IP_MALFORMED;
    }
    layer.wire -= (size_t)(layer.cur.pos - packet->octets.ptr);
    switch (ethertype) {
    case ETHERTYPE_IPV4:
        return decode_ipv4(&layer, segment);
    case ETHERTYPE_IPV6:
        return decode_ipv6(&layer, segment);
    default:
        return IP_NOT;
    }
}
