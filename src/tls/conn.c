/* One TLS connection: from records to what is inside of them. States: HELLO until the ServerHello,
 * then READING, or WAITING for secrets that may still come; DONE when it is given up. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tls/tls_int.h"

#define NOTE_MAX 200

void conn_note(struct half *half, enum check check, enum severity severity, const struct pos *pos,
               const char *format, ...)
{
    static const struct pos nowhere;
    struct tls *tls = half->conn->tls;
    char message[NOTE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    struct finding note = {
        .check = check,
        .severity = severity,
        .confidence = CONFIDENCE_CERTAIN,
        .dir = (enum dir)half->side,
        .first = pos != NULL ? pos_begin(pos) : nowhere,
        .last = pos != NULL ? *pos : nowhere,
        .message = message,
    };
    if (tls->events.on_note != NULL) {
        tls->events.on_note(tls->ctx, &half->conn->info, &note);
    }
}

/* ---- what is inside ---- */

/* Nobody wants more, or it cannot be read: nothing is kept. */
static int finish(struct tls_conn *conn)
{
    conn->state = CONN_DONE;
    wait_drop(conn);
    for (unsigned i = 0; i < 2; i++) {
        records_fini(&conn->halves[i].records);
        handshake_fini(&conn->halves[i].handshake);
        open_release(&conn->halves[i]);
    }
    return SINK_IGNORE;
}

static int open_inside(struct tls_conn *conn)
{
    if (conn->out_tried) {
        return SINK_MORE;
    }
    struct flow_info info = conn->info;
    info.client_side = (int)conn->client;
    conn->out_tried = true;
    conn->facts.keys = true;
    conn->out = conn->tls->events.on_open(conn->tls->ctx, &info, &conn->facts);
    return conn->out.ops != NULL ? SINK_MORE : finish(conn);
}

static int settle(struct tls_conn *conn, int answer)
{
    return answer == SINK_IGNORE && conn->state != CONN_DONE ? finish(conn) : answer;
}

static int give(struct half *half, struct span octets, const struct pos *pos)
{
    struct tls_conn *conn = half->conn;
    int answer = open_inside(conn);
    if (answer != SINK_MORE) {
        return answer;
    }
    uint64_t off = half->out_off;
    half->out_off += octets.len;
    return settle(conn, conn->out.ops->bytes(conn->out.ctx, half->side, off, octets, pos));
}

/* len 0: nobody knows how many octets. */
static int give_gap(struct half *half, uint64_t len, const struct pos *before,
                    const struct pos *after)
{
    struct tls_conn *conn = half->conn;
    int answer = open_inside(conn);
    if (answer != SINK_MORE) {
        return answer;
    }
    uint64_t off = half->out_off;
    half->out_off += len;
    return settle(conn, conn->out.ops->gap(conn->out.ctx, half->side, off, len, GAP_TLS,
                                           before->packet != 0 ? before : NULL,
                                           after->packet != 0 ? after : NULL));
}

/* ---- records that are encrypted ---- */

static void open_hole(struct half *half, uint64_t octets, const struct pos *before,
                      const struct pos *after)
{
    struct half_hole *hole = &half->hole;
    if (!hole->open) {
        hole->open = true;
        hole->before = *before;
    }
    hole->octets += octets;
    hole->after = *after;
    hole->trials = hole->octets_tried = 0;
    handshake_lose(&half->handshake);
}

static bool is_blind(const struct half *half)
{
    return half->opened == 0 && half->key.aead == NULL && half->slots[EPOCH_DATA].count == 0;
}

/* RFC 5246 7.4.1: within an encrypted connection a hello begins a new handshake, with keys that no
 * key log names. */
static bool is_renegotiation(const struct half *half, const struct tls_plain *plain)
{
    return half->conn->version == TLS_1_2 && half->seq > 1 && plain->octets.len > 0 &&
           (plain->octets.ptr[0] == HS_CLIENT_HELLO || plain->octets.ptr[0] == HS_HELLO_REQUEST);
}

