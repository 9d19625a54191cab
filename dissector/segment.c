/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment.c: stands before Wireshark's dissector of TCP, and remembers the segment it is given.
 *
 * It adds nothing to any frame. Refuses: what an error packet quotes, which is no segment of a
 * connection. Misuse: registering before TCP; then it replaces this one. */
#include "segment.h"

#define PROTOCOL_TCP 6
#define N_HEADER     20

static int proto_state = -1;
static dissector_handle_t tcp_handle; /* for ever */
static imapid_segment_done *when_done;
static imapid_segment_error *when_error;
static struct imapid_own_segment current; /* of a frame */

/* IP gives its header to whom it calls. */
static uint8_t get_ttl(void *data)
{
    const ws_ip4 *ip4 = WS_IP4_PTR(data);
    const ws_ip6 *ip6 = WS_IP6_PTR(data);

    return ip4 ? ip4->ip_ttl : ip6 ? ip6->ip6_hop : 0;
}

static void note(tvbuff_t *tvb, const packet_info *pinfo, void *data)
{
    unsigned n = tvb_captured_length(tvb);
    unsigned at;

    current.tvb = NULL;
    current.frame = pinfo->num;
    current.is_taken = current.is_finished = current.is_given = false;
    if (n < N_HEADER)
        return;
    at = (unsigned)(tvb_get_uint8(tvb, 12) >> 4) * 4;
    if (at < N_HEADER || at > tvb_reported_length(tvb))
        return;
    current.tvb = tvb;
    current.seq = tvb_get_ntohl(tvb, 4);
    current.ack = tvb_get_ntohl(tvb, 8);
    current.flags = tvb_get_uint8(tvb, 13);
    current.window = tvb_get_ntohs(tvb, 14);
    current.ttl = get_ttl(data);
    current.at = MIN(at, n);
    current.n = n - current.at;
    current.n_cut = tvb_reported_length(tvb) - at - current.n;
}

static int dissect(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    int n;

    if (pinfo->flags.in_error_pkt)
        when_error(pinfo, tvb);
    if (pinfo->flags.in_error_pkt)
        return call_dissector_only(tcp_handle, tvb, pinfo, tree, data);
    note(tvb, pinfo, data);
    n = call_dissector_only(tcp_handle, tvb, pinfo, tree, data);
    imapid_segment_finish(pinfo, tree);
    return n;
}

struct imapid_own_segment *imapid_segment_get(const packet_info *pinfo)
{
    return current.tvb && current.frame == pinfo->num && pinfo->ptype == PT_TCP ? &current : NULL;
}

tvbuff_t *imapid_segment_get_payload(const struct imapid_own_segment *own)
{
    return tvb_new_subset_remaining(own->tvb, (int)own->at);
}

enum imapid_checksum imapid_segment_judge(const struct imapid_own_segment *own,
                                          const packet_info *pinfo)
{
    const address *from = &pinfo->net_src, *to = &pinfo->net_dst;
    unsigned n = own->at + own->n;
    bool is_ip = from->type == AT_IPv4 || from->type == AT_IPv6;

    if (n != tvb_reported_length(own->tvb) || !is_ip || to->type != from->type ||
        n > IMAPID_CHECKSUM_MAX)
        return IMAPID_CHECKSUM_OPEN;
    return imapid_checksum_judge((const uint8_t *)from->data, (const uint8_t *)to->data,
                                 (unsigned)from->len, tvb_get_ptr(own->tvb, 0, (int)n), n);
}

void imapid_segment_note_checksum(struct imapid_order *order, struct imapid_checksums *checksums,
                                  enum imapid_checksum is, uint64_t frame)
{
    if (!imapid_checksums_take(checksums, is, frame))
        return;
    for (unsigned i = 0; i < MIN(checksums->n_wrong, IMAPID_DOUBT_FRAMES); i++)
        imapid_order_doubt(order, IMAPID_DOUBT_BAD_CHECKSUM, checksums->wrong[i]);
}

void imapid_segment_finish(packet_info *pinfo, proto_tree *tree)
{
    if (!imapid_segment_get(pinfo) || current.is_finished)
        return;
    current.is_finished = true;
    when_done(pinfo, tree);
}

void imapid_segment_register(void)
{
    proto_state =
        proto_register_protocol_in_name_only("TCP of IMAP", "TCP of IMAP", "imap_id_tcp",
                                             proto_get_id_by_filter_name("tcp"), FT_PROTOCOL);
    register_dissector("imap_id_tcp", dissect, proto_state);
}

void imapid_segment_handoff(imapid_segment_done *done, imapid_segment_error *error)
{
    dissector_table_t table = find_dissector_table("ip.proto");

    when_done = done;
    when_error = error;
    tcp_handle = find_dissector("tcp");
    if (table && tcp_handle && dissector_get_uint_handle(table, PROTOCOL_TCP) == tcp_handle)
        dissector_add_uint("ip.proto", PROTOCOL_TCP, find_dissector("imap_id_tcp"));
}
