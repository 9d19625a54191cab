/* SPDX-License-Identifier: GPL-2.0-or-later */
/* width.c: cells of text by display width: measured, cut and padded. GLib knows the widths, so that
 * they do not depend on the locale, as those of wcwidth() do.
 *
 * Refuses nothing: where there are fewer columns than "…" takes, as much of it stands there.
 *
 * Misuse: a cell with what a stranger wrote and imapid_spell_value() did not spell; or with colours in it,
 * which count as columns and are cut. */
#include "record/width.h"

#include "record/spell.h"

#include <string.h>

/* So much of a name stays, whatever its version is. */
#define NAME_MIN 8u

static unsigned measure_char(gunichar c)
{
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

gsize imapid_width_measure(const char *text, gsize n)
{
    gsize columns = 0;

    for (const char *at = text; at < text + n; at = g_utf8_next_char(at))
        columns += measure_char(g_utf8_get_char(at));
    return columns;
}

/* How many octets from `text` on have at most `columns`; marks go with what they stand on. */
static gsize take_first(const char *text, gsize n, gsize columns)
{
    const char *at = text;
    gsize width = 0;

    while (at < text + n && (width += measure_char(g_utf8_get_char(at))) <= columns)
        at = g_utf8_next_char(at);
    return (gsize)(at - text);
}

/* Where the last octets begin that have at most `columns`: not with a mark whose letter is cut off. */
static gsize skip_to_last(const char *text, gsize n, gsize columns)
{
    gsize width = imapid_width_measure(text, n);
    const char *at = text;

    while (at < text + n && (width > columns || g_unichar_iszerowidth(g_utf8_get_char(at)))) {
        width -= measure_char(g_utf8_get_char(at));
        at = g_utf8_next_char(at);
    }
    return (gsize)(at - text);
}

/* What stands in the place of what was cut, in at most `columns`. */
static const char *get_mark(unsigned columns, bool utf8)
{
    static const char dots[] = "...";

    if (utf8)
        return columns ? "\xe2\x80\xa6" : "";
    return dots + sizeof dots - 1 - MIN(columns, sizeof dots - 1);
}

/* Leaves the first `n_before` columns of the cell and the last `n_after`. */
static void cut(GString *out, gsize start, unsigned columns, bool utf8, bool in_middle)
{
    const char *mark = get_mark(columns, utf8), *text = out->str + start;
    gsize n = out->len - start, n_left = columns - (unsigned)g_utf8_strlen(mark, -1);
    gsize n_after = in_middle ? n_left / 2 : 0, from, to;

    if (imapid_width_measure(text, n) <= columns)
        return;
    from = take_first(text, n, n_left - n_after);
    to = skip_to_last(text, n, n_after);
    g_string_erase(out, (gssize)(start + from), (gssize)(to - from));
    g_string_insert(out, (gssize)(start + from), mark);
}

void imapid_width_cut(GString *out, gsize start, unsigned columns, bool utf8)
{
    cut(out, start, columns, utf8, false);
}

void imapid_width_cut_middle(GString *out, gsize start, unsigned columns, bool utf8)
{
    cut(out, start, columns, utf8, true);
}

static void add_spaces(GString *out, gsize at, gsize start, unsigned columns)
{
    gsize width = imapid_width_measure(out->str + start, out->len - start);

    for (; width < columns; width++)
        g_string_insert_c(out, (gssize)at, ' ');
}

void imapid_width_pad(GString *out, gsize start, unsigned columns)
{
    add_spaces(out, out->len, start, columns);
}

void imapid_width_pad_before(GString *out, gsize start, unsigned columns)
{
    add_spaces(out, start, start, columns);
}

void imapid_width_fit(GString *out, gsize start, unsigned columns, bool utf8)
{
    imapid_width_cut(out, start, columns, utf8);
    imapid_width_pad(out, start, columns);
}

void imapid_width_add_software(GString *out, const struct imapid_record_string *name,
                               const struct imapid_record_string *version, unsigned columns,
                               bool utf8)
{
    gsize start = out->len, n_version;
    GString *behind = g_string_new(NULL);

    if (version && !version->is_nil)
        imapid_spell_value(behind, version->octets, version->n, utf8);
    if (name && !name->is_nil) {
        imapid_spell_value(out, name->octets, name->n, utf8);
        if (behind->len) {
            n_version = imapid_width_measure(behind->str, behind->len) + 1;
            imapid_width_cut(out, start, (unsigned)MAX(columns - MIN(n_version, columns), NAME_MIN),
                             utf8);
            g_string_append_c(out, ' ');
        }
    }
    g_string_append_len(out, behind->str, (gssize)behind->len);
    imapid_width_cut(out, start, columns, utf8);
    g_string_free(behind, TRUE);
}
