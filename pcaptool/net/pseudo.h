/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_PSEUDO_H
#define IMAPID_NET_PSEUDO_H

#include "net/layer.h"

/* Headers that no wire has: what systems and routers write before a packet that they capture; and
 * rare links. Lines of the table of link layers: each takes its header off and says what follows.
 * The cursor has as many octets as the line in link.c says. */
enum imapid_layer imapid_pseudo_strip_nflog(struct imapid_cursor *cursor);
enum imapid_layer imapid_pseudo_strip_pflog(struct imapid_cursor *cursor);
enum imapid_layer imapid_pseudo_strip_pktap(struct imapid_cursor *cursor);
enum imapid_layer imapid_pseudo_strip_pktap_user2(struct imapid_cursor *cursor);
enum imapid_layer imapid_pseudo_strip_enc(struct imapid_cursor *cursor);
enum imapid_layer imapid_pseudo_strip_ipnet(struct imapid_cursor *cursor);
enum imapid_layer imapid_pseudo_strip_juniper_ethernet(struct imapid_cursor *cursor);
enum imapid_layer imapid_pseudo_strip_fddi(struct imapid_cursor *cursor);
enum imapid_layer imapid_pseudo_strip_ipoib(struct imapid_cursor *cursor);
enum imapid_layer imapid_pseudo_strip_slip(struct imapid_cursor *cursor);

#endif
