/* SipHash-1-3, a keyed hash for tables whose keys come from the wire (flow keys): without the key
 * nobody can choose colliding ones. */
#ifndef H2DUMP_BASE_SIPHASH_H
#define H2DUMP_BASE_SIPHASH_H

#include "base/cursor.h"

struct siphash_key {
    uint64_t k0, k1;
};

/* 64 well-mixed bits of the octets under the key. */
uint64_t siphash_13(const struct siphash_key *key, struct span octets);

/* A key from the system's random source, or, when deterministic, always the same one (tests,
 * --deterministic). */
struct siphash_key siphash_key_make(bool deterministic);

#endif
