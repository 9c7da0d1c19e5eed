#include "net/link.h"

#include "base/compiler.h"
#include "net/net.h"
#include "spec/limits.h"

#define ETHERTYPE_LENGTHS 0x600 /* below: an 802.3 length */
#define ETHERTYPE_PPPOE   0x8864

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
static uint16_t strip_ppp(struct cur *cur)
{
    if (cur_peek(cur) == 0xff) {
        cur_skip(cur, 2);
    }
    uint16_t protocol = cur_u8(cur);
    if ((protocol & 1) == 0) {
        protocol = (uint16_t)(protocol << 8 | cur_u8(cur));
    }
    return protocol == 0x21 ? ETHERTYPE_IPV4 : protocol == 0x57 ? ETHERTYPE_IPV6 : 0;
}

/* RFC 2516 4: version and type, code (0: session data), session, length. */
static uint16_t strip_pppoe(struct cur *cur)
{
    cur_skip(cur, 1);
    uint8_t code = cur_u8(cur);
    cur_skip(cur, 4);
    return code == 0 ? strip_ppp(cur) : 0;
}

/* IEEE 802.2 with a SNAP header of the OUI that means "an ethertype follows"; any other LLC carries
 * no IP. */
static uint16_t strip_llc(struct cur *cur)
{
    if (cur_u24(cur) != 0xaaaa03) {
        return 0;
    }
    return cur_u24(cur) == 0 ? cur_u16(cur) : 0;
}

static bool is_vlan(uint16_t type)
{
    return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

/* Tags and PPPoE behind an ethertype. */
static uint16_t strip_tags(struct cur *cur, uint16_t type)
{
    for (unsigned tags = 0; is_vlan(type) && tags < LIMIT_VLAN_TAGS; tags++) {
        cur_skip(cur, 2);
        type = cur_u16(cur);
    }
    return type == ETHERTYPE_PPPOE ? strip_pppoe(cur) : type;
}

static uint16_t strip_ethernet(struct cur *cur)
{
    cur_skip(cur, 12);
    uint16_t type = cur_u16(cur);
    if (H2D_LIKELY(type == ETHERTYPE_IPV4)) {
        return type;
    }
    type = strip_tags(cur, type);
    return type < ETHERTYPE_LENGTHS && type != 0 ? strip_tags(cur, strip_llc(cur)) : type;
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

/* Linux "cooked": packet type, hardware type, address length and address, then the protocol. */
static uint16_t strip_sll(struct cur *cur)
{
    cur_skip(cur, 14);
    return strip_tags(cur, cur_u16(cur));
}

/* The second version begins with the protocol; 20 octets in all. */
static uint16_t strip_sll2(struct cur *cur)
{
    uint16_t type = cur_u16(cur);
    cur_skip(cur, 18);
    return strip_tags(cur, type);
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
    {   6, "IEEE 802.5 Token Ring",      NULL },
    {   7, "ARCNET",                     NULL },
    {   8, "SLIP",                       NULL },
    {  10, "FDDI",                       NULL },
    { 100, "LLC/SNAP over ATM",          NULL },
    { 104, "Cisco HDLC",                 NULL },
    { 105, "IEEE 802.11",                NULL },
    { 107, "Frame Relay",                NULL },
    { 119, "IEEE 802.11 with Prism",     NULL },
    { 127, "IEEE 802.11 with radiotap",  NULL },
    { 143, "DOCSIS",                     NULL },
    { 147, "private use 0",              NULL },
    { 149, "private use 2",              NULL },
    { 163, "IEEE 802.11 with AVS",       NULL },
    { 187, "Bluetooth HCI",              NULL },
    { 189, "USB, Linux",                 NULL },
    { 195, "IEEE 802.15.4",              NULL },
    { 201, "Bluetooth HCI",              NULL },
    { 220, "USB, Linux",                 NULL },
    { 227, "CAN",                        NULL },
    { 239, "netfilter log",              NULL },
    { 249, "USBPcap",                    NULL },
    { 251, "Bluetooth LE",               NULL },
    { 253, "netlink",                    NULL },
    { 258, "Apple PKTAP",                NULL },
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
