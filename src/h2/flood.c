/* The limits F1 to F9 of receive-engine 1.4: how much a receiver puts up with. Time is the
 * capture's. Each crossing is told once; what follows is policy.c's. */
#include "h2/session_int.h"

static uint64_t now_s(const struct h2_session *session)
{
    if (session->opt.clock != NULL) {
        return session->opt.clock(session->user);
    }
    return session->pos.ts_known ? session->pos.ts_ns / 1000000000U : 0;
}

void h2_flood_init(struct h2_session *session)
{
    ratelim_init(&session->resets, session->opt.reset_burst, session->opt.reset_rate, 0);
    ratelim_init(&session->glitches, session->opt.glitch_burst, session->opt.glitch_rate, 0);
}

void h2_flood_tell(struct h2_session *session, unsigned limit, uint64_t count)
{
    if (session->flood_told[limit] || !session->observer) {
        return;
    }
    session->flood_told[limit] = true;
    if (session->ev.on_flood != NULL) {
        struct h2_flood flood = { .limit = limit, .count = count };
        session->ev.on_flood(session, &flood, session->user);
    }
}

/* Below the limit again: the next crossing is told anew. */
static void calm(struct h2_session *session, unsigned limit)
{
    session->flood_told[limit] = false;
}

/* A limit whose crossing ends an endpoint's session with a return value. */
static int crossed(struct h2_session *session, unsigned limit, uint64_t count, int error)
{
    h2_flood_tell(session, limit, count);
    return session->observer ? H2_GO : error;
}

int h2_flood_settings(struct h2_session *session)
{
    const struct h2_frame_hd *hd = &session->cur->hd;
    if (session->acks_queued >= session->opt.max_outbound_ack) {
        int rc = crossed(session, 1, session->acks_queued + UINT64_C(1), H2_ERR_FLOODED);
        if (rc != H2_GO) {
            return rc;
        }
    } else {
        calm(session, 1);
    }
    uint32_t entries = hd->length / 6;
    if (entries <= session->opt.max_settings) {
        calm(session, 5);
        return H2_GO;
    }
    h2_flood_tell(session, 5, entries);
    return h2_break(session, H2_RULE_FLOOD_SETTINGS, 0, "SETTINGS with %u entries", entries);
}

int h2_flood_ping(struct h2_session *session)
{
    if (session->acks_queued >= session->opt.max_outbound_ack) {
        return crossed(session, 2, session->acks_queued + UINT64_C(1), H2_ERR_FLOODED);
    }
    calm(session, 2);
    return H2_GO;
}

int h2_flood_queue(struct h2_session *session)
{
    if (session->queued <= session->opt.max_outbound_queue) {
        return H2_GO;
    }
    return crossed(session, 3, session->queued, H2_ERR_FLOODED);
}

int h2_flood_continuation(struct h2_session *session)
{
    struct h2_block *block = &session->block;
    block->continuations++;
    if (block->continuations <= session->opt.max_continuations) {
        calm(session, 4);
        return H2_GO;
    }
    return crossed(session, 4, block->continuations, H2_ERR_TOO_MANY_CONTINUATIONS);
}

int h2_flood_reset(struct h2_session *session)
{
    if (session->role != H2_ROLE_SERVER || session->goaway_decided) {
        return H2_GO;
    }
    ratelim_update(&session->resets, now_s(session));
    if (ratelim_drain(&session->resets, 1)) {
        calm(session, 6);
        return H2_GO;
    }
    h2_flood_tell(session, 6, session->opt.reset_burst + 1);
    if (!session->observer) {
        h2_outbox_goaway(session, session->last_recv_id, H2_INTERNAL_ERROR,
                         "too many streams were reset");
    }
    return H2_GO;
}

int h2_flood_glitch(struct h2_session *session)
{
    session->glitch_count++;
    if (session->terminating) {
        return H2_GO;
    }
    ratelim_update(&session->glitches, now_s(session));
    if (ratelim_drain(&session->glitches, 1)) {
        calm(session, 7);
        return H2_GO;
    }
    h2_flood_tell(session, 7, session->glitch_count);
    return h2_break(session, H2_RULE_FLOOD_GLITCHES, 0, "%llu suspicious events",
                    (unsigned long long)session->glitch_count);
}

bool h2_flood_reserved(struct h2_session *session)
{
    if (session->reserved_remote < session->opt.max_reserved_remote_streams) {
        calm(session, 8);
        return false;
    }
    h2_flood_tell(session, 8, session->reserved_remote + UINT64_C(1));
    return true;
}
