/* SARIF 2.1.0: one run, the checks as rules, the findings as results. A region's byteOffset counts
 * the octets of the finding's direction, as everywhere in h2dump: a capture file has no octet of
 * its own for what several segments carried. */
#include <stdio.h>
#include <string.h>

#include "render/jsonw.h"
#include "report/baseline.h"
#include "report/report_int.h"

#define HEADER_OCTETS 9

static const char *const levels[] = { "note", "warning", "error" };

static void put_text_object(struct jsonw *json, const char *key, const char *text)
{
    jsonw_key(json, key);
    jsonw_open(json, '{');
    jsonw_octets(json, "text", span_str(text));
    jsonw_close(json, '}');
}

/* "https://www.rfc-editor.org/rfc/rfc9113#section-6.5" for "RFC 9113 6.5". */
static void put_help_uri(struct jsonw *json, const struct check_row *row)
{
    char number[8], section[16], uri[96];
    if (sscanf(row->rfc, "RFC %7[0-9] %15[0-9.]", number, section) == 2) {
        (void)snprintf(uri, sizeof uri, "https://www.rfc-editor.org/rfc/rfc%s#section-%s", number,
                       section);
        jsonw_octets(json, "helpUri", span_str(uri));
    }
}

static void put_rule(struct jsonw *json, enum check check)
{
    const struct check_row *row = spec_check(check);
    jsonw_element(json);
    jsonw_open(json, '{');
    jsonw_octets(json, "id", span_str(row->id));
    put_text_object(json, "shortDescription", row->title);
    put_text_object(json, "fullDescription", row->text);
    if (row->fix[0] != '\0') {
        put_text_object(json, "help", row->fix);
    }
    put_help_uri(json, row);
    jsonw_key(json, "defaultConfiguration");
    jsonw_open(json, '{');
    jsonw_octets(json, "level", span_str(levels[finding_severity(check, CONFIDENCE_CERTAIN)]));
    jsonw_close(json, '}');
    jsonw_close(json, '}');
}

/* A path as a relative or file: URI reference (RFC 3986 2.1). */
static void put_uri(struct jsonw *json, const char *path)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    jsonw_key(json, "uri");
    out_char(json->out, '"');
    if (path[0] == '/') {
        out_text(json->out, "file://");
    }
    for (const char *p = path; *p != '\0'; p++) {
        if (strchr(plain, *p) != NULL) {
            out_char(json->out, *p);
        } else {
            out_char(json->out, '%');
            out_hex(json->out, (unsigned char)*p, 2);
        }
    }
    out_char(json->out, '"');
}

static void put_artifact(struct jsonw *json, const struct report *report, size_t input)
{
    jsonw_key(json, "artifactLocation");
    jsonw_open(json, '{');
    put_uri(json, report_in(report, input)->name);
    jsonw_u64(json, "index", input);
    jsonw_close(json, '}');
}

static void put_location(struct jsonw *json, const struct report *report,
                         const struct report_item *item)
{
    const struct finding *f = &item->finding;
    jsonw_key(json, "locations");
    jsonw_open(json, '[');
    jsonw_open(json, '{');
    jsonw_key(json, "physicalLocation");
    jsonw_open(json, '{');
    put_artifact(json, report, item->input);
    if (f->has_offset) {
        const uint8_t *header = f->evidence.header;
        jsonw_key(json, "region");
        jsonw_open(json, '{');
        jsonw_u64(json, "byteOffset", f->offset);
        if (f->evidence.has_frame) {
            uint64_t length = (uint64_t)header[0] << 16 | (uint64_t)header[1] << 8 | header[2];
            jsonw_u64(json, "byteLength", HEADER_OCTETS + length);
        }
        jsonw_close(json, '}');
    }
    jsonw_close(json, '}');
    jsonw_close(json, '}');
    jsonw_close(json, ']');
}

static void put_properties(struct jsonw *json, const struct report_item *item)
{
    const struct finding *f = &item->finding;
    const char *by = finding_by(f), *reaction = finding_reaction_name(f->reaction.kind);
    jsonw_key(json, "properties");
    jsonw_open(json, '{');
    if (item->conn > 0) {
        jsonw_u64(json, "conn", item->conn);
        jsonw_plain(json, "dir", f->dir == DIR_C2S ? "c2s" : "s2c");
    }
    if (f->last.packet > 0) {
        jsonw_u64(json, "packet", f->first.packet > 0 ? f->first.packet : f->last.packet);
        jsonw_u64(json, "packet_end", f->last.packet);
    }
    if (f->has_stream) {
        jsonw_u64(json, "stream_id", f->stream_id);
    }
    if (by != NULL) {
        jsonw_plain(json, "by", by);
    }
    jsonw_plain(json, "confidence", finding_confidence_name(f->confidence));
    if (reaction != NULL) {
        jsonw_plain(json, "reaction", reaction);
    }
    if (f->after_doomed) {
        jsonw_true(json, "after_doomed");
    }
    jsonw_close(json, '}');
}

