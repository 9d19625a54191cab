/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relay.c: flows of connections to ports of IMAP, which other threads may follow. Half of what a capture of IMAP alone costs
 * is TCP, and half is what these flows read, so that two processors share it well.
 *
 * TCP does not ask such a flow whether to go on: nearly all are told in the end, whatever they say. What goes back is how
 * much memory they hold, and which are of no further use. That goes by whole batches: what was so behind a batch is known when
 * the N_BATCHESth behind it begins, with other threads and without. So no result depends on who was faster. What memory
 * came since is guessed, rather too much than too little, and who comes near the limit by that has all worked off.
 *
 * A connection changes while its octets wait. So each event that is put off has a copy of it, with all that it leads to.
 *
 * Refuses to put off what is larger than a batch: it is done at once, behind all others.
 *
 * Misuse: looking at a flow, or at the context, while something waits. */
#include "follow/relay.h"

#include <string.h>

/* Octets of a batch, and so many of them: there is enough to do while an area is read. */
#define N_BATCH   ((size_t)32 << 10)
#define N_BATCHES 16u

/* Octets of a packed capture in which a batch comes together, where it costs more to hand it over than to read it. */
#define N_SPARSE (8 * N_BATCH)

/* So many are worth awakening somebody for, if nobody waits. */
#define N_MORE (N_BATCHES / 2)

/* What octets may take at most: for each of them, and where they begin a session, TLS and DEFLATE in both directions. */
#define N_OF_OCTET 4u
#define N_OF_DATA  120000u

/* So many events before its own what an event needs is fetched: each is of another connection than the last. */
#define N_FETCH 4u

enum kind { DATA, GAP, END, DROPS };

struct event {
    enum kind kind;
    int dir;
    enum imapid_tcp_reason reason;
    struct imapid_flow *flow;
    struct imapid_flow_context
        *begins;                    /* the flow begins here, in this context; NULL: it has begun */
    struct imapid_conn *home;       /* where the connection lies: see imapid_flow_begin() */
    const struct imapid_conn *conn; /* of the flow, as it is at this event */
    const uint8_t *octets;
    uint64_t n; /* of octets, and of those that are missing; of DROPS the frame */
    struct imapid_stamp packet;
    size_t n_all; /* in a batch: octets from this one to the next */
};

/* What is known behind a batch. */
struct known {
    size_t n_held;   /* octets, by all flows */
    GArray *dropped; /* struct drop, in it; NULL: none */
};

/* A flow that is of no further use. The connection may have ended since, and its place may be another one's. */
struct drop {
    struct imapid_conn *home;
    const struct imapid_flow *flow;
    uint32_t stream;
};

struct batch {
    uint8_t *octets; /* N_BATCH; NULL: none yet */
    size_t n;        /* of them */
    struct known *known;
};

struct imapid_relay {
    struct imapid_flow_context *context;
    size_t n;                      /* octets of the batch that is filled, put off or not */
    struct known known[N_BATCHES]; /* behind the batch that had this place last */
    guint place;                   /* of the one that is filled */
    size_t n_known;                /* that was held, as that one knows */
    GArray *dropped;               /* struct drop, that nobody was told of yet */
    size_t n_guessed[N_BATCHES],
        n_guessed_all;              /* what those may have added of which it does not know */
    struct imapid_capture *capture; /* whose threads help; NULL: none */
    uint64_t n_read;                /* octets of it, when the batch began */
    bool may_put_off;
    bool puts_off; /* now */
    struct batch batches[N_BATCHES];
    guint n_filled, n_done; /* ever */
    gint is_at_work;        /* somebody has the next batch to be worked off */
    gint waits;             /* for n_done, until it is: */
    gint until;
    GMutex mutex;                         /* of `counts` */
    struct imapid_record_interval counts; /* behind the batch that was worked off last */
};

static inline guint get(const guint *n)
{
    return (guint)g_atomic_int_get((const gint *)n);
}

static struct batch *get_batch(struct imapid_relay *relay, guint n)
{
    return &relay->batches[n % N_BATCHES];
}

/* ---- what a flow is told ---- */

static void note_drop(struct known *known, const struct event *event)
{
    struct drop drop = {event->home, event->flow, event->conn->stream};

    if (!known->dropped)
        known->dropped = g_array_new(FALSE, FALSE, sizeof drop);
    g_array_append_val(known->dropped, drop);
}

