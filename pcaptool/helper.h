/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_HELPER_H
#define IMAPID_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

/* A process beside the one that reads what strangers sent. It does for that one what that one gave up. */
struct imapid_helper {
    int socket; /* to it; -1: none was started */
    pid_t process;
};

#define IMAPID_HELPER_NONE                                                                         \
    (struct imapid_helper)                                                                         \
    {                                                                                              \
        .socket = -1                                                                               \
    }

/* Starts a helper, a copy of this process, that calls serve() with its end of a socket of this type (SOCK_STREAM,
 * SOCK_SEQPACKET), and ends when that returns. Signals for the program are not for it. Call it only while
 * there are no threads. False with errno. */
bool imapid_helper_start(struct imapid_helper *helper, int type,
                         void (*serve)(void *ctx, int socket), void *ctx);

/* Closes the socket, by which the helper knows that nobody asks any more, and waits for its end. */
void imapid_helper_end(struct imapid_helper *helper);

#endif
