/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.c: one TCP connection on its way to records.
 *
 *     octets of TCP -> decide (is it IMAP, who is the server) -> session -> exchanges
 *
 * Until it is decided, octets wait in `early`; what begins like no IMAP is given up, so that most
 * connections of a capture cost a look at their first octets. A connection whose beginning is not
 * in the capture is looked at longer: it may be in the middle of a message. */
#include "record/flow.h"

#include <string.h>

/* What is kept until a decision: a greeting or command fits many times. */
#define EARLY_MAX 4096

/* Octets of a connection begun in mid-session, on a port that is not IMAP's, within which a line of
 * IMAP has to come: an attachment of middle size may be under way. */
#define PATIENCE (256 * 1024)

#define PORT_IMAP  143
#define PORT_IMAPS 993

enum stage {
    STAGE_UNDECIDED,
    STAGE_IMAP,   /* octets go to the session */
    STAGE_OPAQUE, /* encrypted or compressed octets that cannot be read */
};

/* An exchange under way. The units are copies: they outlive the windows. */
struct slot {
    struct imapid_record_exchange *record;
    struct imapid_unit unit[2]; /* by side; data NULL: not there */
};

struct imapid_flow {
    struct imapid_flow_context *context;
    enum stage stage;
    bool from_start;
    int client; /* the direction of the client; -1 before the decision */
    bool is_imap;
    enum imapid_known id_advertised; /* as last known; a hole or STARTTLS does not undo it */
    uint64_t n_passed;               /* octets looked at in vain */
    uint64_t n_told;                 /* exchanges told */
    const char *not_decrypted_why;
    GByteArray *early[2]; /* by direction, while undecided */
    struct imapid_stamp early_stamp[2];
    GByteArray *window[2]; /* by side: octets the session wants to see again */
    struct imapid_session session;
    struct slot slots[IMAPID_SLOTS];
};

struct imapid_flow *imapid_flow_new(struct imapid_flow_context *context,
                                    const struct imapid_conn *conn)
{
    struct imapid_flow *flow = g_new0(struct imapid_flow, 1);

    flow->context = context;
    flow->from_start = conn->from_start;
    flow->client = conn->client;
    return flow;
}

/* ---- exchanges ---- */

static void clear_unit(struct imapid_unit *unit)
{
    g_free((void *)unit->data);
    memset(unit, 0, sizeof *unit);
}

static void clear_slot(struct slot *slot)
{
    imapid_record_exchange_free(slot->record);
    slot->record = NULL;
    clear_unit(&slot->unit[IMAPID_CLIENT]);
    clear_unit(&slot->unit[IMAPID_SERVER]);
}

static void keep_unit(struct slot *slot, enum imapid_side side, const struct imapid_unit *unit,
                      const struct imapid_stamp *packet)
{
    struct imapid_record_half *half;

    if (!slot->record)
        slot->record = imapid_record_exchange_new();
    half = side == IMAPID_CLIENT ? &slot->record->command : &slot->record->response;
    clear_unit(&slot->unit[side]);
    slot->unit[side] = *unit;
    slot->unit[side].data = g_memdup2(unit->data, unit->n);
    imapid_record_add_half(slot->record, half, unit, packet);
    if (unit->kind == IMAPID_UNIT_COMMAND)
        slot->record->tag = g_strndup((const char *)unit->data + unit->tag.offset, unit->tag.n);
}

static void forget_response(struct slot *slot)
{
    clear_unit(&slot->unit[IMAPID_SERVER]);
    if (slot->record) {
        g_free(slot->record->response.pairs);
        memset(&slot->record->response, 0, sizeof slot->record->response);
    }
}

static void keep_result(struct slot *slot, const struct imapid_unit *unit,
                        const struct imapid_stamp *packet)
{
    struct imapid_slice text = imapid_unit_text(unit);

    slot->record->result = *packet;
    slot->record->text = imapid_record_copy(slot->record, unit->data + text.offset, text.n);
    if (!slot->record->tag)
        slot->record->tag = g_strndup((const char *)unit->data + unit->tag.offset, unit->tag.n);
}

