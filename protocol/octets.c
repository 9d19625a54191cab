/* SPDX-License-Identifier: GPL-2.0-or-later */
/* octets.c: comparisons of octets as IMAP defines them. They never use the locale, and never
 * read past the length they were given.
 *
 * Refuses nothing.
 *
 * Misuse: comparing text of a message, where case counts. */
#include <imapid/octets.h>

#include <string.h>

bool imapid_octets_same(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b)
{
    if (n_a != n_b)
        return false;
    for (size_t i = 0; i < n_a; i++)
        if (imapid_upper(a[i]) != imapid_upper(b[i]))
            return false;
    return true;
}

bool imapid_octets_contain(const uint8_t *data, size_t n, const char *word)
{
    size_t n_word = strlen(word);

    for (size_t i = 0; i + n_word <= n; i++)
        if (imapid_octets_same(data + i, n_word, (const uint8_t *)word, n_word))
            return true;
    return false;
}

struct imapid_slice imapid_octets_next_word(const uint8_t *data, size_t n, size_t *at)
{
    struct imapid_slice word;

    while (*at < n && imapid_is_blank(data[*at]))
        ++*at;
    word.offset = *at;
    while (*at < n && !imapid_is_blank(data[*at]))
        ++*at;
    word.n = *at - word.offset;
    return word;
}

bool imapid_octets_has_word(const uint8_t *data, size_t n, const char *word)
{
    struct imapid_slice one;
    size_t at = 0;

    while ((one = imapid_octets_next_word(data, n, &at)).n)
        if (imapid_octets_is(data + one.offset, one.n, word))
            return true;
    return false;
}

/* The octets of the character that begins with `c`; 0: none does. The second one is in *low to
 * *high. */
static unsigned read_lead(uint8_t c, uint8_t *low, uint8_t *high)
{
    *low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    *high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    return c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

bool imapid_octets_are_utf8(const uint8_t *data, size_t n)
{
    uint8_t low, high;

    for (size_t at = 0; at < n;) {
        unsigned length = read_lead(data[at], &low, &high);

        if (!length || length > n - at ||
            (length > 1 && (data[at + 1] < low || data[at + 1] > high)))
            return false;
        for (unsigned i = 2; i < length; i++)
            if ((data[at + i] & 0xc0) != 0x80)
                return false;
        at += length;
    }
    return true;
}

static int get_base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (imapid_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t imapid_octets_decode_base64(const uint8_t *line, size_t n, uint8_t *octets, size_t n_max)
{
    size_t n_octets = 0;
    uint32_t bits = 0;

    for (size_t i = 0; i < n && n_octets < n_max; i++) {
        int value = get_base64_value(line[i]);

        if (value < 0)
            break;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4)
            octets[n_octets++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return n_octets;
}
