/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RUN_H
#define IMAPID_RUN_H

#include "job.h"

/* All inputs to their records, on as many threads as asked for: captures are read, JSON Lines of
 * earlier runs are read back. Which of the two an input is, its first octets say. */

/* Reads everything. False where an input could not be read whole; messages went to standard error,
 * and what could be read was given all the same. */
gboolean imapid_run(const struct imapid_options *options, const GArray *inputs,
                    const struct imapid_job_user *user, struct imapid_totals *totals);

/* The exit status of a process, of what its command says: 128 + n after a signal that asked for the end, and
 * AGAIN instead of FAILED where the surroundings failed. */
int imapid_run_get_status(enum imapid_exit status);

/* Octets of --memory that one of the inputs has. */
gsize imapid_run_get_share(const struct imapid_options *options, const GArray *inputs);

#endif
