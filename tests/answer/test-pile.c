/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Piles: whatever order records come in, and in however many piles, they become one run in order, each once. */
#include "answer/pile.h"
#include "sample.h"

/* More than a pile puts in order at a time. */
#define N 20000

static void add(struct imapid_pile *pile, struct imapid_keep *keep, uint32_t i)
{
    struct sample *sample = sample_new();
    struct imapid_kept_exchange kept;

    sample->exchange.command.packet.ts_ns += i;
    kept = imapid_keep_exchange(keep, &sample->exchange);
    imapid_pile_add(pile, &kept);
    sample_free(sample);
}

/* Exactly `n` records, in the order of time. */
static void expect(struct imapid_run *run, uint32_t n)
{
    struct imapid_run_reader reader = {.run = run};
    const struct imapid_kept_exchange *kept;

    g_assert_cmpuint(imapid_run_count(run), ==, n);
    for (uint32_t i = 0; (kept = imapid_run_next(&reader)); i++)
        g_assert_cmpint(kept->when_ns, ==, SAMPLE_TIME_NS + i);
    imapid_run_free(run);
}

/* Records in order, from the last one on, or mixed. */
static void check_one(uint32_t n, int way)
{
    struct imapid_keep keep;
    struct imapid_pile *pile;
    const struct imapid_keep_map *no_map = NULL;
    const struct imapid_piles piles = {IMAPID_RUN_EXCHANGES, &keep, &pile, &no_map, 1};
    unsigned n_again = 1;

    imapid_keep_init(&keep);
    pile = imapid_pile_new(IMAPID_RUN_EXCHANGES, &keep);
    for (uint32_t i = 0; i < n; i++)
        add(pile, &keep, way == 0 ? i : way == 1 ? n - 1 - i : i * 7919 % n);
    imapid_pile_end(pile);
    expect(imapid_pile_merge(&piles, NULL, 0, NULL, &n_again), n);
    g_assert_cmpuint(n_again, ==, 0);
    imapid_keep_deinit(&keep);
}

static void test_one(void)
{
    for (int way = 0; way < 3; way++)
        check_one(N, way);
}

/* Two piles with keeps of their own have every second record each, and some both. */
static void test_two(void)
{
    struct imapid_keep keeps[2];
    struct imapid_pile *piles[2];
    struct imapid_keep_map map;
    const struct imapid_keep_map *maps[2] = {NULL, &map};
    const struct imapid_piles all = {IMAPID_RUN_EXCHANGES, &keeps[0], piles, maps, 2};
    unsigned n_again = 0;

    for (uint32_t k = 0; k < 2; k++) {
        imapid_keep_init(&keeps[k]);
        piles[k] = imapid_pile_new(IMAPID_RUN_EXCHANGES, &keeps[k]);
        for (uint32_t i = 0; i < 1000; i++)
            if (i % 2 == k || i % 10 == 0)
                add(piles[k], &keeps[k], 999 - i);
        add(piles[k], &keeps[k], k);
        imapid_pile_end(piles[k]);
    }
    map = imapid_keep_absorb(&keeps[0], &keeps[1]);
    expect(imapid_pile_merge(&all, NULL, 0, NULL, &n_again), 1000);
    g_assert_cmpuint(n_again, ==, 102);
    imapid_keep_map_deinit(&map);
    imapid_keep_deinit(&keeps[1]);
    imapid_keep_deinit(&keeps[0]);
}

/* Each record of a connection of its own: whatever the cuts, the parts are in order, and as large as they
 * may be. */
static void test_cuts(void)
{
    enum { CUTS = 3 };
    struct imapid_keep keep;
    struct imapid_pile *pile;
    const struct imapid_keep_map *no_map = NULL;
    const struct imapid_piles piles = {IMAPID_RUN_EXCHANGES, &keep, &pile, &no_map, 1};
    struct imapid_kept_conn cuts[CUTS];
    uint32_t starts[CUTS];
    unsigned n_again;

    for (int way = 0; way < 3; way++) {
        struct imapid_run *run;

        imapid_keep_init(&keep);
        pile = imapid_pile_new(IMAPID_RUN_EXCHANGES, &keep);
        g_assert_false(imapid_pile_cut(&piles, cuts, CUTS));
        for (uint32_t i = 0; i < N; i++) {
            uint32_t n = way == 0 ? i : way == 1 ? N - 1 - i : i * 7919 % N;
            struct sample *sample = sample_new();
            struct imapid_kept_exchange kept;

            sample->exchange.conn.first_frame = n + 1;
            sample->exchange.command.packet.ts_ns += n;
            kept = imapid_keep_exchange(&keep, &sample->exchange);
            imapid_pile_add(pile, &kept);
            sample_free(sample);
        }
        imapid_pile_end(pile);
        g_assert_true(imapid_pile_cut(&piles, cuts, CUTS));
        run = imapid_pile_merge(&piles, cuts, CUTS, starts, &n_again);
        g_assert_cmpuint(n_again, ==, 0);
        for (unsigned i = 0; i < CUTS; i++) {
            const struct imapid_kept_exchange *first = imapid_run_get(run, starts[i]);

            g_assert_cmpuint(first->conn.first_frame, ==, cuts[i].first_frame);
            g_assert_cmpuint(starts[i], >, N * (i + 1) / 4 - N / 20);
            g_assert_cmpuint(starts[i], <, N * (i + 1) / 4 + N / 20);
        }
        expect(run, N);
        imapid_keep_deinit(&keep);
    }
}

static void test_none(void)
{
    struct imapid_keep keep;

    check_one(0, 0);
    imapid_keep_init(&keep);
    imapid_pile_free(imapid_pile_new(IMAPID_RUN_SESSIONS, &keep));
    imapid_pile_free(NULL);
    imapid_keep_deinit(&keep);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pile/one", test_one);
    g_test_add_func("/pile/two", test_two);
    g_test_add_func("/pile/cuts", test_cuts);
    g_test_add_func("/pile/none", test_none);
    return g_test_run();
}
