/* Whether octets could be a field block: the syntax of RFC 7541 without any table, for whoever
 * searches frame boundaries (capture-layer 4.4). Pure. */
#ifndef H2DUMP_H2_HPACK_SYNTAX_H
#define H2DUMP_H2_HPACK_SYNTAX_H

#include "base/cursor.h"

/* The block parses to its exact end: integers up to 2^31, index not 0, dynamic index at most 61 +
 * 2048, size updates only in front, strings inside, Huffman padding valid, literal names non-empty
 * lower-case tokens, and at least one field. */
bool hpack_syntax_plausible(struct span block);

#endif
