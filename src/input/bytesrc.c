#include "input/bytesrc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One read, and the room behind the octets that are carried over from the block before. */
#define BLOCK_LEN ((size_t)256 << 10)

/* Room for what is carried over, beyond what must be there, so that usual packets never make it
 * grow. */
#define CARRY_LEN ((size_t)64 << 10)

static const char out_of_memory[] = "out of memory";

static size_t fail(struct bytesrc *src, enum rc rc, const char *why)
{
    src->status = rc;
    (void)snprintf(src->why, sizeof src->why, "%s", why);
    return 0;
}

enum rc bytesrc_open(struct bytesrc *src, struct mem *mem, const char *path, const char *name,
                     struct err *err)
{
    struct stat stat;
    *src = (struct bytesrc){ .mem = mem, .memory = span_empty() };
    src->pos = src->end = src->memory.ptr;
    if (strcmp(path, "-") == 0) {
        src->fd = STDIN_FILENO;
    } else {
        src->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        src->own_fd = true;
        if (src->fd < 0) {
            return err_set(err, RC_IO, "%.256s: cannot be opened: %s", name, strerror(errno));
        }
    }
    if (fstat(src->fd, &stat) != 0) {
        enum rc rc = err_set(err, RC_IO, "%.256s: cannot be read: %s", name, strerror(errno));
        bytesrc_close(src);
        return rc;
    }
    if (S_ISDIR(stat.st_mode)) {
        bytesrc_close(src);
        return err_set(err, RC_IO, "%.256s: is a directory; give the files in it", name);
    }
    src->may_wait = !S_ISREG(stat.st_mode);
    return RC_OK;
}

void bytesrc_open_memory(struct bytesrc *src, struct mem *mem, struct span octets)
{
    *src = (struct bytesrc){ .mem = mem, .fd = -1, .memory = span_empty() };
    src->pos = octets.ptr;
    src->end = octets.ptr + octets.len;
    src->end_off = octets.len;
    src->compressed_off = octets.len;
}

void bytesrc_close(struct bytesrc *src)
{
    for (unsigned i = 0; i < src->layer_count; i++) {
        unpack_free(src->layers[i].unpacker);
        mem_free(src->mem, src->layers[i].block);
    }
    src->layer_count = 0;
    mem_free(src->mem, src->block);
    src->block = NULL;
    if (src->own_fd && src->fd >= 0) {
        (void)close(src->fd);
    }
    src->fd = -1;
}

/* ---- the ground: descriptor or memory ---- */

/* A read that would block is announced, so that what was decoded so far can be shown. */
static void announce_wait(struct bytesrc *src)
{
    struct pollfd ready = { .fd = src->fd, .events = POLLIN };
    if (src->may_wait && src->before_wait != NULL && poll(&ready, 1, 0) == 0) {
        src->before_wait(src->ctx);
    }
}

static size_t read_descriptor(struct bytesrc *src, uint8_t *out, size_t room)
{
    announce_wait(src);
    for (;;) {
        ssize_t got = read(src->fd, out, room);
        if (got > 0) {
            src->compressed_off += (uint64_t)got;
            return (size_t)got;
        }
        if (got == 0) {
            src->status = RC_END;
            return 0;
        }
        if (errno == EAGAIN) {
            /* somebody made our standard input non-blocking */
            struct pollfd ready = { .fd = src->fd, .events = POLLIN };
            (void)poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return fail(src, RC_IO, strerror(errno));
        }
    }
}

static size_t read_memory(struct bytesrc *src, uint8_t *out, size_t room)
{
    struct cur cur = cur_of(src->memory);
    struct span part = cur_take(&cur, num_min_size(room, src->memory.len));
    src->memory = cur_rest(&cur);
    if (part.len == 0) {
        src->status = RC_END;
        return 0;
    }
    memcpy(out, part.ptr, part.len);
    return part.len;
}

/* ---- layers of compression ---- */

static size_t read_level(struct bytesrc *src, unsigned level, uint8_t *out, size_t room);

