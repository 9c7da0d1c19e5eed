#include "app/secrets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "app/feed.h"
#include "app/keep.h"
#include "app/report.h"

#if defined(__SANITIZE_ADDRESS__)
#define LEAKS_ARE_LOOKED_FOR 1 /* with ptrace, which needs a process that may be dumped */
#endif

/* Memory with secrets is nobody else's: no core file (main.c), no debugger of the same user. */
static void hide_memory(void)
{
#if defined(__linux__) && !defined(LEAKS_ARE_LOOKED_FOR)
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* ---- what tls/ tells ---- */

static struct stream_sink on_open(void *ctx, const struct flow_info *info,
                                  const struct tls_facts *facts)
{
    struct run *run = ctx;
    struct stream_sink sink = detect_open(run->detect, info, facts);
    if (sink.ops == NULL) {
        others_add(&run->report.others, "memory limit", 1, 0);
    }
    return sink;
}

static void keep_example(struct keyless *keyless, const struct tls_facts *facts)
{
    if (keyless->count++ == 0) {
        keyless->example = *facts;
        keyless->example.reason = keyless->reason;
        (void)snprintf(keyless->reason, sizeof(keyless->reason), "%s", facts->reason);
        (void)snprintf(keyless->cipher, sizeof(keyless->cipher), "%s", facts->cipher);
        keyless->example.cipher = keyless->cipher;
    }
}

static void on_keyless(void *ctx, const struct connection_info *info, enum tls_reason reason)
{
    struct run *run = ctx;
    struct connection_info numbered = *info;
    if (run->full) {
        return;
    }
    numbered.conn = ++run->conns;
    keep_decide(run, info->flow, true);
    struct render_conn *shown = render_connection_begin(run->render, &numbered);
    if (shown == NULL) {
        run->out_of_memory = true;
        return;
    }
    if (run->check != NULL && reason != TLS_REASON_ALERT) {
        feed_keyless(run, &numbered, shown);
    }
    render_connection_end(shown);
    others_add(&run->report.others, "TLS", 1, 0);
    keep_example(&run->report.keyless[reason], info->tls);
}

static void on_empty(void *ctx, const struct flow_info *info)
{
    struct run *run = ctx;
    keep_decide(run, info->id, false);
    others_add(&run->report.others, "TLS without application data", 1, 0);
}

static void on_note(void *ctx, const struct flow_info *info, const struct finding *note)
{
    feed_note(ctx, info, note);
}

struct stream_sink secrets_on_tls(struct run *run, const struct flow_info *info,
                                  const struct tls_facts *outer)
{
    return tls_open(run->tls, info, outer);
}

/* ---- key logs ---- */

/* Counts, never contents. */
static void say_counts(struct run *run)
{
    struct tls_secret_stats s = tls_secret_stats(run->tls);
    struct out *out = run->messages;
    if (run->options->verbosity > 0) {
        out_printf(out,
                   "h2dump: key logs: %" PRIu64 " secrets for %" PRIu64 " connections in %" PRIu64
                   " lines",
                   s.keys, s.connections, s.lines);
        out_printf(out,
                   "; %" PRIu64 " damaged, %" PRIu64 " of an old form, %" PRIu64 " of other use\n",
                   s.damaged, s.old_form, s.ignored);
        if (s.readable_by_others) {
            out_text(out, "h2dump: key logs: others than the owner may read one of them\n");
        }
    }
    if (s.over_limit > 0) {
        out_printf(
            out, "h2dump: key logs: %" PRIu64 " lines behind the first %" PRIu64 " were not read\n",
            s.over_limit, s.lines);
    }
    out_flush(out);
}

enum rc secrets_open(struct run *run, struct err *err)
{
    static const struct tls_events events = { on_open, on_keyless, on_empty, on_note };
    const struct app_options *o = run->options;
    if (o->keylog_count > 0 && !tls_available()) {
        return err_set(
            err, RC_USAGE,
            "--keylog: this build cannot decrypt: it was made without libcrypto (-Dtls)");
    }
    run->tls = tls_new(&run->tls_mem, &run->mem, &run->key, &events, run);
    if (run->tls == NULL) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    const bool *wanted = o->check.wanted;
    tls_want_names(run->tls, o->check.on && (wanted[CHECK_AUTHORITY_SNI_MISMATCH] ||
                                             wanted[CHECK_PUSH_AUTHORITY_FOREIGN]));
    enum rc rc = RC_OK;
    for (size_t i = 0; i < o->keylog_count && rc == RC_OK; i++) {
        hide_memory();
        rc = tls_load(run->tls, o->keylogs[i], err);
    }
    if (rc == RC_OK && o->keylog_count > 0) {
        say_counts(run);
    }
    return rc;
}

void secrets_take(struct run *run, struct span text)
{
    hide_memory();
    keep_secrets(run, text);
    if (tls_secrets(run->tls, text) != RC_OK) {
        run->out_of_memory = true;
    }
}

void secrets_close(struct run *run)
{
    tls_free(run->tls);
    run->tls = NULL;
}

/* ---- the report ---- */

static void put_facts(struct out *out, const struct tls_facts *facts)
{
    out_text(out, facts->version[0] != '\0' ? facts->version : "TLS");
    out_text(out, " connection");
    if (facts->sni[0] != '\0') {
        out_text(out, " to ");
        out_escaped(out, span_str(facts->sni));
    }
    if (facts->alpn[0] != '\0') {
        bool chosen = strcmp(facts->version, "TLS 1.2") == 0;
        out_text(out, chosen ? " (" : " (client offers ");
        out_escaped(out, span_str(facts->alpn));
        out_char(out, ')');
    }
}

void secrets_report(struct run *run)
{
    struct out *out = run->messages;
    const char *variable = getenv("SSLKEYLOGFILE");
    for (unsigned i = 0; i < TLS_REASON_COUNT; i++) {
        const struct keyless *keyless = &run->report.keyless[i];
        if (keyless->count == 0) {
            continue;
        }
        out_text(out, "h2dump: ");
        out_escaped(out, span_str(run->report.name));
        out_text(out, ": ");
        put_facts(out, &keyless->example);
        out_text(out, i == TLS_REASON_NO_LOG || i == TLS_REASON_NO_KEY ? ", " : ": ");
        out_escaped(out, span_str(keyless->reason));
        if (i == TLS_REASON_NO_LOG && variable != NULL && variable[0] != '\0') {
            out_text(out, "; here SSLKEYLOGFILE is set: --keylog \"$SSLKEYLOGFILE\"");
        }
        if (keyless->count > 1) {
            out_printf(out, " (and %" PRIu64 " more like it)", keyless->count - 1);
        }
        out_char(out, '\n');
    }
    out_flush(out);
}
