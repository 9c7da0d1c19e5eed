/* What a pcapng says beside its packets: comments, losses, directions, TLS secrets. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "capture_file.h"
#include "input/input.h"
#include "spec/limits.h"

/* What was told, one line each. */
struct told {
    struct buf text;
    struct input *input;
};

static void tell(struct told *told, const char *what, size_t len)
{
    assert_true(buf_append(&told->text, span_of(what, len)));
}

static void on_note(void *ctx, const struct finding *note)
{
    char line[6000];
    assert_int_equal(note->severity, SEVERITY_NOTE);
    assert_true(note->first.packet == note->last.packet);
    int len = snprintf(line, sizeof line, "%s p%d: %s\n", spec_check(note->check)->id,
                       (int)note->last.packet, note->message);
    assert_in_range(len, 1, sizeof line - 1);
    tell(ctx, line, (size_t)len);
}

static void on_secrets(void *ctx, struct span text)
{
    tell(ctx, "secrets: ", 9);
    tell(ctx, (const char *)text.ptr, text.len);
    tell(ctx, "|\n", 2);
}

/* Reads all of a file; what the packets and the callbacks tell stands in told->text. */
static enum rc read_all(struct mem *mem, const struct file *file, struct told *told,
                        bool want_secrets, struct input_stats *stats)
{
    struct input *input = NULL;
    struct packet packet;
    struct err err;
    struct input_options options = { .on_note = on_note,
                                     .on_secrets = want_secrets ? on_secrets : NULL,
                                     .ctx = told };
    buf_init(&told->text, mem, 1u << 20);
    enum rc rc = input_open_memory(mem, buf_span(&file->buf), "x", &options, &input, &err);
    assert_int_equal(rc, RC_OK);
    while ((rc = input_next_packet(input, &packet, &err)) == RC_OK) {
        char line[100];
        int len = snprintf(line, sizeof line, "p%d way %d unset %d drops %u comments %u\n",
                           (int)packet.pos.packet, packet.way, packet.checksums_unset,
                           (unsigned)packet.drops, (unsigned)packet.comment_count);
        tell(told, line, (size_t)len);
    }
    if (stats != NULL) {
        *stats = *input_stats(input);
    }
    input_close(input);
    tell(told, "", 1);
    return rc;
}

static void put_packet_with(struct file *file, const struct file *options)
{
    struct file body;
    file_init(&body, file->buf.mem, file->big);
    put_uint(&body, 0, 12);
    put_uint(&body, 5, 4);
    put_uint(&body, 5, 4);
    put(&body, "hello\0\0\0", 8);
    put(&body, options->buf.ptr, options->buf.len);
    put_block(file, 6, &body);
    buf_fini(&body.buf);
}

static void put_number_option(struct file *body, unsigned code, uint64_t value, size_t len)
{
    put_uint(body, code, 2);
    put_uint(body, len, 2);
    put_uint(body, value, len);
}

static void put_secrets(struct file *file, uint32_t type, const char *text, size_t stated)
{
    struct file body;
    file_init(&body, file->buf.mem, file->big);
    put_uint(&body, type, 4);
    put_uint(&body, stated, 4);
    put(&body, text, strlen(text));
    put_block(file, 10, &body);
    buf_fini(&body.buf);
}

static void put_statistics(struct file *file, uint32_t iface, uint64_t ifdrop, uint64_t osdrop)
{
    struct file body;
    file_init(&body, file->buf.mem, file->big);
    put_uint(&body, iface, 4);
    put_uint(&body, 0, 8);
    put_number_option(&body, 5, ifdrop, 8);
    put_number_option(&body, 7, osdrop, 8);
    put_option(&body, 0, "", 0);
    put_block(file, 5, &body);
    buf_fini(&body.buf);
}

static void packet_options(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct mem mem;
        struct file file, options;
        struct told told;
        struct input_stats stats;
        mem_init(&mem, 0);
        file_init(&file, &mem, big != 0);
        file_init(&options, &mem, big != 0);
        put_section(&file, 1, UINT64_MAX);
        put_iface(&file, (struct iface_spec){ 1, 0, -1, 0 });
        put_number_option(&options, 2, 0x201, 4);
        put_option(&options, 1, "first", 5);
        put_number_option(&options, 4, 7, 8);
        put_option(&options, 1, "second\n", 7);
        put_option(&options, 0, "", 0);
        put_option(&options, 1, "behind the end", 14);
        put_packet_with(&file, &options);
        buf_clear(&options.buf);
        put_number_option(&options, 2, 0x2, 4);
        put_number_option(&options, 4, UINT64_MAX, 8);
        put_packet_with(&file, &options);
        buf_clear(&options.buf);
        put_packet_with(&file, &options);
        assert_int_equal(read_all(&mem, &file, &told, true, &stats), RC_END);
        assert_string_equal((const char *)told.text.ptr,
                            "capture-drops p1: the capture lost 7 packets just before this one\n"
                            "capture-comment p1: comment: first\n"
                            "capture-comment p1: comment: second\n\n"
                            "p1 way 1 unset 1 drops 7 comments 2\n"
                            "capture-drops p2: the capture lost 4294967295 packets just before this"
                            " one\n"
                            "p2 way 2 unset 0 drops 4294967295 comments 0\n"
                            "p3 way 0 unset 0 drops 0 comments 0\n");
        assert_true(stats.kernel_drops == UINT64_C(7) + UINT32_MAX);
        assert_true(stats.interface_drops == 0);
        buf_fini(&file.buf);
        buf_fini(&options.buf);
        buf_fini(&told.text);
        assert_int_equal(mem.used, 0);
    }
}

