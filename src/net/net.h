/* Packets to ordered octets: link layer, IP, TCP, one struct net for one input. Finds the TCP
 * payload of each packet, reassembles each connection (capture-layer 2 and 3), and feeds a sink per
 * connection. Knows nothing of what the octets mean. Owns all flows and their queued octets. */
#ifndef H2DUMP_NET_NET_H
#define H2DUMP_NET_NET_H

#include "base/mem.h"
#include "base/siphash.h"
#include "base/stream.h"
#include "spec/finding.h"

struct net;

/* Tunnels that are known. */
enum tunnel_kind {
    TUNNEL_4IN4,
    TUNNEL_6IN4,
    TUNNEL_4IN6,
    TUNNEL_6IN6,
    TUNNEL_GRE,
    TUNNEL_ERSPAN_I,
    TUNNEL_ERSPAN_II,
    TUNNEL_ERSPAN_III,
    TUNNEL_VXLAN,
    TUNNEL_VXLAN_GPE,
    TUNNEL_GENEVE,
    TUNNEL_GTP_U,
    TUNNEL_MPLS_UDP,
    TUNNEL_ESP, /* from here on nobody can look inside */
    TUNNEL_WIREGUARD,
    TUNNEL_L2TP,
    TUNNEL_KINDS,
};

/* "VXLAN", "IPsec ESP", … */
const char *net_tunnel_name(enum tunnel_kind kind);
/* The word of a kind that goes over UDP, for --tunnel ("vxlan"); NULL: it has no port. */
const char *net_tunnel_word(enum tunnel_kind kind);

/* A UDP port that means a tunnel, beside the usual ones. */
struct tunnel_port {
    uint8_t kind; /* enum tunnel_kind, one with a word */
    uint16_t port;
};

struct net_options {
    struct siphash_key key;
    uint64_t max_flows;        /* LIMIT_FLOWS */
    uint64_t tcp_queue_octets; /* LIMIT_TCP_QUEUE_OCTETS, and so on: the limits of limits.def by
                                  default */
    uint64_t tcp_pieces;
    uint64_t queued_octets;
    uint64_t hole_wait_unacked_ms;
    bool all_views;    /* decode each view of a connection that is seen several times */
    bool overlap_last; /* where segments overlap with other content, the later octets count */
    bool check_sums;   /* tell wrong IP and TCP checksums */
    bool no_tunnels;   /* outer headers only */
    const struct tunnel_port *tunnel_ports; /* outlive the net */
    size_t tunnel_port_count;
};

/* The limits that act here. */
enum net_limit {
    NET_LIMIT_FLOWS,
    NET_LIMIT_TCP_QUEUE,
    NET_LIMIT_MEMORY,
    NET_LIMIT_FRAGMENTS,
    NET_LIMIT_TUNNELS,
    NET_LIMITS,
};

/* The row of the registry that a limit is. */
enum check net_limit_check(enum net_limit limit);

void net_options_init(struct net_options *options);

/* Who is told. on_open: a connection's first payload octet is about to be delivered; returns the
 * sink for it (ops NULL: not interested, octets are then only counted). on_note: something worth a
 * word on a flow, once a flow and check: limits that acted, overlaps with other content (severity
 * note; dir is the side); may be NULL. */
struct net_events {
    struct stream_sink (*on_open)(void *ctx, const struct flow_info *info);
    void (*on_note)(void *ctx, const struct flow_info *info, const struct finding *note);
};

/* Packets that could not be used, by reason; flows by what became of them. */
#define NET_LINK_TYPES_MAX 16
struct net_stats {
    uint64_t packets;     /* given to net_packet */
    uint64_t tcp_packets; /* that held a TCP segment */
    uint64_t tcp_connections;
    uint64_t udp_packets;
    uint64_t quic_flows;    /* UDP address pairs whose first octets look like QUIC version 1 or 2 */
    uint64_t other_packets; /* IP, but neither TCP nor UDP */
    uint64_t fragments;     /* packets that hold an IP fragment, the outermost counted */
    uint64_t fragments_lost; /* of datagrams that never became whole */
    uint64_t fragments_overlapping;
    uint64_t opaque[TUNNEL_KINDS]; /* packets of tunnels that nobody can look into */
    uint64_t not_ip;               /* ARP and the like */
    uint64_t malformed;            /* headers that do not fit */
    struct {
        uint16_t link_type;
        uint64_t packets;
    } unsupported[NET_LINK_TYPES_MAX]; /* link types without a decoder, the first 16 of them */
    size_t unsupported_count;
    uint64_t payload_octets;          /* TCP payload on the wire */
    uint64_t payload_cut_octets;      /* of it, not in the file because of the snapshot length */
    uint64_t gap_octets[GAP_TLS + 1]; /* reported as gaps, by cause */
    uint64_t retransmitted_octets;
    uint64_t views;                         /* connections that are another view of one decoded */
    uint64_t wrong_ip_sums, wrong_tcp_sums; /* packets; with check_sums */
    uint64_t unset_tcp_sums;                /* of the latter, left to the network card */
    uint64_t out_of_window;                 /* segments too far ahead to be of their connection */
    uint64_t limits[NET_LIMITS];            /* how often each acted */
};

/* NULL: memory is out. ctx is handed to the events. */
struct net *net_new(struct mem *mem, const struct net_options *options,
                    const struct net_events *events, void *ctx) H2D_MUST_CHECK;
void net_free(struct net *net);

/* Takes one packet: decodes, reassembles, calls sinks. Returns 0, or a negative enum rc: RC_NOMEM,
 * or what a sink returned. A packet that makes no sense is counted, not an error. */
int net_packet(struct net *net, const struct packet *packet) H2D_MUST_CHECK;

/* Time has gone on to now_ns without a packet (a live capture): holes that are due by then are
 * given up, and their connections delivered. Returns as net_packet. */
int net_tick(struct net *net, uint64_t now_ns) H2D_MUST_CHECK;

/* The connection (flow_info.id) that the packet given last belongs to; 0: none. */
uint64_t net_packet_flow(const struct net *net);

/* The input has ended: gives up all holes and ends all flows (CLOSE_END unless they had ended). */
int net_end(struct net *net) H2D_MUST_CHECK;

const struct net_stats *net_stats(const struct net *net);

/* "IEEE 802.11", … for a link type without a decoder, or NULL when it is not known by name. */
const char *net_link_type_name(uint16_t link_type);

#endif