/* RFC 9113 9.2.1: not once HTTP/2 runs. Before its preface it may be, and nothing of it is seen. */
static int renegotiated(struct half *half, const struct pos *pos)
{
    struct tls_conn *conn = half->conn;
    if (!conn->out_tried) {
        conn->renegotiated = true;
        conn_give_up(conn);
        return SINK_IGNORE;
    }
    conn_note(half, CHECK_TLS_RENEGOTIATION, SEVERITY_ERROR, pos,
              "the %s begins a new TLS handshake; what follows is not decrypted",
              half->side == conn->client ? "client" : "server");
    return finish(conn);
}

/* A hole of the other side that nobody was told of: it came while the keys were not known, or those
 * for data are not in force yet, for the hole. Did it cost data? When this side goes on talking, it
 * did: what is said now may be the answer. */
static int tell_silent_hole(struct half *half)
{
    enum { RECORDS_WITHOUT_ANSWER = 1 };
    struct half *other = &half->conn->halves[half->side ^ 1];
    bool searching = other->hole.open || other->records.searching;
    if (H2D_LIKELY(!searching) || other->hole.told || other->closed || is_blind(other)) {
        return SINK_MORE;
    }
    if (other->epoch != EPOCH_DATA && other->hole.answers++ < RECORDS_WITHOUT_ANSWER) {
        return SINK_MORE;
    }
    bool open = other->hole.open;
    other->hole.told = true;
    return give_gap(other, 0, open ? &other->hole.before : &other->records.hole.before,
                    open ? &other->hole.after : &other->records.hole.after);
}

static int take_data(struct half *half, struct span octets, const struct pos *pos)
{
    int answer = octets.len > 0 ? tell_silent_hole(half) : SINK_MORE;
    return answer == SINK_MORE && octets.len > 0 ? give(half, octets, pos) : answer;
}

static int take_plain(struct half *half, const struct tls_plain *plain, const struct pos *pos)
{
    switch (plain->type) {
    case RECORD_DATA:
        return take_data(half, plain->octets, pos);
    case RECORD_HANDSHAKE:
        if (is_renegotiation(half, plain)) {
            return renegotiated(half, pos);
        }
        half->at = *pos;
        if (half->epoch == EPOCH_HANDSHAKE || half->conn->version == TLS_1_3) {
            (void)handshake_feed(&half->handshake, plain->octets, hello_message, half);
        }
        return SINK_MORE;
    case RECORD_ALERT:
        hello_alert(half, plain->octets, pos);
        return SINK_MORE;
    default:
        return SINK_MORE;
    }
}

/* A record of which octets are missing: it is lost, but not its place in the order. */
static int lose_record(struct half *half, const struct record *record)
{
    struct pos begin = pos_begin(&record->pos);
    uint8_t type;
    size_t len;
    if (half->epoch != EPOCH_DATA || half->hole.open) {
        open_hole(half, RECORD_HEADER_LEN + record->payload.len, &begin, &record->pos);
        return SINK_MORE;
    }
    uint8_t *room = tls_room(half->conn);
    bool known = tls_key_judge_holed(&half->key, half->seq, record, room, &type, &len);
    half->seq++;
    if (known && (type != RECORD_DATA || len == 0)) {
        handshake_lose(&half->handshake);
        return SINK_MORE;
    }
    return give_gap(half, known ? len : 0, &begin, &record->pos);
}

/* It does not open: damaged, or the place in the order is lost. */
static int fail_record(struct half *half, const struct record *record)
{
    if (half->conn->version == TLS_1_2 && !half->hole.open) {
        return lose_record(half, record); /* its length is in clear */
    }
    struct pos begin = pos_begin(&record->pos);
    if (!half->hole.open) {
        open_hole(half, 0, &begin, &record->pos);
    } else if (half->hole.trials > LIMIT_TLS_TRIALS && !half->told_stuck) {
        half->told_stuck = true;
        conn_note(half, CHECK_LIMIT_TLS_RESYNC, SEVERITY_NOTE, &record->pos,
                  "behind a hole no TLS record can be placed: the %s cannot be read any more",
                  half->side == half->conn->client ? "client" : "server");
    }
    return SINK_MORE;
}

