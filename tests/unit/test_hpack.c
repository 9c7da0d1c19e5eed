/* The HPACK decoder: the examples of RFC 7541 appendix C, what is an error and which, every way to
 * cut a block, certainty after a loss, memory running out, and two models: a random encoder whose
 * table we know, and one of whose blocks only the later ones are seen. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h2/hpack.h"
#include "h2/hpack_huff_table.h"
#include "h2/hpack_syntax.h"
#include "h2/hpack_table.h"
#include "h2/message.h"
#include "h2/names.h"
#include "spec/limits.h"

#define TEXT_OCTETS  8192
#define BLOCK_OCTETS (300u << 10)

static struct mem mem;
static uint8_t block_octets[BLOCK_OCTETS];

static int set_up(void **state)
{
    (void)state;
    mem_init(&mem, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(mem.used, 0);
    return 0;
}

static struct hpack_decoder *make(bool lenient)
{
    struct hpack_decoder *decoder = hpack_decoder_new(&mem, lenient, LIMIT_HPACK_TABLE_OCTETS);
    assert_non_null(decoder);
    return decoder;
}

static enum hpack_level level_of(const struct hpack_decoder *decoder)
{
    uint32_t assumed;
    return hpack_decoder_level(decoder, &assumed);
}

static bool is_full(const struct hpack_decoder *decoder)
{
    return level_of(decoder) == HPACK_LEVEL_FULL;
}

/* A decoder that sees nothing of what was before, or of the limit. */
static struct hpack_decoder *make_joined(void)
{
    struct hpack_decoder *decoder = make(true);
    hpack_decoder_set_ceiling(decoder, HPACK_SIZE_ANY);
    hpack_decoder_join(decoder);
    return decoder;
}

/* Hex with blanks to octets at `at` of block_octets; the octets it has. */
static size_t put_hex(size_t at, const char *hex)
{
    size_t n = 0;
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ') {
            continue;
        }
        char pair[3] = { hex[0], hex[1], '\0' };
        block_octets[at + n++] = (uint8_t)strtoul(pair, NULL, 16);
        hex++;
    }
    return n;
}

static void say_header(char *text, const struct h2_header *header)
{
    size_t at = strlen(text);
    if (header->repr == HPACK_SIZE_UPDATE) {
        snprintf(text + at, TEXT_OCTETS - at, "size %u;", header->index);
        return;
    }
    assert_int_equal(header->name.ptr[header->name.len], 0);
    assert_int_equal(header->value.ptr[header->value.len], 0);
    char lost[32] = "";
    if (header->entry == H2_ENTRY_FORGOTTEN) {
        snprintf(lost, sizeof lost, "<forgotten>");
    } else if (header->entry != H2_ENTRY_NONE) {
        snprintf(lost, sizeof lost, "<%s%.0u:%u>", header->entry_loss > 0 ? "lost" : "pre",
                 header->entry_loss, header->entry);
    }
    const char *name = header->certainty <= H2_INFERRED  ? (const char *)header->name.ptr
                       : header->name.len > 0            ? (const char *)header->name.ptr
                       : header->certainty == H2_UNKNOWN ? "?"
                                                         : "name?";
    snprintf(text + at, TEXT_OCTETS - at, "%s%s%s: %s%s;",
             header->certainty == H2_INFERRED ? "~" : "", name, lost,
             header->certainty == H2_UNKNOWN ? "?" : (const char *)header->value.ptr,
             header->never_indexed ? " [never]" : "");
}

/* Decodes a block cut every `step` octets (0: whole) and writes down what came, ending in "." or
 * "!check@offset". */
static void run(struct hpack_decoder *decoder, struct span block, size_t step, char *text)
{
    struct cur rest = cur_of(block);
    enum hpack_status status;
    text[0] = '\0';
    hpack_begin_block(decoder);
    do {
        size_t n = step == 0 ? block.len : num_min_size(step, cur_left(&rest));
        struct cur chunk = cur_of(cur_take(&rest, n));
        struct h2_header header;
        while ((status = hpack_decode(decoder, &chunk, cur_left(&rest) == 0, &header)) ==
               HPACK_FIELD) {
            say_header(text, &header);
        }
    } while (status == HPACK_MORE);
    size_t at = strlen(text);
    if (status == HPACK_ERROR) {
        uint64_t off;
        struct span fault;
        enum check check = hpack_error(decoder, &off, &fault);
        snprintf(text + at, TEXT_OCTETS - at, "!%s@%llu", spec_check(check)->id,
                 (unsigned long long)off);
    } else {
        snprintf(text + at, TEXT_OCTETS - at, status == HPACK_END ? "." : "!nomem");
    }
}

static void expect(struct hpack_decoder *decoder, size_t step, const char *hex, const char *wanted)
{
    char text[TEXT_OCTETS];
    size_t n = put_hex(0, hex);
    run(decoder, span_of(block_octets, n), step, text);
    assert_string_equal(text, wanted);
}

/* ---- one block, a fresh decoder, every cut ---- */

struct block_row {
    const char *hex, *strict;
    const char *lenient; /* NULL: the same */
};

static const struct block_row block_rows[] = {
    /* RFC 7541 C.2 */
    { "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      "custom-key: custom-header;.", NULL },
    { "040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path;.", NULL },
    { "1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret [never];.", NULL },
    { "82", ":method: GET;.", NULL },
    { "", ".", NULL },
    { "84", ":path: /;.", NULL },
    { "80", "!hpack-index-zero@0", NULL },
    { "8280", ":method: GET;!hpack-index-zero@1", NULL },
    /* an index with nothing behind it */
    { "be", "!hpack-index-out-of-range@0", NULL },
    { "7e0161", "!hpack-index-out-of-range@0", NULL },
    { "0f2f0161", "!hpack-index-out-of-range@0", NULL },
    { "40016101 62 bf", "a: b;!hpack-index-out-of-range@5", NULL },
    { "ff80808080", "!hpack-index-out-of-range@0", "!hpack-block-truncated@0" },
    /* representations and flags */
    { "4001610162 1f2f0163 0f2f0164 be", "a: b;a: c [never];a: d;a: b;.", NULL },
    { "0001610162 be", "a: b;!hpack-index-out-of-range@5", NULL },
    { "4000 00 be", ": ;: ;.", NULL },
    { "40 80 80", ": ;.", NULL },
    /* integers */
    { "0f8080808000 0161", "accept-charset: a;.", NULL },
    { "0f808080808000 0161", "!hpack-integer-overflow@0", NULL },
    { "3fffffffff7f", "!hpack-table-update-too-large@0", "!hpack-integer-overflow@0" },
    { "007f ff ff ff ff 10", "!limit-hpack-string@0", "!hpack-integer-overflow@0" },
    /* strings and Huffman */
    { "40017880", "x: ;.", NULL },
    { "400178811f", "x: a;.", NULL },
    { "4001788118", "!hpack-huffman-padding-bits@0", NULL },
    { "400178821fff", "!hpack-huffman-padding-long@0", NULL },
    { "40017881ff", "!hpack-huffman-padding-long@0", NULL },
    { "40017884ffffffff", "!hpack-huffman-eos@0", NULL },
    { "4001788a18c6318c6318c631ffff", "!hpack-huffman-padding-long@0", NULL },
    { "4001788e18c6318c6318c631fffffffff8e0", "!hpack-huffman-eos@0", NULL },
    { "408118 0161", "!hpack-huffman-padding-bits@0", NULL },
    /* ends inside */
    { "40", "!hpack-block-truncated@0", NULL },
    { "8240 0161", ":method: GET;!hpack-block-truncated@1", NULL },
    { "8240 0161 05 6162", ":method: GET;!hpack-string-overrun@1", NULL },
    { "0001", "!hpack-string-overrun@0", NULL },
    { "0f", "!hpack-block-truncated@0", NULL },
    { "3f", "!hpack-block-truncated@0", NULL },
    /* size updates */
    { "20", "size 0;.", NULL },
    { "20 3fe10f 3fe11f 82", "size 0;size 2048;size 4096;:method: GET;.", NULL },
    { "3fe11f", "size 4096;.", NULL },
    { "3fe21f", "!hpack-table-update-too-large@0", NULL },
    { "82 20", ":method: GET;!hpack-table-update-late@1", NULL },
};

static void test_blocks_in_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < H2D_COUNT_OF(block_rows); i++) {
        const struct block_row *row = &block_rows[i];
        for (unsigned lenient = 0; lenient < 2; lenient++) {
            for (size_t step = 0; step < 8; step++) {
                struct hpack_decoder *decoder = make(lenient == 1);
                expect(decoder, step, row->hex,
                       lenient == 1 && row->lenient != NULL ? row->lenient : row->strict);
                hpack_decoder_free(decoder);
            }
        }
    }
}

