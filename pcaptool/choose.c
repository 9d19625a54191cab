/* SPDX-License-Identifier: GPL-2.0-or-later */
/* choose.c: the records of chosen connections, as they come.
 *
 *     exchange -> decided? yes: passed on, or dropped
 *                          no:  a copy is held back
 *     session  -> decided, with all exchanges that it counts; of JSON Lines some may come later
 *     capture  -> passed on
 *
 * Where each record tells by itself whether its connection is chosen, nothing is held and nothing known
 * of connections.
 *
 * Refuses to hold more than its memory: the largest gives way.
 *
 * Misuse: the records of two inputs through one object. */
#include "choose.h"

#include "follow/holders.h"
#include "record/copy.h"
#include "record/name.h"

#include <string.h>

/* One that is not decided, or of which more is to come. */
struct conn {
    struct imapid_record_name name; /* first */
    char *site, *file;
    uint64_t seen;
    enum imapid_where_verdict verdict;
    bool has_session;
    uint64_t n_expected, n_exchanges; /* exchanges: by its session, and those that came */
    GPtrArray *exchanges;             /* copies held back; NULL: none */
    struct imapid_record_session *session;
    struct imapid_holder holder;
    uint64_t n_before; /* connections that came before it */
};

struct imapid_choose {
    const struct imapid_where *where;
    gsize n_memory;
    const struct imapid_record_sink *next;
    GHashTable *conns;
    struct imapid_holders holders;
    struct imapid_choose_counts counts;
    uint64_t n_met;
};

/* ---- connections ---- */

static void drop_held(struct conn *conn)
{
    g_clear_pointer(&conn->exchanges, g_ptr_array_unref);
    g_clear_pointer(&conn->session, imapid_copy_session_free);
}

static void free_conn(void *data)
{
    struct conn *conn = data;

    drop_held(conn);
    g_free(conn->site);
    g_free(conn->file);
    g_free(conn);
}

/* What it holds when it holds no record. */
static gsize size_of_conn(const struct conn *conn)
{
    return sizeof *conn + strlen(conn->file) + 128; /* its place in the table */
}

static struct conn *get_conn(struct imapid_choose *choose, const struct imapid_record_conn *of)
{
    struct imapid_record_name name = imapid_record_name_of(of);
    struct conn *conn = g_hash_table_lookup(choose->conns, &name);

    if (conn)
        return conn;
    conn = g_new0(struct conn, 1);
    conn->name = name;
    conn->name.site = conn->site = g_strdup(of->site);
    conn->name.file = conn->file = g_strdup(of->file);
    conn->holder.link.data = conn;
    conn->n_before = choose->n_met++;
    g_hash_table_add(choose->conns, conn);
    imapid_holders_set(&choose->holders, &conn->holder, size_of_conn(conn));
    return conn;
}

static void remove_conn(struct imapid_choose *choose, struct conn *conn)
{
    imapid_holders_set(&choose->holders, &conn->holder, 0);
    g_hash_table_remove(choose->conns, conn);
}

static void hold(struct imapid_choose *choose, struct conn *conn, gsize n)
{
    imapid_holders_set(&choose->holders, &conn->holder, conn->holder.n + n);
}

static void hold_exchange(struct imapid_choose *choose, struct conn *conn,
                          const struct imapid_record_exchange *exchange)
{
    if (!conn->exchanges)
        conn->exchanges =
            g_ptr_array_new_with_free_func((GDestroyNotify)imapid_record_exchange_free);
    g_ptr_array_add(conn->exchanges, imapid_copy_exchange(exchange));
    hold(choose, conn, imapid_copy_size_of_exchange(exchange));
}

static void hold_session(struct imapid_choose *choose, struct conn *conn,
                         const struct imapid_record_session *session)
{
    g_clear_pointer(&conn->session, imapid_copy_session_free); /* JSON Lines may bring two */
    conn->session = imapid_copy_session(session);
    hold(choose, conn, imapid_copy_size_of_session(session));
}

/* Those that were held back go before what comes now. */
static void release(struct imapid_choose *choose, struct conn *conn)
{
    const struct imapid_record_sink *next = choose->next;

    for (guint i = 0; conn->exchanges && i < conn->exchanges->len; i++)
        next->exchange(next->ctx, conn->exchanges->pdata[i]);
    if (conn->session)
        next->session(next->ctx, conn->session);
}

static void count(struct imapid_choose *choose, enum imapid_where_verdict verdict)
{
    choose->counts.n_conns++;
    choose->counts.n_chosen += verdict == IMAPID_WHERE_CHOSEN;
}

static void settle(struct imapid_choose *choose, struct conn *conn,
                   enum imapid_where_verdict verdict)
{
    if (conn->verdict != IMAPID_WHERE_OPEN || verdict == IMAPID_WHERE_OPEN)
        return;
    conn->verdict = verdict;
    count(choose, verdict);
    if (verdict == IMAPID_WHERE_CHOSEN)
        release(choose, conn);
    drop_held(conn);
    imapid_holders_set(&choose->holders, &conn->holder, size_of_conn(conn));
}

/* First the records of the largest go, but not what is known of it, so that what comes later goes
 * with them. When that alone is too much, it goes as well. */
