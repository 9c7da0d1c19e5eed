/* Random HTTP/2 streams from a seed: mostly valid, with faults in the places that the rules name,
 * and with blind mutations now and then. */
#ifndef H2DUMP_TESTS_ORACLE_GENERATE_H
#define H2DUMP_TESTS_ORACLE_GENERATE_H

#include "script.h"

/* Fills *script (which is zeroed) and makes its steps. */
void generate(struct script *script, uint64_t seed);

#endif
