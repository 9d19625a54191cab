/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exchanges.c: which response belongs to which ID command, and what of it is believed.
 *
 * Refuses: nothing. It believes nothing that stands behind a hole until it is confirmed, by these
 * rules:
 *
 * - a tagged response confirms the command it answers, and those read after it without another
 *   hole; never an earlier one: that may have stood in a message, and servers answer in order;
 * - it confirms the untagged ID of that command, and one right before it, with no unit between,
 *   that is no command's: the end of a message would have stood there. Any other may have stood in a
 *   message: it is dropped;
 * - an untagged ID right before it is that of its command, whomever it was given to behind a hole;
 * - a command whose rest was lost, told behind the answer to its tag, belongs to that answer;
 * - where a hole swallowed an answer, two exchanges may be mixed up: those are said to be lost;
 * - answers of one tag come in the order of their commands. Where one may be missing, or a command
 *   with that tag, nobody knows whose an answer is: it is told beside none of them;
 * - a line that was missed is answered before all later ones. If that answer has the tag of a later command,
 *   answers to those that have come by then are told beside none of them;
 * - a response whose result may be missing takes no later one;
 * - a command that was read right behind a hole of the server may have been sent again, and been answered in
 *   the hole: it is asked last for a response, and ends when a later command is answered;
 * - where the answer to a command and a later command may both be missing, the tag is no proof.
 *
 * Misuse: a hole that is told late; the response behind it then passes for an unsolicited one. */
#include <imapid/exchanges.h>
#include <imapid/list.h>

#include <string.h>

void imapid_exchanges_init(struct imapid_exchanges *x, bool from_start,
                           enum imapid_security security)
{
    memset(x, 0, sizeof *x);
    x->from_start = from_start;
    x->now.security = security;
    x->client_gap = !from_start;
    x->last_response = IMAPID_SLOTS;
}

/* ---- events ---- */

static void tell(struct imapid_exchanges *x, enum imapid_event_kind kind, unsigned slot)
{
    if (x->n_events < IMAPID_EVENTS_MAX)
        x->events[x->n_events++] = (struct imapid_event){kind, slot, IMAPID_SLOTS};
}

void imapid_exchanges_switch(struct imapid_exchanges *x, enum imapid_event_kind kind)
{
    tell(x, kind, 0);
}

bool imapid_exchanges_event(struct imapid_exchanges *x, struct imapid_event *event)
{
    if (x->next_event == x->n_events) {
        x->next_event = x->n_events = 0;
        return false;
    }
    *event = x->events[x->next_event++];
    return true;
}

/* ---- slots ---- */

static void close_exchange(struct imapid_exchanges *x, unsigned slot, enum imapid_event_kind kind)
{
    struct imapid_exchange *exchange = &x->slots[slot];

    exchange->open = false;
    if (kind == IMAPID_EVENT_DROP)
        x->n_exchanges--;
    tell(x, kind, slot);
    imapid_pending_remove_slot(&x->pending, slot);
}

static void drop_response(struct imapid_exchanges *x, unsigned slot)
{
    struct imapid_exchange *exchange = &x->slots[slot];

    exchange->n_responses = 0;
    exchange->has_extra = false;
    exchange->response_tentative = false;
    exchange->response_dropped = true;
    if (exchange->has_command)
        tell(x, IMAPID_EVENT_DROP_RESPONSE, slot);
    else
        close_exchange(x, slot, IMAPID_EVENT_DROP);
}

bool imapid_exchanges_know_commands(const struct imapid_exchanges *x)
{
    return x->from_start && x->seen[IMAPID_CLIENT] && !x->client_silent && !x->client_gap &&
           x->sync[IMAPID_CLIENT] == IMAPID_SYNC_SURE;
}

/* A response whose command was not seen ends: either there was none, or it is missing. */
static void judge_orphan(const struct imapid_exchanges *x, struct imapid_exchange *exchange)
{
    exchange->unsolicited |=
        !exchange->lost && !exchange->response_tentative && imapid_exchanges_know_commands(x);
    exchange->lost |= !exchange->unsolicited;
}

bool imapid_exchange_stands(const struct imapid_exchange *exchange, const bool seen[2])
{
    return !exchange->tentative || !seen[IMAPID_SERVER];
}

bool imapid_exchange_response_stands(const struct imapid_exchange *exchange, const bool seen[2])
{
    return !exchange->response_tentative ||
           (!seen[IMAPID_CLIENT] && exchange->status != IMAPID_STATUS_NONE);
}

