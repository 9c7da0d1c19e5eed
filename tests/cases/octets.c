/* From the notation of a case line to octets: frames with their fields by name, HPACK
 * representations, raw hex. It knows the wire format only, and does not use the project's own
 * encoders or tables of it, so that both cannot share a mistake. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"

/* Where we are, for messages, and where octets go. */
struct at {
    const char *file;
    unsigned line;
};

struct name_row {
    const char *name;
    uint32_t number;
};

static const struct name_row types[] = {
    { "DATA", 0 },
    { "HEADERS", 1 },
    { "PRIORITY", 2 },
    { "RST_STREAM", 3 },
    { "SETTINGS", 4 },
    { "PUSH_PROMISE", 5 },
    { "PING", 6 },
    { "GOAWAY", 7 },
    { "WINDOW_UPDATE", 8 },
    { "CONTINUATION", 9 },
    { "ALTSVC", 10 },
    { "ORIGIN", 12 },
    { "PRIORITY_UPDATE", 16 },
};
static const struct name_row flag_words[] = {
    { "END_STREAM", 1 }, { "ACK", 1 }, { "END_HEADERS", 4 }, { "PADDED", 8 }, { "PRIORITY", 0x20 },
};
static const struct name_row settings[] = {
    { "HEADER_TABLE_SIZE", 1 },       { "ENABLE_PUSH", 2 },
    { "MAX_CONCURRENT_STREAMS", 3 },  { "INITIAL_WINDOW_SIZE", 4 },
    { "MAX_FRAME_SIZE", 5 },          { "MAX_HEADER_LIST_SIZE", 6 },
    { "ENABLE_CONNECT_PROTOCOL", 8 }, { "NO_RFC7540_PRIORITIES", 9 },
};
static const struct name_row errors[] = {
    { "NO_ERROR", 0 },
    { "PROTOCOL_ERROR", 1 },
    { "INTERNAL_ERROR", 2 },
    { "FLOW_CONTROL_ERROR", 3 },
    { "SETTINGS_TIMEOUT", 4 },
    { "STREAM_CLOSED", 5 },
    { "FRAME_SIZE_ERROR", 6 },
    { "REFUSED_STREAM", 7 },
    { "CANCEL", 8 },
    { "COMPRESSION_ERROR", 9 },
    { "CONNECT_ERROR", 10 },
    { "ENHANCE_YOUR_CALM", 11 },
    { "INADEQUATE_SECURITY", 12 },
    { "HTTP_1_1_REQUIRED", 13 },
};

/* Fields that have an index of their own in the static table (RFC 7541 appendix A). */
static const struct {
    const char *name, *value;
    uint8_t index;
} static_fields[] = {
    { ":method", "GET", 2 },  { ":method", "POST", 3 },  { ":path", "/", 4 },
    { ":scheme", "http", 6 }, { ":scheme", "https", 7 }, { ":status", "200", 8 },
    { ":status", "204", 9 },  { ":status", "206", 10 },  { ":status", "304", 11 },
    { ":status", "400", 12 }, { ":status", "404", 13 },  { ":status", "500", 14 },
};

static const struct {
    const char *name, *fields;
} field_sets[] = {
    { "REQ", ":method: GET; :scheme: https; :authority: a; :path: /" },
    { "POST", ":method: POST; :scheme: https; :authority: a; :path: /" },
    { "OK", ":status: 200" },
};

const char *octets_field_set(const char *name)
{
    for (size_t i = 0; i < H2D_COUNT_OF(field_sets); i++) {
        if (strcmp(field_sets[i].name, name) == 0) {
            return field_sets[i].fields;
        }
    }
    return NULL;
}

static bool look_up(const struct name_row *rows, size_t count, const char *name, size_t len,
                    uint32_t *number)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0) {
            *number = rows[i].number;
            return true;
        }
    }
    return false;
}

static uint32_t number_of(struct at at, const char *text, char **end)
{
    char *stop;
    unsigned long long value = strtoull(text, &stop, 0);
    if (stop == text || value > UINT32_MAX || (end == NULL && *stop != '\0' && *stop != ' ')) {
        case_die(at.file, at.line, "not a number: %s", text);
    }
    if (end != NULL) {
        *end = stop;
    }
    return (uint32_t)value;
}

static uint32_t named_number(struct at at, const struct name_row *rows, size_t count,
                             const char *text, char **end)
{
    size_t len = strcspn(text, " =|,");
    uint32_t number;
    if (look_up(rows, count, text, len, &number)) {
        *end = (char *)(uintptr_t)(text + len);
        return number;
    }
    return number_of(at, text, end);
}

