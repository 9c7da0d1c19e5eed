#include "app/checking.h"

#include <string.h>

#include "app/report.h"

enum rc checking_begin(struct run *run, struct err *err)
{
    (void)run, (void)err;
    return RC_OK;
}

void checking_take(struct run *run, const struct connection_info *info, struct render_conn *shown,
                   const struct finding *finding)
{
    struct checked *checked = &run->checked;
    (void)info;
    checked->of_input++;
    checked->counts[finding->severity] += !finding->after_doomed;
    render_check_finding(shown, finding);
}

bool checking_wants(const struct run *run, enum check check)
{
    return run->options->check.wanted[check];
}

void checking_input_done(struct run *run)
{
    run->checked.inputs++;
    run->checked.inputs_with_findings += run->checked.of_input > 0;
    run->checked.of_input = 0;
}

bool checking_failed(const struct run *run)
{
    for (unsigned severity = run->options->check.fail_on; severity <= SEVERITY_ERROR; severity++) {
        if (run->checked.counts[severity] > 0) {
            return true;
        }
    }
    return false;
}

bool checking_too_tainted(const struct run *run)
{
    const struct render_totals *totals = render_totals(run->render);
    return run->options->check.max_tainted_given &&
           (double)totals->frames_tainted * 100 >
               run->options->check.max_tainted * (double)totals->frames;
}

bool checking_finish(struct run *run)
{
    (void)run;
    return true;
}

void checking_free(struct run *run)
{
    check_free(run->check);
}
