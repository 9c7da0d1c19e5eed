/* What one side owes the other once it has read what it was sent: ACKs, silence, an end (checks.md
 * 3.2). The order in which a capture shows two directions proves nothing; that a side had read
 * something is proved by its ACK of a later PING or SETTINGS, or by its answer to a later request
 * (RFC 9113 5.1). What was asked and not yet answered is kept, at most LIMIT_CHECK_QUESTIONS a
 * connection; when there are more, or octets are missing, these rules are off. */
#include <string.h>

#include "check/check_int.h"

#define END_NS UINT64_C(5000000000) /* before the end of a capture nothing must have come */

struct question {
    struct question *next;
    uint8_t type; /* SETTINGS or PING */
    uint8_t opaque[8];
    bool first;       /* the side's first SETTINGS */
    bool opts_out;    /* SETTINGS with NO_RFC7540_PRIORITIES=1 */
    bool passed;      /* the other side has read it */
    uint32_t highest; /* stream that the side had opened */
    struct frame_place place;
};

/* ---- the list ---- */

static void give_back(struct check_conn *conn, struct check_side *side, struct question **at)
{
    struct question *q = *at;
    *at = q->next;
    if (side->asked_end == &q->next) {
        side->asked_end = at;
    }
    q->next = conn->check->free_questions;
    conn->check->free_questions = q;
    conn->question_count--;
}

static void forget_all(struct check_conn *conn)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        while (conn->sides[dir].asked != NULL) {
            give_back(conn, &conn->sides[dir], &conn->sides[dir].asked);
        }
    }
}

static struct question *question_new(struct check_conn *conn)
{
    struct checker *check = conn->check;
    struct question *q = check->free_questions;
    if (conn->question_count == LIMIT_CHECK_QUESTIONS) {
        return NULL;
    }
    if (q == NULL) {
        return mem_alloc(check->mem, sizeof *q);
    }
    check->free_questions = q->next;
    return q;
}

static void ask(const struct at_frame *at)
{
    struct check_conn *conn = at->conn;
    struct check_side *side = &conn->sides[at->dir];
    struct question *q = conn->questions_off ? NULL : question_new(conn);
    if (q == NULL) {
        /* ACKs carry no number: with one question missing no later one can be told from another. */
        conn->questions_off = true;
        forget_all(conn);
        return;
    }
    *q = (struct question){ .type = at->frame->hd.type,
                            .highest = side->highest,
                            .place = check_place(at->frame) };
    if (side->asked == NULL) {
        side->asked_end = &side->asked;
    }
    *side->asked_end = q;
    side->asked_end = &q->next;
    conn->question_count++;
    if (q->type == H2_PING) {
        memcpy(q->opaque, at->frame->payload.ping.opaque, sizeof q->opaque);
    }
}

/* The side's last question, if it is of this frame. */
static struct question *newest(const struct check_side *side)
{
    struct question *q = side->asked;
    while (q != NULL && q->next != NULL) {
        q = q->next;
    }
    return q;
}

/* ---- what answers it ---- */

/* A capture may show an ACK before what it answers: that is then answered (receive-engine 6.4). */
static void note_ahead(struct check_side *side, const uint8_t *opaque)
{
    if (side->pings_ahead_count < ACKS_REMEMBERED) {
        memcpy(side->pings_ahead[side->pings_ahead_count++], opaque, 8);
    }
}

static bool came_ahead(struct check_side *side, const uint8_t *opaque)
{
    for (uint32_t i = 0; i < side->pings_ahead_count; i++) {
        if (memcmp(side->pings_ahead[i], opaque, 8) == 0) {
            memmove(side->pings_ahead[i], side->pings_ahead[--side->pings_ahead_count], 8);
            return true;
        }
    }
    return false;
}

/* The first one of the type, and of the payload if any; what stands before it was read, too. NULL:
 * there is none. */
