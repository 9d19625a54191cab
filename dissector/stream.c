/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream.c: the first pass over a connection.
 *
 *     octets of a call -> what is new of them -> (inflate) -> session -> parts, idents, exchanges
 *
 * Wireshark's own reassembly is not asked for: what has to wait is held here, in the same way over
 * TCP, TLS and DEFLATE, so that a unit is told in the frame in which its last octet came, whatever
 * the preferences say. Sequence numbers tell what is new, what is old and what is missing.
 *
 * Refuses: to read on in a compressed direction behind a hole.
 *
 * Misuse: reading a call twice; then its octets count as sent again, or, without sequence numbers,
 * as new ones. */
#include "stream.h"

#include <string.h>

#include "ident.h"
#include "identity.h"
#include "legs.h"

static unsigned n_reads_of_all; /* never set back: it only has to differ */

unsigned imapid_stream_count_reads(void)
{
    return n_reads_of_all;
}

/* A run of octets being read. */
struct reader {
    struct imapid_stream *stream;
    enum imapid_side side;
    struct imapid_section *section; /* in which the new octets came */
    const uint8_t *window;          /* the held octets, then the new ones */
    size_t n, n_carried;
    size_t start; /* of the unit in hand */
    size_t used;  /* by the session */
};

struct imapid_stream *imapid_stream_new(bool from_start, enum imapid_security security)
{
    struct imapid_stream *stream = wmem_new0(wmem_file_scope(), struct imapid_stream);

    imapid_session_init(&stream->session, from_start, security);
    stream->calls = wmem_tree_new(wmem_file_scope());
    stream->commands = wmem_list_new(wmem_file_scope());
    for (int side = 0; side < 2; side++)
        stream->good[side] = wmem_list_new(wmem_file_scope());
    return stream;
}

bool imapid_stream_is_proven(const struct imapid_stream *stream)
{
    const struct imapid_session *session = &stream->session;

    return session->frame[IMAPID_CLIENT].sync == IMAPID_SYNC_SURE ||
           session->frame[IMAPID_SERVER].sync == IMAPID_SYNC_SURE;
}

/* ---- calls ---- */

static bool is_call(const struct imapid_call *call, const struct imapid_place *place, size_t n)
{
    return call->has_seq == place->has_seq && call->side == place->side && call->n == n &&
           (place->has_seq ? call->seq == place->seq : call->ordinal == place->ordinal);
}

struct imapid_call *imapid_stream_find(const struct imapid_stream *stream,
                                       const struct imapid_place *place, size_t n)
{
    struct imapid_call *call =
        (struct imapid_call *)wmem_tree_lookup32(stream->calls, place->frame);

    while (call && !is_call(call, place, n))
        call = call->next;
    return call;
}

static struct imapid_call *add_call(struct imapid_stream *stream, const struct imapid_place *place,
                                    size_t n)
{
    struct imapid_call *call = wmem_new0(wmem_file_scope(), struct imapid_call);
    struct imapid_call *first =
        (struct imapid_call *)wmem_tree_lookup32(stream->calls, place->frame);

    call->frame = place->frame;
    call->time = place->time;
    call->side = place->side;
    call->has_seq = place->has_seq;
    call->seq = place->seq;
    call->ordinal = place->ordinal;
    call->n = call->tls_at = (unsigned)n;
    if (!first) {
        wmem_tree_insert32(stream->calls, place->frame, call);
        return call;
    }
    while (first->next)
        first = first->next;
    first->next = call;
    return call;
}

/* ---- readers ---- */

static struct imapid_direction *direction_of(const struct reader *reader)
{
    return &reader->stream->directions[reader->side];
}

static void append_held(struct imapid_direction *direction, const uint8_t *octets, size_t n)
{
    if (direction->n_held + n > direction->held_size) {
        direction->held_size = direction->n_held + n + direction->n_held / 2;
        direction->held =
            (uint8_t *)wmem_realloc(wmem_file_scope(), direction->held, direction->held_size);
    }
    /* cppcheck-suppress ctunullpointer ; begin_reader() never appends nothing */
    memcpy(direction->held + direction->n_held, octets, n);
    direction->n_held += n;
}

