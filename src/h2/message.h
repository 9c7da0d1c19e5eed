/* The rules of an HTTP message in HTTP/2 (RFC 9113 8, receive-engine 5): fields, pseudo-header
 * fields, content-length. One struct h2_message a stream and direction; pure bookkeeping, no
 * callbacks, no allocation. Only h2/ includes this. */
#ifndef H2DUMP_H2_MESSAGE_H
#define H2DUMP_H2_MESSAGE_H

#include "base/compiler.h"
#include "h2/header.h"

/* What kind of block the fields stand in. */
enum message_kind {
    MESSAGE_REQUEST,  /* a request, or the request in a PUSH_PROMISE */
    MESSAGE_RESPONSE, /* 1xx or final */
    MESSAGE_TRAILERS,
};

enum message_verdict {
    MESSAGE_OK,   /* on_header */
    MESSAGE_DROP, /* on_invalid_header, the message goes on */
    MESSAGE_HIDE, /* neither; the field is taken out silently */
    MESSAGE_ERR,  /* field error: the stream is at fault */
};

/* State of the message that one side sends on one stream. Zeroed memory is a new message. */
struct h2_message {
    uint32_t seen;          /* pseudo-header fields, host, content-length, …: message.c's bits */
    uint16_t status;        /* 0: none yet */
    int64_t content_length; /* -1: none; message_init() sets it */
    uint64_t received;      /* data octets without padding */
};

/* What the rules need to know about the rest. */
struct message_context {
    enum message_kind kind;
    bool is_push;          /* the request of a PUSH_PROMISE */
    bool connect_protocol; /* extended CONNECT is enabled (RFC 8441) */
    bool check_edge_whitespace;
    bool binary_values; /* values of "-bin" fields may be any octets behind a NUL (gRPC) */
    bool request_known; /* response: the next two are known */
    bool request_was_head, request_was_connect;
};

/* What an ordinary field does to the state of its message; enum seen of message.c has the same
 * bits. With STATUS the other bits are the number. */
enum message_ordinary {
    MESSAGE_METHOD = 0x0001,
    MESSAGE_SCHEME = 0x0002,
    MESSAGE_PATH = 0x0004,
    MESSAGE_AUTHORITY = 0x0008,
    MESSAGE_REQUEST_PSEUDO = 0x000f,
    MESSAGE_STATUS_SEEN = 0x0020,
    MESSAGE_SCHEME_HTTP = 0x0400,
    MESSAGE_PATH_SLASH = 0x0800,
    MESSAGE_REGULAR = 0x2000,
    MESSAGE_STATUS = 0x8000,
};

/* Why: the check and one clause ("empty :path"), constants or in the message's scratch; lives until
 * the next call. */
struct message_fault {
    enum check check;
    const char *text;
    bool lenient; /* nghttp2 objects, but the RFC lets a receiver take it: an observer's note */
};

void message_init(struct h2_message *message);

/* Each field block: before its first field. */
void message_begin_block(struct h2_message *message, const struct message_context *context);

/* Judges one field and remembers what later rules need. Fields that are not H2_EXACT count as
 * present-or-absent unknown: they are OK, and rules that need what they may hold are off for the
 * block. */
enum message_verdict message_on_header(struct h2_message *message,
                                       const struct message_context *context,
                                       const struct h2_header *header, struct message_fault *fault);

/* The same for a field that is ordinary, in a few steps. False: it is not, or not here, and
 * message_on_header() has to look. Of a promise it does not learn what message_judge_promise()
 * asks. */
static inline bool message_take_ordinary(struct h2_message *message, enum message_kind kind,
                                         unsigned ordinary)
{
    uint32_t seen = message->seen;
    if (H2D_LIKELY((ordinary & MESSAGE_REGULAR) != 0)) {
        message->seen = seen | MESSAGE_REGULAR;
        return true;
    }
    if ((seen & MESSAGE_REGULAR) != 0) {
        return false;
    }
    if ((ordinary & MESSAGE_STATUS) != 0) {
        if (kind != MESSAGE_RESPONSE || (seen & MESSAGE_STATUS_SEEN) != 0) {
            return false;
        }
        message->seen = seen | MESSAGE_STATUS_SEEN;
        message->status = (uint16_t)(ordinary & ~(unsigned)MESSAGE_STATUS);
        return true;
    }
    if (ordinary == 0 || kind != MESSAGE_REQUEST ||
        (seen & ordinary & MESSAGE_REQUEST_PSEUDO) != 0) {
        return false;
    }
    message->seen = seen | ordinary;
    return true;
}

/* The block is complete (end_stream: it ends the message). False: malformed, *fault says why
 * (receive-engine 5.4, 5.5). */
bool message_on_headers_end(struct h2_message *message, const struct message_context *context,
                            bool end_stream, struct message_fault *fault);

/* n data octets (no padding) have come. False: they must be withheld (5.5). */
bool message_on_data(struct h2_message *message, const struct message_context *context, uint64_t n,
                     struct message_fault *fault);

/* END_STREAM on DATA. False: totals do not agree. */
bool message_on_end_stream(struct h2_message *message, const struct message_context *context,
                           struct message_fault *fault);

/* The request's method, once its block is complete: whether it was HEAD, CONNECT. */
bool message_method_is_head(const struct h2_message *message);
bool message_method_is_connect(const struct h2_message *message);
bool message_method_is_trace(const struct h2_message *message);
/* What is wrong with a promised request, its block complete (RFC 9113 8.4); bits. The method is
 * known only where its block was not taken the short way. */
enum message_promise {
    MESSAGE_PROMISE_GOOD,
    MESSAGE_PROMISE_UNSAFE = 1,       /* no method that is safe and whose answers can be cached */
    MESSAGE_PROMISE_CONTENT = 2,      /* content-length above 0 */
    MESSAGE_PROMISE_NO_AUTHORITY = 4, /* no :authority */
};
enum message_promise message_judge_promise(const struct h2_message *message);
/* 2xx … of the last response block was final (not 1xx). */
bool message_final_status_seen(const struct h2_message *message);

/* After a PUSH_PROMISE's block: make the message ready for the pushed response, keeping the method
 * (receive-engine 5.4). */
void message_push_to_response(struct h2_message *message);

/* For the HPACK table, once an entry: the token of a name, and the facts of name and value
 * (header.h). */
enum h2_token message_token_of(struct span name);
uint8_t message_octet_facts(struct span name, struct span value);
/* Those of a value alone. */
uint8_t message_value_facts(struct span value);
/* What such a field does where nothing else stands against it (enum message_ordinary); 0: that
 * cannot be said beforehand. */
uint16_t message_ordinary(enum h2_token token, uint8_t octet_facts, struct span value);

#endif
