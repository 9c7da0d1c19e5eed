/* packets of a capture: input ─► net ─► detect (─► tls ─► detect) ─► feed.c ─► h2 ─► render
 * octets of a raw stream: input ─► raw.c or halves.c ─► feed.c ─► h2 ─► render
 *
 * Each stage is a struct stream_sink (base/stream.h) of the one before it; the last, feed.c, lends
 * the octets to a session, whose callbacks are render's. Nothing is kept longer than it is open. */
#include "app/pipeline.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/checking.h"
#include "app/feed.h"
#include "app/keep.h"
#include "app/live.h"
#include "app/raw.h"
#include "app/report.h"
#include "app/run.h"
#include "app/secrets.h"
#include "spec/limits.h"

/* DATA octets shown when --data does not say. */
#define DATA_OCTETS_TEXT 64

/* ---- where connections come from and go to ---- */

static bool port_is_wanted(const struct run *run, const struct flow_info *info)
{
    const struct app_options *o = run->options;
    return !o->only_ports_given || options_port_in(o->only_ports, info->ends[0].port) ||
           options_port_in(o->only_ports, info->ends[1].port);
}

/* net/ has a connection: detect/ is to look at it. */
static struct stream_sink on_open(void *ctx, const struct flow_info *info)
{
    struct run *run = ctx;
    static const struct stream_sink nobody;
    if (!port_is_wanted(run, info)) {
        run->report.other_ports++;
        keep_decide(run, info->id, false);
        return nobody;
    }
    struct stream_sink sink = detect_open(run->detect, info, NULL);
    if (sink.ops == NULL) {
        keep_decide(run, info->id, false);
        others_add(&run->report.others, "memory limit", 1, 0);
    }
    return sink;
}

static void on_note(void *ctx, const struct flow_info *info, const struct finding *note)
{
    feed_note(ctx, info, note);
}

/* detect/ knows it for HTTP/2: its octets go to sessions. */
static struct stream_sink on_http2(void *ctx, const struct connection_info *info,
                                   const struct upgrade_info *upgrade)
{
    keep_decide(ctx, info->flow, true);
    return feed_open(ctx, info, upgrade);
}

/* … for TLS: its octets go to tls/, and what comes out to detect/ again. */
static struct stream_sink on_tls(void *ctx, const struct flow_info *info,
                                 const struct tls_facts *outer)
{
    return secrets_on_tls(ctx, info, outer);
}

static void on_other(void *ctx, const struct flow_info *info, const char *name, uint64_t looked)
{
    struct run *run = ctx;
    keep_decide(run, info->id, false);
    others_add(&run->report.others, name, 1, looked);
}

/* ---- inputs ---- */

/* Nothing more is wanted: -c is reached, or the output cannot take more. */
static bool is_over(const struct run *run)
{
    bool nobody_reads = out_rc(run->out, NULL) != RC_OK && run->check == NULL;
    return run->full || run->out_of_memory || run->ticked != 0 || nobody_reads ||
           (run->keep != NULL && keep_failed(run));
}

/* Whoever watches the output of a pipe sees all there is before we wait for more. */
static void before_wait(void *ctx)
{
    struct run *run = ctx;
    out_flush(run->out);
    keep_flush(run);
}

/* Comments, losses: what the capture says of itself. */
static void on_input_note(void *ctx, const struct finding *note)
{
    struct run *run = ctx;
    if (run->check != NULL) {
        checking_note(run, note);
    } else {
        render_note(run->render, note);
    }
}

static void on_secrets(void *ctx, struct span text)
{
    secrets_take(ctx, text);
}

static void look_at_packet(struct run *run, const struct packet *packet)
{
    if (packet->pos.packet == 1) {
        render_first_packet(run->render, &packet->pos, packet->ts_digits);
    }
    if (packet->wire_len > packet->octets.len && !packet->partial &&
        packet->octets.len > run->report.cut_to) {
        run->report.cut_to = packet->octets.len;
    }
}

/* A packet goes its way, unless -f keeps it out. */
static enum rc take_packet(struct run *run, const struct packet *packet, struct err *err)
{
    look_at_packet(run, packet);
    run->report.packets++;
    if (run->filter != NULL) {
        int passes = filter_passes(run->filter, packet, err);
        if (passes <= 0) {
            run->report.filtered++;
            return (enum rc)passes;
        }
    }
    uint64_t fragments = net_stats(run->net)->fragments;
    if (net_packet(run->net, packet) != 0 ||
        (run->keep != NULL &&
         !keep_packet(run, packet, net_stats(run->net)->fragments > fragments))) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    return RC_OK;
}

