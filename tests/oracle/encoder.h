/* A small HPACK encoder for the generator (RFC 7541): it can do what real encoders never do, such
 * as odd representations, and faults. Its Huffman codes are read off libnghttp2's own encoder, so
 * that a wrong table of ours cannot hide behind itself. */
#ifndef H2DUMP_TESTS_ORACLE_ENCODER_H
#define H2DUMP_TESTS_ORACLE_ENCODER_H

#include "script.h"

#define FIELD_VALUE_MAX 120

struct field {
    char name[40];
    char value[FIELD_VALUE_MAX];
    uint8_t name_len, value_len;
};

struct field_list {
    struct field fields[48];
    size_t count;
};

#define ENCODER_ENTRIES 200

struct encoder {
    struct field entries[ENCODER_ENTRIES]; /* ring, newest at (first + count - 1) */
    size_t first, count;
    uint32_t octets, max; /* the dynamic table; max is what size updates have said */
    uint32_t limit;       /* what the receiver's acknowledged settings allow */
    uint32_t smallest;    /* the least limit since the last block */
    bool update_due;
};

enum encoder_fault {
    ENCODER_SOUND,
    ENCODER_INDEX_ZERO,
    ENCODER_INDEX_HIGH,
    ENCODER_INTEGER_LONG,
    ENCODER_INTEGER_WIDE, /* legal: more octets than needed */
    ENCODER_TRUNCATED,
    ENCODER_HUFFMAN_PADDING_ZEROS,
    ENCODER_HUFFMAN_PADDING_LONG,
    ENCODER_HUFFMAN_EOS,
    ENCODER_UPDATE_LATE,
    ENCODER_UPDATE_HIGH,
    ENCODER_UPDATE_ONLY,
    ENCODER_UPDATE_FORGOTTEN,
    ENCODER_STRING_HUGE,
    ENCODER_GARBAGE,
    ENCODER_FAULTS,
};

/* Reads the Huffman codes; before anything else. */
void encoder_prepare(void);

void encoder_init(struct encoder *encoder);
/* The receiver's HEADER_TABLE_SIZE has come into force. */
void encoder_set_limit(struct encoder *encoder, uint32_t limit);
/* A whole field block is appended to out. */
void encoder_block(struct encoder *encoder, struct rng *rng, const struct field_list *list,
                   enum encoder_fault fault, struct octets *out);

#endif