static int encrypted_record(struct half *half, const struct record *record)
{
    struct tls_plain plain;
    int answer = SINK_MORE;
    half->conn->data_seen = true;
    if (H2D_UNLIKELY(record->holed)) {
        return lose_record(half, record);
    }
    enum opened result = open_record(half, record, &plain);
    switch (result) {
    case NOT_READABLE:
        return SINK_MORE;
    case NOT_OPENED:
        return fail_record(half, record);
    case OPENED:
    case OPENED_BEHIND:
        break;
    }
    if (H2D_UNLIKELY(result == OPENED_BEHIND)) {
        handshake_lose(&half->handshake);
        if (half->epoch == EPOCH_DATA && !half->hole.told) {
            /* What is read now must not be overwritten: who takes the gap opens no record. */
            struct pos begin = pos_begin(&record->pos);
            answer = give_gap(half, 0, &half->hole.before,
                              half->hole.after.packet != 0 ? &half->hole.after : &begin);
        }
    }
    half->hole.open = half->hole.told = false;
    half->hole.answers = 0;
    return answer == SINK_MORE ? take_plain(half, &plain, &record->pos) : answer;
}

static bool is_encrypted(const struct half *half, const struct record *record)
{
    return record->type == RECORD_DATA ||
           (half->changed_cipher && record->type != RECORD_CHANGE_CIPHER_SPEC);
}

/* The client's early data waits until the server has said whether it takes it, and which protocol
 * was agreed on: then the facts are whole before the first octet is given. */
static bool may_go_on(const struct tls_conn *conn)
{
    const struct half *server = &conn->halves[conn->client ^ 1];
    return conn->server_ready || server->epoch == EPOCH_DATA || server->closed ||
           server->slots[EPOCH_HANDSHAKE].count == 0;
}

/* 0-RTT that was not accepted is nobody's data: the client says it again (RFC 8446 4.2.10). When
 * nothing tells whether it was, something may be missing. */
static int settle_early_data(struct tls_conn *conn)
{
    static const struct pos nowhere;
    struct half *client = half_of_client(conn);
    if (client->slots[EPOCH_EARLY].count == 0 || conn->facts.early_data) {
        return SINK_MORE;
    }
    open_forget(client, EPOCH_EARLY);
    return conn->server_ready ? SINK_MORE : give_gap(client, 0, &nowhere, &nowhere);
}

static int release(struct tls_conn *conn)
{
    conn->holding = false;
    int answer = settle_early_data(conn);
    return answer == SINK_MORE ? wait_replay(conn) : answer;
}

static int read_record(struct half *half, const struct record *record)
{
    struct tls_conn *conn = half->conn;
    int answer = SINK_MORE;
    if (conn->holding && half->side == conn->client) {
        return wait_record(half, record) ? SINK_MORE : release(conn);
    }
    if (is_encrypted(half, record)) {
        answer = encrypted_record(half, record);
    } else if (record->holed) {
        handshake_lose(&half->handshake);
    } else {
        hello_record(half, record);
    }
    if (answer == SINK_MORE && conn->holding && may_go_on(conn)) {
        answer = release(conn);
    }
    return answer;
}

/* ---- from HELLO to READING ---- */

static int begin_reading(struct tls_conn *conn)
{
    conn->state = CONN_READING;
    for (unsigned i = 0; i < 2; i++) {
        struct half *half = &conn->halves[i];
        /* In TLS 1.2 the server goes on in clear, maybe within a message. */
        if (conn->version != TLS_1_2 || conn->forgot || half->handshake.lost) {
            handshake_restart(&half->handshake);
        }
        if (conn->forgot) {
            half->hole.open = true;
            half->changed_cipher = conn->version == TLS_1_2;
        }
    }
    conn->holding = half_of_client(conn)->slots[EPOCH_EARLY].count > 0 && !may_go_on(conn);
    conn->forgot = false;
    return conn->holding ? SINK_MORE : release(conn);
}

/* True when a secret is all that it lacks. */
static bool lacks_only_secret(const struct tls_conn *conn)
{
    return crypto_available() && conn->has_client_hello &&
           (conn->suite != NULL ? conn->suite->aead != AEAD_NONE : conn->guessed) &&
           conn->version >= TLS_1_2 && conn->facts.compression == 0;
}

