/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-secrets.c: which lines of a key log belong to one connection.
 *
 *     client randoms: of the first ClientHello, the last one, the one inside (ECH), and of each
 *     handshake of TLS 1.2 that a master secret opened
 *
 * Refuses to remember more handshakes than IMAPID_TLS_MASTERS_MAX; the oldest goes.
 *
 * Misuse: asking for them while octets wait for secrets. They may yet come. */
#include "tls/tls-secrets.h"

#include "tls/tls-flow.h"

#include <string.h>

void imapid_tls_note_master(struct imapid_tls *tls, const struct imapid_secret *master)
{
    struct imapid_tls_master *last;

    if (!tls->masters)
        tls->masters = g_new0(struct imapid_tls_master, IMAPID_TLS_MASTERS_MAX);
    last = tls->n_masters ? &tls->masters[tls->n_masters - 1] : NULL;
    if (last && !memcmp(last->random, tls->origin.client_random, sizeof last->random))
        return; /* the other direction */
    if (tls->n_masters == IMAPID_TLS_MASTERS_MAX) {
        tls->n_masters--;
        memmove(tls->masters, tls->masters + 1, tls->n_masters * sizeof *tls->masters);
    }
    last = &tls->masters[tls->n_masters++];
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) ; g_new0() gives no NULL */
    memcpy(last->random, tls->origin.client_random, sizeof last->random);
    last->secret = *master;
}

void imapid_tls_free_masters(struct imapid_tls *tls)
{
    if (tls->masters)
        explicit_bzero(tls->masters, IMAPID_TLS_MASTERS_MAX * sizeof *tls->masters);
    g_free(tls->masters);
}

static void add_hex(GString *lines, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        g_string_append_printf(lines, "%02x", octets[i]);
}

static void add_line(GString *lines, const char *label, const uint8_t *random,
                     const uint8_t *octets, size_t n)
{
    g_string_append(lines, label);
    add_hex(g_string_append_c(lines, ' '), random, IMAPID_TLS_RANDOM);
    add_hex(g_string_append_c(lines, ' '), octets, n);
    g_string_append_c(lines, '\n');
}

static void add_of_kind(struct imapid_keylog *keylog, GString *lines, const uint8_t *random,
                        enum imapid_secret_kind kind)
{
    struct imapid_secret secrets[IMAPID_KEYLOG_BATCH];
    unsigned n_before = 0, n;

    do {
        n = imapid_keylog_find(keylog, random, kind, n_before, secrets);
        for (unsigned i = 0; i < n; i++)
            add_line(lines, imapid_keylog_line_label(kind), random, secrets[i].octets,
                     secrets[i].n);
        n_before += n;
    } while (n == IMAPID_KEYLOG_BATCH);
    explicit_bzero(secrets, sizeof secrets);
}

static void add_long(struct imapid_keylog *keylog, GString *lines, const uint8_t *random,
                     enum imapid_long_kind kind)
{
    GBytes *bytes;

    for (unsigned i = 0; (bytes = imapid_keylog_find_long(keylog, kind, random, i)); i++) {
        gsize n;
        const uint8_t *octets = g_bytes_get_data(bytes, &n);

        add_line(lines, imapid_keylog_line_long_label(kind), random, octets, n);
        g_bytes_unref(bytes);
    }
}

static bool is_noted(const struct imapid_tls *tls, const uint8_t *random)
{
    for (unsigned i = 0; i < tls->n_masters; i++)
        if (!memcmp(tls->masters[i].random, random, IMAPID_TLS_RANDOM))
            return true;
    return false;
}

/* What the key log has; of master secrets, the one that is known to be right is enough. */
static void add_of_random(const struct imapid_tls *tls, GString *lines, const uint8_t *random)
{
    bool noted = is_noted(tls, random);

    for (int kind = 0; kind < IMAPID_N_SECRET_KINDS; kind++)
        if (imapid_keylog_line_label((enum imapid_secret_kind)kind) &&
            !(noted && kind == IMAPID_SECRET_MASTER))
            add_of_kind(tls->keylog, lines, random, (enum imapid_secret_kind)kind);
    for (int kind = 0; kind < IMAPID_N_LONG_KINDS; kind++)
        if (!(noted && kind == IMAPID_LONG_PREMASTER))
            add_long(tls->keylog, lines, random, (enum imapid_long_kind)kind);
}

void imapid_tls_spell_secrets(const struct imapid_tls *tls, GString *lines)
{
    const uint8_t *randoms[] = {tls->info.has_random ? tls->info.client_random : NULL,
                                tls->has_random ? tls->origin.client_random : NULL,
                                tls->ech.is_open ? tls->ech.random : NULL};

    if (!tls->keylog)
        return;
    for (unsigned i = 0; i < tls->n_masters; i++)
        add_line(lines, imapid_keylog_line_label(IMAPID_SECRET_MASTER), tls->masters[i].random,
                 tls->masters[i].secret.octets, tls->masters[i].secret.n);
    for (size_t i = 0; i < G_N_ELEMENTS(randoms); i++) {
        bool is_new = randoms[i] != NULL;

        for (size_t k = 0; k < i && is_new; k++)
            is_new = !randoms[k] || memcmp(randoms[k], randoms[i], IMAPID_TLS_RANDOM);
        if (is_new)
            add_of_random(tls, lines, randoms[i]);
    }
}
