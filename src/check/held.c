/* Findings until they are settled: those of one frame are joined (checks.md 3.4), and each waits
 * for what the other side does (4.13). Bounded: at most LIMIT_CHECK_HELD a connection, and no
 * longer than LIMIT_REACTION_WAIT_MS of the capture's time. */
#include <stdio.h>
#include <string.h>

#include "check/check_int.h"

#define NS_A_MS UINT64_C(1000000)

/* ---- which of two rules a receiver would act on first ---- */

/* In the order of checks.md 3.4; a check belongs to the first row whose word begins its id. */
static const struct {
    const char *prefix;
    unsigned rank;
} ranks[] = {
    { "preface-", 0 }, { "frame-", 0 },          { "field-block-", 1 }, { "continuation-", 1 },
    { "hpack-", 3 },   { "stream-", 4 },         { "rst-idle", 4 },     { "flow-", 5 },
    { "window-", 5 },  { "settings-window", 5 }, { "msg-", 6 },         { "pseudo-", 6 },
    { "field-", 6 },   { "connect-", 6 },        { "ext-", 6 },
};

static unsigned rank_of(enum check check)
{
    const char *id = spec_check(check)->id;
    size_t len = strlen(id);
    if (len > 7 && strcmp(id + len - 7, "-length") == 0 && strncmp(id, "msg-", 4) != 0) {
        return 0;
    }
    for (size_t i = 0; i < H2D_COUNT_OF(ranks); i++) {
        if (strncmp(id, ranks[i].prefix, strlen(ranks[i].prefix)) == 0) {
            return ranks[i].rank;
        }
    }
    return 2;
}

static bool outranks(const struct finding *a, const struct finding *b)
{
    return a->severity != b->severity ? a->severity > b->severity
                                      : rank_of(a->check) < rank_of(b->check);
}

/* ---- the list ---- */

static void tell(struct check_conn *conn, const struct held *held, const struct finding *finding)
{
    if (held != NULL && held->hidden) {
        return;
    }
    const struct check_options *options = &conn->check->options;
    options->on_finding(options->ctx, conn->owner, finding);
}

/* Hands on what is settled at the list's front, so that findings stay in their order. */
static void release(struct check_conn *conn, bool all)
{
    while (conn->held != NULL && (all || conn->held->settled)) {
        struct held *held = conn->held;
        conn->held = held->next;
        if (conn->held == NULL) {
            conn->held_end = &conn->held;
        }
        conn->held_count--;
        held->finding.message = held->message;
        tell(conn, held, &held->finding);
        if (held->judge) {
            chk_reactions_settled(conn, held);
        }
        held->next = conn->check->free;
        conn->check->free = held;
    }
}

static void settle(struct held *held, enum reaction_kind kind, uint64_t packet)
{
    held->finding.reaction.kind = kind;
    held->finding.reaction.packet = packet;
    held->settled = true;
}

static void add_also(struct finding *finding, enum check check)
{
    for (uint8_t i = 0; i < finding->also_count; i++) {
        if (finding->also[i] == check) {
            return;
        }
    }
    if (check != finding->check && finding->also_count < FINDING_ALSO) {
        finding->also[finding->also_count++] = check;
    }
}

static void set_message(struct held *held, const struct finding *finding)
{
    (void)snprintf(held->message, sizeof held->message, "%s",
                   finding->message != NULL ? finding->message : spec_check(finding->check)->title);
}

/* One cause, one finding. True: it was joined to another one of its frame. */
static bool join(struct check_conn *conn, const struct finding *finding)
{
    bool hidden = !check_wants(conn->check, finding->check);
    for (struct held *held = conn->held; held != NULL; held = held->next) {
        struct finding *have = &held->finding;
        if (held->hidden != hidden || !have->has_offset || have->offset != finding->offset ||
            have->dir != finding->dir || !spec_is_violation(have->check)) {
            continue;
        }
        if (!outranks(finding, have)) {
            add_also(have, finding->check);
            return true;
        }
        struct finding old = *have;
        *have = *finding;
        have->reaction = old.reaction;
        have->after_doomed = old.after_doomed;
        set_message(held, finding);
        for (uint8_t i = 0; i < old.also_count; i++) {
            add_also(have, old.also[i]);
        }
        add_also(have, old.check);
        return true;
    }
    return false;
}

static struct held *held_new(struct checker *check)
{
    struct held *held = check->free;
    if (held != NULL) {
        check->free = held->next;
        return held;
    }
    return mem_alloc(check->mem, sizeof *held);
}

/* The first RST_STREAM of the side on that stream, not before that packet; NULL: it is not
 * remembered. */
static const struct reset *reset_since(const struct check_side *side, uint32_t stream_id,
                                       uint64_t packet)
{
    uint32_t n =
        side->reset_count < RESETS_REMEMBERED ? side->reset_count : (uint32_t)RESETS_REMEMBERED;
    for (uint32_t i = side->reset_count - n; i < side->reset_count; i++) {
        const struct reset *reset = &side->resets[i % RESETS_REMEMBERED];
        if (reset->stream_id == stream_id && reset->packet >= packet) {
            return reset;
        }
    }
    return NULL;
}

/* The other side spoke before the last octet of the frame was in, and had seen enough; or before it
 * was certain that the frame is at fault. */
static void look_back(const struct check_conn *conn, struct held *held)
{
    struct finding *f = &held->finding;
    const struct check_side *other = &conn->sides[dir_other(f->dir)];
    if (f->first.packet == 0 || finding_scope(f) > SCOPE_MESSAGE) {
        return;
    }
    const struct reset *reset =
        f->has_stream ? reset_since(other, f->stream_id, f->first.packet) : NULL;
    bool goaway = other->goaway && other->goaway_packet >= f->first.packet;
    if (reset != NULL && (!goaway || reset->packet <= other->goaway_packet)) {
        f->reaction.error_code = reset->error_code;
        settle(held, REACTION_RST, reset->packet);
    } else if (goaway) {
        f->reaction.error_code = other->goaway_code;
        settle(held, REACTION_GOAWAY, other->goaway_packet);
    }
}

