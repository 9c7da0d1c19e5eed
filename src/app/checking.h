/* --check: what becomes of findings. Each is looked up in the baseline, counted for the exit
 * status, shown, and put into the reports. */
#ifndef H2DUMP_APP_CHECKING_H
#define H2DUMP_APP_CHECKING_H

#include "app/run.h"

/* Before the first input. Says what is wrong with the baseline or a report's file; RC_USAGE: the
 * run must not begin. */
enum rc checking_begin(struct run *run, struct err *err) H2D_MUST_CHECK;

/* A settled finding of a connection. */
void checking_take(struct run *run, const struct connection_info *info, struct render_conn *shown,
                   const struct finding *finding);

/* What an input says of itself. */
void checking_note(struct run *run, const struct finding *note);

/* An input begins; it, or its end, could not be read; the user was told this about it; it is
 * through. */
void checking_input(struct run *run, const char *name);
void checking_input_failed(struct run *run, const char *text);
void checking_input_said(struct run *run, const char *text);
void checking_input_done(struct run *run);

/* A finding at or above --fail-on is there. */
bool checking_failed(const struct run *run);
/* More frames than --max-tainted allows could not be judged. */
bool checking_too_tainted(const struct run *run);

/* After the last finding: writes the reports and the new baseline. False: one could not be
 * written, which was said. */
bool checking_finish(struct run *run);

/* --github: behind the last line. */
void checking_annotate(struct run *run);

void checking_free(struct run *run);

#endif
