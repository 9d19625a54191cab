/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Connections, and the order of their octets.
 *
 * Every connection has an entry in the table; one that the handler still wants has a state besides.
 * A segment that is the next one, with nothing waiting, goes to the handler straight from the
 * packet. Any other waits in a copy, behind a hole in its own direction or for octets of the other
 * one that it acknowledges. What is delivered next, and when a hole is given up for lost, is the
 * rule of imapid/order.h; holes are given up as well when too much waits, and at the end of the
 * connection.
 *
 * Refused: segments outside any window, checks of checksums. Misuse: calling back from a callback;
 * handing in pieces of IP datagrams. */

#include "net/tcp.h"

#include "number.h"
#include "net/tcp-queue.h"
#include "net/tcp-table.h"

#include <glib.h>
#include <imapid/order.h>
#include <stdlib.h>
#include <string.h>

#define FIN 0x01u
#define SYN 0x02u
#define RST 0x04u
#define ACK 0x10u

/* Octets in a segment on the wire: TSO has some hundred thousand, a damaged length any number. */
#define N_SEGMENT_MAX (1u << 24)

/* How far a packet that took another way may be from the others of its connection: what may be
 * under way. By chance one of four million is, both its numbers taken together. */
#define ASTRAY_MAX (1u << 20)

/* Connections with the same addresses on other paths that are looked at, the newest first, for one
 * to which a packet on a new path may belong. A network routes a connection over a few. */
#define N_ALIKE_MAX 16

const struct imapid_tcp_limits imapid_tcp_default_limits = {
    .n_conns = 262144,       /* 16 MiB: many times what is open at once where this tool is used */
    .n_wanted = 32768,       /* 11 MiB: those that are undecided or IMAP */
    .n_queue = 1u << 20,     /* a window of 80 ms at 100 Mbit/s */
    .n_queue_segs = 1024,    /* as many full segments; a list longer than that is slow to search */
    .n_queue_all = 1u << 24, /* leaves room for everything else within 64 MiB */
    .n_patience = IMAPID_ORDER_PATIENCE,
};

struct direction {
    struct imapid_tcp_queue queue;
    GList link; /* in tcp->waiting while something is in the queue; data is the state */
};

struct state {
    struct imapid_conn conn;
    struct imapid_order order;
    struct direction dirs[2];
    uint32_t entry; /* unused: the next free state */
    bool used;
    bool valued; /* octets came, so it matters */
    bool told;   /* the handler knows it */
    bool recent;
};

struct imapid_tcp {
    struct imapid_tcp_handler handler;
    struct imapid_tcp_limits limits;
    struct imapid_tcp_counts counts;
    struct imapid_tcp_table table;
    uint32_t last;        /* entry of the last segment, or NONE */
    struct state *states; /* n_wanted, made real by use only */
    uint32_t n_begun;     /* states ever used */
    uint32_t n_used;
    uint32_t n_valued;
    uint32_t first_free;
    uint32_t hand, idle_hand;
    GQueue waiting;    /* directions with a queue, the longest waiting first */
    uint64_t n_queued; /* octets in all queues */
    uint32_t n_before; /* connections of captures before; see imapid_tcp_begin_capture() */
};

/* A segment taken apart. */
struct parsed {
    uint32_t seq, ack, flags;
    const uint8_t *octets;
    uint32_t n, n_cut; /* octets of data captured; and cut off */
    bool whole;        /* the header makes sense */
    struct imapid_stamp packet;
};

struct imapid_tcp *imapid_tcp_new(const struct imapid_tcp_handler *handler,
                                  const struct imapid_tcp_limits *limits)
{
    struct imapid_tcp *tcp = g_new0(struct imapid_tcp, 1);
    tcp->handler = *handler;
    tcp->limits = limits ? *limits : imapid_tcp_default_limits;
    tcp->last = tcp->first_free = IMAPID_TCP_NONE;
    tcp->states = g_new(struct state, tcp->limits.n_wanted);
    g_queue_init(&tcp->waiting);
    imapid_tcp_table_init(&tcp->table, tcp->limits.n_conns);
    return tcp;
}

/* ---- states ---- */

static struct imapid_tcp_entry *get_entry(struct imapid_tcp *tcp, const struct state *st)
{
    return &tcp->table.entries[st->entry];
}

