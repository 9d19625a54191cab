/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.c: one TCP connection on its way to records.
 *
 *     octets of TCP -> [TLS, DEFLATE] -> decide (is it IMAP, who is the server)
 *                   -> session -> exchanges
 *
 * Until it is decided, octets wait in `early`. Most connections of a capture are not IMAP and
 * cost a look at their first octets. A connection whose beginning is not in the capture is
 * looked at longer: it may be in the middle of a message. What a session needs is allocated
 * when it is IMAP: that is ten times as much, and strangers open many connections.
 *
 * Refuses a connection that cannot be IMAP, TLS that will never be readable on a port that is
 * not of IMAP, and one that a proxy refused.
 *
 * Misuse: octets of a flow after imapid_flow_data() returned false. */
#define _GNU_SOURCE /* memmem */
#include "follow/flow.h"

#include "follow/fate.h"
#include "follow/layers.h"
#include "follow/slots.h"
#include "follow/summary.h"

#include <imapid/decide.h>
#include <imapid/hello.h>
#include <imapid/preface.h>
#include <imapid/verdict.h>

#include <string.h>

enum stage {
    STAGE_UNDECIDED,
    STAGE_IMAP,     /* octets go to the session */
    STAGE_REJECTED, /* no IMAP, or nothing that will ever be known to be */
    STAGE_DROPPED,  /* of no further use */
};

/* What a flow needs once it is IMAP. */
struct reading {
    struct imapid_session session;
    struct imapid_slots slots;
    struct imapid_stamp window_stamp[2]; /* the packet that brought a window's last octets */
    enum imapid_side side;               /* whose window is read */
    /* Places as imapid_conn.contested has them, to within a segment: where a window begins, by
     * side; and where an exchange does. */
    uint64_t window_place[2];
    struct {
        bool is_there;
        uint64_t place[2];
    } begun[IMAPID_SLOTS];
};

/* What came since both sides agreed on TLS, and is none. */
struct sealed {
    struct imapid_stamp plain[2]; /* by direction: where the first octets are words */
    struct imapid_stamp ssl2;     /* where they are the client's hello of SSL 2.0 */
};

/* Octets that wait for the decision up to here have another stamp than what is behind them: lines of both may be whole. */
struct mark {
    int dir;
    guint end;
    struct imapid_stamp packet;
};

struct imapid_flow {
    struct imapid_flow_context *context;
    const struct imapid_conn *conn; /* during calls from below */
    const struct imapid_conn *home; /* for imapid_flow_find_greediest() */
    enum stage stage;
    enum imapid_known id_advertised; /* as last known; a hole or STARTTLS does not undo it */
    enum imapid_security security;   /* from the beginning of the session on */
    bool is_imap;
    bool to_tls, to_deflate;        /* it is TLS, or DEFLATE */
    bool switched;                  /* a layer was added in the middle of a window */
    uint8_t n_layers;               /* added */
    bool stopped[2];                /* by direction: nothing more of it can be decrypted */
    bool lacks_early[2];            /* by direction: octets were lost before it was decided */
    bool is_early_told[2];          /* by direction: the listener has these */
    bool has_sealed[2];             /* by direction: octets came since both sides agreed on TLS */
    bool is_tail_lost[2];           /* by direction: nothing was read behind the last gap */
    bool is_half_seen;              /* as the connection was so far */
    bool waits_for_syn;             /* rejected by what a server said before its SYN */
    uint8_t early_last;             /* the direction that spoke last while undecided: not the one
                                     * whose packet was captured last */
    enum imapid_opening opening[2]; /* by direction: what its first octets are */
    const char *speaks[2];          /* by direction: see imapid_verdict_greeting() */
    struct imapid_stamp started[2]; /* by direction: the packet with its first octets */
    struct imapid_decide decide;    /* whether it is IMAP, and who is the client */
    GByteArray *early[2];           /* by direction, while undecided */
    struct imapid_stamp early_stamp[2]; /* the packets with the last of these */
    GArray *marks; /* of struct mark, in order; NULL: the octets of both have one stamp each */
    /* What proxies say before the first octet of IMAP; NULL: nobody has looked. */
    struct imapid_preface *preface;
    const char
        *greets_as; /* where it is no IMAP, and has a port of it: see imapid_verdict_greeting() */
    struct imapid_layers *layers; /* NULL: octets of TCP are octets of IMAP */
    struct sealed *sealed;   /* NULL: what came since both sides agreed on TLS is nothing else */
    GByteArray *window[2];   /* by side: octets the session wants to see again */
    uint64_t place[2];       /* by direction: where the octets that came last begin */
    struct reading *reading; /* NULL until it is IMAP */
    uint64_t n_told;         /* exchanges told */
    uint64_t n_drops;        /* of the context, when the flow began */
    struct imapid_holder holder; /* its data is the flow */
};

/* ---- memory ---- */

/* The octets of an array, with the room that GLib keeps behind them. */
static size_t count_array(const GByteArray *array)
{
    return array ? sizeof *array + 2 * (size_t)array->len : 0;
}

static size_t count_memory(const struct imapid_flow *flow)
{
    size_t n = sizeof *flow + imapid_tcp_count_memory();

    for (int i = 0; i < 2; i++)
        n += count_array(flow->early[i]) + count_array(flow->window[i]);
    n += flow->marks ? sizeof *flow->marks + 2 * flow->marks->len * sizeof(struct mark) : 0;
    n += (flow->preface ? sizeof *flow->preface : 0) + (flow->sealed ? sizeof *flow->sealed : 0);
    if (flow->reading)
        n += sizeof *flow->reading + flow->reading->slots.n_octets;
    return n + (flow->layers ? imapid_layers_count_memory(flow->layers) : 0);
}

