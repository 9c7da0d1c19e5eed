/* What a run says to people: one line on standard error for everything that was not as hoped, and
 * the exit status that follows from it (product.md, "Exit codes"). */
#ifndef H2DUMP_APP_REPORT_H
#define H2DUMP_APP_REPORT_H

#include "app/run.h"

enum exit_code {
    EXIT_DECODED = 0,
    EXIT_NONE_FOUND = 1,
    EXIT_FINDINGS = 1, /* --check */
    EXIT_UNUSABLE = 2, /* usage, unreadable input, output that cannot be written */
    EXIT_CUT = 3,      /* as 0, but an input was damaged or cut short */
};

/* "h2dump: " and the text, escaped, as one line. */
void report_line(struct out *messages, const char *text);

/* An input is through: what it lacked. net is NULL for a raw stream. */
void report_input(struct run *run, const struct net_stats *net, bool whole);

/* The status of the whole run, but for what the output may add. */
enum exit_code report_exit(const struct run *run);

#endif
