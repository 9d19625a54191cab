/* SPDX-License-Identifier: GPL-2.0-or-later */
/* groups.c: counts. Everything is computed from records in the store's order, so who counts twice
 * gets the same numbers. Fields that change from session to session (tokens, session ids) cannot
 * split a group: only what was asked for is looked at.
 *
 * Refuses: a name that nothing can be counted by, and more than IMAPID_GROUP_KEYS_MAX of them.
 * Misuse: adding groups up to get connections: one connection may be in several. */
#include "answer/groups.h"

#include "answer/numbers.h"
#include "answer/together.h"
#include "answer/unreadable.h"
#include "record/pool.h"

#include <string.h>

/* ---- what to count by ---- */

bool imapid_grouping_read(struct imapid_grouping *grouping, const char *text, char **message)
{
    char **names = g_strsplit(text, ",", IMAPID_GROUP_KEYS_MAX + 1);
    unsigned n = g_strv_length(names);

    *message = NULL;
    *grouping = (struct imapid_grouping){.n_keys = n};
    if (!n || n > IMAPID_GROUP_KEYS_MAX)
        *message = g_strdup_printf("one to %d fields can be counted by", IMAPID_GROUP_KEYS_MAX);
    for (unsigned i = 0; i < n && !*message; i++) {
        g_strstrip(names[i]);
        g_strlcpy(grouping->names[i], names[i], sizeof grouping->names[i]);
        if (!imapid_key_find(names[i], IMAPID_KEY_TO_COUNT, &grouping->keys[i])) {
            char *help = imapid_key_help(names[i], IMAPID_KEY_TO_COUNT);

            *message = g_strdup_printf("nothing can be counted by '%s'; %s", names[i], help);
            g_free(help);
        }
    }
    g_strfreev(names);
    return !*message;
}

/* ---- the value of a key ---- */

static const struct imapid_record_session *find_session(const struct imapid_store_conn *conn)
{
    return conn && conn->has_session ? &conn->session : NULL;
}

/* False: the exchange is not counted, the half was not seen. *value NULL: it does not say. `conn` is
 * asked for by keys that are not is_said() alone. */
static bool get_value(const struct imapid_store_conn *conn,
                      const struct imapid_record_exchange *exchange, const struct imapid_fold *fold,
                      const struct imapid_key *key, char **value)
{
    const struct imapid_record_half *half =
        key->side == IMAPID_CLIENT ? &exchange->command : &exchange->response;
    const struct imapid_record_string *string;

    *value = NULL;
    switch ((enum imapid_key_kind)key->kind) {
    case IMAPID_KEY_FIELD:
        string = half->seen ? imapid_record_find(half, key->field) : NULL;
        if (string && string->n)
            *value = imapid_fold_value(fold, key->field, string);
        return half->seen;
    case IMAPID_KEY_SECURITY:
        *value = g_strdup(imapid_record_security(exchange->security));
        return true;
    case IMAPID_KEY_STATE:
        *value = g_strdup(imapid_record_state(exchange->state));
        return true;
    case IMAPID_KEY_STATUS:
        if (exchange->status != IMAPID_STATUS_NONE)
            *value = g_strdup(imapid_record_status(exchange->status));
        return true;
    case IMAPID_KEY_TLS_VERSION:
        *value = g_strdup(imapid_key_get_tls_version(find_session(conn), exchange->security));
        return true;
    default:
        return imapid_key_get_of_conn(key, &conn->conn, find_session(conn),
                                      imapid_record_when(exchange).ts_ns, value);
    }
}

static bool counts_auth(const struct imapid_grouping *grouping)
{
    for (unsigned i = 0; i < grouping->n_keys; i++)
        if (grouping->keys[i].kind == IMAPID_KEY_AUTH)
            return true;
    return false;
}

/* The same of a connection without an exchange. Where it logged in and that is counted, it has not
 * said who it is. */
static bool get_value_of_unread(const struct imapid_store_conn *conn,
                                const struct imapid_grouping *grouping,
                                const struct imapid_key *key, char **value)
{
    *value = NULL;
    if (key->kind == IMAPID_KEY_FIELD && counts_auth(grouping) && conn->session.n_auths)
        return true;
    if (key->kind == IMAPID_KEY_SECURITY)
        *value = g_strdup(imapid_record_security(conn->session.security));
    else if (key->kind == IMAPID_KEY_TLS_VERSION)
        *value = g_strdup(imapid_key_get_tls_version(find_session(conn), conn->session.security));
    else
        return imapid_key_get_of_conn(key, &conn->conn, find_session(conn), conn->session.first_ns,
                                      value);
    return true;
}

