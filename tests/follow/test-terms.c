/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/follow/terms.c: which words are those of this program. */
#include "follow/terms.h"

#include "tls/suites.h"
#include "tls/tls.h"

#include <glib.h>

static const struct imapid_terms *const terms = &imapid_follow_terms;

static void test_reasons(void)
{
    for (int i = 0; i < IMAPID_TLS_N_REASONS; i++) {
        enum imapid_tls_reason reason = (enum imapid_tls_reason)i;

        g_assert_cmpstr(terms->explain_reason(imapid_tls_reason_word(reason)), ==,
                        imapid_tls_reason_text(reason));
    }
    g_assert_null(terms->explain_reason(""));
    g_assert_null(terms->explain_reason("no-keys"));
    g_assert_null(terms->explain_reason("NO-KEY"));
}

static void test_suites(void)
{
    const struct imapid_suite *suite;
    size_t n = 0;

    for (; (suite = imapid_suites_get(n)); n++)
        g_assert_true(terms->is_suite(suite->name));
    g_assert_cmpuint(n, >, 0);
    g_assert_false(terms->is_suite(""));
    g_assert_false(terms->is_suite("TLS_AES_128_GCM_SHA25"));
    g_assert_false(terms->is_suite("TLS_AES_128_GCM_SHA2567"));
}

static void assert_remade(const char *layer, uint64_t number, const char *name,
                          const char *expected)
{
    char *remade = terms->remake_unread(layer, number, name);

    g_assert_cmpstr(remade, ==, expected);
    g_free(remade);
}

static void test_unread(void)
{
    assert_remade("ip-protocol", 50, "anything at all", "ESP");
    assert_remade("ip-protocol", 252, "anything at all", "252");
    assert_remade("ethertype", 0xabcd, "<script>", "0xabcd");
    assert_remade("no-such-layer", 50, "ESP", "unknown");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/terms/reasons", test_reasons);
    g_test_add_func("/terms/suites", test_suites);
    g_test_add_func("/terms/unread", test_unread);
    return g_test_run();
}
