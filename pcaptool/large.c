/* SPDX-License-Identifier: GPL-2.0-or-later */
/* large.c: memory for tables of a million items.
 *
 * Refuses nothing: where the memory or address space is not to be had the program ends. Misuse: a new table that is
 * mostly left empty, all of which is written to; room that is used from its end on. */
#include "large.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static size_t count_octets(size_t n, size_t size)
{
    size_t n_octets;

    if (__builtin_mul_overflow(n, size, &n_octets) || n_octets > SIZE_MAX / 2)
        g_error("no memory for %zu items of %zu octets", n, size);
    return n_octets;
}

/* Whole pages, huge ones from `n_small` octets on. */
static uint8_t *get_pages(size_t n_octets, size_t n_small)
{
    size_t n_whole = (MAX(n_octets, 1) + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uint8_t *octets = aligned_alloc(HUGE_PAGE, n_whole);

    if (!octets)
        g_error("no memory for %zu octets", n_octets);
    if (n_whole > n_small)
        madvise(octets + n_small, n_whole - n_small, MADV_HUGEPAGE); /* or not: then it is slower */
    return octets;
}

void *imapid_large_new(size_t n, size_t size)
{
    size_t n_octets = count_octets(n, size);

    if (n_octets < HUGE_PAGE)
        return g_malloc0(MAX(n_octets, 1));
    return memset(get_pages(n_octets, 0), 0, n_octets);
}

/* The first pages are small: mostly little is used, and small ones save memory then. */
void *imapid_large_reserve(size_t n, size_t size)
{
    return get_pages(count_octets(n, size), HUGE_PAGE);
}
