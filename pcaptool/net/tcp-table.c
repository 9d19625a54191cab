/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Entries lie in one array that is reserved whole and costs memory as far as it is used; they are
 * found through slots of hash and index with linear probing, at most half full, so that a look-up
 * mostly reads one line of the slots and one of the entries. The hash has a random seed: a sender
 * cannot aim at one slot. Nothing that is reported depends on it.
 *
 * Misuse: keeping a pointer to an entry that was removed. */

#include "net/tcp-table.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Slots at first; no more than a full table will have. */
#define N_SLOTS_FIRST 4096u

G_STATIC_ASSERT(sizeof(struct imapid_tcp_entry) == 64);

static struct imapid_tcp_slot *slots_new(uint32_t n)
{
    struct imapid_tcp_slot *slots = g_new(struct imapid_tcp_slot, n);
    memset(slots, 0xff, n * sizeof *slots);
    return slots;
}

void imapid_tcp_table_init(struct imapid_tcp_table *table, uint32_t n_max)
{
    *table = (struct imapid_tcp_table){.n_max = n_max, .first_free = IMAPID_TCP_NONE};
    table->entries = aligned_alloc(64, (size_t)n_max * sizeof *table->entries);
    if (!table->entries)
        g_error("no memory for a table of connections");
    uint32_t n_slots = N_SLOTS_FIRST;
    while (n_slots > 4 && n_slots / 4 > n_max)
        n_slots /= 2;
    table->slots = slots_new(n_slots);
    table->slot_mask = n_slots - 1;
    table->seed = (uint64_t)g_random_int() << 32 | g_random_int() | 1;
}

void imapid_tcp_table_deinit(struct imapid_tcp_table *table)
{
    free(table->entries);
    g_free(table->slots);
    *table = (struct imapid_tcp_table){0};
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);
    return a ^ a >> 32;
}

uint32_t imapid_tcp_table_hash(const struct imapid_tcp_table *table,
                               const struct imapid_tcp_key *key)
{
    uint64_t words[4];
    uint32_t ports = (uint32_t)key->port[0] << 16 | key->port[1];
    memcpy(words, key->address, sizeof words);
    uint64_t hash = mix(table->seed, words[0]);
    hash = mix(hash, words[2]);
    if (key->is_ip6)
        hash = mix(mix(hash, words[1]), words[3]);
    hash = mix(hash, ports);
    return (uint32_t)(hash * UINT64_C(0xd6e8feb86659fd93) >> 32);
}

/* All but the path. Word by word: it is asked for every packet, and a call of memcmp() would cost
 * more than the comparison. */
static inline bool has_addresses(const struct imapid_tcp_entry *entry,
                                 const struct imapid_tcp_key *key)
{
    uint64_t a[4], b[4];
    memcpy(a, entry->address, sizeof a);
    memcpy(b, key->address, sizeof b);
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0 &&
           entry->port[0] == key->port[0] && entry->port[1] == key->port[1] &&
           ((entry->flags & IMAPID_TCP_IS_IP6) != 0) == key->is_ip6;
}

bool imapid_tcp_entry_matches(const struct imapid_tcp_entry *entry,
                              const struct imapid_tcp_key *key)
{
    return has_addresses(entry, key) && entry->path[key->dir] == key->path;
}

uint32_t imapid_tcp_table_find(const struct imapid_tcp_table *table,
                               const struct imapid_tcp_key *key, uint32_t hash)
{
    for (uint32_t i = hash & table->slot_mask; table->slots[i].entry != IMAPID_TCP_NONE;
         i = (i + 1) & table->slot_mask)
        if (table->slots[i].hash == hash &&
            imapid_tcp_entry_matches(&table->entries[table->slots[i].entry], key))
            return table->slots[i].entry;
    return IMAPID_TCP_NONE;
}

uint32_t imapid_tcp_table_find_alike(const struct imapid_tcp_table *table,
                                     const struct imapid_tcp_key *key, uint32_t hash,
                                     uint32_t *place)
{
    for (;;) {
        const struct imapid_tcp_slot *slot = &table->slots[(hash + *place) & table->slot_mask];
        if (slot->entry == IMAPID_TCP_NONE)
            return IMAPID_TCP_NONE;
        ++*place;
        if (slot->hash == hash && has_addresses(&table->entries[slot->entry], key))
            return slot->entry;
    }
}

