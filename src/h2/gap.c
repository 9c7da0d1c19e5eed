/* Octets that the capture lacks, and the end of input (receive-engine 6.6): a hole inside a payload
 * of known length leaves the session in step; any other loses the frame boundaries. */
#include "h2/session_int.h"

/* All that is known of the frame under way is told. */
static void cut_frame(struct h2_session *session, enum gap_cause cause)
{
    uint32_t header_octets;
    struct h2_frame_cut cut = { .header_octets = H2_FRAME_HEADER_LEN, .cause = cause };
    if (h2_in_head(session, &header_octets)) {
        if (header_octets == 0) {
            return;
        }
        cut.header_octets = header_octets;
        cut.missing = H2_FRAME_HEADER_LEN - header_octets;
    } else if (session->in_frame) {
        cut.missing = h2_payload_left(session);
        h2_flush_gathered(session);
    } else {
        return;
    }
    h2_tell_cut(session, &cut);
}

/* Settings may have been in what is missing: the other direction's table may be larger than known.
 */
static void doubt_settings(struct h2_session *session)
{
    session->holed = true;
    session->unsettled = true;
    if (session->peer != NULL) {
        h2_block_settings_lost(session->peer);
    }
}

static void lose_step(struct h2_session *session, enum gap_cause cause)
{
    cut_frame(session, cause);
    h2_flush_passed(session);
    session->block.open = false;
    h2_block_lose(session);
    session->tainted = true;
    session->out_of_step = true;
    for (struct h2_stream *stream = session->streams.first; stream != NULL; stream = stream->next) {
        h2_stream_doubt(stream);
    }
    doubt_settings(session);
    session->first = false;
    session->ledger.debt = 0;
    h2_go_head(session);
}

/* n octets inside the payload under way are missing: skipped exactly. */
static int miss(struct h2_session *session, uint32_t n)
{
    struct h2_frame *f = session->cur;
    uint32_t left = h2_payload_left(session);
    bool block = f->hd.type == H2_HEADERS || f->hd.type == H2_PUSH_PROMISE;
    bool gathering = !session->state->streams;
    h2_flush_gathered(session);
    f->missing += n;
    session->frame_used += n;
    if (f->hd.type != H2_DATA && h2_frame_row(f->hd.type) != NULL) {
        session->holed = true; /* a promise or a credit may be in it */
        if (f->hd.type == H2_SETTINGS) {
            doubt_settings(session);
        }
    }
    if (gathering) {
        /* Fields in front of the payload are gone: nobody knows what the rest is. */
        if (block) {
            return h2_block_unreadable(session, left - n);
        }
        h2_go_skip(session, left - n, true);
        return H2_GO;
    }
    if (h2_in_block(session)) {
        if (h2_block_missing(session, n)) {
            h2_block_lose(session);
        }
        return H2_GO;
    }
    if (f->hd.type == H2_DATA) {
        return h2_data_missing(session, n);
    }
    session->left -= n;
    return H2_GO;
}

static void add_stream(struct h2_gap *gap, uint32_t ids[H2_GAP_STREAMS], uint32_t id)
{
    if (gap->stream_count > 0 && ids[0] == id) {
        return; /* that of the frame under way */
    }
    if (gap->stream_count == H2_GAP_STREAMS) {
        gap->more_streams = true;
        return;
    }
    ids[gap->stream_count++] = id;
}

/* Whose octets may be missing (in_step: all of the frame under way). */
static void find_streams(const struct h2_session *session, bool in_step, struct h2_gap *gap,
                         uint32_t ids[H2_GAP_STREAMS])
{
    gap->streams = ids;
    if (session->in_frame && session->cur->hd.stream_id != 0) {
        add_stream(gap, ids, session->cur->hd.stream_id);
    }
    for (const struct h2_stream *s = in_step ? NULL : session->streams.first; s != NULL;
         s = s->next) {
        if (s->state != H2_ST_IDLE && (s->flags & H2_STREAM_RD) == 0) {
            add_stream(gap, ids, s->id);
        }
    }
}

