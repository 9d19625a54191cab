/* SPDX-License-Identifier: GPL-2.0-or-later */
/* order.c: the rule of order for two directions, from sequence and acknowledgement numbers alone.
 *
 * Refuses: segments outside any window, until they go on in a sequence of their own that the peer
 * acknowledges, which the direction then follows.
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

/* Segments that go on before a piece that waits, while the peer acknowledges these and no more: the
 * piece is none of the direction. */
#define N_PASSED_MAX 4

/* Behind `b`, as far as a window goes. */
static bool is_beyond(uint32_t a, uint32_t b)
{
    return a != b && a - b <= IMAPID_ORDER_AHEAD_MAX;
}

void imapid_order_doubt(struct imapid_order *order, enum imapid_doubt what, uint64_t frame)
{
    if (order->n_doubts == IMAPID_ORDER_DOUBTS)
        return;
    order->doubts[order->n_doubts].doubt = what;
    order->doubts[order->n_doubts++].frame = frame;
}

void imapid_order_set_next(struct imapid_order_side *side, uint32_t next)
{
    side->next = side->acked = side->sent = next;
    side->is_known = true;
    side->is_ahead = false;
    /* One that was seen before is of this sequence only if it is near. */
    if (side->has_fin && side->fin - next > IMAPID_ORDER_AHEAD_MAX)
        side->has_fin = false;
}

void imapid_order_set_first(struct imapid_order_side *side, uint32_t first)
{
    imapid_order_set_next(side, first);
    side->has_first = true;
    side->first = first;
}

static void move(struct imapid_order_side *side, uint32_t next)
{
    side->next = next;
    side->is_started = true;
    if (imapid_seq_before(side->acked, next))
        side->acked = next;
    if (imapid_seq_before(side->sent, next))
        side->sent = next;
}

void imapid_order_move(struct imapid_order_side *side, uint32_t next)
{
    move(side, next);
    side->n_waited = 0; /* it goes on: what is acknowledged farther on is still to come */
    if (side->left == IMAPID_ORDER_LEFT_LOST)
        side->left = IMAPID_ORDER_LEFT_NOT;
}

void imapid_order_lose(struct imapid_order_side *side, uint32_t next)
{
    if (side->left != IMAPID_ORDER_LEFT_LOST)
        side->from = side->next;
    side->left = IMAPID_ORDER_LEFT_LOST;
    move(side, next);
}

/* ---- segments ---- */

static void note_packet(struct imapid_order_side *side)
{
    side->is_silent = side->is_absent = side->is_guessed = false;
}

/* The highest acknowledgement counts, unless its sender acknowledges less in a segment that it sent
 * later: then the highest was never its own. */
static void keep_ack(struct imapid_order *order, struct imapid_order_side *side,
                     const struct imapid_order_segment *segment, uint32_t ack)
{
    uint32_t end = segment->seq + segment->n;

    if (side->is_ahead && !imapid_seq_before(side->sent, side->acked))
        side->is_ahead = false;
    if (!imapid_seq_before(ack, side->acked)) {
        if (imapid_seq_before(side->sent, ack)) {
            side->is_ahead = true;
            side->ahead_frame = segment->number;
        }
    } else if (imapid_seq_before(end, side->acked_by)) {
        return;
    } else if (side->is_ahead) {
        side->is_ahead = false;
        if (imapid_seq_before(side->acked_by, end))
            imapid_order_doubt(order, IMAPID_DOUBT_OFF_SEQUENCE, side->ahead_frame);
    }
    side->acked = ack;
    side->acked_by = end;
}

/* `d` is the direction that is acknowledged. */
static void take_ack(struct imapid_order *order, int d, const struct imapid_order_segment *segment)
{
    struct imapid_order_side *side = &order->sides[d];

    if (side->n_off)
        side->is_off_acked = segment->ack - side->off_next <= IMAPID_ORDER_GUESS_MAX ||
                             side->off_next - segment->ack <= IMAPID_ORDER_GUESS_MAX;
    if (!side->is_known) {
        imapid_order_set_next(side, segment->ack);
        side->acked_by = segment->seq + segment->n;
        side->is_guessed = true;
        return;
    }
    if (side->has_other && !side->is_started && segment->ack == side->other) {
        side->is_other_acked = side->may_wait;
        if (!side->may_wait)
            imapid_order_set_first(side, segment->ack);
    }
    if (side->has_other && segment->ack == side->next) {
        side->has_other = side->is_other_acked = false;
        imapid_order_doubt(order, IMAPID_DOUBT_NEW_SYN, side->other_frame);
    }
    if (segment->ack - side->next <= IMAPID_ORDER_AHEAD_MAX) {
        keep_ack(order, side, segment, segment->ack);
        side->is_acked = true;
    } else if (side->next - segment->ack <= BEHIND_MAX) {
        keep_ack(order, side, segment, side->next);
    }
}

