/* SPDX-License-Identifier: GPL-2.0-or-later */
/* large.c: memory for tables of a million items, and for items that come and go.
 *
 * Refuses nothing: where the memory or address space is not to be had the program ends. Misuse: a new table that is
 * mostly left empty, all of which is written to; room that is used from its end on. */
#include "large.h"

#include <glib.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What was given back to a pool is nobody's: AddressSanitizer is told. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, n)   ((void)(at), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#endif

/* Sanitizers watch over the heap, and know nothing of pages that are not of it. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define HAS_PAGES false
#else
#define HAS_PAGES true
#endif

#define HUGE_PAGE ((size_t)2 << 20)

/* Of the heap: some times what thousands of sessions have in small items. It is address space, and no memory until
 * it is used. */
#define N_HEAP ((size_t)32 << 20)

/* glibc has a setting for it, but only in the environment. So the heap grows as large once, and stays so. */
void imapid_large_begin(void)
{
#ifdef __GLIBC__
    if (!HAS_PAGES || !mallopt(M_MMAP_THRESHOLD, 2 * N_HEAP) ||
        !mallopt(M_TRIM_THRESHOLD, 2 * N_HEAP))
        return;
    uint8_t *heap = malloc(N_HEAP), *end = heap + N_HEAP;
    if (heap) {
        uint8_t *first = heap + (HUGE_PAGE - (uintptr_t)heap % HUGE_PAGE) % HUGE_PAGE;
        madvise(first, (size_t)(end - first), MADV_HUGEPAGE); /* or not: then it is slower */
    }
    free(heap);
    mallopt(M_MMAP_THRESHOLD, HUGE_PAGE);
#endif
}

static size_t count_octets(size_t n, size_t size)
{
    size_t n_octets;

    if (__builtin_mul_overflow(n, size, &n_octets) || n_octets > SIZE_MAX / 2)
        g_error("no memory for %zu items of %zu octets", n, size);
    return n_octets;
}

/* What stands before all that is handed out. */
struct head {
    void *pages; /* NULL: it is of the heap */
    size_t n_pages;
};

/* So that what follows is as aligned as it was. */
#define N_HEAD 64

static struct head *get_head(void *octets)
{
    return (struct head *)((uint8_t *)octets - N_HEAD);
}

/* What the heap gave, of N_HEAD octets more than are needed. */
static void *hand_out(struct head *head)
{
    head->pages = NULL;
    return (uint8_t *)head + N_HEAD;
}

/* Whole pages, huge ones from `n_small` octets on; all zero. They are not of the heap, whose own huge pages are for what is
 * small. */
static void *get_pages(size_t n_octets, size_t n_small)
{
    size_t n_whole = (MAX(n_octets, 1) + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    size_t n_pages = HUGE_PAGE + n_whole;
    if (!HAS_PAGES)
        return hand_out(g_malloc0(N_HEAD + n_octets));
    uint8_t *pages =
        mmap(NULL, n_pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        g_error("no memory for %zu octets", n_octets);
    uint8_t *octets = pages + HUGE_PAGE - (uintptr_t)pages % HUGE_PAGE;
    if (n_whole > n_small)
        madvise(octets + n_small, n_whole - n_small, MADV_HUGEPAGE); /* or not: then it is slower */
    *get_head(octets) = (struct head){pages, n_pages};
    return octets;
}

void imapid_large_free(void *octets)
{
    if (!octets)
        return;
    struct head *head = get_head(octets);
    if (head->pages)
        munmap(head->pages, head->n_pages);
    else
        g_free(head);
}

void *imapid_large_new(size_t n, size_t size)
{
    size_t n_octets = count_octets(n, size);

    return n_octets < HUGE_PAGE ? hand_out(g_malloc0(N_HEAD + n_octets)) : get_pages(n_octets, 0);
}

/* The first pages are small: mostly little is used, and small ones save memory then. */
void *imapid_large_reserve(size_t n, size_t size)
{
    return get_pages(count_octets(n, size), HUGE_PAGE);
}

/* ---- items that come and go ---- */

/* Items of the first block: what a small capture needs takes no page more. Each block has twice as many as the one
 * before, until it is a huge page. */
#define N_FIRST 8

/* What malloc() aligns to. */
#define ALIGNMENT (2 * sizeof(void *))

/* An item that is not in use begins with the next one. */
struct idle {
    struct idle *next;
};

/* Octets from one item to the next. */
static size_t get_step(const struct imapid_large_pool *pool)
{
    return (MAX(pool->size, sizeof(struct idle)) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* A block begins with the address of the one before. */
static void add_block(struct imapid_large_pool *pool)
{
    size_t step = get_step(pool), n_most = MAX((HUGE_PAGE - ALIGNMENT) / step, 1);
    size_t n = MIN(pool->n_last ? 2 * pool->n_last : N_FIRST, n_most);
    size_t n_octets = ALIGNMENT + n * step;
    void *block = n < n_most ? hand_out(g_malloc(N_HEAD + n_octets)) : get_pages(n_octets, 0);
    *(void **)block = pool->last;
    pool->last = block;
    pool->n_last = n;
    pool->n_taken = 0;
}

/* What is not needed is not touched, so that it takes no memory. */
void *imapid_large_take(struct imapid_large_pool *pool)
{
    struct idle *item = pool->free;

    if (item) {
        pool->free = item->next;
        ASAN_UNPOISON_MEMORY_REGION(item, pool->size);
        return item;
    }
    if (pool->n_taken == pool->n_last)
        add_block(pool);
    return (uint8_t *)pool->last + ALIGNMENT + pool->n_taken++ * get_step(pool);
}

void imapid_large_give(struct imapid_large_pool *pool, void *item)
{
    struct idle *idle = item;

    if (!idle)
        return;
    idle->next = pool->free;
    pool->free = idle;
    ASAN_POISON_MEMORY_REGION(idle + 1, get_step(pool) - sizeof *idle);
}

void imapid_large_clear(struct imapid_large_pool *pool)
{
    while (pool->last) {
        void *block = pool->last;
        pool->last = *(void **)block;
        imapid_large_free(block);
    }
    *pool = (struct imapid_large_pool){.size = pool->size};
}
