/* Pieces of a direction that came before their turn, in a balanced (AVL) tree by offset. Pieces
 * never overlap. The tree owns nothing: whoever puts a piece in takes it out. */
#ifndef H2DUMP_NET_TREE_H
#define H2DUMP_NET_TREE_H

#include "base/stream.h"

struct piece {
    struct piece *child[2]; /* below, above */
    uint64_t start, end;    /* offsets in the direction's stream */
    uint64_t ack;           /* what its sender had of the other direction then */
    struct pos pos;         /* the packet that it came in */
    uint8_t height;
    bool hole;      /* cut off at capture time: no data */
    uint8_t data[]; /* end - start octets */
};

struct tree {
    struct piece *root;
    size_t count;
};

/* Puts a piece in; none there may overlap it. */
void tree_insert(struct tree *tree, struct piece *piece);

/* Takes a piece out that is in. */
void tree_remove(struct tree *tree, const struct piece *piece);

/* The first piece that ends behind the offset (so: holds it, or is the next); NULL: none. */
struct piece *tree_find(const struct tree *tree, uint64_t off);

/* Adds to all offsets, which keeps their order. */
void tree_shift(struct tree *tree, uint64_t by);

/* The first piece of all, NULL when there is none. */
static inline struct piece *tree_first(const struct tree *tree)
{
    struct piece *piece = tree->root;
    while (piece != NULL && piece->child[0] != NULL) {
        piece = piece->child[0];
    }
    return piece;
}

#endif
