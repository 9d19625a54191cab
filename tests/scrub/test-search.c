/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A value is found in each encoding, wherever it stands in it; what is like it is not. */
#include "scrub/search.h"

#include <glib.h>
#include <string.h>

static const char value[] = "J\xc3\xbcrgen.Qx7vb";

static bool is_clean(struct imapid_search *search, const char *octets, size_t n)
{
    size_t at;

    return imapid_search_is_clean(search, (const uint8_t *)octets, n, &at);
}

static void test_encodings(void)
{
    struct imapid_search *search = imapid_search_new(1 << 20);
    gsize n_wide;
    char *wide = g_convert(value, -1, "UTF-16LE", "UTF-8", NULL, &n_wide, NULL);

    imapid_search_add(search, (const uint8_t *)value, sizeof value - 1);
    g_assert_true(is_clean(search, "some text", 9));
    g_assert_false(is_clean(search, "a J\xc3\xbcRGEN.qx7vb b", 18));
    g_assert_false(is_clean(search, "a J&APw-rgen.Qx7vb b", 20));
    g_assert_true(is_clean(search, "a J\xc3\xbcrgen.Qx8vb b", 18));
    g_assert_false(is_clean(search, wide, n_wide));
    for (unsigned shift = 0; shift < 3; shift++) {
        char *text = g_strdup_printf("%.*s%s and more", shift, "...", value);
        char *base64 = g_base64_encode((const guchar *)text, strlen(text));

        g_assert_false(is_clean(search, base64, strlen(base64)));
        g_free(text);
        g_free(base64);
    }
    g_free(wide);
    imapid_search_free(search);
}

/* More values of one head than are kept: then the head is looked for, and nothing is missed. */
static void test_same_heads(void)
{
    struct imapid_search *search = imapid_search_new(1 << 20);

    for (unsigned i = 0; i < 100; i++) {
        char *text = g_strdup_printf("qxvbnm%02u", i);

        imapid_search_add(search, (const uint8_t *)text, 8);
        g_free(text);
    }
    for (unsigned i = 0; i < 100; i++) {
        char *text = g_strdup_printf("qxvbnm%02u", i);

        g_assert_false(is_clean(search, text, 8));
        g_free(text);
    }
    imapid_search_free(search);
}

static void test_left_out(void)
{
    struct imapid_search *search = imapid_search_new(1 << 20);

    imapid_search_add(search, (const uint8_t *)"short", 5);
    imapid_search_add(search, (const uint8_t *)") NIL NIL ", 10);
    imapid_search_add(search, (const uint8_t *)"mailbox", 7);
    g_assert_cmpuint(imapid_search_count(search), ==, 0);
    imapid_search_free(search);
}

static void test_over_budget(void)
{
    struct imapid_search *search = imapid_search_new(100);

    imapid_search_add(search, (const uint8_t *)value, sizeof value - 1);
    g_assert_true(imapid_search_is_over(search));
    g_assert_false(is_clean(search, "nothing", 7));
    imapid_search_free(search);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/search/encodings", test_encodings);
    g_test_add_func("/search/same-heads", test_same_heads);
    g_test_add_func("/search/left-out", test_left_out);
    g_test_add_func("/search/over-budget", test_over_budget);
    return g_test_run();
}
