/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_PROXY_H
#define IMAPID_RECORD_PROXY_H

#include "net/tcp.h"

/* The header that a proxy puts before the octets of a client, versions 1 and 2 of the PROXY
 * protocol. */

enum imapid_proxy_status {
    IMAPID_PROXY_NOT,  /* the connection does not begin with a header */
    IMAPID_PROXY_MORE, /* so far it looks like one; show all again, with more */
    IMAPID_PROXY_OK
};

struct imapid_proxy_header {
    size_t n;                      /* octets of it */
    struct imapid_endpoint client; /* whom the proxy speaks for; family 0: it does not say */
};

/* Reads the first octets of a connection. *header is set with OK only. */
enum imapid_proxy_status imapid_proxy_parse(const uint8_t *octets, size_t n,
                                            struct imapid_proxy_header *header);

#endif
