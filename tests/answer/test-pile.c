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
    const struct imapid_piles piles = {IMAPID_RUN_EXCHANGES, &keep, &pile, 1};
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

/* The record's numbers are those of the keep that it is read with. */
static void expect_numbers(struct imapid_run *run, const struct imapid_keep *keep)
{
    struct sample *sample = sample_new();
    struct imapid_run_reader reader = {.run = run};
    const struct imapid_kept_exchange *kept;

    while ((kept = imapid_run_next(&reader))) {
        struct imapid_record_exchange exchange;
        struct imapid_arena arena = {0};

        imapid_keep_read_exchange(keep, kept, &exchange, &arena);
        g_assert_cmpstr(exchange.tag, ==, sample->exchange.tag);
        g_assert_cmpstr(exchange.conn.file, ==, sample->exchange.conn.file);
        imapid_arena_deinit(&arena);
    }
    sample_free(sample);
}

/* Piles, each with a keep of its own that numbers otherwise, take turns at `stretch` records of N_SHARED; of 500
 * records, two are in all of them. */
#define N_SHARED 3000u
#define PILES    3u

/* In no order; of three, two can be close together and the other one, which comes between them in a heap, far. */
static uint32_t find_owner(uint32_t n, uint32_t n_piles, uint32_t stretch)
{
    if (n_piles == 3 && stretch == 1)
        return n / 500 % 2 ? 1 : n % 2 * 2;
    return n / stretch * 7 / 3 % n_piles;
}

static void check_shared(uint32_t n_piles, uint32_t stretch, bool is_backwards)
{
    struct imapid_keep keeps[PILES];
    struct imapid_pile *piles[PILES];
    struct imapid_keep_map map[PILES];
    const struct imapid_keep_map *maps[PILES] = {NULL, &map[1], &map[2]};
    const struct imapid_piles all = {IMAPID_RUN_EXCHANGES, &keeps[0], piles, n_piles};
    struct imapid_run *run;
    unsigned n_again = 0, n_other = 0;

    for (uint32_t k = 0; k < n_piles; k++) {
        imapid_keep_init(&keeps[k]);
        for (uint32_t i = 0; i < 3 * k; i++) {
            char *other = g_strdup_printf("other %u", i);

            imapid_keep_text(&keeps[k], other);
            imapid_keep_file(&keeps[k], NULL, other);
            g_free(other);
        }
        piles[k] = imapid_pile_new(IMAPID_RUN_EXCHANGES, &keeps[k]);
        for (uint32_t i = 0; i < N_SHARED; i++) {
            uint32_t n = is_backwards ? N_SHARED - 1 - i : i;
            bool is_own = find_owner(n, n_piles, stretch) == k, is_shared = n % 500 < 2;

            if (is_own || is_shared)
                add(piles[k], &keeps[k], n);
            n_other += !is_own && is_shared;
        }
        add(piles[k], &keeps[k], k);
        imapid_pile_end(piles[k]);
        imapid_pile_set_map(piles[k], maps, (uint8_t)k);
    }
    for (uint32_t k = 1; k < n_piles; k++)
        map[k] = imapid_keep_absorb(&keeps[0], &keeps[k]);
    run = imapid_pile_merge(&all, NULL, 0, NULL, &n_again);
    expect_numbers(run, &keeps[0]);
    expect(run, N_SHARED);
    g_assert_cmpuint(n_again, ==, n_other + n_piles);
    for (uint32_t k = 1; k < n_piles; k++) {
        imapid_keep_map_deinit(&map[k]);
        imapid_keep_deinit(&keeps[k]);
    }
    imapid_keep_deinit(&keeps[0]);
}

static void test_shared(void)
{
    static const uint32_t stretches[] = {1, 2, 31, 32, 33, 64, 100, 999, N_SHARED};

    for (guint i = 0; i < G_N_ELEMENTS(stretches); i++)
        for (uint32_t n_piles = 2; n_piles <= PILES; n_piles++)
            for (int is_backwards = 0; is_backwards < 2; is_backwards++)
                check_shared(n_piles, stretches[i], is_backwards);
}

/* Each record of a connection of its own: whatever the cuts, the parts are in order, and as large as they
 * may be. */
static void test_cuts(void)
{
    enum { CUTS = 3 };
    struct imapid_keep keep;
    struct imapid_pile *pile;
    const struct imapid_piles piles = {IMAPID_RUN_EXCHANGES, &keep, &pile, 1};
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
    g_test_add_func("/pile/shared", test_shared);
    g_test_add_func("/pile/cuts", test_cuts);
    g_test_add_func("/pile/none", test_none);
    return g_test_run();
}