/* RC_END, or how the input ended else. */
static enum rc read_packets(struct run *run, struct input *input, struct err *err)
{
    enum rc rc = RC_OK;
    while (rc == RC_OK && !is_over(run)) {
        struct packet packet;
        rc = input_next_packet(input, &packet, err);
        /* The last packet of a capture that was cut may be there in part. */
        if (rc == RC_OK || (rc == RC_DAMAGED && packet.octets.len > 0)) {
            struct err why = { .rc = RC_OK };
            enum rc taken = take_packet(run, &packet, &why);
            if (taken != RC_OK) {
                *err = why;
                return taken;
            }
        }
    }
    if (run->ticked != 0 || (!is_over(run) && net_end(run->net) != 0)) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    return rc == RC_OK ? RC_END : rc;
}

static enum rc read_capture(struct run *run, struct input *input, struct err *err)
{
    static const struct net_events events = { on_open, on_note };
    struct net_options options;
    net_options_init(&options);
    options.key = run->key;
    options.max_flows = run->options->max_flows;
    options.tcp_queue_octets = run->options->tcp_buffer;
    options.queued_octets = run->options->memory;
    options.hole_wait_unacked_ms = run->options->hole_wait_ms;
    options.all_views = run->options->all_views;
    options.check_sums = run->options->check_sums;
    options.overlap_last = run->options->overlap_last;
    options.no_tunnels = run->options->no_tunnels;
    options.tunnel_ports = run->options->tunnel_ports;
    options.tunnel_port_count = run->options->tunnel_port_count;
    run->net = net_new(&run->mem, &options, &events, run);
    if (run->net == NULL) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    enum rc rc = read_packets(run, input, err);
    struct net_stats stats = *net_stats(run->net);
    net_free(run->net);
    run->net = NULL;
    tls_end(run->tls);
    keep_end_input(run);
    for (int limit = 0; limit < NET_LIMITS; limit++) {
        run->limits[net_limit_check((enum net_limit)limit)] += stats.limits[limit];
    }
    if ((rc == RC_END || rc == RC_DAMAGED) && !is_over(run)) {
        report_input(run, &stats, rc == RC_END);
    }
    return rc;
}

static enum rc open_input(struct run *run, const char *path, bool raw, struct input **input,
                          struct err *err)
{
    struct input_options options = { .raw = raw,
                                     .before_wait = before_wait,
                                     .on_secrets = on_secrets,
                                     .on_note = on_input_note,
                                     .ctx = run };
    if (run->options->interface != NULL) {
        return live_open(run, &options, input, err);
    }
    return input_open(&run->mem, path, &options, input, err);
}

/* Notes how an input ended, and says so. */
static void settle(struct run *run, enum rc rc, const struct err *err)
{
    if (rc == RC_END || rc == RC_OK) {
        return;
    }
    if (rc == RC_DAMAGED) {
        run->damaged = true;
    } else {
        run->unusable = true;
    }
    report_line(run->messages, err->text);
    if (run->check != NULL) {
        checking_input_failed(run, err->text);
    }
}

static void finish_input(struct run *run, struct input *input)
{
    for (size_t i = 0; i < run->report.others.count; i++) {
        const struct named_count *row = &run->report.others.rows[i];
        others_add(&run->others, strcmp(row->name, "TLS") == 0 ? "tls_without_keys" : row->name,
                   row->count, row->looked);
    }
    run->packets += input_stats(input)->packets;
    run->octets += input_stats(input)->octets;
    run->kernel_drops += input_stats(input)->kernel_drops;
    run->interface_drops += input_stats(input)->interface_drops;
    keep_drops(run, run->kernel_drops, run->interface_drops);
    input_close(input);
}

static void input_done(struct run *run)
{
    if (run->check != NULL) {
        checking_input_done(run);
    }
}

static void begin_report(struct run *run, const char *path)
{
    memset(&run->report, 0, sizeof(run->report));
    run->early_note_count = 0; /* flows are numbered anew */
    run->report.name = input_name(path);
    render_file(run->render, run->report.name);
    if (run->check != NULL) {
        checking_input(run, run->report.name);
    }
}

