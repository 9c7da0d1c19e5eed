/* Random streams through libnghttp2 and through our session (profile ENDPOINT): the transcripts
 * must agree, but for what receive-engine A.2 explains; and ours must not depend on how the octets
 * are cut. Prints, for each kind of difference, the shortest steps that show it.
 *
 *   differential [COUNT [FIRST_SEED]]      COUNT 1: prints both transcripts */
#include <stdlib.h>
#include <string.h>

#include "encoder.h"
#include "explain.h"
#include "generate.h"
#include "subject.h"

#define SECOND_RUN 0x8000000000000000u /* in a signature */

struct totals {
    struct explain_counts explained;
    uint64_t kinds[EV_KINDS][256]; /* by frame type */
    uint64_t invalid[64];          /* by -500 - library error */
    uint64_t codes[EV_KINDS][16];  /* by HTTP/2 error code; 15: others */
    uint64_t returned[1000];
    uint64_t scripts, steps, stopped, adapted_closed, adapted_updates;
    unsigned shown, failures;
    uint64_t signatures[64];
    size_t signature_count;
};

/* Where two transcripts first differ without an explanation. */
struct difference {
    bool found;
    size_t step;
    uint64_t signature;
};

static uint64_t event_mark(const struct event *e, size_t count, size_t at)
{
    if (at >= count) {
        return 0xffffffff;
    }
    bool amount = e[at].kind == EV_WINDOW_UPDATE || e[at].kind == EV_DC;
    return (uint64_t)e[at].kind << 24 | (uint64_t)e[at].type << 16 |
           (amount ? 0 : (uint64_t)e[at].code & 0xffff);
}

static uint64_t signature_of(const struct transcript *a, const struct transcript *b, size_t step)
{
    size_t an, bn, i = 0;
    const struct event *ae = transcript_step(a, step, &an), *be = transcript_step(b, step, &bn);
    while (i < an && i < bn && event_equal(a, &ae[i], b, &be[i])) {
        i++;
    }
    return event_mark(ae, an, i) << 32 | event_mark(be, bn, i);
}

static struct difference compare(const struct script *script, const struct reference_run *reference,
                                 const struct transcript *subject, struct totals *totals)
{
    struct difference d = { false, 0, 0 };
    for (size_t i = 0; i < script->step_count; i++) {
        enum verdict verdict = explain_step(script, reference, subject, i, &totals->explained);
        if (verdict == VERDICT_DIFFERENT) {
            d = (struct difference){ true, i, signature_of(&reference->transcript, subject, i) };
            return d;
        }
        if (verdict == VERDICT_STOP) {
            totals->stopped++;
            return d;
        }
        totals->steps++;
    }
    return d;
}

/* What may depend on how a unit is cut: when a window update falls due, and how much of a DATA
 * frame came before the octet that broke a rule (receive-engine 2.2, 3.1). */
static size_t without_pieces(const struct transcript *t, size_t step, struct event *out)
{
    size_t count, kept = 0;
    const struct event *e = transcript_step(t, step, &count);
    bool broken = false;
    for (size_t i = 0; i < count; i++) {
        broken = broken || (e[i].kind == EV_IF && e[i].type == H2_DATA) ||
                 (e[i].kind == EV_GOAWAY && e[i].code == H2_FLOW_CONTROL_ERROR);
    }
    for (size_t i = 0; i < count && kept < STEP_EVENTS; i++) {
        if (e[i].kind != EV_WINDOW_UPDATE && !(broken && e[i].kind == EV_DC)) {
            out[kept++] = e[i];
        }
    }
    return kept;
}

/* Credit that is given back between two pieces of a frame may save it. */
static bool overruns(const struct event *e, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (e[i].kind == EV_GOAWAY && e[i].code == H2_FLOW_CONTROL_ERROR) {
            return true;
        }
    }
    return false;
}

