/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream.c: the state of one IMAP connection, and the calls it was told by.
 *
 * Holds what the first pass knows and what later visits look up. Refuses nothing; memory is the
 * file's, so nothing is freed here.
 *
 * Misuse: adding a call on a later visit; then it is shown twice. */
#include "stream.h"

#include <string.h>

#define N_CALLS 8 /* for which there is room at first */

struct imapid_pasts imapid_stream_pasts = {IMAPID_PASTS_MAX, g_malloc, g_free, NULL, NULL, 0};

static unsigned n_reads_of_all; /* never set back: it only has to differ */

unsigned imapid_stream_count_reads(void)
{
    return n_reads_of_all;
}

void imapid_stream_note_read(struct imapid_stream *stream)
{
    stream->n_reads++;
    n_reads_of_all++;
}

static void begin_lists(struct imapid_stream *stream)
{
    stream->commands = wmem_list_new(wmem_file_scope());
    for (int side = 0; side < 2; side++)
        stream->good[side] = wmem_list_new(wmem_file_scope());
}

void imapid_stream_drop_held(struct imapid_stream *stream, struct imapid_direction *direction)
{
    wmem_free(NULL, direction->held);
    imapid_budget_count(stream->share, direction->held_size, 0);
    direction->held = NULL;
    direction->n_held = direction->held_size = 0;
}

/* The file is closed: what is of no scope goes with it. */
static ws_bool close_file(wmem_allocator_t *scope, wmem_cb_event_t event, void *data)
{
    struct imapid_stream *stream = (struct imapid_stream *)data;

    (void)scope;
    (void)event;
    for (int side = 0; side < 2; side++) {
        wmem_free(NULL, stream->directions[side].held);
        imapid_pasts_clear(&imapid_stream_pasts, &stream->directions[side].past);
    }
    imapid_sessions_drop(stream->session);
    return false;
}

struct imapid_stream *imapid_stream_new(bool from_start, enum imapid_security security)
{
    struct imapid_stream *stream = wmem_new0(wmem_file_scope(), struct imapid_stream);

    stream->session = imapid_sessions_new();
    imapid_session_init(imapid_stream_change_session(stream), from_start, security);
    stream->share = wmem_new0(wmem_file_scope(), struct imapid_share);
    stream->share->owner = stream;
    stream->order.doubts = stream->doubts;
    (void)wmem_register_callback(wmem_file_scope(), close_file, stream);
    begin_lists(stream);
    return stream;
}

void imapid_stream_drop_waiting(struct imapid_stream *stream, struct imapid_direction *direction)
{
    struct imapid_waiting *first;

    while ((first = direction->waiting)) {
        direction->waiting = first->next;
        wmem_free(wmem_file_scope(), first);
        imapid_budget_count(stream->share, sizeof *first, 0);
    }
    direction->n_waiting = 0;
    direction->n_waiting_octets = 0;
}

void imapid_stream_give_way(struct imapid_stream *stream)
{
    for (int side = 0; side < 2; side++) {
        struct imapid_direction *direction = &stream->directions[side];

        imapid_stream_drop_waiting(stream, direction);
        imapid_stream_drop_held(stream, direction);
        imapid_pasts_clear(&imapid_stream_pasts, &direction->past);
        *direction = (struct imapid_direction){.is_lost = true, .had_gap = true};
        wmem_destroy_list(stream->good[side]);
        stream->who[side] = NULL;
    }
    memset(stream->slots, 0, sizeof stream->slots);
    memset(stream->ended, 0, sizeof stream->ended);
    stream->forwarded = NULL;
    stream->early = NULL;
    stream->reset_call = NULL;
    stream->is_undecided = false;
    wmem_destroy_list(stream->commands);
    wmem_free(wmem_file_scope(), stream->calls);
    stream->calls = NULL;
    stream->n_calls = stream->n_calls_max = 0;
    begin_lists(stream);
    imapid_budget_free(stream->share);
    stream->gave_way = true;
}

bool imapid_stream_is_proven(const struct imapid_stream *stream)
{
    const struct imapid_session *session = imapid_stream_get_session(stream);

    return session->frame[IMAPID_CLIENT].sync == IMAPID_SYNC_SURE ||
           session->frame[IMAPID_SERVER].sync == IMAPID_SYNC_SURE;
}

unsigned imapid_stream_count_layers(const struct imapid_stream *stream)
{
    return (unsigned)stream->is_compressed + (unsigned)stream->is_wrapped;
}

/* ---- calls ---- */

static bool is_call(const struct imapid_call *call, const struct imapid_place *place, size_t n)
{
    return call->has_seq == place->has_seq && call->side == place->side && call->n == n &&
           (place->has_seq ? call->seq == place->seq : call->ordinal == place->ordinal);
}

static bool is_of_segment(const struct imapid_call *call, const struct imapid_place *place)
{
    return call->has_seq && call->seq == place->seq && call->side == place->side;
}

/* The place of the first call of a frame, or of a later one. */
static unsigned find_frame(const struct imapid_stream *stream, unsigned frame)
{
    unsigned from = 0, to = stream->n_calls;

    while (from < to) {
        unsigned middle = from + (to - from) / 2;

        if (stream->calls[middle]->frame < frame)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

struct imapid_call *imapid_stream_find(const struct imapid_stream *stream,
                                       const struct imapid_place *place, size_t n)
{
    for (unsigned i = find_frame(stream, place->frame);
         i < stream->n_calls && stream->calls[i]->frame == place->frame; i++)
        if (is_call(stream->calls[i], place, n))
            return stream->calls[i];
    return NULL;
}

struct imapid_call *imapid_stream_find_segment(const struct imapid_stream *stream,
                                               const struct imapid_place *place)
{
    for (unsigned i = find_frame(stream, place->frame);
         i < stream->n_calls && stream->calls[i]->frame == place->frame; i++)
        if (is_of_segment(stream->calls[i], place))
            return stream->calls[i];
    return NULL;
}

static void make_room(struct imapid_stream *stream)
{
    unsigned n_max = stream->n_calls_max + stream->n_calls_max / 2 + N_CALLS;
    size_t size = sizeof(struct imapid_call *);

    stream->calls =
        (struct imapid_call **)wmem_realloc(wmem_file_scope(), stream->calls, n_max * size);
    imapid_budget_count(stream->share, stream->n_calls_max * size, n_max * size);
    stream->n_calls_max = n_max;
}

struct imapid_call *imapid_stream_add_call(struct imapid_stream *stream,
                                           const struct imapid_place *place, size_t n)
{
    struct imapid_call *call =
        (struct imapid_call *)imapid_budget_alloc(stream->share, sizeof *call);

    call->share = stream->share;
    call->frame = place->frame;
    call->time = place->time;
    call->side = place->side;
    call->has_seq = place->has_seq;
    call->seq = place->seq;
    call->ordinal = place->ordinal;
    call->n = call->tls_at = (unsigned)n;
    if (stream->n_calls == stream->n_calls_max)
        make_room(stream);
    stream->calls[stream->n_calls++] = call; /* frames are read for the first time in their order */
    return call;
}