static void read_one(struct run *run, const char *path)
{
    struct err err = { .rc = RC_OK };
    struct input *input = NULL;
    begin_report(run, path);
    enum rc rc = open_input(run, path, run->options->raw, &input, &err);
    if (rc != RC_OK) {
        settle(run, rc, &err);
        input_done(run);
        return;
    }
    run->raw = input_kind(input) == INPUT_RAW;
    /* A pcapng may still say secrets behind the packets that need them. */
    bool live = run->options->interface != NULL;
    tls_expect_secrets(run->tls, live ? run->options->keylog_count > 0
                                      : strcmp(input_format_name(input), "pcapng") == 0);
    if (run->raw && (run->filter != NULL || run->keep != NULL)) {
        rc = err_set(&err, RC_USAGE, "%s: %s is about packets, and this is a raw stream",
                     run->report.name, run->filter != NULL ? "-f" : "-w");
    } else {
        rc = run->raw ? raw_read(run, input, &err) : read_capture(run, input, &err);
    }
    if (run->raw && rc == RC_END && !is_over(run)) {
        report_input(run, NULL, true);
    }
    settle(run, rc, &err);
    if (run->options->interface != NULL) {
        live_report(run, input);
    }
    finish_input(run, input);
    input_done(run);
}

/* --c2s and --s2c. */
static void read_halves(struct run *run)
{
    struct err err = { .rc = RC_OK };
    struct input *halves[2] = { NULL, NULL };
    begin_report(run, run->options->c2s);
    run->raw = true;
    enum rc rc = open_input(run, run->options->c2s, true, &halves[DIR_C2S], &err);
    if (rc == RC_OK) {
        rc = open_input(run, run->options->s2c, true, &halves[DIR_S2C], &err);
    }
    if (rc == RC_OK) {
        rc = raw_read_halves(run, halves, &err);
        if (rc == RC_END && !is_over(run)) {
            report_input(run, NULL, true);
        }
    }
    settle(run, rc, &err);
    for (unsigned i = 0; i < 2; i++) {
        if (halves[i] != NULL) {
            finish_input(run, halves[i]);
        }
    }
    input_done(run);
}

/* ---- output ---- */

static unsigned terminal_width(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) != 1) {
        return 0;
    }
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static bool want_color(const struct app_options *o)
{
    const char *no_color = getenv("NO_COLOR");
    bool wanted = isatty(STDOUT_FILENO) == 1 && (no_color == NULL || no_color[0] == '\0');
    return o->color == COLOR_ALWAYS || (o->color == COLOR_AUTO && wanted);
}

static struct render *open_render(struct run *run)
{
    const struct app_options *o = run->options;
    uint64_t data_default = o->format == FORMAT_TEXT ? DATA_OCTETS_TEXT : 0;
    struct render_options options = {
        .view = o->view,
        .format = o->format,
        .time = o->time,
        .octets = o->octets,
        .quiet = o->quiet,
        .verbosity = o->verbosity,
        .data_octets = o->data_given ? o->data_octets : data_default,
        .color = want_color(o),
        .width = terminal_width(),
        .block_fields = o->max_headers,
        .max_records = o->max_records,
        .several_files = o->file_count > 1,
        .check = o->check.on,
    };
    return render_new(&run->mem, run->out, &options);
}

/* The last record, the last messages, and the exit status. */
static int finish(struct run *run)
{
    struct err err = { .rc = RC_OK };
    if (run->check != NULL && !checking_finish(run)) {
        run->unusable = true;
    }
    if (keep_close(run, &err) != RC_OK) {
        report_line(run->messages, err.text);
        run->unusable = true;
    }
    int code = (int)report_exit(run);
    struct run_summary summary = {
        .packets = run->packets,
        .octets = run->octets,
        .http2_connections = run->http2,
        .others = run->others.rows,
        .other_count = run->others.count,
        .limits = run->limits,
        .kernel_drops = run->kernel_drops,
        .interface_drops = run->interface_drops,
        .truncated = run->damaged,
        .exit_code = code,
        .inputs = run->checked.inputs,
        .inputs_with_findings = run->checked.inputs_with_findings,
        .findings_accepted = run->checked.accepted,
    };
    others_sort(&run->others);
    render_summary(run->render, &summary, run->messages);
    if (run->check != NULL) {
        checking_annotate(run);
    }
    out_flush(run->out);
    switch (out_rc(run->out, &err)) {
    case RC_OK:
        return code;
    case RC_CLOSED: /* whoever read it has enough */
        return run->check != NULL ? code : EXIT_DECODED;
    default:
        report_line(run->messages, err.text);
        return EXIT_UNUSABLE;
    }
}

