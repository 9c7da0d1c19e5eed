/* The last record of a run: JSON's summary line, or one line for the eye. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "render/jsonw.h"
#include "render/render_int.h"

static void put_frames(struct jsonw *json, const struct render_totals *totals)
{
    jsonw_key(json, "frames");
    jsonw_open(json, '{');
    for (unsigned type = 0; type < 256; type++) {
        const char *name = h2_frame_name((uint8_t)type);
        if (totals->frames_by_type[type] == 0) {
            continue;
        }
        jsonw_element(json);
        if (name != NULL) {
            out_printf(json->out, "\"%s\":", name);
        } else {
            out_printf(json->out, "\"0x%02x\":", type);
        }
        jsonw_number(json, totals->frames_by_type[type]);
    }
    jsonw_close(json, '}');
}

static void put_findings(struct jsonw *json, const struct render_totals *totals)
{
    jsonw_key(json, "findings");
    jsonw_open(json, '{');
    for (unsigned check = 0; check < CHECK_COUNT; check++) {
        if (totals->findings[check] > 0) {
            jsonw_u64(json, spec_check((enum check)check)->id, totals->findings[check]);
        }
    }
    jsonw_close(json, '}');
}

static void put_connections(struct jsonw *json, const struct run_summary *summary)
{
    jsonw_key(json, "connections");
    jsonw_open(json, '{');
    jsonw_u64(json, "http2", summary->http2_connections);
    bool other = false;
    for (size_t i = 0; i < summary->other_count; i++) {
        if (strcmp(summary->others[i].name, "tls_without_keys") == 0) {
            jsonw_u64(json, "tls_without_keys", summary->others[i].count);
        } else {
            other |= summary->others[i].count > 0;
        }
    }
    if (other) {
        jsonw_key(json, "other");
        jsonw_open(json, '{');
        for (size_t i = 0; i < summary->other_count; i++) {
            const struct named_count *row = &summary->others[i];
            if (row->count > 0 && strcmp(row->name, "tls_without_keys") != 0) {
                jsonw_u64(json, row->name, row->count);
            }
        }
        jsonw_close(json, '}');
    }
    jsonw_close(json, '}');
}

static uint64_t put_lost(struct jsonw *json, const struct render_totals *totals)
{
    static const char *const causes[] = { "lost", "unacked", "snaplen", "limit", "end", "tls" };
    uint64_t lost = 0;
    jsonw_key(json, "octets_lost");
    jsonw_open(json, '{');
    for (size_t i = 0; i < H2D_COUNT_OF(causes); i++) {
        lost += totals->octets_lost[i];
        if (totals->octets_lost[i] > 0) {
            jsonw_u64(json, causes[i], totals->octets_lost[i]);
        }
    }
    jsonw_close(json, '}');
    return lost;
}

/* How often a limit acted: 0 for what is none. */
static uint64_t limit_count(const struct render_totals *totals, const struct run_summary *summary,
                            unsigned check)
{
    if (strncmp(spec_check((enum check)check)->id, "limit-", 6) != 0) {
        return 0;
    }
    uint64_t acted = summary->limits != NULL ? summary->limits[check] : 0;
    return acted > 0 ? acted : totals->findings[check];
}

static void put_limits(struct jsonw *json, const struct render_totals *totals,
                       const struct run_summary *summary)
{
    bool any = false;
    for (unsigned check = 0; check < CHECK_COUNT; check++) {
        uint64_t count = limit_count(totals, summary, check);
        if (count > 0 && !any) {
            jsonw_key(json, "limits");
            jsonw_open(json, '{');
            any = true;
        }
        if (count > 0) {
            jsonw_u64(json, spec_check((enum check)check)->id, count);
        }
    }
    if (any) {
        jsonw_close(json, '}');
    }
}

static void put_drops(struct jsonw *json, const struct run_summary *summary)
{
    if (summary->kernel_drops == 0 && summary->interface_drops == 0) {
        return;
    }
    jsonw_key(json, "drops");
    jsonw_open(json, '{');
    jsonw_u64(json, "kernel", summary->kernel_drops);
    jsonw_u64(json, "interface", summary->interface_drops);
    jsonw_close(json, '}');
}

static void json_summary(struct render *render, const struct run_summary *summary)
{
    const struct render_totals *totals = &render->totals;
    struct jsonw json;
    jsonw_init(&json, render->out);
    out_const(render->out, "{\"kind\":\"summary\"");
    json.comma = true;
    jsonw_u64(&json, "packets", summary->packets);
    jsonw_u64(&json, "octets", summary->octets);
    put_connections(&json, summary);
    put_frames(&json, totals);
    put_findings(&json, totals);
    uint64_t lost = put_lost(&json, totals);
    jsonw_key(&json, "checked");
    jsonw_open(&json, '{');
    jsonw_u64(&json, "frames", totals->frames);
    jsonw_u64(&json, "frames_tainted", totals->frames_tainted);
    jsonw_u64(&json, "octets_lost", lost);
    jsonw_close(&json, '}');
    if (summary->findings_accepted > 0) {
        jsonw_u64(&json, "accepted", summary->findings_accepted);
    }
    put_limits(&json, totals, summary);
    put_drops(&json, summary);
    jsonw_bool(&json, "truncated", summary->truncated);
    jsonw_key(&json, "exit");
    jsonw_signed(&json, summary->exit_code);
    out_const(render->out, "}\n");
}

