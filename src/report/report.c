#include "report/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/report_int.h"
#include "spec/limits.h"

#define INPUTS_MAX 65536

struct report *report_new(struct mem *mem)
{
    struct report *report = mem_zalloc(mem, 1, sizeof *report);
    if (report != NULL) {
        report->mem = mem;
        report->failed_at = SIZE_MAX;
        buf_init(&report->items, mem, LIMIT_FINDINGS * sizeof(struct report_item));
        buf_init(&report->inputs, mem, INPUTS_MAX * sizeof(struct report_in));
        buf_init(&report->texts, mem, LIMIT_FINDINGS * (size_t)256);
    }
    return report;
}

void report_free(struct report *report)
{
    if (report != NULL) {
        buf_fini(&report->items);
        buf_fini(&report->inputs);
        buf_fini(&report->texts);
        mem_free(report->mem, report);
    }
}

static bool put_text(struct report *report, const char *text, size_t *at)
{
    *at = report->texts.len;
    return buf_append(&report->texts, span_of(text, strlen(text) + 1));
}

bool report_in_begin(struct report *report, const char *name)
{
    struct report_in in = { .name = name, .failed_at = SIZE_MAX, .said_at = SIZE_MAX };
    return buf_append(&report->inputs, span_of(&in, sizeof in));
}

static struct report_in *newest_in(struct report *report)
{
    size_t count = report_in_count(report);
    return count > 0 ? (struct report_in *)(void *)report->inputs.ptr + (count - 1) : NULL;
}

void report_in_failed(struct report *report, const char *text)
{
    struct report_in *in = newest_in(report);
    size_t at;
    if (in != NULL && put_text(report, text, &at)) {
        in->failed_at = at;
    }
}

void report_in_said(struct report *report, const char *text)
{
    struct report_in *in = newest_in(report);
    size_t at;
    if (in != NULL && put_text(report, text, &at)) {
        in->said_at = at;
    }
}

void report_in_judged(struct report *report)
{
    struct report_in *in = newest_in(report);
    if (in != NULL) {
        in->judged = report->judged = true;
    }
}

void report_run_failed(struct report *report, const char *text)
{
    size_t at;
    if (put_text(report, text, &at)) {
        report->failed_at = at;
    }
}

void report_finding(struct report *report, const struct connection_info *info,
                    const struct finding *finding, bool counts)
{
    struct report_in *in = newest_in(report);
    const char *message =
        finding->message != NULL ? finding->message : spec_check(finding->check)->title;
    struct report_item item = { .finding = *finding,
                                .input = (uint32_t)report_in_count(report) - 1,
                                .conn = info != NULL ? info->conn : 0,
                                .counts = counts };
    item.finding.message = NULL;
    if (in == NULL || finding->surplus ||
        report->items.len + sizeof item > LIMIT_FINDINGS * sizeof item ||
        !put_text(report, message, &item.message_at) ||
        !buf_append(&report->items, span_of(&item, sizeof item))) {
        report->left_out++;
        return;
    }
    if (in->ts_ns == 0 && finding->last.ts_known) {
        in->ts_ns = finding->last.ts_ns;
    }
}

size_t report_item_count(const struct report *report)
{
    return report->items.len / sizeof(struct report_item);
}

const struct report_item *report_item(const struct report *report, size_t i)
{
    return (const struct report_item *)(const void *)report->items.ptr + i;
}

const char *report_message(const struct report *report, const struct report_item *item)
{
    return (const char *)report->texts.ptr + item->message_at;
}

size_t report_in_count(const struct report *report)
{
    return report->inputs.len / sizeof(struct report_in);
}

const struct report_in *report_in(const struct report *report, size_t i)
{
    return (const struct report_in *)(const void *)report->inputs.ptr + i;
}

static const char *text_at(const struct report *report, size_t at)
{
    return at == SIZE_MAX ? NULL : (const char *)report->texts.ptr + at;
}

const char *report_in_emptiness(const struct report *report, const struct report_in *in)
{
    if (in->judged || in->failed_at != SIZE_MAX) {
        return NULL;
    }
    return in->said_at != SIZE_MAX ? text_at(report, in->said_at) : "no HTTP/2 found";
}

const char *report_in_failure(const struct report *report, const struct report_in *in)
{
    if (in->failed_at != SIZE_MAX) {
        return text_at(report, in->failed_at);
    }
    return report->judged ? NULL : report_in_emptiness(report, in);
}

const char *report_run_failure(const struct report *report)
{
    return text_at(report, report->failed_at);
}

void report_put_packets(struct out *out, const struct finding *finding)
{
    if (finding->last.packet > 0) {
        uint64_t first = finding->first.packet > 0 ? finding->first.packet : finding->last.packet;
        out_text(out, ":p");
        out_u64(out, first);
        if (first != finding->last.packet) {
            out_char(out, '-');
            out_u64(out, finding->last.packet);
        }
    }
}

/* "#1 client to server, stream 3, offset 133" */
static void put_where(struct out *out, const struct report_item *item,
                      void (*put)(struct out *out, const char *text))
{
    const struct finding *f = &item->finding;
    char text[128];
    int n = snprintf(text, sizeof text, "connection %" PRIu64 ", %s", item->conn,
                     f->dir == DIR_C2S ? "client to server" : "server to client");
    if (f->has_stream) {
        n += snprintf(text + n, sizeof text - (size_t)n, ", stream %" PRIu32, f->stream_id);
    }
    if (f->has_offset) {
        (void)snprintf(text + n, sizeof text - (size_t)n, ", offset %" PRIu64, f->offset);
    }
    put(out, text);
    put(out, "\n");
}

void report_put_details(struct out *out, const struct report_item *item,
                        void (*put)(struct out *out, const char *text))
{
    const struct finding *f = &item->finding;
    const struct check_row *row = spec_check(f->check);
    const char *reaction = finding_reaction_name(f->reaction.kind);
    if (item->conn > 0) {
        put_where(out, item, put);
    }
    if (row->rfc[0] != '\0') {
        put(out, row->rfc);
        put(out, ": ");
        put(out, spec_scope_name(finding_scope(f)));
        if (finding_error_code(f) >= 0) {
            put(out, " ");
            put(out, spec_error_name((uint32_t)row->error_code));
        }
        put(out, "\n");
    }
    if (reaction != NULL) {
        const char *code = f->reaction.kind == REACTION_GOAWAY || f->reaction.kind == REACTION_RST
                               ? spec_error_name(f->reaction.error_code)
                               : NULL;
        put(out, "the other side: ");
        put(out, reaction);
        put(out, code != NULL ? " " : "");
        put(out, code != NULL ? code : "");
        put(out, "\n");
    }
    if (row->fix[0] != '\0') {
        put(out, row->fix);
        put(out, "\n");
    }
}
