/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cipher.c: opens the records of one direction under one set of keys.
 *
 * The libgcrypt handles are opened and keyed once and get a new IV for each record; nothing is
 * allocated per record. The caller counts sequence numbers, because after a loss it has to try
 * several. A record that is not authentic leaves the object as it was.
 *
 * Misuse: believing any octet of `out` when imapid_cipher_open() said false.
 *
 * Refuses: a record that is not authentic, a secret of another length than the suite's hash, and
 * what libgcrypt refuses. */
#include "tls/cipher.h"

#include "tls/kdf.h"

#include <gcrypt.h>
#include <glib.h>
#include <string.h>

#define IV_MAX        16
#define NONCE         12 /* octets of every AEAD nonce here */
#define MAC_MAX       48
#define KEY_MAX       32
#define CONTENT_MAX   16384
#define KEY_BLOCK_MAX (2 * (MAC_MAX + KEY_MAX + IV_MAX))

struct imapid_cipher {
    gcry_cipher_hd_t handle; /* NULL where nothing is encrypted */
    gcry_md_hd_t mac;        /* not for AEAD, nor where the keys are not known */
    const struct imapid_protection *protection;
    uint16_t version;
    uint8_t n_mac;
    bool encrypt_then_mac;
    /* The fixed part of the nonce; for CBC in TLS 1.0 the last block of the record before. */
    uint8_t iv[IV_MAX];
};

static void put_16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_64(uint8_t *at, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
}

/* ---- keys ---- */

static struct imapid_cipher *new_cipher(const struct imapid_suite *suite, uint16_t version,
                                        const uint8_t *key, const uint8_t *iv, size_t n_iv)
{
    const struct imapid_protection *protection = suite->protection;
    struct imapid_cipher *cipher = g_new0(struct imapid_cipher, 1);

    cipher->protection = protection;
    cipher->version = version;
    memcpy(cipher->iv, iv, n_iv);
    if (imapid_suites_is_clear(suite))
        return cipher;
    if (gcry_cipher_open(&cipher->handle, protection->algorithm, protection->mode, 0)) {
        cipher->handle = NULL;
        imapid_cipher_free(cipher);
        return NULL;
    }
    if (gcry_cipher_setkey(cipher->handle, key, protection->n_key)) {
        imapid_cipher_free(cipher);
        return NULL;
    }
    return cipher;
}

struct imapid_cipher *imapid_cipher_new_1_3(const struct imapid_suite *suite,
                                            const struct imapid_secret *secret)
{
    int hash = imapid_suites_hash(suite);
    uint8_t key[KEY_MAX], iv[NONCE];
    struct imapid_cipher *cipher = NULL;

    if (secret->n != imapid_kdf_hash_length(hash))
        return NULL;
    if (imapid_kdf_expand_label(hash, secret->octets, "key", NULL, 0, key,
                                suite->protection->n_key) &&
        imapid_kdf_expand_label(hash, secret->octets, "iv", NULL, 0, iv, sizeof iv))
        cipher = new_cipher(suite, IMAPID_TLS_1_3, key, iv, sizeof iv);
    explicit_bzero(key, sizeof key);
    explicit_bzero(iv, sizeof iv);
    return cipher;
}

bool imapid_cipher_update_secret(const struct imapid_suite *suite, struct imapid_secret *secret)
{
    uint8_t next[IMAPID_TLS_SECRET_MAX];

    if (secret->n != imapid_kdf_hash_length(imapid_suites_hash(suite)) ||
        !imapid_kdf_expand_label(imapid_suites_hash(suite), secret->octets, "traffic upd", NULL, 0,
                                 next, secret->n))
        return false;
    memcpy(secret->octets, next, secret->n);
    explicit_bzero(next, sizeof next);
    return true;
}

static bool open_mac(struct imapid_cipher *cipher, int hash, const uint8_t *key)
{
    if (gcry_md_open(&cipher->mac, hash, GCRY_MD_FLAG_HMAC)) {
        cipher->mac = NULL;
        return false;
    }
    return gcry_md_setkey(cipher->mac, key, cipher->n_mac) == 0;
}

