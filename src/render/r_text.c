/* Text: the records of the frame view. A frame is a line that answers the first question, its
 * details are indented under it (text-look has the rules). Decides nothing, keeps nothing. */
#include <stdio.h>
#include <string.h>

#include "render/parts.h"
#include "render/text.h"

static const char *const cause_texts[] = { "lost",
                                           "lost, never acknowledged",
                                           "cut off by the snapshot length",
                                           "given up by a limit",
                                           "the input ends here",
                                           "TLS record not decrypted" };

/* ---- payloads ---- */

static void put_priority(struct line *line, const struct h2_priority *priority)
{
    line_text(line, "depends on ");
    line_u64(line, priority->depends_on);
    line_text(line, priority->exclusive ? " exclusively, weight " : ", weight ");
    line_u64(line, priority->weight);
}

static void put_count(struct line *line, size_t count, const char *one, const char *many)
{
    line_u64(line, count);
    line_text(line, count == 1 ? one : many);
}

bool text_frame_says(const struct h2_frame *frame)
{
    if (!frame->has_payload) {
        return false;
    }
    switch (frame->hd.type) {
    case H2_PRIORITY:
    case H2_RST_STREAM:
    case H2_PUSH_PROMISE:
    case H2_PING:
    case H2_GOAWAY:
    case H2_WINDOW_UPDATE:
    case H2_ALTSVC:
    case H2_PRIORITY_UPDATE:
        return true;
    case H2_SETTINGS:
        return frame->payload.settings.raw_count > 0;
    case H2_ORIGIN:
        return frame->payload.origin.count > 0;
    default:
        return false;
    }
}

void text_frame_summary(struct line *line, const struct h2_frame *frame)
{
    const union h2_payload *payload = &frame->payload;
    switch (frame->hd.type) {
    case H2_PRIORITY:
        put_priority(line, &payload->priority);
        break;
    case H2_RST_STREAM:
        line_error_code(line, payload->rst_stream.error_code);
        break;
    case H2_SETTINGS:
        put_count(line, payload->settings.raw_count, " entry", " entries");
        break;
    case H2_PUSH_PROMISE:
        line_text(line, "promises ");
        line_u64(line, payload->push_promise.promised_stream_id);
        break;
    case H2_PING:
        line_hex(line, num_be64(payload->ping.opaque), 16);
        break;
    case H2_GOAWAY:
        line_error_code(line, payload->goaway.error_code);
        line_text(line, ", last stream ");
        line_u64(line, payload->goaway.last_stream_id);
        break;
    case H2_WINDOW_UPDATE:
        line_text(line, "increment ");
        line_u64(line, payload->window_update.increment);
        break;
    case H2_ALTSVC:
        line_wire(line, payload->altsvc.field_value, 0);
        break;
    case H2_ORIGIN:
        put_count(line, payload->origin.count, " origin", " origins");
        break;
    case H2_PRIORITY_UPDATE:
        line_text(line, "stream ");
        line_u64(line, payload->priority_update.prioritized_stream_id);
        line_text(line, ", ");
        line_wire(line, payload->priority_update.field_value, 0);
        break;
    default:
        break;
    }
}

static void put_setting(struct render *render, uint16_t id, uint32_t value)
{
    struct line line;
    const char *name = spec_setting_name(id);
    line_detail(&line, render);
    line_styled(&line, STYLE_NAME, name != NULL ? name : "unknown");
    line_text(&line, " (0x");
    line_hex(&line, id, 1);
    line_text(&line, ") = ");
    line_u64(&line, value);
    line_end(&line);
}

static void put_named_text(struct render *render, const char *name, struct span text)
{
    struct line line;
    if (text.len == 0) {
        return;
    }
    line_detail(&line, render);
    line_styled(&line, STYLE_NAME, name);
    line_text(&line, ": ");
    line_wire(&line, text, 0);
    line_end(&line);
}

static void put_origins(struct render *render, struct span entries)
{
    struct cur c = cur_of(entries);
    struct span origin;
    while (h2_origin_next(&c, &origin)) {
        put_named_text(render, "origin", origin);
    }
}

