/* Capture files of every form that the readers claim, generated here: all magics, both octet
 * orders, sections, interfaces, clocks; cut at every octet; compressed, and cut again. */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture_file.h"
#include "input/input.h"

/* ---- reading them ---- */

static struct input *open_file(struct mem *mem, const struct file *file)
{
    struct input *input = NULL;
    struct err err = { 0 };
    enum rc rc = input_open_memory(mem, buf_span(&file->buf), "x", NULL, &input, &err);
    if (rc != RC_OK) {
        fail_msg("%s", err.text);
    }
    return input;
}

static void assert_content(const struct packet *packet, unsigned n, size_t len)
{
    assert_int_equal(packet->octets.len, len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(packet->octets.ptr[i], content(n, i));
    }
}

static void assert_next(struct input *input, struct packet *packet)
{
    struct err err = { 0 };
    if (input_next_packet(input, packet, &err) != RC_OK) {
        fail_msg("%s", err.text);
    }
}

static void assert_end(struct input *input)
{
    struct packet packet;
    struct err err = { 0 };
    assert_int_equal(input_next_packet(input, &packet, &err), RC_END);
    assert_int_equal(input_next_packet(input, &packet, &err), RC_END);
    assert_false(input_stats(input)->cut);
}

/* Opens and expects a refusal with that text. */
static void assert_refused(struct mem *mem, struct span octets, enum rc rc, const char *text)
{
    struct input *input = NULL;
    struct err err = { 0 };
    assert_int_equal(input_open_memory(mem, octets, "x", NULL, &input, &err), rc);
    assert_string_equal(err.text, text);
    assert_null(input);
    assert_int_equal(err.rc, rc);
}

/* ---- pcap ---- */

static void pcap_of_every_magic(void **state)
{
    (void)state;
    static const struct {
        uint32_t magic;
        unsigned digits;
    } rows[] = { { 0xa1b2c3d4, 6 }, { 0xa1b23c4d, 9 }, { 0xa1b2cd34, 6 } };
    for (size_t i = 0; i < 2 * H2D_COUNT_OF(rows); i++) {
        bool modified = rows[i / 2].magic == 0xa1b2cd34;
        uint64_t unit = rows[i / 2].digits == 9 ? 1 : 1000;
        struct mem mem;
        struct file file;
        struct packet packet;
        mem_init(&mem, 0);
        file_init(&file, &mem, i % 2 == 1);
        put_pcap_header(&file, rows[i / 2].magic, 4, 113);
        for (unsigned n = 1; n <= 3; n++) {
            put_pcap_packet(&file, modified, n, n * 20, n * 20 + 5);
        }
        struct input *input = open_file(&mem, &file);
        assert_int_equal(input_kind(input), INPUT_PACKETS);
        assert_string_equal(input_format_name(input), "pcap");
        for (unsigned n = 1; n <= 3; n++) {
            assert_next(input, &packet);
            assert_content(&packet, n, n * 20);
            assert_int_equal(packet.wire_len, n * 20 + 5);
            assert_int_equal(packet.pos.packet, n);
            assert_true(packet.pos.ts_known);
            assert_true(packet.pos.ts_ns == (1000 + n) * UINT64_C(1000000000) + n * unit);
            assert_int_equal(packet.link_type, 113);
            assert_int_equal(packet.ts_digits, rows[i / 2].digits);
        }
        assert_end(input);
        assert_int_equal(input_stats(input)->octets, file.buf.len);
        assert_int_equal(input_stats(input)->packets, 3);
        input_close(input);
        buf_fini(&file.buf);
        assert_int_equal(mem.used, 0);
    }
}

/* The word of the link type also has the frame check octets; older minor versions wrote the two
 * lengths the other way round; a length on the wire below the captured one, and a fraction of more
 * than a second, are put up with. */
