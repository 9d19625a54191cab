/* SPDX-License-Identifier: GPL-2.0-or-later */
/* collect.c: a capture's packets to its records. It owns the flows and joins the layers below:
 *
 *     capture -> (filter) -> net -> [relay ->] flow -> sink
 *
 * It also keeps the flows within their memory: the largest one gives way. What becomes of connections to ports of
 * IMAP, `relay` may have another thread do.
 *
 * Refuses to tell more than IMAPID_COMPLAINTS_MAX errors of a capture. Its record has the first
 * one.
 *
 * Misuse: a piece of a capture that is read and not told. The next piece then has its counts
 * too. */
#include "follow/collect.h"

#include "number.h"
#include "follow/flow.h"
#include "follow/layers.h"
#include "follow/relay.h"

#include "capture/ahead.h"
#include "net/net.h"
#include "net/numbers.h"

#include <imapid/decide.h>

#include <string.h>

/* Where a section of a chain has ended, and it is read on for what is open. */
struct section {
    struct imapid_flow_context others; /* of connections that the next section tells */
    uint64_t n_own;                    /* connections that are not; 0: it has not ended */
    uint8_t *is_met;                   /* a bit for each: the section that is read now has met it */
    GArray *met;                       /* uint64_t: the packets with which it did */
    uint64_t n_reads;                  /* captures read since */
};

struct imapid_collect {
    struct imapid_flow_context context; /* of flows that are no relay's, */
    struct imapid_flow_context relayed; /* and of those that are */
    struct imapid_relay *relay;
    const struct imapid_record_sink *sink;
    struct imapid_record_sink settled; /* the same, behind all that the relay has put off */
    struct section section;
    struct imapid_net *net;
    const struct imapid_filter *filter;
    const struct imapid_decode *decode;
    void (*complain)(void *ctx, const char *message);
    bool is_finished;
    char *error;         /* the first of the piece that was read last; NULL: none */
    uint64_t generation; /* of the key log, when quiet connections were looked at last */
    uint64_t n_frames;   /* so far */
    uint64_t n_before;   /* of the pieces before this one */
    uint64_t n_looks;    /* packets that were taken or passed */
    uint64_t n_idle;     /* frames there were when the silence began */
    int64_t idle_us;     /* since when, by the monotonic clock */
    size_t n_memory;     /* the flows may hold that much */
    size_t n_secrets;    /* of that, what secrets take */
    uint64_t n_gave_way;
    /* What the records of the pieces before have told of these. */
    struct imapid_record_capture told;
    struct imapid_unread_counts told_unread;
    uint64_t n_told_packets; /* those that passed the filter */
    void (*on_packet)(void *ctx, const char *file, uint64_t number, uint32_t stream);
    void *packet_ctx;
};

/* Is a connection the relay's? As long as it lasts. */
static bool is_relayed(const struct imapid_conn *conn)
{
    return imapid_decide_client_by_port(conn->endpoint[0].port, conn->endpoint[1].port) >= 0;
}

static struct imapid_flow_context *get_context(struct imapid_collect *collect,
                                               const struct imapid_conn *conn)
{
    if (collect->section.is_met && conn->stream >= collect->section.n_own)
        return &collect->section.others;
    return is_relayed(conn) ? &collect->relayed : &collect->context;
}

static struct imapid_flow *get_flow(struct imapid_collect *collect, struct imapid_conn *conn)
{
    if (!conn->user) {
        conn->user = imapid_flow_new();
        imapid_flow_begin(conn->user, get_context(collect, conn), conn, conn);
    }
    return conn->user;
}

static enum imapid_tcp_verdict on_data(void *ctx, struct imapid_conn *conn, int dir,
                                       const uint8_t *octets, size_t n,
                                       const struct imapid_stamp *packet)
{
    struct imapid_collect *collect = ctx;

    if (is_relayed(conn)) {
        imapid_relay_data(collect->relay, get_context(collect, conn), conn, dir, octets, n, packet);
        return IMAPID_TCP_WANTED;
    }
    if (imapid_flow_data(get_flow(collect, conn), conn, dir, octets, n, packet))
        return IMAPID_TCP_WANTED;
    imapid_flow_free(conn->user);
    conn->user = NULL;
    return IMAPID_TCP_IGNORE;
}

