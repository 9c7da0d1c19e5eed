/* Delivery in an order that one observer could have seen (capture-layer 3.6): a segment goes when
 * all goes that its sender had acknowledged with it. What is missing is waited for, and given up by
 * the rules of 3.5. */
#include "net/net_int.h"

#include "spec/limits.h"

/* A side of which nothing is captured. */
#define ABSENT_PACKETS 64
#define ABSENT_MS      1000

/* How many waiting flows are looked at, every so many packets. */
#define TICK_PACKETS 32
#define TICK_FLOWS   32

/* Flows among which the one with most queued octets is sought when all together are too many. */
#define RELIEF_FLOWS 16

/* Nothing could be given up. */
#define NOTHING_DUE 2

/* An acknowledgement counts the FIN as an octet; there is none behind it. */
static uint64_t real_ack(const struct half *sender, uint64_t ack)
{
    if (ack > sender->fin_at) {
        ack = sender->fin_at;
    }
    return sender->phantom && ack > sender->high ? sender->high : ack;
}

bool pump_may_go(const struct flow *flow, unsigned side, uint64_t ack)
{
    const struct half *peer = &flow->tcp->half[1 - side];
    return ack <= peer->next || peer->absent || real_ack(peer, ack) <= peer->next;
}

static bool is_acked(const struct half *half)
{
    return half->acked > half->next && real_ack(half, half->acked) > half->next;
}

/* Where the hole at half->next ends; 0: there is none. */
static uint64_t hole_end(const struct half *half)
{
    const struct piece *first = tree_first(&half->tree);
    if (half->absent || half->closed || (first != NULL && first->start == half->next)) {
        return 0;
    }
    uint64_t end = first != NULL ? first->start : 0;
    if (is_acked(half)) {
        uint64_t acked = real_ack(half, half->acked);
        end = first != NULL && end < acked ? end : acked;
    }
    return end < half->fin_at ? end : half->fin_at;
}

bool pump_is_waiting(const struct flow *flow)
{
    const struct half *half = flow->tcp->half;
    return half[0].tree.root != NULL || half[1].tree.root != NULL || hole_end(&half[0]) != 0 ||
           hole_end(&half[1]) != 0;
}

/* ---- the ring of waiting flows ---- */

void pump_unstall(struct net *net, struct flow *flow)
{
    struct tcp *tcp = flow->tcp;
    if (!tcp->stalled) {
        return;
    }
    tcp->stalled = false;
    tcp->stalled_prev->tcp->stalled_next = tcp->stalled_next;
    tcp->stalled_next->tcp->stalled_prev = tcp->stalled_prev;
    if (net->stalled == flow) {
        net->stalled = tcp->stalled_next != flow ? tcp->stalled_next : NULL;
    }
}

static void stall(struct net *net, struct flow *flow)
{
    struct tcp *tcp = flow->tcp;
    if (tcp->stalled) {
        return;
    }
    tcp->stalled = true;
    if (net->stalled == NULL) {
        net->stalled = tcp->stalled_prev = tcp->stalled_next = flow;
        return;
    }
    tcp->stalled_next = net->stalled;
    tcp->stalled_prev = net->stalled->tcp->stalled_prev;
    tcp->stalled_prev->tcp->stalled_next = flow;
    tcp->stalled_next->tcp->stalled_prev = flow;
}

/* ---- out to the sink ---- */

static int open_sink(struct net *net, struct flow *flow)
{
    struct flow_info info;
    flow->opened = true;
    if (!flow_tell_tunnels(net, flow)) {
        return RC_NOMEM;
    }
    flow_info_fill(flow, &info);
    if (net->events.on_open != NULL) {
        flow->sink = net->events.on_open(net->ctx, &info);
    }
    if (flow->sink.ops == NULL) {
        flow_stop(net, flow, FLOW_IGNORED);
        return FLOW_GONE;
    }
    return FLOW_MORE;
}

int pump_close(struct net *net, struct flow *flow, unsigned side, enum close_cause cause,
               const struct pos *pos)
{
    struct half *half = &flow->tcp->half[side];
    if (half->closed) {
        return FLOW_MORE;
    }
    half->closed = true;
    queue_free(net, half); /* behind a FIN there is nothing, whatever came before it */
    if (flow->sink.ops != NULL && flow->sink.ops->close != NULL) {
        flow->sink.ops->close(flow->sink.ctx, side, cause, pos);
    }
    if (!flow->tcp->half[1 - side].closed) {
        return FLOW_MORE;
    }
    flow_stop(net, flow, FLOW_CLOSED);
    return FLOW_GONE;
}

/* The sink has answered. */
static int answered(struct net *net, struct flow *flow, unsigned side, int answer)
{
    if (answer < 0) {
        return answer;
    }
    if (answer == SINK_IGNORE) {
        flow_stop(net, flow, FLOW_IGNORED);
        return FLOW_GONE;
    }
    const struct half *half = &flow->tcp->half[side];
    return half->next >= half->fin_at ? pump_close(net, flow, side, CLOSE_FIN, &half->fin)
                                      : FLOW_MORE;
}

