/* Octets as what two sides of a connection say: octet 0 is how it is opened, then steps until the
 * end: pieces of protocols, octets as they stand, holes, ends. Whatever comes, a connection is
 * handed on once or given up once, its octets run on, its ends are told once, and nothing is kept.
 */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "detect/detect.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* What a step can say in few octets. */
#define PIECE(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct {
    const char *octets;
    size_t len;
} pieces[] = {
    PIECE(PREFACE),
    PIECE("\0\0\0\4\0\0\0\0\0"),
    PIECE("\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64"),
    PIECE("\0\0\0\4\1\0\0\0\0"),
    PIECE("\0\0\3\1\5\0\0\0\1\x82\x86\x84"),
    PIECE("\0\0\1\1\4\0\0\0\1\x88"),
    PIECE("\0\0\4\x08\0\0\0\0\0\0\0\x10\0"),
    PIECE("\0\0\5\0\1\0\0\0\1hello"),
    PIECE("\0\0\7\0\0\0\0\0\1\0\0\0\0\2hi"),
    PIECE("\0\0\x08\6\0\0\0\0\0abcdefgh"),
    PIECE("\x16\3\1\0\x2c\1\0\0\x28"),
    PIECE("\x17\3\3\0\x20"),
    PIECE("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    PIECE("GET /a HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"),
    PIECE("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
    PIECE("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    PIECE("CONNECT a.test:443 HTTP/1.1\r\n\r\n"),
    PIECE("HTTP/1.1 200 Connection established\r\n\r\n"),
    PIECE("HTTP/1.1 407 No\r\nContent-Length: 300\r\n\r\n"),
    PIECE("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"),
    PIECE("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xdc\4\1\xbb"),
    PIECE("\r\n\r\n\0\r\nQUIT\n\x20\0\2\0"),
    PIECE("\5\1\0"),
    PIECE("\5\0"),
    PIECE("\5\1\0\3\6a.test\1\xbb"),
    PIECE("\5\0\0\1\0\0\0\0\0\0"),
    PIECE("\4\1\0\x50\0\0\0\1me\0a.test\0"),
    PIECE("\0\x5a\0\0\0\0\0\0"),
    PIECE("\0\0\0\x08\4\xd2\x16\x2f"),
    PIECE("S"),
};

/* What became of the connection. */
struct heard {
    unsigned opened, dropped, freed, closed[2];
    uint64_t off[2];
    bool refuse; /* nobody takes it */
};

static int heard_bytes(void *ctx, unsigned side, uint64_t off, struct span octets,
                       const struct pos *pos)
{
    struct heard *heard = ctx;
    assert(octets.len > 0 && pos->packet > 0 && off == heard->off[side]);
    heard->off[side] += octets.len;
    return SINK_MORE;
}

static int heard_gap(void *ctx, unsigned side, uint64_t off, uint64_t len, enum gap_cause cause,
                     const struct pos *before, const struct pos *after)
{
    struct heard *heard = ctx;
    (void)cause, (void)before, (void)after;
    assert(len > 0 && off == heard->off[side]);
    heard->off[side] += len;
    return SINK_MORE;
}

static void heard_close(void *ctx, unsigned side, enum close_cause cause, const struct pos *pos)
{
    struct heard *heard = ctx;
    (void)cause, (void)pos;
    assert(heard->closed[side] == 0);
    heard->closed[side]++;
}

static void heard_free(void *ctx)
{
    struct heard *heard = ctx;
    heard->freed++;
}

static struct stream_sink take(struct heard *heard)
{
    static const struct stream_sink_ops ops = { heard_bytes, heard_gap, heard_close, heard_free };
    struct stream_sink nobody = { NULL, NULL };
    heard->opened++;
    return heard->refuse ? nobody : (struct stream_sink){ &ops, heard };
}

static struct stream_sink on_http2(void *ctx, const struct connection_info *info,
                                   const struct upgrade_info *upgrade)
{
    assert(info->via == NULL || (info->via->count > 0 && info->via->count <= VIA_MAX));
    assert(upgrade == NULL || info->start == START_UPGRADE);
    return take(ctx);
}

static struct stream_sink on_tls(void *ctx, const struct flow_info *info,
                                 const struct tls_facts *outer)
{
    struct heard *heard = ctx;
    (void)outer;
    assert(info->client_side >= 0);
    struct stream_sink sink = take(ctx);
    heard->opened -= heard->refuse; /* it is given up then, as TLS */
    return sink;
}

static void on_other(void *ctx, const struct flow_info *info, const char *name, uint64_t looked)
{
    struct heard *heard = ctx;
    (void)info, (void)looked;
    assert(name != NULL && name[0] != '\0');
    heard->dropped++;
}

/* One step; false when its octets would be the end. */
static bool step(struct cur *cur, struct stream_sink *sink, struct pos *pos, bool closed[2])
{
    static uint8_t zeros[65536];
    uint8_t kind = cur_u8(cur);
    unsigned side = kind & 1;
    int answer = SINK_MORE;
    pos->packet += kind >> 1 & 1;
    if (closed[side]) {
        return true;
    }
    switch (kind >> 5) {
    default: {
        size_t i = (kind >> 2) % H2D_COUNT_OF(pieces);
        answer =
            sink->ops->bytes(sink->ctx, side, 0, span_of(pieces[i].octets, pieces[i].len), pos);
        break;
    }
    case 4: { /* the same piece, over and over */
        size_t i = cur_u8(cur) % H2D_COUNT_OF(pieces);
        for (unsigned n = cur_u8(cur); n > 0 && answer == SINK_MORE; n--) {
            pos->packet++;
            answer =
                sink->ops->bytes(sink->ctx, side, 0, span_of(pieces[i].octets, pieces[i].len), pos);
        }
        break;
    }
    case 5: {
        struct span octets = cur_take(cur, num_min_size(cur_u8(cur), cur_left(cur)));
        if (octets.len > 0) {
            answer = sink->ops->bytes(sink->ctx, side, 0, octets, pos);
        }
        break;
    }
    case 6:
        answer = (kind & 4) != 0
                     ? sink->ops->gap(sink->ctx, side, 0, 1u + cur_u8(cur), GAP_LOST, NULL, pos)
                     : sink->ops->bytes(sink->ctx, side, 0, span_of(zeros, 1u + 255u * cur_u8(cur)),
                                        pos);
        break;
    case 7:
        sink->ops->close(sink->ctx, side, CLOSE_FIN, NULL);
        closed[side] = true;
        break;
    }
    return answer == SINK_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
    static const struct detect_events events = { on_tls, on_http2, on_other };
    struct mem mem, held;
    struct heard heard = { .opened = 0 };
    struct cur cur = cur_of(len > 0 ? span_of(octets, len) : span_empty());
    uint8_t how = cur_u8(&cur);
    mem_init(&mem, 0);
    mem_init(&held, (how & 0x40) != 0 ? 1u << 17 : 0);
    struct detect_options options = { .in_step = (how & 8) != 0,
                                      .sync_octets = (how & 0x10) != 0 ? 4096 : 0,
                                      .held_mem = &held };
    options.forced_ports[80 / 8] = (how & 4) != 0 ? 1 : 0;
    heard.refuse = (how & 0x80) != 0;
    struct detect *detect = detect_new(&mem, &options, &events, &heard);
    struct tls_facts tls = { .depth = 1, .version = "TLS 1.3", .cipher = "", .keys = true };
    struct flow_info info = { .id = 1, .client_side = (how & 1) - 1, .joined = (how & 2) != 0 };
    info.ends[0] = (struct endpoint){ { 10, 0, 0, 1 }, 4, 40000 };
    info.ends[1] = (struct endpoint){ { 10, 0, 0, 2 }, 4, 80 };
    struct stream_sink sink = detect_open(detect, &info, (how & 0x20) != 0 ? &tls : NULL);
    struct pos pos = { .packet = 1 };
    bool closed[2] = { false, false };
    while (cur_left(&cur) > 0 && step(&cur, &sink, &pos, closed)) {
    }
    sink.ops->free(sink.ctx);
    assert(heard.opened + heard.dropped == 1);
    assert(heard.freed == (heard.opened == 1 && !heard.refuse));
    detect_free(detect);
    assert(mem.used == 0 && held.used == 0);
    return 0;
}
