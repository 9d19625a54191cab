/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connection.c: where a call of ours is: in which connection, under which protocol, from which side.
 *
 * Refuses: what an error packet quotes, which is no part of the connection.
 *
 * Misuse: asking before the hand-off, when no protocol of Wireshark is known yet. */
#include "connection.h"

#include <string.h>

struct imapid_wireshark imapid_wireshark;

static const struct imapid_wireshark *const ws = &imapid_wireshark;

/* A server of IMAP has the port: bits. Of each capture. */
static uint8_t ports_seen[65536 / 8];

/* Looking a connection up for each frame is a good part of what we cost. Where Wireshark numbers
 * them, ours are found by their number; else the one of the last call is kept. */
#if WS_AT_LEAST(4, 4)
static wmem_map_t *connections; /* number -> conversation; file scope, as all these */
#else
static conversation_t *looked_up;
static unsigned looked_up_in; /* a frame */
#endif

/* ---- where we are ---- */

/* TCP gives to nobody what may be a keep-alive, and calls it data. */
static bool is_kept_alive(const packet_info *pinfo, int proto)
{
    const struct imapid_own_segment *own = imapid_segment_get(pinfo);

    return proto == ws->proto_data && own && own->n == 1;
}

/* The layers are those of earlier calls of the frame as well: what stands behind IMAP came out of it,
 * unless TCP or TLS was called anew. Wireshark's dissector of the PROXY protocol hands through what TCP
 * gives it. */
int imapid_connection_get_carrier(packet_info *pinfo)
{
    wmem_list_frame_t *layer = wmem_list_tail(pinfo->layers);
    int carrier = -1;

    for (; layer; layer = wmem_list_frame_prev(layer)) {
        int proto = GPOINTER_TO_INT(wmem_list_frame_data(layer));

        if (proto == ws->proto_tcp || proto == ws->proto_tls)
            return carrier == -1 ? proto : carrier;
        if (proto == ws->proto_imap || proto == ws->proto_stream || proto == ws->proto_imapid)
            carrier = -1;
        else if (carrier == -1 && proto != ws->proto_proxy && !is_kept_alive(pinfo, proto))
            carrier = proto;
    }
    return carrier;
}

#if WS_AT_LEAST(4, 4)
void imapid_connection_note(conversation_t *conversation, packet_info *pinfo)
{
    if (pinfo->ptype == PT_TCP)
        wmem_map_insert(connections, GUINT_TO_POINTER(pinfo->stream_id), conversation);
}

static conversation_t *find_noted(packet_info *pinfo)
{
    return pinfo->ptype == PT_TCP
               ? (conversation_t *)wmem_map_lookup(connections, GUINT_TO_POINTER(pinfo->stream_id))
               : NULL;
}

conversation_t *imapid_connection_find_here(packet_info *pinfo)
{
    conversation_t *conversation = find_noted(pinfo);

    return conversation ? conversation : find_or_create_conversation(pinfo);
}

conversation_t *imapid_connection_find_behind(packet_info *pinfo)
{
    return find_noted(pinfo);
}
#else
void imapid_connection_note(conversation_t *conversation, packet_info *pinfo)
{
    (void)conversation;
    (void)pinfo;
}

conversation_t *imapid_connection_find_here(packet_info *pinfo)
{
    looked_up_in = pinfo->num;
    looked_up = find_or_create_conversation(pinfo);
    return looked_up;
}

conversation_t *imapid_connection_find_behind(packet_info *pinfo)
{
    return looked_up_in == pinfo->num ? looked_up : find_conversation_pinfo(pinfo, 0);
}
#endif

struct imapid_stream *imapid_connection_get_stream(const conversation_t *conversation)
{
    return (struct imapid_stream *)conversation_get_proto_data(conversation, ws->proto_imapid);
}

struct imapid_stream *imapid_connection_get_stream_here(const conversation_t *conversation,
                                                        packet_info *pinfo)
{
    struct imapid_stream *stream = imapid_connection_get_stream(conversation);
    int carrier = imapid_connection_get_carrier(pinfo);

    if (stream && stream->below && stream->below->carrier == carrier)
        return stream->below;
    return stream && stream->is_foreign && stream->carrier != carrier ? NULL : stream;
}

