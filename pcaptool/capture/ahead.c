/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ahead.c: one thread reads a capture, another asks for its packets. Between them is a ring of
 * batches: the octets of one area of the reader's window, and what was met in it, in its order:
 * packets, errors, notes, secrets, drops. So nothing is copied, and whoever asks meets each thing where a
 * reader without a thread would have told it.
 *
 * Who has nothing to do spins for a moment, as the other is about to be done; then it sleeps, as another
 * process may have the other's processor.
 *
 * Refuses to be far ahead: some MiB.
 *
 * Misuse: a capture of an interface or a pipe. Who asks would wait for a batch to be full. */

#include "capture/ahead.h"

#include "capture/reader.h"

/* Octets of an area: some hundred packets, so that the hand-over costs nothing; and how many there
 * are, so that neither thread waits for the other's least delay. */
#define AREA      (256u << 10)
#define N_BATCHES 8u

/* Of all areas, which are larger where a packet is: the reader goes on where there is less. */
#define N_OCTETS_MAX (4 << 20)

/* Where fewer batches wait, the reader is the slower one, and leaves all but reading to who asks. */
#define N_AHEAD 2u

/* With a smaller file it does not pay to begin a thread. */
#define N_OCTETS_MIN (1u << 20)

/* Looks at what is waited for, before sleeping: some ten microseconds. */
#define N_SPINS 512u

enum kind { PACKET, ERROR, NOTE, SECTION, SECRETS, DROPS, END };

/* 64 octets, a line of the cache: it goes from one processor to another, and that costs more than what
 * is done with it. */
struct item {
    union {
        const uint8_t *octets; /* of a packet, or of secrets */
        char *text;            /* of errors and notes, owned until it is told */
    };
    int64_t ts_ns;   /* of packets, as they have it */
    uint64_t number; /* of drops, how many */
    uint32_t n, n_wire;
    uint32_t number_of; /* of packets the interface, of secrets the type */
    uint16_t link_type;
    uint8_t kind : 6;
    bool is_found_out : 1; /* room[] says what */
    uint32_t room[IMAPID_AHEAD_ROOM / 4];
};

G_STATIC_ASSERT(sizeof(struct item) == 64);

/* Whose it is, says its place in the ring. */
struct batch {
    struct item *items;
    guint n_items, n_room;
    uint8_t *area; /* in which the items lie; or, where the batch is free, for the next ones */
    size_t n_area;
    uint64_t place; /* octets of the file that were read with it */
    uint64_t n_skipped_blocks;
};

struct imapid_ahead {
    struct imapid_capture *capture; /* the reader's */
    struct imapid_window_areas areas;
    bool has_time;   /* of its own; who asks has enough to do */
    GThread *thread; /* NULL: nothing was asked for yet */
    void (*on_packet)(void *ctx, const struct imapid_packet *packet, void *room);
    void *packet_ctx;
    struct batch batches[N_BATCHES];
    /* Batches ever read, and ever used: those between wait for who asks, the one behind them is the
     * reader's. */
    guint n_read, n_used;
    gint n_octets;      /* of areas that wait */
    gint is_over;       /* nobody asks any more */
    const char *format; /* set before the first batch is read */
    bool is_foreign;
    GMutex mutex; /* of those who sleep */
    GCond read, used;
    gint reader_sleeps, user_sleeps;
    /* Who asks: */
    guint at; /* the next item of the first batch that waits */
    bool is_at_end;
    guint peeked_batch, peeked_item; /* the next one to peek at */
};

/* ---- waiting ---- */

static inline guint get(const guint *n)
{
    return (guint)g_atomic_int_get((const gint *)n);
}

static inline void relax(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#endif
}

static bool is_read(const struct imapid_ahead *ahead)
{
    return get(&ahead->n_read) != ahead->n_used;
}

static bool has_room(const struct imapid_ahead *ahead)
{
    guint n = ahead->n_read - get(&ahead->n_used);
    return n == 0 || (n + 1 < N_BATCHES && g_atomic_int_get(&ahead->n_octets) < N_OCTETS_MAX) ||
           g_atomic_int_get(&ahead->is_over);
}

