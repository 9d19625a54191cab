/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.c: the command stats. It counts connections, client addresses and exchanges by what
 * clients and servers said, and prints them as text, JSON Lines or CSV.
 *
 * Refuses a field that nothing can be counted by.
 *
 * Misuse: adding up the rows of a table. One connection can be in several. */
#include "answer/groups.h"
#include "answer/overview.h"
#include "answer/tables.h"
#include "answer/unreadable.h"
#include "gather.h"
#include "message.h"
#include "output.h"
#include "record/cell.h"
#include "record/spell-record.h"
#include "record/spell.h"

#include <string.h>

/* What is counted by when nobody says. Text has tables of its own. */
static const char *const defaults[] = {"client_name", "client_name,client_version", "client_os",
                                       "server_name,server_version"};
/* A table has one head, so one of them. */
static const char default_of_csv[] = "client_name,client_version";

#define N G_GUINT64_FORMAT

struct stats {
    const struct imapid_options *options;
    struct imapid_gathered *gathered;
};

/* Octets of the answer after which it is passed on: of many names it is large. */
#define N_PART (64u << 10)

/* Behind a line. */
static void pass_on(const struct stats *stats, GString *out)
{
    if (out->len < N_PART)
        return;
    imapid_gather_put(stats->gathered, out->str, out->len);
    g_string_truncate(out, 0);
}

/* ---- JSON Lines ---- */

static void add_time(GString *out, const char *key, int64_t ts_ns)
{
    g_string_append_printf(out, ",\"%s\":", key);
    imapid_spell_json_time(out, ts_ns);
}

static void add_layers_jsonl(GString *out, const struct imapid_store_view *view)
{
    GArray *kinds = imapid_unreadable_list_kinds(view);
    struct imapid_record_capture all = {
        .n_unread = kinds->len, .unread = (const struct imapid_record_unread *)(void *)kinds->data};

    g_string_append(out, ",\"unread_layers\":");
    imapid_spell_unread(out, &all);
    g_array_unref(kinds);
}

static void count_also(void *overseer, unsigned share, unsigned conn)
{
    imapid_overseer_count(overseer, share, conn);
}

static void write_overview_jsonl(GString *out, const struct stats *stats,
                                 const struct imapid_overview *overview)
{
    g_string_append_printf(
        out,
        "{\"type\":\"totals\",\"schema\":1,\"captures\":%" N ",\"packets\":%" N ",\"bytes\":%" N
        ",\"tcp_connections\":%" N ",\"connections\":%" N ",\"client_addresses\":%" N
        ",\"exchanges\":%" N ",\"with_id\":%" N ",\"silent\":%" N ",\"not_ended\":%" N
        ",\"unread\":%" N ",\"maybe_silent\":%" N ",\"refused\":%" N ",\"required\":%" N
        ",\"not_readable\":%" N ",\"begun_before\":%" N ",\"doubted\":%" N ",\"lost_bytes\":%" N
        ",\"cut_packets\":%" N ",\"unknown_link_packets\":%" N ",\"unread_packets\":%" N
        ",\"failed_captures\":%" N,
        overview->n_captures, overview->n_packets, overview->n_octets, overview->n_tcp,
        overview->n_conns, overview->n_addresses, overview->n_exchanges, overview->n_with_id,
        overview->n_silent, overview->n_open, overview->n_unread, overview->n_maybe_silent,
        overview->n_refused, overview->n_required, overview->n_unreadable, overview->n_late,
        overview->n_doubted, overview->n_lost, overview->n_cut, overview->n_unknown_link,
        overview->n_unread_packets, overview->n_failed);
    add_layers_jsonl(out, &stats->gathered->view);
    if (imapid_time_is_known(overview->first_ns)) {
        add_time(out, "first", overview->first_ns);
        add_time(out, "last", overview->last_ns);
    } else {
        g_string_append(out, ",\"first\":null,\"last\":null");
    }
    g_string_append(out, ",\"not_readable_why\":");
    imapid_unreadable_spell_reasons(out, &stats->gathered->view);
    if (stats->gathered->view.is_choice)
        g_string_append_printf(out, ",\"chosen_of\":%u", stats->gathered->view.n_all_conns);
    g_string_append(out, "}\n");
}