bool imapid_tcp_table_leads_on(const struct imapid_tcp_table *table,
                               const struct imapid_tcp_key *key, uint32_t alias)
{
    const struct imapid_tcp_entry *entry = &table->entries[table->entries[alias].isn[0]];
    return (entry->flags & (IMAPID_TCP_USED | IMAPID_TCP_ALIAS)) == IMAPID_TCP_USED &&
           has_addresses(entry, key);
}

static void put_slot(struct imapid_tcp_table *table, uint32_t hash, uint32_t entry)
{
    uint32_t i = hash & table->slot_mask;
    while (table->slots[i].entry != IMAPID_TCP_NONE)
        i = (i + 1) & table->slot_mask;
    table->slots[i] = (struct imapid_tcp_slot){hash, entry};
}

static void grow_slots(struct imapid_tcp_table *table)
{
    struct imapid_tcp_slot *old = table->slots;
    uint32_t n_old = table->slot_mask + 1;
    table->slots = slots_new(n_old * 2);
    table->slot_mask = n_old * 2 - 1;
    for (uint32_t i = 0; i < n_old; i++)
        if (old[i].entry != IMAPID_TCP_NONE)
            put_slot(table, old[i].hash, old[i].entry);
    g_free(old);
}

uint32_t imapid_tcp_table_add(struct imapid_tcp_table *table, const struct imapid_tcp_key *key,
                              uint32_t hash)
{
    uint32_t index = table->first_free;
    if (index != IMAPID_TCP_NONE)
        table->first_free = table->entries[index].state;
    else if (table->n_begun < table->n_max)
        index = table->n_begun++;
    else
        return IMAPID_TCP_NONE;
    if (++table->n_used > table->slot_mask / 2)
        grow_slots(table);
    put_slot(table, hash, index);
    struct imapid_tcp_entry *entry = &table->entries[index];
    *entry = (struct imapid_tcp_entry){
        .path = {key->path, key->path},
        .port = {key->port[0], key->port[1]},
        .state = IMAPID_TCP_NONE,
        .flags = IMAPID_TCP_USED | (key->is_ip6 ? IMAPID_TCP_IS_IP6 : 0u),
    };
    memcpy(entry->address, key->address, sizeof entry->address);
    return index;
}

uint32_t imapid_tcp_table_find_victim(struct imapid_tcp_table *table)
{
    /* Twice around: the first time may only take marks away. */
    for (uint64_t n = 0; n < (uint64_t)table->n_begun * 2; n++) {
        uint32_t index = table->hand;
        struct imapid_tcp_entry *entry = &table->entries[index];
        table->hand = index + 1 < table->n_begun ? index + 1 : 0;
        if (!(entry->flags & IMAPID_TCP_USED) || entry->flags & IMAPID_TCP_KEEP)
            continue;
        if (!(entry->flags & IMAPID_TCP_RECENT))
            return index;
        entry->flags &= ~(uint32_t)IMAPID_TCP_RECENT;
    }
    return IMAPID_TCP_NONE;
}

static uint32_t find_slot(const struct imapid_tcp_table *table, uint32_t index)
{
    const struct imapid_tcp_entry *entry = &table->entries[index];
    struct imapid_tcp_key key = {.is_ip6 = (entry->flags & IMAPID_TCP_IS_IP6) != 0,
                                 .port = {entry->port[0], entry->port[1]}};
    memcpy(key.address, entry->address, sizeof key.address);
    uint32_t i = imapid_tcp_table_hash(table, &key) & table->slot_mask;
    while (table->slots[i].entry != index)
        i = (i + 1) & table->slot_mask;
    return i;
}

void imapid_tcp_table_remove(struct imapid_tcp_table *table, uint32_t index)
{
    uint32_t mask = table->slot_mask;
    uint32_t hole = find_slot(table, index);
    /* Slots behind that would not be found any more over the hole move into it. */
    for (uint32_t i = (hole + 1) & mask; table->slots[i].entry != IMAPID_TCP_NONE;
         i = (i + 1) & mask) {
        uint32_t home = table->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole].entry = IMAPID_TCP_NONE;
    table->entries[index].flags = 0;
    table->entries[index].state = table->first_free;
    table->first_free = index;
    table->n_used--;
}
