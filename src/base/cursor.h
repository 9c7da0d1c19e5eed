/* The bounded reader: the only place where a pointer into untrusted octets is advanced (the other
 * is the inner loop of h2/hpack_huff.c). Reading past the end yields zeros and sets a sticky flag;
 * a decoder reads all its fields and asks cur_done() or cur_ok() once. Nothing here allocates or
 * fails otherwise. */
#ifndef H2DUMP_BASE_CURSOR_H
#define H2DUMP_BASE_CURSOR_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/num.h"

/* Borrowed octets. ptr is never NULL, not even when len is 0 (NULL + 0 is undefined); see
 * span_empty(). */
struct span {
    const uint8_t *ptr;
    size_t len;
};

/* What is left to read, and whether somebody read past the end. */
struct cur {
    const uint8_t *pos, *end;
    bool bad;
};

static inline struct span span_of(const void *ptr, size_t len)
{
    assert(ptr != NULL);
    return (struct span){ (const uint8_t *)ptr, len };
}

static inline struct span span_empty(void)
{
    return (struct span){ (const uint8_t *)"", 0 };
}

/* The octets of a NUL-terminated string, without the NUL. */
static inline struct span span_str(const char *text)
{
    return (struct span){ (const uint8_t *)text, strlen(text) };
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static inline struct cur cur_of(struct span s)
{
    return (struct cur){ s.ptr, s.ptr + s.len, false };
}

static inline size_t cur_left(const struct cur *c)
{
    return (size_t)(c->end - c->pos);
}

/* Nobody has read past the end. */
static inline bool cur_ok(const struct cur *c)
{
    return !c->bad;
}

/* Nobody has read past the end, and nothing is left. */
static inline bool cur_done(const struct cur *c)
{
    return !c->bad && c->pos == c->end;
}

/* The next n octets; when there are fewer: nothing, the cursor goes to its end and turns bad. */
static inline struct span cur_take(struct cur *c, size_t n)
{
    if (n > cur_left(c)) {
        c->bad = true;
        c->pos = c->end;
        return (struct span){ c->end, 0 };
    }
    struct span s = { c->pos, n };
    c->pos += n;
    return s;
}

/* All that is left. */
static inline struct span cur_rest(struct cur *c)
{
    return cur_take(c, cur_left(c));
}

static inline void cur_skip(struct cur *c, size_t n)
{
    (void)cur_take(c, n);
}

/* The next octet without taking it; 0 at the end (not bad). */
static inline uint8_t cur_peek(const struct cur *c)
{
    return c->pos < c->end ? *c->pos : 0;
}

static inline uint8_t cur_u8(struct cur *c)
{
    struct span s = cur_take(c, 1);
    return s.len == 1 ? s.ptr[0] : 0;
}

static inline uint16_t cur_u16(struct cur *c)
{
    struct span s = cur_take(c, 2);
    return s.len == 2 ? num_be16(s.ptr) : 0;
}

static inline uint32_t cur_u24(struct cur *c)
{
    struct span s = cur_take(c, 3);
    return s.len == 3 ? num_be24(s.ptr) : 0;
}

static inline uint32_t cur_u32(struct cur *c)
{
    struct span s = cur_take(c, 4);
    return s.len == 4 ? num_be32(s.ptr) : 0;
}

/* Four octets without their first bit, which RFC 9113 reserves wherever it has 31-bit fields. */
static inline uint32_t cur_u31(struct cur *c)
{
    return cur_u32(c) & 0x7fffffffU;
}

#endif
