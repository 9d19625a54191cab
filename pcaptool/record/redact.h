/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_REDACT_H
#define IMAPID_RECORD_REDACT_H

#include "record/record.h"
#include "record/terms.h"

/* Records with pseudonyms in place of what identifies a person, device or network. A pseudonym is a
 * part of HMAC-SHA-256 of the value under a key: the same value is the same pseudonym in every
 * record, file and machine that has the key, and nobody without the key can try values out.
 *
 *   addresses           others that nobody has: fd04::/16 for IPv4, fd06::/16 for IPv6
 *   mail addresses      redacted-HEX@redacted.invalid
 *   tokens, identifiers redacted-HEX
 *   unknown field names field-HEX
 *   file names          capture-HEX.pcapng
 *   raw text, results   letters and digits masked but for words that stay
 *
 * What software says of itself (name, version, os, vendor) stays, and so do ports, times, frames
 * and findings; redact.def is the table. */
struct imapid_redact;

/* With the key that stands in a file, octet for octet, or, NULL, one of this run. NULL with a
 * message, to be freed, where the file cannot be read or is no key (see pseudonym.h). Words that are none
 * of `terms` are replaced. */
struct imapid_redact *imapid_redact_new(const char *key_file, const struct imapid_terms *terms,
                                        char **message);
void imapid_redact_free(struct imapid_redact *redact);

/* The name of a file as it stands in records then; to be freed. */
char *imapid_redact_file(const struct imapid_redact *redact, const char *file);

/* The same of a site; NULL stays NULL. */
char *imapid_redact_site(const struct imapid_redact *redact, const char *site);

/* A sink that redacts and passes on to `next`; both, and `sink`, must outlive what is returned. Any
 * number may use one redactor at a time, in several threads. */
struct imapid_redact_sink {
    const struct imapid_redact *redact;
    const struct imapid_record_sink *next;
};
struct imapid_record_sink imapid_redact_wrap(struct imapid_redact_sink *sink);

#endif
