#include "h2/hpack_table.h"

#include <assert.h>

#include "h2/message.h"
#include "h2/names.h"
#include "spec/limits.h"

#define ENTRY_OVERHEAD  32 /* RFC 7541 4.1 */
#define ENTRIES_INITIAL 8
#define OCTETS_INITIAL  512
#define OCTETS_TRIM     (32U << 10)
#define OCTETS_MOST     (1U << 31) /* so that differences of offsets never wrap */

/* What message_token_of() says of each row's name; a test holds them together. */
#define ROW_TOKEN(index)                                                                           \
    ((index) == 1    ? H2_TOKEN_AUTHORITY                                                          \
     : (index) <= 3  ? H2_TOKEN_METHOD                                                             \
     : (index) <= 5  ? H2_TOKEN_PATH                                                               \
     : (index) <= 7  ? H2_TOKEN_SCHEME                                                             \
     : (index) <= 14 ? H2_TOKEN_STATUS                                                             \
     : (index) == 28 ? H2_TOKEN_CONTENT_LENGTH                                                     \
     : (index) == 38 ? H2_TOKEN_HOST                                                               \
     : (index) == 57 ? H2_TOKEN_CONNECTION_SPECIFIC                                                \
                     : H2_TOKEN_NONE)

/* What h2_name_known() says of it; the same test. */
#define ROW_KNOWN(index)                                                                           \
    ((index) == 21   ? H2_NAME_AGE                                                                 \
     : (index) == 23 ? H2_NAME_AUTHORIZATION                                                       \
     : (index) == 25 ? H2_NAME_CONTENT_DISPOSITION                                                 \
     : (index) == 29 ? H2_NAME_CONTENT_LOCATION                                                    \
     : (index) == 30 ? H2_NAME_CONTENT_RANGE                                                       \
     : (index) == 31 ? H2_NAME_CONTENT_TYPE                                                        \
     : (index) == 32 ? H2_NAME_COOKIE                                                              \
     : (index) == 33 ? H2_NAME_DATE                                                                \
     : (index) == 34 ? H2_NAME_ETAG                                                                \
     : (index) == 35 ? H2_NAME_EXPECT                                                              \
     : (index) == 36 ? H2_NAME_EXPIRES                                                             \
     : (index) == 37 ? H2_NAME_FROM                                                                \
     : (index) == 40 ? H2_NAME_IF_MODIFIED_SINCE                                                   \
     : (index) == 42 ? H2_NAME_IF_RANGE                                                            \
     : (index) == 43 ? H2_NAME_IF_UNMODIFIED_SINCE                                                 \
     : (index) == 44 ? H2_NAME_LAST_MODIFIED                                                       \
     : (index) == 46 ? H2_NAME_LOCATION                                                            \
     : (index) == 47 ? H2_NAME_MAX_FORWARDS                                                        \
     : (index) == 49 ? H2_NAME_PROXY_AUTHORIZATION                                                 \
     : (index) == 50 ? H2_NAME_RANGE                                                               \
     : (index) == 51 ? H2_NAME_REFERER                                                             \
     : (index) == 53 ? H2_NAME_RETRY_AFTER                                                         \
     : (index) == 54 ? H2_NAME_SERVER                                                              \
     : (index) == 55 ? H2_NAME_SET_COOKIE                                                          \
     : (index) == 58 ? H2_NAME_USER_AGENT                                                          \
                     : H2_NAME_OTHER)
#define NO_TRAILER_ROWS       UINT64_C(0x28a7cfdbd5a00000) /* a bit each */
#define ROW_NO_TRAILER(index) ((uint32_t)(NO_TRAILER_ROWS >> (index)&1) * H2_NAME_NO_TRAILER)

/* What message_ordinary() says of each row; the same test. */
#define ROW_STATUS(index)                                                                          \
    ((index) == 8    ? 200                                                                         \
     : (index) == 9  ? 204                                                                         \
     : (index) == 10 ? 206                                                                         \
     : (index) == 11 ? 304                                                                         \
     : (index) == 12 ? 400                                                                         \
     : (index) == 13 ? 404                                                                         \
                     : 500)
#define ROW_ORDINARY(index)                                                                        \
    ((index) == 1                        ? 0                                                       \
     : (index) <= 3                      ? MESSAGE_METHOD                                          \
     : (index) <= 5                      ? MESSAGE_PATH | MESSAGE_PATH_SLASH                       \
     : (index) <= 7                      ? MESSAGE_SCHEME | MESSAGE_SCHEME_HTTP                    \
     : (index) <= 14                     ? MESSAGE_STATUS | ROW_STATUS(index)                      \
     : ROW_TOKEN(index) == H2_TOKEN_NONE ? MESSAGE_REGULAR                                         \
                                         : 0)

