/* SPDX-License-Identifier: GPL-2.0-or-later */
/* legs.c: finds the legs of proxied sessions among the records of a run. Ends and session ids
 * are sorted, so that few candidates have to be looked at. What ties two connections, and
 * whether their lists are the same, is decided in protocol/legs.c.
 *
 * Refuses to guess, as protocol/legs.c does.
 *
 * Misuse: using a leg after the view it was found in. */
#include "answer/legs.h"

#include <stdlib.h>
#include <string.h>

#include <imapid/legs.h>

/* What a proxy says about the outer leg, and where. */
struct claim {
    unsigned conn, exchange;
    struct imapid_leg_claim says;
};

/* ---- facts ---- */

static struct imapid_end end_of(const struct imapid_endpoint *endpoint)
{
    struct imapid_end end = {.port = endpoint->port, .family = endpoint->family};

    memcpy(end.address, endpoint->address, sizeof end.address);
    return end;
}

/* The library knows connections and exchanges as pointers that are not followed. */
static const void *owner_of(unsigned place)
{
    return GUINT_TO_POINTER(place + 1);
}

static unsigned place_of(const void *owner)
{
    return GPOINTER_TO_UINT(owner) - 1; /* IMAPID_STORE_NONE for NULL */
}

static struct imapid_leg_facts facts_of(const struct imapid_store_view *view, unsigned index)
{
    struct imapid_store_conn conn;
    struct imapid_leg_facts facts = {.owner = owner_of(index)};

