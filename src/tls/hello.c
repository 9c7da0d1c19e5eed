/* What a connection says before it is encrypted, and the little that matters of the handshake's
 * encrypted part: who, which version and suite, which protocol, is a session resumed. */
#include <stdio.h>
#include <string.h>

#include "tls/tls_int.h"

static void copy_text(char *to, size_t room, struct span from)
{
    size_t len = num_min_size(from.len, room - 1);
    memcpy(to, from.ptr, len);
    to[len] = '\0';
}

/* "h2,http/1.1" of a list of names with their lengths. */
static void copy_offers(char *to, size_t room, struct span list)
{
    struct cur c = cur_of(list);
    size_t used = 0;
    while (cur_left(&c) > 0) {
        struct span name = cur_take(&c, cur_u8(&c));
        if (!cur_ok(&c) || used + name.len + 2 > room) {
            break;
        }
        if (used > 0) {
            to[used++] = ',';
        }
        memcpy(to + used, name.ptr, name.len);
        used += name.len;
    }
    to[used] = '\0';
}

static void on_client_hello(struct half *half, struct span body)
{
    struct tls_conn *conn = half->conn;
    struct client_hello hello;
    if (conn->has_client_hello || half->side != conn->client || !client_hello_read(body, &hello)) {
        return; /* the second one, after a HelloRetryRequest, has the same random (4.1.2) */
    }
    conn->has_client_hello = true;
    memcpy(conn->client_random, hello.random, TLS_RANDOM_LEN);
    memcpy(conn->session_id, hello.session_id.ptr, hello.session_id.len);
    conn->session_id_len = (uint8_t)hello.session_id.len;
    conn->early_offered = hello.early_data;
    conn->ech = conn->facts.ech = hello.ech;
    conn->facts.offers_h2c = hello.offers_h2c;
    conn->facts.client_hello = half->at;
    copy_text(conn->facts.sni, sizeof(conn->facts.sni), hello.sni);
    copy_offers(conn->facts.alpn, sizeof(conn->facts.alpn), hello.alpn);
}

static const char *version_name(uint16_t version)
{
    static const char *const names[] = { "SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3" };
    return version >= 0x0300 && version <= TLS_1_3 ? names[version - 0x0300] : "TLS";
}

static void on_server_hello(struct half *half, struct span body)
{
    struct tls_conn *conn = half->conn;
    struct server_hello hello;
    if (conn->has_server_hello || half->side == conn->client || !server_hello_read(body, &hello)) {
        return;
    }
    if (hello.retry) {
        conn->retried = true; /* 0-RTT is refused with it (RFC 8446 4.2.10) */
        return;
    }
    conn->has_server_hello = true;
    conn->version = hello.version;
    conn->suite = tls_suite(hello.suite);
    memcpy(conn->server_random, hello.random, TLS_RANDOM_LEN);
    bool same_id = conn->has_client_hello && hello.session_id.len > 0 &&
                   hello.session_id.len == conn->session_id_len &&
                   memcmp(hello.session_id.ptr, conn->session_id, conn->session_id_len) == 0;
    memcpy(conn->session_id, hello.session_id.ptr, hello.session_id.len);
    conn->session_id_len = (uint8_t)hello.session_id.len;
    (void)snprintf(conn->cipher_text, sizeof(conn->cipher_text), "0x%04x", (unsigned)hello.suite);
    conn->facts.version = version_name(hello.version);
    conn->facts.cipher = conn->suite != NULL ? conn->suite->name : conn->cipher_text;
    conn->facts.cipher_id = hello.suite;
    conn->facts.version_id = hello.version;
    conn->facts.server_hello = half->at;
    if (hello.version == TLS_1_3) {
        conn->facts.resumed = hello.psk;
    } else {
        conn->facts.resumed = same_id;
        conn->facts.alpn_known = true;
        conn->facts.compression = hello.compression;
        copy_text(conn->facts.alpn, sizeof(conn->facts.alpn), hello.alpn);
    }
}

static void on_encrypted_extensions(struct half *half, struct span body)
{
    struct tls_conn *conn = half->conn;
    struct encrypted_extensions extensions;
    if (conn->version != TLS_1_3 || half->side == conn->client || conn->server_ready ||
        half->epoch == EPOCH_DATA || !encrypted_extensions_read(body, &extensions)) {
        return;
    }
    copy_text(conn->facts.alpn, sizeof(conn->facts.alpn), extensions.alpn);
    conn->facts.alpn_known = true;
    conn->facts.early_data = extensions.early_data;
    conn->server_ready = true;
}

