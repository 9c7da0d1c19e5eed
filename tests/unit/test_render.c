/* The views, driven by callbacks made by hand: what each record says, in which order, and that -x
 * names every octet once. The session is a stand-in: all that render asks of it is its direction.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "h2/session.h"
#include "render/parts.h"
#include "render/render.h"

struct h2_session {
    enum dir dir;
};

enum dir h2_session_dir(const struct h2_session *session)
{
    return session->dir;
}

const struct pos *h2_session_pos(const struct h2_session *session)
{
    static const struct pos boundary = { .packet = 9 };
    (void)session;
    return &boundary;
}

const char *h2_lib_error_name(int lib_error)
{
    return lib_error == H2_LIB_PROTO ? "PROTO" : "?";
}

const char *h2_action_name(enum h2_action_type type)
{
    return type == H2_ACTION_RST_STREAM ? "RST_STREAM" : "?";
}

const char *h2_error_name(int error)
{
    return error == H2_ERR_EOF ? "EOF" : "?";
}

struct run {
    struct mem mem;
    struct out *out;
    struct render *render;
    struct render_conn *conn;
    struct h2_events on;
    struct h2_session sessions[2];
    struct render_options options;
};

static struct pos at(uint64_t packet, uint64_t us)
{
    return (struct pos){ .packet = packet,
                         .ts_ns = 1795332035000000000U + us * 1000,
                         .ts_known = true };
}

static void begin(struct run *run)
{
    mem_init(&run->mem, 0);
    run->sessions[0].dir = DIR_C2S;
    run->sessions[1].dir = DIR_S2C;
    run->out = out_new_memory(&run->mem, 1 << 24);
    run->render = render_new(&run->mem, run->out, &run->options);
    assert_non_null(run->render);
    struct pos first = at(1, 0);
    render_first_packet(run->render, &first, 6);
    struct connection_info info = { .conn = 1, .first = first, .transport = TRANSPORT_H2C };
    info.client = (struct endpoint){ .ip = { 127, 0, 0, 1 }, .ip_len = 4, .port = 35010 };
    info.server = (struct endpoint){ .ip = { 127, 0, 0, 1 }, .ip_len = 4, .port = 18080 };
    run->conn = render_connection_begin(run->render, &info);
    assert_non_null(run->conn);
    run->on = render_events(run->render);
}

/* Ends the run; the output must be what is wanted. */
static void finish(struct run *run, const char *want)
{
    render_connection_end(run->conn);
    struct span got = out_memory(run->out);
    if (got.len != strlen(want) || memcmp(got.ptr, want, got.len) != 0) {
        print_error("got:\n%.*s\nwant:\n%s\n", (int)got.len, (const char *)got.ptr, want);
        fail();
    }
    render_free(run->render);
    out_free(run->out);
    assert_int_equal(run->mem.used, 0);
}

static struct h2_frame frame_of(uint8_t type, uint8_t flags, uint32_t stream_id, uint32_t length,
                                uint64_t offset, struct pos pos)
{
    struct h2_frame frame = { .has_payload = true };
    frame.hd = (struct h2_frame_hd){
        .length = length, .type = type, .flags = flags, .raw_flags = flags, .stream_id = stream_id
    };
    frame.where = (struct h2_where){ .offset = offset, .first = pos, .last = pos };
    return frame;
}

static void begin_frame(struct run *run, enum dir dir, const struct h2_frame *frame)
{
    if (run->on.on_begin_frame != NULL) {
        (void)run->on.on_begin_frame(&run->sessions[dir], frame, run->conn);
    }
}

static void octets(struct run *run, enum dir dir, uint64_t at_off, struct span raw)
{
    if (run->on.on_frame_octets != NULL) {
        run->on.on_frame_octets(&run->sessions[dir], at_off, raw, run->conn);
    }
}

static void end_frame(struct run *run, enum dir dir, const struct h2_frame *frame)
{
    if (run->on.on_frame_recv != NULL) {
        (void)run->on.on_frame_recv(&run->sessions[dir], frame, run->conn);
    }
    run->on.on_end_frame(&run->sessions[dir], frame, NULL, run->conn);
}

static void field(struct run *run, enum dir dir, const struct h2_frame *frame,
                  struct h2_header header)
{
    if (run->on.on_header != NULL) {
        (void)run->on.on_header(&run->sessions[dir], frame, &header, run->conn);
    }
}

static struct h2_header indexed(const char *name, const char *value, uint32_t index,
                                enum h2_token token, uint64_t block_off)
{
    return (struct h2_header){ .name = span_str(name),
                               .value = span_str(value),
                               .repr = HPACK_INDEXED,
                               .token = token,
                               .index = index,
                               .block_off = block_off,
                               .wire_octets = 1 };
}

static const struct h2_setting one_setting = { .id = H2_SETTING_MAX_CONCURRENT_STREAMS,
                                               .value = 100 };

static const uint8_t request_octets[] = {
    0x00, 0x00, 0x31, 0x01, 0x25, 0x00, 0x00, 0x00, 0x0d, 0x00, 0x00, 0x00, 0x0b, 0x0f, 0x82,
    0x84, 0x86, 0x41, 0x8b, 0x08, 0x9d, 0x5c, 0x0b, 0x81, 0x70, 0xdc, 0x0b, 0xc0, 0x78, 0x1f,
    0x53, 0x03, 0x2a, 0x2f, 0x2a, 0x90, 0x7a, 0x8a, 0xaa, 0x69, 0xd2, 0x9a, 0xc4, 0xc0, 0x57,
    0x6c, 0x4b, 0x83, 0x40, 0x84, 0xf2, 0xb4, 0xa7, 0x3f, 0x03, 0x62, 0x61, 0x72,
};

