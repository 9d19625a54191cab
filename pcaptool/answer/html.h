/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_HTML_H
#define IMAPID_ANSWER_HTML_H

#include "record/record.h"

/* Text for HTML. What a stranger wrote is inert wherever it stands: control characters and those
 * that turn the reading direction are spelled out, the five characters of HTML are escaped, and
 * <bdi> keeps the direction of letters to itself. All append to `out`. */

/* Text or attribute of this program, or anything that is UTF-8 without controls. */
void imapid_html_text(GString *out, const char *text);

/* What a stranger wrote: octets, a string of a record (NIL is marked as such), a NUL-terminated text.
 * At most `max` characters or so, 0 being no limit. */
void imapid_html_octets(GString *out, const uint8_t *octets, size_t n, size_t max);
void imapid_html_string(GString *out, const struct imapid_record_string *string, size_t max);
void imapid_html_foreign(GString *out, const char *text, size_t max);

/* 10.0.0.5:143 or [2001:db8::1]:143 */
void imapid_html_endpoint(GString *out, const struct imapid_endpoint *endpoint);

#endif
