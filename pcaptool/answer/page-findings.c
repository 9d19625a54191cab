/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page-findings.c: conformance, privacy and proxies. */
#include "answer/html.h"
#include "answer/page.h"

#include <string.h>

/* Rows of each table; the command line has all. */
#define ROWS_MAX 500

/* Findings of one kind of one program. */
struct bunch {
    const struct imapid_item *first;
    guint n;
    guint n_conns, n_clear;
    const struct imapid_store_conn *last_conn;
};

static int compare_bunched(const void *a, const void *b)
{
    const struct imapid_item *one = *(const struct imapid_item *const *)a;
    const struct imapid_item *other = *(const struct imapid_item *const *)b;
    int order = (int)imapid_finding_severity(other->code) - (int)imapid_finding_severity(one->code);

    if (!order)
        order = (int)one->code - (int)other->code;
    if (!order)
        order = (int)one->side - (int)other->side;
    if (!order)
        order = g_strcmp0(one->software, other->software);
    return order ? order : (one > other) - (one < other);
}

static int compare_privately(const void *a, const void *b)
{
    const struct imapid_item *one = *(const struct imapid_item *const *)a;
    const struct imapid_item *other = *(const struct imapid_item *const *)b;
    int order = g_strcmp0(one->software, other->software);

    return order ? order : compare_bunched(a, b);
}

static bool is_private(const struct imapid_item *item)
{
    return item->code == IMAPID_FINDING_UNIQUE_IDENTIFIER ||
           item->code == IMAPID_FINDING_DISCLOSES_ENVIRONMENT ||
           item->code == IMAPID_FINDING_FORWARDED_ADDRESS;
}

static bool same_bunch(const struct imapid_item *a, const struct imapid_item *b)
{
    return a->code == b->code && a->side == b->side && !g_strcmp0(a->software, b->software);
}

/* Items put together, in an order that puts those of one bunch side by side. */
static GArray *bunch_items(const struct imapid_items *items, bool private_only,
                           int (*compare)(const void *, const void *))
{
    GArray *bunches = g_array_new(FALSE, FALSE, sizeof(struct bunch));
    GPtrArray *sorted = g_ptr_array_new();
    struct bunch *bunch = NULL;

    for (guint i = 0; i < items->list->len; i++) {
        struct imapid_item *item = &g_array_index(items->list, struct imapid_item, i);

        if (!private_only || is_private(item))
            g_ptr_array_add(sorted, item);
    }
    g_ptr_array_sort(sorted, compare);
    for (guint i = 0; i < sorted->len; i++) {
        const struct imapid_item *item = sorted->pdata[i];

        if (!bunch || !same_bunch(bunch->first, item)) {
            struct bunch fresh = {.first = item};

            g_array_append_val(bunches, fresh);
            bunch = &g_array_index(bunches, struct bunch, bunches->len - 1);
        }
        bunch->n++;
        if (bunch->last_conn != item->conn) {
            bunch->last_conn = item->conn;
            bunch->n_conns++;
            bunch->n_clear += item->exchange && item->exchange->security == IMAPID_SECURITY_NONE;
        }
    }
    g_ptr_array_unref(sorted);
    return bunches;
}

static void write_evidence(GString *out, const struct imapid_item *item)
{
    GString *text = g_string_new(NULL);

    imapid_items_spell_evidence(text, item, 160);
    if (text->len) {
        g_string_append(out, "<code><bdi>");
        imapid_html_text(out, text->str);
        g_string_append(out, "</bdi></code>");
    }
    g_string_free(text, TRUE);
}

static void write_software(GString *out, const struct imapid_item *item)
{
    if (item->software)
        imapid_html_foreign(out, item->software, 120);
    else
        g_string_append(out, "<span class=\"dim\">not said</span>");
}

static void write_code(GString *out, enum imapid_finding_code code)
{
    enum imapid_severity severity = imapid_finding_severity(code);

    g_string_append_printf(out, "<span class=\"%s\">%s</span>", imapid_severity_name(severity),
                           imapid_finding_code(code));
}

