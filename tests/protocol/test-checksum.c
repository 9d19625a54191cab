/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checksum is that of 16 bits at a time, for every length and place in memory. */
#include <glib.h>
#include <imapid/checksum.h>

static uint32_t add_plainly(uint32_t sum, const uint8_t *octets, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        sum = imapid_checksum_fold(sum + (i % 2 ? octets[i] : octets[i] * 256u));
    return sum;
}

static void compare(const uint8_t *octets, uint32_t n)
{
    uint8_t *copy = g_memdup2(octets, n); /* exact size */

    g_assert_cmpuint(imapid_checksum_fold(imapid_checksum_add(6, copy, n)), ==,
                     add_plainly(6, octets, n));
    g_free(copy);
}

static void test_lengths(void)
{
    uint8_t octets[80];

    for (uint32_t seed = 0; seed < 50; seed++) {
        for (uint32_t i = 0; i < sizeof octets; i++)
            octets[i] = (uint8_t)g_test_rand_int_range(0, 256);
        for (uint32_t n = 1; n <= 64; n++)
            for (uint32_t at = 0; at < 8; at++)
                compare(octets + at, n);
    }
    g_assert_cmpuint(imapid_checksum_add(6, octets, 0), ==, 6);
}

static void test_longest(void)
{
    uint8_t *octets = g_malloc(65535);

    memset(octets, 0xff, 65535);
    compare(octets, 65535);
    memset(octets, 0, 65535);
    compare(octets, 65535);
    g_free(octets);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/checksum/lengths", test_lengths);
    g_test_add_func("/checksum/longest", test_longest);
    return g_test_run();
}
