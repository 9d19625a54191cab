/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/net/fragments.c: datagrams cut in pieces of every size, in any order. */

#include "net/fragments.h"

#include <glib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

static const uint8_t source[16] = {1}, destination[16] = {2};
static uint64_t n_lost;

static bool add(struct imapid_fragments *fragments, uint32_t id, const uint8_t *whole,
                uint32_t place, uint32_t n, bool more, int64_t ts_ns, struct imapid_ip *ip)
{
    uint8_t *octets = g_memdup2(whole + place, n);
    *ip = (struct imapid_ip){.source = source,
                             .destination = destination,
                             .family = 4,
                             .protocol = 6,
                             .octets = octets,
                             .n = n,
                             .n_wire = n,
                             .fragment_id = id,
                             .fragment_place = (uint16_t)place,
                             .is_fragment = true,
                             .more_fragments = more};
    bool done = imapid_fragments_add(fragments, ip, ts_ns, NULL, &n_lost);
    g_free(octets);
    return done;
}

static void fill_random(GRand *rand, uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        octets[i] = (uint8_t)g_rand_int(rand);
}

static void test_any_order(void)
{
    GRand *rand = g_rand_new_with_seed(5);
    struct imapid_fragments *fragments = imapid_fragments_new();
    uint8_t whole[3000];
    n_lost = 0;
    for (uint32_t round = 0; round < 2000; round++) {
        uint32_t n = (uint32_t)g_rand_int_range(rand, 9, sizeof whole);
        uint32_t n_piece = 8 * (uint32_t)g_rand_int_range(rand, 1, 100);
        uint32_t n_pieces = (n + n_piece - 1) / n_piece, order[400] = {0};
        struct imapid_ip ip;
        if (n_pieces < 2)
            continue;
        fill_random(rand, whole, n);
        for (uint32_t i = 0; i < n_pieces; i++) {
            uint32_t j = (uint32_t)g_rand_int_range(rand, 0, (gint32)i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        for (uint32_t i = 0; i < n_pieces; i++) {
            uint32_t place = order[i] * n_piece, end = MIN(place + n_piece, n);
            bool done = add(fragments, round, whole, place, end - place, end < n, 0, &ip);
            g_assert_cmpint(done, ==, i + 1 == n_pieces);
            /* twice the same piece is once */
            if (!done && g_rand_boolean(rand))
                g_assert_false(add(fragments, round, whole, place, end - place, end < n, 0, &ip));
        }
        g_assert_cmpmem(ip.octets, ip.n, whole, n);
        g_assert_false(ip.is_fragment);
    }
    g_assert_cmpuint(n_lost, ==, 0);
    g_assert_cmpuint(imapid_fragments_clear(fragments), ==, 0);
    imapid_fragments_free(fragments);
    g_rand_free(rand);
}

static void test_overlap(void)
{
    struct imapid_fragments *fragments = imapid_fragments_new();
    struct imapid_ip ip;
    uint8_t a[40], b[40];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    g_assert_false(add(fragments, 1, a, 8, 8, true, 0, &ip));
    g_assert_false(add(fragments, 1, b, 0, 24, true, 0, &ip));
    g_assert_true(add(fragments, 1, a, 16, 24, false, 0, &ip));
    g_assert_cmpmem(ip.octets, ip.n, "bbbbbbbbaaaaaaaabbbbbbbbaaaaaaaaaaaaaaaa", 40);
    imapid_fragments_free(fragments);
}

static void test_contradictions(void)
{
    struct imapid_fragments *fragments = imapid_fragments_new();
    struct imapid_ip ip;
    uint8_t a[65535] = {0};
    n_lost = 0;
    /* two ends; a piece behind the end, on either side of it; a length that is no multiple of 8 */
    g_assert_false(add(fragments, 1, a, 16, 8, false, 0, &ip));
    g_assert_false(add(fragments, 1, a, 24, 8, false, 0, &ip));
    g_assert_false(add(fragments, 2, a, 16, 8, false, 0, &ip));
    g_assert_false(add(fragments, 2, a, 24, 8, true, 0, &ip));
    g_assert_false(add(fragments, 3, a, 24, 8, true, 0, &ip));
    g_assert_false(add(fragments, 3, a, 16, 8, false, 0, &ip));
    g_assert_false(add(fragments, 4, a, 0, 9, true, 0, &ip));
    g_assert_cmpuint(n_lost, ==, 4);
    /* longer than a datagram can be */
    ip.fragment_place = 65528;
    ip.octets = a;
    ip.n = ip.n_wire = 8;
    g_assert_false(imapid_fragments_add(fragments, &ip, 0, NULL, &n_lost));
    g_assert_cmpuint(n_lost, ==, 5);
    /* not captured whole */
    ip.fragment_place = 0;
    ip.n_wire = 16;
    g_assert_false(imapid_fragments_add(fragments, &ip, 0, NULL, &n_lost));
    g_assert_cmpuint(n_lost, ==, 6);
    g_assert_cmpuint(imapid_fragments_clear(fragments), ==, 0);
    imapid_fragments_free(fragments);
}

static void test_bounds(void)
{
    struct imapid_fragments *fragments = imapid_fragments_new();
    struct imapid_ip ip;
    uint8_t a[16] = {0};
    n_lost = 0;
    for (uint32_t id = 0; id < 1000; id++)
        g_assert_false(add(fragments, id, a, 0, 8, true, 0, &ip));
    g_assert_cmpuint(n_lost, ==, 1000 - 64);
    /* the newest are still there, the oldest are not */
    g_assert_true(add(fragments, 999, a, 8, 8, false, 0, &ip));
    g_assert_false(add(fragments, 5, a, 8, 8, false, 0, &ip));
    /* and after half a minute none */
    n_lost = 0;
    g_assert_false(add(fragments, 998, a, 8, 8, false, 31 * SECOND, &ip));
    g_assert_cmpuint(n_lost, ==, 64);
    imapid_fragments_free(fragments);
}

/* A datagram knows the packets that carried it, whatever came between. */
static void test_packets(void)
{
    struct imapid_fragments *fragments = imapid_fragments_new();
    uint8_t a[48] = {0};
    GArray *packets = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    for (uint64_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 6; i++) {
            /* two datagrams of three pieces, in turn; each piece of the second one came in two packets */
            uint64_t number[2] = {100 * round + i, 100 * round + 50 + i};
            struct imapid_ip ip = {.source = source,
                                   .destination = destination,
                                   .family = 4,
                                   .protocol = 6,
                                   .octets = a,
                                   .n = 8,
                                   .n_wire = 8,
                                   .fragment_id = i % 2,
                                   .fragment_place = (uint16_t)(16 - i / 2 * 8),
                                   .is_fragment = true,
                                   .more_fragments = i > 1};
            g_array_set_size(packets, 0);
            g_array_append_vals(packets, number, 1 + i % 2);
            g_assert_cmpint(imapid_fragments_add(fragments, &ip, 0, packets, &n_lost), ==, i >= 4);
            if (i < 4)
                continue;
            g_assert_cmpuint(packets->len, ==, i == 4 ? 3 : 6);
            for (uint32_t k = 0; k < packets->len; k++)
                g_assert_cmpuint(g_array_index(packets, uint64_t, k), ==,
                                 100 * round + (i == 4 ? 2 * k : 1 + k / 2 * 2 + (k % 2 ? 50 : 0)));
        }
    }
    g_array_unref(packets);
    imapid_fragments_free(fragments);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fragments/any-order", test_any_order);
    g_test_add_func("/fragments/overlap", test_overlap);
    g_test_add_func("/fragments/contradictions", test_contradictions);
    g_test_add_func("/fragments/bounds", test_bounds);
    g_test_add_func("/fragments/packets", test_packets);
    return g_test_run();
}