/* The obsolete packet block counts drops beside the interface; all ones: not known. */
static void obsolete_drops(void **state)
{
    (void)state;
    struct mem mem;
    struct file file;
    struct told told;
    mem_init(&mem, 0);
    file_init(&file, &mem, true);
    put_section(&file, 1, UINT64_MAX);
    put_iface(&file, (struct iface_spec){ 1, 0, -1, 0 });
    put_ng_packet(&file, OBSOLETE, 0, 0, 1, 8, 8);
    put_ng_packet(&file, OBSOLETE, 0, 0, 1, 8, 8);
    /* the drops stand behind the block's head and the interface */
    size_t block = file.buf.len - 40;
    memcpy(file.buf.ptr + block + 10, "\xff\xff", 2);
    memcpy(file.buf.ptr + block - 40 + 10, "\x00\x03", 2);
    assert_int_equal(read_all(&mem, &file, &told, true, NULL), RC_END);
    assert_string_equal((const char *)told.text.ptr,
                        "capture-drops p1: the capture lost 3 packets just before this one\n"
                        "p1 way 0 unset 0 drops 3 comments 0\n"
                        "p2 way 0 unset 0 drops 0 comments 0\n");
    buf_fini(&file.buf);
    buf_fini(&told.text);
    assert_int_equal(mem.used, 0);
}

/* The newest statistics of an interface count, each section's for itself. */
static void statistics(void **state)
{
    (void)state;
    struct mem mem;
    struct file file;
    struct told told;
    struct input_stats stats;
    mem_init(&mem, 0);
    file_init(&file, &mem, false);
    put_section(&file, 1, UINT64_MAX);
    put_iface(&file, (struct iface_spec){ 1, 0, -1, 0 });
    put_iface(&file, (struct iface_spec){ 1, 0, -1, 0 });
    put_statistics(&file, 0, 1, 1);
    put_statistics(&file, 0, 2, 30);
    put_statistics(&file, 1, 0, 0);
    put_statistics(&file, 9, 5, 5);
    put_section(&file, 1, UINT64_MAX);
    put_iface(&file, (struct iface_spec){ 1, 0, -1, 0 });
    put_statistics(&file, 0, 400, 0);
    assert_int_equal(read_all(&mem, &file, &told, true, &stats), RC_END);
    assert_string_equal((const char *)told.text.ptr,
                        "capture-drops p0: the capture lost packets of interface 0 eth0: 30 in the"
                        " kernel, 2 in the interface\n"
                        "capture-drops p0: the capture lost packets of interface 0 eth0: 0 in the"
                        " kernel, 400 in the interface\n");
    assert_true(stats.kernel_drops == 30);
    assert_true(stats.interface_drops == 402);
    buf_fini(&file.buf);
    buf_fini(&told.text);
    assert_int_equal(mem.used, 0);
}

static void comments_on_sections(void **state)
{
    (void)state;
    struct mem mem;
    struct file file, body;
    struct told told;
    mem_init(&mem, 0);
    file_init(&file, &mem, true);
    file_init(&body, &mem, true);
    put_uint(&body, 0x1a2b3c4d, 4);
    put_uint(&body, 1, 2);
    put_uint(&body, 0, 2);
    put_uint(&body, UINT64_MAX, 8);
    put_option(&body, 3, "a machine", 9);
    put_option(&body, 1, "the lab on Monday", 17);
    put_block(&file, 0x0a0d0d0a, &body);
    buf_clear(&body.buf);
    put_uint(&body, 1, 2);
    put_uint(&body, 0, 6);
    put_option(&body, 1, "the left port", 13);
    put_option(&body, 2, "eth7", 4);
    put_block(&file, 1, &body);
    assert_int_equal(read_all(&mem, &file, &told, true, NULL), RC_END);
    assert_string_equal((const char *)told.text.ptr,
                        "capture-comment p0: comment on the capture: the lab on Monday\n"
                        "capture-comment p0: comment on interface 0 eth7: the left port\n");
    buf_fini(&file.buf);
    buf_fini(&body.buf);
    buf_fini(&told.text);
    assert_int_equal(mem.used, 0);
}

