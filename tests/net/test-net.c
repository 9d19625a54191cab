/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/net/net.c: whole packets of every link type, and what is counted of the rest.
 */

#include "net/net.h"

#include <imapid/checksum.h>

#include "frames.h"

static enum imapid_tcp_verdict on_data(void *ctx, struct imapid_conn *conn, int dir,
                                       const uint8_t *octets, size_t n,
                                       const struct imapid_stamp *packet)
{
    GString *log = ctx;
    (void)conn;
    (void)dir;
    g_string_append_printf(log, "%d:%.*s ", (int)packet->number, (int)n, (const char *)octets);
    return IMAPID_TCP_WANTED;
}

static void on_gap(void *ctx, struct imapid_conn *conn, int dir, uint64_t n_lost,
                   const struct imapid_stamp *packet)
{
    (void)conn;
    (void)dir;
    (void)packet;
    g_string_append_printf(ctx, "<%d> ", (int)n_lost);
}

static void on_end(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    (void)ctx;
    (void)conn;
    (void)reason;
}

struct fixture {
    GString *log;
    struct imapid_net *net;
    uint64_t number;
    guint n_compared;
};

static void set_up(struct fixture *f)
{
    struct imapid_tcp_handler handler = {on_data, on_gap, on_end, NULL, NULL, NULL};
    handler.ctx = f->log = g_string_new(NULL);
    f->net = imapid_net_new(&handler, NULL);
    f->number = f->n_compared = 0;
}

static void tear_down(struct fixture *f)
{
    imapid_net_free(f->net);
    g_string_free(f->log, TRUE);
}

/* Most packets are read by a shorter way: it says the same of them as the long one, which reads the IP packet
 * without its Ethernet header. */
static void check_ways(struct fixture *f, const struct imapid_packet *packet)
{
    struct imapid_packet inner = *packet;
    struct imapid_net_ahead usual, other;
    if (packet->link_type != 1 || packet->n < 14 || packet->data[12] != 8 || packet->data[13] != 0)
        return;
    inner.data += 14;
    inner.n -= 14;
    inner.n_wire -= 14;
    inner.link_type = 228; /* IPv4 */
    imapid_net_prepare(f->net, packet, &usual);
    imapid_net_prepare(f->net, &inner, &other);
    g_assert_cmpuint(usual.family, ==, other.family);
    if (!other.family)
        return;
    f->n_compared++;
    g_assert_cmphex(usual.digest, ==, other.digest);
    g_assert_cmpuint(usual.n, ==, other.n);
    g_assert_cmpuint(usual.n_wire, ==, other.n_wire);
    g_assert_cmpuint(usual.addresses, ==, other.addresses + 14);
    g_assert_cmpuint(usual.octets, ==, other.octets + 14);
    g_assert_cmpuint(usual.ttl, ==, other.ttl);
    g_assert_cmpuint(usual.is_on_path, ==, other.is_on_path);
    g_assert_cmpuint(usual.is_passable, ==, other.is_passable);
    imapid_net_judge(packet, &usual);
    g_assert_true(usual.has_checksum == (usual.n == usual.n_wire && usual.n >= 20));
    if (usual.has_checksum)
        g_assert_cmpuint(usual.checksum, ==,
                         imapid_checksum_judge(packet->data + 26, packet->data + 30, 4,
                                               packet->data + usual.octets, usual.n));
}

