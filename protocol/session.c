/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.c: reads the units of both directions of a connection in turn, and says what each changes:
 * state, protection, what the client's next lines are. Which response belongs to which ID command,
 * and what of it is believed, is decided in exchanges.c.
 *
 * Causes come before effects: octets are expected in the order in which they arrived. Where the
 * server answers what the client has not ended, the client's window is asked for first.
 *
 * Refuses: nothing. Misuse: showing a window again from which n_used octets were not dropped. */
#include <imapid/secret.h>
#include <imapid/session.h>

#include <string.h>

#define CLIENT(session) (&(session)->frame[IMAPID_CLIENT])
#define SERVER(session) (&(session)->frame[IMAPID_SERVER])
#define NOW(session)    (&(session)->exchanges.now)

void imapid_session_init(struct imapid_session *session, bool from_start,
                         enum imapid_security security)
{
    memset(session, 0, sizeof *session);
    imapid_exchanges_init(&session->exchanges, from_start, security);
    imapid_frame_init(CLIENT(session), IMAPID_CLIENT, from_start);
    imapid_frame_init(SERVER(session), IMAPID_SERVER, from_start);
}

bool imapid_session_event(struct imapid_session *session, struct imapid_event *event)
{
    return imapid_exchanges_event(&session->exchanges, event);
}

/* The exchanges, told how sure it is that what the frames read are lines. */
static struct imapid_exchanges *get_exchanges(struct imapid_session *session)
{
    for (int side = 0; side < 2; side++)
        session->exchanges.sync[side] = session->frame[side].sync;
    return &session->exchanges;
}

/* ---- the client's units ---- */

/* May the client's next line in AUTHENTICATE be a command? The server takes for SASL what it asked
 * for, whatever it looks like. */
static bool may_pipeline(const struct imapid_session *session)
{
    return imapid_pending_sends_sasl(&session->exchanges.pending) && session->n_sasl_asked <= 0 &&
           session->frame[IMAPID_SERVER].sync == IMAPID_SYNC_SURE &&
           !session->frame[IMAPID_SERVER].n_left; /* else half a "+" may have come */
}

/* Says what the client's next line will be. */
static void expect_lines(struct imapid_session *session)
{
    struct imapid_frame *client = CLIENT(session);

    if (imapid_pending_sends_data(&session->exchanges.pending))
        client->lines = may_pipeline(session) ? IMAPID_LINES_SASL : IMAPID_LINES_DATA;
    else if (session->asked)
        client->lines = IMAPID_LINES_ONE;
    else if (imapid_pending_has(&session->exchanges.pending, IMAPID_WORD_STARTTLS))
        client->lines = IMAPID_LINES_HELD;
    else
        client->lines = IMAPID_LINES_UNITS;
}

/* Lines of data may be what they are because of octets of the server that have been read since. */
static void expect_lines_again(struct imapid_session *session)
{
    if (CLIENT(session)->lines == IMAPID_LINES_SASL || CLIENT(session)->lines == IMAPID_LINES_DATA)
        expect_lines(session);
}

/* Nobody knows any more whether the client's lines are data or commands. */
static void doubt_client(struct imapid_session *session)
{
    imapid_exchanges_miss_commands(&session->exchanges);
    imapid_login_lose_literal(&session->login);
    session->asked = false;
    imapid_pending_stop_data(&session->exchanges.pending, IMAPID_WORD_UNKNOWN);
    imapid_frame_doubt(CLIENT(session));
}

