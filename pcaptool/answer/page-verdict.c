/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page-verdict.c: what is to do, in a sentence, in four figures and in a list; and what was not seen.
 * The sentence and the list come from one table.
 *
 * Refuses nothing. Misuse: reading "nothing needs action" without what was not seen; it stands beside it. */
#include "answer/page.h"

#include "answer/html.h"
#include "answer/unreadable.h"
#include "net/unread.h"
#include "record/spell.h"

#include <string.h>

/* Clauses of the sentence; what is more is in the list. */
#define CLAUSES_MAX 3

static const struct {
    const char *one, *many; /* a clause behind "one connection", "three connections" */
    const char *what;       /* the rest of the line in the list */
    const char *who;        /* it is for, and what to do */
    const char *name;       /* of the token */
} concerns[IMAPID_N_CONCERNS] = {
    [IMAPID_CONCERN_MAILBOX] = {"got no mailbox without an ID", "got no mailbox without an ID",
                                "The server refused service and asked for an ID.",
                                "For the server's operator: drop the rule. Or switch ID on in "
                                "those clients.",
                                "no mailbox without an ID"},
    [IMAPID_CONCERN_PASSWORD] = {"sent a password in clear text", "sent a password in clear text",
                                 "It could be read on the way.",
                                 "For the operator: refuse logins before TLS. For the user: change "
                                 "the password.",
                                 "password in clear text"},
    [IMAPID_CONCERN_BROKEN] = {"has a list that breaks RFC 2971", "have lists that break RFC 2971",
                               "The findings show what is wrong and what would be right.",
                               "For the vendors of those programs.", "breaks RFC 2971"},
    [IMAPID_CONCERN_INJECTED] = {"has octets between STARTTLS and TLS",
                                 "have octets between STARTTLS and TLS",
                                 "Somebody in between may have put them there.",
                                 "For the server's vendor, and whoever looks after the network.",
                                 "octets before TLS"},
    [IMAPID_CONCERN_LOGINS] = {"was refused the login again and again",
                               "were refused the login again and again",
                               "An address failed five times or more.",
                               "For whoever looks after accounts.", "login refused often"},
    [IMAPID_CONCERN_NO_TLS] = {"got no TLS", "got no TLS",
                               "The handshake or STARTTLS failed, or one side did not expect it.",
                               "For the server's operator: versions, suites and certificate.",
                               "no TLS"},
    [IMAPID_CONCERN_REFUSED] = {"was refused what it asked for", "were refused what they asked for",
                                "The server said NO or BAD to more than a login.",
                                "For the server's operator; the rows have its words.",
                                "refused otherwise"},
    [IMAPID_CONCERN_NO_SERVER] = {"found no IMAP server", "found no IMAP server",
                                  "The port was closed, filtered or another protocol's.",
                                  "For whoever looks after the network.", "no IMAP server"},
    [IMAPID_CONCERN_CLOSED] = {"was closed by the server", "were closed by the server",
                               "It ended before it was done.",
                               "For the server's operator: its log says why.", "closed by server"},
    [IMAPID_CONCERN_DEVICE] = {"told what identifies a device or person",
                               "told what identifies a device or person",
                               "A value is of one device or person alone (RFC 2971, section 7).",
                               "For the vendors of those programs.", "identifies a device"},
    [IMAPID_CONCERN_LOGIN] = {"was refused the login", "were refused the login",
                              "Less than five times from any address.",
                              "For whoever looks after accounts.", "login refused"},
    [IMAPID_CONCERN_BROKE_OFF] = {"broke off", "broke off",
                                  "A side or the network ended it in the middle.",
                                  "Look at the last frames.", "broke off"},
    [IMAPID_CONCERN_OLD_TLS] = {"used TLS 1.1 or older", "used TLS 1.1 or older",
                                "RFC 8996 forbids it.",
                                "For the operator: allow TLS 1.2 and newer alone.", "old TLS"},
};

/* ---- the sentence ---- */

static bool is_nothing_read(const struct imapid_survey *survey)
{
    return survey->n_rows && survey->n_shades[IMAPID_SHADE_UNREAD] == survey->n_rows;
}

static unsigned count_to_act(const struct imapid_survey *survey)
{
    unsigned n = 0;

    for (int i = 0; i < IMAPID_CONCERN_LOGIN; i++)
        n += survey->n_concerns[i] > 0;
    return n;
}

static void add_clauses(GString *out, const struct imapid_survey *survey)
{
    unsigned n = MIN(count_to_act(survey), CLAUSES_MAX), k = 0;

    for (int i = 0; i < IMAPID_CONCERN_LOGIN && k < n; i++) {
        unsigned n_conns = survey->n_concerns[i];

        if (!n_conns)
            continue;
        g_string_append(out, k == 0 ? "" : k + 1 < n ? ", " : n == 2 ? " and " : ", and ");
        if (survey->n_rows == 1)
            g_string_append(out, "it ");
        else
            imapid_page_say(out, n_conns, "connection ", "connections ");
        g_string_append(out, n_conns == 1 ? concerns[i].one : concerns[i].many);
        k++;
    }
}

