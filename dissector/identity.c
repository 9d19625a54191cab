/* SPDX-License-Identifier: GPL-2.0-or-later */
/* identity.c: who talks on a connection.
 *
 * The last ID of each side that gives a name or a version stands for it: clients introduce
 * themselves again after login, and a proxy's first ID is about itself. One that is malformed, or
 * was answered NO or BAD, stands for it only where there is no other. In one pass the fields begin
 * with the ID; on later visits every packet has them.
 *
 * Refuses: to add anything while no ID was read, so that captures without any cost nothing, and
 * where a tree is made for a filter that asks for nothing of ours.
 *
 * Misuse: noting an ID on a later visit; then one that is older may stand for its side. */
#include "identity.h"

#include <epan/prefs.h>

#include <string.h>

#include "address.h"
#include "ident.h"
#include "tree.h"

static int hf_name[2] = {-1, -1}; /* by side */
static int hf_version[2] = {-1, -1};
static int hf_ipv4 = -1;
static int hf_ipv6 = -1;
static int hf_port = -1;
static int hf_unread = -1;
static int proto_imapid = -1;

static ws_bool is_wanted = TRUE;
static unsigned n_known; /* connections of this capture; reset with it */

static hf_register_info fields[] = {
    {&hf_name[IMAPID_CLIENT],
     {"Client name", "imapid.client.name", FT_STRING, BASE_NONE, NULL, 0,
      "Name of the client of this connection, from its ID", HFILL}},
    {&hf_version[IMAPID_CLIENT],
     {"Client version", "imapid.client.version", FT_STRING, BASE_NONE, NULL, 0,
      "Version of the client of this connection, from its ID", HFILL}},
    {&hf_name[IMAPID_SERVER],
     {"Server name", "imapid.server.name", FT_STRING, BASE_NONE, NULL, 0,
      "Name of the server of this connection, from its ID", HFILL}},
    {&hf_version[IMAPID_SERVER],
     {"Server version", "imapid.server.version", FT_STRING, BASE_NONE, NULL, 0,
      "Version of the server of this connection, from its ID", HFILL}},
    {&hf_ipv4,
     {"Client IPv4 address behind the proxy", "imapid.client.ipv4", FT_IPv4, BASE_NONE, NULL, 0,
      "Address of the client for whom a proxy opened this connection", HFILL}},
    {&hf_ipv6,
     {"Client IPv6 address behind the proxy", "imapid.client.ipv6", FT_IPv6, BASE_NONE, NULL, 0,
      "Address of the client for whom a proxy opened this connection", HFILL}},
    {&hf_port,
     {"Client port behind the proxy", "imapid.client.port", FT_UINT16, BASE_DEC, NULL, 0,
      "Port of the client for whom a proxy opened this connection", HFILL}},
    {&hf_unread,
     {"Not read", "imapid.unread", FT_STRING, BASE_NONE, NULL, 0,
      "Why this connection, or the rest of it, was not read", HFILL}},
};

static void forget_all(void)
{
    n_known = 0;
}

void imapid_identity_register(int proto, module_t *preferences)
{
    proto_imapid = proto;
    proto_register_field_array(proto, fields, (int)array_length(fields));
    prefs_register_bool_preference(
        preferences, "session_identity", "Show client and server on every packet",
        "Whether each packet of a connection shows the name and version of its client and server",
        &is_wanted);
    register_init_routine(forget_all);
}

bool imapid_identity_is_wanted(void)
{
    return is_wanted;
}

bool imapid_identity_is_known(void)
{
    return n_known && is_wanted;
}

void imapid_identity_note(struct imapid_stream *stream, struct imapid_ident *ident)
{
    const struct imapid_ident **who = &stream->who[ident->side];

    if (ident->is_extra ||
        (*who && imapid_stream_get_session(stream)->frame[ident->side].sync != IMAPID_SYNC_SURE))
        return;
    if (ident->origin.family) {
        stream->forwarded = ident;
        n_known++;
    }
    if (!ident->name && !ident->version)
        return;
    n_known++;
    *who = ident;
    if (!imapid_ident_is_clear(ident))
        return;
    wmem_list_append(stream->good[ident->side], ident);
    imapid_budget_count(stream->share, 0, IMAPID_RECORDS_N_LIST_NODE);
    ident->good = wmem_list_tail(stream->good[ident->side]);
}

