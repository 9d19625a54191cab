/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unreadable.c: what could not be read. The reasons are those of the session records; capture
 * records tell of packets that were not read.
 *
 * Refuses more reasons or kinds than a person reads. The first ones are counted.
 *
 * Misuse: comparing words of two stores, which are compared by their place. */
#include "answer/unreadable.h"

#include "number.h"

#include "record/spell.h"

#include <string.h>

/* Reasons, and kinds of layers, told apart: there are some twenty, but JSON Lines may bring any. A line
 * each is as much as anybody reads. */
#define REASONS_MAX 64
#define KINDS_MAX   64

bool imapid_unreadable_is_conn(const struct imapid_store_conn *conn)
{
    /* cppcheck-suppress ctuuninitvar ; where there is no session, nothing else is set, or read */
    return conn->has_session && conn->session.not_decrypted;
}

bool imapid_unreadable_is_silent(const struct imapid_store_conn *conn, bool sent)
{
    const struct imapid_record_session *session = &conn->session;

    return !sent && conn->has_session && !session->not_imap &&
           session->n_exchanges <= conn->n_exchanges && imapid_record_is_whole_so_far(session);
}

bool imapid_unreadable_read(const struct imapid_store_view *view, unsigned index,
                            struct imapid_store_conn *conn)
{
    if (!imapid_store_get_span(view, index).has_session)
        return false;
    imapid_store_read_conn(view, index, conn);
    return imapid_unreadable_is_conn(conn);
}

struct counts {
    uint64_t n_unread;
    unsigned n_lossy; /* were read, but for octets that the capture does not have */
};

static struct counts count_conns(const struct imapid_store_view *view)
{
    struct counts counts = {0, 0};
    struct imapid_store_conn conn;

    for (unsigned i = imapid_store_find_session(view, 0); i < view->n_conns;
         i = imapid_store_find_session(view, i + 1)) {
        imapid_store_read_conn(view, i, &conn);
        if (imapid_unreadable_is_conn(&conn))
            counts.n_unread++;
        else
            counts.n_lossy += conn.session.n_lost != 0;
    }
    return counts;
}

uint64_t imapid_unreadable_count(const struct imapid_store_view *view)
{
    return count_conns(view).n_unread;
}

static bool is_foreign(const struct imapid_record_capture *capture)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < capture->n_unread && n < capture->n_packets; i++)
        n += MIN(capture->unread[i].n_packets, capture->n_packets - n);
    return capture->n_packets && MAX(n, capture->n_unknown_link) >= capture->n_packets;
}

static unsigned count_foreign(const struct imapid_store_view *view)
{
    unsigned n = 0;

    for (unsigned i = 0; i < view->n_captures; i++)
        n += is_foreign(&view->captures[i]);
    return n;
}

unsigned imapid_unreadable_count_failed(const struct imapid_store_view *view)
{
    unsigned n = 0;

    for (unsigned i = 0; i < view->n_captures; i++)
        n += view->captures[i].error != NULL;
    return n;
}

bool imapid_unreadable_is_all(const struct imapid_store_view *view)
{
    struct imapid_store_conn conn;
    bool all = view->n_conns > 0;

    for (unsigned i = 0; i < view->n_conns && all; i++)
        all = !imapid_store_get_span(view, i).n && imapid_unreadable_read(view, i, &conn);
    return all || count_foreign(view);
}

static int compare_reasons(const void *a, const void *b)
{
    return strcmp(((const struct imapid_unreadable_reason *)a)->word,
                  ((const struct imapid_unreadable_reason *)b)->word);
}

GArray *imapid_unreadable_count_reasons(const struct imapid_store_view *view)
{
    GArray *reasons = g_array_new(FALSE, FALSE, sizeof(struct imapid_unreadable_reason));

    for (unsigned i = imapid_store_find_session(view, 0); i < view->n_conns;
         i = imapid_store_find_session(view, i + 1)) {
        struct imapid_store_conn conn;
        const char *word;
        guint k = 0;

        imapid_store_read_conn(view, i, &conn);
        word = conn.session.not_decrypted;
        if (!word)
            continue;
        while (k < reasons->len &&
               g_array_index(reasons, struct imapid_unreadable_reason, k).word != word)
            k++; /* texts of the store are kept once: the same word is the same place */
        if (k == REASONS_MAX)
            continue;
        if (k == reasons->len) {
            struct imapid_unreadable_reason reason = {word, 0};

            g_array_append_val(reasons, reason);
        }
        g_array_index(reasons, struct imapid_unreadable_reason, k).n++;
    }
    g_array_sort(reasons, compare_reasons);
    return reasons;
}

