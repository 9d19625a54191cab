/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting: what can be counted by, in which order groups come, and what the five kinds of
 * connections of the overview are. */
#include "answer/groups.h"
#include "answer/overview.h"
#include "sample.h"

#include <string.h>

static void add(struct imapid_store *store, uint32_t stream, uint8_t client, const char *name)
{
    struct sample *sample = sample_new();

    sample->exchange.conn.stream = stream;
    sample->exchange.conn.client = sample_endpoint(client, (uint16_t)(50000 + stream));
    if (name)
        sample_pair(sample, IMAPID_CLIENT, "name", name);
    imapid_store_add_exchange(store, &sample->exchange);
    sample_free(sample);
}

static void test_read(void)
{
    static const char *const bad[] = {"", "colour", "client_name,",
                                      "client_name,client_os,status,state,day", "client_"};
    struct imapid_grouping grouping;
    char *message;

    g_assert_true(imapid_grouping_read(&grouping, " client_name, server_ip", &message));
    g_assert_cmpuint(grouping.n_keys, ==, 2);
    g_assert_cmpstr(grouping.names[1], ==, "server_ip");
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(imapid_grouping_read(&grouping, bad[i], &message));
        g_assert_nonnull(message);
        g_free(message);
    }
}

static void test_count(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_fold *fold = imapid_fold_new();
    struct imapid_grouping grouping;
    struct imapid_store_view view;
    const struct imapid_group *group;
    GArray *groups = NULL;
    char *message;

    add(store, 0, 1, "Mutt");
    add(store, 1, 1, "mutt"); /* the same, by case */
    add(store, 2, 3, "Mutt");
    add(store, 3, 4, "Alpine");
    add(store, 4, 4, NULL);
    view = imapid_store_settle(store);
    g_assert_true(imapid_grouping_read(&grouping, "client_name", &message));
    for (unsigned n_threads = 1; n_threads < 5; n_threads++) {
        imapid_groups_count(&(struct imapid_groups_asked){.view = &view,
                                                          .fold = fold,
                                                          .groupings = &grouping,
                                                          .n = 1,
                                                          .n_threads = n_threads,
                                                          .groups = &groups});
        g_assert_cmpuint(groups->len, ==, 3);
        group = &g_array_index(groups, struct imapid_group, 0);
        g_assert_cmpstr(group->values[0], ==, "Mutt");
        g_assert_cmpuint(group->n_conns, ==, 3);
        g_assert_cmpuint(group->n_addresses, ==, 2);
        g_assert_cmpuint(group->n_exchanges, ==, 3);
        g_assert_cmpint(group->first_ns, ==, SAMPLE_TIME_NS);
        imapid_groups_free(groups);
    }
    imapid_fold_free(fold);
    imapid_store_free(store);
}

static struct imapid_overview overview_of(const struct imapid_record_session *session, bool has_id)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_store_view view;
    struct imapid_overview overview;

    imapid_store_add_session(store, session);
    if (has_id)
        add(store, 0, 1, "Mutt");
    view = imapid_store_settle(store);
    overview = imapid_overview_count(&view);
    imapid_store_free(store);
    /* each connection is of one kind */
    g_assert_cmpuint(overview.n_with_id + overview.n_silent + overview.n_open + overview.n_unread +
                         overview.n_maybe_silent,
                     ==, overview.n_conns);
    return overview;
}

static void test_kinds(void)
{
    struct imapid_record_session session = sample_session();
    struct imapid_overview overview;

    session.n_exchanges = 0;
    session.ended = IMAPID_ENDED_FIN;
    g_assert_cmpuint(overview_of(&session, true).n_with_id, ==, 1);
    g_assert_cmpuint(overview_of(&session, false).n_silent, ==, 1);
    session.ended = IMAPID_ENDED_NOT;
    g_assert_cmpuint(overview_of(&session, false).n_open, ==, 1);
    session.n_lost = 5;
    g_assert_cmpuint(overview_of(&session, false).n_maybe_silent, ==, 1);
    session.not_decrypted = "no-key";
    session.decrypted = IMAPID_NO;
    overview = overview_of(&session, false);
    g_assert_cmpuint(overview.n_unread, ==, 1);
    g_assert_cmpuint(overview.n_unreadable, ==, 1);
    session.from_start = false;
    g_assert_cmpuint(overview_of(&session, false).n_late, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/groups/read", test_read);
    g_test_add_func("/groups/count", test_count);
    g_test_add_func("/groups/kinds", test_kinds);
    return g_test_run();
}
