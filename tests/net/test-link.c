/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/net/link.c: each link type with what may follow, whole and cut at every octet.
 */

#include "net/link.h"
#include "net/numbers.h"

#include "frames.h"

static enum imapid_layer find_layer(uint16_t link_type)
{
    struct imapid_cursor cursor;
    return imapid_numbers_find_link_type(link_type, &cursor);
}

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

static uint32_t vlan(uint32_t path, uint32_t id)
{
    return imapid_layer_mix_path(path, IMAPID_PATH_VLAN, id);
}

#define IP4 frame_text("\x45...") /* any 5 octets that look like IPv4's first */
#define IP6 frame_text("\x60...")

static void test_ethernet(void)
{
    enum imapid_layer ethernet = find_layer(1);
    check(ethernet, frame_ethernet(0x0800, IP4), IMAPID_LAYER_IP4, 4, 0);
    check(ethernet, frame_ethernet(0x86dd, IP6), IMAPID_LAYER_IP6, 4, 0);
    check(ethernet, frame_ethernet(0x0806, IP4), IMAPID_LAYER_OTHER, 4, 0);
    check(ethernet, frame_ethernet(0x8100, frame_vlan(5, 0x0800, IP4)), IMAPID_LAYER_IP4, 4,
          vlan(0, 5));
    /* priority only */
    check(ethernet, frame_ethernet(0x8100, frame_vlan(0xe000, 0x0800, IP4)), IMAPID_LAYER_IP4, 4,
          0);
    static const guint16 outer[] = {0x8100, 0x88a8, 0x9100, 0x9200};
    for (gsize i = 0; i < G_N_ELEMENTS(outer); i++)
        check(ethernet,
              frame_ethernet(outer[i], frame_vlan(7, 0x8100, frame_vlan(0x3005, 0x86dd, IP6))),
              IMAPID_LAYER_IP6, 4, vlan(vlan(0, 7), 5));
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
    check(find_layer(113), frame_of(head, 16, IP4), IMAPID_LAYER_IP4, 4, 0);
    head[14] = 0x81;
    check(find_layer(113), frame_of(head, 16, frame_vlan(9, 0x0800, IP4)), IMAPID_LAYER_IP4, 4,
          vlan(0, 9));
    memset(head, 0, sizeof head);
    head[0] = 0x86;
    head[1] = 0xdd;
    check(find_layer(276), frame_of(head, 20, IP6), IMAPID_LAYER_IP6, 4, 0);
}

static void test_loopback(void)
{
    enum imapid_layer layer = find_layer(0);
    g_assert_cmpint(layer, ==, find_layer(108));
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
        check(find_layer(types[i]), IP4, IMAPID_LAYER_IP4, 4, 0);
        check(find_layer(types[i]), IP6, IMAPID_LAYER_IP6, 4, 0);
        check(find_layer(types[i]), frame_text("zzzz"), IMAPID_LAYER_UNREAD, 4, 0);
    }
    g_assert_cmpint(find_layer(228), ==, IMAPID_LAYER_IP4);
    g_assert_cmpint(find_layer(229), ==, IMAPID_LAYER_IP6);
    g_assert_cmpint(find_layer(9999), ==, IMAPID_LAYER_UNREAD);
}

