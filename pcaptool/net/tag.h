/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_TAG_H
#define IMAPID_NET_TAG_H

#include "net/layer.h"

/* Tags that switches put between MAC addresses and IP, as lines of the table of link layers: each
 * takes its header off and says what follows. The cursor stands behind the EtherType that announces
 * the tag, or, of DSA and Broadcom, at the beginning of the frame. It has as many octets as the
 * line in link.c says. */
enum imapid_layer imapid_tag_strip_vn(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_e(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_trustsec(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_trustsec_gre(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_ttag(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_arista(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_pbb(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_macsec(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_fabricpath(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_realtek(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_nsh(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_dsa(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_edsa(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_broadcom(struct imapid_cursor *cursor);
enum imapid_layer imapid_tag_strip_broadcom_first(struct imapid_cursor *cursor);

#endif
