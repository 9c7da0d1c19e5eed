/* The command line: one row a flag, from which parsing, -h, --help and the manual page are made.
 * Parsing only records; nothing is opened, and nothing is printed. */
#ifndef H2DUMP_APP_OPTIONS_H
#define H2DUMP_APP_OPTIONS_H

#include "base/err.h"
#include "h2/session.h"
#include "net/net.h"
#include "render/render.h"

/* Who sent a raw stream. */
enum raw_from {
    FROM_CONTENT, /* its first octets tell */
    FROM_CLIENT,
    FROM_SERVER,
};

enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* What to do instead of reading input. */
enum app_action {
    ACTION_RUN,
    ACTION_HELP_SHORT,
    ACTION_HELP_LONG,
    ACTION_VERSION,
    ACTION_INTERFACES,
    ACTION_LIST_CHECKS,
    ACTION_EXPLAIN,
};

/* --check and what goes with it (options_check.c). */
struct check_mode {
    bool on;
    unsigned fail_on; /* enum severity; FAIL_NEVER */
    bool only_given;  /* --only was there */
    bool only[CHECK_COUNT], ignored[CHECK_COUNT];
    bool wanted[CHECK_COUNT]; /* what follows from them */
    bool heard[CHECK_COUNT];  /* those, and what a wanted one is about */
    enum check explained;
    const char *baseline, *write_baseline, *junit, *sarif; /* files; NULL: not given */
    bool github;
    bool max_tainted_given;
    double max_tainted; /* percent of the frames */
};

#define FAIL_NEVER 3u

/* --tunnel may be given so often. */
#define OPTIONS_TUNNELS_MAX 32

#define KEYLOGS_MAX 64
/* --hpack-hint, too. */
#define OPTIONS_HINTS_MAX 64

#define PORT_SET_OCTETS (65536 / 8)

struct app_options {
    enum app_action action;
    bool raw;
    enum raw_from from;
    const char *c2s, *s2c;          /* the two halves; NULL: not given */
    uint8_t ports[PORT_SET_OCTETS]; /* --port: bit set of TCP ports */
    bool only_ports_given;          /* --only-port was there */
    uint8_t only_ports[PORT_SET_OCTETS];
    struct tunnel_port tunnel_ports[OPTIONS_TUNNELS_MAX]; /* --tunnel */
    size_t tunnel_port_count;
    bool no_tunnels, all_views, check_sums, overlap_last;
    uint64_t hole_wait_ms, tcp_buffer, max_flows, memory; /* the limits of that name */
    uint64_t sync_octets;                                 /* --sync-limit */
    const char *keylogs[KEYLOGS_MAX];                     /* --keylog, in order */
    size_t keylog_count;
    uint32_t hpack_table; /* --hpack-table; UINT32_MAX: not given */
    struct h2_hint hints[OPTIONS_HINTS_MAX];
    size_t hint_count;
    uint32_t max_table, max_headers; /* the limits of that name */
    enum h2_profile profile;
    bool deterministic;
    enum render_view view;
    enum render_format format;
    enum render_time time;
    enum color_mode color;
    bool octets, quiet;
    unsigned verbosity;
    bool data_given;
    uint64_t data_octets; /* when data_given */
    uint64_t max_records; /* 0: all */
    struct check_mode check;
    bool view_given;
    const char *interface;  /* -i; NULL: files */
    const char *filter;     /* -f; NULL: none */
    const char *write_path; /* -w; NULL: none */
    uint64_t snap_len;      /* -s; 0: the default */
    uint64_t buffer_octets; /* --buffer; 0: the default */
    bool promiscuous, immediate;
    const char *user;      /* --user; NULL: not given */
    const char *live_flag; /* one that was given of those that go with -i alone; NULL: none */
    char **files;          /* inputs in order, the strings of argv */
    size_t file_count;     /* 0: standard input */
};

/* Reads the words behind argv[0]. argv itself is used to hold the list of files, so it is changed
 * and must outlive the options. Errors: RC_USAGE, with a text that names the option, the value and
 * the valid ones. */
enum rc options_parse(struct app_options *options, int argc, char **argv,
                      struct err *err) H2D_MUST_CHECK;

/* True when the set holds the port. */
bool options_port_in(const uint8_t *set, uint16_t port);

/* One flag. */
struct flag {
    char letter;        /* 0: it has none */
    const char *name;   /* without "--"; NULL: it has none */
    const char *value;  /* what stands for its value in help; NULL: it takes none */
    const char *help;   /* one line */
    const char *manual; /* the paragraph of the manual, in mdoc */
    /* Records it. name: as it was given ("-T", "--by"); value: NULL when it takes none. */
    enum rc (*apply)(struct app_options *options, const char *name, const char *value,
                     struct err *err);
};

/* Row i of the flags; NULL behind the last. */
const struct flag *options_flag(size_t i);

#endif
