/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_AHEAD_H
#define IMAPID_CAPTURE_AHEAD_H

#include "capture/capture.h"

/* A capture that a thread of its own reads ahead of who asks for its packets. */

/* Octets there are for what is found out of a packet. */
#define IMAPID_AHEAD_ROOM 24u

/* Takes over a capture that nothing was read from, nor set; it is closed with the one returned, which
 * gives the same: packets, errors, notes, secrets and counts, each at its place. The same one where it is
 * no regular file, or a small one. Never NULL. */
struct imapid_capture *imapid_ahead_new(struct imapid_capture *capture);

/* Is it such a capture? */
bool imapid_ahead_is(const struct imapid_capture *capture);

/* Called, before the first packet is asked for: what is to be done with each packet in the thread that
 * reads. `room` has IMAPID_AHEAD_ROOM octets, aligned for uint32_t; it is packet->ahead later, and
 * good as long as the packet. */
void imapid_ahead_on_packet(struct imapid_capture *capture,
                            void (*fn)(void *ctx, const struct imapid_packet *packet, void *room),
                            void *ctx);

#endif
