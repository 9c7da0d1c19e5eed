/* libcrypto of OpenSSL 3 (capture-layer 6.5). Algorithms are fetched once: fetching is slow. */
#include "tls/crypto.h"

#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509v3.h>
#include <string.h>

enum cipher_mode { MODE_NONE, MODE_GCM, MODE_CHACHA, MODE_CCM };

/* In the order of enum crypto_aead. */
static const struct aead_row {
    const char *name;
    enum cipher_mode mode;
    uint8_t key_len, tag_len;
} rows[] = {
    { NULL, MODE_NONE, 0, 0 },           { "AES-128-GCM", MODE_GCM, 16, 16 },
    { "AES-256-GCM", MODE_GCM, 32, 16 }, { "ChaCha20-Poly1305", MODE_CHACHA, 32, 16 },
    { "AES-128-CCM", MODE_CCM, 16, 16 }, { "AES-256-CCM", MODE_CCM, 32, 16 },
    { "AES-128-CCM", MODE_CCM, 16, 8 },  { "AES-256-CCM", MODE_CCM, 32, 8 },
};

struct crypto {
    struct mem *mem;
    EVP_KDF *expand, *prf;
    EVP_CIPHER *ciphers[H2D_COUNT_OF(rows)]; /* NULL: not fetched yet */
};

struct aead {
    struct mem *mem;
    const struct aead_row *row;
    EVP_CIPHER_CTX *ctx;
};

bool crypto_available(void)
{
    return true;
}

const char *crypto_library(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

struct crypto *crypto_new(struct mem *mem)
{
    struct crypto *crypto = mem_zalloc(mem, 1, sizeof(*crypto));
    if (crypto == NULL) {
        return NULL;
    }
    crypto->mem = mem;
    crypto->expand = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
    crypto->prf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    if (crypto->expand == NULL || crypto->prf == NULL) {
        crypto_free(crypto);
        return NULL;
    }
    return crypto;
}

void crypto_free(struct crypto *crypto)
{
    if (crypto == NULL) {
        return;
    }
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        EVP_CIPHER_free(crypto->ciphers[i]);
    }
    EVP_KDF_free(crypto->expand);
    EVP_KDF_free(crypto->prf);
    mem_free(crypto->mem, crypto);
}

size_t crypto_hash_len(enum crypto_hash hash)
{
    return hash == HASH_SHA384 ? 48 : 32;
}

size_t crypto_key_len(enum crypto_aead aead)
{
    return rows[aead].key_len;
}

size_t crypto_tag_len(enum crypto_aead aead)
{
    return rows[aead].tag_len;
}

/* ---- keys from secrets ---- */

/* OSSL_PARAM takes pointers to octets that it does not change; the cast is that claim. */
static OSSL_PARAM param_octets(const char *name, struct span octets)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)octets.ptr, octets.len);
}

static OSSL_PARAM param_hash(enum crypto_hash hash)
{
    static char sha256[] = "SHA256", sha384[] = "SHA384";
    return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                            hash == HASH_SHA384 ? sha384 : sha256, 0);
}

static bool derive(EVP_KDF *kdf, const OSSL_PARAM *params, uint8_t *out, size_t out_len)
{
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    bool good = ctx != NULL && EVP_KDF_derive(ctx, out, out_len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    if (!good) {
        ERR_clear_error();
    }
    return good;
}

bool crypto_expand_label(struct crypto *crypto, enum crypto_hash hash, struct span secret,
                         const char *label, uint8_t *out, size_t out_len)
{
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        param_hash(hash),
        param_octets(OSSL_KDF_PARAM_KEY, secret),
        param_octets(OSSL_KDF_PARAM_PREFIX, span_str("tls13 ")),
        param_octets(OSSL_KDF_PARAM_LABEL, span_str(label)),
        OSSL_PARAM_construct_end(),
    };
    return derive(crypto->expand, params, out, out_len);
}

bool crypto_prf(struct crypto *crypto, enum crypto_hash hash, struct span secret, const char *label,
                struct span seed_a, struct span seed_b, uint8_t *out, size_t out_len)
{
    OSSL_PARAM params[] = {
        param_hash(hash),
        param_octets(OSSL_KDF_PARAM_SECRET, secret),
        param_octets(OSSL_KDF_PARAM_SEED, span_str(label)),
        param_octets(OSSL_KDF_PARAM_SEED, seed_a),
        param_octets(OSSL_KDF_PARAM_SEED, seed_b),
        OSSL_PARAM_construct_end(),
    };
    return derive(crypto->prf, params, out, out_len);
}

/* ---- records ---- */

static EVP_CIPHER *cipher_of(struct crypto *crypto, enum crypto_aead which)
{
    if (crypto->ciphers[which] == NULL && rows[which].name != NULL) {
        crypto->ciphers[which] = EVP_CIPHER_fetch(NULL, rows[which].name, NULL);
    }
    return crypto->ciphers[which];
}

