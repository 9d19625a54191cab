/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_RADIX_H
#define IMAPID_ANSWER_RADIX_H

#include <stddef.h>
#include <stdint.h>

/* Sorts n items by their keys, the smallest first; items with the same key keep their order. An item is
 * n_words (1 or 2) numbers, of which the first is its key. Takes time proportional to n. */
void imapid_radix_sort(uint64_t *items, size_t n, unsigned n_words);

#endif
