/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c: records kept, put in order, counted once. How one is kept is for keep.c, how many are for run.c, and
 * their order for pile.c.
 *
 * Refuses a record that is there already. It is counted.
 *
 * Misuse: adding after settling. */
#include "answer/store.h"

#include "answer/order.h"
#include "answer/pile.h"
#include "answer/together.h"

#include <string.h>

/* What some of the threads have added. It is made by the thread that is the first to add, so that its
 * memory is near that thread's, and no line of the cache goes to and fro. */
struct shard {
    GMutex mutex;
    bool is_made;
    struct imapid_keep keep;
    struct imapid_pile *piles[IMAPID_N_RUN_KINDS];
    struct imapid_keep_map map; /* to the first one's keep, from settling on */
    uint8_t apart[128];
};

/* More threads wait for each other. */
#define N_SHARDS 16u

/* The connections of the view, an octet each: HAS_SESSION and how many exchanges, which are in `large` where
 * that is LARGE. Where those of each sixteenth are stands in `starts`. */
struct joints {
    gint id; /* no others have it */
    GByteArray *each;
    GArray *starts;    /* struct start */
    GHashTable *large; /* connection to exchanges */
};

#define HAS_SESSION 128u
#define LARGE       127u
#define STEP        16u

struct start {
    uint32_t exchange, session; /* places */
};

/* One connection. */
struct joint {
    uint32_t first, n_exchanges;
    uint32_t session; /* place */
    bool has_session;
};

struct imapid_store {
    struct shard shards[N_SHARDS]; /* the first one's keep has all of it from settling on */
    const struct imapid_keep_map *maps[N_SHARDS]; /* to it from those of the others; NULL: none */
    gint n_threads;                               /* atomic */
    GArray *captures;                             /* they belong to the first */
    GPtrArray *unread;                            /* the lists of captures */
    GArray *parts; /* struct imapid_store_part, whose files are the first's */
    struct imapid_run *runs[IMAPID_N_RUN_KINDS]; /* from settling on */
    struct joints joints;
};

static void make_shard(struct shard *shard)
{
    shard->is_made = true;
    imapid_keep_init(&shard->keep);
    for (int kind = 0; kind < IMAPID_N_RUN_KINDS; kind++)
        shard->piles[kind] = imapid_pile_new((enum imapid_run_kind)kind, &shard->keep);
}

static void unmake_shard(struct shard *shard)
{
    if (!shard->is_made)
        return;
    shard->is_made = false;
    imapid_keep_deinit(&shard->keep);
    imapid_keep_map_deinit(&shard->map);
    for (int kind = 0; kind < IMAPID_N_RUN_KINDS; kind++)
        imapid_pile_free(shard->piles[kind]);
}

static void lock(struct shard *shard)
{
    g_mutex_lock(&shard->mutex);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) ; no store is NULL */
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

    imapid_pile_add(shard->piles[IMAPID_RUN_EXCHANGES], &kept);
    g_mutex_unlock(&shard->mutex);
}

