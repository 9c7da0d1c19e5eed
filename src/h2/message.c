#include "h2/message.h"

#include <string.h>

#include "h2/octets.h"

/* ---- the state of a message ---- */

enum seen {
    SEEN_METHOD = MESSAGE_METHOD,
    SEEN_SCHEME = MESSAGE_SCHEME,
    SEEN_PATH = MESSAGE_PATH,
    SEEN_AUTHORITY = MESSAGE_AUTHORITY,
    SEEN_PROTOCOL = 0x0010,
    SEEN_STATUS = MESSAGE_STATUS_SEEN,
    SEEN_HOST = 0x0040,
    METHOD_HEAD = 0x0080,
    METHOD_CONNECT = 0x0100,
    METHOD_OPTIONS = 0x0200,
    SCHEME_HTTP = MESSAGE_SCHEME_HTTP, /* http or https */
    PATH_SLASH = MESSAGE_PATH_SLASH,
    PATH_ASTERISK = 0x1000,
    REGULAR = MESSAGE_REGULAR, /* a regular field stood in this block */
    UNCERTAIN = 0x4000,        /* a field of this block is not exact */
    ANY_UNCERTAIN = 0x8000,    /* a field of some block is not: nothing is known of its length */
    IS_REQUEST = 0x10000,      /* whose trailers are to be judged */
    EXPECT_FINAL = 0x20000,    /* only 1xx so far */
    FINAL = 0x40000,           /* a final status, or a block that may have had one */
    STATUS_UNSURE = 0x80000,   /* the latter: what follows may be a response or trailers */
    PUSHED = 0x100000,         /* the method bits are those of the promised request */
    NO_CONTENT = 0x200000,     /* HEAD, 204, 304 */
    METHOD_TRACE = 0x400000,
    NOT_PUSHABLE = 0x800000, /* is_push: a method that is not both safe and cacheable */
};

#define METHOD_BITS (METHOD_HEAD | METHOD_CONNECT | METHOD_OPTIONS)
#define NOT_SHORT   (METHOD_CONNECT | METHOD_TRACE) /* whether they may stand depends on more */
#define KEPT_BY_1XX (METHOD_BITS | PUSHED | ANY_UNCERTAIN)
#define NO_LENGTH   (-1)

void message_init(struct h2_message *message)
{
    *message = (struct h2_message){ .content_length = NO_LENGTH };
}

void message_begin_block(struct h2_message *message, const struct message_context *context)
{
    message->seen &= ~(uint32_t)(REGULAR | UNCERTAIN);
    if (context->kind == MESSAGE_REQUEST) {
        message->seen |= IS_REQUEST;
    }
}

static enum message_verdict fault_is(struct message_fault *fault, enum message_verdict verdict,
                                     enum check check, const char *text)
{
    *fault = (struct message_fault){ check, text, false };
    return verdict;
}

/* What a receiver may take as it is meant (RFC 9110 8.6), or need not look for (RFC 9113 8.2.1). */
static enum message_verdict lenient(struct message_fault *fault, enum message_verdict verdict,
                                    enum check check, const char *text)
{
    *fault = (struct message_fault){ check, text, true };
    return verdict;
}

#define ERR(check, text) fault_is(rule->fault, MESSAGE_ERR, check, text)

/* What a rule for one field looks at. */
struct rule {
    struct h2_message *message;
    const struct message_context *context;
    const struct h2_header *header;
    struct message_fault *fault;
};

static bool seen(const struct rule *rule, uint32_t bits)
{
    return (rule->message->seen & bits) != 0;
}

static bool value_is(const struct h2_header *header, const char *text)
{
    return span_equal(header->value, span_str(text));
}

static uint8_t lower(uint8_t octet)
{
    return octet_classes[octet] & IN_UPPER ? (uint8_t)(octet | 0x20) : octet;
}

static bool value_is_any_case(const struct h2_header *header, const char *text)
{
    struct span value = header->value;
    if (value.len != strlen(text)) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (lower(value.ptr[i]) != (uint8_t)text[i]) {
            return false;
        }
    }
    return true;
}

