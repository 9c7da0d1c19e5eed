/* While a connection is undecided its octets, gaps and ends are held in order; each new one is a
 * chance to decide. Then they are let through at once, and from there on every call is handed on.
 * HTTP/1.1 is followed in the same hold, dropping what upgrade.h has digested. */
#include "detect/detect.h"

#include <string.h>

#include "base/buf.h"
#include "detect/looks.h"
#include "detect/upgrade.h"
#include "spec/limits.h"

/* Events held; more of them than this decide as too many octets do. */
#define ENTRIES_MAX 4096

/* So much of a preface that nothing else can be meant: "PRI * HTTP/2.0". */
#define PREFACE_SURE_LEN 14

enum flow_state {
    FLOW_UNDECIDED,
    FLOW_HTTP1,   /* watched for an upgrade */
    FLOW_PASSING, /* HTTP/2 or TLS: handed on */
    FLOW_IGNORED,
};

struct detect {
    struct mem *mem;
    struct detect_options options;
    struct detect_events events;
    void *ctx;
};

enum entry_kind { ENTRY_BYTES, ENTRY_GAP, ENTRY_CLOSE };

/* Something that came while the flow was undecided. */
struct entry {
    enum entry_kind kind;
    unsigned side;
    uint64_t len;           /* of bytes or gap */
    enum gap_cause cause;   /* of a gap */
    enum close_cause close; /* of a close */
    struct pos pos, after;  /* of bytes, close; before and after of a gap; packet 0: NULL */
};

struct side {
    struct buf octets; /* those of its ENTRY_BYTES, in order */
    uint64_t out_off;  /* offset of the next HTTP/2 octet */
    bool gap_first;    /* a gap came before any octet */
    bool seen, closed;
};

struct flow {
    struct detect *detect;
    struct flow_info info;
    const struct tls_facts *tls; /* what its octets were inside of */
    enum flow_state state;
    bool forced;
    bool one_direction; /* one side has been waited for in vain */
    unsigned client;    /* the side that is the client, once that is known */
    struct side sides[2];
    struct buf entries; /* struct entry */
    struct upgrade *upgrade;
    struct stream_sink out;
};

struct detect *detect_new(struct mem *mem, const struct detect_options *options,
                          const struct detect_events *events, void *ctx)
{
    struct detect *d = mem_zalloc(mem, 1, sizeof(*d));
    if (d != NULL) {
        d->mem = mem;
        d->options = *options;
        d->events = *events;
        d->ctx = ctx;
    }
    return d;
}

void detect_free(struct detect *d)
{
    if (d != NULL) {
        mem_free(d->mem, d);
    }
}

/* ---- what is held ---- */

static struct entry *entry_at(const struct flow *f, size_t i)
{
    return (struct entry *)(void *)f->entries.ptr + i;
}

static size_t entry_count(const struct flow *f)
{
    return f->entries.len / sizeof(struct entry);
}

static bool hold(struct flow *f, const struct entry *entry)
{
    size_t count = entry_count(f);
    struct entry *last = count > 0 ? entry_at(f, count - 1) : NULL;
    if (last != NULL && entry->kind == ENTRY_BYTES && last->kind == ENTRY_BYTES &&
        last->side == entry->side && last->pos.packet == entry->pos.packet) {
        last->len += entry->len;
        return true;
    }
    return buf_append(&f->entries, span_of(entry, sizeof(*entry)));
}

/* Forgets the first n octets held of a side. */
static void drop(struct flow *f, unsigned side, size_t n)
{
    buf_drop_front(&f->sides[side].octets, n);
    size_t kept = 0;
    for (size_t i = 0; i < entry_count(f); i++) {
        struct entry *entry = entry_at(f, i);
        if (entry->kind == ENTRY_BYTES && entry->side == side && n > 0) {
            size_t part = entry->len < n ? (size_t)entry->len : n;
            entry->len -= part;
            n -= part;
        }
        if (entry->kind != ENTRY_BYTES || entry->len > 0) {
            *entry_at(f, kept++) = *entry;
        }
    }
    f->entries.len = kept * sizeof(struct entry);
}

static void release_holds(struct flow *f)
{
    buf_fini(&f->sides[0].octets);
    buf_fini(&f->sides[1].octets);
    buf_fini(&f->entries);
    upgrade_free(f->upgrade);
    f->upgrade = NULL;
}

/* ---- handing on ---- */

static enum dir dir_of(const struct flow *f, unsigned side)
{
    return side == f->client ? DIR_C2S : DIR_S2C;
}

static int out_bytes(struct flow *f, unsigned side, struct span octets, const struct pos *pos)
{
    uint64_t off = f->sides[side].out_off;
    f->sides[side].out_off += octets.len;
    return f->out.ops->bytes(f->out.ctx, dir_of(f, side), off, octets, pos);
}

