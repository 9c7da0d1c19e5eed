/* Link layers: what stands before the IP header, by link type. A row of the table in link.c is all
 * that a new one needs. Knows nothing of IP beyond the version nibble. */
#ifndef H2DUMP_NET_LINK_H
#define H2DUMP_NET_LINK_H

#include "base/cursor.h"

/* Ethertypes of the network layers that are read on. */
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
/* Of what is in between: see link_pass. */
#define ETHERTYPE_ETHERNET 0x6558 /* transparent Ethernet bridging: a whole frame */
#define ETHERTYPE_MPLS     0x8847

struct link_row {
    uint16_t link_type;
    const char *name;
    /* Takes the link header off; returns the ethertype of what follows, 0: nothing to read on.
     * NULL: known by name only. */
    uint16_t (*strip)(struct cur *cur);
};

/* Takes off what stands between an ethertype and the network layer: VLAN tags, LLC, PPPoE, MPLS,
 * frames in frames. Returns the network layer's ethertype; 0: nothing to read on. Whether it all
 * was there, the cursor knows. */
uint16_t link_pass(uint16_t type, struct cur *cur);

/* The row of a link type, or NULL. */
const struct link_row *link_find(uint16_t link_type);

#endif
