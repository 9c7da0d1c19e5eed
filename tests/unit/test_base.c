/* The ground floor: budgeted memory, buffers, maps, buckets, the keyed hash, the cursor. */
#include "testing.h"

#include <string.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/ratelim.h"
#include "base/siphash.h"

static void mem_counts_and_refuses(void **state)
{
    (void)state;
    struct mem mem;
    mem_init(&mem, 1000);
    void *a = mem_alloc(&mem, 400);
    assert_non_null(a);
    assert_true(mem.used >= 400);
    assert_null(mem_alloc(&mem, 700));
    void *b = mem_realloc(&mem, a, 800);
    assert_non_null(b);
    assert_null(mem_realloc(&mem, b, 1200));
    mem_free(&mem, b);
    assert_int_equal(mem.used, 0);
    assert_null(mem_zalloc(&mem, SIZE_MAX / 2, 4));
}

static void mem_fails_on_the_kth_call(void **state)
{
    (void)state;
    struct mem mem;
    mem_init(&mem, 0);
    mem.fail_at = 2;
    void *a = mem_alloc(&mem, 1);
    assert_non_null(a);
    assert_null(mem_alloc(&mem, 1));
    assert_null(mem_alloc(&mem, 1));
    mem_free(&mem, a);
    mem_free(&mem, NULL);
    assert_int_equal(mem.used, 0);
}

static void buf_keeps_to_its_maximum(void **state)
{
    (void)state;
    struct mem mem;
    struct buf buf;
    mem_init(&mem, 0);
    buf_init(&buf, &mem, 100);
    assert_int_equal(buf_span(&buf).len, 0);
    for (int i = 0; i < 10; i++) {
        assert_true(buf_append(&buf, span_str("0123456789")));
    }
    assert_false(buf_append(&buf, span_str("x")));
    assert_int_equal(buf.len, 100);
    buf_drop_front(&buf, 95);
    assert_true(span_equal(buf_span(&buf), span_str("56789")));
    buf_fini(&buf);
    assert_int_equal(mem.used, 0);
}

/* A map against a plain array, through growth and the closing of holes. */
static void map_agrees_with_an_array(void **state)
{
    (void)state;
    enum { KEYS = 512 };
    static int values[KEYS];
    bool in[KEYS] = { false };
    struct mem mem;
    struct map map;
    uint32_t random = 12345;
    size_t count = 0;
    mem_init(&mem, 0);
    map_init(&map, &mem, 42);
    for (int step = 0; step < 20000; step++) {
        random = random * 1664525u + 1013904223u;
        uint32_t key = (random >> 8) % KEYS;
        if (random >> 31) {
            assert_true(map_put(&map, key, &values[key]));
            count += !in[key];
            in[key] = true;
        } else {
            assert_ptr_equal(map_remove(&map, key), in[key] ? &values[key] : NULL);
            count -= in[key];
            in[key] = false;
        }
        assert_int_equal(map.count, count);
    }
    size_t walked = 0;
    for (size_t at = 0; map_next(&map, &at) != NULL;) {
        walked++;
    }
    assert_int_equal(walked, count);
    for (uint32_t key = 0; key < KEYS; key++) {
        assert_ptr_equal(map_get(&map, key), in[key] ? &values[key] : NULL);
    }
    map_fini(&map);
    assert_int_equal(mem.used, 0);
}

/* receive-engine item 237. */
static void ratelim_item_237(void **state)
{
    (void)state;
    struct ratelim lim;
    ratelim_init(&lim, 1000, 33, 50);
    assert_true(ratelim_drain(&lim, 1000));
    assert_false(ratelim_drain(&lim, 1));
    ratelim_update(&lim, 51);
    assert_int_equal(lim.tokens, 33);
    ratelim_update(&lim, UINT64_MAX);
    assert_int_equal(lim.tokens, 1000);
    assert_true(ratelim_drain(&lim, 1000));
    ratelim_update(&lim, 7);
    assert_int_equal(lim.tokens, 33);
    ratelim_update(&lim, 7);
    assert_int_equal(lim.tokens, 33);
}

/* The cursor gives zeros behind the end, turns bad, and stays so. */
static void cursor_is_sticky(void **state)
{
    (void)state;
    static const uint8_t octets[] = { 0x81, 2, 3, 4, 5 };
    struct cur c = cur_of(span_of(octets, sizeof octets));
    assert_int_equal(cur_u31(&c), 0x01020304);
    assert_false(cur_done(&c));
    assert_int_equal(cur_u16(&c), 0);
    assert_false(cur_ok(&c));
    assert_int_equal(cur_left(&c), 0);
    c = cur_of(span_empty());
    assert_true(cur_done(&c));
    assert_int_equal(cur_take(&c, 0).len, 0);
    assert_true(cur_done(&c));
}

/* SipHash-1-3 is a permutation of its reference; what matters here: key, length and every octet
 * count. */
static void siphash_depends_on_everything(void **state)
{
    (void)state;
    struct siphash_key key = siphash_key_make(true), other = { key.k0 ^ 1, key.k1 };
    uint8_t octets[40] = { 0 };
    uint64_t plain = siphash_13(&key, span_of(octets, sizeof octets));
    assert_true(plain == siphash_13(&key, span_of(octets, sizeof octets)));
    assert_true(plain != siphash_13(&other, span_of(octets, sizeof octets)));
    assert_true(plain != siphash_13(&key, span_of(octets, sizeof octets - 1)));
    for (size_t i = 0; i < sizeof octets; i++) {
        octets[i] = 1;
        assert_true(plain != siphash_13(&key, span_of(octets, sizeof octets)));
        octets[i] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mem_counts_and_refuses),
        cmocka_unit_test(mem_fails_on_the_kth_call),
        cmocka_unit_test(buf_keeps_to_its_maximum),
        cmocka_unit_test(map_agrees_with_an_array),
        cmocka_unit_test(ratelim_item_237),
        cmocka_unit_test(cursor_is_sticky),
        cmocka_unit_test(siphash_depends_on_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
