/* A TLS connection whose secrets are known: octets of both sides, cut anywhere, with gaps, in any
 * order, good records among them. What comes out must be in order, and everything must be given
 * back. Octet 0: flags. Then steps of an octet each: what comes, from which side, how long. */
#include <assert.h>
#include <string.h>

#include "../unit/rfc8448.h"
#include "tls/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

#define LINE(label, secret) label " " RFC8448_RANDOM " " secret "\n"
static const char all_secrets[] = LINE("CLIENT_HANDSHAKE_TRAFFIC_SECRET", RFC8448_CLIENT_HANDSHAKE)
    LINE("SERVER_HANDSHAKE_TRAFFIC_SECRET", RFC8448_SERVER_HANDSHAKE)
        LINE("CLIENT_TRAFFIC_SECRET_0", RFC8448_CLIENT_TRAFFIC) LINE("SERVER_TRAFFIC_SECRET_0",
                                                                     RFC8448_SERVER_TRAFFIC)
            LINE("CLIENT_EARLY_TRAFFIC_SECRET", RFC8448_SERVER_TRAFFIC)
                LINE("CLIENT_RANDOM", RFC8448_SERVER_TRAFFIC "00112233445566778899aabbccddeeff");

static const char *const records[] = {
    RFC8448_CLIENT_HELLO,    RFC8448_SERVER_HELLO,  RFC8448_SERVER_FLIGHT,
    RFC8448_CLIENT_FINISHED, RFC8448_SERVER_TICKET, RFC8448_CLIENT_DATA,
    RFC8448_SERVER_DATA,     RFC8448_CLIENT_ALERT,  RFC8448_SERVER_ALERT,
};

struct inside {
    unsigned opened, freed;
    uint64_t off[2];
    bool closed[2];
};

static int inside_bytes(void *ctx, unsigned side, uint64_t off, struct span octets,
                        const struct pos *pos)
{
    struct inside *inside = ctx;
    assert(octets.len > 0 && off == inside->off[side] && pos->packet > 0 && !inside->closed[side]);
    inside->off[side] += octets.len;
    return SINK_MORE;
}

static int inside_gap(void *ctx, unsigned side, uint64_t off, uint64_t len, enum gap_cause cause,
                      const struct pos *before, const struct pos *after)
{
    struct inside *inside = ctx;
    (void)before, (void)after;
    assert(cause == GAP_TLS && off == inside->off[side] && !inside->closed[side]);
    inside->off[side] += len;
    return SINK_MORE;
}

static void inside_close(void *ctx, unsigned side, enum close_cause cause, const struct pos *pos)
{
    struct inside *inside = ctx;
    (void)cause, (void)pos;
    assert(!inside->closed[side]);
    inside->closed[side] = true;
}

static void inside_free(void *ctx)
{
    struct inside *inside = ctx;
    inside->freed++;
}

static struct stream_sink on_open(void *ctx, const struct flow_info *info,
                                  const struct tls_facts *facts)
{
    static const struct stream_sink_ops ops = { inside_bytes, inside_gap, inside_close,
                                                inside_free };
    struct inside *inside = ctx;
    (void)info;
    assert(facts->keys && facts->depth == 1);
    inside->opened++;
    return (struct stream_sink){ &ops, inside };
}

static void on_keyless(void *ctx, const struct connection_info *info, enum tls_reason reason)
{
    (void)ctx;
    assert(!info->tls->keys && info->tls->reason[0] != '\0' && reason < TLS_REASON_COUNT);
}

static void on_empty(void *ctx, const struct flow_info *info)
{
    (void)ctx, (void)info;
}

static void on_note(void *ctx, const struct flow_info *info, const struct finding *note)
{
    (void)ctx, (void)info;
    assert(note->message[0] != '\0');
}

static size_t unhex(const char *hex, uint8_t *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < 2 * len; i++) {
        const char *digit = strchr(digits, hex[i]);
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | (digit != NULL ? digit - digits : 0));
    }
    return len;
}

/* One step: a record of the trace, whole or cut, octets as they stand, a gap, or an end. */
static bool step(struct cur *cur, struct stream_sink sink, uint64_t *off, bool *closed,
                 struct pos *pos)
{
    uint8_t kind = cur_u8(cur), room[800] = { 0 };
    unsigned side = kind & 1;
    pos->packet++;
    if (closed[side]) {
        return true;
    }
    struct span piece = span_empty();
    switch (kind >> 1 & 3) {
    case 0: {
        size_t len = unhex(records[(kind >> 3) % H2D_COUNT_OF(records)], room);
        uint8_t cut = cur_u8(cur);
        piece = cut < 128 ? span_of(room, len) : span_of(room, len - len * (cut - 127u) / 256);
        break;
    }
    case 1: {
        size_t len = cur_u8(cur);
        piece = cur_take(cur, num_min_size(len, cur_left(cur)));
        break;
    }
    case 2: {
        uint64_t len = cur_u8(cur) * (uint64_t)(1 + (kind >> 3));
        off[side] += len;
        return sink.ops->gap(sink.ctx, side, off[side] - len, len, GAP_LOST, pos, pos) == 0;
    }
    default:
        if (kind >> 3 == 31) {
            closed[side] = true;
            sink.ops->close(sink.ctx, side, CLOSE_FIN, pos);
        }
        return true;
    }
    if (piece.len == 0) {
        return true;
    }
    off[side] += piece.len;
    int answer = sink.ops->bytes(sink.ctx, side, off[side] - piece.len, piece, pos);
    assert(answer == SINK_MORE || answer == SINK_IGNORE);
    return answer == SINK_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
    static const struct tls_events events = { on_open, on_keyless, on_empty, on_note };
    const struct siphash_key key = { 1, 2 };
    struct mem mem, secrets;
    struct inside inside;
    struct pos pos = { .packet = 1 };
    uint64_t off[2] = { 0, 0 };
    bool closed[2] = { false, false };
    struct cur cur = cur_of(len > 0 ? span_of(octets, len) : span_empty());
    uint8_t flags = cur_u8(&cur);
    memset(&inside, 0, sizeof(inside));
    mem_init(&mem, 0);
    mem_init(&secrets, 0);
    struct tls *tls = tls_new(&mem, &secrets, &key, &events, &inside);
    assert(tls != NULL);
    tls_want_names(tls, true);
    tls_expect_secrets(tls, (flags & 1) != 0);
    enum rc rc = (flags & 2) == 0 ? tls_secrets(tls, span_str(all_secrets)) : RC_OK;
    struct flow_info info = { .id = 1, .client_side = flags >> 7, .first = pos };
    struct stream_sink sink = tls_open(tls, &info, NULL);
    assert(rc == RC_OK && sink.ops != NULL);
    bool more = true;
    if ((flags & 4) == 0) { /* the hellos are there, so that what follows may be encrypted */
        uint8_t hello[800] = { 0 };
        unsigned client = flags >> 7;
        size_t n = unhex(RFC8448_CLIENT_HELLO, hello);
        more = sink.ops->bytes(sink.ctx, client, 0, span_of(hello, n), &pos) == SINK_MORE;
        off[client] = n;
    }
    while (more && cur_left(&cur) > 0) {
        more = step(&cur, sink, off, closed, &pos);
    }
    sink.ops->free(sink.ctx);
    if ((flags & 2) != 0) {
        rc = tls_secrets(tls, span_str(all_secrets));
        assert(rc == RC_OK);
    }
    tls_end(tls);
    tls_free(tls);
    assert(inside.opened == inside.freed && mem.used == 0 && secrets.used == 0);
    return 0;
}