/* The connection of the design's samples: settings, a request, its answer, the end. */
static void play_sample(struct run *run)
{
    struct h2_frame settings = frame_of(H2_SETTINGS, 0, 0, 6, 0, at(4, 219));
    settings.payload.settings.raw = settings.payload.settings.entries = &one_setting;
    settings.payload.settings.raw_count = settings.payload.settings.count = 1;
    begin_frame(run, DIR_S2C, &settings);
    end_frame(run, DIR_S2C, &settings);

    struct h2_where preface = { .first = at(6, 409), .last = at(6, 409) };
    (void)run->on.on_preface(&run->sessions[DIR_C2S], &preface, run->conn);

    struct h2_frame request = frame_of(H2_HEADERS, 0x25, 13, 49, 84, at(6, 409));
    request.payload.headers.has_priority = true;
    request.payload.headers.priority = (struct h2_priority){ .depends_on = 11, .weight = 16 };
    request.payload.headers.category = H2_CAT_REQUEST;
    begin_frame(run, DIR_C2S, &request);
    octets(run, DIR_C2S, 0, span_of(request_octets, 9));
    if (run->on.on_begin_headers != NULL) {
        (void)run->on.on_begin_headers(&run->sessions[DIR_C2S], &request, run->conn);
    }
    octets(run, DIR_C2S, 9, span_of(request_octets + 9, sizeof request_octets - 9));
    field(run, DIR_C2S, &request, indexed(":method", "GET", 2, H2_TOKEN_METHOD, 0));
    field(run, DIR_C2S, &request, indexed(":path", "/", 4, H2_TOKEN_PATH, 1));
    field(run, DIR_C2S, &request, indexed(":scheme", "http", 6, H2_TOKEN_SCHEME, 2));
    struct h2_header authority = indexed(":authority", "127.0.0.1:18080", 1, H2_TOKEN_AUTHORITY, 3);
    authority.repr = HPACK_LITERAL_INDEXED;
    authority.inserted = authority.huffman_value = true;
    authority.value_wire_octets = 11;
    authority.wire_octets = 13;
    field(run, DIR_C2S, &request, authority);
    struct h2_header accept = indexed("accept", "*/*", 19, H2_TOKEN_NONE, 16);
    accept.repr = HPACK_LITERAL_INDEXED;
    accept.inserted = true;
    accept.wire_octets = 5;
    field(run, DIR_C2S, &request, accept);
    field(run, DIR_C2S, &request,
          indexed("accept-encoding", "gzip, deflate", 16, H2_TOKEN_NONE, 21));
    struct h2_header agent = indexed("user-agent", "nghttp2/1.52.0", 58, H2_TOKEN_NONE, 22);
    agent.repr = HPACK_LITERAL_INDEXED;
    agent.inserted = agent.huffman_value = true;
    agent.value_wire_octets = 10;
    agent.wire_octets = 12;
    field(run, DIR_C2S, &request, agent);
    struct h2_header foo = indexed("x-foo", "bar", 0, H2_TOKEN_NONE, 34);
    foo.repr = HPACK_LITERAL_INDEXED;
    foo.inserted = foo.huffman_name = true;
    foo.name_wire_octets = 4;
    foo.wire_octets = 10;
    field(run, DIR_C2S, &request, foo);
    end_frame(run, DIR_C2S, &request);
}

static void play_answer(struct run *run)
{
    struct h2_frame data = frame_of(H2_DATA, H2_FLAG_END_STREAM, 13, 6, 100, at(8, 582));
    data.payload.data.data_length = 6;
    begin_frame(run, DIR_S2C, &data);
    if (run->on.on_data_chunk_recv != NULL) {
        (void)run->on.on_data_chunk_recv(&run->sessions[DIR_S2C], &data, span_of("hello\n", 6),
                                         run->conn);
    }
    struct finding finding = { .check = CHECK_FRAME_RESERVED_BIT,
                               .dir = DIR_S2C,
                               .first = at(8, 582),
                               .last = at(9, 582),
                               .message = "reserved bit of \x1b" };
    run->on.on_finding(&run->sessions[DIR_S2C], &finding, run->conn);
    end_frame(run, DIR_S2C, &data);
    struct h2_frame goaway = frame_of(H2_GOAWAY, 0, 0, 8, 200, at(10, 650));
    goaway.payload.goaway.debug_data = span_empty();
    begin_frame(run, DIR_C2S, &goaway);
    end_frame(run, DIR_C2S, &goaway);
}

static void test_text_frames(void **state)
{
    (void)state;
    struct run run = { .options = { .format = FORMAT_TEXT, .data_octets = 64 } };
    begin(&run);
    play_sample(&run);
    play_answer(&run);
    finish(&run,
           "#1 127.0.0.1:35010 > 127.0.0.1:18080  h2c, prior knowledge\n"
           "0.000219 #1 <  SETTINGS            0      6  1 entry\n"
           "                 MAX_CONCURRENT_STREAMS (0x3) = 100\n"
           "0.000409 #1 >  preface                   24\n"
           "0.000409 #1 >  HEADERS            13     49  END_STREAM END_HEADERS PRIORITY  GET /\n"
           "                 depends on 11, weight 16\n"
           "                 :method: GET\n"
           "                 :path: /\n"
           "                 :scheme: http\n"
           "                 :authority: 127.0.0.1:18080\n"
           "                 accept: */*\n"
           "                 accept-encoding: gzip, deflate\n"
           "                 user-agent: nghttp2/1.52.0\n"
           "                 x-foo: bar\n"
           "0.000582 #1 <  DATA               13      6  END_STREAM\n"
           "                 | hello\n"
           "0.000582 #1 !  note p8-9: reserved bit of \\x1b [frame-reserved-bit]\n"
           "0.000650 #1 >  GOAWAY              0      8  NO_ERROR, last stream 0\n");
}