static void write_groups_jsonl(GString *out, const struct stats *stats,
                               const struct imapid_grouping *grouping, const GArray *groups,
                               guint n_shown)
{
    for (guint i = 0; i < n_shown; i++) {
        const struct imapid_group *group = &g_array_index(groups, struct imapid_group, i);

        g_string_append(out, "{\"type\":\"group\",\"schema\":1,\"by\":[");
        for (unsigned k = 0; k < grouping->n_keys; k++)
            g_string_append_printf(out, "%s\"%s\"", k ? "," : "", grouping->names[k]);
        g_string_append(out, "],\"values\":[");
        for (unsigned k = 0; k < grouping->n_keys; k++) {
            g_string_append(out, k ? "," : "");
            imapid_spell_json_text(out, group->values[k]);
        }
        g_string_append_printf(out,
                               "],\"connections\":%" N ",\"client_addresses\":%" N
                               ",\"exchanges\":%" N ",\"unread\":%" N,
                               group->n_conns, group->n_addresses, group->n_exchanges,
                               group->n_unread);
        add_time(out, "first", group->first_ns);
        add_time(out, "last", group->last_ns);
        g_string_append(out, "}\n");
        pass_on(stats, out);
    }
}

/* ---- CSV ---- */

static void write_groups_csv(GString *out, const struct stats *stats,
                             const struct imapid_grouping *grouping, const GArray *groups,
                             guint n_shown)
{
    static const char *const head[] = {
        "connections", "client_addresses", "exchanges", "first", "last", "unread"};
    struct imapid_row row = {
        .out = out, .form = IMAPID_CELL_CSV, .is_terminal = stats->options->terminal.is_terminal};
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < grouping->n_keys; i++)
        imapid_cell_add_own(&row, grouping->names[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(head); i++)
        imapid_cell_add_own(&row, head[i]);
    imapid_cell_end_row(&row);
    for (guint i = 0; i < n_shown; i++) {
        const struct imapid_group *group = &g_array_index(groups, struct imapid_group, i);

        for (unsigned k = 0; k < grouping->n_keys; k++)
            imapid_cell_add_text(&row, group->values[k]);
        imapid_cell_add_number(&row, group->n_conns);
        imapid_cell_add_number(&row, group->n_addresses);
        imapid_cell_add_number(&row, group->n_exchanges);
        for (int k = 0; k < 2; k++) {
            g_string_truncate(text, 0);
            imapid_spell_time(text, k ? group->last_ns : group->first_ns);
            imapid_cell_add_own(&row, text->str);
        }
        imapid_cell_add_number(&row, group->n_unread);
        imapid_cell_end_row(&row);
        pass_on(stats, out);
    }
    g_string_free(text, TRUE);
}

/* ---- what could not be read ---- */

static void add_unread_text(GString *out, const struct imapid_store_conn *conn)
{
    const struct imapid_record_session *session = &conn->session;
    GString *name = g_string_new(NULL);

    imapid_spell_session_name(name, &conn->conn);
    g_string_append(out, "  ");
    imapid_spell_terminal(out, (const uint8_t *)name->str, name->len, 0);
    g_string_free(name, TRUE);
    g_string_append(out, ", ");
    imapid_spell_endpoint(out, &conn->conn.client);
    g_string_append(out, " to ");
    imapid_spell_endpoint(out, &conn->conn.server);
    g_string_append_printf(out, ", %s, ", imapid_record_security(session->security));
    imapid_spell_terminal(out, (const uint8_t *)session->not_decrypted,
                          strlen(session->not_decrypted), 64);
    g_string_append_c(out, '\n');
}

static void add_unread_endpoint(GString *out, const char *key,
                                const struct imapid_endpoint *endpoint)
{
    g_string_append_printf(out, ",\"%s\":{\"ip\":\"", key);
    imapid_spell_address(out, endpoint);
    g_string_append_printf(out, "\",\"port\":%u}", endpoint->port);
}

