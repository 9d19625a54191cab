/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words for what records say: which are known for which use, what is said of others, and their values. */
#include "answer/keys.h"
#include "sample.h"

#include <string.h>

static void test_find(void)
{
    for (int use = IMAPID_KEY_TO_COUNT; use <= IMAPID_KEY_TO_CHOOSE; use++) {
        char **names = imapid_key_list((enum imapid_key_use)use);
        struct imapid_key key;

        for (unsigned i = 0; names[i]; i++)
            g_assert_true(imapid_key_find(names[i], (enum imapid_key_use)use, &key));
        g_assert_cmpint(g_strv_contains((const char *const *)names, "finding"), ==,
                        use == IMAPID_KEY_TO_CHOOSE);
        g_assert_true(g_strv_contains((const char *const *)names, "auth"));
        g_strfreev(names);
    }
}

static void test_field(void)
{
    static const char *const strange[] = {"", "name", "client_", "client_colour", "Client_name"};
    struct imapid_key key;

    g_assert_true(imapid_key_find("server_version", IMAPID_KEY_TO_COUNT, &key));
    g_assert_cmpint(key.kind, ==, IMAPID_KEY_FIELD);
    g_assert_cmpint(key.side, ==, IMAPID_SERVER);
    g_assert_cmpint(key.field, ==, IMAPID_FIELD_VERSION);
    for (size_t i = 0; i < G_N_ELEMENTS(strange); i++)
        g_assert_false(imapid_key_find(strange[i], IMAPID_KEY_TO_CHOOSE, &key));
    g_assert_false(imapid_key_find("severity", IMAPID_KEY_TO_COUNT, &key)); /* chooses alone */
}

static void check_help(const char *name, const char *want)
{
    char *help = imapid_key_help(name, IMAPID_KEY_TO_COUNT);

    g_assert_nonnull(strstr(help, want));
    g_free(help);
}

static void test_help(void)
{
    check_help("version", "did you mean 'client_version' or 'server_version'?");
    check_help("client_nmae", "did you mean 'client_name'?");
    check_help("zzzzzzzzzz", "client_name, ");
}

static void check_words(const char *name, const char *want)
{
    struct imapid_key key;
    char **words, *all;

    g_assert_true(imapid_key_find(name, IMAPID_KEY_TO_CHOOSE, &key));
    words = imapid_key_list_words(&key);
    all = words ? g_strjoinv(" ", words) : NULL;
    g_assert_cmpstr(all, ==, want);
    g_free(all);
    g_strfreev(words);
}

static void test_words(void)
{
    check_words("status", "OK NO BAD BYE");
    check_words("severity", "note warning error");
    check_words("healthy", "yes true no false");
    check_words("client_ip", NULL); /* no closed list */
    check_words("client_name", NULL);
}

/* What the key says of the sample's connection; "-": it does not say. */
static void check_conn(const char *name, const struct imapid_record_session *session,
                       const char *want)
{
    struct imapid_record_conn conn = sample_conn();
    struct imapid_key key;
    char *value = NULL;

    g_assert_true(imapid_key_find(name, IMAPID_KEY_TO_COUNT, &key));
    g_assert_true(imapid_key_get_of_conn(&key, &conn, session, SAMPLE_TIME_NS, &value));
    g_assert_cmpstr(value ? value : "-", ==, want);
    g_free(value);
}

static void test_conn(void)
{
    struct imapid_record_session session = sample_session();
    struct imapid_key key;
    char *value = NULL;

    check_conn("day", NULL, "2026-01-02");
    check_conn("month", NULL, "2026-01");
    check_conn("file", NULL, "a.pcap");
    check_conn("client_ip", NULL, "10.0.0.1");
    check_conn("server_ip", NULL, "10.0.0.2");
    check_conn("server_port", NULL, "143");
    check_conn("auth", NULL, "-");
    check_conn("auth", &session, "-");
    session.auths[0] = (struct imapid_auth){"PLAIN", IMAPID_WORD_OK, true};
    session.auths[1] = (struct imapid_auth){"LOGIN", IMAPID_WORD_NO, false};
    session.n_auths = 2; /* the one that was answered OK, not the last one */
    check_conn("auth", &session, "PLAIN, password in the clear");
    session.auths[0].status = IMAPID_WORD_NO;
    check_conn("auth", &session, "LOGIN, not confirmed");
    g_assert_true(imapid_key_find("client_name", IMAPID_KEY_TO_COUNT, &key));
    g_assert_false(imapid_key_get_of_conn(&key, &session.conn, &session, 0, &value));
    g_assert_null(value);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keys/find", test_find);
    g_test_add_func("/keys/field", test_field);
    g_test_add_func("/keys/help", test_help);
    g_test_add_func("/keys/words", test_words);
    g_test_add_func("/keys/conn", test_conn);
    return g_test_run();
}
