#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include "spec/limits.h"

/* The events of a step that differs; rows may take some out. */
struct parting {
    const struct script *script;
    const struct step *step;
    size_t index;
    const struct reference_run *run;
    const struct transcript *rt, *st;
    struct event ref[STEP_EVENTS], own[STEP_EVENTS];
    size_t ref_count, own_count;
    size_t at; /* the first event that differs */
    struct h2_frame_hd hd;
};

static bool same(struct parting *p)
{
    size_t n = p->ref_count < p->own_count ? p->ref_count : p->own_count;
    for (p->at = 0; p->at < n; p->at++) {
        if (!event_equal(p->rt, &p->ref[p->at], p->st, &p->own[p->at])) {
            return false;
        }
    }
    return p->ref_count == p->own_count;
}

static const struct event *find(const struct event *e, size_t count, enum event_kind kind,
                                int64_t code)
{
    for (size_t i = 0; i < count; i++) {
        if (e[i].kind == kind && e[i].code == code) {
            return &e[i];
        }
    }
    return NULL;
}

static const struct event *ref_has(const struct parting *p, enum event_kind kind, int64_t code)
{
    return find(p->ref, p->ref_count, kind, code);
}

static const struct event *own_has(const struct parting *p, enum event_kind kind, int64_t code)
{
    return find(p->own, p->own_count, kind, code);
}

/* The first event that differs, if it is of that kind; its words. */
static const char *ref_words(const struct parting *p, enum event_kind kind)
{
    bool is = p->at < p->ref_count && p->ref[p->at].kind == kind;
    return is ? event_text(p->rt, &p->ref[p->at]) : "";
}

static const char *own_words(const struct parting *p, enum event_kind kind)
{
    bool is = p->at < p->own_count && p->own[p->at].kind == kind;
    return is ? event_text(p->st, &p->own[p->at]) : "";
}

static void take_out(struct event *e, size_t *count, enum event_kind kind, uint8_t type)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (e[i].kind != kind || e[i].type != type) {
            e[kept++] = e[i];
        }
    }
    *count = kept;
}

/* The octets end in the middle of the unit. *in_header: of a frame header. */
static bool is_cut(const struct parting *p, uint32_t *frames, bool *in_header)
{
    const uint8_t *at = p->script->octets.ptr + p->step->off, *end = at + p->step->len;
    bool open = false;
    *frames = 0;
    *in_header = false;
    while (end - at >= H2_FRAME_HEADER_LEN) {
        size_t len = H2_FRAME_HEADER_LEN + (size_t)num_be24(at);
        bool block = at[3] == H2_HEADERS || at[3] == H2_PUSH_PROMISE || at[3] == H2_CONTINUATION;
        ++*frames;
        if (len > (size_t)(end - at)) {
            return true;
        }
        open = block && !(at[4] & H2_FLAG_END_HEADERS);
        at += len;
    }
    *in_header = end > at;
    return *in_header || open;
}

static bool starts_with(const char *text, const char *start)
{
    size_t len = strlen(start);
    return strlen(text) >= len && memcmp(text, start, len) == 0;
}

/* ---- the rows ---- */

/* A PRIORITY frame on stream 0, or that makes a stream depend on itself. */
static bool is_bad_priority(const struct script *script, const struct step *step)
{
    struct h2_frame_hd hd;
    if (!step_frame(script, step, &hd) || hd.type != H2_PRIORITY || hd.length != 5) {
        return false;
    }
    const uint8_t *payload = script->octets.ptr + step->off + H2_FRAME_HEADER_LEN;
    bool self = step->len >= 14 && (num_be32(payload) & 0x7fffffffu) == hd.stream_id;
    return hd.stream_id == 0 || self;
}

static enum verdict priority(struct parting *p)
{
    bool waits = p->ref_count == 0 || ref_has(p, EV_GOAWAY, H2_PROTOCOL_ERROR) != NULL;
    if (p->script->undrained && waits) { /* its GOAWAY is sent later than it was decided */
        for (size_t i = p->index; i-- > 0;) {
            if (is_bad_priority(p->script, &p->script->steps[i])) {
                return VERDICT_STOP;
            }
        }
    }
    if (p->hd.type != H2_PRIORITY) {
        return VERDICT_DIFFERENT;
    }
    take_out(p->ref, &p->ref_count, EV_FR, H2_PRIORITY);
    if (same(p)) {
        return VERDICT_EXPLAINED;
    }
    bool own_quiet = p->own_count == 1 && p->own[0].kind == EV_BF;
    bool error = ref_has(p, EV_GOAWAY, H2_PROTOCOL_ERROR) != NULL || p->script->undrained;
    return own_quiet && error && is_bad_priority(p->script, p->step) ? VERDICT_STOP
                                                                     : VERDICT_DIFFERENT;
}

