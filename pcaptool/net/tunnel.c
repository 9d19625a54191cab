/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What IP datagrams carry in place of TCP, when that is a network of its own: a table by protocol
 * and one by UDP port, each line a function that takes a header off and says what follows.
 *
 * Only the registered port is believed, as the destination (the source is a hash, or anything), and
 * only with a header that makes sense. A tunnel's number is part of a connection's identity; where
 * it has none, the two addresses are. */

#include "net/tunnel.h"

#include "capture/number.h"

#include <glib.h>

#define PROTOCOL_UDP 17

static void add_path(struct imapid_cursor *cursor, enum imapid_path_kind kind, uint32_t id)
{
    cursor->path = imapid_link_add_path(cursor->path, kind, id);
}

static enum imapid_layer too_short(const struct imapid_cursor *cursor, uint32_t n)
{
    return cursor->n_wire < n ? IMAPID_LAYER_OTHER : IMAPID_LAYER_CUT;
}

/* The ends of the tunnel, as one number for both directions. */
static void add_ends(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < (ip->family == 4 ? 4u : 16u); i += 4)
        sum =
            sum * 31 + imapid_number_be32(ip->source + i) + imapid_number_be32(ip->destination + i);
    add_path(cursor, IMAPID_PATH_IP, sum);
}

/* ---- UDP ---- */

/* RFC 7348. The reserved fields are not looked at: others have found uses for them. */
static enum imapid_layer enter_vxlan(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    if (cursor->n < 8)
        return too_short(cursor, 8);
    if (!(at[0] & 0x08)) /* the number is there */
        return IMAPID_LAYER_OTHER;
    add_path(cursor, IMAPID_PATH_VXLAN, imapid_number_be32(at + 4) >> 8);
    imapid_link_take_off(cursor, 8);
    return IMAPID_LAYER_ETHERNET;
}

/* RFC 8926 */
static enum imapid_layer enter_geneve(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    if (cursor->n < 8)
        return too_short(cursor, 8);
    uint32_t n = 8 + (at[0] & 0x3fu) * 4;
    unsigned type = imapid_number_be16(at + 2);
    if (at[0] >> 6 != 0)
        return IMAPID_LAYER_OTHER;
    if (cursor->n < n)
        return too_short(cursor, n);
    add_path(cursor, IMAPID_PATH_GENEVE, imapid_number_be32(at + 4) >> 8);
    imapid_link_take_off(cursor, n);
    return imapid_link_find_ether_type(type);
}

/* Walks extension headers of GTP-U, the first being at *n octets: each has its length in fours
 * first and the next one's type last. */
static enum imapid_layer walk_gtp_extensions(const struct imapid_cursor *cursor, uint8_t type,
                                             uint32_t *n)
{
    while (type != 0) {
        if (cursor->n <= *n)
            return too_short(cursor, *n + 1);
        uint32_t n_extension = cursor->at[*n] * 4u;
        if (n_extension == 0)
            return IMAPID_LAYER_OTHER;
        if (cursor->n < *n + n_extension)
            return too_short(cursor, *n + n_extension);
        *n += n_extension;
        type = cursor->at[*n - 1];
    }
    return IMAPID_LAYER_RAW;
}

/* 3GPP TS 29.281, version 1 */
static enum imapid_layer enter_gtp(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    uint32_t n = 8;
    if (cursor->n < n)
        return too_short(cursor, n);
    if (at[0] >> 5 != 1 || !(at[0] & 0x10) || at[1] != 0xff /* a packet of a subscriber */)
        return IMAPID_LAYER_OTHER;
    add_path(cursor, IMAPID_PATH_GTP, imapid_number_be32(at + 4));
    cursor->n_wire = MIN(cursor->n_wire, 8u + imapid_number_be16(at + 2));
    cursor->n = MIN(cursor->n, cursor->n_wire);
    enum imapid_layer layer = IMAPID_LAYER_RAW;
    if (at[0] & 7) { /* any of three fields: all are there */
        n += 4;
        if (cursor->n < n)
            return too_short(cursor, n);
        layer = walk_gtp_extensions(cursor, at[0] & 4 ? at[11] : 0, &n);
    }
    if (layer == IMAPID_LAYER_RAW)
        imapid_link_take_off(cursor, n);
    return layer;
}

static enum imapid_layer enter_udp(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    static const struct {
        uint16_t port;
        enum imapid_layer (*enter)(struct imapid_cursor *cursor);
    } ports[] = {
        {4789, enter_vxlan},
        {6081, enter_geneve},
        {2152, enter_gtp},
    };
    (void)ip;
    if (cursor->n < 8)
        return too_short(cursor, 8);
    unsigned port = imapid_number_be16(cursor->at + 2);
    for (size_t i = 0; i < G_N_ELEMENTS(ports); i++)
        if (ports[i].port == port) {
            imapid_link_take_off(cursor, 8);
            return ports[i].enter(cursor);
        }
    return IMAPID_LAYER_OTHER;
}

/* ---- protocols of IP ---- */

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
        return too_short(cursor, 4);
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

static const struct {
    uint8_t protocol;
    enum imapid_layer (*enter)(const struct imapid_ip *ip, struct imapid_cursor *cursor);
} protocols[] = {
    {PROTOCOL_UDP, enter_udp}, {4, enter_ip4}, {41, enter_ip6}, {47, enter_gre}, {137, enter_mpls},
};

bool imapid_tunnel_is_possible(uint8_t protocol)
{
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (protocols[i].protocol == protocol)
            return true;
    return false;
}

enum imapid_layer imapid_tunnel_enter(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    *cursor = (struct imapid_cursor){
        .at = ip->octets,
        .n = ip->n,
        .n_wire = ip->n_wire,
        .path = ip->path,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (protocols[i].protocol == ip->protocol)
            return protocols[i].enter(ip, cursor);
    return IMAPID_LAYER_OTHER;
}
