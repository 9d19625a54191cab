/* SPDX-License-Identifier: GPL-2.0-or-later */
/* past.h: the last octets of one direction that were read, so that copies that come later can be held
 * against them. */
#ifndef IMAPID_PAST_H
#define IMAPID_PAST_H

#include <stdbool.h>
#include <stdint.h>

/* Octets that are kept of a direction: retransmissions are of what was sent last. */
#define IMAPID_PAST_MAX 8192u

/* All zero: nothing is kept. The memory is the caller's. */
struct imapid_past {
    uint8_t *octets; /* a ring of `size`, a power of two; NULL: none yet */
    uint32_t size;
    uint32_t n;   /* kept */
    uint32_t end; /* sequence number behind the last of them */
};

/* The size that the ring needs to keep n octets more, from seq on; it grows as they come, since most
 * clients say little. Where it is another one than it has, imapid_past_move() comes first; with a
 * smaller one fewer of the last octets are kept. Of no octets, the least that it can be now. */
uint32_t imapid_past_fit(const struct imapid_past *past, uint32_t seq, uint32_t n);

/* Moves what is kept into this memory, of a larger size. The memory before is the caller's to free. */
void imapid_past_move(struct imapid_past *past, uint8_t *octets, uint32_t size);

/* The next octets were read. Where they do not go on from those before, these are forgotten. */
void imapid_past_add(struct imapid_past *past, uint32_t seq, const uint8_t *octets, uint32_t n);

/* Are these octets other ones than those that are kept of their place? `next` is what is read next: one
 * octet right before that is a keep-alive, which may be any. */
bool imapid_past_differs(const struct imapid_past *past, uint32_t next, uint32_t seq,
                         const uint8_t *octets, uint32_t n);

#endif
