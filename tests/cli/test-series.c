/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/series.c: that it does not grow with the files that were in a folder once, and that a file is the same under another name. What it gives in which order
 * is tested from outside, in tests/containers. */
#include "series.h"

#include <glib/gstdio.h>
#include <malloc.h>
#include <string.h>

enum { N_FILES = 200, N_ROUNDS = 21, N_WARM = 6 };

static char *make_path(const char *folder, unsigned round, unsigned i)
{
    return g_strdup_printf("%s/%05u_%05u", folder, round, i);
}

/* The files of a ring come, are read, and go. */
static void turn(struct imapid_series *series, const char *folder, unsigned round)
{
    for (unsigned i = 0; i < N_FILES; i++) {
        char *path = make_path(folder, round, i);

        g_assert_true(g_file_set_contents_full(path, "this is nothing that has packets", -1,
                                               G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        g_free(path);
    }
    for (unsigned i = 0; i < N_FILES; i++) {
        const struct imapid_input *input = imapid_series_next(series);
        char *path = make_path(folder, round, i);

        g_assert_cmpstr(input->path, ==, path);
        g_free(path);
    }
    for (unsigned i = 0; i < N_FILES; i++) {
        char *path = make_path(folder, round, i);

        g_assert_cmpint(g_unlink(path), ==, 0);
        g_free(path);
    }
}

static void test_ring(void)
{
    char *folder = g_dir_make_tmp("imapid-XXXXXX", NULL);
    struct imapid_series *series = imapid_series_new(folder, NULL);
    size_t n_before = 0;

    for (unsigned round = 0; round < N_ROUNDS; round++) {
        if (round == N_WARM)
            n_before = mallinfo2().uordblks;
        turn(series, folder, round);
    }
    /* Names alone: less than half of what it takes to remember a file. */
    g_assert_cmpuint(mallinfo2().uordblks - n_before, <,
                     (N_ROUNDS - N_WARM) * N_FILES * (strlen(folder) + 40));
    imapid_series_free(series);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_free(folder);
}

/* A file of pcap whose first packet is at that second. */
static void put_capture(const char *path, guint32 second)
{
    const guint32 octets[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1, second, 0, 4, 4, 0};

    g_assert_true(g_file_set_contents_full(path, (const char *)octets, sizeof octets,
                                           G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static void move(char **paths, unsigned from, unsigned to)
{
    g_assert_cmpint(g_rename(paths[from], paths[to]), ==, 0);
}

static void assert_next(struct imapid_series *series, const char *path)
{
    g_assert_cmpstr(imapid_series_next(series)->path, ==, path);
}

/* As logrotate does: each gets the name of the one before, whether it was read, is being read or waits. */
static void test_renamed(void)
{
    enum { N = 6, N_LOOKS = 12 };
    char *folder = g_dir_make_tmp("imapid-XXXXXX", NULL), *paths[N];
    struct imapid_series *series = imapid_series_new(folder, NULL);

    for (unsigned i = 0; i < N; i++)
        paths[i] = g_strdup_printf("%s/x.pcap.%u", folder, i);
    put_capture(paths[2], 1);
    put_capture(paths[1], 2);
    put_capture(paths[0], 3);
    assert_next(series, paths[2]);
    assert_next(series, paths[1]);
    for (unsigned i = 3; i--;)
        move(paths, i, i + 1);
    put_capture(paths[0], 4);
    g_usleep((IMAPID_SERIES_LOOK_MS + 50) * 1000);
    g_assert_true(imapid_series_is_over(series)); /* the one that waited */
    assert_next(series, paths[1]);
    assert_next(series, paths[0]);
    for (unsigned i = 4; i--;)
        move(paths, i, i + 1);
    put_capture(paths[0], 5);
    imapid_series_renew(series);
    assert_next(series, paths[0]);
    for (unsigned i = 5; i--;)
        move(paths, i, i + 1);
    put_capture(paths[0], 6);
    imapid_series_renew(series);
    assert_next(series, paths[0]);
    for (unsigned i = 0; i < N_LOOKS; i++)
        g_assert_false(imapid_series_is_over(series)); /* though it is quiet */
    imapid_series_free(series);
    for (unsigned i = 0; i < N; i++) {
        g_unlink(paths[i]);
        g_free(paths[i]);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_free(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/series/ring", test_ring);
    g_test_add_func("/series/renamed", test_renamed);
    return g_test_run();
}
