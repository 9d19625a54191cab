/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page-exchanges.c: the table of exchanges in the report: a row each, with its details folded
 * below.
 *
 * Refuses rows and details past their limits, and says so on the page.
 *
 * Misuse: a link to a row that is not shown. imapid_page_write_place() knows which are. */
#include "answer/html.h"
#include "answer/page.h"

#include "record/shell.h"
#include "record/spell-record.h"
#include "record/spell.h"

#include <string.h>

/* Characters of a text shown, and of a list, which may have 64 KiB; what is more the command line
 * has. */
#define RAW_MAX  4000
#define LIST_MAX 8000

/* A page of so many octets gets no more details: a browser has to hold it. */
#define PAGE_MAX (32u << 20)

/* Rows are the last exchanges of the store's order; their number in it is their name. */
static unsigned first_shown(const struct imapid_page *page)
{
    unsigned n = page->view->n_exchanges;

    return n > IMAPID_PAGE_ROWS_MAX ? n - IMAPID_PAGE_ROWS_MAX : 0;
}

void imapid_page_write_place(GString *out, const struct imapid_page *page,
                             const struct imapid_item *item)
{
    bool linked = item->place != IMAPID_STORE_NONE && item->place >= first_shown(page);

    if (linked)
        g_string_append_printf(out, "<a href=\"#x%u\">", item->place);
    imapid_html_foreign(out, item->file, 120);
    if (item->frame)
        g_string_append_printf(out, ", frame %" G_GUINT64_FORMAT, item->frame);
    else
        g_string_append_printf(out, ", stream %u", item->conn->conn.stream);
    g_string_append(out, linked ? "</a>" : "");
}

static void write_pairs(GString *out, const char *title, const struct imapid_record_half *half)
{
    gsize start = out->len;

    if (!half->seen)
        return;
    g_string_append_printf(out, "<p>%s, frame %" G_GUINT64_FORMAT "%s</p>\n<dl>\n", title,
                           half->packet.number,
                           half->n_pairs    ? ""
                           : half->has_list ? ": ()"
                                            : ": NIL");
    for (unsigned i = 0; i < half->n_pairs; i++) {
        if (out->len - start > LIST_MAX) {
            g_string_append_printf(out, "<dt>and %u more</dt><dd></dd>\n", half->n_pairs - i);
            break;
        }
        g_string_append(out, "<dt>");
        imapid_html_string(out, &half->pairs[i].field, 200);
        g_string_append(out, "</dt><dd>");
        imapid_html_string(out, &half->pairs[i].value, RAW_MAX);
        g_string_append(out, "</dd>\n");
    }
    g_string_append(out, "</dl>\n");
    if (half->is_malformed) {
        g_string_append(out, "<p>As sent:</p><pre>");
        imapid_html_octets(out, half->raw, half->n_raw, RAW_MAX);
        g_string_append(out, "</pre>\n");
    }
}

/* What shows the frame in Wireshark. The file's name is quoted for a shell, then for HTML. */
static void write_command(GString *out, const struct imapid_record_exchange *exchange)
{
    char *quoted = imapid_shell_quote(imapid_items_first_file(exchange));

    if (!quoted)
        return;
    g_string_append(out, "<p>In Wireshark:</p><pre>wireshark -r ");
    imapid_html_text(out, quoted);
    g_string_append_printf(out, " -g %" G_GUINT64_FORMAT "</pre>\n",
                           imapid_record_when(exchange).number);
    g_free(quoted);
}

/* The way that the connection came, and what speaks against what is told of it. */
static void write_way(GString *out, const struct imapid_record_conn *conn)
{
    GString *text = g_string_new(NULL);

    imapid_spell_path_text(text, &conn->path);
    if (text->len)
        g_string_append_printf(out, "<p>Path: %s</p>\n", text->str);
    for (int i = 0; i < IMAPID_N_DOUBTS; i++) {
        if (!conn->doubts.of[i].n)
            continue;
        g_string_truncate(text, 0);
        imapid_spell_doubt_text(text, &conn->doubts, (enum imapid_doubt)i);
        g_string_append_printf(out, "<p>Doubt: %s</p>\n", text->str);
    }
    g_string_free(text, TRUE);
}

static void write_details(GString *out, const struct imapid_record_exchange *exchange)
{
    g_string_append(out, "<details><summary>All of it</summary>\n");
    write_pairs(out, "Client", &exchange->command);
    write_pairs(out, "Server", &exchange->response);
    if (exchange->status != IMAPID_STATUS_NONE) {
        g_string_append_printf(out, "<p>Result, frame %" G_GUINT64_FORMAT ": %s ",
                               exchange->result.number, imapid_record_status(exchange->status));
        imapid_html_string(out, &exchange->text, RAW_MAX);
        g_string_append(out, "</p>\n");
    }
    write_way(out, &exchange->conn);
    write_command(out, exchange);
    g_string_append(out, "</details>");
}

