#include "input/input_int.h"
#include "input/live.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "spec/limits.h"

/* A comment as far as it is shown (LIMIT_COMMENT_OCTETS_SHOWN), and what stands before it. */
#define NOTE_TEXT_LEN 4608

/* Every format that can be read, in the order they are asked. */
static const struct input_ops *const formats[] = { &input_pcap, &input_pcapng, &input_raw };

/* What looks like something else, and what to do about it (capture-layer 1.3). A text may have two
 * places for the name. */
struct refusal {
    const char *magic;
    uint8_t len;
    const char *text;
};

#define PIPE_TEXT(what, program) "compressed with " what "; pipe it in: " program " %s | h2dump -"
#define CONVERT_TEXT(what)       "a " what " file; convert it: editcap -F pcapng %s out.pcapng"

// clang-format off
static const struct refusal refusals[] = {
    { "\x04\x22\x4d\x18",         4, PIPE_TEXT("lz4", "lz4cat") },
    { "\xfd" "7zXZ",              6, PIPE_TEXT("xz", "xzcat") },
    { "BZh",                      3, PIPE_TEXT("bzip2", "bzcat") },
    { "\x16\x03",                 2, "a raw TLS stream; one side alone cannot be decrypted: give a"
                                     " capture of both" },
    { "CLIENT_",                  7, "a TLS key log, not a capture" },
    { "SERVER_",                  7, "a TLS key log, not a capture" },
    { "# SSL",                    5, "a TLS key log, not a capture" },
    { "RSA ",                     4, "a TLS key log, not a capture" },
    { "snoop\0\0",                8, CONVERT_TEXT("Solaris snoop") },
    { "TRSNIFF",                  7, CONVERT_TEXT("Sniffer") },
    { "btsnoop",                  7, CONVERT_TEXT("btsnoop") },
    { "RTSS",                     4, CONVERT_TEXT("Network Monitor 1") },
    { "GMBU",                     4, CONVERT_TEXT("Network Monitor 2") },
    { "\x1c\x00\x01\xab",         4, CONVERT_TEXT("IXIA lcap") },
    { "\x1c\x00\x01\xac",         4, CONVERT_TEXT("IXIA lcap") },
    { "\xab\x01\x00\x1c",         4, CONVERT_TEXT("IXIA lcap") },
    { "\xac\x01\x00\x1c",         4, CONVERT_TEXT("IXIA lcap") },
    { "{",                        1, "JSON text, not a capture; give the capture that it was made"
                                     " from" },
    { "[",                        1, "JSON text, not a capture; give the capture that it was made"
                                     " from" },
};
// clang-format on

enum rc input_err(const struct input *input, struct err *err, enum rc rc, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(err, rc, "%s: %s", input->name, text);
}