static void put_count(struct out *out, const char *before, uint64_t count, const char *one,
                      const char *many)
{
    out_text(out, before);
    out_u64(out, count);
    out_char(out, ' ');
    out_text(out, count == 1 ? one : many);
}

static const char *const severity_names[][2] = { { "note", "notes" },
                                                 { "warning", "warnings" },
                                                 { "error", "errors" } };

/* 12,408 */
static void put_grouped(struct out *out, uint64_t count)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out_char(out, ',');
        }
        out_char(out, digits[i]);
    }
}

static void put_counted(struct out *out, uint64_t count, const char *one, const char *many)
{
    put_grouped(out, count);
    out_char(out, ' ');
    out_text(out, count == 1 ? one : many);
}

/* --check: "2 errors, 1 note in 1 of 3 captures; 12,408 frames checked" … */
static void check_summary(const struct render *render, const struct run_summary *summary,
                          struct out *out)
{
    const struct render_totals *totals = &render->totals;
    const char *comma = "";
    if (render->findings_shown > 0) {
        out_char(out, '\n');
    }
    for (unsigned severity = 3; severity > 0; severity--) {
        uint64_t count = totals->findings_by_severity[severity - 1];
        if (count > 0) {
            out_text(out, comma);
            put_counted(out, count, severity_names[severity - 1][0],
                        severity_names[severity - 1][1]);
            comma = ", ";
        }
    }
    if (comma[0] == '\0') {
        out_text(out, "no findings");
    }
    out_text(out, " in ");
    if (summary->inputs_with_findings > 0 && summary->inputs > 1) {
        put_grouped(out, summary->inputs_with_findings);
        out_text(out, " of ");
    }
    put_counted(out, summary->inputs, "capture", "captures");
    out_text(out, "; ");
    put_counted(out, totals->frames, "frame checked", "frames checked");
    if (totals->frames_tainted > 0) {
        out_text(out, ", ");
        put_grouped(out, totals->frames_tainted);
        out_text(out, " of them only in part");
    }
    if (summary->findings_accepted > 0) {
        out_text(out, "; ");
        put_counted(out, summary->findings_accepted, "finding accepted by the baseline",
                    "findings accepted by the baseline");
    }
    out_char(out, '\n');
}

static void text_summary(const struct render *render, const struct run_summary *summary,
                         struct out *out)
{
    const struct render_totals *totals = &render->totals;
    const uint64_t *by_severity = totals->findings_by_severity;
    uint64_t limits = 0;
    for (unsigned check = 0; check < CHECK_COUNT; check++) {
        limits += limit_count(totals, summary, check);
    }
    put_count(out, "h2dump: ", totals->frames, "frame", "frames");
    put_count(out, " of ", summary->http2_connections, "connection", "connections");
    if (summary->packets > 0) {
        put_count(out, " in ", summary->packets, "packet", "packets");
    }
    for (unsigned severity = 3; severity > 0; severity--) {
        if (by_severity[severity - 1] > 0) {
            put_count(out, ", ", by_severity[severity - 1], severity_names[severity - 1][0],
                      severity_names[severity - 1][1]);
        }
    }
    if (totals->frames_unsure > 0) {
        put_count(out, ", ", totals->frames_unsure, "frame not wholly known",
                  "frames not wholly known");
    }
    if (limits > 0) {
        put_count(out, ", a limit acted ", limits, "time", "times");
    }
    if (summary->kernel_drops > 0 || summary->interface_drops > 0) {
        put_count(out, ", ", num_add_sat_u64(summary->kernel_drops, summary->interface_drops),
                  "packet lost by the capture", "packets lost by the capture");
    }
    if (summary->truncated) {
        out_text(out, ", input cut short");
    }
    out_char(out, '\n');
    out_flush(out);
}

void render_summary(struct render *render, const struct run_summary *summary, struct out *err_out)
{
    if (render->options.quiet) {
        return;
    }
    if (render->options.format == FORMAT_JSON) {
        json_summary(render, summary);
    } else if (render->options.check) {
        check_summary(render, summary, render->out);
    } else if (err_out != NULL && (err_out->fd < 0 || isatty(err_out->fd) == 1)) {
        /* On a terminal it stands behind what it sums up. */
        out_flush(render->out);
        text_summary(render, summary, err_out);
    }
}
