/* TLS as the folder's files share it. */
#ifndef H2DUMP_TLS_TLS_INT_H
#define H2DUMP_TLS_TLS_INT_H

#include "spec/limits.h"
#include "tls/handshake.h"
#include "tls/keyfile.h"
#include "tls/keys.h"
#include "tls/tls.h"

/* What one direction is encrypted with, in the order in which it changes. TLS 1.2 has the first and
 * the last; of TLS 1.3 only the client has EPOCH_EARLY. */
enum epoch { EPOCH_CLEAR, EPOCH_EARLY, EPOCH_HANDSHAKE, EPOCH_DATA, EPOCH_COUNT };

enum conn_state {
    CONN_HELLO,   /* until the ServerHello */
    CONN_WAITING, /* for secrets */
    CONN_READING,
    CONN_DONE, /* given up, or nobody wants more */
};

/* The keys that an epoch may have: which of them it is, a record's tag tells. */
struct slot {
    struct tls_key *keys;
    size_t count;
};

/* A hole in the records whose length in records is not known. */
struct half_hole {
    bool open;
    bool told;        /* whoever is inside knows of it */
    unsigned answers; /* records of data that the other side sent since */
    uint64_t octets;  /* an upper bound of what is missing */
    uint64_t trials;  /* spent on it */
    uint64_t octets_tried;
    struct pos before, after;
};

struct half {
    struct tls_conn *conn;
    unsigned side;
    struct records records;
    struct handshake handshake;
    struct pos at; /* of the record that the handshake messages told are in */
    enum epoch epoch;
    struct slot slots[EPOCH_COUNT];
    struct tls_key key;  /* of the epoch; aead NULL: none yet */
    uint64_t seq;        /* of the next record under it */
    uint64_t generation; /* TLS 1.3: KeyUpdates so far */
    struct half_hole hole;
    uint64_t opened, failed; /* records under keys that did and did not open */
    uint64_t record_octets;  /* of those opened, for their average */
    uint64_t forgotten;      /* encrypted records let go while waiting */
    uint64_t out_off;        /* octets given on */
    size_t held_octets;      /* of payloads in the hold */
    bool changed_cipher;     /* TLS 1.2: ChangeCipherSpec has come */
    bool certificate;        /* TLS 1.2: a Certificate has come */
    bool finished;           /* TLS 1.3: its Finished has come; what follows is data */
    bool close_notify;       /* nothing more will come */
    bool ended;              /* the sink was told of its end */
    bool closed;             /* and that was handed on, or would have been */
    bool told_stuck;
};

struct tls_conn {
    struct tls *tls;
    struct tls_conn *next, *previous; /* of all connections */
    struct flow_info info;
    struct via *via; /* a copy, when it outlives its sink; else NULL */
    unsigned client; /* the side that is the client */
    struct tls_facts facts;
    char cipher_text[16], reason[320];
    struct buf names; /* facts.names */
    enum conn_state state;
    struct half halves[2];
    bool has_client_hello, has_server_hello, guessed;
    bool early_offered, retried, ech;
    bool server_ready; /* what the server said under encryption about 0-RTT is known */
    uint8_t client_random[TLS_RANDOM_LEN], server_random[TLS_RANDOM_LEN];
    uint8_t session_id[TLS_SESSION_ID_MAX]; /* the client's, then the server's */
    uint8_t session_id_len;
    uint16_t version;
    const struct tls_suite *suite;
    uint8_t alert; /* a fatal one that was seen in clear; 0: none */
    unsigned alert_side;
    struct stream_sink out;
    bool out_tried;  /* on_open was called */
    struct buf held; /* records, holes and ends that wait, in order */
    bool holding;    /* READING: the client's wait for what the server says */
    bool replaying;
    bool forgot;               /* the hold was over its limit, and was let go */
    bool orphan;               /* its sink is freed; only the hold is left */
    uint64_t waiting_since_ms; /* 0: not seen by tls_age yet */
    bool data_seen;            /* encrypted records have come */
    bool renegotiated;         /* before there were data */
};

