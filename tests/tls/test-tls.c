/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/tls/tls.c and its parts on sessions of real programs: whole, in every
 * chunking, damaged, cut, with holes, with wrong, missing and late keys. */
#include "transcript.h"

#include <stdlib.h>
#include <string.h>

static GPtrArray *all;

/* NOLINTBEGIN(bugprone-macro-parentheses): no declaration takes any */
#define FOR_ALL(each)                                                                              \
    for (guint i_ = 0; i_ < all->len; i_++)                                                        \
        for (struct transcript *each = g_ptr_array_index(all, i_); each; each = NULL)
/* NOLINTEND(bugprone-macro-parentheses) */

static bool is_readable(const struct transcript *transcript)
{
    return !transcript_expects(transcript, "reason");
}

/* Nothing is encrypted: it is read without a key, and with a wrong one. */
static bool is_clear(const struct transcript *transcript)
{
    return transcript_expects(transcript, "clear");
}

static void check_expected(const struct transcript *t, const struct outcome *o)
{
    const char *value;

    if ((value = transcript_expects(t, "reason"))) {
        g_assert_cmpstr(imapid_tls_reason_word(o->reason), ==, value);
        return;
    }
    g_assert_cmpstr(imapid_tls_reason_word(o->reason), ==, "ok");
    g_assert_cmpstr(o->all[0]->str, ==, t->said[0]->str);
    g_assert_cmpstr(o->all[1]->str, ==, t->said[1]->str);
    g_assert_cmpint(o->info.client, ==, 0);
    g_assert_cmpuint(o->info.n_bad[0] + o->info.n_bad[1], ==, 0);
    if ((value = transcript_expects(t, "suite")))
        g_assert_cmpstr(o->info.suite_name, ==, value);
    if ((value = transcript_expects(t, "version")))
        g_assert_cmpuint(o->info.version, ==, strtoul(value, NULL, 16));
    if ((value = transcript_expects(t, "sni")))
        g_assert_true(g_str_has_prefix(o->names->str, value));
    if ((value = transcript_expects(t, "alpn")))
        g_assert_true(g_str_has_suffix(o->names->str, value));
    g_assert_cmpint(o->info.retried, ==, transcript_expects(t, "retried") != NULL);
    g_assert_cmpint(o->info.resumed, ==, transcript_expects(t, "resumed") != NULL);
    g_assert_cmpint(o->info.early_data, ==, transcript_expects(t, "early") != NULL);
    g_assert_cmpuint(o->info.n_renegotiations, ==, transcript_expects(t, "renegotiations") ? 1 : 0);
    if ((value = transcript_expects(t, "updates")))
        g_assert_cmpuint(o->info.n_key_updates[0] + o->info.n_key_updates[1], >=, atoi(value));
    g_assert_cmpuint(o->n_gaps[0] + o->n_gaps[1], ==, 0);
}

static void test_sessions(void)
{
    static const size_t chunks[] = {0, 1, 2, 3, 5, 7, 64, 1460};

    FOR_ALL(t)
    {
        struct imapid_keylog *keylog = transcript_keylog(t);
        struct transcript *joined = transcript_join(t);
        struct outcome *o;

        g_test_message("%s", t->name);
        for (size_t i = 0; i < G_N_ELEMENTS(chunks); i++) {
            o = transcript_run(t, keylog, chunks[i]);
            check_expected(t, o);
            outcome_free(o);
        }
        o = transcript_run(joined, keylog, 0);
        if (is_readable(t))
            g_assert_cmpstr(o->all[1]->str, ==, t->said[1]->str);
        outcome_free(o);
        transcript_free(joined);
        imapid_keylog_free(keylog);
    }
}

/* Each direction that is readable ended with an authenticated close_notify, where the programs
 * send one. */
static void test_no_keys(void)
{
    struct imapid_keylog *empty = imapid_keylog_new();

    FOR_ALL(t)
    {
        struct outcome *o = transcript_run(t, is_readable(t) ? empty : NULL, 0);

        if (is_clear(t)) {
            check_expected(t, o);
            outcome_free(o);
            o = transcript_run(t, NULL, 0);
            check_expected(t, o);
            outcome_free(o);
            continue;
        }
        g_assert_cmpuint(o->all[0]->len + o->all[1]->len, ==, 0);
        g_assert_cmpstr(imapid_tls_reason_word(o->reason), ==,
                        is_readable(t) ? "no-key" : transcript_expects(t, "reason"));
        outcome_free(o);
    }
    imapid_keylog_free(empty);
}

