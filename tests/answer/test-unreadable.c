/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What could not be looked into: counted by reason, bounded, and safe for a terminal. */
#include "answer/unreadable.h"
#include "sample.h"

#include <string.h>

static void add(struct imapid_store *store, uint32_t stream, const char *reason)
{
    struct imapid_record_session session = sample_session();

    session.conn.stream = stream;
    session.conn.client.port = (uint16_t)(50000 + stream);
    session.not_decrypted = reason;
    session.decrypted = reason ? IMAPID_NO : IMAPID_UNKNOWN;
    imapid_store_add_session(store, &session);
}

static void assert_spelled(const struct imapid_store_view *view, const char *text, const char *json)
{
    GString *out = g_string_new(NULL);

    imapid_unreadable_spell(out, view);
    g_assert_cmpstr(out->str, ==, text);
    g_string_truncate(out, 0);
    imapid_unreadable_spell_reasons(out, view);
    g_assert_cmpstr(out->str, ==, json);
    g_string_free(out, TRUE);
}

static void test_nothing(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_store_view view;

    add(store, 0, NULL);
    view = imapid_store_settle(store);
    g_assert_cmpuint(imapid_unreadable_count(&view), ==, 0);
    g_assert_false(imapid_unreadable_is_all(&view));
    assert_spelled(&view, "", "{}");
    imapid_store_free(store);
}

static void test_reasons(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_store_view view;
    struct imapid_store_conn conn;

    add(store, 0, "no-key");
    add(store, 1, "\x1b[2J");
    add(store, 2, "no-key");
    add(store, 3, NULL);
    view = imapid_store_settle(store);
    g_assert_cmpuint(imapid_unreadable_count(&view), ==, 3);
    g_assert_false(imapid_unreadable_is_all(&view));
    g_assert_true(imapid_unreadable_read(&view, 0, &conn));
    g_assert_false(imapid_unreadable_read(&view, 3, &conn));
    assert_spelled(&view, "3 of 4 connections could not be looked into: \\u001b[2J 1, no-key 2",
                   "{\"\\u001b[2J\":1,\"no-key\":2}");
    imapid_store_free(store);
}

static void test_all(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_store_view view;

    add(store, 0, "no-key");
    view = imapid_store_settle(store);
    g_assert_true(imapid_unreadable_is_all(&view));
    imapid_store_free(store);
}

static void test_many_reasons(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_store_view view;
    GArray *reasons;
    char word[16];

    for (uint32_t i = 0; i < 1000; i++) {
        g_snprintf(word, sizeof word, "r%u", i);
        add(store, i, word);
    }
    view = imapid_store_settle(store);
    reasons = imapid_unreadable_count_reasons(&view);
    g_assert_cmpuint(reasons->len, <=, 64);
    g_assert_cmpuint(imapid_unreadable_count(&view), ==, 1000);
    g_array_unref(reasons);
    imapid_store_free(store);
}

static void test_kinds(void)
{
    struct imapid_record_unread unread[] = {{"ethertype", 0x88e5, "MACsec", 3},
                                            {"link-type", 147, "USER0", 6}};
    struct imapid_record_capture capture = sample_capture();
    struct imapid_store *store = imapid_store_new();
    struct imapid_store_view view;
    GArray *kinds;

    capture.unread = unread;
    capture.n_unread = 2;
    imapid_store_add_capture(store, &capture);
    capture.file = "b.pcap";
    imapid_store_add_capture(store, &capture);
    view = imapid_store_settle(store);
    kinds = imapid_unreadable_list_kinds(&view);
    g_assert_cmpuint(kinds->len, ==, 2);
    g_assert_cmpstr(g_array_index(kinds, struct imapid_record_unread, 0).name, ==, "USER0");
    g_assert_cmpuint(g_array_index(kinds, struct imapid_record_unread, 0).n_packets, ==, 12);
    g_array_unref(kinds);
    g_assert_true(imapid_unreadable_is_all(&view)); /* 9 of 9 packets, of each */
    imapid_store_free(store);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/unreadable/nothing", test_nothing);
    g_test_add_func("/unreadable/reasons", test_reasons);
    g_test_add_func("/unreadable/all", test_all);
    g_test_add_func("/unreadable/many-reasons", test_many_reasons);
    g_test_add_func("/unreadable/kinds", test_kinds);
    return g_test_run();
}
