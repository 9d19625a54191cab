/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-early.c: early data (0-RTT, RFC 8446 2.3), which a client sends before it knows whether the
 * server takes it.
 *
 * What the server refuses was not said: the client says it again. So early data waits here until
 * the server's EncryptedExtensions accept it, or the client ends it with EndOfEarlyData, which it
 * does only where it was accepted. Then it is given out, with the stamps of its packets.
 *
 * What it refuses: more than IMAPID_TLS_EARLY_MAX octets at once. They count as passed over.
 *
 * Misuse: a record of the server. */
#include "tls/tls-early.h"

#include "tls/tls-ech.h"

#include <string.h>

#define END_OF_EARLY_DATA 5

struct waiting {
    struct imapid_stamp stamp;
    bool is_open; /* the octets are content of this type; else a record */
    uint8_t type;
    size_t n;
    uint8_t octets[];
};

static void free_waiting(gpointer data)
{
    struct waiting *waiting = data;

    explicit_bzero(waiting->octets, waiting->n);
    g_free(waiting);
}

static bool try_secret(struct imapid_tls *tls, const struct imapid_secret *secret,
                       const struct waiting *record, struct imapid_tls_content *content)
{
    struct imapid_cipher *cipher = imapid_cipher_new_1_3(tls->suite, secret);

    if (cipher && imapid_cipher_open(cipher, 0, record->octets, record->n, content->octets,
                                     &content->n, &content->type)) {
        tls->early.cipher = cipher;
        return true;
    }
    imapid_cipher_free(cipher);
    return false;
}

static bool try_random(struct imapid_tls *tls, const uint8_t *random, const struct waiting *record,
                       struct imapid_tls_content *content)
{
    struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];
    unsigned n, n_tried = 0;
    bool ok = false;

    do {
        n = imapid_keylog_find(tls->keylog, random, IMAPID_SECRET_CLIENT_EARLY, n_tried, secrets);
        for (unsigned i = 0; i < n && !ok; i++)
            ok = try_secret(tls, &secrets[i], record, content);
        tls->budget -= MIN(tls->budget, n * record->n);
        n_tried += n;
    } while (!ok && n == IMAPID_KEYLOG_BATCH && tls->budget);
    explicit_bzero(secrets, sizeof secrets);
    return ok;
}

/* The first record decides which secret is right. */
static bool find_cipher(struct imapid_tls *tls, const struct waiting *record,
                        struct imapid_tls_content *content)
{
    return try_random(tls, tls->origin.client_random, record, content) ||
           (imapid_tls_find_inner(tls) && try_random(tls, tls->ech.random, record, content));
}

static bool open_record(struct imapid_tls *tls, struct waiting *record)
{
    uint8_t room[IMAPID_TLS_HEADER + IMAPID_TLS_BODY_MAX];
    struct imapid_tls_content content = {.octets = room};
    bool ok = tls->early.cipher
                  ? imapid_cipher_open(tls->early.cipher, tls->early.sequence, record->octets,
                                       record->n, room, &content.n, &content.type)
                  : find_cipher(tls, record, &content);

    if (ok) {
        tls->early.sequence++;
        record->is_open = true;
        record->type = content.type;
        record->n = content.n; /* less than it was */
        memcpy(record->octets, room, content.n);
    }
    explicit_bzero(room, sizeof room);
    return ok;
}

static bool is_end(const struct waiting *record)
{
    return record->is_open && record->type == IMAPID_TLS_TYPE_HANDSHAKE && record->n &&
           record->octets[0] == END_OF_EARLY_DATA;
}

/* Opens what can be opened by now, up to the first record that cannot. */
static void open_all(struct imapid_tls *tls)
{
    if (tls->n_hold && !tls->early.cipher && !g_queue_is_empty(&tls->early.records))
        imapid_keylog_refresh(tls->keylog);
    for (GList *at = tls->early.records.head; at; at = at->next) {
        struct waiting *record = at->data;

        if (tls->early.ended || (!record->is_open && !open_record(tls, record)))
            return;
        tls->early.ended = is_end(record);
        tls->early.accepted |= tls->early.ended;
    }
}