/* Does the line that ends at i open a ClientHello? It is no secret of the session. */
static bool is_of_hello(const GString *keys, gsize i)
{
    while (i && keys->str[i - 1] != '\n')
        i--;
    return g_str_has_prefix(keys->str + i, "ECH_");
}

/* The same key log with the last digit of each secret changed. */
static GString *spoil_keys(const GString *keys)
{
    GString *spoilt = g_string_new_len(keys->str, (gssize)keys->len);

    for (gsize i = 1; i < spoilt->len; i++)
        if (spoilt->str[i] == '\n' && g_ascii_isxdigit(spoilt->str[i - 1]) &&
            !is_of_hello(spoilt, i))
            spoilt->str[i - 1] = spoilt->str[i - 1] == '0' ? '1' : '0';
    return spoilt;
}

static void test_wrong_keys(void)
{
    FOR_ALL(t)
    {
        GString *spoilt = spoil_keys(t->keys);
        struct imapid_keylog *keylog = imapid_keylog_new();
        struct outcome *o;

        imapid_keylog_add(keylog, (const uint8_t *)spoilt->str, spoilt->len);
        o = transcript_run(t, keylog, 0);
        if (is_clear(t)) {
            check_expected(t, o);
        } else {
            g_assert_cmpuint(o->all[0]->len + o->all[1]->len, ==, 0);
            if (is_readable(t))
                g_assert_cmpstr(imapid_tls_reason_word(o->reason), ==, "wrong-key");
        }
        outcome_free(o);

        /* The right ones behind them. */
        imapid_keylog_add(keylog, (const uint8_t *)t->keys->str, t->keys->len);
        o = transcript_run(t, keylog, 0);
        check_expected(t, o);
        outcome_free(o);
        imapid_keylog_free(keylog);
        g_string_free(spoilt, TRUE);
    }
}

/* Many logs put together, of which one is right: the last. */
static void test_many_wrong_keys(void)
{
    FOR_ALL(t)
    {
        struct imapid_keylog *keylog = imapid_keylog_new();
        struct outcome *o;

        for (unsigned i = 0; i < 300; i++) {
            GString *spoilt = g_string_new(t->keys->str);
            static const char hex[] = "0123456789abcdef";

            for (gsize k = 2; k < spoilt->len; k++)
                if (spoilt->str[k] == '\n' && g_ascii_isxdigit(spoilt->str[k - 1]) &&
                    !is_of_hello(spoilt, k)) {
                    spoilt->str[k - 3] = hex[i % 16];
                    spoilt->str[k - 4] = hex[i / 16 % 16];
                    spoilt->str[k - 5] = hex[i / 256];
                    spoilt->str[k - 1] = spoilt->str[k - 1] == '0' ? '1' : '0';
                }
            imapid_keylog_add(keylog, (const uint8_t *)spoilt->str, spoilt->len);
            g_string_free(spoilt, TRUE);
        }
        imapid_keylog_add(keylog, (const uint8_t *)t->keys->str, t->keys->len);
        o = transcript_run(t, keylog, 0);
        check_expected(t, o);
        outcome_free(o);
        imapid_keylog_free(keylog);
    }
}

/* Traffic secrets alone are enough. */
static void test_no_handshake_secrets(void)
{
    FOR_ALL(t)
    {
        struct imapid_keylog *keylog = imapid_keylog_new();
        char **lines = g_strsplit(t->keys->str, "\n", -1);
        struct outcome *o;

        for (char **line = lines; *line; line++)
            if (!strstr(*line, "HANDSHAKE"))
                imapid_keylog_add(keylog, (const uint8_t *)*line, strlen(*line));
        o = transcript_run(t, keylog, 0);
        if (is_readable(t)) {
            g_assert_cmpstr(o->all[0]->str, ==, t->said[0]->str);
            g_assert_cmpstr(o->all[1]->str, ==, t->said[1]->str);
            g_assert_cmpstr(imapid_tls_reason_word(o->reason), ==, "ok");
        }
        outcome_free(o);
        g_strfreev(lines);
        imapid_keylog_free(keylog);
    }
}

