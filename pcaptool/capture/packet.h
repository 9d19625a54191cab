/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_PACKET_H
#define IMAPID_CAPTURE_PACKET_H

#include <stdbool.h>
#include <stdint.h>

/* One packet, as the capture holds it. The octets belong to whoever delivered the packet and are
 * good until its next packet is asked for: copy what must live longer. */
struct imapid_packet {
    const uint8_t *data; /* the octets captured, from the link header on */
    uint32_t n;          /* how many of them */
    uint32_t n_wire;     /* octets the packet had on the wire; never less than n */
    int64_t ts_ns;       /* nanoseconds since 1970-01-01 UTC; 0 when has_ts is false */
    uint64_t number;     /* of the file, from 1, as Wireshark's frame.number */
    uint32_t interface;  /* of the file, from 0, over all sections */
    uint16_t link_type;  /* LINKTYPE_ value of this packet */
    bool has_ts;         /* false for a pcapng Simple Packet Block */
};

#endif
