/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.c: one TCP connection on its way to records.
 *
 *     octets of TCP -> [TLS, DEFLATE] -> decide (is it IMAP, who is the server)
 *                   -> session -> exchanges
 *
 * Until it is decided, octets wait in `early`; what begins like no IMAP is given up, so that most
 * connections of a capture cost a look at their first octets. A connection whose beginning is not
 * in the capture is looked at longer: it may be in the middle of a message. */
#define _GNU_SOURCE /* memmem */
#include "follow/flow.h"
#include "follow/layers.h"

#include <imapid/decide.h>
#include <imapid/preface.h>
#include <imapid/secret.h>

#include <string.h>

enum stage {
    STAGE_UNDECIDED,
    STAGE_IMAP,     /* octets go to the session */
    STAGE_REJECTED, /* no IMAP, or nothing that will ever be known to be */
};

/* An exchange under way. The units are copies: they outlive the windows. */
struct slot {
    struct imapid_record_exchange *record; /* its result; its halves are read when it is told, as a
                                              list read takes many times its octets */
    struct imapid_unit unit[2];            /* by side; data NULL: not there */
    struct imapid_stamp packet[2];         /* of each unit */
};

struct imapid_flow {
    struct imapid_flow_context *context;
    enum stage stage;
    struct imapid_decide decide;           /* whether it is IMAP, and who is the client */
    struct imapid_preface preface;         /* what proxies say before the first octet of IMAP */
    struct imapid_endpoint proxied_client; /* family 0: none was named */
    bool is_imap;
    enum imapid_known id_advertised; /* as last known; a hole or STARTTLS does not undo it */
    uint64_t n_told;                 /* exchanges told */
    struct imapid_layers *layers;    /* NULL: octets of TCP are octets of IMAP */
    bool stopped[2];                 /* by direction: nothing more of it can be decrypted */
    bool switched;                   /* a layer was added in the middle of a window */
    const struct imapid_conn *conn;  /* during calls from below */
    GByteArray *early[2];            /* by direction, while undecided */
    struct imapid_stamp early_stamp[2];
    struct imapid_stamp window_stamp[2]; /* the packet that brought its last octets */
    GByteArray *window[2];               /* by side: octets the session wants to see again */
    struct imapid_session session;
    struct slot slots[IMAPID_SLOTS];
    GList holder; /* in context->holders; data is the flow */
    size_t n_held;
};

/* ---- memory ---- */

/* The octets of an array, with the room that GLib keeps behind them. */
static size_t count_array(const GByteArray *array)
{
    return array ? sizeof *array + 2 * (size_t)array->len : 0;
}

static size_t count_memory(const struct imapid_flow *flow)
{
    size_t n = sizeof *flow;

    for (int i = 0; i < 2; i++) {
        n += count_array(flow->early[i]) + count_array(flow->window[i]);
        for (unsigned slot = 0; slot < IMAPID_SLOTS; slot++)
            n += flow->slots[slot].unit[i].data ? flow->slots[slot].unit[i].n : 0;
    }
    return n + (flow->layers ? imapid_layers_count_memory(flow->layers) : 0);
}

static unsigned find_class(size_t n)
{
    return MIN(g_bit_storage(n) - 1, IMAPID_FLOW_N_HOLDERS - 1);
}

/* The flow holds n octets from now on; 0: it holds none, and is gone. */
static void account(struct imapid_flow *flow, size_t n)
{
    GQueue *holders = flow->context->holders;
    size_t n_before = flow->n_held;

    flow->context->n_held += n - n_before;
    flow->n_held = n;
    if (n_before && n && find_class(n_before) == find_class(n))
        return;
    if (n_before)
        g_queue_unlink(&holders[find_class(n_before)], &flow->holder);
    if (n)
        g_queue_push_tail_link(&holders[find_class(n)], &flow->holder);
}

const struct imapid_conn *imapid_flow_find_largest(const struct imapid_flow_context *context)
{
    for (int i = IMAPID_FLOW_N_HOLDERS - 1; i >= 0; i--)
        if (context->holders[i].head)
            return ((const struct imapid_flow *)context->holders[i].head->data)->conn;
    return NULL;
}

