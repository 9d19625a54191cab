/* SPDX-License-Identifier: GPL-2.0-or-later */

/* fuzz-tcp.c: honest segments of two connections, lost, repeated, swapped and cut as the data say,
 * so that what is delivered is known: the octet at each place of a direction is a function of the
 * place. Fuzz-net.c has the segments that lie.
 *
 * Four octets a segment: connection, direction and flags; where it begins, from the octet that was
 * sent last; its length; octets cut off by the capture, or how far its acknowledgement is behind.
 *
 * Every delivered octet has to be that of its place, and places delivered and lost have to add up:
 * nothing twice, nothing in the wrong order, no gap that is too short or too long. */

#include "net/tcp.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_CONNS 2

struct way {
    uint32_t isn, n_sent; /* octets that were sent at all */
};

static uint8_t get_octet(unsigned conn, int dir, uint64_t place)
{
    return (uint8_t)(place * 41 + (place >> 8) * 7 + conn * 2 + (unsigned)dir);
}

/* Endpoints are in an order of no meaning: the port tells whose direction it is. */
static enum imapid_tcp_verdict on_data(void *ctx, struct imapid_conn *conn, int dir,
                                       const uint8_t *octets, size_t n,
                                       const struct imapid_stamp *packet)
{
    int from_server = conn->endpoint[dir].port == 143;
    unsigned which = conn->endpoint[from_server ? !dir : dir].port - 50000u;
    uint64_t place = conn->n_octets[dir] + conn->n_lost[dir];

    (void)ctx;
    if (!n || !packet->number || which >= N_CONNS)
        abort();
    for (size_t i = 0; i < n; i++)
        if (octets[i] != get_octet(which, from_server, place + i))
            abort();
    return IMAPID_TCP_WANTED;
}

static void on_gap(void *ctx, struct imapid_conn *conn, int dir, uint64_t n_lost,
                   const struct imapid_stamp *packet)
{
    (void)ctx;
    (void)conn;
    (void)dir;
    if (n_lost > 1u << 24 || !packet->number)
        abort();
}

static void on_end(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    (void)ctx;
    (void)conn;
    if (reason > IMAPID_TCP_LIMIT)
        abort();
}

static void put16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value & 0xffff);
}

struct packet {
    unsigned conn, flags, n, n_cut;
    int dir;
    uint32_t place, ack; /* places in the two directions */
};

static void feed(struct imapid_tcp *tcp, struct way (*ways)[2], const struct packet *packet,
                 uint64_t number)
{
    const struct way *way = &ways[packet->conn][packet->dir],
                     *peer = &ways[packet->conn][!packet->dir];
    unsigned port = 50000 + packet->conn;
    uint8_t octets[20 + 256] = {[12] = 0x50, [13] = (uint8_t)packet->flags}, *copy;
    uint8_t ends[2][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}};
    struct imapid_segment segment = {.source = ends[packet->dir],
                                     .destination = ends[!packet->dir],
                                     .family = 4,
                                     .n = 20 + packet->n - MIN(packet->n, packet->n_cut),
                                     .n_wire = 20 + packet->n,
                                     .packet = {number, (int64_t)number * 1000000}};
    bool is_syn = packet->flags & 2;

    put16(octets, packet->dir ? 143 : port);
    put16(octets + 2, packet->dir ? port : 143);
    put32(octets + 4, way->isn + (is_syn ? 0 : 1 + packet->place));
    put32(octets + 8, packet->flags & 16 ? peer->isn + 1 + packet->ack : 0);
    for (unsigned i = 0; i < packet->n; i++)
        octets[20 + i] = get_octet(packet->conn, packet->dir, (uint64_t)packet->place + i);
    copy = g_memdup2(octets, segment.n); /* exact size */
    segment.octets = copy;
    imapid_tcp_segment(tcp, &segment);
    g_free(copy);
}

static uint64_t begin(struct imapid_tcp *tcp, struct way (*ways)[2], uint64_t number)
{
    for (unsigned i = 0; i < N_CONNS; i++)
        for (int dir = 0; dir < 2; dir++) {
            struct packet syn = {.conn = i, .dir = dir, .flags = dir ? 18 : 2};

            feed(tcp, ways, &syn, number++);
        }
    return number;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imapid_tcp_handler handler = {on_data, on_gap, on_end, NULL, NULL, NULL};
    struct imapid_tcp_limits limits = {.n_conns = 8,
                                       .n_wanted = 4,
                                       .n_queue = 2000,
                                       .n_queue_segs = 6,
                                       .n_queue_all = 4000,
                                       .n_patience = 4};
    /* one direction of each connection wraps around early */
    struct way ways[N_CONNS][2] = {{{0xffffff80, 0}, {1000, 0}}, {{7, 0}, {0xfffffff0, 0}}};
    struct imapid_tcp *tcp = imapid_tcp_new(&handler, &limits);
    uint64_t number = begin(tcp, ways, 1);

    for (; size >= 4; data += 4, size -= 4) {
        struct packet packet = {.conn = data[0] & 1, .dir = data[0] >> 1 & 1, .flags = 16};
        struct way *way = &ways[packet.conn][packet.dir], *peer = &ways[packet.conn][!packet.dir];
        int64_t place = (int64_t)way->n_sent + (int8_t)data[1] * (data[0] & 4 ? 16 : 1);

        packet.n = data[2];
        packet.place = (uint32_t)CLAMP(place, 0, 1 << 20);
        packet.n_cut = data[0] & 8 ? data[3] : 0;
        packet.ack = peer->n_sent - MIN(peer->n_sent, data[0] & 8 ? 0 : data[3]);
        way->n_sent = MAX(way->n_sent, packet.place + packet.n);
        if (!(data[0] & 16)) /* else it is lost */
            feed(tcp, ways, &packet, number++);
    }
    imapid_tcp_finish(tcp);
    imapid_tcp_free(tcp);
    return 0;
}