static void pcap_oddities(void **state)
{
    (void)state;
    struct mem mem;
    struct file file;
    struct packet packet;
    mem_init(&mem, 0);
    file_init(&file, &mem, true);
    put_pcap_header(&file, 0xa1b2c3d4, 2, 0x24000001);
    put_pcap_packet(&file, false, 1, 30, 30);
    file.buf.ptr[24 + 7] = 0;
    memcpy(file.buf.ptr + 24 + 4, "\x00\x0f\x42\x41", 4); /* 1000001 µs */
    memcpy(file.buf.ptr + 24 + 8, "\x00\x00\x00\x28", 4); /* on the wire 40 */
    put_pcap_packet(&file, false, 2, 30, 30);
    memcpy(file.buf.ptr + 24 + 46 + 8, "\x00\x00\x00\x0a", 4); /* 10 */
    struct input *input = open_file(&mem, &file);
    assert_next(input, &packet);
    assert_content(&packet, 1, 30);
    assert_int_equal(packet.wire_len, 40);
    assert_int_equal(packet.fcs_len, 4);
    assert_int_equal(packet.link_type, 1);
    assert_true(packet.pos.ts_ns == UINT64_C(1002000001000));
    assert_int_equal(input_stats(input)->odd_times, 1);
    assert_next(input, &packet);
    assert_int_equal(packet.wire_len, 30);
    assert_end(input);
    input_close(input);
    file.buf.ptr[7] = 9;
    assert_refused(&mem, buf_span(&file.buf), RC_FORMAT, "x: pcap version 2.9 is not known");
    buf_fini(&file.buf);
    assert_int_equal(mem.used, 0);
}

static void pcap_with_a_mad_length(void **state)
{
    (void)state;
    struct mem mem;
    struct file file;
    struct packet packet;
    struct err err = { 0 };
    mem_init(&mem, 0);
    file_init(&file, &mem, false);
    put_pcap_header(&file, 0xa1b2c3d4, 4, 1);
    put_pcap_packet(&file, false, 1, 60, 60);
    put_pcap_packet(&file, false, 2, 60, 60);
    memcpy(file.buf.ptr + 24 + 76 + 8, "\x00\x00\x00\x1c", 4);
    struct input *input = open_file(&mem, &file);
    assert_next(input, &packet);
    assert_int_equal(input_next_packet(input, &packet, &err), RC_DAMAGED);
    assert_string_equal(err.text, "x: packet 2 at offset 100 has length 469762048: file damaged; 1"
                                  " packet read before it");
    assert_int_equal(packet.octets.len, 0);
    input_close(input);
    buf_fini(&file.buf);
}

/* ---- pcapng ---- */

static uint64_t ng_time(int resolution, uint64_t ticks)
{
    struct mem mem;
    struct file file;
    struct packet packet;
    mem_init(&mem, 0);
    file_init(&file, &mem, false);
    put_section(&file, 1, UINT64_MAX);
    put_iface(&file, (struct iface_spec){ 1, 0, resolution, 0 });
    put_ng_packet(&file, ENHANCED, 0, ticks, 1, 4, 4);
    struct input *input = open_file(&mem, &file);
    assert_next(input, &packet);
    input_close(input);
    buf_fini(&file.buf);
    return packet.pos.ts_ns;
}

static void pcapng_clocks(void **state)
{
    (void)state;
    static const struct {
        int resolution;
        uint64_t ticks, ns;
    } rows[] = {
        { -1, 1700000000123456, 1700000000123456000 },
        { 0, 1700000000, 1700000000000000000 },
        { 3, 1700000000123, 1700000000123000000 },
        { 9, 1700000000123456789, 1700000000123456789 },
        { 12, 1700000000123456, 1700000000123 },
        { 19, UINT64_MAX, 1844674407 },
        { 40, UINT64_MAX, 0 },
        { 0x80, 1700000000, 1700000000000000000 },
        { 0x81, 3, 1500000000 },
        { 0xa0, (UINT64_C(7) << 32) + (1u << 31), 7500000000 },
        { 0xa3, (UINT64_C(1) << 35) - 1, 999999999 },
        { 0xbf, (UINT64_C(1) << 63) + (UINT64_C(1) << 62), 1500000000 },
        { 0xc0, UINT64_C(1) << 63, 500000000 },
        { 0xff, UINT64_MAX, 0 },
        { 0, UINT64_MAX, UINT64_MAX },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        uint64_t ns = ng_time(rows[i].resolution, rows[i].ticks);
        if (ns != rows[i].ns) {
            fail_msg("row %zu: %llu", i, (unsigned long long)ns);
        }
    }
}

/* Two sections of different octet order; interfaces of different link type, clock and snapshot
 * length; every kind of packet block; blocks to be passed over, of which those that Wireshark
 * numbers take a number. */