static void take_command(struct imapid_session *session, const struct imapid_unit *unit,
                         bool tentative)
{
    struct imapid_exchanges *exchanges = get_exchanges(session);

    session->asked = false;
    if (unit->word == IMAPID_WORD_ID) {
        if (!imapid_exchanges_command(exchanges, unit, tentative)) {
            imapid_frame_doubt(CLIENT(session));
            return;
        }
    } else {
        if ((unit->word == IMAPID_WORD_LOGIN || unit->word == IMAPID_WORD_AUTHENTICATE) &&
            !tentative && NOW(session)->state == IMAPID_STATE_UNKNOWN)
            NOW(session)->state = IMAPID_STATE_NOT_AUTHENTICATED;
        imapid_exchanges_other_command(exchanges, unit, tentative);
    }
    if (unit->word == IMAPID_WORD_AUTHENTICATE) {
        session->n_sasl_asked = 0;
        session->may_begin_layer = true;
    }
    if (imapid_pending_sends_data(&exchanges->pending) && !exchanges->seen[IMAPID_SERVER])
        doubt_client(session); /* nobody will say when the data end */
    else
        expect_lines(session);
}

static void take_continued(struct imapid_session *session, const struct imapid_unit *unit)
{
    session->asked = false;
    session->n_sasl_asked--;
    if (imapid_octets_is(unit->data + unit->args.offset, unit->args.n, "DONE"))
        imapid_pending_stop_data(&session->exchanges.pending, IMAPID_WORD_IDLE);
    expect_lines(session);
}

/* ---- the server's units ---- */

/* Reads a capability list, where the unit tells one: does it name ID? */
static void read_capabilities(struct imapid_session *session, const struct imapid_unit *unit)
{
    bool is_whole = unit->word != IMAPID_WORD_CAPABILITY || !unit->over_limit;
    struct imapid_slice list;

    if (!imapid_unit_capabilities(unit, &list))
        return;
    NOW(session)->advertised = imapid_octets_has_word(unit->data + list.offset, list.n, "ID")
                                   ? IMAPID_YES
                               : is_whole ? IMAPID_NO
                                          : IMAPID_UNKNOWN;
}

/* Does a refusal say that it wants an ID first? Seen: "Unsafe Login. Please contact ..." on SELECT,
 * and texts that ask for the ID command. */
bool imapid_session_speaks_of_missing_id(const struct imapid_unit *unit)
{
    struct imapid_slice text = imapid_unit_text(unit);
    const uint8_t *start = unit->data + text.offset;

    return imapid_octets_contain(start, text.n, "unsafe login") ||
           imapid_octets_contain(start, text.n, "ID command") ||
           imapid_octets_contain(start, text.n, "send ID ") ||
           imapid_octets_contain(start, text.n, "ID required");
}

static void begin_tls(struct imapid_session *session)
{
    NOW(session)->security = IMAPID_SECURITY_STARTTLS;
    NOW(session)->advertised = IMAPID_UNKNOWN; /* RFC 9051 6.2.1: to be asked anew */
    imapid_outcome_begin_tls(&session->outcome);
}

/* A command other than ID was answered OK. */
static void take_success(struct imapid_session *session, enum imapid_word word)
{
    switch (word) {
    case IMAPID_WORD_LOGIN:
    case IMAPID_WORD_AUTHENTICATE:
        NOW(session)->state = IMAPID_STATE_AUTHENTICATED;
        break;
    case IMAPID_WORD_UNAUTHENTICATE:
        NOW(session)->state = IMAPID_STATE_NOT_AUTHENTICATED;
        break;
    case IMAPID_WORD_STARTTLS:
        begin_tls(session);
        imapid_exchanges_switch(&session->exchanges, IMAPID_EVENT_TLS);
        break;
    case IMAPID_WORD_COMPRESS:
        NOW(session)->compressed = true;
        imapid_exchanges_switch(&session->exchanges, IMAPID_EVENT_DEFLATE);
        break;
    default:
        break;
    }
}

/* Did the client go on behind its STARTTLS, in the clear? */
static void look_behind_starttls(struct imapid_session *session, uint64_t order)
{
    const struct imapid_pending *pending = &session->exchanges.pending;

    for (unsigned i = 0; i < pending->n; i++)
        if (pending->commands[i].order > order && !pending->commands[i].tentative)
            session->spoke_before_tls[IMAPID_CLIENT] = true;
}

