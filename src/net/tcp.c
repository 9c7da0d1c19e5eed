/* What a segment means for its flow: where its octets belong, what it acknowledges, whether it
 * begins or ends something (capture-layer 3.1 to 3.3; RFC 9293). */
#include "net/net_int.h"

/* Numbers further ahead than this are nonsense. */
#define AHEAD_MAX ((uint64_t)1 << 30)

/* A reset is believed up to so far behind the highest octet seen. */
#define RST_WINDOW ((uint64_t)1 << 20)

/* Numbers that near are of the same connection. */
#define NEAR_WINDOW ((int32_t)1 << 20)

/* A capture that begins in mid-connection may show octets before the first ones for so long. */
#define PREPEND_PACKETS 64

#define BIT(side) ((uint8_t)(1u << (side)))

/* The offset of a sequence number, by its signed distance from where we are: so streams may be
 * longer than 4 GiB. Negative: before the base. */
static int64_t offset_of(const struct half *half, uint32_t seq)
{
    return (int64_t)half->next + (int32_t)(seq - (half->base + (uint32_t)half->next));
}

static void set_base(struct half *half, uint32_t seq)
{
    half->base = seq;
    half->base_known = true;
}

/* ---- beginnings ---- */

static void know_isn(struct flow *flow, unsigned side, const struct segment *segment)
{
    flow->isn[side] = segment->seq;
    flow->isn_known |= BIT(side);
    flow->client_side = (int8_t)((segment->flags & TCP_ACK) != 0 ? 1 - side : side);
    if (!flow->opened) {
        flow->joined = false;
    }
}

/* Whether a SYN is one that is known, or fits what is known. */
static bool is_same_syn(const struct flow *flow, unsigned side, const struct segment *segment)
{
    if ((flow->isn_known & BIT(side)) != 0) {
        return flow->isn[side] == segment->seq;
    }
    if (flow->tcp == NULL) {
        return false;
    }
    const struct half *half = &flow->tcp->half[side];
    int32_t distance = (int32_t)(segment->seq + 1 - half->base);
    return !half->base_known || (distance < NEAR_WINDOW && distance > -NEAR_WINDOW);
}

/* Addresses and ports are used again: the old connection ends here. */
static struct flow *replace(struct net *net, struct flow *flow, const struct pos *pos, int *rc)
{
    struct flow_key key = flow->key;
    *rc = flow_end(net, flow, GAP_UNACKED, CLOSE_REUSED);
    return *rc < 0 ? NULL : flow_new(net, &key, pos, rc);
}

/* A SYN with another number than the connection's: a new connection if that is over, or if the
 * SYN-ACK or the first data confirms it; a receiver may also just challenge it (RFC 5961 4). */
static bool begins_anew(struct flow *flow, unsigned side, const struct segment *segment)
{
    bool syn = (segment->flags & TCP_SYN) != 0;
    bool ack = (segment->flags & TCP_ACK) != 0;
    if (flow->reuse == 2 - side && ack && segment->ack == flow->reuse_isn + 1) {
        return true;
    }
    if (syn && !is_same_syn(flow, side, segment)) {
        if (flow->state != FLOW_OPEN || ack) {
            return true;
        }
        flow->reuse = (uint8_t)(1 + side);
        flow->reuse_isn = segment->seq;
        return false;
    }
    if (flow->reuse == 0 || syn) {
        return false;
    }
    if (flow->reuse == 1 + side) {
        return segment->seq == flow->reuse_isn + 1;
    }
    flow->reuse = ack ? 0 : flow->reuse; /* the other side goes on with the old numbers */
    return false;
}

/* What was learnt from the SYN that announced the new connection. */
static void inherit_syn(struct flow *flow, unsigned side, uint32_t isn)
{
    flow->isn[side] = isn;
    flow->isn_known |= BIT(side);
    flow->client_side = (int8_t)side;
    set_base(&flow->tcp->half[side], isn + 1);
}

