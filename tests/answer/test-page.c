/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report (page.c, page-time.c, page-findings.c, page-exchanges.c): what each section shows, its
 * limits, and that nothing in it comes from when or where it is written. */
#include "answer/page.h"
#include "sample.h"

#include <string.h>

static struct imapid_store *make(unsigned n, const char *name)
{
    struct imapid_store *store = imapid_store_new();

    for (unsigned i = 0; i < n; i++) {
        struct sample *sample = sample_new();

        sample->exchange.conn.stream = i;
        sample->exchange.conn.client.port = (uint16_t)(10000 + i);
        sample->exchange.command.packet.ts_ns += i * INT64_C(3600000000000);
        sample_pair(sample, IMAPID_CLIENT, "name", name);
        sample_finding(sample, IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT, "name");
        sample_finding(sample, IMAPID_FINDING_UNIQUE_IDENTIFIER, IMAPID_CLIENT, "name");
        imapid_store_add_exchange(store, &sample->exchange);
        sample_free(sample);
    }
    return store;
}

static char *write_page(struct imapid_store *store, bool is_complete)
{
    struct imapid_fold *fold = imapid_fold_new();
    struct imapid_store_view view = imapid_store_settle(store);
    struct imapid_page page = {
        .view = &view, .fold = fold, .version = "1", .is_complete = is_complete};
    GString *out = g_string_new(NULL);

    imapid_page_write(out, &page);
    imapid_fold_free(fold);
    imapid_store_free(store);
    return g_string_free(out, FALSE);
}

static void test_empty(void)
{
    char *page = write_page(imapid_store_new(), true);

    g_assert_true(g_str_has_prefix(page, "<!"));
    g_assert_nonnull(strstr(page, "There was no ID exchange."));
    g_assert_cmpuint(sample_count(page, "<tr id=\"x"), ==, 0);
    g_assert_null(strstr(page, "Not every input could be read whole."));
    g_free(page);
    page = write_page(imapid_store_new(), false);
    g_assert_nonnull(strstr(page, "Not every input could be read whole."));
    g_free(page);
}

static void test_sections(void)
{
    char *page = write_page(make(3, "<b>Mutt</b>"), true);

    g_assert_null(strstr(page, "<b>"));
    g_assert_cmpuint(sample_count(page, "<tr id=\"x"), ==, 3);
    g_assert_nonnull(strstr(page, "id=\"time\""));
    g_assert_nonnull(strstr(page, "in steps of 1 hour."));
    g_assert_nonnull(strstr(page, "id=\"privacy\""));
    g_assert_nonnull(strstr(page, "unique-identifier"));
    g_assert_nonnull(strstr(page, "href=\"#x0\"")); /* a finding leads to its exchange */
    g_assert_nonnull(strstr(page, "wireshark -r a.pcap -g 4"));
    g_free(page);
}

static void test_same(void)
{
    char *one = write_page(make(3, "Mutt"), true), *other = write_page(make(3, "Mutt"), true);

    g_assert_cmpstr(one, ==, other);
    g_free(one);
    g_free(other);
}

/* The last rows are shown, and what is said of the rest has no link to nowhere. */
static void test_rows(void)
{
    char *page = write_page(make(IMAPID_PAGE_ROWS_MAX + 5, "Mutt"), true);

    g_assert_cmpuint(sample_count(page, "<tr id=\"x"), ==, IMAPID_PAGE_ROWS_MAX);
    g_assert_null(strstr(page, "<tr id=\"x4\""));
    g_assert_nonnull(strstr(page, "<tr id=\"x5\""));
    g_assert_null(strstr(page, "href=\"#x4\""));
    g_assert_nonnull(strstr(page, "The last 2000 of 2005"));
    g_free(page);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/page/empty", test_empty);
    g_test_add_func("/page/sections", test_sections);
    g_test_add_func("/page/same", test_same);
    g_test_add_func("/page/rows", test_rows);
    return g_test_run();
}