static void pcapng_of_every_kind(void **state)
{
    (void)state;
    struct mem mem;
    struct file file;
    struct packet packet;
    mem_init(&mem, 0);
    file_init(&file, &mem, true);
    put_section(&file, 1, UINT64_MAX);
    put_iface(&file, (struct iface_spec){ 1, 40, -1, 0 });
    put_other_block(&file, 10, 3000);
    put_iface(&file, (struct iface_spec){ 276, 0, 9, -5 });
    put_ng_packet(&file, ENHANCED, 1, 7000000001, 1, 33, 99);
    put_other_block(&file, 4, 7);
    put_ng_packet(&file, SIMPLE, 0, 0, 2, 40, 100);
    put_other_block(&file, 0xbad, 9);
    put_ng_packet(&file, OBSOLETE, 0, 8000000, 4, 21, 21);
    file.big = false;
    put_section(&file, 1, 0);
    put_iface(&file, (struct iface_spec){ 101, 0, 6, 0 });
    put_other_block(&file, 0x80001234, 500);
    put_ng_packet(&file, SIMPLE, 0, 0, 5, 17, 17);
    struct input *input = open_file(&mem, &file);
    assert_string_equal(input_format_name(input), "pcapng");
    assert_next(input, &packet);
    assert_content(&packet, 1, 33);
    assert_int_equal(packet.wire_len, 99);
    assert_int_equal(packet.link_type, 276);
    assert_int_equal(packet.if_id, 1);
    assert_int_equal(packet.ts_digits, 9);
    assert_true(packet.pos.ts_ns == 2000000001);
    assert_next(input, &packet);
    assert_content(&packet, 2, 40);
    assert_int_equal(packet.wire_len, 100);
    assert_false(packet.pos.ts_known);
    assert_next(input, &packet);
    assert_content(&packet, 4, 21);
    assert_int_equal(packet.pos.packet, 4);
    assert_true(packet.pos.ts_ns == 8000000000);
    assert_next(input, &packet);
    assert_content(&packet, 5, 17);
    assert_int_equal(packet.link_type, 101);
    assert_int_equal(packet.pos.packet, 5);
    assert_end(input);
    input_close(input);
    buf_fini(&file.buf);
    assert_int_equal(mem.used, 0);
}

/* Frame check octets: of the interface, or of the packet's flags. */
static void pcapng_fcs(void **state)
{
    (void)state;
    struct mem mem;
    struct file file, body;
    struct packet packet;
    mem_init(&mem, 0);
    file_init(&file, &mem, false);
    file_init(&body, &mem, false);
    put_section(&file, 1, UINT64_MAX);
    put_uint(&body, 1, 8);
    put_option(&body, 13, "\x20", 1);
    put_block(&file, 1, &body);
    buf_clear(&body.buf);
    put_uint(&body, 0, 12);
    put_uint(&body, 5, 4);
    put_uint(&body, 5, 4);
    put(&body, "hello\0\0\0", 8);
    put_block(&file, 6, &body);
    put_option(&body, 1, "a comment", 9);
    put_option(&body, 2, "\x40\x00\x00\x00", 4);
    put_option(&body, 0, "", 0);
    put_block(&file, 6, &body);
    struct input *input = open_file(&mem, &file);
    assert_next(input, &packet);
    assert_int_equal(packet.fcs_len, 4);
    assert_next(input, &packet);
    assert_int_equal(packet.fcs_len, 2);
    assert_end(input);
    input_close(input);
    buf_fini(&file.buf);
    buf_fini(&body.buf);
}

