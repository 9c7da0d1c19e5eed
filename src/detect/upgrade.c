#include "detect/upgrade.h"

#include <string.h>

#include "base/buf.h"
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

/* ---- heads ---- */

/* Takes a line without its end of line; false at the blank one or the end. */
static bool next_line(struct cur *c, struct span *line)
{
    const uint8_t *end = cur_left(c) > 0 ? memchr(c->pos, '\n', cur_left(c)) : NULL;
    if (end == NULL) {
        return false;
    }
    *line = cur_take(c, (size_t)(end - c->pos));
    cur_skip(c, 1);
    if (line->len > 0 && line->ptr[line->len - 1] == '\r') {
        line->len--;
    }
    return line->len > 0;
}

static struct span trim(struct span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = (struct span){ s.ptr + 1, s.len - 1 };
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

static bool same_word(struct span s, const char *word)
{
    if (s.len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

/* Is the word an element of a comma-separated list? */
static bool lists_word(struct span value, const char *word)
{
    struct cur c = cur_of(value);
    while (cur_left(&c) > 0) {
        const uint8_t *comma = memchr(c.pos, ',', cur_left(&c));
        struct span element = cur_take(&c, comma ? (size_t)(comma - c.pos) : cur_left(&c));
        cur_skip(&c, comma != NULL ? 1 : 0);
        if (same_word(trim(element), word)) {
            return true;
        }
    }
    return false;
}

/* "name: value"; false for a line without a colon. */
static bool split_field(struct span line, struct upgrade_field *field)
{
    const uint8_t *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL) {
        return false;
    }
    size_t name_len = (size_t)(colon - line.ptr);
    field->name = span_of(line.ptr, name_len);
    field->value = trim(span_of(colon + 1, line.len - name_len - 1));
    return true;
}

/* What a head says of framing and upgrade. */
struct head_facts {
    struct span first_line;
    bool has_length, bad_length, chunked, upgrade_h2c, settings;
    uint64_t length;
};

static bool read_length(struct span value, uint64_t *length)
{
    *length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9' || *length > UINT32_MAX) {
            return false;
        }
        *length = *length * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    return value.len > 0;
}

static struct head_facts read_head(struct span head)
{
    struct head_facts facts = { .first_line = span_empty() };
    struct cur c = cur_of(head);
    struct span line;
    if (!next_line(&c, &facts.first_line)) {
        return facts;
    }
    while (next_line(&c, &line)) {
        struct upgrade_field field;
        if (!split_field(line, &field)) {
            continue;
        }
        if (same_word(field.name, "content-length")) {
            facts.has_length = true;
            facts.bad_length |= !read_length(field.value, &facts.length);
        } else if (same_word(field.name, "transfer-encoding")) {
            facts.chunked = true;
        } else if (same_word(field.name, "upgrade")) {
            facts.upgrade_h2c |= lists_word(field.value, "h2c");
        } else if (same_word(field.name, "http2-settings")) {
            facts.settings = true;
        }
    }
    return facts;
}

/* The length of the head at the front, blank line included; 0: not whole yet. */
static size_t head_length(struct span held)
{
    for (size_t i = 0; i + 1 < held.len; i++) {
        if (held.ptr[i] != '\n') {
            continue;
        }
        if (held.ptr[i + 1] == '\n') {
            return i + 2;
        }
        if (held.ptr[i + 1] == '\r' && i + 2 < held.len && held.ptr[i + 2] == '\n') {
            return i + 3;
        }
    }
    return 0;
}

/* ---- the client's side ---- */

static bool is_method(struct span line, const char *method)
{
    size_t len = strlen(method);
    return line.len > len && line.ptr[len] == ' ' && memcmp(line.ptr, method, len) == 0;
}

static bool ends_with(struct span line, const char *end)
{
    size_t len = strlen(end);
    return line.len >= len && memcmp(line.ptr + line.len - len, end, len) == 0;
}

static enum upgrade_status client_head(struct upgrade *u, struct span head)
{
    struct head_facts facts = read_head(head);
    bool version =
        ends_with(facts.first_line, " HTTP/1.1") || ends_with(facts.first_line, " HTTP/1.0");
    u->requests++;
    if (!version || facts.chunked || facts.bad_length || facts.length > BODY_OCTETS_MAX ||
        u->requests > REQUESTS_MAX) {
        return UPGRADE_NEVER;
    }
    u->last_was_head = is_method(facts.first_line, "HEAD");
    u->answer_due = true;
    u->client_body = facts.length;
    u->client = facts.length > 0 ? SIDE_BODY : SIDE_HEAD;
    if (facts.upgrade_h2c && facts.settings) {
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
        size_t len = head_length(span_of(c.pos, cur_left(&c)));
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

/* The status code, or 0. */
static unsigned status_of(struct span line)
{
    if (line.len < 12 || memcmp(line.ptr, "HTTP/1.", 7) != 0 || line.ptr[8] != ' ') {
        return 0;
    }
    unsigned code = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.ptr[i] < '0' || line.ptr[i] > '9') {
            return 0;
        }
        code = code * 10 + (unsigned)(line.ptr[i] - '0');
    }
    return code;
}

static enum upgrade_status server_head(struct upgrade *u, struct span head)
{
    struct head_facts facts = read_head(head);
    unsigned code = status_of(facts.first_line);
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
        size_t len = head_length(left);
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

/* Base64 in the URL alphabet, also with padding; false when it is not. */
static bool decode_settings(struct upgrade *u, struct span text)
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
            return false;
        }
        bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            uint8_t octet = (uint8_t)(bits >> held);
            if (!buf_append(&u->settings, span_of(&octet, 1))) {
                return false;
            }
        }
    }
    return u->settings.len % 6 == 0;
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
    if (!next_line(&c, &line)) {
        return false;
    }
    const uint8_t *space = memchr(line.ptr, ' ', line.len);
    size_t method_len = space != NULL ? (size_t)(space - line.ptr) : line.len;
    struct span rest = span_of(line.ptr + method_len, line.len - method_len);
    info->method = span_of(line.ptr, method_len);
    rest.len -= num_min_size(rest.len, strlen(" HTTP/1.1"));
    info->path = trim(rest);
    while (next_line(&c, &line)) {
        if (!split_field(line, &field)) {
            continue;
        }
        if (!buf_append(&u->fields, span_of(&field, sizeof(field)))) {
            return false;
        }
        if (same_word(field.name, "http2-settings") && decode_settings(u, field.value)) {
            info->settings = buf_span(&u->settings);
        }
    }
    info->fields = (const struct upgrade_field *)(const void *)u->fields.ptr;
    info->field_count = u->fields.len / sizeof(field);
    info->first = u->first;
    info->last = u->last;
    return true;
}
