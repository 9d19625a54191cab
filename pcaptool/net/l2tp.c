/* SPDX-License-Identifier: GPL-2.0-or-later */
/* l2tp.c: the Layer Two Tunneling Protocol: version 2 in UDP (RFC 2661), version 3 in UDP and in
 * IP (RFC 3931).
 *
 * Refuses version 3 when no length of the cookie makes a frame with IP in it, and other versions:
 * the packet is counted as not read.
 *
 * Misuse: taking a session's number alone for an identity. Other pairs of hosts use the same
 * numbers. */

#include "net/l2tp.h"

#include "number.h"
#include "net/ip.h"
#include "net/link.h"

#include <glib.h>

#define L2TP_CONTROL  0x8000u
#define L2TP_LENGTH   0x4000u
#define L2TP_SEQUENCE 0x0800u
#define L2TP_OFFSET   0x0200u

/* RFC 2661. Tunnel and session have other numbers in the other direction. */
static enum imapid_layer enter_version2(struct imapid_cursor *cursor, unsigned flags)
{
    const uint8_t *at = cursor->at;
    uint32_t ids = flags & L2TP_LENGTH ? 4 : 2;
    uint32_t n = ids + 4 + (flags & L2TP_SEQUENCE ? 4 : 0) + (flags & L2TP_OFFSET ? 2 : 0);
    if (cursor->n < n)
        return imapid_layer_too_short(cursor, n);
    imapid_layer_add_path(cursor, IMAPID_PATH_L2TP, imapid_number_be32(at + ids));
    if (flags & L2TP_OFFSET)
        n += imapid_number_be16(at + n - 2);
    return imapid_layer_skip(cursor, n, IMAPID_LAYER_PPP);
}

/* RFC 3931. How long the cookie is, whether more stands before the frame, and what the frame is, the
 * two ends alone know: it is what makes sense. */
enum imapid_layer imapid_l2tp_enter3(struct imapid_cursor *cursor)
{
    static const struct {
        uint8_t n;
        enum imapid_layer layer;
    } ways[] = {
        {0, IMAPID_LAYER_ETHERNET},  {4, IMAPID_LAYER_ETHERNET}, {8, IMAPID_LAYER_ETHERNET},
        {12, IMAPID_LAYER_ETHERNET}, {0, IMAPID_LAYER_HDLC},     {4, IMAPID_LAYER_HDLC},
        {8, IMAPID_LAYER_HDLC},      {12, IMAPID_LAYER_HDLC},    {0, IMAPID_LAYER_RAW},
        {4, IMAPID_LAYER_RAW},       {8, IMAPID_LAYER_RAW},      {12, IMAPID_LAYER_RAW},
    };
    if (cursor->n < 4)
        return imapid_layer_too_short(cursor, 4);
    uint32_t session = imapid_number_be32(cursor->at);
    if (session == 0)
        return IMAPID_LAYER_OTHER; /* control */
    imapid_layer_take_off(cursor, 4);
    for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
        struct imapid_cursor inner = *cursor;
        if (inner.n < ways[i].n)
            continue;
        imapid_layer_take_off(&inner, ways[i].n);
        enum imapid_layer layer = imapid_link_strip(ways[i].layer, &inner);
        if ((layer != IMAPID_LAYER_IP4 && layer != IMAPID_LAYER_IP6) ||
            !imapid_ip_is_likely(&inner))
            continue;
        imapid_layer_take_off(cursor, ways[i].n);
        imapid_layer_add_path(cursor, IMAPID_PATH_L2TP, session);
        return ways[i].layer;
    }
    return imapid_layer_set_unread(cursor, IMAPID_NUMBER_IP_PROTOCOL, IMAPID_IP_L2TP);
}

enum imapid_layer imapid_l2tp_enter(struct imapid_cursor *cursor)
{
    if (cursor->n < 2)
        return imapid_layer_too_short(cursor, 2);
    unsigned flags = imapid_number_be16(cursor->at);
    if (flags & L2TP_CONTROL)
        return IMAPID_LAYER_OTHER;
    if ((flags & 0xf) == 2)
        return enter_version2(cursor, flags);
    if ((flags & 0xf) != 3)
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_IP_PROTOCOL, IMAPID_IP_L2TP);
    if (cursor->n < 4)
        return imapid_layer_too_short(cursor, 4);
    imapid_layer_take_off(cursor, 4);
    return imapid_l2tp_enter3(cursor);
}
