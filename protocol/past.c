/* SPDX-License-Identifier: GPL-2.0-or-later */
/* past.c: the last octets of each direction, in a ring.
 *
 * Refuses nothing. Misuse: sequence numbers 2^31 apart; moving a direction of which something is kept. */
#include <imapid/past.h>

#include <string.h>

#define SIZE_FIRST 512u

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A place in the ring, and how many of n octets go there at once. */
static uint32_t find(const struct imapid_past *past, uint32_t seq, uint32_t n, uint32_t *at)
{
    *at = seq % past->size;
    return lesser(n, past->size - *at);
}

/* The size that the ring needs to keep n octets more. Of no octets, the least that it can be now. */
static uint32_t fit(const struct imapid_past *past, uint32_t seq, uint32_t n)
{
    uint32_t size = past->octets ? past->size : SIZE_FIRST;
    uint32_t n_kept = seq == past->end ? past->n : 0;

    while (size < IMAPID_PAST_MAX && (n > IMAPID_PAST_MAX || size < n_kept + n))
        size *= 2;
    return size;
}

/* Moves what is kept into a ring of a larger size. */
static void move(struct imapid_past *past, uint8_t *octets, uint32_t size)
{
    for (uint32_t i = past->n, n_now; i > 0; i -= n_now) {
        uint32_t from = (past->end - i) % past->size, to = (past->end - i) % size;

        n_now = lesser(i, lesser(past->size - from, size - to));
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) ; where there are n octets */
        memcpy(octets + to, past->octets + from, n_now);
    }
    past->octets = octets;
    past->size = size;
}

static void keep(struct imapid_past *past, uint32_t seq, const uint8_t *octets, uint32_t n)
{
    uint32_t at, n_now;

    if (seq != past->end)
        past->n = 0;
    if (n > past->size) {
        seq += n - past->size;
        octets += n - past->size;
        n = past->size;
        past->n = 0;
    }
    n_now = find(past, seq, n, &at);
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) ; a size comes with its octets */
    memcpy(past->octets + at, octets, n_now);
    memcpy(past->octets, octets + n_now, n - n_now);
    past->end = seq + n;
    past->n = lesser(past->n + n, past->size);
}

/* `before` NULL: as the last one. */
static void put(struct imapid_pasts *pasts, struct imapid_past *past, struct imapid_past *before)
{
    past->next = before;
    past->previous = before ? before->previous : pasts->last;
    *(past->previous ? &past->previous->next : &pasts->first) = past;
    *(before ? &before->previous : &pasts->last) = past;
}

static void take_out(struct imapid_pasts *pasts, struct imapid_past *past)
{
    *(past->previous ? &past->previous->next : &pasts->first) = past->next;
    *(past->next ? &past->next->previous : &pasts->last) = past->previous;
}

static void resize(struct imapid_pasts *pasts, struct imapid_past *past, uint32_t size)
{
    uint8_t *before = past->octets;

    pasts->n_octets += size - past->size;
    move(past, pasts->allocate(size), size);
    pasts->free(before);
}

void imapid_pasts_clear(struct imapid_pasts *pasts, struct imapid_past *past)
{
    if (!past->octets)
        return;
    take_out(pasts, past);
    pasts->n_octets -= past->size;
    pasts->free(past->octets);
    memset(past, 0, sizeof *past);
}

void imapid_pasts_end(struct imapid_pasts *pasts, struct imapid_past *past)
{
    if (!past->octets || past->is_over)
        return;
    take_out(pasts, past);
    put(pasts, past, pasts->first);
    past->is_over = true;
}

void imapid_pasts_add(struct imapid_pasts *pasts, struct imapid_past *past, uint32_t seq,
                      const uint8_t *octets, uint32_t n)
{
    uint32_t size = fit(past, seq, n);

    if (past->is_over)
        take_out(pasts, past);
    if (past->is_over || !past->octets)
        put(pasts, past, NULL);
    past->is_over = false;
    while (pasts->n_octets - past->size + size > pasts->n_max && pasts->first->is_over)
        imapid_pasts_clear(pasts, pasts->first);
    /* Not to grow leaves the others theirs: to forget and to grow again would go on for ever. */
    if (pasts->n_octets - past->size + size > pasts->n_max)
        size = fit(past, seq, 0);
    if (size != past->size)
        resize(pasts, past, size);
    keep(past, seq, octets, n);
    while (pasts->n_octets > pasts->n_max && pasts->first)
        imapid_pasts_clear(pasts, pasts->first);
}

bool imapid_past_differs(const struct imapid_past *past, uint32_t next, uint32_t seq,
                         const uint8_t *octets, uint32_t n)
{
    uint32_t behind = past->end - seq, at, n_now;

    if (!past->n || behind > UINT32_MAX / 2 || (n == 1 && seq + 1 == next))
        return false;
    if (behind > past->n) {
        uint32_t n_forgotten = behind - past->n;

        if (n_forgotten >= n)
            return false;
        seq += n_forgotten;
        octets += n_forgotten;
        n -= n_forgotten;
        behind = past->n;
    }
    n = lesser(n, behind);
    n_now = find(past, seq, n, &at);
    return memcmp(past->octets + at, octets, n_now) != 0 ||
           memcmp(past->octets, octets + n_now, n - n_now) != 0;
}
