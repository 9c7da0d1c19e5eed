/* Why a connection cannot be read, and what to do about it (capture-layer 6.9). */
#include <inttypes.h>
#include <stdio.h>

#include "tls/tls_int.h"

#define REASON(conn, ...) (void)snprintf((conn)->reason, sizeof((conn)->reason), __VA_ARGS__)

static void say_alert(struct tls_conn *conn)
{
    const char *name = tls_alert_name(conn->alert);
    REASON(conn, "the handshake failed: the %s sent the alert %s",
           conn->alert_side == conn->client ? "client" : "server",
           name != NULL ? name : "of an unknown number");
}

static void say_suite(struct tls_conn *conn)
{
    /* RFC 9113 appendix A names all suites but those with AEAD and ephemeral keys. */
    REASON(conn, "suite %s (%04x) is not supported%s", conn->facts.cipher,
           (unsigned)conn->facts.cipher_id,
           conn->suite != NULL ? " (and prohibited for HTTP/2, RFC 9113 appendix A)" : "");
}

/* With accepted ECH the log has the inner random, which the capture does not. */
static const char *say_ech(const struct tls_conn *conn)
{
    return conn->ech
               ? "; its ClientHello has ECH: if it was accepted, the key log is indexed by the "
                 "inner random, which is not visible"
               : "";
}

static void say_no_key(struct tls_conn *conn)
{
    const struct keylog_stats *stats = keylog_stats(conn->tls->keylog);
    const uint8_t *random = conn->client_random;
    REASON(conn,
           "no key among %" PRIu64 " for %" PRIu64 " connections, none has client random "
           "%02x%02x%02x%02x...: was the log written by the client or server of this capture?%s",
           stats->keys, stats->connections, random[0], random[1], random[2], random[3],
           say_ech(conn));
}

static enum tls_reason reason_of(const struct tls_conn *conn)
{
    bool log = keyfiles_count(conn->tls->files) > 0 || conn->tls->embedded > 0;
    if (conn->alert != 0 && !conn->data_seen) {
        return TLS_REASON_ALERT;
    }
    if (!crypto_available()) {
        return TLS_REASON_BUILD;
    }
    if (!conn->has_client_hello || (!conn->has_server_hello && !conn->guessed)) {
        return TLS_REASON_LATE;
    }
    if (conn->version < TLS_1_2) {
        return TLS_REASON_VERSION;
    }
    if (conn->suite == NULL ? !conn->guessed : conn->suite->aead == AEAD_NONE) {
        return TLS_REASON_SUITE;
    }
    if (conn->facts.compression != 0) {
        return TLS_REASON_PACKED;
    }
    if (conn->renegotiated) {
        return TLS_REASON_AGAIN;
    }
    if (conn->halves[0].failed + conn->halves[1].failed > 0) {
        return TLS_REASON_WRONG_KEY;
    }
    return conn->forgot ? TLS_REASON_TOO_LATE : log ? TLS_REASON_NO_KEY : TLS_REASON_NO_LOG;
}

/* For a line among many: the advice stands once on standard error. */
static const char *brief_of(const struct tls_conn *conn, enum tls_reason reason)
{
    static const char *const briefs[TLS_REASON_COUNT] = {
        [TLS_REASON_BUILD] = "no libcrypto in this build",
        [TLS_REASON_LATE] = "handshake not in the capture",
        [TLS_REASON_VERSION] = "version not supported",
        [TLS_REASON_SUITE] = "suite not supported",
        [TLS_REASON_PACKED] = "TLS compression",
        [TLS_REASON_WRONG_KEY] = "key does not fit",
        [TLS_REASON_AGAIN] = "renegotiated",
        [TLS_REASON_TOO_LATE] = "no key in time",
        [TLS_REASON_NO_LOG] = "no key",
        [TLS_REASON_NO_KEY] = "no key for it",
    };
    return briefs[reason] != NULL ? briefs[reason] : conn->reason;
}

enum tls_reason reason_fill(struct tls_conn *conn)
{
    enum tls_reason reason = reason_of(conn);
    switch (reason) {
    case TLS_REASON_ALERT:
        say_alert(conn);
        break;
    case TLS_REASON_BUILD:
        REASON(conn, "this build cannot decrypt: it was made without libcrypto (-Dtls)");
        break;
    case TLS_REASON_LATE:
        REASON(conn, "%s",
               conn->has_client_hello
                   ? "the ServerHello is not in the capture"
                   : "the capture starts after the TLS handshake: no key can be matched; start the "
                     "capture before the connection");
        break;
    case TLS_REASON_VERSION:
        REASON(conn, "%s is not supported (and prohibited for HTTP/2, RFC 9113 9.2)",
               conn->facts.version);
        break;
    case TLS_REASON_SUITE:
        say_suite(conn);
        break;
    case TLS_REASON_PACKED:
        REASON(conn,
               "TLS compression (method %u) is not supported (and prohibited for HTTP/2, RFC "
               "9113 9.2.1)",
               (unsigned)conn->facts.compression);
        break;
    case TLS_REASON_WRONG_KEY:
        REASON(conn,
               "key found but records do not decrypt (suite %s): log line damaged, or from "
               "another run",
               conn->facts.cipher);
        break;
    case TLS_REASON_AGAIN:
        REASON(conn, "renegotiated before there were data: no key log names the keys of a second "
                     "handshake");
        break;
    case TLS_REASON_TOO_LATE:
        REASON(conn, "no key came before more octets had passed than are kept for one");
        break;
    case TLS_REASON_NO_LOG:
        REASON(conn,
               "no key: give the key log with --keylog FILE (set SSLKEYLOGFILE in the client)%s",
               say_ech(conn));
        break;
    default:
        say_no_key(conn);
        break;
    }
    conn->facts.reason = conn->reason;
    conn->facts.brief = brief_of(conn, reason);
    return reason;
}
