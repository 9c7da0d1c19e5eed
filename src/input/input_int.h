/* What the files of this room share: one struct input_ops a format, listed in input.c. */
#ifndef H2DUMP_INPUT_INPUT_INT_H
#define H2DUMP_INPUT_INPUT_INT_H

#include "input/bytesrc.h"
#include "input/input.h"

/* The octets that every format is known by; fewer when the input is shorter. A server that speaks
 * first may send no more than a frame header before it waits, and it must not wait for us: so the
 * first look is at that much. */
#define INPUT_FIRST_LEN 9
#define INPUT_HEAD_LEN  24

/* What follows is octets of the file, in its own order. */
static inline uint16_t load_u16(const uint8_t *p, bool big)
{
    return big ? num_be16(p) : num_le16(p);
}

static inline uint32_t load_u32(const uint8_t *p, bool big)
{
    return big ? num_be32(p) : num_le32(p);
}

static inline uint64_t load_u64(const uint8_t *p, bool big)
{
    uint64_t high = load_u32(p + (big ? 0 : 4), big);
    return high << 32 | load_u32(p + (big ? 4 : 0), big);
}

struct input_ops {
    const char *name;
    enum input_kind kind;
    /* Whether the first octets (up to INPUT_HEAD_LEN) are of this format. */
    bool (*probe)(struct span head);
    /* Reads what comes before the first packet; sets input->state. NULL: nothing to do. */
    enum rc (*open)(struct input *input, struct err *err);
    /* As input_next_packet. NULL: not a format of packets. */
    enum rc (*next)(struct input *input, struct packet *packet, struct err *err);
    void (*close)(struct input *input); /* frees input->state; NULL: nothing to do */
};

extern const struct input_ops input_pcap, input_pcapng, input_raw;

struct input {
    struct mem *mem;
    const struct input_ops *ops;
    struct bytesrc src;
    struct input_options options;
    struct input_stats stats;
    void *state; /* the format's own */
    char name[260];
};

/* An input without source or format yet; options may be NULL. NULL: memory is out. */
struct input *input_new(struct mem *mem, const char *name, const struct input_options *options);

/* Prefixes the input's name to a text. */
enum rc input_err(const struct input *input, struct err *err, enum rc rc, const char *format, ...)
    H2D_PRINTF(4, 5);

/* The input has no octet more where a record would begin: RC_END, or what went wrong below. */
enum rc input_at_end(struct input *input, struct err *err);

/* The input ends inside something: what went wrong below, or, when it is just cut short, the text
 * (which begins behind the name and gets how much was read). */
enum rc input_cut(struct input *input, struct err *err, const char *format, ...) H2D_PRINTF(3, 4);

/* Tells the user of a remark on the capture; pos NULL: on no packet in particular. */
void input_note(const struct input *input, enum check check, const struct pos *pos,
                const char *format, ...) H2D_PRINTF(4, 5);

/* A packet without anything said about it but its octets. */
static inline void packet_plain(struct packet *packet)
{
    packet->way = PACKET_WAY_UNKNOWN;
    packet->checksums_unset = false;
    packet->partial = false;
    packet->drops = 0;
    packet->comment_count = 0;
    packet->comments = NULL;
}

/* "1 packet", "2 packets". */
struct input_count {
    char text[32];
};
struct input_count input_packets_text(uint64_t packets);

#endif