/* ---- groups ---- */

/* How a value is spelled, and how often: mostly in one way, and there may be a million values. */
struct spellings {
    char *first;   /* NULL: in none */
    guint64 n;     /* of this */
    GTree *others; /* spelling -> guint64; NULL: there is none */
};

/* A stranger may send a name of his own in each connection, so there is no more in it than counts, and of
 * spellings as many as there are keys. */
struct counting {
    struct imapid_numbers addresses;
    uint64_t n_conns, n_exchanges, n_unread;
    int64_t first_ns, last_ns;
    unsigned last_conn; /* index + 1 of the one counted last */
    unsigned n_keys;
    struct spellings spellings[];
};

static void free_counting(void *data)
{
    struct counting *counting = data;

    for (unsigned i = 0; i < counting->n_keys; i++) {
        g_free(counting->spellings[i].first);
        if (counting->spellings[i].others)
            g_tree_destroy(counting->spellings[i].others);
    }
    imapid_numbers_deinit(&counting->addresses);
    g_free(counting);
}

static int compare_keys(const void *a, const void *b, void *unused)
{
    (void)unused;
    return strcmp(a, b);
}

/* How often this one was met. */
static guint64 *get_spelling(struct spellings *spellings, const char *value)
{
    guint64 *n;

    if (!spellings->first)
        spellings->first = g_strdup(value);
    if (!strcmp(spellings->first, value))
        return &spellings->n;
    if (!spellings->others)
        spellings->others = g_tree_new_full(compare_keys, NULL, g_free, g_free);
    n = g_tree_lookup(spellings->others, value);
    if (!n) {
        n = g_new0(guint64, 1);
        g_tree_insert(spellings->others, g_strdup(value), n);
    }
    return n;
}

static struct counting *get_counting_of(GTree *all, const char *key, unsigned n_keys)
{
    struct counting *counting = g_tree_lookup(all, key);

    if (!counting) {
        counting = g_malloc0(sizeof *counting + n_keys * sizeof counting->spellings[0]);
        counting->n_keys = n_keys;
        counting->first_ns = counting->last_ns = IMAPID_TIME_NONE;
        g_tree_insert(all, g_strdup(key), counting);
    }
    return counting;
}

static struct counting *get_counting(GTree *all, char *const *values, unsigned n)
{
    GString *key = g_string_new(NULL);
    struct counting *counting;

    for (unsigned i = 0; i < n; i++) {
        char *folded = values[i] ? imapid_fold_key(values[i]) : NULL;

        g_string_append_printf(key, "%d:%s\n", folded ? (int)strlen(folded) : -1,
                               folded ? folded : "");
        g_free(folded);
    }
    counting = get_counting_of(all, key->str, n);
    g_string_free(key, TRUE);
    return counting;
}

/* Where an exchange is counted. In an array of places those of a grouping have room for its keys. */
struct place {
    struct counting *counting; /* NULL: not known; &nowhere: it is not counted */
    guint64 *spellings[IMAPID_GROUP_KEYS_MAX];
};

static struct counting nowhere;

static size_t size_of_place(const struct imapid_grouping *grouping)
{
    return offsetof(struct place, spellings) + grouping->n_keys * sizeof(guint64 *);
}

/* An address that is still to be added. */
struct waiting {
    struct counting *counting; /* NULL: none */
    uint32_t address;
};

#define N_WAITING 16u

/* A count on its way. */
struct counter {
    const struct imapid_store_view *view;
    const struct imapid_fold *fold;
    const struct imapid_grouping *grouping;
    GTree *all;
    unsigned sources;         /* of the values */
    GArray *places;           /* struct place: those of exchanges with the same sources */
    struct imapid_pool *keys; /* numbers of places, where what is said is not all */
    struct imapid_store_reading reading;
    struct waiting waiting[N_WAITING]; /* in turn */
    unsigned n_waited;
};

/* Adds what has waited longest; another one takes its place. */
static void wait_for(struct counter *counter, struct waiting next)
{
    struct waiting *waiting = &counter->waiting[counter->n_waited++ % N_WAITING];

    if (waiting->counting)
        imapid_numbers_add(&waiting->counting->addresses, waiting->address,
                           counter->view->n_addresses);
    *waiting = next;
}

