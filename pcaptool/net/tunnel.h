/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_TUNNEL_H
#define IMAPID_NET_TUNNEL_H

#include "net/decode.h"
#include "net/ip.h"

/* IP headers of one packet, the innermost one's included: GTP in IPsec in VXLAN has four. */
#define IMAPID_TUNNEL_N_MAX 5

/* Whether an IP datagram of this protocol can be a tunnel: what is worth putting together of its
 * fragments. */
bool imapid_tunnel_is_possible(uint8_t protocol);

/* What is inside an IP datagram that is whole and does not carry TCP: the layer that begins at
 * *cursor, which is set. OTHER: it is no tunnel; CUT: one that is not in the capture; UNREAD: one
 * that is not read, or a protocol that is not known. decode may be NULL. */
enum imapid_layer imapid_tunnel_enter(const struct imapid_decode *decode,
                                      const struct imapid_ip *ip, struct imapid_cursor *cursor);

#endif
