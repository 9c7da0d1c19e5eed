/* JSON: the records of the callback view, one a callback. */
#include "render/jsonw.h"
#include "render/render_int.h"

/* What a receiver would answer for each library error (RFC 9113 7). */
static uint32_t answer_of(int lib_error)
{
    static const struct {
        int lib_error;
        uint32_t code;
    } rows[] = {
        { H2_LIB_STREAM_CLOSED, H2_STREAM_CLOSED },
        { H2_LIB_REFUSED_STREAM, H2_REFUSED_STREAM },
        { H2_LIB_HEADER_COMP, H2_COMPRESSION_ERROR },
        { H2_LIB_FLOW_CONTROL, H2_FLOW_CONTROL_ERROR },
        { H2_LIB_FRAME_SIZE, H2_FRAME_SIZE_ERROR },
        { H2_LIB_INTERNAL, H2_INTERNAL_ERROR },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        if (rows[i].lib_error == lib_error) {
            return rows[i].code;
        }
    }
    return H2_PROTOCOL_ERROR;
}

/* A record of a frame's callback, up to "offset". */
static void begin_of_frame(struct jsonw *json, struct side *side, const char *name,
                           const struct h2_frame *frame)
{
    json_begin(json, side, name, &frame->where.first, &frame->where.last, frame->where.offset);
}

/* A record that belongs to no frame: it stands where the newest octet was found. */
static void begin_here(struct jsonw *json, struct side *side, const char *name)
{
    json_begin(json, side, name, &side->pos, &side->pos, UINT64_MAX);
}

void json_callback_frame(struct side *side, const char *name, const struct h2_frame *frame,
                         int lib_error)
{
    struct jsonw json;
    begin_of_frame(&json, side, name, frame);
    json_frame_header(&json, side->conn->render, frame);
    if (frame->missing > 0) {
        jsonw_u64(&json, "missing", frame->missing);
    }
    if (lib_error != 0) {
        jsonw_plain(&json, "lib_error", h2_lib_error_name(lib_error));
        json_error_code(&json, answer_of(lib_error));
    } else if (frame->discard != NULL) {
        jsonw_octets(&json, "discard", span_str(frame->discard));
    }
    if (lib_error == 0) {
        json_frame_payload(&json, frame);
    }
    json_end(&json);
}

static const char *const category_names[] = { "REQUEST", "RESPONSE", "PUSH_RESPONSE", "HEADERS",
                                              "NONE" };

void json_callback_begin_headers(struct side *side, const struct h2_frame *frame)
{
    struct jsonw json;
    begin_of_frame(&json, side, "begin_headers", frame);
    jsonw_u64(&json, "stream_id", frame->hd.stream_id);
    if (frame->hd.type == H2_PUSH_PROMISE) {
        jsonw_u64(&json, "promised_stream_id", frame->payload.push_promise.promised_stream_id);
    } else if (frame->hd.type == H2_HEADERS) {
        jsonw_plain(&json, "category", category_names[frame->payload.headers.category]);
    }
    json_end(&json);
}

void json_callback_header(struct side *side, const char *name, const struct h2_frame *frame,
                          const struct h2_header *header)
{
    struct jsonw json;
    begin_of_frame(&json, side, name, frame);
    jsonw_u64(&json, "stream_id", frame->hd.stream_id);
    json_field(&json, header, side->conn->render->options.verbosity > 0);
    json_end(&json);
}

void json_callback_chunk(struct side *side, const char *name, const struct h2_frame *frame,
                         struct span octets)
{
    struct jsonw json;
    uint64_t shown = render_payload_shown(side->conn->render, frame);
    begin_of_frame(&json, side, name, frame);
    jsonw_u64(&json, "stream_id", frame->hd.stream_id);
    bool is_data = frame->hd.type == H2_DATA;
    if (is_data) {
        jsonw_u64(&json, "data_length", octets.len);
    }
    octets.len = octets.len < shown ? octets.len : (size_t)shown;
    if (octets.len > 0) {
        jsonw_octets(&json, is_data ? "data" : "payload", octets);
    }
    json_end(&json);
}

void json_callback_stream_close(struct side *side, uint32_t stream_id, uint32_t error_code)
{
    struct jsonw json;
    begin_here(&json, side, "stream_close");
    jsonw_u64(&json, "stream_id", stream_id);
    json_error_code(&json, error_code);
    json_end(&json);
}

void json_callback_action(struct side *side, const struct h2_action *action)
{
    struct jsonw json;
    begin_here(&json, side, "action");
    jsonw_plain(&json, "action", h2_action_name(action->type));
    jsonw_u64(&json, "stream_id", action->stream_id);
    if (action->type == H2_ACTION_RST_STREAM || action->type == H2_ACTION_GOAWAY) {
        json_error_code(&json, action->error_code);
    }
    if (action->type == H2_ACTION_GOAWAY) {
        jsonw_u64(&json, "last_stream_id", action->last_stream_id);
    }
    if (action->type == H2_ACTION_WINDOW_UPDATE) {
        jsonw_u64(&json, "window_increment", action->increment);
    }
    if (action->reason != NULL && action->reason[0] != '\0') {
        jsonw_octets(&json, "reason", span_str(action->reason));
    }
    json_end(&json);
}

void json_callback_flood(struct side *side, const struct h2_flood *flood)
{
    struct jsonw json;
    begin_here(&json, side, "flood");
    jsonw_key(&json, "limit");
    out_printf(json.out, "\"F%u\"", flood->limit);
    jsonw_u64(&json, "count", flood->count);
    json_end(&json);
}

void json_callback_session(struct side *side, int result)
{
    struct jsonw json;
    begin_here(&json, side, "session");
    jsonw_plain(&json, "result", h2_error_name(result));
    json_end(&json);
}
