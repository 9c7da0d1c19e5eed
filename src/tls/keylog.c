#include "tls/keylog.h"

#include <string.h>
#include <sys/mman.h>

#include "spec/limits.h"
#include "tls/crypto.h"

#define CHUNK_OCTETS  65536
#define BUCKETS_FIRST 256

/* Memory with secrets: handed out from the front, given back and wiped all at once. */
struct chunk {
    struct chunk *next;
    size_t used;
    bool locked;
};

struct value {
    struct value *next; /* older */
    enum keylog_label label;
    struct keylog_secret secret;
};

struct entry {
    struct entry *next; /* in its bucket */
    struct value *values;
    uint8_t random[KEYLOG_RANDOM_LEN];
};

struct keylog {
    struct mem *mem;
    struct siphash_key key;
    struct keylog_stats stats;
    struct chunk *chunks; /* the newest first */
    bool lock_refused;    /* the system gives no more locked memory */
    struct entry **buckets;
    size_t bucket_count; /* a power of two */
};

enum line_kind { LINE_DAMAGED, LINE_SECRET, LINE_IGNORED, LINE_OLD };

/* What a line may begin with. */
static const struct label_row {
    const char *name;
    enum line_kind kind;
    enum keylog_label label;
} labels[] = {
    { "CLIENT_RANDOM", LINE_SECRET, LABEL_MASTER },
    { "CLIENT_EARLY_TRAFFIC_SECRET", LINE_SECRET, LABEL_CLIENT_EARLY },
    { "CLIENT_HANDSHAKE_TRAFFIC_SECRET", LINE_SECRET, LABEL_CLIENT_HANDSHAKE },
    { "SERVER_HANDSHAKE_TRAFFIC_SECRET", LINE_SECRET, LABEL_SERVER_HANDSHAKE },
    { "CLIENT_TRAFFIC_SECRET_0", LINE_SECRET, LABEL_CLIENT_TRAFFIC },
    { "SERVER_TRAFFIC_SECRET_0", LINE_SECRET, LABEL_SERVER_TRAFFIC },
    { "RSA", LINE_OLD, LABEL_COUNT },
    { "PMS_CLIENT_RANDOM", LINE_OLD, LABEL_COUNT },
};

struct keylog *keylog_new(struct mem *mem, const struct siphash_key *key)
{
    struct keylog *keylog = mem_zalloc(mem, 1, sizeof(*keylog));
    if (keylog == NULL) {
        return NULL;
    }
    keylog->mem = mem;
    keylog->key = *key;
    keylog->buckets = mem_zalloc(mem, BUCKETS_FIRST, sizeof(struct entry *));
    keylog->bucket_count = BUCKETS_FIRST;
    if (keylog->buckets == NULL) {
        mem_free(mem, keylog);
        return NULL;
    }
    return keylog;
}

void keylog_free(struct keylog *keylog)
{
    if (keylog == NULL) {
        return;
    }
    struct chunk *chunk = keylog->chunks;
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        bool locked = chunk->locked;
        crypto_wipe(chunk, CHUNK_OCTETS);
        if (locked) {
            (void)munlock(chunk, CHUNK_OCTETS);
        }
        mem_free(keylog->mem, chunk);
        chunk = next;
    }
    mem_free(keylog->mem, keylog->buckets);
    mem_free(keylog->mem, keylog);
}

/* ---- the store ---- */

static void *take(struct keylog *keylog, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    struct chunk *chunk = keylog->chunks;
    if (chunk == NULL || CHUNK_OCTETS - chunk->used < size) {
        chunk = mem_alloc(keylog->mem, CHUNK_OCTETS);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->next = keylog->chunks;
        chunk->used = (sizeof(*chunk) + 15) & ~(size_t)15;
        /* So that secrets are not written to swap; refused beyond what the user may lock. */
        chunk->locked = !keylog->lock_refused && mlock(chunk, CHUNK_OCTETS) == 0;
        keylog->lock_refused |= !chunk->locked;
        keylog->chunks = chunk;
    }
    void *at = (uint8_t *)chunk + chunk->used;
    chunk->used += size;
    return at;
}

static size_t bucket_of(const struct keylog *keylog, const uint8_t *random, size_t count)
{
    return (size_t)siphash_13(&keylog->key, span_of(random, KEYLOG_RANDOM_LEN)) & (count - 1);
}

static struct entry *find(const struct keylog *keylog, const uint8_t *random)
{
    struct entry *entry = keylog->buckets[bucket_of(keylog, random, keylog->bucket_count)];
    while (entry != NULL && memcmp(entry->random, random, KEYLOG_RANDOM_LEN) != 0) {
        entry = entry->next;
    }
    return entry;
}