/* Packets that differ from a usual one in a few octets of their headers, cut anywhere. */
static void test_ways(void)
{
    struct fixture f;
    set_up(&f);
    for (int i = 0; i < 100000; i++) {
        GByteArray *frame = frame_ethernet(
            0x0800, frame_ip4(6, 0, frame_tcp(1, 143, 1, 0x18, frame_text("0123456789"))));
        guint n_changes = (guint)g_test_rand_int_range(0, 4);
        while (n_changes--)
            frame->data[g_test_rand_int_range(14, 54)] ^=
                (guint8)(1 << g_test_rand_int_range(0, 8));
        if (g_test_rand_bit()) /* the same addresses: the ports decide */
            memcpy(frame->data + 30, frame->data + 26, 4);
        guint n = (guint)g_test_rand_int_range(0, (gint)frame->len + 1);
        guint8 *copy = g_memdup2(frame->data, MAX(n, 1));
        check_ways(&f,
                   &(struct imapid_packet){
                       .data = copy, .n = n, .n_wire = frame->len, .number = 1, .link_type = 1});
        g_free(copy);
        g_byte_array_free(frame, TRUE);
    }
    g_assert_cmpuint(f.n_compared, >, 10000);
    tear_down(&f);
}

static void feed_cut(struct fixture *f, uint16_t link_type, GByteArray *frame, guint n_cut)
{
    guint n = frame->len - n_cut;
    struct imapid_packet packet = {.data = n ? g_memdup2(frame->data, n) : g_malloc(1),
                                   .n = n,
                                   .n_wire = frame->len,
                                   .number = ++f->number,
                                   .link_type = link_type};
    struct imapid_net_ahead ahead;
    imapid_net_prepare(f->net, &packet, &ahead);
    if (g_test_rand_bit())
        imapid_net_judge(&packet, &ahead);
    if (g_test_rand_bit())
        imapid_net_foresee(f->net, &packet, &ahead);
    if (g_test_rand_bit())
        imapid_net_packet_ahead(f->net, &packet, &ahead);
    else
        imapid_net_packet(f->net, &packet);
    g_free((void *)packet.data);
    g_byte_array_free(frame, TRUE);
}

static void feed(struct fixture *f, uint16_t link_type, GByteArray *frame)
{
    feed_cut(f, link_type, frame, 0);
}

static GByteArray *tcp(uint16_t port, guint32 seq, const char *text)
{
    return frame_tcp(port, 143, seq, 0x18, frame_text(text));
}

static void test_links(void)
{
    struct fixture f;
    guint8 cooked[20] = {[14] = 8}, cooked2[20] = {[0] = 8};
    set_up(&f);
    feed(&f, 1, frame_ethernet(0x0800, frame_ip4(6, 0, tcp(1, 1, "a"))));
    feed(&f, 1, frame_ethernet(0x8100, frame_vlan(5, 0x86dd, frame_ip6(6, tcp(2, 1, "b")))));
    feed(&f, 113, frame_of(cooked, 16, frame_ip4(6, 0, tcp(3, 1, "c"))));
    feed(&f, 276, frame_of(cooked2, 20, frame_ip4(6, 0, tcp(4, 1, "d"))));
    feed(&f, 0, frame_of("\2\0\0\0", 4, frame_ip4(6, 0, tcp(5, 1, "e"))));
    feed(&f, 101, frame_ip6(6, tcp(6, 1, "f")));
    feed(&f, 228, frame_ip4(6, 0, tcp(7, 1, "g")));
    feed(&f, 229, frame_ip6(6, tcp(8, 1, "h")));
    /* one connection, whatever the link its packets come over */
    feed(&f, 113, frame_of(cooked, 16, frame_ip4(6, 0, tcp(1, 2, "i"))));
    g_assert_cmpstr(f.log->str, ==, "1:a 2:b 3:c 4:d 5:e 6:f 7:g 8:h 9:i ");
    g_assert_cmpuint(imapid_net_get_tcp_counts(f.net)->n_conns, ==, 8);
    tear_down(&f);
}

