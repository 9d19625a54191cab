/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.c: joins the two directions of a connection.
 *
 * Causes come before effects: octets are expected in the order in which they arrived. A command is
 * known by its tag until its tagged response; only of ID, STARTTLS, COMPRESS, AUTHENTICATE, LOGIN
 * and IDLE does the answer change anything here, the others are kept because an answer to a known
 * tag proves that both readers stand at line starts.
 *
 * Refuses: nothing. It believes nothing that stands behind a hole until it is confirmed, by these
 * rules:
 *
 * - a tagged response confirms the command it answers, and those read after it without another
 *   hole; never an earlier one: that may have stood in a message, and servers answer in order;
 * - it confirms the untagged ID of that command, and one right before it, with no unit between,
 * that is no command's: the end of a message would have stood there. Any other may have stood in a
 *   message: it is dropped;
 * - an untagged ID right before it is that of its command, whomever it was given to behind a hole;
 * - a command whose rest was lost, told behind the answer to its tag, belongs to that answer;
 * - where a hole swallowed an answer, two exchanges may be mixed up: those are said to be lost. */
#include <imapid/list.h>
#include <imapid/secret.h>
#include <imapid/session.h>

#include <string.h>

#define CLIENT(session) (&(session)->frame[IMAPID_CLIENT])
#define SERVER(session) (&(session)->frame[IMAPID_SERVER])

void imapid_session_init(struct imapid_session *session, bool from_start,
                         enum imapid_security security)
{
    memset(session, 0, sizeof *session);
    session->from_start = from_start;
    session->security = security;
    session->client_gap = !from_start;
    session->last_response = IMAPID_SLOTS;
    imapid_frame_init(CLIENT(session), IMAPID_CLIENT, from_start);
    imapid_frame_init(SERVER(session), IMAPID_SERVER, from_start);
}

/* ---- events ---- */

static void tell(struct imapid_session *session, enum imapid_event_kind kind, unsigned slot)
{
    if (session->n_events < IMAPID_EVENTS_MAX)
        session->events[session->n_events++] = (struct imapid_event){kind, slot, IMAPID_SLOTS};
}

bool imapid_session_event(struct imapid_session *session, struct imapid_event *event)
{
    if (session->next_event == session->n_events) {
        session->next_event = session->n_events = 0;
        return false;
    }
    *event = session->events[session->next_event++];
    return true;
}

/* ---- pending commands ---- */

static void remove_pending(struct imapid_session *session, unsigned i)
{
    session->n_pending--;
    memmove(session->pending + i, session->pending + i + 1,
            (session->n_pending - i) * sizeof session->pending[0]);
}

/* The oldest command with this tag: the same tag twice is answered in order. */
static int find_pending(const struct imapid_session *session, const struct imapid_tag *tag)
{
    for (unsigned i = 0; i < session->n_pending; i++)
        if (imapid_tag_same(&session->pending[i].tag, tag))
            return (int)i;
    return -1;
}

static bool waits_for(const struct imapid_session *session, enum imapid_word word)
{
    for (unsigned i = 0; i < session->n_pending; i++)
        if (session->pending[i].word == word)
            return true;
    return false;
}

static void forget_pending(struct imapid_session *session, enum imapid_word word)
{
    for (unsigned i = session->n_pending; i-- > 0;)
        if (session->pending[i].word == word)
            remove_pending(session, i);
}

/* ---- exchanges ---- */

static void close_exchange(struct imapid_session *session, unsigned slot,
                           enum imapid_event_kind kind)
{
    struct imapid_exchange *exchange = &session->exchanges[slot];

    exchange->open = false;
    if (kind == IMAPID_EVENT_DROP)
        session->n_exchanges--;
    tell(session, kind, slot);
    for (unsigned i = 0; i < session->n_pending; i++)
        if (session->pending[i].slot == slot) {
            remove_pending(session, i);
            break;
        }
}

static void drop_response(struct imapid_session *session, unsigned slot)
{
    struct imapid_exchange *exchange = &session->exchanges[slot];

    exchange->n_responses = 0;
    exchange->response_tentative = false;
    exchange->response_dropped = true;
    if (exchange->has_command)
        tell(session, IMAPID_EVENT_DROP_RESPONSE, slot);
    else
        close_exchange(session, slot, IMAPID_EVENT_DROP);
}

/* Was every command up to now seen, so that a response without one is the server's own idea? */
static bool knows_all_commands(const struct imapid_session *session)
{
    return session->from_start && session->seen[IMAPID_CLIENT] && !session->client_silent &&
           !session->client_gap && session->frame[IMAPID_CLIENT].sync == IMAPID_SYNC_SURE;
}

/* A response whose command was not seen ends: either there was none, or it is missing. */
static void judge_orphan(const struct imapid_session *session, struct imapid_exchange *exchange)
{
    exchange->unsolicited |=
        !exchange->lost && !exchange->response_tentative && knows_all_commands(session);
    exchange->lost |= !exchange->unsolicited;
}

/* Ends what can have no further part. What nothing has confirmed is dropped, unless the side that
 * would confirm it is not in the capture at all; of a response a tagged line has to come behind it
 * then, which a server that was asked would send. The text of a message can look like any command
 * or response. */
static void end_exchange(struct imapid_session *session, unsigned slot)
{
    struct imapid_exchange *exchange = &session->exchanges[slot];

    if (exchange->tentative && session->seen[IMAPID_SERVER]) {
        close_exchange(session, slot, IMAPID_EVENT_DROP);
        return;
    }
    if (exchange->response_tentative &&
        (session->seen[IMAPID_CLIENT] || exchange->status == IMAPID_STATUS_NONE))
        drop_response(session, slot);
    if (!exchange->open)
        return;
    if (!exchange->has_command)
        judge_orphan(session, exchange);
    exchange->lost |= !session->seen[IMAPID_SERVER];
    close_exchange(session, slot, IMAPID_EVENT_END);
}

static int find_oldest(const struct imapid_session *session,
                       bool (*fits)(const struct imapid_exchange *))
{
    int oldest = -1;

    for (int i = 0; i < IMAPID_SLOTS; i++)
        if (session->exchanges[i].open && fits(&session->exchanges[i]) &&
            (oldest < 0 || session->exchanges[i].order < session->exchanges[oldest].order))
            oldest = i;
    return oldest;
}

