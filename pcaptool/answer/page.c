/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page.c: puts the report together: head, totals, what was not seen, software. The other
 * sections have files of their own. The page does not depend on when or where it is written: the
 * same records give the same page.
 *
 * Refuses nothing.
 *
 * Misuse: a second script or style in the page. Its policy forbids them. */
#include "answer/page.h"

#include "answer/groups.h"
#include "answer/html.h"
#include "answer/together.h"
#include "answer/unreadable.h"
#include "net/unread.h"
#include "record/spell.h"

#include <string.h>

/* Connections that could not be read, named one by one. */
#define UNREAD_MAX 500

#define N G_GUINT64_FORMAT

/* Rows of the software tables. */
#define GROUPS_MAX 200

extern const char imapid_page_css[], imapid_page_js[]; /* made strings at build time */

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
    add_hash(out, imapid_page_js);
    g_string_append(out, "; style-src ");
    add_hash(out, imapid_page_css);
    g_string_append_printf(
        out,
        "; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n"
        "<meta name=\"generator\" content=\"imapid %s\">\n"
        "<title>Who speaks IMAP</title>\n<style>%s</style>\n</head>\n<body>\n"
        "<a class=\"skip\" href=\"#main\">Skip to the contents</a>\n",
        page->version, imapid_page_css);
}

static void write_header(GString *out, const struct imapid_page *page,
                         const struct imapid_overview *overview)
{
    static const struct {
        const char *id, *name;
    } sections[] = {{"totals", "Totals"},   {"missed", "Not seen"}, {"time", "Over time"},
                    {"clients", "Clients"}, {"servers", "Servers"}, {"findings", "Conformance"},
                    {"privacy", "Privacy"}, {"chains", "Proxies"},  {"all-exchanges", "Exchanges"}};

    g_string_append(out, "<header>\n<h1>Who speaks IMAP</h1>\n<p class=\"dim\">");
    if (overview->has_time) {
        imapid_html_time(out, overview->first_ns);
        g_string_append(out, " to ");
        imapid_html_time(out, overview->last_ns);
        g_string_append(out, " UTC. ");
    }
    g_string_append(out, "Identities from the IMAP ID extension (RFC 2971): what programs say of "
                         "themselves, which nobody has verified.");
    if (page->is_redacted)
        g_string_append(out, " Addresses, identifiers and file names are pseudonyms.");
    if (page->view->is_choice)
        g_string_append_printf(out,
                               " A choice: %u of the %u connections there are, and nothing of the "
                               "others; captures are counted whole.",
                               page->view->n_conns, page->view->n_all_conns);
    g_string_append(out, "</p>\n<nav aria-label=\"Sections\"><ul>\n");
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
        g_string_append_printf(out, "<li><a href=\"#%s\">%s</a></li>\n", sections[i].id,
                               sections[i].name);
    g_string_append(out, "</ul></nav>\n</header>\n<main id=\"main\">\n");
}

/* ---- totals ---- */

static void add_card(GString *out, guint64 n, const char *what)
{
    g_string_append_printf(out, "<div><dt>%s</dt><dd>%" N "</dd></div>\n", what, n);
}

static void write_totals(GString *out, const struct imapid_overview *overview)
{
    g_string_append(out, "<section aria-labelledby=\"totals\">\n<h2 id=\"totals\">Totals</h2>\n"
                         "<dl class=\"cards\">\n");
    add_card(out, overview->n_conns, "IMAP connections");
    add_card(out, overview->n_addresses, "client addresses");
    add_card(out, overview->n_exchanges, "ID exchanges");
    add_card(out, overview->n_with_id, "connections with an ID of the client");
    add_card(out, overview->n_silent, "connections seen whole that sent none");
    add_card(out, overview->n_unread, "connections that could not be read");
    add_card(out, overview->n_refused, "connections where an ID was answered NO or BAD");
    add_card(out, overview->n_required, "connections refused service until an ID came");
    add_card(out, overview->n_captures, "captures");
    g_string_append(out, "</dl>\n</section>\n");
}

/* A noun whose plural has an s, and a verb in both numbers where they differ. */
static void add_loss(GString *out, guint64 n, const char *noun, const char *one, const char *many,
                     const char *what)
{
    if (n)
        g_string_append_printf(out, "<li>%" N " %s%s%s %s</li>\n", n, noun, n == 1 ? "" : "s",
                               n == 1 ? one : many, what);
}

