#include "tls/keys.h"

#include <string.h>

/* RFC 5288 3, RFC 6655 3: the part of the nonce that stands in the record. */
#define EXPLICIT_NONCE_LEN 8
#define FIXED_IV_LEN       4

static bool is_chacha(const struct tls_suite *suite)
{
    return suite->aead == AEAD_CHACHA20_POLY1305;
}

/* Octets of a TLS 1.2 record before its ciphertext. */
static size_t explicit_len(const struct tls_suite *suite)
{
    return tls_suite_is_13(suite) || is_chacha(suite) ? 0 : EXPLICIT_NONCE_LEN;
}

bool tls_key_from_secret(struct crypto *crypto, const struct tls_suite *suite,
                         const struct keylog_secret *secret, struct tls_key *key)
{
    uint8_t octets[CRYPTO_KEY_MAX];
    struct span from = span_of(secret->octets, secret->len);
    memset(key, 0, sizeof(*key));
    if (secret->len != crypto_hash_len(suite->hash)) {
        return false;
    }
    key->suite = suite;
    key->secret = *secret;
    if (crypto_expand_label(crypto, suite->hash, from, "key", octets,
                            crypto_key_len(suite->aead)) &&
        crypto_expand_label(crypto, suite->hash, from, "iv", key->iv, sizeof(key->iv))) {
        key->aead = aead_new(crypto, suite->aead, octets);
    }
    crypto_wipe(octets, sizeof(octets));
    if (key->aead == NULL) {
        tls_key_fini(key);
        return false;
    }
    return true;
}

bool tls_key_next(struct crypto *crypto, const struct tls_key *key, struct tls_key *next)
{
    struct keylog_secret secret = { .len = key->secret.len };
    bool good =
        crypto_expand_label(crypto, key->suite->hash, span_of(key->secret.octets, key->secret.len),
                            "traffic upd", secret.octets, secret.len) &&
        tls_key_from_secret(crypto, key->suite, &secret, next);
    crypto_wipe(&secret, sizeof(secret));
    return good;
}

bool tls_keys_from_master(struct crypto *crypto, const struct tls_suite *suite,
                          const struct keylog_secret *master, const uint8_t *client_random,
                          const uint8_t *server_random, struct tls_key keys[2])
{
    uint8_t block[2 * CRYPTO_KEY_MAX + 2 * CRYPTO_NONCE_LEN];
    size_t key_len = crypto_key_len(suite->aead);
    size_t iv_len = is_chacha(suite) ? CRYPTO_NONCE_LEN : FIXED_IV_LEN;
    memset(keys, 0, 2 * sizeof(keys[0]));
    bool good =
        crypto_prf(crypto, suite->hash, span_of(master->octets, master->len), "key expansion",
                   span_of(server_random, KEYLOG_RANDOM_LEN),
                   span_of(client_random, KEYLOG_RANDOM_LEN), block, 2 * key_len + 2 * iv_len);
    for (unsigned i = 0; i < 2 && good; i++) {
        keys[i].suite = suite;
        memcpy(keys[i].iv, block + 2 * key_len + i * iv_len, iv_len);
        keys[i].aead = aead_new(crypto, suite->aead, block + i * key_len);
        good = keys[i].aead != NULL;
    }
    crypto_wipe(block, sizeof(block));
    if (!good) {
        tls_key_fini(&keys[0]);
        tls_key_fini(&keys[1]);
    }
    return good;
}

void tls_key_fini(struct tls_key *key)
{
    aead_free(key->aead);
    crypto_wipe(key, sizeof(*key));
}

size_t tls_key_overhead(const struct tls_key *key)
{
    return explicit_len(key->suite) + crypto_tag_len(key->suite->aead) +
           (tls_suite_is_13(key->suite) ? 1 : 0);
}

/* ---- records ---- */

static void put_u64(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        at[i] = (uint8_t)(value >> (56 - 8 * i));
    }
}

/* RFC 8446 5.3, RFC 7905 2: IV xor sequence number; else IV, then what the record says. */
static void make_nonce(const struct tls_key *key, uint64_t seq, const struct record *record,
                       uint8_t *nonce)
{
    memcpy(nonce, key->iv, CRYPTO_NONCE_LEN);
    if (explicit_len(key->suite) > 0) {
        memcpy(nonce + FIXED_IV_LEN, record->payload.ptr, EXPLICIT_NONCE_LEN);
        return;
    }
    uint8_t number[8];
    put_u64(number, seq);
    for (unsigned i = 0; i < 8; i++) {
        nonce[4 + i] ^= number[i];
    }
}

/* RFC 8446 5.4: behind the content its type, then zeros. False: there is no type. */
static bool strip_padding(struct span inner, struct tls_plain *plain)
{
    size_t len = inner.len;
    while (len > 0 && inner.ptr[len - 1] == 0) {
        len--;
    }
    if (len == 0) {
        return false;
    }
    plain->type = inner.ptr[len - 1];
    plain->octets = span_of(inner.ptr, len - 1);
    return true;
}

bool tls_key_open(const struct tls_key *key, uint64_t seq, const struct record *record,
                  uint8_t *room, struct tls_plain *plain)
{
    const struct tls_suite *suite = key->suite;
    size_t before = explicit_len(suite), tag_len = crypto_tag_len(suite->aead);
    uint8_t nonce[CRYPTO_NONCE_LEN], associated[13];
    if (record->payload.len < before + tag_len || record->payload.len > RECORD_PAYLOAD_MAX) {
        return false;
    }
    size_t len = record->payload.len - before - tag_len;
    struct span sealed = span_of(record->payload.ptr + before, len + tag_len);
    make_nonce(key, seq, record, nonce);
    if (tls_suite_is_13(suite)) {
        return aead_open(key->aead, nonce, span_of(record->header, RECORD_HEADER_LEN), sealed,
                         room) &&
               strip_padding(span_of(room, len), plain);
    }
    put_u64(associated, seq);
    memcpy(associated + 8, record->header, 3);
    associated[11] = (uint8_t)(len >> 8);
    associated[12] = (uint8_t)len;
    plain->type = record->type;
    plain->octets = span_of(room, len);
    return aead_open(key->aead, nonce, span_of(associated, sizeof(associated)), sealed, room);
}

bool tls_key_judge_holed(const struct tls_key *key, uint64_t seq, const struct record *record,
                         uint8_t *room, uint8_t *type, size_t *len)
{
    const struct tls_suite *suite = key->suite;
    size_t around = explicit_len(suite) + crypto_tag_len(suite->aead);
    if (record->payload.len < around) {
        return false;
    }
    *type = record->type;
    *len = record->payload.len - around;
    if (!tls_suite_is_13(suite)) {
        return true;
    }
    /* These ciphers work octet by octet: what is there behind the last hole can be read, and the
     * inner type with it, unless the hole, or padding that reaches into it, covers that. */
    uint8_t nonce[CRYPTO_NONCE_LEN];
    struct tls_plain plain;
    size_t readable = record->whole_from < *len ? *len - record->whole_from : 0;
    make_nonce(key, seq, record, nonce);
    if (readable == 0 || !aead_peek(key->aead, nonce, record->payload, room) ||
        !strip_padding(span_of(room + record->whole_from, readable), &plain)) {
        return false;
    }
    *type = plain.type;
    *len = record->whole_from + plain.octets.len;
    return true;
}
