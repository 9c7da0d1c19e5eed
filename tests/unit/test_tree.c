/* The tree of pieces against a plain array of what must be in it. */
#include "testing.h"

#include <stdlib.h>

#include "net/tree.h"

enum { PIECES = 400 };

/* Order, disjointness and balance of a subtree; returns its height. */
static unsigned check(const struct piece *piece, uint64_t low, uint64_t high, size_t *count)
{
    if (piece == NULL) {
        return 0;
    }
    assert_true(piece->start >= low && piece->end <= high && piece->start < piece->end);
    unsigned below = check(piece->child[0], low, piece->start, count);
    unsigned above = check(piece->child[1], piece->end, high, count);
    assert_true(below <= above + 1 && above <= below + 1);
    assert_int_equal(piece->height, (below > above ? below : above) + 1);
    ++*count;
    return piece->height;
}

static void tree_agrees_with_an_array(void **state)
{
    (void)state;
    static struct piece pieces[PIECES];
    bool in[PIECES] = { false };
    struct tree tree = { NULL, 0 };
    uint32_t random = 1;
    for (uint64_t i = 0; i < PIECES; i++) {
        pieces[i].start = 10 * i;
        pieces[i].end = 10 * i + 1 + i % 10;
    }
    for (unsigned step = 0; step < 20000; step++) {
        random = random * 1664525u + 1013904223u;
        size_t at = (random >> 8) % PIECES;
        /* grows, then shrinks, then grows */
        bool add = (random >> 28) < (step / 4000 % 2 == 0 ? 12 : 4);
        if (add && !in[at]) {
            tree_insert(&tree, &pieces[at]);
        } else if (!add && in[at]) {
            tree_remove(&tree, &pieces[at]);
        }
        in[at] = add;
        size_t count = 0;
        (void)check(tree.root, 0, UINT64_MAX, &count);
        assert_int_equal(count, tree.count);
        size_t first = 0, from = (random >> 4) % PIECES;
        uint64_t off = 10 * from + step % 10;
        while (first < PIECES && !in[first]) {
            first++;
        }
        assert_ptr_equal(tree_first(&tree), first < PIECES ? &pieces[first] : NULL);
        while (from < PIECES && (!in[from] || pieces[from].end <= off)) {
            from++;
        }
        assert_ptr_equal(tree_find(&tree, off), from < PIECES ? &pieces[from] : NULL);
    }
    tree_shift(&tree, 5);
    size_t count = 0;
    (void)check(tree.root, 5, UINT64_MAX, &count);
    for (size_t i = 0; i < PIECES; i++) {
        assert_int_equal(pieces[i].start, 10 * i + (in[i] ? 5 : 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(tree_agrees_with_an_array) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
