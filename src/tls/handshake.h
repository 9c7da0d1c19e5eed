/* Handshake messages: put together from the pieces that records hold of them, and the few that
 * matter taken apart (capture-layer 6.1). Knows no keys and no connection. */
#ifndef H2DUMP_TLS_HANDSHAKE_H
#define H2DUMP_TLS_HANDSHAKE_H

#include "base/buf.h"

enum handshake_type {
    HS_HELLO_REQUEST = 0,
    HS_CLIENT_HELLO = 1,
    HS_SERVER_HELLO = 2,
    HS_NEW_SESSION_TICKET = 4,
    HS_END_OF_EARLY_DATA = 5,
    HS_ENCRYPTED_EXTENSIONS = 8,
    HS_CERTIFICATE = 11,
    HS_SERVER_KEY_EXCHANGE = 12,
    HS_CERTIFICATE_REQUEST = 13,
    HS_FINISHED = 20,
    HS_KEY_UPDATE = 24,
};

#define TLS_RANDOM_LEN     32
#define TLS_SESSION_ID_MAX 32

#define TLS_1_2 0x0303
#define TLS_1_3 0x0304

/* The messages of one direction, piece by piece. */
struct handshake {
    struct buf message; /* header and body of the message under way, as far as it is kept */
    uint32_t skip;      /* octets of its body that are still to be passed over */
    bool certificates;  /* they are read, too */
    bool lost;          /* octets are missing: no message begins anywhere that is known */
};

/* What a message is told to; body lives for the call. */
typedef void (*handshake_fn)(void *ctx, enum handshake_type type, struct span body);

void handshake_init(struct handshake *handshake, struct mem *mem);
void handshake_fini(struct handshake *handshake);

/* Takes the content of a record of type handshake. False: memory is out, or a message that is read
 * is longer than LIMIT_TLS_MESSAGE_OCTETS; from then on it is lost. */
bool handshake_feed(struct handshake *handshake, struct span octets, handshake_fn tell, void *ctx);

/* Octets are missing, or what comes next is another epoch's. */
void handshake_lose(struct handshake *handshake);
void handshake_restart(struct handshake *handshake);

/* No message is under way. */
bool handshake_idle(const struct handshake *handshake);

/* Spans point into the message. */
struct client_hello {
    const uint8_t *random;
    struct span session_id;
    struct span sni;  /* the first host_name; empty: none */
    struct span alpn; /* the list as it stands: octet of length, name, …; empty: none */
    bool offers_h2c;
    bool ech;
    bool early_data;
    bool psk;
    bool tls13; /* offered */
};

struct server_hello {
    const uint8_t *random;
    bool retry; /* HelloRetryRequest (RFC 8446 4.1.3) */
    struct span session_id;
    uint16_t version; /* supported_versions, else the version field */
    uint16_t suite;
    uint8_t compression;
    struct span alpn; /* the name that was chosen; empty: none, or encrypted */
    bool psk;         /* pre_shared_key: a session is resumed */
};

struct encrypted_extensions {
    struct span alpn;
    bool early_data; /* it was accepted */
};

/* The size of the ephemeral key in a ServerKeyExchange, in bits; 0: it cannot be told. ecdhe: what
 * the suite uses, DHE otherwise; psk: a hint stands before it (RFC 4279, RFC 5489). */
unsigned server_key_exchange_bits(struct span body, bool ecdhe, bool psk);

/* False: the message is not one; what could be read stands in *out. */
bool client_hello_read(struct span body, struct client_hello *out) H2D_MUST_CHECK;
bool server_hello_read(struct span body, struct server_hello *out) H2D_MUST_CHECK;
bool encrypted_extensions_read(struct span body, struct encrypted_extensions *out) H2D_MUST_CHECK;

/* The end entity's certificate of a Certificate message (RFC 5246 7.4.2, RFC 8446 4.4.2). False:
 * there is none. */
bool certificate_leaf(struct span body, bool tls13, struct span *der);

#endif
