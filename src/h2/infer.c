/* What a field must be whose table entry is not known (OBSERVER): in a well-formed message the
 * pseudo-header fields come first, once each, and some must be there (RFC 9113 8.3; RFC 8441 4), so
 * that often one name alone is possible; and what the user says of an entry (capture-layer 5.5).
 * Such fields are marked, and nothing of it enters the table.
 *
 * A name may follow from the fields behind it. So the first fields of a block are held back, as
 * long as the table is not wholly known, until it is clear which of them are pseudo-header fields.
 */
#include "h2/session_int.h"

/* No message has more pseudo-header fields. */
#define HELD_MAX 5

/* Entries whose names are remembered; the oldest goes. */
#define RECALLED_MAX 32

/* The name of an entry, as it once followed. */
struct recalled {
    uint32_t entry, entry_loss;
    enum h2_token token;
};

struct h2_held {
    struct recalled recalled[RECALLED_MAX];
    unsigned recalled_next; /* the oldest */
    struct h2_header headers[HELD_MAX];
    enum h2_token tokens[HELD_MAX];               /* of those whose entry's name is recalled */
    size_t name_at[HELD_MAX], value_at[HELD_MAX]; /* in octets */
    unsigned count;
    struct buf octets; /* names and values, each with a NUL behind it */
    struct buf hinted; /* those of the hint that was used last */
};

/* Sets of pseudo-header fields, bits by token. */
#define BIT(token) (1U << H2_TOKEN_##token)
#define PLAIN      (BIT(METHOD) | BIT(SCHEME) | BIT(PATH))

enum form_kind {
    FORM_REQUEST,
    FORM_CONNECT,
    FORM_RESPONSE,
    FORM_TRAILERS,
};

/* The pseudo-header fields that a well-formed message may have, all of them. */
static const struct form {
    enum form_kind kind;
    unsigned count;
    uint32_t fields;
} forms[] = {
    { FORM_REQUEST, 3, PLAIN },
    { FORM_REQUEST, 4, PLAIN | BIT(AUTHORITY) },
    { FORM_CONNECT, 2, BIT(METHOD) | BIT(AUTHORITY) },
    { FORM_CONNECT, 4, PLAIN | BIT(PROTOCOL) },
    { FORM_CONNECT, 5, PLAIN | BIT(PROTOCOL) | BIT(AUTHORITY) },
    { FORM_RESPONSE, 1, BIT(STATUS) },
    { FORM_TRAILERS, 0, 0 },
};

static const struct {
    enum h2_token token;
    const char *name;
} names[] = {
    { H2_TOKEN_AUTHORITY, ":authority" }, { H2_TOKEN_METHOD, ":method" },
    { H2_TOKEN_PATH, ":path" },           { H2_TOKEN_SCHEME, ":scheme" },
    { H2_TOKEN_STATUS, ":status" },       { H2_TOKEN_PROTOCOL, ":protocol" },
};

void h2_held_free(struct h2_session *session)
{
    if (session->held != NULL) {
        buf_fini(&session->held->octets);
        buf_fini(&session->held->hinted);
        mem_free(session->mem, session->held);
    }
}

static struct h2_held *held_of(struct h2_session *session)
{
    if (session->held == NULL) {
        session->held = mem_zalloc(session->mem, 1, sizeof *session->held);
        if (session->held != NULL) {
            buf_init(&session->held->octets, session->mem, LIMIT_HPACK_HELD_OCTETS);
            buf_init(&session->held->hinted, session->mem, LIMIT_HPACK_HELD_OCTETS);
        }
    }
    return session->held;
}

/* ---- which names are possible ---- */

static bool name_known(const struct h2_header *h)
{
    return h->certainty == H2_EXACT || (h->certainty == H2_UNKNOWN && h->name.len > 0);
}

static bool name_open(const struct h2_header *h)
{
    return h->certainty >= H2_NAME_UNKNOWN && h->name.len == 0;
}

static bool is_pseudo(const struct h2_header *h)
{
    return h->name.len > 0 && h->name.ptr[0] == ':';
}

static bool nothing_missing(const struct h2_session *session)
{
    const struct h2_session *peer = session->peer;
    return !session->tainted && !session->gapped &&
           (peer == NULL || (!peer->tainted && !peer->gapped));
}

