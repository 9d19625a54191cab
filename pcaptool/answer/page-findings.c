/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page-findings.c: a card for each kind of finding: what was seen, what would be right, why, and what is to
 * do; and proxies of which both legs were seen.
 *
 * Refuses rows past a limit, and says how many; `imapid check` has all.
 *
 * Misuse: items of another view than the page's. */
#include "answer/page.h"

#include "answer/html.h"
#include "answer/remedy.h"
#include "record/spell-record.h"
#include "record/spell.h"

#include <string.h>

/* Programs that a card names, legs that are listed, and characters of a line as sent. */
#define PROGRAMS 3u
#define LEGS_MAX 200u
#define SEEN_MAX 400u

/* ---- cards ---- */

static void add_title(GString *out, const struct imapid_item *item)
{
    gsize start = out->len;

    imapid_html_text(out, imapid_items_message(item));
    out->str[start] = g_ascii_toupper(out->str[start]);
}

static void add_software(GString *out, const struct imapid_item *item)
{
    if (item->software)
        imapid_html_foreign(out, item->software, 60);
    else
        g_string_append(out, item->side == IMAPID_CLIENT ? "A client without a name"
                                                         : "A server without a name");
}

/* "PaperBridge Scanner 2.1.0, Other 3 and 4 more." */
static void add_programs(GString *out, const struct imapid_report *report, const GArray *sorted,
                         const struct imapid_item_kind *kind, struct imapid_item_reading *reading)
{
    unsigned n = 0;

    for (guint i = kind->first; i < kind->end; i++) {
        if (i > kind->first &&
            imapid_items_at(sorted, i)->software == imapid_items_at(sorted, i - 1)->software)
            continue;
        if (n++ >= PROGRAMS)
            continue;
        g_string_append(out, n > 1 ? ", " : "");
        add_software(out, imapid_items_read(&report->items, imapid_items_at(sorted, i), reading));
    }
    if (n > PROGRAMS)
        g_string_append_printf(out, " and %u more", n - PROGRAMS);
    g_string_append(out, ". <span class=\"m\">");
    imapid_page_count(out, kind->n_conns, "connection", "connections");
    g_string_append(out, ".</span>");
}

/* What was sent, its wrong part marked. */
static void add_seen(GString *out, const struct imapid_remedy *remedy)
{
    const uint8_t *seen = (const uint8_t *)remedy->seen->str;
    gsize n = remedy->seen->len, end = remedy->mark + remedy->n_mark;

    if (!remedy->n_mark || end > n || end > SEEN_MAX) {
        imapid_html_octets(out, seen, n, SEEN_MAX);
        return;
    }
    if (remedy->mark)
        imapid_html_octets(out, seen, remedy->mark, 0);
    g_string_append(out, "<mark>");
    imapid_html_octets(out, seen + remedy->mark, remedy->n_mark, 0);
    g_string_append(out, "</mark>");
    if (end < n)
        imapid_html_octets(out, seen + end, n - end, SEEN_MAX);
}

static void add_example(GString *out, const struct imapid_item *item)
{
    struct imapid_remedy remedy;

    imapid_remedy_find(&remedy, item);
    if (remedy.seen->len) {
        g_string_append(out,
                        "<dl class=\"ex\"><dt class=\"sv-error\">\xe2\x9c\x96 Seen</dt><dd><pre>");
        add_seen(out, &remedy);
        g_string_append(out, "</pre></dd>");
        if (remedy.right->len) {
            g_string_append(out, "<dt class=\"sv-ok\">\xe2\x9c\x94 Right</dt><dd><pre>");
            imapid_html_octets(out, (const uint8_t *)remedy.right->str, remedy.right->len,
                               SEEN_MAX);
            g_string_append(out, "</pre></dd>");
        }
        g_string_append(out, "</dl>\n");
    }
    imapid_remedy_deinit(&remedy);
}

static void add_link(GString *out, struct imapid_report *report,
                     const struct imapid_item_kind *kind)
{
    const char *code = imapid_finding_code((enum imapid_finding_code)kind->code);
    char *token = imapid_page_token("f%s", code);

    g_string_append(out, "<a");
    imapid_page_link(out, report, token, code);
    g_string_append(out, ">Show its connections<span class=\"u\">: ");
    g_string_append_printf(out, "%s</span></a>", code);
    g_free(token);
}

/* Items of a kind that are looked at for one whose right form is known: the best example. */
#define EXAMPLES 20u

