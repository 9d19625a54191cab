/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hpke.c: the key schedule of HPKE (RFC 9180 5.1) behind its KEM, and its AEAD. libgcrypt 1.10 has
 * the parts, and no HPKE.
 *
 * Refuses: other modes than base, KDFs that are not HKDF. Misuse: imapid_kdf_init() was not called. */
#include "tls/hpke.h"

#include "number.h"
#include "tls/kdf.h"

#include <gcrypt.h>
#include <glib.h>
#include <string.h>

#define HASH_MAX 64
#define KEY_MAX  32
#define NONCE    12
#define TAG      16

/* What stands before every input: "HPKE-v1" and the suite. */
#define VERSION  "HPKE-v1"
#define N_HEAD   17
#define N_LABEL  16 /* the longest has 11 */
#define TEXT_MAX (2 + N_HEAD + N_LABEL + IMAPID_HPKE_INFO_MAX)

struct schedule {
    uint8_t head[N_HEAD];
    int hash;
    size_t n_hash;
};

static const struct {
    uint16_t id;
    int cipher, mode;
    size_t n_key;
} aeads[] = {
    {1, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM, 16},
    {2, GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_GCM, 32},
    {3, GCRY_CIPHER_CHACHA20, GCRY_CIPHER_MODE_POLY1305, 32},
};

static int find_hash(uint16_t kdf)
{
    static const int hashes[] = {0, GCRY_MD_SHA256, GCRY_MD_SHA384, GCRY_MD_SHA512};

    return kdf < G_N_ELEMENTS(hashes) ? hashes[kdf] : 0;
}

static bool begin(struct schedule *schedule, const struct imapid_hpke_suite *suite)
{
    uint8_t *at = schedule->head;

    memcpy(at, VERSION "HPKE", N_HEAD - 6);
    imapid_number_put_be16(at + N_HEAD - 6, suite->kem);
    imapid_number_put_be16(at + N_HEAD - 4, suite->kdf);
    imapid_number_put_be16(at + N_HEAD - 2, suite->aead);
    schedule->hash = find_hash(suite->kdf);
    schedule->n_hash = schedule->hash ? imapid_kdf_hash_length(schedule->hash) : 0;
    return schedule->n_hash > 0;
}

/* Head, label and octets at `text`, which has room for them; returns how many. */
static size_t spell(const struct schedule *schedule, const char *label, const uint8_t *octets,
                    size_t n, uint8_t *text)
{
    size_t n_label = strlen(label);

    memcpy(text, schedule->head, N_HEAD);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result) ; octets go on behind it */
    memcpy(text + N_HEAD, label, n_label);
    if (n)
        memcpy(text + N_HEAD + n_label, octets, n);
    return N_HEAD + n_label + n;
}

/* LabeledExtract(). No salt is one of zeros (RFC 5869 2.2). */
static bool extract(const struct schedule *schedule, const uint8_t *salt, size_t n_salt,
                    const char *label, const uint8_t *octets, size_t n, uint8_t *out)
{
    static const uint8_t zeros[HASH_MAX];
    uint8_t text[TEXT_MAX];

    return imapid_kdf_extract(schedule->hash, n_salt ? salt : zeros,
                              n_salt ? n_salt : schedule->n_hash, text,
                              spell(schedule, label, octets, n, text), out);
}

/* LabeledExpand() */
static bool expand(const struct schedule *schedule, const uint8_t *secret, const char *label,
                   const uint8_t *context, size_t n, uint8_t *out, size_t n_out)
{
    uint8_t text[TEXT_MAX];

    imapid_number_put_be16(text, (uint16_t)n_out);
    return imapid_kdf_expand(schedule->hash, secret, text,
                             2 + spell(schedule, label, context, n, text + 2), out, n_out);
}

/* KeySchedule() of base mode: no PSK. */
static bool derive(const struct schedule *schedule, const uint8_t *shared, size_t n_shared,
                   const uint8_t *info, size_t n_info, uint8_t *key, size_t n_key,
                   uint8_t nonce[NONCE])
{
    uint8_t context[1 + 2 * HASH_MAX] = {0}, secret[HASH_MAX];
    size_t n_context = 1 + 2 * schedule->n_hash;
    bool ok =
        n_info <= IMAPID_HPKE_INFO_MAX &&
        extract(schedule, NULL, 0, "psk_id_hash", NULL, 0, context + 1) &&
        extract(schedule, NULL, 0, "info_hash", info, n_info, context + 1 + schedule->n_hash) &&
        extract(schedule, shared, n_shared, "secret", NULL, 0, secret) &&
        expand(schedule, secret, "key", context, n_context, key, n_key) &&
        expand(schedule, secret, "base_nonce", context, n_context, nonce, NONCE);

    explicit_bzero(secret, sizeof secret);
    return ok;
}

static bool open_aead(gcry_cipher_hd_t cipher, const uint8_t *nonce, const uint8_t *aad,
                      size_t n_aad, const uint8_t *sealed, size_t n, uint8_t *out)
{
    return gcry_cipher_setiv(cipher, nonce, NONCE) == 0 &&
           gcry_cipher_authenticate(cipher, aad, n_aad) == 0 &&
           gcry_cipher_decrypt(cipher, out, n, sealed, n) == 0 &&
           gcry_cipher_checktag(cipher, sealed + n, TAG) == 0;
}

bool imapid_hpke_open(const struct imapid_hpke_suite *suite, const uint8_t *shared, size_t n_shared,
                      const uint8_t *info, size_t n_info, uint64_t sequence, const uint8_t *aad,
                      size_t n_aad, const uint8_t *sealed, size_t n, uint8_t *out, size_t *n_out)
{
    struct schedule schedule = {.hash = 0};
    uint8_t key[KEY_MAX], nonce[NONCE];
    gcry_cipher_hd_t cipher = NULL;
    size_t i = 0;
    bool ok;

    while (i < G_N_ELEMENTS(aeads) && aeads[i].id != suite->aead)
        i++;
    if (i == G_N_ELEMENTS(aeads) || n < TAG || !begin(&schedule, suite))
        return false;
    ok = derive(&schedule, shared, n_shared, info, n_info, key, aeads[i].n_key, nonce) &&
         gcry_cipher_open(&cipher, aeads[i].cipher, aeads[i].mode, 0) == 0 &&
         gcry_cipher_setkey(cipher, key, aeads[i].n_key) == 0;
    for (size_t k = 0; ok && k < sizeof sequence; k++)
        nonce[NONCE - 1 - k] ^= (uint8_t)(sequence >> 8 * k);
    ok = ok && open_aead(cipher, nonce, aad, n_aad, sealed, n - TAG, out);
    gcry_cipher_close(cipher);
    explicit_bzero(key, sizeof key);
    *n_out = n - TAG;
    return ok;
}