static struct imapid_record_conn describe(const struct imapid_flow *flow,
                                          const struct imapid_conn *conn)
{
    int client = flow->client < 0 ? 0 : flow->client;

    return (struct imapid_record_conn){
        .file = flow->context->file,
        .stream = conn->stream,
        .client = conn->endpoint[client],
        .server = conn->endpoint[!client],
    };
}

static const struct imapid_unit *unit_of(const struct slot *slot, enum imapid_side side)
{
    return slot->unit[side].data ? &slot->unit[side] : NULL;
}

static void tell_exchange(struct imapid_flow *flow, const struct imapid_conn *conn, unsigned i)
{
    const struct imapid_exchange *exchange = &flow->session.exchanges[i];
    struct slot *slot = &flow->slots[i];
    struct imapid_record_exchange *record = slot->record;
    struct imapid_findings findings;

    imapid_findings_clear(&findings);
    imapid_findings_add_exchange(&findings, exchange, unit_of(slot, IMAPID_CLIENT),
                                 unit_of(slot, IMAPID_SERVER));
    imapid_record_add_findings(record, &findings, unit_of(slot, IMAPID_CLIENT),
                               unit_of(slot, IMAPID_SERVER));
    record->conn = describe(flow, conn);
    record->status = exchange->status;
    record->security = exchange->security;
    record->compressed = exchange->compressed;
    record->state = exchange->state;
    record->complete = !exchange->lost;
    flow->n_told++;
    flow->context->n_exchanges++;
    flow->context->sink->exchange(flow->context->sink->ctx, record);
    clear_slot(slot);
}

static void become_opaque(struct imapid_flow *flow, const char *why)
{
    flow->stage = STAGE_OPAQUE;
    flow->not_decrypted_why = why;
}

static void take_event(struct imapid_flow *flow, const struct imapid_conn *conn,
                       const struct imapid_event *event, const struct imapid_unit *unit,
                       const struct imapid_stamp *packet)
{
    struct slot *slot = &flow->slots[event->slot];

    switch (event->kind) {
    case IMAPID_EVENT_COMMAND:
        keep_unit(slot, IMAPID_CLIENT, unit, packet);
        break;
    case IMAPID_EVENT_RESPONSE:
        keep_unit(slot, IMAPID_SERVER, unit, packet);
        break;
    case IMAPID_EVENT_EXTRA:
        break;
    case IMAPID_EVENT_RESULT:
        keep_result(slot, unit, packet);
        if (!flow->session.exchanges[event->slot].open)
            tell_exchange(flow, conn, event->slot);
        break;
    case IMAPID_EVENT_END:
        tell_exchange(flow, conn, event->slot);
        break;
    case IMAPID_EVENT_DROP_RESPONSE:
        forget_response(slot);
        break;
    case IMAPID_EVENT_DROP:
        clear_slot(slot);
        break;
    case IMAPID_EVENT_TLS:
        become_opaque(flow, "no key");
        break;
    case IMAPID_EVENT_DEFLATE:
        become_opaque(flow, "compressed");
        break;
    }
}

static void take_events(struct imapid_flow *flow, const struct imapid_conn *conn,
                        const struct imapid_unit *unit, const struct imapid_stamp *packet)
{
    struct imapid_event event;

    while (imapid_session_event(&flow->session, &event))
        take_event(flow, conn, &event, unit, packet);
    if (flow->session.advertised != IMAPID_UNKNOWN)
        flow->id_advertised = flow->session.advertised;
    flow->is_imap |= flow->session.frame[IMAPID_CLIENT].sync == IMAPID_SYNC_SURE ||
                     flow->session.frame[IMAPID_SERVER].sync == IMAPID_SYNC_SURE;
}

/* ---- octets for the session ---- */