static struct question **find(struct check_side *side, uint8_t type, const uint8_t *opaque)
{
    struct question **at = &side->asked;
    while (*at != NULL &&
           ((*at)->type != type || (opaque != NULL && memcmp((*at)->opaque, opaque, 8) != 0))) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return NULL;
    }
    for (struct question *q = side->asked; q != *at; q = q->next) {
        q->passed = true;
    }
    return at;
}

static void settings_ack(const struct at_frame *at)
{
    struct check_conn *conn = at->conn;
    struct check_side *asker = &conn->sides[dir_other(at->dir)];
    conn->sides[at->dir].settings_acks++;
    struct question **found = find(asker, H2_SETTINGS, NULL);
    if (found != NULL) {
        conn->opted_out |= (*found)->opts_out && at->dir == DIR_C2S && !conn->lossy;
        give_back(conn, asker, found);
    } else {
        conn->sides[at->dir].settings_ahead++;
    }
}

static bool is_remembered(const struct check_side *side, const uint8_t *opaque)
{
    uint32_t count = side->ack_count < ACKS_REMEMBERED ? side->ack_count : ACKS_REMEMBERED;
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(side->acks[i], opaque, 8) == 0) {
            return true;
        }
    }
    return false;
}

static void ping_ack(const struct at_frame *at)
{
    struct check_conn *conn = at->conn;
    struct check_side *side = &conn->sides[at->dir];
    struct check_side *asker = &conn->sides[dir_other(at->dir)];
    const uint8_t *opaque = at->frame->payload.ping.opaque;
    struct question **found = find(asker, H2_PING, opaque);
    if (found != NULL) {
        give_back(conn, asker, found);
    } else {
        note_ahead(side, opaque);
    }
    if (found == NULL && !conn->lossy && !conn->questions_off && is_remembered(asker, opaque)) {
        check_tell(at, CHECK_PING_ACK_OF_ACK, CONFIDENCE_POSSIBLE,
                   "a PING ACK that answers no PING, but has the octets of a PING ACK");
    }
    memcpy(side->acks[side->ack_count++ % ACKS_REMEMBERED], opaque, 8);
}

/* A response proves that the server has read the request, and all that the client sent before. */
static void response(const struct at_frame *at)
{
    uint32_t id = at->frame->hd.stream_id;
    struct check_side *client = &at->conn->sides[DIR_C2S];
    bool requested = id <= client->highest;
    for (struct question *q = client->asked; requested && q != NULL && q->highest < id;
         q = q->next) {
        q->passed = true;
    }
}

/* ---- an end that must be one ---- */

/* RFC 9113 5.4.1: who sends GOAWAY for an error closes the connection. */
static void goaway(const struct at_frame *at)
{
    const struct check_conn *conn = at->conn;
    struct check_side *side = &at->conn->sides[at->dir];
    if (at->frame->payload.goaway.error_code != H2_NO_ERROR && !side->fatal_goaway) {
        side->fatal_goaway = true;
        side->fatal_facts = h2_session_facts(at->session);
        side->fatal_highest = conn->sides[dir_other(at->dir)].highest;
    }
}

static void behind_goaway(const struct at_frame *at)
{
    struct check_side *side = &at->conn->sides[at->dir];
    uint8_t type = at->frame->hd.type;
    bool answers = type == H2_HEADERS && at->dir == DIR_S2C && !at->conn->lossy &&
                   (at->frame->hd.stream_id & 1) != 0 &&
                   at->frame->hd.stream_id > side->fatal_highest;
    if (!side->fatal_told && type != H2_GOAWAY &&
        (answers || h2_session_had_seen(at->session, side->fatal_facts))) {
        side->fatal_told = true;
        check_tell(at, CHECK_GOAWAY_NO_CLOSE, CONFIDENCE_LIKELY,
                   "%s, which answers what came behind the GOAWAY of an error",
                   h2_frame_name(type) != NULL ? h2_frame_name(type) : "a frame");
    }
}

/* ---- events ---- */

static void ping(const struct at_frame *at)
{
    struct check_side *other = &at->conn->sides[dir_other(at->dir)];
    if (!came_ahead(other, at->frame->payload.ping.opaque)) {
        ask(at);
    }
}