static bool is_any(const struct imapid_exchange *exchange)
{
    return exchange->open;
}

/* The commands that may be answered next, from the likeliest on: behind a hole in the server's
 * octets, an earlier one was probably answered in the hole. */
static bool is_surely_unanswered(const struct imapid_exchange *exchange)
{
    return exchange->has_command && !exchange->n_responses && !exchange->tentative &&
           !exchange->lost;
}

static bool is_probably_unanswered(const struct imapid_exchange *exchange)
{
    return exchange->has_command && !exchange->n_responses && !exchange->tentative;
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

static bool is_whole_orphan(const struct imapid_exchange *exchange)
{
    return is_orphan(exchange) && !exchange->lost && !exchange->response_tentative;
}

/* The client speaks for the first time: what was answered before was not asked. Before this nobody
 * knew whether the client is in the capture. True if there was such a response. */
static bool end_unsolicited(struct imapid_session *session)
{
    bool found = false;
    int slot;

    while (knows_all_commands(session) && (slot = find_oldest(session, is_whole_orphan)) >= 0) {
        end_exchange(session, (unsigned)slot);
        found = true;
    }
    return found;
}

/* Commands may have been missed, from here on or since the last ones: that of an open response may
 * be among them. */
static void doubt_commands(struct imapid_session *session)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (session->exchanges[i].open && !session->exchanges[i].has_command)
            session->exchanges[i].lost = true;
    session->client_gap = true;
    session->client_gap_order = session->order;
}

static unsigned find_free_slot(const struct imapid_session *session)
{
    unsigned slot = 0;

    while (slot < IMAPID_SLOTS && session->exchanges[slot].open)
        slot++;
    return slot;
}

/* No slot is left for the next exchange: the oldest ends. Its answer, when it comes, is nobody's,
 * and what may be taken for another's is said to be lost. Its slot is not used again before the
 * caller has taken the events. */
static void evict_oldest(struct imapid_session *session)
{
    unsigned oldest;

    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        session->exchanges[i].lost = true;
    doubt_commands(session);
    oldest = (unsigned)find_oldest(session, is_any);
    if (session->exchanges[oldest].tentative || session->exchanges[oldest].response_tentative)
        close_exchange(session, oldest, IMAPID_EVENT_DROP); /* nothing will ever confirm it */
    else
        end_exchange(session, oldest);
}

static unsigned open_exchange(struct imapid_session *session)
{
    unsigned slot = find_free_slot(session); /* there is one: see the end */
    struct imapid_exchange *exchange = &session->exchanges[slot];

    memset(exchange, 0, sizeof *exchange);
    exchange->open = true;
    exchange->advertised = session->advertised;
    exchange->state = session->state;
    exchange->security = session->security;
    exchange->compressed = session->compressed;
    exchange->order = ++session->order;
    session->n_exchanges++;
    if (find_free_slot(session) == IMAPID_SLOTS)
        evict_oldest(session);
    return slot;
}

/* ---- confirming what was read behind a hole ---- */

/* A command was answered: it was one, and so were those read after it. */
static void confirm_client(struct imapid_session *session, const struct imapid_pending *answered)
{
    if (answered->slot < IMAPID_SLOTS)
        session->exchanges[answered->slot].tentative = false;
    if (answered->order <= session->client_gap_order)
        return;
    if (CLIENT(session)->sync == IMAPID_SYNC_TENTATIVE)
        CLIENT(session)->sync = IMAPID_SYNC_SURE;
    for (unsigned i = 0; i < session->n_pending; i++)
        if (session->pending[i].order > answered->order)
            session->pending[i].tentative = false;
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (session->exchanges[i].order > answered->order)
            session->exchanges[i].tentative = false;
}

/* An untagged ID is a line. Where its command is not in the capture nothing more of it comes: a
 * later command was answered. */
static void confirm_response(struct imapid_session *session, unsigned slot)
{
    session->exchanges[slot].response_tentative = false;
    if (!session->exchanges[slot].has_command)
        end_exchange(session, slot);
}

/* Does an untagged ID that was given to no answered command lead to the line just read? Text of a
 * message would not, without a line that no server begins: a literal of FETCH is followed by ")"
 * (RFC 9051 7.5.2). So it does right before that line, where it has no command. Farther back it
 * does in the same run of lines, but not behind a hole: an answer in the hole leaves its tag open,
 * and a message may hold that tag. A capture that merely begins in a message has no such tag. */
static bool leads_here(const struct imapid_session *session, unsigned slot)
{
    const struct imapid_exchange *exchange = &session->exchanges[slot];

    return (slot == session->last_response && is_orphan(exchange)) ||
           (!session->server_gap && exchange->response_run == session->server_run);
}

/* The answer to a known command: the server's lines are lines. */
static void confirm_server(struct imapid_session *session, const struct imapid_pending *answered)
{
    SERVER(session)->sync = IMAPID_SYNC_SURE;
    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        if (!session->exchanges[i].open || !session->exchanges[i].response_tentative)
            continue;
        if (i == answered->slot)
            session->exchanges[i].response_tentative = false;
        else if (leads_here(session, i))
            confirm_response(session, i);
        else
            drop_response(session, i);
    }
}

/* The response right before the answer to an ID was given to an earlier command, whose own answer
 * may be missing: servers answer in order, so it is that of the ID. */
static void take_over_response(struct imapid_session *session,
                               const struct imapid_pending *answered)
{
    unsigned from = session->last_response;
    struct imapid_exchange *to, *giver;

    if (answered->slot >= IMAPID_SLOTS || from >= IMAPID_SLOTS || from == answered->slot)
        return;
    to = &session->exchanges[answered->slot];
    giver = &session->exchanges[from];
    if (to->n_responses || !giver->open || !giver->has_command || giver->n_responses != 1 ||
        giver->order > to->order || !(giver->lost || giver->tentative))
        return;
    to->n_responses = 1;
    to->response_tentative = giver->response_tentative;
    to->answer_missed = giver->answer_missed;
    giver->n_responses = 0;
    giver->response_tentative = false;
    giver->response_dropped = true;
    tell(session, IMAPID_EVENT_MOVE_RESPONSE, answered->slot);
    session->events[session->n_events - 1].from = from;
    session->last_response = answered->slot;
}

