/* What shows only when several connections are looked at together (checks.md 4.3, 4.12): a client
 * with more connections to a server than it needs, and a field that an intermediary was told not to
 * index and does. Both are no more than possible: behind one address there may be many hosts. */
#include <string.h>

#include "base/num.h"
#include "check/check_int.h"

/* ---- connections of one client to one server ---- */

static bool same_ends(const struct check_conn *a, const struct check_conn *b)
{
    const struct connection_info *x = &a->info, *y = &b->info;
    const char *sni_x = x->tls != NULL ? x->tls->sni : "";
    const char *sni_y = y->tls != NULL ? y->tls->sni : "";
    return x->client.ip_len == y->client.ip_len && x->server.ip_len == y->server.ip_len &&
           memcmp(x->client.ip, y->client.ip, sizeof x->client.ip) == 0 &&
           memcmp(x->server.ip, y->server.ip, sizeof x->server.ip) == 0 &&
           x->server.port == y->server.port && x->transport == y->transport &&
           strcmp(sni_x, sni_y) == 0;
}

static bool waits_for_answers(const struct check_conn *conn)
{
    return !check_ended(&conn->sides[DIR_C2S]) && !check_ended(&conn->sides[DIR_S2C]) &&
           h2_session_open_streams(conn->requests) > 0;
}

/* RFC 9113 9.1: told once of each pair of ends, and only while requests are under way on both: a
 * connection that is left for a newer one, or lost a race, is idle. */
static void look_for_others(const struct at_frame *at)
{
    struct check_conn *conn = at->conn;
    struct checker *check = conn->check;
    struct check_conn *other = NULL;
    for (size_t i = 0; i < check->busy_count; i++) {
        struct check_conn *one = check->busy[i].conn;
        if (check->busy[i].ends == conn->ends && one != conn && same_ends(one, conn) &&
            (one->duplicate_told || waits_for_answers(one))) {
            other = one;
            conn->duplicate_told |= one->duplicate_told;
        }
    }
    if (other != NULL && !conn->duplicate_told) {
        conn->duplicate_told = other->duplicate_told = true;
        check_tell(at, CHECK_CONNECTION_DUPLICATED, CONFIDENCE_POSSIBLE,
                   "the client has requests under way on another connection to this server, #%llu",
                   (unsigned long long)other->info.conn);
    }
}

/* Tells most ends apart; whoever makes two alike gains nothing. */
static uint32_t ends_of(const struct check_conn *conn)
{
    const struct connection_info *info = &conn->info;
    uint32_t mix = info->server.port;
    for (size_t i = 0; i < sizeof info->client.ip; i += 4) {
        mix = mix * 31 + num_be32(info->client.ip + i) * 17 + num_be32(info->server.ip + i);
    }
    return mix;
}

static void request(const struct at_frame *at)
{
    struct check_conn *conn = at->conn;
    struct checker *check = conn->check;
    if (!conn->busy) {
        conn->ends = ends_of(conn);
        conn->requests = at->session;
    }
    look_for_others(at);
    if (!conn->busy && check->busy_count < LIMIT_CHECK_CONNECTIONS) {
        check->busy[check->busy_count++] = (struct busy_conn){ conn->ends, conn };
    }
    conn->busy = true;
}

/* Both ends and the beginning must be known: behind a proxy there are others. */
static bool is_comparable(const struct check_conn *conn)
{
    return conn->info.client.ip_len > 0 && conn->info.via == NULL && !conn->begun_late;
}

void chk_hops_frame(const struct at_frame *at)
{
    const struct check_conn *conn = at->conn;
    if (at->dir == DIR_C2S && at->frame->hd.type == H2_HEADERS && conn->check->busy != NULL &&
        !conn->duplicate_told && is_comparable(conn)) {
        request(at);
    }
}

void chk_hops_end(struct check_conn *conn)
{
    struct checker *check = conn->check;
    for (size_t i = 0; conn->busy && i < check->busy_count; i++) {
        if (check->busy[i].conn == conn) {
            check->busy[i] = check->busy[--check->busy_count];
            conn->busy = false;
        }
    }
}

/* ---- fields that pass through ---- */

static uint64_t hash_of(const struct checker *check, const struct h2_header *header)
{
    return siphash_13(&check->options.key, header->name) * 31 +
           siphash_13(&check->options.key, header->value);
}

static bool same_end(const struct endpoint *a, const struct endpoint *b, bool port)
{
    return a->ip_len == b->ip_len && memcmp(a->ip, b->ip, sizeof a->ip) == 0 &&
           (!port || a->port == b->port);
}

/* RFC 7541 6.2.3: what came so must go on so. `to` got it. */
static void remember(struct check_conn *conn, const struct endpoint *to, uint64_t hash)
{
    struct checker *check = conn->check;
    struct never_indexed *entry = &check->never[check->never_count++ % LIMIT_CHECK_NEVER_INDEXED];
    *entry = (struct never_indexed){
        .hash = hash, .conn = conn->info.conn, .to = *to, .server = conn->info.server
    };
}

static struct never_indexed *recall(struct check_conn *conn, const struct endpoint *from,
                                    uint64_t hash)
{
    struct checker *check = conn->check;
    for (size_t i = 0; i < LIMIT_CHECK_NEVER_INDEXED && i < check->never_count; i++) {
        struct never_indexed *entry = &check->never[i];
        if (entry->hash == hash && entry->conn != conn->info.conn &&
            same_end(&entry->to, from, false) &&
            !same_end(&entry->server, &conn->info.server, true)) {
            return entry;
        }
    }
    return NULL;
}

void chk_hops_header(const struct at_frame *at, const struct h2_header *header)
{
    struct check_conn *conn = at->conn;
    const struct connection_info *info = &conn->info;
    bool c2s = at->dir == DIR_C2S;
    if (header->certainty != H2_EXACT || info->client.ip_len == 0) {
        return;
    }
    if (header->repr == HPACK_LITERAL_NEVER) {
        remember(conn, c2s ? &info->server : &info->client, hash_of(conn->check, header));
    } else if (conn->check->never_count > 0 &&
               (header->inserted || (header->repr == HPACK_INDEXED && header->index > 61))) {
        struct never_indexed *entry =
            recall(conn, c2s ? &info->client : &info->server, hash_of(conn->check, header));
        if (entry != NULL) {
            entry->hash = ~entry->hash; /* told once */
            check_tell(at, CHECK_HPACK_NEVER_INDEXED_LOST, CONFIDENCE_POSSIBLE,
                       "a field of the dynamic table that came never indexed on connection #%llu",
                       (unsigned long long)entry->conn);
        }
    }
}
