/* The rules of a message, in tables: fields given as "name: value" lines, what each comes to, and
 * which check the block's end raises. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "h2/message.h"

/* Words for verdicts, as the rows spell them. */
static const char *const verdict_names[] = {
    [MESSAGE_OK] = "ok",
    [MESSAGE_DROP] = "drop",
    [MESSAGE_HIDE] = "hide",
    [MESSAGE_ERR] = "err",
};

/* "drop field-name-invalid" of the first field that is not ok, else "ok". */
static void judge_line(struct h2_message *message, const struct message_context *context,
                       const char *line, size_t len, char *text, size_t size)
{
    /* The name may begin with a colon, or be empty. */
    const char *colon = memchr(line + 1, ':', len - 1);
    if (len > 0 && line[0] == ':' && line[1] == ' ') {
        colon = line;
    }
    assert_non_null(colon);
    struct span name = span_of(line, (size_t)(colon - line));
    struct span value = span_of(colon + 2, len - name.len - 2);
    struct h2_header header = {
        .name = name,
        .value = value,
        .token = message_token_of(name),
        .octet_facts = message_octet_facts(name, value),
    };
    struct message_fault fault;
    enum message_verdict verdict = message_on_header(message, context, &header, &fault);
    assert_non_null(fault.text);
    if (verdict == MESSAGE_OK) {
        assert_int_equal(fault.check, CHECK_COUNT);
        return;
    }
    assert_true(fault.text[0] != '\0' && fault.check < CHECK_COUNT);
    if (strcmp(text, "ok") == 0) {
        snprintf(text, size, "%s %s", verdict_names[verdict], spec_check(fault.check)->id);
    }
}

static void judge_end(bool well_formed, const struct message_fault *fault, char *text, size_t size)
{
    if (!well_formed && strcmp(text, "ok") == 0) {
        snprintf(text, size, "end %s", spec_check(fault->check)->id);
    }
}

/* A block: lines, each ended by '\n'. The first thing that is not ok, or "ok". */
static void judge_block(struct h2_message *message, const struct message_context *context,
                        const char *lines, bool end_stream, char *text, size_t size)
{
    struct message_fault fault;
    snprintf(text, size, "ok");
    message_begin_block(message, context);
    while (*lines != '\0') {
        size_t len = strcspn(lines, "\n");
        judge_line(message, context, lines, len, text, size);
        lines += len + 1;
    }
    /* Only the engine of an endpoint stops at a field error; what it says is the first fault. */
    bool well_formed = message_on_headers_end(message, context, end_stream, &fault);
    judge_end(well_formed, &fault, text, size);
}

struct block_row {
    const char *lines, *wanted;
};

static void judge_rows(const struct message_context *context, const char *before,
                       const struct block_row *rows, size_t count, bool end_stream)
{
    for (size_t i = 0; i < count; i++) {
        struct h2_message message;
        char text[200], lines[600];
        message_init(&message);
        snprintf(lines, sizeof lines, "%s%s", before, rows[i].lines);
        judge_block(&message, context, lines, end_stream, text, sizeof text);
        if (strcmp(text, rows[i].wanted) != 0) {
            print_error("row %zu: %s\n", i, lines);
        }
        assert_string_equal(text, rows[i].wanted);
    }
}

#define REQUEST ":method: GET\n:scheme: https\n:authority: a\n:path: /\n"

/* ---- requests ---- */