/* A file whose last block is damaged by `at` octets written over it, and what is said. */
static void pcapng_damage(void **state)
{
    (void)state;
    /* section 28, interface 40: the first packet's block is at 68 and has 92 octets, the second at
     * 160 */
    static const struct {
        size_t at;
        const char *octets;
        size_t len;
        unsigned packets;
        const char *text; /* NULL: none, it is read to the end */
    } rows[] = {
        { 164, "\x00\x00\x00\x1c", 4, 1,
          "x: block at offset 160 has length 469762048: file damaged; 1 packet read before it" },
        { 164, "\x5d\x00\x00\x00", 4, 1,
          "x: block at offset 160 has length 93: file damaged; 1 packet read before it" },
        { 164, "\x08\x00\x00\x00", 4, 1,
          "x: block at offset 160 has length 8: file damaged; 1 packet read before it" },
        { 164, "\x1c\x00\x00\x00", 4, 1,
          "x: block at offset 160 has length 28: file damaged; 1 packet read before it" },
        { 168, "\x01", 1, 1,
          "x: block at offset 160 is a packet of an interface that is not described: file damaged;"
          " 1 packet read before it" },
        { 180, "\x3d", 1, 1,
          "x: block at offset 160 is shorter than the packet in it: file damaged; 1 packet read"
          " before it" },
        { 160, "\x0a\x0d\x0d\x0a", 4, 1,
          "x: block at offset 160 begins a section of no octet order: file damaged; 1 packet read"
          " before it" },
        { 156, "\xff", 1, 2, NULL },
        { 156, "\xff\x00\x00\x00\x77", 5, 1,
          "x: block at offset 160 has an unknown type after a wrong length: file damaged; 1 packet"
          " read before it" },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        struct mem mem;
        struct file file;
        struct packet packet;
        struct err err = { 0 };
        mem_init(&mem, 0);
        file_init(&file, &mem, false);
        put_section(&file, 1, UINT64_MAX);
        put_iface(&file, (struct iface_spec){ 1, 0, 6, 0 });
        assert_int_equal(file.buf.len, 68);
        put_ng_packet(&file, ENHANCED, 0, 1, 1, 60, 60);
        put_ng_packet(&file, ENHANCED, 0, 2, 2, 60, 60);
        memcpy(file.buf.ptr + rows[i].at, rows[i].octets, rows[i].len);
        struct input *input = open_file(&mem, &file);
        enum rc rc;
        unsigned packets = 0;
        while ((rc = input_next_packet(input, &packet, &err)) == RC_OK) {
            packets++;
        }
        assert_int_equal(packets, rows[i].packets);
        assert_int_equal(rc, rows[i].text != NULL ? RC_DAMAGED : RC_END);
        assert_string_equal(err.text, rows[i].text != NULL ? rows[i].text : "");
        assert_int_equal(input_stats(input)->cut, rows[i].text != NULL);
        assert_int_equal(input_stats(input)->odd_lengths, rows[i].at == 156);
        input_close(input);
        buf_fini(&file.buf);
    }
}

/* A section of a later version is passed over by its length; without one there is no way on. */
static void pcapng_of_a_later_version(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct mem mem;
        struct file file;
        struct packet packet;
        struct err err = { 0 };
        mem_init(&mem, 0);
        file_init(&file, &mem, false);
        put_section(&file, 2, known ? 40 : UINT64_MAX);
        put_other_block(&file, 6, 28);
        put_section(&file, 1, UINT64_MAX);
        put_iface(&file, (struct iface_spec){ 1, 0, 6, 0 });
        put_ng_packet(&file, ENHANCED, 0, 1, 1, 60, 60);
        struct input *input = open_file(&mem, &file);
        if (known) {
            assert_next(input, &packet);
            assert_content(&packet, 1, 60);
            assert_end(input);
        } else {
            assert_int_equal(input_next_packet(input, &packet, &err), RC_DAMAGED);
            assert_string_equal(err.text, "x: block at offset 0 begins a section of an unknown"
                                          " version: file damaged; 0 packets read before it");
        }
        input_close(input);
        buf_fini(&file.buf);
    }
}

static void pcapng_with_too_many_interfaces(void **state)
{
    (void)state;
    struct mem mem;
    struct file file;
    struct packet packet;
    struct err err = { 0 };
    mem_init(&mem, 0);
    file_init(&file, &mem, false);
    put_section(&file, 1, UINT64_MAX);
    for (unsigned i = 0; i < 4097; i++) {
        put_iface(&file, (struct iface_spec){ 1, 0, 6, 0 });
    }
    struct input *input = open_file(&mem, &file);
    assert_int_equal(input_next_packet(input, &packet, &err), RC_DAMAGED);
    assert_string_equal(err.text, "x: block at offset 163868 describes an interface too many: file"
                                  " damaged; 0 packets read before it");
    input_close(input);
    buf_fini(&file.buf);
}

/* ---- cut files ---- */

/* A capture of three packets of 60 octets in that form. */
static void build(struct file *file, bool ng)
{
    if (!ng) {
        put_pcap_header(file, 0xa1b2c3d4, 4, 1);
    } else {
        put_section(file, 1, UINT64_MAX);
        put_iface(file, (struct iface_spec){ 1, 0, 6, 0 });
    }
    for (unsigned n = 1; n <= 3; n++) {
        if (ng) {
            put_ng_packet(file, ENHANCED, 0, n, n, 60, 60);
        } else {
            put_pcap_packet(file, false, n, 60, 60);
        }
    }
}

