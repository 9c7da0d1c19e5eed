/* What flows from floor to floor: packets, then octets of a connection with where they were found,
 * gaps and ends. Every stage from TCP to the engine speaks struct stream_sink, so that stages stack
 * and a test can stand in for any. */
#ifndef H2DUMP_BASE_STREAM_H
#define H2DUMP_BASE_STREAM_H

#include "base/compiler.h"
#include "base/cursor.h"

/* The two directions of a connection. Below the detector, where nobody knows yet who is the client,
 * the same numbers are just side 0 and side 1 of a flow: the sender of the octets. */
enum dir {
    DIR_C2S = 0, /* client to server */
    DIR_S2C = 1, /* server to client */
};

static inline enum dir dir_other(enum dir dir)
{
    return dir == DIR_C2S ? DIR_S2C : DIR_C2S;
}

/* Where and when octets were found: the packet with which a receiver had them. Octets that came
 * earlier but could be read only then (a TLS record over several packets) say since when. */
struct pos {
    uint64_t packet; /* 1-based, as Wireshark counts; 0: the input has no packets (raw stream) */
    uint64_t ts_ns;  /* capture time, ns since 1970; meaningless unless ts_known */
    uint64_t since_packet; /* the packet where they began; 0: packet */
    uint64_t since_ns;     /* its time; meaningless unless since_packet */
    bool ts_known;
    bool ordered; /* the octets of the other side that their sender knew of were handed on before */
    bool after_drops; /* of a packet beside a gap: the capture lost packets there, by its own
                         account */
};

/* Where octets found at *pos began. */
static inline struct pos pos_begin(const struct pos *pos)
{
    struct pos begin = *pos;
    if (pos->since_packet != 0) {
        begin.packet = pos->since_packet;
        begin.ts_ns = pos->since_ns;
        begin.since_packet = 0;
    }
    return begin;
}

/* Which way a packet went past the capturing host, where the capture says so. */
enum packet_way {
    PACKET_WAY_UNKNOWN,
    PACKET_IN,
    PACKET_OUT,
};

/* One packet of a capture. Octets and comments are borrowed until the reader's next call. */
struct packet {
    struct pos pos;
    uint16_t link_type; /* LINKTYPE_* number of its interface */
    uint32_t if_id;     /* pcapng interface number within its section; 0 in pcap */
    struct span octets; /* what the capture has of it */
    size_t wire_len;    /* octets it had on the wire; >= octets.len */
    uint8_t
        fcs_len; /* frame check octets at its end, which are not the network layer's; usually 0 */
    uint8_t ts_digits;    /* decimals of the capture's clock: 6 or 9 */
    uint8_t way;          /* enum packet_way */
    bool checksums_unset; /* the capturing host had not filled them in yet */
    bool partial;         /* the input ends in it: what lacks of it was not cut by the capture */
    uint32_t drops; /* packets that the capture says it lost just before this one; saturating */
    uint32_t comment_count;
    const struct span *comments; /* what somebody wrote to this packet; UTF-8, if they kept to it */
};

/* Why octets are not there. The names are those of the JSON contract. */
enum gap_cause {
    GAP_LOST,    /* acknowledged by the peer, but not in the capture */
    GAP_UNACKED, /* never acknowledged */
    GAP_SNAPLEN, /* cut off at capture time */
    GAP_LIMIT,   /* a limit of ours acted */
    GAP_END,     /* the input ended first */
    GAP_TLS,     /* a record that could not be decrypted */
};

/* How a direction ended. */
enum close_cause {
    CLOSE_FIN,     /* the sender finished */
    CLOSE_RST,     /* reset */
    CLOSE_EVICTED, /* dropped by a limit */
    CLOSE_REUSED,  /* a new connection began on the same addresses and ports */
    CLOSE_END,     /* the input ended; nothing is known of the connection's end */
};

/* Tells a stage's answer to octets from an error (a negative enum rc). */
enum sink_answer {
    SINK_MORE = 0,   /* go on */
    SINK_IGNORE = 1, /* want nothing more of this connection, either side */
};

/* A stage that takes the octets of one connection. Calls come in an order that a single observer
 * could have seen them (causes before effects). off is the offset in that side's stream, of the
 * first octet; the offsets of one side run on without holes: a gap counts with its length, where
 * that is known. */
struct stream_sink_ops {
    /* octets.len >= 1, borrowed for the call. All of them were found at *pos. Returns enum
     * sink_answer or negative rc. */
    int (*bytes)(void *ctx, unsigned side, uint64_t off, struct span octets, const struct pos *pos);
    /* len octets are not there; 0: nobody knows how many (records of TLS were lost), and the
     * offsets go on as if there had been none. before and after are the packets around the hole,
     * either may be NULL. */
    int (*gap)(void *ctx, unsigned side, uint64_t off, uint64_t len, enum gap_cause cause,
               const struct pos *before, const struct pos *after);
    /* One side has ended, once a side, at pos (NULL: nowhere in particular). */
    void (*close)(void *ctx, unsigned side, enum close_cause cause, const struct pos *pos);
    /* The connection is forgotten; last call, always made. */
    void (*free)(void *ctx);
};

/* ops NULL: nobody listens. */
struct stream_sink {
    const struct stream_sink_ops *ops;
    void *ctx;
};

/* One end of a connection. */
struct endpoint {
    uint8_t ip[16];
    uint8_t ip_len; /* 4, 16; 0: none (raw input) */
    uint16_t port;
};

/* What a connection came through, outermost first: tunnels, then what was said before HTTP/2 (a
 * proxy's header). Names are UTF-8 at best: they may hold octets of the wire. */
#define VIA_MAX      8
#define VIA_NAME_MAX 288
struct via {
    size_t count;
    struct via_name {
        size_t len;
        char octets[VIA_NAME_MAX]; /* "VXLAN 42", "CONNECT example.test:443" */
    } names[VIA_MAX];
};

/* Another pair of addresses under which the same connection was captured (before and after address
 * translation, inside and outside of a tunnel). */
struct other_view {
    const struct other_view *next;
    struct endpoint client, server;
};

/* What TCP knows of a connection when its first octets come. */
struct flow_info {
    uint64_t id;             /* 1, 2, … in order of first packet */
    struct endpoint ends[2]; /* side 0, side 1 */
    int client_side;         /* who sent the SYN: 0 or 1; -1: not seen */
    bool joined;             /* no SYN seen: the capture began in mid-connection */
    struct pos first;        /* its first packet */
    const struct via
        *via; /* NULL: straight on the wire; lives as long as the sink that is opened */
    const struct other_view *also_seen; /* NULL: nowhere else so far; lives as long, too */
};

#endif