/* The rules are those that found something; *index: the place of each among them. */
static void put_rules(struct jsonw *json, const struct report *report, size_t *index)
{
    bool found[CHECK_COUNT] = { false };
    size_t count = 0;
    for (size_t i = 0; i < report_item_count(report); i++) {
        found[report_item(report, i)->finding.check] = true;
    }
    jsonw_key(json, "rules");
    jsonw_open(json, '[');
    for (int check = 0; check < CHECK_COUNT; check++) {
        index[check] = count;
        if (found[check]) {
            put_rule(json, (enum check)check);
            count++;
        }
    }
    jsonw_close(json, ']');
}

static void put_result(struct jsonw *json, const struct report *report,
                       const struct report_item *item, const size_t *index)
{
    const struct finding *f = &item->finding;
    jsonw_element(json);
    jsonw_open(json, '{');
    jsonw_octets(json, "ruleId", span_str(spec_check(f->check)->id));
    jsonw_u64(json, "ruleIndex", index[f->check]);
    jsonw_octets(json, "level", span_str(levels[f->severity]));
    put_text_object(json, "message", report_message(report, item));
    put_location(json, report, item);
    jsonw_key(json, "partialFingerprints");
    jsonw_open(json, '{');
    jsonw_hex_name(json, "h2dumpPlace/v1", baseline_fingerprint(f), 16);
    jsonw_close(json, '}');
    put_properties(json, item);
    jsonw_close(json, '}');
}

/* `input`: an index, or SIZE_MAX where the whole run is meant. */
static void put_notification(struct jsonw *json, const struct report *report, size_t input,
                             const char *level, const char *text)
{
    jsonw_element(json);
    jsonw_open(json, '{');
    jsonw_plain(json, "level", level);
    put_text_object(json, "message", text);
    if (input != SIZE_MAX) {
        jsonw_key(json, "locations");
        jsonw_open(json, '[');
        jsonw_open(json, '{');
        jsonw_key(json, "physicalLocation");
        jsonw_open(json, '{');
        put_artifact(json, report, input);
        jsonw_close(json, '}');
        jsonw_close(json, '}');
        jsonw_close(json, ']');
    }
    jsonw_close(json, '}');
}

/* Whether all inputs could be read and judged: SARIF says so of the run, not of an artifact. */
static void put_invocation(struct jsonw *json, const struct report *report)
{
    const char *of_run = report_run_failure(report);
    bool good = of_run == NULL;
    jsonw_key(json, "invocations");
    jsonw_open(json, '[');
    jsonw_open(json, '{');
    jsonw_key(json, "toolExecutionNotifications");
    jsonw_open(json, '[');
    for (size_t i = 0; i < report_in_count(report); i++) {
        const char *failure = report_in_failure(report, report_in(report, i));
        const char *emptiness = report_in_emptiness(report, report_in(report, i));
        good &= failure == NULL;
        if (failure != NULL) {
            put_notification(json, report, i, "error", failure);
        } else if (emptiness != NULL) {
            put_notification(json, report, i, "note", emptiness);
        }
    }
    if (of_run != NULL) {
        put_notification(json, report, SIZE_MAX, "error", of_run);
    }
    jsonw_close(json, ']');
    jsonw_bool(json, "executionSuccessful", good);
    jsonw_close(json, '}');
    jsonw_close(json, ']');
}

void report_sarif(const struct report *report, struct out *out)
{
    struct jsonw json;
    size_t index[CHECK_COUNT];
    jsonw_init(&json, out);
    jsonw_open(&json, '{');
    jsonw_plain(&json, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    jsonw_plain(&json, "version", "2.1.0");
    jsonw_key(&json, "runs");
    jsonw_open(&json, '[');
    jsonw_open(&json, '{');
    jsonw_key(&json, "tool");
    jsonw_open(&json, '{');
    jsonw_key(&json, "driver");
    jsonw_open(&json, '{');
    jsonw_plain(&json, "name", "h2dump");
    jsonw_plain(&json, "version", H2DUMP_VERSION);
    put_rules(&json, report, index);
    jsonw_close(&json, '}');
    jsonw_close(&json, '}');
    put_invocation(&json, report);
    jsonw_key(&json, "artifacts");
    jsonw_open(&json, '[');
    for (size_t i = 0; i < report_in_count(report); i++) {
        jsonw_element(&json);
        jsonw_open(&json, '{');
        jsonw_key(&json, "location");
        jsonw_open(&json, '{');
        put_uri(&json, report_in(report, i)->name);
        jsonw_close(&json, '}');
        jsonw_close(&json, '}');
    }
    jsonw_close(&json, ']');
    jsonw_key(&json, "results");
    jsonw_open(&json, '[');
    for (size_t i = 0; i < report_item_count(report); i++) {
        put_result(&json, report, report_item(report, i), index);
    }
    jsonw_close(&json, ']');
    jsonw_key(&json, "properties");
    jsonw_open(&json, '{');
    jsonw_u64(&json, "findings_left_out", report->left_out);
    jsonw_close(&json, '}');
    jsonw_close(&json, '}');
    jsonw_close(&json, ']');
    jsonw_close(&json, '}');
    out_char(out, '\n');
}