static void put(struct text *out, uint64_t value, unsigned octets)
{
    for (unsigned i = octets; i > 0; i--) {
        uint8_t octet = (uint8_t)(value >> (8 * (i - 1)));
        text_add(out, &octet, 1);
    }
}

static void put_many(struct text *out, uint8_t octet, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_add(out, &octet, 1);
    }
}

/* ---- texts and hex ---- */

static const char *unescape_one(struct at at, const char *p, struct text *out)
{
    char hex[3] = { 0 };
    switch (p[1]) {
    case 'x':
        memcpy(hex, p + 2, 2);
        put(out, strtoul(hex, NULL, 16), 1);
        return p + 4;
    case 's':
        put(out, ' ', 1);
        return p + 2;
    case '\\':
    case '{':
    case ';':
        text_add(out, p + 1, 1);
        return p + 2;
    default:
        case_die(at.file, at.line, "unknown escape: %s", p);
    }
}

void octets_unescape(const char *file, unsigned line, const char *begin, const char *end,
                     struct text *out)
{
    struct at at = { file, line };
    for (const char *p = begin; p < end;) {
        if (*p == '\\') {
            p = unescape_one(at, p, out);
        } else if (*p == '{') {
            struct text unit = { 0 };
            const char *star = strchr(p, '*');
            char *stop;
            if (star == NULL) {
                case_die(file, line, "{text*count} wants a *: %s", p);
            }
            octets_unescape(file, line, p + 1, star, &unit);
            uint32_t count = number_of(at, star + 1, &stop);
            for (uint32_t i = 0; i < count; i++) {
                text_add(out, unit.ptr, unit.len);
            }
            text_fini(&unit);
            p = stop + 1;
        } else {
            text_add(out, p++, 1);
        }
    }
}

static void put_hex(struct at at, const char *p, const char *end, struct text *out);

/* 82*1000} */
static const char *put_hex_many(struct at at, const char *p, struct text *out)
{
    const char *star = strchr(p, '*');
    char *stop;
    if (star == NULL) {
        case_die(at.file, at.line, "{hex*count} wants a *: %s", p);
    }
    uint32_t count = number_of(at, star + 1, &stop);
    for (uint32_t i = 0; i < count; i++) {
        put_hex(at, p, star, out);
    }
    return stop + 1;
}

static void put_hex(struct at at, const char *p, const char *end, struct text *out)
{
    while (p < end) {
        if (isspace((unsigned char)*p)) {
            p++;
            continue;
        }
        if (*p == '{') {
            p = put_hex_many(at, p + 1, out);
            continue;
        }
        char hex[3] = { p[0], p + 1 < end ? p[1] : '\0', '\0' };
        if (!isxdigit((unsigned char)hex[0]) || !isxdigit((unsigned char)hex[1])) {
            case_die(at.file, at.line, "not hex: %s", p);
        }
        put(out, strtoul(hex, NULL, 16), 1);
        p += 2;
    }
}

/* ---- HPACK ---- */

static void put_integer(struct text *out, uint8_t first, unsigned prefix, uint64_t value)
{
    uint64_t max = (1U << prefix) - 1;
    if (value < max) {
        put(out, first | value, 1);
        return;
    }
    put(out, first | max, 1);
    value -= max;
    for (; value >= 128; value >>= 7) {
        put(out, 128 | (value & 127), 1);
    }
    put(out, value, 1);
}

static void put_string(struct text *out, const struct text *string)
{
    put_integer(out, 0, 7, string->len);
    text_add(out, string->ptr, string->len);
}

/* "name: value" with an optional mark in front: + incremental indexing, ! never indexed. A name
 * "#62" is an index. */
