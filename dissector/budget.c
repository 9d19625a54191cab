/* SPDX-License-Identifier: GPL-2.0-or-later */
/* budget.c: counts what is kept, and knows who keeps most without a search: shares stand in queues by
 * the binary logarithm of their size.
 *
 * Refuses nothing: whoever reads asks imapid_budget_find_excess() as it goes.
 *
 * Misuse: freeing a single piece of what was allocated here. */
#include "budget.h"

#include <string.h>

#define MIB       ((size_t)1 << 20)
#define N_QUEUES  48
#define N_TROUBLE 16 /* octets that an allocation costs Wireshark beside what was asked for */

/* Before each piece. */
struct imapid_kept {
    struct imapid_kept *next;
};

static unsigned max_mib = 256;  /* preference */
static size_t n_all;            /* of the capture, as the queues; reset with it */
static GQueue queues[N_QUEUES]; /* in [i] shares of 2^i octets or more */

static void begin_capture(void)
{
    n_all = 0;
    memset(queues, 0, sizeof queues); /* the links were in file scope */
}

void imapid_budget_register(module_t *preferences)
{
    prefs_register_uint_preference(preferences, "memory", "Memory for IMAP connections (MiB)",
                                   "Memory for the IMAP connections of a capture. When it is used "
                                   "up, the connection that uses "
                                   "most is given up: its ID commands and responses are not shown, "
                                   "and its packets have a note",
                                   10, &max_mib);
    register_init_routine(begin_capture);
}

static unsigned queue_of(size_t n)
{
    return MIN(g_bit_storage(n) - 1, N_QUEUES - 1);
}

void imapid_budget_count(struct imapid_share *share, size_t before, size_t now)
{
    size_t n = share->n - before + now;
    bool is_same = share->n && n && queue_of(share->n) == queue_of(n);

    if (share->n && !is_same)
        g_queue_unlink(&queues[queue_of(share->n)], &share->link);
    if (n && !is_same) {
        share->link.data = share->owner;
        g_queue_push_tail_link(&queues[queue_of(n)], &share->link);
    }
    n_all += n - share->n;
    share->n = n;
}

void *imapid_budget_alloc(struct imapid_share *share, size_t n)
{
    struct imapid_kept *kept =
        (struct imapid_kept *)wmem_alloc0(wmem_file_scope(), sizeof *kept + n);

    kept->next = share->kept;
    share->kept = kept;
    imapid_budget_count(share, 0, sizeof *kept + n + N_TROUBLE);
    return kept + 1;
}

void *imapid_budget_copy(struct imapid_share *share, const void *data, size_t n)
{
    void *copy = imapid_budget_alloc(share, n);

    if (n)
        memcpy(copy, data, n);
    return copy;
}

void imapid_budget_free(struct imapid_share *share)
{
    struct imapid_kept *kept;

    while ((kept = share->kept)) {
        share->kept = kept->next;
        wmem_free(wmem_file_scope(), kept);
    }
    imapid_budget_count(share, share->n, 0);
}

void *imapid_budget_find_excess(void)
{
    if (n_all <= max_mib * MIB)
        return NULL;
    for (unsigned i = N_QUEUES; i--;)
        if (queues[i].head)
            return queues[i].head->data;
    return NULL;
}