static void on_gap(void *ctx, struct imapid_conn *conn, int dir, uint64_t n_lost,
                   const struct imapid_stamp *packet)
{
    struct imapid_collect *collect = ctx;

    if (is_relayed(conn))
        imapid_relay_gap(collect->relay, get_context(collect, conn), conn, dir, n_lost, packet);
    else
        imapid_flow_gap(get_flow(collect, conn), conn, dir, n_lost, packet);
}

static void end(struct imapid_collect *collect, struct imapid_conn *conn,
                enum imapid_tcp_reason reason)
{
    if (is_relayed(conn)) {
        imapid_relay_end(collect->relay, get_context(collect, conn), conn, reason);
        return;
    }
    imapid_flow_end(get_flow(collect, conn), conn, reason);
    imapid_flow_free(conn->user);
    conn->user = NULL;
}

static void on_end(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    if (conn->user)
        end(ctx, conn, reason);
}

/* Closed without a word, refused, or never answered. */
static void on_quiet(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    if (imapid_flow_tells_anyway(conn))
        end(ctx, conn, reason);
}

static bool may_be_quiet(void *ctx, uint16_t port0, uint16_t port1)
{
    (void)ctx;
    return imapid_decide_is_port(port0) || imapid_decide_is_port(port1);
}

/* ---- records of flows that are no relay's: the relay may have some that come before them ---- */

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    struct imapid_collect *collect = ctx;

    imapid_relay_settle(collect->relay);
    collect->sink->exchange(collect->sink->ctx, exchange);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    struct imapid_collect *collect = ctx;

    imapid_relay_settle(collect->relay);
    collect->sink->session(collect->sink->ctx, session);
}

/* ---- a capture's own record ---- */

/* What was not told yet of a count that goes on. */
static uint64_t since(uint64_t n, uint64_t *told)
{
    uint64_t n_new = n - *told;

    *told = n;
    return n_new;
}

G_STATIC_ASSERT(IMAPID_UNREAD_N_MAX + 1 == IMAPID_RECORD_UNREAD_MAX);

/* The kinds that were not read of this piece. To be freed, the names too. */
static struct imapid_record_unread *list_unread(struct imapid_collect *collect, unsigned *n)
{
    const struct imapid_unread_counts *counts = &imapid_net_get_counts(collect->net)->unread;
    struct imapid_unread_counts *told = &collect->told_unread;
    struct imapid_record_unread *list =
        g_new0(struct imapid_record_unread, (gsize)counts->n_kinds + 1);

    *n = 0;
    for (unsigned i = 0; i < counts->n_kinds; i++) {
        const struct imapid_unread *what = &counts->kinds[i].what;
        uint64_t n_packets = since(counts->kinds[i].n_packets, &told->kinds[i].n_packets);

        if (n_packets)
            list[(*n)++] =
                (struct imapid_record_unread){imapid_numbers_get_word(what->space), what->number,
                                              imapid_unread_make_name(what), n_packets};
    }
    uint64_t n_further = since(counts->n_further, &told->n_further);
    if (n_further)
        list[(*n)++] = (struct imapid_record_unread){
            "further", 0, g_strdup("kinds that are not told apart"), n_further};
    return list;
}

/* What a capture of which most was not read has for an error; else NULL. */
static char *explain_unread(struct imapid_collect *collect, const char *file,
                            const struct imapid_record_unread *list, unsigned n)
{
    uint64_t n_packets =
        since(imapid_net_get_counts(collect->net)->n_packets, &collect->n_told_packets);
    uint64_t n_unread = 0;
    const struct imapid_record_unread *most = list;

    for (unsigned i = 0; i < n; i++) {
        n_unread += list[i].n_packets;
        if (list[i].n_packets > most->n_packets)
            most = &list[i];
    }
    if (n_unread <= n_packets / 2)
        return NULL;
    char *phrase = imapid_unread_make_phrase(most->layer, most->number, most->name);
    char *why = g_strdup_printf("%s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                                " packet%s %s not read, most of them of %s",
                                strcmp(file, "-") ? file : "standard input", n_unread, n_packets,
                                imapid_number_s(n_packets), imapid_number_was(n_unread), phrase);
    g_free(phrase);
    return why;
}

