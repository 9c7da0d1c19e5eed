/* Listens to sessions and writes down what they say, one line an event: a word, what the event is
 * about, and attributes name=value. It also watches the order of events (h2/events.h). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

/* ---- writing ---- */

static void add_problem(struct transcript *transcript, const char *what)
{
    if (!transcript->muted) {
        lines_add(&transcript->problems, what);
    }
}

static void add_octets(struct text *line, struct span octets, size_t max)
{
    if (octets.len > max) {
        text_addf(line, "<%zu octets>", octets.len);
        return;
    }
    for (size_t i = 0; i < octets.len; i++) {
        uint8_t octet = octets.ptr[i];
        bool edge = octet == ' ' && (i == 0 || i + 1 == octets.len);
        if (edge) {
            text_add(line, "\\s", 2);
        } else if (octet < 0x20 || octet > 0x7e || octet == '\\') {
            text_addf(line, "\\x%02x", octet);
        } else {
            text_add(line, &octet, 1);
        }
    }
}

static const char *mark_of(const struct transcript *transcript, const struct h2_session *session)
{
    if (transcript->tc->start != START_CONNECTION || session == NULL) {
        return "";
    }
    return h2_session_dir(session) == DIR_C2S ? "> " : "< ";
}

static void put_line(struct transcript *transcript, enum kind kind,
                     const struct h2_session *session, const char *text)
{
    struct text line = { 0 };
    if (transcript->muted) {
        return;
    }
    text_addf(&line, "%s%s", mark_of(transcript, session), kind_names[kind]);
    if (*text != '\0') {
        text_add(&line, " ", 1);
        text_add(&line, text, strlen(text));
    }
    lines_add(&transcript->lines, line.ptr);
    text_fini(&line);
}

/* Adjacent octets of one frame are one line, whatever the chunks were. */
static void flush_dir(struct transcript *transcript, enum dir dir)
{
    struct text line = { 0 };
    if (!transcript->merge_data[dir]) {
        return;
    }
    transcript->merge_data[dir] = false;
    text_addf(&line, "%zu text=", transcript->merged[dir]);
    add_octets(&line,
               span_of(transcript->merged_octets[dir].ptr, transcript->merged_octets[dir].len), 40);
    for (char *p = strchr(line.ptr, '=') + 1; *p != '\0'; p++) {
        *p = *p == ' ' ? '_' : *p;
    }
    const char *mark = transcript->tc->start != START_CONNECTION ? ""
                       : dir == DIR_C2S                          ? "> "
                                                                 : "< ";
    if ((transcript->tc->shown & (1U << transcript->merged_kind[dir])) != 0) {
        struct text all = { 0 };
        text_addf(&all, "%s%s %s", mark, kind_names[transcript->merged_kind[dir]], line.ptr);
        lines_add(&transcript->lines, all.ptr);
        text_fini(&all);
    }
    text_fini(&line);
    transcript->merged_octets[dir].len = 0;
    transcript->merged[dir] = 0;
}

void listen_flush(struct transcript *transcript)
{
    flush_dir(transcript, DIR_C2S);
    flush_dir(transcript, DIR_S2C);
}

/* Whether lines of this kind are in the transcript. Those that are not do not part data either, but
 * for the bounds of a frame. */
static bool is_shown(struct transcript *transcript, enum kind kind)
{
    bool shown = (transcript->tc->shown & (1U << kind)) != 0;
    if (shown || kind == KIND_BEGIN || kind == KIND_END) {
        listen_flush(transcript);
    }
    return shown;
}

void listen_add(struct transcript *transcript, enum kind kind, const struct h2_session *session,
                const char *format, ...)
{
    char text[1024];
    va_list args;
    if (!is_shown(transcript, kind)) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_line(transcript, kind, session, text);
}

/* Counts the call and finds what it is to return. */
static int answer(struct transcript *transcript, enum kind kind)
{
    const struct test_case *tc = transcript->tc;
    if (transcript->muted) {
        return 0;
    }
    if (transcript->dead) {
        add_problem(transcript, "an event after a fatal return value");
    }
    transcript->calls[kind]++;
    for (size_t i = 0; i < tc->return_count; i++) {
        const struct planned_return *planned = &tc->returns[i];
        if (planned->kind == kind &&
            (planned->nth == EVERY || planned->nth == transcript->calls[kind])) {
            return planned->value;
        }
    }
    return 0;
}

/* ---- frames ---- */

