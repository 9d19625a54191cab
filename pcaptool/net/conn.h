/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_CONN_H
#define IMAPID_NET_CONN_H

#include <imapid/doubts.h>
#include <imapid/stall.h>

#include "endpoint.h"
#include "path.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A TCP connection as those see it who want its octets, and what they are told of it. */

/* Of a segment (RFC 9293, section 3.1). */
#define IMAPID_TCP_FLAG_FIN 0x01u
#define IMAPID_TCP_FLAG_SYN 0x02u
#define IMAPID_TCP_FLAG_RST 0x04u
#define IMAPID_TCP_FLAG_ACK 0x10u

/* An error of ICMP about what direction `dir` sent, with the address of its sender, of the connection's family. */
struct imapid_conn_error {
    int dir;
    uint8_t from[16];
    struct imapid_stamp at;
};

/* What ICMP said of a connection. */
struct imapid_conn_icmp {
    const char *error; /* the first error: see struct imapid_icmp; NULL: none */
    uint32_t mtu;      /* the first that tells how large a packet may be; 0: none */
    struct imapid_conn_error of_error, of_mtu;
};

/* With `to` after `from`: within these places of each direction, counted in n_octets and n_lost, are all octets that
 * came twice, and differed. */
struct imapid_conn_contested {
    struct {
        uint64_t from, to;
    } of[2];
};

/* A connection while it is wanted. The handler reads it and owns `user` and `is_far`, nothing else. It is good
 * from the first callback to the one that returns IGNORE, or to the end of end(). */
struct imapid_conn {
    /* In an order of no meaning; "direction d" everywhere is what endpoint[d] sent. */
    struct imapid_endpoint endpoint[2];
    void *user;  /* NULL at first */
    bool is_far; /* `user` is another thread's: it is not to be fetched */
    /* The endpoint that opened the connection (sent SYN, or was sent SYN+ACK); the other one is
     * the server. -1 while neither was seen. */
    int client;
    /* False when the capture has no SYN and no SYN+ACK: octets may be missing at the beginning
     * of both directions. */
    bool from_start;
    bool
        is_half_seen; /* with from_start: no SYN+ACK, so this goes for the server's direction alone */
    bool
        begins_anew; /* what was delivered of the server's direction came before its SYN, and is none of it */
    int closer;      /* the direction that said FIN, or reset it, first; -1: none yet */
    bool is_reset;   /* in end(): it reset it */
    uint32_t stream; /* counts connections, from 0 */
    uint32_t
        stream_in_file; /* as Wireshark's tcp.stream where the connection begins: see imapid_tcp_begin_piece() */
    struct imapid_stamp closed; /* where `closer` is set: the packet with which it did */
    uint8_t ttl[2];      /* of the last segment of each direction that is no reset, 0: none came */
    uint8_t closing_ttl; /* of the reset that stands, or stood last */
    struct imapid_stall stall[2];
    struct imapid_conn_icmp *icmp;           /* NULL: none so far */
    struct imapid_stamp first, last;         /* packets of this connection, so far */
    uint64_t n_octets[2];                    /* delivered of each direction, so far */
    uint64_t n_lost[2];                      /* octets in gaps of each direction, so far; less
                                        where some come after all, behind a gap of 0 */
    struct imapid_doubts *doubts;            /* NULL: none so far */
    struct imapid_conn_contested *contested; /* NULL: none so far */
    struct imapid_path *path; /* how its first packet came; NULL: through no VLAN or tunnel */
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

/* Callbacks must not call back into the object. But for quiet(), no callback comes before the
 * first octets or the first gap. */
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
    /* A connection that carried nothing is over; NULL: of no interest. It is not called for those that
     * are forgotten because there are too many, nor for a SYN while the connection before goes on. */
    void (*quiet)(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason);
    /* May quiet() be of interest for a connection between these ports? NULL: always. Where there is too much, nothing is
     * kept of others before their first octets. */
    bool (*may_be_quiet)(void *ctx, uint16_t port0, uint16_t port1);
};

/* Memory is bounded by these numbers, whatever the input. */
struct imapid_tcp_limits {
    uint32_t n_conns;      /* remembered at all, 64 octets each and 16 to find most, 72 at most */
    uint32_t n_wanted;     /* of those, not ignored and not ended, 816 octets each */
    uint32_t n_queue;      /* octets waiting behind a hole, in one direction, headers included */
    uint32_t n_queue_segs; /* segments waiting behind a hole, in one direction */
    uint32_t n_queue_all;  /* octets waiting in all connections, headers included */
    uint32_t n_past_all;   /* octets kept in all connections to hold copies against */
    uint32_t n_patience;   /* packets of a connection after which what the peer has acknowledged,
                              but the capture has not shown, counts as lost */
    uint32_t n_closing;    /* connections that seem closed, and may yet go on */
    int64_t closing_ns;    /* for so long, by the clock of the capture */
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
    uint64_t n_off_sequence; /* data segments outside of what the connection is about */
    uint64_t n_limit_queue;  /* a hole given up because n_queue or n_queue_segs was reached */
    uint64_t n_limit_all;    /* a hole given up because n_queue_all was reached */
    uint64_t n_limit_wanted; /* a wanted connection given up because of n_wanted */
    uint64_t n_limit_conns;  /* a connection forgotten because of n_conns */
};

#endif
