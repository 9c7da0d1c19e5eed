/* What one side made of a script: a list of events, step by step. */
#ifndef H2DUMP_TESTS_ORACLE_TRANSCRIPT_H
#define H2DUMP_TESTS_ORACLE_TRANSCRIPT_H

#include "script.h"

enum event_kind {
    EV_BF,
    EV_BH,
    EV_H,
    EV_IH,
    EV_DC,
    EV_EX,
    EV_UX,
    EV_FR,
    EV_IF, /* code: library error */
    EV_SC, /* code: HTTP/2 error code */
    EV_RV, /* code: what the receive function returned, when it was not the unit's length */
    EV_FIRST_ACTION,
    EV_RST = EV_FIRST_ACTION,
    EV_GOAWAY,
    EV_WINDOW_UPDATE, /* code: increment */
    EV_SETTINGS_ACK,
    EV_PING_ACK,
    EV_KINDS
};

const char *event_kind_name(enum event_kind kind);

struct event {
    enum event_kind kind;
    uint8_t type, flags; /* of the frame */
    uint32_t stream, length;
    int64_t code;
    size_t text; /* offset of the rest, in words, in the transcript's text */
};

struct transcript {
    struct event *events;
    size_t count, cap;
    struct octets text;
    size_t *step_ends; /* events up to the end of each step */
    size_t step_count, step_cap;
    struct event *actions; /* decided and not sent yet: held back to the next drain */
    size_t action_count, action_cap;
};

void transcript_free(struct transcript *t);

/* Adds an event; words are appended to it by transcript_words() until the next event. */
struct event *transcript_add(struct transcript *t, enum event_kind kind);
void transcript_words(struct transcript *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Name, value or other octets, escaped. */
void transcript_octets(struct transcript *t, const void *ptr, size_t len);

/* Adds an action to the list of those not sent yet. */
void transcript_decide(struct transcript *t, const struct event *action);
/* They are sent: moved to the events. After a terminating GOAWAY nothing else is sent
 * (receive-engine 1.6). */
void transcript_send(struct transcript *t);

/* The step is over: coalesces data chunks, orders what has no order of its own (a run of closed
 * streams; what is sent), and notes the end. */
void transcript_end_step(struct transcript *t);

/* The events of a step. */
const struct event *transcript_step(const struct transcript *t, size_t step, size_t *count);

const char *event_text(const struct transcript *t, const struct event *event);
bool event_equal(const struct transcript *ta, const struct event *a, const struct transcript *tb,
                 const struct event *b);
void event_print(FILE *out, const struct transcript *t, const struct event *event);

#endif