struct imapid_flow *imapid_flow_new(struct imapid_flow_context *context,
                                    const struct imapid_conn *conn)
{
    struct imapid_flow *flow = g_new0(struct imapid_flow, 1);

    flow->context = context;
    imapid_decide_init(
        &flow->decide, conn->from_start, conn->client,
        imapid_decide_client_by_port(conn->endpoint[0].port, conn->endpoint[1].port));
    flow->conn = conn;
    flow->holder.data = flow;
    account(flow, count_memory(flow));
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

/* To be freed. */
static char *copy_tag(const struct imapid_unit *unit)
{
    size_t n;
    const uint8_t *tag = imapid_secret_get_tag(unit, &n);

    return g_strndup((const char *)tag, n);
}

static void keep_unit(struct slot *slot, enum imapid_side side, const struct imapid_unit *unit,
                      const struct imapid_stamp *packet)
{
    if (!slot->record)
        slot->record = imapid_record_exchange_new();
    clear_unit(&slot->unit[side]);
    /* cppcheck-suppress ctunullpointer ; only ends and drops come without a unit */
    slot->unit[side] = *unit;
    slot->unit[side].data = g_memdup2(unit->data, unit->n);
    slot->packet[side] = *packet;
    if (unit->kind == IMAPID_UNIT_COMMAND)
        slot->record->tag = copy_tag(unit);
}

static void forget_response(struct slot *slot)
{
    clear_unit(&slot->unit[IMAPID_SERVER]);
}

/* What was kept as the response of one exchange is that of another. */
static void move_response(struct slot *to, struct slot *from)
{
    keep_unit(to, IMAPID_SERVER, &from->unit[IMAPID_SERVER], &from->packet[IMAPID_SERVER]);
    forget_response(from);
}

static void keep_result(struct slot *slot, const struct imapid_unit *unit,
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

/* Makes the number of a packet that of its file, and returns the file. */
static const char *locate(const struct imapid_flow_context *context, uint64_t *number)
{
    guint i = context->pieces->len;
    const struct imapid_flow_piece *piece;

    do
        piece = &g_array_index(context->pieces, struct imapid_flow_piece, --i);
    while (i > 0 && *number <= piece->n_before);
    *number -= piece->n_before;
    return piece->file;
}

/* The same; NULL where it is the file of the connection. */
static const char *locate_other(const struct imapid_flow_context *context,
                                const struct imapid_record_exchange *record, uint64_t *number)
{
    const char *file = locate(context, number);

    return file == record->conn.file ? NULL : file;
}

static void locate_exchange(const struct imapid_flow_context *context,
                            struct imapid_record_exchange *record)
{
    if (record->command.seen)
        record->command.file = locate_other(context, record, &record->command.packet.number);
    if (record->response.seen)
        record->response.file = locate_other(context, record, &record->response.packet.number);
    if (record->status != IMAPID_STATUS_NONE)
        record->result_file = locate_other(context, record, &record->result.number);
}

static struct imapid_record_conn describe(const struct imapid_flow *flow)
{
    const struct imapid_conn *conn = flow->conn;
    int client = flow->decide.client < 0 ? 0 : flow->decide.client;
    uint64_t first = conn->first.number;
    const char *file = locate(flow->context, &first);

    return (struct imapid_record_conn){
        .file = file,
        .stream = conn->stream,
        .client = conn->endpoint[client],
        .server = conn->endpoint[!client],
        .proxied_client = flow->proxied_client,
        .first_frame = first,
    };
}

static const struct imapid_unit *unit_of(const struct slot *slot, enum imapid_side side)
{
    return slot->unit[side].data ? &slot->unit[side] : NULL;
}

static void read_half(struct slot *slot, enum imapid_side side, struct imapid_record_half *half)
{
    if (slot->unit[side].data)
        imapid_record_add_half(slot->record, half, &slot->unit[side], &slot->packet[side]);
}

static void tell_exchange(struct imapid_flow *flow, unsigned i)
{
    const struct imapid_exchange *exchange = &flow->session.exchanges[i];
    struct slot *slot = &flow->slots[i];
    struct imapid_record_exchange *record = slot->record;
    struct imapid_findings findings;

    read_half(slot, IMAPID_CLIENT, &record->command);
    read_half(slot, IMAPID_SERVER, &record->response);
    imapid_findings_clear(&findings);
    imapid_findings_add_exchange(&findings, exchange, unit_of(slot, IMAPID_CLIENT),
                                 unit_of(slot, IMAPID_SERVER));
    imapid_record_add_findings(record, &findings, unit_of(slot, IMAPID_CLIENT),
                               unit_of(slot, IMAPID_SERVER));
    record->conn = describe(flow);
    record->is_untagged = exchange->status == IMAPID_STATUS_NONE;
    record->status = record->is_untagged ? exchange->untagged_status : exchange->status;
    record->security = exchange->security;
    record->compressed = exchange->compressed;
    record->state = exchange->state;
    record->complete = !exchange->lost;
    flow->n_told++;
    locate_exchange(flow->context, record);
    flow->context->n_exchanges++;
    flow->context->sink->exchange(flow->context->sink->ctx, record);
    clear_slot(slot);
}

static void add_layer(struct imapid_flow *flow, void (*add)(struct imapid_layers *));

static void take_event(struct imapid_flow *flow, const struct imapid_event *event,
                       const struct imapid_unit *unit, const struct imapid_stamp *packet)
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
    case IMAPID_EVENT_UNTAGGED:
        keep_result(slot, unit, packet);
        break;
    case IMAPID_EVENT_RESULT:
        keep_result(slot, unit, packet);
        if (!flow->session.exchanges[event->slot].open)
            tell_exchange(flow, event->slot);
        break;
    case IMAPID_EVENT_END:
        tell_exchange(flow, event->slot);
        break;
    case IMAPID_EVENT_DROP_RESPONSE:
        forget_response(slot);
        break;
    case IMAPID_EVENT_MOVE_RESPONSE:
        move_response(slot, &flow->slots[event->from]);
        break;
    case IMAPID_EVENT_DROP:
        clear_slot(slot);
        break;
    case IMAPID_EVENT_TLS:
        add_layer(flow, imapid_layers_add_tls);
        break;
    case IMAPID_EVENT_DEFLATE:
        add_layer(flow, imapid_layers_add_deflate);
        break;
    case IMAPID_EVENT_SASL:
        add_layer(flow, imapid_layers_add_sasl);
        break;
    }
}