/* A command was answered while earlier ones are not: those were none, or were answered in a hole,
 * and then a response that was taken for theirs may have been the later one's. False if there was
 * no such command. */
static bool settle_earlier(struct imapid_session *session, const struct imapid_pending *answered)
{
    bool lacks_response =
        answered->slot < IMAPID_SLOTS && !session->exchanges[answered->slot].n_responses;
    bool settled = false;

    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        struct imapid_exchange *exchange = &session->exchanges[i];

        if (!exchange->open || !exchange->has_command || i == answered->slot ||
            exchange->order > answered->order || !(exchange->lost || exchange->tentative))
            continue;
        if (lacks_response && exchange->n_responses)
            session->exchanges[answered->slot].lost = true;
        end_exchange(session, i);
        settled = true;
    }
    return settled;
}

/* A command is answered, and later ones have responses already, which servers do not send before
 * its answer: they were its own, or those of a command that was missed. */
static void drop_responses_after(struct imapid_session *session, uint64_t order)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (session->exchanges[i].open && session->exchanges[i].has_command &&
            session->exchanges[i].n_responses && session->exchanges[i].order > order)
            drop_response(session, i);
}

static void settle_later(struct imapid_session *session, const struct imapid_pending *answered)
{
    bool misses_response = answered->slot < IMAPID_SLOTS &&
                           session->exchanges[answered->slot].lost &&
                           !session->exchanges[answered->slot].n_responses;

    if (misses_response || session->client_gap)
        drop_responses_after(session, answered->order);
}

/* A line was read that no sender of commands would send: what was thought to be commands since the
 * hole was none. */
static void distrust_client(struct imapid_session *session)
{
    for (unsigned i = session->n_pending; i-- > 0;)
        if (session->pending[i].tentative && session->pending[i].slot == IMAPID_SLOTS)
            remove_pending(session, i);
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (session->exchanges[i].open && session->exchanges[i].tentative)
            close_exchange(session, i, IMAPID_EVENT_DROP);
}

static void distrust_server(struct imapid_session *session)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (session->exchanges[i].open && session->exchanges[i].response_tentative)
            drop_response(session, i);
}

/* Does the list of an ID that nothing has confirmed begin and end where its line does? Another may
 * be prose ("the ID is") or the end of a message, with the rest of a response behind it
 * ("* ID (...))"). */
static bool is_credible(const struct imapid_unit *unit)
{
    const unsigned doubtful =
        IMAPID_FAULT_UNBALANCED | IMAPID_FAULT_TRAILING_DATA | IMAPID_FAULT_MISSING_ARGUMENTS;
    struct imapid_list list;
    struct imapid_pair pair;

    imapid_list_begin(&list, unit);
    while (imapid_list_next(&list, &pair))
        ;
    return !(list.faults & doubtful);
}

/* ---- the client's units ---- */

/* Is this side in the middle of an exchange of AUTHENTICATE, and of nothing else? */
static bool sends_sasl(const struct imapid_session *session)
{
    bool found = false;

    for (unsigned i = 0; i < session->n_pending; i++)
        if (session->pending[i].sends_data) {
            if (session->pending[i].word != IMAPID_WORD_AUTHENTICATE)
                return false;
            found = true;
        }
    return found;
}

static bool sends_data(const struct imapid_session *session)
{
    for (unsigned i = 0; i < session->n_pending; i++)
        if (session->pending[i].sends_data)
            return true;
    return false;
}

/* May the client's next line in AUTHENTICATE be a command? The server takes for SASL what it asked
 * for, whatever it looks like. */
static bool may_pipeline(const struct imapid_session *session)
{
    return sends_sasl(session) && session->n_sasl_asked <= 0 &&
           session->frame[IMAPID_SERVER].sync == IMAPID_SYNC_SURE &&
           !session->frame[IMAPID_SERVER].n_left; /* else half a "+" may have come */
}

/* Says what the client's next line will be. */
static void expect_lines(struct imapid_session *session)
{
    struct imapid_frame *client = CLIENT(session);

    if (sends_data(session))
        client->lines = may_pipeline(session) ? IMAPID_LINES_SASL : IMAPID_LINES_DATA;
    else if (session->asked)
        client->lines = IMAPID_LINES_ONE;
    else if (waits_for(session, IMAPID_WORD_STARTTLS))
        client->lines = IMAPID_LINES_HELD;
    else
        client->lines = IMAPID_LINES_UNITS;
}

/* `word` (or, if UNKNOWN, every command) asks for no more lines of data. */
static void stop_data(struct imapid_session *session, enum imapid_word word)
{
    for (unsigned i = 0; i < session->n_pending; i++)
        if (session->pending[i].word == word || word == IMAPID_WORD_UNKNOWN)
            session->pending[i].sends_data = false;
}

/* Nobody knows any more whether the client's lines are data or commands. */
static void doubt_client(struct imapid_session *session)
{
    doubt_commands(session);
    session->asked = false;
    stop_data(session, IMAPID_WORD_UNKNOWN);
    imapid_frame_doubt(CLIENT(session));
}

static bool sends_data_after(enum imapid_word word)
{
    return word == IMAPID_WORD_AUTHENTICATE || word == IMAPID_WORD_IDLE;
}

static void add_pending(struct imapid_session *session, const struct imapid_unit *unit,
                        unsigned slot, bool tentative)
{
    if (session->n_pending == IMAPID_PENDING_MAX) {
        unsigned oldest = 0;

        while (oldest < IMAPID_PENDING_MAX && session->pending[oldest].slot != IMAPID_SLOTS)
            oldest++; /* at most IMAPID_SLOTS of them are IDs */
        remove_pending(session, oldest);
    }
    session->pending[session->n_pending++] =
        (struct imapid_pending){.tag = imapid_unit_tag(unit),
                                .word = unit->word,
                                .tentative = tentative,
                                .sends_data = sends_data_after(unit->word),
                                .order = ++session->order,
                                .slot = (uint8_t)slot};
}