/* Takes the error. Returns whether there was one, or is one now. */
static bool tell_capture(struct imapid_collect *collect, const struct imapid_capture *capture,
                         const char *file, char *error)
{
    const struct imapid_capture_counts *counts = imapid_capture_get_counts(capture);
    const struct imapid_net_counts *net_counts = imapid_net_get_counts(collect->net);
    const struct imapid_flow_context *context = &collect->context, *relayed = &collect->relayed;
    struct imapid_record_capture *told = &collect->told;
    unsigned n_unread;
    struct imapid_record_unread *unread = list_unread(collect, &n_unread);
    char *why = explain_unread(collect, file, unread, n_unread);
    struct imapid_record_capture record = {
        .file = file,
        .format = imapid_capture_get_format(capture),
        .has_times = counts->has_times,
        .first_ns = counts->first_ns,
        .last_ns = counts->last_ns,
        .n_packets = counts->n_packets,
        .n_octets = counts->n_octets,
        .n_conns = since(imapid_net_get_tcp_counts(collect->net)->n_conns, &told->n_conns),
        .n_sessions = since(context->n_sessions + relayed->n_sessions, &told->n_sessions),
        .n_exchanges = since(context->n_exchanges + relayed->n_exchanges, &told->n_exchanges),
        .n_not_decrypted =
            since(context->n_not_decrypted + relayed->n_not_decrypted, &told->n_not_decrypted),
        .n_lost = since(context->n_lost + relayed->n_lost, &told->n_lost),
        .n_cut = counts->n_cut,
        .n_drops = counts->n_drops,
        .n_forgotten =
            since(imapid_net_get_tcp_counts(collect->net)->n_limit_conns, &told->n_forgotten),
        .n_unknown_link = since(net_counts->n_unknown_link, &told->n_unknown_link),
        .n_unread = n_unread,
        .unread = unread,
        .error = error ? error : why,
    };

    if (why)
        collect->complain(collect->sink->ctx, why);
    collect->sink->capture(collect->sink->ctx, &record);
    for (unsigned i = 0; i < n_unread; i++)
        g_free((char *)unread[i].name);
    g_free(unread);
    g_free(error);
    g_free(why);
    return record.error != NULL;
}

/* The block's type of an NSS key log ("TLSK"; draft-ietf-opsawg-pcapng 4.7). */
#define SECRETS_TLS_KEY_LOG 0x544c534b

/* The part of the memory that octets out of order may take, at most. */
#define QUEUE_SHARE 8

/* How long a session of a live capture that was closed is not told, in case it goes on. */
#define LIVE_CLOSING_NS INT64_C(2000000000)

/* What a connection of a live capture may keep while it waits for its secrets. */
#define HOLD_MAX 65536

static void add_secrets(void *ctx, uint32_t type, const uint8_t *octets, size_t n)
{
    if (type == SECRETS_TLS_KEY_LOG)
        imapid_keylog_add(ctx, octets, n);
}

/* What came before the secrets is read without them. */
static void on_secrets(void *ctx, uint32_t type, const uint8_t *octets, size_t n)
{
    struct imapid_collect *collect = ctx;

    imapid_relay_settle(collect->relay);
    add_secrets(collect->context.keylog, type, octets, n);
    imapid_relay_settle(collect->relay);
}

struct scan {
    struct imapid_capture *capture;
    bool (*goes_on)(void *ctx, uint64_t place);
    void *ctx;
    bool is_stopped;
};

static void on_scan_progress(void *ctx, uint64_t place)
{
    struct scan *scan = ctx;

    scan->is_stopped = !scan->goes_on(scan->ctx, place);
    if (scan->is_stopped)
        imapid_capture_stop(scan->capture);
}

/* Only pcapng does. */
static bool may_have_secrets(const struct imapid_capture *capture)
{
    return !g_strcmp0(imapid_capture_get_format(capture), "pcapng");
}

/* Packets are not looked at. */
static uint64_t find_nothing(void *ctx, struct imapid_packet *packet, bool is_likely, void *room)
{
    (void)ctx;
    (void)packet;
    (void)is_likely;
    (void)room;
    return 1;
}

static size_t pass_scanned(void *ctx, const struct imapid_ahead_mark *marks, size_t n)
{
    size_t i = 0;

    if (may_have_secrets(((const struct scan *)ctx)->capture))
        while (i < n && marks[i].key)
            i++;
    return i;
}

static void begin_scan(struct scan *scan, unsigned n_threads)
{
    const struct imapid_ahead_user user = {
        .find_out = find_nothing, .pass = pass_scanned, .ctx = scan};

    if (n_threads > 1)
        scan->capture = imapid_ahead_new(scan->capture, n_threads);
    if (imapid_ahead_is(scan->capture))
        imapid_ahead_set_user(scan->capture, &user);
}

