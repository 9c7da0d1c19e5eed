/* Chains of headers are followed in parallel: a header at offset o says that the next one stands at
 * o + 9 + length, so a table keyed by that expected offset holds every chain that is still alive.
 * When the scan gets there, the payload between is complete and is judged, and the chain goes on or
 * dies. Constant work an octet, but for the judging, which every payload octet of a plausible
 * header costs once a header. */
#include "detect/sync.h"

#include <string.h>

#include "base/buf.h"
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

#define CHAINS_MAX 4096
#define BUCKETS    8192
#define NONE       UINT16_MAX

#define CHUNK_OCTETS 65536

/* What all judging of one search may cost; beyond it a payload is as if it had not been looked at.
 */
#define JUDGE_OCTETS_MAX (64u << 20)

/* More pieces than this are not told apart: tiny segments then share one position. */
#define PIECES_MAX 65536

/* Headers that followed from one another. Offsets are absolute: 0 is the first octet fed. */
struct chain {
    uint64_t expected; /* where the next header must stand */
    uint64_t start;
    uint64_t last;         /* where the last header stands */
    struct h2_frame_hd hd; /* of the last header, whose payload is not judged yet */
    uint32_t count;        /* headers with judged payloads */
    uint32_t strong;
    bool strong_headers; /* a HEADERS is among the strong */
    bool at_segment;     /* start is the first octet of a TCP segment */
    bool data_only;      /* all are DATA of DATA_FRAME_MIN octets or more, odd stream */
    bool block_open;     /* HEADERS or PUSH_PROMISE without END_HEADERS: CONTINUATION must follow */
    uint32_t id_min, id_max;
    uint64_t data_octets;
    uint16_t next; /* in its bucket, or in the list of free ones */
};

/* Octets that were found at one place. */
struct piece {
    uint64_t off;
    struct pos pos;
    bool segment_start;
};

struct sync {
    struct mem *mem;
    enum sync_status status;
    struct buf window;  /* octets base_off … */
    struct buf pieces;  /* struct piece, in order, those of the window */
    uint64_t base_off;  /* of the window's first octet */
    uint64_t scan_off;  /* the next offset to look at */
    uint64_t found_off; /* after SYNC_FOUND: where replay goes on */
    uint64_t skipped;
    uint64_t judged_octets;
    size_t scan_piece;   /* the piece that scan_off lies in */
    size_t replay_piece; /* the piece that found_off lies in */
    uint16_t free_list;
    uint16_t buckets[BUCKETS];
    struct chain chains[CHAINS_MAX];
};

