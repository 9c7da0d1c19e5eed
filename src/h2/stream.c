/* The streams of a session: found by a direct-mapped slot, spilled into a map where two live ones
 * share it. Closed streams go to a free list; in OBSERVER they stay as tombstones until their slot
 * is wanted, so that late frames can be named. */
#include <assert.h>

#include "h2/session_int.h"

#define SLOTS_MAX 256

/* Most connections have few streams at a time. */
#define SLAB_FIRST 3
#define SLAB_NEXT  16

#define PRIORITY_DEFAULT 3 /* RFC 9218 4.1 */

bool h2_stream_is_connected(const struct h2_session *session, const struct h2_stream *stream)
{
    return session->role == H2_ROLE_CLIENT && (stream->flags & H2_STREAM_REQ_CONNECT) != 0 &&
           stream->message.status / 100 == 2 && message_final_status_seen(&stream->message);
}

uint16_t h2_session_status(const struct h2_session *session, uint32_t stream_id)
{
    const struct h2_stream *stream = h2_stream_find(session, stream_id);
    return stream != NULL ? stream->message.status : 0;
}

uint32_t h2_session_open_streams(const struct h2_session *session)
{
    uint32_t count = 0;
    for (const struct h2_stream *s = session->streams.first; s != NULL; s = s->next) {
        count += s->state == H2_ST_OPENING || s->state == H2_ST_OPENED;
    }
    return count;
}

void h2_streams_init(struct h2_session *session)
{
    map_init(&session->streams.spill, session->mem, session->opt.seed);
}

void h2_streams_fini(struct h2_session *session)
{
    struct h2_stream_table *t = &session->streams;
    while (t->slabs != NULL) {
        struct h2_stream_slab *slab = t->slabs;
        t->slabs = slab->next;
        mem_free(session->mem, slab);
    }
    if (t->slots != t->few) {
        mem_free(session->mem, t->slots);
    }
    map_fini(&t->spill);
}

static struct h2_stream **slot_of(const struct h2_stream_table *t, uint32_t id)
{
    return &t->slots[(id >> 1) & (t->cap - 1)];
}

struct h2_stream *h2_stream_find(const struct h2_session *session, uint32_t id)
{
    const struct h2_stream_table *t = &session->streams;
    if (t->cap == 0) {
        return NULL;
    }
    struct h2_stream *stream = *slot_of(t, id);
    if (H2D_LIKELY(stream != NULL && stream->id == id)) {
        return stream;
    }
    return t->spill.count > 0 ? map_get(&t->spill, id) : NULL;
}

struct h2_stream *h2_stream_live(const struct h2_session *session, uint32_t id)
{
    struct h2_stream *stream = h2_stream_find(session, id);
    bool live = stream != NULL && stream->state != H2_ST_IDLE && stream->state != H2_ST_CLOSED;
    return live ? stream : NULL;
}

/* Streams are opened in rising order, so the search for the place is short; ids out of order cost a
 * few steps and then stand a little out of order, which only GOAWAY's order of closing would show.
 */
static void link_live(struct h2_stream_table *t, struct h2_stream *stream)
{
    struct h2_stream *before = t->last;
    for (int steps = 0; steps < 32 && before != NULL && before->id > stream->id; steps++) {
        before = before->prev;
    }
    stream->prev = before;
    stream->next = before != NULL ? before->next : t->first;
    *(stream->prev != NULL ? &stream->prev->next : &t->first) = stream;
    *(stream->next != NULL ? &stream->next->prev : &t->last) = stream;
    t->live++;
}

static void unlink_live(struct h2_stream_table *t, struct h2_stream *stream)
{
    *(stream->prev != NULL ? &stream->prev->next : &t->first) = stream->next;
    *(stream->next != NULL ? &stream->next->prev : &t->last) = stream->prev;
    t->live--;
}

/* Twice the slots; no two of the old ones meet in the new ones. */
static bool grow(struct h2_session *session)
{
    struct h2_stream_table *t = &session->streams;
    struct h2_stream **old = t->slots;
    uint32_t old_cap = t->cap;
    uint32_t cap = old_cap == 0 ? H2_STREAM_SLOTS_MIN : old_cap * 2;
    struct h2_stream **slots =
        old_cap == 0 ? t->few : mem_zalloc(session->mem, cap, sizeof(struct h2_stream *));
    if (slots == NULL) {
        return false;
    }
    t->slots = slots;
    t->cap = cap;
    for (uint32_t i = 0; i < old_cap; i++) {
        if (old[i] != NULL) {
            *slot_of(t, old[i]->id) = old[i];
        }
    }
    if (old != t->few) {
        mem_free(session->mem, old);
    }
    return true;
}