    imapid_store_read_conn(view, index, &conn);
    facts.client = end_of(&conn.conn.client);
    facts.server = end_of(&conn.conn.server);
    facts.proxied_client = end_of(&conn.conn.proxied_client);
    facts.first_ns = conn.has_session ? conn.session.first_ns : IMAPID_TIME_NONE;
    facts.last_ns = conn.has_session ? conn.session.last_ns : IMAPID_TIME_NONE;
    for (unsigned i = 0; i < conn.n_exchanges; i++) {
        int64_t when = imapid_store_get_when(view, conn.first + i);

        facts.first_ns = imapid_time_first(facts.first_ns, when);
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

static bool is_whole(const struct imapid_store_view *view, unsigned index)
{
    struct imapid_store_reading buffer = {.arena = {NULL, 0}};
    struct imapid_store_conn conn;
    struct imapid_leg_reading reading = {.from_start = false};

    imapid_store_read_conn(view, index, &conn);
    if (!conn.has_session)
        return false;
    reading.from_start = conn.session.from_start;
    reading.has_gap = conn.session.n_lost || conn.session.n_resyncs;
    reading.is_unreadable = conn.session.not_decrypted;
    reading.is_id_missing = conn.session.n_exchanges != conn.n_exchanges;
    for (unsigned i = 0; i < conn.n_exchanges && imapid_leg_is_whole(&reading); i++) {
        const struct imapid_record_exchange *exchange =
            imapid_store_read_exchange(view, conn.first + i, &buffer);

        reading.is_id_missing = !exchange->complete;
        reading.is_unclear = !is_clear(exchange);
    }
    imapid_store_reading_deinit(&buffer);
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

void imapid_legs_spell_change(GString *out, const struct imapid_store_view *view,
                              const struct imapid_leg *leg)
{
    static const struct imapid_record_half none;
    struct imapid_store_reading outer = {.arena = {NULL, 0}}, inner = {.arena = {NULL, 0}};
    const struct imapid_record_half *said = &none, *told;

    if (leg->outer_exchange != IMAPID_STORE_NONE)
        said = &imapid_store_read_exchange(view, leg->outer_exchange, &outer)->command;
    told = &imapid_store_read_exchange(view, leg->inner_exchange, &inner)->command;
    add_missing(out, "not passed on:", said, told);
    add_missing(out, "told instead:", told, said);
    imapid_store_reading_deinit(&outer);
    imapid_store_reading_deinit(&inner);
}

/* ---- lists ---- */

/* Those of one connection's client, in order of time. */
struct lists {
    unsigned conn, n;              /* NONE: none were read */
    struct imapid_leg_pair *pairs; /* of all lists */
    struct imapid_leg_list *lists; /* owned by their exchanges; one for each of conn */
};

static const struct lists no_lists = {.conn = IMAPID_STORE_NONE};

static void forget_lists(struct lists *lists)
{
    g_free(lists->pairs);
    g_free(lists->lists);
    *lists = no_lists;
}

/* Adds the client's own pairs, sorted, to `pairs`. */
static void add_list(GArray *pairs, const struct imapid_record_half *half)
{
    guint n = pairs->len;
    struct imapid_leg_pair *added;
    unsigned n_own;

    g_array_set_size(pairs, n + half->n_pairs);
    added = &g_array_index(pairs, struct imapid_leg_pair, n);
    for (unsigned i = 0; i < half->n_pairs; i++)
        added[i] = pair_of(&half->pairs[i]);
    n_own = imapid_leg_keep_own(added, half->n_pairs);
    if (n_own)
        qsort(added, n_own, sizeof *added, imapid_leg_compare_pairs);
    g_array_set_size(pairs, n + n_own);
}

static void read_lists(struct lists *lists, const struct imapid_store_view *view, unsigned conn)
{
    struct imapid_store_reading reading = {.arena = {NULL, 0}};
    struct imapid_store_span span = imapid_store_get_span(view, conn);
    GArray *pairs;
    guint n = 0;

    if (lists->conn == conn)
        return;
    forget_lists(lists);
    pairs = g_array_new(FALSE, FALSE, sizeof(struct imapid_leg_pair));
    lists->conn = conn;
    lists->n = span.n;
    lists->lists = g_new(struct imapid_leg_list, span.n);
    for (unsigned i = 0; i < span.n; i++) {
        guint n_before = pairs->len;

        add_list(pairs, &imapid_store_read_exchange(view, span.first + i, &reading)->command);
        lists->lists[i].n_pairs = pairs->len - n_before;
        lists->lists[i].owner = owner_of(span.first + i);
    }
    imapid_store_reading_deinit(&reading);
    lists->pairs = (struct imapid_leg_pair *)(void *)g_array_free(pairs, FALSE);
    for (unsigned i = 0; i < span.n; n += lists->lists[i++].n_pairs)
        lists->lists[i].pairs = lists->pairs + n;
}

static unsigned find_first(const struct lists *lists)
{
    for (unsigned i = 0; i < lists->n; i++)
        if (lists->lists[i].n_pairs)
            return place_of(lists->lists[i].owner);
    return IMAPID_STORE_NONE;
}

static void compare(const struct imapid_store_view *view, struct imapid_leg *leg,
                    struct lists *inner)
{
    struct lists outer = no_lists;
    enum imapid_leg_change change = IMAPID_LEG_SAME;
    unsigned changed;

    read_lists(&outer, view, leg->outer);
    leg->outer_exchange = find_first(&outer);
    leg->is_whole = is_whole(view, leg->outer) && is_whole(view, leg->inner);
    if (leg->is_whole) {
        read_lists(inner, view, leg->inner);
        if (outer.n)
            qsort(outer.lists, outer.n, sizeof *outer.lists, imapid_leg_compare_lists);
        change = imapid_leg_compare(outer.lists, outer.n, inner->lists, inner->n, &changed);
    }
    if (change == IMAPID_LEG_OTHER_LIST)
        /* NOLINTNEXTLINE(clang-analyzer-core.*) ; `changed` is set then, and the owner of each list is */
        leg->inner_exchange = place_of(inner->lists[changed].owner);
    leg->differs = change != IMAPID_LEG_SAME;
    forget_lists(&outer);
}

/* ---- ties ---- */

/* A client's end of a connection: its own, or the one it speaks for. */
struct place {
    struct imapid_end end;
    unsigned conn;
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

static GArray *list_places(const struct imapid_store_view *view)
{
    GArray *places = g_array_new(FALSE, FALSE, sizeof(struct place));
    struct imapid_store_conn conn;

    for (unsigned i = 0; i < view->n_conns; i++) {
        struct place place = {.conn = i};

        imapid_store_read_conn(view, i, &conn);
        place.end = end_of(&conn.conn.client);
        g_array_append_val(places, place);
        place.end = end_of(&conn.conn.proxied_client);
        if (place.end.family)
            g_array_append_val(places, place);
    }
    g_array_sort(places, compare_places);
    return places;
}

/* What is found on the way. */
struct finder {
    const struct imapid_store_view *view;
    GArray *legs;
    GArray *places;   /* NULL: nobody asked for one yet */
    GArray *carriers; /* the claims that tell a session id */
    GArray *pairs;    /* of the command in hand */
    uint8_t *silent;  /* by what exchanges say: the command claims nothing */
    struct imapid_store_reading reading;
};

static unsigned find_outer(struct finder *finder, const struct claim *claim)
{
    const GArray *places =
        finder->places ? finder->places : (finder->places = list_places(finder->view));
    struct imapid_leg_facts inner = facts_of(finder->view, claim->conn);
    struct imapid_leg_choice choice = {NULL, NULL, false};
    const struct imapid_end *origin = &claim->says.origin;

    for (guint i = find_place(places, origin); i < places->len && !choice.is_ambiguous; i++) {
        const struct place *place = &g_array_index(places, struct place, i);
        struct imapid_leg_facts facts;

        if (imapid_end_compare(&place->end, origin))
            break;
        facts = facts_of(finder->view, place->conn);
        imapid_leg_consider(&choice, &claim->says, &inner, &facts);
    }
    return place_of(choice.outer);
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

static void add_leg(GArray *legs, unsigned outer, const struct claim *claim)
{
    struct imapid_leg leg = {
        .outer = outer, .inner = claim->conn, .inner_exchange = claim->exchange};

    g_array_append_val(legs, leg);
}

/* Ties the two connections of `n` claims with one session id, if they are two. */
static void tie_carriers(struct finder *finder, const struct claim *claims, guint n)
{
    struct imapid_leg_chain chain = {.n_legs = 0};
    const void *outer, *inner;

    for (guint i = 0; i < n && chain.n_legs < 3; i++) {
        struct imapid_leg_facts facts;

        if (i && claims[i].conn == claims[i - 1].conn)
            continue;
        facts = facts_of(finder->view, claims[i].conn);
        imapid_leg_add_carrier(&chain, &facts);
    }
    if (!imapid_leg_tie_chain(&chain, &outer, &inner))
        return;
    while (claims->conn != place_of(inner))
        claims++;
    add_leg(finder->legs, place_of(outer), claims);
}

static void tie_by_id(struct finder *finder)
{
    GArray *claims = finder->carriers;
    const struct claim *list = (const struct claim *)(void *)claims->data;
    guint first = 0;

    g_array_sort(claims, compare_by_id);
    for (guint i = 1; i <= claims->len; i++)
        if (i == claims->len || imapid_leg_compare_session_ids(&list[i].says.session_id,
                                                               &list[first].says.session_id)) {
            tie_carriers(finder, list + first, i - first);
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
static void keep_first_ties(const struct imapid_store_view *view, GArray *legs)
{
    struct lists inner = no_lists;
    guint n = 0;

    g_array_sort(legs, compare_legs);
    for (guint i = 0; i < legs->len; i++) {
        struct imapid_leg leg = g_array_index(legs, struct imapid_leg, i);
        const struct imapid_leg *last = n ? &g_array_index(legs, struct imapid_leg, n - 1) : NULL;

        if (last && last->inner == leg.inner && last->outer == leg.outer)
            continue;
        compare(view, &leg, &inner);
        g_array_index(legs, struct imapid_leg, n++) = leg;
    }
    forget_lists(&inner);
    g_array_set_size(legs, n);
}

static void tie_claim(struct finder *finder, const struct claim *claim)
{
    unsigned outer =
        imapid_leg_names_end(&claim->says) ? find_outer(finder, claim) : IMAPID_STORE_NONE;

    if (outer != IMAPID_STORE_NONE)
        add_leg(finder->legs, outer, claim);
    if (!claim->says.session_id.is_nil)
        g_array_append_vals(finder->carriers, claim, 1);
}

static void tie_exchange(struct finder *finder, unsigned conn, unsigned index)
{
    uint8_t *is_silent = &finder->silent[imapid_store_get_said(finder->view, index)];
    struct claim claim = {.conn = conn, .exchange = index};
    const struct imapid_record_half *half;

    if (*is_silent)
        return;
    half = &imapid_store_read_exchange(finder->view, index, &finder->reading)->command;
    g_array_set_size(finder->pairs, half->n_pairs);
    for (unsigned i = 0; i < half->n_pairs; i++)
        g_array_index(finder->pairs, struct imapid_leg_pair, i) = pair_of(&half->pairs[i]);
    imapid_leg_read_claim(&claim.says, (struct imapid_leg_pair *)(void *)finder->pairs->data,
                          half->n_pairs);
    *is_silent = !imapid_leg_names_end(&claim.says) && claim.says.session_id.is_nil;
    tie_claim(finder, &claim);
}

/* What the header of the PROXY protocol says, if there was one. */
static void tie_header(struct finder *finder, unsigned index)
{
    struct imapid_store_conn conn;
    struct imapid_end named;
    struct claim claim = {.conn = index};

    imapid_store_read_conn(finder->view, index, &conn);
    named = end_of(&conn.conn.proxied_client);
    claim.exchange = conn.first;
    claim.says = imapid_leg_claim_of_header(&named);
    if (conn.n_exchanges && named.family)
        tie_claim(finder, &claim);
}

GArray *imapid_legs_find(const struct imapid_store_view *view)
{
    struct finder finder = {
        .view = view,
        .legs = g_array_new(FALSE, FALSE, sizeof(struct imapid_leg)),
        .carriers = g_array_new(FALSE, FALSE, sizeof(struct claim)),
        .pairs = g_array_new(FALSE, FALSE, sizeof(struct imapid_leg_pair)),
        .silent = g_malloc0(view->n_said + (gsize)1),
    };

    for (unsigned i = 0; i < view->n_conns; i++) {
        struct imapid_store_span span = imapid_store_get_span(view, i);

        for (unsigned k = 0; k < span.n; k++)
            tie_exchange(&finder, i, span.first + k);
        if (imapid_store_is_proxied(view, i))
            tie_header(&finder, i);
    }
    tie_by_id(&finder);
    keep_first_ties(view, finder.legs);
    if (finder.places)
        g_array_unref(finder.places);
    g_array_unref(finder.carriers);
    g_array_unref(finder.pairs);
    g_free(finder.silent);
    imapid_store_reading_deinit(&finder.reading);
    return finder.legs;
}
