/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reserve.c: room for as many items as there may ever be. What is used of it beyond some MiB lies in
 * huge pages, where the kernel has some: items are met in no order, and each small page is a fault
 * and later a walk through the page table. Below that small ones save memory.
 *
 * Refuses nothing.
 *
 * Misuse: items that are used from the end on. */
#include "net/reserve.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void *imapid_reserve(size_t n, size_t size)
{
    size_t n_octets;
    uint8_t *room;
    if (__builtin_mul_overflow(n, size, &n_octets) || n_octets > SIZE_MAX / 2)
        g_error("no memory for %zu items of %zu octets", n, size);
    n_octets = (n_octets + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    room = aligned_alloc(HUGE_PAGE, MAX(n_octets, HUGE_PAGE));
    if (!room)
        g_error("no memory for %zu octets", n_octets);
    if (n_octets > HUGE_PAGE)
        madvise(room + HUGE_PAGE, n_octets - HUGE_PAGE, MADV_HUGEPAGE);
    return room;
}