/* RFC 5246 7.4.3, RFC 8422 5.4. What a suite has for ephemeral keys stands in its name. */
static void on_server_key_exchange(struct half *half, struct span body)
{
    struct tls_conn *conn = half->conn;
    if (half->side == conn->client || half->epoch != EPOCH_CLEAR || conn->suite == NULL ||
        conn->version != TLS_1_2) {
        return;
    }
    const char *name = conn->suite->name;
    bool ecdhe = strncmp(name, "TLS_ECDHE_", 10) == 0;
    bool dhe = strncmp(name, "TLS_DHE_", 8) == 0 || strncmp(name, "TLS_PSK_DHE_", 12) == 0;
    if (!ecdhe && !dhe && strncmp(name, "TLS_DH_anon_", 12) != 0) {
        return;
    }
    unsigned bits = server_key_exchange_bits(body, ecdhe, strstr(name, "PSK_") != NULL);
    conn->facts.dh_bits = (uint16_t)num_min_size(bits, UINT16_MAX);
    conn->facts.dh_is_curve = ecdhe;
    conn->facts.key_exchange = half->at;
}

static void put_name(void *ctx, struct span name)
{
    struct buf *names = ctx;
    if (memchr(name.ptr, '\n', name.len) == NULL && memchr(name.ptr, '\0', name.len) == NULL &&
        buf_reserve(names, name.len + 2)) {
        (void)!buf_append(names, name);
        (void)!buf_append(names, span_str("\n"));
    }
}

/* What the server is known by, for --check; empty where it was passed over. */
static void on_certificate(struct half *half, struct span body)
{
    struct tls_conn *conn = half->conn;
    struct span der;
    half->certificate = true;
    if (half->side == conn->client || conn->facts.names != NULL || half->epoch == EPOCH_DATA ||
        !certificate_leaf(body, conn->version == TLS_1_3, &der)) {
        return;
    }
    if (crypto_certificate_names(der, put_name, &conn->names) &&
        buf_append(&conn->names, span_of("", 1))) {
        conn->facts.names = (const char *)conn->names.ptr;
    }
}

/* RFC 9113 9.2.3. In the handshake it is what it is for. */
static void on_certificate_request(struct half *half)
{
    struct tls_conn *conn = half->conn;
    if (half->side != conn->client && half->epoch == EPOCH_DATA && conn->version == TLS_1_3) {
        conn_note(half, CHECK_TLS13_POST_HANDSHAKE_AUTH, SEVERITY_ERROR, &half->at,
                  "the server asks for a certificate after the handshake");
    }
}

void hello_message(void *ctx, enum handshake_type type, struct span body)
{
    struct half *half = ctx;
    switch (type) {
    case HS_CLIENT_HELLO:
        on_client_hello(half, body);
        break;
    case HS_SERVER_HELLO:
        on_server_hello(half, body);
        break;
    case HS_ENCRYPTED_EXTENSIONS:
        on_encrypted_extensions(half, body);
        break;
    case HS_CERTIFICATE:
        on_certificate(half, body);
        break;
    case HS_SERVER_KEY_EXCHANGE:
        on_server_key_exchange(half, body);
        break;
    case HS_CERTIFICATE_REQUEST:
        on_certificate_request(half);
        break;
    case HS_FINISHED:
        half->finished = half->epoch == EPOCH_HANDSHAKE;
        break;
    default:
        break;
    }
}

void hello_alert(struct half *half, struct span octets, const struct pos *pos)
{
    enum { FATAL = 2, CLOSE_NOTIFY = 0, USER_CANCELED = 90 };
    struct tls_conn *conn = half->conn;
    if (octets.len != 2) {
        return;
    }
    uint8_t alert = octets.ptr[1];
    const char *name = tls_alert_name(alert);
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", (unsigned)alert);
    if (alert == CLOSE_NOTIFY) {
        half->close_notify = true;
        return;
    }
    /* In TLS 1.3 all but these two end the connection, whatever their level says (RFC 8446 6). */
    if (alert != USER_CANCELED && (octets.ptr[0] == FATAL || conn->version == TLS_1_3)) {
        conn->alert = alert;
        conn->alert_side = half->side;
    }
    conn_note(half, CHECK_TLS_ALERT, SEVERITY_NOTE, pos, "the %s sent the TLS alert %s",
              half->side == conn->client ? "client" : "server", name != NULL ? name : number);
}

void hello_record(struct half *half, const struct record *record)
{
    struct tls_conn *conn = half->conn;
    switch (record->type) {
    case RECORD_HANDSHAKE:
        half->at = record->pos;
        (void)handshake_feed(&half->handshake, record->payload, hello_message, half);
        break;
    case RECORD_ALERT:
        hello_alert(half, record->payload, &record->pos);
        break;
    case RECORD_CHANGE_CIPHER_SPEC:
        if (conn->version == TLS_1_2) {
            half->changed_cipher = true;
            /* Resumed by a ticket: no certificate comes (RFC 5077 3.1). */
            if (half->side != conn->client && !half->certificate && !half->handshake.lost &&
                conn->has_server_hello) {
                conn->facts.resumed = true;
            }
        }
        break;
    default:
        break;
    }
}