const struct hpack_static_field hpack_static_fields[HPACK_STATIC_COUNT + 1] = {
#define HPACK_STATIC(index, name, value)                                                           \
    [index] = { name,                                                                              \
                value,                                                                             \
                sizeof(name) - 1,                                                                  \
                sizeof(value) - 1,                                                                 \
                ROW_TOKEN(index),                                                                  \
                ROW_ORDINARY(index),                                                               \
                H2_NAME_BIT(ROW_KNOWN(index)) | ROW_NO_TRAILER(index) },
#include "spec/hpack_static.def"
#undef HPACK_STATIC
};

void hpack_table_init(struct hpack_table *table, struct mem *mem, uint32_t max, uint32_t keep)
{
    *table = (struct hpack_table){
        .mem = mem,
        .max = max,
        .floor = max,
        .keep = keep,
        .murk = HPACK_NEVER,
        .gone = HPACK_NEVER,
    };
}

void hpack_table_fini(struct hpack_table *table)
{
    mem_free(table->mem, table->octets);
    mem_free(table->mem, table->entries);
}

/* Where the oldest entry's strings begin. */
static uint32_t tail_of(const struct hpack_table *table)
{
    return table->count > 0 ? hpack_table_at(table, table->count)->off : table->head;
}

/* Moves what lives to the front of a run of cap octets. False: memory is out. */
static bool move_octets(struct hpack_table *table, size_t cap)
{
    uint32_t tail = tail_of(table);
    uint32_t live = table->head - tail;
    if (cap == table->cap) {
        assert(table->octets != NULL);
        memmove(table->octets, hpack_table_octet(table, tail), live);
    } else {
        uint8_t *octets = cap < OCTETS_MOST ? mem_alloc(table->mem, cap) : NULL;
        if (octets == NULL) {
            return false;
        }
        if (live > 0) {
            memcpy(octets, hpack_table_octet(table, tail), live);
        }
        mem_free(table->mem, table->octets);
        table->octets = octets;
        table->cap = (uint32_t)cap;
    }
    table->base = tail;
    return true;
}

uint8_t *hpack_table_reserve(struct hpack_table *table, size_t n)
{
    uint32_t used = table->head - table->base;
    if (table->octets == NULL || n > table->cap - used) {
        size_t live = table->head - tail_of(table);
        size_t cap = table->cap > 0 ? table->cap : OCTETS_INITIAL;
        /* Moving the live octets is paid for by at least as many dead ones before them. */
        if (live > cap / 2 || live + n > cap) {
            cap = 2 * live + n > 2 * cap ? 2 * live + n : 2 * cap;
        }
        if (table->octets == NULL) {
            table->cap = 0;
        }
        if (!move_octets(table, cap)) {
            return NULL;
        }
    }
    return table->octets + (uint32_t)(table->head - table->base);
}

void hpack_table_trim(struct hpack_table *table)
{
    uint32_t most = table->max < table->keep ? table->max : table->keep;
    if (table->cap > OCTETS_TRIM && table->cap / 2 > OCTETS_TRIM / 2 + most) {
        /* Without memory it just stays as large as it is. */
        (void)move_octets(table, table->head - tail_of(table) + OCTETS_INITIAL);
    }
}

static void evict_oldest(struct hpack_table *table)
{
    const struct hpack_entry *oldest = hpack_table_at(table, table->count);
    table->size -= oldest->octets;
    table->uncertain -= oldest->certainty != H2_EXACT;
    table->count--;
}

/* The table has no room for what was inserted first. */
static void nothing_older(struct hpack_table *table)
{
    table->forgotten = 0;
    table->older = 0;
}

/* The oldest entry is let go, though the encoder may still hold it. */
static void forget_oldest(struct hpack_table *table)
{
    const struct hpack_entry *oldest = hpack_table_at(table, table->count);
    table->gone = table->total - (uint32_t)((uint32_t)table->total - oldest->before);
    evict_oldest(table);
    table->forgotten += table->forgotten < UINT32_MAX;
}

/* After a change of size or max: drops what the encoder cannot hold any more or we do not want to,
 * and says how many entries it may hold that are not here (capture-layer 5.3, steps 1 and 2). */