static uint32_t pad_octets_of(const struct h2_frame *frame)
{
    switch (frame->hd.type) {
    case H2_DATA:
        return frame->payload.data.pad_octets;
    case H2_HEADERS:
        return frame->payload.headers.pad_octets;
    case H2_PUSH_PROMISE:
        return frame->payload.push_promise.pad_octets;
    default:
        return 0;
    }
}

void text_frame_details(struct render *render, const struct h2_frame *frame)
{
    const union h2_payload *payload = &frame->payload;
    struct line line;
    if (!frame->has_payload) {
        return;
    }
    if (frame->hd.type == H2_HEADERS && payload->headers.has_priority) {
        line_detail(&line, render);
        put_priority(&line, &payload->headers.priority);
        line_end(&line);
    }
    if (pad_octets_of(frame) > 0) {
        line_detail(&line, render);
        line_text(&line, "padding ");
        line_u64(&line, pad_octets_of(frame) - 1);
        line_end(&line);
    }
    for (size_t i = 0; frame->hd.type == H2_SETTINGS && i < payload->settings.raw_count; i++) {
        put_setting(render, payload->settings.raw[i].id, payload->settings.raw[i].value);
    }
    if (frame->hd.type == H2_GOAWAY) {
        put_named_text(render, "debug data", payload->goaway.debug_data);
    } else if (frame->hd.type == H2_ALTSVC) {
        put_named_text(render, "origin", payload->altsvc.origin);
    } else if (frame->hd.type == H2_ORIGIN) {
        put_origins(render, payload->origin.entries);
    }
}

/* Text: UTF-8 without controls other than those of plain text. The last code point may be cut. */
static bool is_text(struct span octets)
{
    size_t i = 0;
    while (i < octets.len) {
        uint64_t word;
        if (octets.len - i >= sizeof word) {
            memcpy(&word, octets.ptr + i, sizeof word);
            if (H2D_LIKELY(out_word_special(word) == 0)) {
                i += sizeof word;
                continue;
            }
        }
        uint32_t code = 0;
        size_t n = out_utf8(octets, i, &code);
        if (n == 0) {
            return i > 0 && octets.len - i < 4 && octets.ptr[i] >= 0xc0;
        }
        bool plain = code == '\n' || code == '\r' || code == '\t';
        if (!plain && (code < 0x20 || (code >= 0x7f && code < 0xa0))) {
            return false;
        }
        i += n;
    }
    return true;
}

static void put_text_lines(struct render *render, struct span octets)
{
    struct cur c = cur_of(octets);
    while (cur_left(&c) > 0) {
        const uint8_t *end = memchr(c.pos, '\n', cur_left(&c));
        struct span text = cur_take(&c, end != NULL ? (size_t)(end - c.pos) : cur_left(&c));
        struct line line;
        cur_skip(&c, end != NULL ? 1 : 0);
        line_detail(&line, render);
        line_styled(&line, STYLE_ASIDE, "| ");
        line_wire(&line, text, 0);
        line_end(&line);
    }
}

#define DUMP_OCTETS 16

static void put_dump_line(struct render *render, uint64_t offset, struct span row)
{
    struct line line;
    line_detail(&line, render);
    line_style(&line, STYLE_ASIDE);
    line_hex(&line, offset, 4);
    line_style(&line, STYLE_NONE);
    line_text(&line, "  ");
    size_t column = line.column;
    for (size_t i = 0; i < row.len; i++) {
        line_text(&line, i > 0 && i % 4 == 0 ? " " : "");
        line_hex(&line, row.ptr[i], 2);
    }
    line_pad(&line, column + DUMP_OCTETS * 2 + 3 + 2);
    line_ascii(&line, row);
    line_end(&line);
}

