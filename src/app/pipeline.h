/* The way through the program: input to net to detect to the sessions of h2 to render, all plugged
 * together here. Read this file first. */
#ifndef H2DUMP_APP_PIPELINE_H
#define H2DUMP_APP_PIPELINE_H

#include "app/options.h"

/* Reads all inputs, shows what is asked for on standard output and what went wrong on standard
 * error. Returns the exit status. */
int pipeline_run(const struct app_options *options);

#endif