/* After a change of a queue that had n_before octets. */
static void account_queue(struct imapid_tcp *tcp, struct direction *dir, uint32_t n_before)
{
    tcp->n_queued += dir->queue.n_octets;
    tcp->n_queued -= n_before;
    if (n_before == 0 && dir->queue.n_octets > 0)
        g_queue_push_tail_link(&tcp->waiting, &dir->link);
    else if (n_before > 0 && dir->queue.n_octets == 0)
        g_queue_unlink(&tcp->waiting, &dir->link);
}

static void drop_state(struct imapid_tcp *tcp, struct state *st)
{
    struct imapid_tcp_entry *entry = get_entry(tcp, st);
    for (int d = 0; d < 2; d++) {
        uint32_t n_before = st->dirs[d].queue.n_octets;
        imapid_tcp_queue_clear(&st->dirs[d].queue);
        account_queue(tcp, &st->dirs[d], n_before);
    }
    entry->state = IMAPID_TCP_NONE;
    entry->flags &= ~(uint32_t)IMAPID_TCP_KEEP;
    tcp->n_valued -= st->valued;
    tcp->n_used--;
    st->used = false;
    st->entry = tcp->first_free;
    tcp->first_free = (uint32_t)(st - tcp->states);
}

static void set_valued(struct imapid_tcp *tcp, struct state *st)
{
    if (st->valued)
        return;
    st->valued = true;
    tcp->n_valued++;
    get_entry(tcp, st)->flags |= IMAPID_TCP_KEEP;
}

/* The end of a connection, its queues being empty or of no interest any more. */
static void end(struct imapid_tcp *tcp, struct state *st, enum imapid_tcp_reason reason)
{
    get_entry(tcp, st)->flags |= IMAPID_TCP_OVER;
    if (st->told)
        tcp->handler.end(tcp->handler.ctx, &st->conn, reason);
    drop_state(tcp, st);
}

/* ---- delivery; each function says whether the state is still there ---- */

static void tell_gap(struct imapid_tcp *tcp, struct state *st, int d, uint32_t n_lost,
                     const struct imapid_stamp *packet)
{
    set_valued(tcp, st);
    st->told = true;
    tcp->handler.gap(tcp->handler.ctx, &st->conn, d, n_lost, packet);
    st->conn.n_lost[d] += n_lost;
    tcp->counts.n_lost += n_lost;
    tcp->counts.n_gaps++;
}

static bool deliver(struct imapid_tcp *tcp, struct state *st, int d,
                    const struct imapid_tcp_piece *piece)
{
    imapid_order_move(&st->order.sides[d], imapid_tcp_piece_end(piece));
    if (piece->n > 0) {
        set_valued(tcp, st);
        st->told = true;
        tcp->counts.n_octets += piece->n;
        if (tcp->handler.data(tcp->handler.ctx, &st->conn, d, piece->octets, piece->n,
                              &piece->packet) == IMAPID_TCP_IGNORE) {
            tcp->counts.n_ignored++;
            get_entry(tcp, st)->flags |= IMAPID_TCP_OVER;
            drop_state(tcp, st);
            return false;
        }
        st->conn.n_octets[d] += piece->n;
    }
    if (piece->n_cut > 0)
        tell_gap(tcp, st, d, piece->n_cut, &piece->packet);
    return true;
}

static bool deliver_first(struct imapid_tcp *tcp, struct state *st, int d)
{
    struct direction *dir = &st->dirs[d];
    uint32_t n_before = dir->queue.n_octets;
    struct imapid_tcp_piece *piece = imapid_tcp_queue_take(&dir->queue);
    account_queue(tcp, dir, n_before);
    bool there = deliver(tcp, st, d, piece);
    g_free(piece);
    return there;
}

/* What the rule of order has to know of what waits. */
static void look(const struct state *st, struct imapid_order_piece pieces[2])
{
    for (int d = 0; d < 2; d++) {
        const struct imapid_tcp_piece *first = st->dirs[d].queue.first;
        pieces[d].waits = first != NULL;
        if (!first)
            continue;
        pieces[d].has_ack = first->has_ack;
        pieces[d].seq = first->seq;
        pieces[d].ack = first->ack;
        pieces[d].number = first->packet.number;
    }
}