/* ---- rules for values (receive-engine 5.2, 5.3) ---- */

/* gRPC's peers agree by a setting of their own on values that are not text (RFC 9113 5.5). */
static bool is_binary(const struct rule *rule)
{
    struct span name = rule->header->name, value = rule->header->value;
    return rule->context->binary_values && name.len > 4 && value.len > 0 && value.ptr[0] == 0 &&
           memcmp(name.ptr + name.len - 4, "-bin", 4) == 0;
}

static enum message_verdict rule_field_value(const struct rule *rule, enum message_verdict verdict)
{
    unsigned facts = rule->header->octet_facts;
    if (facts != 0 && is_binary(rule)) {
        return lenient(rule->fault, MESSAGE_HIDE, CHECK_FIELD_VALUE_NUL_CR_LF,
                       "a binary value, which gRPC's peers agree on by setting 0xfe03");
    }
    if (facts & H2_VALUE_NUL_CR_LF) {
        return fault_is(rule->fault, verdict, CHECK_FIELD_VALUE_NUL_CR_LF,
                        "NUL, CR or LF in the value");
    }
    if (facts & H2_VALUE_CONTROL) {
        return fault_is(rule->fault, verdict, CHECK_FIELD_VALUE_CONTROL,
                        "control octet in the value");
    }
    if (rule->context->check_edge_whitespace && (facts & H2_VALUE_EDGE_SPACE)) {
        return fault_is(rule->fault, verdict, CHECK_FIELD_VALUE_EDGE_WHITESPACE,
                        "white space at an edge of the value");
    }
    return MESSAGE_OK;
}

static enum message_verdict rule_any(const struct rule *rule)
{
    return rule_field_value(rule, MESSAGE_DROP);
}

static enum message_verdict rule_never(const struct rule *rule)
{
    return ERR(CHECK_FIELD_CONNECTION_SPECIFIC, "connection-specific field");
}

static enum message_verdict rule_te(const struct rule *rule)
{
    if (!value_is_any_case(rule->header, "trailers")) {
        return ERR(CHECK_FIELD_TE_VALUE, "te is not \"trailers\"");
    }
    return MESSAGE_OK;
}

static enum message_verdict rule_wrong_direction(const struct rule *rule)
{
    return rule->header->token == H2_TOKEN_STATUS
               ? ERR(CHECK_PSEUDO_WRONG_DIRECTION, ":status in a request")
               : ERR(CHECK_PSEUDO_WRONG_DIRECTION, "request pseudo-header field in a response");
}

static enum message_verdict rule_unknown_pseudo(const struct rule *rule)
{
    return ERR(CHECK_PSEUDO_UNKNOWN, "unknown pseudo-header field");
}

/* Decimal digits that fit 63 bits; NO_LENGTH otherwise. */
static int64_t parse_length(struct span text)
{
    int64_t length = text.len > 0 ? 0 : NO_LENGTH;
    for (size_t i = 0; i < text.len; i++) {
        int digit = text.ptr[i] - '0';
        if (digit < 0 || digit > 9 || length > (INT64_MAX - digit) / 10) {
            return NO_LENGTH;
        }
        length = length * 10 + digit;
    }
    return length;
}

/* "42, 42" (RFC 9110 8.6). */
static bool is_list_of_one(struct span text)
{
    int64_t first = NO_LENGTH;
    size_t from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.ptr[i] != ',') {
            continue;
        }
        size_t end = i;
        while (from < end && (text.ptr[from] == ' ' || text.ptr[from] == '\t')) {
            from++;
        }
        while (end > from && (text.ptr[end - 1] == ' ' || text.ptr[end - 1] == '\t')) {
            end--;
        }
        int64_t length = parse_length(span_of(text.ptr + from, end - from));
        if (length == NO_LENGTH || (first != NO_LENGTH && length != first)) {
            return false;
        }
        first = length;
        from = i + 1;
    }
    return true;
}

