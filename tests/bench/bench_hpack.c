/* The HPACK decoder against libnghttp2's inflater, on the same blocks: bench_hpack ROUNDS FILE...
 * (hpack_blocks.py makes the files). Prints, for each input and both, the median of interleaved
 * rounds in ns a field, and their ratio; "checked" adds the message rules of each
 * field. Asserts nothing about speed, but the fields must be the same. */
#include <nghttp2/nghttp2.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/compiler.h"
#include "h2/hpack.h"
#include "h2/message.h"

enum { ROUNDS_MAX = 101, BATCH_FIELDS = 200000 };

struct input {
    uint8_t *octets;
    size_t len;
};

struct totals {
    uint64_t fields, octets;
};

struct contender {
    const char *name;
    void (*run)(const struct input *input, struct totals *totals);
    double ns[ROUNDS_MAX];
};

static struct mem mem;

static void die(const char *what)
{
    fprintf(stderr, "bench_hpack: %s\n", what);
    exit(1);
}

static void run_block(struct hpack_decoder *decoder, const uint8_t *block, size_t len,
                      struct h2_message *message, struct totals *totals)
{
    static const struct message_context context = { .kind = MESSAGE_REQUEST };
    struct cur chunk = cur_of(span_of(block, len));
    struct h2_header header;
    enum hpack_status status;
    hpack_begin_block(decoder);
    if (message != NULL) {
        message_init(message);
        message_begin_block(message, &context);
    }
    while ((status = hpack_decode(decoder, &chunk, true, &header)) == HPACK_FIELD) {
        if (header.repr == HPACK_SIZE_UPDATE) {
            continue;
        }
        if (message != NULL) {
            struct message_fault fault;
            (void)message_on_header(message, &context, &header, &fault);
        }
        totals->fields++;
        totals->octets += header.name.len + header.value.len;
    }
    if (status != HPACK_END) {
        die("we failed on a block");
    }
}

static void run_ours(const struct input *input, bool check, struct totals *totals)
{
    struct hpack_decoder *decoder = NULL;
    struct h2_message message;
    uint32_t connection = UINT32_MAX;
    for (size_t at = 0; at < input->len;) {
        size_t len = num_le32(input->octets + at + 4);
        if (decoder == NULL || num_le32(input->octets + at) != connection) {
            hpack_decoder_free(decoder);
            decoder = hpack_decoder_new(&mem, false, UINT32_MAX);
            connection = num_le32(input->octets + at);
            if (decoder == NULL) {
                die("memory");
            }
        }
        run_block(decoder, input->octets + at + 8, len, check ? &message : NULL, totals);
        at += 8 + len;
    }
    hpack_decoder_free(decoder);
}

static void run_bare(const struct input *input, struct totals *totals)
{
    run_ours(input, false, totals);
}

static void run_checked(const struct input *input, struct totals *totals)
{
    run_ours(input, true, totals);
}

static void inflate(nghttp2_hd_inflater *inflater, const uint8_t *pos, size_t left,
                    struct totals *totals)
{
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, pos, left, 1);
        if (n < 0) {
            die("libnghttp2 failed on a block");
        }
        pos += n;
        left -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            totals->fields++;
            totals->octets += nv.namelen + nv.valuelen;
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            nghttp2_hd_inflate_end_headers(inflater);
            return;
        }
    }
}

static void run_nghttp2(const struct input *input, struct totals *totals)
{
    nghttp2_hd_inflater *inflater = NULL;
    uint32_t connection = UINT32_MAX;
    for (size_t at = 0; at < input->len;) {
        size_t len = num_le32(input->octets + at + 4);
        if (inflater == NULL || num_le32(input->octets + at) != connection) {
            if (inflater != NULL) {
                nghttp2_hd_inflate_del(inflater);
            }
            if (nghttp2_hd_inflate_new(&inflater) != 0) {
                die("memory");
            }
            connection = num_le32(input->octets + at);
        }
        inflate(inflater, input->octets + at + 8, len, totals);
        at += 8 + len;
    }
    if (inflater != NULL) {
        nghttp2_hd_inflate_del(inflater);
    }
}

static struct contender contenders[] = {
    { "libnghttp2", run_nghttp2, { 0 } },
    { "h2dump", run_bare, { 0 } },
    { "h2dump, checked", run_checked, { 0 } },
};

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* One round: as often as makes a good number of fields. */
static double time_round(const struct contender *contender, const struct input *input,
                         struct totals *totals)
{
    struct totals all = { 0, 0 };
    unsigned runs = 0;
    double start = now_ns();
    do {
        contender->run(input, &all);
        runs++;
    } while (all.fields < BATCH_FIELDS && all.fields > 0);
    double ns = (now_ns() - start) / (double)(all.fields > 0 ? all.fields : 1);
    *totals = (struct totals){ all.fields / runs, all.octets / runs };
    return ns;
}

static void measure(const char *name, const struct input *input, unsigned rounds)
{
    struct totals first = { 0, 0 };
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t i = 0; i < H2D_COUNT_OF(contenders); i++) {
            struct totals totals;
            contenders[i].ns[round] = time_round(&contenders[i], input, &totals);
            if (round == 0 && i == 0) {
                first = totals;
            }
            if (totals.fields != first.fields || totals.octets != first.octets) {
                die("the fields differ");
            }
        }
    }
    for (size_t i = 0; i < H2D_COUNT_OF(contenders); i++) {
        qsort(contenders[i].ns, rounds, sizeof contenders[i].ns[0], by_size);
        double median = contenders[i].ns[rounds / 2];
        printf("%-22s %-16s %7.1f ns/field  %5.2f x\n", name, contenders[i].name, median,
               contenders[0].ns[rounds / 2] / median);
    }
}

static struct input read_input(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        die("cannot read an input");
    }
    struct input input = { NULL, (size_t)ftell(file) };
    rewind(file);
    input.octets = malloc(input.len + 1);
    if (input.octets == NULL || fread(input.octets, 1, input.len, file) != input.len) {
        die("cannot read an input");
    }
    fclose(file);
    return input;
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    if (argc < 3 || rounds == 0 || rounds > ROUNDS_MAX) {
        die("usage: bench_hpack ROUNDS FILE...");
    }
    mem_init(&mem, 0);
    for (int i = 2; i < argc; i++) {
        struct input input = read_input(argv[i]);
        const char *slash = strrchr(argv[i], '/');
        measure(slash != NULL ? slash + 1 : argv[i], &input, rounds);
        free(input.octets);
    }
    return 0;
}
