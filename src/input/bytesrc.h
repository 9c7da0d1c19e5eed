/* Octets of a file, a pipe or memory, with a look ahead and compression taken off. One window of
 * contiguous octets; whoever reads asks for n of them, looks, and takes. Owns the descriptor, the
 * window and the unpackers. Knows no capture format. */
#ifndef H2DUMP_INPUT_BYTESRC_H
#define H2DUMP_INPUT_BYTESRC_H

#include "base/cursor.h"
#include "base/err.h"
#include "base/mem.h"
#include "input/unpack.h"

/* Something packed inside something packed is still read; a third layer is not (capture-layer 1.3).
 */
#define BYTESRC_LAYERS_MAX 2

/* One layer of compression: what it makes octets of comes from the layer below. */
struct bytesrc_layer {
    struct unpacker *unpacker;
    struct span in; /* of what came from below, what it has not taken yet */
    uint8_t *block; /* where that lies, `cap` octets; NULL: `in` is borrowed */
    size_t cap;
};

struct bytesrc {
    const uint8_t *pos, *end; /* the window: here, and not taken yet */
    uint64_t end_off;         /* offset of its end in the (uncompressed) input */
    struct mem *mem;
    uint8_t *block; /* where the window lies; NULL: in the caller's memory */
    size_t cap;
    int fd;             /* -1: memory */
    bool own_fd;        /* to be closed by us */
    bool may_wait;      /* not a plain file: a read may block */
    struct span memory; /* what of the caller's memory was not read yet */
    struct bytesrc_layer layers[BYTESRC_LAYERS_MAX];
    unsigned layer_count;
    uint64_t compressed_off; /* octets read from the descriptor or memory */
    void (*before_wait)(void *ctx);
    void *ctx;
    enum rc status; /* RC_OK: more may come; else why nothing more comes */
    char why[160];  /* for the negative ones */
};

/* Opens path ("-": standard input), which messages call name. On an error nothing needs closing. */
enum rc bytesrc_open(struct bytesrc *src, struct mem *mem, const char *path, const char *name,
                     struct err *err) H2D_MUST_CHECK;

/* The same on borrowed octets. */
void bytesrc_open_memory(struct bytesrc *src, struct mem *mem, struct span octets);

void bytesrc_close(struct bytesrc *src);

/* What stands in the window and follows is packed that way. Nothing of the window may have been
 * taken. RC_NOMEM, or RC_FORMAT when that is once too often. */
enum rc bytesrc_unpack(struct bytesrc *src, enum packing packing) H2D_MUST_CHECK;

/* Fills the window to at least n octets; see bytesrc_need. */
void bytesrc_fill(struct bytesrc *src, size_t n);

static inline size_t bytesrc_here(const struct bytesrc *src)
{
    return (size_t)(src->end - src->pos);
}

/* The window, with at least n octets unless the input ends before (then src->status says how).
 * Waits only when there are fewer than n. Valid until the next need, skip or fill. */
static inline struct span bytesrc_need(struct bytesrc *src, size_t n)
{
    if (H2D_UNLIKELY(bytesrc_here(src) < n)) {
        bytesrc_fill(src, n);
    }
    return span_of(src->pos, bytesrc_here(src));
}

/* Takes n octets of the window (no more than it has). */
static inline void bytesrc_take(struct bytesrc *src, size_t n)
{
    assert(n <= bytesrc_here(src));
    src->pos += n;
}

/* Passes n octets over without holding them; returns how many there were. */
uint64_t bytesrc_skip(struct bytesrc *src, uint64_t n);

/* Offset of the window's first octet. */
static inline uint64_t bytesrc_offset(const struct bytesrc *src)
{
    return src->end_off - bytesrc_here(src);
}

#endif