static const struct block_row request_rows[] = {
    { ":method: GET\n:scheme: https\n:path: /\n:authority: a\n", "ok" },
    { ":method: GET\n:scheme: https\n:path: /\nhost: a\n", "ok" },
    { ":scheme: https\n:path: /\n:authority: a\n", "end pseudo-method-missing" },
    { ":method: GET\n:path: /\n:authority: a\n", "end pseudo-scheme-missing" },
    { ":method: GET\n:scheme: https\n:authority: a\n", "end pseudo-path-missing" },
    { ":method: GET\n:scheme: https\n:path: /\n", "end pseudo-authority-missing" },
    /* repeated, empty */
    { ":method: GET\n:method: GET\n", "err pseudo-duplicate" },
    { ":path: /\n:path: /\n", "err pseudo-duplicate" },
    { ":scheme: http\n:scheme: http\n", "err pseudo-duplicate" },
    { ":authority: a\n:authority: a\n", "err pseudo-duplicate" },
    { ":method: \n", "err pseudo-method-invalid" },
    { ":path: \n", "err pseudo-path-empty" },
    { ":scheme: \n", "err pseudo-scheme-invalid" },
    { ":authority: \n", "err pseudo-authority-invalid" },
    /* place */
    { "a: b\n:method: GET\n", "err pseudo-after-regular" },
    { ":method: GET\na b: c\n:path: /\n", "drop field-name-invalid" },
    { ":other: x\n", "err pseudo-unknown" },
    { ":Path: /\n", "err pseudo-unknown" },
    { ":status: 200\n", "err pseudo-wrong-direction" },
    /* octets */
    { ":authority: u@h\n", "err pseudo-authority-userinfo" },
    { ":authority: a\r\n", "err pseudo-authority-invalid" },
    { ":authority: a/b\n", "err pseudo-authority-invalid" },
    { ":authority: [::1]:80\n:method: GET\n:scheme: https\n:path: /\n", "ok" },
    { ":method: GET\n:scheme: http\n:path: /\nhost: a b\n", "drop pseudo-host-invalid" },
    { ":method: GET\n:scheme: http\n:path: /\nhost: \n", "err pseudo-host-invalid" },
    { ":method: GET\n:scheme: http\n:path: /\nhost: a\nhost: a\n", "err pseudo-host-duplicate" },
    { ":path: /a b\n", "err pseudo-path-invalid" },
    { ":path: /a\x7f\n", "err pseudo-path-invalid" },
    { ":path: /\xc3\xa9\n:method: GET\n:scheme: http\n:authority: a\n", "ok" },
    { ":method: GE T\n", "err pseudo-method-invalid" },
    { ":scheme: 1http\n", "err pseudo-scheme-invalid" },
    { ":scheme: ht_tp\n", "err pseudo-scheme-invalid" },
    { ":scheme: a+1-.\n:method: GET\n:path: bar\n:authority: a\n", "ok" },
    /* form of the path */
    { ":method: OPTIONS\n:scheme: http\n:authority: a\n:path: *\n", "ok" },
    { ":path: *\n:authority: a\n:scheme: http\n:method: OPTIONS\n", "ok" },
    { ":method: GET\n:scheme: http\n:authority: a\n:path: *\n", "end pseudo-path-form" },
    { ":path: *\n:method: GET\n:authority: a\n:scheme: http\n", "end pseudo-path-form" },
    { ":method: OPTIONS\n:scheme: http\n:authority: a\n:path: *x\n", "end pseudo-path-form" },
    { ":method: GET\n:scheme: HTTPS\n:authority: a\n:path: x\n", "end pseudo-path-form" },
    { ":method: GET\n:scheme: foo\n:authority: a\n:path: bar\n", "ok" },
    /* CONNECT */
    { ":method: CONNECT\n:authority: a:443\n", "ok" },
    { ":method: CONNECT\n:authority: a:443\n:path: /\n", "end connect-scheme-path" },
    { ":method: CONNECT\n:authority: a:443\n:scheme: http\n", "end connect-scheme-path" },
    { ":method: CONNECT\nhost: a\n", "end connect-authority" },
    { ":protocol: websocket\n", "err ext-connect-not-enabled" },
};