bool imapid_collect_secrets(const char *path, struct imapid_keylog *keylog, unsigned n_threads,
                            bool (*goes_on)(void *ctx, uint64_t place), void *ctx)
{
    char *message = NULL;
    struct scan scan = {imapid_capture_open(path, &message), goes_on, ctx, false};
    struct imapid_packet packet;
    bool has_secrets = true;

    g_free(message);
    if (!scan.capture)
        return false;
    begin_scan(&scan, n_threads);
    imapid_capture_on_secrets(scan.capture, add_secrets, keylog);
    imapid_capture_on_progress(scan.capture, on_scan_progress, &scan);
    while (has_secrets && imapid_capture_next(scan.capture, &packet) != IMAPID_CAPTURE_END)
        has_secrets = may_have_secrets(scan.capture);
    imapid_capture_close(scan.capture);
    return has_secrets && !scan.is_stopped;
}

struct imapid_collect *imapid_collect_new(const struct imapid_filter *filter,
                                          const struct imapid_decode *decode,
                                          struct imapid_keylog *keylog, bool live, size_t n_memory,
                                          const struct imapid_record_sink *sink,
                                          void (*complain)(void *ctx, const char *message))
{
    struct imapid_collect *collect = g_new0(struct imapid_collect, 1);
    struct imapid_tcp_handler handler = {on_data, on_gap, on_end, collect, on_quiet, may_be_quiet};
    struct imapid_tcp_limits limits = imapid_tcp_default_limits;

    collect->context = (struct imapid_flow_context){
        .files = g_array_new(FALSE, FALSE, sizeof(struct imapid_frames_file)),
        .sink = sink,
        .keylog = keylog,
        .n_hold = live ? HOLD_MAX : 0,
        .n_inflate = IMAPID_LAYERS_INFLATE_FREE,
    };
    collect->relayed = collect->context;
    collect->relay = imapid_relay_new(&collect->relayed);
    collect->sink = sink;
    collect->settled =
        (struct imapid_record_sink){.exchange = on_exchange, .session = on_session, .ctx = collect};
    collect->context.sink = &collect->settled;
    if (live)
        limits.closing_ns = LIVE_CLOSING_NS;
    limits.n_queue_all = (uint32_t)MIN(limits.n_queue_all, n_memory / QUEUE_SHARE);
    limits.n_queue = MIN(limits.n_queue, limits.n_queue_all);
    collect->n_memory = n_memory - limits.n_queue_all;
    collect->net = imapid_net_new(&handler, &limits);
    imapid_net_set_decode(collect->net, decode);
    collect->filter = filter;
    collect->decode = decode;
    collect->complain = complain;
    return collect;
}

static void on_packet(void *ctx, uint64_t number, uint32_t stream)
{
    const struct imapid_collect *collect = ctx;
    const char *file = imapid_frames_locate(collect->context.files, &number);

    collect->on_packet(collect->packet_ctx, file, number, stream);
}

void imapid_collect_on_packet(struct imapid_collect *collect,
                              void (*fn)(void *ctx, const char *file, uint64_t number,
                                         uint32_t stream),
                              void *ctx)
{
    collect->on_packet = fn;
    collect->packet_ctx = ctx;
    imapid_net_set_tap(collect->net, &(struct imapid_net_tap){.packet = on_packet, .ctx = collect});
}

void imapid_collect_listen(struct imapid_collect *collect,
                           const struct imapid_flow_listener *listener)
{
    collect->context.listener = collect->relayed.listener = listener;
    imapid_net_set_tap(
        collect->net, &(struct imapid_net_tap){.segment = listener->segment, .ctx = listener->ctx});
}

void imapid_collect_on_secrets(struct imapid_collect *collect,
                               void (*fn)(void *ctx, const char *file, uint32_t stream,
                                          const char *lines, size_t n),
                               void *ctx)
{
    collect->context.secrets = collect->relayed.secrets = fn;
    collect->context.secrets_ctx = collect->relayed.secrets_ctx = ctx;
}

/* A stranger decides what flows hold. The greediest gives way, whether it is one flow or a flood of them: whoever wants
 * others to be given up has to hold less than they do. */