static void account(struct imapid_flow *flow)
{
    imapid_holders_set(&flow->context->holders, &flow->holder, count_memory(flow));
}

const struct imapid_conn *imapid_flow_find_greediest(const struct imapid_flow_context *context,
                                                     const struct imapid_flow_context *other)
{
    const struct imapid_flow *flow =
        imapid_holders_find_greediest(&context->holders, other ? &other->holders : NULL);

    return flow ? flow->home : NULL;
}

static void init_decide(struct imapid_flow *flow, const struct imapid_conn *conn)
{
    imapid_decide_init(
        &flow->decide, conn->from_start, conn->is_half_seen, conn->client,
        imapid_decide_client_by_port(conn->endpoint[0].port, conn->endpoint[1].port));
    flow->is_half_seen = conn->is_half_seen;
}

struct imapid_flow *imapid_flow_new(void)
{
    return g_new0(struct imapid_flow, 1);
}

void imapid_flow_begin(struct imapid_flow *flow, struct imapid_flow_context *context,
                       const struct imapid_conn *conn, const struct imapid_conn *home)
{
    flow->context = context;
    init_decide(flow, conn);
    flow->conn = conn;
    flow->home = home;
    flow->n_drops = context->n_drops;
    flow->holder.link.data = flow;
    account(flow);
}

static const struct imapid_preface *get_preface(const struct imapid_flow *flow)
{
    static const struct imapid_preface none;

    return flow->preface ? flow->preface : &none;
}

/* Family 0: none was named. */
static struct imapid_endpoint get_proxied_client(const struct imapid_flow *flow)
{
    const struct imapid_proxy_header *client = &get_preface(flow)->client;
    struct imapid_endpoint endpoint = {.family = client->family, .port = client->port};

    memcpy(endpoint.address, client->address, sizeof client->address);
    return endpoint;
}

/* The doubts with their frames as they count in this file. */
static struct imapid_doubts locate_doubts(const struct imapid_flow *flow, const char *file)
{
    const struct imapid_flow_context *context = flow->context;
    struct imapid_doubts located = {0};

    if (flow->conn->doubts)
        located = *flow->conn->doubts;
    if (context->n_drops != flow->n_drops)
        imapid_doubts_add(&located, IMAPID_DOUBT_PACKETS_DROPPED, context->drop_frame);
    for (int i = 0; i < IMAPID_N_DOUBTS; i++)
        for (unsigned k = 0; k < imapid_doubts_count_frames(&located, (enum imapid_doubt)i); k++)
            if (imapid_frames_locate(flow->context->files, &located.of[i].frames[k]) != file)
                located.of[i].frames[k] = 0;
    return located;
}

/* The client's direction, as far as it is known. */
static int get_client(const struct imapid_flow *flow)
{
    return flow->decide.client >= 0 ? flow->decide.client : flow->decide.by_port > 0;
}

static struct imapid_record_conn describe(const struct imapid_flow *flow)
{
    const struct imapid_conn *conn = flow->conn;
    int client = get_client(flow);
    uint64_t first = conn->first.number;
    const char *file = imapid_frames_locate(flow->context->files, &first);

    struct imapid_record_conn record = {
        .file = file,
        .stream = conn->stream_in_file,
        .stream_of_run = conn->stream,
        .client = conn->endpoint[client],
        .server = conn->endpoint[!client],
        .proxied_client = get_proxied_client(flow),
        .first_frame = first,
    };

    if (conn->path)
        record.path = *conn->path;
    if (conn->doubts || flow->context->n_drops != flow->n_drops)
        record.doubts = locate_doubts(flow, file);
    return record;
}

/* ---- what is contested ---- */

static int dir_of(const struct imapid_flow *flow, enum imapid_side side)
{
    return side == IMAPID_CLIENT ? flow->decide.client : !flow->decide.client;
}

/* Where a side is now. In what comes through a layer, places are not known. */
static uint64_t get_place(const struct imapid_flow *flow, enum imapid_side side)
{
    int dir = dir_of(flow, side);

    if (flow->layers)
        return 0;
    return flow->window[side] || flow->reading->side == side
               ? flow->reading->window_place[side]
               : flow->conn->n_octets[dir] + flow->conn->n_lost[dir];
}

/* An event of a slot: the exchange begins here, if it is the first. */
static void note_place(struct imapid_flow *flow, unsigned slot)
{
    for (int side = 0; side < 2; side++) {
        uint64_t place = get_place(flow, (enum imapid_side)side);

        if (!flow->reading->begun[slot].is_there || place < flow->reading->begun[slot].place[side])
            flow->reading->begun[slot].place[side] = place;
    }
    flow->reading->begun[slot].is_there = true;
}

/* Were octets of an exchange, or those between its first and its last one, sent twice with other
 * content? */
static bool is_contested(const struct imapid_flow *flow, unsigned slot)
{
    const struct imapid_conn_contested *contested = flow->conn->contested;

    for (int side = 0; contested && side < 2; side++)
        if (contested->of[dir_of(flow, (enum imapid_side)side)].to >
            flow->reading->begun[slot].place[side])
            return true;
    return false;
}

static void tell_exchange(struct imapid_flow *flow, struct imapid_record_exchange *record)
{
    record->conn = describe(flow);
    imapid_frames_locate_exchange(flow->context->files, record);
    flow->n_told++;
    flow->context->n_exchanges++;
    if (flow->layers)
        imapid_layers_charge(flow->layers, record->command.n_raw + record->response.n_raw);
    flow->context->sink->exchange(flow->context->sink->ctx, record);
    imapid_record_exchange_free(record);
}

static void add_layer(struct imapid_flow *flow, void (*add)(struct imapid_layers *));

static bool is_of_slot(enum imapid_event_kind kind)
{
    return kind != IMAPID_EVENT_TLS && kind != IMAPID_EVENT_DEFLATE && kind != IMAPID_EVENT_SASL;
}

