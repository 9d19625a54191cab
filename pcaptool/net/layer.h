/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_LAYER_H
#define IMAPID_NET_LAYER_H

#include "capture/packet.h"
#include "path.h"

#include <stddef.h>

/* What the modules that take layers off have in common. */

/* Where the number of a layer that is not read comes from. numbers.c has their names. */
enum imapid_number_space {
    IMAPID_NUMBER_LINK_TYPE,
    IMAPID_NUMBER_ETHER_TYPE,
    IMAPID_NUMBER_IP_PROTOCOL,
    IMAPID_NUMBER_UDP_PORT,
    IMAPID_NUMBER_GRE_PROTOCOL,
    IMAPID_NUMBER_PPP_PROTOCOL,
    IMAPID_NUMBER_LLC_SAP,
    IMAPID_NUMBER_NLPID,
    IMAPID_NUMBER_NSH_PROTOCOL,
    IMAPID_NUMBER_FAMILY,
    IMAPID_NUMBER_IP_VERSION,
    IMAPID_NUMBER_WLAN,   /* an enum imapid_number_wlan */
    IMAPID_NUMBER_DEPTH,  /* of layers that were looked at */
    IMAPID_NUMBER_HEADER, /* an enum imapid_number_header */
    IMAPID_N_NUMBER_SPACES
};

/* What of IEEE 802.11 is not read. */
enum imapid_number_wlan { IMAPID_WLAN_PROTECTED = 1, IMAPID_WLAN_FRAGMENT };

/* Why a header is not read. */
enum imapid_number_header { IMAPID_HEADER_CUT = 1, IMAPID_HEADER_BAD_TCP, IMAPID_HEADER_FRAGMENT };

/* A layer that is not read. */
struct imapid_unread {
    enum imapid_number_space space;
    uint32_t number;
    unsigned tunnel; /* of a UDP port: what it looks like; see imapid_udp_get_name(), 0: nothing */
};

/* What is left of a packet while its layers are taken off. */
struct imapid_cursor {
    const uint8_t *at;
    uint32_t n;      /* octets captured from `at` on */
    uint32_t n_wire; /* octets there were; >= n */
    /* Identity of the network the packet belongs to; see imapid_layer_add_path(). */
    uint32_t path;
    uint8_t n_hops;          /* of what it is made of */
    struct imapid_hop *hops; /* IMAPID_PATH_N_MAX of them; NULL: they are not noted */
    /* The packets that follow in the same frame (IEEE 802.11 A-MSDU), in no VLAN or tunnel; NULL:
     * none, and the next two mean nothing. */
    const uint8_t *next;
    uint32_t n_next, n_next_wire;
    struct imapid_unread unread; /* set with IMAPID_LAYER_UNREAD, and only then of meaning */
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
    IMAPID_LAYER_FRAME_RELAY,
    IMAPID_LAYER_GRE,
    IMAPID_LAYER_ERSPAN2,
    IMAPID_LAYER_ERSPAN3,
    IMAPID_LAYER_WCCP,
    IMAPID_LAYER_WLAN,         /* IEEE 802.11 */
    IMAPID_LAYER_WLAN_SWAPPED, /* with the octets of its frame control field swapped */
    IMAPID_LAYER_AMSDU,        /* a subframe of an A-MSDU */
    IMAPID_LAYER_RADIOTAP,     /* the radio's remarks before a frame of 802.11, in four formats */
    IMAPID_LAYER_PRISM,
    IMAPID_LAYER_AVS,
    IMAPID_LAYER_PPI,
    /* what stands between MAC addresses and IP; see tag.h */
    IMAPID_LAYER_VN_TAG,
    IMAPID_LAYER_E_TAG,
    IMAPID_LAYER_TRUSTSEC,
    IMAPID_LAYER_TRUSTSEC_GRE,
    IMAPID_LAYER_TTAG,
    IMAPID_LAYER_ARISTA,
    IMAPID_LAYER_PBB,
    IMAPID_LAYER_MACSEC,
    IMAPID_LAYER_FABRICPATH,
    IMAPID_LAYER_REALTEK,
    IMAPID_LAYER_NSH,
    IMAPID_LAYER_DSA,
    IMAPID_LAYER_EDSA,
    IMAPID_LAYER_BROADCOM,
    IMAPID_LAYER_BROADCOM_FIRST,
    /* what a capture has in place of a link layer; see pseudo.h */
    IMAPID_LAYER_NFLOG,
    IMAPID_LAYER_PFLOG,
    IMAPID_LAYER_PKTAP,
    IMAPID_LAYER_PKTAP_USER2,
    IMAPID_LAYER_ENC,
    IMAPID_LAYER_IPNET,
    IMAPID_LAYER_JUNIPER_ETHERNET,
    IMAPID_LAYER_FDDI,
    IMAPID_LAYER_IPOIB,
    IMAPID_LAYER_SLIP,
    IMAPID_N_LAYERS_TO_STRIP,

