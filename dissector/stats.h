/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.h: Statistics > IMAP ID, and `-z imapid,tree`, `-z imapid,clients`: who is out there; and the tap
 * that its statistics and those of tables.c listen to. */
#ifndef IMAPID_DISSECTOR_STATS_H
#define IMAPID_DISSECTOR_STATS_H

#include "stream.h"

/* What a listener of the tap "imapid" gets; in the packet's pool, as its texts are, which are escaped. */
struct imapid_counted {
    const char
        *unread; /* heading of a connection that was not read, and of which nothing else is told;
                           NULL: it was */
    enum imapid_side side;
    const struct imapid_stream *stream;
    const char *name; /* what stands for the program; never NULL, but where it was not read */
    const char *version, *os, *vendor; /* NULL: not sent */
    const nstime_t
        *asked;    /* of a response: when its command ended; NULL: not known, or later than it */
    bool is_first; /* of its packet */
};

/* Registers the tap and the statistics. `proto`: the protocol's number. */
void imapid_stats_register(int proto);
void imapid_stats_handoff(void);

/* Counts an ID command or response that is shown. On every visit, with or without a tree. */
void imapid_stats_count(packet_info *pinfo, const struct imapid_stream *stream,
                        const struct imapid_ident *ident);

/* Counts a connection that stays closed. */
void imapid_stats_count_closed(packet_info *pinfo);

/* Counts a connection that gave way: see budget.h. */
void imapid_stats_count_not_kept(packet_info *pinfo);

#endif