static void add_verdict(GString *out, const struct imapid_survey *survey)
{
    unsigned n = count_to_act(survey);

    if (is_nothing_read(survey)) {
        g_string_append(out, "Nothing could be read: ");
        if (survey->n_rows == 1)
            g_string_append(out, "the one connection is closed to us.");
        else
            imapid_page_say(out, survey->n_rows, "connection is closed to us.",
                            "connections are closed to us.");
        return;
    }
    if (!n) {
        g_string_append(out, "Nothing needs action.");
        return;
    }
    if (n == 1) {
        g_string_append(out, "One thing needs action: ");
    } else {
        gsize start = out->len;

        imapid_page_say(out, n, "thing", "things");
        out->str[start] = g_ascii_toupper(out->str[start]);
        g_string_append(out, " need action: ");
    }
    add_clauses(out, survey);
    if (n > CLAUSES_MAX)
        g_string_append(out, "; and more below");
    g_string_append_c(out, '.');
}

/* Who spoke to whom, in the only connection; then what came of it. */
static void add_only(GString *out, const struct imapid_report *report)
{
    const struct imapid_survey *survey = report->survey;
    const struct imapid_survey_row *row = &survey->rows[0];
    struct imapid_store_conn conn;
    const char *says = imapid_survey_get_text(survey, row->says);
    const char *version = imapid_survey_get_text(survey, row->version);

    imapid_store_read_conn(survey->view, 0, &conn);
    if (row->program) {
        imapid_html_foreign(
            out,
            g_array_index(survey->programs, struct imapid_survey_program, row->program - 1).name,
            60);
        if (version) {
            g_string_append(out, "&nbsp;");
            imapid_html_foreign(out, version, 60);
        }
    } else {
        imapid_html_endpoint(out, imapid_store_get_client(&conn.conn));
    }
    g_string_append(out, " spoke to ");
    if (says)
        imapid_html_foreign(out, says, 60);
    else
        imapid_html_endpoint(out, &conn.conn.server);
    g_string_append(out, row->shade == IMAPID_SHADE_TLS        ? " over TLS"
                         : row->shade == IMAPID_SHADE_STARTTLS ? " over STARTTLS"
                         : row->shade == IMAPID_SHADE_CLEAR    ? " in clear text"
                                                               : "");
    g_string_append(out, ". ");
    if (conn.has_session && !conn.session.outcome.say.is_nil && conn.session.outcome.say.n) {
        imapid_html_string(out, &conn.session.outcome.say, 300);
        g_string_append_c(out, ' ');
    }
}

static void write_figures(GString *out, const struct imapid_survey *survey)
{
    unsigned n_read = survey->n_rows - survey->n_shades[IMAPID_SHADE_UNREAD];
    unsigned n_password = survey->n_concerns[IMAPID_CONCERN_PASSWORD];

    g_string_append(out, "<ul class=\"fig\">\n<li><b>");
    imapid_spell_grouped(out, survey->n_rows);
    g_string_append_printf(out, "</b><span>%s</span></li>\n<li><b>",
                           survey->n_rows == 1 ? "connection" : "connections");
    imapid_page_share(out, MIN(survey->n_named, n_read), n_read);
    g_string_append(out, "</b><span>of the ");
    imapid_spell_grouped(out, n_read);
    g_string_append_printf(out, " that could be read named their program</span></li>\n<li%s><b>",
                           n_password ? " class=\"bad\"" : "");
    imapid_spell_grouped(out, survey->n_shades[IMAPID_SHADE_CLEAR]);
    g_string_append(out, "</b><span>in clear text");
    if (n_password) {
        g_string_append(out, ", ");
        imapid_spell_grouped(out, n_password);
        g_string_append(out, " of all with a password");
    }
    g_string_append(out, "</span></li>\n<li><b>");
    imapid_spell_grouped(out, survey->n_shades[IMAPID_SHADE_UNREAD]);
    g_string_append(out, "</b><span>could not be read</span></li>\n</ul>\n");
}

