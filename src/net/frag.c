#include "net/frag.h"

#include <string.h>

#include "base/err.h"
#include "base/siphash.h"
#include "net/net.h"
#include "spec/limits.h"

#define BUCKETS 1024

/* Copies of the fragments of a datagram that is whole (several interfaces captured at once) are
 * known for so long; after that the same id is a new datagram. */
#define COPY_NS  UINT64_C(20000000)
#define DONE_MAX 64

/* Fragments begin at multiples of eight octets. */
#define UNITS (65536 / 8)

struct frag_key {
    uint32_t scope, id;
    uint8_t ip_len, protocol; /* protocol: of IPv4 only (RFC 8200 4.5) */
    uint8_t pad[6];
    uint8_t addresses[32];
};

struct frag_piece {
    struct frag_piece *next; /* that came before it */
    uint32_t off, len;       /* on the wire */
    uint32_t here;           /* octets of it in the capture */
    bool more;
    uint8_t octets[];
};

struct datagram {
    struct datagram *chain;       /* in its bucket */
    struct datagram *prev, *next; /* in its list */
    struct frag_key key;
    struct frag_piece *pieces; /* newest first */
    unsigned count;
    struct pos first;
    uint64_t done_ns;
    uint64_t cost;
    uint32_t total;   /* its length; 0: the last fragment is not there */
    uint32_t end;     /* behind the last octet seen */
    uint32_t units;   /* of eight octets that are there; the last may be short */
    uint8_t protocol; /* as the first fragment has it */
    bool is_done, is_bad;
    uint64_t bits[UNITS / 64]; /* which units are there */
};

struct frag_whole {
    struct frag_whole *next;
    uint8_t octets[];
};

void frag_init(struct frag_table *table, struct mem *mem, const struct siphash_key *key,
               struct net_stats *stats)
{
    *table = (struct frag_table){ .mem = mem, .key = key, .stats = stats };
}

/* ---- table, lists ---- */

static void key_make(struct frag_key *key, const struct segment *segment)
{
    memset(key, 0, sizeof(*key));
    key->scope = segment->scope;
    key->id = segment->fragment.id;
    key->ip_len = segment->ip_len;
    key->protocol = segment->ip_len == 4 ? segment->protocol : 0;
    memcpy(key->addresses, segment->from, segment->ip_len);
    memcpy(key->addresses + 16, segment->to, segment->ip_len);
}

static struct datagram **bucket_of(const struct frag_table *table, const struct frag_key *key)
{
    uint64_t hash = siphash_13(table->key, span_of(key, sizeof(*key)));
    return &table->buckets[hash % BUCKETS];
}

static struct frag_list *list_of(struct frag_table *table, const struct datagram *datagram)
{
    return datagram->is_done ? &table->done : &table->open;
}

static void list_add(struct frag_table *table, struct datagram *datagram)
{
    struct frag_list *list = list_of(table, datagram);
    datagram->prev = list->last;
    datagram->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = datagram;
    list->last = datagram;
    list->count++;
}

static void list_remove(struct frag_table *table, struct datagram *datagram)
{
    struct frag_list *list = list_of(table, datagram);
    *(datagram->prev != NULL ? &datagram->prev->next : &list->first) = datagram->next;
    *(datagram->next != NULL ? &datagram->next->prev : &list->last) = datagram->prev;
    list->count--;
}

static void charge(struct frag_table *table, struct datagram *datagram, uint64_t octets)
{
    datagram->cost += octets;
    table->octets += octets;
}

static void free_pieces(struct frag_table *table, struct datagram *datagram)
{
    while (datagram->pieces != NULL) {
        struct frag_piece *piece = datagram->pieces;
        datagram->pieces = piece->next;
        mem_free(table->mem, piece);
    }
}

static void forget(struct frag_table *table, struct datagram *datagram)
{
    struct datagram **link = bucket_of(table, &datagram->key);
    while (*link != datagram) {
        link = &(*link)->chain;
    }
    *link = datagram->chain;
    list_remove(table, datagram);
    if (!datagram->is_done) {
        table->stats->fragments_lost += datagram->count;
    }
    table->octets -= datagram->cost;
    free_pieces(table, datagram);
    mem_free(table->mem, datagram);
}

