/* SPDX-License-Identifier: GPL-2.0-or-later */
/* totals.c: counts over all inputs what was read and what was not, and prints it at the end.
 *
 * Refuses a kind of unread packets too many; such kinds are in the records alone.
 *
 * Misuse: calls from several threads at once. The caller holds a lock. */
#include "totals.h"

#include "message.h"
#include "number.h"

#include "net/unread.h"
#include "record/spell.h"

#include <stdlib.h>
#include <string.h>

/* More kinds than there is room for are in the records alone. */
static void add_unread(struct imapid_totals *totals, const struct imapid_record_unread *unread)
{
    struct imapid_totals_unread *kind = totals->unread;
    const struct imapid_totals_unread *end = kind + totals->n_unread;
    struct imapid_totals_unread one = {.number = unread->number};

    g_strlcpy(one.layer, unread->layer, sizeof one.layer);
    g_strlcpy(one.name, unread->name, sizeof one.name);
    while (kind < end && (kind->number != one.number || strcmp(kind->layer, one.layer) ||
                          strcmp(kind->name, one.name)))
        kind++;
    if (totals->n_unread == IMAPID_TOTALS_UNREAD_MAX && kind == end)
        return;
    if (kind == end) {
        *kind = one;
        totals->n_unread++;
    }
    kind->n_packets += unread->n_packets;
}

gboolean imapid_totals_has_answer(const struct imapid_totals *totals, gboolean is_whole)
{
    return !totals->is_stopped && (is_whole || totals->n_read);
}

void imapid_totals_add(struct imapid_totals *totals, const struct imapid_record_capture *capture)
{
    totals->n_captures++;
    totals->n_read += capture->format != NULL;
    totals->n_packets += capture->n_packets;
    totals->n_conns += capture->n_conns;
    totals->n_sessions += capture->n_sessions;
    totals->n_exchanges += capture->n_exchanges;
    totals->n_not_decrypted += capture->n_not_decrypted;
    totals->n_lost += capture->n_lost;
    totals->n_cut += capture->n_cut;
    totals->n_unknown_link += capture->n_unknown_link;
    totals->n_forgotten += capture->n_forgotten;
    totals->n_drops += capture->n_drops;
    for (unsigned i = 0; i < capture->n_unread; i++)
        add_unread(totals, &capture->unread[i]);
}

#define N G_GUINT64_FORMAT

/* "1 capture", "2 captures". */
static void add_number(GString *text, guint64 n, const char *what)
{
    g_string_append_printf(text, "%" N " %s%s", n, what, imapid_number_s(n));
}

static void add_count(GString *text, guint64 n, const char *what, const char *more)
{
    if (!n)
        return;
    add_number(g_string_append(text, "; "), n, what);
    g_string_append(text, more);
}

/* A line for each kind that was not read, the largest first, with what helps. */
static void print_unread(const struct imapid_totals *totals)
{
    struct imapid_record_unread kinds[IMAPID_TOTALS_UNREAD_MAX];

    for (guint i = 0; i < totals->n_unread; i++)
        kinds[i] =
            (struct imapid_record_unread){totals->unread[i].layer, totals->unread[i].number,
                                          totals->unread[i].name, totals->unread[i].n_packets};
    /* cppcheck-suppress uninitvar ; as many are sorted as were set */
    qsort(kinds, totals->n_unread, sizeof *kinds, imapid_record_compare_unread);
    for (guint i = 0; i < totals->n_unread; i++) {
        const struct imapid_record_unread *kind = &kinds[i];
        char *help = imapid_unread_make_help(kind->layer, kind->number, kind->name);
        char *phrase = imapid_unread_make_phrase(kind->layer, kind->number, kind->name);

        imapid_message("not read: %" N " packet%s of %s%s%s", kind->n_packets,
                       imapid_number_s(kind->n_packets), phrase, help ? "; " : "",
                       help ? help : "");
        g_free(phrase);
        g_free(help);
    }
}

static void print_chosen(const struct imapid_totals *totals, const struct imapid_where *where)
{
    GString *chosen = g_string_new(NULL), *all = g_string_new(NULL);

    imapid_spell_grouped(chosen, totals->n_chosen);
    imapid_spell_grouped(all, totals->n_all_conns);
    imapid_message("chosen: %s of %s connection%s, where %s", chosen->str, all->str,
                   imapid_number_s(totals->n_all_conns), imapid_where_describe(where));
    g_string_free(chosen, TRUE);
    g_string_free(all, TRUE);
}

/* What was read, in the words of the records. */
static void add_records(GString *text, const struct imapid_totals *totals)
{
    add_number(text, totals->n_packets, "packet");
    add_number(g_string_append(text, ", "), totals->n_conns, "TCP connection");
    add_number(g_string_append(text, ", "), totals->n_sessions, "IMAP session");
    add_number(g_string_append(text, ", "), totals->n_exchanges, "ID exchange");
    add_count(text, totals->n_not_decrypted, "session", " not readable");
}

void imapid_totals_print(const struct imapid_totals *totals, const struct imapid_where *where,
                         const char *counts, const char *wrongs)
{
    GString *text = g_string_new(NULL);

    add_number(text, totals->n_captures, "capture");
    g_string_append(text, ", ");
    if (counts)
        g_string_append(text, counts);
    else
        add_records(text, totals);
    add_count(text, totals->n_lost, "octet", " missing");
    add_count(text, totals->n_drops, "packet", " dropped while capturing");
    add_count(text, totals->n_cut, "packet", " cut");
    add_count(text, totals->n_unknown_link, "packet", " of unknown link types");
    add_count(text, totals->n_forgotten, "connection",
              " forgotten for others, and counted again if they went on");
    add_count(text, totals->n_skipped, "line", " without a record of this version");
    imapid_message("%s", text->str);
    if (where)
        print_chosen(totals, where);
    if (wrongs && *wrongs)
        imapid_message("%s", wrongs);
    if (totals->is_stopped)
        imapid_message("ended by a signal: the inputs were not read to their end");
    g_string_free(text, TRUE);
    print_unread(totals);
}