void imapid_page_write_verdict(GString *out, const struct imapid_report *report)
{
    const struct imapid_survey *survey = report->survey;

    g_string_append(out, "<h1>");
    if (!survey->n_rows) {
        g_string_append(out, report->overview.n_packets ? "No IMAP connection is in what was read."
                                                        : "Nothing was read.");
    } else {
        if (survey->n_rows == 1)
            add_only(out, report);
        add_verdict(out, survey);
    }
    g_string_append(out, "</h1>\n<p class=\"by\">");
    if (survey->programs->len && survey->n_rows > 1) {
        gsize start = out->len;

        imapid_page_say(out, survey->programs->len, "program", "programs");
        out->str[start] = g_ascii_toupper(out->str[start]);
        g_string_append(out, " on ");
        imapid_page_say(out, report->overview.n_addresses, "address", "addresses");
        g_string_append(out, " spoke to ");
        imapid_page_say(out, survey->servers->len, "server", "servers");
        g_string_append(out, ". ");
    }
    g_string_append(out, "Names are what programs say of themselves; nobody has verified them."
                         "</p>\n");
    if (survey->n_rows > 1)
        write_figures(out, survey);
}

/* ---- what is to do ---- */

static void write_concern(GString *out, struct imapid_report *report, enum imapid_concern concern)
{
    bool acts = concern < IMAPID_CONCERN_LOGIN;
    unsigned n = report->survey->n_concerns[concern];
    char *token = imapid_page_token("k%d", concern);

    g_string_append_printf(out,
                           "<li><span class=\"sv sv-%s\" aria-hidden=\"true\">%s</span><span>"
                           "<span class=\"u\">%s: </span><b>",
                           acts ? "error" : "warning", acts ? "\xe2\x9c\x96" : "\xe2\x96\xb2",
                           acts ? "Act on it" : "Look at it");
    imapid_page_count(out, n, "connection ", "connections ");
    g_string_append_printf(out, "%s.</b> %s</span><a class=\"go\"",
                           n == 1 ? concerns[concern].one : concerns[concern].many,
                           concerns[concern].what);
    imapid_page_link(out, report, token, concerns[concern].name);
    g_string_append(out, ">Show ");
    imapid_spell_grouped(out, n);
    g_string_append_printf(out, "<span class=\"u\">: %s</span></a><span class=\"who\">",
                           concerns[concern].name);
    imapid_html_text(out, concerns[concern].who);
    g_string_append(out, "</span></li>\n");
    g_free(token);
}

void imapid_page_write_todo(GString *out, struct imapid_report *report)
{
    bool has_any = false;

    imapid_page_begin(out, "todo", "To do", NULL);
    for (int i = 0; i < IMAPID_N_CONCERNS; i++) {
        if (!report->survey->n_concerns[i])
            continue;
        g_string_append(out, has_any ? "" : "<ul class=\"todo\">\n");
        has_any = true;
        write_concern(out, report, (enum imapid_concern)i);
    }
    g_string_append(out, has_any ? "</ul>\n"
                                 : "<p class=\"lead\"><span class=\"sv sv-ok\">\xe2\x9c\x94</span> "
                                   "Nothing, in what could be read.</p>\n");
    g_string_append(out, "</section>\n");
}

/* ---- what was not seen ---- */

/* Why something could not be read, and what helps. A reason that is not here stands as it is. */
static const struct {
    const char *reason, *text, *help;
} helps[] = {
    {"no-key", "TLS, and no key was given for it",
     "Give the key log with -l, or capture on the server."},
    {"wrong-key", "TLS, and the key log's secret does not fit", "Look for the right key log."},
    {"no-handshake", "TLS whose handshake is not in the capture",
     "Start the capture before the clients connect."},
    {"unfinished", "TLS whose handshake did not come to its end", NULL},
    {"refused", "TLS whose handshake ended in an alert", "The rows say which one, and whose."},
    {"unsupported-suite", "TLS with a cipher suite that imapid does not read",
     "Nothing helps afterwards."},
    {"unsupported-version", "TLS of a version that imapid does not read",
     "Nothing helps afterwards."},
    {"lost", "TLS of which octets are missing",
     "Capture with larger buffers: packets were dropped."},
    {"lost-deflate", "Compressed octets of which some are missing",
     "Capture with larger buffers: packets were dropped."},
    {"cut", "TLS whose last record is not whole", "Capture with a larger snap length."},
};

/* A line: how many, what, and what helps. `what` and `help` are words of ours. */
static void add_line(GString *out, uint64_t n, const char *one, const char *many, const char *help)
{
    if (!n)
        return;
    g_string_append(out, "<li><b>");
    imapid_spell_grouped(out, n);
    g_string_append_printf(out, "</b><span>%s", n == 1 ? one : many);
    if (help)
        g_string_append_printf(out, "<span>%s</span>", help);
    g_string_append(out, "</span></li>\n");
}

/* The same with a link to the rows. */
static void add_linked(GString *out, struct imapid_report *report, uint64_t n, const char *token,
                       const char *name, const char *text, const char *help)
{
    if (!n)
        return;
    g_string_append(out, "<li><b>");
    imapid_spell_grouped(out, n);
    g_string_append(out, "</b><span><a");
    imapid_page_link(out, report, token, name);
    g_string_append_c(out, '>');
    imapid_html_foreign(out, text, 200);
    g_string_append(out, "</a>");
    if (help)
        g_string_append_printf(out, "<span>%s</span>", help);
    g_string_append(out, "</span></li>\n");
}

