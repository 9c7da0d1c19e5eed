/* What the text formats share: a line with its columns, colours, wire octets that never reach a
 * terminal raw. Knows the layout of text-look (columns, indents), no record. */
#ifndef H2DUMP_RENDER_TEXT_H
#define H2DUMP_RENDER_TEXT_H

#include "render/render_int.h"

/* One row of the style table each; colour never carries meaning alone. */
enum style {
    STYLE_NONE,
    STYLE_C2S, /* direction */
    STYLE_S2C,
    STYLE_CONNECTION,
    STYLE_TIME,
    STYLE_TYPE,
    STYLE_SUMMARY,
    STYLE_NAME,    /* of a header field, a setting */
    STYLE_UNKNOWN, /* not known, or inferred */
    STYLE_ASIDE,   /* packets, representations, offsets */
    STYLE_ERROR,
    STYLE_WARNING,
    STYLE_NOTE,
    STYLE_COUNT
};

/* Where details begin, and the columns of a frame's line. */
#define TEXT_INDENT        17
#define TEXT_TYPE_WIDTH    15
#define TEXT_STREAM_WIDTH  6
#define TEXT_LENGTH_WIDTH  7
#define TEXT_NAME_WIDTH    21 /* callback names */
#define TEXT_PACKET_COLUMN 100

struct line {
    struct render *render;
    struct out *out;
    size_t column;
    size_t indent; /* where it goes on when a terminal's line is full; 0: TEXT_INDENT */
};

/* A line at the left margin: time, connection, and mark: ">", "<", "!". */
void line_begin(struct line *line, const struct render_conn *conn, const char *mark,
                enum style style, const struct pos *pos);
/* The same with the mark of a direction. */
void line_begin_side(struct line *line, const struct side *side, const struct pos *pos);
/* A line that belongs to the one before: begins with spaces. */
static inline void line_detail(struct line *line, struct render *render);
/* Ends a line; packets are said in the right margin where the user asked for them. */
static inline void line_end(struct line *line)
{
    *out_room(line->out, 1) = '\n';
    line->out->len++;
    line->column = 0;
}
void line_end_packets(struct line *line, const struct pos *first, const struct pos *last);
/* The columns that line_end_packets will want of a terminal. */
size_t line_packets_reserve(const struct line *line, const struct h2_where *where);

void line_colour(struct line *line, enum style style);
static inline void line_style(struct line *line, enum style style)
{
    if (H2D_UNLIKELY(line->render->options.color)) {
        line_colour(line, style);
    }
}
/* A constant of ours; the compiler sees the length of most. */
static H2D_ALWAYS_INLINE void line_text(struct line *line, const char *text)
{
    size_t len = strlen(text);
    memcpy(out_room(line->out, len), text, len);
    line->out->len += len;
    line->column += len;
}
void line_styled(struct line *line, enum style style, const char *text);
void line_u64(struct line *line, uint64_t value);
void line_signed(struct line *line, int64_t value);
void line_hex(struct line *line, uint64_t value, unsigned digits);
/* Right-aligned in width columns, always with a space before it. */
void line_u64_right(struct line *line, uint64_t value, size_t width);
/* Left-aligned in width columns. */
void line_text_left(struct line *line, enum style style, const char *text, size_t width);
static inline void line_pad(struct line *line, size_t column)
{
    if (line->column < column) {
        size_t count = column - line->column;
        if (H2D_LIKELY(count <= 32)) {
            memcpy(out_room(line->out, 32), "                                ", 32);
            line->out->len += count;
        } else {
            out_spaces(line->out, count);
        }
        line->column = column;
    }
}
static inline void line_detail_to(struct line *line, struct render *render, struct out *out)
{
    *line = (struct line){ .render = render, .out = out };
    line_pad(line, TEXT_INDENT);
}
static inline void line_detail(struct line *line, struct render *render)
{
    line_detail_to(line, render, render->out);
}
/* Octets from outside, escaped; on a terminal shortened so that `reserve` columns stay free. */
void line_wire(struct line *line, struct span octets, size_t reserve);
/* Words, each behind a space; on a terminal they go on below when the line is full. */
void line_words(struct line *line, struct span text);
/* `spaces` before something of `columns` columns; on a terminal that has not so many left, a line
 * below, indented. */
void line_gap(struct line *line, size_t spaces, size_t columns);
/* Octets as the ASCII column of a hex dump shows them. */
void line_ascii(struct line *line, struct span octets);
/* "p6", "p6-7"; nothing where the input has no packets. */
void line_packets(struct line *line, const struct pos *first, const struct pos *last);
/* "END_STREAM ACK 0x40", `spaces` before it. */
void line_flags(struct line *line, const struct h2_frame_hd *hd, size_t spaces);
/* "PROTOCOL_ERROR", or "0x1f". */
void line_error_code(struct line *line, uint32_t code);
/* "HEADERS", or "unknown 0x21"; room for 16. */
const char *text_type_name(uint8_t type, char *room);

/* ---- r_text.c, for the callback view ---- */

/* Whether a frame's payload says something in a few words, and these words. */
bool text_frame_says(const struct h2_frame *frame);
void text_frame_summary(struct line *line, const struct h2_frame *frame);
/* Its details, a line each. */
void text_frame_details(struct render *render, const struct h2_frame *frame);
/* Payload octets on detail lines: as text behind "| ", or as a hex dump; total is how many there
 * are. */
void text_payload(struct render *render, struct span octets, uint64_t total);

/* ---- a field block (r_text_fields.c) ---- */

/* One field on a detail line or behind a callback's name. */
void text_field(struct line *line, const struct h2_header *header);
/* Takes a field of the block that is open. */
void text_header(struct side *side, const struct h2_header *field);
/* Whether anything was taken. */
bool text_block_begun(const struct kept *kept);
/* What a whole block says: "GET /", "200", "trailers"; `reserve` columns stay free behind it. */
void text_block_summary(struct line *line, const struct side *side, size_t reserve);
/* All fields that were taken, a line each. */
void text_block_fields(struct render *render, struct kept *kept);

/* The same of a block that will not be completed; kept may be NULL. */
void text_broken_block(struct render *render, struct kept *kept);

/* -x (r_text_parts.c): the frame's octets, each named. */
void text_parts(const struct side *side, const struct h2_frame *frame,
                const struct h2_frame_cut *cut);

#endif