static void test_text_octets(void **state)
{
    (void)state;
    struct run run = { .options = { .format = FORMAT_TEXT, .data_octets = 64, .octets = true } };
    begin(&run);
    play_sample(&run);
    struct span got = out_memory(run.out);
    const char *want =
        "0.000409 #1 >  HEADERS            13     49  END_STREAM END_HEADERS PRIORITY  GET /"
        "                 p6\n"
        "   0000  00 00 31                          length 49\n"
        "   0003  01                                type HEADERS\n"
        "   0004  25                                flags END_STREAM 0x01, END_HEADERS 0x04, "
        "PRIORITY 0x20\n"
        "   0005  00 00 00 0d                       stream 13\n"
        "   0009  00 00 00 0b                       depends on 11, not exclusive\n"
        "   000d  0f                                weight 16\n"
        "   000e  82                                :method: GET                    indexed 2 "
        "(static)\n"
        "   000f  84                                :path: /                        indexed 4 "
        "(static)\n"
        "   0010  86                                :scheme: http                   indexed 6 "
        "(static)\n"
        "   0011  41 8b 08 9d 5c 0b 81 70           :authority: 127.0.0.1:18080     literal, name "
        "1 "
        "(static),\n"
        "         dc 0b c0 78 1f                                                    Huffman 11 for "
        "15, inserted as 62\n"
        "   001e  53 03 2a 2f 2a                    accept: */*                     literal, name "
        "19 (static), inserted as 62\n"
        "   0023  90                                accept-encoding: gzip, deflate  indexed 16 "
        "(static)\n"
        "   0024  7a 8a aa 69 d2 9a c4 c0           user-agent: nghttp2/1.52.0      literal, name "
        "58 (static),\n"
        "         57 6c 4b 83                                                       Huffman 10 for "
        "14, inserted as 62\n"
        "   0030  40 84 f2 b4 a7 3f 03 62           x-foo: bar                      literal, new "
        "name, Huffman 4 for 5,\n"
        "         61 72                                                             inserted as "
        "62\n";
    size_t len = strlen(want);
    assert_true(got.len > len);
    if (memcmp(got.ptr + got.len - len, want, len) != 0) {
        print_error("got:\n%.*s\n", (int)got.len, (const char *)got.ptr);
        fail();
    }
    render_connection_end(run.conn);
    render_free(run.render);
    out_free(run.out);
}

static void test_json_frames(void **state)
{
    (void)state;
    struct run run = { .options = { .format = FORMAT_JSON } };
    begin(&run);
    play_sample(&run);
    play_answer(&run);
    finish(
        &run,
        "{\"kind\":\"h2dump\",\"version\":\"" H2DUMP_VERSION "\",\"schema\":1,\"view\":\"frame\"}\n"
        "{\"kind\":\"connection\",\"conn\":1,\"ts\":1795332035.000000,\"packet\":1,\"client\":{"
        "\"ip\":\"127.0.0.1\",\"port\":35010},\"server\":{\"ip\":\"127.0.0.1\",\"port\":18080},"
        "\"transport\":\"h2c\",\"start\":\"prior-knowledge\"}\n"
        "{\"kind\":\"frame\",\"conn\":1,\"dir\":\"s2c\",\"ts\":1795332035.000219,\"packet\":4,"
        "\"packet_end\":4,\"offset\":0,\"length\":6,\"type\":\"SETTINGS\",\"type_id\":4,"
        "\"flags\":0,\"flag_names\":[],\"stream_id\":0,\"settings\":[{\"id\":3,\"name\":"
        "\"MAX_CONCURRENT_STREAMS\",\"value\":100}]}\n"
        "{\"kind\":\"preface\",\"conn\":1,\"dir\":\"c2s\",\"ts\":1795332035.000409,\"packet\":6,"
        "\"packet_end\":6,\"offset\":0,\"length\":24}\n"
        "{\"kind\":\"frame\",\"conn\":1,\"dir\":\"c2s\",\"ts\":1795332035.000409,\"packet\":6,"
        "\"packet_end\":6,\"offset\":84,\"length\":49,\"type\":\"HEADERS\",\"type_id\":1,"
        "\"flags\":37,\"flag_names\":[\"END_STREAM\",\"END_HEADERS\",\"PRIORITY\"],"
        "\"stream_id\":13,\"priority\":{\"exclusive\":false,\"depends_on\":11,\"weight\":16},"
        "\"headers\":[{\"name\":\":method\",\"value\":\"GET\"},{\"name\":\":path\",\"value\":"
        "\"/\"},{\"name\":\":scheme\",\"value\":\"http\"},{\"name\":\":authority\",\"value\":"
        "\"127.0.0.1:18080\"},{\"name\":\"accept\",\"value\":\"*/*\"},{\"name\":"
        "\"accept-encoding\",\"value\":\"gzip, deflate\"},{\"name\":\"user-agent\",\"value\":"
        "\"nghttp2/1.52.0\"},{\"name\":\"x-foo\",\"value\":\"bar\"}]}\n"
        "{\"kind\":\"frame\",\"conn\":1,\"dir\":\"s2c\",\"ts\":1795332035.000582,\"packet\":8,"
        "\"packet_end\":8,\"offset\":100,\"length\":6,\"type\":\"DATA\",\"type_id\":0,"
        "\"flags\":1,\"flag_names\":[\"END_STREAM\"],\"stream_id\":13,\"data_length\":6}\n"
        "{\"kind\":\"finding\",\"check\":\"frame-reserved-bit\",\"severity\":\"note\",\"conn\":1,"
        "\"dir\":\"s2c\",\"ts\":1795332035.000582,\"packet\":8,\"packet_end\":9,\"scope\":"
        "\"advice\",\"rfc\":\"RFC 9113 4.1\",\"message\":\"reserved bit of \\u001b\","
        "\"by\":\"server\",\"confidence\":\"certain\"}\n"
        "{\"kind\":\"frame\",\"conn\":1,\"dir\":\"c2s\",\"ts\":1795332035.000650,\"packet\":10,"
        "\"packet_end\":10,\"offset\":200,\"length\":8,\"type\":\"GOAWAY\",\"type_id\":7,"
        "\"flags\":0,\"flag_names\":[],\"stream_id\":0,\"error_code\":\"NO_ERROR\","
        "\"error_code_id\":0,\"last_stream_id\":0}\n");
}