static void begin_table(GString *out, const char *id, const char *const *heads, size_t n)
{
    g_string_append_printf(out,
                           "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                           "aria-labelledby=\"%s\">\n<table>\n<thead><tr>",
                           id);
    for (size_t i = 0; i < n; i++)
        g_string_append_printf(out, "<th scope=\"col\"%s>%s</th>",
                               *heads[i] == '#' ? " class=\"n\"" : "",
                               heads[i] + (*heads[i] == '#'));
    g_string_append(out, "</tr></thead>\n<tbody>\n");
}

static void end_table(GString *out, guint n, guint n_shown)
{
    g_string_append(out, "</tbody>\n</table>\n</div>\n");
    if (n > n_shown)
        g_string_append_printf(out,
                               "<p class=\"dim\">And %u more rows; <code>imapid check</code> "
                               "has all.</p>\n",
                               n - n_shown);
}

/* ---- conformance ---- */

static void write_bunch(GString *out, const struct imapid_page *page, const struct bunch *bunch)
{
    const struct imapid_item *item = bunch->first;
    enum imapid_severity severity = imapid_finding_severity(item->code);

    g_string_append_printf(out, "<tr><td>%s</td><th scope=\"row\">",
                           imapid_severity_name(severity));
    write_code(out, item->code);
    g_string_append(out, "<br><span class=\"dim\">");
    imapid_html_text(out, imapid_finding_message(item->code));
    g_string_append_printf(out, " (%s)</span></th><td>", imapid_finding_section(item->code));
    write_software(out, item);
    g_string_append_printf(out, ", %s</td><td class=\"n\">%u</td><td class=\"wide\">",
                           item->side == IMAPID_CLIENT ? "client" : "server", bunch->n);
    imapid_page_write_place(out, page, item);
    g_string_append(out, "<br>");
    write_evidence(out, item);
    g_string_append(out, "</td></tr>\n");
}

void imapid_page_write_findings(GString *out, const struct imapid_page *page,
                                const struct imapid_items *items)
{
    static const char *const heads[] = {"Severity", "Finding", "Software", "#Times", "First place"};
    GArray *bunches = bunch_items(items, false, compare_bunched);
    guint n_shown = MIN(bunches->len, ROWS_MAX);

    g_string_append_printf(
        out,
        "<section aria-labelledby=\"findings\">\n<h2 id=\"findings\">Conformance</h2>\n<p>%u "
        "errors "
        "(a MUST of RFC 2971 is broken), %u warnings, %u notes. Nothing is found in what the "
        "captures lost.</p>\n",
        items->n_by_severity[IMAPID_SEVERITY_ERROR], items->n_by_severity[IMAPID_SEVERITY_WARNING],
        items->n_by_severity[IMAPID_SEVERITY_NOTE]);
    begin_table(out, "findings", heads, G_N_ELEMENTS(heads));
    for (guint i = 0; i < n_shown; i++)
        write_bunch(out, page, &g_array_index(bunches, struct bunch, i));
    end_table(out, bunches->len, n_shown);
    g_string_append(out, "</section>\n");
    g_array_unref(bunches);
}

/* ---- privacy ---- */

