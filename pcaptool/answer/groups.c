/* SPDX-License-Identifier: GPL-2.0-or-later */
/* groups.c: counts. Everything is computed from records in the store's order, so who counts twice
 * gets the same numbers. Fields that change from session to session (tokens, session ids) cannot
 * split a group: only what was asked for is looked at.
 *
 * Refuses: a name that nothing can be counted by, and more than IMAPID_GROUP_KEYS_MAX of them.
 * Misuse: adding groups up to get connections: one connection may be in several. */
#include "answer/groups.h"

#include "answer/unreadable.h"

#include "record/spell.h"

#include <string.h>

enum kind {
    KIND_FIELD,
    KIND_SECURITY,
    KIND_STATE,
    KIND_STATUS,
    KIND_DAY,
    KIND_MONTH,
    KIND_FILE,
    KIND_CLIENT_IP,
    KIND_SERVER_IP,
    KIND_SERVER_PORT,
    KIND_TLS_VERSION,
    KIND_UNREAD,
    KIND_AUTH,
};

static const struct {
    const char *name;
    enum kind kind;
} plain_keys[] = {
    {"security", KIND_SECURITY},
    {"state", KIND_STATE},
    {"status", KIND_STATUS},
    {"day", KIND_DAY},
    {"month", KIND_MONTH},
    {"file", KIND_FILE},
    {"client_ip", KIND_CLIENT_IP},
    {"server_ip", KIND_SERVER_IP},
    {"server_port", KIND_SERVER_PORT},
    {"tls_version", KIND_TLS_VERSION},
    {"unread", KIND_UNREAD},
    {"auth", KIND_AUTH},
};

/* ---- what to count by ---- */

static bool find_key(const char *name, struct imapid_group_key *key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(plain_keys); i++)
        if (!strcmp(name, plain_keys[i].name)) {
            *key = (struct imapid_group_key){.kind = (int)plain_keys[i].kind};
            return true;
        }
    for (int side = 0; side < 2; side++) {
        if (!g_str_has_prefix(name, side ? "server_" : "client_"))
            continue;
        for (int i = 0; i < IMAPID_N_FIELDS; i++)
            if (!strcmp(name + strlen("client_"), imapid_field_column((enum imapid_field)i))) {
                *key = (struct imapid_group_key){KIND_FIELD, (enum imapid_side)side,
                                                 (enum imapid_field)i};
                return true;
            }
    }
    return false;
}

/* All names there are, with commas between. To be freed. */
static char *list_names(void)
{
    GString *out = g_string_new(NULL);

    for (int side = 0; side < 2; side++)
        for (int i = 0; i < IMAPID_N_FIELDS; i++)
            g_string_append_printf(out, "%s_%s, ", side ? "server" : "client",
                                   imapid_field_column((enum imapid_field)i));
    for (size_t i = 0; i < G_N_ELEMENTS(plain_keys); i++)
        g_string_append_printf(out, "%s%s", i ? ", " : "", plain_keys[i].name);
    return g_string_free(out, FALSE);
}

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
        if (!find_key(names[i], &grouping->keys[i])) {
            char *all = list_names();

            *message =
                g_strdup_printf("nothing can be counted by '%s'; there are: %s", names[i], all);
            g_free(all);
        }
    }
    g_strfreev(names);
    return !*message;
}

/* ---- the value of a key ---- */

static char *spell_date(int64_t ts_ns, gsize n)
{
    GString *text = g_string_new(NULL);

    imapid_spell_time(text, ts_ns);
    if (text->len > n)
        g_string_truncate(text, n);
    return g_string_free(text, FALSE);
}

static char *spell_address(const struct imapid_endpoint *endpoint)
{
    GString *text = g_string_new(NULL);

    imapid_spell_address(text, endpoint);
    return g_string_free(text, FALSE);
}

/* Of an exchange in the clear there is none, also where TLS came later. */
static const char *get_tls_version(const struct imapid_store_conn *conn,
                                   enum imapid_security security)
{
    if (security == IMAPID_SECURITY_NONE)
        return "none";
    return conn && conn->has_session && conn->session.tls.seen ? conn->session.tls.version : NULL;
}

/* How a connection logged in: the attempt that was answered OK, or else the last one. NULL: none was
 * seen. */
