/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hook.c: how a connection comes into our hands.
 *
 *     ports        tcp.port 143, tls.port 993: from the first octet, whoever captured it
 *     Decode As    where the user gave another port to the built-in dissector: seen at the
 *                  handshake, or else when that dissector was called
 *     heuristics   any port, over TCP and inside TLS: by what is said
 *
 * What turns out to be no IMAP goes to the dissector that would have had it, as if we were not
 * there.
 *
 * Refuses: to take a connection for IMAP on the strength of one line in its middle. On a port that
 * says nothing such a connection is read in silence until an answer to a command proves it.
 *
 * Misuse: registering before the built-in dissectors; then theirs replace ours. */
#include "hook.h"

#include <epan/prefs.h>

#include <imapid/decide.h>

#include "claims.h"
#include "identity.h"
#include "pass.h"
#include "segment.h"
#include "show.h"
#include "stream.h"
#include "tls.h"
#include "tree.h"

#define PORT_MAX 65535

static int proto_imapid = -1;
static int proto_stream = -1;
static int proto_imap = -1;
static int proto_tcp = -1;
static int proto_tls = -1;
static int proto_proxy = -1;
static protocol_t *protocol, *builtin;                /* ours, and that of IMAP; for ever */
static dissector_handle_t stream_handle, imap_handle; /* for ever */
static dissector_handle_t tls_handle, closed_handle;  /* TLS, and ours before it; for ever */
static dissector_handle_t tcp_before, tls_before;     /* who had our ports; for ever */
static dissector_table_t tcp_ports, tls_ports;        /* for ever */

/* Of each capture. */
static bool is_decode_as_used;        /* the built-in dissector has a port */
static uint8_t ports_seen[65536 / 8]; /* bits: a server of IMAP has it */
static unsigned n_notes;              /* notes on frames */
static wmem_map_t *foreign_marks;     /* carrier -> the mark of what is no IMAP; file scope */

/* Looking a connection up for each frame is a good part of what we cost. Where Wireshark numbers
 * them, ours are found by their number; else the one of the last call is kept. */
#if WS_AT_LEAST(4, 4)
static wmem_map_t *connections; /* number -> conversation; file scope, as all these */
#else
static conversation_t *looked_up;
static unsigned looked_up_in; /* a frame */
#endif

/* ---- where we are ---- */

/* The protocol whose payload this is. The layers are those of earlier calls of the frame as well:
 * what stands behind IMAP came out of it, unless TCP or TLS was called anew. Wireshark's dissector
 * of the PROXY protocol hands through what TCP gives it. */
static int carrier_of(packet_info *pinfo)
{
    wmem_list_frame_t *layer = wmem_list_tail(pinfo->layers);
    int carrier = -1;

    for (; layer; layer = wmem_list_frame_prev(layer)) {
        int proto = GPOINTER_TO_INT(wmem_list_frame_data(layer));

        if (proto == proto_tcp || proto == proto_tls)
            return carrier == -1 ? proto : carrier;
        if (proto == proto_imap || proto == proto_stream || proto == proto_imapid)
            carrier = -1;
        else if (carrier == -1 && proto != proto_proxy)
            carrier = proto;
    }
    return carrier;
}

#if WS_AT_LEAST(4, 4)
static void note_connection(conversation_t *conversation, packet_info *pinfo)
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

/* The connection whose payload this is. */
static conversation_t *connection_here(packet_info *pinfo)
{
    conversation_t *conversation = find_noted(pinfo);

    return conversation ? conversation : find_or_create_conversation(pinfo);
}

/* The connection of a frame that has been dissected, where a stream was begun on it; else NULL, or
 * one that is none of ours. */
static conversation_t *connection_behind(packet_info *pinfo)
{
    return find_noted(pinfo);
}
#else
static void note_connection(conversation_t *conversation, packet_info *pinfo)
{
    (void)conversation;
    (void)pinfo;
}

static conversation_t *connection_here(packet_info *pinfo)
{
    looked_up_in = pinfo->num;
    looked_up = find_or_create_conversation(pinfo);
    return looked_up;
}

static conversation_t *connection_behind(packet_info *pinfo)
{
    return looked_up_in == pinfo->num ? looked_up : find_conversation_pinfo(pinfo, 0);
}
#endif

static struct imapid_stream *stream_of(const conversation_t *conversation)
{
    return (struct imapid_stream *)conversation_get_proto_data(conversation, proto_imapid);
}

/* The same for the current call: that TCP carries no IMAP says nothing of the TLS in it. */
static struct imapid_stream *stream_here(const conversation_t *conversation, packet_info *pinfo)
{
    struct imapid_stream *stream = stream_of(conversation);
    int carrier = carrier_of(pinfo);

    if (stream && stream->below && stream->below->carrier == carrier)
        return stream->below;
    return stream && stream->is_foreign && stream->carrier != carrier ? NULL : stream;
}

/* Without the built-in dissector there is nothing to add to. */
static bool is_enabled(void)
{
    return proto_is_protocol_enabled(protocol) && proto_is_protocol_enabled(builtin);
}

/* Is this a call to be read? What an error packet quotes is no part of the connection: it may be
 * cut, and the segment itself comes as well. */
static bool is_readable(const packet_info *pinfo)
{
    return is_enabled() && !pinfo->flags.in_error_pkt;
}

