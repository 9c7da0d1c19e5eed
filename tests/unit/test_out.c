/* The writer and its escapes: what reaches a terminal and what reaches a JSON reader. */
#include "testing.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "render/jsonw.h"
#include "render/out_int.h"

struct row {
    const char *octets;
    size_t len;
    const char *text; /* out_escaped */
    const char *json; /* out_json_string */
    bool whole;       /* out_json_string's result */
};

#define S(text) text, sizeof(text) - 1

static const struct row rows[] = {
    { S(""), "", "", true },
    { S("plain text, 0123456789 and more of it"), "plain text, 0123456789 and more of it",
      "plain text, 0123456789 and more of it", true },
    { S("a\\b"), "a\\\\b", "a\\\\b", true },
    { S("say \"x\""), "say \"x\"", "say \\\"x\\\"", true },
    { S("a\tb\r\n\x01"), "a\\x09b\\x0d\\x0a\\x01", "a\\tb\\r\\n\\u0001", true },
    { S("\0"), "\\x00", "\\u0000", true },
    { S("\x1b[31m"), "\\x1b[31m", "\\u001b[31m", true },
    { S("\x7f"), "\\x7f", "\\u007f", true },
    { S("\x9b"
        "31m"),
      "\\x9b"
      "31m",
      "\xef\xbf\xbd"
      "31m",
      false },                                     /* C1 as an octet */
    { S("\xc2\x9b"), "\\u{9b}", "\\u009b", true }, /* C1 as UTF-8 */
    { S("caf\xc3\xa9"), "caf\xc3\xa9", "caf\xc3\xa9", true },
    { S("\xe2\x80\xae"), "\\u{202e}", "\\u202e", true }, /* right-to-left override */
    { S("\xe2\x80\xa8\xe2\x80\xa9"), "\\u{2028}\\u{2029}", "\\u2028\\u2029", true },
    { S("\xe2\x80\x8b"), "\\u{200b}", "\\u200b", true },             /* zero width space */
    { S("\xf3\xa0\x81\x81"), "\\u{e0041}", "\\udb40\\udc41", true }, /* a tag */
    { S("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", true },
    { S("\xc0\xaf"), "\\xc0\\xaf", "\xef\xbf\xbd\xef\xbf\xbd", false }, /* overlong */
    { S("\xed\xa0\x80"), "\\xed\\xa0\\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
      false }, /* a surrogate */
    { S("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80",
      "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", false },            /* past U+10FFFF */
    { S("ab\xe2\x82"), "ab\\xe2\\x82", "ab\xef\xbf\xbd\xef\xbf\xbd", false }, /* cut short */
    { S("\xff\xfe"), "\\xff\\xfe", "\xef\xbf\xbd\xef\xbf\xbd", false },
};

struct fixture {
    struct mem mem;
    struct out *out;
};

static void begin(struct fixture *f)
{
    mem_init(&f->mem, 0);
    f->out = out_new_memory(&f->mem, 1 << 24);
    assert_non_null(f->out);
}

static void expect(struct out *out, const char *text)
{
    struct span got = out_memory(out);
    assert_int_equal(got.len, strlen(text));
    assert_memory_equal(got.ptr, text, got.len);
    out_forget(out);
}

/* The octets alone at the end of a block of their exact size, so that reading past them shows. */
static struct span exact(struct mem *mem, const char *octets, size_t len)
{
    uint8_t *copy = mem_alloc(mem, len == 0 ? 1 : len);
    memcpy(copy, octets, len);
    return span_of(copy, len);
}

static void test_escapes(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        struct span octets = exact(&f.mem, rows[i].octets, rows[i].len);
        out_escaped(f.out, octets);
        expect(f.out, rows[i].text);
        assert_int_equal(out_json_string(f.out, octets), rows[i].whole);
        expect(f.out, rows[i].json);
        mem_free(&f.mem, (void *)(uintptr_t)octets.ptr);
    }
    out_free(f.out);
    assert_int_equal(f.mem.used, 0);
}

/* Each octet at each place of a long run comes out as it does alone: the word-wise path has no
 * seams. */
static void test_escapes_at_every_place(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    for (unsigned octet = 0; octet < 256; octet++) {
        uint8_t alone = (uint8_t)octet;
        (void)out_json_string(f.out, span_of(&alone, 1));
        char want[16] = "";
        size_t want_len = out_memory(f.out).len;
        memcpy(want, out_memory(f.out).ptr, want_len);
        out_forget(f.out);
        for (size_t at = 0; at < 24; at++) {
            uint8_t run[24];
            memset(run, 'x', sizeof run);
            run[at] = alone;
            (void)out_json_string(f.out, span_of(run, sizeof run));
            struct span got = out_memory(f.out);
            assert_int_equal(got.len, sizeof run - 1 + want_len);
            assert_memory_equal(got.ptr + at, want, want_len);
            out_forget(f.out);
        }
    }
    out_free(f.out);
}

/* The copy for plain strings takes exactly those that need no escape, at every length and place. */
static void test_plain_copy(void **state)
{
    (void)state;
    static const uint8_t strange[] = { 0,    0x1f, ' ', '!',  '"',  '#', '[',
                                       '\\', ']',  '~', 0x7f, 0x80, 0xff };
    struct mem mem;
    mem_init(&mem, 0);
    for (size_t len = 0; len < 40; len++) {
        uint8_t *run = mem_alloc(&mem, len + 1), *copy = mem_alloc(&mem, len + 1);
        for (size_t at = 0; at < len; at++) {
            for (size_t k = 0; k < H2D_COUNT_OF(strange); k++) {
                memset(run, 'x', len);
                run[at] = strange[k];
                uint8_t *end = out_json_plain(copy, span_of(run, len));
                bool plain = strchr(" !#[]~", strange[k] == 0 ? 'x' : strange[k]) != NULL;
                assert_int_equal(end != NULL, plain);
                assert_true(end == NULL || (end == copy + len && memcmp(run, copy, len) == 0));
            }
        }
        mem_free(&mem, run);
        mem_free(&mem, copy);
    }
}

/* Whatever octets come in, only printable ASCII and harmless UTF-8 goes out. */
static void test_only_harmless_octets_leave(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    uint8_t noise[300];
    uint32_t seed = 1;
    for (unsigned round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof noise; i++) {
            seed = seed * 1664525U + 1013904223U;
            noise[i] = (uint8_t)(seed >> 24);
        }
        struct span in = span_of(noise, round % sizeof noise);
        size_t width = out_escaped_width(in);
        for (unsigned json = 0; json < 2; json++) {
            if (json == 1) {
                (void)out_json_string(f.out, in);
            } else {
                out_escaped(f.out, in);
                assert_true(out_memory(f.out).len >= width);
            }
            struct span got = out_memory(f.out);
            uint32_t code = 0;
            for (size_t i = 0; i < got.len;) {
                size_t n = out_utf8(got, i, &code);
                assert_true(n > 0);
                assert_true(out_harmless(code));
                i += n;
            }
            out_forget(f.out);
        }
    }
    out_free(f.out);
}