/* A command that was seen is answered. */
static void take_answer(struct imapid_session *session, unsigned i, enum imapid_status status)
{
    struct imapid_exchanges *exchanges = get_exchanges(session);
    struct imapid_pending_command answered = exchanges->pending.commands[i];

    session->asked = false;
    if (imapid_tag_same(&answered.tag, &CLIENT(session)->tag))
        CLIENT(session)->asks = false;
    imapid_exchanges_answer(exchanges, i, status);
    for (int side = 0; side < 2; side++)
        session->frame[side].sync = exchanges->sync[side];
    if (status == IMAPID_STATUS_OK && answered.word == IMAPID_WORD_STARTTLS)
        look_behind_starttls(session, answered.order);
    if (answered.slot == IMAPID_SLOTS && status == IMAPID_STATUS_OK)
        take_success(session, answered.word);
    expect_lines(session);
}

/* May the state have changed in answers that were missed? */
static bool may_have_changed_state(const struct imapid_session *session)
{
    if (NOW(session)->state == IMAPID_STATE_AUTHENTICATED)
        return imapid_pending_has(&session->exchanges.pending, IMAPID_WORD_UNAUTHENTICATE);
    return session->exchanges.client_gap ||
           imapid_pending_has(&session->exchanges.pending, IMAPID_WORD_LOGIN) ||
           imapid_pending_has(&session->exchanges.pending, IMAPID_WORD_AUTHENTICATE);
}

/* A command that was missed is answered, or one of several with the same tag. What changes with it
 * nobody knows. */
static void take_strange_answer(struct imapid_session *session, const struct imapid_tag *tag,
                                enum imapid_status status)
{
    struct imapid_exchanges *exchanges = get_exchanges(session);
    bool is_doubtful = imapid_pending_find(&exchanges->pending, tag) >= 0;

    if (is_doubtful && may_have_changed_state(session))
        NOW(session)->state = IMAPID_STATE_UNKNOWN;
    imapid_exchanges_strange_answer(exchanges, tag, status);
    SERVER(session)->sync = exchanges->sync[IMAPID_SERVER];
    if (imapid_pending_sends_data(&exchanges->pending) && (exchanges->client_gap || is_doubtful))
        doubt_client(session); /* the command whose data the client seems to send may be over */
    else if (is_doubtful)
        expect_lines(session);
}

/* May pending command `i` have been refused because no ID was sent? The refusal of an ID is about that
 * ID; the first reason stays. */
static bool asks_for_id(const struct imapid_session *session, int i)
{
    return !session->required_by_server &&
           (i >= 0 ? session->exchanges.pending.commands[i].word != IMAPID_WORD_ID
                   : !session->exchanges.n_id_commands);
}

static void note_missing_id(struct imapid_session *session, const struct imapid_unit *unit)
{
    if (imapid_exchanges_know_commands(&session->exchanges) &&
        imapid_session_speaks_of_missing_id(unit))
        session->required_by_server = imapid_login_get_lack(&session->login);
}

/* Are octets of the client waiting for the end of their line, or literal? */
static bool has_client_in_hand(const struct imapid_session *session)
{
    const struct imapid_frame *client = &session->frame[IMAPID_CLIENT];

    return client->n_scanned || client->in_unit || client->awaits;
}

/* What the unit tells beside ID. */
static void note(struct imapid_session *session, const struct imapid_unit *unit, bool tentative)
{
    imapid_outcome_take(&session->outcome, unit, tentative,
                        session->exchanges.from_start && !session->exchanges.client_gap &&
                            (unit->kind < IMAPID_UNIT_UNTAGGED ||
                             unit->kind == IMAPID_UNIT_CONTINUATION ||
                             !has_client_in_hand(session)));
    imapid_login_take(&session->login, unit, NOW(session)->state == IMAPID_STATE_NOT_AUTHENTICATED,
                      NOW(session)->security != IMAPID_SECURITY_NONE, tentative);
}

/* A command is refused whose literal came without leave: the server may take the octets of that for
 * commands, which are not read here. */
