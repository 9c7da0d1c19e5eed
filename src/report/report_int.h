/* What the formats of this room share. */
#ifndef H2DUMP_REPORT_REPORT_INT_H
#define H2DUMP_REPORT_REPORT_INT_H

#include "base/buf.h"
#include "report/report.h"

struct report_item {
    struct finding finding; /* message is not to be used: report_message() */
    size_t message_at;
    uint32_t input;
    uint64_t conn; /* 0: none */
    bool counts;
};

struct report_in {
    const char *name;
    size_t failed_at; /* of the text; SIZE_MAX: it could be read */
    size_t said_at;   /* of the text; SIZE_MAX: nothing */
    bool judged;      /* there was HTTP/2 in it */
    uint64_t ts_ns;   /* of its first finding, for want of the first packet; 0: unknown */
};

struct report {
    struct mem *mem;
    struct buf items;  /* struct report_item */
    struct buf inputs; /* struct report_in */
    struct buf texts;  /* each with a NUL behind it */
    uint64_t left_out; /* findings beyond what is kept */
    size_t failed_at;  /* of a reason of the whole run's; SIZE_MAX: none */
    bool judged;       /* there was HTTP/2 in an input */
};

size_t report_item_count(const struct report *report);
const struct report_item *report_item(const struct report *report, size_t i);
const char *report_message(const struct report *report, const struct report_item *item);
size_t report_in_count(const struct report *report);
const struct report_in *report_in(const struct report *report, size_t i);

/* Why the run fails because of this input, NULL where it does not. */
const char *report_in_failure(const struct report *report, const struct report_in *in);
/* Why nothing was found in this input; NULL where there was something to look at. */
const char *report_in_emptiness(const struct report *report, const struct report_in *in);
/* Why the run fails because of no input; NULL where it does not. */
const char *report_run_failure(const struct report *report);

/* ":p9", ":p9-11", "" where the input has no packets. */
void report_put_packets(struct out *out, const struct finding *finding);
/* The finding in words: where, rule, what the other side did; a line each, with put writing text.
 */
void report_put_details(struct out *out, const struct report_item *item,
                        void (*put)(struct out *out, const char *text));

#endif
