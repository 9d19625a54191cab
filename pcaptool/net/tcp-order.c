/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp-order.c: the octets of wanted connections, in order.
 *
 * A segment that is the next one, with nothing waiting, goes to the handler straight from the
 * packet. Any other waits in a copy, behind a hole in its own direction or for octets of the other
 * one that it acknowledges. What is delivered next, and when a hole is given up for lost, is the
 * rule of imapid/order.h; holes are given up as well when too much waits, and at the end of the
 * connection. A connection that seems over ends some time later, unless it goes on.
 *
 * Refuses segments outside any window. A wrong checksum is a doubt, and no reason to refuse.
 *
 * Misuse: a state that was said to be over. */

#include "net/tcp-order.h"

#include <imapid/checksum.h>

#include <string.h>

/* After a change of a queue that had n_before octets. */
static void account_queue(struct imapid_tcp_order *order, struct imapid_tcp_direction *dir,
                          uint32_t n_before)
{
    order->n_queued += dir->queue.n_octets;
    order->n_queued -= n_before;
    if (n_before == 0 && dir->queue.n_octets > 0)
        g_queue_push_tail_link(&order->waiting, &dir->link);
    else if (n_before > 0 && dir->queue.n_octets == 0)
        g_queue_unlink(&order->waiting, &dir->link);
}

void imapid_tcp_order_begin(struct imapid_tcp_order *order, struct imapid_tcp_state *state)
{
    state->order.doubts = order->doubts;
    for (int d = 0; d < 2; d++)
        state->dirs[d].link.data = state;
}

static struct imapid_tcp_ending *get_ending(struct imapid_tcp_state *st)
{
    if (!st->ending) {
        st->ending = g_new0(struct imapid_tcp_ending, 1);
        st->ending->link.data = st;
    }
    return st->ending;
}

static void reopen(struct imapid_tcp_order *order, struct imapid_tcp_state *st)
{
    if (st->is_closing)
        g_queue_unlink(&order->closing, &st->ending->link);
    st->is_closing = false;
}

void imapid_tcp_order_clear(struct imapid_tcp_order *order, struct imapid_tcp_state *st)
{
    reopen(order, st);
    g_clear_pointer(&st->conn.doubts, g_free);
    g_clear_pointer(&st->conn.path, g_free);
    g_clear_pointer(&st->conn.icmp, g_free);
    g_clear_pointer(&st->conn.contested, g_free);
    g_clear_pointer(&st->ending, g_free);
    for (int d = 0; d < 2; d++) {
        uint32_t n_before = st->dirs[d].queue.n_octets;
        imapid_tcp_queue_clear(&st->dirs[d].queue);
        account_queue(order, &st->dirs[d], n_before);
        g_clear_pointer(&st->dirs[d].checksums, g_free);
        imapid_pasts_clear(&order->pasts, &st->dirs[d].past);
    }
}

struct imapid_tcp_state *imapid_tcp_order_find_excess(struct imapid_tcp_order *order)
{
    return order->n_queued > order->limits.n_queue_all ? g_queue_peek_head(&order->waiting) : NULL;
}

/* ---- delivery; each function says whether the state is still there ---- */

static void tell_gap(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d,
                     uint32_t n_lost, const struct imapid_stamp *packet)
{
    st->valued = true;
    st->told = true;
    order->handler.gap(order->handler.ctx, &st->conn, d, n_lost, packet);
    st->conn.n_lost[d] += n_lost;
    order->counts.n_lost += n_lost;
    order->counts.n_gaps++;
}

static bool deliver(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d,
                    const struct imapid_tcp_piece *piece)
{
    imapid_order_move(&st->order.sides[d], imapid_tcp_piece_end(piece));
    if (piece->n > 0) {
        st->valued = true;
        st->told = true;
        order->counts.n_octets += piece->n;
        if (order->handler.data(order->handler.ctx, &st->conn, d, piece->octets, piece->n,
                                &piece->packet) == IMAPID_TCP_IGNORE) {
            order->counts.n_ignored++;
            imapid_tcp_order_clear(order, st);
            return false;
        }
        st->conn.n_octets[d] += piece->n;
        imapid_pasts_add(&order->pasts, &st->dirs[d].past, piece->seq, piece->octets, piece->n);
    }
    if (piece->n_cut > 0)
        tell_gap(order, st, d, piece->n_cut, &piece->packet);
    return true;
}

