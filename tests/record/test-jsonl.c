/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records as JSON Lines: one object a line, every key always there, octets that are no UTF-8 beside
 * their hexadecimal digits. Reading back is tested in test-read-jsonl.c. */
#include "record/writer.h"
#include "sample.h"

#include "record/json.h"

#include <string.h>

static const struct imapid_writer_style style;

/* The line of an exchange, which has to be one object with these keys. */
static char *write_exchange(struct sample *sample)
{
    static const char *const keys[] = {"type",   "schema", "file",  "stream",   "client",
                                       "server", "tag",    "time",  "command",  "response",
                                       "result", "rtt",    "state", "complete", "findings"};
    struct imapid_json_text text = {0};
    GString *out = g_string_new(NULL);

    imapid_jsonl_writer.exchange(out, &style, &sample->exchange);
    g_assert_true(out->str[out->len - 1] == '\n');
    g_assert_true(strchr(out->str, '\n') == out->str + out->len - 1);
    g_assert_cmpint(imapid_json_read(&text, (const uint8_t *)out->str, out->len), ==,
                    IMAPID_JSON_GOOD);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        g_assert_nonnull(imapid_json_find(text.tokens, keys[i]));
    imapid_json_deinit(&text);
    return g_string_free(out, FALSE);
}

static void test_values(void)
{
    struct sample *sample = sample_new();
    char *line;

    sample_pair(sample, IMAPID_CLIENT, "name", "a\"\\\n\xe2\x80\xae");
    sample_pair(sample, IMAPID_CLIENT, "os", NULL);
    sample_pair(sample, IMAPID_CLIENT, "", "");
    line = write_exchange(sample);
    g_assert_nonnull(
        strstr(line, "\"params\":[[\"name\",\"a\\\"\\\\\\n\\u202e\"],[\"os\",null],[\"\",\"\"]]"));
    g_assert_null(strstr(line, "params_hex"));
    g_free(line);
    sample_pair(sample, IMAPID_CLIENT, "x", "\xff");
    line = write_exchange(sample);
    g_assert_nonnull(strstr(line, "[\"x\",\"\xef\xbf\xbd\"]]"));
    g_assert_nonnull(strstr(line, "[\"78\",\"ff\"]]"));
    g_free(line);
    sample_free(sample);
}

static void test_missing(void)
{
    struct sample *sample = sample_new();
    char *line;

    sample->exchange.response = (struct imapid_record_half){.seen = false};
    sample->exchange.status = IMAPID_STATUS_NONE;
    g_free(sample->exchange.tag);
    sample->exchange.tag = NULL;
    line = write_exchange(sample);
    g_assert_nonnull(strstr(line, "\"tag\":null,"));
    g_assert_nonnull(strstr(line, "\"response\":null,\"result\":null,\"rtt\":null,"));
    g_free(line);
    sample->exchange.command.has_list = false;
    line = write_exchange(sample);
    g_assert_nonnull(strstr(line, "\"params\":null"));
    g_free(line);
    sample_free(sample);
}

static void test_raw(void)
{
    struct sample *sample = sample_new();
    char *line;

    sample->exchange.text = sample_string(sample, "", 0); /* which is not the same as none */
    line = write_exchange(sample);
    g_assert_nonnull(strstr(line, "\"text\":\"\","));
    g_assert_null(strstr(line, "\"raw\""));
    g_free(line);
    sample_raw(sample, IMAPID_CLIENT, "a1 ID (");
    line = write_exchange(sample);
    g_assert_nonnull(strstr(line, "\"raw\":\"a1 ID (\""));
    g_free(line);
    sample_free(sample);
}

static void test_others(void)
{
    struct imapid_record_session session = sample_session();
    struct imapid_record_capture capture = sample_capture();
    GString *out = g_string_new(NULL);

    session.tls = (struct imapid_record_tls){.seen = true, .version = "TLS 1.3", .alpn = "\x1b"};
    imapid_jsonl_writer.session(out, &style, &session);
    g_assert_true(g_str_has_prefix(
        out->str, "{\"type\":\"session\",\"schema\":1,\"site\":null,\"file\":\"a.pcap\""));
    g_assert_nonnull(strstr(out->str, "\"version\":\"TLS 1.3\""));
    g_assert_nonnull(strstr(out->str, "\"\\u001b\""));
    g_string_truncate(out, 0);
    capture.error = (char *)"a.pcap: octet 7: \"cut\"";
    imapid_jsonl_writer.capture(out, &style, &capture);
    g_assert_nonnull(strstr(out->str, "\"unread\":[]"));
    g_assert_true(g_str_has_suffix(out->str, "\"error\":\"a.pcap: octet 7: \\\"cut\\\"\"}\n"));
    g_string_free(out, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/jsonl/values", test_values);
    g_test_add_func("/jsonl/missing", test_missing);
    g_test_add_func("/jsonl/raw", test_raw);
    g_test_add_func("/jsonl/others", test_others);
    return g_test_run();
}
