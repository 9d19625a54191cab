/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/capture/gunzip.c: what zlib packs, whole, cut, damaged, and with something behind it, is what zlib makes of
 * it, which fuzz-gunzip.c checks. */

#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_ROUNDS 300
#define N_MAX    150000u

/* Octets of a kind that differs by round: noise, words, one octet, repeats from far away. */
static void make_octets(GRand *rand, guint8 *octets, guint n, int round)
{
    for (guint i = 0; i < n; i++) {
        guint value = g_rand_int(rand);
        switch (round % 5) {
        case 0:
            octets[i] = (guint8)value;
            break;
        case 1:
            octets[i] = (guint8) "* LIST (\\HasNoChildren) \"/\" INBOX\r\n"[value % 36];
            break;
        case 2:
            octets[i] = (guint8)(value % 1000 == 0);
            break;
        case 3:
            octets[i] = i > 32768 && value % 200 ? octets[i - 32768] : (guint8)value;
            break;
        default: /* so that codes get long */
            octets[i] = (guint8)(value ? g_bit_nth_lsf(value, -1) * 7 + (int)(value >> 29) : 0);
            break;
        }
    }
}

/* A member, with flushes within. Returns its octets. */
static guint pack(GRand *rand, const guint8 *octets, guint n, guint8 *member, guint n_room)
{
    z_stream z = {.next_in = (Bytef *)octets, .next_out = member, .avail_out = n_room};
    static const int flushes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_PARTIAL_FLUSH, Z_BLOCK};
    gz_header header = {.extra = (Bytef *)"extra",
                        .extra_len = 5,
                        .name = (Bytef *)"name",
                        .comment = (Bytef *)"comment",
                        .hcrc = 1};
    int status = deflateInit2(&z, g_rand_int_range(rand, 0, 10), Z_DEFLATED, MAX_WBITS + 16,
                              g_rand_int_range(rand, 1, 10), g_rand_int_range(rand, 0, 5));
    g_assert_cmpint(status, ==, Z_OK);
    if (g_rand_boolean(rand))
        deflateSetHeader(&z, &header);
    while (n > 0) {
        guint n_part = (guint)g_rand_int_range(rand, 1, 60000);
        n_part = z.avail_in = MIN(n, n_part);
        deflate(&z, flushes[g_rand_int_range(rand, 0, G_N_ELEMENTS(flushes))]);
        n -= n_part - z.avail_in;
    }
    z.avail_in = 0;
    g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
    guint n_member = (guint)z.total_out;
    deflateEnd(&z);
    return n_member;
}

static void test_random(void)
{
    GRand *rand = g_rand_new_with_seed(20);
    guint n_room = 2 * N_MAX + 1000;
    guint8 *octets = g_malloc(N_MAX), *data = g_malloc(2 + n_room), *copy = g_malloc(2 + n_room);
    for (int round = 0; round < N_ROUNDS; round++) {
        guint n_octets = (guint)g_rand_int_range(rand, 0, round % 3 ? 3000 : (gint)N_MAX);
        make_octets(rand, octets, n_octets, round);
        data[0] =
            (guint8)g_rand_int_range(rand, n_octets > 3000 ? 20 : 0, 256); /* see fuzz-gunzip.c */
        data[1] = (guint8)g_rand_int_range(rand, n_octets > 3000 ? 20 : 0, 256);
        guint n = 2 + pack(rand, octets, n_octets, data + 2, n_room - 100);
        LLVMFuzzerTestOneInput(data, n);
        memset(data + n, 'x', 9); /* behind it */
        LLVMFuzzerTestOneInput(data, n + 9);
        LLVMFuzzerTestOneInput(data, (guint)g_rand_int_range(rand, 3, (gint)n));
        for (int i = 0; i < 4; i++) {
            memcpy(copy, data, n);
            for (int k = g_rand_int_range(rand, 0, 3); k >= 0; k--)
                copy[g_rand_int_range(rand, 2, (gint)n)] ^=
                    (guint8)(1 << g_rand_int_range(rand, 0, 8));
            LLVMFuzzerTestOneInput(copy, n);
        }
    }
    g_free(octets);
    g_free(data);
    g_free(copy);
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gunzip/random", test_random);
    return g_test_run();
}
