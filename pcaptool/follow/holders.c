/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holders.c: who holds how much memory: queues by the binary logarithm of it. A holder keeps its
 * place in its queue until it moves to another one.
 *
 * Who is to give way has to be whoever took the memory, and that may be one holder or very many. Were it always the
 * largest, a flood of small ones would have all others given up, one after the other, as soon as they hold more.
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
    if (n_before)
        holders->n_in[find_class(n_before)] -= n_before;
    if (n)
        holders->n_in[find_class(n)] += n;
    holder->n = n;
    if (n_before && n && find_class(n_before) == find_class(n))
        return;
    if (n_before)
        g_queue_unlink(&holders->queue[find_class(n_before)], &holder->link);
    if (n)
        g_queue_push_tail_link(&holders->queue[find_class(n)], &holder->link);
}

void *imapid_holders_find_greediest(const struct imapid_holders *holders,
                                    const struct imapid_holders *others)
{
    static const struct imapid_holders none;
    const GList *found = NULL;
    gsize n_most = 0;

    if (!others)
        others = &none;
    for (int i = IMAPID_HOLDERS_N - 1; i >= 0; i--) {
        const GList *first =
            holders->queue[i].head ? holders->queue[i].head : others->queue[i].head;
        gsize n_in = holders->n_in[i] + others->n_in[i];

        if (!first)
            continue;
        if (!found && (gsize)1 << i >= (holders->n + others->n) / IMAPID_HOLDERS_SHARE)
            return first->data;
        if (!found || n_in > n_most) {
            found = first;
            n_most = n_in;
        }
    }
    return found ? found->data : NULL;
}

GPtrArray *imapid_holders_list(const struct imapid_holders *holders)
{
    GPtrArray *list = g_ptr_array_new();

    for (int i = 0; i < IMAPID_HOLDERS_N; i++)
        for (const GList *link = holders->queue[i].head; link; link = link->next)
            g_ptr_array_add(list, link->data);
    return list;
}