static void keep_within_memory(struct imapid_collect *collect)
{
    const struct imapid_flow_context *context = &collect->context, *relayed = &collect->relayed;
    const struct imapid_conn *conn;

    while (context->holders.n + imapid_relay_count_memory(collect->relay) + collect->n_secrets >
           collect->n_memory) {
        imapid_relay_settle_closely(collect->relay);
        if (context->holders.n + relayed->holders.n + collect->n_secrets <= collect->n_memory ||
            !(conn = imapid_flow_find_greediest(context, relayed)))
            return;
        collect->n_gave_way++;
        imapid_net_give_up(collect->net, conn);
    }
}

/* Of connections that the next section tells. */
static void keep_others_within_memory(struct imapid_collect *collect)
{
    const struct imapid_flow_context *others = &collect->section.others;
    const struct imapid_conn *conn;

    while (others->holders.n + collect->n_secrets > collect->n_memory &&
           (conn = imapid_flow_find_greediest(others, NULL))) {
        collect->n_gave_way++;
        imapid_net_give_up(collect->net, conn);
    }
}

static void count_secrets(struct imapid_collect *collect)
{
    if (collect->context.keylog)
        collect->n_secrets = imapid_keylog_count_memory(collect->context.keylog, collect->n_memory);
}

static void retry_flows(struct imapid_collect *collect)
{
    imapid_relay_settle(collect->relay);
    imapid_flow_retry_all(&collect->context);
    imapid_flow_retry_all(&collect->relayed);
}

/* Looks for secrets that were written meanwhile. */
static void retry(struct imapid_collect *collect)
{
    struct imapid_keylog *keylog = collect->context.keylog;
    uint64_t generation;

    if (!collect->context.n_hold || !keylog)
        return;
    imapid_keylog_refresh(keylog);
    generation = imapid_keylog_get_generation(keylog);
    if (generation != collect->generation)
        retry_flows(collect);
    collect->generation = generation;
}

/* Packets between two looks at the key log. */
#define N_RETRY 1024

/* The nth error of a capture. The last one that is told says so. */
static void tell_error(struct imapid_collect *collect, const char *message, unsigned n)
{
    char *text = g_strconcat(
        message, n == IMAPID_COMPLAINTS_MAX ? " (further errors are not reported)" : "", NULL);

    imapid_relay_settle(collect->relay);
    collect->complain(collect->sink->ctx, text);
    g_free(text);
}

/* Flows of the relay that turned out to be of no further use cost no more than others that were given up. */
static void ignore_dropped(struct imapid_collect *collect)
{
    struct imapid_conn *conn;

    while ((conn = imapid_relay_take_dropped(collect->relay))) {
        imapid_relay_end(collect->relay, get_context(collect, conn), conn, IMAPID_TCP_LIMIT);
        imapid_net_ignore(collect->net, conn);
    }
}

/* After n packets, of which the last one alone may be the one after which keys are looked at again. */
static void look_around(struct imapid_collect *collect, size_t n)
{
    collect->n_looks += n;
    if (collect->n_looks % N_RETRY == 0) {
        retry(collect);
        count_secrets(collect);
    }
    ignore_dropped(collect);
    keep_within_memory(collect);
}

/* What is found out of a packet before it is taken. */
G_STATIC_ASSERT(sizeof(struct imapid_net_ahead) <= IMAPID_AHEAD_ROOM);

/* The key of a packet that the filter leaves out. No digest is so small. */
#define LEFT_OUT 1

static void decode_link_type(const struct imapid_collect *collect, struct imapid_packet *packet)
{
    if (collect->decode->has_link_type)
        packet->link_type = imapid_numbers_decode_link_type(collect->decode, packet->link_type);
}

static bool is_left_out(const struct imapid_collect *collect, const struct imapid_packet *packet)
{
    return collect->filter && !imapid_filter_match(collect->filter, packet);
}

/* In any thread. */
static uint64_t find_out(void *ctx, struct imapid_packet *packet, bool is_likely, void *room)
{
    const struct imapid_collect *collect = ctx;
    struct imapid_net_ahead *found = room;

    decode_link_type(collect, packet);
    found->family = 0;
    if (is_left_out(collect, packet))
        return LEFT_OUT;
    imapid_net_prepare(collect->net, packet, found);
    if (is_likely)
        imapid_net_judge(packet, found);
    return found->family && found->is_passable && found->digest > LEFT_OUT ? found->digest : 0;
}

/* How many of the first are left out. Behind the end of a section who reads looks at each packet's time. */
static size_t count_left_out(const struct imapid_collect *collect,
                             const struct imapid_ahead_mark *marks, size_t n)
{
    size_t i = 0;

    while (i < n && marks[i].key == LEFT_OUT && !collect->section.is_met)
        i++;
    return i;
}