static void forget(struct h2_session *session, uint32_t id)
{
    uint32_t *highest = &session->forgotten_id[id & 1];
    *highest = id > *highest ? id : *highest;
}

/* More streams for the free list. */
static bool grow_free(struct h2_session *session)
{
    struct h2_stream_table *t = &session->streams;
    size_t count = t->slabs == NULL ? SLAB_FIRST : SLAB_NEXT;
    struct h2_stream_slab *slab =
        mem_alloc(session->mem, sizeof *slab + count * sizeof slab->streams[0]);
    if (slab == NULL) {
        return false;
    }
    slab->next = t->slabs;
    t->slabs = slab;
    while (count > 0) {
        struct h2_stream *stream = &slab->streams[--count];
        stream->next = t->free;
        t->free = stream;
    }
    return true;
}

/* Memory for a stream that has no object yet, with its slot; NULL: out of memory. */
static struct h2_stream *place(struct h2_session *session, uint32_t id)
{
    struct h2_stream_table *t = &session->streams;
    while (t->cap == 0 || (*slot_of(t, id) != NULL && t->cap < SLOTS_MAX)) {
        if (!grow(session)) {
            return NULL;
        }
    }
    struct h2_stream **slot = slot_of(t, id);
    if (*slot != NULL && (*slot)->state == H2_ST_CLOSED) {
        forget(session, (*slot)->id);
        return *slot;
    }
    if (t->free == NULL && !grow_free(session)) {
        return NULL;
    }
    struct h2_stream *stream = t->free;
    t->free = stream->next;
    if (*slot == NULL) {
        *slot = stream;
    } else if (!map_put(&t->spill, id, stream)) {
        stream->next = t->free;
        t->free = stream;
        return NULL;
    }
    return stream;
}

/* LIMIT_STREAMS_OPEN: the oldest is forgotten (OBSERVER). */
static void make_room(struct h2_session *session)
{
    struct h2_stream *oldest = session->streams.first;
    if (session->observer && session->streams.live >= LIMIT_STREAMS_OPEN && oldest != NULL) {
        h2_remark(session, CHECK_LIMIT_STREAMS, CONFIDENCE_CERTAIN, oldest->id,
                  "more than %llu streams are open; stream %u was forgotten",
                  (unsigned long long)LIMIT_STREAMS_OPEN, oldest->id);
        h2_stream_drop(session, oldest);
    }
}

struct h2_stream *h2_stream_add(struct h2_session *session, uint32_t id, enum h2_stream_state state,
                                unsigned flags)
{
    uint8_t urgency = PRIORITY_DEFAULT;
    bool incremental = false;
    struct h2_stream *stream = h2_stream_find(session, id);
    if (stream != NULL && stream->state == H2_ST_IDLE) {
        /* What PRIORITY_UPDATE said stays. */
        urgency = stream->urgency;
        incremental = stream->incremental;
        flags |= stream->flags & H2_STREAM_WR; /* its answer was seen before it */
        session->idle_count--;
        unlink_live(&session->streams, stream);
    } else if (stream != NULL) {
        assert(stream->state == H2_ST_CLOSED);
    } else {
        make_room(session);
        stream = place(session, id);
        if (stream == NULL) {
            return NULL;
        }
    }
    *stream = (struct h2_stream){ .id = id,
                                  .state = (uint8_t)state,
                                  .urgency = urgency,
                                  .incremental = incremental,
                                  .flags = (uint16_t)flags };
    message_init(&stream->message);
    link_live(&session->streams, stream);
    session->idle_count += state == H2_ST_IDLE;
    session->reserved_remote += (flags & H2_STREAM_RESERVED_REMOTE) != 0;
    session->incoming += (flags & H2_STREAM_COUNTED) != 0;
    return stream;
}

void h2_stream_count(struct h2_session *session, struct h2_stream *stream)
{
    if ((stream->flags & H2_STREAM_RESERVED_REMOTE) != 0) {
        session->reserved_remote--;
    }
    if ((stream->flags & H2_STREAM_COUNTED) == 0) {
        session->incoming++;
    }
    stream->flags = (uint16_t)((stream->flags & ~H2_STREAM_RESERVED_REMOTE) | H2_STREAM_COUNTED);
}