static enum message_verdict rule_content_length(const struct rule *rule)
{
    struct h2_message *message = rule->message;
    int64_t length = parse_length(rule->header->value);
    if (message->content_length != NO_LENGTH && message->content_length == length) {
        return lenient(rule->fault, MESSAGE_ERR, CHECK_MSG_CONTENT_LENGTH_DUPLICATE,
                       "content-length repeated with the same value");
    }
    if (message->content_length != NO_LENGTH) {
        return ERR(CHECK_MSG_CONTENT_LENGTH_DUPLICATE, "content-length repeated");
    }
    if (length == NO_LENGTH && is_list_of_one(rule->header->value)) {
        return lenient(rule->fault, MESSAGE_ERR, CHECK_MSG_CONTENT_LENGTH_INVALID,
                       "content-length is a list of one number");
    }
    if (length == NO_LENGTH) {
        return ERR(CHECK_MSG_CONTENT_LENGTH_INVALID,
                   "content-length is not a decimal number of at most 63 bits");
    }
    message->content_length = length;
    return MESSAGE_OK;
}

static bool is_answer_to_connect(const struct h2_message *message,
                                 const struct message_context *context)
{
    return message->seen & PUSHED ? (message->seen & METHOD_CONNECT) != 0
                                  : context->request_known && context->request_was_connect;
}

static enum message_verdict rule_response_length(const struct rule *rule)
{
    struct h2_message *message = rule->message;
    if (message->status == 204) {
        if (message->content_length != NO_LENGTH) {
            return ERR(CHECK_MSG_CONTENT_LENGTH_DUPLICATE, "content-length repeated");
        }
        if (!value_is(rule->header, "0")) {
            return ERR(CHECK_MSG_CONTENT_LENGTH_FORBIDDEN, "content-length with status 204");
        }
        message->content_length = 0;
        return fault_is(rule->fault, MESSAGE_HIDE, CHECK_MSG_CONTENT_LENGTH_FORBIDDEN,
                        "content-length with status 204");
    }
    if (message->status / 100 == 1) {
        return ERR(CHECK_MSG_CONTENT_LENGTH_FORBIDDEN, "content-length with a 1xx status");
    }
    if (message->status / 100 == 2 && is_answer_to_connect(message, rule->context)) {
        return fault_is(rule->fault, MESSAGE_HIDE, CHECK_MSG_CONTENT_LENGTH_FORBIDDEN,
                        "content-length in a response to CONNECT");
    }
    return rule_content_length(rule);
}

static enum message_verdict rule_authority(const struct rule *rule)
{
    struct span value = rule->header->value;
    if (seen(rule, SEEN_AUTHORITY)) {
        return ERR(CHECK_PSEUDO_DUPLICATE, ":authority repeated");
    }
    if (value.len == 0) {
        return ERR(CHECK_PSEUDO_AUTHORITY_INVALID, "empty :authority");
    }
    if (!octets_all_in(value, IN_AUTHORITY)) {
        return memchr(value.ptr, '@', value.len) != NULL
                   ? ERR(CHECK_PSEUDO_AUTHORITY_USERINFO, "userinfo in :authority")
                   : ERR(CHECK_PSEUDO_AUTHORITY_INVALID,
                         "octet in :authority that no authority has");
    }
    rule->message->seen |= SEEN_AUTHORITY;
    return MESSAGE_OK;
}

static enum message_verdict rule_method(const struct rule *rule)
{
    struct span value = rule->header->value;
    if (seen(rule, SEEN_METHOD)) {
        return ERR(CHECK_PSEUDO_DUPLICATE, ":method repeated");
    }
    if (value.len == 0) {
        return ERR(CHECK_PSEUDO_METHOD_INVALID, "empty :method");
    }
    if (!octets_all_in(value, IN_TOKEN)) {
        return ERR(CHECK_PSEUDO_METHOD_INVALID, ":method is not a token");
    }
    uint32_t bits = value_is(rule->header, "HEAD")      ? METHOD_HEAD
                    : value_is(rule->header, "CONNECT") ? METHOD_CONNECT
                    : value_is(rule->header, "OPTIONS") ? METHOD_OPTIONS
                    : value_is(rule->header, "TRACE")   ? METHOD_TRACE
                                                        : 0;
    if (bits == METHOD_CONNECT && rule->context->is_push) {
        return ERR(CHECK_PUSH_REQUEST_CONNECT, "CONNECT cannot be promised");
    }
    if (rule->context->is_push && bits != METHOD_HEAD && !value_is(rule->header, "GET")) {
        bits |= NOT_PUSHABLE;
    }
    rule->message->seen |= SEEN_METHOD | bits;
    return MESSAGE_OK;
}

