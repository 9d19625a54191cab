/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ahead.c: a capture that is read by areas, by one thread or several. Each area is
 *
 *  - read, by any thread, while others read others (where it is a plain file);
 *  - walked: packets, errors, notes, secrets are found in it. As only a packet's length tells where the
 *    next one is, areas are walked one after the other, in their order. It costs little. A packet that an area has not
 *    whole is the next one's;
 *  - found out about: what the user can know of each packet alone. By the thread that walked it, mostly the one
 *    that read it, in whose cache it is;
 *  - given, in order, to who asks. Those packets that need not be given are passed by their marks,
 *    which lie side by side, as a line of the cache that goes from one processor to another costs more than what
 *    is done with it.
 *
 * Who asks gives what is ready; else it does what the others do. So nobody is faster or slower than another,
 * and there need not be others. Nothing is copied but the packet that two areas share, and
 * whoever asks meets each thing where a reader without areas would have told it.
 *
 * The areas of a packed file are all read by who asks. What unpacks has up to some MiB of its own, which would
 * go from one processor's cache to another's.
 *
 * Who has nothing to do spins for a moment, as the other is about to be done; then it sleeps, as another
 * process may have the other's processor.
 *
 * Refuses to be far ahead: some MiB.
 *
 * Misuse: a capture of an interface or a pipe. Who asks would wait for an area to be full. */

#include "capture/ahead.h"

#include "capture/pcap.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Octets of an area: some hundred packets, so that the hand-over costs nothing; and room before them for
 * what the area before has of its last packet. */
#define AREA (256u << 10)
#define HEAD (64u << 10)

/* So many areas are begun before the first of them was given; and so many at most, where a packet is as
 * large as many of them. */
#define N_AHEAD 6u
#define N_RING  128u

G_STATIC_ASSERT(IMAPID_WINDOW_MAX / AREA + N_AHEAD + 2 < N_RING);

/* Of all areas, which are larger where a packet is: none is begun where there is more. */
#define N_OCTETS_MAX (4u << 20)

/* More gain nothing: what is given has an order. */
#define N_THREADS_MAX 4u

/* How far packets are peeked at. */
#define N_PEEKED_FROM 64u

/* Looks at what is waited for, before sleeping: some ten microseconds. */
#define N_SPINS 512u

enum kind { PACKET, ERROR, NOTE, FURTHER, SECRETS, DROPS, END };

struct item {
    union {
        const uint8_t *octets; /* of a packet, or of secrets */
        char *text;            /* of errors and notes, owned until it is told */
    };
    uint32_t number_of; /* of packets the interface, of secrets the type */
    uint16_t link_type;
    uint8_t kind;
    uint64_t room[IMAPID_AHEAD_ROOM / 8];
};

/* Whose it is, its stage says. */
enum stage {
    BEGUN, /* who begins it reads it */
    READ, /* nobody's: who walks the one before may move on to it; else who takes it when it is due */
    WALKED, /* who took it */
    DONE,   /* who asks gives it */
};

struct batch {
    gint stage;
    unsigned reader;    /* the thread that read it, to which it returns */
    struct batch *next; /* among spare ones */
    uint8_t *area;      /* in which the items lie; NULL: none yet */
    size_t n_area;
    size_t n_read; /* of it, behind HEAD */
    int error;     /* why it has not more, or 0 */
    struct item *items;
    /* One each: of packets; of drops, and of captures further, how many; of secrets n. */
    struct imapid_ahead_mark *marks;
    guint n_items, n_room;
    uint64_t place; /* octets of the file that were read with it */
    uint64_t n_skipped_blocks;
};

