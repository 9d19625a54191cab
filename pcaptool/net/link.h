/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_LINK_H
#define IMAPID_NET_LINK_H

#include "capture/packet.h"

/* What is left of a packet while its layers are taken off. */
struct imapid_cursor {
    const uint8_t *at;
    uint32_t n;      /* octets captured from `at` on */
    uint32_t n_wire; /* octets there were; >= n */
    /* Identity of the way the packet came: 0, or the VLAN ids it was tagged with, the outer one
     * above the inner one, 12 bits each. Tag 0 (priority only) is none. */
    uint32_t path;
};

/* What begins at the cursor. */
enum imapid_layer {
    IMAPID_LAYER_ETHERNET,
    IMAPID_LAYER_VLAN, /* behind the EtherType that announces a tag */
    IMAPID_LAYER_LLC,
    IMAPID_LAYER_COOKED,   /* Linux cooked capture v1 */
    IMAPID_LAYER_COOKED2,  /* and v2 */
    IMAPID_LAYER_LOOPBACK, /* BSD: an address family, in either byte order */
    IMAPID_LAYER_RAW,      /* IP of the version it says */
    IMAPID_N_LAYERS_TO_STRIP,

    IMAPID_LAYER_IP4 = IMAPID_N_LAYERS_TO_STRIP,
    IMAPID_LAYER_IP6,
    IMAPID_LAYER_OTHER,   /* no IP in it */
    IMAPID_LAYER_CUT,     /* the capture does not hold the header */
    IMAPID_LAYER_UNKNOWN, /* a link type that is not known here */
};

/* The layer that packets of a link type begin with, or UNKNOWN. */
enum imapid_layer imapid_link_find_layer(uint16_t link_type);

/* Takes layers off, the first one being `layer`, until one that is none of a link. */
enum imapid_layer imapid_link_strip(enum imapid_layer layer, struct imapid_cursor *cursor);

#endif
