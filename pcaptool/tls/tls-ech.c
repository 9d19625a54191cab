/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-ech.c: the ClientHello inside of another one (RFC 9849).
 *
 * If the server takes the inner one, a key log has the session's secrets under its random, which
 * nobody sees. ECH_SECRET and ECH_CONFIG, under the outer random, open it (RFC 9850 2.2). Whether
 * the server took it is told by the secrets that fit.
 *
 * Refuses: an extension or ECHConfig that is not well formed. Misuse: keeping pointers of the outer
 * hello. */
#include "tls/tls-ech.h"

#include "number.h"
#include "tls/hpke.h"

#include <string.h>

/* Secrets and configurations for one random that are tried: more is no key log of one client. */
#define TRIES_MAX 8

#define ECH_VERSION 0xfe0d

static const char prefix[] = "tls ech"; /* its NUL is part of it (RFC 9849 6.1) */

/* An outer extension: type 0, KDF and AEAD, number of the ECHConfig, then encapsulated key and
 * payload behind their lengths. */
struct sealed {
    struct imapid_hpke_suite suite;
    bool is_second; /* behind a HelloRetryRequest: no key, as the first one's serves */
    const uint8_t *payload;
    size_t n_payload;
};

static bool read_extension(const uint8_t *at, size_t n, struct sealed *sealed)
{
    const size_t n_head = 8, n_length = 2;
    size_t n_key;

    if (n < n_head + n_length)
        return false;
    n_key = imapid_number_be16(at + n_head - n_length);
    if (n < n_head + n_key + n_length)
        return false;
    sealed->suite.kdf = imapid_number_be16(at + 1);
    sealed->suite.aead = imapid_number_be16(at + 3);
    sealed->is_second = n_key == 0;
    sealed->payload = at + n_head + n_key + n_length;
    sealed->n_payload = n - (n_head + n_key + n_length);
    return sealed->n_payload == imapid_number_be16(sealed->payload - n_length);
}

/* Version, length; number, KEM. */
static bool read_config(const uint8_t *at, size_t n, struct sealed *sealed)
{
    if (n < 7 || imapid_number_be16(at) != ECH_VERSION || imapid_number_be16(at + 2) != n - 4)
        return false;
    sealed->suite.kem = imapid_number_be16(at + 5);
    return true;
}

/* The inner ClientHello: what is told of it is copied. */
static bool read_inner(struct imapid_tls_ech *ech, const uint8_t *octets, size_t n)
{
    struct imapid_hello inner;

    if (!imapid_hello_read_client(octets, n, &inner))
        return false;
    memcpy(ech->random, inner.random, IMAPID_TLS_RANDOM);
    if (inner.n_server_name && inner.n_server_name <= IMAPID_TLS_NAME_MAX) {
        ech->server_name = g_memdup2(inner.server_name, inner.n_server_name);
        ech->n_server_name = (uint8_t)inner.n_server_name;
    }
    return true;
}

static bool open_with(struct imapid_tls *tls, GBytes *secret, GBytes *config, struct sealed *sealed,
                      const uint8_t *aad, size_t n_aad)
{
    uint8_t info[sizeof prefix + IMAPID_TLS_LONG_MAX], *out;
    size_t n_secret, n_config, n_out;
    const uint8_t *shared = g_bytes_get_data(secret, &n_secret);
    const uint8_t *octets = g_bytes_get_data(config, &n_config);
    bool ok;

    tls->budget -= MIN(tls->budget, n_aad + sealed->n_payload);
    if (n_config > IMAPID_TLS_LONG_MAX || !read_config(octets, n_config, sealed))
        return false;
    memcpy(info, prefix, sizeof prefix);
    memcpy(info + sizeof prefix, octets, n_config);
    out = g_malloc(sealed->n_payload);
    ok = imapid_hpke_open(&sealed->suite, shared, n_secret, info, sizeof prefix + n_config,
                          sealed->is_second, aad, n_aad, sealed->payload, sealed->n_payload, out,
                          &n_out) &&
         read_inner(&tls->ech, out, n_out);
    g_free(out);
    return ok;
}

