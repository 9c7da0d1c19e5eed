/* Shared by the files that make up the command line: readers of values, and the apply functions of
 * rows that are not options.c's own. */
#ifndef H2DUMP_APP_OPTIONS_INT_H
#define H2DUMP_APP_OPTIONS_INT_H

#include "app/options.h"

#define CHOICES_MAX 4

/* The valid words of a flag, in the order of the enum that they stand for. */
struct choices {
    const char *what; /* "view" */
    const char *words[CHOICES_MAX];
    size_t count;
};

/* Sets *chosen to the word's place; RC_USAGE with a text that lists the words. */
enum rc options_choose(const struct choices *choices, const char *name, const char *value,
                       unsigned *chosen, struct err *err) H2D_MUST_CHECK;

/* Decimal digits and nothing else, at most max. False: it is not one. */
bool options_read_number(const char *text, size_t len, uint64_t max, uint64_t *number);
/* A number with an optional suffix k, M or G, powers of 1024. */
bool options_read_size(const char *text, uint64_t *octets);
/* A number with the suffix ms, s or m, in milliseconds. */
bool options_read_time(const char *text, uint64_t *ms);

/* What the rows about packets, tunnels and TCP record: options_net.c. */
enum rc options_apply_tunnel(struct app_options *options, const char *name, const char *value,
                             struct err *err);
enum rc options_apply_no_tunnels(struct app_options *options, const char *name, const char *value,
                                 struct err *err);
enum rc options_apply_all_views(struct app_options *options, const char *name, const char *value,
                                struct err *err);
enum rc options_apply_check_sums(struct app_options *options, const char *name, const char *value,
                                 struct err *err);
enum rc options_apply_overlap(struct app_options *options, const char *name, const char *value,
                              struct err *err);
enum rc options_apply_hole_wait(struct app_options *options, const char *name, const char *value,
                                struct err *err);
enum rc options_apply_tcp_buffer(struct app_options *options, const char *name, const char *value,
                                 struct err *err);
enum rc options_apply_sync_limit(struct app_options *options, const char *name, const char *value,
                                 struct err *err);
enum rc options_apply_max_flows(struct app_options *options, const char *name, const char *value,
                                struct err *err);
enum rc options_apply_memory(struct app_options *options, const char *name, const char *value,
                             struct err *err);

/* --check and its company (options_check.c). */
#define OPTIONS_APPLY(name)                                                                        \
    enum rc name(struct app_options *o, const char *flag, const char *value, struct err *err)
OPTIONS_APPLY(apply_check);
OPTIONS_APPLY(apply_fail_on);
OPTIONS_APPLY(apply_only);
OPTIONS_APPLY(apply_ignore);
OPTIONS_APPLY(apply_list_checks);
OPTIONS_APPLY(apply_explain);
OPTIONS_APPLY(apply_baseline);
OPTIONS_APPLY(apply_write_baseline);
OPTIONS_APPLY(apply_max_tainted);
OPTIONS_APPLY(apply_junit);
OPTIONS_APPLY(apply_sarif);
OPTIONS_APPLY(apply_github);

/* HPACK and field blocks (options_hpack.c). */
OPTIONS_APPLY(apply_hpack_table);
OPTIONS_APPLY(apply_hpack_hint);
OPTIONS_APPLY(apply_max_table);
OPTIONS_APPLY(apply_max_headers);

/* What of --check's company no single flag can see; and which findings are wanted. */
enum rc options_check_together(struct app_options *o, struct err *err);

#endif
