/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip.c: reads IPv4 (RFC 791) and IPv6 (RFC 8200) headers. Checksums are not looked at where it is
 * known that this is IP: packets captured on the sending host have none yet. No field is believed
 * beyond the captured length.
 *
 * Refuses lengths and versions that cannot be.
 *
 * Misuse: reading n_wire octets. Only n are there. */

#include "net/ip.h"

#include "number.h"

#include <glib.h>
#include <string.h>

static enum imapid_ip_status parse4(const struct imapid_cursor *cursor, struct imapid_ip *ip)
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
    ip->ttl = at[8];
    ip->protocol = at[9];
    ip->source = at + 12;
    ip->destination = at + 16;
    ip->octets = at + n_header;
    ip->n_wire = n_total - n_header;
    ip->n = MIN(cursor->n - n_header, ip->n_wire);
    ip->path = cursor->path;
    ip->n_hops = cursor->n_hops;
    ip->hops = cursor->hops;
    ip->is_fragment = (fragment & 0x3fff) != 0;
    ip->more_fragments = (fragment & 0x2000) != 0;
    ip->fragment_place = (uint16_t)((fragment & 0x1fff) * 8);
    ip->fragment_id = imapid_number_be16(at + 4);
    return ip->protocol == IMAPID_IP_AH && !ip->is_fragment ? imapid_ip_walk(ip) : IMAPID_IP_OK;
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

enum imapid_ip_status imapid_ip_walk(struct imapid_ip *ip)
{
    /* Ends, since each header takes at least 8 octets off. */
    for (;;) {
        uint32_t n_header;
        if (ip->family == 4 && ip->protocol != IMAPID_IP_AH)
            return IMAPID_IP_OK;
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
        case IMAPID_IP_AH: /* in units of 4, less 2 */
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

static enum imapid_ip_status parse6(const struct imapid_cursor *cursor, struct imapid_ip *ip)
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
        .ttl = at[7],
        .source = at + 8,
        .destination = at + 24,
        .octets = at + 40,
        .n_wire = n_payload,
        .n = MIN(cursor->n - 40, n_payload),
        .path = cursor->path,
        .n_hops = cursor->n_hops,
        .hops = cursor->hops,
    };
    return imapid_ip_walk(ip);
}

enum imapid_ip_status imapid_ip_parse(const struct imapid_cursor *cursor, struct imapid_ip *ip)
{
    if (cursor->n > 0 && cursor->at[0] >> 4 == 6)
        return parse6(cursor, ip);
    return parse4(cursor, ip);
}

static bool is_likely4(const struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    uint32_t n_header = (at[0] & 0xfu) * 4, n_total = imapid_number_be16(at + 2), sum = 0;
    if (n_header < 20 || n_total < n_header || n_total > cursor->n_wire || n_header > cursor->n)
        return false;
    for (uint32_t i = 0; i < n_header; i += 2)
        sum += imapid_number_be16(at + i);
    /* A card that was to fill the checksum in left it 0. */
    return (sum & 0xffff) + (sum >> 16) == 0xffff ||
           (imapid_number_be16(at + 10) == 0 && n_total == cursor->n_wire);
}

static bool is_likely6(const struct imapid_cursor *cursor)
{
    /* TCP, UDP, ICMPv6, extension headers, tunnels */
    static const uint8_t usual[] = {
        IMAPID_IP_TCP, IMAPID_IP_UDP, 58, 0, 43, 44, 60, 4, 41, 47, 50, 51};
    const uint8_t *at = cursor->at;
    uint32_t n_total = 40u + imapid_number_be16(at + 4);
    if (cursor->n < 40 || n_total == 40 || n_total > cursor->n_wire ||
        n_total + 64 < cursor->n_wire)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(usual); i++)
        if (usual[i] == at[6])
            return true;
    return false;
}

bool imapid_ip_is_likely(const struct imapid_cursor *cursor)
{
    if (cursor->n < 20)
        return false;
    unsigned version = cursor->at[0] >> 4;
    return version == 4 ? is_likely4(cursor) : version == 6 && is_likely6(cursor);
}

void imapid_ip_add_ends(const struct imapid_ip *ip, struct imapid_cursor *cursor,
                        enum imapid_path_kind kind)
{
    size_t n = ip->family == 4 ? 4 : 16;
    bool is_ordered = memcmp(ip->source, ip->destination, n) <= 0;
    const uint8_t *first = is_ordered ? ip->source : ip->destination;
    const uint8_t *second = is_ordered ? ip->destination : ip->source;
    struct imapid_hop *hop = imapid_layer_add_hop(cursor, kind);
    for (size_t i = 0; i < n; i += 4) {
        cursor->path = imapid_layer_mix_path(cursor->path, kind, imapid_number_be32(first + i));
        cursor->path = imapid_layer_mix_path(cursor->path, kind, imapid_number_be32(second + i));
    }
    if (!hop)
        return;
    hop->family = ip->family;
    memcpy(hop->from, ip->source, n);
    memcpy(hop->to, ip->destination, n);
}
