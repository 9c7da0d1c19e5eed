/* A hash map from a 32-bit number to a pointer, open addressing, keyed so that nobody can choose
 * numbers that collide. It owns its slots, never the pointers. For stream ids. */
#ifndef H2DUMP_BASE_MAP_H
#define H2DUMP_BASE_MAP_H

#include <stdbool.h>

#include "base/mem.h"

struct map_slot {
    uint32_t key;
    void *value; /* NULL: free */
};

struct map {
    struct mem *mem;
    struct map_slot *slots; /* NULL until the first insertion */
    size_t cap;             /* a power of two, or 0 */
    size_t count;
    uint64_t seed;
};

/* An empty map; allocates nothing yet. The seed decides the order of slots, never what is found. */
void map_init(struct map *map, struct mem *mem, uint64_t seed);

/* Gives the slots back; the values are the caller's. Zeroed memory is fine. */
void map_fini(struct map *map);

/* The value, or NULL. */
void *map_get(const struct map *map, uint32_t key);

/* Adds or replaces; value is not NULL. False when memory is out (then nothing has changed). */
bool map_put(struct map *map, uint32_t key, void *value) H2D_MUST_CHECK;

/* Takes the key out and returns its value, or NULL. */
void *map_remove(struct map *map, uint32_t key);

/* Walks all values: start with *at = 0; NULL at the end. The map must not change meanwhile. */
void *map_next(const struct map *map, size_t *at);

#endif
