#include "base/buf.h"

#include <assert.h>
#include <string.h>

#define CAP_MIN 64

void buf_init(struct buf *buf, struct mem *mem, size_t max)
{
    *buf = (struct buf){ .mem = mem, .max = max };
}

void buf_fini(struct buf *buf)
{
    if (buf->ptr != NULL) {
        mem_free(buf->mem, buf->ptr);
    }
    *buf = (struct buf){ .mem = buf->mem, .max = buf->max };
}

bool buf_reserve(struct buf *buf, size_t n)
{
    size_t need;
    if (!num_add_size(buf->len, n, &need) || need > buf->max) {
        return false;
    }
    if (need <= buf->cap) {
        return true;
    }
    size_t cap = buf->cap < CAP_MIN ? CAP_MIN : buf->cap;
    while (cap < need) {
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    }
    cap = num_min_size(cap, buf->max);
    uint8_t *ptr = mem_realloc(buf->mem, buf->ptr, cap);
    if (ptr == NULL) {
        return false;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return true;
}

bool buf_append(struct buf *buf, struct span octets)
{
    if (!buf_reserve(buf, octets.len)) {
        return false;
    }
    if (octets.len > 0) {
        memcpy(buf->ptr + buf->len, octets.ptr, octets.len);
        buf->len += octets.len;
    }
    return true;
}

void buf_drop_front(struct buf *buf, size_t n)
{
    assert(n <= buf->len);
    if (n > 0) {
        memmove(buf->ptr, buf->ptr + n, buf->len - n);
        buf->len -= n;
    }
}