static bool is_from_server(const struct imapid_stream *stream, packet_info *pinfo)
{
    if (pinfo->srcport != pinfo->destport)
        return pinfo->srcport == stream->server_port;
    return addresses_equal(&pinfo->src, &stream->server);
}

/* The number of this call among those of its frame and connection that have no sequence number. */
static unsigned next_ordinal(packet_info *pinfo, const conversation_t *conversation)
{
    uint32_t key = IMAPID_DATA_NEXT + conversation->conv_index;
    unsigned *count = (unsigned *)p_get_proto_data(pinfo->pool, pinfo, proto_imapid, key);

    if (!count) {
        count = wmem_new0(pinfo->pool, unsigned);
        p_add_proto_data(pinfo->pool, pinfo, proto_imapid, key, count);
    }
    return (*count)++;
}

/* The segment of this frame, where a stream is read out of such; else NULL. */
static struct imapid_own_segment *segment_of(packet_info *pinfo, const struct imapid_stream *stream)
{
    return stream->carrier == proto_tcp &&
                   (pinfo->fd->visited ||
                    stream->session.exchanges.now.security == IMAPID_SECURITY_NONE)
               ? imapid_segment_get(pinfo)
               : NULL;
}

/* Where a call is. `own`: of the segment; NULL: it has no sequence number. */
static struct imapid_place place_of(packet_info *pinfo, const conversation_t *conversation,
                                    const struct imapid_stream *stream,
                                    const struct imapid_own_segment *own)
{
    struct imapid_place place = {
        .frame = pinfo->num,
        .time = pinfo->abs_ts,
        .side = is_from_server(stream, pinfo) ? IMAPID_SERVER : IMAPID_CLIENT,
    };

    if (own) {
        place.has_seq = true;
        place.seq = own->seq + (own->flags & TH_SYN ? 1 : 0);
        place.ack = own->ack;
        place.flags = own->flags;
    } else {
        place.ordinal = next_ordinal(pinfo, conversation);
    }
    return place;
}

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

/* ---- who is the server ---- */

/* The one of the two ports that a dissector has, by registration or Decode As; 0 for neither or
 * both. */
static unsigned port_of(dissector_handle_t dissector, packet_info *pinfo)
{
    dissector_table_t ports = carrier_of(pinfo) == proto_tls ? tls_ports : tcp_ports;
    bool has_source = dissector_get_uint_handle(ports, pinfo->srcport) == dissector;
    bool has_destination = dissector_get_uint_handle(ports, pinfo->destport) == dissector;

    return has_source == has_destination ? 0 : has_source ? pinfo->srcport : pinfo->destport;
}

static struct imapid_end end_of(const address *address, unsigned port)
{
    struct imapid_end end = {.port = (uint16_t)port};

    if ((address->type == AT_IPv4 || address->type == AT_IPv6) &&
        address->len <= (int)sizeof end.address) {
        end.family = address->type == AT_IPv4 ? 4 : 6;
        memcpy(end.address, address->data, (size_t)address->len);
    }
    return end;
}

static void set_server(struct imapid_stream *stream, packet_info *pinfo, bool is_sender)
{
    stream->server_port = is_sender ? pinfo->srcport : pinfo->destport;
    ports_seen[(stream->server_port & 0xffff) / 8] |= (uint8_t)(1 << stream->server_port % 8);
    copy_address_wmem(wmem_file_scope(), &stream->server, is_sender ? &pinfo->src : &pinfo->dst);
    stream->ends[is_sender ? IMAPID_SERVER : IMAPID_CLIENT] = end_of(&pinfo->src, pinfo->srcport);
    stream->ends[is_sender ? IMAPID_CLIENT : IMAPID_SERVER] = end_of(&pinfo->dst, pinfo->destport);
}

/* What TCP knows of a connection. Its own function for that forgets what it found about the current
 * segment. */
static struct tcp_analysis *analysis_of(const conversation_t *conversation,
                                        const packet_info *pinfo)
{
    return pinfo->ptype == PT_TCP
               ? (struct tcp_analysis *)conversation_get_proto_data(conversation, proto_tcp)
               : NULL;
}

/* Was one SYN seen, of either side? */
static bool saw_handshake(const struct tcp_analysis *tcp)
{
    return tcp && tcp->server_port;
}

/* Directions, for decide.h: 0 is that of the sender of the current call. */
enum { SENT, RECEIVED };

/* The direction of the SYN; -1: none was seen. */
static int client_by_syn(const struct tcp_analysis *tcp, const packet_info *pinfo)
{
    if (!saw_handshake(tcp))
        return -1;
    if (pinfo->srcport != pinfo->destport)
        return pinfo->srcport == tcp->server_port ? RECEIVED : SENT;
    if (tcp->fwd->static_flags & WS_TCP_SAW_SYN_ACK)
        return RECEIVED;
    return tcp->rev->static_flags & WS_TCP_SAW_SYN_ACK ? SENT : -1;
}

/* The direction whose peer has a port of ours; -1: none, or both. What the user gave to the built-in
 * dissector counts only where nothing else tells: he may have pointed at the client. */
static int client_by_port(dissector_handle_t dissector, packet_info *pinfo)
{
    unsigned port = port_of(dissector, pinfo);

    return !port ? -1 : port == pinfo->srcport ? RECEIVED : SENT;
}

