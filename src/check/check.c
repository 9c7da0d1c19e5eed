#include "check/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "check/check_int.h"

/* ---- how a rule is told ---- */

static bool counts(const struct finding *finding)
{
    return spec_check(finding->check)->scope == SCOPE_CONNECTION &&
           finding->confidence == CONFIDENCE_CERTAIN;
}

/* What was not asked for is not there: neither shown, nor what later findings are a consequence
 * of. */
static void take(struct check_conn *conn, const struct finding *finding)
{
    if (!check_wants(conn->check, finding->check)) {
        return;
    }
    struct finding own = *finding;
    own.after_doomed = finding->after_doomed && conn->doomed;
    conn->doomed |= counts(finding);
    held_take(conn, &own);
}

void check_tell(struct check_conn *conn, enum dir dir, enum check id, enum confidence confidence,
                const struct h2_frame *frame, const char *format, ...)
{
    if (!check_wants(conn->check, id)) {
        return;
    }
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct finding finding = { .check = id,
                               .severity = finding_severity(id, confidence),
                               .confidence = confidence,
                               .dir = dir,
                               .message = text,
                               .after_doomed = conn->doomed };
    if (frame != NULL) {
        finding.has_stream = finding.has_offset = true;
        finding.stream_id = frame->hd.stream_id;
        finding.offset = frame->where.offset;
        finding.first = frame->where.first;
        finding.last = frame->where.last;
    }
    take(conn, &finding);
}

void check_finding(struct check_conn *conn, const struct finding *finding)
{
    take(conn, finding);
}

/* ---- events ---- */

static int on_preface(struct h2_session *session, const struct h2_where *where, void *user)
{
    struct check_conn *conn = user;
    const struct h2_events *next = &conn->check->next;
    return next->on_preface != NULL ? next->on_preface(session, where, conn->next_user) : 0;
}

static void on_end_frame(struct h2_session *session, const struct h2_frame *frame,
                         const struct h2_frame_cut *cut, void *user)
{
    struct check_conn *conn = user;
    const struct h2_events *next = &conn->check->next;
    if (cut == NULL) {
        enum dir dir = h2_session_dir(session);
        struct check_side *side = &conn->sides[dir];
        side->frames++;
        chk_frame(conn, dir, frame);
        side->last = frame->where.last;
        if (frame->hd.type == H2_GOAWAY && frame->has_payload) {
            side->goaway = true;
            side->goaway_code = frame->payload.goaway.error_code;
            side->goaway_packet = frame->where.last.packet;
        }
        if (H2D_UNLIKELY(conn->held != NULL)) {
            held_frame(conn, dir, frame);
        }
    }
    if (next->on_end_frame != NULL) {
        next->on_end_frame(session, frame, cut, conn->next_user);
    }
}

static void on_gap(struct h2_session *session, const struct h2_gap *gap, void *user)
{
    struct check_conn *conn = user;
    const struct h2_events *next = &conn->check->next;
    if (next->on_gap != NULL) {
        next->on_gap(session, gap, conn->next_user);
    }
}

static void on_unsynchronised(struct h2_session *session, uint64_t offset, uint64_t length,
                              void *user)
{
    struct check_conn *conn = user;
    const struct h2_events *next = &conn->check->next;
    if (next->on_unsynchronised != NULL) {
        next->on_unsynchronised(session, offset, length, conn->next_user);
    }
}

static void on_finding(struct h2_session *session, const struct finding *finding, void *user)
{
    (void)session;
    take(user, finding);
}

struct h2_events check_events(const struct checker *check)
{
    (void)check;
    return (struct h2_events){ .on_preface = on_preface,
                               .on_end_frame = on_end_frame,
                               .on_gap = on_gap,
                               .on_unsynchronised = on_unsynchronised,
                               .on_finding = on_finding };
}

/* ---- a run and its connections ---- */

struct checker *check_new(struct mem *mem, const struct check_options *options,
                          const struct h2_events *next)
{
    struct checker *check = mem_zalloc(mem, 1, sizeof *check);
    if (check != NULL) {
        *check = (struct checker){ .mem = mem, .options = *options, .next = *next };
    }
    return check;
}

void check_free(struct checker *check)
{
    if (check != NULL) {
        held_free(check);
        mem_free(check->mem, check);
    }
}

struct check_conn *check_connection_begin(struct checker *check, const struct connection_info *info,
                                          void *next_user, void *owner)
{
    struct check_conn *conn = mem_zalloc(check->mem, 1, sizeof *conn);
    if (conn == NULL) {
        return NULL;
    }
    conn->check = check;
    conn->info = *info;
    conn->begun_late = info->start == START_MID_STREAM || info->start == START_FORCED;
    conn->next_user = next_user;
    conn->owner = owner;
    return conn;
}

void *check_connection_owner(const struct check_conn *conn)
{
    return conn->owner;
}

void check_upgrade(struct check_conn *conn, const struct upgrade_info *upgrade)
{
    struct finding finding = { .check = CHECK_UPGRADE_H2C_OBSOLETE,
                               .severity = SEVERITY_NOTE,
                               .confidence = CONFIDENCE_CERTAIN,
                               .dir = DIR_C2S,
                               .first = upgrade->first,
                               .last = upgrade->last,
                               .message = "HTTP/2 began with an HTTP/1.1 Upgrade" };
    take(conn, &finding);
}

void check_closed(struct check_conn *conn, enum dir dir, enum close_cause cause,
                  const struct pos *pos)
{
    struct check_side *side = &conn->sides[dir];
    side->closed = true;
    side->cause = cause;
    side->closed_packet = pos != NULL ? pos->packet : 0;
    held_closed(conn, dir);
}

void check_connection_end(struct check_conn *conn)
{
    if (conn != NULL) {
        held_end(conn);
        mem_free(conn->check->mem, conn);
    }
}
