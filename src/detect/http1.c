#include "detect/http1.h"

#include <string.h>

bool http1_line(struct cur *c, struct span *line)
{
    const uint8_t *end = cur_left(c) > 0 ? memchr(c->pos, '\n', cur_left(c)) : NULL;
    if (end == NULL) {
        return false;
    }
    *line = cur_take(c, (size_t)(end - c->pos));
    cur_skip(c, 1);
    if (line->len > 0 && line->ptr[line->len - 1] == '\r') {
        line->len--;
    }
    return line->len > 0;
}

struct span http1_trim(struct span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = (struct span){ s.ptr + 1, s.len - 1 };
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

bool http1_same_word(struct span s, const char *word)
{
    if (s.len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

bool http1_lists_word(struct span value, const char *word)
{
    struct cur c = cur_of(value);
    while (cur_left(&c) > 0) {
        const uint8_t *comma = memchr(c.pos, ',', cur_left(&c));
        struct span element = cur_take(&c, comma ? (size_t)(comma - c.pos) : cur_left(&c));
        cur_skip(&c, comma != NULL ? 1 : 0);
        if (http1_same_word(http1_trim(element), word)) {
            return true;
        }
    }
    return false;
}

bool http1_field(struct span line, struct upgrade_field *field)
{
    const uint8_t *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL) {
        return false;
    }
    size_t name_len = (size_t)(colon - line.ptr);
    field->name = span_of(line.ptr, name_len);
    field->value = http1_trim(span_of(colon + 1, line.len - name_len - 1));
    return true;
}

static bool read_length(struct span value, uint64_t *length)
{
    *length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9' || *length > UINT32_MAX) {
            return false;
        }
        *length = *length * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    return value.len > 0;
}

struct http1_head http1_head(struct span head)
{
    struct http1_head facts = { .first_line = span_empty() };
    struct cur c = cur_of(head);
    struct span line;
    if (!http1_line(&c, &facts.first_line)) {
        return facts;
    }
    while (http1_line(&c, &line)) {
        struct upgrade_field field;
        if (!http1_field(line, &field)) {
            continue;
        }
        if (http1_same_word(field.name, "content-length")) {
            facts.has_length = true;
            facts.bad_length |= !read_length(field.value, &facts.length);
        } else if (http1_same_word(field.name, "transfer-encoding")) {
            facts.chunked = true;
        } else if (http1_same_word(field.name, "upgrade")) {
            facts.upgrade_h2c |= http1_lists_word(field.value, "h2c");
        }
    }
    return facts;
}

size_t http1_head_length(struct span held)
{
    for (size_t i = 0; i + 1 < held.len; i++) {
        if (held.ptr[i] != '\n') {
            continue;
        }
        if (held.ptr[i + 1] == '\n') {
            return i + 2;
        }
        if (held.ptr[i + 1] == '\r' && i + 2 < held.len && held.ptr[i + 2] == '\n') {
            return i + 3;
        }
    }
    return 0;
}

bool http1_is_method(struct span line, const char *method)
{
    size_t len = strlen(method);
    return line.len > len && line.ptr[len] == ' ' && memcmp(line.ptr, method, len) == 0;
}

bool http1_ends_with(struct span line, const char *end)
{
    size_t len = strlen(end);
    return line.len >= len && memcmp(line.ptr + line.len - len, end, len) == 0;
}

unsigned http1_status(struct span line)
{
    if (line.len < 12 || memcmp(line.ptr, "HTTP/1.", 7) != 0 || line.ptr[8] != ' ') {
        return 0;
    }
    unsigned code = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.ptr[i] < '0' || line.ptr[i] > '9') {
            return 0;
        }
        code = code * 10 + (unsigned)(line.ptr[i] - '0');
    }
    return code;
}
