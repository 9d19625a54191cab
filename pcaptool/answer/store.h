/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_STORE_H
#define IMAPID_ANSWER_STORE_H

#include "record/record.h"

/* All records of a run, put into one order: what stats, check and report are computed from.
 *
 * The order depends on the records alone, not on when or from where they came, and a record that
 * comes twice is there once; so the same records give the same answer from captures, from JSON
 * Lines, shuffled or split, with any number of threads. Lists and texts that repeat are kept once:
 * an exchange takes about 350 octets more than what is new in it. */
struct imapid_store;

struct imapid_store *imapid_store_new(void);
void imapid_store_free(struct imapid_store *store);

/* Adds a copy; thread-safe. */
void imapid_store_add_exchange(struct imapid_store *store,
                               const struct imapid_record_exchange *exchange);
void imapid_store_add_session(struct imapid_store *store,
                              const struct imapid_record_session *session);
void imapid_store_add_capture(struct imapid_store *store,
                              const struct imapid_record_capture *capture);

/* One connection: what its exchanges and its session say together. */
struct imapid_store_conn {
    struct imapid_record_conn conn;
    const struct imapid_record_session *session;    /* NULL: not among the records */
    const struct imapid_record_exchange *exchanges; /* in order of time; n_exchanges of them */
    unsigned n_exchanges;
};

/* Everything in order: by file, stream, addresses, then time. Good while the store is. */
struct imapid_store_view {
    const struct imapid_store_conn *conns;
    unsigned n_conns;
    const struct imapid_record_exchange *exchanges;
    unsigned n_exchanges;
    const struct imapid_record_capture *captures;
    unsigned n_captures;
    unsigned n_duplicates; /* records that came more than once, or that a later state of the same
                              connection replaced */
};

/* Nothing may be added any more. */
struct imapid_store_view imapid_store_settle(struct imapid_store *store);

/* The client's end: the one that the PROXY protocol names, where it does. */
const struct imapid_endpoint *imapid_store_get_client(const struct imapid_record_conn *conn);

/* Orders connections: by file, stream and addresses. */
int imapid_store_compare_conns(const struct imapid_record_conn *a,
                               const struct imapid_record_conn *b);

#endif
