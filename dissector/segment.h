/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment.h: the TCP segment of the frame being dissected, as it is in the frame. TCP withholds
 * segments from all dissectors, and hands out others put together; here is what really came. */
#ifndef IMAPID_DISSECTOR_SEGMENT_H
#define IMAPID_DISSECTOR_SEGMENT_H

#include <imapid/checksum.h>
#include <imapid/order.h>

#include "ws-compat.h"

struct imapid_own_segment {
    tvbuff_t *tvb; /* the segment; good while the frame is dissected */
    unsigned frame;
    unsigned at; /* of its octets in the tvb */
    unsigned n;  /* octets captured */
    unsigned n_cut;
    uint32_t seq, ack;  /* as sent */
    uint8_t flags, ttl; /* ttl: or hop limit; 0: not known */
    uint16_t window;
    bool is_given;    /* TCP gave TLS something in its frame; set by the user of it */
    bool is_taken;    /* somebody has read, or shown, its octets; set by the user of it */
    bool is_finished; /* the callback was called */
};

/* Called when TCP is done with a segment. */
typedef void imapid_segment_done(packet_info *pinfo, proto_tree *tree);

/* Called with what an error of ICMP quotes of a segment. */
typedef void imapid_segment_error(packet_info *pinfo, tvbuff_t *tvb);

/* Registers a protocol in name only below TCP, and its dissector, which stands before TCP's. */
void imapid_segment_register(void);
void imapid_segment_handoff(imapid_segment_done *done, imapid_segment_error *error);

/* The last segment of this frame; NULL: its header is not all there, or it came by a way of its
 * own. */
struct imapid_own_segment *imapid_segment_get(const packet_info *pinfo);

/* Its octets, as captured; good while the frame is dissected. */
tvbuff_t *imapid_segment_get_payload(const struct imapid_own_segment *own);

/* What the checksum of a segment tells, whatever the preferences of TCP are. */
enum imapid_checksum imapid_segment_judge(const struct imapid_own_segment *own,
                                          const packet_info *pinfo);

/* Takes a segment's checksum among those of its direction, and notes the doubts that it brings to light. */
void imapid_segment_note_checksum(struct imapid_order *order, struct imapid_checksums *checksums,
                                  enum imapid_checksum is, uint64_t frame);

/* Calls the callback, if that was not done: TCP's dissector may have thrown. */
void imapid_segment_finish(packet_info *pinfo, proto_tree *tree);

#endif
