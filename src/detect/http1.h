/* Heads of HTTP/1.1 messages, as far as it takes to pass them (RFC 9112): for upgrade.c and
 * preamble.c. Pure; spans point into what is given. */
#ifndef H2DUMP_DETECT_HTTP1_H
#define H2DUMP_DETECT_HTTP1_H

#include "spec/connection.h"

/* What a head says of framing and upgrade. */
struct http1_head {
    struct span first_line;
    bool has_length, bad_length, chunked, upgrade_h2c;
    uint64_t length; /* Content-Length */
};

/* The length of the head at the front, blank line included; 0: not whole yet. */
size_t http1_head_length(struct span held);
/* Reads a whole head. */
struct http1_head http1_head(struct span head);
/* Takes a line without its end of line; false at the blank one or the end. */
bool http1_line(struct cur *c, struct span *line);
/* "name: value"; false for a line without a colon. */
bool http1_field(struct span line, struct upgrade_field *field);
/* Without white space at its ends. */
struct span http1_trim(struct span s);
/* The same word, in any case; word in lower case. */
bool http1_same_word(struct span s, const char *word);
/* Is the word an element of a comma-separated list? */
bool http1_lists_word(struct span value, const char *word);
/* A request line with that method. */
bool http1_is_method(struct span line, const char *method);
bool http1_ends_with(struct span line, const char *end);
/* The status code of a response's first line, or 0. */
unsigned http1_status(struct span line);

#endif
