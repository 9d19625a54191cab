/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/metrics.c: whoever reads the file finds a whole one, counters only grow, and what is in a label
 * breaks no line. */
#include "metrics.h"

#include "sandbox.h"

#include <glib/gstdio.h>
#include <string.h>

static char *folder, *path;

static struct imapid_metrics *open_metrics(void)
{
    char *message = NULL;
    struct imapid_metrics *metrics = imapid_metrics_open(path, &message);

    g_assert_nonnull(metrics);
    return metrics;
}

static void set(struct imapid_metrics *metrics, const char *input, guint64 n, bool is_last)
{
    const struct imapid_record_interval counts = {.n_packets = n, .n_kept = n};

    g_assert_null(imapid_metrics_set(metrics, input, &counts, is_last));
}

static void assert_line(const char *line, bool is_there)
{
    char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_true((strstr(text, line) != NULL) == is_there);
    g_free(text);
}

/* A capture of the same input that follows goes on; what is kept in memory is that of now. */
static void test_counters(void)
{
    struct imapid_metrics *metrics = open_metrics();

    set(metrics, "a", 5, false);
    assert_line("\nimapid_packets_total{input=\"a\"} 5\n", true);
    set(metrics, "a", 7, true);
    set(metrics, "b", 1, false);
    assert_line("\nimapid_packets_total{input=\"a\"} 7\nimapid_packets_total{input=\"b\"} 1\n",
                true);
    assert_line("\nimapid_connections_memory_bytes{input=\"a\"} 0\n", true);
    set(metrics, "a", 3, false);
    assert_line("\nimapid_packets_total{input=\"a\"} 10\n", true);
    assert_line("\nimapid_connections_memory_bytes{input=\"a\"} 3\n", true);
    imapid_metrics_free(metrics);
    g_unlink(path);
}

static void test_label(void)
{
    struct imapid_metrics *metrics = open_metrics();

    set(metrics, "a\"b\\c\nd\xff", 1, false);
    assert_line("\nimapid_packets_total{input=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"} 1\n", true);
    imapid_metrics_free(metrics);
    g_unlink(path);
}

/* Two sensors, each with a file: a collector refuses both if they share a series. */
static void test_each_number_says_of_what(void)
{
    const struct imapid_record_interval counts = {.n_packets = 1, .site = "oslo"};
    struct imapid_metrics *metrics = open_metrics();
    char *text = NULL, **lines;
    guint n = 0;

    g_assert_null(imapid_metrics_set(metrics, "a", &counts, false));
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; **line; line++) {
        if (**line == '#')
            continue;
        g_assert_nonnull(strstr(*line, "{site=\"oslo\",input=\"a\"} "));
        n++;
    }
    g_assert_cmpuint(n, ==, 11);
    g_strfreev(lines);
    g_free(text);
    imapid_metrics_free(metrics);
    g_unlink(path);
}

static gint is_over; /* atomic */

static gpointer read_all_the_time(gpointer data)
{
    guint n_read = 0;

    (void)data;
    while (!g_atomic_int_get(&is_over) || !n_read) {
        char *text = NULL;
        gsize n = 0;

        g_assert_true(g_file_get_contents(path, &text, &n, NULL));
        g_assert_true(g_str_has_prefix(text, "# HELP imapid_packets_total "));
        g_assert_nonnull(strstr(text, "\nimapid_start_time_seconds{"));
        g_assert_cmpint(text[n - 1], ==, '\n');
        g_free(text);
        n_read++;
    }
    return NULL;
}

static void test_whole(void)
{
    struct imapid_metrics *metrics = open_metrics();
    GThread *thread;

    set(metrics, "a", 0, false);
    thread = g_thread_new("reader", read_all_the_time, NULL);
    for (guint64 n = 1; n <= 300; n++)
        set(metrics, "a", n, false);
    g_atomic_int_set(&is_over, 1);
    g_thread_join(thread);
    imapid_metrics_free(metrics);
    assert_line("\nimapid_packets_total{input=\"a\"} 300\n", true);
    g_unlink(path);
}

/* What is there stays as it was until there is something to say, and where that cannot be written. */
static void test_failure(void)
{
    const struct imapid_record_interval counts = {.n_packets = 1};
    char *message = NULL, *nowhere = g_build_filename(folder, "none", "x", NULL);
    struct imapid_metrics *metrics;

    g_assert_null(imapid_metrics_open(nowhere, &message));
    g_assert_nonnull(message);
    g_free(message);
    g_assert_true(g_file_set_contents(path, "before", -1, NULL));
    metrics = open_metrics();
    assert_line("before", true);
    g_unlink(path);
    g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
    message = imapid_metrics_set(metrics, "a", &counts, false);
    g_assert_nonnull(message);
    g_free(message);
    g_assert_null(imapid_metrics_set(metrics, "a", &counts, false)); /* told once */
    g_assert_cmpint(g_rmdir(path), ==, 0);
    set(metrics, "a", 2, false);
    assert_line("\nimapid_packets_total{input=\"a\"} 2\n", true);
    imapid_metrics_free(metrics);
    g_unlink(path);
    g_free(nowhere);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    imapid_sandbox_disable();
    folder = g_dir_make_tmp("imapid-metrics-XXXXXX", NULL);
    path = g_build_filename(folder, "imapid.prom", NULL);
    g_test_add_func("/metrics/counters", test_counters);
    g_test_add_func("/metrics/label", test_label);
    g_test_add_func("/metrics/each-number-says-of-what", test_each_number_says_of_what);
    g_test_add_func("/metrics/whole", test_whole);
    g_test_add_func("/metrics/failure", test_failure);
    status = g_test_run();
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_free(path);
    g_free(folder);
    return status;
}
