/* JUnit XML as CI services read it: valid by the schema of Ant's JUnit task and by Jenkins'. A
 * suite is an input; a case is a check that found something that counts there, so that names stay
 * the same from run to run; what does not count stands in system-out. An input without such a
 * finding has one case that passes. What kept the run from judging is an error. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "report/report_int.h"

#define NS_A_SECOND 1000000000U

/* XML 1.0 has no way to say most control octets, and wants whole UTF-8: what is no printable ASCII
 * is written as \xNN. */
static void put_xml(struct out *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        switch (c) {
        case '<':
            out_text(out, "&lt;");
            break;
        case '>':
            out_text(out, "&gt;");
            break;
        case '&':
            out_text(out, "&amp;");
            break;
        case '"':
            out_text(out, "&quot;");
            break;
        case '\'':
            out_text(out, "&apos;");
            break;
        case '\n':
            out_char(out, '\n');
            break;
        default:
            if (c < 0x20 || c >= 0x7f) {
                out_text(out, "\\x");
                out_hex(out, c, 2);
            } else {
                out_char(out, (char)c);
            }
        }
    }
}

/* Seconds since 1970 as the schema wants it. The time is the capture's; without one, 1970. */
static void put_timestamp(struct out *out, uint64_t ts_ns)
{
    time_t seconds = (time_t)(ts_ns / NS_A_SECOND);
    struct tm tm;
    char text[32] = "1970-01-01T00:00:00";
    if (gmtime_r(&seconds, &tm) != NULL && tm.tm_year + 1900 <= 9999) {
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    out_text(out, text);
}

/* FILE:p9: error: message [id], and its details. */
static void put_item(const struct report *report, const struct report_item *item, struct out *out)
{
    put_xml(out, report_in(report, item->input)->name);
    report_put_packets(out, &item->finding);
    out_text(out, ": ");
    out_text(out, finding_severity_name(item->finding.severity));
    out_text(out, ": ");
    put_xml(out, report_message(report, item));
    out_text(out, " [");
    out_text(out, spec_check(item->finding.check)->id);
    out_text(out, "]\n");
    report_put_details(out, item, put_xml);
}

/* Of one check in one input: how many findings count, and where the first of them is. */
struct tally {
    size_t count, first;
};

/* in_name: of the input; "" in the suite behind those of the inputs. */
static void begin_case(size_t input, const char *in_name, const char *name, struct out *out)
{
    out_text(out, "    <testcase name=\"");
    out_text(out, name);
    out_text(out, "\" classname=\"h2dump.");
    put_xml(out, in_name);
    out_printf(out, ".%zu\" time=\"0\"", input + 1);
}

static void put_failure(const struct report *report, size_t input, enum check check,
                        const struct tally *tally, struct out *out)
{
    const struct report_item *worst = report_item(report, tally->first);
    size_t left = tally->count;
    begin_case(input, report_in(report, input)->name, spec_check(check)->id, out);
    out_text(out, ">\n      <failure type=\"");
    out_text(out, finding_severity_name(worst->finding.severity));
    out_text(out, "\" message=\"");
    put_xml(out, report_message(report, worst));
    if (left > 1) {
        out_printf(out, " (and %zu more)", left - 1);
    }
    out_text(out, "\">");
    for (size_t i = tally->first; left > 0; i++) {
        const struct report_item *item = report_item(report, i);
        if (item->finding.check == check && item->counts) {
            put_item(report, item, out);
            left--;
        }
    }
    out_text(out, "</failure>\n    </testcase>\n");
}

static void put_error(size_t input, const char *in_name, const char *name, const char *text,
                      struct out *out)
{
    begin_case(input, in_name, name, out);
    out_text(out, ">\n      <error type=\"");
    out_text(out, name);
    out_text(out, "\" message=\"");
    put_xml(out, text);
    out_text(out, "\">");
    put_xml(out, text);
    out_text(out, "</error>\n    </testcase>\n");
}

/* The suite's head, with its counts; error: one of the cases is no failure but an error. */
static void begin_suite(size_t number, const char *name, uint64_t ts_ns, size_t failures,
                        bool error, struct out *out)
{
    size_t tests = error ? failures + 1 : failures > 0 ? failures : 1;
    out_printf(out, "  <testsuite id=\"%zu\" package=\"h2dump\" name=\"", number);
    put_xml(out, name);
    out_text(out, "\" timestamp=\"");
    put_timestamp(out, ts_ns);
    out_printf(
        out,
        "\" hostname=\"localhost\" tests=\"%zu\" failures=\"%zu\" errors=\"%d\" time=\"0\">\n"
        "    <properties>\n      <property name=\"h2dump\" value=\"" H2DUMP_VERSION "\"/>\n"
        "    </properties>\n",
        tests, failures, error);
}

/* Behind the suite's cases: findings that do not count, from one to another; `said`, NULL or a line
 * about the input; what the last suite says of the whole report. */
static void end_suite(const struct report *report, size_t from, size_t to, const char *said,
                      bool last, struct out *out)
{
    out_text(out, "    <system-out>");
    for (size_t i = from; i < to; i++) {
        if (!report_item(report, i)->counts) {
            put_item(report, report_item(report, i), out);
        }
    }
    out_text(out, "</system-out>\n    <system-err>");
    if (said != NULL) {
        put_xml(out, said);
        out_char(out, '\n');
    }
    if (report->left_out > 0 && last) {
        out_printf(out, "%" PRIu64 " findings more are not in this report\n", report->left_out);
    }
    out_text(out, "</system-err>\n  </testsuite>\n");
}

/* The findings of an input stand together, from *at on. */
static void put_suite(const struct report *report, size_t input, size_t *at, struct out *out)
{
    struct tally tallies[CHECK_COUNT] = { { 0, 0 } };
    size_t from = *at, failures = 0;
    for (; *at < report_item_count(report) && report_item(report, *at)->input == input; (*at)++) {
        const struct report_item *item = report_item(report, *at);
        struct tally *tally = &tallies[item->finding.check];
        if (item->counts && tally->count++ == 0) {
            tally->first = *at;
            failures++;
        }
    }
    const struct report_in *in = report_in(report, input);
    const char *failure = report_in_failure(report, in);
    const char *emptiness = report_in_emptiness(report, in);
    begin_suite(input, in->name, in->ts_ns, failures, failure != NULL, out);
    for (int check = 0; check < CHECK_COUNT; check++) {
        if (tallies[check].count > 0) {
            put_failure(report, input, (enum check)check, &tallies[check], out);
        }
    }
    if (failure != NULL) {
        put_error(input, in->name, "input", failure, out);
    } else if (failures == 0) {
        begin_case(input, in->name, emptiness != NULL ? "no-http2" : "no-findings", out);
        out_text(out, "/>\n");
    }
    end_suite(report, from, *at, emptiness, input + 1 == report_in_count(report), out);
}

/* Behind the inputs: what the whole run failed of. */
static void put_run_failure(const struct report *report, const char *text, struct out *out)
{
    size_t number = report_in_count(report);
    begin_suite(number, "h2dump", 0, 0, true, out);
    put_error(number, "", "max-tainted", text, out);
    end_suite(report, 0, 0, NULL, false, out);
}

void report_junit(const struct report *report, struct out *out)
{
    size_t at = 0;
    out_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (size_t input = 0; input < report_in_count(report); input++) {
        put_suite(report, input, &at, out);
    }
    if (report_run_failure(report) != NULL) {
        put_run_failure(report, report_run_failure(report), out);
    }
    out_text(out, "</testsuites>\n");
}
