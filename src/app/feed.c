#include "app/feed.h"

#include <string.h>

#include "app/checking.h"
#include "detect/looks.h"
#include "detect/sync.h"
#include "h2/conn.h"
#include "spec/limits.h"

enum side_state {
    SIDE_IN_STEP,
    SIDE_SEARCHING, /* for a frame boundary */
    SIDE_DONE,      /* nothing more is given to the session */
};

struct feed_side {
    struct h2_session *session;
    enum side_state state;
    struct span lent; /* what the session may take */
    bool eof;         /* behind it the stream ends */
    bool begun;       /* it has had octets */
    struct sync *sync;
    uint64_t segment; /* packet of the newest octets given to sync: rule B wants segment starts */
    bool closed;
    enum close_cause cause;
};

struct feed {
    struct run *run;
    struct connection_info info;
    struct h2_connection *connection; /* NULL: it had to be dropped */
    struct render_conn *shown;
    struct check_conn *checked; /* NULL: no --check */
    struct feed_side sides[2];
    bool given; /* a session got octets */
    bool ended;
    uint32_t key; /* in run->feeds */
};

/* ---- notes find their connection by its addresses ---- */

static uint32_t key_of(const struct run *run, const struct endpoint *a, const struct endpoint *b)
{
    uint32_t keys[2] = { 0, 0 };
    const struct endpoint *ends[2] = { a, b };
    for (unsigned i = 0; i < 2; i++) {
        uint8_t octets[18];
        memcpy(octets, ends[i]->ip, 16);
        octets[16] = (uint8_t)(ends[i]->port >> 8);
        octets[17] = (uint8_t)ends[i]->port;
        keys[i] = (uint32_t)siphash_13(&run->key, span_of(octets, sizeof(octets)));
    }
    return keys[0] ^ keys[1]; /* which of them is the client does not matter */
}

/* A finding that no session made. */
static void tell(struct feed *feed, const struct finding *finding)
{
    if (feed->checked != NULL) {
        check_finding(feed->checked, finding);
    } else {
        render_finding(feed->shown, finding);
    }
}

void feed_checked(void *ctx, void *owner, const struct finding *finding)
{
    struct feed *feed = owner;
    checking_take(ctx, &feed->info, feed->shown, finding);
}

void feed_note(struct run *run, const struct flow_info *flow, const struct finding *note)
{
    struct feed *feed = map_get(&run->feeds, key_of(run, &flow->ends[0], &flow->ends[1]));
    if (feed == NULL) {
        return;
    }
    struct finding finding = *note;
    bool swapped = flow->ends[0].port == feed->info.server.port &&
                   memcmp(flow->ends[0].ip, feed->info.server.ip, 16) == 0;
    finding.dir = swapped ? dir_other(note->dir) : note->dir;
    tell(feed, &finding);
}

/* ---- octets to the session ---- */

static ssize_t lend_octets(struct h2_session *session, const uint8_t **octets, struct feed *feed)
{
    struct feed_side *side = &feed->sides[h2_session_dir(session)];
    size_t len = side->lent.len;
    *octets = side->lent.ptr;
    side->lent = span_empty();
    return len > 0 ? (ssize_t)len : side->eof ? H2_RECV_EOF : H2_RECV_WOULDBLOCK;
}

static ssize_t lend(struct h2_session *session, const uint8_t **octets, void *user)
{
    return lend_octets(session, octets, render_connection_owner(user));
}

static ssize_t lend_checked(struct h2_session *session, const uint8_t **octets, void *user)
{
    return lend_octets(session, octets, check_connection_owner(user));
}

/* The memory of HTTP/2 state is spent: this connection is given up, the others go on. */
static void drop_connection(struct feed *feed)
{
    struct finding finding = {
        .check = CHECK_LIMIT_MEMORY,
        .severity = SEVERITY_NOTE,
        .confidence = CONFIDENCE_CERTAIN,
        .message = "the memory for HTTP/2 state is spent; this connection is not followed further",
    };
    tell(feed, &finding);
    feed->run->limits[CHECK_LIMIT_MEMORY]++;
    h2_connection_free(feed->connection);
    feed->connection = NULL;
    feed->sides[0].state = feed->sides[1].state = SIDE_DONE;
}

