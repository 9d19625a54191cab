/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gre.c: GRE version 0 (RFC 2784, 2890) with checksum, key and sequence number, version 1 (PPTP,
 * RFC 2637), and ERSPAN types I to III, which carries frames of a mirrored port.
 *
 * A key numbers a network and is part of a connection's identity. The sessions and VLANs in ERSPAN
 * headers are not: the same packet, mirrored twice, would be two.
 *
 * Refuses source routes (RFC 1701), which nobody sends.
 *
 * Misuse: a cursor with fewer octets than gre.h says. */

#include "net/gre.h"

#include "number.h"
#include "net/numbers.h"

#define CHECKSUM 0x8000u
#define ROUTING  0x4000u
#define KEY      0x2000u
#define SEQUENCE 0x1000u
#define ACK      0x0080u /* of version 1 */

#define TYPE_ERSPAN  0x88beu /* I or II */
#define TYPE_ERSPAN3 0x22ebu

/* PPTP. The key is a length and a call; calls of the two directions have different numbers. */
static enum imapid_layer strip_version1(struct imapid_cursor *cursor, unsigned flags)
{
    uint32_t n = 8 + (flags & SEQUENCE ? 4 : 0) + (flags & ACK ? 4 : 0);
    if (!(flags & KEY) || !(flags & SEQUENCE)) /* without: an acknowledgement alone */
        return IMAPID_LAYER_OTHER;
    if (cursor->n < n)
        return IMAPID_LAYER_CUT;
    imapid_layer_add_path(cursor, IMAPID_PATH_GRE, imapid_number_be16(cursor->at + 6));
    imapid_layer_take_off(cursor, n);
    return IMAPID_LAYER_PPP;
}

enum imapid_layer imapid_gre_strip(struct imapid_cursor *cursor)
{
    unsigned flags = imapid_number_be16(cursor->at), type = imapid_number_be16(cursor->at + 2);
    if ((flags & 7) == 1)
        return strip_version1(cursor, flags);
    if (flags & (ROUTING | 7))
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_GRE_PROTOCOL, type);
    uint32_t key_at = 4 + (flags & CHECKSUM ? 4 : 0);
    uint32_t n = key_at + (flags & KEY ? 4 : 0) + (flags & SEQUENCE ? 4 : 0);
    if (cursor->n < n)
        return IMAPID_LAYER_CUT;
    if (flags & KEY)
        imapid_layer_add_path(cursor, IMAPID_PATH_GRE, imapid_number_be32(cursor->at + key_at));
    imapid_layer_take_off(cursor, n);
    if (type == TYPE_ERSPAN) /* type I has no header of its own, and no sequence numbers */
        return flags & SEQUENCE ? IMAPID_LAYER_ERSPAN2 : IMAPID_LAYER_ETHERNET;
    return imapid_numbers_find(IMAPID_NUMBER_GRE_PROTOCOL, type, cursor);
}

enum imapid_layer imapid_gre_strip_erspan2(struct imapid_cursor *cursor)
{
    if (cursor->at[0] >> 4 != 1)
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_GRE_PROTOCOL, TYPE_ERSPAN);
    imapid_layer_take_off(cursor, 8);
    return IMAPID_LAYER_ETHERNET;
}

enum imapid_layer imapid_gre_strip_erspan3(struct imapid_cursor *cursor)
{
    unsigned tail = imapid_number_be16(cursor->at + 10);
    uint32_t n = tail & 1 ? 20 : 12; /* with what the platform adds */
    if (cursor->at[0] >> 4 != 2)
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_GRE_PROTOCOL, TYPE_ERSPAN3);
    if (cursor->n < n)
        return IMAPID_LAYER_CUT;
    imapid_layer_take_off(cursor, n);
    switch (tail >> 10 & 0x1f) { /* the type of frame */
    case 0:
        return IMAPID_LAYER_ETHERNET;
    case 2:
        return IMAPID_LAYER_RAW;
    default:
        return IMAPID_LAYER_OTHER;
    }
}

/* A redirect header of 4 octets, in version 2 of the protocol: its first octet has two flags alone.
 */
enum imapid_layer imapid_gre_strip_wccp(struct imapid_cursor *cursor)
{
    return cursor->at[0] >> 4 ? IMAPID_LAYER_RAW : imapid_layer_skip(cursor, 4, IMAPID_LAYER_RAW);
}
