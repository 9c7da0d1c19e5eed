#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

/* Each block is led by its size, so that mem_free can give it back to the budget; 16 octets keep
 * the alignment. */
#define LEAD_LEN 16

void mem_init(struct mem *mem, size_t max)
{
    *mem = (struct mem){ .max = max };
}

static size_t block_len(const void *block)
{
    size_t len;
    memcpy(&len, block, sizeof len);
    return len;
}

/* Whether the budget allows `grow` octets more; counts the call. */
static int may_grow(struct mem *mem, size_t grow)
{
    mem->calls++;
    if (mem->fail_at != 0 && mem->calls >= mem->fail_at) {
        return 0;
    }
    return mem->max == 0 || (mem->used <= mem->max && grow <= mem->max - mem->used);
}

static void *resize(struct mem *mem, void *old, size_t size)
{
    size_t len;
    size_t old_len = old != NULL ? block_len(old) : 0;
    if (!num_add_size(size, LEAD_LEN, &len) || !may_grow(mem, len > old_len ? len - old_len : 0)) {
        return NULL;
    }
    uint8_t *block = realloc(old, len);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &len, sizeof len);
    mem->used = mem->used - old_len + len;
    if (mem->used > mem->peak) {
        mem->peak = mem->used;
    }
    return block + LEAD_LEN;
}

void *mem_alloc(struct mem *mem, size_t size)
{
    return resize(mem, NULL, size);
}

void *mem_zalloc(struct mem *mem, size_t count, size_t size)
{
    size_t len;
    if (!num_mul_size(count, size, &len)) {
        return NULL;
    }
    void *ptr = resize(mem, NULL, len);
    return ptr != NULL ? memset(ptr, 0, len) : NULL;
}

void *mem_realloc(struct mem *mem, void *ptr, size_t size)
{
    return resize(mem, ptr != NULL ? (uint8_t *)ptr - LEAD_LEN : NULL, size);
}

void mem_free(struct mem *mem, void *ptr)
{
    if (ptr == NULL) {
        return;
    }
    void *block = (uint8_t *)ptr - LEAD_LEN;
    assert(mem->used >= block_len(block));
    mem->used -= block_len(block);
    free(block);
}