static void write_identity(GString *out, const struct imapid_page *page,
                           const struct imapid_record_half *half)
{
    char *software = half->seen ? imapid_fold_software(page->fold, half) : NULL;

    g_string_append(out, "<td>");
    if (software)
        imapid_html_foreign(out, software, 120);
    else
        g_string_append(out, half->seen ? "<span class=\"dim\">no name</span>"
                                        : "<span class=\"dim\">&ndash;</span>");
    g_string_append(out, "</td>");
    g_free(software);
}

static void write_codes(GString *out, const struct imapid_record_exchange *exchange)
{
    uint64_t told = 0;

    for (unsigned i = 0; i < exchange->n_findings; i++) {
        enum imapid_finding_code code = exchange->findings[i].code;

        if (told >> code & 1)
            continue;
        g_string_append_printf(out, "%s<span class=\"%s\">%s</span>", told ? "<br>" : "",
                               imapid_severity_name(imapid_finding_severity(code)),
                               imapid_finding_code(code));
        told |= UINT64_C(1) << code;
    }
    for (int i = 0; i < IMAPID_N_DOUBTS; i++) {
        if (!exchange->conn.doubts.of[i].n)
            continue;
        g_string_append_printf(out, "%s<span class=\"warning\">%s</span>", told ? "<br>" : "",
                               imapid_doubt_code((enum imapid_doubt)i));
        told |= UINT64_C(1) << 63;
    }
}

static void write_row(GString *out, const struct imapid_page *page, unsigned i,
                      const struct imapid_record_exchange *exchange)
{
    struct imapid_stamp when = imapid_record_when(exchange);

    g_string_append_printf(out, "<tr id=\"x%u\"><td class=\"t\">", i);
    imapid_html_time(out, when.ts_ns);
    g_string_append(out, "</td><td class=\"t\">");
    imapid_html_endpoint(out, &exchange->conn.client);
    g_string_append(out, "</td><td class=\"t\">");
    imapid_html_endpoint(out, &exchange->conn.server);
    g_string_append(out, "</td>");
    write_identity(out, page, &exchange->command);
    write_identity(out, page, &exchange->response);
    g_string_append_printf(
        out, "<td>%s%s</td><td>%s%s</td><td>",
        exchange->status == IMAPID_STATUS_NONE ? "none" : imapid_record_status(exchange->status),
        exchange->complete ? "" : ", incomplete", imapid_record_security(exchange->security),
        exchange->compressed ? ", compressed" : "");
    write_codes(out, exchange);
    g_string_append(out, "</td><td>");
    imapid_html_foreign(out, imapid_items_first_file(exchange), 120);
    g_string_append_printf(
        out, "</td><td class=\"n\">%" G_GUINT64_FORMAT "</td><td class=\"wide\">", when.number);
    if (out->len < PAGE_MAX)
        write_details(out, exchange);
    else
        g_string_append(out, "<span class=\"dim\">the page has no more room</span>");
    g_string_append(out, "</td></tr>\n");
}

void imapid_page_write_exchanges(GString *out, const struct imapid_page *page,
                                 const struct imapid_items *items)
{
    static const char *const heads[] = {"Time",        "Client",      "Server",
                                        "Client says", "Server says", "Result",
                                        "Security",    "Findings",    "File"};
    struct imapid_store_reading reading = {.arena = {NULL, 0}};
    unsigned first = first_shown(page);

    (void)items;
    g_string_append(out, "<section aria-labelledby=\"all-exchanges\">\n<h2 id=\"all-exchanges\">"
                         "Exchanges</h2>\n");
    if (first)
        g_string_append_printf(out,
                               "<p>The last %d of %u, in the order of files and connections; "
                               "<code>imapid extract</code> has all.</p>\n",
                               IMAPID_PAGE_ROWS_MAX, page->view->n_exchanges);
    g_string_append(out,
                    "<p class=\"find\" hidden><label for=\"search\">Search </label><input "
                    "type=\"search\" id=\"search\" autocomplete=\"off\"> <span id=\"count\" "
                    "class=\"dim\" role=\"status\"></span></p>\n<div class=\"scroll\" "
                    "tabindex=\"0\" role=\"region\" aria-labelledby=\"all-exchanges\">\n<table "
                    "id=\"exchanges\">\n<thead><tr>");
    for (size_t i = 0; i < G_N_ELEMENTS(heads); i++)
        g_string_append_printf(out, "<th scope=\"col\">%s</th>", heads[i]);
    g_string_append(out, "<th scope=\"col\" class=\"n\">Frame</th><th scope=\"col\">Details</th>"
                         "</tr></thead>\n<tbody>\n");
    for (unsigned i = first; i < page->view->n_exchanges; i++)
        write_row(out, page, i, imapid_store_read_exchange(page->view, i, &reading));
    imapid_store_reading_deinit(&reading);
    g_string_append(out, "</tbody>\n</table>\n</div>\n</section>\n");
}
