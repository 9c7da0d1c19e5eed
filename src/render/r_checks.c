/* The registry of findings as people and programs read it: --list-checks and --explain. */
#include <string.h>

#include "render/jsonw.h"
#include "render/render.h"
#include "spec/finding.h"

#define ID_WIDTH       36
#define SEVERITY_WIDTH 9
#define LINE_WIDTH     78

/* Who breaks it, in words; "" for nobody. */
static const char *by_name(const struct check_row *row)
{
    static const char *const names[] = { "client", "server", "sender", "" };
    return names[row->by];
}

static void list_json(struct out *out, enum check check)
{
    const struct check_row *row = spec_check(check);
    struct jsonw json;
    jsonw_init(&json, out);
    out_const(out, "{\"kind\":\"check\"");
    json.comma = true;
    jsonw_plain(&json, "id", row->id);
    jsonw_plain(&json, "severity",
                finding_severity_name(finding_severity(check, CONFIDENCE_CERTAIN)));
    jsonw_plain(&json, "class", spec_scope_name(row->scope));
    if (row->error_code >= 0) {
        jsonw_plain(&json, "error_code", spec_error_name((uint32_t)row->error_code));
    }
    if (row->by != BY_NOBODY) {
        jsonw_plain(&json, "by", by_name(row));
    }
    if (row->rfc[0] != '\0') {
        jsonw_plain(&json, "rfc", row->rfc);
    }
    if (row->related[0] != '\0') {
        jsonw_plain(&json, "related", row->related);
    }
    jsonw_octets(&json, "title", span_str(row->title));
    jsonw_octets(&json, "text", span_str(row->text));
    if (row->fix[0] != '\0') {
        jsonw_octets(&json, "fix", span_str(row->fix));
    }
    jsonw_bool(&json, "default", row->on);
    out_const(out, "}\n");
}

static void list_text(struct out *out, enum check check)
{
    const struct check_row *row = spec_check(check);
    const char *severity = finding_severity_name(finding_severity(check, CONFIDENCE_CERTAIN));
    size_t len = strlen(row->id);
    out_text(out, row->id);
    out_spaces(out, len < ID_WIDTH ? ID_WIDTH - len : 1);
    out_text(out, severity);
    out_spaces(out, SEVERITY_WIDTH - strlen(severity));
    out_text(out, row->on ? "    " : "off ");
    out_text(out, row->title);
    out_char(out, '\n');
}

void render_list_checks(struct out *out, enum render_format format)
{
    for (int check = 0; check < CHECK_COUNT; check++) {
        (format == FORMAT_JSON ? list_json : list_text)(out, (enum check)check);
    }
}

/* Words in lines of moderate length. */
static void put_paragraph(struct out *out, const char *text)
{
    size_t column = 0;
    for (const char *p = text; *p != '\0';) {
        size_t len = strcspn(p, " ");
        if (column > 0 && column + 1 + len > LINE_WIDTH) {
            out_char(out, '\n');
            column = 0;
        }
        if (column > 0) {
            out_char(out, ' ');
            column++;
        }
        out_raw(out, span_of(p, len));
        column += len;
        p += len + (p[len] == ' ');
    }
    out_char(out, '\n');
}

static void put_source(struct out *out, const struct check_row *row)
{
    static const char *const dirs[] = { "one direction proves it",
                                        "one direction makes it possible, both prove it",
                                        "both directions are needed" };
    if (row->rfc[0] != '\0') {
        out_printf(out, "%s. ", row->rfc);
    }
    if (row->by != BY_NOBODY) {
        out_printf(out, "Broken by the %s; %s.", by_name(row), dirs[row->dirs]);
    }
    if (row->related[0] != '\0') {
        out_printf(out, " See %s.", row->related);
    }
    out_char(out, '\n');
}

void render_explain(struct out *out, enum render_format format, enum check check)
{
    const struct check_row *row = spec_check(check);
    if (format == FORMAT_JSON) {
        list_json(out, check);
        return;
    }
    out_printf(out, "%s: %s\n\n", row->id, row->title);
    put_paragraph(out, row->text);
    if (row->fix[0] != '\0') {
        put_paragraph(out, row->fix);
    }
    out_char(out, '\n');
    if (row->error_code >= 0) {
        static const char *const scopes[] = { "Connection", "Stream", "Malformed message: stream",
                                              "Advice: stream", "Information: stream" };
        out_printf(out, "%s error %s, of severity %s when certain", scopes[row->scope],
                   spec_error_name((uint32_t)row->error_code),
                   finding_severity_name(finding_severity(check, CONFIDENCE_CERTAIN)));
    } else {
        out_printf(out, "%s, of severity %s",
                   row->scope == SCOPE_INFO ? "Information"
                   : row->must              ? "A MUST of the sender that receivers tolerate"
                                            : "Advice",
                   finding_severity_name(finding_severity(check, CONFIDENCE_CERTAIN)));
    }
    out_printf(out, "%s.\n", row->on ? "" : "; off unless asked for");
    put_source(out, row);
}
