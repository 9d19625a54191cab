/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_TCP_TABLE_H
#define IMAPID_NET_TCP_TABLE_H

#include "number.h"

#include <stdbool.h>
#include <stdint.h>

/* The connections that are remembered: a bounded set of small entries, found by their addresses. */

#define IMAPID_TCP_NONE UINT32_MAX

enum {
    IMAPID_TCP_USED = 1 << 0,
    IMAPID_TCP_RECENT = 1 << 1, /* seen since the table last looked for room */
    IMAPID_TCP_KEEP = 1 << 2,   /* not to be forgotten to make room */
    IMAPID_TCP_IS_IP6 = 1 << 3,
    IMAPID_TCP_OVER = 1 << 4,      /* ignored, or ended: nothing but its existence matters */
    IMAPID_TCP_HANDSHAKE = 1 << 5, /* SYN or SYN+ACK seen */
    IMAPID_TCP_CLIENT_1 = 1 << 6,  /* with HANDSHAKE: endpoint 1 is the client, else 0 */
    IMAPID_TCP_HAS_ISN_0 = 1 << 7, /* for direction d: HAS_ISN_0 << d */
    IMAPID_TCP_HAS_ISN_1 = 1 << 8,
    IMAPID_TCP_SEEN_0 = 1 << 9, /* a packet of direction d was seen: SEEN_0 << d */
    IMAPID_TCP_SEEN_1 = 1 << 10,
    IMAPID_TCP_ALIAS = 1 << 11,   /* another path of the connection whose entry is isn[0] */
    IMAPID_TCP_SYN_ACK = 1 << 12, /* one was seen */
    IMAPID_TCP_ALIKE = 1 << 13,   /* there is another that differs by the path alone, or was */
};

/* 64 octets: with IPv4 or IPv6, one cache line. */
struct imapid_tcp_entry {
    uint8_t address[2][16]; /* IPv4: 4 octets, then 0 */
    uint16_t port[2];
    uint32_t path[2]; /* of the packets of either direction */
    uint32_t isn[2];  /* initial sequence numbers, or the best guess */
    uint32_t stream;
    uint32_t state; /* the owner's; IMAPID_TCP_NONE in a new entry */
    uint32_t flags;
};

struct imapid_tcp_slot {
    uint32_t hash;
    uint32_t entry; /* IMAPID_TCP_NONE: empty */
};

/* Entries with the same addresses on other paths that are looked at, the newest first, for one to which a packet on a new path
 * may belong. A network routes a connection over a few. */
#define IMAPID_TCP_N_ALIKE_MAX 16

/* An entry's place among those that differ from it by the path alone. */
struct imapid_tcp_alike {
    uint32_t next, previous;
};

#define IMAPID_TCP_N_LEAVING 8

struct imapid_tcp_table {
    struct imapid_tcp_entry *entries; /* n_max, made real by use only */
    uint32_t n_max;
    uint32_t n_begun; /* entries ever used; those above are untouched */
    uint32_t n_used;
    uint32_t first_free;             /* of those given back; linked by `state` */
    uint32_t hand;                   /* where the search for room goes on */
    struct imapid_tcp_alike *alikes; /* of each entry that is ALIKE */
    struct imapid_tcp_slot *slots;
    uint32_t slot_mask;
    uint32_t n_slots; /* in use */
    uint64_t key[2];  /* of digests */
    bool has_looked;  /* for room: marks of those seen lately count */
    /* Of entries that may be forgotten soon, by their index. NONE: of none. */
    struct imapid_tcp_leaving {
        uint64_t digest;
        uint32_t entry;
    } leaving[IMAPID_TCP_N_LEAVING];
    uint64_t *settled_digests; /* see imapid_tcp_table_settle() */
    uint32_t *settled;
};

/* The addresses of a packet, in the order that both directions share. */
struct imapid_tcp_key {
    uint8_t address[2][16];
    uint16_t port[2];
    uint32_t path;
    bool is_ip6;
    int dir; /* the endpoint that sent it */
};

/* An empty table for n_max entries at most. The process ends where the address space for it is not to
 * be had, as with g_malloc(). */
void imapid_tcp_table_init(struct imapid_tcp_table *table, uint32_t n_max);
void imapid_tcp_table_deinit(struct imapid_tcp_table *table);

/* Forgets all entries; their memory stays. */
void imapid_tcp_table_clear(struct imapid_tcp_table *table);

/* A number for the key, path included, that is the same in both directions, until the table is
 * cleared. Nobody can make two keys that have the same, nor find any. */
uint64_t imapid_tcp_table_digest(const struct imapid_tcp_table *table,
                                 const struct imapid_tcp_key *key);

/* The same of a key of IPv4 without a path, from its parts. */
uint64_t imapid_tcp_table_digest_ip4(const struct imapid_tcp_table *table, uint64_t addresses,
                                     uint32_t ports);

/* What that takes: the addresses, 4 octets each, and ports, in the order of the key. */
static inline uint64_t imapid_tcp_table_join_addresses(const uint8_t *first, const uint8_t *second)
{
    return imapid_number_le32(first) | (uint64_t)imapid_number_le32(second) << 32;
}

