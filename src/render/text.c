#include "render/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Numbers of the 256-colour palette, which, unlike the 16 named colours, look the same in all
 * schemes; chosen to have a contrast of 3 or more on white and on black. Directions are blue and
 * orange, which colour-blind readers tell apart. */
static const char *const styles[STYLE_COUNT] = {
    [STYLE_NONE] = "0",         [STYLE_C2S] = "1;38;5;33",    [STYLE_S2C] = "1;38;5;166",
    [STYLE_CONNECTION] = "1",   [STYLE_TIME] = "38;5;244",    [STYLE_TYPE] = "1",
    [STYLE_SUMMARY] = "1",      [STYLE_NAME] = "38;5;244",    [STYLE_UNKNOWN] = "38;5;97",
    [STYLE_ASIDE] = "38;5;244", [STYLE_ERROR] = "1;38;5;196", [STYLE_WARNING] = "1;38;5;136",
    [STYLE_NOTE] = "1;38;5;97",
};

void line_colour(struct line *line, enum style style)
{
    out_const(line->out, "\033[");
    out_text(line->out, styles[style]);
    out_char(line->out, 'm');
}

void line_styled(struct line *line, enum style style, const char *text)
{
    if (style == STYLE_NONE || !line->render->options.color) {
        line_text(line, text);
        return;
    }
    line_style(line, style);
    line_text(line, text);
    line_style(line, STYLE_NONE);
}

void line_u64(struct line *line, uint64_t value)
{
    uint64_t before = out_position(line->out);
    out_u64(line->out, value);
    line->column += (size_t)(out_position(line->out) - before);
}

void line_signed(struct line *line, int64_t value)
{
    if (value < 0) {
        line_text(line, "-");
        line_u64(line, (uint64_t)-value);
    } else {
        line_u64(line, (uint64_t)value);
    }
}

void line_hex(struct line *line, uint64_t value, unsigned digits)
{
    uint64_t before = out_position(line->out);
    out_hex(line->out, value, digits);
    line->column += (size_t)(out_position(line->out) - before);
}

