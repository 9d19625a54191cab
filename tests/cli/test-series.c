/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/series.c: that it does not grow with the files that were in a folder once. What it gives in which order
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/series/ring", test_ring);
    return g_test_run();
}
