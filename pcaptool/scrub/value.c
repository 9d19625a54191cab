/* SPDX-License-Identifier: GPL-2.0-or-later */
/* value.c: what stays of one value. The rule says what stays; all else is masked.
 *
 * Refuses nothing.
 *
 * Misuse: masking before all of the session was learned. A text may name what comes later. */
#include "scrub/value.h"

#include <imapid/octets.h>
#include <string.h>

static bool is_word_char(uint8_t c)
{
    return imapid_is_alpha(c) || imapid_is_digit(c) || c >= 0x80;
}

static size_t find_word_end(const uint8_t *octets, size_t n, size_t at)
{
    while (at < n && is_word_char(octets[at]))
        at++;
    return at;
}

static bool is_number(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!imapid_is_digit(octets[i]))
            return false;
    return n > 0;
}

/* The digits of a number of 32 bits. */
#define N_DIGITS 10

/* A word that goes. A number inside a value may stay elsewhere: as UIDVALIDITY, which is a time as are numbers in the
 * identifiers of sessions. */
static void take_word(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    if (hand->is_learning) {
        if (n > N_DIGITS || !is_number(octets, n))
            imapid_search_add(hand->search, octets, n);
    } else {
        imapid_mask_word(hand->mask, octets, n);
    }
}

/* True if one went. */
static bool take_words(struct imapid_hand *hand, uint8_t *octets, size_t n, enum imapid_words words)
{
    bool any = false;

    for (size_t at = 0, end; at < n; at = end) {
        end = find_word_end(octets, n, at);
        if (end == at) {
            end++;
        } else if (!imapid_words_has(words, octets + at, end - at)) {
            take_word(hand, octets + at, end - at);
            any = true;
        }
    }
    return any;
}

const char *imapid_masked_phrase(enum imapid_masked place)
{
    static const char *const phrases[] = {
        [IMAPID_MASKED_ID] = "values in ID lists",
        [IMAPID_MASKED_NAME] = "names of users",
        [IMAPID_MASKED_SECRET] = "passwords, tokens and parts of logins",
        [IMAPID_MASKED_MAILBOX] = "names of mailboxes",
        [IMAPID_MASKED_TEXT] = "words in texts of the server",
        [IMAPID_MASKED_MESSAGE] = "messages or parts of them",
        [IMAPID_MASKED_OTHER] = "other arguments",
        [IMAPID_MASKED_UNREADABLE] = "parts that cannot be read",
    };

    return phrases[place];
}

static void count(struct imapid_hand *hand, enum imapid_masked place)
{
    hand->n_masked[hand->is_id ? IMAPID_MASKED_ID : place] += !hand->is_learning;
}

/* The whole of a value is looked for, too, where something of it went. */
static void end_value(struct imapid_hand *hand, const uint8_t *octets, size_t n, bool any,
                      enum imapid_masked place)
{
    if (!any)
        return;
    if (hand->is_learning)
        imapid_search_add(hand->search, octets, n);
    count(hand, place);
}

void imapid_value_take(struct imapid_hand *hand, uint8_t *octets, size_t n, enum imapid_words words)
{
    end_value(hand, octets, n, take_words(hand, octets, n, words), IMAPID_MASKED_OTHER);
}

static void learn_words(struct imapid_hand *hand, const uint8_t *octets, size_t n)
{
    for (size_t at = 0, end; hand->is_learning && at < n; at = end) {
        end = find_word_end(octets, n, at);
        if (end == at)
            end++;
        else
            imapid_search_learn(hand->search, octets + at, end - at);
    }
}

void imapid_value_take_name(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    learn_words(hand, octets, n);
    end_value(hand, octets, n, take_words(hand, octets, n, IMAPID_WORDS_NONE), IMAPID_MASKED_NAME);
}

void imapid_value_take_mailbox(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    bool any = false;
    size_t start = 0;

    for (size_t at = 0, end; at < n; at = end) {
        end = at + 1;
        if (octets[at] != '&')
            continue;
        while (end < n && (imapid_is_alpha(octets[end]) || imapid_is_digit(octets[end]) ||
                           octets[end] == '+' || octets[end] == ','))
            end++;
        if (end == n || octets[end] != '-' || end == at + 1) {
            end = at + 1;
            continue;
        }
        any |= take_words(hand, octets + start, at - start, IMAPID_WORDS_MAILBOX) || end > at + 1;
        if (!hand->is_learning)
            imapid_mask_utf7(hand->mask, octets + at + 1, end - at - 1);
        start = end;
    }
    any |= take_words(hand, octets + start, n - start, IMAPID_WORDS_MAILBOX);
    end_value(hand, octets, n, any, IMAPID_MASKED_MAILBOX);
}

