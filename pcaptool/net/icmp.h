/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_ICMP_H
#define IMAPID_NET_ICMP_H

#include "net/conn.h"
#include "net/ip.h"

#define IMAPID_IP_ICMP  1
#define IMAPID_IP_ICMP6 58

/* Reads an error: *quoted is then the packet that it is about, of which at least the first eight octets of TCP are
 * there. Its pointers are into `ip`'s packet; it is on the path of `ip`. *says is what it says of that. False: it is no
 * error, or quotes no TCP. */
bool imapid_icmp_read(const struct imapid_ip *ip, struct imapid_ip *quoted,
                      struct imapid_icmp *says);

#endif
