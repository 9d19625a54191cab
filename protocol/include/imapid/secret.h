/* SPDX-License-Identifier: GPL-2.0-or-later */
/* secret.h: keeps passwords out of what is told.
 *
 * An ID is told as its sender wrote it, and so is the text of its answer. Where a client runs
 * another command into an ID (a line end that was lost, a literal that is too long), or where a
 * server repeats what it did not understand, a password can be in either. What cannot be told from
 * an ID, or from a text, stays: a login in a list whose name was lost, or one that the answer to
 * another command repeats without its name. */
#ifndef IMAPID_SECRET_H
#define IMAPID_SECRET_H

#include <imapid/unit.h>

/* Takes out of an ID unit what may be a password: `args` ends before it, and `n_hidden` says how
 * many octets do not count. Shortened are
 *
 * - whatever has the name of LOGIN or AUTHENTICATE in a malformed list, behind that name;
 * - what looks like an answer of SASL in a list that is never closed;
 * - a literal with such a command on a line of its own, whose count is too high: behind the name;
 * - what follows a list or NIL, unless it is marks or another list: behind the name of a command;
 * - what stands in place of a list: behind its first word, if that is the name of a command.
 *
 * Any other list, and any other unit, stays as it is. */
void imapid_secret_hide(struct imapid_unit *unit);

/* Where the first word stands that looks like an answer of SASL, in base64 of text; `n` where none does. */
size_t imapid_secret_find_encoded(const uint8_t *octets, size_t n);

/* How many octets of a server's text may be told, from its start: to before the first that may be of
 * a command it repeats. `command`: the ID it answers, or NULL. */
size_t imapid_secret_measure_text(const struct imapid_unit *command, const uint8_t *text, size_t n);

/* The tag of a unit as it may be told: `*n` octets, good as long as the unit's, or "(hidden)", which no
 * tag can be, where an answer of SASL ran into it. */
const uint8_t *imapid_secret_get_tag(const struct imapid_unit *unit, size_t *n);

#endif