static void take_refusal(struct imapid_session *session, const struct imapid_tag *tag)
{
    struct imapid_frame *client = CLIENT(session);

    if (!client->pushed || !imapid_tag_same(&client->pushed_tag, tag))
        return;
    client->pushed = false;
    imapid_exchanges_miss_commands(&session->exchanges);
}

static void take_tagged(struct imapid_session *session, const struct imapid_unit *unit,
                        bool tentative)
{
    struct imapid_exchanges *exchanges = get_exchanges(session);
    enum imapid_status status = imapid_status_read(unit);
    struct imapid_tag tag = imapid_unit_tag(unit);
    bool is_known = imapid_pending_find(&exchanges->pending, &tag) >= 0;
    int i = imapid_exchanges_find_answered(exchanges, &tag);

    if (is_known || !tentative) {
        if (status == IMAPID_STATUS_OK)
            read_capabilities(session, unit);
        if (status != IMAPID_STATUS_OK && asks_for_id(session, i))
            note_missing_id(session, unit);
    }
    if (i >= 0) {
        take_answer(session, (unsigned)i, status);
        if (status != IMAPID_STATUS_OK)
            take_refusal(session, &tag);
        return;
    }
    take_strange_answer(session, &tag, status);
}

/* The first response of a connection says in which state it begins (RFC 9051 7.1): so did the
 * commands of a client that does not wait for it. */
static void take_greeting(struct imapid_session *session, enum imapid_word word)
{
    if (word == IMAPID_WORD_PREAUTH)
        NOW(session)->state = IMAPID_STATE_AUTHENTICATED;
    else if (word == IMAPID_WORD_OK)
        NOW(session)->state = IMAPID_STATE_NOT_AUTHENTICATED;
    imapid_exchanges_greet(&session->exchanges);
}

static void take_untagged(struct imapid_session *session, const struct imapid_unit *unit,
                          bool tentative)
{
    switch (unit->word) {
    case IMAPID_WORD_ID:
        if (!imapid_exchanges_response(get_exchanges(session), unit, tentative))
            imapid_frame_doubt(SERVER(session));
        return;
    case IMAPID_WORD_CAPABILITY:
    case IMAPID_WORD_PREAUTH:
    case IMAPID_WORD_OK:
        if (!tentative)
            read_capabilities(session, unit);
        return;
    case IMAPID_WORD_BYE:
        if (!tentative && !session->required_by_server &&
            !imapid_pending_has(&session->exchanges.pending, IMAPID_WORD_ID))
            note_missing_id(session, unit);
        /* fall through */
    case IMAPID_WORD_NO:
    case IMAPID_WORD_BAD:
        if (!tentative)
            imapid_exchanges_untagged(&session->exchanges, unit);
        return;
    default:
        if (NOW(session)->state == IMAPID_STATE_UNKNOWN && !tentative &&
            imapid_word_shows_authenticated(unit->word))
            NOW(session)->state = IMAPID_STATE_AUTHENTICATED;
    }
}

/* "+": for a literal, AUTHENTICATE or IDLE, all of which are known to wait; or for a command nobody
 * here knows, then the next line is data. */