static size_t may_pass(void *ctx, const struct imapid_ahead_mark *marks, size_t n)
{
    const struct imapid_collect *collect = ctx;
    size_t i = 0, more = 1;

    while (i < n && more) {
        more = count_left_out(collect, &marks[i], n - i);
        if (!more)
            more = imapid_net_may_pass(collect->net, &marks[i], n - i);
        i += more;
    }
    return i;
}

static size_t pass(void *ctx, const struct imapid_ahead_mark *marks, size_t n)
{
    struct imapid_collect *collect = ctx;
    size_t i = 0, more = 1;

    while (i < n && more) {
        size_t n_most = MIN(n - i, N_RETRY - collect->n_looks % N_RETRY);

        more = count_left_out(collect, &marks[i], n_most);
        if (!more)
            more = imapid_net_pass(collect->net, &marks[i], n_most, collect->n_before);
        if (more) {
            i += more;
            collect->n_frames = marks[i - 1].number + collect->n_before;
            look_around(collect, more);
        }
    }
    return i;
}

/* A packet that will come. */
static void foresee(struct imapid_collect *collect, struct imapid_packet *packet)
{
    const struct imapid_net_ahead *found = packet->ahead;
    struct imapid_net_ahead ahead;

    packet->number += collect->n_before;
    decode_link_type(collect, packet);
    if (!found)
        imapid_net_prepare(collect->net, packet, &ahead);
    imapid_net_foresee(collect->net, packet, found ? found : &ahead);
}

static void take(struct imapid_collect *collect, struct imapid_packet *packet)
{
    const struct imapid_net_ahead *found = packet->ahead;

    packet->number += collect->n_before;
    collect->n_frames = packet->number;
    decode_link_type(collect, packet);
    if (found && found->family)
        imapid_net_packet_ahead(collect->net, packet, found);
    else if (!is_left_out(collect, packet))
        imapid_net_packet(collect->net, packet);
}

/* Returns the first error, NULL where there was none. */
static char *read_packets(struct imapid_collect *collect, struct imapid_capture *capture)
{
    const struct imapid_capture_counts *counts = imapid_capture_get_counts(capture);
    uint64_t n_further = 0;
    enum imapid_capture_result result;
    struct imapid_packet packet, ahead;
    unsigned n_errors = 0;
    char *error = NULL;

    count_secrets(collect);
    while ((result = imapid_capture_next(capture, &packet)) != IMAPID_CAPTURE_END) {
        if (result == IMAPID_CAPTURE_ERROR) {
            const char *message = imapid_capture_get_error(capture);

            if (++n_errors <= IMAPID_COMPLAINTS_MAX)
                tell_error(collect, message, n_errors);
            if (!error)
                error = g_strdup(message);
            continue;
        }
        if (counts->n_further != n_further) {
            n_further = counts->n_further;
            imapid_net_begin_capture(collect->net);
        }
        while (imapid_capture_peek(capture, &ahead))
            foresee(collect, &ahead);
        take(collect, &packet);
        look_around(collect, 1);
    }
    return error;
}

/* Tells the text, which it takes, and returns it where there is no other error. */
static char *add_error(struct imapid_collect *collect, char *text, char *error)
{
    tell_error(collect, text, 1);
    if (!error)
        return text;
    g_free(text);
    return error;
}

/* Says what gave way while this piece was read, and returns it where there is no other error. */
static char *tell_gave_way(struct imapid_collect *collect, const char *file, char *error)
{
    size_t limit;
    uint64_t n =
        collect->context.keylog ? imapid_keylog_take_gave_way(collect->context.keylog, &limit) : 0;

    if (collect->n_gave_way)
        error = add_error(
            collect,
            g_strdup_printf("%s: %" G_GUINT64_FORMAT
                            " connection%s %s given up: the memory for sessions is %" G_GSIZE_FORMAT
                            " octets (--memory)",
                            file, collect->n_gave_way, imapid_number_s(collect->n_gave_way),
                            imapid_number_was(collect->n_gave_way), collect->n_memory),
            error);
    collect->n_gave_way = 0;
    if (n)
        error =
            add_error(collect,
                      g_strdup_printf("%s: the secrets of %" G_GUINT64_FORMAT
                                      " TLS session%s gave way to those of later ones: the "
                                      "memory for them is %" G_GSIZE_FORMAT " octets (--memory)",
                                      file, n, imapid_number_s(n), limit),
                      error);
    return error;
}

