/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Packets of any octets and any link type, some cut at each of their octets; and, if the first
 * octet is odd, segments of a few connections with any sequence numbers, which raw octets would
 * hardly ever make. The handler checks that it is called as the contract says. */

#include "net/net.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the handler knows of a connection. */
struct user {
    uint64_t n_octets[2], n_lost[2];
    uint32_t stream;
};

#define N_WANTED 4

static unsigned sum;
static struct user users[N_WANTED]; /* no more at a time than the limit says */
static bool used[N_WANTED];

static struct user *get_user(struct imapid_conn *conn)
{
    for (unsigned i = 0; !conn->user; i++) {
        if (i == N_WANTED)
            abort();
        if (used[i])
            continue;
        used[i] = true;
        users[i] = (struct user){.stream = conn->stream};
        conn->user = &users[i];
    }
    return conn->user;
}

static void drop_user(struct imapid_conn *conn)
{
    used[(struct user *)conn->user - users] = false;
    conn->user = NULL;
}

static void check(const struct imapid_conn *conn, const struct user *user, int dir)
{
    if (dir < 0 || dir > 1 || user->stream != conn->stream ||
        conn->n_octets[dir] != user->n_octets[dir] || conn->n_lost[dir] != user->n_lost[dir] ||
        conn->client < -1 || conn->client > 1)
        abort();
}

static enum imapid_tcp_verdict on_data(void *ctx, struct imapid_conn *conn, int dir,
                                       const uint8_t *octets, size_t n,
                                       const struct imapid_stamp *packet)
{
    struct user *user = get_user(conn);
    (void)ctx;
    check(conn, user, dir);
    if (n == 0 || packet->number == 0)
        abort();
    for (size_t i = 0; i < n; i++)
        sum += octets[i];
    user->n_octets[dir] += n;
    if (octets[0] != 'I')
        return IMAPID_TCP_WANTED;
    drop_user(conn);
    return IMAPID_TCP_IGNORE;
}

static void on_gap(void *ctx, struct imapid_conn *conn, int dir, uint64_t n_lost,
                   const struct imapid_stamp *packet)
{
    struct user *user = get_user(conn);
    (void)ctx;
    /* What was given up comes after all: a gap of no known length, and less is lost. */
    if (n_lost == 0 && conn->n_lost[dir] < user->n_lost[dir])
        user->n_lost[dir] = conn->n_lost[dir];
    check(conn, user, dir);
    if (n_lost > 1u << 30 || packet->number == 0)
        abort();
    user->n_lost[dir] += n_lost;
}

static void on_end(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    (void)ctx;
    if (!conn->user || reason > IMAPID_TCP_LIMIT)
        abort();
    check(conn, conn->user, 0);
    drop_user(conn);
}

static void feed(struct imapid_net *net, struct imapid_packet *packet, const uint8_t *octets)
{
    packet->number++;
    packet->data = g_memdup2(octets, packet->n ? packet->n : 1); /* exact size */
    struct imapid_net_ahead ahead;
    imapid_net_prepare(net, packet, &ahead);
    if (packet->number % 3)
        imapid_net_judge(packet, &ahead);
    const struct imapid_ahead_mark mark = {ahead.digest, packet->number, packet->ts_ns, packet->n,
                                           packet->n_wire};
    if (packet->number % 2)
        imapid_net_foresee(net, packet, &ahead);
    if (packet->number % 2 && ahead.family && ahead.is_passable &&
        imapid_net_pass(net, &mark, 1, 0))
        ;
    else if (packet->number % 2)
        imapid_net_packet_ahead(net, packet, &ahead);
    else
        imapid_net_packet(net, packet);
    g_free((void *)packet->data);
}

/* Up to 127 the first ones, which there were from the beginning; above that those that came later,
 * and then those that came later still. */