/* ---- several blocks on one table ---- */

#define GET_HTTP ":method: GET;:scheme: http;"
#define DATE_21  "Mon, 21 Oct 2013 20:13:21 GMT"
#define DATE_22  "Mon, 21 Oct 2013 20:13:22 GMT"
#define COOKIE   "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
#define LOCATION "location: https://www.example.com;"

struct story_row {
    const char *hex, *fields;
    uint32_t octets, entries;
};

struct story {
    uint32_t limit;
    struct story_row rows[4];
};

/* RFC 7541 C.3 to C.6. The responses are made for a table of 256 octets, which the first block
 * says. */
static const struct story stories[] = {
    { 4096,
      { { "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
          GET_HTTP ":path: /;:authority: www.example.com;.", 57, 1 },
        { "8286 84be 5808 6e6f 2d63 6163 6865",
          GET_HTTP ":path: /;:authority: www.example.com;cache-control: no-cache;.", 110, 2 },
        { "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
          ":method: GET;:scheme: https;:path: /index.html;:authority: www.example.com;"
          "custom-key: custom-value;.",
          164, 3 },
        { NULL, NULL, 0, 0 } } },
    { 4096,
      { { "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
          GET_HTTP ":path: /;:authority: www.example.com;.", 57, 1 },
        { "8286 84be 5886 a8eb 1064 9cbf",
          GET_HTTP ":path: /;:authority: www.example.com;cache-control: no-cache;.", 110, 2 },
        { "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
          ":method: GET;:scheme: https;:path: /index.html;:authority: www.example.com;"
          "custom-key: custom-value;.",
          164, 3 },
        { NULL, NULL, 0, 0 } } },
    { 256,
      { { "3fe101 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133"
          "2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65"
          "2e63 6f6d",
          "size 256;:status: 302;cache-control: private;date: " DATE_21 ";" LOCATION ".", 222, 4 },
        { "4803 3330 37c1 c0bf",
          ":status: 307;cache-control: private;date: " DATE_21 ";" LOCATION ".", 222, 4 },
        { "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0"
          "5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851"
          "5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
          ":status: 200;cache-control: private;date: " DATE_22 ";" LOCATION
          "content-encoding: gzip;set-cookie: " COOKIE ";.",
          215, 3 },
        { NULL, NULL, 0, 0 } } },
    { 256,
      { { "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6"
          "2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
          "size 256;:status: 302;cache-control: private;date: " DATE_21 ";" LOCATION ".", 222, 4 },
        { "4883 640e ffc1 c0bf",
          ":status: 307;cache-control: private;date: " DATE_21 ";" LOCATION ".", 222, 4 },
        { "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad"
          "94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160"
          "65c0 03ed 4ee5 b106 3d50 07",
          ":status: 200;cache-control: private;date: " DATE_22 ";" LOCATION
          "content-encoding: gzip;set-cookie: " COOKIE ";.",
          215, 3 },
        { NULL, NULL, 0, 0 } } },
};

static void test_appendix_c(void **state)
{
    (void)state;
    for (size_t i = 0; i < H2D_COUNT_OF(stories); i++) {
        for (size_t step = 0; step < 6; step++) {
            struct hpack_decoder *decoder = make(step % 2 == 1);
            hpack_decoder_set_limit(decoder, stories[i].limit, stories[i].limit);
            for (const struct story_row *row = stories[i].rows; row->hex != NULL; row++) {
                expect(decoder, step, row->hex, row->fields);
                assert_int_equal(hpack_table_octets(decoder), row->octets);
                assert_int_equal(hpack_table_entries(decoder), row->entries);
            }
            hpack_decoder_free(decoder);
        }
    }
}

static void test_header_says_where_and_how(void **state)
{
    (void)state;
    struct hpack_decoder *decoder = make(false);
    struct h2_header header;
    size_t n = put_hex(0, "82 4186a0e41d139d09 be 108825a849e95ba97d7f05610d620920");
    struct cur chunk = cur_of(span_of(block_octets, n));
    hpack_begin_block(decoder);
    assert_int_equal(hpack_decode(decoder, &chunk, true, &header), HPACK_FIELD);
    assert_int_equal(header.repr, HPACK_INDEXED);
    assert_int_equal(header.index, 2);
    assert_int_equal(header.token, H2_TOKEN_METHOD);
    assert_int_equal(header.wire_octets, 1);
    assert_false(header.inserted);

    assert_int_equal(hpack_decode(decoder, &chunk, true, &header), HPACK_FIELD);
    assert_string_equal((const char *)header.value.ptr, "localhost");
    assert_int_equal(header.repr, HPACK_LITERAL_INDEXED);
    assert_int_equal(header.index, 1);
    assert_int_equal(header.token, H2_TOKEN_AUTHORITY);
    assert_true(header.inserted && header.huffman_value && !header.huffman_name);
    assert_int_equal(header.name_wire_octets, 0);
    assert_int_equal(header.value_wire_octets, 6);
    assert_int_equal(header.block_off, 1);
    assert_int_equal(header.wire_octets, 8);

    assert_int_equal(hpack_decode(decoder, &chunk, true, &header), HPACK_FIELD);
    assert_string_equal((const char *)header.value.ptr, "localhost");
    assert_int_equal(header.index, 62);
    assert_int_equal(header.token, H2_TOKEN_AUTHORITY);
    assert_false(header.huffman_value || header.inserted);
    assert_int_equal(header.block_off, 9);

    assert_int_equal(hpack_decode(decoder, &chunk, true, &header), HPACK_FIELD);
    assert_string_equal((const char *)header.name.ptr, "custom-key");
    assert_int_equal(header.token, H2_TOKEN_NONE);
    assert_int_equal(header.octet_facts, H2_VALUE_NUL_CR_LF | H2_VALUE_EDGE_SPACE);
    assert_true(header.huffman_name && header.never_indexed && !header.inserted);
    assert_int_equal(header.name_wire_octets, 8);
    assert_int_equal(hpack_decode(decoder, &chunk, true, &header), HPACK_END);
    hpack_decoder_free(decoder);
}

