#include "tls/tls.h"

#include <string.h>

#include "tls/tls_int.h"

bool tls_available(void)
{
    return crypto_available();
}

const char *tls_library(void)
{
    return crypto_library();
}

struct tls *tls_new(struct mem *mem, struct mem *secrets_mem, const struct siphash_key *key,
                    const struct tls_events *events, void *ctx)
{
    struct tls *tls = mem_zalloc(secrets_mem, 1, sizeof(*tls));
    if (tls == NULL) {
        return NULL;
    }
    tls->mem = mem;
    tls->secrets_mem = secrets_mem;
    tls->events = *events;
    tls->ctx = ctx;
    tls->keylog = keylog_new(secrets_mem, key);
    tls->files = tls->keylog != NULL ? keyfiles_new(secrets_mem, tls->keylog) : NULL;
    tls->rooms = mem_alloc(secrets_mem, (size_t)(LIMIT_TLS_DEPTH * RECORD_PAYLOAD_MAX));
    if (tls->files == NULL || tls->rooms == NULL) {
        tls_free(tls);
        return NULL;
    }
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL) {
        return;
    }
    struct mem *secrets_mem = tls->secrets_mem;
    tls_end(tls);
    crypto_free(tls->crypto);
    keyfiles_free(tls->files);
    keylog_free(tls->keylog);
    if (tls->sessions != NULL) {
        crypto_wipe(tls->sessions, LIMIT_TLS_SESSIONS * sizeof(struct session));
        mem_free(secrets_mem, tls->sessions);
    }
    if (tls->rooms != NULL) {
        crypto_wipe(tls->rooms, (size_t)(LIMIT_TLS_DEPTH * RECORD_PAYLOAD_MAX));
        mem_free(secrets_mem, tls->rooms);
    }
    mem_free(secrets_mem, tls);
}

/* ---- secrets ---- */

static void try_all_again(struct tls *tls)
{
    struct tls_conn *conn = tls->conns, *oldest = NULL;
    for (; conn != NULL; conn = conn->next) {
        oldest = conn;
    }
    /* In the order in which they began. */
    while (oldest != NULL) {
        struct tls_conn *newer = oldest->previous;
        conn_try_again(oldest);
        oldest = newer;
    }
}

enum rc tls_load(struct tls *tls, const char *path, struct err *err)
{
    return keyfiles_load(tls->files, path, err);
}

enum rc tls_secrets(struct tls *tls, struct span text)
{
    struct keylog_text state;
    memset(&state, 0, sizeof(state));
    tls->embedded++;
    if (!keylog_feed(tls->keylog, &state, text) || !keylog_end(tls->keylog, &state)) {
        return RC_NOMEM;
    }
    try_all_again(tls);
    return RC_OK;
}

enum rc tls_poll(struct tls *tls)
{
    bool more;
    (void)keyfiles_fd(tls->files); /* begins to watch, the first time */
    enum rc rc = keyfiles_poll(tls->files, &more);
    if (rc == RC_OK && more) {
        try_all_again(tls);
    }
    return rc;
}

int tls_poll_fd(struct tls *tls)
{
    return keyfiles_fd(tls->files);
}

void tls_expect_secrets(struct tls *tls, bool expect)
{
    tls->expect_secrets = expect;
}

void tls_want_names(struct tls *tls, bool want)
{
    tls->want_names = want;
}

static void give_up_waiting(struct tls_conn *conn)
{
    if (conn->state == CONN_WAITING) {
        conn_give_up(conn);
    }
    if (conn->orphan) {
        conn_try_again(conn);
    }
}

void tls_age(struct tls *tls, uint64_t now_ms)
{
    struct tls_conn *next;
    for (struct tls_conn *conn = tls->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->state != CONN_WAITING) {
            continue;
        }
        if (conn->waiting_since_ms == 0) {
            conn->waiting_since_ms = now_ms > 0 ? now_ms : 1;
        } else if (now_ms - conn->waiting_since_ms >= LIMIT_TLS_WAIT_MS) {
            give_up_waiting(conn);
        }
    }
}

void tls_end(struct tls *tls)
{
    struct tls_conn *conn = tls->conns;
    while (conn != NULL && conn->next != NULL) {
        conn = conn->next;
    }
    while (conn != NULL) {
        struct tls_conn *newer = conn->previous;
        give_up_waiting(conn);
        conn = newer;
    }
}