static int out_gap(struct flow *f, unsigned side, uint64_t len, enum gap_cause cause,
                   const struct pos *before, const struct pos *after)
{
    uint64_t off = f->sides[side].out_off;
    f->sides[side].out_off += len;
    return f->out.ops->gap(f->out.ctx, dir_of(f, side), off, len, cause, before, after);
}

static const struct pos *pos_or_null(const struct pos *pos)
{
    return pos->packet != 0 ? pos : NULL;
}

/* Lets everything that is held through, in the order in which it came. */
static int let_through(struct flow *f)
{
    size_t used[2] = { 0, 0 };
    int answer = SINK_MORE;
    for (size_t i = 0; i < entry_count(f) && answer == SINK_MORE; i++) {
        const struct entry *e = entry_at(f, i);
        switch (e->kind) {
        case ENTRY_BYTES:
            answer = out_bytes(
                f, e->side, span_of(f->sides[e->side].octets.ptr + used[e->side], (size_t)e->len),
                &e->pos);
            used[e->side] += (size_t)e->len;
            break;
        case ENTRY_GAP:
            answer =
                out_gap(f, e->side, e->len, e->cause, pos_or_null(&e->pos), pos_or_null(&e->after));
            break;
        case ENTRY_CLOSE:
            f->out.ops->close(f->out.ctx, dir_of(f, e->side), e->close, pos_or_null(&e->pos));
            break;
        }
    }
    return answer;
}

/* Somebody may have taken the connection: what is held goes to them. */
static int pass_on(struct flow *f)
{
    f->state = f->out.ops != NULL ? FLOW_PASSING : FLOW_IGNORED;
    int answer = f->out.ops != NULL ? let_through(f) : SINK_IGNORE;
    release_holds(f);
    return answer;
}

static int begin(struct flow *f, enum connection_start start, unsigned client)
{
    struct upgrade_info request;
    bool has_request = start == START_UPGRADE && upgrade_request(f->upgrade, &request);
    bool agreed = f->tls != NULL && start == START_PRIOR_KNOWLEDGE;
    struct connection_info info = {
        .client = f->info.ends[client],
        .server = f->info.ends[client ^ 1],
        .transport = f->tls != NULL ? TRANSPORT_TLS : TRANSPORT_H2C,
        .start = agreed ? START_ALPN : start,
        .first = f->info.first,
        .one_direction = f->one_direction,
        .joined = f->info.joined || (start == START_UPGRADE && !has_request),
        .preface = f->sides[client].octets.len > 0 &&
                   look_preface_prefix(buf_span(&f->sides[client].octets)),
        .via = f->info.via,
        .tls = f->tls,
    };
    f->client = client;
    f->out = f->detect->events.on_http2(f->detect->ctx, &info, has_request ? &request : NULL);
    return pass_on(f);
}

static int give_up(struct flow *f, const char *name)
{
    f->state = FLOW_IGNORED;
    release_holds(f);
    f->detect->events.on_other(f->detect->ctx, &f->info, name);
    return SINK_IGNORE;
}

/* Side i began with a TLS record. */
static int begin_tls(struct flow *f, unsigned i)
{
    struct flow_info info = f->info;
    if (f->detect->events.on_tls == NULL) {
        return give_up(f, "TLS");
    }
    if (info.client_side < 0) {
        /* Handshake messages 1 and 2 are the hellos of client and server. */
        struct span octets = buf_span(&f->sides[i].octets);
        bool server = octets.len >= 6 && octets.ptr[0] == 0x16 && octets.ptr[5] == 0x02;
        info.client_side = (int)(server ? i ^ 1 : i);
    }
    f->client = 0; /* sides stay what they are */
    f->out = f->detect->events.on_tls(f->detect->ctx, &info, f->tls);
    return f->out.ops != NULL ? pass_on(f) : give_up(f, "TLS");
}

/* ---- deciding ---- */

/* A connection that must be HTTP/2 though it does not look it: who is the client? */
static unsigned forced_client(const struct flow *f)
{
    if (f->info.client_side >= 0) {
        return (unsigned)f->info.client_side;
    }
    uint16_t port = f->info.ends[0].port;
    return (f->detect->options.forced_ports[port / 8] >> (port % 8) & 1) != 0 ? 1 : 0;
}

/* Nothing that HTTP/2 begins with. A connection that was joined late may still be HTTP/2: this is
 * where a search in mid-stream on any port will hook in. */
static int decide_strange(struct flow *f, const char *name)
{
    if (f->forced) {
        return begin(f, START_FORCED, forced_client(f));
    }
    return give_up(f, name != NULL ? name : f->info.joined ? "joined late" : "unknown");
}

