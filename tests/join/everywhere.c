/* Joins the connections of captures at every octet (or every n-th) of a window, in either
 * direction, and holds what detect/ finds against what is known from the beginning: frames must
 * begin where they do, and the client must be the client. usage: everywhere STEP CAPTURE... (STEP
 * 0: segment starts only). Exit 1 when anything false was found, or nothing at all. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "detect/detect.h"
#include "detect/looks.h"
#include "h2/frames.h"
#include "input/input.h"
#include "net/net.h"

#define WINDOW      65536
#define EVENTS_MAX  65536
#define SIDE_OCTETS (4u << 20)
#define CONNECTIONS 256

/* Octets of one segment, as TCP gave them. */
struct event {
    unsigned side;
    size_t off, len;
    struct pos pos;
};

struct connection {
    struct flow_info info;
    struct event *events;
    size_t count;
    uint8_t *octets[2];
    bool *boundary[2]; /* by offset: a frame begins here */
    size_t len[2];
    bool holed;
};

struct reader {
    struct connection conns[CONNECTIONS];
    size_t count;
};

/* What the detector said in one try. */
struct heard {
    bool http2, dropped;
    struct connection_info info;
};

struct totals {
    uint64_t tries, found, false_start, false_role, silent, cut_start;
    uint64_t skipped_max;
};

static void *must(void *ptr)
{
    if (ptr == NULL) {
        fprintf(stderr, "everywhere: out of memory\n");
        exit(2);
    }
    return ptr;
}

/* ---- reading a capture ---- */

static int keep_bytes(void *ctx, unsigned side, uint64_t off, struct span octets,
                      const struct pos *pos)
{
    struct connection *c = ctx;
    (void)off;
    if (c->count == EVENTS_MAX || c->len[side] + octets.len > SIDE_OCTETS) {
        return SINK_IGNORE;
    }
    memcpy(c->octets[side] + c->len[side], octets.ptr, octets.len);
    c->events[c->count++] = (struct event){ side, c->len[side], octets.len, *pos };
    c->len[side] += octets.len;
    return SINK_MORE;
}

static int keep_gap(void *ctx, unsigned side, uint64_t off, uint64_t len, enum gap_cause cause,
                    const struct pos *before, const struct pos *after)
{
    struct connection *c = ctx;
    (void)side, (void)off, (void)len, (void)cause, (void)before, (void)after;
    c->holed = true;
    return SINK_IGNORE;
}

static void keep_close(void *ctx, unsigned side, enum close_cause cause, const struct pos *pos)
{
    (void)ctx, (void)side, (void)cause, (void)pos;
}

static void keep_free(void *ctx)
{
    (void)ctx;
}

static struct stream_sink on_open(void *ctx, const struct flow_info *info)
{
    static const struct stream_sink_ops ops = { keep_bytes, keep_gap, keep_close, keep_free };
    struct reader *r = ctx;
    struct stream_sink sink = { NULL, NULL };
    if (r->count == CONNECTIONS || info->joined) {
        return sink;
    }
    struct connection *c = &r->conns[r->count++];
    c->info = *info;
    c->info.via = NULL;
    c->events = must(malloc(EVENTS_MAX * sizeof(*c->events)));
    for (unsigned side = 0; side < 2; side++) {
        c->octets[side] = must(malloc(SIDE_OCTETS));
    }
    return (struct stream_sink){ &ops, c };
}

static void on_note(void *ctx, const struct flow_info *info, const struct finding *note)
{
    (void)ctx, (void)info, (void)note;
}

static bool read_capture(struct mem *mem, const char *path, struct reader *r)
{
    static const struct net_events events = { on_open, on_note };
    struct input_options input_options = { .raw = false };
    struct net_options net_options;
    struct err err;
    struct input *input;
    struct packet packet;
    net_options_init(&net_options);
    if (input_open(mem, path, &input_options, &input, &err) != RC_OK) {
        return false;
    }
    struct net *net = must(net_new(mem, &net_options, &events, r));
    int rc = 0;
    while (rc == 0 && input_next_packet(input, &packet, &err) == RC_OK) {
        rc = net_packet(net, &packet);
    }
    rc = rc == 0 ? net_end(net) : rc;
    net_free(net);
    input_close(input);
    return rc == 0;
}

/* Marks where frames begin; false: it is not HTTP/2 from its first octet on. */
static bool mark(struct connection *c)
{
    unsigned client = (unsigned)c->info.client_side;
    if (c->holed || c->len[client] < H2_PREFACE_LEN ||
        memcmp(c->octets[client], h2_preface, H2_PREFACE_LEN) != 0) {
        return false;
    }
    for (unsigned side = 0; side < 2; side++) {
        size_t off = side == client ? H2_PREFACE_LEN : 0;
        c->boundary[side] = must(calloc(c->len[side] + 1, sizeof(bool)));
        while (off + H2_FRAME_HEADER_LEN <= c->len[side]) {
            c->boundary[side][off] = true;
            off += H2_FRAME_HEADER_LEN + num_be24(c->octets[side] + off);
        }
        if (off <= c->len[side]) {
            c->boundary[side][off] = true;
        }
    }
    return true;
}

/* ---- joining ---- */

static int drop_bytes(void *ctx, unsigned side, uint64_t off, struct span octets,
                      const struct pos *pos)
{
    (void)ctx, (void)side, (void)off, (void)octets, (void)pos;
    return SINK_IGNORE;
}

static struct stream_sink on_http2(void *ctx, const struct connection_info *info,
                                   const struct upgrade_info *upgrade)
{
    static const struct stream_sink_ops ops = { drop_bytes, keep_gap, keep_close, keep_free };
    static struct connection nobody;
    struct heard *heard = ctx;
    (void)upgrade;
    heard->http2 = true;
    heard->info = *info;
    return (struct stream_sink){ &ops, &nobody };
}

