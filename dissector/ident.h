/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident.h: what the list of one ID command or response says, as text. */
#ifndef IMAPID_DISSECTOR_IDENT_H
#define IMAPID_DISSECTOR_IDENT_H

#include <imapid/fields.h>
#include <imapid/list.h>

#include "records.h"

/* Reads the list once for what is asked of it in every pass: name, version, origin and summary of
 * `ident`. */
void imapid_ident_read(struct imapid_ident *ident);

/* The octets a string of a list means, as UTF-8 in `scope`; NULL: NIL, or missing. `data` is the
 * unit's. */
char *imapid_ident_text(wmem_allocator_t *scope, const uint8_t *data,
                        const struct imapid_string *string);

/* The same for a label: unprintable characters escaped; NIL or its lack named. */
char *imapid_ident_label(wmem_allocator_t *scope, const uint8_t *data,
                         const struct imapid_string *string);

/* Which defined field a pair of a list is; IMAPID_FIELD_OTHER: none. */
enum imapid_field imapid_ident_field(const uint8_t *data, const struct imapid_pair *pair);

/* The first value that is not empty of a defined field, as UTF-8 in `scope`; NULL: there is none.
 */
char *imapid_ident_value(wmem_allocator_t *scope, const struct imapid_ident *ident,
                         enum imapid_field field);

/* Does it give no value at all? One whose end is not there cannot be known to. */
bool imapid_ident_is_empty(const struct imapid_ident *ident);

/* Why it is not all there: "cut" (the capture lacks octets), "over a limit" (they were not kept);
 * NULL: it is. */
const char *imapid_ident_lack(const struct imapid_ident *ident);

/* The tag of its command, in `scope`; NULL: nobody knows. */
char *imapid_ident_tag(wmem_allocator_t *scope, const struct imapid_ident *ident);

/* Is there one reading of the list? A fault that is only a warning leaves none in doubt. */
bool imapid_ident_is_clear(const struct imapid_ident *ident);

#endif