static void test_counts(void)
{
    struct fixture f;
    set_up(&f);
    const struct imapid_net_counts *counts = imapid_net_get_counts(f.net);
    feed(&f, 999, frame_text("x"));
    feed(&f, 998, frame_text("x"));
    g_assert_cmpuint(counts->n_unknown_link, ==, 2);
    g_assert_cmpuint(counts->unread.n_kinds, ==, 2);
    g_assert_cmpuint(counts->unread.kinds[0].what.number, ==, 999);
    g_assert_cmpuint(counts->unread.kinds[1].what.number, ==, 998);
    feed(&f, 1, frame_ethernet(0x0806, frame_text("x")));
    g_assert_cmpuint(counts->n_not_ip, ==, 1);
    feed(&f, 228, frame_ip4(17, 0, frame_text("xxxxxxxx")));
    feed(&f, 228, frame_ip4(1, 0x2000, frame_text("xxxxxxxx")));
    g_assert_cmpuint(counts->n_not_tcp, ==, 2);
    feed(&f, 228, frame_text("zzz"));
    g_assert_cmpuint(counts->n_malformed, ==, 1);
    feed_cut(&f, 228, frame_ip4(6, 0, frame_text("xxxxxxxx")), 10);
    feed_cut(&f, 1, frame_ethernet(0x0800, frame_text("x")), 3);
    g_assert_cmpuint(counts->n_cut, ==, 2);
    g_assert_cmpuint(counts->n_packets, ==, f.number);
    tear_down(&f);
}

static void test_cut_and_padding(void)
{
    struct fixture f;
    set_up(&f);
    feed_cut(&f, 1, frame_ethernet(0x0800, frame_ip4(6, 0, tcp(1, 1, "abcdef"))), 4);
    GByteArray *padded = frame_ethernet(0x0800, frame_ip4(6, 0, tcp(1, 7, "g")));
    feed(&f, 1, g_byte_array_append(padded, (const guint8 *)"\0\0\0\0\0", 5));
    g_assert_cmpstr(f.log->str, ==, "1:ab <4> 2:g ");
    tear_down(&f);
}

/* A segment that is whole, and shorter than a header of TCP: there is no checksum. */
static void test_short(void)
{
    struct fixture f;
    set_up(&f);
    for (guint n = IMAPID_TCP_N_SHORTEST; n <= 20; n++) {
        GByteArray *frame = frame_ip4(
            6, 0,
            g_byte_array_append(g_byte_array_new(), (const guint8 *)"abcdefghijklmnopqrst", n));
        uint8_t *octets = g_memdup2(frame->data, frame->len);
        const struct imapid_packet packet = {
            .data = octets, .n = frame->len, .n_wire = frame->len, .number = 1, .link_type = 228};
        struct imapid_net_ahead ahead = {.family = 0};
        imapid_net_prepare(f.net, &packet, &ahead);
        imapid_net_judge(&packet, &ahead);
        g_assert_cmpint(ahead.family, ==, 4);
        g_assert_cmpint(ahead.has_checksum, ==, n == 20);
        g_free(octets);
        g_byte_array_free(frame, TRUE);
    }
    tear_down(&f);
}

/* How many packets of a kind were not read. */
static uint64_t count_unread(const struct fixture *f, enum imapid_number_space space,
                             uint32_t number)
{
    const struct imapid_unread_counts *counts = &imapid_net_get_counts(f->net)->unread;
    for (unsigned i = 0; i < counts->n_kinds; i++)
        if (counts->kinds[i].what.space == space && counts->kinds[i].what.number == number)
            return counts->kinds[i].n_packets;
    return 0;
}

static GByteArray *part_of(const GByteArray *whole, guint from, guint n)
{
    return g_byte_array_append(g_byte_array_new(), whole->data + from, n);
}

