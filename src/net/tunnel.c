#include "net/tunnel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/net.h"

/* IP protocol numbers. */
enum { PROTO_IPV4 = 4, PROTO_IPV6 = 41, PROTO_GRE = 47, PROTO_ESP = 50, PROTO_L2TP = 115 };

static void set_id(struct tunnel *tunnel, uint32_t id)
{
    tunnel->has_id = true;
    tunnel->id = id;
}

/* ---- GRE and what it carries (RFC 2784, RFC 2890) ---- */

/* ERSPAN type II (draft-foschiano-erspan 4.2): version and VLAN, session id in 10 bits, index. */
static uint16_t enter_erspan2(struct layer *layer, struct tunnel *tunnel)
{
    struct cur head = layer->cur;
    uint32_t first = cur_u32(&head);
    tunnel->kind = TUNNEL_ERSPAN_II;
    set_id(tunnel, first & 0x3ff);
    return layer_pass(layer, 8) ? ETHERTYPE_ETHERNET : 0;
}

/* Type III (4.3): 12 octets, and 8 more when the last bit says so. */
static uint16_t enter_erspan3(struct layer *layer, struct tunnel *tunnel)
{
    struct cur head = layer->cur;
    uint32_t first = cur_u32(&head);
    cur_skip(&head, 4);
    bool more = (cur_u32(&head) & 1) != 0;
    tunnel->kind = TUNNEL_ERSPAN_III;
    set_id(tunnel, first & 0x3ff);
    return layer_pass(layer, more ? 20 : 12) ? ETHERTYPE_ETHERNET : 0;
}

static uint16_t enter_gre(struct layer *layer, struct tunnel *tunnel)
{
    enum { CHECKSUM = 0x8000, ROUTING = 0x4000, KEY = 0x2000, SEQUENCE = 0x1000, VERSION = 7 };
    struct cur head = layer->cur;
    uint16_t flags = cur_u16(&head);
    uint16_t protocol = cur_u16(&head);
    size_t checksum = (flags & CHECKSUM) != 0 ? 4 : 0;
    size_t key = (flags & KEY) != 0 ? 4 : 0;
    size_t sequence = (flags & SEQUENCE) != 0 ? 4 : 0;
    cur_skip(&head, checksum);
    uint32_t id = key != 0 ? cur_u32(&head) : 0;
    /* Routing is RFC 1701's; nobody sends it since RFC 2784. */
    if ((flags & (VERSION | ROUTING)) != 0 || !layer_pass(layer, 4 + checksum + key + sequence)) {
        return 0;
    }
    if (key != 0) {
        set_id(tunnel, id);
    }
    switch (protocol) {
    case 0x88be:
        if (sequence != 0) {
            return enter_erspan2(layer, tunnel);
        }
        tunnel->kind = TUNNEL_ERSPAN_I;
        return ETHERTYPE_ETHERNET;
    case 0x22eb:
        return enter_erspan3(layer, tunnel);
    default:
        return protocol;
    }
}

/* ---- over UDP ---- */

/* RFC 7348 5: flags, of which I must be set, and the network's number. */
static uint16_t enter_vxlan(struct layer *layer, struct tunnel *tunnel)
{
    struct cur head = layer->cur;
    uint8_t flags = cur_u8(&head);
    cur_skip(&head, 3);
    set_id(tunnel, cur_u24(&head));
    return (flags & 0x08) != 0 && layer_pass(layer, 8) ? ETHERTYPE_ETHERNET : 0;
}

/* draft-ietf-nvo3-vxlan-gpe 3: the same, with what follows in the fourth octet. */
static uint16_t enter_vxlan_gpe(struct layer *layer, struct tunnel *tunnel)
{
    static const uint16_t inner[] = { 0, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_ETHERNET };
    struct cur head = layer->cur;
    uint8_t flags = cur_u8(&head);
    cur_skip(&head, 2);
    uint8_t next = cur_u8(&head);
    set_id(tunnel, cur_u24(&head));
    if ((flags & 0x08) == 0 || next >= H2D_COUNT_OF(inner) || !layer_pass(layer, 8)) {
        return 0;
    }
    return inner[next];
}

/* RFC 8926 3.4: version and length of the options, flags, ethertype, the network's number. */
static uint16_t enter_geneve(struct layer *layer, struct tunnel *tunnel)
{
    struct cur head = layer->cur;
    uint8_t first = cur_u8(&head);
    cur_skip(&head, 1);
    uint16_t type = cur_u16(&head);
    set_id(tunnel, cur_u24(&head));
    return first >> 6 == 0 && layer_pass(layer, 8 + (first & 0x3fu) * 4) ? type : 0;
}

/* 3GPP TS 29.281 5: version 1, protocol type 1, message 255 (a user's packet), length, tunnel
 * endpoint; with any of E, S, PN a sequence number, an N-PDU number and the next extension's type.
 */
