#include "h2/names.h"

#include <string.h>

#include "base/compiler.h"

struct name_row {
    const char *name;
    uint8_t len, id;
};

#define NAME(text, id)                                                                             \
    {                                                                                              \
        text, sizeof(text) - 1, H2_NAME_##id                                                       \
    }

/* By length, so that one look finds the few candidates. */
static const struct name_row rows[] = {
    NAME("age", AGE),
    NAME("date", DATE),
    NAME("etag", ETAG),
    NAME("from", FROM),
    NAME("range", RANGE),
    NAME("cookie", COOKIE),
    NAME("expect", EXPECT),
    NAME("origin", ORIGIN),
    NAME("server", SERVER),
    NAME("expires", EXPIRES),
    NAME("referer", REFERER),
    NAME("if-range", IF_RANGE),
    NAME("location", LOCATION),
    NAME("set-cookie", SET_COOKIE),
    NAME("user-agent", USER_AGENT),
    NAME("retry-after", RETRY_AFTER),
    NAME("content-type", CONTENT_TYPE),
    NAME("max-forwards", MAX_FORWARDS),
    NAME("authorization", AUTHORIZATION),
    NAME("content-range", CONTENT_RANGE),
    NAME("last-modified", LAST_MODIFIED),
    NAME("content-location", CONTENT_LOCATION),
    NAME("if-modified-since", IF_MODIFIED_SINCE),
    NAME("content-disposition", CONTENT_DISPOSITION),
    NAME("if-unmodified-since", IF_UNMODIFIED_SINCE),
    NAME("proxy-authorization", PROXY_AUTHORIZATION),
};

/* First row of each length; the next length's first is where it ends. */
static const uint8_t rows_of[] = { 0,  0,  0,  0,  1,  4,  5,  9,  11, 13, 13,
                                   15, 16, 18, 21, 21, 21, 22, 23, 23, 26 };

enum h2_name h2_name_of(struct span name)
{
    if (name.len + 1 < sizeof rows_of) {
        for (unsigned i = rows_of[name.len]; i < rows_of[name.len + 1]; i++) {
            if (rows[i].name[name.len - 1] == (char)name.ptr[name.len - 1] &&
                memcmp(rows[i].name, name.ptr, name.len) == 0) {
                return (enum h2_name)rows[i].id;
            }
        }
    }
    return H2_NAME_OTHER;
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

bool h2_name_forbidden_in_trailers(struct span name)
{
    static const char *const forbidden[] = {
        /* framing and routing */
        "transfer-encoding", "content-length", "host", "te", "trailer", "max-forwards",
        /* how a request is to be treated */
        "cache-control", "expect", "pragma", "range", "if-match", "if-none-match",
        "if-modified-since", "if-unmodified-since", "if-range",
        /* authentication, and what is one in fact */
        "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "cookie",
        "set-cookie",
        /* what decides how a response is used */
        "age", "expires", "date", "location", "retry-after", "vary", "warning",
        /* how content is to be read */
        "content-encoding", "content-type", "content-range"
    };
    for (size_t i = 0; i < H2D_COUNT_OF(forbidden); i++) {
        if (span_equal(name, span_str(forbidden[i]))) {
            return true;
        }
    }
    return false;
}
