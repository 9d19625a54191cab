/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_FRAGMENTS_H
#define IMAPID_NET_FRAGMENTS_H

#include "net/ip.h"

#include <glib.h>

/* Puts fragmented IP datagrams together, a bounded number at a time. */
struct imapid_fragments;

/* One without any datagram; never NULL. */
struct imapid_fragments *imapid_fragments_new(void);

/* Who is told of a datagram that is given up: its first eight octets (`ip`, as far as they tell), and the packets that carried it. Only where these are wanted, and that piece came. Before
 * the first fragment. */
void imapid_fragments_on_lost(struct imapid_fragments *fragments,
                              void (*fn)(void *ctx, const struct imapid_ip *ip,
                                         const GArray *packets),
                              void *ctx);

/* Takes one fragment (ip->is_fragment), captured at ts_ns. True: it was the last piece that was
 * missing, and *ip is now the whole datagram, its octets good until the next call; source and
 * destination still point to the fragment's. *n_lost is raised by the datagrams given up. `packets`, NULL where that is
 * of no interest, are those that carried the fragment; with the whole datagram, those that carried all of it. */
bool imapid_fragments_add(struct imapid_fragments *fragments, struct imapid_ip *ip, int64_t ts_ns,
                          GArray *packets, uint64_t *n_lost);

/* How many fragments of TCP there were in datagrams that were given up since the last call. Of UDP, which may be a tunnel, most is
 * none: a capture with a short snap length has many that nobody would read. */
uint64_t imapid_fragments_take_n_unread(struct imapid_fragments *fragments);

/* Forgets all unfinished datagrams; returns how many there were. */
unsigned imapid_fragments_clear(struct imapid_fragments *fragments);

/* NULL is allowed. */
void imapid_fragments_free(struct imapid_fragments *fragments);

#endif
