/* Text: a field block. Each field's line is written when the field comes and waits for the frame's
 * line, which says the block in a few words and goes before. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "render/parts.h"
#include "render/text.h"

/* ---- fields ---- */

static void put_unknown(struct line *line, const struct h2_header *header, bool name)
{
    char room[RENDER_UNKNOWN_MAX];
    line_styled(line, STYLE_UNKNOWN, render_unknown(header, name, room));
}

void text_field(struct line *line, const struct h2_header *header)
{
    char room[PARTS_TEXT_MAX];
    const struct render_options *options = &line->render->options;
    enum h2_certainty certainty = header->certainty;
    if (certainty == H2_INFERRED || certainty == H2_NAME_INFERRED) {
        line_styled(line, STYLE_UNKNOWN, "~");
    }
    if (certainty == H2_NAME_UNKNOWN) {
        put_unknown(line, header, true);
    } else if (certainty != H2_UNKNOWN) {
        line_style(line, STYLE_NAME);
        line_wire(line, header->name, 0);
        line_style(line, STYLE_NONE);
    }
    line_text(line, certainty != H2_UNKNOWN ? ": " : "");
    if (certainty == H2_UNKNOWN || certainty == H2_NAME_INFERRED) {
        put_unknown(line, header, false);
    } else {
        line_wire(line, header->value, 0);
    }
    if (options->verbosity > 0 && !options->octets) {
        (void)parts_representation(header, false, room, sizeof room);
        line_gap(line, 3, strlen(room) + 2);
        line_style(line, STYLE_ASIDE);
        line_text(line, "[");
        line_text(line, room);
        line_text(line, "]");
        line_style(line, STYLE_NONE);
    }
    if (header->invalid != NULL) {
        line_gap(line, 3, strlen(header->invalid) + strlen("[invalid: ]"));
        line_style(line, STYLE_ERROR);
        line_text(line, "[invalid: ");
        line_wire(line, span_str(header->invalid), 1);
        line_text(line, "]");
        line_style(line, STYLE_NONE);
    }
}

/* As text_field, and what is no field. */
static void put_field(struct line *line, const struct h2_header *field)
{
    if (field->repr != HPACK_SIZE_UPDATE) {
        text_field(line, field);
        return;
    }
    line_style(line, STYLE_ASIDE);
    line_text(line, "[table size update to ");
    line_u64(line, field->index);
    line_text(line, "]");
    line_style(line, STYLE_NONE);
}

/* ---- what a block's summary is made of ---- */

static bool is_for_summary(enum h2_token token)
{
    return token == H2_TOKEN_METHOD || token == H2_TOKEN_PATH || token == H2_TOKEN_AUTHORITY ||
           token == H2_TOKEN_PROTOCOL || token == H2_TOKEN_STATUS;
}

/* A pseudo-header field whose value is known, perhaps by inference; NULL: not in the block. */
static const struct h2_header *find_field(const struct kept *kept, enum h2_token token)
{
    for (size_t i = 0; i < kept_field_count(kept); i++) {
        const struct h2_header *field = kept_field(kept, i);
        if (field->token == token && field->certainty <= H2_INFERRED) {
            return field;
        }
    }
    return NULL;
}

/* ---- a block's fields, a line each ---- */

/* A field as nearly all are: exact, without octets that need an escape, for a file or a pipe. */
#define PLAIN_OCTETS 1024

static const char indent[] = "                 ";
static_assert(sizeof indent - 1 == TEXT_INDENT, "the margin of details");

static bool put_plain_line(struct out *out, const struct render_options *options,
                           const struct h2_header *field)
{
    if (field->certainty != H2_EXACT || field->invalid != NULL || options->color ||
        options->width > 0 || options->verbosity > 0 || field->name.len > PLAIN_OCTETS ||
        field->value.len > PLAIN_OCTETS) {
        return false;
    }
    uint8_t *at = out_room(out, 2 * PLAIN_OCTETS + 64);
    memcpy(at, indent, sizeof indent - 1);
    at = out_text_plain(at + sizeof indent - 1, field->name);
    if (at == NULL) {
        return false;
    }
    *at++ = ':';
    *at++ = ' ';
    at = out_text_plain(at, field->value);
    if (at == NULL) {
        return false;
    }
    *at++ = '\n';
    out_used(out, at);
    return true;
}

static void put_line(struct render *render, struct out *out, const struct h2_header *field)
{
    struct line line;
    if (put_plain_line(out, &render->options, field)) {
        return;
    }
    line_detail_to(&line, render, out);
    put_field(&line, field);
    line_end(&line);
}

/* Says of the newest line how often it stands, when a line behind it (`behind` octets) differs. */
static void put_repeats(struct kept *kept, size_t behind)
{
    char text[32];
    if (kept->repeats < 2) {
        return;
    }
    int len = snprintf(text, sizeof text, "   (x%llu)", (unsigned long long)kept->repeats);
    uint8_t *end = out_room(kept->record, sizeof text);
    if (kept->record->rc != RC_OK) {
        return;
    }
    end -= behind + 1; /* its '\n' */
    memmove(end + len, end, behind + 1);
    memcpy(end, text, (size_t)len);
    kept->record->len += (size_t)len;
}

/* On a terminal lines are shortened, and two that look the same need not be. */
static bool same_octets(struct kept *kept, const struct h2_header *field)
{
    struct cur c = cur_of(buf_span(&kept->before));
    struct span name = cur_take(&c, num_min_size(field->name.len, cur_left(&c)));
    bool same = span_equal(name, field->name) && span_equal(cur_rest(&c), field->value);
    buf_clear(&kept->before);
    return buf_append(&kept->before, field->name) && buf_append(&kept->before, field->value) &&
           same;
}