/* Ours against ours, cut differently: no other explanation counts. */
static struct difference compare_manners(const struct script *script, const struct transcript *a,
                                         const struct transcript *b)
{
    for (size_t i = 0; i < script->step_count; i++) {
        static struct event ae[STEP_EVENTS], be[STEP_EVENTS];
        size_t an = without_pieces(a, i, ae), bn = without_pieces(b, i, be);
        bool same = an == bn;
        for (size_t k = 0; same && k < an; k++) {
            same = event_equal(a, &ae[k], b, &be[k]);
        }
        if (overruns(ae, an) || overruns(be, bn)) {
            break;
        }
        if (!same) {
            return (struct difference){ true, i, signature_of(a, b, i) ^ SECOND_RUN };
        }
    }
    return (struct difference){ false, 0, 0 };
}

static void count_events(struct totals *totals, const struct transcript *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct event *e = &t->events[i];
        totals->kinds[e->kind][e->type]++;
        if (e->kind == EV_IF) {
            totals->invalid[(-500 - e->code) & 63]++;
        } else if (e->kind == EV_RV && e->code < 0) {
            totals->returned[-e->code % 1000]++;
        } else if (e->kind == EV_SC || e->kind == EV_RST || e->kind == EV_GOAWAY) {
            totals->codes[e->kind][e->code >= 0 && e->code < 15 ? e->code : 15]++;
        }
    }
}

/* One script through everything. manner: what the second run of ours was, when that differs. */
static struct difference run(const struct script *script, struct totals *totals, bool print,
                             enum subject_manner manner)
{
    struct reference_run reference;
    struct transcript subject, again = { 0 };
    const struct transcript *left = &reference.transcript, *right = &subject;
    reference_run(script, &reference);
    size_t leaked = subject_run(script, &reference, SUBJECT_UNITS, &subject);
    struct difference d = compare(script, &reference, &subject, totals);
    if (!d.found && manner != SUBJECT_UNITS) {
        leaked += subject_run(script, &reference, manner, &again);
        d = compare_manners(script, &subject, &again);
        left = &subject;
        right = &again;
    }
    if (leaked != 0) {
        printf("seed %llu: %zu octets not given back\n", (unsigned long long)script->seed, leaked);
        d = (struct difference){ true, 0, 1 };
    }
    for (size_t i = 0; print && i < script->step_count && (!d.found || i <= d.step); i++) {
        size_t ln, rn;
        const struct event *l = transcript_step(left, i, &ln), *r = transcript_step(right, i, &rn);
        step_print(stdout, script, i);
        for (size_t k = 0; k < ln || k < rn; k++) {
            bool same = k < ln && k < rn && event_equal(left, &l[k], right, &r[k]);
            if (k < ln) {
                printf("   %s ", same ? "both     " : left == &subject ? "whole    " : "reference");
                event_print(stdout, left, &l[k]);
            }
            if (k < rn && !same) {
                printf("   %s ", left == &subject ? "pieces   " : "ours     ");
                event_print(stdout, right, &r[k]);
            }
        }
    }
    count_events(totals, &reference.transcript);
    reference_free(&reference);
    transcript_free(&subject);
    transcript_free(&again);
    return d;
}

/* Takes steps out as long as the same difference remains. */
static void minimise(struct script *script, struct difference d, enum subject_manner manner)
{
    struct totals scratch;
    struct step *kept = malloc((script->step_count + 1) * sizeof *kept);
    if (kept == NULL) {
        abort();
    }
    script->step_count = d.step + 1;
    for (size_t i = script->step_count; i-- > 0;) {
        size_t count = script->step_count;
        memcpy(kept, script->steps, count * sizeof *kept);
        memmove(&script->steps[i], &script->steps[i + 1], (count - i - 1) * sizeof *kept);
        script->step_count--;
        memset(&scratch, 0, sizeof scratch);
        struct difference now = run(script, &scratch, false, manner);
        if (!now.found || now.signature != d.signature) {
            memcpy(script->steps, kept, count * sizeof *kept);
            script->step_count = count;
        }
    }
    free(kept);
}