/* Ends what can have no further part. What nothing has confirmed is dropped where it does not stand. */
static void end_exchange(struct imapid_exchanges *x, unsigned slot)
{
    struct imapid_exchange *exchange = &x->slots[slot];

    if (!imapid_exchange_stands(exchange, x->seen)) {
        close_exchange(x, slot, IMAPID_EVENT_DROP);
        return;
    }
    if (!imapid_exchange_response_stands(exchange, x->seen))
        drop_response(x, slot);
    if (!exchange->open)
        return;
    if (!exchange->has_command)
        judge_orphan(x, exchange);
    exchange->lost |= exchange->may_be_old || !x->seen[IMAPID_SERVER];
    close_exchange(x, slot, IMAPID_EVENT_END);
}

static int find_oldest(const struct imapid_exchanges *x,
                       bool (*fits)(const struct imapid_exchange *))
{
    int oldest = -1;

    for (int i = 0; i < IMAPID_SLOTS; i++)
        if (x->slots[i].open && fits(&x->slots[i]) &&
            (oldest < 0 || x->slots[i].order < x->slots[oldest].order))
            oldest = i;
    return oldest;
}

static bool is_any(const struct imapid_exchange *exchange)
{
    return exchange->open;
}

/* The commands that may be answered next, the likeliest last: behind a hole in the server's
 * octets, an earlier one was probably answered in the hole. */
static bool is_probably_unanswered(const struct imapid_exchange *exchange)
{
    return exchange->has_command && !exchange->n_responses && !exchange->tentative;
}

static bool is_likely_unanswered(const struct imapid_exchange *exchange)
{
    return is_probably_unanswered(exchange) && !exchange->lost;
}

static bool is_surely_unanswered(const struct imapid_exchange *exchange)
{
    return is_likely_unanswered(exchange) && !exchange->may_be_old;
}

static bool is_unanswered(const struct imapid_exchange *exchange)
{
    return exchange->has_command && !exchange->n_responses;
}

static bool is_answered(const struct imapid_exchange *exchange)
{
    return exchange->has_command && exchange->n_responses;
}

static bool is_orphan(const struct imapid_exchange *exchange)
{
    return !exchange->has_command && exchange->status == IMAPID_STATUS_NONE;
}

/* Nothing is missing behind it. */
static bool is_orphan_in_hand(const struct imapid_exchange *exchange)
{
    return is_orphan(exchange) && !exchange->answer_missed;
}

static bool is_whole_orphan(const struct imapid_exchange *exchange)
{
    return is_orphan(exchange) && !exchange->lost && !exchange->response_tentative;
}

bool imapid_exchanges_end_unsolicited(struct imapid_exchanges *x)
{
    bool found = false;
    int slot;

    while (imapid_exchanges_know_commands(x) && (slot = find_oldest(x, is_whole_orphan)) >= 0) {
        end_exchange(x, (unsigned)slot);
        found = true;
    }
    return found;
}

void imapid_exchanges_miss_commands(struct imapid_exchanges *x)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (x->slots[i].open && !x->slots[i].has_command)
            x->slots[i].lost = true;
    x->client_gap = true;
    x->client_gap_order = x->order;
}

void imapid_exchanges_miss_line(struct imapid_exchanges *x)
{
    /* Its answer may be in the hole. Before the server has spoken it may be a proxy's header, or the end of that. */
    x->misses_line = !x->is_behind_hole && (x->seen[IMAPID_SERVER] || !x->from_start);
    x->line_order = x->order;
}

static unsigned find_free_slot(const struct imapid_exchanges *x)
{
    unsigned slot = 0;

    while (slot < IMAPID_SLOTS && x->slots[slot].open)
        slot++;
    return slot;
}

/* No slot is left for the next exchange: the oldest ends. Its answer, when it comes, is nobody's,
 * and what may be taken for another's is said to be lost. Its slot is not used again before the
 * caller has taken the events. */
static void evict_oldest(struct imapid_exchanges *x)
{
    unsigned oldest;

    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        x->slots[i].lost = true;
    imapid_exchanges_miss_commands(x);
    oldest = (unsigned)find_oldest(x, is_any);
    if (x->slots[oldest].tentative || x->slots[oldest].response_tentative)
        close_exchange(x, oldest, IMAPID_EVENT_DROP); /* nothing will ever confirm it */
    else
        end_exchange(x, oldest);
}

