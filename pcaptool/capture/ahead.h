/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_AHEAD_H
#define IMAPID_CAPTURE_AHEAD_H

#include "capture/capture.h"

/* A capture that is read ahead of who asks for its packets, by more threads than that one where there are
 * some. */

/* Octets there are for what is found out of a packet. */
#define IMAPID_AHEAD_ROOM 24u

/* What is known of a packet without looking at it. */
struct imapid_ahead_mark {
    uint64_t key;    /* what find_out() said; 0: it has to be given */
    uint64_t number; /* as imapid_packet has them */
    int64_t ts_ns;
    uint32_t n, n_wire;
};

/* What is to be done with each packet before it is given. */
struct imapid_ahead_user {
    /* Any thread, several at a time, packets in no order. The packet may be changed. `room` has IMAPID_AHEAD_ROOM octets, aligned for
     * uint64_t; it is packet->ahead later. `is_likely`: most packets are given these days, so it pays to find out what needs all octets of one.
     * Returns a key if it may turn out that the packet need not be given; else 0. */
    uint64_t (*find_out)(void *ctx, struct imapid_packet *packet, bool is_likely, void *room);
    /* Who asks, in the order of the packets: the next n, more than none. Returns of how many of the first of them all that there is
     * to do was done: they are not given. One whose key is 0 is never among them. */
    size_t (*pass)(void *ctx, const struct imapid_ahead_mark *marks, size_t n);
    /* How many pass() would pass now, had none of them an effect on the next. They are not peeked at. */
    size_t (*may_pass)(void *ctx, const struct imapid_ahead_mark *marks, size_t n);
    void *ctx;
    /* What else threads may do that have nothing to read, and who asks while it waits. Any, several at a time. Does a part of it;
     * false: there is none. NULL: there never is. */
    bool (*help)(void *ctx);
    /* Is there enough to be awakened for? See imapid_ahead_call(). */
    bool (*may_help)(void *ctx);
};

/* Takes over a capture that nothing was read from, nor set; it is closed with the one returned, which
 * gives the same: packets, errors, notes, secrets and counts, each at its place. It is read by so many
 * threads, the one that asks among them. The same one where it is no regular file, or a small one. Never NULL. */
struct imapid_capture *imapid_ahead_new(struct imapid_capture *capture, unsigned n_threads);

/* Does any other thread read it than who asks? Else it may be no such capture. */
bool imapid_ahead_is_shared(const struct imapid_capture *capture);

/* Does who asks read all of it, so that the others only help? Known with the first packet. */
bool imapid_ahead_is_packed(const struct imapid_capture *capture);

/* Any thread: may_help() may have become true, or what imapid_ahead_wait() waits for. */
void imapid_ahead_call(struct imapid_capture *capture);

/* Who asks, from within what it does with a packet: waits until is_so(ctx), helps or reads on meanwhile. */
void imapid_ahead_wait(struct imapid_capture *capture, bool (*is_so)(void *ctx), void *ctx);

/* Who asks will ask no more: the other threads end, and the user is called no more. Of no effect where it is no such capture. */
void imapid_ahead_end(struct imapid_capture *capture);

/* Is it such a capture? */
bool imapid_ahead_is(const struct imapid_capture *capture);

/* Before the first packet is asked for. The user is copied. */
void imapid_ahead_set_user(struct imapid_capture *capture, const struct imapid_ahead_user *user);

#endif
