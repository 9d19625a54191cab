/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp.c: whose a segment is. Every connection has an entry in the table; one that the handler still
 * wants has a state besides, which tcp-order.c reads segments with. States and entries are bounded,
 * and the oldest of least value give way.
 *
 * Refuses segments too short to tell their flags.
 *
 * Misuse: calling back from a callback; handing in pieces of IP datagrams. */

#include "net/tcp.h"

#include "number.h"
#include "large.h"
#include "net/tcp-order.h"
#include "net/tcp-table.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define SYN IMAPID_TCP_FLAG_SYN
#define FIN IMAPID_TCP_FLAG_FIN
#define RST IMAPID_TCP_FLAG_RST
#define ACK IMAPID_TCP_FLAG_ACK

/* Octets in a segment on the wire: TSO has some hundred thousand, a damaged length any number. */
#define N_SEGMENT_MAX (1u << 24)

const struct imapid_tcp_limits imapid_tcp_default_limits = {
    .n_conns = 262144, /* 16 MiB: many times what is open at once where this tool is used */
    .n_wanted = 24576, /* 19 MiB: those that are undecided or IMAP, as many of which 256 MiB hold */
    .n_queue = 1u << 20,     /* a window of 80 ms at 100 Mbit/s */
    .n_queue_segs = 1024,    /* as many full segments; a list longer than that is slow to search */
    .n_queue_all = 1u << 24, /* leaves room for everything else within 96 MiB */
    .n_past_all = IMAPID_PASTS_MAX,
    .n_patience = IMAPID_ORDER_PATIENCE,
    .n_closing = 128,                   /* of a server that closes some a second */
    .closing_ns = INT64_C(60000000000), /* nobody retransmits what was never answered for longer */
};

/* Segments that will come: a ring. A packet of a busy network is of another connection than those
 * before it, and all that is known of that has to come from memory: the slot, the entry, the state,
 * what the handler knows. Each is fetched so many segments after the one that leads there, so that
 * this one has come by then. */
#define N_FORESEEN 32
#define N_STEP     4

/* Octets that are fetched of what the handler knows. */
#define N_USER 320

struct foreseen {
    uint64_t number; /* of the packet, and where in it the segment begins */
    const uint8_t *octets;
    uint64_t digest;
    uint32_t entry; /* as it seems; NONE: not looked for yet, too */
};

struct imapid_tcp {
    struct imapid_tcp_order order;
    struct imapid_tcp_table table;
    uint32_t last;                   /* entry of the last segment, or NONE */
    struct imapid_tcp_state *states; /* n_wanted, made real by use only */
    uint32_t n_begun;                /* states ever used */
    uint32_t n_used;
    uint32_t n_valued;   /* those whose entries are marked KEEP */
    uint32_t first_free; /* linked by `entry` */
    uint32_t hand, idle_hand;
    uint32_t n_strays; /* octets of strays of all connections */
    struct foreseen foreseen[N_FORESEEN];
    uint64_t n_foreseen, n_came; /* of these, ever */
    uint32_t n_before; /* connections of captures before; see imapid_tcp_begin_capture() */
    /* Of captures that are pieces of one: a place for each entry, its number in the order in which connections are met, each anew in
     * each piece; NULL in the first piece, where that is `stream`. How many there are, and were when the piece began. */
    uint32_t *met;
    uint32_t n_met, n_met_before;
    bool is_full;   /* none begins any more; see imapid_tcp_end_new() */
    uint32_t n_own; /* then: those before */
    struct imapid_tcp_tap tap;
};

static void destroy(void *data)
{
    struct imapid_tcp *tcp = data;
    imapid_tcp_table_deinit(&tcp->table);
    imapid_large_free(tcp->states);
    imapid_large_free(tcp->met);
    g_free(tcp);
}

/* What this thread used last, for the next capture: to map all that memory costs more than to read a
 * small one. Nothing is in use in it. */
static GPrivate spare = G_PRIVATE_INIT(destroy);

/* The spare one if it is as large; else a new one. Its room is all that it has. */
static struct imapid_tcp *take_room(const struct imapid_tcp_limits *limits)
{
    struct imapid_tcp *tcp = g_private_get(&spare);
    if (tcp && tcp->order.limits.n_conns == limits->n_conns &&
        tcp->order.limits.n_wanted == limits->n_wanted) {
        g_private_set(&spare, NULL);
        imapid_large_free(tcp->met);
        *tcp = (struct imapid_tcp){.table = tcp->table, .states = tcp->states};
        return tcp;
    }
    tcp = g_new0(struct imapid_tcp, 1);
    tcp->states = imapid_large_reserve(limits->n_wanted, sizeof *tcp->states);
    imapid_tcp_table_init(&tcp->table, limits->n_conns);
    return tcp;
}

struct imapid_tcp *imapid_tcp_new(const struct imapid_tcp_handler *handler,
                                  const struct imapid_tcp_limits *limits)
{
    if (!limits)
        limits = &imapid_tcp_default_limits;
    struct imapid_tcp *tcp = take_room(limits);
    tcp->order.handler = *handler;
    tcp->order.limits = *limits;
    tcp->last = tcp->first_free = IMAPID_TCP_NONE;
    g_queue_init(&tcp->order.waiting);
    g_queue_init(&tcp->order.closing);
    tcp->order.pasts = (struct imapid_pasts){limits->n_past_all, g_malloc, g_free, NULL, NULL, 0};
    return tcp;
}

/* ---- former connections ----
 *
 * A SYN with a number of its own begins another connection on the same addresses and ports, or a
 * stranger sent it. So the entry has a state for the new one, and the state of the one before stays
 * as its `former` (whose `latter` is the new one), without an entry: segments that have its numbers
 * go to it. Each connection has one former at most. */