static const struct block_row regular_rows[] = {
    { "Foo: x\n", "err field-name-uppercase" },
    { "fo o: x\n", "drop field-name-invalid" },
    { "a B: x\n", "drop field-name-invalid" },
    { "A b: x\n", "err field-name-uppercase" },
    { "f\xc3: x\n", "drop field-name-invalid" },
    { "x!#$%&'*+-.^_`|~09: x\n", "ok" },
    { "x(: x\n", "drop field-name-invalid" },
    { "x: a\x01z\n", "drop field-value-control" },
    { "x: a\x7fz\n", "drop field-value-control" },
    { "x: a\x80\xff\tz\n", "ok" },
    { "x:  a\n", "drop field-value-edge-whitespace" },
    { "x: a\t\n", "drop field-value-edge-whitespace" },
    { "x: a\rb\n", "drop field-value-nul-cr-lf" },
    { "x: 123456789\rb\n", "drop field-value-nul-cr-lf" },
    { "x: 12345678\x1f"
      "abcdefgh\n",
      "drop field-value-control" },
    { "x: \n", "ok" },
    { "connection: close\n", "err field-connection-specific" },
    { "keep-alive: 1\n", "err field-connection-specific" },
    { "proxy-connection: 1\n", "err field-connection-specific" },
    { "transfer-encoding: chunked\n", "err field-connection-specific" },
    { "upgrade: h2c\n", "err field-connection-specific" },
    { "te: gzip\n", "err field-te-value" },
    { "te: trailers, gzip\n", "err field-te-value" },
    { "te: \n", "err field-te-value" },
    { "te: Trailers\n", "ok" },
    { "priority: u=9,\n", "ok" },
    { "priority: u=\x02\n", "drop field-value-control" },
    { "content-length: \n", "err msg-content-length-invalid" },
    { "content-length: +1\n", "err msg-content-length-invalid" },
    { "content-length: -1\n", "err msg-content-length-invalid" },
    { "content-length: 2 \n", "err msg-content-length-invalid" },
    { "content-length: 9223372036854775808\n", "err msg-content-length-invalid" },
    { "content-length: 99999999999999999999999\n", "err msg-content-length-invalid" },
    { "content-length: 9223372036854775807\n", "ok" },
    { "content-length: 9000000000\n", "ok" },
    { "content-length: 00\n", "ok" },
    { "content-length: 1\ncontent-length: 1\n", "err msg-content-length-duplicate" },
};

static const struct message_context request = { .kind = MESSAGE_REQUEST,
                                                .check_edge_whitespace = true };

static void test_requests(void **state)
{
    (void)state;
    judge_rows(&request, "", request_rows, H2D_COUNT_OF(request_rows), false);
    judge_rows(&request, REQUEST, regular_rows, H2D_COUNT_OF(regular_rows), false);
}

static void test_empty_name(void **state)
{
    (void)state;
    const struct block_row rows[] = { { ": x\n:method: GET\n", "drop field-name-invalid" } };
    judge_rows(&request, "", rows, 1, false);
    struct h2_message message;
    struct message_fault fault;
    struct h2_header header = { .name = span_empty(),
                                .value = span_empty(),
                                .octet_facts = H2_NAME_EMPTY };
    message_init(&message);
    message_begin_block(&message, &request);
    assert_int_equal(message_on_header(&message, &request, &header, &fault), MESSAGE_DROP);
    header.name = span_str(":path");
    header.value = span_str("/");
    header.token = H2_TOKEN_PATH;
    header.octet_facts = 0;
    assert_int_equal(message_on_header(&message, &request, &header, &fault), MESSAGE_ERR);
    assert_int_equal(fault.check, CHECK_PSEUDO_AFTER_REGULAR);
}

static void test_whitespace_option(void **state)
{
    (void)state;
    struct message_context context = request;
    context.check_edge_whitespace = false;
    const struct block_row rows[] = { { REQUEST "x:  a\t\n", "ok" } };
    judge_rows(&context, "", rows, 1, false);
}