static guint choose_example(const struct imapid_report *report, const GArray *sorted,
                            const struct imapid_item_kind *kind,
                            struct imapid_item_reading *reading)
{
    for (guint i = kind->first; i < MIN(kind->end, kind->first + EXAMPLES); i++) {
        struct imapid_remedy remedy;
        bool is_good;

        imapid_remedy_find(&remedy,
                           imapid_items_read(&report->items, imapid_items_at(sorted, i), reading));
        is_good = remedy.right->len && remedy.seen->len <= SEEN_MAX;
        imapid_remedy_deinit(&remedy);
        if (is_good)
            return i;
    }
    return kind->first;
}

static void write_card(GString *out, struct imapid_report *report, const GArray *sorted,
                       const struct imapid_item_kind *kind, struct imapid_item_reading *reading)
{
    enum imapid_finding_code code = (enum imapid_finding_code)kind->code;
    bool is_error = imapid_item_kind_severity(kind) == IMAPID_SEVERITY_ERROR;
    const char *severity = imapid_severity_name(imapid_item_kind_severity(kind));
    const struct imapid_item *item = imapid_items_read(
        &report->items, imapid_items_at(sorted, choose_example(report, sorted, kind, reading)),
        reading);

    g_string_append_printf(out,
                           "<article class=\"card card-%s\"><p class=\"s\"><span class=\"sv "
                           "sv-%s\">%s</span> <span class=\"m\">\xc2\xb7 %s \xc2\xb7 %s \xc2\xb7 "
                           "%s</span></p><h3>",
                           severity, severity,
                           is_error ? "\xe2\x9c\x96 Error" : "\xe2\x96\xb2 Warning",
                           imapid_finding_code(code), imapid_finding_section(code),
                           kind->side == IMAPID_CLIENT ? "client" : "server");
    add_title(out, item);
    g_string_append(out, "</h3>\n");
    add_example(out, item);
    g_string_append(out, "<p>");
    add_programs(out, report, sorted, kind, reading);
    g_string_append_printf(out,
                           "</p><p class=\"s\"><b>Why.</b> %s</p><p class=\"s\"><b>To do.</b> ",
                           imapid_remedy_why(code));
    {
        GString *text = g_string_new(NULL);

        imapid_remedy_spell(text, code, (enum imapid_side)kind->side);
        imapid_html_text(out, text->str);
        g_string_free(text, TRUE);
    }
    g_string_append(out, "</p><p class=\"s end\">");
    add_link(out, report, kind);
    g_string_append(out, "</p></article>\n");
}

static void write_note(GString *out, struct imapid_report *report, const GArray *sorted,
                       const struct imapid_item_kind *kind, struct imapid_item_reading *reading)
{
    enum imapid_finding_code code = (enum imapid_finding_code)kind->code;
    char *token = imapid_page_token("f%s", imapid_finding_code(code));

    g_string_append(out, "<tr><th scope=\"row\"><a");
    imapid_page_link(out, report, token, imapid_finding_code(code));
    g_string_append_printf(out, ">%s</a></th><td>", imapid_finding_code(code));
    add_title(out,
              imapid_items_read(&report->items, imapid_items_at(sorted, kind->first), reading));
    g_string_append_printf(out, " (%s).</td><td class=\"n\">",
                           kind->side == IMAPID_CLIENT ? "client" : "server");
    imapid_spell_grouped(out, kind->n_conns);
    g_string_append(out, "</td></tr>\n");
    g_free(token);
}

static void write_notes(GString *out, struct imapid_report *report, const GArray *sorted,
                        const GArray *kinds, guint first, struct imapid_item_reading *reading)
{
    g_string_append(out, "<h3 class=\"sub\">Only to know</h3>\n<table class=\"t s\"><thead><tr><th "
                         "scope=\"col\">Finding</th><th scope=\"col\">What it says</th><th "
                         "scope=\"col\" class=\"n\">Connections</th></tr></thead><tbody>\n");
    for (guint i = first; i < kinds->len; i++)
        write_note(out, report, sorted, &g_array_index(kinds, struct imapid_item_kind, i), reading);
    g_string_append(out, "</tbody></table>\n");
}

