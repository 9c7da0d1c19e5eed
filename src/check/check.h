/* --check: listens to what sessions tell, raises the findings that the engine leaves to it, waits a
 * little for what the other side does about each (checks.md 2, 4), and hands them on. It stands in
 * front of another listener, which hears everything but the findings. */
#ifndef H2DUMP_CHECK_CHECK_H
#define H2DUMP_CHECK_CHECK_H

#include "base/mem.h"
#include "base/siphash.h"
#include "h2/events.h"
#include "spec/connection.h"

struct checker;
struct check_conn;

struct check_options {
    const bool *wanted; /* by enum check; kept by the caller */
    struct siphash_key key;
    const bool *heard; /* those, and those that only the reactions (checks.md 4.13) need */
    /* A finding that is settled, with what the other side did. owner: of its connection; finding
     * and all that it points to live for the call. */
    void (*on_finding)(void *ctx, void *owner, const struct finding *finding);
    void *ctx;
};

/* next: what else listens; members may be NULL. NULL: memory is out. */
struct checker *check_new(struct mem *mem, const struct check_options *options,
                          const struct h2_events *next) H2D_MUST_CHECK;
void check_free(struct checker *check);

/* Whether a rule's finding is one that the reactions are about. */
bool check_is_for_reactions(enum check check);

/* The callbacks to give to sessions; their user pointer is the struct check_conn. */
struct h2_events check_events(const struct checker *check);

/* A connection begins. next_user: the user pointer of the next listener; owner: for whoever hears
 * of its findings, which may come before this returns. NULL: memory is out. */
struct check_conn *check_connection_begin(struct checker *check, const struct connection_info *info,
                                          void *next_user, void *owner) H2D_MUST_CHECK;
void *check_connection_owner(const struct check_conn *conn);

/* It came from an HTTP/1.1 Upgrade. */
void check_upgrade(struct check_conn *conn, const struct upgrade_info *upgrade);
/* A finding that no session made (TCP notes, limits of the program). */
void check_finding(struct check_conn *conn, const struct finding *finding);
/* The sessions are gone before their time: what the connection does from here on nobody will see.
 */
void check_given_up(struct check_conn *conn);
/* A direction has ended; pos NULL: nowhere in particular; open_streams: how many are open now.
 * Before the connection's end is told to its sessions, whose last findings it explains. */
void check_closed(struct check_conn *conn, enum dir dir, enum close_cause cause,
                  const struct pos *pos, uint32_t open_streams);
/* The sessions have told their last: what was waited for is settled. The connection is gone. */
void check_connection_end(struct check_conn *conn);

#endif
