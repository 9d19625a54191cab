/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/output.c: parts in their order, whoever is first; files that are whole or as they
 * were; and who waits for whom. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder, *path;

static void assert_file(const char *expected)
{
    char *text = NULL;
    gsize n = 0;

    if (!expected) {
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        return;
    }
    g_assert_true(g_file_get_contents(path, &text, &n, NULL));
    g_assert_cmpmem(text, n, expected, strlen(expected));
    g_free(text);
}

static void add(struct imapid_output *output, guint part, const char *text)
{
    imapid_output_add(output, part, text, strlen(text));
}

static void test_order(void)
{
    struct imapid_output *output = imapid_output_open(path, 3, IMAPID_OUTPUT_BUFFERED);

    add(output, 1, "b");
    add(output, 2, "c");
    imapid_output_end(output, 2);
    add(output, 0, "a");
    add(output, 1, "B");
    imapid_output_end(output, 0);
    add(output, 1, "b");
    imapid_output_end(output, 1);
    imapid_output_add_last(output, "!", 1);
    assert_file(NULL); /* not before it is whole */
    g_assert_true(imapid_output_close(output, TRUE));
    assert_file("abBbc!");
    g_unlink(path);
}

/* Nothing stands behind parts of which one was not written to its end. */
static void test_last(void)
{
    struct imapid_output *output = imapid_output_open(path, 2, IMAPID_OUTPUT_BUFFERED);

    add(output, 0, "a");
    imapid_output_end(output, 0);
    add(output, 1, "b");
    imapid_output_add_last(output, "!", 1);
    g_assert_true(imapid_output_close(output, TRUE));
    assert_file("ab");
    g_unlink(path);
}

static void test_not_kept(void)
{
    struct imapid_output *output;

    g_assert_true(g_file_set_contents(path, "before", -1, NULL));
    output = imapid_output_open(path, 1, IMAPID_OUTPUT_BUFFERED);
    add(output, 0, "a");
    imapid_output_begin(output); /* it is not live: this does nothing */
    assert_file("before");
    g_assert_true(imapid_output_close(output, FALSE));
    assert_file("before");
    g_unlink(path);
}

/* A live file takes its place when there is something to read, and each piece is there at once. */
static void test_live(void)
{
    struct imapid_output *output;

    g_assert_true(g_file_set_contents(path, "before", -1, NULL));
    output = imapid_output_open(path, 1, IMAPID_OUTPUT_LIVE);
    add(output, 0, "a");
    assert_file("before");
    imapid_output_begin(output);
    assert_file("a");
    add(output, 0, "b");
    assert_file("ab");
    g_assert_true(imapid_output_close(output, FALSE));
    assert_file("ab");
    g_unlink(path);
}

/* The files of the folder, in the order of their names, as one text. They are deleted. */
static GString *take_all(void)
{
    GString *all = g_string_new(NULL);
    GDir *dir = g_dir_open(folder, 0, NULL);
    GList *paths = NULL;
    const char *name;

    while ((name = g_dir_read_name(dir)))
        paths = g_list_insert_sorted(paths, g_build_filename(folder, name, NULL),
                                     (GCompareFunc)(void (*)(void))strcmp);
    g_dir_close(dir);
    for (GList *at = paths; at; at = at->next) {
        char *text = NULL;

        g_assert_true(g_file_get_contents(at->data, &text, NULL, NULL));
        g_string_append_printf(all, "%s|", text);
        g_free(text);
        g_unlink(at->data);
    }
    g_list_free_full(paths, g_free);
    return all;
}

static void spell_tail(void *ctx, GString *tail, guint64 n_pieces)
{
    (void)ctx;
    g_string_append_printf(tail, "<%u>", (unsigned)n_pieces);
}