static bool help(void *ctx)
{
    return imapid_relay_help(((const struct imapid_collect *)ctx)->relay);
}

static bool may_help(void *ctx)
{
    return imapid_relay_may_help(((const struct imapid_collect *)ctx)->relay);
}

/* Who listens wants to hear all in its order, and who waits for secrets looks at all flows. */
static bool may_share(const struct imapid_collect *collect, const struct imapid_capture *capture)
{
    const struct imapid_flow_context *context = &collect->relayed;

    return imapid_ahead_is_shared(capture) && !context->listener && !context->secrets &&
           !context->n_hold && !collect->on_packet && !collect->section.is_met;
}

static void add_file(struct imapid_collect *collect, struct imapid_capture *capture,
                     const char *file)
{
    struct imapid_frames_file frames = {file, collect->n_frames};

    g_array_append_val(collect->context.files, frames);
    imapid_capture_on_secrets(capture, on_secrets, collect);
    collect->n_before = collect->n_frames;
    if (collect->context.files->len > 1)
        imapid_net_begin_piece(collect->net);
    if (imapid_ahead_is(capture))
        imapid_ahead_set_user(capture, &(struct imapid_ahead_user){find_out, pass, may_pass,
                                                                   collect, help, may_help});
}

void imapid_collect_read(struct imapid_collect *collect, struct imapid_capture *capture,
                         const char *file)
{
    add_file(collect, capture, file);
    imapid_relay_share(collect->relay, may_share(collect, capture) ? capture : NULL);
    collect->error = read_packets(collect, capture);
    imapid_ahead_end(capture);
    imapid_relay_share(collect->relay, NULL);
}

void imapid_collect_interrupt(struct imapid_collect *collect, const struct imapid_capture *capture,
                              const char *file)
{
    g_free(collect->error);
    collect->error = g_strdup_printf("%s: interrupted after %" G_GUINT64_FORMAT
                                     " packets; what follows was not read",
                                     file, imapid_capture_get_counts(capture)->n_packets);
    tell_error(collect, collect->error, 1);
}

/* ---- sections ---- */

static void ignore_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    (void)ctx;
    (void)exchange;
}

static void ignore_session(void *ctx, const struct imapid_record_session *session)
{
    (void)ctx;
    (void)session;
}

static const struct imapid_record_sink nobody = {.exchange = ignore_exchange,
                                                 .session = ignore_session};

/* A segment of a connection that the section which is read now meets here, if not before. */
static void on_met(void *ctx, const struct imapid_segment *segment, uint32_t stream, int dir)
{
    struct section *section = &((struct imapid_collect *)ctx)->section;
    uint8_t bit = (uint8_t)(1u << stream % 8);

    (void)dir;
    if (stream >= section->n_own || section->is_met[stream / 8] & bit)
        return;
    section->is_met[stream / 8] |= bit;
    if (!section->met->len || g_array_index(section->met, uint64_t, section->met->len - 1) !=
                                  segment->packet.number) /* a packet may have several */
        g_array_append_val(section->met, segment->packet.number);
}

void imapid_collect_end_section(struct imapid_collect *collect)
{
    struct section *section = &collect->section;
    const struct imapid_flow_context *context = &collect->context;

    section->n_own = imapid_net_get_tcp_counts(collect->net)->n_conns;
    section->is_met = g_malloc0(section->n_own / 8 + 1);
    section->met = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    section->others = (struct imapid_flow_context){
        .files = context->files,
        .sink = &nobody,
        .keylog = context->keylog,
        .n_inflate = IMAPID_LAYERS_INFLATE_FREE,
    };
    imapid_net_end_new(collect->net);
    imapid_net_set_tap(collect->net, &(struct imapid_net_tap){.segment = on_met, .ctx = collect});
}

/* Packets between two looks at what is open. */
#define N_LOOK 4096