static void add_frame_name(struct text *line, const struct h2_frame_hd *hd)
{
    static const char *const names[] = { "DATA",          "HEADERS",      "PRIORITY", "RST_STREAM",
                                         "SETTINGS",      "PUSH_PROMISE", "PING",     "GOAWAY",
                                         "WINDOW_UPDATE", "CONTINUATION" };
    if (hd->type < H2D_COUNT_OF(names)) {
        text_addf(line, "%s %" PRIu32, names[hd->type], hd->stream_id);
    } else {
        const char *name = hd->type == 10   ? "ALTSVC"
                           : hd->type == 12 ? "ORIGIN"
                           : hd->type == 16 ? "PRIORITY_UPDATE"
                                            : NULL;
        if (name != NULL) {
            text_addf(line, "%s %" PRIu32, name, hd->stream_id);
        } else {
            text_addf(line, "0x%02x %" PRIu32, hd->type, hd->stream_id);
        }
    }
}

static void add_code(struct text *line, uint32_t code)
{
    const char *name = spec_error_name(code);
    if (name != NULL) {
        text_addf(line, "%s", name);
    } else {
        text_addf(line, "0x%" PRIx32, code);
    }
}

static void add_entries(struct text *line, const struct h2_setting *entries, size_t count)
{
    text_add(line, "[", 1);
    for (size_t i = 0; i < count; i++) {
        text_addf(line, "%s%u=%" PRIu32, i > 0 ? "," : "", entries[i].id, entries[i].value);
    }
    text_add(line, "]", 1);
}

static void add_priority(struct text *line, const struct h2_priority *priority)
{
    text_addf(line, " prio=%s%" PRIu32 "/%u", priority->exclusive ? "!" : "", priority->depends_on,
              priority->weight);
}

static void add_payload(struct text *line, const struct h2_frame *frame)
{
    const union h2_payload *p = &frame->payload;
    switch (frame->hd.type) {
    case H2_DATA:
        text_addf(line, " pad=%" PRIu32 " data=%" PRIu32, p->data.pad_octets, p->data.data_length);
        break;
    case H2_HEADERS:
        text_addf(line, " pad=%" PRIu32, p->headers.pad_octets);
        if (p->headers.has_priority) {
            add_priority(line, &p->headers.priority);
        }
        break;
    case H2_PRIORITY:
        add_priority(line, &p->priority);
        break;
    case H2_RST_STREAM:
        text_addf(line, " code=");
        add_code(line, p->rst_stream.error_code);
        break;
    case H2_SETTINGS:
        text_addf(line, " entries=");
        add_entries(line, p->settings.entries, p->settings.count);
        text_addf(line, " raw=");
        add_entries(line, p->settings.raw, p->settings.raw_count);
        break;
    case H2_PUSH_PROMISE:
        text_addf(line, " pad=%" PRIu32 " promised=%" PRIu32, p->push_promise.pad_octets,
                  p->push_promise.promised_stream_id);
        break;
    case H2_PING:
        text_addf(line, " opaque=");
        add_octets(line, span_of(p->ping.opaque, 8), 8);
        break;
    case H2_GOAWAY:
        text_addf(line, " last=%" PRIu32 " code=", p->goaway.last_stream_id);
        add_code(line, p->goaway.error_code);
        text_addf(line, " debug=");
        add_octets(line, p->goaway.debug_data, 40);
        break;
    case H2_WINDOW_UPDATE:
        text_addf(line, " increment=%" PRIu32, p->window_update.increment);
        break;
    case H2_ALTSVC:
        text_addf(line, " origin=");
        add_octets(line, p->altsvc.origin, 60);
        text_addf(line, " value=");
        add_octets(line, p->altsvc.field_value, 60);
        break;
    case H2_ORIGIN:
        text_addf(line, " count=%zu", p->origin.count);
        break;
    case H2_PRIORITY_UPDATE:
        text_addf(line,
                  " prioritized=%" PRIu32 " value=", p->priority_update.prioritized_stream_id);
        add_octets(line, p->priority_update.field_value, 60);
        break;
    default:
        break;
    }
}

static void add_frame(struct text *line, const struct h2_frame *frame, bool payload)
{
    text_addf(line, " len=%" PRIu32 " flags=0x%02x raw_flags=0x%02x", frame->hd.length,
              frame->hd.flags, frame->hd.raw_flags);
    if (frame->hd.reserved) {
        text_addf(line, " reserved=1");
    }
    if (frame->discard != NULL) {
        text_addf(line, " discarded=1");
        size_t at = line->len + 1;
        text_addf(line, " discard=%s", frame->discard);
        for (char *p = line->ptr + at; *p != '\0'; p++) {
            *p = *p == ' ' ? '_' : *p;
        }
    }
    if (frame->missing > 0) {
        text_addf(line, " missing=%" PRIu64, frame->missing);
    }
    if (payload && frame->has_payload) {
        add_payload(line, frame);
    }
}

