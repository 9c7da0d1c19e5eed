/* A key log in pieces: whatever the text is, every line is counted once, and what was kept is found
 * again. Octet 0: the length of the pieces. */
#include <assert.h>
#include <string.h>

#include "tls/keylog.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
    struct mem mem;
    struct keylog_text text;
    struct keylog_secret secrets[KEYLOG_VALUES_MAX];
    const struct siphash_key key = { 1, 2 };
    uint8_t random[KEYLOG_RANDOM_LEN] = { 0 };
    mem_init(&mem, 0);
    memset(&text, 0, sizeof(text));
    struct keylog *keylog = keylog_new(&mem, &key);
    assert(keylog != NULL);
    size_t chunk = len > 0 ? 1u + octets[0] : 1;
    for (size_t at = 1; at < len; at += chunk) {
        size_t n = len - at < chunk ? len - at : chunk;
        bool good = keylog_feed(keylog, &text, span_of(octets + at, n));
        assert(good);
    }
    bool good = keylog_end(keylog, &text);
    assert(good && text.len == 0);
    const struct keylog_stats *s = keylog_stats(keylog);
    assert(s->damaged + s->ignored + s->old_form <= s->lines);
    assert(s->connections <= s->keys && s->keys <= s->lines);
    size_t found = 0;
    for (unsigned label = 0; label < LABEL_COUNT; label++) {
        found += keylog_find(keylog, random, (enum keylog_label)label, secrets);
    }
    assert(found <= s->keys);
    keylog_free(keylog);
    assert(mem.used == 0);
    return 0;
}
