/* While a connection is undecided its octets, gaps and ends are held in order; each new one is a
 * chance to decide. Then they are let through at once, and from there on every call is handed on.
 * HTTP/1.1 is followed in the same hold, dropping what upgrade.h has digested. */
#include "detect/detect.h"

#include <string.h>

#include "detect/head.h"
#include "detect/hold.h"
#include "detect/join.h"
#include "detect/looks.h"
#include "detect/preamble.h"
#include "detect/upgrade.h"
#include "spec/limits.h"

/* So much of a preface that nothing else can be meant: "PRI * HTTP/2.0". */
#define PREFACE_SURE_LEN 14

/* Octets a side that a hold takes: what is kept while frames are searched, and a packet more. */
#define HOLD_OCTETS_MAX (size_t)(2 * LIMIT_SYNC_REPLAY_OCTETS + LIMIT_PACKET_OCTETS)

enum flow_state {
    FLOW_UNDECIDED,
    FLOW_HTTP1,     /* watched for an upgrade */
    FLOW_SEARCHING, /* its beginning is missing: frames are searched */
    FLOW_PASSING,   /* HTTP/2 or TLS: handed on */
    FLOW_IGNORED,
};

struct detect {
    struct mem *mem;
    struct detect_options options;
    struct detect_events events;
    void *ctx;
};

struct side {
    uint64_t skip;    /* octets still to come that belong to a preamble */
    uint64_t out_off; /* offset of the next octet handed on */
    uint64_t segment; /* packet of the newest octets: which begin a segment? */
    bool gap_first;   /* a gap came before any octet */
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
    struct hold hold;
    struct upgrade *upgrade;
    struct join *join;
    const char *name; /* what it is called when nothing more is found */
    struct via *via;  /* with its preambles; info.via then is this */
    unsigned preambles, tries;
    struct stream_sink out;
};

