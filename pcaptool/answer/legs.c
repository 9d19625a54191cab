/* SPDX-License-Identifier: GPL-2.0-or-later */
/* legs.c: the legs of proxied sessions among the records of a run.
 *
 * Sorts ends and session ids, so that few candidates have to be looked at. What ties two
 * connections, and whether their lists are the same, is decided in protocol/legs.c.
 *
 * Misuse: keeping a leg longer than the view it was found in. */
#include "answer/legs.h"

#include <stdlib.h>
#include <string.h>

#include <imapid/legs.h>

/* What a proxy says about the outer leg, and where. */
struct claim {
    const struct imapid_store_conn *conn;
    const struct imapid_record_exchange *exchange;
    struct imapid_leg_claim says;
};

/* ---- facts ---- */

static struct imapid_end end_of(const struct imapid_endpoint *endpoint)
{
    struct imapid_end end = {.port = endpoint->port, .family = endpoint->family};

    memcpy(end.address, endpoint->address, sizeof end.address);
    return end;
}

static struct imapid_leg_facts facts_of(const struct imapid_store_conn *conn)
{
    struct imapid_leg_facts facts = {
        .owner = conn,
        .client = end_of(&conn->conn.client),
        .server = end_of(&conn->conn.server),
        .proxied_client = end_of(&conn->conn.proxied_client),
        .first_ns = conn->session ? conn->session->first_ns : INT64_MAX,
        .last_ns = conn->session ? conn->session->last_ns : INT64_MIN,
    };

    for (unsigned i = 0; i < conn->n_exchanges; i++) {
        int64_t when = imapid_record_when(&conn->exchanges[i]).ts_ns;

        facts.first_ns = MIN(facts.first_ns, when);
        facts.last_ns = MAX(facts.last_ns, when);
    }
    return facts;
}

static struct imapid_leg_text text_of(const struct imapid_record_string *string)
{
    struct imapid_leg_text text = {string->octets, string->n, string->is_nil};

    return text;
}

static struct imapid_leg_pair pair_of(const struct imapid_record_pair *pair)
{
    struct imapid_leg_pair copy = {text_of(&pair->field), text_of(&pair->value)};

    return copy;
}

static bool is_clear(const struct imapid_record_exchange *exchange)
{
    struct imapid_leg_clarity clarity = {0, false};

    for (unsigned i = 0; i < exchange->n_findings; i++)
        if (exchange->findings[i].side == IMAPID_CLIENT)
            imapid_leg_add_finding(&clarity, exchange->findings[i].code);
    return imapid_leg_is_clear(&clarity);
}

static bool is_whole(const struct imapid_store_conn *conn)
{
    const struct imapid_record_session *session = conn->session;
    struct imapid_leg_reading reading = {.from_start = session && session->from_start};

    if (!session)
        return false;
    reading.has_gap = session->n_lost || session->n_resyncs;
    reading.is_unreadable = session->not_decrypted;
    reading.is_id_missing = session->n_exchanges != conn->n_exchanges;
    for (unsigned i = 0; i < conn->n_exchanges && imapid_leg_is_whole(&reading); i++) {
        reading.is_id_missing = !conn->exchanges[i].complete;
        reading.is_unclear = !is_clear(&conn->exchanges[i]);
    }
    return imapid_leg_is_whole(&reading);
}

/* ---- what has changed, in words ---- */

