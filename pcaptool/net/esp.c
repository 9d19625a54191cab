/* SPDX-License-Identifier: GPL-2.0-or-later */
/* esp.c: ESP (RFC 4303) with NULL encryption (RFC 2410) or AES-GMAC (RFC 4543). No packet says
 * which algorithm it was made with, so it is tried whether it is plain (see RFC 5879): the check
 * value at the end has one of a few lengths, before it stand padding that counts up and the number
 * of a protocol, and the header of that protocol has to be right in checksum or length.
 *
 * Refuses packets that are not whole in the capture, and what is neither IP, TCP nor UDP inside:
 * nothing proves it.
 *
 * Misuse: a fragment. The proof stands at the end of the whole packet. */

#include "net/esp.h"

#include "number.h"

#include <glib.h>
#include <imapid/checksum.h>

#define N_HEADER 8

/* Check values: HMAC of SHA-1 and MD5 (96 bits), SHA-256 (128), GMAC (128), SHA-384, SHA-512; none */
static const uint8_t check_values[] = {12, 16, 24, 32, 0};

/* GMAC has 8 octets before the contents. */
static const uint8_t vectors[] = {0, 8};

/* Whether the checksum of TCP is right. */
static bool has_checksum(const struct imapid_ip *ip, const uint8_t *octets, uint32_t n)
{
    uint32_t sum = imapid_checksum_begin(ip->source, ip->destination, ip->family == 4 ? 4 : 16) + n;
    return imapid_checksum_fold(imapid_checksum_add(sum, octets, n)) == 0xffff;
}

static bool is_likely(const struct imapid_ip *ip, uint8_t protocol, const uint8_t *octets,
                      uint32_t n)
{
    struct imapid_cursor cursor = {.at = octets, .n = n, .n_wire = n};
    switch (protocol) {
    case 4:
    case 41:
        return n > 0 && octets[0] >> 4 == (protocol == 4 ? 4 : 6) && imapid_ip_is_likely(&cursor);
    case IMAPID_IP_TCP:
        return n >= 20 && octets[12] >> 4 >= 5 && has_checksum(ip, octets, n);
    case IMAPID_IP_UDP:
        return n >= 8 && imapid_number_be16(octets + 4) == n;
    default:
        return false;
    }
}

/* 1, 2, 3 and so on */
static bool is_padding(const uint8_t *octets, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (octets[i] != (uint8_t)(i + 1))
            return false;
    return true;
}

static bool try_to_open(struct imapid_ip *ip, uint32_t n_before, uint32_t n_check)
{
    if (ip->n < n_before + 2 + n_check)
        return false;
    const uint8_t *end = ip->octets + ip->n - n_check;
    uint32_t n = ip->n - n_check - n_before - 2, n_padding = end[-2];
    uint8_t protocol = end[-1];
    if (n_padding > n || !is_padding(end - 2 - n_padding, n_padding) ||
        !is_likely(ip, protocol, ip->octets + n_before, n - n_padding))
        return false;
    ip->protocol = protocol;
    ip->octets += n_before;
    ip->n = ip->n_wire = n - n_padding;
    return true;
}

bool imapid_esp_open(struct imapid_ip *ip)
{
    if (ip->n < ip->n_wire)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++)
        for (size_t j = 0; j < G_N_ELEMENTS(check_values); j++)
            if (try_to_open(ip, N_HEADER + vectors[i], check_values[j]))
                return true;
    return false;
}