/* What is known of a connection before its octets are looked at. `is_start`: these are the first of
 * their direction. */
static struct imapid_decide facts_of(packet_info *pinfo, const struct tcp_analysis *tcp,
                                     bool is_start)
{
    struct imapid_decide decide;

    imapid_decide_init(&decide, is_start, client_by_syn(tcp, pinfo),
                       client_by_port(stream_handle, pinfo));
    return decide;
}

/* Decides by the octets of the current call. */
static enum imapid_decide_status decide_here(struct imapid_decide *decide, const uint8_t *octets,
                                             size_t n)
{
    const struct imapid_decide_early early[2] = {{octets, n}, {NULL, 0}};
    size_t n_drop;

    return n ? imapid_decide_begin(decide, SENT, early, &n_drop) : IMAPID_DECIDE_MORE;
}

/* Nothing told so far who the client is: by Decode As, else that servers have low ports. */
static int client_at_last(packet_info *pinfo)
{
    int client = client_by_port(imap_handle, pinfo);

    return client >= 0 ? client : pinfo->srcport < pinfo->destport ? RECEIVED : SENT;
}

/* ---- beginning ---- */

/* The sequence number of the first octet of a flow whose SYN was seen. It counts from the SYN, or
 * is as sent, depending on a preference; `seq`, a number near the flow's beginning, tells which. */
static uint32_t first_of(const tcp_flow_t *flow, uint32_t seq)
{
    uint32_t raw = flow->base_seq + 1;

    return seq - raw < seq - 1 ? raw : 1;
}

static bool is_binary(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n && i < 5; i++)
        if (octets[i] >= 0x80 ||
            (octets[i] < 0x20 && octets[i] != '\r' && octets[i] != '\n' && octets[i] != '\t'))
            return true;
    return false;
}

/* Is this the first octet of its direction? */
static bool is_at_start(const struct tcp_analysis *tcp, int carrier, const void *data)
{
    uint32_t seq;

    if (carrier != proto_tcp)
        return true; /* nobody reads TLS without its handshake */
    if (!data || !saw_handshake(tcp))
        return false;
    seq = ((const struct tcpinfo *)data)->seq;
    return seq == first_of(tcp->fwd, seq);
}

/* Passes over what a client may say to a proxy first. Returns the number of octets behind it; none,
 * while it may go on. */
static size_t pass_preface(const uint8_t **octets, size_t n)
{
    struct imapid_preface preface = {.n_kinds = 0};
    enum imapid_preface_status status;
    size_t n_used;

    while ((status = imapid_preface_read(&preface, true, *octets, n, &n_used)) ==
           IMAPID_PREFACE_OK) {
        *octets += n_used;
        n -= n_used;
    }
    return status == IMAPID_PREFACE_MORE ? 0 : n;
}

/* Does Wireshark have a dissector for what is said to a proxy here? It hands on what comes behind. */
static bool has_other_dissector(const struct imapid_stream *stream)
{
    const struct imapid_preface *preface = &stream->preface;

    for (unsigned i = 0; i < preface->n_kinds; i++)
        if (preface->kinds[i] == IMAPID_PREFACE_CONNECT ||
            (preface->kinds[i] != IMAPID_PREFACE_PROXY &&
             dissector_get_uint_handle(tcp_ports, stream->server_port)))
            return true;
    return false;
}

/* Is an answer of a proxy to come before the server's first octet? */
static bool awaits_proxy(const struct imapid_stream *stream)
{
    const struct imapid_preface *preface = &stream->preface;

    return preface->n_answered < preface->n_kinds &&
           preface->kinds[preface->n_kinds - 1] != IMAPID_PREFACE_PROXY;
}

/* Begins a stream at the current call, and attaches it to the conversation. */
static struct imapid_stream *begin(conversation_t *conversation, packet_info *pinfo, tvbuff_t *tvb,
                                   const void *data)
{
    struct tcp_analysis *tcp = analysis_of(conversation, pinfo);
    int carrier = carrier_of(pinfo);
    bool from_start = carrier != proto_tcp || saw_handshake(tcp);
    size_t n = tvb_captured_length(tvb);
    const uint8_t *octets = n ? tvb_get_ptr(tvb, 0, (int)n) : NULL;
    bool is_start = is_at_start(tcp, carrier, data);
    struct imapid_stream *stream = imapid_stream_new(
        from_start, carrier == proto_tls ? IMAPID_SECURITY_TLS : IMAPID_SECURITY_NONE);
    const struct imapid_proxy_header *before_tls = imapid_tls_proxy_header(conversation);
    struct imapid_decide decide = facts_of(pinfo, tcp, is_start);
    enum imapid_decide_status status;

    stream->tcp = tcp;
    stream->carrier = carrier;
    stream->below = stream_of(conversation);
    if (before_tls)
        imapid_identity_note_proxy(stream, before_tls);
    if (!is_start || before_tls)
        stream->preface.is_over[0] = stream->preface.is_over[1] = true;
    else if (n)
        n = pass_preface(&octets, n);
    status = decide_here(&decide, octets, n);
    if (decide.client < 0)
        decide.client = client_at_last(pinfo);
    set_server(stream, pinfo, decide.client == RECEIVED);
    if (carrier == proto_tcp && data && from_start) {
        enum imapid_side side = is_from_server(stream, pinfo) ? IMAPID_SERVER : IMAPID_CLIENT;

        imapid_order_set_next(&stream->order.sides[side], tcp->fwd->base_seq + 1);
        if ((tcp->fwd->static_flags | tcp->rev->static_flags) & WS_TCP_SAW_SYN_ACK)
            imapid_order_set_next(&stream->order.sides[!side], tcp->rev->base_seq + 1);
    }
    if (n && (status == IMAPID_DECIDE_NOT || is_binary(octets, n))) {
        stream->is_foreign = true;
        stream->foreign_from = pinfo->num;
    }
    imapid_claims_note_end(stream, &stream->ends[IMAPID_CLIENT]);
    imapid_claims_note_end(stream, &stream->origin);
    conversation_add_proto_data(conversation, proto_imapid, stream);
    note_connection(conversation, pinfo);
    return stream;
}