static int server_has_spoken(struct tls_conn *conn)
{
    if (open_find_keys(conn)) {
        return begin_reading(conn);
    }
    if (conn->tls->expect_secrets && lacks_only_secret(conn)) {
        conn->state = CONN_WAITING;
        return SINK_MORE;
    }
    conn_give_up(conn);
    return SINK_IGNORE;
}

/* Encrypted records before a ServerHello was seen. */
static int early_record(struct half *half, const struct record *record)
{
    struct tls_conn *conn = half->conn;
    if (!conn->has_client_hello) {
        conn_give_up(conn);
        return SINK_IGNORE;
    }
    if (half->side == conn->client) {
        (void)wait_record(half, record);
        return SINK_MORE;
    }
    /* The ServerHello is lost. In TLS 1.3 the secrets need nothing of it but the suite. */
    conn->guessed = true;
    conn->version = TLS_1_3;
    conn->suite = NULL;
    conn->facts.version = "TLS 1.3";
    (void)wait_record(half, record);
    return server_has_spoken(conn);
}

static int first_record(struct half *half, const struct record *record)
{
    struct tls_conn *conn = half->conn;
    if (record->type == RECORD_DATA) {
        return early_record(half, record);
    }
    if (record->holed) {
        handshake_lose(&half->handshake);
        return SINK_MORE;
    }
    hello_record(half, record);
    return conn->has_server_hello ? server_has_spoken(conn) : SINK_MORE;
}

int conn_record(struct half *half, const struct record *record)
{
    struct tls_conn *conn = half->conn;
    if (half->close_notify) {
        return SINK_MORE; /* RFC 8446 6.1: what follows is ignored */
    }
    switch (conn->state) {
    case CONN_HELLO:
        return first_record(half, record);
    case CONN_WAITING:
        if (record->type == RECORD_ALERT && record->payload.len == 2) {
            hello_alert(half, record->payload, &record->pos);
        }
        conn->data_seen |= record->type == RECORD_DATA;
        (void)wait_record(half, record);
        return SINK_MORE;
    case CONN_READING:
        return read_record(half, record);
    case CONN_DONE:
        break;
    }
    return SINK_IGNORE;
}

int conn_hole(struct half *half, const struct record_hole *hole)
{
    struct tls_conn *conn = half->conn;
    if (half->close_notify) {
        return SINK_MORE;
    }
    switch (conn->state) {
    case CONN_HELLO:
        handshake_lose(&half->handshake);
        H2D_FALLTHROUGH;
    case CONN_WAITING:
        (void)wait_hole(half, hole);
        return SINK_MORE;
    case CONN_READING:
        if (conn->holding && half->side == conn->client) {
            return wait_hole(half, hole) ? SINK_MORE : release(conn);
        }
        open_hole(half, hole->octets, &hole->before, &hole->after);
        return SINK_MORE;
    case CONN_DONE:
        break;
    }
    return SINK_IGNORE;
}

int conn_gap(struct half *half, const struct pos *before, const struct pos *after)
{
    static const struct pos nowhere;
    struct tls_conn *conn = half->conn;
    bool data = half->epoch == EPOCH_DATA || half->finished;
    if (conn->state != CONN_READING || !data || half->close_notify || half->hole.told ||
        !half->records.searching) {
        return SINK_MORE;
    }
    half->hole.told = true;
    return give_gap(half, 0, before != NULL ? before : &nowhere, after != NULL ? after : &nowhere);
}

/* ---- ends ---- */

/* What can only be said when it is over. */
static void tell_end(struct half *half, enum close_cause cause, const struct pos *pos)
{
    struct tls_conn *conn = half->conn;
    const char *who = half->side == conn->client ? "client" : "server";
    if (is_blind(half) && conn->out.ops != NULL) {
        conn_note(half, CHECK_CAPTURE_TLS_ONE_SIDE, SEVERITY_NOTE, pos,
                  "the key log has no %s for this connection: only the octets of the %s are shown",
                  half->side == conn->client ? "CLIENT_TRAFFIC_SECRET_0"
                                             : "SERVER_TRAFFIC_SECRET_0",
                  half->side == conn->client ? "server" : "client");
    } else if (cause == CLOSE_FIN && !half->close_notify && half->epoch == EPOCH_DATA) {
        conn_note(half, CHECK_TLS_NO_CLOSE_NOTIFY, SEVERITY_NOTE, pos,
                  "the %s closed without close_notify: what it sent may have been cut", who);
    }
}