/* A doubt, once the direction goes on where it was. */
static void note_off(struct imapid_order_side *side, uint64_t frame)
{
    if (!side->is_off)
        side->off_frame = frame;
    side->is_off = true;
}

/* Of two places the first is that of the FIN: octets that follow there show that it is not. */
static void take_fin(struct imapid_order *order, int d, uint32_t fin, uint64_t frame)
{
    struct imapid_order_side *side = &order->sides[d];

    if (side->has_fin && fin == side->fin)
        return;
    if (fin - side->next > IMAPID_ORDER_AHEAD_MAX) {
        if (side->next - fin > BEHIND_MAX)
            note_off(side, frame);
        /* Where octets were given up, the FIN may have been one of them. */
        else if ((side->is_started || side->has_first) && !side->left)
            imapid_order_doubt(order, IMAPID_DOUBT_RESET_IGNORED, frame);
        return;
    }
    if (side->has_fin) {
        bool is_first = imapid_seq_before(fin, side->fin);

        imapid_order_doubt(order, IMAPID_DOUBT_RESET_IGNORED, is_first ? side->fin_frame : frame);
        if (!is_first)
            return;
    }
    side->has_fin = true;
    side->fin = fin;
    side->fin_frame = frame;
}

/* Does this segment show that nobody was reset? What was sent before the reset may come after it, and
 * the peer goes on until the reset arrives. */
static bool refutes_reset(const struct imapid_order *order, int d,
                          const struct imapid_order_segment *segment)
{
    if (d != order->reset.side)
        return segment->has_ack && is_beyond(segment->ack, order->reset.own + 1);
    return (segment->n && is_beyond(segment->seq + segment->n, order->reset.own)) ||
           (segment->has_ack && is_beyond(segment->ack, order->reset.peer));
}

/* What this segment shows of ends that were told before it. */
static void check_ends(struct imapid_order *order, int d,
                       const struct imapid_order_segment *segment)
{
    struct imapid_order_side *side = &order->sides[d];
    uint32_t end = segment->seq + segment->n;

    if (order->reset.is_there && refutes_reset(order, d, segment)) {
        order->reset.is_there = false;
        imapid_order_doubt(order, IMAPID_DOUBT_RESET_IGNORED, order->reset.frame);
    }
    /* A keep-alive has one octet, in the place of the FIN if there is one. */
    if (side->has_fin && segment->n && is_beyond(end, side->fin + (segment->n == 1))) {
        side->has_fin = false;
        imapid_order_doubt(order, IMAPID_DOUBT_RESET_IGNORED, side->fin_frame);
    }
}

static void note_sent(struct imapid_order_side *side, uint32_t end)
{
    if (end - side->next <= IMAPID_ORDER_AHEAD_MAX && imapid_seq_before(side->sent, end))
        side->sent = end;
}

/* Of two SYNs that a side has sent, the other one. */
static void note_other(struct imapid_order_side *side, uint32_t first, uint64_t frame)
{
    side->has_other = true;
    side->is_other_acked = false;
    side->other = first;
    side->other_frame = frame;
}

void imapid_order_take_syn(struct imapid_order *order, int d,
                           const struct imapid_order_segment *segment, const bool waits[2])
{
    struct imapid_order_side *side = &order->sides[d], *peer = &order->sides[!d];
    uint32_t first = segment->seq + 1;

    if (!side->is_started && !waits[d] && (!side->is_known || side->next != first)) {
        bool is_second = side->is_known && !side->is_guessed;

        if (is_second && side->is_acked) {
            imapid_order_doubt(order, IMAPID_DOUBT_NEW_SYN, segment->number);
        } else {
            /* Of two, the peer will tell which it has heard. */
            note_other(side, side->next, segment->number);
            side->has_other = is_second;
            imapid_order_set_first(side, first);
        }
    } else if (side->has_first && side->first != first) {
        if (side->is_started || side->is_acked)
            imapid_order_doubt(order, IMAPID_DOUBT_NEW_SYN, segment->number);
        else
            note_other(side, first, segment->number);
    } else if (!side->has_first && side->next - first > IMAPID_ORDER_GUESS_MAX) {
        /* What came before the SYN is none of the side's, unless that was captured late. */
        note_other(side, first, segment->number);
        side->is_other_acked = true;
    }
    if (segment->has_ack && (!peer->is_known || peer->is_guessed) && !peer->is_started &&
        !waits[!d]) {
        imapid_order_set_next(peer, segment->ack);
        peer->is_guessed = true; /* its own SYN may yet say otherwise */
    }
    note_packet(side);
    if (segment->has_ack)
        take_ack(order, !d, segment);
    if (segment->has_fin)
        take_fin(order, d, first + segment->n, segment->number);
}

