/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keylog-line.c: what one line of a key log says.
 *
 * Refuses what has not the words and lengths that its label asks for. Nothing is kept.
 *
 * Misuse: not wiping what was read. */
#include "tls/keylog-line.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* The longest secret with zeros behind it: EVP_MAX_MD_SIZE of OpenSSL. */
#define PADDED_MAX 64

static const struct {
    const char *label;
    enum imapid_secret_kind kind;
} labels[] = {
    {"CLIENT_RANDOM", IMAPID_SECRET_MASTER},
    {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", IMAPID_SECRET_CLIENT_HANDSHAKE},
    {"SERVER_HANDSHAKE_TRAFFIC_SECRET", IMAPID_SECRET_SERVER_HANDSHAKE},
    {"CLIENT_TRAFFIC_SECRET_0", IMAPID_SECRET_CLIENT_TRAFFIC},
    {"SERVER_TRAFFIC_SECRET_0", IMAPID_SECRET_SERVER_TRAFFIC},
    {"CLIENT_EARLY_TRAFFIC_SECRET", IMAPID_SECRET_CLIENT_EARLY},
};

static const struct {
    const char *label;
    enum imapid_long_kind kind;
} long_labels[] = {
    {"PMS_CLIENT_RANDOM", IMAPID_LONG_PREMASTER},
    {"ECH_SECRET", IMAPID_LONG_ECH_SECRET},
    {"ECH_CONFIG", IMAPID_LONG_ECH_CONFIG},
};

const char *imapid_keylog_line_label(enum imapid_secret_kind kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(labels); i++)
        if (labels[i].kind == kind)
            return labels[i].label;
    return NULL;
}

const char *imapid_keylog_line_long_label(enum imapid_long_kind kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(long_labels); i++)
        if (long_labels[i].kind == kind)
            return long_labels[i].label;
    return NULL;
}

/* Known, and of no use to read application data. */
static const char *const useless[] = {
    "EARLY_EXPORTER_SECRET",
    "EARLY_EXPORTER_MASTER_SECRET",
    "EXPORTER_SECRET",
};

/* The value of a hexadecimal digit, with DIGIT; 0 for anything else. */
#define DIGIT 0x10
static const uint8_t digits[256] = {
    ['0'] = DIGIT | 0,  ['1'] = DIGIT | 1,  ['2'] = DIGIT | 2,  ['3'] = DIGIT | 3,
    ['4'] = DIGIT | 4,  ['5'] = DIGIT | 5,  ['6'] = DIGIT | 6,  ['7'] = DIGIT | 7,
    ['8'] = DIGIT | 8,  ['9'] = DIGIT | 9,  ['a'] = DIGIT | 10, ['b'] = DIGIT | 11,
    ['c'] = DIGIT | 12, ['d'] = DIGIT | 13, ['e'] = DIGIT | 14, ['f'] = DIGIT | 15,
    ['A'] = DIGIT | 10, ['B'] = DIGIT | 11, ['C'] = DIGIT | 12, ['D'] = DIGIT | 13,
    ['E'] = DIGIT | 14, ['F'] = DIGIT | 15,
};

