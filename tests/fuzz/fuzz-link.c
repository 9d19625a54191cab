/* SPDX-License-Identifier: GPL-2.0-or-later */

/* fuzz-link.c: each layer of a link, tags, radio headers, PPP, MPLS and GRE among them, on any
 * octets. The first octet says which layer, the second how many octets the capture cut off. What
 * is left has to lie in the packet, and the packets of one A-MSDU have to come to an end. */

#include "net/link.h"
#include "place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum imapid_layer layer;
    struct imapid_cursor cursor = {0};

    if (size < 2)
        return 0;
    layer = (enum imapid_layer)(data[0] % IMAPID_N_LAYERS_TO_STRIP);
    cursor.n_wire = data[1];
    data += 2;
    size -= 2;
    cursor.at = data;
    cursor.n = (uint32_t)size;
    cursor.n_wire += cursor.n;
    for (;;) {
        const uint8_t *next;
        uint32_t n_next;

        place_check_layer(data, size, imapid_link_strip(layer, &cursor), &cursor);
        if (!cursor.next)
            return 0;
        next = cursor.next;
        n_next = cursor.n_next;
        place_check(data, size, next, n_next, cursor.n_next_wire);
        cursor = (struct imapid_cursor){.at = next, .n = n_next, .n_wire = cursor.n_next_wire};
        data = next; /* the rest gets shorter: nothing before it is looked at again */
        size = n_next;
        layer = IMAPID_LAYER_AMSDU;
    }
}