static inline uint32_t imapid_tcp_table_join_ports(uint16_t first, uint16_t second)
{
    return (uint32_t)first << 16 | second;
}

/* The hash by which the key is found: that of its digest. */
uint32_t imapid_tcp_table_hash(const struct imapid_tcp_table *table,
                               const struct imapid_tcp_key *key);

/* In a slot's hash: it is that of a list's head, without the path. No table has as many slots. */
#define IMAPID_TCP_IS_HEAD (UINT32_C(1) << 31)

/* The hash of a digest. */
static inline uint32_t imapid_tcp_table_shorten(uint64_t digest)
{
    return (uint32_t)digest & ~IMAPID_TCP_IS_HEAD;
}

/* Whether the key is the entry's, path included. */
bool imapid_tcp_entry_matches(const struct imapid_tcp_entry *entry,
                              const struct imapid_tcp_key *key);

/* The entry that matches the key, or IMAPID_TCP_NONE. Of several that differ by the path of the other direction the newest;
 * an alias only where there is none. */
uint32_t imapid_tcp_table_find(const struct imapid_tcp_table *table,
                               const struct imapid_tcp_key *key, uint32_t hash);

/* Fetches what find() reads first. */
static inline void imapid_tcp_table_prefetch(const struct imapid_tcp_table *table, uint32_t hash)
{
    __builtin_prefetch(&table->slots[hash & table->slot_mask]);
}

/* The entry that find() looks at first, or IMAPID_TCP_NONE. */
static inline uint32_t imapid_tcp_table_guess(const struct imapid_tcp_table *table, uint32_t hash)
{
    for (uint32_t i = hash & table->slot_mask; table->slots[i].entry != IMAPID_TCP_NONE;
         i = (i + 1) & table->slot_mask)
        if (table->slots[i].hash == hash)
            return table->slots[i].entry;
    return IMAPID_TCP_NONE;
}

/* Entries of which only a SYN is of interest any more, found by a digest alone: that of 262,144 keys is
 * the same as another one's once in a hundred thousand million captures. They are few, side by side; any may be forgotten for
 * another. */
#define IMAPID_TCP_N_SETTLED 32768u

/* Puts an entry there that is not ALIKE. */
static inline void imapid_tcp_table_settle(struct imapid_tcp_table *table, uint64_t digest,
                                           uint32_t entry)
{
    table->settled_digests[digest % IMAPID_TCP_N_SETTLED] = digest;
    table->settled[digest % IMAPID_TCP_N_SETTLED] = entry;
}

/* Whether it is there. `digest` is not 0. */
static inline bool imapid_tcp_table_is_settled(const struct imapid_tcp_table *table,
                                               uint64_t digest)
{
    return table->settled_digests[digest % IMAPID_TCP_N_SETTLED] == digest;
}

/* Takes an entry away from there, if it is there. */
void imapid_tcp_table_unsettle(struct imapid_tcp_table *table, uint32_t entry);

/* One that is there was seen. */
static inline void imapid_tcp_table_see_settled(struct imapid_tcp_table *table, uint64_t digest)
{
    if (table->has_looked)
        table->entries[table->settled[digest % IMAPID_TCP_N_SETTLED]].flags |= IMAPID_TCP_RECENT;
}

/* The newest entry that matches but for the path, aliases left out, and the next newest. NONE: there
 * is none. `hash`: that of the key, with its path. */
uint32_t imapid_tcp_table_find_alike(const struct imapid_tcp_table *table,
                                     const struct imapid_tcp_key *key, uint32_t hash);
uint32_t imapid_tcp_table_next_alike(const struct imapid_tcp_table *table, uint32_t entry);

/* Whether the entry that an alias leads to is still there. */
bool imapid_tcp_table_leads_on(const struct imapid_tcp_table *table,
                               const struct imapid_tcp_key *key, uint32_t alias);

/* A new entry for the key, which must not be there. IMAPID_TCP_NONE: the table is full, see
 * imapid_tcp_table_find_victim(). */
uint32_t imapid_tcp_table_add(struct imapid_tcp_table *table, const struct imapid_tcp_key *key,
                              uint32_t hash);

/* The same for an alias, by which packets of the key find the entry `to`. A full table goes without.
 */
void imapid_tcp_table_add_alias(struct imapid_tcp_table *table, const struct imapid_tcp_key *key,
                                uint32_t hash, uint32_t to);

/* What direction dir of an entry came on: from now on it is found by this path. */
void imapid_tcp_table_set_path(struct imapid_tcp_table *table, uint32_t entry, int dir,
                               uint32_t path);

/* The entry to forget to make room: one not seen lately, and not marked KEEP. NONE if all are
 * marked. */
uint32_t imapid_tcp_table_find_victim(struct imapid_tcp_table *table);

/* Takes an entry out, with all its paths; aliases that lead to it stay, and lead nowhere. */
void imapid_tcp_table_remove(struct imapid_tcp_table *table, uint32_t entry);

#endif
