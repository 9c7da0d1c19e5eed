/* All allocation of the program. A struct mem is a budget: it counts what is held, refuses what
 * would pass the maximum, and can be told to fail its k-th call, which is how the tests walk every
 * path of "out of memory". It is not shared between threads. Every function here takes the mem that
 * the pointer came from. */
#ifndef H2DUMP_BASE_MEM_H
#define H2DUMP_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct mem {
    size_t used;      /* octets held now, our own bookkeeping included */
    size_t peak;      /* the most that was ever held */
    size_t max;       /* the budget; 0: none */
    uint64_t calls;   /* allocations asked for so far */
    uint64_t fail_at; /* the call with this number (from 1) and all later ones fail; 0: none */
};

/* max in octets; 0: no budget. Owns nothing: there is no mem_fini, but mem.used is 0 when nobody
 * leaks. */
void mem_init(struct mem *mem, size_t max);

/* size octets, uninitialised, aligned for anything; NULL when the budget or the machine has no
 * more. size may be 0. */
void *mem_alloc(struct mem *mem, size_t size) H2D_MUST_CHECK;

/* As mem_alloc, count * size octets, all zero; also NULL when the product does not fit. */
void *mem_zalloc(struct mem *mem, size_t count, size_t size) H2D_MUST_CHECK;

/* The block, moved if need be, size octets large; NULL (and the old block still valid) on failure.
 * ptr may be NULL. */
void *mem_realloc(struct mem *mem, void *ptr, size_t size) H2D_MUST_CHECK;

/* Gives a block back; NULL is fine. */
void mem_free(struct mem *mem, void *ptr);

#endif