static void settle(struct hpack_table *table)
{
    while (table->size > table->max) {
        evict_oldest(table);
        nothing_older(table);
    }
    while (table->size > table->keep ||
           (table->max == HPACK_MAX_UNKNOWN && table->count > LIMIT_HPACK_ENTRIES_UNSURE)) {
        forget_oldest(table);
    }
    if (table->forgotten > 0 && table->total - table->gone > table->max) {
        nothing_older(table);
    }
    if ((table->older | table->forgotten) > 0 && table->max != HPACK_MAX_UNKNOWN) {
        uint32_t room = (table->max - table->size) / ENTRY_OVERHEAD;
        table->forgotten = table->forgotten < room ? table->forgotten : room;
        /* Older ones are there only as long as all that came since is. */
        uint64_t left = table->total < table->max ? table->max - table->total : 0;
        room = (uint32_t)(left / ENTRY_OVERHEAD);
        table->older = table->older < room ? table->older : room;
    }
}

static bool grow_entries(struct hpack_table *table)
{
    uint32_t slots = table->entries != NULL ? 2 * (table->mask + 1) : ENTRIES_INITIAL;
    struct hpack_entry *entries = mem_zalloc(table->mem, slots, sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    for (uint32_t p = 1; p <= table->count; p++) {
        entries[table->count - p] = *hpack_table_at(table, p);
    }
    mem_free(table->mem, table->entries);
    table->entries = entries;
    table->mask = slots - 1;
    table->newest = table->count;
    return true;
}

/* Entries that are gone for the room they took; what the encoder may hold besides is settled. */
static void drop_all(struct hpack_table *table)
{
    table->count = 0;
    table->size = 0;
    table->uncertain = 0;
}

/* An entry that is not kept at all. */
static void insert_nowhere(struct hpack_table *table, const struct hpack_entry *entry)
{
    bool fits = entry->octets <= table->max;
    uint64_t forgotten = (uint64_t)table->forgotten + table->count + 1;
    drop_all(table);
    if (fits) {
        table->forgotten = forgotten < UINT32_MAX ? (uint32_t)forgotten : UINT32_MAX;
        table->gone = table->total;
    } else {
        nothing_older(table);
    }
    table->inserted++;
    table->total += entry->octets;
    settle(table);
}

bool hpack_table_insert(struct hpack_table *table, const struct hpack_entry *entry, size_t used)
{
    if (H2D_UNLIKELY(entry->octets > table->max || entry->octets > table->keep)) {
        insert_nowhere(table, entry);
        return true;
    }
    if ((table->entries == NULL || table->count > table->mask) && !grow_entries(table)) {
        return false;
    }
    /* Room first, so that the sum stays within 32 bits. */
    while (table->count > 0 && table->size > table->max - entry->octets) {
        evict_oldest(table);
        nothing_older(table);
    }
    struct hpack_entry *slot = &table->entries[table->newest++ & table->mask];
    *slot = *entry;
    slot->off = table->head;
    slot->before = (uint32_t)table->total;
    table->head += (uint32_t)used;
    table->count++;
    table->inserted++;
    if (H2D_UNLIKELY(entry->certainty != H2_EXACT)) {
        table->uncertain++;
        table->murk = table->total;
    }
    table->total += entry->octets;
    table->size += entry->octets;
    settle(table);
    return true;
}

void hpack_table_resize(struct hpack_table *table, uint32_t max)
{
    table->max = table->floor = max;
    settle(table);
    if (max == 0) {
        drop_all(table);
        nothing_older(table);
    }
}

void hpack_table_bound(struct hpack_table *table, uint32_t max)
{
    if (max < table->max) {
        table->max = max;
        table->floor = table->floor < max ? table->floor : max;
        settle(table);
    }
}

void hpack_table_unbound(struct hpack_table *table)
{
    if (!hpack_table_max_known(table)) {
        table->max = HPACK_MAX_UNKNOWN;
        table->older = HPACK_OLDER_ANY;
    }
}

void hpack_table_forget(struct hpack_table *table, uint32_t max)
{
    drop_all(table);
    table->inserted = table->total = 0;
    table->murk = table->gone = HPACK_NEVER;
    table->max = max;
    table->floor = 0;
    table->forgotten = 0;
    table->older = HPACK_OLDER_ANY;
    settle(table);
}

void hpack_table_refer(struct hpack_table *table, uint32_t p)
{
    uint64_t live = p <= table->count ? (uint32_t)table->total - hpack_table_at(table, p)->before
                                      : table->size + (uint64_t)ENTRY_OVERHEAD * (p - table->count);
    if (live > table->floor) {
        table->floor = live < table->max ? (uint32_t)live : table->max;
    }
}

/* What began when so much had been inserted takes more than max together with all that came since.
 */
static bool is_beyond(const struct hpack_table *table, uint64_t began, uint32_t max)
{
    return began == HPACK_NEVER || table->total - began > max;
}

bool hpack_table_is_full_within(const struct hpack_table *table, uint32_t max)
{
    return table->floor <= max && table->total + ENTRY_OVERHEAD > max &&
           is_beyond(table, table->murk, max) && is_beyond(table, table->gone, max);
}
