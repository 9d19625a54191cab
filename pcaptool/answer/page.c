/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page.c: puts the report together: head, the order of the sections, the end. One connection has another
 * page than many: who spoke, how it went, what was said. The page does not depend on when it is written: the
 * same records give the same page in the same zone of time.
 *
 * Refuses nothing.
 *
 * Misuse: a further script or style in the page. Its policy forbids them. */
#include "answer/page.h"

#include "answer/html.h"
#include "answer/together.h"
#include "record/spell.h"

#include <string.h>

/* Up to so many connections, no charts: each one is read. */
#define FEW 12u

extern const char imapid_page_css[], imapid_page_js[]; /* made strings at build time */

/* Says that scripts run, before anything is shown. */
static const char on_js[] = "document.documentElement.className=\"on\"";

/* ---- head ---- */

/* 'sha256-...' of what stands between the tags, as a policy names it. */
static void add_hash(GString *out, const char *text)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);

    g_checksum_update(sum, (const guchar *)text, -1);
    imapid_spell_digest(g_string_append(out, "'sha256-"), sum);
    g_string_append_c(out, '\'');
    g_checksum_free(sum);
}

static void write_head(GString *out, const struct imapid_page *page)
{
    g_string_append(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                         "'none'; script-src ");
    add_hash(out, on_js);
    g_string_append_c(out, ' ');
    add_hash(out, imapid_page_js);
    g_string_append(out, "; style-src ");
    add_hash(out, imapid_page_css);
    g_string_append_printf(
        out,
        "; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n"
        "<meta name=\"generator\" content=\"imapid %s\">\n"
        "<title>Who speaks IMAP</title>\n<style>%s</style>\n<script>%s</script>\n</head>\n<body>\n"
        "<a class=\"skip\" href=\"#main\">Skip to the contents</a>\n"
        "<svg class=\"defs\" aria-hidden=\"true\"><defs><pattern id=\"h\" width=\"6\" "
        "height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect "
        "class=\"hb\" width=\"6\" height=\"6\"/><path class=\"hl\" d=\"M0 0V6\"/></pattern></defs>"
        "</svg>\n",
        page->version, imapid_page_css, on_js);
}

/* "3 Nov 2026, 09:14:22 to 09:14:29", "1 Nov to 26 Nov 2026" */
static void add_period(GString *out, const struct imapid_report *report)
{
    const struct imapid_overview *overview = &report->overview;
    GString *first = g_string_new(NULL), *last = g_string_new(NULL);

    imapid_page_day(first, report, overview->first_ns, IMAPID_PAGE_DATE);
    imapid_page_day(last, report, overview->last_ns, IMAPID_PAGE_DATE);
    g_string_append(out, first->str);
    if (g_string_equal(first, last)) {
        g_string_append(out, ", ");
        imapid_page_clock(out, report, overview->first_ns);
        g_string_append(out, " to ");
        imapid_page_clock(out, report, overview->last_ns);
    } else {
        g_string_append_printf(out, " to %s", last->str);
    }
    g_string_append(out, ", times in ");
    imapid_page_zone(out, report, overview->first_ns);
    g_string_free(first, TRUE);
    g_string_free(last, TRUE);
}

static void write_facts(GString *out, const struct imapid_report *report)
{
    const struct imapid_page *page = report->page;

    g_string_append(out, "<p class=\"eb\"><b>Who speaks IMAP</b>");
    if (imapid_time_is_known(report->overview.first_ns)) {
        g_string_append(out, " <span>");
        add_period(out, report);
        g_string_append(out, "</span>");
    }
    g_string_append(out, " <span>");
    imapid_page_count(out, report->overview.n_captures, "capture", "captures");
    g_string_append(out, ", ");
    imapid_page_count(out, report->overview.n_packets, "packet", "packets");
    g_string_append(out, "</span>");
    if (page->view->is_choice)
        g_string_append_printf(out,
                               " <span>A choice: %u of the %u connections there are; captures "
                               "are counted whole</span>",
                               page->view->n_conns, page->view->n_all_conns);
    if (page->is_redacted)
        g_string_append(out, " <span>Addresses, identifiers and file names are pseudonyms</span>");
    g_string_append(out, "</p>\n");
}

/* ---- sections ---- */

static bool has_section(const GString *out, const char *id)
{
    char *text = g_strdup_printf("<section id=\"%s\"", id);
    bool has = strstr(out->str, text) != NULL;

    g_free(text);
    return has;
}