/* Begins to read `n` new octets, which may be none, behind those that are held. */
static struct reader begin_reader(struct imapid_stream *stream, enum imapid_side side,
                                  struct imapid_section *section, const uint8_t *octets, size_t n)
{
    struct imapid_direction *direction = &stream->directions[side];
    struct reader reader = {.stream = stream, .side = side, .section = section};

    reader.n_carried = direction->n_held;
    reader.used = direction->n_used;
    if (direction->n_held) {
        if (n)
            append_held(direction, octets, n);
        octets = direction->held;
    }
    reader.window = octets;
    reader.n = reader.n_carried + n;
    return reader;
}

/* Puts what is left into the hold, or empties it. */
static void keep_left(struct reader *reader)
{
    struct imapid_direction *direction = direction_of(reader);
    size_t n_left = reader->n - reader->start;

    direction->n_used = reader->used - reader->start;
    if (!n_left) {
        wmem_free(wmem_file_scope(), direction->held);
        direction->held = NULL;
        direction->n_held = direction->held_size = 0;
        direction->ends_in = NULL;
    } else if (reader->n_carried) {
        memmove(direction->held, direction->held + reader->start, n_left);
        direction->n_held = n_left;
    } else {
        append_held(direction, reader->window + reader->start, n_left);
    }
    direction->last = reader->section;
}

/* The section in which the octet before `end` came. */
static struct imapid_section *section_at(const struct reader *reader, size_t end)
{
    return end > reader->n_carried ? reader->section : direction_of(reader)->last;
}

/* Adds the part from the start of the unit in hand to `end`, and moves the start there. */
static struct imapid_part *add_part(struct reader *reader, enum imapid_part_kind kind, size_t end)
{
    struct imapid_section *section = section_at(reader, end);
    size_t from = reader->start > reader->n_carried ? reader->start : reader->n_carried;
    size_t offset = from - reader->n_carried;
    size_t n = end > from ? end - from : 0;
    struct imapid_part *part;

    if (end <= reader->n_carried)
        offset = section->n;
    part = imapid_records_add_part(section, kind, (unsigned)offset, (unsigned)n);
    part->if_ended_at = reader->stream->as_ended_at;
    if (reader->start < reader->n_carried) {
        struct imapid_direction *direction = direction_of(reader);

        part->n_whole = (unsigned)(end - reader->start);
        part->whole = (const uint8_t *)wmem_memdup(wmem_file_scope(),
                                                   reader->window + reader->start, part->n_whole);
        if (direction->ends_in)
            *direction->ends_in = section->call->frame;
        direction->ends_in = NULL;
    }
    part->n_line = (unsigned)(end - reader->start);
    reader->start = end;
    return part;
}

/* ---- events ---- */

static struct imapid_ident *add_ident(struct reader *reader, const struct imapid_unit *unit,
                                      struct imapid_part *part,
                                      struct imapid_exchange_record *exchange, bool is_extra)
{
    struct imapid_section *section = section_at(reader, reader->used);
    struct imapid_ident *ident = imapid_records_new_ident(section->call, reader->side, unit);

    imapid_ident_read(ident);
    ident->exchange = exchange;
    ident->is_extra = is_extra;
    ident->part = part;
    if (part)
        part->ident = ident;
    if (reader->stream->as_ended_at)
        return ident;
    imapid_identity_note(reader->stream, ident);
    if (ident->side == IMAPID_CLIENT)
        wmem_list_append(reader->stream->commands, ident);
    return ident;
}

static struct imapid_exchange_record *slot_record(struct imapid_stream *stream, unsigned slot)
{
    if (!stream->slots[slot])
        stream->slots[slot] = wmem_new0(wmem_file_scope(), struct imapid_exchange_record);
    return stream->slots[slot];
}

/* Neither list of an exchange stands for its side any more. */
static void refuse_record(struct imapid_stream *stream, struct imapid_exchange_record *record)
{
    if (stream->as_ended_at)
        return;
    imapid_identity_refuse(stream, record->command);
    imapid_identity_refuse(stream, record->response);
}

static void take_result(struct reader *reader, const struct imapid_unit *unit,
                        struct imapid_part *part, struct imapid_exchange_record *record,
                        const struct imapid_exchange *exchange)
{
    record->result_call = section_at(reader, reader->used)->call;
    record->result_place = unit->tag;
    record->result_tag =
        wmem_strndup(wmem_file_scope(), (const char *)unit->data + unit->tag.offset, unit->tag.n);
    record->status = exchange->status;
    if (!exchange->open)
        record->tentative = record->response_tentative = false;
    if (part)
        part->result = record;
    if (record->status == IMAPID_STATUS_NO || record->status == IMAPID_STATUS_BAD)
        refuse_record(reader->stream, record);
}

