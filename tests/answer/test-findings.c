/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writers of findings (findings-text.c, findings-table.c, sarif.c, writer.c). That every output
 * can be read, whatever the records say, is the business of tests/fuzz/fuzz-writers.c. */
#include "answer/writer.h"
#include "record/width.h"
#include "sample.h"

#include <string.h>

/* Text that was handed on, and in how many pieces. */
struct taken {
    GString *text;
    unsigned n;
};

static void take(void *ctx, const char *text, size_t n)
{
    struct taken *taken = ctx;

    g_string_append_len(taken->text, text, (gssize)n);
    taken->n++;
}

/* Exchanges of one client, a stream each, with a warning and a note. */
static struct imapid_store *make(unsigned n)
{
    struct imapid_store *store = imapid_store_new();

    for (unsigned i = 0; i < n; i++) {
        struct sample *sample = sample_new();

        sample->exchange.conn.stream = i;
        sample->exchange.conn.client.port = (uint16_t)(50000 + i);
        sample_pair(sample, IMAPID_CLIENT, "name", "Mutt");
        sample_pair(sample, IMAPID_CLIENT, "os", "{x}[y] \x1b[2J,\"=1");
        sample_finding(sample, IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT, "os");
        sample_finding(sample, IMAPID_FINDING_CLEARTEXT, IMAPID_CLIENT, NULL);
        imapid_store_add_exchange(store, &sample->exchange);
        sample_free(sample);
    }
    return store;
}

static char *write_all(const struct imapid_findings_writer *writer, unsigned n, bool verbose,
                       bool is_complete, struct taken *taken)
{
    struct imapid_store *store = make(n);
    struct imapid_fold *fold = imapid_fold_new();
    struct imapid_store_view view = imapid_store_settle(store);
    struct imapid_items items = imapid_items_find(&view, fold, 0);
    struct imapid_findings_report report = {.view = &view,
                                            .items = &items,
                                            .version = "1",
                                            .verbose = verbose,
                                            .show = IMAPID_SEVERITY_WARNING,
                                            .terminal = {.utf8 = true, .columns = 120},
                                            .is_complete = is_complete,
                                            .put = taken ? take : NULL,
                                            .ctx = taken};
    GString *out = g_string_new(NULL);

    writer->write(out, &report);
    imapid_items_free(&items);
    imapid_fold_free(fold);
    imapid_store_free(store);
    return g_string_free(out, FALSE);
}

static void test_text(void)
{
    char *text = write_all(&imapid_findings_text_writer, 5, false, true, NULL);

    g_assert_true(g_str_has_prefix(text, "1 kind of warning in 5 connections. To do:\n\n"
                                         "! WARN   not-ascii: a quoted string holds "));
    g_assert_nonnull(strstr(text, "\n  Mutt (client): 5 connections, 1 address\n"
                                  "    seen   a1 ID (\"name\" \"Mutt\" \"os\" "
                                  "\"{x}[y] \\u001b[2J,\\\\\"=1\")\n"));
    g_assert_nonnull(strstr(text, "\n  For the client's vendor: send it as a literal"));
    g_assert_nonnull(strstr(text, "\n    wireshark -r a.pcap -Y 'tcp.stream == 0' -g 4\n"));
    g_assert_cmpuint(sample_count(text, "wireshark"), ==, 1); /* an example */
    g_assert_nonnull(strstr(text, "\n1 kind of note, not shown (--show note): cleartext 5.\n"));
    g_free(text);
    text = write_all(&imapid_findings_text_writer, 5, true, true, NULL);
    g_assert_nonnull(strstr(text, "    a.pcap stream 3 frame 4, 10.0.0.1:50003 to 10.0.0.2:143\n"));
    g_assert_cmpuint(sample_count(text, "    seen   "), ==, 5);
    g_free(text);
    text = write_all(&imapid_findings_text_writer, 0, false, true, NULL);
    g_assert_cmpstr(text, ==, "Nothing to do in 0 connections.\n");
    g_free(text);
}

