/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c: records kept, put in order, counted once. How one is kept is for keep.c.
 *
 * The order is that of what records say, and in the end of how they are spelled; it never depends on
 * when they came.
 *
 * Refuses a record that is there already. It is counted.
 *
 * Misuse: adding after settling. */
#include "answer/store.h"

#include "answer/flat.h"
#include "answer/keep.h"
#include "record/spell-record.h"
#include "record/writer.h"

#include <string.h>

/* One connection of the view. */
struct kept_joint {
    uint32_t first, n_exchanges;
    uint32_t session; /* place + 1; 0: none */
};

/* What some of the threads have added. It is made by the thread that is the first to add, so that its
 * memory is near that thread's, and no line of the cache goes to and fro. */
struct shard {
    GMutex mutex;
    bool is_made;
    struct imapid_keep keep;
    GArray *exchanges, *sessions;
    uint8_t apart[128];
};

/* More threads wait for each other. */
#define N_SHARDS 16u

struct imapid_store {
    struct shard shards[N_SHARDS];            /* the first has all of it from settling on */
    gint n_threads;                           /* atomic */
    GArray *captures, *joints;                /* captures belong to the first */
    GPtrArray *unread;                        /* the lists of captures */
    uint32_t *exchange_order, *session_order; /* places to indices */
    uint32_t *file_ranks;
};

static void make_shard(struct shard *shard)
{
    shard->is_made = true;
    imapid_keep_init(&shard->keep);
    shard->exchanges = g_array_new(FALSE, FALSE, sizeof(struct imapid_kept_exchange));
    shard->sessions = g_array_new(FALSE, FALSE, sizeof(struct imapid_kept_session));
}

static void unmake_shard(struct shard *shard)
{
    if (!shard->is_made)
        return;
    shard->is_made = false;
    imapid_keep_deinit(&shard->keep);
    g_array_unref(shard->exchanges);
    g_array_unref(shard->sessions);
}

static void lock(struct shard *shard)
{
    g_mutex_lock(&shard->mutex);
    if (!shard->is_made)
        make_shard(shard);
}

/* What numbers stand for, from settling on. */
static const struct imapid_keep *get_keep(const struct imapid_store *store)
{
    return &store->shards[0].keep;
}

/* ---- adding ---- */

/* That of the calling thread, which has its mutex then. */
static struct shard *lock_shard(struct imapid_store *store)
{
    static _Thread_local const struct imapid_store *known;
    static _Thread_local unsigned number;

    if (known != store)
        number = (unsigned)g_atomic_int_add(&store->n_threads, 1) % N_SHARDS;
    known = store;
    lock(&store->shards[number]);
    return &store->shards[number];
}

void imapid_store_add_exchange(struct imapid_store *store,
                               const struct imapid_record_exchange *exchange)
{
    struct shard *shard = lock_shard(store);
    struct imapid_kept_exchange kept = imapid_keep_exchange(&shard->keep, exchange);

    g_array_append_val(shard->exchanges, kept);
    g_mutex_unlock(&shard->mutex);
}

void imapid_store_add_session(struct imapid_store *store,
                              const struct imapid_record_session *session)
{
    struct shard *shard = lock_shard(store);
    struct imapid_kept_session kept = imapid_keep_session(&shard->keep, session);

    g_array_append_val(shard->sessions, kept);
    g_mutex_unlock(&shard->mutex);
}

static const struct imapid_record_unread *keep_unread(struct imapid_store *store,
                                                      const struct imapid_record_capture *capture)
{
    struct imapid_keep *keep = &store->shards[0].keep;
    struct imapid_record_unread *kinds =
        g_new0(struct imapid_record_unread, (gsize)capture->n_unread + 1);

    for (unsigned i = 0; i < capture->n_unread; i++) {
        kinds[i] = capture->unread[i];
        kinds[i].layer = imapid_keep_text(keep, kinds[i].layer);
        kinds[i].name = imapid_keep_text(keep, kinds[i].name);
    }
    g_ptr_array_add(store->unread, kinds);
    return kinds;
}