/* The octets of a segment behind an IP header, in two fragments, the second one first. */
static void test_fragments4(void)
{
    struct fixture f;
    set_up(&f);
    GByteArray *whole = tcp(1, 1, "abcdefgh");
    GByteArray *first = part_of(whole, 0, 16);
    GByteArray *second = part_of(whole, 16, 12);
    feed(&f, 228, frame_ip4(6, 2, second));
    feed(&f, 228, frame_ip4(6, 0x2000, first));
    g_assert_cmpstr(f.log->str, ==, "2:abcdefgh ");
    g_assert_cmpuint(imapid_net_get_counts(f.net)->n_reassembled, ==, 1);
    /* one that never gets whole */
    feed(&f, 228, frame_ip4(6, 0x2000, part_of(whole, 0, 16)));
    imapid_net_finish(f.net);
    g_assert_cmpuint(imapid_net_get_counts(f.net)->n_fragments_lost, ==, 1);
    g_assert_cmpuint(count_unread(&f, IMAPID_NUMBER_HEADER, IMAPID_HEADER_FRAGMENT), ==, 1);
    g_byte_array_free(whole, TRUE);
    tear_down(&f);
}

/* The first fragment is there in part: the beginning of the segment is. */
static void test_fragments_cut(void)
{
    struct fixture f;
    set_up(&f);
    GByteArray *whole = tcp(1, 1, "abcdefghijkl");
    GByteArray *first = part_of(whole, 0, 24);
    GByteArray *second = part_of(whole, 24, 8);
    feed_cut(&f, 228, frame_ip4(6, 0x2000, first), 2);
    feed(&f, 228, frame_ip4(6, 3, second));
    feed(&f, 228, frame_ip4(6, 0, tcp(1, 13, "m")));
    imapid_net_finish(f.net);
    g_assert_cmpstr(f.log->str, ==, "1:ab <2> <8> 3:m ");
    g_assert_cmpuint(imapid_net_get_counts(f.net)->n_fragments_lost, ==, 1);
    g_assert_cmpuint(count_unread(&f, IMAPID_NUMBER_HEADER, IMAPID_HEADER_FRAGMENT), ==, 1);
    g_assert_cmpuint(count_unread(&f, IMAPID_NUMBER_HEADER, IMAPID_HEADER_CUT), ==, 0);
    /* of UDP, which is no tunnel most of the time */
    feed(&f, 228, frame_ip4(17, 3, part_of(whole, 0, 8)));
    imapid_net_finish(f.net);
    g_assert_cmpuint(imapid_net_get_counts(f.net)->n_fragments_lost, ==, 2);
    g_assert_cmpuint(count_unread(&f, IMAPID_NUMBER_HEADER, IMAPID_HEADER_FRAGMENT), ==, 1);
    /* not even its header */
    feed_cut(&f, 228, frame_ip4(6, 0x2000, part_of(whole, 0, 24)), 20);
    g_assert_cmpuint(count_unread(&f, IMAPID_NUMBER_HEADER, IMAPID_HEADER_CUT), ==, 1);
    g_byte_array_free(whole, TRUE);
    tear_down(&f);
}

static void test_fragments6(void)
{
    struct fixture f;
    set_up(&f);
    /* with a Destination Options header inside the fragmented part */
    GByteArray *whole = frame_of("\6\0......", 8, tcp(1, 1, "abcdefgh"));
    GByteArray *first = part_of(whole, 0, 24);
    GByteArray *second = part_of(whole, 24, 12);
    feed(&f, 229, frame_ip6(44, frame_of("\x3c\0\0\1abcd", 8, first)));
    feed(&f, 229,
         frame_ip6(44, frame_of("\x3c\0\0\x18"
                                "abcd",
                                8, second)));
    g_assert_cmpstr(f.log->str, ==, "2:abcdefgh ");
    g_byte_array_free(whole, TRUE);
    tear_down(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/ways", test_ways);
    g_test_add_func("/net/links", test_links);
    g_test_add_func("/net/counts", test_counts);
    g_test_add_func("/net/cut-and-padding", test_cut_and_padding);
    g_test_add_func("/net/short", test_short);
    g_test_add_func("/net/fragments/4", test_fragments4);
    g_test_add_func("/net/fragments/6", test_fragments6);
    g_test_add_func("/net/fragments/cut", test_fragments_cut);
    return g_test_run();
}
