/* Writes the seed corpora of fuzz_session and fuzz_conn: streams of the differential test's
 * generator, with the octets in front that choose role and profile. scripts/fuzz-corpus runs it.
 *
 *   make_corpus session|conn FOLDER */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoder.h"
#include "generate.h"

static void write_file(const char *folder, unsigned number, const struct octets *o)
{
    char path[512];
    snprintf(path, sizeof path, "%s/seed-%02u", folder, number);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(o->ptr, 1, o->len, f) != o->len || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* A stream of that role with at least so many octets, at most 1200. */
static uint64_t find(struct script *script, enum h2_role role, uint64_t seed, size_t least)
{
    for (;; seed++) {
        generate(script, seed);
        if (script->role == role && script->octets.len >= least && script->octets.len <= 1200 &&
            script->options.check_preface) {
            return seed + 1;
        }
        script_free(script);
    }
}

static uint64_t make_session(struct octets *o, unsigned number, uint64_t seed)
{
    struct script script;
    enum h2_role role = number % 2 == 0 ? H2_ROLE_SERVER : H2_ROLE_CLIENT;
    seed = find(&script, role, seed, 100);
    octets_u8(o, (role == H2_ROLE_CLIENT ? 1 : 0) | (number % 3 == 0 ? 2 : 0));
    octets_u8(o, number);
    octets_u8(o, 3);
    octets_put(o, script.octets.ptr, script.octets.len);
    script_free(&script);
    return seed;
}

/* Runs of octets of the two directions in turn: a length octet before each. */
static uint64_t make_conn(struct octets *o, unsigned number, uint64_t seed)
{
    struct script side[2];
    size_t at[2] = { 0, 0 };
    seed = find(&side[0], H2_ROLE_SERVER, seed, 100);
    seed = find(&side[1], H2_ROLE_CLIENT, seed, 100);
    octets_u8(o, 0);
    for (unsigned turn = 0; at[0] < side[0].octets.len || at[1] < side[1].octets.len; turn ^= 1) {
        size_t left = side[turn].octets.len - at[turn], n = 20 + number;
        n = n < left ? n : left;
        octets_u8(o, (unsigned)n);
        octets_put(o, side[turn].octets.ptr + at[turn], n);
        at[turn] += n;
    }
    script_free(&side[0]);
    script_free(&side[1]);
    return seed;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: make_corpus session|conn FOLDER\n");
        return 2;
    }
    bool session = strcmp(argv[1], "session") == 0;
    uint64_t seed = 1000;
    encoder_prepare();
    for (unsigned i = 0; i < (session ? 24 : 8); i++) {
        struct octets o = { 0 };
        seed = session ? make_session(&o, i, seed) : make_conn(&o, i, seed);
        write_file(argv[2], i, &o);
        free(o.ptr);
    }
    return 0;
}
