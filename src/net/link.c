#include "net/link.h"

#include "base/compiler.h"
#include "net/net.h"
#include "spec/limits.h"

#define ETHERTYPE_LENGTHS        0x600 /* below: an 802.3 length */
#define ETHERTYPE_PPPOE          0x8864
#define ETHERTYPE_MPLS_MULTICAST 0x8848

/* A packet without any header: the version nibble tells. */
static uint16_t strip_nothing(struct cur *cur)
{
    switch (cur_peek(cur) >> 4) {
    case 4:
        return ETHERTYPE_IPV4;
    case 6:
        return ETHERTYPE_IPV6;
    default:
        return 0;
    }
}

static uint16_t strip_nothing_v4(struct cur *cur)
{
    (void)cur;
    return ETHERTYPE_IPV4;
}

static uint16_t strip_nothing_v6(struct cur *cur)
{
    (void)cur;
    return ETHERTYPE_IPV6;
}

/* RFC 1661 2, RFC 1662 3.2: address and control may be left out, and the protocol's first octet,
 * which is even, when it is zero. */
static uint16_t ppp_type(struct cur *cur)
{
    if (cur_peek(cur) == 0xff) {
        cur_skip(cur, 2);
    }
    uint16_t protocol = cur_u8(cur);
    if ((protocol & 1) == 0) {
        protocol = (uint16_t)(protocol << 8 | cur_u8(cur));
    }
    switch (protocol) {
    case 0x21:
        return ETHERTYPE_IPV4;
    case 0x57:
        return ETHERTYPE_IPV6;
    case 0x281:
        return ETHERTYPE_MPLS;
    default:
        return 0;
    }
}

/* RFC 2516 4: version and type, code (0: session data), session, length. */
static uint16_t pppoe_type(struct cur *cur)
{
    cur_skip(cur, 1);
    uint8_t code = cur_u8(cur);
    cur_skip(cur, 4);
    return code == 0 ? ppp_type(cur) : 0;
}

/* IEEE 802.2 with a SNAP header of the OUI that means "an ethertype follows"; any other LLC carries
 * no IP. */
static uint16_t llc_type(struct cur *cur)
{
    if (cur_u24(cur) != 0xaaaa03) {
        return 0;
    }
    return cur_u24(cur) == 0 ? cur_u16(cur) : 0;
}

/* RFC 3032 2.1: labels to the one with the bottom bit; nothing says what follows but its first
 * nibble, and a zero there is the control word of a pseudowire (RFC 4385 3), mostly of Ethernet. */
static uint16_t mpls_type(struct cur *cur)
{
    for (unsigned labels = 0; labels < LIMIT_MPLS_LABELS; labels++) {
        if ((cur_u32(cur) & 0x100) != 0) {
            if (cur_left(cur) > 0 && cur_peek(cur) >> 4 == 0) {
                cur_skip(cur, 4);
                return ETHERTYPE_ETHERNET;
            }
            return strip_nothing(cur);
        }
    }
    return 0;
}

