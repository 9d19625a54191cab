/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_TCP_QUEUE_H
#define IMAPID_NET_TCP_QUEUE_H

#include <imapid/order.h>

#include "endpoint.h"

/* Octets of one direction that cannot be delivered yet, in the order of sequence numbers, none
 * twice. Sequence numbers wrap; all in a queue lie within 2^31 of each other. */

/* Octets that follow each other: n that the capture has, then n_cut that it cut off. */
struct imapid_tcp_piece {
    struct imapid_tcp_piece *next;
    const uint8_t *octets; /* in a queue: behind the piece, and owned by it */
    uint32_t seq;
    uint32_t n;
    uint32_t n_cut;
    uint32_t ack; /* acknowledgement it came with, if has_ack */
    bool has_ack;
    uint32_t n_block; /* in a queue: memory it takes */
    uint64_t number;  /* of the packet it came in */
    struct imapid_stamp packet;
};

struct imapid_tcp_queue {
    struct imapid_tcp_piece *first, *last;
    uint32_t n_pieces;
    uint32_t n_octets; /* memory of all pieces */
};

static inline uint32_t imapid_tcp_piece_end(const struct imapid_tcp_piece *piece)
{
    return piece->seq + piece->n + piece->n_cut;
}

/* Takes the first n octets of the sequence off: no more than it has, n_cut included. */
void imapid_tcp_piece_cut(struct imapid_tcp_piece *piece, uint32_t n);

/* Copies what of the piece is not in the queue yet: the first copy of an octet stays. next is the
 * sequence number that is waited for, and piece does not begin before it. The pieces that could
 * not be delivered until this one filled the hole before them get its packet. False: it has octets
 * that are in the queue already, and were others. */
bool imapid_tcp_queue_add(struct imapid_tcp_queue *queue, struct imapid_tcp_piece piece,
                          uint32_t next);

/* Takes what the first piece has before `to` out of a queue that is not empty, as a piece of its own; to
 * be freed with g_free(). It begins before `to`. */
struct imapid_tcp_piece *imapid_tcp_queue_take(struct imapid_tcp_queue *queue, uint32_t to);

/* Frees all pieces; the queue is empty then. */
void imapid_tcp_queue_clear(struct imapid_tcp_queue *queue);

#endif