/* The stream was closed before this step. */
static bool was_closed(const struct parting *p, uint32_t stream)
{
    size_t end = p->index > 0 ? p->rt->step_ends[p->index - 1] : 0;
    for (size_t i = 0; i < end; i++) {
        if (p->rt->events[i].kind == EV_SC && p->rt->events[i].stream == stream) {
            return true;
        }
    }
    return false;
}

/* They also take part in a change of INITIAL_WINDOW_SIZE. */
static enum verdict closed_window(struct parting *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->ref_count; i++) {
        const struct event *e = &p->ref[i];
        bool rst = e->kind == EV_RST && e->code == H2_FLOW_CONTROL_ERROR;
        if (!rst || !was_closed(p, e->stream)) {
            p->ref[kept++] = *e;
        }
    }
    p->ref_count = kept;
    return same(p) ? VERDICT_EXPLAINED : VERDICT_DIFFERENT;
}

static enum verdict closed_stream(struct parting *p)
{
    bool forgets = p->script->no_closed_streams || p->script->role != H2_ROLE_SERVER;
    bool type = p->hd.type == H2_DATA || p->hd.type == H2_HEADERS;
    bool loud = p->hd.type == H2_HEADERS;
    if (!forgets && p->hd.type == H2_SETTINGS) {
        return closed_window(p);
    }
    if (forgets || !type || !was_closed(p, p->hd.stream_id) ||
        ref_has(p, EV_GOAWAY, H2_STREAM_CLOSED) == NULL ||
        loud != (ref_has(p, EV_IF, H2_LIB_STREAM_CLOSED) != NULL) ||
        find(p->own, p->own_count, EV_GOAWAY, H2_STREAM_CLOSED) != NULL) {
        return VERDICT_DIFFERENT;
    }
    for (size_t i = 0; i < p->own_count; i++) { /* we ignore it, but for windows and its block */
        const struct event *e = &p->own[i];
        bool block = loud && ((e->kind == EV_RV && e->code == H2_ERR_TOO_MANY_CONTINUATIONS) ||
                              (e->kind == EV_GOAWAY && e->code != H2_STREAM_CLOSED));
        if (e->kind != EV_WINDOW_UPDATE && e->kind != EV_BF && !block) {
            return VERDICT_DIFFERENT;
        }
    }
    return VERDICT_STOP;
}

static enum verdict at_in_authority(struct parting *p)
{
    const char *words = ref_words(p, EV_H);
    const char *dropped = own_words(p, EV_IH); /* where it is the second host, or too late */
    bool name = starts_with(words, " \":authority\"") || starts_with(words, " \"host\"");
    bool at = (name && strchr(words, '@') != NULL) ||
              (starts_with(dropped, " \"host\"") && strchr(dropped, '@') != NULL);
    return at ? VERDICT_STOP : VERDICT_DIFFERENT;
}

static enum verdict data_without_if(struct parting *p)
{
    if (p->hd.type != H2_DATA || (own_has(p, EV_IF, H2_LIB_PROTO) == NULL &&
                                  own_has(p, EV_IF, H2_LIB_HTTP_MESSAGING) == NULL)) {
        return VERDICT_DIFFERENT;
    }
    if (!p->script->undrained && own_has(p, EV_RST, H2_PROTOCOL_ERROR) == NULL) {
        return VERDICT_DIFFERENT;
    }
    take_out(p->own, &p->own_count, EV_IF, H2_DATA);
    return same(p) ? VERDICT_EXPLAINED : VERDICT_DIFFERENT;
}

/* 1.67 and 1.68: a connection error without a word. */
static enum verdict messaging_closes(struct parting *p)
{
    bool own = own_has(p, EV_IF, H2_LIB_HTTP_HEADER) != NULL ||
               own_has(p, EV_IF, H2_LIB_HTTP_MESSAGING) != NULL ||
               (p->hd.type == H2_DATA && own_has(p, EV_IF, H2_LIB_PROTO) != NULL);
    return own && ref_has(p, EV_GOAWAY, H2_PROTOCOL_ERROR) != NULL ? VERDICT_STOP
                                                                   : VERDICT_DIFFERENT;
}

