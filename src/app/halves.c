/* Both halves of a connection without a clock: frames are taken from either half in an order in
 * which each could have been caused by those before it. The rules, in order:
 *
 *   1. The client's preface and first frame come first.
 *   2. A server's frame goes as soon as it may: on a stream that the client has opened, its
 * response when the request has ended, an acknowledgement after what it acknowledges, DATA within
 * the windows.
 *   3. Else the client's next frame goes, when it may in the same sense.
 *   4. Else the server's, without waiting for the end of the request (two-way streams).
 *   5. Else, what no order explains: the client's, then the server's.
 *
 * The octets go to detect/ and from there the usual way; nothing here judges them. */
#include <stdlib.h>
#include <string.h>

#include "app/raw.h"
#include "base/map.h"
#include "detect/head.h"

/* Streams whose windows are remembered; on others DATA never waits. */
#define STREAMS_MAX 65536

/* Payload octets that are looked at: SETTINGS, WINDOW_UPDATE, PUSH_PROMISE. */
#define NOTE_OCTETS 512

#define WINDOW_INITIAL 65535

/* What stands in front of a half. */
enum unit_kind {
    UNIT_END,     /* nothing */
    UNIT_PREFACE, /* the client's 24 octets */
    UNIT_HTTP1,   /* octets up to a blank line */
    UNIT_FRAME,
    UNIT_REST, /* no frame: all that is left */
};

struct half {
    struct input *input;
    struct span have; /* read and not given on, behind head */
    enum rc rc;       /* RC_OK while there may be more */
    uint64_t off;     /* given on */
    uint8_t head[H2_FRAME_HEADER_LEN];
    size_t head_len; /* of the next unit, taken out of have already */
    enum unit_kind kind;
    struct h2_frame_hd hd;
    bool begun;
    uint64_t units;
    /* What it has sent. */
    uint64_t settings, settings_acks, pings, ping_acks;
    uint32_t opened; /* highest stream of its own: requests, or promises */
    int64_t window;  /* of the connection, for what it sends */
    int64_t initial; /* of its streams */
    uint8_t note[NOTE_OCTETS];
    size_t note_len;
};

/* Windows are kept as what they have moved by since the initial size, which may change (RFC
 * 9113 6.9.2). */
struct stream {
    int64_t moved[2]; /* by sender */
    bool ended;       /* the client has ended it */
};

struct halves {
    struct run *run;
    struct half half[2];
    struct map streams; /* struct stream */
    struct stream_sink sink;
    int answer;
};

static struct stream *stream_of(struct halves *h, uint32_t id)
{
    struct stream *stream = map_get(&h->streams, id);
    if (stream == NULL && id != 0 && h->streams.count < STREAMS_MAX) {
        stream = mem_zalloc(&h->run->mem, 1, sizeof(*stream));
        if (stream != NULL && !map_put(&h->streams, id, stream)) {
            mem_free(&h->run->mem, stream);
            stream = NULL;
        }
    }
    return stream;
}

/* ---- reading a half ---- */

/* Octets to look at; false at its end. */
static bool fill(struct half *half, struct err *err)
{
    if (half->have.len == 0 && half->rc == RC_OK) {
        half->rc = input_next_octets(half->input, &half->have, err);
        if (half->rc != RC_OK) {
            half->have = span_empty();
        }
    }
    return half->have.len > 0;
}

static struct span take(struct half *half, size_t n)
{
    struct span octets = span_of(half->have.ptr, num_min_size(n, half->have.len));
    half->have = span_of(half->have.ptr + octets.len, half->have.len - octets.len);
    return octets;
}

