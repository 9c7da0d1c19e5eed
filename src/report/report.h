/* Reports of findings for CI services: collected during the run, written at its end. Knows the
 * formats, opens no file. At most LIMIT_FINDINGS are kept; the rest is counted, and the reports say
 * so. */
#ifndef H2DUMP_REPORT_REPORT_H
#define H2DUMP_REPORT_REPORT_H

#include "base/mem.h"
#include "render/out.h"
#include "spec/connection.h"
#include "spec/finding.h"

struct report;

struct report *report_new(struct mem *mem) H2D_MUST_CHECK;
void report_free(struct report *report);

/* An input begins; name is kept by the caller. False: memory is out. */
bool report_in_begin(struct report *report, const char *name) H2D_MUST_CHECK;
/* The input under way, or its end, could not be read: the run fails whatever was found. text is
 * copied, one line. */
void report_in_failed(struct report *report, const char *text);
/* What the user was told about the input under way: the reason, should nothing have been found in
 * it. text is copied, one line; of several the last one stays. */
void report_in_said(struct report *report, const char *text);
/* HTTP/2 was found in the input under way. Where none is in any input, the run fails. */
void report_in_judged(struct report *report);
/* The run fails for another reason than a finding or an input. text is copied, one line. */
void report_run_failed(struct report *report, const char *text);

/* A finding of the input under way; counts: it is a reason to fail. info NULL: of no connection. */
void report_finding(struct report *report, const struct connection_info *info,
                    const struct finding *finding, bool counts);

/* JUnit XML: a suite an input, a case a check that found something. */
void report_junit(const struct report *report, struct out *out);
/* SARIF 2.1.0. */
void report_sarif(const struct report *report, struct out *out);
/* Annotations of a GitHub workflow: the ten worst, then a count. */
void report_github(const struct report *report, struct out *out);

#endif
