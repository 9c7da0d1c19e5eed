/* One field line as the HPACK decoder found it: name and value, how it came, and how certain it is
 * (RFC 7541, RFC 9113 8.2). Produced by hpack.h, judged by message.h, carried to listeners by
 * events.h. */
#ifndef H2DUMP_H2_HEADER_H
#define H2DUMP_H2_HEADER_H

#include "base/cursor.h"
#include "spec/spec.h"

/* The representations of RFC 7541 6. */
enum hpack_repr {
    HPACK_INDEXED,         /* 6.1 */
    HPACK_LITERAL_INDEXED, /* 6.2.1, inserted into the dynamic table */
    HPACK_LITERAL,         /* 6.2.2 */
    HPACK_LITERAL_NEVER,   /* 6.2.3, never indexed */
    HPACK_SIZE_UPDATE,     /* 6.3; no field: index is the new size in octets */
};

/* How much of a field is known. Whatever is EXACT is never wrong. */
enum h2_certainty {
    H2_EXACT,
    H2_INFERRED,      /* name and value stand, but follow from reasoning, not from octets */
    H2_NAME_INFERRED, /* the same, but the value does not stand at all */
    H2_NAME_UNKNOWN,  /* only the value is known */
    H2_UNKNOWN,       /* neither */
};

/* Fields that the message rules look at, found once a table entry. H2_TOKEN_NONE: any other name.
 */
enum h2_token {
    H2_TOKEN_NONE,
    H2_TOKEN_AUTHORITY,
    H2_TOKEN_METHOD,
    H2_TOKEN_PATH,
    H2_TOKEN_SCHEME,
    H2_TOKEN_STATUS,
    H2_TOKEN_PROTOCOL,
    H2_TOKEN_PSEUDO_UNKNOWN, /* begins with ':', none of the above */
    H2_TOKEN_HOST,
    H2_TOKEN_CONTENT_LENGTH,
    H2_TOKEN_TE,
    H2_TOKEN_PRIORITY,
    H2_TOKEN_CONNECTION_SPECIFIC, /* connection, keep-alive, proxy-connection, transfer-encoding,
                                     upgrade */
};

/* What the octets of a name and a value allow, found once a table entry (RFC 9113 8.2.1, RFC
 * 9110 5.5). */
enum h2_octet_facts {
    H2_NAME_EMPTY = 0x01,
    H2_NAME_UPPERCASE = 0x02, /* first octet that no name has is A-Z */
    H2_NAME_BAD = 0x04,       /* first octet that no name has is another one */
    H2_VALUE_EDGE_SPACE = 0x08,
    H2_VALUE_NUL_CR_LF = 0x10,
    H2_VALUE_CONTROL = 0x20, /* another control octet than tab, or DEL */
    H2_NAME_FACTS = H2_NAME_EMPTY | H2_NAME_UPPERCASE | H2_NAME_BAD,
};

/* No entry: the field does not rest on an entry from before the capture or a loss. */
#define H2_ENTRY_NONE 0
/* It rests on one that was seen and let go for its room. */
#define H2_ENTRY_FORGOTTEN UINT32_MAX

/* Names and values are followed by a NUL that len does not count; they and the struct live until
 * the callback returns. */
struct h2_header {
    struct span name, value;
    enum hpack_repr repr;
    enum h2_token token;
    uint8_t octet_facts; /* enum h2_octet_facts, or'ed */
    uint32_t known;      /* what names.h knows of the name */
    uint16_t ordinary;   /* message_ordinary()'s answer; 0 where certainty is not H2_EXACT */
    bool never_indexed;  /* NGHTTP2_NV_FLAG_NO_INDEX's meaning: came as HPACK_LITERAL_NEVER */
    bool inserted;       /* went into the dynamic table, so that it is now entry 62 */
    bool huffman_name;   /* how the strings came; false for what came from a table */
    bool huffman_value;
    uint32_t index; /* on the wire: of the field, or of the name; 0: name was a literal */
    uint32_t name_wire_octets; /* encoded string without its length; 0: from a table */
    uint32_t value_wire_octets;
    uint64_t block_off;   /* of its first octet, in octets of the field block (fragments joined) */
    uint32_t wire_octets; /* octets of the whole representation */
    enum h2_certainty certainty;
    uint32_t entry;      /* j of "pre:j" or "lostN:j"; H2_ENTRY_NONE, H2_ENTRY_FORGOTTEN */
    uint32_t entry_loss; /* N of "lostN:j"; 0: "pre:j" */
    const char *invalid; /* why on_invalid_header has it; NULL elsewhere */
};

#endif