static unsigned open_exchange(struct imapid_exchanges *x)
{
    unsigned slot = find_free_slot(x); /* there is one: see the end */
    struct imapid_exchange *exchange = &x->slots[slot];

    memset(exchange, 0, sizeof *exchange);
    exchange->open = true;
    exchange->advertised = x->now.advertised;
    exchange->state = x->now.state;
    exchange->security = x->now.security;
    exchange->compressed = x->now.compressed;
    exchange->order = ++x->order;
    x->n_exchanges++;
    if (find_free_slot(x) == IMAPID_SLOTS)
        evict_oldest(x);
    return slot;
}

/* ---- confirming what was read behind a hole ---- */

/* A command was answered: it was one, and so were those read after it. */
static void confirm_client(struct imapid_exchanges *x,
                           const struct imapid_pending_command *answered)
{
    if (answered->slot < IMAPID_SLOTS)
        x->slots[answered->slot].tentative = false;
    if (answered->order <= x->client_gap_order)
        return;
    if (x->sync[IMAPID_CLIENT] == IMAPID_SYNC_TENTATIVE)
        x->sync[IMAPID_CLIENT] = IMAPID_SYNC_SURE;
    for (unsigned i = 0; i < x->pending.n; i++)
        if (x->pending.commands[i].order > answered->order)
            x->pending.commands[i].tentative = false;
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (x->slots[i].order > answered->order)
            x->slots[i].tentative = false;
}

/* An untagged ID is a line. Where its command is not in the capture nothing more of it comes: a
 * later command was answered. */
static void confirm_response(struct imapid_exchanges *x, unsigned slot)
{
    x->slots[slot].response_tentative = false;
    if (!x->slots[slot].has_command)
        end_exchange(x, slot);
}

/* No command was missed before the one just answered. */
static void end_client_gap(struct imapid_exchanges *x)
{
    x->client_gap = false;
    for (unsigned i = 0; i < x->pending.n; i++)
        x->pending.commands[i].follows_unseen = false;
}

/* Ends responses without a command whose result is missing: that of another command came. */
static void end_orphans(struct imapid_exchanges *x, bool if_missed)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (x->slots[i].open && is_orphan(&x->slots[i]) && !x->slots[i].response_tentative &&
            (x->slots[i].answer_missed || !if_missed))
            end_exchange(x, i);
}

/* Does an untagged ID that was given to no answered command lead to the line just read? Text of a
 * message would not, without a line that no server begins: a literal of FETCH is followed by ")"
 * (RFC 9051 7.5.2). So it does right before that line, where it has no command. Farther back it
 * does in the same run of lines, but not where a command waited when octets were lost: its answer
 * in the hole leaves its tag open, and a message may hold that tag. A capture that merely begins in
 * a message, or in the greeting, has no such tag. */
static bool leads_here(const struct imapid_exchanges *x, unsigned slot)
{
    const struct imapid_exchange *exchange = &x->slots[slot];

    return (slot == x->last_response && is_orphan(exchange)) ||
           (!x->tag_left && exchange->response_run == x->server_run);
}

/* Is the unit right before the answer an untagged ID that was given to no command? */
static bool is_led_by_orphan(const struct imapid_exchanges *x)
{
    return x->last_response < IMAPID_SLOTS && !x->slots[x->last_response].has_command;
}

/* The answer to a known command: the server's lines are lines. */
static void confirm_server(struct imapid_exchanges *x,
                           const struct imapid_pending_command *answered)
{
    x->sync[IMAPID_SERVER] = IMAPID_SYNC_SURE;
    end_orphans(x, false);
    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        if (!x->slots[i].open || !x->slots[i].response_tentative)
            continue;
        if (i == answered->slot)
            x->slots[i].response_tentative = false;
        else if (leads_here(x, i))
            confirm_response(x, i);
        else
            drop_response(x, i);
    }
}

/* May its answer be missing, or it be no command? */
static bool is_doubtful(const struct imapid_exchange *exchange)
{
    return exchange->lost || exchange->tentative || exchange->may_be_old;
}

/* The response right before the answer to an ID was given to another command: to a later one, or an earlier one whose
 * own answer may be missing. Servers answer in order, so it is that of the ID. */
