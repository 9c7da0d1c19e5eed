/* Annotations of a GitHub workflow: a service shows ten of each kind, so the ten worst are given
 * and the rest is counted. */
#include <inttypes.h>
#include <string.h>

#include "report/report_int.h"

#define ANNOTATIONS_MAX 10
#define FAILURES_MAX    4

static const char *const commands[] = { "notice", "warning", "error" };

/* A workflow command ends with its line; in properties ':' and ',' separate, too. */
static void put_escaped(struct out *out, const char *text, bool property)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '%' || c < 0x20 || c == 0x7f || (property && (c == ':' || c == ','))) {
            static const char digits[] = "0123456789ABCDEF";
            out_char(out, '%');
            out_char(out, digits[c >> 4]);
            out_char(out, digits[c & 15]);
        } else {
            out_char(out, (char)c);
        }
    }
}

static void put_annotation(const struct report *report, const struct report_item *item,
                           struct out *out)
{
    const struct finding *f = &item->finding;
    const struct check_row *row = spec_check(f->check);
    const char *name = report_in(report, item->input)->name;
    out_text(out, "::");
    out_text(out, commands[f->severity]);
    out_text(out, " file=");
    put_escaped(out, name, true);
    out_text(out, ",title=");
    put_escaped(out, row->id, true);
    out_text(out, "::");
    put_escaped(out, name, false);
    report_put_packets(out, f);
    out_text(out, ": ");
    put_escaped(out, report_message(report, item), false);
    if (row->rfc[0] != '\0') {
        out_text(out, " (");
        out_text(out, row->rfc);
        out_text(out, ")");
    }
    out_char(out, '\n');
}

/* What kept the run from judging goes first: the findings are then not all there is. */
static void put_failures(const struct report *report, struct out *out)
{
    const char *of_run = report_run_failure(report);
    size_t shown = 0, all = 0;
    for (size_t i = 0; i < report_in_count(report); i++) {
        const struct report_in *in = report_in(report, i);
        const char *text = report_in_failure(report, in);
        all += text != NULL;
        if (text != NULL && shown < FAILURES_MAX) {
            out_text(out, "::error file=");
            put_escaped(out, in->name, true);
            out_text(out, ",title=h2dump::");
            put_escaped(out, text, false);
            out_char(out, '\n');
            shown++;
        }
    }
    if (all > shown) {
        out_printf(out, "::error title=h2dump::%zu inputs more could not be judged\n", all - shown);
    }
    if (of_run != NULL) {
        out_text(out, "::error title=h2dump::");
        put_escaped(out, of_run, false);
        out_char(out, '\n');
    }
}

void report_github(const struct report *report, struct out *out)
{
    put_failures(report, out);
    uint64_t shown = 0, all = report_item_count(report) + report->left_out;
    for (unsigned severity = SEVERITY_ERROR + 1; severity > 0; severity--) {
        for (size_t i = 0; i < report_item_count(report) && shown < ANNOTATIONS_MAX; i++) {
            const struct report_item *item = report_item(report, i);
            if (item->finding.severity == severity - 1) {
                put_annotation(report, item, out);
                shown++;
            }
        }
    }
    if (all > shown) {
        out_printf(out, "::notice title=h2dump::%" PRIu64 " findings more\n", all - shown);
    }
}