/* Counts a connection in a group, once however often it is called for it in a row. */
static void add_conn(struct counter *counter, struct counting *counting, unsigned conn,
                     uint32_t address)
{
    if (counting->last_conn == conn + 1)
        return;
    counting->last_conn = conn + 1;
    counting->n_conns++;
    imapid_numbers_fetch(&counting->addresses, address);
    wait_for(counter, (struct waiting){counting, address});
}

static void see_in_group(struct counting *counting, int64_t ts_ns)
{
    counting->first_ns = imapid_time_first(counting->first_ns, ts_ns);
    counting->last_ns = MAX(counting->last_ns, ts_ns);
}

/* The place of these values; they are freed. */
static struct place take_place(struct counter *counter, bool counted, char **values)
{
    struct place place = {.counting = &nowhere};
    unsigned n = counter->grouping->n_keys;

    if (counted)
        place.counting = get_counting(counter->all, values, n);
    for (unsigned i = 0; i < n; i++) {
        if (counted && values[i])
            place.spellings[i] = get_spelling(&place.counting->spellings[i], values[i]);
        g_free(values[i]);
    }
    return place;
}

static void count_spellings(const struct counter *counter, const struct place *place)
{
    for (unsigned i = 0; i < counter->grouping->n_keys; i++)
        if (place->spellings[i])
            ++*place->spellings[i];
}

/* Where the value of each key is found. */
enum {
    OF_SAID = 1,   /* in what an exchange says */
    OF_SERVER = 2, /* in the address of the server */
    OF_ELSE = 4,
};

static unsigned find_sources(const struct imapid_grouping *grouping)
{
    unsigned sources = 0;

    for (unsigned i = 0; i < grouping->n_keys; i++)
        switch ((enum imapid_key_kind)grouping->keys[i].kind) {
        case IMAPID_KEY_FIELD:
        case IMAPID_KEY_SECURITY:
        case IMAPID_KEY_STATE:
        case IMAPID_KEY_STATUS:
            sources |= OF_SAID;
            break;
        case IMAPID_KEY_SERVER_IP:
            sources |= OF_SERVER;
            break;
        default:
            sources |= OF_ELSE;
        }
    return sources;
}

/* The place that exchanges with the same sources have, known or not. NULL: there are other sources. */
static struct place *find_known(struct counter *counter, const struct imapid_store_brief *brief)
{
    uint32_t key[2] = {0, 0}, number;

    if (counter->sources & OF_ELSE)
        return NULL;
    if (counter->sources & OF_SAID)
        key[0] = brief->said;
    if (counter->sources & OF_SERVER)
        key[1] = brief->server;
    number =
        counter->sources & OF_SERVER ? imapid_pool_add(counter->keys, key, sizeof key) : key[0];
    if (number >= counter->places->len)
        g_array_set_size(counter->places, number + 1);
    /* cppcheck-suppress invalidPointerCast ; see size_of_place() */
    return (struct place *)(void *)(counter->places->data +
                                    number * size_of_place(counter->grouping));
}

static struct place find_place(struct counter *counter, const struct imapid_store_conn *conn,
                               unsigned index)
{
    const struct imapid_record_exchange *exchange =
        imapid_store_read_exchange(counter->view, index, &counter->reading);
    const struct imapid_grouping *grouping = counter->grouping;
    char *values[IMAPID_GROUP_KEYS_MAX] = {NULL};
    bool counted = true;

    for (unsigned i = 0; i < grouping->n_keys; i++)
        counted &= get_value(conn, exchange, counter->fold, &grouping->keys[i], &values[i]);
    return take_place(counter, counted, values);
}

/* `place` is for those that are not kept. */
static const struct place *get_place(struct counter *counter, unsigned conn, unsigned index,
                                     const struct imapid_store_brief *brief, struct place *place)
{
    struct place *known = find_known(counter, brief);
    struct imapid_store_conn read;

    if (known && known->counting)
        return known;
    imapid_store_read_conn(counter->view, conn, &read);
    *place = find_place(counter, &read, index);
    if (known)
        memcpy(known, place, size_of_place(counter->grouping));
    return place;
}

static void count_exchange(struct counter *counter, unsigned conn, unsigned index,
                           const struct imapid_store_brief *brief)
{
    struct place read;
    const struct place *place = get_place(counter, conn, index, brief, &read);

    if (place->counting == &nowhere)
        return;
    place->counting->n_exchanges++;
    see_in_group(place->counting, brief->when_ns);
    add_conn(counter, place->counting, conn, brief->client);
    count_spellings(counter, place);
}

