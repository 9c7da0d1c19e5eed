#include "app/raw.h"

#include <string.h>

#include "app/feed.h"
#include "base/buf.h"
#include "detect/head.h"
#include "detect/looks.h"

/* With so many octets whatever is still undecided stays so. */
#define LOOK_OCTETS H2_PREFACE_LEN

/* Room for what one read may give while the beginning is not decided. */
#define HOLD_OCTETS_MAX (4u << 20)

/* Who speaks, and how the stream begins; false: more octets are needed to tell. */
static bool decide(const struct run *run, struct span octets, bool ended,
                   struct connection_info *info, enum dir *dir, bool *in_step)
{
    const char *name;
    enum raw_from from = run->options->from;
    enum look look = look_at(octets, false, &name);
    bool preface = octets.len > 0 && look_preface_prefix(octets);
    if (look == LOOK_NONE && octets.len < LOOK_OCTETS && !ended) {
        return false;
    }
    *dir =
        from == FROM_SERVER || (from == FROM_CONTENT && look == LOOK_SETTINGS) ? DIR_S2C : DIR_C2S;
    /* A client that at least begins to say it has begun; its mistakes are for the session to tell.
     */
    bool begun = *dir == DIR_C2S ? preface || (octets.len >= 3 && octets.ptr[0] == 'P' &&
                                               octets.ptr[1] == 'R' && octets.ptr[2] == 'I')
                                 : look == LOOK_SETTINGS;
    struct h2_frame_hd hd;
    *in_step = begun || run->options->profile == H2_PROFILE_ENDPOINT ||
               (octets.len >= H2_FRAME_HEADER_LEN && head_plausible(octets.ptr, 0xffffff, &hd) &&
                hd.type != H2_CONTINUATION);
    memset(info, 0, sizeof(*info));
    info->transport = TRANSPORT_RAW;
    info->start = begun               ? START_PRIOR_KNOWLEDGE
                  : run->options->raw ? START_FORCED
                                      : START_MID_STREAM;
    info->one_direction = true;
    return true;
}

/* Reads on until it is clear who speaks; what was read meanwhile is in hold. */
static enum rc read_beginning(struct run *run, struct input *input, struct buf *hold,
                              struct stream_sink *sink, enum dir *dir, struct err *err)
{
    struct connection_info info;
    for (;;) {
        struct span octets;
        bool in_step;
        enum rc rc = input_next_octets(input, &octets, err);
        if (rc == RC_OK && !buf_append(hold, octets)) {
            return err_set(err, RC_NOMEM, "out of memory");
        }
        if (decide(run, buf_span(hold), rc != RC_OK, &info, dir, &in_step)) {
            run->in_step = in_step;
            *sink = feed_open(run, &info, NULL);
            return rc;
        }
    }
}

enum rc raw_read(struct run *run, struct input *input, struct err *err)
{
    static const struct pos nowhere;
    struct stream_sink sink = { NULL, NULL };
    struct buf hold;
    enum dir dir = DIR_C2S;
    uint64_t off = 0;
    buf_init(&hold, &run->mem, HOLD_OCTETS_MAX);
    enum rc rc = read_beginning(run, input, &hold, &sink, &dir, err);
    if (sink.ops == NULL) {
        buf_fini(&hold);
        return rc == RC_OK ? err_set(err, RC_NOMEM, "out of memory") : rc;
    }
    int answer = SINK_MORE;
    if (hold.len > 0) {
        answer = sink.ops->bytes(sink.ctx, dir, off, buf_span(&hold), &nowhere);
        off += hold.len;
    }
    buf_fini(&hold);
    while (rc == RC_OK && answer == SINK_MORE) {
        struct span octets;
        rc = input_next_octets(input, &octets, err);
        if (rc == RC_OK) {
            answer = sink.ops->bytes(sink.ctx, dir, off, octets, &nowhere);
            off += octets.len;
        }
    }
    sink.ops->close(sink.ctx, dir, rc == RC_END ? CLOSE_FIN : CLOSE_END, NULL);
    sink.ops->free(sink.ctx);
    return rc == RC_OK ? RC_END : rc;
}
