/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/net/link.c: each link type with what may follow, whole and cut at every octet.
 */

#include "net/link.h"

#include "frames.h"

/* Every way to wrap; `inner` is what should be found. */
static void check(enum imapid_layer first, GByteArray *frame, enum imapid_layer expected,
                  guint n_inner, uint32_t path)
{
    for (guint n = 0; n <= frame->len; n++) {
        guint8 *octets = n ? g_memdup2(frame->data, n) : g_malloc(1);
        struct imapid_cursor cursor = {.at = octets, .n = n, .n_wire = frame->len};
        enum imapid_layer layer = imapid_link_strip(first, &cursor);
        if (n < frame->len - n_inner) {
            g_assert_cmpint(layer, ==, IMAPID_LAYER_CUT);
        } else if (n >= frame->len - n_inner + 1) { /* raw IP needs one octet to see the version */
            g_assert_cmpint(layer, ==, expected);
            if (expected == IMAPID_LAYER_IP4 || expected == IMAPID_LAYER_IP6) {
                g_assert_cmpuint(cursor.n_wire, ==, n_inner);
                g_assert_cmpuint(cursor.n, ==, n - (frame->len - n_inner));
                g_assert_true(cursor.at == octets + (frame->len - n_inner));
                g_assert_cmpuint(cursor.path, ==, path);
            }
        }
        g_free(octets);
    }
    g_byte_array_free(frame, TRUE);
}

#define IP4 frame_text("\x45...") /* any 5 octets that look like IPv4's first */
#define IP6 frame_text("\x60...")

static void test_ethernet(void)
{
    enum imapid_layer ethernet = imapid_link_find_layer(1);
    check(ethernet, frame_ethernet(0x0800, IP4), IMAPID_LAYER_IP4, 4, 0);
    check(ethernet, frame_ethernet(0x86dd, IP6), IMAPID_LAYER_IP6, 4, 0);
    check(ethernet, frame_ethernet(0x0806, IP4), IMAPID_LAYER_OTHER, 4, 0);
    check(ethernet, frame_ethernet(0x8100, frame_vlan(5, 0x0800, IP4)), IMAPID_LAYER_IP4, 4, 5);
    /* priority only */
    check(ethernet, frame_ethernet(0x8100, frame_vlan(0xe000, 0x0800, IP4)), IMAPID_LAYER_IP4, 4,
          0);
    static const guint16 outer[] = {0x8100, 0x88a8, 0x9100, 0x9200};
    for (gsize i = 0; i < G_N_ELEMENTS(outer); i++)
        check(ethernet,
              frame_ethernet(outer[i], frame_vlan(7, 0x8100, frame_vlan(0x3005, 0x86dd, IP6))),
              IMAPID_LAYER_IP6, 4, 7 << 12 | 5);
    /* IEEE 802.3 with SNAP */
    check(ethernet, frame_ethernet(12, frame_of("\xaa\xaa\3\0\0\0\x08\0", 8, IP4)),
          IMAPID_LAYER_IP4, 4, 0);
    check(ethernet, frame_ethernet(12, frame_of("\x42\x42\3\0\0\0\x08\0", 8, IP4)),
          IMAPID_LAYER_OTHER, 4, 0);
}

static void test_cooked(void)
{
    guint8 head[20] = {0};
    head[14] = 0x08;
    check(imapid_link_find_layer(113), frame_of(head, 16, IP4), IMAPID_LAYER_IP4, 4, 0);
    head[14] = 0x81;
    check(imapid_link_find_layer(113), frame_of(head, 16, frame_vlan(9, 0x0800, IP4)),
          IMAPID_LAYER_IP4, 4, 9);
    memset(head, 0, sizeof head);
    head[0] = 0x86;
    head[1] = 0xdd;
    check(imapid_link_find_layer(276), frame_of(head, 20, IP6), IMAPID_LAYER_IP6, 4, 0);
}

static void test_loopback(void)
{
    enum imapid_layer layer = imapid_link_find_layer(0);
    g_assert_cmpint(layer, ==, imapid_link_find_layer(108));
    check(layer, frame_of("\2\0\0\0", 4, IP4), IMAPID_LAYER_IP4, 4, 0);
    check(layer, frame_of("\0\0\0\2", 4, IP4), IMAPID_LAYER_IP4, 4, 0);
    static const char families[] = {10, 23, 24, 28, 30};
    for (gsize i = 0; i < G_N_ELEMENTS(families); i++) {
        char head[4] = {families[i], 0, 0, 0};
        check(layer, frame_of(head, 4, IP6), IMAPID_LAYER_IP6, 4, 0);
        char swapped[4] = {0, 0, 0, families[i]};
        check(layer, frame_of(swapped, 4, IP6), IMAPID_LAYER_IP6, 4, 0);
    }
    check(layer, frame_of("\x07\0\0\0", 4, IP4), IMAPID_LAYER_OTHER, 4, 0);
}

static void test_raw(void)
{
    static const uint16_t types[] = {12, 14, 101};
    for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
        check(imapid_link_find_layer(types[i]), IP4, IMAPID_LAYER_IP4, 4, 0);
        check(imapid_link_find_layer(types[i]), IP6, IMAPID_LAYER_IP6, 4, 0);
        check(imapid_link_find_layer(types[i]), frame_text("zzzz"), IMAPID_LAYER_OTHER, 4, 0);
    }
    g_assert_cmpint(imapid_link_find_layer(228), ==, IMAPID_LAYER_IP4);
    g_assert_cmpint(imapid_link_find_layer(229), ==, IMAPID_LAYER_IP6);
    g_assert_cmpint(imapid_link_find_layer(9999), ==, IMAPID_LAYER_UNKNOWN);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link/ethernet", test_ethernet);
    g_test_add_func("/link/cooked", test_cooked);
    g_test_add_func("/link/loopback", test_loopback);
    g_test_add_func("/link/raw", test_raw);
    return g_test_run();
}