static void test_extended_connect(void **state)
{
    (void)state;
    struct message_context context = request;
    context.connect_protocol = true;
#define CONNECT ":method: CONNECT\n:protocol: websocket\n"
    const struct block_row rows[] = {
        { CONNECT ":scheme: https\n:path: /\n:authority: a\n", "ok" },
        { CONNECT ":path: /\n:authority: a\n", "end ext-connect-target-missing" },
        { CONNECT ":scheme: https\n:authority: a\n", "end ext-connect-target-missing" },
        { CONNECT ":scheme: https\n:path: /\nhost: a\n", "end ext-connect-target-missing" },
        { ":method: GET\n:protocol: websocket\n:scheme: https\n:path: /\n:authority: a\n",
          "end ext-connect-method" },
        { CONNECT ":protocol: x\n", "err pseudo-duplicate" },
        { ":protocol: \n", "err pseudo-protocol-invalid" },
        { ":protocol:  a\n", "err pseudo-protocol-invalid" },
    };
    judge_rows(&context, "", rows, H2D_COUNT_OF(rows), false);
}

static void test_push_requests(void **state)
{
    (void)state;
    struct message_context context = request;
    context.is_push = true;
    const struct block_row rows[] = {
        { REQUEST, "ok" },
        { ":method: CONNECT\n", "err push-request-connect" },
        { ":method: GET\n:scheme: https\n:authority: a\n", "end push-request-incomplete" },
        { ":method: GET\n:scheme: https\n:path: /\n", "end push-request-incomplete" },
        { ":method: GET\n:scheme: https\n:path: x\n:authority: a\n", "end pseudo-path-form" },
    };
    judge_rows(&context, "", rows, H2D_COUNT_OF(rows), false);
}

/* ---- whole messages: blocks and data in order ---- */

enum step_kind {
    STEP_END, /* of the row */
    STEP_FIRST,
    STEP_RESPONSE,
    STEP_TRAILERS,
    STEP_DATA, /* octets, not the stream's last */
    STEP_FIN,  /* END_STREAM on the DATA before */
};

struct step {
    enum step_kind kind;
    const char *lines; /* blocks */
    bool end_stream;
    uint64_t octets;
    const char *wanted;
};

struct message_row {
    bool head, connect, unknown; /* the request that a response answers */
    struct step steps[6];
};

static void judge_message(const struct message_row *row)
{
    struct h2_message message;
    struct message_context context = { .check_edge_whitespace = true,
                                       .request_known = !row->unknown,
                                       .request_was_head = row->head,
                                       .request_was_connect = row->connect };
    message_init(&message);
    for (const struct step *step = row->steps; step->kind != STEP_END; step++) {
        char text[200] = "ok";
        struct message_fault fault;
        if (step->kind == STEP_DATA) {
            judge_end(message_on_data(&message, &context, step->octets, &fault), &fault, text,
                      sizeof text);
        } else if (step->kind == STEP_FIN) {
            judge_end(message_on_end_stream(&message, &context, &fault), &fault, text, sizeof text);
        } else {
            context.kind = step->kind == STEP_FIRST      ? MESSAGE_REQUEST
                           : step->kind == STEP_RESPONSE ? MESSAGE_RESPONSE
                                                         : MESSAGE_TRAILERS;
            judge_block(&message, &context, step->lines, step->end_stream, text, sizeof text);
        }
        if (strcmp(text, step->wanted) != 0) {
            print_error("step %td: %s\n", step - row->steps,
                        step->lines != NULL ? step->lines : "");
        }
        assert_string_equal(text, step->wanted);
    }
}

#define BLOCK(kind, lines, fin, wanted)                                                            \
    {                                                                                              \
        STEP_##kind, lines, fin, 0, wanted                                                         \
    }
#define DATA(n, wanted)                                                                            \
    {                                                                                              \
        STEP_DATA, NULL, false, n, wanted                                                          \
    }
#define FIN(wanted)                                                                                \
    {                                                                                              \
        STEP_FIN, NULL, true, 0, wanted                                                            \
    }
#define POST(length)                                                                               \
    ":method: POST\n:scheme: https\n:authority: a\n:path: /\ncontent-length: " length "\n"