void imapid_store_add_capture(struct imapid_store *store,
                              const struct imapid_record_capture *capture)
{
    struct shard *first = &store->shards[0];
    struct imapid_record_capture copy = *capture;

    lock(first);
    copy.site = imapid_keep_text(&first->keep, copy.site);
    copy.file = imapid_keep_text(&first->keep, copy.file);
    copy.format = imapid_keep_text(&first->keep, copy.format);
    copy.error = (char *)imapid_keep_text(&first->keep, copy.error);
    copy.unread = keep_unread(store, capture);
    g_array_append_val(store->captures, copy);
    g_mutex_unlock(&first->mutex);
}

/* ---- order ---- */

#define COMPARE(a, b)                                                                              \
    do {                                                                                           \
        if ((a) != (b))                                                                            \
            return (a) < (b) ? -1 : 1;                                                             \
    } while (0)

static int compare_addresses(const struct imapid_store *store, uint32_t a, uint32_t b)
{
    struct imapid_endpoint one, other;

    if (a == b)
        return 0;
    one = imapid_keep_read_end(get_keep(store), a, 0);
    other = imapid_keep_read_end(get_keep(store), b, 0);
    COMPARE(one.family, other.family);
    return memcmp(one.address, other.address, sizeof one.address);
}

static int compare_conns(const struct imapid_store *store, const struct imapid_kept_conn *a,
                         const struct imapid_kept_conn *b)
{
    int order;

    COMPARE(store->file_ranks[a->file], store->file_ranks[b->file]);
    COMPARE(a->first_frame, b->first_frame);
    if (!a->first_frame)
        COMPARE(a->stream, b->stream);
    order = compare_addresses(store, a->client, b->client);
    if (order)
        return order;
    COMPARE(a->client_port, b->client_port);
    order = compare_addresses(store, a->server, b->server);
    if (order)
        return order;
    COMPARE(a->server_port, b->server_port);
    return 0;
}

/* The last word on two records of which everything cheap is the same: how they are spelled. */
static int compare_spelled(const void *a, const void *b,
                           void (*spell)(GString *out, const void *record))
{
    GString *one = g_string_new(NULL), *other = g_string_new(NULL);
    int order;

    spell(one, a);
    spell(other, b);
    order = strcmp(one->str, other->str);
    g_string_free(one, TRUE);
    g_string_free(other, TRUE);
    return order;
}

static const struct imapid_writer_style plain;

static void spell_exchange(GString *out, const void *record)
{
    imapid_jsonl_writer.exchange(out, &plain, record);
}

static void spell_session(GString *out, const void *record)
{
    imapid_jsonl_writer.session(out, &plain, record);
}

static void spell_capture(GString *out, const void *record)
{
    imapid_jsonl_writer.capture(out, &plain, record);
}

/* The list an exchange begins with. */
static void spell_first_list(GString *out, const void *record)
{
    const struct imapid_record_exchange *exchange = record;

    imapid_spell_pairs(out, exchange->command.seen ? &exchange->command : &exchange->response);
}

/* Good until the next one is read with the same `reading`. */
static const struct imapid_record_exchange *get_exchange(const struct imapid_store *store,
                                                         const struct imapid_kept_exchange *kept,
                                                         struct imapid_store_reading *reading)
{
    imapid_arena_reset(&reading->arena);
    imapid_keep_read_exchange(get_keep(store), kept, &reading->record, &reading->arena);
    return &reading->record;
}

static int compare_kept_spelled(const struct imapid_store *store,
                                const struct imapid_kept_exchange *a,
                                const struct imapid_kept_exchange *b,
                                void (*spell)(GString *out, const void *record))
{
    struct imapid_store_reading one = {.arena = {NULL, 0}}, other = {.arena = {NULL, 0}};
    int order =
        compare_spelled(get_exchange(store, a, &one), get_exchange(store, b, &other), spell);

    imapid_store_reading_deinit(&one);
    imapid_store_reading_deinit(&other);
    return order;
}

