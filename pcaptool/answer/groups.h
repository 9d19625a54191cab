/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_GROUPS_H
#define IMAPID_ANSWER_GROUPS_H

#include "answer/fold.h"
#include "answer/keys.h"
#include "answer/store.h"

/* Counting: connections, client addresses and exchanges by what was said in them. */

/* At most so many at once. */
#define IMAPID_GROUP_KEYS_MAX 4

/* What to count by. */
struct imapid_grouping {
    unsigned n_keys;
    struct imapid_key keys[IMAPID_GROUP_KEYS_MAX];
    char names[IMAPID_GROUP_KEYS_MAX][32]; /* as they were given */
};

/* Reads "client_name,client_version": keys to count by. False, where one is none or there are too many: *message, to be
 * freed with g_free(), says which keys there are, and *grouping means nothing. */
bool imapid_grouping_read(struct imapid_grouping *grouping, const char *text, char **message);

struct imapid_group {
    char *values[IMAPID_GROUP_KEYS_MAX]; /* the spelling met most often; NULL: not said */
    uint64_t n_conns, n_addresses, n_exchanges;
    uint64_t n_unread; /* of the connections: nothing of them could be read */
    int64_t first_ns, last_ns;
};

/* Connections are counted in shares, by as many threads. */
#define IMAPID_GROUPS_SHARES_MAX 16u

/* What is counted with one look at each record. */
struct imapid_groups_asked {
    const struct imapid_store_view *view;
    const struct imapid_fold *fold;
    const struct imapid_grouping *groupings;
    unsigned n, n_threads;
    /* Called for each connection, while it is near: those of a share by one thread, in their order.
     * NULL: nothing. */
    void (*also)(void *ctx, unsigned share, unsigned conn);
    void *ctx;
    GArray **groups; /* set, one for each grouping */
};

/* The groups, largest first (connections, then exchanges, then values). An exchange is counted
 * where the half that the key is about was seen. A connection whose exchanges say different things
 * is in more than one group; one of which nothing could be read is in that of what is known of it
 * all the same (its ends, its protection), where the keys ask for no more. Arrays of struct imapid_group; free with imapid_groups_free(). */
void imapid_groups_count(const struct imapid_groups_asked *asked);
void imapid_groups_free(GArray *groups);

/* What the connections did, all together. */
struct imapid_overview {
    uint64_t n_captures, n_packets, n_octets, n_tcp, n_conns, n_addresses, n_exchanges;
    uint64_t n_with_id;      /* the client sent one that could be read */
    uint64_t n_silent;       /* seen from first to last, and it sent none */
    uint64_t n_open;         /* the same but for the end, which is not in the capture */
    uint64_t n_unread;       /* none was seen, and something could not be read */
    uint64_t n_maybe_silent; /* none was seen, but not everything was; these five are all */
    uint64_t n_refused;      /* an ID was answered NO or BAD */
    uint64_t n_required;     /* the server asked for one by refusing service */
    uint64_t n_unreadable;   /* encrypted or compressed, and not read to the end */
    uint64_t n_late;         /* begun before the capture */
    uint64_t n_doubted;      /* somebody else may have sent part of it */
    uint64_t n_lost, n_cut, n_unknown_link, n_failed; /* octets, packets, packets, captures */
    uint64_t n_unread_packets;                        /* packets whose layers were not read */
    int64_t first_ns, last_ns;
};

/* Counts, on so many threads; takes time in proportion to the records. */
struct imapid_overview imapid_overview_count(const struct imapid_store_view *view,
                                             unsigned n_threads);

#endif
