/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c: what comes to us by no call of a dissector: segments that TCP keeps to itself, connections
 * that the user gave to the built-in dissector, and packets that bear the identity of their connection.
 *
 * It looks at each frame when it has been dissected, and leaves at once where no server of IMAP has
 * a port.
 *
 * Refuses: to look at a segment that one of our dissectors was called with.
 *
 * Misuse: registering it before TCP; then it sees what TCP has not looked at. */
#include "watch.h"

#include <epan/prefs.h>

#include <imapid/decide.h>

#include "begin.h"
#include "call.h"
#include "closed.h"
#include "connection.h"
#include "ending.h"
#include "fate.h"
#include "identity.h"
#include "pass.h"
#include "segment.h"
#include "stats.h"
#include "tree.h"

#define PORT_MAX 65535

static const struct imapid_wireshark *const ws = &imapid_wireshark;

static bool is_decode_as_used; /* the built-in dissector has a port; of each capture */

/* ---- Decode As ---- */

/* Is a port of this connection given to the built-in dissector? */
static bool is_decoded_as_imap(dissector_table_t ports, packet_info *pinfo)
{
    return dissector_get_uint_handle(ports, pinfo->destport) == ws->imap_handle ||
           dissector_get_uint_handle(ports, pinfo->srcport) == ws->imap_handle;
}

/* Takes a connection out of the built-in dissector's hands, from the next frame on. */
static void take_over(packet_info *pinfo)
{
    conversation_t *conversation = find_conversation_pinfo(pinfo, 0);

    if (!conversation || imapid_connection_get_stream(conversation) ||
        !imapid_connection_is_enabled())
        return;
    if (imapid_connection_has_layer(pinfo, ws->proto_tls))
        tls_set_appdata_dissector(ws->tls_handle, pinfo, ws->stream_handle);
    else
        conversation_set_dissector_from_frame_number(conversation, pinfo->num + 1,
                                                     ws->stream_handle);
}

static void look_at_entry(const gchar *table, ftenum_t type, gpointer key, gpointer value,
                          gpointer data)
{
    (void)table;
    (void)type;
    (void)key;
    (void)data;
    is_decode_as_used |= dtbl_entry_get_handle((dtbl_entry_t *)value) == ws->imap_handle;
}

/* A port that is added to the built-in dissector's preference gives all of them to it: they are
 * ours from the first octet on, and what comes before that tells of doubts. */
static void take_ports(void)
{
    const range_t *ports = prefs_get_range_value("imap", "tcp.port");

    for (unsigned i = 0; ports && i < ports->nranges; i++)
        for (uint32_t port = ports->ranges[i].low; port <= MIN(ports->ranges[i].high, PORT_MAX);
             port++) {
            if (dissector_get_uint_handle(ws->tcp_ports, port) == ws->imap_handle)
                dissector_change_uint("tcp.port", port, ws->stream_handle);
            imapid_connection_note_port(port);
        }
}

void imapid_watch_begin_capture(void)
{
    is_decode_as_used = false;
    take_ports();
    dissector_table_foreach("tcp.port", look_at_entry, NULL);
    dissector_table_foreach("tls.port", look_at_entry, NULL);
}

static void look_for_decode_as(packet_info *pinfo)
{
    if (imapid_connection_get_carrier(pinfo) == ws->proto_tcp
            ? is_decoded_as_imap(ws->tcp_ports, pinfo)
            : imapid_connection_has_layer(pinfo, ws->proto_imap))
        take_over(pinfo);
}

/* ---- segments that TCP keeps to itself ---- */

/* Is there nothing in a call but what came before, and nothing to say of it? */
static bool is_old(const struct imapid_call *call)
{
    return !call->doubted && call->first && !call->first->next && call->first->first &&
           call->first->first->kind == IMAPID_PART_OLD && call->first->n == call->n;
}

/* Reads, or shows, a segment that TCP gave to nobody: it came late, or stands behind a hole, or has
 * no octets but an acknowledgement for which others waited. */
static void take_segment(struct imapid_stream *stream, conversation_t *conversation,
                         packet_info *pinfo, proto_tree *tree, struct imapid_own_segment *own)
{
    struct imapid_place place = imapid_connection_get_place(pinfo, conversation, stream, own);
    const struct imapid_call *call;

    own->is_taken = true;
    if (pinfo->fd->visited) {
        imapid_call_settle(stream);
        imapid_pass_tell_end(stream);
        call = stream->gave_way ? NULL : imapid_stream_find_segment(stream, &place);
    } else if (imapid_begin_is_refuted_by(stream, pinfo, own)) {
        stream->is_foreign = true;
        return;
    } else {
        call = imapid_call_read_segment(stream, conversation, pinfo, tree, own);
        if (!stream->is_claimed) {
            stream->n_unproven += own->n;
            stream->is_foreign = stream->n_unproven > IMAPID_DECIDE_PATIENCE;
            if (call && !stream->is_foreign && imapid_call_is_imap(stream))
                imapid_call_claim(stream, conversation, pinfo);
        }
    }
    if (call && stream->is_claimed && !is_old(call) &&
        !(pinfo->num < stream->claimed_in && imapid_call_is_preface(call)))
        imapid_call_show(stream, call, own->tvb, pinfo, tree);
}

