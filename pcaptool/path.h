/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_PATH_H
#define IMAPID_PATH_H

#include <stdbool.h>
#include <stdint.h>

/* The way that packets of a connection came: the VLANs and tunnels around them. */

/* Their names stand in record/spell-record.c, in this order. */
enum imapid_path_kind {
    IMAPID_PATH_VLAN,
    IMAPID_PATH_MPLS,
    IMAPID_PATH_PPPOE,
    IMAPID_PATH_PBB,
    IMAPID_PATH_FRAME_RELAY,
    IMAPID_PATH_GRE,
    IMAPID_PATH_IP,
    IMAPID_PATH_ETHERNET,
    IMAPID_PATH_VXLAN,
    IMAPID_PATH_GENEVE,
    IMAPID_PATH_GTP,
    IMAPID_PATH_L2TP,
    IMAPID_PATH_TZSP,
    IMAPID_PATH_CAPWAP,
    IMAPID_PATH_TEREDO,
    IMAPID_PATH_AYIYA,
    IMAPID_PATH_ERM,
    IMAPID_PATH_ESP,
    IMAPID_N_PATH_KINDS
};

struct imapid_hop {
    enum imapid_path_kind kind;
    bool has_number;
    uint8_t family; /* of the tunnel's ends, 4 or 6; 0: it is no tunnel */
    uint32_t number;
    uint8_t from[16], to[16]; /* in network order; IPv4 has 4, the rest is 0 */
};

/* Hops that are told. Real networks have two or three. */
#define IMAPID_PATH_N_MAX 8

/* From the outside to the inside. */
struct imapid_path {
    unsigned n;
    struct imapid_hop hops[IMAPID_PATH_N_MAX];
};

#endif
