#include "app/feed.h"

#include <stdio.h>
#include <string.h>

#include "app/checking.h"
#include "detect/hold.h"
#include "detect/looks.h"
#include "detect/sync.h"
#include "h2/conn.h"
#include "spec/limits.h"

enum side_state {
    SIDE_FIRST, /* joined in the middle, where a frame begins; no octet has come */
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
    enum sync_status found; /* what it has come to */
    struct hold hold;       /* while searching: of its side 0 */
    uint64_t passed;        /* octets passed over and no longer held */
    uint64_t segment;       /* packet of the newest octets held: rule B wants segment starts */
    bool fresh;             /* no octet has been searched yet */
    bool given;             /* its session got octets */
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
    bool ended;
    uint32_t key; /* in run->feeds */
};

/* A finding that no session made. */
static void tell(struct feed *feed, const struct finding *finding)
{
    if (feed->checked != NULL) {
        check_finding(feed->checked, finding);
    } else {
        render_finding(feed->shown, finding);
    }
}

/* ---- notes find their connection by its flow ---- */

static void show_note(struct feed *feed, const struct endpoint *side0, const struct finding *note)
{
    struct finding finding = *note;
    bool swapped =
        side0->port == feed->info.server.port && memcmp(side0->ip, feed->info.server.ip, 16) == 0;
    finding.dir = swapped ? dir_other(note->dir) : note->dir;
    tell(feed, &finding);
}

/* What is said of a flow before anybody knows that it is HTTP/2 is kept for a while. */
static void keep_note(struct run *run, const struct flow_info *flow, const struct finding *note)
{
    struct early_note *early = &run->early_notes[run->early_note_count++ % EARLY_NOTES_MAX];
    early->flow = flow->id;
    early->side0 = flow->ends[0];
    early->note = *note;
    (void)snprintf(early->text, sizeof(early->text), "%s", note->message);
}

static void show_early_notes(struct feed *feed)
{
    struct run *run = feed->run;
    uint64_t count = run->early_note_count;
    uint64_t i = count > EARLY_NOTES_MAX ? count - EARLY_NOTES_MAX : 0;
    for (; i < count && feed->info.flow != 0; i++) {
        struct early_note *early = &run->early_notes[i % EARLY_NOTES_MAX];
        if (early->flow == feed->info.flow) {
            early->note.message = early->text;
            show_note(feed, &early->side0, &early->note);
            early->flow = 0;
        }
    }
}

void feed_checked(void *ctx, void *owner, const struct finding *finding)
{
    struct feed *feed = owner;
    checking_take(ctx, &feed->info, feed->shown, finding);
}

void feed_note(struct run *run, const struct flow_info *flow, const struct finding *note)
{
    struct feed *feed = map_get(&run->feeds, (uint32_t)flow->id);
    if (feed != NULL) {
        show_note(feed, &flow->ends[0], note);
    } else {
        keep_note(run, flow, note);
    }
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
    if (feed->checked != NULL) {
        check_given_up(feed->checked);
    }
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
    side->given = true;
    side->lent = octets;
    h2_session_set_pos(side->session, pos);
    return pull(feed, side);
}

/* What was before was not seen, and the profile is one that can live with that. */
static bool begins_in_middle(const struct feed *feed)
{
    return (feed->info.start == START_FORCED || feed->info.start == START_MID_STREAM) &&
           feed->run->options->profile == H2_PROFILE_OBSERVER;
}

/* ---- out of step ---- */

/* Octets that a hold takes: what is kept while searching, and a chunk more. */
#define CHUNK_OCTETS    65536
#define HOLD_OCTETS_MAX (size_t)(2 * LIMIT_SYNC_REPLAY_OCTETS + CHUNK_OCTETS)

static void begin_search(struct feed *feed, struct feed_side *side)
{
    struct sync_options options = { .start_off = side->hold.base[0],
                                    .octets_max = feed->run->options->sync_octets,
                                    .length_max = h2_session_frame_limit(side->session) };
    side->sync = sync_new(&feed->run->held_mem, &options);
    side->state = SIDE_SEARCHING;
    side->found = SYNC_SEARCHING;
    side->segment = 0;
    side->fresh = true;
    if (side->sync == NULL) {
        drop_connection(feed);
    }
}

static void end_search(struct feed_side *side, enum side_state state)
{
    sync_free(side->sync);
    side->sync = NULL;
    hold_fini(&side->hold);
    side->passed = 0;
    side->state = state;
}

/* The first n octets that are held are passed over. */
static void pass_over(struct feed_side *side, size_t n)
{
    hold_drop(&side->hold, 0, n);
    side->passed += n;
}

/* Puts the session in step, behind what was passed over; *pos: of the next octet, or NULL. */
static void resume(struct feed_side *side, const struct pos *pos)
{
    if (pos != NULL) {
        h2_session_set_pos(side->session, pos);
    }
    h2_session_resume(side->session, side->passed);
    side->passed = 0;
}

