/* Keys of one direction of a connection, and records opened with them (capture-layer 6.3, 6.4).
 * Knows what a record is, not where it came from. */
#ifndef H2DUMP_TLS_KEYS_H
#define H2DUMP_TLS_KEYS_H

#include "tls/keylog.h"
#include "tls/record.h"
#include "tls/suites.h"

struct tls_key {
    const struct tls_suite *suite;
    struct aead *aead; /* NULL: no key */
    uint8_t iv[CRYPTO_NONCE_LEN];
    struct keylog_secret secret; /* TLS 1.3: the traffic secret, for the next generation's */
};

/* A plaintext as a record holds it. */
struct tls_plain {
    uint8_t type; /* enum record_type: TLS 1.3's inner one */
    struct span octets;
};

/* TLS 1.3: key and IV from a traffic secret (RFC 8446 7.3). False: memory is out, or the secret is
 * none of the suite's. */
bool tls_key_from_secret(struct crypto *crypto, const struct tls_suite *suite,
                         const struct keylog_secret *secret, struct tls_key *key) H2D_MUST_CHECK;
/* TLS 1.3: the key behind a KeyUpdate (RFC 8446 7.2). */
bool tls_key_next(struct crypto *crypto, const struct tls_key *key,
                  struct tls_key *next) H2D_MUST_CHECK;
/* TLS 1.2: the keys of client and server from the master secret (RFC 5246 6.3). */
bool tls_keys_from_master(struct crypto *crypto, const struct tls_suite *suite,
                          const struct keylog_secret *master, const uint8_t *client_random,
                          const uint8_t *server_random, struct tls_key keys[2]) H2D_MUST_CHECK;
/* Wipes it; zeroed memory is fine. */
void tls_key_fini(struct tls_key *key);

/* Octets that the cipher adds to a plaintext. */
size_t tls_key_overhead(const struct tls_key *key);

/* Opens a whole record as number seq. room: RECORD_PAYLOAD_MAX octets, where the plaintext comes to
 * lie. False: it is not that record under that key. */
bool tls_key_open(const struct tls_key *key, uint64_t seq, const struct record *record,
                  uint8_t *room, struct tls_plain *plain) H2D_MUST_CHECK;

/* What a record of which octets are missing held, as far as can be told: its type and length.
 * False: it cannot. The octets are not given: nothing vouches for them. */
bool tls_key_judge_holed(const struct tls_key *key, uint64_t seq, const struct record *record,
                         uint8_t *room, uint8_t *type, size_t *len) H2D_MUST_CHECK;

#endif
