/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-octets.c: comparisons never look at the locale nor past their length. */
#include "feed.h"

#include <imapid/fields.h>
#include <string.h>

/* An exact-size heap copy. */
static guint8 *copy_of(const char *text, gsize *n)
{
    *n = strlen(text);
    return g_memdup2(text, *n);
}

static bool is(const char *text, const char *word)
{
    gsize n;
    guint8 *octets = copy_of(text, &n);
    bool answer = imapid_octets_is(octets, n, word);

    g_free(octets);
    return answer;
}

static bool contains(const char *text, const char *word)
{
    gsize n;
    guint8 *octets = copy_of(text, &n);
    bool answer = imapid_octets_contain(octets, n, word);

    g_free(octets);
    return answer;
}

static void test_is(void)
{
    g_assert_true(is("ID", "id"));
    g_assert_true(is("iD", "Id"));
    g_assert_false(is("I", "ID"));
    g_assert_false(is("IDLE", "ID"));
    g_assert_false(is("", "ID"));
    g_assert_true(is("", ""));
    /* Only letters have a case: "@" and "`", "[" and "{" differ by the same bit. */
    g_assert_false(is("@[", "`{"));
}

static void test_contain(void)
{
    g_assert_true(contains("Unsafe Login. Please contact", "unsafe login"));
    g_assert_true(contains("x", "X"));
    g_assert_true(contains("aab", "ab"));
    g_assert_false(contains("aa", "aab"));
    g_assert_false(contains("", "a"));
}

static void test_words(void)
{
    static const char text[] = "  AUTH=PLAIN\tid  ";
    gsize n;
    guint8 *octets = copy_of(text, &n);
    size_t at = 0;
    struct imapid_slice word = imapid_octets_next_word(octets, n, &at);

    g_assert_cmpmem(octets + word.offset, word.n, "AUTH=PLAIN", 10);
    word = imapid_octets_next_word(octets, n, &at);
    g_assert_cmpmem(octets + word.offset, word.n, "id", 2);
    g_assert_cmpuint(imapid_octets_next_word(octets, n, &at).n, ==, 0);
    g_assert_cmpuint(at, ==, n);
    g_assert_true(imapid_octets_has_word(octets, n, "ID"));
    g_assert_false(imapid_octets_has_word(octets, n, "PLAIN"));
    g_assert_false(imapid_octets_has_word(octets, 0, "ID"));
    g_free(octets);
}

static void test_nul_is_an_octet(void)
{
    static const guint8 octets[] = {'I', 'D', 0};

    g_assert_false(imapid_octets_is(octets, sizeof octets, "ID"));
    g_assert_false(imapid_octets_same(octets, 3, octets, 2));
    g_assert_true(imapid_octets_same(octets, 3, octets, 3));
}

/* RFC 9051 section 9 spelled out. */
static void test_character_classes(void)
{
    for (int c = 0; c < 256; c++) {
        bool special = c == '(' || c == ')' || c == '{' || c == '%' || c == '*' || c == '"' ||
                       c == '\\' || c == ']';
        bool atom = c > 32 && c < 127 && !special;

        g_assert_true(imapid_is_atom_char((uint8_t)c) == atom);
        g_assert_true(imapid_is_tag_char((uint8_t)c) == ((atom || c == ']') && c != '+'));
        g_assert_true(imapid_is_digit((uint8_t)c) == (c < 128 && g_ascii_isdigit((char)c)));
        g_assert_true(imapid_is_alpha((uint8_t)c) == (c < 128 && g_ascii_isalpha((char)c)));
        g_assert_true(imapid_is_blank((uint8_t)c) == (c == ' ' || c == '\t'));
    }
}

static void test_fields(void)
{
    static const guint8 upper[] = "OS-VERSION";

    for (int i = 0; i < IMAPID_N_FIELDS; i++) {
        enum imapid_field field = (enum imapid_field)i;
        char *wire = g_strdelimit(g_strdup(imapid_field_column(field)), "_", '-');

        g_assert_true(imapid_field_find((const guint8 *)wire, strlen(wire)) == field);
        g_free(wire);
    }
    g_assert_true(imapid_field_find(upper, 10) == IMAPID_FIELD_OS_VERSION);
    g_assert_true(imapid_field_find(upper, 9) == IMAPID_FIELD_OTHER);
    g_assert_true(imapid_field_find(upper, 2) == IMAPID_FIELD_OS);
    g_assert_true(imapid_field_find(upper, 0) == IMAPID_FIELD_OTHER);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/octets/is-ignores-case-alone", test_is);
    g_test_add_func("/octets/contain", test_contain);
    g_test_add_func("/octets/words", test_words);
    g_test_add_func("/octets/nul-is-an-octet", test_nul_is_an_octet);
    g_test_add_func("/octets/character-classes", test_character_classes);
    g_test_add_func("/octets/fields-are-found-by-name", test_fields);
    return g_test_run();
}
