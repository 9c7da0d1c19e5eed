/* What in_pcapng.c (blocks, packets) and pcapng_notes.c (what a capture says beside its packets)
 * share. */
#ifndef H2DUMP_INPUT_IN_PCAPNG_H
#define H2DUMP_INPUT_IN_PCAPNG_H

#include "input/input_int.h"
#include "spec/limits.h"

struct iface {
    uint16_t link_type;
    uint8_t fcs_len;
    uint8_t resolution; /* if_tsresol: 10^-n, or, with the high bit, 2^-n */
    uint32_t snap_len;  /* 0: no limit */
    int64_t offset_s;   /* added to its times */
    /* Packets lost, as its newest statistics block says, and as its packets said one by one. */
    uint64_t system_drops, interface_drops, packet_drops;
    char name[100]; /* "" when it has none */
};

struct pcapng {
    bool big; /* octet order of this section */
    struct iface *ifaces;
    size_t iface_count, iface_cap;
    bool lengths_odd; /* a block's two lengths disagreed: from then on, types must be known */
    uint64_t secrets; /* octets of them read */
    bool secrets_told, comments_told; /* that a limit acted, or a kind is not used */
    struct span *comments;            /* of the packet in hand: room for LIMIT_PACKET_COMMENTS */
};

/* A block being read. */
struct block {
    uint32_t type;
    uint32_t len;     /* as stated */
    struct span body; /* what of its body is there */
    bool cut;         /* which is not all of it */
    bool big;
};

/* What became of a block; negative: enum rc. */
enum block_answer {
    BLOCK_PACKET = 0, /* *packet is filled */
    BLOCK_TAKEN = 2,  /* go on */
};

struct pcapng_option {
    uint16_t code;
    struct span value;
};

/* The next option; false at code 0, at the end, or at a bad length (what was read stands). */
bool pcapng_next_option(struct cur *cur, bool big, struct pcapng_option *option);

/* Comments of a section or an interface; where says of which. */
void pcapng_tell_comments(const struct input *input, struct cur options, bool big,
                          const char *where);

/* The options of a packet block: which way it went, frame check octets, drops, comments. */
void pcapng_read_packet_options(struct input *input, struct packet *packet, struct cur cur,
                                bool big);

/* Notes on a packet: its comments, and what was lost before it; counts the latter. */
void pcapng_tell_packet(struct input *input, const struct packet *packet);

/* Readers of blocks, as in_pcapng.c's rows have them. */
int pcapng_read_statistics(struct input *input, struct block *block, struct packet *packet,
                           struct err *err);
int pcapng_read_secrets(struct input *input, struct block *block, struct packet *packet,
                        struct err *err);

/* Whether a block of secrets of that length is passed over: nobody asked, or it is too much. */
bool pcapng_refuses_secrets(const struct input *input, uint32_t len);

/* A section has ended: what its interfaces lost is counted and told. */
void pcapng_tell_drops(struct input *input);

#endif
