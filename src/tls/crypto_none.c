/* A build without a cryptographic library: connections are named, nothing is decrypted. */
#include "tls/crypto.h"

#include <string.h>

bool crypto_available(void)
{
    return false;
}

const char *crypto_library(void)
{
    return NULL;
}

struct crypto *crypto_new(struct mem *mem)
{
    (void)mem;
    return NULL;
}

void crypto_free(struct crypto *crypto)
{
    (void)crypto;
}

size_t crypto_hash_len(enum crypto_hash hash)
{
    return hash == HASH_SHA384 ? 48 : 32;
}

size_t crypto_key_len(enum crypto_aead aead)
{
    (void)aead;
    return 0;
}

size_t crypto_tag_len(enum crypto_aead aead)
{
    (void)aead;
    return 0;
}

bool crypto_expand_label(struct crypto *crypto, enum crypto_hash hash, struct span secret,
                         const char *label, uint8_t *out, size_t out_len)
{
    (void)crypto, (void)hash, (void)secret, (void)label, (void)out, (void)out_len;
    return false;
}

bool crypto_prf(struct crypto *crypto, enum crypto_hash hash, struct span secret, const char *label,
                struct span seed_a, struct span seed_b, uint8_t *out, size_t out_len)
{
    (void)crypto, (void)hash, (void)secret, (void)label, (void)seed_a, (void)seed_b;
    (void)out, (void)out_len;
    return false;
}

struct aead *aead_new(struct crypto *crypto, enum crypto_aead which, const uint8_t *key)
{
    (void)crypto, (void)which, (void)key;
    return NULL;
}

void aead_free(struct aead *aead)
{
    (void)aead;
}

bool aead_open(struct aead *aead, const uint8_t *nonce, struct span associated, struct span sealed,
               uint8_t *out)
{
    (void)aead, (void)nonce, (void)associated, (void)sealed, (void)out;
    return false;
}

bool aead_peek(struct aead *aead, const uint8_t *nonce, struct span sealed, uint8_t *out)
{
    (void)aead, (void)nonce, (void)sealed, (void)out;
    return false;
}

void crypto_wipe(void *octets, size_t len)
{
    /* Through a volatile pointer the stores must be made. */
    volatile uint8_t *at = octets;
    for (size_t i = 0; i < len; i++) {
        at[i] = 0;
    }
}

bool crypto_certificate_names(struct span der, void (*put)(void *ctx, struct span name), void *ctx)
{
    (void)der, (void)put, (void)ctx;
    return false;
}
