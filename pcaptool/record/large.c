/* SPDX-License-Identifier: GPL-2.0-or-later */
/* large.c: memory for tables of a million items.
 *
 * Refuses nothing: without memory the program ends. Misuse: tables that are mostly left empty; all of it is
 * written to. */
#include "record/large.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void *imapid_large_new(size_t n, size_t size)
{
    size_t n_octets;
    void *octets;

    if (__builtin_mul_overflow(n, size, &n_octets) || n_octets > SIZE_MAX / 2)
        g_error("no memory for %zu items of %zu octets", n, size);
    if (n_octets < HUGE_PAGE)
        return g_malloc0(MAX(n_octets, 1));
    octets = aligned_alloc(HUGE_PAGE, (n_octets + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
    if (!octets)
        g_error("no memory for %zu octets", n_octets);
    madvise(octets, n_octets, MADV_HUGEPAGE); /* or not: then it is slower */
    return memset(octets, 0, n_octets);
}
