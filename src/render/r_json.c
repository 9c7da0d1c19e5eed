/* JSON: the records of the frame view, and what both views share. One record is one line; product's
 * contract has the keys and their order. Decides nothing and keeps nothing but the fields of an
 * open block, which are written once, as they come. */
#include <string.h>

#include "render/jsonw.h"
#include "render/parts.h"
#include "render/render_int.h"

#define SCHEMA_VERSION 1

static const char *const cause_names[] = { "lost", "unacked", "snaplen", "limit", "end", "tls" };

/* ---- what all records begin and end with ---- */

static void put_file(struct jsonw *json, const struct render *render)
{
    if (H2D_UNLIKELY(render->options.several_files) && render->file != NULL) {
        jsonw_octets(json, "file", span_str(render->file));
    }
}

void json_ts(struct jsonw *json, const struct render *render, const char *key,
             const struct pos *pos)
{
    jsonw_key(json, key);
    render_put_seconds(render, json->out, pos->ts_ns);
}

void json_positions(struct jsonw *json, const struct render *render, const struct pos *first,
                    const struct pos *last)
{
    if (last->ts_known) {
        json_ts(json, render, "ts", last);
    }
    if (first->ts_known && last->ts_known && first->ts_ns != last->ts_ns) {
        json_ts(json, render, "ts_first", first);
    }
    if (first->packet > 0) {
        jsonw_u64(json, "packet", first->packet);
    }
    if (last->packet > 0) {
        jsonw_u64(json, "packet_end", last->packet);
    }
}

static bool pos_equal(const struct pos *a, const struct pos *b)
{
    return a->packet == b->packet && a->ts_ns == b->ts_ns && a->ts_known == b->ts_known;
}

/* The same as put_positions: most frames lie in one packet, and a packet holds many. */
static void put_stamp(struct jsonw *json, struct render *render, const struct pos *first,
                      const struct pos *last)
{
    struct out *out = json->out;
    if (!pos_equal(first, last)) {
        json_positions(json, render, first, last);
        return;
    }
    if (render->stamp_len > 0 && pos_equal(last, &render->stamp_of)) {
        memcpy(out_room(out, render->stamp_len), render->stamp, render->stamp_len);
        out->len += render->stamp_len;
        return;
    }
    out_together(out, sizeof render->stamp);
    size_t from = out->len;
    json_positions(json, render, first, last);
    /* Four keys with numbers of at most 20 digits fit the stamp. */
    assert(out->len >= from && out->len - from <= sizeof render->stamp);
    render->stamp_len = out->len - from;
    memcpy(render->stamp, out->buf + from, render->stamp_len);
    render->stamp_of = *last;
}

void json_begin_kind(struct jsonw *json, struct render *render, const char *kind)
{
    jsonw_init(json, render->out);
    out_const(render->out, "{\"kind\":\"");
    out_text(render->out, kind);
    out_char(render->out, '"');
    json->comma = true;
    put_file(json, render);
}

void json_begin(struct jsonw *json, struct side *side, const char *kind, const struct pos *first,
                const struct pos *last, uint64_t offset)
{
    struct render_conn *conn = side->conn;
    struct render *render = conn->render;
    json_begin_kind(json, render, kind);
    size_t len = conn->prefix_len[side->dir];
    memcpy(out_room(json->out, len), conn->prefix[side->dir], len);
    json->out->len += len;
    put_stamp(json, render, first, last);
    if (offset != UINT64_MAX) {
        jsonw_u64(json, "offset", offset);
    }
}

void json_end(struct jsonw *json)
{
    out_const(json->out, "}\n");
}

/* ---- names ---- */

void json_error_code(struct jsonw *json, uint32_t code)
{
    const char *name = spec_error_name(code);
    if (name != NULL) {
        jsonw_plain(json, "error_code", name);
    } else {
        jsonw_hex_name(json, "error_code", code, 1);
    }
    jsonw_u64(json, "error_code_id", code);
}