static void put_literal(struct at at, const char *p, const char *end, struct text *out)
{
    uint8_t first = 0x00;
    unsigned prefix = 4;
    bool plain = true;
    if (*p == '+' || *p == '!' || *p == '-') {
        first = *p == '+' ? 0x40 : *p == '!' ? 0x10 : 0x00;
        prefix = *p == '+' ? 6 : 4;
        plain = false;
        p++;
    }
    const char *colon = p;
    do {
        colon = memchr(colon + 1, ':', (size_t)(end - colon - 1));
    } while (colon != NULL && colon + 1 < end && colon[1] != ' ');
    if (colon == NULL) {
        case_die(at.file, at.line, "a field wants 'name: value': %s", p);
    }
    struct text name = { 0 }, value = { 0 };
    octets_unescape(at.file, at.line, p, colon, &name);
    octets_unescape(at.file, at.line, colon + 2 < end ? colon + 2 : end, end, &value);
    text_add(&value, NULL, 0);
    for (size_t i = 0; plain && i < H2D_COUNT_OF(static_fields); i++) {
        if (strcmp(static_fields[i].name, name.ptr) == 0 &&
            strcmp(static_fields[i].value, value.ptr) == 0 && strlen(value.ptr) == value.len) {
            put_integer(out, 0x80, 7, static_fields[i].index);
            plain = false;
            value.len = SIZE_MAX;
        }
    }
    if (value.len != SIZE_MAX) {
        if (name.ptr[0] == '#') {
            put_integer(out, first, prefix, number_of(at, name.ptr + 1, NULL));
        } else {
            put(out, first, 1);
            put_string(out, &name);
        }
        put_string(out, &value);
    }
    text_fini(&name);
    text_fini(&value);
}

static void put_block(struct at at, const char *p, struct text *out)
{
    while (*p != '\0') {
        const char *end = strstr(p, "; ");
        if (end == NULL) {
            end = p + strlen(p);
        }
        if (*p == '$') {
            char name[32];
            snprintf(name, sizeof name, "%.*s", (int)(end - p - 1), p + 1);
            const char *set = octets_field_set(name);
            if (set == NULL) {
                case_die(at.file, at.line, "no such set of fields: %s", name);
            }
            put_block(at, set, out);
        } else if (*p == '[') {
            put_hex(at, p + 1, end - 1, out);
        } else if (*p == '#' && memchr(p, ':', (size_t)(end - p)) == NULL) {
            char *stop;
            put_integer(out, 0x80, 7, number_of(at, p + 1, &stop));
        } else if (*p == '^') {
            char *stop;
            put_integer(out, 0x20, 5, number_of(at, p + 1, &stop));
        } else {
            put_literal(at, p, end, out);
        }
        p = *end == ';' ? end + 2 : end;
    }
}

/* ---- frames ---- */

struct frame {
    uint32_t type, stream, flags;
    bool padded, has_priority, open, reserved, has_length, has_promise;
    uint32_t pad, pad_octet, length, promised;
    uint32_t depends_on, weight;
    uint32_t cut[8];
    size_t cut_count;
    const char *origin;
};

static void put_head(struct text *out, uint32_t length, const struct frame *frame)
{
    put(out, length, 3);
    put(out, frame->type, 1);
    put(out, frame->flags, 1);
    put(out, frame->stream | (frame->reserved ? 0x80000000U : 0), 4);
}

static void put_priority(struct at at, const char *p, struct text *out)
{
    bool exclusive = *p == '!';
    char *stop;
    uint32_t depends_on = number_of(at, p + exclusive, &stop);
    uint32_t weight = *stop == '/' ? number_of(at, stop + 1, NULL) : 16;
    put(out, depends_on | (exclusive ? 0x80000000U : 0), 4);
    put(out, weight - 1, 1);
}

static void put_settings(struct at at, const char *p, struct text *out)
{
    while (*p != '\0') {
        char *stop;
        uint32_t id = named_number(at, settings, H2D_COUNT_OF(settings), p, &stop);
        uint32_t value = number_of(at, stop + 1, &stop);
        put(out, id, 2);
        put(out, value, 4);
        p = *stop == ' ' ? stop + 1 : stop;
    }
}

static void put_code(struct at at, const char *p, struct text *out, const char **rest)
{
    char *stop;
    put(out, named_number(at, errors, H2D_COUNT_OF(errors), p, &stop), 4);
    *rest = *stop == ' ' ? stop + 1 : stop;
}

static void put_origins(struct at at, const char *p, struct text *out)
{
    while (*p != '\0') {
        size_t len = strcspn(p, " ");
        struct text origin = { 0 };
        if (len > 1 || *p != '-') {
            octets_unescape(at.file, at.line, p, p + len, &origin);
        }
        put(out, origin.len, 2);
        text_add(out, origin.ptr, origin.len);
        text_fini(&origin);
        p += len + (p[len] == ' ');
    }
}