static bool deliver_first(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d,
                          uint32_t to)
{
    struct imapid_tcp_direction *dir = &st->dirs[d];
    uint32_t n_before = dir->queue.n_octets;
    struct imapid_tcp_piece *piece = imapid_tcp_queue_take(&dir->queue, to);
    account_queue(order, dir, n_before);
    bool there = deliver(order, st, d, piece);
    g_free(piece);
    return there;
}

/* What the rule of order has to know of what waits. */
static void look(const struct imapid_tcp_state *st, struct imapid_order_piece pieces[2])
{
    for (int d = 0; d < 2; d++) {
        const struct imapid_tcp_piece *first = st->dirs[d].queue.first;
        pieces[d].waits = first != NULL;
        if (!first)
            continue;
        pieces[d].has_ack = first->has_ack;
        pieces[d].seq = first->seq;
        pieces[d].ack = first->ack;
        pieces[d].number = first->number;
    }
}

/* Everything that waits and need not wait any more. */
static bool pump(struct imapid_tcp_order *order, struct imapid_tcp_state *st)
{
    struct imapid_order_piece pieces[2];
    int d = -1;
    for (;;) {
        look(st, pieces);
        d = imapid_order_next(&st->order, pieces, d);
        if (d < 0)
            return true;
        if (!deliver_first(order, st, d, imapid_tcp_piece_end(st->dirs[d].queue.first)))
            return false;
    }
}

/* Octets before `to` are lost. */
static void jump(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d, uint32_t to,
                 const struct imapid_stamp *packet)
{
    struct imapid_tcp_direction *dir = &st->dirs[d];
    uint32_t n_lost = to - st->order.sides[d].next;
    imapid_order_lose(&st->order.sides[d], to);
    tell_gap(order, st, d, n_lost, dir->queue.first ? &dir->queue.first->packet : packet);
}

/* Direction d cannot go on: gives one hole up, no farther than `to`, so that something can. */
static bool step(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d, uint32_t to,
                 const struct imapid_stamp *packet)
{
    struct imapid_order_piece pieces[2];
    look(st, pieces);
    struct imapid_order_step step = imapid_order_give_up(&st->order, pieces, d, to);
    if (step.act == IMAPID_ORDER_LOSE)
        jump(order, st, step.side, step.to, packet);
    else if (!deliver_first(order, st, step.side, step.to))
        return false;
    return pump(order, st);
}

static bool give_up_to(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d,
                       uint32_t to, const struct imapid_stamp *packet)
{
    while (imapid_seq_before(st->order.sides[d].next, to))
        if (!step(order, st, d, to, packet))
            return false;
    return true;
}

static bool empty_queue(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d,
                        const struct imapid_stamp *packet)
{
    while (st->dirs[d].queue.first)
        if (!step(order, st, d, st->dirs[d].queue.first->seq, packet))
            return false;
    return true;
}

/* What is known to have been sent, but neither came nor has anything behind it. */
static void tell_lost_tail(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d)
{
    uint32_t n = imapid_order_count_lost_tail(&st->order, d);
    if (n > 0)
        jump(order, st, d, st->order.sides[d].next + n, &st->conn.last);
}

void imapid_tcp_order_doubt(struct imapid_tcp_state *st, enum imapid_doubt doubt, uint64_t frame)
{
    if (!st->conn.doubts)
        st->conn.doubts = g_new0(struct imapid_doubts, 1);
    imapid_doubts_add(st->conn.doubts, doubt, frame);
}

/* Takes over what the rule of order doubts: before anything of another connection. */
static void take_doubts(struct imapid_tcp_state *st)
{
    for (unsigned i = 0; i < st->order.n_doubts; i++)
        imapid_tcp_order_doubt(st, st->order.doubts[i].doubt, st->order.doubts[i].frame);
    st->order.n_doubts = 0;
}

bool imapid_tcp_order_empty(struct imapid_tcp_order *order, struct imapid_tcp_state *st,
                            const struct imapid_stamp *packet)
{
    order->counts.n_limit_all++;
    if (!empty_queue(order, st, 0, packet) || !empty_queue(order, st, 1, packet))
        return false;
    take_doubts(st);
    return true;
}

