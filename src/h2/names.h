/* The regular fields whose names mean something to the rules (RFC 9110): one small number each,
 * found once an HPACK entry. Only h2/ includes this. */
#ifndef H2DUMP_H2_NAMES_H
#define H2DUMP_H2_NAMES_H

#include "base/cursor.h"

enum h2_name {
    H2_NAME_OTHER,
    /* Those of which a message has one at most, for their values are no lists (RFC 9110 5.3). */
    H2_NAME_AGE,
    H2_NAME_AUTHORIZATION,
    H2_NAME_CONTENT_DISPOSITION,
    H2_NAME_CONTENT_LOCATION,
    H2_NAME_CONTENT_RANGE,
    H2_NAME_CONTENT_TYPE,
    H2_NAME_DATE,
    H2_NAME_ETAG,
    H2_NAME_EXPIRES,
    H2_NAME_FROM,
    H2_NAME_IF_MODIFIED_SINCE,
    H2_NAME_IF_RANGE,
    H2_NAME_IF_UNMODIFIED_SINCE,
    H2_NAME_LAST_MODIFIED,
    H2_NAME_LOCATION,
    H2_NAME_MAX_FORWARDS,
    H2_NAME_ORIGIN,
    H2_NAME_PROXY_AUTHORIZATION,
    H2_NAME_RANGE,
    H2_NAME_REFERER,
    H2_NAME_RETRY_AFTER,
    H2_NAME_SERVER,
    H2_NAME_USER_AGENT,
    /* Others. */
    H2_NAME_COOKIE,
    H2_NAME_EXPECT,
    H2_NAME_SET_COOKIE,
    H2_NAME_END /* below 32 */
};

/* A name as a bit, so that a set of them is a word; H2_NAME_OTHER has none. */
#define H2_NAME_BIT(id) ((id) == H2_NAME_OTHER ? 0U : UINT32_C(1) << (id))
#define H2_NAMES_SINGLE ((UINT32_C(2) << H2_NAME_USER_AGENT) - 2U)
#define H2_NAMES_OF_DATE                                                                           \
    (H2_NAME_BIT(H2_NAME_DATE) | H2_NAME_BIT(H2_NAME_EXPIRES) |                                    \
     H2_NAME_BIT(H2_NAME_IF_MODIFIED_SINCE) | H2_NAME_BIT(H2_NAME_IF_UNMODIFIED_SINCE) |           \
     H2_NAME_BIT(H2_NAME_LAST_MODIFIED))
#define H2_NAMES_SECRET                                                                            \
    (H2_NAME_BIT(H2_NAME_AUTHORIZATION) | H2_NAME_BIT(H2_NAME_PROXY_AUTHORIZATION) |               \
     H2_NAME_BIT(H2_NAME_COOKIE) | H2_NAME_BIT(H2_NAME_SET_COOKIE))

/* A field that may not stand in trailers (RFC 9110 6.5.1); the bit that no name has. */
#define H2_NAME_NO_TRAILER UINT32_C(1)

/* What is known of a name: its bit, if it has one, and H2_NAME_NO_TRAILER. Names are compared as
 * they stand, for in HTTP/2 they are lower case. */
uint32_t h2_name_known(struct span name);
/* Its spelling; NULL for H2_NAME_OTHER. */
const char *h2_name_text(enum h2_name name);

#endif
