/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_SPELL_H
#define IMAPID_RECORD_SPELL_H

#include "endpoint.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* How values are spelled for people and machines. Whatever comes out of a capture goes through one
 * of these before it reaches a terminal or a file. All append to `out`. Records are spelled without
 * printf: its formats took a third of the time on captures of IMAP alone. */

/* Octets as they are: for words of our own, never for what a stranger wrote. As
 * g_string_append_len(), but in place where there is room. */
static inline void imapid_spell_raw(GString *out, const char *octets, gsize n)
{
    if (out->allocated_len - out->len <= n) {
        g_string_append_len(out, octets, (gssize)n);
        return;
    }
    memcpy(out->str + out->len, octets, n);
    out->len += n;
    out->str[out->len] = 0;
}

/* The same for a NUL-terminated string. */
static inline void imapid_spell_word(GString *out, const char *word)
{
    imapid_spell_raw(out, word, strlen(word));
}

/* The name of a member of a JSON object that is not its first: ,"name": */
static inline void imapid_spell_key(GString *out, const char *name)
{
    imapid_spell_word(out, ",\"");
    imapid_spell_word(out, name);
    imapid_spell_word(out, "\":");
}

/* In decimal. */
void imapid_spell_number(GString *out, uint64_t number);

/* The same for sentences: 1,316. */
void imapid_spell_grouped(GString *out, uint64_t number);

/* RFC 3339, UTC, nine decimals. Times before 1970 and after 9999 are spelled too; nothing for IMAPID_TIME_NONE. */
void imapid_spell_time(GString *out, int64_t ts_ns);

/* The same in quotes; null for IMAPID_TIME_NONE. */
void imapid_spell_json_time(GString *out, int64_t ts_ns);

/* Nanoseconds as seconds with nine decimals. */
void imapid_spell_seconds(GString *out, int64_t ns);

/* 10.0.0.5 or 2001:db8::1 */
void imapid_spell_address(GString *out, const struct imapid_endpoint *endpoint);

/* 10.0.0.5:143 or [2001:db8::1]:143 */
void imapid_spell_endpoint(GString *out, const struct imapid_endpoint *endpoint);

/* Is it UTF-8? U+0000 is a character like others. */
bool imapid_spell_is_utf8(const uint8_t *octets, size_t n);

/* The same octets as UTF-8: each that is none becomes U+FFFD. */
void imapid_spell_utf8(GString *out, const uint8_t *octets, size_t n);

/* A JSON string with its quotes. What is not UTF-8 becomes U+FFFD, an octet each. Control
 * characters, and those that turn the reading direction or end a line, are escaped. */
void imapid_spell_json(GString *out, const uint8_t *octets, size_t n);

/* Does imapid_spell_json() put quotes around these octets and change nothing? */
bool imapid_spell_is_plain(const uint8_t *octets, size_t n);

/* A JSON string of a NUL-terminated string, NULL being null. */
void imapid_spell_json_text(GString *out, const char *text);

/* For a terminal: printable characters as they are, everything else as \uHHHH (\UHHHHHHHH past U+FFFF),
 * octets that are no UTF-8 as \xHH; a backslash is doubled. Of more than four combining marks in a row
 * the further ones are not printable. At most `max` columns or so (0: no limit), then "...". */
void imapid_spell_terminal(GString *out, const uint8_t *octets, size_t n, size_t max);

/* The same without a limit, for a cell (record/width.h): what is blank, or nothing at all, stands in
 * quotes; without `utf8` only ASCII is printable. */
void imapid_spell_value(GString *out, const uint8_t *octets, size_t n, bool utf8);

/* Two lower-case hexadecimal digits an octet. */
void imapid_spell_hex(GString *out, const uint8_t *octets, size_t n);

/* The digest of `sum` as base64. Nothing more can be added to the sum then. */
void imapid_spell_digest(GString *out, GChecksum *sum);

#endif
