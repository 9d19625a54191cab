/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words.c: looks words up among those that stay.
 *
 * Refuses nothing. Misuse: keeping a word for being in a list where a value stands. */
#include "scrub/words.h"

#include <glib.h>
#include <imapid/octets.h>
#include <string.h>

#define IMAPID_SCRUB_TEXT
static const char *const texts[] = {
#include "scrub/words.def"
};
#undef IMAPID_SCRUB_TEXT
#define IMAPID_SCRUB_ATOM
static const char *const atoms[] = {
#include "scrub/words.def"
};
#undef IMAPID_SCRUB_ATOM
#define IMAPID_SCRUB_MAILBOX
static const char *const mailboxes[] = {
#include "scrub/words.def"
};
#undef IMAPID_SCRUB_MAILBOX
#define IMAPID_SCRUB_HEADER
static const char *const headers[] = {
#include "scrub/words.def"
};
#undef IMAPID_SCRUB_HEADER
#define IMAPID_SCRUB_SASL
static const char *const sasls[] = {
#include "scrub/words.def"
};
#undef IMAPID_SCRUB_SASL

struct list {
    const char *const *words;
    size_t n;
};

static const struct list lists[] = {
    [IMAPID_WORDS_NONE] = {NULL, 0},
    [IMAPID_WORDS_TEXT] = {texts, G_N_ELEMENTS(texts)},
    [IMAPID_WORDS_ATOM] = {atoms, G_N_ELEMENTS(atoms)},
    [IMAPID_WORDS_MAILBOX] = {mailboxes, G_N_ELEMENTS(mailboxes)},
    [IMAPID_WORDS_HEADER] = {headers, G_N_ELEMENTS(headers)},
    [IMAPID_WORDS_SASL] = {sasls, G_N_ELEMENTS(sasls)},
};

static int compare(const uint8_t *word, size_t n, const char *with)
{
    for (size_t i = 0; i < n; i++) {
        int difference = g_ascii_tolower((gchar)word[i]) - with[i];

        if (difference || !with[i])
            return with[i] ? difference : 1;
    }
    return with[n] ? -1 : 0;
}

static bool has(const struct list *list, const uint8_t *word, size_t n)
{
    size_t low = 0, high = list->n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare(word, n, list->words[middle]);

        if (!order)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

bool imapid_words_has(enum imapid_words words, const uint8_t *word, size_t n)
{
    return n && (has(&lists[words], word, n) ||
                 (words == IMAPID_WORDS_TEXT && has(&lists[IMAPID_WORDS_ATOM], word, n)));
}

bool imapid_words_hold(const uint8_t *part, size_t n)
{
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        for (size_t k = 0; k < lists[i].n; k++) {
            const char *word = lists[i].words[k];
            size_t n_word = strlen(word);

            for (size_t at = 0; at + n <= n_word; at++)
                if (imapid_octets_same((const uint8_t *)word + at, n, part, n))
                    return true;
        }
    return false;
}
