/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_KDF_H
#define IMAPID_TLS_KDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The key derivations of TLS, on libgcrypt's HMAC. Hashes are GCRY_MD_…. Every function answers
 * false when libgcrypt refuses the hash (FIPS mode) and then has written nothing of use. */

/* Sets libgcrypt up, once for the process, unless the program has done so. To be called before
 * anything else here or in cipher.h; imapid_tls_new() does. */
void imapid_kdf_init(void);

/* Octets of a hash's value; 0 when libgcrypt does not know it. */
size_t imapid_kdf_hash_length(int hash);

/* The hash that stands for MD5 and SHA-1 together in imapid_kdf_prf(): TLS 1.0 and 1.1. */
#define IMAPID_KDF_MD5_SHA1 0

/* PRF(secret, label, seed_a + seed_b) of RFC 5246 5, or, for IMAPID_KDF_MD5_SHA1, of RFC 2246 5. */
bool imapid_kdf_prf(int hash, const uint8_t *secret, size_t n_secret, const char *label,
                    const uint8_t *seed_a, size_t n_a, const uint8_t *seed_b, size_t n_b,
                    uint8_t *out, size_t n_out);

/* HKDF-Extract(salt, octets) of RFC 5869 2.2: a hash's length to out. n_salt > 0. */
bool imapid_kdf_extract(int hash, const uint8_t *salt, size_t n_salt, const uint8_t *octets,
                        size_t n, uint8_t *out);

/* HKDF-Expand(secret, info, n_out) of RFC 5869 2.3. The secret has the hash's length; n_out at most
 * 255 times that. */
bool imapid_kdf_expand(int hash, const uint8_t *secret, const uint8_t *info, size_t n_info,
                       uint8_t *out, size_t n_out);

/* HKDF-Expand-Label(secret, label, context, n_out) of RFC 8446 7.1, label without "tls13 ". The
 * secret has the hash's length; n_out at most 255, label and context together at most 200. */
bool imapid_kdf_expand_label(int hash, const uint8_t *secret, const char *label,
                             const uint8_t *context, size_t n_context, uint8_t *out, size_t n_out);

#endif
