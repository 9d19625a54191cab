/* SPDX-License-Identifier: GPL-2.0-or-later */
/* together.c: parts of an answer computed at the same time. A store that is settled is only read, so
 * parts that are pure functions of its view need no locks.
 *
 * Refuses more than a few threads: answers have few parts.
 *
 * Misuse: a task that writes what another one reads. */
#include "answer/together.h"

#include <glib.h>

#define THREADS_MAX 16u

struct together {
    unsigned n;
    gint next; /* atomic */
    void (*task)(void *ctx, unsigned i);
    void *ctx;
};

static void *work(void *data)
{
    struct together *together = data;
    unsigned i;

    while ((i = (unsigned)g_atomic_int_add(&together->next, 1)) < together->n)
        together->task(together->ctx, i);
    return NULL;
}

void imapid_together_run(unsigned n_threads, unsigned n, void (*task)(void *ctx, unsigned i),
                         void *ctx)
{
    struct together together = {.n = n, .task = task, .ctx = ctx};
    unsigned n_more = MIN(MIN(n_threads, n), THREADS_MAX);
    GThread *threads[THREADS_MAX];

    n_more -= n_more ? 1 : 0;
    for (unsigned i = 0; i < n_more; i++)
        threads[i] = g_thread_new("answer", work, &together);
    work(&together);
    for (unsigned i = 0; i < n_more; i++)
        g_thread_join(threads[i]);
}