static bool is_path(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] <= ' ' || value.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static enum message_verdict rule_path(const struct rule *rule)
{
    struct span value = rule->header->value;
    if (seen(rule, SEEN_PATH)) {
        return ERR(CHECK_PSEUDO_DUPLICATE, ":path repeated");
    }
    if (value.len == 0) {
        return ERR(CHECK_PSEUDO_PATH_EMPTY, "empty :path");
    }
    if (!is_path(value)) {
        return ERR(CHECK_PSEUDO_PATH_INVALID, "octet in :path that no path has");
    }
    rule->message->seen |= SEEN_PATH | (value.ptr[0] == '/' ? PATH_SLASH : 0) |
                           (value_is(rule->header, "*") ? PATH_ASTERISK : 0);
    return MESSAGE_OK;
}

static enum message_verdict rule_scheme(const struct rule *rule)
{
    struct span value = rule->header->value;
    if (seen(rule, SEEN_SCHEME)) {
        return ERR(CHECK_PSEUDO_DUPLICATE, ":scheme repeated");
    }
    if (value.len == 0) {
        return ERR(CHECK_PSEUDO_SCHEME_INVALID, "empty :scheme");
    }
    if ((octet_classes[value.ptr[0]] & IN_ALPHA) == 0 || !octets_all_in(value, IN_SCHEME)) {
        return ERR(CHECK_PSEUDO_SCHEME_INVALID, ":scheme is not a scheme");
    }
    bool http = value_is_any_case(rule->header, "http") || value_is_any_case(rule->header, "https");
    rule->message->seen |= SEEN_SCHEME | (http ? SCHEME_HTTP : 0);
    return MESSAGE_OK;
}

static enum message_verdict rule_protocol(const struct rule *rule)
{
    if (!rule->context->connect_protocol) {
        return ERR(CHECK_EXT_CONNECT_NOT_ENABLED, ":protocol was not enabled");
    }
    if (seen(rule, SEEN_PROTOCOL)) {
        return ERR(CHECK_PSEUDO_DUPLICATE, ":protocol repeated");
    }
    if (rule->header->value.len == 0) {
        return ERR(CHECK_PSEUDO_PROTOCOL_INVALID, "empty :protocol");
    }
    if (rule_field_value(rule, MESSAGE_ERR) != MESSAGE_OK) {
        return ERR(CHECK_PSEUDO_PROTOCOL_INVALID, "octet in :protocol that no value has");
    }
    rule->message->seen |= SEEN_PROTOCOL;
    return MESSAGE_OK;
}

static enum message_verdict rule_host(const struct rule *rule)
{
    struct span value = rule->header->value;
    if (value.len > 0 && !octets_all_in(value, IN_AUTHORITY)) {
        return fault_is(rule->fault, MESSAGE_DROP, CHECK_PSEUDO_HOST_INVALID,
                        "octet in host that no host has");
    }
    if (seen(rule, SEEN_HOST)) {
        return ERR(CHECK_PSEUDO_HOST_DUPLICATE, "host repeated");
    }
    if (value.len == 0) {
        return ERR(CHECK_PSEUDO_HOST_INVALID, "empty host");
    }
    rule->message->seen |= SEEN_HOST;
    return MESSAGE_OK;
}

static enum message_verdict rule_status(const struct rule *rule)
{
    struct span value = rule->header->value;
    if (seen(rule, SEEN_STATUS)) {
        return ERR(CHECK_PSEUDO_DUPLICATE, ":status repeated");
    }
    if (value.len != 3 || !octets_all_in(value, IN_DIGIT) || value.ptr[0] == '0') {
        return ERR(CHECK_PSEUDO_STATUS_INVALID, ":status is not three digits from 100 to 999");
    }
    if (value_is(rule->header, "101")) {
        return ERR(CHECK_MSG_HTTP2_STATUS_101, "status 101 does not exist in HTTP/2");
    }
    rule->message->seen |= SEEN_STATUS;
    rule->message->status =
        (uint16_t)((value.ptr[0] - '0') * 100 + (value.ptr[1] - '0') * 10 + (value.ptr[2] - '0'));
    return MESSAGE_OK;
}

