/* Text: -x. The octets of a frame at the left, what they are beside them, and how a field came
 * beside that; at a narrow terminal beneath it. */
#include <string.h>

#include "render/parts.h"
#include "render/text.h"

#define ROW_OCTETS    8
#define HEX_COLUMN    9
#define WHAT_COLUMN   43
#define DETAIL_COLUMN 75
#define DETAIL_WIDTH  42
#define NARROW_WHAT   34 /* columns of a terminal that is too narrow for all three: what is short */
#define NARROW_DETAIL 60 /* enough stands beside, the rest beneath */
#define MARGIN_MAX    (DETAIL_COLUMN + DETAIL_WIDTH)

/* Octets of a part that are shown, where they are nobody's field: enough to recognise them. */
#define PLAIN_OCTETS_MIN 64

struct layout {
    struct render *render;
    size_t what, detail, detail_width;
    size_t beside; /* the column of a detail that fits its line whole; 0: all of them begin there */
    size_t width;
};

/* How much of `text` goes on a line of width columns: up to a space behind a comma, all if it
 * fits. */
static size_t break_at(const char *text, size_t width)
{
    size_t len = strlen(text), at = 0;
    if (len <= width) {
        return len;
    }
    for (size_t i = 0; i < len && i <= width; i++) {
        if (text[i] == ' ' && i > 0 && text[i - 1] == ',') {
            at = i;
        }
    }
    return at > 0 ? at : len;
}

static void put_detail_line(const struct layout *layout, struct line *line, const char **detail)
{
    size_t n = break_at(*detail, layout->detail_width);
    line_pad(line, layout->detail > line->column + 2 ? layout->detail : line->column + 2);
    line_style(line, STYLE_ASIDE);
    out_raw(line->out, span_of(*detail, n));
    line->column += n;
    line_style(line, STYLE_NONE);
    *detail += n;
    *detail += **detail == ' ';
}

/* Returns what goes beneath it of a text that is too wide for the terminal, mostly "". */
static const char *put_what(const struct layout *layout, struct line *line, const struct part *part)
{
    line_pad(line, layout->what);
    if (part->field == NULL && layout->width > 0) {
        size_t n = break_at(part->what, layout->width - layout->what);
        out_raw(line->out, span_of(part->what, n));
        line->column += n;
        return part->what[n] == ' ' ? part->what + n + 1 : part->what + n;
    }
    line_text(line, part->what);
    if (part->field != NULL && part->field->name.len > 0) {
        text_field(line, part->field);
    } else if (part->field != NULL && part->field->certainty != H2_EXACT) {
        text_field(line, part->field);
    } else if (part->field != NULL) {
        line_wire(line, part->field->value, 0);
    }
    return "";
}

static void put_hex_row(const struct layout *layout, struct line *line, const struct part *part,
                        size_t at)
{
    *line = (struct line){ .render = layout->render, .out = layout->render->out };
    line_text(line, "   ");
    if (at == 0) {
        line_style(line, STYLE_ASIDE);
        line_hex(line, part->offset, 4);
        line_style(line, STYLE_NONE);
    }
    line_pad(line, HEX_COLUMN);
    for (size_t i = at; i < part->octets.len && i < at + ROW_OCTETS; i++) {
        line_text(line, i > at ? " " : "");
        line_hex(line, part->octets.ptr[i], 2);
    }
}

/* What nobody names may still be text. */
static void put_ascii_row(struct line *line, const struct part *part, size_t at, size_t column)
{
    if (!part->opaque || at >= part->octets.len) {
        return;
    }
    line_pad(line, column);
    line_styled(line, STYLE_ASIDE, "| ");
    line_ascii(line,
               span_of(part->octets.ptr + at, num_min_size(part->octets.len - at, ROW_OCTETS)));
}

static void put_part(void *ctx, const struct part *whole)
{
    const struct layout *layout = ctx;
    const struct render_options *options = &layout->render->options;
    struct part part = *whole;
    if (part.field == NULL) {
        uint64_t shown =
            options->data_octets > PLAIN_OCTETS_MIN ? options->data_octets : PLAIN_OCTETS_MIN;
        part.octets.len = part.octets.len < shown ? part.octets.len : (size_t)shown;
    }
    struct line line;
    size_t at = 0;
    put_hex_row(layout, &line, &part, at);
    const char *beneath = put_what(layout, &line, &part);
    const char *detail = *beneath != '\0' ? beneath : part.detail;
    size_t ascii = line.column + 2;
    put_ascii_row(&line, &part, at, ascii);
    if (*beneath != '\0') {
        /* No room beside it. */
    } else if (layout->beside == 0 && *detail != '\0' && line.column + 2 <= layout->detail) {
        put_detail_line(layout, &line, &detail);
    } else if (layout->beside > 0 && line.column + 2 <= layout->beside &&
               layout->beside + strlen(detail) <= layout->width) {
        line_pad(&line, *detail != '\0' ? layout->beside : 0);
        line_styled(&line, STYLE_ASIDE, detail);
        detail = "";
    }
    line_end(&line);
    for (at = ROW_OCTETS; at < part.octets.len || *detail != '\0'; at += ROW_OCTETS) {
        put_hex_row(layout, &line, &part, at);
        put_ascii_row(&line, &part, at, ascii);
        if (*detail != '\0') {
            put_detail_line(layout, &line, &detail);
        }
        line_end(&line);
    }
    if (part.octets.len < part.length) {
        line = (struct line){ .render = layout->render, .out = layout->render->out };
        line_pad(&line, HEX_COLUMN);
        line_style(&line, STYLE_ASIDE);
        line_u64(&line, part.length - part.octets.len);
        line_text(&line, part.length - part.octets.len == 1 ? " octet more" : " octets more");
        line_style(&line, STYLE_NONE);
        line_end(&line);
    }
}

void text_parts(const struct side *side, const struct h2_frame *frame,
                const struct h2_frame_cut *cut)
{
    struct layout layout = { .render = side->conn->render,
                             .what = WHAT_COLUMN,
                             .detail = DETAIL_COLUMN,
                             .detail_width = DETAIL_WIDTH };
    unsigned width = layout.render->options.width;
    if (width > 0 && width < MARGIN_MAX) {
        layout.what = NARROW_WHAT;
        layout.detail = NARROW_WHAT + 2;
        layout.detail_width = width > layout.detail + 20 ? width - layout.detail : 20;
        layout.beside = NARROW_DETAIL;
        layout.width = width;
    }
    parts_walk(side, frame, cut, put_part, &layout);
}