static void take_events(struct imapid_flow *flow, const struct imapid_unit *unit,
                        const struct imapid_stamp *packet)
{
    struct imapid_event event;

    while (imapid_session_event(&flow->session, &event))
        take_event(flow, &event, unit, packet);
    if (flow->session.advertised != IMAPID_UNKNOWN)
        flow->id_advertised = flow->session.advertised;
    flow->is_imap |= flow->session.frame[IMAPID_CLIENT].sync == IMAPID_SYNC_SURE ||
                     flow->session.frame[IMAPID_SERVER].sync == IMAPID_SYNC_SURE;
}

/* ---- octets for the session ---- */

static int dir_of(const struct imapid_flow *flow, enum imapid_side side)
{
    return side == IMAPID_CLIENT ? flow->decide.client : !flow->decide.client;
}

static enum imapid_side side_of(const struct imapid_flow *flow, int dir)
{
    return dir == flow->decide.client ? IMAPID_CLIENT : IMAPID_SERVER;
}

static void drop_window(struct imapid_flow *flow, enum imapid_side side)
{
    g_clear_pointer(&flow->window[side], g_byte_array_unref);
}

/* Behind the unit that was read both sides speak through another layer: what was already taken for
 * octets of the session goes through it. The rest of the window of `side` is `octets`. */
static void feed_layer(struct imapid_flow *flow, enum imapid_side side, const uint8_t *octets,
                       size_t n, const struct imapid_stamp *packet)
{
    enum imapid_side other = imapid_side_other(side);
    GByteArray *waiting = g_steal_pointer(&flow->window[other]);

    flow->switched = false;
    imapid_session_resume(&flow->session);
    if (waiting) {
        imapid_layers_feed(flow->layers, dir_of(flow, other), waiting->data, waiting->len, packet);
        g_byte_array_unref(waiting);
    }
    imapid_layers_feed(flow->layers, dir_of(flow, side), octets, n, packet);
}

