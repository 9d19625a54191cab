/* SPDX-License-Identifier: GPL-2.0-or-later */
/* legs.c: ties the legs of proxied sessions and compares what the client said on one with what the
 * server was told on the other.
 *
 * The fields a proxy adds are left out of the comparison, and so are the order of pairs and the
 * case of their names, which carry no meaning. A leg that is cut, unreadable or not there is not
 * compared: nothing is found in what the capture lost. */
#include "answer/legs.h"

#include <gio/gio.h>
#include <imapid/fields.h>
#include <string.h>

/* Clocks of two capture points may differ by this much; within it a port is rarely used again for
 * the same proxy (TIME-WAIT alone is a minute). */
#define CLOCK_NS (INT64_C(60) * 1000000000)

/* What a proxy says about the outer leg. */
struct claim {
    const struct imapid_store_conn *conn;
    const struct imapid_record_exchange *exchange;
    struct imapid_endpoint origin, connected; /* family 0: not said; port 0: not said */
    const struct imapid_record_string *session_id;
};

/* ---- the proxy's own fields ---- */

static bool is_named(const struct imapid_record_string *field, const char *name)
{
    return !field->is_nil && field->n == strlen(name) &&
           !g_ascii_strncasecmp((const char *)field->octets, name, field->n);
}

static bool is_proxys(const struct imapid_record_string *field)
{
    return !field->is_nil && imapid_field_is_proxys(field->octets, field->n);
}

static const struct imapid_record_string *find(const struct imapid_record_half *half,
                                               const char *name)
{
    for (unsigned i = 0; i < half->n_pairs; i++)
        if (is_named(&half->pairs[i].field, name) && !half->pairs[i].value.is_nil)
            return &half->pairs[i].value;
    return NULL;
}

static void read_endpoint(struct imapid_endpoint *endpoint, const struct imapid_record_string *ip,
                          const struct imapid_record_string *port)
{
    char *text = ip && ip->n < 64 ? g_strndup((const char *)ip->octets, ip->n) : NULL;
    GInetAddress *address = text ? g_inet_address_new_from_string(text) : NULL;

    if (address) {
        memcpy(endpoint->address, g_inet_address_to_bytes(address),
               g_inet_address_get_native_size(address));
        endpoint->family = g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6 ? 6 : 4;
        g_object_unref(address);
    }
    if (address && port && port->n < 6) {
        char digits[6] = "";
        guint64 number = 0;

        memcpy(digits, port->octets, port->n);
        if (g_ascii_string_to_unsigned(digits, 10, 1, UINT16_MAX, &number, NULL))
            endpoint->port = (uint16_t)number;
    }
    g_free(text);
}

static struct claim read_claim(const struct imapid_store_conn *conn,
                               const struct imapid_record_exchange *exchange)
{
    const struct imapid_record_half *half = &exchange->command;
    struct claim claim = {.conn = conn, .exchange = exchange};

    read_endpoint(&claim.origin, find(half, "x-originating-ip"), find(half, "x-originating-port"));
    read_endpoint(&claim.connected, find(half, "x-connected-ip"), find(half, "x-connected-port"));
    claim.session_id = find(half, "x-session-id");
    return claim;
}

/* ---- when ---- */

static void span(const struct imapid_store_conn *conn, int64_t *first, int64_t *last)
{
    *first = INT64_MAX;
    *last = INT64_MIN;
    if (conn->session) {
        *first = conn->session->first_ns;
        *last = conn->session->last_ns;
    }
    for (unsigned i = 0; i < conn->n_exchanges; i++) {
        int64_t when = imapid_record_when(&conn->exchanges[i]).ts_ns;

        *first = MIN(*first, when);
        *last = MAX(*last, when);
    }
}

static bool overlap(const struct imapid_store_conn *a, const struct imapid_store_conn *b)
{
    int64_t first_a, last_a, first_b, last_b;

    span(a, &first_a, &last_a);
    span(b, &first_b, &last_b);
    return (double)first_a - (double)last_b <= (double)CLOCK_NS &&
           (double)first_b - (double)last_a <= (double)CLOCK_NS;
}

/* ---- what is compared ---- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Is there one reading of the list? A fault that is only a warning (octets over 127, spaces, line
 * ends) leaves none in doubt. */
static bool is_clear(const struct imapid_record_exchange *exchange)
{
    if (exchange->command.is_malformed && exchange->n_findings >= IMAPID_FINDINGS_MAX)
        return false; /* there may have been more */
    for (unsigned i = 0; exchange->command.is_malformed && i < exchange->n_findings; i++) {
        const struct imapid_record_finding *finding = &exchange->findings[i];

        if (finding->side == IMAPID_CLIENT && imapid_finding_is_form(finding->code) &&
            imapid_finding_severity(finding->code) == IMAPID_SEVERITY_ERROR)
            return false;
    }
    return true;
}

