/* Which key, which sequence number? Changes of keys are not followed by reading messages: each
 * record is tried under the key in force, then under those that may be next. Its tag proves the
 * guess (a wrong one passes once in 2^128, with CCM_8 in 2^64), so that lost messages, rejected
 * 0-RTT and key logs that lack some secrets need no rules of their own (capture-layer 6.6, 6.8). */
#include <string.h>

#include "tls/tls_int.h"

/* Sequence numbers that are tried beyond the next one, without a known hole. */
#define SEQ_AHEAD 3

/* ---- secrets ---- */

static void slot_fini(struct mem *mem, struct slot *slot)
{
    for (size_t i = 0; i < slot->count; i++) {
        tls_key_fini(&slot->keys[i]);
    }
    mem_free(mem, slot->keys);
    *slot = (struct slot){ .keys = NULL };
}

void open_release(struct half *half)
{
    for (unsigned epoch = 0; epoch < EPOCH_COUNT; epoch++) {
        slot_fini(half->conn->tls->mem, &half->slots[epoch]);
    }
    tls_key_fini(&half->key);
}

void open_forget(struct half *half, enum epoch epoch)
{
    slot_fini(half->conn->tls->mem, &half->slots[epoch]);
}

static void slot_add(struct tls *tls, struct slot *slot, struct tls_key *key)
{
    struct tls_key *keys =
        mem_realloc(tls->mem, slot->keys, (slot->count + 1) * sizeof(slot->keys[0]));
    if (keys == NULL) {
        tls_key_fini(key);
        return;
    }
    slot->keys = keys;
    slot->keys[slot->count++] = *key;
    crypto_wipe(key, sizeof(*key));
}

static void add_secret(struct tls *tls, struct slot *slot, const struct tls_suite *suite,
                       const struct keylog_secret *secret)
{
    struct tls_key key;
    if (suite->aead != AEAD_NONE && tls_key_from_secret(tls->crypto, suite, secret, &key)) {
        slot_add(tls, slot, &key);
    }
}

/* The secrets of one epoch of TLS 1.3. any: of whatever suite; those of 0-RTT are the resumed
 * session's, which nothing on the wire tells. */
static void fill_slot(struct half *half, enum epoch epoch, enum keylog_label label, bool any)
{
    struct tls_conn *conn = half->conn;
    struct tls *tls = conn->tls;
    struct keylog_secret secrets[KEYLOG_VALUES_MAX];
    size_t count = keylog_find(tls->keylog, conn->client_random, label, secrets);
    slot_fini(tls->mem, &half->slots[epoch]);
    for (size_t i = 0; i < count; i++) {
        if (conn->suite != NULL) {
            add_secret(tls, &half->slots[epoch], conn->suite, &secrets[i]);
        }
        for (size_t row = 0; any && tls_suite_row(row) != NULL; row++) {
            const struct tls_suite *suite = tls_suite_row(row);
            if (suite != conn->suite && tls_suite_is_13(suite)) {
                add_secret(tls, &half->slots[epoch], suite, &secrets[i]);
            }
        }
    }
    crypto_wipe(secrets, sizeof(secrets));
}

static bool find_keys_13(struct tls_conn *conn)
{
    struct half *client = half_of_client(conn), *server = half_of_server(conn);
    bool any = conn->suite == NULL;
    if (conn->early_offered && !conn->retried) {
        fill_slot(client, EPOCH_EARLY, LABEL_CLIENT_EARLY, true);
    }
    fill_slot(client, EPOCH_HANDSHAKE, LABEL_CLIENT_HANDSHAKE, any);
    fill_slot(server, EPOCH_HANDSHAKE, LABEL_SERVER_HANDSHAKE, any);
    fill_slot(client, EPOCH_DATA, LABEL_CLIENT_TRAFFIC, any);
    fill_slot(server, EPOCH_DATA, LABEL_SERVER_TRAFFIC, any);
    return client->slots[EPOCH_DATA].count + server->slots[EPOCH_DATA].count > 0;
}

static void add_master(struct tls_conn *conn, const struct keylog_secret *master)
{
    struct tls_key keys[2];
    if (!tls_keys_from_master(conn->tls->crypto, conn->suite, master, conn->client_random,
                              conn->server_random, keys)) {
        return;
    }
    keys[0].secret = keys[1].secret = *master; /* for sessions that resume this one */
    slot_add(conn->tls, &half_of_client(conn)->slots[EPOCH_DATA], &keys[0]);
    slot_add(conn->tls, &half_of_server(conn)->slots[EPOCH_DATA], &keys[1]);
}