static void work_off(struct imapid_relay *relay, const struct event *event, struct known *known)
{
    struct imapid_flow *flow = event->flow;

    if (event->begins)
        imapid_flow_begin(flow, event->begins, event->conn, event->home);
    switch (event->kind) {
    case DATA:
        if (!imapid_flow_data(flow, event->conn, event->dir, event->octets, event->n,
                              &event->packet)) {
            imapid_flow_drop(flow);
            note_drop(known, event);
        }
        break;
    case GAP:
        imapid_flow_gap(flow, event->conn, event->dir, event->n, &event->packet);
        break;
    case END:
        imapid_flow_end(flow, event->conn, event->reason);
        imapid_flow_free(flow);
        break;
    case DROPS:
        relay->context->n_drops++;
        relay->context->drop_frame = event->n;
        break;
    }
}

/* ---- who helps ---- */

static const struct event *get_event(const struct batch *batch, size_t at)
{
    return at < batch->n ? (const struct event *)(const void *)&batch->octets[at] : NULL;
}

static void fetch(const struct event *event)
{
    if (event->flow && !event->begins)
        imapid_flow_fetch(event->flow);
}

static void work_off_batch(struct imapid_relay *relay, const struct batch *batch)
{
    const struct event *event, *ahead = get_event(batch, 0);
    size_t at_ahead = 0, n_fetched = 0, n = 0;

    for (size_t at = 0; (event = get_event(batch, at)); at += event->n_all, n++) {
        for (; ahead && n_fetched <= n + N_FETCH; n_fetched++) {
            fetch(ahead);
            at_ahead += ahead->n_all;
            ahead = get_event(batch, at_ahead);
        }
        work_off(relay, event, batch->known);
    }
}

static void count(struct imapid_record_interval *counts, const struct imapid_flow_context *context)
{
    counts->n_sessions = context->n_sessions;
    counts->n_exchanges = context->n_exchanges;
    counts->n_not_decrypted = context->n_not_decrypted;
    counts->n_lost = context->n_lost;
    counts->n_kept = context->holders.n;
}

static bool is_done(void *ctx)
{
    struct imapid_relay *relay = ctx;

    return (gint)(get(&relay->n_done) - (guint)g_atomic_int_get(&relay->until)) >= 0;
}

/* And nobody looks at anything any more. */
static bool is_settled(void *ctx)
{
    struct imapid_relay *relay = ctx;

    return is_done(relay) && !g_atomic_int_get(&relay->is_at_work);
}

static void work_off_next(struct imapid_relay *relay)
{
    const struct batch *batch = get_batch(relay, get(&relay->n_done));

    work_off_batch(relay, batch);
    batch->known->n_held = relay->context->holders.n;
    g_mutex_lock(&relay->mutex);
    count(&relay->counts, relay->context);
    g_mutex_unlock(&relay->mutex);
    g_atomic_int_inc((gint *)&relay->n_done);
}

static bool is_any_left(const struct imapid_relay *relay)
{
    return get(&relay->n_done) != get(&relay->n_filled);
}

bool imapid_relay_help(struct imapid_relay *relay)
{
    struct imapid_capture *capture = relay->capture;
    bool is_there = false;

    if (!is_any_left(relay) || !g_atomic_int_compare_and_exchange(&relay->is_at_work, 0, 1))
        return false;
    for (; is_any_left(relay); is_there = true) {
        work_off_next(relay);
        if (g_atomic_int_get(&relay->waits) && is_done(relay))
            imapid_ahead_call(capture);
    }
    /* From here on the relay may be gone. */
    g_atomic_int_set(&relay->is_at_work, 0);
    imapid_ahead_call(capture);
    return is_there;
}

bool imapid_relay_may_help(const struct imapid_relay *relay)
{
    guint n_more = g_atomic_int_get(&relay->waits) ? 1 : N_MORE;

    return get(&relay->n_filled) - get(&relay->n_done) >= n_more &&
           !g_atomic_int_get(&relay->is_at_work);
}

/* ---- batches ---- */

static void hand_over(struct imapid_relay *relay)
{
    struct batch *batch = get_batch(relay, relay->n_filled);

    batch->n = relay->n;
    batch->known = &relay->known[relay->place];
    g_atomic_int_inc((gint *)&relay->n_filled);
    if (imapid_relay_may_help(relay))
        imapid_ahead_call(relay->capture);
}

/* Until n were worked off. */
static void wait_until(struct imapid_relay *relay, guint n, bool (*is_so)(void *ctx))
{
    g_atomic_int_set(&relay->until, (gint)n);
    g_atomic_int_set(&relay->waits, 1);
    imapid_ahead_wait(relay->capture, is_so, relay);
    g_atomic_int_set(&relay->waits, 0);
}

