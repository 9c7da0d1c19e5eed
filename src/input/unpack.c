#include "input/unpack.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

/* The largest window a zstd frame may ask for: 128 MiB (capture-layer 1.3). */
#define ZSTD_WINDOW_LOG 27

struct unpacker {
    struct mem *mem;
    enum packing packing;
    bool between; /* a member has ended; another may follow */
    z_stream z;
#ifdef HAVE_ZSTD
    ZSTD_DCtx *zstd;
#endif
    char why[160]; /* not empty: it is damaged, and what came before that is out */
};

enum packing packing_of(struct span head)
{
    struct cur cur = cur_of(head);
    uint8_t first = cur_u8(&cur);
    uint32_t rest = cur_u24(&cur);
    if (span_equal((struct span){ head.ptr, num_min_size(head.len, 2) }, span_of("\x1f\x8b", 2))) {
        return PACKING_GZIP;
    }
    bool is_frame = first == 0x28 && rest == 0xb52ffd;
    bool is_skippable = (first & 0xf0) == 0x50 && rest == 0x2a4d18;
    return cur_ok(&cur) && (is_frame || is_skippable) ? PACKING_ZSTD : PACKING_NONE;
}

bool packing_is_known(enum packing packing)
{
    const char *version;
    return unpack_library(packing, &version) != NULL;
}

static long damaged(struct unpacker *unpacker, const char *why)
{
    (void)snprintf(unpacker->why, sizeof unpacker->why, "the compressed data is damaged (%.100s)",
                   why);
    return RC_DAMAGED;
}

/* ---- gzip ---- */

static voidpf z_alloc(voidpf opaque, uInt items, uInt len)
{
    return mem_zalloc(opaque, items, len);
}

static void z_free(voidpf opaque, voidpf ptr)
{
    mem_free(opaque, ptr);
}

static bool gzip_open(struct unpacker *unpacker)
{
    unpacker->z = (z_stream){ .zalloc = z_alloc, .zfree = z_free, .opaque = unpacker->mem };
    return inflateInit2(&unpacker->z, 15 + 16) == Z_OK;
}

/* Goes from the end of one member to the next; zeros between or behind them are filling. */
static void gzip_next_member(struct unpacker *unpacker)
{
    z_stream *z = &unpacker->z;
    while (z->avail_in > 0 && *z->next_in == 0) {
        z->next_in++;
        z->avail_in--;
    }
    if (z->avail_in > 0) {
        unpacker->between = false;
        (void)inflateReset(z);
    }
}

static long gzip_failed(struct unpacker *unpacker, int z_rc)
{
    if (z_rc == Z_MEM_ERROR) {
        return RC_NOMEM;
    }
    return damaged(unpacker, unpacker->z.msg != NULL ? unpacker->z.msg : "needs a dictionary");
}

/* zlib counts in unsigned int; blocks are far smaller. */
static long gzip_some(struct unpacker *unpacker, struct span *in, uint8_t *out, size_t room)
{
    z_stream *z = &unpacker->z;
    long failed = 0;
    memcpy(&z->next_in, &in->ptr, sizeof in->ptr); /* which is not const there */
    z->avail_in = (uInt)in->len;
    z->next_out = out;
    z->avail_out = (uInt)room;
    while (failed == 0 && z->avail_out == room && z->avail_in > 0) {
        if (unpacker->between) {
            gzip_next_member(unpacker);
            continue;
        }
        int z_rc = inflate(z, Z_NO_FLUSH);
        if (z_rc == Z_STREAM_END) {
            unpacker->between = true;
        } else if (z_rc != Z_OK && z_rc != Z_BUF_ERROR) {
            failed = gzip_failed(unpacker, z_rc);
        }
    }
    *in = (struct span){ z->next_in, z->avail_in };
    return z->avail_out < room ? (long)(room - z->avail_out) : failed;
}

/* ---- zstd ---- */

