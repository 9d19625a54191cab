/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-master.c: master secrets out of premaster secrets (RFC 5246 8.1, RFC 7627 4).
 *
 * With the extended master secret the hash of all handshake messages so far is part of it. Which
 * hash is known only after the ServerHello, so that all are made.
 *
 * Refuses what libgcrypt refuses: there is no secret then. Misuse: messages in another order than they
 * were sent in make a secret that opens nothing. */
#include "tls/tls-master.h"

#include "number.h"
#include "tls/kdf.h"

#include <string.h>

static const int hashes[] = {GCRY_MD_MD5, GCRY_MD_SHA1, GCRY_MD_SHA256, GCRY_MD_SHA384};

void imapid_tls_end_transcript(struct imapid_tls *tls)
{
    if (tls->transcript)
        gcry_md_close(tls->transcript);
    tls->transcript = NULL;
}

void imapid_tls_begin_transcript(struct imapid_tls *tls)
{
    imapid_tls_end_transcript(tls);
    tls->n_session_hash = 0;
    tls->has_exchange_key = false;
    /* A log that grows may have one later. */
    if (!tls->keylog ||
        (!tls->n_hold && !imapid_keylog_has_long(tls->keylog, IMAPID_LONG_PREMASTER)) ||
        gcry_md_open(&tls->transcript, 0, 0))
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(hashes); i++)
        (void)gcry_md_enable(tls->transcript, hashes[i]);
}

void imapid_tls_add_transcript(struct imapid_tls *tls, const uint8_t *octets, size_t n)
{
    if (tls->transcript && n)
        gcry_md_write(tls->transcript, octets, n);
}

/* The hash of the pseudo-random function. */
static int get_hash(const struct imapid_tls *tls)
{
    return tls->origin.version < IMAPID_TLS_1_2 ? IMAPID_KDF_MD5_SHA1
                                                : imapid_suites_hash(tls->suite);
}

static void add_hash(struct imapid_tls *tls, int hash)
{
    size_t n = imapid_kdf_hash_length(hash);

    if (!gcry_md_is_enabled(tls->transcript, hash) ||
        tls->n_session_hash + n > sizeof tls->session_hash)
        return;
    memcpy(tls->session_hash + tls->n_session_hash, gcry_md_read(tls->transcript, hash), n);
    tls->n_session_hash = (uint8_t)(tls->n_session_hash + n);
}

void imapid_tls_take_key_exchange(struct imapid_tls *tls, const uint8_t *body, size_t n)
{
    const size_t n_head = 2;

    if (!tls->transcript || !tls->suite)
        return;
    tls->n_session_hash = 0;
    if (get_hash(tls) == IMAPID_KDF_MD5_SHA1) {
        add_hash(tls, GCRY_MD_MD5);
        add_hash(tls, GCRY_MD_SHA1);
    } else {
        add_hash(tls, get_hash(tls));
    }
    imapid_tls_end_transcript(tls);
    tls->has_exchange_key = n >= n_head + IMAPID_TLS_EXCHANGE_KEY;
    if (tls->has_exchange_key) {
        memset(tls->exchange_key, 0, sizeof tls->exchange_key);
        memcpy(tls->exchange_key, body + n_head, IMAPID_TLS_EXCHANGE_KEY);
    }
}

/* Those of the client random first, then those of the key exchange. */
static GBytes *find_premaster(const struct imapid_tls *tls, unsigned i)
{
    unsigned n =
        imapid_keylog_count_long(tls->keylog, IMAPID_LONG_PREMASTER, tls->origin.client_random);

    if (i < n)
        return imapid_keylog_find_long(tls->keylog, IMAPID_LONG_PREMASTER,
                                       tls->origin.client_random, i);
    return tls->has_exchange_key ? imapid_keylog_find_long(tls->keylog, IMAPID_LONG_PREMASTER,
                                                           tls->exchange_key, i - n)
                                 : NULL;
}

bool imapid_tls_make_master(const struct imapid_tls *tls, unsigned i, struct imapid_secret *master)
{
    GBytes *premaster = find_premaster(tls, i);
    size_t n;
    const uint8_t *octets;

    if (!premaster)
        return false;
    octets = g_bytes_get_data(premaster, &n);
    master->n = IMAPID_TLS_SECRET_MAX;
    if (!(tls->info.extended_master_secret
              ? imapid_kdf_prf(get_hash(tls), octets, n, "extended master secret",
                               tls->session_hash, tls->n_session_hash, NULL, 0, master->octets,
                               master->n)
              : imapid_kdf_prf(get_hash(tls), octets, n, "master secret", tls->origin.client_random,
                               IMAPID_TLS_RANDOM, tls->origin.server_random, IMAPID_TLS_RANDOM,
                               master->octets, master->n)))
        master->n = 0; /* opens nothing */
    g_bytes_unref(premaster);
    return true;
}
