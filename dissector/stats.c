/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.c: counts ID commands by client, and ID responses by server: as a tree, and the clients as
 * a table.
 *
 * A tap gets every ID that is shown, on whichever visit, so that statistics opened after loading,
 * or with a display filter, are right. Names come from the network: they are labels, already
 * escaped. A table of strangers' names has an end: what comes behind N_ROWS_MAX is counted in its
 * last row.
 *
 * Refuses: a row for each name without end, as above.
 *
 * Misuse: keeping what the tap gives: it is gone with the packet. */
#include "stats.h"

#include <epan/stat_tap_ui.h>
#include <epan/strutil.h>
#include <epan/tap.h>

#include <string.h>

#include "ident.h"

static int tap = -1;
static int proto_imapid = -1;

#define CLIENTS  "Clients"
#define SYSTEMS  "Client systems"
#define VENDORS  "Client vendors"
#define SERVERS  "Servers"
#define CLOSED   "Connections not decrypted"
#define NOT_KEPT "Connections given up for lack of memory"

/* A text that a stranger wrote, for a label; NULL: there is none. */
static const char *label(packet_info *pinfo, const void *text)
{
    return text ? format_text(pinfo->pool, text, strlen((const char *)text)) : NULL;
}

/* What stands for a program. */
static const char *name_of(packet_info *pinfo, const struct imapid_ident *ident)
{
    return imapid_ident_is_empty(ident) ? "(nothing)"
           : ident->name                ? label(pinfo, ident->name)
                                        : "(no name)";
}

static const nstime_t *asked_at(const packet_info *pinfo, const struct imapid_ident *ident)
{
    const struct imapid_ident *command = ident->exchange->command;
    const nstime_t now = imapid_time_get(pinfo);
    int64_t ns;

    return ident->side == IMAPID_SERVER && command &&
                   imapid_ns_took(imapid_time_ns(&command->call->time), imapid_time_ns(&now), &ns)
               ? &command->call->time
               : NULL;
}

/* A new one for the listeners. */
static struct imapid_counted *begin_count(packet_info *pinfo)
{
    struct imapid_counted *counted = wmem_new0(pinfo->pool, struct imapid_counted);

    counted->is_first = !p_get_proto_data(pinfo->pool, pinfo, proto_imapid, IMAPID_DATA_COUNTED);
    if (counted->is_first)
        p_add_proto_data(pinfo->pool, pinfo, proto_imapid, IMAPID_DATA_COUNTED, counted);
    return counted;
}

void imapid_stats_count(packet_info *pinfo, const struct imapid_stream *stream,
                        const struct imapid_ident *ident)
{
    struct imapid_counted *counted;

    if (!have_tap_listener(tap))
        return;
    counted = begin_count(pinfo);
    counted->side = ident->side;
    counted->stream = stream;
    counted->name = name_of(pinfo, ident);
    counted->version = label(pinfo, ident->version);
    counted->os = label(pinfo, imapid_ident_value(pinfo->pool, ident, IMAPID_FIELD_OS));
    counted->vendor = label(pinfo, imapid_ident_value(pinfo->pool, ident, IMAPID_FIELD_VENDOR));
    counted->asked = asked_at(pinfo, ident);
    tap_queue_packet(tap, pinfo, counted);
}

static void count_unread(packet_info *pinfo, const char *heading)
{
    struct imapid_counted *counted;

    if (!have_tap_listener(tap))
        return;
    counted = begin_count(pinfo);
    counted->unread = heading;
    tap_queue_packet(tap, pinfo, counted);
}

void imapid_stats_count_closed(packet_info *pinfo)
{
    count_unread(pinfo, CLOSED);
}

void imapid_stats_count_not_kept(packet_info *pinfo)
{
    count_unread(pinfo, NOT_KEPT);
}

/* ---- the tree ---- */

/* The tree finds headings by their names, among all nodes that have others below them: what a
 * stranger wrote must not be one. */