/* What waits in a direction is none of it. */
static void drop_queue(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d)
{
    struct imapid_tcp_direction *dir = &st->dirs[d];
    uint32_t n_before = dir->queue.n_octets;
    imapid_tcp_order_doubt(st, IMAPID_DOUBT_OFF_SEQUENCE, dir->queue.first->packet.number);
    order->counts.n_off_sequence += dir->queue.n_pieces;
    imapid_tcp_queue_clear(&dir->queue);
    account_queue(order, dir, n_before);
}

/* How it ended, where it seemed to be over already. */
static enum imapid_tcp_reason get_reason(struct imapid_tcp_state *st, enum imapid_tcp_reason reason)
{
    if (!st->is_closing)
        return reason;
    if (st->ending->closing == IMAPID_TCP_RST && st->conn.closer < 0) {
        st->conn.closer = st->order.reset.side;
        st->conn.closed = st->ending->reset;
        st->conn.is_reset = true;
    }
    return st->ending->closing;
}

static bool is_over(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d)
{
    const struct imapid_tcp_piece *first = st->dirs[d].queue.first;
    if (first && imapid_order_is_behind_fin(&st->order, d, first->seq))
        drop_queue(order, st, d);
    return imapid_order_is_over(&st->order, d, st->dirs[d].queue.first != NULL);
}

/* Who closed it, first of those that did. What seemed a FIN may be none after all, and of two the
 * first place counts. */
static void set_closer(struct imapid_tcp_state *st, int d)
{
    const struct imapid_order_side *sides = st->order.sides;
    if (st->conn.closer < 0 || !sides[st->conn.closer].has_fin)
        st->conn.closer = sides[d].has_fin ? d : sides[!d].has_fin ? !d : -1;
    if (st->conn.closer >= 0)
        st->conn.closed = get_ending(st)->fin[st->conn.closer];
}

/* A reset is ahead of all that was seen, and nothing came behind it. Either it ended the connection,
 * and the capture lacks what came before it, or somebody else has sent it, and then the two may have
 * said more. */
static void settle_reset(struct imapid_tcp_order *order, struct imapid_tcp_state *st)
{
    bool was_there = st->order.reset.is_there && !imapid_order_is_reset(&st->order);
    imapid_order_settle_reset(&st->order);
    take_doubts(st);
    if (!was_there || !st->order.reset.is_there)
        return;
    for (int d = 0; d < 2 && st->told; d++)
        tell_gap(order, st, d, 0, &st->conn.last);
    imapid_tcp_order_close(order, st, IMAPID_TCP_RST, get_ending(st)->reset.ts_ns);
}

void imapid_tcp_order_finish(struct imapid_tcp_order *order, struct imapid_tcp_state *st,
                             enum imapid_tcp_reason reason)
{
    struct imapid_order_piece pieces[2];
    look(st, pieces);
    for (int d = 0; d < 2; d++)
        if (imapid_order_is_astray(&st->order, d, &pieces[d]))
            drop_queue(order, st, d);
    while (st->dirs[0].queue.first || st->dirs[1].queue.first) {
        look(st, pieces);
        int d = imapid_order_choose(&st->order, pieces);
        if (!step(order, st, d, st->dirs[d].queue.first->seq, &st->conn.last))
            return;
    }
    tell_lost_tail(order, st, 0);
    tell_lost_tail(order, st, 1);
    settle_reset(order, st);
    /* Only a hole kept it open: its end is in the capture. */
    if ((reason == IMAPID_TCP_CAPTURE_END || reason == IMAPID_TCP_REUSED) &&
        is_over(order, st, 0) && is_over(order, st, 1))
        reason = IMAPID_TCP_FIN;
    if (st->told)
        order->handler.end(order->handler.ctx, &st->conn, get_reason(st, reason));
    else if (order->handler.quiet && !st->is_contested)
        order->handler.quiet(order->handler.ctx, &st->conn, get_reason(st, reason));
    imapid_tcp_order_clear(order, st);
}

void imapid_tcp_order_close(struct imapid_tcp_order *order, struct imapid_tcp_state *st,
                            enum imapid_tcp_reason reason, int64_t ts_ns)
{
    if (st->is_closing)
        return;
    st->is_closing = true;
    struct imapid_tcp_ending *ending = get_ending(st);
    ending->closing = reason;
    ending->closing_ns = ts_ns;
    g_queue_push_tail_link(&order->closing, &ending->link);
}