struct tls_secret_stats tls_secret_stats(const struct tls *tls)
{
    const struct keylog_stats *s = keylog_stats(tls->keylog);
    return (struct tls_secret_stats){
        .lines = s->lines,
        .keys = s->keys,
        .connections = s->connections,
        .damaged = s->damaged,
        .ignored = s->ignored,
        .old_form = s->old_form,
        .over_limit = s->over_limit,
        .files = keyfiles_count(tls->files),
        .embedded = tls->embedded,
        .readable_by_others = keyfiles_readable_by_others(tls->files),
    };
}

/* ---- the sink ---- */

static int on_record(void *ctx, unsigned side, const struct record *record)
{
    struct tls_conn *conn = ctx;
    return conn_record(&conn->halves[side], record);
}

static int on_hole(void *ctx, unsigned side, const struct record_hole *hole)
{
    struct tls_conn *conn = ctx;
    return conn_hole(&conn->halves[side], hole);
}

/* Memory for TLS is spent: this connection is given up, the others go on. */
static int answer_of(struct tls_conn *conn, unsigned side, int answer)
{
    if (answer != RC_NOMEM || conn->out.ops != NULL) {
        return answer;
    }
    conn_note(&conn->halves[side], CHECK_LIMIT_MEMORY, SEVERITY_NOTE, NULL,
              "the memory for TLS is spent; this connection is not followed further");
    return SINK_IGNORE;
}

static int tls_bytes(void *ctx, unsigned side, uint64_t off, struct span octets,
                     const struct pos *pos)
{
    struct tls_conn *conn = ctx;
    (void)off;
    if (H2D_UNLIKELY(conn->state == CONN_DONE)) {
        return SINK_IGNORE;
    }
    int answer = records_bytes(&conn->halves[side].records, octets, pos);
    return H2D_LIKELY(answer == SINK_MORE) ? answer : answer_of(conn, side, answer);
}

static int tls_gap(void *ctx, unsigned side, uint64_t off, uint64_t len, enum gap_cause cause,
                   const struct pos *before, const struct pos *after)
{
    struct tls_conn *conn = ctx;
    (void)off, (void)cause;
    if (conn->state == CONN_DONE) {
        return SINK_IGNORE;
    }
    int answer = records_gap(&conn->halves[side].records, len, before, after);
    if (answer == SINK_MORE) {
        answer = conn_gap(&conn->halves[side], before, after);
    }
    return answer_of(conn, side, answer);
}

static void tls_close(void *ctx, unsigned side, enum close_cause cause, const struct pos *pos)
{
    struct tls_conn *conn = ctx;
    struct half *half = &conn->halves[side];
    half->ended = true;
    if (conn->state != CONN_DONE) {
        (void)records_end(&half->records);
    }
    conn_close(half, cause, pos);
}

static void tls_sink_free(void *ctx)
{
    struct tls_conn *conn = ctx;
    for (unsigned side = 0; side < 2; side++) {
        if (!conn->halves[side].ended) {
            tls_close(conn, side, CLOSE_END, NULL);
        }
    }
    conn_free(conn);
}

struct stream_sink tls_open(struct tls *tls, const struct flow_info *info,
                            const struct tls_facts *outer)
{
    static const struct stream_sink_ops ops = { tls_bytes, tls_gap, tls_close, tls_sink_free };
    static const struct record_events events = { on_record, on_hole };
    struct stream_sink sink = { NULL, NULL };
    unsigned depth = outer != NULL ? outer->depth + 1 : 1;
    if (tls->crypto == NULL && crypto_available()) {
        tls->crypto = crypto_new(tls->secrets_mem);
    }
    struct tls_conn *conn =
        depth <= LIMIT_TLS_DEPTH ? mem_zalloc(tls->mem, 1, sizeof(*conn)) : NULL;
    if (conn == NULL) {
        return sink;
    }
    conn->tls = tls;
    conn->info = *info;
    conn->client = info->client_side == 1 ? 1 : 0;
    conn->facts.depth = depth;
    conn->facts.version = conn->facts.cipher = "";
    conn->facts.reason = conn->facts.brief = "";
    buf_init(&conn->names, tls->mem, (size_t)LIMIT_TLS_NAMES_OCTETS);
    buf_init(&conn->held, tls->mem, 4 * (size_t)LIMIT_TLS_WAITING_OCTETS);
    for (unsigned i = 0; i < 2; i++) {
        conn->halves[i].conn = conn;
        conn->halves[i].side = i;
        records_init(&conn->halves[i].records, tls->mem, &events, conn, i);
        handshake_init(&conn->halves[i].handshake, tls->mem);
        conn->halves[i].handshake.certificates = tls->want_names;
    }
    conn->next = tls->conns;
    if (conn->next != NULL) {
        conn->next->previous = conn;
    }
    tls->conns = conn;
    sink.ops = &ops;
    sink.ctx = conn;
    return sink;
}
