#include "detect/preamble.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/compiler.h"
#include "detect/http1.h"
#include "spec/limits.h"

/* ---- the words of a via ---- */

static void put(struct via_name *via, struct span octets)
{
    size_t len = num_min_size(octets.len, sizeof(via->octets) - via->len);
    memcpy(via->octets + via->len, octets.ptr, len);
    via->len += len;
}

static void put_text(struct via_name *via, const char *text)
{
    put(via, span_str(text));
}

static void put_number(struct via_name *via, unsigned number)
{
    char digits[8];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(via, span_of(digits + at, sizeof(digits) - at));
}

/* An address of 4 or 16 octets, and a port. */
static void put_address(struct via_name *via, struct span ip, unsigned port)
{
    char room[INET6_ADDRSTRLEN];
    const char *text = inet_ntop(ip.len == 16 ? AF_INET6 : AF_INET, ip.ptr, room, sizeof(room));
    put_text(via, ip.len == 16 ? "[" : "");
    put_text(via, text != NULL ? text : "?");
    put_text(via, ip.len == 16 ? "]:" : ":");
    put_number(via, port);
}

/* How far the octets agree with a beginning: 1 wholly, 0 not, -1 as far as there are any. */
static int begins(struct span octets, const char *with, size_t len)
{
    size_t have = num_min_size(octets.len, len);
    return memcmp(octets.ptr, with, have) != 0 ? 0 : have == len ? 1 : -1;
}

/* ---- PROXY protocol, versions 1 and 2 ---- */

#define PROXY1_OCTETS_MAX 107

/* A word up to a space or the end. */
static struct span next_word(struct cur *c)
{
    const uint8_t *space = cur_left(c) > 0 ? memchr(c->pos, ' ', cur_left(c)) : NULL;
    struct span word = cur_take(c, space != NULL ? (size_t)(space - c->pos) : cur_left(c));
    cur_skip(c, space != NULL ? 1 : 0);
    return word;
}

/* "TCP4 SOURCE DESTINATION PORT PORT" */
static bool proxy1_line(struct cur c, struct via_name *via)
{
    struct span family = next_word(&c);
    bool six = span_equal(family, span_str("TCP6"));
    put_text(via, "PROXY v1 ");
    if (span_equal(family, span_str("UNKNOWN"))) {
        put(via, family);
        return true;
    }
    if (!six && !span_equal(family, span_str("TCP4"))) {
        return false;
    }
    struct span source = next_word(&c), destination = next_word(&c);
    struct span source_port = next_word(&c), destination_port = next_word(&c);
    const struct {
        struct span ip, port;
    } ends[2] = { { source, source_port }, { destination, destination_port } };
    for (size_t i = 0; i < 2; i++) {
        if (ends[i].ip.len == 0 || ends[i].port.len == 0 || ends[i].port.len > 5) {
            return false;
        }
        put_text(via, i == 0 ? "" : " > ");
        put_text(via, six ? "[" : "");
        put(via, ends[i].ip);
        put_text(via, six ? "]:" : ":");
        put(via, ends[i].port);
    }
    return cur_done(&c);
}

static enum preamble_status look_proxy1(struct span client, struct span server, struct preamble *p)
{
    static const char start[] = "PROXY ";
    (void)server;
    int begun = begins(client, start, sizeof(start) - 1);
    if (begun <= 0) {
        return begun < 0 ? PREAMBLE_MORE : PREAMBLE_NONE;
    }
    struct span head = span_of(client.ptr, num_min_size(client.len, PROXY1_OCTETS_MAX));
    const uint8_t *end = memchr(head.ptr, '\n', head.len);
    if (end == NULL) {
        return head.len < PROXY1_OCTETS_MAX ? PREAMBLE_MORE : PREAMBLE_NONE;
    }
    size_t len = (size_t)(end - head.ptr);
    struct cur c = cur_of(span_of(head.ptr, len - 1));
    cur_skip(&c, sizeof(start) - 1);
    if (end[-1] != '\r' || !proxy1_line(c, &p->via)) {
        return PREAMBLE_NONE;
    }
    p->digested[DIR_C2S] = len + 1;
    return PREAMBLE_THROUGH;
}

