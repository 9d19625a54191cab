/* SPDX-License-Identifier: GPL-2.0-or-later */
/* findings-text.c: findings for a person: by software, then by finding, the worst first; for each
 * how often, and where with what was sent.
 *
 * Refuses nothing. Misuse: expecting every place without `verbose`. */
#include "answer/unreadable.h"
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
static int compare_items(const void *a, const void *b, void *items)
{
    const struct imapid_item_ref *one = a, *other = b;
    int order = (int)one->side - (int)other->side;

    if (!order)
        order = !one->software - !other->software;
    if (!order)
        order = imapid_items_compare_softwares(items, one, other);
    if (!order)
        order = (int)imapid_finding_severity((enum imapid_finding_code)other->code) -
                (int)imapid_finding_severity((enum imapid_finding_code)one->code);
    if (!order)
        order = (int)one->code - (int)other->code;
    return order ? order : (int)one->lack - (int)other->lack;
}

static void write_software(GString *out, const struct imapid_findings_report *report,
                           const struct imapid_item *item)
{
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
    g_string_append_printf(out, ": %s [%s]", imapid_items_message(item),
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

/* Items of one finding of one software. */
struct group {
    const struct imapid_item_ref *refs;
    guint n;
};

/* Is it about the list that the item before it is about? */
static bool is_shown(const struct group *group, guint i)
{
    return i && group->refs[i].exchange != IMAPID_STORE_NONE &&
           group->refs[i].exchange == group->refs[i - 1].exchange;
}

static void write_group(GString *out, const struct imapid_findings_report *report,
                        const struct group *group, struct imapid_item_reading *reading)
{
    const struct imapid_items *items = report->items;
    const struct imapid_item *item = imapid_items_read(items, group->refs, reading);
    bool is_note = imapid_finding_severity(item->code) == IMAPID_SEVERITY_NOTE;
    unsigned max = report->verbose ? group->n : is_note ? 1 : PLACES;
    unsigned n_shown = 0, n_more = 0;

    write_finding(out, report, item, group->n);
    for (guint i = 0; i < group->n; i++) {
        if (is_shown(group, i) && !report->verbose)
            continue;
        if (n_shown >= max) {
            n_more++;
            continue;
        }
        item = imapid_items_read(items, &group->refs[i], reading);
        if (is_shown(group, i) && item->text)
            continue;
        write_place(out, report, item);
        n_shown++;
        imapid_findings_pass_on(out, report);
    }
    if (n_more)
        g_string_append_printf(out, "          and %u more (--verbose shows them)\n", n_more);
}

/* "1 note", "2 notes". */
static void add_number(GString *out, unsigned n, const char *what, const char *behind)
{
    g_string_append_printf(out, "%u %s%s%s", n, what, n == 1 ? "" : "s", behind);
}

static void write_summary(GString *out, const struct imapid_findings_report *report)
{
    const struct imapid_items *items = report->items;
    GString *unread = g_string_new(NULL);

    if (items->list->len)
        g_string_append_c(out, '\n');
    add_number(out, items->n_by_severity[IMAPID_SEVERITY_ERROR], "error", ", ");
    add_number(out, items->n_by_severity[IMAPID_SEVERITY_WARNING], "warning", ", ");
    add_number(out, items->n_by_severity[IMAPID_SEVERITY_NOTE], "note", " in ");
    add_number(out, report->view->n_exchanges, "ID exchange", " of ");
    add_number(out, report->view->n_conns, "connection", "");
    if (items->n_ignored)
        g_string_append_printf(out, "; %u ignored", items->n_ignored);
    g_string_append_c(out, '\n');
    imapid_unreadable_spell(unread, report->view);
    if (unread->len)
        g_string_append_printf(out, "%s\n", unread->str);
    g_string_free(unread, TRUE);
}

static guint find_end(const GArray *sorted, guint first)
{
    const struct imapid_item_ref *refs = (const struct imapid_item_ref *)(void *)sorted->data;
    guint end = first + 1;

    while (end < sorted->len && refs[end].code == refs[first].code &&
           refs[end].lack == refs[first].lack && refs[end].side == refs[first].side &&
           refs[end].software == refs[first].software)
        end++;
    return end;
}

static void write_text(GString *out, const struct imapid_findings_report *report)
{
    GArray *sorted = imapid_items_sort(report->items, NULL, compare_items);
    const struct imapid_item_ref *refs = (const struct imapid_item_ref *)(void *)sorted->data;
    struct imapid_item_reading reading = {.change = NULL};
    guint end;

    for (guint i = 0; i < sorted->len; i = end) {
        struct group group = {&refs[i], 0};

        end = find_end(sorted, i);
        group.n = end - i;
        if (!i || refs[i - 1].side != refs[i].side || refs[i - 1].software != refs[i].software) {
            g_string_append(out, i ? "\n" : "");
            write_software(out, report, imapid_items_read(report->items, &refs[i], &reading));
        }
        write_group(out, report, &group, &reading);
    }
    write_summary(out, report);
    imapid_items_reading_deinit(&reading);
    g_array_unref(sorted);
}

const struct imapid_findings_writer imapid_findings_text_writer = {"text", write_text};
