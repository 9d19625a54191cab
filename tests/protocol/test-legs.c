/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-legs.c: ends as text, claims, ties by end and by session id, and lists compared. */
#include <imapid/legs.h>

#include <glib.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000000)

static struct imapid_leg_text text(const char *string)
{
    struct imapid_leg_text text = {(const uint8_t *)string, string ? strlen(string) : 0, !string};

    return text;
}

static struct imapid_leg_pair pair(const char *field, const char *value)
{
    struct imapid_leg_pair pair = {text(field), text(value)};

    return pair;
}

static struct imapid_end end(const char *address, uint16_t port)
{
    struct imapid_end end = {.port = port};

    g_assert_true(imapid_end_read_address(&end, (const uint8_t *)address, strlen(address)));
    return end;
}

/* ---- ends ---- */

static bool is_address(const char *string, size_t n, unsigned family)
{
    uint8_t *copy = g_memdup2(string, n); /* of the exact size */
    struct imapid_end end = {.family = 9, .port = 7};
    bool is = imapid_end_read_address(&end, copy, n);

    g_free(copy);
    g_assert_cmpuint(end.port, ==, 7);
    g_assert_cmpuint(end.family, ==, is ? family : 9);
    return is;
}

static void test_addresses(void)
{
    static const char *const none[] = {"",           "10.0.0",    "10.0.0.256", "10.0.0.1:143",
                                       "10.0.0.1/8", " 10.0.0.1", "10.0.0.1 ",  "fe80::1%lo",
                                       "[::1]",      "unknown",   "010.0.0.1"};

    g_assert_true(is_address("10.0.0.1", 8, 4));
    g_assert_true(is_address("2001:DB8::1", 11, 6));
    g_assert_true(is_address("0000:0000:0000:0000:0000:ffff:255.255.255.255", 45, 6));
    g_assert_false(is_address("10.0.0.1\0", 9, 4));
    for (size_t i = 0; i < G_N_ELEMENTS(none); i++)
        g_assert_false(is_address(none[i], strlen(none[i]), 4));
    g_assert_cmpint(end("10.0.0.1", 0).address[4], ==, 0);
}

static void test_ports(void)
{
    static const char *const none[] = {"", "0", "65536", "99999", "100000", "+1", " 1", "1 ", "x"};
    struct imapid_end end = {.port = 7};

    for (size_t i = 0; i < G_N_ELEMENTS(none); i++)
        g_assert_false(imapid_end_read_port(&end, (const uint8_t *)none[i], strlen(none[i])));
    g_assert_cmpuint(end.port, ==, 7);
    g_assert_true(imapid_end_read_port(&end, (const uint8_t *)"65535x", 5));
    g_assert_cmpuint(end.port, ==, 65535);
    g_assert_true(imapid_end_read_port(&end, (const uint8_t *)"00143", 5));
    g_assert_cmpuint(end.port, ==, 143);
}

static void test_order_of_ends(void)
{
    struct imapid_end a = end("10.0.0.1", 1), b = end("10.0.0.1", 2), c = end("::", 0);

    g_assert_cmpint(imapid_end_compare(&a, &a), ==, 0);
    g_assert_cmpint(imapid_end_compare(&a, &b), <, 0);
    g_assert_cmpint(imapid_end_compare(&c, &b), >, 0);
}

/* ---- claims ---- */

static void test_claims(void)
{
    struct imapid_leg_pair pairs[] = {
        pair("name", "x"),
        pair("X-Originating-IP", NULL),
        pair("X-Originating-IP", "10.0.0.5"),
        pair("x-originating-ip", "10.0.0.6"), /* the second value */
        pair("x-originating-port", "50000"),
        pair("x-connected-ip", "none"),
        pair("x-connected-port", "143"), /* a port of no address */
        pair(NULL, "10.0.0.7"),
    };
    struct imapid_end origin = end("10.0.0.5", 50000);
    struct imapid_leg_claim claim;

    imapid_leg_read_claim(&claim, pairs, G_N_ELEMENTS(pairs));
    g_assert_cmpint(imapid_end_compare(&claim.origin, &origin), ==, 0);
    g_assert_cmpuint(claim.connected.family, ==, 0);
    g_assert_cmpuint(claim.connected.port, ==, 0);
    g_assert_true(claim.session_id.is_nil);
    g_assert_true(imapid_leg_names_end(&claim));

    pairs[4] = pair("X-SESSION-ID", "s1");
    imapid_leg_read_claim(&claim, pairs, G_N_ELEMENTS(pairs));
    g_assert_false(imapid_leg_names_end(&claim)); /* an address alone is no end */
    g_assert_false(claim.session_id.is_nil);
    g_assert_cmpmem(claim.session_id.octets, claim.session_id.n, "s1", 2);

    pairs[0] = pair("x-forwarded-for", "10.0.0.5"); /* says nothing of an end */
    imapid_leg_read_claim(&claim, pairs, 1);
    g_assert_cmpuint(claim.origin.family, ==, 0);
    imapid_leg_read_claim(&claim, NULL, 0);
    g_assert_true(claim.session_id.is_nil);

    claim = imapid_leg_claim_of_header(&origin);
    g_assert_true(imapid_leg_names_end(&claim));
    g_assert_true(claim.session_id.is_nil);
}