/* HTTP/1.1: digests what it can of both sides and begins HTTP/2 behind the 101. */
static int watch_http1(struct flow *f)
{
    unsigned client = f->client, server = client ^ 1;
    enum upgrade_status status = UPGRADE_WATCHING;
    size_t digested[2] = { 1, 1 };
    while (status == UPGRADE_WATCHING && digested[0] + digested[1] > 0) {
        struct span held[2] = { buf_span(&f->sides[0].octets), buf_span(&f->sides[1].octets) };
        digested[0] = digested[1] = 0;
        if (held[client].len > 0) {
            const struct pos *first = NULL, *last = NULL;
            for (size_t i = 0; i < entry_count(f); i++) {
                const struct entry *e = entry_at(f, i);
                if (e->kind == ENTRY_BYTES && e->side == client) {
                    first = first == NULL ? &e->pos : first;
                    last = &e->pos;
                }
            }
            status = upgrade_client(f->upgrade, held[client], first, last, &digested[client]);
        }
        if (status == UPGRADE_WATCHING && held[server].len > 0) {
            status = upgrade_server(f->upgrade, held[server], &digested[server]);
        }
        drop(f, 0, digested[0]);
        drop(f, 1, digested[1]);
    }
    size_t waiting = f->sides[0].octets.len + f->sides[1].octets.len;
    if (status == UPGRADE_DONE) {
        return begin(f, START_UPGRADE, client);
    }
    if (status == UPGRADE_NOMEM) {
        return give_up(f, "memory limit");
    }
    if (status == UPGRADE_NEVER || waiting > LIMIT_DETECT_OCTETS) {
        return give_up(f, "HTTP/1.1");
    }
    return SINK_MORE;
}

static int begin_http1(struct flow *f, unsigned client)
{
    f->upgrade = upgrade_new(f->detect->mem);
    if (f->upgrade == NULL) {
        return give_up(f, "memory limit");
    }
    f->state = FLOW_HTTP1;
    f->client = client;
    return watch_http1(f);
}

/* Side i looks like that; is it the sign of HTTP/2, or of HTTP/1.1? */
static bool decide_by(struct flow *f, unsigned i, enum look look, bool late, int *answer)
{
    switch (look) {
    case LOOK_PREFACE:
        *answer = begin(f, START_PRIOR_KNOWLEDGE, i);
        return true;
    case LOOK_HTTP1_REQUEST:
    case LOOK_HTTP1_RESPONSE:
        *answer = begin_http1(f, look == LOOK_HTTP1_REQUEST ? i : i ^ 1);
        return true;
    case LOOK_TLS:
        *answer = begin_tls(f, i);
        return true;
    case LOOK_SETTINGS:
        /* The server has spoken; its client decides, unless its beginning is lost. */
        if (f->sides[i ^ 1].gap_first || late) {
            *answer = begin(f, START_PRIOR_KNOWLEDGE, i ^ 1);
            return true;
        }
        return false;
    case LOOK_NONE:
        if (late && f->sides[i].octets.len >= PREFACE_SURE_LEN &&
            look_preface_prefix(buf_span(&f->sides[i].octets))) {
            *answer = begin(f, START_PRIOR_KNOWLEDGE, i);
            return true;
        }
        return false;
    default:
        return false;
    }
}

/* Decides when it can; SINK_MORE while it cannot. last: nothing more will come. */
static int decide(struct flow *f, bool last)
{
    const char *name = NULL;
    enum look looks[2];
    size_t held = 0, lost = 0, strange = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct span octets = buf_span(&f->sides[i].octets);
        const char *other = NULL;
        looks[i] = look_at(octets, f->info.joined, &other);
        if (f->sides[i].gap_first) {
            looks[i] = LOOK_STRANGE; /* what follows is not the beginning */
            lost++;
            continue;
        }
        name = looks[i] == LOOK_OTHER ? other : name;
        strange += looks[i] == LOOK_STRANGE;
        held += octets.len;
    }
    bool late = last || held > LIMIT_DETECT_OCTETS || entry_count(f) + 1 >= ENTRIES_MAX;
    f->one_direction = late && (!f->sides[0].seen || !f->sides[1].seen);
    /* The preface outranks what the other side looks like. */
    unsigned first = looks[1] == LOOK_PREFACE ? 1 : 0;
    int answer;
    if (decide_by(f, first, looks[first], late, &answer) ||
        decide_by(f, first ^ 1, looks[first ^ 1], late, &answer)) {
        return answer;
    }
    if (late || name != NULL || strange > 0 || lost == 2) {
        return decide_strange(f, name);
    }
    return SINK_MORE;
}

