/* Chains of headers are followed in parallel: a header at offset o says that the next one stands at
 * o + 9 + length, so a table keyed by that expected offset holds every chain that is still alive.
 * When the scan gets there, the payload between is complete and is judged, and the chain goes on or
 * dies. Constant work an octet, but for the judging, which every payload octet of a plausible
 * header costs once a header. */
#include "detect/sync.h"

#include <string.h>

#include "detect/head.h"
#include "spec/limits.h"

/* What is asked before a start is accepted (measured, capture-layer 4.4). */
#define CHAIN_MIN          3
#define STRONG_MIN         2
#define DATA_CHAIN_MIN     4
#define DATA_FRAME_MIN     256
#define DATA_IDS_APART_MAX 2000
#define DATA_OCTETS_MIN    16384
#define FRAME_OCTETS_MAX   16384 /* SETTINGS_MAX_FRAME_SIZE of who says nothing */

/* Of a direction whose other one is in step. */
#define HELPED_CHAIN_MIN  2
#define HELPED_STRONG_MIN 1

/* Frames that confirm a likely start; or so many that chance rarely makes, whatever follows. */
#define CONFIRM_FRAMES 16
#define SURE_STRONG    5

/* Frames with whole gRPC messages that settle a direction of nothing but DATA. */
#define GRPC_CHAIN_MIN 2

#define CHAINS_FIRST 64
#define NONE         UINT16_MAX

/* What all judging of one search may cost; beyond it a payload is as if it had not been looked at.
 */
#define JUDGE_OCTETS_MAX (64u << 20)

/* Segments that begin in the octets which the scan has not reached: it is at most so far behind. */
#define SEGMENTS_MAX H2_FRAME_HEADER_LEN

/* Headers that followed from one another. Offsets are absolute. */
struct chain {
    uint64_t expected; /* where the next header must stand */
    uint64_t start;
    uint64_t last;         /* where the last header stands */
    struct h2_frame_hd hd; /* of the last header, whose payload is not judged yet */
    uint32_t count;        /* headers with judged payloads */
    uint32_t strong;
    uint32_t from_client, from_server; /* blocks that only such a one sends */
    uint32_t id_min, id_max;
    uint64_t data_octets;
    bool strong_headers; /* a HEADERS is among the strong */
    bool at_segment;     /* start is the first octet of a TCP segment */
    bool data_only;      /* all are DATA of DATA_FRAME_MIN octets or more, odd stream */
    bool grpc_only;      /* all are DATA of one stream, each with whole gRPC messages */
    bool block_open;     /* HEADERS or PUSH_PROMISE without END_HEADERS: CONTINUATION must follow */
    bool good;           /* the rules accept it */
    uint16_t next;       /* in its bucket, or in the list of free ones */
};

struct sync {
    struct mem *mem;
    struct sync_options options;
    enum sync_status status;
    bool helped;
    struct span window;
    uint64_t base;     /* of the window's first octet */
    uint64_t scan_off; /* the next offset to look at */
    uint64_t end_off;  /* behind the last octet shown */
    uint64_t boundary;
    int sender;
    uint64_t judged_octets;
    uint64_t segments[SEGMENTS_MAX]; /* starts not reached yet */
    size_t segment_count;
    size_t good_count;    /* chains alive that the rules accept */
    struct chain *chains; /* chain_cap of them */
    uint16_t *buckets;    /* 2 * chain_cap */
    size_t chain_cap;
    uint16_t free_list;
};

/* ---- the table of chains ---- */

static uint16_t *bucket_of(struct sync *s, uint64_t off)
{
    return &s->buckets[off % (2 * s->chain_cap)];
}

static void chain_file(struct sync *s, uint16_t i)
{
    uint16_t *bucket = bucket_of(s, s->chains[i].expected);
    s->chains[i].next = *bucket;
    *bucket = i;
}

static void chain_release(struct sync *s, uint16_t i)
{
    s->good_count -= s->chains[i].good;
    s->chains[i].start = UINT64_MAX; /* free */
    s->chains[i].next = s->free_list;
    s->free_list = i;
}

/* Twice as many chains; false when there are enough or memory is out. */
static bool chains_grow(struct sync *s)
{
    size_t cap = s->chain_cap == 0 ? CHAINS_FIRST : 2 * s->chain_cap;
    if (cap > LIMIT_SYNC_CHAINS) {
        return false;
    }
    struct chain *chains = mem_realloc(s->mem, s->chains, cap * sizeof(*chains));
    if (chains == NULL) {
        return false;
    }
    s->chains = chains;
    uint16_t *buckets = mem_realloc(s->mem, s->buckets, 2 * cap * sizeof(*buckets));
    if (buckets == NULL) {
        return false;
    }
    s->buckets = buckets;
    size_t old = s->chain_cap;
    s->chain_cap = cap;
    memset(buckets, 0xff, 2 * cap * sizeof(*buckets));
    for (size_t i = 0; i < old; i++) {
        if (chains[i].start != UINT64_MAX) {
            chain_file(s, (uint16_t)i);
        }
    }
    for (size_t i = old; i < cap; i++) {
        chains[i].start = UINT64_MAX;
        chains[i].next = (uint16_t)(i + 1 < cap ? i + 1 : NONE);
    }
    s->free_list = (uint16_t)old;
    return true;
}