static uint64_t advance(struct half *half, uint64_t len)
{
    uint64_t off = half->next;
    half->next += len;
    if (half->high < half->next) {
        half->high = half->next;
    }
    return off;
}

int pump_bytes(struct net *net, struct flow *flow, unsigned side, struct span octets,
               const struct pos *pos)
{
    if (H2D_UNLIKELY(!flow->opened)) {
        int rc = open_sink(net, flow);
        if (rc != FLOW_MORE) {
            return rc;
        }
    }
    struct half *half = &flow->tcp->half[side];
    uint64_t off = advance(half, octets.len);
    half->last = *pos;
    return answered(net, flow, side, flow->sink.ops->bytes(flow->sink.ctx, side, off, octets, pos));
}

int pump_gap(struct net *net, struct flow *flow, unsigned side, uint64_t len, enum gap_cause cause,
             const struct pos *before, const struct pos *after)
{
    net->stats.gap_octets[cause] += len;
    if (!flow->opened) {
        int rc = open_sink(net, flow);
        if (rc != FLOW_MORE) {
            return rc;
        }
    }
    uint64_t off = advance(&flow->tcp->half[side], len);
    return answered(net, flow, side,
                    flow->sink.ops->gap(flow->sink.ctx, side, off, len, cause, before, after));
}

static int deliver(struct net *net, struct flow *flow, unsigned side, struct piece *piece)
{
    int rc;
    uint64_t len = piece->end - piece->start;
    queue_take(net, &flow->tcp->half[side], piece);
    if (piece->hole) {
        rc = pump_gap(net, flow, side, len, net_cut_cause(net, &piece->pos), &piece->pos, NULL);
    } else {
        rc = pump_bytes(net, flow, side, span_of(piece->data, (size_t)len), &piece->pos);
    }
    mem_free(net->mem, piece);
    return rc;
}

/* ---- holes ---- */

static bool over_limit(const struct net *net, const struct half *half)
{
    return half->queued > net->options.tcp_queue_octets ||
           half->tree.count > net->options.tcp_pieces;
}

static uint64_t ms_since(const struct net *net, uint64_t ns)
{
    return net->now_ns > ns ? (net->now_ns - ns) / 1000000 : 0;
}

/* capture-layer 3.5: whether the hole at half->next has been waited for long enough. */
static bool is_due(const struct net *net, const struct flow *flow, struct half *half,
                   const struct half *peer)
{
    if (half->packets == 0) {
        return peer->packets >= ABSENT_PACKETS || ms_since(net, peer->first_ns) >= ABSENT_MS;
    }
    bool acked = is_acked(half);
    if (half->hole_at != half->next || half->hole_acked != acked) {
        half->hole_at = half->next;
        half->hole_acked = acked;
        half->hole_ns = net->now_ns;
        half->hole_packets = flow->packets;
    }
    uint64_t waited_ms = ms_since(net, half->hole_ns);
    bool much = half->queued + peer->queued >= LIMIT_HOLE_WAIT_ACKED_OCTETS;
    if (acked) {
        return much || waited_ms >= LIMIT_HOLE_WAIT_ACKED_MS ||
               flow->packets - half->hole_packets >= LIMIT_HOLE_WAIT_ACKED_PACKETS;
    }
    if (peer->packets == 0) {
        return much || waited_ms >= LIMIT_HOLE_WAIT_ONE_SIDED_MS;
    }
    return waited_ms >= net->options.hole_wait_unacked_ms;
}

/* Gives up the hole [half->next, end). */
static int give_up(struct net *net, struct flow *flow, unsigned side, uint64_t end,
                   enum gap_cause cause)
{
    struct half *half = &flow->tcp->half[side];
    const struct piece *after = tree_first(&half->tree);
    if (half->packets == 0) {
        half->absent = true; /* one direction only: nothing is said of the other */
        return FLOW_MORE;
    }
    if (after == NULL && end == half->next + 1 && half->next == half->high) {
        /* One octet that nobody ever sent is the FIN of a packet that is not in the capture. */
        half->phantom = true;
        return FLOW_MORE;
    }
    struct pos before = half->last;
    struct pos behind = after != NULL ? after->pos : before;
    before.after_drops = after == NULL && net->drops_at > half->seen;
    return pump_gap(net, flow, side, end - half->next, cause, before.packet != 0 ? &before : NULL,
                    after != NULL ? &behind : NULL);
}

/* Whether a limit says that this side's hole is not to be waited for: the side has too much queued
 * behind it, or the other has, which waits for this one. */
static bool is_forced(const struct net *net, const struct flow *flow, unsigned side)
{
    const struct half *half = &flow->tcp->half[side];
    const struct half *peer = &flow->tcp->half[1 - side];
    return over_limit(net, half) || (over_limit(net, peer) && hole_end(peer) == 0);
}