void imapid_order_take(struct imapid_order *order, int d,
                       const struct imapid_order_segment *segment)
{
    struct imapid_order_side *side = &order->sides[d];
    uint32_t seq = segment->seq;

    if (!side->is_known || side->is_guessed) {
        /* One octet that was acknowledged before is a keep-alive. */
        bool is_older =
            side->is_known && segment->n > 1 && side->next - seq <= IMAPID_ORDER_GUESS_MAX;

        if (!side->is_known || (is_older && !side->is_started))
            imapid_order_set_next(side, seq);
    }
    note_packet(side);
    if (order->reset.is_there || side->has_fin)
        check_ends(order, d, segment);
    note_sent(side, seq + segment->n);
    if (side->is_off && seq == side->next) {
        side->is_off = false;
        imapid_order_doubt(order, IMAPID_DOUBT_OFF_SEQUENCE, side->off_frame);
    }
    if (segment->has_ack)
        take_ack(order, !d, segment);
    if (segment->has_fin) {
        take_fin(order, d, seq + segment->n, segment->number);
        note_sent(side, seq + segment->n + 1);
    }
}

/* The end of what was seen of a direction, or acknowledged. */
static uint32_t farthest(const struct imapid_order_side *side)
{
    return imapid_seq_before(side->sent, side->acked) ? side->acked : side->sent;
}

/* Is the reset that stands ahead of all that is known of its side? Of a side that is not in the
 * capture nobody knows. */
static bool is_ahead(const struct imapid_order *order)
{
    const struct imapid_order_side *side = &order->sides[order->reset.side];

    return side->is_known && !side->is_guessed && !side->is_absent &&
           is_beyond(order->reset.own, farthest(side));
}

void imapid_order_take_reset(struct imapid_order *order, int d,
                             const struct imapid_order_segment *segment)
{
    struct imapid_order_side *side = &order->sides[d], *peer = &order->sides[!d];
    uint32_t seq = segment->seq;

    if (side->is_started && seq - side->next > IMAPID_ORDER_AHEAD_MAX &&
        side->next - seq > IMAPID_ORDER_GUESS_MAX) {
        imapid_order_doubt(order, IMAPID_DOUBT_RESET_IGNORED, segment->number);
        return;
    }
    /* Whoever guesses sends many. The one that hits the place counts. */
    if (order->reset.is_there) {
        if (!is_ahead(order) || is_beyond(seq, farthest(side)))
            return;
        imapid_order_doubt(order, IMAPID_DOUBT_RESET_IGNORED, order->reset.frame);
    }
    order->reset.is_there = true;
    order->reset.side = d;
    order->reset.frame = segment->number;
    order->reset.own = order->reset.seen = side->is_known ? farthest(side) : seq;
    if (is_beyond(seq, order->reset.own))
        order->reset.own = seq;
    order->reset.peer = peer->is_known ? farthest(peer) : segment->ack;
}

bool imapid_order_is_reset(const struct imapid_order *order)
{
    return order->reset.is_there && !is_ahead(order);
}

void imapid_order_settle_reset(struct imapid_order *order)
{
    const struct imapid_order_side *side = &order->sides[order->reset.side],
                                   *peer = &order->sides[!order->reset.side];
    bool goes_on;

    if (!order->reset.is_there || !is_ahead(order))
        return;
    goes_on = is_beyond(farthest(side), order->reset.seen) ||
              (peer->is_known && is_beyond(farthest(peer), order->reset.peer));
    imapid_order_doubt(order, goes_on ? IMAPID_DOUBT_RESET_IGNORED : IMAPID_DOUBT_OFF_SEQUENCE,
                       order->reset.frame);
    order->reset.is_there = !goes_on;
}

