/* The decoder: has the block split into representations (hpack_repr.h), carries an incomplete one
 * over to the next chunk, and turns each into a field with the table's help. A representation is
 * parsed from its start whenever the octets it asked for have come; strings are skipped over by
 * their length, so that this costs the same however the block is cut. */
#include "h2/hpack.h"

#include "h2/hpack_int.h"
#include "h2/hpack_repr.h"
#include "h2/message.h"
#include "h2/names.h"
#include "spec/limits.h"

#define INITIAL_LIMIT     4096
#define CARRY_MAX         (2 * ((size_t)1 << 16) + 64)
#define CARRY_KEEP        1024
#define HUFF_LONGEST_CODE 30

struct hpack_decoder *hpack_decoder_new(struct mem *mem, bool lenient, uint32_t keep)
{
    struct hpack_decoder *decoder = mem_zalloc(mem, 1, sizeof *decoder);
    if (decoder == NULL) {
        return NULL;
    }
    decoder->mem = mem;
    decoder->lenient = lenient;
    decoder->limit_known = true;
    decoder->sure = true;
    decoder->limit = decoder->ceiling = INITIAL_LIMIT;
    decoder->min_limit = UINT32_MAX;
    decoder->error = CHECK_COUNT;
    buf_init(&decoder->carry, mem, CARRY_MAX);
    hpack_table_init(&decoder->table, mem, INITIAL_LIMIT, lenient ? keep : UINT32_MAX);
    return decoder;
}

void hpack_decoder_free(struct hpack_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    hpack_table_fini(&decoder->table);
    buf_fini(&decoder->carry);
    mem_free(decoder->mem, decoder);
}

enum check hpack_decoder_limit_hit(struct hpack_decoder *decoder)
{
    if (decoder->string_limit_hit) {
        decoder->string_limit_hit = false;
        return CHECK_LIMIT_HPACK_STRING;
    }
    if (decoder->table_limit_hit) {
        decoder->table_limit_hit = false;
        return CHECK_LIMIT_HPACK_TABLE;
    }
    return CHECK_COUNT;
}

enum check hpack_decoder_remark(struct hpack_decoder *decoder)
{
    if (decoder->min_unsignalled) {
        decoder->min_unsignalled = false;
        return CHECK_HPACK_TABLE_UPDATE_MIN_UNSIGNALLED;
    }
    if (decoder->overlong) {
        decoder->overlong = false;
        return CHECK_HPACK_INTEGER_OVERLONG;
    }
    return CHECK_COUNT;
}

bool hpack_decoder_update_missing(struct hpack_decoder *decoder)
{
    bool missing = decoder->update_missing;
    decoder->update_missing = false;
    return missing;
}

uint32_t hpack_table_octets(const struct hpack_decoder *decoder)
{
    return decoder->table.size;
}

uint32_t hpack_table_entries(const struct hpack_decoder *decoder)
{
    return decoder->table.count;
}

uint32_t hpack_table_older(const struct hpack_decoder *decoder)
{
    return decoder->table.older;
}

/* ---- errors and ends ---- */

static enum hpack_status fail(struct hpack_decoder *decoder, enum check check)
{
    decoder->failed = true;
    decoder->plain = false;
    decoder->error = check;
    return check == CHECK_COUNT ? HPACK_NOMEM : HPACK_ERROR;
}

enum check hpack_error(const struct hpack_decoder *decoder, uint64_t *block_off,
                       struct span *octets)
{
    *block_off = decoder->block_off;
    *octets = decoder->fault;
    return decoder->error;
}

/* The same, with the octets of the representation as far as they were read: however the block is
 * cut, these are the same. */
static enum hpack_status fail_at(struct hpack_decoder *decoder, enum check check,
                                 struct span octets)
{
    decoder->fault = octets;
    return fail(decoder, check);
}

/* The next representation begins; what the last one left behind is forgotten. */
static void forget_repr(struct hpack_decoder *decoder)
{
    decoder->skips = 0;
    decoder->skipped = 0;
    decoder->skip_left = 0;
    if (decoder->carry.cap > CARRY_KEEP) {
        buf_fini(&decoder->carry);
    }
    buf_clear(&decoder->carry);
    hpack_find_plain(decoder);
}