/* Each file is whole, head and tail, and what was there before stays. "out" sorts before "out_...". */
static void test_rotated(void)
{
    struct imapid_output *output;
    GString *all;

    g_assert_true(g_file_set_contents(path, "before", -1, NULL));
    output = imapid_output_open(path, 1, IMAPID_OUTPUT_LIVE);
    g_assert_true(imapid_output_set_rotation(output, 4, 0));
    imapid_output_set_ends(output, "H", spell_tail, NULL);
    imapid_output_begin(output);
    add(output, 0, "aaa");
    add(output, 0, "b");
    assert_file("H"); /* at once: the next one is there */
    add(output, 0, "cc");
    imapid_output_tick(output);
    assert_file("Hcc");
    g_assert_cmpuint(imapid_output_count(output).n_pieces, ==, 1);
    g_assert_cmpuint(imapid_output_count(output).n_octets, ==, 2);
    add(output, 0, "ddddd");
    add(output, 0, "e");
    g_assert_true(imapid_output_close(output, TRUE));
    all = take_all();
    g_assert_cmpstr(all->str, ==, "He|before|Haaab<2>|Hccddddd<2>|");
    g_string_free(all, TRUE);
}

/* What could not be put aside is told by the end, too. Nothing is lost for that. */
static void test_not_rotated(void)
{
    struct imapid_output *output = imapid_output_open(path, 1, IMAPID_OUTPUT_LIVE);
    char *away = g_strconcat(folder, ".away", NULL);
    GString *all;

    g_assert_true(imapid_output_set_rotation(output, 4, 0));
    imapid_output_set_ends(output, "H", spell_tail, NULL);
    imapid_output_begin(output);
    g_assert_cmpint(g_rename(folder, away), ==, 0);
    add(output, 0, "aaaa");
    g_assert_cmpint(g_rename(away, folder), ==, 0);
    add(output, 0, "b");
    g_assert_false(imapid_output_close(output, TRUE));
    all = take_all();
    g_assert_cmpstr(all->str, ==, "Haaaab|");
    g_string_free(all, TRUE);
    g_free(away);
}

/* The time and a number need room in a name. */
static void test_long_name(void)
{
    for (gsize n = 228; n <= 230; n++) {
        char *name = g_strnfill(n, 'n'), *long_path = g_build_filename(folder, name, NULL);
        struct imapid_output *output = imapid_output_open(long_path, 1, IMAPID_OUTPUT_LIVE);

        g_assert_cmpint(imapid_output_set_rotation(output, 4, 0), ==, n + 26 <= 255);
        g_assert_true(imapid_output_close(output, FALSE));
        g_free(long_path);
        g_free(name);
    }
}

/* By time one ends that has something in it, though nothing comes any more. */
static void test_rotated_by_time(void)
{
    struct imapid_output *output = imapid_output_open(path, 1, IMAPID_OUTPUT_LIVE);
    GString *all;

    g_assert_true(imapid_output_set_rotation(output, 0, 1));
    imapid_output_set_array(output);
    imapid_output_set_ends(output, "", NULL, NULL);
    imapid_output_begin(output);
    imapid_output_add(output, 0, "{1}\n", 4);
    g_usleep(G_USEC_PER_SEC + G_USEC_PER_SEC / 10);
    for (int i = 0; i < 2; i++) /* the second one has nothing to end */
        imapid_output_tick(output);
    imapid_output_add(output, 0, "{2}\n", 4);
    g_assert_true(imapid_output_close(output, TRUE));
    all = take_all();
    /* Whatever the machine does meanwhile, the two are in files of their own, and whole. */
    g_assert_nonnull(strstr(all->str, "[\n{1}\n]\n|"));
    g_assert_nonnull(strstr(all->str, "[\n{2}\n]\n|"));
    g_string_free(all, TRUE);
}

static void test_unordered(void)
{
    struct imapid_output *output = imapid_output_open(path, 600, IMAPID_OUTPUT_UNORDERED);

    add(output, 599, "z"); /* nobody waits for part 0 */
    add(output, 1, "b");
    add(output, 0, "a");
    g_assert_true(imapid_output_close(output, TRUE));
    assert_file("zba");
    g_unlink(path);
}