/* Reads all; *octets is what all packets had together. */
static enum rc drain(struct input *input, size_t *octets, struct err *err)
{
    struct packet packet;
    enum rc rc;
    *octets = 0;
    do {
        rc = input_next_packet(input, &packet, err);
        *octets += packet.octets.len;
        for (size_t i = 0; i < packet.octets.len; i++) {
            assert_int_equal(packet.octets.ptr[i], content((unsigned)packet.pos.packet, i));
        }
    } while (rc == RC_OK);
    return rc;
}

/* At every length: what is there comes out, octet for octet; only whole files are not "cut". */
static void cut_at_every_octet(void **state)
{
    (void)state;
    for (int ng = 0; ng < 2; ng++) {
        struct mem mem;
        struct file file;
        mem_init(&mem, 0);
        file_init(&file, &mem, false);
        build(&file, ng);
        size_t first = ng ? 68 : 24, each = ng ? 92 : 76, lead = ng ? 28 : 16;
        for (size_t len = first; len < file.buf.len; len++) {
            struct input *input = NULL;
            struct err err = { 0 };
            char *exact = mem_alloc(&mem, len);
            size_t octets;
            assert_non_null(exact);
            memcpy(exact, file.buf.ptr, len);
            assert_int_equal(input_open_memory(&mem, span_of(exact, len), "x", NULL, &input, &err),
                             RC_OK);
            enum rc rc = drain(input, &octets, &err);
            size_t whole = (len - first) / each, part = (len - first) % each;
            size_t there = part < lead ? 0 : part - lead > 60 ? 60 : part - lead;
            assert_int_equal(rc, part == 0 ? RC_END : RC_DAMAGED);
            assert_int_equal(octets, whole * 60 + there);
            assert_int_equal(input_stats(input)->cut, part != 0);
            assert_int_equal(input_stats(input)->packets, whole + (there > 0));
            input_close(input);
            mem_free(&mem, exact);
        }
        buf_fini(&file.buf);
        assert_int_equal(mem.used, 0);
    }
}

static void cut_texts(void **state)
{
    (void)state;
    static const struct {
        bool ng;
        size_t len;
        const char *text;
    } rows[] = {
        { false, 24 + 76 + 16 + 44,
          "x: cut short in packet 2 (44 of 60 octets there); 1 packet read, the last one in part" },
        { false, 24 + 2 * 76 + 5,
          "x: cut short in packet 3 (5 of 16 octets of its header there); 2 packets read" },
        { false, 24 + 16, "x: cut short in packet 1 (0 of 60 octets there); 0 packets read" },
        { true, 68 + 92 + 28 + 44,
          "x: cut short in packet 2 (44 of 60 octets there); 1 packet read, the last one in part" },
        { true, 68 + 92 + 27,
          "x: cut short in the block at offset 160 (27 of 92 octets there); 1 packet read" },
        { true, 68 + 92 + 5,
          "x: cut short in the block at offset 160 (5 of 12 octets there); 1 packet read" },
        { true, 68 + 92 + 90,
          "x: cut short behind packet 2 (88 of 92 octets of its block there); 2 packets read" },
        { true, 60,
          "x: cut short in the block at offset 28 (32 of 40 octets there); 0 packets"
          " read" },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        struct mem mem;
        struct file file;
        struct err err = { 0 };
        size_t octets;
        mem_init(&mem, 0);
        file_init(&file, &mem, false);
        build(&file, rows[i].ng);
        file.buf.len = rows[i].len;
        struct input *input = open_file(&mem, &file);
        assert_int_equal(drain(input, &octets, &err), RC_DAMAGED);
        assert_string_equal(err.text, rows[i].text);
        input_close(input);
        buf_fini(&file.buf);
    }
}

/* ---- gzip ---- */

