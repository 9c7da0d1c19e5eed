/* What waits for secrets, or for what the server says: records, holes and ends of a connection, in
 * the order in which they came. Bounded for a direction and for all connections; when a bound is
 * passed the octets are let go, and only counted from then on. */
#include <string.h>

#include "tls/tls_int.h"

enum held_kind { HELD_RECORD, HELD_HOLE, HELD_CLOSE };

struct held {
    enum held_kind kind;
    unsigned side;
    struct record record; /* its payload stands behind the struct held */
    struct record_hole hole;
    enum close_cause cause;
    struct pos pos; /* of a close; packet 0: none */
};

/* Structs stay aligned. */
static size_t padded(size_t len)
{
    return (len + 15) & ~(size_t)15;
}

/* Octets go, the count of records stays: with it a later secret can still find its place. */
static void forget(struct tls_conn *conn)
{
    const struct buf held = conn->held;
    for (size_t at = 0; at < held.len;) {
        const struct held *item = (const void *)(held.ptr + at);
        struct half *half = &conn->halves[item->side];
        if (item->kind == HELD_RECORD) {
            half->forgotten += item->record.type != RECORD_CHANGE_CIPHER_SPEC;
            half->hole.octets += RECORD_HEADER_LEN + item->record.payload.len;
        }
        at += padded(sizeof(*item)) +
              (item->kind == HELD_RECORD ? padded(item->record.payload.len) : 0);
    }
    wait_drop(conn);
    conn->forgot = true;
}

void wait_drop(struct tls_conn *conn)
{
    for (unsigned i = 0; i < 2; i++) {
        conn->tls->held_octets -= conn->halves[i].held_octets;
        conn->halves[i].held_octets = 0;
    }
    buf_fini(&conn->held);
}

static bool add(struct half *half, const struct held *item)
{
    struct tls_conn *conn = half->conn;
    static const uint8_t zeros[16];
    struct span payload = item->kind == HELD_RECORD ? item->record.payload : span_empty();
    size_t len = padded(sizeof(*item)) + padded(payload.len);
    if (conn->forgot) {
        if (item->kind == HELD_RECORD) {
            half->forgotten += item->record.type != RECORD_CHANGE_CIPHER_SPEC;
        }
        return true;
    }
    half->held_octets += len;
    conn->tls->held_octets += len;
    bool good = half->held_octets <= LIMIT_TLS_WAITING_OCTETS &&
                conn->tls->held_octets <= LIMIT_TLS_WAITING_ALL_OCTETS &&
                buf_reserve(&conn->held, len);
    if (!good) {
        forget(conn);
        half->forgotten += item->kind == HELD_RECORD;
        return false;
    }
    return buf_append(&conn->held, span_of(item, sizeof(*item))) &&
           buf_append(&conn->held, span_of(zeros, padded(sizeof(*item)) - sizeof(*item))) &&
           buf_append(&conn->held, payload) &&
           buf_append(&conn->held, span_of(zeros, padded(payload.len) - payload.len));
}

bool wait_record(struct half *half, const struct record *record)
{
    struct held item = { .kind = HELD_RECORD, .side = half->side, .record = *record };
    return add(half, &item);
}

bool wait_hole(struct half *half, const struct record_hole *hole)
{
    struct held item = { .kind = HELD_HOLE, .side = half->side, .hole = *hole };
    return add(half, &item);
}

bool wait_close(struct half *half, enum close_cause cause, const struct pos *pos)
{
    static const struct pos nowhere;
    struct held item = {
        .kind = HELD_CLOSE, .side = half->side, .cause = cause, .pos = pos != NULL ? *pos : nowhere
    };
    return add(half, &item);
}

int wait_replay(struct tls_conn *conn)
{
    /* Taken out first: what is held anew meanwhile comes behind. */
    struct buf held = conn->held;
    int answer = SINK_MORE;
    buf_init(&conn->held, held.mem, held.max);
    wait_drop(conn);
    for (size_t at = 0; at < held.len && answer == SINK_MORE;) {
        struct held item;
        memcpy(&item, held.ptr + at, sizeof(item));
        struct half *half = &conn->halves[item.side];
        at += padded(sizeof(item));
        switch (item.kind) {
        case HELD_RECORD:
            item.record.payload = span_of(held.ptr + at, item.record.payload.len);
            at += padded(item.record.payload.len);
            answer = conn_record(half, &item.record);
            break;
        case HELD_HOLE:
            answer = conn_hole(half, &item.hole);
            break;
        case HELD_CLOSE:
            conn_close(half, item.cause, item.pos.packet != 0 ? &item.pos : NULL);
            break;
        }
    }
    buf_fini(&held);
    return answer;
}