static void take_switch(struct reader *reader, enum imapid_event_kind kind)
{
    struct imapid_stream *stream = reader->stream;

    if (kind == IMAPID_EVENT_DEFLATE)
        stream->is_compressed = true;
    else
        stream->to =
            reader->side == IMAPID_SERVER ? IMAPID_SWITCH_TLS_BEHIND : IMAPID_SWITCH_TLS_HERE;
}

/* What was given as the response of another exchange is that of `record`. */
static void move_response(struct imapid_stream *stream, struct imapid_exchange_record *record,
                          unsigned from)
{
    struct imapid_exchange_record *giver = slot_record(stream, from);

    record->response = giver->response;
    giver->response = NULL;
    if (record->response)
        record->response->exchange = record;
}

static void take_event(struct reader *reader, const struct imapid_event *event,
                       const struct imapid_unit *unit, struct imapid_part *part)
{
    struct imapid_stream *stream = reader->stream;
    const struct imapid_exchange *exchange = &stream->session.exchanges[event->slot];
    struct imapid_exchange_record *record;

    if (event->kind == IMAPID_EVENT_TLS || event->kind == IMAPID_EVENT_DEFLATE) {
        take_switch(reader, event->kind);
        return;
    }
    if (event->kind == IMAPID_EVENT_COMMAND && exchange->is_late)
        stream->slots[event->slot] = stream->ended[event->slot];
    record = slot_record(stream, event->slot);
    switch (event->kind) {
    case IMAPID_EVENT_COMMAND:
        record->command = add_ident(reader, unit, part, record, false);
        break;
    case IMAPID_EVENT_RESPONSE:
        record->response = add_ident(reader, unit, part, record, false);
        break;
    case IMAPID_EVENT_EXTRA:
        add_ident(reader, unit, part, record, true);
        break;
    case IMAPID_EVENT_RESULT:
        take_result(reader, unit, part, record, exchange);
        break;
    case IMAPID_EVENT_DROP_RESPONSE:
        if (record->response)
            record->response->dropped = true;
        if (!stream->as_ended_at)
            imapid_identity_refuse(stream, record->response);
        record->response = NULL;
        return;
    case IMAPID_EVENT_MOVE_RESPONSE:
        move_response(stream, record, event->from);
        return;
    case IMAPID_EVENT_DROP:
        record->dropped = true;
        refuse_record(stream, record);
        stream->slots[event->slot] = NULL;
        return;
    default:
        record->tentative = record->response_tentative = false;
        if (record->response && record->response->part) /* that nothing had asked for it */
            record->response->part->codes |= imapid_records_settle(record, exchange);
        stream->slots[event->slot] = NULL;
        return;
    }
    if (part)
        part->codes |= imapid_records_settle(record, exchange);
    if (event->kind == IMAPID_EVENT_RESULT && !exchange->open) {
        stream->ended[event->slot] = record;
        stream->slots[event->slot] = NULL;
    }
}

/* Confirmation is told by no event. */
static void note_confirmed(struct imapid_stream *stream)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        if (!stream->slots[i])
            continue;
        stream->slots[i]->tentative = stream->session.exchanges[i].tentative;
        stream->slots[i]->response_tentative = stream->session.exchanges[i].response_tentative;
    }
}

static void take_events(struct reader *reader, const struct imapid_unit *unit,
                        struct imapid_part *part)
{
    struct imapid_stream *stream = reader->stream;
    struct imapid_event event;

    while (imapid_session_event(&stream->session, &event))
        take_event(reader, &event, unit, part);
    note_confirmed(stream);
    if (stream->session.required_by_server && !stream->was_required && part) {
        part->codes |= UINT32_C(1) << IMAPID_FINDING_REQUIRED_BY_SERVER;
        stream->was_required = true;
    }
}

/* ---- units ---- */

static unsigned line_length(const struct imapid_unit *unit)
{
    const uint8_t *newline = (const uint8_t *)memchr(unit->data, '\n', unit->n);

    return newline ? (unsigned)(newline - unit->data) + 1 : (unsigned)unit->n;
}

