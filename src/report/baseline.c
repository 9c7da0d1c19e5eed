#include "report/baseline.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/siphash.h"
#include "h2/frames.h"
#include "spec/limits.h"

#define FIRST_LINE                                                                                 \
    "# h2dump baseline 1: accepted findings, one a line; only the number in front counts"
#define HEX_DIGITS 16
#define PLACE_MAX  128

struct accepted {
    uint64_t fingerprint;
    char place[PLACE_MAX]; /* "settings-ack-length client SETTINGS"; "" when read from a file */
    uint32_t check;
};

struct baseline {
    struct mem *mem;
    struct buf rows; /* struct accepted */
};

struct baseline *baseline_new(struct mem *mem)
{
    struct baseline *baseline = mem_zalloc(mem, 1, sizeof *baseline);
    if (baseline != NULL) {
        baseline->mem = mem;
        buf_init(&baseline->rows, mem, LIMIT_FINDINGS * sizeof(struct accepted));
    }
    return baseline;
}

void baseline_free(struct baseline *baseline)
{
    if (baseline != NULL) {
        buf_fini(&baseline->rows);
        mem_free(baseline->mem, baseline);
    }
}

/* The finding's place in words, which is all that its fingerprint is made of. */
static void place_of(const struct finding *finding, char *room)
{
    const char *by = finding_by(finding);
    const char *type =
        finding->evidence.has_frame ? h2_frame_name(finding->evidence.header[3]) : NULL;
    const char *parts[] = { spec_check(finding->check)->id, by != NULL ? by : "nobody",
                            type != NULL ? type : "-", finding->evidence.place };
    size_t len = 0;
    for (size_t i = 0; i < H2D_COUNT_OF(parts); i++) {
        size_t n = strlen(parts[i]);
        if (n == 0 || len + n + 2 > PLACE_MAX) {
            continue;
        }
        if (len > 0) {
            room[len++] = ' ';
        }
        memcpy(room + len, parts[i], n);
        len += n;
    }
    room[len] = '\0';
}

static uint64_t hash_of(const char *place)
{
    static const struct siphash_key key = { 0x6832, 0x64756d70 }; /* the same for ever */
    return siphash_13(&key, span_str(place));
}

uint64_t baseline_fingerprint(const struct finding *finding)
{
    char place[PLACE_MAX];
    place_of(finding, place);
    return hash_of(place);
}

static const struct accepted *row_at(const struct baseline *baseline, size_t i)
{
    return (const struct accepted *)(const void *)baseline->rows.ptr + i;
}

static size_t row_count(const struct baseline *baseline)
{
    return baseline->rows.len / sizeof(struct accepted);
}

static bool has_fingerprint(const struct baseline *baseline, uint64_t fingerprint)
{
    for (size_t i = 0; i < row_count(baseline); i++) {
        if (row_at(baseline, i)->fingerprint == fingerprint) {
            return true;
        }
    }
    return false;
}

bool baseline_has(const struct baseline *baseline, const struct finding *finding)
{
    return has_fingerprint(baseline, baseline_fingerprint(finding));
}

bool baseline_add(struct baseline *baseline, const struct finding *finding)
{
    struct accepted row = { .check = finding->check };
    place_of(finding, row.place);
    row.fingerprint = hash_of(row.place);
    return has_fingerprint(baseline, row.fingerprint) ||
           buf_append(&baseline->rows, span_of(&row, sizeof row));
}

/* ---- the file ---- */

static bool read_hex(const char *at, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < HEX_DIGITS; i++) {
        char c = at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit > 15) {
            return false;
        }
        *value = *value << 4 | digit;
    }
    return true;
}

enum rc baseline_read(struct baseline *baseline, struct span text, const char *name,
                      struct err *err)
{
    const char *at = (const char *)text.ptr, *end = at + text.len;
    for (unsigned number = 1; at < end; number++) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((eol != NULL ? eol : end) - at);
        struct accepted row = { .check = CHECK_COUNT };
        size_t blank = 0;
        while (blank < len && (at[blank] == ' ' || at[blank] == '\t' || at[blank] == '\r')) {
            blank++;
        }
        bool good = len > HEX_DIGITS && at[HEX_DIGITS] == ' ' && read_hex(at, &row.fingerprint);
        if (blank < len && at[0] != '#' && !good) {
            return err_set(err, RC_USAGE,
                           "%s: line %u is not of a baseline (--write-baseline makes "
                           "one)",
                           name, number);
        }
        if (good && !has_fingerprint(baseline, row.fingerprint) &&
            !buf_append(&baseline->rows, span_of(&row, sizeof row))) {
            return err_set(err, RC_USAGE, "%s: too many findings", name);
        }
        at += len + 1;
    }
    return RC_OK;
}

static int by_check_then_place(const void *a, const void *b)
{
    const struct accepted *x = a, *y = b;
    if (x->check != y->check) {
        return x->check < y->check ? -1 : 1;
    }
    return strcmp(x->place, y->place);
}

void baseline_write(struct baseline *baseline, struct out *out)
{
    size_t count = row_count(baseline);
    out_text(out, FIRST_LINE "\n");
    if (count > 0) {
        qsort(baseline->rows.ptr, count, sizeof(struct accepted), by_check_then_place);
    }
    for (size_t i = 0; i < count; i++) {
        const struct accepted *row = row_at(baseline, i);
        out_hex(out, row->fingerprint, HEX_DIGITS);
        out_char(out, ' ');
        out_text(out, row->place);
        out_char(out, '\n');
    }
}
