/* The flags of --check: which findings, how bad is bad, where reports go. */
#include <string.h>

#include "app/options_int.h"
#include "app/suggest.h"
#include "check/check.h"
#include "spec/finding.h"

/* ---- which findings ---- */

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool in_default(const struct check_row *row)
{
    return row->on;
}

static bool in_all(const struct check_row *row)
{
    return row->id[0] != '\0';
}

static bool in_info(const struct check_row *row)
{
    return row->scope == SCOPE_INFO && row->by != BY_NOBODY;
}

static bool in_reactions(const struct check_row *row)
{
    return begins_with(row->id, "reaction-");
}

static const struct {
    const char *name;
    bool (*has)(const struct check_row *row);
} groups[] = {
    { "default", in_default },
    { "all", in_all },
    { "info", in_info },
    { "reactions", in_reactions },
};

static bool matches(const char *word, size_t len, const struct check_row *row)
{
    for (size_t i = 0; i < H2D_COUNT_OF(groups); i++) {
        if (strlen(groups[i].name) == len && memcmp(groups[i].name, word, len) == 0) {
            return groups[i].has(row);
        }
    }
    if (len > 0 && word[len - 1] == '*') {
        return strncmp(row->id, word, len - 1) == 0;
    }
    return strlen(row->id) == len && memcmp(row->id, word, len) == 0;
}

static enum rc unknown_check(const char *flag, const char *word, size_t len, struct err *err)
{
    const char *names[CHECK_COUNT + H2D_COUNT_OF(groups)];
    char given[64];
    size_t count = 0;
    int shown = len < 60 ? (int)len : 60;
    for (size_t i = 0; i < H2D_COUNT_OF(groups); i++) {
        names[count++] = groups[i].name;
    }
    for (int check = 0; check < CHECK_COUNT; check++) {
        names[count++] = spec_check((enum check)check)->id;
    }
    memcpy(given, word, (size_t)shown);
    given[shown] = '\0';
    const char *near = suggest_nearest(given, names, count);
    if (near != NULL) {
        return err_set(err, RC_USAGE, "%s %s: unknown check; did you mean '%s'?", flag, given,
                       near);
    }
    return err_set(err, RC_USAGE, "%s %s: unknown check (h2dump --list-checks lists all)", flag,
                   given);
}

/* Each ID of a list, with commas between, to the set. */
static enum rc read_checks(const char *flag, const char *value, bool *set, struct err *err)
{
    for (const char *at = value;;) {
        size_t len = strcspn(at, ",");
        bool any = false;
        for (int check = 0; check < CHECK_COUNT; check++) {
            if (matches(at, len, spec_check((enum check)check))) {
                set[check] = any = true;
            }
        }
        if (!any) {
            return unknown_check(flag, at, len, err);
        }
        if (at[len] == '\0') {
            return RC_OK;
        }
        at += len + 1;
    }
}

OPTIONS_APPLY(apply_only)
{
    o->check.on = o->check.only_given = true;
    return read_checks(flag, value, o->check.only, err);
}

OPTIONS_APPLY(apply_ignore)
{
    o->check.on = true;
    return read_checks(flag, value, o->check.ignored, err);
}

/* ---- the others ---- */

OPTIONS_APPLY(apply_check)
{
    (void)flag, (void)value, (void)err;
    o->check.on = true;
    return RC_OK;
}

OPTIONS_APPLY(apply_fail_on)
{
    static const struct choices severities = { "severity",
                                               { "error", "warning", "note", "never" },
                                               4 };
    static const unsigned meaning[] = { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE,
                                        FAIL_NEVER };
    unsigned chosen = 0;
    enum rc rc = options_choose(&severities, flag, value, &chosen, err);
    o->check.on = true;
    o->check.fail_on = meaning[chosen];
    return rc;
}

