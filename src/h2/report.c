/* Where findings leave the engine: counted, capped (LIMIT_FINDINGS_PER_CHECK a connection), marked
 * when a connection error came before. Both sessions of a connection share one struct h2_report. */
#include "h2/session_int.h"

bool h2_report_wanted(struct h2_session *session, enum check check)
{
    const struct check_row *row = spec_check(check);
    bool wanted = session->opt.checks != NULL ? session->opt.checks[check]
                                              : row->on || row->scope == SCOPE_INFO;
    return wanted && session->ev.on_finding != NULL;
}

static void tell(struct h2_session *session, const struct finding *finding)
{
    if (session->ev.on_finding != NULL) {
        session->ev.on_finding(session, finding, session->user);
    }
}

/* The octets of a representation, however many chunks it came in. */
static struct span representation(const struct h2_session *session, const struct h2_header *h)
{
    if (session->piece == NULL) {
        return span_empty(); /* of a field that was held back */
    }
    struct span piece = span_of(session->piece, session->piece_len);
    return session->piece_len == h->wire_octets ? piece
                                                : hpack_carried(session->hpack, h->wire_octets);
}

static void put_octets(struct finding_evidence *evidence, struct span octets, uint64_t whole)
{
    size_t n = num_min_size(octets.len, sizeof evidence->octets);
    memcpy(evidence->octets, octets.ptr, n);
    evidence->octet_count = (uint8_t)n;
    evidence->more = n < whole;
}

/* RFC 9113 4.1, from what was read of it. */
static void put_header(uint8_t *octets, const struct h2_frame_hd *hd)
{
    uint32_t id = hd->stream_id | (hd->reserved ? 0x80000000U : 0);
    octets[0] = (uint8_t)(hd->length >> 16);
    octets[1] = (uint8_t)(hd->length >> 8);
    octets[2] = (uint8_t)hd->length;
    octets[3] = hd->type;
    octets[4] = hd->raw_flags;
    for (unsigned i = 0; i < 4; i++) {
        octets[5 + i] = (uint8_t)(id >> (24 - 8 * i));
    }
}

/* Names are shown and compared as one word. */
static void put_place(struct finding_evidence *evidence, struct span name)
{
    size_t n = num_min_size(name.len, sizeof evidence->place - 1);
    for (size_t i = 0; i < n; i++) {
        uint8_t octet = name.ptr[i];
        evidence->place[i] = octet > ' ' && octet < 0x7f ? (char)octet : '?';
    }
    evidence->place[n] = '\0';
}

void h2_session_evidence(const struct h2_session *session, struct finding_evidence *evidence)
{
    const struct h2_frame *f = session->cur;
    memset(evidence, 0, sizeof *evidence);
    if (!session->in_frame) {
        return;
    }
    evidence->has_frame = true;
    put_header(evidence->header, &f->hd);
    const struct h2_header *guilty = session->block.guilty;
    if (guilty != NULL) {
        put_octets(evidence, representation(session, guilty), guilty->wire_octets);
        put_place(evidence, guilty->certainty == H2_EXACT ? guilty->name : span_empty());
    } else if (session->block.undecoded.len > 0) {
        put_octets(evidence, session->block.undecoded, session->block.undecoded.len);
    } else if (session->payload != NULL && f->hd.length > 0) {
        put_octets(evidence, span_of(session->payload, session->need), f->hd.length);
        if (session->mark_at + session->mark_count <= evidence->octet_count) {
            evidence->mark_at = (uint8_t)session->mark_at;
            evidence->mark_count = (uint8_t)session->mark_count;
        }
        if (f->hd.type == H2_SETTINGS && session->mark_count > 0) {
            const char *name = spec_setting_name(num_be16(session->payload + session->mark_at));
            put_place(evidence, name != NULL ? span_str(name) : span_empty());
        }
    }
}

/* Of this session, and where the rule needs both directions, of the other one. */
static unsigned taints_of_both(const struct h2_session *session, enum check_dirs dirs)
{
    const struct h2_session *peer = dirs != DIRS_ONE ? session->peer : NULL;
    bool mid = session->opt.mid_stream || (peer != NULL && peer->opt.mid_stream);
    bool gap = session->gapped || (peer != NULL && peer->gapped);
    bool one = dirs != DIRS_ONE && session->peer_never;
    bool set = dirs != DIRS_ONE && session->ledger.queue_len > 0;
    bool pend = dirs != DIRS_ONE && session->pend_full;
    return (mid ? TAINT_MID : 0U) | (gap ? TAINT_GAP : 0U) | (one ? TAINT_ONE : 0U) |
           (set ? TAINT_SET : 0U) | (pend ? TAINT_PEND : 0U);
}

unsigned h2_session_taints(const struct h2_session *session, enum check check, uint32_t stream_id)
{
    const struct check_row *row = spec_check(check);
    if (row->by == BY_NOBODY || row->scope == SCOPE_INFO) {
        return 0;
    }
    unsigned taints = taints_of_both(session, row->dirs);
    bool fields = row->scope == SCOPE_MESSAGE || row->error_code == H2_COMPRESSION_ERROR;
    uint32_t assumed;
    if (fields && hpack_decoder_level(session->hpack, &assumed) != HPACK_LEVEL_FULL) {
        taints |= TAINT_HPK;
    }
    const struct h2_stream *stream = h2_stream_find(session, stream_id);
    if (row->scope == SCOPE_MESSAGE && session->role == H2_ROLE_CLIENT &&
        (stream == NULL || (stream->flags & H2_STREAM_REQ_KNOWN) == 0)) {
        taints |= TAINT_REQ;
    }
    return taints | (session->report->roles != H2_ROLES_KNOWN ? TAINT_ROLE : 0U);
}

void h2_report_finding(struct h2_session *session, struct finding *finding)
{
    struct h2_report *report = session->report;
    if (report == NULL) {
        return;
    }
    finding->after_doomed = finding->after_doomed || report->doomed;
    finding->taint |= (uint16_t)h2_session_taints(session, finding->check, finding->stream_id);
    uint32_t *shown = &report->shown[finding->check];
    if (*shown < LIMIT_FINDINGS_PER_CHECK) {
        (*shown)++;
        tell(session, finding);
    } else {
        finding->surplus = true;
        tell(session, finding);
    }
    if (finding->surplus && !report->limit_told) {
        report->limit_told = true;
        struct finding limit = *finding;
        limit.surplus = false;
        limit.check = CHECK_LIMIT_FINDINGS;
        limit.severity = finding_severity(CHECK_LIMIT_FINDINGS, CONFIDENCE_CERTAIN);
        limit.confidence = CONFIDENCE_CERTAIN;
        limit.message = "20 findings of one check were shown; more of it are only counted";
        tell(session, &limit);
    }
    if (finding_scope(finding) == SCOPE_CONNECTION && finding->confidence == CONFIDENCE_CERTAIN) {
        report->doomed = true;
    }
}
