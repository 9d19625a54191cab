/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_HEAP_H
#define IMAPID_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* A heap: what is before all others stands in front, as each stands before those at twice its place. Whoever
 * has it keeps the pointers. */

typedef bool imapid_heap_is_before(const void *ctx, const void *one, const void *other);

static inline void imapid_heap_swap(void **heap, size_t a, size_t b)
{
    void *moved = heap[a];

    heap[a] = heap[b];
    heap[b] = moved;
}

/* Puts what stands at a place, and may belong further back, there: one of `n`. */
static inline void imapid_heap_sink(void **heap, size_t n, size_t at,
                                    imapid_heap_is_before *is_before, const void *ctx)
{
    for (size_t next; (next = 2 * at + 1) < n; at = next) {
        if (next + 1 < n && is_before(ctx, heap[next + 1], heap[next]))
            next++;
        if (!is_before(ctx, heap[next], heap[at]))
            return;
        imapid_heap_swap(heap, at, next);
    }
}

/* The same of what may belong further to the front. */
static inline void imapid_heap_rise(void **heap, size_t at, imapid_heap_is_before *is_before,
                                    const void *ctx)
{
    for (; at && is_before(ctx, heap[at], heap[(at - 1) / 2]); at = (at - 1) / 2)
        imapid_heap_swap(heap, at, (at - 1) / 2);
}

#endif
