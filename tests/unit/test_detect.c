/* Which protocol is it, fed octet by octet, in order and not, with holes and ends. */
#include "testing.h"

#include <string.h>

#include "base/num.h"
#include "detect/detect.h"
#include "h2/frames.h"

#define PREFACE      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS     "\0\0\0\4\0\0\0\0\0"
#define SETTINGS_LEN 9

/* What came of a connection. */
struct seen {
    bool http2, freed;
    struct connection_info info;
    struct via via;
    bool has_upgrade;
    char method[16], path[32], settings[64], first_field[64];
    size_t field_count;
    uint64_t request_packet;
    char octets[2][4096];
    size_t len[2];
    uint64_t packet[2]; /* of the newest octet */
    uint64_t gap[2];
    int closes;
    char other[40];
    unsigned others;
    uint64_t looked;
};

static int sink_bytes(void *ctx, unsigned side, uint64_t off, struct span octets,
                      const struct pos *pos)
{
    struct seen *seen = ctx;
    assert_true(octets.len > 0);
    assert_int_equal(off, seen->len[side] + seen->gap[side]);
    assert_true(seen->len[side] + octets.len < sizeof(seen->octets[0]));
    memcpy(seen->octets[side] + seen->len[side], octets.ptr, octets.len);
    seen->len[side] += octets.len;
    seen->packet[side] = pos->packet;
    return SINK_MORE;
}

static int sink_gap(void *ctx, unsigned side, uint64_t off, uint64_t len, enum gap_cause cause,
                    const struct pos *before, const struct pos *after)
{
    struct seen *seen = ctx;
    (void)before, (void)after, (void)off;
    assert_int_equal(cause, GAP_LOST);
    seen->gap[side] += len;
    return SINK_MORE;
}

static void sink_close(void *ctx, unsigned side, enum close_cause cause, const struct pos *pos)
{
    struct seen *seen = ctx;
    (void)side, (void)cause, (void)pos;
    seen->closes++;
}

static void sink_free(void *ctx)
{
    struct seen *seen = ctx;
    seen->freed = true;
}

static void copy(char *to, size_t size, struct span from)
{
    assert_true(from.len < size);
    memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
}

static struct stream_sink on_http2(void *ctx, const struct connection_info *info,
                                   const struct upgrade_info *upgrade)
{
    static const struct stream_sink_ops ops = { sink_bytes, sink_gap, sink_close, sink_free };
    struct seen *seen = ctx;
    seen->http2 = true;
    seen->info = *info;
    if (info->via != NULL) {
        seen->via = *info->via;
    }
    seen->has_upgrade = upgrade != NULL;
    if (upgrade != NULL) {
        copy(seen->method, sizeof(seen->method), upgrade->method);
        copy(seen->path, sizeof(seen->path), upgrade->path);
        copy(seen->settings, sizeof(seen->settings), upgrade->settings);
        copy(seen->first_field, sizeof(seen->first_field), upgrade->fields[0].value);
        seen->field_count = upgrade->field_count;
        seen->request_packet = upgrade->first.packet;
    }
    return (struct stream_sink){ &ops, seen };
}

static void on_other(void *ctx, const struct flow_info *info, const char *name, uint64_t looked)
{
    struct seen *seen = ctx;
    (void)info;
    seen->others++;
    seen->looked = looked;
    strncpy(seen->other, name, sizeof(seen->other) - 1);
}

/* One connection under test. */
struct run {
    struct mem mem;
    struct detect *detect;
    struct stream_sink sink;
    struct seen seen;
    uint64_t off[2];
    uint64_t packet;
    int answer;
    size_t chunk;
};

