/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_DATABASE_H
#define IMAPID_RECORD_DATABASE_H

#include "record/record.h"

/* Records in an SQLite database; record/database.sql has its tables and views. What is added is
 * there when the database is closed, all of it or, where something failed, none. A record that is
 * there already is replaced, so the same captures twice change nothing. */
struct imapid_database;

/* Opens or makes a database. NULL with a message, to be freed, where the file is no database, or
 * one of another program. */
struct imapid_database *imapid_database_open(const char *path, char **message);

/* Thread-safe. After a failure they do nothing. */
void imapid_database_add_exchange(struct imapid_database *database,
                                  const struct imapid_record_exchange *exchange);
void imapid_database_add_session(struct imapid_database *database,
                                 const struct imapid_record_session *session);
void imapid_database_add_capture(struct imapid_database *database,
                                 const struct imapid_record_capture *capture);

/* Has something failed, so that going on is of no use? */
bool imapid_database_has_failed(struct imapid_database *database);

/* Keeps what was added. False with a message, to be freed, where it could not. */
bool imapid_database_close(struct imapid_database *database, char **message);

#endif