/* Where and with what an exchange begins. */
static int compare_beginnings(const struct imapid_store *store,
                              const struct imapid_kept_exchange *a,
                              const struct imapid_kept_exchange *b)
{
    int order = compare_conns(store, &a->conn, &b->conn);

    if (order)
        return order;
    COMPARE(a->when_ns, b->when_ns);
    COMPARE(imapid_kept_get_frame(a), imapid_kept_get_frame(b));
    COMPARE(imapid_keep_get_said(get_keep(store), a)->is_seen[IMAPID_CLIENT],
            imapid_keep_get_said(get_keep(store), b)->is_seen[IMAPID_CLIENT]);
    if (a->tag != b->tag) {
        order = g_strcmp0(imapid_keep_get_text(get_keep(store), a->tag),
                          imapid_keep_get_text(get_keep(store), b->tag));
        if (order)
            return order;
    }
    return a->said == b->said ? 0 : compare_kept_spelled(store, a, b, spell_first_list);
}

/* How much of it was seen. */
static int get_stage(const struct imapid_store *store, const struct imapid_kept_exchange *exchange)
{
    const struct imapid_kept_said *said = imapid_keep_get_said(get_keep(store), exchange);

    return 2 * (said->status != IMAPID_STATUS_NONE) + said->is_seen[IMAPID_SERVER];
}

/* Two kept exchanges of one connection and time: are they the same to the last octet? */
static bool is_repeated(const struct imapid_store *store, const struct imapid_kept_exchange *a,
                        const struct imapid_kept_exchange *b)
{
    const uint8_t *at_a = a->stamps, *at_b = b->stamps;
    const struct imapid_kept_said *said = imapid_keep_get_said(get_keep(store), a);
    int n = 1 + 2 * said->is_seen[IMAPID_SERVER] + 2 * (said->status != IMAPID_STATUS_NONE);

    if (a->said != b->said || a->text != b->text || a->tag != b->tag ||
        a->conn.proxied != b->conn.proxied)
        return false;
    while (n && imapid_flat_take_difference(&at_a) == imapid_flat_take_difference(&at_b))
        n--;
    return !n;
}

/* Of two states of one exchange the later one comes first. */
static int compare_exchanges(const struct imapid_store *store, const void *a, const void *b)
{
    const struct imapid_kept_exchange *one = a, *other = b;
    int order = compare_beginnings(store, a, b);

    if (order)
        return order;
    COMPARE(get_stage(store, b), get_stage(store, a));
    if (is_repeated(store, a, b) && one->conn.way == other->conn.way &&
        one->conn.first_frame == other->conn.first_frame)
        return 0;
    return compare_kept_spelled(store, a, b, spell_exchange);
}

/* Of two states of one connection the later one comes first. */
static int compare_sessions(const struct imapid_store *store, const void *a, const void *b)
{
    const struct imapid_kept_session *one = a, *other = b;
    struct imapid_record_session record_one, record_other;
    int order = compare_conns(store, &one->conn, &other->conn);

    if (order)
        return order;
    COMPARE(other->last_ns, one->last_ns);
    COMPARE(other->n_exchanges, one->n_exchanges);
    imapid_keep_read_session(get_keep(store), one, &record_one);
    imapid_keep_read_session(get_keep(store), other, &record_other);
    return compare_spelled(&record_one, &record_other, spell_session);
}

static int compare_captures(const void *a, const void *b)
{
    const struct imapid_record_capture *one = a, *other = b;
    int order = g_strcmp0(one->site, other->site);

    if (!order)
        order = strcmp(one->file, other->file);
    return order ? order : compare_spelled(a, b, spell_capture);
}

static bool same_session(const struct imapid_store *store, const void *kept, const void *next)
{
    return !compare_conns(store, kept, next); /* they begin with it */
}

/* The same, or what was seen of it in a capture that was still being written. */
static bool same_exchange(const struct imapid_store *store, const void *kept, const void *next)
{
    return !compare_beginnings(store, kept, next) &&
           (get_stage(store, next) < get_stage(store, kept) || is_repeated(store, kept, next) ||
            !compare_kept_spelled(store, kept, next, spell_exchange));
}