static void run_begin(struct run *r, bool joined, unsigned forced_port, size_t chunk)
{
    static const struct detect_events events = { .on_http2 = on_http2, .on_other = on_other };
    static struct detect_options options;
    memset(&options, 0, sizeof(options));
    options.forced_ports[forced_port / 8] = (uint8_t)(forced_port ? 1 << forced_port % 8 : 0);
    memset(r, 0, sizeof(*r));
    mem_init(&r->mem, 0);
    r->chunk = chunk;
    r->detect = detect_new(&r->mem, &options, &events, &r->seen);
    assert_non_null(r->detect);
    struct flow_info info = { .id = 1, .client_side = joined ? -1 : 0, .joined = joined };
    info.ends[0] = (struct endpoint){ { 10, 0, 0, 1 }, 4, 40000 };
    info.ends[1] = (struct endpoint){ { 10, 0, 0, 2 }, 4, 8080 };
    r->sink = detect_open(r->detect, &info, NULL);
    assert_non_null(r->sink.ops);
}

static void give(struct run *r, unsigned side, const char *octets, size_t len)
{
    struct pos pos = { .packet = ++r->packet };
    for (size_t at = 0; at < len; at += r->chunk) {
        struct span part = span_of(octets + at, num_min_size(r->chunk, len - at));
        r->answer = r->sink.ops->bytes(r->sink.ctx, side, r->off[side], part, &pos);
        r->off[side] += part.len;
    }
}

static void give_text(struct run *r, unsigned side, const char *text)
{
    give(r, side, text, strlen(text));
}

static void lose(struct run *r, unsigned side, uint64_t len)
{
    struct pos pos = { .packet = ++r->packet };
    r->answer = r->sink.ops->gap(r->sink.ctx, side, r->off[side], len, GAP_LOST, &pos, NULL);
    r->off[side] += len;
}

static void run_end(struct run *r)
{
    r->sink.ops->close(r->sink.ctx, 0, CLOSE_FIN, NULL);
    r->sink.ops->close(r->sink.ctx, 1, CLOSE_FIN, NULL);
    r->sink.ops->free(r->sink.ctx);
    assert_true(r->seen.http2 != (r->seen.others == 1));
    assert_true(!r->seen.http2 || (r->seen.freed && r->seen.closes == 2));
    detect_free(r->detect);
    assert_int_equal(r->mem.used, 0);
}

static void assert_octets(const struct run *r, enum dir dir, const char *octets, size_t len)
{
    assert_int_equal(r->seen.len[dir], len);
    assert_memory_equal(r->seen.octets[dir], octets, len);
}

static const size_t chunks[] = { 1, 2, 7, 100000 };

static void test_prior_knowledge(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (unsigned client = 0; client < 2; client++) {
            struct run r;
            run_begin(&r, client == 1, 0, chunks[i]);
            give(&r, client, PREFACE SETTINGS, 24 + 9);
            give(&r, client ^ 1, SETTINGS, 9);
            run_end(&r);
            assert_int_equal(r.seen.info.start, START_PRIOR_KNOWLEDGE);
            assert_int_equal(r.seen.info.client.port, client == 0 ? 40000 : 8080);
            assert_octets(&r, DIR_C2S, PREFACE SETTINGS, 24 + 9);
            assert_octets(&r, DIR_S2C, SETTINGS, 9);
        }
    }
}

static void test_server_speaks_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct run r;
        run_begin(&r, false, 0, chunks[i]);
        give(&r, 1, SETTINGS SETTINGS, 18);
        assert_false(r.seen.http2);
        give(&r, 0, PREFACE, 24);
        assert_true(r.seen.http2 && r.seen.packet[DIR_C2S] == 2 && r.seen.packet[DIR_S2C] == 1);
        run_end(&r);
        assert_int_equal(r.seen.len[DIR_S2C], 18);
    }
}

