#include "app/raw.h"

#include <string.h>

#include "app/feed.h"
#include "base/buf.h"
#include "detect/head.h"
#include "detect/looks.h"
#include "detect/sync.h"

/* With so many octets whatever is still undecided stays so; who sends frames that do not begin as
 * HTTP/2 does is asked of more of them. */
#define LOOK_OCTETS   H2_PREFACE_LEN
#define SENDER_OCTETS (64u << 10)

/* Room for what one read may give while the beginning is not decided. */
#define HOLD_OCTETS_MAX (4u << 20)

/* What is read before it is clear how a stream begins. */
struct beginning {
    struct run *run;
    struct buf hold;
    struct sync *sync; /* for who sends it; NULL: not asked yet */
    bool ended;
    struct connection_info info;
    enum dir dir;
};

/* Who sends frames in mid-stream, as they tell; false: more octets are needed. Nothing tells: the
 * client. */
static bool find_sender(struct beginning *b)
{
    struct span octets = buf_span(&b->hold);
    bool first = b->sync == NULL;
    if (first) {
        struct sync_options options = { .octets_max = SENDER_OCTETS };
        b->sync = sync_new(&b->run->mem, &options);
    }
    if (b->sync == NULL) {
        return true;
    }
    enum sync_status status = sync_look(b->sync, octets, 0, first);
    if (status == SYNC_SEARCHING && !b->ended) {
        return false;
    }
    if (b->ended) {
        (void)sync_end(b->sync, octets, 0);
    }
    b->dir = sync_sender(b->sync) == DIR_S2C ? DIR_S2C : DIR_C2S;
    return true;
}

/* Who speaks, and how the stream begins; false: more octets are needed to tell. */
static bool decide(struct beginning *b)
{
    const char *name;
    const struct app_options *o = b->run->options;
    struct span octets = buf_span(&b->hold);
    enum look look = look_at(octets, false, &name);
    bool preface = octets.len > 0 && look_preface_prefix(octets);
    if (look == LOOK_NONE && octets.len < LOOK_OCTETS && !b->ended) {
        return false;
    }
    b->dir = o->from == FROM_SERVER || (o->from == FROM_CONTENT && look == LOOK_SETTINGS) ? DIR_S2C
                                                                                          : DIR_C2S;
    /* A client that at least begins to say it has begun; its mistakes are for the session to tell.
     */
    bool begun = b->dir == DIR_C2S ? preface || (octets.len >= 3 && octets.ptr[0] == 'P' &&
                                                 octets.ptr[1] == 'R' && octets.ptr[2] == 'I')
                                   : look == LOOK_SETTINGS;
    bool observer = o->profile == H2_PROFILE_OBSERVER;
    if (!begun && observer && o->from == FROM_CONTENT && !find_sender(b)) {
        return false;
    }
    struct h2_frame_hd hd;
    bool in_step = begun || !observer ||
                   (octets.len >= H2_FRAME_HEADER_LEN &&
                    head_plausible(octets.ptr, 0xffffff, &hd) && hd.type != H2_CONTINUATION);
    b->info = (struct connection_info){
        .transport = TRANSPORT_RAW,
        .start = begun    ? START_PRIOR_KNOWLEDGE
                 : o->raw ? START_FORCED
                          : START_MID_STREAM,
        .one_direction = true,
    };
    b->info.join[b->dir].lost = !in_step;
    return true;
}

/* Reads on until it is clear who speaks; what was read meanwhile is held. */
static enum rc read_beginning(struct beginning *b, struct input *input, struct stream_sink *sink,
                              struct err *err)
{
    for (;;) {
        struct span octets;
        enum rc rc = input_next_octets(input, &octets, err);
        if (rc == RC_OK && !buf_append(&b->hold, octets)) {
            return err_set(err, RC_NOMEM, "out of memory");
        }
        b->ended = rc != RC_OK;
        if (decide(b)) {
            *sink = feed_open(b->run, &b->info, NULL);
            return rc;
        }
    }
}

enum rc raw_read(struct run *run, struct input *input, struct err *err)
{
    static const struct pos nowhere;
    struct stream_sink sink = { NULL, NULL };
    struct beginning b = { .run = run };
    uint64_t off = 0;
    buf_init(&b.hold, &run->mem, HOLD_OCTETS_MAX);
    enum rc rc = read_beginning(&b, input, &sink, err);
    sync_free(b.sync);
    if (sink.ops == NULL) {
        buf_fini(&b.hold);
        return rc == RC_OK ? err_set(err, RC_NOMEM, "out of memory") : rc;
    }
    int answer = SINK_MORE;
    if (b.hold.len > 0) {
        answer = sink.ops->bytes(sink.ctx, b.dir, off, buf_span(&b.hold), &nowhere);
        off += b.hold.len;
    }
    buf_fini(&b.hold);
    while (rc == RC_OK && answer == SINK_MORE) {
        struct span octets;
        rc = input_next_octets(input, &octets, err);
        if (rc == RC_OK) {
            answer = sink.ops->bytes(sink.ctx, b.dir, off, octets, &nowhere);
            off += octets.len;
        }
    }
    sink.ops->close(sink.ctx, b.dir, rc == RC_END ? CLOSE_FIN : CLOSE_END, NULL);
    sink.ops->free(sink.ctx);
    return rc == RC_OK ? RC_END : rc;
}