void conn_close(struct half *half, enum close_cause cause, const struct pos *pos)
{
    struct tls_conn *conn = half->conn;
    bool hold = conn->state == CONN_WAITING || conn->state == CONN_HELLO ||
                (conn->holding && half->side == conn->client);
    if (hold) {
        if (!wait_close(half, cause, pos) && conn->holding) {
            (void)release(conn);
        }
        return;
    }
    half->closed = true;
    if (conn->state == CONN_READING && conn->holding) {
        (void)release(conn);
    }
    if (conn->state == CONN_READING && half->hole.open && half->epoch == EPOCH_DATA &&
        !half->hole.told) {
        (void)give_gap(half, 0, &half->hole.before, &half->hole.after);
    }
    if (conn->out.ops != NULL && conn->state == CONN_READING) {
        tell_end(half, cause, pos);
        conn->out.ops->close(conn->out.ctx, half->side, half->close_notify ? CLOSE_FIN : cause,
                             pos);
    }
}

void conn_give_up(struct tls_conn *conn)
{
    struct tls *tls = conn->tls;
    enum tls_reason reason = reason_fill(conn);
    conn->facts.keys = false;
    struct connection_info info = {
        .flow = conn->info.id,
        .client = conn->info.ends[conn->client],
        .server = conn->info.ends[conn->client ^ 1],
        .transport = TRANSPORT_TLS,
        .start = START_ALPN,
        .first = conn->info.first,
        .via = conn->info.via,
        .also_seen = conn->info.also_seen,
        .tls = &conn->facts,
    };
    (void)finish(conn);
    tls->events.on_keyless(tls->ctx, &info, reason);
}

/* It was read to its end: is there anything to say? */
static void settle_end(struct tls_conn *conn)
{
    struct tls *tls = conn->tls;
    if (conn->out_tried || conn->state == CONN_DONE) {
        return;
    }
    bool reached = conn->halves[0].epoch == EPOCH_DATA || conn->halves[1].epoch == EPOCH_DATA;
    if (conn->state == CONN_READING && (reached || !conn->data_seen)) {
        tls->events.on_empty(tls->ctx, &conn->info);
    } else {
        conn_give_up(conn);
    }
}

static void let_go(struct tls_conn *conn)
{
    struct tls *tls = conn->tls;
    settle_end(conn);
    if (conn->out.ops != NULL) {
        conn->out.ops->free(conn->out.ctx);
    }
    (void)finish(conn);
    if (conn->previous != NULL) {
        conn->previous->next = conn->next;
    } else {
        tls->conns = conn->next;
    }
    if (conn->next != NULL) {
        conn->next->previous = conn->previous;
    }
    buf_fini(&conn->names);
    mem_free(tls->mem, conn->via);
    crypto_wipe(conn, sizeof(*conn));
    mem_free(tls->mem, conn);
}

/* Its sink is gone, but secrets may still come: what is held stays. False: it cannot. */
static bool make_orphan(struct tls_conn *conn)
{
    if (conn->state != CONN_WAITING || !conn->tls->expect_secrets || conn->facts.depth > 1) {
        return false;
    }
    if (conn->info.via != NULL) {
        conn->via = mem_alloc(conn->tls->mem, sizeof(*conn->via));
        if (conn->via == NULL) {
            return false;
        }
        *conn->via = *conn->info.via;
        conn->info.via = conn->via;
    }
    records_fini(&conn->halves[0].records);
    records_fini(&conn->halves[1].records);
    conn->orphan = true;
    return true;
}

void conn_free(struct tls_conn *conn)
{
    if (conn->holding) {
        (void)release(conn);
    }
    if (!make_orphan(conn)) {
        let_go(conn);
    }
}

void conn_try_again(struct tls_conn *conn)
{
    if (conn->state == CONN_WAITING && open_find_keys(conn)) {
        (void)begin_reading(conn);
    }
    if (conn->orphan && conn->state != CONN_WAITING) {
        if (conn->holding) {
            (void)release(conn);
        }
        let_go(conn);
    }
}
