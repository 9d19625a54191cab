/* SPDX-License-Identifier: GPL-2.0-or-later */
/* call.c: one call of our dissector: read on its first visit, looked up on every later one, and shown.
 *
 * Refuses: to read a frame again. What it cannot find on a later visit is not shown.
 *
 * Misuse: reading a call of a connection that is foreign. */
#include "call.h"

#include "begin.h"
#include "closed.h"
#include "follow.h"
#include "identity.h"
#include "pass.h"
#include "show.h"
#include "tree.h"
#include "turn.h"

static const struct imapid_wireshark *const ws = &imapid_wireshark;

/* Keeps a connection from this frame on. The built-in dissector forgets no STARTTLS: it gives the
 * connection to TLS at the next OK, even when the command was refused. */
static void keep(conversation_t *conversation, packet_info *pinfo)
{
    conversation_set_dissector_from_frame_number(conversation, pinfo->num, ws->stream_handle);
}

/* What is inside TLS is ours, and so is the place before TLS, where what it is given is seen. */
static void claim_tls(conversation_t *conversation, packet_info *pinfo)
{
    tls_set_appdata_dissector(ws->tls_handle, pinfo, ws->stream_handle);
    conversation_set_dissector_from_frame_number(conversation, pinfo->num + 1, ws->closed_handle);
}

/* Of TLS, both a port and what is in the octets lead here: since 4.6 the port comes first. */
static void take(const struct imapid_stream *stream, conversation_t *conversation,
                 packet_info *pinfo)
{
    int carrier = imapid_connection_get_carrier(pinfo);

    if (carrier == ws->proto_tls)
        claim_tls(conversation, pinfo);
    else if (carrier == ws->proto_tcp && !stream->to)
        keep(conversation, pinfo);
}

struct imapid_stream *imapid_call_begin(conversation_t *conversation, tvbuff_t *tvb,
                                        packet_info *pinfo, const void *data,
                                        dissector_handle_t fallback)
{
    struct imapid_begin first = imapid_begin_look(conversation, pinfo, tvb, data);
    struct imapid_stream *stream = imapid_begin_stream(&first, pinfo);

    stream->is_claimed = true;
    stream->fallback = fallback;
    if (!stream->is_foreign)
        take(stream, conversation, pinfo);
    return stream;
}

void imapid_call_claim(struct imapid_stream *stream, conversation_t *conversation,
                       packet_info *pinfo)
{
    stream->is_claimed = true;
    stream->claimed_in = pinfo->num;
    take(stream, conversation, pinfo);
}

void imapid_call_begin_tls(const struct imapid_stream *stream, conversation_t *conversation,
                           packet_info *pinfo)
{
    conversation_set_dissector_from_frame_number(conversation, pinfo->num, ws->closed_handle);
    if (stream->is_behind_starttls)
        tls_set_appdata_dissector(ws->tls_handle, pinfo, ws->stream_handle);
}

/* Is the first record from `at` on whole? */
static bool has_whole_record(const struct imapid_own_segment *own, unsigned at)
{
    const uint8_t *octets = tvb_get_ptr(own->tvb, (int)own->at, (int)own->n);

    return own->n - at >= 5 && own->n - at - 5 >= ((unsigned)octets[at + 3] << 8 | octets[at + 4]);
}

/* TCP may give octets of before TLS late, and the ClientHello again. Where that is not whole, TLS has yet
 * to be given it. */
static void note_begin(const struct imapid_stream *stream, const struct imapid_call *call,
                       packet_info *pinfo, conversation_t *conversation,
                       const struct imapid_own_segment *own)
{
    struct imapid_given *given = imapid_connection_get_given(conversation);
    bool is_server = imapid_connection_is_from_server(stream, pinfo);
    int sender = imapid_given_direction(pinfo);
    int directions[2] = {is_server ? !sender : sender, is_server ? sender : !sender};

    for (int side = 0; side < 2; side++)
        if (stream->order.sides[side].is_known)
            imapid_given_begin(given, directions[side], stream->order.sides[side].next);
    if (stream->to != IMAPID_SWITCH_TLS_HERE)
        return;
    imapid_given_begin(given, sender,
                       own->seq + (has_whole_record(own, call->tls_at) ? own->n : call->tls_at));
    if (own->flags & TH_ACK)
        imapid_given_begin(given, !sender, own->ack);
}