/* All that the key log has for the outer random. */
static bool try_all(struct imapid_tls *tls, struct sealed *sealed, const uint8_t *aad, size_t n_aad)
{
    const uint8_t *key = tls->origin.client_random;
    GBytes *secret, *config;
    bool ok = false;

    for (unsigned i = 0; i < TRIES_MAX && !ok && tls->budget; i++) {
        secret = imapid_keylog_find_long(tls->keylog, IMAPID_LONG_ECH_SECRET, key, i);
        if (!secret)
            break;
        for (unsigned k = 0; k < TRIES_MAX && !ok && tls->budget; k++) {
            config = imapid_keylog_find_long(tls->keylog, IMAPID_LONG_ECH_CONFIG, key, k);
            if (!config)
                break;
            ok = open_with(tls, secret, config, sealed, aad, n_aad);
            g_bytes_unref(config);
        }
        g_bytes_unref(secret);
    }
    return ok;
}

/* The payload authenticates the message around it, with zeros in its place (RFC 9849 5.2). */
static bool try_open(struct imapid_tls *tls, const uint8_t *body, size_t n,
                     const struct imapid_hello *outer)
{
    struct sealed sealed;
    uint8_t *aad;
    bool ok;

    if (!imapid_keylog_has_long(tls->keylog, IMAPID_LONG_ECH_SECRET) ||
        !read_extension(outer->ech, outer->n_ech, &sealed))
        return false;
    aad = g_memdup2(body, n);
    memset(aad + (sealed.payload - body), 0, sealed.n_payload);
    ok = try_all(tls, &sealed, aad, n);
    g_free(aad);
    return ok;
}

static void forget_hello(struct imapid_tls_ech *ech)
{
    g_free(ech->hello);
    ech->hello = NULL;
    ech->n_hello = 0;
}

void imapid_tls_read_ech(struct imapid_tls *tls, const uint8_t *body, size_t n,
                         const struct imapid_hello *outer)
{
    struct imapid_tls_ech *ech = &tls->ech;

    if (!outer->ech || !tls->keylog || ech->is_open)
        return;
    forget_hello(ech);
    ech->is_open = try_open(tls, body, n, outer);
    if (!ech->is_open && tls->n_hold) {
        ech->hello = g_memdup2(body, n);
        ech->n_hello = n;
        ech->generation = imapid_keylog_get_generation(tls->keylog);
    }
}

bool imapid_tls_find_inner(struct imapid_tls *tls)
{
    struct imapid_tls_ech *ech = &tls->ech;
    struct imapid_hello outer;
    uint64_t generation;

    if (ech->is_open || !ech->hello)
        return ech->is_open;
    generation = imapid_keylog_get_generation(tls->keylog);
    if (generation == ech->generation)
        return false;
    ech->generation = generation;
    ech->is_open = imapid_hello_read_client(ech->hello, ech->n_hello, &outer) &&
                   try_open(tls, ech->hello, ech->n_hello, &outer);
    if (ech->is_open)
        forget_hello(ech);
    return ech->is_open;
}

void imapid_tls_take_inner(struct imapid_tls *tls)
{
    struct imapid_tls_ech *ech = &tls->ech;

    memcpy(tls->origin.client_random, ech->random, IMAPID_TLS_RANDOM);
    if (ech->is_taken)
        return;
    ech->is_taken = true;
    g_free((uint8_t *)tls->info.server_name);
    tls->info.server_name = ech->server_name;
    tls->info.n_server_name = ech->n_server_name;
    ech->server_name = NULL;
}

void imapid_tls_free_ech(struct imapid_tls *tls)
{
    forget_hello(&tls->ech);
    g_free(tls->ech.server_name);
    tls->ech.server_name = NULL;
}
