/* SPDX-License-Identifier: GPL-2.0-or-later */
/* legs.c: ties the two legs of a proxied session, and compares their lists.
 *
 * Refuses to guess: no tie without the proxy's own word, none where two connections fit, and no
 * comparison of a connection that was not read whole.
 *
 * Misuse: comparing lists of connections that were not tied, or not asked of
 * imapid_leg_is_whole(). Two facts of one connection with two owners: they pass for two
 * connections. */
#include <imapid/legs.h>

#include <imapid/fields.h>

/* Clocks of two capture points may differ by this much. Within it a port is rarely used again for
 * the same proxy: TIME-WAIT alone is a minute. */
#define CLOCK_NS (INT64_C(60) * 1000000000)

/* ---- claims ---- */

static const struct imapid_leg_text *find_value(const struct imapid_leg_pair *pairs,
                                                unsigned n_pairs, const char *name)
{
    for (unsigned i = 0; i < n_pairs; i++)
        if (!pairs[i].field.is_nil && !pairs[i].value.is_nil &&
            imapid_octets_is(pairs[i].field.octets, pairs[i].field.n, name))
            return &pairs[i].value;
    return NULL;
}

/* A port without its address names nothing. */
static void read_end(struct imapid_end *end, const struct imapid_leg_text *address,
                     const struct imapid_leg_text *port)
{
    if (address && imapid_end_read_address(end, address->octets, address->n) && port)
        imapid_end_read_port(end, port->octets, port->n);
}

void imapid_leg_read_claim(struct imapid_leg_claim *claim, const struct imapid_leg_pair *pairs,
                           unsigned n_pairs)
{
    const struct imapid_leg_text *id = find_value(pairs, n_pairs, "x-session-id");

    memset(claim, 0, sizeof *claim);
    read_end(&claim->origin, find_value(pairs, n_pairs, "x-originating-ip"),
             find_value(pairs, n_pairs, "x-originating-port"));
    read_end(&claim->connected, find_value(pairs, n_pairs, "x-connected-ip"),
             find_value(pairs, n_pairs, "x-connected-port"));
    if (id)
        claim->session_id = *id;
    else
        claim->session_id.is_nil = true;
}

struct imapid_leg_claim imapid_leg_claim_of_header(const struct imapid_end *proxied_client)
{
    struct imapid_leg_claim claim = {.origin = *proxied_client, .session_id.is_nil = true};

    return claim;
}

bool imapid_leg_names_end(const struct imapid_leg_claim *claim)
{
    return claim->origin.family && claim->origin.port;
}

/* ---- ties ---- */

static bool is_long_after(int64_t later_ns, int64_t earlier_ns)
{
    return imapid_ns_between(earlier_ns, later_ns) > CLOCK_NS;
}

static bool overlap(const struct imapid_leg_facts *a, const struct imapid_leg_facts *b)
{
    return !is_long_after(a->first_ns, b->last_ns) && !is_long_after(b->first_ns, a->last_ns);
}

static bool began_at(const struct imapid_leg_facts *facts, const struct imapid_end *end)
{
    return !imapid_end_compare(&facts->client, end) ||
           (facts->proxied_client.family && !imapid_end_compare(&facts->proxied_client, end));
}

static bool went_to(const struct imapid_leg_facts *facts, const struct imapid_end *end)
{
    if (end->family && (end->family != facts->server.family ||
                        memcmp(end->address, facts->server.address, sizeof end->address) != 0))
        return false;
    return !end->port || end->port == facts->server.port;
}

void imapid_leg_consider(struct imapid_leg_choice *choice, const struct imapid_leg_claim *claim,
                         const struct imapid_leg_facts *inner,
                         const struct imapid_leg_facts *candidate)
{
    if (candidate->owner == inner->owner || candidate->owner == choice->first ||
        !imapid_leg_names_end(claim) || !began_at(candidate, &claim->origin) ||
        !went_to(candidate, &claim->connected) || !overlap(candidate, inner))
        return;
    choice->is_ambiguous = choice->first;
    choice->outer = choice->is_ambiguous ? NULL : candidate->owner;
    if (!choice->first)
        choice->first = candidate->owner;
}

static int compare_octets(const struct imapid_leg_text *a, const struct imapid_leg_text *b)
{
    size_t n = a->n < b->n ? a->n : b->n;
    int order = n ? memcmp(a->octets, b->octets, n) : 0;

    return order ? order : (a->n > b->n) - (a->n < b->n);
}

int imapid_leg_compare_session_ids(const struct imapid_leg_text *a, const struct imapid_leg_text *b)
{
    return compare_octets(a, b);
}