/* The payload of a frame by its type, without padding. */
static void put_payload(struct at at, const struct frame *frame, const char *p, struct text *out)
{
    char *stop;
    switch (frame->type) {
    case H2_HEADERS:
    case H2_CONTINUATION:
    case H2_PUSH_PROMISE:
        put_block(at, p, out);
        return;
    case H2_PRIORITY:
        put_priority(at, p, out);
        return;
    case H2_RST_STREAM:
        put_code(at, p, out, &p);
        return;
    case H2_SETTINGS:
        put_settings(at, p, out);
        return;
    case H2_GOAWAY:
        put(out, number_of(at, p, &stop), 4);
        put_code(at, stop + 1, out, &p);
        octets_unescape(at.file, at.line, p, p + strlen(p), out);
        return;
    case H2_WINDOW_UPDATE:
        put(out, number_of(at, p, NULL), 4);
        return;
    case H2_ALTSVC:
        put(out, strlen(frame->origin), 2);
        text_add(out, frame->origin, strlen(frame->origin));
        break;
    case H2_ORIGIN:
        put_origins(at, p, out);
        return;
    case H2_PRIORITY_UPDATE:
        put(out, number_of(at, p, &stop), 4);
        p = *stop == ' ' ? stop + 1 : stop;
        break;
    default:
        break;
    }
    octets_unescape(at.file, at.line, p, p + strlen(p), out);
}

static void option_value(struct at at, struct frame *frame, const char *word, char *value)
{
    char *stop = value;
    if (strcmp(word, "pad") == 0) {
        frame->padded = true;
        frame->pad = number_of(at, value, NULL);
    } else if (strcmp(word, "pad_octet") == 0) {
        frame->pad_octet = number_of(at, value, NULL);
    } else if (strcmp(word, "prio") == 0) {
        frame->has_priority = true;
        frame->depends_on = number_of(at, value + (*value == '!'), &stop);
        frame->depends_on |= *value == '!' ? 0x80000000U : 0;
        frame->weight = *stop == '/' ? number_of(at, stop + 1, NULL) : 16;
    } else if (strcmp(word, "promise") == 0) {
        frame->has_promise = true;
        frame->promised = number_of(at, value, NULL);
    } else if (strcmp(word, "len") == 0) {
        frame->has_length = true;
        frame->length = number_of(at, value, NULL);
    } else if (strcmp(word, "flags") == 0) {
        frame->flags |= number_of(at, value, NULL);
        frame->open = true;
    } else if (strcmp(word, "origin") == 0) {
        frame->origin = value;
    } else if (strcmp(word, "cut") == 0) {
        while (*stop != '\0' && frame->cut_count < H2D_COUNT_OF(frame->cut)) {
            frame->cut[frame->cut_count++] = number_of(at, stop, &stop);
            stop += *stop == ',';
        }
    } else {
        case_die(at.file, at.line, "unknown option: %s", word);
    }
}

static void option_word(struct at at, struct frame *frame, char *word)
{
    uint32_t flag;
    char *value = strchr(word, '=');
    if (value != NULL) {
        *value = '\0';
        option_value(at, frame, word, value + 1);
    } else if (look_up(flag_words, H2D_COUNT_OF(flag_words), word, strlen(word), &flag)) {
        frame->flags |= flag;
    } else if (strcmp(word, "open") == 0) {
        frame->open = true;
    } else if (strcmp(word, "R") == 0) {
        frame->reserved = true;
    } else {
        case_die(at.file, at.line, "unknown word: %s", word);
    }
}

/* Pad Length, priority fields and promised id that stand before the rest of a payload. */
static void put_prologue(const struct frame *frame, struct text *payload)
{
    if (frame->padded) {
        put(payload, frame->pad, 1);
    }
    if (frame->has_priority) {
        put(payload, frame->depends_on, 4);
        put(payload, frame->weight - 1, 1);
    }
    if (frame->has_promise) {
        put(payload, frame->promised, 4);
    }
}

/* The fragments of a block behind the first: CONTINUATION frames, END_HEADERS on the last. */
static void put_fragments(struct frame *frame, const char *block, size_t len, struct text *out)
{
    struct frame next = { .type = H2_CONTINUATION, .stream = frame->stream };
    for (size_t i = 1; i <= frame->cut_count; i++) {
        bool last = i == frame->cut_count;
        size_t part = last || frame->cut[i] > len ? len : frame->cut[i];
        next.flags = last && !frame->open ? H2_FLAG_END_HEADERS : 0;
        put_head(out, (uint32_t)part, &next);
        text_add(out, block, part);
        block += part;
        len -= part;
    }
}

