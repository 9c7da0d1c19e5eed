/* Did the other side do its part? What a receiver should do about a violation, and what it must not
 * do about what it has to ignore (checks.md 4.13): for judging a peer that is being tested. Only of
 * violations that are certain, and of the first that ends a connection; that the other side had
 * read one is proved as everywhere here (3.2). */
#include <stdio.h>

#include "check/check_int.h"

/* ---- which findings ---- */

/* What a receiver must ignore (RFC 9113 4.1, 5.5, 6.5.2, 7). */
static bool is_harmless(enum check check)
{
    return check == CHECK_FRAME_UNKNOWN_TYPE || check == CHECK_FRAME_UNDEFINED_FLAG ||
           check == CHECK_FRAME_RESERVED_BIT || check == CHECK_SETTINGS_UNKNOWN_ID ||
           check == CHECK_ERROR_CODE_UNKNOWN;
}

bool check_is_for_reactions(enum check check)
{
    return spec_is_violation(check) || is_harmless(check);
}

void chk_reactions_take(struct check_conn *conn, const struct h2_session *session,
                        const struct finding *finding)
{
    struct check_side *side = &conn->sides[finding->dir];
    if (spec_is_violation(finding->check)) {
        side->broke_a_rule = true;
    } else if (is_harmless(finding->check) && session != NULL) {
        side->harmless = finding->check;
    }
}

bool chk_reactions_judge(const struct check_conn *conn, const struct finding *finding)
{
    return conn->check->reactions && spec_is_violation(finding->check) &&
           finding->confidence == CONFIDENCE_CERTAIN && finding->severity == SEVERITY_ERROR &&
           !conn->fatal && !conn->lossy;
}

/* ---- codes ---- */

/* Beside the code of the registry these are right, too: the RFC names both, or two rules meet. */
static const struct {
    enum check check;
    uint32_t code;
} also_right[] = {
    { CHECK_CONTINUATION_UNEXPECTED, H2_STREAM_CLOSED }, /* RFC 9113 5.1: the stream is closed */
    { CHECK_STREAM_IDLE_FRAME, H2_STREAM_CLOSED },       /* what was forgotten looks idle */
    { CHECK_STREAM_HALF_CLOSED_FRAME, H2_PROTOCOL_ERROR },
    { CHECK_STREAM_CLOSED_FRAME, H2_PROTOCOL_ERROR }, /* 5.1.1: its identifier is used again */
    { CHECK_STREAM_FRAME_AFTER_OWN_RST, H2_PROTOCOL_ERROR },
    { CHECK_STREAM_ID_NOT_INCREASING, H2_STREAM_CLOSED },
    { CHECK_STREAM_CONCURRENCY_EXCEEDED, H2_PROTOCOL_ERROR }, /* 5.1.2 */
    { CHECK_STREAM_CONCURRENCY_EXCEEDED, H2_ENHANCE_YOUR_CALM },
    { CHECK_SETTINGS_LENGTH, H2_PROTOCOL_ERROR },
    { CHECK_FRAME_TOO_SHORT, H2_PROTOCOL_ERROR }, /* padding that does not fit: 6.1 */
    { CHECK_FRAME_SIZE_EXCEEDED, H2_PROTOCOL_ERROR },
    { CHECK_DATA_PADDING_INVALID, H2_FRAME_SIZE_ERROR },
    { CHECK_HEADERS_PADDING_INVALID, H2_FRAME_SIZE_ERROR },
    { CHECK_PUSH_PROMISE_PADDING_INVALID, H2_FRAME_SIZE_ERROR },
    { CHECK_SETTINGS_INITIAL_WINDOW_VALUE, H2_PROTOCOL_ERROR },
    { CHECK_PUSH_FROM_CLIENT, H2_STREAM_CLOSED },
};

static bool is_right(enum check check, uint32_t code)
{
    for (size_t i = 0; i < H2D_COUNT_OF(also_right); i++) {
        if (also_right[i].check == check && also_right[i].code == code) {
            return true;
        }
    }
    return (int64_t)code == spec_check(check)->error_code;
}

/* Right for the rule, or for another one that the same frame breaks. */
static bool is_right_for(const struct check_conn *conn, const struct finding *f, uint32_t code)
{
    const uint8_t *header = f->evidence.header;
    bool long_frame = header[0] > 0 || header[1] > 0x40 || (header[1] == 0x40 && header[2] > 0);
    bool right = is_right(f->check, code) || (code == H2_FRAME_SIZE_ERROR && long_frame);
    for (uint8_t i = 0; i < f->also_count; i++) {
        right |= is_right(f->also[i], code);
    }
    for (const struct held *held = conn->held; held != NULL; held = held->next) {
        right |= held->finding.dir == f->dir && held->finding.has_offset &&
                 held->finding.offset == f->offset && is_right(held->finding.check, code);
    }
    return right;
}