static void test_text_callbacks(void **state)
{
    (void)state;
    struct run run = { .options = { .view = VIEW_CALLBACK, .data_octets = 64 } };
    begin(&run);
    struct h2_frame request = frame_of(H2_HEADERS, 0x25, 13, 49, 84, at(6, 409));
    request.payload.headers.category = H2_CAT_REQUEST;
    begin_frame(&run, DIR_C2S, &request);
    (void)run.on.on_begin_headers(&run.sessions[DIR_C2S], &request, run.conn);
    field(&run, DIR_C2S, &request, indexed(":method", "GET", 2, H2_TOKEN_METHOD, 0));
    end_frame(&run, DIR_C2S, &request);
    struct h2_frame update = frame_of(H2_WINDOW_UPDATE, 0, 13, 4, 142, at(7, 700));
    update.has_payload = false;
    begin_frame(&run, DIR_C2S, &update);
    (void)run.on.on_invalid_frame_recv(&run.sessions[DIR_C2S], &update, H2_LIB_PROTO, run.conn);
    struct h2_action action = { .type = H2_ACTION_RST_STREAM,
                                .stream_id = 13,
                                .error_code = H2_PROTOCOL_ERROR,
                                .reason = "increment 0" };
    run.on.on_action(&run.sessions[DIR_C2S], &action, run.conn);
    run.on.on_end_frame(&run.sessions[DIR_C2S], &update, NULL, run.conn);
    (void)run.on.on_stream_close(&run.sessions[DIR_C2S], 13, 0, run.conn);
    finish(&run, "#1 127.0.0.1:35010 > 127.0.0.1:18080  h2c, prior knowledge\n"
                 "0.000409 #1 >  begin_frame          HEADERS 13, length 49, flags 0x25\n"
                 "0.000409 #1 >  begin_headers        13 REQUEST\n"
                 "0.000409 #1 >  header               13 :method: GET\n"
                 "0.000409 #1 >  frame_recv           HEADERS 13, END_STREAM END_HEADERS PRIORITY\n"
                 "0.000700 #1 >  begin_frame          WINDOW_UPDATE 13, length 4, flags 0x00\n"
                 "0.000700 #1 !  invalid_frame_recv   WINDOW_UPDATE 13, PROTO\n"
                 "0.000700 #1 !  action               RST_STREAM 13 PROTOCOL_ERROR: increment 0\n"
                 "0.000700 #1 >  stream_close         13 NO_ERROR\n");
}

/* ---- what is not whole, not certain, or in pieces ---- */

static void finish_has(struct run *run, const char *const *wants, size_t count)
{
    struct span got = out_memory(run->out);
    char *text = test_calloc(got.len + 1, 1);
    memcpy(text, got.ptr, got.len);
    const char *from = text;
    for (size_t i = 0; i < count; i++) {
        from = strstr(from, wants[i]);
        if (from == NULL) {
            print_error("got:\n%s\nwithout, in its place:\n%s\n", text, wants[i]);
            fail();
        }
        from += strlen(wants[i]);
    }
    test_free(text);
    render_connection_end(run->conn);
    render_free(run->render);
    out_free(run->out);
    assert_int_equal(run->mem.used, 0);
}

/* A block over three frames, with a field over two of them. */
static void play_pieces(struct run *run)
{
    struct h2_frame first = frame_of(H2_HEADERS, 0, 1, 2, 0, at(1, 1));
    struct h2_frame second = frame_of(H2_CONTINUATION, 0, 1, 3, 11, at(2, 2));
    struct h2_frame third = frame_of(H2_CONTINUATION, H2_FLAG_END_HEADERS, 1, 2, 23, at(3, 3));
    second.block_off = 2;
    third.block_off = 5;
    struct h2_header long_one = indexed("x", "yz", 0, H2_TOKEN_NONE, 1);
    long_one.repr = HPACK_LITERAL;
    long_one.wire_octets = 6;
    begin_frame(run, DIR_C2S, &first);
    octets(run, DIR_C2S, 0, span_of("\0\0\x02\x01\0\0\0\0\x01\x88\0", 11));
    field(run, DIR_C2S, &first, indexed(":status", "200", 8, H2_TOKEN_STATUS, 0));
    run->on.on_end_frame(&run->sessions[DIR_C2S], &first, NULL, run->conn);
    begin_frame(run, DIR_C2S, &second);
    octets(run, DIR_C2S, 0, span_of("\0\0\x03\x09\0\0\0\0\x01\x01x\x02", 12));
    run->on.on_end_frame(&run->sessions[DIR_C2S], &second, NULL, run->conn);
    begin_frame(run, DIR_C2S, &third);
    octets(run, DIR_C2S, 0, span_of("\0\0\x02\x09\x04\0\0\0\x01yz", 11));
    field(run, DIR_C2S, &third, long_one);
    end_frame(run, DIR_C2S, &third);
}

