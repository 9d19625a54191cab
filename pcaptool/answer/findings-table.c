/* SPDX-License-Identifier: GPL-2.0-or-later */
/* findings-table.c: findings for machines, in the order of the records: as JSON Lines, with a line
 * of totals at the end, and as CSV.
 *
 * Refuses nothing. Misuse: items of one view with the view of another. */
#include "answer/groups.h"
#include "answer/unreadable.h"
#include "answer/writer.h"

#include "record/cell.h"
#include "record/spell-record.h"
#include "record/spell.h"

#include <string.h>

/* ---- JSON Lines ---- */

static void add_octets(GString *out, const char *key, const struct imapid_record_string *string)
{
    g_string_append_printf(out, ",\"%s\":", key);
    if (!string || string->is_nil)
        g_string_append(out, "null");
    else
        imapid_spell_json(out, string->octets, string->n);
}

static void add_text(GString *out, const char *key, const char *text)
{
    g_string_append_printf(out, ",\"%s\":", key);
    imapid_spell_json_text(out, text);
}

static void add_frame(GString *out, uint64_t frame)
{
    if (frame)
        g_string_append_printf(out, ",\"frame\":%" G_GUINT64_FORMAT, frame);
    else
        g_string_append(out, ",\"frame\":null");
}

static void add_endpoint(GString *out, const char *key, const struct imapid_endpoint *endpoint)
{
    g_string_append_printf(out, ",\"%s\":{\"ip\":\"", key);
    imapid_spell_address(out, endpoint);
    g_string_append_printf(out, "\",\"port\":%u}", endpoint->port);
}

/* The key of the connection, by which answers are joined with records. */
static void add_session(GString *out, const struct imapid_record_conn *conn)
{
    GString *id = g_string_new(NULL);

    imapid_spell_session_id(id, conn);
    add_text(out, "session", id->len ? id->str : NULL);
    add_text(out, "site", conn->site);
    g_string_free(id, TRUE);
}

static void add_related(GString *out, const struct imapid_record_exchange *related)
{
    if (!related) {
        g_string_append(out, ",\"related\":null");
        return;
    }
    g_string_append(out, ",\"related\":{\"file\":");
    imapid_spell_json_text(out, imapid_items_first_file(related));
    g_string_append_printf(out, ",\"stream\":%u", related->conn.stream);
    add_session(out, &related->conn);
    add_frame(out, imapid_record_when(related).number);
    g_string_append_c(out, '}');
}

static void write_json_item(GString *out, const struct imapid_item *item)
{
    enum imapid_severity severity = imapid_finding_severity(item->code);

    g_string_append_printf(out, "{\"type\":\"finding\",\"schema\":1,\"code\":\"%s\"",
                           imapid_finding_code(item->code));
    add_text(out, "severity", imapid_severity_name(severity));
    add_text(out, "side", item->side == IMAPID_CLIENT ? "client" : "server");
    add_text(out, "section", imapid_finding_section(item->code));
    add_text(out, "message", imapid_items_message(item));
    add_text(out, "software", item->software);
    add_octets(out, "field", item->field);
    add_octets(out, "value", item->value);
    g_string_append(out, ",\"text\":");
    if (item->text)
        imapid_spell_json(out, item->text, item->n_text);
    else
        g_string_append(out, "null");
    add_text(out, "file", item->file);
    g_string_append_printf(out, ",\"stream\":%u", item->conn->conn.stream);
    add_session(out, &item->conn->conn);
    add_frame(out, item->frame);
    g_string_append(out, ",\"time\":");
    imapid_spell_json_time(out, item->ts_ns);
    add_endpoint(out, "client", &item->conn->conn.client);
    add_endpoint(out, "server", &item->conn->conn.server);
    add_text(out, "tag", item->exchange ? item->exchange->tag : NULL);
    add_related(out, item->related);
    g_string_append(out, "}\n");
}

