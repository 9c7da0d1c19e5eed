#include "render/parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct walk {
    const struct side *side;
    const struct h2_frame *frame;
    struct span wire; /* what was kept, from the frame's first octet */
    uint64_t at, end; /* of the frame: the next octet, behind the last */
    void (*take)(void *ctx, const struct part *part);
    void *ctx;
};

/* ---- how a field came ---- */

static size_t add(char *room, size_t room_len, size_t len, const char *format, ...)
    H2D_PRINTF(4, 5);

static size_t add(char *room, size_t room_len, size_t len, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(room + len, room_len - len, format, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < room_len - len);
    return len + (size_t)n;
}

static const char *table_of(uint32_t index, bool brackets)
{
    if (brackets) {
        return index <= HPACK_STATIC_COUNT ? "(static)" : "(dynamic)";
    }
    return index <= HPACK_STATIC_COUNT ? "static" : "dynamic";
}

const char *parts_representation(const struct h2_header *header, bool brackets, char *room,
                                 size_t room_len)
{
    size_t len = 0;
    if (header->repr == HPACK_SIZE_UPDATE) {
        (void)add(room, room_len, len, "table size update");
        return room;
    }
    if (header->repr == HPACK_INDEXED) {
        (void)add(room, room_len, len, "indexed %lu %s", (unsigned long)header->index,
                  table_of(header->index, brackets));
        return room;
    }
    len = add(room, room_len, len, "literal%s",
              header->repr == HPACK_LITERAL_NEVER ? " never indexed" : "");
    if (header->index > 0) {
        len = add(room, room_len, len, ", name %lu %s", (unsigned long)header->index,
                  table_of(header->index, brackets));
    } else {
        len = add(room, room_len, len, ", new name");
        if (header->huffman_name) {
            len = add(room, room_len, len, ", Huffman %lu for %zu",
                      (unsigned long)header->name_wire_octets, header->name.len);
        }
    }
    if (header->huffman_value) {
        len =
            add(room, room_len, len, ", %sHuffman %lu for %zu", header->index == 0 ? "value " : "",
                (unsigned long)header->value_wire_octets, header->value.len);
    }
    if (header->repr == HPACK_LITERAL_INDEXED) {
        (void)add(room, room_len, len, "%s",
                  header->inserted ? ", inserted as 62" : ", too large for the table");
    }
    return room;
}

/* ---- parts ---- */

/* Hands on a part: the n octets to come, as far as they belong to the frame. */
static void emit_part(struct walk *walk, uint64_t n, struct part part)
{
    part.offset = walk->at;
    part.length = n < walk->end - walk->at ? n : walk->end - walk->at;
    part.octets = span_empty();
    if (part.length == 0) {
        return;
    }
    if (walk->at < walk->wire.len) {
        uint64_t kept = walk->wire.len - walk->at;
        part.octets =
            span_of(walk->wire.ptr + walk->at, (size_t)(kept < part.length ? kept : part.length));
    }
    walk->at += part.length;
    walk->take(walk->ctx, &part);
}

static void emit_field(struct walk *walk, uint64_t n, const struct h2_header *field,
                       const char *what, const char *detail)
{
    emit_part(walk, n, (struct part){ .field = field, .what = what, .detail = detail });
}

static void emit_opaque(struct walk *walk, uint64_t n, const char *what)
{
    emit_part(walk, n, (struct part){ .what = what, .detail = "", .opaque = true });
}

static void emit(struct walk *walk, uint64_t n, const char *format, ...) H2D_PRINTF(3, 4);

