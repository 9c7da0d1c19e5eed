/* What -h and --help say, made from the rows of the flag table. */
#ifndef H2DUMP_APP_HELP_H
#define H2DUMP_APP_HELP_H

#include <stdbool.h>

#include "render/out.h"

/* The text of -h, or, with a paragraph for each flag, that of --help. */
void help_write(struct out *out, bool paragraphs);

#endif
