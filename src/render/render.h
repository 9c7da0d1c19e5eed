/* Shows what sessions tell: text or JSON, by frame or by callback. Listens to h2_events, writes
 * through out.h, and can change nothing of what is decoded. One struct render a run; one struct
 * render_conn a connection. */
#ifndef H2DUMP_RENDER_RENDER_H
#define H2DUMP_RENDER_RENDER_H

#include "base/err.h"
#include "base/mem.h"
#include "h2/events.h"
#include "render/out.h"
#include "spec/connection.h"

enum render_view { VIEW_FRAME, VIEW_CALLBACK };
enum render_format { FORMAT_TEXT, FORMAT_JSON };
enum render_time { TIME_RELATIVE, TIME_DELTA, TIME_ABSOLUTE, TIME_NONE };

#define RENDER_DATA_ALL UINT64_MAX

struct render_options {
    enum render_view view;
    enum render_format format;
    enum render_time time;
    bool octets;          /* -x */
    bool quiet;           /* -q: nothing is written, records are still counted */
    unsigned verbosity;   /* -v, -vv */
    uint64_t data_octets; /* --data: of each DATA payload; RENDER_DATA_ALL */
    bool color;
    unsigned width; /* columns of the terminal; 0: output is no terminal, nothing is shortened */
    uint32_t block_fields; /* of each block; 0: LIMIT_BLOCK_FIELDS_SHOWN */
    uint64_t max_records;  /* -c; 0: no limit */
    bool several_files;    /* records carry "file" */
    bool check;            /* --check: findings are shown, traffic is only counted */
};

struct render;
struct render_conn;

/* out outlives the render. NULL: memory is out. Writes JSON's first line at once. */
struct render *render_new(struct mem *mem, struct out *out,
                          const struct render_options *options) H2D_MUST_CHECK;
void render_free(struct render *render);

/* A new input begins: its name (kept by the caller), and that its time column starts anew. */
void render_file(struct render *render, const char *name);
/* The capture's first packet: relative times count from here. ts_digits: 6 or 9. */
void render_first_packet(struct render *render, const struct pos *pos, unsigned ts_digits);

/* The callbacks to give to sessions; their user pointer is the struct render_conn of the
 * connection. Members that the options do not need are NULL. */
struct h2_events render_events(const struct render *render);

/* A connection begins: its record is written. NULL: memory is out. */
struct render_conn *render_connection_begin(struct render *render,
                                            const struct connection_info *info) H2D_MUST_CHECK;
/* A pointer for whoever began the connection: sessions hand on the struct render_conn only. */
void render_connection_set_owner(struct render_conn *conn, void *owner);
void *render_connection_owner(const struct render_conn *conn);
/* The upgrade record of a connection (frame and callback views). */
void render_upgrade(struct render_conn *conn, const struct upgrade_info *upgrade);
/* A finding that no session reported (TCP notes). */
void render_finding(struct render_conn *conn, const struct finding *finding);
/* A remark on the input as a whole, or on a packet of it: shown without a connection. */
void render_note(struct render *render, const struct finding *note);
/* --check: a settled finding. */
void render_check_finding(struct render_conn *conn, const struct finding *finding);
/* Nothing more will come for the connection. */
void render_connection_end(struct render_conn *conn);

/* -c is reached: nothing more will be written but the summary. */
bool render_full(const struct render *render);

/* Totals of all that was rendered. */
struct render_totals {
    uint64_t records;
    uint64_t frames; /* frames accounted for, all types */
    uint64_t frames_by_type[256];
    uint64_t frames_unsure;  /* of them, with octets missing or fields unknown */
    uint64_t frames_tainted; /* of them, those and what stands behind missing octets, or on a
                                captured connection of which one direction is not there */
    uint64_t findings[CHECK_COUNT];
    uint64_t findings_by_severity[3];
    uint64_t octets; /* HTTP/2 octets, both directions */
    uint64_t octets_lost[GAP_TLS + 1];
};
const struct render_totals *render_totals(const struct render *render);

struct named_count {
    const char *name;
    uint64_t count;
    uint64_t looked; /* octets in which frames were searched in vain */
};

/* What the rest of the program knows of the run. */
struct run_summary {
    uint64_t packets, octets; /* of the inputs */
    uint64_t http2_connections;
    const struct named_count *others; /* connections that were something else, by name */
    size_t other_count;
    const uint64_t *limits; /* by enum check: how often those acted that are told once a
                               connection, or of no connection; NULL: never */
    uint64_t kernel_drops, interface_drops; /* packets the captures lost, by their own account */
    bool truncated;                         /* an input was damaged or cut short */
    int exit_code;
    uint64_t inputs, inputs_with_findings, findings_accepted; /* --check */
};

/* The last record: JSON's summary line; text: one line on standard error when that is a terminal
 * (not under -q). */
void render_summary(struct render *render, const struct run_summary *summary, struct out *err_out);

/* --list-checks and --explain. */
void render_list_checks(struct out *out, enum render_format format);
void render_explain(struct out *out, enum render_format format, enum check check);

#endif
