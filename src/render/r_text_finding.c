/* Text of --check: one finding, one paragraph, whose first line has the form that editors and CI
 * services know (text-look, "Findings"). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "h2/frames.h"
#include "render/text.h"

#define INDENT        4
#define OCTETS_INDENT 6
#define OCTETS_SHOWN  16
#define LABEL_COLUMN  34

static const enum style style_of[] = { STYLE_NOTE, STYLE_WARNING, STYLE_ERROR };

static void begin(struct line *line, struct render *render, size_t indent)
{
    *line = (struct line){ .render = render, .out = render->out, .indent = INDENT };
    line_pad(line, indent);
}

/* FILE:pN: severity: message [id] */
static void put_first_line(struct render *render, const struct finding *finding)
{
    const struct check_row *row = spec_check(finding->check);
    struct line line;
    begin(&line, render, 0);
    line_wire(&line, span_str(render->file != NULL ? render->file : ""), 0);
    line_text(&line, ":");
    if (finding->last.packet > 0) {
        line_packets(&line, &finding->first, &finding->last);
        line_text(&line, ":");
    }
    line_text(&line, " ");
    line_styled(&line, style_of[finding->severity], finding_severity_name(finding->severity));
    line_text(&line, ":");
    line_words(&line, span_str(finding->message));
    line_gap(&line, 1, strlen(row->id) + 2);
    line_text(&line, "[");
    line_styled(&line, STYLE_NAME, row->id);
    line_text(&line, "]");
    line_end(&line);
}

/* On a terminal a sentence that does not fit begins a line. */
static void put_sentence(struct line *line, const char *format, ...) H2D_PRINTF(2, 3);

static void put_sentence(struct line *line, const char *format, ...)
{
    char text[160];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    line_gap(line, line->column > INDENT ? 1 : 0, strlen(text));
    line_text(line, text);
}

static void put_rule(struct line *line, const struct finding *finding)
{
    const struct check_row *row = spec_check(finding->check);
    enum check_scope scope = finding_scope(finding);
    static const char *const means[] = {
        [SCOPE_CONNECTION] = "connection error ",
        [SCOPE_STREAM] = "stream error ",
        [SCOPE_MESSAGE] = "malformed message, stream error ",
        [SCOPE_ADVICE] = "advice",
        [SCOPE_INFO] = "legal",
    };
    bool is_must = row->scope == SCOPE_ADVICE && row->must;
    const char *code = scope <= SCOPE_MESSAGE ? spec_error_name((uint32_t)row->error_code) : "";
    put_sentence(line, "%s: %s%s.", row->rfc, is_must ? "a sender's MUST" : means[scope],
                 code != NULL ? code : "");
}

/* #1 > stream 0, offset 133. RFC 9113 6.5: connection error FRAME_SIZE_ERROR. */
static void put_where(const struct render_conn *conn, const struct finding *finding)
{
    const struct check_row *row = spec_check(finding->check);
    struct line line;
    begin(&line, conn->render, INDENT);
    if (conn->info.conn > 0) {
        line_text(&line, "#");
        line_u64(&line, conn->info.conn);
        line_text(&line, finding->dir == DIR_C2S ? " >" : " <");
        if (finding->has_stream) {
            line_text(&line, " stream ");
            line_u64(&line, finding->stream_id);
        }
        if (finding->has_offset) {
            line_text(&line, finding->has_stream ? ", offset " : " offset ");
            line_u64(&line, finding->offset);
        }
        line_text(&line, ".");
    }
    if (row->rfc[0] != '\0') {
        put_rule(&line, finding);
    }
    if (row->related[0] != '\0') {
        put_sentence(&line, "See %s.", row->related);
    }
    if (finding->confidence != CONFIDENCE_CERTAIN) {
        put_sentence(&line, "%s, not certain.",
                     finding->confidence == CONFIDENCE_LIKELY ? "Likely" : "Possible");
    }
    if (finding->after_doomed) {
        put_sentence(&line, "After an error that ends the connection.");
    }
    if (line.column > INDENT) {
        line_end(&line);
    }
    if (finding->also_count > 0) {
        begin(&line, conn->render, INDENT);
        line_text(&line, "Also:");
        for (uint8_t i = 0; i < finding->also_count; i++) {
            const char *id = spec_check(finding->also[i])->id;
            line_gap(&line, 1, strlen(id) + 1);
            line_text(&line, id);
            line_text(&line, i + 1 < finding->also_count ? "," : ".");
        }
        line_end(&line);
    }
}

/* Which octets of the frame are at fault, and what to call them. */
struct mark {
    size_t at, count; /* in the row of octets as it is printed */
    char text[64];
};

