/* Our session, profile ENDPOINT, under the same rules; what the local endpoint sent comes from the
 * reference's run. */
#ifndef H2DUMP_TESTS_ORACLE_SUBJECT_H
#define H2DUMP_TESTS_ORACLE_SUBJECT_H

#include "reference.h"

/* How octets are given to the session. */
enum subject_manner {
    SUBJECT_UNITS,  /* one unit a call */
    SUBJECT_PIECES, /* units in random pieces */
    SUBJECT_PULL,   /* through the recv callback, an octet at a time */
};

/* Fills *transcript; returns octets of memory that were not given back. */
size_t subject_run(const struct script *script, const struct reference_run *reference,
                   enum subject_manner manner, struct transcript *transcript);

#endif