struct imapid_tcp_state *imapid_tcp_order_find_closed(const struct imapid_tcp_order *order,
                                                      int64_t ts_ns)
{
    struct imapid_tcp_state *st = order->closing.head ? order->closing.head->data : NULL;
    /* A clock that goes back closes nothing: what has closed may be long ago, or still to come. */
    if (st && (order->closing.length > order->limits.n_closing ||
               imapid_ns_between(st->ending->closing_ns, ts_ns) > order->limits.closing_ns))
        return st;
    return NULL;
}

/* ---- one segment of a wanted connection ---- */

static void take_syn(struct imapid_tcp_state *st, int d, const struct imapid_order_segment *segment)
{
    bool waits[2] = {st->dirs[0].queue.first != NULL, st->dirs[1].queue.first != NULL};
    if (!st->conn.from_start)
        st->conn.client = segment->has_ack ? !d : d;
    st->conn.is_half_seen = !segment->has_ack && (st->conn.is_half_seen || !st->conn.from_start);
    st->conn.from_start = true;
    imapid_order_take_syn(&st->order, d, segment, waits);
    st->conn.begins_anew |=
        segment->has_ack && st->order.sides[d].is_started && st->order.sides[d].is_other_acked;
}

/* The connection is somewhere else from now on. */
static bool move_on(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d,
                    const struct imapid_tcp_parsed *p)
{
    if (!empty_queue(order, st, d, &p->packet))
        return false;
    tell_gap(order, st, d, 0, &p->packet);
    imapid_order_restart(&st->order, d, p->seq);
    return true;
}

/* The connection is where it was before: what was given up from there on is not lost after all. */
static void move_back(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d,
                      const struct imapid_tcp_parsed *p)
{
    const struct imapid_order_side *side = &st->order.sides[d];
    if (side->left == IMAPID_ORDER_LEFT_MOVED && st->dirs[d].queue.first)
        drop_queue(order, st, d);
    if (side->left == IMAPID_ORDER_LEFT_LOST) {
        st->conn.n_lost[d] -= side->next - p->seq;
        order->counts.n_lost -= side->next - p->seq;
    }
    tell_gap(order, st, d, 0, &p->packet);
    imapid_order_return(&st->order, d, p->seq);
}

/* These octets came before, as others. */
static void contest(struct imapid_tcp_state *st, int d, const struct imapid_tcp_piece *piece)
{
    uint64_t next = st->conn.n_octets[d] + st->conn.n_lost[d];
    int32_t ahead = (int32_t)(piece->seq - st->order.sides[d].next);
    uint64_t from =
        ahead < 0 && (uint64_t) - (int64_t)ahead > next ? 0 : next + (uint64_t)(int64_t)ahead;
    uint64_t to = from + piece->n;
    imapid_tcp_order_doubt(st, IMAPID_DOUBT_CONFLICTING_DATA, piece->packet.number);
    if (!st->conn.contested)
        st->conn.contested = g_new0(struct imapid_conn_contested, 1);
    if (st->conn.contested->of[d].to) {
        from = MIN(from, st->conn.contested->of[d].from);
        to = MAX(to, st->conn.contested->of[d].to);
    }
    st->conn.contested->of[d].from = from;
    st->conn.contested->of[d].to = to;
}

/* Holds what was delivered already against what came now. */
static void check_copy(struct imapid_tcp_state *st, int d, const struct imapid_tcp_piece *piece)
{
    if (imapid_past_differs(&st->dirs[d].past, st->order.sides[d].next, piece->seq, piece->octets,
                            piece->n))
        contest(st, d, piece);
}

static bool enqueue(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d,
                    const struct imapid_tcp_piece *piece)
{
    struct imapid_tcp_direction *dir = &st->dirs[d];
    uint32_t n_before = dir->queue.n_octets;
    struct imapid_order_piece before[2], now[2];
    bool is_next = piece->seq == st->order.sides[d].next;
    look(st, before);
    if (!imapid_tcp_queue_add(&dir->queue, *piece, st->order.sides[d].next))
        contest(st, d, piece);
    account_queue(order, dir, n_before);
    st->valued = true;
    order->counts.n_reordered++;
    if (!pump(order, st))
        return false;
    look(st, now);
    imapid_order_pass(&st->order, d, is_next, &before[d], &now[d]);
    while (dir->queue.n_octets > order->limits.n_queue ||
           dir->queue.n_pieces > order->limits.n_queue_segs) {
        order->counts.n_limit_queue++;
        if (!step(order, st, d, dir->queue.first->seq, &piece->packet))
            return false;
    }
    return true;
}

