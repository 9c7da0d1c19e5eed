/* HPACK: a plan of four octets (manner, cut, limits), then blocks, each behind its length in two
 * octets (ffff: all the rest). Runs the blocks twice, whole and cut by the plan, and holds both
 * runs together: fields, errors, table. */
#include <assert.h>
#include <string.h>

#include "h2/hpack.h"
#include "h2/hpack_syntax.h"
#include "spec/limits.h"

#define LENIENT 0x01
#define JOIN    0x02
#define FAIL    0x04 /* memory runs out at some call */

/* What one block came to. */
struct outcome {
    enum hpack_status status;
    enum check check;
    uint64_t digest;
    uint64_t error_off;
};

static uint64_t mix(uint64_t digest, const void *octets, size_t n)
{
    const uint8_t *p = octets;
    for (size_t i = 0; i < n; i++) {
        digest = (digest ^ p[i]) * 0x100000001b3U;
    }
    return digest;
}

static uint64_t mix_header(uint64_t digest, const struct h2_header *header)
{
    const uint64_t numbers[] = { header->repr,      header->token,     header->octet_facts,
                                 header->index,     header->block_off, header->wire_octets,
                                 header->certainty, header->entry,     header->entry_loss,
                                 header->inserted,  header->name.len,  header->value.len };
    assert(header->name.ptr[header->name.len] == '\0' || header->repr == HPACK_SIZE_UPDATE);
    assert(header->value.ptr[header->value.len] == '\0');
    digest = mix(digest, numbers, sizeof numbers);
    digest = mix(digest, header->name.ptr, header->name.len);
    return mix(digest, header->value.ptr, header->value.len);
}

/* One block, cut every `step` octets (0: not at all). */
static struct outcome run(struct hpack_decoder *decoder, struct span block, size_t step)
{
    struct outcome outcome = { HPACK_MORE, CHECK_COUNT, 0xcbf29ce484222325U, 0 };
    struct cur rest = cur_of(block);
    hpack_begin_block(decoder);
    do {
        size_t n = step == 0 ? block.len : num_min_size(step, cur_left(&rest));
        struct cur chunk = cur_of(cur_take(&rest, n));
        struct h2_header header;
        while ((outcome.status = hpack_decode(decoder, &chunk, cur_left(&rest) == 0, &header)) ==
               HPACK_FIELD) {
            outcome.digest = mix_header(outcome.digest, &header);
        }
        assert(outcome.status != HPACK_MORE || cur_left(&chunk) == 0);
    } while (outcome.status == HPACK_MORE && cur_left(&rest) > 0);
    assert(outcome.status != HPACK_MORE);
    if (outcome.status == HPACK_ERROR) {
        struct span fault;
        outcome.check = hpack_error(decoder, &outcome.error_off, &fault);
        outcome.digest = mix(outcome.digest, fault.ptr, fault.len);
        assert(outcome.check < CHECK_COUNT && outcome.error_off <= block.len);
    }
    return outcome;
}

static bool is_full(const struct hpack_decoder *decoder)
{
    uint32_t assumed;
    return hpack_decoder_level(decoder, &assumed) == HPACK_LEVEL_FULL;
}

static void after(struct hpack_decoder *decoder, const struct outcome *outcome, bool lenient)
{
    if (outcome->status == HPACK_ERROR && lenient) {
        hpack_decoder_lose(decoder);
        assert(!is_full(decoder) || hpack_table_octets(decoder) == 0);
    }
    (void)hpack_decoder_update_missing(decoder);
    while (hpack_decoder_limit_hit(decoder) != CHECK_COUNT) {
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cur in = cur_of(data != NULL ? span_of(data, size) : span_empty());
    uint8_t manner = cur_u8(&in);
    size_t step = (size_t)cur_u8(&in) + 1;
    uint32_t smallest = (uint32_t)cur_u8(&in) << 6;
    uint32_t last = (uint32_t)cur_u8(&in) << 6;
    struct mem mem[2];
    struct hpack_decoder *decoders[2];
    for (unsigned i = 0; i < 2; i++) {
        mem_init(&mem[i], 8U << 20);
        if (manner & FAIL) {
            mem[i].fail_at = 1 + manner / 8U;
        }
        decoders[i] = hpack_decoder_new(&mem[i], (manner & LENIENT) != 0, LIMIT_HPACK_TABLE_OCTETS);
        if (decoders[i] != NULL && (manner & LENIENT) && (manner & JOIN)) {
            hpack_decoder_set_ceiling(decoders[i], HPACK_SIZE_ANY);
            hpack_decoder_join(decoders[i]);
        }
    }
    bool go = decoders[0] != NULL && decoders[1] != NULL;
    for (unsigned n = 0; go && cur_left(&in) > 0; n++) {
        size_t length = cur_u16(&in);
        struct span block =
            length == 0xffff ? cur_rest(&in) : cur_take(&in, num_min_size(length, cur_left(&in)));
        (void)hpack_syntax_plausible(block);
        if (n == 1) {
            hpack_decoder_set_limit(decoders[0], smallest, last);
            hpack_decoder_set_limit(decoders[1], smallest, last);
        }
        struct outcome whole = run(decoders[0], block, 0);
        struct outcome cut = run(decoders[1], block, step);
        go = whole.status != HPACK_NOMEM && cut.status != HPACK_NOMEM;
        if (go) {
            assert(whole.status == cut.status && whole.check == cut.check &&
                   whole.digest == cut.digest && whole.error_off == cut.error_off);
            assert(hpack_table_octets(decoders[0]) == hpack_table_octets(decoders[1]));
            assert(is_full(decoders[0]) == is_full(decoders[1]));
            after(decoders[0], &whole, (manner & LENIENT) != 0);
            after(decoders[1], &cut, (manner & LENIENT) != 0);
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        hpack_decoder_free(decoders[i]);
        assert(mem[i].used == 0);
    }
    return 0;
}
