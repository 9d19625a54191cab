/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pseudo.c: headers that stand before a captured packet, as tcpdump.org describes them under their
 * link types: of Linux netfilter logs, of packet filter and IPsec of the BSDs, of macOS, Solaris
 * and JUNOS; and FDDI, InfiniBand and SLIP.
 *
 * What they tell of interfaces and processes is not used. A field in the byte order of the
 * capturing host is read in the order that makes sense.
 *
 * Refuses a header of a length or version that is not known here.
 *
 * Misuse: a cursor with fewer octets than the line in `strippers` demands. */

#include "net/pseudo.h"

#include "number.h"
#include "net/numbers.h"

#include <glib.h>

#define NFLOG_PAYLOAD 9

/* Length (its 4 octets of header included) and type of the attribute at the cursor. */
static uint32_t get_attribute(const struct imapid_cursor *cursor, bool is_little, unsigned *type)
{
    *type = is_little ? imapid_number_le16(cursor->at + 2) : imapid_number_be16(cursor->at + 2);
    return is_little ? imapid_number_le16(cursor->at) : imapid_number_be16(cursor->at);
}

/* Attributes, of which one is the packet. Each takes 4 octets at least, so it ends. */
enum imapid_layer imapid_pseudo_strip_nflog(struct imapid_cursor *cursor)
{
    imapid_layer_take_off(cursor, 4);
    /* Types are below 256: one of the two octets is 0. */
    bool is_little = cursor->n < 4 || cursor->at[3] == 0;
    while (cursor->n_wire >= 4) {
        unsigned type;
        if (cursor->n < 4)
            return IMAPID_LAYER_CUT;
        uint32_t n = get_attribute(cursor, is_little, &type);
        if (n < 4 || n > cursor->n_wire)
            return IMAPID_LAYER_OTHER;
        if (type == NFLOG_PAYLOAD) {
            cursor->n_wire = n;
            cursor->n = MIN(cursor->n, n);
            imapid_layer_take_off(cursor, 4);
            return IMAPID_LAYER_RAW;
        }
        n = MIN((n + 3) / 4 * 4, cursor->n_wire);
        if (n > cursor->n)
            return IMAPID_LAYER_CUT;
        imapid_layer_take_off(cursor, n);
    }
    return IMAPID_LAYER_OTHER;
}

/* The header begins with its length, which is then filled up to a multiple of 4. */
enum imapid_layer imapid_pseudo_strip_pflog(struct imapid_cursor *cursor)
{
    uint32_t n = (cursor->at[0] + 3u) / 4 * 4;
    if (n < 28)
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_LINK_TYPE, 117);
    return imapid_layer_skip(cursor, n, IMAPID_LAYER_RAW);
}

/* No header of macOS was longer than 156 so far. */
#define PKTAP_MIN 108
#define PKTAP_MAX 4096

/* Its length, what it is (1: a packet), and the link type of what follows, in the byte order of
 * macOS. */
static enum imapid_layer strip_pktap(struct imapid_cursor *cursor, uint16_t own_type)
{
    const uint8_t *at = cursor->at;
    uint32_t n = imapid_number_le32(at), what = imapid_number_le32(at + 4);
    uint32_t link_type = imapid_number_le32(at + 8);
    if (n < PKTAP_MIN || n > PKTAP_MAX || what > 1 || link_type > UINT16_MAX)
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_LINK_TYPE, own_type);
    if (what == 0)
        return IMAPID_LAYER_OTHER;
    enum imapid_layer next = imapid_numbers_find_link_type((uint16_t)link_type, cursor);
    return imapid_layer_skip(cursor, n, next);
}

enum imapid_layer imapid_pseudo_strip_pktap(struct imapid_cursor *cursor)
{
    return strip_pktap(cursor, 258);
}

enum imapid_layer imapid_pseudo_strip_pktap_user2(struct imapid_cursor *cursor)
{
    return strip_pktap(cursor, 149);
}

/* Address family, index and flags of IPsec's pseudo interface */
enum imapid_layer imapid_pseudo_strip_enc(struct imapid_cursor *cursor)
{
    imapid_layer_take_off(cursor, 12);
    return IMAPID_LAYER_RAW;
}

enum imapid_layer imapid_pseudo_strip_ipnet(struct imapid_cursor *cursor)
{
    imapid_layer_take_off(cursor, 24);
    return IMAPID_LAYER_RAW;
}

#define JUNIPER_NO_L2      0x02
#define JUNIPER_EXTENSIONS 0x80

/* Old releases of JUNOS write no header at all. */
enum imapid_layer imapid_pseudo_strip_juniper_ethernet(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    uint32_t n = 4;
    if (at[0] != 'M' || at[1] != 'G' || at[2] != 'C')
        return IMAPID_LAYER_ETHERNET;
    unsigned flags = at[3];
    if (flags & JUNIPER_EXTENSIONS) {
        if (cursor->n < 6)
            return imapid_layer_too_short(cursor, 6);
        n = 6u + imapid_number_be16(at + 4);
    }
    if (flags & JUNIPER_NO_L2) /* a number that says which protocol, as its first octet does too */
        return imapid_layer_skip(cursor, n + 4, IMAPID_LAYER_RAW);
    return imapid_layer_skip(cursor, n, IMAPID_LAYER_ETHERNET);
}

/* Frame control and two addresses */
enum imapid_layer imapid_pseudo_strip_fddi(struct imapid_cursor *cursor)
{
    bool is_llc = (cursor->at[0] & 0x70) == 0x50;
    imapid_layer_take_off(cursor, 13);
    return is_llc ? IMAPID_LAYER_LLC : IMAPID_LAYER_OTHER;
}

/* An EtherType and two octets of 0 (RFC 4391 6). Before it Linux has the destination's address of 20
 * octets, others have a route header of 40. */
enum imapid_layer imapid_pseudo_strip_ipoib(struct imapid_cursor *cursor)
{
    static const uint8_t ways[] = {0, 20, 40};
    for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
        uint32_t n = ways[i];
        if (cursor->n < n + 4)
            return imapid_layer_too_short(cursor, n + 4);
        unsigned type = imapid_number_be16(cursor->at + n);
        if (imapid_number_be16(cursor->at + n + 2) != 0 || !imapid_numbers_is_read_ether_type(type))
            continue;
        imapid_layer_take_off(cursor, n + 4);
        return imapid_numbers_find(IMAPID_NUMBER_ETHER_TYPE, type, cursor);
    }
    return IMAPID_LAYER_OTHER;
}

/* The direction, and the header as it was compressed on the wire; the packet is whole. */
enum imapid_layer imapid_pseudo_strip_slip(struct imapid_cursor *cursor)
{
    imapid_layer_take_off(cursor, 16);
    return IMAPID_LAYER_RAW;
}
