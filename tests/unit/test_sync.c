/* Finding frame boundaries: joins at every octet of true streams, and filler in which there is no
 * boundary to be found. */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "detect/sync.h"
#include "h2/frames.h"
#include "spec/limits.h"

#define STREAM_MAX (4u << 20)
#define FRAMES_MAX 8192

/* A stream of frames and where each begins. */
struct made {
    uint8_t *octets;
    size_t len;
    size_t starts[FRAMES_MAX];
    size_t count;
};

static uint32_t state_of_random;

static uint32_t next_random(void)
{
    state_of_random = state_of_random * 1664525u + 1013904223u;
    return state_of_random >> 8;
}

static void made_begin(struct made *m)
{
    memset(m, 0, sizeof(*m));
    m->octets = test_malloc(STREAM_MAX);
}

static void frame(struct made *m, unsigned type, unsigned flags, uint32_t stream_id,
                  const void *payload, size_t len)
{
    uint8_t head[9] = { (uint8_t)(len >> 16),
                        (uint8_t)(len >> 8),
                        (uint8_t)len,
                        (uint8_t)type,
                        (uint8_t)flags,
                        (uint8_t)(stream_id >> 24),
                        (uint8_t)(stream_id >> 16),
                        (uint8_t)(stream_id >> 8),
                        (uint8_t)stream_id };
    assert_true(m->len + 9 + len <= STREAM_MAX && m->count < FRAMES_MAX);
    m->starts[m->count++] = m->len;
    memcpy(m->octets + m->len, head, 9);
    memcpy(m->octets + m->len + 9, payload, len);
    m->len += 9 + len;
}

/* Requests as a client sends them: HEADERS, now and then WINDOW_UPDATE and PING. */
static void make_requests(struct made *m, unsigned requests)
{
    static const uint8_t block[] = { 0x82, 0x86, 0x84, 0x41, 0x03, 'a',  '.', 'b',
                                     0x40, 0x03, 'x',  '-',  'i',  0x02, '4', '2' };
    made_begin(m);
    for (unsigned i = 0; i < requests; i++) {
        frame(m, H2_HEADERS, 0x05, 2 * i + 1, block, sizeof(block));
        if (i % 3 == 1) {
            frame(m, H2_WINDOW_UPDATE, 0, 0, "\0\0\x10\0", 4);
        }
        if (i % 7 == 2) {
            frame(m, H2_PING, 0, 0, "abcdefgh", 8);
        }
    }
}

/* Downloads: DATA of random octets on a few streams. */
static void make_download(struct made *m, unsigned frames, unsigned streams)
{
    static uint8_t payload[16384];
    made_begin(m);
    for (unsigned i = 0; i < frames; i++) {
        size_t len = i % 5 == 4 ? 1024 : 8192;
        for (size_t at = 0; at < len; at++) {
            payload[at] = (uint8_t)next_random();
        }
        frame(m, H2_DATA, 0, 1 + 2 * (i % streams), payload, len);
    }
}

static bool is_start(const struct made *m, size_t off)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->starts[i] == off) {
            return true;
        }
    }
    return false;
}

/* How the octets of a search come. */
struct way {
    size_t chunk;    /* octets a call */
    bool segments;   /* each call begins a segment */
    bool helped;     /* the other direction is in step: what is likely is true */
    uint32_t offset; /* of the first octet, as the caller counts */
};