static struct imapid_moment when(const struct imapid_stamp *packet)
{
    return (struct imapid_moment){packet->number, packet->ts_ns};
}

static bool take_data(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d,
                      const struct imapid_tcp_parsed *p, const struct imapid_order_segment *segment)
{
    struct imapid_tcp_direction *dir = &st->dirs[d];
    struct imapid_tcp_piece piece = {
        .octets = p->octets,
        .seq = p->seq,
        .n = p->n,
        .n_cut = p->n_cut,
        .ack = p->ack,
        .has_ack = segment->has_ack,
        .number = segment->number,
        .packet = p->packet,
    };
    struct imapid_moment at = when(&p->packet);
    uint32_t n_old;
    if (imapid_order_begins_anew(&st->order, d, segment) && dir->queue.first)
        drop_queue(order, st, d);
    switch (imapid_order_find(&st->order, d, segment, &n_old)) {
    case IMAPID_ORDER_OLD:
        imapid_stall_take_again(&st->conn.stall[d], segment->n, imapid_tcp_piece_end(&piece), &at);
        check_copy(st, d, &piece);
        return true;
    case IMAPID_ORDER_OFF:
        order->counts.n_off_sequence++;
        return true;
    case IMAPID_ORDER_MOVED:
        order->counts.n_off_sequence++;
        if (!move_on(order, st, d, p))
            return false;
        break;
    case IMAPID_ORDER_BACK:
        move_back(order, st, d, p);
        break;
    case IMAPID_ORDER_NEW:
        if (n_old)
            check_copy(st, d, &piece);
        imapid_tcp_piece_cut(&piece, n_old);
        break;
    }
    if (piece.seq != st->order.sides[d].next || dir->queue.first ||
        imapid_order_is_held(&st->order, d, piece.has_ack, piece.ack))
        return enqueue(order, st, d, &piece);
    return deliver(order, st, d, &piece) && (!st->dirs[!d].queue.first || pump(order, st));
}

static enum imapid_checksum judge_checksum(const struct imapid_tcp_state *st, int d,
                                           const struct imapid_tcp_parsed *p)
{
    const struct imapid_endpoint *from = &st->conn.endpoint[d], *to = &st->conn.endpoint[!d];
    return p->has_checksum
               ? (enum imapid_checksum)p->checksum
               : imapid_checksum_judge(from->address, to->address, from->family == 4 ? 4 : 16,
                                       p->header, p->n_segment);
}

static void check_checksum(struct imapid_tcp_state *st, int d, const struct imapid_tcp_parsed *p)
{
    struct imapid_tcp_direction *dir = &st->dirs[d];
    if (!p->header || p->n_cut)
        return;
    enum imapid_checksum is = judge_checksum(st, d, p);
    if (is == IMAPID_CHECKSUM_WRONG && !dir->checksums) {
        dir->checksums = g_new0(struct imapid_checksums, 1);
        dir->checksums->has_right = dir->is_right;
    }
    dir->is_right |= is == IMAPID_CHECKSUM_RIGHT;
    struct imapid_checksums *checksums = dir->checksums;
    if (!checksums || !imapid_checksums_take(checksums, is, p->packet.number))
        return;
    for (uint64_t i = 0; i < MIN(checksums->n_wrong, IMAPID_DOUBT_FRAMES); i++)
        imapid_tcp_order_doubt(st, IMAPID_DOUBT_BAD_CHECKSUM, checksums->wrong[i]);
    if (checksums->n_wrong > IMAPID_DOUBT_FRAMES)
        st->conn.doubts->of[IMAPID_DOUBT_BAD_CHECKSUM].n +=
            checksums->n_wrong - IMAPID_DOUBT_FRAMES;
}

