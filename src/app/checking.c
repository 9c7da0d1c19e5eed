#include "app/checking.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/report.h"
#include "base/buf.h"
#include "spec/limits.h"

#define READ_OCTETS 4096

/* ---- files ---- */

/* Reads a whole file of at most LIMIT_BASELINE_OCTETS. */
static enum rc read_file(const char *path, struct buf *text, struct err *err)
{
    uint8_t octets[READ_OCTETS];
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(err, RC_USAGE, "%s: cannot be opened: %s", path, strerror(errno));
    }
    enum rc rc = RC_OK;
    while (rc == RC_OK && (n = read(fd, octets, sizeof octets)) > 0) {
        if (!buf_append(text, span_of(octets, (size_t)n))) {
            rc = err_set(err, RC_USAGE, "%s: too long for a baseline", path);
        }
    }
    if (n < 0) {
        rc = err_set(err, RC_USAGE, "%s: cannot be read: %s", path, strerror(errno));
    }
    (void)close(fd);
    return rc;
}

/* A file that will be written at the end; what is wrong with it is said at once, and the run goes
 * on. */
static int open_file(struct run *run, const char *path)
{
    if (path == NULL) {
        return -1;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        struct err err = { .rc = RC_OK };
        (void)err_set(&err, RC_IO, "%s: cannot be written: %s", path, strerror(errno));
        report_line(run->messages, err.text);
        run->checked.broken = true;
    }
    return fd;
}

static void write_file(struct run *run, const char *path, int fd,
                       void (*put)(struct run *run, struct out *out))
{
    struct err err = { .rc = RC_OK }, said = { .rc = RC_OK };
    if (fd < 0) {
        return;
    }
    struct out *out = out_new(&run->mem, fd);
    enum rc rc = RC_NOMEM;
    if (out != NULL) {
        put(run, out);
        out_flush(out);
        rc = out_rc(out, &err);
        out_free(out);
    }
    if (close(fd) != 0 && rc == RC_OK) {
        rc = err_set(&err, RC_IO, "%s", strerror(errno));
    }
    if (rc != RC_OK) {
        (void)err_set(&said, RC_IO, "%s: %s", path, rc == RC_NOMEM ? "out of memory" : err.text);
        report_line(run->messages, said.text);
        run->checked.broken = true;
    }
}

/* ---- the beginning ---- */

static enum rc read_baseline(struct run *run, const char *path, struct err *err)
{
    struct buf text;
    buf_init(&text, &run->mem, LIMIT_BASELINE_OCTETS);
    enum rc rc = read_file(path, &text, err);
    if (rc == RC_OK) {
        rc = baseline_read(run->checked.baseline, buf_span(&text), path, err);
    }
    buf_fini(&text);
    return rc;
}

enum rc checking_begin(struct run *run, struct err *err)
{
    const struct check_mode *mode = &run->options->check;
    struct checked *checked = &run->checked;
    checked->baseline = mode->baseline != NULL ? baseline_new(&run->mem) : NULL;
    checked->rewritten = mode->write_baseline != NULL ? baseline_new(&run->mem) : NULL;
    bool reports = mode->junit != NULL || mode->sarif != NULL || mode->github;
    checked->report = reports ? report_new(&run->mem) : NULL;
    if ((mode->baseline != NULL && checked->baseline == NULL) ||
        (mode->write_baseline != NULL && checked->rewritten == NULL) ||
        (reports && checked->report == NULL)) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    enum rc rc = mode->baseline != NULL ? read_baseline(run, mode->baseline, err) : RC_OK;
    if (rc == RC_OK) {
        checked->junit = open_file(run, mode->junit);
        checked->sarif = open_file(run, mode->sarif);
        checked->written = open_file(run, mode->write_baseline);
    }
    return rc;
}

/* ---- findings ---- */

