/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/net/tcp-table.c: additions and removals in any order against an array that
 * remembers what must be there. */

#include "siphash.h"
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

static uint32_t find_alike(const struct imapid_tcp_table *table, const struct imapid_tcp_key *key)
{
    return imapid_tcp_table_find_alike(table, key, imapid_tcp_table_hash(table, key));
}

/* All that are there and differ from key `i` by the path alone, and itself, are in one list. */
static void check_alikes(const struct imapid_tcp_table *table, const uint32_t *where, uint32_t i)
{
    struct imapid_tcp_key key = make_key(i);
    uint32_t n = 0, n_listed = 0;
    for (uint32_t k = 0; k < N_KEYS; k++) {
        struct imapid_tcp_key other = make_key(k);
        n += where[k] != IMAPID_TCP_NONE && other.is_ip6 == key.is_ip6 &&
             memcmp(other.port, key.port, sizeof key.port) == 0 &&
             memcmp(other.address, key.address, sizeof key.address) == 0;
    }
    for (uint32_t at = find_alike(table, &key); at != IMAPID_TCP_NONE && n_listed <= n;
         at = imapid_tcp_table_next_alike(table, at))
        n_listed++;
    g_assert_cmpuint(n_listed, ==, n);
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
        if (round % 512 == 0)
            check_alikes(&table, where, i);
    }
    for (uint32_t i = 0; i < N_KEYS; i++)
        if (where[i] != IMAPID_TCP_NONE)
            imapid_tcp_table_remove(&table, where[i]);
    g_assert_cmpuint(table.n_slots, ==, 0);
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

/* The test vectors of the paper's reference code, for one round and three, of 0, 8 and 12 octets: no
 * bits of the key or of the words are lost. */
static void test_siphash(void)
{
    uint64_t key[2], words[1];
    uint8_t octets[16];
    for (uint8_t i = 0; i < 16; i++)
        octets[i] = i;
    memcpy(key, octets, sizeof key);
    memcpy(words, octets, sizeof words);
    g_assert_cmphex(imapid_siphash(key, words, 0), ==, G_GUINT64_CONSTANT(0xabac0158050fc4dc));
    g_assert_cmphex(imapid_siphash(key, words, 1), ==, G_GUINT64_CONSTANT(0x369095118d299a8e));
    g_assert_cmphex(imapid_siphash_rest(key, words, 1, 0x0b0a0908, 4), ==,
                    G_GUINT64_CONSTANT(0x78a384b157b4d9a2));
}

/* Slots from where a look-up begins to where it ends, summed over all entries. */
static uint64_t count_probes(const struct imapid_tcp_table *table)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i <= table->slot_mask; i++)
        if (table->slots[i].entry != IMAPID_TCP_NONE)
            n += (i - table->slots[i].hash) & table->slot_mask;
    return n;
}

/* Keys that a stranger would choose: no two of them may meet more often than by chance. */
static void check_spread(struct imapid_tcp_key (*choose)(uint32_t))
{
    struct imapid_tcp_table table;
    imapid_tcp_table_init(&table, 20000);
    for (uint32_t i = 0; i < 20000; i++) {
        struct imapid_tcp_key key = choose(i);
        imapid_tcp_table_add(&table, &key, imapid_tcp_table_hash(&table, &key));
    }
    g_assert_cmpuint(table.n_used, ==, 20000);
    /* With half of the slots in use it is half a slot each. */
    g_assert_cmpuint(count_probes(&table), <, 2 * table.n_slots);
    imapid_tcp_table_deinit(&table);
}

static struct imapid_tcp_key choose_path(uint32_t i)
{
    return (struct imapid_tcp_key){.port = {143, 40000}, .path = i + 1};
}

/* Flips of high bits, two at a time. */
static struct imapid_tcp_key choose_high_bits(uint32_t i)
{
    struct imapid_tcp_key key = {.port = {143, 40000}, .is_ip6 = true};
    for (unsigned bit = 0; bit < 16; bit++)
        if (i >> bit & 1)
            key.address[bit / 8][7 + bit % 2 * 8] |= (uint8_t)(0x80 >> bit / 2 % 4);
    return key;
}

