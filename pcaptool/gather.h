/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_GATHER_H
#define IMAPID_GATHER_H

#include "answer/fold.h"
#include "answer/store.h"
#include "run.h"

/* What check, stats and report have in common: all records of all inputs in one store, and one text
 * written at the end. */
struct imapid_gathered {
    struct imapid_store *store;
    struct imapid_store_view view;
    struct imapid_fold *fold;
    struct imapid_totals totals;
    gboolean is_complete; /* every input could be read whole */
};

/* Reads everything. False, with a message on standard error, where nothing can come of it (a table
 * that cannot be read). */
gboolean imapid_gather(const struct imapid_options *options, const GArray *inputs,
                       struct imapid_gathered *gathered);
void imapid_gather_free(struct imapid_gathered *gathered);

/* Writes the answer where it belongs, then the totals. False where it could not be written. */
gboolean imapid_gather_write(const struct imapid_options *options,
                             const struct imapid_gathered *gathered, const GString *text);

/* The same in pieces: NULL where it cannot be opened, with a message; put any number; close. */
struct imapid_output *imapid_gather_open(const struct imapid_options *options);
void imapid_gather_put(void *output, const char *text, size_t n);
gboolean imapid_gather_close(const struct imapid_options *options,
                             const struct imapid_gathered *gathered, struct imapid_output *output);

#endif
