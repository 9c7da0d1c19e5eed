/* What the writers of this room share: the inside of struct out, so that a record's constants and
 * numbers go straight into its buffer (performance: no call and no test per octet). */
#ifndef H2DUMP_RENDER_OUT_INT_H
#define H2DUMP_RENDER_OUT_INT_H

#include "render/out.h"

/* The most octets that one out_room() may ask for. */
#define OUT_SLACK 4096

struct out {
    struct mem *mem;
    int fd;           /* -1: everything is kept */
    uint8_t *buf;     /* flush_at + OUT_SLACK octets */
    size_t len;       /* filled */
    size_t flush_at;  /* filled this far, the buffer is written (fd) or grown (memory) */
    size_t max;       /* memory: octets kept at most */
    uint64_t flushed; /* octets that left the buffer */
    enum rc rc;
    int error_number;
};

/* Makes room: writes the buffer out, or lets it grow. */
void out_make_room(struct out *out);

/* Room for n <= OUT_SLACK octets; say with out_used() up to where it was filled. */
static inline uint8_t *out_room(struct out *out, size_t n)
{
    assert(n <= OUT_SLACK);
    if (H2D_UNLIKELY(out->len >= out->flush_at)) {
        out_make_room(out);
    }
    return out->buf + out->len;
}

/* The next n octets (far fewer than the buffer has) will lie together in the buffer: no write comes
 * between them. */
static inline void out_together(struct out *out, size_t n)
{
    if (H2D_UNLIKELY(out->len + n >= out->flush_at)) {
        out_make_room(out);
    }
}

static inline void out_used(struct out *out, const uint8_t *end)
{
    out->len = (size_t)(end - out->buf);
}

/* Octets written so far, flushed or not: a difference of two is the length of what lies between. */
static inline uint64_t out_position(const struct out *out)
{
    return out->flushed + out->len;
}

/* A constant of ours, shorter than OUT_SLACK; the compiler sees its length. */
static inline void out_const(struct out *out, const char *text)
{
    size_t len = strlen(text);
    memcpy(out_room(out, len), text, len);
    out->len += len;
}

#define OUT_EACH_OCTET(octet) ((uint64_t)(octet)*0x0101010101010101U)

/* Not zero where one of eight octets is below 0x20, DEL or above; it may also be so beside such an
 * octet. The usual test for a zero octet in a word, once each. */
static inline uint64_t out_word_special(uint64_t word)
{
    uint64_t del = word ^ OUT_EACH_OCTET(0x7f);
    return ((word - OUT_EACH_OCTET(0x20)) | (del - OUT_EACH_OCTET(1)) | word) &
           OUT_EACH_OCTET(0x80);
}

/* Writes the decimal digits of value at `at` (room for 20); returns their end. */
uint8_t *out_digits(uint8_t *at, uint64_t value);
/* The same with leading zeros up to `digits`. */
uint8_t *out_digits_fixed(uint8_t *at, uint64_t value, unsigned digits);

/* Copies octets to `at` if none of them needs an escape in JSON, and returns their end; NULL: one
 * does (what was written is worth nothing). Room for len octets. */
uint8_t *out_json_plain(uint8_t *at, struct span octets);
/* The same for text. */
uint8_t *out_text_plain(uint8_t *at, struct span octets);

/* What out_escaped() writes, as far as it fits `columns`; what does not is replaced by an ellipsis
 * in the last column. Returns the columns used. */
size_t out_escaped_fit(struct out *out, struct span octets, size_t columns);

/* The code point at octets[at] in *code and its length, or 0 where the octets are no UTF-8. */
size_t out_utf8(struct span octets, size_t at, uint32_t *code);
/* A code point that may reach a terminal as it is. */
bool out_harmless(uint32_t code);

#endif
