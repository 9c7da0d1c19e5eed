#include "tls/record.h"

#include <string.h>

/* While a header is looked for, octets are taken in chunks of at most so many. */
#define CHUNK_OCTETS 16384

/* A record and the header behind it, and a chunk. */
#define KEPT_MAX   (RECORD_PAYLOAD_MAX + 2 * RECORD_HEADER_LEN + 2 * CHUNK_OCTETS)
#define PIECES_MAX 4096

/* Stands for the length of a hole that nobody knows. */
#define HOLE_OCTETS_UNKNOWN (1u << 20)

/* Octets of kept that were found at one place. */
struct piece {
    size_t len;
    struct pos pos;
};

void records_init(struct records *records, struct mem *mem, const struct record_events *events,
                  void *ctx, unsigned side)
{
    memset(records, 0, sizeof(*records));
    records->mem = mem;
    records->events = events;
    records->ctx = ctx;
    records->side = side;
    buf_init(&records->payload, mem, RECORD_PAYLOAD_MAX);
    buf_init(&records->kept, mem, KEPT_MAX);
    buf_init(&records->pieces, mem, PIECES_MAX * sizeof(struct piece));
}

void records_fini(struct records *records)
{
    buf_fini(&records->payload);
    buf_fini(&records->kept);
    buf_fini(&records->pieces);
}

/* ---- what a header may be ---- */

static size_t payload_len(const uint8_t *header)
{
    return num_be16(header + 3);
}

static bool may_be_header(const uint8_t *o)
{
    return o[0] >= RECORD_CHANGE_CIPHER_SPEC && o[0] <= RECORD_DATA + 1 && o[1] == 3 && o[2] <= 4 &&
           payload_len(o) <= RECORD_PAYLOAD_MAX;
}

/* In the middle of a connection every record says version 3.3 (RFC 8446 5.1), or what TLS 1.2 and
 * older agreed on, which we do not read. */
static bool looks_like_header(const uint8_t *o)
{
    return o[0] >= RECORD_CHANGE_CIPHER_SPEC && o[0] <= RECORD_DATA && o[1] == 3 && o[2] == 3 &&
           payload_len(o) > 0 && payload_len(o) <= RECORD_PAYLOAD_MAX;
}

/* ---- in step ---- */

static struct pos spanning(const struct pos *since, const struct pos *last)
{
    struct pos pos = *last;
    pos.since_packet = 0;
    if (since->packet != last->packet) {
        pos.since_packet = since->packet;
        pos.since_ns = since->ts_ns;
    }
    return pos;
}

static int tell_record(struct records *r, struct span payload)
{
    struct record record = { .type = r->header[0],
                             .payload = payload,
                             .holed = r->missing > 0,
                             .whole_from = r->whole_from,
                             .pos = spanning(&r->since, &r->newest) };
    memcpy(record.header, r->header, RECORD_HEADER_LEN);
    return r->events->record(r->ctx, r->side, &record);
}

/* The record under way is done with, or given up. */
static void begin_next(struct records *r)
{
    buf_clear(&r->payload);
    r->header_len = r->missing = r->whole_from = r->seen = 0;
    r->no_memory = false;
}

/* Octets of the payload under way that are there, or that zeros stand for. */
static size_t have(const struct records *r)
{
    return r->no_memory ? r->seen : r->payload.len;
}

static int finish_record(struct records *r)
{
    static const uint8_t nothing[RECORD_PAYLOAD_MAX];
    struct span payload = r->no_memory ? span_of(nothing, r->seen) : buf_span(&r->payload);
    if (r->no_memory) {
        r->missing = r->whole_from = r->seen;
    }
    int answer = tell_record(r, payload);
    begin_next(r);
    return answer;
}

static void begin_search(struct records *r, uint64_t passed)
{
    r->searching = true;
    r->hole = (struct record_hole){ .octets = passed, .before = r->newest };
    begin_next(r);
}

/* The header is there: is it one? Is the record whole with it? */
static int header_complete(struct records *r)
{
    if (!may_be_header(r->header)) {
        begin_search(r, RECORD_HEADER_LEN);
        return SINK_MORE;
    }
    size_t len = payload_len(r->header);
    r->no_memory = len > 0 && !buf_reserve(&r->payload, len);
    return len == 0 ? finish_record(r) : SINK_MORE;
}