/* The client's own pairs of a list, in an order of their own, spelled so that equal lists are equal
 * texts. NULL: there are none. */
static char *own_pairs(const struct imapid_record_half *half)
{
    GPtrArray *pairs = g_ptr_array_new_with_free_func(g_free);
    GString *all = g_string_new(NULL);

    for (unsigned i = 0; i < half->n_pairs; i++) {
        const struct imapid_record_pair *pair = &half->pairs[i];
        GString *text;
        char *lower;

        if (is_proxys(&pair->field))
            continue;
        text = g_string_new(NULL);
        lower = pair->field.is_nil
                    ? g_strdup("NIL")
                    : g_ascii_strdown((const char *)pair->field.octets, (gssize)pair->field.n);
        g_string_append_printf(text, "%s %s ", lower, pair->value.is_nil ? "NIL" : "=");
        for (size_t k = 0; !pair->value.is_nil && k < pair->value.n; k++)
            g_string_append_printf(text, "%02x", pair->value.octets[k]);
        g_ptr_array_add(pairs, g_string_free(text, FALSE));
        g_free(lower);
    }
    g_ptr_array_sort(pairs, compare_texts);
    for (guint i = 0; i < pairs->len; i++)
        g_string_append_printf(all, "%s\n", (const char *)pairs->pdata[i]);
    g_ptr_array_unref(pairs);
    return g_string_free(all, !all->len);
}

static bool same_string(const struct imapid_record_string *a, const struct imapid_record_string *b)
{
    return a->is_nil == b->is_nil &&
           (a->is_nil || (a->n == b->n && !memcmp(a->octets, b->octets, a->n)));
}

static bool has_pair(const struct imapid_record_half *half, const struct imapid_record_pair *pair)
{
    for (unsigned i = 0; i < half->n_pairs; i++) {
        const struct imapid_record_pair *other = &half->pairs[i];

        if (same_string(&pair->value, &other->value) && pair->field.is_nil == other->field.is_nil &&
            pair->field.n == other->field.n &&
            !g_ascii_strncasecmp((const char *)pair->field.octets,
                                 (const char *)other->field.octets, pair->field.n))
            return true;
    }
    return false;
}

/* Adds the client's own pairs of a list that are not in the other one. */
static void add_missing(GString *out, const char *what, const struct imapid_record_half *half,
                        const struct imapid_record_half *other)
{
    bool any = false;

    for (unsigned i = 0; i < half->n_pairs; i++) {
        const struct imapid_record_pair *pair = &half->pairs[i];

        if (is_proxys(&pair->field) || has_pair(other, pair))
            continue;
        g_string_append_printf(out, "%s%s ", !any && out->len ? "; " : "", any ? "," : what);
        any = true;
        g_string_append_len(out, pair->field.is_nil ? "NIL" : (const char *)pair->field.octets,
                            pair->field.is_nil ? 3 : (gssize)pair->field.n);
        g_string_append(out, pair->value.is_nil ? " NIL" : " \"");
        if (!pair->value.is_nil) {
            g_string_append_len(out, (const char *)pair->value.octets, (gssize)pair->value.n);
            g_string_append_c(out, '"');
        }
    }
}

void imapid_legs_spell_change(GString *out, const struct imapid_leg *leg)
{
    static const struct imapid_record_half none;
    const struct imapid_record_half *said =
        leg->outer_exchange ? &leg->outer_exchange->command : &none;

    add_missing(out, "not passed on:", said, &leg->inner_exchange->command);
    add_missing(out, "told instead:", &leg->inner_exchange->command, said);
}

static bool is_whole(const struct imapid_store_conn *conn)
{
    const struct imapid_record_session *session = conn->session;

    if (!session || !session->from_start || session->n_lost || session->n_resyncs ||
        session->not_decrypted || session->n_exchanges != conn->n_exchanges)
        return false;
    for (unsigned i = 0; i < conn->n_exchanges; i++)
        if (!conn->exchanges[i].complete || !is_clear(&conn->exchanges[i]))
            return false;
    return true;
}

static int compare_lists(const void *a, const void *b, void *unused)
{
    (void)unused;
    return strcmp(a, b);
}

