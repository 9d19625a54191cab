/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_PIECES_H
#define IMAPID_PIECES_H

#include "job.h"

/* Reads the inputs of the context as pieces of one capture, on this thread. What cannot be read is
 * complained of. From one that begins another section on they are read on, as far as it takes. */
void imapid_pieces_run(struct imapid_job_context *context);

/* How many of the inputs are before that. */
guint imapid_pieces_count(const GArray *inputs);

#endif