static uint16_t enter_gtp_u(struct layer *layer, struct tunnel *tunnel)
{
    struct cur head = layer->cur;
    uint8_t flags = cur_u8(&head);
    uint8_t message = cur_u8(&head);
    cur_skip(&head, 2);
    set_id(tunnel, cur_u32(&head));
    if (flags >> 4 != 3 || message != 255 || !layer_pass(layer, 8)) {
        return 0;
    }
    if ((flags & 7) != 0) {
        cur_skip(&head, 3);
        uint8_t next = cur_u8(&head);
        if (!layer_pass(layer, 4)) {
            return 0;
        }
        /* Each at least four octets, so this ends with the packet. */
        while ((flags & 4) != 0 && next != 0) {
            size_t len = (size_t)cur_peek(&layer->cur) * 4;
            if (len == 0 || cur_left(&layer->cur) < len) {
                return 0;
            }
            next = layer->cur.pos[len - 1];
            if (!layer_pass(layer, len)) {
                return 0;
            }
        }
    }
    switch (cur_peek(&layer->cur) >> 4) {
    case 4:
        return ETHERTYPE_IPV4;
    case 6:
        return ETHERTYPE_IPV6;
    default:
        return 0;
    }
}

/* RFC 7510 3: labels, at once. */
static uint16_t enter_mpls(struct layer *layer, struct tunnel *tunnel)
{
    struct cur head = layer->cur;
    set_id(tunnel, cur_u32(&head) >> 12);
    return cur_ok(&head) ? ETHERTYPE_MPLS : 0;
}

/* ---- that nobody can look into ---- */

/* RFC 3948 2.2: behind a NAT, ESP goes over the port of IKE, which has a zero in front there. */
static bool is_esp_in_udp(const struct segment *segment)
{
    struct cur head = segment->rest.cur;
    return (segment->to_port == 4500 || segment->from_port == 4500) && cur_u32(&head) != 0;
}

/* Messages 1 to 3 have fixed lengths; 4 is data, on the usual port only. */
static bool is_wireguard(const struct segment *segment)
{
    static const size_t lengths[] = { 148, 92, 64 };
    struct cur head = segment->rest.cur;
    struct span type = cur_take(&head, 4);
    if (type.len == 0 || (type.ptr[1] | type.ptr[2] | type.ptr[3]) != 0) {
        return false;
    }
    if (type.ptr[0] >= 1 && type.ptr[0] <= 3) {
        return segment->rest.wire == lengths[type.ptr[0] - 1];
    }
    return type.ptr[0] == 4 && segment->rest.wire >= 32 &&
           (segment->to_port == 51820 || segment->from_port == 51820);
}

/* RFC 2661 3.1, RFC 3931 4.1.2.1: versions 2 and 3. */
static bool is_l2tp(const struct segment *segment)
{
    struct cur head = segment->rest.cur;
    unsigned version = cur_u16(&head) & 0xf;
    return (segment->to_port == 1701 || segment->from_port == 1701) &&
           (version == 2 || version == 3);
}

/* ---- the table ---- */

struct tunnel_row {
    const char *name;  /* as connections tell it */
    const char *id;    /* what stands before its number there; NULL: it has none */
    const char *word;  /* of --tunnel; NULL: it has no port */
    uint16_t ports[2]; /* where it is looked for; 0: none */
    bool both_ends;    /* the port may be the sender's, too */
    uint16_t (*enter)(struct layer *layer, struct tunnel *tunnel);
    bool (*is_opaque)(const struct segment *segment);
};

// clang-format off
static const struct tunnel_row rows[] = {
    [TUNNEL_4IN4]       = { "IPv4 in IPv4",   NULL,       NULL,        { 0 },          false, NULL,            NULL },
    [TUNNEL_6IN4]       = { "IPv6 in IPv4",   NULL,       NULL,        { 0 },          false, NULL,            NULL },
    [TUNNEL_4IN6]       = { "IPv4 in IPv6",   NULL,       NULL,        { 0 },          false, NULL,            NULL },
    [TUNNEL_6IN6]       = { "IPv6 in IPv6",   NULL,       NULL,        { 0 },          false, NULL,            NULL },
    [TUNNEL_GRE]        = { "GRE",            " key ",    NULL,        { 0 },          false, enter_gre,       NULL },
    [TUNNEL_ERSPAN_I]   = { "ERSPAN I",       " key ",    NULL,        { 0 },          false, NULL,            NULL },
    [TUNNEL_ERSPAN_II]  = { "ERSPAN II",      " session ", NULL,       { 0 },          false, NULL,            NULL },
    [TUNNEL_ERSPAN_III] = { "ERSPAN III",     " session ", NULL,       { 0 },          false, NULL,            NULL },
    [TUNNEL_VXLAN]      = { "VXLAN",          " ",        "vxlan",     { 4789, 8472 }, false, enter_vxlan,     NULL },
    [TUNNEL_VXLAN_GPE]  = { "VXLAN-GPE",      " ",        "vxlan-gpe", { 4790 },       false, enter_vxlan_gpe, NULL },
    [TUNNEL_GENEVE]     = { "Geneve",         " ",        "geneve",    { 6081 },       false, enter_geneve,    NULL },
    [TUNNEL_GTP_U]      = { "GTP-U",          " ",        "gtp-u",     { 2152 },       true,  enter_gtp_u,     NULL },
    [TUNNEL_MPLS_UDP]   = { "MPLS in UDP",    " label ",  "mpls",      { 6635 },       false, enter_mpls,      NULL },
    [TUNNEL_ESP]        = { "IPsec ESP",      NULL,       NULL,        { 0 },          false, NULL,            is_esp_in_udp },
    [TUNNEL_WIREGUARD]  = { "WireGuard",      NULL,       NULL,        { 0 },          false, NULL,            is_wireguard },
    [TUNNEL_L2TP]       = { "L2TP",           NULL,       NULL,        { 0 },          false, NULL,            is_l2tp },
};
// clang-format on

