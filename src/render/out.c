#include "render/out.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "render/out_int.h"

/* Measured: a pipe moves twice as much in small writes (the writer does not sleep on a full pipe),
 * a file is best served with few large ones. */
#define FLUSH_PIPE   (16u << 10)
#define FLUSH_FILE   (256u << 10)
#define FLUSH_MEMORY 1024u

/* An escape's input is taken in pieces of which no octet can need more than 6 octets of output. */
#define ESCAPE_PIECE 512

static struct out *out_make(struct mem *mem, int fd, size_t flush_at, size_t max)
{
    struct out *out = mem_zalloc(mem, 1, sizeof *out);
    uint8_t *buf = mem_alloc(mem, flush_at + OUT_SLACK);
    if (out == NULL || buf == NULL) {
        mem_free(mem, buf);
        mem_free(mem, out);
        return NULL;
    }
    *out = (struct out){
        .mem = mem, .fd = fd, .buf = buf, .flush_at = flush_at, .max = max, .rc = RC_OK
    };
    return out;
}

struct out *out_new(struct mem *mem, int fd)
{
    struct stat st;
    bool is_file = fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode));
    bool is_terminal = isatty(fd) == 1;
    return out_make(mem, fd, is_file && !is_terminal ? FLUSH_FILE : FLUSH_PIPE, SIZE_MAX);
}

struct out *out_new_memory(struct mem *mem, size_t max)
{
    return out_make(mem, -1, FLUSH_MEMORY, max);
}

struct span out_memory(const struct out *out)
{
    return span_of(out->buf, num_min_size(out->len, out->max));
}

void out_forget(struct out *out)
{
    assert(out->fd < 0);
    out->len = 0;
    out->flushed = 0;
    out->rc = RC_OK;
}

void out_free(struct out *out)
{
    if (out == NULL) {
        return;
    }
    out_flush(out);
    mem_free(out->mem, out->buf);
    mem_free(out->mem, out);
}

enum rc out_rc(const struct out *out, struct err *err)
{
    if (out->rc == RC_OK) {
        return RC_OK;
    }
    const char *why = out->rc == RC_NOMEM ? "memory is out" : strerror(out->error_number);
    return err_set(err, out->rc, "cannot write the output: %s", why);
}

/* One write(2) of at least one octet; waits where the descriptor would not. */
static ssize_t write_some(int fd, const uint8_t *octets, size_t len)
{
    for (;;) {
        ssize_t n = write(fd, octets, len);
        if (n >= 0 || (errno != EINTR && errno != EAGAIN)) {
            return n;
        }
        if (errno == EAGAIN) {
            struct pollfd wait = { .fd = fd, .events = POLLOUT };
            (void)poll(&wait, 1, -1);
        }
    }
}

static void write_all(struct out *out)
{
    size_t done = 0;
    while (out->rc == RC_OK && done < out->len) {
        ssize_t n = write_some(out->fd, out->buf + done, out->len - done);
        if (n < 0) {
            out->error_number = errno;
            out->rc = errno == EPIPE ? RC_CLOSED : RC_IO;
        } else {
            done += (size_t)n;
        }
    }
    out->flushed += out->len;
    out->len = 0;
}

/* Doubles a memory writer's buffer; past its maximum it forgets what comes. */
static void grow(struct out *out)
{
    if (out->rc == RC_OK && out->len > out->max) {
        out->rc = RC_NOMEM;
    }
    if (out->rc == RC_OK) {
        /* More than what is filled, which may pass flush_at by the slack. */
        size_t flush_at = out->flush_at * 2 + OUT_SLACK;
        uint8_t *buf = mem_realloc(out->mem, out->buf, flush_at + OUT_SLACK);
        if (buf != NULL) {
            out->buf = buf;
            out->flush_at = flush_at;
            return;
        }
        out->rc = RC_NOMEM;
    }
    size_t keep = num_min_size(out->flush_at, out->max);
    out->flushed += out->len - keep;
    out->len = keep;
}

