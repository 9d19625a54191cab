/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop.c: SIGINT and SIGTERM as an octet in a pipe that is never read, so that every thread that
 * waits sees it, also one that begins to wait just then.
 *
 * Refuses a second signal: it ends the program at once.
 *
 * Misuse: reading the octet out of the pipe. Other threads then wait for ever. */
#define _GNU_SOURCE /* pipe2 */
#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

static int ends[2] = {-1, -1};
static gint signalled; /* atomic: the signal, 0: none */

static void on_signal(int number)
{
    int saved = errno;

    g_atomic_int_set(&signalled, number);
    if (write(ends[1], "", 1) < 0) {
        /* the pipe is full: then it is readable */
    }
    errno = saved;
}

void imapid_stop_install(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    if (ends[0] >= 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void imapid_stop_release(void)
{
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
}

int imapid_stop_get_fd(void)
{
    return ends[0];
}

enum imapid_stop_waited imapid_stop_wait(int fd, int milliseconds)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = ends[0], .events = POLLIN}};
    int n;

    while ((n = poll(fds, G_N_ELEMENTS(fds), milliseconds)) < 0 && errno == EINTR)
        ;
    if (fds[1].revents)
        return IMAPID_STOP_WISHED;
    return n ? IMAPID_STOP_READY : IMAPID_STOP_IDLE;
}

gboolean imapid_stop_is_set(void)
{
    return imapid_stop_get_signal() != 0;
}

int imapid_stop_get_signal(void)
{
    return g_atomic_int_get(&signalled);
}
