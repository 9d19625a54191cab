/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/net/ip.c: lengths that agree, that do not, and packets cut at every octet. */

#include "net/ip.h"

#include "frames.h"

static enum imapid_ip_status parse(const GByteArray *frame, guint n, guint n_wire,
                                   struct imapid_ip *ip)
{
    guint8 *octets = n ? g_memdup2(frame->data, n) : g_malloc(1);
    struct imapid_cursor cursor = {.at = octets, .n = n, .n_wire = n_wire, .path = 3};
    enum imapid_ip_status status = imapid_ip_parse(&cursor, ip);
    if (status == IMAPID_IP_OK) {
        g_assert_true(ip->octets + ip->n <= octets + n);
        g_assert_cmpuint(ip->n, <=, ip->n_wire);
        g_assert_cmpuint(ip->path, ==, 3);
    }
    g_free(octets);
    return status;
}

/* Cut before n_header: CUT; from there on, what is there. */
static void check_cuts(GByteArray *frame, guint n_header, guint8 protocol)
{
    struct imapid_ip ip;
    for (guint n = 0; n <= frame->len; n++) {
        enum imapid_ip_status status = parse(frame, n, frame->len, &ip);
        if (n < n_header) {
            g_assert_cmpint(status, ==, IMAPID_IP_CUT);
            continue;
        }
        g_assert_cmpint(status, ==, IMAPID_IP_OK);
        g_assert_cmpuint(ip.protocol, ==, protocol);
        g_assert_cmpuint(ip.n, ==, n - n_header);
        g_assert_cmpuint(ip.n_wire, ==, frame->len - n_header);
    }
    g_byte_array_free(frame, TRUE);
}

static void test_ip4(void)
{
    check_cuts(frame_ip4(6, 0, frame_text("hello")), 20, 6);
    /* with options */
    GByteArray *frame = frame_ip4(6, 0, frame_text("optshello"));
    frame->data[0] = 0x46;
    check_cuts(frame, 24, 6);
}

static void test_ip4_lengths(void)
{
    struct imapid_ip ip;
    GByteArray *frame = frame_ip4(6, 0, frame_text("hello"));
    /* padding behind it */
    g_byte_array_append(frame, (const guint8 *)"\0\0\0\0\0\0", 6);
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_OK);
    g_assert_cmpuint(ip.n, ==, 5);
    /* no length: all there is */
    frame->data[2] = frame->data[3] = 0;
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_OK);
    g_assert_cmpuint(ip.n, ==, 11);
    /* longer than the packet */
    frame->data[2] = 0xff;
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_OK);
    g_assert_cmpuint(ip.n_wire, ==, 11);
    /* shorter than its header */
    frame->data[2] = 0;
    frame->data[3] = 19;
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_MALFORMED);
    frame->data[3] = 25;
    frame->data[0] = 0x44;
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_MALFORMED);
    frame->data[0] = 0x55;
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_MALFORMED);
    frame->data[0] = 0x45;
    g_assert_cmpint(parse(frame, 12, 12, &ip), ==, IMAPID_IP_MALFORMED);
    g_byte_array_free(frame, TRUE);
}

static void test_ip4_fragments(void)
{
    struct imapid_ip ip;
    GByteArray *frame = frame_ip4(6, 0x4000, frame_text("hello"));
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_OK);
    g_assert_false(ip.is_fragment); /* "do not fragment" only */
    frame->data[6] = 0x20;
    frame->data[7] = 0x05;
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_OK);
    g_assert_true(ip.is_fragment && ip.more_fragments);
    g_assert_cmpuint(ip.fragment_place, ==, 40);
    g_assert_cmpuint(ip.fragment_id, ==, 0x1234);
    g_byte_array_free(frame, TRUE);
}

static void test_ip6(void)
{
    check_cuts(frame_ip6(6, frame_text("hello")), 40, 6);
    /* every kind of header before it: hop-by-hop, routing, destination, authentication */
    GByteArray *inner = frame_of("\6\0......", 8, frame_text("hello"));
    inner = frame_of("\x3c\0......", 8, inner);
    inner = frame_of("\x2b\1......--------", 16, inner);
    check_cuts(frame_ip6(0, inner), 40 + 32, 6);
    inner = frame_of("\6\1..........", 12, frame_text("hello"));
    check_cuts(frame_ip6(51, inner), 52, 6);
    /* an atomic fragment */
    inner = frame_of("\6\0\0\0abcd", 8, frame_text("hello"));
    check_cuts(frame_ip6(44, inner), 48, 6);
    /* what cannot be looked into */
    check_cuts(frame_ip6(50, frame_text("hello")), 40, 50);
}

static void test_ip6_lengths(void)
{
    struct imapid_ip ip;
    GByteArray *frame = frame_ip6(6, frame_text("hello"));
    g_byte_array_append(frame, (const guint8 *)"\0\0", 2);
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_OK);
    g_assert_cmpuint(ip.n, ==, 5);
    frame->data[5] = 0;
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_OK);
    g_assert_cmpuint(ip.n, ==, 7);
    /* an extension header longer than the packet */
    frame->data[6] = 0;
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_MALFORMED);
    g_byte_array_free(frame, TRUE);
    frame = frame_ip6(44, frame_of("\6\0\0\x29"
                                   "abcd",
                                   8, frame_text("hello")));
    g_assert_cmpint(parse(frame, frame->len, frame->len, &ip), ==, IMAPID_IP_OK);
    g_assert_true(ip.is_fragment && ip.more_fragments);
    g_assert_cmpuint(ip.fragment_place, ==, 40);
    g_assert_cmpuint(ip.fragment_id, ==, 0x61626364);
    g_byte_array_free(frame, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ip/4", test_ip4);
    g_test_add_func("/ip/4/lengths", test_ip4_lengths);
    g_test_add_func("/ip/4/fragments", test_ip4_fragments);
    g_test_add_func("/ip/6", test_ip6);
    g_test_add_func("/ip/6/lengths", test_ip6_lengths);
    return g_test_run();
}
