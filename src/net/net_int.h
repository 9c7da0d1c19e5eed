/* What the files of this room share: a flow and its two halves, the net that owns them, and who
 * does what: net.c the door, flow.c the table of flows, tcp.c what a segment means, queue.c pieces
 * that came before their turn, pump.c the delivery in causal order. */
#ifndef H2DUMP_NET_NET_INT_H
#define H2DUMP_NET_NET_INT_H

#include "base/err.h"
#include "net/frag.h"
#include "net/ip.h"
#include "net/net.h"
#include "net/tree.h"

#define OFF_NONE UINT64_MAX

/* Both addresses and ports, the lower end first, so that both directions have one key. */
struct flow_key {
    uint32_t kind;      /* twice the scope, and 1 for IPv6 */
    uint8_t octets[36]; /* 12 of them used, or all */
};

static inline size_t flow_key_ip_len(const struct flow_key *key)
{
    return (key->kind & 1) == 0 ? 4 : 16;
}

/* Another view of a connection; the list is in the order in which they were seen. */
struct flow_view {
    struct other_view told;
    struct flow_view *next; /* what told.next points into */
};

/* The tunnels that a flow came through, outermost first. */
struct flow_tunnels {
    size_t count;
    struct tunnel tunnels[];
};

/* One direction: the octets of one sender. Offset 0 is its first octet, or where the capture
 * joined. */
struct half {
    uint64_t next;                  /* offset next to deliver */
    uint64_t high;                  /* behind the highest octet seen */
    uint64_t acked;                 /* behind the highest octet that the peer has */
    uint64_t fin_at;                /* where the sender finished; OFF_NONE */
    struct tree tree;               /* pieces at or behind next */
    uint64_t queued;                /* octets they cost */
    uint64_t hole_at;               /* the hole being waited for, by its start; OFF_NONE */
    uint64_t hole_ns, hole_packets; /* since when */
    uint64_t first_ns;              /* when its first packet came */
    uint64_t seen;                  /* its newest packet */
    struct pos last;                /* where the last delivered octets were; packet 0: none */
    struct pos fin;                 /* the packet that set fin_at */
    uint32_t packets;               /* seen of it (saturating) */
    uint32_t base;                  /* sequence number of offset 0 */
    bool base_known;
    bool hole_acked; /* the hole's octets were acknowledged */
    bool absent;     /* nothing is captured of this side */
    bool phantom;    /* the one octet acknowledged beyond high is taken for a lost FIN */
    bool closed;     /* its end was told */
};

/* What a flow has while somebody listens. */
struct tcp {
    struct half half[2];
    struct flow *stalled_prev, *stalled_next; /* the ring of flows that wait for something */
    bool stalled;
};

enum flow_state {
    FLOW_OPEN,
    FLOW_IGNORED, /* nobody listens: counted only */
    FLOW_CLOSED,  /* both sides ended: kept for stragglers */
    FLOW_STATES,
};

enum flow_note {
    NOTE_OVERLAP = 1,
    NOTE_QUEUE = 2,
    NOTE_FLOWS = 4,
    NOTE_MEMORY = 8,
    NOTE_URGENT = 16,
    NOTE_CHECKSUM = 32,
    NOTE_WINDOW = 64,
};

/* What few flows have. */
struct flow_more {
    struct flow_tunnels *tunnels; /* NULL: none */
    struct via *via;              /* the same in words, while somebody listens */
    struct flow_view *views;      /* hidden ones that are the same connection */
};

struct flow {
    /* what every packet looks at, together */
    struct flow *chain; /* in its bucket */
    struct flow_key key;
    struct tcp *tcp;          /* NULL unless FLOW_OPEN */
    struct flow *prev, *next; /* in the list of its state, least recently used first */
    uint64_t packets;
    uint64_t last_ns;
    uint8_t state;     /* enum flow_state */
    uint8_t reuse;     /* 1 + side of reuse_isn; 0: none */
    uint8_t isn_known; /* bit a side */
    uint8_t ended;     /* bit a side: FIN or RST seen */
    uint8_t notes;     /* enum flow_note: told already */
    int8_t client_side;
    bool joined;
    bool opened; /* on_open was called */
    bool first_ts_known;
    bool in_views;
    bool hidden;             /* another view of a connection that is decoded */
    struct stream_sink sink; /* ops NULL: not asked yet, or not interested */
    uint32_t isn[2];
    uint32_t reuse_isn;              /* a SYN that may begin another connection */
    uint64_t first_packet, first_ns; /* its first packet, and when; see flow_first */
    uint64_t id;
    struct flow *view_chain; /* in the bucket of views */
    struct flow_more *more;  /* NULL: none of it */
};

struct flow_list {
    struct flow *first, *last;
};

struct net {
    struct mem *mem;
    struct net_options options;
    struct net_events events;
    void *ctx;
    struct net_stats stats;
    struct flow **buckets;
    size_t bucket_count; /* a power of two */
    size_t flow_count;
    struct flow *recent; /* the flow of the packet before */
    struct flow_list lists[FLOW_STATES];
    struct flow *stalled; /* any of the ring */
    uint64_t drops_at;    /* the newest packet before which the capture says it lost some */
    uint64_t now_ns;      /* capture time of the packet in hand */
    uint64_t packet_flow; /* net_packet_flow() */
    uint64_t partial;     /* number of the packet that the input ends in; 0: none so far */
    uint64_t queued;      /* octets queued in all flows */
    uint64_t *quic;       /* hashes of the address pairs seen with QUIC; 0: free slot */
    size_t quic_cap;
    struct frag_table frag;
    struct flow **views; /* connections of which both SYNs were seen, by their numbers */
    size_t views_cap, views_count;
};

