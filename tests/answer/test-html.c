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

static void test_time(void)
{
    GString *out = g_string_new(NULL);

    imapid_html_time(out, INT64_C(1767323045000000006));
    check(out, "<time datetime=\"2026-01-02T03:04:05.000000006Z\">2026-01-02 03:04:05</time>");
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

/* The width of the bar inside, of 120. */
static unsigned bar(uint64_t n, uint64_t n_max)
{
    GString *out = g_string_new(NULL);
    unsigned width = 1000;
    const char *rect;

    imapid_html_bar(out, n, n_max);
    rect = strstr(out->str, "<rect width=\"");
    if (rect)
        width = (unsigned)g_ascii_strtoull(rect + strlen("<rect width=\""), NULL, 10);
    g_string_free(out, TRUE);
    return width;
}

static void test_bar(void)
{
    g_assert_cmpuint(bar(0, 0), ==, 0);
    g_assert_cmpuint(bar(0, 9), ==, 0);
    g_assert_cmpuint(bar(9, 9), ==, 120);
    g_assert_cmpuint(bar(1, 2), ==, 60);
    g_assert_cmpuint(bar(1, G_MAXUINT64), ==, 1); /* little is not nothing */
    g_assert_cmpuint(bar(G_MAXUINT64, G_MAXUINT64), ==, 120);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/html/text", test_text);
    g_test_add_func("/html/foreign", test_foreign);
    g_test_add_func("/html/string", test_string);
    g_test_add_func("/html/time", test_time);
    g_test_add_func("/html/endpoint", test_endpoint);
    g_test_add_func("/html/bar", test_bar);
    return g_test_run();
}