/* ---- the table and its size ---- */

/* A literal with incremental indexing, name of one octet and a value of n octets 'v'. */
static size_t put_literal(size_t at, char name, size_t n)
{
    size_t start = at;
    block_octets[at++] = 0x40;
    block_octets[at++] = 1;
    block_octets[at++] = (uint8_t)name;
    if (n < 127) {
        block_octets[at++] = (uint8_t)n;
    } else {
        block_octets[at++] = 127;
        size_t rest = n - 127;
        for (; rest >= 128; rest /= 128) {
            block_octets[at++] = (uint8_t)(0x80 | rest % 128);
        }
        block_octets[at++] = (uint8_t)rest;
    }
    memset(block_octets + at, 'v', n);
    return at + n - start;
}

static void test_eviction(void **state)
{
    (void)state;
    struct hpack_decoder *decoder = make(false);
    char text[TEXT_OCTETS];
    size_t n = 0;
    for (char name = 'a'; name < 'e'; name++) {
        n += put_literal(n, name, 1100);
    }
    run(decoder, span_of(block_octets, n), 0, text);
    assert_int_equal(strlen(text), 4 * 1104 + 1);
    assert_int_equal(hpack_table_entries(decoder), 3);
    assert_int_equal(hpack_table_octets(decoder), 3 * 1133);
    n = put_literal(0, 'x', 4096 - 33); /* exactly as large as the table */
    run(decoder, span_of(block_octets, n), 0, text);
    assert_int_equal(hpack_table_entries(decoder), 1);
    assert_int_equal(hpack_table_octets(decoder), 4096);
    n = put_literal(0, 'y', 4096 - 32); /* one more: shown, and the table is empty */
    run(decoder, span_of(block_octets, n), 0, text);
    assert_int_equal(strlen(text), 4096 - 32 + 5);
    assert_int_equal(hpack_table_entries(decoder), 0);
    hpack_decoder_free(decoder);
}

static void test_name_survives_its_eviction(void **state)
{
    (void)state;
    struct hpack_decoder *decoder = make(false);
    char text[TEXT_OCTETS];
    size_t n = put_literal(0, 'n', 2000);
    /* Name of entry 62, with a value that makes the old entry go. */
    size_t literal = put_literal(n, 'z', 3000);
    block_octets[n] = 0x7e;
    memmove(block_octets + n + 1, block_octets + n + 3, literal - 3);
    n += literal - 2;
    run(decoder, span_of(block_octets, n), 0, text);
    assert_memory_equal(text + 2000 + 4, "n: vvvv", 7);
    assert_int_equal(hpack_table_entries(decoder), 1);
    expect(decoder, 0, "be", text + 2000 + 4);
    hpack_decoder_free(decoder);
}

struct setting_case {
    uint32_t limits[4]; /* pairs of smallest and last, one acknowledged frame each; 0, 0: none */
    const char *hex, *wanted;
    bool missing;            /* lenient: only remarked */
    const char *unsignalled; /* lenient: the smallest size is not signalled, that is remarked on */
};

static const struct setting_case limit_rows[] = {
    { { 0, 0, 1, 0 }, "82", "!hpack-table-update-missing@0", true, NULL },
    { { 0, 0, 1, 0 }, "", "!hpack-table-update-missing@0", true, NULL },
    { { 0, 0, 1, 0 }, "20 82", "size 0;:method: GET;.", false, NULL },
    { { 0, 0, 1, 0 }, "21", "!hpack-table-update-too-large@0", false, NULL },
    { { 8192, 8192, 1, 0 }, "82", ":method: GET;.", false, NULL },
    { { 8192, 8192, 1, 0 }, "3fe13f", "size 8192;.", false, NULL },
    { { 4095, 4095, 4096, 4096 }, "82", "!hpack-table-update-missing@0", true, NULL },
    { { 111, 4096, 1, 0 }, "3f50 3fe11f", "size 111;size 4096;.", false, NULL },
    { { 111, 4096, 1, 0 }, "3f51", "!hpack-table-update-too-large@0", false, "size 112;." },
    { { 111, 111, 4095, 4095 },
      "3f50 3fe11f",
      "size 111;!hpack-table-update-too-large@2",
      false,
      NULL },
    { { 111, 111, 4095, 4095 }, "3f50 3fe01f", "size 111;size 4095;.", false, NULL },
    { { 200, 200, 300, 300 }, "3fa901 82", "size 200;:method: GET;.", false, NULL },
    { { 200, 200, 150, 150 }, "3fa901", "!hpack-table-update-too-large@0", false, NULL },
};

static void test_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < H2D_COUNT_OF(limit_rows); i++) {
        const struct setting_case *row = &limit_rows[i];
        for (unsigned lenient = 0; lenient < 2; lenient++) {
            struct hpack_decoder *decoder = make(lenient == 1);
            hpack_decoder_set_limit(decoder, row->limits[0], row->limits[1]);
            if (row->limits[2] == row->limits[3]) {
                hpack_decoder_set_limit(decoder, row->limits[2], row->limits[3]);
            }
            const char *wanted = row->wanted;
            if (lenient == 1 && row->missing) {
                wanted = row->hex[0] != '\0' ? ":method: GET;." : ".";
            }
            bool unsignalled = lenient == 1 && row->unsignalled != NULL;
            expect(decoder, 1, row->hex, unsignalled ? row->unsignalled : wanted);
            assert_int_equal(hpack_decoder_remark(decoder),
                             unsignalled ? CHECK_HPACK_TABLE_UPDATE_MIN_UNSIGNALLED : CHECK_COUNT);
            assert_int_equal(hpack_decoder_update_missing(decoder), lenient == 1 && row->missing);
            assert_false(hpack_decoder_update_missing(decoder));
            hpack_decoder_free(decoder);
        }
    }
}

/* Integers up to 2^32-1, and no further. */
static void test_largest_integer(void **state)
{
    (void)state;
    struct hpack_decoder *decoder = make(false);
    hpack_decoder_set_limit(decoder, UINT32_MAX, UINT32_MAX);
    expect(decoder, 1, "3fe0ffffff0f", "size 4294967295;.");
    expect(decoder, 0, "3fe1ffffff0f", "!hpack-integer-overflow@0");
    expect(decoder, 0, "82", "!hpack-integer-overflow@0"); /* bad for good */
    hpack_decoder_free(decoder);
}