/* Everything that waits and need not wait any more. */
static bool pump(struct imapid_tcp *tcp, struct state *st)
{
    struct imapid_order_piece pieces[2];
    int d = 0;
    for (;;) {
        look(st, pieces);
        d = imapid_order_next(&st->order, pieces, d);
        if (d < 0)
            return true;
        if (!deliver_first(tcp, st, d))
            return false;
    }
}

/* Octets before `to` are lost. */
static void jump(struct imapid_tcp *tcp, struct state *st, int d, uint32_t to,
                 const struct imapid_stamp *packet)
{
    struct direction *dir = &st->dirs[d];
    uint32_t n_lost = to - st->order.sides[d].next;
    imapid_order_move(&st->order.sides[d], to);
    tell_gap(tcp, st, d, n_lost, dir->queue.first ? &dir->queue.first->packet : packet);
}

/* Direction d cannot go on: gives one hole up, no farther than `to`, so that something can. */
static bool step(struct imapid_tcp *tcp, struct state *st, int d, uint32_t to,
                 const struct imapid_stamp *packet)
{
    struct imapid_order_piece pieces[2];
    look(st, pieces);
    struct imapid_order_step step = imapid_order_give_up(&st->order, pieces, d, to);
    if (step.act == IMAPID_ORDER_LOSE)
        jump(tcp, st, step.side, step.to, packet);
    else if (!deliver_first(tcp, st, step.side))
        return false;
    return pump(tcp, st);
}

static bool give_up_to(struct imapid_tcp *tcp, struct state *st, int d, uint32_t to,
                       const struct imapid_stamp *packet)
{
    while (imapid_seq_before(st->order.sides[d].next, to))
        if (!step(tcp, st, d, to, packet))
            return false;
    return true;
}

static bool empty_queue(struct imapid_tcp *tcp, struct state *st, int d,
                        const struct imapid_stamp *packet)
{
    while (st->dirs[d].queue.first)
        if (!step(tcp, st, d, st->dirs[d].queue.first->seq, packet))
            return false;
    return true;
}

/* What is known to have been sent, but neither came nor has anything behind it. */
static void tell_lost_tail(struct imapid_tcp *tcp, struct state *st, int d)
{
    uint32_t n = imapid_order_count_lost_tail(&st->order, d);
    if (n > 0)
        jump(tcp, st, d, st->order.sides[d].next + n, &st->conn.last);
}

static bool is_over(const struct state *st, int d)
{
    return imapid_order_is_over(&st->order, d, st->dirs[d].queue.first != NULL);
}

/* Delivers all that waits, then ends the connection. */
static void finish(struct imapid_tcp *tcp, struct state *st, enum imapid_tcp_reason reason)
{
    while (st->dirs[0].queue.first || st->dirs[1].queue.first) {
        struct imapid_order_piece pieces[2];
        look(st, pieces);
        int d = imapid_order_choose(&st->order, pieces);
        if (!step(tcp, st, d, st->dirs[d].queue.first->seq, &st->conn.last))
            return;
    }
    tell_lost_tail(tcp, st, 0);
    tell_lost_tail(tcp, st, 1);
    /* Only a hole kept it open: its end is in the capture. */
    if ((reason == IMAPID_TCP_CAPTURE_END || reason == IMAPID_TCP_REUSED) && is_over(st, 0) &&
        is_over(st, 1))
        reason = IMAPID_TCP_FIN;
    end(tcp, st, reason);
}

/* ---- one segment of a wanted connection ---- */

static void take_syn(struct imapid_tcp *tcp, struct state *st, int d, const struct parsed *p)
{
    bool waits[2] = {st->dirs[0].queue.first != NULL, st->dirs[1].queue.first != NULL};
    st->conn.from_start = true;
    st->conn.client = get_entry(tcp, st)->flags & IMAPID_TCP_CLIENT_1 ? 1 : 0;
    imapid_order_take_syn(&st->order, d, p->seq, (p->flags & ACK) != 0, p->ack, waits);
}

/* The connection is somewhere else from now on. */
static bool move_on(struct imapid_tcp *tcp, struct state *st, int d, const struct parsed *p)
{
    if (!empty_queue(tcp, st, d, &p->packet))
        return false;
    tell_gap(tcp, st, d, 0, &p->packet);
    imapid_order_restart(&st->order, d, p->seq);
    return true;
}