void imapid_identity_refuse(struct imapid_stream *stream, struct imapid_ident *ident)
{
    if (ident && ident->good)
        wmem_list_remove_frame(stream->good[ident->side], ident->good);
    if (ident)
        ident->good = NULL;
}

static const struct imapid_ident *find_who(const struct imapid_stream *stream, int side)
{
    wmem_list_frame_t *good = wmem_list_tail(stream->good[side]);

    return good ? (const struct imapid_ident *)wmem_list_frame_data(good) : stream->who[side];
}

void imapid_identity_note_proxy(struct imapid_stream *stream,
                                const struct imapid_proxy_header *header)
{
    stream->origin.family = header->family;
    stream->origin.port = header->port;
    memcpy(stream->origin.address, header->address, sizeof stream->origin.address);
    n_known++;
}

static void add_side(const struct imapid_ident *ident, enum imapid_side side, tvbuff_t *tvb,
                     proto_tree *tree)
{
    if (ident && ident->name)
        proto_item_set_generated(
            proto_tree_add_string(tree, hf_name[side], tvb, 0, 0, ident->name));
    if (ident && ident->version)
        proto_item_set_generated(
            proto_tree_add_string(tree, hf_version[side], tvb, 0, 0, ident->version));
}

static void add_origin(const struct imapid_end *origin, tvbuff_t *tvb, proto_tree *tree)
{
    proto_item_set_generated(imapid_address_add(tree, hf_ipv4, hf_ipv6, tvb, 0, 0, origin));
    if (origin->family && origin->port)
        proto_item_set_generated(proto_tree_add_uint(tree, hf_port, tvb, 0, 0, origin->port));
}

/* Who speaks, beside the name of the item: that is all that is seen of it while it is closed. */
static void add_summary(proto_item *item, const struct imapid_ident *const who[2],
                        const char *unread)
{
    static const char *const sides[] = {[IMAPID_CLIENT] = "client", [IMAPID_SERVER] = "server"};
    const char *between = ": ";

    for (int side = 0; side < 2; side++)
        if (who[side]) {
            proto_item_append_text(item, "%s%s %s", between, sides[side], who[side]->summary);
            between = ", ";
        }
    if (unread)
        proto_item_append_text(item, "%s%s", between, unread);
}

/* It, where it is to be shown; else NULL. */
static const struct imapid_ident *shown(const struct imapid_stream *stream,
                                        const struct imapid_ident *ident, packet_info *pinfo)
{
    return ident && imapid_records_is_shown(ident, pinfo->fd->visited,
                                            imapid_stream_get_session(stream)->exchanges.seen)
               ? ident
               : NULL;
}

void imapid_identity_add(const struct imapid_stream *stream, const char *unread, tvbuff_t *tvb,
                         packet_info *pinfo, proto_tree *tree)
{
    static const struct imapid_end nobody;
    const struct imapid_ident *who[2] = {NULL, NULL};
    const struct imapid_ident *forwarded = stream ? shown(stream, stream->forwarded, pinfo) : NULL;
    const struct imapid_end *origin = forwarded ? &forwarded->origin
                                      : stream  ? &stream->origin
                                                : &nobody;
    proto_tree *below;

    if (!proto_field_is_referenced(tree, proto_imapid))
        return; /* neither shown nor asked for */
    for (int side = 0; stream && side < 2; side++)
        who[side] = shown(stream, find_who(stream, side), pinfo);
    if (!who[IMAPID_CLIENT] && !who[IMAPID_SERVER] && !origin->family && !unread)
        return;
    below = imapid_tree_get_connection(tree, pinfo, tvb);
    add_summary(proto_tree_get_parent(below), who, unread);
    add_side(who[IMAPID_CLIENT], IMAPID_CLIENT, tvb, below);
    add_origin(origin, tvb, below);
    add_side(who[IMAPID_SERVER], IMAPID_SERVER, tvb, below);
    if (unread)
        proto_item_set_generated(proto_tree_add_string(below, hf_unread, tvb, 0, 0, unread));
}