const char *net_tunnel_word(enum tunnel_kind kind)
{
    return rows[kind].word;
}

const char *net_tunnel_name(enum tunnel_kind kind)
{
    return rows[kind].name;
}

size_t tunnel_text(const struct tunnel *tunnel, char *text, size_t size)
{
    const struct tunnel_row *row = &rows[tunnel->kind];
    int len = tunnel->has_id && row->id != NULL
                  ? snprintf(text, size, "%s%s%" PRIu32, row->name, row->id, tunnel->id)
                  : snprintf(text, size, "%s", row->name);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

/* ---- the way in ---- */

static enum tunnel_answer enter_row(enum tunnel_kind kind, struct layer *layer, uint16_t *ethertype,
                                    struct tunnel *tunnel)
{
    *tunnel = (struct tunnel){ .kind = (uint8_t)kind };
    *ethertype = rows[kind].enter(layer, tunnel);
    return *ethertype != 0 ? TUNNEL_INNER : TUNNEL_NONE;
}

static bool is_port(const struct tunnel_row *row, uint16_t port, const struct segment *segment)
{
    return port != 0 &&
           (segment->to_port == port || (row->both_ends && segment->from_port == port));
}

static enum tunnel_answer enter_udp(const struct segment *segment, const struct tunnel_port *ports,
                                    size_t port_count, struct layer *layer, uint16_t *ethertype,
                                    struct tunnel *tunnel)
{
    for (size_t i = 0; i < port_count; i++) {
        if (is_port(&rows[ports[i].kind], ports[i].port, segment)) {
            return enter_row((enum tunnel_kind)ports[i].kind, layer, ethertype, tunnel);
        }
    }
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        const struct tunnel_row *row = &rows[i];
        if (is_port(row, row->ports[0], segment) || is_port(row, row->ports[1], segment)) {
            return enter_row((enum tunnel_kind)i, layer, ethertype, tunnel);
        }
        if (row->is_opaque != NULL && row->is_opaque(segment)) {
            tunnel->kind = (uint8_t)i;
            return TUNNEL_OPAQUE;
        }
    }
    return TUNNEL_NONE;
}

static enum tunnel_answer enter_ip(const struct segment *segment, struct layer *layer,
                                   uint16_t *ethertype, struct tunnel *tunnel)
{
    bool v4 = segment->ip_len == 4;
    switch (segment->protocol) {
    case PROTO_IPV4:
        *tunnel = (struct tunnel){ .kind = v4 ? TUNNEL_4IN4 : TUNNEL_4IN6 };
        *ethertype = ETHERTYPE_IPV4;
        return TUNNEL_INNER;
    case PROTO_IPV6:
        *tunnel = (struct tunnel){ .kind = v4 ? TUNNEL_6IN4 : TUNNEL_6IN6 };
        *ethertype = ETHERTYPE_IPV6;
        return TUNNEL_INNER;
    case PROTO_GRE:
        return enter_row(TUNNEL_GRE, layer, ethertype, tunnel);
    case PROTO_ESP:
        tunnel->kind = TUNNEL_ESP;
        return TUNNEL_OPAQUE;
    case PROTO_L2TP:
        tunnel->kind = TUNNEL_L2TP;
        return TUNNEL_OPAQUE;
    default:
        return TUNNEL_NONE;
    }
}

enum tunnel_answer tunnel_enter(const struct segment *segment, bool is_udp,
                                const struct tunnel_port *ports, size_t port_count,
                                struct layer *layer, uint16_t *ethertype, struct tunnel *tunnel)
{
    *layer = segment->rest;
    return is_udp ? enter_udp(segment, ports, port_count, layer, ethertype, tunnel)
                  : enter_ip(segment, layer, ethertype, tunnel);
}

uint32_t tunnel_scope(const struct tunnel *tunnel)
{
    switch (tunnel->kind) {
    case TUNNEL_VXLAN:
    case TUNNEL_VXLAN_GPE:
    case TUNNEL_GENEVE:
        return tunnel->id + 1;
    default:
        return 0;
    }
}