void input_note(const struct input *input, enum check check, const struct pos *pos,
                const char *format, ...)
{
    char text[NOTE_TEXT_LEN];
    if (input->options.on_note == NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct finding note = {
        .check = check, .severity = SEVERITY_NOTE, .confidence = CONFIDENCE_CERTAIN, .message = text
    };
    if (pos != NULL) {
        note.first = note.last = *pos;
    }
    input->options.on_note(input->options.ctx, &note);
}

struct input_count input_packets_text(uint64_t packets)
{
    struct input_count count;
    (void)snprintf(count.text, sizeof count.text, "%" PRIu64 " packet%s", packets,
                   packets == 1 ? "" : "s");
    return count;
}

/* Nothing more can be read, for a reason that is not the plain end. */
static enum rc below_failed(struct input *input, struct err *err)
{
    enum rc rc = input->src.status;
    input->stats.cut = true;
    if (rc == RC_NOMEM) {
        return input_err(input, err, rc, "%s", input->src.why);
    }
    const char *what = rc == RC_IO ? "reading failed: " : "";
    if (input->ops == NULL || input->ops->kind == INPUT_RAW) {
        return input_err(input, err, rc, "%s%s; %" PRIu64 " octets read", what, input->src.why,
                         bytesrc_offset(&input->src));
    }
    return input_err(input, err, rc, "%s%s; %s read", what, input->src.why,
                     input_packets_text(input->stats.packets).text);
}

enum rc input_at_end(struct input *input, struct err *err)
{
    return input->src.status == RC_END ? RC_END : below_failed(input, err);
}

enum rc input_cut(struct input *input, struct err *err, const char *format, ...)
{
    char text[512];
    va_list args;
    if (input->src.status == RC_IO || input->src.status == RC_NOMEM) {
        return below_failed(input, err);
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    input->stats.cut = true;
    if (input->src.status == RC_DAMAGED) {
        return input_err(input, err, RC_DAMAGED, "%s; %s", text, input->src.why);
    }
    return input_err(input, err, RC_DAMAGED, "%s", text);
}

/* ---- what is it ---- */

static bool begins_with(struct span head, const char *magic, size_t len)
{
    struct cur cur = cur_of(head);
    return span_equal(cur_take(&cur, len), span_of(magic, len));
}

static enum rc not_a_capture(const struct input *input, struct span head, struct err *err)
{
    char hex[3 * 8 + 1] = "";
    size_t count = num_min_size(head.len, 8);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(hex + 3 * i, 4, "%02x ", head.ptr[i]);
    }
    hex[3 * count - 1] = '\0';
    return input_err(input, err, RC_FORMAT,
                     "not a capture file (starts with %s); pcap, pcapng (also .gz, .zst) or raw"
                     " HTTP/2 expected",
                     hex);
}

static enum rc refuse(const struct input *input, struct span head, struct err *err)
{
    const char *text = NULL;
    for (size_t i = 0; i < H2D_COUNT_OF(refusals) && text == NULL; i++) {
        if (begins_with(head, refusals[i].magic, refusals[i].len)) {
            text = refusals[i].text;
        }
    }
    if (packing_of(head) == PACKING_ZSTD) { /* which this build cannot take off */
        text = PIPE_TEXT("zstd, which is not built in", "zstdcat");
    }
    if (text == NULL) {
        return not_a_capture(input, head, err);
    }
    /* The one place for the name in a text is filled here: a table's text is not a format. */
    const char *place = strstr(text, "%s");
    if (place == NULL) {
        return input_err(input, err, RC_FORMAT, "%s", text);
    }
    return input_err(input, err, RC_FORMAT, "%.*s%s%s", (int)(place - text), text,
                     input->src.own_fd ? input->name : "FILE", place + 2);
}

/* Nothing at all could be made of what there is. */
static enum rc unreadable(struct input *input, struct err *err)
{
    enum rc rc = below_failed(input, err);
    return rc == RC_DAMAGED ? RC_FORMAT : rc;
}

/* Takes compression off, and gives the first octets of what is inside. */
static enum rc unwrap(struct input *input, struct span *head, struct err *err)
{
    *head = bytesrc_need(&input->src, INPUT_FIRST_LEN);
    for (enum packing packing; packing_is_known(packing = packing_of(*head));) {
        enum rc rc = bytesrc_unpack(&input->src, packing);
        if (rc != RC_OK) {
            return input_err(input, err, rc, "%s",
                             rc == RC_NOMEM ? "out of memory"
                                            : "compressed three times; uncompress it first");
        }
        *head = bytesrc_need(&input->src, INPUT_FIRST_LEN);
    }
    if (head->len == 0 && input->src.status != RC_END) {
        return unreadable(input, err);
    }
    return head->len == 0 ? input_err(input, err, RC_FORMAT, "empty file") : RC_OK;
}

static const struct input_ops *probe(struct span head)
{
    for (size_t i = 0; i < H2D_COUNT_OF(formats); i++) {
        const struct input_ops *format = formats[i];
        if (format->probe(head)) {
            return format;
        }
    }
    return NULL;
}

static enum rc find_format(struct input *input, bool raw, struct err *err)
{
    struct span head;
    enum rc rc = unwrap(input, &head, err);
    if (rc != RC_OK) {
        return rc;
    }
    input->ops = raw ? &input_raw : probe(head);
    if (input->ops == NULL) {
        head = bytesrc_need(&input->src, INPUT_HEAD_LEN);
        input->ops = probe(head);
    }
    if (input->ops == NULL && input->src.status < 0) {
        return unreadable(input, err);
    }
    if (input->ops == NULL) {
        return refuse(input, head, err);
    }
    return input->ops->open != NULL ? input->ops->open(input, err) : RC_OK;
}

/* ---- the door ---- */

/* Everything of input_open behind the opening itself; the input is freed when it fails. */
static enum rc look(struct input *opened, struct input **input, struct err *err)
{
    opened->src.before_wait = opened->options.before_wait;
    opened->src.ctx = opened->options.ctx;
    enum rc rc = find_format(opened, opened->options.raw, err);
    if (err != NULL) {
        err->rc = rc;
    }
    if (rc == RC_OK) {
        *input = opened;
    } else {
        input_close(opened);
    }
    return rc;
}

const char *input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

struct input *input_new(struct mem *mem, const char *name, const struct input_options *options)
{
    struct input *input = mem_zalloc(mem, 1, sizeof *input);
    if (input != NULL) {
        input->mem = mem;
        input->options = options != NULL ? *options : (struct input_options){ 0 };
        (void)snprintf(input->name, sizeof input->name, "%s", name);
    }
    return input;
}

enum rc input_open(struct mem *mem, const char *path, const struct input_options *options,
                   struct input **input, struct err *err)
{
    struct input *opened = input_new(mem, input_name(path), options);
    if (opened == NULL) {
        return err_set(err, RC_NOMEM, "%.256s: out of memory", input_name(path));
    }
    enum rc rc = bytesrc_open(&opened->src, mem, path, opened->name, err);
    if (rc != RC_OK) {
        mem_free(mem, opened);
        return rc;
    }
    return look(opened, input, err);
}

enum rc input_open_memory(struct mem *mem, struct span octets, const char *name,
                          const struct input_options *options, struct input **input,
                          struct err *err)
{
    struct input *opened = input_new(mem, name, options);
    if (opened == NULL) {
        return err_set(err, RC_NOMEM, "%.256s: out of memory", name);
    }
    bytesrc_open_memory(&opened->src, mem, octets);
    return look(opened, input, err);
}

void input_close(struct input *input)
{
    if (input == NULL) {
        return;
    }
    if (input->ops != NULL && input->ops->close != NULL) {
        input->ops->close(input);
    }
    bytesrc_close(&input->src);
    mem_free(input->mem, input);
}

enum input_kind input_kind(const struct input *input)
{
    return input->ops->kind;
}

const char *input_format_name(const struct input *input)
{
    return input->ops->name;
}

enum rc input_next_packet(struct input *input, struct packet *packet, struct err *err)
{
    assert(input->ops->next != NULL);
    packet->octets = span_empty();
    enum rc rc = input->ops->next(input, packet, err);
    input->stats.octets = bytesrc_offset(&input->src);
    return rc;
}

enum rc input_next_octets(struct input *input, struct span *octets, struct err *err)
{
    assert(input->ops->kind == INPUT_RAW);
    *octets = bytesrc_need(&input->src, 1);
    if (octets->len == 0) {
        return input_at_end(input, err);
    }
    bytesrc_take(&input->src, octets->len);
    input->stats.octets = bytesrc_offset(&input->src);
    return RC_OK;
}

struct span input_peek(struct input *input)
{
    struct span head = bytesrc_need(&input->src, INPUT_FIRST_LEN);
    if (begins_with(head, "PRI * HTT", INPUT_FIRST_LEN)) {
        head = bytesrc_need(&input->src, INPUT_HEAD_LEN);
    }
    head.len = num_min_size(head.len, 64);
    return head;
}

const struct input_stats *input_stats(const struct input *input)
{
    return &input->stats;
}

bool input_library(size_t i, struct input_library *library)
{
    for (enum packing packing = PACKING_GZIP; packing <= PACKING_ZSTD; packing++) {
        library->name = unpack_library(packing, &library->version);
        if (library->name != NULL && i-- == 0) {
            return true;
        }
    }
    library->name = live_library(&library->version);
    return library->name != NULL && i == 0;
}
