/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each word of words.def is found: they are looked up by bisection, so that one out of order is not. */
#include "scrub/words.h"

#include <glib.h>
#include <string.h>

#define IMAPID_SCRUB_TEXT
static const char *const texts[] = {
#include "scrub/words.def"
};
#undef IMAPID_SCRUB_TEXT
#define IMAPID_SCRUB_ATOM
static const char *const atoms[] = {
#include "scrub/words.def"
};
#undef IMAPID_SCRUB_ATOM
#define IMAPID_SCRUB_SASL
static const char *const sasls[] = {
#include "scrub/words.def"
};
#undef IMAPID_SCRUB_SASL

static void check(enum imapid_words words, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *upper = g_ascii_strup(list[i], -1);

        g_assert_true(imapid_words_has(words, (const uint8_t *)upper, strlen(upper)));
        g_assert_true(imapid_words_hold((const uint8_t *)upper, strlen(upper)));
        g_free(upper);
    }
}

static void test_all(void)
{
    check(IMAPID_WORDS_TEXT, texts, G_N_ELEMENTS(texts));
    check(IMAPID_WORDS_ATOM, atoms, G_N_ELEMENTS(atoms));
    check(IMAPID_WORDS_SASL, sasls, G_N_ELEMENTS(sasls));
}

static void test_none(void)
{
    static const char *const names[] = {"", "margarethe", "passwor", "passwordz", "zzz"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_false(
            imapid_words_has(IMAPID_WORDS_TEXT, (const uint8_t *)names[i], strlen(names[i])));
    g_assert_false(imapid_words_has(IMAPID_WORDS_NONE, (const uint8_t *)"password", 8));
    g_assert_false(imapid_words_has(IMAPID_WORDS_MAILBOX, (const uint8_t *)"password", 8));
    g_assert_false(imapid_words_hold((const uint8_t *)"margarethe", 10));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/words/all", test_all);
    g_test_add_func("/words/none", test_none);
    return g_test_run();
}
