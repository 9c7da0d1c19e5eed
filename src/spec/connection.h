/* What is known of a connection when it is first seen to be HTTP/2: made by detect/, shown by
 * render/, numbered by app/. */
#ifndef H2DUMP_SPEC_CONNECTION_H
#define H2DUMP_SPEC_CONNECTION_H

#include "base/stream.h"

enum connection_transport {
    TRANSPORT_H2C, /* cleartext over TCP */
    TRANSPORT_TLS,
    TRANSPORT_RAW, /* raw octets, no packets */
};

/* How HTTP/2 began. */
enum connection_start {
    START_PRIOR_KNOWLEDGE, /* the client preface, or a server that spoke first */
    START_UPGRADE,         /* HTTP/1.1 Upgrade: h2c */
    START_ALPN,            /* TLS agreed on it */
    START_MID_STREAM,      /* in the middle */
    START_FORCED,          /* --port or --raw said so */
};

/* What is known of the TLS connection that HTTP/2 runs in. Texts are NUL-terminated, "" when
 * unknown; sni and alpn hold octets of the wire. */
struct tls_facts {
    unsigned depth;      /* 1; 2: TLS inside TLS */
    const char *version; /* "TLS 1.3" */
    const char *cipher;  /* the IANA name, or "" */
    uint16_t cipher_id;  /* 0: not seen */
    char sni[256];
    char alpn[256]; /* what was chosen; TLS 1.3 without keys: what the client offers, with commas */
    bool alpn_known;     /* alpn is what was chosen; "": nothing was */
    bool offers_h2c;     /* the client's offer has "h2c" */
    bool ech;            /* the ClientHello has ECH: sni may be that of the outer one */
    uint16_t version_id; /* 0x0303: TLS 1.2; 0: not seen */
    uint8_t compression; /* the method that the server chose; TLS 1.3 has none: 0 */
    struct pos client_hello, server_hello; /* packet 0: not seen */
    uint16_t dh_bits; /* size of the ephemeral key that the server said, TLS 1.2; 0: unknown */
    bool dh_is_curve; /* ECDHE, not DHE */
    struct pos key_exchange; /* where it said that */
    const char
        *names; /* of the server's certificate, a line each; NULL: not seen, or not asked for */
    bool resumed;
    bool early_data;    /* 0-RTT data was accepted */
    bool keys;          /* it can be read */
    const char *reason; /* keys false: one clause that says why not and what to do */
    const char *brief;  /* keys false: the same in a few words, without the advice */
};

/* How much of an HPACK dynamic table is known (capture-layer 5.3). */
enum hpack_level {
    HPACK_LEVEL_FULL,    /* all of it */
    HPACK_LEVEL_ASSUMED, /* all of it, if the table is no larger than is usual */
    HPACK_LEVEL_NAMES,   /* nothing from before is left, but parts of what came since are unknown */
    HPACK_LEVEL_PARTIAL, /* entries from before may be in it */
};

/* Where a direction begins that was joined in the middle. */
struct join_point {
    bool lost;        /* where the next frame begins is not known */
    uint64_t skipped; /* octets that were passed over before the first that is given, those of holes
                         counted */
};

struct connection_info {
    uint64_t conn; /* 1, 2, … in the order in which connections are seen to be HTTP/2 */
    uint64_t flow; /* flow_info.id; 0: it is no TCP connection of a capture */
    struct endpoint client, server; /* ip_len 0: unknown (raw) */
    enum connection_transport transport;
    enum connection_start start;
    struct pos first;          /* its first packet; packet 0: none */
    bool one_direction;        /* only one side was seen so far */
    bool joined;               /* its beginning was not seen: first octets may stand anywhere */
    bool preface;              /* the client's first octets that were seen are its preface */
    struct join_point join[2]; /* by enum dir; all zero where the beginning is there */
    const struct via *via;     /* NULL: straight on the wire */
    const struct other_view *also_seen; /* NULL: nowhere else so far */
    const struct tls_facts *tls; /* NULL: cleartext; both live as long as the connection's sink */
    enum hpack_level hpack[2];   /* by enum dir, at its beginning */
};

/* The HTTP/1.1 request that became stream 1 (RFC 7540 3.2). Spans live for the call. */
struct upgrade_field {
    struct span name, value;
};
struct upgrade_info {
    struct span method, path;
    const struct upgrade_field *fields; /* the request's header fields in order */
    size_t field_count;
    struct span settings; /* HTTP2-Settings, decoded: a SETTINGS payload (a multiple of 6 octets) */
    const char *settings_fault; /* NULL, or what is wrong with HTTP2-Settings, one clause; then
                                   settings may be empty (RFC 7540 3.2.1) */
    struct pos first, last;     /* the request's packets */
};

/* The suite is one of those that RFC 9113 appendix A prohibits with TLS 1.2. */
bool tls_suite_is_prohibited(uint16_t cipher_id);

/* "h2c", "tls", "raw". */
const char *connection_transport_name(enum connection_transport transport);
/* "prior-knowledge", "upgrade", "alpn", "mid-stream", "forced". */
const char *connection_start_name(enum connection_start start);
/* "full", "full?", "names", "partial". */
const char *hpack_level_name(enum hpack_level level);

#endif