static const struct message_row request_messages[] = {
    { .steps = { BLOCK(FIRST, POST("5"), true, "end msg-content-length-mismatch") } },
    { .steps = { BLOCK(FIRST, POST("0"), true, "ok") } },
    { .steps = { BLOCK(FIRST, POST("5"), false, "ok"), DATA(3, "ok"),
                 FIN("end msg-content-length-mismatch") } },
    { .steps = { BLOCK(FIRST, POST("5"), false, "ok"), DATA(3, "ok"), DATA(2, "ok"), FIN("ok") } },
    { .steps = { BLOCK(FIRST, POST("5"), false, "ok"),
                 DATA(6, "end msg-content-length-mismatch") } },
    { .steps = { BLOCK(FIRST, POST("2"), false, "ok"), DATA(1, "ok"), DATA(1, "ok"),
                 DATA(1, "end msg-content-length-mismatch"),
                 DATA(1, "end msg-content-length-mismatch") } },
    { .steps = { BLOCK(FIRST, REQUEST, false, "ok"), DATA(9, "ok"),
                 BLOCK(TRAILERS, "x: y\n", true, "ok") } },
    { .steps = { BLOCK(FIRST, REQUEST, false, "ok"),
                 BLOCK(TRAILERS, "x: y\n", false, "end msg-trailers-no-end-stream") } },
    { .steps = { BLOCK(FIRST, REQUEST, false, "ok"),
                 BLOCK(TRAILERS, REQUEST, false, "err msg-trailers-pseudo") } },
    { .steps = { BLOCK(FIRST, REQUEST, false, "ok"), DATA(3, "ok"),
                 BLOCK(TRAILERS, "content-length: 5\n", true,
                       "end msg-content-length-mismatch") } },
    { .steps = { BLOCK(FIRST, POST("3"), false, "ok"), DATA(3, "ok"),
                 BLOCK(TRAILERS, "content-length: 3\n", true,
                       "err msg-content-length-duplicate") } },
    { .steps = { BLOCK(FIRST, REQUEST "host: a\n", false, "ok"),
                 BLOCK(TRAILERS, "host: a\n", true, "err pseudo-host-duplicate") } },
    /* content-length on CONNECT does not count */
    { .steps = { BLOCK(FIRST, ":method: CONNECT\n:authority: a:1\ncontent-length: 1\n", false,
                       "ok"),
                 DATA(900, "ok"), FIN("ok") } },
};

