/* Follows the HTTP/1.1 of one connection just far enough to see it become HTTP/2 by Upgrade: h2c
 * (RFC 7540 3.2): heads whole, bodies by Content-Length, nothing else. Octets stay the caller's,
 * who gives what it holds of a side from the front and drops what was digested. */
#ifndef H2DUMP_DETECT_UPGRADE_H
#define H2DUMP_DETECT_UPGRADE_H

#include "base/mem.h"
#include "spec/connection.h"

struct upgrade;

enum upgrade_status {
    UPGRADE_WATCHING, /* HTTP/1.1 so far */
    UPGRADE_DONE,     /* the 101 is digested: what each side sends from here on is HTTP/2 */
    UPGRADE_NEVER,    /* this will not become HTTP/2, or it can no longer be followed */
    UPGRADE_NOMEM,
};

struct upgrade *upgrade_new(struct mem *mem) H2D_MUST_CHECK;
void upgrade_free(struct upgrade *upgrade);

/* Looks at all that is held of the client's octets; first and last are where the first and the last
 * of them were found. *digested of them are done with; the others must be shown again, with more
 * behind them, and after every call of upgrade_server(). */
enum upgrade_status upgrade_client(struct upgrade *upgrade, struct span held,
                                   const struct pos *first, const struct pos *last,
                                   size_t *digested);

/* The same for the server's octets. */
enum upgrade_status upgrade_server(struct upgrade *upgrade, struct span held, size_t *digested);

/* len octets of a side are missing behind what was held of it. */
enum upgrade_status upgrade_gap(struct upgrade *upgrade, enum dir dir, uint64_t len);

/* After UPGRADE_DONE: the request that became stream 1; its spans live as long as the upgrade.
 * False when the capture does not have it, or memory is out. */
bool upgrade_request(struct upgrade *upgrade, struct upgrade_info *info);

#endif
