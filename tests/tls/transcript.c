/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transcript.c: reads the transcripts and plays them. The format is described in
 * transcripts/make.py. Misuse: a file that make.py did not write ends the test. */
#include "transcript.h"

#include "tls/suites.h"

#include <string.h>

static GByteArray *from_hex(const char *text)
{
    GByteArray *octets = g_byte_array_new();

    for (; g_ascii_isxdigit(text[0]) && g_ascii_isxdigit(text[1]); text += 2) {
        guint8 octet = (guint8)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));

        g_byte_array_append(octets, &octet, 1);
    }
    g_assert_cmpint(*text, ==, 0);
    return octets;
}

static void add_piece(struct transcript *transcript, int dir, GByteArray *octets)
{
    struct piece *piece = g_new(struct piece, 1);

    piece->dir = dir;
    piece->octets = octets;
    g_ptr_array_add(transcript->pieces, piece);
}

static void free_piece(gpointer data)
{
    struct piece *piece = data;

    g_byte_array_free(piece->octets, TRUE);
    g_free(piece);
}

static struct transcript *transcript_new(const char *name)
{
    struct transcript *transcript = g_new0(struct transcript, 1);

    transcript->name = g_strdup(name);
    transcript->keys = g_string_new(NULL);
    transcript->pieces = g_ptr_array_new_with_free_func(free_piece);
    transcript->said[0] = g_string_new(NULL);
    transcript->said[1] = g_string_new(NULL);
    transcript->expect = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return transcript;
}

static void read_line(struct transcript *transcript, const char *line)
{
    if (g_str_has_prefix(line, "key ")) {
        g_string_append_printf(transcript->keys, "%s\n", line + 4);
    } else if (line[0] == '>' || line[0] == '<') {
        add_piece(transcript, line[0] == '<', from_hex(line + 2));
    } else if (g_str_has_prefix(line, "say")) {
        char *text = g_strcompress(line + 5);

        g_string_append(transcript->said[line[3] == '<'], text);
        g_free(text);
    } else if (g_str_has_prefix(line, "expect ")) {
        char **words = g_strsplit(line + 7, " ", 2);

        g_hash_table_insert(transcript->expect, g_strdup(words[0]), g_strdup(words[1]));
        g_strfreev(words);
    } else {
        g_assert_true(line[0] == '#' || line[0] == 0);
    }
}

struct transcript *transcript_load(const char *name)
{
    char *path = g_strdup_printf("%s/%s.tls", TRANSCRIPTS, name), *text;
    struct transcript *transcript = transcript_new(name);
    char **lines;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        read_line(transcript, *line);
    g_strfreev(lines);
    g_free(text);
    g_free(path);
    return transcript;
}

static gint compare(gconstpointer a, gconstpointer b)
{
    const struct transcript *const *left = a, *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

GPtrArray *transcripts_load(void)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)transcript_free);
    GDir *dir = g_dir_open(TRANSCRIPTS, 0, NULL);
    const char *file;

    g_assert_nonnull(dir);
    while ((file = g_dir_read_name(dir)))
        if (g_str_has_suffix(file, ".tls")) {
            char *name = g_strndup(file, strlen(file) - 4);

            g_ptr_array_add(all, transcript_load(name));
            g_free(name);
        }
    g_dir_close(dir);
    g_ptr_array_sort(all, compare);
    g_assert_cmpuint(all->len, >, 40);
    return all;
}

void transcript_free(struct transcript *transcript)
{
    g_free(transcript->name);
    g_string_free(transcript->keys, TRUE);
    g_ptr_array_free(transcript->pieces, TRUE);
    g_string_free(transcript->said[0], TRUE);
    g_string_free(transcript->said[1], TRUE);
    g_hash_table_unref(transcript->expect);
    g_free(transcript);
}

struct transcript *transcript_join(const struct transcript *transcript)
{
    struct transcript *joined = transcript_new(transcript->name);
    struct piece *last = NULL;

    g_string_assign(joined->keys, transcript->keys->str);
    for (guint i = 0; i < transcript->pieces->len; i++) {
        const struct piece *piece = g_ptr_array_index(transcript->pieces, i);

        if (!last || last->dir != piece->dir) {
            add_piece(joined, piece->dir, g_byte_array_new());
            last = g_ptr_array_index(joined->pieces, joined->pieces->len - 1);
        }
        g_byte_array_append(last->octets, piece->octets->data, piece->octets->len);
    }
    return joined;
}

/* Of a suite that some versions of libgcrypt have, and others not, it is said what comes out with
 * either. */
static bool is_held(const struct transcript *transcript)
{
    const char *name = g_hash_table_lookup(transcript->expect, "suite");
    const struct imapid_suite *suite;

    for (size_t i = 0; name && (suite = imapid_suites_get(i)); i++)
        if (strcmp(suite->name, name) == 0)
            return imapid_suites_is_held(suite);
    return false;
}

const char *transcript_expects(const struct transcript *transcript, const char *word)
{
    if (strcmp(word, "reason") == 0 && is_held(transcript))
        return NULL;
    return g_hash_table_lookup(transcript->expect, word);
}