typedef enum message_verdict (*rule_fn)(const struct rule *rule);

static const rule_fn request_rules[] = {
    [H2_TOKEN_NONE] = rule_any,
    [H2_TOKEN_AUTHORITY] = rule_authority,
    [H2_TOKEN_METHOD] = rule_method,
    [H2_TOKEN_PATH] = rule_path,
    [H2_TOKEN_SCHEME] = rule_scheme,
    [H2_TOKEN_STATUS] = rule_wrong_direction,
    [H2_TOKEN_PROTOCOL] = rule_protocol,
    [H2_TOKEN_PSEUDO_UNKNOWN] = rule_unknown_pseudo,
    [H2_TOKEN_HOST] = rule_host,
    [H2_TOKEN_CONTENT_LENGTH] = rule_content_length,
    [H2_TOKEN_TE] = rule_te,
    [H2_TOKEN_PRIORITY] = rule_any,
    [H2_TOKEN_CONNECTION_SPECIFIC] = rule_never,
};

static const rule_fn response_rules[] = {
    [H2_TOKEN_NONE] = rule_any,
    [H2_TOKEN_AUTHORITY] = rule_wrong_direction,
    [H2_TOKEN_METHOD] = rule_wrong_direction,
    [H2_TOKEN_PATH] = rule_wrong_direction,
    [H2_TOKEN_SCHEME] = rule_wrong_direction,
    [H2_TOKEN_STATUS] = rule_status,
    [H2_TOKEN_PROTOCOL] = rule_wrong_direction,
    [H2_TOKEN_PSEUDO_UNKNOWN] = rule_unknown_pseudo,
    [H2_TOKEN_HOST] = rule_any,
    [H2_TOKEN_CONTENT_LENGTH] = rule_response_length,
    [H2_TOKEN_TE] = rule_te,
    [H2_TOKEN_PRIORITY] = rule_any,
    [H2_TOKEN_CONNECTION_SPECIFIC] = rule_never,
};

uint16_t message_ordinary(enum h2_token token, uint8_t octet_facts, struct span value)
{
    if (token == H2_TOKEN_NONE) {
        return octet_facts == 0 ? REGULAR : 0;
    }
    if (token > H2_TOKEN_STATUS) {
        return 0;
    }
    struct h2_message message = { .seen = 0 };
    struct message_context context = { .kind = MESSAGE_REQUEST };
    struct message_fault fault;
    struct h2_header header;
    header.token = token;
    header.octet_facts = octet_facts;
    header.value = value;
    struct rule rule = { &message, &context, &header, &fault };
    bool status = token == H2_TOKEN_STATUS;
    if ((status ? rule_status : request_rules[token])(&rule) != MESSAGE_OK ||
        (message.seen & NOT_SHORT) != 0) {
        return 0;
    }
    return (uint16_t)(status ? (unsigned)MESSAGE_STATUS | message.status : message.seen);
}

static bool is_pseudo(enum h2_token token)
{
    return token >= H2_TOKEN_AUTHORITY && token <= H2_TOKEN_PSEUDO_UNKNOWN;
}

/* Trailers, unless they may as well be the final response whose predecessor was not readable. */
static bool is_trailers(const struct h2_message *message, const struct message_context *context)
{
    return context->kind == MESSAGE_TRAILERS && (message->seen & STATUS_UNSURE) == 0;
}

/* Octets that make a message malformed (RFC 9113 8.2.1); of other octets that no token has a
 * receiver need not take notice. */
static bool has_forbidden(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f || name.ptr[i] == ':') {
            return true;
        }
    }
    return false;
}

