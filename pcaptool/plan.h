/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_PLAN_H
#define IMAPID_PLAN_H

#include "options.h"

/* A store of captures as units of work, each a capture or a chain of pieces of one, and what of them is
 * done. The plan is a file of JSON Lines: one line of type "plan", then the units, largest first. */

struct imapid_plan_unit {
    guint number; /* from 1 on */
    guint64 n_octets;
    bool found;       /* in a folder: not all of it need be captures */
    GPtrArray *files; /* of char *, as they were named */
};

struct imapid_plan {
    char *id;         /* the same for the same plan, and for no other */
    GPtrArray *units; /* of struct imapid_plan_unit *, units->pdata[i] has the number i + 1 */
};

/* What became of a unit. */
enum imapid_plan_state { IMAPID_PLAN_DONE, IMAPID_PLAN_MISSING, IMAPID_PLAN_DAMAGED };

/* Writes the plan of the inputs (-w). What is no regular file is refused. */
enum imapid_exit imapid_plan_make(const struct imapid_options *options, const GArray *inputs);

/* NULL with a message on standard error. To be freed. */
struct imapid_plan *imapid_plan_read(const char *path);
void imapid_plan_free(struct imapid_plan *plan);

/* The share of each unit, from 0 on, where there are `n` shares: such that the largest has not much more to
 * do than the others. To be freed with g_free(). */
guint *imapid_plan_share(const struct imapid_plan *plan, guint n);

/* Where the records of a unit are; to be freed. */
char *imapid_plan_spell_output(const char *folder, guint number);

/* DAMAGED: there is a file, without an end, or of another plan or unit. Of what is DONE *is_whole tells
 * whether its captures could be read whole. */
enum imapid_plan_state imapid_plan_look(const struct imapid_plan *plan, const char *folder,
                                        guint number, bool *is_whole);

#endif
