/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp-table.c: the connections that are remembered. Entries are in one array that is reserved as
 * a whole and costs memory only as far as it is used. They are found through slots of hash and
 * index with linear probing, at most half full, so that a look-up mostly reads one line of the
 * slots and one of the entries. The hash is keyed with random octets of the kernel and includes
 * the path: no sender can aim at one slot. Nothing that is reported depends on it.
 *
 * An entry has a slot for each of its paths. Entries that differ only by the path are a list,
 * the newest first, whose head has a slot by the hash without the path: a slot of its own, or
 * that of path 0, whose hash is the same. So most connections have one slot. An alias is in no
 * list.
 *
 * Refuses an entry more than n_max. The caller chooses one to forget.
 *
 * Misuse: keeping a pointer to an entry that was removed; writing to an entry's path. */

#include "net/tcp-table.h"

#include "siphash.h"
#include "large.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Slots at first; no more than a full table will have. */
#define N_SLOTS_FIRST 512u

#define IS_HEAD IMAPID_TCP_IS_HEAD

G_STATIC_ASSERT(sizeof(struct imapid_tcp_entry) == 64);

static struct imapid_tcp_slot *slots_new(uint32_t n)
{
    struct imapid_tcp_slot *slots = imapid_large_new(n, sizeof *slots);
    memset(slots, 0xff, n * sizeof *slots);
    return slots;
}

void imapid_tcp_table_clear(struct imapid_tcp_table *table)
{
    uint32_t n_slots = N_SLOTS_FIRST;
    while (n_slots > 4 && n_slots / 4 > table->n_max)
        n_slots /= 2;
    imapid_large_free(table->slots);
    table->slots = slots_new(n_slots);
    table->slot_mask = n_slots - 1;
    table->n_begun = table->n_used = table->n_slots = table->hand = 0;
    table->first_free = IMAPID_TCP_NONE;
    table->has_looked = false;
    for (uint32_t i = 0; i < IMAPID_TCP_N_LEAVING; i++)
        table->leaving[i].entry = IMAPID_TCP_NONE;
    /* So what was settled is never found again. To wipe it would cost more than to read a small file. */
    table->key[0] = imapid_siphash(table->key, table->key, 2);
}

void imapid_tcp_table_init(struct imapid_tcp_table *table, uint32_t n_max)
{
    *table = (struct imapid_tcp_table){.n_max = n_max};
    table->entries = imapid_large_reserve(n_max, sizeof *table->entries);
    table->alikes = imapid_large_reserve(n_max, sizeof *table->alikes);
    table->settled_digests = imapid_large_new(IMAPID_TCP_N_SETTLED, sizeof(uint64_t));
    table->settled = imapid_large_new(IMAPID_TCP_N_SETTLED, sizeof(uint32_t));
    imapid_siphash_draw_key(table->key);
    imapid_tcp_table_clear(table);
}

void imapid_tcp_table_deinit(struct imapid_tcp_table *table)
{
    imapid_large_free(table->entries);
    imapid_large_free(table->alikes);
    imapid_large_free(table->settled_digests);
    imapid_large_free(table->settled);
    imapid_large_free(table->slots);
    *table = (struct imapid_tcp_table){0};
}

/* Of a path, or of 0 for none. Each has its own number of octets: 12 of IPv4, 36 of IPv6, 4 more with a path. So no
 * key of one kind is that of another. */
static uint64_t digest_on(const struct imapid_tcp_table *table, const struct imapid_tcp_key *key,
                          uint32_t path)
{
    uint64_t words[5];
    size_t n = 4;
    uint32_t ports = imapid_tcp_table_join_ports(key->port[0], key->port[1]);
    memcpy(words, key->address, sizeof key->address);
    if (!key->is_ip6) {
        words[0] = imapid_tcp_table_join_addresses(key->address[0], key->address[1]);
        n = 1;
    }
    if (!path)
        return imapid_siphash_rest(table->key, words, n, ports, sizeof ports);
    words[n++] = ports | (uint64_t)path << 32;
    return imapid_siphash(table->key, words, n);
}

uint64_t imapid_tcp_table_digest(const struct imapid_tcp_table *table,
                                 const struct imapid_tcp_key *key)
{
    return digest_on(table, key, key->path);
}

uint64_t imapid_tcp_table_digest_ip4(const struct imapid_tcp_table *table, uint64_t addresses,
                                     uint32_t ports)
{
    return imapid_siphash_rest(table->key, &addresses, 1, ports, sizeof ports);
}