static void put_type(struct jsonw *json, uint8_t type)
{
    const char *name = h2_frame_name(type);
    if (name != NULL) {
        jsonw_plain(json, "type", name);
    } else {
        jsonw_hex_name(json, "type", type, 2);
    }
    jsonw_u64(json, "type_id", type);
}

static void put_flag_names(struct jsonw *json, const struct h2_frame_hd *hd)
{
    jsonw_key(json, "flag_names");
    jsonw_open(json, '[');
    for (unsigned bit = 1; bit < 0x100 && hd->raw_flags != 0; bit <<= 1) {
        const char *name = (hd->raw_flags & bit) != 0 ? h2_flag_name(hd->type, (uint8_t)bit) : NULL;
        if (name != NULL) {
            jsonw_element(json);
            out_char(json->out, '"');
            out_text(json->out, name);
            out_char(json->out, '"');
        }
    }
    jsonw_close(json, ']');
}

/* "type" … "stream_id": of frames with these type and flags, from the run's small store. */
static void put_type_text(struct jsonw *json, struct render *render, const struct h2_frame_hd *hd)
{
    uint16_t key = (uint16_t)(hd->type << 8 | hd->raw_flags);
    struct type_text *entry = &render->types[(hd->type * 5U + hd->raw_flags) % TYPE_TEXTS];
    struct out *out = json->out;
    out_together(out, sizeof entry->text);
    uint8_t *at = out_room(out, sizeof entry->text);
    if (H2D_LIKELY(entry->len > 0 && entry->key == key)) {
        /* All of it, for a length that is known copies faster; what is behind it is overwritten. */
        memcpy(at, entry->text, sizeof entry->text);
        out->len += entry->len;
        return;
    }
    size_t from = out->len;
    put_type(json, hd->type);
    jsonw_u64(json, "flags", hd->raw_flags);
    put_flag_names(json, hd);
    jsonw_key(json, "stream_id");
    assert(out->len - from <= sizeof entry->text);
    entry->key = key;
    entry->len = (uint8_t)(out->len - from);
    memcpy(entry->text, out->buf + from, entry->len);
}

void json_frame_header(struct jsonw *json, struct render *render, const struct h2_frame *frame)
{
    jsonw_u64(json, "length", frame->hd.length);
    put_type_text(json, render, &frame->hd);
    jsonw_number(json, frame->hd.stream_id);
    json->comma = true;
    if (frame->hd.reserved) {
        jsonw_true(json, "reserved");
    }
}

/* ---- payloads ---- */

static void put_priority(struct jsonw *json, const struct h2_priority *priority)
{
    jsonw_key(json, "priority");
    jsonw_open(json, '{');
    jsonw_bool(json, "exclusive", priority->exclusive);
    jsonw_u64(json, "depends_on", priority->depends_on);
    jsonw_u64(json, "weight", priority->weight);
    jsonw_close(json, '}');
}

static void put_setting(struct jsonw *json, const struct h2_setting *entry)
{
    const char *name = spec_setting_name(entry->id);
    jsonw_element(json);
    jsonw_open(json, '{');
    jsonw_u64(json, "id", entry->id);
    if (name != NULL) {
        jsonw_plain(json, "name", name);
    }
    jsonw_u64(json, "value", entry->value);
    jsonw_close(json, '}');
}

static void put_settings(struct jsonw *json, const struct h2_frame *frame)
{
    if ((frame->hd.raw_flags & H2_FLAG_ACK) != 0 && frame->payload.settings.raw_count == 0) {
        return;
    }
    jsonw_key(json, "settings");
    jsonw_open(json, '[');
    for (size_t i = 0; i < frame->payload.settings.raw_count; i++) {
        put_setting(json, &frame->payload.settings.raw[i]);
    }
    jsonw_close(json, ']');
}

static void put_pad(struct jsonw *json, uint32_t pad_octets)
{
    if (pad_octets > 0) {
        jsonw_u64(json, "pad_length", pad_octets - 1);
    }
}