/* The session takes what is lent. */
static int pull(struct feed *feed, struct feed_side *side)
{
    int result = h2_session_recv(side->session);
    if (result == H2_ERR_NOMEM) {
        drop_connection(feed);
        return SINK_IGNORE;
    }
    if (result != H2_OK) {
        side->state = SIDE_DONE; /* it has told its listener why */
    }
    if (render_full(feed->run->render)) {
        feed->run->full = true;
        return SINK_IGNORE;
    }
    return SINK_MORE;
}

static int give(struct feed *feed, struct feed_side *side, struct span octets,
                const struct pos *pos)
{
    feed->given = true;
    side->lent = octets;
    h2_session_set_pos(side->session, pos);
    return pull(feed, side);
}

/* ---- out of step ---- */

static bool begin_search(struct feed *feed, struct feed_side *side)
{
    side->sync = sync_new(&feed->run->mem);
    side->state = side->sync != NULL ? SIDE_SEARCHING : SIDE_DONE;
    side->segment = 0;
    return side->sync != NULL;
}

static void end_search(struct feed_side *side, enum side_state state)
{
    sync_free(side->sync);
    side->sync = NULL;
    side->state = state;
}

/* A boundary is found: the session goes on from there with what was kept. */
static int replay(struct feed *feed, struct feed_side *side)
{
    int answer = SINK_MORE;
    struct span octets;
    struct pos pos;
    struct sync *sync = side->sync;
    side->sync = NULL;
    side->state = SIDE_IN_STEP;
    h2_session_resume(side->session, sync_skipped(sync));
    while (side->state == SIDE_IN_STEP && answer == SINK_MORE &&
           sync_next_piece(sync, &octets, &pos)) {
        answer = give(feed, side, octets, &pos);
    }
    sync_free(sync);
    return answer;
}

/* Acts on what a search has come to. */
static int searched(struct feed *feed, struct feed_side *side, enum sync_status status)
{
    switch (status) {
    case SYNC_SEARCHING:
        return SINK_MORE;
    case SYNC_FOUND:
        return replay(feed, side);
    case SYNC_GAVE_UP: /* the next attempt begins behind what was looked at */
        h2_session_resume(side->session, sync_skipped(side->sync));
        end_search(side, SIDE_DONE);
        (void)begin_search(feed, side);
        return SINK_MORE;
    case SYNC_NOMEM:
        h2_session_resume(side->session, sync_skipped(side->sync));
        end_search(side, SIDE_DONE);
        return SINK_MORE;
    }
    return SINK_MORE;
}

/* No octet will follow those that the search was given. */
static void finish_search(struct feed *feed, struct feed_side *side)
{
    if (side->state != SIDE_SEARCHING) {
        return;
    }
    if (sync_end(side->sync) == SYNC_FOUND) {
        (void)replay(feed, side);
    } else {
        h2_session_resume(side->session, sync_skipped(side->sync));
        end_search(side, SIDE_IN_STEP);
    }
}

/* The side's first octets, of a connection whose beginning was not seen. Only the client's preface
 * shows that they are the first of all: what looks like a server's first SETTINGS may be a later
 * one, though it is where a frame begins. */
static void begin_late(struct feed_side *side, unsigned dir, struct span octets)
{
    const char *name;
    if (dir == DIR_C2S && look_preface_prefix(octets)) {
        return;
    }
    h2_session_join(side->session);
    if (dir == DIR_S2C && look_at(octets, true, &name) == LOOK_SETTINGS) {
        h2_session_resume(side->session, 0);
    }
}

static int search(struct feed *feed, struct feed_side *side, struct span octets,
                  const struct pos *pos)
{
    bool segment_start = pos->packet == 0 || pos->packet != side->segment;
    side->segment = pos->packet;
    return searched(feed, side, sync_feed(side->sync, octets, segment_start, pos));
}

/* ---- the sink ---- */