struct span hpack_carried(const struct hpack_decoder *decoder, uint32_t n)
{
    /* A buffer that was emptied still holds what was in it. */
    bool kept = decoder->carry.ptr != NULL && n <= decoder->carry.cap && n <= CARRY_KEEP;
    return kept ? span_of(decoder->carry.ptr, n) : span_empty();
}

void hpack_begin_block(struct hpack_decoder *decoder)
{
    decoder->authority = 0;
    decoder->failed = decoder->failed && !decoder->lenient;
    decoder->field_seen = false;
    decoder->block_off = 0;
    forget_repr(decoder);
    hpack_table_trim(&decoder->table);
}

/* The block begins with something else than the size update that is due. False: that ends it. */
static bool miss_update(struct hpack_decoder *decoder)
{
    if (!decoder->lenient) {
        return false;
    }
    decoder->update_missing = true;
    decoder->doubtful = true;
    hpack_forget_duty(decoder);
    return true;
}

static enum hpack_status end_of_chunk(struct hpack_decoder *decoder, bool last)
{
    if (!last) {
        return HPACK_MORE;
    }
    if (decoder->update_due && !miss_update(decoder)) {
        return fail_at(decoder, CHECK_HPACK_TABLE_UPDATE_MISSING, span_empty());
    }
    return HPACK_END;
}

/* ---- fields ---- */

/* Sets all that the other show_ functions and act() do not always set. Part by part, because a
 * compiler zeroes a struct of this size by a string instruction, which takes longer than the rest
 * of an indexed field. */
static void show_nothing(struct h2_header *out)
{
    out->token = H2_TOKEN_NONE;
    out->octet_facts = 0;
    out->ordinary = 0;
    out->known = 0;
    out->never_indexed = out->inserted = out->huffman_name = out->huffman_value = false;
    out->name_wire_octets = out->value_wire_octets = 0;
    out->certainty = H2_EXACT;
    out->entry = out->entry_loss = 0;
    out->invalid = NULL;
}

/* Shows an entry (or a field made like one). */
static void show_entry(const struct hpack_table *table, const struct hpack_entry *entry,
                       struct h2_header *out)
{
    out->name = hpack_entry_name(table, entry);
    out->value = (struct span){ hpack_entry_value_ptr(table, entry), entry->value_len };
    out->token = (enum h2_token)entry->token;
    out->octet_facts = entry->octet_facts;
    out->ordinary = entry->ordinary;
    out->known = entry->known;
    out->certainty = (enum h2_certainty)entry->certainty;
    out->entry = entry->entry;
    out->entry_loss = entry->entry_loss;
}

static void show_static(uint32_t index, struct h2_header *out)
{
    const struct hpack_static_field *row = &hpack_static_fields[index];
    out->name = (struct span){ (const uint8_t *)row->name, row->name_len };
    out->value = (struct span){ (const uint8_t *)row->value, row->value_len };
    out->token = (enum h2_token)row->token;
    out->ordinary = row->ordinary;
    out->known = row->known;
}

/* Dynamic position p is not kept: which entry is it? False: the encoder cannot mean any. */
static bool identify(struct hpack_decoder *decoder, uint32_t p, struct hpack_entry *out)
{
    struct hpack_table *table = &decoder->table;
    if (!hpack_table_may_hold(table, p)) {
        if (decoder->sure) {
            return false;
        }
        hpack_contradict(decoder, p);
    }
    *out = (struct hpack_entry){ .certainty = H2_UNKNOWN };
    if (p > table->inserted) {
        out->entry = (uint32_t)(p - table->inserted);
        out->entry_loss = table->loss;
        decoder->handed_out = true;
    } else {
        out->entry = H2_ENTRY_FORGOTTEN;
        decoder->table_limit_hit = true;
    }
    return true;
}

/* What dynamic position p proves about the table's size. */
static void note_reference(struct hpack_decoder *decoder, uint32_t p)
{
    if (!hpack_table_max_known(&decoder->table)) {
        hpack_table_refer(&decoder->table, p);
    }
}

