/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_FATE_H
#define IMAPID_FOLLOW_FATE_H

#include "follow/layers.h"
#include "record/record.h"

#include <imapid/verdict.h>

/* What became of a connection: what TCP, TLS and DEFLATE saw, put beside what the session says. */
struct imapid_fate {
    const GArray *files; /* struct imapid_frames_file */
    const struct imapid_conn *conn;
    int client;                         /* the client's direction */
    const struct imapid_stamp *started; /* by direction: the packet with its first octets */
    const struct imapid_layers *layers; /* NULL: none */
    const char *not_decrypted;          /* why not all could be read; NULL */
    const char *greets_as;              /* see imapid_verdict_protocol(); NULL */
};

/* Sets `ended`, `outcome` and `healthy` of the record. Its text is good as long as `outcome`. */
void imapid_fate_tell(const struct imapid_fate *fate, const struct imapid_outcome *outcome,
                      struct imapid_record_session *record);

#endif
