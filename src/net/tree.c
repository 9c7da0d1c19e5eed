#include "net/tree.h"

/* An AVL tree of 2^64 pieces is not deeper than 93; of those that a limit admits, never 32. */
#define DEPTH_MAX 93

static unsigned height(const struct piece *piece)
{
    return piece != NULL ? piece->height : 0;
}

static void set_height(struct piece *piece)
{
    unsigned below = height(piece->child[0]);
    unsigned above = height(piece->child[1]);
    piece->height = (uint8_t)((below > above ? below : above) + 1);
}

/* Lifts the child on that side into its parent's place. */
static struct piece *rotate(struct piece *top, int side)
{
    struct piece *child = top->child[side];
    top->child[side] = child->child[!side];
    child->child[!side] = top;
    set_height(top);
    set_height(child);
    return child;
}

static struct piece *balance(struct piece *top)
{
    for (int side = 0; side < 2; side++) {
        struct piece *heavy = top->child[side];
        if (height(heavy) > height(top->child[!side]) + 1) {
            if (height(heavy->child[!side]) > height(heavy->child[side])) {
                top->child[side] = rotate(heavy, !side);
            }
            return rotate(top, side);
        }
    }
    set_height(top);
    return top;
}

/* Balances along the way back up. */
static void balance_path(struct piece **path[], size_t depth)
{
    while (depth > 0) {
        struct piece **link = path[--depth];
        if (*link != NULL) {
            *link = balance(*link);
        }
    }
}

void tree_insert(struct tree *tree, struct piece *piece)
{
    struct piece **path[DEPTH_MAX];
    struct piece **link = &tree->root;
    size_t depth = 0;
    while (*link != NULL) {
        assert(depth < DEPTH_MAX);
        path[depth++] = link;
        link = &(*link)->child[piece->start > (*link)->start];
    }
    piece->child[0] = piece->child[1] = NULL;
    piece->height = 1;
    *link = piece;
    tree->count++;
    balance_path(path, depth);
}

void tree_remove(struct tree *tree, const struct piece *piece)
{
    struct piece **path[DEPTH_MAX];
    struct piece **link = &tree->root;
    size_t depth = 0;
    while (*link != piece) {
        assert(*link != NULL && depth < DEPTH_MAX);
        path[depth++] = link;
        link = &(*link)->child[piece->start > (*link)->start];
    }
    struct piece *gone = *link;
    if (gone->child[0] == NULL || gone->child[1] == NULL) {
        *link = gone->child[gone->child[0] == NULL];
    } else {
        /* The next one in order takes its place. */
        size_t place = depth;
        struct piece **next = &gone->child[1];
        path[depth++] = link;
        while ((*next)->child[0] != NULL) {
            assert(depth < DEPTH_MAX);
            path[depth++] = next;
            next = &(*next)->child[0];
        }
        struct piece *heir = *next;
        *next = heir->child[1];
        heir->child[0] = gone->child[0];
        heir->child[1] = gone->child[1];
        *link = heir;
        if (depth > place + 1) {
            path[place + 1] = &heir->child[1]; /* it was the link of the piece that is gone */
        }
    }
    tree->count--;
    balance_path(path, depth);
}

struct piece *tree_find(const struct tree *tree, uint64_t off)
{
    struct piece *found = NULL;
    struct piece *piece = tree->root;
    while (piece != NULL) {
        if (piece->end > off) {
            found = piece;
            piece = piece->child[0];
        } else {
            piece = piece->child[1];
        }
    }
    return found;
}

void tree_shift(struct tree *tree, uint64_t by)
{
    struct piece *todo[DEPTH_MAX + 1];
    size_t count = 0;
    if (tree->root != NULL) {
        todo[count++] = tree->root;
    }
    while (count > 0) {
        struct piece *piece = todo[--count];
        piece->start += by;
        piece->end += by;
        for (int side = 0; side < 2; side++) {
            if (piece->child[side] != NULL) {
                assert(count <= DEPTH_MAX);
                todo[count++] = piece->child[side];
            }
        }
    }
}
