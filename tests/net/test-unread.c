/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/net/unread.c: kinds told apart, as many as there is room for, and their words.
 */

#include "net/unread.h"

#include <glib.h>

static void test_bound(void)
{
    struct imapid_unread_counts counts = {.n_kinds = 0};
    for (unsigned twice = 0; twice < 2; twice++)
        for (uint32_t number = 0; number < 1000; number++)
            imapid_unread_count(&counts,
                                &(struct imapid_unread){IMAPID_NUMBER_ETHER_TYPE, number, 0}, 1);
    g_assert_cmpuint(counts.n_packets, ==, 2000);
    g_assert_cmpuint(counts.n_kinds, ==, IMAPID_UNREAD_N_MAX);
    g_assert_cmpuint(counts.n_further, ==, 2000 - 2 * IMAPID_UNREAD_N_MAX);
    for (unsigned i = 0; i < counts.n_kinds; i++) {
        g_assert_cmpuint(counts.kinds[i].what.number, ==, i);
        g_assert_cmpuint(counts.kinds[i].n_packets, ==, 2);
    }
}

static void test_kinds(void)
{
    struct imapid_unread_counts counts = {.n_kinds = 0};
    const struct imapid_unread kinds[] = {
        {IMAPID_NUMBER_ETHER_TYPE, 50, 0},
        {IMAPID_NUMBER_IP_PROTOCOL, 50, 0},
        {IMAPID_NUMBER_UDP_PORT, 50, 0},
        {IMAPID_NUMBER_UDP_PORT, 50, 1},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        imapid_unread_count(&counts, &kinds[i], i);
    g_assert_cmpuint(counts.n_kinds, ==,
                     G_N_ELEMENTS(kinds) - 1); /* of the first one there was none */
    g_assert_cmpuint(counts.n_packets, ==, 6);
    g_assert_cmpuint(counts.kinds[2].n_packets, ==, 3);
}

/* Name, phrase and help of a kind; its name is made again from what a record has of it. */
static void check(enum imapid_number_space space, uint32_t number, unsigned tunnel,
                  const char *layer, const char *expected, const char *expected_phrase,
                  const char *expected_help)
{
    struct imapid_unread what = {space, number, tunnel};
    char *name = imapid_unread_make_name(&what);
    char *again = imapid_unread_remake_name(layer, number, name);
    char *phrase = imapid_unread_make_phrase(layer, number, name);
    char *help = imapid_unread_make_help(layer, number, name);
    g_assert_cmpstr(name, ==, expected);
    g_assert_cmpstr(again, ==, expected);
    g_assert_cmpstr(phrase, ==, expected_phrase);
    g_assert_cmpstr(help, ==, expected_help);
    g_free(name);
    g_free(again);
    g_free(phrase);
    g_free(help);
}

static void test_words(void)
{
    check(IMAPID_NUMBER_LINK_TYPE, 147, 0, "link-type", "USER0", "link type 147 (USER0)",
          "use --linktype N if they have another link type N");
    check(IMAPID_NUMBER_LINK_TYPE, 999, 0, "link-type", "999", "link type 999",
          "use --linktype N if they have another link type N");
    check(IMAPID_NUMBER_ETHER_TYPE, 0x1234, 0, "ethertype", "0x1234", "EtherType 0x1234", NULL);
    check(IMAPID_NUMBER_IP_PROTOCOL, 50, 0, "ip-protocol", "ESP", "IP protocol 50 (ESP)", NULL);
    check(IMAPID_NUMBER_GRE_PROTOCOL, 0x800, 0, "gre-protocol", "IPv4", "GRE protocol 2048 (IPv4)",
          NULL);
    check(IMAPID_NUMBER_UDP_PORT, 51820, 0, "udp-port", "wg", "UDP port 51820 (wg)", NULL);
    check(IMAPID_NUMBER_UDP_PORT, 4755, 0, "udp-port", "GRE in DTLS", "UDP port 4755 (GRE in DTLS)",
          NULL);
    check(IMAPID_NUMBER_UDP_PORT, 8473, 1, "udp-port", "looks like vxlan",
          "UDP port 8473 (looks like vxlan)", "use -d udp.port==8473,vxlan to read them");
    check(IMAPID_NUMBER_WLAN, IMAPID_WLAN_PROTECTED, 0, "wlan", "encrypted data",
          "IEEE 802.11: encrypted data", NULL);
}

/* A record that comes from elsewhere cannot have words of its own in what the user is told to say,
 * nor in what is redacted. */
static void test_foreign(void)
{
    g_assert_null(imapid_unread_make_help("udp-port", 1, "looks like $(reboot)"));
    char *name = imapid_unread_remake_name("udp-port", 4788, "looks like alice@example.org");
    g_assert_cmpstr(name, ==, "4788");
    g_free(name);
    name = imapid_unread_remake_name("nothing", 50, "alice");
    g_assert_cmpstr(name, ==, "unknown");
    g_free(name);
    name = imapid_unread_remake_name("ip-protocol", 50, "alice");
    g_assert_cmpstr(name, ==, "ESP");
    g_free(name);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/unread/bound", test_bound);
    g_test_add_func("/unread/kinds", test_kinds);
    g_test_add_func("/unread/words", test_words);
    g_test_add_func("/unread/foreign", test_foreign);
    return g_test_run();
}