struct imapid_keylog *transcript_keylog(const struct transcript *transcript)
{
    struct imapid_keylog *keylog = imapid_keylog_new();

    imapid_keylog_add(keylog, (const uint8_t *)transcript->keys->str, transcript->keys->len);
    return keylog;
}

/* ---- outcome ---- */

static void on_data(void *ctx, int dir, const uint8_t *octets, size_t n,
                    const struct imapid_stamp *stamp)
{
    struct outcome *outcome = ctx;

    g_assert_cmpuint(n, >, 0);
    g_assert_cmpuint(stamp->number, >=, outcome->last_stamp);
    outcome->last_stamp = stamp->number;
    g_ptr_array_add(outcome->data[dir], g_string_new_len((const char *)octets, (gssize)n));
    g_string_append_len(outcome->all[dir], (const char *)octets, (gssize)n);
}

static void on_gap(void *ctx, int dir, const struct imapid_stamp *stamp)
{
    struct outcome *outcome = ctx;

    g_assert_nonnull(stamp);
    outcome->n_gaps[dir]++;
}

static void on_event(void *ctx, enum imapid_tls_event event, int dir,
                     const struct imapid_stamp *stamp)
{
    struct outcome *outcome = ctx;

    (void)stamp;
    switch (event) {
    case IMAPID_TLS_CLIENT_HELLO:
    case IMAPID_TLS_SERVER_HELLO:
        outcome->n_hellos++;
        break;
    case IMAPID_TLS_READABLE:
        outcome->n_readable[dir]++;
        break;
    case IMAPID_TLS_CLOSED:
        outcome->n_closed[dir]++;
        break;
    case IMAPID_TLS_STOPPED:
        outcome->n_stopped[dir]++;
        break;
    }
}

static void free_string(gpointer string)
{
    g_string_free(string, TRUE);
}

struct outcome *outcome_new(void)
{
    struct outcome *outcome = g_new0(struct outcome, 1);

    for (int dir = 0; dir < 2; dir++) {
        outcome->data[dir] = g_ptr_array_new_with_free_func(free_string);
        outcome->all[dir] = g_string_new(NULL);
    }
    outcome->names = g_string_new(NULL);
    return outcome;
}

void outcome_free(struct outcome *outcome)
{
    for (int dir = 0; dir < 2; dir++) {
        g_ptr_array_free(outcome->data[dir], TRUE);
        g_string_free(outcome->all[dir], TRUE);
    }
    g_string_free(outcome->names, TRUE);
    g_free(outcome);
}

struct imapid_tls_handler outcome_handler(struct outcome *outcome)
{
    return (struct imapid_tls_handler){on_data, on_gap, on_event, outcome};
}

void outcome_take(struct outcome *outcome, struct imapid_tls *tls)
{
    const struct imapid_tls_info *info = imapid_tls_get_info(tls);

    imapid_tls_finish(tls);
    outcome->info = *info;
    outcome->reason = imapid_tls_get_reason(tls, 0);
    g_string_append_len(outcome->names, (const char *)info->server_name, info->n_server_name);
    g_string_append_c(outcome->names, '/');
    g_string_append_len(outcome->names, (const char *)info->alpn, info->n_alpn);
    for (int dir = 0; dir < 2; dir++) {
        g_assert_cmpuint(outcome->n_stopped[dir], ==, info->stopped[dir] != IMAPID_TLS_OK);
        g_assert_cmpuint(outcome->n_closed[dir], ==, info->closed[dir]);
        g_assert_cmpuint(outcome->n_readable[dir], ==, info->readable[dir]);
        g_assert_cmpuint(outcome->n_gaps[dir], ==, info->n_gaps[dir]);
        g_assert_cmpuint(outcome->all[dir]->len, ==, info->n_octets[dir]);
    }
    imapid_tls_free(tls);
}

void feed(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n, uint64_t number)
{
    struct imapid_stamp stamp = {number, (int64_t)number * 1000};
    uint8_t *copy = g_malloc(n);

    memcpy(copy, octets, n);
    imapid_tls_data(tls, dir, copy, n, &stamp);
    g_free(copy);
}

struct outcome *transcript_run(const struct transcript *transcript, struct imapid_keylog *keylog,
                               size_t n_chunk)
{
    struct outcome *outcome = outcome_new();
    struct imapid_tls_handler handler = outcome_handler(outcome);
    struct imapid_tls *tls = imapid_tls_new(&handler, keylog, 0);
    uint64_t number = 0;

    for (guint i = 0; i < transcript->pieces->len; i++) {
        const struct piece *piece = g_ptr_array_index(transcript->pieces, i);
        size_t n = piece->octets->len, n_step = n_chunk ? n_chunk : n;

        for (size_t at = 0; at < n; at += n_step)
            feed(tls, piece->dir, piece->octets->data + at, MIN(n_step, n - at), ++number);
    }
    outcome_take(outcome, tls);
    return outcome;
}
