/* A listener that holds the network layer to its word: octets of a side come in order and without
 * holes but for the gaps told, each side ends once, nothing comes after the last call. */
#ifndef H2DUMP_TESTS_LISTENER_H
#define H2DUMP_TESTS_LISTENER_H

#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "net/net.h"

/* The fuzzing engine's way in. */
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

struct listener {
    uint64_t next[2];
    bool closed[2];
    int stop_after; /* calls of bytes; negative: never */
};

/* How many listeners are alive, and what all of them were told. */
static unsigned listener_count;
static uint64_t listener_octets;

static int listener_bytes(void *ctx, unsigned side, uint64_t off, struct span octets,
                          const struct pos *pos)
{
    struct listener *listener = ctx;
    assert(side < 2 && !listener->closed[side]);
    assert(off == listener->next[side] && octets.len > 0 && pos->packet > 0);
    for (size_t i = 0; i < octets.len; i++) {
        (void)*(const volatile uint8_t *)(octets.ptr + i); /* a sanitizer looks */
    }
    listener->next[side] += octets.len;
    listener_octets += octets.len;
    return listener->stop_after >= 0 && listener->stop_after-- == 0 ? SINK_IGNORE : SINK_MORE;
}

static int listener_gap(void *ctx, unsigned side, uint64_t off, uint64_t len, enum gap_cause cause,
                        const struct pos *before, const struct pos *after)
{
    struct listener *listener = ctx;
    assert(side < 2 && !listener->closed[side] && cause < GAP_TLS);
    assert(off == listener->next[side] && len > 0);
    assert((before == NULL || before->packet > 0) && (after == NULL || after->packet > 0));
    listener->next[side] += len;
    return SINK_MORE;
}

static void listener_close(void *ctx, unsigned side, enum close_cause cause, const struct pos *pos)
{
    struct listener *listener = ctx;
    (void)cause, (void)pos;
    assert(side < 2 && !listener->closed[side]);
    listener->closed[side] = true;
}

static void listener_free(void *ctx)
{
    listener_count--;
    free(ctx);
}

static const struct stream_sink_ops listener_ops = { listener_bytes, listener_gap, listener_close,
                                                     listener_free };

/* Every fifth connection is of no interest, every seventh only for a while. */
static struct stream_sink listener_open(void *ctx, const struct flow_info *info)
{
    (void)ctx;
    assert(info->id > 0 && info->client_side < 2 && info->ends[0].ip_len == info->ends[1].ip_len);
    if (info->id % 5 == 0) {
        return (struct stream_sink){ NULL, NULL };
    }
    struct listener *listener = calloc(1, sizeof *listener);
    assert(listener != NULL);
    listener->stop_after = info->id % 7 == 0 ? (int)(info->id % 4) : -1;
    listener_count++;
    return (struct stream_sink){ &listener_ops, listener };
}

static void listener_note(void *ctx, const struct flow_info *info, const struct finding *note)
{
    (void)ctx;
    assert(info->id > 0 && note->message != NULL && note->check < CHECK_COUNT);
}

static const struct net_events listener_events = { listener_open, listener_note };

/* A net with limits small enough to be met. */
static inline struct net *listener_net(struct mem *mem, unsigned limits)
{
    struct net_options options;
    net_options_init(&options);
    listener_octets = 0;
    if ((limits & 1) != 0) {
        options.max_flows = 2;
        options.tcp_queue_octets = 1000;
    }
    if ((limits & 2) != 0) {
        options.tcp_pieces = 4;
        options.queued_octets = 2000;
    }
    options.check_sums = (limits & 4) != 0;
    options.overlap_last = (limits & 8) != 0;
    options.all_views = (limits & 16) != 0;
    struct net *net = net_new(mem, &options, &listener_events, NULL);
    assert(net != NULL);
    return net;
}

/* Ends the net: all is accounted for, nothing is left. */
static inline void listener_end(struct net *net, const struct mem *mem, size_t used_before)
{
    int rc = net_end(net);
    const struct net_stats *stats = net_stats(net);
    assert(rc == 0 && listener_count == 0);
    assert(listener_octets <= stats->payload_octets - stats->payload_cut_octets);
    net_free(net);
    assert(mem->used == used_before);
}

#endif
