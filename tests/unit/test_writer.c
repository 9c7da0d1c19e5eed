/* What the writer writes is read again as the same packets: link types, times, directions, losses,
 * comments, secrets; and files that cannot be written. */
#include "testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "input/input.h"
#include "input/writer.h"

static char folder[] = "/tmp/h2dump-writer-XXXXXX";
static char path[64], other[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/out.pcapng", folder);
    (void)snprintf(other, sizeof other, "%s/other", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(other);
    return rmdir(folder);
}

static struct writer *open_writer(struct mem *mem, const char *where)
{
    struct writer *writer = NULL;
    struct err err;
    if (writer_open(mem, where, &writer, &err) != RC_OK || writer_begin(writer, &err) != RC_OK) {
        fail_msg("%s", err.text);
    }
    return writer;
}

static uint8_t octets_of[300000];

/* Packet n: every combination of what there can be. */
static struct packet make(unsigned n, struct span *comments)
{
    static const uint16_t links[] = { 1, 276, 101, 1 };
    size_t len = n == 40 ? sizeof octets_of : n * 7 % 90;
    comments[0] = span_str("what somebody wrote");
    comments[1] = span_str("more");
    return (struct packet){
        .pos = { .packet = n + 1,
                 .ts_ns = UINT64_C(1700000000123456789) + n * UINT64_C(5000000001),
                 .ts_known = n % 11 != 3 },
        .link_type = links[n % 4],
        .octets = span_of(octets_of + n % 5, len),
        .wire_len = len + (n % 6 == 0 ? 100 : 0),
        .ts_digits = 9,
        .fcs_len = n % 7 == 0 ? 4 : 0,
        .way = (uint8_t)(n % 3),
        .checksums_unset = n % 8 == 1,
        .drops = n % 9 == 2 ? 1u << 31 | n : 0,
        .comment_count = n % 10 == 5   ? 2
                         : n % 10 == 6 ? 1
                                       : 0,
        .comments = comments,
    };
}

static void on_secrets(void *ctx, struct span text)
{
    struct buf *secrets = ctx;
    assert_true(buf_append(secrets, text));
}

static void on_note(void *ctx, const struct finding *note)
{
    (void)ctx, (void)note;
}

static void same(const struct packet *have, const struct packet *want)
{
    assert_true(have->pos.packet == want->pos.packet);
    assert_true(have->pos.ts_ns == (want->pos.ts_known ? want->pos.ts_ns : 0));
    assert_int_equal(have->link_type, want->link_type);
    assert_int_equal(have->octets.len, want->octets.len);
    assert_memory_equal(have->octets.ptr, want->octets.ptr, want->octets.len);
    assert_int_equal(have->wire_len, want->wire_len);
    assert_int_equal(have->fcs_len, want->fcs_len);
    assert_int_equal(have->way, want->way);
    assert_int_equal(have->checksums_unset, want->checksums_unset);
    assert_int_equal(have->drops, want->drops);
    assert_int_equal(have->comment_count, want->comment_count);
    for (uint32_t i = 0; i < want->comment_count; i++) {
        assert_true(span_equal(have->comments[i], want->comments[i]));
    }
}

static void packets_come_back(void **state)
{
    (void)state;
    struct mem mem;
    struct span comments[2];
    struct buf secrets;
    struct err err;
    struct packet packet;
    struct input *input = NULL;
    mem_init(&mem, 0);
    for (size_t i = 0; i < sizeof octets_of; i++) {
        octets_of[i] = (uint8_t)(i * 31 >> 3);
    }
    struct writer *writer = open_writer(&mem, path);
    for (unsigned n = 0; n < 100; n++) {
        struct packet made = make(n, comments);
        writer_packet(writer, &made);
        if (n % 40 == 7) {
            writer_secrets(writer, span_str("CLIENT_RANDOM 1 2\n"));
        }
    }
    assert_int_equal(writer_close(writer, &err), RC_OK);
    buf_init(&secrets, &mem, 1000);
    struct input_options options = { .on_secrets = on_secrets,
                                     .on_note = on_note,
                                     .ctx = &secrets };
    assert_int_equal(input_open(&mem, path, &options, &input, &err), RC_OK);
    for (unsigned n = 0; n < 100; n++) {
        struct packet made = make(n, comments);
        assert_int_equal(input_next_packet(input, &packet, &err), RC_OK);
        same(&packet, &made);
    }
    assert_int_equal(input_next_packet(input, &packet, &err), RC_END);
    assert_true(span_equal(buf_span(&secrets), span_str("CLIENT_RANDOM 1 2\nCLIENT_RANDOM 1 2\n"
                                                        "CLIENT_RANDOM 1 2\n")));
    input_close(input);
    buf_fini(&secrets);
    assert_int_equal(mem.used, 0);
}

/* What a capture lost is said again, where it is clear of what. */
static void losses(void **state)
{
    (void)state;
    for (unsigned links_written = 0; links_written < 3; links_written++) {
        struct mem mem;
        struct err err;
        struct packet packet, made = { .pos = { .packet = 1, .ts_known = true },
                                       .octets = span_of(octets_of, 5),
                                       .wire_len = 5 };
        struct input *input = NULL;
        mem_init(&mem, 0);
        struct writer *writer = open_writer(&mem, path);
        for (unsigned i = 0; i < links_written; i++) {
            made.link_type = (uint16_t)(1 + i);
            writer_packet(writer, &made);
        }
        writer_drops(writer, UINT64_C(1) << 40, 3);
        assert_int_equal(writer_close(writer, &err), RC_OK);
        assert_int_equal(input_open(&mem, path, NULL, &input, &err), RC_OK);
        while (input_next_packet(input, &packet, &err) == RC_OK) {
        }
        bool said = links_written == 1;
        assert_true(input_stats(input)->kernel_drops == (said ? UINT64_C(1) << 40 : 0));
        assert_true(input_stats(input)->interface_drops == (said ? 3 : 0));
        input_close(input);
        assert_int_equal(mem.used, 0);
    }
}

/* A packet without a time stays one, where the format can say so. */
static void no_time(void **state)
{
    (void)state;
    struct mem mem;
    struct err err;
    struct packet packet, made = {
        .pos = { .packet = 1 }, .link_type = 101, .octets = span_of(octets_of, 33), .wire_len = 33
    };
    struct input *input = NULL;
    mem_init(&mem, 0);
    struct writer *writer = open_writer(&mem, path);
    writer_packet(writer, &made);
    assert_int_equal(writer_close(writer, &err), RC_OK);
    assert_int_equal(input_open(&mem, path, NULL, &input, &err), RC_OK);
    assert_int_equal(input_next_packet(input, &packet, &err), RC_OK);
    assert_false(packet.pos.ts_known);
    assert_int_equal(packet.octets.len, 33);
    input_close(input);
    assert_int_equal(mem.used, 0);
}

/* A file that is there is emptied, but not before it is clear that it is none to be read. */
static void old_files(void **state)
{
    (void)state;
    struct mem mem;
    struct err err;
    struct stat stat_of;
    struct writer *writer = NULL;
    mem_init(&mem, 0);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    fprintf(file, "%1000d", 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(writer_open(&mem, other, &writer, &err), RC_OK);
    assert_true(writer_is(writer, other));
    assert_false(writer_is(writer, path));
    assert_false(writer_is(writer, "/nonexistent"));
    assert_int_equal(stat(other, &stat_of), 0);
    assert_int_equal(stat_of.st_size, 1000);
    assert_int_equal(writer_begin(writer, &err), RC_OK);
    assert_int_equal(stat(other, &stat_of), 0);
    assert_int_equal(stat_of.st_size, 0);
    assert_int_equal(writer_close(writer, &err), RC_OK);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(mem.used, 0);
}

/* A link to a file: root does not follow it, everybody else does. */
static void links(void **state)
{
    (void)state;
    struct mem mem;
    struct err err;
    char text[200];
    struct writer *writer = NULL;
    mem_init(&mem, 0);
    assert_int_equal(symlink(path, other), 0);
    enum rc rc = writer_open(&mem, other, &writer, &err);
    if (geteuid() == 0) {
        (void)snprintf(text, sizeof text,
                       "%s: cannot be written: it is a symbolic link, which root does not follow",
                       other);
        assert_int_equal(rc, RC_IO);
        assert_string_equal(err.text, text);
    } else {
        assert_int_equal(rc, RC_OK);
        assert_true(writer_is(writer, path));
        assert_int_equal(writer_close(writer, &err), RC_OK);
    }
    assert_int_equal(unlink(other), 0);
    assert_int_equal(mem.used, 0);
}

static void full_disk(void **state)
{
    (void)state;
    struct mem mem;
    struct err err;
    struct span comments[2];
    mem_init(&mem, 0);
    if (access("/dev/full", W_OK) != 0) {
        skip();
    }
    struct writer *writer = open_writer(&mem, "/dev/full");
    assert_int_equal(writer_rc(writer, &err), RC_OK);
    struct packet large = make(40, comments);
    writer_packet(writer, &large);
    assert_int_equal(writer_rc(writer, &err), RC_IO);
    writer_packet(writer, &large);
    assert_int_equal(writer_close(writer, &err), RC_IO);
    assert_string_equal(err.text, "/dev/full: cannot be written: No space left on device");
    assert_int_equal(writer_open(&mem, "/nonexistent/x", &writer, &err), RC_IO);
    assert_string_equal(err.text, "/nonexistent/x: cannot be written: No such file or directory");
    assert_int_equal(mem.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_come_back), cmocka_unit_test(losses), cmocka_unit_test(no_time),
        cmocka_unit_test(old_files),         cmocka_unit_test(links),  cmocka_unit_test(full_disk),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