/* The lists of a connection's client, each with its first exchange; those of no pairs left out. */
static GTree *collect_lists(const struct imapid_store_conn *conn)
{
    GTree *lists = g_tree_new_full(compare_lists, NULL, g_free, NULL);

    for (unsigned i = 0; i < conn->n_exchanges; i++) {
        char *own = own_pairs(&conn->exchanges[i].command);

        if (own && !g_tree_lookup(lists, own))
            g_tree_insert(lists, own, (void *)&conn->exchanges[i]);
        else
            g_free(own);
    }
    return lists;
}

static gboolean find_first(void *own, void *exchange, void *first)
{
    const struct imapid_record_exchange **found = first;

    (void)own;
    if (!*found || (const struct imapid_record_exchange *)exchange < *found)
        *found = exchange;
    return FALSE;
}

/* The first of `lists` that is not in the others; NULL: all are. */
struct search {
    GTree *others;
    const struct imapid_record_exchange *found;
};

static gboolean find_other(void *own, void *exchange, void *search)
{
    struct search *into = search;

    if (!g_tree_lookup(into->others, own))
        find_first(own, exchange, &into->found);
    return FALSE;
}

/* The lists of one leg, kept as long as they are compared with those of its other legs. */
struct lists {
    const struct imapid_store_conn *conn;
    GTree *tree;
};

static GTree *get_lists(struct lists *lists, const struct imapid_store_conn *conn)
{
    if (lists->conn != conn) {
        if (lists->tree)
            g_tree_destroy(lists->tree);
        *lists = (struct lists){conn, collect_lists(conn)};
    }
    return lists->tree;
}

/* Every list of the server's leg has to be one that the client said, and where the client said
 * any, one has to arrive. */
static void compare(struct imapid_leg *leg, struct lists *inner_lists)
{
    GTree *outer = collect_lists(leg->outer), *inner = get_lists(inner_lists, leg->inner);
    struct search search = {outer, NULL};

    g_tree_foreach(outer, find_first, &leg->outer_exchange);
    leg->is_whole = is_whole(leg->outer) && is_whole(leg->inner);
    if (leg->is_whole)
        g_tree_foreach(inner, find_other, &search);
    if (search.found)
        leg->inner_exchange = search.found;
    leg->differs = search.found || (leg->is_whole && leg->outer_exchange && !g_tree_nnodes(inner));
    g_tree_destroy(outer);
}

/* ---- ties ---- */

static int compare_addresses(const struct imapid_endpoint *a, const struct imapid_endpoint *b)
{
    int order = memcmp(a->address, b->address, sizeof a->address);

    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return order ? order : (a->port > b->port) - (a->port < b->port);
}

/* A client's end of a connection: its own, or the one it speaks for. */
struct end {
    struct imapid_endpoint endpoint;
    const struct imapid_store_conn *conn;
};

static int compare_ends(const void *a, const void *b)
{
    const struct end *one = a, *other = b;
    int order = compare_addresses(&one->endpoint, &other->endpoint);

    return order ? order : (one->conn > other->conn) - (one->conn < other->conn);
}

static bool could_be_outer(const struct claim *claim, const struct imapid_store_conn *outer)
{
    if (outer == claim->conn || !overlap(outer, claim->conn))
        return false;
    if (claim->connected.family &&
        memcmp(claim->connected.address, outer->conn.server.address, 16) != 0)
        return false;
    return !claim->connected.port || claim->connected.port == outer->conn.server.port;
}

/* The one connection that began at the claimed end; NULL where there is none, or more than one. */
static const struct imapid_store_conn *find_outer(const struct claim *claim, const GArray *ends)
{
    const struct imapid_store_conn *found = NULL;
    guint low = 0, high = ends->len;

    if (!claim->origin.family || !claim->origin.port)
        return NULL;
    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (compare_addresses(&g_array_index(ends, struct end, middle).endpoint, &claim->origin) <
            0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < ends->len; low++) {
        const struct end *end = &g_array_index(ends, struct end, low);

        if (compare_addresses(&end->endpoint, &claim->origin))
            break;
        if (!could_be_outer(claim, end->conn))
            continue;
        if (found)
            return NULL;
        found = end->conn;
    }
    return found;
}

static int compare_strings(const struct imapid_record_string *a,
                           const struct imapid_record_string *b)
{
    int order = memcmp(a->octets, b->octets, MIN(a->n, b->n));

    return order ? order : (a->n > b->n) - (a->n < b->n);
}

static int compare_by_id(const void *a, const void *b)
{
    const struct claim *one = a, *other = b;
    int order = compare_strings(one->session_id, other->session_id);

    return order ? order : (one->conn > other->conn) - (one->conn < other->conn);
}

