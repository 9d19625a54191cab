/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_WLAN_H
#define IMAPID_NET_WLAN_H

#include "net/layer.h"

/* IEEE 802.11 and the headers that capturing cards put before it, as lines of the table of link
 * layers. The cursor has at least 24 octets, 14 of a subframe, 8 of the others. */
enum imapid_layer imapid_wlan_strip(struct imapid_cursor *cursor);
enum imapid_layer imapid_wlan_strip_swapped(struct imapid_cursor *cursor);
enum imapid_layer imapid_wlan_strip_amsdu(struct imapid_cursor *cursor);
enum imapid_layer imapid_wlan_strip_radiotap(struct imapid_cursor *cursor);
enum imapid_layer imapid_wlan_strip_prism(struct imapid_cursor *cursor);
enum imapid_layer imapid_wlan_strip_avs(struct imapid_cursor *cursor);
enum imapid_layer imapid_wlan_strip_ppi(struct imapid_cursor *cursor);

#endif