static void show_unknown(const struct hpack_entry *entry, struct h2_header *out)
{
    out->name = span_empty();
    out->value = span_empty();
    out->certainty = H2_UNKNOWN;
    out->entry = entry->entry;
    out->entry_loss = entry->entry_loss;
}

static bool act_indexed(struct hpack_decoder *decoder, uint32_t index, struct h2_header *out)
{
    struct hpack_table *table = &decoder->table;
    if (index <= HPACK_STATIC_COUNT) {
        show_static(index, out);
        return true;
    }
    uint32_t p = index - HPACK_STATIC_COUNT;
    struct hpack_entry unknown;
    if (p <= table->count) {
        show_entry(table, hpack_table_at(table, p), out);
        if (decoder->doubtful && out->certainty == H2_EXACT) {
            out->certainty = H2_INFERRED;
            out->ordinary = 0;
        }
    } else if (identify(decoder, p, &unknown)) {
        show_unknown(&unknown, out);
    } else {
        return false;
    }
    note_reference(decoder, p);
    return true;
}

/* The octets a string takes in the table; for one passed over the least it can be. */
static uint32_t literal_octets_least(const struct hpack_literal *literal)
{
    uint64_t bits = (uint64_t)literal->len * 8;
    return literal->huffman ? (uint32_t)(bits / HUFF_LONGEST_CODE) : literal->len;
}

/* Where a literal field's name comes from, and what is known of it. */
struct name_source {
    const struct hpack_entry *entry; /* a dynamic entry has it */
    bool known;
    uint32_t least; /* of an unknown one: octets it has at least */
};

/* Looks the name of a literal up; fills the parts of *made that follow from it. */
static bool find_name(struct hpack_decoder *decoder, const struct hpack_piece *repr,
                      struct hpack_entry *made, struct name_source *source)
{
    struct hpack_table *table = &decoder->table;
    *source = (struct name_source){ NULL, true, 0 };
    if (repr->number == 0) {
        source->known = !repr->name.skipped;
        source->least = literal_octets_least(&repr->name);
        return true;
    }
    if (repr->number <= HPACK_STATIC_COUNT) {
        made->static_name = (uint8_t)repr->number;
        made->name_len = hpack_static_fields[repr->number].name_len;
        made->token = hpack_static_fields[repr->number].token;
        made->known = hpack_static_fields[repr->number].known;
        return true;
    }
    uint32_t p = repr->number - HPACK_STATIC_COUNT;
    struct hpack_entry unknown;
    const struct hpack_entry *entry = &unknown;
    if (p <= table->count) {
        entry = hpack_table_at(table, p);
    } else if (!identify(decoder, p, &unknown)) {
        return false;
    }
    note_reference(decoder, p);
    if (entry->certainty <= H2_INFERRED || entry->name_known) {
        made->static_name = entry->static_name;
        made->name_len = entry->name_len;
        made->token = entry->token;
        made->known = entry->known;
        made->octet_facts = entry->octet_facts & H2_NAME_FACTS;
        bool sure = !decoder->doubtful && entry->certainty != H2_INFERRED;
        made->certainty = sure ? H2_EXACT : H2_INFERRED;
        source->entry = entry;
    } else {
        made->entry = entry->entry;
        made->entry_loss = entry->entry_loss;
        source->known = false;
    }
    return true;
}

/* Puts a literal's octets at out, a NUL behind them; the octets it has, without the NUL. */
static enum check put_literal(const struct hpack_literal *literal, uint8_t *out, uint32_t *len)
{
    size_t n = literal->wire.len;
    if (literal->huffman) {
        enum check check = hpack_huff_decode_within(literal->wire, literal->slack, out, &n);
        if (check != CHECK_COUNT) {
            return check;
        }
    } else if (n > 0) {
        memcpy(out, literal->wire.ptr, n);
    }
    out[n] = '\0';
    *len = (uint32_t)n;
    return CHECK_COUNT;
}

