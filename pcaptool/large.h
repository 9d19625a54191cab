/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_LARGE_H
#define IMAPID_LARGE_H

#include <stddef.h>

/* What takes megabytes lies in huge pages where the kernel has some: it is met in no order, and each small page
 * would cost a fault, and later a walk through the page table. */

/* Has the beginning of the C library's heap in huge pages, too. Before there are other threads, and before what is small
 * takes the heap's first pages. */
void imapid_large_begin(void);

/* n items of `size` octets, all zero; never NULL, to be freed with imapid_large_free(). */
void *imapid_large_new(size_t n, size_t size);

/* Room for n items of `size` octets, of which fewer may ever be used: not set; it costs memory as far as it is used,
 * from its beginning on. Never NULL, to be freed with imapid_large_free(). */
void *imapid_large_reserve(size_t n, size_t size);

/* NULL is allowed. */
void imapid_large_free(void *octets);

/* Asks for what lies there, and is needed soon. Inline, as a compiler drops the call of a function that does nothing else. */
static inline void imapid_large_fetch(const void *at, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        __builtin_prefetch((const char *)at + i);
}

/* Items of one size that come and go, of which there may be many. Set `size`, the rest to 0. */
struct imapid_large_pool {
    size_t size;            /* octets of an item; it is aligned as malloc() aligns */
    void *free;             /* the first of those that are not in use */
    void *last;             /* the newest block of items */
    size_t n_last, n_taken; /* items it has, and those that were ever taken of it */
};

/* An item, not set; never NULL. It is the pool's, and good until it is given back, or the pool is cleared. */
void *imapid_large_take(struct imapid_large_pool *pool);

/* Gives back an item; NULL is allowed. What was taken once stays with the pool for the next. */
void imapid_large_give(struct imapid_large_pool *pool, void *item);

/* Frees all, what is in use too. The pool is as new. */
void imapid_large_clear(struct imapid_large_pool *pool);

#endif