static void take_continuation(struct imapid_session *session, bool tentative)
{
    struct imapid_frame *client = CLIENT(session);
    const struct imapid_pending *pending = &session->exchanges.pending;
    bool asks = pending->n && !client->in_unit && !client->n_scanned && !client->awaits &&
                pending->commands[pending->n - 1].word == IMAPID_WORD_UNKNOWN;

    session->n_sasl_asked += imapid_pending_sends_sasl(&session->exchanges.pending);
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

/* Does this mean that the literal the client holds back never comes? It does where its command is
 * answered (RFC 9051 4.3), and where the server ends the connection. */
static bool refuses_literal(const struct imapid_session *session, const struct imapid_unit *unit)
{
    const struct imapid_frame *client = &session->frame[IMAPID_CLIENT];
    struct imapid_tag tag;

    if (!client->awaits || unit->word == IMAPID_WORD_OK)
        return false;
    if (unit->kind == IMAPID_UNIT_UNTAGGED)
        return unit->word == IMAPID_WORD_BYE;
    if (unit->kind != IMAPID_UNIT_TAGGED)
        return false;
    tag = imapid_unit_tag(unit);
    return imapid_tag_same(&client->tag, &tag);
}

/* The server has said a whole unit, so what is left of its window is no half "+" of before: what the client's line is
 * does not depend on how much behind the unit has come. Then the server will be shown again. */
static void answer_client(struct imapid_session *session, const struct imapid_tag *tag)
{
    SERVER(session)->n_left = 0;
    expect_lines_again(session);
    imapid_frame_answer(CLIENT(session), tag);
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
        !session->exchanges.client_gap && !imapid_exchanges_waits(&session->exchanges)) {
        answer_client(session, NULL);
        return true;
    }
    if (unit->kind != IMAPID_UNIT_TAGGED)
        return false;
    tag = imapid_unit_tag(unit);
    if (imapid_pending_find(&session->exchanges.pending, &tag) >= 0)
        return false;
    answer_client(session, &tag);
    return true;
}

/* ---- what a hole makes doubtful ---- */

/* A LOGIN may have been missed. */
static void doubt_state(struct imapid_session *session)
{
    if (NOW(session)->state == IMAPID_STATE_NOT_AUTHENTICATED)
        NOW(session)->state = IMAPID_STATE_UNKNOWN;
}

static void lose_client(struct imapid_session *session)
{
    imapid_exchanges_miss_commands(&session->exchanges);
    session->asked = false;
    imapid_pending_stop_data(&session->exchanges.pending, IMAPID_WORD_UNKNOWN);
    if (!CLIENT(session)->cut) /* else the state is still that of the ID before the hole */
        doubt_state(session);
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

    NOW(session)->advertised = IMAPID_UNKNOWN;
    session->greeted = session->outcome.greeted = true;
    if (may_have_changed_state(session))
        NOW(session)->state = IMAPID_STATE_UNKNOWN;
    imapid_exchanges_miss_answers(&session->exchanges, client->n_scanned && !client->in_unit);
    if (may_lack_grant(client))
        imapid_frame_unsure(client);
    else if (imapid_exchanges_may_be_asked(&session->exchanges) || client->asks ||
             imapid_pending_sends_data(&session->exchanges.pending))
        doubt_client(session);
}

/* ---- reading ---- */

/* A line that nobody sends: where line starts were found again behind a hole, one of them was none
 * after all, though an answer seemed to confirm it. */
static void take_junk(struct imapid_session *session, enum imapid_side side)
{
    if (side == IMAPID_CLIENT)
        imapid_exchanges_miss_commands(&session->exchanges); /* whatever the server makes of it */
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
    note(session, unit, tentative);
    session->exchanges.is_behind_hole &= side != IMAPID_SERVER;
    switch (unit->kind) {
    case IMAPID_UNIT_COMMAND:
        take_command(session, unit, tentative);
        session->exchanges.in_hand.answer_missed = false;
        break;
    case IMAPID_UNIT_CONTINUED:
        take_continued(session, unit);
        break;
    case IMAPID_UNIT_UNTAGGED:
        session->exchanges.last_response = IMAPID_SLOTS;
        take_untagged(session, unit, tentative);
        break;
    case IMAPID_UNIT_TAGGED:
        take_tagged(session, unit, tentative);
        session->exchanges.last_response = IMAPID_SLOTS;
        break;
    case IMAPID_UNIT_CONTINUATION:
        session->exchanges.last_response = IMAPID_SLOTS;
        take_continuation(session, tentative);
        break;
    case IMAPID_UNIT_JUNK:
        session->exchanges.server_run += side == IMAPID_SERVER;
        take_junk(session, side);
        break;
    }
}

/* The client sends TLS though no answer to its STARTTLS was seen, because the server's side is not
 * in the capture or has a hole there. The window has to begin where a line may. */
