/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_CHECKSUM_H
#define IMAPID_NET_CHECKSUM_H

#include "number.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The checksum of TCP over its pseudo header (RFC 9293 3.1). */

static inline uint32_t imapid_checksum_fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)sum;
}

static inline uint64_t imapid_checksum_carry(uint64_t sum, uint64_t word)
{
    sum += word;
    return sum + (sum < word);
}

/* Adds n octets in words of 16 bits, the last one filled up with 0. To be folded. Words of 64 bits in
 * the order of the machine have the same sum, its octets swapped (RFC 1071 2). */
static inline uint32_t imapid_checksum_add(uint32_t sum, const uint8_t *octets, uint32_t n)
{
    uint64_t words = 0, word;
    uint32_t i;
    uint16_t folded;

    for (i = 0; n - i >= sizeof word; i += (uint32_t)sizeof word) {
        memcpy(&word, octets + i, sizeof word);
        words = imapid_checksum_carry(words, word);
    }
    word = 0;
    memcpy(&word, octets + i, n - i);
    folded = (uint16_t)imapid_checksum_fold(imapid_checksum_carry(words, word));
    return sum + imapid_number_be16((const uint8_t *)&folded);
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