static void discount(struct h2_session *session, struct h2_stream *stream)
{
    session->incoming -= (stream->flags & H2_STREAM_COUNTED) != 0;
    session->reserved_remote -= (stream->flags & H2_STREAM_RESERVED_REMOTE) != 0;
    session->idle_count -= stream->state == H2_ST_IDLE;
    stream->flags = (uint16_t)(stream->flags & ~(H2_STREAM_COUNTED | H2_STREAM_RESERVED_REMOTE));
}

static void unqueue_closing(struct h2_session *session, struct h2_stream *stream)
{
    struct h2_stream **at = &session->closing_first, *prev = NULL;
    while (*at != NULL && *at != stream) {
        prev = *at;
        at = &(*at)->closing_next;
    }
    if (*at == stream) {
        *at = stream->closing_next;
        if (session->closing_last == stream) {
            session->closing_last = prev;
        }
    }
}

void h2_stream_drop(struct h2_session *session, struct h2_stream *stream)
{
    struct h2_stream_table *t = &session->streams;
    discount(session, stream);
    unlink_live(t, stream);
    if (stream->state == H2_ST_CLOSING) {
        unqueue_closing(session, stream);
    }
    if (session->block.subject == stream) {
        session->block.subject = NULL;
        session->block.quick = false;
    }
    if ((stream->flags & H2_STREAM_WU_QUEUED) != 0) {
        session->wu_streams--;
    }
    if (session->target == stream) {
        session->target = NULL;
    }
    struct h2_stream **slot = slot_of(t, stream->id);
    if (*slot == stream && session->observer) {
        stream->state = H2_ST_CLOSED;
        return;
    }
    if (*slot == stream) {
        *slot = NULL;
    } else {
        (void)map_remove(&t->spill, stream->id);
        forget(session, stream->id);
    }
    stream->next = t->free;
    t->free = stream;
}

int h2_stream_close(struct h2_session *session, struct h2_stream *stream, uint32_t code)
{
    uint32_t id = stream->id;
    h2_stream_drop(session, stream);
    if (session->ev.on_stream_close == NULL) {
        return H2_GO;
    }
    return h2_called(session->ev.on_stream_close(session, id, code, session->user));
}

int h2_stream_close_fed(struct h2_session *session, struct h2_stream *stream, uint32_t code)
{
    if (!session->observer || session->peer == NULL) {
        return h2_stream_close(session, stream, code);
    }
    h2_stream_drop(session, stream);
    h2_suspicions_permit(session, CHECK_STREAM_CONCURRENCY_EXCEEDED, 0, 1);
    return H2_GO;
}

bool h2_stream_is_own(const struct h2_session *session, uint32_t id)
{
    return id != 0 && (id & 1) == (session->role == H2_ROLE_CLIENT);
}

bool h2_stream_is_idle(const struct h2_session *session, uint32_t id)
{
    if (id == 0 || (id == 1 && session->upgraded)) {
        return false;
    }
    return id > (h2_stream_is_own(session, id) ? session->last_sent_id : session->last_recv_id);
}

int h2_streams_close_above(struct h2_session *session, uint32_t last, bool own, bool fed)
{
    struct h2_stream *next;
    for (struct h2_stream *stream = session->streams.first; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->id <= last || stream->state == H2_ST_IDLE ||
            h2_stream_is_own(session, stream->id) != own) {
            continue;
        }
        stream->flags |= H2_STREAM_ABOVE_GOAWAY;
        int rc = fed ? h2_stream_close_fed(session, stream, H2_REFUSED_STREAM)
                     : h2_stream_close(session, stream, H2_REFUSED_STREAM);
        if (rc != H2_GO) {
            return rc;
        }
    }
    return H2_GO;
}

const char *h2_stream_why_gone(const struct h2_session *session, uint32_t id)
{
    const struct h2_stream *stream = h2_stream_find(session, id);
    if (stream == NULL || stream->state != H2_ST_CLOSED) {
        return id > session->forgotten_id[id & 1] ? "skipped id" : "stream is closed";
    }
    if ((stream->flags & H2_STREAM_RST_BY_PEER) != 0) {
        return "after own RST_STREAM";
    }
    if ((stream->flags & H2_STREAM_ABOVE_GOAWAY) != 0) {
        return "above GOAWAY's last stream";
    }
    if ((stream->flags & H2_STREAM_RST_BY_LOCAL) != 0) {
        return stream->code == H2_REFUSED_STREAM ? "stream was refused" : "after peer's RST_STREAM";
    }
    return "after END_STREAM";
}