static bool enqueue(struct imapid_tcp *tcp, struct state *st, int d,
                    const struct imapid_tcp_piece *piece)
{
    struct direction *dir = &st->dirs[d];
    uint32_t n_before = dir->queue.n_octets;
    imapid_tcp_queue_add(&dir->queue, *piece, st->order.sides[d].next);
    account_queue(tcp, dir, n_before);
    set_valued(tcp, st);
    tcp->counts.n_reordered++;
    if (!pump(tcp, st))
        return false;
    while (dir->queue.n_octets > tcp->limits.n_queue ||
           dir->queue.n_pieces > tcp->limits.n_queue_segs) {
        tcp->counts.n_limit_queue++;
        if (!step(tcp, st, d, dir->queue.first->seq, &piece->packet))
            return false;
    }
    return true;
}

static bool take_data(struct imapid_tcp *tcp, struct state *st, int d, const struct parsed *p)
{
    struct direction *dir = &st->dirs[d];
    struct imapid_tcp_piece piece = {
        .octets = p->octets,
        .seq = p->seq,
        .n = p->n,
        .n_cut = p->n_cut,
        .ack = p->ack,
        .has_ack = (p->flags & ACK) != 0,
        .packet = p->packet,
    };
    uint32_t n_old;
    switch (imapid_order_find(&st->order, d, p->seq, p->n + p->n_cut, &n_old)) {
    case IMAPID_ORDER_OLD:
        return true;
    case IMAPID_ORDER_OFF:
        tcp->counts.n_off_sequence++;
        return true;
    case IMAPID_ORDER_MOVED:
        tcp->counts.n_off_sequence++;
        if (!move_on(tcp, st, d, p))
            return false;
        break;
    case IMAPID_ORDER_NEW:
        imapid_tcp_piece_cut(&piece, n_old);
        break;
    }
    if (piece.seq != st->order.sides[d].next || dir->queue.first ||
        imapid_order_is_held(&st->order, d, piece.has_ack, piece.ack))
        return enqueue(tcp, st, d, &piece);
    return deliver(tcp, st, d, &piece) && (!st->dirs[!d].queue.first || pump(tcp, st));
}

/* What the peer acknowledged, but the capture has not shown, gets some more packets to come. */
static bool wait_for_acked(struct imapid_tcp *tcp, struct state *st, int d,
                           const struct imapid_stamp *packet)
{
    uint32_t to;
    return !imapid_order_is_lost(&st->order, d, tcp->limits.n_patience, &to) ||
           give_up_to(tcp, st, d, to, packet);
}

static void take_segment(struct imapid_tcp *tcp, struct state *st, int d, struct parsed *p)
{
    const struct imapid_order_side *peer = &st->order.sides[!d];
    st->conn.last = p->packet;
    st->recent = true;
    if (p->flags & SYN) {
        take_syn(tcp, st, d, p);
        p->seq++;
    } else {
        imapid_order_take_seen(&st->order, d, p->seq, p->n);
    }
    if (p->flags & ACK)
        imapid_order_take_ack(&st->order, !d, p->ack);
    if (peer->is_absent && !wait_for_acked(tcp, st, !d, &p->packet))
        return;
    if (p->flags & FIN)
        imapid_order_take_fin(&st->order, d, p->seq + p->n + p->n_cut);
    if (st->conn.closer < 0 && st->order.sides[d].has_fin)
        st->conn.closer = d;
    if (p->flags & RST) {
        /* What it carries is a remark on the reason (RFC 9293 3.5.3), not octets of the stream. */
        if (imapid_order_is_reset(&st->order, d, p->seq)) {
            if (st->conn.closer < 0) {
                st->conn.closer = d;
                st->conn.is_reset = true;
            }
            finish(tcp, st, IMAPID_TCP_RST);
        }
        return;
    }
    if (p->n + p->n_cut > 0 && !take_data(tcp, st, d, p))
        return;
    for (int i = 0; i < 2; i++)
        if (!wait_for_acked(tcp, st, i, &p->packet))
            return;
    if (is_over(st, d) && is_over(st, !d))
        finish(tcp, st, IMAPID_TCP_FIN);
}

/* ---- finding connections ---- */

/* The state to give up for a newer one: one without octets if there is one nearby, else one not
 * seen lately. */
