/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address.c: addresses in the values of an ID list.
 *
 * Refuses a value that is more than an address: a list of them, or one with a port.
 *
 * Misuse: looking for an address in any field: a version can look like one. */
#include "address.h"

#include <string.h>
#include <wsutil/inet_addr.h>

#include <imapid/fields.h>

/* Writes the octets of a short value to `text` and returns how many; 0 where it has none, or more. */
static size_t copy_value(const uint8_t *data, const struct imapid_string *value, uint8_t *text,
                         size_t size)
{
    return value->kind < IMAPID_STRING_QUOTED || value->content.n > size
               ? 0
               : imapid_string_decode(data, value, text, size);
}

bool imapid_address_read(const uint8_t *data, const struct imapid_string *value,
                         struct imapid_end *end)
{
    uint8_t text[WS_INET6_ADDRSTRLEN];
    size_t n = copy_value(data, value, text, sizeof text);

    return imapid_end_read_address(end, text, n);
}

bool imapid_address_is_named(const uint8_t *name, size_t n)
{
    return !imapid_field_holds_version(name, n);
}

void imapid_address_take_origin(const uint8_t *data, const struct imapid_pair *pair,
                                struct imapid_end *origin)
{
    const uint8_t *name = data + pair->field.content.offset;
    size_t n = pair->field.content.n;
    uint8_t port[5];

    if (pair->field.kind < IMAPID_STRING_QUOTED)
        return;
    if (!origin->family && imapid_field_forwards_address(name, n))
        imapid_address_read(data, &pair->value, origin);
    if (imapid_octets_is(name, n, "x-originating-port"))
        imapid_end_read_port(origin, port, copy_value(data, &pair->value, port, sizeof port));
}

proto_item *imapid_address_add(proto_tree *tree, int hf_ipv4, int hf_ipv6, tvbuff_t *tvb,
                               int offset, int n, const struct imapid_end *end)
{
    ws_in4_addr ipv4;

    memcpy(&ipv4, end->address, sizeof ipv4);
    if (end->family == 4)
        return proto_tree_add_ipv4(tree, hf_ipv4, tvb, offset, n, ipv4);
    return end->family ? proto_tree_add_ipv6(tree, hf_ipv6, tvb, offset, n,
                                             (const ws_in6_addr *)(const void *)end->address)
                       : NULL;
}