/* What the peer acknowledged, but the capture has not shown, gets some more packets to come. */
static bool wait_for_acked(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d,
                           const struct imapid_stamp *packet)
{
    uint32_t to;
    return !imapid_order_is_lost(&st->order, d, order->limits.n_patience, &to) ||
           give_up_to(order, st, d, to, packet);
}

/* Does the connection seem over, now? */
static void check_end(struct imapid_tcp_order *order, struct imapid_tcp_state *st,
                      const struct imapid_stamp *packet)
{
    if (imapid_order_is_reset(&st->order)) {
        imapid_tcp_order_close(order, st, IMAPID_TCP_RST, packet->ts_ns);
    } else if (is_over(order, st, 0) && is_over(order, st, 1)) {
        imapid_tcp_order_close(order, st, IMAPID_TCP_FIN, packet->ts_ns);
        st->ending->closing = IMAPID_TCP_FIN;
    } else if (st->is_closing) {
        reopen(order, st);
        st->conn.last = *packet;
    }
}

/* Packets of several queues or interfaces may be recorded a little late. */
#define LATE_NS INT64_C(1000000000)

/* A clock that was set, or is not there. Packets without a time stand where they stand. */
static void check_clock(struct imapid_tcp_state *st, const struct imapid_stamp *packet)
{
    if (!imapid_time_is_known(packet->ts_ns))
        imapid_tcp_order_doubt(st, IMAPID_DOUBT_NO_TIME, packet->number);
    if (imapid_ns_between(packet->ts_ns, st->conn.last.ts_ns) > LATE_NS)
        imapid_tcp_order_doubt(st, IMAPID_DOUBT_CLOCK_BACK, packet->number);
}

bool imapid_tcp_order_take(struct imapid_tcp_order *order, struct imapid_tcp_state *st, int d,
                           struct imapid_tcp_parsed *p)
{
    const struct imapid_order_side *side = &st->order.sides[d], *peer = &st->order.sides[!d];
    struct imapid_order_segment segment = {
        .seq = p->seq,
        .ack = p->ack,
        .n = p->n + p->n_cut,
        .has_ack = (p->flags & IMAPID_TCP_FLAG_ACK) != 0,
        .has_fin = (p->flags & IMAPID_TCP_FLAG_FIN) != 0,
        .number = p->packet.number,
    };
    const struct imapid_moment at = when(&p->packet);
    check_clock(st, &p->packet);
    /* What follows the end is no more of it, unless it was none. */
    if (!st->is_closing)
        st->conn.last = p->packet;
    st->recent = true;
    check_checksum(st, d, p);
    if (!(p->flags & IMAPID_TCP_FLAG_RST))
        st->conn.ttl[d] = p->ttl;
    if (p->flags & IMAPID_TCP_FLAG_RST) {
        /* What it carries is a remark on the reason (RFC 9293 3.5.3), not octets of the stream. */
        imapid_order_take_reset(&st->order, d, &segment);
        segment.n = 0;
        if (st->order.reset.is_there && st->order.reset.frame == p->packet.number) {
            get_ending(st)->reset = p->packet;
            st->conn.closing_ttl = p->ttl;
        }
    } else if (p->flags & IMAPID_TCP_FLAG_SYN) {
        take_syn(st, d, &segment);
        if (segment.has_ack)
            imapid_stall_take_syn_ack(&st->conn.stall[d], &at);
        segment.seq = ++p->seq;
    } else {
        imapid_order_take(&st->order, d, &segment);
        imapid_stall_take_window(&st->conn.stall[d], p->window, &at);
        if (segment.has_ack)
            imapid_stall_take_ack(&st->conn.stall[!d], p->ack);
    }
    if (st->order.n_doubts)
        take_doubts(st);
    if (peer->is_absent && !wait_for_acked(order, st, !d, &p->packet))
        return false;
    if (side->has_fin && side->fin_frame == p->packet.number)
        get_ending(st)->fin[d] = p->packet;
    if (segment.n > 0 && !take_data(order, st, d, p, &segment))
        return false;
    for (int i = 0; i < 2; i++)
        if (!wait_for_acked(order, st, i, &p->packet))
            return false;
    if (st->order.n_doubts)
        take_doubts(st);
    if (side->has_fin || st->conn.closer >= 0)
        set_closer(st, d);
    if (side->has_fin || st->order.reset.is_there || st->is_closing)
        check_end(order, st, &p->packet);
    return true;
}
