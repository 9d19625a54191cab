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

/* Lists and bits, of as many as that, put together. */
static void check_absorb(uint32_t limit, uint32_t n_one, uint32_t n_other)
{
    struct imapid_numbers one = {0}, other = {0};

    for (uint32_t i = 0; i < n_one; i++)
        imapid_numbers_add(&one, 2 * i, limit);
    for (uint32_t i = 0; i < n_other; i++)
        imapid_numbers_add(&other, 3 * i, limit);
    imapid_numbers_absorb(&one, &other, limit);
    g_assert_cmpuint(imapid_numbers_count(&other), ==, 0);
    g_assert_cmpuint(imapid_numbers_count(&one), ==,
                     n_one + n_other -
                         (n_one && n_other ? MIN((n_one + 2) / 3, (n_other + 1) / 2) : 0));
    imapid_numbers_deinit(&one);
}

static void test_absorb(void)
{
    static const uint32_t sizes[] = {0, 1, 5, 400};

    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++)
        for (unsigned k = 0; k < G_N_ELEMENTS(sizes); k++)
            check_absorb(1280, sizes[i], sizes[k]);
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
    g_test_add_func("/numbers/absorb", test_absorb);
    return g_test_run();
}
