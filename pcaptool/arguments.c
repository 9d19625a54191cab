/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arguments.c: takes short options apart that are written together or with their value. POSIX (XBD
 * 12.1) allows both; GLib does not take a value in the same word.
 *
 * Refuses nothing. A letter that is no option stays in one word with all that follows it, and
 * GLib's parser reports it.
 *
 * Misuse: options with an optional value. It cannot be told from the next option. */
#include "arguments.h"

#include <string.h>

static gboolean takes_value(const GOptionEntry *entry)
{
    return entry->arg != G_OPTION_ARG_NONE;
}

static const GOptionEntry *find_short(const GOptionEntry *entries, char name)
{
    for (; entries->long_name; entries++)
        if (entries->short_name && entries->short_name == name)
            return entries;
    return NULL;
}

/* NULL as well where the value is in the same word. */
static const GOptionEntry *find_long(const GOptionEntry *entries, const char *name)
{
    for (; entries->long_name; entries++)
        if (*entries->long_name && !strcmp(entries->long_name, name))
            return entries;
    return NULL;
}

/* Takes a word of short options apart. Returns whether the next word is the value of the last. */
static gboolean split_word(GPtrArray *words, const char *letters, const GOptionEntry *entries)
{
    for (; *letters; letters++) {
        const GOptionEntry *entry = find_short(entries, *letters);

        if (!entry) {
            g_ptr_array_add(words, g_strconcat("-", letters, NULL));
            return FALSE;
        }
        g_ptr_array_add(words, g_strdup_printf("-%c", *letters));
        if (!takes_value(entry))
            continue;
        if (!letters[1])
            return TRUE;
        g_ptr_array_add(words, g_strdup(letters + 1));
        return FALSE;
    }
    return FALSE;
}

char **imapid_arguments_split(char *const *argv, const GOptionEntry *entries)
{
    GPtrArray *words = g_ptr_array_new();
    gboolean is_value = TRUE, ended = FALSE; /* the first word is the program's name */

    for (; *argv; argv++) {
        const char *word = *argv;
        const GOptionEntry *entry = NULL;

        if (is_value || ended || word[0] != '-' || !word[1]) {
            g_ptr_array_add(words, g_strdup(word));
            is_value = FALSE;
        } else if (word[1] != '-') {
            is_value = split_word(words, word + 1, entries);
        } else {
            g_ptr_array_add(words, g_strdup(word));
            ended = !word[2];
            entry = find_long(entries, word + 2);
            is_value = entry && takes_value(entry);
        }
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}
