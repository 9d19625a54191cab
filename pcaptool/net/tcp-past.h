/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_TCP_PAST_H
#define IMAPID_NET_TCP_PAST_H

#include <imapid/past.h>

#include <glib.h>

/* The memory of what is kept of each direction, within one bound. */

/* All zero: nothing is kept. */
struct imapid_tcp_past {
    struct imapid_past kept;
    GList link; /* in all_pasts.list while there is a ring; its data is this */
};

/* All that there are. Initialise `list`. */
struct imapid_tcp_pasts {
    GQueue list; /* the one made first is the first */
    uint64_t n_octets;
};

/* The next octets were delivered. Where there would be more than n_max octets in all, a direction keeps
 * no more of its last ones than it does; for a new one, the oldest directions are forgotten. */
void imapid_tcp_past_add(struct imapid_tcp_pasts *pasts, struct imapid_tcp_past *past, uint32_t seq,
                         const uint8_t *octets, uint32_t n, uint64_t n_max);

/* Forgets all octets of a direction, and gives back their share of `pasts`. */
void imapid_tcp_past_clear(struct imapid_tcp_pasts *pasts, struct imapid_tcp_past *past);

#endif
