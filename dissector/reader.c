/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader.c: octets of one direction, in order -> (out of their layer) -> session -> parts.
 *
 * Wireshark's own reassembly is not asked for: what has to wait for its end is held here, in the
 * same way over TCP, TLS and DEFLATE, so that a unit is told in the frame in which its last octet
 * came, whatever the preferences say.
 *
 * Refuses: to read on in a compressed direction behind a hole.
 *
 * Misuse: reading octets twice, or before those that were sent before them. */
#include "reader.h"

#include <string.h>

#include <imapid/hello.h>
#include <imapid/verdict.h>

#include "claims.h"
#include "events.h"
#include "identity.h"
#include "unwrap.h"

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

/* ---- readers ---- */

static struct imapid_direction *direction_of(const struct reader *reader)
{
    return &reader->stream->directions[reader->side];
}

static void append_held(struct imapid_share *share, struct imapid_direction *direction,
                        const uint8_t *octets, size_t n)
{
    if (direction->n_held + n > direction->held_size) {
        size_t size = direction->n_held + n + direction->n_held / 8;

        direction->held = (uint8_t *)wmem_realloc(NULL, direction->held, size);
        imapid_budget_count(share, direction->held_size, size);
        direction->held_size = size;
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
            append_held(stream->share, direction, octets, n);
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
        imapid_stream_drop_held(reader->stream, direction);
        direction->ends_in = NULL;
    } else if (reader->n_carried) {
        memmove(direction->held, direction->held + reader->start, n_left);
        direction->n_held = n_left;
    } else {
        append_held(reader->stream->share, direction, reader->window + reader->start, n_left);
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
        part->whole = (const uint8_t *)imapid_budget_copy(
            reader->stream->share, reader->window + reader->start, part->n_whole);
        if (direction->ends_in)
            *direction->ends_in = section->call->frame;
        direction->ends_in = NULL;
    }
    part->n_line = (unsigned)(end - reader->start);
    reader->start = end;
    return part;
}

/* ---- units ---- */

static unsigned line_length(const struct imapid_unit *unit)
{
    const uint8_t *newline = (const uint8_t *)memchr(unit->data, '\n', unit->n);

    return newline ? (unsigned)(newline - unit->data) + 1 : (unsigned)unit->n;
}

static void take_events(struct reader *reader, const struct imapid_unit *unit,
                        struct imapid_part *part)
{
    const struct imapid_section *section = section_at(reader, reader->used);
    const struct imapid_taking taking = {
        .stream = reader->stream,
        .side = reader->side,
        .call = section ? section->call : NULL,
        .unit = unit,
        .part = part,
    };

    imapid_events_take(&taking);
}

/* The built-in dissector frames no literals but those of FETCH responses. So of a command, and of
 * an ID, it gets the first line; of other responses it gets all, when all is there. */