void text_payload(struct render *render, struct span octets, uint64_t total)
{
    if (is_text(octets)) {
        put_text_lines(render, octets);
    } else {
        struct cur c = cur_of(octets);
        while (cur_left(&c) > 0) {
            size_t at = octets.len - cur_left(&c);
            put_dump_line(render, at, cur_take(&c, num_min_size(cur_left(&c), DUMP_OCTETS)));
        }
    }
    if (octets.len > 0 && total > octets.len) {
        struct line line;
        line_detail(&line, render);
        line_style(&line, STYLE_ASIDE);
        line_u64(&line, total - octets.len);
        line_text(&line, total - octets.len == 1 ? " octet more" : " octets more");
        line_style(&line, STYLE_NONE);
        line_end(&line);
    }
}

/* ---- records ---- */

static void text_start(struct render *render)
{
    (void)render;
}

static void text_file(struct render *render)
{
    struct line line = { .render = render, .out = render->out };
    line_style(&line, STYLE_CONNECTION);
    line_wire(&line, span_str(render->file), 0);
    line_style(&line, STYLE_NONE);
    line_end(&line);
}

/* Time, connection, direction, type, stream and length: the columns that hold still. */
static void begin_columns(struct line *line, struct side *side, const struct pos *pos,
                          const char *type)
{
    bool callback = side->conn->render->options.view == VIEW_CALLBACK;
    line_begin_side(line, side, pos);
    line_text_left(line, STYLE_TYPE, type, callback ? TEXT_NAME_WIDTH : TEXT_TYPE_WIDTH);
}

/* The length of what is no frame and so has no stream; 0: not known. */
static void put_length(struct line *line, uint64_t length)
{
    if (line->render->options.view == VIEW_CALLBACK) {
        line_text(line, length > 0 ? "length " : "length ?");
        if (length > 0) {
            line_u64(line, length);
        }
    } else if (length > 0) {
        line_u64_right(line, length, TEXT_STREAM_WIDTH + TEXT_LENGTH_WIDTH);
    } else {
        line_pad(line, line->column + TEXT_STREAM_WIDTH + TEXT_LENGTH_WIDTH - 1);
        line_text(line, "?");
    }
}

static void text_upgrade(struct render_conn *conn, const struct upgrade_info *upgrade)
{
    struct line line;
    begin_columns(&line, &conn->sides[DIR_C2S], &upgrade->last, "upgrade");
    if (conn->render->options.view == VIEW_CALLBACK) {
        line_text(&line, "1 ");
    } else {
        line_u64_right(&line, 1, TEXT_STREAM_WIDTH);
        line_pad(&line, line.column + TEXT_LENGTH_WIDTH + 2);
    }
    line_style(&line, STYLE_SUMMARY);
    line_wire(&line, upgrade->method, 0);
    line_text(&line, " ");
    line_wire(&line, upgrade->path, 0);
    line_style(&line, STYLE_NONE);
    line_end_packets(&line, &upgrade->first, &upgrade->last);
    for (size_t i = 0; i < upgrade->field_count; i++) {
        line_detail(&line, conn->render);
        line_style(&line, STYLE_NAME);
        line_wire(&line, upgrade->fields[i].name, 0);
        line_style(&line, STYLE_NONE);
        line_text(&line, ": ");
        line_wire(&line, upgrade->fields[i].value, 0);
        line_end(&line);
    }
    struct cur c = cur_of(upgrade->settings);
    while (cur_left(&c) >= 6) {
        uint16_t id = cur_u16(&c);
        put_setting(conn->render, id, cur_u32(&c));
    }
}

static void text_preface(struct side *side, const struct h2_where *where)
{
    struct line line;
    begin_columns(&line, side, &where->last, "preface");
    put_length(&line, H2_PREFACE_LEN);
    line_end_packets(&line, &where->first, &where->last);
}

/* What is wrong with the frame itself, at the end of its line. */
static void put_remarks(struct line *line, const struct h2_frame *frame,
                        const struct h2_frame_cut *cut)
{
    uint64_t missing = cut != NULL ? cut->missing : frame->missing;
    if (missing > 0 || cut != NULL) {
        char text[80];
        (void)snprintf(text, sizeof text, "(%llu %s missing%s%s)", (unsigned long long)missing,
                       missing == 1 ? "octet" : "octets", cut != NULL ? ": " : "",
                       cut != NULL ? cause_texts[cut->cause] : "");
        line_gap(line, 2, strlen(text));
        line_styled(line, STYLE_UNKNOWN, text);
    }
    if (frame->discard != NULL) {
        line_gap(line, 2, strlen("(ignored: )") + strlen(frame->discard));
        line_style(line, STYLE_UNKNOWN);
        line_text(line, "(ignored: ");
        line_text(line, frame->discard);
        line_text(line, ")");
        line_style(line, STYLE_NONE);
    }
}