static enum verdict window_overrun(struct parting *p)
{
    const struct event *rst = ref_has(p, EV_RST, H2_FLOW_CONTROL_ERROR);
    bool reset = rst != NULL && rst->stream == p->hd.stream_id;
    /* ... and then the padding was wrong as well. */
    bool padding =
        (p->hd.flags & H2_FLAG_PADDED) && ref_has(p, EV_GOAWAY, H2_PROTOCOL_ERROR) != NULL;
    bool is = p->hd.type == H2_DATA && (reset || padding) &&
              own_has(p, EV_GOAWAY, H2_FLOW_CONTROL_ERROR) != NULL;
    return is ? VERDICT_STOP : VERDICT_DIFFERENT;
}

static enum verdict window_update_overflow(struct parting *p)
{
    const struct event *rst = ref_has(p, EV_RST, H2_FLOW_CONTROL_ERROR);
    bool is = p->hd.type == H2_WINDOW_UPDATE && rst != NULL && p->hd.stream_id != 0 &&
              rst->stream == p->hd.stream_id && ref_has(p, EV_IF, H2_LIB_FLOW_CONTROL) != NULL &&
              own_has(p, EV_IF, H2_LIB_FLOW_CONTROL) != NULL &&
              own_has(p, EV_GOAWAY, H2_FLOW_CONTROL_ERROR) != NULL;
    return is ? VERDICT_STOP : VERDICT_DIFFERENT;
}

static enum verdict initial_window_overflow(struct parting *p)
{
    /* ... and a later setting may be wrong as well; then the resets are not sent. */
    bool ref = ref_has(p, EV_RST, H2_FLOW_CONTROL_ERROR) != NULL ||
               ref_has(p, EV_GOAWAY, H2_PROTOCOL_ERROR) != NULL;
    bool is = p->hd.type == H2_SETTINGS && ref && own_has(p, EV_IF, H2_LIB_FLOW_CONTROL) != NULL &&
              own_has(p, EV_GOAWAY, H2_FLOW_CONTROL_ERROR) != NULL;
    return is ? VERDICT_STOP : VERDICT_DIFFERENT;
}

/* The limit is looked at before the type, and when only a part of a header is there: an intruder,
 * or that part, behind as many CONTINUATION frames as are allowed. */
static enum verdict continuation_order(struct parting *p)
{
    uint32_t frames;
    bool in_header, block = p->hd.type == H2_HEADERS || p->hd.type == H2_PUSH_PROMISE;
    bool cut = is_cut(p, &frames, &in_header) && in_header;
    uint32_t most = p->script->options.max_continuations + 1;
    bool over = ref_has(p, EV_RV, H2_ERR_TOO_MANY_CONTINUATIONS) != NULL;
    bool intruder = frames == most + 1 &&
                    (p->script->undrained || own_has(p, EV_GOAWAY, H2_PROTOCOL_ERROR) != NULL);
    return block && over && (intruder || (cut && frames == most)) ? VERDICT_STOP
                                                                  : VERDICT_DIFFERENT;
}

static enum verdict bad_value_dropped(struct parting *p)
{
    static const char *const names[] = { " \"content-length\"",  " \"te\"",
                                         " \"connection\"",      " \"keep-alive\"",
                                         " \"upgrade\"",         " \"transfer-encoding\"",
                                         " \"proxy-connection\"" };
    const char *words = ref_words(p, EV_IH);
    bool own_drops = strcmp(words, own_words(p, EV_IH)) == 0; /* not: judges, or hides */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (starts_with(words, names[i]) && !own_drops) {
            return VERDICT_STOP;
        }
    }
    return VERDICT_DIFFERENT;
}

static enum verdict low_status(struct parting *p)
{
    return starts_with(ref_words(p, EV_H), " \":status\" \"0") ? VERDICT_STOP : VERDICT_DIFFERENT;
}

/* An upper-case letter behind another octet that no name has: we drop, it resets. */
static enum verdict upper_case_later(struct parting *p)
{
    const char *words = own_words(p, EV_IH);
    if (words[0] == '\0') {
        return VERDICT_DIFFERENT;
    }
    for (words += 2; *words != '"' && *words != '\0'; words++) {
        if (*words >= 'A' && *words <= 'Z') {
            return VERDICT_STOP;
        }
    }
    return VERDICT_DIFFERENT;
}

/* ---- the harness's own rows ---- */

/* The reference is made to send after each unit, also when the octets end inside it; ours sends at
 * unit boundaries: the streams that it has reset are closed only there. */