/* STARTTLS was answered OK: tells the TLS dissector before the built-in IMAP dissector does, so
 * that what is inside TLS comes to us. Where that one had told it too early, it stays told; what is
 * inside comes to us all the same. */
static void begin_tls(const struct imapid_stream *stream, packet_info *pinfo,
                      conversation_t *conversation)
{
    if (stream->to == IMAPID_SWITCH_TLS_BEHIND) {
        ssl_starttls_ack(ws->tls_handle, pinfo, ws->stream_handle);
        conversation_set_dissector_from_frame_number(conversation, pinfo->num + 1,
                                                     ws->closed_handle);
    } else {
        ssl_starttls_post_ack(ws->tls_handle, pinfo, ws->stream_handle);
        conversation_set_dissector_from_frame_number(conversation, pinfo->num, ws->closed_handle);
    }
    tls_set_appdata_dissector(ws->tls_handle, pinfo, ws->stream_handle);
}

/* The segment of a call in the clear; NULL: what TLS gives has no sequence number. */
static struct imapid_own_segment *get_own(const struct imapid_stream *stream, packet_info *pinfo)
{
    return imapid_connection_get_carrier(pinfo) == ws->proto_tcp
               ? imapid_connection_get_segment(pinfo, stream)
               : NULL;
}

/* Does somebody look at the frame on its first visit? In the first pass of two nobody does, but for what
 * listens to all of them. */
static bool is_shown(const packet_info *pinfo, const proto_tree *tree)
{
    return pinfo->cinfo || (tree && PTREE_DATA(tree)->visible) ||
           tap_listeners_require_dissection();
}

struct imapid_call *imapid_call_read_segment(struct imapid_stream *stream,
                                             conversation_t *conversation, packet_info *pinfo,
                                             const proto_tree *tree,
                                             const struct imapid_own_segment *own)
{
    struct imapid_place place;
    struct imapid_direction *direction;
    struct imapid_call *call;

    imapid_turn_if_wrong(stream, conversation, pinfo, own);
    place = imapid_connection_get_place(pinfo, conversation, stream, own);
    place.is_shown = is_shown(pinfo, tree);
    direction = &stream->directions[place.side];
    if (imapid_hole_fill(&direction->hole, own->seq, own->seq + own->n + own->n_cut))
        imapid_given_withhold(pinfo->num);
    call = imapid_pass_read(stream, &place,
                            own->n ? tvb_get_ptr(own->tvb, (int)own->at, (int)own->n) : NULL,
                            own->n, own->n_cut);
    if (stream->to) {
        note_begin(stream, call, pinfo, conversation, own);
        begin_tls(stream, pinfo, conversation);
    }
    return call;
}

const struct imapid_part *imapid_call_get_header(const struct imapid_call *call)
{
    const struct imapid_part *part = call->first ? call->first->first : NULL;

    return part && part->kind == IMAPID_PART_PROXY && !part->whole ? part : NULL;
}

bool imapid_call_is_preface(const struct imapid_call *call)
{
    const struct imapid_part *part = call->first ? call->first->first : NULL;

    if (imapid_call_get_header(call))
        return imapid_call_get_header(call)->n == call->n;
    while (part && part->kind == IMAPID_PART_PREFACE)
        part = part->next;
    return call->first && call->first->first && !part;
}

static bool has_greeted(const struct imapid_stream *stream)
{
    const struct imapid_session *session = imapid_stream_get_session(stream);

    return session->exchanges.from_start ? session->exchanges.seen[IMAPID_SERVER] &&
                                               stream->directions[IMAPID_SERVER].n_held == 0
                                         : imapid_stream_is_proven(stream);
}

/* Has a client, of whose server nothing is in the capture, sent an ID? On a port that tells nothing
 * only that makes its connection IMAP. */
static bool has_introduced_itself(const struct imapid_stream *stream)
{
    const struct imapid_session *session = imapid_stream_get_session(stream);

    return session->exchanges.from_start && !session->exchanges.seen[IMAPID_SERVER] &&
           session->exchanges.n_id_commands > 0;
}

bool imapid_call_is_imap(const struct imapid_stream *stream)
{
    return has_greeted(stream) || has_introduced_itself(stream);
}

/* Is there an ID that is believed, now that all was read? It makes its connection IMAP, as in the tool. */
static bool tells_id(const struct imapid_stream *stream)
{
    for (int side = 0; side < 2; side++)
        for (wmem_list_frame_t *frame = wmem_list_head(stream->good[side]); frame;
             frame = wmem_list_frame_next(frame))
            if (imapid_records_is_shown((const struct imapid_ident *)wmem_list_frame_data(frame),
                                        true, imapid_stream_get_session(stream)->exchanges.seen))
                return true;
    return false;
}

