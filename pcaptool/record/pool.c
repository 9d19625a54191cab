/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool.c: a table of what was kept, open addressing, found by SipHash (Aumasson and Bernstein 2012)
 * with one round for each eight octets and three at the end: under a key that is drawn for each
 * table no sender can know what makes it slow. Misuse: adding to a pool that was sealed.
 *
 * Refuses nothing. */
#include "record/pool.h"

#include "record/arena.h"
#include "large.h"
#include "siphash.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    const void *octets;
    size_t n;
};

/* Holds part of the hash, so that what is another one need not be looked at, and all of what is short,
 * so that it need not be fetched: of many addresses none is in the cache. */
struct slot {
    uint32_t hash;
    uint32_t number; /* + 1; 0: free */
    uint64_t brief;  /* see get_brief() */
};

struct imapid_pool {
    struct imapid_arena arena;
    GArray *entries;
    struct slot *slots;
    size_t n_slots; /* a power of two, more than the entries */
    uint64_t key[2];
};

/* ---- hash ---- */

static uint64_t get_hash(const uint64_t key[2], const uint8_t *octets, size_t n)
{
    uint64_t v[4], word, last = 0;
    size_t at = 0;

    imapid_siphash_begin(v, key);
    for (; n - at >= sizeof word; at += sizeof word) {
        memcpy(&word, octets + at, sizeof word);
        imapid_siphash_word(v, word);
    }
    if (n > at)
        memcpy(&last, octets + at, n - at);
    imapid_siphash_word(v, last);
    imapid_siphash_word(v, (uint64_t)n);
    return imapid_siphash_end(v);
}

/* What up to seven octets are known by, LONG of more. */
#define LONG UINT64_MAX

static uint64_t get_brief(const void *octets, size_t n)
{
    uint8_t brief[sizeof(uint64_t)] = {0};
    uint64_t number;

    if (n >= sizeof brief)
        return LONG;
    if (n)
        memcpy(brief, octets, n);
    brief[sizeof brief - 1] = (uint8_t)n;
    memcpy(&number, brief, sizeof number);
    return number;
}

/* ---- table ---- */

struct imapid_pool *imapid_pool_new(void)
{
    struct imapid_pool *pool = g_new0(struct imapid_pool, 1);

    pool->entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
    pool->n_slots = 64;
    pool->slots = imapid_large_new(pool->n_slots, sizeof *pool->slots);
    imapid_siphash_draw_key(pool->key);
    return pool;
}

void imapid_pool_free(struct imapid_pool *pool)
{
    if (!pool)
        return;
    g_array_unref(pool->entries);
    imapid_large_free(pool->slots);
    imapid_arena_deinit(&pool->arena);
    g_free(pool);
}

static const struct entry *get(const struct imapid_pool *pool, uint32_t number)
{
    return &g_array_index(pool->entries, struct entry, number);
}

static void put(struct imapid_pool *pool, struct slot slot)
{
    size_t at = slot.hash & (pool->n_slots - 1);

    while (pool->slots[at].number)
        at = (at + 1) & (pool->n_slots - 1);
    pool->slots[at] = slot;
}

static void grow(struct imapid_pool *pool)
{
    struct slot *before = pool->slots;
    size_t n = pool->n_slots;

    pool->n_slots *= 2;
    pool->slots = imapid_large_new(pool->n_slots, sizeof *pool->slots);
    for (size_t i = 0; i < n; i++)
        if (before[i].number)
            put(pool, before[i]);
    imapid_large_free(before);
}

static uint32_t insert(struct imapid_pool *pool, uint32_t hash, const void *octets, size_t n)
{
    char *copy = imapid_arena_take(&pool->arena, n + 1);
    struct entry entry = {copy, n};
    struct slot slot = {hash, pool->entries->len + 1, get_brief(octets, n)};

    if (n)
        memcpy(copy, octets, n);
    copy[n] = '\0';
    g_array_append_val(pool->entries, entry);
    put(pool, slot);
    if (pool->entries->len >= pool->n_slots / 4 * 3)
        grow(pool);
    return slot.number - 1;
}

uint32_t imapid_pool_add(struct imapid_pool *pool, const void *octets, size_t n)
{
    uint32_t hash = (uint32_t)get_hash(pool->key, octets, n);
    uint64_t brief = get_brief(octets, n);
    size_t at = hash & (pool->n_slots - 1);

    for (; pool->slots[at].number; at = (at + 1) & (pool->n_slots - 1)) {
        const struct slot *slot = &pool->slots[at];
        const struct entry *kept;

        if (slot->hash != hash || slot->brief != brief)
            continue;
        if (brief != LONG)
            return slot->number - 1;
        kept = get(pool, slot->number - 1);
        if (kept->n == n && !memcmp(kept->octets, octets, n))
            return slot->number - 1;
    }
    return insert(pool, hash, octets, n);
}

void imapid_pool_seal(struct imapid_pool *pool)
{
    imapid_large_free(pool->slots);
    pool->slots = NULL;
    pool->n_slots = 0;
}

uint32_t imapid_pool_count(const struct imapid_pool *pool)
{
    return pool->entries->len;
}

const void *imapid_pool_get(const struct imapid_pool *pool, uint32_t number, size_t *n)
{
    const struct entry *entry = get(pool, number);

    if (n)
        *n = entry->n;
    return entry->octets;
}

int imapid_pool_compare_texts(const struct imapid_pool *pool, uint32_t a, uint32_t b)
{
    const struct entry *one = get(pool, a), *other = get(pool, b);
    int order = memcmp(one->octets, other->octets, MIN(one->n, other->n) + 1); /* the NUL, too */

    return order ? order : one->n < other->n ? -1 : one->n > other->n;
}

static int compare_numbers(const void *a, const void *b, void *user_data)
{
    return imapid_pool_compare_texts(user_data, *(const uint32_t *)a, *(const uint32_t *)b);
}

uint32_t *imapid_pool_rank_texts(const struct imapid_pool *pool)
{
    uint32_t n = imapid_pool_count(pool), *ranks = g_new(uint32_t, n + (gsize)1);
    GArray *order = g_array_sized_new(FALSE, FALSE, sizeof(uint32_t), n);

    for (uint32_t i = 0; i < n; i++)
        g_array_append_val(order, i);
    g_array_sort_with_data(order, compare_numbers, (void *)pool);
    for (uint32_t i = 0; i < n; i++)
        ranks[g_array_index(order, uint32_t, i)] = i;
    g_array_free(order, TRUE);
    return ranks;
}
