/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_PROGRESS_H
#define IMAPID_PROGRESS_H

#include <glib.h>

/* How far the reading is, on standard error: one line that is written over on a terminal, a line a
 * second elsewhere. All calls are thread-safe. */
struct imapid_progress;

/* n_octets: of all inputs together; 0: not known. */
struct imapid_progress *imapid_progress_new(guint n_files, guint64 n_octets);

/* So many more were read, files being finished ones. Shows the line when it is time. NULL is
 * allowed. */
void imapid_progress_add(struct imapid_progress *progress, guint64 n_octets, guint n_files,
                         guint64 n_exchanges);

/* Makes room for another line on standard error. NULL is allowed. */
void imapid_progress_clear(struct imapid_progress *progress);

/* Takes the line away, or, where it is no terminal's, writes the last one. NULL is allowed. */
void imapid_progress_free(struct imapid_progress *progress);

#endif
