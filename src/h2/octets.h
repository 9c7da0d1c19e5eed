/* Which octets may stand where in a field, as classes (RFC 9110 5.6.2, RFC 3986 3; receive-engine
 * 5). For message.c and octets.c. */
#ifndef H2DUMP_H2_OCTETS_H
#define H2DUMP_H2_OCTETS_H

#include "base/cursor.h"

enum octet_class {
    IN_TOKEN = 0x01,     /* RFC 9110 5.6.2 */
    IN_UPPER = 0x02,     /* A-Z */
    IN_AUTHORITY = 0x04, /* receive-engine 5.2 */
    IN_SCHEME = 0x08,    /* behind the first letter */
    IN_ALPHA = 0x10,
    IN_DIGIT = 0x20,
};

extern const uint8_t octet_classes[256];

/* All octets are in one of the classes; of several classes: all in the same one. */
static inline bool octets_all_in(struct span text, unsigned classes)
{
    unsigned seen = classes;
    for (size_t i = 0; i < text.len; i++) {
        seen &= octet_classes[text.ptr[i]];
    }
    return seen != 0;
}

#endif
