/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CUT_BITS_H
#define IMAPID_CUT_BITS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A set of numbers, a bit each: an octet of memory for eight of them, up to the largest. Zero it. */
struct imapid_bits {
    uint64_t *words;
    uint64_t n_words;
    uint64_t n;    /* numbers in the set */
    uint64_t last; /* the largest of them; 0 too where there is none */
};

/* Adds a number, which may be there. */
void imapid_bits_set(struct imapid_bits *bits, uint64_t number);

static inline bool imapid_bits_has(const struct imapid_bits *bits, uint64_t number)
{
    return number / 64 < bits->n_words && bits->words[number / 64] >> number % 64 & 1;
}

/* Empties the set; it may be used again. */
void imapid_bits_clear(struct imapid_bits *bits);

#endif
