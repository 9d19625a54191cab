/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records as tables: a row for each exchange with as many cells as the head, and the formats that
 * can be named. Cells are tested in test-cell.c. */
#include "record/writer.h"
#include "sample.h"

#include <string.h>

static const struct imapid_writer_style style;

/* The cell of a column in the row of a sample, of TSV, where nothing is quoted. To be freed. */
static char *get_cell(const struct sample *sample, const char *column)
{
    GString *head = g_string_new(NULL), *row = g_string_new(NULL);
    char **names, **cells, *cell = NULL;

    imapid_tsv_writer.head(head, &style);
    imapid_tsv_writer.exchange(row, &style, &sample->exchange);
    g_assert_true(g_str_has_suffix(row->str, "\n"));
    names = g_strsplit(g_strchomp(head->str), "\t", -1);
    g_string_truncate(row, row->len - 1);
    cells = g_strsplit(row->str, "\t", -1);
    g_assert_cmpuint(g_strv_length(names), ==, g_strv_length(cells));
    for (guint i = 0; names[i]; i++)
        if (!strcmp(names[i], column))
            cell = g_strdup(cells[i]);
    g_strfreev(names);
    g_strfreev(cells);
    g_string_free(head, TRUE);
    g_string_free(row, TRUE);
    return cell;
}

static void assert_cell(const struct sample *sample, const char *column, const char *want)
{
    char *cell = get_cell(sample, column);

    g_assert_cmpstr(cell, ==, want);
    g_free(cell);
}

static void test_columns(void)
{
    struct sample *sample = sample_new();

    sample_pair(sample, IMAPID_CLIENT, "NAME", "Mutt\t1");
    sample_pair(sample, IMAPID_CLIENT, "x-y", "z");
    sample_pair(sample, IMAPID_SERVER, "support-url", "=1");
    sample_finding(sample, IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT, "name");
    sample_finding(sample, IMAPID_FINDING_CLEARTEXT, IMAPID_CLIENT, NULL);
    assert_cell(sample, "client_name", "Mutt\\t1");
    assert_cell(sample, "client_other", "[[\"x-y\",\"z\"]]");
    assert_cell(sample, "server_support_url", "'=1");
    assert_cell(sample, "server_name", "");
    assert_cell(sample, "command_frame", "4");
    assert_cell(sample, "result_frame", "6");
    assert_cell(sample, "rtt", "0.001000000");
    assert_cell(sample, "client_port", "50000");
    assert_cell(sample, "no_such_column", NULL);
    sample_free(sample);
}

static void test_missing(void)
{
    struct sample *sample = sample_new();

    sample->exchange.command = (struct imapid_record_half){.seen = false};
    sample->exchange.status = IMAPID_STATUS_NONE;
    assert_cell(sample, "command_frame", "");
    assert_cell(sample, "result_frame", "");
    assert_cell(sample, "status", "");
    assert_cell(sample, "rtt", "");
    sample_free(sample);
}

static void test_formats(void)
{
    static const char *const names[] = {"jsonl", "csv", "tsv"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_cmpstr(imapid_writer_find(names[i])->name, ==, names[i]);
    g_assert_null(imapid_writer_find("xml"));
    g_assert_null(imapid_writer_find(""));
    g_assert_null(imapid_csv_writer.session);
    g_assert_null(imapid_csv_writer.capture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/table/columns", test_columns);
    g_test_add_func("/table/missing", test_missing);
    g_test_add_func("/table/formats", test_formats);
    return g_test_run();
}
