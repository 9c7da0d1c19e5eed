#include "detect/upgrade.h"

#include <string.h>

#include "base/buf.h"
#include "detect/http1.h"
#include "spec/limits.h"

#define REQUESTS_MAX    64
#define BODY_OCTETS_MAX (1u << 20)

/* Where one side stands. */
enum side_state {
    SIDE_HEAD, /* in front of a message's first octet, or in its head */
    SIDE_BODY, /* in a body of known length */
    SIDE_WAIT, /* client: the request that asks for the upgrade is whole, the answer is due */
    SIDE_LOST, /* server: in a body whose end is not followed */
};

struct upgrade {
    struct mem *mem;
    enum side_state client, server;
    uint64_t client_body, server_body; /* octets of the body still to come */
    unsigned requests, responses;      /* heads seen; interim responses not counted */
    unsigned asked;                    /* number of the request that asks for h2c; 0: none */
    bool last_was_head;                /* the newest request's method is HEAD */
    bool answer_due;                   /* a request came since the server's side was lost */
    struct buf head;                   /* of the request that asks */
    struct buf fields;                 /* struct upgrade_field, pointing into head */
    struct buf settings;               /* HTTP2-Settings, decoded */
    struct pos first, last;
};

struct upgrade *upgrade_new(struct mem *mem)
{
    struct upgrade *u = mem_zalloc(mem, 1, sizeof(*u));
    if (u != NULL) {
        u->mem = mem;
        buf_init(&u->head, mem, LIMIT_UPGRADE_HEAD_OCTETS);
        buf_init(&u->fields, mem, LIMIT_UPGRADE_HEAD_OCTETS * sizeof(struct upgrade_field) / 2);
        buf_init(&u->settings, mem, LIMIT_UPGRADE_HEAD_OCTETS);
    }
    return u;
}

void upgrade_free(struct upgrade *u)
{
    if (u == NULL) {
        return;
    }
    buf_fini(&u->head);
    buf_fini(&u->fields);
    buf_fini(&u->settings);
    mem_free(u->mem, u);
}

/* ---- the client's side ---- */

static enum upgrade_status client_head(struct upgrade *u, struct span head)
{
    struct http1_head facts = http1_head(head);
    bool version = http1_ends_with(facts.first_line, " HTTP/1.1") ||
                   http1_ends_with(facts.first_line, " HTTP/1.0");
    u->requests++;
    if (!version || facts.chunked || facts.bad_length || facts.length > BODY_OCTETS_MAX ||
        u->requests > REQUESTS_MAX) {
        return UPGRADE_NEVER;
    }
    u->last_was_head = http1_is_method(facts.first_line, "HEAD");
    u->answer_due = true;
    u->client_body = facts.length;
    u->client = facts.length > 0 ? SIDE_BODY : SIDE_HEAD;
    if (facts.upgrade_h2c) {
        u->asked = u->requests;
        buf_clear(&u->head);
        if (!buf_append(&u->head, head)) {
            return UPGRADE_NOMEM;
        }
        u->client = facts.length > 0 ? SIDE_BODY : SIDE_WAIT;
    }
    return UPGRADE_WATCHING;
}

/* Takes octets of a body; returns how many. */
static size_t take_body(uint64_t *body, size_t have)
{
    size_t n = *body < have ? (size_t)*body : have;
    *body -= n;
    return n;
}

enum upgrade_status upgrade_client(struct upgrade *u, struct span held, const struct pos *first,
                                   const struct pos *last, size_t *digested)
{
    struct cur c = cur_of(held);
    enum upgrade_status status = UPGRADE_WATCHING;
    while (status == UPGRADE_WATCHING && cur_left(&c) > 0 && u->client != SIDE_WAIT) {
        if (u->client == SIDE_BODY) {
            cur_skip(&c, take_body(&u->client_body, cur_left(&c)));
            if (u->client_body == 0) {
                u->client = u->asked == u->requests ? SIDE_WAIT : SIDE_HEAD;
            }
            u->last = u->asked == u->requests ? *last : u->last;
            continue;
        }
        if (cur_peek(&c) == '\r' || cur_peek(&c) == '\n') {
            cur_skip(&c, 1); /* blank lines in front of a request are let pass (RFC 9112 2.2) */
            continue;
        }
        size_t len = http1_head_length(span_of(c.pos, cur_left(&c)));
        if (len == 0 || len > LIMIT_UPGRADE_HEAD_OCTETS) {
            status = cur_left(&c) > LIMIT_UPGRADE_HEAD_OCTETS ? UPGRADE_NEVER : status;
            break;
        }
        u->first = *first;
        u->last = *last;
        status = client_head(u, cur_take(&c, len));
    }
    *digested = held.len - cur_left(&c);
    return status;
}

/* ---- the server's side ---- */

static enum upgrade_status server_head(struct upgrade *u, struct span head)
{
    struct http1_head facts = http1_head(head);
    unsigned code = http1_status(facts.first_line);
    if (code == 101) {
        return facts.upgrade_h2c ? UPGRADE_DONE : UPGRADE_NEVER;
    }
    if (code < 200) {
        return code < 100 ? UPGRADE_NEVER : UPGRADE_WATCHING;
    }
    u->responses++;
    if (u->client == SIDE_WAIT && u->responses >= u->asked) {
        u->client = SIDE_HEAD; /* it went on in HTTP/1.1 */
        u->asked = 0;
    }
    bool bodiless = code == 204 || code == 304 || u->last_was_head;
    u->server_body = bodiless ? 0 : facts.length;
    if (bodiless || (facts.has_length && !facts.bad_length && !facts.chunked)) {
        u->server = u->server_body > 0 ? SIDE_BODY : SIDE_HEAD;
    } else {
        u->server = SIDE_LOST;
        u->answer_due = false;
    }
    return UPGRADE_WATCHING;
}