/* Off the sequence: true if the connection is there from now on. */
static bool follow_off(struct imapid_order_side *side, const struct imapid_order_segment *segment)
{
    if (!side->n_off || segment->seq != side->off_next) {
        side->n_off = 0;
        side->is_off_acked = false;
    }
    note_off(side, segment->number);
    if (side->n_off < N_OFF_MAX)
        side->n_off++;
    side->off_next = segment->seq + segment->n;
    return side->n_off == N_OFF_MAX &&
           (side->is_off_acked || (!side->is_acked && (side->is_started || !side->has_first)));
}

bool imapid_order_is_before_first(const struct imapid_order_side *side, uint32_t seq, uint32_t n)
{
    uint32_t n_before = side->first - seq;

    return side->has_first && !side->left && n_before && n_before <= BEHIND_MAX && n > 1;
}

/* Is it where the direction was before it left, wrongly? */
static bool is_back(const struct imapid_order_side *side, uint32_t seq)
{
    return (side->left == IMAPID_ORDER_LEFT_MOVED && seq == side->from) ||
           (side->left == IMAPID_ORDER_LEFT_LOST && seq - side->from < side->next - side->from);
}

/* Is it where the direction begins by a SYN that the peer has heard, while octets came by another? */
static bool is_at_other(const struct imapid_order_side *side, uint32_t seq)
{
    return side->is_other_acked && seq - side->other <= IMAPID_ORDER_GUESS_MAX;
}

bool imapid_order_begins_anew(struct imapid_order *order, int d,
                              const struct imapid_order_segment *segment)
{
    struct imapid_order_side *side = &order->sides[d];

    if (side->is_started || !is_at_other(side, segment->seq))
        return false;
    imapid_order_doubt(order, IMAPID_DOUBT_NEW_SYN, side->other_frame);
    side->is_other_acked = side->has_other = false;
    imapid_order_set_first(side, side->other);
    side->may_wait = false;
    return true;
}

enum imapid_order_place imapid_order_find(struct imapid_order *order, int d,
                                          const struct imapid_order_segment *segment,
                                          uint32_t *n_old)
{
    struct imapid_order_side *side = &order->sides[d];
    uint32_t ahead = segment->seq - side->next, behind = side->next - segment->seq;

    *n_old = 0;
    if (is_at_other(side, segment->seq)) {
        imapid_order_doubt(order, IMAPID_DOUBT_NEW_SYN, side->other_frame);
        return IMAPID_ORDER_MOVED;
    }
    if (side->left && is_back(side, segment->seq))
        return IMAPID_ORDER_BACK;
    if (ahead > IMAPID_ORDER_AHEAD_MAX) {
        if (behind > BEHIND_MAX)
            return follow_off(side, segment) ? IMAPID_ORDER_MOVED : IMAPID_ORDER_OFF;
        if (imapid_order_is_before_first(side, segment->seq, segment->n)) {
            imapid_order_doubt(order, IMAPID_DOUBT_OFF_SEQUENCE, segment->number);
            return IMAPID_ORDER_OFF;
        }
        if (behind >= segment->n)
            return IMAPID_ORDER_OLD;
        *n_old = behind;
    }
    side->n_off = 0;
    side->may_wait = true;
    return IMAPID_ORDER_NEW;
}

static void go_on_at(struct imapid_order_side *side, uint32_t seq)
{
    side->is_off = false;
    side->n_off = 0;
    side->has_fin = false;
    side->n_waited = 0;
    side->is_started = true;
    imapid_order_set_next(side, seq);
}

void imapid_order_restart(struct imapid_order *order, int d, uint32_t seq)
{
    struct imapid_order_side *side = &order->sides[d];

    if (is_at_other(side, seq)) {
        /* What was read before its SYN, or by another one, is none of it: there is no way back. */
        side->is_other_acked = side->has_other = false;
        side->has_first = true;
        side->first = side->other;
        side->left = IMAPID_ORDER_LEFT_NOT;
    } else {
        /* Moved twice, or over what waited far ahead, it may be back at the first place still. */
        if (!side->left)
            side->from = side->next;
        side->left = IMAPID_ORDER_LEFT_MOVED;
    }
    go_on_at(side, seq);
}

void imapid_order_return(struct imapid_order *order, int d, uint32_t seq)
{
    struct imapid_order_side *side = &order->sides[d];

    if (side->left == IMAPID_ORDER_LEFT_MOVED)
        imapid_order_doubt(order, IMAPID_DOUBT_OFF_SEQUENCE, side->off_frame);
    side->left = IMAPID_ORDER_LEFT_NOT;
    go_on_at(side, seq);
}

