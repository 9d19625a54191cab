/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tunnel.c: tunnels in IP: a table by protocol, each line a function that takes a header off and
 * says what follows. UDP has a module of its own.
 *
 * A tunnel's two addresses, and its number if it has one, are part of a connection's identity.
 *
 * Refuses, and counts as not read, protocols in no table.
 *
 * Misuse: a fragment. Only the first one has the header. */

#include "net/tunnel.h"

#include "number.h"
#include "net/l2tp.h"
#include "net/numbers.h"
#include "net/udp.h"

#include <glib.h>

static enum imapid_layer enter_ip4(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    (void)cursor;
    return IMAPID_LAYER_IP4;
}

static enum imapid_layer enter_ip6(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    (void)cursor;
    return IMAPID_LAYER_IP6;
}

static enum imapid_layer enter_gre(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    return cursor->n < 4 ? imapid_layer_too_short(cursor, 4) : IMAPID_LAYER_GRE;
}

static enum imapid_layer enter_mpls(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    (void)cursor;
    return IMAPID_LAYER_MPLS;
}

static enum imapid_layer enter_l2tp(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    return imapid_l2tp_enter3(cursor);
}

/* RFC 3378: version 3 in four bits, then Ethernet */
static enum imapid_layer enter_etherip(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    if (cursor->n < 2)
        return imapid_layer_too_short(cursor, 2);
    if (cursor->at[0] >> 4 != 3)
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_IP_PROTOCOL, 97);
    imapid_layer_take_off(cursor, 2);
    return IMAPID_LAYER_ETHERNET;
}

static const struct {
    uint8_t protocol;
    enum imapid_path_kind kind;
    enum imapid_layer (*enter)(const struct imapid_ip *ip, struct imapid_cursor *cursor);
} protocols[] = {
    {4, IMAPID_PATH_IP, enter_ip4},
    {41, IMAPID_PATH_IP, enter_ip6},
    {47, IMAPID_PATH_GRE, enter_gre},
    {94, IMAPID_PATH_IP, enter_ip4}, /* KA9Q's IP in IP */
    {97, IMAPID_PATH_ETHERNET, enter_etherip},
    {IMAPID_IP_L2TP, IMAPID_PATH_L2TP, enter_l2tp},
    {137, IMAPID_PATH_MPLS, enter_mpls},
};

bool imapid_tunnel_is_possible(uint8_t protocol)
{
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (protocols[i].protocol == protocol)
            return true;
    return protocol == IMAPID_IP_UDP;
}

enum imapid_layer imapid_tunnel_enter(const struct imapid_decode *decode,
                                      const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    *cursor = (struct imapid_cursor){
        .at = ip->octets,
        .n = ip->n,
        .n_wire = ip->n_wire,
        .path = ip->path,
        .n_hops = ip->n_hops,
        .hops = ip->hops,
    };
    if (ip->protocol == IMAPID_IP_UDP)
        return imapid_udp_enter(decode, ip, cursor);
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (protocols[i].protocol == ip->protocol) {
            imapid_ip_add_ends(ip, cursor, protocols[i].kind);
            return protocols[i].enter(ip, cursor);
        }
    return imapid_numbers_find(IMAPID_NUMBER_IP_PROTOCOL, ip->protocol, cursor);
}