/* Twice as many buckets; when memory is short the chains just grow longer. */
static void widen(struct keylog *keylog)
{
    size_t count = keylog->bucket_count * 2;
    struct entry **buckets = mem_zalloc(keylog->mem, count, sizeof(struct entry *));
    if (buckets == NULL) {
        return;
    }
    for (size_t i = 0; i < keylog->bucket_count; i++) {
        struct entry *entry = keylog->buckets[i];
        while (entry != NULL) {
            struct entry *next = entry->next;
            size_t to = bucket_of(keylog, entry->random, count);
            entry->next = buckets[to];
            buckets[to] = entry;
            entry = next;
        }
    }
    mem_free(keylog->mem, keylog->buckets);
    keylog->buckets = buckets;
    keylog->bucket_count = count;
}

static struct entry *entry_for(struct keylog *keylog, const uint8_t *random)
{
    struct entry *entry = find(keylog, random);
    if (entry != NULL) {
        return entry;
    }
    if (keylog->stats.connections >= keylog->bucket_count) {
        widen(keylog);
    }
    entry = take(keylog, sizeof(*entry));
    if (entry != NULL) {
        size_t at = bucket_of(keylog, random, keylog->bucket_count);
        memcpy(entry->random, random, KEYLOG_RANDOM_LEN);
        entry->values = NULL;
        entry->next = keylog->buckets[at];
        keylog->buckets[at] = entry;
        keylog->stats.connections++;
    }
    return entry;
}