/* Which ones, a line each. */
static void write_unread(GString *out, const struct imapid_page *page)
{
    unsigned n = 0;

    for (unsigned i = 0; i < page->view->n_conns; i++) {
        struct imapid_store_conn conn;

        if (!imapid_unreadable_read(page->view, i, &conn))
            continue;
        if (!n)
            g_string_append(out, "<li><details class=\"data\"><summary>Which ones</summary><ul>\n");
        if (n++ >= UNREAD_MAX)
            continue;
        g_string_append(out, "<li>");
        imapid_html_foreign(out, conn.conn.file, 0);
        g_string_append_printf(out, " stream %u, ", conn.conn.stream);
        imapid_html_endpoint(out, &conn.conn.client);
        g_string_append(out, " to ");
        imapid_html_endpoint(out, &conn.conn.server);
        g_string_append_printf(out, ", %s, <code>", imapid_record_security(conn.session.security));
        imapid_html_foreign(out, conn.session.not_decrypted, 64);
        g_string_append(out, "</code></li>\n");
    }
    if (n > UNREAD_MAX)
        g_string_append_printf(out, "<li>and %u more</li>\n", n - UNREAD_MAX);
    g_string_append(out, n ? "</ul></details></li>\n" : "");
}

static void add_layers(GString *out, const struct imapid_store_view *view, guint64 n)
{
    GArray *kinds = imapid_unreadable_list_kinds(view);

    add_loss(out, n, "packet", " is", " are", "of layers that were not read");
    g_string_append(out, kinds->len ? "<ul>" : "");
    for (guint i = 0; i < kinds->len; i++) {
        const struct imapid_record_unread *kind =
            &g_array_index(kinds, struct imapid_record_unread, i);
        char *phrase = imapid_unread_make_phrase(kind->layer, kind->number, kind->name);

        g_string_append_printf(out, "<li>%" N " of ", kind->n_packets);
        imapid_html_foreign(out, phrase, 64);
        g_string_append(out, "</li>\n");
        g_free(phrase);
    }
    g_string_append(out, kinds->len ? "</ul>\n" : "");
    g_array_unref(kinds);
}

static void write_missed(GString *out, const struct imapid_page *page,
                         const struct imapid_overview *overview)
{
    GArray *reasons = imapid_unreadable_count_reasons(page->view);
    gsize start;

    g_string_append(out, "<section aria-labelledby=\"missed\">\n<h2 id=\"missed\">What was not "
                         "seen</h2>\n<ul>\n");
    start = out->len;
    add_loss(out, overview->n_unreadable, "connection", "", "", "could not be read to their end:");
    g_string_append(out, reasons->len ? "<ul>" : "");
    for (guint i = 0; i < reasons->len; i++) {
        const struct imapid_unreadable_reason *reason =
            &g_array_index(reasons, struct imapid_unreadable_reason, i);

        g_string_append_printf(out, "<li>%" N " times <code>", reason->n);
        imapid_html_foreign(out, reason->word, 64);
        g_string_append(out, "</code></li>\n");
    }
    g_string_append(out, reasons->len ? "</ul>\n" : "");
    write_unread(out, page);
    add_loss(out, overview->n_open, "connection", "", "",
             "had not ended, and in what was seen there is no ID yet");
    add_loss(out, overview->n_maybe_silent, "connection", " was", " were",
             "not seen whole, and in what was seen there is no ID");
    add_loss(out, overview->n_doubted, "connection", " is", " are",
             "in doubt: somebody else may have sent part of them");
    add_loss(out, overview->n_late, "connection", "", "", "began before the capture");
    add_loss(out, overview->n_lost, "octet", " is", " are", "missing from the captures");
    add_loss(out, overview->n_cut, "packet", " was", " were", "cut");
    add_layers(out, page->view, overview->n_unread_packets);
    add_loss(out, overview->n_failed, "capture", "", "", "could not be read whole");
    if (!page->is_complete)
        g_string_append(out, "<li>Not every input could be read whole.</li>\n");
    if (out->len == start)
        g_string_append(out, "<li>Nothing that is known of.</li>\n");
    g_string_append(out, "</ul>\n</section>\n");
    g_array_unref(reasons);
}

/* ---- software ---- */

static void write_group(GString *out, const struct imapid_group *group, unsigned n_keys,
                        guint64 n_max)
{
    g_string_append(out, "<tr>");
    for (unsigned i = 0; i < n_keys; i++) {
        g_string_append(out, i ? "<td>" : "<th scope=\"row\">");
        if (group->values[i])
            imapid_html_foreign(out, group->values[i], 120);
        else
            g_string_append(out, "<span class=\"dim\">not said</span>");
        g_string_append(out, i ? "</td>" : "</th>");
    }
    g_string_append(out, "<td class=\"n\">");
    imapid_html_bar(out, group->n_conns, n_max);
    g_string_append_printf(out,
                           "<span class=\"k\">%" N "</span></td><td class=\"n\">%" N
                           "</td><td class=\"n\">%" N "</td><td class=\"t\">",
                           group->n_conns, group->n_addresses, group->n_exchanges);
    imapid_html_time(out, group->first_ns);
    g_string_append(out, "</td><td class=\"t\">");
    imapid_html_time(out, group->last_ns);
    g_string_append(out, "</td></tr>\n");
}

