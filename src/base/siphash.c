#include "base/siphash.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"

static H2D_ALWAYS_INLINE uint64_t rotl(uint64_t x, unsigned n)
{
    return (x << n) | (x >> (64 - n));
}

static uint64_t le64(const uint8_t *p)
{
    return ((uint64_t)num_le32(p + 4) << 32) | num_le32(p);
}

static H2D_ALWAYS_INLINE void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

uint64_t siphash_13(const struct siphash_key *key, struct span octets)
{
    uint64_t v[4] = { key->k0 ^ UINT64_C(0x736f6d6570736575),
                      key->k1 ^ UINT64_C(0x646f72616e646f6d),
                      key->k0 ^ UINT64_C(0x6c7967656e657261),
                      key->k1 ^ UINT64_C(0x7465646279746573) };
    size_t whole = octets.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word = le64(octets.ptr + i);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)octets.len << 56;
    for (size_t i = whole; i < octets.len; i++) {
        last |= (uint64_t)octets.ptr[i] << (8 * (i - whole));
    }
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct siphash_key siphash_key_make(bool deterministic)
{
    struct siphash_key key = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
    if (deterministic) {
        return key;
    }
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, &key, sizeof key) != (ssize_t)sizeof key) {
        /* No random source: a guessable key is better than none, and only speed under attack
         * depends on it. */
        key.k0 ^= (uint64_t)time(NULL) * UINT64_C(0x9e3779b97f4a7c15);
        key.k1 ^= (uint64_t)getpid();
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return key;
}