static void test_block_in_pieces(void **state)
{
    (void)state;
    struct run run = { .options = { .format = FORMAT_TEXT } };
    begin(&run);
    play_pieces(&run);
    finish(&run, "#1 127.0.0.1:35010 > 127.0.0.1:18080  h2c, prior knowledge\n"
                 "0.000001 #1 >  HEADERS             1      2\n"
                 "0.000002 #1 >  CONTINUATION        1      3\n"
                 "0.000003 #1 >  CONTINUATION        1      2  END_HEADERS  200\n"
                 "                 :status: 200\n"
                 "                 x: yz\n");
    static const char *const json[] = { "\"offset\":0,", "\"stream_id\":1}\n", "\"stream_id\":1}\n",
                                        "\"headers\":[{\"name\":\":status\"" };
    run = (struct run){ .options = { .format = FORMAT_JSON } };
    begin(&run);
    play_pieces(&run);
    finish_has(&run, json, H2D_COUNT_OF(json));
    static const char *const parts[] = {
        "000a  00                                representation that goes on in the next frame\n",
        "0009  01 78 02                          representation that goes on in the next frame\n",
        ("0009  79 7a                             octets 5-6 of x: yz             literal, new "
         "name\n"),
    };
    run = (struct run){ .options = { .octets = true } };
    begin(&run);
    play_pieces(&run);
    finish_has(&run, parts, H2D_COUNT_OF(parts));
}

static void play_unknown(struct run *run)
{
    struct h2_frame frame = frame_of(H2_HEADERS, H2_FLAG_END_HEADERS, 1, 4, 0, at(1, 1));
    struct h2_header header = { .name = span_empty(), .value = span_empty(), .index = 70 };
    header.certainty = H2_UNKNOWN;
    header.entry = 9;
    header.wire_octets = 1;
    begin_frame(run, DIR_C2S, &frame);
    field(run, DIR_C2S, &frame, header);
    header.repr = HPACK_LITERAL;
    header.certainty = H2_NAME_UNKNOWN;
    header.value = span_str("ok");
    header.entry_loss = 2;
    field(run, DIR_C2S, &frame, header);
    header = indexed(":path", "/", 70, H2_TOKEN_PATH, 2);
    header.certainty = H2_INFERRED;
    field(run, DIR_C2S, &frame, header);
    header.certainty = H2_NAME_INFERRED;
    header.entry = 4;
    field(run, DIR_C2S, &frame, header);
    header.certainty = H2_UNKNOWN;
    header.entry = H2_ENTRY_FORGOTTEN;
    field(run, DIR_C2S, &frame, header);
    header = indexed("Bad", "v\xff", 71, H2_TOKEN_NONE, 3);
    header.invalid = "upper case";
    (void)run->on.on_invalid_header(&run->sessions[DIR_C2S], &frame, &header, run->conn);
    end_frame(run, DIR_C2S, &frame);
    assert_int_equal(render_totals(run->render)->frames_tainted, 1);
}

static void test_not_known(void **state)
{
    (void)state;
    static const char *const text[] = {
        "END_HEADERS  ~/\n",
        "                 <unknown: pre:9>\n"
        "                 <name of lost2:9>: ok\n"
        "                 ~:path: /\n"
        "                 ~:path: <unknown: pre:4>\n"
        "                 <forgotten>\n"
        "                 Bad: v\\xff   [invalid: upper case]\n",
    };
    static const char *const json[] = {
        "{\"certainty\":\"unknown\",\"entry\":\"pre:9\"},"
        "{\"value\":\"ok\",\"certainty\":\"name-unknown\",\"entry\":\"lost2:9\"},"
        "{\"name\":\":path\",\"value\":\"/\",\"certainty\":\"inferred\"},"
        "{\"name\":\":path\",\"certainty\":\"inferred\",\"entry\":\"pre:4\"},"
        "{\"certainty\":\"unknown\"},"
        "{\"name\":\"Bad\",\"value\":\"v\xef\xbf\xbd\",\"value_base64\":\"dv8=\",\"invalid\":"
        "\"upper case\"}",
    };
    struct run run = { .options = { .format = FORMAT_TEXT } };
    begin(&run);
    play_unknown(&run);
    finish_has(&run, text, H2D_COUNT_OF(text));
    run = (struct run){ .options = { .format = FORMAT_JSON } };
    begin(&run);
    play_unknown(&run);
    finish_has(&run, json, H2D_COUNT_OF(json));
}

static void play_damage(struct run *run)
{
    struct h2_gap gap = { .offset = 300, .length = 1448, .cause = GAP_LOST };
    gap.before = at(6, 5);
    gap.after = at(9, 8);
    run->on.on_gap(&run->sessions[DIR_S2C], &gap, run->conn);
    run->on.on_unsynchronised(&run->sessions[DIR_S2C], 1748, 20, run->conn);
    struct h2_frame data = frame_of(H2_DATA, 0, 3, 1000, 1768, at(9, 8));
    struct h2_frame_cut cut = { .header_octets = 9, .missing = 400, .cause = GAP_END };
    begin_frame(run, DIR_S2C, &data);
    run->on.on_end_frame(&run->sessions[DIR_S2C], &data, &cut, run->conn);
    struct h2_frame nothing = { .where = data.where };
    cut = (struct h2_frame_cut){ .header_octets = 4, .missing = 5, .cause = GAP_END };
    run->on.on_end_frame(&run->sessions[DIR_C2S], &nothing, &cut, run->conn);
}

