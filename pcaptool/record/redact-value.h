/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_REDACT_VALUE_H
#define IMAPID_RECORD_REDACT_VALUE_H

#include "record/pseudonym.h"
#include "record/record.h"

/* What of one field name or value stays, and pseudonyms for the rest. redact.def is the table. */

/* Appends the name of a field, which must not be NIL: as it is where a table knows it. */
void imapid_redact_add_name(const struct imapid_pseudonyms *pseudonyms, GString *out,
                            const struct imapid_record_string *field);

/* Appends the value of a pair, which must not be NIL. */
void imapid_redact_add_value(const struct imapid_pseudonyms *pseudonyms, GString *out,
                             const struct imapid_record_pair *pair);

#endif