static char *spell_auth(const struct imapid_record_session *session)
{
    const struct imapid_auth *auth = NULL;

    for (unsigned i = 0; session && i < session->n_auths; i++)
        if (!auth || auth->status != IMAPID_WORD_OK || session->auths[i].status == IMAPID_WORD_OK)
            auth = &session->auths[i];
    if (!auth)
        return NULL;
    return g_strconcat(auth->mechanism, auth->cleartext_password ? ", password in the clear" : "",
                       auth->status == IMAPID_WORD_OK ? "" : ", not confirmed", NULL);
}

/* What a key says of a connection, whatever was read of it. False: it asks for more. */
static bool get_value_of_conn(const struct imapid_store_conn *conn, int64_t ts_ns,
                              const struct imapid_group_key *key, char **value)
{
    switch ((enum kind)key->kind) {
    case KIND_DAY:
        *value = spell_date(ts_ns, strlen("2026-01-02"));
        return true;
    case KIND_MONTH:
        *value = spell_date(ts_ns, strlen("2026-01"));
        return true;
    case KIND_FILE:
        *value = g_strdup(conn->conn.file);
        return true;
    case KIND_CLIENT_IP:
        *value = spell_address(imapid_store_get_client(&conn->conn));
        return true;
    case KIND_SERVER_IP:
        *value = spell_address(&conn->conn.server);
        return true;
    case KIND_SERVER_PORT:
        *value = g_strdup_printf("%u", conn->conn.server.port);
        return true;
    case KIND_UNREAD:
        if (imapid_unreadable_is_conn(conn))
            *value = g_strdup(conn->session.not_decrypted);
        return true;
    case KIND_AUTH:
        *value = spell_auth(conn->has_session ? &conn->session : NULL);
        return true;
    case KIND_FIELD:
    case KIND_SECURITY:
    case KIND_STATE:
    case KIND_STATUS:
    case KIND_TLS_VERSION:
        break;
    }
    return false;
}

/* False: the exchange is not counted, the half was not seen. *value NULL: it does not say. `conn` is
 * asked for by keys that are not is_said() alone. */
static bool get_value(const struct imapid_store_conn *conn,
                      const struct imapid_record_exchange *exchange, const struct imapid_fold *fold,
                      const struct imapid_group_key *key, char **value)
{
    const struct imapid_record_half *half =
        key->side == IMAPID_CLIENT ? &exchange->command : &exchange->response;
    const struct imapid_record_string *string;

    *value = NULL;
    switch ((enum kind)key->kind) {
    case KIND_FIELD:
        string = half->seen ? imapid_record_find(half, key->field) : NULL;
        if (string && string->n)
            *value = imapid_fold_value(fold, key->field, string);
        return half->seen;
    case KIND_SECURITY:
        *value = g_strdup(imapid_record_security(exchange->security));
        return true;
    case KIND_STATE:
        *value = g_strdup(imapid_record_state(exchange->state));
        return true;
    case KIND_STATUS:
        if (exchange->status != IMAPID_STATUS_NONE)
            *value = g_strdup(imapid_record_status(exchange->status));
        return true;
    case KIND_TLS_VERSION:
        *value = g_strdup(get_tls_version(conn, exchange->security));
        return true;
    default:
        return get_value_of_conn(conn, imapid_record_when(exchange).ts_ns, key, value);
    }
}

static bool counts_auth(const struct imapid_grouping *grouping)
{
    for (unsigned i = 0; i < grouping->n_keys; i++)
        if (grouping->keys[i].kind == KIND_AUTH)
            return true;
    return false;
}

/* The same of a connection without an exchange. Where it logged in and that is counted, it has not
 * said who it is. */
static bool get_value_of_unread(const struct imapid_store_conn *conn,
                                const struct imapid_grouping *grouping,
                                const struct imapid_group_key *key, char **value)
{
    *value = NULL;
    if (key->kind == KIND_FIELD && counts_auth(grouping) && conn->session.n_auths)
        return true;
    if (key->kind == KIND_SECURITY)
        *value = g_strdup(imapid_record_security(conn->session.security));
    else if (key->kind == KIND_TLS_VERSION)
        *value = g_strdup(get_tls_version(conn, conn->session.security));
    else
        return get_value_of_conn(conn, conn->session.first_ns, key, value);
    return true;
}

