/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holders.c: who holds how much memory: queues by the binary logarithm of it. A holder keeps its
 * place in its queue until it moves to another one.
 *
 * Refuses nothing.
 *
 * Misuse: freeing a holder that was not set to 0. */
#include "follow/holders.h"

static unsigned find_class(gsize n)
{
    return MIN(g_bit_storage(n) - 1, IMAPID_HOLDERS_N - 1);
}

void imapid_holders_set(struct imapid_holders *holders, struct imapid_holder *holder, gsize n)
{
    gsize n_before = holder->n;

    holders->n += n - n_before;
    holder->n = n;
    if (n_before && n && find_class(n_before) == find_class(n))
        return;
    if (n_before)
        g_queue_unlink(&holders->queue[find_class(n_before)], &holder->link);
    if (n)
        g_queue_push_tail_link(&holders->queue[find_class(n)], &holder->link);
}

void *imapid_holders_find_largest(const struct imapid_holders *holders)
{
    for (int i = IMAPID_HOLDERS_N - 1; i >= 0; i--)
        if (holders->queue[i].head)
            return holders->queue[i].head->data;
    return NULL;
}

GPtrArray *imapid_holders_list(const struct imapid_holders *holders)
{
    GPtrArray *list = g_ptr_array_new();

    for (int i = 0; i < IMAPID_HOLDERS_N; i++)
        for (const GList *link = holders->queue[i].head; link; link = link->next)
            g_ptr_array_add(list, link->data);
    return list;
}