/* Searches from octet `from` on. Returns the absolute offset of the boundary, or SIZE_MAX. */
static size_t search_so(const struct made *m, size_t from, const struct way *way)
{
    struct mem mem;
    mem_init(&mem, 0);
    struct sync_options options = { .start_off = way->offset, .octets_max = LIMIT_SYNC_OCTETS };
    struct sync *sync = sync_new(&mem, &options);
    assert_non_null(sync);
    enum sync_status status = sync_help(sync, way->helped);
    size_t base = from; /* the window begins here */
    size_t at = from;
    while (at < m->len && (status == SYNC_SEARCHING || (status == SYNC_LIKELY && !way->helped))) {
        at += m->len - at < way->chunk ? m->len - at : way->chunk;
        status = sync_look(sync, span_of(m->octets + base, at - base), way->offset + (base - from),
                           way->segments);
        if (at - base >= 2 * LIMIT_SYNC_REPLAY_OCTETS) {
            base = at - (size_t)LIMIT_SYNC_REPLAY_OCTETS;
        }
    }
    if (way->helped) {
        status = sync_confirm(sync);
    }
    if (status == SYNC_SEARCHING || status == SYNC_LIKELY) {
        status = sync_end(sync, span_of(m->octets + base, at - base), way->offset + (base - from));
    }
    size_t found = SIZE_MAX;
    if (status == SYNC_FOUND) {
        found = from + (size_t)(sync_boundary(sync) - way->offset);
        assert_true(found >= base && found <= at);
    } else {
        assert_int_equal(status, SYNC_GAVE_UP);
    }
    assert_int_equal(sync_looked(sync), at - from);
    sync_free(sync);
    assert_int_equal(mem.used, 0);
    return found;
}

static size_t search(const struct made *m, size_t from, size_t chunk, bool segments)
{
    struct way way = { .chunk = chunk, .segments = segments };
    return search_so(m, from, &way);
}

static void test_requests(void **state)
{
    struct made m;
    (void)state;
    make_requests(&m, 60);
    for (size_t from = 0; from < m.len / 2; from++) {
        size_t found = search(&m, from, 37, false);
        assert_true(found != SIZE_MAX && is_start(&m, found));
        assert_true(found - from <= 60);
        if (is_start(&m, from) && m.octets[from + 3] != H2_PING) {
            assert_int_equal(found, from); /* a PING that begins no segment proves too little */
        }
    }
    assert_int_equal(search(&m, 0, 1, false), 0);
    assert_int_equal(search(&m, 3, m.len, false), search(&m, 3, 1, false));
    test_free(m.octets);
}

static void test_download(void **state)
{
    struct made m;
    (void)state;
    state_of_random = 1;
    make_download(&m, 60, 10);
    for (unsigned i = 0; i < 100; i++) {
        size_t from = next_random() % (m.len / 2);
        size_t found = search(&m, from, 1400, false);
        assert_true(found != SIZE_MAX && is_start(&m, found));
    }
    test_free(m.octets);
}

/* A client that only sends WINDOW_UPDATE: accepted where a segment begins, nowhere else. */
static void test_window_updates(void **state)
{
    struct made m;
    (void)state;
    made_begin(&m);
    for (unsigned i = 0; i < 20; i++) {
        frame(&m, H2_WINDOW_UPDATE, 0, i % 2, "\0\0\x40\0", 4);
    }
    assert_int_equal(search(&m, 0, 26, true), 0);
    assert_int_equal(search(&m, 5, 8, true), 13);
    assert_int_equal(search(&m, 5, 1000, true), SIZE_MAX);
    assert_int_equal(search(&m, 0, 26, false), SIZE_MAX);
    test_free(m.octets);
}

/* Two frames are enough where they begin a segment and nothing else follows. */
static void test_short_tail(void **state)
{
    struct made m;
    (void)state;
    made_begin(&m);
    frame(&m, H2_HEADERS, 0x04, 1, "\x82\x86\x84", 3);
    frame(&m, H2_DATA, 0x01, 1, "hello", 5);
    assert_int_equal(search(&m, 0, 100, true), 0);
    assert_int_equal(search(&m, 0, 100, false), SIZE_MAX);
    m.len -= 3; /* the end of the capture cuts the last frame */
    assert_int_equal(search(&m, 0, 100, true), 0);
    m.len -= 5;
    assert_int_equal(search(&m, 0, 100, true), 0);
    assert_int_equal(search(&m, 1, 100, true), SIZE_MAX);
    test_free(m.octets);
}

/* A frame that breaks a rule, by its header or by its payload, behind frames that are beyond doubt
 * does not unmake them; behind few it does. */
