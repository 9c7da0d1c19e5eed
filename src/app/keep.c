#include "app/keep.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/checking.h"
#include "app/report.h"
#include "app/run.h"
#include "base/buf.h"
#include "input/writer.h"
#include "spec/limits.h"

/* Octets of a key log that are read at once; and a line with them. */
#define LOG_PIECE ((size_t)16 << 10)
#define LOG_LINES ((size_t)128 << 10)

enum verdict {
    NOT_KNOWN, /* as memory is when it is new */
    SHOWN,
    NOT_SHOWN,
};

/* A packet that waits, with its octets and comments behind it. */
struct held {
    struct held *next;
    uint64_t flow;
    size_t size;
    struct packet packet;
};

/* A --keylog file: what of it was not written along yet. */
struct log {
    int fd;
    struct buf lines; /* the beginning of a line, and what was read behind it */
};

struct keep {
    struct writer *writer;
    struct log *logs; /* as many as --keylog names, but for those that are no plain files */
    size_t log_count;
    struct held *first, **last; /* in the order in which they came */
    uint64_t octets;            /* that they take */
    uint8_t *verdicts;          /* two bits a connection of the input */
    size_t verdict_cap;         /* octets of it */
    bool limit_told;
};

/* ---- what is known of connections ---- */

static enum verdict verdict_of(const struct keep *keep, uint64_t flow)
{
    uint64_t at = flow / 4;
    return at < keep->verdict_cap ? (enum verdict)(keep->verdicts[at] >> 2 * (flow % 4) & 3)
                                  : NOT_KNOWN;
}

static bool set_verdict(struct run *run, uint64_t flow, enum verdict verdict)
{
    struct keep *keep = run->keep;
    size_t at = (size_t)(flow / 4);
    unsigned shift = 2 * (unsigned)(flow % 4);
    if (at >= keep->verdict_cap) {
        size_t cap = at < 512 ? 1024 : at * 2;
        uint8_t *verdicts = mem_realloc(&run->mem, keep->verdicts, cap);
        if (verdicts == NULL) {
            return false;
        }
        memset(verdicts + keep->verdict_cap, 0, cap - keep->verdict_cap);
        keep->verdicts = verdicts;
        keep->verdict_cap = cap;
    }
    keep->verdicts[at] =
        (uint8_t)((keep->verdicts[at] & ~(3u << shift)) | (unsigned)verdict << shift);
    return true;
}

void keep_decide(struct run *run, uint64_t flow, bool shown)
{
    if (run->keep != NULL && !set_verdict(run, flow, shown ? SHOWN : NOT_SHOWN)) {
        run->out_of_memory = true;
    }
}

/* ---- packets that wait ---- */

static struct span copy(uint8_t **at, struct span octets)
{
    struct span copied = { *at, octets.len };
    if (octets.len > 0) {
        memcpy(*at, octets.ptr, octets.len);
    }
    *at += octets.len;
    return copied;
}

static bool hold(struct run *run, const struct packet *packet, uint64_t flow)
{
    struct keep *keep = run->keep;
    size_t spans = packet->comment_count * sizeof(struct span);
    size_t size = sizeof(struct held) + spans + packet->octets.len;
    for (uint32_t i = 0; i < packet->comment_count; i++) {
        size += packet->comments[i].len;
    }
    struct held *held = mem_alloc(&run->mem, size);
    if (held == NULL) {
        return false;
    }
    *held = (struct held){ .flow = flow, .size = size, .packet = *packet };
    struct span *comments = (struct span *)(void *)(held + 1);
    uint8_t *at = (uint8_t *)(void *)(comments + packet->comment_count);
    held->packet.octets = copy(&at, packet->octets);
    for (uint32_t i = 0; i < packet->comment_count; i++) {
        comments[i] = copy(&at, packet->comments[i]);
    }
    held->packet.comments = comments;
    *keep->last = held;
    keep->last = &held->next;
    keep->octets += size;
    return true;
}

static void let_go(struct run *run)
{
    struct keep *keep = run->keep;
    struct held *held = keep->first;
    keep->first = held->next;
    if (keep->first == NULL) {
        keep->last = &keep->first;
    }
    keep->octets -= held->size;
    mem_free(&run->mem, held);
}