/* A boundary is found: the session goes on from there with what is held. */
static int replay(struct feed *feed, struct feed_side *side)
{
    int answer = SINK_MORE;
    struct span octets;
    struct held held;
    pass_over(side, (size_t)(sync_boundary(side->sync) - side->hold.base[0]));
    resume(side, hold_first(&side->hold, 0));
    side->state = SIDE_IN_STEP;
    while (side->state == SIDE_IN_STEP && answer == SINK_MORE &&
           hold_take(&side->hold, &held, &octets)) {
        answer = give(feed, side, octets, &held.pos);
    }
    end_search(side, side->state);
    return answer;
}

/* Nothing was found in what was looked at: the next attempt begins behind it. */
static void search_anew(struct feed *feed, struct feed_side *side)
{
    const struct pos *last = hold_last(&side->hold, 0);
    struct pos pos = last != NULL ? *last : (struct pos){ .packet = 0 };
    pass_over(side, hold_octets(&side->hold, 0).len);
    resume(side, last != NULL ? &pos : NULL);
    end_search(side, SIDE_SEARCHING);
    begin_search(feed, side);
}

/* The other direction has frames, as far as can be seen. */
static bool is_helped(const struct feed *feed, const struct feed_side *side)
{
    const struct feed_side *other = &feed->sides[side == feed->sides ? 1 : 0];
    return other->state == SIDE_SEARCHING
               ? other->found == SYNC_LIKELY
               : other->state == SIDE_IN_STEP && other->given && h2_session_in_step(other->session);
}

/* Acts on what the search of a side has come to: what is likely is true when the other direction is
 * in step or has something likely, too. */
static int conclude(struct feed *feed, struct feed_side *side)
{
    bool helped = is_helped(feed, side);
    side->found = sync_help(side->sync, helped);
    if (side->found == SYNC_LIKELY && helped) {
        side->found = sync_confirm(side->sync);
    }
    if (side->found == SYNC_GAVE_UP) {
        search_anew(feed, side);
    }
    return side->found == SYNC_FOUND ? replay(feed, side) : SINK_MORE;
}

/* What one side has come to may help the other. */
static int searched(struct feed *feed, struct feed_side *side)
{
    struct feed_side *other = &feed->sides[side == feed->sides ? 1 : 0];
    int answer = conclude(feed, side);
    if (answer == SINK_MORE && other->state == SIDE_SEARCHING) {
        answer = conclude(feed, other);
    }
    return answer;
}

/* No octet will follow those that are held. */
static void finish_search(struct feed *feed, struct feed_side *side)
{
    if (side->state != SIDE_SEARCHING) {
        return;
    }
    (void)sync_help(side->sync, is_helped(feed, side));
    if (sync_end(side->sync, hold_octets(&side->hold, 0), side->hold.base[0]) == SYNC_FOUND) {
        (void)replay(feed, side);
    } else {
        pass_over(side, hold_octets(&side->hold, 0).len);
        resume(side, NULL);
        end_search(side, SIDE_IN_STEP);
    }
}

/* Adds octets to those that are searched. */
static int look(struct feed *feed, struct feed_side *side, struct span octets,
                const struct pos *pos)
{
    bool new_packet = pos->packet != 0 && pos->packet != side->segment;
    bool segment_start = side->fresh || new_packet || feed->info.transport == TRANSPORT_TLS;
    side->segment = pos->packet;
    side->fresh = false;
    if (hold_full(&side->hold)) {
        search_anew(feed, side); /* too many tiny segments to tell them apart */
    }
    if (side->state != SIDE_SEARCHING || !hold_bytes(&side->hold, 0, octets, pos)) {
        drop_connection(feed);
        return SINK_IGNORE;
    }
    size_t held = hold_octets(&side->hold, 0).len;
    side->found =
        sync_look(side->sync, hold_octets(&side->hold, 0), side->hold.base[0], segment_start);
    if (side->found == SYNC_SEARCHING && held >= 2 * LIMIT_SYNC_REPLAY_OCTETS) {
        pass_over(side, held - (size_t)LIMIT_SYNC_REPLAY_OCTETS);
    }
    return searched(feed, side);
}

/* The side's first octets, of a connection whose beginning was not seen. Only the client's preface
 * shows that they are the first of all: what looks like a first SETTINGS may be a later one, though
 * it is where a frame begins. */
static void begin_late(struct feed_side *side, unsigned dir, struct span octets,
                       const struct pos *pos)
{
    const char *name;
    if (dir == DIR_C2S && look_preface_prefix(octets)) {
        return;
    }
    h2_session_join(side->session);
    if (look_at(octets, true, &name) == LOOK_SETTINGS) {
        resume(side, pos);
    }
}