static void take_id_command(struct imapid_session *session, const struct imapid_unit *unit,
                            unsigned slot, bool tentative)
{
    struct imapid_exchange *exchange = &session->exchanges[slot];

    exchange->has_command = true;
    exchange->lost |= unit->cut || session->answer_missed;
    exchange->tentative = tentative;
    session->n_id_commands++;
    tell(session, IMAPID_EVENT_COMMAND, slot);
    add_pending(session, unit, slot, tentative);
}

/* Is this command, whose rest is missing, the one whose answer ended an exchange already? */
static bool is_late(const struct imapid_session *session, const struct imapid_unit *unit)
{
    const struct imapid_exchange *exchange = &session->exchanges[session->orphan_slot];
    struct imapid_tag tag = imapid_unit_tag(unit);

    return unit->cut && session->orphan_order && !exchange->open && !exchange->has_command &&
           exchange->order == session->orphan_order && exchange->order > session->order_in_hand &&
           imapid_tag_same(&tag, &session->orphan_tag);
}

/* It takes that answer's slot, and waits for no other. */
static void take_late_command(struct imapid_session *session)
{
    struct imapid_exchange *exchange = &session->exchanges[session->orphan_slot];

    exchange->has_command = exchange->is_late = exchange->lost = true;
    exchange->n_responses = 0;
    exchange->status = IMAPID_STATUS_NONE;
    exchange->order = ++session->order;
    session->n_exchanges++;
    session->n_id_commands++;
    tell(session, IMAPID_EVENT_COMMAND, session->orphan_slot);
    tell(session, IMAPID_EVENT_END, session->orphan_slot);
}

static void take_command(struct imapid_session *session, const struct imapid_unit *unit,
                         bool tentative)
{
    session->asked = false;
    if (unit->word == IMAPID_WORD_ID && tentative && !is_credible(unit)) {
        distrust_client(session);
        imapid_frame_doubt(CLIENT(session));
        return;
    }
    if (unit->word == IMAPID_WORD_ID && !tentative && is_late(session, unit)) {
        take_late_command(session);
    } else if (unit->word == IMAPID_WORD_ID) {
        take_id_command(session, unit, open_exchange(session), tentative);
    } else {
        if ((unit->word == IMAPID_WORD_LOGIN || unit->word == IMAPID_WORD_AUTHENTICATE) &&
            !tentative && session->state == IMAPID_STATE_UNKNOWN)
            session->state = IMAPID_STATE_NOT_AUTHENTICATED;
        add_pending(session, unit, IMAPID_SLOTS, tentative);
    }
    if (unit->word == IMAPID_WORD_AUTHENTICATE) {
        session->n_sasl_asked = 0;
        session->may_begin_layer = true;
    }
    if (sends_data_after(unit->word) && !session->seen[IMAPID_SERVER])
        doubt_client(session); /* nobody will say when the data end */
    else
        expect_lines(session);
}

static void take_continued(struct imapid_session *session, const struct imapid_unit *unit)
{
    session->asked = false;
    session->n_sasl_asked--;
    if (imapid_octets_is(unit->data + unit->args.offset, unit->args.n, "DONE"))
        stop_data(session, IMAPID_WORD_IDLE);
    expect_lines(session);
}

/* ---- the server's units ---- */

/* Reads a capability list: does it name ID? */
static void read_capabilities(struct imapid_session *session, const uint8_t *list, size_t n,
                              bool is_whole)
{
    size_t at = 0;

    session->advertised = is_whole ? IMAPID_NO : IMAPID_UNKNOWN;
    while (at < n) {
        size_t start;

        while (at < n && imapid_is_blank(list[at]))
            at++;
        start = at;
        while (at < n && !imapid_is_blank(list[at]))
            at++;
        if (imapid_octets_is(list + start, at - start, "ID"))
            session->advertised = IMAPID_YES;
    }
}

/* "[CAPABILITY ...]" at the head of a status text (RFC 9051 7.1). */
static void read_capability_code(struct imapid_session *session, const struct imapid_unit *unit)
{
    static const char head[] = "[CAPABILITY ";
    struct imapid_slice text = imapid_unit_text(unit);
    const uint8_t *start = unit->data + text.offset;
    size_t n_head = sizeof head - 1;
    const uint8_t *end;

    if (text.n < n_head || !imapid_octets_is(start, n_head, head))
        return;
    end = memchr(start, ']', text.n);
    if (end)
        read_capabilities(session, start + n_head, (size_t)(end - start) - n_head, true);
}

/* The exchange a response belongs to; -1 where no command is open. */
static int find_asker(const struct imapid_session *session)
{
    int slot = find_oldest(session, is_surely_unanswered);

    if (slot < 0)
        slot = find_oldest(session, is_probably_unanswered);
    if (slot < 0)
        slot = find_oldest(session, is_unanswered);
    return slot < 0 ? find_oldest(session, is_answered) : slot;
}

static void take_orphan(struct imapid_session *session, const struct imapid_unit *unit,
                        bool tentative)
{
    unsigned slot = open_exchange(session);
    struct imapid_exchange *exchange = &session->exchanges[slot];

    exchange->n_responses = 1;
    exchange->response_tentative = tentative;
    exchange->response_run = session->server_run;
    exchange->lost |= unit->cut || session->client_gap;
    session->last_response = unit->cut ? IMAPID_SLOTS : slot;
    tell(session, IMAPID_EVENT_RESPONSE, slot);
    if (!tentative && knows_all_commands(session)) {
        /* No command is open, so no tagged response belongs to it. */
        exchange->unsolicited = true;
        close_exchange(session, slot, IMAPID_EVENT_END);
    }
}

static void take_response(struct imapid_session *session, const struct imapid_unit *unit,
                          bool tentative)
{
    int slot = find_asker(session);
    enum imapid_event_kind kind = IMAPID_EVENT_RESPONSE;
    struct imapid_exchange *exchange;

    if (tentative && !is_credible(unit)) {
        distrust_server(session);
        imapid_frame_doubt(SERVER(session));
        return;
    }
    if (slot < 0) {
        take_orphan(session, unit, tentative);
        return;
    }
    exchange = &session->exchanges[slot];
    if (exchange->response_tentative) {
        /* Of two that may both be none the later one stands nearer to the result. Nobody knows. */
        drop_response(session, (unsigned)slot);
        exchange->lost = true;
    } else if (exchange->n_responses) {
        kind = IMAPID_EVENT_EXTRA;
        exchange->has_extra |= !exchange->answer_missed;
    }
    exchange->response_tentative = tentative;
    exchange->response_run = session->server_run;
    exchange->n_responses++;
    exchange->lost |= unit->cut;
    exchange->answer_missed = unit->cut;
    session->last_response = unit->cut ? IMAPID_SLOTS : (unsigned)slot;
    tell(session, kind, (unsigned)slot);
}