void imapid_value_take_secret(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    if (!n)
        return;
    learn_words(hand, octets, n);
    if (hand->is_learning)
        imapid_search_add(hand->search, octets, n);
    else
        imapid_mask_secret(hand->mask, octets, n);
    count(hand, IMAPID_MASKED_SECRET);
}

void imapid_value_take_binary(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    if (!n)
        return;
    if (hand->is_learning)
        imapid_search_add(hand->search, octets, n);
    else
        imapid_mask_binary(hand->mask, octets, n);
    count(hand, IMAPID_MASKED_SECRET);
}

void imapid_value_take_message(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    if (!hand->is_learning && n)
        imapid_mask_message(octets, n);
    count(hand, IMAPID_MASKED_MESSAGE);
}

/* ---- what is unreadable ---- */

/* The octets of "{n}" or "{n+}" with a line end, or the end, behind it; 0: it is none. */
static size_t measure_announcement(const uint8_t *octets, size_t n, size_t at)
{
    size_t end = at + 1;

    if (octets[at] != '{')
        return 0;
    while (end < n && imapid_is_digit(octets[end]))
        end++;
    if (end == at + 1 || end - at > 11)
        return 0;
    end += end < n && octets[end] == '+';
    if (end == n || octets[end] != '}')
        return 0;
    end++;
    return end == n || octets[end] == '\r' || octets[end] == '\n' ? end - at : 0;
}

static bool is_nil(const uint8_t *octets, size_t n, size_t at)
{
    return n - at >= 3 && imapid_octets_is(octets + at, 3, "NIL") &&
           (!at || !is_word_char(octets[at - 1])) && (n - at == 3 || !is_word_char(octets[at + 3]));
}

static bool has_word(const uint8_t *octets, size_t n)
{
    for (size_t at = 0; at < n; at++)
        if (is_word_char(octets[at]))
            return true;
    return false;
}

static void take_unreadable(struct imapid_hand *hand, uint8_t *octets, size_t n,
                            void (*mask)(uint8_t *octets, size_t n))
{
    size_t start = 0;

    if (hand->is_learning)
        return;
    if (has_word(octets, n))
        count(hand, IMAPID_MASKED_UNREADABLE);
    for (size_t at = 0; at < n;) {
        size_t kept = is_nil(octets, n, at) ? 3 : measure_announcement(octets, n, at);

        if (kept)
            mask(octets + start, at - start);
        at += kept ? kept : 1;
        start = kept ? at : start;
    }
    mask(octets + start, n - start);
}

void imapid_value_take_unreadable(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    take_unreadable(hand, octets, n, imapid_mask_unreadable);
}

void imapid_value_take_malformed(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    take_unreadable(hand, octets, n, imapid_mask_whole);
}

/* ---- URLs and texts ---- */

static bool is_url_word(const uint8_t *word, size_t n)
{
    static const char *const words[] = {
        "imap",    "imaps",  "http",        "https",     "ftp",      "mailto",
        "auth",    "uid",    "uidvalidity", "section",   "partial",  "expire",
        "urlauth", "submit", "internal",    "anonymous", "authuser", "stream"};

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if (imapid_octets_is(word, n, words[i]))
            return true;
    return false;
}

/* Keywords stay where their marks are: a scheme before "://", others behind ";" or before "=", or
 * within what URLAUTH says; numbers behind "=" of UID and UIDVALIDITY. */
static bool stays_in_url(const uint8_t *octets, size_t n, size_t at, size_t end, bool *counts)
{
    uint8_t before = at ? octets[at - 1] : 0, behind = end < n ? octets[end] : 0;

    if (is_number(octets + at, end - at))
        return *counts && before == '=' && end - at <= 10;
    *counts = false;
    if (!is_url_word(octets + at, end - at))
        return false;
    *counts = imapid_octets_is(octets + at, end - at, "UID") ||
              imapid_octets_is(octets + at, end - at, "UIDVALIDITY");
    return (behind == ':' && n - end >= 3 && octets[end + 1] == '/') || behind == '=' ||
           (before == '=' && (behind == '+' || behind == ':' || behind == 0)) || before == ':' ||
           (behind == ':' && !at);
}