static int feed_bytes(void *ctx, unsigned dir, uint64_t off, struct span octets,
                      const struct pos *pos)
{
    struct feed *feed = ctx;
    struct feed_side *side = &feed->sides[dir];
    (void)off;
    if (feed->run->full || feed->connection == NULL) {
        return SINK_IGNORE;
    }
    if (H2D_UNLIKELY(!side->begun)) {
        side->begun = true;
        if (feed->info.joined && side->state == SIDE_IN_STEP &&
            feed->run->options->profile == H2_PROFILE_OBSERVER) {
            begin_late(side, dir, octets);
        }
    }
    if (side->state == SIDE_IN_STEP && H2D_UNLIKELY(!h2_session_in_step(side->session)) &&
        !begin_search(feed, side)) {
        return SINK_MORE;
    }
    switch (side->state) {
    case SIDE_IN_STEP:
        return give(feed, side, octets, pos);
    case SIDE_SEARCHING:
        return search(feed, side, octets, pos);
    case SIDE_DONE:
        break;
    }
    return SINK_MORE;
}

static int feed_gap(void *ctx, unsigned dir, uint64_t off, uint64_t len, enum gap_cause cause,
                    const struct pos *before, const struct pos *after)
{
    struct feed *feed = ctx;
    struct feed_side *side = &feed->sides[dir];
    (void)off;
    if (feed->run->full || feed->connection == NULL) {
        return SINK_IGNORE;
    }
    finish_search(feed, side); /* the next one begins behind the hole */
    if (side->state == SIDE_IN_STEP && feed->connection != NULL) {
        h2_session_gap(side->session, len, cause, before, after);
    }
    return SINK_MORE;
}

static void feed_end(struct feed *feed)
{
    if (feed->ended) {
        return;
    }
    feed->ended = true;
    if (feed->connection != NULL && !feed->run->full) {
        enum close_cause causes[2] = { feed->sides[0].cause, feed->sides[1].cause };
        h2_connection_end(feed->connection, causes);
    }
}

static void feed_close(void *ctx, unsigned dir, enum close_cause cause, const struct pos *pos)
{
    struct feed *feed = ctx;
    struct feed_side *side = &feed->sides[dir];
    if (side->closed) {
        return;
    }
    side->closed = true;
    side->cause = cause;
    if (feed->connection != NULL && !feed->run->full) {
        finish_search(feed, side);
        if (cause == CLOSE_FIN && side->state == SIDE_IN_STEP && feed->connection != NULL &&
            h2_session_in_step(side->session)) {
            side->eof = true;
            if (pos != NULL) {
                h2_session_set_pos(side->session, pos);
            }
            (void)pull(feed, side);
        }
    }
    if (feed->checked != NULL) {
        check_closed(feed->checked, (enum dir)dir, cause, pos);
    }
    if (feed->sides[dir_other((enum dir)dir)].closed) {
        feed_end(feed);
    }
}

static void feed_free(void *ctx)
{
    struct feed *feed = ctx;
    for (unsigned dir = 0; dir < 2; dir++) {
        feed_close(feed, dir, CLOSE_END, NULL);
    }
    feed_end(feed);
    if (!feed->given && !feed->run->full) {
        /* It was only said to be HTTP/2, and no frame was found in it. */
        feed->run->http2--;
        feed->run->report.http2--;
        others_add(&feed->run->report.others, "no frame", 1);
    }
    if (map_get(&feed->run->feeds, feed->key) == feed) {
        (void)map_remove(&feed->run->feeds, feed->key);
    }
    h2_connection_free(feed->connection);
    check_connection_end(feed->checked);
    if (feed->shown != NULL) {
        render_connection_end(feed->shown);
    }
    sync_free(feed->sides[0].sync);
    sync_free(feed->sides[1].sync);
    mem_free(&feed->run->mem, feed);
}

/* ---- the beginning ---- */

#define SETTINGS_MAX 64

/* The request of an HTTP/1.1 Upgrade, and the settings that came with it (RFC 7540 3.2.1). */
static bool tell_upgrade(struct feed *feed, const struct upgrade_info *upgrade)
{
    struct h2_setting settings[SETTINGS_MAX];
    size_t count = 0;
    struct span method = span_empty();
    if (upgrade != NULL) {
        struct cur c = cur_of(upgrade->settings);
        for (; count < SETTINGS_MAX && cur_left(&c) >= 6; count++) {
            settings[count].id = cur_u16(&c);
            settings[count].value = cur_u32(&c);
        }
        method = upgrade->method;
        render_upgrade(feed->shown, upgrade);
        if (feed->checked != NULL) {
            check_upgrade(feed->checked, upgrade);
        }
    }
    return h2_connection_upgraded(feed->connection, method, settings, count) == 0;
}

