/* Findings on their way out: counted, capped, and shown at once or behind the record of the frame
 * that caused them. */
#include <stdio.h>
#include <string.h>

#include "render/render_int.h"

static void count_finding(struct render *render, const struct finding *finding)
{
    render->totals.findings[finding->check]++;
    render->totals.findings_by_severity[finding->severity]++;
}

static void show_finding(struct render_conn *conn, const struct finding *finding)
{
    struct render *render = conn->render;
    if (render->options.quiet || render->ended) {
        return;
    }
    if (render->options.check && !conn->said) {
        conn->said = true; /* --check has the records of connections that it finds something in */
        if (render->options.format == FORMAT_JSON && conn->info.conn > 0) {
            render->ops->connection(conn);
        }
    }
    if (conn->shown == NULL) {
        conn->shown = mem_zalloc(render->mem, CHECK_COUNT, 1);
    }
    bool room = render->findings_shown < LIMIT_FINDINGS;
    if (finding->check == CHECK_CAPTURE_COMMENT) {
        /* What people wrote is no repetition, however much of it there is. */
    } else if (conn->shown != NULL && conn->shown[finding->check] <= LIMIT_FINDINGS_PER_CHECK) {
        conn->shown[finding->check]++;
        room &= conn->shown[finding->check] <= LIMIT_FINDINGS_PER_CHECK;
    } else {
        room = false;
    }
    if (room) {
        render->findings_shown++;
        render->ops->finding(conn, finding);
    } else if (finding->check != CHECK_LIMIT_FINDINGS && conn->shown != NULL &&
               conn->shown[CHECK_LIMIT_FINDINGS] == 0) {
        conn->shown[CHECK_LIMIT_FINDINGS] = 1;
        struct finding limit = *finding;
        limit.check = CHECK_LIMIT_FINDINGS;
        limit.severity = SEVERITY_NOTE;
        limit.confidence = CONFIDENCE_CERTAIN;
        limit.message = "further findings of this kind are counted, not shown";
        count_finding(render, &limit);
        render->ops->finding(conn, &limit);
    }
}

/* Counts; then shows, at once or after the record of the frame that is open. */
void render_take_finding(struct side *side, const struct finding *finding)
{
    struct render *render = side->conn->render;
    count_finding(render, finding);
    if (render->options.quiet || finding->surplus) {
        return;
    }
    if (side->frame_open && render->options.view == VIEW_FRAME) {
        struct kept *kept = side_kept(side);
        struct kept_finding waiting = { .finding = *finding };
        struct span message = span_str(finding->message != NULL ? finding->message : "");
        if (kept != NULL && buf_reserve(&kept->octets, message.len + 1) &&
            buf_reserve(&kept->findings, sizeof waiting)) {
            waiting.message_at = kept_put_octets(&kept->octets, message);
            (void)!buf_append(&kept->findings, span_of(&waiting, sizeof waiting));
            return;
        }
    }
    show_finding(side->conn, finding);
}

void render_show_waiting_findings(struct side *side)
{
    struct kept *kept = side->kept;
    struct kept_finding waiting;
    for (size_t at = 0; kept != NULL && at < kept->findings.len; at += sizeof waiting) {
        memcpy(&waiting, kept->findings.ptr + at, sizeof waiting);
        waiting.finding.message = (const char *)kept->octets.ptr + waiting.message_at;
        show_finding(side->conn, &waiting.finding);
    }
}

/* Says, once a connection, that a block was longer than what is shown of it. */
/* The engine has said it already. */
static bool is_waiting(const struct kept *kept, enum check check)
{
    struct kept_finding waiting;
    for (size_t at = 0; at < kept->findings.len; at += sizeof waiting) {
        memcpy(&waiting, kept->findings.ptr + at, sizeof waiting);
        if (waiting.finding.check == check) {
            return true;
        }
    }
    return false;
}

void render_tell_fields_left_out(struct side *side, const struct h2_frame *frame)
{
    struct render_conn *conn = side->conn;
    if (side->kept == NULL || side->kept->fields_left_out == 0 ||
        is_waiting(side->kept, CHECK_LIMIT_BLOCK) ||
        (conn->shown != NULL && conn->shown[CHECK_LIMIT_BLOCK] > 0)) {
        return;
    }
    char message[96];
    (void)snprintf(message, sizeof message, "%llu of the block's %llu fields are not shown",
                   (unsigned long long)side->kept->fields_left_out,
                   (unsigned long long)side->kept->fields_seen);
    struct finding finding = { .check = CHECK_LIMIT_BLOCK,
                               .severity = SEVERITY_NOTE,
                               .confidence = CONFIDENCE_CERTAIN,
                               .dir = side->dir,
                               .has_stream = true,
                               .stream_id = frame->hd.stream_id,
                               .has_offset = true,
                               .offset = frame->where.offset,
                               .first = frame->where.first,
                               .last = frame->where.last,
                               .message = message };
    count_finding(conn->render, &finding);
    show_finding(conn, &finding);
}

void render_check_finding(struct render_conn *conn, const struct finding *finding)
{
    count_finding(conn->render, finding);
    if (!finding->surplus) {
        show_finding(conn, finding);
    }
}

void render_note(struct render *render, const struct finding *note)
{
    count_finding(render, note);
    show_finding(&render->input, note);
}