static void test_reduction_evicts(void **state)
{
    (void)state;
    struct hpack_decoder *strict = make(false), *lenient = make(true);
    expect(strict, 0, "4001610162 4001630164", "a: b;c: d;.");
    expect(lenient, 0, "4001610162 4001630164", "a: b;c: d;.");
    hpack_decoder_set_limit(strict, 40, 40);
    hpack_decoder_set_limit(lenient, 40, 40);
    assert_int_equal(hpack_table_entries(strict), 1);
    assert_int_equal(hpack_table_entries(lenient), 2); /* until the encoder has noticed */
    expect(strict, 0, "3f09 be", "size 40;c: d;.");
    expect(lenient, 0, "3f09 be", "size 40;c: d;.");
    assert_int_equal(hpack_table_entries(lenient), 1);
    hpack_decoder_free(strict);
    hpack_decoder_free(lenient);
}

/* ---- limits of ours ---- */

static void test_string_limit(void **state)
{
    (void)state;
    char *text = malloc(BLOCK_OCTETS);
    assert_non_null(text);
    for (size_t over = 0; over < 2; over++) {
        size_t n = put_literal(0, 'x', LIMIT_HPACK_STRING_OCTETS + over);
        n += put_hex(n, "4001610162be");
        for (size_t step = 0; step < 40000; step = step * 5 + 1) {
            struct hpack_decoder *strict = make(false), *lenient = make(true);
            struct cur rest = cur_of(span_of(block_octets, n));
            enum hpack_status status = HPACK_MORE;
            struct h2_header header;
            hpack_begin_block(strict);
            while (status == HPACK_MORE) {
                struct cur chunk =
                    cur_of(cur_take(&rest, num_min_size(step == 0 ? n : step, cur_left(&rest))));
                status = hpack_decode(strict, &chunk, cur_left(&rest) == 0, &header);
            }
            assert_int_equal(status, over == 0 ? HPACK_FIELD : HPACK_ERROR);
            if (over == 1) {
                run(lenient, span_of(block_octets, n), step, text);
                assert_string_equal(text, "x: ?;a: b;a: b;.");
                assert_int_equal(hpack_decoder_limit_hit(lenient), CHECK_LIMIT_HPACK_STRING);
            }
            assert_int_equal(hpack_decoder_limit_hit(lenient), CHECK_COUNT);
            assert_true(is_full(lenient));
            hpack_decoder_free(strict);
            hpack_decoder_free(lenient);
        }
    }
    free(text);
}

/* Name too long; then both; then a block that ends inside. */
static void test_string_limit_names(void **state)
{
    (void)state;
    static char text[TEXT_OCTETS];
    const size_t n = LIMIT_HPACK_STRING_OCTETS + 1;
    struct hpack_decoder *decoder = make(true);
    size_t at = put_hex(0, "40 7f 82ff03");
    memset(block_octets + at, 'n', n);
    at += n;
    at += put_hex(at, "0176 be");
    for (size_t step = 0; step < 70000; step = step * 9 + 1) {
        run(decoder, span_of(block_octets, at), step, text);
        assert_string_equal(text, "name?: v;!hpack-index-out-of-range@65544");
        hpack_decoder_free(decoder);
        decoder = make(true);
    }
    run(decoder, span_of(block_octets, 5000), 0, text);
    assert_string_equal(text, "!hpack-string-overrun@0");
    hpack_decoder_free(decoder);
}

/* An encoder that may use a larger table than we keep: what we gave up is unknown, not wrong. */
static void test_table_limit(void **state)
{
    (void)state;
    struct hpack_decoder *decoder = make(true);
    static char text[TEXT_OCTETS];
    hpack_decoder_set_limit(decoder, 1u << 20, 1u << 20);
    expect(decoder, 0, "3fe1ff3f", "size 1048576;.");
    for (unsigned i = 0; i < 40; i++) {
        size_t n = put_literal(0, (char)('a' + i % 26), 2000);
        run(decoder, span_of(block_octets, n), 0, text);
    }
    assert_true(hpack_table_octets(decoder) <= LIMIT_HPACK_TABLE_OCTETS);
    assert_int_equal(hpack_table_entries(decoder), 32);
    assert_false(is_full(decoder));
    assert_int_equal(hpack_decoder_limit_hit(decoder), CHECK_COUNT);
    expect(decoder, 0, "e5", "?<forgotten>: ?;."); /* index 101: the 40th newest */
    assert_int_equal(hpack_decoder_limit_hit(decoder), CHECK_LIMIT_HPACK_TABLE);
    assert_int_equal(hpack_decoder_limit_hit(decoder), CHECK_COUNT);
    expect(decoder, 0, "203fe1ff3f 4001610162 be", "size 0;size 1048576;a: b;a: b;.");
    assert_true(is_full(decoder));
    hpack_decoder_free(decoder);
}

static void test_idle_decoder_is_small(void **state)
{
    (void)state;
    struct hpack_decoder *decoder = make(true);
    assert_true(mem.used <= 512);
    expect(decoder, 0, "8286844108 2f2f2f2f2f2f2f2f", GET_HTTP ":path: /;:authority: ////////;.");
    assert_true(mem.used <= 1152);
    static char text[TEXT_OCTETS];
    size_t n = put_literal(0, 'x', LIMIT_HPACK_STRING_OCTETS);
    struct cur chunk = cur_of(span_of(block_octets, n));
    struct h2_header header;
    hpack_begin_block(decoder);
    assert_int_equal(hpack_decode(decoder, &chunk, true, &header), HPACK_FIELD);
    assert_true(mem.used > 60000);
    run(decoder, span_empty(), 0, text);
    assert_true(mem.used < 4096);
    hpack_decoder_free(decoder);
}

/* ---- certainty (capture-layer 5.4) ---- */

/* The examples of 5.4. */
static void test_join(void **state)
{
    (void)state;
    static char text[TEXT_OCTETS];
    for (size_t step = 0; step < 3; step++) {
        struct hpack_decoder *decoder = make_joined();
        assert_int_equal(level_of(decoder), HPACK_LEVEL_PARTIAL);
        expect(decoder, step, "8386c4bf4103612e62",
               ":method: POST;:scheme: http;?<pre:7>: ?;?<pre:2>: ?;:authority: a.b;.");
        expect(decoder, step, "8386c5be",
               ":method: POST;:scheme: http;?<pre:7>: ?;:authority: a.b;.");
        expect(decoder, step, "7f03026f6b be", "name?<pre:4>: ok;name?<pre:4>: ok;.");
        expect(decoder, step, "3fe11f 88", "size 4096;:status: 200;.");
        assert_int_equal(hpack_table_octets(decoder), 79);
        assert_int_equal(hpack_table_older(decoder), 125);
        assert_int_equal(level_of(decoder), HPACK_LEVEL_PARTIAL);
        /* Inserts until L = 4070: all entries from before are gone. */
        size_t n = put_literal(0, 'x', 4070 - 79 - 33);
        run(decoder, span_of(block_octets, n), step * 1000, text);
        assert_int_equal(hpack_table_octets(decoder), 4070);
        assert_int_equal(hpack_table_older(decoder), 0);
        assert_int_equal(level_of(decoder), HPACK_LEVEL_NAMES);
        /* Until the nameless entry is surely gone. */
        n = put_literal(0, 'a', 40);
        run(decoder, span_of(block_octets, n), step, text);
        assert_int_equal(level_of(decoder), HPACK_LEVEL_FULL);
        expect(decoder, step, "203fe11f 88 4001610162 be",
               "size 0;size 4096;:status: 200;a: b;a: b;.");
        assert_int_equal(level_of(decoder), HPACK_LEVEL_FULL);
        hpack_decoder_free(decoder);
    }
}