/* What was before was not seen, and the profile is one that can live with that. */
static bool begins_in_middle(const struct feed *feed)
{
    return (feed->info.start == START_FORCED || feed->info.start == START_MID_STREAM) &&
           feed->run->options->profile == H2_PROFILE_OBSERVER;
}

/* How much of the dynamic tables is known, before the first octet: see begin_late(), too. */
static void note_levels(struct feed *feed)
{
    bool joined = feed->info.joined && feed->run->options->profile == H2_PROFILE_OBSERVER;
    bool middle = begins_in_middle(feed);
    if (middle || (joined && !feed->info.preface)) {
        feed->info.hpack[DIR_C2S] = HPACK_LEVEL_PARTIAL;
    }
    if (middle || joined) {
        feed->info.hpack[DIR_S2C] = HPACK_LEVEL_PARTIAL;
    }
}

static bool open_sessions(struct feed *feed, const struct upgrade_info *upgrade)
{
    struct run *run = feed->run;
    enum connection_start start = feed->info.start;
    struct h2_options options;
    h2_options_init(&options);
    options.profile = run->options->profile;
    options.seed = run->key.k0;
    options.mid_stream = begins_in_middle(feed);
    options.already_upgraded = start == START_UPGRADE;
    options.checks = run->check != NULL ? run->options->check.wanted : NULL;
    void *user = feed->checked != NULL ? (void *)feed->checked : (void *)feed->shown;
    feed->connection = h2_connection_new(&run->h2_mem, &run->events, &options, user);
    if (feed->connection == NULL) {
        return false;
    }
    for (unsigned dir = 0; dir < 2; dir++) {
        struct feed_side *side = &feed->sides[dir];
        side->session = h2_connection_session(feed->connection, (enum dir)dir);
        side->lent = span_empty();
        side->cause = CLOSE_END;
        h2_session_set_lend_callback(side->session, feed->checked != NULL ? lend_checked : lend);
        if (options.mid_stream && run->raw && run->in_step) {
            h2_session_resume(side->session, 0);
        } else if (options.mid_stream && !begin_search(feed, side)) {
            return false;
        }
    }
    if (feed->info.joined) {
        h2_connection_joined(feed->connection);
    }
    if (feed->info.one_direction) {
        h2_connection_one_direction(feed->connection);
    }
    return start != START_UPGRADE || tell_upgrade(feed, upgrade);
}

struct stream_sink feed_open(struct run *run, const struct connection_info *info,
                             const struct upgrade_info *upgrade)
{
    static const struct stream_sink_ops ops = { feed_bytes, feed_gap, feed_close, feed_free };
    struct stream_sink sink = { NULL, NULL };
    struct feed *feed = mem_zalloc(&run->mem, 1, sizeof(*feed));
    if (feed == NULL) {
        run->out_of_memory = true;
        return sink;
    }
    run->http2++;
    run->report.http2++;
    feed->run = run;
    feed->info = *info;
    feed->info.conn = ++run->conns;
    if (run->raw) {
        feed->info.transport = TRANSPORT_RAW;
    }
    note_levels(feed);
    feed->shown = render_connection_begin(run->render, &feed->info);
    if (feed->shown == NULL) {
        run->out_of_memory = true;
        mem_free(&run->mem, feed);
        return sink;
    }
    render_connection_set_owner(feed->shown, feed);
    if (run->check != NULL) {
        feed->checked = check_connection_begin(run->check, &feed->info, feed->shown, feed);
        if (feed->checked == NULL) {
            run->out_of_memory = true;
            render_connection_end(feed->shown);
            mem_free(&run->mem, feed);
            return sink;
        }
    }
    feed->key = key_of(run, &info->client, &info->server);
    if (!map_put(&run->feeds, feed->key, feed)) {
        run->out_of_memory = true;
    }
    if (!open_sessions(feed, upgrade)) {
        drop_connection(feed);
    }
    sink.ops = &ops;
    sink.ctx = feed;
    return sink;
}
