#include "app/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define EXIT_INTERRUPTED 130

/* A handler can reach nothing else: the one place with state of the whole program. */
static int write_end = -1;
static volatile sig_atomic_t interrupts;

static void on_signal(int number)
{
    int before = errno;
    if (number == SIGINT && interrupts++ > 0) {
        _exit(EXIT_INTERRUPTED);
    }
    /* The pipe is full only when it has been told often enough. */
    ssize_t put = write(write_end, "", 1);
    (void)put;
    errno = before;
}

enum rc stop_on_signals(int *fd, struct err *err)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    int ends[2];
    if (pipe(ends) != 0) {
        return err_set(err, RC_IO, "a pipe for signals cannot be had: %s", strerror(errno));
    }
    for (unsigned i = 0; i < 2; i++) {
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    write_end = ends[1];
    /* Without SA_RESTART: whatever waits shall wake. */
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < H2D_COUNT_OF(numbers); i++) {
        struct sigaction old;
        /* nohup: a hangup that is ignored when we begin stays so. A shell has a background job
         * ignore SIGINT, too, and yet somebody may send it one. */
        if (numbers[i] != SIGHUP ||
            (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)) {
            (void)sigaction(numbers[i], &action, NULL);
        }
    }
    *fd = ends[0];
    return RC_OK;
}
