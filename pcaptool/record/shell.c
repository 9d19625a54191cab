/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shell.c: lines for a shell.
 *
 * Refuses names that read otherwise on a terminal than they are.
 *
 * Misuse: what is not a file's name. An option's value needs no "./" before it. */
#include "record/shell.h"

#include "record/spell.h"

#include <string.h>

static bool is_bare(const char *text)
{
    for (; *text; text++)
        if (!g_ascii_isalnum(*text) && !strchr("_./-", *text))
            return false;
    return true;
}

/* Can it be copied from a terminal as it is? Only backslashes are spelled otherwise there. */
static bool can_be_copied(const char *text)
{
    GString *spelled = g_string_new(NULL), *doubled = g_string_new(text);
    bool same;

    imapid_spell_terminal(spelled, (const uint8_t *)text, strlen(text), 0);
    g_string_replace(doubled, "\\", "\\\\", 0);
    same = g_string_equal(spelled, doubled);
    g_string_free(spelled, TRUE);
    g_string_free(doubled, TRUE);
    return same;
}

/* A file's name as an argument for sh: bare where nothing in it means anything there, else in quotes; one
 * that looks like an option behind "./". NULL where it cannot be copied from a terminal: it has
 * control characters, or octets that are no text. To be freed with g_free(). */
static char *quote(const char *file)
{
    char *quoted, *text;

    if (!can_be_copied(file))
        return NULL;
    quoted = *file && is_bare(file) ? g_strdup(file) : g_shell_quote(file);
    text = g_strconcat(*file == '-' ? "./" : "", quoted, NULL);
    g_free(quoted);
    return text;
}

bool imapid_shell_spell_wireshark(GString *out, const char *file, const char *keylog,
                                  unsigned stream, uint64_t frame)
{
    char *quoted = file && strcmp(file, "-") ? quote(file) : NULL;
    char *keys = keylog ? quote(keylog) : NULL;

    if (!quoted) {
        g_free(keys);
        return false;
    }
    g_string_append_printf(out, "wireshark -r %s", quoted);
    if (keys)
        g_string_append_printf(out, " -o tls.keylog_file:%s", keys);
    g_string_append_printf(out, " -Y 'tcp.stream == %u'", stream);
    if (frame)
        g_string_append_printf(out, " -g %" G_GUINT64_FORMAT, frame);
    g_free(keys);
    g_free(quoted);
    return true;
}