void out_make_room(struct out *out)
{
    if (out->fd >= 0) {
        write_all(out);
    } else {
        grow(out);
    }
}

void out_flush(struct out *out)
{
    if (out->fd >= 0 && out->len > 0) {
        write_all(out);
    }
}

/* ---- plain text and numbers ---- */

void out_raw(struct out *out, struct span octets)
{
    struct cur c = cur_of(octets);
    while (cur_left(&c) > 0) {
        struct span piece = cur_take(&c, num_min_size(cur_left(&c), OUT_SLACK));
        memcpy(out_room(out, piece.len), piece.ptr, piece.len);
        out->len += piece.len;
    }
}

void out_text(struct out *out, const char *text)
{
    out_raw(out, span_str(text));
}

void out_char(struct out *out, char c)
{
    *out_room(out, 1) = (uint8_t)c;
    out->len++;
}

static const char two_digits[] = "00010203040506070809101112131415161718192021222324"
                                 "25262728293031323334353637383940414243444546474849"
                                 "50515253545556575859606162636465666768697071727374"
                                 "75767778798081828384858687888990919293949596979899";

uint8_t *out_digits_fixed(uint8_t *at, uint64_t value, unsigned digits)
{
    unsigned left = digits;
    while (left >= 2) {
        left -= 2;
        memcpy(at + left, two_digits + 2 * (value % 100), 2);
        value /= 100;
    }
    if (left == 1) {
        at[0] = (uint8_t)('0' + value % 10);
    }
    return at + digits;
}

uint8_t *out_digits(uint8_t *at, uint64_t value)
{
    if (value < 10) {
        *at = (uint8_t)('0' + value);
        return at + 1;
    }
    if (value < 100) {
        memcpy(at, two_digits + 2 * value, 2);
        return at + 2;
    }
    unsigned digits = 1;
    for (uint64_t v = value; v >= 10; v /= 10) {
        digits++;
    }
    return out_digits_fixed(at, value, digits);
}

void out_u64(struct out *out, uint64_t value)
{
    out_used(out, out_digits(out_room(out, 20), value));
}

static const char hex_digits[] = "0123456789abcdef";

void out_hex(struct out *out, uint64_t value, unsigned digits)
{
    unsigned n = 1;
    for (uint64_t v = value; v >= 16; v >>= 4) {
        n++;
    }
    n = n < digits ? digits : n;
    uint8_t *at = out_room(out, 64);
    assert(n <= 64);
    for (unsigned i = n; i > 0; i--) {
        at[i - 1] = (uint8_t)hex_digits[value & 15];
        value >>= 4;
    }
    out->len += n;
}

void out_spaces(struct out *out, size_t count)
{
    while (count > 0) {
        size_t n = num_min_size(count, OUT_SLACK);
        memset(out_room(out, n), ' ', n);
        out->len += n;
        count -= n;
    }
}

void out_printf(struct out *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf((char *)out_room(out, OUT_SLACK), OUT_SLACK, format, args);
    va_end(args);
    if (n > 0) {
        out->len += num_min_size((size_t)n, OUT_SLACK - 1);
    }
}

/* ---- escapes ---- */

size_t out_utf8(struct span octets, size_t at, uint32_t *code)
{
    static const struct {
        uint8_t mask, lead, len;
        uint32_t least;
    } forms[] = { { 0x80, 0x00, 1, 0 },
                  { 0xe0, 0xc0, 2, 0x80 },
                  { 0xf0, 0xe0, 3, 0x800 },
                  { 0xf8, 0xf0, 4, 0x10000 } };
    assert(at < octets.len);
    uint8_t first = octets.ptr[at];
    for (size_t i = 0; i < H2D_COUNT_OF(forms); i++) {
        if ((first & forms[i].mask) != forms[i].lead) {
            continue;
        }
        if (octets.len - at < forms[i].len) {
            return 0;
        }
        uint32_t value = first & (uint8_t)~forms[i].mask;
        for (size_t k = 1; k < forms[i].len; k++) {
            uint8_t next = octets.ptr[at + k];
            if ((next & 0xc0) != 0x80) {
                return 0;
            }
            value = value << 6 | (next & 0x3f);
        }
        bool surrogate = value >= 0xd800 && value <= 0xdfff;
        if (value < forms[i].least || value > 0x10ffff || surrogate) {
            return 0;
        }
        *code = value;
        return forms[i].len;
    }
    return 0;
}