static void put_head(struct side *side, const struct h2_frame *frame,
                     const struct h2_frame_cut *cut)
{
    char room[16];
    struct line line;
    begin_columns(&line, side, &frame->where.last, text_type_name(frame->hd.type, room));
    line_u64_right(&line, frame->hd.stream_id, TEXT_STREAM_WIDTH);
    line_u64_right(&line, frame->hd.length, TEXT_LENGTH_WIDTH);
    if (frame->hd.raw_flags != 0) {
        line_flags(&line, &frame->hd, 2);
    }
    if (text_frame_says(frame)) {
        line_text(&line, "  ");
        /* What ends something is what the eye looks for; credits and priorities are not. */
        bool ends = frame->hd.type == H2_RST_STREAM || frame->hd.type == H2_GOAWAY;
        if (ends) {
            line_style(&line, STYLE_SUMMARY);
        }
        text_frame_summary(&line, frame);
        if (ends) {
            line_style(&line, STYLE_NONE);
        }
    }
    if (frame_ends_block(frame) && text_block_begun(side->kept)) {
        text_block_summary(&line, side, line_packets_reserve(&line, &frame->where));
    }
    put_remarks(&line, frame, cut);
    line_end_packets(&line, &frame->where.first, &frame->where.last);
}

static void put_windows(struct render *render, const struct h2_frame *frame)
{
    const struct h2_windows *windows = &frame->windows;
    struct line line;
    line_detail(&line, render);
    line_style(&line, STYLE_ASIDE);
    if (frame->hd.stream_id > 0) {
        line_text(&line, "window ");
        line_signed(&line, windows->stream_before);
        line_text(&line, " -> ");
        line_signed(&line, windows->stream_after);
        line_text(&line, ", ");
    }
    line_text(&line, "connection window ");
    line_signed(&line, windows->connection_before);
    line_text(&line, " -> ");
    line_signed(&line, windows->connection_after);
    line_style(&line, STYLE_NONE);
    line_end(&line);
}

static void text_frame(struct side *side, const struct h2_frame *frame,
                       const struct h2_frame_cut *cut)
{
    struct render *render = side->conn->render;
    if (cut != NULL && cut->header_octets < H2_FRAME_HEADER_LEN) {
        struct line line;
        begin_columns(&line, side, &frame->where.last, "frame header");
        line_u64_right(&line, cut->header_octets, TEXT_STREAM_WIDTH + TEXT_LENGTH_WIDTH);
        put_remarks(&line, frame, cut);
        line_end_packets(&line, &frame->where.first, &frame->where.last);
    } else {
        put_head(side, frame, cut);
    }
    if (render->options.octets) {
        text_parts(side, frame, cut);
        return;
    }
    if (cut != NULL && cut->header_octets < H2_FRAME_HEADER_LEN) {
        return;
    }
    if (render->options.verbosity > 0 && frame->windows.known) {
        put_windows(render, frame);
    }
    text_frame_details(render, frame);
    if (frame_ends_block(frame) || (frame_is_block(frame) && cut != NULL)) {
        text_block_fields(render, side->kept);
    }
    if (side->kept != NULL && side->kept->payload.len > 0) {
        bool is_data = frame->hd.type == H2_DATA && frame->has_payload;
        uint64_t total = is_data ? frame->payload.data.data_length : frame->hd.length;
        uint64_t missing = cut != NULL ? cut->missing : frame->missing;
        text_payload(render, buf_span(&side->kept->payload), total > missing ? total - missing : 0);
    }
}

