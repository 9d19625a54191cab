/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kdf.c: TLS 1.0-1.2's PRF, HKDF, and TLS 1.3's HKDF-Expand-Label.
 *
 * libgcrypt 1.10 has an HMAC but none of these, so that they are built here, on one keyed
 * handle each. Nothing is kept between calls.
 *
 * Refuses what libgcrypt refuses (MD5 in FIPS mode). Misuse: using `out` after false; calling
 * anything before imapid_kdf_init(). */
#include "tls/kdf.h"

#include <gcrypt.h>
#include <glib.h>
#include <string.h>

#define HASH_MAX 64

void imapid_kdf_init(void)
{
    static gsize done;

    if (!g_once_init_enter(&done))
        return;
    if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
        gcry_check_version(NULL);
        /* Secrets come from a file beside the capture: locked memory would protect nothing. */
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    }
    g_once_init_leave(&done, 1);
}

size_t imapid_kdf_hash_length(int hash)
{
    size_t n = gcry_md_get_algo_dlen(hash);

    return n <= HASH_MAX ? n : 0;
}

static gcry_md_hd_t open_hmac(int hash, const uint8_t *key, size_t n_key)
{
    gcry_md_hd_t hmac;

    if (!imapid_kdf_hash_length(hash) || gcry_md_open(&hmac, hash, GCRY_MD_FLAG_HMAC))
        return NULL;
    if (gcry_md_setkey(hmac, key, n_key)) {
        gcry_md_close(hmac);
        return NULL;
    }
    return hmac;
}

/* Ends one message: its HMAC to out, the handle as after setting the key. */
static void finish_hmac(gcry_md_hd_t hmac, uint8_t *out, size_t n)
{
    memcpy(out, gcry_md_read(hmac, 0), n);
    gcry_md_reset(hmac);
}

/* P_hash(secret, label + seeds), RFC 5246 5, combined with what is in out by XOR. */
static bool add_p_hash(int hash, const uint8_t *secret, size_t n_secret, const char *label,
                       const uint8_t *seed_a, size_t n_a, const uint8_t *seed_b, size_t n_b,
                       uint8_t *out, size_t n_out)
{
    uint8_t a[HASH_MAX], piece[HASH_MAX];
    size_t n_hash = imapid_kdf_hash_length(hash);
    gcry_md_hd_t hmac = open_hmac(hash, secret, n_secret);

    if (!hmac)
        return false;
    for (size_t at = 0; at < n_out; at += n_hash) {
        if (at == 0) {
            gcry_md_write(hmac, label, strlen(label));
            gcry_md_write(hmac, seed_a, n_a);
            gcry_md_write(hmac, seed_b, n_b);
        } else {
            gcry_md_write(hmac, a, n_hash);
        }
        finish_hmac(hmac, a, n_hash);
        gcry_md_write(hmac, a, n_hash);
        gcry_md_write(hmac, label, strlen(label));
        gcry_md_write(hmac, seed_a, n_a);
        gcry_md_write(hmac, seed_b, n_b);
        finish_hmac(hmac, piece, n_hash);
        for (size_t i = 0; i < n_hash && at + i < n_out; i++)
            out[at + i] ^= piece[i];
    }
    gcry_md_close(hmac);
    explicit_bzero(a, sizeof a);
    explicit_bzero(piece, sizeof piece);
    return true;
}

bool imapid_kdf_prf(int hash, const uint8_t *secret, size_t n_secret, const char *label,
                    const uint8_t *seed_a, size_t n_a, const uint8_t *seed_b, size_t n_b,
                    uint8_t *out, size_t n_out)
{
    memset(out, 0, n_out);
    if (hash != IMAPID_KDF_MD5_SHA1)
        return add_p_hash(hash, secret, n_secret, label, seed_a, n_a, seed_b, n_b, out, n_out);

    /* Halves that share the middle octet when the number is odd. */
    size_t n_half = (n_secret + 1) / 2;

    return add_p_hash(GCRY_MD_MD5, secret, n_half, label, seed_a, n_a, seed_b, n_b, out, n_out) &&
           add_p_hash(GCRY_MD_SHA1, secret + (n_secret - n_half), n_half, label, seed_a, n_a,
                      seed_b, n_b, out, n_out);
}

bool imapid_kdf_extract(int hash, const uint8_t *salt, size_t n_salt, const uint8_t *octets,
                        size_t n, uint8_t *out)
{
    gcry_md_hd_t hmac = open_hmac(hash, salt, n_salt);

    if (!hmac)
        return false;
    gcry_md_write(hmac, octets, n);
    finish_hmac(hmac, out, imapid_kdf_hash_length(hash));
    gcry_md_close(hmac);
    return true;
}

bool imapid_kdf_expand(int hash, const uint8_t *secret, const uint8_t *info, size_t n_info,
                       uint8_t *out, size_t n_out)
{
    uint8_t piece[HASH_MAX], count = 0;
    size_t n_hash = imapid_kdf_hash_length(hash);
    gcry_md_hd_t hmac = open_hmac(hash, secret, n_hash);

    if (!hmac)
        return false;
    for (size_t at = 0; at < n_out; at += n_hash) {
        if (count++)
            gcry_md_write(hmac, piece, n_hash);
        gcry_md_write(hmac, info, n_info);
        gcry_md_write(hmac, &count, 1);
        finish_hmac(hmac, piece, n_hash);
        memcpy(out + at, piece, MIN(n_hash, n_out - at));
    }
    gcry_md_close(hmac);
    explicit_bzero(piece, sizeof piece);
    return true;
}

bool imapid_kdf_expand_label(int hash, const uint8_t *secret, const char *label,
                             const uint8_t *context, size_t n_context, uint8_t *out, size_t n_out)
{
    static const char prefix[] = "tls13 ";
    uint8_t info[256];
    size_t n_label = strlen(label), n = 0;

    if (n_out > 255 || n_label + n_context > 200)
        return false;
    info[n++] = 0;
    info[n++] = (uint8_t)n_out;
    info[n++] = (uint8_t)(sizeof prefix - 1 + n_label);
    memcpy(info + n, prefix, sizeof prefix - 1);
    n += sizeof prefix - 1;
    memcpy(info + n, label, n_label);
    n += n_label;
    info[n++] = (uint8_t)n_context;
    if (n_context)
        memcpy(info + n, context, n_context);
    n += n_context;
    return imapid_kdf_expand(hash, secret, info, n, out, n_out);
}
