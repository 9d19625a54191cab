/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-spill.c: what is put away comes back, whatever its sizes; and so do the frames of streams. */
#include "cut/framelog.h"

#include <string.h>

#define N_RUNS 5

static struct imapid_spill *open_spill(void)
{
    char *message = NULL;
    struct imapid_spill *spill = imapid_spill_new(&message);

    g_assert_null(message);
    return spill;
}

static void check_run(const struct imapid_spill *spill, const struct imapid_spill_run *run,
                      const GByteArray *wanted, GRand *rand)
{
    struct imapid_spill_reader reader = {.spill = spill, .run = run};
    uint8_t *octets = g_malloc((gsize)wanted->len + 1);
    ptrdiff_t n;
    gsize at = 0;

    while ((n = imapid_spill_read(
                &reader, octets + at,
                MIN((gsize)g_rand_int_range(rand, 1, 100000), (gsize)wanted->len + 1 - at))) > 0)
        at += (gsize)n;
    g_assert_cmpint(n, ==, 0);
    g_assert_cmpmem(octets, at, wanted->data, wanted->len);
    g_assert_cmpuint(run->n, ==, at);
    g_free(octets);
}

/* Runs that grow in turn, by nothing up to more than a piece, and are read, emptied and used again. */
static void test_runs(void)
{
    GRand *rand = g_rand_new_with_seed(1);
    struct imapid_spill *spill = open_spill();
    struct imapid_spill_run runs[N_RUNS] = {{NULL, NULL, 0}};
    GByteArray *wanted[N_RUNS];
    uint8_t *octets = g_malloc(200000);

    for (int i = 0; i < N_RUNS; i++)
        wanted[i] = g_byte_array_new();
    for (int round = 0; round < 3000; round++) {
        int i = g_rand_int_range(rand, 0, N_RUNS);
        int n = g_rand_int_range(rand, 0, round % 50 ? 3000 : 200000);

        memset(octets, round, (size_t)n);
        imapid_spill_add(spill, &runs[i], octets, (size_t)n);
        g_byte_array_append(wanted[i], octets, (guint)n);
        if (round % 100 == 0)
            imapid_spill_rest(spill, &runs[i]);
        if (round % 500 == 0)
            check_run(spill, &runs[i], wanted[i], rand);
        if (round % 700 == 0) {
            imapid_spill_clear(spill, &runs[i]);
            g_byte_array_set_size(wanted[i], 0);
        }
    }
    for (int i = 0; i < N_RUNS; i++) {
        check_run(spill, &runs[i], wanted[i], rand);
        imapid_spill_clear(i ? spill : NULL, &runs[i]);
        g_byte_array_unref(wanted[i]);
    }
    g_assert_null(imapid_spill_explain(spill));
    imapid_spill_free(spill);
    g_free(octets);
    g_rand_free(rand);
}

/* Frames mostly go on, now and then back; streams are anything. */
static void test_frames(void)
{
    GRand *rand = g_rand_new_with_seed(2);
    struct imapid_spill *spill = open_spill();
    struct imapid_framelog framelog = {.last_frame = 0};
    struct imapid_bits streams = {.n = 0}, frames = {.n = 0}, wanted = {.n = 0};
    uint64_t frame = 0;

    for (uint32_t i = 0; i < 1000; i += 3)
        imapid_bits_set(&streams, i);
    imapid_bits_set(&streams, UINT32_MAX / 64);
    for (int i = 0; i < 200000; i++) {
        uint32_t stream = i % 1000 ? g_rand_int(rand) % 1000 : UINT32_MAX / 64;
        uint64_t back = i % 7 ? 0 : g_rand_int(rand) % 1000, number;

        frame += 1 + g_rand_int(rand) % 5;
        number = frame - MIN(frame, back);
        imapid_framelog_add(&framelog, spill, number, stream);
        if (imapid_bits_has(&streams, stream))
            imapid_bits_set(&wanted, number);
    }
    g_assert_true(imapid_framelog_choose(&framelog, spill, &streams, &frames));
    g_assert_cmpuint(frames.n, >, 50000);
    g_assert_cmpuint(frames.n, ==, wanted.n);
    g_assert_cmpuint(frames.last, ==, wanted.last);
    for (uint64_t i = 0; i <= frame; i++)
        g_assert_true(imapid_bits_has(&frames, i) == imapid_bits_has(&wanted, i));
    imapid_spill_clear(NULL, &framelog.run);
    imapid_bits_clear(&streams);
    imapid_bits_clear(&frames);
    imapid_bits_clear(&wanted);
    imapid_spill_free(spill);
    g_rand_free(rand);
}

/* The farthest apart that they can be. */
static void test_large_numbers(void)
{
    static const uint64_t numbers[] = {UINT64_MAX / 2, 1, UINT64_MAX / 2 - 1, 2};
    struct imapid_spill *spill = open_spill();
    struct imapid_framelog framelog = {.last_frame = 0};
    struct imapid_bits streams = {.n = 0}, frames = {.n = 0};

    imapid_bits_set(&streams, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        imapid_framelog_add(&framelog, spill, numbers[i], numbers[i] < 10 ? 1 : UINT32_MAX);
    g_assert_true(imapid_framelog_choose(&framelog, spill, &streams, &frames));
    g_assert_cmpuint(frames.n, ==, 2);
    g_assert_true(imapid_bits_has(&frames, 1) && imapid_bits_has(&frames, 2));
    imapid_spill_clear(NULL, &framelog.run);
    imapid_bits_clear(&streams);
    imapid_bits_clear(&frames);
    imapid_spill_free(spill);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/spill/runs", test_runs);
    g_test_add_func("/spill/frames", test_frames);
    g_test_add_func("/spill/large-numbers", test_large_numbers);
    return g_test_run();
}