void held_take(struct check_conn *conn, const struct h2_session *session,
               const struct finding *finding)
{
    bool violation = spec_is_violation(finding->check);
    if (violation && finding->has_offset && join(conn, finding)) {
        return;
    }
    bool hidden = !check_wants(conn->check, finding->check);
    if (finding->surplus) {
        if (!hidden) {
            tell(conn, NULL, finding);
        }
        return;
    }
    if (conn->held_count == LIMIT_CHECK_HELD) {
        conn->held->settled = true;
        release(conn, false);
    }
    struct held *held = held_new(conn->check);
    if (held == NULL) { /* memory is out: at once, then, without what follows */
        release(conn, true);
        if (!hidden) {
            tell(conn, NULL, finding);
        }
        return;
    }
    *held = (struct held){ .finding = *finding,
                           .settled = finding_scope(finding) > SCOPE_MESSAGE,
                           .hidden = hidden,
                           .judge = chk_reactions_judge(conn, finding),
                           .told = session != NULL ? h2_session_told(session) : 0,
                           .highest = conn->sides[finding->dir].highest };
    set_message(held, finding);
    look_back(conn, held);
    if (conn->held == NULL) {
        conn->held_end = &conn->held;
    }
    *conn->held_end = held;
    conn->held_end = &held->next;
    conn->held_count++;
    release(conn, false);
}

/* ---- what the other side did ---- */

static bool waited_long(const struct held *held, const struct pos *now)
{
    const struct pos *then = &held->finding.last;
    return now->ts_known && then->ts_known &&
           now->ts_ns > then->ts_ns + LIMIT_REACTION_WAIT_MS * NS_A_MS;
}

/* An ACK, or the answer to a later request, proves that what came behind the finding's frame was
 * read, and so the frame. */
static bool is_answered(const struct at_frame *at, const struct held *held)
{
    uint32_t id = at->frame->hd.stream_id;
    bool response = at->frame->hd.type == H2_HEADERS && at->dir == DIR_S2C && (id & 1) != 0;
    return h2_session_had_seen(at->session, held->told) ||
           (response && id > held->highest && id <= at->conn->sides[DIR_C2S].highest &&
            !at->conn->lossy);
}

void held_frame(const struct at_frame *at)
{
    struct check_conn *conn = at->conn;
    const struct h2_frame *frame = at->frame;
    bool goaway = frame->hd.type == H2_GOAWAY && frame->has_payload;
    bool rst = frame->hd.type == H2_RST_STREAM && frame->has_payload;
    uint16_t status =
        frame->hd.type == H2_HEADERS ? h2_session_status(at->session, frame->hd.stream_id) : 0;
    for (struct held *held = conn->held; held != NULL; held = held->next) {
        struct finding *f = &held->finding;
        if (held->settled) {
            continue;
        }
        bool same_stream = f->has_stream && f->stream_id == frame->hd.stream_id;
        if (waited_long(held, &frame->where.last)) {
            settle(held, REACTION_NONE, 0);
        } else if (f->dir == at->dir) {
            continue;
        } else if (goaway) {
            f->reaction.error_code = frame->payload.goaway.error_code;
            settle(held, REACTION_GOAWAY, frame->where.last.packet);
        } else if (rst && same_stream) {
            f->reaction.error_code = frame->payload.rst_stream.error_code;
            settle(held, REACTION_RST, frame->where.last.packet);
        } else {
            f->reaction.status = same_stream && status != 0 ? status : f->reaction.status;
            if (held->judge && !held->has_went_on && is_answered(at, held)) {
                held->has_went_on = true;
                held->went_on = frame->where.last.packet;
            }
        }
    }
    release(conn, false);
}

/* The other side ended the connection, and not because the guilty one had. */
static bool closed_for_it(const struct check_conn *conn, const struct held *held)
{
    const struct check_side *guilty = &conn->sides[held->finding.dir];
    const struct check_side *other = &conn->sides[dir_other(held->finding.dir)];
    return check_ended(other) && other->closed_packet >= held->finding.first.packet &&
           !(check_ended(guilty) && guilty->closed_packet < other->closed_packet);
}

void held_closed(struct check_conn *conn, enum dir dir)
{
    const struct check_side *side = &conn->sides[dir];
    for (struct held *held = conn->held; held != NULL; held = held->next) {
        if (!held->settled && held->finding.dir != dir && closed_for_it(conn, held)) {
            settle(held, REACTION_CLOSE, side->closed_packet);
        }
    }
    release(conn, false);
}

/* A side that the capture shows to its end did nothing; of another one nobody knows. */
void held_end(struct check_conn *conn)
{
    for (struct held *held = conn->held; held != NULL; held = held->next) {
        const struct check_side *guilty = &conn->sides[held->finding.dir];
        const struct check_side *other = &conn->sides[dir_other(held->finding.dir)];
        if (held->settled) {
            continue;
        }
        if (closed_for_it(conn, held)) {
            settle(held, REACTION_CLOSE, other->closed_packet);
        } else if (check_ended(guilty) && other->frames > 0) {
            settle(held, REACTION_NONE, 0);
        }
    }
    release(conn, true);
}

void held_free(struct checker *check)
{
    while (check->free != NULL) {
        struct held *held = check->free;
        check->free = held->next;
        mem_free(check->mem, held);
    }
}
