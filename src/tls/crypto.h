/* What decryption needs of a cryptographic library, and the only way to it: crypto_openssl.c is the
 * one file that includes its headers; a build without a library has crypto_none.c in its place.
 * Nothing cryptographic is written by hand. */
#ifndef H2DUMP_TLS_CRYPTO_H
#define H2DUMP_TLS_CRYPTO_H

#include "base/cursor.h"
#include "base/mem.h"

enum crypto_hash { HASH_SHA256, HASH_SHA384 };

enum crypto_aead {
    AEAD_NONE, /* not one that we read */
    AEAD_AES_128_GCM,
    AEAD_AES_256_GCM,
    AEAD_CHACHA20_POLY1305,
    AEAD_AES_128_CCM,
    AEAD_AES_256_CCM,
    AEAD_AES_128_CCM_8,
    AEAD_AES_256_CCM_8,
};

#define CRYPTO_KEY_MAX   32
#define CRYPTO_HASH_MAX  48
#define CRYPTO_NONCE_LEN 12
#define CRYPTO_TAG_MAX   16

/* The library's algorithms, fetched once. */
struct crypto;
/* A key ready to open records with. */
struct aead;

/* False: this build has no library; crypto_new returns NULL then. */
bool crypto_available(void);
/* "OpenSSL 3.0.11 …", or NULL without a library. */
const char *crypto_library(void);

/* NULL: memory is out, or the library has not what we need. */
struct crypto *crypto_new(struct mem *mem) H2D_MUST_CHECK;
void crypto_free(struct crypto *crypto);

/* Octets of a hash, of a key, of a tag. */
size_t crypto_hash_len(enum crypto_hash hash);
size_t crypto_key_len(enum crypto_aead aead);
size_t crypto_tag_len(enum crypto_aead aead);

/* HKDF-Expand-Label with an empty context (RFC 8446 7.1); label without "tls13 ". False: the
 * library refused. */
bool crypto_expand_label(struct crypto *crypto, enum crypto_hash hash, struct span secret,
                         const char *label, uint8_t *out, size_t out_len) H2D_MUST_CHECK;

/* PRF(secret, label, seed_a ‖ seed_b) of TLS 1.2 (RFC 5246 5). */
bool crypto_prf(struct crypto *crypto, enum crypto_hash hash, struct span secret, const char *label,
                struct span seed_a, struct span seed_b, uint8_t *out,
                size_t out_len) H2D_MUST_CHECK;

/* The names that a certificate (X.509, DER) is for: each dNSName and iPAddress of its
 * subjectAltName (RFC 5280 4.2.1.6), addresses as text; put is called for each. False: it cannot be
 * read, or has none. */
bool crypto_certificate_names(struct span der, void (*put)(void *ctx, struct span name),
                              void *ctx) H2D_MUST_CHECK;

/* key has crypto_key_len(which) octets. NULL: memory is out. */
struct aead *aead_new(struct crypto *crypto, enum crypto_aead which,
                      const uint8_t *key) H2D_MUST_CHECK;
void aead_free(struct aead *aead);

/* Opens sealed = ciphertext ‖ tag into out, which has room for the ciphertext and does not overlap
 * it. False: the tag is wrong, and out holds nothing of use. nonce: CRYPTO_NONCE_LEN octets. */
bool aead_open(struct aead *aead, const uint8_t *nonce, struct span associated, struct span sealed,
               uint8_t *out) H2D_MUST_CHECK;

/* As aead_open, but whatever the tag is: for records of which octets are missing (any octets may
 * stand in for them), to read those that are there. False: this cipher cannot. */
bool aead_peek(struct aead *aead, const uint8_t *nonce, struct span sealed,
               uint8_t *out) H2D_MUST_CHECK;

/* Overwrites secrets, and is not optimised away. */
void crypto_wipe(void *octets, size_t len);

#endif