/* ---- one call ---- */

/* Keeps a connection from this frame on. The built-in dissector forgets no STARTTLS: it gives the
 * connection to TLS at the next OK, even when the command was refused. */
static void keep(conversation_t *conversation, packet_info *pinfo)
{
    conversation_set_dissector_from_frame_number(conversation, pinfo->num, stream_handle);
}

/* A connection that was read in silence is IMAP: it is ours from this frame on. */
static void claim(struct imapid_stream *stream, conversation_t *conversation, packet_info *pinfo)
{
    stream->is_claimed = true;
    stream->claimed_in = pinfo->num;
    if (carrier_of(pinfo) == proto_tls)
        tls_set_appdata_dissector(tls_handle, pinfo, stream_handle);
    else if (carrier_of(pinfo) == proto_tcp && !stream->to)
        keep(conversation, pinfo);
}

/* STARTTLS was answered OK: tells the TLS dissector before the built-in IMAP dissector does, so
 * that what is inside TLS comes to us. Where that one had told it too early, it stays told; what is
 * inside comes to us all the same. */
static void begin_tls(const struct imapid_stream *stream, packet_info *pinfo,
                      conversation_t *conversation)
{
    if (stream->to == IMAPID_SWITCH_TLS_BEHIND) {
        ssl_starttls_ack(tls_handle, pinfo, stream_handle);
        conversation_set_dissector_from_frame_number(conversation, pinfo->num + 1, closed_handle);
    } else {
        ssl_starttls_post_ack(tls_handle, pinfo, stream_handle);
        conversation_set_dissector_from_frame_number(conversation, pinfo->num, closed_handle);
    }
    tls_set_appdata_dissector(tls_handle, pinfo, stream_handle);
}

/* Puts a note on this frame: what it carries came too late to be read. */
static void note_late(packet_info *pinfo)
{
    p_add_proto_data(wmem_file_scope(), pinfo, proto_imapid, IMAPID_DATA_NOTE, &proto_imapid);
    n_notes++;
}

static tvbuff_t *tvb_of(const struct imapid_own_segment *own)
{
    return tvb_new_subset_remaining(own->tvb, (int)own->at);
}

static struct imapid_call *read_segment(struct imapid_stream *stream, conversation_t *conversation,
                                        packet_info *pinfo, const struct imapid_own_segment *own)
{
    struct imapid_place place = place_of(pinfo, conversation, stream, own);
    struct imapid_direction *direction = &stream->directions[place.side];
    struct imapid_call *call;

    if (imapid_stream_fill_hole(&direction->hole, own->seq, own->seq + own->n + own->n_cut))
        note_late(pinfo);
    call = imapid_pass_read(stream, &place,
                            own->n ? tvb_get_ptr(own->tvb, (int)own->at, (int)own->n) : NULL,
                            own->n, own->n_cut);
    if (stream->to)
        begin_tls(stream, pinfo, conversation);
    return call;
}

static bool has_greeted(const struct imapid_stream *stream);

/* On a later visit nothing more comes: what waits is read, and may prove that this is IMAP. */
static void settle(struct imapid_stream *stream)
{
    imapid_pass_settle(stream);
    stream->is_claimed |= !stream->is_foreign && has_greeted(stream);
}

/* Reads a call, or, when it was seen before, finds its record. Of a segment, what TCP makes of it
 * is not asked: TCP holds back and puts together. */
static struct imapid_call *read_call(struct imapid_stream *stream, conversation_t *conversation,
                                     tvbuff_t *tvb, packet_info *pinfo)
{
    struct imapid_own_segment *own =
        carrier_of(pinfo) == proto_tcp ? segment_of(pinfo, stream) : NULL;
    size_t n = own ? own->n : tvb_captured_length(tvb);
    struct imapid_place place;
    struct imapid_call *call;

    if (own)
        own->is_taken = true;
    if (own && !pinfo->fd->visited)
        return read_segment(stream, conversation, pinfo, own);
    place = place_of(pinfo, conversation, stream, own);
    if (pinfo->fd->visited) {
        settle(stream);
        imapid_pass_tell_end(stream);
        return imapid_stream_find(stream, &place, n);
    }
    if (carrier_of(pinfo) == proto_tls)
        imapid_tls_note_open(conversation);
    call = imapid_pass_read(stream, &place, n ? tvb_get_ptr(tvb, 0, (int)n) : NULL, n,
                            tvb_reported_length(tvb) - n);
    if (stream->to)
        begin_tls(stream, pinfo, conversation);
    return call;
}

