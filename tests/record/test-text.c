/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records for a person: nothing that a stranger wrote moves the cursor, and nothing is left out
 * without a word. */
#include "record/writer.h"
#include "sample.h"

#include <string.h>

static char *write_exchange(const struct sample *sample, bool verbose, bool colour)
{
    struct imapid_writer_style style = {
        .verbose = verbose, .colour = colour, .is_terminal = colour};
    GString *out = g_string_new(NULL);

    imapid_text_writer.exchange(out, &style, &sample->exchange);
    return g_string_free(out, FALSE);
}

static void test_line(void)
{
    struct sample *sample = sample_new();
    char *text;

    sample_pair(sample, IMAPID_CLIENT, "name", "Mutt");
    sample_pair(sample, IMAPID_CLIENT, "version", "2.2");
    text = write_exchange(sample, false, false);
    g_assert_true(g_str_has_prefix(text, "2026-01-02T03:04:05.000000Z  10.0.0.1:50000 "));
    g_assert_nonnull(strstr(text, " Mutt 2.2 "));
    g_assert_nonnull(strstr(text, " OK 1.0 ms\n"));
    g_assert_true(strchr(text, '\n') == text + strlen(text) - 1);
    g_free(text);
    sample_free(sample);
}

static void test_hostile(void)
{
    struct sample *sample = sample_new();
    char *text;

    sample_pair(sample, IMAPID_CLIENT, "name\x1b[2J", "\x07\n\xe2\x80\xae\xff");
    sample->exchange.text = sample_string(sample, "\x1b]0;x\x07", 6);
    sample_raw(sample, IMAPID_SERVER, "* ID \x9b");
    for (int verbose = 0; verbose < 2; verbose++) {
        text = write_exchange(sample, verbose, false);
        for (const char *at = text; *at; at++)
            g_assert_true(*at == '\n' || !g_ascii_iscntrl(*at));
        g_assert_null(strstr(text, "\xe2\x80\xae"));
        g_assert_true(g_utf8_validate(text, -1, NULL));
        g_free(text);
    }
    sample_free(sample);
}

static void test_verbose(void)
{
    struct sample *sample = sample_new();
    char *text;

    sample_pair(sample, IMAPID_CLIENT, "os", NULL);
    sample_finding(sample, IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT, "os");
    text = write_exchange(sample, true, false);
    g_assert_nonnull(strstr(text, "    client, frame 4\n        os                NIL\n"));
    g_assert_nonnull(strstr(text, "    server, frame 5  ()\n"));
    g_assert_nonnull(strstr(text, "    result, frame 6  OK ID completed\n"));
    g_assert_nonnull(strstr(text, "    warning not-ascii (client, os): "));
    g_free(text);
    sample->exchange.response.has_list = false;
    text = write_exchange(sample, true, false);
    g_assert_nonnull(strstr(text, "    server, frame 5  NIL\n"));
    g_free(text);
    sample_free(sample);
}

static void test_incomplete(void)
{
    struct sample *sample = sample_new();
    char *whole = write_exchange(sample, false, false), *text;

    sample->exchange.complete = false;
    text = write_exchange(sample, false, false);
    g_assert_cmpstr(text, !=, whole);
    g_free(text);
    g_free(whole);
    sample_free(sample);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/line", test_line);
    g_test_add_func("/text/hostile", test_hostile);
    g_test_add_func("/text/verbose", test_verbose);
    g_test_add_func("/text/incomplete", test_incomplete);
    return g_test_run();
}
