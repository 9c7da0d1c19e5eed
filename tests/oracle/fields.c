#include "fields.h"

#include <stdio.h>
#include <string.h>

static struct field make(const char *name, size_t name_len, const char *value, size_t value_len)
{
    struct field f = { .name_len = (uint8_t)name_len, .value_len = (uint8_t)value_len };
    memcpy(f.name, name, name_len);
    memcpy(f.value, value, value_len);
    return f;
}

static void insert_at(struct field_list *list, size_t at, struct field f)
{
    if (list->count == sizeof list->fields / sizeof list->fields[0]) {
        return;
    }
    memmove(&list->fields[at + 1], &list->fields[at], (list->count - at) * sizeof list->fields[0]);
    list->fields[at] = f;
    list->count++;
}

static void add(struct field_list *list, const char *name, const char *value)
{
    insert_at(list, list->count, make(name, strlen(name), value, strlen(value)));
}

static void add_some_regular(struct rng *rng, struct field_list *list)
{
    static const char *const known[][2] = {
        { "accept", "*/*" },
        { "user-agent", "test/1.0" },
        { "accept-encoding", "gzip, deflate" },
        { "te", "trailers" },
        { "cookie", "a=b" },
        { "cookie", "session=0123456789abcdef" },
        { "priority", "u=3, i" },
        { "priority", "u=1" },
        { "x-empty", "" },
        { "cache-control", "no" },
        { "x-tab", "a\tb" },
        { "x-latin", "\xe9\x80\xff" },
        { "date", "Mon, 1 Jan" },
        { "content-type", "text/html" },
        { "server", "s" },
        { "vary", "accept" },
        { "etag", "\"xyz\"" },
        { "grpc-status", "0" },
        { "priority", "nonsense" },
        { "expect", "100-continue" },
    };
    unsigned n = rng_below(rng, 5);
    for (unsigned i = 0; i < n; i++) {
        const char *const *row = known[rng_below(rng, sizeof known / sizeof known[0])];
        add(list, row[0], row[1]);
    }
    for (unsigned i = rng_below(rng, 3); i > 0; i--) {
        char name[16], value[FIELD_VALUE_MAX];
        size_t len = rng_below(rng, rng_once_in(rng, 8) ? FIELD_VALUE_MAX : 12);
        int name_len = snprintf(name, sizeof name, "x-%u", rng_below(rng, 12));
        for (size_t k = 0; k < len; k++) {
            value[k] = (char)('!' + rng_below(rng, '~' - '!' + 1));
        }
        insert_at(list, list->count, make(name, (size_t)name_len, value, len));
    }
}

static void add_content_length(struct field_list *list, int64_t n)
{
    char text[24];
    if (n >= 0) {
        snprintf(text, sizeof text, "%lld", (long long)n);
        add(list, "content-length", text);
    }
}

void fields_request(struct rng *rng, struct field_list *list, const struct message_wish *wish)
{
    static const char *const methods[] = { "GET", "GET", "POST", "HEAD", "OPTIONS", "PUT", "x!" };
    static const char *const paths[] = { "/", "/index.html", "/a?b=c", "/\xc3\xa9", "/%20" };
    static const char *const schemes[] = { "https", "http", "HTTPS", "coap+tcp", "a1.-" };
    static const char *const hosts[] = { "example.org", "a:80", "[::1]", "a_b~%$&'()*,;=!" };
    list->count = 0;
    const char *method = wish->method != NULL ? wish->method : methods[rng_below(rng, 7)];
    bool connect = strcmp(method, "CONNECT") == 0;
    const char *scheme = schemes[rng_once_in(rng, 4) ? rng_below(rng, 5) : 0];
    const char *path = paths[rng_once_in(rng, 2) ? rng_below(rng, 5) : 0];
    if (strcmp(method, "OPTIONS") == 0 && rng_below(rng, 2) == 0) {
        path = "*";
    }
    bool use_host = !wish->protocol && !connect && rng_once_in(rng, 6);
    add(list, ":method", method);
    if (!connect || wish->protocol) {
        add(list, ":scheme", scheme);
        add(list, ":path", path);
    }
    if (wish->protocol) {
        add(list, ":protocol", "websocket");
    }
    const char *host = hosts[rng_once_in(rng, 3) ? rng_below(rng, 4) : 0];
    if (!use_host) {
        add(list, ":authority", host);
    }
    size_t pseudo = list->count;
    for (size_t i = 0; i + 1 < pseudo && rng_once_in(rng, 3); i++) { /* any order is fine */
        struct field f = list->fields[i];
        size_t k = rng_below(rng, (uint32_t)pseudo);
        list->fields[i] = list->fields[k];
        list->fields[k] = f;
    }
    if (use_host || rng_once_in(rng, 10)) {
        add(list, "host", host);
    }
    add_content_length(list, wish->content_length);
    add_some_regular(rng, list);
}