static uint16_t get_link_type(uint8_t octet)
{
    static const uint16_t first[] = {1, 113, 276, 0, 101, 228, 229, 999};
    static const uint16_t others[] = {9,   12,  14,  50,  51,  104, 105, 108,
                                      119, 127, 163, 166, 192, 204, 219, 1};
    static const uint16_t more[] = {239, 117, 258, 149, 109, 226, 281, 282,
                                    284, 285, 178, 10,  242, 8,   107, 100};
    if (octet >= 192)
        return more[octet % G_N_ELEMENTS(more)];
    return octet < 128 ? first[octet % G_N_ELEMENTS(first)] : others[octet % G_N_ELEMENTS(others)];
}

/* A packet as if the capture had cut it, at each octet. */
static void feed_cut(struct imapid_net *net, struct imapid_packet *packet, const uint8_t *octets)
{
    uint32_t n = packet->n;
    for (packet->n = 0; packet->n < MIN(n, 256); packet->n++)
        feed(net, packet, octets);
    packet->n = n;
}

/* Link type, length, octets cut off, then the packet; and so on. */
static void feed_packets(struct imapid_net *net, const uint8_t *data, size_t size, bool cut)
{
    struct imapid_packet packet = {0};
    while (size > 4) {
        packet.link_type = get_link_type(data[0]);
        packet.n = (uint32_t)MIN(size - 4, (size_t)(data[1] << 8 | data[2]));
        packet.n_wire = packet.n + data[3] * 16u;
        packet.ts_ns += data[3] * INT64_C(100000000);
        if (cut)
            feed_cut(net, &packet, data + 4);
        feed(net, &packet, data + 4);
        data += 4 + packet.n;
        size -= 4 + packet.n;
    }
}

static void put32(uint8_t *to, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    memcpy(to, &value, 4);
}

/* Eight octets a segment: who, flags, sequence number, acknowledgement, length, cut. */
static void feed_segments(struct imapid_net *net, const uint8_t *data, size_t size)
{
    static const uint32_t scales[] = {1, 100, 1u << 16, 1u << 24};
    struct imapid_packet packet = {.link_type = 228};
    uint32_t isn = 0xffffff80;
    for (; size >= 8; data += 8, size -= 8) {
        uint8_t octets[40 + 255] = {0x45, [8] = 64, [9] = 6, [12] = 10, [16] = 10, [32] = 0x50};
        int dir = data[0] & 1;
        uint32_t scale = scales[data[0] >> 5 & 3];
        octets[15] = (uint8_t)(1 + dir);
        octets[19] = (uint8_t)(2 - dir);
        octets[dir ? 23 : 21] = data[0] >> 1 & 15;
        octets[dir ? 21 : 23] = 143;
        put32(octets + 24, isn + (uint32_t)(int8_t)data[2] * scale);
        put32(octets + 28, isn + (uint32_t)(int8_t)data[3] * scale);
        octets[33] = data[1] & 0x17;
        memset(octets + 40, data[5], 255);
        packet.n = 40u + data[4];
        packet.n_wire = packet.n + data[6];
        octets[2] = (uint8_t)(packet.n_wire >> 8);
        octets[3] = (uint8_t)packet.n_wire;
        feed(net, &packet, octets);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imapid_tcp_handler handler = {on_data, on_gap, on_end, NULL, NULL, NULL};
    /* small, so that they are reached */
    struct imapid_tcp_limits limits = {.n_conns = 8,
                                       .n_wanted = N_WANTED,
                                       .n_queue = 2000,
                                       .n_queue_segs = 6,
                                       .n_queue_all = 4000,
                                       .n_patience = 4};
    if (size == 0)
        return 0;
    struct imapid_net *net = imapid_net_new(&handler, &limits);
    if (data[0] & 1)
        feed_segments(net, data + 1, size - 1);
    else
        feed_packets(net, data + 1, size - 1, data[0] & 128);
    if (data[0] & 2) /* given up in the middle, as after an error */
        memset(used, 0, sizeof used);
    else
        imapid_net_finish(net);
    for (unsigned i = 0; i < N_WANTED; i++)
        if (used[i])
            abort();
    imapid_net_free(net);
    return 0;
}
