/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pseudonyms: what identifies somebody is replaced, the same by the same, and what software says of
 * itself stays. */
#include "record/redact.h"

#include "sample.h"

#include "follow/terms.h"
#include "record/pseudonym.h"
#include "record/writer.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

static const char key[] = "0123456789abcdef";

/* A file that holds `text`; to be removed and freed. */
static char *write_key(const char *text, size_t n)
{
    char *path;
    int fd = g_file_open_tmp("imapid-key-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_true(g_file_set_contents(path, text, (gssize)n, NULL));
    return path;
}

static struct imapid_redact *redact_new(const char *text, size_t n)
{
    char *path = write_key(text, n), *message = NULL;
    struct imapid_redact *redact = imapid_redact_new(path, &imapid_follow_terms, &message);

    g_assert_nonnull(redact);
    g_unlink(path);
    g_free(path);
    return redact;
}

/* ---- a sink that keeps what it is given ---- */

struct got {
    GString *json;
    void (*check)(const struct imapid_record_exchange *exchange);
};

static const struct imapid_writer_style style;

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    struct got *got = ctx;

    imapid_jsonl_writer.exchange(got->json, &style, exchange);
    if (got->check)
        got->check(exchange);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    imapid_jsonl_writer.session(((struct got *)ctx)->json, &style, session);
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    imapid_jsonl_writer.capture(((struct got *)ctx)->json, &style, capture);
}

/* Redacts one record of a kind (the others are NULL); the result as JSON, to be freed. */
static char *redact_with(const struct imapid_redact *redact,
                         const struct imapid_record_exchange *exchange,
                         const struct imapid_record_session *session,
                         const struct imapid_record_capture *capture,
                         void (*check)(const struct imapid_record_exchange *))
{
    struct got got = {g_string_new(NULL), check};
    struct imapid_record_sink next = {on_exchange, on_session, on_capture, &got, NULL};
    struct imapid_redact_sink wrapped = {redact, &next};
    struct imapid_record_sink sink = imapid_redact_wrap(&wrapped);

    if (exchange)
        sink.exchange(sink.ctx, exchange);
    if (session)
        sink.session(sink.ctx, session);
    if (capture)
        sink.capture(sink.ctx, capture);
    return g_string_free(got.json, FALSE);
}

static char *redact_exchange(const struct sample *sample)
{
    struct imapid_redact *redact = redact_new(key, strlen(key));
    char *json = redact_with(redact, &sample->exchange, NULL, NULL, NULL);

    imapid_redact_free(redact);
    return json;
}

/* What a pair becomes, as JSON: ["field","value"]; to be freed. */
static char *redact_pair(const char *field, const char *value)
{
    struct sample *sample = sample_new();
    char *json, *start, *pair;

    sample_pair(sample, IMAPID_CLIENT, field, value);
    json = redact_exchange(sample);
    start = strstr(json, "\"params\":[[");
    g_assert_nonnull(start);
    start += strlen("\"params\":[");
    pair = g_strndup(start, (gsize)(strchr(start, ']') + 1 - start));
    g_free(json);
    sample_free(sample);
    return pair;
}

static void assert_pair(const char *field, const char *value, const char *pattern)
{
    char *pair = redact_pair(field, value);

    if (!g_regex_match_simple(pattern, pair, G_REGEX_ANCHORED, 0))
        g_error("%s %s became %s and not %s", field, value ? value : "NIL", pair, pattern);
    g_free(pair);
}

#define HEX   "[0-9a-f]{16}"
#define TOKEN "redacted-" HEX

/* What of a value stays is tested in test-redact-value.c. */
static void test_pairs(void)
{
    assert_pair("name", "Thunderbird", "\\[\"name\",\"Thunderbird\"\\]$");
    assert_pair("NAME", "Thunderbird", "\\[\"NAME\",\"Thunderbird\"\\]$");
    assert_pair("version", NULL, "\\[\"version\",null\\]$");
    assert_pair("device-id", "", "\\[\"device-id\",\"\"\\]$");
    assert_pair("device-id", "x", "\\[\"device-id\",\"" TOKEN "\"\\]$");
    assert_pair("joe's field", "x", "\\[\"field-" HEX "\",\"" TOKEN "\"\\]$");
}

/* A pseudonym is the first eight octets of HMAC-SHA-256 of kind, NUL, value. The answer is that of
 * Python's hmac module. */
