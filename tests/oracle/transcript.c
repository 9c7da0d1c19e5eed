#include "transcript.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *event_kind_name(enum event_kind kind)
{
    static const char *const names[EV_KINDS] = {
        "BF",           "BH",       "H",  "IH", "DC",  "EX",     "UX",
        "FR",           "IF",       "SC", "RV", "RST", "GOAWAY", "WINDOW_UPDATE",
        "SETTINGS_ACK", "PING_ACK",
    };
    return names[kind];
}

void transcript_free(struct transcript *t)
{
    free(t->events);
    free(t->text.ptr);
    free(t->step_ends);
    free(t->actions);
    memset(t, 0, sizeof *t);
}

static void *room_for_one(void *ptr, size_t count, size_t *cap, size_t size)
{
    if (count < *cap) {
        return ptr;
    }
    *cap = *cap * 2 + 64;
    void *grown = realloc(ptr, *cap * size);
    if (grown == NULL) {
        abort();
    }
    return grown;
}

struct event *transcript_add(struct transcript *t, enum event_kind kind)
{
    t->events = room_for_one(t->events, t->count, &t->cap, sizeof *t->events);
    struct event *e = &t->events[t->count++];
    memset(e, 0, sizeof *e);
    e->kind = kind;
    octets_u8(&t->text, 0); /* ends the words of the event before */
    e->text = t->text.len;
    return e;
}

void transcript_words(struct transcript *t, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    octets_put(&t->text, line, n < 0 ? 0 : ((size_t)n < sizeof line ? (size_t)n : sizeof line - 1));
}

void transcript_octets(struct transcript *t, const void *ptr, size_t len)
{
    const uint8_t *p = ptr;
    octets_put(&t->text, " \"", 2);
    for (size_t i = 0; i < len; i++) {
        if (p[i] >= ' ' && p[i] <= '~' && p[i] != '"' && p[i] != '\\') {
            octets_u8(&t->text, p[i]);
        } else {
            static const char hex[] = "0123456789abcdef";
            const char escaped[] = { '\\', 'x', hex[p[i] >> 4], hex[p[i] & 15] };
            octets_put(&t->text, escaped, sizeof escaped);
        }
    }
    octets_put(&t->text, "\"", 1);
}

void transcript_decide(struct transcript *t, const struct event *action)
{
    t->actions = room_for_one(t->actions, t->action_count, &t->action_cap, sizeof *t->actions);
    t->actions[t->action_count++] = *action;
}

static bool terminates(const struct event *action)
{
    return action->kind == EV_GOAWAY && action->code != H2_INTERNAL_ERROR;
}

void transcript_send(struct transcript *t)
{
    bool terminated = false;
    for (size_t i = 0; i < t->action_count; i++) {
        terminated = terminated || terminates(&t->actions[i]);
    }
    for (size_t i = 0; i < t->action_count; i++) {
        if (!terminated || t->actions[i].kind == EV_GOAWAY) {
            struct event *e = transcript_add(t, t->actions[i].kind);
            size_t text = e->text;
            *e = t->actions[i];
            e->text = text;
        }
    }
    t->action_count = 0;
}

static int by_rank(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    if (x->stream != y->stream) {
        return x->stream < y->stream ? -1 : 1;
    }
    return x->code < y->code ? -1 : x->code > y->code;
}

/* Adjacent chunks of a frame become one; their octets were hashed into code one by one. */
static size_t coalesce(struct event *e, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct event *last = kept > 0 ? &e[kept - 1] : NULL;
        if (last != NULL && last->kind == e[i].kind && (e[i].kind == EV_DC || e[i].kind == EV_EX)) {
            last->length += e[i].length;
            last->code += e[i].code;
        } else {
            e[kept++] = e[i];
        }
    }
    return kept;
}

void transcript_end_step(struct transcript *t)
{
    size_t start = t->step_count > 0 ? t->step_ends[t->step_count - 1] : 0;
    struct event *e = t->events == NULL ? NULL : t->events + start;
    size_t n = t->events == NULL ? 0 : coalesce(e, t->count - start);
    struct event *sent = malloc((n + 1) * sizeof *sent);
    size_t sent_count = 0, kept = 0;
    if (sent == NULL) {
        abort();
    }
    for (size_t i = 0; i < n; i++) {
        if (e[i].kind >= EV_FIRST_ACTION) {
            sent[sent_count++] = e[i];
        } else {
            e[kept++] = e[i];
        }
    }
    for (size_t i = 0; i < kept;) { /* a run of closed streams */
        size_t run = i;
        while (run < kept && e[run].kind == EV_SC) {
            run++;
        }
        if (run > i + 1) {
            qsort(&e[i], run - i, sizeof *e, by_rank);
        }
        i = run > i ? run : i + 1;
    }
    qsort(sent, sent_count, sizeof *sent, by_rank);
    if (sent_count > 0) {
        memcpy(e + kept, sent, sent_count * sizeof *sent);
    }
    free(sent);
    t->count = start + n;
    octets_u8(&t->text, 0);
    t->step_ends = room_for_one(t->step_ends, t->step_count, &t->step_cap, sizeof *t->step_ends);
    t->step_ends[t->step_count++] = t->count;
}

const struct event *transcript_step(const struct transcript *t, size_t step, size_t *count)
{
    static const struct event none;
    *count = 0;
    if (step >= t->step_count) {
        return &none;
    }
    size_t start = step > 0 ? t->step_ends[step - 1] : 0;
    *count = t->step_ends[step] - start;
    return *count > 0 ? t->events + start : &none;
}

const char *event_text(const struct transcript *t, const struct event *event)
{
    return event->text < t->text.len ? (const char *)t->text.ptr + event->text : "";
}

bool event_equal(const struct transcript *ta, const struct event *a, const struct transcript *tb,
                 const struct event *b)
{
    return a->kind == b->kind && a->type == b->type && a->flags == b->flags &&
           a->stream == b->stream && a->length == b->length && a->code == b->code &&
           strcmp(event_text(ta, a), event_text(tb, b)) == 0;
}

void event_print(FILE *out, const struct transcript *t, const struct event *e)
{
    fprintf(out, "%s type=%u flags=%02x stream=%u length=%u code=%lld%s\n",
            event_kind_name(e->kind), e->type, e->flags, e->stream, e->length, (long long)e->code,
            e->kind >= EV_FIRST_ACTION ? "" : event_text(t, e));
}
