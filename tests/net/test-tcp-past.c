/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/net/tcp-past.c: what is still known of many directions when there is room for
 * little of each. */

#include "net/tcp-past.h"

#define N_DIRECTIONS 8
#define N_MAX        8192u

static void fill(uint8_t *octets, uint32_t seq, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        octets[i] = (uint8_t)((seq + i) * 7 >> 3);
}

/* Whether one other octet at this place would be noticed, and the right one is not. */
static void assert_known(const struct imapid_tcp_past *past, uint32_t seq, bool is_known)
{
    uint8_t octets[2];
    fill(octets, seq, 2);
    g_assert_false(imapid_past_differs(&past->kept, UINT32_MAX, seq, octets, 2));
    octets[0] ^= 1;
    g_assert_cmpint(imapid_past_differs(&past->kept, UINT32_MAX, seq, octets, 2), ==, is_known);
}

static void test_many(void)
{
    static const uint32_t sizes[] = {1, 40, 511, 512, 513, 1448, 9000};
    struct imapid_tcp_past pasts[N_DIRECTIONS] = {{.kept = {.n = 0}}};
    struct imapid_tcp_pasts all = {.n_octets = 0};
    uint8_t octets[9000];
    uint32_t seq = 100;
    g_queue_init(&all.list);
    for (unsigned i = 0; i < 200; i++) {
        uint32_t n = sizes[i % G_N_ELEMENTS(sizes)];
        for (unsigned d = 0; d < N_DIRECTIONS; d++) {
            fill(octets, seq, n);
            imapid_tcp_past_add(&all, &pasts[d], seq, octets, n, N_MAX);
            g_assert_cmpuint(all.n_octets, <=, N_MAX);
        }
        seq += n;
        if (seq < 2000)
            continue;
        for (unsigned d = 0; d < N_DIRECTIONS; d++) {
            assert_known(&pasts[d], seq - 2, true);
            assert_known(&pasts[d], seq - 512, true);
            assert_known(&pasts[d], seq - 8193, false);
        }
    }
    for (unsigned d = 0; d < N_DIRECTIONS; d++)
        imapid_tcp_past_clear(&all, &pasts[d]);
    g_assert_cmpuint(all.n_octets, ==, 0);
    g_assert_cmpuint(all.list.length, ==, 0);
}

/* A new direction has room in any case: the oldest has to go. */
static void test_new(void)
{
    struct imapid_tcp_past pasts[20] = {{.kept = {.n = 0}}};
    struct imapid_tcp_pasts all = {.n_octets = 0};
    uint8_t octets[600];
    g_queue_init(&all.list);
    fill(octets, 0, sizeof octets);
    for (unsigned d = 0; d < G_N_ELEMENTS(pasts); d++) {
        imapid_tcp_past_add(&all, &pasts[d], 0, octets, sizeof octets, N_MAX);
        assert_known(&pasts[d], 590, true);
        g_assert_cmpuint(all.n_octets, <=, N_MAX);
    }
    assert_known(&pasts[0], 590, false);
    for (unsigned d = 0; d < G_N_ELEMENTS(pasts); d++)
        imapid_tcp_past_clear(&all, &pasts[d]);
    g_assert_cmpuint(all.n_octets, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcp-past/many", test_many);
    g_test_add_func("/tcp-past/new", test_new);
    return g_test_run();
}