static void find_mark(const struct finding *finding, size_t octets, struct mark *mark)
{
    const struct finding_evidence *e = &finding->evidence;
    struct h2_frame_hd hd = h2_frame_hd_decode(e->header);
    char room[16];
    *mark = (struct mark){ 0 };
    switch (spec_check(finding->check)->at) {
    case AT_NOTHING:
        break;
    case AT_LENGTH:
        *mark = (struct mark){ .at = 0, .count = 3 };
        (void)snprintf(mark->text, sizeof mark->text, "length %u", (unsigned)hd.length);
        break;
    case AT_TYPE:
        *mark = (struct mark){ .at = 3, .count = 1 };
        (void)snprintf(mark->text, sizeof mark->text, "type %s", text_type_name(hd.type, room));
        break;
    case AT_FLAGS:
        *mark = (struct mark){ .at = 4, .count = 1 };
        (void)snprintf(mark->text, sizeof mark->text, "flags 0x%02x", hd.raw_flags);
        break;
    case AT_STREAM:
        *mark = (struct mark){ .at = 5, .count = 4 };
        (void)snprintf(mark->text, sizeof mark->text, "stream %u", (unsigned)hd.stream_id);
        break;
    case AT_PAYLOAD:
        *mark = (struct mark){ .at = 9 + e->mark_at,
                               .count = e->mark_count > 0 ? e->mark_count : octets };
        (void)snprintf(mark->text, sizeof mark->text, "%s",
                       e->place[0] != '\0' ? e->place : "payload");
        break;
    case AT_FIELD:
        *mark = (struct mark){ .at = 9, .count = octets };
        (void)snprintf(mark->text, sizeof mark->text, "%s",
                       e->place[0] != '\0' ? e->place : "representation");
        break;
    }
    if (mark->at >= 9) {
        size_t left = mark->at - 9 < octets ? octets - (mark->at - 9) : 0;
        mark->count = mark->count < left ? mark->count : left;
    }
}

/* Column of the n-th octet: the payload stands two spaces off. */
static size_t octet_column(size_t n)
{
    return OCTETS_INDENT + 3 * n + (n >= 9 ? 1 : 0);
}

/* Of a payload: as many as a terminal has room for. */
static size_t octets_shown(const struct render *render)
{
    size_t most = OCTETS_SHOWN, width = render->options.width;
    while (width > 0 && most > 1 && octet_column(9 + most) + strlen("...") > width) {
        most--;
    }
    return most;
}

static void put_octets(struct render *render, const struct finding *finding)
{
    const struct finding_evidence *e = &finding->evidence;
    size_t octets = num_min_size(e->octet_count, octets_shown(render));
    struct line line;
    struct mark mark;
    find_mark(finding, octets, &mark);
    begin(&line, render, OCTETS_INDENT);
    for (size_t i = 0; i < 9 + octets; i++) {
        line_pad(&line, octet_column(i));
        line_hex(&line, i < 9 ? e->header[i] : e->octets[i - 9], 2);
    }
    if (e->more || octets < e->octet_count) {
        line_text(&line, " ...");
    }
    line_end(&line);
    if (mark.count > 0) {
        begin(&line, render, octet_column(mark.at));
        line.indent = line.column;
        size_t end = octet_column(mark.at + mark.count - 1) + 2;
        while (line.column < end) {
            line_text(&line, "^");
        }
        size_t spaces = line.column + 2 < LABEL_COLUMN ? LABEL_COLUMN - line.column : 2;
        line_gap(&line, spaces, out_escaped_width(span_str(mark.text)));
        line_wire(&line, span_str(mark.text), 0);
        line_end(&line);
    }
}

static void put_packet(struct line *line, uint64_t packet)
{
    if (packet > 0) {
        line_text(line, " in p");
        line_u64(line, packet);
    }
    line_text(line, ".");
    line_end(line);
}

static void put_reaction(struct render *render, const struct finding *finding)
{
    const struct reaction *reaction = &finding->reaction;
    struct line line;
    if (reaction->kind == REACTION_UNKNOWN) {
        return;
    }
    begin(&line, render, INDENT);
    line_text(&line, finding->dir == DIR_C2S ? "The server " : "The client ");
    if (reaction->status > 0) {
        line_text(&line, "answered with status ");
        line_u64(&line, reaction->status);
        line_text(&line, reaction->kind == REACTION_NONE ? "" : ", and ");
    }
    switch (reaction->kind) {
    case REACTION_UNKNOWN:
        break;
    case REACTION_GOAWAY:
    case REACTION_RST:
        line_text(&line, reaction->kind == REACTION_RST ? "answered with RST_STREAM "
                                                        : "answered with GOAWAY ");
        line_error_code(&line, reaction->error_code);
        break;
    case REACTION_CLOSE:
        line_text(&line, "closed the connection");
        break;
    case REACTION_NONE:
        line_text(&line, reaction->status > 0 ? "" : "did nothing about it");
        break;
    }
    put_packet(&line, reaction->packet);
}

void text_check_finding(struct render_conn *conn, const struct finding *finding)
{
    put_first_line(conn->render, finding);
    put_where(conn, finding);
    if (finding->evidence.has_frame && spec_check(finding->check)->by != BY_NOBODY) {
        put_octets(conn->render, finding);
    }
    put_reaction(conn->render, finding);
}