/* ---- the whole ---- */

static void read_all(struct run *run)
{
    const struct app_options *o = run->options;
    struct err err = { .rc = RC_OK };
    if (o->filter != NULL && o->interface == NULL) {
        enum rc rc = filter_new(&run->mem, o->filter, &run->filter, &err);
        if (rc != RC_OK) {
            settle(run, rc, &err);
            return;
        }
    }
    if (o->c2s != NULL) {
        read_halves(run);
    } else if (o->interface != NULL) {
        read_one(run, o->interface);
    } else if (o->file_count == 0) {
        read_one(run, "-");
    }
    for (size_t i = 0; i < o->file_count && !is_over(run); i++) {
        read_one(run, o->files[i]);
    }
    if (run->out_of_memory) {
        report_line(run->messages, "out of memory");
    }
}

static struct detect *open_detect(struct run *run)
{
    static const struct detect_events events = { .on_tls = on_tls,
                                                 .on_http2 = on_http2,
                                                 .on_other = on_other };
    struct detect_options options = { .sync_octets = run->options->sync_octets,
                                      .held_mem = &run->held_mem };
    memcpy(options.forced_ports, run->options->ports, sizeof(options.forced_ports));
    if (run->options->c2s != NULL) {
        /* The halves of --c2s and --s2c have port 0, and are HTTP/2 because the user says so. */
        options.forced_ports[0] |= 1;
        options.in_step = true;
    }
    return detect_new(&run->mem, &options, &events, run);
}

/* --check stands between the sessions and the one who counts. */
static bool open_check(struct run *run)
{
    struct err err = { .rc = RC_OK };
    struct check_options options = { .wanted = run->options->check.wanted,
                                     .heard = run->options->check.heard,
                                     .key = run->key,
                                     .on_finding = feed_checked,
                                     .ctx = run };
    if (!run->options->check.on) {
        return true;
    }
    run->check = check_new(&run->h2_mem, &options, &run->events);
    if (run->check == NULL || checking_begin(run, &err) != RC_OK) {
        report_line(run->messages, run->check == NULL ? "out of memory" : err.text);
        return false;
    }
    run->events = check_events(run->check);
    return true;
}

int pipeline_run(const struct app_options *options)
{
    struct run run;
    memset(&run, 0, sizeof(run));
    run.options = options;
    mem_init(&run.mem, 0);
    mem_init(&run.h2_mem, (size_t)options->memory);
    mem_init(&run.tls_mem, (size_t)LIMIT_TLS_OCTETS);
    mem_init(&run.held_mem, (size_t)LIMIT_HELD_OCTETS);
    run.key = siphash_key_make(options->deterministic);
    map_init(&run.feeds, &run.mem, run.key.k1);
    run.out = out_new(&run.mem, STDOUT_FILENO);
    run.messages = out_new(&run.mem, STDERR_FILENO);
    run.line = out_new_memory(&run.mem, (size_t)LIMIT_LINE_OCTETS);
    run.detect = open_detect(&run);
    run.render = run.out != NULL ? open_render(&run) : NULL;
    int code = EXIT_UNUSABLE;
    struct err err = { .rc = RC_OK };
    if (run.messages != NULL && run.line != NULL && run.detect != NULL && run.render != NULL) {
        run.events = render_events(run.render);
        if (keep_open(&run, &err) != RC_OK || secrets_open(&run, &err) != RC_OK) {
            report_line(run.messages, err.text);
        } else if (open_check(&run)) {
            read_all(&run);
            code = finish(&run);
        }
    }
    secrets_close(&run);
    (void)!keep_close(&run, NULL);
    checking_free(&run);
    filter_free(run.filter);
    render_free(run.render);
    detect_free(run.detect);
    out_free(run.line);
    out_free(run.messages);
    out_free(run.out);
    map_fini(&run.feeds);
    return code;
}