static int search(struct feed *feed, struct feed_side *side, struct span octets,
                  const struct pos *pos)
{
    struct cur c = cur_of(octets);
    int answer = SINK_MORE;
    while (cur_left(&c) > 0 && answer == SINK_MORE && side->state == SIDE_SEARCHING) {
        answer = look(feed, side, cur_take(&c, num_min_size(cur_left(&c), CHUNK_OCTETS)), pos);
    }
    return cur_left(&c) > 0 && answer == SINK_MORE && side->state == SIDE_IN_STEP
               ? give(feed, side, cur_rest(&c), pos)
               : answer;
}

/* ---- the sink ---- */

/* Something comes of a side whose first octet, at *pos, begins a frame. */
static void begin_side(struct feed_side *side, const struct pos *pos)
{
    if (H2D_UNLIKELY(side->state == SIDE_FIRST)) {
        resume(side, pos);
        side->state = SIDE_IN_STEP;
    }
}

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
        begin_side(side, pos);
        if (feed->info.joined && side->state == SIDE_IN_STEP && !begins_in_middle(feed) &&
            feed->run->options->profile == H2_PROFILE_OBSERVER) {
            begin_late(side, dir, octets, pos);
        }
    }
    if (side->state == SIDE_IN_STEP && H2D_UNLIKELY(!h2_session_in_step(side->session))) {
        begin_search(feed, side);
    }
    switch (side->state) {
    case SIDE_FIRST: /* it has begun */
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
    begin_side(side, before);
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
        begin_side(side, NULL);
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
        uint32_t open = feed->connection != NULL ? h2_session_open_streams(side->session) : 0;
        check_closed(feed->checked, (enum dir)dir, cause, pos, open);
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
    if (!feed->sides[0].given && !feed->sides[1].given && !feed->run->full) {
        /* It was only said to be HTTP/2, and no frame was found in it. */
        feed->run->http2--;
        feed->run->report.http2--;
        others_add(&feed->run->report.others, "no frame", 1, 0);
    }
    if (map_get(&feed->run->feeds, feed->key) == feed) {
        (void)map_remove(&feed->run->feeds, feed->key);
    }
    h2_connection_free(feed->connection);
    check_connection_end(feed->checked);
    if (feed->shown != NULL) {
        render_connection_end(feed->shown);
    }
    for (unsigned dir = 0; dir < 2; dir++) {
        sync_free(feed->sides[dir].sync);
        hold_fini(&feed->sides[dir].hold);
    }
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

/* How a direction begins: with the first octet, in step in the middle, or with a search. */
static void open_side(struct feed *feed, enum dir dir, bool mid_stream)
{
    struct feed_side *side = &feed->sides[dir];
    const struct join_point *join = &feed->info.join[dir];
    side->session = h2_connection_session(feed->connection, dir);
    side->lent = span_empty();
    side->cause = CLOSE_END;
    side->passed = join->skipped;
    hold_init(&side->hold, &feed->run->held_mem, HOLD_OCTETS_MAX);
    h2_session_set_lend_callback(side->session, feed->checked != NULL ? lend_checked : lend);
    side->state = mid_stream ? SIDE_FIRST : SIDE_IN_STEP;
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
    options.hpack_table = run->options->hpack_table;
    options.hpack_keep = run->options->max_table;
    options.block_fields = run->options->max_headers;
    options.hints = run->options->hints;
    options.hint_count = run->options->hint_count;
    options.hint_conn = feed->info.conn;
    options.already_upgraded = start == START_UPGRADE;
    options.checks = run->check != NULL ? run->options->check.heard : NULL;
    void *user = feed->checked != NULL ? (void *)feed->checked : (void *)feed->shown;
    feed->connection = h2_connection_new(&run->h2_mem, &run->events, &options, user);
    if (feed->connection == NULL) {
        return false;
    }
    open_side(feed, DIR_C2S, options.mid_stream);
    open_side(feed, DIR_S2C, options.mid_stream);
    for (unsigned dir = 0; dir < 2 && options.mid_stream && feed->connection != NULL; dir++) {
        if (feed->info.join[dir].lost) {
            begin_search(feed, &feed->sides[dir]);
        }
    }
    if (feed->connection != NULL && feed->info.joined) {
        h2_connection_joined(feed->connection, feed->info.preface || start == START_UPGRADE ||
                                                   feed->info.tls != NULL);
    }
    if (feed->connection != NULL && feed->info.one_direction) {
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
    feed->key = (uint32_t)info->flow;
    show_early_notes(feed);
    if (feed->key != 0 && !map_put(&run->feeds, feed->key, feed)) {
        run->out_of_memory = true;
    }
    if (!open_sessions(feed, upgrade)) {
        drop_connection(feed);
    }
    sink.ops = &ops;
    sink.ctx = feed;
    return sink;
}

void feed_keyless(struct run *run, const struct connection_info *info, struct render_conn *shown)
{
    struct feed feed = { .run = run, .info = *info, .shown = shown };
    feed.checked = check_connection_begin(run->check, &feed.info, shown, &feed);
    if (feed.checked == NULL) {
        run->out_of_memory = true;
    }
    check_connection_end(feed.checked);
}
