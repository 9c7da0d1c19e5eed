/* One run of the program: what its parts share. Private to app/; see pipeline.h for the way through
 * the program. */
#ifndef H2DUMP_APP_RUN_H
#define H2DUMP_APP_RUN_H

#include "app/options.h"
#include "base/map.h"
#include "base/siphash.h"
#include "check/check.h"
#include "detect/detect.h"
#include "input/filter.h"
#include "input/input.h"
#include "net/net.h"
#include "render/render.h"
#include "report/baseline.h"
#include "report/report.h"
#include "tls/tls.h"

#define OTHERS_MAX 48

/* Connections that were not HTTP/2, by name; the names are constants. */
struct others {
    struct named_count rows[OTHERS_MAX];
    size_t count;
};

/* TLS connections that could not be read for one kind of reason, and the first of them. */
struct keyless {
    uint64_t count;
    struct tls_facts example;
    char reason[320], cipher[64];
};

/* Notes on flows that may still turn out to be HTTP/2: the newest so many. */
#define EARLY_NOTES_MAX 64
struct early_note {
    uint64_t flow; /* struct flow_info's id; 0: shown */
    struct endpoint side0;
    struct finding note; /* its message is text */
    char text[200];
};

/* What one input was. */
struct input_report {
    const char *name; /* as messages have it */
    uint64_t http2;   /* connections */
    struct others others;
    uint64_t other_ports; /* connections that --only-port passed over */
    struct keyless keyless[TLS_REASON_COUNT];
    uint64_t packets;  /* the input's */
    uint64_t filtered; /* of them, those that -f kept out */
    size_t cut_to;     /* longest packet that was cut at capture time, octets kept; 0: none */
};

/* What --check has found. */
struct checked {
    uint64_t counts[SEVERITY_ERROR + 1]; /* findings that count for the exit status */
    uint64_t accepted;                   /* by the baseline */
    uint64_t of_input;                   /* in the input under way */
    uint64_t inputs, inputs_with_findings;
    struct report *report;      /* NULL: no report was asked for */
    struct baseline *baseline;  /* NULL: none */
    struct baseline *rewritten; /* what --write-baseline will hold; NULL: not asked for */
    int junit, sarif, written;  /* their files; -1: none */
    bool broken;                /* a file could not be written */
};

struct run {
    const struct app_options *options;
    struct mem mem;     /* input, net, detection, output */
    struct mem h2_mem;  /* HTTP/2 state of all connections, LIMIT_HTTP2_OCTETS */
    struct mem tls_mem; /* TLS state of all connections, LIMIT_TLS_OCTETS */
    struct tls *tls;
    struct mem held_mem; /* octets held while nothing is decided, LIMIT_HELD_OCTETS */
    struct out *out, *messages;
    struct out *line; /* of a message about the input, while it is made */
    struct render *render;
    struct h2_events events;
    struct checker *check; /* NULL: no --check */
    struct checked checked;
    struct siphash_key key;
    struct map feeds; /* struct feed by its flow's id: for notes on flows */
    struct early_note early_notes[EARLY_NOTES_MAX];
    uint64_t early_note_count;
    struct input_report report; /* of the input under way */
    struct others others;       /* of the whole run */
    uint64_t conns;             /* the newest connection's number */
    uint64_t http2, packets, octets;
    uint64_t kernel_drops, interface_drops;
    uint64_t limits[CHECK_COUNT]; /* how often those of net/ acted, and the memory of HTTP/2 */
    struct detect *detect;
    struct keep *keep;      /* -w; NULL: nothing is written */
    struct filter *filter;  /* -f on files; NULL: none, or libpcap applies it itself */
    struct net *net;        /* of the input under way; NULL: it has no packets */
    int ticked;             /* negative: what went wrong when time went on */
    bool raw;               /* the input under way has no packets */
    bool full;              /* -c is reached, or nobody reads any more: stop */
    bool out_of_memory;     /* a stage said so */
    bool unusable, damaged; /* what became of inputs: exit 2, 3 */
};

/* looked: octets in which frames were searched. */
void others_add(struct others *others, const char *name, uint64_t count, uint64_t looked);
/* Most first; so the order in which connections end does not show. */
void others_sort(struct others *others);

#endif