#ifdef HAVE_ZSTD
static bool zstd_open(struct unpacker *unpacker)
{
    unpacker->zstd = ZSTD_createDCtx();
    return unpacker->zstd != NULL &&
           ZSTD_isError(
               ZSTD_DCtx_setParameter(unpacker->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG)) == 0;
}

static long zstd_failed(struct unpacker *unpacker, size_t code)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
        return RC_NOMEM;
    case ZSTD_error_frameParameter_windowTooLarge:
        (void)snprintf(unpacker->why, sizeof unpacker->why,
                       "the compressed data needs a window of more than %d MiB; uncompress it first"
                       " (zstd -d --long=31)",
                       1 << (ZSTD_WINDOW_LOG - 20));
        return RC_DAMAGED;
    default:
        return damaged(unpacker, ZSTD_getErrorName(code));
    }
}

/* Skippable frames mean nothing; the library passes them over. */
static long zstd_some(struct unpacker *unpacker, struct span *in, uint8_t *out, size_t room)
{
    ZSTD_inBuffer from = { in->ptr, in->len, 0 };
    ZSTD_outBuffer to = { out, room, 0 };
    long failed = 0;
    /* Output may still wait in the library when all input is taken, so it is asked once more. */
    bool more = true;
    while (failed == 0 && to.pos == 0 && more) {
        size_t taken = from.pos;
        size_t code = ZSTD_decompressStream(unpacker->zstd, &to, &from);
        more = from.pos > taken;
        if (ZSTD_isError(code) != 0) {
            failed = zstd_failed(unpacker, code);
        } else if (more || to.pos > 0) {
            unpacker->between = code == 0;
        }
    }
    *in = (struct span){ in->ptr + from.pos, in->len - from.pos };
    return to.pos > 0 ? (long)to.pos : failed;
}
#else
static bool zstd_open(struct unpacker *unpacker)
{
    (void)unpacker;
    return false;
}

static long zstd_some(struct unpacker *unpacker, struct span *in, uint8_t *out, size_t room)
{
    (void)in, (void)out, (void)room;
    return damaged(unpacker, "zstd is not built in");
}
#endif

/* ---- the door ---- */

struct unpacker *unpack_new(struct mem *mem, enum packing packing)
{
    struct unpacker *unpacker = mem_zalloc(mem, 1, sizeof *unpacker);
    if (unpacker == NULL) {
        return NULL;
    }
    unpacker->mem = mem;
    unpacker->packing = packing;
    if (packing == PACKING_GZIP ? gzip_open(unpacker) : zstd_open(unpacker)) {
        return unpacker;
    }
    unpack_free(unpacker);
    return NULL;
}

void unpack_free(struct unpacker *unpacker)
{
    if (unpacker == NULL) {
        return;
    }
    if (unpacker->packing == PACKING_GZIP) {
        (void)inflateEnd(&unpacker->z);
    }
#ifdef HAVE_ZSTD
    (void)ZSTD_freeDCtx(unpacker->zstd);
#endif
    mem_free(unpacker->mem, unpacker);
}

long unpack_some(struct unpacker *unpacker, struct span *in, uint8_t *out, size_t room,
                 char why[160])
{
    long got = RC_DAMAGED;
    if (unpacker->why[0] == '\0') {
        got = unpacker->packing == PACKING_GZIP ? gzip_some(unpacker, in, out, room)
                                                : zstd_some(unpacker, in, out, room);
    }
    if (got == RC_DAMAGED) {
        (void)snprintf(why, sizeof unpacker->why, "%s", unpacker->why);
    }
    return got;
}

bool unpack_may_end(const struct unpacker *unpacker)
{
    return unpacker->between;
}

const char *unpack_library(enum packing packing, const char **version)
{
#ifdef HAVE_ZSTD
    if (packing == PACKING_ZSTD) {
        *version = ZSTD_versionString();
        return "zstd";
    }
#endif
    *version = zlibVersion();
    return packing == PACKING_GZIP ? "zlib" : NULL;
}