static int show_call(struct imapid_stream *stream, const struct imapid_call *call, tvbuff_t *tvb,
                     packet_info *pinfo, proto_tree *tree)
{
    if (call->has_seq)
        tvb = tvb_of(imapid_segment_get(pinfo));
    imapid_show_call(stream, call, tvb, pinfo, tree);
    if (call->tls_at < call->n)
        call_dissector(closed_handle, tvb_new_subset_remaining(tvb, (int)call->tls_at), pinfo,
                       tree);
    return (int)tvb_captured_length(tvb);
}

/* Was the segment of this frame read, or shown, already? TCP calls more than once where it puts
 * segments together. */
static bool is_taken(const struct imapid_stream *stream, packet_info *pinfo)
{
    const struct imapid_own_segment *own =
        carrier_of(pinfo) == proto_tcp ? segment_of(pinfo, stream) : NULL;

    return own && own->is_taken;
}

/* A handshake where IMAP was expected in the clear. */
static bool begins_tls(tvbuff_t *tvb)
{
    return tvb_captured_length(tvb) > 2 && tvb_get_uint8(tvb, 0) == 22 &&
           tvb_get_uint8(tvb, 1) == 3;
}

static int dissect_stream(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    bool is_tls = carrier_of(pinfo) == proto_tls;
    dissector_handle_t fallback = is_tls ? tls_before : tcp_before;
    conversation_t *conversation;
    struct imapid_stream *stream;
    struct imapid_call *call;

    if (!is_readable(pinfo))
        return delegate(fallback, tvb, pinfo, tree, data);
    conversation = connection_here(pinfo);
    stream = stream_here(conversation, pinfo);
    if (!stream && !pinfo->fd->visited) {
        stream = begin(conversation, pinfo, tvb, data);
        stream->is_claimed = true;
        stream->fallback = !is_tls && begins_tls(tvb) ? closed_handle : fallback;
        if (stream->carrier == proto_tcp && !stream->is_foreign)
            keep(conversation, pinfo);
    }
    if (!stream || (stream->is_foreign && pinfo->num >= stream->foreign_from))
        return delegate(stream ? stream->fallback : fallback, tvb, pinfo, tree, data);
    if (is_taken(stream, pinfo))
        return (int)tvb_captured_length(tvb);
    call = read_call(stream, conversation, tvb, pinfo);
    if (!stream->is_claimed && !pinfo->fd->visited)
        claim(stream, conversation, pinfo);
    if (!call)
        return delegate(fallback, tvb, pinfo, tree, data);
    return show_call(stream, call, tvb, pinfo, tree);
}

/* ---- by content ---- */

/* May a stream begin here? At a connection's start the server greets, and a client that does not
 * wait speaks to a port that will. Where the first octets of a direction are missing, as where the
 * handshake is, any line may come first. */
static bool may_begin(conversation_t *conversation, packet_info *pinfo, const uint8_t *octets,
                      size_t n, const void *data)
{
    struct tcp_analysis *tcp = analysis_of(conversation, pinfo);
    bool is_start = is_at_start(tcp, carrier_of(pinfo), data);
    struct imapid_decide decide = facts_of(pinfo, tcp, is_start);

    if (is_start && decide.client != RECEIVED)
        n = pass_preface(&octets, n);
    switch (decide_here(&decide, octets, n)) {
    case IMAPID_DECIDE_IMAP:
        return true;
    case IMAPID_DECIDE_MORE: /* a client that has yet to be greeted, or part of a greeting */
        return is_start && (!n || decide.client == SENT || octets[0] == '*');
    default:
        return false;
    }
}

/* Marks a connection as one that was looked at and is no IMAP. A capture has many: all with the
 * same carrier share the mark. */
static void mark_foreign(conversation_t *conversation, packet_info *pinfo)
{
    void *carrier = GINT_TO_POINTER(carrier_of(pinfo));
    struct imapid_stream *mark = (struct imapid_stream *)wmem_map_lookup(foreign_marks, carrier);

    if (!mark) {
        mark = wmem_new0(wmem_file_scope(), struct imapid_stream);
        mark->carrier = GPOINTER_TO_INT(carrier);
        mark->is_foreign = true;
        wmem_map_insert(foreign_marks, carrier, mark);
    }
    conversation_add_proto_data(conversation, proto_imapid, mark);
    note_connection(conversation, pinfo);
}

static bool has_greeted(const struct imapid_stream *stream)
{
    return stream->session.exchanges.from_start ? stream->session.exchanges.seen[IMAPID_SERVER] &&
                                                      stream->directions[IMAPID_SERVER].n_held == 0
                                                : imapid_stream_is_proven(stream);
}

/* Has a client, of whose server nothing is in the capture, sent an ID? On a port that tells nothing
 * only that makes its connection IMAP. */
static bool has_introduced_itself(const struct imapid_stream *stream)
{
    return stream->session.exchanges.from_start && !stream->session.exchanges.seen[IMAPID_SERVER] &&
           stream->session.exchanges.n_id_commands > 0;
}

/* May these be the first octets of a server? */
static bool may_greet(const uint8_t *octets, size_t n)
{
    struct imapid_decide decide;

    imapid_decide_init(&decide, true, RECEIVED, -1);
    return decide_here(&decide, octets, n) != IMAPID_DECIDE_NOT;
}