bool imapid_keylog_unhex(const uint8_t *at, size_t n, uint8_t *out)
{
    unsigned all = DIGIT;

    for (size_t i = 0; i < n; i++) {
        unsigned high = digits[at[2 * i]], low = digits[at[2 * i + 1]];

        all &= high & low;
        out[i] = (uint8_t)(high << 4 | (low & 15));
    }
    return all != 0;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* The next word of a line: octets up to a blank. */
static size_t next_word(const uint8_t **at, const uint8_t *end, const uint8_t **word)
{
    const uint8_t *p = *at;

    while (p < end && is_blank(*p))
        p++;
    *word = p;
    while (p < end && !is_blank(*p))
        p++;
    *at = p;
    return (size_t)(p - *word);
}

static bool is_word(const uint8_t *word, size_t n, const char *text)
{
    return n == strlen(text) && memcmp(word, text, n) == 0;
}

/* The label's name; NULL: it is not known. */
static const char *find_useless(const uint8_t *word, size_t n)
{
    static const char numbered[] = "_TRAFFIC_SECRET_";

    for (size_t i = 0; i < G_N_ELEMENTS(useless); i++)
        if (is_word(word, n, useless[i]))
            return useless[i];
    /* CLIENT_TRAFFIC_SECRET_1 and so on: what follows of _0. */
    if (n > 6 + sizeof numbered - 1 &&
        (memcmp(word, "CLIENT", 6) == 0 || memcmp(word, "SERVER", 6) == 0) &&
        memcmp(word + 6, numbered, sizeof numbered - 1) == 0)
        return "TRAFFIC_SECRET_N";
    return NULL;
}

/* -1: none of use. */
static int find_label(const uint8_t *word, size_t n)
{
    for (size_t i = 0; i < G_N_ELEMENTS(labels); i++)
        if (is_word(word, n, labels[i].label))
            return (int)labels[i].kind;
    return -1;
}

static bool is_length_of(enum imapid_secret_kind kind, size_t n)
{
    return n == 48 || (n == 32 && kind != IMAPID_SECRET_MASTER && kind != IMAPID_SECRET_SESSION);
}

/* Some tools write the whole buffer of a secret, zeros behind it included (eCapture: 64 octets). */
static bool may_be_padded(size_t n)
{
    return n > IMAPID_TLS_SECRET_LEAST && n <= PADDED_MAX;
}

static bool is_zero(const uint8_t *octets, size_t n)
{
    unsigned any = 0;

    for (size_t i = 0; i < n; i++)
        any |= octets[i];
    return !any;
}

/* The octets of a secret without zeros that stand behind it; 0 where it has no length of its kind.
 */
static size_t unpadded_length(enum imapid_secret_kind kind, const uint8_t *octets, size_t n)
{
    static const size_t lengths[] = {IMAPID_TLS_SECRET_LEAST, IMAPID_TLS_SECRET_MAX};

    if (is_length_of(kind, n))
        return n;
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++)
        if (is_length_of(kind, lengths[i]) && n > lengths[i] &&
            is_zero(octets + lengths[i], n - lengths[i]))
            return lengths[i];
    return 0;
}

/* Finds the two words behind a label; false when they have not the right lengths, or are not all.
 * *n is that of the secret in octets. */
static bool find_words(const uint8_t *at, const uint8_t *end, enum imapid_secret_kind kind,
                       const uint8_t **random, const uint8_t **secret, size_t *n)
{
    const size_t n_random = 2 * IMAPID_TLS_RANDOM;
    const uint8_t *rest;
    size_t n_secret = (size_t)(end - at);

    /* Nearly all lines have single blanks and nothing else, and then need not be searched: a
     * blank among the digits is noticed as no digit. */
    if (n_secret > n_random + 2 && is_blank(at[0]) && is_blank(at[1 + n_random]) &&
        is_length_of(kind, (n_secret - n_random - 2) / 2) && n_secret % 2 == 0 &&
        !is_blank(end[-1]) && !is_blank(at[1]) && !is_blank(at[2 + n_random])) {
        *random = at + 1;
        *secret = at + 2 + n_random;
        *n = (n_secret - n_random - 2) / 2;
        return true;
    }
    if (next_word(&at, end, random) != n_random)
        return false;
    n_secret = next_word(&at, end, secret);
    *n = n_secret / 2;
    return n_secret % 2 == 0 && (is_length_of(kind, *n) || may_be_padded(*n)) &&
           !next_word(&at, end, &rest);
}

/* What follows of a label. */
static enum imapid_keylog_sort read_words(const uint8_t *at, const uint8_t *end,
                                          struct imapid_keylog_line *line)
{
    const uint8_t *key_hex, *secret_hex;
    uint8_t octets[PADDED_MAX];
    enum imapid_keylog_sort sort = IMAPID_KEYLOG_SECRET;
    size_t n, n_secret;

    if (!find_words(at, end, line->kind, &key_hex, &secret_hex, &n))
        return IMAPID_KEYLOG_LENGTH;
    if (!imapid_keylog_unhex(key_hex, IMAPID_TLS_RANDOM, line->key) ||
        !imapid_keylog_unhex(secret_hex, n, octets)) {
        sort = IMAPID_KEYLOG_NOT_HEX;
    } else if (!(n_secret = unpadded_length(line->kind, octets, n))) {
        sort = IMAPID_KEYLOG_LENGTH;
    } else {
        line->secret.n = (uint8_t)n_secret;
        memcpy(line->secret.octets, octets, n_secret);
    }
    explicit_bzero(octets, sizeof octets);
    return sort;
}

