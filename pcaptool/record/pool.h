/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_POOL_H
#define IMAPID_RECORD_POOL_H

#include <stddef.h>
#include <stdint.h>

/* Octets that may repeat, kept once and known by a number: equal octets, equal number. */
struct imapid_pool;

/* An empty one; never NULL. */
struct imapid_pool *imapid_pool_new(void);

/* NULL is allowed. */
void imapid_pool_free(struct imapid_pool *pool);

/* Keeps a copy of n octets. Returns their number: of those that are there already, the same as then;
 * else the next one, from 0 on. */
uint32_t imapid_pool_add(struct imapid_pool *pool, const void *octets, size_t n);

/* How many numbers there are. */
uint32_t imapid_pool_count(const struct imapid_pool *pool);

/* Nothing is added any more: gives back the memory that only adding needs. */
void imapid_pool_seal(struct imapid_pool *pool);

/* The octets of a number, aligned to 8, with a NUL behind them that does not count. They stay where
 * they are while the pool is. */
const void *imapid_pool_get(const struct imapid_pool *pool, uint32_t number, size_t *n);

/* Orders two of the pool's texts, by their numbers. */
int imapid_pool_compare_texts(const struct imapid_pool *pool, uint32_t a, uint32_t b);

/* The order of the pool's texts, in which there may be NULs: the place of each number, from 0. To be
 * freed with g_free(). */
uint32_t *imapid_pool_rank_texts(const struct imapid_pool *pool);

#endif