static const char *distinct(packet_info *pinfo, const char *name)
{
    static const char *const headings[] = {CLIENTS, SYSTEMS, VENDORS, SERVERS, CLOSED, NOT_KEPT};

    for (size_t i = 0; i < array_length(headings); i++)
        if (!strcmp(name, headings[i]))
            return wmem_strdup_printf(pinfo->pool, "\"%s\"", name);
    return name;
}

static void count_software(stats_tree *tree, packet_info *pinfo, const char *heading,
                           const struct imapid_counted *counted)
{
    int all = tick_stat_node(tree, heading, 0, TRUE);
    int software = tick_stat_node(tree, distinct(pinfo, counted->name), all, TRUE);

    if (counted->version)
        tick_stat_node(tree, counted->version, software, FALSE);
}

static void count_value(stats_tree *tree, const char *heading, const char *value)
{
    if (value)
        tick_stat_node(tree, value, tick_stat_node(tree, heading, 0, TRUE), FALSE);
}

static tap_packet_status count(stats_tree *tree, packet_info *pinfo, epan_dissect_t *dissect,
                               const void *data, tap_flags_t flags)
{
    const struct imapid_counted *counted = (const struct imapid_counted *)data;

    (void)dissect;
    (void)flags;
    if (counted->unread) {
        tick_stat_node(tree, counted->unread, 0, FALSE);
        return TAP_PACKET_REDRAW;
    }
    if (counted->side == IMAPID_SERVER) {
        count_software(tree, pinfo, SERVERS, counted);
        return TAP_PACKET_REDRAW;
    }
    count_software(tree, pinfo, CLIENTS, counted);
    count_value(tree, SYSTEMS, counted->os);
    count_value(tree, VENDORS, counted->vendor);
    return TAP_PACKET_REDRAW;
}

static void begin(stats_tree *tree)
{
    stats_tree_create_node(tree, CLIENTS, 0, STAT_DT_INT, TRUE);
    stats_tree_create_node(tree, SYSTEMS, 0, STAT_DT_INT, TRUE);
    stats_tree_create_node(tree, VENDORS, 0, STAT_DT_INT, TRUE);
    stats_tree_create_node(tree, SERVERS, 0, STAT_DT_INT, TRUE);
    stats_tree_create_node(tree, CLOSED, 0, STAT_DT_INT, FALSE);
    stats_tree_create_node(tree, NOT_KEPT, 0, STAT_DT_INT, FALSE);
}

/* ---- the table of clients ---- */

#define N_ROWS_MAX 1000
#define TITLE      "IMAP ID Clients"

enum column { NAME, VERSION, OS, VENDOR, COMMANDS, CONNECTIONS, N_COLUMNS };