static void take_event(struct imapid_flow *flow, const struct imapid_event *event,
                       const struct imapid_unit *unit, const struct imapid_stamp *packet)
{
    struct imapid_record_exchange *record =
        imapid_slots_take(&flow->reading->slots, event,
                          &flow->reading->session.exchanges.slots[event->slot], unit, packet);

    if (is_of_slot(event->kind))
        note_place(flow, event->slot);
    if (record) {
        record->complete &= !is_contested(flow, event->slot);
        tell_exchange(flow, record);
    }
    if (record || event->kind == IMAPID_EVENT_DROP)
        flow->reading->begun[event->slot].is_there = false;
    else if (event->kind == IMAPID_EVENT_TLS)
        add_layer(flow, imapid_layers_add_tls);
    else if (event->kind == IMAPID_EVENT_DEFLATE)
        add_layer(flow, imapid_layers_add_deflate);
    else if (event->kind == IMAPID_EVENT_SASL)
        add_layer(flow, imapid_layers_add_sasl);
}

static void take_events(struct imapid_flow *flow, const struct imapid_unit *unit,
                        const struct imapid_stamp *packet)
{
    struct imapid_event event;

    while (imapid_session_event(&flow->reading->session, &event))
        take_event(flow, &event, unit, packet);
    if (flow->reading->session.exchanges.now.advertised != IMAPID_UNKNOWN)
        flow->id_advertised = flow->reading->session.exchanges.now.advertised;
    flow->is_imap |= flow->reading->session.frame[IMAPID_CLIENT].sync == IMAPID_SYNC_SURE ||
                     flow->reading->session.frame[IMAPID_SERVER].sync == IMAPID_SYNC_SURE;
}

/* ---- who listens ---- */

static void tell_octets(const struct imapid_flow *flow, int dir, const uint8_t *octets, size_t n,
                        const struct imapid_stamp *packet)
{
    const struct imapid_flow_listener *listener = flow->context->listener;

    if (listener)
        listener->octets(listener->ctx, flow->conn, dir, octets, n, packet);
}

/* What waits for the decision, before what comes next: that goes into a layer. */
static void tell_early(struct imapid_flow *flow, int dir)
{
    const GByteArray *early = flow->early[dir];

    if (!early || !early->len)
        return;
    flow->is_early_told[dir] = true;
    tell_octets(flow, dir, early->data, early->len, &flow->early_stamp[dir]);
}

static void take_back(const struct imapid_flow *flow, int dir, size_t n)
{
    const struct imapid_flow_listener *listener = flow->context->listener;

    if (listener && n)
        listener->take_back(listener->ctx, flow->conn, dir, n);
}

static void tell_gap(const struct imapid_flow *flow, int dir, uint64_t n,
                     const struct imapid_stamp *packet)
{
    const struct imapid_flow_listener *listener = flow->context->listener;

    if (listener)
        listener->gap(listener->ctx, flow->conn, dir, n, packet);
}

/* The first octets of a direction. */
static void tell_proxy(const struct imapid_flow *flow, int dir, const uint8_t *octets, size_t n,
                       const struct imapid_stamp *packet)
{
    const struct imapid_flow_listener *listener = flow->context->listener;

    if (listener && flow->opening[dir] == IMAPID_OPENING_PROXY && get_preface(flow)->n_kinds == 1)
        listener->proxy(listener->ctx, flow->conn, dir, octets, n, packet);
}

static void tell_deflate(const struct imapid_flow *flow)
{
    const struct imapid_flow_listener *listener = flow->context->listener;

    if (listener)
        listener->deflate(listener->ctx, flow->conn);
}

static void tell_sealed(const struct imapid_flow *flow, int dir, const uint8_t *octets, size_t n,
                        const struct imapid_stamp *packet)
{
    const struct imapid_flow_listener *listener = flow->context->listener;

    if (listener && imapid_layers_get_tls(flow->layers))
        listener->sealed(listener->ctx, flow->conn, dir, octets, n, packet);
}

/* ---- octets for the session ---- */

static enum imapid_side side_of(const struct imapid_flow *flow, int dir)
{
    return dir == flow->decide.client ? IMAPID_CLIENT : IMAPID_SERVER;
}

static void drop_window(struct imapid_flow *flow, enum imapid_side side)
{
    g_clear_pointer(&flow->window[side], g_byte_array_unref);
}

static void note_sealed(struct imapid_flow *flow, int dir, const uint8_t *octets, size_t n,
                        const struct imapid_stamp *packet)
{
    enum imapid_opening opening;

    if (!n || flow->has_sealed[dir])
        return;
    flow->has_sealed[dir] = true;
    opening = imapid_verdict_opening(octets, n);
    bool is_ssl2 = opening == IMAPID_OPENING_SSL2 && dir == flow->decide.client;
    if (!imapid_opening_is_text(opening) && !is_ssl2)
        return;
    if (!flow->sealed)
        flow->sealed = g_new0(struct sealed, 1);
    *(is_ssl2 ? &flow->sealed->ssl2 : &flow->sealed->plain[dir]) = *packet;
}

/* What is no TLS was said in the clear, perhaps by somebody in between: both ends have forgotten it,
 * or there would be no TLS (RFC 9051 6.2.1). */
static void feed_early(struct imapid_flow *flow, enum imapid_side side, const uint8_t *octets,
                       size_t n, const struct imapid_stamp *packet)
{
    if (flow->to_tls && imapid_tls_recognise(octets, n) == IMAPID_TLS_NOT) {
        imapid_session_note_clear(&flow->reading->session, side, octets, n);
        note_sealed(flow, dir_of(flow, side), octets, n, &flow->reading->window_stamp[side]);
        return;
    }
    if (flow->to_tls && n)
        tell_sealed(flow, dir_of(flow, side), octets, n, packet);
    imapid_layers_feed(flow->layers, dir_of(flow, side), octets, n, packet);
}

