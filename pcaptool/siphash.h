/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SIPHASH_H
#define IMAPID_SIPHASH_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

/* SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012) of n words, each taken
 * as 8 octets, least significant first. Without the key nobody can choose inputs whose hashes meet.
 * One round a word and three at the end are what hash tables use; the paper's 2 and 4 are for what
 * is signed. */
static inline void imapid_siphash_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = (v[1] << 13 | v[1] >> 51) ^ v[0];
    v[3] = (v[3] << 16 | v[3] >> 48) ^ v[2];
    v[0] = v[0] << 32 | v[0] >> 32;
    v[2] += v[1];
    v[0] += v[3];
    v[1] = (v[1] << 17 | v[1] >> 47) ^ v[2];
    v[3] = (v[3] << 21 | v[3] >> 43) ^ v[0];
    v[2] = v[2] << 32 | v[2] >> 32;
}

static inline void imapid_siphash_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    imapid_siphash_round(v);
    v[0] ^= word;
}

static inline void imapid_siphash_begin(uint64_t v[4], const uint64_t key[2])
{
    v[0] = key[0] ^ UINT64_C(0x736f6d6570736575);
    v[1] = key[1] ^ UINT64_C(0x646f72616e646f6d);
    v[2] = key[0] ^ UINT64_C(0x6c7967656e657261);
    v[3] = key[1] ^ UINT64_C(0x7465646279746573);
}

static inline uint64_t imapid_siphash_end(uint64_t v[4])
{
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        imapid_siphash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The same, and n_rest octets more, fewer than 8: the low ones of `rest`, whose others are 0. */
static inline uint64_t imapid_siphash_rest(const uint64_t key[2], const uint64_t *words, size_t n,
                                           uint64_t rest, unsigned n_rest)
{
    uint64_t v[4];
    imapid_siphash_begin(v, key);
    for (size_t i = 0; i < n; i++)
        imapid_siphash_word(v, words[i]);
    imapid_siphash_word(v, rest | ((uint64_t)n * 8 + n_rest) << 56);
    return imapid_siphash_end(v);
}

static inline uint64_t imapid_siphash(const uint64_t key[2], const uint64_t *words, size_t n)
{
    return imapid_siphash_rest(key, words, n, 0, 0);
}

/* Draws a key for a table, that nobody who sends can know. */
static inline void imapid_siphash_draw_key(uint64_t key[2])
{
    if (getentropy(key, 2 * sizeof *key) != 0)
        g_error("no random octets for the key of a table");
}

#endif