/* Can the block at hand be of that kind? */
static bool kind_possible(const struct h2_session *session, enum form_kind kind)
{
    const struct h2_block *b = &session->block;
    bool push = b->frame.hd.type == H2_PUSH_PROMISE;
    bool sure = session->role_proved || (session->peer != NULL && session->peer->role_proved);
    enum h2_headers_category category = push ? H2_CAT_NONE : b->frame.payload.headers.category;
    switch (kind) {
    case FORM_REQUEST:
    case FORM_CONNECT:
        return push || session->role == H2_ROLE_SERVER || !sure;
    case FORM_RESPONSE:
        return !push && (session->role == H2_ROLE_CLIENT || !sure);
    case FORM_TRAILERS:
        break;
    }
    /* Trailers end their stream (RFC 9113 8.1), and something has come before them on it: perhaps
     * among octets that are missing, perhaps before a request that is. */
    bool first = category == H2_CAT_REQUEST || category == H2_CAT_RESPONSE ||
                 category == H2_CAT_PUSH_RESPONSE;
    return !push && b->end_stream && !(first && sure && nothing_missing(session));
}

static bool has_identity(const struct h2_header *h)
{
    return h->entry != H2_ENTRY_NONE && h->entry != H2_ENTRY_FORGOTTEN;
}

/* An entry has one name, whichever message it followed from. */
static enum h2_token recall(const struct h2_held *held, const struct h2_header *h)
{
    for (size_t i = 0; has_identity(h) && i < H2D_COUNT_OF(held->recalled); i++) {
        const struct recalled *r = &held->recalled[i];
        if (r->entry == h->entry && r->entry_loss == h->entry_loss) {
            return r->token;
        }
    }
    return H2_TOKEN_NONE;
}

static void remember(struct h2_held *held, const struct h2_header *h, enum h2_token token)
{
    if (has_identity(h) && recall(held, h) == H2_TOKEN_NONE) {
        held->recalled[held->recalled_next] = (struct recalled){ h->entry, h->entry_loss, token };
        held->recalled_next = (held->recalled_next + 1) % H2D_COUNT_OF(held->recalled);
    }
}

/* Is the form in line with the fields held? whole: k, its number of fields, is among them. Sets the
 * names that it leaves to fields that are open, and how many of these there are. */
static bool form_fits(const struct h2_held *held, const struct form *form, bool whole,
                      uint32_t *left, unsigned *open)
{
    unsigned fields = form->count;
    *left = form->fields;
    *open = 0;
    if (whole && fields > held->count) {
        return false;
    }
    for (unsigned i = 0; i < held->count; i++) {
        const struct h2_header *h = &held->headers[i];
        bool recalled = held->tokens[i] != H2_TOKEN_NONE, known = recalled || name_known(h);
        bool pseudo = recalled || is_pseudo(h);
        uint32_t bit = 1U << (recalled ? held->tokens[i] : h->token);
        if (i >= fields) {
            if (known && pseudo) {
                return false;
            }
        } else if (!known) {
            ++*open;
        } else if (!pseudo || (*left & bit) == 0) {
            return false;
        } else {
            *left &= ~bit;
        }
        if (h->certainty == H2_EXACT && h->token == H2_TOKEN_METHOD && i < fields &&
            span_equal(h->value, span_str("CONNECT")) != (form->kind == FORM_CONNECT)) {
            return false;
        }
    }
    return true;
}

/* The only token that field i can have; H2_TOKEN_NONE: there are several, or it may be a regular
 * field. */
static enum h2_token token_of(const struct h2_session *session, unsigned i, bool whole)
{
    const struct h2_held *held = session->held;
    uint32_t found = 0;
    for (size_t f = 0; f < H2D_COUNT_OF(forms); f++) {
        uint32_t left;
        unsigned open;
        if (!kind_possible(session, forms[f].kind) ||
            !form_fits(held, &forms[f], whole, &left, &open)) {
            continue;
        }
        bool pseudo = i < forms[f].count;
        if (held->tokens[i] != H2_TOKEN_NONE) {
            return pseudo ? held->tokens[i] : H2_TOKEN_NONE;
        }
        bool one = pseudo && open == 1 && (left & (left - 1)) == 0;
        if (!one || left == 0 || (found != 0 && found != left)) {
            return H2_TOKEN_NONE;
        }
        found = left;
    }
    for (size_t n = 0; n < H2D_COUNT_OF(names); n++) {
        if (found == 1U << names[n].token) {
            return names[n].token;
        }
    }
    return H2_TOKEN_NONE;
}

static void infer_name(struct h2_header *h, enum h2_token token)
{
    for (size_t n = 0; n < H2D_COUNT_OF(names); n++) {
        if (names[n].token == token) {
            h->name = span_str(names[n].name);
            h->token = token;
            h->certainty = h->certainty == H2_NAME_UNKNOWN ? H2_INFERRED : H2_NAME_INFERRED;
        }
    }
}

/* ---- holding back ---- */