void fields_response(struct rng *rng, struct field_list *list, const struct message_wish *wish)
{
    char status[8];
    list->count = 0;
    snprintf(status, sizeof status, "%03u", wish->status % 1000);
    add(list, ":status", status);
    add_content_length(list, wish->content_length);
    add_some_regular(rng, list);
}

void fields_trailers(struct rng *rng, struct field_list *list)
{
    list->count = 0;
    add(list, "grpc-status", "0");
    add_some_regular(rng, list);
    if (rng_once_in(rng, 4)) {
        list->count = 0;
    }
}

/* Good and bad fields, each in the wrong place somewhere. */
static const struct spoil_row {
    const char *name, *value;
    uint8_t name_len; /* 0: strlen */
    uint8_t value_len;
    bool empty_name;
    bool variable; /* versions of the reference differ (receive-engine A.2) */
} spoil_rows[] = {
    { .name = "", .value = "v", .empty_name = true },
    { .name = ":foo", .value = "x" },
    { .name = ":path", .value = "/twice" },
    { .name = ":path", .value = "" },
    { .name = ":path", .value = "/a b" },
    { .name = ":path", .value = "a" },
    { .name = ":path", .value = "*" },
    { .name = ":path", .value = "/\x7f" },
    { .name = ":Path", .value = "/" },
    { .name = ":status", .value = "200" },
    { .name = ":status", .value = "101" },
    { .name = ":status", .value = "20" },
    { .name = ":status", .value = "2000" },
    { .name = ":status", .value = "2x0" },
    { .name = ":status", .value = "" },
    { .name = ":status", .value = "099", .variable = true },
    { .name = ":method", .value = "GET" },
    { .name = ":method", .value = "" },
    { .name = ":method", .value = "G T" },
    { .name = ":method", .value = "CONNECT" },
    { .name = ":scheme", .value = "https" },
    { .name = ":scheme", .value = "" },
    { .name = ":scheme", .value = "1x" },
    { .name = ":scheme", .value = "a_b" },
    { .name = ":authority", .value = "a" },
    { .name = ":authority", .value = "" },
    { .name = ":authority", .value = "a b" },
    { .name = ":authority", .value = "a/b" },
    { .name = ":authority", .value = "u@h", .variable = true },
    { .name = ":protocol", .value = "websocket" },
    { .name = ":protocol", .value = "" },
    { .name = "host", .value = "h" },
    { .name = "host", .value = "" },
    { .name = "host", .value = "a b" },
    { .name = "host", .value = "u@h", .variable = true },
    { .name = "content-length", .value = "5" },
    { .name = "content-length", .value = "0" },
    { .name = "content-length", .value = "" },
    { .name = "content-length", .value = "-1" },
    { .name = "content-length", .value = "+1" },
    { .name = "content-length", .value = "5a" },
    { .name = "content-length", .value = "2 ", .variable = true },
    { .name = "content-length", .value = "9223372036854775807" },
    { .name = "content-length", .value = "9223372036854775808" },
    { .name = "content-length", .value = "99999999999999999999999" },
    { .name = "connection", .value = "close" },
    { .name = "keep-alive", .value = "x" },
    { .name = "proxy-connection", .value = "x" },
    { .name = "transfer-encoding", .value = "chunked" },
    { .name = "upgrade", .value = "h2c" },
    { .name = "upgrade", .value = "\x01", .variable = true },
    { .name = "connection", .value = " x", .variable = true },
    { .name = "te", .value = "gzip" },
    { .name = "te", .value = "Trailers" },
    { .name = "te", .value = "TRAILERS" },
    { .name = "te", .value = "" },
    { .name = "te", .value = "trailers\x01", .variable = true },
    { .name = "priority", .value = "u=9" },
    { .name = "priority", .value = "\x01" },
    { .name = "priority", .value = "u=1;x, i=?1, z=(1 2)" },
    { .name = "X-Upper", .value = "v" },
    { .name = "x-Upper", .value = "v" },
    { .name = "a b", .value = "v" },
    { .name = "a:b", .value = "v" },
    { .name = "a B", .value = "v", .variable = true },
    { .name = "x\x80", .value = "v" },
    { .name = "x\x7f", .value = "v" },
    { .name = "a\0b", .value = "v", .name_len = 3 },
    { .name = "x-nul", .value = "a\0b", .value_len = 3 },
    { .name = "x-cr", .value = "a\rb" },
    { .name = "x-lf", .value = "\n" },
    { .name = "x-ctl", .value = "\x1f" },
    { .name = "x-del", .value = "\x7f" },
    { .name = "x-lead", .value = " v" },
    { .name = "x-trail", .value = "v\t" },
    { .name = "x-space", .value = " " },
    { .name = "x-high", .value = "\xff\x80" },
    { .name = "user-agent", .value = " v" },
    { .name = "!#$%&'*+-.^_`|~09az", .value = "v" },
    { .name = "cookie", .value = "a=b; c=d" },
};