static void test_damage(void **state)
{
    (void)state;
    struct run run = { .options = { .format = FORMAT_TEXT } };
    begin(&run);
    play_damage(&run);
    finish(
        &run,
        "#1 127.0.0.1:35010 > 127.0.0.1:18080  h2c, prior knowledge\n"
        "0.000008 #1 <  gap                     1448  lost, between p6 and p9\n"
        "#1 <  unsynchronised            20  passed over (p9)\n"
        "0.000008 #1 <  DATA                3   1000  (400 octets missing: the input ends here)\n"
        "0.000008 #1 >  frame header               4  (5 octets missing: the input ends here)\n");
    static const char *const json[] = {
        "{\"kind\":\"gap\",\"conn\":1,\"dir\":\"s2c\",\"ts\":1795332035.000008,\"packet\":6,"
        "\"packet_end\":9,"
        "\"offset\":300,\"length\":1448,\"cause\":\"lost\"}\n",
        "{\"kind\":\"unsynchronised\",\"conn\":1,\"dir\":\"s2c\",\"offset\":1748,\"length\":20}\n",
        "{\"kind\":\"frame_cut\",",
        "\"missing\":400,\"cause\":\"end\",\"data_length\":0}\n",
        "{\"kind\":\"frame_cut\",",
        "\"offset\":1768,\"missing\":5,\"cause\":\"end\"}\n",
    };
    run = (struct run){ .options = { .format = FORMAT_JSON } };
    begin(&run);
    play_damage(&run);
    assert_int_equal(render_totals(run.render)->octets_lost[GAP_LOST], 1448);
    assert_int_equal(render_totals(run.render)->octets, 20 + 9 + 600 + 4);
    finish_has(&run, json, H2D_COUNT_OF(json));
}

/* Repeats of a field are one line with their number. */
static void test_folding(void **state)
{
    (void)state;
    struct run run = { .options = { .format = FORMAT_TEXT } };
    begin(&run);
    struct h2_frame frame = frame_of(H2_HEADERS, H2_FLAG_END_HEADERS, 1, 4, 0, at(1, 1));
    frame.payload.headers.category = H2_CAT_HEADERS;
    begin_frame(&run, DIR_C2S, &frame);
    (void)run.on.on_begin_headers(&run.sessions[DIR_C2S], &frame, run.conn);
    for (unsigned i = 0; i < 12; i++) {
        field(&run, DIR_C2S, &frame, indexed("a", "b", 62, H2_TOKEN_NONE, i));
    }
    field(&run, DIR_C2S, &frame, indexed("a", "c", 62, H2_TOKEN_NONE, 12));
    end_frame(&run, DIR_C2S, &frame);
    finish(&run, "#1 127.0.0.1:35010 > 127.0.0.1:18080  h2c, prior knowledge\n"
                 "0.000001 #1 >  HEADERS             1      4  END_HEADERS  trailers\n"
                 "                 a: b   (x12)\n"
                 "                 a: c\n");
}

/* On a terminal a value is shortened, and says so; not with -v. */
static void test_width(void **state)
{
    (void)state;
    static const char *const wants[][1] = {
        { "\n                 user-agent: nghttp2/1…\n" },
        { "\n                 user-agent: nghttp2/1.52.0\n                 [literal, name 58" }
    };
    for (unsigned verbosity = 0; verbosity < 2; verbosity++) {
        struct run run = { .options = { .width = 39, .verbosity = verbosity } };
        begin(&run);
        play_sample(&run);
        finish_has(&run, wants[verbosity], 1);
    }
}

static void test_verbose(void **state)
{
    (void)state;
    static const char *const wants[] = {
        "GET /                 p6\n",
        ":method: GET   [indexed 2 static]\n",
        ("user-agent: nghttp2/1.52.0   [literal, name 58 static, Huffman 10 for 14, inserted as "
         "62]\n"),
    };
    struct run run = { .options = { .verbosity = 1 } };
    begin(&run);
    play_sample(&run);
    finish_has(&run, wants, H2D_COUNT_OF(wants));
}

/* Numbers that fill their columns stay apart. */
static void test_large_numbers(void **state)
{
    (void)state;
    struct run run = { .options = { .data_octets = 0 } };
    begin(&run);
    struct h2_frame update = frame_of(H2_PRIORITY_UPDATE, 0, 2147483647, 16777215, 0, at(1, 1));
    update.has_payload = false;
    begin_frame(&run, DIR_C2S, &update);
    end_frame(&run, DIR_C2S, &update);
    finish(&run, "#1 127.0.0.1:35010 > 127.0.0.1:18080  h2c, prior knowledge\n"
                 "0.000001 #1 >  PRIORITY_UPDATE 2147483647 16777215\n");
}

static void test_binary_data(void **state)
{
    (void)state;
    struct run run = { .options = { .data_octets = 20 } };
    begin(&run);
    struct h2_frame data = frame_of(H2_DATA, 0, 1, 30, 0, at(1, 1));
    data.payload.data.data_length = 30;
    begin_frame(&run, DIR_S2C, &data);
    (void)run.on.on_data_chunk_recv(&run.sessions[DIR_S2C], &data,
                                    span_of("\0hello, world\x1b[31m 0123456789", 30), run.conn);
    end_frame(&run, DIR_S2C, &data);
    finish(&run, "#1 127.0.0.1:35010 > 127.0.0.1:18080  h2c, prior knowledge\n"
                 "0.000001 #1 <  DATA                1     30\n"
                 "                 0000  0068656c 6c6f2c20 776f726c 641b5b33  .hello, world.[3\n"
                 "                 0010  316d2030                             1m 0\n"
                 "                 10 octets more\n");
}

