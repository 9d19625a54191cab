/* SPDX-License-Identifier: GPL-2.0-or-later */
/* search.c: looks for many patterns at once, by the first octets of each, which a filter of bits and then
 * a table know.
 *
 * Refuses to answer over its budget. Misuse: taking that for a "none". */
#include "scrub/search.h"

#include "scrub/words.h"

#include <glib.h>
#include <imapid/octets.h>
#include <string.h>

#define HEAD           IMAPID_SEARCH_MIN
#define FILTER         (1u << 18)
#define OVERHEAD       512 /* of a value's patterns, beside their octets */
#define ALLOWED_MAX    64
#define ALLOWED_OCTETS 256
#define SAME_HEADS                                                                                 \
    32 /* past this many the head alone is looked for: too much is found, not too little */

struct pattern {
    struct pattern *next; /* of the same head */
    size_t n;
    bool any_case;
    uint8_t octets[];
};

struct imapid_search {
    size_t budget, n_patterns;
    bool is_over;
    GHashTable *values, *allowed, *learned; /* of GBytes; words in small letters */
    GHashTable *heads;                      /* of gint64 to struct pattern */
    uint8_t filter[FILTER / 8];
};

static void free_patterns(gpointer data)
{
    for (struct pattern *pattern = data, *next; pattern; pattern = next) {
        next = pattern->next;
        g_free(pattern);
    }
}

static GHashTable *new_set(void)
{
    return g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
}

struct imapid_search *imapid_search_new(size_t budget)
{
    struct imapid_search *search = g_new0(struct imapid_search, 1);

    search->budget = budget;
    search->values = new_set();
    search->allowed = new_set();
    search->learned = new_set();
    search->heads = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_patterns);
    return search;
}

void imapid_search_free(struct imapid_search *search)
{
    if (!search)
        return;
    g_hash_table_destroy(search->values);
    g_hash_table_destroy(search->allowed);
    g_hash_table_destroy(search->learned);
    g_hash_table_destroy(search->heads);
    g_free(search);
}

static GBytes *fold(const uint8_t *octets, size_t n)
{
    return g_bytes_new_take(g_ascii_strdown((const char *)octets, (gssize)n), n);
}

static void put(struct imapid_search *search, GHashTable *set, GBytes *bytes)
{
    size_t n = g_bytes_get_size(bytes) * 12 + OVERHEAD;

    if (g_hash_table_contains(set, bytes)) {
        g_bytes_unref(bytes);
        return;
    }
    if (search->is_over || n > search->budget) {
        search->is_over = true;
        g_bytes_unref(bytes);
        return;
    }
    search->budget -= n;
    g_hash_table_add(set, bytes);
}

/* g_ascii_strdown() stops at a NUL. */
static bool is_text(const uint8_t *octets, size_t n)
{
    return !memchr(octets, 0, n);
}

/* Is there a word that stays nowhere, or a long number? What has none is found everywhere: where a quote
 * is lost, what stands between two strings is read for one. */
static bool has_own_word(const uint8_t *value, size_t n)
{
    for (size_t at = 0, end; at < n; at = end) {
        bool is_number = true;

        for (end = at; end < n && (imapid_is_alpha(value[end]) || imapid_is_digit(value[end]) ||
                                   value[end] >= 0x80 || value[end] < ' ');
             end++)
            is_number &= imapid_is_digit(value[end]);
        if (end > at && (is_number ? end - at >= IMAPID_SEARCH_MIN
                                   : end - at > 2 && !imapid_words_has(IMAPID_WORDS_TEXT,
                                                                       value + at, end - at)))
            return true;
        end += end == at;
    }
    return false;
}

void imapid_search_add(struct imapid_search *search, const uint8_t *value, size_t n)
{
    /* NUL and ^A stay where they are, and are found everywhere. */
    while (n && value[0] <= 1) {
        value++;
        n--;
    }
    while (n && value[n - 1] <= 1)
        n--;
    if (n >= IMAPID_SEARCH_MIN && has_own_word(value, n) && !imapid_words_hold(value, n))
        put(search, search->values, g_bytes_new(value, n));
}

void imapid_search_allow(struct imapid_search *search, const uint8_t *octets, size_t n)
{
    if (n && n <= ALLOWED_OCTETS && is_text(octets, n) &&
        g_hash_table_size(search->allowed) < ALLOWED_MAX)
        put(search, search->allowed, fold(octets, n));
}

void imapid_search_learn(struct imapid_search *search, const uint8_t *word, size_t n)
{
    if (n > 2 && is_text(word, n))
        put(search, search->learned, fold(word, n));
}

static bool contains(GHashTable *set, const uint8_t *word, size_t n)
{
    GBytes *bytes;
    bool found;

    if (!n || !is_text(word, n))
        return false;
    bytes = fold(word, n);
    found = g_hash_table_contains(set, bytes);
    g_bytes_unref(bytes);
    return found;
}

bool imapid_search_has_learned(const struct imapid_search *search, const uint8_t *word, size_t n)
{
    return contains(search->learned, word, n);
}

size_t imapid_search_count(const struct imapid_search *search)
{
    return g_hash_table_size(search->values);
}

bool imapid_search_is_over(const struct imapid_search *search)
{
    return search->is_over;
}

/* ---- patterns ---- */

static gint64 get_head(const uint8_t *octets)
{
    uint64_t head = 0;

    for (unsigned i = 0; i < HEAD; i++)
        head = head << 8 | (uint8_t)g_ascii_tolower((gchar)octets[i]);
    return (gint64)head;
}

static uint32_t get_bit(gint64 head)
{
    return (uint32_t)(((uint64_t)head * UINT64_C(0x9e3779b97f4a7c15)) >> 46) % FILTER;
}