/* Reads a window as far as it goes; returns the octets used. */
static size_t read_window(struct imapid_flow *flow, const struct imapid_conn *conn,
                          enum imapid_side side, const uint8_t *octets, size_t n,
                          const struct imapid_stamp *packet)
{
    struct imapid_unit unit;
    size_t at = 0, n_used;

    while (flow->stage == STAGE_IMAP) {
        switch (imapid_session_read(&flow->session, side, octets + at, n - at, &unit, &n_used)) {
        case IMAPID_SESSION_MORE:
            return at + n_used;
        case IMAPID_SESSION_UNIT:
        case IMAPID_SESSION_PASSED:
            at += n_used;
            take_events(flow, conn, &unit, packet);
            break;
        case IMAPID_SESSION_OTHER_SIDE: {
            GByteArray *other = flow->window[IMAPID_CLIENT];
            size_t used = read_window(flow, conn, IMAPID_CLIENT, other ? other->data : octets,
                                      other ? other->len : 0, packet);

            if (other && used)
                g_byte_array_remove_range(other, 0, (guint)used);
            break;
        }
        }
    }
    return n;
}

static void show(struct imapid_flow *flow, const struct imapid_conn *conn, enum imapid_side side,
                 const uint8_t *octets, size_t n, const struct imapid_stamp *packet)
{
    GByteArray *window = flow->window[side];
    size_t used;

    if (!window || !window->len) {
        used = read_window(flow, conn, side, octets, n, packet);
        if (used == n)
            return;
        if (!window)
            window = flow->window[side] = g_byte_array_new();
        g_byte_array_append(window, octets + used, (guint)(n - used));
        return;
    }
    g_byte_array_append(window, octets, (guint)n);
    used = read_window(flow, conn, side, window->data, window->len, packet);
    if (used == window->len) {
        g_byte_array_unref(window); /* most windows are needed for one unit */
        flow->window[side] = NULL;
    } else if (used) {
        g_byte_array_remove_range(window, 0, (guint)used);
    }
}

/* Nothing comes behind the window, or nothing known: what it holds is told as far as it goes. */
static void cut(struct imapid_flow *flow, const struct imapid_conn *conn, enum imapid_side side,
                uint64_t n, const struct imapid_stamp *packet)
{
    GByteArray *window = flow->window[side];

    imapid_session_gap(&flow->session, side, n);
    if (window) {
        (void)read_window(flow, conn, side, window->data, window->len, packet);
        g_byte_array_unref(window);
        flow->window[side] = NULL;
    }
}

/* ---- the decision ---- */

static bool is_tls(const uint8_t *octets, size_t n)
{
    return n >= 3 && octets[0] >= 0x14 && octets[0] <= 0x17 && octets[1] == 3 && octets[2] <= 4;
}

/* The direction whose peer has a port of IMAP, -1 if both or none have. */
static int client_by_port(const struct imapid_conn *conn)
{
    bool known[2];

    for (int dir = 0; dir < 2; dir++)
        known[dir] =
            conn->endpoint[dir].port == PORT_IMAP || conn->endpoint[dir].port == PORT_IMAPS;
    return known[0] == known[1] ? -1 : known[0];
}

static void begin_session(struct imapid_flow *flow, const struct imapid_conn *conn, int client)
{
    flow->client = client;
    flow->stage = STAGE_IMAP;
    imapid_session_init(&flow->session, flow->from_start, IMAPID_SECURITY_NONE);
    for (int i = 0; i < 2; i++) {
        int dir = i ? client : !client; /* the server greets first */
        GByteArray *early = flow->early[dir];

        flow->early[dir] = NULL;
        if (!early)
            continue;
        if (flow->stage == STAGE_IMAP)
            show(flow, conn, dir == client ? IMAPID_CLIENT : IMAPID_SERVER, early->data, early->len,
                 &flow->early_stamp[dir]);
        g_byte_array_unref(early);
    }
}

