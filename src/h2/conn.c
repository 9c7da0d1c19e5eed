/* The pair of sessions of one connection: they share the count of findings, and each tells the
 * other what it sees (feed.c). */
#include "h2/conn.h"

#include "h2/session_int.h"

struct h2_connection {
    struct mem *mem;
    struct h2_session *sessions[2]; /* by enum dir */
    bool ended;
};

struct h2_connection *h2_connection_new(struct mem *mem, const struct h2_events *events,
                                        const struct h2_options *options, void *user)
{
    struct h2_connection *connection = mem_zalloc(mem, 1, sizeof *connection);
    if (connection == NULL) {
        return NULL;
    }
    connection->mem = mem;
    struct h2_session *c2s = h2_session_new(mem, H2_ROLE_SERVER, events, options, user);
    struct h2_report *report = c2s != NULL ? c2s->report : NULL;
    struct h2_session *s2c =
        h2_session_new_with(mem, H2_ROLE_CLIENT, events, options, report, user);
    connection->sessions[DIR_C2S] = c2s;
    connection->sessions[DIR_S2C] = s2c;
    if (c2s == NULL || s2c == NULL) {
        h2_connection_free(connection);
        return NULL;
    }
    c2s->peer = s2c;
    s2c->peer = c2s;
    return connection;
}

void h2_connection_free(struct h2_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    h2_session_free(connection->sessions[DIR_S2C]);
    h2_session_free(connection->sessions[DIR_C2S]);
    mem_free(connection->mem, connection);
}

struct h2_session *h2_connection_session(struct h2_connection *connection, enum dir dir)
{
    return connection->sessions[dir];
}

int h2_connection_upgraded(struct h2_connection *connection, struct span method,
                           const struct h2_setting *settings, size_t count)
{
    int rc = h2_feed_upgrade(connection->sessions[DIR_C2S], method, settings, count);
    return rc != 0 ? rc : h2_feed_upgrade(connection->sessions[DIR_S2C], method, settings, count);
}

void h2_connection_joined(struct h2_connection *connection, bool roles_known)
{
    if (!roles_known && connection->sessions[DIR_C2S]->report != NULL) {
        connection->sessions[DIR_C2S]->report->roles = H2_ROLES_GUESSED;
    }
    connection->sessions[DIR_C2S]->upgraded = true;
    connection->sessions[DIR_S2C]->upgraded = true;
}

void h2_connection_one_direction(struct h2_connection *connection)
{
    connection->sessions[DIR_C2S]->peer_never = true;
    connection->sessions[DIR_S2C]->peer_never = true;
}

void h2_connection_end(struct h2_connection *connection, const enum close_cause cause[2])
{
    if (connection->ended) {
        return;
    }
    connection->ended = true;
    for (int dir = DIR_C2S; dir <= DIR_S2C; dir++) {
        h2_session_end(connection->sessions[dir], cause[dir]);
    }
    /* Only now nothing more can come that would lift a suspicion. */
    for (int dir = DIR_C2S; dir <= DIR_S2C; dir++) {
        h2_suspicions_ripen(connection->sessions[dir], true);
    }
}