void imapid_store_add_session(struct imapid_store *store,
                              const struct imapid_record_session *session)
{
    struct shard *shard = lock_shard(store);
    struct imapid_kept_session kept = imapid_keep_session(&shard->keep, session);

    imapid_pile_add(shard->piles[IMAPID_RUN_SESSIONS], &kept);
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

void imapid_store_add_continued(struct imapid_store *store,
                                const struct imapid_record_continued *continued)
{
    struct shard *first = &store->shards[0];
    struct imapid_store_part part;

    lock(first);
    part.file = imapid_keep_file(&first->keep, continued->site, continued->file);
    for (unsigned i = 0; i < continued->n; i++) {
        part.frame = continued->frames[i];
        g_array_append_val(store->parts, part);
    }
    g_mutex_unlock(&first->mutex);
}

/* ---- order ---- */

static int compare_parts(const void *a, const void *b)
{
    const struct imapid_store_part *one = a, *other = b;

    if (one->file != other->file)
        return one->file < other->file ? -1 : 1;
    return (one->frame > other->frame) - (one->frame < other->frame);
}

/* Each once. */
static void sort_parts(GArray *parts)
{
    struct imapid_store_part *each = (struct imapid_store_part *)(void *)parts->data;
    guint n = 0;

    g_array_sort(parts, compare_parts);
    for (guint i = 0; i < parts->len; i++)
        if (!n || compare_parts(&each[n - 1], &each[i]))
            each[n++] = each[i];
    g_array_set_size(parts, n);
}

static unsigned sort_captures(GArray *captures)
{
    guint n = 0, n_all = captures->len;

    g_array_sort(captures, imapid_order_compare_captures);
    for (guint i = 0; i < n_all; i++) {
        struct imapid_record_capture *next =
            &g_array_index(captures, struct imapid_record_capture, i);

        if (!n || imapid_order_compare_captures(next - (i - n) - 1, next))
            g_array_index(captures, struct imapid_record_capture, n++) = *next;
    }
    g_array_set_size(captures, n);
    return n_all - n;
}

/* ---- connections ---- */

static void init_joints(struct joints *joints)
{
    static gint n_joints; /* atomic */

    joints->id = g_atomic_int_add(&n_joints, 1) + 1;
    joints->each = g_byte_array_new();
    joints->starts = g_array_new(FALSE, FALSE, sizeof(struct start));
    joints->large = g_hash_table_new(NULL, NULL);
}

static void deinit_joints(struct joints *joints)
{
    g_byte_array_unref(joints->each);
    g_array_unref(joints->starts);
    g_hash_table_unref(joints->large);
}

static void add_joint(struct joints *joints, const struct joint *joint)
{
    uint8_t octet = (uint8_t)MIN(joint->n_exchanges, LARGE);

    if (joints->each->len % STEP == 0) {
        struct start start = {joint->first, joint->session};

        g_array_append_val(joints->starts, start);
    }
    if (octet == LARGE)
        g_hash_table_insert(joints->large, GUINT_TO_POINTER(joints->each->len),
                            GUINT_TO_POINTER(joint->n_exchanges));
    octet |= joint->has_session ? HAS_SESSION : 0;
    g_byte_array_append(joints->each, &octet, 1);
}

static struct joint read_joint(const struct joints *joints, unsigned conn)
{
    uint8_t octet = joints->each->data[conn];
    struct joint joint = {.n_exchanges = octet & LARGE, .has_session = octet & HAS_SESSION};

    if (joint.n_exchanges == LARGE)
        joint.n_exchanges =
            GPOINTER_TO_UINT(g_hash_table_lookup(joints->large, GUINT_TO_POINTER(conn)));
    return joint;
}

/* The one that a thread has looked at last: connections are mostly asked for in order. */
struct looked {
    gint id; /* of the joints; 0: none */
    unsigned conn;
    struct joint joint;
};

static struct joint get_joint(const struct imapid_store *store, unsigned conn)
{
    static _Thread_local struct looked looked;
    const struct joints *joints = &store->joints;

    if (looked.id != joints->id || conn < looked.conn || conn / STEP != looked.conn / STEP) {
        struct start at = g_array_index(joints->starts, struct start, conn / STEP);

        looked =
            (struct looked){joints->id, conn / STEP * STEP, read_joint(joints, conn / STEP * STEP)};
        looked.joint.first = at.exchange;
        looked.joint.session = at.session;
    }
    while (looked.conn < conn) {
        struct joint next = read_joint(joints, ++looked.conn);

        next.first = looked.joint.first + looked.joint.n_exchanges;
        next.session = looked.joint.session + looked.joint.has_session;
        looked.joint = next;
    }
    return looked.joint;
}

/* The exchanges that are of the same connection as that of the reader's record, which is then the next. */
static uint32_t skip_conn(const struct imapid_keep *keep, struct imapid_run_reader *reader,
                          const struct imapid_kept_exchange **next)
{
    struct imapid_kept_conn conn = (*next)->conn;
    uint32_t n = 0;

    do
        n++;
    while ((*next = imapid_run_next(reader)) &&
           !imapid_order_compare_conns(keep, &(*next)->conn, &conn));
    return n;
}

/* Records of some connections, all of them. */
struct part {
    const struct imapid_store *store;
    uint32_t starts[IMAPID_N_RUN_KINDS], ends[IMAPID_N_RUN_KINDS]; /* places */
    struct joints joints;
};

static struct imapid_run_reader read_part(const struct part *part, enum imapid_run_kind kind)
{
    struct imapid_run *run = part->store->runs[kind];

    return (struct imapid_run_reader){.run = run,
                                      .place = part->starts[kind],
                                      .n_behind = imapid_run_count(run) - part->ends[kind]};
}

/* Joins exchanges and sessions, both in the order of connections. */
static void join_part(void *ctx, unsigned i)
{
    struct part *part = &((struct part *)ctx)[i];
    const struct imapid_store *store = part->store;
    struct imapid_run_reader exchanges = read_part(part, IMAPID_RUN_EXCHANGES);
    struct imapid_run_reader sessions = read_part(part, IMAPID_RUN_SESSIONS);
    const struct imapid_kept_exchange *exchange = imapid_run_next(&exchanges);
    const struct imapid_kept_session *session = imapid_run_next(&sessions);
    struct joint joint = {.first = part->starts[IMAPID_RUN_EXCHANGES],
                          .session = part->starts[IMAPID_RUN_SESSIONS]};

    while (exchange || session) {
        int order = !exchange  ? 1
                    : !session ? -1
                               : imapid_order_compare_conns(get_keep(store), &exchange->conn,
                                                            &session->conn);

        joint.has_session = order >= 0;
        joint.n_exchanges = order <= 0 ? skip_conn(get_keep(store), &exchanges, &exchange) : 0;
        add_joint(&part->joints, &joint);
        joint.first += joint.n_exchanges;
        joint.session += joint.has_session;
        if (joint.has_session)
            session = imapid_run_next(&sessions);
    }
}

/* Each part by a thread. */
static void join(struct imapid_store *store, struct part *parts, unsigned n_parts)
{
    for (unsigned i = 0; i < n_parts; i++)
        init_joints(&parts[i].joints);
    imapid_together_run(n_parts, n_parts, join_part, parts);
    store->joints = parts[0].joints;
    for (unsigned i = 1; i < n_parts; i++) {
        struct joint joint = {.first = parts[i].starts[IMAPID_RUN_EXCHANGES],
                              .session = parts[i].starts[IMAPID_RUN_SESSIONS]};

        for (unsigned conn = 0; conn < parts[i].joints.each->len; conn++) {
            struct joint next = read_joint(&parts[i].joints, conn);

            joint.n_exchanges = next.n_exchanges;
            joint.has_session = next.has_session;
            add_joint(&store->joints, &joint);
            joint.first += joint.n_exchanges;
            joint.session += joint.has_session;
        }
        deinit_joints(&parts[i].joints);
    }
}

/* Puts all records into one run of each kind, and joins them. There are as many parts as piles, and so as
 * there were threads. Returns how many were there already. */
static unsigned merge_and_join(struct imapid_store *store, const struct imapid_piles *piles)
{
    struct part parts[N_SHARDS];
    struct imapid_kept_conn cuts[N_SHARDS];
    uint32_t starts[N_SHARDS];
    unsigned n_cuts = piles[0].n - 1, n_again, n_all = 0;

    if (!imapid_pile_cut(&piles[IMAPID_RUN_EXCHANGES], cuts, n_cuts) &&
        !imapid_pile_cut(&piles[IMAPID_RUN_SESSIONS], cuts, n_cuts))
        n_cuts = 0;
    for (int kind = 0; kind < IMAPID_N_RUN_KINDS; kind++) {
        store->runs[kind] = imapid_pile_merge(&piles[kind], cuts, n_cuts, starts, &n_again);
        n_all += n_again;
        for (unsigned i = 0; i <= n_cuts; i++) {
            parts[i].store = store;
            parts[i].starts[kind] = i ? starts[i - 1] : 0;
            parts[i].ends[kind] = i < n_cuts ? starts[i] : imapid_run_count(store->runs[kind]);
        }
    }
    join(store, parts, n_cuts + 1);
    return n_all;
}

/* Puts what threads have added together. Returns how many records were there already. */
static unsigned merge_shards(struct imapid_store *store)
{
    struct imapid_pile *each[IMAPID_N_RUN_KINDS][N_SHARDS];
    struct imapid_piles piles[IMAPID_N_RUN_KINDS];
    unsigned n = 0;

    for (unsigned i = 0; i < N_SHARDS; i++) {
        struct shard *shard = &store->shards[i];

        if (!shard->is_made)
            continue;
        for (int kind = 0; kind < IMAPID_N_RUN_KINDS; kind++) {
            imapid_pile_end(shard->piles[kind]);
            imapid_pile_set_map(shard->piles[kind], store->maps, (uint8_t)i);
            each[kind][n] = g_steal_pointer(&shard->piles[kind]);
        }
        if (i) {
            shard->map = imapid_keep_absorb(&store->shards[0].keep, &shard->keep);
            store->maps[i] = &shard->map;
        }
        n++;
    }
    imapid_keep_seal(&store->shards[0].keep);
    for (int kind = 0; kind < IMAPID_N_RUN_KINDS; kind++)
        piles[kind] =
            (struct imapid_piles){(enum imapid_run_kind)kind, get_keep(store), each[kind], n};
    return merge_and_join(store, piles);
}

static const struct imapid_kept_exchange *exchange_at(const struct imapid_store *store,
                                                      uint32_t place)
{
    return imapid_run_get(store->runs[IMAPID_RUN_EXCHANGES], place);
}

static const struct imapid_kept_session *session_at(const struct imapid_store *store,
                                                    uint32_t place)
{
    return imapid_run_get(store->runs[IMAPID_RUN_SESSIONS], place);
}

/* Good until this thread reads another one. */
static const struct imapid_kept_conn *get_conn(const struct imapid_store_view *view, unsigned conn)
{
    struct joint joint = get_joint(view->store, conn);

    return joint.n_exchanges ? &exchange_at(view->store, joint.first)->conn
                             : &session_at(view->store, joint.session)->conn;
}

/* Leaves the connections for which `is_chosen` says so. */
static void leave(struct imapid_store *store, struct imapid_store_view *view,
                  bool (*is_chosen)(void *ctx, unsigned conn), void *ctx)
{
    struct imapid_run *exchanges = imapid_run_new(IMAPID_RUN_EXCHANGES);
    struct imapid_run *sessions = imapid_run_new(IMAPID_RUN_SESSIONS);
    struct joints joints;

    init_joints(&joints);
    for (unsigned i = 0; i < view->n_conns; i++) {
        struct joint joint = get_joint(store, i), chosen = joint;

        if (!is_chosen(ctx, i))
            continue;
        chosen.first = imapid_run_count(exchanges);
        chosen.session = imapid_run_count(sessions);
        for (uint32_t k = 0; k < joint.n_exchanges; k++)
            imapid_run_append(exchanges, exchange_at(store, joint.first + k));
        if (joint.has_session)
            imapid_run_append(sessions, session_at(store, joint.session));
        add_joint(&joints, &chosen);
    }
    imapid_run_free(store->runs[IMAPID_RUN_EXCHANGES]);
    imapid_run_free(store->runs[IMAPID_RUN_SESSIONS]);
    deinit_joints(&store->joints);
    store->runs[IMAPID_RUN_EXCHANGES] = exchanges;
    store->runs[IMAPID_RUN_SESSIONS] = sessions;
    store->joints = joints;
    view->n_conns = joints.each->len;
    view->n_exchanges = imapid_run_count(exchanges);
}

static bool is_no_part(void *ctx, unsigned conn)
{
    const struct imapid_store_view *view = ctx;
    const struct imapid_kept_conn *kept = get_conn(view, conn);
    const struct imapid_store_part part = {kept->file, kept->first_frame};

    return !bsearch(&part, view->parts, view->n_parts, sizeof part, compare_parts);
}

/* Of a connection that sections tell of, the first one tells all; the parts of the others go. */
static void drop_parts(struct imapid_store *store, struct imapid_store_view *view)
{
    sort_parts(store->parts);
    view->parts = (const struct imapid_store_part *)(void *)store->parts->data;
    view->n_parts = store->parts->len;
    if (view->n_parts)
        leave(store, view, is_no_part, view);
}

struct imapid_store_view imapid_store_settle(struct imapid_store *store)
{
    struct imapid_store_view view = {.store = store};

    if (!store->shards[0].is_made)
        make_shard(&store->shards[0]);
    view.n_duplicates = merge_shards(store) + sort_captures(store->captures);
    view.n_exchanges = imapid_run_count(store->runs[IMAPID_RUN_EXCHANGES]);
    view.n_conns = store->joints.each->len;
    drop_parts(store, &view);
    view.n_all_conns = view.n_conns;
    view.n_said = imapid_pool_count(get_keep(store)->sayings);
    view.n_addresses = imapid_addresses_count(get_keep(store)->addresses);
    view.captures = (const struct imapid_record_capture *)(void *)store->captures->data;
    view.n_captures = store->captures->len;
    return view;
}

void imapid_store_choose(struct imapid_store *store, struct imapid_store_view *view,
                         bool (*is_chosen)(void *ctx, unsigned conn), void *ctx)
{
    leave(store, view, is_chosen, ctx);
    view->is_choice = true;
}

/* ---- reading ---- */

void imapid_store_read_conn(const struct imapid_store_view *view, unsigned index,
                            struct imapid_store_conn *conn)
{
    struct joint joint = get_joint(view->store, index);

    conn->index = index;
    conn->conn = imapid_keep_read_conn(get_keep(view->store), get_conn(view, index));
    conn->has_session = joint.has_session;
    conn->first = joint.first;
    conn->n_exchanges = joint.n_exchanges;
    if (conn->has_session)
        imapid_keep_read_session(get_keep(view->store), session_at(view->store, joint.session),
                                 &conn->session);
}

const struct imapid_record_exchange *
imapid_store_read_exchange(const struct imapid_store_view *view, unsigned index,
                           struct imapid_store_reading *reading)
{
    imapid_arena_reset(&reading->arena);
    imapid_keep_read_exchange(get_keep(view->store), exchange_at(view->store, index),
                              &reading->record, &reading->arena);
    return &reading->record;
}

void imapid_store_reading_deinit(struct imapid_store_reading *reading)
{
    imapid_arena_deinit(&reading->arena);
}

struct imapid_store_span imapid_store_get_span(const struct imapid_store_view *view, unsigned conn)
{
    struct joint joint = get_joint(view->store, conn);

    return (struct imapid_store_span){joint.first, joint.n_exchanges, joint.has_session};
}

unsigned imapid_store_find_session(const struct imapid_store_view *view, unsigned conn)
{
    const uint8_t *each = view->store->joints.each->data;

    while (conn < view->n_conns && !(each[conn] & HAS_SESSION))
        conn++;
    return conn;
}

int64_t imapid_store_get_when(const struct imapid_store_view *view, unsigned exchange)
{
    return exchange_at(view->store, exchange)->when_ns;
}

unsigned imapid_store_get_said(const struct imapid_store_view *view, unsigned exchange)
{
    return exchange_at(view->store, exchange)->said;
}

struct imapid_store_brief imapid_store_get_brief(const struct imapid_store_view *view,
                                                 unsigned exchange)
{
    const struct imapid_kept_exchange *kept = exchange_at(view->store, exchange);

    return (struct imapid_store_brief){
        .said = kept->said,
        .client = imapid_keep_get_client(get_keep(view->store), &kept->conn),
        .server = kept->conn.server,
        .when_ns = kept->when_ns,
    };
}

const char *imapid_store_get_file(const struct imapid_store_view *view, uint32_t file,
                                  const char **site)
{
    return imapid_keep_get_file(get_keep(view->store), file, site);
}

unsigned imapid_store_get_address(const struct imapid_store_view *view, unsigned conn)
{
    return imapid_keep_get_client(get_keep(view->store), get_conn(view, conn));
}

unsigned imapid_store_get_server(const struct imapid_store_view *view, unsigned conn)
{
    return get_conn(view, conn)->server;
}

bool imapid_store_get_rtt_ns(const struct imapid_store_view *view, unsigned exchange,
                             int64_t *rtt_ns)
{
    return imapid_keep_get_rtt_ns(get_keep(view->store), exchange_at(view->store, exchange),
                                  rtt_ns);
}

bool imapid_store_is_proxied(const struct imapid_store_view *view, unsigned conn)
{
    return get_conn(view, conn)->proxied != 0;
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
    store->unread = g_ptr_array_new_with_free_func(g_free);
    store->parts = g_array_new(FALSE, FALSE, sizeof(struct imapid_store_part));
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
    g_array_unref(store->parts);
    for (int kind = 0; kind < IMAPID_N_RUN_KINDS; kind++)
        imapid_run_free(store->runs[kind]);
    if (store->joints.each)
        deinit_joints(&store->joints);
    g_free(store);
}