/* Links to the sections that there are. */
static void write_nav(GString *out, const GString *main)
{
    static const struct {
        const char *id, *name;
    } sections[] = {{"todo", "To do"},        {"missed", "Not seen"},   {"who", "Who"},
                    {"software", "Software"}, {"servers", "Servers"},   {"security", "Security"},
                    {"time", "Over time"},    {"pairs", "Who to whom"}, {"answers", "Answer times"},
                    {"findings", "Findings"}, {"chains", "Proxies"},    {"list", "Connections"}};

    g_string_append(out, "<nav aria-label=\"Sections\"><ul class=\"w\">\n");
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
        if (has_section(main, sections[i].id))
            g_string_append_printf(out, "<li><a href=\"#%s\">%s</a></li>\n", sections[i].id,
                                   sections[i].name);
    g_string_append(out, "</ul></nav>\n");
}

static void write_many(GString *out, struct imapid_report *report)
{
    g_string_append(out, "<div class=\"two\">\n");
    imapid_page_write_todo(out, report);
    imapid_page_write_missed(out, report);
    g_string_append(out, "</div>\n<div class=\"two\">\n");
    imapid_page_write_software(out, report);
    g_string_append(out, "<div>\n");
    imapid_page_write_servers(out, report);
    imapid_page_write_security(out, report);
    g_string_append(out, "</div>\n</div>\n");
    if (report->survey->n_rows > FEW) {
        imapid_page_write_time(out, report);
        imapid_page_write_pairs(out, report);
    }
    imapid_page_write_answers(out, report);
    imapid_page_write_findings(out, report);
    imapid_page_write_chains(out, report);
    imapid_page_write_list(out, report);
}

static void write_one(GString *out, struct imapid_report *report)
{
    imapid_page_write_identities(out, report);
    imapid_page_write_list(out, report);
    imapid_page_write_findings(out, report);
    g_string_append(out, "<div class=\"two eq\">\n");
    imapid_page_write_todo(out, report);
    imapid_page_write_missed(out, report);
    g_string_append(out, "</div>\n");
}

static void write_end(GString *out, const struct imapid_report *report)
{
    g_string_append_printf(out, "</main>\n<footer><div class=\"w\">\n<p>Made by imapid %s from ",
                           report->page->version);
    imapid_page_count(out, report->overview.n_captures, "capture", "captures");
    g_string_append_printf(out,
                           ".</p>\n<p>Identities come from the IMAP ID extension, RFC 2971: they "
                           "are what programs say of "
                           "themselves, and nobody has verified them. No password and no message "
                           "text is in this page. "
                           "It loads nothing and sends nothing.</p>\n</div></footer>\n"
                           "<script type=\"application/json\" id=\"names\">{%s}</script>\n"
                           "<script>%s</script>\n</body>\n</html>\n",
                           report->names->str, imapid_page_js);
}

/* ---- all of it ---- */

enum { FIND_ITEMS, FIND_OVERVIEW, FIND_SURVEY, N_FINDS };

static void find(void *ctx, unsigned i)
{
    struct imapid_report *report = ctx;
    const struct imapid_page *page = report->page;

    if (i == FIND_ITEMS)
        report->items = imapid_items_find(page->view, page->fold, 0);
    else if (i == FIND_OVERVIEW)
        report->overview = imapid_overview_count(page->view);
    else
        report->survey = imapid_survey_make(page->view, page->fold);
}

/* Rows have the findings of their own records; this one needs two connections. */
static void add_legs(struct imapid_report *report)
{
    for (guint i = 0; i < report->items.list->len; i++) {
        const struct imapid_item_ref *ref =
            &g_array_index(report->items.list, struct imapid_item_ref, i);

        if (ref->is_of_leg)
            report->survey->rows[ref->conn].codes |= UINT64_C(1) << ref->code;
    }
}

void imapid_page_write(GString *out, const struct imapid_page *page)
{
    struct imapid_report report = {
        .page = page,
        .terminal = {.utf8 = true,
                     .columns = 200,
                     .clock =
                         page->clock == IMAPID_CLOCK_LOCAL ? IMAPID_CLOCK_LOCAL : IMAPID_CLOCK_UTC},
        .tokens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .names = g_string_new(NULL),
    };
    GString *main = g_string_new(NULL);

    imapid_together_run(page->n_threads, N_FINDS, find, &report);
    add_legs(&report);
    if (report.survey->n_rows == 1)
        write_one(main, &report);
    else
        write_many(main, &report);
    write_head(out, page);
    g_string_append(out, "<header class=\"w\">\n");
    write_facts(out, &report);
    imapid_page_write_verdict(out, &report);
    g_string_append(out, "</header>\n");
    write_nav(out, main);
    g_string_append(out, "<main id=\"main\" class=\"w\">\n");
    g_string_append_len(out, main->str, (gssize)main->len);
    write_end(out, &report);
    g_string_free(main, TRUE);
    imapid_items_free(&report.items);
    imapid_survey_free(report.survey);
    g_hash_table_unref(report.tokens);
    g_string_free(report.names, TRUE);
}
