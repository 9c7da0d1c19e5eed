/* From a packet to a TCP segment: link layer, IPv4 or IPv6 with extension headers, TCP. Pure: keeps
 * nothing. */
#ifndef H2DUMP_NET_IP_H
#define H2DUMP_NET_IP_H

#include "base/stream.h"

enum tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_ACK = 0x10,
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

/* A TCP segment, or, for UDP, the datagram: addresses, ports and payload only. */
struct segment {
    const uint8_t *from, *to; /* addresses, ip_len octets each, in the packet */
    uint8_t ip_len;           /* 4 or 16 */
    uint8_t flags;
    uint16_t from_port, to_port;
    uint32_t seq, ack;
    struct span payload; /* what of it is in the packet */
    size_t wire_len;     /* what it had on the wire; >= payload.len */
};

enum ip_answer ip_decode(const struct packet *packet, struct segment *segment);

#endif