static void learn_drops(struct imapid_relay *relay, struct known *known)
{
    if (!known->dropped)
        return;
    g_array_append_vals(relay->dropped, known->dropped->data, known->dropped->len);
    g_clear_pointer(&known->dropped, g_array_unref);
}

/* Is the batch that is full now one of few? Of a plain file all threads read, and share what there is. */
static bool is_sparse(struct imapid_relay *relay)
{
    uint64_t n_before = relay->n_read;

    if (!relay->capture)
        return false;
    relay->n_read = imapid_capture_get_counts(relay->capture)->n_octets;
    return imapid_ahead_is_packed(relay->capture) && relay->n_read - n_before > N_SPARSE;
}

/* Goes on with the next batch. Who had to wait for it has half of them then; all are done before anything is done at
 * once. */
static void go_on(struct imapid_relay *relay)
{
    bool may_put_off = !is_sparse(relay) && relay->may_put_off;

    if (relay->puts_off) {
        hand_over(relay);
        if (!may_put_off)
            wait_until(relay, relay->n_filled, is_settled);
        else if (relay->n_filled - get(&relay->n_done) == N_BATCHES)
            wait_until(relay, relay->n_filled - N_BATCHES / 2, is_done);
    } else {
        relay->known[relay->place].n_held = relay->context->holders.n;
    }
    relay->puts_off = may_put_off;
    relay->n = 0;
    relay->place = (relay->place + 1) % N_BATCHES;
    relay->n_known = relay->known[relay->place].n_held;
    relay->n_guessed_all -= relay->n_guessed[relay->place];
    relay->n_guessed[relay->place] = 0;
    learn_drops(relay, &relay->known[relay->place]);
}

void imapid_relay_settle(struct imapid_relay *relay)
{
    const struct imapid_keylog *keylog = relay->context->keylog;

    if (relay->puts_off && relay->n)
        hand_over(relay);
    if (relay->capture)
        wait_until(relay, relay->n_filled, is_settled);
    relay->n = 0;
    relay->n_known = relay->context->holders.n;
    relay->n_guessed_all = 0;
    for (unsigned i = 1; i <= N_BATCHES; i++) {
        guint place = (relay->place + i) % N_BATCHES; /* the oldest first */

        relay->known[place].n_held = relay->n_known;
        relay->n_guessed[place] = 0;
        learn_drops(relay, &relay->known[place]);
    }
    /* A session that one flow opens may be resumed by any other. */
    relay->may_put_off = relay->puts_off =
        relay->capture && !(keylog && imapid_keylog_get_generation(relay->context->keylog));
}

struct imapid_conn *imapid_relay_take_dropped(struct imapid_relay *relay)
{
    while (relay->dropped->len) {
        struct drop drop = g_array_index(relay->dropped, struct drop, relay->dropped->len - 1);

        g_array_set_size(relay->dropped, relay->dropped->len - 1);
        if (drop.home->user == drop.flow && drop.home->stream == drop.stream)
            return drop.home;
    }
    return NULL;
}

void imapid_relay_settle_closely(struct imapid_relay *relay)
{
    imapid_relay_settle(relay);
    relay->puts_off = false;
}

static size_t align(size_t n)
{
    return (n + 15) / 16 * 16;
}

/* Octets that an event takes in a batch. */
static size_t count_octets(const struct event *event)
{
    const struct imapid_conn *conn = event->conn;
    size_t n = align(sizeof *event) + (event->octets ? align(event->n) : 0);

    if (!conn)
        return n;
    return n + align(sizeof *conn) + (conn->icmp ? align(sizeof *conn->icmp) : 0) +
           (conn->doubts ? align(sizeof *conn->doubts) : 0) +
           (conn->contested ? align(sizeof *conn->contested) : 0) +
           (conn->path ? align(sizeof *conn->path) : 0);
}

/* NULL: there is none. */
static void *put(uint8_t **at, const void *octets, size_t n)
{
    uint8_t *to = *at;

    if (!octets)
        return NULL;
    memcpy(to, octets, n);
    *at += align(n);
    return to;
}

static const struct imapid_conn *put_conn(uint8_t **at, const struct imapid_conn *conn)
{
    struct imapid_conn *to = put(at, conn, sizeof *conn);

    if (!to)
        return NULL;
    to->icmp = put(at, conn->icmp, sizeof *conn->icmp);
    to->doubts = put(at, conn->doubts, sizeof *conn->doubts);
    to->contested = put(at, conn->contested, sizeof *conn->contested);
    to->path = put(at, conn->path, sizeof *conn->path);
    return to;
}