/* Behind the unit that was read both sides speak through another layer: what was already taken for
 * octets of the session goes through it. The rest of the window of `side` is `octets`. */
static void feed_layer(struct imapid_flow *flow, enum imapid_side side, const uint8_t *octets,
                       size_t n, const struct imapid_stamp *packet)
{
    enum imapid_side other = imapid_side_other(side);
    GByteArray *waiting = g_steal_pointer(&flow->window[other]);

    flow->switched = false;
    imapid_session_resume(&flow->reading->session);
    if (waiting)
        take_back(flow, dir_of(flow, other), waiting->len);
    if (flow->to_deflate)
        tell_deflate(flow);
    if (waiting) {
        feed_early(flow, other, waiting->data, waiting->len, packet);
        g_byte_array_unref(waiting);
    }
    feed_early(flow, side, octets, n, packet);
}

/* Reads a window as far as it goes; returns the octets used. */
static size_t read_window(struct imapid_flow *flow, enum imapid_side side, const uint8_t *octets,
                          size_t n, const struct imapid_stamp *packet)
{
    struct imapid_unit unit;
    size_t at = 0, n_used;

    for (;;) {
        flow->reading->session.outcome.now = (struct imapid_moment){packet->number, packet->ts_ns};
        switch (imapid_session_read(&flow->reading->session, side, octets + at, n - at, &unit,
                                    &n_used)) {
        case IMAPID_SESSION_MORE:
            return at + n_used;
        case IMAPID_SESSION_UNIT:
        case IMAPID_SESSION_PASSED:
            at += n_used;
            flow->reading->side = side;
            take_events(flow, &unit, packet);
            if (flow->switched) {
                take_back(flow, dir_of(flow, side), n - at);
                feed_layer(flow, side, octets + at, n - at, packet);
                return n;
            }
            break;
        case IMAPID_SESSION_OTHER_SIDE: {
            GByteArray *other = flow->window[IMAPID_CLIENT];
            size_t used =
                read_window(flow, IMAPID_CLIENT, other ? other->data : octets,
                            other ? other->len : 0, &flow->reading->window_stamp[IMAPID_CLIENT]);

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

    if (!flow->is_early_told[dir_of(flow, side)])
        tell_octets(flow, dir_of(flow, side), octets, n, packet);
    flow->is_early_told[dir_of(flow, side)] = false;
    flow->reading->window_stamp[side] = *packet;
    if (!window)
        flow->reading->window_place[side] = flow->place[dir_of(flow, side)];
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
        if (used)
            flow->reading->window_place[side] = flow->place[dir_of(flow, side)];
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
        (void)read_window(flow, side, window->data, window->len,
                          &flow->reading->window_stamp[side]);
        g_byte_array_unref(window);
    }
}

/* Nothing comes behind the window, or nothing known. */
static void cut(struct imapid_flow *flow, enum imapid_side side, uint64_t n)
{
    imapid_session_gap(&flow->reading->session, side, n);
    empty_window(flow, side);
}

/* What a direction says cannot be read any more: that is missing, for all that the other says. */
static void miss(struct imapid_flow *flow, int dir)
{
    if (flow->stage != STAGE_IMAP)
        return;
    tell_gap(flow, dir, 0, &flow->conn->last);
    cut(flow, side_of(flow, dir), 0);
}

/* ---- the decision ---- */

static struct imapid_decide_early early_of(const struct imapid_flow *flow, int dir)
{
    const GByteArray *early = flow->early[dir];

    return early ? (struct imapid_decide_early){early->data, early->len}
                 : (struct imapid_decide_early){NULL, 0};
}

static struct reading *get_reading(struct imapid_flow *flow)
{
    if (!flow->reading) {
        flow->context->readings.size = sizeof *flow->reading;
        flow->reading = imapid_large_take(&flow->context->readings);
        memset(flow->reading, 0, sizeof *flow->reading);
        flow->reading->session.exchanges.now.security = flow->security;
    }
    return flow->reading;
}

/* More octets come behind those that wait. */
static void mark_early(struct imapid_flow *flow, int dir)
{
    const GByteArray *early = flow->early[dir];
    struct mark mark = {.dir = dir, .packet = flow->early_stamp[dir]};

    if (!early)
        return;
    for (guint i = flow->marks ? flow->marks->len : 0; i-- > 0 && !mark.end;)
        if (g_array_index(flow->marks, struct mark, i).dir == dir)
            mark.end = g_array_index(flow->marks, struct mark, i).end;
    if (!memchr(early->data + mark.end, '\n', early->len - mark.end))
        return;
    mark.end = early->len;
    if (!flow->marks)
        flow->marks = g_array_new(FALSE, FALSE, sizeof mark);
    g_array_append_val(flow->marks, mark);
}

/* The first n octets that wait are taken away. */
static void move_marks(struct imapid_flow *flow, int dir, size_t n)
{
    for (guint i = 0; flow->marks && i < flow->marks->len; i++) {
        struct mark *mark = &g_array_index(flow->marks, struct mark, i);

        if (mark->dir == dir)
            mark->end = mark->end > n ? mark->end - (guint)n : 0;
    }
}

/* Shows what waited, each line with the packet that brought its end. Where one begins a layer, the rest is for that. */
static void show_early(struct imapid_flow *flow, int dir, const GByteArray *early,
                       const GArray *marks)
{
    const struct mark last = {dir, early->len, flow->early_stamp[dir]};
    bool is_told = flow->is_early_told[dir];
    unsigned n_layers = flow->n_layers;
    guint at = 0;

    for (guint i = 0; i <= (marks ? marks->len : 0) && at < early->len; i++) {
        const struct mark *mark =
            marks && i < marks->len ? &g_array_index(marks, struct mark, i) : &last;

        if (mark->dir != dir || mark->end <= at)
            continue;
        if (flow->n_layers == n_layers) {
            flow->is_early_told[dir] = is_told;
            show(flow, side_of(flow, dir), early->data + at, mark->end - at, &mark->packet);
        } else {
            imapid_layers_feed(flow->layers, dir, early->data + at, mark->end - at, &mark->packet);
        }
        at = mark->end;
    }
}

static void begin_session(struct imapid_flow *flow)
{
    struct imapid_session *session = &get_reading(flow)->session;
    GArray *marks = g_steal_pointer(&flow->marks);

    flow->stage = STAGE_IMAP;
    flow->place[0] = flow->place[1] = 0;
    imapid_session_init(session, flow->decide.is_greeted, session->exchanges.now.security);
    for (int dir = 0; dir < 2; dir++) {
        bool has_hole = flow->decide.is_greeted && flow->lacks_early[dir];

        if (has_hole || flow->stopped[dir])
            miss(flow, dir);
        else if (flow->lacks_early[dir]) /* the session begins behind it */
            tell_gap(flow, dir, 0, &flow->conn->last);
    }
    for (int i = 0; i < 2; i++) {
        int dir = i ? flow->early_last
                    : !flow->early_last; /* as they came: not every client waits for the greeting */
        GByteArray *early = g_steal_pointer(&flow->early[dir]);

        if (!early)
            continue;
        show_early(flow, dir, early, marks);
        g_byte_array_unref(early);
    }
    if (marks)
        g_array_unref(marks);
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
static void on_broken(void *ctx, int dir, size_t n, const struct imapid_stamp *packet);
static void on_stop(void *ctx, int dir);

static void add_layer(struct imapid_flow *flow, void (*add)(struct imapid_layers *))
{
    struct imapid_layers_handler handler = {on_clear_data, on_clear_gap, on_broken, on_stop, flow};

    if (!flow->layers)
        flow->layers = imapid_layers_new(&handler, flow->context->keylog, flow->context->n_hold,
                                         &flow->context->n_inflate);
    add(flow->layers);
    flow->n_layers++;
    flow->switched = flow->stage == STAGE_IMAP;
    flow->to_tls = add == imapid_layers_add_tls;
    flow->to_deflate = add == imapid_layers_add_deflate;
}

static bool has_port(const struct imapid_conn *conn, uint16_t port)
{
    return conn->endpoint[0].port == port || conn->endpoint[1].port == port;
}

/* Does the connection, or what a proxy opened for it, have the port of IMAP over TLS? */
static bool has_imap_port(const struct imapid_flow *flow)
{
    return has_port(flow->conn, IMAPID_PORT_IMAPS) || get_preface(flow)->port == IMAPID_PORT_IMAPS;
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
    struct imapid_keylog *keylog = flow->context->keylog;
    bool wanted = has_imap_port(flow) || has_port(flow->conn, IMAPID_PORT_IMAP) ||
                  may_offer_imap(early) || (keylog && imapid_keylog_get_generation(keylog)) ||
                  (flow->context->n_hold && imapid_keylog_has_any(keylog));

    move_marks(flow, dir, early->len);
    if (wanted) {
        flow->security = after_starttls ? IMAPID_SECURITY_STARTTLS : IMAPID_SECURITY_TLS;
        if (flow->decide.client < 0)
            flow->decide.client = flow->decide.by_port;
        add_layer(flow, imapid_layers_add_tls);
        for (int i = 0; i < 2; i++)
            if (flow->lacks_early[i])
                tell_gap(flow, i, 0, &flow->early_stamp[dir]);
        memset(flow->lacks_early, 0, sizeof flow->lacks_early); /* that was before TLS */
        tell_early(flow, !dir);                                 /* and so was this */
        tell_sealed(flow, dir, early->data, early->len, &flow->early_stamp[dir]);
        imapid_layers_data(flow->layers, dir, early->data, early->len, &flow->early_stamp[dir]);
    }
    g_byte_array_unref(early);
    return wanted;
}

/* Does the client begin TLS where STARTTLS, or the answer, was lost? */
static bool begins_tls(struct imapid_flow *flow, int dir, const uint8_t *octets, size_t n)
{
    return flow->stage == STAGE_IMAP && !flow->layers && dir == flow->decide.client &&
           !flow->window[IMAPID_CLIENT] && imapid_hello_is_clients(octets, n) &&
           imapid_session_miss_starttls(&flow->reading->session);
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
    flow->is_imap |=
        has_imap_port(flow) || has_alpn_imap(info) || flow->security == IMAPID_SECURITY_STARTTLS;
    return flow->is_imap || info->stopped[0] == IMAPID_TLS_OK || info->stopped[1] == IMAPID_TLS_OK;
}

/* ---- the first octets ---- */

/* Takes off what a proxy, or a client to its proxy, says first. */
static enum imapid_preface_status take_preface(struct imapid_flow *flow, int dir)
{
    GByteArray *early = flow->early[dir];
    enum imapid_preface_status status;
    size_t n_used;

    if (!flow->preface)
        flow->preface = g_new0(struct imapid_preface, 1);
    while ((status = imapid_preface_read(flow->preface, dir == flow->decide.client, early->data,
                                         early->len, &n_used)) == IMAPID_PREFACE_OK) {
        tell_proxy(flow, dir, early->data, n_used, &flow->early_stamp[dir]);
        g_byte_array_remove_range(early, 0, (guint)n_used);
        move_marks(flow, dir, n_used);
    }
    return status;
}

/* The first n octets that wait are not needed. Nor is the room for them: strangers open many connections. */
static void drop_early(struct imapid_flow *flow, int dir, size_t n)
{
    GByteArray *early = flow->early[dir];

    if (!n)
        return;
    move_marks(flow, dir, n);
    flow->early[dir] = NULL;
    if (n < early->len) {
        flow->early[dir] = g_byte_array_new();
        g_byte_array_append(flow->early[dir], early->data + n, early->len - (guint)n);
    }
    g_byte_array_unref(early);
}

/* What is in the clear. False: no IMAP. */
static bool decide_clear(struct imapid_flow *flow, int dir)
{
    const struct imapid_decide_early early[2] = {early_of(flow, 0), early_of(flow, 1)};
    size_t n_drop;
    enum imapid_decide_status status = imapid_decide_begin(&flow->decide, dir, early, &n_drop);

    drop_early(flow, dir, n_drop);
    if (status == IMAPID_DECIDE_IMAP)
        begin_session(flow);
    return status != IMAPID_DECIDE_NOT;
}

static bool decide(struct imapid_flow *flow, int dir, const uint8_t *octets, size_t n,
                   const struct imapid_stamp *packet)
{
    mark_early(flow, dir);
    if (!flow->early[dir])
        flow->early[dir] = g_byte_array_new();
    g_byte_array_append(flow->early[dir], octets, (guint)n);
    flow->early_stamp[dir] = *packet;
    flow->early_last = (uint8_t)dir;
    if (flow->is_early_told[dir])
        tell_octets(flow, dir, octets, n, packet);
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
            if (flow->opening[dir] == IMAPID_OPENING_SSL2 && has_imap_port(flow))
                return begin_tls(flow, dir);
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
        imapid_slots_clear(&flow->reading->slots);
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

/* Octets are lost behind those that wait for the decision, which will be made without these. */
static void lose_early(struct imapid_flow *flow, int dir)
{
    flow->lacks_early[dir] = true;
    flow->is_early_told[dir] = false;
    if (flow->early[dir])
        move_marks(flow, dir, flow->early[dir]->len);
    g_clear_pointer(&flow->early[dir], g_byte_array_unref);
}

static void on_clear_gap(void *ctx, int dir, uint64_t n, const struct imapid_stamp *packet)
{
    struct imapid_flow *flow = ctx;

    if (flow->stage == STAGE_UNDECIDED) {
        const struct imapid_decide_early early[2] = {early_of(flow, 0), early_of(flow, 1)};

        if (imapid_decide_lost(&flow->decide, dir, early,
                               !flow->layers && !get_preface(flow)->n_kinds) == IMAPID_DECIDE_IMAP)
            begin_session(flow);
        else
            lose_early(flow, dir);
    }
    if (flow->stage != STAGE_IMAP)
        return;
    tell_gap(flow, dir, n, packet);
    cut(flow, side_of(flow, dir), n); /* what is cut came before the packet */
}

static void on_broken(void *ctx, int dir, size_t n, const struct imapid_stamp *packet)
{
    const struct imapid_flow *flow = ctx;
    const struct imapid_flow_listener *listener = flow->context->listener;

    if (listener)
        listener->broken(listener->ctx, flow->conn, dir, n, packet);
}

static void on_stop(void *ctx, int dir)
{
    struct imapid_flow *flow = ctx;

    flow->stopped[dir] = true;
    miss(flow, dir);
}

/* ---- no IMAP on a port of IMAP ---- */

bool imapid_flow_tells_anyway(const struct imapid_conn *conn)
{
    int client = conn->from_start
                     ? conn->client
                     : imapid_decide_client_by_port(conn->endpoint[0].port, conn->endpoint[1].port);

    return client >= 0 && imapid_decide_is_told(conn->endpoint[!client].port, conn->from_start,
                                                conn->n_octets[0] + conn->n_octets[1] > 0,
                                                conn->is_reset && conn->ttl[0] && conn->ttl[1]);
}

/* False: it is of no further use. */
static bool reject(struct imapid_flow *flow)
{
    const GByteArray *greeting = flow->early[flow->conn->client ? 0 : 1];

    flow->stage = STAGE_REJECTED;
    if (!imapid_flow_tells_anyway(flow->conn))
        return false;
    if (greeting && flow->conn->client >= 0)
        flow->greets_as = imapid_verdict_greeting(greeting->data, greeting->len);
    for (int dir = 0; dir < 2; dir++) {
        if (flow->early[dir] && flow->early[dir]->len && !flow->layers)
            tell_octets(flow, dir, flow->early[dir]->data, flow->early[dir]->len,
                        &flow->early_stamp[dir]);
        g_clear_pointer(&flow->early[dir], g_byte_array_unref);
    }
    g_clear_pointer(&flow->marks, g_array_unref);
    return true;
}

/* ---- what came before the server's SYN ----
 *
 * Anybody can have sent that, and the client drops it (RFC 9293 3.10.7.3). So it decides that this is no IMAP only where the
 * SYN does not come behind it. */

static bool may_be_strangers(const struct imapid_flow *flow)
{
    return flow->is_half_seen && flow->conn->client >= 0 &&
           !flow->started[flow->conn->client].number;
}

/* Forgets the server's octets. Where they may be its own, captured before their SYN, others stand behind them. */
static void begin_anew(struct imapid_flow *flow)
{
    int server = !flow->conn->client;

    g_clear_pointer(&flow->layers, imapid_layers_free);
    g_clear_pointer(&flow->sealed, g_free);
    g_clear_pointer(&flow->preface, g_free);
    memset(&flow->started[server], 0, sizeof flow->started[server]);
    flow->opening[server] = IMAPID_OPENING_OTHER;
    flow->speaks[server] = NULL;
    flow->has_sealed[server] = flow->stopped[server] = flow->to_tls = false;
    flow->security = IMAPID_SECURITY_NONE;
    flow->stage = STAGE_UNDECIDED;
    init_decide(flow, flow->conn);
    if (flow->conn->begins_anew)
        drop_early(flow, server, flow->early[server] ? flow->early[server]->len : 0);
    else
        on_clear_gap(flow, server, 0, &flow->conn->last);
}

/* Before all that comes: has the server's SYN come since? */
static void look_for_syn(struct imapid_flow *flow)
{
    if (!flow->is_half_seen || flow->conn->is_half_seen)
        return;
    if (flow->waits_for_syn || (flow->stage == STAGE_UNDECIDED && may_be_strangers(flow)))
        begin_anew(flow);
    flow->is_half_seen = flow->waits_for_syn = false;
}

/* ---- from below ---- */

bool imapid_flow_data(struct imapid_flow *flow, const struct imapid_conn *conn, int dir,
                      const uint8_t *octets, size_t n, const struct imapid_stamp *packet)
{
    bool begins;

    if (flow->stage == STAGE_DROPPED)
        return true;
    flow->conn = conn;
    look_for_syn(flow);
    if (flow->waits_for_syn)
        return false;
    begins = !flow->started[dir].number;
    flow->is_tail_lost[dir] = false;
    if (begins) {
        flow->started[dir] = *packet;
        if (conn->from_start && !conn->n_lost[dir]) {
            flow->opening[dir] = imapid_verdict_opening(octets, n);
            flow->speaks[dir] = imapid_verdict_greeting(octets, n);
        }
    }
    if (flow->stage == STAGE_REJECTED) {
        if (begins && conn->client >= 0 && dir != conn->client)
            flow->greets_as = imapid_verdict_greeting(octets, n);
        if (!flow->layers)
            tell_octets(flow, dir, octets, n, packet);
        return true;
    }
    flow->place[dir] = conn->n_octets[dir] + conn->n_lost[dir];
    if (flow->layers) {
        if (flow->to_tls)
            note_sealed(flow, dir, octets, n, packet);
        tell_sealed(flow, dir, octets, n, packet);
        imapid_layers_data(flow->layers, dir, octets, n, packet);
    } else {
        on_clear_data(flow, dir, octets, n, packet);
    }
    if (flow->stage == STAGE_REJECTED ||
        (flow->stage == STAGE_UNDECIDED && flow->layers && !is_worth_waiting(flow))) {
        bool keep = reject(flow);

        flow->waits_for_syn = !keep && may_be_strangers(flow);
        account(flow);
        return keep || flow->waits_for_syn;
    }
    account(flow);
    return true;
}

void imapid_flow_gap(struct imapid_flow *flow, const struct imapid_conn *conn, int dir, uint64_t n,
                     const struct imapid_stamp *packet)
{
    if (flow->stage == STAGE_DROPPED)
        return;
    flow->conn = conn;
    look_for_syn(flow);
    if (!n && conn->begins_anew && !flow->started[dir].number)
        return; /* it goes on at its SYN, and nothing is missing there */
    flow->is_tail_lost[dir] = true;
    if (flow->layers) {
        tell_sealed(flow, dir, NULL, n, packet);
        imapid_layers_gap(flow->layers, dir, n, packet);
    } else {
        on_clear_gap(flow, dir, n, packet);
    }
    account(flow);
}

void imapid_flow_retry_all(struct imapid_flow_context *context)
{
    GPtrArray *flows = imapid_holders_list(&context->holders);

    for (guint i = 0; i < flows->len; i++) {
        struct imapid_flow *flow = flows->pdata[i];

        if (flow->layers)
            imapid_layers_retry(flow->layers);
        account(flow);
    }
    g_ptr_array_unref(flows);
}

/* Why the session could not be read whole; NULL where it could, or where nothing was hidden. */
static const char *why_not_readable(const struct imapid_flow *flow, const char **phrase)
{
    /* Of a connection to a port of IMAP too little came to tell what it was. */
    if (!flow->is_imap && !flow->n_told && !flow->layers && !flow->greets_as &&
        flow->conn->ttl[0] && flow->conn->ttl[1] &&
        (flow->conn->n_lost[0] || flow->conn->n_lost[1])) {
        *phrase = "its octets are missing from the capture";
        return imapid_tls_reason_word(IMAPID_TLS_LOST);
    }
    const char *word =
        flow->layers ? imapid_layers_get_reason(flow->layers, get_client(flow), phrase) : NULL;

    if (word && !strcmp(word, imapid_tls_reason_word(IMAPID_TLS_NO_KEY)) &&
        !imapid_keylog_has_any(flow->context->keylog))
        *phrase = "no key log was given (-l)";
    return word;
}

static void tell_fate(const struct imapid_flow *flow, struct imapid_fate_told *told,
                      struct imapid_record_session *record)
{
    const struct imapid_session *session = &flow->reading->session;
    static const struct sealed none;
    const struct sealed *sealed = flow->sealed ? flow->sealed : &none;
    int client = get_client(flow);
    const struct imapid_fate fate = {
        .is_starttls = record->security == IMAPID_SECURITY_STARTTLS,
        .files = flow->context->files,
        .conn = flow->conn,
        .client = client,
        .started = flow->started,
        .opening = flow->opening,
        .is_tail_lost = flow->is_tail_lost,
        .layers = flow->layers,
        .plain = sealed->plain,
        .ssl2 = flow->opening[client] == IMAPID_OPENING_SSL2 ? flow->started[client] : sealed->ssl2,
        .not_decrypted = record->not_decrypted,
        /* What answers a ClientHello may be no TLS. */
        .greets_as = imapid_opening_is_hello(flow->opening[client]) ? flow->speaks[!client]
                                                                    : flow->greets_as,
    };

    imapid_fate_tell(&fate, &session->outcome, &session->login, told, record);
}

static void tell_session(struct imapid_flow *flow, enum imapid_tcp_reason reason)
{
    const struct imapid_conn *conn = flow->conn;
    const struct imapid_session *session = &flow->reading->session;
    const char *phrase = NULL;
    const char *word = why_not_readable(flow, &phrase);
    const struct imapid_tls_info *info = flow->layers ? imapid_layers_get_tls(flow->layers) : NULL;
    struct imapid_fate_told told;
    struct imapid_record_session record = {
        .conn = describe(flow),
        .first_ns = conn->first.ts_ns,
        .last_ns = conn->last.ts_ns,
        .security = session->exchanges.now.security,
        .compressed = session->exchanges.now.compressed,
        .id_advertised = flow->id_advertised,
        .n_exchanges = flow->n_told,
        /* Nothing was read: of two holes the one that is told first decides nothing. */
        .from_start = flow->stage == STAGE_UNDECIDED ? conn->from_start : flow->decide.from_start,
        .gave_way = reason == IMAPID_TCP_LIMIT,
        .n_lost = conn->n_lost[0] + conn->n_lost[1],
        .n_resyncs = session->frame[0].n_resyncs + session->frame[1].n_resyncs,
        .not_decrypted = word,
        .not_decrypted_phrase = phrase,
        .not_imap = !flow->is_imap && !flow->n_told && !word,
    };

    imapid_summary_make(&record, session, info);
    tell_fate(flow, &told, &record);
    if (flow->layers)
        record.decrypted = word ? IMAPID_NO : IMAPID_YES;
    if (!record.not_imap) {
        flow->context->n_sessions++;
        flow->context->n_not_decrypted += word != NULL;
        flow->context->n_lost += record.n_lost;
    }
    flow->context->sink->session(flow->context->sink->ctx, &record);
    if (flow->context->listener)
        flow->context->listener->end(flow->context->listener->ctx, conn, get_client(flow),
                                     flow->decide.is_greeted, flow->security, info,
                                     get_preface(flow)->port);
    imapid_summary_clear(&record);
}

static void tell_secrets(const struct imapid_flow *flow)
{
    const struct imapid_flow_context *context = flow->context;
    uint64_t first = flow->conn->first.number;
    GString *lines;

    if (!context->secrets || !flow->layers)
        return;
    lines = g_string_new(NULL);
    imapid_layers_spell_secrets(flow->layers, lines);
    if (lines->len)
        context->secrets(context->secrets_ctx, imapid_frames_locate(context->files, &first),
                         flow->conn->stream, lines->str, lines->len);
    explicit_bzero(lines->str, lines->len);
    g_string_free(lines, TRUE);
}

/* With FIN, what a side has not sent it never sent; else it may be missing. */
static void end_side(struct imapid_flow *flow, enum imapid_side side, enum imapid_tcp_reason reason)
{
    const char *phrase;

    if (reason != IMAPID_TCP_FIN || why_not_readable(flow, &phrase)) {
        cut(flow, side, 0);
        return;
    }
    imapid_session_close(&flow->reading->session, side);
    empty_window(flow, side);
}

/* The capture does not show whether what is open would have been answered. */
static void mark_open_as_lost(struct imapid_flow *flow)
{
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (flow->reading->session.exchanges.slots[i].open)
            flow->reading->session.exchanges.slots[i].lost = true;
}

void imapid_flow_end(struct imapid_flow *flow, const struct imapid_conn *conn,
                     enum imapid_tcp_reason reason)
{
    const char *phrase;

    if (flow->stage == STAGE_DROPPED)
        return;
    flow->conn = conn;
    if (flow->layers)
        imapid_layers_finish(flow->layers);
    if (flow->stage == STAGE_UNDECIDED)
        (void)decide_at_last(flow);
    for (int side = 1; side >= 0; side--)
        if (flow->stage == STAGE_IMAP && flow->window[side])
            end_side(flow, (enum imapid_side)side, reason);
    if (!flow->reading && !flow->is_imap && !imapid_flow_tells_anyway(flow->conn))
        return;
    get_reading(flow);
    if (reason == IMAPID_TCP_CAPTURE_END || reason == IMAPID_TCP_LIMIT ||
        why_not_readable(flow, &phrase))
        mark_open_as_lost(flow);
    imapid_session_end(&flow->reading->session);
    take_events(flow, NULL, &conn->last);
    if (flow->is_imap || flow->n_told || imapid_flow_tells_anyway(conn)) {
        tell_session(flow, reason);
        tell_secrets(flow);
    }
}

static void clear(struct imapid_flow *flow)
{
    if (flow->reading)
        imapid_slots_clear(&flow->reading->slots);
    imapid_large_give(&flow->context->readings, g_steal_pointer(&flow->reading));
    for (int i = 0; i < 2; i++) {
        g_clear_pointer(&flow->early[i], g_byte_array_unref);
        g_clear_pointer(&flow->window[i], g_byte_array_unref);
    }
    g_clear_pointer(&flow->marks, g_array_unref);
    g_clear_pointer(&flow->layers, imapid_layers_free);
    g_clear_pointer(&flow->preface, g_free);
    g_clear_pointer(&flow->sealed, g_free);
}

void imapid_flow_drop(struct imapid_flow *flow)
{
    flow->stage = STAGE_DROPPED;
    clear(flow);
    account(flow);
}

void imapid_flow_free(struct imapid_flow *flow)
{
    if (!flow)
        return;
    imapid_holders_set(&flow->context->holders, &flow->holder, 0);
    clear(flow);
    g_free(flow);
}

void imapid_flow_fetch(const struct imapid_flow *flow)
{
    imapid_large_fetch(flow, sizeof *flow);
}
