/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page-findings.c: the sections conformance, privacy and proxies of the report.
 *
 * Refuses rows past a limit, and says how many.
 *
 * Misuse: items of another view than the page's. */
#include "answer/html.h"
#include "answer/page.h"

#include <string.h>

/* Rows of each table; the command line has all. */
#define ROWS_MAX 500

/* Findings of one kind of one program. */
struct bunch {
    struct imapid_item_ref first;
    guint n;
    guint n_conns, n_clear;
    unsigned last_conn;
};

static int compare_bunched(const void *a, const void *b, void *items)
{
    const struct imapid_item_ref *one = a, *other = b;
    int order = (int)imapid_finding_severity((enum imapid_finding_code)other->code) -
                (int)imapid_finding_severity((enum imapid_finding_code)one->code);

    if (!order)
        order = (int)one->code - (int)other->code;
    if (!order)
        order = (int)one->side - (int)other->side;
    return order ? order : imapid_items_compare_softwares(items, one, other);
}

static int compare_privately(const void *a, const void *b, void *items)
{
    int order = imapid_items_compare_softwares(items, a, b);

    return order ? order : compare_bunched(a, b, items);
}

static bool is_private(const struct imapid_item_ref *ref)
{
    return ref->code == IMAPID_FINDING_UNIQUE_IDENTIFIER ||
           ref->code == IMAPID_FINDING_DISCLOSES_ENVIRONMENT ||
           ref->code == IMAPID_FINDING_FORWARDED_ADDRESS;
}

static bool same_bunch(const struct imapid_item_ref *a, const struct imapid_item_ref *b)
{
    return a->code == b->code && a->side == b->side && a->software == b->software;
}

static bool is_clear(const struct imapid_items *items, const struct imapid_item_ref *ref,
                     struct imapid_item_reading *reading)
{
    const struct imapid_item *item = imapid_items_read(items, ref, reading);

    return item->exchange && item->exchange->security == IMAPID_SECURITY_NONE;
}

/* Without `reading` n_clear is not counted. */
static void add_to_bunch(struct bunch *bunch, const struct imapid_items *items,
                         const struct imapid_item_ref *ref, struct imapid_item_reading *reading)
{
    bunch->n++;
    if (bunch->last_conn == ref->conn)
        return;
    bunch->last_conn = ref->conn;
    bunch->n_conns++;
    if (reading)
        bunch->n_clear += is_clear(items, ref, reading);
}

