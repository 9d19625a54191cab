/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_GRE_H
#define IMAPID_NET_GRE_H

#include "net/layer.h"

/* GRE and what is found in it alone, as lines of the table of link layers: each takes its header
 * off and says what follows. The cursor has at least 4, 8, 12 and 1 octets. */
enum imapid_layer imapid_gre_strip(struct imapid_cursor *cursor);
enum imapid_layer imapid_gre_strip_erspan2(struct imapid_cursor *cursor);
enum imapid_layer imapid_gre_strip_erspan3(struct imapid_cursor *cursor);
enum imapid_layer imapid_gre_strip_wccp(struct imapid_cursor *cursor);

#endif