/* A record that lies whole in the octets is told from where it lies. */
static bool lies_whole(const struct records *r, const struct cur *c)
{
    return r->header_len == 0 && cur_left(c) >= RECORD_HEADER_LEN && may_be_header(c->pos) &&
           cur_left(c) - RECORD_HEADER_LEN >= payload_len(c->pos);
}

/* Takes some of the octets, all of which came at *pos. */
static int step(struct records *r, struct cur *c, const struct pos *pos)
{
    if (r->header_len == 0) {
        r->since = pos_begin(pos);
    }
    r->newest = *pos;
    if (H2D_LIKELY(lies_whole(r, c))) {
        memcpy(r->header, cur_take(c, RECORD_HEADER_LEN).ptr, RECORD_HEADER_LEN);
        return tell_record(r, cur_take(c, payload_len(r->header)));
    }
    if (r->header_len < RECORD_HEADER_LEN) {
        struct span piece =
            cur_take(c, num_min_size(RECORD_HEADER_LEN - r->header_len, cur_left(c)));
        memcpy(r->header + r->header_len, piece.ptr, piece.len);
        r->header_len += piece.len;
        return r->header_len == RECORD_HEADER_LEN ? header_complete(r) : SINK_MORE;
    }
    size_t len = payload_len(r->header);
    struct span piece = cur_take(c, num_min_size(len - have(r), cur_left(c)));
    if (r->no_memory || !buf_append(&r->payload, piece)) {
        r->seen = have(r) + piece.len;
        r->no_memory = true;
    }
    return have(r) == len ? finish_record(r) : SINK_MORE;
}

static int run(struct records *r, struct cur *c, const struct pos *pos)
{
    int answer = SINK_MORE;
    while (answer == SINK_MORE && !r->searching && cur_left(c) > 0) {
        answer = step(r, c, pos);
    }
    return answer;
}

/* ---- looking for a header ---- */

static struct piece *piece_at(struct records *r, size_t i)
{
    return (struct piece *)(void *)r->pieces.ptr + i;
}

static size_t piece_count(const struct records *r)
{
    return r->pieces.len / sizeof(struct piece);
}

static bool keep(struct records *r, struct span octets, const struct pos *pos)
{
    size_t count = piece_count(r);
    if (octets.len == 0) {
        return true;
    }
    if (!buf_append(&r->kept, octets)) {
        return false;
    }
    if (count > 0 && (piece_at(r, count - 1)->pos.packet == pos->packet || count == PIECES_MAX)) {
        piece_at(r, count - 1)->len += octets.len;
        return true;
    }
    struct piece piece = { octets.len, *pos };
    if (!buf_append(&r->pieces, span_of(&piece, sizeof(piece)))) {
        r->kept.len -= octets.len;
        return false;
    }
    return true;
}

/* Forgets the first n octets that are kept. */
static void drop(struct records *r, size_t n)
{
    size_t gone = 0;
    buf_drop_front(&r->kept, n);
    while (n > 0 && gone < piece_count(r)) {
        struct piece *piece = piece_at(r, gone);
        size_t part = num_min_size(piece->len, n);
        piece->len -= part;
        n -= part;
        if (piece->len > 0) {
            break;
        }
        gone++;
    }
    buf_drop_front(&r->pieces, gone * sizeof(struct piece));
}

/* Passes over octets until a header that is followed by another, or, when nothing more will come,
 * by the end. False: none yet. */
static bool scan(struct records *r, bool last)
{
    size_t at = 0;
    bool found = false;
    while (!found && at + RECORD_HEADER_LEN <= r->kept.len) {
        const uint8_t *o = r->kept.ptr + at;
        if (!looks_like_header(o)) {
            at++;
            continue;
        }
        size_t next = at + RECORD_HEADER_LEN + payload_len(o);
        if (next + RECORD_HEADER_LEN <= r->kept.len) {
            found = looks_like_header(r->kept.ptr + next);
            at += found ? 0 : 1;
        } else if (last) {
            found = true;
        } else {
            break;
        }
    }
    r->hole.octets += at;
    drop(r, at);
    return found;
}