static void put_origins(struct jsonw *json, struct span entries)
{
    struct cur c = cur_of(entries);
    struct span origin;
    bool whole = true;
    jsonw_key(json, "origins");
    jsonw_open(json, '[');
    while (h2_origin_next(&c, &origin)) {
        jsonw_element(json);
        whole &= jsonw_string(json, origin);
    }
    jsonw_close(json, ']');
    if (whole) {
        return;
    }
    c = cur_of(entries);
    jsonw_key(json, "origins_base64");
    jsonw_open(json, '[');
    while (h2_origin_next(&c, &origin)) {
        jsonw_element(json);
        out_char(json->out, '"');
        out_base64(json->out, origin);
        out_char(json->out, '"');
    }
    jsonw_close(json, ']');
}

static void put_pair(struct jsonw *json, const char *key, const char *first, struct span octets)
{
    jsonw_key(json, key);
    jsonw_open(json, '{');
    jsonw_octets(json, first, octets);
}

void json_frame_payload(struct jsonw *json, const struct h2_frame *frame)
{
    const union h2_payload *payload = &frame->payload;
    if (!frame->has_payload) {
        return;
    }
    switch (frame->hd.type) {
    case H2_DATA:
        put_pad(json, payload->data.pad_octets);
        jsonw_u64(json, "data_length", payload->data.data_length);
        break;
    case H2_HEADERS:
        if (payload->headers.has_priority) {
            put_priority(json, &payload->headers.priority);
        }
        put_pad(json, payload->headers.pad_octets);
        break;
    case H2_PRIORITY:
        put_priority(json, &payload->priority);
        break;
    case H2_RST_STREAM:
        json_error_code(json, payload->rst_stream.error_code);
        break;
    case H2_SETTINGS:
        put_settings(json, frame);
        break;
    case H2_PUSH_PROMISE:
        put_pad(json, payload->push_promise.pad_octets);
        jsonw_u64(json, "promised_stream_id", payload->push_promise.promised_stream_id);
        break;
    case H2_PING:
        jsonw_hex(json, "opaque", span_of(payload->ping.opaque, 8));
        break;
    case H2_GOAWAY:
        json_error_code(json, payload->goaway.error_code);
        jsonw_u64(json, "last_stream_id", payload->goaway.last_stream_id);
        if (payload->goaway.debug_data.len > 0) {
            jsonw_octets(json, "debug_data", payload->goaway.debug_data);
        }
        break;
    case H2_WINDOW_UPDATE:
        jsonw_u64(json, "window_increment", payload->window_update.increment);
        break;
    case H2_ALTSVC:
        put_pair(json, "alt_svc", "origin", payload->altsvc.origin);
        jsonw_octets(json, "field_value", payload->altsvc.field_value);
        jsonw_close(json, '}');
        break;
    case H2_ORIGIN:
        put_origins(json, payload->origin.entries);
        break;
    case H2_PRIORITY_UPDATE:
        jsonw_key(json, "priority_update");
        jsonw_open(json, '{');
        jsonw_u64(json, "stream_id", payload->priority_update.prioritized_stream_id);
        jsonw_octets(json, "field_value", payload->priority_update.field_value);
        jsonw_close(json, '}');
        break;
    default:
        break;
    }
}

static void put_kept_payload(struct jsonw *json, const struct h2_frame *frame,
                             const struct kept *kept)
{
    if (kept != NULL && kept->payload.len > 0) {
        jsonw_octets(json, frame->hd.type == H2_DATA ? "data" : "payload",
                     buf_span(&kept->payload));
    }
}

static void put_windows(struct jsonw *json, const struct h2_frame *frame)
{
    const struct h2_windows *windows = &frame->windows;
    if (!windows->known) {
        return;
    }
    jsonw_key(json, "window");
    jsonw_open(json, '{');
    if (frame->hd.stream_id > 0) {
        jsonw_key(json, "stream");
        jsonw_open(json, '[');
        jsonw_signed(json, windows->stream_before);
        out_char(json->out, ',');
        jsonw_signed(json, windows->stream_after);
        jsonw_close(json, ']');
    }
    jsonw_key(json, "connection");
    jsonw_open(json, '[');
    jsonw_signed(json, windows->connection_before);
    out_char(json->out, ',');
    jsonw_signed(json, windows->connection_after);
    jsonw_close(json, ']');
    jsonw_close(json, '}');
}

