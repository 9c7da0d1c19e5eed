/* Out-of-order octets: the first copy of an octet counts (capture-layer 3.3), every octet is held
 * once, and what they cost is counted against the limits. */
#include "net/net_int.h"

/* What a piece costs beyond its octets; tiny segments must not cost nothing. */
#define PIECE_COST 96

static uint64_t cost(const struct piece *piece)
{
    return PIECE_COST + (piece->hole ? 0 : piece->end - piece->start);
}

static void account(struct net *net, struct half *half, const struct piece *piece, bool add)
{
    uint64_t octets = cost(piece);
    half->queued = add ? half->queued + octets : half->queued - octets;
    net->queued = add ? net->queued + octets : net->queued - octets;
}

void queue_take(struct net *net, struct half *half, struct piece *piece)
{
    tree_remove(&half->tree, piece);
    account(net, half, piece, false);
}

void queue_free(struct net *net, struct half *half)
{
    while (half->tree.root != NULL) {
        struct piece *piece = half->tree.root;
        queue_take(net, half, piece);
        mem_free(net->mem, piece);
    }
}

/* A piece [start, end); data NULL: a hole. */
static int put(struct net *net, struct half *half, uint64_t start, uint64_t end,
               const uint8_t *data, const struct piece *like)
{
    size_t len = data != NULL ? (size_t)(end - start) : 0;
    struct piece *piece = mem_alloc(net->mem, sizeof *piece + len);
    if (piece == NULL) {
        return RC_NOMEM;
    }
    *piece = (struct piece){
        .start = start, .end = end, .ack = like->ack, .pos = like->pos, .hole = data == NULL
    };
    if (len > 0) {
        memcpy(piece->data, data, len);
    }
    tree_insert(&half->tree, piece);
    account(net, half, piece, true);
    return 0;
}

/* Takes [start, end) out of a hole, for data that came after all. */
static int carve(struct net *net, struct half *half, struct piece *hole, uint64_t start,
                 uint64_t end)
{
    int rc = 0;
    queue_take(net, half, hole);
    if (hole->start < start) {
        rc = put(net, half, hole->start, start, NULL, hole);
    }
    if (rc == 0 && hole->end > end) {
        rc = put(net, half, end, hole->end, NULL, hole);
    }
    mem_free(net->mem, hole);
    return rc;
}

/* [start, end) came again. */
static void compare(struct net *net, struct flow *flow, unsigned side, struct piece *piece,
                    uint64_t start, uint64_t end, const uint8_t *data, const struct pos *pos)
{
    uint8_t *old = piece->data + (start - piece->start);
    if (memcmp(old, data, (size_t)(end - start)) != 0) {
        net_note(net, flow, NOTE_OVERLAP, side, &piece->pos, pos, start);
        if (net->options.overlap_last) {
            memcpy(old, data, (size_t)(end - start));
        }
    }
}

/* The part of a segment at `off` that a queued piece has already; returns where it ends. */
static int meet(struct net *net, struct flow *flow, unsigned side, struct piece *piece,
                uint64_t off, struct span data, const struct piece *like, uint64_t *end)
{
    uint64_t stop = off + data.len < piece->end ? off + data.len : piece->end;
    *end = stop;
    piece->ack = like->ack < piece->ack ? like->ack : piece->ack;
    net->stats.retransmitted_octets += stop - off;
    if (!piece->hole) {
        compare(net, flow, side, piece, off, stop, data.ptr, &like->pos);
        return 0;
    }
    struct half *half = &flow->tcp->half[side];
    int rc = carve(net, half, piece, off, stop);
    return rc == 0 ? put(net, half, off, stop, data.ptr, like) : rc;
}

/* The octets that are there. */
static int add_data(struct net *net, struct flow *flow, unsigned side, uint64_t off,
                    struct span data, const struct piece *like)
{
    struct half *half = &flow->tcp->half[side];
    struct cur cur = cur_of(data);
    int rc = 0;
    while (rc == 0 && cur_left(&cur) > 0) {
        uint64_t stop = off + cur_left(&cur);
        struct piece *piece = tree_find(&half->tree, off);
        if (piece != NULL && piece->start <= off) {
            rc = meet(net, flow, side, piece, off, span_of(cur.pos, cur_left(&cur)), like, &stop);
        } else {
            if (piece != NULL && piece->start < stop) {
                stop = piece->start;
            }
            rc = put(net, half, off, stop, cur.pos, like);
        }
        cur_skip(&cur, (size_t)(stop - off));
        off = stop;
    }
    return rc;
}

/* The octets that were cut off: only where nothing is queued. */
static int add_hole(struct net *net, struct half *half, uint64_t off, uint64_t end,
                    const struct piece *like)
{
    int rc = 0;
    while (rc == 0 && off < end) {
        const struct piece *piece = tree_find(&half->tree, off);
        uint64_t stop = piece != NULL && piece->start < end ? piece->start : end;
        if (stop > off) {
            rc = put(net, half, off, stop, NULL, like);
        }
        off = piece != NULL && piece->start < end ? piece->end : end;
    }
    return rc;
}

int queue_add(struct net *net, struct flow *flow, unsigned side, uint64_t off, struct span data,
              uint64_t len, uint64_t ack, const struct pos *pos)
{
    struct piece like = { .ack = ack, .pos = *pos };
    int rc = add_data(net, flow, side, off, data, &like);
    if (rc == 0 && len > data.len) {
        rc = add_hole(net, &flow->tcp->half[side], off + data.len, off + len, &like);
    }
    return rc;
}

void queue_shift(struct half *half, struct half *other, uint64_t by)
{
    tree_shift(&half->tree, by);
    for (struct piece *piece = tree_first(&other->tree); piece != NULL;
         piece = tree_find(&other->tree, piece->end)) {
        piece->ack += by;
    }
}

void queue_forget_acks(struct half *half)
{
    for (struct piece *piece = tree_first(&half->tree); piece != NULL;
         piece = tree_find(&half->tree, piece->end)) {
        piece->ack = 0;
    }
}