static void test_times(void **state)
{
    (void)state;
    static const char *const wants[][1] = { { "\n0.000650 #1 >  GOAWAY" },
                                            { "\n0.000068 #1 >  GOAWAY" },
                                            { "\n2026-11-22T07:20:35.000650Z #1 >  GOAWAY" },
                                            { "\n#1 >  GOAWAY" } };
    for (unsigned time = 0; time < 4; time++) {
        struct run run = { .options = { .time = (enum render_time)time } };
        begin(&run);
        play_sample(&run);
        play_answer(&run);
        finish_has(&run, wants[time], 1);
    }
}

static void test_summary(void **state)
{
    (void)state;
    static const char *const json[] = {
        "{\"kind\":\"summary\",\"packets\":10,\"octets\":1000,\"connections\":{\"http2\":1,"
        "\"tls_without_keys\":2,\"other\":{\"quic\":3}},\"frames\":{\"DATA\":1,\"HEADERS\":1,"
        "\"SETTINGS\":1,\"GOAWAY\":1},\"findings\":{\"frame-reserved-bit\":1},\"octets_lost\":{},"
        "\"checked\":{\"frames\":4,\"frames_tainted\":0,\"octets_lost\":0},\"truncated\":false,"
        "\"exit\":0}\n",
    };
    static const char *const text[] = {
        "h2dump: 4 frames of 1 connection in 10 packets, 1 note\n"
    };
    static const struct named_count others[] = { { "tls_without_keys", 2, 0 }, { "quic", 3, 0 } };
    struct run_summary summary = {
        .packets = 10, .octets = 1000, .http2_connections = 1, .others = others, .other_count = 2
    };
    for (unsigned format = 0; format < 2; format++) {
        struct run run = { .options = { .format = (enum render_format)format } };
        begin(&run);
        play_sample(&run);
        play_answer(&run);
        render_summary(run.render, &summary, run.out);
        finish_has(&run, format == FORMAT_JSON ? json : text, 1);
    }
}

/* The same finding over and over is shown a few times, and counted. */
static void test_findings_are_bounded(void **state)
{
    (void)state;
    struct run run = { .options = { .format = FORMAT_JSON } };
    begin(&run);
    struct finding finding = { .check = CHECK_FRAME_RESERVED_BIT, .message = "again" };
    for (unsigned i = 0; i < 5000; i++) {
        run.on.on_finding(&run.sessions[DIR_C2S], &finding, run.conn);
    }
    assert_int_equal(render_totals(run.render)->findings[CHECK_FRAME_RESERVED_BIT], 5000);
    assert_int_equal(render_totals(run.render)->findings[CHECK_LIMIT_FINDINGS], 1);
    assert_true(out_memory(run.out).len < 22 * 300);
    render_connection_end(run.conn);
    render_free(run.render);
    out_free(run.out);
}

/* ---- limits, memory ---- */

static void test_max_records(void **state)
{
    (void)state;
    struct run run = { .options = { .max_records = 3 } };
    begin(&run);
    play_sample(&run);
    assert_true(render_full(run.render));
    size_t len = out_memory(run.out).len;
    play_answer(&run);
    assert_int_equal(out_memory(run.out).len, len);
    assert_int_equal(render_totals(run.render)->records, 3);
    assert_int_equal(render_totals(run.render)->frames, 4);
    assert_int_equal(render_totals(run.render)->findings[CHECK_FRAME_RESERVED_BIT], 1);
    render_connection_end(run.conn);
    render_free(run.render);
    out_free(run.out);
}

static void test_quiet(void **state)
{
    (void)state;
    struct run run = { .options = { .quiet = true } };
    begin(&run);
    assert_null(run.on.on_header);
    assert_null(run.on.on_data_chunk_recv);
    play_sample(&run);
    play_answer(&run);
    assert_int_equal(render_totals(run.render)->frames, 4);
    assert_int_equal(render_totals(run.render)->octets, 4 * 9 + 6 + 49 + 6 + 8 + 24);
    finish(&run, "");
}

/* A block of a million equal fields: folded in text, bounded in both formats, and said so. */
static void test_bomb(void **state)
{
    (void)state;
    for (unsigned format = 0; format < 2; format++) {
        struct run run = { .options = { .format = (enum render_format)format } };
        begin(&run);
        struct h2_frame frame = frame_of(H2_HEADERS, H2_FLAG_END_HEADERS, 1, 16000, 0, at(2, 1));
        begin_frame(&run, DIR_C2S, &frame);
        static char value[4000];
        memset(value, '\1', sizeof value);
        struct h2_header header = indexed("a", "", 62, H2_TOKEN_NONE, 0);
        header.value = span_of(value, sizeof value);
        for (unsigned i = 0; i < 100000; i++) {
            field(&run, DIR_C2S, &frame, header);
        }
        end_frame(&run, DIR_C2S, &frame);
        struct span got = out_memory(run.out);
        assert_true(got.len < (1 << 20));
        assert_int_equal(render_totals(run.render)->findings[CHECK_LIMIT_BLOCK], 1);
        assert_true(run.mem.used < (4 << 20));
        render_connection_end(run.conn);
        render_free(run.render);
        out_free(run.out);
        assert_int_equal(run.mem.used, 0);
    }
}

/* A warm run allocates nothing. */
static void test_no_allocation_when_warm(void **state)
{
    (void)state;
    for (unsigned format = 0; format < 2; format++) {
        struct run run = { .options = { .format = (enum render_format)format } };
        begin(&run);
        for (unsigned i = 0; i < 64; i++) {
            play_sample(&run); /* the memory writer grows meanwhile */
        }
        uint64_t calls = run.mem.calls;
        size_t len = out_memory(run.out).len;
        play_sample(&run);
        assert_true(out_memory(run.out).len > len);
        assert_true(run.mem.calls <= calls + 1); /* of the memory writer, at most */
        render_connection_end(run.conn);
        render_free(run.render);
        out_free(run.out);
    }
}