/* Of a field's value, what a part repeats: `headers` and `hex` have all of it. */
#define PART_VALUE_MAX 64

static void put_part_field(struct out *out, const struct h2_header *field)
{
    char room[RENDER_UNKNOWN_MAX];
    struct span name = field->name, value = field->value;
    bool inferred = field->certainty == H2_INFERRED || field->certainty == H2_NAME_INFERRED;
    bool cut = value.len > PART_VALUE_MAX;
    if (field->certainty == H2_UNKNOWN || field->certainty == H2_NAME_INFERRED) {
        value = span_str(render_unknown(field, false, room));
    } else if (field->certainty == H2_NAME_UNKNOWN) {
        name = span_str(render_unknown(field, true, room));
    }
    name.len = field->certainty != H2_UNKNOWN ? num_min_size(name.len, PART_VALUE_MAX) : 0;
    value.len = num_min_size(value.len, PART_VALUE_MAX);
    out_text(out, inferred ? "~" : "");
    (void)out_json_string(out, name);
    if (name.len > 0) {
        out_const(out, ": ");
    }
    (void)out_json_string(out, value);
    if (cut) {
        out_const(out, "…");
    }
}

static void put_part(void *ctx, const struct part *part)
{
    struct jsonw *json = ctx;
    struct out *out = json->out;
    jsonw_element(json);
    jsonw_open(json, '{');
    jsonw_u64(json, "offset", part->offset);
    jsonw_u64(json, "length", part->length);
    if (part->octets.len > 0) {
        jsonw_hex(json, "hex", part->octets);
    }
    jsonw_key(json, "what");
    out_char(out, '"');
    out_text(out, part->what);
    if (part->field != NULL) {
        put_part_field(out, part->field);
    }
    if (part->detail[0] != '\0') {
        out_const(out, " [");
        out_text(out, part->detail);
        out_char(out, ']');
    }
    out_char(out, '"');
    jsonw_close(json, '}');
}

static void put_parts(struct jsonw *json, const struct side *side, const struct h2_frame *frame,
                      const struct h2_frame_cut *cut)
{
    jsonw_key(json, "parts");
    jsonw_open(json, '[');
    json->comma = false;
    parts_walk(side, frame, cut, put_part, json);
    jsonw_close(json, ']');
}

/* ---- records ---- */

static void json_start(struct render *render)
{
    static const char *const views[] = { "frame", "callback" };
    struct jsonw json;
    jsonw_init(&json, render->out);
    out_const(render->out, "{\"kind\":\"h2dump\"");
    json.comma = true;
    jsonw_plain(&json, "version", H2DUMP_VERSION);
    jsonw_u64(&json, "schema", SCHEMA_VERSION);
    jsonw_plain(&json, "view", render->options.check ? "check" : views[render->options.view]);
    json_end(&json);
}

static void json_upgrade(struct render_conn *conn, const struct upgrade_info *upgrade)
{
    struct jsonw json;
    json_begin(&json, &conn->sides[DIR_C2S], "upgrade", &upgrade->first, &upgrade->last,
               UINT64_MAX);
    jsonw_octets(&json, "method", upgrade->method);
    jsonw_octets(&json, "path", upgrade->path);
    jsonw_key(&json, "headers");
    jsonw_open(&json, '[');
    for (size_t i = 0; i < upgrade->field_count; i++) {
        jsonw_element(&json);
        jsonw_open(&json, '{');
        jsonw_octets(&json, "name", upgrade->fields[i].name);
        jsonw_octets(&json, "value", upgrade->fields[i].value);
        jsonw_close(&json, '}');
    }
    jsonw_close(&json, ']');
    jsonw_key(&json, "settings");
    jsonw_open(&json, '[');
    struct cur c = cur_of(upgrade->settings);
    while (cur_left(&c) >= 6) {
        struct h2_setting entry = { .id = cur_u16(&c) };
        entry.value = cur_u32(&c);
        put_setting(&json, &entry);
    }
    jsonw_close(&json, ']');
    json_end(&json);
}