static struct state *find_victim(struct imapid_tcp *tcp)
{
    uint32_t n = tcp->limits.n_wanted;
    if (tcp->n_valued < tcp->n_used) {
        /* Stays at what it finds: the next one for which there is no room is the newest. */
        for (int tries = 0; tries < 64; tries++) {
            if (!tcp->states[tcp->idle_hand].valued)
                return &tcp->states[tcp->idle_hand];
            tcp->idle_hand = (tcp->idle_hand + 1) % n;
        }
    }
    for (;;) {
        struct state *st = &tcp->states[tcp->hand];
        tcp->hand = (tcp->hand + 1) % n;
        if (!st->recent)
            return st;
        st->recent = false;
    }
}

static void make_room_for_state(struct imapid_tcp *tcp)
{
    struct state *st = find_victim(tcp);
    if (st->valued) {
        tcp->counts.n_limit_wanted++;
        finish(tcp, st, IMAPID_TCP_LIMIT);
    } else {
        drop_state(tcp, st);
    }
}

static void init_conn(struct imapid_conn *conn, const struct imapid_tcp_entry *entry,
                      const struct imapid_stamp *packet)
{
    *conn = (struct imapid_conn){
        .client = -1,
        .closer = -1,
        .stream = entry->stream,
        .first = *packet,
        .last = *packet,
        .from_start = (entry->flags & IMAPID_TCP_HANDSHAKE) != 0,
    };
    if (conn->from_start)
        conn->client = entry->flags & IMAPID_TCP_CLIENT_1 ? 1 : 0;
    for (int d = 0; d < 2; d++) {
        memcpy(conn->endpoint[d].address, entry->address[d], sizeof entry->address[d]);
        conn->endpoint[d].port = entry->port[d];
        conn->endpoint[d].family = entry->flags & IMAPID_TCP_IS_IP6 ? 6 : 4;
    }
}

static struct state *get_state(struct imapid_tcp *tcp, uint32_t index,
                               const struct imapid_stamp *packet)
{
    struct imapid_tcp_entry *entry = &tcp->table.entries[index];
    if (entry->state != IMAPID_TCP_NONE)
        return &tcp->states[entry->state];
    if (tcp->first_free == IMAPID_TCP_NONE && tcp->n_begun == tcp->limits.n_wanted)
        make_room_for_state(tcp);
    uint32_t i = tcp->first_free;
    if (i != IMAPID_TCP_NONE)
        tcp->first_free = tcp->states[i].entry;
    else
        i = tcp->n_begun++;
    struct state *st = &tcp->states[i];
    *st = (struct state){.entry = index, .used = true};
    init_conn(&st->conn, entry, packet);
    for (int d = 0; d < 2; d++) {
        st->dirs[d].link.data = st;
        /* All that is left of a state without octets that was given up for others. */
        if (entry->flags & (uint32_t)IMAPID_TCP_HAS_ISN_0 << d) {
            imapid_order_set_next(&st->order.sides[d], entry->isn[d] + 1);
            st->order.sides[d].is_guessed = !st->conn.from_start;
        }
    }
    entry->state = i;
    tcp->n_used++;
    return st;
}

static void forget_one(struct imapid_tcp *tcp)
{
    uint32_t victim = imapid_tcp_table_find_victim(&tcp->table);
    if (victim == IMAPID_TCP_NONE)
        return;
    uint32_t state = tcp->table.entries[victim].state;
    if (state != IMAPID_TCP_NONE)
        drop_state(tcp, &tcp->states[state]);
    if (tcp->last == victim)
        tcp->last = IMAPID_TCP_NONE;
    if (!(tcp->table.entries[victim].flags & IMAPID_TCP_ALIAS))
        tcp->counts.n_limit_conns++;
    imapid_tcp_table_remove(&tcp->table, victim);
}

/* Whether seq is near where direction d is, or, of a connection that is not followed, began. */
static bool is_near(const struct imapid_tcp *tcp, const struct imapid_tcp_entry *entry, int d,
                    uint32_t seq)
{
    uint32_t at = entry->isn[d];
    if (!(entry->flags & (uint32_t)IMAPID_TCP_HAS_ISN_0 << d))
        return false;
    if (entry->state != IMAPID_TCP_NONE && tcp->states[entry->state].order.sides[d].is_known)
        at = tcp->states[entry->state].order.sides[d].next;
    return seq - at <= ASTRAY_MAX || at - seq <= ASTRAY_MAX;
}

