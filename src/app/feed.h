/* One HTTP/2 connection on the last part of its way: a sink that lends the octets of each direction
 * to its session, searches for the next frame boundary when a session is out of step, and tells the
 * end. Owns the sessions; what they say goes to render/. */
#ifndef H2DUMP_APP_FEED_H
#define H2DUMP_APP_FEED_H

#include "app/run.h"

/* A connection begins; it is numbered and shown. The sink's sides are enum dir. ops NULL: memory is
 * out, and the run knows. */
struct stream_sink feed_open(struct run *run, const struct connection_info *info,
                             const struct upgrade_info *upgrade);

/* A TLS connection that nobody can read, numbered and shown: --check judges what it says in clear.
 */
void feed_keyless(struct run *run, const struct connection_info *info, struct render_conn *shown);

/* What --check calls with a settled finding: ctx is the run, owner the connection. */
void feed_checked(void *ctx, void *owner, const struct finding *finding);

/* A note on a TCP flow goes to its connection, if it is one of HTTP/2. */
void feed_note(struct run *run, const struct flow_info *flow, const struct finding *note);

#endif
