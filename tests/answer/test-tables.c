/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts for a person: bars on one scale, shares, versions below their program. */
#include "answer/tables.h"
#include "record/width.h"
#include "sample.h"

#include <string.h>

/* `n` connections of a client with this name and version. */
static void add(struct imapid_store *store, unsigned n, const char *name, const char *version)
{
    static unsigned stream;

    for (unsigned i = 0; i < n; i++) {
        struct sample *sample = sample_new();

        sample->exchange.conn.stream = stream++;
        sample->exchange.conn.client.port = (uint16_t)(1024 + stream);
        if (name)
            sample_pair(sample, IMAPID_CLIENT, "name", name);
        if (version)
            sample_pair(sample, IMAPID_CLIENT, "version", version);
        imapid_store_add_exchange(store, &sample->exchange);
        sample_free(sample);
    }
}

static char *spell(struct imapid_store *store, const char *by, unsigned top, unsigned columns,
                   bool utf8)
{
    struct imapid_terminal terminal = {.utf8 = utf8, .columns = columns, .clock = IMAPID_CLOCK_UTC};
    struct imapid_fold *fold = imapid_fold_new();
    struct imapid_store_view view = imapid_store_settle(store);
    struct imapid_tables tables = {
        .view = &view, .fold = fold, .terminal = &terminal, .top = top, .n_threads = 2};
    struct imapid_grouping grouping;
    GString *out = g_string_new(NULL);
    char *message;

    if (by)
        g_assert_true(imapid_grouping_read(&grouping, by, &message));
    imapid_tables_spell(out, &tables, by ? &grouping : NULL);
    imapid_store_free(store);
    imapid_fold_free(fold);
    return g_string_free(out, FALSE);
}

/* The line that begins with these words, and how many `block` stand in it. */
static unsigned count_bar(const char *text, const char *words, const char *block)
{
    char **lines = g_strsplit(text, "\n", -1);
    unsigned n = G_MAXUINT;

    for (char **line = lines; *line; line++)
        if (g_str_has_prefix(*line, words))
            n = sample_count(*line, block);
    g_strfreev(lines);
    g_assert_cmpuint(n, !=, G_MAXUINT);
    return n;
}

static void test_bars(void)
{
    struct imapid_store *store = imapid_store_new();
    char *text;

    add(store, 400, "Mutt", "1");
    add(store, 200, "Pine", "1");
    add(store, 1, "Elm", "1");
    text = spell(store, "client_name", 0, 80, true);
    g_assert_cmpuint(count_bar(text, "Mutt", "\xe2\x96\x88"), ==, 19);
    g_assert_cmpuint(count_bar(text, "Pine", "\xe2\x96\x88"), ==, 9);
    g_assert_cmpuint(count_bar(text, "Pine", "\xe2\x96\x8c"), ==, 1); /* and a half */
    g_assert_cmpuint(count_bar(text, "Elm", "\xe2\x96\x8f"), ==, 1);  /* one eighth at least */
    g_assert_nonnull(strstr(text, "  67%  "));
    g_assert_nonnull(strstr(text, "  <1%  "));
    g_free(text);
}

/* What is not shown has a bar on the same scale, and none is longer than its column. */
static void test_others(void)
{
    struct imapid_store *store = imapid_store_new();
    char name[] = "a", *text;

    for (; *name <= 'z'; name[0]++)
        add(store, 2, name, NULL);
    text = spell(store, "client_name", 2, 80, false);
    g_assert_cmpuint(count_bar(text, "24 others", "#"), ==, 19);
    g_assert_cmpuint(count_bar(text, "a ", "#"), ==, 1);
    g_assert_nonnull(strstr(text, "92%\n"));
    for (const char *at = text; *at; at++)
        g_assert_false(*at & 0x80);
    g_free(text);
}

static void test_versions(void)
{
    struct imapid_store *store = imapid_store_new();
    char *text, **lines;

    add(store, 3, "Mutt", "2.2");
    add(store, 2, "mutt", "2.1");
    add(store, 1, "Mutt", NULL);
    add(store, 1, "Pine", "4");
    text = spell(store, NULL, 0, 80, true);
    g_assert_nonnull(strstr(text, "\nMutt                       6  "));
    g_assert_nonnull(strstr(text, "\n  2.2                      3  "));
    g_assert_nonnull(strstr(text, "\n  2.1                      2  "));
    g_assert_nonnull(strstr(text, "\n  (no version)             1  "));
    g_assert_null(strstr(text, "\n  4 "));         /* the only version of its program */
    g_assert_nonnull(strstr(text, "\n10.0.0.2 ")); /* the server, with how long its answers took */
    g_assert_nonnull(strstr(text, "   1.0 ms   1.0 ms\n"));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        g_assert_cmpuint(imapid_width_measure(*line, strlen(*line)), <=, 80);
    g_strfreev(lines);
    g_free(text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tables/bars", test_bars);
    g_test_add_func("/tables/others", test_others);
    g_test_add_func("/tables/versions", test_versions);
    return g_test_run();
}
