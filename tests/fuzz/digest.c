#include "digest.h"

#include <string.h>

/* FNV-1a, an octet at a time, so that runs may come in pieces. */
static void add(struct digest *d, const void *ptr, size_t len)
{
    const uint8_t *p = ptr;
    for (size_t i = 0; i < len; i++) {
        d->hash = (d->hash ^ p[i]) * 0x100000001b3u;
    }
}

static void add_number(struct digest *d, uint64_t value)
{
    add(d, &value, sizeof value);
}

static void add_event(struct digest *d, unsigned event, const struct h2_frame *f)
{
    d->events++;
    add_number(d, event);
    if (f != NULL) {
        add_number(d, (uint64_t)f->hd.type << 40 | (uint64_t)f->hd.raw_flags << 32 | f->hd.length);
        add_number(d, f->hd.stream_id);
        add_number(d, f->where.offset);
    }
}

static int on_preface(struct h2_session *session, const struct h2_where *where, void *user)
{
    struct digest *d = user;
    (void)session;
    (void)where;
    add_event(d, 1, NULL);
    d->accounted += H2_PREFACE_LEN;
    return 0;
}

static int on_begin_frame(struct h2_session *session, const struct h2_frame *f, void *user)
{
    (void)session;
    add_event(user, 2, f);
    return 0;
}

static int on_begin_headers(struct h2_session *session, const struct h2_frame *f, void *user)
{
    (void)session;
    add_event(user, 3, f);
    return 0;
}

static void add_field(struct digest *d, unsigned event, const struct h2_frame *f,
                      const struct h2_header *h)
{
    add_event(d, event, f);
    add(d, h->name.ptr, h->name.len + 1); /* the NUL is part of the promise */
    add(d, h->value.ptr, h->value.len + 1);
    add_number(d, (uint64_t)h->repr << 40 | (uint64_t)h->certainty << 32 | h->index);
    add_number(d, h->block_off);
    add_number(d, h->wire_octets);
}

static int on_header(struct h2_session *session, const struct h2_frame *f,
                     const struct h2_header *h, void *user)
{
    (void)session;
    add_field(user, 4, f, h);
    return 0;
}

static int on_invalid_header(struct h2_session *session, const struct h2_frame *f,
                             const struct h2_header *h, void *user)
{
    (void)session;
    add_field(user, 5, f, h);
    return 0;
}

static int on_octets(struct h2_session *session, const struct h2_frame *f, struct span octets,
                     void *user)
{
    (void)session;
    (void)f;
    add(user, octets.ptr, octets.len);
    return 0;
}

static int on_frame_recv(struct h2_session *session, const struct h2_frame *f, void *user)
{
    (void)session;
    add_event(user, 6, f);
    if (f->hd.type == H2_SETTINGS && !(f->hd.flags & H2_FLAG_ACK)) {
        for (size_t i = 0; i < f->payload.settings.raw_count; i++) {
            const struct h2_setting *s = &f->payload.settings.raw[i];
            add_number(user, (uint64_t)s->id << 32 | s->value);
        }
    }
    return 0;
}

static int on_invalid_frame_recv(struct h2_session *session, const struct h2_frame *f, int error,
                                 void *user)
{
    (void)session;
    add_event(user, 7, f);
    add_number(user, (uint64_t)error);
    return 0;
}

static int on_stream_close(struct h2_session *session, uint32_t stream, uint32_t code, void *user)
{
    (void)session;
    add_event(user, 8, NULL);
    add_number(user, (uint64_t)stream << 32 | code);
    return 0;
}

static void on_action(struct h2_session *session, const struct h2_action *a, void *user)
{
    (void)session;
    add_event(user, 9, NULL);
    add_number(user, (uint64_t)a->type << 32 | a->stream_id);
    add_number(user, a->error_code);
    add(user, a->reason, strlen(a->reason));
}

static void on_finding(struct h2_session *session, const struct finding *finding, void *user)
{
    if (finding->surplus) {
        return;
    }
    (void)session;
    add_event(user, 10, NULL);
    add_number(user, (uint64_t)finding->check << 32 | finding->stream_id);
    add_number(user, finding->offset);
    add(user, finding->message, strlen(finding->message));
}

static void on_gap(struct h2_session *session, const struct h2_gap *gap, void *user)
{
    struct digest *d = user;
    (void)session;
    add_event(d, 11, NULL);
    add_number(d, gap->offset);
    d->accounted += gap->length;
}

static void on_unsynchronised(struct h2_session *session, uint64_t offset, uint64_t length,
                              void *user)
{
    struct digest *d = user;
    (void)session;
    add_event(d, 12, NULL);
    add_number(d, offset);
    d->accounted += length;
}

static void on_frame_octets(struct h2_session *session, uint64_t off, struct span octets,
                            void *user)
{
    struct digest *d = user;
    (void)session;
    (void)off;
    d->accounted += octets.len;
}

static void on_end_frame(struct h2_session *session, const struct h2_frame *f,
                         const struct h2_frame_cut *cut, void *user)
{
    struct digest *d = user;
    (void)session;
    if (cut != NULL && cut->header_octets < H2_FRAME_HEADER_LEN) {
        add_event(d, 13, NULL);
        add_number(d, cut->header_octets);
        d->accounted += cut->header_octets; /* no begin_frame came, so no octets either */
        return;
    }
    add_event(d, 14, f);
    add_number(d, f->missing);
    add_number(d, cut != NULL ? cut->missing : 0);
}

const struct h2_events digest_events = {
    .on_preface = on_preface,
    .on_begin_frame = on_begin_frame,
    .on_begin_headers = on_begin_headers,
    .on_header = on_header,
    .on_invalid_header = on_invalid_header,
    .on_data_chunk_recv = on_octets,
    .on_extension_chunk_recv = on_octets,
    .on_frame_recv = on_frame_recv,
    .on_invalid_frame_recv = on_invalid_frame_recv,
    .on_stream_close = on_stream_close,
    .on_action = on_action,
    .on_finding = on_finding,
    .on_gap = on_gap,
    .on_unsynchronised = on_unsynchronised,
    .on_frame_octets = on_frame_octets,
    .on_end_frame = on_end_frame,
};