/* Reads a window as far as it goes; returns the octets used. */
static size_t read_window(struct imapid_flow *flow, enum imapid_side side, const uint8_t *octets,
                          size_t n, const struct imapid_stamp *packet)
{
    struct imapid_unit unit;
    size_t at = 0, n_used;

    for (;;) {
        switch (imapid_session_read(&flow->session, side, octets + at, n - at, &unit, &n_used)) {
        case IMAPID_SESSION_MORE:
            return at + n_used;
        case IMAPID_SESSION_UNIT:
        case IMAPID_SESSION_PASSED:
            at += n_used;
            take_events(flow, &unit, packet);
            if (flow->switched) {
                feed_layer(flow, side, octets + at, n - at, packet);
                return n;
            }
            break;
        case IMAPID_SESSION_OTHER_SIDE: {
            GByteArray *other = flow->window[IMAPID_CLIENT];
            size_t used = read_window(flow, IMAPID_CLIENT, other ? other->data : octets,
                                      other ? other->len : 0, &flow->window_stamp[IMAPID_CLIENT]);

            if (other && used)
                g_byte_array_remove_range(other, 0, (guint)used);
            break;
        }
        }
    }
}

/* Octets for the session. While they are read the window is out of reach: a layer that is added in
 * the middle of it begins a new one. */
static void show(struct imapid_flow *flow, enum imapid_side side, const uint8_t *octets, size_t n,
                 const struct imapid_stamp *packet)
{
    GByteArray *window = g_steal_pointer(&flow->window[side]);
    size_t used;

    flow->window_stamp[side] = *packet;
    if (window) {
        g_byte_array_append(window, octets, (guint)n);
        octets = window->data;
        n = window->len;
    }
    used = read_window(flow, side, octets, n, packet);
    if (used < n) {
        if (!window) {
            window = g_byte_array_new();
            g_byte_array_append(window, octets + used, (guint)(n - used));
        } else if (used) {
            g_byte_array_remove_range(window, 0, (guint)used);
        }
        flow->window[side] = window;
    } else if (window) {
        g_byte_array_unref(window); /* most windows are needed for one unit */
    }
}

/* Tells what the window holds as far as it goes. */
static void empty_window(struct imapid_flow *flow, enum imapid_side side)
{
    GByteArray *window = g_steal_pointer(&flow->window[side]);

    if (window) {
        (void)read_window(flow, side, window->data, window->len, &flow->window_stamp[side]);
        g_byte_array_unref(window);
    }
}

/* Nothing comes behind the window, or nothing known. */
static void cut(struct imapid_flow *flow, enum imapid_side side, uint64_t n)
{
    imapid_session_gap(&flow->session, side, n);
    empty_window(flow, side);
}

/* What a direction says cannot be read any more: that is missing, for all that the other says. */
static void miss(struct imapid_flow *flow, int dir)
{
    if (flow->stage == STAGE_IMAP)
        cut(flow, side_of(flow, dir), 0);
}

/* ---- the decision ---- */

static struct imapid_decide_early early_of(const struct imapid_flow *flow, int dir)
{
    const GByteArray *early = flow->early[dir];

    return early ? (struct imapid_decide_early){early->data, early->len}
                 : (struct imapid_decide_early){NULL, 0};
}

static void begin_session(struct imapid_flow *flow)
{
    int last = flow->early_stamp[1].number > flow->early_stamp[0].number;

    flow->stage = STAGE_IMAP;
    imapid_session_init(&flow->session, flow->decide.is_greeted, flow->session.security);
    for (int dir = 0; dir < 2; dir++)
        if (flow->stopped[dir])
            miss(flow, dir);
    for (int i = 0; i < 2; i++) {
        int dir = i ? last : !last; /* as they came: not every client waits for the greeting */
        GByteArray *early = g_steal_pointer(&flow->early[dir]);

        if (!early)
            continue;
        show(flow, side_of(flow, dir), early->data, early->len, &flow->early_stamp[dir]);
        g_byte_array_unref(early);
    }
}

static bool decide_at_last(struct imapid_flow *flow)
{
    const struct imapid_decide_early early[2] = {early_of(flow, 0), early_of(flow, 1)};

    if (imapid_decide_last(&flow->decide, early) != IMAPID_DECIDE_IMAP)
        return false;
    begin_session(flow);
    return true;
}

/* ---- TLS ---- */

