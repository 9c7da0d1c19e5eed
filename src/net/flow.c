#include "net/net_int.h"

#include "spec/limits.h"

#define BUCKETS_MIN 256

/* Stragglers of a closed connection are told from a new one for that long. */
#define LINGER_NS UINT64_C(2000000000)

/* ip_len is a constant at each call, so that the copies are plain loads and stores. */
static H2D_ALWAYS_INLINE unsigned fill_key(struct flow_key *key, const struct segment *segment,
                                           size_t ip_len)
{
    int order = memcmp(segment->from, segment->to, ip_len);
    unsigned side = order > 0 || (order == 0 && segment->from_port > segment->to_port);
    memcpy(key->octets, side == 0 ? segment->from : segment->to, ip_len);
    memcpy(key->octets + ip_len, side == 0 ? segment->to : segment->from, ip_len);
    memcpy(key->octets + 2 * ip_len, side == 0 ? &segment->from_port : &segment->to_port, 2);
    memcpy(key->octets + 2 * ip_len + 2, side == 0 ? &segment->to_port : &segment->from_port, 2);
    key->kind = segment->scope * 2 + (ip_len == 16);
    return side;
}

void flow_key_make(struct flow_key *key, const struct segment *segment, unsigned *side)
{
    memset(key, 0, sizeof *key);
    *side = segment->ip_len == 4 ? fill_key(key, segment, 4) : fill_key(key, segment, 16);
}

static bool is_key(const struct flow_key *a, const struct flow_key *b)
{
    uint64_t words[2][sizeof *a / 8];
    uint64_t differ = 0;
    memcpy(words[0], a, sizeof words[0]);
    memcpy(words[1], b, sizeof words[1]);
    for (size_t i = 0; i < H2D_COUNT_OF(words[0]); i++) {
        differ |= words[0][i] ^ words[1][i];
    }
    return differ == 0;
}

uint64_t flow_hash(const struct net *net, const struct flow_key *key)
{
    return siphash_13(&net->options.key, span_of(key, 8 + 2 * flow_key_ip_len(key)));
}

static struct flow **bucket_of(const struct net *net, const struct flow_key *key)
{
    return &net->buckets[flow_hash(net, key) & (net->bucket_count - 1)];
}

struct flow *flow_find(struct net *net, const struct flow_key *key)
{
    if (net->recent != NULL && is_key(&net->recent->key, key)) {
        return net->recent;
    }
    if (net->bucket_count == 0) {
        return NULL;
    }
    struct flow *flow = *bucket_of(net, key);
    while (flow != NULL && !is_key(&flow->key, key)) {
        flow = flow->chain;
    }
    if (flow != NULL) {
        net->recent = flow;
    }
    return flow;
}

/* ---- lists ---- */

static void list_add(struct net *net, struct flow *flow)
{
    struct flow_list *list = &net->lists[flow->state];
    flow->prev = list->last;
    flow->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = flow;
    list->last = flow;
}

static void list_remove(struct net *net, struct flow *flow)
{
    struct flow_list *list = &net->lists[flow->state];
    *(flow->prev != NULL ? &flow->prev->next : &list->first) = flow->next;
    *(flow->next != NULL ? &flow->next->prev : &list->last) = flow->prev;
}

void flow_touch(struct net *net, struct flow *flow)
{
    flow->last_ns = net->now_ns;
    net->packet_flow = flow->id;
    if (flow->next != NULL) {
        list_remove(net, flow);
        list_add(net, flow);
    }
}

/* ---- life ---- */

static bool grow(struct net *net)
{
    size_t count = net->bucket_count == 0 ? BUCKETS_MIN : net->bucket_count * 2;
    struct flow **old = net->buckets;
    size_t old_count = net->bucket_count;
    struct flow **buckets = mem_zalloc(net->mem, count, sizeof(struct flow *));
    if (buckets == NULL) {
        return false;
    }
    net->buckets = buckets;
    net->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct flow *flow = old[i]; flow != NULL;) {
            struct flow *chain = flow->chain;
            struct flow **bucket = bucket_of(net, &flow->key);
            flow->chain = *bucket;
            *bucket = flow;
            flow = chain;
        }
    }
    mem_free(net->mem, old);
    return true;
}

/* One flow too many: a closed one goes first, then one that nobody listens to, then the one that
 * was silent longest. */
static int evict(struct net *net)
{
    static const enum flow_state order[] = { FLOW_CLOSED, FLOW_IGNORED, FLOW_OPEN };
    for (size_t i = 0; i < H2D_COUNT_OF(order); i++) {
        struct flow *flow = net->lists[order[i]].first;
        if (flow == NULL) {
            continue;
        }
        if (order[i] == FLOW_OPEN) {
            net->stats.limits[NET_LIMIT_FLOWS]++;
            struct pos first = flow_first(flow);
            net_note(net, flow, NOTE_FLOWS, 0, &first, NULL, 0);
        }
        return flow_end(net, flow, GAP_LIMIT, CLOSE_EVICTED);
    }
    return 0;
}