void imapid_value_take_url(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    bool counts = false, any = false;

    for (size_t at = 0, end; at < n; at = end) {
        end = find_word_end(octets, n, at);
        if (end == at) {
            end++;
        } else if (!stays_in_url(octets, n, at, end, &counts)) {
            take_word(hand, octets + at, end - at);
            any = true;
        }
    }
    end_value(hand, octets, n, any, IMAPID_MASKED_TEXT);
}

/* Is it a number that tells nothing of anybody: of up to four digits, or a fraction? */
static bool is_plain_number(const uint8_t *octets, size_t n)
{
    size_t n_digits = 0, n_dots = 0;

    while (n && strchr(".,;:!?%", octets[n - 1]))
        n--;
    for (size_t i = 0; i < n; i++) {
        n_digits += imapid_is_digit(octets[i]);
        n_dots += octets[i] == '.';
    }
    return n_digits && n_digits + n_dots == n && n_dots <= 1 && n_digits <= (n_dots ? 7 : 4);
}

/* Is there a mark that joins names: an address, a host, a path, a token? */
static bool is_joined(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strchr("@=_\\~%$^#", octets[i]) || octets[i] >= 0x80 || !octets[i] ||
            (i && i + 1 < n && strchr(".+:/", octets[i]) && is_word_char(octets[i - 1]) &&
             is_word_char(octets[i + 1]) && (octets[i] == '.' || imapid_is_digit(octets[i + 1]))))
            return true;
    return false;
}

static void take_chunk(struct imapid_hand *hand, uint8_t *octets, size_t n, bool is_quoted,
                       bool is_part)
{
    bool plain = is_plain_number(octets, n) && !is_part, any = false;
    enum imapid_words words = is_joined(octets, n) ? IMAPID_WORDS_NONE
                              : is_quoted          ? IMAPID_WORDS_ATOM
                                                   : IMAPID_WORDS_TEXT;

    if (g_strstr_len((const char *)octets, (gssize)n, "://")) {
        imapid_value_take_url(hand, octets, n);
        return;
    }
    for (size_t at = 0, end; at < n; at = end) {
        end = find_word_end(octets, n, at);
        if (end == at) {
            end++;
        } else if (!(plain || imapid_words_has(words, octets + at, end - at)) ||
                   imapid_search_has_learned(hand->search, octets + at, end - at)) {
            take_word(hand, octets + at, end - at);
            any = true;
        }
    }
    if (words == IMAPID_WORDS_NONE)
        end_value(hand, octets, n, any, IMAPID_MASKED_TEXT);
    else if (any)
        count(hand, IMAPID_MASKED_TEXT);
}

static bool is_group(const uint8_t *octets, size_t n)
{
    return is_plain_number(octets, n) && !memchr(octets, '.', n - 1);
}

/* Octets behind `at` up to the next chunk; `end` of that. */
static size_t find_chunk(const uint8_t *octets, size_t n, size_t at, size_t *end)
{
    while (at < n && (octets[at] <= ' ' || strchr("\"()[]<>{}'", octets[at])))
        at++;
    for (*end = at; *end < n && octets[*end] > ' ' && !strchr("\"()[]<>{}'", octets[*end]); ++*end)
        ;
    return at;
}

void imapid_value_take_text(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    bool is_quoted = false, was_group = false;

    for (size_t at = 0, end; at < n; at = end) {
        for (end = at; end < n && octets[end] > ' ' && !strchr("\"()[]<>{}'", octets[end]); end++)
            ;
        if (end > at) {
            size_t end_next, next = find_chunk(octets, n, end, &end_next);
            bool group = is_group(octets + at, end - at);
            /* Numbers in a row are groups of a longer one: of a telephone, of a card. */
            bool is_part = group && (was_group || is_group(octets + next, end_next - next));

            take_chunk(hand, octets + at, end - at, is_quoted, is_part);
            was_group = group;
            continue;
        }
        is_quoted ^= octets[end] == '"';
        end++;
    }
}