static bool find_keys_12(struct tls_conn *conn)
{
    struct tls *tls = conn->tls;
    struct keylog_secret secrets[KEYLOG_VALUES_MAX];
    size_t count = keylog_find(tls->keylog, conn->client_random, LABEL_MASTER, secrets);
    slot_fini(tls->mem, &conn->halves[0].slots[EPOCH_DATA]);
    slot_fini(tls->mem, &conn->halves[1].slots[EPOCH_DATA]);
    if (count == 0 && conn->session_id_len > 0) {
        uint8_t id[KEYLOG_RANDOM_LEN] = { 0 };
        memcpy(id, conn->session_id, conn->session_id_len);
        count = keylog_find(tls->keylog, id, LABEL_SESSION, secrets);
    }
    for (size_t i = 0; i < count; i++) {
        add_master(conn, &secrets[i]);
    }
    crypto_wipe(secrets, sizeof(secrets));
    size_t sessions =
        tls->session_count < LIMIT_TLS_SESSIONS ? tls->session_count : LIMIT_TLS_SESSIONS;
    for (size_t i = 0; i < sessions && count == 0 && conn->session_id_len > 0; i++) {
        const struct session *session = &tls->sessions[i];
        if (session->id_len == conn->session_id_len &&
            memcmp(session->id, conn->session_id, session->id_len) == 0) {
            add_master(conn, &session->master);
        }
    }
    return conn->halves[0].slots[EPOCH_DATA].count > 0;
}

bool open_find_keys(struct tls_conn *conn)
{
    if (conn->tls->crypto == NULL || !conn->has_client_hello || conn->facts.compression != 0 ||
        (conn->suite != NULL && conn->suite->aead == AEAD_NONE)) {
        return false;
    }
    if (conn->version == TLS_1_3) {
        return find_keys_13(conn);
    }
    return conn->version == TLS_1_2 && conn->suite != NULL && conn->has_server_hello &&
           find_keys_12(conn);
}

/* A session of TLS 1.2 whose master secret is proven: a later connection may resume it. */
static void remember_session(struct half *half)
{
    struct tls_conn *conn = half->conn;
    struct tls *tls = conn->tls;
    if (conn->session_id_len == 0 || half->key.secret.len == 0 || conn->facts.resumed) {
        return;
    }
    if (tls->sessions == NULL) {
        tls->sessions = mem_zalloc(tls->secrets_mem, LIMIT_TLS_SESSIONS, sizeof(struct session));
        if (tls->sessions == NULL) {
            return;
        }
    }
    struct session *session = &tls->sessions[tls->session_count++ % LIMIT_TLS_SESSIONS];
    memcpy(session->id, conn->session_id, conn->session_id_len);
    session->id_len = conn->session_id_len;
    session->master = half->key.secret;
}

/* ---- trials ---- */

static bool try_key(struct half *half, const struct tls_key *key, uint64_t seq,
                    const struct record *record, struct tls_plain *plain)
{
    uint8_t *room = tls_room(half->conn);
    return key->aead != NULL && tls_key_open(key, seq, record, room, plain);
}

/* The key is proven: it is in force from here on. */
static void enter(struct half *half, enum epoch epoch, struct tls_key *key)
{
    struct tls_conn *conn = half->conn;
    tls_key_fini(&half->key);
    half->key = *key;
    memset(key, 0, sizeof(*key));
    half->epoch = epoch;
    for (unsigned i = 0; i <= (unsigned)epoch; i++) {
        slot_fini(conn->tls->mem, &half->slots[i]);
    }
    if (conn->suite == NULL && epoch != EPOCH_EARLY) {
        conn->suite = half->key.suite;
        conn->facts.cipher = conn->suite->name;
        conn->facts.cipher_id = conn->suite->id;
    }
    if (conn->version == TLS_1_2) {
        remember_session(half);
    }
}

static bool opened(struct half *half, uint64_t seq, const struct record *record)
{
    half->seq = seq + 1;
    half->opened++;
    half->record_octets += RECORD_HEADER_LEN + record->payload.len;
    return true;
}

/* Under the keys of later epochs, from their first record on. */
static bool try_later_epochs(struct half *half, const struct record *record,
                             struct tls_plain *plain)
{
    for (unsigned epoch = half->epoch + 1; epoch < EPOCH_COUNT; epoch++) {
        struct slot *slot = &half->slots[epoch];
        for (size_t i = 0; i < slot->count; i++) {
            if (try_key(half, &slot->keys[i], 0, record, plain)) {
                enter(half, (enum epoch)epoch, &slot->keys[i]);
                return opened(half, 0, record);
            }
        }
    }
    return false;
}

/* What a trial over a hole may still cost (LIMIT_TLS_TRIALS, LIMIT_TLS_TRIAL_OCTETS). */
static bool may_try(struct half *half, const struct record *record)
{
    struct half_hole *hole = &half->hole;
    hole->trials++;
    hole->octets_tried += record->payload.len;
    return hole->trials <= LIMIT_TLS_TRIALS && hole->octets_tried <= LIMIT_TLS_TRIAL_OCTETS;
}

