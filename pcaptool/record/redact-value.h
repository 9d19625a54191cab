/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_REDACT_VALUE_H
#define IMAPID_RECORD_REDACT_VALUE_H

#include "record/pseudonym.h"
#include "record/record.h"

/* What of one field name or value is harmless; pseudonyms for the rest. redact.def is the table. */
struct imapid_redact_values;

/* The pseudonyms have to live as long. */
struct imapid_redact_values *imapid_redact_values_new(const struct imapid_pseudonyms *pseudonyms);
void imapid_redact_values_free(struct imapid_redact_values *values); /* NULL is fine */

/* Appends the name of a field, which must not be NIL: as it is where a table knows it. */
void imapid_redact_values_add_name(const struct imapid_redact_values *values, GString *out,
                                   const struct imapid_record_string *field);

/* Appends the value of a pair, which must not be NIL. */
void imapid_redact_values_add_value(const struct imapid_redact_values *values, GString *out,
                                    const struct imapid_record_pair *pair);

#endif
