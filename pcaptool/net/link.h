/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_LINK_H
#define IMAPID_NET_LINK_H

#include "net/layer.h"

/* Takes layers off, the first one being `layer`, until one that is none of a link. Returns that
 * one; with UNREAD, cursor->unread is set. */
enum imapid_layer imapid_link_strip(enum imapid_layer layer, struct imapid_cursor *cursor);

#endif