struct sync *sync_new(struct mem *mem)
{
    struct sync *s = mem_alloc(mem, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    memset(s, 0, offsetof(struct sync, buckets));
    s->mem = mem;
    s->status = SYNC_SEARCHING;
    buf_init(&s->window, mem, 2 * (size_t)(LIMIT_SYNC_REPLAY_OCTETS + LIMIT_PACKET_OCTETS));
    buf_init(&s->pieces, mem, PIECES_MAX * sizeof(struct piece));
    memset(s->buckets, 0xff, sizeof(s->buckets));
    for (size_t i = 0; i < CHAINS_MAX; i++) {
        s->chains[i].next = (uint16_t)(i + 1 < CHAINS_MAX ? i + 1 : NONE);
    }
    return s;
}

void sync_free(struct sync *s)
{
    if (s == NULL) {
        return;
    }
    buf_fini(&s->window);
    buf_fini(&s->pieces);
    mem_free(s->mem, s);
}

/* ---- the pieces: where octets came from ---- */

static const struct piece *piece_at(const struct sync *s, size_t i)
{
    return (const struct piece *)(const void *)s->pieces.ptr + i;
}

static size_t piece_count(const struct sync *s)
{
    return s->pieces.len / sizeof(struct piece);
}

static uint64_t end_off(const struct sync *s)
{
    return s->base_off + s->window.len;
}

static bool append(struct sync *s, struct span octets, bool segment_start, const struct pos *pos)
{
    size_t count = piece_count(s);
    bool same = count > 0 && !segment_start && piece_at(s, count - 1)->pos.packet == pos->packet;
    if (!same && count < PIECES_MAX) {
        struct piece piece = { end_off(s), *pos, segment_start };
        if (!buf_append(&s->pieces, span_of(&piece, sizeof(piece)))) {
            return false;
        }
    }
    return buf_append(&s->window, octets);
}

/* Forgets octets that are too old to be replayed, when there are enough of them to be worth it. */
static void drop_old(struct sync *s)
{
    if (s->window.len < 2 * LIMIT_SYNC_REPLAY_OCTETS) {
        return;
    }
    uint64_t keep_off = end_off(s) - LIMIT_SYNC_REPLAY_OCTETS;
    buf_drop_front(&s->window, (size_t)(keep_off - s->base_off));
    s->base_off = keep_off;
    size_t old = 0;
    while (old + 1 < piece_count(s) && piece_at(s, old + 1)->off <= keep_off) {
        old++;
    }
    buf_drop_front(&s->pieces, old * sizeof(struct piece));
    s->scan_piece = s->scan_piece > old ? s->scan_piece - old : 0;
}

/* True when a TCP segment begins at the scan's offset. */
static bool scan_at_segment(struct sync *s)
{
    while (s->scan_piece + 1 < piece_count(s) &&
           piece_at(s, s->scan_piece + 1)->off <= s->scan_off) {
        s->scan_piece++;
    }
    const struct piece *piece = piece_at(s, s->scan_piece);
    return piece->off == s->scan_off && piece->segment_start;
}

/* ---- the chains ---- */

static size_t bucket_of(uint64_t off)
{
    return (size_t)(off % BUCKETS);
}

static void chain_release(struct sync *s, uint16_t i)
{
    s->chains[i].next = s->free_list;
    s->free_list = i;
}

static void chain_file(struct sync *s, uint16_t i)
{
    size_t b = bucket_of(s->chains[i].expected);
    s->chains[i].next = s->buckets[b];
    s->buckets[b] = i;
}

/* Counts the chain's last header, whose payload is complete; false: the payload is no true one's.
 */
static bool chain_count(struct sync *s, struct chain *chain)
{
    uint64_t payload_off = chain->last + H2_FRAME_HEADER_LEN;
    enum head_verdict verdict = HEAD_WEAK;
    s->judged_octets += chain->hd.length;
    if (payload_off >= s->base_off && s->judged_octets <= JUDGE_OCTETS_MAX) {
        verdict = head_judge(
            &chain->hd, span_of(s->window.ptr + (payload_off - s->base_off), chain->hd.length));
    }
    if (verdict == HEAD_FALSE) {
        return false;
    }
    chain->count++;
    if (verdict == HEAD_STRONG) {
        chain->strong++;
        chain->strong_headers |= chain->hd.type == H2_HEADERS;
    }
    if (chain->hd.type != H2_DATA || chain->hd.length < DATA_FRAME_MIN ||
        chain->hd.stream_id % 2 == 0) {
        chain->data_only = false;
    }
    chain->id_min = chain->count == 1 || chain->hd.stream_id < chain->id_min ? chain->hd.stream_id
                                                                             : chain->id_min;
    chain->id_max = chain->hd.stream_id > chain->id_max ? chain->hd.stream_id : chain->id_max;
    chain->data_octets += chain->hd.length;
    return true;
}

static bool chain_good(const struct chain *chain)
{
    if (chain->count >= CHAIN_MIN && chain->strong >= STRONG_MIN &&
        (chain->strong_headers || chain->at_segment)) {
        return true;
    }
    return chain->data_only && chain->count >= DATA_CHAIN_MIN &&
           chain->id_max - chain->id_min <= DATA_IDS_APART_MAX &&
           chain->data_octets >= DATA_OCTETS_MIN;
}

/* When nothing more will come: a chain that begins where a TCP segment does, holds a HEADERS whose
 * block is good, and covers all that there is. So the few frames of a short capture, or behind a
 * hole near its end, are not lost for want of a third. */
static bool chain_settles(const struct chain *chain)
{
    return chain->at_segment && chain->strong_headers;
}

/* Of two chains that meet, the one that chance made less likely. */
static bool chain_better(const struct chain *a, const struct chain *b)
{
    if (a->strong != b->strong) {
        return a->strong > b->strong;
    }
    return a->count != b->count ? a->count > b->count : a->start < b->start;
}

/* Takes out the chains that expect a header at the scan's offset, judges what lies behind them, and
 * returns the best survivor, or NONE. */
static uint16_t chains_arrive(struct sync *s)
{
    uint16_t best = NONE;
    uint16_t *link = &s->buckets[bucket_of(s->scan_off)];
    while (*link != NONE) {
        uint16_t i = *link;
        struct chain *chain = &s->chains[i];
        if (chain->expected != s->scan_off) {
            link = &chain->next;
            continue;
        }
        *link = chain->next;
        if (!chain_count(s, chain) || (best != NONE && chain_better(&s->chains[best], chain))) {
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

static bool chain_continues(const struct chain *chain, const struct h2_frame_hd *hd)
{
    if (chain->block_open) {
        return hd->type == H2_CONTINUATION && hd->stream_id == chain->hd.stream_id;
    }
    return hd->type != H2_CONTINUATION;
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

static void chain_begin(struct sync *s, const struct h2_frame_hd *hd)
{
    uint16_t i = s->free_list;
    if (i == NONE || !may_start(hd)) {
        return; /* full: each place is free again when the scan reaches the chain's next header */
    }
    s->free_list = s->chains[i].next;
    s->chains[i] =
        (struct chain){ .start = s->scan_off, .at_segment = scan_at_segment(s), .data_only = true };
    chain_extend(s, i, hd);
}

static void found(struct sync *s, const struct chain *chain)
{
    s->status = SYNC_FOUND;
    /* A start that is too old to be replayed: from the newest header on, which is as true. */
    s->found_off = chain->start >= s->base_off ? chain->start : chain->last;
    s->skipped = s->found_off;
}

/* ---- the scan ---- */

/* Looks at one offset, of which 9 octets are there, or at the end none. */
static void scan_one(struct sync *s, bool have_head)
{
    uint16_t i = chains_arrive(s);
    if (i != NONE && (chain_good(&s->chains[i]) || (!have_head && chain_settles(&s->chains[i])))) {
        found(s, &s->chains[i]);
        return;
    }
    struct h2_frame_hd hd;
    if (!have_head ||
        !head_plausible(s->window.ptr + (s->scan_off - s->base_off), FRAME_OCTETS_MAX, &hd)) {
        if (i != NONE) {
            chain_release(s, i);
        }
    } else if (i != NONE && chain_continues(&s->chains[i], &hd)) {
        chain_extend(s, i, &hd);
    } else {
        if (i != NONE) {
            chain_release(s, i);
        }
        chain_begin(s, &hd);
    }
}

static void scan(struct sync *s)
{
    while (s->status == SYNC_SEARCHING && s->scan_off + H2_FRAME_HEADER_LEN <= end_off(s)) {
        scan_one(s, true);
        s->scan_off++;
    }
    if (s->status == SYNC_SEARCHING && s->scan_off >= LIMIT_SYNC_OCTETS) {
        s->status = SYNC_GAVE_UP;
    }
}

enum sync_status sync_feed(struct sync *s, struct span octets, bool segment_start,
                           const struct pos *pos)
{
    struct cur c = cur_of(octets);
    while (cur_left(&c) > 0 && s->status != SYNC_NOMEM) {
        struct span chunk = cur_take(&c, num_min_size(cur_left(&c), CHUNK_OCTETS));
        if (s->status == SYNC_SEARCHING) {
            drop_old(s);
        }
        if (!append(s, chunk, segment_start, pos)) {
            s->status = SYNC_NOMEM;
            break;
        }
        segment_start = false;
        scan(s);
    }
    return s->status;
}

/* Chains whose next header lies behind the end: the earliest that settles. */
static void settle(struct sync *s)
{
    const struct chain *best = NULL;
    for (size_t b = 0; b < BUCKETS; b++) {
        for (uint16_t i = s->buckets[b]; i != NONE; i = s->chains[i].next) {
            const struct chain *chain = &s->chains[i];
            if (chain_settles(chain) && (best == NULL || chain->start < best->start)) {
                best = chain;
            }
        }
    }
    if (best != NULL) {
        found(s, best);
    }
}

enum sync_status sync_end(struct sync *s)
{
    /* Behind the last header that could stand whole there may still be the end of a payload. */
    while (s->status == SYNC_SEARCHING && s->scan_off <= end_off(s) && end_off(s) > 0) {
        scan_one(s, false);
        s->scan_off++;
    }
    if (s->status == SYNC_SEARCHING) {
        settle(s);
    }
    if (s->status == SYNC_SEARCHING) {
        s->status = SYNC_GAVE_UP;
    }
    return s->status;
}

/* ---- the result ---- */

uint64_t sync_skipped(const struct sync *s)
{
    return s->status == SYNC_FOUND ? s->skipped : end_off(s);
}

bool sync_next_piece(struct sync *s, struct span *octets, struct pos *pos)
{
    if (s->status != SYNC_FOUND || s->found_off >= end_off(s)) {
        return false;
    }
    size_t count = piece_count(s);
    size_t i = s->replay_piece;
    while (i + 1 < count && piece_at(s, i + 1)->off <= s->found_off) {
        i++;
    }
    uint64_t stop = i + 1 < count ? piece_at(s, i + 1)->off : end_off(s);
    *octets = span_of(s->window.ptr + (s->found_off - s->base_off), (size_t)(stop - s->found_off));
    *pos = piece_at(s, i)->pos;
    s->found_off = stop;
    s->replay_piece = i;
    return true;
}