static void test_fit(void **state)
{
    static const struct {
        const char *text;
        size_t columns;
        const char *want;
    } fits[] = {
        { "hello", 5, "hello" }, { "hello", 9, "hello" },  { "hello!", 5, "hell…" },
        { "hello", 1, "…" },     { "ab\x01", 5, "ab…" },   { "ab\x01", 6, "ab\\x01" },
        { "", 3, "" },           { "日本語", 5, "日本…" }, { "日本語", 6, "日本語" },
    };
    (void)state;
    struct fixture f;
    begin(&f);
    for (size_t i = 0; i < H2D_COUNT_OF(fits); i++) {
        assert_true(out_escaped_fit(f.out, span_str(fits[i].text), fits[i].columns) <=
                    fits[i].columns);
        expect(f.out, fits[i].want);
    }
    out_free(f.out);
}

static void test_numbers(void **state)
{
    static const uint64_t values[] = { 0, 9, 10, 99, 100, 12345, 4294967295U, UINT64_MAX };
    (void)state;
    struct fixture f;
    begin(&f);
    for (size_t i = 0; i < H2D_COUNT_OF(values); i++) {
        char want[32];
        (void)snprintf(want, sizeof want, "%llu", (unsigned long long)values[i]);
        out_u64(f.out, values[i]);
        expect(f.out, want);
        (void)snprintf(want, sizeof want, "%04llx", (unsigned long long)values[i]);
        out_hex(f.out, values[i], 4);
        expect(f.out, want);
    }
    out_free(f.out);
}

