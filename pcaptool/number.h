/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NUMBER_H
#define IMAPID_NUMBER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Numbers in octets of any alignment, big endian (network order) and little endian: the caller has
 * checked that the octets are there, 2 or 4 of them. And what stands behind a number in a sentence. */

static inline uint16_t imapid_number_be16(const uint8_t *octets)
{
    return (uint16_t)(octets[0] << 8 | octets[1]);
}

static inline uint32_t imapid_number_be32(const uint8_t *octets)
{
    return (uint32_t)imapid_number_be16(octets) << 16 | imapid_number_be16(octets + 2);
}

static inline uint16_t imapid_number_le16(const uint8_t *octets)
{
    return (uint16_t)(octets[1] << 8 | octets[0]);
}

static inline uint32_t imapid_number_le32(const uint8_t *octets)
{
    return (uint32_t)imapid_number_le16(octets + 2) << 16 | imapid_number_le16(octets);
}

static inline void imapid_number_put_be16(uint8_t *octets, uint16_t value)
{
    octets[0] = (uint8_t)(value >> 8);
    octets[1] = (uint8_t)value;
}

static inline void imapid_number_put_be32(uint8_t *octets, uint32_t value)
{
    imapid_number_put_be16(octets, (uint16_t)(value >> 16));
    imapid_number_put_be16(octets + 2, (uint16_t)value);
}

/* In the byte order of this machine, or, `swapped`, in the other one. */
static inline uint16_t imapid_number_host16(const uint8_t *octets, bool swapped)
{
    uint16_t value;
    memcpy(&value, octets, sizeof value);
    return swapped ? __builtin_bswap16(value) : value;
}

static inline uint32_t imapid_number_host32(const uint8_t *octets, bool swapped)
{
    uint32_t value;
    memcpy(&value, octets, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
}

/* Of n sorted values, more than none, the place of the least that so many per cent do not exceed. */
static inline uint64_t imapid_number_rank(uint64_t n, unsigned percent)
{
    uint64_t rank = (n * percent + 99) / 100;
    return rank ? rank - 1 : 0;
}

/* ---- as words ---- */

/* What a noun ends in behind a number: "1 unit", "2 units". */
static inline const char *imapid_number_s(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* The verb behind it. */
static inline const char *imapid_number_was(uint64_t n)
{
    return n == 1 ? "was" : "were";
}

#endif
