/* Octets in which no frame begins, as capture-layer 4.4 was measured with: random, zeros, sparse
 * small integers, counters, messages like gRPC's, and programs. Made from a seed. */
#ifndef H2DUMP_TESTS_FILLER_H
#define H2DUMP_TESTS_FILLER_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum filler_kind {
    FILLER_RANDOM,
    FILLER_ZEROS,
    FILLER_SPARSE8,  /* one octet in eight is a small number */
    FILLER_SPARSE32, /* 32-bit big-endian numbers, most of them small */
    FILLER_COUNT16,
    FILLER_COUNT16_LE,
    FILLER_COUNT32,
    FILLER_COUNT32_LE,
    FILLER_GRPC,    /* length-prefixed messages of tags, small numbers and text */
    FILLER_PROGRAM, /* this program's own octets */
    FILLER_LIBRARY, /* those of the C library */
    FILLER_KINDS,
};

static inline const char *filler_name(enum filler_kind kind)
{
    static const char *const names[] = { "random",         "zeros",
                                         "sparse octets",  "sparse ints",
                                         "16-bit counter", "16-bit counter, little",
                                         "32-bit counter", "32-bit counter, little",
                                         "gRPC-like",      "program",
                                         "library" };
    return names[kind];
}

static inline uint32_t filler_next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* The path of the C library of this process; false: not known. */
static inline bool filler_library(char *path, size_t size)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1024];
    bool found = false;
    while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL) {
        char *name = strchr(line, '/');
        found = name != NULL && strstr(name, "libc.so") != NULL;
        if (found) {
            name[strcspn(name, "\n")] = '\0';
            (void)snprintf(path, size, "%s", name);
        }
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    return found;
}

/* A file's octets, over and over; false when there is none. */
static inline bool filler_file(const char *path, uint8_t *octets, size_t len)
{
    FILE *file = fopen(path, "rb");
    size_t have = file != NULL ? fread(octets, 1, len, file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    for (size_t i = have; have > 0 && i < len; i++) {
        octets[i] = octets[i - have];
    }
    return have > 0;
}

static inline void filler_grpc(uint8_t *octets, size_t len, uint64_t *seed)
{
    size_t left = 0; /* of the message under way */
    for (size_t i = 0; i < len; i++) {
        if (left == 0 && len - i > 5) {
            left = 4 + filler_next(seed) % 300;
            octets[i++] = 0;
            octets[i++] = 0;
            octets[i++] = 0;
            octets[i++] = (uint8_t)(left >> 8);
            octets[i] = (uint8_t)left;
            continue;
        }
        left -= left > 0;
        uint32_t r = filler_next(seed);
        octets[i] = (uint8_t)(r % 8 < 3   ? r >> 8 & 0x1f
                              : r % 8 < 6 ? 'a' + (r >> 8) % 26
                                          : r >> 16);
    }
}

/* Fills; false when a file of that kind is not there. seed: moves on. */
static inline bool filler_make(enum filler_kind kind, uint8_t *octets, size_t len, uint64_t *seed)
{
    char path[1024];
    switch (kind) {
    case FILLER_GRPC:
        filler_grpc(octets, len, seed);
        return true;
    case FILLER_PROGRAM:
        return filler_file("/proc/self/exe", octets, len);
    case FILLER_LIBRARY:
        return filler_library(path, sizeof(path)) && filler_file(path, octets, len);
    default:
        break;
    }
    for (size_t i = 0; i < len; i++) {
        uint32_t r = filler_next(seed);
        uint32_t n16 = (uint32_t)(i / 2), n32 = (uint32_t)(i / 4);
        octets[i] = (uint8_t)(kind == FILLER_RANDOM       ? r
                              : kind == FILLER_ZEROS      ? 0
                              : kind == FILLER_SPARSE8    ? (r % 8 == 0 ? r >> 12 & 15 : 0)
                              : kind == FILLER_SPARSE32   ? (i % 4 == 3   ? r >> 12 & 63
                                                             : i % 4 == 2 ? (r % 16 == 0 ? r >> 8 : 0)
                                                                          : 0)
                              : kind == FILLER_COUNT16    ? n16 >> (i % 2 == 0 ? 8 : 0)
                              : kind == FILLER_COUNT16_LE ? n16 >> (i % 2 == 0 ? 0 : 8)
                              : kind == FILLER_COUNT32    ? n32 >> (24 - 8 * (i % 4))
                                                          : n32 >> (8 * (i % 4)));
    }
    return true;
}

#endif