/* The table is emptied at any time: all is known at once. */
static void test_size_0_completes(void **state)
{
    (void)state;
    struct hpack_decoder *decoder = make_joined();
    expect(decoder, 0, "7f03026f6b c6", "name?<pre:5>: ok;?<pre:8>: ?;.");
    expect(decoder, 0, "20 3fe11f 4001610162", "size 0;size 4096;a: b;.");
    assert_int_equal(level_of(decoder), HPACK_LEVEL_FULL);
    expect(decoder, 0, "be", "a: b;.");
    hpack_decoder_free(decoder);
}

/* Where the start was not seen, a reference to nothing is no error: whatever was assumed is wrong.
 */
static void test_contradiction(void **state)
{
    (void)state;
    uint32_t index;
    struct hpack_decoder *decoder = make_joined();
    expect(decoder, 0, "20 3fe11f 4001610162", "size 0;size 4096;a: b;.");
    assert_false(hpack_decoder_contradicted(decoder, &index));
    hpack_decoder_set_ceiling(decoder, 4096);
    expect(decoder, 0, "bf be 4001630164 bf be",
           "?<lost1:2>: ?;?<lost1:1>: ?;c: d;?<lost1:1>: ?;c: d;.");
    assert_true(hpack_decoder_contradicted(decoder, &index));
    assert_int_equal(index, 63);
    assert_false(hpack_decoder_contradicted(decoder, &index));
    assert_int_equal(level_of(decoder), HPACK_LEVEL_PARTIAL);
    assert_int_equal(hpack_table_older(decoder), (4096 - 34) / 32);
    /* Position 300 does not even fit what the limit allows: then that is wrong, too. */
    expect(decoder, 0, "ffad01", "?<lost2:239>: ?;.");
    assert_true(hpack_decoder_contradicted(decoder, &index));
    assert_int_equal(index, 300);
    hpack_decoder_free(decoder);
    decoder = make(true);
    expect(decoder, 0, "be", "!hpack-index-out-of-range@0");
    hpack_decoder_free(decoder);
}

/* Nobody says how large the table is: complete, if it is as large as most. */
static void test_assumed_size(void **state)
{
    (void)state;
    uint32_t assumed;
    static char text[TEXT_OCTETS];
    struct hpack_decoder *decoder = make_joined();
    expect(decoder, 0, "7f03026f6b", "name?<pre:5>: ok;.");
    size_t n = put_literal(0, 'x', 4060 - 33); /* the nameless entry may be there still */
    run(decoder, span_of(block_octets, n), 0, text);
    assert_int_equal(level_of(decoder), HPACK_LEVEL_PARTIAL);
    expect(decoder, 0, "4001610162", "a: b;.");
    assert_int_equal(hpack_decoder_level(decoder, &assumed), HPACK_LEVEL_ASSUMED);
    assert_int_equal(assumed, 4096);
    /* A reference to the oldest of them shows that the table is larger than that. */
    expect(decoder, 0, "c0", "name?<pre:5>: ok;.");
    assert_int_equal(hpack_decoder_level(decoder, &assumed), HPACK_LEVEL_PARTIAL);
    assert_int_equal(assumed, 65536);
    for (unsigned i = 0; i < 16; i++) {
        n = put_literal(0, 'y', 4000);
        run(decoder, span_of(block_octets, n), 0, text);
    }
    assert_int_equal(hpack_decoder_level(decoder, &assumed), HPACK_LEVEL_ASSUMED);
    assert_int_equal(assumed, 65536);
    hpack_decoder_bound(decoder, 65536); /* now somebody says it */
    assert_int_equal(level_of(decoder), HPACK_LEVEL_FULL);
    hpack_decoder_free(decoder);
}

/* As long as the size is not known, 1024 entries are kept; the others are neither right nor wrong.
 */
static void test_entries_forgotten(void **state)
{
    (void)state;
    static char text[TEXT_OCTETS];
    struct hpack_decoder *decoder = make_joined();
    for (unsigned i = 0; i < LIMIT_HPACK_ENTRIES_UNSURE + 3; i++) {
        expect(decoder, 0, "4001610162", "a: b;.");
    }
    assert_int_equal(hpack_table_entries(decoder), LIMIT_HPACK_ENTRIES_UNSURE);
    expect(decoder, 0, "ff be07", "a: b;."); /* 61 + 1024 */
    expect(decoder, 0, "ff c007", "?<forgotten>: ?;.");
    expect(decoder, 0, "7f 8108 0163", "name?<forgotten>: c;.");
    expect(decoder, 0, "ff c307", "?<pre:1>: ?;."); /* one was inserted since */
    assert_int_equal(hpack_decoder_limit_hit(decoder), CHECK_LIMIT_HPACK_TABLE);
    assert_int_equal(level_of(decoder), HPACK_LEVEL_PARTIAL);
    size_t n = put_hex(0, "3fe11f"); /* 4096 octets hold 120 of them */
    run(decoder, span_of(block_octets, n), 0, text);
    assert_int_equal(level_of(decoder), HPACK_LEVEL_NAMES);
    hpack_decoder_free(decoder);
}

/* An update that was due has not come: what rests on the dynamic table is marked until one does. */
static void test_update_missing_is_doubtful(void **state)
{
    (void)state;
    struct hpack_decoder *decoder = make(true);
    expect(decoder, 0, "4001610162", "a: b;.");
    hpack_decoder_set_limit(decoder, 100, 100);
    expect(decoder, 0, "be 88 7e0163 4001640165 be bf",
           "~a: b;:status: 200;~a: c;d: e;~d: e;~a: c;.");
    expect(decoder, 0, "3f45 be bf", "size 100;d: e;~a: c;.");
    assert_int_equal(level_of(decoder), HPACK_LEVEL_NAMES);
    hpack_decoder_free(decoder);
}

static void test_lose(void **state)
{
    (void)state;
    struct hpack_decoder *decoder = make(true);
    expect(decoder, 0, "4001610162 80", "a: b;!hpack-index-zero@5");
    hpack_decoder_lose(decoder);
    assert_false(is_full(decoder));
    expect(decoder, 0, "be 4001630164 be bf 7f000165",
           "?<lost1:1>: ?;c: d;c: d;?<lost1:1>: ?;name?<lost1:1>: e;.");
    hpack_decoder_lose(decoder);
    expect(decoder, 0, "bf", "?<lost2:2>: ?;.");
    hpack_decoder_free(decoder);
}

