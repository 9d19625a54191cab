/* SPDX-License-Identifier: GPL-2.0-or-later */

/* fuzz-tunnel.c: tunnels by protocol of IP and by port of UDP: each is entered, what is inside is
 * taken apart like a packet, and so on. The first octet chooses the tunnel, so that a fuzzer need
 * not guess a number of two octets; the second says how many octets the capture cut off. Octets 3
 * and 4 of a UDP header are overwritten by the port.
 *
 * What is inside has to lie in the datagram. */

#include "net/esp.h"
#include "net/link.h"
#include "net/tunnel.h"
#include "net/udp.h"
#include "place.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t protocols[] = {4, 41, 47, IMAPID_IP_ESP, 94, 97, IMAPID_IP_L2TP, 137, 255};
static const uint16_t ports[] = {4789, 8472, 4790, 6081, 2152, 37008, 1701, 5247, 3544,
                                 5072, 7932, 4754, 6635, 4500, 51820, 4755, 6636, 0xffff};

static struct imapid_ip get_outer(unsigned choice, const uint8_t *octets, uint32_t n,
                                  uint32_t n_cut)
{
    static const uint8_t source[4] = {10, 0, 0, 1}, destination[4] = {10, 0, 0, 2};
    bool is_udp = choice >= G_N_ELEMENTS(protocols);

    return (struct imapid_ip){.source = source,
                              .destination = destination,
                              .octets = octets,
                              .n = n,
                              .n_wire = n + n_cut,
                              .family = 4,
                              .protocol = is_udp ? IMAPID_IP_UDP : protocols[choice]};
}

static void walk(const uint8_t *block, size_t n_block, struct imapid_ip ip)
{
    for (unsigned depth = 0; depth < IMAPID_TUNNEL_N_MAX; depth++) {
        struct imapid_cursor cursor;
        enum imapid_layer layer;

        if (ip.protocol == IMAPID_IP_ESP) {
            (void)imapid_esp_open(&ip);
            place_check(block, n_block, ip.octets, ip.n, ip.n_wire);
        }
        layer = imapid_tunnel_enter(NULL, &ip, &cursor);
        if (layer < IMAPID_LAYER_IP4)
            layer = imapid_link_strip(layer, &cursor);
        if (!place_check_layer(block, n_block, layer, &cursor) ||
            imapid_ip_parse(&cursor, &ip) != IMAPID_IP_OK)
            return;
        place_check(block, n_block, ip.octets, ip.n, ip.n_wire);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned n_choices = G_N_ELEMENTS(protocols) + G_N_ELEMENTS(ports), choice;
    uint8_t *block;
    size_t n;

    if (size < 6)
        return 0;
    choice = data[0] % n_choices;
    n = size - 2;
    block = g_memdup2(data + 2, n); /* exact size */
    if (choice >= G_N_ELEMENTS(protocols)) {
        uint16_t port = ports[choice - G_N_ELEMENTS(protocols)];

        block[2] = (uint8_t)(port >> 8);
        block[3] = (uint8_t)port;
    }
    walk(block, n, get_outer(choice, block, (uint32_t)n, data[1]));
    g_free(block);
    return 0;
}