/* The built-in dissector frames no literals but those of FETCH responses. So of a command, and of
 * an ID, it gets the first line; of other responses it gets all, when all is there. */
static void take_unit(struct reader *reader, const struct imapid_unit *unit)
{
    struct imapid_direction *direction = direction_of(reader);
    bool goes_on = reader->stream->session.frame[reader->side].in_unit;
    struct imapid_part *part = NULL;

    direction->in_whole = goes_on && unit->kind == IMAPID_UNIT_UNTAGGED &&
                          !imapid_unit_is_id(unit) && !unit->over_limit;
    direction->in_rest = goes_on && !direction->in_whole;
    if (!direction->in_whole && reader->used > reader->start) {
        part = add_part(reader, goes_on ? IMAPID_PART_HEAD : IMAPID_PART_UNIT, reader->used);
        part->n_line = line_length(unit);
        part->stands_by_itself = goes_on || part->n_line < unit->n;
        part->is_hidden = unit->data[part->n_line - 1] != '\n';
    }
    take_events(reader, unit, part);
}

/* Octets were passed over, to the end of a unit or of a search. */
static void take_passed(struct reader *reader)
{
    struct imapid_direction *direction = direction_of(reader);
    struct imapid_part *part = NULL;

    if (reader->used > reader->start)
        part = add_part(reader,
                        direction->in_whole  ? IMAPID_PART_UNIT
                        : direction->in_rest ? IMAPID_PART_REST
                                             : IMAPID_PART_NOISE,
                        reader->used);
    direction->in_whole = false;
    direction->in_rest = reader->stream->session.frame[reader->side].in_unit;
    take_events(reader, NULL, part);
}

/* What the session used of an unfinished unit, and what it wants to see again. */
static void take_unfinished(struct reader *reader)
{
    struct imapid_direction *direction = direction_of(reader);
    size_t from;

    if (direction->in_whole && reader->n - reader->start > IMAPID_STREAM_HOLD_MAX) {
        direction->in_whole = false;
        direction->in_rest = true;
    }
    if (!direction->in_whole && reader->used > reader->start)
        add_part(reader, direction->in_rest ? IMAPID_PART_REST : IMAPID_PART_NOISE, reader->used);
    from = reader->start > reader->n_carried ? reader->start : reader->n_carried;
    if (from < reader->n) {
        struct imapid_part *part = imapid_records_add_part(reader->section, IMAPID_PART_BEGUN,
                                                           (unsigned)(from - reader->n_carried),
                                                           (unsigned)(reader->n - from));

        if (!direction->ends_in)
            direction->ends_in = wmem_new0(wmem_file_scope(), unsigned);
        part->ends_in = direction->ends_in;
    }
    keep_left(reader);
}

static void read_on(struct reader *reader);

/* The client's unit in hand ends where it is: its literal was refused. */
static void read_held(struct imapid_stream *stream, enum imapid_side side)
{
    struct imapid_direction *direction = &stream->directions[side];

    if (direction->n_held) {
        struct reader reader = begin_reader(stream, side, direction->last, NULL, 0);

        read_on(&reader);
        take_unfinished(&reader);
    }
}

/* Reads until the session wants more, or the octets change their meaning. */
static void read_on(struct reader *reader)
{
    struct imapid_stream *stream = reader->stream;
    bool was_compressed = stream->is_compressed;
    struct imapid_unit unit;
    size_t n_used;

    while (!stream->to && stream->is_compressed == was_compressed) {
        switch (imapid_session_read(&stream->session, reader->side, reader->window + reader->used,
                                    reader->n - reader->used, &unit, &n_used)) {
        case IMAPID_SESSION_MORE:
            reader->used += n_used;
            return;
        case IMAPID_SESSION_OTHER_SIDE:
            read_held(stream, IMAPID_CLIENT);
            break;
        case IMAPID_SESSION_PASSED:
            reader->used += n_used;
            take_passed(reader);
            break;
        case IMAPID_SESSION_UNIT:
            reader->used += n_used;
            take_unit(reader, &unit);
            break;
        }
    }
}

/* ---- holes ---- */