static bool began_tls(const struct imapid_session *session, const uint8_t *window, size_t n)
{
    const struct imapid_frame *client = &session->frame[IMAPID_CLIENT];

    return client->lines == IMAPID_LINES_HELD && !client->in_unit && n > 1 && window[0] == 0x16 &&
           window[1] == 3 &&
           (!session->exchanges.seen[IMAPID_SERVER] ||
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

/* Is the window the beginning of a line whose rest is missing? */
static bool is_line_cut(const struct imapid_session *session, enum imapid_side side,
                        const uint8_t *window, size_t n)
{
    return session->frame[side].cut &&
           imapid_unit_plausible(side, window, n) != IMAPID_PLAUSIBLE_NO;
}

/* Does the client speak behind its COMPRESS, to a server that is not in the capture? Then what it says is no line, and tells
 * nothing of those before. */
static bool may_be_compressed(const struct imapid_session *session)
{
    const struct imapid_pending *pending = &session->exchanges.pending;

    return !session->exchanges.seen[IMAPID_SERVER] && pending->n &&
           pending->commands[pending->n - 1].word == IMAPID_WORD_COMPRESS;
}

/* Nothing was read as a unit; but what was passed over may have made earlier units unbelievable. */
static enum imapid_session_status
read_nothing(struct imapid_session *session, enum imapid_side side, bool was_tentative, bool passed)
{
    if (was_tentative && session->frame[side].sync == IMAPID_SYNC_LOST &&
        !(side == IMAPID_CLIENT && may_be_compressed(session))) {
        imapid_exchanges_distrust(get_exchanges(session), side);
        imapid_outcome_distrust(&session->outcome);
    }
    session->exchanges.server_run +=
        side == IMAPID_SERVER && session->frame[side].sync == IMAPID_SYNC_LOST;
    if (side == IMAPID_SERVER && passed)
        session->exchanges.last_response = IMAPID_SLOTS;
    return passed ? IMAPID_SESSION_PASSED : IMAPID_SESSION_MORE;
}

/* Takes an ID that was answered before its line end: it stands where its last octets came, not
 * where the answer to others has led since. */
static void take_answered(struct imapid_session *session, const struct imapid_unit *unit)
{
    session->asked = false;
    note(session, unit, false);
    imapid_exchanges_answered_command(get_exchanges(session), unit);
    session->exchanges.in_hand.answer_missed = false;
    expect_lines(session);
}

/* May quoted strings hold UTF-8? Where something of the server was missed nobody knows, and nothing
 * is found in what was lost. */
static bool may_hold_utf8(const struct imapid_session *session)
{
    return imapid_login_allows_utf8(&session->login) || !session->exchanges.from_start ||
           session->exchanges.server_gap || !session->exchanges.seen[IMAPID_SERVER];
}

/* Octets of a side came. True: the client speaks for the first time, and what came unasked before is
 * told first. */
static bool begin_side(struct imapid_session *session, enum imapid_side side)
{
    struct imapid_exchanges *exchanges = get_exchanges(session);

    if (exchanges->seen[side] && !(side == IMAPID_CLIENT && exchanges->client_silent))
        return false;
    exchanges->seen[side] = true;
    exchanges->client_silent &= side != IMAPID_CLIENT;
    return side == IMAPID_CLIENT && imapid_exchanges_end_unsolicited(exchanges);
}

static enum imapid_frame_status read_frame(struct imapid_session *session, enum imapid_side side,
                                           const uint8_t *window, size_t n,
                                           struct imapid_unit *unit, size_t *n_used)
{
    enum imapid_frame_status status =
        imapid_frame_read(&session->frame[side], window, n, unit, n_used);

    if (status == IMAPID_FRAME_UNIT)
        imapid_secret_hide(unit);
    unit->allows_utf8 = may_hold_utf8(session);
    return status;
}

/* The server's unit will be shown again, when the client's window was read. */
static enum imapid_session_status ask_client(struct imapid_session *session,
                                             const struct imapid_frame *saved, size_t *n_used)
{
    *SERVER(session) = *saved;
    SERVER(session)->n_left = 0; /* what is left begins with a whole unit, and is no half "+" */
    *n_used = 0;
    return IMAPID_SESSION_OTHER_SIDE;
}

static enum imapid_session_status read_server(struct imapid_session *session, const uint8_t *window,
                                              size_t n, struct imapid_unit *unit, size_t *n_used)
{
    struct imapid_frame *client = CLIENT(session), saved;
    enum imapid_sync sync = SERVER(session)->sync;
    bool was_line_cut = is_line_cut(session, IMAPID_SERVER, window, n);
    enum imapid_frame_status status;

    if (n && SERVER(session)->in_unit)
        imapid_outcome_go_on(&session->outcome);
    if (client->awaits || client->n_scanned) /* else the client is not asked */
        saved = *SERVER(session);
    status = read_frame(session, IMAPID_SERVER, window, n, unit, n_used);
    if (status != IMAPID_FRAME_UNIT)
        return read_nothing(session, IMAPID_SERVER, sync == IMAPID_SYNC_TENTATIVE && !was_line_cut,
                            status == IMAPID_FRAME_SKIPPED);
    if (refuses_literal(session, unit)) {
        bool id_in_hand = !client->in_unit;

        imapid_frame_refuse(client);
        imapid_login_lose_literal(&session->login);
        if (id_in_hand)
            return ask_client(session, &saved, n_used);
    }
    if (answers_early(session, unit)) {
        session->was_other_side = true;
        return ask_client(session, &saved, n_used);
    }
    session->was_other_side = false;
    if (!session->greeted) {
        session->greeted = true;
        if (unit->kind == IMAPID_UNIT_UNTAGGED && sync == IMAPID_SYNC_SURE)
            take_greeting(session, unit->word);
    }
    take_unit(session, IMAPID_SERVER, unit, sync != IMAPID_SYNC_SURE);
    return IMAPID_SESSION_UNIT;
}

static enum imapid_session_status read_client(struct imapid_session *session, const uint8_t *window,
                                              size_t n, struct imapid_unit *unit, size_t *n_used)
{
    struct imapid_frame *frame = CLIENT(session);
    const bool was_cut = frame->cut, was_unsure = frame->unsure, was_answered = frame->answered;
    const bool was_line_cut = is_line_cut(session, IMAPID_CLIENT, window, n);
    const bool was_in_unit = frame->in_unit;
    const uint64_t n_headless = frame->n_headless;
    const bool mid_line = frame->sync == IMAPID_SYNC_LOST && frame->mid_line;
    enum imapid_sync sync = frame->sync;
    enum imapid_frame_status status;
    bool is_cut = false, is_refused = false;

    expect_lines_again(session);
    status = read_frame(session, IMAPID_CLIENT, window, n, unit, n_used);
    if (frame->n_headless != n_headless)
        imapid_exchanges_miss_line(&session->exchanges);
    if (was_in_unit && *n_used)
        imapid_outcome_take_rest(&session->outcome, window, *n_used);
    session->outcome.n_literal_left = frame->awaits ? 0 : frame->literal_left;
    /* cppcheck-suppress incorrectLogicOperator ; read_frame() has changed the frame */
    if (was_unsure && !frame->unsure) {
        is_refused = status == IMAPID_FRAME_UNIT && unit->cut;
        if (!is_refused) {
            /* No command is answered before its literal came; it is not sure any more that this is
             * the literal. */
            session->exchanges.in_hand.answer_missed = false;
            sync = frame->sync;
        }
    }
    is_cut = is_refused || (was_cut && !frame->cut);
    if (is_cut && status != IMAPID_FRAME_UNIT)
        doubt_state(session);
    if (status == IMAPID_FRAME_MORE && !mid_line && began_tls(session, window, n)) {
        imapid_unit_read(unit, IMAPID_CLIENT, window, 0);
        imapid_pending_forget(&session->exchanges.pending, IMAPID_WORD_STARTTLS);
        take_success(session, IMAPID_WORD_STARTTLS);
        return IMAPID_SESSION_UNIT;
    }
    if (status == IMAPID_FRAME_UNIT && was_answered && !was_cut && frame->in_unit) {
        take_answered(session, unit);
        return IMAPID_SESSION_UNIT;
    }
    if (!was_answered && !was_cut)
        imapid_exchanges_hold(&session->exchanges);
    if (status != IMAPID_FRAME_UNIT)
        return read_nothing(session, IMAPID_CLIENT, sync == IMAPID_SYNC_TENTATIVE && !was_line_cut,
                            status == IMAPID_FRAME_SKIPPED);
    take_unit(session, IMAPID_CLIENT, unit, sync != IMAPID_SYNC_SURE);
    if (is_cut) { /* only now the hole comes */
        imapid_exchanges_miss_commands(&session->exchanges);
        doubt_state(session);
    }
    if (is_refused)
        imapid_exchanges_end_newest(get_exchanges(session));
    return IMAPID_SESSION_UNIT;
}

enum imapid_session_status imapid_session_read(struct imapid_session *session,
                                               enum imapid_side side, const uint8_t *window,
                                               size_t n, struct imapid_unit *unit, size_t *n_used)
{
    *n_used = 0;
    if (n && begin_side(session, side))
        return IMAPID_SESSION_PASSED;
    if (begins_layer(session, side, window, n)) {
        imapid_unit_read(unit, side, window, 0);
        session->may_begin_layer = false;
        imapid_exchanges_switch(&session->exchanges, IMAPID_EVENT_SASL);
        return IMAPID_SESSION_UNIT;
    }
    return side == IMAPID_CLIENT ? read_client(session, window, n, unit, n_used)
                                 : read_server(session, window, n, unit, n_used);
}

void imapid_session_gap(struct imapid_session *session, enum imapid_side side, uint64_t n)
{
    struct imapid_frame *frame = &session->frame[side];
    bool harmless = n && frame->in_unit && frame->literal_left >= n;
    bool misses_line = n && side == IMAPID_CLIENT && frame->sync == IMAPID_SYNC_SURE &&
                       !frame->in_unit && !frame->n_scanned && frame->lines == IMAPID_LINES_UNITS;

    imapid_frame_gap(frame, n);
    if (side == IMAPID_CLIENT) {
        imapid_outcome_lose_rest(&session->outcome);
        session->outcome.n_literal_left = frame->literal_left;
    }
    if (harmless)
        return;
    if (side == IMAPID_CLIENT)
        lose_client(session);
    else
        lose_server(session);
    if (misses_line)
        imapid_exchanges_miss_line(&session->exchanges);
}

void imapid_session_close(struct imapid_session *session, enum imapid_side side)
{
    imapid_frame_end(&session->frame[side]);
}

void imapid_session_end(struct imapid_session *session)
{
    imapid_exchanges_end(get_exchanges(session));
}

void imapid_session_note_clear(struct imapid_session *session, enum imapid_side side,
                               const uint8_t *octets, size_t n)
{
    if (n && imapid_unit_plausible(side, octets, n) == IMAPID_PLAUSIBLE_YES)
        session->spoke_before_tls[side] = true;
}

void imapid_session_resume(struct imapid_session *session)
{
    imapid_frame_init(CLIENT(session), IMAPID_CLIENT, true);
    imapid_frame_init(SERVER(session), IMAPID_SERVER, true);
    session->asked = false;
    session->exchanges.client_silent = true;
    session->exchanges.misses_line = false; /* the client went on when that was answered */
    imapid_pending_pass(&session->exchanges.pending);
}

bool imapid_session_miss_starttls(struct imapid_session *session)
{
    if (NOW(session)->security != IMAPID_SECURITY_NONE || NOW(session)->compressed ||
        CLIENT(session)->literal_left ||
        !(session->exchanges.client_gap || session->exchanges.server_gap))
        return false;
    begin_tls(session);
    return true;
}