static void take_over_response(struct imapid_exchanges *x,
                               const struct imapid_pending_command *answered)
{
    unsigned from = x->last_response;
    struct imapid_exchange *to, *giver;

    if (answered->slot >= IMAPID_SLOTS || from >= IMAPID_SLOTS || from == answered->slot)
        return;
    to = &x->slots[answered->slot];
    giver = &x->slots[from];
    if ((to->n_responses && !to->answer_missed) || !giver->open || !giver->has_command ||
        giver->n_responses != 1 ||
        (giver->order > to->order ? giver->response_tentative : !is_doubtful(giver)))
        return;
    if (to->n_responses)
        drop_response(x, answered->slot); /* of the one before the hole */
    to->n_responses = 1;
    to->response_tentative = giver->response_tentative;
    to->answer_missed = giver->answer_missed;
    giver->n_responses = 0;
    giver->response_tentative = false;
    giver->response_dropped = true;
    tell(x, IMAPID_EVENT_MOVE_RESPONSE, answered->slot);
    x->events[x->n_events - 1].from = from;
    x->last_response = answered->slot;
}

/* A command was answered while earlier ones are not: those were none, or were answered in a hole,
 * and then a response that was taken for theirs may have been the later one's; or the other way round, where there
 * is a hole behind the response. False if there was no such command. */
static bool settle_earlier(struct imapid_exchanges *x,
                           const struct imapid_pending_command *answered)
{
    bool lacks_response = answered->slot < IMAPID_SLOTS && !x->slots[answered->slot].n_responses;
    bool may_be_anothers = answered->slot < IMAPID_SLOTS && x->slots[answered->slot].answer_missed;
    bool settled = false;

    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        struct imapid_exchange *exchange = &x->slots[i];

        if (!exchange->open || !exchange->has_command || i == answered->slot ||
            exchange->order > answered->order || !is_doubtful(exchange))
            continue;
        if (lacks_response && exchange->n_responses)
            x->slots[answered->slot].lost = true;
        else if (may_be_anothers && x->slots[answered->slot].n_responses && !exchange->n_responses)
            drop_response(x, answered->slot);
        end_exchange(x, i);
        settled = true;
    }
    imapid_pending_settle(&x->pending, answered->order);
    return settled;
}

/* A command is answered, and later ones have responses already, which servers do not send before
 * its answer: they were its own, or those of a command that was missed. */
static void drop_responses_after(struct imapid_exchanges *x, uint64_t order)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (x->slots[i].open && x->slots[i].has_command && x->slots[i].n_responses &&
            x->slots[i].order > order)
            drop_response(x, i);
}

static void settle_later(struct imapid_exchanges *x, const struct imapid_pending_command *answered)
{
    bool misses_response = answered->slot < IMAPID_SLOTS && x->slots[answered->slot].lost &&
                           !x->slots[answered->slot].n_responses;

    if (misses_response || x->client_gap)
        drop_responses_after(x, answered->order);
}

void imapid_exchanges_distrust(struct imapid_exchanges *x, enum imapid_side side)
{
    if (side == IMAPID_CLIENT)
        imapid_pending_distrust(&x->pending);
    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        if (!x->slots[i].open)
            continue;
        if (side == IMAPID_CLIENT && x->slots[i].tentative)
            close_exchange(x, i, IMAPID_EVENT_DROP);
        else if (side == IMAPID_SERVER && x->slots[i].response_tentative)
            drop_response(x, i);
    }
}

/* ---- commands ---- */

/* Does the list of an ID that nothing has confirmed begin and end where its line does? Another may
 * be prose ("the ID is") or the end of a message, with the rest of a response behind it
 * ("* ID (...))"). */
static bool is_credible(const struct imapid_unit *unit)
{
    const unsigned doubtful =
        IMAPID_FAULT_UNBALANCED | IMAPID_FAULT_TRAILING_DATA | IMAPID_FAULT_MISSING_ARGUMENTS;

    return !(imapid_list_get_sum(unit).faults & doubtful);
}

/* ---- tags that are used again ---- */

static void keep_tag(struct imapid_exchanges *x, const struct imapid_tag *tag)
{
    x->answered[x->n_answered++ % IMAPID_TAGS_KEPT] = tag->hash;
}

/* Lines of a message may look like commands of any tag. */
static bool was_used(const struct imapid_exchanges *x, const struct imapid_tag *tag)
{
    unsigned n = x->n_answered < IMAPID_TAGS_KEPT ? x->n_answered : IMAPID_TAGS_KEPT;

    for (unsigned i = 0; i < n; i++)
        if (x->answered[i] == tag->hash)
            return true;
    for (unsigned i = 0; i < x->pending.n; i++)
        if (!x->pending.commands[i].tentative && imapid_tag_same(&x->pending.commands[i].tag, tag))
            return true;
    return false;
}

