/* Text: the records of the callback view, one line a callback. */
#include "render/text.h"

/* bad: what the callback tells is that a rule was broken. */
static void begin(struct line *line, struct side *side, bool bad, const struct pos *pos,
                  const char *name)
{
    if (bad) {
        line_begin(line, side->conn, "!", STYLE_ERROR, pos);
    } else {
        line_begin_side(line, side, pos);
    }
    line_text_left(line, STYLE_TYPE, name, TEXT_NAME_WIDTH);
}

void text_callback_frame(struct side *side, const char *name, const struct h2_frame *frame,
                         int lib_error)
{
    char room[16];
    struct line line;
    bool begins = !side->frame_known && lib_error == 0;
    begin(&line, side, lib_error != 0, &frame->where.last, name);
    line_text(&line, text_type_name(frame->hd.type, room));
    line_text(&line, " ");
    line_u64(&line, frame->hd.stream_id);
    if (begins) {
        line_text(&line, ", length ");
        line_u64(&line, frame->hd.length);
        line_text(&line, ", flags 0x");
        line_hex(&line, frame->hd.raw_flags, 2);
    } else if (lib_error != 0) {
        line_text(&line, ", ");
        line_text(&line, h2_lib_error_name(lib_error));
    } else if (frame->hd.raw_flags != 0) {
        line_text(&line, ",");
        line_flags(&line, &frame->hd, 1);
    }
    if (!begins && text_frame_says(frame)) {
        line_text(&line, ", ");
        text_frame_summary(&line, frame);
    }
    line_end_packets(&line, &frame->where.first, &frame->where.last);
    if (!begins) {
        text_frame_details(side->conn->render, frame);
    }
}

void text_callback_begin_headers(struct side *side, const struct h2_frame *frame)
{
    static const char *const categories[] = { " REQUEST", " RESPONSE", " PUSH_RESPONSE", " HEADERS",
                                              "" };
    struct line line;
    begin(&line, side, false, &frame->where.last, "begin_headers");
    line_u64(&line, frame->hd.stream_id);
    if (frame->hd.type == H2_HEADERS) {
        line_text(&line, categories[frame->payload.headers.category]);
    } else if (frame->hd.type == H2_PUSH_PROMISE) {
        line_text(&line, " promises ");
        line_u64(&line, frame->payload.push_promise.promised_stream_id);
    }
    line_end_packets(&line, &frame->where.first, &frame->where.last);
}

void text_callback_header(struct side *side, const char *name, const struct h2_frame *frame,
                          const struct h2_header *header)
{
    struct line line;
    begin(&line, side, header->invalid != NULL, &frame->where.last, name);
    line_u64(&line, frame->hd.stream_id);
    line_text(&line, " ");
    text_field(&line, header);
    line_end_packets(&line, &frame->where.first, &frame->where.last);
}

void text_callback_chunk(struct side *side, const char *name, const struct h2_frame *frame,
                         struct span octets)
{
    struct render *render = side->conn->render;
    struct line line;
    begin(&line, side, false, &frame->where.last, name);
    line_u64(&line, frame->hd.stream_id);
    line_text(&line, " length ");
    line_u64(&line, octets.len);
    line_end_packets(&line, &frame->where.first, &frame->where.last);
    uint64_t shown = render_payload_shown(render, frame);
    size_t total = octets.len;
    octets.len = octets.len < shown ? octets.len : (size_t)shown;
    text_payload(render, octets, total);
}

void text_callback_stream_close(struct side *side, uint32_t stream_id, uint32_t error_code)
{
    struct line line;
    begin(&line, side, false, &side->pos, "stream_close");
    line_u64(&line, stream_id);
    line_text(&line, " ");
    line_error_code(&line, error_code);
    line_end(&line);
}

void text_callback_action(struct side *side, const struct h2_action *action)
{
    struct line line;
    bool has_code = action->type == H2_ACTION_RST_STREAM || action->type == H2_ACTION_GOAWAY;
    begin(&line, side, has_code, &side->pos, "action");
    line_text(&line, h2_action_name(action->type));
    line_text(&line, " ");
    line_u64(&line, action->stream_id);
    if (has_code) {
        line_text(&line, " ");
        line_error_code(&line, action->error_code);
    }
    if (action->type == H2_ACTION_GOAWAY) {
        line_text(&line, ", last stream ");
        line_u64(&line, action->last_stream_id);
    }
    if (action->type == H2_ACTION_WINDOW_UPDATE) {
        line_text(&line, " increment ");
        line_u64(&line, action->increment);
    }
    if (action->reason != NULL && action->reason[0] != '\0') {
        line_text(&line, ":");
        line_words(&line, span_str(action->reason));
    }
    line_end(&line);
}

void text_callback_flood(struct side *side, const struct h2_flood *flood)
{
    struct line line;
    begin(&line, side, true, &side->pos, "flood");
    line_text(&line, "F");
    line_u64(&line, flood->limit);
    line_text(&line, " count ");
    line_u64(&line, flood->count);
    line_end(&line);
}

void text_callback_session(struct side *side, int result)
{
    struct line line;
    begin(&line, side, false, &side->pos, "session");
    line_text(&line, h2_error_name(result));
    line_end(&line);
}