static bool is_vlan(uint16_t type)
{
    return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

uint16_t link_pass(uint16_t type, struct cur *cur)
{
    unsigned tags = 0, frames = 0;
    while (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6) {
        if (is_vlan(type) && tags++ < LIMIT_VLAN_TAGS) {
            cur_skip(cur, 2);
            type = cur_u16(cur);
        } else if (type == ETHERTYPE_PPPOE) {
            type = pppoe_type(cur);
        } else if (type == ETHERTYPE_MPLS || type == ETHERTYPE_MPLS_MULTICAST) {
            type = mpls_type(cur);
        } else if (type == ETHERTYPE_ETHERNET && frames++ < LIMIT_TUNNELS) {
            cur_skip(cur, 12);
            type = cur_u16(cur);
        } else if (type < ETHERTYPE_LENGTHS && type != 0) {
            type = llc_type(cur);
        } else {
            return 0;
        }
    }
    return type;
}

static uint16_t strip_ppp(struct cur *cur)
{
    return link_pass(ppp_type(cur), cur);
}

static uint16_t strip_pppoe(struct cur *cur)
{
    return link_pass(pppoe_type(cur), cur);
}

static uint16_t strip_ethernet(struct cur *cur)
{
    cur_skip(cur, 12);
    uint16_t type = cur_u16(cur);
    return H2D_LIKELY(type == ETHERTYPE_IPV4) ? type : link_pass(type, cur);
}

/* The address family of BSD's loopback, in the order of the host that captured (NULL) or of the
 * network (LOOP); its numbers differ by system, so both orders and all numbers are taken. */
static uint16_t strip_family(struct cur *cur)
{
    uint32_t family = cur_u32(cur);
    if (family > 0xffff) {
        family = family >> 24 | (family >> 8 & 0xff00);
    }
    switch (family) {
    case 2:
        return ETHERTYPE_IPV4;
    case 10:
    case 23:
    case 24:
    case 28:
    case 30:
        return ETHERTYPE_IPV6;
    default:
        return strip_nothing(cur);
    }
}

/* Linux "cooked" has an ethertype, or a number of its own that is none. */
static uint16_t pass_cooked(uint16_t type, struct cur *cur)
{
    return type >= ETHERTYPE_LENGTHS ? link_pass(type, cur) : 0;
}

/* Packet type, hardware type, address length and address, then the protocol. */
static uint16_t strip_sll(struct cur *cur)
{
    cur_skip(cur, 14);
    return pass_cooked(cur_u16(cur), cur);
}

/* The second version begins with the protocol; 20 octets in all. */
static uint16_t strip_sll2(struct cur *cur)
{
    uint16_t type = cur_u16(cur);
    cur_skip(cur, 18);
    return pass_cooked(type, cur);
}

/* Address, control, ethertype. */
static uint16_t strip_c_hdlc(struct cur *cur)
{
    cur_skip(cur, 2);
    return link_pass(cur_u16(cur), cur);
}

/* Netfilter's log: family, version, resource, then values that each have a length (with its own
 * four octets) and a type, in the order of the host that captured; the one of type 9 is the packet.
 */
static uint16_t strip_nflog(struct cur *cur)
{
    const uint16_t payload_type = 9;
    cur_skip(cur, 4);
    bool little = false, known = false;
    while (cur_left(cur) >= 4) {
        struct span head = cur_take(cur, 4);
        if (!known) {
            size_t big = num_be16(head.ptr);
            little = big < 4 || big > cur_left(cur) + 4;
            known = true;
        }
        size_t len = little ? num_le16(head.ptr) : num_be16(head.ptr);
        uint16_t type = little ? num_le16(head.ptr + 2) : num_be16(head.ptr + 2);
        if ((type & 0x7fff) == payload_type) {
            return strip_nothing(cur);
        }
        if (len < 4) {
            return 0;
        }
        cur_skip(cur, ((len + 3) & ~(size_t)3) - 4);
    }
    return 0;
}

/* Apple's: the header's length, what the record is, and the link type of the packet inside, all in
 * little octet order. */
static uint16_t strip_pktap(struct cur *cur)
{
    enum { HEADER_MIN = 108, RECORD_PACKET = 1 };
    struct span head = cur_take(cur, 12);
    if (head.len == 0 || num_le32(head.ptr) < HEADER_MIN ||
        num_le32(head.ptr + 4) != RECORD_PACKET) {
        return 0;
    }
    cur_skip(cur, num_le32(head.ptr) - head.len);
    uint32_t inner = num_le32(head.ptr + 8);
    const struct link_row *row = inner <= UINT16_MAX ? link_find((uint16_t)inner) : NULL;
    /* not in itself: once is enough */
    return row != NULL && row->strip != NULL && row->strip != strip_pktap ? row->strip(cur) : 0;
}

// clang-format off
static const struct link_row rows[] = {
    /* type   name                       strip */
    {   1, "Ethernet",                   strip_ethernet   },
    { 113, "Linux cooked v1",            strip_sll        },
    { 276, "Linux cooked v2",            strip_sll2       },
    {   0, "BSD loopback",               strip_family     },
    { 108, "OpenBSD loopback",           strip_family     },
    { 101, "raw IP",                     strip_nothing    },
    {  12, "raw IP",                     strip_nothing    },
    {  14, "raw IP",                     strip_nothing    },
    { 228, "raw IPv4",                   strip_nothing_v4 },
    { 229, "raw IPv6",                   strip_nothing_v6 },
    {   9, "PPP",                        strip_ppp        },
    {  50, "PPP in HDLC framing",        strip_ppp        },
    {  51, "PPPoE",                      strip_pppoe      },
    { 104, "Cisco HDLC",                 strip_c_hdlc     },
    { 239, "netfilter log",              strip_nflog      },
    { 258, "Apple PKTAP",                strip_pktap      },
    { 149, "Apple PKTAP, older",         strip_pktap      },
    {   6, "IEEE 802.5 Token Ring",      NULL },
    {   7, "ARCNET",                     NULL },
    {   8, "SLIP",                       NULL },
    {  10, "FDDI",                       NULL },
    { 100, "LLC/SNAP over ATM",          NULL },
    { 105, "IEEE 802.11",                NULL },
    { 107, "Frame Relay",                NULL },
    { 119, "IEEE 802.11 with Prism",     NULL },
    { 127, "IEEE 802.11 with radiotap",  NULL },
    { 143, "DOCSIS",                     NULL },
    { 147, "private use 0",              NULL },
    { 163, "IEEE 802.11 with AVS",       NULL },
    { 187, "Bluetooth HCI",              NULL },
    { 189, "USB, Linux",                 NULL },
    { 195, "IEEE 802.15.4",              NULL },
    { 201, "Bluetooth HCI",              NULL },
    { 220, "USB, Linux",                 NULL },
    { 227, "CAN",                        NULL },
    { 249, "USBPcap",                    NULL },
    { 251, "Bluetooth LE",               NULL },
    { 253, "netlink",                    NULL },
};
// clang-format on

const struct link_row *link_find(uint16_t link_type)
{
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        if (rows[i].link_type == link_type) {
            return &rows[i];
        }
    }
    return NULL;
}

const char *net_link_type_name(uint16_t link_type)
{
    const struct link_row *row = link_find(link_type);
    return row != NULL ? row->name : NULL;
}
