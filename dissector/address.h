/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address.h: addresses in the values of an ID list: what proxies say of the client for whom they
 * speak. */
#ifndef IMAPID_DISSECTOR_ADDRESS_H
#define IMAPID_DISSECTOR_ADDRESS_H

#include <imapid/list.h>

#include "records.h"

/* Is a value of a field of this name that looks like an address one? A version is none. */
bool imapid_address_is_named(const uint8_t *name, size_t n);

/* Reads a value of a list whose octets are `data`: *end is given family and address. False: it is
 * no address. */
bool imapid_address_read(const uint8_t *data, const struct imapid_string *value,
                         struct imapid_end *end);

/* Takes what a pair says about whom a proxy speaks for: the first address and port of a list, whose
 * pairs come one by one. *origin begins as all 0. */
void imapid_address_take_origin(const uint8_t *data, const struct imapid_pair *pair,
                                struct imapid_end *origin);

/* Adds an address as a field of its kind, `n` octets at `offset`. NULL: there is none. */
proto_item *imapid_address_add(proto_tree *tree, int hf_ipv4, int hf_ipv6, tvbuff_t *tvb,
                               int offset, int n, const struct imapid_end *end);

#endif
