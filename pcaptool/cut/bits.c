/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bits.c: a set of numbers.
 *
 * Refuses nothing.
 *
 * Misuse: numbers that are large and far between. What is known of a capture are its frames and streams,
 * which are counted. */
#include "cut/bits.h"

#include <string.h>

static void grow(struct imapid_bits *bits, uint64_t n_words)
{
    uint64_t n = MAX(n_words, 2 * bits->n_words);

    bits->words = g_renew(uint64_t, bits->words, n);
    memset(bits->words + bits->n_words, 0, (n - bits->n_words) * sizeof *bits->words);
    bits->n_words = n;
}

void imapid_bits_set(struct imapid_bits *bits, uint64_t number)
{
    if (number / 64 >= bits->n_words)
        grow(bits, number / 64 + 1);
    bits->n += !imapid_bits_has(bits, number);
    bits->words[number / 64] |= (uint64_t)1 << number % 64;
    bits->last = MAX(bits->last, number);
}

void imapid_bits_clear(struct imapid_bits *bits)
{
    g_free(bits->words);
    *bits = (struct imapid_bits){.n = 0};
}