static struct flow *start_anew(struct net *net, struct flow *flow, const struct pos *pos, int *rc)
{
    uint8_t reuse = flow->reuse;
    uint32_t isn = flow->reuse_isn;
    flow = replace(net, flow, pos, rc);
    if (flow != NULL && reuse != 0) {
        inherit_syn(flow, reuse - 1u, isn);
    }
    return flow;
}

/* ---- acknowledgements ---- */

/* What the sender has of its peer, as an offset there. */
static uint64_t take_ack(struct half *peer, uint32_t ack)
{
    int64_t off = offset_of(peer, ack);
    if (off < 0 || (uint64_t)off > peer->next + AHEAD_MAX) {
        return 0;
    }
    if ((uint64_t)off > peer->acked) {
        peer->acked = (uint64_t)off;
    }
    return (uint64_t)off;
}

/* ---- payload ---- */

/* Octets before the point of joining, while nothing was delivered (capture-layer 3.2). A single
 * octet there is a keep-alive. */
static bool may_prepend(const struct flow *flow, const struct half *half, int64_t off, uint64_t len)
{
    return flow->joined && half->next == 0 && half->last.packet == 0 &&
           flow->packets <= PREPEND_PACKETS && len >= 2 && off + (int64_t)len >= 0;
}

static void prepend(struct tcp *tcp, unsigned side, uint64_t by)
{
    struct half *half = &tcp->half[side];
    half->base -= (uint32_t)by;
    half->high += by;
    half->acked += by;
    half->hole_at = OFF_NONE;
    if (half->fin_at != OFF_NONE) {
        half->fin_at += by;
    }
    queue_shift(half, &tcp->half[1 - side], by);
}

/* The segment's octets in offsets, clipped to what can be used. */
struct range {
    uint64_t off, len; /* on the wire */
    struct span data;  /* the first of them, that are in the capture */
};

/* False: nothing is left. */
static bool clip(struct net *net, struct half *half, int64_t off, struct range *range)
{
    int64_t end = off + (int64_t)range->len;
    if (half->fin_at != OFF_NONE && end > (int64_t)half->fin_at) {
        end = (int64_t)half->fin_at;
    }
    if (end <= (int64_t)half->next || off >= end) {
        net->stats.retransmitted_octets += range->len > 1 ? range->len : 0;
        return false;
    }
    struct cur cur = cur_of(range->data);
    if (off < (int64_t)half->next) {
        uint64_t seen = half->next - (uint64_t)off;
        net->stats.retransmitted_octets += seen;
        cur_skip(&cur, num_min_size((size_t)seen, cur_left(&cur)));
        off = (int64_t)half->next;
    }
    range->off = (uint64_t)off;
    range->len = (uint64_t)(end - off);
    range->data = cur_rest(&cur);
    if (range->data.len > range->len) {
        range->data.len = (size_t)range->len;
    }
    return true;
}

static int take_payload(struct net *net, struct flow *flow, unsigned side, int64_t off,
                        struct range range, uint64_t ack, const struct pos *pos)
{
    struct half *half = &flow->tcp->half[side];
    if (H2D_UNLIKELY(off < 0 && may_prepend(flow, half, off, range.len))) {
        prepend(flow->tcp, side, 0 - (uint64_t)off);
        off = 0;
    }
    if (H2D_UNLIKELY(off > (int64_t)(half->next + AHEAD_MAX))) {
        net->stats.out_of_window++;
        net_note(net, flow, NOTE_WINDOW, side, pos, NULL, 0);
        return FLOW_MORE;
    }
    if (H2D_UNLIKELY(!clip(net, half, off, &range))) {
        return FLOW_MORE;
    }
    if (range.off + range.len > half->high) {
        half->high = range.off + range.len;
        half->phantom = false;
    }
    if (H2D_LIKELY(range.off == half->next && half->tree.root == NULL &&
                   pump_may_go(flow, side, ack))) {
        int rc = FLOW_MORE;
        if (range.data.len > 0) {
            rc = pump_bytes(net, flow, side, range.data, pos);
        }
        if (H2D_UNLIKELY(rc == FLOW_MORE && range.len > range.data.len)) {
            rc = pump_gap(net, flow, side, range.len - range.data.len, net_cut_cause(net, pos), pos,
                          NULL);
        }
        return rc;
    }
    struct pos at = *pos;
    at.after_drops = net->drops_at > half->seen;
    return queue_add(net, flow, side, range.off, range.data, range.len, ack, &at);
}

