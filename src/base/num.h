/* Checked arithmetic and octet-order loads. Everything that adds or multiplies two numbers from the
 * wire goes through here. Loads take a pointer to at least as many octets as they read; alignment
 * does not matter. */
#ifndef H2DUMP_BASE_NUM_H
#define H2DUMP_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* *sum = a + b; false (and *sum undefined) when it does not fit. */
static inline bool num_add_size(size_t a, size_t b, size_t *sum)
{
    *sum = a + b;
    return *sum >= a;
}

/* *product = a * b; false when it does not fit. */
static inline bool num_mul_size(size_t a, size_t b, size_t *product)
{
    if (a != 0 && b > SIZE_MAX / a) {
        return false;
    }
    *product = a * b;
    return true;
}

/* a + b, or UINT64_MAX when that does not fit: for totals that are only shown. */
static inline uint64_t num_add_sat_u64(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

static inline size_t num_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline uint16_t num_be16(const uint8_t *p)
{
    return (uint16_t)((p[0] << 8) | p[1]);
}

static inline uint32_t num_be24(const uint8_t *p)
{
    return ((uint32_t)p[0] << 16) | ((uint32_t)p[1] << 8) | p[2];
}

static inline uint32_t num_be32(const uint8_t *p)
{
    return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}

static inline uint64_t num_be64(const uint8_t *p)
{
    return ((uint64_t)num_be32(p) << 32) | num_be32(p + 4);
}

static inline uint16_t num_le16(const uint8_t *p)
{
    return (uint16_t)((p[1] << 8) | p[0]);
}

static inline uint32_t num_le32(const uint8_t *p)
{
    return ((uint32_t)p[3] << 24) | ((uint32_t)p[2] << 16) | ((uint32_t)p[1] << 8) | p[0];
}

#endif
