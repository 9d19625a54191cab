/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suites.c: the tables of cipher suites and of what they protect records with.
 *
 * A suite that is not in suites.def cannot be read; whether libgcrypt has its cipher is found out
 * when it is opened. Misuse: a suite of 1.3 asked for in 1.2, or the reverse; imapid_suites_fit()
 * tells.
 *
 * Refuses nothing. */
#include "tls/suites.h"

#include "tls/kdf.h"

#include <gcrypt.h>
#include <string.h>

/* libgcrypt has ARIA from 1.11 on. An older one refuses these numbers. */
#if GCRYPT_VERSION_NUMBER < 0x010b00
#define GCRY_CIPHER_ARIA128 319
#define GCRY_CIPHER_ARIA256 321
#endif

enum protection {
#define IMAPID_PROTECTION(name, ...) PROTECTION_##name,
#include "tls/protections.def"
#undef IMAPID_PROTECTION
};

static const struct imapid_protection protections[] = {
#define IMAPID_PROTECTION(name, algorithm, mode, n_key, n_iv, n_explicit, n_tag)                   \
    {GCRY_CIPHER_##algorithm, GCRY_CIPHER_MODE_##mode, n_key, n_iv, n_explicit, n_tag},
#include "tls/protections.def"
#undef IMAPID_PROTECTION
};

static const struct imapid_suite suites[] = {
#define IMAPID_SUITE(id, name, protection, hash)                                                   \
    {id, #name, &protections[PROTECTION_##protection], GCRY_MD_##hash},
#include "tls/suites.def"
#undef IMAPID_SUITE
};

#define N_SUITES (sizeof suites / sizeof suites[0])

const struct imapid_suite *imapid_suites_find(uint16_t id)
{
    size_t low = 0, high = N_SUITES;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (suites[middle].id == id)
            return &suites[middle];
        if (suites[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct imapid_suite *imapid_suites_get(size_t i)
{
    return i < N_SUITES ? &suites[i] : NULL;
}

bool imapid_suites_fit(const struct imapid_suite *suite, uint16_t version)
{
    bool of_1_3 = suite->id >> 8 == 0x13;

    if (version == IMAPID_TLS_1_3 || of_1_3)
        return version == IMAPID_TLS_1_3 && of_1_3;
    if (version == IMAPID_TLS_1_2)
        return true;
    return imapid_suites_mac_length(suite) &&
           (suite->hash == GCRY_MD_SHA1 || suite->hash == GCRY_MD_MD5 ||
            strstr(suite->name, "PSK_"));
}

bool imapid_suites_is_cbc(const struct imapid_suite *suite)
{
    return suite->protection->mode == GCRY_CIPHER_MODE_CBC;
}

bool imapid_suites_is_clear(const struct imapid_suite *suite)
{
    return suite->protection->mode == GCRY_CIPHER_MODE_NONE;
}

bool imapid_suites_is_held(const struct imapid_suite *suite)
{
    return imapid_suites_is_clear(suite) ||
           gcry_cipher_test_algo(suite->protection->algorithm) == 0;
}

size_t imapid_suites_mac_length(const struct imapid_suite *suite)
{
    return suite->protection->n_tag ? 0 : imapid_kdf_hash_length(suite->hash);
}

int imapid_suites_hash(const struct imapid_suite *suite)
{
    return suite->hash == GCRY_MD_SHA384 ? GCRY_MD_SHA384 : GCRY_MD_SHA256;
}
