/* Acceptance items about the receive callback, which the case files cannot say: 1 to 7 and 42. */
#include "testing.h"

#include <string.h>

#include "base/mem.h"
#include "h2/session.h"

/* What the receive callback gives, call by call, and what was told. */
struct script {
    const char *octets[4]; /* NULL: result instead */
    size_t len[4];
    ssize_t result[4];
    unsigned calls;
    size_t length_seen;
    int flags_seen;
    unsigned begun, received, fields;
    int field_result;
};

#define PREFACE  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define PING                                                                                       \
    "\0\0\10\6\0\0\0\0\0"                                                                          \
    "abcdefgh"
/* HEADERS on stream 1, END_STREAM and END_HEADERS: GET https a / */
#define REQUEST                                                                                    \
    "\0\0\6\1\5\0\0\0\1"                                                                           \
    "\x82\x87\x84\x41\1a"

static ssize_t give(struct h2_session *session, uint8_t *buf, size_t length, int flags, void *user)
{
    struct script *script = user;
    unsigned i = script->calls++;
    script->length_seen = length;
    script->flags_seen = flags;
    if (i >= 4 || script->octets[i] == NULL) {
        return i < 4 ? script->result[i] : H2_RECV_WOULDBLOCK;
    }
    memcpy(buf, script->octets[i], script->len[i]);
    return (ssize_t)script->len[i];
}

static int on_begin(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    ((struct script *)user)->begun++;
    return 0;
}

static int on_recv(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    ((struct script *)user)->received++;
    return 0;
}

static int on_header(struct h2_session *session, const struct h2_frame *frame,
                     const struct h2_header *header, void *user)
{
    struct script *script = user;
    script->fields++;
    return script->field_result;
}

/* A session in server role whose client has said the preface and SETTINGS. */
static struct h2_session *make(struct mem *mem, struct script *script)
{
    const struct h2_events events = { .on_begin_frame = on_begin,
                                      .on_frame_recv = on_recv,
                                      .on_header = on_header };
    struct h2_options options;
    h2_options_init(&options);
    options.profile = H2_PROFILE_ENDPOINT;
    mem_init(mem, 0);
    struct h2_session *session = h2_session_new(mem, H2_ROLE_SERVER, &events, &options, script);
    assert_non_null(session);
    h2_session_set_recv_callback(session, give);
    assert_int_equal(33, h2_session_mem_recv(session, (const uint8_t *)PREFACE SETTINGS, 33));
    script->begun = script->received = 0;
    return session;
}

static void done(struct mem *mem, struct h2_session *session)
{
    h2_session_free(session);
    assert_int_equal(0, mem->used);
}

/* The callback's first answer and what h2_session_recv makes of it. */
static void answer(ssize_t result, int expected)
{
    struct mem mem;
    struct script script = { .result = { result } };
    struct h2_session *session = make(&mem, &script);
    assert_int_equal(expected, h2_session_recv(session));
    assert_int_equal(1, script.calls);
    assert_int_equal(0, script.begun);
    done(&mem, session);
}

static void item_1_zero_is_would_block(void **state)
{
    answer(0, 0);
}

static void item_2_would_block(void **state)
{
    answer(H2_RECV_WOULDBLOCK, 0);
}

static void item_3_end(void **state)
{
    answer(H2_RECV_EOF, H2_ERR_EOF);
}

static void item_4_end_inside_a_frame(void **state)
{
    struct mem mem;
    struct script script = { .octets = { PING }, .len = { 12 }, .result = { 0, H2_RECV_EOF } };
    struct h2_session *session = make(&mem, &script);
    assert_int_equal(H2_ERR_EOF, h2_session_recv(session));
    assert_int_equal(1, script.begun);
    assert_int_equal(0, script.received);
    done(&mem, session);
}

static void item_5_other_negative_values(void **state)
{
    answer(-1, H2_ERR_CALLBACK_FAILURE);
    answer(-902, H2_ERR_CALLBACK_FAILURE);
}

static void item_6_more_than_was_offered(void **state)
{
    answer(16385, H2_ERR_CALLBACK_FAILURE);
}

static void item_7_ping_then_would_block(void **state)
{
    struct mem mem;
    struct script script = { .octets = { PING },
                             .len = { 17 },
                             .result = { 0, H2_RECV_WOULDBLOCK } };
    struct h2_session *session = make(&mem, &script);
    assert_int_equal(0, h2_session_recv(session));
    assert_int_equal(2, script.calls);
    assert_int_equal(16384, script.length_seen);
    assert_int_equal(0, script.flags_seen);
    assert_int_equal(1, script.begun);
    assert_int_equal(1, script.received);
    done(&mem, session);
}

/* nghttp2 does not allow PAUSE here; a session keeps what is left and takes it up again. */
static void item_42_pause_loses_nothing(void **state)
{
    struct mem mem;
    struct script script = { .octets = { REQUEST PING },
                             .len = { 15 + 17 },
                             .field_result = H2_CB_PAUSE };
    struct h2_session *session = make(&mem, &script);
    for (unsigned i = 1; i <= 4; i++) {
        assert_int_equal(0, h2_session_recv(session));
        assert_int_equal(i, script.fields);
        assert_int_equal(0, script.received);
    }
    assert_int_equal(0, h2_session_recv(session));
    assert_int_equal(2, script.received);
    assert_int_equal(2, script.begun);
    done(&mem, session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(item_1_zero_is_would_block),
        cmocka_unit_test(item_2_would_block),
        cmocka_unit_test(item_3_end),
        cmocka_unit_test(item_4_end_inside_a_frame),
        cmocka_unit_test(item_5_other_negative_values),
        cmocka_unit_test(item_6_more_than_was_offered),
        cmocka_unit_test(item_7_ping_then_would_block),
        cmocka_unit_test(item_42_pause_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
