/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which connections are chosen: each field's values, terms together, and when a connection is decided. */
#include "answer/where.h"

#include "sample.h"

#include <string.h>

static struct imapid_fold *fold;

static struct imapid_where *make(const char *terms)
{
    char **texts = g_strsplit(terms, " & ", -1), *message = NULL;
    struct imapid_where *where = imapid_where_new(texts, fold, &message);

    g_assert_cmpstr(message, ==, NULL);
    g_strfreev(texts);
    return where;
}

/* A connection with everything to be chosen by. */
static struct sample *make_exchange(void)
{
    struct sample *sample = sample_new();

    sample->exchange.conn.file = "folder/a.pcap";
    sample->exchange.conn.first_frame = 7;
    sample->exchange.conn.proxied_client = sample_endpoint(9, 60000);
    sample->exchange.conn.doubts.of[0].n = 1;
    sample->exchange.state = IMAPID_STATE_NOT_AUTHENTICATED;
    sample->exchange.text = sample_string(sample, "Fine\0 so", 8);
    sample_pair(sample, IMAPID_CLIENT, "name", "Thunderbird");
    sample_pair(sample, IMAPID_CLIENT, "version", "");
    sample_pair(sample, IMAPID_SERVER, "name", "Dovecot\xff");
    sample_finding(sample, IMAPID_FINDING_CLEARTEXT, IMAPID_CLIENT, NULL);
    return sample;
}

static struct imapid_record_session make_session(void)
{
    struct imapid_record_session session = sample_session();

    session.conn.file = "folder/a.pcap";
    session.security = IMAPID_SECURITY_STARTTLS;
    session.tls = (struct imapid_record_tls){true, "TLS 1.3", NULL, "mail.example.org", "imap"};
    session.ended = IMAPID_ENDED_RST;
    session.healthy = IMAPID_NO;
    session.not_decrypted = "no-key";
    session.n_auths = 2;
    session.auths[0] = (struct imapid_auth){"CRAM-MD5", IMAPID_WORD_NO, false};
    session.auths[1] = (struct imapid_auth){"PLAIN", IMAPID_WORD_OK, true};
    session.outcome = (struct imapid_record_outcome){
        .status = "NO",
        .stopped_at = IMAPID_STAGE_SELECT,
        .by = IMAPID_PARTY_SERVER,
        .text = {.octets = (const uint8_t *)"Unsafe login", .n = 12},
    };
    session.n_findings = 1;
    session.findings[0] = (struct imapid_record_finding){
        .code = IMAPID_FINDING_REQUIRED_BY_SERVER, .side = IMAPID_SERVER, .field.is_nil = true};
    return session;
}

/* Is the connection chosen, whichever record comes first? */
static bool is_chosen(const char *terms)
{
    struct imapid_where *where = make(terms);
    struct sample *sample = make_exchange();
    struct imapid_record_session session = make_session();
    struct imapid_key_record records[] = {
        {.conn = &sample->exchange.conn, .exchange = &sample->exchange},
        {.conn = &session.conn, .session = &session}};
    enum imapid_where_verdict verdicts[2];

    session.conn = sample->exchange.conn;
    for (int order = 0; order < 2; order++) {
        uint64_t seen = 0;
        enum imapid_where_verdict verdict = imapid_where_see(where, &seen, &records[order]);
        enum imapid_where_verdict then = imapid_where_see(where, &seen, &records[!order]);

        if (verdict != IMAPID_WHERE_OPEN)
            g_assert_cmpint(then, ==, verdict); /* decided is decided */
        if (imapid_where_is_of_conn(where))
            g_assert_cmpint(verdict, !=, IMAPID_WHERE_OPEN);
        verdicts[order] = imapid_where_conclude(where, seen);
        if (then != IMAPID_WHERE_OPEN)
            g_assert_cmpint(then, ==, verdicts[order]);
        g_assert_cmpint(verdicts[order], !=, IMAPID_WHERE_OPEN);
    }
    g_assert_cmpint(verdicts[0], ==, verdicts[1]);
    imapid_where_free(where);
    sample_free(sample);
    return verdicts[0] == IMAPID_WHERE_CHOSEN;
}