void imapid_page_write_privacy(GString *out, const struct imapid_page *page,
                               const struct imapid_items *items)
{
    static const char *const heads[] = {"Software", "What", "#Connections", "#In the clear",
                                        "Sent, for example"};
    GArray *bunches = bunch_items(items, true, compare_privately);
    guint n_shown = MIN(bunches->len, ROWS_MAX);

    g_string_append(out, "<section aria-labelledby=\"privacy\">\n<h2 id=\"privacy\">Privacy</h2>\n"
                         "<p>Who sends what identifies a device or person, or tells more of a "
                         "machine than its software (RFC 2971, section 7).</p>\n");
    begin_table(out, "privacy", heads, G_N_ELEMENTS(heads));
    for (guint i = 0; i < n_shown; i++) {
        const struct bunch *bunch = &g_array_index(bunches, struct bunch, i);

        g_string_append(out, "<tr><th scope=\"row\">");
        write_software(out, bunch->first);
        g_string_append_printf(out, ", %s</th><td>",
                               bunch->first->side == IMAPID_CLIENT ? "client" : "server");
        write_code(out, bunch->first->code);
        g_string_append_printf(out, "</td><td class=\"n\">%u</td><td class=\"n\">%u</td><td>",
                               bunch->n_conns, bunch->n_clear);
        write_evidence(out, bunch->first);
        g_string_append(out, "<br>");
        imapid_page_write_place(out, page, bunch->first);
        g_string_append(out, "</td></tr>\n");
    }
    end_table(out, bunches->len, n_shown);
    if (!bunches->len)
        g_string_append(out, "<p>Nobody does, in what was seen.</p>\n");
    g_string_append(out, "</section>\n");
    g_array_unref(bunches);
}

/* ---- proxies ---- */

/* Where the exchange of a leg begins; the leg has none where no ID was seen on it. */
static void set_first(struct imapid_item *item)
{
    item->file = item->conn->conn.file;
    if (!item->exchange)
        return;
    item->file = imapid_items_first_file(item->exchange);
    item->frame = imapid_record_when(item->exchange).number;
}

static void write_change(GString *out, const struct imapid_leg *leg)
{
    GString *change = g_string_new(NULL);

    imapid_legs_spell_change(change, leg);
    g_string_append(out, "<br><code>");
    imapid_html_octets(out, (const uint8_t *)change->str, change->len, 300);
    g_string_append(out, "</code>");
    g_string_free(change, TRUE);
}

static void write_chain(GString *out, const struct imapid_page *page, const struct imapid_leg *leg)
{
    struct imapid_item outer = {.conn = leg->outer, .exchange = leg->outer_exchange};
    struct imapid_item inner = {.conn = leg->inner, .exchange = leg->inner_exchange};

    set_first(&outer);
    set_first(&inner);
    g_string_append(out, "<tr><td class=\"t\">");
    imapid_html_endpoint(out, &leg->outer->conn.client);
    g_string_append(out, " &rarr; ");
    imapid_html_endpoint(out, &leg->outer->conn.server);
    g_string_append(out, "<br>");
    imapid_page_write_place(out, page, &outer);
    g_string_append(out, "</td><td class=\"t\">");
    imapid_html_endpoint(out, &leg->inner->conn.client);
    g_string_append(out, " &rarr; ");
    imapid_html_endpoint(out, &leg->inner->conn.server);
    g_string_append(out, "<br>");
    imapid_page_write_place(out, page, &inner);
    g_string_append_printf(out, "</td><td>%s",
                           leg->differs                           ? "no: changed in transit"
                           : leg->is_whole && leg->outer_exchange ? "yes"
                           : leg->is_whole                        ? "the client sent none"
                                                                  : "not known: not seen whole");
    if (leg->differs)
        write_change(out, leg);
    g_string_append(out, "</td></tr>\n");
}

void imapid_page_write_chains(GString *out, const struct imapid_page *page)
{
    static const char *const heads[] = {"The client&rsquo;s leg", "The server&rsquo;s leg",
                                        "The same list on both?"};
    GArray *legs = imapid_legs_find(page->view);
    guint n_shown = MIN(legs->len, ROWS_MAX);

    g_string_append(out, "<section aria-labelledby=\"chains\">\n<h2 id=\"chains\">Proxies</h2>\n"
                         "<p>Sessions of which two legs were seen, tied by what the proxy itself "
                         "says of the client&rsquo;s end.</p>\n");
    begin_table(out, "chains", heads, G_N_ELEMENTS(heads));
    for (guint i = 0; i < n_shown; i++)
        write_chain(out, page, &g_array_index(legs, struct imapid_leg, i));
    end_table(out, legs->len, n_shown);
    if (!legs->len)
        g_string_append(out, "<p>None.</p>\n");
    g_string_append(out, "</section>\n");
    g_array_unref(legs);
}
