/* Fragments of IPv4 and IPv6 datagrams, put together (capture-layer 2.3): RFC 791 3.2, RFC 8200
 * 4.5. Bounded in datagrams, fragments of each, octets and time; the oldest goes first. */
#ifndef H2DUMP_NET_FRAG_H
#define H2DUMP_NET_FRAG_H

#include "net/ip.h"

struct datagram;
struct frag_whole;

struct frag_list {
    struct datagram *first, *last; /* oldest, newest */
    size_t count;
};

struct frag_table {
    struct mem *mem;
    const struct siphash_key *key;
    struct net_stats *stats;
    struct datagram **buckets;
    struct frag_list open;    /* something is missing */
    struct frag_list done;    /* put together: known for a while, so that copies begin nothing */
    uint64_t octets;          /* that all of it costs */
    struct frag_whole *whole; /* what was handed out last */
};

void frag_init(struct frag_table *table, struct mem *mem, const struct siphash_key *key,
               struct net_stats *stats);
/* Forgets all; what was not whole is counted as lost. */
void frag_fini(struct frag_table *table);

/* Takes the fragment of an IP_FRAGMENT segment, of the packet at *pos, at capture time now_ns.
 * Returns 1 when it made a datagram whole: *layer is its payload (lives until frag_release),
 * segment->protocol its protocol, and pos->since_packet the packet of the fragment that came first.
 * 0: more has to come. RC_NOMEM. */
int frag_take(struct frag_table *table, struct segment *segment, uint64_t now_ns, struct pos *pos,
              struct layer *layer) H2D_MUST_CHECK;

/* The packet is done with: what was handed out for it is freed. */
void frag_release(struct frag_table *table);

#endif
