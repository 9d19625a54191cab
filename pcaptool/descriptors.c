/* SPDX-License-Identifier: GPL-2.0-or-later */
/* descriptors.c: open files from one process to another.
 *
 * Refuses a signal for a peer that is gone. Misuse: more than IMAPID_DESCRIPTORS_MAX of them. */
#define _GNU_SOURCE /* MSG_CMSG_CLOEXEC */
#include "descriptors.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Room for them beside a message. */
union beside {
    struct cmsghdr head;
    char octets[CMSG_SPACE(IMAPID_DESCRIPTORS_MAX * sizeof(int))];
};

bool imapid_descriptors_send(int socket, int error, const int *fds, unsigned n)
{
    struct iovec octets = {&error, sizeof error};
    union beside beside = {.octets = {0}};
    struct msghdr message = {.msg_iov = &octets, .msg_iovlen = 1};

    if (n) {
        message.msg_control = beside.octets;
        message.msg_controllen = CMSG_SPACE(n * sizeof *fds);
        beside.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(n * sizeof *fds),
                                       .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&beside.head), fds, n * sizeof *fds);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)sizeof error;
}

unsigned imapid_descriptors_receive(int socket, bool waits, int *error, int *fds)
{
    struct iovec octets = {error, sizeof *error};
    union beside beside;
    struct msghdr message = {.msg_iov = &octets,
                             .msg_iovlen = 1,
                             .msg_control = beside.octets,
                             .msg_controllen = sizeof beside.octets};
    const struct cmsghdr *head;
    size_t n_fds = 0;
    ssize_t n;

    do
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | (waits ? 0 : MSG_DONTWAIT));
    while (n < 0 && errno == EINTR);
    head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head && head->cmsg_type == SCM_RIGHTS) {
        n_fds = (head->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
        memcpy(fds, CMSG_DATA(head), n_fds * sizeof *fds);
    }
    if (n != (ssize_t)sizeof *error)
        *error = n < 0 && errno == EAGAIN ? EAGAIN : EPIPE;
    return (unsigned)n_fds;
}