void frag_release(struct frag_table *table)
{
    while (table->whole != NULL) {
        struct frag_whole *whole = table->whole;
        table->whole = whole->next;
        mem_free(table->mem, whole);
    }
}

void frag_fini(struct frag_table *table)
{
    while (table->open.first != NULL) {
        forget(table, table->open.first);
    }
    while (table->done.first != NULL) {
        forget(table, table->done.first);
    }
    frag_release(table);
    mem_free(table->mem, table->buckets);
    table->buckets = NULL;
}

/* Those that were waited for long enough, and the oldest when there is too much of them. */
static void make_room(struct frag_table *table, uint64_t now_ns)
{
    struct datagram *oldest = table->open.first;
    while (oldest != NULL && now_ns > oldest->first.ts_ns &&
           now_ns - oldest->first.ts_ns > LIMIT_FRAGMENT_MS * 1000000) {
        forget(table, oldest);
        oldest = table->open.first;
    }
    while (table->done.count > DONE_MAX ||
           (table->octets > LIMIT_FRAGMENT_OCTETS && table->done.first != NULL)) {
        forget(table, table->done.first);
    }
    while (table->open.count >= LIMIT_FRAGMENT_DATAGRAMS ||
           (table->octets > LIMIT_FRAGMENT_OCTETS && table->open.first != NULL)) {
        forget(table, table->open.first);
        table->stats->limits[NET_LIMIT_FRAGMENTS]++;
    }
}

static struct datagram *find(struct frag_table *table, const struct frag_key *key, uint64_t now_ns)
{
    struct datagram *datagram = *bucket_of(table, key);
    while (datagram != NULL && memcmp(&datagram->key, key, sizeof(*key)) != 0) {
        datagram = datagram->chain;
    }
    if (datagram != NULL && datagram->is_done && now_ns - datagram->done_ns > COPY_NS) {
        forget(table, datagram); /* or time went back: no copy either */
        return NULL;
    }
    return datagram;
}

static struct datagram *begin(struct frag_table *table, const struct frag_key *key,
                              const struct pos *pos, uint64_t now_ns)
{
    struct datagram *datagram = mem_zalloc(table->mem, 1, sizeof(*datagram));
    if (datagram == NULL) {
        return NULL;
    }
    datagram->key = *key;
    datagram->first = *pos;
    datagram->first.ts_ns = now_ns;
    struct datagram **bucket = bucket_of(table, key);
    datagram->chain = *bucket;
    *bucket = datagram;
    list_add(table, datagram);
    charge(table, datagram, sizeof(*datagram));
    return datagram;
}

/* ---- one fragment ---- */

static bool is_copy(const struct datagram *datagram, const struct segment *segment)
{
    const struct fragment *f = &segment->fragment;
    size_t here = cur_left(&segment->rest.cur);
    for (const struct frag_piece *piece = datagram->pieces; piece != NULL; piece = piece->next) {
        if (piece->off == f->off && piece->len == segment->rest.wire && piece->more == f->more &&
            piece->here == here && memcmp(piece->octets, segment->rest.cur.pos, here) == 0) {
            return true;
        }
    }
    return false;
}

/* Marks the units of [off, off + len); how many were there already. */
static unsigned cover(struct datagram *datagram, uint32_t off, size_t len)
{
    unsigned overlap = 0;
    for (uint32_t unit = off / 8; unit < (off + len + 7) / 8; unit++) {
        uint64_t bit = UINT64_C(1) << unit % 64;
        overlap += (datagram->bits[unit / 64] & bit) != 0;
        datagram->units += (datagram->bits[unit / 64] & bit) == 0;
        datagram->bits[unit / 64] |= bit;
    }
    return overlap;
}

/* Nothing more is believed of it. The entry stays, so that the rest of it begins no other. */
static void spoil(struct frag_table *table, struct datagram *datagram)
{
    datagram->is_bad = true;
    free_pieces(table, datagram);
}

/* Keeps the octets. False: memory is out. */
static bool keep(struct frag_table *table, struct datagram *datagram, const struct segment *segment)
{
    const struct fragment *f = &segment->fragment;
    size_t here = cur_left(&segment->rest.cur);
    struct frag_piece *piece = mem_alloc(table->mem, sizeof(*piece) + here);
    if (piece == NULL) {
        return false;
    }
    *piece = (struct frag_piece){ .next = datagram->pieces,
                                  .off = f->off,
                                  .len = (uint32_t)segment->rest.wire,
                                  .here = (uint32_t)here,
                                  .more = f->more };
    memcpy(piece->octets, segment->rest.cur.pos, here);
    datagram->pieces = piece;
    charge(table, datagram, sizeof(*piece) + here);
    return true;
}

