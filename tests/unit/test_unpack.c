/* Compressed input: zstd and gzip, one in the other, member behind member, cut, damaged. */
#include "testing.h"

#include <stdio.h>
#include <string.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "capture_file.h"
#include "input/input.h"

static void refused(struct mem *mem, struct span octets, const char *text)
{
    struct input *input = NULL;
    struct err err = { 0 };
    assert_int_equal(input_open_memory(mem, octets, "x", NULL, &input, &err), RC_FORMAT);
    assert_string_equal(err.text, text);
}

#ifdef HAVE_ZSTD
static void put_zstd(struct file *file, struct span octets)
{
    static uint8_t out[1 << 20];
    size_t len = ZSTD_compress(out, sizeof out, octets.ptr, octets.len, 3);
    assert_false(ZSTD_isError(len));
    put(file, out, len);
}

/* A pcap of `packets` packets of 50 octets. */
static void build(struct file *file, unsigned packets)
{
    put_pcap_header(file, 0xa1b2c3d4, 4, 1);
    for (unsigned n = 1; n <= packets; n++) {
        put_pcap_packet(file, false, n, 50, 60);
    }
}

/* Reads to the end; the packets must be 1, 2, … with their octets. */
static enum rc drain(struct input *input, unsigned *packets, struct err *err)
{
    struct packet packet;
    enum rc rc;
    *packets = 0;
    while ((rc = input_next_packet(input, &packet, err)) == RC_OK) {
        ++*packets;
        for (size_t i = 0; i < packet.octets.len; i++) {
            assert_int_equal(packet.octets.ptr[i], content(*packets, i));
        }
    }
    return rc;
}