/* ---- endings ---- */

static int take_fin(struct net *net, struct flow *flow, unsigned side, int64_t off,
                    const struct pos *pos)
{
    struct half *half = &flow->tcp->half[side];
    flow->ended |= BIT(side);
    if (half->fin_at == OFF_NONE && off >= (int64_t)half->next &&
        off <= (int64_t)(half->next + AHEAD_MAX)) {
        half->fin_at = (uint64_t)off;
        half->fin = *pos;
    }
    return half->next >= half->fin_at ? pump_close(net, flow, side, CLOSE_FIN, &half->fin)
                                      : FLOW_MORE;
}

static int take_rst(struct net *net, struct flow *flow, unsigned side, int64_t off,
                    const struct pos *pos)
{
    const struct half *half = &flow->tcp->half[side];
    bool inside = off >= (int64_t)half->next && off <= (int64_t)(half->high + RST_WINDOW);
    if (!inside && off != (int64_t)half->acked) {
        return FLOW_MORE;
    }
    int rc = pump_flush(net, flow, GAP_UNACKED);
    for (unsigned i = 0; i < 2 && rc == FLOW_MORE; i++) {
        rc = pump_close(net, flow, i == 0 ? side : 1 - side, CLOSE_RST, pos);
    }
    return rc;
}

/* ---- a segment of an open flow ---- */

/* A side that nothing was seen of: here it joins, and what the other acknowledged before does not
 * count. */
static void rejoin(struct tcp *tcp, unsigned side, uint32_t seq)
{
    struct half *half = &tcp->half[side];
    set_base(half, seq);
    half->absent = false;
    half->acked = 0;
    queue_forget_acks(&tcp->half[1 - side]);
}

/* Bases and counts that the first packets of a side set. */
static void meet_sides(struct net *net, struct flow *flow, unsigned side,
                       const struct segment *segment, uint32_t seq)
{
    struct half *half = &flow->tcp->half[side];
    struct half *peer = &flow->tcp->half[1 - side];
    if (half->absent) {
        rejoin(flow->tcp, side, seq);
    }
    if (!half->base_known) {
        set_base(half, seq);
    }
    if (!peer->base_known && (segment->flags & (TCP_ACK | TCP_RST)) == TCP_ACK) {
        set_base(peer, segment->ack);
    }
    if (half->packets == 0) {
        half->first_ns = net->now_ns;
    }
    half->packets += half->packets < UINT32_MAX;
}

