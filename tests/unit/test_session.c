/* The engine's door: what the cases (tests/cases) cannot ask. Decoders of frames, settings lists,
 * the pull form's buffers, memory that runs out, and that a warm session asks for none. */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "h2/frames.h"
#include "h2/session.h"

#define REQUEST                                                                                    \
    0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x84, 0x87, 0x41, 0x01, 'a' /* GET https://a/ , stream 1 */

static const uint8_t client_start[] = { 'P', 'R', 'I',  ' ',  '*',  ' ',  'H',  'T',  'T',
                                        'P', '/', '2',  '.',  '0',  '\r', '\n', '\r', '\n',
                                        'S', 'M', '\r', '\n', '\r', '\n', 0,    0,    0,
                                        4,   0,   0,    0,    0,    0 };

/* What was told, counted. */
struct told {
    unsigned begin, end, recv, invalid, fields, closes, findings;
    size_t data;
    uint32_t last_code;
};

static int on_begin_frame(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    (void)session;
    (void)frame;
    ((struct told *)user)->begin++;
    return 0;
}

static int on_header(struct h2_session *session, const struct h2_frame *frame,
                     const struct h2_header *header, void *user)
{
    (void)session;
    (void)frame;
    assert_int_equal(header->name.ptr[header->name.len], 0);
    ((struct told *)user)->fields++;
    return 0;
}

static int on_data(struct h2_session *session, const struct h2_frame *frame, struct span data,
                   void *user)
{
    (void)session;
    (void)frame;
    ((struct told *)user)->data += data.len;
    return 0;
}

static int on_frame_recv(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    (void)session;
    (void)frame;
    ((struct told *)user)->recv++;
    return 0;
}

static int on_invalid(struct h2_session *session, const struct h2_frame *frame, int lib_error,
                      void *user)
{
    (void)session;
    (void)frame;
    (void)lib_error;
    ((struct told *)user)->invalid++;
    return 0;
}

static int on_close(struct h2_session *session, uint32_t stream_id, uint32_t code, void *user)
{
    (void)session;
    (void)stream_id;
    ((struct told *)user)->closes++;
    ((struct told *)user)->last_code = code;
    return 0;
}

static void on_finding(struct h2_session *session, const struct finding *finding, void *user)
{
    if (finding->surplus) {
        return;
    }
    (void)session;
    assert_non_null(finding->message);
    ((struct told *)user)->findings++;
}

static void on_end_frame(struct h2_session *session, const struct h2_frame *frame,
                         const struct h2_frame_cut *cut, void *user)
{
    (void)session;
    (void)frame;
    (void)cut;
    ((struct told *)user)->end++;
}

static const struct h2_events events = {
    .on_begin_frame = on_begin_frame,
    .on_header = on_header,
    .on_data_chunk_recv = on_data,
    .on_frame_recv = on_frame_recv,
    .on_invalid_frame_recv = on_invalid,
    .on_stream_close = on_close,
    .on_finding = on_finding,
    .on_end_frame = on_end_frame,
};

static struct h2_session *session_of(struct mem *mem, enum h2_profile profile, struct told *told)
{
    struct h2_options options;
    h2_options_init(&options);
    options.profile = profile;
    options.reset_burst = 100000;
    return h2_session_new(mem, H2_ROLE_SERVER, &events, &options, told);
}

static void give(struct h2_session *session, const uint8_t *octets, size_t len)
{
    assert_int_equal(h2_session_mem_recv(session, octets, len), len);
}