/* How far a segment is from where both directions are; UINT32_MAX: it is not near. */
static uint32_t measure(const struct imapid_order *order, int d,
                        const struct imapid_order_segment *segment)
{
    const uint32_t at[2] = {segment->seq, segment->ack};
    uint32_t distance = 0;

    if (!order->sides[d].is_known && !order->sides[!d].is_known)
        return UINT32_MAX;
    for (int i = 0; i < (segment->has_ack ? 2 : 1); i++) {
        const struct imapid_order_side *side = &order->sides[i ? !d : d];
        uint32_t ahead = at[i] - side->next, behind = side->next - at[i];
        uint32_t apart = ahead < behind ? ahead : behind;

        if (!side->is_known)
            continue;
        if (apart > IMAPID_ORDER_ASTRAY_MAX)
            return UINT32_MAX;
        distance += apart;
    }
    return distance;
}

bool imapid_order_is_of_former(const struct imapid_order *former, const struct imapid_order *latter,
                               int d, const struct imapid_order_segment *segment)
{
    uint32_t distance = measure(former, d, segment);

    return distance != UINT32_MAX && distance <= measure(latter, d, segment);
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

/* Which of two that wait was captured earlier? */
static int find_earlier(const struct imapid_order_piece pieces[2])
{
    return !pieces[0].waits || (pieces[1].waits && pieces[1].number < pieces[0].number);
}

int imapid_order_next(const struct imapid_order *order, const struct imapid_order_piece pieces[2],
                      int d)
{
    if (d < 0)
        d = find_earlier(pieces);
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

/* Two that are next, and each answers the other: the one that was captured later was sent again, and with a
 * later answer. So what the other one answers of it was sent before that; the rest of it, behind. */
static struct imapid_order_step read_sent_again(const struct imapid_order_piece pieces[2])
{
    int d = pieces[0].number < pieces[1].number;

    return (struct imapid_order_step){IMAPID_ORDER_READ, d, pieces[!d].ack};
}

struct imapid_order_step imapid_order_give_up(const struct imapid_order *order,
                                              const struct imapid_order_piece pieces[2], int d,
                                              uint32_t to)
{
    int next = imapid_order_next(order, pieces, d);

    if (!is_next(order, pieces, d))
        return (struct imapid_order_step){IMAPID_ORDER_LOSE, d, nearer(&pieces[d], to)};
    if (next >= 0)
        return (struct imapid_order_step){IMAPID_ORDER_READ, next,
                                          pieces[next].seq + IMAPID_ORDER_AHEAD_MAX};
    if (is_next(order, pieces, !d))
        return read_sent_again(pieces);
    return (struct imapid_order_step){IMAPID_ORDER_LOSE, !d, nearer(&pieces[!d], pieces[d].ack)};
}

int imapid_order_choose(const struct imapid_order *order, const struct imapid_order_piece pieces[2])
{
    if (is_next(order, pieces, 0) != is_next(order, pieces, 1))
        return is_next(order, pieces, 1);
    return find_earlier(pieces);
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

bool imapid_order_eases(bool has_again, uint32_t again, bool has_ack, uint32_t ack)
{
    return has_ack && (!has_again || imapid_seq_before(again, ack));
}

void imapid_order_pass(struct imapid_order *order, int d, bool is_next,
                       const struct imapid_order_piece *before,
                       const struct imapid_order_piece *now)
{
    struct imapid_order_side *side = &order->sides[d];
    bool passes = is_next && before->waits && now->waits && before->seq == now->seq;

    side->n_passed = passes ? side->n_passed + 1 : 0;
}

bool imapid_order_is_astray(const struct imapid_order *order, int d,
                            const struct imapid_order_piece *piece)
{
    const struct imapid_order_side *side = &order->sides[d];

    return piece->waits &&
           (imapid_order_is_behind_fin(order, d, piece->seq) ||
            (side->n_passed >= N_PASSED_MAX && side->is_acked && side->acked == side->next));
}

bool imapid_order_is_behind_fin(const struct imapid_order *order, int d, uint32_t seq)
{
    const struct imapid_order_side *side = &order->sides[d];

    return side->has_fin && side->next == side->fin && side->acked == side->fin + 1 &&
           !imapid_seq_before(seq, side->fin);
}

bool imapid_order_is_over(const struct imapid_order *order, int d, bool waits)
{
    const struct imapid_order_side *side = &order->sides[d];

    return side->has_fin && !imapid_seq_before(side->next, side->fin) && !waits;
}
