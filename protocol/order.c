/* SPDX-License-Identifier: GPL-2.0-or-later */
/* order.c: the rule of order for two directions, from sequence and acknowledgement numbers alone.
 *
 * Refuses: segments outside any window, until they go on in a sequence of their own, which the
 * direction then follows.
 *
 * Misuse: telling of a piece that waits before the octet that is read next (cut it first, as
 * imapid_order_find() says). */
#include <imapid/order.h>

#include <stddef.h>

/* A retransmission may be as old as a window; beyond this it is another sequence. Less than
 * IMAPID_ORDER_AHEAD_MAX, since it is the reason to believe that the connection is somewhere else
 * now. */
#define BEHIND_MAX (1u << 24)

/* So many segments in a row off the sequence, each continuing the one before, are the connection.
 */
#define N_OFF_MAX 4

void imapid_order_set_next(struct imapid_order_side *side, uint32_t next)
{
    side->next = side->acked = next;
    side->is_known = true;
    /* One that was seen before is of this sequence only if it is near. */
    if (side->has_fin && side->fin - next > IMAPID_ORDER_AHEAD_MAX)
        side->has_fin = false;
}

void imapid_order_move(struct imapid_order_side *side, uint32_t next)
{
    side->next = next;
    side->is_started = true;
    if (imapid_seq_before(side->acked, next))
        side->acked = next;
}

/* ---- segments ---- */

static void note_packet(struct imapid_order_side *side)
{
    side->is_silent = side->is_absent = side->is_guessed = false;
}

void imapid_order_take_syn(struct imapid_order *order, int d, uint32_t seq, bool has_ack,
                           uint32_t ack, const bool waits[2])
{
    struct imapid_order_side *side = &order->sides[d], *peer = &order->sides[!d];

    if (!side->is_started && !waits[d])
        imapid_order_set_next(side, seq + 1);
    if (has_ack && (!peer->is_known || peer->is_guessed) && !peer->is_started && !waits[!d])
        imapid_order_set_next(peer, ack);
    note_packet(side);
}

void imapid_order_take_seen(struct imapid_order *order, int d, uint32_t seq, uint32_t n)
{
    struct imapid_order_side *side = &order->sides[d];

    if (!side->is_known || side->is_guessed) {
        /* One octet that was acknowledged before is a keep-alive. */
        bool is_older = side->is_known && n > 1 && side->next - seq <= IMAPID_ORDER_GUESS_MAX;

        if (!side->is_known || (is_older && !side->is_started))
            imapid_order_set_next(side, seq);
    }
    note_packet(side);
}

void imapid_order_take_ack(struct imapid_order *order, int d, uint32_t ack)
{
    struct imapid_order_side *side = &order->sides[d];

    if (!side->is_known) {
        imapid_order_set_next(side, ack);
        side->is_guessed = true;
    } else if (ack - side->next <= IMAPID_ORDER_AHEAD_MAX && imapid_seq_before(side->acked, ack)) {
        side->acked = ack;
    }
}

void imapid_order_take_fin(struct imapid_order *order, int d, uint32_t fin)
{
    struct imapid_order_side *side = &order->sides[d];

    if (!side->has_fin && fin - side->next <= IMAPID_ORDER_AHEAD_MAX) {
        side->has_fin = true;
        side->fin = fin;
    }
}

/* Off the sequence: true if the connection is there from now on. */
static bool follow_off(struct imapid_order_side *side, uint32_t seq, uint32_t n)
{
    side->n_off = seq == side->off_next ? side->n_off + 1 : 1;
    side->off_next = seq + n;
    return side->n_off >= N_OFF_MAX;
}

enum imapid_order_place imapid_order_find(struct imapid_order *order, int d, uint32_t seq,
                                          uint32_t n, uint32_t *n_old)
{
    struct imapid_order_side *side = &order->sides[d];
    uint32_t ahead = seq - side->next, behind = side->next - seq;

    *n_old = 0;
    if (ahead > IMAPID_ORDER_AHEAD_MAX) {
        if (behind > BEHIND_MAX)
            return follow_off(side, seq, n) ? IMAPID_ORDER_MOVED : IMAPID_ORDER_OFF;
        if (behind >= n)
            return IMAPID_ORDER_OLD;
        *n_old = behind;
    }
    side->n_off = 0;
    return IMAPID_ORDER_NEW;
}

void imapid_order_restart(struct imapid_order *order, int d, uint32_t seq)
{
    struct imapid_order_side *side = &order->sides[d];

    side->n_off = 0;
    side->has_fin = false;
    side->n_waited = 0;
    side->is_started = true;
    imapid_order_set_next(side, seq);
}

/* ---- what is read next ---- */

