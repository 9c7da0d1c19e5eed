#include "detect/looks.h"

#include <string.h>

#include "base/compiler.h"
#include "detect/head.h"

/* A fixed run of octets at a fixed place that only one protocol begins with. */
struct signature {
    const char *name;
    uint8_t off, len;
    const char *octets;
};

static const struct signature signatures[] = {
    // clang-format off
    { "SSH",            0, 4, "SSH-" },
    { "AMQP",           0, 4, "AMQP" },
    { "PROXY protocol", 0, 6, "PROXY " },
    { "PROXY protocol", 0, 12, "\r\n\r\n\0\r\nQUIT\n" },
    { "SMTP",           0, 5, "EHLO " },
    { "SMTP",           0, 5, "HELO " },
    { "SMTP or FTP",    0, 4, "220 " },
    { "SMTP or FTP",    0, 4, "220-" },
    { "IMAP",           0, 5, "* OK " },
    { "POP3",           0, 4, "+OK " },
    { "Redis",          0, 5, "+OK\r\n" },
    { "Redis",          0, 5, "-ERR " },
    { "NATS",           0, 5, "INFO " },
    { "BitTorrent",     0, 20, "\x13" "BitTorrent protocol" },
    { "PostgreSQL",     0, 8, "\0\0\0\x08\x04\xd2\x16\x2f" },
    { "PostgreSQL",     4, 4, "\0\x03\0\0" },
    { "MQTT",           2, 6, "\0\x04MQTT" },
    { "MQTT",           3, 6, "\0\x04MQTT" },
    { "MQTT",           2, 8, "\0\x06MQIsdp" },
    { "MongoDB",        12, 4, "\xdd\x07\0\0" },
    { "MongoDB",        12, 4, "\xd4\x07\0\0" },
    { "SMB",            4, 4, "\xfeSMB" },
    { "SMB",            4, 4, "\xffSMB" },
    { "HTTP proxy tunnel (CONNECT)", 0, 8, "CONNECT " },
    // clang-format on
};

/* Methods that clients begin with (RFC 9110 9.3, RFC 5789, RFC 4918). */
static const char *const methods[] = {
    "GET ",   "HEAD ",     "POST ",      "PUT ",   "DELETE ", "OPTIONS ", "TRACE ",
    "PATCH ", "PROPFIND ", "PROPPATCH ", "MKCOL ", "COPY ",   "MOVE ",    "REPORT ",
};

/* With fewer octets than these nothing is called strange yet. */
#define TEXT_OCTETS_MIN   32
#define BINARY_OCTETS_MIN 16

/* The longest frame of a type that nobody has defined that may be a server's second. */
#define UNKNOWN_OCTETS_MAX 16384

/* 1: begins with it; 0: does not; -1: too short to tell. */
static int begins(struct span octets, size_t off, const char *with, size_t len)
{
    size_t have = octets.len > off ? num_min_size(octets.len - off, len) : 0;
    if (have > 0 && memcmp(octets.ptr + off, with, have) != 0) {
        return 0;
    }
    return have == len ? 1 : -1;
}

static bool begins_with(struct span octets, const char *with)
{
    return begins(octets, 0, with, strlen(with)) == 1;
}

bool look_preface_prefix(struct span octets)
{
    return begins(octets, 0, (const char *)h2_preface, H2_PREFACE_LEN) != 0;
}

/* A TLS record with a handshake message, or, of a connection joined late, any TLS record. */
static bool is_tls(struct span o, bool joined)
{
    if (o.len < 6 || o.ptr[1] != 0x03 || o.ptr[2] > 0x04 || num_be16(o.ptr + 3) > 16384 + 2048) {
        return false;
    }
    if (o.ptr[0] == 0x16) {
        return o.ptr[5] == 0x01 || o.ptr[5] == 0x02 || joined;
    }
    return joined && o.ptr[0] >= 0x14 && o.ptr[0] <= 0x17 && o.ptr[2] == 0x03;
}