static struct imapid_tcp_state *get_former(struct imapid_tcp *tcp,
                                           const struct imapid_tcp_state *st)
{
    return st->former == IMAPID_TCP_NONE ? NULL : &tcp->states[st->former];
}

static uint32_t get_index(const struct imapid_tcp *tcp, const struct imapid_tcp_state *st)
{
    return (uint32_t)(st - tcp->states);
}

static void set_former(struct imapid_tcp *tcp, struct imapid_tcp_state *st,
                       struct imapid_tcp_state *former)
{
    st->former = get_index(tcp, former);
    former->latter = get_index(tcp, st);
}

/* The connection of an entry goes, and may come again. */
static void lay_by(struct imapid_tcp *tcp, struct imapid_tcp_state *st)
{
    struct imapid_tcp_entry *entry = &tcp->table.entries[st->entry];
    memcpy(st->isn, entry->isn, sizeof st->isn);
    st->flags = entry->flags;
    st->entry = IMAPID_TCP_NONE;
    entry->state = IMAPID_TCP_NONE;
}

/* The latter connection of an entry is over: the former is its connection again. */
static void take_up(struct imapid_tcp *tcp, uint32_t index, struct imapid_tcp_state *st)
{
    struct imapid_tcp_entry *entry = &tcp->table.entries[index];
    uint32_t seen = IMAPID_TCP_SEEN_0 | IMAPID_TCP_SEEN_1 | IMAPID_TCP_RECENT | IMAPID_TCP_ALIKE;
    st->entry = index;
    st->latter = IMAPID_TCP_NONE;
    memcpy(entry->isn, st->isn, sizeof st->isn);
    entry->flags = (st->flags & ~seen) | (entry->flags & seen);
    entry->stream = st->conn.stream;
    entry->state = get_index(tcp, st);
}

/* ---- states ---- */

/* Takes out the first one, for the caller to free. There is one. */
static struct imapid_tcp_stray *take_stray(struct imapid_tcp_state *st)
{
    struct imapid_tcp_stray *first = st->strays;
    st->strays = first->next;
    return first;
}

static void forget_strays(struct imapid_tcp *tcp, struct imapid_tcp_state *st)
{
    tcp->n_strays -= st->n_strays;
    st->n_strays = 0;
    while (st->strays)
        g_free(take_stray(st));
}

static void drop_state(struct imapid_tcp *tcp, struct imapid_tcp_state *st)
{
    forget_strays(tcp, st);
    uint32_t index = st->entry;
    struct imapid_tcp_state *former = get_former(tcp, st);
    imapid_tcp_order_clear(&tcp->order, st);
    tcp->n_valued -= st->kept;
    tcp->n_used--;
    if (st->latter != IMAPID_TCP_NONE)
        tcp->states[st->latter].former = IMAPID_TCP_NONE;
    if (index != IMAPID_TCP_NONE) {
        tcp->table.entries[index].state = IMAPID_TCP_NONE;
        tcp->table.entries[index].flags &= ~(uint32_t)IMAPID_TCP_KEEP;
        if (former)
            take_up(tcp, index, former);
    }
    st->used = false;
    st->entry = tcp->first_free;
    tcp->first_free = get_index(tcp, st);
}

/* What was read of a segment: `goes_on` says whether the connection does. */
static void settle(struct imapid_tcp *tcp, struct imapid_tcp_state *st, bool goes_on)
{
    struct imapid_tcp_entry *entry =
        st->entry == IMAPID_TCP_NONE ? NULL : &tcp->table.entries[st->entry];
    if (!goes_on) {
        if (entry)
            entry->flags |= IMAPID_TCP_OVER;
        drop_state(tcp, st);
    } else if (st->valued && !st->kept) {
        st->kept = true;
        tcp->n_valued++;
        if (entry)
            entry->flags |= IMAPID_TCP_KEEP;
        else
            st->flags |= IMAPID_TCP_KEEP;
    }
}

/* The connection has gone over to the paths of its strays. False: it is over. */
static bool follow_strays(struct imapid_tcp *tcp, struct imapid_tcp_state *st)
{
    bool goes_on = true;
    while (goes_on && st->strays) {
        struct imapid_tcp_stray *stray = take_stray(st);
        st->home[stray->d] = stray->path;
        goes_on = imapid_tcp_order_take(&tcp->order, st, stray->d, &stray->parsed);
        g_free(stray);
    }
    forget_strays(tcp, st);
    return goes_on;
}

static void finish(struct imapid_tcp *tcp, struct imapid_tcp_state *st,
                   enum imapid_tcp_reason reason)
{
    if (follow_strays(tcp, st))
        imapid_tcp_order_finish(&tcp->order, st, reason);
    settle(tcp, st, false);
}

/* ---- finding connections ---- */

static void prefetch_user(const struct imapid_conn *conn)
{
    if (conn->user && !conn->is_far)
        imapid_large_fetch(conn->user, N_USER);
}

/* The next of n places, round and round. */
static uint32_t behind(uint32_t i, uint32_t n)
{
    return i + 1 < n ? i + 1 : 0;
}

/* The state to give up for a newer one: one without octets if there is one nearby, else one not
 * seen lately. */
static struct imapid_tcp_state *find_victim(struct imapid_tcp *tcp)
{
    uint32_t n = tcp->order.limits.n_wanted;
    if (tcp->n_valued < tcp->n_used) {
        /* Stays at what it finds: the next one for which there is no room is the newest. */
        for (int tries = 0; tries < 64; tries++) {
            if (!tcp->states[tcp->idle_hand].valued)
                return &tcp->states[tcp->idle_hand];
            tcp->idle_hand = behind(tcp->idle_hand, n);
        }
    }
    for (;;) {
        struct imapid_tcp_state *st = &tcp->states[tcp->hand];
        tcp->hand = behind(tcp->hand, n);
        if (!st->recent) {
            imapid_large_fetch(&tcp->states[behind(tcp->hand, n)], sizeof *st);
            prefetch_user(&tcp->states[tcp->hand].conn);
            return st;
        }
        st->recent = false;
    }
}