/* Names come first (receive-engine 5.1). */
static enum message_verdict rule_name(const struct rule *rule)
{
    const struct h2_header *header = rule->header;
    if (is_pseudo(header->token)) {
        if (is_trailers(rule->message, rule->context)) {
            return ERR(CHECK_MSG_TRAILERS_PSEUDO, "pseudo-header field in trailers");
        }
        if (seen(rule, REGULAR)) {
            return ERR(CHECK_PSEUDO_AFTER_REGULAR, "pseudo-header field after a regular field");
        }
        return MESSAGE_OK;
    }
    rule->message->seen |= REGULAR;
    if (header->octet_facts & H2_NAME_UPPERCASE) {
        return ERR(CHECK_FIELD_NAME_UPPERCASE, "upper-case letter in the name");
    }
    if ((header->octet_facts & H2_NAME_BAD) != 0 && !has_forbidden(header->name)) {
        return lenient(rule->fault, MESSAGE_DROP, CHECK_FIELD_NAME_INVALID,
                       "octet in the name that no token has");
    }
    if (header->octet_facts & (H2_NAME_EMPTY | H2_NAME_BAD)) {
        return fault_is(rule->fault, MESSAGE_DROP, CHECK_FIELD_NAME_INVALID,
                        header->octet_facts & H2_NAME_EMPTY ? "empty name"
                                                            : "octet in the name that no name has");
    }
    return MESSAGE_OK;
}

enum message_verdict message_on_header(struct h2_message *message,
                                       const struct message_context *context,
                                       const struct h2_header *header, struct message_fault *fault)
{
    struct rule rule = { message, context, header, fault };
    *fault = (struct message_fault){ CHECK_COUNT, "", false };
    if (header->certainty != H2_EXACT) {
        /* A field whose name is known and has no rule of its own cannot be one that is missed. */
        if (header->certainty == H2_UNKNOWN && header->name.len > 0 &&
            header->token == H2_TOKEN_NONE) {
            message->seen |= REGULAR;
        } else {
            message->seen |= UNCERTAIN | ANY_UNCERTAIN;
        }
        return MESSAGE_OK;
    }
    enum message_verdict verdict = rule_name(&rule);
    if (verdict != MESSAGE_OK) {
        return verdict;
    }
    bool request = context->kind == MESSAGE_REQUEST ||
                   (context->kind == MESSAGE_TRAILERS && (message->seen & IS_REQUEST) != 0);
    return (request ? request_rules : response_rules)[header->token](&rule);
}

/* ---- the end of a block (receive-engine 5.4) ---- */

/* What one kind of request must have: the first row of which bits are missing is the fault. */
struct must_row {
    uint32_t bits; /* one of them */
    enum check check;
    const char *text;
};

static const struct must_row plain_musts[] = {
    { SEEN_METHOD, CHECK_PSEUDO_METHOD_MISSING, "no :method" },
    { SEEN_SCHEME, CHECK_PSEUDO_SCHEME_MISSING, "no :scheme" },
    { SEEN_PATH, CHECK_PSEUDO_PATH_MISSING, "no :path" },
    { SEEN_AUTHORITY | SEEN_HOST, CHECK_PSEUDO_AUTHORITY_MISSING, "neither :authority nor host" },
    { 0, CHECK_COUNT, NULL },
};

static const struct must_row push_musts[] = {
    { SEEN_METHOD, CHECK_PUSH_REQUEST_INCOMPLETE, "no :method" },
    { SEEN_SCHEME, CHECK_PUSH_REQUEST_INCOMPLETE, "no :scheme" },
    { SEEN_PATH, CHECK_PUSH_REQUEST_INCOMPLETE, "no :path" },
    { SEEN_AUTHORITY | SEEN_HOST, CHECK_PUSH_REQUEST_INCOMPLETE, "neither :authority nor host" },
    { 0, CHECK_COUNT, NULL },
};

