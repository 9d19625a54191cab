/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TOTALS_H
#define IMAPID_TOTALS_H

#include "answer/where.h"
#include "record/record.h"

/* Kinds of layers that are told at the end; a line each is as much as anybody reads. */
#define IMAPID_TOTALS_UNREAD_MAX 64

/* Packets of one kind that were not read. Names that are longer are cut. */
struct imapid_totals_unread {
    char layer[32], name[64];
    guint64 number, n_packets;
};

/* Counts over all inputs. */
struct imapid_totals {
    guint64 n_captures, n_packets, n_conns, n_sessions, n_exchanges, n_not_decrypted, n_lost, n_cut,
        n_unknown_link, n_forgotten, n_drops;
    struct imapid_totals_unread unread[IMAPID_TOTALS_UNREAD_MAX];
    guint n_unread;
    guint64 n_all_conns,
        n_chosen;             /* connections there are records of, and those that --where chose */
    guint64 n_inputs, n_read; /* inputs; those of which something could be read */
    gboolean is_stopped;      /* by a signal, before the end of what has one */
    guint64 n_skipped;        /* JSON Lines of another type or of a later schema */
};

/* Is there something to be written in the place of an earlier answer? `is_whole`: all inputs could be
 * read. Not where nothing could be read at all, nor where a signal cut it short. */
gboolean imapid_totals_has_answer(const struct imapid_totals *totals, gboolean is_whole);

/* Adds what the record of a capture counts. */
void imapid_totals_add(struct imapid_totals *totals, const struct imapid_record_capture *capture);

/* A line on standard error that says what was read, one of how many connections were chosen (`where`; NULL:
 * all are), and a line for each kind of layer that was not read. `counts`: what stands there in place of
 * the numbers of packets and records; `wrongs`: a line of its own behind it. NULL: none. */
void imapid_totals_print(const struct imapid_totals *totals, const struct imapid_where *where,
                         const char *counts, const char *wrongs);

#endif
