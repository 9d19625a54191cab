/* SPDX-License-Identifier: GPL-2.0-or-later */
/* collect.c: a capture's packets to its records. It owns the flows and joins the layers below:
 *
 *     capture -> (filter) -> net -> flow -> sink
 */
#include "record/collect.h"
#include "record/flow.h"

#include "net/net.h"

static enum imapid_tcp_verdict keep_or_drop(struct imapid_conn *conn, bool keep)
{
    if (keep)
        return IMAPID_TCP_WANTED;
    imapid_flow_free(conn->user);
    conn->user = NULL;
    return IMAPID_TCP_IGNORE;
}

static struct imapid_flow *get_flow(struct imapid_flow_context *context, struct imapid_conn *conn)
{
    if (!conn->user)
        conn->user = imapid_flow_new(context, conn);
    return conn->user;
}

static enum imapid_tcp_verdict on_data(void *ctx, struct imapid_conn *conn, int dir,
                                       const uint8_t *octets, size_t n,
                                       const struct imapid_stamp *packet)
{
    return keep_or_drop(conn, imapid_flow_data(get_flow(ctx, conn), conn, dir, octets, n, packet));
}

static void on_gap(void *ctx, struct imapid_conn *conn, int dir, uint64_t n_lost,
                   const struct imapid_stamp *packet)
{
    imapid_flow_gap(get_flow(ctx, conn), conn, dir, n_lost, packet);
}

static void on_end(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    (void)ctx;
    if (!conn->user)
        return;
    imapid_flow_end(conn->user, conn, reason);
    imapid_flow_free(conn->user);
    conn->user = NULL;
}

static void tell_capture(const struct imapid_capture *capture, const struct imapid_net *net,
                         const struct imapid_flow_context *context, char *error)
{
    const struct imapid_capture_counts *counts = imapid_capture_get_counts(capture);
    const struct imapid_net_counts *net_counts = imapid_net_get_counts(net);
    struct imapid_record_capture record = {
        .file = context->file,
        .format = imapid_capture_get_format(capture),
        .n_packets = counts->n_packets,
        .n_octets = counts->n_octets,
        .n_conns = imapid_net_get_tcp_counts(net)->n_conns,
        .n_sessions = context->n_sessions,
        .n_exchanges = context->n_exchanges,
        .n_not_decrypted = context->n_not_decrypted,
        .n_lost = context->n_lost,
        .n_cut = counts->n_cut,
        .n_unknown_link = net_counts->n_unknown_link,
        .unknown_link = net_counts->unknown_link,
        .error = error,
    };

    context->sink->capture(context->sink->ctx, &record);
}

/* The block's type of an NSS key log ("TLSK"; draft-ietf-opsawg-pcapng 4.7). */
#define SECRETS_TLS_KEY_LOG 0x544c534b

/* What a connection of a live capture may keep while it waits for its secrets. */
#define HOLD_MAX 65536

static void on_secrets(void *ctx, uint32_t type, const uint8_t *octets, size_t n)
{
    if (type == SECRETS_TLS_KEY_LOG)
        imapid_keylog_add(ctx, octets, n);
}

void imapid_collect_secrets(const char *path, struct imapid_keylog *keylog)
{
    char *message = NULL;
    struct imapid_capture *capture = imapid_capture_open(path, &message);
    struct imapid_packet packet;

    g_free(message);
    if (!capture)
        return;
    imapid_capture_on_secrets(capture, on_secrets, keylog);
    while (imapid_capture_next(capture, &packet) != IMAPID_CAPTURE_END)
        if (g_strcmp0(imapid_capture_get_format(capture), "pcapng"))
            break; /* only pcapng has secrets */
    imapid_capture_close(capture);
}

bool imapid_collect(struct imapid_capture *capture, const char *file, struct imapid_filter *filter,
                    struct imapid_keylog *keylog, bool live, const struct imapid_record_sink *sink,
                    void (*complain)(void *ctx, const char *message))
{
    struct imapid_flow_context context = {
        .file = file, .sink = sink, .keylog = keylog, .n_hold = live ? HOLD_MAX : 0};
    struct imapid_tcp_handler handler = {on_data, on_gap, on_end, &context};
    struct imapid_net *net = imapid_net_new(&handler, NULL);
    enum imapid_capture_result result;
    struct imapid_packet packet;
    char *error = NULL;
    bool whole;

    imapid_capture_on_secrets(capture, on_secrets, keylog);
    while ((result = imapid_capture_next(capture, &packet)) != IMAPID_CAPTURE_END) {
        if (result == IMAPID_CAPTURE_ERROR) {
            const char *message = imapid_capture_get_error(capture);

            complain(sink->ctx, message);
            if (!error)
                error = g_strdup(message);
        } else if (!filter || imapid_filter_match(filter, &packet)) {
            imapid_net_packet(net, &packet);
        }
    }
    imapid_net_finish(net);
    whole = !error;
    tell_capture(capture, net, &context, error);
    imapid_net_free(net);
    g_free(error);
    return whole;
}
