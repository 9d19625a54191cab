/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wlan.c: IEEE 802.11: data frames in the clear, of one packet or of several (A-MSDU), bare or
 * after radiotap, PPI, Prism or AVS headers.
 *
 * The check sequence at the end of a frame is not looked for: the lengths of IP leave it out.
 *
 * Refuses, and counts as not read, encrypted frames and fragments. Frames that carry no data
 * have no IP.
 *
 * Misuse: leaving the cursor's `next` unread. The other packets of an A-MSDU are lost then. */

#include "net/wlan.h"

#include "number.h"
#include "net/numbers.h"

#include <glib.h>

/* of the frame control field, in the order of the octets */
#define VERSION_AND_TYPE 0x0f
#define DATA             0x08
#define NO_DATA          0x40
#define QOS              0x80
#define TO_DS            0x01
#define FROM_DS          0x02
#define MORE_FRAGMENTS   0x04
#define PROTECTED        0x40
#define ORDER            0x80 /* of QoS data: a field HT Control is there */

#define QOS_AMSDU 0x80

/* kind and flags: the two octets of the frame control field. is_padded: the header was filled up to
 * a multiple of 4, as some cards do. */
static enum imapid_layer strip_data(struct imapid_cursor *cursor, unsigned kind, unsigned flags,
                                    bool is_padded)
{
    const uint8_t *at = cursor->at;
    if ((kind & (VERSION_AND_TYPE | NO_DATA)) != DATA)
        return IMAPID_LAYER_OTHER;
    if (flags & PROTECTED)
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_WLAN, IMAPID_WLAN_PROTECTED);
    if (flags & MORE_FRAGMENTS || at[22] & 0x0f /* not the first fragment */)
        return imapid_layer_set_unread(cursor, IMAPID_NUMBER_WLAN, IMAPID_WLAN_FRAGMENT);
    uint32_t n = (flags & (TO_DS | FROM_DS)) == (TO_DS | FROM_DS) ? 30 : 24;
    enum imapid_layer next = IMAPID_LAYER_LLC;
    if (kind & QOS) {
        if (cursor->n < n + 2)
            return IMAPID_LAYER_CUT;
        if (at[n] & QOS_AMSDU)
            next = IMAPID_LAYER_AMSDU;
        n += flags & ORDER ? 6 : 2;
    }
    return imapid_layer_skip(cursor, is_padded ? (n + 3) / 4 * 4 : n, next);
}

enum imapid_layer imapid_wlan_strip(struct imapid_cursor *cursor)
{
    return strip_data(cursor, cursor->at[0], cursor->at[1], false);
}

enum imapid_layer imapid_wlan_strip_swapped(struct imapid_cursor *cursor)
{
    return strip_data(cursor, cursor->at[1], cursor->at[0], false);
}

/* Two addresses, a length, and a packet; the next one begins at a multiple of 4. */
enum imapid_layer imapid_wlan_strip_amsdu(struct imapid_cursor *cursor)
{
    uint32_t n = imapid_number_be16(cursor->at + 12), n_all = (14 + n + 3) / 4 * 4;
    if (n > cursor->n_wire - 14)
        return IMAPID_LAYER_OTHER;
    if (n_all < cursor->n) {
        cursor->next = cursor->at + n_all;
        cursor->n_next = cursor->n - n_all;
        cursor->n_next_wire = cursor->n_wire - n_all;
    }
    imapid_layer_take_off(cursor, 14);
    cursor->n_wire = n;
    cursor->n = MIN(cursor->n, n);
    return IMAPID_LAYER_LLC;
}

/* Whether the radiotap header, n octets long, says that the 802.11 header is filled up. */
static bool is_padded(const uint8_t *at, uint32_t n)
{
    uint32_t present = imapid_number_le32(at + 4), fields = 8;
    if (!(present & 2)) /* no field Flags */
        return false;
    /* More words of what is present, before the first field */
    for (uint32_t word = present; word & 0x80000000u; fields += 4) {
        if (fields + 4 > n)
            return false;
        word = imapid_number_le32(at + fields);
    }
    if (present & 1) /* the field TSFT, aligned to its size */
        fields = (fields + 7) / 8 * 8 + 8;
    return fields < n && at[fields] & 0x20;
}

enum imapid_layer imapid_wlan_strip_radiotap(struct imapid_cursor *cursor)
{
    uint32_t n = imapid_number_le16(cursor->at + 2);
    if (cursor->at[0] != 0 || n < 8)
        return IMAPID_LAYER_OTHER;
    bool padded = n <= cursor->n && is_padded(cursor->at, n);
    enum imapid_layer next = imapid_layer_skip(cursor, n, IMAPID_LAYER_WLAN);
    if (next != IMAPID_LAYER_WLAN || !padded)
        return next;
    return cursor->n < 24 ? IMAPID_LAYER_CUT
                          : strip_data(cursor, cursor->at[0], cursor->at[1], true);
}

enum imapid_layer imapid_wlan_strip_avs(struct imapid_cursor *cursor)
{
    uint32_t n = imapid_number_be32(cursor->at + 4);
    return n < 8 ? IMAPID_LAYER_OTHER : imapid_layer_skip(cursor, n, IMAPID_LAYER_WLAN);
}

/* Written in the byte order of the card's host; under this link type there is AVS as well. */
enum imapid_layer imapid_wlan_strip_prism(struct imapid_cursor *cursor)
{
    if ((imapid_number_be32(cursor->at) & 0xfffff000u) == 0x80211000u)
        return imapid_wlan_strip_avs(cursor);
    uint32_t n =
        cursor->at[0] ? imapid_number_le32(cursor->at + 4) : imapid_number_be32(cursor->at + 4);
    return n < 8 ? IMAPID_LAYER_OTHER : imapid_layer_skip(cursor, n, IMAPID_LAYER_WLAN);
}

enum imapid_layer imapid_wlan_strip_ppi(struct imapid_cursor *cursor)
{
    uint32_t n = imapid_number_le16(cursor->at + 2), link_type = imapid_number_le32(cursor->at + 4);
    if (n < 8 || link_type > UINT16_MAX)
        return IMAPID_LAYER_OTHER;
    enum imapid_layer next = imapid_numbers_find_link_type((uint16_t)link_type, cursor);
    return imapid_layer_skip(cursor, n, next);
}