/* Does the server of a connection that is not known to be IMAP begin as none of IMAP would? */
static bool is_refuted(const struct imapid_stream *stream, const conversation_t *conversation,
                       tvbuff_t *tvb, packet_info *pinfo, const void *data)
{
    size_t n = tvb_captured_length(tvb);

    return !stream->is_claimed && is_from_server(stream, pinfo) && !awaits_proxy(stream) &&
           is_at_start(analysis_of(conversation, pinfo), carrier_of(pinfo), data) &&
           !stream->session.exchanges.seen[IMAPID_SERVER] && n &&
           !may_greet(tvb_get_ptr(tvb, 0, (int)n), n);
}

/* The header of a proxy with which a call begins, where it came whole; else NULL. */
static const struct imapid_part *header_of(const struct imapid_call *call)
{
    const struct imapid_part *part = call->first ? call->first->first : NULL;

    return part && part->kind == IMAPID_PART_PROXY && !part->whole ? part : NULL;
}

/* Does a call hold nothing but that, or what else is said to a proxy or by it? */
static bool is_preface(const struct imapid_call *call)
{
    const struct imapid_part *part = call->first ? call->first->first : NULL;

    if (header_of(call))
        return header_of(call)->n == call->n;
    while (part && part->kind == IMAPID_PART_PREFACE)
        part = part->next;
    return call->first && call->first->first && !part;
}

/* Does a command stand behind such a header? A stream begins there with nothing else: it is not
 * left to Wireshark's dissector of headers, which would have what stands behind it as well. */
static bool is_behind_header(const struct imapid_call *call)
{
    return header_of(call) && header_of(call)->n < call->n;
}

/* Reads on in a stream that is not known to be IMAP. */
static bool try_call(struct imapid_stream *stream, conversation_t *conversation, tvbuff_t *tvb,
                     packet_info *pinfo, proto_tree *tree, void *data)
{
    struct imapid_call *call;

    stream->is_foreign = is_refuted(stream, conversation, tvb, pinfo, data);
    if (!stream->is_foreign && is_taken(stream, pinfo))
        return stream->is_claimed;
    call = stream->is_foreign ? NULL : read_call(stream, conversation, tvb, pinfo);
    if (!call)
        return false;
    if (!stream->is_claimed) {
        stream->n_unproven += call->n;
        if (stream->n_unproven > IMAPID_DECIDE_PATIENCE || has_other_dissector(stream))
            stream->is_foreign = true;
        if (stream->is_foreign ||
            (!has_greeted(stream) && !has_introduced_itself(stream) && !is_behind_header(call)))
            return false;
        claim(stream, conversation, pinfo);
    }
    if (pinfo->num < stream->claimed_in && is_preface(call))
        return false; /* as in the first pass: there is a dissector for it */
    show_call(stream, call, tvb, pinfo, tree);
    return true;
}

static ws_bool recognise(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    conversation_t *conversation;
    struct imapid_stream *stream;
    size_t n = tvb_captured_length(tvb);

    if (!n || !is_readable(pinfo))
        return false;
    conversation = connection_here(pinfo);
    stream = stream_here(conversation, pinfo);
    if (stream ? stream->is_foreign : pinfo->fd->visited)
        return false;
    if (pinfo->fd->visited && !stream->is_claimed)
        return false;
    if (!stream) {
        const uint8_t *octets = tvb_get_ptr(tvb, 0, (int)n);

        if (!may_begin(conversation, pinfo, octets, n, data)) {
            struct tcp_analysis *tcp = analysis_of(conversation, pinfo);

            if (carrier_of(pinfo) != proto_tcp || is_at_start(tcp, proto_tcp, data))
                mark_foreign(conversation, pinfo);
            return false;
        }
        stream = begin(conversation, pinfo, tvb, data);
        if (stream->is_foreign)
            return false;
    }
    return try_call(stream, conversation, tvb, pinfo, tree, data);
}

/* ---- Decode As ---- */

/* Is a port of this connection given to the built-in dissector? */
static bool is_decoded_as_imap(dissector_table_t ports, packet_info *pinfo)
{
    return dissector_get_uint_handle(ports, pinfo->destport) == imap_handle ||
           dissector_get_uint_handle(ports, pinfo->srcport) == imap_handle;
}

static bool has_layer(packet_info *pinfo, int proto)
{
    wmem_list_frame_t *layer = wmem_list_tail(pinfo->layers);

    while (layer && GPOINTER_TO_INT(wmem_list_frame_data(layer)) != proto)
        layer = wmem_list_frame_prev(layer);
    return layer != NULL;
}

/* Takes a connection out of the built-in dissector's hands, from the next frame on. */
static void take_over(packet_info *pinfo)
{
    conversation_t *conversation = find_conversation_pinfo(pinfo, 0);

    if (!conversation || stream_of(conversation) || !is_enabled())
        return;
    if (has_layer(pinfo, proto_tls))
        tls_set_appdata_dissector(tls_handle, pinfo, stream_handle);
    else
        conversation_set_dissector_from_frame_number(conversation, pinfo->num + 1, stream_handle);
}