static void test_known_answer(void)
{
    char *pair = redact_pair("device-id", "abc");

    g_assert_cmpstr(pair, ==, "[\"device-id\",\"redacted-051877cfcea58706\"]");
    g_free(pair);
}

static void check_endpoints(const struct imapid_record_exchange *exchange)
{
    const struct imapid_record_conn *conn = &exchange->conn;

    g_assert_cmpuint(conn->client.port, ==, 50000);
    g_assert_cmpuint(conn->client.family, ==, 6);
    g_assert_cmpuint(conn->client.address[0], ==, 0xfd);
    g_assert_cmpuint(conn->client.address[1], ==, 4);
    /* The same address has the same pseudonym wherever it stands. */
    g_assert_cmpmem(conn->client.address, 16, conn->proxied_client.address, 16);
    g_assert_cmpuint(conn->server.family, ==, 6);
    g_assert_cmpuint(conn->server.port, ==, 143);
    g_assert_cmpuint(conn->server.address[0], ==, 0xfd);
    g_assert_cmpuint(conn->server.address[1], ==, 6);
    g_assert_cmpuint(conn->server.address[15] | conn->server.address[14], !=, 1);
    g_assert_cmpuint(exchange->command.packet.number, ==, 4);
    g_assert_cmpint(exchange->command.packet.ts_ns, ==, SAMPLE_TIME_NS);
}

static void test_addresses(void)
{
    struct imapid_redact *redact = redact_new(key, strlen(key));
    struct sample *sample = sample_new();
    struct imapid_record_conn *conn = &sample->exchange.conn;

    conn->proxied_client = sample_endpoint(1, 7);
    conn->server = (struct imapid_endpoint){{0x20, 1, 0xd, 0xb8, [15] = 1}, 143, 6};
    g_free(redact_with(redact, &sample->exchange, NULL, NULL, check_endpoints));
    sample_free(sample);
    imapid_redact_free(redact);
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

/* No two of a million IPv4 addresses share a pseudonym, not even in the 64 bits compared here (28
 * bits would have about 1,860 pairs that do). Of 112 bits none is always the same, so that at 10^7
 * addresses the odds of one pair are 10^14 / 2^113. */
static void test_no_pseudonym_twice(void)
{
    enum { N = 1000000 };
    char *path = write_key(key, strlen(key)), *message = NULL;
    struct imapid_pseudonyms *pseudonyms = imapid_pseudonyms_new(path, &message);
    uint8_t set[16] = {0}, clear[16] = {0};
    uint64_t *numbers = g_new(uint64_t, N);
    unsigned n_free = 0;

    for (unsigned i = 0; i < N; i++) {
        struct imapid_endpoint endpoint = {
            .address = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}, .family = 4};

        imapid_pseudonyms_replace_endpoint(pseudonyms, &endpoint);
        memcpy(&numbers[i], endpoint.address + 8, sizeof numbers[i]);
        for (unsigned k = 0; k < 16; k++) {
            set[k] |= endpoint.address[k];
            clear[k] |= (uint8_t)~endpoint.address[k];
        }
    }
    for (unsigned k = 0; k < 128; k++)
        n_free += (set[k / 8] & clear[k / 8]) >> k % 8 & 1;
    g_assert_cmpuint(n_free, ==, 112);
    qsort(numbers, N, sizeof *numbers, compare_numbers);
    for (unsigned i = 1; i < N; i++)
        g_assert_cmpuint(numbers[i - 1], !=, numbers[i]);
    g_free(numbers);
    imapid_pseudonyms_free(pseudonyms);
    g_unlink(path);
    g_free(path);
}

