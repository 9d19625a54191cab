/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_KEEP_H
#define IMAPID_ANSWER_KEEP_H

#include "answer/addresses.h"
#include "record/arena.h"
#include "record/pool.h"
#include "record/record.h"

/* How the store keeps records: taken apart into numbers of pools. Nobody else includes it. */

/* The connection of a record. */
struct imapid_kept_conn {
    uint32_t file; /* and its site */
    uint32_t stream;
    uint32_t client, server; /* addresses */
    uint32_t proxied;        /* ends + 1: address and port */
    uint32_t way;            /* blobs + 1: a struct way */
    uint16_t client_port, server_port;
    uint64_t first_frame;
};

/* What exchanges have in common: all of one but its connection, tag, text, frames and times. */
struct imapid_kept_said {
    uint32_t pairs[2];        /* blobs; by side, as the next ones */
    uint32_t raw[2], file[2]; /* texts + 1 */
    uint32_t result_file;     /* texts + 1 */
    uint32_t n_findings;      /* laid flat behind this */
    uint8_t is_seen[2], has_list[2], is_malformed[2];
    uint8_t status, is_untagged, security, compressed, state, complete;
};

/* Two stamps as differences. */
#define IMAPID_KEPT_STAMPS_MAX 40

struct imapid_kept_exchange {
    struct imapid_kept_conn conn;
    uint32_t tag, text; /* texts + 1 */
    uint32_t said;      /* sayings */
    uint8_t n_stamps;
    int64_t when_ns;
    uint64_t frame; /* where it begins */
    uint8_t stamps
        [IMAPID_KEPT_STAMPS_MAX]; /* what came later, each as differences from the one before */
};

struct imapid_kept_session {
    struct imapid_kept_conn conn;
    uint32_t said; /* session_sayings */
    int64_t first_ns, last_ns;
    uint64_t n_exchanges, n_lost, n_resyncs;
    uint64_t frame, ended_frame; /* of the outcome */
};

/* What the numbers stand for. Its members are keep.c's, but for `files` and the counts of pools. */
struct imapid_keep {
    struct imapid_addresses *addresses;
    struct imapid_pool *files, *texts, *ends, *blobs, *sayings, *session_sayings;
    const char *last_file,
        *last_site; /* those that came last, as they are kept, and their number */
    uint32_t last_number;
    struct imapid_endpoint last_server; /* and its number; no family: none yet */
    uint32_t last_server_number;
    uint8_t *scratch;
    size_t n_scratch;
};

/* Begins with nothing kept. */
void imapid_keep_init(struct imapid_keep *keep);

/* Nothing is kept any more: gives back the memory that only keeping needs. */
void imapid_keep_seal(struct imapid_keep *keep);
void imapid_keep_deinit(struct imapid_keep *keep);

/* The numbers of what was kept elsewhere, by those that it has there. */
struct imapid_keep_map {
    uint32_t *files, *texts, *addresses, *ends, *blobs, *sayings, *session_sayings;
};

/* Keeps all that `other` does, which is empty then and of no more use. What was kept in it goes on with
 * imapid_keep_move_…(), and until then may not be read. */
struct imapid_keep_map imapid_keep_absorb(struct imapid_keep *keep, struct imapid_keep *other);
void imapid_keep_map_deinit(struct imapid_keep_map *map);
void imapid_keep_move_exchange(const struct imapid_keep_map *map,
                               struct imapid_kept_exchange *kept);
void imapid_keep_move_session(const struct imapid_keep_map *map, struct imapid_kept_session *kept);

/* Takes a record apart. All of it is copied. */
struct imapid_kept_exchange imapid_keep_exchange(struct imapid_keep *keep,
                                                 const struct imapid_record_exchange *exchange);
struct imapid_kept_session imapid_keep_session(struct imapid_keep *keep,
                                               const struct imapid_record_session *session);

/* The number of a file and its site, as those of connections. */
uint32_t imapid_keep_file(struct imapid_keep *keep, const char *site, const char *file);

/* Keeps a text, NULL being NULL. Good while `keep` is. */
const char *imapid_keep_text(struct imapid_keep *keep, const char *text);

/* Puts a record together again. Its strings are good while `keep` is, its pairs and findings while
 * the arena is. */
void imapid_keep_read_exchange(const struct imapid_keep *keep,
                               const struct imapid_kept_exchange *kept,
                               struct imapid_record_exchange *exchange, struct imapid_arena *arena);
void imapid_keep_read_session(const struct imapid_keep *keep,
                              const struct imapid_kept_session *kept,
                              struct imapid_record_session *session);
struct imapid_record_conn imapid_keep_read_conn(const struct imapid_keep *keep,
                                                const struct imapid_kept_conn *kept);

/* The end with the address of that number. */
struct imapid_endpoint imapid_keep_read_end(const struct imapid_keep *keep, uint32_t address,
                                            uint16_t port);

/* The name of a file of that number, and its site. */
const char *imapid_keep_get_file(const struct imapid_keep *keep, uint32_t number,
                                 const char **site);

/* The number of the client's address: of the one that the PROXY protocol names, where it does. */
uint32_t imapid_keep_get_client(const struct imapid_keep *keep,
                                const struct imapid_kept_conn *kept);

/* A text by its number + 1; NULL of 0. */
const char *imapid_keep_get_text(const struct imapid_keep *keep, uint32_t number);

/* What an exchange says; never NULL. */
const struct imapid_kept_said *imapid_keep_get_said(const struct imapid_keep *keep,
                                                    const struct imapid_kept_exchange *kept);

/* The same as imapid_record_rtt_ns() of it. */
bool imapid_keep_get_rtt_ns(const struct imapid_keep *keep, const struct imapid_kept_exchange *kept,
                            int64_t *rtt_ns);

#endif