struct detect *detect_new(struct mem *mem, const struct detect_options *options,
                          const struct detect_events *events, void *ctx)
{
    struct detect *d = mem_zalloc(mem, 1, sizeof(*d));
    if (d != NULL) {
        d->mem = mem;
        d->options = *options;
        d->options.held_mem = options->held_mem != NULL ? options->held_mem : mem;
        d->options.sync_octets =
            options->sync_octets != 0 ? options->sync_octets : LIMIT_SYNC_OCTETS;
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

static void release_holds(struct flow *f)
{
    hold_fini(&f->hold);
    upgrade_free(f->upgrade);
    f->upgrade = NULL;
    join_free(f->join);
    f->join = NULL;
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

/* Lets everything that is held through, in the order in which it came. */
static int let_through(struct flow *f)
{
    struct held e;
    struct span octets;
    int answer = SINK_MORE;
    while (answer == SINK_MORE && hold_take(&f->hold, &e, &octets)) {
        switch (e.kind) {
        case HELD_BYTES:
            answer = out_bytes(f, e.side, octets, &e.pos);
            break;
        case HELD_GAP:
            answer = out_gap(f, e.side, e.len, e.cause, held_pos(&e.pos), held_pos(&e.after));
            break;
        case HELD_CLOSE:
            f->out.ops->close(f->out.ctx, dir_of(f, e.side), e.close, held_pos(&e.pos));
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

/* at: by side, where frames begin; NULL: with the first octet. */
static int begin_at(struct flow *f, enum connection_start start, unsigned client,
                    const struct join_point *at)
{
    struct upgrade_info request;
    bool has_request = start == START_UPGRADE && upgrade_request(f->upgrade, &request);
    bool agreed = f->tls != NULL && start == START_PRIOR_KNOWLEDGE;
    struct connection_info info = {
        .flow = f->info.id,
        .client = f->info.ends[client],
        .server = f->info.ends[client ^ 1],
        .transport = f->tls != NULL ? TRANSPORT_TLS : TRANSPORT_H2C,
        .start = agreed ? START_ALPN : start,
        .first = f->info.first,
        .one_direction = f->one_direction,
        .joined = f->info.joined || at != NULL || (start == START_UPGRADE && !has_request),
        .preface = hold_octets(&f->hold, client).len > 0 &&
                   look_preface_prefix(hold_octets(&f->hold, client)),
        .via = f->info.via,
        .also_seen = f->info.also_seen,
        .tls = f->tls,
    };
    if (at != NULL) {
        info.join[DIR_C2S] = at[client];
        info.join[DIR_S2C] = at[client ^ 1];
    }
    f->client = client;
    f->out = f->detect->events.on_http2(f->detect->ctx, &info, has_request ? &request : NULL);
    return pass_on(f);
}

static int begin(struct flow *f, enum connection_start start, unsigned client)
{
    return begin_at(f, start, client, NULL);
}

static int give_up(struct flow *f, const char *name)
{
    uint64_t looked = f->join != NULL ? join_looked(f->join) : 0;
    f->state = FLOW_IGNORED;
    release_holds(f);
    name = name != NULL ? name : f->name != NULL ? f->name : "unknown";
    f->detect->events.on_other(f->detect->ctx, &f->info, name, looked);
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
        struct span octets = hold_octets(&f->hold, i);
        bool server = octets.len >= 6 && octets.ptr[0] == 0x16 && octets.ptr[5] == 0x02;
        info.client_side = (int)(server ? i ^ 1 : i);
    }
    f->client = 0; /* sides stay what they are */
    f->out = f->detect->events.on_tls(f->detect->ctx, &info, f->tls);
    return f->out.ops != NULL ? pass_on(f) : give_up(f, "TLS");
}

/* ---- deciding ---- */

/* Nothing in the octets tells who is the client: who began, which port is --port's, or whose port
 * is the higher one, as those are that clients are given. */
static unsigned likely_client(const struct flow *f)
{
    const uint8_t *forced = f->detect->options.forced_ports;
    uint16_t port0 = f->info.ends[0].port, port1 = f->info.ends[1].port;
    bool forced0 = (forced[port0 / 8] >> (port0 % 8) & 1) != 0;
    bool forced1 = (forced[port1 / 8] >> (port1 % 8) & 1) != 0;
    if (f->info.client_side >= 0) {
        return (unsigned)f->info.client_side;
    }
    if (forced0 != forced1) {
        return forced0 ? 1 : 0;
    }
    return port0 < port1 ? 1 : 0;
}

/* Who is the client where side i begins with SETTINGS: the other side, unless the connection was
 * joined, where the frames that follow tell, or the ports. */
static unsigned client_by_frames(const struct flow *f, unsigned i)
{
    struct span octets = hold_octets(&f->hold, i);
    struct cur cur = cur_of(octets);
    int sender = -1;
    while (f->info.joined && sender < 0 && cur_left(&cur) >= H2_FRAME_HEADER_LEN) {
        struct h2_frame_hd hd;
        struct span head = cur_take(&cur, H2_FRAME_HEADER_LEN);
        if (!head_may_follow(head.ptr, UINT32_MAX, &hd) || cur_left(&cur) < hd.length) {
            break;
        }
        sender = head_sender(&hd, cur_take(&cur, hd.length));
    }
    if (f->info.joined && sender < 0) {
        return likely_client(f);
    }
    return sender == DIR_C2S ? i : i ^ 1;
}

/* Acts on what the search has come to. */
static int joined(struct flow *f, enum join_status status)
{
    struct join_point at[2];
    unsigned client = likely_client(f);
    switch (status) {
    case JOIN_SEARCHING:
        return SINK_MORE;
    case JOIN_HTTP2:
        join_result(f->join, &client, at);
        if (f->info.client_side >= 0) {
            client = (unsigned)f->info.client_side;
        }
        return begin_at(f, f->forced ? START_FORCED : START_MID_STREAM, client, at);
    case JOIN_NOTHING:
        return give_up(f, f->name);
    case JOIN_NOMEM:
        return give_up(f, "memory limit");
    }
    return SINK_MORE;
}

static int flow_bytes(void *ctx, unsigned side, uint64_t off, struct span octets,
                      const struct pos *pos);
static int flow_gap(void *ctx, unsigned side, uint64_t off, uint64_t len, enum gap_cause cause,
                    const struct pos *before, const struct pos *after);
static void flow_close(void *ctx, unsigned side, enum close_cause cause, const struct pos *pos);

/* Nothing more will come. */
static int end_search(struct flow *f)
{
    f->one_direction = f->sides[0].seen != f->sides[1].seen;
    return joined(f, join_end(f->join));
}

/* The flow's state has changed: what is held comes as if it had not come yet. */
static int come_again(struct flow *f)
{
    struct hold old = f->hold;
    struct held e;
    struct span octets;
    int answer = SINK_MORE;
    hold_init(&f->hold, f->detect->options.held_mem, HOLD_OCTETS_MAX);
    for (unsigned i = 0; i < 2; i++) {
        f->sides[i] = (struct side){ .skip = f->sides[i].skip };
    }
    while (answer == SINK_MORE && hold_take(&old, &e, &octets)) {
        switch (e.kind) {
        case HELD_BYTES:
            answer = flow_bytes(f, e.side, 0, octets, &e.pos);
            break;
        case HELD_GAP:
            answer = flow_gap(f, e.side, 0, e.len, e.cause, held_pos(&e.pos), held_pos(&e.after));
            break;
        case HELD_CLOSE:
            flow_close(f, e.side, e.close, held_pos(&e.pos));
            break;
        }
    }
    hold_fini(&old);
    return answer;
}

/* Nothing that HTTP/2 begins with. A connection whose beginning is missing may still be HTTP/2, and
 * one that the user says is HTTP/2 is: its frames are searched. */
static int decide_strange(struct flow *f, const char *name, bool last)
{
    bool headless = f->info.joined || f->sides[0].gap_first || f->sides[1].gap_first;
    if (f->forced && f->detect->options.in_step) {
        return begin(f, START_FORCED, likely_client(f));
    }
    if (!f->forced && (name != NULL || !headless)) {
        return give_up(f, name);
    }
    f->join =
        join_new(f->detect->options.held_mem, &f->hold, f->detect->options.sync_octets, f->forced);
    if (f->join == NULL) {
        return give_up(f, "memory limit");
    }
    f->state = FLOW_SEARCHING;
    f->name = f->forced ? "no frame" : "joined late";
    int answer = come_again(f);
    return last && f->state == FLOW_SEARCHING ? end_search(f) : answer;
}

/* HTTP/1.1: digests what it can of both sides and begins HTTP/2 behind the 101. */
static int watch_http1(struct flow *f)
{
    unsigned client = f->client, server = client ^ 1;
    enum upgrade_status status = UPGRADE_WATCHING;
    size_t digested[2] = { 1, 1 };
    while (status == UPGRADE_WATCHING && digested[0] + digested[1] > 0) {
        struct span held[2] = { hold_octets(&f->hold, 0), hold_octets(&f->hold, 1) };
        digested[0] = digested[1] = 0;
        if (held[client].len > 0) {
            status = upgrade_client(f->upgrade, held[client], hold_first(&f->hold, client),
                                    hold_last(&f->hold, client), &digested[client]);
        }
        if (status == UPGRADE_WATCHING && held[server].len > 0) {
            status = upgrade_server(f->upgrade, held[server], &digested[server]);
        }
        hold_drop(&f->hold, 0, digested[0]);
        hold_drop(&f->hold, 1, digested[1]);
    }
    size_t waiting = hold_octets(&f->hold, 0).len + hold_octets(&f->hold, 1).len;
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

/* Of a connection joined late, SETTINGS may be the client's, whose preface was missed: is it, as
 * far as the frames behind it tell? */
static bool may_be_client(const struct flow *f, unsigned i)
{
    struct cur c = cur_of(hold_octets(&f->hold, i));
    while (f->info.joined && cur_left(&c) >= H2_FRAME_HEADER_LEN) {
        struct h2_frame_hd hd = h2_frame_hd_decode(cur_take(&c, H2_FRAME_HEADER_LEN).ptr);
        struct span payload = cur_take(&c, hd.length);
        if (!cur_ok(&c) || head_sender(&hd, payload) == DIR_S2C) {
            return false;
        }
        if (head_sender(&hd, payload) == DIR_C2S) {
            return true;
        }
    }
    return false;
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
        if (may_be_client(f, i)) {
            return false;
        }
        /* The server has spoken; its client decides, unless its beginning is lost. */
        if (f->sides[i ^ 1].gap_first || late) {
            *answer = begin(f, START_PRIOR_KNOWLEDGE, client_by_frames(f, i));
            return true;
        }
        return false;
    case LOOK_NONE:
        if (late && hold_octets(&f->hold, i).len >= PREFACE_SURE_LEN &&
            look_preface_prefix(hold_octets(&f->hold, i))) {
            *answer = begin(f, START_PRIOR_KNOWLEDGE, i);
            return true;
        }
        return false;
    default:
        return false;
    }
}

/* ---- what comes before the protocol ---- */

/* A connection may try so often. */
#define TRIES_MAX 16

/* The flow has come through what p says: shown as via. False: memory is out. */
static bool add_via(struct flow *f, const struct preamble *p)
{
    if (f->via == NULL) {
        f->via = mem_zalloc(f->detect->mem, 1, sizeof(*f->via));
        if (f->via == NULL) {
            return false;
        }
        if (f->info.via != NULL) {
            *f->via = *f->info.via; /* the tunnels, which are outermost */
        }
        f->info.via = f->via;
    }
    if (f->via->count < VIA_MAX) {
        f->via->names[f->via->count++] = p->via;
    }
    return true;
}

/* Looks for a preamble that side i would be the client of. */
static enum preamble_status look_from(const struct flow *f, unsigned i, struct preamble *p)
{
    bool other = f->info.client_side >= 0 && (unsigned)f->info.client_side != i;
    return other || f->sides[i].gap_first || f->sides[i ^ 1].gap_first
               ? PREAMBLE_NONE
               : preamble_look(hold_octets(&f->hold, i), hold_octets(&f->hold, i ^ 1), p);
}

/* Behind a preamble both sides begin anew. */
static int pass_preamble(struct flow *f, unsigned client, const struct preamble *p, bool through)
{
    if (through && (f->preambles++ == LIMIT_PREAMBLES || !add_via(f, p))) {
        return give_up(f, f->preambles > LIMIT_PREAMBLES ? p->name : "memory limit");
    }
    if (f->tries++ == TRIES_MAX) {
        return give_up(f, p->name);
    }
    for (unsigned dir = 0; dir < 2; dir++) {
        unsigned side = dir == DIR_C2S ? client : client ^ 1;
        size_t held = hold_octets(&f->hold, side).len;
        size_t here = p->digested[dir] < held ? (size_t)p->digested[dir] : held;
        hold_drop(&f->hold, side, here);
        f->sides[side].skip = p->digested[dir] - here;
    }
    f->info.client_side = (int)client;
    f->info.joined = false; /* what comes now comes from its beginning */
    f->name = p->name;
    return come_again(f);
}

/* True: what is held begins with a preamble, and *answer says what came of it. */
static bool take_preamble(struct flow *f, bool late, int *answer)
{
    struct preamble found[2];
    enum preamble_status status[2] = { look_from(f, 0, &found[0]), look_from(f, 1, &found[1]) };
    *answer = SINK_MORE;
    for (unsigned i = 0; i < 2; i++) {
        if (status[i] == PREAMBLE_THROUGH || status[i] == PREAMBLE_AGAIN) {
            *answer = pass_preamble(f, i, &found[i], status[i] == PREAMBLE_THROUGH);
            return true;
        }
    }
    if (status[0] == PREAMBLE_MORE || status[1] == PREAMBLE_MORE) {
        return !late;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (status[i] == PREAMBLE_REFUSED) {
            *answer = give_up(f, found[i].name);
            return true;
        }
    }
    return false;
}

/* ---- the decision ---- */

/* Decides when it can; SINK_MORE while it cannot. last: nothing more will come. */
static int decide(struct flow *f, bool last)
{
    const char *name = NULL;
    enum look looks[2];
    size_t held = 0, lost = 0, strange = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct span octets = hold_octets(&f->hold, i);
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
    bool late = last || held > LIMIT_DETECT_OCTETS || hold_full(&f->hold);
    int answer;
    if (take_preamble(f, late, &answer)) {
        return answer;
    }
    f->one_direction = late && (!f->sides[0].seen || !f->sides[1].seen);
    if (f->info.joined && looks[0] == LOOK_SETTINGS && looks[1] == LOOK_SETTINGS) {
        return decide_strange(f, NULL, last); /* one of them is the client, behind its preface */
    }
    /* The preface outranks what the other side looks like. */
    unsigned first = looks[1] == LOOK_PREFACE ? 1 : 0;
    if (decide_by(f, first, looks[first], late, &answer) ||
        decide_by(f, first ^ 1, looks[first ^ 1], late, &answer)) {
        return answer;
    }
    if (late || name != NULL || strange > 0 || lost == 2) {
        return decide_strange(f, name, last);
    }
    return SINK_MORE;
}

static int look_again(struct flow *f, bool last)
{
    return f->state == FLOW_HTTP1 ? watch_http1(f) : decide(f, last);
}

/* ---- the sink ---- */

/* Octets of a flow whose frames are searched. A preface that comes now, of a side that had not
 * spoken, says where they begin. */
static int search_bytes(struct flow *f, unsigned side, const struct pos *pos)
{
    struct span held = hold_octets(&f->hold, side);
    bool at_start = f->hold.base[side] == 0;
    bool segment_start = f->tls != NULL ||
                         (pos->packet != 0 && pos->packet != f->sides[side].segment) ||
                         !f->sides[side].seen;
    f->sides[side].segment = pos->packet;
    f->sides[side].seen = true;
    f->one_direction = !f->sides[side ^ 1].seen && held.len > LIMIT_DETECT_OCTETS;
    const char *name;
    if (at_start && look_at(held, false, &name) == LOOK_PREFACE) {
        struct join_point at[2];
        unsigned client;
        join_result(f->join, &client, at);
        at[side] = (struct join_point){ .lost = false };
        return begin_at(f, START_PRIOR_KNOWLEDGE, side, at);
    }
    return joined(f, join_bytes(f->join, side, segment_start));
}

/* Those behind what still belongs to a preamble. */
static struct span skip_octets(struct side *side, struct span octets)
{
    size_t n = octets.len < side->skip ? octets.len : (size_t)side->skip;
    side->skip -= n;
    return span_of(octets.ptr + n, octets.len - n);
}

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
    octets = skip_octets(&f->sides[side], octets);
    if (octets.len == 0) {
        return SINK_MORE;
    }
    if (!hold_bytes(&f->hold, side, octets, pos)) {
        return give_up(f, "memory limit");
    }
    if (f->state == FLOW_SEARCHING) {
        return search_bytes(f, side, pos);
    }
    f->sides[side].seen = true;
    return look_again(f, false);
}

/* A body of HTTP/1.1 may have a hole; a head, or octets that are being waited with, may not. */
static int http1_gap(struct flow *f, unsigned side, uint64_t len)
{
    bool bare = hold_octets(&f->hold, side).len == 0;
    return bare && len > 0 && upgrade_gap(f->upgrade, dir_of(f, side), len) == UPGRADE_WATCHING
               ? SINK_MORE
               : give_up(f, "HTTP/1.1");
}

static int flow_gap(void *ctx, unsigned side, uint64_t off, uint64_t len, enum gap_cause cause,
                    const struct pos *before, const struct pos *after)
{
    struct flow *f = ctx;
    bool unknown = len == 0;
    uint64_t skipped = f->sides[side].skip < len ? f->sides[side].skip : len;
    int answer;
    (void)off;
    f->sides[side].skip = unknown ? 0 : f->sides[side].skip - skipped;
    len -= skipped;
    if (len == 0 && !unknown) {
        return SINK_MORE;
    }
    switch (f->state) {
    case FLOW_PASSING:
        return out_gap(f, side, len, cause, before, after);
    case FLOW_IGNORED:
        return SINK_IGNORE;
    case FLOW_HTTP1:
        return http1_gap(f, side, len);
    case FLOW_SEARCHING:
        answer = joined(f, join_gap(f->join, side, len));
        f->sides[side].segment = 0;
        return f->state == FLOW_PASSING && answer == SINK_MORE
                   ? out_gap(f, side, len, cause, before, after)
                   : answer;
    case FLOW_UNDECIDED:
        break;
    }
    f->sides[side].gap_first |= hold_octets(&f->hold, side).len == 0;
    return hold_gap(&f->hold, side, len, cause, before, after) ? look_again(f, false)
                                                               : give_up(f, "memory limit");
}

static void flow_close(void *ctx, unsigned side, enum close_cause cause, const struct pos *pos)
{
    struct flow *f = ctx;
    f->sides[side].closed = true;
    if (f->state == FLOW_PASSING) {
        f->out.ops->close(f->out.ctx, dir_of(f, side), cause, pos);
        return;
    }
    if (f->state == FLOW_IGNORED) {
        return;
    }
    if (!hold_close(&f->hold, side, cause, pos)) {
        (void)give_up(f, "memory limit");
    } else if (f->sides[0].closed && f->sides[1].closed) {
        (void)(f->state == FLOW_SEARCHING ? end_search(f) : look_again(f, true));
    }
}

static void flow_free(void *ctx)
{
    struct flow *f = ctx;
    while (f->state == FLOW_UNDECIDED) { /* again behind each preamble; they are few */
        (void)decide(f, true);
    }
    if (f->state == FLOW_SEARCHING) {
        (void)end_search(f);
    }
    if (f->state == FLOW_HTTP1) {
        (void)give_up(f, "HTTP/1.1");
    }
    if (f->state == FLOW_PASSING || f->out.ops != NULL) {
        f->out.ops->free(f->out.ctx);
    }
    release_holds(f);
    mem_free(f->detect->mem, f->via);
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
    hold_init(&f->hold, d->options.held_mem, HOLD_OCTETS_MAX);
    sink.ops = &ops;
    sink.ctx = f;
    return sink;
}
