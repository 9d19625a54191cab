/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Octets kept once: equal octets have equal numbers, and stay where they are. */
#include "record/pool.h"

#include <glib.h>
#include <string.h>

#define N 20000u

/* Different for each number, of different lengths; zeroes count. */
static GByteArray *make(unsigned i)
{
    GByteArray *octets = g_byte_array_new();

    g_byte_array_set_size(octets, i % 40 + (guint)sizeof i);
    memset(octets->data, 0, octets->len);
    memcpy(octets->data + i % 40, &i, sizeof i);
    return octets;
}

static void test_numbers(void)
{
    struct imapid_pool *pool = imapid_pool_new();
    const void *first;
    size_t n;

    g_assert_cmpuint(imapid_pool_add(pool, NULL, 0), ==, 0);
    first = imapid_pool_get(pool, 0, &n);
    g_assert_cmpuint(n, ==, 0);
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < N; i++) {
            GByteArray *octets = make(i);

            g_assert_cmpuint(imapid_pool_add(pool, octets->data, octets->len), ==, i + 1);
            g_byte_array_unref(octets);
        }
    g_assert_cmpuint(imapid_pool_count(pool), ==, N + 1);
    imapid_pool_seal(pool);
    for (unsigned i = 0; i < N; i++) {
        GByteArray *octets = make(i);
        const char *kept = imapid_pool_get(pool, i + 1, &n);

        g_assert_cmpmem(kept, n, octets->data, octets->len);
        g_assert_cmpint(kept[n], ==, '\0');
        g_assert_cmpuint((uintptr_t)kept % 8, ==, 0);
        g_byte_array_unref(octets);
    }
    g_assert_true(imapid_pool_get(pool, 0, NULL) == first);
    imapid_pool_free(pool);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pool/numbers", test_numbers);
    return g_test_run();
}