void imapid_page_write_findings(GString *out, struct imapid_report *report)
{
    GArray *sorted = imapid_items_sort(&report->items, NULL, imapid_items_compare_by_kind);
    GArray *kinds = imapid_items_list_kinds(sorted, report->survey->n_rows);
    struct imapid_item_reading reading = {.change = NULL};
    guint n_cards = 0;

    while (n_cards < kinds->len &&
           imapid_item_kind_severity(&g_array_index(kinds, struct imapid_item_kind, n_cards)) !=
               IMAPID_SEVERITY_NOTE)
        n_cards++;
    imapid_page_begin(out, "findings", "Findings",
                      kinds->len ? "An error breaks the standard; a warning can be read but is "
                                   "wrong or unwise; a note is worth knowing. Nothing is found in "
                                   "what the captures lost."
                                 : NULL);
    if (!kinds->len)
        g_string_append(out, "<p class=\"lead\"><span class=\"sv sv-ok\">\xe2\x9c\x94</span> None, "
                             "in what could be read.</p>\n");
    if (n_cards)
        g_string_append(out, "<div class=\"cards\">\n");
    for (guint i = 0; i < n_cards; i++)
        write_card(out, report, sorted, &g_array_index(kinds, struct imapid_item_kind, i),
                   &reading);
    if (n_cards)
        g_string_append(out, "</div>\n");
    if (n_cards < kinds->len)
        write_notes(out, report, sorted, kinds, n_cards, &reading);
    g_string_append(out, "</section>\n");
    imapid_items_reading_deinit(&reading);
    g_array_unref(kinds);
    g_array_unref(sorted);
}

/* ---- proxies ---- */

/* One leg's ends. */
static void write_leg(GString *out, const struct imapid_report *report, unsigned index)
{
    GString *name = g_string_new(NULL);
    struct imapid_store_conn conn;

    imapid_store_read_conn(report->page->view, index, &conn);
    imapid_spell_session_name(name, &conn.conn);
    g_string_append(out, "<td>");
    imapid_html_endpoint(out, &conn.conn.client);
    g_string_append(out, " \xe2\x86\x92 ");
    imapid_html_endpoint(out, &conn.conn.server);
    g_string_append(out, "<br><span class=\"m\">");
    imapid_html_foreign(out, name->str, 0);
    g_string_append(out, "</span></td>");
    g_string_free(name, TRUE);
}

static void write_change(GString *out, const struct imapid_report *report,
                         const struct imapid_leg *leg)
{
    GString *change = g_string_new(NULL);

    imapid_legs_spell_change(change, report->page->view, leg);
    g_string_append(out, "<br><code>");
    imapid_html_octets(out, (const uint8_t *)change->str, change->len, 300);
    g_string_append(out, "</code>");
    g_string_free(change, TRUE);
}

static void write_chain(GString *out, const struct imapid_report *report,
                        const struct imapid_leg *leg)
{
    bool has_list = leg->outer_exchange != IMAPID_STORE_NONE;

    g_string_append(out, "<tr>");
    write_leg(out, report, leg->outer);
    write_leg(out, report, leg->inner);
    g_string_append_printf(out, "<td>%s",
                           leg->differs                ? "No: changed in transit"
                           : leg->is_whole && has_list ? "Yes"
                           : leg->is_whole             ? "The client sent none"
                                                       : "Not known: not seen whole");
    if (leg->differs)
        write_change(out, report, leg);
    g_string_append(out, "</td></tr>\n");
}

void imapid_page_write_chains(GString *out, struct imapid_report *report)
{
    GArray *legs = imapid_legs_find(report->page->view);

    if (legs->len) {
        imapid_page_begin(out, "chains", "Through a proxy",
                          "Sessions of which both legs were seen, tied by what the proxy itself "
                          "says of the client's end.");
        g_string_append(out, "<section class=\"scroll\" tabindex=\"0\" "
                             "aria-label=\"Proxied sessions\">\n<table class=\"t\"><thead><tr><th "
                             "scope=\"col\">The client's leg</th><th scope=\"col\">The server's "
                             "leg</th><th scope=\"col\">The same list on both?</th></tr></thead>"
                             "<tbody>\n");
        for (guint i = 0; i < MIN(legs->len, LEGS_MAX); i++)
            write_chain(out, report, &g_array_index(legs, struct imapid_leg, i));
        g_string_append(out, "</tbody></table></section>\n");
        if (legs->len > LEGS_MAX) {
            g_string_append(out, "<p class=\"m\">And ");
            imapid_page_count(out, legs->len - LEGS_MAX, "more.</p>\n", "more.</p>\n");
        }
        g_string_append(out, "</section>\n");
    }
    g_array_unref(legs);
}