static void add_unread_jsonl(GString *out, const struct imapid_store_conn *conn)
{
    const struct imapid_record_session *session = &conn->session;
    GString *filter = g_string_new(NULL), *id = g_string_new(NULL);

    imapid_spell_filter(filter, &conn->conn);
    g_string_append(out, "{\"type\":\"unread\",\"schema\":1,\"file\":");
    imapid_spell_json_text(out, conn->conn.file);
    g_string_append_printf(out, ",\"stream\":%u", conn->conn.stream);
    add_unread_endpoint(out, "client", &conn->conn.client);
    add_unread_endpoint(out, "server", &conn->conn.server);
    g_string_append_printf(
        out, ",\"security\":\"%s\",\"not_decrypted\":", imapid_record_security(session->security));
    imapid_spell_json_text(out, session->not_decrypted);
    add_time(out, "first", session->first_ns);
    add_time(out, "last", session->last_ns);
    g_string_append(out, ",\"filter\":");
    imapid_spell_json_text(out, filter->str);
    g_string_append(out, ",\"site\":");
    imapid_spell_json_text(out, conn->conn.site);
    g_string_append(out, ",\"session\":");
    imapid_spell_session_id(id, &conn->conn);
    imapid_spell_json_text(out, id->len ? id->str : NULL);
    g_string_append(out, "}\n");
    g_string_free(id, TRUE);
    g_string_free(filter, TRUE);
}

static void add_unread_csv(struct imapid_row *row, const struct imapid_store_conn *conn)
{
    const struct imapid_endpoint *ends[] = {&conn->conn.client, &conn->conn.server};
    const struct imapid_record_session *session = &conn->session;
    GString *text = g_string_new(NULL);

    imapid_cell_add_text(row, conn->conn.file);
    imapid_cell_add_number(row, conn->conn.stream);
    for (int i = 0; i < 2; i++) {
        g_string_truncate(text, 0);
        imapid_spell_address(text, ends[i]);
        imapid_cell_add_own(row, text->str);
        imapid_cell_add_number(row, ends[i]->port);
    }
    imapid_cell_add_own(row, imapid_record_security(session->security));
    imapid_cell_add_text(row, session->not_decrypted);
    for (int i = 0; i < 2; i++) {
        g_string_truncate(text, 0);
        imapid_spell_time(text, i ? session->last_ns : session->first_ns);
        imapid_cell_add_own(row, text->str);
    }
    g_string_truncate(text, 0);
    imapid_spell_filter(text, &conn->conn);
    imapid_cell_add_own(row, text->str);
    imapid_cell_add_text(row, conn->conn.site);
    g_string_truncate(text, 0);
    imapid_spell_session_id(text, &conn->conn);
    imapid_cell_add_text(row, text->len ? text->str : NULL);
    imapid_cell_end_row(row);
    g_string_free(text, TRUE);
}

static void begin_unread(struct imapid_row *row, const char *format)
{
    static const char *const head[] = {
        "file",   "stream", "client_ip", "client_port", "server_ip", "server_port", "security",
        "unread", "first",  "last",      "filter",      "site",      "session"};

    if (!strcmp(format, "text"))
        g_string_append(row->out, "\nnot read:\n");
    if (strcmp(format, "csv"))
        return;
    g_string_append(row->out, "\r\n"); /* another table */
    for (size_t i = 0; i < G_N_ELEMENTS(head); i++)
        imapid_cell_add_own(row, head[i]);
    imapid_cell_end_row(row);
}

/* The connections of which something could not be read, one by one. */
static void write_unread(GString *out, const struct stats *stats)
{
    const struct imapid_store_view *view = &stats->gathered->view;
    const char *format = stats->options->format;
    struct imapid_row row = {
        .out = out, .form = IMAPID_CELL_CSV, .is_terminal = stats->options->terminal.is_terminal};

    if (!stats->options->verbose || !imapid_unreadable_count(view))
        return;
    begin_unread(&row, format);
    for (unsigned i = 0; i < view->n_conns; i++) {
        struct imapid_store_conn conn;

        if (!imapid_unreadable_read(view, i, &conn))
            continue;
        if (!strcmp(format, "jsonl"))
            add_unread_jsonl(out, &conn);
        else if (!strcmp(format, "csv"))
            add_unread_csv(&row, &conn);
        else
            add_unread_text(out, &conn);
        pass_on(stats, out);
    }
}