static void test_mpls(void)
{
    enum imapid_layer ethernet = find_layer(1);
    uint32_t path = imapid_layer_mix_path(0, IMAPID_PATH_MPLS, 0x12345);
    const char *labels = "\xff\xff\xf0\x40\x12\x34\x51\x40";
    check(ethernet, frame_ethernet(0x8847, frame_of(labels, 8, IP4)), IMAPID_LAYER_IP4, 4, path);
    check(ethernet, frame_ethernet(0x8848, frame_of(labels, 8, IP6)), IMAPID_LAYER_IP6, 4, path);
    /* the signalling of a pseudowire */
    check(ethernet, frame_ethernet(0x8847, frame_of(labels, 8, frame_text("\x10..."))),
          IMAPID_LAYER_OTHER, 4, 0);
    /* pseudowires with a control word and without, the latter's address beginning with 0 or not */
    struct {
        guint n;
        const char *head;
    } wires[] = {{4, "\0\0\0\1"}, {0, ""}};
    for (gsize i = 0; i < G_N_ELEMENTS(wires); i++)
        for (guint8 first = 0; first <= 2; first += 2) {
            GByteArray *inner = frame_ethernet(0x0800, frame_text("\x45..."));
            inner->data[0] = first;
            GByteArray *frame = frame_ethernet(
                0x8847, frame_of(labels, 8, frame_of(wires[i].head, wires[i].n, inner)));
            struct imapid_cursor cursor = {
                .at = frame->data, .n = frame->len, .n_wire = frame->len};
            g_assert_cmpint(imapid_link_strip(ethernet, &cursor), ==, IMAPID_LAYER_IP4);
            g_assert_cmpuint(cursor.n, ==, 4);
            g_byte_array_free(frame, TRUE);
        }
}

static void test_ppp(void)
{
    static const struct {
        uint16_t link_type;
        guint n;
        const char *head;
    } heads[] = {
        {9, 4, "\xff\3\0\x21"},     {9, 2, "\0\x21"},         {50, 4, "\xff\3\0\x21"},
        {50, 3, "\xff\3\x21"},      {104, 4, "\x0f\0\x08\0"}, {166, 4, "\1\3\0\x21"},
        {204, 5, "\0\xff\3\0\x21"}, {204, 3, "\1\0\x21"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(heads); i++) {
        GByteArray *frame = frame_of(heads[i].head, heads[i].n, frame_text("\x45..."));
        struct imapid_cursor cursor = {.at = frame->data, .n = frame->len, .n_wire = frame->len};
        enum imapid_layer layer = find_layer(heads[i].link_type);
        g_assert_cmpint(imapid_link_strip(layer, &cursor), ==, IMAPID_LAYER_IP4);
        g_assert_cmpuint(cursor.n, ==, 4);
        g_byte_array_free(frame, TRUE);
    }
    uint32_t path = imapid_layer_mix_path(0, IMAPID_PATH_PPPOE, 0x1234);
    check(find_layer(51), frame_of("\x11\0\x12\x34\0\6\0\x57", 8, IP6), IMAPID_LAYER_IP6, 4, path);
    check(find_layer(1), frame_ethernet(0x8864, frame_of("\x11\0\x12\x34\0\6\0\x21", 8, IP4)),
          IMAPID_LAYER_IP4, 4, path);
    /* the discovery of a session, and a protocol that is not IP */
    check(find_layer(51), frame_of("\x11\x09\0\0\0\4", 6, IP4), IMAPID_LAYER_OTHER, 4, 0);
    check(find_layer(51), frame_of("\x11\0\0\1\0\6\xc0\x21", 8, IP4), IMAPID_LAYER_OTHER, 4, 0);
}

/* Layers in each other are taken off to a depth, not beyond. */
static void test_depth(void)
{
    for (unsigned n = IMAPID_LAYER_N_MAX - 1; n <= IMAPID_LAYER_N_MAX; n++) {
        GByteArray *frame = frame_text("\x45...");
        for (unsigned i = 0; i < n; i++)
            frame = frame_vlan(7, i ? 0x8100 : 0x0800, frame);
        frame = frame_ethernet(0x8100, frame);
        struct imapid_cursor cursor = {.at = frame->data, .n = frame->len, .n_wire = frame->len};
        g_assert_cmpint(imapid_link_strip(find_layer(1), &cursor), ==,
                        n < IMAPID_LAYER_N_MAX ? IMAPID_LAYER_IP4 : IMAPID_LAYER_UNREAD);
        g_byte_array_free(frame, TRUE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link/ethernet", test_ethernet);
    g_test_add_func("/link/cooked", test_cooked);
    g_test_add_func("/link/loopback", test_loopback);
    g_test_add_func("/link/raw", test_raw);
    g_test_add_func("/link/mpls", test_mpls);
    g_test_add_func("/link/ppp", test_ppp);
    g_test_add_func("/link/depth", test_depth);
    return g_test_run();
}
