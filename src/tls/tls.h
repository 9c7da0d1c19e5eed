/* TLS taken off: a sink for the octets of a connection, which feeds a sink with what is inside
 * (RFC 8446, RFC 5246). Secrets come from key logs and from captures. One struct tls a run; one
 * connection in it for each call of tls_open. Knows nothing of HTTP/2. */
#ifndef H2DUMP_TLS_TLS_H
#define H2DUMP_TLS_TLS_H

#include "base/err.h"
#include "base/mem.h"
#include "base/siphash.h"
#include "spec/connection.h"
#include "spec/finding.h"

struct tls;

/* Why a connection cannot be read: kinds of reason, so that like ones can be told together. */
enum tls_reason {
    TLS_REASON_ALERT,     /* the handshake failed */
    TLS_REASON_BUILD,     /* no library in this build */
    TLS_REASON_LATE,      /* the handshake is not in the capture */
    TLS_REASON_VERSION,   /* older than TLS 1.2 */
    TLS_REASON_SUITE,     /* not one that we read */
    TLS_REASON_PACKED,    /* TLS compression */
    TLS_REASON_WRONG_KEY, /* there is a key, but it does not fit */
    TLS_REASON_AGAIN,     /* a second handshake, before there were data */
    TLS_REASON_TOO_LATE,  /* secrets did not come in time */
    TLS_REASON_NO_LOG,    /* there are no secrets at all */
    TLS_REASON_NO_KEY,    /* there are, but none for it */
    TLS_REASON_COUNT,
};

struct tls_events {
    /* A connection can be read: returns the sink for what is inside, sides as in info. *facts lives
     * until that sink's free; version, cipher, sni and alpn do not change any more. */
    struct stream_sink (*on_open)(void *ctx, const struct flow_info *info,
                                  const struct tls_facts *facts);
    /* It cannot, and is given up: info->tls->reason says why. info->conn is 0. */
    void (*on_keyless)(void *ctx, const struct connection_info *info, enum tls_reason reason);
    /* It was read, and there was no application data in it. */
    void (*on_empty)(void *ctx, const struct flow_info *info);
    /* What is worth a remark on a connection that is read: alerts, octets that cannot be read. dir
     * of the finding is a side of info. */
    void (*on_note)(void *ctx, const struct flow_info *info, const struct finding *note);
};

/* False: this build reads no TLS; connections are named and given up. */
bool tls_available(void);
/* The library's name and version; NULL without one. */
const char *tls_library(void);

/* mem: for connections, its budget is theirs; secrets_mem: for key logs. NULL: memory is out. */
struct tls *tls_new(struct mem *mem, struct mem *secrets_mem, const struct siphash_key *key,
                    const struct tls_events *events, void *ctx) H2D_MUST_CHECK;
/* All sinks must have been freed. Wipes all secrets. */
void tls_free(struct tls *tls);

/* Reads a key log file. Errors: RC_IO, RC_NOMEM; the text begins with the path. The file is
 * remembered for tls_poll. */
enum rc tls_load(struct tls *tls, const char *path, struct err *err) H2D_MUST_CHECK;

/* Secrets that a capture carries: whole lines of a key log. Connections that waited for them go on
 * at once. RC_OK or RC_NOMEM. */
enum rc tls_secrets(struct tls *tls, struct span text) H2D_MUST_CHECK;

/* Key log files that have grown or were replaced are read on, and connections that waited go on.
 * Cheap when nothing has changed. RC_OK or RC_NOMEM. */
enum rc tls_poll(struct tls *tls) H2D_MUST_CHECK;
/* A file descriptor that turns readable when a key log may have changed (inotify); -1: there is
 * none, poll now and then. Owned by the tls, opened by the first call. */
int tls_poll_fd(struct tls *tls);
/* Live: gives up connections that have waited LIMIT_TLS_WAIT_MS. now_ms: any clock that runs. */
void tls_age(struct tls *tls, uint64_t now_ms);

/* Whether secrets may still come, as from a pcapng or in a live capture: connections without a key
 * then wait for them until tls_end. Initially false. */
void tls_expect_secrets(struct tls *tls, bool expect);

/* Whether the names of servers' certificates are read (struct tls_facts). Initially false. */
void tls_want_names(struct tls *tls, bool want);

/* The sink for one connection. info is copied, but not what it points to. outer: the facts of the
 * TLS connection that this one is inside of, or NULL. ops NULL: memory is out, or the depth is
 * more than LIMIT_TLS_DEPTH. */
struct stream_sink tls_open(struct tls *tls, const struct flow_info *info,
                            const struct tls_facts *outer);

/* The input has ended: gives up what waits for secrets. */
void tls_end(struct tls *tls);

/* What was read of key logs. keys: secrets there are. */
struct tls_secret_stats {
    uint64_t lines, keys, connections, damaged, ignored, old_form, over_limit;
    uint64_t files, embedded; /* files read; texts from captures */
    bool readable_by_others;  /* a file that more than its owner may read */
};
struct tls_secret_stats tls_secret_stats(const struct tls *tls);

#endif
