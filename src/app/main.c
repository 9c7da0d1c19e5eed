/* The program's frame: options, then the pipeline. */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/help.h"
#include "app/live.h"
#include "app/options.h"
#include "app/pipeline.h"
#include "app/report.h"
#include "input/input.h"
#include "tls/tls.h"

/* A core file would hold the traffic; and a closed pipe is an error of write(), not a death. */
static void settle_process(void)
{
    const struct rlimit none = { 0, 0 };
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGPIPE, SIG_IGN);
}

static int usage_error(const struct err *err)
{
    struct mem mem;
    mem_init(&mem, 0);
    struct out *out = out_new(&mem, STDERR_FILENO);
    if (out != NULL) {
        report_line(out, err->text);
        out_free(out);
    }
    return EXIT_UNUSABLE;
}

static int show_text(const struct app_options *options)
{
    enum app_action action = options->action;
    struct mem mem;
    struct err err = { .rc = RC_OK };
    mem_init(&mem, 0);
    struct out *out = out_new(&mem, STDOUT_FILENO);
    if (out == NULL) {
        return EXIT_UNUSABLE;
    }
    if (action == ACTION_VERSION) {
        out_printf(out, "h2dump %s\n", H2DUMP_VERSION);
        struct input_library library;
        for (size_t i = 0; input_library(i, &library); i++) {
            out_printf(out, "%s %s\n", library.name, library.version);
        }
        if (tls_library() != NULL) {
            out_printf(out, "%s\n", tls_library());
        }
    } else if (action == ACTION_LIST_CHECKS) {
        render_list_checks(out, options->format);
    } else if (action == ACTION_EXPLAIN) {
        render_explain(out, options->format, options->check.explained);
    } else if (action != ACTION_INTERFACES) {
        help_write(out, action == ACTION_HELP_LONG);
    } else if (live_list(out, &err) != RC_OK) {
        out_free(out);
        return usage_error(&err);
    }
    out_flush(out);
    enum rc rc = out_rc(out, &err);
    out_free(out);
    return rc == RC_OK || rc == RC_CLOSED ? EXIT_DECODED : usage_error(&err);
}

int main(int argc, char **argv)
{
    struct app_options options;
    struct err err = { .rc = RC_OK };
    settle_process();
    if (options_parse(&options, argc, argv, &err) != RC_OK) {
        return usage_error(&err);
    }
    if (options.action != ACTION_RUN) {
        return show_text(&options);
    }
    if (options.file_count == 0 && options.c2s == NULL && options.interface == NULL &&
        isatty(STDIN_FILENO) == 1) {
        (void)err_set(&err, RC_USAGE,
                      "nothing to read: give a FILE, or pipe a capture or stream in (-h for help)");
        return usage_error(&err);
    }
    return pipeline_run(&options);
}