/* Entries inserted since the loss fill the table: nothing older can be there. */
static void test_certainty_returns_when_full(void **state)
{
    (void)state;
    static char text[TEXT_OCTETS];
    struct hpack_decoder *decoder = make(true);
    hpack_decoder_lose(decoder);
    expect(decoder, 0, "7f000165", "name?<lost1:2>: e;.");
    for (char name = 'a'; name < 'd'; name++) {
        size_t n = put_literal(0, name, 1300);
        run(decoder, span_of(block_octets, n), 0, text);
        assert_false(is_full(decoder));
    }
    size_t n = put_literal(0, 'd', 31); /* 4096 in all, if the nameless entry has an empty name */
    run(decoder, span_of(block_octets, n), 0, text);
    assert_int_equal(hpack_table_octets(decoder), 4096);
    assert_false(is_full(decoder));
    n = put_literal(0, 'd', 0);
    run(decoder, span_of(block_octets, n), 0, text);
    assert_true(is_full(decoder));
    /* What should not be possible then shows that the guess was wrong: a loss, no finding. */
    expect(decoder, 0, "f0", "?<lost2:51>: ?;.");
    hpack_decoder_free(decoder);
}

/* ---- models ---- */

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525U + 1013904223U;
    return (uint32_t)(((uint64_t)(seed >> 4) * below) >> 28);
}

struct model_field {
    char name[24], value[400];
    unsigned id; /* of the insertion */
};

/* An encoder: its table, newest first, and the block it writes. */
struct model {
    struct model_field table[200];
    size_t count;
    uint32_t size, max, limit;
    uint32_t update_odds; /* one block in so many begins with a size update */
    unsigned inserted;
    size_t at; /* in block_octets */
    struct model_field fields[16];
    size_t field_count;
    unsigned from[16];        /* insertion id + 1 that a field rests on; 0: none */
    unsigned name_from[1024]; /* the same of the name of each insertion */
};

static uint32_t field_octets(const struct model_field *field)
{
    return (uint32_t)(strlen(field->name) + strlen(field->value) + 32);
}

static void model_shrink(struct model *model, uint32_t room)
{
    while (model->size + room > model->max && model->count > 0) {
        model->size -= field_octets(&model->table[--model->count]);
    }
}

static void model_insert(struct model *model, const struct model_field *field)
{
    model_shrink(model, field_octets(field));
    if (field_octets(field) > model->max) {
        return;
    }
    memmove(&model->table[1], &model->table[0], model->count * sizeof model->table[0]);
    model->table[0] = *field;
    model->count++;
    model->size += field_octets(field);
}

static void model_int(struct model *model, uint8_t first, unsigned bits, uint32_t value)
{
    uint32_t full = (1U << bits) - 1;
    if (value < full) {
        block_octets[model->at++] = (uint8_t)(first | value);
        return;
    }
    block_octets[model->at++] = (uint8_t)(first | full);
    for (value -= full; value >= 128; value /= 128) {
        block_octets[model->at++] = (uint8_t)(0x80 | value % 128);
    }
    block_octets[model->at++] = (uint8_t)value;
}

/* The canonical code of a symbol, from the lengths alone. */
static uint32_t huffman_code(uint8_t symbol)
{
    static uint32_t codes[256];
    if (codes['a'] == 0) {
        uint32_t code = 0;
        for (unsigned length = 1, before = 1; length <= 30; before = length++) {
            code <<= length - before;
            for (unsigned i = 0; i < 256; i++) {
                codes[i] = hpack_huff_lengths[i] == length ? code++ : codes[i];
            }
        }
    }
    return codes[symbol];
}

static size_t huffman(const char *text, size_t len, uint8_t *out)
{
    uint64_t bits = 0;
    unsigned valid = 0;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t symbol = (uint8_t)text[i];
        bits = bits << hpack_huff_lengths[symbol] | huffman_code(symbol);
        valid += hpack_huff_lengths[symbol];
        for (; valid >= 8; valid -= 8) {
            out[n++] = (uint8_t)(bits >> (valid - 8));
        }
    }
    if (valid > 0) {
        out[n++] = (uint8_t)(bits << (8 - valid) | 0xffU >> valid);
    }
    return n;
}

static void model_string(struct model *model, const char *text)
{
    size_t len = strlen(text);
    if (draw(2) == 0) {
        model_int(model, 0, 7, (uint32_t)len);
        memcpy(block_octets + model->at, text, len);
        model->at += len;
        return;
    }
    uint8_t coded[2048];
    size_t n = huffman(text, len, coded);
    model_int(model, 0x80, 7, (uint32_t)n);
    memcpy(block_octets + model->at, coded, n);
    model->at += n;
}

static void model_emit(struct model *model, const struct model_field *field, unsigned from)
{
    model->from[model->field_count] = from;
    model->fields[model->field_count++] = *field;
}

static void model_literal(struct model *model)
{
    static const struct {
        uint8_t first, bits;
    } kinds[] = { { 0x40, 6 }, { 0x40, 6 }, { 0x00, 4 }, { 0x10, 4 } };
    struct model_field field = { .id = model->inserted };
    unsigned kind = draw(4);
    unsigned from = 0;
    uint32_t index = draw(3) == 0 ? 1 + draw(61) : 0;
    if (draw(2) == 0 && model->count > 0) {
        uint32_t p = draw((uint32_t)model->count);
        index = 62 + p;
        from = model->table[p].id + 1;
        strcpy(field.name, model->table[p].name);
    } else if (index > 0) {
        snprintf(field.name, sizeof field.name, "%.23s", spec_hpack_static(index)->name);
        if (strlen(spec_hpack_static(index)->name) > 23) {
            index = 0;
        }
    } else {
        snprintf(field.name, sizeof field.name, "x-%u", draw(40));
    }
    size_t len = draw(12) == 0 ? draw(390) : draw(40);
    for (size_t i = 0; i < len; i++) {
        field.value[i] = (char)(draw(10) == 0 ? 1 + draw(255) : 'a' + draw(26));
    }
    model_int(model, kinds[kind].first, kinds[kind].bits, index);
    if (index == 0) {
        model_string(model, field.name);
    }
    model_string(model, field.value);
    model_emit(model, &field, from);
    if (kinds[kind].first == 0x40) {
        model_insert(model, &field);
        model->name_from[model->inserted++ % 1024] = from;
    }
}