/* Keys that come when all is over: everything is given out, with the stamps of its time. */
static void test_late_keys(void)
{
    FOR_ALL(t)
    {
        struct imapid_keylog *keylog = imapid_keylog_new();
        struct outcome *o = outcome_new();
        struct imapid_tls_handler handler = outcome_handler(o);
        struct imapid_tls *tls = imapid_tls_new(&handler, keylog, 1 << 20);
        uint64_t number = 0;

        for (guint i = 0; i < t->pieces->len; i++) {
            const struct piece *piece = g_ptr_array_index(t->pieces, i);

            feed(tls, piece->dir, piece->octets->data, piece->octets->len, ++number);
        }
        g_assert_true(is_clear(t) || o->all[0]->len + o->all[1]->len == 0);
        imapid_tls_retry(tls);
        g_assert_true(is_clear(t) || o->all[0]->len + o->all[1]->len == 0);
        imapid_keylog_add(keylog, (const uint8_t *)t->keys->str, t->keys->len);
        imapid_tls_retry(tls);
        if (is_readable(t)) {
            g_assert_cmpuint(o->last_stamp, >, 0);
            g_assert_cmpuint(o->last_stamp, <=, number);
        }
        outcome_take(o, tls);
        check_expected(t, o);
        outcome_free(o);
        imapid_keylog_free(keylog);
    }
}

/* Key log lines that come one by one, each after the next piece. */
static void test_trickling_keys(void)
{
    FOR_ALL(t)
    {
        struct imapid_keylog *keylog = imapid_keylog_new();
        struct outcome *o = outcome_new();
        struct imapid_tls_handler handler = outcome_handler(o);
        struct imapid_tls *tls = imapid_tls_new(&handler, keylog, 1 << 20);
        char **lines = g_strsplit(t->keys->str, "\n", -1), **line = lines;
        uint64_t number = 0;

        for (guint i = 0; i < t->pieces->len; i++) {
            const struct piece *piece = g_ptr_array_index(t->pieces, i);

            feed(tls, piece->dir, piece->octets->data, piece->octets->len, ++number);
            if (i > 2 && *line) {
                imapid_keylog_add(keylog, (const uint8_t *)*line, strlen(*line));
                line++;
            }
        }
        for (; *line; line++)
            imapid_keylog_add(keylog, (const uint8_t *)*line, strlen(*line));
        imapid_tls_retry(tls);
        outcome_take(o, tls);
        check_expected(t, o);
        outcome_free(o);
        g_strfreev(lines);
        imapid_keylog_free(keylog);
    }
}

/* Early data that counts and has no secret is missing, and that is said. */
static void test_no_early_secret(void)
{
    struct transcript *t = transcript_load("1.3-early-data");
    struct imapid_keylog *keylog = imapid_keylog_new();
    char **lines = g_strsplit(t->keys->str, "\n", -1);
    struct outcome *o;

    for (char **line = lines; *line; line++)
        if (!g_str_has_prefix(*line, "CLIENT_EARLY"))
            imapid_keylog_add(keylog, (const uint8_t *)*line, strlen(*line));
    o = transcript_run(t, keylog, 0);
    g_assert_true(g_str_has_suffix(t->said[0]->str, o->all[0]->str));
    g_assert_cmpuint(o->all[0]->len, <, t->said[0]->len);
    g_assert_cmpuint(o->n_gaps[0], ==, 1);
    g_assert_cmpint(o->reason, ==, IMAPID_TLS_NO_KEY);
    outcome_free(o);
    g_strfreev(lines);
    imapid_keylog_free(keylog);
    transcript_free(t);
}