/* Everything about a frame is told between its begin and its end. */
static void check_inside(struct transcript *transcript, const struct h2_session *session)
{
    if (!transcript->frame_open[h2_session_dir(session)]) {
        add_problem(transcript, "an event of a frame outside of one");
    }
}

/* One line about a frame; word stands behind the frame's name. */
static int frame_line(struct transcript *transcript, enum kind kind, struct h2_session *session,
                      const struct h2_frame *frame, const char *word, bool payload)
{
    struct text line = { 0 };
    if (!is_shown(transcript, kind)) {
        return answer(transcript, kind);
    }
    add_frame_name(&line, &frame->hd);
    if (*word != '\0') {
        text_addf(&line, " %s", word);
    }
    add_frame(&line, frame, payload);
    put_line(transcript, kind, session, line.ptr);
    text_fini(&line);
    return answer(transcript, kind);
}

/* ---- callbacks ---- */

static int on_preface(struct h2_session *session, const struct h2_where *where, void *user)
{
    ((struct transcript *)user)->preface_octets[h2_session_dir(session)] = H2_PREFACE_LEN;
    listen_add(user, KIND_PREFACE, session, "%s", "");
    return answer(user, KIND_PREFACE);
}

/* A frame begins where the octets of the one before end. */
static void check_place(struct transcript *transcript, const struct h2_session *session,
                        const struct h2_frame *frame)
{
    enum dir dir = h2_session_dir(session);
    transcript->begun[dir]++;
    if (transcript->observing &&
        frame->where.offset != transcript->wire[dir].len + transcript->preface_octets[dir]) {
        add_problem(transcript, "a frame that begins at another offset than its octets");
    }
}

static int on_begin_frame(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    struct transcript *transcript = user;
    bool *open = &transcript->frame_open[h2_session_dir(session)];
    if (*open) {
        add_problem(transcript, "begin_frame before end_frame of the frame before");
    }
    *open = true;
    check_place(transcript, session, frame);
    return frame_line(transcript, KIND_BEGIN, session, frame, "", false);
}

static int on_begin_headers(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    static const char *const categories[] = { "REQUEST", "RESPONSE", "PUSH_RESPONSE", "HEADERS",
                                              "" };
    bool push = frame->hd.type == H2_PUSH_PROMISE;
    struct text line = { 0 };
    check_inside(user, session);
    if (!is_shown(user, KIND_HEADERS)) {
        return answer(user, KIND_HEADERS);
    }
    text_addf(&line, "%s", push ? "PUSH" : categories[frame->payload.headers.category]);
    add_frame(&line, frame, true);
    text_addf(&line, " stream=%" PRIu32, frame->hd.stream_id);
    put_line(user, KIND_HEADERS, session, line.ptr);
    text_fini(&line);
    return answer(user, KIND_HEADERS);
}

/* What is known of a field: its name and value, or the entry that it was. */
static void add_field(struct text *line, const struct h2_header *header)
{
    static const char *const certainty[] = { "", "inferred ", "name-inferred ", "name-unknown ",
                                             "unknown " };
    text_addf(line, "%s%s", header->never_indexed ? "never " : "", certainty[header->certainty]);
    if (header->certainty >= H2_NAME_UNKNOWN) {
        if (header->entry == H2_ENTRY_NONE) {
            text_addf(line, "-");
        } else if (header->entry == H2_ENTRY_FORGOTTEN) {
            text_addf(line, "forgotten");
        } else if (header->entry_loss == 0) {
            text_addf(line, "pre:%" PRIu32, header->entry);
        } else {
            text_addf(line, "lost%" PRIu32 ":%" PRIu32, header->entry_loss, header->entry);
        }
    } else {
        add_octets(line, header->name, 64);
        text_addf(line, ":");
    }
    if (header->certainty != H2_UNKNOWN && header->certainty != H2_NAME_INFERRED &&
        header->value.len > 0) {
        text_addf(line, " ");
        add_octets(line, header->value, 64);
    }
}

static int field_line(struct transcript *transcript, enum kind kind, struct h2_session *session,
                      const struct h2_header *header)
{
    struct text line = { 0 };
    check_inside(transcript, session);
    if (is_shown(transcript, kind)) {
        add_field(&line, header);
        put_line(transcript, kind, session, line.ptr);
        text_fini(&line);
    }
    if (header->name.ptr[header->name.len] != '\0' ||
        header->value.ptr[header->value.len] != '\0') {
        add_problem(transcript, "a name or value without its final NUL");
    }
    return answer(transcript, kind);
}

