/* What the values of flags are made of: words, numbers, sizes, times. */
#include <string.h>

#include "app/options_int.h"
#include "app/suggest.h"

enum rc options_choose(const struct choices *choices, const char *name, const char *value,
                       unsigned *chosen, struct err *err)
{
    char list[128] = "";
    size_t used = 0;
    for (size_t i = 0; i < choices->count; i++) {
        if (strcmp(value, choices->words[i]) == 0) {
            *chosen = (unsigned)i;
            return RC_OK;
        }
        size_t len = strlen(choices->words[i]);
        if (used + len + 3 <= sizeof(list)) {
            memcpy(list + used, i > 0 ? ", " : "", i > 0 ? 2 : 0);
            used += i > 0 ? 2 : 0;
            memcpy(list + used, choices->words[i], len + 1);
            used += len;
        }
    }
    const char *near = suggest_nearest(value, choices->words, choices->count);
    if (near != NULL) {
        return err_set(err, RC_USAGE, "%s %s: unknown %s; did you mean '%s'? (%s)", name, value,
                       choices->what, near, list);
    }
    return err_set(err, RC_USAGE, "%s %s: unknown %s (%s)", name, value, choices->what, list);
}

bool options_read_number(const char *text, size_t len, uint64_t max, uint64_t *number)
{
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || n > (max - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
    }
    *number = n;
    return len > 0;
}

bool options_read_size(const char *text, uint64_t *octets)
{
    size_t len = strlen(text);
    unsigned shift = 0;
    if (len > 0) {
        const char *units = "kMG";
        const char *unit = strchr(units, text[len - 1]);
        if (unit != NULL && *unit != '\0') {
            shift = 10 * (unsigned)(unit - units + 1);
            len--;
        }
    }
    if (!options_read_number(text, len, UINT64_MAX >> shift, octets)) {
        return false;
    }
    *octets <<= shift;
    return true;
}

bool options_read_time(const char *text, uint64_t *ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 } };
    size_t len = strspn(text, "0123456789");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text + len, units[i].unit) == 0 &&
            options_read_number(text, len, UINT64_MAX / 60000, ms)) {
            *ms *= units[i].ms;
            return true;
        }
    }
    return false;
}
