/* Octets from outside: opens a file or standard input, finds out by its content what it is
 * (capture-layer 1.3), and hands out packets, or, from a raw stream, octets. Owns the file
 * descriptor and all buffers. Knows nothing above the packet. */
#ifndef H2DUMP_INPUT_INPUT_H
#define H2DUMP_INPUT_INPUT_H

#include "base/err.h"
#include "base/mem.h"
#include "base/stream.h"
#include "spec/finding.h"

struct input;

enum input_kind {
    INPUT_PACKETS, /* pcap, pcapng: use input_next_packet */
    INPUT_RAW,     /* a raw HTTP/2 stream: use input_next_octets */
};

struct input_options {
    bool raw; /* take the content as a raw stream, whatever it looks like */
    /* Called before a read that would block (a pipe with nothing in it), so that output can be
     * flushed. NULL: nobody. */
    void (*before_wait)(void *ctx);
    /* TLS secrets that the capture carries, as the text of a key log: whole lines, borrowed for the
     * call. May come before or after the packets that need them (capture-layer 6.6), several times.
     * NULL: nobody. */
    void (*on_secrets)(void *ctx, struct span text);
    /* A remark on the capture: a comment, packets it lost, a limit of ours. Those on a packet come
     * just before it, and have its position in first and last. dir means nothing. NULL: nobody. */
    void (*on_note)(void *ctx, const struct finding *note);
    void *ctx;
};

/* What a whole input was, once it was read; counts so far before. */
struct input_stats {
    uint64_t packets;     /* numbered so far */
    uint64_t octets;      /* of the (uncompressed) input read so far */
    bool cut;             /* the input ended inside something */
    uint64_t odd_times;   /* time stamps with a second or more in the fraction */
    uint64_t odd_lengths; /* pcapng blocks whose two lengths differ */
    /* Packets that the capture lost, by its own account: in the kernel (where a capture does not
     * tell the two apart, all of them), and in the interface. Complete when the input has ended. */
    uint64_t kernel_drops, interface_drops;
};

/* What messages call the input at path: path, or "standard input". */
const char *input_name(const char *path);

/* Opens path ("-": standard input) and looks at its first octets. *input is set only on RC_OK.
 * Errors: RC_IO (cannot be opened or read, a directory), RC_FORMAT (not a capture; the text names
 * what it looks like and what to do, capture-layer 1.3 and 7), RC_NOMEM. The texts begin with
 * input_name(path). */
enum rc input_open(struct mem *mem, const char *path, const struct input_options *options,
                   struct input **input, struct err *err) H2D_MUST_CHECK;

/* As input_open, on octets in memory, which must outlive the input: for tests and fuzzing. name
 * stands in messages. */
enum rc input_open_memory(struct mem *mem, struct span octets, const char *name,
                          const struct input_options *options, struct input **input,
                          struct err *err) H2D_MUST_CHECK;

void input_close(struct input *input);

enum input_kind input_kind(const struct input *input);

/* "pcap", "pcapng", "raw". */
const char *input_format_name(const struct input *input);

/* The next packet; its octets live until the next call. RC_OK; RC_END: no more, the input was
 * whole; RC_DAMAGED: the input is cut or corrupt here, *err says where and how much was read
 * (capture-layer 7), and packet->octets.len > 0 when the last packet was delivered in part: use it,
 * then stop. RC_IO: reading failed. */
enum rc input_next_packet(struct input *input, struct packet *packet,
                          struct err *err) H2D_MUST_CHECK;

/* The next octets of a raw stream, as many as are there now (at least one); they live until the
 * next call. RC_OK, RC_END, RC_DAMAGED (compressed input cut short), RC_IO. */
enum rc input_next_octets(struct input *input, struct span *octets, struct err *err) H2D_MUST_CHECK;

/* The first octets of a raw stream, up to 64, without taking them: whoever feeds them must know who
 * speaks. Blocks until there are enough to tell or the input ends: 24 if they may become a client's
 * preface, else 9. */
struct span input_peek(struct input *input);

/* A library that this room runs with: "zlib", "1.2.13". */
struct input_library {
    const char *name, *version;
};
/* Library i; false behind the last. */
bool input_library(size_t i, struct input_library *library);

const struct input_stats *input_stats(const struct input *input);

#endif
