/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of an answer at the same time: each is done once, all before it returns, and what is sorted stays so. */
#include "answer/radix.h"
#include "answer/together.h"

#include <glib.h>

#define N_PARTS 100

static void count(void *ctx, unsigned i)
{
    gint *counts = ctx;

    g_assert_cmpuint(i, <, N_PARTS);
    g_atomic_int_inc(&counts[i]);
}

static void test_together(void)
{
    static const unsigned threads[] = {0, 1, 2, 7, 1000}, parts[] = {0, 1, 3, N_PARTS};

    for (size_t t = 0; t < G_N_ELEMENTS(threads); t++)
        for (size_t p = 0; p < G_N_ELEMENTS(parts); p++) {
            gint counts[N_PARTS] = {0};

            imapid_together_run(threads[t], parts[p], count, counts);
            for (unsigned i = 0; i < N_PARTS; i++)
                g_assert_cmpint(counts[i], ==, i < parts[p]);
        }
}

/* Keys that differ in their lowest octet, in their highest, and in none; the second word says where one stood. */
static void test_radix(void)
{
    static const uint64_t keys[] = {7, UINT64_MAX, 0, 7, UINT64_C(1) << 56, 256, 7, 0, 255};
    static const uint64_t sorted[] = {2, 7, 0, 3, 6, 8, 5, 4, 1};
    uint64_t pairs[2 * G_N_ELEMENTS(keys)], single[G_N_ELEMENTS(keys)];

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        pairs[2 * i] = single[i] = keys[i];
        pairs[2 * i + 1] = i;
    }
    imapid_radix_sort(pairs, G_N_ELEMENTS(keys), 2);
    imapid_radix_sort(single, G_N_ELEMENTS(keys), 1);
    imapid_radix_sort(single, 0, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_assert_cmpuint(pairs[2 * i + 1], ==, sorted[i]);
        g_assert_cmpuint(pairs[2 * i], ==, keys[sorted[i]]);
        g_assert_cmpuint(single[i], ==, keys[sorted[i]]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/together", test_together);
    g_test_add_func("/radix", test_radix);
    return g_test_run();
}
