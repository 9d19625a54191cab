/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_PILE_H
#define IMAPID_ANSWER_PILE_H

#include "answer/run.h"

/* Kept records of one kind as they come, on their way into one run that is in order. */
struct imapid_pile;

/* An empty one of records that `keep` keeps; never NULL. */
struct imapid_pile *imapid_pile_new(enum imapid_run_kind kind, struct imapid_keep *keep);

/* NULL is allowed. */
void imapid_pile_free(struct imapid_pile *pile);

/* Adds a copy of a record. */
void imapid_pile_add(struct imapid_pile *pile, const void *kept);

/* Puts the last of it in order. To be called once, before its records are told with a map. */
void imapid_pile_end(struct imapid_pile *pile);

/* Its records, all of them, have numbers of a keep that is another one's now: see imapid_run_set_map(). */
void imapid_pile_set_map(struct imapid_pile *pile, const struct imapid_keep_map *const *maps,
                         uint8_t map);

/* Piles of one kind that have ended, by now kept by `keep`, which need not be theirs. */
struct imapid_piles {
    enum imapid_run_kind kind;
    const struct imapid_keep *keep;
    struct imapid_pile *const *each;
    unsigned n;
};

/* Sets cuts[i], in order, to connections of which some begin the parts of all records, the first one aside, so
 * that as many are in each. Returns false, and sets nothing, where there are no records. */
bool imapid_pile_cut(const struct imapid_piles *piles, struct imapid_kept_conn *cuts,
                     unsigned n_cuts);

/* All records of the piles, which are freed. In order, of those that are the same the first alone; *n_again
 * is how many were dropped for it. To be freed with imapid_run_free(). Parts between the cuts are merged at
 * the same time, each by a thread: starts[i] is the place of the first record of a connection that is not
 * before cuts[i]. */
struct imapid_run *imapid_pile_merge(const struct imapid_piles *piles,
                                     const struct imapid_kept_conn *cuts, unsigned n_cuts,
                                     uint32_t *starts, unsigned *n_again);

#endif