static void reads(struct mem *mem, const struct file *file, unsigned packets, enum rc end,
                  const char *text)
{
    struct input *input = NULL;
    struct err err = { 0 };
    unsigned read;
    if (input_open_memory(mem, buf_span(&file->buf), "x", NULL, &input, &err) != RC_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(drain(input, &read, &err), end);
    assert_int_equal(read, packets);
    assert_string_equal(err.text, text);
    input_close(input);
}

static const uint8_t skippable[] = { 0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c' };

/* Frames one behind another, frames to be passed over in between, before and behind. */
static void zstd_frames(void **state)
{
    (void)state;
    struct mem mem;
    struct file plain, file;
    mem_init(&mem, 0);
    file_init(&plain, &mem, false);
    file_init(&file, &mem, false);
    build(&plain, 7);
    put_zstd(&file, buf_span(&plain.buf));
    reads(&mem, &file, 7, RC_END, "");
    buf_clear(&file.buf);
    put(&file, skippable, sizeof skippable);
    for (size_t at = 0; at < plain.buf.len; at += 33) {
        put_zstd(&file, span_of(plain.buf.ptr + at, num_min_size(33, plain.buf.len - at)));
        put(&file, skippable, at % 2 == 0 ? sizeof skippable : 0);
    }
    reads(&mem, &file, 7, RC_END, "");
    put(&file, "junk", 4);
    reads(&mem, &file, 7, RC_DAMAGED,
          "x: the compressed data is damaged (Unknown frame descriptor); 7 packets read");
    buf_clear(&file.buf);
    put(&file, skippable, sizeof skippable);
    refused(&mem, buf_span(&file.buf), "x: empty file");
    buf_fini(&plain.buf);
    buf_fini(&file.buf);
    assert_int_equal(mem.used, 0);
}

/* Two layers are taken off, whichever they are; a third is not. */
static void layers(void **state)
{
    (void)state;
    struct mem mem;
    struct file files[3];
    mem_init(&mem, 0);
    for (unsigned order = 0; order < 8; order++) {
        struct file plain;
        file_init(&plain, &mem, false);
        build(&plain, 3);
        for (unsigned i = 0; i < 3; i++) {
            file_init(&files[i], &mem, false);
            struct span inner = buf_span(i == 0 ? &plain.buf : &files[i - 1].buf);
            if ((order >> i & 1) != 0) {
                put_zstd(&files[i], inner);
            } else {
                put_gzip(&files[i], inner);
            }
        }
        reads(&mem, &files[0], 3, RC_END, "");
        reads(&mem, &files[1], 3, RC_END, "");
        refused(&mem, buf_span(&files[2].buf), "x: compressed three times; uncompress it first");
        for (unsigned i = 0; i < 3; i++) {
            buf_fini(&files[i].buf);
        }
        buf_fini(&plain.buf);
    }
    assert_int_equal(mem.used, 0);
}

/* Many blocks, larger than any buffer of ours. */
static void zstd_long(void **state)
{
    (void)state;
    struct mem mem;
    struct file plain, file;
    mem_init(&mem, 0);
    file_init(&plain, &mem, false);
    file_init(&file, &mem, false);
    build(&plain, 20000);
    put_zstd(&file, buf_span(&plain.buf));
    reads(&mem, &file, 20000, RC_END, "");
    buf_fini(&plain.buf);
    buf_fini(&file.buf);
    assert_int_equal(mem.used, 0);
}

/* What is in front of the cut comes out, and then it is said. */
static void zstd_cut_at_every_octet(void **state)
{
    (void)state;
    struct mem mem;
    struct file plain, file;
    unsigned most = 0;
    mem_init(&mem, 0);
    file_init(&plain, &mem, false);
    file_init(&file, &mem, false);
    build(&plain, 6);
    put_zstd(&file, span_of(plain.buf.ptr, 200));
    put_zstd(&file, span_of(plain.buf.ptr + 200, plain.buf.len - 200));
    size_t whole = file.buf.len;
    for (file.buf.len = 4; file.buf.len < whole; file.buf.len++) {
        struct input *input = NULL;
        struct err err = { 0 };
        unsigned packets = 0;
        enum rc rc = input_open_memory(&mem, buf_span(&file.buf), "x", NULL, &input, &err);
        if (rc == RC_OK) {
            rc = drain(input, &packets, &err);
            assert_int_equal(rc, RC_DAMAGED);
        } else {
            assert_int_equal(rc, RC_FORMAT);
        }
        /* Between the two frames the capture is cut, not what it is packed in. */
        assert_non_null(strstr(err.text, "cut short"));
        assert_true(packets >= most);
        most = packets;
        input_close(input);
    }
    assert_true(most >= 2);
    buf_fini(&plain.buf);
    buf_fini(&file.buf);
    assert_int_equal(mem.used, 0);
}

/* An octet changed anywhere: never more than was there, never a crash. */
static void zstd_damaged_at_every_octet(void **state)
{
    (void)state;
    struct mem mem;
    struct file plain, file;
    mem_init(&mem, 0);
    file_init(&plain, &mem, false);
    file_init(&file, &mem, false);
    build(&plain, 6);
    put_zstd(&file, buf_span(&plain.buf));
    for (size_t at = 4; at < file.buf.len; at++) {
        struct input *input = NULL;
        struct err err = { 0 };
        struct packet packet;
        file.buf.ptr[at] ^= 0x55;
        if (input_open_memory(&mem, buf_span(&file.buf), "x", NULL, &input, &err) == RC_OK &&
            input_kind(input) == INPUT_PACKETS) {
            unsigned n = 0;
            while (input_next_packet(input, &packet, &err) == RC_OK) {
                assert_true(++n <= 6);
            }
        }
        input_close(input);
        file.buf.ptr[at] ^= 0x55;
    }
    buf_fini(&plain.buf);
    buf_fini(&file.buf);
    assert_int_equal(mem.used, 0);
}

/* A frame whose window is larger than 128 MiB (RFC 8878 3.1.1.1.2: exponent 18, mantissa 0). */
static void zstd_window(void **state)
{
    (void)state;
    static const uint8_t frame[] = { 0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 1, 0, 0 };
    struct mem mem;
    mem_init(&mem, 0);
    refused(&mem, span_of(frame, sizeof frame),
            "x: the compressed data needs a window of more than 128 MiB; uncompress it first (zstd"
            " -d --long=31); 0 octets read");
    assert_int_equal(mem.used, 0);
}
#else
static void zstd_not_built_in(void **state)
{
    (void)state;
    struct mem mem;
    mem_init(&mem, 0);
    static const char text[] =
        "x: compressed with zstd, which is not built in; pipe it in: zstdcat FILE | h2dump -";
    refused(&mem, span_of("\x28\xb5\x2f\xfd\x24\x00\x01\x00", 8), text);
    refused(&mem, span_of("\x5f\x2a\x4d\x18\x00\x00\x00\x00", 8), text);
    assert_int_equal(mem.used, 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef HAVE_ZSTD
        cmocka_unit_test(zstd_frames),
        cmocka_unit_test(layers),
        cmocka_unit_test(zstd_long),
        cmocka_unit_test(zstd_cut_at_every_octet),
        cmocka_unit_test(zstd_damaged_at_every_octet),
        cmocka_unit_test(zstd_window),
#else
        cmocka_unit_test(zstd_not_built_in),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