static void model_block(struct model *model)
{
    model->at = 0;
    model->field_count = 0;
    if (draw(model->update_odds) == 0 || model->max > model->limit) {
        uint32_t size = draw(4) == 0 ? 0 : draw(model->limit + 1);
        model_int(model, 0x20, 5, size);
        model->max = size;
        model_shrink(model, 0);
    }
    for (unsigned i = draw(9); i > 0; i--) {
        if (draw(5) == 0) {
            struct model_field field = { .id = 0 };
            uint32_t index = 1 + draw(61);
            snprintf(field.name, sizeof field.name, "%.23s", spec_hpack_static(index)->name);
            snprintf(field.value, sizeof field.value, "%s", spec_hpack_static(index)->value);
            model_int(model, 0x80, 7, index);
            model_emit(model, &field, 0);
        } else if (draw(2) == 0 && model->count > 0) {
            uint32_t p = draw((uint32_t)model->count);
            model_int(model, 0x80, 7, 62 + p);
            model_emit(model, &model->table[p], model->table[p].id + 1);
        } else {
            model_literal(model);
        }
    }
}

static void check_field(const struct model *model, size_t i, const struct h2_header *header)
{
    const struct model_field *truth = &model->fields[i];
    if (header->certainty == H2_EXACT) {
        assert_int_equal(strncmp((const char *)header->name.ptr, truth->name, 23), 0);
        assert_int_equal(header->token, message_token_of(header->name));
    }
    if (header->certainty == H2_EXACT || header->certainty == H2_NAME_UNKNOWN) {
        assert_int_equal(header->value.len, strlen(truth->value));
        assert_memory_equal(header->value.ptr, truth->value, header->value.len);
    }
}

static void decode_model(struct hpack_decoder *decoder, struct model *model)
{
    struct cur rest = cur_of(span_of(block_octets, model->at));
    enum hpack_status status;
    size_t got = 0;
    hpack_begin_block(decoder);
    do {
        size_t n = draw(3) == 0 ? cur_left(&rest) : num_min_size(1 + draw(20), cur_left(&rest));
        struct cur chunk = cur_of(cur_take(&rest, n));
        struct h2_header header;
        while ((status = hpack_decode(decoder, &chunk, cur_left(&rest) == 0, &header)) ==
               HPACK_FIELD) {
            if (header.repr != HPACK_SIZE_UPDATE) {
                assert_true(got < model->field_count);
                assert_int_equal(header.certainty, H2_EXACT);
                check_field(model, got++, &header);
            }
        }
    } while (status == HPACK_MORE);
    assert_int_equal(status, HPACK_END);
    assert_int_equal(got, model->field_count);
}

static void model_begin(struct model *model)
{
    memset(model, 0, sizeof *model);
    model->max = 4096;
    model->limit = 4096;
    model->update_odds = 10;
}

static void test_model(void **state)
{
    (void)state;
    static struct model model;
    for (unsigned i = 0; i < 300; i++) {
        struct hpack_decoder *decoder = make(i % 2 == 1);
        seed = i;
        model_begin(&model);
        for (unsigned block = 0; block < 60; block++) {
            model_block(&model);
            decode_model(decoder, &model);
            assert_int_equal(hpack_table_octets(decoder), model.size);
            assert_int_equal(hpack_table_entries(decoder), model.count);
            assert_true(is_full(decoder));
        }
        hpack_decoder_free(decoder);
    }
}

/* What a run has come to: the entries that were there when it began to look, and what the decoder
 * has said. */
struct observed {
    unsigned before[200]; /* insertion id + 1, newest first, at the join or loss */
    size_t before_count;
    unsigned since; /* the insertion that came first afterwards */
    bool joined;
};

static void look_anew(struct observed *seen, const struct model *model)
{
    seen->before_count = model->count;
    seen->since = model->inserted;
    for (size_t i = 0; i < model->count; i++) {
        seen->before[i] = model->table[i].id + 1;
    }
}

/* Entries from before that the encoder still has. */
static uint32_t count_older(const struct observed *seen, const struct model *model)
{
    uint32_t n = 0;
    for (size_t i = 0; i < model->count; i++) {
        n += model->table[i].id < seen->since;
    }
    return n;
}

static void check_against(const struct model *model, size_t i, const struct h2_header *header,
                          const struct observed *seen)
{
    check_field(model, i, header);
    if (header->entry != H2_ENTRY_NONE && header->entry != H2_ENTRY_FORGOTTEN) {
        assert_int_equal(header->entry_loss == 0, seen->joined);
        assert_true(header->entry <= seen->before_count);
        /* Of an entry that came since, its name's is meant, or the name's of that. */
        unsigned from = model->from[i];
        while (header->certainty == H2_NAME_UNKNOWN && from > seen->since) {
            from = model->name_from[from - 1];
        }
        assert_int_equal(seen->before[header->entry - 1], from);
    }
}

/* Decodes the block at hand. full: everything is known, so nothing may be shown otherwise. */
static void decode_seen(struct hpack_decoder *decoder, struct model *model,
                        const struct observed *seen, bool full)
{
    struct cur chunk = cur_of(span_of(block_octets, model->at));
    struct h2_header header;
    enum hpack_status status;
    size_t got = 0;
    uint32_t index;
    hpack_begin_block(decoder);
    while ((status = hpack_decode(decoder, &chunk, true, &header)) == HPACK_FIELD) {
        if (header.repr != HPACK_SIZE_UPDATE) {
            assert_true(got < model->field_count);
            assert_true(!full || header.certainty == H2_EXACT);
            check_against(model, got++, &header, seen);
        }
    }
    assert_int_equal(status, HPACK_END);
    assert_int_equal(got, model->field_count);
    assert_false(hpack_decoder_contradicted(decoder, &index));
    assert_true(hpack_table_older(decoder) >= count_older(seen, model));
}

struct model_counts {
    unsigned blocks[HPACK_LEVEL_PARTIAL + 1]; /* by level before them */
    unsigned runs;
};

/* One encoder, of which a random number of first blocks is not seen, or random blocks later on. */
static void run_certainty(unsigned run, struct model *model, struct model_counts *counts)
{
    struct hpack_decoder *decoder = make(true);
    struct observed seen = { .joined = run % 3 != 0 };
    bool size_known = run % 2 == 0;
    seed = 7919 * run + 1;
    model_begin(model);
    model->limit = draw(3) == 0 ? draw(4097) : 4096;
    model->update_odds = run % 5 == 0 ? 4 : run % 4 == 1 ? 4000 : 40;
    unsigned first = draw(20);
    hpack_decoder_set_limit_unknown(decoder);
    for (unsigned block = 0; block < (run % 4 == 1 ? 150U : 36U); block++) {
        uint32_t assumed;
        if (block == first + 8 && size_known) {
            /* A smaller limit is acknowledged; the next block begins with an update, if need be. */
            model->limit = draw(model->limit + 1);
            hpack_decoder_bound(decoder, model->limit);
        }
        model_block(model);
        if (block < first) {
            continue;
        }
        if (block == first) {
            hpack_decoder_set_ceiling(decoder, size_known ? 4096 : HPACK_SIZE_ANY);
        }
        if (block == first || (!seen.joined && draw(12) == 0)) {
            look_anew(&seen, model);
            if (seen.joined) {
                hpack_decoder_join(decoder);
            } else {
                hpack_decoder_lose(decoder);
            }
            continue; /* this block is the last one that is missed */
        }
        enum hpack_level level = hpack_decoder_level(decoder, &assumed);
        bool full =
            level == HPACK_LEVEL_FULL || (level == HPACK_LEVEL_ASSUMED && model->limit <= assumed);
        counts->blocks[level]++;
        assert_true(!full || count_older(&seen, model) == 0 || model->max == 0);
        decode_seen(decoder, model, &seen, full);
    }
    counts->runs++;
    hpack_decoder_free(decoder);
}

