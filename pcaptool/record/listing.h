/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_LISTING_H
#define IMAPID_RECORD_LISTING_H

#include "record/row.h"

/* Records as text for a person: one row for each connection, in the order of time, under a heading
 * wherever the day, the file or the tunnel changes. A connection is written when its session is
 * told, with the exchanges that were told before. One listing is of one input:
 *
 *     listing = imapid_listing_new(…);
 *     for each record: imapid_listing_add_…(listing, record), then imapid_listing_take(listing, out);
 *     imapid_listing_end(listing, out);
 *     imapid_listing_free(listing);
 */
struct imapid_listing;

struct imapid_listing_style {
    struct imapid_terminal terminal;
    const char *keylog; /* the file that opens TLS; NULL: none, or there are several */
    bool verbose;       /* each connection at length, in place of its row */
    bool is_live;       /* rows are written as connections end, in place of the order of time */
    bool is_one; /* the files are pieces of one capture: the order of time goes across them */
    /* Octets of rows that wait for others to be sorted with them: past it the first half is written,
     * so that a row may stand behind a later one. And as many again of what open connections will
     * tell at length: past it exchanges are counted, and not told so. */
    size_t n_memory;
};

/* What was listed. */
struct imapid_listing_counts {
    uint64_t n; /* connections */
    uint64_t n_named, n_silent, n_unread;
    uint64_t n_results[IMAPID_N_RESULTS];
};

/* The style must outlive it. To be freed with imapid_listing_free(). */
struct imapid_listing *imapid_listing_new(const struct imapid_listing_style *style);
void imapid_listing_free(struct imapid_listing *listing); /* NULL is allowed */

/* Nothing of a record is kept but copies. */
void imapid_listing_add_exchange(struct imapid_listing *listing,
                                 const struct imapid_record_exchange *exchange);
void imapid_listing_add_session(struct imapid_listing *listing,
                                const struct imapid_record_session *session);

/* Appends what is due by now; and at the end the rest, connections without a session among them. */
void imapid_listing_take(struct imapid_listing *listing, GString *out);
void imapid_listing_end(struct imapid_listing *listing, GString *out);

/* Good as long as the listing. */
const struct imapid_listing_counts *imapid_listing_get_counts(const struct imapid_listing *listing);

/* Adds `more` to `counts`. */
void imapid_listing_add_counts(struct imapid_listing_counts *counts,
                               const struct imapid_listing_counts *more);

/* "11 connections, 8 named their program, 2 sent no ID, 1 not read". */
void imapid_listing_spell_counts(GString *out, const struct imapid_listing_counts *counts);

/* "4 went wrong: 1 login refused, …"; nothing where none did. */
void imapid_listing_spell_wrongs(GString *out, const struct imapid_listing_counts *counts);

#endif