/* `n` octets (0: nobody knows how many) are missing behind those read so far. */
static void take_gap(struct imapid_stream *stream, enum imapid_side side, size_t n)
{
    struct imapid_direction *direction = &stream->directions[side];

    direction->had_gap = true;
    stream->awaits_header &= side == IMAPID_SERVER;
    if (direction->inflate) {
        direction->is_lost = true;
        n = 0;
    }
    imapid_session_gap(&stream->session, side, n);
    if (direction->n_held) {
        struct reader reader = begin_reader(stream, side, direction->last, NULL, 0);

        read_on(&reader);
        reader.start = reader.used = reader.n; /* what is left was shown as it came */
        keep_left(&reader);
    }
    direction->in_whole = false;
    direction->in_rest = stream->session.frame[side].in_unit;
}

void imapid_stream_lose(struct imapid_stream *stream, enum imapid_side side, uint32_t n)
{
    struct imapid_direction *direction = &stream->directions[side];

    take_gap(stream, side, n);
    direction->next += n;
    direction->has_gap = true;
}

void imapid_stream_doubt(struct imapid_stream *stream, enum imapid_side side)
{
    imapid_session_doubt(&stream->session, side);
    stream->directions[side].has_unseen = true;
}

void imapid_stream_tell_end(struct imapid_stream *stream)
{
    struct imapid_stream copy = *stream;

    if (stream->n_told_end == stream->n_reads)
        return;
    stream->n_told_end = stream->n_reads;
    copy.as_ended_at = stream->n_reads;
    memset(copy.ended, 0, sizeof copy.ended); /* the records behind it are not of the copy */
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (copy.slots[i])
            copy.slots[i] = (struct imapid_exchange_record *)wmem_memdup(
                wmem_file_scope(), copy.slots[i], sizeof *copy.slots[i]);
    for (int side = 0; side < 2; side++) {
        struct imapid_direction *direction = &copy.directions[side];

        direction->ends_in = NULL;
        if (!direction->n_held || direction->is_lost)
            continue;
        direction->held =
            (uint8_t *)wmem_memdup(wmem_file_scope(), direction->held, direction->n_held);
        direction->held_size = direction->n_held;
        take_gap(&copy, (enum imapid_side)side, 0);
    }
}

/* ---- layers ---- */

static void read_section(struct imapid_stream *stream, enum imapid_side side,
                         struct imapid_section *section, const uint8_t *octets);

/* Inflates octets that came in a call, behind COMPRESS. */
static void read_deflated(struct imapid_stream *stream, struct imapid_call *call,
                          enum imapid_side side, const uint8_t *octets, size_t n)
{
    struct imapid_direction *direction = &stream->directions[side];
    struct imapid_section *section;
    uint8_t *inflated = NULL;
    size_t n_inflated = 0;
    bool is_good;

    if (!direction->inflate && !direction->is_lost) {
        direction->inflate = imapid_inflate_new();
        direction->is_lost = !direction->inflate;
    }
    if (direction->is_lost)
        return;
    is_good = imapid_inflate_read(direction->inflate, octets, n, &inflated, &n_inflated);
    if (n_inflated) {
        section = imapid_records_add_section(call, 0, (unsigned)n_inflated);
        section->inflated = inflated;
        read_section(stream, side, section, inflated);
    }
    if (!is_good)
        take_gap(stream, side, 0);
}

static void add_deflate_part(struct imapid_call *call, unsigned offset, unsigned n)
{
    struct imapid_section *section = imapid_records_add_section(call, offset, n);

    imapid_records_add_part(section, IMAPID_PART_DEFLATE, 0, n);
}

/* COMPRESS was answered OK: what the sides have sent since, in this frame or an earlier one, is
 * compressed: here the `n` octets, which stand at `offset` in the call. */
static void begin_deflate(struct imapid_stream *stream, enum imapid_side side,
                          struct imapid_call *call, const uint8_t *octets, unsigned offset,
                          unsigned n)
{
    enum imapid_side other = imapid_side_other(side);
    struct imapid_direction *early = &stream->directions[other];

    imapid_session_resume(&stream->session);
    for (int i = 0; i < 2; i++)
        stream->directions[i].in_rest = stream->directions[i].in_whole = false;
    if (early->n_held) {
        uint8_t *held = early->held;
        size_t n_held = early->n_held;
        struct imapid_section *last = early->last;

        early->held = NULL;
        early->n_held = early->held_size = early->n_used = 0;
        early->ends_in = NULL;
        read_deflated(stream, last->call, other, held, n_held);
        wmem_free(wmem_file_scope(), held);
    }
    if (n) {
        add_deflate_part(call, offset, n);
        read_deflated(stream, call, side, octets, n);
    }
}