static const struct message_row response_messages[] = {
    { .steps = { BLOCK(RESPONSE, ":status: 103\n", false, "ok"),
                 BLOCK(RESPONSE, ":status: 200\ncontent-length: 3\n", false, "ok"), DATA(3, "ok"),
                 BLOCK(TRAILERS, "x: y\n", true, "ok") } },
    { .steps = { BLOCK(RESPONSE, ":status: 100\n", true, "end msg-informational-end-stream") } },
    { .steps = { BLOCK(RESPONSE, ":status: 100\n", false, "ok"),
                 DATA(3, "end msg-data-before-headers") } },
    { .steps = { BLOCK(RESPONSE, ":status: 100\n", false, "ok"), DATA(0, "ok"),
                 FIN("end msg-no-final-response") } },
    { .steps = { BLOCK(RESPONSE, ":status: 100\n", false, "ok"),
                 BLOCK(RESPONSE, "x: y\n", false, "end pseudo-status-missing") } },
    { .steps = { BLOCK(RESPONSE, ":status: 200\n", false, "ok"),
                 BLOCK(TRAILERS, ":status: 200\n", false, "err msg-trailers-pseudo") } },
    { .steps = { BLOCK(RESPONSE, "x: y\n", false, "end pseudo-status-missing") } },
    { .steps = { BLOCK(RESPONSE, ":status: 200\n:status: 200\n", false, "err pseudo-duplicate") } },
    { .steps = { BLOCK(RESPONSE, ":status: 20\n", false, "err pseudo-status-invalid") } },
    { .steps = { BLOCK(RESPONSE, ":status: 2000\n", false, "err pseudo-status-invalid") } },
    { .steps = { BLOCK(RESPONSE, ":status: 099\n", false, "err pseudo-status-invalid") } },
    { .steps = { BLOCK(RESPONSE, ":status: 20x\n", false, "err pseudo-status-invalid") } },
    { .steps = { BLOCK(RESPONSE, ":status: \n", false, "err pseudo-status-invalid") } },
    { .steps = { BLOCK(RESPONSE, ":status: 101\n", false, "err msg-http2-status-101") } },
    { .steps = { BLOCK(RESPONSE, ":status: 999\n", false, "ok") } },
    { .steps = { BLOCK(RESPONSE, ":status: 200\n:path: /\n", false,
                       "err pseudo-wrong-direction") } },
    { .steps = { BLOCK(RESPONSE, ":status: 204\ncontent-length: 0\n", true,
                       "hide msg-content-length-forbidden") } },
    { .steps = { BLOCK(RESPONSE, ":status: 204\ncontent-length: 5\n", true,
                       "err msg-content-length-forbidden") } },
    { .steps = { BLOCK(RESPONSE, ":status: 100\ncontent-length: 0\n", false,
                       "err msg-content-length-forbidden") } },
    { .steps = { BLOCK(RESPONSE, ":status: 304\ncontent-length: 20\n", true, "ok") } },
    { .steps = { BLOCK(RESPONSE, ":status: 304\ncontent-length: 20\n", false, "ok"),
                 DATA(3, "end msg-content-forbidden") } },
    { .head = true,
      .steps = { BLOCK(RESPONSE, ":status: 200\ncontent-length: 20\n", true, "ok") } },
    { .head = true,
      .steps = { BLOCK(RESPONSE, ":status: 200\ncontent-length: 20\n", false, "ok"),
                 DATA(3, "end msg-content-forbidden") } },
    { .connect = true,
      .steps = { BLOCK(RESPONSE, ":status: 200\ncontent-length: 20\n", false,
                       "hide msg-content-length-forbidden"),
                 DATA(300, "ok"), FIN("ok") } },
    { .steps = { BLOCK(RESPONSE, ":status: 200\ncontent-length: 20\n", true,
                       "end msg-content-length-mismatch") } },
    /* the request was not seen: it may have been HEAD */
    { .unknown = true,
      .steps = { BLOCK(RESPONSE, ":status: 200\ncontent-length: 20\n", true, "ok") } },
    { .unknown = true,
      .steps = { BLOCK(RESPONSE, ":status: 304\n", false, "ok"),
                 DATA(3, "end msg-content-forbidden") } },
    { .steps = { BLOCK(RESPONSE, ":status: 200\nhost: /x y\nte: trailers\n", true, "ok") } },
    { .steps = { BLOCK(RESPONSE, ":status: 200\nconnection: close\n", true,
                       "err field-connection-specific") } },
    { .steps = { BLOCK(RESPONSE, ":status: 200\nhost: \x01\n", true,
                       "drop field-value-control") } },
};

static void test_whole_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < H2D_COUNT_OF(request_messages); i++) {
        judge_message(&request_messages[i]);
    }
    for (size_t i = 0; i < H2D_COUNT_OF(response_messages); i++) {
        judge_message(&response_messages[i]);
    }
}

static void test_what_a_message_remembers(void **state)
{
    (void)state;
    struct h2_message message;
    struct message_context context = { .kind = MESSAGE_REQUEST, .is_push = true };
    char text[200];
    message_init(&message);
    judge_block(&message, &context, ":method: HEAD\n:scheme: https\n:authority: a\n:path: /\n",
                false, text, sizeof text);
    assert_string_equal(text, "ok");
    assert_true(message_method_is_head(&message));
    assert_false(message_method_is_connect(&message));
    message_push_to_response(&message);
    assert_false(message_final_status_seen(&message));
    context = (struct message_context){ .kind = MESSAGE_RESPONSE };
    judge_block(&message, &context, ":status: 103\n", false, text, sizeof text);
    assert_false(message_final_status_seen(&message));
    judge_block(&message, &context, ":status: 200\ncontent-length: 7\n", true, text, sizeof text);
    assert_string_equal(text, "ok"); /* HEAD was promised */
    assert_true(message_final_status_seen(&message));
    assert_int_equal(message.status, 200);

    message_init(&message);
    context = (struct message_context){ .kind = MESSAGE_REQUEST };
    judge_block(&message, &context, ":method: CONNECT\n:authority: a\n", false, text, sizeof text);
    assert_true(message_method_is_connect(&message));
}

