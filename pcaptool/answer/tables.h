/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_TABLES_H
#define IMAPID_ANSWER_TABLES_H

#include "answer/groups.h"
#include "terminal.h"

/* Counts for a person: tables with bars and shares. */
struct imapid_tables {
    const struct imapid_store_view *view;
    const struct imapid_fold *fold;
    const struct imapid_terminal *terminal;
    unsigned top;       /* the most rows of a table, 0: all */
    unsigned n_threads; /* to count with; 0 is 1 */
};

/* Appends when, and how many connections and captures; then, each behind an empty line, the table of a grouping, or
 * where that is NULL those that everybody asks for: client programs and their versions, systems, servers with how
 * fast they answer an ID, and how connections are protected; last what became of IDs, and what was not seen or
 * read, and why. Of tables without a row nothing. */
void imapid_tables_spell(GString *out, const struct imapid_tables *tables,
                         const struct imapid_grouping *grouping);

#endif