void line_u64_right(struct line *line, uint64_t value, size_t width)
{
    uint8_t digits[20];
    uint8_t *at = digits + sizeof digits;
    do {
        *--at = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    size_t len = (size_t)(digits + sizeof digits - at);
    line_pad(line, line->column + (len < width ? width - len : 1));
    uint8_t *to = out_room(line->out, sizeof digits);
    for (size_t i = 0; i < len; i++) {
        to[i] = at[i];
    }
    line->out->len += len;
    line->column += len;
}

void line_text_left(struct line *line, enum style style, const char *text, size_t width)
{
    size_t column = line->column + width;
    line_styled(line, style, text);
    line_pad(line, column);
}

/* A value is not shortened to fewer columns than this, it would say nothing: the line wraps. */
#define SHORTENED_MIN 6

void line_wire(struct line *line, struct span octets, size_t reserve)
{
    const struct render_options *options = &line->render->options;
    if (options->width > 0 && options->verbosity == 0) {
        size_t used = line->column + reserve;
        size_t free = options->width > used ? options->width - used : 0;
        free = free < SHORTENED_MIN ? SHORTENED_MIN : free;
        line->column += out_escaped_fit(line->out, octets, free);
        return;
    }
    out_escaped(line->out, octets);
    if (options->verbosity > 0 || options->octets) {
        /* Something stands in a column behind it. */
        line->column += out_escaped_width(octets);
    }
}

static size_t indent_of(const struct line *line)
{
    return line->indent > 0 ? line->indent : TEXT_INDENT;
}

static void go_on_below(struct line *line)
{
    out_char(line->out, '\n');
    line->column = 0;
    line_pad(line, indent_of(line));
}

void line_gap(struct line *line, size_t spaces, size_t columns)
{
    unsigned width = line->render->options.width;
    if (width > 0 && line->column > indent_of(line) && line->column + spaces + columns > width) {
        go_on_below(line);
    } else {
        line_pad(line, line->column + spaces);
    }
}

void line_ascii(struct line *line, struct span octets)
{
    for (size_t i = 0; i < octets.len; i++) {
        bool printable = octets.ptr[i] >= 0x20 && octets.ptr[i] < 0x7f;
        out_char(line->out, printable ? (char)octets.ptr[i] : '.');
    }
    line->column += octets.len;
}

void line_words(struct line *line, struct span text)
{
    unsigned width = line->render->options.width;
    struct cur c = cur_of(text);
    while (cur_left(&c) > 0) {
        const uint8_t *end = memchr(c.pos, ' ', cur_left(&c));
        struct span word = cur_take(&c, end != NULL ? (size_t)(end - c.pos) : cur_left(&c));
        cur_skip(&c, end != NULL ? 1 : 0);
        size_t columns = out_escaped_width(word);
        if (width > 0 && line->column > indent_of(line) && line->column + 1 + columns > width) {
            go_on_below(line);
        } else {
            line_text(line, " ");
        }
        out_escaped(line->out, word);
        line->column += columns;
    }
}

/* ---- time ---- */

#define NS_A_SECOND 1000000000U
#define NS_A_DAY    (86400ULL * NS_A_SECOND)

/* Year, month and day of a day since 1970 in the proleptic Gregorian calendar, counted in eras of
 * 400 years that begin on the first of March, so that the leap day is the last of its year. */
static void civil_date(uint64_t day, unsigned *year, unsigned *month, unsigned *mday)
{
    uint64_t days = day + 719468;
    uint64_t era = days / 146097, of_era = days % 146097;
    uint64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    uint64_t m = (5 * of_year + 2) / 153;
    *mday = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
    *month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *year = (unsigned)(y + era * 400 + (*month <= 2 ? 1 : 0));
}

static void put_absolute(struct line *line, uint64_t ts_ns)
{
    unsigned year, month, day;
    uint64_t seconds = ts_ns % NS_A_DAY / NS_A_SECOND;
    civil_date(ts_ns / NS_A_DAY, &year, &month, &day);
    uint8_t *at = out_digits_fixed(out_room(line->out, 64), year, 4);
    *at++ = '-';
    at = out_digits_fixed(at, month, 2);
    *at++ = '-';
    at = out_digits_fixed(at, day, 2);
    *at++ = 'T';
    at = out_digits_fixed(at, seconds / 3600, 2);
    *at++ = ':';
    at = out_digits_fixed(at, seconds / 60 % 60, 2);
    *at++ = ':';
    at = out_digits_fixed(at, seconds % 60, 2);
    *at++ = '.';
    unsigned digits = line->render->ts_digits;
    uint64_t part = ts_ns % NS_A_SECOND;
    at = out_digits_fixed(at, digits == 9 ? part : part / 1000, digits);
    *at++ = 'Z';
    out_used(line->out, at);
}

/* Writes the time and keeps it: the frames of a packet have the same. */
static void put_clock(struct line *line, uint64_t ts_ns, uint64_t from)
{
    struct render *render = line->render;
    out_together(line->out, 2 * sizeof render->clock);
    size_t start = line->out->len;
    if (render->options.time == TIME_ABSOLUTE) {
        put_absolute(line, ts_ns);
    } else if (ts_ns < from) {
        out_char(line->out, '-');
        render_put_seconds(render, line->out, from - ts_ns);
    } else {
        render_put_seconds(render, line->out, ts_ns - from);
    }
    render->clock_len = line->out->len - start;
    render->clock_of = ts_ns;
    assert(render->clock_len <= sizeof render->clock);
    memcpy(render->clock, line->out->buf + start, render->clock_len);
}

/* The time column and its space; nothing where the input has no times. */
static void put_time(struct line *line, const struct pos *pos)
{
    struct render *render = line->render;
    if (render->options.time == TIME_NONE || !pos->ts_known) {
        return;
    }
    if (!render->first_known) {
        render->first = *pos;
        render->first_known = true;
        render->clock_len = 0;
    }
    uint64_t from = render->first.ts_ns;
    if (render->options.time == TIME_DELTA) {
        from = render->any_line ? render->ts_before : pos->ts_ns;
        render->ts_before = pos->ts_ns;
        render->any_line = true;
    }
    line_style(line, STYLE_TIME);
    if (render->clock_len == 0 || render->clock_of != pos->ts_ns ||
        render->options.time == TIME_DELTA) {
        put_clock(line, pos->ts_ns, from);
    } else {
        memcpy(out_room(line->out, sizeof render->clock), render->clock, sizeof render->clock);
        line->out->len += render->clock_len;
    }
    line->column += render->clock_len;
    line_style(line, STYLE_NONE);
    line_text(line, " ");
}

/* ---- lines ---- */

void line_begin(struct line *line, const struct render_conn *conn, const char *mark,
                enum style style, const struct pos *pos)
{
    *line = (struct line){ .render = conn->render, .out = conn->render->out };
    put_time(line, pos);
    if (conn->info.conn > 0) { /* else it is about the input */
        line_text(line, "#");
        line_u64(line, conn->info.conn);
        line_text(line, " ");
    }
    line_styled(line, style, mark);
    line_text(line, "  ");
}

void line_begin_side(struct line *line, const struct side *side, const struct pos *pos)
{
    bool c2s = side->dir == DIR_C2S;
    line_begin(line, side->conn, c2s ? ">" : "<", c2s ? STYLE_C2S : STYLE_S2C, pos);
}

void line_packets(struct line *line, const struct pos *first, const struct pos *last)
{
    if (last->packet == 0) {
        return;
    }
    line_text(line, "p");
    line_u64(line, first->packet > 0 ? first->packet : last->packet);
    if (first->packet > 0 && first->packet != last->packet) {
        line_text(line, "-");
        line_u64(line, last->packet);
    }
}

/* The columns of line_packets; 0: none are to be said. */
static size_t packets_width(const struct line *line, const struct pos *first,
                            const struct pos *last)
{
    const struct render_options *options = &line->render->options;
    uint8_t digits[20];
    if (last->packet == 0 || (options->verbosity == 0 && !options->octets)) {
        return 0;
    }
    size_t len = 1 + (size_t)(out_digits(digits, last->packet) - digits);
    if (first->packet > 0 && first->packet != last->packet) {
        len += 1 + (size_t)(out_digits(digits, first->packet) - digits);
    }
    return len;
}

size_t line_packets_reserve(const struct line *line, const struct h2_where *where)
{
    size_t len = packets_width(line, &where->first, &where->last);
    return len > 0 ? len + 2 : 0;
}

void line_end_packets(struct line *line, const struct pos *first, const struct pos *last)
{
    const struct render_options *options = &line->render->options;
    size_t len = packets_width(line, first, last);
    if (len > 0) {
        size_t column = TEXT_PACKET_COLUMN;
        if (options->width > 0 && options->width < column + len) {
            column = options->width > len ? options->width - len : 0;
        }
        line_gap(line, 2, len);
        line_pad(line, column);
        line_style(line, STYLE_ASIDE);
        line_packets(line, first, last);
        line_style(line, STYLE_NONE);
    }
    line_end(line);
}

void line_flags(struct line *line, const struct h2_frame_hd *hd, size_t spaces)
{
    unsigned rest = 0;
    for (unsigned left = hd->raw_flags; left != 0; left &= left - 1) {
        unsigned bit = left & (0U - left);
        const char *name = h2_flag_name(hd->type, (uint8_t)bit);
        if (name == NULL) {
            rest |= bit;
            continue;
        }
        line_gap(line, spaces, strlen(name));
        line_text(line, name);
        spaces = 1;
    }
    if (rest != 0) {
        line_gap(line, spaces, strlen("0x00"));
        line_text(line, "0x");
        line_hex(line, rest, 2);
    }
}

void line_error_code(struct line *line, uint32_t code)
{
    const char *name = spec_error_name(code);
    if (name != NULL) {
        line_text(line, name);
        return;
    }
    line_text(line, "0x");
    line_hex(line, code, 1);
}

const char *text_type_name(uint8_t type, char *room)
{
    const char *name = h2_frame_name(type);
    if (name == NULL) {
        (void)snprintf(room, 16, "unknown 0x%02x", type);
    }
    return name != NULL ? name : room;
}
