/* Where findings leave the engine: counted, capped (LIMIT_FINDINGS_PER_CHECK a connection), marked
 * when a connection error came before. Both sessions of a connection share one struct h2_report. */
#include "h2/session_int.h"

bool h2_report_wanted(struct h2_session *session, enum check check)
{
    (void)check;
    return session->ev.on_finding != NULL;
}

static void tell(struct h2_session *session, const struct finding *finding)
{
    if (session->ev.on_finding != NULL) {
        session->ev.on_finding(session, finding, session->user);
    }
}

void h2_report_finding(struct h2_session *session, struct finding *finding)
{
    struct h2_report *report = session->report;
    if (report == NULL) {
        return;
    }
    finding->after_doomed = finding->after_doomed || report->doomed;
    uint32_t *shown = &report->shown[finding->check];
    if (*shown < LIMIT_FINDINGS_PER_CHECK) {
        (*shown)++;
        tell(session, finding);
    } else if (!report->limit_told) {
        report->limit_told = true;
        struct finding limit = *finding;
        limit.check = CHECK_LIMIT_FINDINGS;
        limit.severity = finding_severity(CHECK_LIMIT_FINDINGS, CONFIDENCE_CERTAIN);
        limit.confidence = CONFIDENCE_CERTAIN;
        limit.message = "20 findings of one check were shown; more of it are only counted";
        tell(session, &limit);
    }
    if (spec_check(finding->check)->scope == SCOPE_CONNECTION &&
        finding->confidence == CONFIDENCE_CERTAIN) {
        report->doomed = true;
    }
}
