/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp-past.c: the last octets of a direction, in a ring that grows as they come: most clients say
 * little.
 *
 * Refuses nothing. Misuse: sequence numbers 2^31 apart. */

#include "net/tcp-past.h"

#include <string.h>

#define SIZE_FIRST 512u

static void set_size(struct imapid_tcp_pasts *pasts, struct imapid_tcp_past *past, uint32_t size)
{
    uint8_t *octets = g_malloc(size);
    for (uint32_t i = past->n, n_now; i > 0; i -= n_now) {
        uint32_t from = (past->end - i) % past->size, to = (past->end - i) % size;
        n_now = MIN(i, MIN(past->size - from, size - to));
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) ; where there are n octets */
        memcpy(octets + to, past->octets + from, n_now);
    }
    g_free(past->octets);
    if (!past->octets) {
        past->link.data = past;
        g_queue_push_tail_link(&pasts->list, &past->link);
    }
    pasts->n_octets += size - past->size;
    past->octets = octets;
    past->size = size;
}

/* A place in the ring, and how many of n octets go there at once. */
static uint32_t find(const struct imapid_tcp_past *past, uint32_t seq, uint32_t n, uint32_t *at)
{
    *at = seq % past->size;
    return MIN(n, past->size - *at);
}

void imapid_tcp_past_add(struct imapid_tcp_pasts *pasts, struct imapid_tcp_past *past, uint32_t seq,
                         const uint8_t *octets, uint32_t n, uint64_t n_max)
{
    uint32_t size = past->octets ? past->size : SIZE_FIRST, at, n_now;
    if (seq != past->end)
        past->n = 0;
    if (n > IMAPID_TCP_PAST_MAX) {
        seq += n - IMAPID_TCP_PAST_MAX;
        octets += n - IMAPID_TCP_PAST_MAX;
        n = IMAPID_TCP_PAST_MAX;
        past->n = 0;
    }
    while (size < past->n + n && size < IMAPID_TCP_PAST_MAX)
        size *= 2;
    past->end = past->n ? past->end : seq;
    if (size != past->size)
        set_size(pasts, past, size);
    n_now = find(past, seq, n, &at);
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) ; a size comes with its octets */
    memcpy(past->octets + at, octets, n_now);
    memcpy(past->octets, octets + n_now, n - n_now);
    past->end = seq + n;
    past->n = MIN(past->n + n, past->size);
    while (pasts->n_octets > n_max && pasts->list.head)
        imapid_tcp_past_clear(pasts, pasts->list.head->data);
}

bool imapid_tcp_past_differs(const struct imapid_tcp_past *past, uint32_t seq,
                             const uint8_t *octets, uint32_t n)
{
    uint32_t behind = past->end - seq, at, n_now;
    if (!past->n || behind > UINT32_MAX / 2)
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
    n = MIN(n, behind);
    n_now = find(past, seq, n, &at);
    return memcmp(past->octets + at, octets, n_now) != 0 ||
           memcmp(past->octets, octets + n_now, n - n_now) != 0;
}

void imapid_tcp_past_clear(struct imapid_tcp_pasts *pasts, struct imapid_tcp_past *past)
{
    if (!past->octets)
        return;
    g_queue_unlink(&pasts->list, &past->link);
    pasts->n_octets -= past->size;
    g_free(past->octets);
    *past = (struct imapid_tcp_past){.n = 0};
}