/* Why octets of the packet at pos are not there. */
static inline enum gap_cause net_cut_cause(const struct net *net, const struct pos *pos)
{
    return net->partial != 0 && pos->packet == net->partial ? GAP_END : GAP_SNAPLEN;
}

/* Everything that can end a flow's listening answers so; negative: enum rc. */
enum flow_answer {
    FLOW_MORE = 0,
    FLOW_GONE = 1, /* flow->tcp is NULL now */
};

/* ---- flow.c ---- */

uint64_t flow_hash(const struct net *net, const struct flow_key *key);
void flow_key_make(struct flow_key *key, const struct segment *segment, unsigned *side);
struct flow *flow_find(struct net *net, const struct flow_key *key);
/* A new flow in FLOW_OPEN; an old one may have to go (*rc: what its listener answered). NULL:
 * memory is out, or *rc is negative. */
struct flow *flow_new(struct net *net, const struct flow_key *key, const struct pos *pos, int *rc);
/* Forgets a flow, whatever its state; its sink's last call is made. */
void flow_free(struct net *net, struct flow *flow);
/* It is the most recently used one. */
void flow_touch(struct net *net, struct flow *flow);
/* Stops listening: pieces and sink are freed; state is FLOW_IGNORED or FLOW_CLOSED. */
void flow_stop(struct net *net, struct flow *flow, enum flow_state state);
struct pos flow_first(const struct flow *flow);
/* What few flows have, allocated when it is not there; NULL: memory is out. */
struct flow_more *flow_more(struct net *net, struct flow *flow);
void flow_info_fill(const struct flow *flow, struct flow_info *info);
/* Keeps what tunnels a new flow came through. False: memory is out. */
bool flow_set_tunnels(struct net *net, struct flow *flow, const struct segment *segment);
/* Puts them into words, for a listener. False: memory is out. */
bool flow_tell_tunnels(struct net *net, struct flow *flow);
/* Closed flows are kept for two seconds. */
void flow_reap(struct net *net);
/* Gives up all holes, tells the ends, and forgets the flow. */
int flow_end(struct net *net, struct flow *flow, enum gap_cause gap, enum close_cause cause);

/* ---- queue.c ---- */

/* Queues what is not there yet of [off, off + len), of which data has the first octets; the rest is
 * a snapshot length's hole. */
int queue_add(struct net *net, struct flow *flow, unsigned side, uint64_t off, struct span data,
              uint64_t len, uint64_t ack, const struct pos *pos);
/* Takes a piece out of the queue; the caller frees it with mem_free. */
void queue_take(struct net *net, struct half *half, struct piece *piece);
void queue_free(struct net *net, struct half *half);
/* Moves all pieces, and for the other half's acks, by that much: the base was lowered. */
void queue_shift(struct half *half, struct half *other, uint64_t by);
/* The acks of a half's pieces are about numbers that do not count any more. */
void queue_forget_acks(struct half *half);

/* ---- pump.c ---- */

/* Delivers len octets at half->next, found at *pos. */
int pump_bytes(struct net *net, struct flow *flow, unsigned side, struct span octets,
               const struct pos *pos);
int pump_gap(struct net *net, struct flow *flow, unsigned side, uint64_t len, enum gap_cause cause,
             const struct pos *before, const struct pos *after);
/* Delivers all that may be delivered now. */
int pump_run(struct net *net, struct flow *flow);
/* Delivers all there is, with gaps where it is not. */
int pump_flush(struct net *net, struct flow *flow, enum gap_cause cause);
/* Whether side's octets that were sent knowing `ack` of the other may go now. */
bool pump_may_go(const struct flow *flow, unsigned side, uint64_t ack);
/* Tells the end of a side, once; flow goes to FLOW_CLOSED with the second. */
int pump_close(struct net *net, struct flow *flow, unsigned side, enum close_cause cause,
               const struct pos *pos);
/* Looks at a few flows whose holes may be due by now. */
int pump_tick(struct net *net);
/* Looks at all of them. */
int pump_tick_all(struct net *net);
/* Whether something is queued or missing. */
bool pump_is_waiting(const struct flow *flow);
void pump_unstall(struct net *net, struct flow *flow);

/* ---- tcp.c ---- */

int tcp_segment(struct net *net, const struct segment *segment, const struct pos *pos);

/* ---- views.c ---- */

/* Both SYNs of a flow were seen: is it a connection that is decoded already? Then one of the two is
 * hidden (perhaps this one), and told as a view of the other. RC_NOMEM. */
int views_meet(struct net *net, struct flow *flow, const struct pos *pos);
void views_forget(struct net *net, struct flow *flow);
void views_free(struct net *net, struct flow *flow); /* one with flow->more */

/* ---- checksum.c ---- */

/* Looks at the checksums of an IP_TCP segment, sets segment->sums, counts. */
void checksum_look(struct net_stats *stats, struct segment *segment);

/* ---- decap.c ---- */

/* A packet of which ip_decode said anything but IP_TCP. */
int decap_packet(struct net *net, enum ip_answer answer, struct segment *segment,
                 const struct pos *pos);

/* ---- net.c ---- */

/* A TCP segment, a UDP datagram that is no tunnel: counted, and taken. */
int net_tcp(struct net *net, struct segment *segment, const struct pos *pos);
int net_udp(struct net *net, const struct segment *segment);

/* A word on a flow, once a flow and kind. */
void net_note(struct net *net, struct flow *flow, enum flow_note kind, unsigned side,
              const struct pos *first, const struct pos *last, uint64_t off);
/* That another view of an open flow appeared. */
void net_note_view(struct net *net, struct flow *flow, const struct other_view *view,
                   const struct pos *pos);

#endif