static bool get_reason(const struct imapid_survey_row *row, uint32_t *a, uint32_t *b)
{
    *a = row->reason;
    *b = row->phrase;
    return row->reason != 0;
}

static int compare_frequencies(const void *a, const void *b)
{
    const struct imapid_survey_count *one = a, *other = b;

    return (one->n < other->n) - (one->n > other->n);
}

static void add_reasons(GString *out, struct imapid_report *report)
{
    GArray *counts = imapid_survey_count(report->survey, get_reason);

    g_array_sort(counts, compare_frequencies);
    for (guint i = 0; i < MIN(counts->len, IMAPID_PAGE_GROUPS_MAX); i++) {
        const struct imapid_survey_count *count =
            &g_array_index(counts, struct imapid_survey_count, i);
        const char *reason = imapid_survey_get_text(report->survey, count->a);
        const char *phrase = imapid_survey_get_text(report->survey, count->b);
        char *token = imapid_page_token("r%u.%u", count->a, count->b);
        char *name = g_strdup_printf("not readable: %s", reason);
        char *text = g_strdup_printf("Not readable: %s", phrase ? phrase : reason);
        size_t k = 0;

        while (k < G_N_ELEMENTS(helps) && strcmp(reason, helps[k].reason) != 0)
            k++;
        if (k < G_N_ELEMENTS(helps))
            add_linked(out, report, count->n, token, name, helps[k].text, helps[k].help);
        else
            add_linked(out, report, count->n, token, name, text, NULL);
        g_free(token);
        g_free(name);
        g_free(text);
    }
    g_array_unref(counts);
}

static void add_layers(GString *out, const struct imapid_store_view *view)
{
    GArray *kinds = imapid_unreadable_list_kinds(view);

    for (guint i = 0; i < kinds->len; i++) {
        const struct imapid_record_unread *kind =
            &g_array_index(kinds, struct imapid_record_unread, i);
        char *phrase = imapid_unread_make_phrase(kind->layer, kind->number, kind->name);

        g_string_append(out, "<li><b>");
        imapid_spell_grouped(out, kind->n_packets);
        g_string_append_printf(out, "</b><span>%s of ",
                               kind->n_packets == 1 ? "packet" : "packets");
        imapid_html_foreign(out, phrase, 64);
        g_string_append(out, ", a layer that was not read</span></li>\n");
        g_free(phrase);
    }
    g_array_unref(kinds);
}

void imapid_page_write_missed(GString *out, struct imapid_report *report)
{
    const struct imapid_overview *overview = &report->overview;
    gsize start, heading;

    imapid_page_begin(out, "missed", "Not seen", NULL);
    heading = out->len;
    g_string_append(out, "<ul class=\"ns\">\n");
    start = out->len;
    add_reasons(out, report);
    add_linked(out, report, overview->n_late, "b1", "began before the capture",
               "Began before the capture", "Start the capture before the clients connect.");
    add_linked(out, report, report->survey->n_silent, "n1", "no ID sent",
               "Read whole, and no ID was sent", "Clients may keep silent.");
    add_line(out, overview->n_open, "connection had not ended, and no ID is in what was seen",
             "connections had not ended, and no ID is in what was seen", NULL);
    add_line(out, overview->n_maybe_silent,
             "connection was not seen whole, and no ID is in what was seen",
             "connections were not seen whole, and no ID is in what was seen",
             "Nothing is concluded from what is missing.");
    add_line(out, overview->n_doubted, "connection is in doubt", "connections are in doubt",
             "Somebody else may have sent part of them.");
    add_line(out, overview->n_lost, "octet missing from the captures",
             "octets missing from the captures", "Nothing is concluded from what is missing.");
    add_line(out, overview->n_cut, "packet was cut", "packets were cut",
             "Capture with a larger snap length.");
    add_layers(out, report->page->view);
    add_line(out, overview->n_failed, "capture could not be read whole",
             "captures could not be read whole", NULL);
    if (!report->page->is_complete)
        g_string_append(out,
                        "<li><b>!</b><span>Not every input could be read whole.</span></li>\n");
    if (out->len == start) {
        g_string_truncate(out, heading);
        g_string_append(out, "<p class=\"lead\"><span class=\"sv sv-ok\">\xe2\x9c\x94</span> "
                             "Nothing is missing: no lost octets, no cut packets, no connection "
                             "that could not be read.</p>\n</section>\n");
        return;
    }
    g_string_append(out, "</ul>\n</section>\n");
}