static void test_fields(void)
{
    static const char *const values[][3] = {
        /* field, a value that it has, one that it has not */
        {"client_name", "thunderbird", "Dovecot"},
        {"server_name", "Dovecot\xef\xbf\xbd", "Dovecot"},
        {"security", "none", "tls"},
        {"security", "starttls", "tls"},
        {"state", "not-authenticated", "authenticated"},
        {"status", "OK", "NO"},
        {"day", "2026-01-02", "2026-01-03"},
        {"month", "2026-01", "2026-02"},
        {"file", "folder/a.pcap", "b.pcap"},
        {"file", "a.pcap", "folder"},
        {"client_ip", "10.0.0.1", "10.0.0.2"},
        {"client_ip", "10.0.0.9", "10.0.0.2"},
        {"client_port", "50000", "143"},
        {"client_port", "60000", "6000"},
        {"server_ip", "10.0.0.2", "10.0.0.1"},
        {"server_port", "143", "14"},
        {"stream", "0", "1"},
        {"id", "folder/a.pcap:7", "folder/a.pcap:8"},
        {"community_id", "1:*", "2:*"},
        {"tls_version", "TLS 1.3", "TLS 1.2"},
        {"unread", "no-key", "wrong-key"},
        {"auth", "CRAM-MD5", "LOGIN"},
        {"auth", "PLAIN", "OAUTHBEARER"},
        {"auth", "PLAIN, password in the clear", "PLAIN, not confirmed"},
        {"finding", "cleartext", "refused"},
        {"finding", "required-by-server", "rejected"},
        {"severity", "note", "error"},
        {"severity", "warning", "error"},
        {"doubt", "conflicting-data", "new-syn"},
        {"text", "*unsafe*", "*over quota*"},
        {"text", "Fine\xef\xbf\xbd so", "Fine"},
        {"ended", "rst", "fin"},
        {"outcome", "select", "login"},
        {"outcome", "server", "client"},
        {"outcome", "NO", "BAD"},
        {"outcome", "select/server/NO", "select/server/BAD"},
        {"healthy", "no", "yes"},
        {"healthy", "false", "true"},
        {"imap", "yes", "no"},
        {"sni", "mail.example.*", "example.org"},
        {"alpn", "imap", "h2"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
        for (int k = 0; k < 2; k++) {
            char *is = g_strconcat(values[i][0], "=", values[i][1 + k], NULL);
            char *is_not = g_strconcat(values[i][0], "!=", values[i][1 + k], NULL);

            g_test_message("%s", is);
            g_assert_cmpint(is_chosen(is), ==, !k);
            g_assert_cmpint(is_chosen(is_not), ==, k); /* the rest, always */
            g_free(is);
            g_free(is_not);
        }
}

static void test_terms(void)
{
    g_assert_true(is_chosen("stream=0 & client_name=Thunder*"));
    g_assert_false(is_chosen("stream=0 & client_name=Mutt"));
    g_assert_false(is_chosen("stream=1 & client_name=Thunder*"));
    g_assert_true(is_chosen("client_name~^thunder(bird)?$ & healthy!=yes"));
    g_assert_false(is_chosen("client_name!~bird"));
    g_assert_true(is_chosen("client_name!~^bird"));
    g_assert_true(is_chosen("stream==0"));
    /* Nothing for a pattern: is there a value? */
    g_assert_true(is_chosen("client_version="));
    g_assert_false(is_chosen("client_version!="));
    g_assert_true(is_chosen("client_name!="));
    g_assert_false(is_chosen("client_name="));
    g_assert_true(is_chosen("server_os="));
}

static void test_decided(void)
{
    struct imapid_where *where = make("client_name=Thunderbird & stream=0");
    struct imapid_where *opposite = make("client_name!=Thunderbird");
    struct imapid_where *other = make("stream=5 & healthy=no");
    struct sample *sample = make_exchange();
    struct imapid_key_record record = {.conn = &sample->exchange.conn,
                                       .exchange = &sample->exchange};
    uint64_t seen = 0;

    g_assert_cmpint(imapid_where_see(where, &seen, &record), ==, IMAPID_WHERE_CHOSEN);
    seen = 0;
    g_assert_cmpint(imapid_where_see(opposite, &seen, &record), ==, IMAPID_WHERE_LEFT);
    seen = 0; /* no session needed where the stream says it */
    g_assert_cmpint(imapid_where_see(other, &seen, &record), ==, IMAPID_WHERE_LEFT);
    imapid_where_free(where);
    imapid_where_free(opposite);
    imapid_where_free(other);
    sample_free(sample);
}

static void test_bad(void)
{
    static const char *const bad[][2] = {
        {"strem=3", "did you mean 'stream'?"}, {"client-name=x", "did you mean 'client_name'?"},
        {"nothing=3", "there are: "},          {"stream", "is not FIELD=PATTERN"},
        {"=x", "is not FIELD=PATTERN"},        {"stream!3", "is not FIELD=PATTERN"},
        {"", "is not FIELD=PATTERN"},          {"text~(", "no regular expression"},
    };
    char **many = g_new0(char *, IMAPID_WHERE_MAX + 2), *message = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        char *texts[] = {(char *)"stream=1", (char *)bad[i][0], NULL};

        g_assert_null(imapid_where_new(texts, fold, &message));
        g_assert_nonnull(strstr(message, bad[i][1]));
        g_clear_pointer(&message, g_free);
    }
    for (unsigned i = 0; i <= IMAPID_WHERE_MAX; i++)
        many[i] = g_strdup("stream=1");
    g_assert_null(imapid_where_new(many, fold, &message));
    g_clear_pointer(&message, g_free);
    g_clear_pointer(&many[IMAPID_WHERE_MAX], g_free);
    imapid_where_free(imapid_where_new(many, fold, &message));
    g_assert_null(message);
    g_strfreev(many);
}

/* Connections 0 to 5, of which those with an odd number are chosen: the others are gone from the view. */
static void test_store(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_where *where = make("stream~[135]");
    struct imapid_store_reading reading = {.arena = {NULL, 0}};
    struct imapid_store_view view;

    for (unsigned i = 0; i < 6; i++)
        for (unsigned k = 0; k <= i % 3; k++) {
            struct sample *sample = make_exchange();

            sample->exchange.conn.stream = i;
            sample->exchange.conn.first_frame = 7 + i;
            sample->exchange.command.packet.ts_ns += k;
            sample->exchange.command.packet.number += k;
            imapid_store_add_exchange(store, &sample->exchange);
            sample_free(sample);
        }
    view = imapid_store_settle(store);
    imapid_where_choose(where, store, &view);
    g_assert_true(view.is_choice);
    g_assert_cmpuint(view.n_all_conns, ==, 6);
    g_assert_cmpuint(view.n_conns, ==, 3);
    g_assert_cmpuint(view.n_exchanges, ==, 2 + 1 + 3);
    for (unsigned i = 0; i < view.n_conns; i++) {
        struct imapid_store_conn conn;

        imapid_store_read_conn(&view, i, &conn);
        g_assert_cmpuint(conn.conn.stream, ==, 2 * i + 1);
        for (unsigned k = 0; k < conn.n_exchanges; k++)
            g_assert_cmpuint(
                imapid_store_read_exchange(&view, conn.first + k, &reading)->conn.stream, ==,
                2 * i + 1);
    }
    imapid_store_reading_deinit(&reading);
    imapid_where_free(where);
    imapid_store_free(store);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    fold = imapid_fold_new();
    g_test_add_func("/where/fields", test_fields);
    g_test_add_func("/where/terms", test_terms);
    g_test_add_func("/where/decided", test_decided);
    g_test_add_func("/where/bad", test_bad);
    g_test_add_func("/where/store", test_store);
    status = g_test_run();
    imapid_fold_free(fold);
    return status;
}