/* Is a connection counted that has no exchange: as one that could not be read, or by its login? */
static bool is_counted_without(const struct imapid_store_conn *conn,
                               const struct imapid_grouping *grouping)
{
    return imapid_unreadable_is_conn(conn) || (conn->session.n_auths && counts_auth(grouping));
}

/* It is where it can be placed. */
static void count_without(struct counter *counter, unsigned index)
{
    const struct imapid_grouping *grouping = counter->grouping;
    char *values[IMAPID_GROUP_KEYS_MAX] = {NULL};
    struct imapid_store_conn conn;
    struct place place;
    bool counted = true;

    imapid_store_read_conn(counter->view, index, &conn);
    if (!is_counted_without(&conn, grouping))
        return;
    for (unsigned i = 0; i < grouping->n_keys; i++)
        counted &= get_value_of_unread(&conn, grouping, &grouping->keys[i], &values[i]);
    place = take_place(counter, counted, values);
    if (!counted)
        return;
    place.counting->n_unread += imapid_unreadable_is_conn(&conn);
    see_in_group(place.counting, conn.session.first_ns);
    see_in_group(place.counting, conn.session.last_ns);
    add_conn(counter, place.counting, index, imapid_store_get_address(counter->view, index));
    count_spellings(counter, &place);
}

struct pick {
    const char *best;
    guint64 n_best;
};

/* Spellings come in their order: of several that are as frequent the first one stays. */
static gboolean pick_one(void *spelling, void *n, void *user_data)
{
    struct pick *pick = user_data;
    guint64 n_met = *(const guint64 *)n;

    if (n_met > pick->n_best)
        *pick = (struct pick){spelling, n_met};
    return FALSE;
}

/* Takes the one met most often, of several the first by its octets. */
static char *take_spelling(struct spellings *spellings)
{
    struct pick pick = {NULL, 0};

    if (spellings->others)
        g_tree_foreach(spellings->others, pick_one, &pick);
    if (spellings->n > pick.n_best ||
        (spellings->n == pick.n_best && pick.best && strcmp(spellings->first, pick.best) < 0))
        return g_steal_pointer(&spellings->first);
    return g_strdup(pick.best);
}

static gboolean finish_group(void *key, void *value, void *user_data)
{
    struct counting *counting = value;
    GArray *groups = user_data;
    struct imapid_group group = {
        .n_conns = counting->n_conns,
        .n_addresses = imapid_numbers_count(&counting->addresses),
        .n_exchanges = counting->n_exchanges,
        .n_unread = counting->n_unread,
        .first_ns = counting->first_ns,
        .last_ns = counting->last_ns,
    };

    (void)key;
    imapid_numbers_deinit(&counting->addresses);
    for (unsigned i = 0; i < counting->n_keys; i++)
        group.values[i] = take_spelling(&counting->spellings[i]);
    g_array_append_val(groups, group);
    return FALSE;
}

static int compare_groups(const void *a, const void *b)
{
    const struct imapid_group *one = a, *other = b;

    if (one->n_conns != other->n_conns)
        return one->n_conns > other->n_conns ? -1 : 1;
    if (one->n_exchanges != other->n_exchanges)
        return one->n_exchanges > other->n_exchanges ? -1 : 1;
    for (int i = 0; i < IMAPID_GROUP_KEYS_MAX; i++) {
        int order = g_strcmp0(one->values[i], other->values[i]);

        if (order)
            return order;
    }
    return 0;
}

static void begin(struct counter *counter, const struct imapid_store_view *view,
                  const struct imapid_fold *fold, const struct imapid_grouping *grouping)
{
    *counter = (struct counter){
        .view = view,
        .fold = fold,
        .grouping = grouping,
        .all = g_tree_new_full(compare_keys, NULL, g_free, free_counting),
        .sources = find_sources(grouping),
        .places = g_array_new(FALSE, TRUE, (guint)size_of_place(grouping)),
        .keys = imapid_pool_new(),
    };
}

/* All was counted: there are as many places as there are things said, and the counts remain. */
static void finish_counter(struct counter *counter)
{
    for (unsigned i = 0; i < N_WAITING; i++)
        wait_for(counter, (struct waiting){NULL, 0});
    g_array_unref(counter->places);
    imapid_pool_free(counter->keys);
    imapid_store_reading_deinit(&counter->reading);
}

static GArray *end(struct counter *counter)
{
    guint n = (guint)g_tree_nnodes(counter->all);
    GArray *groups = g_array_sized_new(FALSE, FALSE, sizeof(struct imapid_group), n);

    g_tree_foreach(counter->all, finish_group, groups);
    g_tree_destroy(counter->all);
    g_array_sort(groups, compare_groups);
    return groups;
}