/* Code points that steer a terminal, turn the direction of text, or cannot be seen. */
static const struct {
    uint32_t first, last;
} harmful[] = {
    { 0x0000, 0x001f },   { 0x007f, 0x009f },   /* C0, DEL, C1 */
    { 0x00ad, 0x00ad },                         /* soft hyphen */
    { 0x034f, 0x034f },   { 0x061c, 0x061c },   /* grapheme joiner, Arabic letter mark */
    { 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   /* fillers, invisible vowels */
    { 0x180b, 0x180f },                         /* Mongolian selectors and separator */
    { 0x200b, 0x200f },   { 0x2028, 0x202e },   /* zero width, marks; separators, embeddings */
    { 0x2060, 0x206f },                         /* joiner, invisible operators, isolates */
    { 0x3164, 0x3164 },   { 0xfe00, 0xfe0f },   /* filler, variation selectors */
    { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   /* byte order mark, filler */
    { 0xfff0, 0xfffb },   { 0xfffe, 0xffff },   /* annotations, no characters */
    { 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 }, /* joiners of hieroglyphs, of shorthand */
    { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff }, /* musical controls, tags and selectors */
};

bool out_harmless(uint32_t code)
{
    for (size_t i = 0; i < H2D_COUNT_OF(harmful); i++) {
        if (code <= harmful[i].last) {
            return code < harmful[i].first;
        }
    }
    return true;
}

/* What stands for the octets at octets[at] in a text (room for 10); returns its length, and in
 * *taken how many octets it stands for. *columns: how wide a terminal shows it. */
static size_t escape_one(struct span octets, size_t at, uint8_t *to, size_t *taken, size_t *columns)
{
    uint32_t code = 0;
    size_t n = out_utf8(octets, at, &code);
    *taken = n == 0 ? 1 : n;
    if (n > 0 && code != '\\' && out_harmless(code)) {
        memcpy(to, octets.ptr + at, n);
        bool wide = code >= 0x1100 &&
                    (code <= 0x115f || (code >= 0x2e80 && code <= 0xa4cf) ||
                     (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                     (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
                     code >= 0x1f300);
        *columns = wide ? 2 : 1;
        return n;
    }
    size_t len;
    if (code == '\\') {
        len = 2;
        memcpy(to, "\\\\", 2);
    } else if (n <= 1) {
        uint8_t octet = octets.ptr[at];
        to[0] = '\\';
        to[1] = 'x';
        to[2] = (uint8_t)hex_digits[octet >> 4];
        to[3] = (uint8_t)hex_digits[octet & 15];
        len = 4;
    } else {
        char text[16];
        len = (size_t)snprintf(text, sizeof text, "\\u{%x}", (unsigned)code);
        memcpy(to, text, len);
    }
    *columns = len;
    return len;
}

static inline bool text_plain(uint8_t octet)
{
    return octet >= 0x20 && octet < 0x7f && octet != '\\';
}

/* The words' form of what needs an escape: in JSON the quotation mark does, too. */
static H2D_ALWAYS_INLINE uint64_t word_escapes(uint64_t word, bool json)
{
    uint64_t slash = word ^ OUT_EACH_OCTET('\\');
    uint64_t special = slash - OUT_EACH_OCTET(1);
    if (json) {
        special |= (word ^ OUT_EACH_OCTET('"')) - OUT_EACH_OCTET(1);
    }
    return out_word_special(word) | (special & OUT_EACH_OCTET(0x80));
}

/* Short strings are most of what there is: each length is done in whole words, the last of which
 * overlaps the one before, without a loop over octets. */
static H2D_ALWAYS_INLINE uint8_t *copy_plain(uint8_t *at, struct span octets, bool json)
{
    const uint8_t *from = octets.ptr;
    size_t len = octets.len;
    uint64_t first, last, special = 0;
    if (len >= sizeof first) {
        for (size_t i = 0; i + sizeof first < len; i += sizeof first) {
            memcpy(&first, from + i, sizeof first);
            memcpy(at + i, &first, sizeof first);
            special |= word_escapes(first, json);
        }
        memcpy(&last, from + len - sizeof last, sizeof last);
        memcpy(at + len - sizeof last, &last, sizeof last);
        special |= word_escapes(last, json);
    } else if (len >= 4) {
        uint32_t low, high;
        memcpy(&low, from, sizeof low);
        memcpy(&high, from + len - sizeof high, sizeof high);
        memcpy(at, &low, sizeof low);
        memcpy(at + len - sizeof high, &high, sizeof high);
        special = word_escapes((uint64_t)high << 32 | low, json);
    } else if (len > 0) {
        /* Of one to three octets these are the first, the middle and the last. */
        uint8_t middle = from[len / 2], end = from[len - 1];
        first = OUT_EACH_OCTET('x') << 24 | (uint64_t)end << 16 | (uint64_t)middle << 8 | from[0];
        at[0] = from[0];
        at[len / 2] = middle;
        at[len - 1] = end;
        special = word_escapes(first, json);
    }
    return special == 0 ? at + len : NULL;
}

/* out_escaped() of what is long or needs an escape. */
static H2D_NOINLINE void put_escaped(struct out *out, struct span octets)
{
    size_t i = 0;
    while (i < octets.len) {
        size_t stop = num_min_size(octets.len, i + ESCAPE_PIECE);
        uint8_t *at = out_room(out, OUT_SLACK);
        while (i < stop) {
            uint64_t word;
            if (stop - i >= sizeof word) {
                memcpy(&word, octets.ptr + i, sizeof word);
                memcpy(at, &word, sizeof word);
                if (H2D_LIKELY(word_escapes(word, false) == 0)) {
                    at += sizeof word;
                    i += sizeof word;
                    continue;
                }
            }
            if (text_plain(octets.ptr[i])) {
                *at++ = octets.ptr[i++];
                continue;
            }
            size_t taken, columns;
            at += escape_one(octets, i, at, &taken, &columns);
            i += taken;
        }
        out_used(out, at);
    }
}

void out_escaped(struct out *out, struct span octets)
{
    if (H2D_LIKELY(octets.len <= ESCAPE_PIECE)) {
        uint8_t *end = copy_plain(out_room(out, ESCAPE_PIECE), octets, false);
        if (H2D_LIKELY(end != NULL)) {
            out_used(out, end);
            return;
        }
    }
    put_escaped(out, octets);
}

size_t out_escaped_width(struct span octets)
{
    size_t width = 0, taken = 0, columns = 0;
    uint8_t scratch[16];
    for (size_t i = 0; i < octets.len; i += taken) {
        uint64_t word;
        taken = columns = 1;
        if (octets.len - i >= sizeof word) {
            memcpy(&word, octets.ptr + i, sizeof word);
            taken = columns = word_escapes(word, false) == 0 ? sizeof word : 1;
        }
        if (taken == 1 && !text_plain(octets.ptr[i])) {
            (void)escape_one(octets, i, scratch, &taken, &columns);
        }
        width += columns;
    }
    return width;
}

size_t out_escaped_fit(struct out *out, struct span octets, size_t columns)
{
    size_t width = 0, taken = 0, cut = 0, last = 0;
    uint8_t scratch[16];
    for (size_t i = 0; i < octets.len; i += taken) {
        taken = last = 1;
        if (!text_plain(octets.ptr[i])) {
            (void)escape_one(octets, i, scratch, &taken, &last);
        }
        if (width + last > columns) {
            out_escaped(out, (struct span){ octets.ptr, cut });
            out_text(out, "…");
            return columns;
        }
        width += last;
        if (width < columns) {
            cut = i + taken;
        }
    }
    out_escaped(out, octets);
    return width;
}

/* ---- JSON ---- */

/* What stands for the octets at octets[at] inside a JSON string; false: they are no UTF-8. */
static bool json_one(struct span octets, size_t at, uint8_t **to, size_t *taken)
{
    uint32_t code = 0;
    uint8_t *p = *to;
    size_t n = out_utf8(octets, at, &code);
    *taken = n == 0 ? 1 : n;
    if (n == 0) {
        memcpy(p, "\xef\xbf\xbd", 3);
        *to = p + 3;
        return false;
    }
    const char *letter =
        code < 0x80 && code != 0 ? strchr("\"\"\\\\\bb\ff\nn\rr\tt", (int)code) : NULL;
    if (letter != NULL && (code == '"' || code == '\\' || code < 0x20)) {
        p[0] = '\\';
        p[1] = (uint8_t)letter[1];
        *to = p + 2;
    } else if (out_harmless(code)) {
        memcpy(p, octets.ptr + at, n);
        *to = p + n;
    } else {
        uint32_t units[2] = { code, 0 };
        if (code >= 0x10000) {
            units[0] = 0xd800 + ((code - 0x10000) >> 10);
            units[1] = 0xdc00 + ((code - 0x10000) & 0x3ff);
        }
        for (size_t i = 0; i < 2 && (i == 0 || units[1] != 0); i++) {
            *p++ = '\\';
            *p++ = 'u';
            for (unsigned shift = 16; shift > 0; shift -= 4) {
                *p++ = (uint8_t)hex_digits[units[i] >> (shift - 4) & 15];
            }
        }
        *to = p;
    }
    return true;
}

static inline bool json_plain(uint8_t octet)
{
    return octet >= 0x20 && octet < 0x7f && octet != '"' && octet != '\\';
}

uint8_t *out_json_plain(uint8_t *at, struct span octets)
{
    return copy_plain(at, octets, true);
}

uint8_t *out_text_plain(uint8_t *at, struct span octets)
{
    return copy_plain(at, octets, false);
}

bool out_json_string(struct out *out, struct span octets)
{
    bool whole = true;
    size_t i = 0;
    if (octets.len <= ESCAPE_PIECE) {
        uint8_t *end = out_json_plain(out_room(out, ESCAPE_PIECE), octets);
        if (end != NULL) {
            out_used(out, end);
            return true;
        }
    }
    while (i < octets.len) {
        size_t stop = num_min_size(octets.len, i + ESCAPE_PIECE);
        uint8_t *at = out_room(out, OUT_SLACK);
        while (i < stop) {
            uint64_t word;
            if (stop - i >= sizeof word) {
                memcpy(&word, octets.ptr + i, sizeof word);
                memcpy(at, &word, sizeof word);
                if (H2D_LIKELY(word_escapes(word, true) == 0)) {
                    at += sizeof word;
                    i += sizeof word;
                    continue;
                }
            }
            if (json_plain(octets.ptr[i])) {
                *at++ = octets.ptr[i++];
                continue;
            }
            size_t taken;
            whole &= json_one(octets, i, &at, &taken);
            i += taken;
        }
        out_used(out, at);
    }
    return whole;
}

void out_base64(struct out *out, struct span octets)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct cur c = cur_of(octets);
    while (cur_left(&c) > 0) {
        size_t n = num_min_size(cur_left(&c), 3);
        struct span piece = cur_take(&c, n);
        uint32_t bits = (uint32_t)piece.ptr[0] << 16;
        bits |= n > 1 ? (uint32_t)piece.ptr[1] << 8 : 0;
        bits |= n > 2 ? piece.ptr[2] : 0;
        uint8_t *at = out_room(out, 4);
        at[0] = (uint8_t)letters[bits >> 18];
        at[1] = (uint8_t)letters[bits >> 12 & 63];
        at[2] = n > 1 ? (uint8_t)letters[bits >> 6 & 63] : (uint8_t)'=';
        at[3] = n > 2 ? (uint8_t)letters[bits & 63] : (uint8_t)'=';
        out->len += 4;
    }
}