/* Whether a reader that sleeps should not any more: to be woken for each batch would cost more than it
 * gains. */
static bool has_much_room(const struct imapid_ahead *ahead)
{
    guint n = get(&ahead->n_read) - get(&ahead->n_used);
    return n == 0 || (n <= N_BATCHES / 2 && g_atomic_int_get(&ahead->n_octets) < N_OCTETS_MAX) ||
           g_atomic_int_get(&ahead->is_over);
}

static void wait_for(struct imapid_ahead *ahead, bool (*is_so)(const struct imapid_ahead *ahead),
                     GCond *cond, gint *sleeps)
{
    for (unsigned i = 0; i < N_SPINS; i++) {
        if (is_so(ahead))
            return;
        relax();
    }
    g_mutex_lock(&ahead->mutex);
    g_atomic_int_set(sleeps, 1);
    while (!is_so(ahead))
        g_cond_wait(cond, &ahead->mutex);
    g_atomic_int_set(sleeps, 0);
    g_mutex_unlock(&ahead->mutex);
}

/* What it waits for was made so before this looks whether it sleeps; it says that it sleeps before it
 * looks. */
static void wake(struct imapid_ahead *ahead, GCond *cond, const gint *sleeps)
{
    if (!g_atomic_int_get(sleeps))
        return;
    g_mutex_lock(&ahead->mutex);
    g_cond_signal(cond);
    g_mutex_unlock(&ahead->mutex);
}

/* ---- the reader ---- */

static struct batch *get_batch(struct imapid_ahead *ahead, guint n)
{
    return &ahead->batches[n % N_BATCHES];
}

static struct item *add(struct imapid_ahead *ahead, enum kind kind)
{
    struct batch *batch = get_batch(ahead, ahead->n_read);
    if (batch->n_items == batch->n_room) {
        batch->n_room = MAX(2 * batch->n_room, 512);
        batch->items = g_renew(struct item, batch->items, batch->n_room);
    }
    struct item *item = &batch->items[batch->n_items++];
    item->kind = kind;
    return item;
}

static void publish(struct imapid_ahead *ahead)
{
    if (!ahead->format) {
        ahead->format = ahead->capture->format;
        ahead->is_foreign = ahead->capture->is_foreign;
    }
    struct batch *batch = get_batch(ahead, ahead->n_read);
    batch->place = imapid_window_place(ahead->capture->packed ? ahead->capture->packed
                                                              : &ahead->capture->window);
    batch->n_skipped_blocks = ahead->capture->counts.n_skipped_blocks;
    g_atomic_int_add(&ahead->n_octets, (gint)batch->n_area);
    g_atomic_int_inc((gint *)&ahead->n_read);
    wake(ahead, &ahead->read, &ahead->user_sleeps);
}

/* The area of the batch that comes after this one. */
static uint8_t *take_area(void *ctx, size_t *n)
{
    struct imapid_ahead *ahead = ctx;
    struct batch *next = get_batch(ahead, ahead->n_read + 1);
    if (!has_room(ahead))
        wait_for(ahead, has_much_room, &ahead->used, &ahead->reader_sleeps);
    if (g_atomic_int_get(&ahead->is_over))
        imapid_capture_stop(ahead->capture);
    else if (next->area && next->n_area >= *n) {
        *n = next->n_area;
        return g_steal_pointer(&next->area);
    }
    *n = MAX(*n, AREA);
    return g_malloc(*n);
}

static void give_area(void *ctx, uint8_t *area, size_t n)
{
    struct imapid_ahead *ahead = ctx;
    struct batch *batch = get_batch(ahead, ahead->n_read);
    if (g_atomic_int_get(&ahead->is_over)) {
        g_free(area);
        return;
    }
    g_free(batch->area); /* one that was too small to be taken */
    batch->area = area;
    batch->n_area = n;
    publish(ahead);
    ahead->has_time = ahead->n_read - get(&ahead->n_used) >= N_AHEAD;
}

static void on_note(void *ctx, const char *message)
{
    add(ctx, NOTE)->text = g_strdup(message);
}

static void on_section(void *ctx)
{
    add(ctx, SECTION);
}

