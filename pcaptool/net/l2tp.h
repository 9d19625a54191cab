/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_L2TP_H
#define IMAPID_NET_L2TP_H

#include "net/layer.h"

/* Takes the header off that begins at the cursor, in a UDP datagram or, of version 3, in an IP
 * datagram, and says what follows. OTHER: control. UNREAD: the number is that of the IP protocol. */
enum imapid_layer imapid_l2tp_enter(struct imapid_cursor *cursor);
enum imapid_layer imapid_l2tp_enter3(struct imapid_cursor *cursor);

#endif
