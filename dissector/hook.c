/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hook.c: how a connection comes into our hands.
 *
 *     ports        tcp.port 143, tls.port 993: from the first octet, whoever captured it
 *     Decode As    where the user gave another port to the built-in dissector: seen at the
 *                  handshake, or else when that dissector was called
 *     heuristics   any port, over TCP and inside TLS: by what is said
 *
 * Refuses: what turns out to be no IMAP. It goes to the dissector that would have had it, as if we were not
 * there.
 *
 * Misuse: registering before the built-in dissectors; then theirs replace ours. */
#include "hook.h"

#include <imapid/decide.h>
#include <imapid/hello.h>

#include "begin.h"
#include "call.h"
#include "claims.h"
#include "closed.h"
#include "connection.h"
#include "fate.h"
#include "segment.h"
#include "show.h"
#include "watch.h"

static struct imapid_wireshark *const ws = &imapid_wireshark;

/* ---- others ---- */

/* Lets another dissector do as if it had been called in our place. */
static int delegate(dissector_handle_t handle, tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree,
                    void *data)
{
    if (!handle)
        return 0;
    pinfo->can_desegment = pinfo->saved_can_desegment;
    return call_dissector_only(handle, tvb, pinfo, tree, data);
}

/* A handshake where IMAP was expected in the clear. */
static bool begins_tls(tvbuff_t *tvb)
{
    size_t n = tvb_captured_length(tvb);

    return n && imapid_hello_is_handshake(tvb_get_ptr(tvb, 0, (int)n), n);
}

static int dissect_stream(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    bool is_tls = imapid_connection_get_carrier(pinfo) == ws->proto_tls;
    dissector_handle_t fallback = is_tls ? ws->tls_before : ws->tcp_before;
    conversation_t *conversation;
    struct imapid_stream *stream;
    struct imapid_call *call;

    if (!imapid_connection_is_readable(pinfo))
        return delegate(fallback, tvb, pinfo, tree, data);
    conversation = imapid_connection_find_here(pinfo);
    stream = imapid_fate_find_stream(conversation, pinfo,
                                     imapid_connection_get_stream_here(conversation, pinfo));
    if (!pinfo->fd->visited && (!stream || imapid_begin_is_text(stream, tvb))) {
        bool is_hello =
            !is_tls && begins_tls(tvb) && !imapid_begin_may_be_strangers(conversation, pinfo);

        stream = imapid_call_begin(conversation, tvb, pinfo, data,
                                   is_hello ? ws->closed_handle : fallback);
        if (is_hello)
            imapid_call_begin_tls(stream, conversation, pinfo);
    }
    if (!stream || stream->gave_way || (stream->is_foreign && pinfo->num >= stream->foreign_from))
        return delegate(stream ? stream->fallback : fallback, tvb, pinfo, tree, data);
    if (imapid_call_is_taken(stream, pinfo) ||
        imapid_connection_is_leftover(conversation, pinfo, stream))
        return (int)tvb_captured_length(tvb);
    call = imapid_call_read(stream, conversation, tvb, pinfo, tree);
    if (!stream->is_claimed && !pinfo->fd->visited)
        imapid_call_claim(stream, conversation, pinfo);
    if (!call)
        return delegate(fallback, tvb, pinfo, tree, data);
    return imapid_call_show(stream, call, tvb, pinfo, tree);
}

/* ---- by content ---- */

/* Does a command stand behind such a header? A stream begins there with nothing else: it is not
 * left to Wireshark's dissector of headers, which would have what stands behind it as well. */
static bool is_behind_header(const struct imapid_call *call)
{
    return imapid_call_get_header(call) && imapid_call_get_header(call)->n < call->n;
}

/* Reads on in a stream that is not known to be IMAP. */
static bool try_call(struct imapid_stream *stream, conversation_t *conversation, tvbuff_t *tvb,
                     packet_info *pinfo, proto_tree *tree, void *data)
{
    struct imapid_call *call;

    stream->is_foreign = imapid_begin_is_refuted(stream, conversation, tvb, pinfo, data);
    if (!stream->is_foreign && imapid_call_is_taken(stream, pinfo))
        return stream->is_claimed;
    call = stream->is_foreign ? NULL : imapid_call_read(stream, conversation, tvb, pinfo, tree);
    if (!call)
        return false;
    if (!stream->is_claimed) {
        stream->n_unproven += call->n;
        if (stream->n_unproven > IMAPID_DECIDE_PATIENCE || imapid_begin_has_other_dissector(stream))
            stream->is_foreign = true;
        if (stream->is_foreign || (!imapid_call_is_imap(stream) && !is_behind_header(call)))
            return false;
        imapid_call_claim(stream, conversation, pinfo);
    }
    if (pinfo->num < stream->claimed_in && imapid_call_is_preface(call))
        return false; /* as in the first pass: there is a dissector for it */
    imapid_call_show(stream, call, tvb, pinfo, tree);
    return true;
}

