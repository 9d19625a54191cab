/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_HPKE_H
#define IMAPID_TLS_HPKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hybrid public key encryption (RFC 9180), from where the shared secret is known. */

/* The most octets of `info`. */
#define IMAPID_HPKE_INFO_MAX 2048

/* The numbers of RFC 9180 7. */
struct imapid_hpke_suite {
    uint16_t kem, kdf, aead;
};

/* Opens message number `sequence` in base mode. True: it is authentic, and out has its *n_out
 * octets, fewer than n. False: it is not, info is too long, or libgcrypt has not the suite; out
 * then holds nothing to be believed. out has room for n octets and may not overlap. */
bool imapid_hpke_open(const struct imapid_hpke_suite *suite, const uint8_t *shared, size_t n_shared,
                      const uint8_t *info, size_t n_info, uint64_t sequence, const uint8_t *aad,
                      size_t n_aad, const uint8_t *sealed, size_t n, uint8_t *out, size_t *n_out);

#endif
