/* -i: opens the interface, and gives up what that took. */
#ifndef H2DUMP_APP_LIVE_H
#define H2DUMP_APP_LIVE_H

#include "app/run.h"

/* As input_open; signals end the input from here on, and the program has no privileges left. */
enum rc live_open(struct run *run, const struct input_options *options, struct input **input,
                  struct err *err) H2D_MUST_CHECK;

/* The capture has ended: says what the kernel dropped. */
void live_report(struct run *run, const struct input *input);

/* -D: the interfaces, a line each. RC_IO, RC_USAGE. */
enum rc live_list(struct out *out, struct err *err) H2D_MUST_CHECK;

#endif
