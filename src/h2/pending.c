/* Findings that a fact of the other direction may still lift (receive-engine 6.4, rules 2 and 3): a
 * window that a WINDOW_UPDATE opens, a stream that a request opens, a limit that SETTINGS raises.
 * They wait until the other direction has been seen past their time, or the end. */
#include <stdio.h>

#include "h2/session_int.h"

#define SKEW_NS UINT64_C(1000000000)

int h2_suspect(struct h2_session *session, enum check check, uint32_t stream_id, int64_t need,
               const char *message)
{
    if (session->peer_never) {
        return H2_GO;
    }
    for (struct h2_suspicion *s = session->suspicions; s != NULL; s = s->next) {
        if (s->check == check && s->stream_id == stream_id) {
            s->need = check == CHECK_SETTINGS_ACK_UNSOLICITED ? s->need + need
                      : need > s->need                        ? need
                                                              : s->need;
            return H2_GO;
        }
    }
    if (session->suspicion_count == H2_SUSPICIONS_MAX) {
        session->pend_full = true;
        return H2_GO;
    }
    struct h2_suspicion *s = session->suspicions_free;
    if (s != NULL) {
        session->suspicions_free = s->next;
    } else {
        s = mem_alloc(session->mem, sizeof *s);
        if (s == NULL) {
            return H2_ERR_NOMEM;
        }
    }
    *s = (struct h2_suspicion){ .check = check,
                                .stream_id = stream_id,
                                .need = need,
                                .offset = session->cur->where.offset,
                                .first = session->cur->where.first,
                                .last = session->pos,
                                .after_doomed = session->report->doomed,
                                .knew_nothing = session->pos.ordered && session->peer != NULL &&
                                                !session->peer_seen };
    (void)snprintf(s->message, sizeof s->message, "%s", message);
    h2_session_evidence(session, &s->evidence);
    struct h2_suspicion **end = &session->suspicions;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = s;
    session->suspicion_count++;
    return H2_GO;
}

static void retire(struct h2_session *session, struct h2_suspicion **at)
{
    struct h2_suspicion *s = *at;
    *at = s->next;
    s->next = session->suspicions_free;
    session->suspicions_free = s;
    session->suspicion_count--;
}

void h2_suspicions_permit(struct h2_session *session, enum check check, uint32_t stream_id,
                          int64_t amount)
{
    struct h2_suspicion **at = &session->suspicions;
    while (*at != NULL) {
        struct h2_suspicion *s = *at;
        if (s->check == check && (stream_id == 0 || s->stream_id == stream_id)) {
            s->need -= amount;
        }
        if (s->need <= 0) {
            retire(session, at);
        } else {
            at = &s->next;
        }
    }
}

/* The local side is known without holes: what it did not permit, it did not permit. */
static bool local_sound(const struct h2_session *session)
{
    const struct h2_session *peer = session->peer;
    return session->peer_seen && !session->peer_never && !session->tainted &&
           (peer == NULL || (!peer->tainted && !peer->holed));
}

static void report(struct h2_session *session, const struct h2_suspicion *s,
                   enum confidence confidence)
{
    struct finding finding = { .check = s->check,
                               .severity = finding_severity(s->check, confidence),
                               .confidence = confidence,
                               .dir = h2_session_dir(session),
                               .has_stream = true,
                               .stream_id = s->stream_id,
                               .has_offset = true,
                               .offset = s->offset,
                               .first = s->first,
                               .last = s->last,
                               .message = s->message,
                               .after_doomed = s->after_doomed,
                               .evidence = s->evidence };
    bool doomed = session->report->doomed;
    session->report->doomed = s->after_doomed;
    h2_report_finding(session, &finding);
    session->report->doomed = doomed;
}

/* Whether the other direction has been seen past the time at which a permission could have come. An
 * ACK without SETTINGS is judged only at the end (rule 6). */
static bool ripe(const struct h2_session *session, const struct h2_suspicion *s)
{
    const struct pos *seen = session->peer != NULL ? &session->peer->pos : &session->pos;
    return s->check != CHECK_SETTINGS_ACK_UNSOLICITED && s->last.ts_known && seen->ts_known &&
           seen->ts_ns > s->last.ts_ns + SKEW_NS;
}

static bool is_over(const struct h2_session *session)
{
    return session->ended && (session->cause == CLOSE_FIN || session->cause == CLOSE_RST);
}

/* No fact excuses it: its sender had read nothing, and what it might have read is known since; or,
 * where DATA in flight would, there was not so much on the whole connection. */
static bool is_certain(const struct h2_session *session, const struct h2_suspicion *s, bool end)
{
    bool open = s->check == CHECK_WINDOW_OVERFLOW_CONN ||
                s->check == CHECK_WINDOW_OVERFLOW_STREAM ||
                s->check == CHECK_SETTINGS_WINDOW_OVERFLOW;
    bool whole = end && session->peer != NULL && is_over(session) && is_over(session->peer);
    return h2_both_sides_known(session) && (open ? whole : s->knew_nothing);
}

void h2_suspicions_ripen(struct h2_session *session, bool end)
{
    struct h2_suspicion **at = &session->suspicions;
    bool sound = local_sound(session);
    while (*at != NULL) {
        if (!end && !ripe(session, *at)) {
            at = &(*at)->next;
            continue;
        }
        if (sound) {
            report(session, *at,
                   is_certain(session, *at, end) ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY);
        }
        retire(session, at);
    }
}

void h2_suspicions_confirm(struct h2_session *session, uint32_t stream_id)
{
    struct h2_suspicion **at = &session->suspicions;
    bool sound = local_sound(session) && h2_both_sides_known(session);
    while (*at != NULL) {
        enum check check = (*at)->check;
        bool meant = stream_id != 0
                         ? check == CHECK_WINDOW_OVERFLOW_STREAM && (*at)->stream_id == stream_id
                         : check == CHECK_WINDOW_OVERFLOW_CONN ||
                               check == CHECK_WINDOW_OVERFLOW_STREAM ||
                               check == CHECK_SETTINGS_WINDOW_OVERFLOW;
        if (!meant || !sound) {
            at = &(*at)->next;
            continue;
        }
        report(session, *at, CONFIDENCE_CERTAIN);
        retire(session, at);
    }
}

static void free_list(struct h2_session *session, struct h2_suspicion *s)
{
    while (s != NULL) {
        struct h2_suspicion *next = s->next;
        mem_free(session->mem, s);
        s = next;
    }
}

void h2_suspicions_fini(struct h2_session *session)
{
    free_list(session, session->suspicions);
    free_list(session, session->suspicions_free);
}