static enum preamble_status look_proxy2(struct span client, struct span server, struct preamble *p)
{
    static const char start[] = "\r\n\r\n\0\r\nQUIT\n";
    (void)server;
    int begun = begins(client, start, sizeof(start) - 1);
    if (begun <= 0) {
        return begun < 0 ? PREAMBLE_MORE : PREAMBLE_NONE;
    }
    struct cur c = cur_of(client);
    cur_skip(&c, sizeof(start) - 1);
    uint8_t command = cur_u8(&c), family = cur_u8(&c);
    uint16_t len = cur_u16(&c);
    if (!cur_ok(&c)) {
        return PREAMBLE_MORE;
    }
    if (command != 0x20 && command != 0x21) {
        return PREAMBLE_NONE;
    }
    p->digested[DIR_C2S] = client.len - cur_left(&c) + len;
    size_t ip_len = family >> 4 == 1 ? 4 : family >> 4 == 2 ? 16 : 0;
    put_text(&p->via, "PROXY v2");
    if (command == 0x20 || ip_len == 0) { /* LOCAL says nothing of ends */
        put_text(&p->via, command == 0x20 ? " LOCAL" : family >> 4 == 3 ? " UNIX" : " UNSPEC");
        return PREAMBLE_THROUGH;
    }
    struct span source = cur_take(&c, ip_len), destination = cur_take(&c, ip_len);
    unsigned source_port = cur_u16(&c), destination_port = cur_u16(&c);
    if (!cur_ok(&c) || len < 2 * ip_len + 4) {
        return len < 2 * ip_len + 4 ? PREAMBLE_NONE : PREAMBLE_MORE;
    }
    put_text(&p->via, " ");
    put_address(&p->via, source, source_port);
    put_text(&p->via, " > ");
    put_address(&p->via, destination, destination_port);
    return PREAMBLE_THROUGH;
}

/* ---- HTTP CONNECT (RFC 9110 9.3.6) ---- */

static enum preamble_status connect_refused(const struct http1_head *facts, struct preamble *p)
{
    if (facts->chunked || facts->bad_length) {
        return PREAMBLE_REFUSED; /* its end cannot be followed */
    }
    p->digested[DIR_S2C] += facts->length;
    return PREAMBLE_AGAIN;
}

static enum preamble_status look_connect(struct span client, struct span server, struct preamble *p)
{
    static const char start[] = "CONNECT ";
    int begun = begins(client, start, sizeof(start) - 1);
    if (begun <= 0) {
        return begun < 0 ? PREAMBLE_MORE : PREAMBLE_NONE;
    }
    size_t request = http1_head_length(client);
    if (request == 0) {
        return client.len <= LIMIT_UPGRADE_HEAD_OCTETS ? PREAMBLE_MORE : PREAMBLE_REFUSED;
    }
    struct http1_head asked = http1_head(span_of(client.ptr, request));
    struct cur line = cur_of(asked.first_line);
    (void)next_word(&line);
    struct span target = next_word(&line);
    if (target.len == 0 || cur_left(&line) < 8 || memcmp(line.pos, "HTTP/1.", 7) != 0) {
        return PREAMBLE_NONE;
    }
    struct span left = server;
    for (;;) { /* an interim response may come first */
        size_t len = http1_head_length(left);
        if (len == 0) {
            bool hopeless = (left.len > 0 && begins(left, "HTTP/1.", 7) == 0) ||
                            left.len > LIMIT_UPGRADE_HEAD_OCTETS;
            return hopeless ? PREAMBLE_REFUSED : PREAMBLE_MORE;
        }
        struct http1_head facts = http1_head(span_of(left.ptr, len));
        unsigned status = http1_status(facts.first_line);
        left = span_of(left.ptr + len, left.len - len);
        if (status < 100) {
            return PREAMBLE_REFUSED;
        }
        if (status >= 200) {
            p->digested[DIR_C2S] = request;
            p->digested[DIR_S2C] = server.len - left.len;
            put_text(&p->via, "CONNECT ");
            put(&p->via, target);
            return status < 300 ? PREAMBLE_THROUGH : connect_refused(&facts, p);
        }
    }
}

