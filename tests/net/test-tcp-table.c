/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/net/tcp-table.c: additions and removals in any order against an array that
 * remembers what must be there. */

#include "net/tcp-table.h"

#include <glib.h>
#include <string.h>

#define N_KEYS 3000

static struct imapid_tcp_key make_key(uint32_t i)
{
    struct imapid_tcp_key key = {
        .port = {(uint16_t)(i % 7), (uint16_t)(i / 7 % 50)}, .is_ip6 = i % 2, .path = i % 3};
    key.address[0][0] = (uint8_t)(i % 5);
    key.address[1][i % 2 ? 15 : 3] = (uint8_t)(i / 350);
    return key;
}

static void test_model(void)
{
    GRand *rand = g_rand_new_with_seed(3);
    struct imapid_tcp_table table;
    uint32_t where[N_KEYS];
    uint32_t n_there = 0;
    imapid_tcp_table_init(&table, N_KEYS / 2);
    memset(where, 0xff, sizeof where);
    for (int round = 0; round < 200000; round++) {
        uint32_t i = (uint32_t)g_rand_int_range(rand, 0, N_KEYS);
        struct imapid_tcp_key key = make_key(i);
        uint32_t hash = imapid_tcp_table_hash(&table, &key);
        uint32_t found = imapid_tcp_table_find(&table, &key, hash);
        g_assert_cmpuint(found, ==, where[i]);
        if (found != IMAPID_TCP_NONE) {
            g_assert_true(imapid_tcp_entry_matches(&table.entries[found], &key));
            imapid_tcp_table_remove(&table, found);
            where[i] = IMAPID_TCP_NONE;
            n_there--;
        } else {
            where[i] = imapid_tcp_table_add(&table, &key, hash);
            g_assert_cmpint(where[i] == IMAPID_TCP_NONE, ==, n_there == N_KEYS / 2);
            if (where[i] == IMAPID_TCP_NONE)
                continue;
            /* both directions seen, so that other paths are other connections */
            table.entries[where[i]].flags |= IMAPID_TCP_SEEN_0 | IMAPID_TCP_SEEN_1;
            n_there++;
        }
        g_assert_cmpuint(table.n_used, ==, n_there);
    }
    imapid_tcp_table_deinit(&table);
    g_rand_free(rand);
}

static void test_victims(void)
{
    struct imapid_tcp_table table;
    uint32_t entries[10];
    imapid_tcp_table_init(&table, 10);
    g_assert_cmpuint(imapid_tcp_table_find_victim(&table), ==, IMAPID_TCP_NONE);
    for (uint32_t i = 0; i < 10; i++) {
        struct imapid_tcp_key key = make_key(i);
        entries[i] = imapid_tcp_table_add(&table, &key, imapid_tcp_table_hash(&table, &key));
        table.entries[entries[i]].flags |= i == 6 ? 0u : IMAPID_TCP_RECENT;
    }
    /* the one that was not seen lately, then those that lost the mark meanwhile */
    g_assert_cmpuint(imapid_tcp_table_find_victim(&table), ==, entries[6]);
    imapid_tcp_table_remove(&table, entries[6]);
    g_assert_cmpuint(imapid_tcp_table_find_victim(&table), ==, entries[0]);
    for (uint32_t i = 0; i < 10; i++)
        table.entries[entries[i]].flags |= IMAPID_TCP_KEEP;
    table.entries[entries[6]].flags = 0;
    g_assert_cmpuint(imapid_tcp_table_find_victim(&table), ==, IMAPID_TCP_NONE);
    imapid_tcp_table_deinit(&table);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcp-table/model", test_model);
    g_test_add_func("/tcp-table/victims", test_victims);
    return g_test_run();
}
