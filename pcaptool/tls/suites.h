/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_SUITES_H
#define IMAPID_TLS_SUITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The cipher suites that can be read: suites.def and protections.def, expanded. */

#define IMAPID_TLS_1_0 0x0301
#define IMAPID_TLS_1_1 0x0302
#define IMAPID_TLS_1_2 0x0303
#define IMAPID_TLS_1_3 0x0304

struct imapid_protection {
    int algorithm, mode; /* GCRY_CIPHER_…, GCRY_CIPHER_MODE_… */
    uint8_t n_key, n_iv, n_explicit, n_tag;
};

struct imapid_suite {
    uint16_t id;
    const char *name;
    const struct imapid_protection *protection;
    int hash; /* GCRY_MD_…: the MAC where there is no AEAD, and see imapid_suites_hash() */
};

/* NULL: not in the table. */
const struct imapid_suite *imapid_suites_find(uint16_t id);

/* The i-th suite by number, NULL behind the last: for tests and lists. */
const struct imapid_suite *imapid_suites_get(size_t i);

/* May the suite be used in this version? RFC 8446 B.4; RFC 5246 5: AEAD and MACs of SHA-2 from 1.2
 * on, but for pre-shared keys, where such MACs go with every version (RFC 5487 3, RFC 5489 3). */
bool imapid_suites_fit(const struct imapid_suite *suite, uint16_t version);

/* Does it encrypt in CBC mode (RFC 5246 6.2.3.2)? */
bool imapid_suites_is_cbc(const struct imapid_suite *suite);

/* Does it authenticate, and not encrypt? */
bool imapid_suites_is_clear(const struct imapid_suite *suite);

/* Has libgcrypt, as it is here, the cipher? */
bool imapid_suites_is_held(const struct imapid_suite *suite);

/* Octets of the MAC; 0 for AEAD. */
size_t imapid_suites_mac_length(const struct imapid_suite *suite);

/* The hash of the key derivation in TLS 1.3 and 1.2, GCRY_MD_…. */
int imapid_suites_hash(const struct imapid_suite *suite);

#endif