static int look_again(struct flow *f, bool last)
{
    return f->state == FLOW_HTTP1 ? watch_http1(f) : decide(f, last);
}

/* ---- the sink ---- */

static int flow_bytes(void *ctx, unsigned side, uint64_t off, struct span octets,
                      const struct pos *pos)
{
    struct flow *f = ctx;
    (void)off;
    if (H2D_LIKELY(f->state == FLOW_PASSING)) {
        return out_bytes(f, side, octets, pos);
    }
    if (f->state == FLOW_IGNORED) {
        return SINK_IGNORE;
    }
    struct entry entry = { .kind = ENTRY_BYTES, .side = side, .len = octets.len, .pos = *pos };
    f->sides[side].seen = true;
    if (!buf_append(&f->sides[side].octets, octets) || !hold(f, &entry)) {
        return give_up(f, "memory limit");
    }
    return look_again(f, false);
}

static int flow_gap(void *ctx, unsigned side, uint64_t off, uint64_t len, enum gap_cause cause,
                    const struct pos *before, const struct pos *after)
{
    struct flow *f = ctx;
    static const struct pos nowhere;
    (void)off;
    if (f->state == FLOW_PASSING) {
        return out_gap(f, side, len, cause, before, after);
    }
    if (f->state == FLOW_IGNORED) {
        return SINK_IGNORE;
    }
    if (f->state == FLOW_HTTP1) {
        /* A body may have a hole; a head, or octets that are being waited with, may not. */
        enum dir dir = dir_of(f, side);
        bool bare = f->sides[side].octets.len == 0;
        return bare && upgrade_gap(f->upgrade, dir, len) == UPGRADE_WATCHING
                   ? SINK_MORE
                   : give_up(f, "HTTP/1.1");
    }
    struct entry entry = { .kind = ENTRY_GAP,
                           .side = side,
                           .len = len,
                           .cause = cause,
                           .pos = before != NULL ? *before : nowhere,
                           .after = after != NULL ? *after : nowhere };
    f->sides[side].gap_first |= f->sides[side].octets.len == 0;
    if (!hold(f, &entry)) {
        return give_up(f, "memory limit");
    }
    return decide(f, false);
}

static void flow_close(void *ctx, unsigned side, enum close_cause cause, const struct pos *pos)
{
    struct flow *f = ctx;
    static const struct pos nowhere;
    f->sides[side].closed = true;
    if (f->state == FLOW_PASSING) {
        f->out.ops->close(f->out.ctx, dir_of(f, side), cause, pos);
        return;
    }
    if (f->state == FLOW_IGNORED) {
        return;
    }
    struct entry entry = {
        .kind = ENTRY_CLOSE, .side = side, .close = cause, .pos = pos != NULL ? *pos : nowhere
    };
    if (!hold(f, &entry)) {
        (void)give_up(f, "memory limit");
    } else if (f->sides[0].closed && f->sides[1].closed) {
        (void)look_again(f, true);
    }
}

static void flow_free(void *ctx)
{
    struct flow *f = ctx;
    if (f->state == FLOW_UNDECIDED) {
        (void)decide(f, true);
    }
    if (f->state == FLOW_HTTP1) {
        (void)give_up(f, "HTTP/1.1");
    }
    if (f->state == FLOW_PASSING || f->out.ops != NULL) {
        f->out.ops->free(f->out.ctx);
    }
    release_holds(f);
    mem_free(f->detect->mem, f);
}

static bool is_forced(const struct detect *d, const struct flow_info *info)
{
    bool forced = false;
    for (unsigned i = 0; i < 2; i++) {
        uint16_t port = info->ends[i].port;
        forced |= (d->options.forced_ports[port / 8] >> (port % 8) & 1) != 0;
    }
    return forced;
}

struct stream_sink detect_open(struct detect *d, const struct flow_info *info,
                               const struct tls_facts *tls)
{
    static const struct stream_sink_ops ops = { flow_bytes, flow_gap, flow_close, flow_free };
    struct stream_sink sink = { NULL, NULL };
    struct flow *f = mem_zalloc(d->mem, 1, sizeof(*f));
    if (f == NULL) {
        return sink;
    }
    f->detect = d;
    f->info = *info;
    f->tls = tls;
    f->forced = is_forced(d, info);
    /* A packet more than the limit may be held before the limit is seen to be passed. */
    size_t octets_max = (size_t)(LIMIT_DETECT_OCTETS + LIMIT_PACKET_OCTETS);
    buf_init(&f->sides[0].octets, d->mem, octets_max);
    buf_init(&f->sides[1].octets, d->mem, octets_max);
    buf_init(&f->entries, d->mem, ENTRIES_MAX * sizeof(struct entry));
    sink.ops = &ops;
    sink.ctx = f;
    return sink;
}