static void add_pattern(struct imapid_search *search, const uint8_t *octets, size_t n,
                        bool any_case)
{
    struct pattern *pattern, *first;
    unsigned n_same = 0;
    uint32_t bit;
    gint64 head;

    if (n < HEAD)
        return;
    head = get_head(octets);
    bit = get_bit(head);
    search->filter[bit / 8] |= (uint8_t)(1u << bit % 8);
    first = g_hash_table_lookup(search->heads, &head);
    for (pattern = first; pattern; pattern = pattern->next)
        n_same++;
    if (n_same == SAME_HEADS) {
        n = HEAD;
        any_case = true;
    } else if (n_same > SAME_HEADS) {
        return;
    }
    pattern = g_malloc(sizeof *pattern + n);
    pattern->next = NULL;
    pattern->n = n;
    pattern->any_case = any_case;
    memcpy(pattern->octets, octets, n);
    if (first) {
        pattern->next = first->next;
        first->next = pattern;
    } else {
        g_hash_table_insert(search->heads, g_memdup2(&head, sizeof head), pattern);
    }
}

/* The characters that these octets alone decide, wherever they stand in what is encoded. */
static void add_base64(struct imapid_search *search, const uint8_t *octets, size_t n)
{
    uint8_t *shifted = g_malloc0(n + 2);

    for (size_t offset = 0; offset < 3; offset++) {
        size_t start = (offset * 8 + 5) / 6, end = (offset + n) * 8 / 6;
        char *text;

        memset(shifted, 0, 2);
        memcpy(shifted + offset, octets, n);
        text = g_base64_encode(shifted, offset + n);
        add_pattern(search, (const uint8_t *)text + start, end - start, false);
        g_free(text);
    }
    g_free(shifted);
}

/* Runs of what is not ASCII become "&", base64 with "," for "/", "-". */
static void add_utf7(struct imapid_search *search, const uint8_t *octets, size_t n)
{
    GString *out = g_string_new(NULL);

    for (size_t at = 0, end; at < n; at = end) {
        gsize n_wide;
        char *wide, *text;

        for (end = at; end < n && octets[end] >= 0x80; end++)
            ;
        if (end == at) {
            g_string_append_c(out, (char)octets[end++]);
            continue;
        }
        wide = g_convert((const char *)octets + at, (gssize)(end - at), "UTF-16BE", "UTF-8", NULL,
                         &n_wide, NULL);
        text = wide ? g_base64_encode((const guchar *)wide, n_wide) : g_strdup("");
        for (char *c = text; *c && *c != '='; c++)
            if (*c == '/')
                *c = ',';
        g_string_append_printf(out, "&%.*s-", (int)strcspn(text, "="), text);
        g_free(wide);
        g_free(text);
    }
    add_pattern(search, (const uint8_t *)out->str, out->len, true);
    g_string_free(out, TRUE);
}

static void add_utf16(struct imapid_search *search, const uint8_t *octets, size_t n, const char *to)
{
    gsize n_wide;
    char *wide = g_convert((const char *)octets, (gssize)n, to, "UTF-8", NULL, &n_wide, NULL);

    if (wide) {
        add_pattern(search, (const uint8_t *)wide, n_wide, true);
        add_base64(search, (const uint8_t *)wide, n_wide);
    }
    g_free(wide);
}

static bool is_ascii(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (octets[i] >= 0x80)
            return false;
    return true;
}

static bool is_allowed(const struct imapid_search *search, const uint8_t *octets, size_t n)
{
    GHashTableIter iter;
    gpointer allowed;

    g_hash_table_iter_init(&iter, search->allowed);
    while (g_hash_table_iter_next(&iter, &allowed, NULL)) {
        gsize n_allowed;
        const uint8_t *text = g_bytes_get_data(allowed, &n_allowed);

        for (gsize at = 0; at + n <= n_allowed; at++)
            if (imapid_octets_same(text + at, n, octets, n))
                return true;
    }
    return false;
}

static void build(struct imapid_search *search)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_remove_all(search->heads);
    memset(search->filter, 0, sizeof search->filter);
    g_hash_table_iter_init(&iter, search->values);
    while (g_hash_table_iter_next(&iter, &value, NULL)) {
        gsize n;
        const uint8_t *octets = g_bytes_get_data(value, &n);

        if (is_allowed(search, octets, n))
            continue;
        add_pattern(search, octets, n, true);
        add_base64(search, octets, n);
        if (!imapid_octets_are_utf8(octets, n))
            continue;
        add_utf16(search, octets, n, "UTF-16LE");
        add_utf16(search, octets, n, "UTF-16BE");
        if (!is_ascii(octets, n))
            add_utf7(search, octets, n);
    }
}

static bool stands(const struct pattern *pattern, const uint8_t *octets, size_t n)
{
    if (pattern->n > n)
        return false;
    return pattern->any_case ? imapid_octets_same(octets, pattern->n, pattern->octets, pattern->n)
                             : !memcmp(octets, pattern->octets, pattern->n);
}

bool imapid_search_is_clean(struct imapid_search *search, const uint8_t *octets, size_t n,
                            size_t *at)
{
    *at = n;
    if (search->is_over)
        return false;
    if (search->n_patterns != g_hash_table_size(search->values) + 1) {
        build(search);
        search->n_patterns = g_hash_table_size(search->values) + 1;
    }
    for (size_t i = 0; i + HEAD <= n; i++) {
        gint64 head = get_head(octets + i);
        uint32_t bit = get_bit(head);

        if (!(search->filter[bit / 8] & 1u << bit % 8))
            continue;
        for (const struct pattern *pattern = g_hash_table_lookup(search->heads, &head); pattern;
             pattern = pattern->next)
            if (stands(pattern, octets + i, n - i)) {
                *at = i;
                return false;
            }
    }
    return true;
}
