/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream.c: the first pass over a connection.
 *
 *     octets of a call -> what is new of them -> (inflate) -> session -> parts, idents, exchanges
 *
 * Wireshark's own reassembly is not asked for: what has to wait is held here, in the same way over
 * TCP, TLS and DEFLATE, so that a unit is told in the frame in which its last octet came, whatever
 * the preferences say. In the clear it is given whole segments, and the rule of order.h says which
 * are read when; those that have to wait are kept here, each in a copy.
 *
 * Refuses: to read on in a compressed direction behind a hole.
 *
 * Misuse: reading a call twice; then its octets count as sent again, or, without sequence numbers,
 * as new ones. */
#include "stream.h"

#include <string.h>

#include <imapid/secret.h>

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

struct imapid_call *imapid_stream_find_segment(const struct imapid_stream *stream,
                                               const struct imapid_place *place)
{
    struct imapid_call *call =
        (struct imapid_call *)wmem_tree_lookup32(stream->calls, place->frame);

    while (call && !(call->has_seq && call->seq == place->seq && call->side == place->side))
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
    if (ident->side == IMAPID_CLIENT) {
        wmem_list_append(reader->stream->commands, ident);
        imapid_legs_note_command(reader->stream, ident);
    }
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
    size_t n_tag;
    const uint8_t *tag = imapid_secret_get_tag(unit, &n_tag);

    record->result_call = section_at(reader, reader->used)->call;
    record->result_place = unit->tag;
    record->result_tag = wmem_strndup(wmem_file_scope(), (const char *)tag, n_tag);
    record->status = exchange->status;
    if (!exchange->open)
        record->tentative = record->response_tentative = false;
    if (part)
        part->result = record;
    if (record->status == IMAPID_STATUS_NO || record->status == IMAPID_STATUS_BAD)
        refuse_record(reader->stream, record);
}

/* Whether that is all that will come is only known at the end. */
static void take_untagged(struct reader *reader, struct imapid_part *part,
                          struct imapid_exchange_record *record)
{
    record->untagged = part;
    record->untagged_call = section_at(reader, reader->used)->call;
    if (part)
        part->result = record;
}

static void take_switch(struct reader *reader, enum imapid_event_kind kind)
{
    struct imapid_stream *stream = reader->stream;

    if (kind == IMAPID_EVENT_DEFLATE)
        stream->is_compressed = true;
    else if (kind == IMAPID_EVENT_SASL)
        stream->is_wrapped = true;
    else
        stream->to =
            reader->side == IMAPID_SERVER ? IMAPID_SWITCH_TLS_BEHIND : IMAPID_SWITCH_TLS_HERE;
}