static unsigned sort_captures(GArray *captures)
{
    guint n = 0, n_all = captures->len;

    g_array_sort(captures, compare_captures);
    for (guint i = 0; i < n_all; i++) {
        struct imapid_record_capture *next =
            &g_array_index(captures, struct imapid_record_capture, i);

        if (!n || compare_captures(next - (i - n) - 1, next))
            g_array_index(captures, struct imapid_record_capture, n++) = *next;
    }
    g_array_set_size(captures, n);
    return n_all - n;
}

/* Records of one kind that are being put in order. */
struct sorting {
    const struct imapid_store *store;
    const char *records;
    size_t size; /* of a record */
    int (*compare)(const struct imapid_store *store, const void *a, const void *b);
    bool (*same)(const struct imapid_store *store, const void *kept, const void *next);
};

static const void *record_at(const struct sorting *sorting, uint32_t index)
{
    return sorting->records + index * sorting->size;
}

static int compare_indices(const void *a, const void *b, void *user_data)
{
    const struct sorting *sorting = user_data;

    return sorting->compare(sorting->store, record_at(sorting, *(const uint32_t *)a),
                            record_at(sorting, *(const uint32_t *)b));
}

/* The end of what is in order from `start` on. */
static guint find_run(const uint32_t *order, guint start, guint n, struct sorting *sorting)
{
    guint end = start + 1;

    while (end < n && compare_indices(&order[end - 1], &order[end], sorting) <= 0)
        end++;
    return end;
}

/* Merges order[0..middle) and order[middle..n), each in order, into `merged`. */
static void merge(uint32_t *merged, const uint32_t *order, guint middle, guint n,
                  struct sorting *sorting)
{
    guint a = 0, b = middle;

    while (a < middle && b < n)
        *merged++ = compare_indices(&order[a], &order[b], sorting) <= 0 ? order[a++] : order[b++];
    memcpy(merged, order + a, (middle - a) * sizeof *order);
    memcpy(merged + (middle - a), order + b, (n - b) * sizeof *order);
}

/* A merge sort of what is in order already: each thread and each input mostly brings records so.
 * Returns `order` or `other`, which has room for as much. */
static uint32_t *sort_runs(uint32_t *order, uint32_t *other, guint n, struct sorting *sorting)
{
    for (guint n_runs = 2; n_runs > 1;) {
        uint32_t *sorted = other;

        n_runs = 0;
        for (guint start = 0, end; start < n; start = end, n_runs++) {
            guint middle = find_run(order, start, n, sorting);

            end = middle < n ? find_run(order, middle, n, sorting) : n;
            if (!start && end == n && middle == n)
                return order;
            merge(sorted + start, order + start, middle - start, end - start, sorting);
        }
        other = order;
        order = sorted;
    }
    return order;
}

/* The indices of `array` in the order of the records, of those that are the same the first alone;
 * *n of them. */
static uint32_t *sort_once(const struct imapid_store *store, const GArray *array,
                           struct sorting *sorting, unsigned *n)
{
    uint32_t *indices = g_new(uint32_t, array->len + (gsize)1);
    uint32_t *other = g_new(uint32_t, array->len + (gsize)1), *order;

    sorting->store = store;
    sorting->records = array->data;
    sorting->size = g_array_get_element_size((GArray *)array);
    for (guint i = 0; i < array->len; i++)
        indices[i] = i;
    order = sort_runs(indices, other, array->len, sorting);
    g_free(order == indices ? other : indices);
    *n = 0;
    for (guint i = 0; i < array->len; i++)
        if (!*n ||
            !sorting->same(store, record_at(sorting, order[*n - 1]), record_at(sorting, order[i])))
            order[(*n)++] = order[i];
    return order;
}

/* ---- connections ---- */

static const struct imapid_kept_exchange *exchange_at(const struct imapid_store *store,
                                                      unsigned place)
{
    return &g_array_index(store->shards[0].exchanges, struct imapid_kept_exchange,
                          store->exchange_order[place]);
}

static const struct imapid_kept_session *session_at(const struct imapid_store *store,
                                                    unsigned place)
{
    return &g_array_index(store->shards[0].sessions, struct imapid_kept_session,
                          store->session_order[place]);
}

