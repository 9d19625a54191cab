/* SPDX-License-Identifier: GPL-2.0-or-later */
/* end.h: one end of a connection, an address and a port, and how texts spell both. */
#ifndef IMAPID_END_H
#define IMAPID_END_H

#include <imapid/octets.h>

/* The struct has no padding: it may be hashed and compared as octets. */
struct imapid_end {
    uint8_t address[16]; /* in network order; IPv4 has 4, the rest is 0 */
    uint16_t port;       /* 0: not told */
    uint16_t family;     /* 4 or 6; 0: not told */
};

/* Reads an address of IPv4 or IPv6 that takes up the whole text, which needs no NUL at its end.
 * True: address and family of *end are set, the port stays. False: it is no address, or more than
 * one (a port, a mask, a zone); *end stays as it was. */
bool imapid_end_read_address(struct imapid_end *end, const uint8_t *text, size_t n);

/* Reads a port, 1 to 65535, in decimal digits that take up the whole text. True: the port of *end
 * is set. False: it is no port; *end stays as it was. */
bool imapid_end_read_port(struct imapid_end *end, const uint8_t *text, size_t n);

/* Orders ends by family, address and port. Returns less than 0, 0 or more than 0. */
int imapid_end_compare(const struct imapid_end *a, const struct imapid_end *b);

#endif