static void emit(struct walk *walk, uint64_t n, const char *format, ...)
{
    char what[PARTS_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    emit_field(walk, n, NULL, what, "");
}

/* The number in the next n octets; false, and the octets are a part that says so, when they are not
 * all there. */
static bool number(struct walk *walk, unsigned n, const char *name, uint32_t *value)
{
    *value = 0;
    bool in_frame = walk->end - walk->at >= n;
    if (!in_frame || walk->wire.len < walk->at + n) {
        emit(walk, n, in_frame ? "%s" : "%s, cut short", name);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        *value = *value << 8 | walk->wire.ptr[walk->at + i];
    }
    return true;
}

static uint64_t left(const struct walk *walk)
{
    return walk->end - walk->at;
}

static void walk_flags(struct walk *walk)
{
    const struct h2_frame_hd *hd = &walk->frame->hd;
    char text[PARTS_TEXT_MAX];
    size_t len = add(text, sizeof text, 0, hd->raw_flags == 0 ? "no flags" : "flags");
    unsigned rest = 0;
    const char *separator = " ";
    for (unsigned bit = 1; bit < 0x100; bit <<= 1) {
        const char *name = h2_flag_name(hd->type, (uint8_t)bit);
        if ((hd->raw_flags & bit) == 0) {
            continue;
        }
        if (name == NULL) {
            rest |= bit;
            continue;
        }
        len = add(text, sizeof text, len, "%s%s 0x%02x", separator, name, bit);
        separator = ", ";
    }
    if (rest != 0) {
        (void)add(text, sizeof text, len, "%sundefined 0x%02x", separator, rest);
    }
    emit(walk, 1, "%s", text);
}

static void walk_frame_header(struct walk *walk)
{
    const struct h2_frame_hd *hd = &walk->frame->hd;
    const char *name = h2_frame_name(hd->type);
    emit(walk, 3, "length %lu", (unsigned long)hd->length);
    if (name != NULL) {
        emit(walk, 1, "type %s", name);
    } else {
        emit(walk, 1, "type 0x%02x, unknown", hd->type);
    }
    walk_flags(walk);
    emit(walk, 4, "stream %lu%s", (unsigned long)hd->stream_id,
         hd->reserved ? ", reserved bit set" : "");
}

/* Where padding is allowed: the Pad Length octet. Returns the octets of padding at the end. */
static uint64_t walk_pad_length(struct walk *walk)
{
    uint32_t pad;
    if ((walk->frame->hd.raw_flags & H2_FLAG_PADDED) == 0 || !number(walk, 1, "pad length", &pad)) {
        return 0;
    }
    bool fits = pad < left(walk);
    emit(walk, 1, "pad length %lu%s", (unsigned long)pad, fits ? "" : ", longer than the payload");
    return fits ? pad : 0;
}

static void walk_priority(struct walk *walk)
{
    uint32_t value;
    if (number(walk, 4, "dependency", &value)) {
        emit(walk, 4, "depends on %lu, %sexclusive", (unsigned long)(value & 0x7fffffff),
             (value & 0x80000000) != 0 ? "" : "not ");
    }
    if (number(walk, 1, "weight", &value)) {
        emit(walk, 1, "weight %lu", (unsigned long)value + 1);
    }
}

/* One representation, or the piece of it that stands in this frame. */
static void walk_representation(struct walk *walk, uint64_t n, const struct h2_header *field,
                                uint64_t before)
{
    char detail[PARTS_TEXT_MAX];
    bool whole = n == field->wire_octets;
    (void)parts_representation(field, true, detail, sizeof detail);
    if (field->repr == HPACK_SIZE_UPDATE) {
        emit(walk, n, "table size update to %lu%s", (unsigned long)field->index,
             whole ? "" : ", a piece of it");
    } else if (whole) {
        emit_field(walk, n, field, "", detail);
    } else {
        char what[64];
        (void)snprintf(what, sizeof what, "octets %llu-%llu of ", (unsigned long long)before + 1,
                       (unsigned long long)(before + n));
        emit_field(walk, n, field, what, detail);
    }
}

/* The fragment of a field block in the next `length` octets. Representations are found by their
 * place in the block; what none of them covers is said to be so. */
static void walk_block(struct walk *walk, uint64_t length)
{
    const struct kept *kept = walk->side->kept;
    uint64_t fragment = walk->at, base = walk->frame->block_off;
    uint64_t stop = walk->at + length;
    const char *hidden =
        kept != NULL && kept->fields_left_out > 0 ? "field block, not shown" : "not decoded";
    for (size_t i = 0; i < kept_field_count(kept); i++) {
        const struct h2_header *field = kept_field(kept, i);
        uint64_t from = field->block_off, to = field->block_off + field->wire_octets;
        if (to <= base + (walk->at - fragment) || from >= base + length) {
            continue;
        }
        uint64_t here = from > base ? from - base + fragment : fragment;
        uint64_t until = to - base + fragment;
        if (here > walk->at) {
            emit(walk, here - walk->at, "%s", hidden);
        }
        until = until < stop ? until : stop;
        uint64_t before = from < base ? base - from : 0;
        walk_representation(walk, until - walk->at, field, before);
    }
    if (walk->at < stop) {
        bool more = walk->side->frame_more;
        emit(walk, stop - walk->at, "%s",
             more ? "representation that goes on in the next frame" : hidden);
    }
}

static void walk_padded_block(struct walk *walk, uint64_t padding)
{
    uint64_t rest = left(walk);
    walk_block(walk, rest - (padding < rest ? padding : rest));
    emit(walk, left(walk), "padding");
}

static void walk_error_code(struct walk *walk)
{
    uint32_t code;
    if (number(walk, 4, "error code", &code)) {
        const char *name = spec_error_name(code);
        emit(walk, 4, "error code %s (0x%lx)", name != NULL ? name : "unknown",
             (unsigned long)code);
    }
}

static void walk_stream_id(struct walk *walk, const char *name)
{
    uint32_t id;
    if (number(walk, 4, name, &id)) {
        emit(walk, 4, "%s %lu%s", name, (unsigned long)(id & 0x7fffffff),
             (id & 0x80000000) != 0 ? ", reserved bit set" : "");
    }
}

static void walk_settings(struct walk *walk)
{
    uint32_t id, value;
    while (left(walk) >= 6) {
        if (!number(walk, 2, "setting", &id)) {
            return;
        }
        const char *name = spec_setting_name(id);
        emit(walk, 2, "%s (0x%lx)", name != NULL ? name : "unknown setting", (unsigned long)id);
        if (number(walk, 4, "value", &value)) {
            emit(walk, 4, "= %lu", (unsigned long)value);
        }
    }
}

static void walk_text(struct walk *walk, uint64_t n, const char *name)
{
    struct h2_header text = { .name = span_empty(), .value = span_empty() };
    uint64_t here = n < left(walk) ? n : left(walk);
    if (walk->wire.len > walk->at) {
        uint64_t kept = walk->wire.len - walk->at;
        text.value = span_of(walk->wire.ptr + walk->at, (size_t)(kept < here ? kept : here));
    }
    char what[64];
    (void)snprintf(what, sizeof what, "%s ", name);
    emit_field(walk, n, &text, what, "");
}

static void walk_origins(struct walk *walk)
{
    uint32_t len;
    while (left(walk) > 0 && number(walk, 2, "origin length", &len)) {
        emit(walk, 2, "origin length %lu", (unsigned long)len);
        walk_text(walk, len, "origin");
    }
}

static void walk_data(struct walk *walk)
{
    uint64_t padding = walk_pad_length(walk);
    emit_opaque(walk, left(walk) - (padding < left(walk) ? padding : left(walk)), "data");
    emit(walk, left(walk), "padding");
}

static void walk_headers(struct walk *walk)
{
    uint64_t padding = walk_pad_length(walk);
    if ((walk->frame->hd.raw_flags & H2_FLAG_PRIORITY) != 0) {
        walk_priority(walk);
    }
    walk_padded_block(walk, padding);
}

static void walk_push_promise(struct walk *walk)
{
    uint64_t padding = walk_pad_length(walk);
    walk_stream_id(walk, "promised stream");
    walk_padded_block(walk, padding);
}

static void walk_continuation(struct walk *walk)
{
    walk_padded_block(walk, 0);
}

static void walk_ping(struct walk *walk)
{
    emit_opaque(walk, 8, "opaque data");
}

static void walk_goaway(struct walk *walk)
{
    walk_stream_id(walk, "last stream");
    walk_error_code(walk);
    walk_text(walk, left(walk), "debug data");
}

static void walk_window_update(struct walk *walk)
{
    uint32_t value;
    if (number(walk, 4, "window increment", &value)) {
        emit(walk, 4, "window increment %lu%s", (unsigned long)(value & 0x7fffffff),
             (value & 0x80000000) != 0 ? ", reserved bit set" : "");
    }
}

static void walk_altsvc(struct walk *walk)
{
    uint32_t len;
    if (number(walk, 2, "origin length", &len)) {
        emit(walk, 2, "origin length %lu", (unsigned long)len);
        walk_text(walk, len, "origin");
    }
    walk_text(walk, left(walk), "value");
}

static void walk_priority_update(struct walk *walk)
{
    walk_stream_id(walk, "prioritized stream");
    walk_text(walk, left(walk), "priority");
}

static void walk_payload(struct walk *walk)
{
    static void (*const walkers[])(struct walk *) = {
        [H2_DATA] = walk_data,
        [H2_HEADERS] = walk_headers,
        [H2_PRIORITY] = walk_priority,
        [H2_RST_STREAM] = walk_error_code,
        [H2_SETTINGS] = walk_settings,
        [H2_PUSH_PROMISE] = walk_push_promise,
        [H2_PING] = walk_ping,
        [H2_GOAWAY] = walk_goaway,
        [H2_WINDOW_UPDATE] = walk_window_update,
        [H2_CONTINUATION] = walk_continuation,
        [H2_ALTSVC] = walk_altsvc,
        [H2_ORIGIN] = walk_origins,
        [H2_PRIORITY_UPDATE] = walk_priority_update,
    };
    uint8_t type = walk->frame->hd.type;
    if (type < H2D_COUNT_OF(walkers) && walkers[type] != NULL) {
        walkers[type](walk);
    } else {
        emit_opaque(walk, left(walk), "payload");
    }
    emit(walk, left(walk), "octets that the type has no place for");
}

void parts_walk(const struct side *side, const struct h2_frame *frame,
                const struct h2_frame_cut *cut, void (*take)(void *ctx, const struct part *part),
                void *ctx)
{
    struct walk walk = { .side = side, .frame = frame, .take = take, .ctx = ctx };
    walk.wire = side->kept != NULL ? buf_span(&side->kept->wire) : span_empty();
    if (cut != NULL && cut->header_octets < H2_FRAME_HEADER_LEN) {
        walk.end = cut->header_octets;
        emit(&walk, walk.end, "frame header, cut short");
        return;
    }
    walk.end = H2_FRAME_HEADER_LEN + (uint64_t)frame->hd.length;
    if (cut != NULL) {
        assert(cut->missing <= frame->hd.length);
        walk.end -= cut->missing;
    }
    walk_frame_header(&walk);
    walk_payload(&walk);
}
