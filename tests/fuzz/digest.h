/* A listener that folds every event into one number that does not depend on how octets were cut,
 * and counts the octets that events account for. */
#ifndef H2DUMP_TESTS_FUZZ_DIGEST_H
#define H2DUMP_TESTS_FUZZ_DIGEST_H

#include "h2/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

struct digest {
    uint64_t hash;
    uint64_t accounted; /* octets in frames, the preface, gaps and unsynchronised runs */
    uint64_t events;
};

extern const struct h2_events digest_events;

#endif
