/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-keys.c: which key opens a record.
 *
 * A key is looked for when the first record under it is there, because the record itself is the
 * test: of several secrets in the key log the one is taken under which it is authentic. The same
 * test tells, after a loss, how many records are missing: the sequence number is part of what is
 * authenticated, so that a few are tried.
 *
 * What it refuses: an attempt beyond the connection's budget of octets decrypted in vain.
 *
 * Misuse: imapid_tls_decrypt() in the clear epoch. */
#include "tls/tls-keys.h"

#include "tls/kdf.h"
#include "tls/tls-ech.h"
#include "tls/tls-master.h"
#include "tls/tls-secrets.h"

#include <gcrypt.h>
#include <glib.h>
#include <string.h>

/* Records that may be missing in gaps: sequence numbers to try. What is tried in fact is bounded by
 * the budget. */
#define SLACK_MAX (1u << 20)

/* The same where nobody knows how much is missing: a window of 64 KiB, what TCP may lose at once on
 * a usual path, has no more unless most are shorter than a kilobyte. */
#define SLACK_UNKNOWN 64

/* After a record that is not authentic under a key that was right before, this many more may be
 * missing: a loss that TCP did not notice. */
#define SLACK_BAD 4

/* Records in a row that are passed over. Early data: a server takes some 16 KiB. Handshake records
 * without handshake secrets, or behind a gap: a certificate chain. Bad ones: TLS ends at the first,
 * so that each is a flaw of the capture. */
#define UNFIT_EARLY 1024
#define UNFIT_MAX   64
#define UNFIT_BAD   8

/* What an attempt costs beside its octets. */
#define COST 64

/* What deriving keys costs. */
#define COST_KEYS 1024

struct attempt {
    struct imapid_tls *tls;
    struct imapid_tls_flow *flow;
    int dir;
    const uint8_t *record;
    size_t n;
    struct imapid_tls_content *content;
    unsigned n_candidates; /* secrets found */
    unsigned n_refused;    /* of those, not taken by libgcrypt */
};

static bool is_1_3(const struct imapid_tls *tls)
{
    return tls->origin.version == IMAPID_TLS_1_3;
}

/* Tries a cipher with the sequence numbers from `first` on. */
static bool open_within(struct attempt *attempt, struct imapid_cipher *cipher, uint64_t first)
{
    struct imapid_tls *tls = attempt->tls;
    uint64_t cost = attempt->n + COST;
    uint64_t rest = tls->budget / 2; /* for other keys, and for later gaps */
    uint32_t slack = imapid_cipher_survives_loss(cipher) ? attempt->flow->slack : 0;

    for (uint64_t i = 0; i <= slack; i++) {
        /* The likeliest place is always tried. */
        if (i && tls->budget < rest + cost)
            break;
        if (imapid_cipher_open(cipher, first + i, attempt->record, attempt->n,
                               attempt->content->octets, &attempt->content->n,
                               &attempt->content->type)) {
            attempt->flow->sequence = first + i + 1;
            return true;
        }
        tls->budget -= MIN(cost, tls->budget);
    }
    return false;
}

/* ---- keys that may come next ---- */

static enum imapid_secret_kind handshake_kind(const struct attempt *attempt)
{
    return attempt->dir == attempt->tls->info.client ? IMAPID_SECRET_CLIENT_HANDSHAKE
                                                     : IMAPID_SECRET_SERVER_HANDSHAKE;
}

static enum imapid_secret_kind traffic_kind(const struct attempt *attempt)
{
    return attempt->dir == attempt->tls->info.client ? IMAPID_SECRET_CLIENT_TRAFFIC
                                                     : IMAPID_SECRET_SERVER_TRAFFIC;
}

/* Puts keys to use that have opened a record. */
static void install(struct attempt *attempt, struct imapid_cipher *cipher,
                    const struct imapid_secret *secret, enum imapid_tls_epoch epoch)
{
    struct imapid_tls_flow *flow = attempt->flow;

    imapid_cipher_free(flow->cipher);
    flow->cipher = cipher;
    flow->epoch = epoch;
    flow->renewing = false;
    flow->n_changes++;
    flow->secret = *secret;
}

