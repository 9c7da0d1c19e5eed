#include "input/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

#define BUFFER_LEN ((size_t)128 << 10)

/* Blocks, and options of theirs. */
enum {
    BLOCK_INTERFACE = 1,
    BLOCK_SIMPLE = 3,
    BLOCK_STATISTICS = 5,
    BLOCK_ENHANCED = 6,
    BLOCK_SECRETS = 10,
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_FLAGS = 2,
    OPTION_DROPS = 4,
    OPTION_PROGRAM = 4, /* of a section */
    OPTION_INTERFACE_DROPS = 5,
    OPTION_SYSTEM_DROPS = 7,
    OPTION_RESOLUTION = 9,
};

#define BLOCK_SECTION 0x0a0d0d0aU
#define ORDER_MAGIC   0x1a2b3c4dU
#define SECRETS_TLS   0x544c534bU

#define FLAG_CHECKSUM_NOT_IN 0x200U

/* Interfaces that a file can have; those that anything can be read of are far fewer. */
#define INTERFACES_MAX 256

struct writer {
    struct mem *mem;
    int fd;
    bool own_fd, created;
    enum rc rc;
    int error; /* errno's */
    char name[260];
    uint16_t links[INTERFACES_MAX]; /* link type of each interface */
    size_t link_count;
    uint64_t packet_drops; /* told by packets that were written */
    size_t len;
    uint8_t buffer[BUFFER_LEN];
};

/* ---- octets ---- */

static void write_out(struct writer *writer, const uint8_t *octets, size_t len)
{
    while (len > 0 && writer->rc == RC_OK) {
        ssize_t put = write(writer->fd, octets, len);
        if (put > 0) {
            octets += put;
            len -= (size_t)put;
        } else if (put < 0 && errno != EINTR) {
            writer->rc = RC_IO;
            writer->error = errno;
        }
    }
}

void writer_flush(struct writer *writer)
{
    write_out(writer, writer->buffer, writer->len);
    writer->len = 0;
}

static void put(struct writer *writer, struct span octets)
{
    if (octets.len > BUFFER_LEN - writer->len) {
        writer_flush(writer);
    }
    if (octets.len > BUFFER_LEN) {
        write_out(writer, octets.ptr, octets.len);
    } else if (octets.len > 0) {
        memcpy(writer->buffer + writer->len, octets.ptr, octets.len);
        writer->len += octets.len;
    }
}

/* Numbers in the octet order that nearly every machine has. */
static void put_u32(struct writer *writer, uint32_t value)
{
    uint8_t octets[4];
    for (unsigned i = 0; i < 4; i++) {
        octets[i] = (uint8_t)(value >> 8 * i);
    }
    put(writer, span_of(octets, 4));
}

static void put_u64(struct writer *writer, uint64_t value)
{
    put_u32(writer, (uint32_t)value);
    put_u32(writer, (uint32_t)(value >> 32));
}

static void put_u16_pair(struct writer *writer, uint32_t first, uint32_t second)
{
    put_u32(writer, first | second << 16);
}

static uint32_t padded(size_t len)
{
    return (uint32_t)((len + 3) & ~(size_t)3);
}

static void put_padded(struct writer *writer, struct span octets)
{
    put(writer, octets);
    put(writer, span_of("\0\0\0", padded(octets.len) - octets.len));
}

static void put_option(struct writer *writer, uint32_t code, struct span value)
{
    put_u16_pair(writer, code, (uint32_t)value.len);
    put_padded(writer, value);
}

/* ---- blocks ---- */

static void put_section(struct writer *writer)
{
    static const char program[] = "h2dump " H2DUMP_VERSION;
    struct span name = span_str(program);
    uint32_t len = 28 + 4 + padded(name.len) + 4;
    put_u32(writer, BLOCK_SECTION);
    put_u32(writer, len);
    put_u32(writer, ORDER_MAGIC);
    put_u16_pair(writer, 1, 0);
    put_u32(writer, UINT32_MAX); /* the section's length is not known */
    put_u32(writer, UINT32_MAX);
    put_option(writer, OPTION_PROGRAM, name);
    put_u16_pair(writer, OPTION_END, 0);
    put_u32(writer, len);
}

