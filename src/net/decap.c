/* Packets that are not just TCP over IP: fragments, tunnels, and what is only counted. A loop, not
 * a recursion: what the wire says goes in depth at most LIMIT_TUNNELS (capture-layer 2.3, 2.4). */
#include "net/net_int.h"
#include "spec/limits.h"

/* Fragments inside fragments: more would need as many datagrams held. */
#define REASSEMBLIES_MAX 4

/* A tunnel's inside, when the segment is one. */
static bool go_inside(struct net *net, struct segment *segment, enum ip_answer *answer)
{
    struct layer layer;
    uint16_t ethertype;
    struct tunnel tunnel;
    if (net->options.no_tunnels) {
        return false;
    }
    switch (tunnel_enter(segment, *answer == IP_UDP, net->options.tunnel_ports,
                         net->options.tunnel_port_count, &layer, &ethertype, &tunnel)) {
    case TUNNEL_NONE:
        return false;
    case TUNNEL_OPAQUE:
        net->stats.opaque[tunnel.kind]++;
        return false;
    case TUNNEL_INNER:
        break;
    }
    if (segment->tunnel_count == LIMIT_TUNNELS) {
        net->stats.limits[NET_LIMIT_TUNNELS]++;
        return false;
    }
    segment->tunnels[segment->tunnel_count++] = tunnel;
    uint32_t scope = tunnel_scope(&tunnel);
    if (scope != 0) {
        segment->scope = scope;
    }
    *answer = ip_network(ethertype, &layer, segment);
    return true;
}

/* The datagram that the fragment made whole. 1: there is one; 0; RC_NOMEM. */
static int put_together(struct net *net, struct segment *segment, enum ip_answer *answer,
                        struct pos *pos)
{
    struct layer layer;
    int rc = frag_take(&net->frag, segment, net->now_ns, pos, &layer);
    if (rc == 1) {
        *answer = ip_payload(&layer, segment);
    }
    return rc;
}

static int count(struct net *net, enum ip_answer answer, const struct segment *segment)
{
    struct net_stats *stats = &net->stats;
    switch (answer) {
    case IP_UDP:
        stats->udp_packets++;
        return net_udp(net, segment);
    case IP_OTHER:
        stats->other_packets++;
        return 0;
    case IP_NOT:
        stats->not_ip++;
        return 0;
    case IP_TCP:
    case IP_FRAGMENT:
    case IP_UNSUPPORTED:
    case IP_MALFORMED:
        break;
    }
    stats->malformed++;
    return 0;
}

static int follow(struct net *net, enum ip_answer answer, struct segment *segment, struct pos *pos)
{
    unsigned reassemblies = 0;
    for (;;) {
        if (answer == IP_TCP) {
            return net_tcp(net, segment, pos);
        }
        if (answer == IP_FRAGMENT && reassemblies++ < REASSEMBLIES_MAX) {
            net->stats.fragments += reassemblies == 1;
            int rc = put_together(net, segment, &answer, pos);
            if (rc != 1) {
                return rc;
            }
        } else if ((answer != IP_UDP && answer != IP_OTHER) || !go_inside(net, segment, &answer)) {
            return count(net, answer, segment);
        }
    }
}

int decap_packet(struct net *net, enum ip_answer answer, struct segment *segment,
                 const struct pos *pos)
{
    struct pos at = *pos;
    int rc = follow(net, answer, segment, &at);
    frag_release(&net->frag);
    return rc;
}