/* ---- fields that are not certain ---- */

static void unknown_field(struct h2_message *message, const struct message_context *context,
                          enum h2_certainty certainty)
{
    struct message_fault fault;
    struct h2_header header = { .name = span_empty(),
                                .value = span_str("x"),
                                .certainty = certainty };
    assert_int_equal(message_on_header(message, context, &header, &fault), MESSAGE_OK);
}

static void test_uncertain_fields(void **state)
{
    (void)state;
    struct h2_message message;
    struct message_fault fault;
    char text[200];
    message_init(&message);
    message_begin_block(&message, &request);
    unknown_field(&message, &request, H2_UNKNOWN);
    assert_true(message_on_headers_end(&message, &request, true, &fault));

    /* A known name without a rule, whose value was passed over, leaves the rules on. */
    message_init(&message);
    message_begin_block(&message, &request);
    struct h2_header header = { .name = span_str("cookie"),
                                .value = span_empty(),
                                .certainty = H2_UNKNOWN };
    assert_int_equal(message_on_header(&message, &request, &header, &fault), MESSAGE_OK);
    assert_false(message_on_headers_end(&message, &request, true, &fault));
    assert_int_equal(fault.check, CHECK_PSEUDO_METHOD_MISSING);

    /* A response whose status may be anything: then trailers or another response may come. */
    struct message_context context = { .kind = MESSAGE_RESPONSE, .request_known = true };
    message_init(&message);
    message_begin_block(&message, &context);
    unknown_field(&message, &context, H2_NAME_UNKNOWN);
    assert_true(message_on_headers_end(&message, &context, false, &fault));
    assert_true(message_final_status_seen(&message));
    context.kind = MESSAGE_TRAILERS;
    judge_block(&message, &context, ":status: 200\ncontent-length: 9\n", false, text, sizeof text);
    assert_string_equal(text, "ok");
    assert_true(message_on_data(&message, &context, 3, &fault));
    assert_true(message_on_end_stream(&message, &context, &fault));
    judge_block(&message, &context, ":status: 200\n", true, text, sizeof text);
    assert_string_equal(text, "err msg-trailers-pseudo");
}

/* ---- tokens and facts ---- */

static void test_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum h2_token token;
    } rows[] = {
        { ":authority", H2_TOKEN_AUTHORITY },
        { ":method", H2_TOKEN_METHOD },
        { ":path", H2_TOKEN_PATH },
        { ":scheme", H2_TOKEN_SCHEME },
        { ":status", H2_TOKEN_STATUS },
        { ":protocol", H2_TOKEN_PROTOCOL },
        { ":x", H2_TOKEN_PSEUDO_UNKNOWN },
        { ":", H2_TOKEN_PSEUDO_UNKNOWN },
        { "host", H2_TOKEN_HOST },
        { "content-length", H2_TOKEN_CONTENT_LENGTH },
        { "te", H2_TOKEN_TE },
        { "priority", H2_TOKEN_PRIORITY },
        { "connection", H2_TOKEN_CONNECTION_SPECIFIC },
        { "keep-alive", H2_TOKEN_CONNECTION_SPECIFIC },
        { "proxy-connection", H2_TOKEN_CONNECTION_SPECIFIC },
        { "transfer-encoding", H2_TOKEN_CONNECTION_SPECIFIC },
        { "upgrade", H2_TOKEN_CONNECTION_SPECIFIC },
        { "", H2_TOKEN_NONE },
        { "tf", H2_TOKEN_NONE },
        { "method", H2_TOKEN_NONE },
        { "content-lengthy", H2_TOKEN_NONE },
        { "a-name-that-is-longer-than-all-of-them", H2_TOKEN_NONE },
    };
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        assert_int_equal(message_token_of(span_str(rows[i].name)), rows[i].token);
    }
}