struct imapid_cipher *imapid_cipher_new_1_2(const struct imapid_cipher_origin *origin,
                                            const struct imapid_secret *master, bool from_client)
{
    const struct imapid_protection *protection = origin->suite->protection;
    size_t n_mac = imapid_suites_mac_length(origin->suite);
    size_t n_key = protection->n_key, n_iv = protection->n_iv, side = from_client ? 0 : 1;
    int hash =
        origin->version < IMAPID_TLS_1_2 ? IMAPID_KDF_MD5_SHA1 : imapid_suites_hash(origin->suite);
    uint8_t block[KEY_BLOCK_MAX];
    struct imapid_cipher *cipher = NULL;

    if (imapid_kdf_prf(hash, master->octets, master->n, "key expansion", origin->server_random,
                       IMAPID_TLS_RANDOM, origin->client_random, IMAPID_TLS_RANDOM, block,
                       2 * (n_mac + n_key + n_iv)))
        cipher = new_cipher(origin->suite, origin->version, block + 2 * n_mac + side * n_key,
                            block + 2 * (n_mac + n_key) + side * n_iv, n_iv);
    if (cipher && n_mac) {
        cipher->n_mac = (uint8_t)n_mac;
        cipher->encrypt_then_mac = origin->encrypt_then_mac;
        if (!open_mac(cipher, origin->suite->hash, block + side * n_mac)) {
            imapid_cipher_free(cipher);
            cipher = NULL;
        }
    }
    explicit_bzero(block, sizeof block);
    return cipher;
}

struct imapid_cipher *imapid_cipher_new_clear(const struct imapid_suite *suite, uint16_t version)
{
    struct imapid_cipher *cipher = g_new0(struct imapid_cipher, 1);

    cipher->protection = suite->protection;
    cipher->version = version;
    cipher->n_mac = (uint8_t)imapid_suites_mac_length(suite);
    return cipher;
}

size_t imapid_cipher_least(const struct imapid_suite *suite, uint16_t version)
{
    const struct imapid_protection *protection = suite->protection;

    if (version == IMAPID_TLS_1_3)
        return protection->n_tag + 1; /* the inner type */
    if (!imapid_suites_is_cbc(suite))
        return (size_t)protection->n_explicit + protection->n_tag + imapid_suites_mac_length(suite);
    return (version > IMAPID_TLS_1_0 ? 2 : 1) * (size_t)protection->n_explicit;
}

bool imapid_cipher_survives_loss(const struct imapid_cipher *cipher)
{
    switch (cipher->protection->mode) {
    case GCRY_CIPHER_MODE_STREAM:
        return false;
    case GCRY_CIPHER_MODE_CBC:
        return cipher->version > IMAPID_TLS_1_0;
    default:
        return true;
    }
}

void imapid_cipher_free(struct imapid_cipher *cipher)
{
    if (!cipher)
        return;
    gcry_cipher_close(cipher->handle); /* wipes its own; NULL is allowed */
    gcry_md_close(cipher->mac);
    explicit_bzero(cipher, sizeof *cipher);
    g_free(cipher);
}

/* ---- AEAD: RFC 8446 5.2, RFC 5246 6.2.3.3, RFC 7905 ---- */

static void make_nonce(const struct imapid_cipher *cipher, uint64_t sequence,
                       const uint8_t *explicit_part, uint8_t nonce[NONCE])
{
    memcpy(nonce, cipher->iv, NONCE);
    if (explicit_part) {
        memcpy(nonce + NONCE - 8, explicit_part, 8);
        return;
    }
    for (int i = NONCE - 1; i >= NONCE - 8; i--, sequence >>= 8)
        nonce[i] ^= (uint8_t)sequence;
}