static bool is_redis(struct span o)
{
    return o.len >= 4 && (o.ptr[0] == '*' || o.ptr[0] == '$') && o.ptr[1] >= '0' &&
           o.ptr[1] <= '9' && (o.ptr[2] == '\r' || o.ptr[3] == '\r');
}

/* A server's greeting: 3 octets of length, number 0, version 10, a version in digits. */
static bool is_mysql(struct span o)
{
    return o.len >= 6 && o.ptr[3] == 0 && o.ptr[4] == 0x0a && o.ptr[5] >= '3' && o.ptr[5] <= '9';
}

/* A query in TCP's form: length, id, flags of a standard query, one question (RFC 1035 4.2.2). */
static bool is_dns(struct span o)
{
    return o.len >= 14 && num_be16(o.ptr) >= 17 && (o.ptr[4] & 0x7a) == 0 && o.ptr[6] == 0 &&
           o.ptr[7] == 1 && num_be16(o.ptr + 8) <= 64 && o.ptr[10] == 0;
}

/* Client greeting of RFC 1928 3, whole. */
static bool is_socks(struct span o)
{
    return o.len >= 3 && o.ptr[0] == 0x05 && o.ptr[1] > 0 && o.len == 2u + o.ptr[1];
}

static const char *name_of(struct span octets)
{
    for (size_t i = 0; i < H2D_COUNT_OF(signatures); i++) {
        const struct signature *row = &signatures[i];
        if (begins(octets, row->off, row->octets, row->len) == 1) {
            return row->name;
        }
    }
    return is_redis(octets)   ? "Redis"
           : is_mysql(octets) ? "MySQL"
           : is_dns(octets)   ? "DNS"
           : is_socks(octets) ? "SOCKS"
                              : NULL;
}

static bool is_request(struct span octets)
{
    for (size_t i = 0; i < H2D_COUNT_OF(methods); i++) {
        if (begins_with(octets, methods[i])) {
            return true;
        }
    }
    return false;
}

/* A server's first frame is SETTINGS without ACK (RFC 9113 3.4). 1: yes, as far as can be seen. */
static int is_settings(struct span o)
{
    static const char fixed[] = { H2_SETTINGS, 0, 0, 0, 0, 0 };
    struct h2_frame_hd hd;
    if (begins(o, 0, "\0", 1) == 0 || begins(o, 3, fixed, sizeof(fixed)) == 0) {
        return 0;
    }
    if (o.len < H2_FRAME_HEADER_LEN) {
        return -1;
    }
    if (!head_plausible(o.ptr, UINT32_MAX, &hd)) {
        return 0;
    }
    size_t next = H2_FRAME_HEADER_LEN + hd.length;
    return o.len < next + H2_FRAME_HEADER_LEN || head_plausible(o.ptr + next, UINT32_MAX, &hd) ||
                   head_may_follow(o.ptr + next, UNKNOWN_OCTETS_MAX, &hd)
               ? 1
               : 0;
}

enum look look_at(struct span octets, bool joined, const char **name)
{
    if (octets.len == 0) {
        return LOOK_NONE;
    }
    int preface = begins(octets, 0, (const char *)h2_preface, H2_PREFACE_LEN);
    int settings = is_settings(octets);
    if (preface != 0) {
        return preface > 0 ? LOOK_PREFACE : LOOK_NONE;
    }
    if (settings != 0) {
        return settings > 0 ? LOOK_SETTINGS : LOOK_NONE;
    }
    if (begins_with(octets, "HTTP/1.")) {
        return LOOK_HTTP1_RESPONSE;
    }
    if (is_request(octets)) {
        return LOOK_HTTP1_REQUEST;
    }
    if (is_tls(octets, joined)) {
        return LOOK_TLS;
    }
    *name = name_of(octets);
    if (*name != NULL) {
        return LOOK_OTHER;
    }
    /* A text protocol's first line may come in pieces; binary ones say sooner who they are. */
    bool text = octets.ptr[0] >= 0x20 && octets.ptr[0] < 0x7f;
    return octets.len < (text ? TEXT_OCTETS_MIN : BINARY_OCTETS_MIN) ? LOOK_NONE : LOOK_STRANGE;
}
