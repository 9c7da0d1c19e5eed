#include "app/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/keep.h"
#include "app/privileges.h"
#include "app/report.h"
#include "app/stop.h"
#include "input/live.h"

#define NAME_WIDTH 16

/* Holes that nothing comes for any more are given up by the clock, and key logs grow. */
static void on_tick(void *ctx, uint64_t now_ns)
{
    struct run *run = ctx;
    if (run->ticked == 0 && run->net != NULL &&
        (net_tick(run->net, now_ns) != 0 || tls_poll(run->tls) != RC_OK)) {
        run->ticked = RC_NOMEM;
    }
    tls_age(run->tls, now_ns / 1000000);
    out_flush(run->out);
}

static void on_warning(void *ctx, const char *text)
{
    struct run *run = ctx;
    char line[300];
    (void)snprintf(line, sizeof(line), "%s: %s", run->report.name, text);
    report_line(run->messages, line);
}

static void say_capturing(struct run *run)
{
    if (run->options->verbosity > 0 || isatty(STDERR_FILENO) == 1) {
        char line[200];
        (void)snprintf(line, sizeof(line), "capturing on %.100s; Ctrl-C ends it", run->report.name);
        report_line(run->messages, line);
    }
}

enum rc live_open(struct run *run, const struct input_options *options, struct input **input,
                  struct err *err)
{
    const struct app_options *o = run->options;
    struct live_options live = {
        .interface = o->interface,
        .filter = o->filter,
        .snap_len = o->snap_len,
        .buffer_octets = o->buffer_octets,
        .promiscuous = o->promiscuous,
        .immediate = o->immediate || isatty(STDOUT_FILENO) == 1,
        .on_tick = on_tick,
        .on_warning = on_warning,
    };
    struct privileges privileges;
    enum rc rc = privileges_find(o->user, &privileges, err);
    if (rc == RC_OK) {
        rc = stop_on_signals(&live.stop_fd, err);
    }
    if (rc == RC_OK) {
        rc = input_open_live(&run->mem, &live, options, input, err);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (privileges.chosen) {
        keep_give_to(run, privileges.uid, privileges.gid);
    }
    rc = privileges_drop(&privileges, err);
    if (rc != RC_OK) {
        input_close(*input);
        return rc;
    }
    say_capturing(run);
    return RC_OK;
}

void live_report(struct run *run, const struct input *input)
{
    uint64_t drops = input_stats(input)->kernel_drops;
    if (drops > 0) {
        char line[200];
        (void)snprintf(line, sizeof(line),
                       "kernel dropped %" PRIu64 " of %" PRIu64
                       " packets: raise --buffer or narrow the filter (-f); gaps follow from it",
                       drops, input_live_received(input));
        report_line(run->messages, line);
    }
}

static void put_interface(void *ctx, const char *name, const char *about)
{
    struct out *out = ctx;
    size_t len = strlen(name);
    out_escaped(out, span_str(name));
    out_spaces(out, len + 2 < NAME_WIDTH ? NAME_WIDTH - len : 2);
    out_escaped(out, span_str(about));
    out_char(out, '\n');
}

enum rc live_list(struct out *out, struct err *err)
{
    return live_interfaces(put_interface, out, err);
}
