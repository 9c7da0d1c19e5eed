#include "detect/hold.h"

#define ENTRIES_MAX 4096

void hold_init(struct hold *h, struct mem *mem, size_t octets_max)
{
    *h = (struct hold){ .taken = 0 };
    buf_init(&h->octets[0], mem, octets_max);
    buf_init(&h->octets[1], mem, octets_max);
    buf_init(&h->entries, mem, ENTRIES_MAX * sizeof(struct held));
}

void hold_fini(struct hold *h)
{
    buf_fini(&h->octets[0]);
    buf_fini(&h->octets[1]);
    buf_fini(&h->entries);
    h->taken = h->used[0] = h->used[1] = 0;
}

static struct held *entry_at(const struct hold *h, size_t i)
{
    return (struct held *)(void *)h->entries.ptr + i;
}

static size_t entry_count(const struct hold *h)
{
    return h->entries.len / sizeof(struct held);
}

static struct pos pos_or_none(const struct pos *pos)
{
    static const struct pos nowhere;
    return pos != NULL ? *pos : nowhere;
}

bool hold_bytes(struct hold *h, unsigned side, struct span octets, const struct pos *pos)
{
    size_t count = entry_count(h);
    struct held *last = count > 0 ? entry_at(h, count - 1) : NULL;
    if (!buf_append(&h->octets[side], octets)) {
        return false;
    }
    if (last != NULL && last->kind == HELD_BYTES && last->side == side &&
        last->pos.packet == pos->packet && last->pos.since_packet == pos->since_packet) {
        last->len += octets.len;
        return true;
    }
    struct held entry = { .kind = HELD_BYTES, .side = side, .len = octets.len, .pos = *pos };
    return buf_append(&h->entries, span_of(&entry, sizeof(entry)));
}

bool hold_gap(struct hold *h, unsigned side, uint64_t len, enum gap_cause cause,
              const struct pos *before, const struct pos *after)
{
    struct held entry = { .kind = HELD_GAP,
                          .side = side,
                          .len = len,
                          .cause = cause,
                          .pos = pos_or_none(before),
                          .after = pos_or_none(after) };
    return buf_append(&h->entries, span_of(&entry, sizeof(entry)));
}

bool hold_close(struct hold *h, unsigned side, enum close_cause cause, const struct pos *pos)
{
    struct held entry = {
        .kind = HELD_CLOSE, .side = side, .close = cause, .pos = pos_or_none(pos)
    };
    return buf_append(&h->entries, span_of(&entry, sizeof(entry)));
}

bool hold_full(const struct hold *h)
{
    return entry_count(h) + 1 >= ENTRIES_MAX;
}

struct span hold_octets(const struct hold *h, unsigned side)
{
    return buf_span(&h->octets[side]);
}

const struct pos *hold_first(const struct hold *h, unsigned side)
{
    for (size_t i = 0; i < entry_count(h); i++) {
        const struct held *entry = entry_at(h, i);
        if (entry->kind == HELD_BYTES && entry->side == side) {
            return &entry->pos;
        }
    }
    return NULL;
}

const struct pos *hold_last(const struct hold *h, unsigned side)
{
    for (size_t i = entry_count(h); i > 0; i--) {
        const struct held *entry = entry_at(h, i - 1);
        if (entry->kind == HELD_BYTES && entry->side == side) {
            return &entry->pos;
        }
    }
    return NULL;
}

void hold_drop(struct hold *h, unsigned side, size_t n)
{
    if (n == 0) {
        return;
    }
    buf_drop_front(&h->octets[side], n);
    h->base[side] += n;
    size_t kept = 0;
    for (size_t i = 0; i < entry_count(h); i++) {
        struct held *entry = entry_at(h, i);
        if (entry->kind == HELD_BYTES && entry->side == side && n > 0) {
            size_t part = entry->len < n ? (size_t)entry->len : n;
            entry->len -= part;
            n -= part;
        }
        if (entry->kind != HELD_BYTES || entry->len > 0) {
            *entry_at(h, kept++) = *entry;
        }
    }
    h->entries.len = kept * sizeof(struct held);
}

bool hold_take(struct hold *h, struct held *held, struct span *octets)
{
    if (h->taken == entry_count(h)) {
        return false;
    }
    *held = *entry_at(h, h->taken++);
    if (held->kind == HELD_BYTES) {
        size_t *used = &h->used[held->side];
        *octets = span_of(h->octets[held->side].ptr + *used, (size_t)held->len);
        *used += octets->len;
    }
    return true;
}
