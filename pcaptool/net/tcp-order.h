/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_TCP_ORDER_H
#define IMAPID_NET_TCP_ORDER_H

#include <imapid/checksum.h>
#include <imapid/order.h>
#include <imapid/past.h>

#include "net/conn.h"
#include "net/tcp-queue.h"

#include <glib.h>

/* The segments of connections that are wanted -> their octets in order, for the handler. Whose a
 * segment is, the caller knows. */

/* A segment taken apart. */
struct imapid_tcp_parsed {
    uint32_t seq, ack, flags;
    const uint8_t *octets;
    uint32_t n, n_cut; /* octets of data captured; and cut off */
    bool whole;        /* the header makes sense */
    uint16_t window;
    const uint8_t *header; /* NULL: cut, or of no interest */
    uint32_t n_segment;    /* octets captured from the header on */
    struct imapid_stamp packet;
    uint8_t ttl;
    bool has_checksum; /* it was judged already: */
    uint8_t checksum;  /* enum imapid_checksum */
};

struct imapid_tcp_direction {
    struct imapid_tcp_queue queue;
    GList link; /* in `waiting` while something is in the queue; its data is the state */
    struct imapid_past past;
    struct imapid_checksums *checksums; /* NULL: none was wrong */
    bool is_right;                      /* with that: one was right */
};

/* What there is only where something ends a connection, or seems to. */
struct imapid_tcp_ending {
    struct imapid_stamp fin[2]; /* the packet that said FIN, where the direction has one */
    struct imapid_stamp reset;  /* the packet with the reset that stands, where one does */
    GList link;                 /* in `closing` while is_closing; its data is the state */
    enum imapid_tcp_reason closing;
    int64_t closing_ns; /* since when */
};

/* A segment that came on another path than those before it in its direction. */
struct imapid_tcp_stray {
    struct imapid_tcp_stray *next;
    struct imapid_tcp_parsed parsed;
    uint32_t path;
    int d;
};

/* A connection that is wanted. */
struct imapid_tcp_state {
    struct imapid_conn conn;
    struct imapid_order order;
    struct imapid_tcp_direction dirs[2];
    struct imapid_tcp_ending *ending; /* NULL: nothing has ended it so far */
    /* The owner's: */
    uint32_t entry;
    uint32_t former; /* see tcp.c */
    uint32_t latter;
    uint32_t isn[2];  /* with `latter`, as the entry had it */
    uint32_t home[2]; /* the path of each direction */
    bool has_home[2];
    struct imapid_tcp_stray *strays; /* what came on other paths since, the first one first */
    uint32_t n_strays;               /* octets of them */
    uint32_t flags;
    bool used;
    bool recent;
    bool kept; /* counted as one that matters */
    /* All others': */
    bool valued;       /* octets came, so it matters */
    bool told;         /* the handler knows it */
    bool is_contested; /* its SYN came while the former connection went on */
    bool is_closing;
};

/* What all connections share. */
struct imapid_tcp_order {
    struct imapid_tcp_handler handler;
    struct imapid_tcp_limits limits;
    struct imapid_tcp_counts counts;
    GQueue waiting;    /* directions with a queue, the longest waiting first */
    GQueue closing;    /* states that seem closed, the longest first */
    uint64_t n_queued; /* octets in all queues */
    struct imapid_pasts pasts;
    struct imapid_order_doubt doubts[IMAPID_ORDER_DOUBTS]; /* of one segment */
};

/* Makes a state of what is all zero, but for `conn`. */
void imapid_tcp_order_begin(struct imapid_tcp_order *order, struct imapid_tcp_state *state);

/* A segment of direction `d`; a SYN's `seq` is that of its octets afterwards. False: the connection is
 * over, as the handler was told or as it wants; nothing waits any more, and the state is of no
 * further use. */
bool imapid_tcp_order_take(struct imapid_tcp_order *order, struct imapid_tcp_state *state, int d,
                           struct imapid_tcp_parsed *parsed);

/* The connection seems over, for this reason. It goes on as it was if it does; else it ends some time
 * later: see imapid_tcp_order_find_closed(). */
void imapid_tcp_order_close(struct imapid_tcp_order *order, struct imapid_tcp_state *state,
                            enum imapid_tcp_reason reason, int64_t ts_ns);

/* Does any connection seem over? */
static inline bool imapid_tcp_order_is_closing(const struct imapid_tcp_order *order)
{
    return order->closing.head != NULL;
}

/* The connection that has seemed over for longer than is waited for, or more of them than are kept;
 * else NULL. Finish it. */
struct imapid_tcp_state *imapid_tcp_order_find_closed(const struct imapid_tcp_order *order,
                                                      int64_t ts_ns);

/* Delivers all that waits, then ends the connection, unless the handler ignores it before. Of one that
 * seems over the reason is what it seems. Nothing waits any more, and the state is of no further use. */
void imapid_tcp_order_finish(struct imapid_tcp_order *order, struct imapid_tcp_state *state,
                             enum imapid_tcp_reason reason);

/* The connection that has waited longest, where more waits in all of them than may; else NULL. */
struct imapid_tcp_state *imapid_tcp_order_find_excess(struct imapid_tcp_order *order);

/* Delivers what waits in the connection. False as imapid_tcp_order_take() has it. */
bool imapid_tcp_order_empty(struct imapid_tcp_order *order, struct imapid_tcp_state *state,
                            const struct imapid_stamp *packet);

/* Notes a doubt of the connection. */
void imapid_tcp_order_doubt(struct imapid_tcp_state *state, enum imapid_doubt doubt,
                            uint64_t frame);

/* Forgets what waits, and all else that the state owns. */
void imapid_tcp_order_clear(struct imapid_tcp_order *order, struct imapid_tcp_state *state);

#endif