/* More packed octets for that layer; false when the level below has ended. */
static bool feed_layer(struct bytesrc *src, unsigned level)
{
    struct bytesrc_layer *layer = &src->layers[level - 1];
    if (layer->cap < BLOCK_LEN) {
        uint8_t *block = mem_realloc(src->mem, layer->block, BLOCK_LEN);
        if (block == NULL) {
            (void)fail(src, RC_NOMEM, out_of_memory);
            return false;
        }
        layer->block = block;
        layer->cap = BLOCK_LEN;
    }
    size_t got = read_level(src, level - 1, layer->block, BLOCK_LEN);
    layer->in = (struct span){ layer->block, got };
    return got > 0;
}

static size_t read_layer(struct bytesrc *src, unsigned level, uint8_t *out, size_t room)
{
    struct bytesrc_layer *layer = &src->layers[level - 1];
    char why[sizeof src->why];
    for (;;) {
        long got = unpack_some(layer->unpacker, &layer->in, out, room, why);
        if (got < 0) {
            return fail(src, (enum rc)got, got == RC_NOMEM ? out_of_memory : why);
        }
        if (got > 0) {
            return (size_t)got;
        }
        if (!feed_layer(src, level)) {
            break;
        }
    }
    if (src->status == RC_END && !unpack_may_end(layer->unpacker)) {
        return fail(src, RC_DAMAGED, "the compressed data is cut short");
    }
    return 0;
}

static size_t read_level(struct bytesrc *src, unsigned level, uint8_t *out, size_t room)
{
    if (level > 0) {
        return read_layer(src, level, out, room);
    }
    return src->fd >= 0 ? read_descriptor(src, out, room) : read_memory(src, out, room);
}

/* What stands in the window becomes the unpacker's first input, and the window starts empty. */
enum rc bytesrc_unpack(struct bytesrc *src, enum packing packing)
{
    if (src->layer_count == BYTESRC_LAYERS_MAX) {
        return RC_FORMAT;
    }
    struct unpacker *unpacker = unpack_new(src->mem, packing);
    if (unpacker == NULL) {
        return RC_NOMEM;
    }
    struct bytesrc_layer *layer = &src->layers[src->layer_count++];
    *layer = (struct bytesrc_layer){ .unpacker = unpacker, .in = span_empty() };
    if (src->block == NULL) {
        src->memory = span_of(src->pos, bytesrc_here(src));
    } else {
        layer->in = span_of(src->pos, bytesrc_here(src));
        layer->block = src->block;
        layer->cap = src->cap;
        src->block = NULL;
        src->cap = 0;
    }
    src->pos = src->end = span_empty().ptr;
    src->end_off = 0;
    if (src->status == RC_END) {
        src->status = RC_OK; /* the compressed octets are all there, what they hold is not */
    }
    return RC_OK;
}

/* ---- the window ---- */

/* Room for n octets in all, and a block behind what is carried over. */
static bool make_room(struct bytesrc *src, size_t n)
{
    size_t here = bytesrc_here(src);
    if (src->cap < n + BLOCK_LEN) {
        size_t cap = n + BLOCK_LEN + CARRY_LEN;
        uint8_t *block = mem_alloc(src->mem, cap);
        if (block == NULL) {
            (void)fail(src, RC_NOMEM, out_of_memory);
            return false;
        }
        memcpy(block, src->pos, here);
        mem_free(src->mem, src->block);
        src->block = block;
        src->cap = cap;
    } else if (here > 0) {
        memmove(src->block, src->pos, here);
    }
    src->pos = src->block;
    src->end = src->block + here;
    return true;
}

void bytesrc_fill(struct bytesrc *src, size_t n)
{
    if (src->status == RC_OK && src->fd < 0 && src->layer_count == 0) {
        src->status = RC_END; /* the window has been all of the memory from the start */
    }
    if (src->status != RC_OK || !make_room(src, n)) {
        return;
    }
    while (bytesrc_here(src) < n && src->status == RC_OK) {
        size_t here = bytesrc_here(src);
        size_t got = read_level(src, src->layer_count, src->block + here,
                                num_min_size(src->cap - here, BLOCK_LEN));
        src->end += got;
        src->end_off += got;
    }
}

uint64_t bytesrc_skip(struct bytesrc *src, uint64_t n)
{
    uint64_t left = n;
    while (left > 0) {
        size_t here = bytesrc_need(src, 1).len;
        size_t part = left < here ? (size_t)left : here;
        if (part == 0) {
            break;
        }
        bytesrc_take(src, part);
        left -= part;
    }
    return n - left;
}
