/* SPDX-License-Identifier: GPL-2.0-or-later */
/* begin.c: the first octets of a connection: is this IMAP, who is the server, what stands before it.
 *
 * Refuses: to take a connection for IMAP on the strength of one line in its middle. On a port that
 * says nothing such a connection is read in silence until an answer to a command proves it.
 *
 * Misuse: beginning at a call that is not the first of its connection that was looked at. */
#include "begin.h"

#include <imapid/decide.h>

#include "claims.h"
#include "closed.h"
#include "fate.h"
#include "identity.h"
#include "reader.h"

static const struct imapid_wireshark *const ws = &imapid_wireshark;

static wmem_map_t *foreign_marks; /* carrier -> the mark of what is no IMAP; file scope */

/* ---- who is the server ---- */

/* The one of the two ports that a dissector has, by registration or Decode As; 0 for neither or
 * both. */
static unsigned port_of(dissector_handle_t dissector, packet_info *pinfo)
{
    dissector_table_t ports =
        imapid_connection_get_carrier(pinfo) == ws->proto_tls ? ws->tls_ports : ws->tcp_ports;
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

void imapid_begin_set_server(struct imapid_stream *stream, packet_info *pinfo, bool is_sender)
{
    stream->server_port = is_sender ? pinfo->srcport : pinfo->destport;
    imapid_connection_note_port(stream->server_port);
    copy_address_wmem(wmem_file_scope(), &stream->server, is_sender ? &pinfo->src : &pinfo->dst);
    stream->ends[is_sender ? IMAPID_SERVER : IMAPID_CLIENT] = end_of(&pinfo->src, pinfo->srcport);
    stream->ends[is_sender ? IMAPID_CLIENT : IMAPID_SERVER] = end_of(&pinfo->dst, pinfo->destport);
}

/* Was one SYN seen, of either side? */
static bool saw_handshake(const struct tcp_analysis *tcp)
{
    return tcp && tcp->server_port;
}

/* Was the SYN of the server not seen? */
static bool is_half_seen(const struct tcp_analysis *tcp)
{
    return tcp && !((tcp->fwd->static_flags | tcp->rev->static_flags) & WS_TCP_SAW_SYN_ACK);
}

/* Directions, for decide.h: 0 is that of the sender of the current call. */
enum { SENT, RECEIVED };

/* Is it what was there before the SYN by which Wireshark has begun the conversation, and goes on? */
static bool is_former(const struct imapid_fate *fate, const conversation_t *conversation)
{
    return fate->first.frame < conversation->setup_frame;
}

/* Is it in mid-session, behind a stranger's SYN? */
static bool goes_on_behind_syn(const conversation_t *conversation, packet_info *pinfo)
{
    const struct imapid_fate *fate = imapid_fate_find(conversation, pinfo);

    return fate && is_former(fate, conversation) &&
           (fate->started[0].frame || fate->started[1].frame);
}

/* The direction of the first SYN; -1: none was seen. Wireshark goes by the last one, which may be a stranger's in the
 * server's name; and what goes on behind that has the sides that it had. */
static int client_by_syn(const struct tcp_analysis *tcp, const conversation_t *conversation,
                         packet_info *pinfo)
{
    const struct imapid_fate *fate;

    if (!saw_handshake(tcp))
        return -1;
    fate = imapid_fate_find(conversation, pinfo);
    if (fate && fate->from_start)
        return fate->client == imapid_given_direction(pinfo) ? SENT : RECEIVED;
    if (pinfo->srcport != pinfo->destport)
        return pinfo->srcport == tcp->server_port ? RECEIVED : SENT;
    if (tcp->fwd->static_flags & WS_TCP_SAW_SYN_ACK || tcp->rev->static_flags & WS_TCP_SAW_SYN)
        return RECEIVED;
    return (tcp->rev->static_flags & WS_TCP_SAW_SYN_ACK || tcp->fwd->static_flags & WS_TCP_SAW_SYN)
               ? SENT
               : -1;
}

/* The direction whose peer has a port of ours; -1: none, or both. What the user gave to the built-in
 * dissector counts only where nothing else tells: he may have pointed at the client. */
static int client_by_port(dissector_handle_t dissector, packet_info *pinfo)
{
    unsigned port = port_of(dissector, pinfo);

    return !port ? -1 : port == pinfo->srcport ? RECEIVED : SENT;
}

/* Octets of the sender are missing before those of this call. See imapid_decide_lost(). */
static enum imapid_decide_status decide_behind_hole(struct imapid_decide *decide, bool is_plain)
{
    const struct imapid_decide_early none[2] = {{NULL, 0}, {NULL, 0}};

    return imapid_decide_lost(decide, SENT, none, is_plain);
}

/* Decides by the first octets of a call, of which there are some. */
static enum imapid_decide_status decide_here(struct imapid_decide *decide, const uint8_t *octets,
                                             size_t n)
{
    const struct imapid_decide_early early[2] = {{octets, n}, {NULL, 0}};
    size_t n_drop;

    return imapid_decide_begin(decide, SENT, early, &n_drop);
}

/* Nothing told so far who the client is: by Decode As, else that servers have low ports. */
static int client_at_last(packet_info *pinfo)
{
    int client = client_by_port(ws->imap_handle, pinfo);

    return client >= 0 ? client : pinfo->srcport < pinfo->destport ? RECEIVED : SENT;
}

bool imapid_begin_may_be_strangers(const conversation_t *conversation, packet_info *pinfo)
{
    const struct tcp_analysis *tcp = imapid_connection_get_analysis(conversation, pinfo);

    return saw_handshake(tcp) && is_half_seen(tcp) &&
           client_by_syn(tcp, conversation, pinfo) == RECEIVED;
}

/* ---- beginning ---- */

/* The sequence number of the first octet of a flow whose SYN was seen. It counts from the SYN, or
 * is as sent, depending on a preference; `seq`, a number near the flow's beginning, tells which. */
static uint32_t first_of(const tcp_flow_t *flow, uint32_t seq)
{
    uint32_t raw = flow->base_seq + 1;

    return seq - raw < seq - 1 ? raw : 1;
}

/* Octets that are looked at; and of what is in no plain alphabet: of so many random ones 1 in 2,000 times none is a control
 * character. */
#define N_FIRST   5
#define N_TELLING 64

static bool has_control(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (octets[i] < 0x20 && octets[i] != '\r' && octets[i] != '\n' && octets[i] != '\t')
            return true;
    return false;
}

/* Is it UTF-8? A character may be cut at both ends. */
static bool is_utf8(const uint8_t *octets, size_t n)
{
    const char *text = (const char *)octets, *end;

    for (int i = 0; i < 3 && n && ((uint8_t)*text & 0xc0) == 0x80; i++, n--)
        text++;
    return g_utf8_validate(text, (gssize)n, &end) ||
           g_utf8_get_char_validated(end, text + n - end) == (gunichar)-2;
}

/* Does it begin as TLS or DEFLATE do in the middle, and no text? A message may be in another alphabet than UTF-8; a few octets
 * of it tell no more. */
static bool is_binary(const uint8_t *octets, size_t n)
{
    size_t n_first = MIN(n, N_FIRST);

    if (has_control(octets, n_first))
        return true;
    for (size_t i = 0; i < n_first; i++)
        if (octets[i] >= 0x80)
            return has_control(octets, MIN(n, N_TELLING)) || (n < N_TELLING && !is_utf8(octets, n));
    return false;
}

/* Is this the first octet of its direction? Behind a stranger's SYN Wireshark takes any for the first. */
static bool is_at_start(const conversation_t *conversation, packet_info *pinfo,
                        const struct tcp_analysis *tcp, const void *data)
{
    const struct imapid_own_segment *own = imapid_segment_get(pinfo);
    const struct imapid_fate *fate;
    uint32_t seq;

    if (imapid_connection_get_carrier(pinfo) != ws->proto_tcp)
        return true; /* nobody reads TLS without its handshake */
    if (!data || !saw_handshake(tcp))
        return false;
    fate = imapid_fate_find(conversation, pinfo);
    if (fate && own && is_former(fate, conversation)) {
        const struct imapid_order_side *side = &fate->order.sides[imapid_given_direction(pinfo)];

        return side->has_first && own->seq == side->first;
    }
    seq = ((const struct tcpinfo *)data)->seq;
    return seq == first_of(tcp->fwd, seq);
}

/* Is it a keep-alive before all octets, in the place of the SYN? */
static bool is_keep_alive(const conversation_t *conversation, packet_info *pinfo)
{
    const struct imapid_own_segment *own = imapid_segment_get(pinfo);
    const struct imapid_fate *fate = imapid_fate_find(conversation, pinfo);
    const struct imapid_order_side *side =
        fate ? &fate->order.sides[imapid_given_direction(pinfo)] : NULL;

    return own && own->n == 1 && side && side->has_first && own->seq + 1 == side->first &&
           imapid_connection_get_carrier(pinfo) == ws->proto_tcp;
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

bool imapid_begin_has_other_dissector(const struct imapid_stream *stream)
{
    const struct imapid_preface *preface = &stream->preface;

    for (unsigned i = 0; i < preface->n_kinds; i++)
        if (preface->kinds[i] == IMAPID_PREFACE_CONNECT ||
            (preface->kinds[i] != IMAPID_PREFACE_PROXY &&
             dissector_get_uint_handle(ws->tcp_ports, stream->server_port)))
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

struct imapid_begin imapid_begin_look(conversation_t *conversation, packet_info *pinfo,
                                      tvbuff_t *tvb, const void *data)
{
    struct imapid_begin first = {
        .conversation = conversation,
        .tcp = imapid_connection_get_analysis(conversation, pinfo),
        .carrier = imapid_connection_get_carrier(pinfo),
        .before_tls = imapid_closed_proxy_header(conversation),
        .n = tvb_captured_length(tvb),
        .status = IMAPID_DECIDE_MORE,
    };
    const uint8_t *octets = first.n ? tvb_get_ptr(tvb, 0, (int)first.n) : NULL;
    struct imapid_decide decide;

    first.is_start = is_at_start(conversation, pinfo, first.tcp, data);
    if (is_keep_alive(conversation, pinfo)) {
        first.is_start = true;
        first.n = 0;
    }
    imapid_decide_init(&decide, first.is_start || saw_handshake(first.tcp), is_half_seen(first.tcp),
                       client_by_syn(first.tcp, conversation, pinfo),
                       client_by_port(ws->stream_handle, pinfo));
    if (!first.is_start && decide.from_start)
        first.status = decide_behind_hole(&decide, !first.before_tls);
    if (first.is_start && !first.before_tls && decide.client != RECEIVED && first.n)
        first.n = pass_preface(&octets, first.n);
    first.octets = octets;
    if (first.n && first.status == IMAPID_DECIDE_MORE)
        first.status = decide_here(&decide, octets, first.n);
    /* What has to wait for others may not be the first of its side, or of somebody else. */
    if (first.status == IMAPID_DECIDE_NOT && first.carrier == ws->proto_tcp &&
        imapid_fate_tells_nothing(conversation, pinfo)) {
        first.status = IMAPID_DECIDE_MORE;
        first.n = 0;
    }
    first.client = decide.client;
    first.decide = decide;
    return first;
}

/* Where TCP knows a flow to begin: by its SYN, its first segment, or the peer's first acknowledgement, which is
 * all that may be left of octets that are not in the capture. On a port that says nothing that does not count:
 * the side may not be in the capture at all, and what waits for it makes nothing IMAP. */
static void begin_side(struct imapid_order_side *side, const tcp_flow_t *flow, bool may_wait)
{
    bool has_syn = flow->static_flags & (WS_TCP_SAW_SYN | WS_TCP_SAW_SYN_ACK);

    if (!(flow->static_flags & WS_TCP_HAS_BASE_SEQ) || !(has_syn || may_wait))
        return;
    if (has_syn)
        imapid_order_set_first(side, flow->base_seq + 1);
    else
        imapid_order_set_next(side, flow->base_seq + 1);
    side->is_guessed = !has_syn;
}

/* Where TCP has taken a stranger's SYN, or octets, for the beginning of the direction, it is where these octets are. */
static void leave_other_begin(struct imapid_order_side *side, packet_info *pinfo)
{
    const struct imapid_own_segment *own = imapid_segment_get(pinfo);

    if (!own || !side->is_known || own->seq - side->next <= IMAPID_ORDER_GUESS_MAX ||
        side->next - own->seq <= IMAPID_ORDER_GUESS_MAX)
        return;
    imapid_order_set_next(side, own->seq);
    side->has_first = false;
}

/* The order has moved over octets that the capture has cut off: nobody has read them. */
static void lose_cut(struct imapid_stream *stream, enum imapid_side side)
{
    const struct imapid_order_side *order = &stream->order.sides[side];

    if (order->has_first && order->next != order->first)
        imapid_reader_lose(stream, side, order->next - order->first);
}

/* Goes on with the order of the segments before the first octets, and what is doubtful of them; or with
 * that of the former connection. False: nobody has looked at these. */
static bool take_over(struct imapid_stream *stream, const conversation_t *conversation,
                      packet_info *pinfo, enum imapid_side side)
{
    const struct imapid_fate *fate = imapid_fate_find(conversation, pinfo);
    int d = imapid_given_direction(pinfo);

    if (!fate || !fate->from_start ||
        ((fate->started[0].frame || fate->started[1].frame) && !is_former(fate, conversation)))
        return false;
    stream->order = fate->order;
    stream->order.doubts = stream->doubts;
    memcpy(stream->doubts, fate->doubts, sizeof stream->doubts);
    for (int i = 0; i < 2; i++, side = imapid_side_other(side), d = !d) {
        stream->order.sides[side] = fate->order.sides[d];
        stream->directions[side].checksums = fate->checksums[d];
        if (fate->order.reset.side == d)
            stream->order.reset.side = (int)side;
        if (!fate->started[d].frame)
            lose_cut(stream, side);
    }
    return true;
}

/* Tells the order what is known of the segments before the first octets; on a port that nothing was known
 * of, by TCP. */
static void begin_order(struct imapid_stream *stream, const struct imapid_begin *first,
                        packet_info *pinfo)
{
    const struct tcp_analysis *tcp = first->tcp;
    enum imapid_side side =
        imapid_connection_is_from_server(stream, pinfo) ? IMAPID_SERVER : IMAPID_CLIENT;

    if (take_over(stream, first->conversation, pinfo, side))
        return;
    begin_side(&stream->order.sides[side], tcp->fwd, true);
    leave_other_begin(&stream->order.sides[side], pinfo);
    begin_side(&stream->order.sides[imapid_side_other(side)], tcp->rev,
               stream->decide.by_port >= 0);
}

/* What protects the octets of a call. */
static enum imapid_security get_security(const struct imapid_begin *first)
{
    const struct imapid_stream *below = imapid_connection_get_stream(first->conversation);

    if (first->carrier != ws->proto_tls)
        return IMAPID_SECURITY_NONE;
    return below && below->is_behind_starttls ? IMAPID_SECURITY_STARTTLS : IMAPID_SECURITY_TLS;
}

struct imapid_stream *imapid_begin_stream(const struct imapid_begin *first, packet_info *pinfo)
{
    bool is_tcp = first->carrier == ws->proto_tcp, in_middle = is_tcp && !first->is_start;
    enum imapid_security security = get_security(first);
    bool from_start = is_tcp ? saw_handshake(first->tcp) : security != IMAPID_SECURITY_STARTTLS;
    bool goes_on = is_tcp && goes_on_behind_syn(first->conversation, pinfo);
    struct imapid_stream *stream = imapid_stream_new(from_start && !goes_on, security);
    int client;

    stream->first_frame = pinfo->num;
    stream->tcp = first->tcp;
    stream->carrier = first->carrier;
    stream->below = imapid_connection_get_stream(first->conversation);
    if (stream->below && stream->below->carrier == stream->carrier)
        stream->below = NULL; /* it begins anew */
    if (first->before_tls)
        imapid_identity_note_proxy(stream, first->before_tls);
    if (!first->is_start || first->before_tls)
        stream->preface.is_over[0] = stream->preface.is_over[1] = true;
    client = first->client < 0 ? client_at_last(pinfo) : first->client;
    imapid_begin_set_server(stream, pinfo, client == RECEIVED);
    stream->decide = first->decide;
    stream->decide.client = client;
    stream->first_side = client == SENT ? IMAPID_CLIENT : IMAPID_SERVER;
    stream->is_undecided = first->status == IMAPID_DECIDE_MORE;
    if (is_tcp && first->tcp && from_start)
        begin_order(stream, first, pinfo);
    /* One octet in the middle may be a keep-alive, and tells nothing. */
    if (first->n && !(in_middle && first->n == 1) &&
        (first->status == IMAPID_DECIDE_NOT ||
         (is_binary(first->octets, first->n) &&
          !imapid_begin_may_be_strangers(first->conversation, pinfo)))) {
        stream->is_foreign = true;
        stream->foreign_from = pinfo->num;
        stream->may_be_text = in_middle;
        stream->is_behind_starttls = in_middle && stream->server_port == IMAPID_PORT_IMAP;
    }
    imapid_claims_note_end(stream, &stream->ends[IMAPID_CLIENT]);
    imapid_claims_note_end(stream, &stream->origin);
    conversation_add_proto_data(first->conversation, ws->proto_imapid, stream);
    imapid_connection_note(first->conversation, pinfo);
    return stream;
}

/* So many octets of TLS or DEFLATE are text once in ten million times. */
#define N_TEXT 16

bool imapid_begin_is_text(const struct imapid_stream *stream, tvbuff_t *tvb)
{
    size_t n = tvb_captured_length(tvb);
    const uint8_t *octets = n < N_TEXT ? NULL : tvb_get_ptr(tvb, 0, (int)n);

    n = MIN(n, N_TELLING);
    return octets && stream->may_be_text && !has_control(octets, n) && is_utf8(octets, n);
}

bool imapid_begin_may_be_imap(const struct imapid_begin *first)
{
    switch (first->status) {
    case IMAPID_DECIDE_IMAP:
        return true;
    case IMAPID_DECIDE_MORE: /* a client that has yet to be greeted, or part of a greeting */
        return first->is_start && (!first->n || first->client == SENT || first->octets[0] == '*');
    default:
        return false;
    }
}

void imapid_begin_mark_foreign(conversation_t *conversation, packet_info *pinfo)
{
    void *carrier = GINT_TO_POINTER(imapid_connection_get_carrier(pinfo));
    struct imapid_stream *mark = (struct imapid_stream *)wmem_map_lookup(foreign_marks, carrier);

    if (!mark) {
        mark = wmem_new0(wmem_file_scope(), struct imapid_stream);
        mark->carrier = GPOINTER_TO_INT(carrier);
        mark->is_foreign = true;
        wmem_map_insert(foreign_marks, carrier, mark);
    }
    conversation_add_proto_data(conversation, ws->proto_imapid, mark);
    imapid_connection_note(conversation, pinfo);
}

/* May these be the first octets of a server? */
static bool may_greet(const uint8_t *octets, size_t n)
{
    struct imapid_decide decide;

    imapid_decide_init(&decide, true, false, RECEIVED, -1);
    return decide_here(&decide, octets, n) != IMAPID_DECIDE_NOT;
}

/* Do the first octets of a server that nobody claimed yet begin as none of IMAP would? */
static bool is_no_greeting(const struct imapid_stream *stream, const uint8_t *octets, size_t n)
{
    return !stream->is_claimed && !awaits_proxy(stream) &&
           !imapid_stream_get_session(stream)->exchanges.seen[IMAPID_SERVER] && n &&
           !may_greet(octets, n);
}

bool imapid_begin_is_refuted(const struct imapid_stream *stream, const conversation_t *conversation,
                             tvbuff_t *tvb, packet_info *pinfo, const void *data)
{
    size_t n = tvb_captured_length(tvb);

    return imapid_connection_is_from_server(stream, pinfo) &&
           is_at_start(conversation, pinfo, imapid_connection_get_analysis(conversation, pinfo),
                       data) &&
           is_no_greeting(stream, tvb_get_ptr(tvb, 0, (int)n), n);
}

bool imapid_begin_is_refuted_by(const struct imapid_stream *stream, packet_info *pinfo,
                                const struct imapid_own_segment *own)
{
    return imapid_connection_is_from_server(stream, pinfo) && saw_handshake(stream->tcp) &&
           own->seq == stream->tcp->fwd->base_seq + 1 &&
           is_no_greeting(stream, tvb_get_ptr(own->tvb, (int)own->at, (int)own->n), own->n);
}

void imapid_begin_register(void)
{
    foreign_marks =
        wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_direct_hash, g_direct_equal);
}