/* More than is kept in memory, in pieces that do not end where the limit is. */
static void test_spilled(void)
{
    struct imapid_output *output = imapid_output_open(path, 3, IMAPID_OUTPUT_BUFFERED);
    GString *expected[3];
    char *text;
    gsize n;

    for (guint part = 0; part < 3; part++)
        expected[part] = g_string_new(NULL);
    for (guint i = 0; i < 50000; i++)
        for (guint part = 1; part < 3; part++) {
            char *line = g_strdup_printf("part %u, line %u of many that are written\n", part, i);

            add(output, part, line);
            g_string_append(expected[part], line);
            g_free(line);
        }
    add(output, 0, "first\n");
    g_string_append(expected[0], "first\n");
    imapid_output_end(output, 2);
    imapid_output_end(output, 0);
    imapid_output_end(output, 1);
    g_assert_true(imapid_output_close(output, TRUE));
    g_string_append_len(expected[0], expected[1]->str, (gssize)expected[1]->len);
    g_string_append_len(expected[0], expected[2]->str, (gssize)expected[2]->len);
    g_assert_true(g_file_get_contents(path, &text, &n, NULL));
    g_assert_cmpuint(n, ==, expected[0]->len);
    g_assert_true(!memcmp(text, expected[0]->str, n));
    g_free(text);
    for (guint part = 0; part < 3; part++)
        g_string_free(expected[part], TRUE);
    g_unlink(path);
}

struct ahead {
    struct imapid_output *output;
    gint is_added; /* atomic */
};

static gpointer add_ahead(gpointer data)
{
    struct ahead *ahead = data;

    add(ahead->output, 300, "z");
    g_atomic_int_set(&ahead->is_added, 1);
    imapid_output_end(ahead->output, 300);
    return NULL;
}

/* Who is far ahead waits until the part that is due has come nearer. */
static void test_far_ahead(void)
{
    struct ahead ahead = {imapid_output_open(path, 301, IMAPID_OUTPUT_BUFFERED), 0};
    GThread *thread = g_thread_new("ahead", add_ahead, &ahead);

    g_usleep(G_USEC_PER_SEC / 10);
    g_assert_cmpint(g_atomic_int_get(&ahead.is_added), ==, 0);
    for (guint part = 0; part < 300; part++)
        imapid_output_end(ahead.output, part);
    g_thread_join(thread);
    g_assert_true(imapid_output_close(ahead.output, TRUE));
    assert_file("z");
    g_unlink(path);
}

#define N_THREADS 4
#define N_PARTS   200

struct worker {
    struct imapid_output *output;
    gint *next; /* atomic: the part that is to be begun */
};

static gpointer work(gpointer data)
{
    const struct worker *worker = data;
    gint part;

    while ((part = g_atomic_int_add(worker->next, 1)) < N_PARTS) {
        for (int i = 0; i < 3; i++) {
            char *line = g_strdup_printf("%d.%d\n", part, i);

            add(worker->output, (guint)part, line);
            g_free(line);
        }
        imapid_output_end(worker->output, (guint)part);
    }
    return NULL;
}

static void test_threads(void)
{
    GThread *threads[N_THREADS];
    GString *expected = g_string_new(NULL);
    gint next = 0;
    struct worker worker = {imapid_output_open(path, N_PARTS, IMAPID_OUTPUT_BUFFERED), &next};

    for (int i = 0; i < N_THREADS; i++)
        threads[i] = g_thread_new("worker", work, &worker);
    for (int i = 0; i < N_THREADS; i++)
        g_thread_join(threads[i]);
    for (int part = 0; part < N_PARTS; part++)
        g_string_append_printf(expected, "%d.0\n%d.1\n%d.2\n", part, part, part);
    g_assert_true(imapid_output_close(worker.output, TRUE));
    assert_file(expected->str);
    g_string_free(expected, TRUE);
    g_unlink(path);
}