/* Takes off the header of a proxy, with which a client may begin. False: it may go on. */
static bool may_read(struct reader *reader)
{
    struct imapid_stream *stream = reader->stream;
    struct imapid_proxy_header header;
    enum imapid_proxy_status status;

    if (!stream->awaits_header || reader->side == IMAPID_SERVER)
        return true;
    status = imapid_proxy_parse(reader->window, reader->n, &header);
    if (status == IMAPID_PROXY_MORE)
        return false;
    stream->awaits_header = false;
    if (status == IMAPID_PROXY_OK) {
        reader->used = header.n;
        add_part(reader, IMAPID_PART_PROXY, header.n);
        imapid_identity_note_proxy(stream, &header);
        imapid_legs_note_end(stream, &stream->origin);
    }
    return true;
}

static void read_section(struct imapid_stream *stream, enum imapid_side side,
                         struct imapid_section *section, const uint8_t *octets)
{
    unsigned n = section->n;
    struct reader reader = begin_reader(stream, side, section, octets, n);
    bool was_compressed = stream->is_compressed;

    if (!may_read(&reader)) {
        take_unfinished(&reader);
        return;
    }
    read_on(&reader);
    if (stream->to || stream->is_compressed != was_compressed) {
        unsigned at = (unsigned)(reader.used - reader.n_carried);

        if (stream->to == IMAPID_SWITCH_TLS_HERE)
            section->call->tls_at = section->offset + at;
        section->n = at; /* what is behind has another meaning */
        reader.start = reader.used = reader.n;
        keep_left(&reader);
        if (stream->to)
            imapid_session_resume(&stream->session);
        else
            begin_deflate(stream, side, section->call, octets + at, section->offset + at, n - at);
        return;
    }
    take_unfinished(&reader);
}

/* ---- calls, read ---- */

/* How many octets of a call are old; tells the session of those that are missing before it. */
static unsigned skip_old(struct imapid_stream *stream, const struct imapid_place *place, size_t n)
{
    struct imapid_direction *direction = &stream->directions[place->side];
    uint32_t ahead = place->seq - direction->next;
    unsigned n_old = 0;

    if (!place->has_seq)
        return 0;
    if (direction->has_next && ahead) {
        if (ahead < UINT32_C(0x80000000)) {
            take_gap(stream, place->side, ahead);
            direction->has_gap = true;
        } else {
            n_old = 0 - ahead;
            if (n_old > n)
                n_old = (unsigned)n;
        }
    }
    return n_old;
}

/* Adds what is passed over at the front of a call: `n_old` octets that came before. */
static void pass_over(struct imapid_call *call, unsigned n_old)
{
    if (n_old)
        imapid_records_add_part(imapid_records_add_section(call, 0, n_old), IMAPID_PART_OLD, 0,
                                n_old);
}

struct imapid_call *imapid_stream_read(struct imapid_stream *stream,
                                       const struct imapid_place *place, const uint8_t *octets,
                                       size_t n, size_t n_cut)
{
    struct imapid_direction *direction = &stream->directions[place->side];
    struct imapid_call *call = add_call(stream, place, n);
    unsigned n_old = skip_old(stream, place, n);
    unsigned n_new = (unsigned)n - n_old;

    pass_over(call, n_old);
    stream->n_reads++;
    n_reads_of_all++;
    stream->last = place->time;
    if (stream->n_reads == 1)
        stream->first = place->time;
    stream->to = IMAPID_SWITCH_NONE;
    if (n_new && stream->is_compressed) {
        add_deflate_part(call, n_old, n_new);
        read_deflated(stream, call, place->side, octets + n_old, n_new);
    } else if (n_new) {
        read_section(stream, place->side, imapid_records_add_section(call, n_old, n_new),
                     octets + n_old);
    }
    if (n_old < n) {
        direction->has_unseen = false;
        if (n_cut)
            take_gap(stream, place->side, n_cut);
        direction->next = place->seq + (uint32_t)(n + n_cut);
        direction->has_next = place->has_seq;
    }
    return call;
}