    IMAPID_LAYER_IP4 = IMAPID_N_LAYERS_TO_STRIP,
    IMAPID_LAYER_IP6,
    IMAPID_LAYER_OTHER,  /* what it is, is known, and it has no IP in it */
    IMAPID_LAYER_CUT,    /* the capture does not hold the header */
    IMAPID_LAYER_UNREAD, /* not understood, or not readable: cursor->unread says what */
};

/* Layers of one packet before IP, a label of MPLS being one. What a network really sends has less
 * than ten. */
#define IMAPID_LAYER_N_MAX 16

/* The path that comes of one when a tag or tunnel is entered. The path of a packet that came
 * through none is 0, and only that. Different ways have the same path once in four thousand
 * million. */
static inline uint32_t imapid_layer_mix_path(uint32_t path, enum imapid_path_kind kind, uint32_t id)
{
    uint32_t mixed =
        (path ^ id) * UINT32_C(0x9e3779b1) + (uint32_t)(kind + 1) * UINT32_C(0x85ebca6b);
    mixed ^= mixed >> 15;
    return mixed ? mixed : 1;
}

/* Where to note the next hop. NULL: there is no room, or nobody asks. */
static inline struct imapid_hop *imapid_layer_add_hop(struct imapid_cursor *cursor,
                                                      enum imapid_path_kind kind)
{
    if (!cursor->hops || cursor->n_hops == IMAPID_PATH_N_MAX)
        return NULL;
    struct imapid_hop *hop = &cursor->hops[cursor->n_hops++];
    *hop = (struct imapid_hop){.kind = kind};
    return hop;
}

/* A tag or tunnel is entered that has this number, the same of two kinds not being the same. It may be
 * that of the tunnel whose ends were noted last. */
static inline void imapid_layer_add_path(struct imapid_cursor *cursor, enum imapid_path_kind kind,
                                         uint32_t number)
{
    struct imapid_hop *hop = cursor->n_hops ? &cursor->hops[cursor->n_hops - 1] : NULL;
    if (!hop || hop->kind != kind || hop->has_number || !hop->family)
        hop = imapid_layer_add_hop(cursor, kind);
    if (hop) {
        hop->has_number = true;
        hop->number = number;
    }
    cursor->path = imapid_layer_mix_path(cursor->path, kind, number);
}

/* Takes n octets off, which must be there. */
static inline void imapid_layer_take_off(struct imapid_cursor *cursor, uint32_t n)
{
    cursor->at += n;
    cursor->n -= n;
    cursor->n_wire -= n;
}

/* What to say of a header of n octets that the cursor does not hold: OTHER if the packet never had
 * them, CUT if the capture lacks them. */
static inline enum imapid_layer imapid_layer_too_short(const struct imapid_cursor *cursor,
                                                       uint32_t n)
{
    return cursor->n_wire < n ? IMAPID_LAYER_OTHER : IMAPID_LAYER_CUT;
}

/* Takes off n octets, of which the capture may have less. Returns `next`, or why not. */
static inline enum imapid_layer imapid_layer_skip(struct imapid_cursor *cursor, uint32_t n,
                                                  enum imapid_layer next)
{
    if (n > cursor->n)
        return imapid_layer_too_short(cursor, n);
    imapid_layer_take_off(cursor, n);
    return next;
}

/* Says what is not read. Returns UNREAD. */
static inline enum imapid_layer imapid_layer_set_unread(struct imapid_cursor *cursor,
                                                        enum imapid_number_space space,
                                                        uint32_t number)
{
    cursor->unread = (struct imapid_unread){space, number, 0};
    return IMAPID_LAYER_UNREAD;
}

#endif