/* Does a refusal say that it wants an ID first? Seen: "Unsafe Login. Please contact ..." on SELECT,
 * and texts that ask for the ID command. */
static bool speaks_of_missing_id(const struct imapid_unit *unit)
{
    struct imapid_slice text = imapid_unit_text(unit);
    const uint8_t *start = unit->data + text.offset;

    return imapid_octets_contain(start, text.n, "unsafe login") ||
           imapid_octets_contain(start, text.n, "ID command") ||
           imapid_octets_contain(start, text.n, "send ID ") ||
           imapid_octets_contain(start, text.n, "ID required");
}

static enum imapid_status read_status(const struct imapid_unit *unit)
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

/* An untagged NO, BAD or BYE while an ID waits for its answer: a server that could not read the
 * command, or will not, says so without its tag (RFC 9051 7.1.3). It is the ID's where nothing else
 * waits; BYE is everybody's, unless LOGOUT asked for it. NO is a warning more often than not: what
 * comes later counts. */
static void take_untagged_status(struct imapid_session *session, const struct imapid_unit *unit)
{
    int slot = find_oldest(session, is_waiting);
    struct imapid_exchange *exchange = slot < 0 ? NULL : &session->exchanges[slot];
    bool is_bye = unit->word == IMAPID_WORD_BYE;

    if (!exchange || (exchange->untagged_status != IMAPID_STATUS_NONE &&
                      exchange->untagged_status != IMAPID_STATUS_NO))
        return;
    if (is_bye ? waits_for(session, IMAPID_WORD_LOGOUT) : session->n_pending != 1)
        return;
    exchange->untagged_status = read_status(unit);
    tell(session, IMAPID_EVENT_UNTAGGED, (unsigned)slot);
}

static void begin_tls(struct imapid_session *session)
{
    session->security = IMAPID_SECURITY_STARTTLS;
    session->advertised = IMAPID_UNKNOWN; /* RFC 9051 6.2.1: to be asked anew */
}

/* A command other than ID was answered OK. */
static void take_success(struct imapid_session *session, enum imapid_word word)
{
    switch (word) {
    case IMAPID_WORD_LOGIN:
    case IMAPID_WORD_AUTHENTICATE:
        session->state = IMAPID_STATE_AUTHENTICATED;
        break;
    case IMAPID_WORD_UNAUTHENTICATE:
        session->state = IMAPID_STATE_NOT_AUTHENTICATED;
        break;
    case IMAPID_WORD_STARTTLS:
        begin_tls(session);
        tell(session, IMAPID_EVENT_TLS, 0);
        break;
    case IMAPID_WORD_COMPRESS:
        session->compressed = true;
        tell(session, IMAPID_EVENT_DEFLATE, 0);
        break;
    default:
        break;
    }
}

/* The result of a response whose command is not in the capture: the next tagged response. Where
 * nothing proves yet that the server's lines are lines, the exchange stays open behind it. */
static void take_orphan_result(struct imapid_session *session, const struct imapid_tag *tag,
                               enum imapid_status status)
{
    int slot = find_oldest(session, is_orphan);

    if (slot < 0)
        return;
    session->exchanges[slot].status = status;
    judge_orphan(session, &session->exchanges[slot]);
    if (session->exchanges[slot].response_tentative) {
        tell(session, IMAPID_EVENT_RESULT, (unsigned)slot);
        return;
    }
    session->orphan_tag = *tag;
    session->orphan_slot = (unsigned)slot;
    session->orphan_order = session->exchanges[slot].order;
    close_exchange(session, (unsigned)slot, IMAPID_EVENT_RESULT);
}

/* A command that was seen is answered. */
static void take_answer(struct imapid_session *session, unsigned i, enum imapid_status status)
{
    struct imapid_pending answered = session->pending[i];
    bool settled;

    remove_pending(session, i);
    session->asked = false;
    if (imapid_tag_same(&answered.tag, &CLIENT(session)->tag))
        CLIENT(session)->asks = false;
    confirm_client(session, &answered);
    take_over_response(session, &answered);
    settled = settle_earlier(session, &answered);
    confirm_server(session, &answered);
    settle_later(session, &answered);
    if (answered.order > session->client_gap_order && !settled)
        session->client_gap = false;
    if (answered.slot < IMAPID_SLOTS) {
        struct imapid_exchange *exchange = &session->exchanges[answered.slot];

        exchange->status = status;
        exchange->lost |= exchange->response_dropped && !exchange->n_responses;
        close_exchange(session, answered.slot, IMAPID_EVENT_RESULT);
    } else if (status == IMAPID_STATUS_OK) {
        take_success(session, answered.word);
    }
    expect_lines(session);
}

/* A command that was missed, or whose tag was, is answered: commands that are still open cannot
 * have been, unless they came earlier and their answer is missing. And the one whose data the
 * client seems to send may be over. */
static void take_strange_answer(struct imapid_session *session)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        const struct imapid_exchange *exchange = &session->exchanges[i];

        if (exchange->open && exchange->has_command && exchange->n_responses &&
            (exchange->order > session->client_gap_order || !exchange->answer_missed))
            drop_response(session, i);
    }
    if (sends_data(session))
        doubt_client(session);
}

/* May the refusal of pending command `i` be for want of an ID? The refusal of an ID is about that
 * ID; the first reason stays. */
static bool asks_for_id(const struct imapid_session *session, int i)
{
    return !session->required_by_server &&
           (i >= 0 ? session->pending[i].word != IMAPID_WORD_ID : !session->n_id_commands);
}

/* What the unit tells beside ID, where it is believed. */
static void note_login(struct imapid_session *session, const struct imapid_unit *unit,
                       bool tentative)
{
    if (!tentative)
        imapid_login_take(&session->login, unit, session->state == IMAPID_STATE_NOT_AUTHENTICATED,
                          session->security != IMAPID_SECURITY_NONE);
}

