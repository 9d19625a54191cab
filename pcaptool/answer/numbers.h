/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_NUMBERS_H
#define IMAPID_ANSWER_NUMBERS_H

#include <stdint.h>

/* A set of numbers. All zero it is empty. */
struct imapid_numbers {
    uint32_t *list; /* some more than once */
    uint64_t *bits; /* or else a bit for each number there can be */
    uint32_t n, room;
};

/* Adds a number below `limit`, which is the same at each call. At most limit / 8 octets are kept, or 16. */
void imapid_numbers_add(struct imapid_numbers *numbers, uint32_t number, uint32_t limit);

/* A number is added soon: where it will stand is fetched. Of large sets nothing is in the cache. */
static inline void imapid_numbers_fetch(const struct imapid_numbers *numbers, uint32_t number)
{
    if (numbers->bits)
        __builtin_prefetch(&numbers->bits[number / 64], 1);
}

/* Adds all numbers of `other`, with the same limit, which is empty then. */
void imapid_numbers_absorb(struct imapid_numbers *numbers, struct imapid_numbers *other,
                           uint32_t limit);

/* How many different ones there are. */
uint32_t imapid_numbers_count(struct imapid_numbers *numbers);

void imapid_numbers_deinit(struct imapid_numbers *numbers);

#endif
