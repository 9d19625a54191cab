/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_STORE_H
#define IMAPID_ANSWER_STORE_H

#include "record/arena.h"
#include "record/record.h"

/* All records of a run, put into one order: what stats, check and report are computed from.
 *
 * The order depends on the records alone, not on when or from where they came, and a record that
 * comes twice is there once; so the same records give the same answer from captures, from JSON
 * Lines, shuffled or split, with any number of threads. What repeats is kept once, and numbers as
 * differences: an exchange whose neighbours are alike takes some 25 octets more than what is new in it. It is
 * put together again when it is read; in order of places that costs least. */
struct imapid_store;

/* An empty one; never NULL. With it go the view and all that was read of it. */
struct imapid_store *imapid_store_new(void);
void imapid_store_free(struct imapid_store *store);

/* Adds a copy; thread-safe. */
void imapid_store_add_exchange(struct imapid_store *store,
                               const struct imapid_record_exchange *exchange);
void imapid_store_add_session(struct imapid_store *store,
                              const struct imapid_record_session *session);
void imapid_store_add_capture(struct imapid_store *store,
                              const struct imapid_record_capture *capture);

void imapid_store_add_continued(struct imapid_store *store,
                                const struct imapid_record_continued *continued);

/* No connection, no exchange. */
#define IMAPID_STORE_NONE UINT32_MAX

/* A connection that a section tells for the part that it has. */
struct imapid_store_part {
    uint32_t file; /* see imapid_store_get_file() */
    uint64_t frame;
};

/* Everything in order: by file, stream, addresses, then time. Connections and exchanges are known
 * by their place in it. Good while the store is. */
struct imapid_store_view {
    const struct imapid_store *store;
    unsigned n_conns, n_exchanges;
    unsigned n_said;      /* see imapid_store_get_said() */
    unsigned n_addresses; /* see imapid_store_get_address() */
    bool is_choice;       /* connections were chosen */
    unsigned n_all_conns; /* there were before */
    const struct imapid_record_capture *captures;
    unsigned n_captures;
    /* The parts of connections that are dropped (struct imapid_record_continued), by file, then frame. */
    const struct imapid_store_part *parts;
    unsigned n_parts;
    unsigned n_duplicates; /* records that came more than once, or that a later state of the same
                              connection replaced */
};

/* Puts all that was added into order. Nothing may be added any more; to be called once. */
struct imapid_store_view imapid_store_settle(struct imapid_store *store);

/* Leaves the connections for which `is_chosen` says so, with their exchanges; captures stay. It is asked
 * for each one in the view, once, and may read it. To be called after settling, before anything else. */
void imapid_store_choose(struct imapid_store *store, struct imapid_store_view *view,
                         bool (*is_chosen)(void *ctx, unsigned conn), void *ctx);

/* One connection: what its exchanges and its session say together. */
struct imapid_store_conn {
    unsigned index; /* its place */
    struct imapid_record_conn conn;
    bool has_session; /* false: it is not among the records */
    struct imapid_record_session session;
    unsigned first, n_exchanges; /* the place of the first, in order of time, and how many */
};

/* Sets *conn to the connection at a place below n_conns. Its strings are good while the store is. */
void imapid_store_read_conn(const struct imapid_store_view *view, unsigned index,
                            struct imapid_store_conn *conn);

/* Where the exchanges of a connection are, and whether it has a session, without reading it. */
struct imapid_store_span {
    unsigned first, n;
    bool has_session;
};
struct imapid_store_span imapid_store_get_span(const struct imapid_store_view *view, unsigned conn);

/* The first connection at or behind that place that has a session; n_conns: none has. */
unsigned imapid_store_find_session(const struct imapid_store_view *view, unsigned conn);

/* An exchange that was read. Begins as all 0. */
struct imapid_store_reading {
    struct imapid_record_exchange record;
    struct imapid_arena arena;
};

/* The exchange at a place below n_exchanges; never NULL, good until the next one is read with the same
 * `reading`. Its strings are good while the store is. */
const struct imapid_record_exchange *
imapid_store_read_exchange(const struct imapid_store_view *view, unsigned index,
                           struct imapid_store_reading *reading);
void imapid_store_reading_deinit(struct imapid_store_reading *reading);

/* The time of imapid_record_when(), without reading. */
int64_t imapid_store_get_when(const struct imapid_store_view *view, unsigned exchange);

/* A number below n_said for what an exchange says. Those with the same number differ only in their
 * connection, tag, frames, times and the text of their results: what depends on nothing else needs to
 * be found only once for each number. */
unsigned imapid_store_get_said(const struct imapid_store_view *view, unsigned exchange);

/* What most counts ask of an exchange: the three numbers and the time of the functions around, at once. */
struct imapid_store_brief {
    unsigned said, client, server;
    int64_t when_ns;
};
struct imapid_store_brief imapid_store_get_brief(const struct imapid_store_view *view,
                                                 unsigned exchange);

/* A number below n_addresses for the address of a connection's client, as
 * imapid_store_get_client() gives it: equal addresses, equal numbers. */
unsigned imapid_store_get_address(const struct imapid_store_view *view, unsigned conn);

/* The same for that of its server. */
unsigned imapid_store_get_server(const struct imapid_store_view *view, unsigned conn);

/* The same as imapid_record_rtt_ns(), without reading. */
bool imapid_store_get_rtt_ns(const struct imapid_store_view *view, unsigned exchange,
                             int64_t *rtt_ns);

/* The file of a part, and its site. */
const char *imapid_store_get_file(const struct imapid_store_view *view, uint32_t file,
                                  const char **site);

/* Does a header of the PROXY protocol name the client of a connection? */
bool imapid_store_is_proxied(const struct imapid_store_view *view, unsigned conn);

/* The client's end: the one that the PROXY protocol names, where it does. It points into *conn. */
const struct imapid_endpoint *imapid_store_get_client(const struct imapid_record_conn *conn);

#endif