static void take_tagged(struct imapid_session *session, const struct imapid_unit *unit,
                        bool tentative)
{
    enum imapid_status status = read_status(unit);
    struct imapid_tag tag = imapid_unit_tag(unit);
    int i = find_pending(session, &tag);

    if (i >= 0 || !tentative) {
        if (status == IMAPID_STATUS_OK)
            read_capability_code(session, unit);
        if (status == IMAPID_STATUS_NO && knows_all_commands(session) && asks_for_id(session, i) &&
            speaks_of_missing_id(unit))
            session->required_by_server = imapid_login_get_lack(&session->login);
    }
    if (i >= 0) {
        take_answer(session, (unsigned)i, status);
        return;
    }
    if (session->client_gap) /* a command that was missed is answered */
        take_strange_answer(session);
    take_orphan_result(session, &tag, status);
}

/* The first response of a connection says in which state it begins (RFC 9051 7.1): so did the
 * commands of a client that does not wait for it. */
static void take_greeting(struct imapid_session *session, enum imapid_word word)
{
    if (word == IMAPID_WORD_PREAUTH)
        session->state = IMAPID_STATE_AUTHENTICATED;
    else if (word == IMAPID_WORD_OK)
        session->state = IMAPID_STATE_NOT_AUTHENTICATED;
    session->state_in_hand = session->state;
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        session->exchanges[i].state = session->state;
}

static void take_untagged(struct imapid_session *session, const struct imapid_unit *unit,
                          bool tentative)
{
    switch (unit->word) {
    case IMAPID_WORD_ID:
        take_response(session, unit, tentative);
        return;
    case IMAPID_WORD_CAPABILITY:
        if (!tentative)
            read_capabilities(session, unit->data + unit->args.offset, unit->args.n,
                              !unit->over_limit);
        return;
    case IMAPID_WORD_PREAUTH:
    case IMAPID_WORD_OK:
        if (!tentative)
            read_capability_code(session, unit);
        return;
    case IMAPID_WORD_NO:
    case IMAPID_WORD_BAD:
    case IMAPID_WORD_BYE:
        if (!tentative)
            take_untagged_status(session, unit);
        return;
    default:
        if (session->state == IMAPID_STATE_UNKNOWN && !tentative &&
            imapid_word_shows_authenticated(unit->word))
            session->state = IMAPID_STATE_AUTHENTICATED;
    }
}

/* "+": for a literal, AUTHENTICATE or IDLE, all of which are known to wait; or for a command nobody
 * here knows, then the next line is data. */
static void take_continuation(struct imapid_session *session, bool tentative)
{
    struct imapid_frame *client = CLIENT(session);
    bool asks = session->n_pending && !client->in_unit && !client->n_scanned && !client->awaits &&
                session->pending[session->n_pending - 1].word == IMAPID_WORD_UNKNOWN;

    session->n_sasl_asked += sends_sasl(session);
    if (tentative) {
        if (asks)
            doubt_client(session);
        return;
    }
    client->asks = client->unsure = false;
    if (client->awaits)
        return;
    session->asked = asks;
    expect_lines(session);
}

/* Is this the answer to the command whose literal the client holds back? Then that literal never
 * comes (RFC 9051 4.3). */
static bool refuses_literal(const struct imapid_session *session, const struct imapid_unit *unit)
{
    const struct imapid_frame *client = &session->frame[IMAPID_CLIENT];
    struct imapid_tag tag;

    if (!client->awaits || unit->kind != IMAPID_UNIT_TAGGED || unit->word == IMAPID_WORD_OK)
        return false;
    tag = imapid_unit_tag(unit);
    return imapid_tag_same(&client->tag, &tag);
}

/* Is this perhaps the answer to a command whose line end has not come yet? Dovecot's login process
 * answers an ID at its last parenthesis. An untagged ID proves it only where no command was missed.
 */
static bool answers_early(struct imapid_session *session, const struct imapid_unit *unit)
{
    struct imapid_frame *client = CLIENT(session);
    struct imapid_tag tag;

    if (!client->n_scanned || client->in_unit || client->awaits || session->was_other_side)
        return false;
    if (unit->kind == IMAPID_UNIT_UNTAGGED && unit->word == IMAPID_WORD_ID &&
        !session->client_gap && find_oldest(session, is_unanswered) < 0) {
        imapid_frame_answer(client, NULL);
        return true;
    }
    if (unit->kind != IMAPID_UNIT_TAGGED)
        return false;
    tag = imapid_unit_tag(unit);
    if (find_pending(session, &tag) >= 0)
        return false;
    imapid_frame_answer(client, &tag);
    return true;
}

/* ---- what a hole makes doubtful ---- */

/* A LOGIN may have been missed. */
static void doubt_state(struct imapid_session *session)
{
    if (session->state == IMAPID_STATE_NOT_AUTHENTICATED)
        session->state = IMAPID_STATE_UNKNOWN;
}

static void lose_client(struct imapid_session *session)
{
    doubt_commands(session);
    session->asked = false;
    stop_data(session, IMAPID_WORD_UNKNOWN);
    if (!CLIENT(session)->cut) /* else the state is still that of the ID before the hole */
        doubt_state(session);
}

/* May the state have changed in answers that were missed? */
static bool may_have_changed_state(const struct imapid_session *session)
{
    if (session->state == IMAPID_STATE_AUTHENTICATED)
        return waits_for(session, IMAPID_WORD_UNAUTHENTICATE);
    return session->client_gap || waits_for(session, IMAPID_WORD_LOGIN) ||
           waits_for(session, IMAPID_WORD_AUTHENTICATE);
}

/* May a "+" in the hole have asked for data in the name of AUTHENTICATE, or of a command nobody here
 * knows? Then what was read behind that command may be data. */
static bool may_be_asked(struct imapid_session *session)
{
    uint64_t order = UINT64_MAX;

    for (unsigned i = 0; i < session->n_pending; i++)
        if ((session->pending[i].word == IMAPID_WORD_UNKNOWN ||
             session->pending[i].word == IMAPID_WORD_AUTHENTICATE) &&
            session->pending[i].order < order)
            order = session->pending[i].order;
    for (unsigned i = 0; i < session->n_pending; i++)
        session->pending[i].tentative |= session->pending[i].order > order;
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        session->exchanges[i].tentative |=
            session->exchanges[i].has_command && session->exchanges[i].order > order;
    return order != UINT64_MAX;
}

