/* SPDX-License-Identifier: GPL-2.0-or-later */
/* turn.c: a connection seen from its middle, whose sides were taken for one another.
 *
 * Refuses: to turn what was seen from its SYN, or has been proven. What speaks for the other sides is
 * decided in protocol/decide.c.
 *
 * Misuse: turning on a later visit; what was shown before would be looked up in vain. */
#include "turn.h"

#include "begin.h"
#include "claims.h"
#include "pass.h"

/* A segment that may have to be read anew. Of the stream's share. */
struct early {
    struct imapid_place place;
    unsigned n, n_cut;
    const uint8_t *octets;
};

/* Octets that wait, or whose unit has not ended. */
static void drop_octets(struct imapid_stream *stream, struct imapid_direction *direction)
{
    imapid_stream_drop_waiting(stream, direction);
    imapid_stream_drop_held(stream, direction);
    imapid_pasts_clear(&imapid_stream_pasts, &direction->past);
    memset(direction, 0, sizeof *direction);
}

/* What was read was read for the wrong side: none of it is shown. */
static void forget(struct imapid_stream *stream)
{
    wmem_list_frame_t *frame = wmem_list_head(stream->commands);

    for (; frame; frame = wmem_list_frame_next(frame))
        ((struct imapid_ident *)wmem_list_frame_data(frame))->exchange->dropped = true;
    imapid_session_init(imapid_stream_change_session(stream), false,
                        imapid_stream_get_session(stream)->exchanges.now.security);
    memset(stream->slots, 0, sizeof stream->slots);
    memset(stream->ended, 0, sizeof stream->ended);
    memset(stream->who, 0, sizeof stream->who);
    stream->commands = wmem_list_new(wmem_file_scope());
    for (int side = 0; side < 2; side++) {
        drop_octets(stream, &stream->directions[side]);
        stream->good[side] = wmem_list_new(wmem_file_scope());
    }
    stream->n_calls = 0;
    stream->forwarded = NULL;
    stream->reset_call = NULL;
    stream->was_required = stream->was_cleartext = stream->has_claim = stream->has_lost = false;
    imapid_stream_note_read(stream);
}

/* The order goes on where it is; that of what is read anew begins with it. */
static void turn_order(struct imapid_stream *stream)
{
    struct imapid_order_side first = stream->order.sides[0];

    stream->order.sides[0] = stream->order.sides[1];
    stream->order.sides[1] = first;
    stream->order.reset.side = !stream->order.reset.side;
    if (stream->early)
        stream->order = (struct imapid_order){.doubts = stream->doubts};
}

static void read_anew(struct imapid_stream *stream)
{
    wmem_list_frame_t *frame = wmem_list_head(stream->early);

    for (; frame; frame = wmem_list_frame_next(frame)) {
        struct early *early = (struct early *)wmem_list_frame_data(frame);

        early->place.side = imapid_side_other(early->place.side);
        (void)imapid_pass_read(stream, &early->place, early->octets, early->n, early->n_cut);
    }
}

static void turn(struct imapid_stream *stream, packet_info *pinfo)
{
    forget(stream);
    turn_order(stream);
    imapid_begin_set_server(stream, pinfo, !imapid_connection_is_from_server(stream, pinfo));
    imapid_claims_note_end(stream, &stream->ends[IMAPID_CLIENT]);
    stream->first_side = imapid_side_other(stream->first_side);
    if (stream->early)
        read_anew(stream);
}

static void keep(struct imapid_stream *stream, const struct imapid_place *place,
                 const uint8_t *octets, const struct imapid_own_segment *own)
{
    struct early *early = (struct early *)imapid_budget_alloc(stream->share, sizeof *early);

    *early = (struct early){.place = *place, .n = own->n, .n_cut = own->n_cut};
    early->octets = (const uint8_t *)imapid_budget_copy(stream->share, octets, own->n);
    if (!stream->early)
        stream->early = wmem_list_new(wmem_file_scope());
    wmem_list_append(stream->early, early);
}

void imapid_turn_if_wrong(struct imapid_stream *stream, conversation_t *conversation,
                          packet_info *pinfo, const struct imapid_own_segment *own)
{
    struct imapid_place place;
    const uint8_t *octets;
    int dir;

    if (imapid_stream_get_session(stream)->exchanges.from_start ||
        imapid_stream_is_proven(stream) || !own->n)
        return;
    place = imapid_connection_get_place(pinfo, conversation, stream, own);
    octets = tvb_get_ptr(own->tvb, (int)own->at, (int)own->n);
    dir = place.side != stream->first_side;
    if (imapid_decide_unproven(&stream->decide, dir, octets, own->n) == IMAPID_DECIDE_TURNED)
        turn(stream, pinfo);
    stream->is_undecided &= !dir && stream->decide.n_passed <= IMAPID_DECIDE_EARLY_MAX;
    if (stream->is_undecided)
        keep(stream, &place, octets, own);
    else
        stream->early = NULL;
}