static void tell_limit(struct run *run, const struct held *held)
{
    if (run->keep->limit_told) {
        return;
    }
    run->keep->limit_told = true;
    char text[160];
    (void)snprintf(text, sizeof(text),
                   "more than %" PRIu64 " octets of packets wait for their protocol to be known;"
                   " the oldest are written whatever they are",
                   LIMIT_HELD_PACKET_OCTETS);
    struct finding note = { .check = CHECK_LIMIT_HELD_PACKETS,
                            .severity = SEVERITY_NOTE,
                            .confidence = CONFIDENCE_CERTAIN,
                            .first = held->packet.pos,
                            .last = held->packet.pos,
                            .message = text };
    if (run->check != NULL) {
        checking_note(run, &note);
    } else {
        render_note(run->render, &note);
    }
}

/* Writes, or drops, as many of the oldest as can be decided; a packet too many is written rather
 * than lost. */
static void release(struct run *run)
{
    struct keep *keep = run->keep;
    while (keep->first != NULL) {
        const struct held *held = keep->first;
        enum verdict verdict = held->flow == 0 ? SHOWN : verdict_of(keep, held->flow);
        if (verdict == NOT_KNOWN) {
            if (keep->octets <= LIMIT_HELD_PACKET_OCTETS) {
                return;
            }
            tell_limit(run, held);
        }
        if (verdict != NOT_SHOWN) {
            writer_packet(keep->writer, &held->packet);
        }
        let_go(run);
    }
}

bool keep_packet(struct run *run, const struct packet *packet, bool fragment)
{
    struct keep *keep = run->keep;
    if (keep == NULL) {
        return true;
    }
    uint64_t flow = net_packet_flow(run->net);
    enum verdict verdict = flow == 0 ? (fragment ? SHOWN : NOT_SHOWN) : verdict_of(keep, flow);
    release(run);
    if (verdict == NOT_SHOWN) {
        return true;
    }
    if (verdict == SHOWN && keep->first == NULL) {
        writer_packet(keep->writer, packet);
        return true;
    }
    if (!hold(run, packet, flow)) {
        return false;
    }
    release(run);
    return true;
}

/* ---- secrets ---- */

void keep_secrets(struct run *run, struct span text)
{
    if (run->keep != NULL && text.len > 0) {
        writer_secrets(run->keep->writer, text);
    }
}

/* The lines that are whole go along; at the end the last one, too. */
static void write_lines(struct run *run, struct log *log, bool all)
{
    size_t len = log->lines.len;
    while (!all && len > 0 && log->lines.ptr[len - 1] != '\n') {
        len--;
    }
    if (len > 0) {
        keep_secrets(run, span_of(log->lines.ptr, len));
        explicit_bzero(log->lines.ptr, len);
        buf_drop_front(&log->lines, len);
    }
}

static void read_log(struct run *run, struct log *log, bool end)
{
    uint8_t octets[LOG_PIECE];
    ssize_t got;
    while ((got = read(log->fd, octets, sizeof(octets))) > 0) {
        if (!buf_append(&log->lines, span_of(octets, (size_t)got))) {
            buf_clear(&log->lines); /* no line of a key log is so long */
        }
        write_lines(run, log, false);
    }
    write_lines(run, log, end);
    explicit_bzero(octets, sizeof(octets));
}

static void read_logs(struct run *run, bool end)
{
    for (size_t i = 0; i < run->keep->log_count; i++) {
        read_log(run, &run->keep->logs[i], end);
    }
}

/* A key log that can be read but once was read by whoever decrypts. */
static void open_log(struct run *run, const char *path)
{
    struct stat stat;
    struct log *log = &run->keep->logs[run->keep->log_count];
    log->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (log->fd < 0) {
        return; /* which is said by whoever decrypts */
    }
    if (fstat(log->fd, &stat) == 0 && S_ISREG(stat.st_mode)) {
        buf_init(&log->lines, &run->mem, LOG_LINES);
        run->keep->log_count++;
        return;
    }
    (void)close(log->fd);
    char line[400];
    (void)snprintf(line, sizeof(line), "%.256s: is no plain file; -w does not carry it along",
                   path);
    report_line(run->messages, line);
}