static stat_tap_table_item columns[N_COLUMNS] = {
    {TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Client", "%-32s"},
    {TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Version", "%-20s"},
    {TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "System", "%-20s"},
    {TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Vendor", "%-20s"},
    {TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "ID commands", "%d"},
    {TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Connections", "%d"},
};

static const char *texts_of(const struct imapid_counted *counted, enum column column)
{
    const char *const texts[] = {
        [NAME] = counted->name,
        [VERSION] = counted->version,
        [OS] = counted->os,
        [VENDOR] = counted->vendor,
    };

    return texts[column] ? texts[column] : "";
}

static bool is_row(const stat_tap_table *table, unsigned row, const struct imapid_counted *counted)
{
    for (int column = NAME; column <= VENDOR; column++)
        if (strcmp(stat_tap_get_field_data(table, row, (guint)column)->value.string_value,
                   texts_of(counted, (enum column)column)) != 0)
            return false;
    return true;
}

/* A row of that client with nothing counted. `counted` may be NULL: the row of all further ones. */
static void add_row(stat_tap_table *table, const struct imapid_counted *counted)
{
    stat_tap_table_item_type items[N_COLUMNS];

    memset(items, 0, sizeof items);
    for (int column = 0; column < N_COLUMNS; column++)
        items[column].type = columns[column].type;
    for (int column = NAME; column <= VENDOR; column++)
        items[column].value.string_value = g_strdup(counted ? texts_of(counted, (enum column)column)
                                                    : column == NAME ? "(all others)"
                                                                     : "");
    items[CONNECTIONS].user_data.ptr_value = g_hash_table_new(NULL, NULL);
    stat_tap_init_table_row(table, table->num_elements, N_COLUMNS, items);
}

static unsigned get_row(stat_tap_table *table, const struct imapid_counted *counted)
{
    unsigned row = 0;

    while (row < table->num_elements && row < N_ROWS_MAX && !is_row(table, row, counted))
        row++;
    if (row == table->num_elements)
        add_row(table, row < N_ROWS_MAX ? counted : NULL);
    return row;
}

static tap_packet_status count_client(void *data, packet_info *pinfo, epan_dissect_t *dissect,
                                      const void *tapped, tap_flags_t flags)
{
    stat_data_t *stat = (stat_data_t *)data;
    const struct imapid_counted *counted = (const struct imapid_counted *)tapped;
    stat_tap_table *table = g_array_index(stat->stat_tap_data->tables, stat_tap_table *, 0);
    stat_tap_table_item_type *item;
    GHashTable *streams;
    unsigned row;

    (void)pinfo;
    (void)dissect;
    (void)flags;
    if (counted->unread || counted->side != IMAPID_CLIENT)
        return TAP_PACKET_DONT_REDRAW;
    row = get_row(table, counted);
    item = stat_tap_get_field_data(table, row, COMMANDS);
    item->value.uint_value++;
    item = stat_tap_get_field_data(table, row, CONNECTIONS);
    streams = (GHashTable *)item->user_data.ptr_value;
    g_hash_table_add(streams, (void *)(uintptr_t)counted->stream);
    item->value.uint_value = g_hash_table_size(streams);
    return TAP_PACKET_REDRAW;
}

static void free_item(stat_tap_table *table, unsigned row, unsigned column,
                      stat_tap_table_item_type *item)
{
    (void)table;
    (void)row;
    if (column <= VENDOR)
        g_free((char *)(uintptr_t)item->value.string_value);
    else if (column == CONNECTIONS)
        g_hash_table_destroy((GHashTable *)item->user_data.ptr_value);
}

/* Wireshark keeps the rows and sets their numbers to 0; here no row is left. */
static void reset_table(stat_tap_table *table)
{
    for (unsigned row = 0; row < table->num_elements; row++) {
        for (unsigned column = 0; column < N_COLUMNS; column++)
            free_item(table, row, column, stat_tap_get_field_data(table, row, column));
        g_free(table->elements[row]);
    }
    table->num_elements = 0;
}

static void begin_table(stat_tap_table_ui *ui)
{
    stat_tap_table *table = stat_tap_find_table(ui, TITLE);

    if (table)
        reset_table(table);
    else
        stat_tap_add_table(ui, stat_tap_init_table(TITLE, N_COLUMNS, 0, NULL));
}

static tap_param parameters[] = {{PARAM_FILTER, "filter", "Filter", NULL, TRUE}};

static stat_tap_table_ui clients = {
    .group = REGISTER_PACKET_STAT_GROUP_UNSORTED,
    .title = TITLE,
    .tap_name = "imapid",
    .cli_string = "imapid,clients",
    .stat_tap_init_cb = begin_table,
    .packet_func = count_client,
    .stat_tap_reset_table_cb = reset_table,
    .stat_tap_free_table_item_cb = free_item,
    .nfields = N_COLUMNS,
    .fields = columns,
    .nparams = array_length(parameters),
    .params = parameters,
};

/* ---- registration ---- */

void imapid_stats_register(int proto)
{
    proto_imapid = proto;
    tap = register_tap("imapid");
    register_stat_tap_table_ui(&clients);
}

void imapid_stats_handoff(void)
{
    stats_tree_register_plugin("imapid", "imapid", "IMAP ID", 0, count, begin, NULL);
}