/* ---- ties ---- */

static const int owners[4];

/* 0: the client's leg; 1: the proxy's; 2: another one. */
static struct imapid_leg_facts facts_of(int i)
{
    static const char *const clients[] = {"10.0.0.5", "10.0.1.1", "10.0.0.6"};
    static const char *const servers[] = {"10.0.0.1", "10.0.1.2", "10.0.0.1"};
    struct imapid_leg_facts facts = {
        .owner = &owners[i],
        .client = end(clients[i], 50000),
        .server = end(servers[i], 143),
        .first_ns = 100 * SECOND + i,
        .last_ns = 101 * SECOND + i,
    };

    return facts;
}

static struct imapid_leg_claim claim_of_inner(void)
{
    struct imapid_leg_claim claim = {
        .origin = end("10.0.0.5", 50000),
        .connected = end("10.0.0.1", 143),
        .session_id.is_nil = true,
    };

    return claim;
}

static bool fits(const struct imapid_leg_claim *claim, const struct imapid_leg_facts *candidate)
{
    struct imapid_leg_facts inner = facts_of(1);
    struct imapid_leg_choice choice = {NULL, NULL, false};

    imapid_leg_consider(&choice, claim, &inner, candidate);
    g_assert_true(!choice.outer || choice.outer == candidate->owner);
    return choice.outer;
}

static void test_tie_by_end(void)
{
    struct imapid_leg_facts outer = facts_of(0), inner = facts_of(1), other = facts_of(2);
    struct imapid_leg_claim claim = claim_of_inner();

    g_assert_true(fits(&claim, &outer));
    g_assert_false(fits(&claim, &other));
    claim.connected.port = 993;
    g_assert_false(fits(&claim, &outer));
    claim.connected = end("10.0.0.2", 143);
    g_assert_false(fits(&claim, &outer));
    claim.connected = end("a00:1::", 0); /* the octets of 10.0.0.1 in front, but IPv6 */
    g_assert_false(fits(&claim, &outer));
    memset(&claim.connected, 0, sizeof claim.connected);
    g_assert_true(fits(&claim, &outer));
    claim.origin.port = 0;
    outer.client.port = 0;
    g_assert_false(fits(&claim, &outer));

    claim = claim_of_inner();
    other.proxied_client = end("10.0.0.5", 50000); /* the outer leg came through a proxy itself */
    g_assert_true(fits(&claim, &other));
    inner.client = claim.origin; /* no connection is its own outer leg */
    inner.server = claim.connected;
    g_assert_false(fits(&claim, &inner));
}

static void test_times(void)
{
    struct imapid_leg_claim claim = claim_of_inner();
    struct imapid_leg_facts outer = facts_of(0), inner = facts_of(1);

    outer.last_ns = inner.first_ns - 60 * SECOND;
    g_assert_true(fits(&claim, &outer));
    outer.last_ns--;
    g_assert_false(fits(&claim, &outer));
    outer.last_ns = INT64_MIN + 1;
    g_assert_false(fits(&claim, &outer));
    outer.last_ns = IMAPID_TIME_NONE; /* excludes nothing */
    g_assert_true(fits(&claim, &outer));
    outer.last_ns = INT64_MAX;
    outer.first_ns = inner.last_ns + 60 * SECOND;
    g_assert_true(fits(&claim, &outer));
    outer.first_ns++;
    g_assert_false(fits(&claim, &outer));
}

static void test_more_than_one_fits(void)
{
    struct imapid_leg_claim claim = claim_of_inner();
    struct imapid_leg_facts outer = facts_of(0), inner = facts_of(1), twin = facts_of(0);
    struct imapid_leg_choice choice = {NULL, NULL, false};

    twin.owner = &owners[3];
    imapid_leg_consider(&choice, &claim, &inner, &outer);
    imapid_leg_consider(&choice, &claim, &inner, &outer); /* the same again is no other one */
    g_assert_true(choice.outer == outer.owner && !choice.is_ambiguous);
    imapid_leg_consider(&choice, &claim, &inner, &twin);
    g_assert_true(!choice.outer && choice.is_ambiguous);
    imapid_leg_consider(&choice, &claim, &inner, &outer);
    g_assert_true(!choice.outer && choice.is_ambiguous);
}