static void make_room_for_state(struct imapid_tcp *tcp)
{
    struct imapid_tcp_state *st = find_victim(tcp);
    if (st->valued) {
        tcp->order.counts.n_limit_wanted++;
        finish(tcp, st, IMAPID_TCP_LIMIT);
    } else {
        drop_state(tcp, st);
    }
}

static bool has_room_for_state(const struct imapid_tcp *tcp)
{
    return tcp->first_free != IMAPID_TCP_NONE || tcp->n_begun != tcp->order.limits.n_wanted;
}

/* In a state that is all zero. */
static void init_conn(const struct imapid_tcp *tcp, struct imapid_conn *conn, uint32_t index,
                      const struct imapid_stamp *packet)
{
    const struct imapid_tcp_entry *entry = &tcp->table.entries[index];
    conn->stream = entry->stream;
    conn->stream_in_file = tcp->met ? tcp->met[index] - tcp->n_met_before : entry->stream;
    conn->first = conn->last = *packet;
    conn->from_start = (entry->flags & IMAPID_TCP_HANDSHAKE) != 0;
    conn->is_half_seen =
        (entry->flags & (IMAPID_TCP_HANDSHAKE | IMAPID_TCP_SYN_ACK)) == IMAPID_TCP_HANDSHAKE;
    conn->client = !conn->from_start ? -1 : entry->flags & IMAPID_TCP_CLIENT_1 ? 1 : 0;
    conn->closer = -1;
    for (int d = 0; d < 2; d++) {
        memcpy(conn->endpoint[d].address, entry->address[d], sizeof entry->address[d]);
        conn->endpoint[d].port = entry->port[d];
        conn->endpoint[d].family = entry->flags & IMAPID_TCP_IS_IP6 ? 6 : 4;
    }
}

static struct imapid_path *copy_path(const struct imapid_segment *segment)
{
    struct imapid_path *path;
    if (!segment->n_hops)
        return NULL;
    path = g_new0(struct imapid_path, 1);
    path->n = segment->n_hops;
    memcpy(path->hops, segment->hops, path->n * sizeof *path->hops);
    return path;
}