/* Whether a segment that came another way is one of this connection: see imapid_segment.path. */
static bool is_astray(const struct imapid_tcp *tcp, const struct imapid_tcp_entry *entry,
                      const struct imapid_tcp_key *key, const struct parsed *p)
{
    int d = key->dir;
    if (p->flags & SYN)
        return !(entry->flags & IMAPID_TCP_OVER) && entry->isn[d] == p->seq &&
               entry->flags & (uint32_t)IMAPID_TCP_HAS_ISN_0 << d;
    return p->flags & ACK && is_near(tcp, entry, d, p->seq) && is_near(tcp, entry, !d, p->ack);
}

/* Whether a server answers on this path with another sequence number than it did on the path of the
 * connection: something between opened a connection of its own, with the client's SYN. */
static bool answers_otherwise(const struct imapid_tcp_entry *entry,
                              const struct imapid_tcp_key *key, const struct parsed *p)
{
    return (p->flags & (SYN | ACK)) == (SYN | ACK) && entry->isn[key->dir] != p->seq &&
           entry->flags & (uint32_t)IMAPID_TCP_SEEN_0 << key->dir;
}

/* Follows an alias, or takes away one that leads nowhere. */
static uint32_t follow_alias(struct imapid_tcp *tcp, const struct imapid_tcp_key *key,
                             uint32_t alias, const struct parsed *p)
{
    struct imapid_tcp_entry *entry = &tcp->table.entries[alias];
    if (imapid_tcp_table_leads_on(&tcp->table, key, alias) &&
        !answers_otherwise(&tcp->table.entries[entry->isn[0]], key, p)) {
        entry->flags |= IMAPID_TCP_RECENT;
        return entry->isn[0];
    }
    imapid_tcp_table_remove(&tcp->table, alias);
    return IMAPID_TCP_NONE;
}

static uint32_t add_entry(struct imapid_tcp *tcp, const struct imapid_tcp_key *key, uint32_t hash)
{
    uint32_t index = imapid_tcp_table_add(&tcp->table, key, hash);
    if (index != IMAPID_TCP_NONE)
        return index;
    forget_one(tcp);
    return imapid_tcp_table_add(&tcp->table, key, hash);
}

/* The connection of a segment that came a way which none of its connections is known to take. */
static uint32_t find_other_path(struct imapid_tcp *tcp, const struct imapid_tcp_key *key,
                                uint32_t hash, const struct parsed *p)
{
    uint32_t index = imapid_tcp_table_find_alike(&tcp->table, key), unseen = IMAPID_TCP_NONE;
    bool unseen_fits = false;
    for (unsigned n = 0; index != IMAPID_TCP_NONE && n < N_ALIKE_MAX;
         n++, index = imapid_tcp_table_next_alike(&tcp->table, index)) {
        const struct imapid_tcp_entry *entry = &tcp->table.entries[index];
        if (!(entry->flags & (uint32_t)IMAPID_TCP_SEEN_0 << key->dir)) {
            bool fits = p->flags & ACK && is_near(tcp, entry, !key->dir, p->ack);
            if (fits || !unseen_fits)
                unseen = index;
            unseen_fits |= fits;
        } else if (is_astray(tcp, entry, key, p)) {
            /* A full table does without: the next segment is as near. */
            imapid_tcp_table_add_alias(&tcp->table, key, hash, index);
            return index;
        }
    }
    return unseen;
}

/* NONE only if the table is full of connections that must stay. */
static uint32_t get_connection(struct imapid_tcp *tcp, const struct imapid_tcp_key *key,
                               const struct parsed *p)
{
    if (tcp->last != IMAPID_TCP_NONE &&
        imapid_tcp_entry_matches(&tcp->table.entries[tcp->last], key))
        return tcp->last;
    uint32_t hash = imapid_tcp_table_hash(&tcp->table, key);
    uint32_t index = imapid_tcp_table_find(&tcp->table, key, hash);
    if (index != IMAPID_TCP_NONE && tcp->table.entries[index].flags & IMAPID_TCP_ALIAS)
        index = follow_alias(tcp, key, index, p);
    if (index == IMAPID_TCP_NONE)
        index = find_other_path(tcp, key, hash, p);
    if (index == IMAPID_TCP_NONE) {
        index = add_entry(tcp, key, hash);
        if (index != IMAPID_TCP_NONE)
            tcp->table.entries[index].stream = (uint32_t)tcp->counts.n_conns++;
    }
    tcp->last = index;
    return index;
}

