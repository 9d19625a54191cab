/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_TCP_PAST_H
#define IMAPID_NET_TCP_PAST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The last octets of one direction that were delivered, so that copies that come later can be held
 * against them. */

/* Octets that are kept of a direction: retransmissions are of what was sent last. */
#define IMAPID_TCP_PAST_MAX 8192u

/* All zero: nothing is kept. */
struct imapid_tcp_past {
    uint8_t *octets; /* a ring of `size`, a power of two; NULL: none yet */
    uint32_t size;
    uint32_t n;   /* kept */
    uint32_t end; /* sequence number behind the last of them */
    GList link;   /* in all_pasts.list while there is a ring; its data is this */
};

/* All that there are. Initialise `list`. */
struct imapid_tcp_pasts {
    GQueue list; /* the one made first is the first */
    uint64_t n_octets;
};

/* The next octets were delivered. Where they do not go on from those before, these are forgotten. When
 * there are more than n_max octets in all, those of the oldest directions are. */
void imapid_tcp_past_add(struct imapid_tcp_pasts *pasts, struct imapid_tcp_past *past, uint32_t seq,
                         const uint8_t *octets, uint32_t n, uint64_t n_max);

/* Are these octets other ones than those that are kept of their place? */
bool imapid_tcp_past_differs(const struct imapid_tcp_past *past, uint32_t seq,
                             const uint8_t *octets, uint32_t n);

/* Forgets all octets of a direction, and gives back their share of `pasts`. */
void imapid_tcp_past_clear(struct imapid_tcp_pasts *pasts, struct imapid_tcp_past *past);

#endif