/* Has somebody else a claim on the connection? */
static bool is_taken_by_other(conversation_t *conversation, const packet_info *pinfo)
{
    dissector_handle_t handle = conversation_get_dissector(conversation, pinfo->num + 1);

    return handle && handle != ws->tls_handle;
}

/* On a port that is not IMAP's a ClientHello may say that it is IMAP all the same. What then stays
 * closed is told as on ports that are. */
static void look_for_offer(packet_info *pinfo, const struct imapid_own_segment *own)
{
    const uint8_t *octets = own->n ? tvb_get_ptr(own->tvb, (int)own->at, (int)own->n) : NULL;
    conversation_t *conversation;
    const struct imapid_stream *stream;

    if (!imapid_closed_may_offer_imap(octets, own->n))
        return;
    conversation = find_conversation_pinfo(pinfo, 0);
    stream = conversation ? imapid_connection_get_stream(conversation) : NULL;
    if (!conversation || (stream && !stream->is_foreign) || is_taken_by_other(conversation, pinfo))
        return;
    imapid_closed_watch_offer(conversation, octets, own->n);
    conversation_set_dissector_from_frame_number(conversation, pinfo->num + 1, ws->closed_handle);
}

/* For what became of its connection each segment counts, the SYN included. */
static void note_fate(packet_info *pinfo, const struct imapid_own_segment *own)
{
    conversation_t *conversation = imapid_connection_find_behind(pinfo);

    if (!conversation)
        conversation = find_conversation_pinfo(pinfo, 0);
    if (conversation)
        imapid_fate_take(pinfo, conversation, imapid_connection_get_stream(conversation), own);
}

static bool is_port_of_imap(uint32_t port)
{
    return imapid_decide_is_port(port) || imapid_connection_is_port_seen(port);
}

/* What an error of ICMP quotes. */
static void take_error(packet_info *pinfo, tvbuff_t *tvb)
{
    if (!pinfo->fd->visited && imapid_connection_is_enabled())
        imapid_fate_take_error(pinfo, tvb);
}

/* Does a segment bring octets, seen for the first time? */
static bool is_new(const packet_info *pinfo, const struct imapid_own_segment *own)
{
    return own->n && !(own->flags & (TH_SYN | TH_RST)) && !pinfo->fd->visited;
}

/* And are they octets that TCP gave to nobody? */
static bool is_withheld(packet_info *pinfo, const struct imapid_own_segment *own)
{
    return is_new(pinfo, own) && imapid_connection_get_carrier(pinfo) == ws->proto_tcp;
}

/* Begins a connection whose first octets TCP gave to nobody, since others are missing before them. NULL:
 * it is not on our port, or somebody was called. */
static struct imapid_stream *begin_withheld(conversation_t *conversation, packet_info *pinfo,
                                            const struct imapid_own_segment *own)
{
    const struct tcpinfo info = {.seq = own->seq};

    if (!is_withheld(pinfo, own) || is_taken_by_other(conversation, pinfo))
        return NULL;
    return imapid_call_begin(conversation, imapid_segment_get_payload(own), pinfo, &info,
                             ws->tcp_before);
}

/* The same on a port that nobody has: what stands behind the hole has to say by itself that it is IMAP, for
 * TCP asks no heuristics until the hole is filled. Nor does it for a greeting that was captured behind its
 * acknowledgement, and passes for a retransmission. And a PROXY header is given to Wireshark's dissector of it alone, where that
 * is asked before us: heuristics that succeed move to the front, so this changes from capture to capture. Since 4.4
 * it also takes the connection, to read what is behind. */
static struct imapid_stream *find_withheld(packet_info *pinfo, const struct imapid_own_segment *own)
{
    const struct tcpinfo info = {.seq = own->seq};
    bool is_header = is_new(pinfo, own) && imapid_connection_has_layer(pinfo, ws->proto_proxy);
    conversation_t *conversation;
    struct imapid_begin first;

    if (!(is_header || is_withheld(pinfo, own)) ||
        dissector_get_uint_handle(ws->tcp_ports, pinfo->srcport) ||
        dissector_get_uint_handle(ws->tcp_ports, pinfo->destport))
        return NULL;
    conversation = find_conversation_pinfo(pinfo, 0);
    if (!conversation || imapid_connection_get_stream(conversation) ||
        (!is_header && is_taken_by_other(conversation, pinfo)))
        return NULL;
    first = imapid_begin_look(conversation, pinfo, imapid_segment_get_payload(own), &info);
    return first.status == IMAPID_DECIDE_IMAP || (is_header && imapid_begin_may_be_imap(&first))
               ? imapid_begin_stream(&first, pinfo)
               : NULL;
}