struct imapid_ahead {
    struct imapid_capture *capture; /* the reader's */
    struct imapid_window_areas areas;
    struct imapid_ahead_user user; /* find_out() NULL: there is none */
    unsigned n_threads, n_running; /* with who asks */
    struct thread {
        struct imapid_ahead *ahead;
        unsigned number; /* 0: who asks */
        GThread *thread;
    } threads[N_THREADS_MAX];
    bool is_begun; /* something was asked for */
    /* Batches ever begun, ever walked, ever given. Each has a number from 0, and by it a place in the ring. */
    struct batch *ring[N_RING];
    guint n_begun, n_walked, n_given;
    gint due;       /* the thread that read the batch which is walked next; -1: it is not read */
    guint n_octets; /* of areas that are in use */
    /* By reader, the last that was given first: that one is in its cache. */
    struct batch *spare[N_THREADS_MAX];
    guint n_spare;
    /* Areas are read where they are in the file, from `base` on, by all threads; known when the first one is walked. */
    gint is_plain;
    off_t base;
    gint gives_most; /* of the packets of the last area that was given */
    gint is_over;    /* nothing is to be walked any more: the end was met, or nobody asks */
    GMutex mutex;    /* of all that is above, and of those who sleep */
    GCond cond;      /* something may have come */
    guint n_sleep;   /* it may be looked at without the mutex */
    /* Who walks: */
    unsigned walker;    /* the thread */
    guint at;           /* the batch that it adds to */
    bool may_take;      /* it has not moved on to its own yet */
    uint8_t *rest;      /* of the walk before */
    size_t n_rest;      /* room for it */
    uint64_t n_further; /* as the last item of that kind says */
    const char *format; /* set before the first batch is done */
    bool is_foreign;
    /* Who asks: */
    guint at_item;  /* the next item of the first batch that was not given */
    guint n_passed; /* of its items before that */
    bool is_at_end;
    guint peeked, peeked_item; /* the next one to peek at, of which batch */
    uint64_t n_peeked, n_taken;
    bool passed_few; /* of the last area: it is not asked before peeking what may be passed */
    bool (*awaited)(void *ctx); /* see imapid_ahead_wait() */
    void *awaited_ctx;
};

/* ---- waiting ---- */

static inline void relax(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#endif
}

static inline guint get(const guint *n)
{
    return (guint)g_atomic_int_get((const gint *)n);
}

static inline bool is_over(const struct imapid_ahead *ahead)
{
    return g_atomic_int_get(&ahead->is_over);
}

static inline struct batch *get_batch(const struct imapid_ahead *ahead, guint n)
{
    return ahead->ring[n % N_RING];
}

/* Who walks: the batch that is added to. */
static inline struct batch *get_walked(const struct imapid_ahead *ahead)
{
    return get_batch(ahead, ahead->at);
}

/* Waits until is_so(ahead, n). It may ask for atomics. */
static void wait_for(struct imapid_ahead *ahead,
                     bool (*is_so)(const struct imapid_ahead *ahead, guint n), guint n)
{
    for (unsigned i = 0; i < N_SPINS; i++) {
        if (is_so(ahead, n))
            return;
        relax();
    }
    g_mutex_lock(&ahead->mutex);
    g_atomic_int_inc((gint *)&ahead->n_sleep);
    while (!is_so(ahead, n))
        g_cond_wait(&ahead->cond, &ahead->mutex);
    g_atomic_int_add((gint *)&ahead->n_sleep, -1);
    g_mutex_unlock(&ahead->mutex);
}

/* With the mutex. */
static void wake_all(struct imapid_ahead *ahead)
{
    if (ahead->n_sleep)
        g_cond_broadcast(&ahead->cond);
}

static inline bool is_plain(const struct imapid_ahead *ahead)
{
    return g_atomic_int_get(&ahead->is_plain);
}

/* With the mutex: what a thread may do with areas has changed. */
static void wake(struct imapid_ahead *ahead)
{
    if (is_plain(ahead))
        wake_all(ahead);
}

/* ---- beginning and reading ---- */

static void set_area(struct imapid_ahead *ahead, struct batch *batch, uint8_t *area, size_t n)
{
    g_free(batch->area);
    g_atomic_int_add((gint *)&ahead->n_octets, (gint)n - (gint)batch->n_area);
    batch->area = area;
    batch->n_area = n;
}

/* With the mutex. A thread's own ones first. */
static struct batch *take_spare(struct imapid_ahead *ahead, unsigned thread)
{
    for (unsigned i = 0; i < ahead->n_threads; i++) {
        struct batch **from = &ahead->spare[(thread + i) % ahead->n_threads], *batch = *from;
        if (!batch)
            continue;
        *from = batch->next;
        ahead->n_spare--;
        return batch;
    }
    return g_new0(struct batch, 1);
}

/* With the mutex. */
static struct batch *begin(struct imapid_ahead *ahead, unsigned thread)
{
    struct batch *batch = take_spare(ahead, thread);
    batch->reader = thread;
    batch->stage = BEGUN;
    ahead->ring[ahead->n_begun % N_RING] = batch;
    g_atomic_int_add((gint *)&ahead->n_octets, (gint)batch->n_area);
    g_atomic_int_inc((gint *)&ahead->n_begun);
    return batch;
}

/* In whole pages: what the kernel copies goes faster. */
static uint8_t *new_area(void)
{
    uint8_t *area = aligned_alloc(4096, HEAD + AREA);
    if (!area)
        g_error("no memory for an area of %u octets", HEAD + AREA);
    return area;
}