/* The most octets a literal takes behind the run's end. */
static size_t literal_room(const struct hpack_literal *literal)
{
    return (literal->huffman ? HPACK_HUFF_ROOM(literal->wire.len) : literal->wire.len) + 1;
}

/* Name and value of a literal, made behind the run's end; *used octets of it. */
static enum hpack_status put_strings(struct hpack_decoder *decoder, const struct hpack_piece *repr,
                                     const struct name_source *source, struct hpack_entry *made,
                                     size_t *used)
{
    struct hpack_table *table = &decoder->table;
    uint8_t *out = hpack_table_reserve(
        table, literal_room(&repr->name) + literal_room(&repr->value) + (size_t)made->name_len + 1);
    if (out == NULL) {
        return fail(decoder, CHECK_COUNT);
    }
    uint8_t *to = out;
    enum check check = CHECK_COUNT;
    if (made->static_name == 0) {
        if (source->entry != NULL) {
            /* The copy survives the eviction of the entry it is taken from. */
            memcpy(to, hpack_entry_name(table, source->entry).ptr, (size_t)made->name_len + 1);
        } else {
            check = put_literal(&repr->name, to, &made->name_len);
        }
        to += (size_t)made->name_len + 1;
    }
    if (check == CHECK_COUNT) {
        check = put_literal(&repr->value, to, &made->value_len);
        to += (size_t)made->value_len + 1;
    }
    *used = (size_t)(to - out);
    return check == CHECK_COUNT ? HPACK_FIELD : fail(decoder, check);
}

/* What is known of a literal field, and what it weighs. */
static void judge_literal(const struct hpack_table *table, const struct hpack_piece *repr,
                          const struct name_source *source, struct hpack_entry *made)
{
    struct span value = { hpack_entry_value_ptr(table, made), made->value_len };
    if (!source->known) {
        made->certainty = repr->value.skipped ? H2_UNKNOWN : H2_NAME_UNKNOWN;
    } else if (repr->value.skipped) {
        made->name_known = made->certainty == H2_EXACT;
        made->certainty = H2_UNKNOWN;
    }
    if (repr->number == 0 && source->known) {
        struct span name = hpack_entry_name(table, made);
        made->token = (uint8_t)message_token_of(name);
        made->known = h2_name_known(name);
        made->octet_facts = message_octet_facts(name, value);
    } else {
        made->octet_facts |= message_value_facts(value);
    }
    if (made->certainty == H2_EXACT) {
        made->ordinary = message_ordinary((enum h2_token)made->token, made->octet_facts, value);
    }
    uint64_t octets = (uint64_t)32 + (source->known ? made->name_len : source->least) +
                      (repr->value.skipped ? literal_octets_least(&repr->value) : made->value_len);
    made->octets = octets < UINT32_MAX ? (uint32_t)octets : UINT32_MAX;
}

static enum hpack_status act_literal(struct hpack_decoder *decoder, const struct hpack_piece *repr,
                                     struct h2_header *out)
{
    struct hpack_table *table = &decoder->table;
    struct hpack_entry made = { .certainty = H2_EXACT };
    struct name_source source;
    size_t used;
    if (!find_name(decoder, repr, &made, &source)) {
        return fail(decoder, CHECK_HPACK_INDEX_OUT_OF_RANGE);
    }
    enum hpack_status status = put_strings(decoder, repr, &source, &made, &used);
    if (status != HPACK_FIELD) {
        return status;
    }
    made.off = table->head;
    judge_literal(table, repr, &source, &made);
    if (repr->kind == HPACK_LITERAL_INDEXED) {
        if (!hpack_table_insert(table, &made, used)) {
            return fail(decoder, CHECK_COUNT);
        }
        out->inserted = table->count > 0;
    }
    show_entry(table, &made, out);
    out->never_indexed = repr->kind == HPACK_LITERAL_NEVER;
    out->huffman_name = repr->name.huffman;
    out->huffman_value = repr->value.huffman;
    out->name_wire_octets = repr->name.len;
    out->value_wire_octets = repr->value.len;
    return HPACK_FIELD;
}