/* Everything a stranger can write at once: none of it is in what comes out. */
static void test_nothing_gets_through(void)
{
    static const char *const secrets[] = {"Joe", "joe", "10.0.0.", "hunter2", "secret"};
    struct sample *sample = sample_new();
    char *json;

    sample->exchange.conn.file = "/home/Joe/secret.pcap.gz";
    sample->exchange.command.file = "Joe.pcap";
    sample->exchange.response.file = "Joe.pcap";
    sample->exchange.result_file = "Joe.pcap";
    g_free(sample->exchange.tag);
    sample->exchange.tag = g_strdup("joe.1");
    sample->exchange.text = sample_string(sample, "Joe hunter2 ID completed", 24);
    sample_pair(sample, IMAPID_CLIENT, "user", "Joe");
    sample_pair(sample, IMAPID_CLIENT, "joe", "secret");
    sample_pair(sample, IMAPID_SERVER, "guid", "secret");
    sample_raw(sample, IMAPID_CLIENT, "joe.1 ID (\"user\" \"Joe\" \"joe\" \"secret\" hunter2");
    sample_raw(sample, IMAPID_SERVER, "* ID (\"guid\" \"secret\" hunter2");
    sample_finding(sample, IMAPID_FINDING_UNIQUE_IDENTIFIER, IMAPID_CLIENT, "joe");
    json = redact_exchange(sample);
    for (size_t i = 0; i < G_N_ELEMENTS(secrets); i++)
        if (strstr(json, secrets[i]))
            g_error("%s is still in %s", secrets[i], json);
    g_free(json);
    sample_free(sample);
}

/* A malformed list is masked letter by letter; the words that stay, the tag and syntax stay. */
static void test_raw(void)
{
    struct sample *sample = sample_new();
    char *json;

    sample_pair(sample, IMAPID_CLIENT, "name", "Mail");
    sample_raw(sample, IMAPID_CLIENT, "a1 ID (\"name\" \"Mail\" joe77 {12+}");
    json = redact_exchange(sample);
    g_assert_nonnull(strstr(json, "\"raw\":\"a1 ID (\\\"name\\\" \\\"Mail\\\" xxx99 {12+}\""));
    g_assert_null(strstr(strstr(json, "\"response\":"), "\"raw\""));
    g_free(json);
    sample_free(sample);
    /* What is no size of a literal is masked, whatever stands before it. */
    sample = sample_new();
    sample_raw(sample, IMAPID_CLIENT, "a1 ID ({490154203237518} {4901 {5+} {6}x");
    json = redact_exchange(sample);
    g_assert_nonnull(strstr(json, "\"raw\":\"a1 ID ({999999999999999} {9999 {5+} {6}x\""));
    g_free(json);
    sample_free(sample);
}

static void check_no_raw(const struct imapid_record_exchange *exchange)
{
    g_assert_null(exchange->command.raw);
    g_assert_cmpuint(exchange->command.n_raw, ==, 0);
}

/* The raw text of a well-formed list is left out: its pairs say the same. */
static void test_no_raw(void)
{
    struct imapid_redact *redact = redact_new(key, strlen(key));
    struct sample *sample = sample_new();

    sample_raw(sample, IMAPID_CLIENT, "a1 ID (\"user\" \"Joe\")");
    sample->exchange.command.is_malformed = false;
    g_free(redact_with(redact, &sample->exchange, NULL, NULL, check_no_raw));
    sample_free(sample);
    imapid_redact_free(redact);
}

static void assert_tag(const char *tag, const char *pattern)
{
    struct sample *sample = sample_new();
    char *json;

    g_free(sample->exchange.tag);
    sample->exchange.tag = g_strdup(tag);
    json = redact_exchange(sample);
    g_assert_true(g_regex_match_simple(pattern, json, 0, 0));
    g_free(json);
    sample_free(sample);
}

static void test_tags(void)
{
    assert_tag("a1", "\"tag\":\"a1\",");
    assert_tag("ABCD12345678", "\"tag\":\"ABCD12345678\",");
    assert_tag("ABCDE1", "\"tag\":\"tag-" HEX "\",");
    assert_tag("1a", "\"tag\":\"tag-" HEX "\",");
    assert_tag("a123456789", "\"tag\":\"tag-" HEX "\",");
    assert_tag(NULL, "\"tag\":null,");
}

static char *redact_file_name(const char *file)
{
    struct imapid_redact *redact = redact_new(key, strlen(key));
    struct imapid_record_capture capture = sample_capture();
    char *json;

    capture.file = file;
    capture.error = (char *)"/home/joe: no such thing";
    capture.format = "Joe's";
    json = redact_with(redact, NULL, NULL, &capture, NULL);
    imapid_redact_free(redact);
    return json;
}

static void test_captures(void)
{
    char *json = redact_file_name("joe.PCAPNG"), *same = redact_file_name("joe.PCAPNG");
    char *standard_input = redact_file_name("-");

    g_assert_true(g_regex_match_simple("\"file\":\"capture-" HEX "\\.pcapng\",", json, 0, 0));
    g_assert_cmpstr(json, ==, same);
    g_assert_nonnull(strstr(standard_input, "\"file\":\"-\","));
    g_assert_nonnull(strstr(json, "\"format\":\"unknown\","));
    g_assert_nonnull(strstr(json, "\"packets\":9,\"bytes\":900,"));
    g_assert_null(strstr(json, "joe"));
    g_assert_null(strstr(json, "\"error\":null"));
    g_free(json);
    g_free(same);
    g_free(standard_input);
}

