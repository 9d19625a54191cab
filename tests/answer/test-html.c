/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for HTML: what a stranger wrote is text and nothing else, wherever it stands. */
#include "answer/html.h"

#include <string.h>

static void check(GString *out, const char *want)
{
    g_assert_cmpstr(out->str, ==, want);
    g_string_truncate(out, 0);
}

static void test_text(void)
{
    GString *out = g_string_new(NULL);

    imapid_html_text(out, "a<b>&\"'c");
    check(out, "a&lt;b&gt;&amp;&quot;&#39;c");
    imapid_html_text(out, "a b \nc ");
    check(out, "a b&#32;\nc ");
    imapid_html_text(out, "");
    check(out, "");
    g_string_free(out, TRUE);
}

static void test_foreign(void)
{
    static const uint8_t octets[] = {'<', 0, 0x1b, 0xff, 0xe2, 0x80, 0xae, '>'};
    GString *out = g_string_new(NULL);

    imapid_html_octets(out, octets, sizeof octets, 0);
    check(out, "<bdi>&lt;\\u0000\\u001b\\xff\\u202e&gt;</bdi>");
    imapid_html_octets(out, octets, 0, 0);
    check(out, "<bdi></bdi>");
    imapid_html_foreign(out, "abcdefghij", 4);
    g_assert_cmpuint(out->len, <, strlen("<bdi>abcdefghij</bdi>"));
    g_assert_nonnull(strstr(out->str, "...</bdi>"));
    g_string_free(out, TRUE);
}

static void test_string(void)
{
    struct imapid_record_string nil = {.is_nil = true}, empty = {.n = 0};
    GString *out = g_string_new(NULL);

    imapid_html_string(out, &nil, 0);
    check(out, "<i>NIL</i>");
    imapid_html_string(out, &empty, 0);
    check(out, "<bdi></bdi>");
    g_string_free(out, TRUE);
}

static void test_endpoint(void)
{
    struct imapid_endpoint four = {{192, 0, 2, 1}, 143, 4}, six = {{0x20, 1, 0xd, 0xb8}, 993, 6};
    GString *out = g_string_new(NULL);

    imapid_html_endpoint(out, &four);
    check(out, "192.0.2.1<wbr>:143");
    imapid_html_endpoint(out, &six);
    check(out, "[2001:db8::]<wbr>:993");
    g_string_free(out, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/html/text", test_text);
    g_test_add_func("/html/foreign", test_foreign);
    g_test_add_func("/html/string", test_string);
    g_test_add_func("/html/endpoint", test_endpoint);
    return g_test_run();
}
