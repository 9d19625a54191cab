/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_CHECKSUM_H
#define IMAPID_NET_CHECKSUM_H

#include "number.h"

#include <stdbool.h>
#include <stdint.h>

/* The checksum of TCP over its pseudo header (RFC 9293 3.1). */

/* Adds n octets in words of 16 bits, the last one filled up with 0. At most 64 KiB in all, so that 32
 * bits hold the sum. */
static inline uint32_t imapid_checksum_add(uint32_t sum, const uint8_t *octets, uint32_t n)
{
    for (uint32_t i = 0; i + 1 < n; i += 2)
        sum += imapid_number_be16(octets + i);
    return n % 2 ? sum + octets[n - 1] * 256u : sum;
}

static inline uint32_t imapid_checksum_fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* The addresses of n_address octets, and the protocol; the length of the segment is still to be
 * added. */
static inline uint32_t imapid_checksum_begin(const uint8_t *source, const uint8_t *destination,
                                             uint32_t n_address)
{
    uint32_t sum = imapid_checksum_add(6, source, n_address);
    return imapid_checksum_add(sum, destination, n_address);
}

#endif