static void on_secrets(void *ctx, uint32_t type, const uint8_t *octets, size_t n)
{
    struct item *item = add(ctx, SECRETS);
    item->number_of = type;
    item->octets = octets;
    item->n = (uint32_t)n;
}

static void on_drops(void *ctx, const char *where, uint64_t n)
{
    (void)where; /* the file */
    add(ctx, DROPS)->number = n;
}

static void take_packet(struct imapid_ahead *ahead, const struct imapid_packet *packet)
{
    struct item *item = add(ahead, PACKET);
    item->octets = packet->data;
    item->n = packet->n;
    item->n_wire = packet->n_wire;
    item->ts_ns = packet->ts_ns;
    item->number = packet->number;
    item->number_of = packet->interface;
    item->link_type = packet->link_type;
    item->is_found_out = ahead->on_packet && ahead->has_time;
    if (item->is_found_out)
        ahead->on_packet(ahead->packet_ctx, packet, item->room);
}

static void *read_all(void *data)
{
    struct imapid_ahead *ahead = data;
    struct imapid_packet packet;
    enum imapid_capture_result result;
    while (!g_atomic_int_get(&ahead->is_over) &&
           (result = imapid_capture_next(ahead->capture, &packet)) != IMAPID_CAPTURE_END)
        if (result == IMAPID_CAPTURE_PACKET)
            take_packet(ahead, &packet);
        else
            add(ahead, ERROR)->text = g_strdup(imapid_capture_get_error(ahead->capture));
    add(ahead, END);
    publish(ahead);
    return NULL;
}

/* ---- who asks ---- */

static void give_packet(const struct item *item, struct imapid_packet *packet)
{
    *packet = (struct imapid_packet){
        .data = item->octets,
        .n = item->n,
        .n_wire = item->n_wire,
        .ts_ns = item->ts_ns,
        .number = item->number,
        .interface = item->number_of,
        .link_type = item->link_type,
        .ahead = item->is_found_out ? item->room : NULL,
    };
}

static void release(struct imapid_ahead *ahead)
{
    struct batch *batch = get_batch(ahead, ahead->n_used);
    gint n_octets = (gint)batch->n_area;
    if (batch->n_area != AREA)
        g_clear_pointer(&batch->area, g_free);
    batch->n_items = 0;
    ahead->at = 0;
    g_atomic_int_add(&ahead->n_octets, -n_octets);
    g_atomic_int_inc((gint *)&ahead->n_used);
    if (has_much_room(ahead))
        wake(ahead, &ahead->used, &ahead->reader_sleeps);
}

/* Waits for it. */
static const struct item *get_next(struct imapid_ahead *ahead)
{
    for (;;) {
        if (!is_read(ahead))
            wait_for(ahead, is_read, &ahead->read, &ahead->user_sleeps);
        struct batch *batch = get_batch(ahead, ahead->n_used);
        if (ahead->at < batch->n_items)
            return &batch->items[ahead->at++];
        release(ahead);
    }
}

static void begin(struct imapid_ahead *ahead, const struct imapid_capture *capture)
{
    if (capture->on_secrets)
        imapid_capture_on_secrets(ahead->capture, on_secrets, ahead);
    imapid_capture_on_note(ahead->capture, on_note, ahead);
    imapid_capture_on_section(ahead->capture, on_section, ahead);
    imapid_capture_on_drops(ahead->capture, on_drops, ahead);
    ahead->thread = g_thread_new("reader", read_all, ahead);
}

/* Tells what is no packet. */
static void tell(struct imapid_capture *capture, const struct item *item)
{
    char *text = item->kind == NOTE || item->kind == ERROR ? item->text : NULL;
    if (item->kind == NOTE) {
        capture->counts.n_further++;
        if (capture->on_note)
            capture->on_note(capture->note_ctx, text);
    } else if (item->kind == SECTION) {
        capture->counts.n_further++;
    } else if (item->kind == ERROR) {
        capture->counts.n_errors++;
        g_free(capture->error);
        capture->error = g_steal_pointer(&text);
    } else if (item->kind == SECRETS) {
        capture->on_secrets(capture->secrets_ctx, item->number_of, item->octets, item->n);
    } else if (item->kind == DROPS) {
        imapid_reader_tell_drops(capture, capture->name, item->number);
    } else {
        capture->ahead->is_at_end = true;
    }
    g_free(text);
}