static bool is_of_capture_before(const struct imapid_tcp *tcp, const struct imapid_tcp_entry *entry)
{
    return entry->flags & IMAPID_TCP_OVER && entry->stream < tcp->n_before;
}

void imapid_tcp_begin_capture(struct imapid_tcp *tcp)
{
    tcp->n_before = (uint32_t)tcp->counts.n_conns;
}

/* Another connection on the same addresses and ports. */
static void restart(struct imapid_tcp *tcp, uint32_t index)
{
    struct imapid_tcp_entry *entry = &tcp->table.entries[index];
    if (entry->state != IMAPID_TCP_NONE)
        finish(tcp, &tcp->states[entry->state], IMAPID_TCP_REUSED);
    entry->flags &= IMAPID_TCP_USED | IMAPID_TCP_IS_IP6;
    entry->stream = (uint32_t)tcp->counts.n_conns++;
}

/* What of the segment the entry remembers, in the way Wireshark does: a direction's initial
 * sequence number comes from its own first segment or from the peer's first acknowledgement. */
static void note_segment(struct imapid_tcp *tcp, uint32_t index, const struct imapid_tcp_key *key,
                         const struct parsed *p)
{
    struct imapid_tcp_entry *entry = &tcp->table.entries[index];
    int d = key->dir;
    uint32_t mine = (uint32_t)IMAPID_TCP_HAS_ISN_0 << d;
    uint32_t peers = (uint32_t)IMAPID_TCP_HAS_ISN_0 << !d;
    uint32_t seen = (uint32_t)IMAPID_TCP_SEEN_0 << d;
    if (!(entry->flags & seen)) {
        imapid_tcp_table_set_path(&tcp->table, index, d, key->path);
        entry->flags |= seen;
    }
    if (p->flags & SYN && !(entry->flags & IMAPID_TCP_HANDSHAKE)) {
        int client = p->flags & ACK ? !d : d;
        entry->flags |= IMAPID_TCP_HANDSHAKE | (client ? IMAPID_TCP_CLIENT_1 : 0u);
    }
    if (!(entry->flags & mine)) {
        entry->isn[d] = p->flags & SYN ? p->seq : p->seq - 1;
        entry->flags |= mine;
    }
    if (p->flags & ACK && !(entry->flags & peers)) {
        entry->isn[!d] = p->ack - 1;
        entry->flags |= peers;
    }
    if (!(entry->flags & IMAPID_TCP_RECENT))
        entry->flags |= IMAPID_TCP_RECENT;
}

/* Sets an address of the key, in the words that it will be read in: a wider read of narrow writes
 * would have to wait for them. */
static void put_address(uint8_t *to, const uint8_t *address, bool is_ip6)
{
    uint64_t words[2] = {0, 0};
    if (is_ip6)
        memcpy(words, address, 16);
    else
        memcpy(words, address, 4);
    memcpy(to, words, sizeof words);
}

static void make_key(const struct imapid_segment *segment, struct imapid_tcp_key *key)
{
    uint16_t source = imapid_number_be16(segment->octets),
             destination = imapid_number_be16(segment->octets + 2);
    int order;
    key->is_ip6 = segment->family == 6;
    if (key->is_ip6) {
        order = memcmp(segment->source, segment->destination, 16);
    } else {
        uint32_t a = imapid_number_be32(segment->source),
                 b = imapid_number_be32(segment->destination);
        order = (a > b) - (a < b);
    }
    int d = order > 0 || (order == 0 && source > destination);
    put_address(key->address[d], segment->source, key->is_ip6);
    put_address(key->address[!d], segment->destination, key->is_ip6);
    key->port[d] = source;
    key->port[!d] = destination;
    key->path = segment->path;
    key->dir = d;
}

