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

/* Takes one packet; its octets are not needed afterwards. Callbacks come from within. */
void imapid_net_packet(struct imapid_net *net, const struct imapid_packet *packet);

/* See imapid_tcp_begin_capture(). */
void imapid_net_begin_capture(struct imapid_net *net);

/* See imapid_tcp_give_up(). */
void imapid_net_give_up(struct imapid_net *net, const struct imapid_conn *conn);

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