void imapid_call_settle(struct imapid_stream *stream)
{
    imapid_pass_settle(stream);
    if (stream->is_claimed || stream->is_foreign || stream->n_judged == stream->n_reads)
        return;
    stream->n_judged = stream->n_reads;
    stream->is_claimed = imapid_call_is_imap(stream) || tells_id(stream);
}

/* Says of a call that comes out of TLS which octets of the other side it may answer. */
static void look_below(struct imapid_stream *stream, conversation_t *conversation,
                       packet_info *pinfo, struct imapid_place *place)
{
    const struct imapid_own_segment *own = imapid_segment_get(pinfo);
    struct imapid_given *given;
    int d = imapid_given_direction(pinfo);

    if (!own)
        return;
    given = imapid_connection_get_given(conversation);
    given->n_calls++;
    stream->given = given;
    stream->given_client = place->side == IMAPID_CLIENT ? d : !d;
    place->seq = given->sides[d].end;
    place->ack = given->sides[d].ack;
    place->flags = given->sides[d].has_ack ? TH_ACK : 0;
}

struct imapid_call *imapid_call_read(struct imapid_stream *stream, conversation_t *conversation,
                                     tvbuff_t *tvb, packet_info *pinfo, const proto_tree *tree)
{
    struct imapid_own_segment *own = get_own(stream, pinfo);
    size_t n = own ? own->n : tvb_captured_length(tvb);
    struct imapid_place place;
    struct imapid_call *call;

    if (own)
        own->is_taken = true;
    if (own && !pinfo->fd->visited)
        return imapid_call_read_segment(stream, conversation, pinfo, tree, own);
    place = imapid_connection_get_place(pinfo, conversation, stream, own);
    if (pinfo->fd->visited) {
        imapid_call_settle(stream);
        imapid_pass_tell_end(stream);
        return stream->gave_way ? NULL : imapid_stream_find(stream, &place, n);
    }
    if (imapid_connection_get_carrier(pinfo) == ws->proto_tls) {
        imapid_closed_note_open(conversation);
        look_below(stream, conversation, pinfo, &place);
    }
    call = imapid_pass_read(stream, &place, n ? tvb_get_ptr(tvb, 0, (int)n) : NULL, n,
                            tvb_reported_length(tvb) - n);
    if (stream->to)
        begin_tls(stream, pinfo, conversation);
    return call;
}

/* Calls TLS with what stands behind the clear octets of a segment. As if TCP had called it, it may ask for
 * more octets, up to `can_desegment`. */
static void show_tls(const struct imapid_call *call, tvbuff_t *tvb, packet_info *pinfo,
                     proto_tree *tree, int can_desegment)
{
    pinfo->can_desegment = can_desegment;
    call_dissector(ws->closed_handle, tvb_new_subset_remaining(tvb, (int)call->tls_at), pinfo,
                   tree);
    if (pinfo->desegment_len)
        pinfo->desegment_offset += (int)call->tls_at;
}

int imapid_call_show(struct imapid_stream *stream, const struct imapid_call *call, tvbuff_t *tvb,
                     packet_info *pinfo, proto_tree *tree)
{
    int can_desegment = 0;

    if (call->has_seq) {
        const struct imapid_own_segment *own = imapid_segment_get(pinfo);

        if (tvb_reported_length(tvb) == own->n) /* TCP gave this segment and nothing else */
            can_desegment = pinfo->saved_can_desegment;
        tvb = imapid_segment_get_payload(own);
    }
    imapid_show_call(stream, call, tvb, pinfo, tree);
    imapid_follow_tell(call, tvb, pinfo);
    if (call->tls_at < call->n)
        show_tls(call, tvb, pinfo, tree, can_desegment);
    return (int)tvb_captured_length(tvb);
}

bool imapid_call_is_taken(const struct imapid_stream *stream, packet_info *pinfo)
{
    const struct imapid_own_segment *own = get_own(stream, pinfo);

    return own && own->is_taken;
}

void imapid_call_show_notes(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree)
{
    if (imapid_given_is_withheld(pinfo->num))
        imapid_tree_add_note(tree, pinfo, tvb, IMAPID_TREE_NOT_IN_ORDER);
}
