/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_OPENER_H
#define IMAPID_OPENER_H

#include <stdbool.h>

/* Opens what is read. The process that reads what strangers sent gives up opening files; from then
 * on another one does it, the opener, and only the files that were allowed before. */

/* Allows a file, as it is named here. is_regular: it is known to be a regular file. */
void imapid_opener_allow(const char *path, bool is_regular);

/* Allows a folder and, by paths that begin with its name, all folders and regular files beneath it,
 * also those that are not there yet. Links to folders are not followed. */
void imapid_opener_allow_folder(const char *path);

/* Starts the opener: only while there are no threads, and one at a time. It calls `confine` first.
 * False, with errno, where it cannot be started. */
bool imapid_opener_start(void (*confine)(void));

/* As open(), for reading alone: O_NONBLOCK and O_DIRECTORY are what `flags` may have; it is
 * O_CLOEXEC and O_NOCTTY in any case. -1 with errno: EACCES for what was not allowed, EPIPE where
 * the opener is gone. Without an opener this process opens it. A regular file may have been opened
 * before, with one that was allowed before it, if both were named whole. From any thread. */
int imapid_opener_open(const char *path, int flags);

/* Ends the opener, if there is one, and forgets what was allowed. */
void imapid_opener_end(void);

#endif