/* Lenient: the limit was smaller for a while, and the first update since does not say so. Where
 * entries would have had to go for it, that is an error (RFC 9113 4.3.1), else only wanted (RFC
 * 7541 4.2). */
static H2D_NOINLINE void forget_minimum(struct hpack_decoder *decoder)
{
    const struct hpack_table *table = &decoder->table;
    if (table->size > decoder->min_limit && hpack_table_is_full(table)) {
        decoder->update_missing = true;
    } else {
        decoder->min_unsignalled = true;
    }
}

static enum hpack_status act(struct hpack_decoder *decoder, const struct hpack_piece *repr,
                             struct h2_header *out)
{
    out->repr = repr->kind;
    out->index = repr->number;
    if (repr->kind == HPACK_SIZE_UPDATE) {
        out->name = span_empty();
        out->value = span_empty();
        if (H2D_UNLIKELY(decoder->lenient && repr->number > decoder->min_limit)) {
            forget_minimum(decoder);
        }
        hpack_table_resize(&decoder->table, repr->number);
        decoder->doubtful = false;
        hpack_forget_duty(decoder);
        return HPACK_FIELD;
    }
    decoder->field_seen = true;
    if (repr->kind != HPACK_INDEXED) {
        return act_literal(decoder, repr, out);
    }
    return act_indexed(decoder, repr->number, out) ? HPACK_FIELD
                                                   : fail(decoder, CHECK_HPACK_INDEX_OUT_OF_RANGE);
}

/* ---- the way through a chunk ---- */

/* A whole representation: octets on the wire. */
static enum hpack_status finish(struct hpack_decoder *decoder, const struct hpack_piece *repr,
                                uint64_t octets, struct h2_header *out)
{
    show_nothing(out);
    out->block_off = decoder->block_off;
    out->wire_octets = octets < UINT32_MAX ? (uint32_t)octets : UINT32_MAX;
    enum hpack_status status = act(decoder, repr, out);
    if (H2D_LIKELY(status == HPACK_FIELD)) {
        decoder->block_off += octets;
        if (decoder->carry.len > 0) {
            forget_repr(decoder);
        }
    }
    return status;
}

/* Moves up to n octets of the chunk into the carry. False: memory is out. */
static bool carry_over(struct hpack_decoder *decoder, struct cur *chunk, size_t n)
{
    decoder->plain = false;
    return buf_append(&decoder->carry, cur_take(chunk, num_min_size(n, cur_left(chunk))));
}

static void pass_over(struct hpack_decoder *decoder, struct cur *chunk)
{
    size_t n = num_min_size(decoder->skip_left, cur_left(chunk));
    cur_skip(chunk, n);
    decoder->skip_left -= (uint32_t)n;
    decoder->skipped += n;
    if (decoder->skip_left == 0) {
        decoder->skips++;
        decoder->string_limit_hit = true;
    }
}

/* The chunk ends inside a representation. */
static enum hpack_status cut_short(struct hpack_decoder *decoder, bool last, bool in_string)
{
    if (!last) {
        return HPACK_MORE;
    }
    return fail_at(decoder, in_string ? CHECK_HPACK_STRING_OVERRUN : CHECK_HPACK_BLOCK_TRUNCATED,
                   buf_span(&decoder->carry));
}

/* The next representation of octets; a due size update that is not there is taken note of. */
static enum hpack_parsed parse_next(struct hpack_decoder *decoder, struct cur octets,
                                    struct hpack_parse *parse, struct hpack_piece *repr)
{
    parse->at = octets;
    parse->lenient = decoder->lenient;
    parse->field_seen = decoder->field_seen;
    parse->update_due = decoder->update_due;
    parse->index_end = decoder->lenient ? UINT32_MAX : HPACK_STATIC_COUNT + decoder->table.count;
    /* RFC 7541 6.3 has the last limit alone make an update an error; see forget_minimum(). */
    bool least = !decoder->lenient && decoder->min_limit < decoder->limit;
    parse->size_max = !decoder->limit_known ? UINT32_MAX
                      : least               ? decoder->min_limit
                                            : decoder->limit;
    parse->skips = decoder->skips;
    parse->update_missed = parse->overlong = false;
    enum hpack_parsed parsed = hpack_parse_repr(parse, repr);
    if (H2D_UNLIKELY(parse->update_missed)) {
        (void)miss_update(decoder);
    }
    decoder->overlong |= parse->overlong && parsed == HPACK_PARSED;
    if (H2D_UNLIKELY(parsed == HPACK_PARSED_LONG)) {
        decoder->skip_left = (uint32_t)parse->need;
    }
    return parsed;
}

