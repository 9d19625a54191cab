/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proxy.h: the header that a proxy puts before the octets of a client, versions 1 and 2 of the
 * PROXY protocol (HAProxy's proxy-protocol.txt). */
#ifndef IMAPID_PROXY_H
#define IMAPID_PROXY_H

#include <stddef.h>
#include <stdint.h>

enum imapid_proxy_status {
    IMAPID_PROXY_NOT,  /* the connection does not begin with a header */
    IMAPID_PROXY_MORE, /* so far it looks like one; show all again, with more */
    IMAPID_PROXY_OK
};

/* The client whom the proxy speaks for. */
struct imapid_proxy_header {
    size_t n;            /* octets of the header */
    uint8_t family;      /* 4 or 6; 0: it does not say */
    uint8_t address[16]; /* in network order; IPv4 has 4, the rest is 0 */
    uint16_t port;
};

/* Reads the first octets of a connection. *header is set with OK only. MORE is only returned for
 * fewer octets than a header can have: 107 in version 1, 4096 in version 2. */
enum imapid_proxy_status imapid_proxy_parse(const uint8_t *octets, size_t n,
                                            struct imapid_proxy_header *header);

#endif
