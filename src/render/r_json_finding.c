/* JSON: the record of a finding. */
#include "render/jsonw.h"
#include "render/render_int.h"

static void put_also(struct jsonw *json, const struct finding *finding)
{
    if (finding->also_count == 0) {
        return;
    }
    jsonw_key(json, "also");
    jsonw_open(json, '[');
    for (uint8_t i = 0; i < finding->also_count; i++) {
        jsonw_element(json);
        (void)jsonw_string(json, span_str(spec_check(finding->also[i])->id));
    }
    jsonw_close(json, ']');
}

static void put_taint(struct jsonw *json, const struct finding *finding)
{
    if (finding->taint == 0) {
        return;
    }
    jsonw_key(json, "taint");
    jsonw_open(json, '[');
    for (unsigned i = 0; i < TAINT_COUNT; i++) {
        if ((finding->taint >> i & 1) != 0) {
            jsonw_element(json);
            (void)jsonw_string(json, span_str(finding_taint_name(i)));
        }
    }
    jsonw_close(json, ']');
}

static void put_reaction(struct jsonw *json, const struct finding *finding)
{
    const struct reaction *reaction = &finding->reaction;
    const char *kind = finding_reaction_name(reaction->kind);
    if (kind == NULL) {
        return;
    }
    jsonw_key(json, "reaction");
    jsonw_open(json, '{');
    jsonw_plain(json, "kind", kind);
    if (reaction->kind == REACTION_GOAWAY || reaction->kind == REACTION_RST) {
        const char *name = spec_error_name(reaction->error_code);
        if (name != NULL) {
            jsonw_plain(json, "error_code", name);
        } else {
            jsonw_hex_name(json, "error_code", reaction->error_code, 1);
        }
    }
    if (reaction->status > 0) {
        jsonw_u64(json, "status", reaction->status);
    }
    if (reaction->packet > 0) {
        jsonw_u64(json, "packet", reaction->packet);
    }
    jsonw_close(json, '}');
}

void json_finding(struct render_conn *conn, const struct finding *finding)
{
    const struct check_row *row = spec_check(finding->check);
    struct render *render = conn->render;
    struct jsonw json;
    json_begin_kind(&json, render, "finding");
    jsonw_plain(&json, "check", row->id);
    jsonw_plain(&json, "severity", finding_severity_name(finding->severity));
    if (conn->info.conn > 0) { /* else it is about the input */
        jsonw_u64(&json, "conn", conn->info.conn);
        jsonw_plain(&json, "dir", finding->dir == DIR_C2S ? "c2s" : "s2c");
    }
    json_positions(&json, render, &finding->first, &finding->last);
    if (finding->has_offset) {
        jsonw_u64(&json, "offset", finding->offset);
    }
    if (finding->has_stream) {
        jsonw_u64(&json, "stream_id", finding->stream_id);
    }
    jsonw_plain(&json, "scope", spec_scope_name(finding_scope(finding)));
    if (finding_error_code(finding) >= 0) {
        jsonw_plain(&json, "error_code", spec_error_name((uint32_t)row->error_code));
    }
    if (row->rfc[0] != '\0') {
        jsonw_plain(&json, "rfc", row->rfc);
    }
    const char *message = finding->message != NULL ? finding->message : row->title;
    jsonw_octets(&json, "message", span_str(message));
    const char *by = finding_by(finding);
    if (by != NULL) {
        jsonw_plain(&json, "by", by);
    }
    jsonw_plain(&json, "confidence", finding_confidence_name(finding->confidence));
    put_also(&json, finding);
    put_taint(&json, finding);
    put_reaction(&json, finding);
    if (finding->after_doomed) {
        jsonw_true(&json, "after_doomed");
    }
    json_block_fields(&json, render_broken_block(conn, finding));
    json_end(&json);
}

/* JSON names the file in each record. */