static struct field spoil_field(struct rng *rng, bool variable)
{
    for (;;) {
        const struct spoil_row *row =
            &spoil_rows[rng_below(rng, sizeof spoil_rows / sizeof spoil_rows[0])];
        if (row->variable && !variable) {
            continue;
        }
        size_t name_len = row->name_len != 0 ? row->name_len : strlen(row->name);
        size_t value_len = row->value_len != 0 ? row->value_len : strlen(row->value);
        return make(row->name, row->empty_name ? 0 : name_len, row->value, value_len);
    }
}

/* Puts another value in the place of a field's own. */
static void replace_value(struct field_list *list, struct field with)
{
    for (size_t i = 0; i < list->count; i++) {
        struct field *f = &list->fields[i];
        if (f->name_len == with.name_len && memcmp(f->name, with.name, f->name_len) == 0) {
            *f = with;
            return;
        }
    }
    insert_at(list, 0, with);
}

void fields_spoil(struct rng *rng, struct field_list *list, bool variable)
{
    uint32_t n = (uint32_t)list->count;
    struct field f = spoil_field(rng, variable);
    switch (rng_below(rng, 6)) {
    case 0: /* one is missing */
        if (n > 0) {
            size_t at = rng_below(rng, n < 4 ? n : 4);
            memmove(&list->fields[at], &list->fields[at + 1],
                    (n - at - 1) * sizeof list->fields[0]);
            list->count--;
        }
        break;
    case 1: /* twice */
        if (n > 0) {
            insert_at(list, rng_below(rng, n + 1), list->fields[rng_below(rng, n)]);
        }
        break;
    case 2: /* anywhere */
        insert_at(list, rng_below(rng, n + 1), f);
        break;
    case 3:
        insert_at(list, n, f);
        break;
    default:
        replace_value(list, f);
        break;
    }
}