/* ---- SOCKS 4, 4a (no RFC) and 5 (RFC 1928, 1929) ---- */

/* The octets up to a NUL, and the NUL. */
static struct span take_text(struct cur *c)
{
    const uint8_t *end = cur_left(c) > 0 ? memchr(c->pos, 0, cur_left(c)) : NULL;
    struct span text = cur_take(c, end != NULL ? (size_t)(end - c->pos) : cur_left(c) + 1);
    cur_skip(c, 1);
    return text;
}

static enum preamble_status look_socks4(struct span client, struct span server, struct preamble *p)
{
    struct cur c = cur_of(client), s = cur_of(server);
    if (begins(client, "\x04\x01", 2) == 0 ||
        (server.len > 0 && (server.ptr[0] != 0 ||
                            (server.len > 1 && (server.ptr[1] < 0x5a || server.ptr[1] > 0x5d))))) {
        return PREAMBLE_NONE;
    }
    cur_skip(&c, 2);
    unsigned port = cur_u16(&c);
    struct span ip = cur_take(&c, 4);
    (void)take_text(&c); /* the user */
    /* 4a: an address 0.0.0.x, and the name behind the user */
    bool named = ip.len == 4 && memcmp(ip.ptr, "\0\0\0", 3) == 0 && ip.ptr[3] != 0;
    struct span name = named ? take_text(&c) : span_empty();
    (void)cur_u8(&s);
    uint8_t reply = cur_u8(&s);
    cur_skip(&s, 6);
    if (!cur_ok(&c) || !cur_ok(&s)) {
        return client.len + server.len <= LIMIT_UPGRADE_HEAD_OCTETS ? PREAMBLE_MORE : PREAMBLE_NONE;
    }
    p->digested[DIR_C2S] = client.len - cur_left(&c);
    p->digested[DIR_S2C] = server.len - cur_left(&s);
    put_text(&p->via, named ? "SOCKS4a " : "SOCKS4 ");
    if (named) {
        put(&p->via, name);
        put_text(&p->via, ":");
        put_number(&p->via, port);
    } else {
        put_address(&p->via, ip, port);
    }
    return reply == 0x5a ? PREAMBLE_THROUGH : PREAMBLE_REFUSED;
}

/* Type, address, port; the address as text into *via when there is one. False: no such type. */
static bool socks5_address(struct cur *c, struct via_name *via)
{
    uint8_t type = cur_u8(c);
    size_t len = type == 1 ? 4 : type == 4 ? 16 : type == 3 ? cur_u8(c) : 0;
    struct span address = cur_take(c, len);
    unsigned port = cur_u16(c);
    if (via != NULL && cur_ok(c)) {
        if (type == 3) {
            put(via, address);
            put_text(via, ":");
            put_number(via, port);
        } else if (len > 0) {
            put_address(via, address, port);
        }
    }
    return !cur_ok(c) || len > 0;
}

/* Greeting and choice of a method, and what the method says. MORE: go on. */
static enum preamble_status socks5_method(struct cur *c, struct cur *s)
{
    (void)cur_u8(c);
    struct span methods = cur_take(c, cur_u8(c));
    uint8_t version = cur_u8(s), method = cur_u8(s);
    if (!cur_ok(c) || !cur_ok(s)) {
        return PREAMBLE_MORE;
    }
    bool offered = memchr(methods.ptr, method, methods.len) != NULL;
    if (version != 5 || (!offered && method != 0xff)) {
        return PREAMBLE_NONE;
    }
    if (method == 2) { /* user and password, RFC 1929 */
        (void)cur_u8(c);
        cur_skip(c, cur_u8(c));
        cur_skip(c, cur_u8(c));
        (void)cur_u8(s);
        uint8_t status = cur_u8(s);
        return cur_ok(s) && status != 0 ? PREAMBLE_REFUSED : PREAMBLE_MORE;
    }
    return method == 0 ? PREAMBLE_MORE : PREAMBLE_REFUSED;
}

