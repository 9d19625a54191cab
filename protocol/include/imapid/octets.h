/* SPDX-License-Identifier: GPL-2.0-or-later */
/* octets.h: places in a run of octets, and the comparisons IMAP asks for (RFC 9051 1.2: case is
 * ignored in protocol words, in US-ASCII alone, whatever the locale). */
#ifndef IMAPID_OCTETS_H
#define IMAPID_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A place: `n` octets from `offset`, counted from the start of the unit it belongs to. An offset
 * instead of a pointer, because the same place is marked in a window, written as JSON and compared
 * with a golden file. */
struct imapid_slice {
    size_t offset;
    size_t n;
};

/* Are two runs the same, ignoring ASCII case? */
bool imapid_octets_same(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b);

/* Are the `n` octets at `data` the word `word` (NUL-terminated), ignoring ASCII case? Inline, so
 * that the length of a word that is written out is known before the call. */
static inline bool imapid_octets_is(const uint8_t *data, size_t n, const char *word)
{
    size_t n_word = strlen(word);

    return n == n_word && imapid_octets_same(data, n, (const uint8_t *)word, n_word);
}

/* Does the run contain `word` (NUL-terminated, not empty), ignoring ASCII case? */
bool imapid_octets_contain(const uint8_t *data, size_t n, const char *word);

/* The next word of `data`, as blanks part them, from *at on, which moves behind it; n is 0 at the end.
 */
struct imapid_slice imapid_octets_next_word(const uint8_t *data, size_t n, size_t *at);

/* Is `word` (NUL-terminated) one of the words, ignoring ASCII case? */
bool imapid_octets_has_word(const uint8_t *data, size_t n, const char *word);

/* Are the octets UTF-8 (RFC 3629), without overlong forms, surrogates and what is past U+10FFFF? */
bool imapid_octets_are_utf8(const uint8_t *data, size_t n);

/* A number in network order, as the headers of proxies have it. There have to be two octets. */
static inline uint16_t imapid_octets_get16(const uint8_t *data)
{
    return (uint16_t)(data[0] << 8 | data[1]);
}

static inline bool imapid_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline uint8_t imapid_upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

static inline bool imapid_is_alpha(uint8_t c)
{
    return imapid_upper(c) >= 'A' && imapid_upper(c) <= 'Z';
}

static inline bool imapid_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* The octets that base64 (RFC 4648) stands for, as far as it is base64 and there is room for n_max.
 * Returns how many. */
size_t imapid_octets_decode_base64(const uint8_t *line, size_t n, uint8_t *octets, size_t n_max);

/* BASE64-CHAR of RFC 9051 section 9, or the "=" behind them. */
static inline bool imapid_is_base64(uint8_t c)
{
    return imapid_is_alpha(c) || imapid_is_digit(c) || c == '+' || c == '/' || c == '=';
}

/* ATOM-CHAR of RFC 9051 section 9: no CTL, no octet over 126, none of ( ) { SP % * " \ ]. */
static inline bool imapid_is_atom_char(uint8_t c)
{
    return c > ' ' && c < 127 && c != '(' && c != ')' && c != '{' && c != '%' && c != '*' &&
           c != '"' && c != '\\' && c != ']';
}

/* A character of a tag: ASTRING-CHAR (ATOM-CHAR or "]") but not "+". */
static inline bool imapid_is_tag_char(uint8_t c)
{
    return (imapid_is_atom_char(c) || c == ']') && c != '+';
}

#endif