bool imapid_connection_is_leftover(const conversation_t *conversation, packet_info *pinfo,
                                   const struct imapid_stream *stream)
{
    return stream && !stream->is_foreign && imapid_connection_get_carrier(pinfo) == ws->proto_tcp &&
           conversation_get_dissector((conversation_t *)conversation, pinfo->num) ==
               ws->closed_handle;
}

bool imapid_connection_is_enabled(void)
{
    return proto_is_protocol_enabled(ws->protocol) && proto_is_protocol_enabled(ws->builtin);
}

bool imapid_connection_is_readable(const packet_info *pinfo)
{
    return imapid_connection_is_enabled() && !pinfo->flags.in_error_pkt;
}

bool imapid_connection_is_from_server(const struct imapid_stream *stream, packet_info *pinfo)
{
    if (pinfo->srcport != pinfo->destport)
        return pinfo->srcport == stream->server_port;
    return addresses_equal(&pinfo->src, &stream->server);
}

/* The number of this call among those of its frame and connection that have no sequence number. */
static unsigned next_ordinal(packet_info *pinfo, const conversation_t *conversation)
{
    uint32_t key = IMAPID_DATA_NEXT + conversation->conv_index;
    unsigned *count = (unsigned *)p_get_proto_data(pinfo->pool, pinfo, ws->proto_imapid, key);

    if (!count) {
        count = wmem_new0(pinfo->pool, unsigned);
        p_add_proto_data(pinfo->pool, pinfo, ws->proto_imapid, key, count);
    }
    return (*count)++;
}

struct imapid_own_segment *imapid_connection_get_segment(packet_info *pinfo,
                                                         const struct imapid_stream *stream)
{
    return stream->carrier == ws->proto_tcp &&
                   (pinfo->fd->visited ||
                    imapid_stream_get_session(stream)->exchanges.now.security ==
                        IMAPID_SECURITY_NONE)
               ? imapid_segment_get(pinfo)
               : NULL;
}

struct imapid_place imapid_connection_get_place(packet_info *pinfo,
                                                const conversation_t *conversation,
                                                const struct imapid_stream *stream,
                                                const struct imapid_own_segment *own)
{
    struct imapid_place place = {
        .frame = pinfo->num,
        .time = imapid_time_get(pinfo),
        .side = imapid_connection_is_from_server(stream, pinfo) ? IMAPID_SERVER : IMAPID_CLIENT,
    };

    if (own) {
        place.has_seq = true;
        place.seq = own->seq + (own->flags & TH_SYN ? 1 : 0);
        place.ack = own->ack;
        place.flags = own->flags;
        if (!pinfo->fd->visited)
            place.checksum = imapid_segment_judge(own, pinfo);
    } else {
        place.ordinal = next_ordinal(pinfo, conversation);
    }
    return place;
}

struct tcp_analysis *imapid_connection_get_analysis(const conversation_t *conversation,
                                                    const packet_info *pinfo)
{
    return pinfo->ptype == PT_TCP
               ? (struct tcp_analysis *)conversation_get_proto_data(conversation, ws->proto_tcp)
               : NULL;
}

bool imapid_connection_has_layer(packet_info *pinfo, int proto)
{
    wmem_list_frame_t *layer = wmem_list_tail(pinfo->layers);

    while (layer && GPOINTER_TO_INT(wmem_list_frame_data(layer)) != proto)
        layer = wmem_list_frame_prev(layer);
    return layer != NULL;
}

struct imapid_given *imapid_connection_get_given(conversation_t *conversation)
{
    struct imapid_given *given =
        (struct imapid_given *)conversation_get_proto_data(conversation, ws->proto_stream);

    if (!given) {
        given = wmem_new0(wmem_file_scope(), struct imapid_given);
        conversation_add_proto_data(conversation, ws->proto_stream, given);
    }
    return given;
}

void imapid_connection_note_port(uint32_t port)
{
    ports_seen[(port & 0xffff) / 8] |= (uint8_t)(1 << port % 8);
}

bool imapid_connection_is_port_seen(uint32_t port)
{
    return ports_seen[(port & 0xffff) / 8] & 1 << port % 8;
}

void imapid_connection_begin_capture(void)
{
    memset(ports_seen, 0, sizeof ports_seen);
#if !WS_AT_LEAST(4, 4)
    looked_up_in = 0;
#endif
}

void imapid_connection_register(void)
{
#if WS_AT_LEAST(4, 4)
    connections =
        wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_direct_hash, g_direct_equal);
#endif
}
