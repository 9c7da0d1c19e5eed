/* What is said on a connection before its protocol begins: a PROXY header, HTTP CONNECT, SOCKS,
 * PostgreSQL's request for TLS (capture-layer 4.1, 4.3). Pure: looks at what is held of both sides.
 */
#ifndef H2DUMP_DETECT_PREAMBLE_H
#define H2DUMP_DETECT_PREAMBLE_H

#include "base/stream.h"

enum preamble_status {
    PREAMBLE_NONE,    /* none begins here */
    PREAMBLE_MORE,    /* one does, and more octets are needed */
    PREAMBLE_THROUGH, /* it is over: behind it both sides begin anew */
    PREAMBLE_AGAIN,   /* it came to nothing, and the client may try again behind it */
    PREAMBLE_REFUSED, /* it came to nothing, or cannot be followed */
};

struct preamble {
    const char *name;     /* a constant; what the connection is called if nothing follows */
    uint64_t digested[2]; /* by enum dir: its octets; may be more than are there yet */
    struct via_name via;  /* after PREAMBLE_THROUGH: "CONNECT example.test:443" */
};

/* client, server: the octets held of the one that would be the client, and of the other one. */
enum preamble_status preamble_look(struct span client, struct span server,
                                   struct preamble *preamble);

#endif
