/* From a packet to a TCP segment: link layer, IPv4 or IPv6 with extension headers, TCP. Pure: keeps
 * nothing. What is not finished with one packet (fragments) or one pair of addresses (tunnels) is
 * decap.c's. */
#ifndef H2DUMP_NET_IP_H
#define H2DUMP_NET_IP_H

#include "base/stream.h"
#include "net/tunnel.h"

enum tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
};

/* What a packet turned out to be. */
enum ip_answer {
    IP_TCP,
    IP_UDP,
    IP_OTHER,      /* another protocol on IP */
    IP_FRAGMENT,   /* of a datagram in several packets */
    IP_NOT,        /* no IP */
    IP_MALFORMED,  /* headers that do not fit */
    IP_UNSUPPORTED /* a link type that nobody reads */
};

/* A place in the packet: what is there from here on, and how much there was on the wire. */
struct layer {
    struct cur cur;
    size_t wire; /* octets from cur.pos to the end of this layer's payload on the wire */
};

/* A piece of a datagram (RFC 791 2.3, RFC 8200 4.5); the octets are segment.rest. */
struct fragment {
    uint32_t id;
    uint32_t off; /* in octets */
    bool more;    /* it is not the last */
};

/* What was found out about checksums. */
enum sums {
    SUMS_UNKNOWN, /* nobody looked, or not all octets are there */
    SUMS_WRONG_IP,
    SUMS_WRONG_TCP,
    SUMS_UNSET_TCP, /* left to the network card: only the pseudo-header is summed up */
};

/* A TCP segment, or what there is instead of one. Only what the answer asks for is set. */
struct segment {
    const uint8_t *from, *to; /* addresses, ip_len octets each, in the packet */
    uint8_t ip_len;           /* 4 or 16 */
    uint8_t protocol;         /* not IP_TCP: which it is; IP_FRAGMENT: of the whole */
    uint8_t flags;
    uint16_t from_port, to_port;
    uint32_t seq, ack;
    const uint8_t *transport; /* IP_TCP: the TCP header */
    struct span payload;      /* what of it is in the packet */
    size_t wire_len;          /* what it had on the wire; >= payload.len */
    struct layer rest;        /* IP_UDP: the payload; IP_OTHER, IP_FRAGMENT: what is behind IP */
    struct fragment fragment; /* IP_FRAGMENT */
    uint32_t scope;           /* of its addresses: a VXLAN's or Geneve's network + 1; 0: none */
    uint8_t sums;             /* enum sums */
    bool routed;              /* its last address is another than segment->to (RFC 8200 4.4) */
    uint8_t tunnel_count;     /* how many tunnels it came through */
    struct tunnel tunnels[TUNNELS_MAX];
};

/* Takes n octets off the layer; false when the wire had fewer. */
static inline bool layer_pass(struct layer *layer, size_t n)
{
    if (n > layer->wire) {
        return false;
    }
    layer->wire -= n;
    cur_skip(&layer->cur, n);
    return cur_ok(&layer->cur);
}

/* The layer's payload ends after n octets on the wire; what follows is filling of the link. */
static inline void layer_end_after(struct layer *layer, size_t n)
{
    layer->wire = n;
    if (cur_left(&layer->cur) > n) {
        layer->cur.end = layer->cur.pos + n;
    }
}

/* The outermost addresses of a packet. */
enum ip_answer ip_decode(const struct packet *packet, struct segment *segment);

/* What an ethertype announces, at the layer: link headers in between are passed. Sets all of the
 * segment but scope and tunnels. */
enum ip_answer ip_network(uint16_t ethertype, struct layer *layer, struct segment *segment);

/* The payload of a datagram that was put together: segment has its addresses and protocol. */
enum ip_answer ip_payload(struct layer *layer, struct segment *segment);

#endif
