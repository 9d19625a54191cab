/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_ADDRESSES_H
#define IMAPID_ANSWER_ADDRESSES_H

#include "endpoint.h"

#include <stdint.h>

/* Addresses, kept once and known by a number: equal addresses, equal number. One of IPv4 takes some 20 octets. */
struct imapid_addresses;

/* An empty one; never NULL. */
struct imapid_addresses *imapid_addresses_new(void);

/* NULL is allowed. */
void imapid_addresses_free(struct imapid_addresses *addresses);

/* Keeps the address of an end. Returns its number: of one that is there already, the same as then; else the
 * next one, from 0 on. */
uint32_t imapid_addresses_add(struct imapid_addresses *addresses,
                              const struct imapid_endpoint *endpoint);

/* The address is added soon: where it is looked for first is fetched. */
void imapid_addresses_fetch(const struct imapid_addresses *addresses,
                            const struct imapid_endpoint *endpoint);

/* Keeps all that `other` has, which is freed. Returns their numbers by those that they had there, to be freed
 * with g_free(). */
uint32_t *imapid_addresses_absorb(struct imapid_addresses *addresses,
                                  struct imapid_addresses *other);

/* How many numbers there are. */
uint32_t imapid_addresses_count(const struct imapid_addresses *addresses);

/* Nothing is added any more: gives back the memory that only adding needs. */
void imapid_addresses_seal(struct imapid_addresses *addresses);

/* The end with the address of a number, its port 0. */
struct imapid_endpoint imapid_addresses_get(const struct imapid_addresses *addresses,
                                            uint32_t number);

#endif