/* ---- what was done about a violation ---- */

static void tell(struct check_conn *conn, const struct held *held, enum check check,
                 uint64_t packet, const char *what)
{
    const struct finding *f = &held->finding;
    enum dir dir = dir_other(f->dir);
    struct frame_place place = { .first = f->first, .last = f->last };
    if (packet > 0) {
        place.first = place.last = (struct pos){ .packet = packet };
    }
    check_tell_side(conn, dir, check, CONFIDENCE_LIKELY, &place, "the %s %s %s",
                    dir == DIR_C2S ? "client" : "server", what, spec_check(f->check)->id);
}

static const char *code_name(uint32_t code, char *room, size_t size)
{
    const char *name = spec_error_name(code);
    if (name == NULL) {
        (void)snprintf(room, size, "0x%lx", (unsigned long)code);
    }
    return name != NULL ? name : room;
}

static void judge_code(struct check_conn *conn, const struct held *held)
{
    const struct finding *f = &held->finding;
    char what[MESSAGE_MAX / 2], room[16];
    if (is_right_for(conn, f, f->reaction.error_code)) {
        return;
    }
    (void)snprintf(what, sizeof what, "answered with %s, not %s, to",
                   code_name(f->reaction.error_code, room, sizeof room),
                   spec_error_name((uint32_t)spec_check(f->check)->error_code));
    tell(conn, held, CHECK_REACTION_CODE_DIFFERS, f->reaction.packet, what);
}

void chk_reactions_settled(struct check_conn *conn, const struct held *held)
{
    const struct finding *f = &held->finding;
    const struct check_side *other = &conn->sides[dir_other(f->dir)];
    bool ends_all = finding_scope(f) == SCOPE_CONNECTION;
    bool goaway = f->reaction.kind == REACTION_GOAWAY;
    bool failed = goaway && f->reaction.error_code != H2_NO_ERROR;
    bool first = !conn->fatal;
    conn->fatal |= ends_all;
    if (!first || conn->lossy) {
        return;
    }
    if (failed || f->reaction.kind == REACTION_RST) {
        judge_code(conn, held);
    }
    if (!ends_all && failed) {
        tell(conn, held, CHECK_REACTION_ESCALATED, f->reaction.packet,
             "ended the whole connection for");
    } else if (!ends_all && held->has_went_on && !goaway && f->reaction.kind != REACTION_RST &&
               f->reaction.status / 100 != 4) {
        tell(conn, held, CHECK_REACTION_RST_MISSING, held->went_on, "did not reset the stream for");
    } else if (ends_all && held->has_went_on && !failed) {
        tell(conn, held, CHECK_REACTION_CLOSE_MISSING, held->went_on, "went on after");
    } else if (ends_all && f->reaction.kind == REACTION_CLOSE && !other->goaway) {
        tell(conn, held, CHECK_REACTION_GOAWAY_MISSING, f->reaction.packet,
             "closed without GOAWAY after");
    }
}

/* ---- what was done about what must be ignored ---- */

static void tell_intolerant(struct check_conn *conn, enum dir dir, const struct pos *at,
                            const char *how)
{
    struct check_side *other = &conn->sides[dir_other(dir)];
    struct frame_place place = { .first = *at, .last = *at };
    check_tell_side(conn, dir, CHECK_REACTION_PING_AFTER_UNKNOWN, CONFIDENCE_POSSIBLE, &place,
                    "the %s %s after %s, which it must ignore",
                    dir == DIR_C2S ? "client" : "server", how, spec_check(other->harmless)->id);
    other->harmless = CHECK_COUNT;
}

static bool may_be_intolerant(const struct check_conn *conn, enum dir dir)
{
    const struct check_side *other = &conn->sides[dir_other(dir)];
    return other->harmless != CHECK_COUNT && !other->broke_a_rule && !conn->lossy;
}

void chk_reactions_frame(const struct at_frame *at)
{
    const struct h2_frame *frame = at->frame;
    if (frame->hd.type == H2_GOAWAY && frame->has_payload &&
        frame->payload.goaway.error_code != H2_NO_ERROR && may_be_intolerant(at->conn, at->dir)) {
        tell_intolerant(at->conn, at->dir, &frame->where.last, "failed the connection");
    }
}

/* A reset, or an end while the other side waits for answers, where nothing else explains it. */
void chk_reactions_closed(struct check_conn *conn, enum dir dir)
{
    const struct check_side *side = &conn->sides[dir], *other = &conn->sides[dir_other(dir)];
    struct pos at = { .packet = side->closed_packet };
    if (check_ended(side) && !other->closed && !side->goaway && !other->goaway &&
        may_be_intolerant(conn, dir) && (side->cause == CLOSE_RST || side->open_streams > 0)) {
        tell_intolerant(conn, dir, &at, "closed the connection");
    }
}