static int on_header(struct h2_session *session, const struct h2_frame *frame,
                     const struct h2_header *header, void *user)
{
    return field_line(user, KIND_FIELD, session, header);
}

static int on_invalid_header(struct h2_session *session, const struct h2_frame *frame,
                             const struct h2_header *header, void *user)
{
    if (header->invalid == NULL) {
        add_problem(user, "an invalid field without a reason");
    }
    return field_line(user, KIND_INVALID_FIELD, session, header);
}

static int octets_line(struct transcript *transcript, enum kind kind, struct h2_session *session,
                       struct span octets)
{
    enum dir dir = h2_session_dir(session);
    check_inside(transcript, session);
    if (octets.len == 0) {
        add_problem(transcript, "an empty chunk");
    }
    if (!transcript->tc->merge || transcript->merged_kind[dir] != kind) {
        listen_flush(transcript);
    }
    flush_dir(transcript, dir_other(dir));
    if (!transcript->muted) {
        transcript->merge_data[dir] = true;
        transcript->merged_kind[dir] = kind;
        transcript->merged[dir] += octets.len;
        text_add(&transcript->merged_octets[dir], octets.ptr, octets.len);
    }
    return answer(transcript, kind);
}

static int on_data(struct h2_session *session, const struct h2_frame *frame, struct span data,
                   void *user)
{
    return octets_line(user, KIND_DATA, session, data);
}

static int on_extension(struct h2_session *session, const struct h2_frame *frame,
                        struct span octets, void *user)
{
    return octets_line(user, KIND_EXTENSION, session, octets);
}

static int on_unpack(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    check_inside(user, session);
    return frame_line(user, KIND_UNPACK, session, frame, "", false);
}

static int on_frame_recv(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    check_inside(user, session);
    return frame_line(user, KIND_RECV, session, frame, "", true);
}

static int on_invalid(struct h2_session *session, const struct h2_frame *frame, int lib_error,
                      void *user)
{
    check_inside(user, session);
    return frame_line(user, KIND_INVALID, session, frame, h2_lib_error_name(lib_error), true);
}

static int on_close(struct h2_session *session, uint32_t stream_id, uint32_t error_code, void *user)
{
    struct text code = { 0 };
    add_code(&code, error_code);
    listen_add(user, KIND_CLOSE, session, "%" PRIu32 " %s", stream_id, code.ptr);
    text_fini(&code);
    return answer(user, KIND_CLOSE);
}

static int on_error(struct h2_session *session, int lib_error, const char *message, void *user)
{
    listen_add(user, KIND_ERROR, session, "%s %s", h2_lib_error_name(lib_error), message);
    return answer(user, KIND_ERROR);
}

static void on_action(struct h2_session *session, const struct h2_action *action, void *user)
{
    struct text line = { 0 };
    if (!is_shown(user, KIND_SEND)) {
        return;
    }
    text_addf(&line, "%s", h2_action_name(action->type));
    if (action->type == H2_ACTION_RST_STREAM || action->type == H2_ACTION_WINDOW_UPDATE) {
        text_addf(&line, " %" PRIu32, action->stream_id);
    }
    if (action->type == H2_ACTION_RST_STREAM || action->type == H2_ACTION_GOAWAY) {
        text_addf(&line, " ");
        add_code(&line, action->error_code);
    }
    if (action->type == H2_ACTION_WINDOW_UPDATE) {
        text_addf(&line, " %" PRIu32, action->increment);
    }
    if (action->type == H2_ACTION_GOAWAY) {
        text_addf(&line, " last=%" PRIu32, action->last_stream_id);
    }
    put_line(user, KIND_SEND, session, line.ptr);
    text_fini(&line);
}

static void on_flood(struct h2_session *session, const struct h2_flood *flood, void *user)
{
    listen_add(user, KIND_FLOOD, session, "F%u count=%" PRIu64, flood->limit, flood->count);
}