static void json_preface(struct side *side, const struct h2_where *where)
{
    struct jsonw json;
    json_begin(&json, side, "preface", &where->first, &where->last, where->offset);
    jsonw_u64(&json, "length", H2_PREFACE_LEN);
    json_end(&json);
}

static void json_frame(struct side *side, const struct h2_frame *frame,
                       const struct h2_frame_cut *cut)
{
    const struct render_options *options = &side->conn->render->options;
    struct jsonw json;
    json_begin(&json, side, cut == NULL ? "frame" : "frame_cut", &frame->where.first,
               &frame->where.last, frame->where.offset);
    bool has_header = cut == NULL || cut->header_octets == H2_FRAME_HEADER_LEN;
    if (has_header) {
        json_frame_header(&json, side->conn->render, frame);
    }
    uint64_t missing = cut != NULL ? cut->missing : frame->missing;
    if (missing > 0) {
        jsonw_u64(&json, "missing", missing);
    }
    if (cut != NULL) {
        jsonw_plain(&json, "cause", cause_names[cut->cause]);
    }
    if (has_header) {
        if (frame->discard != NULL) {
            jsonw_octets(&json, "discard", span_str(frame->discard));
        }
        if (options->verbosity > 0) {
            put_windows(&json, frame);
        }
        json_frame_payload(&json, frame);
        if (frame_ends_block(frame) || (frame_is_block(frame) && cut != NULL)) {
            json_block_fields(&json, side->kept);
        }
        put_kept_payload(&json, frame, side->kept);
    }
    if (options->octets) {
        put_parts(&json, side, frame, cut);
    }
    json_end(&json);
}

static void json_gap(struct side *side, const struct h2_gap *gap)
{
    struct jsonw json;
    struct pos last = gap->after.packet > 0 ? gap->after : gap->before;
    struct pos first = gap->before.packet > 0 ? gap->before : last;
    /* The gap has no moment of its own but that of the packet behind it. */
    first.ts_known = false;
    json_begin(&json, side, "gap", &first, &last, gap->offset);
    if (gap->length > 0) {
        jsonw_u64(&json, "length", gap->length);
    }
    jsonw_plain(&json, "cause", cause_names[gap->cause]);
    if (gap->stream_count > 0) {
        jsonw_key(&json, "streams");
        jsonw_open(&json, '[');
        for (size_t i = 0; i < gap->stream_count; i++) {
            jsonw_element(&json);
            jsonw_number(&json, gap->streams[i]);
        }
        jsonw_close(&json, ']');
    }
    if (gap->more_streams) {
        jsonw_true(&json, "more_streams");
    }
    json_block_fields(&json, side->broken);
    json_end(&json);
}

static void json_unsynchronised(struct side *side, uint64_t offset, uint64_t length)
{
    static const struct pos nowhere = { .packet = 0 };
    struct jsonw json;
    json_begin(&json, side, "unsynchronised", &nowhere, &nowhere, offset);
    jsonw_u64(&json, "length", length);
    json_end(&json);
}

static void json_file(struct render *render)
{
    (void)render;
}

const struct render_ops render_json_ops = {
    .start = json_start,
    .file = json_file,
    .connection = json_connection,
    .upgrade = json_upgrade,
    .preface = json_preface,
    .header = json_header,
    .frame = json_frame,
    .gap = json_gap,
    .unsynchronised = json_unsynchronised,
    .finding = json_finding,
    .callback_frame = json_callback_frame,
    .callback_begin_headers = json_callback_begin_headers,
    .callback_header = json_callback_header,
    .callback_chunk = json_callback_chunk,
    .callback_stream_close = json_callback_stream_close,
    .callback_action = json_callback_action,
    .callback_flood = json_callback_flood,
    .callback_session = json_callback_session,
};