/* A command waits for its answer. */
static void add_pending(struct imapid_exchanges *x, const struct imapid_unit *unit, unsigned slot,
                        bool tentative)
{
    struct imapid_tag tag = imapid_unit_tag(unit);

    x->reuses_tags |= was_used(x, &tag);
    /* The tag of one that is forgotten may come again. */
    if (x->pending.n == IMAPID_PENDING_MAX && x->reuses_tags)
        imapid_exchanges_miss_commands(x);
    imapid_pending_add(&x->pending, unit, ++x->order, slot, tentative);
    x->pending.commands[x->pending.n - 1].follows_unseen = x->client_gap;
    x->pending.commands[x->pending.n - 1].may_be_answered =
        x->in_hand.answer_missed || x->is_behind_hole;
}

/* May an ID that is this pending command's have been answered by the untagged one right before? */
static bool may_have_responded(const struct imapid_exchanges *x,
                               const struct imapid_pending_command *command)
{
    return command->slot < IMAPID_SLOTS &&
           (command->slot == x->last_response || !x->slots[command->slot].n_responses);
}

/* May a command that was missed have the tag of this pending one, and be answered before it? */
static bool may_be_missed_one(const struct imapid_exchanges *x, unsigned i)
{
    const struct imapid_pending_command *command = &x->pending.commands[i];

    if (command->shares_tag || (x->misses_line && command->order > x->line_order))
        return true;
    if (!command->follows_unseen)
        return false;
    for (unsigned j = i + 1; j < x->pending.n; j++)
        if (imapid_tag_same(&x->pending.commands[j].tag, &command->tag))
            return true;
    return x->reuses_tags;
}

int imapid_exchanges_find_answered(const struct imapid_exchanges *x, const struct imapid_tag *tag)
{
    int first = imapid_pending_find(&x->pending, tag), responded = -1;
    unsigned n_same = 0, n_responded = 0;
    bool found_sure = false;

    if (first < 0 || may_be_missed_one(x, (unsigned)first))
        return -1;
    for (unsigned i = (unsigned)first; i < x->pending.n && !found_sure; i++) {
        const struct imapid_pending_command *command = &x->pending.commands[i];

        if (!imapid_tag_same(&command->tag, tag))
            continue;
        n_same++;
        if (may_have_responded(x, command)) {
            n_responded++;
            responded = (int)i;
        }
        found_sure = !command->may_be_answered;
    }
    /* One that was missed behind them, too. */
    if (!found_sure && x->client_gap &&
        (x->reuses_tags || x->client_gap_order >= x->pending.commands[first].order))
        return -1;
    if (n_same == 1)
        return first;
    return x->last_response < IMAPID_SLOTS && n_responded == 1 ? responded : -1;
}

static void add_command(struct imapid_exchanges *x, const struct imapid_unit *unit, unsigned slot,
                        bool tentative)
{
    struct imapid_exchange *exchange = &x->slots[slot];

    exchange->has_command = true;
    exchange->lost |= unit->cut || x->in_hand.answer_missed;
    exchange->tentative = tentative;
    exchange->may_be_old = x->is_behind_hole;
    x->n_id_commands++;
    tell(x, IMAPID_EVENT_COMMAND, slot);
    add_pending(x, unit, slot, tentative);
}

/* Is this command, whose rest is missing, the one whose answer ended an exchange already? */
static bool is_late(const struct imapid_exchanges *x, const struct imapid_unit *unit)
{
    const struct imapid_exchange *exchange = &x->slots[x->orphan_slot];
    struct imapid_tag tag = imapid_unit_tag(unit);

    return unit->cut && x->orphan_order && !exchange->open && !exchange->has_command &&
           exchange->order == x->orphan_order && exchange->order > x->in_hand.order &&
           imapid_tag_same(&tag, &x->orphan_tag);
}

/* It takes that answer's slot, and waits for no other. */
static void take_late_command(struct imapid_exchanges *x)
{
    struct imapid_exchange *exchange = &x->slots[x->orphan_slot];

    exchange->has_command = exchange->is_late = exchange->lost = true;
    exchange->n_responses = 0;
    exchange->status = IMAPID_STATUS_NONE;
    exchange->order = ++x->order;
    x->n_exchanges++;
    x->n_id_commands++;
    tell(x, IMAPID_EVENT_COMMAND, x->orphan_slot);
    tell(x, IMAPID_EVENT_END, x->orphan_slot);
}

