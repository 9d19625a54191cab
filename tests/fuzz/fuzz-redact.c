/* SPDX-License-Identifier: GPL-2.0-or-later */

/* An ID that holds what identifies somebody, with anything around it, in every place where a
 * stranger can write: nothing of it is in the redacted record, which is valid JSON, and the same for
 * the same. The input: a number of a secret, one of a field, one of octets; these stand before the
 * secret, the rest behind it. */

#include "follow/terms.h"
#include "lines.h"
#include "record/json.h"
#include "record/redact.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A secret, and what of it may not be seen. No letter or digit of the text around it may run into it:
 * that would make it another. */
static const struct {
    const char *text, *core;
} secrets[] = {
    {"qzxj.vkwy@example.com", "qzxj"},
    {"qzxj@qzxj.example", "qzxj"},
    {"\"qzxj vkwy\"@example.com", "qzxj"},
    {"203.0.113.77", "203.0.113"},
    {"10.203.113.77", "203.113"},
    {"203-0-113-77.dsl.example.net", "203-0-113"},
    {"2001:db8:a:b::77", "2001:db8:a"},
    {"00:1b:44:11:3a:b7", "44:11:3a"},
    {"001b.4411.3ab7", "4411.3ab7"},
    {"001b44113ab7", "001b44113ab7"},
    {"490154203237518", "490154203237518"},
    {"+49 170 1234567", "170 1234567"},
    {"550e8400-e29b-41d4-a716-446655440000", "e29b-41d4"},
    {"C02XG0FDJG5J", "XG0FDJ"},
    {"/home/qzxj/bin", "qzxj"},
    {"C:\\Users\\qzxj\\x", "qzxj"},
    {"QZXJ-LAPTOP", "QZXJ"},
    {"https://qzxj:vkwy@example.com/", "qzxj"},
    {"https://example.com/?u=qzxj", "qzxj"},
    {"https://example.com/~qzxj", "qzxj"},
};

static const char *const fields[] = {
    "name",    "version", "os",  "os-version", "vendor",  "support-url",      "address",
    "date",    "command", "php", "transport",  "release", "x-originating-ip", "x-originating-port",
    "unknown", "serial"};

static char *redact(const struct imapid_record_exchange *exchange,
                    const struct imapid_record_session *session)
{
    static struct imapid_redact *redactor;
    GString *text = g_string_new(NULL);
    struct imapid_record_sink next = lines_sink(text);
    struct imapid_redact_sink wrapped;
    struct imapid_record_sink sink;
    char *message;

    if (!redactor)
        redactor = imapid_redact_new(NULL, &imapid_follow_terms, &message);
    wrapped = (struct imapid_redact_sink){redactor, &next};
    sink = imapid_redact_wrap(&wrapped);
    sink.exchange(sink.ctx, exchange);
    sink.session(sink.ctx, session);
    return g_string_free(text, FALSE);
}

static void check_json(const char *lines)
{
    struct imapid_json_text text = {.tokens = NULL};
    char **each = g_strsplit(lines, "\n", -1);

    for (char **line = each; *line && **line; line++)
        g_assert_cmpint(imapid_json_read(&text, (const uint8_t *)*line, strlen(*line)), ==,
                        IMAPID_JSON_GOOD);
    imapid_json_deinit(&text);
    g_strfreev(each);
}

/* `text` in every place where a stranger writes. */
static struct imapid_record_exchange *make(const GString *text, const char *field)
{
    struct imapid_record_exchange *exchange = imapid_record_exchange_new();
    struct imapid_record_half *half = &exchange->command;
    struct imapid_record_string string =
        imapid_record_copy(exchange, (const uint8_t *)text->str, text->len);

    exchange->conn.file = g_string_chunk_insert(exchange->store, text->str);
    exchange->tag = g_strdup(text->str);
    half->seen = half->has_list = half->is_malformed = true;
    half->raw = string.octets;
    half->n_raw = string.n;
    half->n_pairs = 2;
    half->pairs = g_new0(struct imapid_record_pair, 2);
    half->pairs[0].field = imapid_record_copy(exchange, (const uint8_t *)field, strlen(field));
    half->pairs[0].value = half->pairs[1].field = half->pairs[1].value = string;
    exchange->response = (struct imapid_record_half){.seen = true};
    exchange->status = IMAPID_STATUS_NO;
    exchange->text = string;
    return exchange;
}

static bool is_word(char c)
{
    return g_ascii_isalnum(c) || (c & 0x80);
}

/* Is a mail address behind it none? Behind "https://", and what a user's name may have, it is that name and the
 * host of a page. */
static bool is_in_url(const GString *before)
{
    const char *scheme = g_strrstr(before->str, "://");

    if (!scheme || strlen(before->str) != before->len)
        return false;
    for (const char *c = scheme + 3; *c; c++)
        if (!g_ascii_isgraph(*c) || strchr("/?#\"<>\\^`{|}", *c))
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *secret, *core;
    struct imapid_record_exchange *exchange;
    struct imapid_record_session session = {.n_findings = 0};
    GString *text;
    size_t n_before;
    char *redacted, *again;

    if (size < 3)
        return 0;
    secret = secrets[data[0] % G_N_ELEMENTS(secrets)].text;
    core = secrets[data[0] % G_N_ELEMENTS(secrets)].core;
    if (g_strstr_len((const char *)data + 3, (gssize)size - 3, core))
        return 0; /* the text around it may have any, the host of a page, say */
    n_before = MIN(data[2], size - 3);
    text = g_string_new_len((const char *)data + 3, (gssize)n_before);
    if (text->len && is_word(text->str[text->len - 1]))
        g_string_append_c(text, ' ');
    if (is_in_url(text))
        g_string_append_c(text, ' ');
    g_string_append(text, secret);
    if (size - 3 > n_before && is_word((char)data[3 + n_before]))
        g_string_append_c(text, ' ');
    g_string_append_len(text, (const char *)data + 3 + n_before, (gssize)(size - 3 - n_before));
    exchange = make(text, fields[data[1] % G_N_ELEMENTS(fields)]);
    session.conn.file = exchange->conn.file;
    session.tls = (struct imapid_record_tls){true, text->str, text->str, text->str, text->str};
    session.not_decrypted = session.not_decrypted_phrase = text->str;
    redacted = redact(exchange, &session);
    again = redact(exchange, &session);
    check_json(redacted);
    g_assert_cmpstr(redacted, ==, again);
    g_assert_cmpstr(strstr(redacted, core), ==, NULL);
    g_free(redacted);
    g_free(again);
    imapid_record_exchange_free(exchange);
    g_string_free(text, TRUE);
    return 0;
}
