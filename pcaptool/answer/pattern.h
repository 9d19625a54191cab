/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_PATTERN_H
#define IMAPID_ANSWER_PATTERN_H

#include <glib.h>
#include <stdbool.h>

/* Patterns of a user, for values of strangers. Case does not count in either kind. */
struct imapid_pattern;

/* The longest pattern, in octets. Time to match grows with it. */
#define IMAPID_PATTERN_MAX 1024u

/* The whole value, with "*" for any characters, "?" for one, and "\" before one that is meant itself.
 * Time is linear in value and pattern each. NULL with *message, to be freed: it is too long. */
struct imapid_pattern *imapid_pattern_new_glob(const char *text, char **message);

/* A regular expression of GLib (PCRE), found anywhere in the value. NULL with *message: it is none, or is
 * too long. */
struct imapid_pattern *imapid_pattern_new_regex(const char *text, char **message);

void imapid_pattern_free(struct imapid_pattern *pattern);

/* Does a value match? `value` is UTF-8 without NUL, `n` octets and a NUL. Thread-safe. A regular
 * expression takes a bounded number of steps; where these do not suffice the value counts as one that does
 * not match, and imapid_pattern_has_given_up() is true from then on. */
bool imapid_pattern_matches(struct imapid_pattern *pattern, const char *value, gsize n);
bool imapid_pattern_has_given_up(const struct imapid_pattern *pattern);

#endif
