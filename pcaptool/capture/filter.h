/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_FILTER_H
#define IMAPID_CAPTURE_FILTER_H

#include "capture/packet.h"

/* A libpcap filter expression, compiled once for each link type it meets. Used by one thread at a
 * time. */
struct imapid_filter;

/* NULL when the expression is no filter on any kind of link; *message, to be freed with g_free(),
 * is libpcap's reason. */
struct imapid_filter *imapid_filter_new(const char *expression, char **message);

/* Whether the packet passes. Where the expression has no meaning on the packet's link type (as
 * "ether host" on raw IP) no packet passes. */
bool imapid_filter_match(struct imapid_filter *filter, const struct imapid_packet *packet);

/* NULL is allowed. */
void imapid_filter_free(struct imapid_filter *filter);

#endif