static void frame_header_keeps_what_the_type_defines(void **state)
{
    (void)state;
    static const uint8_t headers[9] = { 1, 2, 3, 1, 0xff, 0x80, 0, 0, 5 };
    struct h2_frame_hd hd = h2_frame_hd_decode(headers);
    assert_int_equal(hd.length, 0x010203);
    assert_int_equal(hd.flags, 0x2d);
    assert_int_equal(hd.raw_flags, 0xff);
    assert_true(hd.reserved);
    assert_int_equal(hd.stream_id, 5);
    static const uint8_t continuation[9] = { 0, 0, 0, 9, 0xff, 0, 0, 0, 5 };
    assert_int_equal(h2_frame_hd_decode(continuation).flags, 0xff);
    assert_string_equal(h2_frame_name(H2_PRIORITY_UPDATE), "PRIORITY_UPDATE");
    assert_null(h2_frame_name(0x0b));
    assert_string_equal(h2_flag_name(H2_SETTINGS, 0x1), "ACK");
    assert_null(h2_flag_name(H2_GOAWAY, 0x1));
}

static void origin_entries_are_walked_to_the_end(void **state)
{
    (void)state;
    static const uint8_t good[] = { 0, 1, 'a', 0, 0, 0, 2, 'b', 'c' };
    union h2_payload payload;
    struct cur c = cur_of(span_of(good, sizeof good));
    assert_true(h2_frame_row(H2_ORIGIN)->decode(&c, &payload));
    assert_int_equal(payload.origin.count, 2);
    c = cur_of(span_of(good, sizeof good - 1));
    assert_false(h2_frame_row(H2_ORIGIN)->decode(&c, &payload));
}

struct source {
    const uint8_t *octets;
    size_t len, at, piece;
};

static ssize_t lend(struct h2_session *session, const uint8_t **octets, void *user)
{
    (void)session;
    struct source *source = *(struct source **)user;
    if (source->at == source->len) {
        return H2_RECV_EOF;
    }
    size_t n = source->len - source->at < source->piece ? source->len - source->at : source->piece;
    *octets = source->octets + source->at;
    source->at += n;
    return (ssize_t)n;
}

static void lent_octets_need_no_buffer(void **state)
{
    (void)state;
    struct mem mem;
    mem_init(&mem, 0);
    struct source source = { client_start, sizeof client_start, 0, 7 }, *user = &source;
    struct h2_options options;
    static const struct h2_events none;
    h2_options_init(&options);
    struct h2_session *session = h2_session_new(&mem, H2_ROLE_SERVER, &none, &options, &user);
    assert_non_null(session);
    size_t before = mem.used;
    h2_session_set_lend_callback(session, lend);
    assert_int_equal(h2_session_recv(session), H2_ERR_EOF);
    assert_int_equal(h2_session_offset(session), sizeof client_start);
    assert_true(mem.used < before + 16384);
    h2_session_free(session);
    assert_int_equal(mem.used, 0);
}

/* A request and its end again and again: after the first ones no allocation. */
static void warm_session_allocates_nothing(void **state)
{
    (void)state;
    static const enum h2_profile profiles[] = { H2_PROFILE_OBSERVER, H2_PROFILE_ENDPOINT };
    for (size_t i = 0; i < H2D_COUNT_OF(profiles); i++) {
        struct mem mem;
        struct told told = { 0 };
        mem_init(&mem, 0);
        struct h2_session *session = session_of(&mem, profiles[i], &told);
        give(session, client_start, sizeof client_start);
        uint64_t calls = 0;
        for (uint32_t id = 1; id < 4000; id += 2) {
            uint8_t request[] = { REQUEST };
            uint8_t rst[] = { 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0, 8 };
            request[7] = rst[7] = (uint8_t)(id >> 8);
            request[8] = rst[8] = (uint8_t)id;
            give(session, request, sizeof request);
            give(session, rst, sizeof rst);
            calls = id < 2000 ? mem.calls : calls;
        }
        assert_int_equal(mem.calls, calls);
        assert_int_equal(told.closes, 2000);
        assert_int_equal(told.findings, 0);
        assert_int_equal(told.begin, told.end);
        h2_session_free(session);
        assert_int_equal(mem.used, 0);
    }
}