static void on_clear_data(void *ctx, int dir, const uint8_t *octets, size_t n,
                          const struct imapid_stamp *packet);
static void on_clear_gap(void *ctx, int dir, uint64_t n, const struct imapid_stamp *packet);
static void on_stop(void *ctx, int dir);

static void add_layer(struct imapid_flow *flow, void (*add)(struct imapid_layers *))
{
    struct imapid_layers_handler handler = {on_clear_data, on_clear_gap, on_stop, flow};

    if (!flow->layers)
        flow->layers = imapid_layers_new(&handler, flow->context->keylog, flow->context->n_hold,
                                         &flow->context->n_inflate);
    add(flow->layers);
    flow->switched = flow->stage == STAGE_IMAP;
}

static bool has_port(const struct imapid_conn *conn, uint16_t port)
{
    return conn->endpoint[0].port == port || conn->endpoint[1].port == port;
}

/* Does the connection, or what a proxy opened for it, have the port of IMAP over TLS? */
static bool has_imap_port(const struct imapid_flow *flow)
{
    return has_port(flow->conn, IMAPID_PORT_IMAPS) || flow->preface.port == IMAPID_PORT_IMAPS;
}

/* Does a ClientHello offer the protocol "imap" (RFC 7301; registered for IMAP over TLS)? A look at
 * the octets is enough to decide whether to look closer. */
static bool may_offer_imap(const GByteArray *early)
{
    static const char name[] = "\x04imap";

    return memmem(early->data, early->len, name, sizeof name - 1) != NULL;
}

static bool has_alpn_imap(const struct imapid_tls_info *info)
{
    for (size_t at = 0; at + 1 < info->n_alpn_offered; at += 1u + info->alpn_offered[at])
        if (info->alpn_offered[at] == 4 && at + 5 <= info->n_alpn_offered &&
            !memcmp(info->alpn_offered + at + 1, "imap", 4))
            return true;
    return false;
}

/* The connection begins with TLS, or the capture does, behind STARTTLS. Worth following where it can be decrypted, or where it counts as
 * an IMAP session even if it can't. */
static bool begin_tls(struct imapid_flow *flow, int dir)
{
    GByteArray *early = g_steal_pointer(&flow->early[dir]);
    bool after_starttls = !flow->decide.from_start && has_port(flow->conn, IMAPID_PORT_IMAP);
    bool wanted = has_imap_port(flow) || after_starttls || may_offer_imap(early) ||
                  (flow->context->keylog && imapid_keylog_get_generation(flow->context->keylog)) ||
                  flow->context->n_hold;

    if (wanted) {
        flow->session.security = after_starttls ? IMAPID_SECURITY_STARTTLS : IMAPID_SECURITY_TLS;
        if (flow->decide.client < 0)
            flow->decide.client = flow->decide.by_port;
        add_layer(flow, imapid_layers_add_tls);
        imapid_layers_data(flow->layers, dir, early->data, early->len, &flow->early_stamp[dir]);
    }
    g_byte_array_unref(early);
    return wanted;
}

/* Does the client begin TLS where STARTTLS, or the answer, was lost? */
static bool begins_tls(struct imapid_flow *flow, int dir, const uint8_t *octets, size_t n)
{
    return flow->stage == STAGE_IMAP && !flow->layers && dir == flow->decide.client &&
           !flow->window[IMAPID_CLIENT] && imapid_tls_recognise(octets, n) == IMAPID_TLS_HELLO &&
           imapid_session_miss_starttls(&flow->session);
}

static void begin_starttls(struct imapid_flow *flow, const uint8_t *octets, size_t n,
                           const struct imapid_stamp *packet)
{
    /* A line of the server that was cut comes to no end. */
    drop_window(flow, IMAPID_SERVER);
    flow->is_imap |= has_port(flow->conn, IMAPID_PORT_IMAP);
    add_layer(flow, imapid_layers_add_tls);
    feed_layer(flow, IMAPID_CLIENT, octets, n, packet);
}

/* TLS, and nothing readable came out of it yet. False when nothing ever will and nothing says that
 * it is IMAP. */
