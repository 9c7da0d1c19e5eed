/* A growable run of octets with a maximum that must be stated. Owner: whoever holds the struct.
 * Zeroed memory is an unusable but finishable buffer. */
#ifndef H2DUMP_BASE_BUF_H
#define H2DUMP_BASE_BUF_H

#include <stdbool.h>

#include "base/cursor.h"
#include "base/mem.h"

struct buf {
    struct mem *mem;
    uint8_t *ptr; /* NULL until the first octet */
    size_t len;
    size_t cap;
    size_t max; /* octets; more than this is refused */
};

/* An empty buffer that will never hold more than max octets; allocates nothing yet. */
void buf_init(struct buf *buf, struct mem *mem, size_t max);

/* Gives the memory back; the buffer is as after buf_init. */
void buf_fini(struct buf *buf);

/* Room for n octets more behind len; false (nothing changed) when that passes max or memory is out.
 */
bool buf_reserve(struct buf *buf, size_t n) H2D_MUST_CHECK;

/* Appends; false (nothing changed) when that passes max or memory is out. */
bool buf_append(struct buf *buf, struct span octets) H2D_MUST_CHECK;

/* Removes the first n octets (n <= len), moving the rest to the front. */
void buf_drop_front(struct buf *buf, size_t n);

static inline void buf_clear(struct buf *buf)
{
    buf->len = 0;
}

/* What it holds, valid until the next call that changes it. */
static inline struct span buf_span(const struct buf *buf)
{
    return buf->ptr != NULL ? span_of(buf->ptr, buf->len) : span_empty();
}

#endif
