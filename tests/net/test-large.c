/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Items of a pool: each has octets of its own, also those of blocks in huge pages, and what was given back comes
 * again before there is a new block. */
#include "large.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>

#define N_ITEMS 3000

static void test_pool(gconstpointer size)
{
    struct imapid_large_pool pool = {.size = GPOINTER_TO_SIZE(size)};
    static uint8_t *items[N_ITEMS];

    for (unsigned i = 0; i < N_ITEMS; i++) {
        items[i] = imapid_large_take(&pool);
        g_assert_cmpuint((uintptr_t)items[i] % (2 * sizeof(void *)), ==, 0);
        memset(items[i], (int)(i % 251), pool.size);
    }
    for (unsigned i = 0; i < N_ITEMS; i++)
        for (size_t at = 0; at < pool.size; at++)
            g_assert_cmpuint(items[i][at], ==, i % 251);
    imapid_large_give(&pool, NULL);
    imapid_large_give(&pool, items[7]);
    imapid_large_give(&pool, items[2000]);
    g_assert_true(imapid_large_take(&pool) == items[2000]);
    g_assert_true(imapid_large_take(&pool) == items[7]);
    imapid_large_clear(&pool);
    g_assert_null(pool.last);
    g_assert_nonnull(imapid_large_take(&pool));
    imapid_large_clear(&pool);
}

/* A table is zero, new or used before; what is only reserved can be filled to its end. */
static void test_tables(void)
{
    for (size_t n = 1; n < (8u << 20); n *= 3) {
        uint8_t *table = imapid_large_new(n, 1), *room = imapid_large_reserve(n, 1);
        g_assert_cmpuint(((uintptr_t)table | (uintptr_t)room) % (2 * sizeof(void *)), ==, 0);
        for (size_t i = 0; i < n; i++)
            g_assert_cmpuint(table[i], ==, 0);
        memset(table, 0xff, n);
        memset(room, 0xff, n);
        imapid_large_free(table);
        imapid_large_free(room);
    }
    imapid_large_free(NULL);
}

int main(int argc, char **argv)
{
    imapid_large_begin();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/large/tables", test_tables);
    g_test_add_data_func("/large/pool/octet", GSIZE_TO_POINTER(1), test_pool);
    g_test_add_data_func("/large/pool/words", GSIZE_TO_POINTER(24), test_pool);
    g_test_add_data_func("/large/pool/session", GSIZE_TO_POINTER(9999), test_pool);
    return g_test_run();
}
