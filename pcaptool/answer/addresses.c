/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addresses.c: a table of what is looked for with every record, in no order, so that each look waits for memory.
 * An address of IPv4 stands in its slot as it is, and as little else as can be: half of what a pool needs of it. The
 * others are in a pool, with their family behind them. The table is open addressing by SipHash, under a
 * key that is drawn for each.
 *
 * Refuses nothing.
 *
 * Misuse: adding to one that was sealed. */
#include "answer/addresses.h"

#include "large.h"
#include "record/pool.h"
#include "siphash.h"

#include <glib.h>
#include <stdlib.h>

/* An address of IPv4. */
struct slot {
    uint32_t ip4;
    uint32_t number; /* + 1; 0: free */
};

/* An address by its number. */
struct each {
    uint32_t ip4;
    uint32_t other; /* its number in the pool + 1; 0: IPv4 */
};

struct imapid_addresses {
    struct each *each;
    uint32_t n, n_room;
    struct slot *slots;
    size_t n_slots; /* a power of two, more than the addresses */
    uint64_t key[2];
    struct imapid_pool *others;
    GArray *numbers; /* of the others */
};

struct imapid_addresses *imapid_addresses_new(void)
{
    struct imapid_addresses *addresses = g_new0(struct imapid_addresses, 1);

    addresses->n_slots = 64;
    addresses->slots = imapid_large_new(addresses->n_slots, sizeof *addresses->slots);
    imapid_siphash_draw_key(addresses->key);
    addresses->others = imapid_pool_new();
    addresses->numbers = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    return addresses;
}

void imapid_addresses_free(struct imapid_addresses *addresses)
{
    if (!addresses)
        return;
    imapid_large_free(addresses->each);
    imapid_large_free(addresses->slots);
    imapid_pool_free(addresses->others);
    g_array_unref(addresses->numbers);
    g_free(addresses);
}

/* Where the slot of an address is looked for first. */
static size_t get_place(const struct imapid_addresses *addresses, uint32_t ip4)
{
    const uint64_t word = ip4;

    return imapid_siphash(addresses->key, &word, 1) & (addresses->n_slots - 1);
}

/* The slot that an address has, or would have. */
static struct slot *find(const struct imapid_addresses *addresses, uint32_t ip4)
{
    size_t at = get_place(addresses, ip4);

    while (addresses->slots[at].number && addresses->slots[at].ip4 != ip4)
        at = (at + 1) & (addresses->n_slots - 1);
    return &addresses->slots[at];
}

static void grow(struct imapid_addresses *addresses)
{
    struct slot *before = addresses->slots;
    size_t n = addresses->n_slots;

    addresses->n_slots *= 2;
    addresses->slots = imapid_large_new(addresses->n_slots, sizeof *addresses->slots);
    for (size_t i = 0; i < n; i++)
        if (before[i].number)
            *find(addresses, before[i].ip4) = before[i];
    imapid_large_free(before);
}

static void make_room(struct imapid_addresses *addresses)
{
    struct each *before = addresses->each;

    addresses->n_room = MAX(2 * addresses->n_room, 4096);
    addresses->each = imapid_large_reserve(addresses->n_room, sizeof *before);
    if (before)
        memcpy(addresses->each, before, addresses->n * sizeof *before);
    imapid_large_free(before);
}

/* Returns the number. */
static uint32_t append(struct imapid_addresses *addresses, struct each each)
{
    if (addresses->n == addresses->n_room)
        make_room(addresses);
    addresses->each[addresses->n] = each;
    return addresses->n++;
}

static uint32_t add_ip4(struct imapid_addresses *addresses, uint32_t ip4)
{
    struct slot *slot = find(addresses, ip4);
    uint32_t number;

    if (slot->number)
        return slot->number - 1;
    number = append(addresses, (struct each){.ip4 = ip4});
    *slot = (struct slot){ip4, number + 1};
    if (addresses->n >= addresses->n_slots / 4 * 3)
        grow(addresses);
    return number;
}

static uint32_t add_other(struct imapid_addresses *addresses,
                          const struct imapid_endpoint *endpoint)
{
    uint8_t octets[sizeof endpoint->address + 1];
    uint32_t other, number;

    memcpy(octets, endpoint->address, sizeof endpoint->address);
    octets[sizeof endpoint->address] = endpoint->family;
    other = imapid_pool_add(addresses->others, octets, sizeof octets);
    if (other < addresses->numbers->len)
        return g_array_index(addresses->numbers, uint32_t, other);
    number = append(addresses, (struct each){.other = other + 1});
    g_array_append_val(addresses->numbers, number);
    return number;
}

uint32_t imapid_addresses_add(struct imapid_addresses *addresses,
                              const struct imapid_endpoint *endpoint)
{
    uint32_t ip4;

    if (endpoint->family != 4)
        return add_other(addresses, endpoint);
    memcpy(&ip4, endpoint->address, sizeof ip4);
    return add_ip4(addresses, ip4);
}

/* Inline for sure: GCC drops the call of a function that does nothing but this. */
__attribute__((always_inline)) static inline void fetch(const struct imapid_addresses *addresses,
                                                        uint32_t ip4)
{
    __builtin_prefetch(&addresses->slots[get_place(addresses, ip4)], 1);
}

void imapid_addresses_fetch(const struct imapid_addresses *addresses,
                            const struct imapid_endpoint *endpoint)
{
    uint32_t ip4;

    memcpy(&ip4, endpoint->address, sizeof ip4);
    fetch(addresses, ip4);
}

/* Slots that are fetched before they are needed. */
#define AHEAD 16u

uint32_t *imapid_addresses_absorb(struct imapid_addresses *addresses,
                                  struct imapid_addresses *other)
{
    uint32_t *numbers = g_new(uint32_t, other->n + (gsize)1);

    for (uint32_t i = 0; i < other->n; i++) {
        struct imapid_endpoint endpoint = imapid_addresses_get(other, i);

        if (i + AHEAD < other->n)
            fetch(addresses, other->each[i + AHEAD].ip4);
        numbers[i] = imapid_addresses_add(addresses, &endpoint);
    }
    imapid_addresses_free(other);
    return numbers;
}

uint32_t imapid_addresses_count(const struct imapid_addresses *addresses)
{
    return addresses->n;
}

void imapid_addresses_seal(struct imapid_addresses *addresses)
{
    imapid_large_free(addresses->slots);
    addresses->slots = NULL;
    addresses->n_slots = 0;
    imapid_pool_seal(addresses->others);
    g_array_set_size(addresses->numbers, 0);
}

struct imapid_endpoint imapid_addresses_get(const struct imapid_addresses *addresses,
                                            uint32_t number)
{
    struct each each = addresses->each[number];
    struct imapid_endpoint endpoint = {.family = 4};
    const uint8_t *octets;

    if (each.other) {
        octets = imapid_pool_get(addresses->others, each.other - 1, NULL);
        memcpy(endpoint.address, octets, sizeof endpoint.address);
        endpoint.family = octets[sizeof endpoint.address];
    } else {
        memcpy(endpoint.address, &each.ip4, sizeof each.ip4);
    }
    return endpoint;
}
