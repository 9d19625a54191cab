/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_WHERE_H
#define IMAPID_ANSWER_WHERE_H

#include "answer/keys.h"
#include "answer/store.h"

/* Which connections are chosen (--where). A connection is chosen as a whole, by what all its records say
 * together: a term FIELD=PATTERN holds if any of its values matches, FIELD!=PATTERN if none does. */
struct imapid_where;

/* Terms there may be. */
#define IMAPID_WHERE_MAX 64u

/* Reads terms: "stream=3", "client_name!=Thunder*", "finding~^bad-", "text!~quota"; with nothing for
 * a pattern, "ended=" and "ended!=", whether there is a value. All have to hold. NULL with *message, to be
 * freed: one is no term. `fold` must outlive what is returned. */
struct imapid_where *imapid_where_new(char *const *texts, const struct imapid_fold *fold,
                                      char **message);
void imapid_where_free(struct imapid_where *where);

/* "stream=3 and client_name!=Thunder*", as it was given. */
const char *imapid_where_describe(const struct imapid_where *where);

/* Do all terms ask for what each record of a connection says by itself? Then none has to wait for
 * others. */
bool imapid_where_is_of_conn(const struct imapid_where *where);

enum imapid_where_verdict {
    IMAPID_WHERE_OPEN,   /* what comes may decide it */
    IMAPID_WHERE_CHOSEN, /* whatever comes */
    IMAPID_WHERE_LEFT,   /* whatever comes */
};

/* Adds what a record says to *seen, which begins as 0 for a connection and is where.c's, and judges by
 * all that was seen. Thread-safe. */
enum imapid_where_verdict imapid_where_see(const struct imapid_where *where, uint64_t *seen,
                                           const struct imapid_key_record *record);

/* The same when all records were seen: never OPEN. */
enum imapid_where_verdict imapid_where_conclude(const struct imapid_where *where, uint64_t seen);

/* Leaves the connections that are chosen in the view of the store, which was settled. */
void imapid_where_choose(const struct imapid_where *where, struct imapid_store *store,
                         struct imapid_store_view *view);

/* What is to be said at the end: of a pattern that took too long on a value, and so may have left
 * connections out that it chooses. NULL: there was none. To be freed. */
char *imapid_where_explain(const struct imapid_where *where);

#endif
