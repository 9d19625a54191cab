/* SPDX-License-Identifier: GPL-2.0-or-later */
/* near.c: which word may be meant, by the edit distance with swaps of neighbours (optimal string
 * alignment).
 *
 * Refuses words of more than IMAPID_NEAR_MAX octets; two letters of a word of three are no likeness.
 *
 * Misuse: taking the answer without asking. It is a guess, to be told. */
#include "near.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    return MIN(MIN(a, b), c);
}

static unsigned measure(const char *a, size_t n_a, const char *b, size_t n_b)
{
    /* Rows of the table: [i % 3][j] is the distance of the first i letters from the first j. */
    unsigned rows[3][IMAPID_NEAR_MAX + 1];

    for (size_t i = 0; i <= n_a; i++) {
        unsigned *row = rows[i % 3], *before = rows[(i + 2) % 3], *first = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n_b; j++) {
            bool same = i && g_ascii_tolower(a[i - 1]) == g_ascii_tolower(b[j - 1]);

            row[j] = !i ? (unsigned)j
                        : min3(before[j] + 1, row[j - 1] + 1, before[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && g_ascii_tolower(a[i - 1]) == g_ascii_tolower(b[j - 2]) &&
                g_ascii_tolower(a[i - 2]) == g_ascii_tolower(b[j - 1]))
                row[j] = MIN(row[j], first[j - 2] + 1);
        }
    }
    return rows[n_a % 3][n_b];
}

void imapid_near_try(struct imapid_near *near, const char *candidate)
{
    size_t n = strlen(near->word), n_candidate = strlen(candidate);
    unsigned distance;

    if (!n || n > IMAPID_NEAR_MAX || n_candidate > IMAPID_NEAR_MAX)
        return;
    distance = n >= 3 && !g_ascii_strncasecmp(candidate, near->word, n)
                   ? 1
                   : measure(near->word, n, candidate, n_candidate);
    if (distance > MAX(n, n_candidate) / 3 || (*near->best && distance >= near->distance))
        return;
    near->distance = distance;
    g_strlcpy(near->best, candidate, sizeof near->best);
}

char *imapid_near_ask(const struct imapid_near *near, const char *otherwise)
{
    return *near->best ? g_strdup_printf("did you mean '%s'?", near->best) : g_strdup(otherwise);
}

char *imapid_near_ask_among(const char *word, char *const *words, const char *otherwise)
{
    struct imapid_near near = {.word = word};
    char *all = g_strjoinv(", ", (char **)words),
         *there_are = g_strconcat("there are: ", all, NULL);
    char *asked;

    for (; *words; words++)
        imapid_near_try(&near, *words);
    asked = imapid_near_ask(&near, otherwise ? otherwise : there_are);
    g_free(there_are);
    g_free(all);
    return asked;
}
