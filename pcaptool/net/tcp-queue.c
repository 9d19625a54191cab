/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp-queue.c: the segments of one direction that wait, a list of copies in order. A segment that
 * is the next one goes to the end at once; any other walks the list, which the owner keeps short.
 *
 * Refuses nothing.
 *
 * Misuse: a piece that begins before the octet waited for (cut it first); sequence numbers 2^31
 * apart. */

#include "net/tcp-queue.h"

#include <glib.h>
#include <string.h>

void imapid_tcp_piece_cut(struct imapid_tcp_piece *piece, uint32_t n)
{
    uint32_t n_data = MIN(n, piece->n);
    piece->seq += n;
    piece->octets += n_data;
    piece->n -= n_data;
    piece->n_cut -= n - n_data;
}

/* The first n octets of the sequence, as a piece of its own. */
static struct imapid_tcp_piece *copy_first(const struct imapid_tcp_piece *piece, uint32_t n)
{
    uint32_t n_data = MIN(n, piece->n);
    struct imapid_tcp_piece *copy = g_malloc(sizeof *copy + n_data);
    *copy = *piece;
    copy->n = n_data;
    copy->n_cut = n - n_data;
    copy->n_block = (uint32_t)sizeof *copy + n_data;
    copy->octets = (uint8_t *)(copy + 1);
    if (n_data > 0)
        memcpy(copy + 1, piece->octets, n_data);
    return copy;
}

/* Puts a copy of the first n octets of the sequence behind `before` (NULL: first). */
static struct imapid_tcp_piece *insert(struct imapid_tcp_queue *queue,
                                       struct imapid_tcp_piece *before,
                                       const struct imapid_tcp_piece *piece, uint32_t n)
{
    struct imapid_tcp_piece *copy = copy_first(piece, n);
    copy->next = before ? before->next : queue->first;
    if (before)
        before->next = copy;
    else
        queue->first = copy;
    if (!copy->next)
        queue->last = copy;
    queue->n_pieces++;
    queue->n_octets += copy->n_block;
    return copy;
}

/* Marks the pieces behind `filler` that it has made deliverable. */
static void stamp_run(const struct imapid_tcp_queue *queue, const struct imapid_tcp_piece *filler,
                      uint32_t next)
{
    bool behind = false;
    for (struct imapid_tcp_piece *piece = queue->first; piece && piece->seq == next;
         piece = piece->next) {
        next = imapid_tcp_piece_end(piece);
        if (behind)
            piece->packet = filler->packet;
        behind |= piece == filler;
    }
}

/* Makes two pieces of one, the second one beginning n octets of the sequence later. The first one
 * keeps its memory, and is counted with it. */
static void split(struct imapid_tcp_queue *queue, struct imapid_tcp_piece *piece, uint32_t n)
{
    struct imapid_tcp_piece rest = *piece;
    uint32_t n_data = MIN(n, piece->n);
    imapid_tcp_piece_cut(&rest, n);
    piece->n = n_data;
    piece->n_cut = n - n_data;
    insert(queue, piece, &rest, rest.n + rest.n_cut);
}

static bool eases(const struct imapid_tcp_piece *later, const struct imapid_tcp_piece *piece)
{
    return imapid_order_eases(later->has_ack, later->ack, piece->has_ack, piece->ack);
}

static void take_ack(struct imapid_tcp_piece *piece, const struct imapid_tcp_piece *from)
{
    piece->has_ack = from->has_ack;
    piece->ack = from->ack;
}

/* What stands before the end of `later` was sent no later than that: it takes over its acknowledgement, where
 * that is of less. */
static void ease(struct imapid_tcp_queue *queue, const struct imapid_tcp_piece *later)
{
    uint32_t end = imapid_tcp_piece_end(later);
    for (struct imapid_tcp_piece *piece = queue->first; piece && imapid_seq_before(piece->seq, end);
         piece = piece->next) {
        if (!eases(later, piece))
            continue;
        if (imapid_seq_before(end, imapid_tcp_piece_end(piece)))
            split(queue, piece, end - piece->seq);
        take_ack(piece, later);
    }
}

/* Has the piece other octets than `there`, which begins no later, in the place they share? */
static bool differs(const struct imapid_tcp_piece *there, const struct imapid_tcp_piece *piece)
{
    uint32_t at = piece->seq - there->seq;
    return at < there->n &&
           memcmp(there->octets + at, piece->octets, MIN(piece->n, there->n - at)) != 0;
}

bool imapid_tcp_queue_add(struct imapid_tcp_queue *queue, struct imapid_tcp_piece piece,
                          uint32_t next)
{
    bool is_same = true,
         is_last = queue->last && !imapid_seq_before(piece.seq, imapid_tcp_piece_end(queue->last));
    struct imapid_tcp_piece *before = is_last ? queue->last : NULL;
    struct imapid_tcp_piece *after = is_last ? NULL : queue->first;
    /* Acknowledgements in a queue never fall. */
    if (queue->first && (!is_last || eases(&piece, queue->last)))
        ease(queue, &piece);
    while (piece.n + piece.n_cut > 0) {
        uint32_t n = piece.n + piece.n_cut;
        if (after && !imapid_seq_before(piece.seq, after->seq)) {
            uint32_t end = imapid_tcp_piece_end(after);
            if (imapid_seq_before(piece.seq, end)) {
                is_same &= !differs(after, &piece);
                imapid_tcp_piece_cut(&piece, MIN(n, end - piece.seq));
            }
            before = after;
            after = after->next;
            continue;
        }
        if (after)
            n = MIN(n, after->seq - piece.seq);
        before = insert(queue, before, &piece, n);
        imapid_tcp_piece_cut(&piece, n);
        if (after && eases(after, before))
            take_ack(before, after);
        if (after)
            stamp_run(queue, before, next);
    }
    return is_same;
}

struct imapid_tcp_piece *imapid_tcp_queue_take(struct imapid_tcp_queue *queue, uint32_t to)
{
    struct imapid_tcp_piece *piece = queue->first;
    if (imapid_seq_before(to, imapid_tcp_piece_end(piece))) {
        /* The rest keeps its memory, and is counted with it. */
        struct imapid_tcp_piece *copy = copy_first(piece, to - piece->seq);
        imapid_tcp_piece_cut(piece, to - piece->seq);
        return copy;
    }
    queue->first = piece->next;
    if (!queue->first)
        queue->last = NULL;
    queue->n_pieces--;
    queue->n_octets -= piece->n_block;
    return piece;
}

void imapid_tcp_queue_clear(struct imapid_tcp_queue *queue)
{
    while (queue->first)
        g_free(imapid_tcp_queue_take(queue, imapid_tcp_piece_end(queue->first)));
}
