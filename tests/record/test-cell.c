/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cells of CSV and TSV: quoted where they have to be, never a formula. */
#include "record/cell.h"

#include <string.h>

static char *cell(enum imapid_cell_form form, const char *octets, size_t n)
{
    struct imapid_row row = {.out = g_string_new(NULL), .form = form};
    uint8_t *copy = g_memdup2(octets, n); /* an exact-size block */

    imapid_cell_add(&row, copy, n);
    g_free(copy);
    return g_string_free(row.out, FALSE);
}

#define ASSERT_CELL(form, octets, want)                                                            \
    do {                                                                                           \
        char *have = cell(form, octets, sizeof(octets) - 1);                                       \
        g_assert_cmpstr(have, ==, want);                                                           \
        g_free(have);                                                                              \
    } while (0)

static void test_csv(void)
{
    ASSERT_CELL(IMAPID_CELL_CSV, "", "");
    ASSERT_CELL(IMAPID_CELL_CSV, "plain text", "plain text");
    ASSERT_CELL(IMAPID_CELL_CSV, "a,b", "\"a,b\"");
    ASSERT_CELL(IMAPID_CELL_CSV, "say \"x\"", "\"say \"\"x\"\"\"");
    ASSERT_CELL(IMAPID_CELL_CSV, "a\r\nb", "\"a\r\nb\"");
    ASSERT_CELL(IMAPID_CELL_CSV, " edge ", "\" edge \"");
    ASSERT_CELL(IMAPID_CELL_CSV, "a\0b",
                "a\xef\xbf\xbd"
                "b");
    ASSERT_CELL(IMAPID_CELL_CSV, "\xdc", "\xef\xbf\xbd");
}

static void test_tsv(void)
{
    ASSERT_CELL(IMAPID_CELL_TSV, "a\tb\nc\rd\\e\0f", "a\\tb\\nc\\rd\\\\e\\0f");
    ASSERT_CELL(IMAPID_CELL_TSV, "say \"x\", you", "say \"x\", you");
}

static void test_formulas(void)
{
    ASSERT_CELL(IMAPID_CELL_CSV, "=1+1", "'=1+1");
    ASSERT_CELL(IMAPID_CELL_CSV, "+1", "'+1");
    ASSERT_CELL(IMAPID_CELL_CSV, "-1", "'-1");
    ASSERT_CELL(IMAPID_CELL_CSV, "@SUM(A1)", "'@SUM(A1)");
    ASSERT_CELL(IMAPID_CELL_CSV, "\tx", "'\tx");
    ASSERT_CELL(IMAPID_CELL_CSV, "\r=1", "\"'\r=1\"");
    ASSERT_CELL(IMAPID_CELL_CSV, "\n=1", "\"'\n=1\"");
    ASSERT_CELL(IMAPID_CELL_CSV, "'x", "''x");
    ASSERT_CELL(IMAPID_CELL_CSV, "a=1", "a=1");
    ASSERT_CELL(IMAPID_CELL_CSV,
                "\xef\xbc\x9d"
                "1+1",
                "'\xef\xbc\x9d"
                "1+1");
    ASSERT_CELL(IMAPID_CELL_CSV,
                "\xef\xbc\x8b"
                "1",
                "'\xef\xbc\x8b"
                "1");
    ASSERT_CELL(IMAPID_CELL_CSV,
                "\xef\xbc\x8d"
                "1",
                "'\xef\xbc\x8d"
                "1");
    ASSERT_CELL(IMAPID_CELL_TSV, "\xef\xbc\xa0x", "'\xef\xbc\xa0x");
    ASSERT_CELL(IMAPID_CELL_CSV, "\xef\xbc\x9e", "\xef\xbc\x9e");
    ASSERT_CELL(IMAPID_CELL_CSV, "\xef\xbc", "\xef\xbf\xbd\xef\xbf\xbd");
    ASSERT_CELL(IMAPID_CELL_CSV, "\"\"=1", "\"\"\"\"\"=1\"");
    ASSERT_CELL(IMAPID_CELL_TSV, "\"\"=1", "'\"\"=1");
    ASSERT_CELL(IMAPID_CELL_TSV, "=1", "'=1");
    ASSERT_CELL(IMAPID_CELL_TSV, "\t=1", "'\\t=1");
}

static void test_rows(void)
{
    struct imapid_row row = {.out = g_string_new(NULL), .form = IMAPID_CELL_CSV};

    imapid_cell_add_own(&row, "-0.5");
    imapid_cell_add_number(&row, G_MAXUINT64);
    imapid_cell_add_text(&row, NULL);
    imapid_cell_end_row(&row);
    imapid_cell_add_own(&row, NULL);
    imapid_cell_add_text(&row, "x");
    imapid_cell_end_row(&row);
    g_assert_cmpstr(row.out->str, ==, "-0.5,18446744073709551615,\r\n,x\r\n");
    g_string_free(row.out, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cell/csv", test_csv);
    g_test_add_func("/cell/tsv", test_tsv);
    g_test_add_func("/cell/formulas", test_formulas);
    g_test_add_func("/cell/rows", test_rows);
    return g_test_run();
}
