/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tag.c: tags between MAC addresses and IP: of virtual interfaces (VN-tag, E-tag), of security
 * groups (TrustSec), with time stamps (Cisco, Arista), of provider bridges, MACsec, FabricPath and
 * NSH, and what switch chips tell their host (DSA, Broadcom, Realtek).
 *
 * What numbers a network (the I-SID of a provider bridge, the VLAN in a DSA tag) is part of a
 * connection's identity. What numbers an interface, a sender or a moment is not: it differs
 * between the directions of one connection.
 *
 * Refuses, and counts as not read, MACsec that encrypts, and tags of a version that is not known
 * here.
 *
 * Misuse: a cursor with fewer octets than the line in `strippers` demands. */

#include "net/tag.h"

#include "number.h"
#include "net/numbers.h"

#include <glib.h>

/* n octets, then an EtherType. */
static enum imapid_layer skip_to_type(struct imapid_cursor *cursor, uint32_t n)
{
    if (cursor->n < n + 2)
        return imapid_layer_too_short(cursor, n + 2);
    unsigned type = imapid_number_be16(cursor->at + n);
    imapid_layer_take_off(cursor, n + 2);
    return imapid_numbers_find_type_or_length(type, cursor);
}

/* Cisco's, which became 802.1BR with other fields */
enum imapid_layer imapid_tag_strip_vn(struct imapid_cursor *cursor)
{
    return skip_to_type(cursor, 4);
}

/* IEEE 802.1BR */
enum imapid_layer imapid_tag_strip_e(struct imapid_cursor *cursor)
{
    return skip_to_type(cursor, 6);
}

/* Cisco MetaData: version, number of options, options of 4 octets each. One that writes no number
 * has one option all the same. */
enum imapid_layer imapid_tag_strip_trustsec(struct imapid_cursor *cursor)
{
    return skip_to_type(cursor, 2 + 4u * MAX(cursor->at[1], 1));
}

/* In GRE the EtherType of what follows stands first. */
enum imapid_layer imapid_tag_strip_trustsec_gre(struct imapid_cursor *cursor)
{
    unsigned type = imapid_number_be16(cursor->at);
    enum imapid_layer layer = imapid_numbers_find(IMAPID_NUMBER_ETHER_TYPE, type, cursor);
    return imapid_layer_skip(cursor, 4 + 4u * MAX(cursor->at[3], 1), layer);
}

/* A time stamp of 48 bits */
enum imapid_layer imapid_tag_strip_ttag(struct imapid_cursor *cursor)
{
    return skip_to_type(cursor, 6);
}

/* Subtype and version; the version's last octet tells how long the time stamp is. */
enum imapid_layer imapid_tag_strip_arista(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    if (imapid_number_be16(at) == 1 && at[3] == 0x10)
        return skip_to_type(cursor, 4 + 8);
    if (imapid_number_be16(at) == 1 && at[3] == 0x20)
        return skip_to_type(cursor, 4 + 6);
    return imapid_layer_set_unread(cursor, IMAPID_NUMBER_ETHER_TYPE, 0xd28b);
}

/* IEEE 802.1ah: a tag with the number of the customer's network, then the customer's frame */
enum imapid_layer imapid_tag_strip_pbb(struct imapid_cursor *cursor)
{
    uint32_t id = imapid_number_be32(cursor->at) & 0xffffff;
    imapid_layer_add_path(cursor, IMAPID_PATH_PBB, id);
    imapid_layer_take_off(cursor, 4);
    return IMAPID_LAYER_ETHERNET;
}

#define MACSEC_HAS_SCI 0x20
#define MACSEC_SECRET  0x0c /* encrypted, or changed otherwise */
#define MACSEC_N_ICV   16

/* IEEE 802.1AE. With integrity alone the frame stands there as it is, a check value behind it. */
enum imapid_layer imapid_tag_strip_macsec(struct imapid_cursor *cursor)
{
    unsigned flags = cursor->at[0];
    uint32_t n = flags & MACSEC_HAS_SCI ? 14 : 6;
    if (flags & MACSEC_SECRET)
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_ETHER_TYPE, 0x88e5);
    if (cursor->n_wire >= n + 2 + MACSEC_N_ICV) {
        cursor->n_wire -= MACSEC_N_ICV;
        cursor->n = MIN(cursor->n, cursor->n_wire);
    }
    return skip_to_type(cursor, n);
}

/* A forwarding tag and a time to live, then a frame */
enum imapid_layer imapid_tag_strip_fabricpath(struct imapid_cursor *cursor)
{
    imapid_layer_take_off(cursor, 2);
    return IMAPID_LAYER_ETHERNET;
}

/* Realtek has several protocols under one EtherType, some of which are tags. */
enum imapid_layer imapid_tag_strip_realtek(struct imapid_cursor *cursor)
{
    unsigned protocol = cursor->at[0];
    if (protocol >> 4 == 0x9 || protocol >> 4 == 0xa) /* RTL8306, RTL8366RB */
        return skip_to_type(cursor, 2);
    if (protocol == 4) /* RTL8365MB and later */
        return skip_to_type(cursor, 6);
    return protocol <= 3 || protocol == 0x23
               ? IMAPID_LAYER_OTHER /* remote control, loop detection */
               : imapid_layer_set_unread(cursor, IMAPID_NUMBER_ETHER_TYPE, 0x8899);
}

/* RFC 8300 */
enum imapid_layer imapid_tag_strip_nsh(struct imapid_cursor *cursor)
{
    uint32_t n = (cursor->at[1] & 0x3fu) * 4;
    unsigned protocol = cursor->at[3];
    if (cursor->at[0] >> 6 != 0 || n < 8)
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_ETHER_TYPE, 0x894f);
    if (cursor->n < n)
        return imapid_layer_too_short(cursor, n);
    imapid_layer_take_off(cursor, n);
    return imapid_numbers_find(IMAPID_NUMBER_NSH_PROTOCOL, protocol, cursor);
}

/* Marvell's tag of 4 octets takes a VLAN tag's place, if there was one. */
static enum imapid_layer skip_dsa(struct imapid_cursor *cursor, uint32_t at)
{
    unsigned id = imapid_number_be16(cursor->at + at + 2) & 0xfff;
    if (cursor->at[at] & 0x20 && id)
        imapid_layer_add_path(cursor, IMAPID_PATH_VLAN, id);
    return skip_to_type(cursor, at + 4);
}

enum imapid_layer imapid_tag_strip_dsa(struct imapid_cursor *cursor)
{
    return skip_dsa(cursor, 12);
}

/* Behind an EtherType: two octets of no meaning, then the same. */
enum imapid_layer imapid_tag_strip_edsa(struct imapid_cursor *cursor)
{
    return skip_dsa(cursor, 2);
}

enum imapid_layer imapid_tag_strip_broadcom(struct imapid_cursor *cursor)
{
    return skip_to_type(cursor, 12 + 4);
}

enum imapid_layer imapid_tag_strip_broadcom_first(struct imapid_cursor *cursor)
{
    imapid_layer_take_off(cursor, 4);
    return IMAPID_LAYER_ETHERNET;
}