/* What was read of a representation that is in error: its first octet at least. */
static struct span read_of(const uint8_t *from, const struct hpack_parse *parse)
{
    size_t n = (size_t)(parse->at.pos - from);
    return span_of(from, n > 0 ? n : 1);
}

/* A representation that began in an earlier chunk, or has a string beyond the limit. */
static enum hpack_status decode_carried(struct hpack_decoder *decoder, struct cur *chunk, bool last,
                                        struct h2_header *out)
{
    for (;;) {
        if (decoder->skip_left > 0) {
            pass_over(decoder, chunk);
            if (decoder->skip_left > 0) {
                return cut_short(decoder, last, true);
            }
        }
        struct hpack_parse parse;
        struct hpack_piece repr;
        switch (parse_next(decoder, cur_of(buf_span(&decoder->carry)), &parse, &repr)) {
        case HPACK_PARSED:
            decoder->fault = buf_span(&decoder->carry);
            return finish(decoder, &repr, decoder->carry.len + decoder->skipped, out);
        case HPACK_PARSED_ERROR:
            return fail_at(
                decoder, parse.error,
                span_of(decoder->carry.ptr, (size_t)(parse.at.pos - decoder->carry.ptr)));
        case HPACK_PARSED_LONG:
            break;
        case HPACK_PARSED_SHORT:
            if (cur_left(chunk) == 0) {
                return cut_short(decoder, last, parse.in_string);
            }
            if (!carry_over(decoder, chunk, parse.need)) {
                return fail(decoder, CHECK_COUNT);
            }
            break;
        }
    }
}

/* Most fields are an index in one octet of an entry that is here: no need to take that apart. False
 * when it is something else. */
static H2D_ALWAYS_INLINE bool decode_indexed(struct hpack_decoder *decoder, struct cur *chunk,
                                             struct h2_header *out)
{
    const struct hpack_table *table = &decoder->table;
    uint32_t index = cur_peek(chunk) ^ 0x80U;
    if (index == 0 || index >= 0x7f || index > HPACK_STATIC_COUNT + table->count) {
        return false;
    }
    show_nothing(out);
    out->repr = HPACK_INDEXED;
    out->index = index;
    out->block_off = decoder->block_off++;
    out->wire_octets = 1;
    decoder->field_seen = true;
    cur_skip(chunk, 1);
    if (index <= HPACK_STATIC_COUNT) {
        show_static(index, out);
    } else {
        show_entry(table, hpack_table_at(table, index - HPACK_STATIC_COUNT), out);
    }
    return true;
}

/* Which entry :authority was, should somebody ask for it in this block. */
static inline void note_authority(struct hpack_decoder *decoder, unsigned ordinary, uint32_t p)
{
    if ((ordinary & (MESSAGE_STATUS | MESSAGE_AUTHORITY)) == MESSAGE_AUTHORITY) {
        decoder->authority = decoder->table.inserted - p + 1;
    }
}

bool hpack_authority(const struct hpack_decoder *decoder, struct span *value)
{
    const struct hpack_table *table = &decoder->table;
    uint64_t p = table->inserted - decoder->authority + 1;
    if (decoder->authority == 0 || decoder->authority > table->inserted || p > table->count) {
        return false;
    }
    const struct hpack_entry *entry = hpack_table_at(table, (uint32_t)p);
    *value = (struct span){ hpack_entry_value_ptr(table, entry), entry->value_len };
    return entry->token == H2_TOKEN_AUTHORITY;
}

