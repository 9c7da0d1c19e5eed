/* The baseline: findings that a team has accepted, by fingerprints that stay the same from capture
 * to capture of the same service: the check, who broke it, the type of the frame, and the name of
 * the field or setting; no packet, no stream, no value. */
#ifndef H2DUMP_REPORT_BASELINE_H
#define H2DUMP_REPORT_BASELINE_H

#include "base/err.h"
#include "base/mem.h"
#include "render/out.h"
#include "spec/finding.h"

struct baseline;

struct baseline *baseline_new(struct mem *mem) H2D_MUST_CHECK;
void baseline_free(struct baseline *baseline);

uint64_t baseline_fingerprint(const struct finding *finding);

/* Takes the text of a baseline file. RC_USAGE: a line is none, and the error names it. */
enum rc baseline_read(struct baseline *baseline, struct span text, const char *name,
                      struct err *err) H2D_MUST_CHECK;

bool baseline_has(const struct baseline *baseline, const struct finding *finding);
/* False: memory is out, or there are too many (LIMIT_FINDINGS). */
bool baseline_add(struct baseline *baseline, const struct finding *finding) H2D_MUST_CHECK;
/* As a file, in the order of the registry. */
void baseline_write(struct baseline *baseline, struct out *out);

#endif
