/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SARIF: places of results, marks that are escaped, and what makes a finding the same in the next run. */
#include "answer/writer.h"
#include "sample.h"

#include <string.h>

/* A client's finding as SARIF. `file` may be NULL. */
static char *write_one(const char *file, const char *tag, const char *name, uint64_t frame,
                       bool is_complete)
{
    struct sample *sample = sample_new();
    struct imapid_store *store = imapid_store_new();
    struct imapid_fold *fold = imapid_fold_new();
    GString *out = g_string_new(NULL);
    struct imapid_store_view view;
    struct imapid_items items;
    struct imapid_findings_report report = {
        .view = &view, .items = &items, .version = "1.2", .is_complete = is_complete};

    if (file)
        sample->exchange.conn.file = file;
    g_free(sample->exchange.tag);
    sample->exchange.tag = g_strdup(tag);
    sample->exchange.command.packet.number = frame;
    sample_pair(sample, IMAPID_CLIENT, "name", name);
    sample_finding(sample, IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT, "os");
    imapid_store_add_exchange(store, &sample->exchange);
    sample_free(sample);
    view = imapid_store_settle(store);
    items = imapid_items_find(&view, fold, 0);
    imapid_findings_sarif_writer.write(out, &report);
    imapid_items_free(&items);
    imapid_fold_free(fold);
    imapid_store_free(store);
    return g_string_free(out, FALSE);
}

static void expect(const char *file, const char *what)
{
    char *text = write_one(file, "a1", "Mutt", 4, true);

    if (!strstr(text, what))
        g_error("no %s in %s", what, text);
    g_free(text);
}

static void test_places(void)
{
    expect(NULL, "\"uri\":\"a.pcap\"");
    expect("dir/a b%.pcap", "\"uri\":\"dir/a%20b%25.pcap\"");
    expect("/abs/\"\xc3\xbc.pcap", "\"uri\":\"file:///abs/%22%C3%BC.pcap\"");
    expect(NULL, "/frame 4\",\"kind\":\"element\"");
    expect(NULL, "\"ruleId\":\"not-ascii\"");
    expect(NULL, "\"level\":\"warning\",\"message\":{\"text\":\"Mutt: ");
    expect(NULL, "\"name\":\"imapid\",\"version\":\"1.2\",\"rules\":[{\"id\":");
}

static void test_complete(void)
{
    for (int is_complete = 0; is_complete < 2; is_complete++) {
        char *text = write_one(NULL, "a1", "Mutt", 4, is_complete);

        g_assert_nonnull(strstr(text, is_complete ? "\"executionSuccessful\":true"
                                                  : "\"executionSuccessful\":false"));
        g_free(text);
    }
}

static char *find_fingerprint(char *text)
{
    const char *at = strstr(text, "\"imapidFinding/v1\":\"");
    char *sum;

    g_assert_nonnull(at);
    sum = g_strndup(at + strlen("\"imapidFinding/v1\":\""), 64);
    g_assert_cmpuint(strspn(sum, "0123456789abcdef"), ==, 64);
    g_free(text);
    return sum;
}

static void test_fingerprints(void)
{
    char *one = find_fingerprint(write_one(NULL, "a1", "Mutt", 4, true));
    char *same = find_fingerprint(write_one("b.pcap", "b7", "Mutt", 9, true));
    char *other = find_fingerprint(write_one(NULL, "a1", "Alpine", 4, true));

    g_assert_cmpstr(one, ==, same);
    g_assert_cmpstr(one, !=, other);
    g_free(one);
    g_free(same);
    g_free(other);
}

/* The marks that SARIF has for links and arguments. */
static void test_marks(void)
{
    char *text = write_one(NULL, "a1", "{0} [x](y)", 4, true);

    g_assert_nonnull(strstr(text, "{{0}} \\\\[x\\\\](y)"));
    g_free(text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sarif/places", test_places);
    g_test_add_func("/sarif/complete", test_complete);
    g_test_add_func("/sarif/fingerprints", test_fingerprints);
    g_test_add_func("/sarif/marks", test_marks);
    return g_test_run();
}
