/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The reader and the network layers alone, with a handler that wants port 143 only: what the whole
 * program cannot be faster than.
 *
 *     imapid-bench-walk FILE
 */

#include "capture/capture.h"
#include "net/net.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

static uint64_t n_ends;

static enum imapid_tcp_verdict on_data(void *ctx, struct imapid_conn *conn, int dir,
                                       const uint8_t *octets, size_t n,
                                       const struct imapid_stamp *packet)
{
    (void)ctx;
    (void)dir;
    (void)octets;
    (void)n;
    (void)packet;
    return conn->endpoint[0].port == 143 || conn->endpoint[1].port == 143 ? IMAPID_TCP_WANTED
                                                                          : IMAPID_TCP_IGNORE;
}

static void on_gap(void *ctx, struct imapid_conn *conn, int dir, uint64_t n_lost,
                   const struct imapid_stamp *packet)
{
    (void)ctx;
    (void)conn;
    (void)dir;
    (void)n_lost;
    (void)packet;
}

static void on_end(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    (void)ctx;
    (void)conn;
    (void)reason;
    n_ends++;
}

static void print_memory(void)
{
    char *status = NULL;
    if (!g_file_get_contents("/proc/self/status", &status, NULL, NULL))
        return;
    for (char *line = strtok(status, "\n"); line; line = strtok(NULL, "\n"))
        if (g_str_has_prefix(line, "VmHWM") || g_str_has_prefix(line, "Rss"))
            printf("%s\n", line);
    g_free(status);
}

int main(int argc, char **argv)
{
    struct imapid_tcp_handler handler = {.data = on_data, .gap = on_gap, .end = on_end};
    struct imapid_packet packet;
    enum imapid_capture_result result;
    char *message = NULL;
    struct imapid_capture *capture = argc > 1 ? imapid_capture_open(argv[1], &message) : NULL;
    if (!capture) {
        fprintf(stderr, "%s\n", message ? message : "a capture is wanted");
        return 2;
    }
    struct imapid_net *net = imapid_net_new(&handler, NULL);
    while ((result = imapid_capture_next(capture, &packet)) != IMAPID_CAPTURE_END) {
        if (result == IMAPID_CAPTURE_PACKET)
            imapid_net_packet(net, &packet);
        else
            fprintf(stderr, "%s\n", imapid_capture_get_error(capture));
    }
    print_memory();
    imapid_net_finish(net);
    const struct imapid_tcp_counts *counts = imapid_net_get_tcp_counts(net);
    printf("packets %" G_GUINT64_FORMAT " connections %" G_GUINT64_FORMAT
           " ignored %" G_GUINT64_FORMAT " ended %" G_GUINT64_FORMAT " octets %" G_GUINT64_FORMAT
           " lost %" G_GUINT64_FORMAT " reordered %" G_GUINT64_FORMAT "\n",
           imapid_capture_get_counts(capture)->n_packets, counts->n_conns, counts->n_ignored,
           n_ends, counts->n_octets, counts->n_lost, counts->n_reordered);
    imapid_net_free(net);
    imapid_capture_close(capture);
    return 0;
}