static bool could_be_response(struct span held)
{
    return memcmp(held.ptr, "HTTP/1.", num_min_size(held.len, 7)) == 0;
}

enum upgrade_status upgrade_server(struct upgrade *u, struct span held, size_t *digested)
{
    struct cur c = cur_of(held);
    enum upgrade_status status = UPGRADE_WATCHING;
    while (status == UPGRADE_WATCHING && cur_left(&c) > 0) {
        struct span left = span_of(c.pos, cur_left(&c));
        if (u->server == SIDE_BODY) {
            cur_skip(&c, take_body(&u->server_body, left.len));
            u->server = u->server_body == 0 ? SIDE_HEAD : SIDE_BODY;
            continue;
        }
        if (!could_be_response(left) || (u->server == SIDE_LOST && !u->answer_due)) {
            cur_skip(&c, left.len);
            u->server = SIDE_LOST;
            break;
        }
        size_t len = http1_head_length(left);
        if (len == 0) {
            status = left.len > LIMIT_UPGRADE_HEAD_OCTETS ? UPGRADE_NEVER : status;
            break;
        }
        status = server_head(u, cur_take(&c, len));
    }
    *digested = held.len - cur_left(&c);
    return status;
}

enum upgrade_status upgrade_gap(struct upgrade *u, enum dir dir, uint64_t len)
{
    enum side_state state = dir == DIR_C2S ? u->client : u->server;
    uint64_t *body = dir == DIR_C2S ? &u->client_body : &u->server_body;
    if (state == SIDE_LOST) {
        return UPGRADE_WATCHING;
    }
    if (state != SIDE_BODY || *body <= len) {
        return UPGRADE_NEVER;
    }
    *body -= len;
    return UPGRADE_WATCHING;
}

/* ---- the request ---- */

/* Base64 in the URL alphabet, also with padding. Returns what is wrong with it, or NULL. */
static const char *decode_settings(struct upgrade *u, struct span text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned held = 0;
    buf_clear(&u->settings);
    while (text.len > 0 && text.ptr[text.len - 1] == '=') {
        text.len--;
    }
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.ptr[i] != 0 ? strchr(alphabet, text.ptr[i]) : NULL;
        if (at == NULL) {
            return "HTTP2-Settings is not base64url";
        }
        bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            uint8_t octet = (uint8_t)(bits >> held);
            if (!buf_append(&u->settings, span_of(&octet, 1))) {
                return NULL; /* memory is out: nothing is known of them */
            }
        }
    }
    return u->settings.len % 6 == 0 ? NULL : "HTTP2-Settings is no whole number of settings";
}

/* RFC 7540 3.2.1: it stands there once, is what it should be, and is a connection option. */
static void read_settings(struct upgrade *u, struct upgrade_info *info)
{
    unsigned times = 0;
    bool option = false;
    for (size_t i = 0; i < info->field_count; i++) {
        const struct upgrade_field *field = &info->fields[i];
        option |= http1_same_word(field->name, "connection") &&
                  http1_lists_word(field->value, "http2-settings");
        if (!http1_same_word(field->name, "http2-settings")) {
            continue;
        }
        const char *fault = decode_settings(u, field->value);
        if (fault == NULL && u->settings.len % 6 == 0) {
            info->settings = buf_span(&u->settings);
        }
        info->settings_fault = info->settings_fault != NULL ? info->settings_fault : fault;
        times++;
    }
    if (times != 1) {
        info->settings_fault = times == 0 ? "there is no HTTP2-Settings"
                                          : "HTTP2-Settings stands there more than once";
    } else if (info->settings_fault == NULL && !option) {
        info->settings_fault = "Connection does not name HTTP2-Settings";
    }
}

bool upgrade_request(struct upgrade *u, struct upgrade_info *info)
{
    if (u->asked == 0) {
        return false;
    }
    struct cur c = cur_of(buf_span(&u->head));
    struct span line;
    struct upgrade_field field;
    memset(info, 0, sizeof(*info));
    info->settings = span_empty();
    if (!http1_line(&c, &line)) {
        return false;
    }
    const uint8_t *space = memchr(line.ptr, ' ', line.len);
    size_t method_len = space != NULL ? (size_t)(space - line.ptr) : line.len;
    struct span rest = span_of(line.ptr + method_len, line.len - method_len);
    info->method = span_of(line.ptr, method_len);
    rest.len -= num_min_size(rest.len, strlen(" HTTP/1.1"));
    info->path = http1_trim(rest);
    while (http1_line(&c, &line)) {
        if (!http1_field(line, &field)) {
            continue;
        }
        if (!buf_append(&u->fields, span_of(&field, sizeof(field)))) {
            return false;
        }
    }
    info->fields = (const struct upgrade_field *)(const void *)u->fields.ptr;
    info->field_count = u->fields.len / sizeof(field);
    info->first = u->first;
    info->last = u->last;
    read_settings(u, info);
    return true;
}