/* ---- groups ---- */

struct counting {
    struct imapid_group group;
    GTree *spellings[IMAPID_GROUP_KEYS_MAX]; /* spelling -> how often, a guint64 */
    GArray *addresses;                       /* their numbers, guint32 */
    unsigned last_conn;                      /* index + 1 of the one counted last */
};

static void free_counting(void *data)
{
    struct counting *counting = data;

    for (int i = 0; i < IMAPID_GROUP_KEYS_MAX; i++)
        if (counting->spellings[i])
            g_tree_destroy(counting->spellings[i]);
    g_array_unref(counting->addresses);
    g_free(counting);
}

static int compare_keys(const void *a, const void *b, void *unused)
{
    (void)unused;
    return strcmp(a, b);
}

/* How often a spelling was met; NULL where there is none. */
static guint64 *get_spelling(struct counting *counting, unsigned i, const char *value)
{
    guint64 *n;

    if (!counting->spellings[i])
        counting->spellings[i] = g_tree_new_full(compare_keys, NULL, g_free, g_free);
    if (!value)
        return NULL;
    n = g_tree_lookup(counting->spellings[i], value);
    if (!n) {
        n = g_new0(guint64, 1);
        g_tree_insert(counting->spellings[i], g_strdup(value), n);
    }
    return n;
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
    counting = g_tree_lookup(all, key->str);
    if (!counting) {
        counting = g_new0(struct counting, 1);
        counting->group.first_ns = INT64_MAX;
        counting->group.last_ns = INT64_MIN;
        counting->addresses = g_array_new(FALSE, FALSE, sizeof(guint32));
        g_tree_insert(all, g_strdup(key->str), counting);
    }
    g_string_free(key, TRUE);
    return counting;
}

/* Where an exchange is counted. */
struct place {
    bool is_known;
    struct counting *counting; /* NULL: nowhere */
    guint64 *spellings[IMAPID_GROUP_KEYS_MAX];
};

/* A count on its way. */
struct counter {
    const struct imapid_store_view *view;
    const struct imapid_fold *fold;
    const struct imapid_grouping *grouping;
    GTree *all;
    struct place *places; /* by what exchanges say; NULL: it is not that alone */
    struct imapid_store_reading reading;
};

/* Counts a connection in a group, once however often it is called for it in a row. */
static void add_conn(struct counter *counter, struct counting *counting, unsigned conn)
{
    guint32 address = imapid_store_get_address(counter->view, conn);

    if (counting->last_conn == conn + 1)
        return;
    counting->last_conn = conn + 1;
    counting->group.n_conns++;
    g_array_append_val(counting->addresses, address);
}

static void see_in_group(struct imapid_group *group, int64_t ts_ns)
{
    group->first_ns = MIN(group->first_ns, ts_ns);
    group->last_ns = MAX(group->last_ns, ts_ns);
}

/* The place of these values; they are freed. */
static struct place take_place(struct counter *counter, bool counted, char **values)
{
    struct place place = {.is_known = true};
    unsigned n = counter->grouping->n_keys;

