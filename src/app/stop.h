/* How a live capture is told to end: a signal makes a descriptor readable. */
#ifndef H2DUMP_APP_STOP_H
#define H2DUMP_APP_STOP_H

#include "base/err.h"

/* From here on SIGINT, SIGTERM and SIGHUP are asked to end the capture as a file ends; *fd can be
 * read when one came. The second SIGINT ends the program at once with 130. RC_IO. */
enum rc stop_on_signals(int *fd, struct err *err) H2D_MUST_CHECK;

#endif