static void test_server_only(void **state)
{
    (void)state;
    struct run r;
    for (unsigned side = 0; side < 2; side++) { /* whose SETTINGS they are only the ports tell */
        run_begin(&r, true, 0, 5);
        give(&r, side, SETTINGS SETTINGS, 18);
        run_end(&r);
        assert_true(r.seen.http2 && r.seen.info.one_direction);
        assert_int_equal(r.seen.info.server.port, 8080);
        assert_octets(&r, side == 0 ? DIR_C2S : DIR_S2C, SETTINGS SETTINGS, 18);
    }

    run_begin(&r, false, 0, 5); /* SETTINGS, but what follows is no frame */
    give(&r, 1, SETTINGS "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 18);
    run_end(&r);
    assert_string_equal(r.seen.other, "unknown");
}

static void test_held_no_longer_than_the_limit(void **state)
{
    (void)state;
    static char data[9 + 16384];
    struct run r;
    memcpy(data, "\0\x40\0\0\0\0\0\0\1", 9);
    run_begin(&r, false, 0, 100000);
    give(&r, 1, SETTINGS, 9);
    memset(&r.seen.len, 0, sizeof(r.seen.len));
    r.sink.ops->close(r.sink.ctx, 0, CLOSE_RST, NULL);
    assert_false(r.seen.http2);
    r.sink.ops->close(r.sink.ctx, 1, CLOSE_RST, NULL);
    assert_true(r.seen.http2);
    r.sink.ops->free(r.sink.ctx);
    detect_free(r.detect);
    assert_int_equal(r.mem.used, 0);
    assert_int_equal(r.seen.closes, 2);
}

static void test_client_start_lost(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, false, 0, 9);
    give(&r, 1, SETTINGS, 9);
    lose(&r, 0, 24);
    give(&r, 0, SETTINGS, 9);
    run_end(&r);
    assert_true(r.seen.http2);
    assert_int_equal(r.seen.gap[DIR_C2S], 24);
    assert_octets(&r, DIR_C2S, SETTINGS, 9);
}

/* A client, too, sends SETTINGS: where the beginning was not seen, the frames behind it tell. */
static void test_settings_of_a_client(void **state)
{
    (void)state;
    static const char request[] = "\0\0\3\1\5\0\0\0\1\x82\x84\x86";
    static const char response[] = "\0\0\1\1\5\0\0\0\1\x88";
    for (unsigned client = 0; client < 2; client++) {
        struct run r;
        run_begin(&r, true, 0, 100);
        give(&r, 0, SETTINGS, SETTINGS_LEN);
        if (client == 0) {
            give(&r, 0, request, sizeof request - 1);
        } else {
            give(&r, 0, response, sizeof response - 1);
        }
        run_end(&r);
        assert_true(r.seen.http2);
        assert_int_equal(r.seen.info.client.port, client == 0 ? 40000 : 8080);
    }
}

static void test_preface_cut(void **state)
{
    (void)state;
    for (size_t len = 1; len < 24; len++) {
        struct run r;
        run_begin(&r, false, 0, 3);
        give(&r, 0, PREFACE, len);
        run_end(&r);
        assert_int_equal(r.seen.http2, len >= 14);
    }
}

#define REQUEST                                                                                    \
    "GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"                        \
    "Upgrade: foo, H2C\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

static void test_upgrade(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct run r;
        run_begin(&r, i % 2 == 1, 0, chunks[i]);
        give_text(&r, 0, REQUEST);
        give(&r, 1, SWITCH SETTINGS, strlen(SWITCH) + 9);
        give(&r, 0, PREFACE, 24);
        run_end(&r);
        assert_int_equal(r.seen.info.start, START_UPGRADE);
        assert_true(r.seen.has_upgrade);
        assert_string_equal(r.seen.method, "GET");
        assert_string_equal(r.seen.path, "/a");
        assert_string_equal(r.seen.first_field, "x");
        assert_int_equal(r.seen.field_count, 4);
        assert_memory_equal(r.seen.settings, "\0\3\0\0\0\x64\0\4\0\0\xff\xff", 12);
        assert_octets(&r, DIR_C2S, PREFACE, 24);
        assert_octets(&r, DIR_S2C, SETTINGS, 9);
    }
}