void imapid_leg_add_carrier(struct imapid_leg_chain *chain, const struct imapid_leg_facts *facts)
{
    for (unsigned i = 0; i < chain->n_legs && i < 2; i++)
        if (chain->legs[i].owner == facts->owner)
            return;
    if (chain->n_legs < 2)
        chain->legs[chain->n_legs] = *facts;
    if (chain->n_legs < 3)
        chain->n_legs++;
}

bool imapid_leg_tie_chain(const struct imapid_leg_chain *chain, const void **outer,
                          const void **inner)
{
    const struct imapid_leg_facts *a = &chain->legs[0], *b = &chain->legs[1];
    bool is_swapped;

    if (chain->n_legs != 2 || !overlap(a, b) || !imapid_end_compare(&a->server, &b->server))
        return false;
    is_swapped = b->first_ns < a->first_ns;
    *outer = is_swapped ? b->owner : a->owner;
    *inner = is_swapped ? a->owner : b->owner;
    return true;
}

/* ---- which lists may be compared ---- */

void imapid_leg_add_finding(struct imapid_leg_clarity *clarity, enum imapid_finding_code code)
{
    clarity->n_findings++;
    clarity->is_unclear |=
        imapid_finding_is_form(code) && imapid_finding_severity(code) == IMAPID_SEVERITY_ERROR;
}

bool imapid_leg_is_clear(const struct imapid_leg_clarity *clarity)
{
    return !clarity->is_unclear && clarity->n_findings < IMAPID_FINDINGS_MAX;
}

bool imapid_leg_is_whole(const struct imapid_leg_reading *reading)
{
    return reading->from_start && !reading->has_gap && !reading->is_unreadable &&
           !reading->is_id_missing && !reading->is_unclear;
}

/* ---- comparing ---- */

bool imapid_leg_is_own(const struct imapid_leg_pair *pair)
{
    return pair->field.is_nil || !imapid_field_is_proxys(pair->field.octets, pair->field.n);
}

unsigned imapid_leg_keep_own(struct imapid_leg_pair *pairs, unsigned n_pairs)
{
    unsigned n = 0;

    for (unsigned i = 0; i < n_pairs; i++)
        if (imapid_leg_is_own(&pairs[i]))
            pairs[n++] = pairs[i];
    return n;
}

static int compare_names(const struct imapid_leg_text *a, const struct imapid_leg_text *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        int order = imapid_upper(a->octets[i]) - imapid_upper(b->octets[i]);

        if (order)
            return order;
    }
    return (a->n > b->n) - (a->n < b->n);
}

/* NIL is another thing than the string "NIL", and stands before every string. */
static int compare_texts(const struct imapid_leg_text *a, const struct imapid_leg_text *b,
                         int (*compare)(const struct imapid_leg_text *a,
                                        const struct imapid_leg_text *b))
{
    if (a->is_nil || b->is_nil)
        return b->is_nil - a->is_nil;
    return compare(a, b);
}

int imapid_leg_compare_pairs(const void *a, const void *b)
{
    const struct imapid_leg_pair *one = a, *other = b;
    int order = compare_texts(&one->field, &other->field, compare_names);

    return order ? order : compare_texts(&one->value, &other->value, compare_octets);
}

int imapid_leg_compare_lists(const void *a, const void *b)
{
    const struct imapid_leg_list *one = a, *other = b;

    for (unsigned i = 0; i < one->n_pairs && i < other->n_pairs; i++) {
        int order = imapid_leg_compare_pairs(&one->pairs[i], &other->pairs[i]);

        if (order)
            return order;
    }
    return (one->n_pairs > other->n_pairs) - (one->n_pairs < other->n_pairs);
}

static bool has_list(const struct imapid_leg_list *lists, unsigned n_lists,
                     const struct imapid_leg_list *list)
{
    unsigned low = 0, high = n_lists;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int order = imapid_leg_compare_lists(&lists[middle], list);

        if (!order)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

enum imapid_leg_change imapid_leg_compare(const struct imapid_leg_list *outer, unsigned n_outer,
                                          const struct imapid_leg_list *inner, unsigned n_inner,
                                          unsigned *changed)
{
    bool has_arrived = false;

    for (unsigned i = 0; i < n_inner; i++) {
        if (inner[i].n_pairs && !has_list(outer, n_outer, &inner[i])) {
            *changed = i;
            return IMAPID_LEG_OTHER_LIST;
        }
        has_arrived |= inner[i].n_pairs > 0;
    }
    /* Lists of no pairs stand first. */
    return n_outer && outer[n_outer - 1].n_pairs && !has_arrived ? IMAPID_LEG_NOTHING_ARRIVED
                                                                 : IMAPID_LEG_SAME;
}
