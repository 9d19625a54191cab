/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of numbers: each counts once, as a list and as bits. */
#include "answer/numbers.h"

#include <glib.h>

static void test_nothing(void)
{
    struct imapid_numbers numbers = {0};

    g_assert_cmpuint(imapid_numbers_count(&numbers), ==, 0);
    imapid_numbers_deinit(&numbers);
}

/* Against a table of what was added. */
static void check(uint32_t limit, unsigned n_adds)
{
    struct imapid_numbers numbers = {0};
    uint8_t *is_in = g_new0(uint8_t, limit);
    uint32_t n = 0;

    for (unsigned i = 0; i < n_adds; i++) {
        uint32_t number = (uint32_t)g_test_rand_int_range(0, (gint32)limit);

        n += !is_in[number];
        is_in[number] = 1;
        imapid_numbers_add(&numbers, number, limit);
        if (i % 97 == 0) /* it goes on after it was asked */
            g_assert_cmpuint(imapid_numbers_count(&numbers), ==, n);
    }
    g_assert_cmpuint(imapid_numbers_count(&numbers), ==, n);
    if (numbers.list)
        g_assert_cmpuint(numbers.room * sizeof *numbers.list, <=, MAX(limit / 8, 16));
    imapid_numbers_deinit(&numbers);
    g_free(is_in);
}

static void test_all_sizes(void)
{
    static const uint32_t limits[] = {1, 2, 63, 64, 65, 128, 1000, 100000};

    for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++)
        for (unsigned n = 1; n < 5000; n = n * 3 + 1)
            check(limits[i], n);
}

/* What comes again takes no memory. */
static void test_same(void)
{
    struct imapid_numbers numbers = {0};

    for (unsigned i = 0; i < 100000; i++)
        imapid_numbers_add(&numbers, 7 + i % 2, 1u << 20);
    g_assert_cmpuint(imapid_numbers_count(&numbers), ==, 2);
    g_assert_nonnull(numbers.list);
    g_assert_cmpuint(numbers.room, <=, 4);
    imapid_numbers_deinit(&numbers);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/numbers/nothing", test_nothing);
    g_test_add_func("/numbers/all-sizes", test_all_sizes);
    g_test_add_func("/numbers/same", test_same);
    return g_test_run();
}
