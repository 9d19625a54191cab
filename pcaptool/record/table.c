/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table.c: one row for each exchange, as CSV and as TSV. The columns are a table; those of the
 * defined fields are an expansion of fields.def. Sessions and captures have no rows.
 *
 * Refuses nothing.
 *
 * Misuse: rows without the head, which alone says what a column is. */
#include "record/cell.h"
#include "record/spell-record.h"
#include "record/spell.h"
#include "record/writer.h"

#include <string.h>

static void add_string(struct imapid_row *row, const struct imapid_record_string *string)
{
    if (string && !string->is_nil)
        imapid_cell_add(row, string->octets, string->n);
    else
        imapid_cell_add_own(row, NULL);
}

static void add_frame(struct imapid_row *row, bool seen, const struct imapid_stamp *packet)
{
    if (seen)
        imapid_cell_add_number(row, packet->number);
    else
        imapid_cell_add_own(row, NULL);
}

static void add_endpoint(struct imapid_row *row, const struct imapid_endpoint *endpoint)
{
    GString *text = g_string_new(NULL);

    imapid_spell_address(text, endpoint);
    imapid_cell_add_own(row, text->str);
    imapid_cell_add_number(row, endpoint->port);
    g_string_free(text, TRUE);
}

/* Empty cells where there is none. */
static void add_proxied(struct imapid_row *row, const struct imapid_endpoint *endpoint)
{
    if (endpoint->family) {
        add_endpoint(row, endpoint);
        return;
    }
    imapid_cell_add_own(row, NULL);
    imapid_cell_add_own(row, NULL);
}

/* The file is a stranger's text, so it goes through the cells' own care. */
static void add_spelled(struct imapid_row *row,
                        void (*spell)(GString *, const struct imapid_record_conn *),
                        const struct imapid_record_conn *conn)
{
    GString *text = g_string_new(NULL);

    spell(text, conn);
    imapid_cell_add_text(row, text->str);
    g_string_free(text, TRUE);
}

static void add_time(struct imapid_row *row, int64_t ts_ns)
{
    GString *text = g_string_new(NULL);

    imapid_spell_time(text, ts_ns);
    imapid_cell_add_own(row, text->str);
    g_string_free(text, TRUE);
}

static void add_rtt(struct imapid_row *row, const struct imapid_record_exchange *exchange)
{
    GString *text = g_string_new(NULL);
    int64_t rtt_ns;

    if (imapid_record_rtt_ns(exchange, &rtt_ns))
        imapid_spell_seconds(text, rtt_ns);
    imapid_cell_add_own(row, text->str);
    g_string_free(text, TRUE);
}

/* Codes, each once, in the order of the record. */
static void add_findings(struct imapid_row *row, const struct imapid_record_exchange *exchange)
{
    GString *text = g_string_new(NULL);
    uint64_t told = 0;

    for (unsigned i = 0; i < exchange->n_findings; i++) {
        enum imapid_finding_code code = exchange->findings[i].code;

        if (told >> code & 1)
            continue;
        told |= UINT64_C(1) << code;
        g_string_append_printf(text, "%s%s", text->len ? " " : "", imapid_finding_code(code));
    }
    imapid_cell_add_own(row, text->str);
    g_string_free(text, TRUE);
}

static void add_path(struct imapid_row *row, const struct imapid_record_conn *conn)
{
    GString *text = g_string_new(NULL);

    if (conn->path.n)
        imapid_spell_path(text, conn);
    imapid_cell_add_own(row, text->str);
    g_string_free(text, TRUE);
}

/* Codes. */
static void add_doubts(struct imapid_row *row, const struct imapid_record_conn *conn)
{
    GString *text = g_string_new(NULL);

    for (int i = 0; i < IMAPID_N_DOUBTS; i++)
        if (conn->doubts.of[i].n)
            g_string_append_printf(text, "%s%s", text->len ? " " : "",
                                   imapid_doubt_code((enum imapid_doubt)i));
    imapid_cell_add_own(row, text->str);
    g_string_free(text, TRUE);
}

static void add_other(struct imapid_row *row, const struct imapid_record_half *half)
{
    GString *text = g_string_new(NULL);

    imapid_spell_other_pairs(text, half);
    imapid_cell_add_own(row, text->str);
    g_string_free(text, TRUE);
}

static void add_half(struct imapid_row *row, const struct imapid_record_half *half)
{
    for (int i = 0; i < IMAPID_N_FIELDS; i++)
        add_string(row, imapid_record_find(half, (enum imapid_field)i));
    add_other(row, half);
}

