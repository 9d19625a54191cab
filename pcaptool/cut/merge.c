/* SPDX-License-Identifier: GPL-2.0-or-later */
/* merge.c: many runs of packets into one. A run is looked into from the moment at which its first packet is due, so that
 * of captures which follow one another one takes memory at a time.
 *
 * Refuses nothing.
 *
 * Misuse: runs that were not written by pick.c. */
#include "cut/merge.h"

#include "heap.h"

#include "cut/blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Octets of a run that are read at a time, unless a block is longer. */
#define N_READ 16384u

struct cursor {
    const struct imapid_pick *pick;
    unsigned index;
    uint32_t n_interfaces; /* of the picks before it */
    struct imapid_spill_reader reader;
    uint8_t *octets; /* NULL: it is not looked into */
    size_t n_room, at, n;
    struct imapid_pick_head head; /* of the packet that is due; its block is at `at` */
};

struct merging {
    void **heap; /* struct cursor *: the one with the first packet in front */
    unsigned n;
};

/* ---- one run ---- */

/* At least n octets at `at`. False with errno, or 0 where the run is over. */
static bool need(struct cursor *cursor, size_t n)
{
    if (cursor->n - cursor->at < n && cursor->n_room - cursor->at < n) {
        cursor->n -= cursor->at;
        if (cursor->n)
            memmove(cursor->octets, cursor->octets + cursor->at, cursor->n);
        cursor->at = 0;
        if (cursor->n_room < n) {
            cursor->n_room = MAX(n, N_READ);
            cursor->octets = g_realloc(cursor->octets, cursor->n_room);
        }
    }
    while (cursor->n - cursor->at < n) {
        ptrdiff_t n_read = imapid_spill_read(&cursor->reader, cursor->octets + cursor->n,
                                             cursor->n_room - cursor->n);

        if (n_read == 0)
            errno = 0;
        if (n_read <= 0)
            return false;
        cursor->n += (size_t)n_read;
    }
    return true;
}

/* The next packet. */
static bool go_on(struct cursor *cursor)
{
    if (!need(cursor, sizeof cursor->head))
        return false;
    memcpy(&cursor->head, cursor->octets + cursor->at, sizeof cursor->head);
    cursor->at += sizeof cursor->head;
    return need(cursor, cursor->head.n);
}

static void add_interfaces(struct cursor *cursor)
{
    uint8_t *at = cursor->octets + cursor->at + IMAPID_BLOCKS_INTERFACE;
    uint32_t number;

    memcpy(&number, at, sizeof number);
    number += cursor->n_interfaces;
    memcpy(at, &number, sizeof number);
}

/* ---- the heap ---- */

static bool is_before(const struct cursor *one, const struct cursor *other)
{
    return one->head.ts_ns != other->head.ts_ns ? one->head.ts_ns < other->head.ts_ns
                                                : one->index < other->index;
}

static bool comes_before(const void *ctx, const void *one, const void *other)
{
    (void)ctx;
    return is_before(one, other);
}

/* ---- all of them ---- */

/* False with errno, 0 too where nobody wants more. */
static bool put_first(struct merging *merging,
                      bool (*put)(void *ctx, const uint8_t *octets, size_t n), void *ctx)
{
    struct cursor *cursor = merging->heap[0];

    add_interfaces(cursor);
    if (!put(ctx, cursor->octets + cursor->at, cursor->head.n)) {
        errno = 0;
        return false;
    }
    cursor->at += cursor->head.n;
    if (!go_on(cursor)) {
        if (errno)
            return false;
        g_clear_pointer(&cursor->octets, g_free);
        merging->heap[0] = merging->heap[--merging->n];
    }
    imapid_heap_sink(merging->heap, merging->n, 0, comes_before, NULL);
    return true;
}

static int compare_firsts(const void *a, const void *b)
{
    const struct cursor *one = *(struct cursor *const *)a, *other = *(struct cursor *const *)b;

    return is_before(one, other) ? -1 : is_before(other, one);
}

/* In the order of their first packets. */
static struct cursor **order(struct cursor *cursors, unsigned n)
{
    struct cursor **ordered = g_new(struct cursor *, MAX(n, 1));

    for (unsigned i = 0; i < n; i++)
        ordered[i] = &cursors[i];
    qsort(ordered, n, sizeof(struct cursor *), compare_firsts);
    return ordered;
}

static bool merge(struct merging *merging, struct cursor *const *ordered, unsigned n,
                  bool (*put)(void *ctx, const uint8_t *octets, size_t n), void *ctx)
{
    for (unsigned i = 0; i < n || merging->n;) {
        while (i < n && (!merging->n || !is_before(merging->heap[0], ordered[i]))) {
            if (!go_on(ordered[i]))
                return false;
            merging->heap[merging->n] = ordered[i++];
            imapid_heap_rise(merging->heap, merging->n++, comes_before, NULL);
        }
        if (!put_first(merging, put, ctx))
            return false;
    }
    return true;
}

bool imapid_merge(const struct imapid_spill *spill, const struct imapid_pick *const *picks,
                  unsigned n, bool (*put)(void *ctx, const uint8_t *octets, size_t n), void *ctx)
{
    struct cursor *cursors = g_new0(struct cursor, MAX(n, 1));
    struct merging merging = {.heap = g_new(void *, MAX(n, 1))};
    struct cursor **ordered;
    uint32_t n_interfaces = 0;
    unsigned n_runs = 0;
    bool good;

    for (unsigned i = 0; i < n; i++) {
        if (picks[i]->n_packets)
            cursors[n_runs++] =
                (struct cursor){.pick = picks[i],
                                .index = i,
                                .n_interfaces = n_interfaces,
                                .reader = {.spill = spill, .run = &picks[i]->packets},
                                .head = {.ts_ns = picks[i]->first_ns}};
        n_interfaces += picks[i]->n_interfaces;
    }
    ordered = order(cursors, n_runs);
    good = merge(&merging, ordered, n_runs, put, ctx) || !errno;
    for (unsigned i = 0; i < n_runs; i++)
        g_free(cursors[i].octets);
    g_free(ordered);
    g_free(merging.heap);
    g_free(cursors);
    return good;
}
