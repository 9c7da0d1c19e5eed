#include "net/net_int.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "spec/limits.h"

#define QUIC_PAIRS_MIN 64

void net_options_init(struct net_options *options)
{
    *options = (struct net_options){
        .key = siphash_key_make(true),
        .max_flows = LIMIT_FLOWS,
        .tcp_queue_octets = LIMIT_TCP_QUEUE_OCTETS,
        .tcp_pieces = LIMIT_TCP_PIECES,
        .queued_octets = LIMIT_QUEUED_OCTETS,
        .hole_wait_unacked_ms = LIMIT_HOLE_WAIT_UNACKED_MS,
    };
}

struct net *net_new(struct mem *mem, const struct net_options *options,
                    const struct net_events *events, void *ctx)
{
    struct net *net = mem_zalloc(mem, 1, sizeof *net);
    if (net != NULL) {
        net->mem = mem;
        net->options = *options;
        net->events = *events;
        net->ctx = ctx;
        frag_init(&net->frag, mem, &net->options.key, &net->stats);
    }
    return net;
}

void net_free(struct net *net)
{
    if (net == NULL) {
        return;
    }
    for (size_t state = 0; state < FLOW_STATES; state++) {
        while (net->lists[state].first != NULL) {
            flow_free(net, net->lists[state].first);
        }
    }
    frag_fini(&net->frag);
    mem_free(net->mem, net->views);
    mem_free(net->mem, net->buckets);
    mem_free(net->mem, net->quic);
    mem_free(net->mem, net);
}

/* ---- notes ---- */

enum check net_limit_check(enum net_limit limit)
{
    static const enum check checks[NET_LIMITS] = {
        [NET_LIMIT_FLOWS] = CHECK_LIMIT_FLOWS,     [NET_LIMIT_TCP_QUEUE] = CHECK_LIMIT_TCP_QUEUE,
        [NET_LIMIT_MEMORY] = CHECK_LIMIT_MEMORY,   [NET_LIMIT_FRAGMENTS] = CHECK_LIMIT_FRAGMENTS,
        [NET_LIMIT_TUNNELS] = CHECK_LIMIT_TUNNELS,
    };
    return checks[limit];
}

static enum check note_check(enum flow_note kind)
{
    switch (kind) {
    case NOTE_OVERLAP:
        return CHECK_CAPTURE_OVERLAP_CONFLICT;
    case NOTE_QUEUE:
        return CHECK_LIMIT_TCP_QUEUE;
    case NOTE_FLOWS:
        return CHECK_LIMIT_FLOWS;
    case NOTE_URGENT:
        return CHECK_CAPTURE_URGENT;
    case NOTE_CHECKSUM:
        return CHECK_CAPTURE_CHECKSUM;
    case NOTE_WINDOW:
        return CHECK_CAPTURE_OUT_OF_WINDOW;
    case NOTE_MEMORY:
        break;
    }
    return CHECK_LIMIT_MEMORY;
}

static void note_text(const struct net *net, enum flow_note kind, char *text, size_t len,
                      const struct pos *first, const struct pos *last, uint64_t off)
{
    static const char *const sums[] = {
        [SUMS_UNKNOWN] = "",
        [SUMS_WRONG_IP] = "wrong IP checksum",
        [SUMS_WRONG_TCP] = "wrong TCP checksum",
        [SUMS_UNSET_TCP] = "TCP checksum left to the network card (captured before it was sent)",
    };
    switch (kind) {
    case NOTE_OVERLAP:
        (void)snprintf(text, len,
                       "retransmission with other content at offset %" PRIu64 " (packets %" PRIu64
                       ", %" PRIu64 ")",
                       off, first->packet, last->packet);
        break;
    case NOTE_QUEUE:
        (void)snprintf(text, len,
                       "more than %" PRIu64 " octets or %" PRIu64
                       " pieces wait behind the hole at offset %" PRIu64 "; it was given up",
                       net->options.tcp_queue_octets, net->options.tcp_pieces, off);
        break;
    case NOTE_FLOWS:
        (void)snprintf(text, len,
                       "more than %" PRIu64
                       " connections; this one was silent longest and is not followed further",
                       net->options.max_flows);
        break;
    case NOTE_MEMORY:
        (void)snprintf(text, len,
                       "more than %" PRIu64
                       " octets wait behind holes in all connections; those of this one were given"
                       " up",
                       net->options.queued_octets);
        break;
    case NOTE_URGENT:
        (void)snprintf(text, len,
                       "urgent data at offset %" PRIu64
                       "; it is shown in line, a receiver may have taken an octet out of it",
                       off);
        break;
    case NOTE_CHECKSUM:
        (void)snprintf(text, len, "%s", sums[off < H2D_COUNT_OF(sums) ? off : 0]);
        break;
    case NOTE_WINDOW:
        (void)snprintf(text, len,
                       "a segment so far ahead that it is not of this connection was left out");
        break;
    }
}

