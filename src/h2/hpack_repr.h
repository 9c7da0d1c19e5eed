/* Takes the next representation apart (RFC 7541 5, 6) without looking at any table: integers,
 * strings, and what may stand where. For hpack.c alone. */
#ifndef H2DUMP_H2_HPACK_REPR_H
#define H2DUMP_H2_HPACK_REPR_H

#include "base/compiler.h"
#include "h2/header.h"

/* A string literal on the wire. */
struct hpack_literal {
    struct span wire; /* empty when passed over */
    size_t slack;     /* octets behind it that belong to the same chunk */
    uint32_t len;
    bool huffman;
    bool skipped; /* longer than LIMIT_HPACK_STRING_OCTETS, and passed over */
};

struct hpack_piece {
    enum hpack_repr kind;
    uint32_t number; /* index, or the new size */
    struct hpack_literal name, value;
};

enum hpack_parsed {
    HPACK_PARSED,
    HPACK_PARSED_SHORT, /* at least need octets are missing */
    HPACK_PARSED_LONG,  /* need octets of a string beyond the limit come next: pass them over */
    HPACK_PARSED_ERROR,
};

/* What the rules depend on, and what came out besides the representation. */
struct hpack_parse {
    struct cur at; /* begins with the representation, at least one octet; advanced */
    bool lenient;
    bool field_seen;    /* in this block */
    bool update_due;    /* the block must begin with a size update */
    uint32_t index_end; /* strict: the largest index that names an entry */
    uint32_t size_max;  /* the largest size that an update may set */
    unsigned skips;     /* strings of this representation that were passed over already */
    size_t need;
    bool in_string;     /* what is missing are octets of a string */
    bool update_missed; /* lenient: the due update is not there */
    bool overlong;      /* an integer had octets that add nothing (RFC 7541 5.1) */
    enum check error;
};

enum hpack_parsed hpack_parse_repr(struct hpack_parse *parse, struct hpack_piece *repr);

#endif