static bool same_secret(const struct keylog_secret *a, const struct keylog_secret *b)
{
    return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

/* Puts the value in front. Of one label only the newest KEYLOG_VALUES_MAX are kept: the oldest
 * one's room is used again. */
static bool store(struct keylog *keylog, const uint8_t *random, enum keylog_label label,
                  const struct keylog_secret *secret)
{
    struct entry *entry = entry_for(keylog, random);
    if (entry == NULL) {
        return false;
    }
    struct value **link = &entry->values, **oldest = NULL;
    size_t count = 0;
    for (; *link != NULL; link = &(*link)->next) {
        if ((*link)->label != label) {
            continue;
        }
        if (same_secret(&(*link)->secret, secret)) {
            return true;
        }
        count++;
        oldest = link;
    }
    struct value *value;
    if (count >= KEYLOG_VALUES_MAX) {
        value = *oldest;
        *oldest = value->next;
    } else {
        value = take(keylog, sizeof(*value));
        if (value == NULL) {
            return false;
        }
        keylog->stats.keys++;
    }
    value->label = label;
    value->secret = *secret;
    value->next = entry->values;
    entry->values = value;
    return true;
}

size_t keylog_find(const struct keylog *keylog, const uint8_t *random, enum keylog_label label,
                   struct keylog_secret *secrets)
{
    const struct entry *entry = find(keylog, random);
    size_t count = 0;
    for (const struct value *value = entry != NULL ? entry->values : NULL;
         value != NULL && count < KEYLOG_VALUES_MAX; value = value->next) {
        if (value->label == label) {
            secrets[count++] = value->secret;
        }
    }
    return count;
}

const struct keylog_stats *keylog_stats(const struct keylog *keylog)
{
    return &keylog->stats;
}

/* ---- the text ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* The next word of the line, without the blanks before it. */
static struct span next_word(struct cur *c)
{
    while (cur_left(c) > 0 && is_blank(cur_peek(c))) {
        cur_skip(c, 1);
    }
    const uint8_t *start = c->pos;
    while (cur_left(c) > 0 && !is_blank(cur_peek(c))) {
        cur_skip(c, 1);
    }
    return span_of(start, (size_t)(c->pos - start));
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* False: not hex, or not between 1 and max octets. */
static bool read_hex(struct span text, uint8_t *out, size_t max, size_t *len)
{
    *len = text.len / 2;
    if (text.len % 2 != 0 || *len == 0 || *len > max) {
        return false;
    }
    for (size_t i = 0; i < *len; i++) {
        int high = hex_digit(text.ptr[2 * i]), low = hex_digit(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool all_hex(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (hex_digit(text.ptr[i]) < 0) {
            return false;
        }
    }
    return text.len > 0 && text.len % 2 == 0;
}

/* A label of a later version, or of another protocol, has the form of one. */
static bool is_label(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_') {
            return false;
        }
    }
    return word.len > 0;
}

static const struct label_row *label_of(struct span word)
{
    for (size_t i = 0; i < H2D_COUNT_OF(labels); i++) {
        if (span_equal(word, span_str(labels[i].name))) {
            return &labels[i];
        }
    }
    return NULL;
}

/* "RSA Session-ID:<hex> Master-Key:<hex>", as older servers write it. */
static enum line_kind read_session(struct span id, struct span value, uint8_t *random,
                                   struct keylog_secret *secret)
{
    static const char id_key[] = "Session-ID:", value_key[] = "Master-Key:";
    struct cur a = cur_of(id), b = cur_of(value);
    size_t id_len, len;
    if (!span_equal(cur_take(&a, sizeof(id_key) - 1), span_str(id_key)) ||
        !span_equal(cur_take(&b, sizeof(value_key) - 1), span_str(value_key))) {
        return LINE_OLD;
    }
    memset(random, 0, KEYLOG_RANDOM_LEN);
    return read_hex(cur_rest(&a), random, KEYLOG_RANDOM_LEN, &id_len) &&
                   read_hex(cur_rest(&b), secret->octets, sizeof(secret->octets), &len) && len == 48
               ? LINE_SECRET
               : LINE_DAMAGED;
}

/* Label, client random, secret (draft-ietf-tls-keylogfile 2). */
static enum line_kind read_line(struct span line, uint8_t *random, enum keylog_label *label,
                                struct keylog_secret *secret)
{
    struct cur c = cur_of(line);
    struct span name = next_word(&c), id = next_word(&c), value = next_word(&c);
    struct span behind = next_word(&c);
    const struct label_row *row = label_of(name);
    size_t random_len = 0, len = 0;
    if (!is_label(name) || behind.len > 0) {
        return LINE_DAMAGED;
    }
    if (row != NULL && row->kind == LINE_OLD) {
        *label = LABEL_SESSION;
        secret->len = 48;
        return read_session(id, value, random, secret);
    }
    if (row == NULL) {
        return all_hex(id) && all_hex(value) ? LINE_IGNORED : LINE_DAMAGED;
    }
    if (!read_hex(id, random, KEYLOG_RANDOM_LEN, &random_len) || random_len != KEYLOG_RANDOM_LEN ||
        !read_hex(value, secret->octets, sizeof(secret->octets), &len)) {
        return LINE_DAMAGED;
    }
    *label = row->label;
    secret->len = (uint8_t)len;
    /* A master secret is 48 octets (RFC 5246 8.1), the others are one hash. */
    return len == 48 || (len == 32 && row->label != LABEL_MASTER) ? LINE_SECRET : LINE_DAMAGED;
}

static bool take_line(struct keylog *keylog, struct keylog_text *text)
{
    struct span line = span_of(text->line, text->len);
    uint8_t random[KEYLOG_RANDOM_LEN];
    enum keylog_label label = LABEL_COUNT;
    struct keylog_secret secret = { .len = 0 };
    bool good = true, too_long = text->too_long;
    text->too_long = false;
    text->len = 0;
    if (!too_long) {
        while (line.len > 0 && is_blank(line.ptr[line.len - 1])) {
            line.len--;
        }
        if (line.len == 0 || line.ptr[0] == '#') {
            return true;
        }
    }
    if (keylog->stats.lines >= LIMIT_KEYLOG_LINES) {
        keylog->stats.over_limit++;
        return true;
    }
    keylog->stats.lines++;
    switch (too_long ? LINE_DAMAGED : read_line(line, random, &label, &secret)) {
    case LINE_SECRET:
        good = store(keylog, random, label, &secret);
        break;
    case LINE_IGNORED:
        keylog->stats.ignored++;
        break;
    case LINE_OLD:
        keylog->stats.old_form++;
        break;
    case LINE_DAMAGED:
        keylog->stats.damaged++;
        break;
    }
    crypto_wipe(&secret, sizeof(secret));
    return good;
}

bool keylog_feed(struct keylog *keylog, struct keylog_text *text, struct span piece)
{
    struct cur c = cur_of(piece);
    bool good = true;
    while (good && cur_left(&c) > 0) {
        size_t len = 0;
        while (len < cur_left(&c) && c.pos[len] != '\n' && c.pos[len] != '\r') {
            len++;
        }
        bool ends = len < cur_left(&c);
        if (len > sizeof(text->line) - text->len) {
            text->too_long = true;
        } else {
            memcpy(text->line + text->len, c.pos, len);
            text->len += len;
        }
        cur_skip(&c, len + (ends ? 1 : 0));
        good = !ends || take_line(keylog, text);
    }
    return good;
}

bool keylog_end(struct keylog *keylog, struct keylog_text *text)
{
    bool good = take_line(keylog, text);
    crypto_wipe(text, sizeof(*text));
    return good;
}
