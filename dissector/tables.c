/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tables.c: tables of Wireshark's own kinds: connections and addresses with ID, whose rows are filters
 * for all their packets, and the times from an ID command to its response, by server.
 *
 * The trees and tables of stats.c name programs, and their rows lead nowhere: Wireshark has no filter
 * for them. Here rows are connections and addresses, for which it has. A connection that was not read has
 * a row too, so that its packets are found.
 *
 * Refuses: a row of response times for each server's name without end: what comes behind N_ROWS_MAX is
 * counted in the last row. An answer whose command was not seen, or is later by the clock of the capture,
 * has no time.
 *
 * Misuse: taking the packets of these tables for all of a connection: they are those that tell an ID. */
#include "tables.h"

#include <epan/conversation_table.h>
#include <epan/srt_table.h>

#include <string.h>

#include "stats.h"

/* ---- connections and addresses ---- */

static const char *address_filter(const address *where, conv_filter_type_e type)
{
    bool is_ipv6 = where->type == AT_IPv6;

    if (where->type != AT_IPv4 && !is_ipv6)
        return CONV_FILTER_INVALID;
    switch (type) {
    case CONV_FT_SRC_ADDRESS:
        return is_ipv6 ? "ipv6.src" : "ip.src";
    case CONV_FT_DST_ADDRESS:
        return is_ipv6 ? "ipv6.dst" : "ip.dst";
    case CONV_FT_ANY_ADDRESS:
        return is_ipv6 ? "ipv6.addr" : "ip.addr";
    case CONV_FT_SRC_PORT:
        return "tcp.srcport";
    case CONV_FT_DST_PORT:
        return "tcp.dstport";
    case CONV_FT_ANY_PORT:
        return "tcp.port";
    }
    return CONV_FILTER_INVALID;
}

static const char *conversation_filter(conv_item_t *item, conv_filter_type_e type)
{
    return address_filter(&item->src_address, type);
}

static const char *endpoint_filter(endpoint_item_t *item, conv_filter_type_e type)
{
    return address_filter(&item->myaddress, type);
}

static ct_dissector_info_t conversation_info = {conversation_filter};
static et_dissector_info_t endpoint_info = {endpoint_filter};

/* The table, for a packet that is not in it yet; NULL: it is. */
static conv_hash_t *get_table(void *data, const void *tapped, tap_flags_t flags)
{
    conv_hash_t *table = (conv_hash_t *)data;

    table->flags = flags;
    return ((const struct imapid_counted *)tapped)->is_first ? table : NULL;
}

static tap_packet_status count_conversation(void *data, packet_info *pinfo, epan_dissect_t *dissect,
                                            const void *tapped, tap_flags_t flags)
{
    conv_hash_t *table = get_table(data, tapped, flags);

    (void)dissect;
    if (!table)
        return TAP_PACKET_DONT_REDRAW;
    add_conversation_table_data(table, &pinfo->src, &pinfo->dst, pinfo->srcport, pinfo->destport, 1,
                                (int)pinfo->fd->pkt_len, &pinfo->rel_ts, &pinfo->abs_ts,
                                &conversation_info, CONVERSATION_TCP);
    return TAP_PACKET_REDRAW;
}

/* A row for each address, whatever its ports were: a client has a new one each time. */
static tap_packet_status count_endpoint(void *data, packet_info *pinfo, epan_dissect_t *dissect,
                                        const void *tapped, tap_flags_t flags)
{
    conv_hash_t *table = get_table(data, tapped, flags);

    (void)dissect;
    if (!table)
        return TAP_PACKET_DONT_REDRAW;
    add_endpoint_table_data(table, &pinfo->src, 0, TRUE, 1, (int)pinfo->fd->pkt_len, &endpoint_info,
                            ENDPOINT_NONE);
    add_endpoint_table_data(table, &pinfo->dst, 0, FALSE, 1, (int)pinfo->fd->pkt_len,
                            &endpoint_info, ENDPOINT_NONE);
    return TAP_PACKET_REDRAW;
}

/* ---- response times ---- */

#define N_ROWS_MAX 1000

static int get_row(srt_stat_table *table, const char *name)
{
    int row = 0;

    while (row < table->num_procs && row < N_ROWS_MAX &&
           strcmp(table->procedures[row].procedure, name) != 0)
        row++;
    if (row == table->num_procs)
        init_srt_table_row(table, row, row < N_ROWS_MAX ? name : "(all others)");
    return row;
}

static tap_packet_status count_time(void *data, packet_info *pinfo, epan_dissect_t *dissect,
                                    const void *tapped, tap_flags_t flags)
{
    srt_data_t *times = (srt_data_t *)data;
    srt_stat_table *table = g_array_index(times->srt_array, srt_stat_table *, 0);
    const struct imapid_counted *counted = (const struct imapid_counted *)tapped;

    (void)dissect;
    (void)flags;
    if (!counted->asked)
        return TAP_PACKET_DONT_REDRAW;
    add_srt_table_data(table, get_row(table, counted->name), counted->asked, pinfo);
    return TAP_PACKET_REDRAW;
}

static void begin_times(struct register_srt *srt, GArray *tables)
{
    (void)srt;
    init_srt_table("IMAP ID", NULL, tables, 0, "Server", NULL, NULL);
}

/* ---- registration ---- */

void imapid_tables_register(int proto)
{
    register_conversation_table(proto, FALSE, count_conversation, count_endpoint);
    register_srt_table(proto, NULL, 1, count_time, begin_times, NULL);
}