struct aead *aead_new(struct crypto *crypto, enum crypto_aead which, const uint8_t *key)
{
    EVP_CIPHER *cipher = cipher_of(crypto, which);
    struct aead *aead = mem_zalloc(crypto->mem, 1, sizeof(*aead));
    if (aead == NULL || cipher == NULL) {
        mem_free(crypto->mem, aead);
        return NULL;
    }
    aead->mem = crypto->mem;
    aead->row = &rows[which];
    aead->ctx = EVP_CIPHER_CTX_new();
    bool good =
        aead->ctx != NULL && EVP_DecryptInit_ex2(aead->ctx, cipher, NULL, NULL, NULL) == 1 &&
        EVP_CIPHER_CTX_ctrl(aead->ctx, EVP_CTRL_AEAD_SET_IVLEN, CRYPTO_NONCE_LEN, NULL) == 1 &&
        (aead->row->mode != MODE_CCM ||
         EVP_CIPHER_CTX_ctrl(aead->ctx, EVP_CTRL_AEAD_SET_TAG, aead->row->tag_len, NULL) == 1) &&
        EVP_DecryptInit_ex2(aead->ctx, NULL, key, NULL, NULL) == 1;
    if (!good) {
        ERR_clear_error();
        aead_free(aead);
        return NULL;
    }
    return aead;
}

void aead_free(struct aead *aead)
{
    if (aead != NULL) {
        EVP_CIPHER_CTX_free(aead->ctx); /* wipes the key */
        mem_free(aead->mem, aead);
    }
}

/* CCM wants to know the tag and the length before the first octet, and judges with the last. */
static bool open_ccm(EVP_CIPHER_CTX *ctx, const uint8_t *nonce, struct span associated,
                     const uint8_t *sealed, int len, uint8_t *tag, int tag_len, uint8_t *out)
{
    int n;
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, tag_len, tag) == 1 &&
           EVP_DecryptInit_ex2(ctx, NULL, NULL, nonce, NULL) == 1 &&
           EVP_DecryptUpdate(ctx, NULL, &n, NULL, len) == 1 &&
           EVP_DecryptUpdate(ctx, NULL, &n, associated.ptr, (int)associated.len) == 1 &&
           EVP_DecryptUpdate(ctx, out, &n, sealed, len) == 1;
}

bool aead_open(struct aead *aead, const uint8_t *nonce, struct span associated, struct span sealed,
               uint8_t *out)
{
    size_t tag_len = aead->row->tag_len;
    uint8_t tag[CRYPTO_TAG_MAX], none[CRYPTO_TAG_MAX];
    int n;
    if (sealed.len < tag_len || sealed.len > INT32_MAX) {
        return false;
    }
    int len = (int)(sealed.len - tag_len);
    memcpy(tag, sealed.ptr + len, tag_len);
    bool good =
        aead->row->mode == MODE_CCM
            ? open_ccm(aead->ctx, nonce, associated, sealed.ptr, len, tag, (int)tag_len, out)
            : EVP_DecryptInit_ex2(aead->ctx, NULL, NULL, nonce, NULL) == 1 &&
                  EVP_DecryptUpdate(aead->ctx, NULL, &n, associated.ptr, (int)associated.len) ==
                      1 &&
                  (len == 0 || EVP_DecryptUpdate(aead->ctx, out, &n, sealed.ptr, len) == 1) &&
                  EVP_CIPHER_CTX_ctrl(aead->ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag_len, tag) == 1 &&
                  EVP_DecryptFinal_ex(aead->ctx, none, &n) == 1;
    if (!good) {
        ERR_clear_error();
    }
    return good;
}

bool aead_peek(struct aead *aead, const uint8_t *nonce, struct span sealed, uint8_t *out)
{
    size_t tag_len = aead->row->tag_len;
    int n;
    if (aead->row->mode == MODE_CCM || sealed.len <= tag_len || sealed.len > INT32_MAX) {
        return false;
    }
    bool good = EVP_DecryptInit_ex2(aead->ctx, NULL, NULL, nonce, NULL) == 1 &&
                EVP_DecryptUpdate(aead->ctx, out, &n, sealed.ptr, (int)(sealed.len - tag_len)) == 1;
    if (!good) {
        ERR_clear_error();
    }
    return good;
}

void crypto_wipe(void *octets, size_t len)
{
    OPENSSL_cleanse(octets, len);
}

static void put_name(const GENERAL_NAME *name, void (*put)(void *ctx, struct span name), void *ctx)
{
    int type = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const uint8_t *octets = ASN1_STRING_get0_data(value);
    int len = ASN1_STRING_length(value);
    char text[INET6_ADDRSTRLEN];
    if (type == GEN_DNS && len > 0) {
        put(ctx, span_of(octets, (size_t)len));
    } else if (type == GEN_IPADD && (len == 4 || len == 16) &&
               inet_ntop(len == 4 ? AF_INET : AF_INET6, octets, text, sizeof text) != NULL) {
        put(ctx, span_str(text));
    }
}

bool crypto_certificate_names(struct span der, void (*put)(void *ctx, struct span name), void *ctx)
{
    const uint8_t *at = der.ptr;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
    GENERAL_NAMES *names = certificate != NULL
                               ? X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL)
                               : NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        int type = 0;
        (void)GENERAL_NAME_get0_value(name, &type);
        if (type == GEN_DNS || type == GEN_IPADD) {
            put_name(name, put, ctx);
        }
    }
    bool found = names != NULL;
    GENERAL_NAMES_free(names);
    X509_free(certificate);
    ERR_clear_error();
    return found;
}
