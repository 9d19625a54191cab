/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_WIDTH_H
#define IMAPID_RECORD_WIDTH_H

#include "record/record.h"

#include <glib.h>

/* Cells of text for a terminal: what takes how many columns there, and what is left of it where there
 * are fewer. A cell is what was appended to `out` since `start`:
 *
 *     start = out->len;
 *     imapid_spell_value(out, octets, n, terminal->utf8);
 *     imapid_width_fit(out, start, 20, terminal->utf8);
 *
 * Cells are UTF-8 as imapid_spell_value() leaves it: no control characters, so no colours either;
 * these are put around a cell when it is ready (g_string_insert() at `start`, or begun before it).
 * Widths are those of wcwidth(): 2 for East Asian wide and full-width characters, 0 for combining marks, 1 for
 * all others, the ambiguous ones included. */

/* Columns of `n` octets of UTF-8. */
gsize imapid_width_measure(const char *text, gsize n);

/* Cuts the cell at its end, so that with "…" ("..." where there is no `utf8`) behind it it has at
 * most `columns`. A cell that is no wider stays. A wide character that would stand across the edge
 * is left out. */
void imapid_width_cut(GString *out, gsize start, unsigned columns, bool utf8);

/* The same, cut in the middle: for addresses, of which both ends tell. */
void imapid_width_cut_middle(GString *out, gsize start, unsigned columns, bool utf8);

/* Adds spaces up to `columns`; behind the cell, or (for numbers) before it. A wider cell stays. */
void imapid_width_pad(GString *out, gsize start, unsigned columns);
void imapid_width_pad_before(GString *out, gsize start, unsigned columns);

/* imapid_width_cut(), then imapid_width_pad(): exactly `columns`. */
void imapid_width_fit(GString *out, gsize start, unsigned columns, bool utf8);

/* Appends "name version" in at most `columns`, not padded: of a pair that is too wide the name is cut, to
 * no fewer than 8 columns, then the version. Either may be NULL or nil: then the other one alone. */
void imapid_width_add_software(GString *out, const struct imapid_record_string *name,
                               const struct imapid_record_string *version, unsigned columns,
                               bool utf8);

#endif
