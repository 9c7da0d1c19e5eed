/* Holds the HPACK decoder against blocks whose fields are known (hpack_stories.py writes them to
 * our standard input), each story whole, an octet at a time and in pieces, strict and lenient; and
 * against libnghttp2's inflater where the build has it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_NGHTTP2
#include <nghttp2/nghttp2.h>
#endif

#include "h2/hpack.h"
#include "spec/limits.h"

#define LINE_OCTETS (1u << 20)
#define FIELDS_MAX  512
#define MANNERS     6 /* strict or lenient, times three ways to cut */

struct field {
    uint8_t *octets; /* name, then value */
    size_t name_len, value_len;
};

static struct field fields[FIELDS_MAX];
static size_t field_count;
static char story[256];
static unsigned long blocks, problems;
static struct mem mem;
static struct hpack_decoder *decoders[MANNERS];
#ifdef HAVE_NGHTTP2
static nghttp2_hd_inflater *inflater;
#endif

static void complain(const char *who, const char *what, size_t field)
{
    problems++;
    fprintf(stderr, "%s: block %lu, field %zu: %s: %s\n", story, blocks, field, who, what);
}

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (; hex[0] != '\0' && hex[1] != '\0' && hex[0] != '-'; hex += 2) {
        unsigned octet;
        int got = sscanf(hex, "%2x", &octet);
        assert(got == 1);
        (void)got;
        out[n++] = (uint8_t)octet;
    }
    return n;
}

static void compare(const char *who, size_t i, struct span name, struct span value)
{
    if (i >= field_count) {
        complain(who, "one field too many", i);
        return;
    }
    const struct field *field = &fields[i];
    if (!span_equal(name, span_of(field->octets, field->name_len)) ||
        !span_equal(value, span_of(field->octets + field->name_len, field->value_len))) {
        complain(who, "another field", i);
    }
}

static void run_ours(unsigned manner, struct span block)
{
    static const char *const names[] = { "strict, whole",     "lenient, whole",
                                         "strict, bytewise",  "lenient, bytewise",
                                         "strict, in pieces", "lenient, in pieces" };
    struct hpack_decoder *decoder = decoders[manner];
    struct cur rest = cur_of(block);
    size_t got = 0;
    hpack_begin_block(decoder);
    do {
        size_t want = manner < 2 ? block.len : manner < 4 ? 1 : 1 + (size_t)rand() % 24;
        struct cur chunk = cur_of(cur_take(&rest, num_min_size(want, cur_left(&rest))));
        struct h2_header header;
        enum hpack_status status;
        while ((status = hpack_decode(decoder, &chunk, cur_left(&rest) == 0, &header)) ==
               HPACK_FIELD) {
            if (header.repr == HPACK_SIZE_UPDATE) {
                continue;
            }
            compare(names[manner], got++, header.name, header.value);
            if (header.certainty != H2_EXACT || header.name.ptr[header.name.len] != '\0' ||
                header.value.ptr[header.value.len] != '\0') {
                complain(names[manner], "not exact, or without NUL", got);
            }
        }
        if (status == HPACK_ERROR || status == HPACK_NOMEM) {
            complain(names[manner], "error", got);
            return;
        }
    } while (cur_left(&rest) > 0);
    if (got != field_count) {
        complain(names[manner], "fields are missing", got);
    }
}

#ifdef HAVE_NGHTTP2
static void run_reference(struct span block)
{
    size_t got = 0;
    const uint8_t *pos = block.ptr;
    size_t left = block.len;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, pos, left, 1);
        if (n < 0) {
            complain("libnghttp2", "error", got);
            return;
        }
        pos += n;
        left -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            compare("libnghttp2", got++, span_of(nv.name, nv.namelen),
                    span_of(nv.value, nv.valuelen));
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            nghttp2_hd_inflate_end_headers(inflater);
            return;
        }
    }
}
#endif

static void end_story(void)
{
    for (unsigned i = 0; i < MANNERS; i++) {
        hpack_decoder_free(decoders[i]);
        decoders[i] = NULL;
    }
#ifdef HAVE_NGHTTP2
    if (inflater != NULL) {
        nghttp2_hd_inflate_del(inflater);
    }
    inflater = NULL;
#endif
}

static void begin_story(const char *name)
{
    end_story();
    snprintf(story, sizeof story, "%s", name);
    for (unsigned i = 0; i < MANNERS; i++) {
        decoders[i] = hpack_decoder_new(&mem, i % 2 == 1, LIMIT_HPACK_TABLE_OCTETS);
        assert(decoders[i] != NULL);
    }
#ifdef HAVE_NGHTTP2
    int rv = nghttp2_hd_inflate_new(&inflater);
    assert(rv == 0);
    (void)rv;
#endif
}

static void set_limit(uint32_t limit)
{
    for (unsigned i = 0; i < MANNERS; i++) {
        hpack_decoder_set_limit(decoders[i], limit, limit);
    }
#ifdef HAVE_NGHTTP2
    nghttp2_hd_inflate_change_table_size(inflater, limit);
#endif
}

static void add_field(char *text)
{
    assert(field_count < FIELDS_MAX);
    char *value = strchr(text, ' ');
    assert(value != NULL);
    *value++ = '\0';
    struct field *field = &fields[field_count++];
    field->octets = malloc(strlen(text) + strlen(value) + 1);
    assert(field->octets != NULL);
    field->name_len = from_hex(text, field->octets);
    field->value_len = from_hex(value, field->octets + field->name_len);
}

static void run_block(const char *hex)
{
    uint8_t *octets = malloc(strlen(hex) / 2 + 1);
    assert(octets != NULL);
    struct span block = span_of(octets, from_hex(hex, octets));
    blocks++;
    for (unsigned i = 0; i < MANNERS; i++) {
        run_ours(i, block);
    }
    for (unsigned i = 1; i < MANNERS; i++) {
        if (hpack_table_octets(decoders[i]) != hpack_table_octets(decoders[0]) ||
            hpack_table_entries(decoders[i]) != hpack_table_entries(decoders[0])) {
            complain("tables", "differ", i);
        }
    }
#ifdef HAVE_NGHTTP2
    run_reference(block);
    if (nghttp2_hd_inflate_get_dynamic_table_size(inflater) != hpack_table_octets(decoders[0]) ||
        nghttp2_hd_inflate_get_num_table_entries(inflater) - HPACK_STATIC_COUNT !=
            hpack_table_entries(decoders[0])) {
        complain("libnghttp2", "another table", 0);
    }
#endif
    free(octets);
    for (size_t i = 0; i < field_count; i++) {
        free(fields[i].octets);
    }
    field_count = 0;
}

int main(void)
{
    char *line = malloc(LINE_OCTETS);
    assert(line != NULL);
    mem_init(&mem, 0);
    srand(1);
    while (problems < 20 && fgets(line, LINE_OCTETS, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "story ", 6) == 0) {
            begin_story(line + 6);
        } else if (strncmp(line, "limit ", 6) == 0) {
            set_limit((uint32_t)strtoul(line + 6, NULL, 10));
        } else if (strncmp(line, "field ", 6) == 0) {
            add_field(line + 6);
        } else if (strncmp(line, "block ", 6) == 0) {
            run_block(line + 6);
        }
    }
    end_story();
    free(line);
    if (mem.used != 0) {
        complain("memory", "leaks", 0);
    }
    printf("%lu blocks, %lu problems\n", blocks, problems);
    return problems == 0 ? 0 : 1;
}