static const struct must_row protocol_musts[] = {
    { METHOD_CONNECT, CHECK_EXT_CONNECT_METHOD, ":protocol with another method than CONNECT" },
    { SEEN_SCHEME, CHECK_EXT_CONNECT_TARGET_MISSING, ":protocol without :scheme" },
    { SEEN_PATH, CHECK_EXT_CONNECT_TARGET_MISSING, ":protocol without :path" },
    { SEEN_AUTHORITY, CHECK_EXT_CONNECT_TARGET_MISSING, ":protocol without :authority" },
    { 0, CHECK_COUNT, NULL },
};

static const struct must_row connect_musts[] = {
    { SEEN_AUTHORITY, CHECK_CONNECT_AUTHORITY, "CONNECT without :authority" },
    { 0, CHECK_COUNT, NULL },
};

static bool is_malformed(struct message_fault *fault, enum check check, const char *text)
{
    *fault = (struct message_fault){ check, text, false };
    return false;
}

static bool has_all(uint32_t bits, const struct must_row *musts, struct message_fault *fault)
{
    for (; musts->bits != 0; musts++) {
        if ((bits & musts->bits) == 0) {
            return is_malformed(fault, musts->check, musts->text);
        }
    }
    return true;
}

static bool is_plain_connect(uint32_t bits)
{
    return (bits & METHOD_CONNECT) != 0 && (bits & SEEN_PROTOCOL) == 0;
}

static bool end_request(struct h2_message *message, const struct message_context *context,
                        struct message_fault *fault)
{
    uint32_t bits = message->seen;
    if (bits & UNCERTAIN) {
        return true;
    }
    if (is_plain_connect(bits)) {
        message->content_length = NO_LENGTH;
        if (bits & (SEEN_SCHEME | SEEN_PATH)) {
            return is_malformed(fault, CHECK_CONNECT_SCHEME_PATH, "CONNECT with :scheme or :path");
        }
        return has_all(bits, connect_musts, fault);
    }
    const struct must_row *musts = bits & SEEN_PROTOCOL ? protocol_musts
                                   : context->is_push   ? push_musts
                                                        : plain_musts;
    if (!has_all(bits, musts, fault)) {
        return false;
    }
    bool asterisk = (bits & METHOD_OPTIONS) != 0 && (bits & PATH_ASTERISK) != 0;
    if ((bits & SCHEME_HTTP) != 0 && (bits & PATH_SLASH) == 0 && !asterisk) {
        return is_malformed(fault, CHECK_PSEUDO_PATH_FORM, ":path does not begin with a slash");
    }
    return true;
}

static bool was_head(const struct h2_message *message, const struct message_context *context)
{
    return message->seen & PUSHED ? (message->seen & METHOD_HEAD) != 0
                                  : context->request_known && context->request_was_head;
}

static bool end_response(struct h2_message *message, const struct message_context *context,
                         struct message_fault *fault)
{
    if ((message->seen & SEEN_STATUS) == 0) {
        if (message->seen & UNCERTAIN) {
            message->seen |= FINAL | STATUS_UNSURE;
            message->seen &= ~(uint32_t)EXPECT_FINAL;
            return true;
        }
        return context->kind == MESSAGE_TRAILERS ||
               is_malformed(fault, CHECK_PSEUDO_STATUS_MISSING, "no :status");
    }
    if (message->status / 100 == 1) {
        message->seen = (message->seen & KEPT_BY_1XX) | EXPECT_FINAL;
        message->status = 0;
        message->content_length = NO_LENGTH;
        return true;
    }
    message->seen &= ~(uint32_t)(EXPECT_FINAL | STATUS_UNSURE);
    message->seen |= FINAL;
    if (was_head(message, context) || message->status == 204 || message->status == 304) {
        message->content_length = 0;
        message->seen |= NO_CONTENT;
    } else if (is_answer_to_connect(message, context)) {
        message->content_length = NO_LENGTH;
    }
    return true;
}