/* Are the octets of the calls those of another layer? */
static bool is_layered(const struct imapid_stream *stream)
{
    return stream->is_compressed || stream->is_wrapped;
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

static void add_extra(struct imapid_exchange_record *record, struct imapid_ident *ident)
{
    ident->next_extra = record->extras;
    record->extras = ident;
}

/* What was given as the responses of an exchange was none. */
static void drop_responses(struct imapid_exchange_record *record)
{
    if (record->response)
        record->response->dropped = true;
    for (struct imapid_ident *extra = record->extras; extra; extra = extra->next_extra)
        extra->dropped = true;
    record->extras = NULL;
}

static void take_event(struct reader *reader, const struct imapid_event *event,
                       const struct imapid_unit *unit, struct imapid_part *part)
{
    struct imapid_stream *stream = reader->stream;
    const struct imapid_exchange *exchange = &stream->session.exchanges[event->slot];
    struct imapid_exchange_record *record;

    if (event->kind == IMAPID_EVENT_TLS || event->kind == IMAPID_EVENT_DEFLATE ||
        event->kind == IMAPID_EVENT_SASL) {
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
        add_extra(record, add_ident(reader, unit, part, record, true));
        break;
    case IMAPID_EVENT_RESULT:
        take_result(reader, unit, part, record, exchange);
        break;
    case IMAPID_EVENT_UNTAGGED:
        take_untagged(reader, part, record);
        return;
    case IMAPID_EVENT_DROP_RESPONSE:
        drop_responses(record);
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
        stream->has_lost |= exchange->lost;
        record->tentative = record->response_tentative = false;
        if (record->response && record->response->part) /* that nothing had asked for it */
            record->response->part->codes |= imapid_records_settle(record, exchange);
        stream->slots[event->slot] = NULL;
        return;
    }
    if (part)
        part->codes |= imapid_records_settle(record, exchange);
    if (event->kind == IMAPID_EVENT_RESULT && !exchange->open) {
        stream->has_lost |= exchange->lost;
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
        stream->slots[i]->untagged_status = stream->session.exchanges[i].untagged_status;
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
    if (!stream->was_cleartext && part &&
        imapid_login_has_cleartext_password(&stream->session.login)) {
        part->codes |= UINT32_C(1) << IMAPID_FINDING_CLEARTEXT_PASSWORD;
        stream->was_cleartext = true;
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
    bool was_layered = is_layered(stream);
    struct imapid_unit unit;
    size_t n_used;

    while (!stream->to && is_layered(stream) == was_layered) {
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

/* Nothing comes behind what is held: it is told as far as it goes. */
static void empty_hold(struct imapid_stream *stream, enum imapid_side side)
{
    struct imapid_direction *direction = &stream->directions[side];
    struct reader reader;

    if (!direction->n_held)
        return;
    reader = begin_reader(stream, side, direction->last, NULL, 0);
    read_on(&reader);
    reader.start = reader.used = reader.n; /* what is left was shown as it came */
    keep_left(&reader);
}

/* `n` octets (0: nobody knows how many) are missing behind those read so far. */
static void take_gap(struct imapid_stream *stream, enum imapid_side side, size_t n)
{
    struct imapid_direction *direction = &stream->directions[side];

    direction->had_gap = true;
    stream->preface.is_over[0] = stream->preface.is_over[1] = true;
    if (is_layered(stream)) {
        direction->is_lost = true;
        n = 0;
    }
    imapid_session_gap(&stream->session, side, n);
    empty_hold(stream, side);
    direction->in_whole = false;
    direction->in_rest = stream->session.frame[side].in_unit;
}

bool imapid_stream_fill_hole(struct imapid_hole *hole, uint32_t from, uint32_t to)
{
    if (!hole->is_open || !imapid_seq_before(from, hole->to) || !imapid_seq_before(hole->from, to))
        return false;
    hole->is_open = false;
    return true;
}

/* Did the connection end, and was everything before that read? Known of segments alone. */
static bool has_ended(const struct imapid_stream *stream)
{
    for (int side = 0; side < 2 && !stream->is_reset; side++)
        if (!imapid_order_is_over(&stream->order, side, stream->directions[side].waiting))
            return false;
    return true;
}

/* Of an exchange that is open when all was read, is something missing? Else the capture shows that
 * it was not answered. */
static bool lacks_open(const struct imapid_stream *stream)
{
    const struct imapid_session *session = &stream->session;

    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (session->exchanges[i].open &&
            (session->exchanges[i].lost || !session->seen[IMAPID_SERVER] || !has_ended(stream)))
            return true;
    return false;
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
        if (stream->is_reset || !has_ended(stream)) {
            take_gap(&copy, (enum imapid_side)side, 0);
        } else {
            imapid_session_close(&copy.session, (enum imapid_side)side);
            empty_hold(&copy, (enum imapid_side)side);
        }
    }
    stream->lacks_id = copy.has_lost || lacks_open(&copy);
}

/* ---- layers ---- */

static void read_section(struct imapid_stream *stream, enum imapid_side side,
                         struct imapid_section *section, const uint8_t *octets);

/* Takes the text out of octets that came in a SASL layer. */
static void read_wrapped(struct imapid_stream *stream, struct imapid_call *call,
                         enum imapid_side side, const uint8_t *octets, size_t n)
{
    struct imapid_direction *direction = &stream->directions[side];
    uint8_t *text = n ? (uint8_t *)wmem_alloc(wmem_file_scope(), n) : NULL;
    struct imapid_section *section;
    struct imapid_slice run;
    size_t n_used, n_text = 0;

    while (imapid_sasl_read(&direction->sasl, octets, n, &n_used, &run)) {
        memcpy(text + n_text, octets + run.offset, run.n);
        n_text += run.n;
        octets += n_used;
        n -= n_used;
    }
    if (n_text) {
        section = imapid_records_add_section(call, 0, (unsigned)n_text);
        section->side = side;
        section->octets = text;
        read_section(stream, side, section, text);
    }
    if (direction->sasl.is_closed)
        take_gap(stream, side, 0);
}

/* Reads octets that came in a call, behind COMPRESS or in a SASL layer. */
static void read_layer(struct imapid_stream *stream, struct imapid_call *call,
                       enum imapid_side side, const uint8_t *octets, size_t n)
{
    struct imapid_direction *direction = &stream->directions[side];
    struct imapid_section *section;
    uint8_t *inflated = NULL;
    size_t n_inflated = 0;
    bool is_good;

    if (stream->is_wrapped) {
        if (stream->is_compressed) /* one in the other: not read */
            direction->is_lost = true;
        if (!direction->is_lost)
            read_wrapped(stream, call, side, octets, n);
        return;
    }
    if (!direction->inflate && !direction->is_lost) {
        direction->inflate = imapid_inflate_new();
        direction->is_lost = !direction->inflate;
    }
    if (direction->is_lost)
        return;
    is_good = imapid_inflate_read(direction->inflate, octets, n, &inflated, &n_inflated);
    if (n_inflated) {
        section = imapid_records_add_section(call, 0, (unsigned)n_inflated);
        section->side = side;
        section->octets = inflated;
        read_section(stream, side, section, inflated);
    }
    if (!is_good)
        take_gap(stream, side, 0);
}

/* Adds a section for `n` octets that stand at `at` in another. */
static struct imapid_section *add_section_in(const struct imapid_section *in, unsigned at,
                                             unsigned n)
{
    bool is_in_call = !in->octets || in->is_own;
    struct imapid_section *section =
        imapid_records_add_section(in->call, is_in_call ? in->offset + at : 0, n);

    section->side = in->side;
    section->is_late = in->is_late;
    section->is_own = in->is_own;
    section->octets = in->octets ? in->octets + at : NULL;
    return section;
}

/* COMPRESS was answered OK, or a SASL layer begins: what the sides have sent since, in this frame or
 * an earlier one, is in it: here the `n` octets, which stand at `at` in the section. */
static void begin_layer(struct imapid_stream *stream, const struct imapid_section *section,
                        const uint8_t *octets, unsigned at, unsigned n)
{
    enum imapid_side side = section->side;
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
        read_layer(stream, last->call, other, held, n_held);
        wmem_free(wmem_file_scope(), held);
    }
    if (n) {
        imapid_records_add_part(add_section_in(section, at, n), IMAPID_PART_DEFLATE, 0, n);
        read_layer(stream, section->call, side, octets, n);
    }
}

/* Takes off what a proxy, or a client to its proxy, says first. False: it may go on, or nothing of
 * IMAP will follow. */
static bool may_read(struct reader *reader)
{
    struct imapid_stream *stream = reader->stream;
    struct imapid_preface *preface = &stream->preface;
    enum imapid_preface_status status;
    size_t n_used;

    while ((status = imapid_preface_read(preface, reader->side == IMAPID_CLIENT,
                                         reader->window + reader->start, reader->n - reader->start,
                                         &n_used)) == IMAPID_PREFACE_OK) {
        bool is_header = reader->side == IMAPID_CLIENT && preface->n_kinds == 1 &&
                         preface->kinds[0] == IMAPID_PREFACE_PROXY;

        reader->used = reader->start + n_used;
        add_part(reader, is_header ? IMAPID_PART_PROXY : IMAPID_PART_PREFACE, reader->used);
        if (is_header) {
            imapid_identity_note_proxy(stream, &preface->client);
            imapid_legs_note_end(stream, &stream->origin);
        }
    }
    stream->is_foreign |= status == IMAPID_PREFACE_REFUSED;
    return status == IMAPID_PREFACE_NOT ||
           (status == IMAPID_PREFACE_MORE && reader->start == reader->n);
}

static void read_section(struct imapid_stream *stream, enum imapid_side side,
                         struct imapid_section *section, const uint8_t *octets)
{
    unsigned n = section->n;
    struct reader reader = begin_reader(stream, side, section, octets, n);
    bool was_layered = is_layered(stream);

    if (!may_read(&reader)) {
        take_unfinished(&reader);
        return;
    }
    read_on(&reader);
    if (stream->to || is_layered(stream) != was_layered) {
        unsigned at = (unsigned)(reader.used - reader.n_carried);

        if (stream->to == IMAPID_SWITCH_TLS_HERE && !section->octets)
            section->call->tls_at = section->offset + at;
        section->n = at; /* what is behind has another meaning */
        reader.start = reader.used = reader.n;
        keep_left(&reader);
        if (stream->to)
            imapid_session_resume(&stream->session);
        else
            begin_layer(stream, section, octets + at, at, n - at);
        return;
    }
    take_unfinished(&reader);
}

/* ---- calls, read ---- */

/* Something was read or given up: what was told of the end holds no more. */
static void note_read(struct imapid_stream *stream)
{
    stream->n_reads++;
    n_reads_of_all++;
}

/* The octets of a new section. */
static void read_octets(struct imapid_stream *stream, struct imapid_section *section,
                        const uint8_t *octets)
{
    note_read(stream);
    if (is_layered(stream)) {
        imapid_records_add_part(section, IMAPID_PART_DEFLATE, 0, section->n);
        read_layer(stream, section->call, section->side, octets, section->n);
    } else {
        read_section(stream, section->side, section, octets);
    }
}

/* ---- segments, in the order of order.h ---- */

/* One segment being taken. */
struct turn {
    struct imapid_stream *stream;
    const struct imapid_place *place;
    size_t n;                 /* octets it has */
    struct imapid_call *call; /* its record; NULL: nothing is to be seen in it so far */
    bool is_settling;         /* no segment at all: what waits is read where it came */
};

static struct imapid_call *turn_call(struct turn *turn)
{
    if (!turn->call)
        turn->call = add_call(turn->stream, turn->place, turn->n);
    return turn->call;
}

static void look(const struct imapid_stream *stream, struct imapid_order_piece pieces[2])
{
    for (int side = 0; side < 2; side++) {
        const struct imapid_waiting *first = stream->directions[side].waiting;

        pieces[side] = first ? first->piece : (struct imapid_order_piece){.waits = false};
    }
}

static bool has_waiting(const struct imapid_stream *stream)
{
    return stream->directions[0].waiting || stream->directions[1].waiting;
}

static uint32_t end_of(const struct imapid_waiting *waiting)
{
    return waiting->piece.seq + waiting->n + waiting->n_cut;
}

static void drop_first(struct imapid_direction *direction)
{
    struct imapid_waiting *first = direction->waiting;

    direction->waiting = first->next;
    direction->n_waiting--;
    direction->n_waiting_octets -= first->n;
    wmem_free(wmem_file_scope(), first);
}

/* The connection is TLS from here on: what waits is not for us. */
static void drop_waiting(struct imapid_stream *stream)
{
    for (int side = 0; side < 2; side++)
        while (stream->directions[side].waiting)
            drop_first(&stream->directions[side]);
}

/* Octets before `to` were read, or are lost: takes off what waits among them. */
static void move_to(struct imapid_stream *stream, enum imapid_side side, uint32_t to)
{
    struct imapid_direction *direction = &stream->directions[side];
    struct imapid_waiting *first;

    imapid_order_move(&stream->order.sides[side], to);
    while ((first = direction->waiting) && imapid_seq_before(first->piece.seq, to)) {
        uint32_t n = to - first->piece.seq;
        unsigned n_data = MIN(n, first->n);

        if (n >= first->n + first->n_cut) {
            drop_first(direction);
            continue;
        }
        first->piece.seq = to;
        first->octets += n_data;
        first->n -= n_data;
        first->n_cut -= n - n_data;
        direction->n_waiting_octets -= n_data;
    }
}

static void lose_to(struct imapid_stream *stream, enum imapid_side side, uint32_t to)
{
    struct imapid_direction *direction = &stream->directions[side];
    uint32_t next = stream->order.sides[side].next;

    note_read(stream);
    direction->hole = (struct imapid_hole){true, next, to};
    take_gap(stream, side, to - next);
    move_to(stream, side, to);
}

/* What was read of an earlier call is to be shown in this one, too. */
static void add_released(struct turn *turn, const struct imapid_section *first)
{
    struct imapid_released **at, *released;

    if (turn->is_settling || first->call == turn_call(turn))
        return;
    released = wmem_new0(wmem_file_scope(), struct imapid_released);
    released->first = first;
    released->last = first->call->last;
    for (at = &turn->call->released; *at;)
        at = &(*at)->next;
    *at = released;
}

static void read_first(struct turn *turn, enum imapid_side side)
{
    struct imapid_stream *stream = turn->stream;
    struct imapid_waiting first = *stream->directions[side].waiting;

    *first.read_in = first.call->frame;
    drop_first(&stream->directions[side]);
    imapid_order_move(&stream->order.sides[side], first.piece.seq + first.n + first.n_cut);
    if (first.n) {
        struct imapid_section *section = imapid_records_add_section(
            first.call, first.is_elsewhere ? 0 : first.piece.seq - first.call->seq, first.n);

        section->side = side;
        section->octets = first.octets;
        section->is_late = true;
        section->is_own = !first.is_elsewhere;
        read_octets(stream, section, first.octets);
        add_released(turn, section);
    }
    if (first.n_cut && !stream->to)
        take_gap(stream, side, first.n_cut);
}

/* Reads all that waits and need not wait any more. */
static void pump(struct turn *turn)
{
    struct imapid_order_piece pieces[2];
    int side = 0;

    while (!turn->stream->to) {
        look(turn->stream, pieces);
        side = imapid_order_next(&turn->stream->order, pieces, side);
        if (side < 0)
            return;
        read_first(turn, (enum imapid_side)side);
    }
}

static void give_up(struct turn *turn, enum imapid_side side, uint32_t to)
{
    struct imapid_order_piece pieces[2];
    struct imapid_order_step step;

    look(turn->stream, pieces);
    step = imapid_order_give_up(&turn->stream->order, pieces, side, to);
    if (step.act == IMAPID_ORDER_LOSE)
        lose_to(turn->stream, (enum imapid_side)step.side, step.to);
    else
        read_first(turn, (enum imapid_side)step.side);
    pump(turn);
}

static void give_all_up(struct turn *turn)
{
    struct imapid_order_piece pieces[2];
    int side;

    while (has_waiting(turn->stream) && !turn->stream->to) {
        look(turn->stream, pieces);
        side = imapid_order_choose(&turn->stream->order, pieces);
        give_up(turn, (enum imapid_side)side, pieces[side].seq);
    }
}

/* Puts what is not waiting already of these octets where it belongs. `piece` says where. */
static void add_waiting(struct imapid_direction *direction, struct imapid_waiting piece)
{
    struct imapid_waiting **at = &direction->waiting, *copy;
    uint32_t end = end_of(&piece);

    while (imapid_seq_before(piece.piece.seq, end)) {
        uint32_t n = end - piece.piece.seq;
        unsigned n_data;

        while (*at && !imapid_seq_before(piece.piece.seq, end_of(*at)))
            at = &(*at)->next;
        if (*at && !imapid_seq_before(piece.piece.seq, (*at)->piece.seq)) {
            n = MIN(n, end_of(*at) - piece.piece.seq); /* waits already */
            n_data = MIN(n, piece.n);
        } else {
            if (*at)
                n = MIN(n, (*at)->piece.seq - piece.piece.seq);
            n_data = MIN(n, piece.n);
            copy = (struct imapid_waiting *)wmem_memdup(wmem_file_scope(), &piece, sizeof piece);
            copy->n = n_data;
            copy->n_cut = n - n_data;
            copy->next = *at;
            *at = copy;
            direction->n_waiting++;
            direction->n_waiting_octets += n_data;
        }
        piece.piece.seq += n;
        piece.octets += n_data;
        piece.n -= n_data;
        piece.n_cut -= n - n_data;
    }
}

/* What waits from `next` on without a hole, and behind what this segment brought, belongs to it: it
 * filled the hole before that. As the tool has it (net/tcp-queue). */
static void stamp_run(struct turn *turn, uint32_t next, bool is_behind)
{
    struct imapid_waiting *waiting = turn->stream->directions[turn->place->side].waiting;

    for (; waiting && waiting->piece.seq == next; waiting = waiting->next) {
        next = end_of(waiting);
        if (waiting->call == turn->call) {
            is_behind = true;
        } else if (is_behind) {
            waiting->call = turn->call;
            waiting->is_elsewhere = true;
        }
    }
}

static void wait(struct turn *turn, const uint8_t *octets, unsigned n_old, unsigned n,
                 unsigned n_cut)
{
    const struct imapid_place *place = turn->place;
    struct imapid_direction *direction = &turn->stream->directions[place->side];
    struct imapid_call *call = turn_call(turn);
    struct imapid_waiting waiting = {
        .piece = {true, (place->flags & TH_ACK) != 0, place->seq + n_old, place->ack, place->frame},
        .call = call,
        .n_cut = n_old > n ? n_cut - (n_old - n) : n_cut,
        .read_in = wmem_new0(wmem_file_scope(), unsigned),
    };

    note_read(turn->stream);
    if (n_old < n) {
        struct imapid_section *section = imapid_records_add_section(call, n_old, n - n_old);

        waiting.n = n - n_old;
        waiting.octets = (const uint8_t *)wmem_memdup(wmem_file_scope(), octets + n_old, waiting.n);
        imapid_records_add_part(section, IMAPID_PART_EARLY, 0, waiting.n)->ends_in =
            waiting.read_in;
    }
    add_waiting(direction, waiting);
    stamp_run(turn, turn->stream->order.sides[place->side].next, false);
    pump(turn);
    while ((direction->n_waiting > IMAPID_STREAM_N_WAITING_MAX ||
            direction->n_waiting_octets > IMAPID_STREAM_WAITING_MAX) &&
           !turn->stream->to)
        give_up(turn, place->side, direction->waiting->piece.seq);
}

/* Adds what is passed over at the front of a call: `n_old` octets that came before. */
static void pass_over(struct imapid_call *call, unsigned n_old)
{
    if (n_old)
        imapid_records_add_part(imapid_records_add_section(call, 0, n_old), IMAPID_PART_OLD, 0,
                                n_old);
}

/* Octets that are next, behind `n_old` that are not. */
static void read_now(struct turn *turn, const uint8_t *octets, unsigned n_old, unsigned n,
                     unsigned n_cut)
{
    struct imapid_stream *stream = turn->stream;
    enum imapid_side side = turn->place->side;
    uint32_t end = turn->place->seq + n + n_cut;
    unsigned n_lost = n_old > n ? n_cut - (n_old - n) : n_cut;

    if (n_old < n)
        read_octets(stream, imapid_records_add_section(turn->call, n_old, n - n_old),
                    octets + n_old);
    if (n_lost && !stream->to)
        take_gap(stream, side, n_lost);
    move_to(stream, side, end);
    stamp_run(turn, end, true);
    pump(turn);
}

static void take_octets(struct turn *turn, const uint8_t *octets, unsigned n, unsigned n_cut)
{
    struct imapid_stream *stream = turn->stream;
    const struct imapid_place *place = turn->place;
    uint32_t n_old = 0;

    switch (imapid_order_find(&stream->order, place->side, place->seq, n + n_cut, &n_old)) {
    case IMAPID_ORDER_OLD:
        pass_over(turn_call(turn), n);
        return;
    case IMAPID_ORDER_OFF:
        imapid_records_add_part(imapid_records_add_section(turn_call(turn), 0, n),
                                IMAPID_PART_NOISE, 0, n);
        return;
    case IMAPID_ORDER_MOVED:
        give_all_up(turn);
        take_gap(stream, place->side, 0);
        imapid_order_restart(&stream->order, place->side, place->seq);
        break;
    case IMAPID_ORDER_NEW:
        break;
    }
    if (stream->to)
        return;
    pass_over(turn_call(turn), MIN(n_old, n));
    if (place->seq + n_old == stream->order.sides[place->side].next &&
        !imapid_order_is_held(&stream->order, place->side, (place->flags & TH_ACK) != 0,
                              place->ack))
        read_now(turn, octets, n_old, n, n_cut);
    else
        wait(turn, octets, n_old, n, n_cut);
}

static void wait_for_acked(struct turn *turn, enum imapid_side side)
{
    struct imapid_stream *stream = turn->stream;
    uint32_t to;

    if (stream->to || !imapid_order_is_lost(&stream->order, side, IMAPID_ORDER_PATIENCE, &to))
        return;
    while (imapid_seq_before(stream->order.sides[side].next, to) && !stream->to)
        give_up(turn, side, to);
}

/* Have both sides ended, and seen the other's end? Nothing is sent after that. */
static bool is_closed(const struct imapid_stream *stream)
{
    for (int side = 0; side < 2; side++)
        if (!stream->order.sides[side].has_fin ||
            !imapid_seq_before(stream->order.sides[side].fin, stream->order.sides[side].acked))
            return false;
    return true;
}

static void take_segment(struct turn *turn, const uint8_t *octets, unsigned n, unsigned n_cut)
{
    struct imapid_stream *stream = turn->stream;
    const struct imapid_place *place = turn->place;
    enum imapid_side other = imapid_side_other(place->side);
    struct imapid_order *order = &stream->order;

    imapid_order_take_seen(order, place->side, place->seq, n);
    if (place->flags & TH_ACK)
        imapid_order_take_ack(order, other, place->ack);
    if (order->sides[other].is_absent)
        wait_for_acked(turn, other);
    if (place->flags & TH_FIN)
        imapid_order_take_fin(order, place->side, place->seq + n + n_cut);
    if (place->flags & TH_RST) {
        if (imapid_order_is_reset(order, place->side, place->seq)) {
            stream->is_reset = true;
            give_all_up(turn);
        }
        return;
    }
    if (n + n_cut)
        take_octets(turn, octets, n, n_cut);
    for (int side = 0; side < 2; side++)
        wait_for_acked(turn, (enum imapid_side)side);
    if (is_closed(stream))
        give_all_up(turn);
}

void imapid_stream_settle(struct imapid_stream *stream)
{
    struct turn turn = {.stream = stream, .is_settling = true};

    if (!has_waiting(stream))
        return;
    stream->to = IMAPID_SWITCH_NONE;
    give_all_up(&turn);
    drop_waiting(stream);
}

struct imapid_call *imapid_stream_read(struct imapid_stream *stream,
                                       const struct imapid_place *place, const uint8_t *octets,
                                       size_t n, size_t n_cut)
{
    struct turn turn = {.stream = stream, .place = place, .n = n};

    stream->last = place->time;
    if (!stream->n_reads)
        stream->first = place->time;
    stream->to = IMAPID_SWITCH_NONE;
    if (place->has_seq) {
        take_segment(&turn, octets, (unsigned)n, (unsigned)n_cut);
        if (stream->to)
            drop_waiting(stream);
        return turn.call;
    }
    turn.call = add_call(stream, place, n);
    if (n)
        read_octets(stream, imapid_records_add_section(turn.call, 0, (unsigned)n), octets);
    if (n_cut)
        take_gap(stream, place->side, n_cut);
    return turn.call;
}
