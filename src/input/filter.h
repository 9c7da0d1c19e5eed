/* -f on files: a filter expression of libpcap, compiled for each link type that comes by. In a
 * build without libpcap making one fails, and the text says why. */
#ifndef H2DUMP_INPUT_FILTER_H
#define H2DUMP_INPUT_FILTER_H

#include "base/err.h"
#include "base/mem.h"
#include "base/stream.h"

struct filter;

/* The expression is borrowed until filter_free. RC_USAGE: no link type makes sense of it; the text
 * is libpcap's, with the expression. RC_NOMEM. */
enum rc filter_new(struct mem *mem, const char *expression, struct filter **filter,
                   struct err *err) H2D_MUST_CHECK;
void filter_free(struct filter *filter);

/* 1: it passes; 0: it does not; RC_USAGE: the expression makes no sense for its link type;
 * RC_NOMEM.
 */
int filter_passes(struct filter *filter, const struct packet *packet,
                  struct err *err) H2D_MUST_CHECK;

#endif