static enum verdict cut_unit(struct parting *p)
{
    uint32_t frames;
    bool in_header;
    size_t kept = 0;
    if (p->step->is_local || !is_cut(p, &frames, &in_header)) {
        return VERDICT_DIFFERENT;
    }
    for (size_t i = 0; i < p->ref_count; i++) {
        const struct event *e = &p->ref[i];
        bool reset = false;
        for (size_t k = 0; k < p->ref_count; k++) {
            reset = reset || (p->ref[k].kind == EV_RST && p->ref[k].stream == e->stream);
        }
        if (e->kind != EV_SC || !reset) {
            p->ref[kept++] = *e;
        }
    }
    p->ref_count = kept;
    return same(p) ? VERDICT_STOP : VERDICT_DIFFERENT;
}

/* In this step or a later one. */
static bool ref_sends_later(const struct parting *p, int64_t code)
{
    size_t from = p->index > 0 ? p->rt->step_ends[p->index - 1] : 0;
    return find(p->rt->events + from, p->rt->count - from, EV_GOAWAY, code) != NULL;
}

/* The reference decodes Huffman octets as they come, ours a whole string at once: a fault in a
 * string that the fragment cuts is found there, or here a CONTINUATION later, or not any more
 * because the block is broken off first. */
static enum verdict cut_string(struct parting *p)
{
    uint32_t frames;
    bool in_header, error = ref_has(p, EV_GOAWAY, H2_COMPRESSION_ERROR) != NULL;
    if (p->script->undrained) { /* told only when it is sent: look there */
        error = ref_sends_later(p, H2_COMPRESSION_ERROR);
        while (p->step > p->script->steps && p->step->is_local) {
            p->step--;
        }
        (void)step_frame(p->script, p->step, &p->hd);
    }
    bool cut = !p->step->is_local && is_cut(p, &frames, &in_header);
    bool block = p->hd.type == H2_HEADERS || p->hd.type == H2_PUSH_PROMISE;
    if (!block || !error || (frames < 2 && !cut)) {
        return VERDICT_DIFFERENT;
    }
    for (size_t i = p->at; i < p->own_count; i++) {
        const struct event *e = &p->own[i];
        bool later = e->kind == EV_BF && e->type == H2_CONTINUATION;
        bool over = e->kind == EV_RV && e->code == H2_ERR_TOO_MANY_CONTINUATIONS;
        bool sent = e->kind >= EV_FIRST_ACTION || (p->script->undrained && e->kind == EV_SC);
        if (!later && !over && !sent) { /* what is sent here is not sent there any more */
            return VERDICT_DIFFERENT;
        }
    }
    return p->at + 1 >= p->ref_count ? VERDICT_STOP : VERDICT_DIFFERENT;
}

/* The pad length of a frame that has more before its block is judged there as soon as it is in,
 * here when all that stands before the block is. */
static enum verdict cut_padding(struct parting *p)
{
    uint32_t frames;
    bool in_header, padded = p->hd.flags & H2_FLAG_PADDED;
    bool longer = p->hd.type == H2_PUSH_PROMISE ||
                  (p->hd.type == H2_HEADERS && (p->hd.flags & H2_FLAG_PRIORITY));
    bool is = padded && longer && is_cut(p, &frames, &in_header) && frames == 1 &&
              p->step->len < H2_FRAME_HEADER_LEN + 6 && p->at == p->own_count &&
              (p->script->undrained || ref_has(p, EV_GOAWAY, H2_PROTOCOL_ERROR) != NULL);
    return is ? VERDICT_STOP : VERDICT_DIFFERENT;
}

/* We gather so many octets of a control frame, which only a raised SETTINGS_MAX_FRAME_SIZE lets
 * pass, and judge those. */
static enum verdict long_control(struct parting *p)
{
    bool type = p->hd.type == H2_GOAWAY || p->hd.type == H2_ALTSVC || p->hd.type == H2_ORIGIN;
    return type && p->hd.length > LIMIT_CONTROL_OCTETS ? VERDICT_STOP : VERDICT_DIFFERENT;
}

static void take_out_sent(struct event *e, size_t *count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (e[i].kind < EV_FIRST_ACTION || e[i].kind == EV_GOAWAY) {
            e[kept++] = e[i];
        }
    }
    *count = kept;
}

/* Of what is queued, the last is not sent any more when GOAWAY has come or gone and no
 * stream is left. */
static enum verdict unsent(struct parting *p)
{
    if (p->index < p->run->deaf_from) {
        return VERDICT_DIFFERENT;
    }
    take_out_sent(p->own, &p->own_count);
    take_out_sent(p->ref, &p->ref_count);
    return same(p) ? VERDICT_EXPLAINED : VERDICT_DIFFERENT;
}

