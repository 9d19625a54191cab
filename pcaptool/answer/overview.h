/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_OVERVIEW_H
#define IMAPID_ANSWER_OVERVIEW_H

#include "answer/store.h"

/* What the connections did, all together. */
struct imapid_overview {
    uint64_t n_captures, n_packets, n_octets, n_tcp, n_conns, n_addresses, n_exchanges;
    uint64_t n_with_id;      /* the client sent one that could be read */
    uint64_t n_silent;       /* seen from first to last, and it sent none */
    uint64_t n_open;         /* the same but for the end, which is not in the capture */
    uint64_t n_unread;       /* none was seen, and something could not be read */
    uint64_t n_maybe_silent; /* none was seen, but not everything was; these five are all */
    uint64_t n_refused;      /* an ID was answered NO or BAD */
    uint64_t n_required;     /* the server asked for one by refusing service */
    uint64_t n_unreadable;   /* encrypted or compressed, and not read to the end */
    uint64_t n_late;         /* begun before the capture */
    uint64_t n_doubted;      /* somebody else may have sent part of it */
    uint64_t n_lost, n_cut, n_unknown_link, n_failed; /* octets, packets, packets, captures */
    uint64_t n_unread_packets;                        /* packets whose layers were not read */
    int64_t first_ns, last_ns;
};

/* Counts connections by shares, each of which has a thread of its own; in time in proportion to the records.
 * Connections that are not counted are missing in it, captures are not. */
struct imapid_overseer;

/* The view outlives it. */
struct imapid_overseer *imapid_overseer_new(const struct imapid_store_view *view,
                                            unsigned n_shares);
void imapid_overseer_count(struct imapid_overseer *overseer, unsigned share, unsigned conn);

/* Frees it. */
struct imapid_overview imapid_overseer_end(struct imapid_overseer *overseer);

/* All connections, by this thread. */
struct imapid_overview imapid_overview_count(const struct imapid_store_view *view);

#endif