static void tell_note(struct net *net, const struct flow *flow, enum check check, unsigned side,
                      const struct pos *first, const struct pos *last, const char *text)
{
    struct flow_info info;
    struct finding note = { .check = check,
                            .severity = SEVERITY_NOTE,
                            .confidence = CONFIDENCE_CERTAIN,
                            .dir = (enum dir)side,
                            .first = *first,
                            .last = last != NULL ? *last : *first,
                            .message = text };
    flow_info_fill(flow, &info);
    net->events.on_note(net->ctx, &info, &note);
}

void net_note(struct net *net, struct flow *flow, enum flow_note kind, unsigned side,
              const struct pos *first, const struct pos *last, uint64_t off)
{
    char text[200];
    if ((flow->notes & kind) != 0 || net->events.on_note == NULL) {
        return;
    }
    flow->notes |= (uint8_t)kind;
    note_text(net, kind, text, sizeof text, first, last != NULL ? last : first, off);
    tell_note(net, flow, note_check(kind), side, first, last, text);
}

static void put_end(char *text, size_t size, const struct endpoint *end)
{
    char ip[INET6_ADDRSTRLEN] = "";
    bool v6 = end->ip_len == 16;
    (void)inet_ntop(v6 ? AF_INET6 : AF_INET, end->ip, ip, sizeof ip);
    (void)snprintf(text, size, v6 ? "[%s]:%u" : "%s:%u", ip, end->port);
}

void net_note_view(struct net *net, struct flow *flow, const struct other_view *view,
                   const struct pos *pos)
{
    char text[200], client[64], server[64];
    if (net->events.on_note == NULL) {
        return;
    }
    put_end(client, sizeof client, &view->client);
    put_end(server, sizeof server, &view->server);
    (void)snprintf(text, sizeof text, "also seen as %s > %s", client, server);
    tell_note(net, flow, CHECK_CAPTURE_VIEW, 0, pos, NULL, text);
}

/* ---- UDP ---- */

/* A long header of QUIC version 1 or 2 (RFC 8999 5.1, RFC 9369): form and fixed bit, the version,
 * and two connection ids of at most 20 octets. */
static bool is_quic(struct span payload)
{
    struct cur cur = cur_of(payload);
    uint8_t first = cur_u8(&cur);
    uint32_t version = cur_u32(&cur);
    uint8_t to_len = cur_u8(&cur);
    cur_skip(&cur, to_len);
    uint8_t from_len = cur_u8(&cur);
    cur_skip(&cur, from_len);
    return (first & 0xc0) == 0xc0 && (version == 1 || version == 0x6b3343cf) && to_len <= 20 &&
           from_len <= 20 && cur_ok(&cur);
}

/* Puts a hash into the set; false: it was there. cap is a power of two with room. */
static bool quic_put(uint64_t *set, size_t cap, uint64_t hash)
{
    size_t at = hash & (cap - 1);
    while (set[at] != 0 && set[at] != hash) {
        at = (at + 1) & (cap - 1);
    }
    bool is_new = set[at] == 0;
    set[at] = hash;
    return is_new;
}