static void take_unit(struct reader *reader, const struct imapid_unit *unit)
{
    struct imapid_direction *direction = direction_of(reader);
    bool goes_on = imapid_stream_get_session(reader->stream)->frame[reader->side].in_unit;
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
    direction->in_rest = imapid_stream_get_session(reader->stream)->frame[reader->side].in_unit;
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
            direction->ends_in =
                (unsigned *)imapid_budget_alloc(reader->stream->share, sizeof(unsigned));
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

/* May more be kept? The stream that keeps most gives way; if that is this one, it is read no further,
 * and what it keeps is freed before the next call is read: this one is being shown. Where all calls
 * have been read, records of others may be in use: then it is this one that stops. */
static bool has_room(struct imapid_stream *stream)
{
    bool may_free = !stream->as_ended_at && !stream->is_settling;
    struct imapid_stream *largest;

    while (!stream->gave_way && (largest = (struct imapid_stream *)imapid_budget_find_excess())) {
        if (largest == stream || !may_free)
            stream->gave_way = true;
        else
            imapid_stream_give_way(largest);
    }
    return !stream->gave_way;
}

/* Reads until the session wants more, or the octets change their meaning. */
static void read_on(struct reader *reader)
{
    struct imapid_stream *stream = reader->stream;
    unsigned n_layers = imapid_stream_count_layers(stream);
    struct imapid_unit unit;
    size_t n_used;

    while (!stream->to && imapid_stream_count_layers(stream) == n_layers && has_room(stream)) {
        switch (imapid_session_read(imapid_stream_change_session(stream), reader->side,
                                    reader->window + reader->used, reader->n - reader->used, &unit,
                                    &n_used)) {
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

void imapid_reader_lose(struct imapid_stream *stream, enum imapid_side side, size_t n)
{
    struct imapid_direction *direction = &stream->directions[side];

    direction->had_gap = true;
    if (stream->gave_way)
        return;
    stream->preface.is_over[0] = stream->preface.is_over[1] = true;
    if (imapid_stream_count_layers(stream)) {
        direction->is_lost = true;
        n = 0;
    }
    imapid_session_gap(imapid_stream_change_session(stream), side, n);
    empty_hold(stream, side);
    direction->in_whole = false;
    direction->in_rest = imapid_stream_get_session(stream)->frame[side].in_unit;
}

void imapid_reader_close(struct imapid_stream *stream, enum imapid_side side)
{
    imapid_session_close(imapid_stream_change_session(stream), side);
    empty_hold(stream, side);
}

/* ---- layers ---- */

static void read_section(struct imapid_stream *stream, enum imapid_side side,
                         struct imapid_section *section, const uint8_t *octets);

/* Takes octets out of their layers: see unwrap.h. */
typedef bool unwrap_function(struct imapid_stream *stream, enum imapid_side side,
                             const uint8_t *octets, size_t n, uint8_t **text, size_t *n_text);

/* Reads octets that came in a call, behind COMPRESS or in a SASL layer. */
static void read_layer(struct imapid_stream *stream, struct imapid_call *call,
                       enum imapid_side side, unwrap_function *unwrap, const uint8_t *octets,
                       size_t n)
{
    uint8_t *text = NULL;
    size_t n_text = 0;
    bool is_good;

    if (stream->directions[side].is_lost)
        return;
    is_good = unwrap(stream, side, octets, n, &text, &n_text);
    if (n_text) {
        struct imapid_section *section = imapid_records_add_section(call, 0, (unsigned)n_text);

        section->side = side;
        section->octets = text;
        read_section(stream, side, section, text);
    }
    if (!is_good && stream->directions[side].inflate && !stream->unreadable.frame &&
        imapid_deflate_is_damaged(stream->directions[side].inflate)) {
        stream->unreadable = imapid_stream_get_session(stream)->outcome.now;
        stream->unreadable_side = side;
    }
    if (!is_good)
        imapid_reader_lose(stream, side, 0);
}
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

/* What comes now is in another layer: nothing that was left in the clear is read together with it. */
static void resume(struct imapid_stream *stream)
{
    imapid_session_resume(imapid_stream_change_session(stream));
    for (int side = 0; side < 2; side++) {
        struct imapid_direction *direction = &stream->directions[side];

        imapid_stream_drop_held(stream, direction);
        direction->n_used = 0;
        direction->ends_in = NULL;
        direction->in_rest = direction->in_whole = false;
    }
}

/* COMPRESS was answered OK, or a SASL layer begins: what the sides have sent since, in this frame or
 * an earlier one, is in it: here the `n` octets, which stand at `at` in the section. */
static void begin_layer(struct imapid_stream *stream, const struct imapid_section *section,
                        const uint8_t *octets, unsigned at, unsigned n)
{
    enum imapid_side side = section->side;
    enum imapid_side other = imapid_side_other(side);
    struct imapid_direction *early = &stream->directions[other];
    uint8_t *held = early->held;
    size_t n_held = early->n_held, n_held_size = early->held_size;
    struct imapid_section *last = early->last;

    early->held = NULL;
    early->n_held = early->held_size = 0;
    resume(stream);
    if (n_held) {
        read_layer(stream, last->call, other, imapid_unwrap_last, held, n_held);
        wmem_free(NULL, held);
        imapid_budget_count(stream->share, n_held_size, 0);
    }
    if (n) {
        imapid_records_add_part(add_section_in(section, at, n), IMAPID_PART_DEFLATE, 0, n);
        read_layer(stream, section->call, side, imapid_unwrap_last, octets, n);
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
            imapid_claims_note_end(stream, &stream->origin);
        }
    }
    stream->is_foreign |= status == IMAPID_PREFACE_REFUSED;
    return status == IMAPID_PREFACE_NOT ||
           (status == IMAPID_PREFACE_MORE && reader->start == reader->n);
}

static struct imapid_moment get_moment(const struct imapid_call *call)
{
    return (struct imapid_moment){call->frame, imapid_time_ns(&call->time)};
}

static void note_plain(struct imapid_stream *stream, enum imapid_side side, const uint8_t *octets,
                       size_t n, const struct imapid_call *call)
{
    if (imapid_opening_is_text(imapid_verdict_opening(octets, n)))
        stream->plain[side] = get_moment(call);
}

/* STARTTLS was answered: what both sides have said behind it. */
static void note_clear(const struct reader *reader)
{
    struct imapid_stream *stream = reader->stream;
    struct imapid_section *section = reader->section;
    enum imapid_side other = imapid_side_other(reader->side);
    const struct imapid_direction *waiting = &stream->directions[other];
    const bool *spoke = imapid_stream_get_session(stream)->spoke_before_tls;

    imapid_session_note_clear(imapid_stream_change_session(stream), reader->side,
                              reader->window + reader->used, reader->n - reader->used);
    note_plain(stream, reader->side, reader->window + reader->used, reader->n - reader->used,
               section->call);
    if (waiting->n_held > waiting->n_used) {
        note_plain(stream, other, waiting->held + waiting->n_used,
                   waiting->n_held - waiting->n_used, waiting->last->call);
        imapid_session_note_clear(imapid_stream_change_session(stream), other,
                                  waiting->held + waiting->n_used,
                                  waiting->n_held - waiting->n_used);
    }
    if (section->last && (spoke[IMAPID_CLIENT] || spoke[IMAPID_SERVER]))
        section->last->codes |= UINT32_C(1) << IMAPID_FINDING_BEHIND_STARTTLS;
}

static void read_section(struct imapid_stream *stream, enum imapid_side side,
                         struct imapid_section *section, const uint8_t *octets)
{
    unsigned n = section->n;
    struct reader reader = begin_reader(stream, side, section, octets, n);
    unsigned n_layers = imapid_stream_count_layers(stream);

    if (!may_read(&reader)) {
        take_unfinished(&reader);
        return;
    }
    read_on(&reader);
    if (stream->to || imapid_stream_count_layers(stream) != n_layers) {
        /* What came before this section, and was not used, is of neither layer. */
        unsigned at =
            reader.used > reader.n_carried ? (unsigned)(reader.used - reader.n_carried) : 0;

        if (stream->to == IMAPID_SWITCH_TLS_HERE && !section->octets)
            section->call->tls_at = section->offset + at;
        section->n = at; /* what is behind has another meaning */
        if (stream->to)
            note_clear(&reader);
        reader.start = reader.used = reader.n;
        keep_left(&reader);
        if (stream->to)
            resume(stream);
        else
            begin_layer(stream, section, octets + at, at, n - at);
        return;
    }
    take_unfinished(&reader);
}

/* Does the client begin TLS where STARTTLS, or its answer, was lost? Wireshark can be told only in the
 * frame itself. */
static bool begins_tls(struct imapid_stream *stream, const struct imapid_section *section,
                       const uint8_t *octets)
{
    return section->side == IMAPID_CLIENT && section->call->frame == stream->now &&
           (!section->octets || section->is_own) && !stream->directions[IMAPID_CLIENT].n_held &&
           imapid_hello_is_clients(octets, section->n) &&
           imapid_session_miss_starttls(imapid_stream_change_session(stream));
}

static void begin_tls(struct imapid_stream *stream, struct imapid_section *section)
{
    empty_hold(stream, IMAPID_SERVER); /* a line that was cut comes to no end */
    resume(stream);
    section->call->tls_at = section->offset;
    section->n = 0;
    stream->to = IMAPID_SWITCH_TLS_HERE;
}

void imapid_reader_read(struct imapid_stream *stream, struct imapid_section *section,
                        const uint8_t *octets)
{
    if (stream->gave_way)
        return;
    imapid_stream_note_read(stream);
    imapid_stream_change_session(stream)->outcome.now = get_moment(section->call);
    if (imapid_stream_count_layers(stream)) {
        imapid_records_add_part(section, IMAPID_PART_DEFLATE, 0, section->n);
        read_layer(stream, section->call, section->side, imapid_unwrap, octets, section->n);
    } else if (begins_tls(stream, section, octets)) {
        begin_tls(stream, section);
    } else {
        read_section(stream, section->side, section, octets);
    }
}
