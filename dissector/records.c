/* SPDX-License-Identifier: GPL-2.0-or-later */
/* records.c: builds the records of the first visit.
 *
 * They are written in the first pass alone and only read later, so that any order of later visits
 * shows the same. Refuses nothing; memory is the file's, so nothing is freed here.
 *
 * Misuse: adding to a call on a later visit doubles what it shows. */
#include "records.h"

#include <string.h>

_Static_assert(IMAPID_N_FINDINGS <= 32, "codes are bits of 32");

struct imapid_section *imapid_records_add_section(struct imapid_call *call, unsigned offset,
                                                  unsigned n)
{
    struct imapid_section *section =
        call->first ? (struct imapid_section *)imapid_budget_alloc(call->share, sizeof *section)
                    : &call->own;

    section->call = call;
    section->side = call->side;
    section->offset = offset;
    section->n = n;
    if (call->last)
        call->last->next = section;
    else
        call->first = section;
    call->last = section;
    return section;
}

struct imapid_part *imapid_records_add_part(struct imapid_section *section,
                                            enum imapid_part_kind kind, unsigned offset, unsigned n)
{
    struct imapid_part *part =
        section->first
            ? (struct imapid_part *)imapid_budget_alloc(section->call->share, sizeof *part)
            : &section->own;

    part->kind = kind;
    part->offset = offset;
    part->n = n;
    if (section->last)
        section->last->next = part;
    else
        section->first = part;
    section->last = part;
    return part;
}

const char *imapid_records_copy_text(struct imapid_share *share, const char *text, size_t n)
{
    char *copy = (char *)imapid_budget_alloc(share, n + 1);

    memcpy(copy, text, n);
    return copy;
}

struct imapid_ident *imapid_records_new_ident(struct imapid_call *call, enum imapid_side side,
                                              const struct imapid_unit *unit)
{
    struct imapid_ident *ident =
        (struct imapid_ident *)imapid_budget_alloc(call->share, sizeof *ident);

    ident->side = side;
    ident->call = call;
    ident->unit = *unit;
    ident->unit.data = (const uint8_t *)imapid_budget_copy(call->share, unit->data, unit->n);
    return ident;
}

/* What the library judges belief by. */
static struct imapid_exchange exchange_of(const struct imapid_exchange_record *record)
{
    return (struct imapid_exchange){.tentative = record->tentative,
                                    .response_tentative = record->response_tentative,
                                    .status = record->status};
}

/* Until all was read, a side that was not seen may still come and confirm. */
static const bool *sides_of(bool settled, const bool seen[2])
{
    static const bool both[2] = {true, true};

    return settled ? seen : both;
}

static bool is_response_believed(const struct imapid_exchange_record *record, bool settled,
                                 const bool seen[2])
{
    const struct imapid_exchange exchange = exchange_of(record);

    return imapid_exchange_response_stands(&exchange, sides_of(settled, seen));
}

bool imapid_records_is_believed(const struct imapid_exchange_record *record, bool settled,
                                const bool seen[2])
{
    const struct imapid_exchange exchange = exchange_of(record);

    return !record->dropped && imapid_exchange_stands(&exchange, sides_of(settled, seen)) &&
           (record->command || is_response_believed(record, settled, seen));
}

bool imapid_records_is_shown(const struct imapid_ident *ident, bool settled, const bool seen[2])
{
    return !ident->dropped && imapid_records_is_believed(ident->exchange, settled, seen) &&
           (ident->side == IMAPID_CLIENT || is_response_believed(ident->exchange, settled, seen));
}

bool imapid_records_ends_untagged(const struct imapid_exchange_record *exchange, bool settled)
{
    return settled && exchange->status == IMAPID_STATUS_NONE &&
           exchange->untagged_status != IMAPID_STATUS_NONE;
}

bool imapid_records_is_refused(const struct imapid_exchange_record *exchange, bool settled)
{
    return exchange->status > IMAPID_STATUS_OK || imapid_records_ends_untagged(exchange, settled);
}

uint32_t imapid_records_settle(struct imapid_exchange_record *record,
                               const struct imapid_exchange *exchange)
{
    const struct imapid_unit *command = record->command ? &record->command->unit : NULL;
    const struct imapid_unit *response = record->response ? &record->response->unit : NULL;
    struct imapid_findings findings;
    uint32_t codes = 0;

    imapid_findings_clear(&findings);
    imapid_findings_add_whole(&findings, exchange, command, response);
    for (unsigned i = 0; i < findings.n; i++)
        codes |= UINT32_C(1) << findings.list[i].code;
    codes &= ~record->codes;
    record->codes |= codes;
    return codes;
}
