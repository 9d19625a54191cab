/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_HOLDERS_H
#define IMAPID_FOLLOW_HOLDERS_H

#include <glib.h>

/* Who holds how much memory, so that the one that is to give way can be found without a search. */

#define IMAPID_HOLDERS_N 32

/* One that holds this part of all is large. */
#define IMAPID_HOLDERS_SHARE 1024

/* Zero it. */
struct imapid_holders {
    gsize n;                        /* octets that all hold */
    GQueue queue[IMAPID_HOLDERS_N]; /* in [i] those that hold 2^i octets or more */
    gsize n_in[IMAPID_HOLDERS_N];   /* what they hold together */
};

/* One that holds memory. Set link.data to what find_greediest() is to return, zero the rest; it must
 * not move while it holds any. */
struct imapid_holder {
    GList link;
    gsize n;
};

/* `holder` holds n octets from now on. 0: none, it is not known any more and may be freed. */
void imapid_holders_set(struct imapid_holders *holders, struct imapid_holder *holder, gsize n);

/* Of both together, where `others` is not NULL: link.data of the holder that has most, to within half of it, and of those the one that has had as
 * much for the longest. If none is large, the most is held by many: then it is one of the size of which all together hold
 * most. NULL: there is none. */
void *imapid_holders_find_greediest(const struct imapid_holders *holders,
                                    const struct imapid_holders *others);

/* link.data of all of them, in no order. To be freed with g_ptr_array_unref(). */
GPtrArray *imapid_holders_list(const struct imapid_holders *holders);

#endif