/* What goes through a descriptor's buffer is what goes to memory, wherever the buffer ends. */
static void test_descriptor(void **state)
{
    (void)state;
    for (unsigned format = 0; format < 2; format++) {
        struct run run = { .options = { .format = (enum render_format)format } };
        begin(&run);
        FILE *file = tmpfile();
        assert_non_null(file);
        struct out *other = out_new(&run.mem, fileno(file));
        size_t from = out_memory(run.out).len;
        play_sample(&run);
        struct span got = out_memory(run.out);
        size_t len = got.len - from;

        struct render *again = render_new(&run.mem, other, &run.options);
        struct pos first = at(1, 0);
        struct connection_info info = { .conn = 1 };
        struct render_conn *conn = run.conn;
        render_first_packet(again, &first, 6);
        run.conn = render_connection_begin(again, &info);
        out_flush(other);
        off_t begins = lseek(fileno(file), 0, SEEK_END);
        for (unsigned k = 0; k < 2000; k++) {
            play_sample(&run);
        }
        out_flush(other);
        assert_int_equal(lseek(fileno(file), begins, SEEK_SET), begins);
        char *record = test_malloc(len);
        for (unsigned k = 0; k < 2000; k++) {
            assert_int_equal(read(fileno(file), record, len), len);
            assert_memory_equal(record, got.ptr + from, len);
        }
        test_free(record);
        render_connection_end(run.conn);
        render_free(again);
        run.conn = conn;
        (void)fclose(file);
        out_free(other);
        render_connection_end(run.conn);
        render_free(run.render);
        out_free(run.out);
        assert_int_equal(run.mem.used, 0);
    }
}

/* ---- -x: every octet once ---- */

struct cover {
    uint64_t at;
    unsigned parts;
};

static void cover_part(void *ctx, const struct part *part)
{
    struct cover *cover = ctx;
    assert_int_equal(part->offset, cover->at);
    assert_true(part->length > 0);
    assert_true(part->octets.len <= part->length);
    assert_true(part->what[0] != '\0' || part->field != NULL);
    cover->at += part->length;
    cover->parts++;
}

/* Frames of every type, whatever flags and lengths, with octets that fit nothing, kept in whole or
 * in part: each octet is named once. */
static void test_every_octet_is_named_once(void **state)
{
    (void)state;
    struct run run = { .options = { .octets = true } };
    begin(&run);
    uint32_t seed = 7;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t noise[80];
        for (size_t i = 0; i < sizeof noise; i++) {
            seed = seed * 1664525U + 1013904223U;
            noise[i] = (uint8_t)(seed >> 24) & (round % 3 == 0 ? 0x0f : 0xff);
        }
        uint32_t length = noise[0] % 60;
        struct h2_frame frame = frame_of(noise[1] % 18, noise[2], 1, length, 0, at(1, 1));
        begin_frame(&run, DIR_C2S, &frame);
        size_t kept = noise[3] % 4 == 0 ? noise[4] % (9 + length) : 9 + length;
        octets(&run, DIR_C2S, 0, span_of(noise + 5, kept));
        uint64_t off = 0;
        for (unsigned i = 0; i < noise[6] % 8U; i++) {
            struct h2_header header = indexed("a", "b", 62, H2_TOKEN_NONE, off + noise[10 + i] % 2);
            header.wire_octets = noise[20 + i] % 20 + 1U;
            off = header.block_off + header.wire_octets;
            field(&run, DIR_C2S, &frame, header);
        }
        frame.block_off = noise[7] % 5;
        struct h2_frame_cut cut = { .header_octets = 9, .missing = noise[8] % (length + 1) };
        bool is_cut = noise[9] % 4 == 0;
        struct cover cover = { 0 };
        const struct side *side = &((struct render_conn *)run.conn)->sides[DIR_C2S];
        parts_walk(side, &frame, is_cut ? &cut : NULL, cover_part, &cover);
        assert_int_equal(cover.at, 9 + length - (is_cut ? cut.missing : 0));
        end_frame(&run, DIR_C2S, &frame);
    }
    render_connection_end(run.conn);
    render_free(run.render);
    out_free(run.out);
}

/* Each allocation fails once: nothing leaks, nothing crashes, frames are still counted. */
static void test_no_memory(void **state)
{
    (void)state;
    for (uint64_t k = 4; k < 40; k++) {
        struct run run = { .options = { .format = (enum render_format)(k % 2), .octets = true } };
        begin(&run);
        run.mem.fail_at = run.mem.calls + k - 3;
        play_sample(&run);
        play_answer(&run);
        assert_int_equal(render_totals(run.render)->frames, 4);
        render_connection_end(run.conn);
        render_free(run.render);
        out_free(run.out);
        assert_int_equal(run.mem.used, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_frames),
        cmocka_unit_test(test_text_octets),
        cmocka_unit_test(test_json_frames),
        cmocka_unit_test(test_text_callbacks),
        cmocka_unit_test(test_block_in_pieces),
        cmocka_unit_test(test_not_known),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_verbose),
        cmocka_unit_test(test_large_numbers),
        cmocka_unit_test(test_binary_data),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_findings_are_bounded),
        cmocka_unit_test(test_max_records),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_no_allocation_when_warm),
        cmocka_unit_test(test_descriptor),
        cmocka_unit_test(test_every_octet_is_named_once),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