static void test_rules_broken_behind(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 2; how++) {
        for (unsigned requests = 2; requests < 9; requests++) {
            struct made m;
            make_requests(&m, requests);
            if (how == 0) {
                frame(&m, H2_GOAWAY, 0, 1, "\0\0\0\0\0\0\0\0", 8); /* on a stream */
            } else {
                frame(&m, H2_WINDOW_UPDATE, 0, 0, "\0\0\0\0", 4); /* of nothing */
            }
            size_t found = search(&m, 0, 1000, true);
            assert_int_equal(found, requests >= 4 ? 0 : SIZE_MAX);
            test_free(m.octets);
        }
    }
}

static void test_continuation_is_no_start(void **state)
{
    struct made m;
    (void)state;
    made_begin(&m);
    for (unsigned i = 0; i < 6; i++) {
        frame(&m, H2_HEADERS, 0x01, 2 * i + 1, "\x82\x86", 2);
        frame(&m, H2_CONTINUATION, 0x04, 2 * i + 1, "\x84", 1);
        frame(&m, H2_HEADERS, 0x05, 2 * i + 21, "\x82\x86\x84", 3);
    }
    assert_int_equal(search(&m, 0, 11, false), 0);
    assert_int_equal(search(&m, 5, 11, false), m.starts[2]);
    test_free(m.octets);
}

/* Octets in which no frame begins: whatever is accepted is wrong. */
static void test_filler(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 5; kind++) {
        struct made m;
        made_begin(&m);
        m.len = 1200000;
        for (size_t i = 0; i < m.len; i++) {
            uint32_t r = next_random();
            m.octets[i] = (uint8_t)(kind == 0   ? r
                                    : kind == 1 ? 0
                                    : kind == 2 ? (r % 8 == 0 ? r >> 12 & 7 : 0)
                                    : kind == 3 ? (i % 4 == 3   ? i / 4
                                                   : i % 4 == 2 ? i / 1024
                                                                : 0)
                                                : (i % 2 == 0 ? i / 2 : i / 512));
        }
        assert_int_equal(search(&m, 0, 1460, false), SIZE_MAX);
        for (size_t from = 0; from < 100000; from += 331) { /* segments that end soon */
            struct made part = m;
            part.len = from + 3 * 331;
            assert_int_equal(search(&part, from, 331, true), SIZE_MAX);
        }
        test_free(m.octets);
    }
}

static void test_gives_up_at_the_limit(void **state)
{
    struct mem mem;
    static uint8_t zeros[1 << 19];
    (void)state;
    mem_init(&mem, 0);
    struct sync_options options = { .octets_max = LIMIT_SYNC_OCTETS };
    struct sync *sync = sync_new(&mem, &options);
    uint64_t end = sizeof(zeros);
    while (sync_look(sync, span_of(zeros, sizeof(zeros)), end - sizeof(zeros), true) ==
           SYNC_SEARCHING) {
        end += 65536;
        assert_true(end <= LIMIT_SYNC_OCTETS + 65536);
    }
    assert_true(end > LIMIT_SYNC_OCTETS - 65536);
    assert_true(mem.peak < 1u << 20);
    sync_free(sync);
    assert_int_equal(mem.used, 0);
}

static void test_memory(void **state)
{
    struct made m;
    (void)state;
    make_requests(&m, 60);
    for (uint64_t k = 1; k < 12; k++) {
        struct mem mem;
        mem_init(&mem, 0);
        mem.fail_at = k;
        struct sync_options options = { .octets_max = LIMIT_SYNC_OCTETS };
        struct sync *sync = sync_new(&mem, &options);
        assert_true(sync != NULL || k <= 3);
        if (sync != NULL) { /* with no room for more chains it finds what it can */
            assert_int_equal(sync_look(sync, span_of(m.octets, m.len), 0, true), SYNC_FOUND);
            assert_int_equal(sync_boundary(sync), 0);
        }
        sync_free(sync);
        assert_int_equal(mem.used, 0);
    }
    test_free(m.octets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_download),
        cmocka_unit_test(test_window_updates),
        cmocka_unit_test(test_short_tail),
        cmocka_unit_test(test_rules_broken_behind),
        cmocka_unit_test(test_continuation_is_no_start),
        cmocka_unit_test(test_filler),
        cmocka_unit_test(test_gives_up_at_the_limit),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
