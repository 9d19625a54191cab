/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_CELL_H
#define IMAPID_RECORD_CELL_H

#include <glib.h>
#include <stdint.h>

/* Rows of tables. A row is begun, gets its cells, and is ended. */
enum imapid_cell_form {
    IMAPID_CELL_CSV, /* RFC 4180: commas, quotes doubled, CRLF */
    IMAPID_CELL_TSV, /* tabs; in a cell \t \n \r \0 and \\ for tab, line feed, CR, NUL, backslash */
};

struct imapid_row {
    GString *out;
    enum imapid_cell_form form;
    gboolean is_terminal; /* nothing may be in a cell that a terminal obeys */
    guint n_cells;
};

/* What somebody else wrote. What a spreadsheet would execute (a cell that begins with = + - @, also
 * full-width ones, a tab, CR or LF) gets an apostrophe in front, and so does one that begins with
 * an apostrophe, so that taking one off gives every cell back; in TSV, where quotes mean nothing
 * but to spreadsheets, one that begins with a quote as well. Octets that are no UTF-8, and in CSV
 * NUL, become U+FFFD; for a terminal they and control characters are spelled as in text. */
void imapid_cell_add(struct imapid_row *row, const uint8_t *octets, size_t n);

/* The same for a NUL-terminated string; NULL is an empty cell. */
void imapid_cell_add_text(struct imapid_row *row, const char *text);

/* What this program computed: numbers, times, words of its own. Nothing is put in front. */
void imapid_cell_add_own(struct imapid_row *row, const char *text);
void imapid_cell_add_number(struct imapid_row *row, guint64 number);

/* Ends the row; the next cell begins another one. */
void imapid_cell_end_row(struct imapid_row *row);

#endif