static void write_jsonl(GString *out, const struct imapid_findings_report *report)
{
    const struct imapid_items *items = report->items;
    struct imapid_item_reading reading = {.change = NULL};

    for (guint i = 0; i < items->list->len; i++) {
        const struct imapid_item_ref *ref = &g_array_index(items->list, struct imapid_item_ref, i);

        write_json_item(out, imapid_items_read(items, ref, &reading));
        imapid_findings_pass_on(out, report);
    }
    imapid_items_reading_deinit(&reading);
    g_string_append_printf(
        out,
        "{\"type\":\"check\",\"schema\":1,\"connections\":%u,\"exchanges\":%u,\"errors\":%u,"
        "\"warnings\":%u,\"notes\":%u,\"ignored\":%u,\"complete\":%s",
        report->view->n_conns, report->view->n_exchanges,
        items->n_by_severity[IMAPID_SEVERITY_ERROR], items->n_by_severity[IMAPID_SEVERITY_WARNING],
        items->n_by_severity[IMAPID_SEVERITY_NOTE], items->n_ignored,
        report->is_complete ? "true" : "false");
    g_string_append_printf(out, ",\"unread\":%" G_GUINT64_FORMAT ",\"unread_why\":",
                           imapid_unreadable_count(report->view));
    imapid_unreadable_spell_reasons(out, report->view);
    if (report->view->is_choice)
        g_string_append_printf(out, ",\"chosen_of\":%u", report->view->n_all_conns);
    g_string_append(out, "}\n");
}

/* ---- CSV ---- */

static void add_cell(struct imapid_row *row, const struct imapid_record_string *string)
{
    if (string && !string->is_nil)
        imapid_cell_add(row, string->octets, string->n);
    else
        imapid_cell_add_own(row, NULL);
}

static void add_endpoint_cells(struct imapid_row *row, const struct imapid_endpoint *endpoint)
{
    GString *text = g_string_new(NULL);

    imapid_spell_address(text, endpoint);
    imapid_cell_add_own(row, text->str);
    imapid_cell_add_number(row, endpoint->port);
    g_string_free(text, TRUE);
}

static void write_csv_item(struct imapid_row *row, const struct imapid_item *item)
{
    GString *time = g_string_new(NULL), *id = g_string_new(NULL);

    imapid_cell_add_own(row, imapid_finding_code(item->code));
    imapid_cell_add_own(row, imapid_severity_name(imapid_finding_severity(item->code)));
    imapid_cell_add_own(row, item->side == IMAPID_CLIENT ? "client" : "server");
    imapid_cell_add_own(row, imapid_finding_section(item->code));
    imapid_cell_add_own(row, imapid_items_message(item));
    imapid_cell_add_text(row, item->software);
    add_cell(row, item->field);
    add_cell(row, item->value);
    imapid_cell_add(row, item->text, item->n_text);
    imapid_cell_add_text(row, item->file);
    imapid_cell_add_number(row, item->conn->conn.stream);
    if (item->frame)
        imapid_cell_add_number(row, item->frame);
    else
        imapid_cell_add_own(row, NULL);
    imapid_spell_time(time, item->ts_ns);
    imapid_cell_add_own(row, time->str);
    add_endpoint_cells(row, &item->conn->conn.client);
    add_endpoint_cells(row, &item->conn->conn.server);
    imapid_cell_add_text(row, item->exchange ? item->exchange->tag : NULL);
    imapid_cell_add_text(row, item->conn->conn.site);
    imapid_spell_session_id(id, &item->conn->conn);
    imapid_cell_add_text(row, id->len ? id->str : NULL);
    imapid_cell_end_row(row);
    g_string_free(id, TRUE);
    g_string_free(time, TRUE);
}

static void write_csv(GString *out, const struct imapid_findings_report *report)
{
    static const char *const head[] = {
        "code",        "severity",  "side",        "section", "message", "software", "field",
        "value",       "text",      "file",        "stream",  "frame",   "time",     "client_ip",
        "client_port", "server_ip", "server_port", "tag",     "site",    "session"};
    const struct imapid_items *items = report->items;
    struct imapid_item_reading reading = {.change = NULL};
    struct imapid_row row = {
        .out = out, .form = IMAPID_CELL_CSV, .is_terminal = report->terminal.is_terminal};

    for (size_t i = 0; i < G_N_ELEMENTS(head); i++)
        imapid_cell_add_own(&row, head[i]);
    imapid_cell_end_row(&row);
    for (guint i = 0; i < items->list->len; i++) {
        const struct imapid_item_ref *ref = &g_array_index(items->list, struct imapid_item_ref, i);

        write_csv_item(&row, imapid_items_read(items, ref, &reading));
        imapid_findings_pass_on(out, report);
    }
    imapid_items_reading_deinit(&reading);
}

const struct imapid_findings_writer imapid_findings_jsonl_writer = {"jsonl", write_jsonl};
const struct imapid_findings_writer imapid_findings_csv_writer = {"csv", write_csv};
