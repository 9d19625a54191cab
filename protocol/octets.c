/* SPDX-License-Identifier: GPL-2.0-or-later */
/* octets.c: comparisons of octets as IMAP defines them. They never look at the locale, and never
 * past the length they were given. */
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
