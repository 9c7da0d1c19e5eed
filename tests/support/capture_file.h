/* Capture files made octet by octet: pcap and pcapng in both octet orders, gzip members; and octets
 * by which each packet is known. Tests include it once; what they do not call costs nothing. */
#ifndef H2DUMP_TESTS_CAPTURE_FILE_H
#define H2DUMP_TESTS_CAPTURE_FILE_H

#include "testing.h"

#include <zlib.h>

#include "base/buf.h"

#define CAPTURE_FILE static __attribute__((unused))

struct file {
    struct buf buf;
    bool big;
};

CAPTURE_FILE void put(struct file *file, const void *octets, size_t len)
{
    if (len > 0) {
        assert_true(buf_append(&file->buf, span_of(octets, len)));
    }
}

CAPTURE_FILE void put_uint(struct file *file, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        size_t shift = 8 * (file->big ? len - 1 - i : i);
        uint8_t octet = (uint8_t)(shift < 64 ? value >> shift : 0);
        put(file, &octet, 1);
    }
}

CAPTURE_FILE void file_init(struct file *file, struct mem *mem, bool big)
{
    buf_init(&file->buf, mem, 64u << 20);
    file->big = big;
}

/* Octet i of packet n, so that a packet taken for another is seen. */
CAPTURE_FILE uint8_t content(unsigned n, size_t i)
{
    return (uint8_t)(n * 37 + i * 11);
}

CAPTURE_FILE void put_content(struct file *file, unsigned n, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t octet = content(n, i);
        put(file, &octet, 1);
    }
}

CAPTURE_FILE void put_pcap_header(struct file *file, uint32_t magic, unsigned minor, uint32_t link)
{
    put_uint(file, magic, 4);
    put_uint(file, 2, 2);
    put_uint(file, minor, 2);
    put_uint(file, 0, 8);
    put_uint(file, 65535, 4);
    put_uint(file, link, 4);
}

/* Packet n (from 1) of len octets, at second 1000 + n and fraction n. */
CAPTURE_FILE void put_pcap_packet(struct file *file, bool modified, unsigned n, size_t len,
                                  size_t wire)
{
    put_uint(file, 1000 + n, 4);
    put_uint(file, n, 4);
    put_uint(file, len, 4);
    put_uint(file, wire, 4);
    if (modified) {
        put_uint(file, 0x0102030405060708, 8);
    }
    put_content(file, n, len);
}

/* A block with its two lengths; the body is in `body`. */
CAPTURE_FILE void put_block(struct file *file, uint32_t type, const struct file *body)
{
    size_t pad = (4 - body->buf.len % 4) % 4;
    uint32_t len = (uint32_t)(12 + body->buf.len + pad);
    put_uint(file, type, 4);
    put_uint(file, len, 4);
    put(file, body->buf.ptr, body->buf.len);
    put(file, "\0\0\0", pad);
    put_uint(file, len, 4);
}

CAPTURE_FILE void put_section(struct file *file, unsigned major, uint64_t len)
{
    struct file body;
    file_init(&body, file->buf.mem, file->big);
    put_uint(&body, 0x1a2b3c4d, 4);
    put_uint(&body, major, 2);
    put_uint(&body, 0, 2);
    put_uint(&body, len, 8);
    put_block(file, 0x0a0d0d0a, &body);
    buf_fini(&body.buf);
}

CAPTURE_FILE void put_option(struct file *body, unsigned code, const void *value, size_t len)
{
    put_uint(body, code, 2);
    put_uint(body, len, 2);
    put(body, value, len);
    put(body, "\0\0\0", (4 - len % 4) % 4);
}

struct iface_spec {
    uint16_t link;
    uint32_t snap;
    int resolution; /* -1: not stated */
    int64_t offset_s;
};

CAPTURE_FILE void put_iface(struct file *file, struct iface_spec spec)
{
    struct file body, offset;
    file_init(&body, file->buf.mem, file->big);
    file_init(&offset, file->buf.mem, file->big);
    put_uint(&body, spec.link, 2);
    put_uint(&body, 0, 2);
    put_uint(&body, spec.snap, 4);
    put_option(&body, 2, "eth0", 4);
    if (spec.resolution >= 0) {
        uint8_t resolution = (uint8_t)spec.resolution;
        put_option(&body, 9, &resolution, 1);
    }
    if (spec.offset_s != 0) {
        put_uint(&offset, (uint64_t)spec.offset_s, 8);
        put_option(&body, 14, offset.buf.ptr, 8);
    }
    put_option(&body, 0, "", 0);
    put_block(file, 1, &body);
    buf_fini(&body.buf);
    buf_fini(&offset.buf);
}

enum packet_form { ENHANCED = 6, OBSOLETE = 2, SIMPLE = 3 };

CAPTURE_FILE void put_ng_packet(struct file *file, enum packet_form form, unsigned if_id,
                                uint64_t time, unsigned n, size_t len, size_t wire)
{
    struct file body;
    file_init(&body, file->buf.mem, file->big);
    if (form == SIMPLE) {
        put_uint(&body, wire, 4);
    } else {
        put_uint(&body, if_id, form == ENHANCED ? 4 : 2);
        put_uint(&body, 0, form == ENHANCED ? 0 : 2);
        put_uint(&body, time >> 32, 4);
        put_uint(&body, time & 0xffffffff, 4);
        put_uint(&body, len, 4);
        put_uint(&body, wire, 4);
    }
    put_content(&body, n, len);
    put_block(file, form, &body);
    buf_fini(&body.buf);
}

CAPTURE_FILE void put_other_block(struct file *file, uint32_t type, size_t len)
{
    struct file body;
    file_init(&body, file->buf.mem, file->big);
    put_content(&body, type & 0xff, len);
    put_block(file, type, &body);
    buf_fini(&body.buf);
}

/* The octets, compressed as one gzip member behind what file has. */
CAPTURE_FILE void put_gzip(struct file *file, struct span octets)
{
    static uint8_t out[1 << 20];
    z_stream z = { 0 };
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)octets.ptr;
    z.avail_in = (uInt)octets.len;
    z.next_out = out;
    z.avail_out = sizeof out;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    put(file, out, sizeof out - z.avail_out);
    assert_int_equal(deflateEnd(&z), Z_OK);
}

#endif