static void gzip_once_twice_and_in_members(void **state)
{
    (void)state;
    struct mem mem;
    struct file plain, once, twice, thrice, members;
    size_t octets;
    struct err err = { 0 };
    mem_init(&mem, 0);
    file_init(&plain, &mem, false);
    file_init(&once, &mem, false);
    file_init(&twice, &mem, false);
    file_init(&thrice, &mem, false);
    file_init(&members, &mem, false);
    build(&plain, true);
    put_gzip(&once, buf_span(&plain.buf));
    put_gzip(&twice, buf_span(&once.buf));
    put_gzip(&thrice, buf_span(&twice.buf));
    for (size_t at = 0; at < plain.buf.len; at += 30) {
        size_t len = num_min_size(30, plain.buf.len - at);
        put_gzip(&members, span_of(plain.buf.ptr + at, len));
    }
    put(&members, "\0\0\0\0\0", 5);
    const struct file *const files[] = { &once, &twice, &members };
    for (size_t i = 0; i < H2D_COUNT_OF(files); i++) {
        struct input *input = open_file(&mem, files[i]);
        assert_string_equal(input_format_name(input), "pcapng");
        assert_int_equal(drain(input, &octets, &err), RC_END);
        assert_int_equal(octets, 180);
        assert_int_equal(input_stats(input)->octets, plain.buf.len);
        input_close(input);
    }
    assert_refused(&mem, buf_span(&thrice.buf), RC_FORMAT,
                   "x: compressed three times; uncompress it first");
    put(&members, "junk", 4);
    struct input *input = open_file(&mem, &members);
    assert_int_equal(drain(input, &octets, &err), RC_DAMAGED);
    assert_int_equal(octets, 180);
    assert_string_equal(err.text, "x: the compressed data is damaged (incorrect header check); 3"
                                  " packets read");
    input_close(input);
    buf_fini(&plain.buf);
    buf_fini(&once.buf);
    buf_fini(&twice.buf);
    buf_fini(&thrice.buf);
    buf_fini(&members.buf);
    assert_int_equal(mem.used, 0);
}

/* Whatever is in front of the cut comes out, and then it is said. */
static void gzip_cut_at_every_octet(void **state)
{
    (void)state;
    struct mem mem;
    struct file plain, file;
    size_t most = 0;
    mem_init(&mem, 0);
    file_init(&plain, &mem, false);
    file_init(&file, &mem, false);
    build(&plain, false);
    put_gzip(&file, buf_span(&plain.buf));
    size_t whole = file.buf.len;
    for (file.buf.len = 3; file.buf.len < whole; file.buf.len++) {
        struct input *input = NULL;
        struct err err = { 0 };
        size_t octets = 0;
        enum rc rc = input_open_memory(&mem, buf_span(&file.buf), "x", NULL, &input, &err);
        if (rc == RC_OK) {
            assert_int_equal(drain(input, &octets, &err), RC_DAMAGED);
        } else {
            assert_int_equal(rc, RC_FORMAT);
        }
        assert_non_null(strstr(err.text, "the compressed data is cut short"));
        assert_true(octets >= most);
        most = octets;
        input_close(input);
    }
    assert_int_equal(most, 180);
    buf_fini(&plain.buf);
    buf_fini(&file.buf);
    assert_int_equal(mem.used, 0);
}

/* ---- what is it ---- */

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t len;
        const char *text;
    } rows[] = {
        { "hello world", 11,
          "x: not a capture file (starts with 68 65 6c 6c 6f 20 77 6f); pcap, pcapng (also .gz,"
          " .zst) or raw HTTP/2 expected" },
        { "ab", 2,
          "x: not a capture file (starts with 61 62); pcap, pcapng (also .gz, .zst) or raw"
          " HTTP/2"
          " expected" },
        { "\x04\x22\x4d\x18", 4, "x: compressed with lz4; pipe it in: lz4cat FILE | h2dump -" },
        { "BZh9", 4, "x: compressed with bzip2; pipe it in: bzcat FILE | h2dump -" },
        { "\x16\x03\x01\x02", 4,
          "x: a raw TLS stream; one side alone cannot be decrypted: give a capture of both" },
        { "CLIENT_RANDOM 00", 16, "x: a TLS key log, not a capture" },
        { "snoop\0\0\0\0", 9,
          "x: a Solaris snoop file; convert it: editcap -F pcapng FILE out.pcapng" },
        { "{\"a\":1}", 7, "x: JSON text, not a capture; give the capture that it was made from" },
        { "\xd4\xc3\xb2\xa1\x02\x00\x04", 7,
          "x: cut short in the file header (7 of 24 octets there); no packet read" },
        { "\x00\x00\x07\x04\x00\x00\x00\x00\x00", 9,
          "x: not a capture file (starts with 00 00 07 04 00 00 00 00); pcap, pcapng (also .gz,"
          " .zst) or raw HTTP/2 expected" },
    };
    struct mem mem;
    mem_init(&mem, 0);
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        assert_refused(&mem, span_of(rows[i].octets, rows[i].len), RC_FORMAT, rows[i].text);
    }
    assert_refused(&mem, span_empty(), RC_FORMAT, "x: empty file");
    assert_int_equal(mem.used, 0);
}

