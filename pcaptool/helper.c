/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper.c: starts and ends a process that serves this one over a socket.
 *
 * Refuses signals that tell the program to end or to report: a helper ends when its socket does, so that
 * what was asked for before is still done.
 *
 * Misuse: starting one when there are threads; a lock that another thread holds stays locked in it. */
#include "helper.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void ignore_signals(void)
{
    static const int others[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        (void)signal(others[i], SIG_IGN);
}

bool imapid_helper_start(struct imapid_helper *helper, int type,
                         void (*serve)(void *ctx, int socket), void *ctx)
{
    int ends[2];

    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    helper->process = fork();
    if (helper->process == 0) {
        close(ends[0]);
        ignore_signals();
        serve(ctx, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    helper->socket = ends[0];
    if (helper->process > 0)
        return true;
    imapid_helper_end(helper);
    return false;
}

void imapid_helper_end(struct imapid_helper *helper)
{
    int error = errno;

    if (helper->socket >= 0)
        close(helper->socket);
    if (helper->process > 0)
        while (waitpid(helper->process, NULL, 0) < 0 && errno == EINTR)
            ;
    *helper = IMAPID_HELPER_NONE;
    errno = error;
}