static void on_other(void *ctx, const struct flow_info *info, const char *name, uint64_t looked)
{
    struct heard *heard = ctx;
    (void)info, (void)name, (void)looked;
    heard->dropped = true;
}

/* cut_side: which begins inside a segment; 2: neither. */
static void judge(const struct connection *c, const size_t from[2], unsigned cut_side,
                  const struct heard *heard, const char *path, struct totals *t)
{
    unsigned client = (unsigned)c->info.client_side;
    bool roles = heard->info.client.port == c->info.ends[client].port &&
                 memcmp(heard->info.client.ip, c->info.ends[client].ip, 16) == 0;
    t->found++;
    if (!roles) {
        t->false_role++;
        printf("%s: connection %" PRIu64
               " joined at %zu and %zu: the client is taken for the server\n",
               path, c->info.id, from[0], from[1]);
        return;
    }
    for (unsigned side = 0; side < 2; side++) {
        const struct join_point *at = &heard->info.join[side == client ? DIR_C2S : DIR_S2C];
        size_t off = from[side] + (size_t)at->skipped;
        const char *name;
        /* Where HTTP/2 began to be seen with a beginning, only that beginning is said to be in
         * step. */
        bool searched = heard->info.start != START_MID_STREAM && at->skipped == 0 &&
                        (off == 0 || look_at(span_of(c->octets[side] + off, c->len[side] - off),
                                             true, &name) != LOOK_SETTINGS);
        bool wrong = !at->lost && !searched && !(off <= c->len[side] && c->boundary[side][off]);
        if (wrong && at->skipped == 0 && side == cut_side) {
            t->cut_start++; /* our cut was taken for a segment's first octet, as it had to be */
        } else if (wrong) {
            t->false_start++;
            printf("%s: connection %" PRIu64
                   " joined at %zu and %zu: no frame begins at %zu (start %d)\n",
                   path, c->info.id, from[0], from[1], off, (int)heard->info.start);
        }
        t->skipped_max = !at->lost && at->skipped > t->skipped_max ? at->skipped : t->skipped_max;
    }
}

/* Joins behind `skip` octets of event `first`. */
static void join_at(struct mem *mem, const struct connection *c, size_t first, size_t skip,
                    const char *path, struct totals *t)
{
    static const struct detect_events events = { .on_http2 = on_http2, .on_other = on_other };
    static const struct detect_options options;
    struct heard heard = { .http2 = false };
    struct detect *detect = must(detect_new(mem, &options, &events, &heard));
    struct flow_info info = c->info;
    size_t from[2] = { c->len[0], c->len[1] };
    info.client_side = -1;
    info.joined = true;
    struct stream_sink sink = detect_open(detect, &info, NULL);
    must(sink.ctx);
    t->tries++;
    for (size_t i = first; i < c->count && !heard.http2 && !heard.dropped; i++) {
        const struct event *e = &c->events[i];
        size_t cut = i == first ? skip : 0;
        from[e->side] = e->off + cut < from[e->side] ? e->off + cut : from[e->side];
        (void)sink.ops->bytes(sink.ctx, e->side, 0,
                              span_of(c->octets[e->side] + e->off + cut, e->len - cut), &e->pos);
    }
    for (unsigned side = 0; side < 2 && !heard.http2 && !heard.dropped; side++) {
        sink.ops->close(sink.ctx, side, CLOSE_END, NULL);
    }
    sink.ops->free(sink.ctx);
    detect_free(detect);
    if (heard.http2) {
        judge(c, from, skip > 0 ? c->events[first].side : 2, &heard, path, t);
    } else {
        t->silent++;
    }
}

static void join_everywhere(struct mem *mem, const struct connection *c, size_t step,
                            const char *path, struct totals *t)
{
    size_t done[2] = { 0, 0 }, next[2] = { 0, 0 };
    for (size_t i = 0; i < c->count; i++) {
        const struct event *e = &c->events[i];
        if (done[e->side] + e->len > WINDOW) {
            continue;
        }
        done[e->side] += e->len;
        if (step == 0) {
            join_at(mem, c, i, 0, path, t);
            continue;
        }
        for (; next[e->side] < e->off + e->len; next[e->side] += step) {
            join_at(mem, c, i, next[e->side] - e->off, path, t);
        }
    }
}

int main(int argc, char **argv)
{
    struct mem mem;
    struct totals t = { .tries = 0 };
    mem_init(&mem, 0);
    size_t step = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
    for (int i = 2; i < argc; i++) {
        static struct reader reader;
        memset(&reader, 0, sizeof(reader));
        if (!read_capture(&mem, argv[i], &reader)) {
            printf("%s: cannot be read\n", argv[i]);
            continue;
        }
        for (size_t n = 0; n < reader.count; n++) {
            struct connection *c = &reader.conns[n];
            if (mark(c)) {
                join_everywhere(&mem, c, step, argv[i], &t);
            }
            for (unsigned side = 0; side < 2; side++) {
                free(c->octets[side]);
                free(c->boundary[side]);
            }
            free(c->events);
        }
    }
    printf("%" PRIu64 " joins: %" PRIu64 " found, %" PRIu64 " with too little left, %" PRIu64
           " false starts, %" PRIu64 " with client and server swapped; at most %" PRIu64
           " octets skipped; %" PRIu64 " false starts at the cut itself\n",
           t.tries, t.found, t.silent, t.false_start, t.false_role, t.skipped_max, t.cut_start);
    bool often = t.cut_start > t.tries / 1000;
    return t.false_start + t.false_role > 0 || often || t.found == 0 || mem.used != 0;
}
