/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_PIECES_H
#define IMAPID_PIECES_H

#include "job.h"

/* Reads the inputs of the context as pieces of one capture, on this thread. What cannot be read is
 * complained of. */
void imapid_pieces_run(struct imapid_job_context *context);

#endif