static void put_interface(struct writer *writer, uint16_t link_type)
{
    const uint32_t len = 20 + 8 + 4;
    put_u32(writer, BLOCK_INTERFACE);
    put_u32(writer, len);
    put_u16_pair(writer, link_type, 0);
    put_u32(writer, 0); /* packets of any length */
    put_option(writer, OPTION_RESOLUTION, span_of("\x09", 1));
    put_u16_pair(writer, OPTION_END, 0);
    put_u32(writer, len);
}

/* The interface of that link type; it is described before its first packet. */
static size_t find_interface(struct writer *writer, uint16_t link_type)
{
    size_t i = 0;
    while (i < writer->link_count && writer->links[i] != link_type) {
        i++;
    }
    if (i == writer->link_count && i < INTERFACES_MAX) {
        writer->links[writer->link_count++] = link_type;
        put_interface(writer, link_type);
    }
    return i;
}

/* A comment, as long as an option can be. */
static struct span comment_of(const struct packet *packet, uint32_t i)
{
    struct span comment = packet->comments[i];
    comment.len = num_min_size(comment.len, UINT16_MAX);
    return comment;
}

static uint32_t flags_of(const struct packet *packet)
{
    static const uint32_t ways[] = { [PACKET_WAY_UNKNOWN] = 0, [PACKET_IN] = 1, [PACKET_OUT] = 2 };
    return ways[packet->way] | (uint32_t)packet->fcs_len << 5 |
           (packet->checksums_unset ? FLAG_CHECKSUM_NOT_IN : 0);
}

static uint32_t options_len(const struct packet *packet)
{
    uint32_t len = (flags_of(packet) != 0 ? 8u : 0u) + (packet->drops > 0 ? 12u : 0u);
    for (uint32_t i = 0; i < packet->comment_count; i++) {
        len += 4 + padded(comment_of(packet, i).len);
    }
    return len > 0 ? len + 4 : 0;
}

static void put_options(struct writer *writer, const struct packet *packet)
{
    uint32_t flags = flags_of(packet);
    if (flags != 0) {
        put_u16_pair(writer, OPTION_FLAGS, 4);
        put_u32(writer, flags);
    }
    if (packet->drops > 0) {
        put_u16_pair(writer, OPTION_DROPS, 8);
        put_u64(writer, packet->drops);
    }
    for (uint32_t i = 0; i < packet->comment_count; i++) {
        put_option(writer, OPTION_COMMENT, comment_of(packet, i));
    }
    put_u16_pair(writer, OPTION_END, 0);
}

/* A packet without a time stays one where the format allows it: it is of the first interface, and
 * whole. */
static bool is_simple(const struct packet *packet, size_t interface)
{
    return !packet->pos.ts_known && interface == 0 && packet->octets.len == packet->wire_len &&
           options_len(packet) == 0;
}

void writer_packet(struct writer *writer, const struct packet *packet)
{
    size_t interface = find_interface(writer, packet->link_type);
    writer->packet_drops += packet->drops;
    uint32_t wire_len = packet->wire_len < UINT32_MAX ? (uint32_t)packet->wire_len : UINT32_MAX;
    uint32_t options = options_len(packet);
    if (interface == INTERFACES_MAX) {
        return;
    }
    if (is_simple(packet, interface)) {
        uint32_t len = 16 + padded(packet->octets.len);
        put_u32(writer, BLOCK_SIMPLE);
        put_u32(writer, len);
        put_u32(writer, wire_len);
        put_padded(writer, packet->octets);
        put_u32(writer, len);
        return;
    }
    uint32_t len = 32 + padded(packet->octets.len) + options;
    uint64_t ts_ns = packet->pos.ts_known ? packet->pos.ts_ns : 0;
    put_u32(writer, BLOCK_ENHANCED);
    put_u32(writer, len);
    put_u32(writer, (uint32_t)interface);
    put_u32(writer, (uint32_t)(ts_ns >> 32));
    put_u32(writer, (uint32_t)ts_ns);
    put_u32(writer, (uint32_t)packet->octets.len);
    put_u32(writer, wire_len);
    put_padded(writer, packet->octets);
    if (options > 0) {
        put_options(writer, packet);
    }
    put_u32(writer, len);
}