/* Copies octets and a NUL; false: no room. */
static bool keep(struct buf *buf, struct span octets, size_t *at)
{
    *at = buf->len;
    if (!buf_reserve(buf, octets.len + 1)) {
        return false;
    }
    return buf_append(buf, octets) && buf_append(buf, span_of("", 1));
}

/* Tells what is held. whole: the fields that follow are no pseudo-header fields. */
static int release(struct h2_session *session, bool whole)
{
    struct h2_held *held = session->held;
    enum h2_token tokens[HELD_MAX];
    int paused = H2_GO;
    session->block.watch = false;
    session->piece = NULL; /* that of the newest field is none of theirs */
    for (unsigned i = 0; i < held->count; i++) {
        held->headers[i].name.ptr = held->octets.ptr + held->name_at[i];
        held->headers[i].value.ptr = held->octets.ptr + held->value_at[i];
    }
    for (unsigned i = 0; i < held->count; i++) {
        held->tokens[i] =
            name_open(&held->headers[i]) ? recall(held, &held->headers[i]) : H2_TOKEN_NONE;
    }
    for (unsigned i = 0; i < held->count; i++) {
        bool open = name_open(&held->headers[i]) && !session->sloppy;
        tokens[i] = open ? token_of(session, i, whole) : H2_TOKEN_NONE;
    }
    unsigned count = held->count;
    held->count = 0;
    for (unsigned i = 0; i < count; i++) {
        struct h2_header *h = &held->headers[i];
        if (tokens[i] != H2_TOKEN_NONE) {
            remember(held, h, tokens[i]);
            infer_name(h, tokens[i]);
        }
        int rc = h2_block_field(session, h);
        if (rc != H2_GO && rc != H2_PAUSED) {
            return rc;
        }
        paused = rc == H2_PAUSED ? rc : paused;
    }
    return paused;
}

int h2_infer_field(struct h2_session *session, struct h2_header *h)
{
    struct h2_held *held = held_of(session);
    if (held == NULL) {
        session->block.watch = false;
        return h2_block_field(session, h);
    }
    bool regular = name_known(h) && !is_pseudo(h);
    unsigned i = held->count;
    if (i == 0) {
        buf_clear(&held->octets);
    }
    if (regular || !keep(&held->octets, h->name, &held->name_at[i]) ||
        !keep(&held->octets, h->value, &held->value_at[i])) {
        int rc = release(session, regular);
        if (rc != H2_GO && rc != H2_PAUSED) {
            return rc;
        }
        int mine = h2_block_field(session, h);
        return mine == H2_GO ? rc : mine;
    }
    held->headers[i] = *h;
    held->count++;
    return held->count == HELD_MAX ? release(session, true) : H2_GO;
}

int h2_infer_end(struct h2_session *session, bool whole)
{
    if (session->held == NULL || session->held->count == 0) {
        session->block.watch = false;
        return H2_GO;
    }
    return release(session, whole);
}

/* ---- what the user knows ---- */

const char *h2_hint_fault(const struct h2_hint *hint)
{
    uint8_t facts = message_octet_facts(hint->name, hint->value);
    if ((facts & H2_NAME_UPPERCASE) != 0) {
        return "names have lower-case letters";
    }
    if ((facts & H2_NAME_FACTS) != 0) {
        return "no name has such octets";
    }
    return facts != 0 ? "no value has such octets, or spaces at its ends" : NULL;
}

void h2_hint_field(struct h2_session *session, struct h2_header *h)
{
    const struct h2_options *o = &session->opt;
    struct h2_held *held;
    for (size_t i = o->hint_count; i > 0; i--) { /* the last word counts */
        const struct h2_hint *hint = &o->hints[i - 1];
        size_t name_at, value_at;
        if (hint->conn != o->hint_conn || hint->dir != h2_session_dir(session) ||
            hint->entry != h->entry || hint->entry_loss != h->entry_loss ||
            (h->name.len > 0 && !span_equal(h->name, hint->name))) {
            continue; /* the last: another name is certain */
        }
        held = held_of(session);
        if (held == NULL) {
            return;
        }
        buf_clear(&held->hinted);
        if (!keep(&held->hinted, hint->name, &name_at) ||
            !keep(&held->hinted, hint->value, &value_at)) {
            return;
        }
        h->name = span_of(held->hinted.ptr + name_at, hint->name.len);
        if (h->certainty != H2_NAME_UNKNOWN) {
            h->value = span_of(held->hinted.ptr + value_at, hint->value.len);
        }
        h->token = message_token_of(h->name);
        h->octet_facts = message_octet_facts(h->name, h->value);
        h->certainty = H2_INFERRED;
        return;
    }
}
