/* What can be wrong with the world (not with the wire: that is a finding; not with us: that is an
 * assert). Such an error travels as a code and a text up to main, which prints the text and ends
 * with the right status. */
#ifndef H2DUMP_BASE_ERR_H
#define H2DUMP_BASE_ERR_H

#include "base/compiler.h"

enum rc {
    RC_OK = 0,
    RC_END = 1,      /* nothing more to come; not an error */
    RC_NOMEM = -1,   /* the memory budget, or the machine's memory, is spent */
    RC_IO = -2,      /* reading or writing failed; the text has errno's words */
    RC_USAGE = -3,   /* the user asked for something that cannot be */
    RC_FORMAT = -4,  /* the input is not what it should be, and nothing of it could be read */
    RC_DAMAGED = -5, /* the input was readable up to a point; what came before that point stands */
    RC_CLOSED = -6,  /* the reader of our output has gone (EPIPE) */
};

/* The text of one error: what is wrong and what to do, one line, without "h2dump: " and without a
 * newline. Octets that came from outside (file names, libpcap's words) may stand in it raw: whoever
 * prints it escapes it. */
struct err {
    enum rc rc;
    char text[512];
};

/* Fills *err and returns rc, so that a function can end with `return err_set(err, RC_IO, "...",
 * ...)`. err may be NULL. A text that is too long is cut. */
enum rc err_set(struct err *err, enum rc rc, const char *format, ...) H2D_PRINTF(3, 4);

#endif
