/* SPDX-License-Identifier: GPL-2.0-or-later */
/* icmp.c: errors of ICMP (RFC 792, RFC 1812) and ICMPv6 (RFC 4443) about a packet that was sent.
 *
 * Refuses a quotation that is too short to tell the ports and the sequence number.
 *
 * Misuse: believing it. Anybody can send one; see imapid_tcp_icmp(). */

#include "net/icmp.h"

/* Those that quote a packet. */
static bool is_error(unsigned family, uint8_t type)
{
    if (family == 6)
        return type >= 1 && type <= 4;
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

bool imapid_icmp_read(const struct imapid_ip *ip, struct imapid_ip *quoted,
                      struct imapid_icmp *says)
{
    const struct imapid_cursor cursor = {
        .at = ip->octets + 8,
        .n = ip->n > 8 ? ip->n - 8 : 0,
        .n_wire = ip->n_wire > 8 ? ip->n_wire - 8 : 0,
        .path = ip->path,
        .n_hops = ip->n_hops,
        .hops = ip->hops,
    };

    if (!cursor.n || !is_error(ip->family, ip->octets[0]))
        return false;
    *says = imapid_stall_icmp(ip->family, ip->octets);
    return imapid_ip_parse(&cursor, quoted) == IMAPID_IP_OK && quoted->family == ip->family &&
           quoted->protocol == IMAPID_IP_TCP && !quoted->fragment_place && quoted->n >= 8;
}
