/* SPDX-License-Identifier: GPL-2.0-or-later */

/* IPv4 (RFC 791) and IPv6 (RFC 8200) headers. Checksums are not looked at: a capture taken on the
 * sending host has none. What one field claims is never believed against the captured length.
 *
 * Misuse: reading n_wire octets; only n are there. */

#include "net/ip.h"

#include "capture/number.h"

#include <glib.h>

enum imapid_ip_status imapid_ip_parse4(const struct imapid_cursor *cursor, struct imapid_ip *ip)
{
    const uint8_t *at = cursor->at;
    if (cursor->n < 20)
        return cursor->n_wire < 20 ? IMAPID_IP_MALFORMED : IMAPID_IP_CUT;
    uint32_t n_header = (at[0] & 0xfu) * 4;
    uint32_t n_total = imapid_number_be16(at + 2);
    if (at[0] >> 4 != 4 || n_header < 20)
        return IMAPID_IP_MALFORMED;
    if (n_total == 0 || n_total > cursor->n_wire)
        n_total = cursor->n_wire;
    if (n_header > n_total)
        return IMAPID_IP_MALFORMED;
    if (n_header > cursor->n)
        return IMAPID_IP_CUT;
    unsigned fragment = imapid_number_be16(at + 6);
    ip->family = 4;
    ip->protocol = at[9];
    ip->source = at + 12;
    ip->destination = at + 16;
    ip->octets = at + n_header;
    ip->n_wire = n_total - n_header;
    ip->n = MIN(cursor->n - n_header, ip->n_wire);
    ip->path = cursor->path;
    ip->is_fragment = (fragment & 0x3fff) != 0;
    ip->more_fragments = (fragment & 0x2000) != 0;
    ip->fragment_place = (uint16_t)((fragment & 0x1fff) * 8);
    ip->fragment_id = imapid_number_be16(at + 4);
    return IMAPID_IP_OK;
}

static void take_off(struct imapid_ip *ip, uint32_t n)
{
    ip->octets += n;
    ip->n -= n;
    ip->n_wire -= n;
}

static enum imapid_ip_status too_short(const struct imapid_ip *ip, uint32_t n)
{
    return ip->n_wire < n ? IMAPID_IP_MALFORMED : IMAPID_IP_CUT;
}

static enum imapid_ip_status parse_fragment_header(struct imapid_ip *ip)
{
    const uint8_t *at = ip->octets;
    if (ip->n < 8)
        return too_short(ip, 8);
    unsigned fragment = imapid_number_be16(at + 2);
    ip->protocol = at[0];
    ip->fragment_place = (uint16_t)(fragment & 0xfff8);
    ip->more_fragments = fragment & 1;
    /* Both 0: an "atomic fragment" (RFC 6946), which is whole. */
    ip->is_fragment = ip->fragment_place > 0 || ip->more_fragments;
    ip->fragment_id = (uint32_t)imapid_number_be16(at + 4) << 16 | imapid_number_be16(at + 6);
    take_off(ip, 8);
    return IMAPID_IP_OK;
}

enum imapid_ip_status imapid_ip_walk6(struct imapid_ip *ip)
{
    /* Ends, since each header takes at least 8 octets off. */
    for (;;) {
        uint32_t n_header;
        switch (ip->protocol) {
        case 44: { /* Fragment */
            enum imapid_ip_status status = parse_fragment_header(ip);
            if (status != IMAPID_IP_OK || ip->is_fragment)
                return status;
            continue;
        }
        case 0:   /* Hop-by-Hop Options */
        case 43:  /* Routing */
        case 60:  /* Destination Options */
        case 135: /* Mobility */
        case 139: /* Host Identity */
        case 140: /* Shim6 */
            if (ip->n < 2)
                return too_short(ip, 2);
            n_header = (ip->octets[1] + 1u) * 8;
            break;
        case 51: /* Authentication: in units of 4, less 2 */
            if (ip->n < 2)
                return too_short(ip, 2);
            n_header = (ip->octets[1] + 2u) * 4;
            break;
        default:
            return IMAPID_IP_OK;
        }
        if (n_header > ip->n)
            return too_short(ip, n_header);
        ip->protocol = ip->octets[0];
        take_off(ip, n_header);
    }
}

enum imapid_ip_status imapid_ip_parse6(const struct imapid_cursor *cursor, struct imapid_ip *ip)
{
    const uint8_t *at = cursor->at;
    if (cursor->n < 40)
        return cursor->n_wire < 40 ? IMAPID_IP_MALFORMED : IMAPID_IP_CUT;
    if (at[0] >> 4 != 6)
        return IMAPID_IP_MALFORMED;
    uint32_t n_payload = imapid_number_be16(at + 4);
    /* 0 is left to the network card, or a jumbogram. */
    if (n_payload == 0 || n_payload > cursor->n_wire - 40)
        n_payload = cursor->n_wire - 40;
    *ip = (struct imapid_ip){
        .family = 6,
        .protocol = at[6],
        .source = at + 8,
        .destination = at + 24,
        .octets = at + 40,
        .n_wire = n_payload,
        .n = MIN(cursor->n - 40, n_payload),
        .path = cursor->path,
    };
    return imapid_ip_walk6(ip);
}