/* The model of 5.3: tables of 0 to 4096 octets, size updates, entries too large, names by index,
 * the largest size known or not. Every reference to what was seen is right, every identity is the
 * entry that it says and stays so, no bound falls below the truth, and "full" means full. */
static void test_model_certainty(void **state)
{
    (void)state;
    static struct model model;
    struct model_counts counts = { .runs = 0 };
    for (unsigned run = 0; run < 12000; run++) {
        run_certainty(run, &model, &counts);
    }
    assert_int_equal(counts.runs, 12000);
    for (unsigned level = HPACK_LEVEL_FULL; level <= HPACK_LEVEL_PARTIAL; level++) {
        print_message("level %u before %u blocks\n", level, counts.blocks[level]);
        assert_true(counts.blocks[level] > 1000);
    }
}

/* ---- memory ---- */

static bool walk(void)
{
    struct hpack_decoder *decoder = hpack_decoder_new(&mem, true, LIMIT_HPACK_TABLE_OCTETS);
    bool done = decoder != NULL;
    static struct model model;
    seed = 99;
    model_begin(&model);
    for (unsigned block = 0; done && block < 40; block++) {
        model_block(&model);
        struct cur rest = cur_of(span_of(block_octets, model.at));
        enum hpack_status status = HPACK_MORE;
        hpack_begin_block(decoder);
        while (status == HPACK_MORE || status == HPACK_FIELD) {
            struct cur chunk = cur_of(cur_take(&rest, num_min_size(7, cur_left(&rest))));
            struct h2_header header;
            do {
                status = hpack_decode(decoder, &chunk, cur_left(&rest) == 0, &header);
            } while (status == HPACK_FIELD);
        }
        assert_true(status == HPACK_END || status == HPACK_NOMEM);
        done = status == HPACK_END;
    }
    hpack_decoder_free(decoder);
    return done;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    bool done = false;
    for (unsigned call = 1; !done; call++) {
        mem.calls = 0;
        mem.fail_at = call;
        done = walk();
        assert_int_equal(mem.used, 0);
        assert_true(call < 1000);
    }
    mem.fail_at = 0;
}

/* ---- the rest ---- */

static void test_static_table(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= HPACK_STATIC_COUNT; i++) {
        const struct hpack_static_field *field = &hpack_static_fields[i];
        assert_string_equal(field->name, spec_hpack_static(i)->name);
        assert_string_equal(field->value, spec_hpack_static(i)->value);
        struct span name = span_str(field->name), value = span_str(field->value);
        assert_int_equal(field->token, message_token_of(name));
        assert_int_equal(message_octet_facts(name, value), 0);
        assert_int_equal(field->ordinary, message_ordinary(field->token, 0, value));
        assert_int_equal(field->known, h2_name_known(name));
    }
}

/* Each symbol alone and behind others, at each bit position. */
static void test_huffman_symbols(void **state)
{
    (void)state;
    uint8_t coded[256], decoded[512];
    for (unsigned symbol = 0; symbol < 256; symbol++) {
        for (unsigned before = 0; before < 12; before++) {
            char text[16];
            memset(text, 'a', sizeof text);
            text[before] = (char)symbol;
            for (size_t len = before + 1; len <= 16; len++) {
                size_t n = huffman(text, len, coded), got = 0;
                assert_int_equal(hpack_huff_decode(span_of(coded, n), decoded, &got), CHECK_COUNT);
                assert_int_equal(got, len);
                assert_memory_equal(decoded, text, len);
                assert_int_equal(hpack_huff_check(span_of(coded, n)), CHECK_COUNT);
            }
        }
    }
}

struct syntax_row {
    const char *hex;
    bool plausible;
};

static const struct syntax_row syntax_rows[] = {
    { "82", true },
    { "20 82", true },
    { "be", true },
    { "4001610162", true },
    { "ff 80 0f", true },  /* index 127 + 1920: 61 + 1986 */
    { "ff be 0f", true },  /* 61 + 2048 */
    { "ff bf 0f", false }, /* and one more */
    { "", false },
    { "20", false }, /* no field */
    { "82 20", false },
    { "80", false },
    { "40 00 00", false },   /* no name */
    { "4001410162", false }, /* upper case */
    { "40013a0162", false }, /* a colon alone */
    { "4002 3a61 0162", true },
    { "40016105", false },
    { "400161821fff", false }, /* Huffman padding */
    { "400161811f", true },
    { "40 81 1f 00", true }, /* Huffman name "a" */
    { "0f ff ff ff ff ff 01", false },
};

static void test_syntax(void **state)
{
    (void)state;
    for (size_t i = 0; i < H2D_COUNT_OF(syntax_rows); i++) {
        size_t n = put_hex(0, syntax_rows[i].hex);
        assert_int_equal(hpack_syntax_plausible(span_of(block_octets, n)),
                         syntax_rows[i].plausible);
    }
}

/* A block of one-octet chunks costs little more than a whole one, however long its string. */
static void test_chunks_cost_the_same(void **state)
{
    (void)state;
    struct hpack_decoder *decoder = make(true);
    size_t n = put_literal(0, 'x', 60000);
    struct cur rest = cur_of(span_of(block_octets, n));
    struct h2_header header;
    uint64_t calls = mem.calls;
    hpack_begin_block(decoder);
    while (cur_left(&rest) > 0) {
        struct cur chunk = cur_of(cur_take(&rest, 1));
        enum hpack_status status = hpack_decode(decoder, &chunk, cur_left(&rest) == 0, &header);
        assert_int_equal(status, cur_left(&rest) > 0 ? HPACK_MORE : HPACK_FIELD);
    }
    assert_int_equal(header.value.len, 60000);
    assert_true(mem.calls - calls < 64); /* the carry grows by doubling */
    hpack_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_blocks_in_every_cut),
        TEST(test_appendix_c),
        TEST(test_header_says_where_and_how),
        TEST(test_eviction),
        TEST(test_name_survives_its_eviction),
        TEST(test_limits),
        TEST(test_largest_integer),
        TEST(test_reduction_evicts),
        TEST(test_string_limit),
        TEST(test_string_limit_names),
        TEST(test_table_limit),
        TEST(test_idle_decoder_is_small),
        TEST(test_join),
        TEST(test_size_0_completes),
        TEST(test_contradiction),
        TEST(test_assumed_size),
        TEST(test_entries_forgotten),
        TEST(test_update_missing_is_doubtful),
        TEST(test_lose),
        TEST(test_certainty_returns_when_full),
        TEST(test_model),
        TEST(test_model_certainty),
        TEST(test_memory_runs_out),
        TEST(test_static_table),
        TEST(test_huffman_symbols),
        TEST(test_syntax),
        TEST(test_chunks_cost_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
