/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CUT_SPILL_H
#define IMAPID_CUT_SPILL_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets that are put away and read back in their order: any number of runs, in one temporary file that has no
 * name. */
struct imapid_spill;

/* One sequence of octets. Zero it. One thread at a time; different runs are independent. */
struct imapid_spill_run {
    GArray *pieces;   /* of the file */
    GByteArray *tail; /* what is not in the file yet: NULL, nothing */
    uint64_t n;       /* octets of it all */
};

/* Opens the file, in the folder for temporary files (TMPDIR): before files may not be opened any more. NULL
 * with *message, to be freed. */
struct imapid_spill *imapid_spill_new(char **message);

/* NULL is allowed. */
void imapid_spill_free(struct imapid_spill *spill);

/* Appends to a run. What cannot be written is told by imapid_spill_explain(). */
void imapid_spill_add(struct imapid_spill *spill, struct imapid_spill_run *run, const void *octets,
                      size_t n);

/* Nothing more is added to the run for now: its memory is given back, but for 16 octets for each 64 KiB. */
void imapid_spill_rest(struct imapid_spill *spill, struct imapid_spill_run *run);

/* Forgets what is in a run, which may be used again. Where the file system can, the room on the disk is free
 * for others; with NULL for `spill`, when that is. */
void imapid_spill_clear(struct imapid_spill *spill, struct imapid_spill_run *run);

/* Reads a run from its beginning: begin with .spill and .run, and the rest 0. */
struct imapid_spill_reader {
    const struct imapid_spill *spill;
    const struct imapid_spill_run *run;
    guint piece;
    size_t at; /* octets of this piece that were read */
};

/* Up to n octets, 0 at the end of the run, -1 with errno. */
ptrdiff_t imapid_spill_read(void *reader, uint8_t *octets, size_t n);

/* Why what was added is not all there, to be freed; NULL: it is. */
char *imapid_spill_explain(const struct imapid_spill *spill);

#endif