static void test_sessions(void)
{
    struct imapid_redact *redact = redact_new(key, strlen(key));
    struct imapid_record_session session = sample_session();
    char *json;

    session.decrypted = IMAPID_NO;
    session.not_decrypted = "no-key";
    json = redact_with(redact, NULL, &session, NULL, NULL);
    g_assert_nonnull(strstr(json, "\"not_decrypted\":\"no-key\""));
    g_assert_nonnull(strstr(json, "\"exchanges\":1,\"from_start\":true"));
    g_free(json);
    session.not_decrypted = "joe@example.com";
    json = redact_with(redact, NULL, &session, NULL, NULL);
    g_assert_nonnull(strstr(json, "\"not_decrypted\":\"unknown\""));
    g_assert_nonnull(strstr(json, "\"tls\":null"));
    g_free(json);
    session.tls = (struct imapid_record_tls){true, "TLS 1.0", "TLS_RSA_WITH_AES_128_CBC_SHA",
                                             "mail.example.com", "imap"};
    json = redact_with(redact, NULL, &session, NULL, NULL);
    g_assert_nonnull(strstr(json, "\"version\":\"TLS 1.0\",\"suite\":\"TLS_RSA_WITH_AES_128_CBC_"
                                  "SHA\",\"server_name\":\"server-"));
    g_assert_nonnull(strstr(json, "\"alpn\":\"imap\""));
    g_assert_null(strstr(json, "example"));
    g_free(json);
    session.tls = (struct imapid_record_tls){true, "joe@example.com", "joe@example.com", NULL,
                                             "joe@example.com"};
    json = redact_with(redact, NULL, &session, NULL, NULL);
    g_assert_null(strstr(json, "example"));
    g_free(json);
    imapid_redact_free(redact);
}

static void refuse_key(const char *path, const char *names)
{
    char *message = NULL;

    g_assert_null(imapid_redact_new(path, &imapid_follow_terms, &message));
    g_assert_nonnull(message);
    g_assert_nonnull(strstr(message, names));
    g_free(message);
}

/* Every octet of a key counts: NUL, line ends, and what stands behind them. */
static void test_keys(void)
{
    static const char *const texts[] = {
        "0123456789abcdef\0\0", "0123456789abcdef\r\n", "0123456789abcdef\n\n",
        "0123456789abcdef\0x",  "0123456789abcdefgh",   "1123456789abcdefgh",
    };
    struct imapid_record_capture capture = sample_capture();
    char *json[8], *path;

    for (size_t i = 0; i < G_N_ELEMENTS(json); i++) {
        bool is_of_run = i >= G_N_ELEMENTS(texts);
        struct imapid_redact *redact = is_of_run
                                           ? imapid_redact_new(NULL, &imapid_follow_terms, NULL)
                                           : redact_new(texts[i], 18);

        json[i] = redact_with(redact, NULL, NULL, &capture, NULL);
        for (size_t k = 0; k < i; k++)
            g_assert_cmpstr(json[i], !=, json[k]);
        imapid_redact_free(redact);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(json); i++)
        g_free(json[i]);
    imapid_redact_free(NULL);
    path = write_key("0123456789abcde", 15);
    refuse_key(path, "16");
    g_unlink(path);
    refuse_key(path, path);
    g_free(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/redact/pairs", test_pairs);
    g_test_add_func("/redact/known-answer", test_known_answer);
    g_test_add_func("/redact/addresses", test_addresses);
    g_test_add_func("/redact/no-pseudonym-twice", test_no_pseudonym_twice);
    g_test_add_func("/redact/nothing-gets-through", test_nothing_gets_through);
    g_test_add_func("/redact/raw", test_raw);
    g_test_add_func("/redact/no-raw", test_no_raw);
    g_test_add_func("/redact/tags", test_tags);
    g_test_add_func("/redact/captures", test_captures);
    g_test_add_func("/redact/sessions", test_sessions);
    g_test_add_func("/redact/keys", test_keys);
    return g_test_run();
}