struct sync *sync_new(struct mem *mem, const struct sync_options *options)
{
    struct sync *s = mem_zalloc(mem, 1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->mem = mem;
    s->options = *options;
    if (s->options.length_max == 0) {
        s->options.length_max = FRAME_OCTETS_MAX;
    }
    s->status = SYNC_SEARCHING;
    s->scan_off = s->end_off = options->start_off;
    s->window = span_empty();
    s->sender = -1;
    s->free_list = NONE;
    if (!chains_grow(s)) {
        sync_free(s);
        return NULL;
    }
    return s;
}

void sync_free(struct sync *s)
{
    if (s == NULL) {
        return;
    }
    mem_free(s->mem, s->buckets);
    mem_free(s->mem, s->chains);
    mem_free(s->mem, s);
}

/* ---- the rules ---- */

static bool chain_good(const struct sync *s, const struct chain *chain)
{
    if (chain->count >= CHAIN_MIN && chain->strong >= STRONG_MIN &&
        (chain->strong_headers || chain->at_segment)) {
        return true;
    }
    if (s->helped && chain->count >= HELPED_CHAIN_MIN && chain->strong >= HELPED_STRONG_MIN &&
        (chain->strong_headers || chain->at_segment)) {
        return true;
    }
    return chain->data_only && chain->count >= DATA_CHAIN_MIN &&
           chain->id_max - chain->id_min <= DATA_IDS_APART_MAX &&
           chain->data_octets >= DATA_OCTETS_MIN;
}

/* When nothing more will come, fewer frames do, for they are all that there is. So those of a short
 * capture, or behind a hole near its end, are not lost for want of a third. */
static bool chain_settles(const struct sync *s, const struct chain *chain)
{
    bool whole = chain->start == s->options.start_off && chain->expected == s->end_off;
    if (chain->good) {
        return true;
    }
    if (!chain->at_segment) {
        return false;
    }
    return chain->strong_headers || (whole && s->helped) ||
           (whole && chain->grpc_only && chain->count >= GRPC_CHAIN_MIN);
}

/* Of two chains that meet, the one that chance made less likely. */
static bool chain_better(const struct chain *a, const struct chain *b)
{
    if (a->strong != b->strong) {
        return a->strong > b->strong;
    }
    return a->count != b->count ? a->count > b->count : a->start < b->start;
}

static void chain_rate(struct sync *s, struct chain *chain)
{
    bool good = chain_good(s, chain);
    s->good_count += (size_t)good - (size_t)chain->good;
    chain->good = good;
}

/* ---- following a chain ---- */

/* Who sends such a block: its stream's number, or its first field. */
static void note_sender(struct chain *chain, const struct h2_frame_hd *hd, struct span payload)
{
    int sender = head_sender(hd, payload);
    chain->from_client += sender == DIR_C2S;
    chain->from_server += sender == DIR_S2C;
}

static void note_data(struct chain *chain, const struct h2_frame_hd *hd, struct span payload)
{
    bool odd_data = hd->type == H2_DATA && hd->stream_id % 2 == 1;
    if (!odd_data || hd->length < DATA_FRAME_MIN) {
        chain->data_only = false;
    }
    if (!odd_data || (chain->count > 1 && hd->stream_id != chain->id_max) ||
        !head_is_grpc(hd, payload)) {
        chain->grpc_only = false;
    }
    chain->id_min =
        chain->count == 1 || hd->stream_id < chain->id_min ? hd->stream_id : chain->id_min;
    chain->id_max = hd->stream_id > chain->id_max ? hd->stream_id : chain->id_max;
    chain->data_octets += hd->length;
}

/* Counts the chain's last header, whose payload is complete; false: the payload is no true one's.
 */
static bool chain_count(struct sync *s, struct chain *chain)
{
    uint64_t payload_off = chain->last + H2_FRAME_HEADER_LEN;
    enum head_verdict verdict = HEAD_WEAK;
    struct span payload = span_empty();
    s->judged_octets += chain->hd.length;
    if (payload_off >= s->base && s->judged_octets <= JUDGE_OCTETS_MAX) {
        payload = span_of(s->window.ptr + (payload_off - s->base), chain->hd.length);
        verdict = head_judge(&chain->hd, payload);
    }
    if (verdict == HEAD_FALSE) {
        return false;
    }
    chain->count++;
    if (verdict == HEAD_STRONG) {
        chain->strong++;
        chain->strong_headers |= chain->hd.type == H2_HEADERS;
    }
    note_sender(chain, &chain->hd, payload);
    note_data(chain, &chain->hd, payload);
    chain_rate(s, chain);
    return true;
}

static void found(struct sync *s, const struct chain *chain)
{
    s->status = SYNC_FOUND;
    /* A start that is too old to be shown: from the newest header on, which is as true. */
    s->boundary = chain->start >= s->base ? chain->start : chain->last;
    s->sender = chain->from_client > chain->from_server   ? DIR_C2S
                : chain->from_server > chain->from_client ? DIR_S2C
                                                          : -1;
}

/* So many frames that chance does not make: one behind them that nobody should send breaks a rule,
 * it does not unmake them. */
static bool chain_is_sure(const struct chain *chain)
{
    return chain->good && chain->strong_headers && chain->strong >= SURE_STRONG;
}

/* Takes out the chains that expect a header at the scan's offset, judges what lies behind them, and
 * returns the best survivor, or NONE. */
static uint16_t chains_arrive(struct sync *s)
{
    uint16_t best = NONE;
    uint16_t *link = bucket_of(s, s->scan_off);
    while (*link != NONE) {
        uint16_t i = *link;
        struct chain *chain = &s->chains[i];
        if (chain->expected != s->scan_off) {
            link = &chain->next;
            continue;
        }
        *link = chain->next;
        bool sure = chain_is_sure(chain);
        if (!chain_count(s, chain) || (best != NONE && chain_better(&s->chains[best], chain))) {
            if (sure && best == NONE && s->status != SYNC_FOUND) {
                found(s, chain);
            }
            chain_release(s, i);
            continue;
        }
        if (best != NONE) {
            chain_release(s, best);
        }
        best = i;
    }
    return best;
}

/* Reads the header that follows the chain's last frame; false: none that may. A frame of an unknown
 * type may, once something else has shown that these are frames. */
static bool chain_continues(const struct sync *s, const struct chain *chain, const uint8_t *octets,
                            struct h2_frame_hd *hd)
{
    uint32_t max = s->options.length_max;
    bool head =
        chain->strong > 0 ? head_may_follow(octets, max, hd) : head_plausible(octets, max, hd);
    bool continuation = head && hd->type == H2_CONTINUATION;
    if (!head || continuation != chain->block_open) {
        return false;
    }
    return !continuation || hd->stream_id == chain->hd.stream_id;
}

/* A beginning that chance makes often enough: inside a true frame, a head of a frame that proves
 * nothing, and that ends where the true one does. It would be carried by the true chain behind it,
 * so the chain begins behind it instead (measured: 12 places in 100 000 octets of small frames). */
static bool chain_is_doubtful(const struct chain *chain)
{
    return chain->strong == 0 && !chain->at_segment && !chain->data_only && !chain->grpc_only &&
           !chain->block_open && chain->hd.type != H2_CONTINUATION;
}

static bool may_start(const struct h2_frame_hd *hd)
{
    return hd->type != H2_CONTINUATION && (hd->type != H2_DATA || hd->stream_id % 2 == 1);
}

/* Puts the header at the scan's offset at the chain's end. */
static void chain_extend(struct sync *s, uint16_t i, const struct h2_frame_hd *hd)
{
    struct chain *chain = &s->chains[i];
    bool begins_block = hd->type == H2_HEADERS || hd->type == H2_PUSH_PROMISE;
    if (begins_block || hd->type == H2_CONTINUATION) {
        chain->block_open = (hd->flags & H2_FLAG_END_HEADERS) == 0;
    }
    chain->last = s->scan_off;
    chain->hd = *hd;
    chain->expected = s->scan_off + H2_FRAME_HEADER_LEN + hd->length;
    chain_file(s, i);
}

/* True when a TCP segment begins at the scan's offset. */
static bool scan_at_segment(struct sync *s)
{
    size_t passed = 0;
    while (passed < s->segment_count && s->segments[passed] < s->scan_off) {
        passed++;
    }
    s->segment_count -= passed;
    memmove(s->segments, s->segments + passed, s->segment_count * sizeof(s->segments[0]));
    return s->segment_count > 0 && s->segments[0] == s->scan_off;
}

static void chain_begin(struct sync *s, const struct h2_frame_hd *hd)
{
    bool at_segment = scan_at_segment(s);
    if (!may_start(hd) || (s->free_list == NONE && !chains_grow(s))) {
        return; /* full: each place is free again when the scan reaches the chain's next header */
    }
    uint16_t i = s->free_list;
    s->free_list = s->chains[i].next;
    s->chains[i] = (struct chain){
        .start = s->scan_off, .at_segment = at_segment, .data_only = true, .grpc_only = true
    };
    chain_extend(s, i, hd);
}

/* Enough frames, or so many octets of them that the first would soon be too old to be shown. */
static bool chain_is_confirmed(const struct sync *s, const struct chain *chain)
{
    return chain->good && (chain->count >= CONFIRM_FRAMES ||
                           s->scan_off - chain->start >= LIMIT_SYNC_REPLAY_OCTETS / 2);
}

/* ---- the scan ---- */

/* Looks at one offset, of which 9 octets are there, or at the end none. */
static void scan_one(struct sync *s, bool have_head)
{
    uint16_t i = chains_arrive(s);
    if (s->status == SYNC_FOUND) {
        return;
    }
    if (i != NONE && chain_is_confirmed(s, &s->chains[i])) {
        found(s, &s->chains[i]);
        chain_release(s, i);
        return;
    }
    struct h2_frame_hd hd;
    const uint8_t *octets = s->window.ptr + (s->scan_off - s->base);
    if (have_head && i != NONE && !chain_is_doubtful(&s->chains[i]) &&
        chain_continues(s, &s->chains[i], octets, &hd)) {
        chain_extend(s, i, &hd);
        return;
    }
    if (i != NONE && !have_head) {
        chain_file(s, i); /* it runs to the end: sync_end() looks at it */
        return;
    }
    if (i != NONE) {
        if (chain_is_sure(&s->chains[i])) {
            found(s, &s->chains[i]);
        }
        chain_release(s, i);
    }
    if (s->status != SYNC_FOUND && have_head &&
        head_plausible(octets, s->options.length_max, &hd)) {
        chain_begin(s, &hd);
    }
}

static void settle_status(struct sync *s)
{
    if (s->status == SYNC_FOUND) {
        return;
    }
    uint64_t looked = s->scan_off - s->options.start_off;
    s->status = s->good_count > 0                ? SYNC_LIKELY
                : looked < s->options.octets_max ? SYNC_SEARCHING
                                                 : SYNC_GAVE_UP;
}

enum sync_status sync_look(struct sync *s, struct span window, uint64_t base, bool segment_start)
{
    s->window = window;
    s->base = base;
    if (segment_start && s->segment_count < SEGMENTS_MAX) {
        s->segments[s->segment_count++] = s->end_off;
    }
    s->end_off = base + window.len;
    while (s->status != SYNC_FOUND && s->scan_off + H2_FRAME_HEADER_LEN <= s->end_off) {
        scan_one(s, true);
        s->scan_off++;
    }
    settle_status(s);
    return s->status;
}

enum sync_status sync_help(struct sync *s, bool helped)
{
    if (helped == s->helped) {
        return s->status;
    }
    s->helped = helped;
    for (size_t i = 0; i < s->chain_cap; i++) {
        if (s->chains[i].start != UINT64_MAX) {
            chain_rate(s, &s->chains[i]);
        }
    }
    settle_status(s);
    return s->status;
}

/* ---- the end ---- */

/* The best of the chains that the rules accept, or that the end settles; NULL: none. */
static const struct chain *best_chain(const struct sync *s, bool at_end)
{
    const struct chain *best = NULL;
    for (size_t i = 0; i < s->chain_cap; i++) {
        const struct chain *chain = &s->chains[i];
        bool wanted =
            chain->start != UINT64_MAX && (at_end ? chain_settles(s, chain) : chain->good);
        if (wanted && (best == NULL || chain_better(chain, best))) {
            best = chain;
        }
    }
    return best;
}

enum sync_status sync_end(struct sync *s, struct span window, uint64_t base)
{
    s->window = window;
    s->base = base;
    /* Behind the last header that could stand whole there may still be the end of a payload. */
    while (s->status != SYNC_FOUND && s->scan_off <= s->end_off) {
        scan_one(s, false);
        s->scan_off++;
    }
    if (s->status != SYNC_FOUND) {
        const struct chain *best = best_chain(s, true);
        if (best != NULL) {
            found(s, best);
        } else {
            s->status = SYNC_GAVE_UP;
        }
    }
    return s->status;
}

enum sync_status sync_confirm(struct sync *s)
{
    const struct chain *best = s->status == SYNC_LIKELY ? best_chain(s, false) : NULL;
    if (best != NULL) {
        found(s, best);
    }
    return s->status;
}

/* ---- the result ---- */

uint64_t sync_boundary(const struct sync *s)
{
    return s->boundary;
}

uint64_t sync_looked(const struct sync *s)
{
    return s->end_off - s->options.start_off;
}

int sync_sender(const struct sync *s)
{
    const struct chain *best = s->status == SYNC_LIKELY ? best_chain(s, false) : NULL;
    if (best == NULL) {
        return s->sender;
    }
    return best->from_client > best->from_server   ? DIR_C2S
           : best->from_server > best->from_client ? DIR_S2C
                                                   : -1;
}