static enum preamble_status look_socks5(struct span client, struct span server, struct preamble *p)
{
    struct cur c = cur_of(client), s = cur_of(server);
    if (client.ptr[0] != 5 || (client.len > 1 && client.ptr[1] == 0) ||
        (server.len > 0 && server.ptr[0] != 5)) {
        return PREAMBLE_NONE;
    }
    enum preamble_status status = socks5_method(&c, &s);
    if (status != PREAMBLE_MORE || !cur_ok(&c) || !cur_ok(&s)) {
        return status;
    }
    put_text(&p->via, "SOCKS5 ");
    uint8_t version = cur_u8(&c), command = cur_u8(&c);
    (void)cur_u8(&c);
    bool good = socks5_address(&c, &p->via);
    uint8_t reply_version = cur_u8(&s), reply = cur_u8(&s);
    (void)cur_u8(&s);
    good = socks5_address(&s, NULL) && good;
    if (!cur_ok(&c) || !cur_ok(&s)) {
        return PREAMBLE_MORE;
    }
    p->digested[DIR_C2S] = client.len - cur_left(&c);
    p->digested[DIR_S2C] = server.len - cur_left(&s);
    return good && version == 5 && reply_version == 5 && command == 1 && reply == 0
               ? PREAMBLE_THROUGH
               : PREAMBLE_REFUSED;
}

/* ---- PostgreSQL: SSLRequest and GSSENCRequest ---- */

static enum preamble_status look_postgresql(struct span client, struct span server,
                                            struct preamble *p)
{
    static const char start[] = "\0\0\0\x08\x04\xd2\x16";
    int begun = begins(client, start, sizeof(start) - 1);
    if (begun == 0 || client.len < 8) {
        /* With fewer octets than the length says it is nothing yet: HTTP/2 has zeros, too. */
        return begun != 0 && client.len > 3 ? PREAMBLE_MORE : PREAMBLE_NONE;
    }
    bool tls = client.ptr[7] == 0x2f;
    if (!tls && client.ptr[7] != 0x30) {
        return PREAMBLE_NONE;
    }
    if (server.len == 0) {
        return PREAMBLE_MORE;
    }
    p->digested[DIR_C2S] = 8;
    p->digested[DIR_S2C] = 1;
    put_text(&p->via, "PostgreSQL SSLRequest");
    return server.ptr[0] == 'N'          ? PREAMBLE_AGAIN
           : tls && server.ptr[0] == 'S' ? PREAMBLE_THROUGH
                                         : PREAMBLE_REFUSED;
}

/* ---- all of them ---- */

static const struct {
    const char *name;
    enum preamble_status (*look)(struct span client, struct span server, struct preamble *p);
} rows[] = {
    { "PROXY protocol", look_proxy1 },
    { "PROXY protocol", look_proxy2 },
    { "HTTP proxy tunnel (CONNECT)", look_connect },
    { "SOCKS", look_socks4 },
    { "SOCKS", look_socks5 },
    { "PostgreSQL", look_postgresql },
};

enum preamble_status preamble_look(struct span client, struct span server,
                                   struct preamble *preamble)
{
    for (size_t i = 0; client.len > 0 && i < H2D_COUNT_OF(rows); i++) {
        *preamble = (struct preamble){ .name = rows[i].name };
        enum preamble_status status = rows[i].look(client, server, preamble);
        if (status != PREAMBLE_NONE) {
            return status;
        }
    }
    return PREAMBLE_NONE;
}
