/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/follow/summary.c: what a session's record says of its TLS, its logins, and what
 * is found about it as a whole. */
#include "follow/summary.h"

#include "tls/suites.h"

static struct imapid_record_session make(const struct imapid_session *session,
                                         const struct imapid_tls_info *info)
{
    struct imapid_record_session record = {0};

    imapid_summary_make(&record, session, info);
    return record;
}

static void test_clear(void)
{
    struct imapid_session session = {0};
    struct imapid_tls_info silent = {0};
    struct imapid_record_session record = make(&session, NULL);

    g_assert_false(record.tls.seen);
    g_assert_null(record.tls.version);
    g_assert_cmpuint(record.n_findings + record.n_auths, ==, 0);
    imapid_summary_clear(&record);

    record = make(&session, &silent); /* TLS of which no hello was read */
    g_assert_false(record.tls.seen);
    imapid_summary_clear(&record);
}

static void assert_tls(const struct imapid_tls_info *info, const char *version, const char *suite,
                       const char *server_name, const char *alpn)
{
    struct imapid_session session = {0};
    struct imapid_record_session record = make(&session, info);

    g_assert_true(record.tls.seen);
    g_assert_cmpstr(record.tls.version, ==, version);
    g_assert_cmpstr(record.tls.suite, ==, suite);
    g_assert_cmpstr(record.tls.server_name, ==, server_name);
    g_assert_cmpstr(record.tls.alpn, ==, alpn);
    imapid_summary_clear(&record);
}

static void test_tls(void)
{
    static const uint8_t name[] = {'m', 0xff, 'x'}, alpn[] = "imap", offered[] = "\4imap",
                         two[] = "\4imap\3pop", torn[] = "\5imap";
    struct imapid_tls_info info = {.has_random = true};

    assert_tls(&info, NULL, NULL, NULL, NULL); /* a client's hello alone */
    info.server_name = name;
    info.n_server_name = sizeof name;
    info.alpn_offered = offered;
    info.n_alpn_offered = 5;
    assert_tls(&info, NULL, NULL, "m\xef\xbf\xbdx", NULL);
    info.version = IMAPID_TLS_1_2;
    info.suite = 0x1301;
    assert_tls(&info, "TLS 1.2", "0x1301", "m\xef\xbf\xbdx",
               NULL); /* what is offered is not told */
    info.version = IMAPID_TLS_1_3;
    info.suite_name = "TLS_AES_128_GCM_SHA256";
    info.n_server_name = 0;
    assert_tls(&info, "TLS 1.3", "TLS_AES_128_GCM_SHA256", NULL, "imap");
    info.alpn_offered = two; /* which of the two was taken is encrypted */
    info.n_alpn_offered = 9;
    assert_tls(&info, "TLS 1.3", "TLS_AES_128_GCM_SHA256", NULL, NULL);
    info.alpn_offered = torn;
    info.n_alpn_offered = 5;
    assert_tls(&info, "TLS 1.3", "TLS_AES_128_GCM_SHA256", NULL, NULL);
    info.alpn = alpn;
    info.n_alpn = 4;
    assert_tls(&info, "TLS 1.3", "TLS_AES_128_GCM_SHA256", NULL, "imap");
}

static void test_logins(void)
{
    struct imapid_session session = {
        .login = {.n_auths = 2,
                  .auths = {{"LOGIN", IMAPID_WORD_NO, true}, {"PLAIN", IMAPID_WORD_OK, false}}}};
    struct imapid_record_session record = make(&session, NULL);

    g_assert_cmpuint(record.n_auths, ==, 2);
    g_assert_cmpstr(record.auths[0].mechanism, ==, "LOGIN");
    g_assert_cmpint(record.auths[0].status, ==, IMAPID_WORD_NO);
    g_assert_cmpstr(record.auths[1].mechanism, ==, "PLAIN");
    g_assert_cmpuint(record.n_findings, ==, 1);
    g_assert_cmpint(record.findings[0].code, ==, IMAPID_FINDING_CLEARTEXT_PASSWORD);
    g_assert_cmpint(record.findings[0].side, ==, IMAPID_CLIENT);
    imapid_summary_clear(&record);
}

static void test_required(void)
{
    struct imapid_session session = {.required_by_server = IMAPID_LACK_NAME};
    struct imapid_record_session record = make(&session, NULL);

    g_assert_cmpuint(record.n_findings, ==, 1);
    g_assert_cmpint(record.findings[0].code, ==, IMAPID_FINDING_REQUIRED_BY_SERVER);
    g_assert_cmpint(record.findings[0].side, ==, IMAPID_SERVER);
    g_assert_cmpint(record.findings[0].lack, ==, IMAPID_LACK_NAME);
    g_assert_true(record.findings[0].field.is_nil);
    imapid_summary_clear(&record);
}

static void test_obsolete(void)
{
    static const struct {
        uint16_t version;
        unsigned n;
    } cases[] = {{0, 0},
                 {0x0300, 1},
                 {IMAPID_TLS_1_0, 1},
                 {IMAPID_TLS_1_1, 1},
                 {IMAPID_TLS_1_2, 0},
                 {IMAPID_TLS_1_3, 0}};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct imapid_session session = {0};
        struct imapid_tls_info info = {.has_random = true, .version = cases[i].version};
        struct imapid_record_session record = make(&session, &info);

        g_assert_cmpuint(record.n_findings, ==, cases[i].n);
        if (cases[i].n) {
            g_assert_cmpint(record.findings[0].code, ==, IMAPID_FINDING_OBSOLETE_TLS);
            g_assert_cmpint(record.findings[0].side, ==, IMAPID_SERVER);
        }
        imapid_summary_clear(&record);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/summary/clear", test_clear);
    g_test_add_func("/summary/tls", test_tls);
    g_test_add_func("/summary/logins", test_logins);
    g_test_add_func("/summary/required", test_required);
    g_test_add_func("/summary/obsolete", test_obsolete);
    return g_test_run();
}
