/* A connection: the pair of sessions of its two directions, each fed with what the other shows
 * (receive-engine 6). This is what a program that watches both directions uses; a session alone
 * (session.h) knows only one. */
#ifndef H2DUMP_H2_CONN_H
#define H2DUMP_H2_CONN_H

#include "h2/session.h"

struct h2_connection;

/* A new connection in the profile of the options; events are told by both sessions (h2_session_dir
 * tells which). The options' role-dependent parts are set by the connection. NULL when memory is
 * out. */
struct h2_connection *h2_connection_new(struct mem *mem, const struct h2_events *events,
                                        const struct h2_options *options,
                                        void *user) H2D_MUST_CHECK;

void h2_connection_free(struct h2_connection *connection);

/* The session that takes the octets of a direction; lives as long as the connection. */
struct h2_session *h2_connection_session(struct h2_connection *connection, enum dir dir);

/* The connection came from an HTTP/1.1 Upgrade: before the first octet. method of the request that
 * became stream 1; settings: what HTTP2-Settings held. Returns 0 or H2_ERR_NOMEM. */
int h2_connection_upgraded(struct h2_connection *connection, struct span method,
                           const struct h2_setting *settings, size_t count);

/* The beginning was not seen: what was stream 1 may have been an HTTP/1.1 request (RFC 7540 3.2).
 * roles_known: it is known all the same who is the client. */
void h2_connection_joined(struct h2_connection *connection, bool roles_known);
/* A side of which nothing will ever be seen (one-direction capture): rules that need it are off. */
void h2_connection_one_direction(struct h2_connection *connection);

/* Both directions have ended: tells what only the end can tell (cut frames, unanswered and
 * provisional matters). Call once, after the last octet; cause by direction. */
void h2_connection_end(struct h2_connection *connection, const enum close_cause cause[2]);

#endif
