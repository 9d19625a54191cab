/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NEAR_H
#define IMAPID_NEAR_H

/* Did you mean? Of the words that there are the one that is nearest to a misspelt one:
 *
 *     struct imapid_near near = {.word = "fromat"};
 *     for (…) imapid_near_try(&near, candidate);
 *     if (*near.best) …
 */

/* Longer words are near to nothing. */
#define IMAPID_NEAR_MAX 40u

struct imapid_near {
    const char *word;               /* as it was given */
    char best[IMAPID_NEAR_MAX + 1]; /* "": none so far */
    unsigned distance;              /* of the best */
};

/* Offers a word. It is the best if fewer letters have to be put in, left out, changed or swapped with
 * their neighbour than for any before, and no more than every third; case does not count. A word that
 * only goes on where the misspelt one ends (of three letters at least) is as near as one letter. */
void imapid_near_try(struct imapid_near *near, const char *candidate);

/* "did you mean 'check'?"; a copy of `otherwise` where no word is near. To be freed with g_free(). */
char *imapid_near_ask(const struct imapid_near *near, const char *otherwise);

/* The same of all these words, up to a NULL. otherwise: NULL for "there are: check, extract, …". */
char *imapid_near_ask_among(const char *word, char *const *words, const char *otherwise);

#endif
