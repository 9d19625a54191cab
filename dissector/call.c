/* SPDX-License-Identifier: GPL-2.0-or-later */
/* call.c: one call of our dissector: read on its first visit, looked up on every later one, and shown.
 *
 * Refuses: to read a frame again. What it cannot find on a later visit is not shown.
 *
 * Misuse: reading a call of a connection that is foreign. */
#include "call.h"

#include "closed.h"
#include "identity.h"
#include "pass.h"
#include "show.h"
#include "tree.h"
#include "turn.h"

static const struct imapid_wireshark *const ws = &imapid_wireshark;

void imapid_call_keep(conversation_t *conversation, packet_info *pinfo)
{
    conversation_set_dissector_from_frame_number(conversation, pinfo->num, ws->stream_handle);
}

/* What is inside TLS is ours, and so is the place before TLS, where what it is given is seen. */
static void claim_tls(conversation_t *conversation, packet_info *pinfo)
{
    tls_set_appdata_dissector(ws->tls_handle, pinfo, ws->stream_handle);
    conversation_set_dissector_from_frame_number(conversation, pinfo->num + 1, ws->closed_handle);
}

void imapid_call_claim(struct imapid_stream *stream, conversation_t *conversation,
                       packet_info *pinfo)
{
    stream->is_claimed = true;
    stream->claimed_in = pinfo->num;
    if (imapid_connection_get_carrier(pinfo) == ws->proto_tls)
        claim_tls(conversation, pinfo);
    else if (imapid_connection_get_carrier(pinfo) == ws->proto_tcp && !stream->to)
        imapid_call_keep(conversation, pinfo);
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

static tvbuff_t *tvb_of(const struct imapid_own_segment *own)
{
    return tvb_new_subset_remaining(own->tvb, (int)own->at);
}

struct imapid_call *imapid_call_read_segment(struct imapid_stream *stream,
                                             conversation_t *conversation, packet_info *pinfo,
                                             const struct imapid_own_segment *own)
{
    struct imapid_place place;
    struct imapid_direction *direction;
    struct imapid_call *call;

    imapid_turn_if_wrong(stream, conversation, pinfo, own);
    place = imapid_connection_get_place(pinfo, conversation, stream, own);
    direction = &stream->directions[place.side];
    if (imapid_hole_fill(&direction->hole, own->seq, own->seq + own->n + own->n_cut))
        imapid_given_withhold(pinfo->num);
    call = imapid_pass_read(stream, &place,
                            own->n ? tvb_get_ptr(own->tvb, (int)own->at, (int)own->n) : NULL,
                            own->n, own->n_cut);
    if (stream->to)
        begin_tls(stream, pinfo, conversation);
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

bool imapid_call_has_greeted(const struct imapid_stream *stream)
{
    return stream->session.exchanges.from_start ? stream->session.exchanges.seen[IMAPID_SERVER] &&
                                                      stream->directions[IMAPID_SERVER].n_held == 0
                                                : imapid_stream_is_proven(stream);
}

void imapid_call_settle(struct imapid_stream *stream)
{
    imapid_pass_settle(stream);
    stream->is_claimed |= !stream->is_foreign && imapid_call_has_greeted(stream);
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
    place->seq = own->seq;
    place->ack = given->sides[d].ack;
    place->flags = given->sides[d].has_ack ? TH_ACK : 0;
}

struct imapid_call *imapid_call_read(struct imapid_stream *stream, conversation_t *conversation,
                                     tvbuff_t *tvb, packet_info *pinfo)
{
    struct imapid_own_segment *own = get_own(stream, pinfo);
    size_t n = own ? own->n : tvb_captured_length(tvb);
    struct imapid_place place;
    struct imapid_call *call;

    if (own)
        own->is_taken = true;
    if (own && !pinfo->fd->visited)
        return imapid_call_read_segment(stream, conversation, pinfo, own);
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

int imapid_call_show(struct imapid_stream *stream, const struct imapid_call *call, tvbuff_t *tvb,
                     packet_info *pinfo, proto_tree *tree)
{
    if (call->has_seq)
        tvb = tvb_of(imapid_segment_get(pinfo));
    imapid_show_call(stream, call, tvb, pinfo, tree);
    if (call->tls_at < call->n)
        call_dissector(ws->closed_handle, tvb_new_subset_remaining(tvb, (int)call->tls_at), pinfo,
                       tree);
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