/* Sessions of TLS 1.2 by id, for resumptions that no key log names. */
struct session {
    uint8_t id[TLS_SESSION_ID_MAX];
    uint8_t id_len;
    struct keylog_secret master;
};

struct tls {
    struct mem *mem, *secrets_mem;
    struct tls_events events;
    void *ctx;
    struct crypto *crypto; /* NULL: none in this build */
    struct keylog *keylog;
    struct keyfiles *files;
    uint64_t embedded;
    bool expect_secrets, want_names;
    struct tls_conn *conns;   /* the newest first */
    uint64_t held_octets;     /* of all holds together */
    struct session *sessions; /* a ring of LIMIT_TLS_SESSIONS, allocated by the first */
    size_t session_count;
    uint8_t *rooms; /* for plaintexts: RECORD_PAYLOAD_MAX octets a depth, LIMIT_TLS_DEPTH of them */
};

/* ---- hello.c: what is said in clear, and the ServerHello's consequences ---- */

/* A record before there are keys. */
void hello_record(struct half *half, const struct record *record);
/* A handshake message of any epoch; handshake_fn. */
void hello_message(void *ctx, enum handshake_type type, struct span body);
/* An alert's two octets. */
void hello_alert(struct half *half, struct span octets, const struct pos *pos);

/* ---- open.c: keys, and records opened with them ---- */

/* Looks for secrets of the connection; true: at least one direction can be read. */
bool open_find_keys(struct tls_conn *conn);
void open_release(struct half *half);
void open_forget(struct half *half, enum epoch epoch);

enum opened {
    OPENED,        /* *plain is there */
    OPENED_BEHIND, /* the same, and records before it are missing */
    NOT_OPENED,    /* it is lost */
    NOT_READABLE,  /* it is of the handshake, or early data, and nobody needs it */
};
enum opened open_record(struct half *half, const struct record *record, struct tls_plain *plain);

/* ---- wait.c: what waits ---- */

bool wait_record(struct half *half, const struct record *record);
bool wait_hole(struct half *half, const struct record_hole *hole);
bool wait_close(struct half *half, enum close_cause cause, const struct pos *pos);
/* Hands all that is held to conn_record, conn_hole, conn_close, in order, and lets it go. */
int wait_replay(struct tls_conn *conn);
void wait_drop(struct tls_conn *conn);

/* ---- conn.c ---- */

int conn_record(struct half *half, const struct record *record);
int conn_hole(struct half *half, const struct record_hole *hole);
/* Octets are missing, and with them the boundaries of records. Said at once, and not only when a
 * boundary is found: the other side's octets that follow may depend on what was lost. */
int conn_gap(struct half *half, const struct pos *before, const struct pos *after);
void conn_close(struct half *half, enum close_cause cause, const struct pos *pos);
/* Secrets have come: goes on when they are this connection's. */
void conn_try_again(struct tls_conn *conn);
/* It cannot be read: says so, and lets everything go. */
void conn_give_up(struct tls_conn *conn);
void conn_free(struct tls_conn *conn);
/* A remark on what side half said. */
void conn_note(struct half *half, enum check check, enum severity severity, const struct pos *pos,
               const char *format, ...) H2D_PRINTF(5, 6);

/* ---- reason.c ---- */

/* Fills conn->reason and facts.reason: why it cannot be read, and what to do. */
enum tls_reason reason_fill(struct tls_conn *conn);

/* Where plaintexts of the connection lie. What is inside of it has another: it reads from here. */
static inline uint8_t *tls_room(const struct tls_conn *conn)
{
    return conn->tls->rooms + (conn->facts.depth - 1) * (size_t)RECORD_PAYLOAD_MAX;
}

static inline struct half *half_of_client(struct tls_conn *conn)
{
    return &conn->halves[conn->client];
}

static inline struct half *half_of_server(struct tls_conn *conn)
{
    return &conn->halves[conn->client ^ 1];
}

#endif
