/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SERIES_H
#define IMAPID_SERIES_H

#include "inputs.h"

#include <stdbool.h>

/* Between two looks for files that are followed. */
#define IMAPID_SERIES_LOOK_MS 250

/* The captures of a folder that fills (--follow), as a ring buffer of dumpcap or tcpdump does: one
 * after the other, in the order of their first packets. One of them grows at a time: it is over when
 * another one that begins later has a packet, or when it is quiet while an earlier one waits. */
struct imapid_series;

/* `output` is the file that is written to, which is none of them; NULL: standard output. */
struct imapid_series *imapid_series_new(const char *folder, const char *output);

/* The next file, waited for; the one before was read. What is no capture comes as soon as it is
 * there, for the caller to find out what it is. NULL: the wish to end came. Good until the next
 * call, its path until free(). */
const struct imapid_input *imapid_series_next(struct imapid_series *series);

/* Is the file that next() gave last over? For struct imapid_source_watch. */
bool imapid_series_is_over(void *series);

/* The file that next() gave last was written anew: it is given once more. */
void imapid_series_renew(struct imapid_series *series);

/* With it goes what imapid_series_next() gave. Not NULL. */
void imapid_series_free(struct imapid_series *series);

#endif
