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

#endif
