/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FUZZ_OUTPUTS_H
#define IMAPID_FUZZ_OUTPUTS_H

#include "answer/store.h"
#include "record/record.h"

/* Every output of one run, checked by readers that know nothing of the writers: JSON is JSON, each
 * row of a table has as many cells as its head and no cell is a formula, tags of HTML are closed in
 * the reverse order, and what goes to a terminal has no control character. */
struct outputs;

struct outputs *outputs_new(void);

/* Takes the records of the run; good as long as `outputs`. */
struct imapid_record_sink outputs_sink(struct outputs *outputs);

/* The JSON Lines so far; good as long as `outputs`. */
const GString *outputs_get_lines(const struct outputs *outputs);

/* Writes everything, aborts where it is wrong, and frees `outputs`. */
void outputs_check(struct outputs *outputs);

#endif
