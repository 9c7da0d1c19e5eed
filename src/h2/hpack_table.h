/* The tables of HPACK (RFC 7541 2.3): the static one with what the message rules want to know of
 * each row, and the dynamic one of a direction. Entries are counted from the newest; the table
 * knows how much of what the encoder may still hold it has seen. For hpack.c alone.
 *
 * Strings stand one after the other in one run of octets, each with a NUL behind it; a new string
 * is decoded at the run's end, where it either becomes an entry or is overwritten by the next. */
#ifndef H2DUMP_H2_HPACK_TABLE_H
#define H2DUMP_H2_HPACK_TABLE_H

#include "base/mem.h"
#include "h2/header.h"

/* A row of the static table, ready to be shown; [1] … [HPACK_STATIC_COUNT]. */
struct hpack_static_field {
    const char *name, *value;
    uint8_t name_len, value_len, token;
    uint16_t ordinary;
    uint32_t known; /* as in struct h2_header */
};
extern const struct hpack_static_field hpack_static_fields[HPACK_STATIC_COUNT + 1];

/* An entry's parts: what is known (certainty) and, for what is not, where it came from. */
struct hpack_entry {
    uint32_t off; /* of the name, or of the value when the name is a static one */
    uint32_t name_len, value_len;
    uint8_t static_name; /* static row whose name it has; 0: the name stands at off */
    uint8_t token, octet_facts;
    uint8_t certainty; /* enum h2_certainty */
    bool name_known;   /* H2_UNKNOWN only: at least the name */
    uint16_t ordinary; /* as in struct h2_header */
    uint32_t known;    /* so, too */
    uint32_t octets;   /* counted against the table's size; the least it can be, if not exact */
    uint32_t before;   /* octets inserted before it, as the table counts them; wraps */
    uint32_t entry, entry_loss;
};

/* What the encoder may refer to, newest first (capture-layer 5.2): the entries kept here (K; they
 * count from the newest, so that what they are is certain whatever the table's size), `forgotten`
 * ones that were let go for their room, and at most `older` ones that were there when the first
 * block was seen (u_max). */
struct hpack_table {
    struct mem *mem;
    uint8_t *octets; /* the run of strings; NULL: none yet */
    uint32_t cap;
    uint32_t base, head; /* offsets, which only grow (and wrap): of octets[0], of the run's end */
    struct hpack_entry *entries; /* ring, mask + 1 slots; NULL: none yet */
    uint32_t mask;
    uint32_t newest; /* slot of the next entry */
    uint32_t count;
    uint32_t uncertain; /* entries that are not H2_EXACT */
    uint32_t size;      /* sum of entry.octets */
    uint32_t max;       /* the encoder's table is at most this large (M_hi); HPACK_MAX_UNKNOWN */
    uint32_t floor;     /* and at least this (M_lo) */
    uint32_t keep;      /* octets that are kept at most, whatever max says */
    uint32_t forgotten; /* entries between those kept and the older ones that it may hold */
    uint32_t older;     /* entries that it may hold from before; HPACK_OLDER_ANY */
    uint32_t loss;      /* losses so far */
    uint64_t inserted;  /* entries inserted since the start, the join or the loss (n) */
    uint64_t total;     /* octets of them, at least */
    uint64_t murk;      /* total with the newest of them that is not H2_EXACT left out, and all */
    uint64_t gone;      /* before it; the same of the newest forgotten one; HPACK_NEVER */
};

#define HPACK_OLDER_ANY   UINT32_MAX
#define HPACK_MAX_UNKNOWN UINT32_MAX
#define HPACK_NEVER       UINT64_MAX

void hpack_table_init(struct hpack_table *table, struct mem *mem, uint32_t max, uint32_t keep);
void hpack_table_fini(struct hpack_table *table);

/* Room for n octets at the run's end; NULL: memory is out. Moves what earlier calls pointed to. */
uint8_t *hpack_table_reserve(struct hpack_table *table, size_t n);
/* Gives back what one huge string made the run grow by. */
void hpack_table_trim(struct hpack_table *table);

/* The p-th newest entry, 1 … count. */
static inline const struct hpack_entry *hpack_table_at(const struct hpack_table *table, uint32_t p)
{
    return &table->entries[(table->newest - p) & table->mask];
}
static inline const uint8_t *hpack_table_octet(const struct hpack_table *table, uint32_t off)
{
    return table->octets + (uint32_t)(off - table->base);
}
static inline struct span hpack_entry_name(const struct hpack_table *table,
                                           const struct hpack_entry *entry)
{
    const uint8_t *ptr = entry->static_name != 0
                             ? (const uint8_t *)hpack_static_fields[entry->static_name].name
                             : hpack_table_octet(table, entry->off);
    return (struct span){ ptr, entry->name_len };
}
static inline const uint8_t *hpack_entry_value_ptr(const struct hpack_table *table,
                                                   const struct hpack_entry *entry)
{
    uint32_t skip = entry->static_name != 0 ? 0 : entry->name_len + 1;
    return hpack_table_octet(table, entry->off + skip);
}

/* Makes *entry, whose strings are the used octets behind the run's end, the newest entry, evicting
 * (RFC 7541 4.4). False: memory is out and nothing has changed. */
bool hpack_table_insert(struct hpack_table *table, const struct hpack_entry *entry,
                        size_t used) H2D_MUST_CHECK;

/* A size update has come. */
void hpack_table_resize(struct hpack_table *table, uint32_t max);
/* The encoder's table can be no larger than max from now on. */
void hpack_table_bound(struct hpack_table *table, uint32_t max);
/* What bounded the table's size, other than a size update, is not to be relied on any more. */
void hpack_table_unbound(struct hpack_table *table);

/* All entries are forgotten; the encoder's table is at most max large. */
void hpack_table_forget(struct hpack_table *table, uint32_t max);

/* Can the encoder mean anything by dynamic position p? */
static inline bool hpack_table_may_hold(const struct hpack_table *table, uint32_t p)
{
    return p <= table->count ||
           (p <= table->inserted ? p - table->count <= table->forgotten
                                 : p - (uint32_t)table->inserted <= table->older);
}
/* It has referred to position p, which it may hold: its table is at least so large. */
void hpack_table_refer(struct hpack_table *table, uint32_t p);

/* The size of the encoder's table is known. */
static inline bool hpack_table_max_known(const struct hpack_table *table)
{
    return table->floor == table->max;
}

/* Everything that the encoder can refer to is here and known. */
static inline bool hpack_table_is_full(const struct hpack_table *table)
{
    return (table->older | table->forgotten | table->uncertain) == 0;
}
/* The same if its table is no larger than max, though nobody has said so. */
bool hpack_table_is_full_within(const struct hpack_table *table, uint32_t max);

#endif