/* A reader that went away is no failure, and ends the work. */
static void test_closed_pipe(void)
{
    struct imapid_output *output;
    int fd;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    fd = open(path, O_RDWR | O_CLOEXEC);
    output = imapid_output_open(path, 1, IMAPID_OUTPUT_LIVE);
    add(output, 0, "a");
    g_assert_false(imapid_output_is_closed(output));
    close(fd);
    add(output, 0, "b");
    g_assert_true(imapid_output_is_closed(output));
    g_assert_true(imapid_output_close(output, TRUE));
    g_unlink(path);
}

/* What could not be written is a failure. */
static void test_full(void)
{
    struct imapid_output *output = imapid_output_open("/dev/full", 1, IMAPID_OUTPUT_LIVE);

    add(output, 0, "a");
    g_assert_true(imapid_output_is_closed(output));
    g_assert_false(imapid_output_close(output, TRUE));

    output = imapid_output_open("/dev/full", 1, IMAPID_OUTPUT_BUFFERED);
    add(output, 0, "a"); /* seen when it is flushed */
    g_assert_false(imapid_output_close(output, TRUE));
}

static void test_cannot_open(void)
{
    char *nowhere = g_build_filename(folder, "none", "x", NULL);

    g_assert_null(imapid_output_open(nowhere, 1, IMAPID_OUTPUT_BUFFERED));
    g_assert_null(imapid_output_open(folder, 1, IMAPID_OUTPUT_BUFFERED));
    g_free(nowhere);
}

/* Lines become elements, in the order of the parts. */
static void test_array(void)
{
    static const char *const wants[] = {"[]\n", "[\n{}\n]\n", "[\n{},\n{1},\n{2}\n]\n"};

    for (int n = 0; n < 3; n++) {
        struct imapid_output *output = imapid_output_open(path, 2, IMAPID_OUTPUT_BUFFERED);
        char *text;

        imapid_output_set_array(output);
        if (n == 2)
            imapid_output_add(output, 1, "{1}\n{2}\n", 8); /* waits for its turn */
        if (n)
            imapid_output_add(output, 0, "{}\n", 3);
        imapid_output_end(output, 0);
        imapid_output_end(output, 1);
        g_assert_true(imapid_output_close(output, TRUE));
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, wants[n]);
        g_free(text);
        g_assert_cmpint(g_unlink(path), ==, 0);
    }
}

/* By whatever name, but no other file. */
static void test_standard(void)
{
    g_assert_true(imapid_output_is_standard(NULL));
    g_assert_true(imapid_output_is_standard("/dev/stdout"));
    g_assert_false(imapid_output_is_standard(path));
    g_assert_false(imapid_output_is_standard("/dev/full"));
}

static void ignore_message(const char *message)
{
    (void)message;
}

int main(int argc, char **argv)
{
    int status;

    signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    g_set_printerr_handler(ignore_message);
    folder = g_dir_make_tmp("imapid-output-XXXXXX", NULL);
    path = g_build_filename(folder, "out", NULL);
    g_test_add_func("/output/order", test_order);
    g_test_add_func("/output/last", test_last);
    g_test_add_func("/output/not-kept", test_not_kept);
    g_test_add_func("/output/live", test_live);
    g_test_add_func("/output/rotated", test_rotated);
    g_test_add_func("/output/rotated-by-time", test_rotated_by_time);
    g_test_add_func("/output/not-rotated", test_not_rotated);
    g_test_add_func("/output/long-name", test_long_name);
    g_test_add_func("/output/unordered", test_unordered);
    g_test_add_func("/output/spilled", test_spilled);
    g_test_add_func("/output/far-ahead", test_far_ahead);
    g_test_add_func("/output/threads", test_threads);
    g_test_add_func("/output/closed-pipe", test_closed_pipe);
    g_test_add_func("/output/full", test_full);
    g_test_add_func("/output/cannot-open", test_cannot_open);
    g_test_add_func("/output/array", test_array);
    g_test_add_func("/output/standard", test_standard);
    status = g_test_run();
    g_assert_cmpint(g_rmdir(folder), ==, 0); /* nothing was left in it */
    g_free(path);
    g_free(folder);
    return status;
}
