/* OBSERVER: how much of the HPACK table is known, what losses do to that, and what is told of it
 * (capture-layer 5.3, 5.6). What the decoder found wrong with a block is told here, too. */
#include <stdio.h>

#include "h2/session_int.h"

uint32_t h2_table_ceiling(const struct h2_session *session)
{
    const struct h2_session *peer = session->peer;
    bool known = !session->peer_never && (peer != NULL ? !peer->unsettled : session->peer_seen);
    return known ? session->ledger.widest[H2_SETTING_HEADER_TABLE_SIZE] : session->opt.hpack_table;
}

/* Says what has changed since the last time, once. */
static void tell_level(struct h2_session *session)
{
    uint32_t assumed;
    enum hpack_level level = hpack_decoder_level(session->hpack, &assumed);
    enum hpack_level before = session->hpack_level;
    char where[40];
    if (level == before) {
        return;
    }
    session->hpack_level = level;
    if (session->pos.packet != 0) {
        (void)snprintf(where, sizeof where, "p%llu", (unsigned long long)session->pos.packet);
    } else {
        /* The frame's: how far the octets in hand reach is nobody's concern. */
        (void)snprintf(where, sizeof where, "offset %llu",
                       (unsigned long long)session->cur->where.offset);
    }
    switch (level) {
    case HPACK_LEVEL_FULL:
        h2_remark(session, CHECK_CAPTURE_HPACK_STATE, CONFIDENCE_CERTAIN, 0,
                  "HPACK complete from %s on", where);
        break;
    case HPACK_LEVEL_ASSUMED:
        h2_remark(session, CHECK_CAPTURE_HPACK_STATE, CONFIDENCE_CERTAIN, 0,
                  "HPACK complete from %s on (assuming table <= %u)", where, assumed);
        break;
    case HPACK_LEVEL_NAMES:
        h2_remark(session, CHECK_CAPTURE_HPACK_STATE, CONFIDENCE_CERTAIN, 0, "%s",
                  before == HPACK_LEVEL_PARTIAL
                      ? "HPACK nearly complete: only parts of entries that came since are unknown"
                      : "headers partly unknown: parts of entries that came are not known");
        break;
    case HPACK_LEVEL_PARTIAL:
        h2_remark(session, CHECK_CAPTURE_HPACK_STATE, CONFIDENCE_CERTAIN, 0,
                  "HPACK state lost: headers partly unknown");
        break;
    }
}

/* A reference that could mean nothing: the state was wrong, and is lost. */
static void tell_contradiction(struct h2_session *session)
{
    uint32_t index;
    if (hpack_decoder_contradicted(session->hpack, &index)) {
        session->hpack_level = HPACK_LEVEL_PARTIAL;
        h2_remark(session, CHECK_CAPTURE_HPACK_STATE, CONFIDENCE_CERTAIN, session->block.subject_id,
                  "HPACK state lost: index %u names nothing that can be there; headers partly "
                  "unknown",
                  index);
    }
}

void h2_block_join(struct h2_session *session)
{
    uint32_t assumed;
    if (session->observer) {
        session->unsettled = true;
        hpack_decoder_set_ceiling(session->hpack, h2_table_ceiling(session));
        hpack_decoder_join(session->hpack);
        session->hpack_level = hpack_decoder_level(session->hpack, &assumed);
    }
}

void h2_block_flush(struct h2_session *session)
{
    int rc = session->block.watch ? h2_infer_end(session, false) : H2_GO;
    if (rc < 0) {
        (void)h2_session_finish(session, rc);
    }
}

static void lose(struct h2_session *session)
{
    h2_block_flush(session);
    hpack_decoder_set_ceiling(session->hpack, h2_table_ceiling(session));
    hpack_decoder_lose(session->hpack);
}

void h2_block_lose(struct h2_session *session)
{
    if (session->observer) {
        lose(session);
        tell_level(session);
    }
}

void h2_block_settings_lost(struct h2_session *session)
{
    if (session->observer) {
        hpack_decoder_unbound(session->hpack);
        hpack_decoder_set_ceiling(session->hpack, session->opt.hpack_table);
        hpack_decoder_bound(session->hpack, session->opt.hpack_table);
        tell_level(session);
    }
}

void h2_block_abandon(struct h2_session *session)
{
    if (session->block.open) {
        session->block.open = false;
        lose(session);
    }
}

void h2_block_abandoned(struct h2_session *session)
{
    tell_level(session);
}

/* ---- behind a block ---- */

void h2_advise_hpack(struct h2_session *session)
{
    uint32_t id = session->block.subject_id;
    if (hpack_decoder_update_missing(session->hpack)) {
        (void)h2_break(session, H2_RULE_TABLE_UPDATE_MISSING, id,
                       "the first field block after the ACK of a smaller HEADER_TABLE_SIZE does "
                       "not begin with an update to that size");
    }
    for (enum check c; (c = hpack_decoder_remark(session->hpack)) != CHECK_COUNT;) {
        h2_remark(session, c, CONFIDENCE_CERTAIN, id, "%s", spec_check(c)->title);
    }
    enum check limit = hpack_decoder_limit_hit(session->hpack);
    if (limit != CHECK_COUNT) {
        h2_remark(session, limit, CONFIDENCE_CERTAIN, id, "%s", spec_check(limit)->title);
    }
    tell_contradiction(session);
    tell_level(session);
}
