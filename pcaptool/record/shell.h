/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_SHELL_H
#define IMAPID_RECORD_SHELL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Lines for a shell that a person copies from what this program wrote. */

/* Appends the command that shows a connection of `file` in Wireshark, decrypted with `keylog` where that is not
 * NULL, and goes to `frame` where that is not 0.
 * False, with nothing appended, where there is no such command: the name is NULL, "-", or cannot be copied. */
bool imapid_shell_spell_wireshark(GString *out, const char *file, const char *keylog,
                                  unsigned stream, uint64_t frame);

#endif
