#include "tls/handshake.h"

#include <string.h>

#include "spec/limits.h"

#define MESSAGE_HEADER_LEN 4

/* ---- messages from pieces ---- */

void handshake_init(struct handshake *handshake, struct mem *mem)
{
    memset(handshake, 0, sizeof(*handshake));
    buf_init(&handshake->message, mem, (size_t)LIMIT_TLS_MESSAGE_OCTETS + MESSAGE_HEADER_LEN);
}

void handshake_fini(struct handshake *handshake)
{
    buf_fini(&handshake->message);
}

void handshake_lose(struct handshake *handshake)
{
    buf_fini(&handshake->message);
    handshake->skip = 0;
    handshake->lost = true;
}

void handshake_restart(struct handshake *handshake)
{
    handshake_lose(handshake);
    handshake->lost = false;
}

bool handshake_idle(const struct handshake *handshake)
{
    return handshake->message.len == 0 && handshake->skip == 0;
}

/* What nobody reads is passed over by its length. */
static bool is_read(const struct handshake *handshake, uint8_t type)
{
    switch (type) {
    case HS_CERTIFICATE:
        return handshake->certificates &&
               num_be24(handshake->message.ptr + 1) < LIMIT_TLS_MESSAGE_OCTETS / 2;
    case HS_CLIENT_HELLO:
    case HS_SERVER_HELLO:
    case HS_ENCRYPTED_EXTENSIONS:
    case HS_SERVER_KEY_EXCHANGE:
    case HS_KEY_UPDATE:
        return true;
    default:
        return false;
    }
}

/* Takes what the message under way still lacks of n octets; false: it cannot be kept. */
static bool gather(struct handshake *handshake, struct cur *c, size_t n)
{
    size_t lack = n - handshake->message.len;
    struct span piece = cur_take(c, num_min_size(lack, cur_left(c)));
    return piece.len == 0 || buf_append(&handshake->message, piece);
}

/* One step: a header, then a body that is kept or passed over. False: it must be given up. */
static bool step(struct handshake *handshake, struct cur *c, handshake_fn tell, void *ctx)
{
    struct buf *message = &handshake->message;
    if (message->len < MESSAGE_HEADER_LEN) {
        if (!gather(handshake, c, MESSAGE_HEADER_LEN)) {
            return false;
        }
        if (message->len < MESSAGE_HEADER_LEN) {
            return true;
        }
        if (!is_read(handshake, message->ptr[0])) {
            enum handshake_type type = message->ptr[0];
            handshake->skip = num_be24(message->ptr + 1);
            buf_clear(message);
            tell(ctx, type, span_empty());
            return true;
        }
    }
    size_t whole = MESSAGE_HEADER_LEN + num_be24(message->ptr + 1);
    if (whole > LIMIT_TLS_MESSAGE_OCTETS || !gather(handshake, c, whole)) {
        return false;
    }
    if (message->len == whole) {
        enum handshake_type type = message->ptr[0];
        tell(ctx, type,
             span_of(message->ptr + MESSAGE_HEADER_LEN, message->len - MESSAGE_HEADER_LEN));
        buf_fini(message);
    }
    return true;
}

bool handshake_feed(struct handshake *handshake, struct span octets, handshake_fn tell, void *ctx)
{
    struct cur c = cur_of(octets);
    while (cur_left(&c) > 0 && !handshake->lost) {
        if (handshake->skip > 0) {
            size_t n = num_min_size(handshake->skip, cur_left(&c));
            handshake->skip -= (uint32_t)n;
            cur_skip(&c, n);
        } else if (!step(handshake, &c, tell, ctx)) {
            handshake_lose(handshake);
            return false;
        }
    }
    return true;
}

/* ---- the messages ---- */

enum extension {
    EXT_SERVER_NAME = 0,
    EXT_ALPN = 16,
    EXT_PRE_SHARED_KEY = 41,
    EXT_EARLY_DATA = 42,
    EXT_SUPPORTED_VERSIONS = 43,
    EXT_ECH = 0xfe0d,
};