/* CCM has to know all lengths before the first octet. */
static bool tell_lengths(struct imapid_cipher *cipher, size_t n_text, size_t n_aad)
{
    uint64_t lengths[3] = {n_text, n_aad, cipher->protection->n_tag};

    return cipher->protection->mode != GCRY_CIPHER_MODE_CCM ||
           gcry_cipher_ctl(cipher->handle, GCRYCTL_SET_CCM_LENGTHS, lengths, sizeof lengths) == 0;
}

/* Decrypts n octets of ciphertext, the tag behind them. */
static bool open_aead(struct imapid_cipher *cipher, const uint8_t nonce[NONCE], const uint8_t *aad,
                      size_t n_aad, const uint8_t *text, size_t n, uint8_t *out)
{
    return gcry_cipher_setiv(cipher->handle, nonce, NONCE) == 0 && tell_lengths(cipher, n, n_aad) &&
           gcry_cipher_authenticate(cipher->handle, aad, n_aad) == 0 &&
           gcry_cipher_decrypt(cipher->handle, out, n, text, n) == 0 &&
           gcry_cipher_checktag(cipher->handle, text + n, cipher->protection->n_tag) == 0;
}

static bool open_1_3(struct imapid_cipher *cipher, uint64_t sequence, const uint8_t *record,
                     size_t n, uint8_t *out, size_t *n_out, uint8_t *type)
{
    size_t n_tag = cipher->protection->n_tag;
    uint8_t nonce[NONCE];

    if (n < IMAPID_TLS_HEADER + n_tag + 1 || n > IMAPID_TLS_HEADER + IMAPID_TLS_BODY_MAX_1_3)
        return false;

    size_t n_text = n - IMAPID_TLS_HEADER - n_tag;

    make_nonce(cipher, sequence, NULL, nonce);
    if (!open_aead(cipher, nonce, record, IMAPID_TLS_HEADER, record + IMAPID_TLS_HEADER, n_text,
                   out))
        return false;
    while (n_text && out[n_text - 1] == 0)
        n_text--;
    if (!n_text || n_text - 1 > CONTENT_MAX)
        return false;
    *type = out[n_text - 1];
    *n_out = n_text - 1;
    return true;
}

/* What is authenticated beside the content: sequence number, type, version, length. */
static void make_header(uint8_t header[13], uint64_t sequence, const uint8_t *record, size_t n)
{
    put_64(header, sequence);
    memcpy(header + 8, record, 3);
    put_16(header + 11, n);
}

static bool open_aead_1_2(struct imapid_cipher *cipher, uint64_t sequence, const uint8_t *record,
                          size_t n, uint8_t *out, size_t *n_out)
{
    size_t n_explicit = cipher->protection->n_explicit, n_tag = cipher->protection->n_tag;
    const uint8_t *body = record + IMAPID_TLS_HEADER;
    uint8_t nonce[NONCE], header[13];

    if (n < IMAPID_TLS_HEADER + n_explicit + n_tag)
        return false;

    size_t n_text = n - IMAPID_TLS_HEADER - n_explicit - n_tag;

    if (n_text > CONTENT_MAX)
        return false;
    make_nonce(cipher, sequence, n_explicit ? body : NULL, nonce);
    make_header(header, sequence, record, n_text);
    *n_out = n_text;
    return open_aead(cipher, nonce, header, sizeof header, body + n_explicit, n_text, out);
}

/* ---- CBC with a MAC: RFC 5246 6.2.3.2, RFC 7366 ---- */

static bool check_mac(struct imapid_cipher *cipher, uint64_t sequence, const uint8_t *record,
                      const uint8_t *text, size_t n, const uint8_t *mac)
{
    uint8_t header[13];

    make_header(header, sequence, record, n);
    gcry_md_reset(cipher->mac);
    gcry_md_write(cipher->mac, header, sizeof header);
    gcry_md_write(cipher->mac, text, n);
    return memcmp(gcry_md_read(cipher->mac, 0), mac, cipher->n_mac) == 0;
}