static bool is_worth_waiting(struct imapid_flow *flow)
{
    const struct imapid_tls_info *info = imapid_layers_get_tls(flow->layers);

    if (info->client >= 0)
        flow->decide.client = info->client;
    flow->is_imap |= has_imap_port(flow) || has_alpn_imap(info) ||
                     flow->session.security == IMAPID_SECURITY_STARTTLS;
    return flow->is_imap || info->stopped[0] == IMAPID_TLS_OK || info->stopped[1] == IMAPID_TLS_OK;
}

/* ---- the first octets ---- */

static void note_proxied_client(struct imapid_flow *flow)
{
    const struct imapid_proxy_header *client = &flow->preface.client;

    flow->proxied_client.family = client->family;
    flow->proxied_client.port = client->port;
    memcpy(flow->proxied_client.address, client->address, sizeof client->address);
}

/* Takes off what a proxy, or a client to its proxy, says first. */
static enum imapid_preface_status take_preface(struct imapid_flow *flow, int dir)
{
    GByteArray *early = flow->early[dir];
    enum imapid_preface_status status;
    size_t n_used;

    while ((status = imapid_preface_read(&flow->preface, dir == flow->decide.client, early->data,
                                         early->len, &n_used)) == IMAPID_PREFACE_OK)
        g_byte_array_remove_range(early, 0, (guint)n_used);
    note_proxied_client(flow);
    return status;
}

/* What is in the clear. False: no IMAP. */
static bool decide_clear(struct imapid_flow *flow, int dir)
{
    const struct imapid_decide_early early[2] = {early_of(flow, 0), early_of(flow, 1)};
    size_t n_drop;
    enum imapid_decide_status status = imapid_decide_begin(&flow->decide, dir, early, &n_drop);

    g_byte_array_remove_range(flow->early[dir], 0, (guint)n_drop);
    if (status == IMAPID_DECIDE_IMAP)
        begin_session(flow);
    return status != IMAPID_DECIDE_NOT;
}

static bool decide(struct imapid_flow *flow, int dir, const uint8_t *octets, size_t n,
                   const struct imapid_stamp *packet)
{
    if (!flow->early[dir])
        flow->early[dir] = g_byte_array_new();
    g_byte_array_append(flow->early[dir], octets, (guint)n);
    flow->early_stamp[dir] = *packet;
    if (flow->decide.from_start && flow->decide.client >= 0 && !flow->layers) {
        switch (take_preface(flow, dir)) {
        case IMAPID_PREFACE_MORE:
            return true;
        case IMAPID_PREFACE_REFUSED:
            return false;
        default:
            break;
        }
    }
    if (!flow->layers) {
        switch (imapid_tls_recognise(flow->early[dir]->data, flow->early[dir]->len)) {
        case IMAPID_TLS_HELLO:
            return begin_tls(flow, dir);
        case IMAPID_TLS_RECORD:
            if (has_imap_port(flow))
                return begin_tls(flow, dir);
            break;
        case IMAPID_TLS_SHORT:
            return true;
        case IMAPID_TLS_NOT:
            break;
        }
    }
    return decide_clear(flow, dir);
}

/* Nothing has confirmed the session yet: octets that speak for the other orientation turn it round.
 * False: no IMAP. */
static bool turn_if_wrong(struct imapid_flow *flow, int dir, const uint8_t *octets, size_t n)
{
    if (flow->is_imap)
        return true;
    switch (imapid_decide_unproven(&flow->decide, dir, octets, n)) {
    case IMAPID_DECIDE_NOT:
        return false;
    case IMAPID_DECIDE_TURNED:
        for (unsigned i = 0; i < IMAPID_SLOTS; i++)
            clear_slot(&flow->slots[i]);
        drop_window(flow, IMAPID_CLIENT);
        drop_window(flow, IMAPID_SERVER);
        begin_session(flow);
        return true;
    default:
        return true;
    }
}

/* ---- from the layers ---- */

static void on_clear_data(void *ctx, int dir, const uint8_t *octets, size_t n,
                          const struct imapid_stamp *packet)
{
    struct imapid_flow *flow = ctx;
    bool good = true;

    if (flow->stage == STAGE_UNDECIDED)
        good = decide(flow, dir, octets, n, packet);
    else if (begins_tls(flow, dir, octets, n))
        begin_starttls(flow, octets, n, packet);
    else if (flow->stage == STAGE_IMAP && (good = turn_if_wrong(flow, dir, octets, n)))
        show(flow, side_of(flow, dir), octets, n, packet);
    if (!good)
        flow->stage = STAGE_REJECTED;
}

