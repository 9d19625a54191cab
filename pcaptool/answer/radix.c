/* SPDX-License-Identifier: GPL-2.0-or-later */
/* radix.c: a sort by the octets of keys, the lowest first. Octets that all keys have in common are left
 * out, which are most of them where keys are small numbers.
 *
 * Refuses nothing. Misuse: keys below 0. */
#include "answer/radix.h"

#include "large.h"

#include <stdlib.h>
#include <string.h>

#define N_OCTETS 8
#define N_VALUES 256

static inline unsigned get_octet(uint64_t key, int i)
{
    return (unsigned)(key >> 8 * i) & (N_VALUES - 1);
}

/* By one octet; counts[value] items have each value. */
static void sort_by(uint64_t *sorted, const uint64_t *items, size_t n, unsigned n_words, int octet,
                    const size_t *counts)
{
    size_t starts[N_VALUES], at = 0;

    for (int value = 0; value < N_VALUES; value++) {
        starts[value] = at;
        at += counts[value];
    }
    for (size_t i = 0; i < n; i++) {
        const uint64_t *item = items + i * n_words;
        uint64_t *place = sorted + n_words * starts[get_octet(*item, octet)]++;

        place[0] = item[0];
        if (n_words > 1)
            place[1] = item[1];
    }
}

void imapid_radix_sort(uint64_t *items, size_t n, unsigned n_words)
{
    size_t counts[N_OCTETS][N_VALUES] = {{0}};
    uint64_t *other = imapid_large_new(n, n_words * sizeof *items), *from = items, *to = other;

    for (size_t i = 0; i < n; i++)
        for (int octet = 0; octet < N_OCTETS; octet++)
            counts[octet][get_octet(items[i * n_words], octet)]++;
    for (int octet = 0; octet < N_OCTETS; octet++) {
        uint64_t *sorted = to;

        if (!n || counts[octet][get_octet(*items, octet)] == n)
            continue;
        sort_by(sorted, from, n, n_words, octet, counts[octet]);
        to = from;
        from = sorted;
    }
    if (from != items)
        memcpy(items, from, n * n_words * sizeof *items);
    imapid_large_free(other);
}