static void look_at_entry(const gchar *table, ftenum_t type, gpointer key, gpointer value,
                          gpointer data)
{
    (void)table;
    (void)type;
    (void)key;
    (void)data;
    is_decode_as_used |= dtbl_entry_get_handle((dtbl_entry_t *)value) == imap_handle;
}

/* A port that is added to the built-in dissector's preference gives all of them to it: they are
 * ours from the first octet on. */
static void take_ports(void)
{
    const range_t *ports = prefs_get_range_value("imap", "tcp.port");

    for (unsigned i = 0; ports && i < ports->nranges; i++)
        for (uint32_t port = ports->ranges[i].low; port <= MIN(ports->ranges[i].high, PORT_MAX);
             port++)
            if (dissector_get_uint_handle(tcp_ports, port) == imap_handle)
                dissector_change_uint("tcp.port", port, stream_handle);
}

/* Before a capture is dissected, and again whenever Decode As or a preference has changed. */
static void look_at_ports(void)
{
    is_decode_as_used = false;
    memset(ports_seen, 0, sizeof ports_seen);
#if !WS_AT_LEAST(4, 4)
    looked_up_in = 0;
#endif
    n_notes = 0;
    take_ports();
    dissector_table_foreach("tcp.port", look_at_entry, NULL);
    dissector_table_foreach("tls.port", look_at_entry, NULL);
}

static void look_for_decode_as(packet_info *pinfo)
{
    if (carrier_of(pinfo) == proto_tcp ? is_decoded_as_imap(tcp_ports, pinfo)
                                       : has_layer(pinfo, proto_imap))
        take_over(pinfo);
}

/* ---- segments that TCP keeps to itself ---- */

/* Is there nothing in a call but what came before? */
static bool is_old(const struct imapid_call *call)
{
    return call->first && !call->first->next && call->first->first &&
           call->first->first->kind == IMAPID_PART_OLD && call->first->n == call->n;
}

/* Reads, or shows, a segment that TCP gave to nobody: it came late, or stands behind a hole, or has
 * no octets but an acknowledgement for which others waited. */
static void take_segment(struct imapid_stream *stream, conversation_t *conversation,
                         packet_info *pinfo, proto_tree *tree, struct imapid_own_segment *own)
{
    struct imapid_place place = place_of(pinfo, conversation, stream, own);
    const struct imapid_call *call;

    own->is_taken = true;
    if (pinfo->fd->visited) {
        settle(stream);
        imapid_pass_tell_end(stream);
        call = imapid_stream_find_segment(stream, &place);
    } else {
        call = read_segment(stream, conversation, pinfo, own);
        if (!stream->is_claimed) {
            stream->n_unproven += own->n;
            stream->is_foreign = stream->n_unproven > IMAPID_DECIDE_PATIENCE;
            if (call && !stream->is_foreign && has_greeted(stream))
                claim(stream, conversation, pinfo);
        }
    }
    if (call && stream->is_claimed && !is_old(call))
        show_call(stream, call, own->tvb, pinfo, tree);
}

/* What came by inside TLS, of each direction, whether or not TCP gave it away. File scope. */
struct passed {
    struct {
        bool has_next;
        uint32_t next;
        struct imapid_hole hole;
    } directions[2];
};

/* Wireshark's dissector of TLS decrypts what TCP gives it. What came to fill a hole, and was not
 * given away, is worth a note on the frame. */
static void look_for_withheld(conversation_t *conversation, packet_info *pinfo,
                              const struct imapid_own_segment *own)
{
    struct passed *passed =
        (struct passed *)conversation_get_proto_data(conversation, proto_stream);
    uint32_t end = own->seq + own->n + own->n_cut;
    int d = pinfo->srcport > pinfo->destport;

    if (end == own->seq || pinfo->srcport == pinfo->destport)
        return;
    if (!passed) {
        passed = wmem_new0(wmem_file_scope(), struct passed);
        conversation_add_proto_data(conversation, proto_stream, passed);
    }
    if (passed->directions[d].has_next && imapid_seq_before(passed->directions[d].next, own->seq))
        passed->directions[d].hole =
            (struct imapid_hole){true, passed->directions[d].next, own->seq};
    else if (imapid_stream_fill_hole(&passed->directions[d].hole, own->seq, end) &&
             !has_layer(pinfo, proto_tls))
        note_late(pinfo);
    if (!passed->directions[d].has_next || imapid_seq_before(passed->directions[d].next, end))
        passed->directions[d].next = end;
    passed->directions[d].has_next = true;
}

static bool is_port_seen(uint32_t port)
{
    return ports_seen[(port & 0xffff) / 8] & 1 << port % 8;
}

/* Has somebody else a claim on the connection? */
static bool is_taken_by_other(conversation_t *conversation, const packet_info *pinfo)
{
    dissector_handle_t handle = conversation_get_dissector(conversation, pinfo->num + 1);

    return handle && handle != tls_handle;
}

/* On a port that is not IMAP's a ClientHello may say that it is IMAP all the same. What then stays
 * closed is told as on ports that are. */
