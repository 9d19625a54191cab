/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_UDP_H
#define IMAPID_NET_UDP_H

#include "net/decode.h"
#include "net/ip.h"

/* The tunnel of a name as tshark's -d spells it ("vxlan"), 0 if there is none. */
unsigned imapid_udp_find_tunnel(const char *name);

/* The name of a tunnel that imapid_udp_find_tunnel() gave, or cursor->unread.tunnel. */
const char *imapid_udp_get_name(unsigned tunnel);

/* The name of the tunnel that a port is registered for, NULL if it is for none. */
const char *imapid_udp_get_port_name(uint16_t port);

/* All names, with ", " between; to be freed with g_free(). */
char *imapid_udp_list_names(void);

/* What is inside a UDP datagram, at *cursor: the layer that begins there. OTHER: it is no tunnel,
 * or a tunnel's own signalling; UNREAD: a tunnel that cannot be read, or a port that nothing is
 * registered for and that what it carries makes look like one (cursor->unread). decode may be NULL.
 */
enum imapid_layer imapid_udp_enter(const struct imapid_decode *decode, const struct imapid_ip *ip,
                                   struct imapid_cursor *cursor);

#endif