static void settings(const struct at_frame *at)
{
    struct check_side *side = &at->conn->sides[at->dir];
    struct check_side *other = &at->conn->sides[dir_other(at->dir)];
    const struct h2_setting *raw = at->frame->payload.settings.raw;
    bool first = !side->settings_asked && !at->conn->begun_late;
    side->settings_asked = true;
    if (other->settings_ahead > 0) {
        other->settings_ahead--;
        return;
    }
    ask(at);
    struct question *q = newest(side);
    if (q == NULL) {
        return;
    }
    q->first = first;
    for (size_t i = 0; i < at->frame->payload.settings.raw_count; i++) {
        if (raw[i].id == H2_SETTING_NO_RFC7540_PRIORITIES) {
            q->opts_out = raw[i].value == 1;
        }
    }
}

void chk_sync_frame(const struct at_frame *at)
{
    const struct h2_frame *frame = at->frame;
    bool ack = (frame->hd.raw_flags & H2_FLAG_ACK) != 0;
    if (H2D_UNLIKELY(at->conn->sides[at->dir].fatal_goaway)) {
        behind_goaway(at);
    }
    switch (frame->hd.type) {
    case H2_HEADERS:
        if (at->dir == DIR_S2C && (frame->hd.stream_id & 1) != 0) {
            response(at);
        }
        break;
    case H2_SETTINGS:
        if (frame->has_payload && frame->hd.stream_id == 0) {
            (ack ? settings_ack : settings)(at);
        }
        break;
    case H2_PING:
        if (frame->has_payload && frame->hd.stream_id == 0) {
            (ack ? ping_ack : ping)(at);
        }
        break;
    case H2_GOAWAY:
        if (frame->has_payload) {
            goaway(at);
        }
        break;
    default:
        break;
    }
}

/* ---- the end ---- */

/* Whether the other side would have been seen to answer. */
static bool is_due(const struct check_side *other, const struct question *q)
{
    const struct pos *asked = &q->place.last;
    return check_ended(other) ||
           (asked->ts_known && other->last.ts_known && other->last.ts_ns > asked->ts_ns + END_NS);
}

static void tell_unanswered(struct check_conn *conn, enum dir dir, const struct question *q)
{
    enum dir guilty = dir_other(dir);
    const char *side = guilty == DIR_C2S ? "client" : "server";
    if (q->type == H2_PING) {
        if (!conn->sides[0].goaway && !conn->sides[1].goaway) {
            check_tell_side(conn, guilty, CHECK_PING_ACK_MISSING, CONFIDENCE_LIKELY, &q->place,
                            "the %s never acknowledged this PING, and answered what came behind it",
                            side);
        }
    } else if (q->first && conn->sides[guilty].settings_acks == 0) {
        check_tell_side(conn, guilty, CHECK_PREFACE_SETTINGS_UNACKED, CONFIDENCE_LIKELY, &q->place,
                        "the %s acknowledged no SETTINGS, and answered what came behind these",
                        side);
    } else if (conn->sides[guilty].settings_acks > 0) {
        check_tell_side(conn, guilty, CHECK_SETTINGS_ACK_MISSING, CONFIDENCE_LIKELY, &q->place,
                        "the %s never acknowledged these SETTINGS, and answered what came behind "
                        "them",
                        side);
    }
}

void chk_sync_end(struct check_conn *conn)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        const struct check_side *other = &conn->sides[1 - dir];
        bool gave_up = other->goaway && other->goaway_code != H2_NO_ERROR;
        for (const struct question *q = conn->sides[dir].asked; q != NULL; q = q->next) {
            if (q->passed && !conn->lossy && !gave_up && is_due(other, q)) {
                tell_unanswered(conn, (enum dir)dir, q);
            }
        }
    }
    forget_all(conn);
}

void chk_sync_free(struct checker *check)
{
    while (check->free_questions != NULL) {
        struct question *q = check->free_questions;
        check->free_questions = q->next;
        mem_free(check->mem, q);
    }
}