/* Where the peer's acknowledgements are when all octets before next are there. */
static uint32_t position(const struct imapid_order_side *side)
{
    return side->next + (side->has_fin && side->next == side->fin);
}

bool imapid_order_is_held(const struct imapid_order *order, int d, bool has_ack, uint32_t ack)
{
    const struct imapid_order_side *peer = &order->sides[!d];
    uint32_t ahead;

    if (!has_ack || !peer->is_known || peer->is_absent)
        return false;
    ahead = ack - position(peer);
    return ahead > 0 && ahead <= IMAPID_ORDER_AHEAD_MAX;
}

static bool is_next(const struct imapid_order *order, const struct imapid_order_piece pieces[2],
                    int d)
{
    return pieces[d].waits && pieces[d].seq == order->sides[d].next;
}

static bool is_piece_held(const struct imapid_order *order,
                          const struct imapid_order_piece pieces[2], int d)
{
    return imapid_order_is_held(order, d, pieces[d].has_ack, pieces[d].ack);
}

int imapid_order_next(const struct imapid_order *order, const struct imapid_order_piece pieces[2],
                      int d)
{
    for (int i = 0; i < 2; i++, d = !d)
        if (is_next(order, pieces, d) && !is_piece_held(order, pieces, d))
            return d;
    return -1;
}

/* ---- giving up ---- */

/* The first piece that waits, or `to` if that is nearer or nothing waits. */
static uint32_t nearer(const struct imapid_order_piece *piece, uint32_t to)
{
    return piece->waits && imapid_seq_before(piece->seq, to) ? piece->seq : to;
}

struct imapid_order_step imapid_order_give_up(const struct imapid_order *order,
                                              const struct imapid_order_piece pieces[2], int d,
                                              uint32_t to)
{
    struct imapid_order_step step = {IMAPID_ORDER_LOSE, d, 0};

    if (!is_next(order, pieces, d)) {
        step.to = nearer(&pieces[d], to);
    } else if (is_piece_held(order, pieces, d) && !is_next(order, pieces, !d)) {
        step.side = !d;
        step.to = nearer(&pieces[!d], pieces[d].ack);
    } else {
        /* Each held for the other: no real capture has that. */
        step.act = IMAPID_ORDER_READ;
    }
    return step;
}

int imapid_order_choose(const struct imapid_order *order, const struct imapid_order_piece pieces[2])
{
    if (!pieces[0].waits || !pieces[1].waits)
        return pieces[0].waits ? 0 : 1;
    for (int d = 0; d < 2; d++)
        if (is_next(order, pieces, d))
            return d;
    return pieces[0].number <= pieces[1].number ? 0 : 1;
}

/* What was acknowledged, the FIN not counted. */
static uint32_t acked_data(const struct imapid_order_side *side)
{
    return side->has_fin && imapid_seq_before(side->fin, side->acked) ? side->fin : side->acked;
}

bool imapid_order_is_lost(struct imapid_order *order, int d, uint32_t n_patience, uint32_t *to)
{
    struct imapid_order_side *side = &order->sides[d];

    if (!side->is_known)
        return false;
    if (!imapid_seq_before(side->next, acked_data(side))) {
        side->n_waited = 0;
        return false;
    }
    if (side->is_absent) {
        *to = acked_data(side);
        return true;
    }
    if (side->n_waited == 0 || !imapid_seq_before(side->next, side->wait_to)) {
        side->n_waited = 0;
        side->wait_to = acked_data(side);
        side->is_silent = true;
    }
    if (side->n_waited++ < n_patience)
        return false;
    side->n_waited = 0;
    side->is_absent = side->is_silent;
    *to = side->wait_to;
    return true;
}

uint32_t imapid_order_count_lost_tail(const struct imapid_order *order, int d)
{
    const struct imapid_order_side *side = &order->sides[d];
    uint32_t to = side->has_fin ? side->fin : side->acked;

    if (!side->is_known || !imapid_seq_before(side->next, to))
        return 0;
    /* One that nobody saw, at the very end, was the FIN. */
    return !side->has_fin && to - side->next == 1 ? 0 : to - side->next;
}

bool imapid_order_is_over(const struct imapid_order *order, int d, bool waits)
{
    const struct imapid_order_side *side = &order->sides[d];

    return side->has_fin && !imapid_seq_before(side->next, side->fin) && !waits;
}

bool imapid_order_is_reset(const struct imapid_order *order, int d, uint32_t seq)
{
    const struct imapid_order_side *side = &order->sides[d];

    return !side->is_started || seq - side->next <= IMAPID_ORDER_AHEAD_MAX ||
           side->next - seq <= IMAPID_ORDER_GUESS_MAX;
}