static void read_area(struct imapid_ahead *ahead, struct batch *batch, guint n)
{
    batch->n_read = 0;
    batch->error = 0;
    if (n == 0 || !is_plain(ahead))
        return;
    off_t place = ahead->base + (off_t)(n - 1) * AREA;
    ssize_t n_read = 1;
    if (!batch->area)
        set_area(ahead, batch, new_area(), HEAD + AREA);
    while (batch->n_read < AREA && n_read > 0) {
        do
            n_read = pread(ahead->capture->window.fd, batch->area + HEAD + batch->n_read,
                           AREA - batch->n_read, place + (off_t)batch->n_read);
        while (n_read < 0 && errno == EINTR);
        if (n_read > 0)
            batch->n_read += (size_t)n_read;
    }
    batch->error = n_read < 0 ? errno : 0;
}

/* With the mutex, when it may have changed. */
static void set_due(struct imapid_ahead *ahead)
{
    guint n = ahead->n_walked;
    const struct batch *batch = n != ahead->n_begun ? get_batch(ahead, n) : NULL;
    bool is_due = batch && g_atomic_int_get(&batch->stage) == READ;
    g_atomic_int_set(&ahead->due, is_due ? (gint)batch->reader : -1);
}

static bool may_walk(const struct imapid_ahead *ahead, unsigned thread, bool is_anybodys)
{
    gint reader = g_atomic_int_get(&ahead->due);
    return reader >= 0 && (is_anybodys || (unsigned)reader == thread) && !is_over(ahead);
}

static void set_read(struct imapid_ahead *ahead, struct batch *batch)
{
    g_mutex_lock(&ahead->mutex);
    g_atomic_int_set(&batch->stage, READ);
    set_due(ahead);
    wake(ahead);
    g_mutex_unlock(&ahead->mutex);
}

static bool may_begin(const struct imapid_ahead *ahead)
{
    return get(&ahead->n_begun) - get(&ahead->n_given) < N_AHEAD &&
           get(&ahead->n_octets) <= N_OCTETS_MAX;
}

/* Begins a batch and reads its area. False: there are enough. */
static bool begin_next(struct imapid_ahead *ahead, unsigned thread)
{
    struct batch *batch = NULL;
    if (!may_begin(ahead))
        return false;
    g_mutex_lock(&ahead->mutex);
    guint n = ahead->n_begun;
    if (!is_over(ahead) && may_begin(ahead))
        batch = begin(ahead, thread);
    g_mutex_unlock(&ahead->mutex);
    if (!batch)
        return false;
    read_area(ahead, batch, n);
    set_read(ahead, batch);
    return true;
}

/* The batch behind those that are walked, read; by whoever walks, if nobody has begun it. */
static struct batch *get_read(struct imapid_ahead *ahead, guint n)
{
    g_mutex_lock(&ahead->mutex);
    bool is_new = n == ahead->n_begun;
    struct batch *batch = is_new ? begin(ahead, ahead->walker) : get_batch(ahead, n);
    g_atomic_int_inc((gint *)&ahead->n_sleep);
    while (!is_new && g_atomic_int_get(&batch->stage) == BEGUN)
        g_cond_wait(&ahead->cond, &ahead->mutex);
    g_atomic_int_add((gint *)&ahead->n_sleep, -1);
    g_mutex_unlock(&ahead->mutex);
    if (is_new) {
        read_area(ahead, batch, n);
        set_read(ahead, batch);
    }
    return batch;
}

/* ---- walking ---- */

static bool is_last(const struct batch *batch)
{
    return batch->n_read < AREA;
}

/* The areas that a packet of n octets goes through become one, that of the last of them. */
static uint8_t *join_areas(struct imapid_ahead *ahead, size_t n, size_t n_left, size_t *n_read)
{
    struct batch *batch = get_walked(ahead);
    guint first = ahead->at;
    while (n_left + *n_read < n && !is_last(batch)) {
        batch = get_read(ahead, ++ahead->at);
        *n_read += batch->n_read;
    }
    uint8_t *area = g_malloc(n_left + *n_read), *to = area + n_left;
    for (guint i = first; i <= ahead->at; i++) {
        const struct batch *part = get_batch(ahead, i);
        if (part->n_read)
            memcpy(to, part->area + HEAD, part->n_read);
        to += part->n_read;
    }
    set_area(ahead, batch, area, n_left + *n_read);
    return area;
}

/* A walk begins where the one before it ended. */
static bool may_take(void *ctx)
{
    return ((struct imapid_ahead *)ctx)->may_take;
}

