/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Connections, and the order of their octets.
 *
 * Every connection has an entry in the table; one that the handler still wants has a state besides.
 * A segment that is the next one, with nothing waiting, goes to the handler straight from the
 * packet. Any other waits in a copy:
 *
 *  - behind a hole in its own direction. The hole is given up for lost when the peer has
 *    acknowledged octets beyond it and the capture has not shown them within some more packets of
 *    the connection (n_patience); when too much waits; at the end of the connection.
 *  - for the other direction, when it acknowledges octets that were not delivered yet. They were
 *    sent before it, whatever the order of the capture, and they come or are given up likewise.
 *
 * Refused: segments outside any window (until they go on in a sequence of their own, which the
 * connection then follows), checks of checksums. Misuse: calling back from a callback; handing in
 * pieces of IP datagrams. */

#include "net/tcp.h"

#include "net/tcp-queue.h"
#include "net/tcp-table.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define FIN 0x01u
#define SYN 0x02u
#define RST 0x04u
#define ACK 0x10u

/* The largest window TCP can have (RFC 7323): nothing is sent, and nothing acknowledged, farther
 * ahead. */
#define AHEAD_MAX (1u << 30)

/* A retransmission may be as old as a window; beyond this it is another sequence. Less than the
 * above, since it is the reason to believe that the connection is somewhere else now. */
#define BEHIND_MAX (1u << 24)

/* So many segments in a row off the sequence, each continuing the one before, are the connection.
 */
#define N_OFF_MAX 4

/* Octets in a segment on the wire: TSO has some hundred thousand, a damaged length any number. */
#define N_SEGMENT_MAX (1u << 24)

/* How far a packet that took another way may be from the others of its connection: what may be
 * under way. By chance one of four million is, both its numbers taken together. */
#define ASTRAY_MAX (1u << 20)

/* What a packet that came first may be older than one that told of it. */
#define GUESS_MAX 65536u

const struct imapid_tcp_limits imapid_tcp_default_limits = {
    .n_conns = 262144,       /* 16 MiB: many times what is open at once where this tool is used */
    .n_wanted = 32768,       /* 11 MiB: those that are undecided or IMAP */
    .n_queue = 1u << 20,     /* a window of 80 ms at 100 Mbit/s */
    .n_queue_segs = 1024,    /* as many full segments; a list longer than that is slow to search */
    .n_queue_all = 1u << 24, /* leaves room for everything else within 64 MiB */
    .n_patience = 32,        /* captures that merge several queues are out of order by less */
};

struct direction {
    struct imapid_tcp_queue queue;
    GList link;        /* in tcp->waiting while something is in the queue; data is the state */
    uint32_t next;     /* the octet that is waited for */
    uint32_t acked;    /* octets before this one were acknowledged; not before next */
    uint32_t fin;      /* with has_fin: the place of the FIN */
    uint32_t wait_to;  /* with n_waited: what was acknowledged when the waiting began */
    uint32_t off_next; /* with n_off: where the other sequence goes on */
    uint32_t n_waited; /* packets of the connection since octets were acknowledged but not seen */
    uint8_t n_off;     /* segments in a row off the sequence */
    bool known;        /* next and acked are set */
    bool guessed;      /* by an acknowledgement of the peer: no segment was seen yet */
    bool started;      /* octets were delivered or lost */
    bool has_fin;
    bool silent; /* no packet since the waiting began */
    bool absent; /* only the peer is in the capture, for the time being */
};

struct state {
    struct imapid_conn conn;
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
    st->dirs[d].started = true;
    tcp->handler.gap(tcp->handler.ctx, &st->conn, d, n_lost, packet);
    st->conn.n_lost[d] += n_lost;
    tcp->counts.n_lost += n_lost;
    tcp->counts.n_gaps++;
}

static void move_to(struct direction *dir, uint32_t next)
{
    dir->next = next;
    if (imapid_seq_before(dir->acked, next))
        dir->acked = next;
}