static void look_for_offer(packet_info *pinfo, const struct imapid_own_segment *own)
{
    const uint8_t *octets = own->n ? tvb_get_ptr(own->tvb, (int)own->at, (int)own->n) : NULL;
    conversation_t *conversation;
    const struct imapid_stream *stream;

    if (!imapid_tls_may_offer_imap(octets, own->n))
        return;
    conversation = find_conversation_pinfo(pinfo, 0);
    stream = conversation ? stream_of(conversation) : NULL;
    if (!conversation || (stream && !stream->is_foreign) || is_taken_by_other(conversation, pinfo))
        return;
    imapid_tls_watch_offer(conversation, octets, own->n);
    conversation_set_dissector_from_frame_number(conversation, pinfo->num + 1, closed_handle);
}

/* TCP is done with a segment. */
static void finish_segment(packet_info *pinfo, proto_tree *tree)
{
    struct imapid_own_segment *own = imapid_segment_get(pinfo);
    bool is_imaps = pinfo->srcport == IMAPID_PORT_IMAPS || pinfo->destport == IMAPID_PORT_IMAPS;
    conversation_t *conversation;
    struct imapid_stream *stream;

    if (!is_imaps && !own->is_taken && !pinfo->fd->visited && is_enabled())
        look_for_offer(pinfo, own);
    if (own->is_taken || !is_enabled() ||
        (!is_imaps && !is_port_seen(pinfo->srcport) && !is_port_seen(pinfo->destport)))
        return;
    conversation = is_imaps ? find_conversation_pinfo(pinfo, 0) : connection_behind(pinfo);
    stream = conversation ? stream_of(conversation) : NULL;
    if (stream && !stream->is_foreign && segment_of(pinfo, stream))
        take_segment(stream, conversation, pinfo, tree, own);
    else if (conversation && !pinfo->fd->visited && (is_imaps || (stream && !stream->is_foreign)))
        look_for_withheld(conversation, pinfo, own);
}

/* Looks at a segment of a connection that may be ours. */
static void look_at_segment(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree)
{
    const conversation_t *conversation = connection_behind(pinfo);
    struct imapid_stream *stream = conversation ? stream_of(conversation) : NULL;

    if (!stream || stream->is_foreign)
        return;
    if (pinfo->fd->visited)
        settle(stream);
    if (tree && imapid_identity_is_known())
        imapid_identity_add(stream, tvb, pinfo, tree);
}

/* Looks at each frame when it has been dissected. It wants no fields, and on a capture without IMAP
 * costs no more than being called. */
static int watch(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    (void)data;
    if (pinfo->ptype != PT_TCP)
        return 0;
    imapid_segment_finish(pinfo, tree);
    if (n_notes && p_get_proto_data(wmem_file_scope(), pinfo, proto_imapid, IMAPID_DATA_NOTE))
        imapid_tree_add_note(tree, pinfo, tvb, IMAPID_TREE_NOT_IN_ORDER);
    if (is_decode_as_used && !pinfo->fd->visited)
        look_for_decode_as(pinfo);
    if (is_port_seen(pinfo->srcport) || is_port_seen(pinfo->destport))
        look_at_segment(tvb, pinfo, tree);
    return 0;
}

/* ---- registration ---- */

void imapid_hook_register(int proto)
{
    proto_imapid = proto;
    proto_imap = proto_get_id_by_filter_name("imap");
    proto_stream =
        proto_register_protocol_in_name_only("Internet Message Access Protocol", "IMAP with ID",
                                             "imap_id_stream", proto_imap, FT_PROTOCOL);
    imapid_tls_register();
    imapid_segment_register();
    imapid_claims_register();
    stream_handle = register_dissector("imap_id_stream", dissect_stream, proto_stream);
#if WS_AT_LEAST(4, 4)
    connections =
        wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_direct_hash, g_direct_equal);
#endif
    foreign_marks =
        wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_direct_hash, g_direct_equal);
}

void imapid_hook_handoff(void)
{
    proto_tcp = proto_get_id_by_filter_name("tcp");
    proto_tls = proto_get_id_by_filter_name("tls");
    proto_proxy = proto_get_id_by_filter_name("proxy");
    protocol = find_protocol_by_id(proto_imapid);
    builtin = find_protocol_by_id(proto_imap);
    imap_handle = find_dissector("imap");
    tls_handle = find_dissector("tls");
    tcp_ports = find_dissector_table("tcp.port");
    tls_ports = find_dissector_table("tls.port");
    if (!imap_handle || !tls_handle || !tcp_ports || !tls_ports)
        return;
    imapid_show_handoff(imap_handle);
    imapid_segment_handoff(finish_segment);
    closed_handle = imapid_tls_handoff(tls_handle, is_readable);
    tcp_before = dissector_get_uint_handle(tcp_ports, IMAPID_PORT_IMAP);
    tls_before = dissector_get_uint_handle(tls_ports, IMAPID_PORT_IMAPS);
    dissector_add_uint("tcp.port", IMAPID_PORT_IMAP, stream_handle);
    dissector_add_uint("tls.port", IMAPID_PORT_IMAPS, stream_handle);
    dissector_add_uint("tcp.port", IMAPID_PORT_IMAPS, closed_handle);
    heur_dissector_add("tcp", recognise, "IMAP by content", "imapid_tcp", proto_imapid,
                       HEURISTIC_ENABLE);
    heur_dissector_add("tls", recognise, "IMAP by content, in TLS", "imapid_tls", proto_imapid,
                       HEURISTIC_ENABLE);
    register_init_routine(look_at_ports);
    register_postdissector(create_dissector_handle(watch, proto_stream));
}