/* A stream that PRIORITY_UPDATE made idle and HEADERS opened stays on the reference's count of idle
 * streams: after a GOAWAY it miscounts the active ones (one too few, or, once they are closed, one
 * less than none) and reads too little or too much. */
static bool opened_idle(const struct parting *p)
{
    for (size_t i = 0; i < p->rt->count; i++) {
        const struct event *update = &p->rt->events[i];
        unsigned id;
        if (update->kind != EV_FR || update->type != H2_PRIORITY_UPDATE ||
            sscanf(event_text(p->rt, update), " on=%u", &id) != 1) {
            continue;
        }
        for (size_t k = i + 1; k < p->rt->count; k++) {
            const struct event *e = &p->rt->events[k];
            if (e->kind == EV_BF && e->type == H2_HEADERS && e->stream == id) {
                return true;
            }
        }
    }
    return false;
}

static enum verdict idle_count(struct parting *p)
{
    bool silent = p->own_count == 0 || (p->index > p->run->deaf_from && p->ref_count == 0);
    return silent && p->script->options.enable_priority_update && opened_idle(p)
               ? VERDICT_STOP
               : VERDICT_DIFFERENT;
}

/* A row holds from the first version to the last, both included. */
static const struct row {
    const char *name;
    int first, last;
    enum verdict (*explain)(struct parting *p);
} rows[] = {
    { "PRIORITY", 0, 0x0140ff, priority },
    { "closed streams, server role", 0, 0x0140ff, closed_stream },
    { "@ in :authority and host", 0, 0x013fff, at_in_authority },
    { "field and messaging errors: DATA without IF", 0, 0x0142ff, data_without_if },
    { "field and messaging errors: 1.67, 1.68", 0x014300, 0x0144ff, messaging_closes },
    { "stream window overrun by DATA", 0, 0x0142ff, window_overrun },
    { "stream WINDOW_UPDATE overflow", 0, 0x0142ff, window_update_overflow },
    { "INITIAL_WINDOW_SIZE overflowing a stream", 0, 0x0142ff, initial_window_overflow },
    { "CONTINUATION limit: before the type test, partial headers", 0, 0x0145ff,
      continuation_order },
    { "special fields with bad value characters", 0, 0x0145ff, bad_value_dropped },
    { ":status 099", 0, 0x0145ff, low_status },
    { "bad octet before an upper-case letter", 0, 0x0145ff, upper_case_later },
    { "harness: the octets end inside a unit", 0, INT32_MAX, cut_unit },
    { "harness: a Huffman fault in a string that is cut", 0, INT32_MAX, cut_string },
    { "harness: padding judged before what follows it", 0, INT32_MAX, cut_padding },
    { "harness: a control frame above CONTROL_OCTETS", 0, INT32_MAX, long_control },
    { "harness: nothing is sent any more", 0, INT32_MAX, unsent },
    { "harness: an opened idle stream is still counted as idle", 0, 0x0140ff, idle_count },
};

static size_t copy_events(const struct transcript *t, size_t step, struct event *to, size_t room,
                          bool *fits)
{
    size_t count;
    const struct event *from = transcript_step(t, step, &count);
    *fits = *fits && count <= room;
    memcpy(to, from, (count < room ? count : room) * sizeof *to);
    return count < room ? count : room;
}

enum verdict explain_step(const struct script *script, const struct reference_run *reference,
                          const struct transcript *subject, size_t step,
                          struct explain_counts *counts)
{
    static struct parting p;
    bool fits = true;
    p.script = script;
    p.step = &script->steps[step];
    p.index = step;
    p.run = reference;
    p.rt = &reference->transcript;
    p.st = subject;
    p.ref_count = copy_events(p.rt, step, p.ref, STEP_EVENTS, &fits);
    p.own_count = copy_events(subject, step, p.own, STEP_EVENTS, &fits);
    if (same(&p)) {
        return fits ? VERDICT_SAME : VERDICT_DIFFERENT;
    }
    memset(&p.hd, 0xff, sizeof p.hd);
    (void)step_frame(script, p.step, &p.hd); /* the rows look for a type */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int version = reference_traits()->version;
        if (version >= rows[i].first && version <= rows[i].last) {
            enum verdict verdict = rows[i].explain(&p);
            if (verdict != VERDICT_DIFFERENT) {
                counts->rows[i]++;
                return verdict;
            }
        }
    }
    return VERDICT_DIFFERENT;
}

void explain_print(FILE *out, const struct explain_counts *counts)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fprintf(out, "  %8llu  %s\n", (unsigned long long)counts->rows[i], rows[i].name);
    }
}
