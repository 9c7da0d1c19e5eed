/* Secrets from key logs (draft-ietf-tls-keylogfile), by client random. Text goes in, from files or
 * from a capture; values come out. They lie in memory that is locked where the system lets us, and
 * wiped when it is given back; nothing here prints. Knows no connection and no file. */
#ifndef H2DUMP_TLS_KEYLOG_H
#define H2DUMP_TLS_KEYLOG_H

#include "base/cursor.h"
#include "base/mem.h"
#include "base/siphash.h"

/* The labels that we use. */
enum keylog_label {
    LABEL_MASTER,           /* CLIENT_RANDOM: master secret of TLS 1.2 */
    LABEL_CLIENT_EARLY,     /* 0-RTT */
    LABEL_CLIENT_HANDSHAKE, /* TLS 1.3, the handshake's messages … */
    LABEL_SERVER_HANDSHAKE,
    LABEL_CLIENT_TRAFFIC, /* … and what comes behind it */
    LABEL_SERVER_TRAFFIC,
    LABEL_SESSION, /* master secret of TLS 1.2 by the session id, not by the client random */
    LABEL_COUNT,
};

#define KEYLOG_RANDOM_LEN 32
#define KEYLOG_SECRET_MAX 48
/* Values that are kept of one label and random: some loggers write several, some of them wrong. */
#define KEYLOG_VALUES_MAX 4

struct keylog_secret {
    uint8_t octets[KEYLOG_SECRET_MAX];
    uint8_t len;
};

struct keylog_stats {
    uint64_t lines;       /* neither blank nor comment */
    uint64_t keys;        /* distinct secrets kept */
    uint64_t connections; /* distinct client randoms */
    uint64_t damaged;     /* lines that are none */
    uint64_t ignored;     /* good lines with labels that are of no use here */
    uint64_t old_form;    /* RSA, PMS_CLIENT_RANDOM with a premaster secret: not supported */
    uint64_t over_limit;  /* lines behind LIMIT_KEYLOG_LINES */
};

struct keylog;

/* One text that comes in pieces: the line under way. Zeroed memory begins a text. */
#define KEYLOG_LINE_MAX 1024
struct keylog_text {
    char line[KEYLOG_LINE_MAX];
    size_t len;
    bool too_long;
};

/* NULL: memory is out. */
struct keylog *keylog_new(struct mem *mem, const struct siphash_key *key) H2D_MUST_CHECK;
void keylog_free(struct keylog *keylog);

/* Takes a piece of a text. False: memory is out; lines before stand. */
bool keylog_feed(struct keylog *keylog, struct keylog_text *text, struct span piece) H2D_MUST_CHECK;
/* The text has ended: its last line may lack a newline. Wipes *text. */
bool keylog_end(struct keylog *keylog, struct keylog_text *text) H2D_MUST_CHECK;

/* The secrets of a connection, newest first, at most KEYLOG_VALUES_MAX; returns how many. random:
 * KEYLOG_RANDOM_LEN octets; with LABEL_SESSION the session id, filled up with zeros. */
size_t keylog_find(const struct keylog *keylog, const uint8_t *random, enum keylog_label label,
                   struct keylog_secret *secrets);

const struct keylog_stats *keylog_stats(const struct keylog *keylog);

#endif
