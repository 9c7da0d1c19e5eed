#include "check/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "check/check_int.h"

/* ---- how a rule is told ---- */

static bool counts(const struct finding *finding)
{
    return finding_scope(finding) == SCOPE_CONNECTION && finding->confidence == CONFIDENCE_CERTAIN;
}

/* What was not asked for is not there: neither shown, nor what later findings are a consequence
 * of. */
static void take(struct check_conn *conn, const struct h2_session *session,
                 const struct finding *finding)
{
    bool wanted = check_wants(conn->check, finding->check);
    if (H2D_UNLIKELY(conn->check->reactions)) {
        chk_reactions_take(conn, session, finding);
    }
    if (!wanted && !(conn->check->reactions && spec_is_violation(finding->check))) {
        return;
    }
    struct finding own = *finding;
    own.after_doomed = finding->after_doomed && conn->doomed;
    conn->doomed |= wanted && counts(finding);
    held_take(conn, session, &own);
}

void check_tell(const struct at_frame *at, enum check id, enum confidence confidence,
                const char *format, ...)
{
    if (!check_hears(at->conn->check, id)) {
        return;
    }
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const struct h2_frame *frame = at->frame;
    struct finding finding = { .check = id,
                               .severity = finding_severity(id, confidence),
                               .confidence = confidence,
                               .dir = at->dir,
                               .has_stream = true,
                               .stream_id = frame->hd.stream_id,
                               .has_offset = true,
                               .offset = frame->where.offset,
                               .first = frame->where.first,
                               .last = frame->where.last,
                               .message = text,
                               .after_doomed = at->conn->doomed };
    finding.taint = (uint16_t)h2_session_taints(at->session, id, frame->hd.stream_id);
    h2_session_evidence(at->session, &finding.evidence);
    take(at->conn, at->session, &finding);
}

void check_tell_side(struct check_conn *conn, enum dir dir, enum check id,
                     enum confidence confidence, const struct frame_place *place,
                     const char *format, ...)
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
    if (place != NULL) {
        finding.first = place->first;
        finding.last = place->last;
    }
    take(conn, NULL, &finding);
}

struct frame_place check_place(const struct h2_frame *frame)
{
    return (struct frame_place){ frame->where.offset, frame->where.first, frame->where.last };
}

bool check_ended(const struct check_side *side)
{
    return side->closed && (side->cause == CLOSE_FIN || side->cause == CLOSE_RST);
}

void check_finding(struct check_conn *conn, const struct finding *finding)
{
    take(conn, NULL, finding);
}

/* ---- events ---- */

static int on_preface(struct h2_session *session, const struct h2_where *where, void *user)
{
    struct check_conn *conn = user;
    const struct h2_events *next = &conn->check->next;
    return next->on_preface != NULL ? next->on_preface(session, where, conn->next_user) : 0;
}

static void note_goaway(struct check_side *side, const struct h2_frame *frame)
{
    side->goaway = true;
    side->goaway_code = frame->payload.goaway.error_code;
    side->goaway_last = frame->payload.goaway.last_stream_id;
    side->goaway_packet = frame->where.last.packet;
}

static void note_reset(struct check_side *side, const struct h2_frame *frame)
{
    side->resets[side->reset_count++ % RESETS_REMEMBERED] =
        (struct reset){ frame->where.last.packet, frame->hd.stream_id,
                        frame->payload.rst_stream.error_code };
}

static void on_end_frame(struct h2_session *session, const struct h2_frame *frame,
                         const struct h2_frame_cut *cut, void *user)
{
    struct check_conn *conn = user;
    const struct h2_events *next = &conn->check->next;
    if (cut == NULL) {
        enum dir dir = h2_session_dir(session);
        struct check_side *side = &conn->sides[dir];
        struct at_frame at = { conn, session, dir, frame };
        side->frames++;
        side->last = frame->where.last;
        if (frame->hd.type != H2_DATA || H2D_UNLIKELY(side->fatal_goaway)) {
            chk_frame(&at);
            chk_sync_frame(&at);
            chk_hops_frame(&at);
            if (conn->info.tls != NULL &&
                (frame->hd.type == H2_HEADERS || frame->hd.type == H2_CONTINUATION ||
                 frame->hd.type == H2_PUSH_PROMISE)) {
                chk_authority(&at);
            }
        }
        if (frame->hd.type == H2_GOAWAY && frame->has_payload) {
            note_goaway(side, frame);
        } else if (frame->hd.type == H2_RST_STREAM && frame->has_payload) {
            note_reset(side, frame);
        }
        if (H2D_UNLIKELY(conn->held != NULL)) {
            held_frame(&at);
        }
        if (H2D_UNLIKELY(conn->check->reactions)) {
            chk_reactions_frame(&at);
        }
    }
    if (next->on_end_frame != NULL) {
        next->on_end_frame(session, frame, cut, conn->next_user);
    }
}

