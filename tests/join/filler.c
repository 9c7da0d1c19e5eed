/* Octets in which no frame begins (support/filler.h), as connections that were joined late: none
 * may be taken for HTTP/2. Then every octet as the first of a segment, and segments that the end
 * follows. usage: filler OCTETS-A-KIND SEED. The seed is printed; exit 1 when anything was found.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "detect/detect.h"
#include "detect/sync.h"
#include "filler.h"
#include "spec/limits.h"

struct heard {
    bool http2, dropped;
};

static struct stream_sink on_http2(void *ctx, const struct connection_info *info,
                                   const struct upgrade_info *upgrade)
{
    struct heard *heard = ctx;
    (void)info, (void)upgrade;
    heard->http2 = true;
    return (struct stream_sink){ NULL, NULL };
}

static void on_other(void *ctx, const struct flow_info *info, const char *name, uint64_t looked)
{
    struct heard *heard = ctx;
    (void)info, (void)name, (void)looked;
    heard->dropped = true;
}

/* One connection: both sides send parts of the filler in segments of any size, with holes now and
 * then, until it is given up. Returns octets used, 0 when it was taken for HTTP/2. */
static size_t connection(struct detect *detect, struct heard *heard, const uint8_t *octets,
                         size_t len, uint64_t *seed)
{
    struct flow_info info = { .id = 1, .client_side = -1, .joined = true };
    info.ends[0] = (struct endpoint){ { 10, 0, 0, 1 }, 4, 40000 };
    info.ends[1] = (struct endpoint){ { 10, 0, 0, 2 }, 4, 50051 };
    struct stream_sink sink = detect_open(detect, &info, NULL);
    struct pos pos = { .packet = 0 };
    bool is_long = filler_next(seed) % 16 == 0;
    size_t at = 0, end = 40 + filler_next(seed) % (is_long ? 2000000 : 3000);
    size_t largest = filler_next(seed) % 3 == 0 ? 60 : 1460;
    end = end < len ? end : len;
    *heard = (struct heard){ .http2 = false };
    while (at < end && !heard->http2 && !heard->dropped) {
        size_t part = 1 + filler_next(seed) % largest;
        unsigned side = filler_next(seed) % 8 == 0;
        part = part < end - at ? part : end - at;
        pos.packet++;
        if (filler_next(seed) % 100 == 0) {
            (void)sink.ops->gap(sink.ctx, side, 0, part, GAP_LOST, NULL, &pos);
        } else {
            (void)sink.ops->bytes(sink.ctx, side, 0, span_of(octets + at, part), &pos);
        }
        at += part;
    }
    for (unsigned side = 0; side < 2; side++) {
        sink.ops->close(sink.ctx, side, CLOSE_END, NULL);
    }
    sink.ops->free(sink.ctx);
    return heard->http2 ? 0 : at;
}

/* Every octet may begin a segment: starts that would have been taken for true. */
static unsigned every_octet(struct mem *mem, const uint8_t *octets, size_t len)
{
    struct sync_options options = { .octets_max = len };
    struct sync *sync = sync_new(mem, &options);
    size_t base = 0;
    enum sync_status status = SYNC_SEARCHING;
    for (size_t at = 1; sync != NULL && at <= len && status != SYNC_FOUND; at++) {
        status = sync_look(sync, span_of(octets + base, at - base), base, true);
        if (at - base >= 2 * LIMIT_SYNC_REPLAY_OCTETS) {
            base = at - (size_t)LIMIT_SYNC_REPLAY_OCTETS;
        }
    }
    sync_free(sync);
    return status == SYNC_FOUND;
}

static bool try_kind(struct mem *mem, enum filler_kind kind, uint8_t *octets, size_t len,
                     uint64_t *seed)
{
    static const struct detect_options options;
    static const struct detect_events events = { .on_http2 = on_http2, .on_other = on_other };
    struct heard heard;
    unsigned connections = 0, wrong = 0;
    if (!filler_make(kind, octets, len, seed)) {
        printf("%-24s not here\n", filler_name(kind));
        return true;
    }
    struct detect *detect = detect_new(mem, &options, &events, &heard);
    for (size_t at = 0; detect != NULL && at < len && wrong == 0; connections++) {
        size_t used = connection(detect, &heard, octets + at, len - at, seed);
        wrong += used == 0;
        at += used;
    }
    detect_free(detect);
    unsigned starts = every_octet(mem, octets, len);
    printf("%-24s %u connections, %u taken for HTTP/2; every octet a segment's first: %u found\n",
           filler_name(kind), connections, wrong, starts);
    return wrong + starts == 0;
}

int main(int argc, char **argv)
{
    struct mem mem;
    size_t len = argc > 1 ? strtoul(argv[1], NULL, 10) : 400000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint8_t *octets = malloc(len);
    bool good = octets != NULL;
    mem_init(&mem, 0);
    printf("seed %" PRIu64 "\n", seed);
    for (enum filler_kind kind = 0; good && kind < FILLER_KINDS; kind++) {
        good = try_kind(&mem, kind, octets, len, &seed);
    }
    free(octets);
    return good && mem.used == 0 ? 0 : 1;
}
