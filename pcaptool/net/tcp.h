/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_TCP_H
#define IMAPID_NET_TCP_H

#include "endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TCP segments in the order they were captured -> the octets of each connection, in order.
 *
 * What comes out: the octets of either direction in sequence, each once, the first copy seen of it
 * winning; where octets never came, a gap. Between the directions causes come before effects: what
 * acknowledges octets of the peer comes after them, also where the capture has it the other way
 * round. Checksums are not looked at. */
struct imapid_tcp;

/* A connection while it is wanted. The handler reads it and owns `user`, nothing else. It is good
 * from the first callback to the one that returns IGNORE, or to the end of end(). */
struct imapid_conn {
    /* In an order of no meaning; "direction d" everywhere is what endpoint[d] sent. */
    struct imapid_endpoint endpoint[2];
    void *user; /* NULL at first */
    /* The endpoint that opened the connection (sent SYN, or was sent SYN+ACK); the other one is
     * the server. -1 while neither was seen. */
    int client;
    /* False when the capture has no SYN and no SYN+ACK: octets may be missing at the beginning
     * of both directions. */
    bool from_start;
    int closer;      /* the direction that said FIN, or reset it, first; -1: none yet */
    bool is_reset;   /* it reset it */
    uint32_t stream; /* as Wireshark's tcp.stream, from 0 */
    struct imapid_stamp first, last; /* packets of this connection, so far */
    uint64_t n_octets[2];            /* delivered of each direction, so far */
    uint64_t n_lost[2];              /* octets in gaps of each direction, so far */
};

enum imapid_tcp_verdict {
    IMAPID_TCP_WANTED,
    /* No callback any more for this connection, end() included: the handler must have freed what
     * `user` holds. From then on the connection costs one look-up a packet. */
    IMAPID_TCP_IGNORE
};

enum imapid_tcp_reason {
    IMAPID_TCP_FIN,         /* both sides have said FIN, and everything before was delivered */
    IMAPID_TCP_RST,         /* one side reset it */
    IMAPID_TCP_REUSED,      /* another connection began on the same addresses and ports */
    IMAPID_TCP_CAPTURE_END, /* imapid_tcp_finish() */
    IMAPID_TCP_LIMIT        /* too many connections, or imapid_tcp_give_up() */
};

/* Callbacks must not call back into the object. No callback comes before the first octets or the
 * first gap: a connection that carried nothing is never seen. */
struct imapid_tcp_handler {
    /* The next octets of direction dir: n > 0, good during the call only. packet is the one that
     * made them deliverable: the one that carried them, or the one that filled the hole before
     * them (where Wireshark shows them too). */
    enum imapid_tcp_verdict (*data)(void *ctx, struct imapid_conn *conn, int dir,
                                    const uint8_t *octets, size_t n,
                                    const struct imapid_stamp *packet);
    /* Octets of direction dir are missing at this place and will not be delivered later: n_lost of
     * them, 0 when nobody knows how many. packet is the one behind the gap, or the one that
     * settled that there is one. */
    void (*gap)(void *ctx, struct imapid_conn *conn, int dir, uint64_t n_lost,
                const struct imapid_stamp *packet);
    /* The last callback of this connection. */
    void (*end)(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason);
    void *ctx;
};

/* Memory is bounded by these numbers, whatever the input. */
struct imapid_tcp_limits {
    uint32_t n_conns;      /* remembered at all, 64 octets each and at most 72 to find them */
    uint32_t n_wanted;     /* of those, not ignored and not ended, 350 octets each */
    uint32_t n_queue;      /* octets waiting behind a hole, in one direction, headers included */
    uint32_t n_queue_segs; /* segments waiting behind a hole, in one direction */
    uint32_t n_queue_all;  /* octets waiting in all connections, headers included */
    uint32_t n_patience;   /* packets of a connection after which what the peer has acknowledged,
                              but the capture has not shown, counts as lost */
};
extern const struct imapid_tcp_limits imapid_tcp_default_limits;

struct imapid_tcp_counts {
    uint64_t n_segments;
    uint64_t n_conns;   /* connections seen; the next one has this stream number */
    uint64_t n_ignored; /* given up by the handler */
    uint64_t n_octets;  /* delivered */
    uint64_t n_gaps;
    uint64_t n_lost;         /* octets in them */
    uint64_t n_reordered;    /* segments that had to wait for others */
    uint64_t n_short;        /* segments too short to have a TCP header */
    uint64_t n_off_sequence; /* data segments far outside of what the connection is about */
    uint64_t n_limit_queue;  /* a hole given up because n_queue or n_queue_segs was reached */
    uint64_t n_limit_all;    /* a hole given up because n_queue_all was reached */
    uint64_t n_limit_wanted; /* a wanted connection given up because of n_wanted */
    uint64_t n_limit_conns;  /* a connection forgotten because of n_conns */
};

/* One segment; what imapid_ip hands over. */
struct imapid_segment {
    /* addresses in network order: 4 octets at source and at destination, or 16 */
    const uint8_t *source, *destination;
    uint8_t family;        /* 4 or 6 */
    const uint8_t *octets; /* from the TCP header on */
    /* Which VLANs and tunnels it came through, 0 if none: part of a connection's identity, as two
     * networks may use the same addresses. But one connection can be seen on several paths: in the
     * clear and tagged or in its tunnel, where a port is mirrored or `-i any` sees both ends of a
     * tunnel; with a tag or tunnel for each direction; over another tunnel from some moment on, as
     * telephones do. The sequence numbers tell, being random. So a segment on a path that is new
     * belongs to a connection with the same addresses
     *  - that has shown no segment of this direction yet;
     *  - if it is a SYN: whose initial sequence number it repeats, while that is not over: routed
     *    between two VLANs with both captured, a connection is one;
     *  - if it is none: where it is within a MiB of both directions.
     * Of connections that differ by the path alone the 16 newest are asked.
     * A SYN with a number of its own begins another connection beside one on another path.
     * Wireshark 4.0 knows no paths: it has one stream where two connections differ by them alone.
     */
    uint32_t path;
    uint32_t n;      /* octets captured */
    uint32_t n_wire; /* octets there were by the lengths of the lower layers; >= n */
    struct imapid_stamp packet;
};

/* limits NULL: the default. The handler is copied. */
struct imapid_tcp *imapid_tcp_new(const struct imapid_tcp_handler *handler,
                                  const struct imapid_tcp_limits *limits);

/* Takes one segment; its octets are not needed afterwards, those that wait are copied. Callbacks come
 * from within. */
void imapid_tcp_segment(struct imapid_tcp *tcp, const struct imapid_segment *segment);

/* What follows is another capture, written behind this one: a connection that is over does not go on
 * there, even if one begins with the same sequence number. */
void imapid_tcp_begin_capture(struct imapid_tcp *tcp);

/* Gives a connection up that the handler was told of and that has not ended: what waits is delivered
 * behind gaps, then it ends with IMAPID_TCP_LIMIT. Not from a callback. */
void imapid_tcp_give_up(struct imapid_tcp *tcp, const struct imapid_conn *conn);

/* The capture is over: what waits is delivered behind gaps, every wanted connection ends, in the
 * order of stream numbers. The object is then as new, but for its counts and stream numbers. */
void imapid_tcp_finish(struct imapid_tcp *tcp);

/* The counts so far. They go on; the pointer is good while the object is. */
const struct imapid_tcp_counts *imapid_tcp_get_counts(const struct imapid_tcp *tcp);

/* Without imapid_tcp_finish() before it nothing more is delivered and no end() comes. */
void imapid_tcp_free(struct imapid_tcp *tcp);

#endif