static struct span take_vector(struct cur *c, unsigned length_octets)
{
    size_t len = length_octets == 1 ? cur_u8(c) : cur_u16(c);
    return cur_take(c, len);
}

/* One extension of a list: false at its end. */
static bool next_extension(struct cur *list, uint16_t *type, struct span *content)
{
    if (cur_left(list) == 0) {
        return false;
    }
    *type = cur_u16(list);
    *content = take_vector(list, 2);
    return cur_ok(list);
}

/* RFC 6066 3: server_name_list of (type, name); type 0 is a host name. */
static struct span read_sni(struct span content)
{
    struct cur c = cur_of(content);
    struct cur list = cur_of(take_vector(&c, 2));
    while (cur_left(&list) > 0) {
        uint8_t type = cur_u8(&list);
        struct span name = take_vector(&list, 2);
        if (cur_ok(&list) && type == 0) {
            return name;
        }
    }
    return span_empty();
}

/* RFC 7301 3.1. */
static struct span read_alpn_list(struct span content)
{
    struct cur c = cur_of(content);
    return take_vector(&c, 2);
}

static bool lists_h2c(struct span list)
{
    struct cur c = cur_of(list);
    bool found = false;
    while (cur_left(&c) > 0) {
        struct span name = take_vector(&c, 1);
        found |= cur_ok(&c) && name.len == 3 && memcmp(name.ptr, "h2c", 3) == 0;
    }
    return found;
}

static struct span read_alpn_choice(struct span content)
{
    struct cur c = cur_of(read_alpn_list(content));
    return take_vector(&c, 1);
}

/* RFC 8446 4.2.1. */
static bool offers_13(struct span content)
{
    struct cur c = cur_of(content);
    struct cur list = cur_of(take_vector(&c, 1));
    bool found = false;
    while (cur_left(&list) >= 2) {
        found |= cur_u16(&list) == TLS_1_3;
    }
    return found;
}

bool client_hello_read(struct span body, struct client_hello *out)
{
    struct cur c = cur_of(body);
    *out = (struct client_hello){ .session_id = span_empty(),
                                  .sni = span_empty(),
                                  .alpn = span_empty() };
    (void)cur_u16(&c);
    struct span random = cur_take(&c, TLS_RANDOM_LEN);
    out->random = random.ptr;
    out->session_id = take_vector(&c, 1);
    (void)take_vector(&c, 2); /* suites */
    (void)take_vector(&c, 1); /* compressions */
    if (random.len != TLS_RANDOM_LEN || !cur_ok(&c) || out->session_id.len > TLS_SESSION_ID_MAX) {
        return false;
    }
    struct cur list = cur_of(cur_left(&c) > 0 ? take_vector(&c, 2) : span_empty());
    uint16_t type;
    struct span content;
    while (next_extension(&list, &type, &content)) {
        switch (type) {
        case EXT_SERVER_NAME:
            out->sni = read_sni(content);
            break;
        case EXT_ALPN:
            out->alpn = read_alpn_list(content);
            out->offers_h2c = lists_h2c(out->alpn);
            break;
        case EXT_PRE_SHARED_KEY:
            out->psk = true;
            break;
        case EXT_EARLY_DATA:
            out->early_data = true;
            break;
        case EXT_SUPPORTED_VERSIONS:
            out->tls13 = offers_13(content);
            break;
        case EXT_ECH:
            out->ech = true;
            break;
        default:
            break;
        }
    }
    return true;
}