/* Seen from its first octets. False: no IMAP. */
static bool decide_at_start(struct imapid_flow *flow, const struct imapid_conn *conn, int dir)
{
    const GByteArray *early = flow->early[dir];
    enum imapid_speaker speaker = imapid_session_recognise(early->data, early->len, true);

    if (speaker == IMAPID_SPEAKER_UNCLEAR)
        return early->len < EARLY_MAX;
    if (speaker == IMAPID_SPEAKER_SERVER && (flow->client < 0 || dir != flow->client)) {
        begin_session(flow, conn, !dir);
        return true;
    }
    /* A client that does not wait for the greeting has yet to be greeted. */
    return speaker == IMAPID_SPEAKER_CLIENT && dir == flow->client && early->len < EARLY_MAX;
}

/* Begun in the middle: looks for the first likely line. */
static bool decide_in_middle(struct imapid_flow *flow, const struct imapid_conn *conn, int dir)
{
    GByteArray *early = flow->early[dir];
    int by_port = client_by_port(conn);
    size_t at = 0;

    if (by_port >= 0) {
        begin_session(flow, conn, by_port);
        return true;
    }
    while (at < early->len) {
        enum imapid_speaker speaker =
            imapid_session_recognise(early->data + at, early->len - at, false);
        const uint8_t *newline = memchr(early->data + at, '\n', early->len - at);

        if (speaker == IMAPID_SPEAKER_CLIENT || speaker == IMAPID_SPEAKER_SERVER) {
            g_byte_array_remove_range(early, 0, (guint)at);
            begin_session(flow, conn, speaker == IMAPID_SPEAKER_CLIENT ? dir : !dir);
            return true;
        }
        if (!newline)
            break;
        at = (size_t)(newline - early->data) + 1;
    }
    flow->n_passed += at;
    g_byte_array_remove_range(early, 0, (guint)at);
    if (early->len > EARLY_MAX) {
        flow->n_passed += early->len;
        g_byte_array_set_size(early, 0);
    }
    return flow->n_passed < PATIENCE;
}

static bool decide(struct imapid_flow *flow, const struct imapid_conn *conn, int dir,
                   const uint8_t *octets, size_t n, const struct imapid_stamp *packet)
{
    if (!flow->early[dir])
        flow->early[dir] = g_byte_array_new();
    g_byte_array_append(flow->early[dir], octets, (guint)n);
    flow->early_stamp[dir] = *packet;
    if (is_tls(flow->early[dir]->data, flow->early[dir]->len)) {
        int client = flow->client >= 0 ? flow->client : client_by_port(conn);

        if (client < 0 || conn->endpoint[!client].port != PORT_IMAPS)
            return false;
        flow->client = client;
        flow->is_imap = true;
        flow->session.security = IMAPID_SECURITY_TLS;
        become_opaque(flow, "no key");
        return true;
    }
    return flow->from_start ? decide_at_start(flow, conn, dir) : decide_in_middle(flow, conn, dir);
}

/* Nothing has confirmed the session yet: octets that speak for the other orientation turn it round.
 * Not against a port of IMAP: a message in the middle of which the capture begins may say anything.
 */
static bool turn_if_wrong(struct imapid_flow *flow, const struct imapid_conn *conn, int dir,
                          const uint8_t *octets, size_t n)
{
    enum imapid_speaker speaker;

    if (flow->is_imap || flow->from_start || client_by_port(conn) >= 0)
        return true;
    flow->n_passed += n;
    if (flow->n_passed > PATIENCE)
        return false;
    speaker = imapid_session_recognise(octets, n, false);
    if (speaker == (dir == flow->client ? IMAPID_SPEAKER_SERVER : IMAPID_SPEAKER_CLIENT)) {
        for (unsigned i = 0; i < IMAPID_SLOTS; i++)
            clear_slot(&flow->slots[i]);
        for (int side = 0; side < 2; side++)
            g_clear_pointer(&flow->window[side], g_byte_array_unref);
        begin_session(flow, conn, !flow->client);
    }
    return true;
}