static bool deliver(struct imapid_tcp *tcp, struct state *st, int d,
                    const struct imapid_tcp_piece *piece)
{
    move_to(&st->dirs[d], imapid_tcp_piece_end(piece));
    st->dirs[d].started = true;
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

/* Where the peer's acknowledgements are when all octets before next are there. */
static uint32_t position(const struct direction *dir)
{
    return dir->next + (dir->has_fin && dir->next == dir->fin);
}

/* What was acknowledged, the FIN not counted. */
static uint32_t acked_data(const struct direction *dir)
{
    return dir->has_fin && imapid_seq_before(dir->fin, dir->acked) ? dir->fin : dir->acked;
}

/* Whether the piece of direction d answers octets of the other one that were not delivered. */
static bool is_held(const struct state *st, int d, const struct imapid_tcp_piece *piece)
{
    const struct direction *peer = &st->dirs[!d];
    if (!piece->has_ack || !peer->known || peer->absent)
        return false;
    uint32_t ahead = piece->ack - position(peer);
    return ahead > 0 && ahead <= AHEAD_MAX;
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

static bool is_next(const struct direction *dir)
{
    return dir->queue.first && dir->queue.first->seq == dir->next;
}

/* Everything that waits and need not wait any more. */
static bool pump(struct imapid_tcp *tcp, struct state *st)
{
    int n_blocked = 0;
    for (int d = 0; n_blocked < 2; d = !d) {
        if (is_next(&st->dirs[d]) && !is_held(st, d, st->dirs[d].queue.first)) {
            if (!deliver_first(tcp, st, d))
                return false;
            /* The same direction again: its packets are in order, the other's may follow it. */
            d = !d;
            n_blocked = 0;
        } else {
            n_blocked++;
        }
    }
    return true;
}

/* Octets before `to` are lost. */
static void jump(struct imapid_tcp *tcp, struct state *st, int d, uint32_t to,
                 const struct imapid_stamp *packet)
{
    struct direction *dir = &st->dirs[d];
    uint32_t n_lost = to - dir->next;
    move_to(dir, to);
    tell_gap(tcp, st, d, n_lost, dir->queue.first ? &dir->queue.first->packet : packet);
}

/* The first piece that waits, or `to` if that is nearer or nothing waits. */
static uint32_t nearer(const struct direction *dir, uint32_t to)
{
    const struct imapid_tcp_piece *first = dir->queue.first;
    return first && imapid_seq_before(first->seq, to) ? first->seq : to;
}

/* Direction d cannot go on: gives one hole up, no farther than `to`, so that it (or, first, the
 * other one that it is held for) can. */
static bool step(struct imapid_tcp *tcp, struct state *st, int d, uint32_t to,
                 const struct imapid_stamp *packet)
{
    const struct imapid_tcp_piece *first = st->dirs[d].queue.first;
    struct direction *peer = &st->dirs[!d];
    if (!is_next(&st->dirs[d]))
        jump(tcp, st, d, nearer(&st->dirs[d], to), packet);
    else if (is_held(st, d, first) && !is_next(peer))
        jump(tcp, st, !d, nearer(peer, first->ack), packet);
    /* Each held for the other: no real capture has that. */
    else if (!deliver_first(tcp, st, d))
        return false;
    return pump(tcp, st);
}

static bool give_up_to(struct imapid_tcp *tcp, struct state *st, int d, uint32_t to,
                       const struct imapid_stamp *packet)
{
    while (imapid_seq_before(st->dirs[d].next, to))
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

/* Which direction to help on when both have something waiting: the one that is held, since that
 * shows which octets were earlier; else the one captured earlier. */
static int choose_direction(const struct state *st)
{
    const struct imapid_tcp_piece *first[2] = {st->dirs[0].queue.first, st->dirs[1].queue.first};
    if (!first[0] || !first[1])
        return first[0] ? 0 : 1;
    for (int d = 0; d < 2; d++)
        if (is_next(&st->dirs[d]))
            return d;
    return first[0]->packet.number <= first[1]->packet.number ? 0 : 1;
}

/* What is known to have been sent, but neither came nor has anything behind it. */
static void tell_lost_tail(struct imapid_tcp *tcp, struct state *st, int d)
{
    struct direction *dir = &st->dirs[d];
    uint32_t to = dir->has_fin ? dir->fin : dir->acked;
    if (!dir->known || !imapid_seq_before(dir->next, to))
        return;
    /* One that nobody saw, at the very end, was the FIN. */
    if (!dir->has_fin && to - dir->next == 1)
        return;
    jump(tcp, st, d, to, &st->conn.last);
}

/* Delivers all that waits, then ends the connection. */
static void finish(struct imapid_tcp *tcp, struct state *st, enum imapid_tcp_reason reason)
{
    while (st->dirs[0].queue.first || st->dirs[1].queue.first) {
        int d = choose_direction(st);
        if (!step(tcp, st, d, st->dirs[d].queue.first->seq, &st->conn.last))
            return;
    }
    tell_lost_tail(tcp, st, 0);
    tell_lost_tail(tcp, st, 1);
    end(tcp, st, reason);
}

/* ---- one segment of a wanted connection ---- */

static void set_next(struct direction *dir, uint32_t next)
{
    dir->next = dir->acked = next;
    dir->known = true;
    /* One that was seen before is of this sequence only if it is near. */
    if (dir->has_fin && dir->fin - next > AHEAD_MAX)
        dir->has_fin = false;
}

static void take_syn(struct imapid_tcp *tcp, struct state *st, int d, const struct parsed *p)
{
    struct direction *dir = &st->dirs[d], *peer = &st->dirs[!d];
    uint32_t flags = get_entry(tcp, st)->flags;
    st->conn.from_start = true;
    st->conn.client = flags & IMAPID_TCP_CLIENT_1 ? 1 : 0;
    if (!dir->started && !dir->queue.first)
        set_next(dir, p->seq + 1);
    if (p->flags & ACK && (!peer->known || peer->guessed) && !peer->started && !peer->queue.first)
        set_next(peer, p->ack);
}

/* The first segment of a direction, but for SYN: where does it begin? */
static void take_first(struct direction *dir, const struct parsed *p)
{
    /* One octet that was acknowledged before is a keep-alive. */
    bool is_older = dir->known && p->n > 1 && dir->next - p->seq <= GUESS_MAX;
    if (!dir->known || (is_older && !dir->started))
        set_next(dir, p->seq);
}

static void take_ack(struct direction *peer, uint32_t ack)
{
    if (!peer->known) {
        set_next(peer, ack);
        peer->guessed = true;
    } else if (ack - peer->next <= AHEAD_MAX && imapid_seq_before(peer->acked, ack)) {
        peer->acked = ack;
    }
}

/* Off the sequence: true if the connection is there from now on. */
static bool follow_off(struct direction *dir, const struct parsed *p)
{
    dir->n_off = p->seq == dir->off_next ? dir->n_off + 1 : 1;
    dir->off_next = p->seq + p->n + p->n_cut;
    return dir->n_off >= N_OFF_MAX;
}

static bool take_off_sequence(struct imapid_tcp *tcp, struct state *st, int d,
                              const struct parsed *p)
{
    struct direction *dir = &st->dirs[d];
    tcp->counts.n_off_sequence++;
    if (!follow_off(dir, p))
        return true;
    if (!empty_queue(tcp, st, d, &p->packet))
        return false;
    dir->n_off = 0;
    dir->has_fin = false;
    dir->n_waited = 0;
    tell_gap(tcp, st, d, 0, &p->packet);
    set_next(dir, p->seq);
    return true;
}

static bool enqueue(struct imapid_tcp *tcp, struct state *st, int d,
                    const struct imapid_tcp_piece *piece)
{
    struct direction *dir = &st->dirs[d];
    uint32_t n_before = dir->queue.n_octets;
    imapid_tcp_queue_add(&dir->queue, *piece, dir->next);
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
    uint32_t ahead = p->seq - dir->next, behind = dir->next - p->seq;
    if (ahead > AHEAD_MAX && behind > BEHIND_MAX) {
        if (!take_off_sequence(tcp, st, d, p))
            return false;
        if (dir->next != p->seq)
            return true;
    } else if (ahead > AHEAD_MAX) { /* begins before what is there */
        if (behind >= p->n + p->n_cut)
            return true;
        uint32_t n_data = MIN(behind, p->n);
        piece.seq += behind;
        piece.octets += n_data;
        piece.n -= n_data;
        piece.n_cut -= behind - n_data;
    }
    dir->n_off = 0;
    if (piece.seq != dir->next || dir->queue.first || is_held(st, d, &piece))
        return enqueue(tcp, st, d, &piece);
    return deliver(tcp, st, d, &piece) && (!st->dirs[!d].queue.first || pump(tcp, st));
}

static void take_fin(struct direction *dir, const struct parsed *p)
{
    uint32_t fin = p->seq + p->n + p->n_cut;
    if (!dir->has_fin && fin - dir->next <= AHEAD_MAX) {
        dir->has_fin = true;
        dir->fin = fin;
    }
}

/* What the peer acknowledged, but the capture has not shown, gets some more packets to come. */
static bool wait_for_acked(struct imapid_tcp *tcp, struct state *st, int d,
                           const struct imapid_stamp *packet)
{
    struct direction *dir = &st->dirs[d];
    if (!imapid_seq_before(dir->next, acked_data(dir))) {
        dir->n_waited = 0;
        return true;
    }
    if (dir->absent)
        return give_up_to(tcp, st, d, acked_data(dir), packet);
    if (dir->n_waited == 0 || !imapid_seq_before(dir->next, dir->wait_to)) {
        dir->n_waited = 0;
        dir->wait_to = acked_data(dir);
        dir->silent = true;
    }
    if (dir->n_waited++ < tcp->limits.n_patience)
        return true;
    dir->n_waited = 0;
    dir->absent = dir->silent;
    return give_up_to(tcp, st, d, dir->wait_to, packet);
}

static bool is_over(const struct direction *dir)
{
    return dir->has_fin && !imapid_seq_before(dir->next, dir->fin) && !dir->queue.first;
}

/* A reset out of nowhere is none (RFC 5961 is stricter; a capture with holes cannot be). */
static bool is_reset(const struct direction *dir, const struct parsed *p)
{
    return !dir->started || p->seq - dir->next <= AHEAD_MAX || dir->next - p->seq <= GUESS_MAX;
}

static void take_segment(struct imapid_tcp *tcp, struct state *st, int d, struct parsed *p)
{
    struct direction *dir = &st->dirs[d], *peer = &st->dirs[!d];
    st->conn.last = p->packet;
    st->recent = true;
    dir->silent = dir->absent = false;
    if (p->flags & SYN) {
        take_syn(tcp, st, d, p);
        p->seq++;
    } else if (!dir->known || dir->guessed) {
        take_first(dir, p);
    }
    dir->guessed = false;
    if (p->flags & ACK)
        take_ack(peer, p->ack);
    if (peer->known && peer->absent && !wait_for_acked(tcp, st, !d, &p->packet))
        return;
    if (p->flags & FIN)
        take_fin(dir, p);
    if (p->flags & RST) {
        /* What it carries is a remark on the reason (RFC 9293 3.5.3), not octets of the stream. */
        if (is_reset(dir, p))
            finish(tcp, st, IMAPID_TCP_RST);
        return;
    }
    if (p->n + p->n_cut > 0 && !take_data(tcp, st, d, p))
        return;
    for (int i = 0; i < 2; i++)
        if (st->dirs[i].known && !wait_for_acked(tcp, st, i, &p->packet))
            return;
    if (is_over(dir) && is_over(peer))
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
            set_next(&st->dirs[d], entry->isn[d] + 1);
            st->dirs[d].guessed = !st->conn.from_start;
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
    if (entry->state != IMAPID_TCP_NONE && tcp->states[entry->state].dirs[d].known)
        at = tcp->states[entry->state].dirs[d].next;
    return seq - at <= ASTRAY_MAX || at - seq <= ASTRAY_MAX;
}

/* Whether a segment that came another way is one of this connection: see imapid_segment.path. */
static bool is_astray(const struct imapid_tcp *tcp, const struct imapid_tcp_entry *entry,
                      const struct imapid_tcp_key *key, const struct parsed *p)
{
    int d = key->dir;
    if (p->flags & SYN)
        return (key->path == 0 || entry->path[d] == 0) && entry->isn[d] == p->seq &&
               entry->flags & (uint32_t)IMAPID_TCP_HAS_ISN_0 << d;
    return p->flags & ACK && is_near(tcp, entry, d, p->seq) && is_near(tcp, entry, !d, p->ack);
}

/* Follows an alias, or takes away one that leads nowhere. */
static uint32_t follow_alias(struct imapid_tcp *tcp, const struct imapid_tcp_key *key,
                             uint32_t alias)
{
    struct imapid_tcp_entry *entry = &tcp->table.entries[alias];
    if (imapid_tcp_table_leads_on(&tcp->table, key, alias)) {
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
    uint32_t place = 0, index, unseen = IMAPID_TCP_NONE;
    bool unseen_fits = false;
    while ((index = imapid_tcp_table_find_alike(&tcp->table, key, hash, &place)) !=
           IMAPID_TCP_NONE) {
        const struct imapid_tcp_entry *entry = &tcp->table.entries[index];
        if (entry->flags & IMAPID_TCP_ALIAS)
            continue;
        if (!(entry->flags & (uint32_t)IMAPID_TCP_SEEN_0 << key->dir)) {
            bool fits = p->flags & ACK && is_near(tcp, entry, !key->dir, p->ack);
            if (fits || !unseen_fits)
                unseen = index;
            unseen_fits |= fits;
        } else if (is_astray(tcp, entry, key, p)) {
            /* A full table does without: the next segment is as near. */
            uint32_t alias = imapid_tcp_table_add(&tcp->table, key, hash);
            if (alias != IMAPID_TCP_NONE) {
                tcp->table.entries[alias].flags |= IMAPID_TCP_ALIAS | IMAPID_TCP_RECENT;
                tcp->table.entries[alias].isn[0] = index;
            }
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
        index = follow_alias(tcp, key, index);
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
static void note_segment(struct imapid_tcp_entry *entry, const struct imapid_tcp_key *key,
                         const struct parsed *p)
{
    int d = key->dir;
    uint32_t mine = (uint32_t)IMAPID_TCP_HAS_ISN_0 << d;
    uint32_t peers = (uint32_t)IMAPID_TCP_HAS_ISN_0 << !d;
    uint32_t seen = (uint32_t)IMAPID_TCP_SEEN_0 << d;
    if (!(entry->flags & seen)) {
        entry->path[d] = key->path;
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

static uint16_t get16(const uint8_t *octets)
{
    return (uint16_t)(octets[0] << 8 | octets[1]);
}

static uint32_t get32(const uint8_t *octets)
{
    return (uint32_t)get16(octets) << 16 | get16(octets + 2);
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
    uint16_t source = get16(segment->octets), destination = get16(segment->octets + 2);
    int order;
    key->is_ip6 = segment->family == 6;
    if (key->is_ip6) {
        order = memcmp(segment->source, segment->destination, 16);
    } else {
        uint32_t a = get32(segment->source), b = get32(segment->destination);
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
    p->seq = get32(at + 4);
    p->ack = get32(at + 8);
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
        entry->flags & (uint32_t)IMAPID_TCP_HAS_ISN_0 << key.dir && entry->isn[key.dir] != p.seq)
        restart(tcp, index);
    struct state *st = NULL;
    if (!(entry->flags & IMAPID_TCP_OVER))
        st = get_state(tcp, index, &segment->packet);
    note_segment(entry, &key, &p);
    if (!p.whole)
        tcp->counts.n_short++;
    else if (st)
        take_segment(tcp, st, key.dir, &p);
    if (tcp->n_queued > tcp->limits.n_queue_all)
        enforce_limit(tcp, &segment->packet);
}

/* ---- the end ---- */

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
