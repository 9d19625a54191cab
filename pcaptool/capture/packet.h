/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_PACKET_H
#define IMAPID_CAPTURE_PACKET_H

#include <imapid/moment.h>

#include <stdbool.h>
#include <stdint.h>

/* No packet handed out is longer than this. */
#define IMAPID_CAPTURE_PACKET_MAX (16u << 20)

/* One packet, as the capture holds it. The octets belong to whoever delivered the packet and are
 * good until its next packet is asked for: copy what must live longer. */
struct imapid_packet {
    const uint8_t *data; /* the octets captured, from the link header on */
    uint32_t n;          /* how many of them */
    uint32_t n_wire;     /* octets the packet had on the wire; never less than n */
    int64_t ts_ns;       /* nanoseconds since 1970-01-01 UTC, or IMAPID_TIME_NONE */
    uint64_t number;     /* of the file, from 1, as Wireshark's frame.number */
    uint32_t interface;  /* of the file, from 0, over all sections */
    uint16_t link_type;  /* LINKTYPE_ value of this packet */
    const void *ahead;   /* what was found out of it ahead (capture/ahead.h); NULL: nothing */
};

/* Options of a pcapng block. */
struct imapid_capture_options {
    const uint8_t *octets;
    uint32_t n;
    bool swapped; /* their byte order is not this machine's */
};

/* What packets were captured from, as the capture says. */
struct imapid_capture_interface {
    uint16_t link_type;
    uint32_t n_snap;  /* the most octets of a packet that are captured; 0: no limit */
    uint8_t n_digits; /* of the fraction of a second in its times: 0 to 9 */
    int64_t offset_s; /* seconds that its times, as they stand there, begin with */
    struct imapid_capture_options options;
};

/* What asking a capture for its next packet gives. */
enum imapid_capture_result {
    IMAPID_CAPTURE_END,    /* nothing more; so it stays */
    IMAPID_CAPTURE_PACKET, /* *packet is set, good until the next call */
    /* Something could not be read; imapid_capture_get_error() says what and where. Packets given
     * before stay valid. Call again: reading goes on behind the damage, or says END. */
    IMAPID_CAPTURE_ERROR,
    /* Not now, but later: only where an area is read by itself (capture/ahead.h). */
    IMAPID_CAPTURE_PAUSE
};

/* What was read of a capture so far. */
struct imapid_capture_counts {
    uint64_t n_packets;
    bool has_times;            /* some packet has one; else the next two are 0 */
    int64_t first_ns, last_ns; /* the earliest and the latest of these */
    uint64_t n_octets;         /* captured */
    uint64_t n_octets_wire;    /* as they were on the wire */
    uint64_t n_cut;            /* packets with fewer octets than on the wire */
    uint64_t n_skipped_blocks; /* pcapng blocks of a type that is of no use here */
    uint64_t n_further;        /* captures and sections that begin inside of this one, so far */
    uint64_t n_drops;          /* packets that whoever captured did not fetch in time */
    uint64_t n_errors;         /* how often imapid_capture_next() said ERROR */
};

#endif