/* Does an ID wait for the server's leave to send its literal? */
static bool may_lack_grant(const struct imapid_frame *client)
{
    return client->asks && client->awaits && client->is_id && !client->in_unit;
}

/* An answer may have been in the hole: that AUTHENTICATE or IDLE is over, that a literal is
 * refused, or that a list is another one. The client's next lines are then whatever they look like.
 */
static void lose_server(struct imapid_session *session)
{
    struct imapid_frame *client = CLIENT(session);

    session->server_gap = true;
    session->advertised = IMAPID_UNKNOWN;
    session->last_response = IMAPID_SLOTS;
    session->greeted = true;
    if (may_have_changed_state(session))
        session->state = IMAPID_STATE_UNKNOWN;
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (session->exchanges[i].open) {
            session->exchanges[i].lost = session->exchanges[i].answer_missed = true;
            session->exchanges[i].untagged_status = IMAPID_STATUS_NONE;
        }
    session->answer_missed = client->n_scanned && !client->in_unit;
    if (may_lack_grant(client))
        imapid_frame_unsure(client);
    else if (may_be_asked(session) || client->asks || sends_data(session))
        doubt_client(session);
}

/* ---- reading ---- */

/* A line that nobody sends: where line starts were found again behind a hole, one of them was none
 * after all, though an answer seemed to confirm it. */
static void take_junk(struct imapid_session *session, enum imapid_side side)
{
    if (!session->frame[side].n_resyncs)
        return;
    if (side == IMAPID_CLIENT) {
        doubt_client(session);
    } else {
        imapid_frame_doubt(SERVER(session));
        lose_server(session);
    }
}

static void take_unit(struct imapid_session *session, enum imapid_side side,
                      const struct imapid_unit *unit, bool tentative)
{
    note_login(session, unit, tentative);
    switch (unit->kind) {
    case IMAPID_UNIT_COMMAND:
        take_command(session, unit, tentative);
        session->answer_missed = false;
        break;
    case IMAPID_UNIT_CONTINUED:
        take_continued(session, unit);
        break;
    case IMAPID_UNIT_UNTAGGED:
        session->last_response = IMAPID_SLOTS;
        take_untagged(session, unit, tentative);
        break;
    case IMAPID_UNIT_TAGGED:
        take_tagged(session, unit, tentative);
        session->last_response = IMAPID_SLOTS;
        break;
    case IMAPID_UNIT_CONTINUATION:
        session->last_response = IMAPID_SLOTS;
        take_continuation(session, tentative);
        break;
    case IMAPID_UNIT_JUNK:
        session->server_run += side == IMAPID_SERVER;
        take_junk(session, side);
        break;
    }
}

/* The client sends TLS though no answer to its STARTTLS was seen, because the server's side is not
 * in the capture or has a hole there. */
static bool began_tls(const struct imapid_session *session, const uint8_t *window, size_t n)
{
    const struct imapid_frame *client = &session->frame[IMAPID_CLIENT];

    return client->lines == IMAPID_LINES_HELD && !client->in_unit && n > 1 && window[0] == 0x16 &&
           window[1] == 3 &&
           (!session->seen[IMAPID_SERVER] ||
            session->frame[IMAPID_SERVER].sync == IMAPID_SYNC_LOST);
}

/* Is this the length of a first message in the security layer of the SASL mechanism? No line begins
 * with a null octet. Some servers send their OK inside. */
static bool begins_layer(const struct imapid_session *session, enum imapid_side side,
                         const uint8_t *window, size_t n)
{
    const struct imapid_frame *frame = &session->frame[side];

    return session->may_begin_layer && n && !window[0] && frame->sync == IMAPID_SYNC_SURE &&
           !frame->in_unit && !frame->n_scanned;
}

/* Nothing was read as a unit; but what was passed over may have made earlier units unbelievable. */
static enum imapid_session_status
read_nothing(struct imapid_session *session, enum imapid_side side, bool was_tentative, bool passed)
{
    if (was_tentative && session->frame[side].sync == IMAPID_SYNC_LOST) {
        if (side == IMAPID_CLIENT)
            distrust_client(session);
        else
            distrust_server(session);
    }
    session->server_run += side == IMAPID_SERVER && session->frame[side].sync == IMAPID_SYNC_LOST;
    if (side == IMAPID_SERVER && passed)
        session->last_response = IMAPID_SLOTS;
    return passed ? IMAPID_SESSION_PASSED : IMAPID_SESSION_MORE;
}

/* The exchange of an ID that was answered before its line end. Where a command may have been missed
 * an untagged ID that came since was not taken for its answer (see answers_early); now it is, but
 * nobody knows. */
static unsigned open_answered(struct imapid_session *session)
{
    int orphan = session->client_gap ? find_oldest(session, is_orphan) : -1;
    unsigned slot;

    if (orphan >= 0 && session->exchanges[orphan].order > session->order_in_hand)
        slot = (unsigned)orphan;
    else
        slot = open_exchange(session);
    session->exchanges[slot].state = session->state_in_hand;
    session->exchanges[slot].advertised = session->advertised_in_hand;
    session->exchanges[slot].lost |= session->client_gap;
    return slot;
}

/* Takes an ID that was answered before its line end: it stands where its last octets came, not
 * where the answer to others has led since. */
static void take_answered(struct imapid_session *session, const struct imapid_unit *unit)
{
    session->asked = false;
    note_login(session, unit, false);
    take_id_command(session, unit, open_answered(session), false);
    session->answer_missed = false;
    expect_lines(session);
}

/* The ID just read ended at a literal that never came: its refusal is in the hole. */
static void end_newest(struct imapid_session *session)
{
    unsigned newest = 0;

    for (unsigned i = 1; i < IMAPID_SLOTS; i++)
        if (session->exchanges[i].order > session->exchanges[newest].order)
            newest = i;
    if (session->exchanges[newest].open)
        end_exchange(session, newest);
}

/* May quoted strings hold UTF-8? Where something of the server was missed nobody knows, and nothing
 * is found in what was lost. */