static void report(struct script *script, struct difference d, struct totals *totals,
                   enum subject_manner manner)
{
    static struct totals scratch;
    const struct h2_options *o = &script->options;
    totals->failures++;
    for (size_t i = 0; i < totals->signature_count; i++) {
        if (totals->signatures[i] == d.signature) {
            return;
        }
    }
    if (totals->signature_count == sizeof totals->signatures / sizeof totals->signatures[0]) {
        return;
    }
    totals->signatures[totals->signature_count++] = d.signature;
    minimise(script, d, manner);
    printf("--- seed %llu, %s role, second run %d%s%s%s%s%s%s%s max_continuations %u max_settings "
           "%u max_reserved %u ack %u reset_burst %u\n",
           (unsigned long long)script->seed, script->role == H2_ROLE_SERVER ? "server" : "client",
           (int)manner, o->check_messaging ? "" : " no_messaging",
           o->check_edge_whitespace ? "" : " no_ws", o->auto_window_update ? "" : " no_auto_window",
           o->auto_ping_ack ? "" : " no_ping_ack", script->undrained ? " undrained" : "",
           script->no_closed_streams ? " no_closed_streams" : "",
           o->enable_priority_update ? " priority_update" : "", o->max_continuations,
           o->max_settings, o->max_reserved_remote_streams, o->max_outbound_ack,
           (unsigned)o->reset_burst);
    for (size_t i = 0; i < SCRIPT_PLANS; i++) {
        const struct plan *plan = &script->plans[i];
        if (plan->ordinal != 0) {
            printf("plan: callback %d, call %u returns %d\n", (int)plan->kind, plan->ordinal,
                   plan->result);
        }
    }
    run(script, &scratch, true, manner);
    fflush(stdout);
}

static enum subject_manner second_manner(const struct script *script)
{
    for (size_t i = 0; i < SCRIPT_PLANS; i++) {
        if (script->plans[i].ordinal != 0) {
            return SUBJECT_UNITS;
        }
    }
    return script->seed % 8 == 0 ? SUBJECT_PULL : SUBJECT_PIECES;
}

static void print_codes(const char *name, const uint64_t *counts, size_t n, int first, int sign)
{
    printf("%-14s", name);
    for (size_t i = 0; i < n; i++) {
        if (counts[i] != 0) {
            printf(" %d:%llu", first + sign * (int)i, (unsigned long long)counts[i]);
        }
    }
    printf("\n");
}

static void print_totals(const struct totals *t)
{
    printf("%llu scripts, %llu steps compared, %llu stopped at an explained difference, %u with "
           "unexplained differences (%zu kinds)\n",
           (unsigned long long)t->scripts, (unsigned long long)t->steps,
           (unsigned long long)t->stopped, t->failures, t->signature_count);
    printf("events by frame type:\n");
    for (int i = 0; i < EV_KINDS; i++) {
        print_codes(event_kind_name((enum event_kind)i), t->kinds[i], 256, 0, 1);
    }
    print_codes("IF errors", t->invalid, 64, -500, -1);
    print_codes("SC codes", t->codes[EV_SC], 16, 0, 1);
    print_codes("RST codes", t->codes[EV_RST], 16, 0, 1);
    print_codes("GOAWAY codes", t->codes[EV_GOAWAY], 16, 0, 1);
    print_codes("returned", t->returned, 1000, 0, -1);
    printf("differences explained by rows of receive-engine A.2 (libnghttp2 %x):\n",
           (unsigned)reference_traits()->version);
    explain_print(stdout, &t->explained);
    printf("  scripts adapted: closed streams forgotten %llu, PRIORITY_UPDATE with "
           "NO_RFC7540_PRIORITIES %llu; in all: glitch and queue limits of ours off, "
           "on_invalid_header set\n",
           (unsigned long long)t->adapted_closed, (unsigned long long)t->adapted_updates);
}

int main(int argc, char **argv)
{
    static struct totals totals;
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 400;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    encoder_prepare();
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct script script;
        generate(&script, seed);
        enum subject_manner manner = second_manner(&script);
        struct difference d = run(&script, &totals, count == 1, manner);
        totals.scripts++;
        totals.adapted_closed += script.no_closed_streams;
        totals.adapted_updates +=
            script.role == H2_ROLE_SERVER && script.options.enable_priority_update;
        if (d.found) {
            report(&script, d, &totals, manner);
        }
        script_free(&script);
    }
    print_totals(&totals);
    return totals.failures != 0 ? 1 : 0;
}
