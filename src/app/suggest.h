/* "Did you mean": the known word that is nearest to an unknown one. */
#ifndef H2DUMP_APP_SUGGEST_H
#define H2DUMP_APP_SUGGEST_H

#include <stddef.h>

/* The word of words[0 … count-1] that word is most likely a slip of; NULL when none is near. */
const char *suggest_nearest(const char *word, const char *const *words, size_t count);

#endif