static void add_leg(GArray *legs, const struct imapid_store_conn *outer, const struct claim *claim)
{
    struct imapid_leg leg = {
        .outer = outer, .inner = claim->conn, .inner_exchange = claim->exchange};

    g_array_append_val(legs, leg);
}

/* Proxies behind proxies pass the id on: two connections with one id, begun one after the other.
 * Two to one server are no chain: a proxy that tried again, or clients that made the id up. */
static void tie_by_id(GArray *legs, GArray *claims)
{
    g_array_sort(claims, compare_by_id);
    for (guint i = 0; i + 1 < claims->len; i++) {
        struct claim *a = &g_array_index(claims, struct claim, i);
        struct claim *b = &g_array_index(claims, struct claim, i + 1);
        int64_t first_a, first_b, last;

        if (compare_strings(a->session_id, b->session_id) || a->conn == b->conn ||
            !overlap(a->conn, b->conn) ||
            !compare_addresses(&a->conn->conn.server, &b->conn->conn.server))
            continue;
        if ((i && !compare_strings((a - 1)->session_id, a->session_id)) ||
            (i + 2 < claims->len && !compare_strings((b + 1)->session_id, b->session_id)))
            continue; /* three and more: nobody knows which follows which */
        span(a->conn, &first_a, &last);
        span(b->conn, &first_b, &last);
        if (first_a <= first_b)
            add_leg(legs, a->conn, b);
        else
            add_leg(legs, b->conn, a);
    }
}

static int compare_legs(const void *a, const void *b)
{
    const struct imapid_leg *one = a, *other = b;

    if (one->inner != other->inner)
        return one->inner < other->inner ? -1 : 1;
    if (one->outer != other->outer)
        return one->outer < other->outer ? -1 : 1;
    return (one->inner_exchange > other->inner_exchange) -
           (one->inner_exchange < other->inner_exchange);
}

/* Two legs may be tied in more ways than one. */
static void keep_first_ties(GArray *legs)
{
    struct lists inner = {NULL, NULL};
    guint n = 0;

    g_array_sort(legs, compare_legs);
    for (guint i = 0; i < legs->len; i++) {
        struct imapid_leg leg = g_array_index(legs, struct imapid_leg, i);
        const struct imapid_leg *last = n ? &g_array_index(legs, struct imapid_leg, n - 1) : NULL;

        if (last && last->inner == leg.inner && last->outer == leg.outer)
            continue;
        compare(&leg, &inner);
        g_array_index(legs, struct imapid_leg, n++) = leg;
    }
    if (inner.tree)
        g_tree_destroy(inner.tree);
    g_array_set_size(legs, n);
}

static GArray *list_ends(const struct imapid_store_view *view)
{
    GArray *ends = g_array_new(FALSE, FALSE, sizeof(struct end));

    for (unsigned i = 0; i < view->n_conns; i++) {
        struct end end = {view->conns[i].conn.client, &view->conns[i]};

        g_array_append_val(ends, end);
        end.endpoint = view->conns[i].conn.proxied_client;
        if (end.endpoint.family)
            g_array_append_val(ends, end);
    }
    g_array_sort(ends, compare_ends);
    return ends;
}

static void tie_claim(GArray *legs, GArray *claims, const struct claim *claim, const GArray *ends)
{
    const struct imapid_store_conn *outer = find_outer(claim, ends);

    if (outer)
        add_leg(legs, outer, claim);
    if (claim->session_id)
        g_array_append_vals(claims, claim, 1);
}

GArray *imapid_legs_find(const struct imapid_store_view *view)
{
    GArray *legs = g_array_new(FALSE, FALSE, sizeof(struct imapid_leg));
    GArray *claims = g_array_new(FALSE, FALSE, sizeof(struct claim));
    GArray *ends = list_ends(view);

    for (unsigned i = 0; i < view->n_conns; i++) {
        const struct imapid_store_conn *conn = &view->conns[i];

        for (unsigned k = 0; k < conn->n_exchanges; k++) {
            struct claim claim = read_claim(conn, &conn->exchanges[k]);

            tie_claim(legs, claims, &claim, ends);
        }
        if (conn->n_exchanges && conn->conn.proxied_client.family) {
            struct claim claim = {
                .conn = conn, .exchange = conn->exchanges, .origin = conn->conn.proxied_client};

            tie_claim(legs, claims, &claim, ends);
        }
    }
    tie_by_id(legs, claims);
    keep_first_ties(legs);
    g_array_unref(ends);
    g_array_unref(claims);
    return legs;
}
