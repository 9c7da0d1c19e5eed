/* What settings, losses and contradictions do to the decoder's table, and how much of it is known:
 * the certainty of capture-layer 5. Nothing here reads octets. */
#include <assert.h>

#include "h2/hpack_int.h"

static void set_one_limit(struct hpack_decoder *decoder, uint32_t limit)
{
    struct hpack_table *table = &decoder->table;
    decoder->limit = limit;
    decoder->limit_known = true;
    if (!hpack_table_max_known(table)) {
        hpack_table_bound(table, limit);
        return;
    }
    uint32_t current = decoder->min_limit < table->max ? decoder->min_limit : table->max;
    if (limit >= current) {
        return;
    }
    decoder->update_due = true;
    decoder->min_limit = limit;
    /* Lenient: an encoder that overlooks the reduction goes on using what it should have evicted,
     * so nothing goes before its size update says so. */
    if (!decoder->lenient) {
        hpack_table_resize(table, limit);
    }
}

void hpack_decoder_set_limit(struct hpack_decoder *decoder, uint32_t smallest, uint32_t last)
{
    if (smallest < last) {
        set_one_limit(decoder, smallest);
    }
    set_one_limit(decoder, last);
    hpack_find_plain(decoder);
}

void hpack_forget_duty(struct hpack_decoder *decoder)
{
    decoder->update_due = false;
    decoder->min_limit = UINT32_MAX;
    hpack_find_plain(decoder);
}

void hpack_decoder_set_limit_unknown(struct hpack_decoder *decoder)
{
    decoder->limit_known = false;
    hpack_forget_duty(decoder);
}

void hpack_decoder_bound(struct hpack_decoder *decoder, uint32_t limit)
{
    hpack_table_bound(&decoder->table, limit);
    hpack_find_plain(decoder);
}

void hpack_decoder_unbound(struct hpack_decoder *decoder)
{
    hpack_table_unbound(&decoder->table);
    hpack_decoder_set_limit_unknown(decoder);
}

void hpack_decoder_set_ceiling(struct hpack_decoder *decoder, uint32_t ceiling)
{
    decoder->ceiling = ceiling;
}

/* A new join, with a table of at most bound octets. */
static void begin_anew(struct hpack_decoder *decoder, uint32_t bound)
{
    decoder->sure = false;
    decoder->handed_out = false;
    decoder->doubtful = false;
    hpack_table_forget(&decoder->table, bound);
    hpack_forget_duty(decoder);
}

void hpack_decoder_lose(struct hpack_decoder *decoder)
{
    struct hpack_table *table = &decoder->table;
    assert(decoder->lenient);
    /* A missing block may have held size updates: only the limit bounds the table. An encoder that
     * has overlooked a reduction may be above that. */
    uint32_t bound = decoder->ceiling;
    if (hpack_table_max_known(table) && table->max > bound) {
        bound = table->max;
    }
    if (decoder->sure || decoder->handed_out || table->inserted > 0) {
        table->loss++;
    }
    begin_anew(decoder, bound);
}

void hpack_decoder_join(struct hpack_decoder *decoder)
{
    assert(decoder->lenient);
    decoder->table.loss = 0;
    begin_anew(decoder, decoder->ceiling);
    hpack_decoder_set_limit_unknown(decoder);
}

void hpack_contradict(struct hpack_decoder *decoder, uint32_t p)
{
    struct hpack_table *table = &decoder->table;
    decoder->contradiction = HPACK_STATIC_COUNT + p;
    hpack_decoder_lose(decoder);
    if (!hpack_table_may_hold(table, p)) {
        hpack_table_unbound(table);
    }
}

bool hpack_decoder_is_sure(const struct hpack_decoder *decoder)
{
    return decoder->sure;
}

/* Sizes that tables usually have; the first that nothing disproves is assumed. */
static const uint32_t usual_sizes[] = { 4096, 65536 };

enum hpack_level hpack_decoder_level(const struct hpack_decoder *decoder, uint32_t *assumed)
{
    const struct hpack_table *table = &decoder->table;
    *assumed = 0;
    if (hpack_table_is_full(table)) {
        return HPACK_LEVEL_FULL;
    }
    for (size_t i = 0; i < H2D_COUNT_OF(usual_sizes) && table->max == HPACK_MAX_UNKNOWN; i++) {
        if (table->floor > usual_sizes[i]) {
            continue;
        }
        *assumed = usual_sizes[i];
        if (hpack_table_is_full_within(table, *assumed)) {
            return HPACK_LEVEL_ASSUMED;
        }
        break;
    }
    return (table->older | table->forgotten) > 0 ? HPACK_LEVEL_PARTIAL : HPACK_LEVEL_NAMES;
}

bool hpack_decoder_has_news(const struct hpack_decoder *decoder)
{
    return decoder->update_missing || decoder->string_limit_hit || decoder->table_limit_hit ||
           decoder->min_unsignalled || decoder->overlong || !hpack_table_is_full(&decoder->table) ||
           decoder->contradiction != 0;
}

bool hpack_decoder_contradicted(struct hpack_decoder *decoder, uint32_t *index)
{
    *index = decoder->contradiction;
    decoder->contradiction = 0;
    return *index != 0;
}