/* Takes the padding off n octets of plaintext. False when it is not padding. */
static bool strip_padding(const uint8_t *text, size_t *n)
{
    size_t n_padding = (size_t)text[*n - 1] + 1;

    if (n_padding > *n)
        return false;
    for (size_t i = 0; i < n_padding; i++)
        if (text[*n - 1 - i] != n_padding - 1)
            return false;
    *n -= n_padding;
    return true;
}

/* n octets of ciphertext, with the IV before it where it is explicit. */
static bool decrypt_cbc(struct imapid_cipher *cipher, const uint8_t *body, size_t n, uint8_t *out,
                        size_t *n_out)
{
    size_t n_block = cipher->protection->n_explicit;
    const uint8_t *iv = cipher->iv;

    if (cipher->version > IMAPID_TLS_1_0) {
        if (n < n_block)
            return false;
        iv = body;
        body += n_block;
        n -= n_block;
    }
    if (n == 0 || n % n_block != 0)
        return false;
    *n_out = n;
    return gcry_cipher_setiv(cipher->handle, iv, n_block) == 0 &&
           gcry_cipher_decrypt(cipher->handle, out, n, body, n) == 0 && strip_padding(out, n_out);
}

static bool open_cbc(struct imapid_cipher *cipher, uint64_t sequence, const uint8_t *record,
                     size_t n, uint8_t *out, size_t *n_out)
{
    size_t n_block = cipher->protection->n_explicit, n_mac = cipher->n_mac;
    const uint8_t *body = record + IMAPID_TLS_HEADER;
    bool outside = cipher->encrypt_then_mac;

    n -= IMAPID_TLS_HEADER;
    if (outside) {
        if (n < n_mac || !check_mac(cipher, sequence, record, body, n - n_mac, body + n - n_mac))
            return false;
        n -= n_mac;
    }
    if (!decrypt_cbc(cipher, body, n, out, n_out))
        return false;
    if (!outside) {
        if (*n_out < n_mac)
            return false;
        *n_out -= n_mac;
        if (!check_mac(cipher, sequence, record, out, *n_out, out + *n_out))
            return false;
    }
    if (*n_out > CONTENT_MAX)
        return false;
    if (cipher->version == IMAPID_TLS_1_0)
        memcpy(cipher->iv, body + n - n_block, n_block);
    return true;
}

/* ---- a MAC alone, or a stream cipher: RFC 5246 6.2.3.1 ---- */

/* A stream cipher that was given a wrong record cannot be used again: see
 * imapid_cipher_survives_loss(). */
static bool open_stream(struct imapid_cipher *cipher, uint64_t sequence, const uint8_t *record,
                        size_t n, uint8_t *out, size_t *n_out)
{
    const uint8_t *body = record + IMAPID_TLS_HEADER;

    n -= IMAPID_TLS_HEADER;
    if (n < cipher->n_mac || n - cipher->n_mac > CONTENT_MAX)
        return false;
    *n_out = n - cipher->n_mac;
    if (!cipher->handle)
        memcpy(out, body, n);
    else if (gcry_cipher_decrypt(cipher->handle, out, n, body, n) != 0)
        return false;
    return !cipher->mac || check_mac(cipher, sequence, record, out, *n_out, out + *n_out);
}

bool imapid_cipher_open(struct imapid_cipher *cipher, uint64_t sequence, const uint8_t *record,
                        size_t n, uint8_t *out, size_t *n_out, uint8_t *type)
{
    if (n < IMAPID_TLS_HEADER || n > IMAPID_TLS_HEADER + IMAPID_TLS_BODY_MAX)
        return false;
    if (cipher->version == IMAPID_TLS_1_3)
        return open_1_3(cipher, sequence, record, n, out, n_out, type);
    *type = record[0];
    switch (cipher->protection->mode) {
    case GCRY_CIPHER_MODE_CBC:
        return open_cbc(cipher, sequence, record, n, out, n_out);
    case GCRY_CIPHER_MODE_STREAM:
    case GCRY_CIPHER_MODE_NONE:
        return open_stream(cipher, sequence, record, n, out, n_out);
    default:
        return open_aead_1_2(cipher, sequence, record, n, out, n_out);
    }
}