/* Gives up one hole: every one there is when flushing, else one that is due. */
static int give_up_one(struct net *net, struct flow *flow, const enum gap_cause *flush)
{
    for (unsigned side = 0; side < 2; side++) {
        struct half *half = &flow->tcp->half[side];
        uint64_t end = hole_end(half);
        if (end == 0) {
            continue;
        }
        enum gap_cause cause = flush != NULL ? *flush : GAP_UNACKED;
        if (is_acked(half) && cause != GAP_LIMIT) {
            cause = GAP_LOST;
        }
        if (flush == NULL && is_forced(net, flow, side)) {
            cause = GAP_LIMIT;
            net->stats.limits[NET_LIMIT_TCP_QUEUE]++;
            net_note(net, flow, NOTE_QUEUE, side, &half->last, NULL, half->next);
        } else if (flush == NULL && !is_due(net, flow, half, &flow->tcp->half[1 - side])) {
            continue;
        }
        return give_up(net, flow, side, end, cause);
    }
    return NOTHING_DUE;
}

/* ---- the pump ---- */

/* The piece to go next, and its side; NULL: none may. */
static struct piece *choose(const struct flow *flow, unsigned *side)
{
    struct piece *head[2];
    bool ready[2];
    for (unsigned i = 0; i < 2; i++) {
        const struct half *half = &flow->tcp->half[i];
        head[i] = tree_first(&half->tree);
        if (head[i] != NULL && head[i]->start != half->next) {
            head[i] = NULL;
        }
        ready[i] = head[i] != NULL && pump_may_go(flow, i, head[i]->ack);
    }
    /* When neither is ready though both are there, each knows of the other: retransmissions with
     * newer acknowledgements do that. The one that came first goes. */
    if (ready[0] == ready[1] && head[0] != NULL && head[1] != NULL) {
        *side = head[1]->pos.packet < head[0]->pos.packet;
        head[*side]->pos.ordered = head[*side]->pos.ordered && ready[*side];
        return head[*side];
    }
    *side = ready[1];
    return ready[*side] ? head[*side] : NULL;
}

static int run(struct net *net, struct flow *flow, const enum gap_cause *flush)
{
    int rc = FLOW_MORE;
    while (rc == FLOW_MORE) {
        unsigned side;
        struct piece *piece = choose(flow, &side);
        rc = piece != NULL ? deliver(net, flow, side, piece) : give_up_one(net, flow, flush);
    }
    return rc == NOTHING_DUE ? FLOW_MORE : rc;
}

int pump_flush(struct net *net, struct flow *flow, enum gap_cause cause)
{
    return run(net, flow, &cause);
}

/* All flows together have too much queued: of the oldest that wait, the one with most goes. */
static int relieve(struct net *net)
{
    int rc = 0;
    while (rc >= 0 && net->queued > net->options.queued_octets && net->stalled != NULL) {
        struct flow *most = net->stalled;
        struct flow *flow = most;
        uint64_t most_octets = 0;
        for (unsigned i = 0; i < RELIEF_FLOWS; i++, flow = flow->tcp->stalled_next) {
            uint64_t octets = flow->tcp->half[0].queued + flow->tcp->half[1].queued;
            if (octets > most_octets) {
                most_octets = octets;
                most = flow;
            }
        }
        net->stalled = most;
        net->stats.limits[NET_LIMIT_MEMORY]++;
        struct pos first = flow_first(most);
        net_note(net, most, NOTE_MEMORY, 0, &first, NULL, 0);
        rc = pump_flush(net, most, GAP_LIMIT);
        if (rc == FLOW_MORE) {
            pump_unstall(net, most);
        }
    }
    return rc < 0 ? rc : 0;
}

int pump_run(struct net *net, struct flow *flow)
{
    int rc = run(net, flow, NULL);
    if (rc != FLOW_MORE) {
        return rc;
    }
    if (!pump_is_waiting(flow)) {
        pump_unstall(net, flow);
        return FLOW_MORE;
    }
    stall(net, flow);
    if (net->queued > net->options.queued_octets) {
        rc = relieve(net);
    }
    return rc == 0 && flow->tcp == NULL ? FLOW_GONE : rc;
}

static int tick(struct net *net, size_t most)
{
    int rc = 0;
    const struct flow *start = net->stalled;
    for (size_t i = 0; i < most && rc >= 0 && net->stalled != NULL; i++) {
        struct flow *flow = net->stalled;
        if (i > 0 && flow == start) {
            break;
        }
        net->stalled = flow->tcp->stalled_next;
        rc = pump_run(net, flow);
    }
    return rc < 0 ? rc : 0;
}

int pump_tick(struct net *net)
{
    return net->stats.packets % TICK_PACKETS == 0 ? tick(net, TICK_FLOWS) : 0;
}

int pump_tick_all(struct net *net)
{
    return tick(net, net->flow_count);
}