struct flow *flow_new(struct net *net, const struct flow_key *key, const struct pos *pos, int *rc)
{
    *rc = net->flow_count >= net->options.max_flows ? evict(net) : 0;
    if (*rc < 0) {
        return NULL;
    }
    *rc = RC_NOMEM;
    if (net->flow_count >= net->bucket_count && !grow(net)) {
        return NULL;
    }
    struct flow *flow = mem_zalloc(net->mem, 1, sizeof *flow);
    struct tcp *tcp = mem_zalloc(net->mem, 1, sizeof *tcp);
    if (flow == NULL || tcp == NULL) {
        mem_free(net->mem, flow);
        mem_free(net->mem, tcp);
        return NULL;
    }
    for (unsigned side = 0; side < 2; side++) {
        tcp->half[side].fin_at = OFF_NONE;
        tcp->half[side].hole_at = OFF_NONE;
    }
    flow->tcp = tcp;
    flow->key = *key;
    struct pos first = pos_begin(pos);
    flow->first_packet = first.packet;
    flow->first_ns = first.ts_ns;
    flow->first_ts_known = first.ts_known;
    flow->id = ++net->stats.tcp_connections;
    flow->last_ns = net->now_ns;
    flow->client_side = -1;
    struct flow **bucket = bucket_of(net, key);
    flow->chain = *bucket;
    *bucket = flow;
    net->flow_count++;
    list_add(net, flow);
    net->recent = flow;
    *rc = 0;
    return flow;
}

/* Pieces, sink: all that only a listener needs. */
static void release(struct net *net, struct flow *flow)
{
    if (flow->tcp != NULL) {
        pump_unstall(net, flow);
        queue_free(net, &flow->tcp->half[0]);
        queue_free(net, &flow->tcp->half[1]);
        mem_free(net->mem, flow->tcp);
        flow->tcp = NULL;
    }
    struct stream_sink sink = flow->sink;
    flow->sink = (struct stream_sink){ NULL, NULL };
    if (sink.ops != NULL && sink.ops->free != NULL) {
        sink.ops->free(sink.ctx);
    }
    if (flow->more != NULL) {
        mem_free(net->mem, flow->more->via);
        flow->more->via = NULL;
    }
}

void flow_stop(struct net *net, struct flow *flow, enum flow_state state)
{
    list_remove(net, flow);
    flow->state = (uint8_t)state;
    list_add(net, flow);
    release(net, flow);
}

void flow_free(struct net *net, struct flow *flow)
{
    struct flow **link = bucket_of(net, &flow->key);
    while (*link != flow) {
        link = &(*link)->chain;
    }
    *link = flow->chain;
    list_remove(net, flow);
    release(net, flow);
    if (net->recent == flow) {
        net->recent = NULL;
    }
    net->flow_count--;
    views_forget(net, flow);
    if (flow->more != NULL) {
        views_free(net, flow);
        mem_free(net->mem, flow->more->tunnels);
        mem_free(net->mem, flow->more);
    }
    mem_free(net->mem, flow);
}

int flow_end(struct net *net, struct flow *flow, enum gap_cause gap, enum close_cause cause)
{
    int rc = flow->tcp != NULL ? pump_flush(net, flow, gap) : 0;
    for (unsigned side = 0; side < 2 && rc >= 0 && flow->tcp != NULL; side++) {
        rc = pump_close(net, flow, side, cause, NULL);
    }
    flow_free(net, flow);
    return rc < 0 ? rc : 0;
}

void flow_reap(struct net *net)
{
    struct flow *flow = net->lists[FLOW_CLOSED].first;
    while (flow != NULL && net->now_ns > flow->last_ns && net->now_ns - flow->last_ns > LINGER_NS) {
        flow_free(net, flow);
        flow = net->lists[FLOW_CLOSED].first;
    }
}

void flow_info_fill(const struct flow *flow, struct flow_info *info)
{
    const struct flow_key *key = &flow->key;
    size_t ip_len = flow_key_ip_len(key);
    *info = (struct flow_info){ .id = flow->id,
                                .client_side = flow->client_side,
                                .joined = flow->joined,
                                .first = flow_first(flow) };
    if (flow->more != NULL) {
        info->via = flow->more->via;
        info->also_seen = flow->more->views != NULL ? &flow->more->views->told : NULL;
    }
    for (size_t side = 0; side < 2; side++) {
        struct endpoint *end = &info->ends[side];
        memcpy(end->ip, key->octets + side * ip_len, ip_len);
        end->ip_len = (uint8_t)ip_len;
        memcpy(&end->port, key->octets + 2 * ip_len + 2 * side, 2);
    }
}

struct pos flow_first(const struct flow *flow)
{
    return (struct pos){ .packet = flow->first_packet,
                         .ts_ns = flow->first_ns,
                         .ts_known = flow->first_ts_known };
}

struct flow_more *flow_more(struct net *net, struct flow *flow)
{
    if (flow->more == NULL) {
        flow->more = mem_zalloc(net->mem, 1, sizeof(*flow->more));
    }
    return flow->more;
}

bool flow_set_tunnels(struct net *net, struct flow *flow, const struct segment *segment)
{
    size_t octets = segment->tunnel_count * sizeof(segment->tunnels[0]);
    struct flow_more *more = flow_more(net, flow);
    struct flow_tunnels *tunnels =
        more != NULL ? mem_alloc(net->mem, sizeof(*tunnels) + octets) : NULL;
    if (tunnels == NULL) {
        return false;
    }
    tunnels->count = segment->tunnel_count;
    memcpy(tunnels->tunnels, segment->tunnels, octets);
    mem_free(net->mem, more->tunnels);
    more->tunnels = tunnels;
    return true;
}

bool flow_tell_tunnels(struct net *net, struct flow *flow)
{
    struct flow_more *more = flow->more;
    if (more == NULL || more->tunnels == NULL || more->via != NULL) {
        return true;
    }
    more->via = mem_zalloc(net->mem, 1, sizeof(*more->via));
    if (more->via == NULL) {
        return false;
    }
    for (size_t i = 0; i < more->tunnels->count; i++) {
        struct via_name *name = &more->via->names[more->via->count++];
        name->len = tunnel_text(&more->tunnels->tunnels[i], name->octets, sizeof(name->octets));
    }
    return true;
}
