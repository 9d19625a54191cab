/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_FILTER_H
#define IMAPID_CAPTURE_FILTER_H

#include "capture/packet.h"

#include <stddef.h>

/* A libpcap filter expression, compiled once for each link type. It does not change: threads share it. */
struct imapid_filter;

/* For packets of these link types (LINKTYPE_ numbers). NULL when the expression is no filter on any
 * of them; *message, to be freed with g_free(), is libpcap's reason, that of the first of them. */
struct imapid_filter *imapid_filter_new(const char *expression, const uint16_t *link_types,
                                        size_t n_link_types, char **message);

/* Whether the packet passes. Where the expression has no meaning on the packet's link type (as
 * "ether host" on raw IP), or that is none of those given, no packet passes. */
bool imapid_filter_match(const struct imapid_filter *filter, const struct imapid_packet *packet);

/* NULL is allowed. */
void imapid_filter_free(struct imapid_filter *filter);

#endif
