/* Two sessions of one connection: what each learns of the other, in whatever order their octets
 * come. */
#include "testing.h"

#include <string.h>

#include "h2/conn.h"

static const uint8_t c2s[] = {
    'P',  'R',  'I', ' ', '*',  ' ',  'H',  'T',  'T', 'P',  '/',  '2',  '.',  '0',  '\r', '\n',
    '\r', '\n', 'S', 'M', '\r', '\n', '\r', '\n',    /* preface */
    0,    0,    0,   4,   0,    0,    0,    0,    0, /* SETTINGS */
    0,    0,    0,   4,   1,    0,    0,    0,    0, /* SETTINGS ACK */
    0,    0,    6,   1,   5,    0,    0,    0,    1,   0x82, 0x84, 0x87, 0x41, 0x01, 'a', /* GET /
                                                                                             on
                                                                                             stream
                                                                                             1 */
    0,    0,    8,   6,   1,    0,    0,    0,    0,   1,    2,    3,    4,    5,    6,    7,
    8,                                                                      /* PING ACK */
    0,    0,    4,   8,   0,    0,    0,    0,    2,   0,    0,    0,    9, /* WINDOW_UPDATE on the
                                                                               push */
};

static const uint8_t s2c[] = {
    0,    0,    6, 4, 0, 0, 0, 0, 0, 0,    3,   0,   0, 0,    100, /* SETTINGS */
    0,    0,    0, 4, 1, 0, 0, 0, 0,                               /* SETTINGS ACK */
    0,    0,    8, 6, 0, 0, 0, 0, 0, 1,    2,   3,   4, 5,    6,
    7,    8, /* PING */
    0,    0,    8, 5, 4, 0, 0, 0, 1, 0,    0,   0,   2, 0x82, 0x84,
    0x87, 0xbe,                                      /* PUSH_PROMISE, :authority? */
    0,    0,    1, 1, 4, 0, 0, 0, 1, 0x88,           /* 200 */
    0,    0,    3, 0, 1, 0, 0, 0, 1, 'a',  'b', 'c', /* DATA, END_STREAM */
};

struct told {
    unsigned frames[2], findings, closes;
    uint32_t closed[4];
    enum check last;
};

static int on_frame(struct h2_session *session, const struct h2_frame *frame, void *user)
{
    (void)frame;
    ((struct told *)user)->frames[h2_session_dir(session)]++;
    return 0;
}

static int on_close(struct h2_session *session, uint32_t stream_id, uint32_t code, void *user)
{
    struct told *told = user;
    (void)session;
    assert_int_equal(code, H2_NO_ERROR);
    told->closed[told->closes++ % 4] = stream_id;
    return 0;
}

static void on_finding(struct h2_session *session, const struct finding *finding, void *user)
{
    if (finding->surplus) {
        return;
    }
    struct told *told = user;
    (void)session;
    if (finding->check != CHECK_CAPTURE_HPACK_STATE) {
        told->findings++;
        told->last = finding->check;
    }
}

static const struct h2_events events = {
    .on_frame_recv = on_frame,
    .on_stream_close = on_close,
    .on_finding = on_finding,
};

static struct h2_connection *connection_of(struct mem *mem, struct told *told)
{
    struct h2_options options;
    mem_init(mem, 0);
    h2_options_init(&options);
    struct h2_connection *connection = h2_connection_new(mem, &events, &options, told);
    assert_non_null(connection);
    return connection;
}

static void give(struct h2_connection *connection, enum dir dir, const uint8_t *octets, size_t len)
{
    struct h2_session *session = h2_connection_session(connection, dir);
    assert_int_equal(h2_session_mem_recv(session, octets, len), len);
}

static void end(struct h2_connection *connection, struct mem *mem)
{
    static const enum close_cause fin[2] = { CLOSE_FIN, CLOSE_FIN };
    h2_connection_end(connection, fin);
    h2_connection_free(connection);
    assert_int_equal(mem->used, 0);
}

/* The index 62 of the promise is the server's own table, which is empty: that, and only that, is
 * wrong, whichever side is read first, and however finely they are woven together. */
static void order_of_the_directions_does_not_matter(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < sizeof c2s + sizeof s2c; piece++) {
        for (int first = 0; first < 2; first++) {
            struct mem mem;
            struct told told = { .last = CHECK_COUNT };
            struct h2_connection *connection = connection_of(&mem, &told);
            size_t at[2] = { 0, 0 }, len[2] = { sizeof c2s, sizeof s2c };
            for (int dir = first; at[0] < len[0] || at[1] < len[1]; dir = !dir) {
                size_t n = len[dir] - at[dir] < piece ? len[dir] - at[dir] : piece;
                give(connection, (enum dir)dir, (dir == DIR_C2S ? c2s : s2c) + at[dir], n);
                at[dir] += n;
            }
            end(connection, &mem);
            assert_int_equal(told.frames[DIR_C2S], 5);
            assert_int_equal(told.frames[DIR_S2C], 5);
            assert_int_equal(told.closes, 1);
            assert_int_equal(told.closed[0], 1);
            assert_int_equal(told.findings, 1);
            assert_int_equal(told.last, CHECK_HPACK_INDEX_OUT_OF_RANGE);
        }
    }
}

static void facts_of_a_missing_side_are_not_held_against_the_other(void **state)
{
    (void)state;
    struct mem mem;
    struct told told = { .last = CHECK_COUNT };
    struct h2_connection *connection = connection_of(&mem, &told);
    h2_connection_one_direction(connection);
    give(connection, DIR_C2S, c2s, sizeof c2s);
    end(connection, &mem);
    assert_int_equal(told.findings, 0);
}

/* Both sides are there and neither explains it: the client updates a stream nobody promised. */
static void what_nothing_explains_is_reported_at_the_end(void **state)
{
    (void)state;
    struct mem mem;
    struct told told = { .last = CHECK_COUNT };
    struct h2_connection *connection = connection_of(&mem, &told);
    give(connection, DIR_C2S, c2s, sizeof c2s);
    give(connection, DIR_S2C, s2c, 15 + 9 + 17);
    assert_int_equal(told.findings, 0);
    end(connection, &mem);
    assert_int_equal(told.findings, 1);
    assert_int_equal(told.last, CHECK_STREAM_IDLE_FRAME);
}

static void memory_runs_out_anywhere(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 60; k++) {
        struct mem mem;
        struct told told = { .last = CHECK_COUNT };
        struct h2_options options;
        mem_init(&mem, 0);
        mem.fail_at = k;
        h2_options_init(&options);
        struct h2_connection *connection = h2_connection_new(&mem, &events, &options, &told);
        if (connection != NULL) {
            (void)!h2_session_mem_recv(h2_connection_session(connection, DIR_C2S), c2s, sizeof c2s);
            (void)!h2_session_mem_recv(h2_connection_session(connection, DIR_S2C), s2c, sizeof s2c);
        }
        h2_connection_free(connection);
        assert_int_equal(mem.used, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_the_directions_does_not_matter),
        cmocka_unit_test(facts_of_a_missing_side_are_not_held_against_the_other),
        cmocka_unit_test(what_nothing_explains_is_reported_at_the_end),
        cmocka_unit_test(memory_runs_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
