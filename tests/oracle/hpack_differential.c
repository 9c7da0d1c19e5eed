/* Random field blocks, sound and faulty, with table size changes between them, through
 * nghttp2_hd_inflate_hd2 and through our decoder (strict): fields and the moment of the first error
 * must agree, however the block is cut.
 *
 *   hpack_differential [COUNT [FIRST_SEED]] */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "encoder.h"
#include "fields.h"
#include "h2/hpack.h"

struct result {
    struct octets text; /* fields, one behind the other */
    bool error;
};

static void add_field(struct result *r, const void *name, size_t name_len, const void *value,
                      size_t value_len, bool never)
{
    octets_u32(&r->text, (uint32_t)name_len);
    octets_put(&r->text, name, name_len);
    octets_u32(&r->text, (uint32_t)value_len);
    octets_put(&r->text, value, value_len);
    octets_u8(&r->text, never);
}

static void decode_theirs(nghttp2_hd_inflater *inflater, const struct octets *block,
                          struct result *r)
{
    const uint8_t *at = block->ptr;
    size_t left = block->len;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, at, left, 1);
        if (n < 0) {
            r->error = true;
            return;
        }
        at += n;
        left -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            add_field(r, nv.name, nv.namelen, nv.value, nv.valuelen,
                      nv.flags & NGHTTP2_NV_FLAG_NO_INDEX);
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            nghttp2_hd_inflate_end_headers(inflater);
            return;
        }
        if (n == 0 && left == 0 && !(flags & NGHTTP2_HD_INFLATE_EMIT)) {
            r->error = true; /* the block ends inside a representation */
            return;
        }
    }
}

static void decode_ours(struct hpack_decoder *decoder, struct rng *rng, const struct octets *block,
                        struct result *r)
{
    size_t at = 0;
    hpack_begin_block(decoder);
    for (;;) {
        size_t left = block->len - at, n = rng_below(rng, (uint32_t)left + 1);
        n = rng_below(rng, 2) == 0 ? left : n;
        uint8_t *copy = malloc(n + 1);
        if (copy == NULL) {
            abort();
        }
        memcpy(copy, block->ptr + at, n);
        struct cur chunk = cur_of(span_of(copy, n));
        enum hpack_status status;
        do {
            struct h2_header h;
            status = hpack_decode(decoder, &chunk, n == left, &h);
            if (status == HPACK_FIELD && h.repr != HPACK_SIZE_UPDATE) {
                add_field(r, h.name.ptr, h.name.len, h.value.ptr, h.value.len, h.never_indexed);
            }
        } while (status == HPACK_FIELD);
        free(copy);
        at += n;
        if (status != HPACK_MORE) {
            r->error = status == HPACK_ERROR;
            return;
        }
    }
}

static void print_octets(const char *title, const struct octets *o)
{
    printf("%s ", title);
    for (size_t i = 0; i < o->len; i++) {
        printf("%02x", o->ptr[i]);
    }
    printf("\n");
}

/* One block; false when the two differ. *bad: both have had their error. */
static bool one_block(struct encoder *encoder, struct rng *rng, nghttp2_hd_inflater *theirs,
                      struct hpack_decoder *ours, bool *bad)
{
    struct field_list list;
    struct octets block = { 0 };
    struct result a = { 0 }, b = { 0 };
    struct message_wish wish = { .content_length = -1 };
    enum encoder_fault fault =
        rng_once_in(rng, 30) ? (enum encoder_fault)rng_below(rng, ENCODER_FAULTS) : ENCODER_SOUND;
    fields_request(rng, &list, &wish);
    octets_put(&block, "", 0);
    octets_put(&a.text, "", 0);
    octets_put(&b.text, "", 0);
    encoder_block(encoder, rng, &list, fault, &block);
    decode_theirs(theirs, &block, &a);
    decode_ours(ours, rng, &block, &b);
    *bad = a.error;
    bool same = a.error == b.error && a.text.len == b.text.len &&
                memcmp(a.text.ptr, b.text.ptr, a.text.len) == 0;
    if (!same) {
        printf("fault %d, error theirs %d ours %d\n", (int)fault, a.error, b.error);
        print_octets("block ", &block);
        print_octets("theirs", &a.text);
        print_octets("ours  ", &b.text);
    }
    free(block.ptr);
    free(a.text.ptr);
    free(b.text.ptr);
    return same;
}

static bool one_seed(uint64_t seed, uint64_t *errors)
{
    static const uint32_t limits[] = { 0, 50, 111, 4096, 5000, 65536 };
    struct rng rng = { seed * 77 };
    struct encoder encoder;
    struct mem mem;
    nghttp2_hd_inflater *theirs;
    bool same = true, bad = false;
    mem_init(&mem, 0);
    struct hpack_decoder *ours = hpack_decoder_new(&mem, false, UINT32_MAX);
    encoder_init(&encoder);
    if (nghttp2_hd_inflate_new(&theirs) != 0 || ours == NULL) {
        abort();
    }
    for (int i = 0; i < 20 && same && !bad; i++) {
        if (rng_once_in(&rng, 5)) {
            uint32_t smallest = limits[rng_below(&rng, 6)], last = limits[rng_below(&rng, 6)];
            smallest = smallest < last ? smallest : last;
            nghttp2_hd_inflate_change_table_size(theirs, smallest);
            nghttp2_hd_inflate_change_table_size(theirs, last);
            hpack_decoder_set_limit(ours, smallest, last);
            encoder_set_limit(&encoder, smallest);
            encoder_set_limit(&encoder, last);
        }
        same = one_block(&encoder, &rng, theirs, ours, &bad);
    }
    *errors += bad;
    nghttp2_hd_inflate_del(theirs);
    hpack_decoder_free(ours);
    assert(mem.used == 0);
    return same;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 5000, errors = 0;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    unsigned failed = 0;
    encoder_prepare();
    for (uint64_t seed = first; seed < first + count && failed < 5; seed++) {
        if (!one_seed(seed, &errors)) {
            printf("seed %llu\n", (unsigned long long)seed);
            failed++;
        }
    }
    printf("%llu tables, %llu ended in an error on both sides, %u differ\n",
           (unsigned long long)count, (unsigned long long)errors, failed);
    return failed != 0;
}
