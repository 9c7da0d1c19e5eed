/* Flags about HPACK: what is taken to be so, what the user knows, what is kept and shown. */
#include <string.h>

#include "app/options_int.h"
#include "h2/session.h"

#define BLOCK_FIELDS_MAX 65536

enum rc apply_hpack_table(struct app_options *o, const char *name, const char *value,
                          struct err *err)
{
    uint64_t octets;
    if (!options_read_size(value, &octets) || octets >= UINT32_MAX) {
        return err_set(err, RC_USAGE, "%s %s: not a table size (octets, less than 4G)", name,
                       value);
    }
    o->hpack_table = (uint32_t)octets;
    return RC_OK;
}

enum rc apply_max_table(struct app_options *o, const char *name, const char *value, struct err *err)
{
    uint64_t octets;
    if (!options_read_size(value, &octets) || octets > UINT32_MAX / 4) {
        return err_set(err, RC_USAGE, "%s %s: not a number of octets (at most 1G)", name, value);
    }
    o->max_table = (uint32_t)octets;
    return RC_OK;
}

enum rc apply_max_headers(struct app_options *o, const char *name, const char *value,
                          struct err *err)
{
    uint64_t count;
    if (!options_read_number(value, strlen(value), BLOCK_FIELDS_MAX, &count) || count == 0) {
        return err_set(err, RC_USAGE, "%s %s: not a number of fields (1 to %d)", name, value,
                       BLOCK_FIELDS_MAX);
    }
    o->max_headers = (uint32_t)count;
    return RC_OK;
}

/* ---- hints ---- */

#define HINT_FORM "[CONN.DIR.]pre:9='NAME: VALUE'"

/* A number in front of `end`; moves *at behind that. */
static bool take_number(const char **at, char end, uint64_t max, uint64_t *number)
{
    size_t len = strspn(*at, "0123456789");
    if ((*at)[len] != end || !options_read_number(*at, len, max, number)) {
        return false;
    }
    *at += len + 1;
    return true;
}

static bool take_word(const char **at, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*at, word, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

/* "1.c2s."; without it, the client's side of the first connection. */
static enum rc take_side(const char **at, const char *name, struct h2_hint *hint, struct err *err)
{
    const char *from = *at;
    hint->conn = 1;
    hint->dir = DIR_C2S;
    if ((*at)[0] < '0' || (*at)[0] > '9') {
        return RC_OK;
    }
    if (!take_number(at, '.', UINT64_MAX, &hint->conn) || hint->conn == 0) {
        return err_set(err, RC_USAGE, "%s: no connection in front of '%s' (%s)", name, from,
                       HINT_FORM);
    }
    if (take_word(at, "c2s.")) {
        return RC_OK;
    }
    hint->dir = DIR_S2C;
    if (take_word(at, "s2c.")) {
        return RC_OK;
    }
    return err_set(err, RC_USAGE, "%s: no direction at '%s' (c2s, s2c)", name, *at);
}

/* "pre:9=", "lost2:9=", as fields show them. */
static enum rc take_entry(const char **at, const char *name, struct h2_hint *hint, struct err *err)
{
    uint64_t entry, loss = 0;
    const char *from = *at;
    bool named = take_word(at, "pre:") ||
                 (take_word(at, "lost") && take_number(at, ':', UINT32_MAX, &loss) && loss > 0);
    if (!named || !take_number(at, '=', UINT32_MAX - 1, &entry) || entry == 0) {
        return err_set(err, RC_USAGE,
                       "%s: no table entry at '%s' (pre:9= or lost1:9=, as fields show it)", name,
                       from);
    }
    hint->entry = (uint32_t)entry;
    hint->entry_loss = (uint32_t)loss;
    return RC_OK;
}

/* "NAME: VALUE"; a name may begin with a colon. */
static enum rc take_field(const char *at, const char *name, struct h2_hint *hint, struct err *err)
{
    const char *colon = at[0] != '\0' ? strchr(at + 1, ':') : NULL;
    if (colon == NULL) {
        return err_set(err, RC_USAGE, "%s: no field at '%s' (NAME: VALUE)", name, at);
    }
    hint->name = span_of(at, (size_t)(colon - at));
    hint->value = span_str(colon + 1 + (colon[1] == ' '));
    const char *fault = h2_hint_fault(hint);
    return fault == NULL ? RC_OK
                         : err_set(err, RC_USAGE, "%s: '%s' can be no field: %s", name, at, fault);
}

enum rc apply_hpack_hint(struct app_options *o, const char *name, const char *value,
                         struct err *err)
{
    struct h2_hint hint;
    const char *at = value;
    enum rc rc = take_side(&at, name, &hint, err);
    if (rc == RC_OK) {
        rc = take_entry(&at, name, &hint, err);
    }
    if (rc == RC_OK) {
        rc = take_field(at, name, &hint, err);
    }
    if (rc == RC_OK && o->hint_count == OPTIONS_HINTS_MAX) {
        rc = err_set(err, RC_USAGE, "%s %s: more than %d hints", name, value, OPTIONS_HINTS_MAX);
    }
    if (rc == RC_OK) {
        o->hints[o->hint_count++] = hint;
    }
    return rc;
}