static void test_tie_by_session_id(void)
{
    struct imapid_leg_facts first = facts_of(0), second = facts_of(1), third = facts_of(2);
    struct imapid_leg_chain chain = {.n_legs = 0};
    const void *outer, *inner;

    imapid_leg_add_carrier(&chain, &second);
    g_assert_false(imapid_leg_tie_chain(&chain, &outer, &inner));
    imapid_leg_add_carrier(&chain, &second); /* it sent the id twice */
    imapid_leg_add_carrier(&chain, &first);
    imapid_leg_add_carrier(&chain, &second);
    g_assert_true(imapid_leg_tie_chain(&chain, &outer, &inner));
    g_assert_true(outer == first.owner && inner == second.owner);
    chain.legs[0].first_ns = chain.legs[1].first_ns;
    g_assert_true(imapid_leg_tie_chain(&chain, &outer, &inner));
    g_assert_true(outer == second.owner && inner == first.owner);
    chain.legs[0].server = first.server;
    g_assert_false(imapid_leg_tie_chain(&chain, &outer, &inner));
    chain.legs[0].server.port++;
    g_assert_true(imapid_leg_tie_chain(&chain, &outer, &inner));
    chain.legs[0].first_ns = chain.legs[1].last_ns + 60 * SECOND + 1;
    g_assert_false(imapid_leg_tie_chain(&chain, &outer, &inner));
    chain.legs[0].first_ns--;
    g_assert_true(imapid_leg_tie_chain(&chain, &outer, &inner));
    imapid_leg_add_carrier(&chain, &third);
    g_assert_false(imapid_leg_tie_chain(&chain, &outer, &inner));
    imapid_leg_add_carrier(&chain, &third);
    g_assert_cmpuint(chain.n_legs, ==, 3);
}

static void test_session_ids(void)
{
    struct imapid_leg_text a = text("s1"), b = text("S1"), c = text("s10"), none = text("");

    g_assert_cmpint(imapid_leg_compare_session_ids(&a, &a), ==, 0);
    g_assert_cmpint(imapid_leg_compare_session_ids(&a, &b), !=, 0);
    g_assert_cmpint(imapid_leg_compare_session_ids(&a, &c), <, 0);
    g_assert_cmpint(imapid_leg_compare_session_ids(&a, &none), >, 0);
}

/* ---- which lists may be compared ---- */

static void test_clear(void)
{
    struct imapid_leg_clarity clarity = {0, false};

    imapid_leg_add_finding(&clarity, IMAPID_FINDING_NOT_ASCII);
    imapid_leg_add_finding(&clarity, IMAPID_FINDING_TOO_MANY_PAIRS);
    g_assert_true(imapid_leg_is_clear(&clarity));
    clarity.n_findings = IMAPID_FINDINGS_MAX - 1;
    g_assert_true(imapid_leg_is_clear(&clarity));
    imapid_leg_add_finding(&clarity, IMAPID_FINDING_NOT_ASCII);
    g_assert_false(imapid_leg_is_clear(&clarity));
    clarity.n_findings = 0;
    imapid_leg_add_finding(&clarity, IMAPID_FINDING_BAD_STRING);
    g_assert_false(imapid_leg_is_clear(&clarity));
}

static void test_whole(void)
{
    struct imapid_leg_reading reading = {.from_start = true};
    bool *const faults[] = {&reading.has_gap, &reading.is_unreadable, &reading.is_id_missing,
                            &reading.is_unclear};

    g_assert_true(imapid_leg_is_whole(&reading));
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        *faults[i] = true;
        g_assert_false(imapid_leg_is_whole(&reading));
        *faults[i] = false;
    }
    reading.from_start = false;
    g_assert_false(imapid_leg_is_whole(&reading));
}

/* ---- comparing ---- */