OPTIONS_APPLY(apply_list_checks)
{
    (void)flag, (void)value, (void)err;
    o->action = ACTION_LIST_CHECKS;
    return RC_OK;
}

OPTIONS_APPLY(apply_explain)
{
    o->check.explained = spec_check_by_id(value);
    o->action = ACTION_EXPLAIN;
    return o->check.explained < CHECK_COUNT ? RC_OK
                                            : unknown_check(flag, value, strlen(value), err);
}

static enum rc set_file(struct app_options *o, const char **file, const char *flag,
                        const char *value, struct err *err)
{
    o->check.on = true;
    if (value[0] == '\0') {
        return err_set(err, RC_USAGE, "%s needs the name of a file", flag);
    }
    *file = value;
    return RC_OK;
}

OPTIONS_APPLY(apply_baseline)
{
    return set_file(o, &o->check.baseline, flag, value, err);
}

OPTIONS_APPLY(apply_write_baseline)
{
    return set_file(o, &o->check.write_baseline, flag, value, err);
}

OPTIONS_APPLY(apply_junit)
{
    return set_file(o, &o->check.junit, flag, value, err);
}

OPTIONS_APPLY(apply_sarif)
{
    return set_file(o, &o->check.sarif, flag, value, err);
}

OPTIONS_APPLY(apply_github)
{
    (void)flag, (void)value, (void)err;
    o->check.on = o->check.github = true;
    return RC_OK;
}

/* 0 to 100, with up to three decimals. */
OPTIONS_APPLY(apply_max_tainted)
{
    size_t len = strcspn(value, ".%");
    uint64_t whole = 0, part = 0;
    const char *end = value + len;
    bool good = options_read_number(value, len, 100, &whole);
    double scale = 1;
    if (good && *end == '.') {
        size_t digits = strcspn(end + 1, "%");
        good = digits <= 3 && options_read_number(end + 1, digits, 999, &part);
        for (size_t i = 0; i < digits; i++) {
            scale *= 10;
        }
        end += 1 + digits;
    }
    o->check.max_tainted = (double)whole + (double)part / scale;
    if (!good || (*end != '\0' && strcmp(end, "%") != 0) || o->check.max_tainted > 100) {
        return err_set(err, RC_USAGE, "%s %s: not a percentage (0 to 100)", flag, value);
    }
    o->check.on = o->check.max_tainted_given = true;
    return RC_OK;
}

enum rc options_check_together(struct app_options *o, struct err *err)
{
    bool any = false, reactions = false;
    if (!o->check.on) {
        return RC_OK;
    }
    if (o->octets || o->max_records > 0 || o->view_given) {
        return err_set(err, RC_USAGE, "%s is about traffic, which --check does not show",
                       o->octets            ? "-x"
                       : o->max_records > 0 ? "-c"
                                            : "--by");
    }
    if (o->profile != H2_PROFILE_OBSERVER) {
        return err_set(err, RC_USAGE,
                       "--check needs the observer: a receiver reports nothing "
                       "(leave --profile out)");
    }
    if (o->check.github && (o->quiet || o->format == FORMAT_JSON)) {
        return err_set(err, RC_USAGE, "--github writes to standard output: it does not go with %s",
                       o->quiet ? "-q" : "-T json");
    }
    for (int check = 0; check < CHECK_COUNT; check++) {
        const struct check_row *row = spec_check((enum check)check);
        bool on = o->check.only_given ? o->check.only[check]
                                      : row->on || (o->verbosity > 0 && in_info(row));
        o->check.wanted[check] = on && !o->check.ignored[check];
        any |= o->check.wanted[check];
        reactions |= o->check.wanted[check] && in_reactions(row);
    }
    for (int check = 0; check < CHECK_COUNT; check++) {
        o->check.heard[check] =
            o->check.wanted[check] || (reactions && check_is_for_reactions((enum check)check));
    }
    return any ? RC_OK : err_set(err, RC_USAGE, "--only and --ignore leave no check");
}