/* Joins exchanges and sessions, both in the order of connections. */
static void join(struct imapid_store *store, unsigned n_exchanges, unsigned n_sessions)
{
    unsigned e = 0, s = 0;

    while (e < n_exchanges || s < n_sessions) {
        const struct imapid_kept_conn *exchange =
            e < n_exchanges ? &exchange_at(store, e)->conn : NULL;
        const struct imapid_kept_conn *session =
            s < n_sessions ? &session_at(store, s)->conn : NULL;
        int order = !exchange ? 1 : !session ? -1 : compare_conns(store, exchange, session);
        struct kept_joint joint = {.first = e, .session = order >= 0 ? ++s : 0};

        while (order <= 0 && e < n_exchanges &&
               !compare_conns(store, &exchange_at(store, e)->conn, exchange)) {
            joint.n_exchanges++;
            e++;
        }
        g_array_append_val(store->joints, joint);
    }
}

/* Adds what is in a shard to the first one. It is empty then. */
static void absorb(struct imapid_store *store, struct shard *shard)
{
    struct shard *first = &store->shards[0];
    struct imapid_keep_map map;

    if (!shard->is_made)
        return;
    map = imapid_keep_absorb(&first->keep, &shard->keep);

    for (guint i = 0; i < shard->exchanges->len; i++)
        imapid_keep_move_exchange(&map,
                                  &g_array_index(shard->exchanges, struct imapid_kept_exchange, i));
    for (guint i = 0; i < shard->sessions->len; i++)
        imapid_keep_move_session(&map,
                                 &g_array_index(shard->sessions, struct imapid_kept_session, i));
    g_array_append_vals(first->exchanges, shard->exchanges->data, shard->exchanges->len);
    g_array_append_vals(first->sessions, shard->sessions->data, shard->sessions->len);
    imapid_keep_map_deinit(&map);
    unmake_shard(shard);
}

struct imapid_store_view imapid_store_settle(struct imapid_store *store)
{
    const struct shard *all = &store->shards[0];
    struct sorting exchanges = {.compare = compare_exchanges, .same = same_exchange};
    struct sorting sessions = {.compare = compare_sessions, .same = same_session};
    struct imapid_store_view view = {.store = store};
    unsigned n_sessions;

    if (!store->shards[0].is_made)
        make_shard(&store->shards[0]);
    for (unsigned i = 1; i < N_SHARDS; i++)
        absorb(store, &store->shards[i]);
    imapid_keep_seal(&store->shards[0].keep);
    store->file_ranks = imapid_pool_rank_texts(get_keep(store)->files);
    store->exchange_order = sort_once(store, all->exchanges, &exchanges, &view.n_exchanges);
    store->session_order = sort_once(store, all->sessions, &sessions, &n_sessions);
    view.n_duplicates = all->exchanges->len - view.n_exchanges + all->sessions->len - n_sessions +
                        sort_captures(store->captures);
    join(store, view.n_exchanges, n_sessions);
    view.n_conns = view.n_all_conns = store->joints->len;
    view.n_said = imapid_pool_count(get_keep(store)->sayings);
    view.n_addresses = imapid_pool_count(get_keep(store)->addresses);
    view.captures = (const struct imapid_record_capture *)(void *)store->captures->data;
    view.n_captures = store->captures->len;
    return view;
}

void imapid_store_choose(struct imapid_store *store, struct imapid_store_view *view,
                         bool (*is_chosen)(void *ctx, unsigned conn), void *ctx)
{
    unsigned n_conns = 0, n_exchanges = 0;

    for (unsigned i = 0; i < view->n_conns; i++) {
        struct kept_joint joint = g_array_index(store->joints, struct kept_joint, i);

        if (!is_chosen(ctx, i))
            continue;
        /* Those that were read are never written over: no more are kept than were asked for. */
        memmove(&store->exchange_order[n_exchanges], &store->exchange_order[joint.first],
                joint.n_exchanges * sizeof *store->exchange_order);
        joint.first = n_exchanges;
        n_exchanges += joint.n_exchanges;
        g_array_index(store->joints, struct kept_joint, n_conns++) = joint;
    }
    g_array_set_size(store->joints, n_conns);
    view->is_choice = true;
    view->n_conns = n_conns;
    view->n_exchanges = n_exchanges;
}