/* Whether the fragment's end fits what is known of the datagram's. */
static bool fits(struct datagram *datagram, const struct segment *segment)
{
    uint32_t end = segment->fragment.off + (uint32_t)segment->rest.wire;
    if (segment->fragment.more) {
        if (datagram->total != 0 && end > datagram->total) {
            return false;
        }
    } else if ((datagram->total != 0 && end != datagram->total) || end < datagram->end) {
        return false;
    } else {
        datagram->total = end;
    }
    datagram->end = end > datagram->end ? end : datagram->end;
    return true;
}

/* All of it in one piece: the octets that came first win. */
static int assemble(struct frag_table *table, struct datagram *datagram, struct layer *layer)
{
    uint32_t here = datagram->total; /* in the capture without a hole */
    struct frag_whole *whole = mem_alloc(table->mem, sizeof(*whole) + datagram->total);
    if (whole == NULL) {
        return RC_NOMEM;
    }
    whole->next = table->whole;
    table->whole = whole;
    for (const struct frag_piece *piece = datagram->pieces; piece != NULL; piece = piece->next) {
        memcpy(whole->octets + piece->off, piece->octets, piece->here);
        if (piece->here < piece->len && piece->off + piece->here < here) {
            here = piece->off + piece->here;
        }
    }
    layer->cur = cur_of(span_of(whole->octets, here));
    layer->wire = datagram->total;
    return 1;
}

static int finish(struct frag_table *table, struct datagram *datagram, struct segment *segment,
                  uint64_t now_ns, struct pos *pos, struct layer *layer)
{
    int rc = assemble(table, datagram, layer);
    segment->protocol = datagram->protocol;
    if (datagram->first.packet != pos->packet && pos->since_packet == 0) {
        pos->since_packet = datagram->first.packet;
        pos->since_ns = datagram->first.ts_ns;
    }
    list_remove(table, datagram);
    datagram->is_done = true;
    datagram->done_ns = now_ns;
    list_add(table, datagram);
    return rc;
}

int frag_take(struct frag_table *table, struct segment *segment, uint64_t now_ns, struct pos *pos,
              struct layer *layer)
{
    struct frag_key key;
    key_make(&key, segment);
    if (table->buckets == NULL) {
        table->buckets = mem_zalloc(table->mem, BUCKETS, sizeof(struct datagram *));
        if (table->buckets == NULL) {
            return RC_NOMEM;
        }
    }
    make_room(table, now_ns);
    struct datagram *datagram = find(table, &key, now_ns);
    if (datagram != NULL && is_copy(datagram, segment)) {
        return 0;
    }
    if (datagram != NULL && datagram->is_done) {
        forget(table, datagram); /* the id is used again */
        datagram = NULL;
    }
    if (datagram == NULL) {
        datagram = begin(table, &key, pos, now_ns);
        if (datagram == NULL) {
            return RC_NOMEM;
        }
    }
    datagram->count++;
    if (datagram->is_bad) {
        return 0;
    }
    if (segment->fragment.off == 0) {
        datagram->protocol = segment->protocol;
    }
    bool fit = fits(datagram, segment);
    if (datagram->count > LIMIT_FRAGMENTS) {
        table->stats->limits[NET_LIMIT_FRAGMENTS]++;
        spoil(table, datagram);
        return 0;
    }
    unsigned overlap = fit ? cover(datagram, segment->fragment.off, segment->rest.wire) : 0;
    if (overlap > 0 || !fit) {
        table->stats->fragments_overlapping++;
        /* RFC 5722 3: IPv6 gives the whole datagram up. IPv4: the first octet counts. */
        if (segment->ip_len == 16 || !fit) {
            spoil(table, datagram);
            return 0;
        }
    }
    if (!keep(table, datagram, segment)) {
        return RC_NOMEM;
    }
    if (datagram->total == 0 || datagram->units < (datagram->total + 7) / 8) {
        return 0;
    }
    return finish(table, datagram, segment, now_ns, pos, layer);
}
