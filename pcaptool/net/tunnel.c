/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tunnel.c: tunnels in IP: a table by protocol, each line a function that takes a header off and
 * says what follows. UDP has a module of its own.
 *
 * A tunnel's number is part of a connection's identity; where it has none, the two addresses are.
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

/* The ends of the tunnel, as one number for both directions. */
static void add_ends(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    cursor->path = imapid_layer_add_path(cursor->path, IMAPID_PATH_IP, imapid_ip_sum_ends(ip));
}

static enum imapid_layer enter_ip4(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    add_ends(ip, cursor);
    return IMAPID_LAYER_IP4;
}

static enum imapid_layer enter_ip6(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    add_ends(ip, cursor);
    return IMAPID_LAYER_IP6;
}

static enum imapid_layer enter_gre(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    if (cursor->n < 4)
        return imapid_layer_too_short(cursor, 4);
    unsigned flags = imapid_number_be16(cursor->at), type = imapid_number_be16(cursor->at + 2);
    /* Not with a key, which says it better, nor for ERSPAN, which is a mirror and no network. */
    if (!(flags & 0x2000) && type != 0x88be && type != 0x22eb)
        add_ends(ip, cursor);
    return IMAPID_LAYER_GRE;
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
    if (cursor->n < 2)
        return imapid_layer_too_short(cursor, 2);
    if (cursor->at[0] >> 4 != 3)
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_IP_PROTOCOL, 97);
    add_ends(ip, cursor);
    imapid_layer_take_off(cursor, 2);
    return IMAPID_LAYER_ETHERNET;
}

static const struct {
    uint8_t protocol;
    enum imapid_layer (*enter)(const struct imapid_ip *ip, struct imapid_cursor *cursor);
} protocols[] = {
    {4, enter_ip4},      {41, enter_ip6},
    {47, enter_gre},     {94, enter_ip4}, /* KA9Q's IP in IP */
    {97, enter_etherip}, {IMAPID_IP_L2TP, enter_l2tp},
    {137, enter_mpls},
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
    };
    if (ip->protocol == IMAPID_IP_UDP)
        return imapid_udp_enter(decode, ip, cursor);
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (protocols[i].protocol == ip->protocol)
            return protocols[i].enter(ip, cursor);
    return imapid_numbers_find(IMAPID_NUMBER_IP_PROTOCOL, ip->protocol, cursor);
}