bool server_hello_read(struct span body, struct server_hello *out)
{
    /* RFC 8446 4.1.3: SHA-256 of "HelloRetryRequest" in place of a random. */
    static const uint8_t retry[TLS_RANDOM_LEN] = {
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
        0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
        0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    };
    struct cur c = cur_of(body);
    *out = (struct server_hello){ .session_id = span_empty(), .alpn = span_empty() };
    out->version = cur_u16(&c);
    struct span random = cur_take(&c, TLS_RANDOM_LEN);
    out->random = random.ptr;
    out->session_id = take_vector(&c, 1);
    out->suite = cur_u16(&c);
    out->compression = cur_u8(&c);
    if (random.len != TLS_RANDOM_LEN || !cur_ok(&c) || out->session_id.len > TLS_SESSION_ID_MAX) {
        return false;
    }
    out->retry = memcmp(random.ptr, retry, sizeof(retry)) == 0;
    struct cur list = cur_of(cur_left(&c) > 0 ? take_vector(&c, 2) : span_empty());
    uint16_t type;
    struct span content;
    while (next_extension(&list, &type, &content)) {
        struct cur one = cur_of(content);
        switch (type) {
        case EXT_SUPPORTED_VERSIONS:
            out->version = content.len == 2 ? cur_u16(&one) : out->version;
            break;
        case EXT_ALPN:
            out->alpn = read_alpn_choice(content);
            break;
        case EXT_PRE_SHARED_KEY:
            out->psk = true;
            break;
        default:
            break;
        }
    }
    return true;
}

bool encrypted_extensions_read(struct span body, struct encrypted_extensions *out)
{
    struct cur c = cur_of(body);
    struct cur list = cur_of(take_vector(&c, 2));
    uint16_t type;
    struct span content;
    *out = (struct encrypted_extensions){ .alpn = span_empty() };
    while (next_extension(&list, &type, &content)) {
        if (type == EXT_ALPN) {
            out->alpn = read_alpn_choice(content);
        } else if (type == EXT_EARLY_DATA) {
            out->early_data = true;
        }
    }
    return cur_done(&c) && cur_ok(&list);
}

/* RFC 8422 5.1.1, RFC 4492 5.1.1: named curves by number, as far as they were registered for TLS
 * 1.2. */
static unsigned curve_bits(uint16_t curve)
{
    static const uint16_t bits[] = { 0,   163, 163, 163, 193, 193, 233, 233, 239, 283, 283,
                                     409, 409, 571, 571, 160, 160, 160, 192, 192, 224, 224,
                                     256, 256, 384, 521, 256, 384, 512, 255, 448 };
    return curve < H2D_COUNT_OF(bits) ? bits[curve] : 0;
}

static unsigned bits_of(struct span number)
{
    size_t i = 0;
    while (i < number.len && number.ptr[i] == 0) {
        i++;
    }
    unsigned bits = i < number.len ? (unsigned)(number.len - i - 1) * 8 : 0;
    for (unsigned top = i < number.len ? number.ptr[i] : 0; top != 0; top >>= 1) {
        bits++;
    }
    return bits;
}

unsigned server_key_exchange_bits(struct span body, bool ecdhe, bool psk)
{
    enum { EXPLICIT_PRIME = 1, EXPLICIT_CHAR2 = 2, NAMED_CURVE = 3 };
    struct cur c = cur_of(body);
    unsigned bits = 0;
    if (psk) {
        (void)take_vector(&c, 2);
    }
    if (!ecdhe) {
        bits = bits_of(take_vector(&c, 2)); /* RFC 5246 7.4.3: dh_p comes first */
    } else {
        switch (cur_u8(&c)) {
        case EXPLICIT_PRIME:
            bits = bits_of(take_vector(&c, 1));
            break;
        case EXPLICIT_CHAR2:
            bits = cur_u16(&c);
            break;
        case NAMED_CURVE:
            bits = curve_bits(cur_u16(&c));
            break;
        default:
            break;
        }
    }
    return cur_ok(&c) ? bits : 0;
}

bool certificate_leaf(struct span body, bool tls13, struct span *der)
{
    struct cur c = cur_of(body);
    if (tls13) { /* certificate_request_context */
        cur_skip(&c, cur_u8(&c));
    }
    (void)cur_u24(&c);
    uint32_t n = cur_u24(&c);
    *der = cur_take(&c, n);
    return n > 0 && der->len == n;
}