static void comments_without_end(void **state)
{
    (void)state;
    struct mem mem;
    struct file file, options;
    struct told told;
    char text[6000];
    mem_init(&mem, 0);
    file_init(&file, &mem, false);
    file_init(&options, &mem, false);
    put_section(&file, 1, UINT64_MAX);
    put_iface(&file, (struct iface_spec){ 1, 0, -1, 0 });
    memset(text, 'x', sizeof text);
    put_option(&options, 1, text, sizeof text);
    put_packet_with(&file, &options);
    buf_clear(&options.buf);
    for (unsigned i = 0; i < LIMIT_PACKET_COMMENTS + 2; i++) {
        put_option(&options, 1, "y", 1);
    }
    put_packet_with(&file, &options);
    assert_int_equal(read_all(&mem, &file, &told, true, NULL), RC_END);
    const char *at = strstr((const char *)told.text.ptr, "x (cut)\n");
    assert_non_null(at);
    assert_true(at - (const char *)told.text.ptr < 4200);
    assert_non_null(strstr(at, "limit-comments p2: more than 64 comments on a packet"));
    assert_non_null(strstr(at, "p2 way 0 unset 0 drops 0 comments 64\n"));
    buf_fini(&file.buf);
    buf_fini(&options.buf);
    buf_fini(&told.text);
    assert_int_equal(mem.used, 0);
}

static void secrets(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct mem mem;
        struct file file;
        struct told told;
        mem_init(&mem, 0);
        file_init(&file, &mem, big != 0);
        put_section(&file, 1, UINT64_MAX);
        put_secrets(&file, 0x544c534b, "CLIENT_RANDOM 1 2\nx\n", 20);
        put_secrets(&file, 0x5353484b, "elsewhere\n", 10);
        put_secrets(&file, 0x00000001, "elsewhere\n", 10);
        put_secrets(&file, 0x544c534b, "last, without a line's end", 26);
        put_secrets(&file, 0x544c534b, "whole\nlonger than its block", 99);
        put_secrets(&file, 0x544c534b, "", 0);
        assert_int_equal(read_all(&mem, &file, &told, true, NULL), RC_END);
        assert_string_equal((const char *)told.text.ptr,
                            "secrets: CLIENT_RANDOM 1 2\nx\n|\n"
                            "capture-secrets-unused p0: the capture carries secrets of type SSHK;"
                            " only TLS is decrypted\n"
                            "capture-secrets-unused p0: the capture carries secrets of type"
                            " 0x00000001; only TLS is decrypted\n"
                            "secrets: last, without a line's end|\n"
                            "secrets: whole\n|\n");
        buf_fini(&told.text);
        assert_int_equal(read_all(&mem, &file, &told, false, NULL), RC_END);
        assert_string_equal((const char *)told.text.ptr, "");
        buf_fini(&told.text);
        buf_fini(&file.buf);
        assert_int_equal(mem.used, 0);
    }
}

/* Cut anywhere: what was handed out of the secrets are whole lines, or all of it. */
static void secrets_cut(void **state)
{
    (void)state;
    struct mem mem;
    struct file file;
    struct told told;
    mem_init(&mem, 0);
    file_init(&file, &mem, false);
    put_section(&file, 1, UINT64_MAX);
    size_t before = file.buf.len;
    put_secrets(&file, 0x544c534b, "one\ntwo\nend", 11);
    for (size_t len = before + 1; len < file.buf.len; len++) {
        struct file cut = file;
        cut.buf.len = len;
        assert_int_equal(read_all(&mem, &cut, &told, true, NULL), RC_DAMAGED);
        size_t text = len > before + 16 ? len - before - 16 : 0;
        const char *expected = text >= 11  ? "secrets: one\ntwo\nend|\n"
                               : text >= 8 ? "secrets: one\ntwo\n|\n"
                               : text >= 4 ? "secrets: one\n|\n"
                                           : "";
        assert_string_equal((const char *)told.text.ptr, expected);
        buf_fini(&told.text);
    }
    buf_fini(&file.buf);
    assert_int_equal(mem.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packet_options),       cmocka_unit_test(obsolete_drops),
        cmocka_unit_test(statistics),           cmocka_unit_test(comments_on_sections),
        cmocka_unit_test(comments_without_end), cmocka_unit_test(secrets),
        cmocka_unit_test(secrets_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