static bool begins_http1(const uint8_t *head)
{
    static const char *const starts[] = { "HTTP/1.", "GET ",    "HEAD ",    "POST ",
                                          "PUT ",    "DELETE ", "OPTIONS ", "PATCH " };
    for (size_t i = 0; i < H2D_COUNT_OF(starts); i++) {
        if (memcmp(head, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Finds out what the half's next unit is, once. */
static void look_ahead(struct half *half, struct err *err)
{
    while (half->head_len < H2_FRAME_HEADER_LEN && fill(half, err)) {
        struct span octets = take(half, H2_FRAME_HEADER_LEN - half->head_len);
        memcpy(half->head + half->head_len, octets.ptr, octets.len);
        half->head_len += octets.len;
    }
    if (half->head_len < H2_FRAME_HEADER_LEN) {
        half->kind = half->head_len > 0 ? UNIT_REST : UNIT_END;
    } else if (memcmp(half->head, h2_preface, H2_FRAME_HEADER_LEN) == 0) {
        half->kind = UNIT_PREFACE;
    } else if (!half->begun && begins_http1(half->head)) {
        half->kind = UNIT_HTTP1;
    } else {
        half->kind = UNIT_FRAME;
        half->hd = h2_frame_hd_decode(half->head);
    }
}

/* ---- giving on ---- */

static void give(struct halves *h, enum dir dir, struct span octets)
{
    static const struct pos nowhere;
    struct half *half = &h->half[dir];
    if (octets.len == 0 || h->answer != SINK_MORE) {
        return;
    }
    size_t room = num_min_size(NOTE_OCTETS - half->note_len, octets.len);
    memcpy(half->note + half->note_len, octets.ptr, room);
    half->note_len += room;
    h->answer = h->sink.ops->bytes(h->sink.ctx, dir, half->off, octets, &nowhere);
    half->off += octets.len;
}

/* Gives n octets behind the head. */
static void give_octets(struct halves *h, enum dir dir, uint64_t n, struct err *err)
{
    while (n > 0 && h->answer == SINK_MORE && fill(&h->half[dir], err)) {
        struct span octets = take(&h->half[dir], n < SIZE_MAX ? (size_t)n : SIZE_MAX);
        give(h, dir, octets);
        n -= octets.len;
    }
}

/* Gives octets up to and with a blank line. */
static void give_http1(struct halves *h, enum dir dir, struct err *err)
{
    unsigned ends = 0; /* line ends in a row, carriage returns aside */
    while (ends < 2 && h->answer == SINK_MORE && fill(&h->half[dir], err)) {
        struct span octet = take(&h->half[dir], 1);
        ends = octet.ptr[0] == '\n' ? ends + 1 : octet.ptr[0] == '\r' ? ends : 0;
        give(h, dir, octet);
    }
}

static void note_settings(struct halves *h, enum dir dir, struct cur c)
{
    while (cur_left(&c) >= 6) {
        uint16_t id = cur_u16(&c);
        uint32_t value = cur_u32(&c);
        if (id == H2_SETTING_INITIAL_WINDOW_SIZE) {
            h->half[dir_other(dir)].initial = value;
        }
    }
}

/* Remembers what a frame that was given means for those to come. */
static void note_frame(struct halves *h, enum dir dir)
{
    struct half *half = &h->half[dir], *peer = &h->half[dir_other(dir)];
    const struct h2_frame_hd *hd = &half->hd;
    bool ack = (hd->flags & H2_FLAG_ACK) != 0;
    struct stream *stream = stream_of(h, hd->stream_id);
    struct cur c = cur_of(span_of(half->note, half->note_len));
    cur_skip(&c, H2_FRAME_HEADER_LEN);
    switch (hd->type) {
    case H2_SETTINGS:
        half->settings += !ack;
        half->settings_acks += ack;
        note_settings(h, dir, c);
        return;
    case H2_PING:
        half->pings += !ack;
        half->ping_acks += ack;
        return;
    case H2_WINDOW_UPDATE:
        peer->window += hd->stream_id == 0 ? (int64_t)cur_u31(&c) : 0;
        if (stream != NULL) {
            stream->moved[dir_other(dir)] += cur_u31(&c);
        }
        return;
    case H2_PUSH_PROMISE: {
        cur_skip(&c, (hd->flags & H2_FLAG_PADDED) != 0 ? 1 : 0);
        uint32_t promised = cur_u31(&c);
        half->opened = promised > half->opened ? promised : half->opened;
        return;
    }
    case H2_HEADERS:
        half->opened =
            dir == DIR_C2S && hd->stream_id > half->opened ? hd->stream_id : half->opened;
        break;
    case H2_DATA:
        half->window -= hd->length;
        if (stream != NULL) {
            stream->moved[dir] -= hd->length;
        }
        break;
    case H2_RST_STREAM:
        if (stream != NULL) {
            stream->ended = true;
        }
        return;
    default:
        return;
    }
    if (stream != NULL && dir == DIR_C2S && (hd->flags & H2_FLAG_END_STREAM) != 0) {
        stream->ended = true;
    }
}

static void give_unit(struct halves *h, enum dir dir, struct err *err)
{
    struct half *half = &h->half[dir];
    half->note_len = 0;
    half->units++;
    half->begun |= half->kind != UNIT_HTTP1;
    give(h, dir, span_of(half->head, half->head_len));
    half->head_len = 0;
    switch (half->kind) {
    case UNIT_PREFACE:
        give_octets(h, dir, H2_PREFACE_LEN - H2_FRAME_HEADER_LEN, err);
        break;
    case UNIT_HTTP1:
        give_http1(h, dir, err);
        break;
    case UNIT_FRAME:
        give_octets(h, dir, half->hd.length, err);
        note_frame(h, dir);
        break;
    case UNIT_REST:
    case UNIT_END:
        break;
    }
}

/* ---- the order ---- */

static bool fits_windows(struct halves *h, enum dir dir)
{
    const struct half *half = &h->half[dir];
    const struct stream *stream = map_get(&h->streams, half->hd.stream_id);
    return half->hd.length <= half->window &&
           (stream == NULL || half->hd.length <= half->initial + stream->moved[dir]);
}

/* May the half's next unit go, as far as causes can be seen? */
static bool may_go(struct halves *h, enum dir dir, bool wait_for_request)
{
    const struct half *half = &h->half[dir], *peer = &h->half[dir_other(dir)];
    const struct h2_frame_hd *hd = &half->hd;
    if (half->kind != UNIT_FRAME) {
        return half->kind != UNIT_END &&
               (half->kind != UNIT_HTTP1 || dir == DIR_C2S || peer->units > 0);
    }
    if ((hd->type == H2_SETTINGS || hd->type == H2_PING) && (hd->flags & H2_FLAG_ACK) != 0) {
        return hd->type == H2_SETTINGS ? half->settings_acks < peer->settings
                                       : half->ping_acks < peer->pings;
    }
    bool peers_stream = hd->stream_id % 2 == (dir == DIR_S2C ? 1 : 0);
    if (hd->stream_id != 0 && peers_stream && hd->stream_id > peer->opened &&
        hd->type != H2_PRIORITY) {
        return false;
    }
    if (dir == DIR_S2C && wait_for_request && peers_stream && hd->type == H2_HEADERS) {
        const struct stream *stream = map_get(&h->streams, hd->stream_id);
        if (stream != NULL && !stream->ended) {
            return false;
        }
    }
    return hd->type != H2_DATA || fits_windows(h, dir);
}

static enum dir choose(struct halves *h)
{
    const struct half *client = &h->half[DIR_C2S], *server = &h->half[DIR_S2C];
    if (client->kind != UNIT_END && client->units < 2) {
        /* After an HTTP/1.1 request the server's 101 comes before the preface. */
        return client->units == 1 && !client->begun && server->units == 0 &&
                       server->kind == UNIT_HTTP1
                   ? DIR_S2C
                   : DIR_C2S;
    }
    if (may_go(h, DIR_S2C, true)) {
        return DIR_S2C;
    }
    if (may_go(h, DIR_C2S, true)) {
        return DIR_C2S;
    }
    if (may_go(h, DIR_S2C, false)) {
        return DIR_S2C;
    }
    return client->kind != UNIT_END ? DIR_C2S : DIR_S2C;
}

enum rc raw_read_halves(struct run *run, struct input *inputs[2], struct err *err)
{
    const struct flow_info flow = { .id = 1, .client_side = DIR_C2S };
    struct halves h = { .run = run,
                        .sink = detect_open(run->detect, &flow, NULL),
                        .answer = SINK_MORE };
    if (h.sink.ops == NULL) {
        return err_set(err, RC_NOMEM, "out of memory");
    }
    map_init(&h.streams, &run->mem, run->key.k0);
    for (unsigned dir = 0; dir < 2; dir++) {
        h.half[dir].input = inputs[dir];
        h.half[dir].have = span_empty();
        h.half[dir].window = h.half[dir].initial = WINDOW_INITIAL;
    }
    for (;;) {
        look_ahead(&h.half[DIR_C2S], err);
        look_ahead(&h.half[DIR_S2C], err);
        if (h.answer != SINK_MORE || (h.half[0].kind == UNIT_END && h.half[1].kind == UNIT_END)) {
            break;
        }
        give_unit(&h, choose(&h), err);
    }
    enum rc rc = RC_END;
    for (unsigned dir = 0; dir < 2; dir++) {
        bool whole = h.half[dir].rc == RC_END;
        rc = h.half[dir].rc < 0 ? h.half[dir].rc : rc;
        h.sink.ops->close(h.sink.ctx, dir, whole ? CLOSE_FIN : CLOSE_END, NULL);
    }
    h.sink.ops->free(h.sink.ctx);
    size_t at = 0;
    void *stream;
    while ((stream = map_next(&h.streams, &at)) != NULL) {
        mem_free(&run->mem, stream);
    }
    map_fini(&h.streams);
    return rc;
}