/* Whether a finding is accepted: by a file, or because this run makes that file. */
static bool is_accepted(struct run *run, const struct finding *finding, bool *shown)
{
    struct checked *checked = &run->checked;
    bool accepted = checked->baseline != NULL && baseline_has(checked->baseline, finding);
    *shown = !accepted;
    if (checked->rewritten != NULL) {
        accepted = baseline_add(checked->rewritten, finding) || accepted;
    }
    return accepted;
}

void checking_take(struct run *run, const struct connection_info *info, struct render_conn *shown,
                   const struct finding *finding)
{
    struct checked *checked = &run->checked;
    bool visible;
    bool accepted = is_accepted(run, finding, &visible);
    bool counts = !accepted && !finding->after_doomed;
    checked->accepted += accepted;
    checked->counts[finding->severity] += counts;
    if (!visible) {
        return;
    }
    checked->of_input++;
    render_check_finding(shown, finding);
    if (checked->report != NULL) {
        report_finding(checked->report, info, finding,
                       counts && (unsigned)finding->severity >= run->options->check.fail_on);
    }
}

void checking_note(struct run *run, const struct finding *note)
{
    if (run->options->check.wanted[note->check]) {
        run->checked.of_input++;
        run->checked.counts[note->severity]++;
        render_note(run->render, note);
        if (run->checked.report != NULL) {
            report_finding(run->checked.report, NULL, note,
                           (unsigned)note->severity >= run->options->check.fail_on);
        }
    }
}

/* ---- inputs ---- */

void checking_input(struct run *run, const char *name)
{
    if (run->checked.report != NULL && !report_in_begin(run->checked.report, name)) {
        run->out_of_memory = true;
    }
}

void checking_input_failed(struct run *run, const char *text)
{
    if (run->checked.report != NULL) {
        report_in_failed(run->checked.report, text);
    }
}

void checking_input_said(struct run *run, const char *text)
{
    if (run->checked.report != NULL) {
        report_in_said(run->checked.report, text);
    }
}

void checking_input_done(struct run *run)
{
    if (run->checked.report != NULL && run->report.http2 > 0) {
        report_in_judged(run->checked.report);
    }
    run->checked.inputs++;
    run->checked.inputs_with_findings += run->checked.of_input > 0;
    run->checked.of_input = 0;
}

/* ---- the end ---- */

bool checking_failed(const struct run *run)
{
    for (unsigned severity = run->options->check.fail_on; severity <= SEVERITY_ERROR; severity++) {
        if (run->checked.counts[severity] > 0) {
            return true;
        }
    }
    return false;
}

bool checking_too_tainted(const struct run *run)
{
    const struct render_totals *totals = render_totals(run->render);
    return run->options->check.max_tainted_given &&
           (double)totals->frames_tainted * 100 >
               run->options->check.max_tainted * (double)totals->frames;
}

static void put_junit(struct run *run, struct out *out)
{
    report_junit(run->checked.report, out);
}

static void put_sarif(struct run *run, struct out *out)
{
    report_sarif(run->checked.report, out);
}

static void put_baseline(struct run *run, struct out *out)
{
    baseline_write(run->checked.rewritten, out);
}

bool checking_finish(struct run *run)
{
    const struct check_mode *mode = &run->options->check;
    if (run->checked.report != NULL && checking_too_tainted(run)) {
        const struct render_totals *totals = render_totals(run->render);
        char text[160];
        (void)snprintf(text, sizeof text,
                       "%" PRIu64 " of %" PRIu64
                       " frames could only be judged in part, more than %g %%",
                       totals->frames_tainted, totals->frames, mode->max_tainted);
        report_run_failed(run->checked.report, text);
    }
    write_file(run, mode->junit, run->checked.junit, put_junit);
    write_file(run, mode->sarif, run->checked.sarif, put_sarif);
    write_file(run, mode->write_baseline, run->checked.written, put_baseline);
    return !run->checked.broken;
}

void checking_annotate(struct run *run)
{
    if (run->options->check.github) {
        report_github(run->checked.report, run->out);
    }
}

void checking_free(struct run *run)
{
    check_free(run->check);
    report_free(run->checked.report);
    baseline_free(run->checked.baseline);
    baseline_free(run->checked.rewritten);
}