static void give(struct imapid_tls *tls, int dir, const struct waiting *record)
{
    const struct imapid_stamp *stamp = tls->stamp;

    if (record->type != IMAPID_TLS_TYPE_APPLICATION_DATA || !record->n)
        return;
    tls->stamp = &record->stamp;
    tls->info.n_records[dir]++;
    tls->info.n_octets[dir] += record->n;
    if (tls->handler.data)
        tls->handler.data(tls->handler.ctx, dir, record->octets, record->n, tls->stamp);
    tls->stamp = stamp;
}

/* Some of what the client said first is missing. */
static void tell_gap(struct imapid_tls *tls, int dir)
{
    if (!tls->early.told_gap)
        imapid_tls_say_gap(tls, dir);
    tls->early.told_gap = true;
}

static void miss(struct imapid_tls *tls, int dir)
{
    struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];
    unsigned n = 0;

    if (tls->keylog)
        n = imapid_keylog_find(tls->keylog, tls->origin.client_random, IMAPID_SECRET_CLIENT_EARLY,
                               0, secrets);
    explicit_bzero(secrets, sizeof secrets[0] * n);
    tls->early.missed = n ? IMAPID_TLS_DAMAGED : IMAPID_TLS_NO_KEY;
    tell_gap(tls, dir);
}

/* Gives out what is open. The rest, behind a record that no key opens, is passed over. */
static void give_all(struct imapid_tls *tls, int dir)
{
    struct waiting *record;
    bool missed = false;

    while ((record = g_queue_pop_head(&tls->early.records))) {
        missed |= !record->is_open && !tls->early.ended;
        if (!record->is_open)
            tls->info.n_skipped[dir]++;
        else
            give(tls, dir, record);
        free_waiting(record);
    }
    tls->early.n_held = 0;
    if (missed)
        miss(tls, dir);
}

static bool keep(struct imapid_tls *tls, const uint8_t *octets, size_t n)
{
    struct waiting *record;

    if (!tls->keylog || tls->early.n_held + n > IMAPID_TLS_EARLY_MAX)
        return false;
    record = g_malloc(sizeof *record + n);
    *record = (struct waiting){.stamp = *tls->stamp, .n = n};
    memcpy(record->octets, octets, n);
    g_queue_push_tail(&tls->early.records, record);
    tls->early.n_held += n;
    return true;
}

void imapid_tls_take_early(struct imapid_tls *tls, int dir, const uint8_t *record, size_t n)
{
    if (tls->early.refused || !keep(tls, record, n)) {
        tls->info.n_skipped[dir]++;
        return;
    }
    if (!tls->suite)
        return;
    open_all(tls);
    if (tls->early.accepted)
        give_all(tls, dir);
}

void imapid_tls_accept_early(struct imapid_tls *tls)
{
    tls->early.accepted = true;
    open_all(tls);
    give_all(tls, tls->info.client);
}

void imapid_tls_pass_early(struct imapid_tls *tls)
{
    if (!tls->early.accepted && !g_queue_is_empty(&tls->early.records))
        tell_gap(tls, tls->info.client);
}

void imapid_tls_end_early(struct imapid_tls *tls)
{
    if (tls->early.accepted && tls->info.n_skipped[tls->info.client])
        miss(tls, tls->info.client);
}

void imapid_tls_refuse_early(struct imapid_tls *tls)
{
    tls->info.n_skipped[tls->info.client] += g_queue_get_length(&tls->early.records);
    tls->early.refused = true;
    imapid_tls_free_early(tls);
}

void imapid_tls_free_early(struct imapid_tls *tls)
{
    g_queue_clear_full(&tls->early.records, free_waiting);
    tls->early.n_held = 0;
    imapid_cipher_free(tls->early.cipher);
    tls->early.cipher = NULL;
}