static void on_clear_gap(void *ctx, int dir, uint64_t n, const struct imapid_stamp *packet)
{
    struct imapid_flow *flow = ctx;

    (void)packet; /* what is cut came before it */
    if (flow->stage == STAGE_UNDECIDED) {
        const struct imapid_decide_early early[2] = {early_of(flow, 0), early_of(flow, 1)};

        if (imapid_decide_lost(&flow->decide, dir, early,
                               !flow->layers && !flow->preface.n_kinds) == IMAPID_DECIDE_IMAP)
            begin_session(flow);
        else if (flow->early[dir])
            g_byte_array_set_size(flow->early[dir], 0);
    }
    if (flow->stage == STAGE_IMAP)
        cut(flow, side_of(flow, dir), n);
}

static void on_stop(void *ctx, int dir)
{
    struct imapid_flow *flow = ctx;

    flow->stopped[dir] = true;
    miss(flow, dir);
}

/* ---- from below ---- */

bool imapid_flow_data(struct imapid_flow *flow, const struct imapid_conn *conn, int dir,
                      const uint8_t *octets, size_t n, const struct imapid_stamp *packet)
{
    flow->conn = conn;
    if (flow->layers)
        imapid_layers_data(flow->layers, dir, octets, n, packet);
    else
        on_clear_data(flow, dir, octets, n, packet);
    account(flow, count_memory(flow));
    if (flow->stage == STAGE_UNDECIDED && flow->layers)
        return is_worth_waiting(flow);
    return flow->stage != STAGE_REJECTED;
}

void imapid_flow_gap(struct imapid_flow *flow, const struct imapid_conn *conn, int dir, uint64_t n,
                     const struct imapid_stamp *packet)
{
    flow->conn = conn;
    if (flow->layers)
        imapid_layers_gap(flow->layers, dir, n, packet);
    else
        on_clear_gap(flow, dir, n, packet);
    account(flow, count_memory(flow));
}

/* Why the session could not be read whole; NULL where it could, or where nothing was hidden. */
static const char *why_not_readable(const struct imapid_flow *flow, const char **phrase)
{
    const char *word = flow->layers ? imapid_layers_get_reason(flow->layers, phrase) : NULL;

    if (word && !strcmp(word, imapid_tls_reason_word(IMAPID_TLS_NO_KEY)) &&
        !imapid_keylog_has_any(flow->context->keylog))
        *phrase = "no key log was given (-l)";
    return word;
}

/* TLS 1.0 and 1.1 must not be used. */
#define TLS_LEAST 0x0303

static char *copy_name(const uint8_t *octets, size_t n)
{
    return n ? g_utf8_make_valid((const char *)octets, (gssize)n) : NULL;
}

/* The protocol of the session, as far as it can be known: see record.h. */
static char *copy_alpn(const struct imapid_tls_info *info)
{
    if (info->n_alpn)
        return copy_name(info->alpn, info->n_alpn);
    if (info->version >= 0x0304 && info->n_alpn_offered > 1 &&
        info->alpn_offered[0] == info->n_alpn_offered - 1)
        return copy_name(info->alpn_offered + 1, info->alpn_offered[0]);
    return NULL;
}

/* The texts are the caller's to free. */
static struct imapid_record_tls describe_tls(const struct imapid_tls_info *info)
{
    struct imapid_record_tls tls = {.seen = info && (info->has_random || info->version)};

    if (!tls.seen)
        return tls;
    if (info->version) {
        tls.version = imapid_record_tls_version(info->version);
        tls.suite =
            info->suite_name ? g_strdup(info->suite_name) : g_strdup_printf("0x%04x", info->suite);
    }
    tls.server_name = copy_name(info->server_name, info->n_server_name);
    tls.alpn = copy_alpn(info);
    return tls;
}

static void clear_tls(struct imapid_record_tls *tls)
{
    g_free((char *)tls->version);
    g_free((char *)tls->suite);
    g_free((char *)tls->server_name);
    g_free((char *)tls->alpn);
}

