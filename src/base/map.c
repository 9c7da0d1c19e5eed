#include "base/map.h"

#include <assert.h>

#define CAP_MIN 16

void map_init(struct map *map, struct mem *mem, uint64_t seed)
{
    *map = (struct map){ .mem = mem, .seed = seed };
}

void map_fini(struct map *map)
{
    if (map->slots != NULL) {
        mem_free(map->mem, map->slots);
    }
    *map = (struct map){ .mem = map->mem, .seed = map->seed };
}

/* Two rounds of multiply and xor-shift over key and seed; the seed is secret, the key 32 bits. */
static size_t home_of(const struct map *map, uint32_t key)
{
    uint64_t x = (map->seed ^ key) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 32) ^ map->seed) * UINT64_C(0xd6e8feb86659fd93);
    return (size_t)(x ^ (x >> 32)) & (map->cap - 1);
}

/* The slot of the key, or the free slot where it would go. */
static struct map_slot *slot_of(const struct map *map, uint32_t key)
{
    size_t at = home_of(map, key);
    while (map->slots[at].value != NULL && map->slots[at].key != key) {
        at = (at + 1) & (map->cap - 1);
    }
    return &map->slots[at];
}

void *map_get(const struct map *map, uint32_t key)
{
    return map->count == 0 ? NULL : slot_of(map, key)->value;
}

static bool grow(struct map *map)
{
    struct map bigger = *map;
    bigger.cap = map->cap == 0 ? CAP_MIN : map->cap * 2;
    bigger.slots = mem_zalloc(map->mem, bigger.cap, sizeof *bigger.slots);
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < map->cap; i++) {
        if (map->slots[i].value != NULL) {
            *slot_of(&bigger, map->slots[i].key) = map->slots[i];
        }
    }
    mem_free(map->mem, map->slots);
    *map = bigger;
    return true;
}

bool map_put(struct map *map, uint32_t key, void *value)
{
    assert(value != NULL);
    if (map->count + 1 > map->cap - map->cap / 4 && !grow(map)) {
        return false;
    }
    struct map_slot *slot = slot_of(map, key);
    map->count += slot->value == NULL;
    *slot = (struct map_slot){ key, value };
    return true;
}

void *map_remove(struct map *map, uint32_t key)
{
    if (map->count == 0) {
        return NULL;
    }
    struct map_slot *slot = slot_of(map, key);
    void *value = slot->value;
    if (value == NULL) {
        return NULL;
    }
    slot->value = NULL;
    map->count--;
    /* Close the hole: pull back each follower of the run that could not be found past it. */
    size_t hole = (size_t)(slot - map->slots);
    for (size_t at = (hole + 1) & (map->cap - 1); map->slots[at].value != NULL;
         at = (at + 1) & (map->cap - 1)) {
        size_t home = home_of(map, map->slots[at].key);
        if (((at - home) & (map->cap - 1)) >= ((at - hole) & (map->cap - 1))) {
            map->slots[hole] = map->slots[at];
            map->slots[at].value = NULL;
            hole = at;
        }
    }
    return value;
}

void *map_next(const struct map *map, size_t *at)
{
    while (*at < map->cap) {
        void *value = map->slots[(*at)++].value;
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}