bool imapid_exchanges_command(struct imapid_exchanges *x, const struct imapid_unit *unit,
                              bool tentative)
{
    if (tentative && !is_credible(unit)) {
        imapid_exchanges_distrust(x, IMAPID_CLIENT);
        return false;
    }
    if (!tentative && is_late(x, unit))
        take_late_command(x);
    else
        add_command(x, unit, open_exchange(x), tentative);
    return true;
}

void imapid_exchanges_other_command(struct imapid_exchanges *x, const struct imapid_unit *unit,
                                    bool tentative)
{
    add_pending(x, unit, IMAPID_SLOTS, tentative);
}

/* The exchange of an ID that was answered before its line end. Where a command may have been missed
 * an untagged ID that came since was not taken for its answer (see answers_early); now it is, but
 * nobody knows. */
static unsigned open_answered(struct imapid_exchanges *x)
{
    int orphan = x->client_gap ? find_oldest(x, is_orphan) : -1;
    unsigned slot;

    if (orphan >= 0 && x->slots[orphan].order > x->in_hand.order)
        slot = (unsigned)orphan;
    else
        slot = open_exchange(x);
    x->slots[slot].state = x->in_hand.state;
    x->slots[slot].advertised = x->in_hand.advertised;
    x->slots[slot].lost |= x->client_gap;
    return slot;
}

void imapid_exchanges_answered_command(struct imapid_exchanges *x, const struct imapid_unit *unit)
{
    add_command(x, unit, open_answered(x), false);
}

/* ---- responses ---- */

/* The exchange a response belongs to; -1 where no command is open. */
static int find_asker(const struct imapid_exchanges *x)
{
    int slot = find_oldest(x, is_surely_unanswered);

    if (slot < 0)
        slot = find_oldest(x, is_likely_unanswered);
    if (slot < 0)
        slot = find_oldest(x, is_probably_unanswered);
    if (slot < 0)
        slot = find_oldest(x, is_unanswered);
    return slot < 0 ? find_oldest(x, is_answered) : slot;
}

static void take_orphan(struct imapid_exchanges *x, const struct imapid_unit *unit, bool tentative)
{
    unsigned slot = open_exchange(x);
    struct imapid_exchange *exchange = &x->slots[slot];

    exchange->n_responses = 1;
    exchange->response_tentative = tentative;
    exchange->response_run = x->server_run;
    exchange->answer_missed = unit->cut;
    exchange->lost |= unit->cut || x->client_gap;
    x->last_response = unit->cut ? IMAPID_SLOTS : slot;
    tell(x, IMAPID_EVENT_RESPONSE, slot);
    if (!tentative && imapid_exchanges_know_commands(x)) {
        /* No command is open, so no tagged response belongs to it. */
        exchange->unsolicited = true;
        close_exchange(x, slot, IMAPID_EVENT_END);
    }
}

bool imapid_exchanges_response(struct imapid_exchanges *x, const struct imapid_unit *unit,
                               bool tentative)
{
    int slot = find_asker(x);
    enum imapid_event_kind kind = IMAPID_EVENT_RESPONSE;
    struct imapid_exchange *exchange;

    if (tentative && !is_credible(unit)) {
        imapid_exchanges_distrust(x, IMAPID_SERVER);
        return false;
    }
    if (slot < 0) {
        take_orphan(x, unit, tentative);
        return true;
    }
    exchange = &x->slots[slot];
    if (exchange->response_tentative) {
        /* Of two that may both be none the later one stands nearer to the result. Nobody knows. */
        drop_response(x, (unsigned)slot);
        exchange->lost = true;
    } else if (exchange->n_responses) {
        kind = IMAPID_EVENT_EXTRA;
        exchange->has_extra |= !exchange->answer_missed;
    }
    exchange->response_tentative = tentative;
    exchange->response_run = x->server_run;
    exchange->n_responses++;
    exchange->lost |= unit->cut;
    exchange->answer_missed = unit->cut;
    x->last_response = unit->cut ? IMAPID_SLOTS : (unsigned)slot;
    tell(x, kind, (unsigned)slot);
    return true;
}

enum imapid_status imapid_status_read(const struct imapid_unit *unit)
{
    return unit->word == IMAPID_WORD_OK    ? IMAPID_STATUS_OK
           : unit->word == IMAPID_WORD_NO  ? IMAPID_STATUS_NO
           : unit->word == IMAPID_WORD_BYE ? IMAPID_STATUS_BYE
                                           : IMAPID_STATUS_BAD;
}

