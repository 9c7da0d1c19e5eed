#include "h2/names.h"

#include <string.h>

#include "base/compiler.h"

#define ANYWHERE   0
#define NO_TRAILER H2_NAME_NO_TRAILER

struct name_row {
    const char *name;
    uint8_t len, id, where;
};

#define NAME(text, id, where)                                                                      \
    {                                                                                              \
        text, sizeof(text) - 1, H2_NAME_##id, where                                                \
    }

/* By length, so that one look finds the few candidates. What trailers must not have (RFC 9110
 * 6.5.1) frames or routes a message, says how it is to be treated or by whom it was asked, or how
 * its content is to be read. */
static const struct name_row rows[] = {
    NAME("te", OTHER, NO_TRAILER),
    NAME("age", AGE, NO_TRAILER),
    NAME("date", DATE, NO_TRAILER),
    NAME("etag", ETAG, ANYWHERE),
    NAME("from", FROM, ANYWHERE),
    NAME("host", OTHER, NO_TRAILER),
    NAME("vary", OTHER, NO_TRAILER),
    NAME("range", RANGE, NO_TRAILER),
    NAME("cookie", COOKIE, NO_TRAILER),
    NAME("expect", EXPECT, NO_TRAILER),
    NAME("origin", ORIGIN, ANYWHERE),
    NAME("pragma", OTHER, NO_TRAILER),
    NAME("server", SERVER, ANYWHERE),
    NAME("expires", EXPIRES, NO_TRAILER),
    NAME("referer", REFERER, ANYWHERE),
    NAME("trailer", OTHER, NO_TRAILER),
    NAME("warning", OTHER, NO_TRAILER),
    NAME("if-match", OTHER, NO_TRAILER),
    NAME("if-range", IF_RANGE, NO_TRAILER),
    NAME("location", LOCATION, NO_TRAILER),
    NAME("set-cookie", SET_COOKIE, NO_TRAILER),
    NAME("user-agent", USER_AGENT, ANYWHERE),
    NAME("retry-after", RETRY_AFTER, NO_TRAILER),
    NAME("content-type", CONTENT_TYPE, NO_TRAILER),
    NAME("max-forwards", MAX_FORWARDS, NO_TRAILER),
    NAME("authorization", AUTHORIZATION, NO_TRAILER),
    NAME("cache-control", OTHER, NO_TRAILER),
    NAME("content-range", CONTENT_RANGE, NO_TRAILER),
    NAME("if-none-match", OTHER, NO_TRAILER),
    NAME("last-modified", LAST_MODIFIED, ANYWHERE),
    NAME("content-length", OTHER, NO_TRAILER),
    NAME("content-encoding", OTHER, NO_TRAILER),
    NAME("content-location", CONTENT_LOCATION, ANYWHERE),
    NAME("www-authenticate", OTHER, NO_TRAILER),
    NAME("if-modified-since", IF_MODIFIED_SINCE, NO_TRAILER),
    NAME("proxy-authenticate", OTHER, NO_TRAILER),
    NAME("content-disposition", CONTENT_DISPOSITION, ANYWHERE),
    NAME("if-unmodified-since", IF_UNMODIFIED_SINCE, NO_TRAILER),
    NAME("proxy-authorization", PROXY_AUTHORIZATION, NO_TRAILER),
};

/* First row of each length; the next length's first is where it ends. */
static const uint8_t rows_of[] = { 0,  0,  0,  1,  2,  7,  8,  13, 17, 20, 20,
                                   22, 23, 25, 30, 31, 31, 34, 35, 36, 39 };

uint32_t h2_name_known(struct span name)
{
    if (name.len + 1 < sizeof rows_of) {
        for (unsigned i = rows_of[name.len]; i < rows_of[name.len + 1]; i++) {
            if (rows[i].name[name.len - 1] == (char)name.ptr[name.len - 1] &&
                memcmp(rows[i].name, name.ptr, name.len) == 0) {
                return H2_NAME_BIT(rows[i].id) | rows[i].where;
            }
        }
    }
    return 0;
}

const char *h2_name_text(enum h2_name name)
{
    for (size_t i = 0; i < H2D_COUNT_OF(rows); i++) {
        if (rows[i].id == name) {
            return rows[i].name;
        }
    }
    return NULL;
}
