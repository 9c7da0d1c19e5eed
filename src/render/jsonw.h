/* A streaming JSON writer: one object a line, commas by itself, no white space. Keys are constants
 * of ours, so that the compiler sees their lengths; everything else is escaped by out.h. Knows no
 * record. The caller keeps objects and arrays balanced. */
#ifndef H2DUMP_RENDER_JSONW_H
#define H2DUMP_RENDER_JSONW_H

#include "render/out_int.h"

/* 2^53 - 1: a larger number would lose digits in readers that keep numbers as doubles. */
#define JSONW_NUMBER_MAX 9007199254740991U

struct jsonw {
    struct out *out;
    bool comma; /* something stands before the next key or element */
};

static inline void jsonw_init(struct jsonw *json, struct out *out)
{
    *json = (struct jsonw){ .out = out };
}

/* `"key":`, with a comma where one is due. */
static inline void jsonw_key(struct jsonw *json, const char *key)
{
    size_t len = strlen(key);
    uint8_t *at = out_room(json->out, len + 4);
    *at = ',';
    at += json->comma;
    *at++ = '"';
    memcpy(at, key, len);
    at += len;
    *at++ = '"';
    *at++ = ':';
    out_used(json->out, at);
    json->comma = true;
}

/* Before an element of an array. */
static inline void jsonw_element(struct jsonw *json)
{
    if (json->comma) {
        out_char(json->out, ',');
    }
    json->comma = true;
}

static inline void jsonw_open(struct jsonw *json, char bracket)
{
    out_char(json->out, bracket);
    json->comma = false;
}

static inline void jsonw_close(struct jsonw *json, char bracket)
{
    out_char(json->out, bracket);
    json->comma = true;
}

/* A number, or a string of digits where a number would not be exact everywhere. */
void jsonw_number(struct jsonw *json, uint64_t value);
void jsonw_signed(struct jsonw *json, int64_t value);

static inline void jsonw_u64(struct jsonw *json, const char *key, uint64_t value)
{
    jsonw_key(json, key);
    jsonw_number(json, value);
}

static inline void jsonw_true(struct jsonw *json, const char *key)
{
    jsonw_key(json, key);
    out_const(json->out, "true");
}

static inline void jsonw_bool(struct jsonw *json, const char *key, bool value)
{
    jsonw_key(json, key);
    out_const(json->out, value ? "true" : "false");
}

/* A string in quotes. True: the text says it all; false: octets were replaced. */
bool jsonw_string(struct jsonw *json, struct span octets);

/* A text of ours that needs no escape. */
static inline void jsonw_plain(struct jsonw *json, const char *key, const char *text)
{
    jsonw_key(json, key);
    out_char(json->out, '"');
    out_text(json->out, text);
    out_char(json->out, '"');
}

/* `"key":"0x…"`. */
void jsonw_hex_name(struct jsonw *json, const char *key, uint64_t value, unsigned digits);

/* `"key":"text"`, and `"key_base64":"…"` when the octets are no UTF-8. */
void jsonw_octets(struct jsonw *json, const char *key, struct span octets);

/* `"key":"68656c6c6f"`. */
void jsonw_hex(struct jsonw *json, const char *key, struct span octets);

#endif
