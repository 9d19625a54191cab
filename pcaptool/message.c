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
#include <unistd.h>

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

/* ---- the end ---- */

static int last_status;

static void put(const char *text, size_t n)
{
    if (write(STDERR_FILENO, text, n) < 0)
        return;
}

/* There is no memory: nothing that allocates may be called here. */
static GLogWriterOutput end(GLogLevelFlags level, const GLogField *fields, size_t n, void *data)
{
    static const char before[] = "imapid: ended: ", behind[] = "\n";

    if (!(level & G_LOG_LEVEL_ERROR))
        return g_log_writer_default(level, fields, n, data);
    put(before, sizeof before - 1);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(fields[i].key, "MESSAGE")) {
            const char *text = (const char *)fields[i].value;
            const char *of_glib =
                strstr(text, "failed to allocate"); /* a place in its source is before */

            put(of_glib ? of_glib : text, strlen(of_glib ? of_glib : text));
        }
    put(behind, sizeof behind - 1);
    _exit(last_status);
}

void imapid_message_end_with(int status)
{
    last_status = status;
    g_log_set_writer_func(end, NULL, NULL);
}