static void raw_streams(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t len;
        bool raw;
    } rows[] = {
        { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33, false },
        { "\0\0\0\4\0\0\0\0\0", 9, false },
        { "\0\0\0\4\1\0\0\0\0", 9, false },
        { "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\1", 15, false },
        { "hello", 5, true },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        struct mem mem;
        struct input *input = NULL;
        struct input_options options = { .raw = rows[i].raw };
        struct span octets = span_of(rows[i].octets, rows[i].len), got;
        struct err err = { 0 };
        mem_init(&mem, 0);
        assert_int_equal(input_open_memory(&mem, octets, "x", &options, &input, &err), RC_OK);
        assert_int_equal(input_kind(input), INPUT_RAW);
        assert_string_equal(input_format_name(input), "raw");
        assert_true(span_equal(input_peek(input), octets));
        assert_int_equal(input_next_octets(input, &got, &err), RC_OK);
        assert_true(span_equal(got, octets));
        assert_int_equal(input_next_octets(input, &got, &err), RC_END);
        assert_int_equal(input_stats(input)->octets, octets.len);
        input_close(input);
        assert_int_equal(mem.used, 0);
    }
}

/* ---- descriptors ---- */

struct pipe_test {
    int fd[2];
    unsigned waits;
    const char *octets;
    size_t len;
};

/* Called when the pipe is empty: only then does more come. */
static void write_more(void *ctx)
{
    struct pipe_test *test = ctx;
    test->waits++;
    assert_int_equal(write(test->fd[1], test->octets, test->len), test->len);
}

/* A pipe hands out what is there, and says so before it would wait: a client's preface, a server's
 * first frame, a capture's header and its packets. */
static void pipe_gives_what_is_there(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t len;
    } rows[] = { { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24 }, { "\0\0\0\4\0\0\0\0\0", 9 } };
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        struct mem mem;
        struct pipe_test test = { .octets = rows[i].octets, .len = rows[i].len };
        struct input_options options = { .before_wait = write_more, .ctx = &test };
        struct input *input = NULL;
        struct err err = { 0 };
        struct span got;
        mem_init(&mem, 0);
        int old = dup(STDIN_FILENO);
        assert_int_equal(pipe(test.fd), 0);
        assert_int_equal(dup2(test.fd[0], STDIN_FILENO), STDIN_FILENO);
        assert_int_equal(input_open(&mem, "-", &options, &input, &err), RC_OK);
        assert_int_equal(test.waits, 1);
        assert_int_equal(input_peek(input).len, rows[i].len);
        for (unsigned n = 1; n <= 3; n++) {
            assert_int_equal(input_next_octets(input, &got, &err), RC_OK);
            assert_int_equal(got.len, rows[i].len);
            assert_int_equal(test.waits, n);
        }
        input_close(input);
        close(test.fd[0]);
        close(test.fd[1]);
        assert_int_equal(dup2(old, STDIN_FILENO), STDIN_FILENO);
        close(old);
        assert_int_equal(mem.used, 0);
    }
}

/* A capture piped in, packet by packet: each comes out before the next is there. */
static void pipe_of_packets(void **state)
{
    (void)state;
    for (int ng = 0; ng < 2; ng++) {
        struct mem mem;
        struct file file;
        struct pipe_test test = { .waits = 0 };
        struct input_options options = { .before_wait = write_more, .ctx = &test };
        struct input *input = NULL;
        struct err err = { 0 };
        struct packet packet;
        mem_init(&mem, 0);
        file_init(&file, &mem, false);
        build(&file, ng);
        size_t first = ng ? 68 : 24, each = ng ? 92 : 76;
        int old = dup(STDIN_FILENO);
        assert_int_equal(pipe(test.fd), 0);
        assert_int_equal(dup2(test.fd[0], STDIN_FILENO), STDIN_FILENO);
        test.octets = (const char *)file.buf.ptr;
        test.len = first;
        assert_int_equal(input_open(&mem, "-", &options, &input, &err), RC_OK);
        for (unsigned n = 1; n <= 3; n++) {
            test.octets = (const char *)file.buf.ptr + first + (n - 1) * each;
            test.len = each;
            assert_next(input, &packet);
            assert_content(&packet, n, 60);
            assert_int_equal(test.waits, 1 + n);
        }
        input_close(input);
        close(test.fd[0]);
        close(test.fd[1]);
        assert_int_equal(dup2(old, STDIN_FILENO), STDIN_FILENO);
        close(old);
        buf_fini(&file.buf);
        assert_int_equal(mem.used, 0);
    }
}