static int tell_hole(struct records *r)
{
    if (r->hole.after.packet == 0 && piece_count(r) > 0) {
        r->hole.after = pos_begin(&piece_at(r, 0)->pos);
    }
    r->searching = false;
    return r->events->hole(r->ctx, r->side, &r->hole);
}

/* Records from what was kept. */
static int run_kept(struct records *r)
{
    int answer = SINK_MORE;
    size_t used = 0, count = piece_count(r);
    for (size_t i = 0; i < count && answer == SINK_MORE && !r->searching; i++) {
        struct piece *piece = piece_at(r, i);
        struct cur c = cur_of(span_of(r->kept.ptr + used, piece->len));
        size_t len = piece->len;
        answer = run(r, &c, &piece->pos);
        if (answer != SINK_MORE) {
            return answer; /* the listener may have let all this go */
        }
        used += len - cur_left(&c);
    }
    drop(r, used);
    return SINK_MORE;
}

static int search(struct records *r, bool last)
{
    int answer = SINK_MORE;
    while (answer == SINK_MORE && r->searching && scan(r, last)) {
        answer = tell_hole(r);
        if (answer == SINK_MORE) {
            answer = run_kept(r);
        }
    }
    if (answer == SINK_MORE && !r->searching) {
        buf_fini(&r->kept);
        buf_fini(&r->pieces);
    }
    return answer;
}

/* ---- the door ---- */

int records_bytes(struct records *r, struct span octets, const struct pos *pos)
{
    struct cur c = cur_of(octets);
    int answer = run(r, &c, pos);
    while (answer == SINK_MORE && cur_left(&c) > 0) {
        struct span chunk = cur_take(&c, num_min_size(cur_left(&c), CHUNK_OCTETS));
        if (!keep(r, chunk, pos)) {
            return RC_NOMEM;
        }
        answer = search(r, false);
        if (answer == SINK_MORE) {
            answer = run(r, &c, pos);
        }
    }
    return answer;
}

/* Octets of the record under way: they are lost when its end is. */
static size_t under_way(const struct records *r)
{
    return r->header_len + (r->header_len == RECORD_HEADER_LEN ? have(r) : 0);
}

/* len octets are missing inside the payload under way: zeros stand for them. */
static int miss(struct records *r, size_t len)
{
    size_t whole = payload_len(r->header);
    if (r->no_memory) {
        r->seen += len;
    } else {
        /* header_complete() has reserved the room of the whole payload. */
        memset(r->payload.ptr + r->payload.len, 0, len);
        r->payload.len += len;
    }
    r->missing += len;
    r->whole_from = have(r);
    return have(r) == whole ? finish_record(r) : SINK_MORE;
}

int records_gap(struct records *r, uint64_t len, const struct pos *before, const struct pos *after)
{
    static const struct pos nowhere;
    int answer = r->searching ? search(r, true) : SINK_MORE;
    if (answer != SINK_MORE) {
        return answer;
    }
    if (!r->searching) {
        bool inside = r->header_len == RECORD_HEADER_LEN && len > 0 &&
                      len <= payload_len(r->header) - have(r);
        if (inside) {
            return miss(r, (size_t)len);
        }
        begin_search(r, under_way(r));
        r->hole.before = before != NULL ? pos_begin(before) : nowhere;
    }
    r->hole.octets += (len > 0 ? len : HOLE_OCTETS_UNKNOWN) + r->kept.len;
    r->hole.after = after != NULL ? *after : nowhere;
    drop(r, r->kept.len);
    return SINK_MORE;
}

int records_end(struct records *r)
{
    int answer = r->searching ? search(r, true) : SINK_MORE;
    if (answer != SINK_MORE) {
        return answer;
    }
    if (!r->searching) {
        if (under_way(r) == 0) {
            return SINK_MORE;
        }
        begin_search(r, under_way(r));
    }
    r->hole.octets += r->kept.len;
    r->hole.end = true;
    drop(r, r->kept.len);
    return tell_hole(r);
}