/* The word behind a label that is part of it ("Session-ID:"), or NULL. *n are its octets. */
static const uint8_t *next_value(const uint8_t **at, const uint8_t *end, const char *label,
                                 size_t *n)
{
    const uint8_t *word;
    size_t n_label = strlen(label);

    *n = next_word(at, end, &word);
    if (*n < n_label || memcmp(word, label, n_label) != 0)
        return NULL;
    *n -= n_label;
    return word + n_label;
}

/* What a long secret is found by, `n_key` octets, and the secret. */
static enum imapid_keylog_sort read_long(const uint8_t *at, const uint8_t *end,
                                         enum imapid_long_kind kind, size_t n_key,
                                         struct imapid_keylog_line *line)
{
    const uint8_t *key, *rest;
    uint8_t octet;

    if (next_word(&at, end, &key) != 2 * n_key)
        return IMAPID_KEYLOG_LENGTH;
    line->long_kind = kind;
    line->n_long = next_word(&at, end, &line->digits) / 2;
    if (!line->n_long || line->n_long > IMAPID_TLS_LONG_MAX || (size_t)(at - line->digits) % 2 ||
        next_word(&at, end, &rest))
        return IMAPID_KEYLOG_LENGTH;
    memset(line->key, 0, sizeof line->key);
    if (!imapid_keylog_unhex(key, n_key, line->key))
        return IMAPID_KEYLOG_NOT_HEX;
    for (size_t i = 0; i < line->n_long; i++)
        if (!imapid_keylog_unhex(line->digits + 2 * i, 1, &octet))
            return IMAPID_KEYLOG_NOT_HEX;
    return IMAPID_KEYLOG_LONG;
}

/* Behind "RSA": "Session-ID:… Master-Key:…", as Java's tools write it, or a premaster secret. */
static enum imapid_keylog_sort read_session(const uint8_t *at, const uint8_t *end,
                                            struct imapid_keylog_line *line)
{
    const uint8_t *start = at;
    size_t n_id, n_master, n_rest;
    const uint8_t *id = next_value(&at, end, "Session-ID:", &n_id), *master, *rest;
    uint8_t octets[IMAPID_TLS_RANDOM];

    if (!id)
        return read_long(start, end, IMAPID_LONG_PREMASTER, IMAPID_TLS_EXCHANGE_KEY, line);
    master = next_value(&at, end, "Master-Key:", &n_master);
    n_rest = next_word(&at, end, &rest);
    if (!n_id || n_id % 2 || n_id > 2 * sizeof octets || !master ||
        n_master != 2 * IMAPID_TLS_SECRET_MAX || n_rest)
        return IMAPID_KEYLOG_LENGTH;
    if (!imapid_keylog_unhex(id, n_id / 2, octets) ||
        !imapid_keylog_unhex(master, IMAPID_TLS_SECRET_MAX, line->secret.octets))
        return IMAPID_KEYLOG_NOT_HEX;
    line->kind = IMAPID_SECRET_SESSION;
    line->secret.n = IMAPID_TLS_SECRET_MAX;
    imapid_keylog_session_key(octets, n_id / 2, line->key);
    return IMAPID_KEYLOG_SECRET;
}

enum imapid_keylog_sort imapid_keylog_line_read(struct imapid_keylog_line *line,
                                                const uint8_t *octets, size_t n)
{
    const uint8_t *at = octets, *end = octets + n, *label;
    size_t n_label = next_word(&at, end, &label);
    int kind;

    if (!n_label || *label == '#')
        return IMAPID_KEYLOG_COMMENT;
    if (is_word(label, n_label, "RSA"))
        return read_session(at, end, line);
    for (size_t i = 0; i < G_N_ELEMENTS(long_labels); i++)
        if (is_word(label, n_label, long_labels[i].label))
            return read_long(at, end, long_labels[i].kind, IMAPID_TLS_RANDOM, line);
    kind = find_label(label, n_label);
    if (kind >= 0) {
        line->kind = (enum imapid_secret_kind)kind;
        return read_words(at, end, line);
    }
    line->label = find_useless(label, n_label);
    return line->label ? IMAPID_KEYLOG_IGNORED : IMAPID_KEYLOG_UNKNOWN;
}

void imapid_keylog_session_key(const uint8_t *id, size_t n, uint8_t key[IMAPID_TLS_RANDOM])
{
    memset(key, 0, IMAPID_TLS_RANDOM);
    memcpy(key, id, n);
}
