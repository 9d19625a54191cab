/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_SHELL_H
#define IMAPID_RECORD_SHELL_H

#include "record/record.h"

/* Lines for a shell that a person copies from what this program wrote. */

/* Appends the command that shows a connection in Wireshark, decrypted with `keylog` where that is not
 * NULL, and goes to `frame` where that is not 0. It is told by its ends: Wireshark counts streams in each file anew, and
 * records do so over all pieces of a chain.
 * False, with nothing appended, where there is no such command: the file's name is NULL, "-", or cannot be copied. */
bool imapid_shell_spell_wireshark(GString *out, const struct imapid_record_conn *conn,
                                  const char *keylog, uint64_t frame);

#endif
