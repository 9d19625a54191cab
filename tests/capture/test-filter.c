/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/capture/filter.c: one expression over several link types. */

#include "capture/filter.h"

#include <glib.h>
#include <string.h>

/* IPv4 and TCP from port 40000 to 143 */
static const guint8 ip[] = {0x45, 0, 0,  40, 0,    0, 0,    0,    64, 6,   0, 0, 10, 0,
                            0,    1, 10, 0,  0,    2, 0x9c, 0x40, 0,  143, 0, 0, 0,  0,
                            0,    0, 0,  0,  0x50, 2, 0,    0,    0,  0,   0, 0};

static struct imapid_packet make_packet(guint16 link_type, const guint8 *head, guint32 n_head,
                                        guint8 *octets)
{
    if (n_head > 0)
        memcpy(octets, head, n_head);
    memcpy(octets + n_head, ip, sizeof ip);
    return (struct imapid_packet){.data = octets,
                                  .n = n_head + (guint32)sizeof ip,
                                  .n_wire = n_head + (guint32)sizeof ip,
                                  .link_type = link_type};
}

static const uint16_t types[] = {1, 101, 108, 113, 228};

static bool matches(const char *expression, guint16 link_type, const guint8 *head, guint32 n_head)
{
    char *message = NULL;
    guint8 octets[100];
    struct imapid_packet packet = make_packet(link_type, head, n_head, octets);
    struct imapid_filter *filter =
        imapid_filter_new(expression, types, G_N_ELEMENTS(types), &message);
    g_assert_nonnull(filter);
    bool first = imapid_filter_match(filter, &packet);
    g_assert_cmpint(imapid_filter_match(filter, &packet), ==, first);
    imapid_filter_free(filter);
    return first;
}

static void test_link_types(void)
{
    static const guint8 ethernet[14] = {[12] = 8}, cooked[16] = {[14] = 8}, loop[4] = {0, 0, 0, 2};
    static const char *const expressions[] = {"tcp port 143", "tcp port 144"};
    for (int i = 0; i < 2; i++) {
        g_assert_cmpint(matches(expressions[i], 1, ethernet, 14), ==, i == 0);
        g_assert_cmpint(matches(expressions[i], 113, cooked, 16), ==, i == 0);
        g_assert_cmpint(matches(expressions[i], 108, loop, 4), ==, i == 0);
        g_assert_cmpint(matches(expressions[i], 101, NULL, 0), ==, i == 0);
        g_assert_cmpint(matches(expressions[i], 228, NULL, 0), ==, i == 0);
    }
    /* without a meaning on that link */
    g_assert_false(matches("ether host 1:2:3:4:5:6", 101, NULL, 0));
    g_assert_true(matches("ether host 0:0:0:0:0:0", 1, ethernet, 14));
}

static void test_other_link_types(void)
{
    static const uint16_t one[] = {101, 101, 65535};
    char *message = NULL;
    guint8 octets[100];
    struct imapid_filter *filter = imapid_filter_new("tcp", one, G_N_ELEMENTS(one), &message);
    for (guint32 type = 0; type <= G_MAXUINT16; type++) {
        struct imapid_packet packet = make_packet((guint16)type, NULL, 0, octets);
        g_assert_cmpint(imapid_filter_match(filter, &packet), ==, type == 101);
    }
    imapid_filter_free(filter);
    imapid_filter_free(NULL);
}

static void test_no_filter(void)
{
    char *message = NULL;
    g_assert_null(imapid_filter_new("no such thing (", types, G_N_ELEMENTS(types), &message));
    g_assert_nonnull(message);
    g_free(message);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filter/link-types", test_link_types);
    g_test_add_func("/filter/other-link-types", test_other_link_types);
    g_test_add_func("/filter/no-filter", test_no_filter);
    return g_test_run();
}
