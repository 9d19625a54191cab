/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.c: counts ID commands by client, and ID responses by server.
 *
 * A tap gets every ID that is shown, on whichever visit, so that statistics opened after loading,
 * or with a display filter, are right. Names come from the network: they are labels, already
 * escaped.
 *
 * Misuse: keeping what the tap gives: it is gone with the packet. */
#include "stats.h"

#include <epan/strutil.h>
#include <epan/tap.h>

#include <string.h>

#include "tree.h"

/* What a listener gets. */
struct counted {
    enum imapid_side side;
    const char *name, *version, *os, *vendor; /* NULL: not sent; in the packet's pool */
    bool is_empty;                            /* NIL, (), or no value in it */
};

static int tap = -1;

static const char *label(packet_info *pinfo, const struct imapid_ident *ident,
                         enum imapid_field field)
{
    const void *value = imapid_tree_value(pinfo->pool, ident, field);

    return value ? format_text(pinfo->pool, value, strlen((const char *)value)) : NULL;
}

void imapid_stats_count(packet_info *pinfo, const struct imapid_ident *ident)
{
    struct counted *counted;

    if (!have_tap_listener(tap))
        return;
    counted = wmem_new0(pinfo->pool, struct counted);
    counted->side = ident->side;
    counted->name = label(pinfo, ident, IMAPID_FIELD_NAME);
    counted->version = label(pinfo, ident, IMAPID_FIELD_VERSION);
    counted->os = label(pinfo, ident, IMAPID_FIELD_OS);
    counted->vendor = label(pinfo, ident, IMAPID_FIELD_VENDOR);
    counted->is_empty = imapid_tree_is_empty(ident);
    tap_queue_packet(tap, pinfo, counted);
}

static void count_software(stats_tree *tree, const char *heading, const struct counted *counted)
{
    int all = tick_stat_node(tree, heading, 0, TRUE);
    const char *name = counted->is_empty ? "(nothing)"
                       : counted->name   ? counted->name
                                         : "(no name)";
    int software = tick_stat_node(tree, name, all, TRUE);

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
    const struct counted *counted = (const struct counted *)data;

    (void)pinfo;
    (void)dissect;
    (void)flags;
    if (counted->side == IMAPID_SERVER) {
        count_software(tree, "Servers", counted);
        return TAP_PACKET_REDRAW;
    }
    count_software(tree, "Clients", counted);
    count_value(tree, "Client systems", counted->os);
    count_value(tree, "Client vendors", counted->vendor);
    return TAP_PACKET_REDRAW;
}

static void begin(stats_tree *tree)
{
    stats_tree_create_node(tree, "Clients", 0, STAT_DT_INT, TRUE);
    stats_tree_create_node(tree, "Client systems", 0, STAT_DT_INT, TRUE);
    stats_tree_create_node(tree, "Client vendors", 0, STAT_DT_INT, TRUE);
    stats_tree_create_node(tree, "Servers", 0, STAT_DT_INT, TRUE);
}

void imapid_stats_register(void)
{
    tap = register_tap("imapid");
}

void imapid_stats_handoff(void)
{
    stats_tree_register_plugin("imapid", "imapid", WS_MENU("IMAP", "ID"), 0, count, begin, NULL);
}