void imapid_tls_set_ticket(struct imapid_tls_session *session, const uint8_t *ticket, size_t n)
{
    memset(session, 0, sizeof *session);
    session->is_set = n > 0;
    if (n)
        gcry_md_hash_buffer(GCRY_MD_SHA256, session->key, ticket, n);
}

/* Keeps the master secret for connections that resume this session. */
static void keep_session(struct imapid_tls *tls, const struct imapid_secret *master)
{
    struct imapid_tls_session *sessions[] = {&tls->id, &tls->ticket};

    for (size_t i = 0; i < G_N_ELEMENTS(sessions); i++)
        if (sessions[i]->is_set && !sessions[i]->is_kept) {
            imapid_keylog_remember(tls->keylog, sessions[i]->key, master);
            sessions[i]->is_kept = true;
        }
}

static bool is_master(enum imapid_secret_kind kind)
{
    return kind == IMAPID_SECRET_MASTER || kind == IMAPID_SECRET_SESSION;
}

static bool try_secret(struct attempt *attempt, enum imapid_secret_kind kind,
                       const struct imapid_secret *secret)
{
    struct imapid_tls *tls = attempt->tls;
    bool of_handshake = kind == handshake_kind(attempt);
    struct imapid_cipher *cipher;

    attempt->n_candidates++;
    tls->budget -= MIN(COST_KEYS, tls->budget);
    if (is_master(kind))
        cipher = imapid_cipher_new_1_2(&tls->origin, secret, attempt->dir == tls->info.client);
    else if (secret->n != imapid_kdf_hash_length(imapid_suites_hash(tls->suite)))
        return false;
    else
        cipher = imapid_cipher_new_1_3(tls->suite, secret);
    if (!cipher) {
        attempt->n_refused++;
        return false;
    }
    if (!open_within(attempt, cipher, 0)) {
        imapid_cipher_free(cipher);
        return false;
    }
    install(attempt, cipher, secret, of_handshake ? IMAPID_TLS_HANDSHAKE : IMAPID_TLS_TRAFFIC);
    if (is_master(kind)) {
        keep_session(tls, secret);
        imapid_tls_note_master(tls, secret);
    }
    return true;
}

static bool try_key(struct attempt *attempt, enum imapid_secret_kind kind, const uint8_t *key)
{
    struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];
    unsigned n = 0, n_tried = 0;
    bool ok = false;

    /* The first ones are always tried. */
    do {
        if (attempt->tls->keylog)
            n = imapid_keylog_find(attempt->tls->keylog, key, kind, n_tried, secrets);
        for (unsigned i = 0; i < n && !ok; i++)
            ok = try_secret(attempt, kind, &secrets[i]);
        n_tried += n;
    } while (!ok && n == IMAPID_KEYLOG_BATCH && attempt->tls->budget);
    explicit_bzero(secrets, sizeof secrets);
    return ok;
}

/* Under the client random; or that of the ClientHello inside, if the server took that one. */
static bool try_kind(struct attempt *attempt, enum imapid_secret_kind kind)
{
    struct imapid_tls *tls = attempt->tls;

    if (!tls->has_random)
        return false;
    if (try_key(attempt, kind, tls->origin.client_random))
        return true;
    if (!imapid_tls_find_inner(tls) || !try_key(attempt, kind, tls->ech.random))
        return false;
    imapid_tls_take_inner(tls);
    return true;
}

static bool try_session(struct attempt *attempt, const struct imapid_tls_session *session)
{
    return session->is_set && try_key(attempt, IMAPID_SECRET_SESSION, session->key);
}

static bool is_clear_offered(const struct imapid_tls *tls)
{
    for (unsigned i = 0; i < tls->n_clear_suites; i++)
        if (tls->clear_suites[i] == tls->suite->id)
            return true;
    return false;
}

/* Without encryption a record can be read by anyone. Whether it is authentic is known only with the
 * secret, which is tried first. */
static bool try_clear(struct attempt *attempt)
{
    static const struct imapid_secret none;
    struct imapid_tls *tls = attempt->tls;
    struct imapid_cipher *cipher;

    if (!is_clear_offered(tls))
        return false;
    cipher = imapid_cipher_new_clear(tls->suite, tls->origin.version);
    if (!open_within(attempt, cipher, 0)) {
        imapid_cipher_free(cipher);
        return false;
    }
    install(attempt, cipher, &none, IMAPID_TLS_TRAFFIC);
    return true;
}