static void put_off(struct imapid_relay *relay, const struct event *event, size_t n_all)
{
    struct batch *batch = get_batch(relay, relay->n_filled);
    uint8_t *at;
    struct event *to;

    if (!batch->octets)
        batch->octets = g_malloc(N_BATCH);
    at = &batch->octets[relay->n - n_all];
    to = put(&at, event, sizeof *event);
    to->conn = put_conn(&at, event->conn);
    to->octets = put(&at, event->octets, event->n);
    to->n_all = n_all;
}

static size_t guess(const struct event *event)
{
    return event->octets ? N_OF_DATA + N_OF_OCTET * (size_t)event->n : 0;
}

static void take(struct imapid_relay *relay, const struct event *event)
{
    size_t n_all = count_octets(event), n_guessed = guess(event);

    if (n_all > N_BATCH) {
        imapid_relay_settle(relay);
        work_off(relay, event, &relay->known[relay->place]);
        imapid_relay_settle(relay);
        return;
    }
    if (n_all > N_BATCH - relay->n)
        go_on(relay);
    relay->n += n_all;
    relay->n_guessed[relay->place] += n_guessed;
    relay->n_guessed_all += n_guessed;
    if (relay->puts_off)
        put_off(relay, event, n_all);
    else
        work_off(relay, event, &relay->known[relay->place]);
}

/* ---- from below ---- */

/* An event of a connection: the flow begins with it, if there was none. `context`: for that. */
static struct event make(const struct imapid_relay *relay, struct imapid_flow_context *context,
                         struct imapid_conn *conn, enum kind kind)
{
    struct event event = {.kind = kind, .conn = conn, .home = conn};

    if (!conn->user) {
        conn->user = imapid_flow_new();
        conn->is_far = relay->puts_off;
        event.begins = context;
    }
    event.flow = conn->user;
    return event;
}

void imapid_relay_data(struct imapid_relay *relay, struct imapid_flow_context *context,
                       struct imapid_conn *conn, int dir, const uint8_t *octets, size_t n,
                       const struct imapid_stamp *packet)
{
    struct event event = make(relay, context, conn, DATA);

    event.dir = dir;
    event.octets = octets;
    event.n = n;
    event.packet = *packet;
    take(relay, &event);
}

void imapid_relay_gap(struct imapid_relay *relay, struct imapid_flow_context *context,
                      struct imapid_conn *conn, int dir, uint64_t n,
                      const struct imapid_stamp *packet)
{
    struct event event = make(relay, context, conn, GAP);

    event.dir = dir;
    event.n = n;
    event.packet = *packet;
    take(relay, &event);
}

void imapid_relay_end(struct imapid_relay *relay, struct imapid_flow_context *context,
                      struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    struct event event = make(relay, context, conn, END);

    event.reason = reason;
    take(relay, &event);
    conn->user = NULL;
}

void imapid_relay_drops(struct imapid_relay *relay, uint64_t frame)
{
    take(relay, &(struct event){.kind = DROPS, .n = frame});
}

/* ---- the object ---- */

struct imapid_relay *imapid_relay_new(struct imapid_flow_context *context)
{
    struct imapid_relay *relay = g_new0(struct imapid_relay, 1);

    relay->context = context;
    relay->dropped = g_array_new(FALSE, FALSE, sizeof(struct drop));
    g_mutex_init(&relay->mutex);
    return relay;
}

void imapid_relay_share(struct imapid_relay *relay, struct imapid_capture *capture)
{
    imapid_relay_settle(relay);
    relay->capture = capture;
    relay->n_read = 0;
    imapid_relay_settle(relay);
}

size_t imapid_relay_count_memory(const struct imapid_relay *relay)
{
    return relay->n_known + relay->n_guessed_all;
}

void imapid_relay_add_counts(struct imapid_relay *relay, struct imapid_record_interval *counts)
{
    struct imapid_record_interval known;

    g_mutex_lock(&relay->mutex);
    if (!relay->puts_off)
        count(&relay->counts, relay->context);
    known = relay->counts;
    g_mutex_unlock(&relay->mutex);
    counts->n_sessions += known.n_sessions;
    counts->n_exchanges += known.n_exchanges;
    counts->n_not_decrypted += known.n_not_decrypted;
    counts->n_lost += known.n_lost;
    counts->n_kept += known.n_kept;
}

void imapid_relay_free(struct imapid_relay *relay)
{
    if (!relay)
        return;
    imapid_relay_settle(relay);
    for (unsigned i = 0; i < N_BATCHES; i++)
        g_free(relay->batches[i].octets);
    g_array_unref(relay->dropped);
    g_mutex_clear(&relay->mutex);
    g_free(relay);
}
