/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address.c: addresses in the values of an ID list.
 *
 * Refuses a value that is more than an address: a list of them, or one with a port.
 *
 * Misuse: looking for an address in any field: a version can look like one. */
#include "address.h"

#include <string.h>
#include <wsutil/inet_addr.h>
#include <wsutil/strtoi.h>

#include <imapid/fields.h>

/* The text of a short value, in `text`; false where it is none, or too long. */
static bool copy_value(const uint8_t *data, const struct imapid_string *value, char *text,
                       size_t size)
{
    size_t n;

    if (value->kind < IMAPID_STRING_QUOTED || value->content.n >= size)
        return false;
    n = imapid_string_decode(data, value, (uint8_t *)text, size - 1);
    text[n] = 0;
    return n && !memchr(text, 0, n);
}

bool imapid_address_read(const uint8_t *data, const struct imapid_string *value,
                         struct imapid_origin *origin)
{
    char text[WS_INET6_ADDRSTRLEN];

    if (!copy_value(data, value, text, sizeof text))
        return false;
    memset(origin->address, 0, sizeof origin->address);
    if (ws_inet_pton4(text, (ws_in4_addr *)(void *)origin->address))
        origin->family = 4;
    else if (ws_inet_pton6(text, (ws_in6_addr *)(void *)origin->address))
        origin->family = 6;
    else
        return false;
    return true;
}

static bool ends_with(const uint8_t *name, size_t n, const char *end)
{
    size_t n_end = strlen(end);

    return n >= n_end && imapid_octets_is(name + n - n_end, n_end, end);
}

bool imapid_address_is_named(const uint8_t *name, size_t n)
{
    static const char *const ends[] = {"ip", "ipv4", "ipv6", "addr", "address", "host", "-for"};

    if (imapid_field_find(name, n) != IMAPID_FIELD_OTHER)
        return false;
    for (size_t i = 0; i < array_length(ends); i++)
        if (ends_with(name, n, ends[i]))
            return true;
    return false;
}

/* Takes what a pair says about an end: the first address of the fields whose name `holds_address`
 * says yes to, and the port of `port_name`. */
static void take_pair(const uint8_t *data, const struct imapid_pair *pair,
                      bool (*holds_address)(const uint8_t *name, size_t n), const char *port_name,
                      struct imapid_origin *end)
{
    const uint8_t *name = data + pair->field.content.offset;
    size_t n = pair->field.content.n;
    char port[6];

    if (pair->field.kind < IMAPID_STRING_QUOTED)
        return;
    if (!end->family && holds_address(name, n))
        imapid_address_read(data, &pair->value, end);
    if (imapid_octets_is(name, n, port_name) && copy_value(data, &pair->value, port, sizeof port))
        ws_strtou16(port, NULL, &end->port);
}

void imapid_address_take_origin(const uint8_t *data, const struct imapid_pair *pair,
                                struct imapid_origin *origin)
{
    take_pair(data, pair, imapid_field_forwards_address, "x-originating-port", origin);
}

static bool is_connected_ip(const uint8_t *name, size_t n)
{
    return imapid_octets_is(name, n, "x-connected-ip");
}

void imapid_address_connected(const struct imapid_ident *ident, struct imapid_origin *connected)
{
    struct imapid_list list;
    struct imapid_pair pair;

    memset(connected, 0, sizeof *connected);
    imapid_list_begin(&list, &ident->unit);
    while (imapid_list_next(&list, &pair))
        take_pair(ident->unit.data, &pair, is_connected_ip, "x-connected-port", connected);
}

proto_item *imapid_address_add(proto_tree *tree, int hf_ipv4, int hf_ipv6, tvbuff_t *tvb,
                               int offset, int n, const struct imapid_origin *end)
{
    ws_in4_addr ipv4;

    memcpy(&ipv4, end->address, sizeof ipv4);
    if (end->family == 4)
        return proto_tree_add_ipv4(tree, hf_ipv4, tvb, offset, n, ipv4);
    return end->family ? proto_tree_add_ipv6(tree, hf_ipv6, tvb, offset, n,
                                             (const ws_in6_addr *)(const void *)end->address)
                       : NULL;
}
