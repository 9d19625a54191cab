/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checksum.h: the checksum of TCP over its pseudo header (RFC 9293 3.1), and what wrong ones tell. */
#ifndef IMAPID_CHECKSUM_H
#define IMAPID_CHECKSUM_H

#include <imapid/doubts.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Cards put longer segments together, and leave their checksums as they are: these are not judged. */
#define IMAPID_CHECKSUM_MAX 1500u

/* OPEN: to be filled in by the card, when the packet was captured. */
enum imapid_checksum { IMAPID_CHECKSUM_OPEN, IMAPID_CHECKSUM_RIGHT, IMAPID_CHECKSUM_WRONG };

/* Those of one direction. All zero: none came. */
struct imapid_checksums {
    bool has_right;
    uint64_t n_wrong; /* while none is right; afterwards those that the last one brought to light */
    uint64_t wrong[IMAPID_DOUBT_FRAMES]; /* frames of the first of them */
};

/* The checksum of a segment of n octets from its header on, 18 or more, all of them captured; addresses
 * of n_address octets. */
enum imapid_checksum imapid_checksum_judge(const uint8_t *source, const uint8_t *destination,
                                           uint32_t n_address, const uint8_t *segment, uint32_t n);

/* Where all of a direction are wrong, a card computes them later, or something has rewritten the
 * packets. True: some are right and some wrong, and n_wrong of them were not told before. */
bool imapid_checksums_take(struct imapid_checksums *checksums, enum imapid_checksum is,
                           uint64_t frame);

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

/* Folds words in the order of the machine. */
static inline uint32_t imapid_checksum_swap(uint64_t words)
{
    uint16_t folded = (uint16_t)imapid_checksum_fold((words & 0xffffffff) + (words >> 32));
    uint8_t octets[2];

    memcpy(octets, &folded, sizeof octets);
    return octets[0] * 256u + octets[1];
}

/* Adds n octets in words of 16 bits, the last one filled up with 0. To be folded. Words of 64 bits in
 * the order of the machine have the same sum, its octets swapped (RFC 1071 2). */
static inline uint32_t imapid_checksum_add(uint32_t sum, const uint8_t *octets, uint32_t n)
{
    uint64_t words = 0, eight;
    uint32_t four, i;
    uint16_t two, one = 0;

    for (i = 0; n - i >= sizeof eight; i += (uint32_t)sizeof eight) {
        memcpy(&eight, octets + i, sizeof eight);
        words = imapid_checksum_carry(words, eight);
    }
    if (n - i >= sizeof four) {
        memcpy(&four, octets + i, sizeof four);
        words = imapid_checksum_carry(words, four);
        i += (uint32_t)sizeof four;
    }
    if (n - i >= sizeof two) {
        memcpy(&two, octets + i, sizeof two);
        words = imapid_checksum_carry(words, two);
        i += (uint32_t)sizeof two;
    }
    if (n - i) {
        memcpy(&one, octets + i, 1);
        words = imapid_checksum_carry(words, one);
    }
    return sum + imapid_checksum_swap(words);
}

/* The addresses of n_address octets, 4 or 16, and the protocol; the length of the segment is still to be
 * added. */
static inline uint32_t imapid_checksum_begin(const uint8_t *source, const uint8_t *destination,
                                             uint32_t n_address)
{
    uint64_t words = 0;
    uint32_t four, i;

    for (i = 0; i < n_address; i += (uint32_t)sizeof four) {
        memcpy(&four, source + i, sizeof four);
        words += four;
        memcpy(&four, destination + i, sizeof four);
        words += four;
    }
    return 6 + imapid_checksum_swap(words);
}

#endif