/* Counts address pairs with QUIC, up to as many as flows are followed. */
static int count_quic(struct net *net, const struct segment *segment)
{
    struct flow_key key;
    unsigned side;
    if (net->stats.quic_flows >= net->options.max_flows) {
        return 0;
    }
    if (net->stats.quic_flows * 2 >= net->quic_cap) {
        size_t cap = net->quic_cap == 0 ? QUIC_PAIRS_MIN : net->quic_cap * 2;
        uint64_t *set = mem_zalloc(net->mem, cap, sizeof *set);
        if (set == NULL) {
            return RC_NOMEM;
        }
        for (size_t i = 0; i < net->quic_cap; i++) {
            if (net->quic[i] != 0) {
                (void)quic_put(set, cap, net->quic[i]);
            }
        }
        mem_free(net->mem, net->quic);
        net->quic = set;
        net->quic_cap = cap;
    }
    flow_key_make(&key, segment, &side);
    uint64_t hash = flow_hash(net, &key);
    net->stats.quic_flows += quic_put(net->quic, net->quic_cap, hash | 1);
    return 0;
}

/* ---- packets ---- */

static void count_unsupported(struct net_stats *stats, uint16_t link_type)
{
    size_t i = 0;
    while (i < stats->unsupported_count && stats->unsupported[i].link_type != link_type) {
        i++;
    }
    if (i == NET_LINK_TYPES_MAX) {
        return;
    }
    if (i == stats->unsupported_count) {
        stats->unsupported_count++;
        stats->unsupported[i].link_type = link_type;
    }
    stats->unsupported[i].packets++;
}

int net_tcp(struct net *net, struct segment *segment, const struct pos *pos)
{
    struct net_stats *stats = &net->stats;
    if (H2D_UNLIKELY(net->options.check_sums)) {
        checksum_look(stats, segment);
    }
    stats->tcp_packets++;
    stats->payload_octets += segment->wire_len;
    if (net_cut_cause(net, pos) == GAP_SNAPLEN) {
        stats->payload_cut_octets += segment->wire_len - segment->payload.len;
    }
    struct pos ordered = *pos;
    ordered.ordered = true; /* pump.c sees to it, or takes it back */
    return tcp_segment(net, segment, &ordered);
}

int net_udp(struct net *net, const struct segment *segment)
{
    struct cur cur = segment->rest.cur;
    return is_quic(cur_rest(&cur)) ? count_quic(net, segment) : 0;
}

static int take_packet(struct net *net, const struct packet *packet)
{
    struct segment segment;
    enum ip_answer answer = ip_decode(packet, &segment);
    if (H2D_LIKELY(answer == IP_TCP)) {
        return net_tcp(net, &segment, &packet->pos);
    }
    if (answer == IP_UNSUPPORTED) {
        count_unsupported(&net->stats, packet->link_type);
        return 0;
    }
    return decap_packet(net, answer, &segment, &packet->pos);
}

int net_packet(struct net *net, const struct packet *packet)
{
    net->stats.packets++;
    net->packet_flow = 0;
    net->partial = packet->partial ? packet->pos.packet : 0;
    if (packet->pos.ts_known) {
        net->now_ns = packet->pos.ts_ns;
    }
    if (H2D_UNLIKELY(packet->drops > 0)) {
        net->drops_at = packet->pos.packet;
    }
    int rc = take_packet(net, packet);
    if (H2D_UNLIKELY(net->lists[FLOW_CLOSED].first != NULL)) {
        flow_reap(net);
    }
    if (H2D_UNLIKELY(rc == 0 && net->stalled != NULL)) {
        rc = pump_tick(net);
    }
    return rc;
}

int net_tick(struct net *net, uint64_t now_ns)
{
    net->now_ns = now_ns > net->now_ns ? now_ns : net->now_ns;
    flow_reap(net);
    return pump_tick_all(net);
}

uint64_t net_packet_flow(const struct net *net)
{
    return net->packet_flow;
}

int net_end(struct net *net)
{
    int rc = 0;
    frag_fini(&net->frag);
    for (size_t state = 0; state < FLOW_STATES; state++) {
        while (net->lists[state].first != NULL && rc >= 0) {
            rc = flow_end(net, net->lists[state].first, GAP_END, CLOSE_END);
        }
    }
    return rc;
}

const struct net_stats *net_stats(const struct net *net)
{
    return &net->stats;
}