/* ---- from below ---- */

bool imapid_flow_data(struct imapid_flow *flow, const struct imapid_conn *conn, int dir,
                      const uint8_t *octets, size_t n, const struct imapid_stamp *packet)
{
    switch (flow->stage) {
    case STAGE_UNDECIDED:
        return decide(flow, conn, dir, octets, n, packet);
    case STAGE_IMAP:
        if (!turn_if_wrong(flow, conn, dir, octets, n))
            return false;
        show(flow, conn, dir == flow->client ? IMAPID_CLIENT : IMAPID_SERVER, octets, n, packet);
        break;
    case STAGE_OPAQUE:
        break;
    }
    return true;
}

void imapid_flow_gap(struct imapid_flow *flow, const struct imapid_conn *conn, int dir, uint64_t n,
                     const struct imapid_stamp *packet)
{
    switch (flow->stage) {
    case STAGE_UNDECIDED:
        flow->from_start = false;
        if (flow->early[dir])
            g_byte_array_set_size(flow->early[dir], 0);
        break;
    case STAGE_IMAP:
        cut(flow, conn, dir == flow->client ? IMAPID_CLIENT : IMAPID_SERVER, n, packet);
        break;
    case STAGE_OPAQUE:
        break;
    }
}

static void tell_session(struct imapid_flow *flow, const struct imapid_conn *conn)
{
    const struct imapid_session *session = &flow->session;
    struct imapid_record_session record = {
        .conn = describe(flow, conn),
        .first_ns = conn->first.ts_ns,
        .last_ns = conn->last.ts_ns,
        .security = session->security,
        .compressed = session->compressed,
        .id_advertised = flow->id_advertised,
        .n_exchanges = flow->n_told,
        .from_start = flow->from_start,
        .n_lost = conn->n_lost[0] + conn->n_lost[1],
        .n_resyncs = session->frame[0].n_resyncs + session->frame[1].n_resyncs,
        .not_decrypted_why = flow->not_decrypted_why,
    };

    if (session->security != IMAPID_SECURITY_NONE)
        record.decrypted = flow->not_decrypted_why ? IMAPID_NO : IMAPID_YES;
    if (session->required_by_server)
        record.findings[record.n_findings++] = (struct imapid_record_finding){
            .code = IMAPID_FINDING_REQUIRED_BY_SERVER,
            .side = IMAPID_SERVER,
            .field.is_nil = true,
        };
    flow->context->n_sessions++;
    flow->context->n_not_decrypted += flow->not_decrypted_why != NULL;
    flow->context->n_lost += record.n_lost;
    flow->context->sink->session(flow->context->sink->ctx, &record);
}

/* The capture does not show whether what is open would have been answered. */
static void mark_open_as_lost(struct imapid_flow *flow)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (flow->session.exchanges[i].open)
            flow->session.exchanges[i].lost = true;
}

void imapid_flow_end(struct imapid_flow *flow, const struct imapid_conn *conn,
                     enum imapid_tcp_reason reason)
{
    for (int side = 1; side >= 0; side--)
        if (flow->stage == STAGE_IMAP && flow->window[side])
            cut(flow, conn, (enum imapid_side)side, 0, &conn->last);
    if (reason == IMAPID_TCP_CAPTURE_END || reason == IMAPID_TCP_LIMIT)
        mark_open_as_lost(flow);
    imapid_session_end(&flow->session);
    take_events(flow, conn, NULL, &conn->last);
    if (flow->is_imap || flow->n_told)
        tell_session(flow, conn);
}

void imapid_flow_free(struct imapid_flow *flow)
{
    if (!flow)
        return;
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        clear_slot(&flow->slots[i]);
    for (int i = 0; i < 2; i++) {
        g_clear_pointer(&flow->early[i], g_byte_array_unref);
        g_clear_pointer(&flow->window[i], g_byte_array_unref);
    }
    g_free(flow);
}