static void findings_of_one_check_are_capped(void **state)
{
    (void)state;
    struct mem mem;
    struct told told = { 0 };
    mem_init(&mem, 0);
    struct h2_session *session = session_of(&mem, H2_PROFILE_OBSERVER, &told);
    give(session, client_start, sizeof client_start);
    for (int i = 0; i < 100; i++) {
        static const uint8_t ping[] = { 0, 0, 7, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7 };
        give(session, ping, sizeof ping);
    }
    assert_int_equal(told.findings, 20 + 1); /* and the one that says so */
    assert_int_equal(told.invalid, 100);
    h2_session_free(session);
    assert_int_equal(mem.used, 0);
}

/* Streams whose slots collide, live all at once, are all found again. */
static void many_streams_stay_apart(void **state)
{
    (void)state;
    struct mem mem;
    struct told told = { 0 };
    mem_init(&mem, 0);
    struct h2_session *session = session_of(&mem, H2_PROFILE_OBSERVER, &told);
    give(session, client_start, sizeof client_start);
    static const uint32_t steps[] = { 2, 512, 1024 };
    uint32_t id = 1, count = 0;
    for (size_t s = 0; s < H2D_COUNT_OF(steps); s++) {
        for (int i = 0; i < 500; i++, id += steps[s], count++) {
            uint8_t request[] = { REQUEST };
            request[4] = 4; /* END_HEADERS only */
            request[3 + 2] = (uint8_t)(id >> 24);
            request[6] = (uint8_t)(id >> 16);
            request[7] = (uint8_t)(id >> 8);
            request[8] = (uint8_t)id;
            give(session, request, sizeof request);
        }
    }
    static const uint8_t goaway[] = { 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    give(session, goaway, sizeof goaway);
    assert_int_equal(told.closes, 0); /* it names the server's streams, of which there are none */
    assert_int_equal(h2_feed_goaway_sent(session, 0, 0), 0);
    assert_int_equal(told.closes, count);
    assert_int_equal(told.last_code, H2_REFUSED_STREAM);
    h2_session_free(session);
    assert_int_equal(mem.used, 0);
}

/* Every allocation of a session's life fails in turn: a fatal code or a NULL, and all is given
 * back. */
static void memory_runs_out_anywhere(void **state)
{
    (void)state;
    static const uint8_t talk[] = { REQUEST, 0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 1,   0,   0,
                                    0,       9, 0, 0, 3, 0, 1, 0, 0, 0, 1, 'a', 'b', 'c' };
    for (int profile = H2_PROFILE_OBSERVER; profile <= H2_PROFILE_ENDPOINT; profile++) {
        for (uint64_t k = 1; k < 40; k++) {
            struct mem mem;
            struct told told = { 0 };
            mem_init(&mem, 0);
            mem.fail_at = k;
            struct h2_session *session = session_of(&mem, (enum h2_profile)profile, &told);
            if (session != NULL) {
                ssize_t rv = h2_session_mem_recv(session, client_start, sizeof client_start);
                if (rv >= 0) {
                    rv = h2_session_mem_recv(session, talk, sizeof talk);
                }
                assert_true(rv == H2_ERR_NOMEM || rv == (ssize_t)sizeof talk);
                unsigned begun = told.begin;
                if (rv == H2_ERR_NOMEM) {
                    assert_int_equal(h2_session_mem_recv(session, talk, 1), H2_ERR_NOMEM);
                    assert_int_equal(told.begin, begun);
                }
            }
            h2_session_free(session);
            assert_int_equal(mem.used, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_header_keeps_what_the_type_defines),
        cmocka_unit_test(origin_entries_are_walked_to_the_end),
        cmocka_unit_test(lent_octets_need_no_buffer),
        cmocka_unit_test(warm_session_allocates_nothing),
        cmocka_unit_test(findings_of_one_check_are_capped),
        cmocka_unit_test(many_streams_stay_apart),
        cmocka_unit_test(memory_runs_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
