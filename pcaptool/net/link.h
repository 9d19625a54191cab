/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_LINK_H
#define IMAPID_NET_LINK_H

#include "capture/packet.h"

/* What is left of a packet while its layers are taken off. */
struct imapid_cursor {
    const uint8_t *at;
    uint32_t n;      /* octets captured from `at` on */
    uint32_t n_wire; /* octets there were; >= n */
    /* Identity of the network the packet belongs to; see imapid_link_add_path(). */
    uint32_t path;
    /* The packets that follow in the same frame (IEEE 802.11 A-MSDU), in no VLAN or tunnel; NULL:
     * none, and the next two mean nothing. */
    const uint8_t *next;
    uint32_t n_next, n_next_wire;
};

/* What begins at the cursor. */
enum imapid_layer {
    IMAPID_LAYER_ETHERNET,
    IMAPID_LAYER_VLAN, /* behind the EtherType that announces a tag */
    IMAPID_LAYER_LLC,
    IMAPID_LAYER_COOKED,     /* Linux cooked capture v1 */
    IMAPID_LAYER_COOKED2,    /* and v2 */
    IMAPID_LAYER_LOOPBACK,   /* BSD: an address family, in either byte order */
    IMAPID_LAYER_RAW,        /* IP of the version it says */
    IMAPID_LAYER_MPLS,       /* a label */
    IMAPID_LAYER_MPLS_INNER, /* what the last label carries, which it does not tell */
    IMAPID_LAYER_PPPOE,
    IMAPID_LAYER_PPP,
    IMAPID_LAYER_PPP_DIRECTION, /* an octet that tells the direction, then PPP */
    IMAPID_LAYER_HDLC,          /* PPP in HDLC-like framing, or Cisco's HDLC */
    IMAPID_LAYER_GRE,
    IMAPID_LAYER_ERSPAN2,
    IMAPID_LAYER_ERSPAN3,
    IMAPID_LAYER_WLAN,     /* IEEE 802.11 */
    IMAPID_LAYER_AMSDU,    /* a subframe of an A-MSDU */
    IMAPID_LAYER_RADIOTAP, /* the radio's remarks before a frame of 802.11, in four formats */
    IMAPID_LAYER_PRISM,
    IMAPID_LAYER_AVS,
    IMAPID_LAYER_PPI,
    IMAPID_N_LAYERS_TO_STRIP,

    IMAPID_LAYER_IP4 = IMAPID_N_LAYERS_TO_STRIP,
    IMAPID_LAYER_IP6,
    IMAPID_LAYER_OTHER,   /* no IP in it */
    IMAPID_LAYER_CUT,     /* the capture does not hold the header */
    IMAPID_LAYER_DEEP,    /* more layers than are looked at */
    IMAPID_LAYER_UNKNOWN, /* a link type that is not known here */
};

/* Layers of one packet before IP, a label of MPLS being one. What a network really sends has less
 * than ten. */
#define IMAPID_LINK_N_MAX 16

/* What numbers a packet's network; the same number of two kinds is not the same. */
enum imapid_path_kind {
    IMAPID_PATH_VLAN = 1,
    IMAPID_PATH_MPLS,
    IMAPID_PATH_PPPOE,
    IMAPID_PATH_GRE,
    IMAPID_PATH_IP,
    IMAPID_PATH_VXLAN,
    IMAPID_PATH_GENEVE,
    IMAPID_PATH_GTP,
};

/* The path that comes of one when a tag or tunnel is entered. The path of a packet that came
 * through none is 0, and only that. Different ways have the same path once in four thousand
 * million. */
static inline uint32_t imapid_link_add_path(uint32_t path, enum imapid_path_kind kind, uint32_t id)
{
    uint32_t mixed = (path ^ id) * UINT32_C(0x9e3779b1) + (uint32_t)kind * UINT32_C(0x85ebca6b);
    mixed ^= mixed >> 15;
    return mixed ? mixed : 1;
}

static inline void imapid_link_take_off(struct imapid_cursor *cursor, uint32_t n)
{
    cursor->at += n;
    cursor->n -= n;
    cursor->n_wire -= n;
}

/* The layer that packets of a link type begin with, or UNKNOWN. */
enum imapid_layer imapid_link_find_layer(uint16_t link_type);

/* The layer behind an EtherType, or behind what stands in its place in GRE, or OTHER. */
enum imapid_layer imapid_link_find_ether_type(unsigned ether_type);

/* Takes layers off, the first one being `layer`, until one that is none of a link. */
enum imapid_layer imapid_link_strip(enum imapid_layer layer, struct imapid_cursor *cursor);

#endif