/* What is kept is bounded; the direction whose key is there is read all the same. */
static void test_hold_limit(void)
{
    struct transcript *t = transcript_load("1.3-large");
    struct imapid_keylog *keylog = imapid_keylog_new();
    struct outcome *o = outcome_new();
    struct imapid_tls_handler handler = outcome_handler(o);
    struct imapid_tls *tls = imapid_tls_new(&handler, keylog, 10000);
    char **lines = g_strsplit(t->keys->str, "\n", -1);

    for (char **line = lines; *line; line++)
        if (g_str_has_prefix(*line, "CLIENT"))
            imapid_keylog_add(keylog, (const uint8_t *)*line, strlen(*line));
    for (guint i = 0; i < t->pieces->len; i++) {
        const struct piece *piece = g_ptr_array_index(t->pieces, i);

        feed(tls, piece->dir, piece->octets->data, piece->octets->len, i);
    }
    g_assert_cmpint(imapid_tls_get_info(tls)->stopped[1], ==, IMAPID_TLS_NO_KEY);
    outcome_take(o, tls);
    g_assert_cmpstr(o->all[0]->str, ==, t->said[0]->str);
    g_assert_cmpuint(o->all[1]->len, ==, 0);
    outcome_free(o);
    g_strfreev(lines);
    imapid_keylog_free(keylog);
    transcript_free(t);
}

/* ---- damage ---- */

/* Is every piece of `some` one of `whole`, in the same order? */
static bool is_subsequence(GPtrArray *some, GPtrArray *whole)
{
    guint at = 0;

    for (guint i = 0; i < some->len; i++) {
        while (at < whole->len &&
               !g_string_equal(g_ptr_array_index(some, i), g_ptr_array_index(whole, at)))
            at++;
        if (at++ >= whole->len)
            return false;
    }
    return true;
}

static void check_honest(const struct transcript *t, const struct outcome *o,
                         const struct outcome *whole)
{
    for (int dir = 0; dir < 2; dir++) {
        if (!is_subsequence(o->data[dir], whole->data[dir]))
            g_error("%s: octets that were never said", t->name);
        if (o->data[dir]->len < whole->data[dir]->len && !o->n_gaps[dir] && !o->info.stopped[dir] &&
            !o->info.closed[dir])
            g_error("%s: a silent loss", t->name);
    }
}

/* Plays a transcript with one octet changed, or some left out (of which the reader is told).
 * at counts octets of both directions. */
static struct outcome *run_damaged(const struct transcript *t, struct imapid_keylog *keylog,
                                   size_t at, size_t n_lost, bool tell)
{
    struct outcome *o = outcome_new();
    struct imapid_tls_handler handler = outcome_handler(o);
    struct imapid_tls *tls = imapid_tls_new(&handler, keylog, 0);
    size_t place = 0;

    for (guint i = 0; i < t->pieces->len; i++) {
        const struct piece *piece = g_ptr_array_index(t->pieces, i);
        size_t n = piece->octets->len, before, gone;
        uint8_t *octets = g_memdup2(piece->octets->data, n);

        if (at < place || at >= place + n) {
            feed(tls, piece->dir, octets, n, i);
        } else if (!n_lost) {
            octets[at - place] ^= 0x20;
            feed(tls, piece->dir, octets, n, i);
        } else {
            struct imapid_stamp stamp = {i, 0};

            before = at - place;
            gone = MIN(n_lost, n - before);
            if (before)
                feed(tls, piece->dir, octets, before, i);
            imapid_tls_gap(tls, piece->dir, tell ? gone : 0, &stamp);
            if (before + gone < n)
                feed(tls, piece->dir, octets + before + gone, n - before - gone, i);
        }
        place += n;
        g_free(octets);
    }
    outcome_take(o, tls);
    return o;
}

static size_t count_octets(const struct transcript *t)
{
    size_t n = 0;

    for (guint i = 0; i < t->pieces->len; i++)
        n += ((struct piece *)g_ptr_array_index(t->pieces, i))->octets->len;
    return n;
}

static size_t get_step(const struct transcript *t)
{
    return 1 + count_octets(t) / (g_test_slow() ? 5000 : 400);
}

