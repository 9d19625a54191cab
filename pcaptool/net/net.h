/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_NET_H
#define IMAPID_NET_NET_H

#include "capture/packet.h"
#include "net/decode.h"
#include "net/tcp.h"
#include "net/unread.h"

/* Packets of a capture -> the octets of its TCP connections: link, IP and TCP in one object.
 * Feed it the packets in order, then finish. One object is used by one thread at a time. */
struct imapid_net;

struct imapid_net_counts {
    uint64_t n_packets;
    uint64_t n_unknown_link; /* packets of a link type that is not read here, unread as well */
    uint64_t n_not_ip;       /* ARP and the like */
    uint64_t n_not_tcp;      /* UDP and the like, or a tunnel with no IP in it */
    uint64_t n_malformed;    /* headers that contradict themselves */
    uint64_t n_cut;          /* headers that the capture does not hold whole */
    struct imapid_unread_counts unread; /* layers that are not understood, or not readable */
    uint64_t n_fragments;               /* IP fragments that may belong to TCP, or to a tunnel */
    uint64_t n_reassembled;             /* datagrams put together of them */
    uint64_t n_fragments_lost; /* datagrams given up: a piece was missing or cut, or too many
                                  at a time */
};

/* limits NULL: the default. The handler is copied. */
struct imapid_net *imapid_net_new(const struct imapid_tcp_handler *handler,
                                  const struct imapid_tcp_limits *limits);

/* What the user says of UDP ports, before the first packet. It must live as long as the object. Link
 * types are the caller's; see imapid_numbers_decode_link_type(). */
void imapid_net_set_decode(struct imapid_net *net, const struct imapid_decode *decode);

/* Who is told which connection a packet is of: its number, and that of the stream. A packet may be of several, or
 * told more than once. Or of each segment, as imapid_tcp_tap has it. NULL: of no interest. */
struct imapid_net_tap {
    void (*packet)(void *ctx, uint64_t number, uint32_t stream);
    void (*segment)(void *ctx, const struct imapid_segment *segment, uint32_t stream, int dir);
    void *ctx;
};

/* The tap is copied. Before the first packet; one of segments alone at any time. */
void imapid_net_set_tap(struct imapid_net *net, const struct imapid_net_tap *tap);

/* Takes one packet; its octets are not needed afterwards. Callbacks come from within. */
void imapid_net_packet(struct imapid_net *net, const struct imapid_packet *packet);

/* See imapid_tcp_begin_capture(). */
void imapid_net_begin_capture(struct imapid_net *net);

/* See imapid_tcp_begin_piece(). */
void imapid_net_begin_piece(struct imapid_net *net);

/* What is known of a packet before it is due: of one that carries a TCP segment, where that is. */
struct imapid_net_ahead {
    uint64_t digest;            /* see imapid_tcp_digest() */
    uint32_t n, n_wire;         /* of the segment, as imapid_segment has them */
    uint16_t addresses, octets; /* where the source's address and the segment begin */
    uint8_t family;             /* 0: nothing is known, and the rest means nothing */
    uint8_t ttl;
    bool is_on_path;       /* it came through a VLAN or the like, of which there is more to tell */
    bool is_passable : 1;  /* see imapid_tcp_is_passable() */
    bool has_checksum : 1; /* it was judged: */
    unsigned checksum : 2; /* enum imapid_checksum */
};

/* Finds out what there is to know of a packet. Any thread may do that, at any time. */
void imapid_net_prepare(const struct imapid_net *net, const struct imapid_packet *packet,
                        struct imapid_net_ahead *ahead);

/* Judges its checksum, too, where all of it is there. */
void imapid_net_judge(const struct imapid_packet *packet, struct imapid_net_ahead *ahead);

/* This packet will come, some after the one that is due: what is known of its connection is brought
 * near. What is delivered does not depend on it. */
void imapid_net_foresee(struct imapid_net *net, const struct imapid_packet *packet,
                        const struct imapid_net_ahead *ahead);

/* As imapid_tcp_pass() and imapid_tcp_may_pass(), of packets that were prepared and are passable. */
size_t imapid_net_pass(struct imapid_net *net, const struct imapid_ahead_mark *marks, size_t n,
                       uint64_t n_before);
size_t imapid_net_may_pass(const struct imapid_net *net, const struct imapid_ahead_mark *marks,
                           size_t n);

/* As imapid_net_packet(), of a packet that was prepared. */
void imapid_net_packet_ahead(struct imapid_net *net, const struct imapid_packet *packet,
                             const struct imapid_net_ahead *ahead);

/* See imapid_tcp_end_new(), imapid_tcp_has_open(). */
void imapid_net_end_new(struct imapid_net *net);
bool imapid_net_has_open(const struct imapid_net *net, int64_t ts_ns);

/* See imapid_tcp_give_up(). */
void imapid_net_give_up(struct imapid_net *net, const struct imapid_conn *conn);

/* See imapid_tcp_ignore(). */
void imapid_net_ignore(struct imapid_net *net, const struct imapid_conn *conn);

/* See imapid_tcp_close(). */
void imapid_net_close(struct imapid_net *net);

/* End of the capture; see imapid_tcp_finish(). */
void imapid_net_finish(struct imapid_net *net);

/* The counts so far. They go on; the pointers are good while the object is. */
const struct imapid_net_counts *imapid_net_get_counts(const struct imapid_net *net);
const struct imapid_tcp_counts *imapid_net_get_tcp_counts(const struct imapid_net *net);

/* NULL is allowed. */
void imapid_net_free(struct imapid_net *net);

#endif