static enum imapid_capture_result ahead_next(struct imapid_capture *capture,
                                             struct imapid_packet *packet)
{
    struct imapid_ahead *ahead = capture->ahead;
    if (!ahead->thread)
        begin(ahead, capture);
    while (!ahead->is_at_end) {
        const struct item *item = get_next(ahead);
        capture->format = ahead->format;
        capture->is_foreign = ahead->is_foreign;
        capture->window.end_place = get_batch(ahead, ahead->n_used)->place;
        capture->counts.n_skipped_blocks = get_batch(ahead, ahead->n_used)->n_skipped_blocks;
        if (item->kind == PACKET) {
            give_packet(item, packet);
            capture->n_frames = packet->number - 1;
            return IMAPID_CAPTURE_PACKET;
        }
        tell(capture, item);
        if (item->kind == ERROR)
            return IMAPID_CAPTURE_ERROR;
    }
    return IMAPID_CAPTURE_END;
}

static bool ahead_peek(struct imapid_capture *capture, struct imapid_packet *packet)
{
    struct imapid_ahead *ahead = capture->ahead;
    if (capture->n_peeked < capture->counts.n_packets ||
        (gint)(ahead->peeked_batch - ahead->n_used) < 0) {
        ahead->peeked_batch = ahead->n_used;
        ahead->peeked_item = ahead->at;
        capture->n_peeked = capture->counts.n_packets;
    }
    while (ahead->peeked_batch != get(&ahead->n_read)) {
        const struct batch *batch = get_batch(ahead, ahead->peeked_batch);
        while (ahead->peeked_item < batch->n_items) {
            const struct item *item = &batch->items[ahead->peeked_item++];
            if (item->kind == PACKET) {
                give_packet(item, packet);
                capture->n_peeked++;
                return true;
            }
        }
        ahead->peeked_batch++;
        ahead->peeked_item = 0;
    }
    return false;
}

static void ahead_close(struct imapid_capture *capture)
{
    struct imapid_ahead *ahead = capture->ahead;
    g_atomic_int_set(&ahead->is_over, 1);
    wake(ahead, &ahead->used, &ahead->reader_sleeps);
    if (ahead->thread)
        g_thread_join(ahead->thread);
    for (guint i = 0; i < N_BATCHES; i++) {
        struct batch *batch = &ahead->batches[i];
        for (guint k = i == ahead->n_used % N_BATCHES ? ahead->at : 0; k < batch->n_items; k++)
            if (batch->items[k].kind == ERROR || batch->items[k].kind == NOTE)
                g_free(batch->items[k].text);
        g_free(batch->items);
        g_free(batch->area);
    }
    imapid_capture_close(ahead->capture);
    g_mutex_clear(&ahead->mutex);
    g_cond_clear(&ahead->read);
    g_cond_clear(&ahead->used);
    g_free(ahead);
}

struct imapid_capture *imapid_ahead_new(struct imapid_capture *reader)
{
    if (reader->window.size < N_OCTETS_MIN)
        return reader;
    struct imapid_capture *capture = imapid_reader_new(reader->name);
    struct imapid_ahead *ahead = g_new0(struct imapid_ahead, 1);
    ahead->capture = reader;
    ahead->areas = (struct imapid_window_areas){take_area, give_area, ahead};
    g_mutex_init(&ahead->mutex);
    g_cond_init(&ahead->read);
    g_cond_init(&ahead->used);
    reader->areas = &ahead->areas;
    capture->ahead = ahead;
    capture->next = ahead_next;
    capture->peek_ahead = ahead_peek;
    capture->close = ahead_close;
    capture->window.size = reader->window.size;
    return capture;
}

bool imapid_ahead_is(const struct imapid_capture *capture)
{
    return capture->ahead != NULL;
}

void imapid_ahead_on_packet(struct imapid_capture *capture,
                            void (*fn)(void *ctx, const struct imapid_packet *packet, void *room),
                            void *ctx)
{
    capture->ahead->on_packet = fn;
    capture->ahead->packet_ctx = ctx;
}