static void test_base64(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    static const char *const pairs[][2] = {
        { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }
    };
    for (size_t i = 0; i < H2D_COUNT_OF(pairs); i++) {
        out_base64(f.out, span_str(pairs[i][0]));
        expect(f.out, pairs[i][1]);
    }
    out_free(f.out);
}

static void test_json(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct jsonw json;
    jsonw_init(&json, f.out);
    jsonw_open(&json, '{');
    jsonw_u64(&json, "a", JSONW_NUMBER_MAX);
    jsonw_u64(&json, "b", JSONW_NUMBER_MAX + 1);
    jsonw_key(&json, "c");
    jsonw_open(&json, '[');
    jsonw_element(&json);
    jsonw_signed(&json, -5);
    jsonw_element(&json);
    jsonw_open(&json, '{');
    jsonw_close(&json, '}');
    jsonw_close(&json, ']');
    jsonw_octets(&json, "d", span_of("x\xff", 2));
    jsonw_octets(&json, "e", span_of("ok", 2));
    jsonw_bool(&json, "f", false);
    jsonw_hex(&json, "g", span_of("\x00\xab", 2));
    jsonw_close(&json, '}');
    expect(f.out, "{\"a\":9007199254740991,\"b\":\"9007199254740992\",\"c\":[-5,{}],"
                  "\"d\":\"x\xef\xbf\xbd\",\"d_base64\":\"eP8=\",\"e\":\"ok\",\"f\":false,"
                  "\"g\":\"00ab\"}");
    out_free(f.out);
}

static void test_memory_has_a_maximum(void **state)
{
    (void)state;
    struct mem mem;
    mem_init(&mem, 0);
    struct out *out = out_new_memory(&mem, 5000);
    for (unsigned i = 0; i < 10000; i++) {
        out_text(out, "0123456789");
    }
    assert_int_equal(out_memory(out).len, 5000);
    assert_int_equal(out_rc(out, NULL), RC_NOMEM);
    assert_true(mem.used < 32768);
    out_free(out);
    assert_int_equal(mem.used, 0);
}

static void test_errors_stick(void **state)
{
    (void)state;
    struct mem mem;
    struct err err;
    int ends[2];
    mem_init(&mem, 0);
    assert_int_equal(pipe(ends), 0);
    (void)signal(SIGPIPE, SIG_IGN);
    struct out *out = out_new(&mem, ends[1]);
    out_text(out, "read me");
    out_flush(out);
    char got[16];
    assert_int_equal(read(ends[0], got, sizeof got), 7);
    close(ends[0]);
    assert_int_equal(out_rc(out, &err), RC_OK);
    out_text(out, "nobody reads this");
    out_flush(out);
    assert_int_equal(out_rc(out, &err), RC_CLOSED);
    out_free(out);
    close(ends[1]);

    int full = open("/dev/full", O_WRONLY);
    if (full >= 0) {
        out = out_new(&mem, full);
        out_text(out, "x");
        out_flush(out);
        assert_int_equal(out_rc(out, &err), RC_IO);
        assert_non_null(strstr(err.text, "space"));
        out_free(out);
        close(full);
    }
    assert_int_equal(mem.used, 0);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 3; k++) {
        struct mem mem;
        mem_init(&mem, 0);
        mem.fail_at = k;
        assert_null(out_new_memory(&mem, 100));
        assert_int_equal(mem.used, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_escapes_at_every_place),
        cmocka_unit_test(test_plain_copy),
        cmocka_unit_test(test_only_harmless_octets_leave),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_memory_has_a_maximum),
        cmocka_unit_test(test_errors_stick),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