/* Whether the line that begins at `at` says what the one before it says. Repeats are folded, for a
 * small block can hold a million (RFC 9113 10.5.1), but not with -v, where each has its own
 * representation. */
static bool is_repeat(struct kept *kept, const struct render_options *options, size_t at,
                      const struct h2_header *field)
{
    const uint8_t *octets = kept->record->buf;
    size_t len = kept->record->len - at;
    if (options->verbosity > 0 || (options->width > 0 && !same_octets(kept, field))) {
        return false;
    }
    return at > kept->line_at && len == at - kept->line_at &&
           memcmp(octets + at, octets + kept->line_at, len) == 0;
}

static void keep_line(struct render *render, struct kept *kept, const struct h2_header *field)
{
    struct out *out = kept->record;
    size_t at = out->len;
    put_line(render, out, field);
    if (is_repeat(kept, &render->options, at, field)) {
        out->len = at;
        kept->repeats++;
        return;
    }
    size_t behind = out->len - at;
    put_repeats(kept, behind);
    if (H2D_UNLIKELY(out->rc != RC_OK)) { /* memory is out */
        out->len = num_min_size(out->len, at);
        kept->fields_left_out++;
        return;
    }
    kept->line_at = out->len - behind;
    kept->repeats = 1;
}

/* Writes the field's line at once, into what is kept of the block. */
void text_header(struct side *side, const struct h2_header *field)
{
    struct render *render = side->conn->render;
    struct kept *kept = side->kept;
    kept->fields_puzzling |= field->certainty > H2_NAME_INFERRED;
    if (kept->record == NULL) { /* -x */
        side_keep_field(side, field);
        return;
    }
    if (kept->fields_left_out > 0) {
        kept->fields_left_out++;
        return;
    }
    keep_line(render, kept, field);
    if (is_for_summary(field->token) && find_field(kept, field->token) == NULL) {
        side_keep_field(side, field);
    }
}

bool text_block_begun(const struct kept *kept)
{
    bool lines = kept != NULL && kept->record != NULL;
    return lines ? kept->record->len > 0 : kept_field_count(kept) > 0;
}

void text_block_fields(struct render *render, struct kept *kept)
{
    if (kept == NULL || kept->record == NULL) {
        return;
    }
    put_repeats(kept, 0);
    out_raw(render->out, span_of(kept->record->buf, kept->record->len));
    if (kept->fields_left_out > 0) {
        struct line line;
        line_detail(&line, render);
        line_u64(&line, kept->fields_left_out);
        line_text(&line, kept->fields_left_out == 1 ? " field more" : " fields more");
        line_end(&line);
    }
}

void text_broken_block(struct render *render, struct kept *kept)
{
    struct line line;
    if (kept != NULL && kept->record != NULL && kept->record->len > 0) {
        line_detail(&line, render);
        line_text(&line, "the field block that breaks off:");
        line_end(&line);
        text_block_fields(render, kept);
    }
}

/* ---- a block in a few words ---- */

/* Its value; what is inferred is marked here, too. */
static void put_value(struct line *line, const struct h2_header *field, size_t reserve)
{
    line_text(line, field->certainty == H2_INFERRED ? "~" : "");
    line_wire(line, field->value, reserve);
}

/* A summary that must be shortened to less than this goes below, where it has room. */
#define SUMMARY_MIN 10

static void put_request_line(struct line *line, const struct kept *kept, size_t reserve)
{
    const struct render_options *options = &line->render->options;
    const struct h2_header *method = find_field(kept, H2_TOKEN_METHOD);
    const struct h2_header *target = find_field(kept, H2_TOKEN_PATH);
    bool connect = method != NULL && span_equal(method->value, span_str("CONNECT"));
    if (target == NULL && connect) {
        target = find_field(kept, H2_TOKEN_AUTHORITY);
    }
    size_t columns = 0;
    if (options->width > 0) {
        columns = 1 + (method != NULL ? out_escaped_width(method->value) : 0) +
                  (target != NULL ? out_escaped_width(target->value) : 0);
        columns = options->verbosity == 0 ? num_min_size(columns, SUMMARY_MIN) : columns;
    }
    line_gap(line, 2, columns + reserve);
    line_style(line, STYLE_SUMMARY);
    if (method != NULL) {
        put_value(line, method, reserve);
    }
    if (target != NULL) {
        line_text(line, method != NULL && method->value.len > 0 ? " " : "");
        put_value(line, target, reserve);
    }
    const struct h2_header *protocol = connect ? find_field(kept, H2_TOKEN_PROTOCOL) : NULL;
    if (protocol != NULL) {
        line_text(line, " (");
        line_wire(line, protocol->value, 1);
        line_text(line, ")");
    }
}

void text_block_summary(struct line *line, const struct side *side, size_t reserve)
{
    const struct h2_header *status = find_field(side->kept, H2_TOKEN_STATUS);
    if (status != NULL) {
        line_gap(line, 2, status->value.len + reserve);
        line_style(line, STYLE_SUMMARY);
        put_value(line, status, reserve);
    } else if (side->block_is_more && find_field(side->kept, H2_TOKEN_METHOD) == NULL) {
        const char *words = side->kept->fields_puzzling ? "" : "trailers";
        line_gap(line, 2, strlen(words) + reserve);
        line_style(line, STYLE_SUMMARY);
        line_text(line, words);
    } else {
        put_request_line(line, side->kept, reserve);
    }
    line_style(line, STYLE_NONE);
}