/* What is marked stands under the carets, whatever was cut before it. */
static void test_marks(void)
{
    struct sample *sample = sample_new();
    struct imapid_store *store = imapid_store_new();
    struct imapid_fold *fold = imapid_fold_new();
    struct imapid_store_view view;
    struct imapid_items items;
    struct imapid_findings_report report = {
        .version = "1", .terminal = {.utf8 = true, .columns = 80}, .show = IMAPID_SEVERITY_WARNING};
    GString *out = g_string_new(NULL);
    char **lines;
    unsigned i = 0;
    long at;

    for (int n = 0; n < 9; n++)
        sample_pair(sample, IMAPID_CLIENT, n ? "vendor" : "\xe5\xad\x97", "\xe5\xad\x97 Example");
    sample_pair(sample, IMAPID_CLIENT, "x-serial", "0123456789");
    sample_pair(sample, IMAPID_CLIENT, "os",
                "a long one, and a longer one, that goes on and on and on");
    sample_finding(sample, IMAPID_FINDING_UNIQUE_IDENTIFIER, IMAPID_CLIENT, "x-serial");
    imapid_store_add_exchange(store, &sample->exchange);
    view = imapid_store_settle(store);
    items = imapid_items_find(&view, fold, 0);
    report.view = &view;
    report.items = &items;
    imapid_findings_text_writer.write(out, &report);
    lines = g_strsplit(out->str, "\n", -1);
    while (lines[i] && !strchr(lines[i], '^'))
        i++;
    g_assert_nonnull(lines[i]);
    g_assert_cmpuint(imapid_width_measure(lines[i - 1], strlen(lines[i - 1])), <=, 80);
    at = strstr(lines[i - 1], "\"x-serial\"") - lines[i - 1];
    g_assert_cmpint(at, >, 0);
    g_assert_cmpuint(imapid_width_measure(lines[i - 1], (gsize)at), ==, strcspn(lines[i], "^"));
    g_assert_cmpuint(strlen(lines[i]) - strcspn(lines[i], "^"), ==,
                     strlen("\"x-serial\" \"0123456789\""));
    g_strfreev(lines);
    g_string_free(out, TRUE);
    imapid_items_free(&items);
    imapid_fold_free(fold);
    imapid_store_free(store);
    sample_free(sample);
}

static void test_jsonl(void)
{
    char *text = write_all(&imapid_findings_jsonl_writer, 2, false, true, NULL);
    char **lines = g_strsplit(text, "\n", -1);

    g_assert_cmpuint(g_strv_length(lines), ==, 6); /* four findings, the totals, nothing */
    g_assert_true(g_str_has_prefix(lines[0], "{\"type\":\"finding\",\"schema\":1,\"code\":"));
    g_assert_true(g_str_has_prefix(lines[4], "{\"type\":\"check\","));
    g_assert_nonnull(strstr(lines[4], "\"complete\":true"));
    g_strfreev(lines);
    g_free(text);
    text = write_all(&imapid_findings_jsonl_writer, 0, false, false, NULL);
    g_assert_nonnull(strstr(text, "\"complete\":false"));
    g_free(text);
}

static void test_csv(void)
{
    char *text = write_all(&imapid_findings_csv_writer, 2, false, true, NULL);

    g_assert_cmpuint(sample_count(text, "\r\n"), ==, 5);
    g_assert_true(g_str_has_prefix(text, "code,severity,side,"));
    g_assert_nonnull(strstr(text, "\"{x}[y] \x1b[2J,\"\"=1\""));
    g_free(text);
}

static void test_sarif(void)
{
    char *text = write_all(&imapid_findings_sarif_writer, 1, false, true, NULL);

    g_assert_cmpuint(sample_count(text, "\"ruleId\":"), ==, 2);
    g_assert_nonnull(strstr(text, "{{x}}\\\\[y\\\\]")); /* SARIF's own marks are escaped */
    g_assert_nonnull(strstr(text, "\"uri\":\"a.pcap\""));
    g_free(text);
}

/* In pieces it is the same text. */
static void test_pieces(void)
{
    static const struct imapid_findings_writer *const writers[] = {
        &imapid_findings_text_writer, &imapid_findings_jsonl_writer, &imapid_findings_csv_writer,
        &imapid_findings_sarif_writer};

    for (size_t i = 0; i < G_N_ELEMENTS(writers); i++) {
        struct taken taken = {g_string_new(NULL), 0};
        char *whole = write_all(writers[i], 2000, true, true, NULL);
        char *rest = write_all(writers[i], 2000, true, true, &taken);

        g_string_append(taken.text, rest);
        g_assert_cmpstr(taken.text->str, ==, whole);
        g_assert_cmpuint(taken.n, >, 1);
        g_assert_cmpuint(strlen(rest), <, strlen(whole) / 2);
        g_string_free(taken.text, TRUE);
        g_free(whole);
        g_free(rest);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/findings/text", test_text);
    g_test_add_func("/findings/marks", test_marks);
    g_test_add_func("/findings/jsonl", test_jsonl);
    g_test_add_func("/findings/csv", test_csv);
    g_test_add_func("/findings/sarif", test_sarif);
    g_test_add_func("/findings/pieces", test_pieces);
    return g_test_run();
}