static void write_software(GString *out, const struct imapid_page *page, const char *side,
                           const char *id, const char *title)
{
    char *by = g_strdup_printf("%s_name,%s_version,%s_os", side, side, side);
    struct imapid_grouping grouping;
    char *message;
    GArray *groups = NULL;

    if (imapid_grouping_read(&grouping, by, &message))
        groups = imapid_groups_count(page->view, page->fold, &grouping);
    g_free(by);
    if (!groups) {
        g_free(message);
        return;
    }
    g_string_append_printf(
        out,
        "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n<div class=\"scroll\" "
        "tabindex=\"0\" role=\"region\" aria-labelledby=\"%s\">\n<table>\n<thead><tr><th "
        "scope=\"col\">Name</th><th scope=\"col\">Version</th><th scope=\"col\">Operating "
        "system</th><th scope=\"col\">Connections</th><th scope=\"col\" "
        "class=\"n\">Client addresses</th><th scope=\"col\" class=\"n\">Exchanges</th><th "
        "scope=\"col\">First seen</th><th scope=\"col\">Last seen</th></tr></thead>\n<tbody>\n",
        id, id, title, id);
    for (guint i = 0; i < MIN(groups->len, GROUPS_MAX); i++)
        write_group(out, &g_array_index(groups, struct imapid_group, i), grouping.n_keys,
                    g_array_index(groups, struct imapid_group, 0).n_conns);
    g_string_append(out, "</tbody>\n</table>\n</div>\n");
    if (groups->len > GROUPS_MAX)
        g_string_append_printf(out, "<p class=\"dim\">And %u more.</p>\n",
                               groups->len - GROUPS_MAX);
    if (!groups->len)
        g_string_append(out, "<p>None said anything.</p>\n");
    g_string_append(out, "</section>\n");
    imapid_groups_free(groups);
}

/* ---- all of it ---- */

/* What is found first, and sections in the order of the page. What does not need the others is done at
 * the same time. */
enum section {
    SECTION_TIME,
    SECTION_CLIENTS,
    SECTION_SERVERS,
    SECTION_CHAINS,
    FOUND_ITEMS,
    FOUND_OVERVIEW,
    N_EARLY, /* from here on they need what was found */
    SECTION_FINDINGS = N_EARLY,
    SECTION_PRIVACY,
    N_SECTIONS,
};

struct sections {
    const struct imapid_page *page;
    struct imapid_overview overview;
    struct imapid_items items;
    GString *texts[N_SECTIONS];
};

static void make_early(void *ctx, unsigned i)
{
    struct sections *sections = ctx;
    const struct imapid_page *page = sections->page;
    GString *out = sections->texts[i];

    switch ((enum section)i) {
    case SECTION_TIME:
        imapid_page_write_time(out, page);
        break;
    case SECTION_CLIENTS:
        write_software(out, page, "client", "clients", "Clients by version");
        break;
    case SECTION_SERVERS:
        write_software(out, page, "server", "servers", "Servers by version");
        break;
    case SECTION_CHAINS:
        imapid_page_write_chains(out, page);
        break;
    case FOUND_ITEMS:
        sections->items = imapid_items_find(page->view, page->fold, 0);
        break;
    default:
        sections->overview = imapid_overview_count(page->view);
    }
}

static void make_late(void *ctx, unsigned i)
{
    struct sections *sections = ctx;
    GString *out = sections->texts[N_EARLY + i];

    if (N_EARLY + i == SECTION_FINDINGS)
        imapid_page_write_findings(out, sections->page, &sections->items);
    else
        imapid_page_write_privacy(out, sections->page, &sections->items);
}

static void put(GString *out, const struct sections *sections, enum section section)
{
    g_string_append_len(out, sections->texts[section]->str, (gssize)sections->texts[section]->len);
}

void imapid_page_write(GString *out, const struct imapid_page *page)
{
    struct sections sections = {.page = page};

    for (int i = 0; i < N_SECTIONS; i++)
        sections.texts[i] = g_string_new(NULL);
    imapid_together_run(page->n_threads, N_EARLY, make_early, &sections);
    imapid_together_run(page->n_threads, N_SECTIONS - N_EARLY, make_late, &sections);
    write_head(out, page);
    write_header(out, page, &sections.overview);
    write_totals(out, &sections.overview);
    write_missed(out, page, &sections.overview);
    put(out, &sections, SECTION_TIME);
    put(out, &sections, SECTION_CLIENTS);
    put(out, &sections, SECTION_SERVERS);
    put(out, &sections, SECTION_FINDINGS);
    put(out, &sections, SECTION_PRIVACY);
    put(out, &sections, SECTION_CHAINS);
    imapid_page_write_exchanges(out, page, &sections.items);
    g_string_append_printf(out,
                           "</main>\n<footer><p class=\"dim\">Made by imapid %s from %u captures. "
                           "Times are UTC.</p></footer>\n<script>%s</script>\n</body>\n</html>\n",
                           page->version, page->view->n_captures, imapid_page_js);
    for (int i = 0; i < N_SECTIONS; i++)
        g_string_free(sections.texts[i], TRUE);
    imapid_items_free(&sections.items);
}
