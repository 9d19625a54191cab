/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FAILURE_H
#define IMAPID_FAILURE_H

#include <stdbool.h>

/* Was it the surroundings that failed, so that it is worth to try again, or is an input damaged? Any thread
 * may call these. */

/* What errno says of a file that is read, or written, as g_strerror() spells it. That the surroundings have
 * failed is remembered: a file that is gone, a disk, a server of files, no space. */
const char *imapid_failure_of_input(int error);
const char *imapid_failure_of_output(int error);

/* Have they, since the program began? */
bool imapid_failure_is_outside(void);

#endif
