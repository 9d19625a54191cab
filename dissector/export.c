/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export.c: one CSV file (RFC 4180) with a row for each ID command and response.
 *
 * Spreadsheets run cells as formulas: what a stranger wrote and begins like one gets an apostrophe
 * before it. What is in the file grows with the packets: there is one object, and its content is
 * written on.
 *
 * Refuses nothing: a list that is cut has a row, which says that it is incomplete.
 *
 * Misuse: keeping the object: Wireshark frees it with its list. */
#include "export.h"

#include <epan/export_object.h>
#include <epan/tap.h>
#include <epan/to_str.h>
#include <imapid/list.h>
#include <wsutil/json_dumper.h>

#include <string.h>

#include "ident.h"

static int tap = -1;

static const char header[] = "frame,time,side,client_ip,client_port,server_ip,server_port,tag"
#define IMAPID_FIELD(symbol, wire, column, label, text) "," column
#include <imapid/fields.def>
#undef IMAPID_FIELD
                             ",other,incomplete\r\n";

/* ---- cells ---- */

static void add_quoted(GString *row, const char *text)
{
    g_string_append_c(row, '"');
    for (; *text; text++) {
        if (*text == '"')
            g_string_append_c(row, '"');
        g_string_append_c(row, *text);
    }
    g_string_append_c(row, '"');
}

/* A cell that a stranger wrote; NULL: an empty one. */
static void add_cell(GString *row, const char *text)
{
    GString *cell = g_string_new(NULL);

    if (text && *text && strchr("=+-@\t\r\n'", *text))
        g_string_append_c(cell, '\'');
    g_string_append(cell, text ? text : "");
    g_string_append_c(row, ',');
    if (strpbrk(cell->str, "\",\r\n") || g_str_has_prefix(cell->str, " ") ||
        g_str_has_suffix(cell->str, " "))
        add_quoted(row, cell->str);
    else
        g_string_append(row, cell->str);
    g_string_free(cell, TRUE);
}

/* ---- rows ---- */

static void add_end(GString *row, packet_info *pinfo, const address *where, unsigned port)
{
    g_string_append_printf(row, ",%s,%u", address_to_str(pinfo->pool, where), port);
}

/* `sender`: whose packet this is. */
static void add_ends(GString *row, packet_info *pinfo, enum imapid_side sender)
{
    bool is_client = sender == IMAPID_CLIENT;

    add_end(row, pinfo, is_client ? &pinfo->src : &pinfo->dst,
            is_client ? pinfo->srcport : pinfo->destport);
    add_end(row, pinfo, is_client ? &pinfo->dst : &pinfo->src,
            is_client ? pinfo->destport : pinfo->srcport);
}

/* Has a pair no column? Those are fields that RFC 2971 does not define, and whatever a defined one says
 * beside the value in its column. `shown`: the fields whose values came already. */
static bool is_other(const uint8_t *data, const struct imapid_pair *pair, uint32_t *shown)
{
    enum imapid_field field = imapid_ident_field(data, pair);
    uint32_t bit = field == IMAPID_FIELD_OTHER ? 0 : UINT32_C(1) << field;
    bool is_value = pair->value.kind >= IMAPID_STRING_QUOTED && pair->value.content.n;
    bool is_first = bit && is_value && !(*shown & bit);

    if (is_first)
        *shown |= bit;
    return !bit || (is_value && !is_first);
}

/* What has no column: a JSON list of [field, value]. */
static void add_others(GString *row, packet_info *pinfo, const struct imapid_ident *ident)
{
    const uint8_t *data = ident->unit.data;
    GString *text = g_string_new(NULL);
    json_dumper dumper = {.output_string = text};
    struct imapid_list list;
    struct imapid_pair pair;
    uint32_t shown = 0;
    unsigned n = 0;

    json_dumper_begin_array(&dumper);
    imapid_list_begin(&list, &ident->unit);
    while (imapid_list_next(&list, &pair)) {
        if (!is_other(data, &pair, &shown))
            continue;
        json_dumper_begin_array(&dumper);
        for (int i = 0; i < 2; i++) {
            const char *string =
                imapid_ident_text(pinfo->pool, data, i ? &pair.value : &pair.field);

            if (string)
                json_dumper_value_string(&dumper, string);
            else
                json_dumper_value_anyf(&dumper, "null");
        }
        json_dumper_end_array(&dumper);
        n++;
    }
    json_dumper_end_array(&dumper);
    json_dumper_finish(&dumper);
    while (text->len && g_ascii_isspace(text->str[text->len - 1]))
        g_string_truncate(text, text->len - 1);
    add_cell(row, n ? text->str : NULL);
    g_string_free(text, TRUE);
}

/* RFC 3339, as in the records of the tool. */
static void add_time(GString *row, const nstime_t *time)
{
    GDateTime *seconds = nstime_is_unset(time) ? NULL : g_date_time_new_from_unix_utc(time->secs);
    char *text = seconds ? g_date_time_format(seconds, "%Y-%m-%dT%H:%M:%S") : NULL;

    g_string_append_c(row, ',');
    if (text)
        g_string_append_printf(row, "%s.%09dZ", text, time->nsecs);
    g_free(text);
    if (seconds)
        g_date_time_unref(seconds);
}

/* In the packet's pool. */
static const char *write_row(packet_info *pinfo, const struct imapid_ident *ident)
{
    GString *row = g_string_new(NULL);
    const char *text;

    g_string_append_printf(row, "%u", pinfo->num);
    add_time(row, &ident->call->time);
    add_cell(row, ident->side == IMAPID_CLIENT ? "client" : "server");
    add_ends(row, pinfo, ident->call->side);
    add_cell(row, imapid_ident_tag(pinfo->pool, ident));
    for (int field = 0; field < IMAPID_N_FIELDS; field++)
        add_cell(row, imapid_ident_value(pinfo->pool, ident, (enum imapid_field)field));
    add_others(row, pinfo, ident);
    add_cell(row, imapid_ident_lack(ident));
    g_string_append(row, "\r\n");
    text = wmem_strdup(pinfo->pool, row->str);
    g_string_free(row, TRUE);
    return text;
}

void imapid_export_add(packet_info *pinfo, const struct imapid_ident *ident)
{
    if (have_tap_listener(tap))
        tap_queue_packet(tap, pinfo, write_row(pinfo, ident));
}

/* ---- the object ---- */

static void append(export_object_entry_t *entry, const char *text)
{
    size_t n = strlen(text);

    entry->payload_data = (uint8_t *)g_realloc(entry->payload_data, entry->payload_len + n);
    memcpy(entry->payload_data + entry->payload_len, text, n);
    entry->payload_len += n;
}

static tap_packet_status add_row(void *data, packet_info *pinfo, epan_dissect_t *dissect,
                                 const void *tapped, tap_flags_t flags)
{
    export_object_list_t *list = (export_object_list_t *)data;
    const char *row = (const char *)tapped;
    export_object_entry_t *entry = list->get_entry(list->gui_data, 0);

    (void)dissect;
    (void)flags;
    if (!entry) {
        entry = g_new0(export_object_entry_t, 1);
        entry->pkt_num = pinfo->num;
        entry->hostname = g_strdup("all connections");
        entry->content_type = g_strdup("text/csv");
        entry->filename = g_strdup("imap-identities.csv");
        append(entry, header);
        append(entry, row);
        list->add_entry(list->gui_data, entry);
    } else {
        append(entry, row);
    }
    return TAP_PACKET_REDRAW;
}

void imapid_export_register(int proto)
{
    tap = register_export_object(proto, add_row, NULL);
}
