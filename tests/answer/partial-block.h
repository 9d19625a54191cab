/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TESTS_ANSWER_PARTIAL_BLOCK_H
#define IMAPID_TESTS_ANSWER_PARTIAL_BLOCK_H

#include "answer/partial.h"
#include "siphash.h"

#include <glib.h>
#include <string.h>

/* A partial's head, and one block of n octets, as answer/partial.h has it in words: length, check, rows. */
static inline GByteArray *partial_block(const uint8_t *rows, size_t n)
{
    static const char head[] = IMAPID_PARTIAL_HEAD;
    const uint64_t key[2] = {sizeof head - 1, n};
    uint64_t *words = g_new0(uint64_t, n / 8 + 1);
    GByteArray *octets = g_byte_array_new();
    uint64_t check;

    for (size_t i = 0; i < n; i++)
        words[i / 8] |= (uint64_t)rows[i] << i % 8 * 8;
    check = imapid_siphash(key, words, n / 8 + 1);
    g_free(words);
    g_byte_array_append(octets, (const uint8_t *)head, sizeof head - 1);
    for (unsigned i = 0; i < 12; i++) {
        uint8_t octet = (uint8_t)(i < 4 ? n >> 8 * i : check >> 8 * (i - 4));

        g_byte_array_append(octets, &octet, 1);
    }
    g_byte_array_append(octets, rows, (guint)n);
    return octets;
}

#endif