    if (counted)
        place.counting = get_counting(counter->all, values, n);
    for (unsigned i = 0; i < n; i++) {
        if (counted)
            place.spellings[i] = get_spelling(place.counting, i, values[i]);
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

/* Is the value of each key found in what an exchange says? */
static bool is_said(const struct imapid_grouping *grouping)
{
    for (unsigned i = 0; i < grouping->n_keys; i++)
        switch ((enum kind)grouping->keys[i].kind) {
        case KIND_FIELD:
        case KIND_SECURITY:
        case KIND_STATE:
        case KIND_STATUS:
            break;
        default:
            return false;
        }
    return true;
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

static struct place get_place(struct counter *counter, unsigned conn, unsigned index)
{
    struct place *known = NULL, place;
    struct imapid_store_conn read;

    if (counter->places) {
        known = &counter->places[imapid_store_get_said(counter->view, index)];
        if (known->is_known)
            return *known;
    }
    imapid_store_read_conn(counter->view, conn, &read);
    place = find_place(counter, &read, index);
    if (known)
        *known = place;
    return place;
}

static void count_exchange(struct counter *counter, unsigned conn, unsigned index)
{
    struct place place = get_place(counter, conn, index);
    int64_t when = imapid_store_get_when(counter->view, index);

    if (!place.counting)
        return;
    place.counting->group.n_exchanges++;
    see_in_group(&place.counting->group, when);
    add_conn(counter, place.counting, conn);
    count_spellings(counter, &place);
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
    place.counting->group.n_unread += imapid_unreadable_is_conn(&conn);
    see_in_group(&place.counting->group, conn.session.first_ns);
    see_in_group(&place.counting->group, conn.session.last_ns);
    add_conn(counter, place.counting, index);
    count_spellings(counter, &place);
}

/* `seen` has a zero octet for each number there is, and has so again afterwards. */
static uint64_t count_distinct(const GArray *addresses, uint8_t *seen)
{
    uint64_t n = 0;

    for (guint i = 0; i < addresses->len; i++) {
        guint32 address = g_array_index(addresses, guint32, i);

        n += !seen[address];
        seen[address] = 1;
    }
    for (guint i = 0; i < addresses->len; i++)
        seen[g_array_index(addresses, guint32, i)] = 0;
    return n;
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

static char *pick_spelling(GTree *spellings)
{
    struct pick pick = {NULL, 0};

    g_tree_foreach(spellings, pick_one, &pick);
    return g_strdup(pick.best);
}

struct finish {
    GArray *groups;
    unsigned n_keys;
    uint8_t *seen; /* by the numbers of addresses */
};

static gboolean finish_group(void *key, void *value, void *user_data)
{
    struct counting *counting = value;
    struct finish *finish = user_data;

    (void)key;
    counting->group.n_addresses = count_distinct(counting->addresses, finish->seen);
    for (unsigned i = 0; i < finish->n_keys; i++)
        counting->group.values[i] = pick_spelling(counting->spellings[i]);
    g_array_append_val(finish->groups, counting->group);
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

GArray *imapid_groups_count(const struct imapid_store_view *view, const struct imapid_fold *fold,
                            const struct imapid_grouping *grouping)
{
    struct counter counter = {
        .view = view,
        .fold = fold,
        .grouping = grouping,
        .all = g_tree_new_full(compare_keys, NULL, g_free, free_counting),
        .places = is_said(grouping) ? g_new0(struct place, view->n_said + (gsize)1) : NULL,
    };
    struct finish finish = {g_array_new(FALSE, FALSE, sizeof(struct imapid_group)),
                            grouping->n_keys, g_malloc0(view->n_addresses + (gsize)1)};

    for (unsigned i = 0; i < view->n_conns; i++) {
        struct imapid_store_span span = imapid_store_get_span(view, i);

        for (unsigned k = 0; k < span.n; k++)
            count_exchange(&counter, i, span.first + k);
        if (!span.n && span.has_session)
            count_without(&counter, i);
    }
    g_tree_foreach(counter.all, finish_group, &finish);
    g_tree_destroy(counter.all);
    g_free(counter.places);
    g_free(finish.seen);
    imapid_store_reading_deinit(&counter.reading);
    g_array_sort(finish.groups, compare_groups);
    return finish.groups;
}

void imapid_groups_free(GArray *groups)
{
    for (guint i = 0; i < groups->len; i++)
        for (int k = 0; k < IMAPID_GROUP_KEYS_MAX; k++)
            g_free(g_array_index(groups, struct imapid_group, i).values[k]);
    g_array_unref(groups);
}

/* ---- the whole ---- */

static void see(struct imapid_overview *overview, int64_t ts_ns)
{
    if (!overview->has_time) {
        overview->first_ns = overview->last_ns = ts_ns;
        overview->has_time = true;
    }
    overview->first_ns = MIN(overview->first_ns, ts_ns);
    overview->last_ns = MAX(overview->last_ns, ts_ns);
}

/* What an exchange says of its connection. */
enum {
    FACT_KNOWN = 1, /* the others were looked up */
    FACT_SENT = 2,
    FACT_REFUSED = 4,
};

/* Facts by what is said. */
struct facts {
    const struct imapid_store_view *view;
    uint8_t *by_said;
    struct imapid_store_reading reading;
};

/* The one line of the summary in which a connection is counted. */
static uint64_t *find_line(struct imapid_overview *overview, const struct imapid_store_conn *conn,
                           bool sent)
{
    const struct imapid_record_session *session = &conn->session;
    struct imapid_record_session ended;

    if (sent)
        return &overview->n_with_id;
    if (imapid_unreadable_is_conn(conn))
        return &overview->n_unread;
    if (!conn->has_session || session->n_exchanges > conn->n_exchanges)
        return &overview->n_maybe_silent;
    if (imapid_record_is_whole(session))
        return &overview->n_silent;
    ended = *session;
    ended.ended = IMAPID_ENDED_FIN;
    return imapid_record_is_whole(&ended) ? &overview->n_open : &overview->n_maybe_silent;
}

static uint8_t get_facts(struct facts *facts, unsigned index)
{
    unsigned said = imapid_store_get_said(facts->view, index);
    uint8_t known = facts->by_said[said];
    const struct imapid_record_exchange *exchange;

    if (known)
        return known;
    exchange = imapid_store_read_exchange(facts->view, index, &facts->reading);
    known = FACT_KNOWN;
    if (exchange->command.seen)
        known |= FACT_SENT;
    if (exchange->status == IMAPID_STATUS_NO || exchange->status == IMAPID_STATUS_BAD)
        known |= FACT_REFUSED;
    facts->by_said[said] = known;
    return known;
}

static void count_session(struct imapid_overview *overview, const struct imapid_store_conn *conn)
{
    const struct imapid_record_session *session = &conn->session;

    see(overview, session->first_ns);
    see(overview, session->last_ns);
    overview->n_unreadable += imapid_unreadable_is_conn(conn);
    overview->n_late += !session->from_start;
    overview->n_doubted += imapid_doubts_has_any(&conn->conn.doubts);
    for (unsigned i = 0; i < session->n_findings; i++)
        overview->n_required += session->findings[i].code == IMAPID_FINDING_REQUIRED_BY_SERVER;
}

static void count_conn(struct imapid_overview *overview, struct facts *facts, unsigned index)
{
    struct imapid_store_span span = imapid_store_get_span(facts->view, index);
    struct imapid_store_conn conn;
    uint8_t all = 0;

    for (unsigned i = 0; i < span.n; i++) {
        all |= get_facts(facts, span.first + i);
        see(overview, imapid_store_get_when(facts->view, span.first + i));
    }
    imapid_store_read_conn(facts->view, index, &conn);
    ++*find_line(overview, &conn, all & FACT_SENT);
    overview->n_refused += (all & FACT_REFUSED) != 0;
    if (conn.has_session)
        count_session(overview, &conn);
}

/* JSON Lines may bring any numbers: their sum has an end. */
static void add(uint64_t *sum, uint64_t n)
{
    if (__builtin_add_overflow(*sum, n, sum))
        *sum = UINT64_MAX;
}

struct imapid_overview imapid_overview_count(const struct imapid_store_view *view)
{
    struct imapid_overview overview = {
        .n_captures = view->n_captures,
        .n_conns = view->n_conns,
        .n_exchanges = view->n_exchanges,
    };
    struct facts facts = {.view = view, .by_said = g_malloc0(view->n_said + (gsize)1)};
    uint8_t *seen = g_malloc0(view->n_addresses + (gsize)1);

    for (unsigned i = 0; i < view->n_captures; i++) {
        const struct imapid_record_capture *capture = &view->captures[i];

        add(&overview.n_packets, capture->n_packets);
        add(&overview.n_octets, capture->n_octets);
        add(&overview.n_tcp, capture->n_conns);
        add(&overview.n_lost, capture->n_lost);
        add(&overview.n_cut, capture->n_cut);
        add(&overview.n_unknown_link, capture->n_unknown_link);
        if (!capture->n_unread) /* as in records of versions before that had no list */
            add(&overview.n_unread_packets, capture->n_unknown_link);
        for (unsigned k = 0; k < capture->n_unread; k++)
            add(&overview.n_unread_packets, capture->unread[k].n_packets);
        overview.n_failed += capture->error != NULL;
    }
    for (unsigned i = 0; i < view->n_conns; i++) {
        unsigned address = imapid_store_get_address(view, i);

        overview.n_addresses += !seen[address];
        seen[address] = 1;
        count_conn(&overview, &facts, i);
    }
    g_free(seen);
    g_free(facts.by_said);
    imapid_store_reading_deinit(&facts.reading);
    return overview;
}