static bool is_waiting(const struct imapid_exchange *exchange)
{
    return exchange->has_command && !exchange->tentative && !exchange->lost &&
           exchange->status == IMAPID_STATUS_NONE;
}

void imapid_exchanges_untagged(struct imapid_exchanges *x, const struct imapid_unit *unit)
{
    int slot = find_oldest(x, is_waiting);
    struct imapid_exchange *exchange = slot < 0 ? NULL : &x->slots[slot];
    bool is_bye = unit->word == IMAPID_WORD_BYE;

    if (!exchange || (exchange->untagged_status != IMAPID_STATUS_NONE &&
                      exchange->untagged_status != IMAPID_STATUS_NO))
        return;
    if (is_bye ? imapid_pending_has(&x->pending, IMAPID_WORD_LOGOUT) : x->pending.n != 1)
        return;
    exchange->untagged_status = imapid_status_read(unit);
    tell(x, IMAPID_EVENT_UNTAGGED, (unsigned)slot);
}

void imapid_exchanges_answer(struct imapid_exchanges *x, unsigned i, enum imapid_status status)
{
    struct imapid_pending_command answered = x->pending.commands[i];
    bool settled;

    keep_tag(x, &answered.tag);
    imapid_pending_remove(&x->pending, i);
    confirm_client(x, &answered);
    take_over_response(x, &answered);
    settled = settle_earlier(x, &answered);
    confirm_server(x, &answered);
    settle_later(x, &answered);
    if (answered.order > x->client_gap_order && !settled)
        end_client_gap(x);
    if (answered.slot < IMAPID_SLOTS) {
        struct imapid_exchange *exchange = &x->slots[answered.slot];

        exchange->status = status;
        exchange->lost |=
            !exchange->n_responses &&
            (exchange->response_dropped ||
             (answered.follows_unseen && status == IMAPID_STATUS_OK) || is_led_by_orphan(x));
        close_exchange(x, answered.slot, IMAPID_EVENT_RESULT);
    }
}

/* It is the result of a response whose command is not in the capture, and that did not come before `since`. */
static void end_orphan(struct imapid_exchanges *x, const struct imapid_tag *tag,
                       enum imapid_status status, uint64_t since)
{
    int slot = find_oldest(x, is_orphan_in_hand);

    if (slot < 0 || x->slots[slot].order <= since)
        return;
    x->slots[slot].status = status;
    judge_orphan(x, &x->slots[slot]);
    if (x->slots[slot].response_tentative) {
        tell(x, IMAPID_EVENT_RESULT, (unsigned)slot);
        return;
    }
    x->orphan_tag = *tag;
    x->orphan_slot = (unsigned)slot;
    x->orphan_order = x->slots[slot].order;
    close_exchange(x, (unsigned)slot, IMAPID_EVENT_RESULT);
}

/* A command that was missed is answered. */
static void miss_answered(struct imapid_exchanges *x)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        const struct imapid_exchange *exchange = &x->slots[i];

        if (exchange->open && exchange->has_command && exchange->n_responses &&
            (exchange->order > x->client_gap_order || !exchange->answer_missed))
            drop_response(x, i);
    }
}

/* Pending command `first`, or another one of its tag, is answered: each that can be it may be
 * answered now. */
static void doubt_same_tag(struct imapid_exchanges *x, unsigned first)
{
    const struct imapid_tag tag = x->pending.commands[first].tag;
    bool was_sure = false;

    for (unsigned i = first; i < x->pending.n && !was_sure; i++) {
        struct imapid_pending_command *command = &x->pending.commands[i];

        if (!imapid_tag_same(&command->tag, &tag))
            continue;
        if (command->slot < IMAPID_SLOTS)
            x->slots[command->slot].lost = true;
        was_sure = !command->may_be_answered;
        command->may_be_answered = true;
    }
}

/* One of the commands of this tag is answered. The oldest, `first`, is not waited for any more: its
 * answer is this one or is missing. */
static void answer_one_of(struct imapid_exchanges *x, unsigned first)
{
    const struct imapid_pending_command oldest = x->pending.commands[first];
    const struct imapid_pending_command any = {.order = oldest.order, .slot = IMAPID_SLOTS};

    doubt_same_tag(x, first);
    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        const struct imapid_exchange *exchange = &x->slots[i];

        if (exchange->open && exchange->has_command && exchange->n_responses &&
            !exchange->answer_missed && (i == oldest.slot || exchange->order > oldest.order))
            drop_response(x, i);
    }
    if (oldest.slot == IMAPID_SLOTS)
        imapid_pending_remove(&x->pending, first);
    settle_earlier(x, &any); /* and ends the oldest, if it is an ID */
    confirm_server(x, &any);
}

