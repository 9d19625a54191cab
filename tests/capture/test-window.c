/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/capture/window.c: any sequence of needs over any portions gives the octets of
 * the source, and nothing is read before it is needed. */

#include "capture/window.h"

#include "files.h"

static void test_random(void)
{
    GRand *rand = g_rand_new_with_seed(11);
    gsize n_all = 400000;
    guint8 *octets = g_malloc(n_all);
    for (gsize i = 0; i < n_all; i++)
        octets[i] = (guint8)(i * 7 + i / 256);
    for (int round = 0; round < 60; round++) {
        struct portions portions = {octets, n_all, 0, 1 + (gsize)g_rand_int_range(rand, 0, 9000),
                                    0};
        struct imapid_window_source source = {read_portion, NULL, &portions};
        struct imapid_window window;
        gsize place = 0;
        uint64_t n_left;
        imapid_window_init_source(&window, &source);
        for (;;) {
            gsize n = (gsize)g_rand_int_range(rand, 1, round % 2 ? 300 : 200000);
            bool there = imapid_window_need(&window, n);
            g_assert_cmpint(there, ==, n_all - place >= n);
            n = MIN(n, imapid_window_left(&window));
            g_assert_true(memcmp(window.at, octets + place, n) == 0);
            g_assert_cmpuint(imapid_window_place(&window), ==, place);
            if (!there)
                break;
            n = (gsize)g_rand_int_range(rand, 0, (gint32)n + 1);
            if (g_rand_boolean(rand)) {
                window.at += n;
            } else {
                n = MIN(2 * n, n_all - place);
                n_left = n;
                g_assert_true(imapid_window_skip(&window, &n_left));
                g_assert_cmpuint(n_left, ==, 0);
            }
            place += n;
        }
        g_assert_cmpuint(imapid_window_left(&window), ==, n_all - place);
        n_left = n_all;
        g_assert_false(imapid_window_skip(&window, &n_left));
        g_assert_cmpuint(n_left, ==, place);
        imapid_window_deinit(&window);
    }
    g_free(octets);
    g_rand_free(rand);
}

static void test_no_read_ahead(void)
{
    struct portions portions = {(const guint8 *)"0123456789", 10, 0, 2, 0};
    struct imapid_window_source source = {read_portion, NULL, &portions};
    struct imapid_window window;
    imapid_window_init_source(&window, &source);
    g_assert_true(imapid_window_need(&window, 3));
    g_assert_cmpuint(portions.place, ==, 4);
    imapid_window_deinit(&window);
}

static void test_error(void)
{
    struct portions portions = {(const guint8 *)"0123", 4, 0, 2, EIO};
    struct imapid_window_source source = {read_portion, NULL, &portions};
    struct imapid_window window;
    imapid_window_init_source(&window, &source);
    g_assert_true(imapid_window_need(&window, 4));
    g_assert_false(imapid_window_need(&window, 5));
    g_assert_cmpint(window.error, ==, EIO);
    g_assert_cmpuint(imapid_window_left(&window), ==, 4);
    imapid_window_deinit(&window);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/window/random", test_random);
    g_test_add_func("/window/no-read-ahead", test_no_read_ahead);
    g_test_add_func("/window/error", test_error);
    return g_test_run();
}