static void parse(const struct imapid_segment *segment, struct parsed *p)
{
    const uint8_t *at = segment->octets;
    uint32_t n_header = (uint32_t)(at[12] >> 4) * 4;
    uint32_t n_wire = MAX(segment->n, segment->n_wire);
    p->seq = imapid_number_be32(at + 4);
    p->ack = imapid_number_be32(at + 8);
    p->flags = at[13];
    p->whole = n_header >= 20 && n_header <= n_wire;
    p->octets = at + MIN(n_header, segment->n);
    p->n = segment->n > n_header ? segment->n - n_header : 0;
    p->n_cut = p->whole ? n_wire - n_header - p->n : 0;
    if (p->n > N_SEGMENT_MAX || p->n_cut > N_SEGMENT_MAX)
        p->n_cut = 0;
    p->packet = segment->packet;
}

/* More waits than may: those that have waited longest are given up. */
static void enforce_limit(struct imapid_tcp *tcp, const struct imapid_stamp *packet)
{
    while (tcp->n_queued > tcp->limits.n_queue_all) {
        struct state *st = g_queue_peek_head(&tcp->waiting);
        tcp->counts.n_limit_all++;
        if (empty_queue(tcp, st, 0, packet))
            empty_queue(tcp, st, 1, packet);
    }
}

void imapid_tcp_segment(struct imapid_tcp *tcp, const struct imapid_segment *segment)
{
    struct imapid_tcp_key key;
    struct parsed p;
    tcp->counts.n_segments++;
    /* As far as the flags; Wireshark, too, has a stream from there on. */
    if (segment->n < 16) {
        tcp->counts.n_short++;
        return;
    }
    make_key(segment, &key);
    parse(segment, &p);
    uint32_t index = get_connection(tcp, &key, &p);
    if (index == IMAPID_TCP_NONE)
        return;
    struct imapid_tcp_entry *entry = &tcp->table.entries[index];
    if ((p.flags & (SYN | ACK)) == SYN &&
        entry->flags & (uint32_t)IMAPID_TCP_HAS_ISN_0 << key.dir &&
        (entry->isn[key.dir] != p.seq || is_of_capture_before(tcp, entry)))
        restart(tcp, index);
    struct state *st = NULL;
    if (!(entry->flags & IMAPID_TCP_OVER))
        st = get_state(tcp, index, &segment->packet);
    note_segment(tcp, index, &key, &p);
    if (!p.whole)
        tcp->counts.n_short++;
    else if (st)
        take_segment(tcp, st, key.dir, &p);
    if (tcp->n_queued > tcp->limits.n_queue_all)
        enforce_limit(tcp, &segment->packet);
}

/* ---- the end ---- */

void imapid_tcp_give_up(struct imapid_tcp *tcp, const struct imapid_conn *conn)
{
    size_t place = (size_t)((const char *)conn - (const char *)tcp->states);
    finish(tcp, &tcp->states[place / sizeof *tcp->states], IMAPID_TCP_LIMIT);
}

static int compare_streams(const void *a, const void *b)
{
    const struct state *const *x = a, *const *y = b;
    return ((*x)->conn.stream > (*y)->conn.stream) - ((*x)->conn.stream < (*y)->conn.stream);
}

void imapid_tcp_finish(struct imapid_tcp *tcp)
{
    struct state **states = g_new(struct state *, tcp->n_used);
    uint32_t n = 0;
    for (uint32_t i = 0; i < tcp->n_begun; i++)
        if (tcp->states[i].used)
            states[n++] = &tcp->states[i];
    if (n > 0)
        qsort(states, n, sizeof(struct state *), compare_streams);
    for (uint32_t i = 0; i < n; i++)
        finish(tcp, states[i], IMAPID_TCP_CAPTURE_END);
    g_free(states);
    imapid_tcp_table_deinit(&tcp->table);
    imapid_tcp_table_init(&tcp->table, tcp->limits.n_conns);
    tcp->last = tcp->first_free = IMAPID_TCP_NONE;
    tcp->n_begun = tcp->hand = tcp->idle_hand = 0;
}

const struct imapid_tcp_counts *imapid_tcp_get_counts(const struct imapid_tcp *tcp)
{
    return &tcp->counts;
}

void imapid_tcp_free(struct imapid_tcp *tcp)
{
    if (!tcp)
        return;
    for (uint32_t i = 0; i < tcp->n_begun; i++)
        if (tcp->states[i].used)
            drop_state(tcp, &tcp->states[i]);
    imapid_tcp_table_deinit(&tcp->table);
    g_free(tcp->states);
    g_free(tcp);
}