/* ---- reading ---- */

static const struct imapid_kept_conn *conn_of(const struct imapid_store *store,
                                              const struct kept_joint *joint)
{
    return joint->n_exchanges ? &exchange_at(store, joint->first)->conn
                              : &session_at(store, joint->session - 1)->conn;
}

static const struct kept_joint *joint_at(const struct imapid_store_view *view, unsigned conn)
{
    return &g_array_index(view->store->joints, struct kept_joint, conn);
}

void imapid_store_read_conn(const struct imapid_store_view *view, unsigned index,
                            struct imapid_store_conn *conn)
{
    const struct kept_joint *joint = joint_at(view, index);

    conn->index = index;
    conn->conn = imapid_keep_read_conn(get_keep(view->store), conn_of(view->store, joint));
    conn->has_session = joint->session != 0;
    conn->first = joint->first;
    conn->n_exchanges = joint->n_exchanges;
    if (conn->has_session)
        imapid_keep_read_session(get_keep(view->store), session_at(view->store, joint->session - 1),
                                 &conn->session);
}

const struct imapid_record_exchange *
imapid_store_read_exchange(const struct imapid_store_view *view, unsigned index,
                           struct imapid_store_reading *reading)
{
    return get_exchange(view->store, exchange_at(view->store, index), reading);
}

void imapid_store_reading_deinit(struct imapid_store_reading *reading)
{
    imapid_arena_deinit(&reading->arena);
}

struct imapid_store_span imapid_store_get_span(const struct imapid_store_view *view, unsigned conn)
{
    const struct kept_joint *joint = joint_at(view, conn);

    return (struct imapid_store_span){joint->first, joint->n_exchanges, joint->session != 0};
}

int64_t imapid_store_get_when(const struct imapid_store_view *view, unsigned exchange)
{
    return exchange_at(view->store, exchange)->when_ns;
}

unsigned imapid_store_get_said(const struct imapid_store_view *view, unsigned exchange)
{
    return exchange_at(view->store, exchange)->said;
}

unsigned imapid_store_get_address(const struct imapid_store_view *view, unsigned conn)
{
    return imapid_keep_get_client(get_keep(view->store),
                                  conn_of(view->store, joint_at(view, conn)));
}

unsigned imapid_store_get_server(const struct imapid_store_view *view, unsigned conn)
{
    return conn_of(view->store, joint_at(view, conn))->server;
}

bool imapid_store_get_rtt_ns(const struct imapid_store_view *view, unsigned exchange,
                             int64_t *rtt_ns)
{
    return imapid_keep_get_rtt_ns(get_keep(view->store), exchange_at(view->store, exchange),
                                  rtt_ns);
}

bool imapid_store_is_proxied(const struct imapid_store_view *view, unsigned conn)
{
    return conn_of(view->store, joint_at(view, conn))->proxied != 0;
}

const struct imapid_endpoint *imapid_store_get_client(const struct imapid_record_conn *conn)
{
    return conn->proxied_client.family ? &conn->proxied_client : &conn->client;
}

/* ---- the store ---- */

struct imapid_store *imapid_store_new(void)
{
    struct imapid_store *store = g_new0(struct imapid_store, 1);

    for (unsigned i = 0; i < N_SHARDS; i++)
        g_mutex_init(&store->shards[i].mutex);
    store->captures = g_array_new(FALSE, FALSE, sizeof(struct imapid_record_capture));
    store->joints = g_array_new(FALSE, FALSE, sizeof(struct kept_joint));
    store->unread = g_ptr_array_new_with_free_func(g_free);
    return store;
}

void imapid_store_free(struct imapid_store *store)
{
    if (!store)
        return;
    for (unsigned i = 0; i < N_SHARDS; i++) {
        unmake_shard(&store->shards[i]);
        g_mutex_clear(&store->shards[i].mutex);
    }
    g_array_unref(store->captures);
    g_ptr_array_unref(store->unread);
    g_array_unref(store->joints);
    g_free(store->exchange_order);
    g_free(store->session_order);
    g_free(store->file_ranks);
    g_free(store);
}
