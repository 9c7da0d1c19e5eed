/* The same connection under several addresses: captured before and after address translation, or
 * inside and outside of a tunnel (capture-layer 2.5). Two random 32-bit numbers, each side's first,
 * that are equal within a second are no chance. */
#include "net/net_int.h"
#include "spec/limits.h"

#define VIEWS_MIN 64

/* Both SYNs of one view lie so near to those of another. */
#define APART_NS UINT64_C(1000000000)

static uint64_t hash_of(const struct net *net, const struct flow *flow)
{
    uint32_t numbers[2] = { flow->isn[flow->client_side], flow->isn[1 - flow->client_side] };
    return siphash_13(&net->options.key, span_of(numbers, sizeof(numbers)));
}

static struct flow **bucket_of(const struct net *net, const struct flow *flow)
{
    return &net->views[hash_of(net, flow) & (net->views_cap - 1)];
}

static bool is_same(const struct flow *a, const struct flow *b)
{
    uint64_t apart =
        a->first_ns > b->first_ns ? a->first_ns - b->first_ns : b->first_ns - a->first_ns;
    return a->isn[a->client_side] == b->isn[b->client_side] &&
           a->isn[1 - a->client_side] == b->isn[1 - b->client_side] && apart <= APART_NS;
}

static bool make_room(struct net *net)
{
    if (net->views_count < net->views_cap) {
        return true;
    }
    size_t old_cap = net->views_cap;
    struct flow **old = net->views;
    size_t cap = old_cap == 0 ? VIEWS_MIN : old_cap * 2;
    struct flow **views = mem_zalloc(net->mem, cap, sizeof(struct flow *));
    if (views == NULL) {
        return false;
    }
    net->views = views;
    net->views_cap = cap;
    for (size_t i = 0; i < old_cap; i++) {
        for (struct flow *flow = old[i]; flow != NULL;) {
            struct flow *next = flow->view_chain;
            struct flow **bucket = bucket_of(net, flow);
            flow->view_chain = *bucket;
            *bucket = flow;
            flow = next;
        }
    }
    mem_free(net->mem, old);
    return true;
}

void views_forget(struct net *net, struct flow *flow)
{
    if (!flow->in_views) {
        return;
    }
    struct flow **link = bucket_of(net, flow);
    while (*link != flow) {
        link = &(*link)->view_chain;
    }
    *link = flow->view_chain;
    flow->in_views = false;
    net->views_count--;
}

void views_free(struct net *net, struct flow *flow)
{
    while (flow->more->views != NULL) {
        struct flow_view *view = flow->more->views;
        flow->more->views = view->next;
        mem_free(net->mem, view);
    }
}

/* The hidden flow is told as a view of the shown one. */
static int tell(struct net *net, struct flow *shown, const struct flow *hidden,
                const struct pos *pos)
{
    struct flow_info info;
    struct flow_more *more = flow_more(net, shown);
    struct flow_view *view = more != NULL ? mem_zalloc(net->mem, 1, sizeof(*view)) : NULL;
    if (view == NULL) {
        return RC_NOMEM;
    }
    flow_info_fill(hidden, &info);
    view->told.client = info.ends[hidden->client_side];
    view->told.server = info.ends[1 - hidden->client_side];
    if (shown->opened) {
        net_note_view(net, shown, &view->told, pos);
    }
    size_t count = 0;
    struct flow_view *last = NULL;
    for (struct flow_view *at = more->views; at != NULL; at = at->next) {
        last = at;
        count++;
    }
    if (count >= LIMIT_VIEWS) {
        mem_free(net->mem, view);
        return 0;
    }
    if (last != NULL) {
        last->next = view;
        last->told.next = &view->told;
    } else {
        more->views = view;
    }
    return 0;
}

static int hide(struct net *net, struct flow *shown, struct flow *hidden, const struct pos *pos)
{
    hidden->hidden = true;
    net->stats.views++;
    int rc = tell(net, shown, hidden, pos);
    if (rc == 0 && hidden->state == FLOW_OPEN) {
        flow_stop(net, hidden, FLOW_IGNORED);
    }
    return rc;
}

int views_meet(struct net *net, struct flow *flow, const struct pos *pos)
{
    if (net->options.all_views || !flow->first_ts_known || flow->in_views) {
        return 0;
    }
    if (!make_room(net)) {
        return RC_NOMEM;
    }
    struct flow **bucket = bucket_of(net, flow);
    struct flow *other = *bucket;
    while (other != NULL && (other->hidden || !is_same(other, flow))) {
        other = other->view_chain;
    }
    flow->view_chain = *bucket;
    *bucket = flow;
    flow->in_views = true;
    net->views_count++;
    if (other == NULL) {
        return 0;
    }
    /* The one that began first is decoded, unless the other gave octets away already. */
    if (!other->opened && flow->id < other->id) {
        return hide(net, flow, other, pos);
    }
    return flow->opened ? 0 : hide(net, other, flow, pos);
}
