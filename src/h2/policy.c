/* What happens after a rule is broken: the one place where the two profiles part (receive-engine 0,
 * 6.5). ENDPOINT does what nghttp2 does: stop, reset, or nothing. OBSERVER reports what the
 * evidence bears, remembers that the frame is not good, and goes on. */
#include <stdarg.h>
#include <stdio.h>

#include "h2/session_int.h"

enum how {
    CE_LOUD,
    CE_QUIET,
    SE_LOUD,
    SE_QUIET,
    ONLY_IF,
    NOTHING,
};

enum evidence {
    OCTETS,
    SEEN,
    STATE,
    LOCAL,
    SUSPECT,
    BY_ID,
};

struct rule_row {
    enum check check; /* CHECK_COUNT: nothing that an observer would report */
    int lib;
    uint32_t code;
    enum how how;
    enum evidence evidence;
};

static const struct rule_row rule_rows[] = {
#define RULE(name, check, lib, code, how, evidence)                                                \
    { CHECK_##check, H2_LIB_##lib, H2_##code, how, evidence },
#include "h2/rules.def"
#undef RULE
};

#define TEXT_MAX 160

int h2_tell_invalid(struct h2_session *session, int lib_error)
{
    if (session->ev.on_invalid_frame_recv == NULL) {
        return H2_GO;
    }
    return h2_called(
        session->ev.on_invalid_frame_recv(session, session->unit, lib_error, session->user));
}

static const char *reason_of(const struct rule_row *row)
{
    if (row->check != CHECK_COUNT) {
        return spec_check(row->check)->title;
    }
    const char *name = spec_error_name(row->code);
    return name != NULL ? name : "";
}

static int endpoint_break(struct h2_session *session, const struct rule_row *row,
                          uint32_t stream_id)
{
    int rc = H2_GO;
    switch (row->how) {
    case CE_LOUD:
        rc = h2_tell_invalid(session, row->lib);
        if (rc != H2_GO) {
            return rc;
        }
        H2D_FALLTHROUGH;
    case CE_QUIET:
        h2_outbox_terminate(session, row->code, reason_of(row));
        return H2_STOP;
    case SE_LOUD:
    case SE_QUIET:
        h2_outbox_rst(session, h2_stream_live(session, stream_id), stream_id, row->code,
                      reason_of(row));
        H2D_FALLTHROUGH;
    case ONLY_IF:
        if (row->how != SE_QUIET) {
            rc = h2_tell_invalid(session, row->lib);
        }
        return rc != H2_GO ? rc : H2_SILENT;
    case NOTHING:
        break;
    }
    return H2_GO;
}

/* The frame is not good: told at its end, when all of it is known. */
static void mark_fault(struct h2_session *session, int lib)
{
    int *fault = session->unit == &session->block.frame ? &session->block.fault : &session->fault;
    if (*fault == 0) {
        *fault = lib;
    }
}

static void observe_action(struct h2_session *session, const struct rule_row *row,
                           uint32_t stream_id)
{
    if (row->how == CE_LOUD || row->how == CE_QUIET) {
        h2_outbox_goaway(session, session->last_recv_id, row->code, reason_of(row));
    } else if (row->how == SE_LOUD || row->how == SE_QUIET) {
        h2_outbox_rst(session, NULL, stream_id, row->code, reason_of(row));
    }
}

static void finding_here(const struct h2_session *session, enum check check,
                         enum confidence confidence, uint32_t stream_id, const char *text,
                         struct finding *out)
{
    const struct h2_where *where = &session->cur->where;
    *out = (struct finding){ .check = check,
                             .severity = finding_severity(check, confidence),
                             .confidence = confidence,
                             .dir = h2_session_dir(session),
                             .has_stream = true,
                             .stream_id = stream_id,
                             .has_offset = true,
                             .offset = where->offset,
                             .first = where->first,
                             .last = session->pos,
                             .message = text };
    h2_session_evidence(session, &out->evidence);
}

/* The sender can have known of nothing that was not told before, and nothing is missing: no fact
 * that is still to come excuses the frame. Of a window that is lifted too high the DATA in flight
 * take away, so these still wait. */
static bool is_proven(const struct h2_session *session, enum check check)
{
    bool open = check == CHECK_WINDOW_OVERFLOW_CONN || check == CHECK_WINDOW_OVERFLOW_STREAM ||
                check == CHECK_SETTINGS_WINDOW_OVERFLOW;
    return !open && session->pos.ordered && session->peer != NULL && session->peer_seen &&
           h2_both_sides_known(session);
}

static int observe(struct h2_session *session, const struct rule_row *row, enum check check,
                   uint32_t stream_id, int64_t need, const char *text)
{
    enum evidence evidence = row->evidence;
    if (evidence == BY_ID) {
        evidence = h2_stream_is_own(session, stream_id) ? LOCAL : STATE;
    }
    if ((evidence > SEEN && session->tainted) || !h2_roles_bear(session, check)) {
        return H2_GO;
    }
    bool alone = session->peer_never || (session->peer == NULL && !session->peer_seen);
    if (evidence > STATE && is_proven(session, check)) {
        evidence = STATE;
    }
    if (evidence == LOCAL || (evidence == SUSPECT && !alone)) {
        return h2_suspect(session, check, stream_id, need, text);
    }
    struct finding finding;
    finding_here(session, check, evidence == SUSPECT ? CONFIDENCE_POSSIBLE : CONFIDENCE_CERTAIN,
                 stream_id, text, &finding);
    h2_report_finding(session, &finding);
    if (spec_is_violation(check) && evidence != SUSPECT) {
        mark_fault(session, row->lib);
        observe_action(session, row, stream_id);
    }
    return H2_GO;
}

int h2_break(struct h2_session *session, enum h2_rule rule, uint32_t stream_id, const char *format,
             ...)
{
    const struct rule_row *row = &rule_rows[rule];
    if (!session->observer) {
        return endpoint_break(session, row, stream_id);
    }
    if (row->check != CHECK_COUNT) {
        char text[TEXT_MAX];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        return observe(session, row, row->check, stream_id, 1, text);
    }
    return H2_GO;
}

int h2_break_limit(struct h2_session *session, enum h2_rule rule, uint32_t stream_id, int64_t need,
                   const char *format, ...)
{
    const struct rule_row *row = &rule_rows[rule];
    if (!session->observer) {
        return endpoint_break(session, row, stream_id);
    }
    if (row->check != CHECK_COUNT) {
        char text[TEXT_MAX];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        return observe(session, row, row->check, stream_id, need, text);
    }
    return H2_GO;
}

int h2_break_hpack(struct h2_session *session, enum check check, const char *text)
{
    const struct rule_row *row = &rule_rows[H2_RULE_HPACK];
    if (!session->observer) {
        return endpoint_break(session, row, 0);
    }
    return observe(session, row, check, session->block.subject_id, 1, text);
}

int h2_break_message(struct h2_session *session, enum h2_rule rule, uint32_t stream_id,
                     const struct message_fault *fault)
{
    const struct rule_row *row = &rule_rows[rule];
    if (!session->observer) {
        return endpoint_break(session, row, stream_id);
    }
    session->sloppy = true;
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof text, "%s", fault->text);
    struct finding finding;
    finding_here(session, fault->check, CONFIDENCE_CERTAIN, stream_id, text, &finding);
    finding.severity = fault->lenient ? SEVERITY_NOTE : finding.severity;
    h2_report_finding(session, &finding);
    if (!spec_is_violation(fault->check) || fault->lenient) {
        return H2_GO;
    }
    if (session->unit != &session->block.frame) {
        mark_fault(session, row->lib); /* DATA */
        observe_action(session, row, stream_id);
        return H2_GO;
    }
    /* A block's own fault is told where it arises, once; its frame_recv comes all the same. */
    if (session->block.judged) {
        return H2_GO;
    }
    session->block.judged = true;
    observe_action(session, row, stream_id);
    return session->block.fault == 0 ? h2_tell_invalid(session, row->lib) : H2_GO;
}

/* What a receiver would ignore depends on all that both sides have sent, and in which order. */
bool h2_ignore(struct h2_session *session, const char *why)
{
    if (session->observer) {
        session->cur->discard = h2_both_sides_known(session) ? why : NULL;
        return false;
    }
    return true;
}

void h2_note(struct h2_session *session, enum check check, uint32_t stream_id, const char *text)
{
    struct finding finding;
    if (session->observer && h2_report_wanted(session, check) && h2_roles_bear(session, check)) {
        finding_here(session, check, CONFIDENCE_CERTAIN, stream_id, text, &finding);
        finding.severity = SEVERITY_NOTE;
        h2_report_finding(session, &finding);
    }
}

void h2_remark(struct h2_session *session, enum check check, enum confidence confidence,
               uint32_t stream_id, const char *format, ...)
{
    if (!session->observer || !h2_report_wanted(session, check) || !h2_roles_bear(session, check)) {
        return;
    }
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct finding finding;
    finding_here(session, check, confidence, stream_id, text, &finding);
    h2_report_finding(session, &finding);
}
