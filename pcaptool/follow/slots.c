/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slots.c: exchanges under way. A command and a response are kept as octets until the exchange
 * is over. Then its record is made and judged.
 *
 * Refuses nothing.
 *
 * Misuse: an event that is taken twice or not at all. */
#include "follow/slots.h"

#include <imapid/secret.h>

#include <string.h>

static void clear_unit(struct imapid_slots *slots, struct imapid_unit *unit)
{
    slots->n_octets -= unit->data ? unit->n : 0;
    g_free((void *)unit->data);
    memset(unit, 0, sizeof *unit);
}

static void clear_slot(struct imapid_slots *slots, struct imapid_slot *slot)
{
    imapid_record_exchange_free(slot->record);
    slot->record = NULL;
    clear_unit(slots, &slot->unit[IMAPID_CLIENT]);
    clear_unit(slots, &slot->unit[IMAPID_SERVER]);
}

/* To be freed. */
static char *copy_tag(const struct imapid_unit *unit)
{
    size_t n;
    const uint8_t *tag = imapid_secret_get_tag(unit, &n);

    return g_strndup((const char *)tag, n);
}

static void keep_unit(struct imapid_slots *slots, struct imapid_slot *slot, enum imapid_side side,
                      const struct imapid_unit *unit, const struct imapid_stamp *packet)
{
    if (!slot->record)
        slot->record = imapid_record_exchange_new();
    clear_unit(slots, &slot->unit[side]);
    /* cppcheck-suppress ctunullpointer ; only ends and drops come without a unit */
    slot->unit[side] = *unit;
    slot->unit[side].data = g_memdup2(unit->data, unit->n);
    slots->n_octets += slot->unit[side].data ? unit->n : 0;
    slot->packet[side] = *packet;
    if (unit->kind == IMAPID_UNIT_COMMAND)
        slot->record->tag = copy_tag(unit);
}

static void forget_response(struct imapid_slots *slots, struct imapid_slot *slot)
{
    clear_unit(slots, &slot->unit[IMAPID_SERVER]);
}

/* What was kept as the response of one exchange is that of another. */
static void move_response(struct imapid_slots *slots, struct imapid_slot *to,
                          struct imapid_slot *from)
{
    keep_unit(slots, to, IMAPID_SERVER, &from->unit[IMAPID_SERVER], &from->packet[IMAPID_SERVER]);
    forget_response(slots, from);
}

static void keep_result(struct imapid_slot *slot, const struct imapid_unit *unit,
                        const struct imapid_stamp *packet)
{
    struct imapid_slice text = imapid_unit_text(unit);

    slot->record->result = *packet;
    text.n =
        imapid_secret_measure_text(&slot->unit[IMAPID_CLIENT], unit->data + text.offset, text.n);
    slot->record->text = imapid_record_copy(slot->record, unit->data + text.offset, text.n);
    if (!slot->record->tag && unit->kind == IMAPID_UNIT_TAGGED)
        slot->record->tag = copy_tag(unit);
}

static const struct imapid_unit *unit_of(const struct imapid_slot *slot, enum imapid_side side)
{
    return slot->unit[side].data ? &slot->unit[side] : NULL;
}

static void read_half(struct imapid_slot *slot, enum imapid_side side,
                      struct imapid_record_half *half)
{
    if (slot->unit[side].data)
        imapid_record_add_half(slot->record, half, &slot->unit[side], &slot->packet[side]);
}

/* The record of an exchange that is over. The slot is free then. */
static struct imapid_record_exchange *finish(struct imapid_slots *slots, struct imapid_slot *slot,
                                             const struct imapid_exchange *exchange)
{
    struct imapid_record_exchange *record = slot->record;
    struct imapid_findings findings;

    read_half(slot, IMAPID_CLIENT, &record->command);
    read_half(slot, IMAPID_SERVER, &record->response);
    imapid_findings_clear(&findings);
    imapid_findings_add_exchange(&findings, exchange, unit_of(slot, IMAPID_CLIENT),
                                 unit_of(slot, IMAPID_SERVER));
    imapid_record_add_findings(record, &findings, unit_of(slot, IMAPID_CLIENT),
                               unit_of(slot, IMAPID_SERVER));
    record->is_untagged = exchange->status == IMAPID_STATUS_NONE;
    record->status = record->is_untagged ? exchange->untagged_status : exchange->status;
    record->security = exchange->security;
    record->compressed = exchange->compressed;
    record->state = exchange->state;
    record->complete = !exchange->lost;
    slot->record = NULL;
    clear_slot(slots, slot);
    return record;
}

struct imapid_record_exchange *imapid_slots_take(struct imapid_slots *slots,
                                                 const struct imapid_event *event,
                                                 const struct imapid_exchange *exchange,
                                                 const struct imapid_unit *unit,
                                                 const struct imapid_stamp *packet)
{
    struct imapid_slot *slot = &slots->slot[event->slot];

    switch (event->kind) {
    case IMAPID_EVENT_COMMAND:
        keep_unit(slots, slot, IMAPID_CLIENT, unit, packet);
        break;
    case IMAPID_EVENT_RESPONSE:
        keep_unit(slots, slot, IMAPID_SERVER, unit, packet);
        break;
    case IMAPID_EVENT_UNTAGGED:
        keep_result(slot, unit, packet);
        break;
    case IMAPID_EVENT_RESULT:
        keep_result(slot, unit, packet);
        return exchange->open ? NULL : finish(slots, slot, exchange);
    case IMAPID_EVENT_END:
        return finish(slots, slot, exchange);
    case IMAPID_EVENT_DROP_RESPONSE:
        forget_response(slots, slot);
        break;
    case IMAPID_EVENT_MOVE_RESPONSE:
        move_response(slots, slot, &slots->slot[event->from]);
        break;
    case IMAPID_EVENT_DROP:
        clear_slot(slots, slot);
        break;
    case IMAPID_EVENT_EXTRA:
    case IMAPID_EVENT_TLS:
    case IMAPID_EVENT_DEFLATE:
    case IMAPID_EVENT_SASL:
        break;
    }
    return NULL;
}

void imapid_slots_clear(struct imapid_slots *slots)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        clear_slot(slots, &slots->slot[i]);
}