static ws_bool recognise(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    conversation_t *conversation;
    struct imapid_stream *stream;

    if (!tvb_captured_length(tvb) || !imapid_connection_is_readable(pinfo))
        return false;
    conversation = imapid_connection_find_here(pinfo);
    stream = imapid_fate_find_stream(conversation, pinfo,
                                     imapid_connection_get_stream_here(conversation, pinfo));
    if ((stream ? stream->is_foreign || stream->gave_way : pinfo->fd->visited) ||
        imapid_connection_is_leftover(conversation, pinfo, stream))
        return false;
    if (stream && pinfo->fd->visited) {
        imapid_call_settle(stream);
        if (!stream->is_claimed)
            return false;
    }
    if (!stream) {
        struct imapid_begin first = imapid_begin_look(conversation, pinfo, tvb, data);

        if (!imapid_begin_may_be_imap(&first)) {
            if ((first.carrier != ws->proto_tcp || first.is_start) &&
                !imapid_begin_may_be_strangers(conversation, pinfo))
                imapid_begin_mark_foreign(conversation, pinfo);
            return false;
        }
        stream = imapid_begin_stream(&first, pinfo);
        if (stream->is_foreign)
            return false;
    }
    return try_call(stream, conversation, tvb, pinfo, tree, data);
}

/* ---- registration ---- */

/* Before a capture is dissected, and again whenever Decode As or a preference has changed. */
static void begin_capture(void)
{
    imapid_connection_begin_capture();
    imapid_watch_begin_capture();
}

void imapid_hook_register(int proto)
{
    ws->proto_imapid = proto;
    ws->proto_imap = proto_get_id_by_filter_name("imap");
    ws->proto_stream =
        proto_register_protocol_in_name_only("Internet Message Access Protocol", "IMAP with ID",
                                             "imap_id_stream", ws->proto_imap, FT_PROTOCOL);
    imapid_closed_register();
    imapid_segment_register();
    imapid_fate_register();
    imapid_given_register();
    imapid_claims_register();
    ws->stream_handle = register_dissector("imap_id_stream", dissect_stream, ws->proto_stream);
    imapid_connection_register();
    imapid_begin_register();
}

void imapid_hook_handoff(void)
{
    ws->proto_tcp = proto_get_id_by_filter_name("tcp");
    ws->proto_tls = proto_get_id_by_filter_name("tls");
    ws->proto_data = proto_get_id_by_filter_name("data");
    ws->proto_proxy = proto_get_id_by_filter_name("proxy");
    ws->protocol = find_protocol_by_id(ws->proto_imapid);
    ws->builtin = find_protocol_by_id(ws->proto_imap);
    ws->imap_handle = find_dissector("imap");
    ws->tls_handle = find_dissector("tls");
    ws->tcp_ports = find_dissector_table("tcp.port");
    ws->tls_ports = find_dissector_table("tls.port");
    if (!ws->imap_handle || !ws->tls_handle || !ws->tcp_ports || !ws->tls_ports)
        return;
    imapid_show_handoff(ws->imap_handle);
    ws->closed_handle = imapid_closed_handoff(ws->tls_handle, imapid_connection_is_readable);
    ws->tcp_before = dissector_get_uint_handle(ws->tcp_ports, IMAPID_PORT_IMAP);
    ws->tls_before = dissector_get_uint_handle(ws->tls_ports, IMAPID_PORT_IMAPS);
    dissector_add_uint("tcp.port", IMAPID_PORT_IMAP, ws->stream_handle);
    dissector_add_uint("tls.port", IMAPID_PORT_IMAPS, ws->stream_handle);
    dissector_add_uint("tcp.port", IMAPID_PORT_IMAPS, ws->closed_handle);
    heur_dissector_add("tcp", recognise, "IMAP by content", "imapid_tcp", ws->proto_imapid,
                       HEURISTIC_ENABLE);
    heur_dissector_add("tls", recognise, "IMAP by content, in TLS", "imapid_tls", ws->proto_imapid,
                       HEURISTIC_ENABLE);
    register_init_routine(begin_capture);
    imapid_watch_handoff();
}