static struct imapid_tcp_state *get_state(struct imapid_tcp *tcp, uint32_t index,
                                          const struct imapid_segment *segment)
{
    struct imapid_tcp_entry *entry = &tcp->table.entries[index];
    if (entry->state != IMAPID_TCP_NONE)
        return &tcp->states[entry->state];
    if (!has_room_for_state(tcp))
        make_room_for_state(tcp);
    uint32_t i = tcp->first_free;
    if (i != IMAPID_TCP_NONE)
        tcp->first_free = tcp->states[i].entry;
    else
        i = tcp->n_begun++;
    struct imapid_tcp_state *st = &tcp->states[i];
    *st = (struct imapid_tcp_state){
        .entry = index, .former = IMAPID_TCP_NONE, .latter = IMAPID_TCP_NONE, .used = true};
    init_conn(tcp, &st->conn, index, &segment->packet);
    st->conn.path = copy_path(segment);
    imapid_tcp_order_begin(&tcp->order, st);
    for (int d = 0; d < 2; d++) {
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

static bool may_be_quiet(const struct imapid_tcp_handler *handler,
                         const struct imapid_tcp_entry *entry)
{
    return handler->quiet && (!handler->may_be_quiet ||
                              handler->may_be_quiet(handler->ctx, entry->port[0], entry->port[1]));
}

/* Does the segment need a state of its connection? Where there is none left, one that has said nothing, nor ended, would
 * give way to the next of its kind, and its entry knows all that is left then. */
static bool needs_state(const struct imapid_tcp *tcp, const struct imapid_tcp_entry *entry,
                        const struct imapid_tcp_parsed *p)
{
    return !(entry->flags & IMAPID_TCP_OVER) &&
           (entry->state != IMAPID_TCP_NONE || has_room_for_state(tcp) || p->n + p->n_cut > 0 ||
            p->flags & (FIN | RST) || may_be_quiet(&tcp->order.handler, entry));
}

static void forget_one(struct imapid_tcp *tcp)
{
    uint32_t victim = imapid_tcp_table_find_victim(&tcp->table);
    if (victim == IMAPID_TCP_NONE)
        return;
    while (tcp->table.entries[victim].state != IMAPID_TCP_NONE)
        drop_state(tcp, &tcp->states[tcp->table.entries[victim].state]);
    if (tcp->last == victim)
        tcp->last = IMAPID_TCP_NONE;
    if (!(tcp->table.entries[victim].flags & IMAPID_TCP_ALIAS))
        tcp->order.counts.n_limit_conns++;
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
    return seq - at <= IMAPID_ORDER_ASTRAY_MAX || at - seq <= IMAPID_ORDER_ASTRAY_MAX;
}

/* Is the connection over, as it seems? */
static bool is_over(const struct imapid_tcp *tcp, const struct imapid_tcp_entry *entry)
{
    return entry->flags & IMAPID_TCP_OVER ||
           (entry->state != IMAPID_TCP_NONE && tcp->states[entry->state].is_closing);
}

/* Whether a segment that came another way is one of this connection: see imapid_segment.path. */
static bool is_astray(const struct imapid_tcp *tcp, const struct imapid_tcp_entry *entry,
                      const struct imapid_tcp_key *key, const struct imapid_tcp_parsed *p)
{
    int d = key->dir;
    if (p->flags & SYN)
        return !is_over(tcp, entry) && entry->isn[d] == p->seq &&
               entry->flags & (uint32_t)IMAPID_TCP_HAS_ISN_0 << d;
    return p->flags & ACK && is_near(tcp, entry, d, p->seq) && is_near(tcp, entry, !d, p->ack);
}

/* Whether a connection of its own begins on this path. Its SYN is not that of the connection which the path
 * led to; or a server answers with another sequence number than on the path of that one: something between
 * opened a connection of its own, with the client's SYN. */
static bool begins_otherwise(const struct imapid_tcp *tcp, const struct imapid_tcp_entry *entry,
                             const struct imapid_tcp_key *key, const struct imapid_tcp_parsed *p)
{
    if (!(p->flags & SYN))
        return false;
    return p->flags & ACK ? entry->isn[key->dir] != p->seq &&
                                entry->flags & (uint32_t)IMAPID_TCP_SEEN_0 << key->dir
                          : !is_astray(tcp, entry, key, p);
}

/* Follows an alias, or takes away one that leads nowhere. */
static uint32_t follow_alias(struct imapid_tcp *tcp, const struct imapid_tcp_key *key,
                             uint32_t alias, const struct imapid_tcp_parsed *p)
{
    struct imapid_tcp_entry *entry = &tcp->table.entries[alias];
    if (imapid_tcp_table_leads_on(&tcp->table, key, alias) &&
        !begins_otherwise(tcp, &tcp->table.entries[entry->isn[0]], key, p)) {
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
                                uint32_t hash, const struct imapid_tcp_parsed *p)
{
    uint32_t index = imapid_tcp_table_find_alike(&tcp->table, key, hash), unseen = IMAPID_TCP_NONE;
    bool unseen_fits = false;
    for (unsigned n = 0; index != IMAPID_TCP_NONE && n < IMAPID_TCP_N_ALIKE_MAX;
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

/* A connection that is met in this piece for the first time. */
static void meet(struct imapid_tcp *tcp, uint32_t index)
{
    if (tcp->met)
        tcp->met[index] = tcp->n_met++;
}

/* NONE only if the table is full of connections that must stay. */
static uint32_t get_connection(struct imapid_tcp *tcp, const struct imapid_tcp_key *key,
                               const struct foreseen *seen, const struct imapid_tcp_parsed *p)
{
    if (tcp->last != IMAPID_TCP_NONE && !(tcp->table.entries[tcp->last].flags & IMAPID_TCP_ALIKE) &&
        imapid_tcp_entry_matches(&tcp->table.entries[tcp->last], key))
        return tcp->last;
    uint32_t hash =
        imapid_tcp_table_shorten(seen ? seen->digest : imapid_tcp_table_digest(&tcp->table, key));
    uint32_t index = imapid_tcp_table_find(&tcp->table, key, hash);
    if (index != IMAPID_TCP_NONE && tcp->table.entries[index].flags & IMAPID_TCP_ALIAS)
        index = follow_alias(tcp, key, index, p);
    if (index == IMAPID_TCP_NONE)
        index = find_other_path(tcp, key, hash, p);
    if (index == IMAPID_TCP_NONE && !tcp->is_full) {
        index = add_entry(tcp, key, hash);
        if (index != IMAPID_TCP_NONE) {
            tcp->table.entries[index].stream = (uint32_t)tcp->order.counts.n_conns++;
            meet(tcp, index);
        }
    }
    tcp->last = index;
    return index;
}

static bool is_of_capture_before(const struct imapid_tcp *tcp, const struct imapid_tcp_entry *entry)
{
    return is_over(tcp, entry) && entry->stream < tcp->n_before;
}

void imapid_tcp_begin_capture(struct imapid_tcp *tcp)
{
    tcp->n_before = (uint32_t)tcp->order.counts.n_conns;
}

void imapid_tcp_begin_piece(struct imapid_tcp *tcp)
{
    if (!tcp->met) {
        tcp->met = imapid_large_reserve(tcp->table.n_max, sizeof *tcp->met);
        for (uint32_t i = 0; i < tcp->table.n_begun; i++)
            tcp->met[i] = tcp->table.entries[i].stream;
        tcp->n_met = (uint32_t)tcp->order.counts.n_conns;
    }
    tcp->n_met_before = tcp->n_met;
}

/* Is it the first SYN of a connection that is not the entry's? */
static bool is_new_syn(const struct imapid_tcp *tcp, const struct imapid_tcp_entry *entry,
                       const struct imapid_tcp_key *key, const struct imapid_tcp_parsed *p)
{
    return (p->flags & (SYN | ACK)) == SYN &&
           entry->flags & (uint32_t)IMAPID_TCP_HAS_ISN_0 << key->dir &&
           (entry->isn[key->dir] != p->seq || is_of_capture_before(tcp, entry));
}

/* Another connection on the same addresses and ports, as it seems. */
static void restart(struct imapid_tcp *tcp, uint32_t index, const struct imapid_segment *segment)
{
    struct imapid_tcp_entry *entry = &tcp->table.entries[index];
    struct imapid_tcp_state *st = NULL, *former = NULL;
    if (entry->state != IMAPID_TCP_NONE) {
        st = &tcp->states[entry->state];
        former = get_former(tcp, st);
        if (former && st->told) {
            finish(tcp, former, IMAPID_TCP_REUSED);
        } else if (former) {
            /* The SYN before led to nothing. */
            drop_state(tcp, st);
            st = former;
        }
        lay_by(tcp, st);
    }
    imapid_tcp_table_unsettle(&tcp->table, index);
    entry->flags &= IMAPID_TCP_USED | IMAPID_TCP_IS_IP6 | IMAPID_TCP_ALIKE;
    entry->stream = (uint32_t)tcp->order.counts.n_conns++;
    meet(tcp, index);
    struct imapid_tcp_state *latter = get_state(tcp, index, segment);
    /* It may have had to give way for this one. */
    if (st && st != latter && st->used && st->entry == IMAPID_TCP_NONE) {
        set_former(tcp, latter, st);
        entry->flags |= st->flags & IMAPID_TCP_KEEP;
    }
}

/* Whether a segment is of the former connection of a state, and not of this. */
static bool is_of_former(const struct imapid_tcp_state *st, const struct imapid_tcp_state *former,
                         int d, const struct imapid_tcp_parsed *p)
{
    const struct imapid_order_segment segment = {
        .seq = p->seq + (p->flags & SYN ? 1 : 0), .ack = p->ack, .has_ack = p->flags & ACK};
    if ((p->flags & (SYN | ACK)) == SYN)
        return former->isn[d] == p->seq && former->flags & (uint32_t)IMAPID_TCP_HAS_ISN_0 << d;
    return imapid_order_is_of_former(&former->order, &st->order, d, &segment);
}

/* ---- other paths ----
 *
 * Octets of one path never fill a hole of another: somebody can send a tunnel's packet from anywhere.
 * So a segment on another path than those before it waits. If the connection goes on where it was, it
 * is forgotten: it is a copy, or a stranger's. If more come there, and nothing where it was, the
 * direction goes on there. */

/* So many are more than what a stranger may send between two packets of a session, or a mirror may
 * have shown ahead of the connection. */
#define N_STRAYS_MAX 8

/* Octets of all of them, of a connection and of all. */
#define N_STRAY_OCTETS  (1u << 16)
#define N_STRAYS_OCTETS (1u << 22)

/* Returns how many there are now. */
static unsigned keep_stray(struct imapid_tcp *tcp, struct imapid_tcp_state *st, int d,
                           uint32_t path, const struct imapid_tcp_parsed *p)
{
    unsigned n = 0;
    struct imapid_tcp_stray **last = &st->strays;
    for (; *last; last = &(*last)->next)
        n++;
    if (st->n_strays + p->n > N_STRAY_OCTETS || tcp->n_strays + p->n > N_STRAYS_OCTETS)
        return n;
    struct imapid_tcp_stray *stray = g_malloc(sizeof *stray + p->n);
    stray->next = NULL;
    stray->parsed = *p;
    stray->parsed.octets = (uint8_t *)(stray + 1);
    stray->parsed.header = NULL; /* its checksum is nobody's */
    stray->path = path;
    stray->d = d;
    if (p->n)
        memcpy(stray + 1, p->octets, p->n);
    st->n_strays += p->n;
    tcp->n_strays += p->n;
    *last = stray;
    return n + 1;
}

/* Takes a segment that came on this path. False: the connection is over. */
static bool take_on_path(struct imapid_tcp *tcp, struct imapid_tcp_state *st, int d, uint32_t path,
                         struct imapid_tcp_parsed *p)
{
    if (!st->has_home[d]) {
        st->has_home[d] = true;
        st->home[d] = path;
    }
    if (st->home[d] == path) {
        forget_strays(tcp, st);
        return imapid_tcp_order_take(&tcp->order, st, d, p);
    }
    return keep_stray(tcp, st, d, path, p) < N_STRAYS_MAX || follow_strays(tcp, st);
}

/* A segment of the former connection, which goes on. */
static void take_former(struct imapid_tcp *tcp, struct imapid_tcp_state *st, int d, uint32_t path,
                        struct imapid_tcp_parsed *p)
{
    struct imapid_tcp_state *former = get_former(tcp, st);
    st->is_contested = true;
    if (p->n + p->n_cut > 0 && !(p->flags & RST) &&
        !(former->conn.doubts && former->conn.doubts->of[IMAPID_DOUBT_NEW_SYN].n)) {
        imapid_tcp_order_doubt(former, IMAPID_DOUBT_NEW_SYN, st->conn.first.number);
        imapid_tcp_order_doubt(st, IMAPID_DOUBT_NEW_SYN, st->conn.first.number);
        /* Without that packet nobody would doubt. */
        if (tcp->tap.packet)
            tcp->tap.packet(tcp->tap.ctx, &st->conn.first, former->conn.stream);
    }
    settle(tcp, former, take_on_path(tcp, former, d, path, p));
}

/* A segment of the connection that the entry has now. If it is a connection, so that both sides have
 * said something, its former is over. */
static void take_latter(struct imapid_tcp *tcp, struct imapid_tcp_state *st, int d, uint32_t path,
                        struct imapid_tcp_parsed *p)
{
    settle(tcp, st, take_on_path(tcp, st, d, path, p));
    if (st->used && st->former != IMAPID_TCP_NONE && st->conn.n_octets[0] && st->conn.n_octets[1])
        imapid_tcp_order_close(&tcp->order, get_former(tcp, st), IMAPID_TCP_REUSED,
                               p->packet.ts_ns);
}

/* What of the segment the entry remembers, in the way Wireshark does: a direction's initial
 * sequence number comes from its own first segment or from the peer's first acknowledgement. */
static void note_segment(struct imapid_tcp *tcp, uint32_t index, const struct imapid_tcp_key *key,
                         const struct imapid_tcp_parsed *p)
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
    if ((p->flags & (SYN | ACK)) == (SYN | ACK))
        entry->flags |= IMAPID_TCP_SYN_ACK;
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

/* The endpoint that sent it: 0 is the one with the lesser address, and port. */
static inline int find_dir_ip4(const uint8_t *source, const uint8_t *destination,
                               const uint8_t *octets)
{
    uint64_t from = (uint64_t)imapid_number_be32(source) << 16 | imapid_number_be16(octets),
             to = (uint64_t)imapid_number_be32(destination) << 16 | imapid_number_be16(octets + 2);
    return from > to;
}

static int find_dir_ip6(const uint8_t *source, const uint8_t *destination, const uint8_t *octets)
{
    int order = memcmp(source, destination, 16);
    return order ? order > 0 : imapid_number_be16(octets) > imapid_number_be16(octets + 2);
}

static void make_key(const struct imapid_segment *segment, struct imapid_tcp_key *key)
{
    uint16_t source = imapid_number_be16(segment->octets),
             destination = imapid_number_be16(segment->octets + 2);
    key->is_ip6 = segment->family == 6;
    int d = (key->is_ip6 ? find_dir_ip6 : find_dir_ip4)(segment->source, segment->destination,
                                                        segment->octets);
    put_address(key->address[d], segment->source, key->is_ip6);
    put_address(key->address[!d], segment->destination, key->is_ip6);
    key->port[d] = source;
    key->port[!d] = destination;
    key->path = segment->path;
    key->dir = d;
}

/* The state of an entry, as it seems, or NULL. */
static const struct imapid_tcp_state *guess_state(const struct imapid_tcp *tcp, uint32_t entry)
{
    uint32_t state = entry == IMAPID_TCP_NONE ? IMAPID_TCP_NONE : tcp->table.entries[entry].state;
    return state < tcp->n_begun ? &tcp->states[state] : NULL;
}

uint64_t imapid_tcp_digest(const struct imapid_tcp *tcp, const struct imapid_segment *segment)
{
    struct imapid_tcp_key key;
    make_key(segment, &key);
    return imapid_tcp_table_digest(&tcp->table, &key);
}

uint64_t imapid_tcp_digest_ip4(const struct imapid_tcp *tcp, const uint8_t *addresses,
                               const uint8_t *octets)
{
    int d = find_dir_ip4(addresses, addresses + 4, octets);
    size_t at[] = {d ? 4 : 0, d ? 0 : 4};
    return imapid_tcp_table_digest_ip4(
        &tcp->table, imapid_tcp_table_join_addresses(addresses + at[0], addresses + at[1]),
        imapid_tcp_table_join_ports(imapid_number_be16(octets + at[0] / 2),
                                    imapid_number_be16(octets + at[1] / 2)));
}

void imapid_tcp_foresee(struct imapid_tcp *tcp, uint64_t number, const uint8_t *octets,
                        uint64_t digest)
{
    uint64_t n = tcp->n_foreseen++;
    struct foreseen *seen = &tcp->foreseen[n % N_FORESEEN];
    const struct imapid_tcp_state *st;
    *seen = (struct foreseen){number, octets, digest, IMAPID_TCP_NONE};
    imapid_tcp_table_prefetch(&tcp->table, imapid_tcp_table_shorten(digest));
    if (n < 3 * N_STEP)
        return;
    seen = &tcp->foreseen[(n - N_STEP) % N_FORESEEN];
    seen->entry = imapid_tcp_table_guess(&tcp->table, imapid_tcp_table_shorten(seen->digest));
    if (seen->entry != IMAPID_TCP_NONE)
        imapid_large_fetch(&tcp->table.entries[seen->entry], sizeof *tcp->table.entries);
    if ((st = guess_state(tcp, tcp->foreseen[(n - 2 * N_STEP) % N_FORESEEN].entry)))
        imapid_large_fetch(st, sizeof *st);
    if ((st = guess_state(tcp, tcp->foreseen[(n - 3 * N_STEP) % N_FORESEEN].entry)))
        prefetch_user(&st->conn);
}

/* What was foreseen of this segment, once; NULL: it was not. A packet may have several. */
static const struct foreseen *take_foreseen(struct imapid_tcp *tcp,
                                            const struct imapid_segment *segment)
{
    if (tcp->n_foreseen - tcp->n_came > N_FORESEEN)
        tcp->n_came = tcp->n_foreseen - N_FORESEEN;
    while (tcp->n_came < tcp->n_foreseen) {
        const struct foreseen *first = &tcp->foreseen[tcp->n_came % N_FORESEEN];
        bool is_this = first->number == segment->packet.number && first->octets == segment->octets;
        if (!is_this && first->number >= segment->packet.number)
            return NULL;
        tcp->n_came++;
        if (is_this)
            return first;
    }
    return NULL;
}

static void parse(const struct imapid_segment *segment, struct imapid_tcp_parsed *p)
{
    const uint8_t *at = segment->octets;
    uint32_t n_header = imapid_tcp_get_n_header(at);
    uint32_t n_wire = MAX(segment->n, segment->n_wire);
    p->seq = imapid_number_be32(at + 4);
    p->ack = imapid_number_be32(at + 8);
    p->flags = at[13];
    p->window = imapid_number_be16(at + 14);
    p->whole = imapid_tcp_has_header(at, n_wire);
    p->octets = at + MIN(n_header, segment->n);
    p->n = segment->n > n_header ? segment->n - n_header : 0;
    p->n_cut = p->whole ? n_wire - n_header - p->n : 0;
    if (p->n > N_SEGMENT_MAX || p->n_cut > N_SEGMENT_MAX)
        p->n_cut = 0;
    p->packet = segment->packet;
    p->header = n_header <= segment->n ? at : NULL;
    p->n_segment = segment->n;
    p->ttl = segment->ttl;
    p->has_checksum = segment->has_checksum;
    p->checksum = segment->checksum;
}

/* Whether only a SYN can change anything about an entry: it is over, and all there is to know of it is
 * known. An alias is never over. */
static bool is_settled(const struct imapid_tcp_entry *entry, uint32_t path)
{
    const uint32_t all = IMAPID_TCP_OVER | IMAPID_TCP_SEEN_0 | IMAPID_TCP_SEEN_1 |
                         IMAPID_TCP_HAS_ISN_0 | IMAPID_TCP_HAS_ISN_1;
    return (entry->flags & (all | IMAPID_TCP_ALIKE)) == all && entry->state == IMAPID_TCP_NONE &&
           entry->path[0] == path && entry->path[1] == path;
}

/* Where more waits than may, those that have waited longest are given up; those that have seemed over
 * for long enough are. */
static void enforce_limits(struct imapid_tcp *tcp, const struct imapid_stamp *packet)
{
    struct imapid_tcp_state *st;
    while ((st = imapid_tcp_order_find_closed(&tcp->order, packet->ts_ns)))
        finish(tcp, st, IMAPID_TCP_FIN);
    while ((st = imapid_tcp_order_find_excess(&tcp->order)))
        settle(tcp, st, imapid_tcp_order_empty(&tcp->order, st, packet));
}

void imapid_tcp_set_tap(struct imapid_tcp *tcp, const struct imapid_tcp_tap *tap)
{
    tcp->tap = *tap;
}

static void tell_tap(const struct imapid_tcp *tcp, const struct imapid_segment *segment,
                     uint32_t stream, int dir)
{
    if (tcp->tap.packet)
        tcp->tap.packet(tcp->tap.ctx, &segment->packet, stream);
    if (tcp->tap.segment)
        tcp->tap.segment(tcp->tap.ctx, segment, stream, dir);
}

/* Is anybody told of segments of which nothing comes? */
static bool is_each_told(const struct imapid_tcp *tcp)
{
    return tcp->tap.packet || tcp->tap.segment || tcp->met;
}

static inline bool is_passed(const struct imapid_tcp *tcp, uint64_t digest)
{
    return digest && imapid_tcp_table_is_settled(&tcp->table, digest);
}

size_t imapid_tcp_may_pass(const struct imapid_tcp *tcp, const struct imapid_ahead_mark *marks,
                           size_t n)
{
    size_t i = 0;
    if (!is_each_told(tcp))
        while (i < n && is_passed(tcp, marks[i].key))
            i++;
    return i;
}

size_t imapid_tcp_pass(struct imapid_tcp *tcp, const struct imapid_ahead_mark *marks, size_t n,
                       uint64_t n_before)
{
    size_t i = 0;
    for (n = is_each_told(tcp) ? 0 : n; i < n && is_passed(tcp, marks[i].key); i++) {
        tcp->order.counts.n_segments++;
        imapid_tcp_table_see_settled(&tcp->table, marks[i].key);
        /* Nothing that is passed makes more wait than may. */
        if (imapid_tcp_order_is_closing(&tcp->order))
            enforce_limits(tcp, &(struct imapid_stamp){marks[i].number + n_before, marks[i].ts_ns});
    }
    return i;
}

bool imapid_tcp_segment(struct imapid_tcp *tcp, const struct imapid_segment *segment)
{
    struct imapid_tcp_key key;
    struct imapid_tcp_parsed p;
    tcp->order.counts.n_segments++;
    if (segment->n < IMAPID_TCP_N_SHORTEST) {
        tcp->order.counts.n_short++;
        return false;
    }
    const struct foreseen *seen = take_foreseen(tcp, segment);
    make_key(segment, &key);
    parse(segment, &p);
    uint32_t index = get_connection(tcp, &key, seen, &p);
    if (index == IMAPID_TCP_NONE) {
        enforce_limits(tcp, &segment->packet);
        return p.whole;
    }
    struct imapid_tcp_entry *entry = &tcp->table.entries[index];
    struct imapid_tcp_state *st = NULL, *former = NULL;
    if (entry->state != IMAPID_TCP_NONE) {
        former = get_former(tcp, &tcp->states[entry->state]);
        st = former ? &tcp->states[entry->state] : NULL;
    }
    bool is_former = former && is_of_former(st, former, key.dir, &p);
    if (!is_former && is_new_syn(tcp, entry, &key, &p))
        restart(tcp, index, segment);
    if (tcp->met && tcp->met[index] < tcp->n_met_before)
        meet(tcp, index);
    tell_tap(tcp, segment, is_former ? former->conn.stream : entry->stream, key.dir);
    if (needs_state(tcp, entry, &p))
        st = get_state(tcp, index, segment);
    if (is_former)
        entry->flags |= IMAPID_TCP_RECENT;
    else
        note_segment(tcp, index, &key, &p);
    if (!p.whole)
        tcp->order.counts.n_short++;
    else if (is_former)
        take_former(tcp, st, key.dir, key.path, &p);
    else if (st)
        take_latter(tcp, st, key.dir, key.path, &p);
    else if (seen && is_settled(entry, key.path))
        imapid_tcp_table_settle(&tcp->table, seen->digest, index);
    enforce_limits(tcp, &segment->packet);
    return p.whole;
}

/* ---- errors ---- */

/* The connection that sent a segment, on the path of the error or another. */
static uint32_t find_quoted(const struct imapid_tcp *tcp, const struct imapid_tcp_key *key,
                            uint32_t seq)
{
    uint32_t hash = imapid_tcp_table_hash(&tcp->table, key);
    uint32_t index = imapid_tcp_table_find_alike(&tcp->table, key, hash);
    for (unsigned n = 0; index != IMAPID_TCP_NONE && n < IMAPID_TCP_N_ALIKE_MAX;
         n++, index = imapid_tcp_table_next_alike(&tcp->table, index))
        if (is_near(tcp, &tcp->table.entries[index], key->dir, seq))
            return index;
    return IMAPID_TCP_NONE;
}

void imapid_tcp_icmp(struct imapid_tcp *tcp, const struct imapid_icmp *says,
                     const struct imapid_segment *quoted, const uint8_t *from)
{
    struct imapid_tcp_key key;
    make_key(quoted, &key);
    uint32_t index = find_quoted(tcp, &key, imapid_number_be32(quoted->octets + 4));
    if (index == IMAPID_TCP_NONE)
        return;
    if (tcp->tap.packet)
        tcp->tap.packet(tcp->tap.ctx, &quoted->packet, tcp->table.entries[index].stream);
    if (!(says->error || says->mtu) || tcp->table.entries[index].state == IMAPID_TCP_NONE)
        return;
    struct imapid_conn *conn = &tcp->states[tcp->table.entries[index].state].conn;
    if (!conn->icmp)
        conn->icmp = g_new0(struct imapid_conn_icmp, 1);
    struct imapid_conn_error error = {.dir = key.dir, .at = quoted->packet};
    memcpy(error.from, from, quoted->family == 4 ? 4 : 16);
    if (says->mtu && !conn->icmp->mtu) {
        conn->icmp->mtu = says->mtu;
        conn->icmp->of_mtu = error;
    }
    if (says->error && !conn->icmp->error) {
        conn->icmp->error = says->error;
        conn->icmp->of_error = error;
    }
}

/* ---- the end ---- */

size_t imapid_tcp_count_memory(void)
{
    return sizeof(struct imapid_tcp_state) + sizeof(struct imapid_tcp_entry);
}

void imapid_tcp_end_new(struct imapid_tcp *tcp)
{
    tcp->is_full = true;
    tcp->n_own = (uint32_t)tcp->order.counts.n_conns;
}

/* Keep-alives come every two hours, if at all (RFC 9293 3.8.4); a SYN is tried for three minutes or
 * more (3.8.3). */
#define SILENCE_NS       INT64_C(7200000000000)
#define EMPTY_SILENCE_NS INT64_C(300000000000)

bool imapid_tcp_has_open(const struct imapid_tcp *tcp, int64_t ts_ns)
{
    for (uint32_t i = 0; i < tcp->n_begun; i++) {
        const struct imapid_tcp_state *st = &tcp->states[i];
        int64_t longest = st->valued ? SILENCE_NS : EMPTY_SILENCE_NS;
        if (st->used && st->conn.stream < tcp->n_own &&
            imapid_ns_between(st->conn.last.ts_ns, ts_ns) <= longest)
            return true;
    }
    return false;
}

static struct imapid_tcp_state *get_state_of(struct imapid_tcp *tcp, const struct imapid_conn *conn)
{
    size_t place = (size_t)((const char *)conn - (const char *)tcp->states);
    return &tcp->states[place / sizeof *tcp->states];
}

void imapid_tcp_give_up(struct imapid_tcp *tcp, const struct imapid_conn *conn)
{
    finish(tcp, get_state_of(tcp, conn), IMAPID_TCP_LIMIT);
}

void imapid_tcp_ignore(struct imapid_tcp *tcp, const struct imapid_conn *conn)
{
    struct imapid_tcp_state *st = get_state_of(tcp, conn);
    tcp->order.counts.n_ignored++;
    imapid_tcp_order_clear(&tcp->order, st);
    settle(tcp, st, false);
}

void imapid_tcp_close(struct imapid_tcp *tcp)
{
    struct imapid_tcp_state *st;
    while ((st = g_queue_peek_head(&tcp->order.closing)))
        finish(tcp, st, IMAPID_TCP_FIN);
}

static int compare_streams(const void *a, const void *b)
{
    const struct imapid_tcp_state *const *x = a, *const *y = b;
    return ((*x)->conn.stream > (*y)->conn.stream) - ((*x)->conn.stream < (*y)->conn.stream);
}

/* Why a connection ends with the capture. */
static enum imapid_tcp_reason get_last_reason(const struct imapid_tcp *tcp,
                                              const struct imapid_tcp_state *st)
{
    return st->latter != IMAPID_TCP_NONE && tcp->states[st->latter].told ? IMAPID_TCP_REUSED
                                                                         : IMAPID_TCP_CAPTURE_END;
}

void imapid_tcp_finish(struct imapid_tcp *tcp)
{
    struct imapid_tcp_state **states = g_new(struct imapid_tcp_state *, tcp->n_used);
    uint32_t n = 0;
    for (uint32_t i = 0; i < tcp->n_begun; i++)
        if (tcp->states[i].used)
            states[n++] = &tcp->states[i];
    if (n > 0)
        qsort(states, n, sizeof(struct imapid_tcp_state *), compare_streams);
    for (uint32_t i = 0; i < n; i++)
        finish(tcp, states[i], get_last_reason(tcp, states[i]));
    g_free(states);
    imapid_tcp_table_clear(&tcp->table);
    tcp->last = tcp->first_free = IMAPID_TCP_NONE;
    tcp->n_begun = tcp->hand = tcp->idle_hand = 0;
}

const struct imapid_tcp_counts *imapid_tcp_get_counts(const struct imapid_tcp *tcp)
{
    return &tcp->order.counts;
}

void imapid_tcp_free(struct imapid_tcp *tcp)
{
    if (!tcp)
        return;
    for (uint32_t i = 0; i < tcp->n_begun; i++)
        if (tcp->states[i].used)
            drop_state(tcp, &tcp->states[i]);
    imapid_tcp_table_clear(&tcp->table);
    g_private_replace(&spare, tcp);
}

void imapid_tcp_forget_room(void)
{
    g_private_replace(&spare, NULL);
}