/* The hash without the path, where that with it is known. */
static uint32_t drop_path(const struct imapid_tcp_table *table, const struct imapid_tcp_key *key,
                          uint32_t hash)
{
    return key->path ? imapid_tcp_table_shorten(digest_on(table, key, 0)) : hash;
}

uint32_t imapid_tcp_table_hash(const struct imapid_tcp_table *table,
                               const struct imapid_tcp_key *key)
{
    return imapid_tcp_table_shorten(imapid_tcp_table_digest(table, key));
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

/* The place of an entry: most are alone, and cost no memory there. */
static struct imapid_tcp_alike get_alike(const struct imapid_tcp_table *table, uint32_t index)
{
    return table->entries[index].flags & IMAPID_TCP_ALIKE
               ? table->alikes[index]
               : (struct imapid_tcp_alike){IMAPID_TCP_NONE, IMAPID_TCP_NONE};
}

static bool is_head(const struct imapid_tcp_table *table, uint32_t index)
{
    return !(table->entries[index].flags & IMAPID_TCP_ALIAS) &&
           get_alike(table, index).previous == IMAPID_TCP_NONE;
}

uint32_t imapid_tcp_table_find_alike(const struct imapid_tcp_table *table,
                                     const struct imapid_tcp_key *key, uint32_t hash)
{
    hash = drop_path(table, key, hash);
    for (uint32_t i = hash & table->slot_mask; table->slots[i].entry != IMAPID_TCP_NONE;
         i = (i + 1) & table->slot_mask) {
        const struct imapid_tcp_slot *slot = &table->slots[i];
        if ((slot->hash & ~IS_HEAD) == hash && has_addresses(&table->entries[slot->entry], key) &&
            is_head(table, slot->entry))
            return slot->entry;
    }
    return IMAPID_TCP_NONE;
}

/* Of a few of those that match but for the path, the newest that matches; else `found`. */
static uint32_t find_newest(const struct imapid_tcp_table *table, const struct imapid_tcp_key *key,
                            uint32_t hash, uint32_t found)
{
    uint32_t i = imapid_tcp_table_find_alike(table, key, hash);
    for (unsigned n = 0; i != IMAPID_TCP_NONE && n < IMAPID_TCP_N_ALIKE_MAX; n++) {
        if (imapid_tcp_entry_matches(&table->entries[i], key))
            return i;
        i = get_alike(table, i).next;
    }
    return found;
}

uint32_t imapid_tcp_table_find(const struct imapid_tcp_table *table,
                               const struct imapid_tcp_key *key, uint32_t hash)
{
    for (uint32_t i = hash & table->slot_mask; table->slots[i].entry != IMAPID_TCP_NONE;
         i = (i + 1) & table->slot_mask) {
        uint32_t found = table->slots[i].entry;
        const struct imapid_tcp_entry *entry = &table->entries[found];
        if (table->slots[i].hash == hash && imapid_tcp_entry_matches(entry, key))
            return entry->flags & (IMAPID_TCP_ALIKE | IMAPID_TCP_ALIAS)
                       ? find_newest(table, key, hash, found)
                       : found;
    }
    return IMAPID_TCP_NONE;
}

uint32_t imapid_tcp_table_next_alike(const struct imapid_tcp_table *table, uint32_t entry)
{
    return get_alike(table, entry).next;
}

bool imapid_tcp_table_leads_on(const struct imapid_tcp_table *table,
                               const struct imapid_tcp_key *key, uint32_t alias)
{
    const struct imapid_tcp_entry *entry = &table->entries[table->entries[alias].isn[0]];
    return (entry->flags & (IMAPID_TCP_USED | IMAPID_TCP_ALIAS)) == IMAPID_TCP_USED &&
           has_addresses(entry, key);
}

/* Puts a slot where there is room for it. */
static void put_slot(struct imapid_tcp_table *table, struct imapid_tcp_slot slot)
{
    uint32_t i = slot.hash & table->slot_mask;
    while (table->slots[i].entry != IMAPID_TCP_NONE)
        i = (i + 1) & table->slot_mask;
    table->slots[i] = slot;
}

static void grow_slots(struct imapid_tcp_table *table)
{
    struct imapid_tcp_slot *old = table->slots;
    uint32_t n_old = table->slot_mask + 1;
    table->slots = slots_new(n_old * 2);
    table->slot_mask = n_old * 2 - 1;
    for (uint32_t i = 0; i < n_old; i++)
        if (old[i].entry != IMAPID_TCP_NONE)
            put_slot(table, old[i]);
    imapid_large_free(old);
}

static void add_slot(struct imapid_tcp_table *table, uint32_t hash, uint32_t entry)
{
    if (++table->n_slots > (table->slot_mask + 1) / 2)
        grow_slots(table);
    put_slot(table, (struct imapid_tcp_slot){hash, entry});
}

static struct imapid_tcp_slot *find_slot(const struct imapid_tcp_table *table, uint32_t hash,
                                         uint32_t entry)
{
    uint32_t i = hash & table->slot_mask;
    while (table->slots[i].entry != entry || table->slots[i].hash != hash)
        i = (i + 1) & table->slot_mask;
    return &table->slots[i];
}

static void remove_slot(struct imapid_tcp_table *table, uint32_t hash, uint32_t entry)
{
    uint32_t mask = table->slot_mask;
    uint32_t hole = (uint32_t)(find_slot(table, hash, entry) - table->slots);
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
    table->n_slots--;
}

/* ---- those that are settled ---- */

/* The key of an entry that came on `path`. */
static struct imapid_tcp_key get_key(const struct imapid_tcp_entry *entry, uint32_t path)
{
    struct imapid_tcp_key key = {.is_ip6 = (entry->flags & IMAPID_TCP_IS_IP6) != 0,
                                 .port = {entry->port[0], entry->port[1]},
                                 .path = path};
    memcpy(key.address, entry->address, sizeof key.address);
    return key;
}

static void unsettle(struct imapid_tcp_table *table, uint64_t digest)
{
    if (imapid_tcp_table_is_settled(table, digest))
        table->settled_digests[digest % IMAPID_TCP_N_SETTLED] = 0;
}

void imapid_tcp_table_unsettle(struct imapid_tcp_table *table, uint32_t index)
{
    const struct imapid_tcp_entry *entry = &table->entries[index];
    struct imapid_tcp_key key = get_key(entry, entry->path[0]);
    unsettle(table, imapid_tcp_table_digest(table, &key));
}

/* ---- those that may be forgotten soon ---- */

/* So many entries after one that is forgotten, another one may be. */
#define N_BEFORE 4

G_STATIC_ASSERT(N_BEFORE < IMAPID_TCP_N_LEAVING);

static struct imapid_tcp_leaving *get_leaving(struct imapid_tcp_table *table, uint32_t index)
{
    return &table->leaving[index % IMAPID_TCP_N_LEAVING];
}

/* An entry may be forgotten soon: what is to be changed then is brought near. */
static void foresee_removal(struct imapid_tcp_table *table, uint32_t index)
{
    const struct imapid_tcp_entry *entry = &table->entries[index];
    const uint32_t all = IMAPID_TCP_USED | IMAPID_TCP_KEEP | IMAPID_TCP_RECENT;
    __builtin_prefetch(entry + N_BEFORE);
    if (index >= table->n_begun || (entry->flags & all) != IMAPID_TCP_USED)
        return;
    struct imapid_tcp_key key = get_key(entry, entry->path[0]);
    uint64_t digest = imapid_tcp_table_digest(table, &key);
    imapid_tcp_table_prefetch(table, imapid_tcp_table_shorten(digest));
    *get_leaving(table, index) = (struct imapid_tcp_leaving){digest, index};
}

static void forget_leaving(struct imapid_tcp_table *table, uint32_t index)
{
    get_leaving(table, index)->entry = IMAPID_TCP_NONE;
}

/* ---- those that differ by the path alone ---- */

/* Whether a head needs a slot of its own. */
static bool needs_slot(const struct imapid_tcp_table *table, uint32_t head)
{
    return head != IMAPID_TCP_NONE && table->entries[head].path[0] && table->entries[head].path[1];
}

/* `hash` is that without the path. */
static void change_head(struct imapid_tcp_table *table, uint32_t hash, uint32_t from, uint32_t to)
{
    if (needs_slot(table, from))
        remove_slot(table, hash | IS_HEAD, from);
    if (needs_slot(table, to))
        add_slot(table, hash | IS_HEAD, to);
}

static void join_alikes(struct imapid_tcp_table *table, const struct imapid_tcp_key *key,
                        uint32_t hash, uint32_t index, uint32_t head)
{
    change_head(table, drop_path(table, key, hash), head, index);
    if (head != IMAPID_TCP_NONE) {
        table->alikes[index] = (struct imapid_tcp_alike){head, IMAPID_TCP_NONE};
        table->alikes[head] = (struct imapid_tcp_alike){get_alike(table, head).next, index};
        table->entries[head].flags |= IMAPID_TCP_ALIKE;
        table->entries[index].flags |= IMAPID_TCP_ALIKE;
    }
}

static void leave_alikes(struct imapid_tcp_table *table, const struct imapid_tcp_key *key,
                         uint32_t hash, uint32_t index)
{
    struct imapid_tcp_alike alike = get_alike(table, index);
    if (alike.next != IMAPID_TCP_NONE)
        table->alikes[alike.next].previous = alike.previous;
    if (alike.previous != IMAPID_TCP_NONE)
        table->alikes[alike.previous].next = alike.next;
    else
        change_head(table, drop_path(table, key, hash), index, alike.next);
}

/* ---- adding and removing ---- */

static uint32_t add(struct imapid_tcp_table *table, const struct imapid_tcp_key *key, uint32_t hash)
{
    uint32_t index = table->first_free;
    if (index != IMAPID_TCP_NONE)
        table->first_free = table->entries[index].state;
    else if (table->n_begun < table->n_max)
        index = table->n_begun++;
    else
        return IMAPID_TCP_NONE;
    table->n_used++;
    add_slot(table, hash, index);
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

uint32_t imapid_tcp_table_add(struct imapid_tcp_table *table, const struct imapid_tcp_key *key,
                              uint32_t hash)
{
    uint32_t head = imapid_tcp_table_find_alike(table, key, hash);
    uint32_t index = add(table, key, hash);
    if (index != IMAPID_TCP_NONE)
        join_alikes(table, key, hash, index, head);
    return index;
}

void imapid_tcp_table_add_alias(struct imapid_tcp_table *table, const struct imapid_tcp_key *key,
                                uint32_t hash, uint32_t to)
{
    uint32_t index = add(table, key, hash);
    if (index == IMAPID_TCP_NONE)
        return;
    table->entries[index].flags |= IMAPID_TCP_ALIAS | IMAPID_TCP_RECENT;
    table->entries[index].isn[0] = to;
}

void imapid_tcp_table_set_path(struct imapid_tcp_table *table, uint32_t index, int dir,
                               uint32_t path)
{
    struct imapid_tcp_entry *entry = &table->entries[index];
    uint32_t old = entry->path[dir], other = entry->path[!dir];
    struct imapid_tcp_key key;
    if (path == old)
        return;
    key = get_key(entry, old);
    uint32_t hash = imapid_tcp_table_hash(table, &key), base = drop_path(table, &key, hash);
    bool heads = is_head(table, index);
    forget_leaving(table, index);
    if (old != other)
        remove_slot(table, hash, index);
    if (heads)
        change_head(table, base, index, IMAPID_TCP_NONE);
    entry->path[dir] = key.path = path;
    if (path != other)
        add_slot(table, imapid_tcp_table_hash(table, &key), index);
    if (heads)
        change_head(table, base, IMAPID_TCP_NONE, index);
}

uint32_t imapid_tcp_table_find_victim(struct imapid_tcp_table *table)
{
    table->has_looked = true;
    /* Twice around: the first time may only take marks away. */
    for (uint64_t n = 0; n < (uint64_t)table->n_begun * 2; n++) {
        uint32_t index = table->hand;
        struct imapid_tcp_entry *entry = &table->entries[index];
        table->hand = index + 1 < table->n_begun ? index + 1 : 0;
        if (!(entry->flags & IMAPID_TCP_USED) || entry->flags & IMAPID_TCP_KEEP)
            continue;
        if (!(entry->flags & IMAPID_TCP_RECENT)) {
            foresee_removal(table, index + N_BEFORE);
            return index;
        }
        entry->flags &= ~(uint32_t)IMAPID_TCP_RECENT;
    }
    return IMAPID_TCP_NONE;
}

void imapid_tcp_table_remove(struct imapid_tcp_table *table, uint32_t index)
{
    struct imapid_tcp_entry *entry = &table->entries[index];
    struct imapid_tcp_key key = get_key(entry, entry->path[0]);
    const struct imapid_tcp_leaving *leaving = get_leaving(table, index);
    uint64_t digest =
        leaving->entry == index ? leaving->digest : imapid_tcp_table_digest(table, &key);
    uint32_t hash = imapid_tcp_table_shorten(digest);
    forget_leaving(table, index);
    unsettle(table, digest);
    remove_slot(table, hash, index);
    if (entry->path[1] != entry->path[0]) {
        key.path = entry->path[1];
        hash = imapid_tcp_table_hash(table, &key);
        remove_slot(table, hash, index);
    }
    if (!(entry->flags & IMAPID_TCP_ALIAS))
        leave_alikes(table, &key, hash, index);
    entry->flags = 0;
    entry->state = table->first_free;
    table->first_free = index;
    table->n_used--;
}