static void test_spread(void)
{
    check_spread(choose_path);
    check_spread(choose_high_bits);
}

/* Another path for one direction: both find the entry, and the one before it does not. */
static void check_paths(uint32_t there_on, uint32_t back_on)
{
    struct imapid_tcp_table table;
    struct imapid_tcp_key key = {.port = {143, 40000}, .path = there_on};
    struct imapid_tcp_key back = {.port = {143, 40000}, .path = back_on, .dir = 1};
    uint32_t one, other;
    imapid_tcp_table_init(&table, 10);
    one = imapid_tcp_table_add(&table, &key, imapid_tcp_table_hash(&table, &key));
    other = imapid_tcp_table_add(&table, &back, imapid_tcp_table_hash(&table, &back));
    g_assert_cmpuint(find_alike(&table, &key), ==, other);
    g_assert_cmpuint(imapid_tcp_table_next_alike(&table, other), ==, one);
    g_assert_cmpuint(imapid_tcp_table_next_alike(&table, one), ==, IMAPID_TCP_NONE);
    imapid_tcp_table_remove(&table, other);
    g_assert_cmpuint(find_alike(&table, &key), ==, one);
    imapid_tcp_table_set_path(&table, one, 1, back_on);
    g_assert_cmpuint(find_alike(&table, &key), ==, one);
    g_assert_cmpuint(imapid_tcp_table_find(&table, &back, imapid_tcp_table_hash(&table, &back)), ==,
                     one);
    g_assert_cmpuint(imapid_tcp_table_find(&table, &key, imapid_tcp_table_hash(&table, &key)), ==,
                     one);
    imapid_tcp_table_set_path(&table, one, 0, back_on);
    g_assert_cmpuint(find_alike(&table, &back), ==, one);
    g_assert_cmpuint(imapid_tcp_table_find(&table, &key, imapid_tcp_table_hash(&table, &key)), ==,
                     IMAPID_TCP_NONE);
    imapid_tcp_table_add_alias(&table, &key, imapid_tcp_table_hash(&table, &key), one);
    g_assert_cmpuint(imapid_tcp_table_next_alike(&table, one), ==, IMAPID_TCP_NONE);
    imapid_tcp_table_remove(&table, one);
    g_assert_cmpuint(find_alike(&table, &key), ==, IMAPID_TCP_NONE);
    g_assert_cmpuint(table.n_slots, ==, 1);
    imapid_tcp_table_deinit(&table);
}

/* The newest one goes, which had a path and none: the other one is found without it. */
static void test_newest_goes(void)
{
    struct imapid_tcp_table table;
    struct imapid_tcp_key key = {.port = {143, 40000}, .path = 3};
    struct imapid_tcp_key newest = {.port = {143, 40000}, .path = 1};
    uint32_t one, other;
    imapid_tcp_table_init(&table, 10);
    one = imapid_tcp_table_add(&table, &key, imapid_tcp_table_hash(&table, &key));
    other = imapid_tcp_table_add(&table, &newest, imapid_tcp_table_hash(&table, &newest));
    imapid_tcp_table_set_path(&table, other, 1, 0);
    imapid_tcp_table_remove(&table, other);
    g_assert_cmpuint(find_alike(&table, &key), ==, one);
    imapid_tcp_table_remove(&table, one);
    g_assert_cmpuint(table.n_slots, ==, 0);
    imapid_tcp_table_deinit(&table);
}

static void test_paths(void)
{
    check_paths(1, 2);
    check_paths(0, 2);
    check_paths(1, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcp-table/model", test_model);
    g_test_add_func("/tcp-table/victims", test_victims);
    g_test_add_func("/tcp-table/siphash", test_siphash);
    g_test_add_func("/tcp-table/spread", test_spread);
    g_test_add_func("/tcp-table/paths", test_paths);
    g_test_add_func("/tcp-table/newest-goes", test_newest_goes);
    return g_test_run();
}
