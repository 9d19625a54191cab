/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_FATE_H
#define IMAPID_FOLLOW_FATE_H

#include "follow/layers.h"
#include "record/record.h"

#include <imapid/say.h>

/* What became of a connection: what TCP, TLS and DEFLATE saw, put beside what the session says. */
struct imapid_fate {
    const GArray *files; /* struct imapid_frames_file */
    const struct imapid_conn *conn;
    int client;                         /* the client's direction */
    const struct imapid_stamp *started; /* by direction: the packet with its first octets */
    const enum imapid_opening *opening; /* by direction: what they are */
    const bool *is_tail_lost;           /* by direction: its last octets are missing */
    const struct imapid_layers *layers; /* NULL: none */
    bool is_starttls;                   /* TLS was agreed on by STARTTLS */
    const struct imapid_stamp *plain;   /* by direction: words where TLS should begin behind that */
    struct imapid_stamp ssl2;           /* the client's hello, in the form of SSL 2.0; or none */
    const char *not_decrypted;          /* why not all could be read; NULL */
    const char *greets_as;              /* see imapid_verdict_greeting(); NULL */
};

/* What a record points to. */
struct imapid_fate_told {
    struct imapid_milestones milestones;
    struct imapid_say say;
};

/* Sets `ended`, `outcome`, `healthy`, `milestones` and the place of the TLS of the record. Its text is good
 * as long as `outcome`; `told` is filled, and has to live as long as the record. `login` is NULL where the
 * session was not read. */
void imapid_fate_tell(const struct imapid_fate *fate, const struct imapid_outcome *outcome,
                      const struct imapid_login *login, struct imapid_fate_told *told,
                      struct imapid_record_session *record);

#endif