static void take_area(void *ctx, size_t n, size_t n_left, struct imapid_window_area *area)
{
    struct imapid_ahead *ahead = ctx;
    bool is_first = !ahead->capture->window.area; /* of the contents of a packed file */
    if (is_over(ahead))
        imapid_capture_stop(ahead->capture);
    g_assert(is_first || ahead->may_take);
    ahead->may_take = false;
    struct batch *batch = get_read(ahead, ahead->at);
    if (ahead->capture->packed) {
        if (batch->n_area < n)
            set_area(ahead, batch, g_malloc(MAX(n, AREA)), MAX(n, AREA));
        *area = (struct imapid_window_area){.octets = batch->area, .n = batch->n_area};
        return;
    }
    size_t n_read = batch->n_read;
    uint8_t *octets = n_left <= HEAD && (n_left + n_read >= n || is_last(batch))
                          ? batch->area + HEAD - n_left
                          : join_areas(ahead, n, n_left, &n_read);
    batch = get_walked(ahead);
    *area =
        (struct imapid_window_area){octets, n_left + n_read, n_read, is_last(batch), batch->error};
}

/* The walk leaves a batch. */
static void finish(struct imapid_ahead *ahead)
{
    struct batch *batch = get_walked(ahead);
    batch->place = imapid_window_place(ahead->capture->packed ? ahead->capture->packed
                                                              : &ahead->capture->window);
    batch->n_skipped_blocks = ahead->capture->counts.n_skipped_blocks;
}

static inline struct item *add(struct batch *batch, enum kind kind, struct imapid_ahead_mark **mark)
{
    if (batch->n_items == batch->n_room) {
        batch->n_room = MAX(2 * batch->n_room, 512);
        batch->items = g_renew(struct item, batch->items, batch->n_room);
        batch->marks = g_renew(struct imapid_ahead_mark, batch->marks, batch->n_room);
    }
    struct item *item = &batch->items[batch->n_items];
    item->kind = (uint8_t)kind;
    *mark = &batch->marks[batch->n_items++];
    (*mark)->key = 0;
    return item;
}

static void add_text(struct imapid_ahead *ahead, enum kind kind, const char *text)
{
    struct imapid_ahead_mark *mark;
    add(get_walked(ahead), kind, &mark)->text = g_strdup(text);
}

static void on_note(void *ctx, const char *message)
{
    add_text(ctx, NOTE, message);
}

static void on_secrets(void *ctx, uint32_t type, const uint8_t *octets, size_t n)
{
    struct imapid_ahead_mark *mark;
    struct item *item = add(get_walked(ctx), SECRETS, &mark);
    item->number_of = type;
    item->octets = octets;
    mark->n = (uint32_t)n;
}

static void on_drops(void *ctx, const char *where, uint64_t n)
{
    struct imapid_ahead_mark *mark;
    (void)where; /* the file */
    add(get_walked(ctx), DROPS, &mark);
    mark->number = n;
}

static inline void add_packet(struct batch *batch, const struct imapid_packet *packet)
{
    struct imapid_ahead_mark *mark;
    struct item *item = add(batch, PACKET, &mark);
    item->octets = packet->data;
    item->number_of = packet->interface;
    item->link_type = packet->link_type;
    *mark = (struct imapid_ahead_mark){0, packet->number, packet->ts_ns, packet->n, packet->n_wire};
}

/* Another capture or section may have begun. */
static void note_further(struct imapid_ahead *ahead)
{
    struct imapid_ahead_mark *mark;
    uint64_t n_further = ahead->capture->counts.n_further;
    if (ahead->n_further == n_further)
        return;
    ahead->n_further = n_further;
    add(get_walked(ahead), FURTHER, &mark);
    mark->number = n_further;
}

/* What is left of a batch, whose area may be given and used again before the next walk: aside. */
static void keep_rest(struct imapid_ahead *ahead)
{
    struct imapid_window *window = &ahead->capture->window;
    struct batch *batch = get_walked(ahead);
    size_t left = imapid_window_left(window);
    if (ahead->n_rest < left || !ahead->rest) {
        uint8_t *rest = g_malloc(ahead->n_rest = MAX(left, HEAD));
        memcpy(rest, window->at, left);
        g_free(ahead->rest);
        ahead->rest = rest;
    } else {
        memmove(ahead->rest, window->at, left);
    }
    if (!batch->area) /* the first one is the window's own until here */
        set_area(ahead, batch, window->area, 0);
    finish(ahead);
    window->area = ahead->rest;
    window->n_area = left;
    window->is_lent = true;
    window->at = ahead->rest;
    window->end = ahead->rest + left;
}

