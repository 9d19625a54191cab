/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RUN_H
#define IMAPID_RUN_H

#include "inputs.h"
#include "options.h"

/* All inputs to their records, on as many threads as asked for: captures are read, JSON Lines of
 * earlier runs are read back. Which of the two an input is, its first octets say. */

/* Who takes the records. `part` is the index of the input. The calls for one part come in order
 * and one at a time; those for different parts may come at the same time. Records are good
 * during the call. */
struct imapid_run_user {
    void (*exchange)(void *ctx, guint part, const struct imapid_record_exchange *exchange);
    void (*session)(void *ctx, guint part, const struct imapid_record_session *session);
    void (*capture)(void *ctx, guint part, const struct imapid_record_capture *capture);
    void (*end)(void *ctx, guint part); /* nothing more of this part; may be NULL */
    gboolean (*is_closed)(void *ctx);   /* nobody wants more: stop early; may be NULL */
    void *ctx;
    gboolean is_terminal; /* records go to a terminal as they come: no line between them */
};

/* Kinds of layers that are told at the end; a line each is as much as anybody reads. */
#define IMAPID_RUN_UNREAD_MAX 64

/* Packets of one kind that were not read. Names that are longer are cut. */
struct imapid_run_unread {
    char layer[32], name[64];
    guint64 number, n_packets;
};

/* Counts over all inputs. */
struct imapid_run_totals {
    guint64 n_captures, n_packets, n_conns, n_sessions, n_exchanges, n_not_decrypted, n_lost, n_cut,
        n_unknown_link;
    struct imapid_run_unread unread[IMAPID_RUN_UNREAD_MAX];
    guint n_unread;
    guint64 n_skipped; /* JSON Lines of another type or of a later schema */
};

/* Reads everything. False where an input could not be read whole; messages went to standard error,
 * and what could be read was given all the same. */
gboolean imapid_run(const struct imapid_options *options, const GArray *inputs,
                    const struct imapid_run_user *user, struct imapid_run_totals *totals);

/* A line on standard error that says what was read, and what was not. */
void imapid_run_print_totals(const struct imapid_run_totals *totals);

#endif