bool message_on_headers_end(struct h2_message *message, const struct message_context *context,
                            bool end_stream, struct message_fault *fault)
{
    *fault = (struct message_fault){ CHECK_COUNT, "", false };
    bool well_formed = true;
    if (context->kind == MESSAGE_REQUEST) {
        well_formed = end_request(message, context, fault);
    } else if (is_trailers(message, context)) {
        if (!end_stream) {
            return is_malformed(fault, CHECK_MSG_TRAILERS_NO_END_STREAM,
                                "trailers without END_STREAM");
        }
    } else {
        well_formed = end_response(message, context, fault);
    }
    if (!well_formed || !end_stream) {
        return well_formed;
    }
    if (message->seen & EXPECT_FINAL) {
        return is_malformed(fault, CHECK_MSG_INFORMATIONAL_END_STREAM,
                            "END_STREAM on a 1xx response");
    }
    return message_on_end_stream(message, context, fault);
}

/* ---- the body (receive-engine 5.5) ---- */

/* How long the body must be; NO_LENGTH: nobody says. */
static int64_t expected(const struct h2_message *message, const struct message_context *context)
{
    bool response = (message->seen & IS_REQUEST) == 0;
    if (message->seen & ANY_UNCERTAIN) {
        return NO_LENGTH;
    }
    /* Whether content-length counts depends on the method, unless the status says. */
    if (response && !context->request_known && (message->seen & (PUSHED | NO_CONTENT)) == 0) {
        return NO_LENGTH;
    }
    return message->content_length;
}

bool message_on_data(struct h2_message *message, const struct message_context *context, uint64_t n,
                     struct message_fault *fault)
{
    *fault = (struct message_fault){ CHECK_COUNT, "", false };
    if (n == 0) {
        return true;
    }
    message->received = num_add_sat_u64(message->received, n);
    if (message->seen & EXPECT_FINAL) {
        return is_malformed(fault, CHECK_MSG_DATA_BEFORE_HEADERS, "DATA before the final status");
    }
    int64_t length = expected(message, context);
    if (length == NO_LENGTH || message->received <= (uint64_t)length) {
        return true;
    }
    return message->seen & NO_CONTENT ? is_malformed(fault, CHECK_MSG_CONTENT_FORBIDDEN,
                                                     "DATA in a response that has no content")
                                      : is_malformed(fault, CHECK_MSG_CONTENT_LENGTH_MISMATCH,
                                                     "more DATA than content-length says");
}

bool message_on_end_stream(struct h2_message *message, const struct message_context *context,
                           struct message_fault *fault)
{
    *fault = (struct message_fault){ CHECK_COUNT, "", false };
    if (message->seen & EXPECT_FINAL) {
        return is_malformed(fault, CHECK_MSG_NO_FINAL_RESPONSE,
                            "the stream ends without a final response");
    }
    int64_t length = expected(message, context);
    if (length == NO_LENGTH || message->received == (uint64_t)length) {
        return true;
    }
    return is_malformed(fault, CHECK_MSG_CONTENT_LENGTH_MISMATCH,
                        message->received < (uint64_t)length
                            ? "less DATA than content-length says"
                            : "more DATA than content-length says");
}

bool message_method_is_head(const struct h2_message *message)
{
    return (message->seen & METHOD_HEAD) != 0;
}

bool message_method_is_connect(const struct h2_message *message)
{
    return (message->seen & METHOD_CONNECT) != 0;
}

bool message_method_is_trace(const struct h2_message *message)
{
    return (message->seen & METHOD_TRACE) != 0;
}

enum message_promise message_judge_promise(const struct h2_message *message)
{
    uint32_t seen = message->seen;
    unsigned fault = 0;
    fault |= seen & NOT_PUSHABLE ? MESSAGE_PROMISE_UNSAFE : 0;
    if (message->content_length > 0) {
        fault |= MESSAGE_PROMISE_CONTENT;
    }
    if ((seen & SEEN_AUTHORITY) == 0) {
        fault |= MESSAGE_PROMISE_NO_AUTHORITY;
    }
    return seen & UNCERTAIN ? MESSAGE_PROMISE_GOOD : (enum message_promise)fault;
}

bool message_final_status_seen(const struct h2_message *message)
{
    return (message->seen & FINAL) != 0;
}

void message_push_to_response(struct h2_message *message)
{
    uint32_t method = message->seen & METHOD_BITS;
    bool known = (message->seen & SEEN_METHOD) != 0;
    message_init(message);
    message->seen = method | (known ? PUSHED : 0);
}