static bool has_pair(const struct imapid_record_half *half, const struct imapid_leg_pair *pair)
{
    for (unsigned i = 0; i < half->n_pairs; i++) {
        struct imapid_leg_pair other = pair_of(&half->pairs[i]);

        if (!imapid_leg_compare_pairs(pair, &other))
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
        struct imapid_leg_pair said = pair_of(pair);

        if (!imapid_leg_is_own(&said) || has_pair(other, &said))
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

/* ---- lists ---- */

/* Those of one connection's client, in order of time. */
struct lists {
    const struct imapid_store_conn *conn; /* NULL: none were read */
    struct imapid_leg_pair *pairs;        /* of all lists */
    struct imapid_leg_list *lists;        /* owned by their exchanges; one for each of conn */
};

static void forget_lists(struct lists *lists)
{
    g_free(lists->pairs);
    g_free(lists->lists);
    *lists = (struct lists){NULL, NULL, NULL};
}

static void read_lists(struct lists *lists, const struct imapid_store_conn *conn)
{
    size_t n_all = 0, n = 0;

    if (lists->conn == conn)
        return;
    forget_lists(lists);
    for (unsigned i = 0; i < conn->n_exchanges; i++)
        n_all += conn->exchanges[i].command.n_pairs;
    lists->conn = conn;
    lists->pairs = g_new(struct imapid_leg_pair, n_all);
    lists->lists = g_new(struct imapid_leg_list, conn->n_exchanges);
    for (unsigned i = 0; i < conn->n_exchanges; i++) {
        const struct imapid_record_half *half = &conn->exchanges[i].command;
        struct imapid_leg_pair *pairs = lists->pairs + n;
        unsigned n_own;

        for (unsigned k = 0; k < half->n_pairs; k++)
            pairs[k] = pair_of(&half->pairs[k]);
        n_own = imapid_leg_keep_own(pairs, half->n_pairs);
        if (n_own)
            qsort(pairs, n_own, sizeof *pairs, imapid_leg_compare_pairs);
        lists->lists[i] = (struct imapid_leg_list){pairs, n_own, &conn->exchanges[i]};
        n += n_own;
    }
}

static const struct imapid_record_exchange *find_first(const struct lists *lists)
{
    for (unsigned i = 0; i < lists->conn->n_exchanges; i++)
        if (lists->lists[i].n_pairs)
            return lists->lists[i].owner;
    return NULL;
}

static void compare(struct imapid_leg *leg, struct lists *inner)
{
    struct lists outer = {NULL, NULL, NULL};
    enum imapid_leg_change change = IMAPID_LEG_SAME;
    unsigned changed;

    read_lists(&outer, leg->outer);
    leg->outer_exchange = find_first(&outer);
    leg->is_whole = is_whole(leg->outer) && is_whole(leg->inner);
    if (leg->is_whole) {
        unsigned n_outer = leg->outer->n_exchanges;

        read_lists(inner, leg->inner);
        if (n_outer)
            qsort(outer.lists, n_outer, sizeof *outer.lists, imapid_leg_compare_lists);
        change = imapid_leg_compare(outer.lists, n_outer, inner->lists, leg->inner->n_exchanges,
                                    &changed);
    }
    if (change == IMAPID_LEG_OTHER_LIST)
        leg->inner_exchange = inner->lists[changed].owner;
    leg->differs = change != IMAPID_LEG_SAME;
    forget_lists(&outer);
}

/* ---- ties ---- */

/* A client's end of a connection: its own, or the one it speaks for. */
struct place {
    struct imapid_end end;
    const struct imapid_store_conn *conn;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    int order = imapid_end_compare(&one->end, &other->end);

    return order ? order : (one->conn > other->conn) - (one->conn < other->conn);
}

/* The first place that is not before `end`. */
static guint find_place(const GArray *places, const struct imapid_end *end)
{
    guint low = 0, high = places->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (imapid_end_compare(&g_array_index(places, struct place, middle).end, end) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct imapid_store_conn *find_outer(const struct claim *claim, const GArray *places)
{
    struct imapid_leg_facts inner = facts_of(claim->conn);
    struct imapid_leg_choice choice = {NULL, NULL, false};
    const struct imapid_end *origin = &claim->says.origin;

    for (guint i = find_place(places, origin); i < places->len && !choice.is_ambiguous; i++) {
        const struct place *place = &g_array_index(places, struct place, i);
        struct imapid_leg_facts facts;

        if (imapid_end_compare(&place->end, origin))
            break;
        facts = facts_of(place->conn);
        imapid_leg_consider(&choice, &claim->says, &inner, &facts);
    }
    return choice.outer;
}

static int compare_by_id(const void *a, const void *b)
{
    const struct claim *one = a, *other = b;
    int order = imapid_leg_compare_session_ids(&one->says.session_id, &other->says.session_id);

    if (order)
        return order;
    if (one->conn != other->conn)
        return one->conn < other->conn ? -1 : 1;
    return (one->exchange > other->exchange) - (one->exchange < other->exchange);
}

static void add_leg(GArray *legs, const struct imapid_store_conn *outer, const struct claim *claim)
{
    struct imapid_leg leg = {
        .outer = outer, .inner = claim->conn, .inner_exchange = claim->exchange};

    g_array_append_val(legs, leg);
}

/* Ties the two connections of `n` claims with one session id, if they are two. */
static void tie_carriers(GArray *legs, const struct claim *claims, guint n)
{
    struct imapid_leg_chain chain = {.n_legs = 0};
    const void *outer, *inner;

    for (guint i = 0; i < n && chain.n_legs < 3; i++) {
        struct imapid_leg_facts facts;

        if (i && claims[i].conn == claims[i - 1].conn)
            continue;
        facts = facts_of(claims[i].conn);
        imapid_leg_add_carrier(&chain, &facts);
    }
    if (!imapid_leg_tie_chain(&chain, &outer, &inner))
        return;
    while (claims->conn != inner)
        claims++;
    add_leg(legs, outer, claims);
}

static void tie_by_id(GArray *legs, GArray *claims)
{
    const struct claim *list = (const struct claim *)(void *)claims->data;
    guint first = 0;

    g_array_sort(claims, compare_by_id);
    for (guint i = 1; i <= claims->len; i++)
        if (i == claims->len || imapid_leg_compare_session_ids(&list[i].says.session_id,
                                                               &list[first].says.session_id)) {
            tie_carriers(legs, list + first, i - first);
            first = i;
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
    struct lists inner = {NULL, NULL, NULL};
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
    forget_lists(&inner);
    g_array_set_size(legs, n);
}

static GArray *list_places(const struct imapid_store_view *view)
{
    GArray *places = g_array_new(FALSE, FALSE, sizeof(struct place));

    for (unsigned i = 0; i < view->n_conns; i++) {
        const struct imapid_store_conn *conn = &view->conns[i];
        struct place place = {end_of(&conn->conn.client), conn};

        g_array_append_val(places, place);
        place.end = end_of(&conn->conn.proxied_client);
        if (place.end.family)
            g_array_append_val(places, place);
    }
    g_array_sort(places, compare_places);
    return places;
}

/* What is found on the way. */
struct finder {
    GArray *legs, *places;
    GArray *carriers; /* the claims that tell a session id */
    GArray *pairs;    /* of the command in hand */
};

static void tie_claim(struct finder *finder, const struct claim *claim)
{
    const struct imapid_store_conn *outer =
        imapid_leg_names_end(&claim->says) ? find_outer(claim, finder->places) : NULL;

    if (outer)
        add_leg(finder->legs, outer, claim);
    if (!claim->says.session_id.is_nil)
        g_array_append_vals(finder->carriers, claim, 1);
}

static void tie_exchange(struct finder *finder, const struct imapid_store_conn *conn,
                         const struct imapid_record_exchange *exchange)
{
    const struct imapid_record_half *half = &exchange->command;
    struct claim claim = {.conn = conn, .exchange = exchange};

    g_array_set_size(finder->pairs, half->n_pairs);
    for (unsigned i = 0; i < half->n_pairs; i++)
        g_array_index(finder->pairs, struct imapid_leg_pair, i) = pair_of(&half->pairs[i]);
    imapid_leg_read_claim(&claim.says, (struct imapid_leg_pair *)(void *)finder->pairs->data,
                          half->n_pairs);
    tie_claim(finder, &claim);
}

GArray *imapid_legs_find(const struct imapid_store_view *view)
{
    struct finder finder = {
        .legs = g_array_new(FALSE, FALSE, sizeof(struct imapid_leg)),
        .places = list_places(view),
        .carriers = g_array_new(FALSE, FALSE, sizeof(struct claim)),
        .pairs = g_array_new(FALSE, FALSE, sizeof(struct imapid_leg_pair)),
    };

    for (unsigned i = 0; i < view->n_conns; i++) {
        const struct imapid_store_conn *conn = &view->conns[i];

        for (unsigned k = 0; k < conn->n_exchanges; k++)
            tie_exchange(&finder, conn, &conn->exchanges[k]);
        if (conn->n_exchanges && conn->conn.proxied_client.family) {
            struct imapid_end named = end_of(&conn->conn.proxied_client);
            struct claim claim = {conn, conn->exchanges, imapid_leg_claim_of_header(&named)};

            tie_claim(&finder, &claim);
        }
    }
    tie_by_id(finder.legs, finder.carriers);
    keep_first_ties(finder.legs);
    g_array_unref(finder.places);
    g_array_unref(finder.carriers);
    g_array_unref(finder.pairs);
    return finder.legs;
}
