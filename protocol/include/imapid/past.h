/* SPDX-License-Identifier: GPL-2.0-or-later */
/* past.h: the last octets of one direction that were read, so that copies that come later can be held
 * against them. */
#ifndef IMAPID_PAST_H
#define IMAPID_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets that are kept of a direction: retransmissions are of what was sent last. */
#define IMAPID_PAST_MAX 8192u

/* Octets that are kept of all directions together: of some thousand that are open, all that is needed. */
#define IMAPID_PASTS_MAX ((uint64_t)1 << 23)

/* Of one direction. All zero: nothing is kept. It must not move while something is. */
struct imapid_past {
    uint8_t *octets; /* a ring of `size`, a power of two; NULL: none yet */
    uint32_t size;
    uint32_t n;                          /* kept */
    uint32_t end;                        /* sequence number behind the last of them */
    bool is_over;                        /* see imapid_pasts_end() */
    struct imapid_past *next, *previous; /* with a ring */
};

/* All that there are, within one bound. The memory is the caller's. */
struct imapid_pasts {
    uint64_t n_max;              /* octets */
    void *(*allocate)(size_t n); /* never NULL */
    void (*free)(void *octets);
    struct imapid_past *first, *last; /* those that are over; then the others, as they were made */
    uint64_t n_octets;
};

/* The next octets, from seq on, were read. Where they do not go on from those before, these are forgotten.
 * A ring grows as they come, since most clients say little. Where there would be more than n_max octets in all, directions
 * that are over are forgotten; then this one keeps no more of its last octets than it does, and for a new one the
 * oldest are forgotten. */
void imapid_pasts_add(struct imapid_pasts *pasts, struct imapid_past *past, uint32_t seq,
                      const uint8_t *octets, uint32_t n);

/* Nothing more will be read of the direction, as it seems: it is among the first to be forgotten, until something is. */
void imapid_pasts_end(struct imapid_pasts *pasts, struct imapid_past *past);

/* Forgets all octets of a direction. */
void imapid_pasts_clear(struct imapid_pasts *pasts, struct imapid_past *past);

/* Are these octets other ones than those that are kept of their place? `next` is what is read next: one
 * octet right before that is a keep-alive, which may be any. */
bool imapid_past_differs(const struct imapid_past *past, uint32_t next, uint32_t seq,
                         const uint8_t *octets, uint32_t n);

#endif
