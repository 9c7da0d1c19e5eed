/* A case: octets of an HTTP/2 connection in a readable notation, and the transcript that a session
 * must make of them (README.md has the language). case_file.c reads the files, octets.c turns the
 * notation of a line into octets, listen.c writes down what a session says, player.c plays a case
 * once, run_cases.c plays each case in all its ways and compares. Test code: it ends the program
 * when a file is wrong. */
#ifndef H2DUMP_TESTS_CASES_CASE_H
#define H2DUMP_TESTS_CASES_CASE_H

#include "h2/conn.h"

/* ---- growable text and octets ---- */

struct text {
    char *ptr; /* NUL-terminated once anything was added */
    size_t len, cap;
};

void text_add(struct text *text, const void *octets, size_t len);
void text_addf(struct text *text, const char *format, ...) H2D_PRINTF(2, 3);
void text_fini(struct text *text);

/* A list of lines; owns them. */
struct lines {
    char **ptr;
    size_t count, cap;
};

void lines_add(struct lines *lines, const char *text);
void lines_clear(struct lines *lines);
void lines_fini(struct lines *lines);

/* Prints to stderr and exits with 2: a case file is wrong. */
_Noreturn void case_die(const char *file, unsigned line, const char *format, ...) H2D_PRINTF(3, 4);

/* ---- a case ---- */

enum step_kind {
    STEP_OCTETS,  /* octets in direction dir */
    STEP_COMMAND, /* words of text, see player.c */
};

struct step {
    enum step_kind kind;
    enum dir dir;
    unsigned line;
    struct text octets;
    char *text;
};

/* What transcript lines are about; the first word of a line. */
enum kind {
    KIND_BEGIN,
    KIND_HEADERS,
    KIND_FIELD,
    KIND_INVALID_FIELD,
    KIND_DATA,
    KIND_EXTENSION,
    KIND_UNPACK,
    KIND_RECV,
    KIND_INVALID,
    KIND_CLOSE,
    KIND_SEND,
    KIND_FLOOD,
    KIND_FINDING,
    KIND_GAP,
    KIND_UNSYNC,
    KIND_CUT,
    KIND_RETURNS,
    KIND_PAUSED,
    KIND_QUERY,
    /* not shown unless asked for */
    KIND_END,
    KIND_PREFACE,
    KIND_SIZE_UPDATE,
    KIND_ERROR,
    KIND_COUNT
};
extern const char *const kind_names[KIND_COUNT];

#define RETURNS_MAX 8
#define EVERY       0xffffffffU

/* The nth call of a callback returns a value instead of 0. */
struct planned_return {
    enum kind kind;
    unsigned nth; /* from 1; EVERY */
    int value;
};

enum start_kind {
    START_SERVER,
    START_CLIENT,
    START_CONNECTION,
};

struct test_case {
    const char *file;
    unsigned line;
    char *title; /* "44: a request …" */
    enum start_kind start;
    bool fresh;           /* no preface and SETTINGS before the first step */
    bool one_direction;   /* connection: the server's side is never seen */
    bool chunk_dependent; /* only played in one piece for each input step group */
    bool once;            /* not even with failing allocations: the input is huge */
    bool merge;           /* adjacent data lines of a frame */
    bool no_invalid_callback;
    bool use_clock;
    size_t chunk; /* 0: all sizes */
    unsigned open_count;
    uint32_t open[16];
    struct h2_options options;
    bool more_checks; /* `wanted` is meant: the usual ones, and those that were asked for */
    bool wanted[CHECK_COUNT];
    uint32_t shown; /* bit set of enum kind */
    struct planned_return returns[RETURNS_MAX];
    size_t return_count;
    struct step *steps;
    size_t step_count, step_cap;
    struct lines expected;
    struct lines checks, silent; /* check ids that must, must not be found */
};

struct case_list {
    struct test_case *ptr;
    size_t count, cap;
};

/* Adds the cases of a file. */
void case_file_read(const char *path, struct case_list *list);
void case_list_fini(struct case_list *list);

/* ---- octets.c ---- */

/* The octets of a notation line (what stands behind '>' or '<'); dies when it is wrong. */
void octets_compile(const char *file, unsigned line, const char *notation, struct text *out);
/* The field lines that stand for "$REQ" and the like; NULL when unknown. Joined by "; ". */
const char *octets_field_set(const char *name);
/* Turns \xNN, \s, \\ and {a*1000} into octets. */
void octets_unescape(const char *file, unsigned line, const char *begin, const char *end,
                     struct text *out);
/* Calls fn for each turn of "for A..B..S …%d…", once for other text. */
void octets_each(const char *file, unsigned line, const char *notation,
                 void (*fn)(const char *file, unsigned line, const char *text, void *ctx),
                 void *ctx);

/* ---- listen.c ---- */

/* What one play of a case has said. */
struct transcript {
    const struct test_case *tc;
    struct lines lines;
    struct lines found;    /* ids of all findings, shown or not */
    struct lines problems; /* properties that do not hold */
    bool muted;            /* during set-up */
    bool dead;             /* nothing may be said any more */
    unsigned calls[KIND_COUNT];
    bool observing; /* the OBSERVER profile, without gaps: frames and octets can be counted */
    bool frame_open[2];
    unsigned begun[2], ended[2];
    uint64_t preface_octets[2];
    bool merge_data[2]; /* the last line is data of the frame that is open */
    size_t merged[2];
    enum kind merged_kind[2];
    struct text merged_octets[2];
    struct text wire[2]; /* of on_frame_octets */
};

void listen_events(const struct test_case *tc, struct h2_events *events);
/* Writes down what was gathered; before anything but an event is added. */
void listen_flush(struct transcript *transcript);
void listen_add(struct transcript *transcript, enum kind kind, const struct h2_session *session,
                const char *format, ...) H2D_PRINTF(4, 5);
void listen_fini(struct transcript *transcript);

/* ---- player.c ---- */

enum how {
    HOW_PUSH, /* h2_session_mem_recv */
    HOW_PULL, /* h2_session_recv with the filling callback */
    HOW_LEND, /* h2_session_recv with the lending callback */
};

struct play {
    enum how how;
    size_t chunk;     /* 0: in one piece */
    uint64_t fail_at; /* of mem */
    enum h2_profile profile;
};

struct outcome {
    struct transcript transcript;
    uint64_t allocations;
    bool nomem; /* it was reported */
    size_t leaked;
};

void player_play(const struct test_case *tc, const struct play *play, struct outcome *outcome);

#endif
