/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_DECODE_H
#define IMAPID_NET_DECODE_H

#include <stdbool.h>
#include <stdint.h>

/* Ports that may be given; nobody types more. */
#define IMAPID_DECODE_N_PORTS 64

/* What the user says that packets are, as the numbers in them do not tell. All zero: nothing. */
struct imapid_decode {
    bool has_link_type; /* see imapid_numbers_decode_link_type() */
    uint16_t link_type;
    unsigned n_ports;
    struct {
        uint16_t port;   /* of UDP, as the destination; goes before what is registered */
        unsigned tunnel; /* see imapid_udp_find_tunnel() */
    } ports[IMAPID_DECODE_N_PORTS];
};

#endif