/* The line that was missed is answered, with a tag that later commands have, too: whose the next answers are
 * nobody knows either. */
static void share_tags(struct imapid_exchanges *x)
{
    for (unsigned i = 0; i < x->pending.n; i++)
        x->pending.commands[i].shares_tag |= x->pending.commands[i].order > x->line_order;
}

void imapid_exchanges_strange_answer(struct imapid_exchanges *x, const struct imapid_tag *tag,
                                     enum imapid_status status)
{
    int first = imapid_pending_find(&x->pending, tag);
    uint64_t since = 0; /* the missed line is answered: what came before it is not */

    if (first >= 0 && x->misses_line && x->pending.commands[first].order > x->line_order) {
        share_tags(x);
        since = x->line_order;
    }
    x->misses_line &= first >= 0 && x->pending.commands[first].order <= x->line_order;
    if (first >= 0 && !may_be_missed_one(x, (unsigned)first)) {
        answer_one_of(x, (unsigned)first);
        return;
    }
    if (first >= 0)
        doubt_same_tag(x, (unsigned)first);
    if (x->sync[IMAPID_SERVER] == IMAPID_SYNC_SURE)
        keep_tag(x, tag);
    if (x->client_gap)
        miss_answered(x);
    end_orphans(x, true);
    end_orphan(x, tag, status, since);
}

/* ---- what a hole makes doubtful ---- */

/* What was read behind a command for which a "+" in the hole may have asked for data may be data. */
static void doubt_after(struct imapid_exchanges *x, uint64_t order)
{
    for (unsigned i = 0; i < x->pending.n; i++)
        x->pending.commands[i].tentative |= x->pending.commands[i].order > order;
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        x->slots[i].tentative |= x->slots[i].has_command && x->slots[i].order > order;
}

bool imapid_exchanges_may_be_asked(struct imapid_exchanges *x)
{
    uint64_t order = imapid_pending_may_be_asked(&x->pending);

    doubt_after(x, order);
    return order != UINT64_MAX;
}

/* A response was given to a command before which others may have been missed, and then its result
 * is missing: it may have been one of theirs. */
static void drop_unsure_responses(struct imapid_exchanges *x)
{
    for (unsigned i = x->pending.n; i-- > 0;) {
        const struct imapid_pending_command *command = &x->pending.commands[i];

        if (command->slot < IMAPID_SLOTS && command->follows_unseen &&
            x->slots[command->slot].n_responses && !x->slots[command->slot].answer_missed)
            drop_response(x, command->slot);
    }
}

void imapid_exchanges_miss_answers(struct imapid_exchanges *x, bool is_in_hand)
{
    x->server_gap = x->is_behind_hole = true;
    x->misses_line = false; /* its answer may be in the hole */
    x->tag_left |= is_in_hand || x->pending.n;
    x->in_hand.answer_missed = is_in_hand;
    x->last_response = IMAPID_SLOTS;
    drop_unsure_responses(x);
    imapid_pending_miss_answers(&x->pending);
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (x->slots[i].open) {
            x->slots[i].lost = x->slots[i].answer_missed = true;
            x->slots[i].untagged_status = IMAPID_STATUS_NONE;
        }
}

/* ---- ends ---- */

void imapid_exchanges_end_newest(struct imapid_exchanges *x)
{
    unsigned newest = 0;

    for (unsigned i = 1; i < IMAPID_SLOTS; i++)
        if (x->slots[i].order > x->slots[newest].order)
            newest = i;
    if (x->slots[newest].open)
        end_exchange(x, newest);
}

bool imapid_exchanges_waits(const struct imapid_exchanges *x)
{
    return find_oldest(x, is_unanswered) >= 0;
}

void imapid_exchanges_greet(struct imapid_exchanges *x)
{
    x->in_hand.state = x->now.state;
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        x->slots[i].state = x->now.state;
}

void imapid_exchanges_hold(struct imapid_exchanges *x)
{
    x->in_hand.state = x->now.state;
    x->in_hand.advertised = x->now.advertised;
    x->in_hand.order = x->order;
}

void imapid_exchanges_end(struct imapid_exchanges *x)
{
    int slot;

    while ((slot = find_oldest(x, is_any)) >= 0)
        end_exchange(x, (unsigned)slot);
}