void imapid_unreadable_spell_reasons(GString *out, const struct imapid_store_view *view)
{
    GArray *reasons = imapid_unreadable_count_reasons(view);

    g_string_append_c(out, '{');
    for (guint i = 0; i < reasons->len; i++) {
        const struct imapid_unreadable_reason *reason =
            &g_array_index(reasons, struct imapid_unreadable_reason, i);

        g_string_append(out, i ? "," : "");
        imapid_spell_json_text(out, reason->word);
        g_string_append_printf(out, ":%" G_GUINT64_FORMAT, reason->n);
    }
    g_string_append_c(out, '}');
    g_array_unref(reasons);
}

static void add_unread(GArray *kinds, const struct imapid_record_unread *unread)
{
    struct imapid_record_unread *kind = NULL;
    guint k = 0;

    for (; k < kinds->len; k++) {
        kind = &g_array_index(kinds, struct imapid_record_unread, k);
        /* texts of the store are kept once: the same word is the same place */
        if (kind->layer == unread->layer && kind->number == unread->number &&
            kind->name == unread->name)
            break;
    }
    if (k < kinds->len)
        kind->n_packets += MIN(unread->n_packets, G_MAXUINT64 - kind->n_packets);
    else if (k < KINDS_MAX)
        g_array_append_val(kinds, *unread);
}

GArray *imapid_unreadable_list_kinds(const struct imapid_store_view *view)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(struct imapid_record_unread));

    for (unsigned i = 0; i < view->n_captures; i++)
        for (unsigned k = 0; k < view->captures[i].n_unread; k++)
            add_unread(kinds, &view->captures[i].unread[k]);
    g_array_sort(kinds, imapid_record_compare_unread);
    return kinds;
}

static void add_reasons(GString *out, const struct imapid_store_view *view)
{
    GArray *reasons = imapid_unreadable_count_reasons(view);

    for (guint i = 0; i < reasons->len; i++) {
        const struct imapid_unreadable_reason *reason =
            &g_array_index(reasons, struct imapid_unreadable_reason, i);

        g_string_append(out, i ? ", " : ": ");
        imapid_spell_terminal(out, (const uint8_t *)reason->word, strlen(reason->word), 64);
        g_string_append_printf(out, " %" G_GUINT64_FORMAT, reason->n);
    }
    g_array_unref(reasons);
}

static void begin_clause(GString *out, gsize start)
{
    if (out->len > start)
        g_string_append(out, "; ");
}

void imapid_unreadable_spell(GString *out, const struct imapid_store_view *view)
{
    struct counts counts = count_conns(view);
    unsigned n_foreign = count_foreign(view), n_failed = imapid_unreadable_count_failed(view);
    gsize start = out->len;

    if (counts.n_unread) {
        g_string_append_printf(out,
                               "%" G_GUINT64_FORMAT " of %u connection%s could not be looked into",
                               counts.n_unread, view->n_conns, imapid_number_s(view->n_conns));
        add_reasons(out, view);
    }
    if (n_foreign) {
        begin_clause(out, start);
        g_string_append_printf(out,
                               "%u of %u capture%s could not be looked into: all packets are of "
                               "layers that are not read",
                               n_foreign, view->n_captures, imapid_number_s(view->n_captures));
    }
    if (n_failed) {
        begin_clause(out, start);
        g_string_append_printf(out, "%u of %u capture%s could not be read whole", n_failed,
                               view->n_captures, imapid_number_s(view->n_captures));
    }
    if (counts.n_lossy) {
        begin_clause(out, start);
        g_string_append_printf(out, "%u of %u connection%s %s read with octets missing",
                               counts.n_lossy, view->n_conns, imapid_number_s(view->n_conns),
                               imapid_number_was(counts.n_lossy));
    }
}
