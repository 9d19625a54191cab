/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is still known of many directions when there is room for little of each. */
#include <glib.h>
#include <imapid/past.h>

#define N_DIRECTIONS 8
#define N_MAX        8192u

static void fill(uint8_t *octets, uint32_t seq, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        octets[i] = (uint8_t)((seq + i) * 7 >> 3);
}

/* Whether one other octet at this place would be noticed, and the right one is not. */
static void assert_known(const struct imapid_past *past, uint32_t seq, bool is_known)
{
    uint8_t octets[2];
    fill(octets, seq, 2);
    g_assert_false(imapid_past_differs(past, UINT32_MAX, seq, octets, 2));
    octets[0] ^= 1;
    g_assert_cmpint(imapid_past_differs(past, UINT32_MAX, seq, octets, 2), ==, is_known);
}

static void test_many(void)
{
    static const uint32_t sizes[] = {1, 40, 511, 512, 513, 1448, 9000};
    struct imapid_past pasts[N_DIRECTIONS] = {{.n = 0}};
    struct imapid_pasts all = {N_MAX, g_malloc, g_free, NULL, NULL, 0};
    uint8_t octets[9000];
    uint32_t seq = 100;
    for (unsigned i = 0; i < 200; i++) {
        uint32_t n = sizes[i % G_N_ELEMENTS(sizes)];
        for (unsigned d = 0; d < N_DIRECTIONS; d++) {
            fill(octets, seq, n);
            imapid_pasts_add(&all, &pasts[d], seq, octets, n);
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
        imapid_pasts_clear(&all, &pasts[d]);
    g_assert_cmpuint(all.n_octets, ==, 0);
    g_assert_null(all.first);
    g_assert_null(all.last);
}

/* A new direction has room in any case: the oldest has to go. */
static void test_new(void)
{
    struct imapid_past pasts[20] = {{.n = 0}};
    struct imapid_pasts all = {N_MAX, g_malloc, g_free, NULL, NULL, 0};
    uint8_t octets[600];
    fill(octets, 0, sizeof octets);
    for (unsigned d = 0; d < G_N_ELEMENTS(pasts); d++) {
        imapid_pasts_add(&all, &pasts[d], 0, octets, sizeof octets);
        assert_known(&pasts[d], 590, true);
        g_assert_cmpuint(all.n_octets, <=, N_MAX);
    }
    assert_known(&pasts[0], 590, false);
    for (unsigned d = 0; d < G_N_ELEMENTS(pasts); d++)
        imapid_pasts_clear(&all, &pasts[d]);
    g_assert_cmpuint(all.n_octets, ==, 0);
}

/* Those that are over make room for what grows, the others do not; one that goes on is over no more. */
static void test_over(void)
{
    struct imapid_past pasts[16] = {{.n = 0}};
    struct imapid_pasts all = {N_MAX, g_malloc, g_free, NULL, NULL, 0};
    uint8_t octets[4096];
    fill(octets, 0, sizeof octets);
    for (unsigned d = 0; d < G_N_ELEMENTS(pasts); d++)
        imapid_pasts_add(&all, &pasts[d], 0, octets, 512);
    for (unsigned d = 4; d < 12; d++)
        imapid_pasts_end(&all, &pasts[d]);
    imapid_pasts_add(&all, &pasts[5], 512, octets + 512, 8);
    assert_known(&pasts[5], 510, true);
    imapid_pasts_add(&all, &pasts[0], 512, octets + 512, 1536);
    assert_known(&pasts[0], 0, true);
    for (unsigned d = 1; d < G_N_ELEMENTS(pasts); d++)
        assert_known(&pasts[d], 500, d < 4 || d == 5 || d >= 12 || pasts[d].is_over);
    g_assert_cmpuint(all.n_octets, <=, N_MAX);
    imapid_pasts_add(&all, &pasts[1], 512, octets + 512, 3584);
    assert_known(&pasts[1], 0, false);
    assert_known(&pasts[1], 4000, true);
    for (unsigned d = 0; d < G_N_ELEMENTS(pasts); d++)
        imapid_pasts_clear(&all, &pasts[d]);
    g_assert_cmpuint(all.n_octets, ==, 0);
    g_assert_null(all.first);
    g_assert_null(all.last);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/past/many", test_many);
    g_test_add_func("/past/new", test_new);
    g_test_add_func("/past/over", test_over);
    return g_test_run();
}