void writer_drops(struct writer *writer, uint64_t kernel, uint64_t interface)
{
    const uint32_t len = 24 + 12 + 12 + 4;
    bool said = interface == 0 && kernel <= writer->packet_drops;
    if (writer->link_count != 1 || said) {
        return;
    }
    put_u32(writer, BLOCK_STATISTICS);
    put_u32(writer, len);
    put_u32(writer, 0);
    put_u64(writer, 0); /* at no time in particular */
    put_u16_pair(writer, OPTION_INTERFACE_DROPS, 8);
    put_u64(writer, interface);
    put_u16_pair(writer, OPTION_SYSTEM_DROPS, 8);
    put_u64(writer, kernel);
    put_u16_pair(writer, OPTION_END, 0);
    put_u32(writer, len);
}

void writer_secrets(struct writer *writer, struct span text)
{
    uint32_t len = 20 + padded(text.len);
    put_u32(writer, BLOCK_SECRETS);
    put_u32(writer, len);
    put_u32(writer, SECRETS_TLS);
    put_u32(writer, (uint32_t)text.len);
    put_padded(writer, text);
    put_u32(writer, len);
}

/* ---- opening and closing ---- */

/* A file that nobody had before, or an old one, which is not emptied yet. */
static int open_file(struct writer *writer, const char *path)
{
    int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY;
    /* Whoever put the link there shall not have root overwrite what it points to. */
    int careful = geteuid() == 0 || geteuid() != getuid() ? O_NOFOLLOW : 0;
    int fd = open(path, flags | O_CREAT | O_EXCL, 0666);
    writer->created = fd >= 0;
    if (fd < 0 && errno == EEXIST) {
        fd = open(path, flags | careful);
    }
    return fd;
}

bool writer_is(const struct writer *writer, const char *path)
{
    struct stat ours, other;
    int found = strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &other) : stat(path, &other);
    return found == 0 && fstat(writer->fd, &ours) == 0 && S_ISREG(ours.st_mode) &&
           ours.st_dev == other.st_dev && ours.st_ino == other.st_ino;
}

enum rc writer_open(struct mem *mem, const char *path, struct writer **writer, struct err *err)
{
    struct writer *made = mem_zalloc(mem, 1, sizeof *made);
    if (made == NULL) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    made->mem = mem;
    made->own_fd = strcmp(path, "-") != 0;
    (void)snprintf(made->name, sizeof made->name, "%s", made->own_fd ? path : "standard output");
    made->fd = made->own_fd ? open_file(made, path) : STDOUT_FILENO;
    if (made->fd < 0) {
        const char *why =
            errno == ELOOP ? "it is a symbolic link, which root does not follow" : strerror(errno);
        enum rc rc = err_set(err, RC_IO, "%s: cannot be written: %s", made->name, why);
        mem_free(mem, made);
        return rc;
    }
    *writer = made;
    return RC_OK;
}

enum rc writer_begin(struct writer *writer, struct err *err)
{
    struct stat stat;
    bool is_file = writer->own_fd && fstat(writer->fd, &stat) == 0 && S_ISREG(stat.st_mode);
    if (is_file && ftruncate(writer->fd, 0) != 0) {
        return err_set(err, RC_IO, "%s: cannot be emptied: %s", writer->name, strerror(errno));
    }
    put_section(writer);
    return RC_OK;
}

void writer_give_to(struct writer *writer, uid_t uid, gid_t gid)
{
    if (writer->created) {
        (void)!fchown(writer->fd, uid, gid); /* it stays root's, then */
    }
}

enum rc writer_rc(const struct writer *writer, struct err *err)
{
    if (writer->rc == RC_OK) {
        return RC_OK;
    }
    return err_set(err, writer->rc, "%s: cannot be written: %s", writer->name,
                   strerror(writer->error));
}

enum rc writer_close(struct writer *writer, struct err *err)
{
    if (writer == NULL) {
        return RC_OK;
    }
    writer_flush(writer);
    if (writer->own_fd && close(writer->fd) != 0 && writer->rc == RC_OK) {
        writer->rc = RC_IO;
        writer->error = errno;
    }
    enum rc rc = writer_rc(writer, err);
    mem_free(writer->mem, writer);
    return rc;
}
