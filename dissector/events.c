/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events.c: from the events of the session to the records of exchanges.
 *
 * Which response answers which command, and what is believed, is decided in protocol/exchanges.c; here
 * it is written down where later visits find it. Refuses nothing.
 *
 * Misuse: leaving events untaken; then the session forgets them. */
#include "events.h"

#include <imapid/secret.h>

#include "claims.h"
#include "ident.h"
#include "identity.h"

static struct imapid_ident *add_ident(const struct imapid_taking *taking,
                                      struct imapid_exchange_record *exchange, bool is_extra)
{
    struct imapid_stream *stream = taking->stream;
    struct imapid_ident *ident = imapid_records_new_ident(taking->call, taking->side, taking->unit);

    imapid_ident_read(ident);
    ident->exchange = exchange;
    ident->is_extra = is_extra;
    ident->part = taking->part;
    if (taking->part)
        taking->part->ident = ident;
    if (stream->as_ended_at)
        return ident;
    imapid_identity_note(stream, ident);
    if (ident->side == IMAPID_CLIENT) {
        wmem_list_append(stream->commands, ident);
        imapid_budget_count(stream->share, 0, IMAPID_RECORDS_N_LIST_NODE);
        imapid_claims_note_command(stream, ident);
    }
    return ident;
}

static struct imapid_exchange_record *slot_record(struct imapid_stream *stream, unsigned slot)
{
    if (!stream->slots[slot])
        stream->slots[slot] = (struct imapid_exchange_record *)imapid_budget_alloc(
            stream->share, sizeof *stream->slots[slot]);
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

static void take_result(const struct imapid_taking *taking, struct imapid_exchange_record *record,
                        const struct imapid_exchange *exchange)
{
    const struct imapid_unit *unit = taking->unit;
    size_t n_tag;
    const uint8_t *tag = imapid_secret_get_tag(unit, &n_tag);

    record->result_call = taking->call;
    record->result_place = unit->tag;
    record->result_tag = imapid_records_copy_text(taking->stream->share, (const char *)tag, n_tag);
    record->status = exchange->status;
    if (!exchange->open)
        record->tentative = record->response_tentative = false;
    if (taking->part)
        taking->part->result = record;
    if (record->status == IMAPID_STATUS_NO || record->status == IMAPID_STATUS_BAD)
        refuse_record(taking->stream, record);
}

/* Whether that is all that will come is only known at the end. */
static void take_untagged(const struct imapid_taking *taking, struct imapid_exchange_record *record)
{
    record->untagged = taking->part;
    record->untagged_call = taking->call;
    if (taking->part)
        taking->part->result = record;
}

static void take_switch(const struct imapid_taking *taking, enum imapid_event_kind kind)
{
    struct imapid_stream *stream = taking->stream;

    if (kind == IMAPID_EVENT_DEFLATE)
        stream->is_compressed = true;
    else if (kind == IMAPID_EVENT_SASL)
        stream->is_wrapped = true;
    else
        stream->to =
            taking->side == IMAPID_SERVER ? IMAPID_SWITCH_TLS_BEHIND : IMAPID_SWITCH_TLS_HERE;
}

/* What was found and shown at `ident` is not the exchange's any more: it may be found again. */
static void forget_codes(struct imapid_exchange_record *record, const struct imapid_ident *ident)
{
    if (ident && ident->part)
        record->codes &= ~ident->part->codes;
}

/* What was given as the response of another exchange is that of `record`. */
static void move_response(struct imapid_stream *stream, struct imapid_exchange_record *record,
                          unsigned from)
{
    struct imapid_exchange_record *giver = slot_record(stream, from);

    record->response = giver->response;
    forget_codes(giver, giver->response);
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
    forget_codes(record, record->response);
    if (record->response)
        record->response->dropped = true;
    for (struct imapid_ident *extra = record->extras; extra; extra = extra->next_extra) {
        forget_codes(record, extra);
        extra->dropped = true;
    }
    record->extras = NULL;
}

static void take_event(const struct imapid_taking *taking, const struct imapid_event *event)
{
    struct imapid_stream *stream = taking->stream;
    struct imapid_part *part = taking->part;
    const struct imapid_exchange *exchange =
        &imapid_stream_get_session(stream)->exchanges.slots[event->slot];
    struct imapid_exchange_record *record;

    if (event->kind == IMAPID_EVENT_TLS || event->kind == IMAPID_EVENT_DEFLATE ||
        event->kind == IMAPID_EVENT_SASL) {
        take_switch(taking, event->kind);
        return;
    }
    if (event->kind == IMAPID_EVENT_COMMAND && exchange->is_late)
        stream->slots[event->slot] = stream->ended[event->slot];
    record = slot_record(stream, event->slot);
    switch (event->kind) {
    case IMAPID_EVENT_COMMAND:
        record->command = add_ident(taking, record, false);
        break;
    case IMAPID_EVENT_RESPONSE:
        record->response = add_ident(taking, record, false);
        break;
    case IMAPID_EVENT_EXTRA:
        add_extra(record, add_ident(taking, record, true));
        break;
    case IMAPID_EVENT_RESULT:
        take_result(taking, record, exchange);
        break;
    case IMAPID_EVENT_UNTAGGED:
        take_untagged(taking, record);
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
    const struct imapid_session *session = imapid_stream_get_session(stream);

    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        if (!stream->slots[i])
            continue;
        stream->slots[i]->tentative = session->exchanges.slots[i].tentative;
        stream->slots[i]->untagged_status = session->exchanges.slots[i].untagged_status;
        stream->slots[i]->response_tentative = session->exchanges.slots[i].response_tentative;
    }
}

void imapid_events_take(const struct imapid_taking *taking)
{
    struct imapid_stream *stream = taking->stream;
    struct imapid_part *part = taking->part;
    struct imapid_event event;

    while (imapid_session_event(imapid_stream_change_session(stream), &event))
        take_event(taking, &event);
    note_confirmed(stream);
    if (imapid_stream_get_session(stream)->required_by_server && !stream->was_required && part) {
        part->codes |= UINT32_C(1) << IMAPID_FINDING_REQUIRED_BY_SERVER;
        stream->was_required = true;
    }
    if (!stream->was_cleartext && part &&
        imapid_login_has_cleartext_password(&imapid_stream_get_session(stream)->login)) {
        part->codes |= UINT32_C(1) << IMAPID_FINDING_CLEARTEXT_PASSWORD;
        stream->was_cleartext = true;
    }
}
