/* SPDX-License-Identifier: GPL-2.0-or-later */

/* fuzz-fragments.c: pieces of a few datagrams, honest and forged, in any order. Five octets a
 * piece: which datagram and whether more pieces follow, where it stands (in 8 octets), its length
 * (in 8 octets) and the rest of it, how long it took to come, and what is wrong with it: an octet of
 * 0 means that the piece is honest.
 *
 * Every octet of a datagram that was put together has to be one that a piece had at that place. Of
 * honest pieces that is the place's own octet. */

#include "net/fragments.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_DATAGRAMS 8

static uint8_t get_octet(unsigned datagram, size_t place)
{
    return (uint8_t)(place * 37 + (place >> 8) * 11 + datagram);
}

static void check(const struct imapid_ip *ip, unsigned datagram, bool is_honest)
{
    if (ip->is_fragment || ip->more_fragments || ip->n > ip->n_wire || ip->n_wire > 65535 + 2048)
        abort();
    for (uint32_t i = 0; i < ip->n && is_honest; i++)
        if (ip->octets[i] != get_octet(datagram, i))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t source[16] = {1}, destination[16] = {2};
    struct imapid_fragments *fragments = imapid_fragments_new();
    bool is_honest[N_DATAGRAMS] = {true, true, true, true, true, true, true, true};
    uint64_t n_lost = 0, n_added = 0, n_whole = 0;
    int64_t ts_ns = 0;
    GArray *packets = g_array_new(FALSE, FALSE, sizeof(uint64_t));

    for (; size >= 5; data += 5, size -= 5) {
        unsigned datagram = data[0] % N_DATAGRAMS;
        uint32_t place = data[1] * 8u, n = data[2] * 8u + (data[0] >> 4 & 7);
        uint8_t *octets = g_malloc(n + 1), *piece;
        struct imapid_ip ip = {.source = source,
                               .destination = destination,
                               .family = datagram & 1 ? 6 : 4,
                               .protocol = 6,
                               .n = n,
                               .n_wire = n,
                               .fragment_id = datagram,
                               .fragment_place = (uint16_t)place,
                               .is_fragment = true,
                               .more_fragments = data[0] >> 7};

        for (uint32_t i = 0; i < n; i++)
            octets[i] = get_octet(datagram, place + i);
        if (data[4]) {
            is_honest[datagram] = false;
            if (n)
                octets[data[4] % n] ^= data[4];
            ip.n = MIN(n, data[4] * 4u); /* and cut by the capture */
        }
        piece = g_memdup2(octets, MAX(ip.n, 1)); /* exact size */
        ip.octets = piece;
        ts_ns += data[3] * INT64_C(500000000);
        n_added++;
        g_array_set_size(packets, 0);
        g_array_append_val(packets, n_added);
        if (imapid_fragments_add(fragments, &ip, ts_ns, packets, &n_lost)) {
            check(&ip, datagram, is_honest[datagram]);
            n_whole++;
            if (packets->len < 1 || g_array_index(packets, uint64_t, packets->len - 1) > n_added)
                abort();
        }
        g_free(piece);
        g_free(octets);
    }
    n_lost += imapid_fragments_clear(fragments);
    if (n_lost + n_whole > n_added)
        abort(); /* every datagram has one piece at least */
    imapid_fragments_free(fragments);
    g_array_unref(packets);
    return 0;
}
