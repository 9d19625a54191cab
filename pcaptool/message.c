/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message.c: prints messages on standard error. Any octets may be in them; they are spelled for a
 * terminal here.
 *
 * Refuses nothing.
 *
 * Misuse: spelling a part of a message for a terminal before. Its backslashes are doubled then. */
#include "message.h"

#include "record/spell.h"

#include <string.h>

void imapid_message(const char *format, ...)
{
    GString *line = g_string_new("imapid: ");
    va_list arguments;
    char *message;

    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    imapid_spell_terminal(line, (const uint8_t *)message, strlen(message), 0);
    g_printerr("%s\n", line->str);
    g_string_free(line, TRUE);
    g_free(message);
}

void imapid_message_lines(const char *text)
{
    char **lines = g_strsplit(text, "\n", 0);

    for (char **line = lines; *line; line++)
        imapid_message("%s", *line);
    g_strfreev(lines);
}
