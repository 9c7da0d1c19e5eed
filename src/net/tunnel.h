/* Tunnels: IP in something in IP (capture-layer 2.4). One row a kind; pure, keeps nothing. The loop
 * that goes from one to the next is decap.c's. */
#ifndef H2DUMP_NET_TUNNEL_H
#define H2DUMP_NET_TUNNEL_H

#include "net/net.h"

/* Tunnels in tunnels that are followed: LIMIT_TUNNELS. */
#define TUNNELS_MAX 4

/* One that was passed. */
struct tunnel {
    uint8_t kind; /* enum tunnel_kind */
    bool has_id;  /* it had a number of its own */
    uint32_t id;  /* VXLAN's or Geneve's network, GRE's key, GTP-U's tunnel endpoint, … */
};

struct segment;
struct layer;

/* What is behind IP or UDP. */
enum tunnel_answer {
    TUNNEL_NONE,   /* no tunnel */
    TUNNEL_INNER,  /* *layer and *ethertype are what it carries */
    TUNNEL_OPAQUE, /* one that nobody can look into: only counted */
};

/* Whether a segment (IP_UDP or IP_OTHER, told by is_udp) is a tunnel's packet. ports: the user's,
 * which come before the usual ones. A header that does not fit makes TUNNEL_NONE. TUNNEL_OPAQUE
 * sets tunnel->kind only. */
enum tunnel_answer tunnel_enter(const struct segment *segment, bool is_udp,
                                const struct tunnel_port *ports, size_t port_count,
                                struct layer *layer, uint16_t *ethertype, struct tunnel *tunnel);

/* Addresses inside are of a network of their own: its number + 1; 0: they are of the one outside.
 */
uint32_t tunnel_scope(const struct tunnel *tunnel);

/* "VXLAN 42", "GRE": without a NUL counted, at most size - 1 octets. */
size_t tunnel_text(const struct tunnel *tunnel, char *text, size_t size);

#endif