static void count_conn_in(struct counter *counters, unsigned n, unsigned conn)
{
    const struct imapid_store_view *view = counters[0].view;
    struct imapid_store_span span = imapid_store_get_span(view, conn);

    for (unsigned k = span.first; k < span.first + span.n; k++) {
        struct imapid_store_brief brief = imapid_store_get_brief(view, k);

        for (unsigned i = 0; i < n; i++)
            count_exchange(&counters[i], conn, k, &brief);
    }
    for (unsigned i = 0; i < n && !span.n && span.has_session; i++)
        count_without(&counters[i], conn);
}

/* ---- threads ---- */

static unsigned count_shares(const struct imapid_store_view *view, unsigned n_threads)
{
    return CLAMP(n_threads, 1, MIN(view->n_conns / 2 + 1, IMAPID_GROUPS_SHARES_MAX));
}

/* The first connection of one of n shares; of the n-th, that behind all. */
static unsigned find_share(const struct imapid_store_view *view, unsigned share, unsigned n)
{
    return (unsigned)((uint64_t)view->n_conns * share / n);
}

/* What threads do at the same time: a share of the connections each. */
struct sharing {
    const struct imapid_groups_asked *asked;
    struct counter *counters[IMAPID_GROUPS_SHARES_MAX]; /* one for each grouping */
    unsigned n;
};

static void count_share(void *ctx, unsigned i)
{
    struct sharing *sharing = ctx;
    const struct imapid_groups_asked *asked = sharing->asked;
    struct counter *counters = sharing->counters[i] = g_new(struct counter, asked->n);

    for (unsigned k = 0; k < asked->n; k++)
        begin(&counters[k], asked->view, asked->fold, &asked->groupings[k]);
    for (unsigned conn = find_share(asked->view, i, sharing->n);
         conn < find_share(asked->view, i + 1, sharing->n); conn++) {
        count_conn_in(counters, asked->n, conn);
        if (asked->also)
            asked->also(asked->ctx, i, conn);
    }
    for (unsigned k = 0; k < asked->n; k++)
        finish_counter(&counters[k]);
}

static gboolean add_spelling(void *spelling, void *n, void *spellings)
{
    *get_spelling(spellings, spelling) += *(const guint64 *)n;
    return FALSE;
}

/* Those that another share has met. */
static void add_spellings(struct spellings *spellings, const struct spellings *of_share)
{
    if (of_share->first)
        *get_spelling(spellings, of_share->first) += of_share->n;
    if (of_share->others)
        g_tree_foreach(of_share->others, add_spelling, spellings);
}

static gboolean add_share_of_group(void *key, void *value, void *ctx)
{
    const struct counter *counter = ctx;
    struct counting *share = value;
    struct counting *counting = get_counting_of(counter->all, key, share->n_keys);

    counting->n_conns += share->n_conns;
    counting->n_exchanges += share->n_exchanges;
    counting->n_unread += share->n_unread;
    see_in_group(counting, share->first_ns);
    see_in_group(counting, share->last_ns);
    imapid_numbers_absorb(&counting->addresses, &share->addresses, counter->view->n_addresses);
    for (unsigned i = 0; i < share->n_keys; i++)
        add_spellings(&counting->spellings[i], &share->spellings[i]);
    return FALSE;
}

static void add_share(struct counter *counter, struct counter *share)
{
    g_tree_foreach(share->all, add_share_of_group, counter);
    g_tree_destroy(share->all);
}

void imapid_groups_count(const struct imapid_groups_asked *asked)
{
    struct sharing sharing = {.asked = asked, .n = count_shares(asked->view, asked->n_threads)};

    imapid_together_run(asked->n_threads, sharing.n, count_share, &sharing);
    for (unsigned k = 0; k < asked->n; k++) {
        for (unsigned i = 1; i < sharing.n; i++)
            add_share(&sharing.counters[0][k], &sharing.counters[i][k]);
        asked->groups[k] = end(&sharing.counters[0][k]);
    }
    for (unsigned i = 0; i < sharing.n; i++)
        g_free(sharing.counters[i]);
}

void imapid_groups_free(GArray *groups)
{
    for (guint i = 0; i < groups->len; i++)
        for (int k = 0; k < IMAPID_GROUP_KEYS_MAX; k++)
            g_free(g_array_index(groups, struct imapid_group, i).values[k]);
    g_array_unref(groups);
}