/* Items put together, in an order that puts those of one bunch side by side. */
static GArray *bunch_items(const struct imapid_items *items,
                           bool (*wanted)(const struct imapid_item_ref *ref),
                           int (*compare)(const void *a, const void *b, void *items))
{
    GArray *bunches = g_array_new(FALSE, FALSE, sizeof(struct bunch));
    GArray *sorted = imapid_items_sort(items, wanted, compare);
    struct imapid_item_reading reading = {.change = NULL};
    struct bunch *bunch = NULL;

    for (guint i = 0; i < sorted->len; i++) {
        const struct imapid_item_ref *ref = &g_array_index(sorted, struct imapid_item_ref, i);

        if (!bunch || !same_bunch(&bunch->first, ref)) {
            struct bunch fresh = {.first = *ref, .last_conn = IMAPID_STORE_NONE};

            g_array_append_val(bunches, fresh);
            bunch = &g_array_index(bunches, struct bunch, bunches->len - 1);
        }
        add_to_bunch(bunch, items, ref, wanted ? &reading : NULL);
    }
    imapid_items_reading_deinit(&reading);
    g_array_unref(sorted);
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

static void write_bunch(GString *out, const struct imapid_page *page,
                        const struct imapid_item *item, guint n)
{
    enum imapid_severity severity = imapid_finding_severity(item->code);

    g_string_append_printf(out, "<tr><td>%s</td><th scope=\"row\">",
                           imapid_severity_name(severity));
    write_code(out, item->code);
    g_string_append(out, "<br><span class=\"dim\">");
    imapid_html_text(out, imapid_items_message(item));
    g_string_append_printf(out, " (%s)</span></th><td>", imapid_finding_section(item->code));
    write_software(out, item);
    g_string_append_printf(out, ", %s</td><td class=\"n\">%u</td><td class=\"wide\">",
                           item->side == IMAPID_CLIENT ? "client" : "server", n);
    imapid_page_write_place(out, page, item);
    g_string_append(out, "<br>");
    write_evidence(out, item);
    g_string_append(out, "</td></tr>\n");
}

void imapid_page_write_findings(GString *out, const struct imapid_page *page,
                                const struct imapid_items *items)
{
    static const char *const heads[] = {"Severity", "Finding", "Software", "#Times", "First place"};
    GArray *bunches = bunch_items(items, NULL, compare_bunched);
    struct imapid_item_reading reading = {.change = NULL};
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
    for (guint i = 0; i < n_shown; i++) {
        const struct bunch *bunch = &g_array_index(bunches, struct bunch, i);

        write_bunch(out, page, imapid_items_read(items, &bunch->first, &reading), bunch->n);
    }
    end_table(out, bunches->len, n_shown);
    g_string_append(out, "</section>\n");
    imapid_items_reading_deinit(&reading);
    g_array_unref(bunches);
}

/* ---- privacy ---- */

void imapid_page_write_privacy(GString *out, const struct imapid_page *page,
                               const struct imapid_items *items)
{
    static const char *const heads[] = {"Software", "What", "#Connections", "#In the clear",
                                        "Sent, for example"};
    GArray *bunches = bunch_items(items, is_private, compare_privately);
    struct imapid_item_reading reading = {.change = NULL};
    guint n_shown = MIN(bunches->len, ROWS_MAX);

    g_string_append(out, "<section aria-labelledby=\"privacy\">\n<h2 id=\"privacy\">Privacy</h2>\n"
                         "<p>Who sends what identifies a device or person, or tells more of a "
                         "machine than its software (RFC 2971, section 7).</p>\n");
    begin_table(out, "privacy", heads, G_N_ELEMENTS(heads));
    for (guint i = 0; i < n_shown; i++) {
        const struct bunch *bunch = &g_array_index(bunches, struct bunch, i);
        const struct imapid_item *item = imapid_items_read(items, &bunch->first, &reading);

        g_string_append(out, "<tr><th scope=\"row\">");
        write_software(out, item);
        g_string_append_printf(out, ", %s</th><td>",
                               item->side == IMAPID_CLIENT ? "client" : "server");
        write_code(out, item->code);
        g_string_append_printf(out, "</td><td class=\"n\">%u</td><td class=\"n\">%u</td><td>",
                               bunch->n_conns, bunch->n_clear);
        write_evidence(out, item);
        g_string_append(out, "<br>");
        imapid_page_write_place(out, page, item);
        g_string_append(out, "</td></tr>\n");
    }
    end_table(out, bunches->len, n_shown);
    if (!bunches->len)
        g_string_append(out, "<p>Nobody does, in what was seen.</p>\n");
    g_string_append(out, "</section>\n");
    imapid_items_reading_deinit(&reading);
    g_array_unref(bunches);
}

/* ---- proxies ---- */

static void write_change(GString *out, const struct imapid_page *page, const struct imapid_leg *leg)
{
    GString *change = g_string_new(NULL);

    imapid_legs_spell_change(change, page->view, leg);
    g_string_append(out, "<br><code>");
    imapid_html_octets(out, (const uint8_t *)change->str, change->len, 300);
    g_string_append(out, "</code>");
    g_string_free(change, TRUE);
}

/* Where the exchange of a leg begins; the leg has none where no ID was seen on it. */
static void write_leg(GString *out, const struct imapid_page *page, unsigned index, unsigned place)
{
    struct imapid_store_conn conn;
    struct imapid_store_reading reading = {.arena = {NULL, 0}};
    struct imapid_item item = {.conn = &conn, .place = place};

    imapid_store_read_conn(page->view, index, &conn);
    item.file = conn.conn.file;
    if (place != IMAPID_STORE_NONE) {
        item.exchange = imapid_store_read_exchange(page->view, place, &reading);
        item.file = imapid_items_first_file(item.exchange);
        item.frame = imapid_record_when(item.exchange).number;
    }
    g_string_append(out, "<td class=\"t\">");
    imapid_html_endpoint(out, &conn.conn.client);
    g_string_append(out, " &rarr; ");
    imapid_html_endpoint(out, &conn.conn.server);
    g_string_append(out, "<br>");
    imapid_page_write_place(out, page, &item);
    g_string_append(out, "</td>");
    imapid_store_reading_deinit(&reading);
}

static void write_chain(GString *out, const struct imapid_page *page, const struct imapid_leg *leg)
{
    bool has_list = leg->outer_exchange != IMAPID_STORE_NONE;

    g_string_append(out, "<tr>");
    write_leg(out, page, leg->outer, leg->outer_exchange);
    write_leg(out, page, leg->inner, leg->inner_exchange);
    g_string_append_printf(out, "<td>%s",
                           leg->differs                ? "no: changed in transit"
                           : leg->is_whole && has_list ? "yes"
                           : leg->is_whole             ? "the client sent none"
                                                       : "not known: not seen whole");
    if (leg->differs)
        write_change(out, page, leg);
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