static void test_flipped(void)
{
    FOR_ALL(t)
    {
        struct imapid_keylog *keylog = transcript_keylog(t);
        struct outcome *whole = transcript_run(t, keylog, 0);

        for (size_t at = 0; at < count_octets(t); at += get_step(t)) {
            struct outcome *o = run_damaged(t, keylog, at, 0, false);

            for (int dir = 0; dir < 2; dir++)
                if (!is_subsequence(o->data[dir], whole->data[dir]))
                    g_error("%s: octet %zu changed: octets that were never said", t->name, at);
            if (o->data[0]->len + o->data[1]->len < whole->data[0]->len + whole->data[1]->len &&
                o->reason == IMAPID_TLS_OK)
                g_error("%s: octet %zu changed: a silent loss", t->name, at);
            outcome_free(o);
        }
        outcome_free(whole);
        imapid_keylog_free(keylog);
    }
}

/* A hole of n_lost octets at every place. Counts how often all later records were found again. */
static void check_holes(size_t n_lost, bool tell)
{
    unsigned n_runs = 0, n_last = 0;

    FOR_ALL(t)
    {
        struct imapid_keylog *keylog = transcript_keylog(t);
        struct outcome *whole = transcript_run(t, keylog, 0);

        for (size_t at = 0; at < count_octets(t); at += get_step(t)) {
            struct outcome *o = run_damaged(t, keylog, at, n_lost, tell);

            check_honest(t, o, whole);
            n_runs++;
            n_last += o->reason == IMAPID_TLS_OK;
            outcome_free(o);
        }
        outcome_free(whole);
        imapid_keylog_free(keylog);
    }
    /* The rest are holes in what nothing can do without: hellos, and ends of connections. */
    g_assert_cmpuint(n_last, >, n_runs * 2 / 3);
    g_test_message("hole of %zu%s: %u of %u read to the end", n_lost, tell ? ", told" : "", n_last,
                   n_runs);
}

static void test_holes(void)
{
    check_holes(1, true);
    check_holes(1, false);
    check_holes(100, true);
    check_holes(1460, false);
}

/* The end missing, at every octet. Where it is missing to a record, that is said. */
static void test_truncated(void)
{
    unsigned n_cut = 0;

    FOR_ALL(t)
    {
        struct imapid_keylog *keylog = transcript_keylog(t);
        size_t n_all = count_octets(t);

        for (size_t n_kept = 0; n_kept < n_all; n_kept += get_step(t)) {
            struct outcome *o = outcome_new();
            struct imapid_tls_handler handler = outcome_handler(o);
            struct imapid_tls *tls = imapid_tls_new(&handler, keylog, 0);
            size_t left = n_kept;

            for (guint i = 0; i < t->pieces->len && left; i++) {
                const struct piece *piece = g_ptr_array_index(t->pieces, i);
                size_t n = MIN(left, piece->octets->len);

                feed(tls, piece->dir, piece->octets->data, n, i);
                left -= n;
            }
            outcome_take(o, tls);
            g_assert_true(g_str_has_prefix(t->said[0]->str, o->all[0]->str));
            g_assert_true(g_str_has_prefix(t->said[1]->str, o->all[1]->str));
            n_cut += o->reason == IMAPID_TLS_CUT;
            outcome_free(o);
        }
        imapid_keylog_free(keylog);
    }
    g_assert_cmpuint(n_cut, >, 1000);
}

/* The beginning missing: nothing is read, and the reason says so. */
static void test_middle(void)
{
    FOR_ALL(t)
    {
        struct imapid_keylog *keylog = transcript_keylog(t);

        for (guint start = 1; start < t->pieces->len; start++) {
            struct outcome *o = outcome_new();
            struct imapid_tls_handler handler = outcome_handler(o);
            struct imapid_tls *tls = imapid_tls_new(&handler, keylog, 0);

            for (guint i = start; i < t->pieces->len; i++) {
                const struct piece *piece = g_ptr_array_index(t->pieces, i);

                feed(tls, piece->dir, piece->octets->data, piece->octets->len, i);
            }
            outcome_take(o, tls);
            if (!transcript_expects(t, "reason") && !transcript_expects(t, "retried")) {
                g_assert_cmpuint(o->all[0]->len + o->all[1]->len, ==, 0);
                g_assert_cmpstr(imapid_tls_reason_word(o->reason), ==, "no-handshake");
            }
            outcome_free(o);
        }
        imapid_keylog_free(keylog);
    }
}