/* ---- the command ---- */

static void write_groups(GString *out, const struct stats *stats,
                         const struct imapid_grouping *grouping, const GArray *groups)
{
    const char *format = stats->options->format;
    guint n_shown = groups->len;

    if (stats->options->top > 0)
        n_shown = MIN(n_shown, (guint)stats->options->top);
    if (!strcmp(format, "jsonl"))
        write_groups_jsonl(out, stats, grouping, groups, n_shown);
    else if (!strcmp(format, "csv"))
        write_groups_csv(out, stats, grouping, groups, n_shown);
}

static gboolean answer(GString *out, const struct stats *stats, const char *const *by,
                       unsigned n_by)
{
    struct imapid_grouping groupings[G_N_ELEMENTS(defaults)];
    GArray *groups[G_N_ELEMENTS(defaults)];
    struct imapid_groups_asked asked = {.view = &stats->gathered->view,
                                        .fold = stats->gathered->fold,
                                        .groupings = groupings,
                                        .n = n_by,
                                        .n_threads = (unsigned)stats->options->n_jobs,
                                        .groups = groups};
    struct imapid_overview overview;

    for (unsigned i = 0; i < n_by; i++) {
        char *message;

        if (!imapid_grouping_read(&groupings[i], by[i], &message)) {
            g_free(message);
            return FALSE;
        }
    }
    if (!strcmp(stats->options->format, "jsonl")) {
        asked.also = count_also;
        asked.ctx = imapid_overseer_new(asked.view, IMAPID_GROUPS_SHARES_MAX);
    }
    imapid_groups_count(&asked);
    if (asked.ctx) {
        overview = imapid_overseer_end(asked.ctx);
        write_overview_jsonl(out, stats, &overview);
    }
    for (unsigned i = 0; i < n_by; i++) {
        write_groups(out, stats, &groupings[i], groups[i]);
        imapid_groups_free(groups[i]);
    }
    write_unread(out, stats);
    return TRUE;
}

static gboolean answer_text(GString *out, const struct stats *stats,
                            const struct imapid_grouping *grouping)
{
    const struct imapid_tables tables = {.view = &stats->gathered->view,
                                         .fold = stats->gathered->fold,
                                         .terminal = &stats->options->terminal,
                                         .top = (unsigned)stats->options->top,
                                         .n_threads = (unsigned)stats->options->n_jobs};

    imapid_tables_spell(out, &tables, grouping);
    write_unread(out, stats);
    return TRUE;
}

enum imapid_exit imapid_stats(const struct imapid_options *options, const GArray *inputs)
{
    gboolean is_csv = !strcmp(options->format, "csv");
    const char *by[1] = {options->by ? options->by : default_of_csv};
    gboolean given = options->by || is_csv;
    struct imapid_grouping grouping;
    struct imapid_gathered gathered;
    struct stats stats = {options, &gathered};
    char *message = NULL;
    GString *text;
    gboolean good;

    if (options->by && !imapid_grouping_read(&grouping, options->by, &message)) {
        imapid_message("%s", message);
        g_free(message);
        return IMAPID_EXIT_FAILED;
    }
    if (options->top < 0) {
        imapid_message("--top takes a number from 1 on");
        return IMAPID_EXIT_FAILED;
    }
    if (!strcmp(options->format, "partial"))
        return imapid_gather_partial(options, inputs);
    if (!imapid_gather(options, inputs, &gathered))
        return IMAPID_EXIT_FAILED;
    text = g_string_new(NULL);
    good = !strcmp(options->format, "text")
               ? answer_text(text, &stats, options->by ? &grouping : NULL)
               : answer(text, &stats, given ? by : defaults, given ? 1 : G_N_ELEMENTS(defaults));
    good &= imapid_gather_write(options, &gathered, text);
    good &= gathered.is_complete;
    g_string_free(text, TRUE);
    imapid_gather_free(&gathered);
    return good ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}