static int on_header(struct h2_session *session, const struct h2_frame *frame,
                     const struct h2_header *header, void *user)
{
    struct at_frame at = { user, session, h2_session_dir(session), frame };
    chk_hops_header(&at, header);
    return 0;
}

static void on_gap(struct h2_session *session, const struct h2_gap *gap, void *user)
{
    struct check_conn *conn = user;
    const struct h2_events *next = &conn->check->next;
    conn->lossy = true;
    if (next->on_gap != NULL) {
        next->on_gap(session, gap, conn->next_user);
    }
}

static void on_unsynchronised(struct h2_session *session, uint64_t offset, uint64_t length,
                              void *user)
{
    struct check_conn *conn = user;
    const struct h2_events *next = &conn->check->next;
    conn->lossy = true;
    if (next->on_unsynchronised != NULL) {
        next->on_unsynchronised(session, offset, length, conn->next_user);
    }
}

static void on_finding(struct h2_session *session, const struct finding *finding, void *user)
{
    take(user, session, finding);
}

struct h2_events check_events(const struct checker *check)
{
    return (struct h2_events){ .on_preface = on_preface,
                               .on_header = check->never != NULL ? on_header : NULL,
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
    if (check == NULL) {
        return NULL;
    }
    check->mem = mem;
    check->options = *options;
    check->next = *next;
    for (int id = CHECK_REACTION_GOAWAY_MISSING; id <= CHECK_REACTION_PING_AFTER_UNKNOWN; id++) {
        check->reactions |= options->wanted[id];
    }
    bool busy = options->wanted[CHECK_CONNECTION_DUPLICATED];
    bool never = options->wanted[CHECK_HPACK_NEVER_INDEXED_LOST];
    check->busy = busy ? mem_zalloc(mem, LIMIT_CHECK_CONNECTIONS, sizeof *check->busy) : NULL;
    check->never = never ? mem_zalloc(mem, LIMIT_CHECK_NEVER_INDEXED, sizeof *check->never) : NULL;
    if ((busy && check->busy == NULL) || (never && check->never == NULL)) {
        check_free(check);
        return NULL;
    }
    return check;
}

void check_free(struct checker *check)
{
    if (check != NULL) {
        held_free(check);
        mem_free(check->mem, check->busy);
        mem_free(check->mem, check->never);
        chk_sync_free(check);
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
    conn->sides[0].harmless = conn->sides[1].harmless = CHECK_COUNT;
    conn->begun_late = info->start == START_MID_STREAM || info->start == START_FORCED;
    conn->lossy = conn->begun_late;
    conn->next_user = next_user;
    conn->owner = owner;
    chk_tls(conn);
    return conn;
}

void *check_connection_owner(const struct check_conn *conn)
{
    return conn->owner;
}

static void tell_upgrade(struct check_conn *conn, const struct upgrade_info *upgrade, enum check id,
                         const char *message)
{
    const struct frame_place place = { 0, upgrade->first, upgrade->last };
    check_tell_side(conn, DIR_C2S, id, CONFIDENCE_CERTAIN, &place, "%s", message);
}

void check_upgrade(struct check_conn *conn, const struct upgrade_info *upgrade)
{
    tell_upgrade(conn, upgrade, CHECK_UPGRADE_H2C_OBSOLETE,
                 "HTTP/2 began with an HTTP/1.1 Upgrade");
    if (upgrade->settings_fault != NULL) {
        tell_upgrade(conn, upgrade, CHECK_UPGRADE_SETTINGS_INVALID, upgrade->settings_fault);
    }
}

void check_given_up(struct check_conn *conn)
{
    conn->lossy = true;
    chk_hops_end(conn);
}

void check_closed(struct check_conn *conn, enum dir dir, enum close_cause cause,
                  const struct pos *pos, uint32_t open_streams)
{
    struct check_side *side = &conn->sides[dir];
    side->closed = true;
    side->cause = cause;
    side->open_streams = open_streams;
    side->closed_packet = pos != NULL ? pos->packet : 0;
    chk_side_closed(conn, dir);
    if (conn->check->reactions) {
        chk_reactions_closed(conn, dir);
    }
    held_closed(conn, dir);
}

void check_connection_end(struct check_conn *conn)
{
    if (conn != NULL) {
        chk_sync_end(conn);
        chk_end(conn);
        chk_hops_end(conn);
        held_end(conn);
        mem_free(conn->check->mem, conn);
    }
}
