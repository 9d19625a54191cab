/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.h: Statistics > IMAP, and `-z imapid,tree`, `-z imapid,clients`: who is out there. */
#ifndef IMAPID_DISSECTOR_STATS_H
#define IMAPID_DISSECTOR_STATS_H

#include "stream.h"

/* Registers the tap and the statistics. */
void imapid_stats_register(void);
void imapid_stats_handoff(void);

/* Counts an ID command or response that is shown. On every visit, with or without a tree. */
void imapid_stats_count(packet_info *pinfo, const struct imapid_stream *stream,
                        const struct imapid_ident *ident);

/* Counts a connection that stays closed. */
void imapid_stats_count_closed(packet_info *pinfo);

/* Counts a connection that gave way: see budget.h. */
void imapid_stats_count_not_kept(packet_info *pinfo);

#endif