/* Only one direction in the capture. */
static void test_one_way(void)
{
    FOR_ALL(t)
    {
        struct imapid_keylog *keylog = transcript_keylog(t);

        for (int dir = 0; dir < 2; dir++) {
            struct outcome *o = outcome_new();
            struct imapid_tls_handler handler = outcome_handler(o);
            struct imapid_tls *tls = imapid_tls_new(&handler, keylog, 0);

            for (guint i = 0; i < t->pieces->len; i++) {
                const struct piece *piece = g_ptr_array_index(t->pieces, i);

                if (piece->dir == dir)
                    feed(tls, dir, piece->octets->data, piece->octets->len, i);
            }
            outcome_take(o, tls);
            g_assert_cmpuint(o->all[0]->len + o->all[1]->len, ==, 0);
            g_assert_cmpint(o->reason, !=, IMAPID_TLS_OK);
            outcome_free(o);
        }
        imapid_keylog_free(keylog);
    }
}

/* Nobody answers. */
static void test_hello_alone(void)
{
    FOR_ALL(t)
    {
        const struct piece *first = g_ptr_array_index(t->pieces, 0);
        struct outcome *o = outcome_new();
        struct imapid_tls_handler handler = outcome_handler(o);
        struct imapid_tls *tls = imapid_tls_new(&handler, NULL, 0);

        feed(tls, 0, first->octets->data, first->octets->len, 1);
        outcome_take(o, tls);
        g_assert_cmpstr(imapid_tls_reason_word(o->reason), ==, "unfinished");
        outcome_free(o);
    }
}

/* A hole of more than 64 records: the one behind it is found. */
static void test_long_hole(void)
{
    struct transcript *t = transcript_load("long/1.3-many-records");
    struct imapid_keylog *keylog = transcript_keylog(t);
    struct outcome *whole = transcript_run(t, keylog, 0), *o;
    size_t at = 0, longest = 0, start = 0;

    for (guint i = 0; i < t->pieces->len; i++) {
        const struct piece *piece = g_ptr_array_index(t->pieces, i);

        if (piece->octets->len > longest) {
            longest = piece->octets->len;
            start = at;
        }
        at += piece->octets->len;
    }
    g_assert_cmpuint(longest, >, 35000);
    o = run_damaged(t, keylog, start + 100, longest - 800, true);
    check_honest(t, o, whole);
    g_assert_cmpint(o->reason, ==, IMAPID_TLS_OK);
    g_assert_true(g_str_has_suffix(o->all[1]->str, "x\r\n"));
    g_assert_cmpuint(o->all[1]->len, <, 20000);
    outcome_free(o);
    outcome_free(whole);
    imapid_keylog_free(keylog);
    transcript_free(t);
}

/* One piece lost at a time, in connections that agree on new keys: what follows is read, or lost. No
 * key is called wrong. */
static void test_renegotiation_holes(void)
{
    unsigned n_read = 0, n_lost = 0;

    FOR_ALL(t)
    {
        struct imapid_keylog *keylog = transcript_keylog(t);
        size_t at = 0;

        for (guint i = 0; transcript_expects(t, "renegotiations") && i < t->pieces->len; i++) {
            const struct piece *piece = g_ptr_array_index(t->pieces, i);
            struct outcome *o;

            /* Without the first handshake there is nothing. */
            if (i > 5) {
                o = run_damaged(t, keylog, at, piece->octets->len, true);
                n_read += o->reason == IMAPID_TLS_OK;
                n_lost += o->reason == IMAPID_TLS_LOST;
                if (o->reason != IMAPID_TLS_OK && o->reason != IMAPID_TLS_LOST)
                    g_error("%s: piece %u lost: %s", t->name, i, imapid_tls_reason_word(o->reason));
                outcome_free(o);
            }
            at += piece->octets->len;
        }
        imapid_keylog_free(keylog);
    }
    g_assert_cmpuint(n_read, >, n_lost);
}

static void test_no_tls(void)
{
    static const char text[] = "a1 ID (\"name\" \"x\")\r\n";
    struct outcome *o = outcome_new();
    struct imapid_tls_handler handler = outcome_handler(o);
    struct imapid_tls *tls = imapid_tls_new(&handler, NULL, 0);

    feed(tls, 1, (const uint8_t *)text, sizeof text - 1, 1);
    feed(tls, 1, (const uint8_t *)text, sizeof text - 1, 2);
    outcome_take(o, tls);
    g_assert_cmpint(o->info.stopped[1], ==, IMAPID_TLS_MALFORMED);
    outcome_free(o);
}

