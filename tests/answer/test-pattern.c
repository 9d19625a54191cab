/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patterns: globs and regular expressions, without case, and in bounded time. */
#include "answer/pattern.h"

#include <string.h>

static bool matches(bool is_regex, const char *text, const char *value)
{
    char *message = NULL;
    struct imapid_pattern *pattern = is_regex ? imapid_pattern_new_regex(text, &message)
                                              : imapid_pattern_new_glob(text, &message);
    bool found;

    g_assert_nonnull(pattern);
    g_assert_null(message);
    found = imapid_pattern_matches(pattern, value, strlen(value));
    g_assert_false(imapid_pattern_has_given_up(pattern));
    imapid_pattern_free(pattern);
    return found;
}

static void test_glob(void)
{
    static const struct {
        const char *pattern, *value;
        bool found;
    } cases[] = {
        {"Thunderbird", "Thunderbird", true},
        {"thunderBIRD", "Thunderbird", true},
        {"Thunder", "Thunderbird", false}, /* the whole value */
        {"hunderbird", "Thunderbird", false},
        {"Thunder*", "Thunderbird", true},
        {"*bird", "Thunderbird", true},
        {"*nder*", "Thunderbird", true},
        {"T?under*", "Thunderbird", true},
        {"?", "", false},
        {"", "", true},
        {"*", "", true},
        {"**", "x", true},
        {"a*b*c", "aXbXbYc", true},
        {"a*b*c", "aXbXbY", false},
        {"a*a", "a", false},
        {"?\xc3\x89?", "x\xc3\xa9y", true}, /* E with acute, in both cases */
        {"?", "\xe3\x83\xa1", true},        /* a character, not an octet */
        {"a\\*", "a*", true},
        {"a\\*", "ab", false},
        {"a\\?", "ab", false},
        {"a\\\\", "a\\", true},
        {"a\\", "a\\", true},
        {"[a-z]", "[a-z]", true}, /* no classes */
        {"stra\xc3\x9f"
         "e",
         "STRASSE", true},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpint(matches(false, cases[i].pattern, cases[i].value), ==, cases[i].found);
}

static void test_regex(void)
{
    g_assert_true(matches(true, "bird$", "Thunderbird"));
    g_assert_true(matches(true, "^THUNDER", "Thunderbird"));
    g_assert_false(matches(true, "^bird", "Thunderbird"));
    g_assert_true(matches(true, "(?-i)bird", "Thunderbird"));
    g_assert_false(matches(true, "(?-i)BIRD", "Thunderbird"));
    g_assert_true(matches(true, "^.$", "\xe3\x83\xa1"));
    g_assert_true(matches(true, "", "anything"));
}

static void test_bad(void)
{
    static const char *const bad[] = {"(", "[a", "*x", "(?<n", "\\"};
    char *wide = g_strnfill(IMAPID_PATTERN_MAX + 1, 'a'), *message = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(imapid_pattern_new_regex(bad[i], &message));
        g_assert_nonnull(message);
        g_assert_null(strstr(message, "LIMIT"));
        g_clear_pointer(&message, g_free);
    }
    g_assert_null(imapid_pattern_new_regex(wide, &message));
    g_clear_pointer(&message, g_free);
    g_assert_null(imapid_pattern_new_glob(wide, &message));
    g_clear_pointer(&message, g_free);
    wide[IMAPID_PATTERN_MAX] = 0;
    imapid_pattern_free(imapid_pattern_new_glob(wide, &message));
    g_assert_null(message);
    g_free(wide);
}

/* What takes 2^n steps is given up, also where the pattern asks for more of them; what is quadratic in a
 * value of 1,024 octets is not. */
static void test_bounds(void)
{
    static const char *const patterns[] = {"(a+)+$", "(*LIMIT_MATCH=4000000000)(a|aa)+$"};
    char *value = g_strnfill(1024, 'a'), *message = NULL, *stars;
    struct imapid_pattern *pattern;

    value[1023] = 'b';
    for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++) {
        pattern = imapid_pattern_new_regex(patterns[i], &message);
        g_assert_nonnull(pattern);
        g_assert_false(imapid_pattern_matches(pattern, "b", 1));
        g_assert_false(imapid_pattern_has_given_up(pattern));
        g_assert_false(imapid_pattern_matches(pattern, value, 1024));
        g_assert_true(imapid_pattern_has_given_up(pattern));
        imapid_pattern_free(pattern);
    }
    g_assert_false(matches(true, "[ab]+x", value));
    stars = g_strnfill(2 * 500, '*');
    for (size_t i = 1; i < 1000; i += 2)
        stars[i] = 'a';
    stars[999] = 'x';
    g_assert_false(matches(false, stars, value)); /* in no time */
    g_free(stars);
    g_free(value);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pattern/glob", test_glob);
    g_test_add_func("/pattern/regex", test_regex);
    g_test_add_func("/pattern/bad", test_bad);
    g_test_add_func("/pattern/bounds", test_bounds);
    return g_test_run();
}
