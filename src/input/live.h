/* Live capture with libpcap: an input whose packets come from a network interface (capture-layer
 * 1.6). In a build without libpcap everything here says so. */
#ifndef H2DUMP_INPUT_LIVE_H
#define H2DUMP_INPUT_LIVE_H

#include "input/input.h"

/* Octets of a packet that are captured when nothing else is asked for: more than any has. */
#define LIVE_SNAP_LEN 262144

/* The kernel's buffer. With the 2 MiB that are usual a burst of 60 ms on loopback lost a third of
 * its packets. */
#define LIVE_BUFFER_OCTETS (64u << 20)

struct live_options {
    const char *interface;  /* a name, or "any" */
    const char *filter;     /* what libpcap is to let through; NULL: everything */
    uint64_t snap_len;      /* 0: LIVE_SNAP_LEN */
    uint64_t buffer_octets; /* 0: LIVE_BUFFER_OCTETS */
    bool promiscuous;
    bool immediate; /* each packet as it comes, not in batches of up to 100 ms */
    int stop_fd;    /* when it can be read, the capture ends as a file does; -1: it never can */
    /* Time goes on though nothing comes: about ten times a second, with a moment before which all
     * packets have been handed out. NULL: nobody. */
    void (*on_tick)(void *ctx, uint64_t now_ns);
    /* Something to know of the interface, which is no error. NULL: nobody. */
    void (*on_warning)(void *ctx, const char *text);
};

/* Opens an interface, so that nothing more is needed of whatever privileges that takes. The input
 * is one of INPUT_PACKETS; input_next_packet waits for a packet, and calls before_wait before it
 * does. Both structs' ctx is that of options. Errors: RC_IO (permission, no such interface, down),
 * RC_USAGE (the filter), RC_NOMEM. */
enum rc input_open_live(struct mem *mem, const struct live_options *live,
                        const struct input_options *options, struct input **input,
                        struct err *err) H2D_MUST_CHECK;

/* What the kernel says of a live input: packets that came through the filter, of which it dropped
 * input_stats()->kernel_drops. 0 where it says nothing. */
uint64_t input_live_received(const struct input *input);

/* Calls back for each interface that could be captured on, with a line on what it is. RC_IO. */
enum rc live_interfaces(void (*each)(void *ctx, const char *name, const char *about), void *ctx,
                        struct err *err) H2D_MUST_CHECK;

/* "libpcap", and its version; NULL: not built in. */
const char *live_library(const char **version);

#endif