static void keep_within_memory(struct imapid_choose *choose)
{
    struct conn *conn;

    while (choose->holders.n > choose->n_memory &&
           (conn = imapid_holders_find_greediest(&choose->holders, NULL))) {
        bool was_held = conn->verdict == IMAPID_WHERE_OPEN;

        choose->counts.n_gave_way += conn->verdict != IMAPID_WHERE_LEFT;
        settle(choose, conn, IMAPID_WHERE_LEFT);
        if (!was_held)
            remove_conn(choose, conn);
    }
}

/* Has all come that its session counts? Then it is decided, and forgotten. */
static void conclude(struct imapid_choose *choose, struct conn *conn)
{
    if (!conn->has_session || conn->n_exchanges < conn->n_expected)
        return;
    settle(choose, conn, imapid_where_conclude(choose->where, conn->seen));
    remove_conn(choose, conn);
}

/* ---- the sink ---- */

/* Decided by this record alone. */
static bool is_chosen(struct imapid_choose *choose, const struct imapid_key_record *record)
{
    uint64_t seen = 0;

    return imapid_where_see(choose->where, &seen, record) == IMAPID_WHERE_CHOSEN;
}

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    struct imapid_choose *choose = ctx;
    const struct imapid_key_record record = {.conn = &exchange->conn, .exchange = exchange};
    struct conn *conn;

    if (!choose->conns) {
        if (is_chosen(choose, &record))
            choose->next->exchange(choose->next->ctx, exchange);
        return;
    }
    conn = get_conn(choose, &exchange->conn);
    conn->n_exchanges++;
    if (conn->verdict == IMAPID_WHERE_OPEN)
        settle(choose, conn, imapid_where_see(choose->where, &conn->seen, &record));
    if (conn->verdict == IMAPID_WHERE_CHOSEN)
        choose->next->exchange(choose->next->ctx, exchange);
    else if (conn->verdict == IMAPID_WHERE_OPEN)
        hold_exchange(choose, conn, exchange);
    conclude(choose, conn);
    keep_within_memory(choose);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    struct imapid_choose *choose = ctx;
    const struct imapid_key_record record = {.conn = &session->conn, .session = session};
    struct conn *conn;

    if (!choose->conns) {
        bool chosen = is_chosen(choose, &record);

        count(choose, chosen ? IMAPID_WHERE_CHOSEN : IMAPID_WHERE_LEFT);
        if (chosen)
            choose->next->session(choose->next->ctx, session);
        return;
    }
    conn = get_conn(choose, &session->conn);
    conn->has_session = true;
    conn->n_expected = session->n_exchanges;
    if (conn->verdict == IMAPID_WHERE_OPEN)
        settle(choose, conn, imapid_where_see(choose->where, &conn->seen, &record));
    if (conn->verdict == IMAPID_WHERE_CHOSEN)
        choose->next->session(choose->next->ctx, session);
    else if (conn->verdict == IMAPID_WHERE_OPEN)
        hold_session(choose, conn, session);
    conclude(choose, conn);
    keep_within_memory(choose);
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    const struct imapid_choose *choose = ctx;

    choose->next->capture(choose->next->ctx, capture);
}

static void on_continued(void *ctx, const struct imapid_record_continued *continued)
{
    const struct imapid_choose *choose = ctx;

    if (choose->next->continued)
        choose->next->continued(choose->next->ctx, continued);
}

/* ---- the object ---- */

struct imapid_choose *imapid_choose_new(const struct imapid_where *where, gsize n_memory,
                                        const struct imapid_record_sink *next)
{
    struct imapid_choose *choose = g_new0(struct imapid_choose, 1);

    choose->where = where;
    choose->n_memory = n_memory;
    choose->next = next;
    if (!imapid_where_is_of_conn(where))
        choose->conns = g_hash_table_new_full(imapid_record_name_hash, imapid_record_name_equal,
                                              NULL, free_conn);
    return choose;
}

struct imapid_record_sink imapid_choose_get_sink(struct imapid_choose *choose)
{
    return (struct imapid_record_sink){on_exchange, on_session, on_capture, choose, on_continued};
}

static int compare_conns(const void *a, const void *b)
{
    const struct conn *one = *(struct conn *const *)a, *other = *(struct conn *const *)b;

    return one->n_before < other->n_before ? -1 : one->n_before > other->n_before;
}

/* In the order in which they came. */
void imapid_choose_flush(struct imapid_choose *choose)
{
    GPtrArray *open;

    if (!choose->conns)
        return;
    open = imapid_holders_list(&choose->holders);
    g_ptr_array_sort(open, compare_conns);
    for (guint i = 0; i < open->len; i++) {
        struct conn *conn = open->pdata[i];

        settle(choose, conn, imapid_where_conclude(choose->where, conn->seen));
        remove_conn(choose, conn);
    }
    g_ptr_array_unref(open);
}

struct imapid_choose_counts imapid_choose_end(struct imapid_choose *choose)
{
    struct imapid_choose_counts counts;

    imapid_choose_flush(choose);
    counts = choose->counts;
    if (choose->conns)
        g_hash_table_destroy(choose->conns);
    g_free(choose);
    return counts;
}
