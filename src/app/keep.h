/* -w: the packets of the connections that are shown. Whether one is, is known only when its
 * protocol is: until then its packets are held, in the order in which they came, and those of
 * others behind them (decisions.md #12). */
#ifndef H2DUMP_APP_KEEP_H
#define H2DUMP_APP_KEEP_H

#include <sys/types.h>

#include "base/err.h"
#include "base/stream.h"

struct run;
struct keep;

/* Opens what run->options->write_path names; run->keep stays NULL when it names nothing. As
 * writer_open. */
enum rc keep_open(struct run *run, struct err *err) H2D_MUST_CHECK;
/* Writes out and closes: RC_OK, or what could not be written. */
enum rc keep_close(struct run *run, struct err *err) H2D_MUST_CHECK;

/* All of these do nothing without -w. */

/* The file is made somebody else's. */
void keep_give_to(struct run *run, uid_t uid, gid_t gid);

/* A packet has gone its way through run->net. fragment: it is a part of an IP packet, whose
 * connection it cannot tell. False: memory is out. */
bool keep_packet(struct run *run, const struct packet *packet, bool fragment);

/* A connection (flow_info.id) is shown, or will not be. */
void keep_decide(struct run *run, uint64_t flow, bool shown);

/* Secrets that a capture carries: lines of a key log. Those of --keylog are taken by keep_open, and
 * what is added to the files later by keep_flush. */
void keep_secrets(struct run *run, struct span text);

/* What is decided is written to the file. */
void keep_flush(struct run *run);

/* What the inputs lost by their own account, up to now. */
void keep_drops(struct run *run, uint64_t kernel, uint64_t interface);

/* The input has ended: connections begin anew. */
void keep_end_input(struct run *run);

/* Something could not be written: no use going on. */
bool keep_failed(const struct run *run);

#endif
