/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_IP_H
#define IMAPID_NET_IP_H

#include "net/layer.h"

/* An IPv4 or IPv6 packet taken apart. Pointers are into the packet. */
struct imapid_ip {
    const uint8_t *source, *destination; /* 4 or 16 octets */
    const uint8_t *octets;               /* what it carries */
    uint32_t n;                          /* octets of that captured */
    uint32_t n_wire;                     /* octets of that there were, padding not counted */
    uint32_t path;
    uint8_t n_hops; /* as the cursor had them */
    struct imapid_hop *hops;
    uint32_t fragment_id;
    uint16_t fragment_place; /* octets before this piece in its datagram */
    bool is_fragment;
    bool more_fragments;
    uint8_t family;   /* 4 or 6 */
    uint8_t ttl;      /* or hop limit */
    uint8_t protocol; /* of what it carries; of a fragment, what its datagram has first */
};

#define IMAPID_IP_TCP  6
#define IMAPID_IP_UDP  17
#define IMAPID_IP_ESP  50
#define IMAPID_IP_AH   51
#define IMAPID_IP_L2TP 115

enum imapid_ip_status {
    IMAPID_IP_OK,
    IMAPID_IP_CUT,      /* the capture does not hold the headers whole */
    IMAPID_IP_MALFORMED /* lengths or version that cannot be */
};

/* cursor is at the IP header. A length of 0 (left to the network card to fill in) means all there
 * is; lengths beyond the packet are cut to it. Authentication headers and the extension headers of
 * IPv6 are walked to the protocol behind them, or to a Fragment header. The
 * version is the one that the header has. */
enum imapid_ip_status imapid_ip_parse(const struct imapid_cursor *cursor, struct imapid_ip *ip);

/* Walks the headers at ip->octets, ip->protocol being the first's type: for the beginning of a
 * datagram put together of fragments. */
enum imapid_ip_status imapid_ip_walk(struct imapid_ip *ip);

/* Whether what begins at the cursor, whole or cut, proves to be an IP packet: with IPv4 by the
 * checksum of its header (or, where a card was to write that, by its length), with IPv6 by its length
 * and a usual protocol. Neither may be longer than the cursor. */
bool imapid_ip_is_likely(const struct imapid_cursor *cursor);

/* The packet is a tunnel that is entered: its two addresses become part of the cursor's path, the same
 * for both directions. */
void imapid_ip_add_ends(const struct imapid_ip *ip, struct imapid_cursor *cursor,
                        enum imapid_path_kind kind);

#endif
