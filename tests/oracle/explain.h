/* Where two transcripts part, and why: the rows of receive-engine A.2 that name what versions of
 * the reference do differently from the one that our ENDPOINT profile reproduces. Each row is as
 * narrow as it can be; what no row explains is a fault of ours (or a new row). */
#ifndef H2DUMP_TESTS_ORACLE_EXPLAIN_H
#define H2DUMP_TESTS_ORACLE_EXPLAIN_H

#include "reference.h"

enum verdict {
    VERDICT_SAME,
    VERDICT_EXPLAINED, /* the step differs as a row says, the rest can be compared */
    VERDICT_STOP,      /* as a row says, and the two go different ways from here */
    VERDICT_DIFFERENT,
};

#define EXPLAIN_ROWS 24
#define STEP_EVENTS  20000 /* more than a unit can cause */

/* How often each row has explained a difference. */
struct explain_counts {
    uint64_t rows[EXPLAIN_ROWS];
};

enum verdict explain_step(const struct script *script, const struct reference_run *reference,
                          const struct transcript *subject, size_t step,
                          struct explain_counts *counts);

void explain_print(FILE *out, const struct explain_counts *counts);

#endif
