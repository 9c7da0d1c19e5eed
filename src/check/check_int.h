/* What the files of this room share: a run, its connections, and how a rule is told. check.c hears
 * the events and hands them to the chapters (chk_*.c); held.c keeps findings until they are
 * settled. */
#ifndef H2DUMP_CHECK_CHECK_INT_H
#define H2DUMP_CHECK_CHECK_INT_H

#include "check/check.h"
#include "h2/session.h"
#include "spec/limits.h"

#define MESSAGE_MAX 160
/* Of a SETTINGS frame; more entries than that are a flood. */
#define SETTINGS_LOOKED_AT 32

/* A finding that waits for the other side. */
struct held {
    struct held *next;
    struct finding finding;
    char message[MESSAGE_MAX];
    bool settled;
};

/* One direction of a connection, as far as the checks look at it. */
struct check_side {
    uint64_t frames;
    struct pos last; /* of its newest frame */
    bool closed;
    enum close_cause cause;
    uint64_t closed_packet;
    /* The newest GOAWAY. */
    bool goaway;
    uint32_t goaway_code;
    uint64_t goaway_packet;
    bool settings_seen, priorities_said; /* a SETTINGS came; one had NO_RFC7540_PRIORITIES */
};

struct check_conn {
    struct checker *check;
    struct connection_info info;
    void *next_user, *owner;
    bool begun_late; /* its first octets are not there */
    bool priority_told, origin_told;
    bool doomed; /* a certain connection error that counts came earlier */
    struct check_side sides[2];
    struct held *held, **held_end; /* in the order in which they were found */
    uint32_t held_count;
};

struct checker {
    struct mem *mem;
    struct check_options options;
    struct h2_events next;
    struct held *free;
};

/* ---- held.c ---- */

/* Takes a finding: joins it to one of the same frame, keeps it while the other side may react, or
 * hands it on. */
void held_take(struct check_conn *conn, const struct finding *finding);
/* The other side did something: a frame of direction dir is complete. */
void held_frame(struct check_conn *conn, enum dir dir, const struct h2_frame *frame);
/* A response of direction dir has this status. */
void held_status(struct check_conn *conn, enum dir dir, uint32_t stream_id, uint16_t status);
/* A direction has ended. */
void held_closed(struct check_conn *conn, enum dir dir);
/* Nothing more will come. */
void held_end(struct check_conn *conn);
void held_free(struct checker *check);

/* ---- chk_frames.c ---- */

/* A frame is complete. */
void chk_frame(struct check_conn *conn, enum dir dir, const struct h2_frame *frame);

/* ---- check.c: for the chapters ---- */

/* Whether the check was asked for. */
static inline bool check_wants(const struct checker *check, enum check id)
{
    return check->options.wanted[id];
}

/* A rule is broken by the frame (its sender is dir); the text is one sentence with the values. */
void check_tell(struct check_conn *conn, enum dir dir, enum check id, enum confidence confidence,
                const struct h2_frame *frame, const char *format, ...) H2D_PRINTF(6, 7);

#endif
