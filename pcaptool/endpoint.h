/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ENDPOINT_H
#define IMAPID_ENDPOINT_H

#include <imapid/moment.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The ground that net/, tls/ and record/ stand on: who speaks, and when. */

/* One end of a connection. */
struct imapid_endpoint {
    uint8_t address[16]; /* in network order; IPv4 has 4, the rest is 0 */
    uint16_t port;
    uint8_t family; /* 4 or 6 */
};

static inline bool imapid_endpoint_is_same(const struct imapid_endpoint *a,
                                           const struct imapid_endpoint *b)
{
    return a->family == b->family && a->port == b->port &&
           !memcmp(a->address, b->address, sizeof a->address);
}

/* Which packet, and when. */
struct imapid_stamp {
    uint64_t number; /* imapid_packet.number */
    int64_t ts_ns;   /* imapid_packet.ts_ns */
};

#endif