static void on_finding(struct h2_session *session, const struct finding *finding, void *user)
{
    if (finding->surplus) {
        return;
    }
    struct transcript *transcript = user;
    const char *id = spec_check(finding->check)->id;
    if (!transcript->muted) {
        lines_add(&transcript->found, id);
    }
    listen_add(transcript, KIND_FINDING, session,
               "%s stream=%" PRId64 " scope=%s severity=%s confidence=%s offset=%" PRId64
               " doomed=%d",
               id, finding->has_stream ? (int64_t)finding->stream_id : -1,
               spec_scope_name(finding_scope(finding)), finding_severity_name(finding->severity),
               finding_confidence_name(finding->confidence),
               finding->has_offset ? (int64_t)finding->offset : -1, finding->after_doomed);
    if (finding->message == NULL || finding->message[0] == '\0') {
        add_problem(transcript, "a finding without a message");
    }
}

static const char *cause_name(enum gap_cause cause)
{
    static const char *const names[] = { "LOST", "UNACKED", "SNAPLEN", "LIMIT", "END", "TLS" };
    return names[cause];
}

static void on_gap(struct h2_session *session, const struct h2_gap *gap, void *user)
{
    char streams[16 * 11 + 1] = "-";
    size_t len = 0;
    for (size_t i = 0; i < gap->stream_count; i++) {
        len += (size_t)snprintf(streams + len, sizeof streams - len, "%s%u", i > 0 ? "," : "",
                                gap->streams[i]);
    }
    listen_add(user, KIND_GAP, session, "%" PRIu64 " %s streams=%s offset=%" PRIu64, gap->length,
               cause_name(gap->cause), streams, gap->offset);
}

static void on_unsynchronised(struct h2_session *session, uint64_t offset, uint64_t length,
                              void *user)
{
    if (offset == 0) {
        /* What stands in the place of a preface. */
        ((struct transcript *)user)->preface_octets[h2_session_dir(session)] = length;
    }
    listen_add(user, KIND_UNSYNC, session, "%" PRIu64 " offset=%" PRIu64, length, offset);
}

static void on_frame_octets(struct h2_session *session, uint64_t frame_off, struct span octets,
                            void *user)
{
    struct transcript *transcript = user;
    text_add(&transcript->wire[h2_session_dir(session)], octets.ptr, octets.len);
}

static void on_size_update(struct h2_session *session, const struct h2_frame *frame,
                           const struct h2_header *update, void *user)
{
    listen_add(user, KIND_SIZE_UPDATE, session, "%" PRIu32, update->index);
}

static void on_end_frame(struct h2_session *session, const struct h2_frame *frame,
                         const struct h2_frame_cut *cut, void *user)
{
    struct transcript *transcript = user;
    enum dir dir = h2_session_dir(session);
    bool header_cut = cut != NULL && cut->header_octets < H2_FRAME_HEADER_LEN;
    if (!transcript->frame_open[dir] && !header_cut) {
        add_problem(transcript, "end_frame without begin_frame");
    }
    transcript->frame_open[dir] = false;
    transcript->ended[dir] += !header_cut;
    if (header_cut) {
        listen_add(transcript, KIND_CUT, session, "header octets=%u missing=%" PRIu64 " cause=%s",
                   cut->header_octets, cut->missing, cause_name(cut->cause));
    } else if (cut != NULL) {
        char word[64];
        snprintf(word, sizeof word, "%" PRIu64 " %s", cut->missing, cause_name(cut->cause));
        (void)frame_line(transcript, KIND_CUT, session, frame, word, false);
    }
    if (!header_cut) {
        (void)frame_line(transcript, KIND_END, session, frame, "", true);
    }
}

void listen_events(const struct test_case *tc, struct h2_events *events)
{
    *events = (struct h2_events){
        .on_preface = on_preface,
        .on_begin_frame = on_begin_frame,
        .on_begin_headers = on_begin_headers,
        .on_header = on_header,
        .on_invalid_header = tc->no_invalid_callback ? NULL : on_invalid_header,
        .on_data_chunk_recv = on_data,
        .on_extension_chunk_recv = on_extension,
        .unpack_extension = on_unpack,
        .on_frame_recv = on_frame_recv,
        .on_invalid_frame_recv = on_invalid,
        .on_stream_close = on_close,
        .on_error = on_error,
        .on_action = on_action,
        .on_flood = on_flood,
        .on_finding = on_finding,
        .on_gap = on_gap,
        .on_unsynchronised = on_unsynchronised,
        .on_frame_octets = on_frame_octets,
        .on_size_update = on_size_update,
        .on_end_frame = on_end_frame,
    };
}

void listen_fini(struct transcript *transcript)
{
    lines_fini(&transcript->lines);
    lines_fini(&transcript->found);
    lines_fini(&transcript->problems);
    for (unsigned dir = 0; dir < 2; dir++) {
        text_fini(&transcript->merged_octets[dir]);
        text_fini(&transcript->wire[dir]);
    }
}