static void test_upgrade_after_other_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct run r;
        run_begin(&r, false, 0, chunks[i]);
        give_text(&r, 0, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
        give_text(&r, 1, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
        give_text(&r, 0, "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
        give_text(&r, 1,
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n");
        give_text(&r, 0, REQUEST); /* refused */
        give_text(&r, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        give_text(&r, 0,
                  "POST /b HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n"
                  "Content-Length: 4\r\n\r\nbody");
        give_text(&r, 1, "HTTP/1.1 100 Continue\r\n\r\n");
        give(&r, 1, SWITCH SETTINGS, strlen(SWITCH) + 9);
        give(&r, 0, PREFACE, 24);
        run_end(&r);
        assert_true(r.seen.has_upgrade);
        assert_string_equal(r.seen.path, "/b");
        assert_int_equal(r.seen.request_packet, 7);
        assert_octets(&r, DIR_C2S, PREFACE, 24);
        assert_octets(&r, DIR_S2C, SETTINGS, 9);
    }
}

static void test_upgrade_without_its_request(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, true, 0, 11);
    give(&r, 1, SWITCH SETTINGS, strlen(SWITCH) + 9);
    give(&r, 0, PREFACE, 24);
    run_end(&r);
    assert_int_equal(r.seen.info.start, START_UPGRADE);
    assert_false(r.seen.has_upgrade);
    assert_octets(&r, DIR_S2C, SETTINGS, 9);
}

static void test_holes_in_http1(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, false, 0, 50);
    give_text(&r, 0, "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhello");
    lose(&r, 0, 90);
    give_text(&r, 0, "final" REQUEST);
    give_text(&r, 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" SWITCH);
    run_end(&r);
    assert_true(r.seen.has_upgrade);

    run_begin(&r, false, 0, 50); /* over the end of a body: nobody knows where heads begin */
    give_text(&r, 0, "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhello");
    lose(&r, 0, 900);
    assert_int_equal(r.answer, SINK_IGNORE);
    run_end(&r);
    assert_string_equal(r.seen.other, "HTTP/1.1");
}

static void test_others(void **state)
{
    static const struct {
        unsigned side;
        const char *octets;
        size_t len;
        const char *name;
    } rows[] = {
        { 0, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, "HTTP/1.1" },
        { 0, "\x16\x03\x01\0\x2c\x01\0\0\x28", 9, "TLS" },
        { 1, "SSH-2.0-OpenSSH_9.2\r\n", 21, "SSH" },
        { 0, "*1\r\n$4\r\nPING\r\n", 14, "Redis" },
        { 0, "\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0", 14, "MQTT" },
        { 0, "AMQP\0\0\x09\x01", 8, "AMQP" },
        { 1, "220 mail.example ESMTP\r\n", 24, "SMTP or FTP" },
        { 0, "\0\0\0\x08\x04\xd2\x16\x2f", 8, "PostgreSQL" },
        { 1,
          "\x4a\0\0\0\x0a"
          "8.0.36",
          11, "MySQL" },
        { 0, "CONNECT a:443 HTTP/1.1\r\n\r\n", 26, "HTTP proxy tunnel (CONNECT)" },
        { 0, "\x05\x01\0", 3, "unknown" }, /* too little: the end decides */
        { 0, "\x7f\x45\x4c\x46\x02\x01\x01\0", 8, "unknown" },
        { 0, "PRI * HTTP/3.0\r\n\r\nSM\r\n\r\nand more of it", 39, "unknown" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run r;
        run_begin(&r, false, 0, 4);
        give(&r, rows[i].side, rows[i].octets, rows[i].len);
        run_end(&r);
        assert_false(r.seen.http2);
        assert_string_equal(r.seen.other, i == 10 ? "SOCKS" : rows[i].name);
    }
    struct run r;
    run_begin(&r, true, 0, 4);
    give(&r, 1, "\0\x01\x02\x03\x04\x05\x06\x07\0\x01\x02\x03\x04\x05\x06\x07", 16);
    run_end(&r);
    assert_string_equal(r.seen.other, "joined late");
    assert_int_equal(r.seen.looked, 16);
}

static void test_forced(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, true, 8080, 8);
    give(&r, 1, "\0\x01\x02\x03\x04\x05\x06\x07", 8);
    run_end(&r);
    assert_string_equal(r.seen.other, "no frame");
    run_begin(&r, true, 8080, 8);
    give(&r, 1, "\0\0\3\1\4\0\0\0\1\x88\x88\x88", 12);
    run_end(&r);
    assert_true(r.seen.http2);
    assert_int_equal(r.seen.info.start, START_FORCED);
    assert_int_equal(r.seen.info.server.port, 8080);
    run_begin(&r, false, 8080, 8);
    give(&r, 0, PREFACE, 24);
    run_end(&r);
    assert_int_equal(r.seen.info.start, START_PRIOR_KNOWLEDGE);
}

/* ---- preambles ---- */

static void assert_via(const struct run *r, const char *const *names, size_t count)
{
    assert_int_equal(r->seen.via.count, count);
    for (size_t i = 0; i < count; i++) {
        const struct via_name *name = &r->seen.via.names[i];
        assert_int_equal(name->len, strlen(names[i]));
        assert_memory_equal(name->octets, names[i], name->len);
    }
}

/* What each side says before HTTP/2, step by step: "c…" the client, "s…" the server. */
struct step {
    char from;
    const char *octets;
    size_t len;
};
#define SAY(from, text)                                                                            \
    {                                                                                              \
        from, text, sizeof(text) - 1                                                               \
    }
#define V2_SIG "\r\n\r\n\0\r\nQUIT\n"
#define V2_4   V2_SIG "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xdc\4\1\xbb"

static const struct {
    const char *via[3];
    struct step steps[7];
} preambles[] = {
    { { "PROXY v1 192.0.2.1:56324 > 192.0.2.2:443" },
      { SAY('c', "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n") } },
    { { "PROXY v1 [2001:db8::1]:1 > [2001:db8::2]:2" },
      { SAY('c', "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n") } },
    { { "PROXY v1 UNKNOWN" }, { SAY('c', "PROXY UNKNOWN\r\n") } },
    { { "PROXY v2 192.0.2.1:56324 > 198.51.100.7:443" }, { SAY('c', V2_4) } },
    { { "PROXY v2 192.0.2.1:56324 > 198.51.100.7:443" }, /* with a TLV */
      { SAY('c', V2_SIG "\x21\x11\0\x10\xc0\0\2\1\xc6\x33\x64\7\xdc\4\1\xbb\4\0\1x") } },
    { { "PROXY v2 [2001:db8::1]:1 > [2001:db8::2]:2" },
      { SAY('c', V2_SIG "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                        "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\1\0\2") } },
    { { "PROXY v2 LOCAL" }, { SAY('c', V2_SIG "\x20\0\0\0") } },
    { { "CONNECT a.test:443" },
      { SAY('c', "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"),
        SAY('s', "HTTP/1.1 200 Connection established\r\n\r\n") } },
    { { "CONNECT a.test:443" }, /* refused with a body, then with credentials */
      { SAY('c', "CONNECT a.test:443 HTTP/1.1\r\n\r\n"),
        SAY('s', "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 9\r\n\r\nnot"),
        SAY('s', " yet.."),
        SAY('c', "CONNECT a.test:443 HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\r\n"),
        SAY('s', "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.0 200 OK\r\n\r\n") } },
    { { "SOCKS4 192.0.2.9:80" },
      { SAY('c', "\4\1\0\x50\xc0\0\2\x09me\0"), SAY('s', "\0\x5a\0\0\0\0\0\0") } },
    { { "SOCKS4a a.test:80" },
      { SAY('c', "\4\1\0\x50\0\0\0\1me\0a.test\0"), SAY('s', "\0\x5a\0\0\0\0\0\0") } },
    { { "SOCKS5 a.test:443" },
      { SAY('c', "\5\2\0\1"), SAY('s', "\5\0"), SAY('c', "\5\1\0\3\6a.test\1\xbb"),
        SAY('s', "\5\0\0\1\0\0\0\0\0\0") } },
    { { "SOCKS5 192.0.2.9:443" }, /* with user and password */
      { SAY('c', "\5\3\0\1\2"), SAY('s', "\5\2"), SAY('c', "\1\2me\3pwd"), SAY('s', "\1\0"),
        SAY('c', "\5\1\0\1\xc0\0\2\x09\1\xbb"),
        SAY('s', "\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") } },
    { { "PostgreSQL SSLRequest" }, /* GSSAPI is refused first */
      { SAY('c', "\0\0\0\x08\x04\xd2\x16\x30"), SAY('s', "N"),
        SAY('c', "\0\0\0\x08\x04\xd2\x16\x2f"), SAY('s', "S") } },
    { { "PROXY v2 192.0.2.1:56324 > 198.51.100.7:443", "CONNECT a:1", "CONNECT b:2" },
      { SAY('c', V2_4 "CONNECT a:1 HTTP/1.1\r\n\r\n"), SAY('s', "HTTP/1.1 200 OK\r\n\r\n"),
        SAY('c', "CONNECT b:2 HTTP/1.1\r\n\r\n"), SAY('s', "HTTP/1.1 200 OK\r\n\r\n") } },
};

static void say_steps(struct run *r, size_t row, unsigned client)
{
    for (const struct step *step = preambles[row].steps; step->from != 0; step++) {
        give(r, step->from == 'c' ? client : client ^ 1, step->octets, step->len);
    }
}

static void test_preambles(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof(preambles) / sizeof(preambles[0]); row++) {
        size_t names = preambles[row].via[1] != NULL ? 3 : 1;
        for (size_t i = 0; i < 8; i++) {
            unsigned client = (unsigned)i / 4;
            struct run r;
            run_begin(&r, client == 1, 0, chunks[i % 4]);
            say_steps(&r, row, client);
            give(&r, client, PREFACE SETTINGS, 24 + 9);
            give(&r, client ^ 1, SETTINGS, 9);
            assert_true(r.seen.http2);
            assert_via(&r, preambles[row].via, names);
            assert_int_equal(r.seen.info.client.port, client == 0 ? 40000 : 8080);
            assert_false(r.seen.info.joined);
            run_end(&r);
            assert_octets(&r, DIR_C2S, PREFACE SETTINGS, 24 + 9);
            assert_octets(&r, DIR_S2C, SETTINGS, 9);
        }
    }
}

/* The same without HTTP/2 behind them, cut after every octet: named, and nothing else. */
static void test_preambles_cut(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof(preambles) / sizeof(preambles[0]); row++) {
        for (size_t cut = 1; cut < 250; cut++) {
            struct run r;
            size_t left = cut;
            run_begin(&r, false, 0, 1);
            for (const struct step *step = preambles[row].steps; step->from != 0 && left > 0;
                 step++) {
                size_t len = num_min_size(left, step->len);
                give(&r, step->from == 'c' ? 0 : 1, step->octets, len);
                left -= len;
            }
            run_end(&r);
            assert_false(r.seen.http2);
        }
    }
}

static void test_no_preambles(void **state)
{
    static const struct {
        struct step steps[3];
        const char *name;
    } rows[] = {
        { { SAY('c', "CONNECT a:1 HTTP/1.1\r\n\r\n"),
            SAY('s', "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno") },
          "HTTP proxy tunnel (CONNECT)" },
        { { SAY('c', "CONNECT a:1 HTTP/1.1\r\n\r\n"),
            SAY('s', "HTTP/1.1 502 Bad\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") },
          "HTTP proxy tunnel (CONNECT)" },
        { { SAY('c', "CONNECT a:1 HTTP/1.1\r\n\r\n"), SAY('s', "SSH-2.0-x\r\n") },
          "HTTP proxy tunnel (CONNECT)" },
        { { SAY('c', "\5\1\0"), SAY('s', "\5\xff") }, "SOCKS" },
        { { SAY('c', "\5\1\0\5\1\0\1\1\2\3\4\0\x50"), SAY('s', "\5\0\5\5\0\1\0\0\0\0\0\0") },
          "SOCKS" },
        { { SAY('c', "\4\1\0\x50\1\2\3\4\0"), SAY('s', "\0\x5b\0\0\0\0\0\0") }, "SOCKS" },
        { { SAY('c', "PROXY TCP9 1 2 3 4\r\n" PREFACE) }, "PROXY protocol" },
        { { SAY('c', "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n" PREFACE) }, "PROXY protocol" },
        { { SAY('c', V2_SIG "\x31\x11\0\0" PREFACE) }, "PROXY protocol" },
        { { SAY('c', V2_4 V2_4 V2_4 V2_4 PREFACE) }, "PROXY protocol" }, /* a fourth in a row */
        { { SAY('c', V2_4 "SSH-2.0-x\r\n") }, "SSH" },
        { { SAY('c', V2_4 "?????????????????????????????????") }, "PROXY protocol" },
    };
    (void)state;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        for (size_t i = 0; i < 4; i++) {
            struct run r;
            run_begin(&r, false, 0, chunks[i]);
            for (const struct step *step = rows[row].steps; step->from != 0; step++) {
                give(&r, step->from == 'c' ? 0 : 1, step->octets, step->len);
            }
            run_end(&r);
            assert_false(r.seen.http2);
            assert_string_equal(r.seen.other, rows[row].name);
        }
    }
}

/* A hole in what is passed over anyway costs nothing; one in a head, everything. */
static void test_holes_in_preambles(void **state)
{
    (void)state;
    struct run r;
    run_begin(&r, false, 0, 100);
    give(&r, 0, V2_SIG "\x20\0\1\0", 16);
    give(&r, 0, "abcdef", 6);
    lose(&r, 0, 200);
    give(&r, 0,
         "0123456789012345678901234567890123456789012345678xPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
         50 + 24);
    run_end(&r);
    assert_true(r.seen.http2);
    assert_octets(&r, DIR_C2S, PREFACE, 24);
    assert_int_equal(r.seen.gap[DIR_C2S], 0);

    run_begin(&r, false, 0, 100);
    give_text(&r, 0, "CONNECT a:1 HTTP/1.1\r\n");
    lose(&r, 0, 20);
    give_text(&r, 0, "\r\n\r\n" PREFACE);
    run_end(&r);
    assert_false(r.seen.http2);
}

static void test_memory(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 12; k++) {
        struct run r;
        run_begin(&r, false, 0, 20);
        r.mem.fail_at = r.mem.calls + k;
        give_text(&r, 0, REQUEST);
        give(&r, 1, SWITCH SETTINGS, strlen(SWITCH) + 9);
        run_end(&r);
        assert_true(r.seen.http2 || strcmp(r.seen.other, "memory limit") == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prior_knowledge),
        cmocka_unit_test(test_server_speaks_first),
        cmocka_unit_test(test_server_only),
        cmocka_unit_test(test_held_no_longer_than_the_limit),
        cmocka_unit_test(test_client_start_lost),
        cmocka_unit_test(test_settings_of_a_client),
        cmocka_unit_test(test_preface_cut),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_upgrade_after_other_requests),
        cmocka_unit_test(test_upgrade_without_its_request),
        cmocka_unit_test(test_holes_in_http1),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_preambles),
        cmocka_unit_test(test_preambles_cut),
        cmocka_unit_test(test_no_preambles),
        cmocka_unit_test(test_holes_in_preambles),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