static void tell_gap(struct h2_session *session, uint64_t length, enum gap_cause cause,
                     bool in_step, const struct pos *before, const struct pos *after)
{
    static const struct pos nowhere = { 0 };
    if (session->ev.on_gap != NULL) {
        uint32_t ids[H2_GAP_STREAMS];
        struct h2_gap gap = { .offset = session->offset,
                              .length = length,
                              .cause = cause,
                              .before = before != NULL ? *before : nowhere,
                              .after = after != NULL ? *after : nowhere };
        if (session->observer) {
            find_streams(session, in_step, &gap, ids);
        }
        session->ev.on_gap(session, &gap, session->user);
    }
}

void h2_session_gap(struct h2_session *session, uint64_t length, enum gap_cause cause,
                    const struct pos *before, const struct pos *after)
{
    bool lost = session->fatal == 0 && !session->terminating && !session->out_of_step &&
                (length == 0 || !session->in_frame || length > h2_payload_left(session));
    h2_block_flush(session); /* what was decoded in front of it */
    tell_gap(session, length, cause, !lost && !session->out_of_step, before, after);
    session->gapped = true;
    if (lost) {
        lose_step(session, cause);
    }
    if (lost || session->fatal != 0 || session->terminating || session->out_of_step) {
        session->offset += length;
        return;
    }
    int rc = miss(session, (uint32_t)length);
    session->offset += length;
    struct cur none = cur_of(span_empty());
    if (rc == H2_GO) {
        rc = h2_session_process(session, &none);
    }
    if (rc < 0) {
        (void)h2_session_finish(session, rc);
    }
}

void h2_session_resume(struct h2_session *session, uint64_t skipped)
{
    if (session->in_frame) {
        return; /* it is in step: the frame's end is known */
    }
    if (skipped > 0) {
        h2_block_lose(session); /* no new loss where nothing was decoded since the last */
        if (session->ev.on_unsynchronised != NULL) {
            session->ev.on_unsynchronised(session, session->offset, skipped, session->user);
        }
        session->frame.where.offset = session->offset;
        session->frame.where.first = pos_begin(&session->pos);
        session->cur = session->unit = &session->frame;
        session->offset += skipped;
        h2_remark(session, CHECK_CAPTURE_RESYNC, CONFIDENCE_CERTAIN, 0,
                  "%llu octets were passed over in search of a frame boundary",
                  (unsigned long long)skipped);
    }
    session->out_of_step = false;
    session->resumed = true;
    h2_go_head(session);
}

/* RFC 9113 5.4.3: the sender closed in the middle of something. */
static void note_truncation(struct h2_session *session, enum close_cause cause)
{
    uint32_t header_octets;
    bool head = h2_in_head(session, &header_octets);
    if (cause != CLOSE_FIN && cause != CLOSE_RST) {
        return;
    }
    if (head && header_octets > 0) {
        h2_remark(session, CHECK_FRAME_TRUNCATED_AT_EOF, CONFIDENCE_CERTAIN, 0,
                  "the connection ended after %u octets of a frame header", header_octets);
    } else if (session->in_frame) {
        const char *name = h2_frame_name(session->cur->hd.type);
        h2_remark(session, CHECK_FRAME_TRUNCATED_AT_EOF, CONFIDENCE_CERTAIN,
                  session->cur->hd.stream_id, "the connection ended inside %s, %u octets missing",
                  name != NULL ? name : "a frame", h2_payload_left(session));
    } else if (session->block.open) {
        h2_remark(
            session, CHECK_FRAME_TRUNCATED_AT_EOF, CONFIDENCE_CERTAIN, session->block.stream_id,
            "the connection ended inside the field block of stream %u", session->block.stream_id);
    }
}

void h2_session_end(struct h2_session *session, enum close_cause cause)
{
    if (session->ended) {
        return;
    }
    session->ended = true;
    session->cause = cause;
    if (session->fatal == 0 && !session->terminating && !session->out_of_step) {
        h2_block_flush(session);
        note_truncation(session, cause);
        cut_frame(session, GAP_END);
        h2_flush_passed(session);
        session->block.open = false;
    }
    if (session->peer == NULL) {
        h2_suspicions_ripen(session, true);
    }
}
