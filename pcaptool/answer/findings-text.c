/* SPDX-License-Identifier: GPL-2.0-or-later */
/* findings-text.c: findings for a person: by software, then by finding, the worst first; for each
 * how often, and where with what was sent. */
#include "answer/writer.h"

#include "record/spell.h"

#include <string.h>

/* Places shown of one finding of one software, of a note only one; --verbose shows all. */
#define PLACES 3
/* Columns of evidence, unless --verbose. */
#define EVIDENCE 100

static const char *const colours[] = {"2", "33", "31"}; /* by severity */

static void begin_colour(GString *out, const struct imapid_findings_report *report,
                         const char *colour)
{
    if (report->colour)
        g_string_append_printf(out, "\033[%sm", colour);
}

static void end_colour(GString *out, const struct imapid_findings_report *report)
{
    if (report->colour)
        g_string_append(out, "\033[0m");
}

/* Sides first, those without a name last; then the worst, then in the order of the store. */
static int compare_items(const void *a, const void *b)
{
    const struct imapid_item *one = *(const struct imapid_item *const *)a;
    const struct imapid_item *other = *(const struct imapid_item *const *)b;
    int order = (int)one->side - (int)other->side;

    if (!order)
        order = (one->software == NULL) - (other->software == NULL);
    if (!order)
        order = g_strcmp0(one->software, other->software);
    if (!order)
        order = (int)imapid_finding_severity(other->code) - (int)imapid_finding_severity(one->code);
    if (!order)
        order = (int)one->code - (int)other->code;
    return order ? order : (one > other) - (one < other);
}

static void write_software(GString *out, const struct imapid_findings_report *report,
                           const struct imapid_item *item)
{
    if (out->len)
        g_string_append_c(out, '\n');
    begin_colour(out, report, "1");
    if (item->software)
        imapid_spell_terminal(out, (const uint8_t *)item->software, strlen(item->software), 0);
    else
        g_string_append(out, "(no name given)");
    end_colour(out, report);
    g_string_append(out, item->side == IMAPID_CLIENT ? ", client\n" : ", server\n");
}

static void write_finding(GString *out, const struct imapid_findings_report *report,
                          const struct imapid_item *item, unsigned n)
{
    enum imapid_severity severity = imapid_finding_severity(item->code);

    g_string_append(out, "  ");
    begin_colour(out, report, colours[severity]);
    g_string_append_printf(out, "%-7s %s", imapid_severity_name(severity),
                           imapid_finding_code(item->code));
    end_colour(out, report);
    g_string_append_printf(out, ": %s [%s]", imapid_finding_message(item->code),
                           imapid_finding_section(item->code));
    if (n > 1)
        g_string_append_printf(out, ", %u times", n);
    g_string_append_c(out, '\n');
}

static void add_file(GString *out, const char *file)
{
    imapid_spell_terminal(out, (const uint8_t *)file, strlen(file), 0);
}

static void write_place(GString *out, const struct imapid_findings_report *report,
                        const struct imapid_item *item)
{
    gsize start;

    g_string_append(out, "          ");
    add_file(out, item->file);
    if (item->frame)
        g_string_append_printf(out, " frame %" G_GUINT64_FORMAT, item->frame);
    else
        g_string_append_printf(out, " stream %u", item->conn->conn.stream);
    g_string_append(out, ", ");
    imapid_spell_endpoint(out, &item->conn->conn.client);
    g_string_append(out, " to ");
    imapid_spell_endpoint(out, &item->conn->conn.server);
    if (item->related) {
        g_string_append(out, "; the client's leg: ");
        add_file(out, imapid_items_first_file(item->related));
        g_string_append_printf(out, " frame %" G_GUINT64_FORMAT,
                               imapid_record_when(item->related).number);
    }
    g_string_append_c(out, '\n');
    start = out->len;
    g_string_append(out, "            ");
    imapid_items_spell_evidence(out, item, report->verbose ? 0 : EVIDENCE);
    if (out->len == start + 12)
        g_string_truncate(out, start);
    else
        g_string_append_c(out, '\n');
}

static void write_group(GString *out, const struct imapid_findings_report *report,
                        struct imapid_item *const *items, unsigned n)
{
    bool is_note = imapid_finding_severity(items[0]->code) == IMAPID_SEVERITY_NOTE;
    unsigned max = report->verbose ? n : is_note ? 1 : PLACES;
    unsigned n_shown = 0, n_more = 0;

    write_finding(out, report, items[0], n);
    for (unsigned i = 0; i < n; i++) {
        if (i && items[i]->exchange && items[i]->exchange == items[i - 1]->exchange &&
            (items[i]->text || !report->verbose))
            continue; /* the same list, which is shown already */
        if (n_shown < max) {
            write_place(out, report, items[i]);
            n_shown++;
        } else {
            n_more++;
        }
    }
    if (n_more)
        g_string_append_printf(out, "          and %u more (--verbose shows them)\n", n_more);
}

static void write_summary(GString *out, const struct imapid_findings_report *report)
{
    const struct imapid_items *items = report->items;

    if (out->len)
        g_string_append_c(out, '\n');
    g_string_append_printf(
        out, "%u errors, %u warnings, %u notes in %u ID exchanges of %u connections",
        items->n_by_severity[IMAPID_SEVERITY_ERROR], items->n_by_severity[IMAPID_SEVERITY_WARNING],
        items->n_by_severity[IMAPID_SEVERITY_NOTE], report->view->n_exchanges,
        report->view->n_conns);
    if (items->n_ignored)
        g_string_append_printf(out, "; %u ignored", items->n_ignored);
    g_string_append_c(out, '\n');
}

static void write_text(GString *out, const struct imapid_findings_report *report)
{
    guint n = report->items->list->len;
    struct imapid_item **items = g_new(struct imapid_item *, n + 1);
    guint end;

    for (guint i = 0; i < n; i++)
        items[i] = &g_array_index(report->items->list, struct imapid_item, i);
    qsort(items, n, sizeof *items, compare_items);
    for (guint i = 0; i < n; i = end) {
        const struct imapid_item *before = i ? items[i - 1] : NULL;

        for (end = i + 1; end < n; end++)
            if (items[end]->code != items[i]->code || items[end]->side != items[i]->side ||
                g_strcmp0(items[end]->software, items[i]->software))
                break;
        if (!before || before->side != items[i]->side ||
            g_strcmp0(before->software, items[i]->software))
            write_software(out, report, items[i]);
        write_group(out, report, items + i, end - i);
    }
    write_summary(out, report);
    g_free(items);
}

const struct imapid_findings_writer imapid_findings_text_writer = {"text", write_text};