static void write_head(GString *out, enum imapid_cell_form form)
{
    static const char *const before[] = {"file",
                                         "stream",
                                         "client_ip",
                                         "client_port",
                                         "server_ip",
                                         "server_port",
                                         "proxied_client_ip",
                                         "proxied_client_port",
                                         "tag",
                                         "time",
                                         "command_frame",
                                         "response_frame",
                                         "result_frame",
                                         "status",
                                         "text",
                                         "rtt",
                                         "security",
                                         "compressed",
                                         "state",
                                         "complete"};
    static const char *const after[] = {"findings", "session", "community_id", "filter",
                                        "path",     "doubts",  "site"};
    struct imapid_row row = {.out = out, .form = form};

    for (size_t i = 0; i < G_N_ELEMENTS(before); i++)
        imapid_cell_add_own(&row, before[i]);
    for (int side = 0; side < 2; side++) {
        const char *prefix = side ? "server" : "client";
        char *name;

        for (int i = 0; i < IMAPID_N_FIELDS; i++) {
            name = g_strdup_printf("%s_%s", prefix, imapid_field_column((enum imapid_field)i));
            imapid_cell_add_own(&row, name);
            g_free(name);
        }
        name = g_strdup_printf("%s_other", prefix);
        imapid_cell_add_own(&row, name);
        g_free(name);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(after); i++)
        imapid_cell_add_own(&row, after[i]);
    imapid_cell_end_row(&row);
}

static void write_exchange(GString *out, enum imapid_cell_form form,
                           const struct imapid_writer_style *style,
                           const struct imapid_record_exchange *exchange)
{
    struct imapid_row row = {.out = out, .form = form, .is_terminal = style->terminal.is_terminal};
    bool has_result = exchange->status != IMAPID_STATUS_NONE;

    imapid_cell_add_text(&row, exchange->conn.file);
    imapid_cell_add_number(&row, exchange->conn.stream);
    add_endpoint(&row, &exchange->conn.client);
    add_endpoint(&row, &exchange->conn.server);
    add_proxied(&row, &exchange->conn.proxied_client);
    imapid_cell_add_text(&row, exchange->tag);
    add_time(&row, imapid_record_when(exchange).ts_ns);
    add_frame(&row, exchange->command.seen, &exchange->command.packet);
    add_frame(&row, exchange->response.seen, &exchange->response.packet);
    add_frame(&row, has_result, &exchange->result);
    imapid_cell_add_own(&row, imapid_record_status(exchange->status));
    add_string(&row, has_result ? &exchange->text : NULL);
    add_rtt(&row, exchange);
    imapid_cell_add_own(&row, imapid_record_security(exchange->security));
    imapid_cell_add_own(&row, exchange->compressed ? "true" : "false");
    imapid_cell_add_own(&row, imapid_record_state(exchange->state));
    imapid_cell_add_own(&row, exchange->complete ? "true" : "false");
    add_half(&row, &exchange->command);
    add_half(&row, &exchange->response);
    add_findings(&row, exchange);
    add_spelled(&row, imapid_spell_session_id, &exchange->conn);
    add_spelled(&row, imapid_spell_community_id, &exchange->conn);
    add_spelled(&row, imapid_spell_filter, &exchange->conn);
    add_path(&row, &exchange->conn);
    add_doubts(&row, &exchange->conn);
    imapid_cell_add_text(&row, exchange->conn.site);
    imapid_cell_end_row(&row);
}

static void write_csv_head(GString *out, const struct imapid_writer_style *style)
{
    (void)style;
    write_head(out, IMAPID_CELL_CSV);
}

static void write_csv_exchange(GString *out, const struct imapid_writer_style *style,
                               const struct imapid_record_exchange *exchange)
{
    write_exchange(out, IMAPID_CELL_CSV, style, exchange);
}

static void write_tsv_head(GString *out, const struct imapid_writer_style *style)
{
    (void)style;
    write_head(out, IMAPID_CELL_TSV);
}

static void write_tsv_exchange(GString *out, const struct imapid_writer_style *style,
                               const struct imapid_record_exchange *exchange)
{
    write_exchange(out, IMAPID_CELL_TSV, style, exchange);
}

const struct imapid_writer imapid_csv_writer = {
    .name = "csv",
    .what = "a row for each exchange, RFC 4180",
    .head = write_csv_head,
    .exchange = write_csv_exchange,
};

const struct imapid_writer imapid_tsv_writer = {
    .name = "tsv",
    .what = "a row for each exchange, tabs between",
    .head = write_tsv_head,
    .exchange = write_tsv_exchange,
};