static bool open_logs(struct run *run)
{
    const struct app_options *o = run->options;
    if (o->keylog_count == 0) {
        return true;
    }
    run->keep->logs = mem_zalloc(&run->mem, o->keylog_count, sizeof(run->keep->logs[0]));
    if (run->keep->logs == NULL) {
        return false;
    }
    for (size_t i = 0; i < o->keylog_count; i++) {
        open_log(run, o->keylogs[i]);
    }
    read_logs(run, run->options->interface == NULL);
    return true;
}

void keep_flush(struct run *run)
{
    if (run->keep != NULL) {
        read_logs(run, false);
        release(run);
        writer_flush(run->keep->writer);
    }
}

void keep_drops(struct run *run, uint64_t kernel, uint64_t interface)
{
    if (run->keep != NULL && (kernel > 0 || interface > 0)) {
        writer_drops(run->keep->writer, kernel, interface);
    }
}

void keep_end_input(struct run *run)
{
    struct keep *keep = run->keep;
    if (keep == NULL) {
        return;
    }
    release(run);
    while (keep->first != NULL) {
        enum verdict verdict = verdict_of(keep, keep->first->flow);
        if (verdict == SHOWN || keep->first->flow == 0) {
            writer_packet(keep->writer, &keep->first->packet);
        }
        let_go(run);
    }
    if (keep->verdict_cap > 0) {
        memset(keep->verdicts, 0, keep->verdict_cap);
    }
    keep->limit_told = false;
}

/* ---- the file ---- */

/* Nothing that is to be read may be written over. */
static enum rc refuse_inputs(const struct app_options *o, const struct writer *writer,
                             struct err *err)
{
    bool overwrites = o->file_count == 0 && o->interface == NULL && writer_is(writer, "-");
    for (size_t i = 0; i < o->file_count; i++) {
        overwrites |= writer_is(writer, o->files[i]);
    }
    for (size_t i = 0; i < o->keylog_count; i++) {
        overwrites |= writer_is(writer, o->keylogs[i]);
    }
    return overwrites
               ? err_set(err, RC_USAGE, "-w %.256s: that would overwrite an input", o->write_path)
               : RC_OK;
}

enum rc keep_open(struct run *run, struct err *err)
{
    const struct app_options *o = run->options;
    if (o->write_path == NULL) {
        return RC_OK;
    }
    struct keep *keep = mem_zalloc(&run->mem, 1, sizeof(*keep));
    if (keep == NULL) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    keep->last = &keep->first;
    enum rc rc = writer_open(&run->mem, o->write_path, &keep->writer, err);
    if (rc != RC_OK) {
        mem_free(&run->mem, keep);
        return rc;
    }
    run->keep = keep;
    rc = refuse_inputs(o, keep->writer, err);
    if (rc == RC_OK) {
        rc = writer_begin(keep->writer, err);
    }
    if (rc == RC_OK && !open_logs(run)) {
        rc = err_set(err, RC_NOMEM, "out of memory");
    }
    return rc;
}

enum rc keep_close(struct run *run, struct err *err)
{
    struct keep *keep = run->keep;
    if (keep == NULL) {
        return RC_OK;
    }
    keep_end_input(run);
    read_logs(run, true);
    enum rc rc = writer_close(keep->writer, err);
    for (size_t i = 0; i < keep->log_count; i++) {
        buf_fini(&keep->logs[i].lines);
        (void)close(keep->logs[i].fd);
    }
    mem_free(&run->mem, keep->logs);
    mem_free(&run->mem, keep->verdicts);
    mem_free(&run->mem, keep);
    run->keep = NULL;
    return rc;
}

void keep_give_to(struct run *run, uid_t uid, gid_t gid)
{
    if (run->keep != NULL) {
        writer_give_to(run->keep->writer, uid, gid);
    }
}

bool keep_failed(const struct run *run)
{
    return run->keep != NULL && writer_rc(run->keep->writer, NULL) != RC_OK;
}
