/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_MESSAGE_H
#define IMAPID_MESSAGE_H

#include <glib.h>

/* Prints a line on standard error behind the program's name. Whatever is in it, the name of a file or
 * what a capture holds, is spelled for a terminal: no control character, nothing that turns the
 * reading direction, no line end gets there. There is no other way to standard error but that of
 * progress.c. Any thread may call it. */
void imapid_message(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* The same of each line of a text. */
void imapid_message_lines(const char *text);

/* From here on, what GLib ends the program with, which is a lack of memory, is such a line, and `status`
 * the exit status. */
void imapid_message_end_with(int status);

#endif