static void text_gap(struct side *side, const struct h2_gap *gap)
{
    struct line line;
    const struct pos *pos = gap->after.packet > 0 ? &gap->after : &gap->before;
    begin_columns(&line, side, pos->ts_known ? pos : &side->pos, "gap");
    put_length(&line, gap->length);
    line_text(&line, "  ");
    line_styled(&line, STYLE_UNKNOWN, cause_texts[gap->cause]);
    if (gap->before.after_drops || gap->after.after_drops) {
        line_text(&line, " (capture dropped packets)");
    }
    if (gap->before.packet > 0 && gap->after.packet > 0) {
        line_text(&line, ", between p");
        line_u64(&line, gap->before.packet);
        line_text(&line, " and p");
        line_u64(&line, gap->after.packet);
    }
    for (size_t i = 0; i < gap->stream_count; i++) {
        line_text(&line, i > 0 ? ", " : gap->stream_count > 1 ? "; streams " : "; stream ");
        line_u64(&line, gap->streams[i]);
    }
    line_text(&line, gap->more_streams ? " and more" : "");
    line_end(&line);
    text_broken_block(side->conn->render, side->broken);
}

static void text_unsynchronised(struct side *side, uint64_t offset, uint64_t length)
{
    struct line line;
    begin_columns(&line, side, &side->pos, "unsynchronised");
    put_length(&line, length);
    line_text(&line, "  ");
    line_styled(&line, STYLE_UNKNOWN, "passed over");
    if (side->pos.packet > 0) {
        line_text(&line, " (p");
        line_u64(&line, side->pos.packet);
        line_text(&line, ")");
    }
    line_end(&line);
}

static void put_rule(struct render *render, const struct finding *finding)
{
    const struct check_row *row = spec_check(finding->check);
    struct line line;
    line_detail(&line, render);
    line_text(&line, row->rfc);
    if (finding_error_code(finding) >= 0) {
        line_text(&line, ": ");
        line_text(&line, spec_scope_name(finding_scope(finding)));
        line_text(&line, " error ");
        line_error_code(&line, (uint32_t)row->error_code);
    }
    line_end(&line);
}

static void text_finding(struct render_conn *conn, const struct finding *finding)
{
    if (conn->render->options.check) {
        text_check_finding(conn, finding);
        return;
    }
    static const enum style of_severity[] = { STYLE_NOTE, STYLE_WARNING, STYLE_ERROR };
    const struct check_row *row = spec_check(finding->check);
    struct line line;
    const struct pos *pos =
        finding->last.ts_known ? &finding->last : &conn->sides[finding->dir].pos;
    line_begin(&line, conn, "!", of_severity[finding->severity], pos);
    line_style(&line, of_severity[finding->severity]);
    line_text(&line, finding_severity_name(finding->severity));
    line_style(&line, STYLE_NONE);
    if (finding->last.packet > 0) {
        line_text(&line, " ");
        line_packets(&line, &finding->first, &finding->last);
    }
    line_text(&line, ":");
    const char *message = finding->message != NULL ? finding->message : row->title;
    line_words(&line, span_str(message));
    char id[64];
    (void)snprintf(id, sizeof id, "[%s]", row->id);
    line_style(&line, STYLE_ASIDE);
    line_words(&line, span_str(id));
    line_style(&line, STYLE_NONE);
    line_end(&line);
    if (conn->render->options.verbosity > 0 && row->rfc[0] != '\0') {
        put_rule(conn->render, finding);
    }
    text_broken_block(conn->render, render_broken_block(conn, finding));
}

const struct render_ops render_text_ops = {
    .start = text_start,
    .file = text_file,
    .connection = text_connection,
    .upgrade = text_upgrade,
    .preface = text_preface,
    .header = text_header,
    .frame = text_frame,
    .gap = text_gap,
    .unsynchronised = text_unsynchronised,
    .finding = text_finding,
    .callback_frame = text_callback_frame,
    .callback_begin_headers = text_callback_begin_headers,
    .callback_header = text_callback_header,
    .callback_chunk = text_callback_chunk,
    .callback_stream_close = text_callback_stream_close,
    .callback_action = text_callback_action,
    .callback_flood = text_callback_flood,
    .callback_session = text_callback_session,
};