static bool may_hold_utf8(const struct imapid_session *session)
{
    return imapid_login_allows_utf8(&session->login) || !session->from_start ||
           session->server_gap || !session->seen[IMAPID_SERVER];
}

enum imapid_session_status imapid_session_read(struct imapid_session *session,
                                               enum imapid_side side, const uint8_t *window,
                                               size_t n, struct imapid_unit *unit, size_t *n_used)
{
    struct imapid_frame *frame = &session->frame[side];
    struct imapid_frame saved;
    enum imapid_sync sync = frame->sync;
    enum imapid_frame_status status;
    bool was_cut = frame->cut, was_unsure = frame->unsure, was_answered = frame->answered;
    bool is_cut, is_refused;

    if (n && (!session->seen[side] || (side == IMAPID_CLIENT && session->client_silent))) {
        session->seen[side] = true;
        session->client_silent &= side != IMAPID_CLIENT;
        if (side == IMAPID_CLIENT && end_unsolicited(session)) {
            *n_used = 0;
            return IMAPID_SESSION_PASSED;
        }
    }
    if (begins_layer(session, side, window, n)) {
        imapid_unit_read(unit, side, window, 0);
        session->may_begin_layer = false;
        tell(session, IMAPID_EVENT_SASL, 0);
        *n_used = 0;
        return IMAPID_SESSION_UNIT;
    }
    if (side == IMAPID_CLIENT && frame->lines == IMAPID_LINES_SASL)
        expect_lines(session);
    if (side == IMAPID_SERVER && (CLIENT(session)->awaits || CLIENT(session)->n_scanned))
        saved = *frame;
    status = imapid_frame_read(frame, window, n, unit, n_used);
    if (status == IMAPID_FRAME_UNIT)
        imapid_secret_hide(unit);
    is_cut = was_cut && !frame->cut && side == IMAPID_CLIENT;
    is_refused = was_unsure && !frame->unsure && status == IMAPID_FRAME_UNIT && unit->cut;
    is_cut |= is_refused;
    if (was_unsure && !frame->unsure && !is_refused) {
        session->answer_missed = false; /* no command is answered before its literal came */
        sync = frame->sync;             /* it is not sure any more that this is the literal */
    }
    if (is_cut && status != IMAPID_FRAME_UNIT)
        doubt_state(session);
    if (status == IMAPID_FRAME_MORE && side == IMAPID_CLIENT && began_tls(session, window, n)) {
        imapid_unit_read(unit, side, window, 0);
        forget_pending(session, IMAPID_WORD_STARTTLS);
        take_success(session, IMAPID_WORD_STARTTLS);
        return IMAPID_SESSION_UNIT;
    }
    if (side == IMAPID_CLIENT && status == IMAPID_FRAME_UNIT && was_answered && !was_cut &&
        frame->in_unit) {
        unit->allows_utf8 = may_hold_utf8(session);
        take_answered(session, unit);
        return IMAPID_SESSION_UNIT;
    }
    if (side == IMAPID_CLIENT && !was_answered && !was_cut) {
        session->state_in_hand = session->state;
        session->advertised_in_hand = session->advertised;
        session->order_in_hand = session->order;
    }
    unit->allows_utf8 = may_hold_utf8(session);
    if (status != IMAPID_FRAME_UNIT)
        return read_nothing(session, side, sync == IMAPID_SYNC_TENTATIVE,
                            status == IMAPID_FRAME_SKIPPED);
    if (side == IMAPID_SERVER && refuses_literal(session, unit)) {
        bool id_in_hand = !CLIENT(session)->in_unit;

        imapid_frame_refuse(CLIENT(session));
        if (id_in_hand) {
            *frame = saved;
            *n_used = 0;
            return IMAPID_SESSION_OTHER_SIDE;
        }
    }
    if (side == IMAPID_SERVER && answers_early(session, unit)) {
        session->was_other_side = true;
        *frame = saved;
        *n_used = 0;
        return IMAPID_SESSION_OTHER_SIDE;
    }
    session->was_other_side &= side == IMAPID_CLIENT;
    if (side == IMAPID_SERVER && !session->greeted) {
        session->greeted = true;
        if (unit->kind == IMAPID_UNIT_UNTAGGED && sync == IMAPID_SYNC_SURE)
            take_greeting(session, unit->word);
    }
    take_unit(session, side, unit, sync != IMAPID_SYNC_SURE);
    if (is_cut) { /* only now the hole comes */
        doubt_commands(session);
        doubt_state(session);
    }
    if (is_refused)
        end_newest(session);
    return IMAPID_SESSION_UNIT;
}

void imapid_session_gap(struct imapid_session *session, enum imapid_side side, uint64_t n)
{
    struct imapid_frame *frame = &session->frame[side];
    bool harmless = n && frame->in_unit && frame->literal_left >= n;

    imapid_frame_gap(frame, n);
    if (harmless)
        return;
    if (side == IMAPID_CLIENT)
        lose_client(session);
    else
        lose_server(session);
}

void imapid_session_close(struct imapid_session *session, enum imapid_side side)
{
    imapid_frame_end(&session->frame[side]);
}

void imapid_session_doubt(struct imapid_session *session, enum imapid_side side)
{
    if (side == IMAPID_CLIENT)
        doubt_commands(session);
    else if (may_lack_grant(CLIENT(session)))
        imapid_frame_unsure(CLIENT(session));
    else if (CLIENT(session)->asks || sends_data(session))
        doubt_client(session);
}

void imapid_session_end(struct imapid_session *session)
{
    int slot;

    while ((slot = find_oldest(session, is_any)) >= 0)
        end_exchange(session, (unsigned)slot);
}

void imapid_session_resume(struct imapid_session *session)
{
    imapid_frame_init(CLIENT(session), IMAPID_CLIENT, true);
    imapid_frame_init(SERVER(session), IMAPID_SERVER, true);
    session->asked = false;
    session->client_silent = true;
    stop_data(session, IMAPID_WORD_UNKNOWN);
}

bool imapid_session_miss_starttls(struct imapid_session *session)
{
    if (session->security != IMAPID_SECURITY_NONE || session->compressed ||
        CLIENT(session)->literal_left || !(session->client_gap || session->server_gap))
        return false;
    begin_tls(session);
    return true;
}
