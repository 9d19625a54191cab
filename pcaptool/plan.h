/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_PLAN_H
#define IMAPID_PLAN_H

#include "options.h"

#include "record/arena.h"

/* A store of captures as units of work, and what of them is done. A unit is a capture, a chain of pieces of
 * one, or a section of a chain. The plan is a file of JSON Lines: one line of type "plan" with version and options, the units, largest
 * first, and one of type "end" with a digest. */

struct imapid_plan_unit {
    guint number; /* from 1 on */
    guint64 n_octets;
    int64_t modified; /* the newest of its files, in seconds since 1970 */
    bool found;       /* in a folder: not all of it need be captures */
    char **files;     /* as they were named; of a chain in the order of time */
    guint n_files;
    struct imapid_plan_unit *next; /* the section that goes on where this one ends; NULL: none */
};

struct imapid_plan {
    struct imapid_arena arena; /* units and the names of their files are there: there are many */
    char *id;                  /* the same for the same plan, and for no other */
    char *version;             /* that made it */
    GPtrArray *options;        /* of char *, see imapid_usage_list_kept() */
    GPtrArray *units; /* of struct imapid_plan_unit *, units->pdata[i] has the number i + 1 */
};

/* What became of a unit. */
enum imapid_plan_state { IMAPID_PLAN_DONE, IMAPID_PLAN_MISSING, IMAPID_PLAN_DAMAGED };

/* An empty one; and one more unit of it, all 0 but for room for so many files. */
struct imapid_plan *imapid_plan_new(void);
struct imapid_plan_unit *imapid_plan_add_unit(struct imapid_plan *plan, guint n_files);

/* Reads it from a file or a pipe, "-" being standard input. NULL with a message on standard error. To be freed. */
struct imapid_plan *imapid_plan_read(const char *path);
void imapid_plan_free(struct imapid_plan *plan);

/* SHA-256 in hexadecimal, with a NUL. */
void imapid_plan_spell_digest(const char *octets, size_t n, char digest[65]);

/* The share of each unit, from 0 on, where there are `n` shares: such that the largest has not much more to
 * do than the others. To be freed with g_free(). */
guint *imapid_plan_share(const struct imapid_plan *plan, guint n);

/* Where what comes of a unit is: "jsonl", its records; "partial", the state of an answer from them. To be
 * freed. */
char *imapid_plan_spell_output(const char *folder, guint number, const char *ending);

/* How it is looked at: records by their last line and their size, or by the number of their lines, too, for which all
 * are read: that finds what was written over in its place. */
enum imapid_plan_depth { IMAPID_PLAN_ENDS, IMAPID_PLAN_LINES };

/* Of a file of records. DAMAGED: without an end, of another plan or unit, or not as many octets, or lines, as the end says. Of what is DONE
 * *is_whole tells whether its captures could be read whole. */
enum imapid_plan_state imapid_plan_look_at(const struct imapid_plan *plan, const char *path,
                                           guint number, enum imapid_plan_depth depth,
                                           bool *is_whole);

/* Of all that comes of a unit. A partial is always read (imapid_partial_check()); what is wrong with it is said. */
enum imapid_plan_state imapid_plan_look(const struct imapid_plan *plan, const char *folder,
                                        guint number, enum imapid_plan_depth depth, bool *is_whole);

#endif