/* What the key log has premaster secrets for. */
static bool try_premasters(struct attempt *attempt)
{
    struct imapid_secret master;
    bool ok = false;

    for (unsigned i = 0; !ok && attempt->tls->has_random && attempt->tls->budget &&
                         imapid_tls_make_master(attempt->tls, i, &master);
         i++)
        ok = try_secret(attempt, IMAPID_SECRET_MASTER, &master);
    explicit_bzero(&master, sizeof master);
    return ok;
}

/* TLS 1.2 and before: the secret of this handshake, or that of the session which it resumes. */
static bool try_master(struct attempt *attempt)
{
    return try_kind(attempt, IMAPID_SECRET_MASTER) || try_premasters(attempt) ||
           try_session(attempt, &attempt->tls->id) ||
           try_session(attempt, &attempt->tls->offered) || try_clear(attempt);
}

/* The keys behind a KeyUpdate that was lost. */
static bool try_update(struct attempt *attempt)
{
    struct imapid_secret secret = attempt->flow->secret;
    bool ok = imapid_cipher_update_secret(attempt->tls->suite, &secret) &&
              try_secret(attempt, traffic_kind(attempt), &secret);

    explicit_bzero(&secret, sizeof secret);
    return ok;
}

static bool try_next(struct attempt *attempt)
{
    struct imapid_tls_flow *flow = attempt->flow;

    if (!is_1_3(attempt->tls))
        return (!flow->cipher || flow->renewing) && try_master(attempt);
    if (flow->epoch == IMAPID_TLS_CLEAR)
        return false;
    if (flow->epoch == IMAPID_TLS_TRAFFIC)
        return flow->cipher ? try_update(attempt) : try_kind(attempt, traffic_kind(attempt));
    /* Key logs without handshake secrets are no use before Finished, and all that is needed
     * afterwards. */
    return (!flow->cipher && try_kind(attempt, handshake_kind(attempt))) ||
           try_kind(attempt, traffic_kind(attempt));
}

/* ---- records ---- */

static enum imapid_tls_reason blame(const struct attempt *attempt)
{
    if (!attempt->tls->has_random || !attempt->tls->suite)
        return IMAPID_TLS_NO_HANDSHAKE;
    if (attempt->tls->hello_lost)
        return IMAPID_TLS_LOST;
    if (!attempt->n_candidates)
        return IMAPID_TLS_NO_KEY;
    if (attempt->n_refused == attempt->n_candidates)
        return IMAPID_TLS_SUITE;
    return IMAPID_TLS_WRONG_KEY;
}

static void note_success(struct imapid_tls *tls, int dir)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];

    flow->slack = 0;
    flow->n_unfit = 0;
    tls->info.n_records[dir]++;
    if (flow->epoch == IMAPID_TLS_TRAFFIC && !tls->info.readable[dir]) {
        tls->info.readable[dir] = true;
        imapid_tls_say(tls, IMAPID_TLS_READABLE, dir);
    }
}

bool imapid_tls_try(struct imapid_tls *tls, int dir, const uint8_t *record, size_t n,
                    struct imapid_tls_content *content, enum imapid_tls_reason *reason)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    struct attempt attempt = {tls, flow, dir, record, n, content, 0, 0};
    bool ok = false;

    if (tls->suite) {
        ok = flow->cipher && open_within(&attempt, flow->cipher, flow->sequence);
        /* Keys do not change without a sign; only a loss may have taken it along. */
        if (!ok && (!flow->cipher || flow->slack || flow->broken))
            ok = try_next(&attempt);
    }
    if (ok)
        note_success(tls, dir);
    else
        *reason = blame(&attempt);
    return ok;
}