/* Packets of a plain capture that are as nearly all are, without the way by its next(). */
static void walk_usual(struct imapid_ahead *ahead)
{
    struct imapid_capture *capture = ahead->capture;
    struct batch *batch = get_walked(ahead);
    struct imapid_packet packet;
    if (capture->next != imapid_pcap_next)
        return;
    while (!capture->stop && imapid_pcap_take(capture, &packet)) {
        capture->counts.n_packets++;
        packet.number = ++capture->n_frames;
        add_packet(batch, &packet);
    }
}

/* Up to the end of the area of batch n, and of those that it had to move on to. Returns whether there is more. */
static bool walk(struct imapid_ahead *ahead, guint n)
{
    struct imapid_packet packet;
    ahead->at = n;
    ahead->may_take = n > 0;
    for (;;) {
        walk_usual(ahead);
        enum imapid_capture_result result = imapid_capture_next(ahead->capture, &packet);
        note_further(ahead);
        switch (result) {
        case IMAPID_CAPTURE_PACKET:
            add_packet(get_walked(ahead), &packet);
            break;
        case IMAPID_CAPTURE_ERROR:
            add_text(ahead, ERROR, imapid_capture_get_error(ahead->capture));
            break;
        case IMAPID_CAPTURE_PAUSE:
            keep_rest(ahead);
            return true;
        case IMAPID_CAPTURE_END:
            add_text(ahead, END, NULL);
            finish(ahead);
            return false;
        }
    }
}

static void give_packet(const struct item *item, const struct imapid_ahead_mark *mark,
                        bool has_room, struct imapid_packet *packet)
{
    *packet = (struct imapid_packet){
        .data = item->octets,
        .n = mark->n,
        .n_wire = mark->n_wire,
        .ts_ns = mark->ts_ns,
        .number = mark->number,
        .interface = item->number_of,
        .link_type = item->link_type,
        .ahead = has_room ? item->room : NULL,
    };
}

static void find_out(const struct imapid_ahead *ahead, const struct batch *batch)
{
    struct imapid_packet packet;
    bool is_likely = g_atomic_int_get(&ahead->gives_most);
    for (guint i = 0; ahead->user.find_out && i < batch->n_items; i++) {
        struct item *item = &batch->items[i];
        if (item->kind != PACKET)
            continue;
        give_packet(item, &batch->marks[i], false, &packet);
        batch->marks[i].key = ahead->user.find_out(ahead->user.ctx, &packet, is_likely, item->room);
    }
}

/* All up to `at` are walked. */
static void pass_on(struct imapid_ahead *ahead, guint n, bool is_more)
{
    if (n == 0) {
        ahead->format = ahead->capture->format;
        ahead->is_foreign = ahead->capture->is_foreign;
        ahead->base = (off_t)ahead->capture->window.end_place;
        g_atomic_int_set(&ahead->is_plain, !ahead->capture->packed);
    }
    g_mutex_lock(&ahead->mutex);
    if (!is_more)
        g_atomic_int_set(&ahead->is_over, 1);
    g_atomic_int_set((gint *)&ahead->n_walked, (gint)ahead->at + 1);
    set_due(ahead);
    wake(ahead);
    g_mutex_unlock(&ahead->mutex);
}

static void publish(struct imapid_ahead *ahead, guint n)
{
    struct batch *batch = get_batch(ahead, n);
    find_out(ahead, batch);
    g_mutex_lock(&ahead->mutex);
    g_atomic_int_set(&batch->stage, DONE);
    wake(ahead);
    g_mutex_unlock(&ahead->mutex);
}

/* Walks the batch that is due, with those that it has to move on to, if it is this thread's, or
 * anybody's. */
static bool walk_due(struct imapid_ahead *ahead, unsigned thread, bool is_anybodys)
{
    if (!may_walk(ahead, thread, is_anybodys))
        return false;
    g_mutex_lock(&ahead->mutex);
    guint n = ahead->n_walked;
    bool is_ours = may_walk(ahead, thread, is_anybodys);
    if (is_ours) {
        g_atomic_int_set(&get_batch(ahead, n)->stage, WALKED);
        set_due(ahead);
    }
    g_mutex_unlock(&ahead->mutex);
    if (!is_ours)
        return false;
    ahead->walker = thread;
    bool is_more = walk(ahead, n);
    guint last = ahead->at;
    pass_on(ahead, n, is_more);
    for (; n != last + 1; n++)
        publish(ahead, n);
    return true;
}

