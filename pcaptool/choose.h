/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CHOOSE_H
#define IMAPID_CHOOSE_H

#include "answer/where.h"

/* The records of the connections that are chosen, out of all records of one input: a sink before another
 * one. Records of a connection that is not decided yet are held back until its session ends. */
struct imapid_choose;

/* What of the memory of an input records may take that are held back. */
#define IMAPID_CHOOSE_SHARE 4u

/* Passes on to `next`. Records that are held back take `n_memory` octets at most. Then the connection gives
 * way that has most of them, and is left out, which is told by imapid_choose_end(). All that is given
 * must outlive the object. */
struct imapid_choose *imapid_choose_new(const struct imapid_where *where, gsize n_memory,
                                        const struct imapid_record_sink *next);

/* The sink; its ctx is `choose`. One call at a time. */
struct imapid_record_sink imapid_choose_get_sink(struct imapid_choose *choose);

/* Nothing more comes of the connections that are open: they are decided. */
void imapid_choose_flush(struct imapid_choose *choose);

/* What was met. */
struct imapid_choose_counts {
    uint64_t n_conns, n_chosen;
    uint64_t
        n_gave_way; /* connections that were not decided, or not as a whole: memory was used up */
};

/* Flushes and frees. */
struct imapid_choose_counts imapid_choose_end(struct imapid_choose *choose);

#endif