/* Of how many records may none be readable, before the first one is? */
static uint32_t get_patience(const struct attempt *attempt)
{
    const struct imapid_tls *tls = attempt->tls;
    struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];
    unsigned n;

    if (is_1_3(tls) && attempt->flow->epoch == IMAPID_TLS_HANDSHAKE) {
        if (tls->early_data && attempt->dir == tls->info.client)
            return UNFIT_EARLY;
        n = imapid_keylog_find(tls->keylog, tls->origin.client_random, traffic_kind(attempt), 0,
                               secrets);
        if (!n && tls->ech.is_open)
            n = imapid_keylog_find(tls->keylog, tls->ech.random, traffic_kind(attempt), 0, secrets);
        explicit_bzero(secrets, sizeof secrets[0] * n);
        if (n)
            return UNFIT_MAX;
    }
    return attempt->flow->slack ? UNFIT_MAX : 0;
}

/* No key was found for what should be the first record under it. */
static enum imapid_tls_result miss_key(struct imapid_tls *tls, int dir,
                                       enum imapid_tls_reason reason)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    struct attempt attempt = {.tls = tls, .flow = flow, .dir = dir};

    if (reason == IMAPID_TLS_WRONG_KEY && flow->n_unfit < get_patience(&attempt)) {
        flow->n_unfit++;
        return IMAPID_TLS_PASSED;
    }
    if (tls->n_hold && tls->keylog &&
        (reason == IMAPID_TLS_NO_KEY || reason == IMAPID_TLS_WRONG_KEY))
        return IMAPID_TLS_WAIT;
    return IMAPID_TLS_FAILED;
}

enum imapid_tls_result imapid_tls_decrypt(struct imapid_tls *tls, int dir, const uint8_t *record,
                                          size_t n, struct imapid_tls_content *content,
                                          enum imapid_tls_reason *reason)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    bool after_gap = flow->slack > SLACK_BAD;

    if (imapid_tls_try(tls, dir, record, n, content, reason))
        return IMAPID_TLS_TAKEN;
    if (!flow->cipher)
        return miss_key(tls, dir, *reason);
    tls->info.n_bad[dir]++;
    flow->damaged |= !after_gap;
    flow->sequence++;
    flow->slack = MAX(flow->slack, SLACK_BAD);
    /* Where the IV is the end of the record before, it is not authenticated with encrypt-then-MAC:
     * what follows would pass, with a first block that was never said. */
    if (imapid_cipher_survives_loss(flow->cipher) && tls->budget &&
        ++flow->n_unfit < (after_gap ? UNFIT_MAX : UNFIT_BAD))
        return IMAPID_TLS_PASSED;
    *reason = after_gap ? IMAPID_TLS_LOST : IMAPID_TLS_DAMAGED;
    return IMAPID_TLS_FAILED;
}

void imapid_tls_lose_records(struct imapid_tls *tls, int dir, uint64_t n_lost)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    uint64_t n = SLACK_UNKNOWN;

    if (n_lost && tls->suite)
        n = n_lost / (IMAPID_TLS_HEADER + imapid_cipher_least(tls->suite, tls->origin.version)) + 1;
    flow->slack = (uint32_t)MIN(flow->slack + MIN(n, SLACK_MAX), SLACK_MAX);
}

/* ---- changes ---- */

void imapid_tls_change_epoch(struct imapid_tls *tls, int dir, enum imapid_tls_epoch epoch)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];

    imapid_cipher_free(flow->cipher);
    flow->cipher = NULL;
    flow->epoch = epoch;
    tls->info.finished[dir] |= epoch == IMAPID_TLS_TRAFFIC;
    flow->renewing = false;
    flow->sequence = 0;
    flow->slack = 0;
    flow->n_unfit = 0;
    flow->n_changes++;
    imapid_tls_break_handshake(flow);
    flow->broken = false;
}

void imapid_tls_update_keys(struct imapid_tls *tls, int dir)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    struct imapid_cipher *cipher;

    if (!imapid_cipher_update_secret(tls->suite, &flow->secret) ||
        !(cipher = imapid_cipher_new_1_3(tls->suite, &flow->secret))) {
        imapid_tls_stop(tls, dir, IMAPID_TLS_SUITE);
        return;
    }
    imapid_cipher_free(flow->cipher);
    flow->cipher = cipher;
    flow->sequence = 0;
    flow->n_changes++;
    tls->info.n_key_updates[dir]++;
}
