/* SPDX-License-Identifier: GPL-2.0-or-later */

/* fuzz-ip.c: the headers of IPv4 and IPv6 on any octets. The first octet says how many octets the
 * capture cut off. What a header gives has to lie in the packet. */

#include "net/ip.h"
#include "place.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum;

static void touch(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += octets[i];
}

static void check(const struct imapid_cursor *cursor, struct imapid_ip *ip)
{
    size_t n_address = ip->family == 4 ? 4 : 16;

    if (ip->family != 4 && ip->family != 6)
        abort();
    place_check(cursor->at, cursor->n, ip->octets, ip->n, ip->n_wire);
    place_check(cursor->at, cursor->n, ip->source, (uint32_t)n_address, (uint32_t)n_address);
    place_check(cursor->at, cursor->n, ip->destination, (uint32_t)n_address, (uint32_t)n_address);
    touch(ip->octets, ip->n);
    struct imapid_hop hops[IMAPID_PATH_N_MAX];
    struct imapid_cursor inner = {.path = ip->path, .hops = hops};
    imapid_ip_add_ends(ip, &inner, IMAPID_PATH_IP);
    /* cppcheck-suppress uninitvar ; imapid_ip_add_ends() sets it: done here, that would hide what it leaves out */
    sum += inner.path + hops[0].to[0];
    if (imapid_ip_walk(ip) == IMAPID_IP_OK)
        place_check(cursor->at, cursor->n, ip->octets, ip->n, ip->n_wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imapid_cursor cursor = {0};
    struct imapid_ip ip = {0};

    if (size < 2)
        return 0;
    cursor.at = data + 1;
    cursor.n = (uint32_t)size - 1;
    cursor.n_wire = cursor.n + data[0];
    (void)imapid_ip_is_likely(&cursor);
    if (imapid_ip_parse(&cursor, &ip) == IMAPID_IP_OK)
        check(&cursor, &ip);
    return 0;
}
