/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_GATHER_H
#define IMAPID_GATHER_H

#include "answer/fold.h"
#include "answer/store.h"
#include "options.h"
#include "output.h"
#include "run.h"

/* What check, stats and report have in common: all records of all inputs in one store, and one text
 * written at the end. */
struct imapid_gathered {
    struct imapid_store *store;
    struct imapid_store_view view;
    const struct imapid_fold *fold;
    struct imapid_totals totals;
    struct imapid_output *output;
    gboolean is_complete; /* every input could be read whole */
};

/* Opens the output and reads everything. False, with a message on standard error, where nothing can
 * come of it (an output that cannot be written). */
gboolean imapid_gather(const struct imapid_options *options, const GArray *inputs,
                       struct imapid_gathered *gathered);
void imapid_gather_free(struct imapid_gathered *gathered);

/* Adds to the answer; `gathered` is what was gathered. */
void imapid_gather_put(void *gathered, const char *text, size_t n);

/* Adds the rest and ends the answer, then writes the totals. A file takes the place of an earlier one,
 * unless nothing could be read or a signal cut it short. False where it could not be written. */
gboolean imapid_gather_write(const struct imapid_options *options, struct imapid_gathered *gathered,
                             const GString *text);

/* The command's answer where its format is "partial": the state of the store. */
enum imapid_exit imapid_gather_partial(const struct imapid_options *options, const GArray *inputs);

#endif
