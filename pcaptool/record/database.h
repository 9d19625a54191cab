/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_DATABASE_H
#define IMAPID_RECORD_DATABASE_H

#include "record/record.h"

/* Records in an SQLite database; record/database.sql has its tables and views. It is written anew:
 * what an earlier one holds is copied first. A record that is there already is replaced, so the same
 * captures twice change nothing. */
struct imapid_database;

/* Makes a database of the empty file `path` out of the one at `earlier`, which need not be there and
 * which nobody else can write to until free(). No further file is opened later. NULL with a message,
 * to be freed, where the earlier one is no database, or one of another program. */
struct imapid_database *imapid_database_open(const char *path, const char *earlier, char **message);

/* Opens the database at `path` itself, or makes it there: records are in it within a second, those of that time in one
 * transaction, and others may read and write meanwhile. While somebody else has it locked records wait in memory, up to
 * a limit; then their functions do. No further file is opened or deleted later: the log is left behind,
 * empty where nobody else was reading. gives_up() is called, in a thread of the database's, while another program has it
 * locked, with how long that took: true makes it a failure. NULL as with imapid_database_open(). */
struct imapid_database *imapid_database_open_live(const char *path,
                                                  bool (*gives_up)(unsigned milliseconds),
                                                  char **message);

/* Before the first record: the captures are pieces of one, the oldest of which may have been deleted since an earlier run.
 * Then what that run told of a connection and what this one tells of its rest become one, where the beginning is no
 * longer read: at the end, or, of a database that is written in place, as soon as the session is told. */
void imapid_database_expect_pieces(struct imapid_database *database);

/* Thread-safe. After a failure they do nothing. */
void imapid_database_add_exchange(struct imapid_database *database,
                                  const struct imapid_record_exchange *exchange);
void imapid_database_add_session(struct imapid_database *database,
                                 const struct imapid_record_session *session);
void imapid_database_add_capture(struct imapid_database *database,
                                 const struct imapid_record_capture *capture);
/* Sessions and exchanges of these connections are dropped at the end, whichever came first, now or in a later run. */
void imapid_database_add_continued(struct imapid_database *database,
                                   const struct imapid_record_continued *continued);

/* Has something failed, so that going on is of no use? */
bool imapid_database_has_failed(struct imapid_database *database);

/* Ends the writing; only then a file that is written anew is a database. False with a message, to be freed, where
 * something failed. */
bool imapid_database_finish(struct imapid_database *database, char **message);

/* NULL is allowed. */
void imapid_database_free(struct imapid_database *database);

#endif