/* Does what there is to do, that first which is in this thread's cache. False: nothing. Who would wait
 * for another's walk reads on; and walks for another that does so. Until the first area is walked, nobody knows how the
 * others are read. */
static bool work(struct imapid_ahead *ahead, unsigned thread)
{
    if (thread != 0 && !is_plain(ahead))
        return false;
    return walk_due(ahead, thread, false) || begin_next(ahead, thread) ||
           walk_due(ahead, thread, true);
}

static bool help(const struct imapid_ahead *ahead)
{
    return ahead->user.help && ahead->user.help(ahead->user.ctx);
}

static bool may_help(const struct imapid_ahead *ahead)
{
    return ahead->user.help && ahead->user.may_help(ahead->user.ctx);
}

/* One that sleeps is not to be woken for each area that may be begun: that would cost more than it gains. */
static bool has_work(const struct imapid_ahead *ahead, guint n)
{
    return is_over(ahead) || may_help(ahead) ||
           (is_plain(ahead) &&
            (may_walk(ahead, 0, true) ||
             (may_begin(ahead) && get(&ahead->n_begun) - get(&ahead->n_given) <= n)));
}

static void *work_all(void *data)
{
    const struct thread *thread = data;
    struct imapid_ahead *ahead = thread->ahead;
    while (!is_over(ahead))
        if (!help(ahead) && !work(ahead, thread->number))
            wait_for(ahead, has_work, N_AHEAD / 2);
    return NULL;
}

/* ---- who asks ---- */

static void free_batch(struct batch *batch, guint at)
{
    for (guint i = at; i < batch->n_items; i++)
        if (batch->items[i].kind == ERROR || batch->items[i].kind == NOTE)
            g_free(batch->items[i].text);
    g_free(batch->items);
    g_free(batch->marks);
    g_free(batch->area);
    g_free(batch);
}

static void release(struct imapid_ahead *ahead)
{
    struct batch *batch = get_batch(ahead, ahead->n_given);
    bool is_usual = batch->n_area == AREA || batch->n_area == HEAD + AREA;
    g_atomic_int_set(&ahead->gives_most, 2 * ahead->n_passed < batch->n_items);
    ahead->passed_few = 16 * ahead->n_passed < batch->n_items;
    batch->n_items = 0;
    ahead->at_item = ahead->n_passed = 0;
    g_mutex_lock(&ahead->mutex);
    g_atomic_int_add((gint *)&ahead->n_octets, -(gint)batch->n_area);
    if (!is_usual) {
        g_clear_pointer(&batch->area, g_free);
        batch->n_area = 0;
    }
    ahead->ring[ahead->n_given % N_RING] = NULL;
    if (ahead->n_spare < N_AHEAD) {
        batch->next = ahead->spare[batch->reader];
        ahead->spare[batch->reader] = batch;
        ahead->n_spare++;
    } else {
        free_batch(batch, 0);
    }
    g_atomic_int_inc((gint *)&ahead->n_given);
    if (has_work(ahead, N_AHEAD / 2))
        wake(ahead);
    g_mutex_unlock(&ahead->mutex);
}

static bool is_ready(const struct imapid_ahead *ahead, guint n)
{
    return get(&ahead->n_begun) != n && g_atomic_int_get(&get_batch(ahead, n)->stage) == DONE;
}

/* Is there anything to do for who asks, while it waits? */
static bool may_do(const struct imapid_ahead *ahead)
{
    return may_help(ahead) || (!is_over(ahead) && (may_walk(ahead, 0, true) || may_begin(ahead)));
}

static bool has_something(const struct imapid_ahead *ahead, guint n)
{
    return is_ready(ahead, n) || may_do(ahead);
}

/* An area may have no packets, after which it would be told. */
static void tell_place(struct imapid_capture *capture, uint64_t place)
{
    capture->window.end_place = place;
    if (capture->on_progress)
        capture->on_progress(capture->progress_ctx, place);
}

/* The batch that has the next item. NULL: that is not waited for any more. */
static struct batch *get_next(struct imapid_ahead *ahead, struct imapid_capture *capture)
{
    while (!capture->stop) {
        if (is_ready(ahead, ahead->n_given)) {
            struct batch *batch = get_batch(ahead, ahead->n_given);
            capture->format = ahead->format;
            capture->is_foreign = ahead->is_foreign;
            if (ahead->at_item < batch->n_items)
                return batch;
            tell_place(capture, batch->place);
            release(ahead);
        } else if (!work(ahead, 0) && !help(ahead)) {
            wait_for(ahead, has_something, ahead->n_given);
        }
    }
    return NULL;
}