/* False: nothing is open any more. What is damaged is told by the section whose capture it is. */
static bool read_open(struct imapid_collect *collect, struct imapid_capture *capture)
{
    bool is_first = !collect->section.n_reads++, is_open = true;
    enum imapid_capture_result result;
    struct imapid_packet packet, ahead;
    int64_t now_ns = IMAPID_TIME_NONE;

    while (is_open && (result = imapid_capture_next(capture, &packet)) != IMAPID_CAPTURE_END) {
        if (result == IMAPID_CAPTURE_ERROR)
            continue;
        if (imapid_time_is_known(packet.ts_ns))
            now_ns = packet.ts_ns;
        while (imapid_capture_peek(capture, &ahead))
            foresee(collect, &ahead);
        take(collect, &packet);
        ignore_dropped(collect);
        keep_within_memory(collect);
        keep_others_within_memory(collect);
        if (!is_first && imapid_capture_get_counts(capture)->n_packets % N_LOOK == 0)
            is_open = imapid_net_has_open(collect->net, now_ns);
    }
    return is_open && (!imapid_time_is_known(now_ns) || imapid_net_has_open(collect->net, now_ns));
}

static void tell_met(struct imapid_collect *collect, const char *file)
{
    GArray *met = collect->section.met;
    struct imapid_record_continued record = {.file = file};

    for (guint i = 0; i < met->len; i++)
        g_array_index(met, uint64_t, i) -= collect->n_before;
    for (guint i = 0; i < met->len; i += record.n) {
        record.frames = &g_array_index(met, uint64_t, i);
        record.n = MIN(met->len - i, IMAPID_RECORD_CONTINUED_MAX);
        if (collect->sink->continued)
            collect->sink->continued(collect->sink->ctx, &record);
    }
    g_array_set_size(met, 0);
}

bool imapid_collect_read_on(struct imapid_collect *collect, struct imapid_capture *capture,
                            const char *file, bool begins)
{
    bool is_open;

    if (begins)
        memset(collect->section.is_met, 0, collect->section.n_own / 8 + 1);
    add_file(collect, capture, file);
    is_open = read_open(collect, capture);
    imapid_ahead_end(capture);
    tell_met(collect, file);
    return is_open;
}

/* ---- the end of a piece ---- */

void imapid_collect_finish(struct imapid_collect *collect)
{
    if (!collect->is_finished)
        imapid_net_finish(collect->net);
    imapid_relay_settle(collect->relay);
    collect->is_finished = true;
}

bool imapid_collect_tell(struct imapid_collect *collect, const struct imapid_capture *capture,
                         const char *file, bool is_last)
{
    char *error = g_steal_pointer(&collect->error);

    if (is_last)
        imapid_collect_finish(collect);
    error = tell_gave_way(collect, file, error);
    return !tell_capture(collect, capture, file, error);
}

void imapid_collect_idle(struct imapid_collect *collect)
{
    int64_t now_us = g_get_monotonic_time();

    retry(collect);
    if (collect->n_idle != collect->n_frames) {
        collect->n_idle = collect->n_frames;
        collect->idle_us = now_us;
    }
    if (collect->context.n_hold && now_us - collect->idle_us >= LIVE_CLOSING_NS / 1000)
        imapid_net_close(collect->net);
}

void imapid_collect_count(const struct imapid_collect *collect,
                          const struct imapid_capture *capture,
                          struct imapid_record_interval *interval)
{
    const struct imapid_capture_counts *counts = imapid_capture_get_counts(capture);
    const struct imapid_flow_context *context = &collect->context;

    interval->n_packets = counts->n_packets;
    interval->n_octets = counts->n_octets;
    interval->n_conns = imapid_net_get_tcp_counts(collect->net)->n_conns;
    interval->n_sessions = context->n_sessions;
    interval->n_exchanges = context->n_exchanges;
    interval->n_not_decrypted = context->n_not_decrypted;
    interval->n_lost = context->n_lost;
    interval->n_drops = counts->n_drops;
    interval->n_kept = context->holders.n;
    imapid_relay_add_counts(collect->relay, interval);
}

void imapid_collect_drops(struct imapid_collect *collect)
{
    collect->context.n_drops++;
    collect->context.drop_frame = collect->n_frames + 1; /* the one that comes next */
    imapid_relay_drops(collect->relay, collect->context.drop_frame);
}

void imapid_collect_free(struct imapid_collect *collect)
{
    imapid_collect_finish(collect);
    imapid_net_free(collect->net);
    imapid_relay_free(collect->relay);
    g_free(collect->section.is_met);
    if (collect->section.met)
        g_array_unref(collect->section.met);
    g_array_unref(collect->context.files);
    imapid_large_clear(&collect->context.readings);
    imapid_large_clear(&collect->relayed.readings);
    imapid_large_clear(&collect->section.others.readings);
    g_free(collect->error);
    g_free(collect);
}