static void put_frame(struct at at, struct frame *frame, const char *body, struct text *out)
{
    struct text block = { 0 }, payload = { 0 };
    if (strncmp(body, "hex ", 4) == 0) {
        put_hex(at, body + 4, body + strlen(body), &block);
    } else if (strncmp(body, "zeros ", 6) == 0) {
        put_many(&block, 0, number_of(at, body + 6, NULL));
    } else if (frame->type != H2_PING || *body != '\0') {
        put_payload(at, frame, body, &block);
    } else {
        put_many(&block, 0, 8);
    }
    bool has_block = frame->type == H2_HEADERS || frame->type == H2_PUSH_PROMISE;
    if ((has_block || frame->type == H2_CONTINUATION) && !frame->open && frame->cut_count == 0) {
        frame->flags |= H2_FLAG_END_HEADERS;
    }
    frame->flags |=
        (frame->padded ? H2_FLAG_PADDED : 0U) | (frame->has_priority ? H2_FLAG_PRIORITY : 0U);
    size_t first = frame->cut_count > 0 ? frame->cut[0] : block.len;
    put_prologue(frame, &payload);
    text_add(&payload, block.ptr, first < block.len ? first : block.len);
    put_many(&payload, (uint8_t)frame->pad_octet,
             frame->padded && !frame->has_length ? frame->pad : 0);
    put_head(out, frame->has_length ? frame->length : (uint32_t)payload.len, frame);
    text_add(out, payload.ptr, payload.len);
    if (frame->cut_count > 0) {
        put_fragments(frame, block.ptr + first, block.len - first, out);
    }
    text_fini(&payload);
    text_fini(&block);
}

/* TYPE STREAM words… : body */
static void compile_frame(struct at at, const char *notation, struct text *out)
{
    char head[256];
    const char *body = strstr(notation, " :");
    size_t len = body != NULL ? (size_t)(body - notation) : strlen(notation);
    if (len >= sizeof head) {
        case_die(at.file, at.line, "line too long before ':'");
    }
    memcpy(head, notation, len);
    head[len] = '\0';
    body = body == NULL ? "" : body[2] == ' ' ? body + 3 : body + 2;
    struct frame frame = { .weight = 16, .origin = "" };
    char *save;
    char *word = strtok_r(head, " ", &save);
    char *stop;
    if (word == NULL) {
        case_die(at.file, at.line, "a frame wants a type");
    }
    frame.type = named_number(at, types, H2D_COUNT_OF(types), word, &stop);
    word = strtok_r(NULL, " ", &save);
    if (word == NULL) {
        case_die(at.file, at.line, "a frame wants a stream");
    }
    frame.stream = number_of(at, word, NULL);
    while ((word = strtok_r(NULL, " ", &save)) != NULL) {
        option_word(at, &frame, word);
    }
    put_frame(at, &frame, body, out);
}

static void compile_one(const char *file, unsigned line, const char *notation, void *ctx)
{
    struct at at = { file, line };
    struct text *out = ctx;
    if (strcmp(notation, "PREFACE") == 0) {
        text_add(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    } else if (strncmp(notation, "hex ", 4) == 0) {
        put_hex(at, notation + 4, notation + strlen(notation), out);
    } else if (strncmp(notation, "text ", 5) == 0) {
        octets_unescape(file, line, notation + 5, notation + strlen(notation), out);
    } else {
        compile_frame(at, notation, out);
    }
}

void octets_compile(const char *file, unsigned line, const char *notation, struct text *out)
{
    octets_each(file, line, notation, compile_one, out);
}

void octets_each(const char *file, unsigned line, const char *notation,
                 void (*fn)(const char *file, unsigned line, const char *text, void *ctx),
                 void *ctx)
{
    unsigned first, last, step = 1;
    int used = 0;
    if (sscanf(notation, "for %u..%u..%u %n", &first, &last, &step, &used) != 3 &&
        (step = 1, sscanf(notation, "for %u..%u %n", &first, &last, &used)) != 2) {
        fn(file, line, notation, ctx);
        return;
    }
    const char *body = notation + used;
    for (unsigned i = first; i <= last; i += step) {
        struct text turn = { 0 };
        const char *p = body;
        for (const char *mark; (mark = strstr(p, "%d")) != NULL; p = mark + 2) {
            text_add(&turn, p, (size_t)(mark - p));
            text_addf(&turn, "%u", i);
        }
        text_add(&turn, p, strlen(p));
        fn(file, line, turn.ptr, ctx);
        text_fini(&turn);
    }
}