static int take_open(struct net *net, struct flow *flow, unsigned side,
                     const struct segment *segment, const struct pos *pos)
{
    struct tcp *tcp = flow->tcp;
    uint32_t seq = segment->seq + ((segment->flags & TCP_SYN) != 0);
    struct range range = { .len = segment->wire_len, .data = segment->payload };
    uint64_t ack = 0;
    int rc = FLOW_MORE;
    meet_sides(net, flow, side, segment, seq);
    int64_t off = offset_of(&tcp->half[side], seq);
    if (H2D_UNLIKELY((segment->flags & TCP_URG) != 0) && range.len > 0 && off >= 0) {
        net_note(net, flow, NOTE_URGENT, side, pos, NULL, (uint64_t)off);
    }
    if (H2D_UNLIKELY((segment->flags & TCP_RST) != 0)) {
        return take_rst(net, flow, side, off, pos);
    }
    if ((segment->flags & TCP_ACK) != 0) {
        ack = take_ack(&tcp->half[1 - side], segment->ack);
    }
    if (range.len > 0) {
        uint32_t base = tcp->half[side].base;
        rc = take_payload(net, flow, side, off, range, ack, pos);
        if (rc == FLOW_MORE) {
            off += (int32_t)(base - tcp->half[side].base);
        }
    }
    if (H2D_UNLIKELY(rc == FLOW_MORE && (segment->flags & TCP_FIN) != 0)) {
        rc = take_fin(net, flow, side, off + (int64_t)range.len, pos);
    }
    if (rc != FLOW_MORE) {
        return rc;
    }
    tcp->half[side].seen = pos->packet;
    const struct half *half = tcp->half;
    if (H2D_UNLIKELY(half[0].tree.root != NULL || half[1].tree.root != NULL || tcp->stalled ||
                     half[0].acked > half[0].next || half[1].acked > half[1].next)) {
        rc = pump_run(net, flow);
    }
    return rc;
}

/* A segment that nobody listens to: only whether the connection ends counts. */
static void take_unheard(struct net *net, struct flow *flow, unsigned side,
                         const struct segment *segment)
{
    if ((segment->flags & TCP_FIN) != 0) {
        flow->ended |= BIT(side);
    }
    if ((segment->flags & TCP_RST) != 0) {
        flow->ended = BIT(0) | BIT(1);
    }
    if (flow->ended == (BIT(0) | BIT(1)) && flow->state == FLOW_IGNORED) {
        flow_stop(net, flow, FLOW_CLOSED);
    }
}

/* Whether an unknown flow is worth following from this segment on: not from the last ones of a
 * connection. */
static bool opens_flow(const struct segment *segment)
{
    if ((segment->flags & TCP_RST) != 0) {
        return false;
    }
    return segment->wire_len > 0 || (segment->flags & TCP_FIN) == 0;
}

int tcp_segment(struct net *net, const struct segment *segment, const struct pos *pos)
{
    struct flow_key key;
    unsigned side;
    int rc = 0;
    flow_key_make(&key, segment, &side);
    struct flow *flow = flow_find(net, &key);
    if (H2D_UNLIKELY(flow == NULL)) {
        if (!opens_flow(segment)) {
            return 0;
        }
        flow = flow_new(net, &key, pos, &rc);
    } else if (H2D_UNLIKELY((segment->flags & TCP_SYN) != 0 || flow->reuse != 0)) {
        if (begins_anew(flow, side, segment)) {
            flow = start_anew(net, flow, pos, &rc);
        } else if ((segment->flags & TCP_SYN) != 0 && !is_same_syn(flow, side, segment)) {
            return 0; /* not believed yet */
        }
    }
    if (flow == NULL) {
        return rc;
    }
    if (flow->packets++ == 0) {
        flow->joined = flow->isn_known == 0 && (segment->flags & TCP_SYN) == 0;
        if (H2D_UNLIKELY(segment->tunnel_count > 0) && !flow_set_tunnels(net, flow, segment)) {
            return RC_NOMEM;
        }
    }
    flow_touch(net, flow);
    if ((segment->flags & TCP_SYN) != 0 && (flow->isn_known & BIT(side)) == 0) {
        know_isn(flow, side, segment);
        if (flow->isn_known == (BIT(0) | BIT(1))) {
            rc = views_meet(net, flow, pos);
            if (rc < 0) {
                return rc;
            }
        }
    }
    if (H2D_UNLIKELY(segment->sums != SUMS_UNKNOWN)) {
        net_note(net, flow, NOTE_CHECKSUM, side, pos, NULL, segment->sums);
    }
    if (flow->state != FLOW_OPEN) {
        take_unheard(net, flow, side, segment);
        return 0;
    }
    rc = take_open(net, flow, side, segment, pos);
    return rc < 0 ? rc : 0;
}