/* A plain file longer than many blocks, with packets across their borders. */
static void long_file(void **state)
{
    (void)state;
    struct mem mem;
    struct file file;
    struct packet packet;
    struct input *input = NULL;
    struct err err = { 0 };
    char path[] = "/tmp/h2dump-test-input-XXXXXX";
    mem_init(&mem, 0);
    file_init(&file, &mem, false);
    put_pcap_header(&file, 0xa1b2c3d4, 4, 1);
    size_t lens[] = { 1, 1500, 65535, 9000, 0, 300000, 20 };
    for (unsigned n = 1; n <= 70; n++) {
        put_pcap_packet(&file, false, n, lens[n % 7], lens[n % 7]);
    }
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file.buf.ptr, file.buf.len), file.buf.len);
    close(fd);
    assert_int_equal(input_open(&mem, path, NULL, &input, &err), RC_OK);
    for (unsigned n = 1; n <= 70; n++) {
        assert_next(input, &packet);
        assert_content(&packet, n, lens[n % 7]);
    }
    assert_end(input);
    input_close(input);
    unlink(path);
    buf_fini(&file.buf);
    assert_int_equal(mem.used, 0);
}

static void what_cannot_be_opened(void **state)
{
    (void)state;
    struct mem mem;
    struct input *input = NULL;
    struct err err;
    mem_init(&mem, 0);
    assert_int_equal(input_open(&mem, "/", NULL, &input, &err), RC_IO);
    assert_string_equal(err.text, "/: is a directory; give the files in it");
    assert_int_equal(input_open(&mem, "/nonexistent/x", NULL, &input, &err), RC_IO);
    assert_string_equal(err.text, "/nonexistent/x: cannot be opened: No such file or directory");
    assert_int_equal(input_open(&mem, "/dev/null", NULL, &input, &err), RC_FORMAT);
    assert_string_equal(err.text, "/dev/null: empty file");
    assert_null(input);
    assert_int_equal(mem.used, 0);
}

/* Memory failing at each call in turn: said, and nothing leaks. */
static void out_of_memory_everywhere(void **state)
{
    (void)state;
    struct mem files;
    struct file plain, file;
    mem_init(&files, 0);
    file_init(&plain, &files, false);
    file_init(&file, &files, false);
    build(&plain, true);
    put_gzip(&file, buf_span(&plain.buf));
    bool failed = true;
    for (uint64_t at = 1; failed; at++) {
        struct mem mem;
        struct input *input = NULL;
        struct err err = { 0 };
        size_t octets;
        mem_init(&mem, 0);
        mem.fail_at = at;
        enum rc rc = input_open_memory(&mem, buf_span(&file.buf), "x", NULL, &input, &err);
        if (rc == RC_OK) {
            rc = drain(input, &octets, &err);
        }
        failed = rc == RC_NOMEM;
        assert_true(failed || rc == RC_END);
        if (failed) {
            assert_non_null(strstr(err.text, "out of memory"));
        }
        input_close(input);
        assert_int_equal(mem.used, 0);
    }
    buf_fini(&plain.buf);
    buf_fini(&file.buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcap_of_every_magic),
        cmocka_unit_test(pcap_oddities),
        cmocka_unit_test(pcap_with_a_mad_length),
        cmocka_unit_test(pcapng_clocks),
        cmocka_unit_test(pcapng_of_every_kind),
        cmocka_unit_test(pcapng_fcs),
        cmocka_unit_test(pcapng_damage),
        cmocka_unit_test(pcapng_of_a_later_version),
        cmocka_unit_test(pcapng_with_too_many_interfaces),
        cmocka_unit_test(cut_at_every_octet),
        cmocka_unit_test(cut_texts),
        cmocka_unit_test(gzip_once_twice_and_in_members),
        cmocka_unit_test(gzip_cut_at_every_octet),
        cmocka_unit_test(refusals),
        cmocka_unit_test(raw_streams),
        cmocka_unit_test(pipe_gives_what_is_there),
        cmocka_unit_test(pipe_of_packets),
        cmocka_unit_test(long_file),
        cmocka_unit_test(what_cannot_be_opened),
        cmocka_unit_test(out_of_memory_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
