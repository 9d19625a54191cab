/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SANDBOX_H
#define IMAPID_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* What a process of this program is still able to do from now on. */
enum imapid_sandbox_role {
    IMAPID_SANDBOX_READER,   /* reads and writes what is open, starts threads */
    IMAPID_SANDBOX_CAPTURER, /* the same, and network interfaces that are open */
    IMAPID_SANDBOX_OPENER,   /* opens files to read them, and hands them over */
    IMAPID_SANDBOX_KEEPER,   /* renames and deletes in one folder */
    IMAPID_SANDBOX_N_ROLES
};

/* --no-sandbox: from now on nothing of this happens. */
void imapid_sandbox_disable(void);
bool imapid_sandbox_is_disabled(void);

/* Gives up the rest, for ever, for all threads: new privileges, every system call that the role has
 * no use for, and where the kernel has Landlock, all files that can be opened but what `folder` (NULL:
 * nothing) holds. What is open stays so. What libraries prepare when it is first needed is prepared
 * now. False, with *message to be freed, where the kernel refuses. */
bool imapid_sandbox_enter(enum imapid_sandbox_role role, const char *folder, char **message);

/* Gives up writing to these descriptors, before entering: to a network interface, that would send
 * packets. False, with *message to be freed. */
bool imapid_sandbox_forbid_writing(const int *fds, size_t n, char **message);

/* Gives up all capabilities and, as root with `is_live`, also root: for the user who called sudo, or
 * else nobody. False, with *message to be freed. */
bool imapid_sandbox_drop_privileges(bool is_live, char **message);

/* What this build and this kernel have of it, in words. To be freed. */
char *imapid_sandbox_describe(void);

#endif
