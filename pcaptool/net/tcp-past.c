/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp-past.c: memory for the last octets of each direction.
 *
 * Refuses nothing. Misuse: moving one while it is in the list. */

#include "net/tcp-past.h"

void imapid_tcp_past_add(struct imapid_tcp_pasts *pasts, struct imapid_tcp_past *past, uint32_t seq,
                         const uint8_t *octets, uint32_t n, uint64_t n_max)
{
    uint8_t *before = past->kept.octets;
    uint32_t size = imapid_past_fit(&past->kept, seq, n);
    /* Not to grow leaves the others theirs: to forget and to grow again would go on for ever. */
    if (pasts->n_octets - past->kept.size + size > n_max)
        size = imapid_past_fit(&past->kept, seq, 0);
    if (!before) {
        past->link.data = past;
        g_queue_push_tail_link(&pasts->list, &past->link);
    }
    if (size != past->kept.size) {
        pasts->n_octets += size - past->kept.size;
        imapid_past_move(&past->kept, g_malloc(size), size);
        g_free(before);
    }
    imapid_past_add(&past->kept, seq, octets, n);
    while (pasts->n_octets > n_max && pasts->list.head)
        imapid_tcp_past_clear(pasts, pasts->list.head->data);
}

void imapid_tcp_past_clear(struct imapid_tcp_pasts *pasts, struct imapid_tcp_past *past)
{
    if (!past->kept.octets)
        return;
    g_queue_unlink(&pasts->list, &past->link);
    pasts->n_octets -= past->kept.size;
    g_free(past->kept.octets);
    *past = (struct imapid_tcp_past){.kept = {.n = 0}};
}
