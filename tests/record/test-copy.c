/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies: the same to the last octet, when the original is gone. */
#include "record/copy.h"

#include "record/writer.h"
#include "sample.h"

#include <string.h>

static const struct imapid_writer_style plain;

/* A text in a block of its own, which is overwritten before it is freed. */
static GPtrArray *texts;

static char *text_of(const char *text)
{
    char *copy = g_strdup(text);

    g_ptr_array_add(texts, copy);
    return copy;
}

static void spoil(void *text)
{
    memset(text, 'X', strlen(text));
    g_free(text);
}

static void test_exchange(void)
{
    struct sample *sample = sample_new();
    struct imapid_record_exchange *from = &sample->exchange, *to;
    GString *want = g_string_new(NULL), *have = g_string_new(NULL);

    from->conn.file = text_of("a\xff.pcap");
    from->command.file = text_of("b.pcap");
    from->response.file = text_of("c.pcap");
    from->result_file = text_of("d.pcap");
    from->text = sample_string(sample, "done\xff", 5);
    sample_pair(sample, IMAPID_CLIENT, "name", "Mutt");
    sample_pair(sample, IMAPID_CLIENT, "os", NULL);
    sample_pair(sample, IMAPID_SERVER, "name", "");
    sample_raw(sample, IMAPID_CLIENT, "a1 ID (\"name\"");
    sample_finding(sample, IMAPID_FINDING_BAD_STRING, IMAPID_CLIENT, "name");
    imapid_jsonl_writer.exchange(want, &plain, from);
    g_assert_cmpuint(imapid_copy_size_of_exchange(from), >, sizeof *from);
    to = imapid_copy_exchange(from);
    sample_free(sample);
    g_ptr_array_set_size(texts, 0);
    imapid_jsonl_writer.exchange(have, &plain, to);
    g_assert_cmpstr(have->str, ==, want->str);
    g_assert_cmpstr(to->conn.file, ==, "a\xff.pcap"); /* JSON does not keep these octets */
    g_assert_cmpmem(to->text.octets, to->text.n, "done\xff", 5);
    imapid_record_exchange_free(to);
    g_string_free(want, TRUE);
    g_string_free(have, TRUE);
}

static void test_empty(void)
{
    struct imapid_record_exchange *from = imapid_record_exchange_new(), *to;
    GString *want = g_string_new(NULL), *have = g_string_new(NULL);

    from->conn = sample_conn();
    imapid_jsonl_writer.exchange(want, &plain, from);
    to = imapid_copy_exchange(from);
    imapid_record_exchange_free(from);
    imapid_jsonl_writer.exchange(have, &plain, to);
    g_assert_cmpstr(have->str, ==, want->str);
    imapid_record_exchange_free(to);
    g_string_free(want, TRUE);
    g_string_free(have, TRUE);
}

static void test_session(void)
{
    struct imapid_record_session from = sample_session(), *to;
    struct imapid_milestones milestones = {0};
    GString *want = g_string_new(NULL), *have = g_string_new(NULL);

    from.conn.file = text_of("a.pcap");
    from.not_decrypted = text_of("no-key");
    from.not_decrypted_phrase = text_of("there is no key");
    from.tls = (struct imapid_record_tls){true, text_of("TLS 1.3"), text_of("0x1301"),
                                          text_of("mail.example.org"), text_of("imap")};
    milestones.n = 1;
    from.milestones = &milestones;
    from.outcome.say = (struct imapid_record_string){
        .octets = (const uint8_t *)text_of("mailbox refused"), .n = strlen("mailbox refused")};
    from.outcome.status = text_of("NO");
    from.outcome.text = (struct imapid_record_string){.octets = (const uint8_t *)text_of("Unsafe"),
                                                      .n = strlen("Unsafe")};
    from.outcome.file = text_of("b.pcap");
    from.outcome.ended_file = text_of("c.pcap");
    from.n_auths = 1;
    from.auths[0] = (struct imapid_auth){text_of("PLAIN"), IMAPID_WORD_OK, true};
    from.n_findings = 1;
    from.findings[0] = (struct imapid_record_finding){.code = IMAPID_FINDING_REQUIRED_BY_SERVER,
                                                      .field.is_nil = true};
    imapid_jsonl_writer.session(want, &plain, &from);
    g_assert_cmpuint(imapid_copy_size_of_session(&from), >, sizeof from);
    to = imapid_copy_session(&from);
    g_ptr_array_set_size(texts, 0);
    imapid_jsonl_writer.session(have, &plain, to);
    g_assert_cmpstr(have->str, ==, want->str);
    g_assert_cmpstr(to->not_decrypted_phrase, ==, "there is no key");
    milestones.n = 9;
    g_assert_cmpuint(to->milestones->n, ==, 1);
    g_assert_cmpmem(to->outcome.say.octets, to->outcome.say.n, "mailbox refused", 15);
    imapid_copy_session_free(to);
    g_string_free(want, TRUE);
    g_string_free(have, TRUE);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    texts = g_ptr_array_new_with_free_func(spoil);
    g_test_add_func("/copy/exchange", test_exchange);
    g_test_add_func("/copy/empty", test_empty);
    g_test_add_func("/copy/session", test_session);
    status = g_test_run();
    g_ptr_array_unref(texts);
    return status;
}