static bool has_come(const struct imapid_ahead *ahead, guint n)
{
    (void)n;
    return ahead->awaited(ahead->awaited_ctx) || may_do(ahead);
}

void imapid_ahead_wait(struct imapid_capture *capture, bool (*is_so)(void *ctx), void *ctx)
{
    struct imapid_ahead *ahead = capture->ahead;
    ahead->awaited = is_so;
    ahead->awaited_ctx = ctx;
    while (!is_so(ctx))
        if (!help(ahead) && !work(ahead, 0))
            wait_for(ahead, has_come, 0);
}

void imapid_ahead_call(struct imapid_capture *capture)
{
    struct imapid_ahead *ahead = capture->ahead;
    if (!get(&ahead->n_sleep))
        return;
    g_mutex_lock(&ahead->mutex);
    wake_all(ahead);
    g_mutex_unlock(&ahead->mutex);
}

static void begin_all(struct imapid_ahead *ahead, const struct imapid_capture *capture)
{
    if (capture->on_secrets)
        imapid_capture_on_secrets(ahead->capture, on_secrets, ahead);
    imapid_capture_on_note(ahead->capture, on_note, ahead);
    imapid_capture_on_drops(ahead->capture, on_drops, ahead);
    ahead->is_begun = true;
    for (unsigned i = 1; i < ahead->n_threads; i++) {
        struct thread *thread = &ahead->threads[i];
        thread->ahead = ahead;
        thread->number = i;
        thread->thread = g_thread_new("reader", work_all, thread);
    }
    ahead->n_running = ahead->n_threads;
}

/* Tells what is no packet. */
static void tell(struct imapid_capture *capture, const struct item *item,
                 const struct imapid_ahead_mark *mark)
{
    char *text = item->kind == NOTE || item->kind == ERROR ? item->text : NULL;
    if (item->kind == NOTE) {
        if (capture->on_note)
            capture->on_note(capture->note_ctx, text);
    } else if (item->kind == FURTHER) {
        capture->counts.n_further = mark->number;
    } else if (item->kind == ERROR) {
        capture->counts.n_errors++;
        g_free(capture->error);
        capture->error = g_steal_pointer(&text);
    } else if (item->kind == SECRETS) {
        capture->on_secrets(capture->secrets_ctx, item->number_of, item->octets, mark->n);
    } else if (item->kind == DROPS) {
        imapid_reader_tell_drops(capture, capture->name, mark->number);
    } else {
        capture->ahead->is_at_end = true;
    }
    g_free(text);
}

/* Of the next n, those that need not be given are counted. Returns how many. */
static size_t pass(const struct imapid_ahead *ahead, struct imapid_capture *capture,
                   const struct imapid_ahead_mark *marks, size_t n)
{
    size_t n_passed = ahead->user.pass ? ahead->user.pass(ahead->user.ctx, marks, n) : 0;
    if (!n_passed)
        return 0;
    /* In a place that no mark can be, so that they stay in registers. */
    struct imapid_capture_counts counts = capture->counts;
    for (size_t i = 0; i < n_passed; i++)
        imapid_reader_count(&counts, marks[i].ts_ns, marks[i].n, marks[i].n_wire);
    capture->counts = counts;
    imapid_reader_tell_progress(capture, n_passed);
    return n_passed;
}

static enum imapid_capture_result ahead_next(struct imapid_capture *capture,
                                             struct imapid_packet *packet)
{
    struct imapid_ahead *ahead = capture->ahead;
    if (!ahead->is_begun)
        begin_all(ahead, capture);
    const struct batch *batch;
    while (!ahead->is_at_end && (batch = get_next(ahead, capture))) {
        capture->window.end_place = batch->place;
        capture->counts.n_skipped_blocks = batch->n_skipped_blocks;
        guint n_passed = (guint)pass(ahead, capture, &batch->marks[ahead->at_item],
                                     batch->n_items - ahead->at_item);
        ahead->n_passed += n_passed;
        ahead->at_item += n_passed;
        if (ahead->at_item == batch->n_items)
            continue;
        const struct item *item = &batch->items[ahead->at_item];
        const struct imapid_ahead_mark *mark = &batch->marks[ahead->at_item++];
        if (item->kind == PACKET) {
            capture->n_frames = mark->number - 1;
            ahead->n_taken++;
            give_packet(item, mark, ahead->user.find_out != NULL, packet);
            return IMAPID_CAPTURE_PACKET;
        }
        tell(capture, item, mark);
        if (item->kind == ERROR)
            return IMAPID_CAPTURE_ERROR;
    }
    return IMAPID_CAPTURE_END;
}