size_t hpack_take_ordinary(struct hpack_decoder *decoder, struct cur *chunk,
                           struct h2_message *message, enum message_kind kind,
                           struct hpack_taken *sums)
{
    const struct hpack_table *table = &decoder->table;
    const uint8_t *at = chunk->pos;
    uint32_t most =
        HPACK_STATIC_COUNT + table->count < 0x7f ? HPACK_STATIC_COUNT + table->count : 0x7e;
    uint64_t sum = 0;
    uint32_t names = sums->names, twice = sums->twice, stop = sums->stop, regular = 0;
    if (H2D_UNLIKELY(!decoder->plain)) {
        return 0;
    }
    while (at < chunk->end) {
        uint32_t index = *at ^ 0x80U, taken, name;
        unsigned ordinary;
        if (index <= HPACK_STATIC_COUNT) {
            const struct hpack_static_field *row = &hpack_static_fields[index];
            ordinary = row->ordinary; /* none in row 0 */
            name = row->known;
            taken = (uint32_t)row->name_len + row->value_len;
        } else if (index <= most) {
            const struct hpack_entry *entry = hpack_table_at(table, index - HPACK_STATIC_COUNT);
            ordinary = entry->ordinary;
            name = entry->known;
            taken = entry->name_len + entry->value_len;
        } else {
            break;
        }
        if (H2D_LIKELY((ordinary & MESSAGE_REGULAR) != 0)) {
            if (H2D_UNLIKELY((name & stop) != 0)) {
                break;
            }
            twice |= names & name;
            names |= name;
            regular = MESSAGE_REGULAR;
        } else if (regular != 0 || !message_take_ordinary(message, kind, ordinary)) {
            break;
        } else if (index > HPACK_STATIC_COUNT) {
            note_authority(decoder, ordinary, index - HPACK_STATIC_COUNT);
        }
        sum += taken;
        at++;
    }
    size_t n = (size_t)(at - chunk->pos);
    if (n > 0) {
        cur_skip(chunk, n);
        decoder->block_off += n;
        decoder->field_seen = true;
        message->seen |= regular;
        sums->octets += sum;
        sums->names = names;
        sums->twice = twice;
    }
    return n;
}

/* Apart, so that the short way needs no stack. */
static H2D_NOINLINE enum hpack_status decode_any(struct hpack_decoder *decoder, struct cur *chunk,
                                                 bool last, struct h2_header *out)
{
    if (H2D_UNLIKELY(decoder->failed)) {
        return decoder->error == CHECK_COUNT ? HPACK_NOMEM : HPACK_ERROR;
    }
    if (H2D_UNLIKELY(decoder->carry.len > 0)) {
        return decode_carried(decoder, chunk, last, out);
    }
    if (cur_left(chunk) == 0) {
        return end_of_chunk(decoder, last);
    }
    struct hpack_parse parse;
    struct hpack_piece repr;
    switch (parse_next(decoder, *chunk, &parse, &repr)) {
    case HPACK_PARSED: {
        size_t octets = cur_left(chunk) - cur_left(&parse.at);
        decoder->fault = span_of(chunk->pos, octets);
        *chunk = parse.at;
        return finish(decoder, &repr, octets, out);
    }
    case HPACK_PARSED_ERROR:
        return fail_at(decoder, parse.error, read_of(chunk->pos, &parse));
    case HPACK_PARSED_SHORT:
    case HPACK_PARSED_LONG:
        break;
    }
    /* What was read so far goes to the carry: all there is, or all up to the long string. */
    size_t n = decoder->skip_left > 0 ? cur_left(chunk) - cur_left(&parse.at) : cur_left(chunk);
    if (!carry_over(decoder, chunk, n)) {
        return fail(decoder, CHECK_COUNT);
    }
    return decode_carried(decoder, chunk, last, out);
}

enum hpack_status hpack_decode(struct hpack_decoder *decoder, struct cur *chunk, bool last,
                               struct h2_header *out)
{
    if (H2D_LIKELY(decoder->plain && cur_left(chunk) > 0) && decode_indexed(decoder, chunk, out)) {
        return HPACK_FIELD;
    }
    return decode_any(decoder, chunk, last, out);
}
