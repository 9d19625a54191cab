/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_DESCRIPTORS_H
#define IMAPID_DESCRIPTORS_H

#include <stdbool.h>

/* An answer of a helper process: an errno value, and descriptors beside it (SCM_RIGHTS, see unix(7)). */

/* The most that go with one answer. */
#define IMAPID_DESCRIPTORS_MAX 16

/* Sends `error` and `n` descriptors, which stay open here. False: nobody is there to hear it, or errno says
 * what failed. */
bool imapid_descriptors_send(int socket, int error, const int *fds, unsigned n);

/* An answer, which is waited for or not. Returns how many descriptors came, at most IMAPID_DESCRIPTORS_MAX: `fds` has
 * room for so many, and they are the caller's. *error: what was sent; EPIPE where no answer came, EAGAIN where there is
 * none yet. Of those that there is no room for in this process the last are missing. */
unsigned imapid_descriptors_receive(int socket, bool waits, int *error, int *fds);

#endif
