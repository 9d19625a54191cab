/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cell.c: cells of CSV and TSV. A table is opened in a spreadsheet sooner or later, and that runs
 * cells as formulas: nothing a stranger wrote may begin like one.
 *
 * Refuses nothing. Misuse: imapid_cell_add_own() with what a stranger wrote; imapid_cell_add() with
 * a negative number, which gets an apostrophe. */
#include "record/cell.h"

#include "record/spell.h"

#include <stdbool.h>
#include <string.h>

static void begin_cell(struct imapid_row *row)
{
    if (row->n_cells++)
        g_string_append_c(row->out, row->form == IMAPID_CELL_CSV ? ',' : '\t');
}

static void add_csv(GString *out, const char *text, gsize n)
{
    bool quoted = memchr(text, '"', n) || memchr(text, ',', n) || memchr(text, '\n', n) ||
                  memchr(text, '\r', n) || (n && (*text == ' ' || text[n - 1] == ' '));

    if (quoted)
        g_string_append_c(out, '"');
    for (gsize i = 0; i < n; i++) {
        if (text[i] == '"')
            g_string_append_c(out, '"');
        if (text[i])
            g_string_append_c(out, text[i]);
        else
            g_string_append(out, "\xef\xbf\xbd"); /* U+FFFD: readers of CSV stop at NUL */
    }
    if (quoted)
        g_string_append_c(out, '"');
}

static void add_tsv(GString *out, const char *text, gsize n)
{
    static const char from[] = "\t\n\r\\", to[] = "tnr\\";

    for (gsize i = 0; i < n; i++) {
        const char *at = text[i] ? strchr(from, text[i]) : NULL;

        if (at)
            g_string_append_printf(out, "\\%c", to[at - from]);
        else if (!text[i])
            g_string_append(out, "\\0");
        else
            g_string_append_c(out, text[i]);
    }
}

/* Would a spreadsheet take this for more than text? Some take the full-width forms of East Asian
 * keyboards (U+FF1D, FF0B, FF0D, FF20) as well. A cell of TSV that begins with a quote it unquotes,
 * and then looks at what is inside. */
static bool is_risky(const uint8_t *octets, size_t n, enum imapid_cell_form form)
{
    static const char wide[][4] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};

    if (!n)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(wide); i++)
        if (n >= 3 && !memcmp(octets, wide[i], 3))
            return true;
    return (octets[0] && strchr("=+-@\t\r\n'", octets[0])) ||
           (form == IMAPID_CELL_TSV && octets[0] == '"');
}

void imapid_cell_add(struct imapid_row *row, const uint8_t *octets, size_t n)
{
    GString *text = g_string_new(NULL);

    if (is_risky(octets, n, row->form))
        g_string_append_c(text, '\'');
    if (row->is_terminal)
        imapid_spell_terminal(text, octets, n, 0);
    else
        imapid_spell_utf8(text, octets, n);
    begin_cell(row);
    (row->form == IMAPID_CELL_CSV ? add_csv : add_tsv)(row->out, text->str, text->len);
    g_string_free(text, TRUE);
}

void imapid_cell_add_text(struct imapid_row *row, const char *text)
{
    imapid_cell_add(row, (const uint8_t *)(text ? text : ""), text ? strlen(text) : 0);
}

void imapid_cell_add_own(struct imapid_row *row, const char *text)
{
    begin_cell(row);
    if (text)
        (row->form == IMAPID_CELL_CSV ? add_csv : add_tsv)(row->out, text, strlen(text));
}

void imapid_cell_add_number(struct imapid_row *row, guint64 number)
{
    begin_cell(row);
    imapid_spell_number(row->out, number);
}

void imapid_cell_end_row(struct imapid_row *row)
{
    g_string_append(row->out, row->form == IMAPID_CELL_CSV ? "\r\n" : "\n");
    row->n_cells = 0;
}