static bool has_port(const packet_info *pinfo, uint32_t port)
{
    return pinfo->srcport == port || pinfo->destport == port;
}

/* Are all connections to the port ours? */
static bool is_port_ours(uint32_t port)
{
    return (port == IMAPID_PORT_IMAP || imapid_connection_is_port_seen(port)) &&
           dissector_get_uint_handle(ws->tcp_ports, port) == ws->stream_handle;
}

static void read_segment(packet_info *pinfo, proto_tree *tree)
{
    struct imapid_own_segment *own = imapid_segment_get(pinfo);
    bool is_imaps = has_port(pinfo, IMAPID_PORT_IMAPS);
    bool is_imap = is_port_ours(pinfo->srcport) || is_port_ours(pinfo->destport);
    conversation_t *conversation;
    struct imapid_stream *stream;
    bool began;

    if (!is_imaps && !own->is_taken && !pinfo->fd->visited && imapid_connection_is_enabled())
        look_for_offer(pinfo, own);
    if (own->is_taken || !imapid_connection_is_enabled())
        return;
    began = !is_imaps && !is_imap && find_withheld(pinfo, own);
    if (!began && !is_port_of_imap(pinfo->srcport) && !is_port_of_imap(pinfo->destport))
        return;
    conversation = is_imaps || is_imap ? find_conversation_pinfo(pinfo, 0)
                                       : imapid_connection_find_behind(pinfo);
    stream = conversation ? imapid_fate_find_stream(conversation, pinfo,
                                                    imapid_connection_get_stream(conversation))
                          : NULL;
    if (conversation && !stream && is_imap)
        stream = begin_withheld(conversation, pinfo, own);
    if (stream && !stream->is_foreign && !stream->gave_way &&
        imapid_connection_get_segment(pinfo, stream))
        take_segment(stream, conversation, pinfo, tree, own);
    else if (conversation && !pinfo->fd->visited && (is_imaps || (stream && !stream->is_foreign)))
        imapid_given_finish(imapid_connection_get_given(conversation),
                            imapid_given_direction(pinfo), own);
}

/* TCP is done with a segment. A stream that begins with it takes over what its fate was before. */
static void finish_segment(packet_info *pinfo, proto_tree *tree)
{
    read_segment(pinfo, tree);
    if (!pinfo->fd->visited && imapid_connection_is_enabled() &&
        (is_port_of_imap(pinfo->srcport) || is_port_of_imap(pinfo->destport)))
        note_fate(pinfo, imapid_segment_get(pinfo));
}

/* A connection gave way: nothing is shown of it. It is counted once, on every pass. */
static void tell_gave_way(struct imapid_stream *stream, tvbuff_t *tvb, packet_info *pinfo,
                          proto_tree *tree)
{
    if (!stream->gave_way_in)
        stream->gave_way_in = pinfo->num;
    imapid_tree_add_note(tree, pinfo, tvb, IMAPID_TREE_NOT_KEPT);
    if (pinfo->num == (pinfo->fd->visited ? stream->first_frame : stream->gave_way_in))
        imapid_stats_count_not_kept(pinfo);
}

/* Looks at a segment of a connection that may be ours. */
static void look_at_segment(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree)
{
    const conversation_t *conversation = imapid_connection_find_behind(pinfo);
    struct imapid_stream *stream =
        conversation ? imapid_fate_find_stream(conversation, pinfo,
                                               imapid_connection_get_stream(conversation))
                     : NULL;
    const char *unread;

    if (stream && stream->is_foreign)
        stream = NULL;
    if (stream && stream->gave_way) {
        tell_gave_way(stream, tvb, pinfo, tree);
        return;
    }
    if (stream && pinfo->fd->visited)
        imapid_call_settle(stream);
    if (!tree || !conversation || !imapid_identity_is_wanted())
        return;
    unread = imapid_closed_describe(conversation, pinfo);
    if (unread || (stream && imapid_identity_is_known()))
        imapid_identity_add(stream, unread, tvb, pinfo, tree);
}

/* Looks at each frame when it has been dissected. It wants no fields, and on a capture without IMAP
 * costs no more than being called. */
static int watch(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    (void)data;
    imapid_ending_add(pinfo, tvb, tree);
    if (pinfo->ptype != PT_TCP)
        return 0;
    imapid_segment_finish(pinfo, tree);
    imapid_ending_add_doubt(pinfo, tvb, tree);
    imapid_call_show_notes(tvb, pinfo, tree);
    if (is_decode_as_used && !pinfo->fd->visited)
        look_for_decode_as(pinfo);
    if (imapid_connection_is_port_seen(pinfo->srcport) ||
        imapid_connection_is_port_seen(pinfo->destport) || has_port(pinfo, IMAPID_PORT_IMAPS))
        look_at_segment(tvb, pinfo, tree);
    return 0;
}

void imapid_watch_handoff(void)
{
    imapid_segment_handoff(finish_segment, take_error);
    register_postdissector(create_dissector_handle(watch, ws->proto_stream));
}
