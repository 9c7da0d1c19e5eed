/* Cipher suites and alerts by number: rows of spec/tls_suites.def and spec/tls_alerts.def. */
#ifndef H2DUMP_TLS_SUITES_H
#define H2DUMP_TLS_SUITES_H

#include "tls/crypto.h"

struct tls_suite {
    uint16_t id;
    const char *name;
    enum crypto_aead aead; /* AEAD_NONE: not one that we read */
    enum crypto_hash hash;
};

/* NULL: no row. */
const struct tls_suite *tls_suite(uint16_t id);
/* Row i; NULL behind the last. */
const struct tls_suite *tls_suite_row(size_t i);

/* True for the suites of TLS 1.3, which are no others' (RFC 8446 B.4). */
static inline bool tls_suite_is_13(const struct tls_suite *suite)
{
    return suite->id >> 8 == 0x13;
}

/* "close_notify"; NULL: no row. */
const char *tls_alert_name(uint8_t alert);

#endif
