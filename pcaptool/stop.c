/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop.c: SIGINT and SIGTERM as an octet in a pipe that is never read, so that every thread that
 * waits sees it, also one that begins to wait just then. SIGHUP is such a wish too where there is no
 * output to open anew. That and SIGUSR1 are counted; readers look several times a second. What the program
 * writes goes on after a signal.
 *
 * Refuses a second signal: it ends the program at once. One that comes within a second is no second
 * wish: timeout(1) sends its signal to the program and to its group, so it comes twice.
 *
 * Misuse: reading the octet out of the pipe. Other threads then wait for ever. */
#define _GNU_SOURCE /* pipe2 */
#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static int ends[2] = {-1, -1};
static gint signalled; /* atomic: the signal, 0: none */
static gint since =
    -1; /* atomic: when it came, in ms of the monotonic clock, modulo 2^31; -1: just now */

#define SAME_WISH_MS 1000

static gint n_reopen, n_asked; /* atomic: see imapid_stop_count_reopen() */

/* Calls only what signal-safety(7) allows. */
static void on_signal(int number)
{
    int saved = errno;
    struct timespec t;
    gint now, first;

    clock_gettime(CLOCK_MONOTONIC, &t);
    now = (gint)((t.tv_sec * 1000 + t.tv_nsec / 1000000) & G_MAXINT);
    if (!g_atomic_int_compare_and_exchange(&signalled, 0, number)) {
        first = g_atomic_int_get(&since);
        if (first >= 0 && ((now - first) & G_MAXINT) >= SAME_WISH_MS) {
            (void)signal(number, SIG_DFL);
            (void)raise(number);
        }
        errno = saved;
        return;
    }
    g_atomic_int_set(&since, now);
    if (write(ends[1], "", 1) < 0) {
        /* the pipe is full: then it is readable */
    }
    errno = saved;
}

static void on_reopen(int number)
{
    (void)number;
    g_atomic_int_inc(&n_reopen);
}

static void on_asked(int number)
{
    (void)number;
    g_atomic_int_inc(&n_asked);
}

static void handle(int number, void (*handler)(int number))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

    sigaction(number, &action, NULL);
}

/* nohup(1) keeps it away. */
static gboolean is_ignored(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void imapid_stop_install(gboolean reopens)
{
    if (ends[0] >= 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return;
    handle(SIGINT, on_signal);
    handle(SIGTERM, on_signal);
    handle(SIGUSR1, on_asked);
    if (reopens)
        handle(SIGHUP, on_reopen);
    else if (!is_ignored(SIGHUP))
        handle(SIGHUP, on_signal);
}

gint imapid_stop_count_reopen(void)
{
    return g_atomic_int_get(&n_reopen);
}

gint imapid_stop_count_asked(void)
{
    return g_atomic_int_get(&n_asked);
}

void imapid_stop_release(void)
{
    if (imapid_stop_is_set())
        return; /* the totals are still to be told */
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
