/* Nearness is the number of letters inserted, left out, changed or swapped with their neighbour; a
 * word that the other one begins with counts as near, too. Words are short: longer ones than
 * WORD_MAX are never near. */
#include "app/suggest.h"

#include <string.h>

#include "base/num.h"

#define WORD_MAX 32

/* Restricted Damerau-Levenshtein distance with three rows. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = num_min_size(num_min_size(above[j] + 1, row[j - 1] + 1), change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = num_min_size(row[j], rows[(i - 2) % 3][j - 2] + 1);
            }
        }
    }
    return rows[a_len % 3][b_len];
}

const char *suggest_nearest(const char *word, const char *const *words, size_t count)
{
    size_t word_len = strlen(word);
    if (word_len < 2 || word_len > WORD_MAX) {
        return NULL;
    }
    const char *best = NULL;
    size_t best_distance = word_len <= 4 ? 2 : 3; /* this far is too far */
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(words[i]);
        if (len > WORD_MAX) {
            continue;
        }
        size_t d = distance(word, word_len, words[i], len);
        if (d >= best_distance && strncmp(word, words[i], word_len) == 0) {
            d = best_distance - 1; /* an abbreviation */
            if (best != NULL) {
                continue;
            }
        }
        if (d < best_distance) {
            best_distance = d;
            best = words[i];
        }
    }
    return best;
}