static const char *const some_fields[][2] = {
    { ":method", "GET" },
    { ":method", "HEAD" },
    { ":method", "CONNECT" },
    { ":method", "G T" },
    { ":scheme", "http" },
    { ":scheme", "ftp" },
    { ":path", "/" },
    { ":path", "*" },
    { ":path", "" },
    { ":authority", "a" },
    { ":authority", "u@a" },
    { ":status", "100" },
    { ":status", "101" },
    { ":status", "204" },
    { ":status", "999" },
    { ":status", "20" },
    { ":protocol", "websocket" },
    { ":new", "a" },
    { "host", "a" },
    { "content-length", "1" },
    { "te", "gzip" },
    { "priority", "u=1" },
    { "connection", "close" },
    { "Name", "a" },
    { "", "a" },
    { "name", "a\nb" },
    { "name", " a" },
    { "name", "a" },
};

/* The next field, by the short way where it goes, or always by the long one. */
static enum message_verdict take(struct h2_message *message, const struct message_context *context,
                                 size_t which, bool by_short_way)
{
    struct span name = span_str(some_fields[which][0]), value = span_str(some_fields[which][1]);
    struct h2_header header = { .name = name, .value = value, .token = message_token_of(name) };
    header.octet_facts = message_octet_facts(name, value);
    header.ordinary = message_ordinary(header.token, header.octet_facts, value);
    if (by_short_way && !context->is_push &&
        message_take_ordinary(message, context->kind, header.ordinary)) {
        return MESSAGE_OK;
    }
    struct message_fault fault;
    return message_on_header(message, context, &header, &fault);
}

/* All runs of three of these fields, in each kind of block: both ways end in the same state. */
static void test_ordinary_fields(void **state)
{
    (void)state;
    size_t n = H2D_COUNT_OF(some_fields);
    for (size_t i = 0; i < n * n * n * 16; i++) {
        struct message_context context = { .kind = (enum message_kind)(i % 4 % 3),
                                           .is_push = i % 4 == 3,
                                           .check_edge_whitespace = (i / 4) % 2 != 0,
                                           .connect_protocol = (i / 8) % 2 != 0 };
        struct h2_message ways[2];
        for (int way = 0; way < 2; way++) {
            message_init(&ways[way]);
            message_begin_block(&ways[way], &context);
        }
        for (size_t rest = i / 16, k = 0; k < 3; k++, rest /= n) {
            assert_int_equal(take(&ways[0], &context, rest % n, true),
                             take(&ways[1], &context, rest % n, false));
            assert_int_equal(ways[0].seen, ways[1].seen);
            assert_int_equal(ways[0].status, ways[1].status);
            assert_int_equal(ways[0].content_length, ways[1].content_length);
        }
    }
}

/* Each octet at each place of values of several lengths: the fast look and the slow one agree. */
static void test_value_facts(void **state)
{
    (void)state;
    struct span name = span_str("x");
    for (unsigned octet = 0; octet < 256; octet++) {
        unsigned wanted = octet == 0 || octet == '\r' || octet == '\n'       ? H2_VALUE_NUL_CR_LF
                          : (octet < 0x20 && octet != '\t') || octet == 0x7f ? H2_VALUE_CONTROL
                                                                             : 0;
        for (size_t len = 1; len < 20; len++) {
            for (size_t at = 0; at < len; at++) {
                uint8_t value[20];
                memset(value, 0xf0 >> (at % 2), sizeof value);
                value[at] = (uint8_t)octet;
                bool edge = (octet == ' ' || octet == '\t') && (at == 0 || at == len - 1);
                assert_int_equal(message_octet_facts(name, span_of(value, len)),
                                 wanted | (edge ? H2_VALUE_EDGE_SPACE : 0));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_empty_name),
        cmocka_unit_test(test_whitespace_option),
        cmocka_unit_test(test_extended_connect),
        cmocka_unit_test(test_push_requests),
        cmocka_unit_test(test_whole_messages),
        cmocka_unit_test(test_what_a_message_remembers),
        cmocka_unit_test(test_uncertain_fields),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_value_facts),
        cmocka_unit_test(test_ordinary_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