static void test_long_hello(void)
{
    /* A ServerHello of 64 KiB and one octet is announced. */
    static const uint8_t record[] = {22, 3, 3, 0, 4, 2, 1, 0, 1};
    struct transcript *t = transcript_load("1.3-aes128-gcm");
    const struct piece *first = g_ptr_array_index(t->pieces, 0);
    struct outcome *o = outcome_new();
    struct imapid_tls_handler handler = outcome_handler(o);
    struct imapid_tls *tls = imapid_tls_new(&handler, NULL, 0);

    feed(tls, 0, first->octets->data, first->octets->len, 1);
    feed(tls, 1, record, sizeof record, 2);
    outcome_take(o, tls);
    g_assert_cmpint(o->info.stopped[1], ==, IMAPID_TLS_TOO_LONG);
    transcript_free(t);
    outcome_free(o);
}

static void test_recognise(void)
{
    FOR_ALL(t)
    {
        bool seen[2] = {false, false};

        for (guint i = 0; i < t->pieces->len; i++) {
            const struct piece *piece = g_ptr_array_index(t->pieces, i);

            if (seen[piece->dir])
                continue;
            seen[piece->dir] = true;
            for (size_t n = 0; n < 11 && n < piece->octets->len; n++) {
                enum imapid_tls_guess guess = imapid_tls_recognise(piece->octets->data, n);

                g_assert_true(guess == IMAPID_TLS_SHORT || (n >= 5 && guess == IMAPID_TLS_RECORD));
            }
            if (piece->octets->data[0] == 22)
                g_assert_cmpint(imapid_tls_recognise(piece->octets->data, piece->octets->len), ==,
                                IMAPID_TLS_HELLO);
        }
    }
    g_assert_cmpint(imapid_tls_recognise((const uint8_t *)"* OK", 4), ==, IMAPID_TLS_NOT);
    g_assert_cmpint(imapid_tls_recognise((const uint8_t *)"a1 CAPABILITY", 13), ==, IMAPID_TLS_NOT);
    g_assert_cmpint(imapid_tls_recognise((const uint8_t *)"\x17\x03\x03\x00\x20\x00", 6), ==,
                    IMAPID_TLS_RECORD);
    g_assert_cmpint(imapid_tls_recognise((const uint8_t *)"\x17\x03\x03\xff\x20\x00", 6), ==,
                    IMAPID_TLS_NOT);
}

int main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    all = transcripts_load();
    g_test_add_func("/tls/sessions", test_sessions);
    g_test_add_func("/tls/no-keys", test_no_keys);
    g_test_add_func("/tls/wrong-keys", test_wrong_keys);
    g_test_add_func("/tls/many-wrong-keys", test_many_wrong_keys);
    g_test_add_func("/tls/no-handshake-secrets", test_no_handshake_secrets);
    g_test_add_func("/tls/late-keys", test_late_keys);
    g_test_add_func("/tls/trickling-keys", test_trickling_keys);
    g_test_add_func("/tls/no-early-secret", test_no_early_secret);
    g_test_add_func("/tls/hold-limit", test_hold_limit);
    g_test_add_func("/tls/flipped", test_flipped);
    g_test_add_func("/tls/holes", test_holes);
    g_test_add_func("/tls/truncated", test_truncated);
    g_test_add_func("/tls/middle", test_middle);
    g_test_add_func("/tls/one-way", test_one_way);
    g_test_add_func("/tls/hello-alone", test_hello_alone);
    g_test_add_func("/tls/long-hole", test_long_hole);
    g_test_add_func("/tls/renegotiation-holes", test_renegotiation_holes);
    g_test_add_func("/tls/no-tls", test_no_tls);
    g_test_add_func("/tls/long-hello", test_long_hello);
    g_test_add_func("/tls/recognise", test_recognise);
    result = g_test_run();
    g_ptr_array_free(all, TRUE);
    return result;
}