static bool is_behind(const struct imapid_ahead *ahead)
{
    gint n = (gint)(ahead->peeked - ahead->n_given);
    return n < 0 || (n == 0 && ahead->peeked_item < ahead->at_item);
}

/* The next thing to peek at, or NULL: none is near. */
static const struct item *peek(struct imapid_ahead *ahead, const struct imapid_ahead_mark **mark)
{
    for (; is_ready(ahead, ahead->peeked); ahead->peeked++, ahead->peeked_item = 0) {
        const struct batch *batch = get_batch(ahead, ahead->peeked);
        guint end = batch->n_items;
        if (ahead->peeked == ahead->n_given)
            end = MIN(end, ahead->at_item + N_PEEKED_FROM);
        if (ahead->peeked_item < end && ahead->user.may_pass && !ahead->passed_few)
            ahead->peeked_item += (guint)ahead->user.may_pass(
                ahead->user.ctx, &batch->marks[ahead->peeked_item], end - ahead->peeked_item);
        if (ahead->peeked_item < end) {
            *mark = &batch->marks[ahead->peeked_item];
            return &batch->items[ahead->peeked_item++];
        }
        if (ahead->peeked_item < batch->n_items)
            return NULL;
    }
    return NULL;
}

static bool ahead_peek(struct imapid_capture *capture, struct imapid_packet *packet)
{
    struct imapid_ahead *ahead = capture->ahead;
    const struct imapid_ahead_mark *mark;
    const struct item *item;
    if (is_behind(ahead)) {
        ahead->peeked = ahead->n_given;
        ahead->peeked_item = ahead->at_item;
        ahead->n_peeked = ahead->n_taken;
    }
    while (ahead->n_peeked < ahead->n_taken + IMAPID_READER_N_PEEKED &&
           (item = peek(ahead, &mark))) {
        if (item->kind != PACKET)
            continue;
        give_packet(item, mark, ahead->user.find_out != NULL, packet);
        ahead->n_peeked++;
        return true;
    }
    return false;
}

void imapid_ahead_end(struct imapid_capture *capture)
{
    struct imapid_ahead *ahead = capture->ahead;
    if (!ahead)
        return;
    g_mutex_lock(&ahead->mutex);
    g_atomic_int_set(&ahead->is_over, 1);
    wake_all(ahead);
    g_mutex_unlock(&ahead->mutex);
    for (unsigned i = 1; i < ahead->n_running; i++)
        g_thread_join(ahead->threads[i].thread);
    ahead->n_running = 0;
}

static void ahead_close(struct imapid_capture *capture)
{
    struct imapid_ahead *ahead = capture->ahead;
    imapid_ahead_end(capture);
    for (guint i = ahead->n_given; i != ahead->n_begun; i++)
        free_batch(get_batch(ahead, i), i == ahead->n_given ? ahead->at_item : 0);
    while (ahead->n_spare)
        free_batch(take_spare(ahead, 0), 0);
    imapid_capture_close(ahead->capture);
    g_mutex_clear(&ahead->mutex);
    g_cond_clear(&ahead->cond);
    g_free(ahead->rest);
    g_free(ahead);
}

struct imapid_capture *imapid_ahead_new(struct imapid_capture *reader, unsigned n_threads)
{
    if (!reader->window.size || imapid_reader_is_small(reader))
        return reader;
    struct imapid_capture *capture = imapid_reader_new(reader->name);
    struct imapid_ahead *ahead = g_new0(struct imapid_ahead, 1);
    ahead->capture = reader;
    ahead->due = -1;
    ahead->n_threads = CLAMP(n_threads, 1, N_THREADS_MAX);
    ahead->areas = (struct imapid_window_areas){may_take, take_area, ahead};
    g_mutex_init(&ahead->mutex);
    g_cond_init(&ahead->cond);
    reader->areas = &ahead->areas;
    capture->ahead = ahead;
    capture->next = ahead_next;
    capture->peek_ahead = ahead_peek;
    capture->close = ahead_close;
    capture->window.size = reader->window.size;
    return capture;
}

bool imapid_ahead_is_shared(const struct imapid_capture *capture)
{
    return capture->ahead && capture->ahead->n_threads > 1;
}

bool imapid_ahead_is_packed(const struct imapid_capture *capture)
{
    return capture->ahead && !is_plain(capture->ahead);
}

bool imapid_ahead_is(const struct imapid_capture *capture)
{
    return capture->ahead != NULL;
}

void imapid_ahead_set_user(struct imapid_capture *capture, const struct imapid_ahead_user *user)
{
    capture->ahead->user = *user;
}