static void test_pairs(void)
{
    struct imapid_leg_pair pairs[] = {
        pair("x-session-id", "s"),  pair("name", "a"),         pair("X-Originating-IP", "b"),
        pair(NULL, "x-proxy-ttl"),  pair("x-forwarded-", "c"), pair("x-other", "x-session-id"),
        pair("x-connected-ip", ""),
    };
    struct imapid_leg_pair nil = pair("a", NULL), string = pair("A", "NIL"), empty = pair("a", "");

    g_assert_cmpuint(imapid_leg_keep_own(pairs, G_N_ELEMENTS(pairs)), ==, 3);
    g_assert_cmpmem(pairs[0].field.octets, pairs[0].field.n, "name", 4);
    g_assert_true(pairs[1].field.is_nil);
    g_assert_cmpmem(pairs[2].field.octets, pairs[2].field.n, "x-other", 7);
    g_assert_cmpint(imapid_leg_compare_pairs(&nil, &string), <, 0);
    g_assert_cmpint(imapid_leg_compare_pairs(&string, &nil), >, 0);
    g_assert_cmpint(imapid_leg_compare_pairs(&nil, &empty), <, 0);
    g_assert_cmpint(imapid_leg_compare_pairs(&string, &string), ==, 0);
    string = pair("a", "nil");
    nil = pair("A", "NIL");
    g_assert_cmpint(imapid_leg_compare_pairs(&nil, &string), !=, 0);
    nil = pair("A", "nil");
    g_assert_cmpint(imapid_leg_compare_pairs(&nil, &string), ==, 0);
}

/* A list of up to two pairs, sorted. */
static struct imapid_leg_list list(struct imapid_leg_pair pairs[2], const char *a, const char *b)
{
    struct imapid_leg_list list = {pairs, (a != NULL) + (b != NULL), NULL};

    pairs[0] = pair("a", a);
    pairs[1] = pair("B", b);
    qsort(pairs, list.n_pairs, sizeof *pairs, imapid_leg_compare_pairs);
    return list;
}

static void test_lists(void)
{
    struct imapid_leg_pair pairs[5][2], turned[2] = {pair("b", "2"), pair("A", "1")};
    struct imapid_leg_list both = list(pairs[0], "1", "2"), one = list(pairs[1], "1", NULL);
    struct imapid_leg_list other = list(pairs[2], "3", NULL), none = list(pairs[3], NULL, NULL);
    struct imapid_leg_list same = {turned, 2, NULL}, sent[3], told[3];
    unsigned changed = 9;

    qsort(turned, 2, sizeof *turned, imapid_leg_compare_pairs);
    g_assert_cmpint(imapid_leg_compare_lists(&both, &same), ==, 0);
    g_assert_cmpint(imapid_leg_compare_lists(&one, &both), <, 0);
    sent[0] = other, sent[1] = none, sent[2] = both;
    qsort(sent, 3, sizeof *sent, imapid_leg_compare_lists);
    told[0] = none, told[1] = same, told[2] = one;
    g_assert_cmpint(imapid_leg_compare(sent, 3, told, 2, &changed), ==, IMAPID_LEG_SAME);
    g_assert_cmpint(imapid_leg_compare(sent, 3, told, 1, &changed), ==, IMAPID_LEG_NOTHING_ARRIVED);
    g_assert_cmpint(imapid_leg_compare(sent, 3, told, 0, &changed), ==, IMAPID_LEG_NOTHING_ARRIVED);
    g_assert_cmpuint(changed, ==, 9);
    g_assert_cmpint(imapid_leg_compare(sent, 3, told, 3, &changed), ==, IMAPID_LEG_OTHER_LIST);
    g_assert_cmpuint(changed, ==, 2);
    g_assert_cmpint(imapid_leg_compare(&none, 1, told, 3, &changed), ==, IMAPID_LEG_OTHER_LIST);
    g_assert_cmpuint(changed, ==, 1);
    g_assert_cmpint(imapid_leg_compare(&none, 1, &none, 1, &changed), ==, IMAPID_LEG_SAME);
    g_assert_cmpint(imapid_leg_compare(NULL, 0, NULL, 0, &changed), ==, IMAPID_LEG_SAME);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/legs/addresses", test_addresses);
    g_test_add_func("/legs/ports", test_ports);
    g_test_add_func("/legs/order-of-ends", test_order_of_ends);
    g_test_add_func("/legs/claims", test_claims);
    g_test_add_func("/legs/tie-by-end", test_tie_by_end);
    g_test_add_func("/legs/times", test_times);
    g_test_add_func("/legs/more-than-one-fits", test_more_than_one_fits);
    g_test_add_func("/legs/tie-by-session-id", test_tie_by_session_id);
    g_test_add_func("/legs/session-ids", test_session_ids);
    g_test_add_func("/legs/clear", test_clear);
    g_test_add_func("/legs/whole", test_whole);
    g_test_add_func("/legs/pairs", test_pairs);
    g_test_add_func("/legs/lists", test_lists);
    return g_test_run();
}
