/* The priority parameters of RFC 9218 4, a dictionary of RFC 8941 3.2: only u and i mean something,
 * but the whole value must parse, or all of it is ignored. */
#include "h2/session_int.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_alpha(uint8_t c)
{
    return is_lower((uint8_t)(c | 0x20));
}

static bool is_one_of(uint8_t c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

static void skip(struct cur *c, const char *set)
{
    while (cur_left(c) > 0 && is_one_of(cur_peek(c), set)) {
        cur_skip(c, 1);
    }
}

static bool take(struct cur *c, char octet)
{
    if (cur_left(c) == 0 || cur_peek(c) != (uint8_t)octet) {
        return false;
    }
    cur_skip(c, 1);
    return true;
}

static bool key(struct cur *c, struct span *out)
{
    const uint8_t *from = c->pos;
    if (cur_left(c) == 0 || !(is_lower(cur_peek(c)) || cur_peek(c) == '*')) {
        return false;
    }
    while (cur_left(c) > 0 &&
           (is_lower(cur_peek(c)) || is_digit(cur_peek(c)) || is_one_of(cur_peek(c), "_-.*"))) {
        cur_skip(c, 1);
    }
    *out = span_of(from, (size_t)(c->pos - from));
    return true;
}

/* What an item was, as far as we care. */
struct item {
    bool boolean, integer;
    int64_t value;
};

/* RFC 8941 3.3.1, 3.3.2. */
static bool number(struct cur *c, struct item *out)
{
    bool negative = take(c, '-');
    size_t whole = 0, fraction = 0;
    out->integer = true;
    for (; is_digit(cur_peek(c)); whole++) {
        out->value = whole < 15 ? out->value * 10 + (cur_peek(c) - '0') : 0;
        cur_skip(c, 1);
    }
    if (take(c, '.')) {
        out->integer = false;
        for (; is_digit(cur_peek(c)); fraction++) {
            cur_skip(c, 1);
        }
        if (fraction < 1 || fraction > 3 || whole > 12) {
            return false;
        }
    }
    out->value = negative ? -out->value : out->value;
    return whole >= 1 && whole <= 15;
}

/* RFC 8941 3.3.3. */
static bool string(struct cur *c)
{
    cur_skip(c, 1);
    while (cur_left(c) > 0) {
        uint8_t octet = cur_u8(c);
        if (octet == '"') {
            return true;
        }
        if (octet == '\\') {
            octet = cur_u8(c);
            if (octet != '"' && octet != '\\') {
                return false;
            }
        } else if (octet < 0x20 || octet > 0x7e) {
            return false;
        }
    }
    return false;
}

/* RFC 8941 3.3.5. */
static bool octet_sequence(struct cur *c)
{
    cur_skip(c, 1);
    while (cur_left(c) > 0) {
        uint8_t octet = cur_u8(c);
        if (octet == ':') {
            return true;
        }
        if (!is_alpha(octet) && !is_digit(octet) && !is_one_of(octet, "+/=")) {
            return false;
        }
    }
    return false;
}

static bool bare_item(struct cur *c, struct item *out)
{
    uint8_t first = cur_peek(c);
    *out = (struct item){ false, false, 0 };
    if (first == '-' || is_digit(first)) {
        return number(c, out);
    }
    if (first == '"') {
        return string(c);
    }
    if (first == ':') {
        return octet_sequence(c);
    }
    if (first == '?') {
        cur_skip(c, 1);
        out->boolean = true;
        out->value = cur_peek(c) == '1';
        return take(c, '0') || take(c, '1');
    }
    if (!is_alpha(first) && first != '*') {
        return false;
    }
    while (is_alpha(cur_peek(c)) || is_digit(cur_peek(c)) ||
           is_one_of(cur_peek(c), ":/!#$%&'*+-.^_`|~")) {
        cur_skip(c, 1);
    }
    return true;
}

/* RFC 8941 3.1.2. */
static bool parameters(struct cur *c)
{
    while (take(c, ';')) {
        struct span name;
        struct item ignored;
        skip(c, " ");
        if (!key(c, &name) || (take(c, '=') && !bare_item(c, &ignored))) {
            return false;
        }
    }
    return true;
}

/* RFC 8941 3.1.1. */
static bool inner_list(struct cur *c)
{
    cur_skip(c, 1);
    for (;;) {
        struct item ignored;
        skip(c, " ");
        if (take(c, ')')) {
            return true;
        }
        if (!bare_item(c, &ignored) || !parameters(c)) {
            return false;
        }
        if (cur_peek(c) != ' ' && cur_peek(c) != ')') {
            return false;
        }
    }
}

static bool member(struct cur *c, uint8_t *urgency, bool *incremental)
{
    struct span name;
    struct item item = { .boolean = true, .value = 1 };
    if (!key(c, &name)) {
        return false;
    }
    if (take(c, '=')) {
        if (cur_peek(c) == '(') {
            item.boolean = false;
            if (!inner_list(c)) {
                return false;
            }
        } else if (!bare_item(c, &item)) {
            return false;
        }
    }
    if (!parameters(c)) {
        return false;
    }
    if (span_equal(name, span_str("i"))) {
        *incremental = item.value == 1;
        return item.boolean;
    }
    if (span_equal(name, span_str("u"))) {
        *urgency = (uint8_t)item.value;
        return item.integer && item.value >= 0 && item.value <= 7;
    }
    return true;
}

bool h2_priority_parse(struct span value, uint8_t *urgency, bool *incremental)
{
    struct cur c = cur_of(value);
    uint8_t u = *urgency;
    bool i = *incremental;
    skip(&c, " ");
    while (cur_left(&c) > 0) {
        if (!member(&c, &u, &i)) {
            return false;
        }
        skip(&c, " \t");
        if (cur_left(&c) == 0) {
            break;
        }
        if (!take(&c, ',')) {
            return false;
        }
        skip(&c, " \t");
        if (cur_left(&c) == 0) {
            return false;
        }
    }
    *urgency = u;
    *incremental = i;
    return true;
}