static struct imapid_record_finding *add_session_finding(struct imapid_record_session *record,
                                                         enum imapid_finding_code code)
{
    struct imapid_record_finding *finding = &record->findings[record->n_findings++];

    *finding = (struct imapid_record_finding){
        .code = code,
        .side = IMAPID_SERVER,
        .field.is_nil = true,
    };
    return finding;
}

static enum imapid_record_ended get_ended(enum imapid_tcp_reason reason)
{
    return reason == IMAPID_TCP_FIN   ? IMAPID_ENDED_FIN
           : reason == IMAPID_TCP_RST ? IMAPID_ENDED_RST
                                      : IMAPID_ENDED_NOT;
}

static void tell_session(struct imapid_flow *flow, enum imapid_tcp_reason reason)
{
    const struct imapid_conn *conn = flow->conn;
    const struct imapid_session *session = &flow->session;
    const char *phrase = NULL;
    const char *word = why_not_readable(flow, &phrase);
    const struct imapid_tls_info *info = flow->layers ? imapid_layers_get_tls(flow->layers) : NULL;
    struct imapid_record_session record = {
        .conn = describe(flow),
        .first_ns = conn->first.ts_ns,
        .last_ns = conn->last.ts_ns,
        .security = session->security,
        .compressed = session->compressed,
        .id_advertised = flow->id_advertised,
        .n_exchanges = flow->n_told,
        .from_start = flow->decide.from_start,
        .ended = get_ended(reason),
        .n_lost = conn->n_lost[0] + conn->n_lost[1],
        .n_resyncs = session->frame[0].n_resyncs + session->frame[1].n_resyncs,
        .not_decrypted = word,
        .not_decrypted_phrase = phrase,
        .tls = describe_tls(info),
    };

    record.n_auths = session->login.n_auths;
    memcpy(record.auths, session->login.auths, sizeof record.auths);
    if (flow->layers)
        record.decrypted = word ? IMAPID_NO : IMAPID_YES;
    if (session->required_by_server)
        add_session_finding(&record, IMAPID_FINDING_REQUIRED_BY_SERVER)->lack =
            session->required_by_server;
    if (info && info->version && info->version < TLS_LEAST)
        add_session_finding(&record, IMAPID_FINDING_OBSOLETE_TLS);
    if (imapid_login_has_cleartext_password(&session->login))
        add_session_finding(&record, IMAPID_FINDING_CLEARTEXT_PASSWORD)->side = IMAPID_CLIENT;
    flow->context->n_sessions++;
    flow->context->n_not_decrypted += word != NULL;
    flow->context->n_lost += record.n_lost;
    flow->context->sink->session(flow->context->sink->ctx, &record);
    clear_tls(&record.tls);
}

/* With FIN, what a side has not sent it never sent; else it may be missing. */
static void end_side(struct imapid_flow *flow, enum imapid_side side, enum imapid_tcp_reason reason)
{
    const char *phrase;

    if (reason != IMAPID_TCP_FIN || why_not_readable(flow, &phrase)) {
        cut(flow, side, 0);
        return;
    }
    imapid_session_close(&flow->session, side);
    empty_window(flow, side);
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
    const char *phrase;

    flow->conn = conn;
    if (flow->layers)
        imapid_layers_finish(flow->layers);
    if (flow->stage == STAGE_UNDECIDED)
        (void)decide_at_last(flow);
    for (int side = 1; side >= 0; side--)
        if (flow->stage == STAGE_IMAP && flow->window[side])
            end_side(flow, (enum imapid_side)side, reason);
    if (reason == IMAPID_TCP_CAPTURE_END || reason == IMAPID_TCP_LIMIT ||
        why_not_readable(flow, &phrase))
        mark_open_as_lost(flow);
    imapid_session_end(&flow->session);
    take_events(flow, NULL, &conn->last);
    if (flow->is_imap || flow->n_told)
        tell_session(flow, reason);
}

void imapid_flow_free(struct imapid_flow *flow)
{
    if (!flow)
        return;
    account(flow, 0);
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        clear_slot(&flow->slots[i]);
    for (int i = 0; i < 2; i++) {
        g_clear_pointer(&flow->early[i], g_byte_array_unref);
        g_clear_pointer(&flow->window[i], g_byte_array_unref);
    }
    imapid_layers_free(flow->layers);
    g_free(flow);
}