/* Numbers base … base + count, those near the guess first. */
static bool try_range(struct half *half, const struct tls_key *key, uint64_t base, uint64_t count,
                      uint64_t guess, const struct record *record, struct tls_plain *plain,
                      uint64_t *seq)
{
    guess = guess < count ? guess : count;
    for (uint64_t apart = 0; apart <= count; apart++) {
        for (unsigned below = 0; below < (apart > 0 ? 2u : 1u); below++) {
            if (below != 0 ? apart > guess : apart > count - guess) {
                continue;
            }
            *seq = base + (below != 0 ? guess - apart : guess + apart);
            if (!may_try(half, record)) {
                return false;
            }
            if (try_key(half, key, *seq, record, plain)) {
                return true;
            }
        }
    }
    return false;
}

static bool try_next_generation(struct half *half, uint64_t count, uint64_t guess,
                                const struct record *record, struct tls_plain *plain)
{
    struct tls_key next;
    uint64_t seq = 0;
    if (half->epoch != EPOCH_DATA || half->conn->version != TLS_1_3 ||
        !tls_key_next(half->conn->tls->crypto, &half->key, &next)) {
        return false;
    }
    bool good = try_key(half, &next, 0, record, plain) ||
                (count > 0 && try_range(half, &next, 1, count, guess, record, plain, &seq));
    if (good) {
        enter(half, EPOCH_DATA, &next);
        half->generation++;
        return opened(half, seq, record);
    }
    tls_key_fini(&next);
    return false;
}

/* Records are missing, and nobody knows how many. */
static bool try_over_hole(struct half *half, const struct record *record, struct tls_plain *plain)
{
    const struct tls_key *any = half->key.aead != NULL ? &half->key : half->slots[EPOCH_DATA].keys;
    if (!half->hole.open || any == NULL) {
        return false;
    }
    size_t least = RECORD_HEADER_LEN + tls_key_overhead(any);
    uint64_t count = half->hole.octets / least + 2 + half->forgotten;
    uint64_t usual = half->opened > 0 ? half->record_octets / half->opened : 1400;
    uint64_t guess = half->forgotten > 0 ? half->forgotten : half->hole.octets / usual;
    uint64_t seq;
    if (half->key.aead != NULL &&
        try_range(half, &half->key, half->seq, count, guess, record, plain, &seq)) {
        return opened(half, seq, record);
    }
    for (unsigned epoch = half->epoch + 1; epoch < EPOCH_COUNT; epoch++) {
        struct slot *slot = &half->slots[epoch];
        for (size_t i = 0; i < slot->count; i++) {
            if (try_range(half, &slot->keys[i], 1, count, guess, record, plain, &seq)) {
                enter(half, (enum epoch)epoch, &slot->keys[i]);
                return opened(half, seq, record);
            }
        }
    }
    return try_next_generation(half, count, guess, record, plain);
}

static bool try_all(struct half *half, const struct record *record, struct tls_plain *plain)
{
    if (H2D_LIKELY(try_key(half, &half->key, half->seq, record, plain))) {
        return opened(half, half->seq, record);
    }
    if (try_later_epochs(half, record, plain) || try_next_generation(half, 0, 0, record, plain)) {
        return true;
    }
    for (uint64_t ahead = 1; ahead <= SEQ_AHEAD; ahead++) {
        if (try_key(half, &half->key, half->seq + ahead, record, plain)) {
            return opened(half, half->seq + ahead, record);
        }
    }
    return try_over_hole(half, record, plain);
}

enum opened open_record(struct half *half, const struct record *record, struct tls_plain *plain)
{
    uint64_t seq = half->seq, generation = half->generation;
    enum epoch epoch = half->epoch;
    if (half->key.aead == NULL && half->slots[EPOCH_DATA].count == 0 &&
        half->slots[EPOCH_HANDSHAKE].count == 0 && half->slots[EPOCH_EARLY].count == 0) {
        return NOT_READABLE; /* the key log has nothing for this side */
    }
    if (!try_all(half, record, plain)) {
        half->failed++;
        half->hole.octets += RECORD_HEADER_LEN + record->payload.len;
        return half->epoch == EPOCH_DATA ? NOT_OPENED : NOT_READABLE;
    }
    bool same_key = half->epoch == epoch && half->generation == generation;
    bool ahead = half->seq != (same_key ? seq : 0) + 1;
    bool between = half->hole.open && half->generation != generation;
    half->hole.octets = half->hole.trials = half->hole.octets_tried = 0;
    half->forgotten = 0;
    return ahead || between ? OPENED_BEHIND : OPENED;
}
