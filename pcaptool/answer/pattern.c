/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pattern.c: does a value match? The pattern is the user's, the value any stranger's: neither may cost
 * more than it is long.
 *
 * Refuses patterns over IMAPID_PATTERN_MAX, and steps of a regular expression over STEPS_MAX.
 *
 * Misuse: values with NUL in them: a glob ends there. */
#include "answer/pattern.h"

#include "record/spell.h"

#include <string.h>

/* Steps of a regular expression for one value, a few tens of milliseconds. A pattern that is quadratic
 * can take as many for the longest value that RFC 2971 allows (1,024 octets). GLib has no call that sets
 * it, but a pattern may. */
#define STEPS_MAX "1000000"

struct imapid_pattern {
    char *glob; /* folded; NULL: it is a regular expression */
    GRegex *regex;
    gint gave_up; /* atomic */
};

/* The command line's octets as UTF-8, as the values are. NULL with *message. */
static char *read_text(const char *text, char **message)
{
    GString *out;

    if (strlen(text) > IMAPID_PATTERN_MAX) {
        *message = g_strdup_printf("a pattern has at most %u octets", IMAPID_PATTERN_MAX);
        return NULL;
    }
    out = g_string_new(NULL);
    imapid_spell_utf8(out, (const uint8_t *)text, strlen(text));
    return g_string_free(out, FALSE);
}

struct imapid_pattern *imapid_pattern_new_glob(const char *text, char **message)
{
    char *read = read_text(text, message);
    struct imapid_pattern *pattern;

    if (!read)
        return NULL;
    pattern = g_new0(struct imapid_pattern, 1);
    pattern->glob = g_utf8_casefold(read, -1);
    g_free(read);
    return pattern;
}

struct imapid_pattern *imapid_pattern_new_regex(const char *text, char **message)
{
    char *read = read_text(text, message), *bounded;
    struct imapid_pattern *pattern;
    GError *error = NULL;
    GRegex *regex;

    if (!read)
        return NULL;
    bounded = g_strconcat("(*LIMIT_MATCH=" STEPS_MAX ")", read, NULL);
    /* Not G_REGEX_OPTIMIZE: that makes machine code, which the sandbox forbids. */
    regex = g_regex_new(bounded, G_REGEX_CASELESS, 0, &error);
    g_free(bounded);
    g_free(read);
    if (!regex) {
        /* GLib's message has our pattern in it; what is wrong stands behind the last colon. */
        const char *why = strrchr(error->message, ':');

        *message = g_strdup_printf("no regular expression: %s", why ? why + 2 : error->message);
        g_error_free(error);
        return NULL;
    }
    pattern = g_new0(struct imapid_pattern, 1);
    pattern->regex = regex;
    return pattern;
}

void imapid_pattern_free(struct imapid_pattern *pattern)
{
    if (!pattern)
        return;
    if (pattern->regex)
        g_regex_unref(pattern->regex);
    g_free(pattern->glob);
    g_free(pattern);
}

/* Does one character of the pattern, not a star, stand for this one? *next is what stands behind it. */
static bool takes_char(const char *pattern, const char *value, const char **next)
{
    bool literal = *pattern == '\\' && pattern[1];

    pattern += literal;
    *next = g_utf8_next_char(pattern);
    return (*pattern == '?' && !literal) || g_utf8_get_char(pattern) == g_utf8_get_char(value);
}

/* Only the last star is gone back to: what matched before it matches as well as it can. */
static bool matches_glob(const char *pattern, const char *value)
{
    const char *star = NULL, *resume = NULL, *next;

    while (*value) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = value;
        } else if (*pattern && takes_char(pattern, value, &next)) {
            pattern = next;
            value = g_utf8_next_char(value);
        } else if (star) {
            pattern = star;
            value = resume = g_utf8_next_char(resume);
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

bool imapid_pattern_matches(struct imapid_pattern *pattern, const char *value, gsize n)
{
    GError *error = NULL;
    char *folded;
    bool found;

    if (pattern->regex) {
        found = g_regex_match_full(pattern->regex, value, (gssize)n, 0, 0, NULL, &error);
        if (error)
            g_atomic_int_set(&pattern->gave_up, 1);
        g_clear_error(&error);
        return found;
    }
    folded = g_utf8_casefold(value, (gssize)n);
    found = matches_glob(pattern->glob, folded);
    g_free(folded);
    return found;
}

bool imapid_pattern_has_given_up(const struct imapid_pattern *pattern)
{
    return g_atomic_int_get(&pattern->gave_up) != 0;
}
